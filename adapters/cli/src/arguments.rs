//! The command line of `sip`, and its help.

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueEnum};
use sip_core::{ExtraHeader, ToneFormat, Tones, TonesError};
use sip_parse::MediaType;

use crate::help;
use crate::listen::Listen;
use crate::secret::Secret;

/// A SIP user agent over WebSocket, from the command line.
///
/// Begin with `sip demo`: it needs no server and no account, and draws everything that happens.
#[derive(Debug, Parser)]
#[command(name = "sip", version, after_help = help::PROGRAM, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a whole conversation: a server and two user agents in this process
    ///
    /// Starts the embedded edge server on a free port of 127.0.0.1 and two user agents, alice and
    /// bob, that speak to it over WebSocket. Both register, alice calls bob and sends him a
    /// message, hangs up, and both unregister. Prints the ladder diagram of it all, then how many
    /// things of each kind happened.
    #[command(after_help = help::DEMO)]
    Demo(Demo),
    /// Run the edge server alone: a registrar and proxy for demos and tests
    ///
    /// It speaks WebSocket without TLS and keeps everything in memory. Runs until Ctrl-C.
    #[command(after_help = help::SERVE)]
    Serve(Serve),
    /// Register, stay registered, unregister
    #[command(after_help = help::REGISTER)]
    Register(Register),
    /// Call a user, report the progress, hang up
    ///
    /// Registers first if there is a URI to register (see --uri). The call has no
    /// sound: its session descriptions are real, but nothing listens at their addresses.
    ///
    /// On a terminal one key does each: h hold or resume, 0-9 * # a-d tone, t transfer, T transfer
    /// after a talk with the target, q hang up, ? help. The flags below do the same for scripts.
    #[command(after_help = help::CALL)]
    Call(Call),
    /// Register, then answer the calls and messages that come in
    ///
    /// On a terminal one key does each, as in sip call, for the newest call.
    #[command(after_help = help::ANSWER)]
    Answer(Answer),
    /// Send one text message and report its outcome
    #[command(after_help = help::MESSAGE)]
    Message(Message),
    /// Ask a user agent or a server for its capabilities
    #[command(after_help = help::OPTIONS)]
    Options(Options),
    /// Send a request of any other method and report its outcome
    ///
    /// Methods that need a state of their own, such as INVITE or SUBSCRIBE, have commands of their own.
    #[command(after_help = help::REQUEST)]
    Request(Request),
    /// Subscribe to an event package and print each state that the notifier reports
    ///
    /// Ends after --count reports, after --for seconds or at Ctrl-C, and unsubscribes.
    #[command(after_help = help::SUBSCRIBE)]
    Subscribe(Subscribe),
    /// Publish a state, such as presence, keep it published, then remove it
    ///
    /// Stays until --for seconds after the first success, or until Ctrl-C. A line on the terminal changes the state (see
    /// --changes).
    #[command(after_help = help::PUBLISH)]
    Publish(Publish),
    /// Watch the presence of people and the own mailbox, a line for each
    ///
    /// On a terminal the lines stay in place and follow each change; elsewhere there is one line for each change.
    #[command(after_help = help::WATCH)]
    Watch(Watch),
    /// Show the effective configuration: each parameter, its value, and where that came from
    ///
    /// Secrets are blacked out. Each fault has its line and column.
    #[command(after_help = help::CONFIG)]
    Config(ShowConfig),
    /// Explain SIP messages: start line, each header, body; or what is wrong, and where
    #[command(after_help = help::PARSE)]
    Parse(Parse),
    /// Draw the messages of traces, logs and captures as a ladder diagram
    ///
    /// Takes what sip parse takes: the output of --trace, logs of tracing with the target sip.trace, what sngrep, ngrep,
    /// sipdump, Asterisk and FreeSWITCH write, and captures of packets (pcap, pcapng). Several files are merged by their times; a
    /// message that two of them have is drawn once.
    #[command(after_help = help::LADDER)]
    Ladder(DrawLadder),
    /// Print the completions of a shell
    ///
    /// bash: source <(sip completions bash), or into ~/.local/share/bash-completion/completions/sip.
    /// zsh: into a file _sip in a folder of $fpath. fish: into ~/.config/fish/completions/sip.fish.
    #[command(after_help = help::COMPLETIONS)]
    Completions(Completions),
    /// Write the manual pages, one for each command
    ///
    /// Without a folder it prints the page of the program, so that sip man | man -l - shows it.
    #[command(after_help = help::MAN)]
    Man(Man),
}

/// Where `sip serve` listens without `--listen`.
pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:5080";

/// The realm of `sip serve` without `--realm`.
pub(crate) const DEFAULT_REALM: &str = "localhost";

/// Which server, which account.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Account")]
pub(crate) struct Account {
    /// Configuration in the JSON form of SIP.js's UA parameters (JSON5 is taken too)
    ///
    /// The other flags go before what the file says. A parameter that this version does not carry
    /// out is refused by name.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// WebSocket server, such as wss://sip.example.com or ws://127.0.0.1:5080; repeat for more
    #[arg(long, value_name = "URL")]
    pub(crate) server: Vec<String>,
    /// Address to be known by, such as sip:alice@example.com
    #[arg(long, value_name = "URI")]
    pub(crate) uri: Option<String>,
    /// Password; other users of this machine can read it in the list of processes
    ///
    /// Better: --password-file, the environment variable SIP_PASSWORD, or the question that the program asks on a
    /// terminal. Flags go before the variable, the variable before --config FILE, and the program asks only
    /// where nothing else names a password. An empty SIP_PASSWORD is no password, without a question.
    #[arg(long, value_name = "PASSWORD", value_parser = secret, conflicts_with = "password_file")]
    pub(crate) password: Option<Secret>,
    /// File whose first line is the password; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Extra root certificate for wss, in PEM form
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Support Replaces (RFC 3891): take a call that replaces one of ours, at once
    ///
    /// Its sender has to name the Call-ID and both tags of the call, which only our peer and its friends
    /// know. Without this flag and without replaces in --config FILE, it is a call as any other.
    #[arg(long)]
    pub(crate) replaces: bool,
    /// The event packages of which the command is the notifier.
    #[arg(skip)]
    pub(crate) event_packages: &'static [&'static str],
    /// What carries the user agent
    #[arg(long, value_enum, default_value_t = Adapter::Tokio)]
    pub(crate) adapter: Adapter,
}

/// What is printed, and how.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Each SIP message on standard error, credentials blacked out
    #[arg(long)]
    pub(crate) trace: bool,
}

/// What stands between the user agent and the operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Adapter {
    /// Asynchronous sockets
    #[default]
    Tokio,
    /// Threads and nothing asynchronous
    Blocking,
}

/// What `sip demo` breaks on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// The server swallows BYE: the call does not end
    DropBye,
    /// Alice's password is wrong: she neither registers nor calls
    BadPassword,
    /// The server cuts bob's WebSocket once he has answered
    KillWs,
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// How many calls, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) calls: u32,
    /// Show one attended transfer among three user agents
    ///
    /// Alice calls bob, holds the call, calls carol, and connects the two.
    #[arg(long, conflicts_with_all = ["calls", "fault"])]
    pub(crate) transfer: bool,
    /// Show how two user agents watch each other's presence
    ///
    /// Alice and bob subscribe, have a call in which both publish that they are on the phone, and
    /// see it of each other. Alice watches her mailbox, too.
    #[arg(long, conflicts_with_all = ["calls", "fault", "transfer"])]
    pub(crate) presence: bool,
    /// Break something: the exit code is then 1, and the last line has other numbers
    #[arg(long, value_enum)]
    pub(crate) fault: Option<Fault>,
    /// What carries the user agents
    #[arg(long, value_enum, default_value_t = Adapter::Tokio)]
    pub(crate) adapter: Adapter,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Where to listen, such as localhost:5080 or [::1]:5080; port 0 takes a free one
    ///
    /// A name stands for each of its addresses.
    #[arg(long, value_name = "HOST:PORT", default_value = DEFAULT_LISTEN)]
    pub(crate) listen: Listen,
    /// A user that may register and call; repeat for more than one
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = user)]
    pub(crate) user: Vec<(String, String)>,
    /// Serve the counters for Prometheus over HTTP at /metrics, such as 127.0.0.1:9090
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) metrics: Option<Listen>,
    /// Serve a page with two phones and the ladder of their messages, for a browser [default: 127.0.0.1:8088]
    ///
    /// Without --user there are then three users with generated passwords: alice and bob, who have the phones, and carol
    /// for `sip answer`. With --user the first two have the phones, and the page asks for their passwords.
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8088")]
    pub(crate) web: Option<Listen>,
    /// A file with SIP.js as one ES module, in place of SIP.js 0.21.2 in the program
    #[arg(long, value_name = "FILE", requires = "web")]
    pub(crate) web_sipjs: Option<PathBuf>,
    /// Realm of the digest challenges, and the domain that the users belong to
    #[arg(long, value_name = "NAME", default_value = DEFAULT_REALM)]
    pub(crate) realm: String,
    /// Forward every SUBSCRIBE and PUBLISH to the user agents of the user
    ///
    /// Without this flag the edge answers SUBSCRIBE for presence, message-summary and reg itself,
    /// and PUBLISH for presence.
    #[arg(long)]
    pub(crate) forward_events: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Register {
    /// Stay for this many seconds; without it until Ctrl-C
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// The body of an INFO with a tone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DtmfFormat {
    /// application/dtmf-relay: tone and duration
    #[default]
    Relay,
    /// application/dtmf: the tone alone
    Plain,
}

impl From<DtmfFormat> for ToneFormat {
    fn from(format: DtmfFormat) -> Self {
        match format {
            DtmfFormat::Relay => Self::Relay,
            DtmfFormat::Plain => Self::Plain,
        }
    }
}

/// What a script does in a call that is up: `sip answer` in each call. All times count from the moment at which the call is up.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "In the call")]
pub(crate) struct InCall {
    /// Put the other side on hold after this long
    #[arg(long, value_name = "SECONDS")]
    pub(crate) hold_after: Option<u64>,
    /// End the hold after this long
    #[arg(long, value_name = "SECONDS", requires = "hold_after")]
    pub(crate) resume_after: Option<u64>,
    /// Send these tones: 0-9, A-D, * and #; a comma pauses for 2 s
    #[arg(long, value_name = "TONES", value_parser = tones)]
    pub(crate) dtmf: Option<Tones>,
    /// How an INFO carries a tone
    #[arg(long, value_enum, default_value_t = DtmfFormat::Relay, requires = "dtmf")]
    pub(crate) dtmf_format: DtmfFormat,
    /// Transfer the other side to this target, then hang up
    ///
    /// The program hangs up if the transfer fails, too, with exit code 1.
    #[arg(long, value_name = "TARGET")]
    pub(crate) transfer: Option<String>,
    /// Transfer after this long
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        requires = "transfer"
    )]
    pub(crate) transfer_after: u64,
    /// Hold the call and call the target first; transfer when that is up
    ///
    /// The target has to support Replaces (RFC 3891), as sip answer --replaces does.
    #[arg(long, requires = "transfer")]
    pub(crate) attended: bool,
    /// Do what the other side asks for by REFER: call the target that it names
    ///
    /// Without it the program refuses every REFER by 603.
    #[arg(long)]
    pub(crate) follow_refer: bool,
    /// Hang up after this long; without it when the other side does, or at Ctrl-C
    #[arg(long, value_name = "SECONDS")]
    pub(crate) hangup_after: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Call {
    /// Whom to call: a SIP URI, or a name in the domain of --uri
    pub(crate) target: String,
    /// Caller that From names in place of --uri, such as a number that the server lets this account use
    #[arg(long, value_name = "URI", conflicts_with = "anonymous")]
    pub(crate) from: Option<String>,
    /// Hide the identity of the caller from the other side
    #[arg(long)]
    pub(crate) anonymous: bool,
    /// Give up an unanswered call after this long, and say so to the other side (Expires)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) expires: Option<u32>,
    /// Call up to this many other targets that a redirection (3xx) names
    ///
    /// Without it a redirected call has failed, and the targets are shown.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) follow_redirects: u8,
    /// Leave the offer to the other side: the INVITE has no session description
    #[arg(long)]
    pub(crate) late_offer: bool,
    /// Header field for the INVITE; repeat for more
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) header: Vec<ExtraHeader>,
    #[command(flatten)]
    pub(crate) in_call: InCall,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Answer {
    /// Stay for this many seconds; without it until Ctrl-C
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
    /// Ring this long before answering, or until the caller gives up
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) ring: u64,
    /// Send 183 with a session description while the call rings: early media
    ///
    /// It is reliable (RFC 3262) if the caller and rel100 in --config FILE allow that.
    #[arg(long, conflicts_with = "reject")]
    pub(crate) progress: bool,
    /// Take subscriptions to presence and dialog, and report whether this side is free or in a call
    ///
    /// Every subscriber is accepted. Without this flag every subscription is refused.
    #[arg(long)]
    pub(crate) presence: bool,
    /// Refuse calls with this status code (300 to 699) instead of answering them
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(300..=699))]
    pub(crate) reject: Option<u16>,
    /// Refuse messages with this status code (300 to 699) instead of answering 200
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(300..=699))]
    pub(crate) refuse_messages: Option<u16>,
    #[command(flatten)]
    pub(crate) in_call: InCall,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Message {
    /// Whom to write to: a SIP URI, or a name in the domain of --uri
    pub(crate) target: String,
    /// What to write
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Whom to ask: a SIP URI, or a name in the domain of --uri
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Request {
    /// Name of the method, such as INFO or one of an extension
    pub(crate) method: String,
    /// Where to send it: a SIP URI, or a name in the domain of --uri
    pub(crate) target: String,
    /// Header field for the request; repeat for more
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) header: Vec<ExtraHeader>,
    /// File with the body; - is standard input
    #[arg(long, value_name = "FILE", requires = "content_type")]
    pub(crate) body: Option<PathBuf>,
    /// Media type of the body
    #[arg(long, value_name = "TYPE", requires = "body", value_parser = media_type)]
    pub(crate) content_type: Option<String>,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Subscribe {
    /// What to subscribe to: a SIP URI, or a name in the domain of --uri
    pub(crate) target: String,
    /// Event package, such as presence, message-summary, dialog or reg
    #[arg(long, value_name = "PACKAGE", value_parser = token)]
    pub(crate) event: String,
    /// The id that tells apart several subscriptions to one package
    #[arg(long, value_name = "ID", value_parser = token)]
    pub(crate) id: Option<String>,
    /// How long each SUBSCRIBE asks for; the notifier may shorten it
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 3_600,
        conflicts_with = "poll"
    )]
    pub(crate) expires: u32,
    /// Media type to take, in place of that of the package; repeat for more
    #[arg(long, value_name = "TYPE", value_parser = media_type)]
    pub(crate) accept: Vec<String>,
    /// Ask for the state once, without a subscription that lasts
    #[arg(long)]
    pub(crate) poll: bool,
    /// Do not subscribe anew when the notifier ends the subscription and allows that
    #[arg(long)]
    pub(crate) once: bool,
    /// End after this many reports
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// End after this many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Whether a person can be reached (RFC 3863 section 4.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Basic {
    /// Takes calls and messages
    Open,
    /// Does not
    Closed,
}

/// What a person does (RFC 4480 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Activity {
    /// Busy
    Busy,
    /// Away
    Away,
    /// In a call
    OnThePhone,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("state").required(true).args(["basic", "body"]))]
pub(crate) struct Publish {
    /// Whose state it is, if not that of --uri: a SIP URI, or a name in its domain
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Event package
    #[arg(long, value_name = "PACKAGE", default_value = "presence", value_parser = token)]
    pub(crate) event: String,
    /// Presence: whether the person takes calls and messages
    #[arg(long, value_enum)]
    pub(crate) basic: Option<Basic>,
    /// Presence: a note for people
    #[arg(long, value_name = "TEXT", requires = "basic")]
    pub(crate) note: Option<String>,
    /// Presence: what the person does
    #[arg(long, value_enum, requires = "basic")]
    pub(crate) activity: Option<Activity>,
    /// File with the state; - is standard input
    #[arg(long, value_name = "FILE", requires = "content_type")]
    pub(crate) body: Option<PathBuf>,
    /// Media type of the state in --body
    #[arg(long, value_name = "TYPE", requires = "body", value_parser = media_type)]
    pub(crate) content_type: Option<String>,
    /// How long each PUBLISH asks for; the server may shorten it
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) expires: u32,
    /// Take changes of the state from standard input, one a line
    ///
    /// A line is open or closed, then perhaps busy, away or on-the-phone, then perhaps a note, as in: open busy in a
    /// meeting. With --body a line is the path of a file with the new state. The line q ends the command. On a
    /// terminal the program takes lines without this flag.
    #[arg(long)]
    pub(crate) changes: bool,
    /// Remove the state after this many seconds; without it at Ctrl-C
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// Whom to watch: SIP URIs, or names in the domain of --uri; without one, the own mailbox
    pub(crate) target: Vec<String>,
    /// Watch the own mailbox (message-summary), too
    #[arg(long)]
    pub(crate) mwi: bool,
    /// Watch the calls of each person (dialog) in place of the presence
    #[arg(long, requires = "target")]
    pub(crate) dialog: bool,
    /// End after this many seconds; without it at Ctrl-C
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct ShowConfig {
    /// Configuration in the JSON form of SIP.js's UA parameters (JSON5 is taken too); without it,
    /// the defaults
    #[arg(value_name = "FILE", conflicts_with = "config")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Parse {
    /// Files with SIP messages; - is standard input
    ///
    /// A file is one message, several one after the other, a capture as text (>>> and <<< lines,
    /// sngrep, Kamailio's sipdump, ngrep, logs of Asterisk), or a capture of packets (pcap, pcapng)
    /// with UDP, TCP and WebSocket without TLS.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// One JSON object a message
    #[arg(long)]
    pub(crate) json: bool,
    /// Take for a fault whatever the grammar of RFC 3261 section 25 does not allow
    ///
    /// Without it, what a lenient receiver lets pass is a warning.
    #[arg(long, conflicts_with = "answer")]
    pub(crate) strict: bool,
    /// Show what a user agent with default configuration would do with the message
    ///
    /// It owns the Request-URI of a request and waits for no response. One JSON object a message,
    /// with the verdict accept, answer or drop, and the whole response that would go out.
    #[arg(long)]
    pub(crate) answer: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DrawLadder {
    /// Files with SIP messages; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Draw only the messages whose Call-ID begins with this; repeat for more
    #[arg(long, value_name = "ID")]
    pub(crate) call: Vec<String>,
    /// Draw at most this many messages
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Folder for the pages, such as ~/.local/share/man/man1; made if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

fn header(text: &str) -> Result<ExtraHeader, String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    ExtraHeader::new(name.trim(), value.trim()).map_err(|error| error.to_string())
}

/// An event package or its id (RFC 6665 section 8.4).
fn token(text: &str) -> Result<String, String> {
    if sip_parse::is_token(text.as_bytes()) {
        Ok(text.to_owned())
    } else {
        Err("expected a token, such as presence".to_owned())
    }
}

fn media_type(text: &str) -> Result<String, String> {
    match MediaType::parse(text.as_bytes()) {
        Ok(_) if !text.contains(char::is_control) => Ok(text.to_owned()),
        Ok(_) => Err("expected a single line".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn secret(text: &str) -> Result<Secret, String> {
    match text {
        "" => Err("expected a password; without one leave the flag out".to_owned()),
        text => Ok(Secret::from(text)),
    }
}

fn tones(text: &str) -> Result<Tones, TonesError> {
    Tones::new(text)
}

impl Arguments {
    /// Reads the command line; ends the process with help or the fault, if there is one.
    pub(crate) fn read() -> Self {
        Self::try_parse().unwrap_or_else(|error| without_password(error).exit())
    }
}

/// The error without the value of `--user`, which has a password although something in front of it is missing.
fn without_password(mut error: clap::Error) -> clap::Error {
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    if argument.is_some_and(|argument| argument.starts_with("--user ")) {
        let hidden = ContextValue::String("[redacted]".to_owned());
        error.insert(ContextKind::InvalidValue, hidden);
    }
    error
}

fn user(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, password)) if !name.is_empty() => Ok((name.to_owned(), password.to_owned())),
        _ => Err("expected NAME:PASSWORD".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn an_error_has_no_password() {
        for user in ["hunter2", "alice=hunter2", ":hunter2"] {
            let error = Arguments::try_parse_from(["sip", "serve", "--user", user]).unwrap_err();
            let error = without_password(error).to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("expected NAME:PASSWORD"), "{error}");
        }
        let error = Arguments::try_parse_from(["sip", "serve", "--listen", "nowhere"]).unwrap_err();
        assert!(without_password(error).to_string().contains("'nowhere'"));
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    /// The words of an example: blanks separate them, single quotes hold them together.
    fn words(example: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut is_quoted = false;
        for character in example.chars() {
            match character {
                '\'' => is_quoted = !is_quoted,
                ' ' if !is_quoted => words.push(String::new()),
                character => words.last_mut().unwrap().push(character),
            }
        }
        words
    }

    /// The help of every command has examples that the command takes, and its exit codes.
    #[test]
    fn every_help_has_examples_that_are_sound() {
        let program = Arguments::command();
        let mut all: Vec<&clap::Command> = program.get_subcommands().collect();
        all.push(&program);
        for command in all {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_else(|| panic!("{name} has no examples"));
            assert!(help.contains("Exit codes:\n  0  "), "{name}");
            let examples = help.lines().filter(|line| line.starts_with("  sip "));
            let mut count = 0;
            for example in examples {
                let words = words(example.trim());
                assert!(name == "sip" || words[1] == name, "{name}: {example}");
                let read = Arguments::try_parse_from(&words);
                assert!(read.is_ok(), "{example}: {}", read.unwrap_err());
                count += 1;
            }
            assert!(count > 0, "{name}");
        }
    }

    #[test]
    fn a_user_is_a_name_and_a_password() {
        assert_eq!(
            user("alice:a:b"),
            Ok(("alice".to_owned(), "a:b".to_owned()))
        );
        assert!(user("alice").is_err());
        assert!(user(":secret").is_err());
    }

    #[test]
    fn a_package_is_a_token_and_a_media_type_has_two_parts() {
        assert_eq!(token("presence.winfo"), Ok("presence.winfo".to_owned()));
        for wrong in ["", "a b", "a;b", "a/b", "\u{e4}"] {
            assert!(token(wrong).is_err(), "{wrong}");
        }
        assert!(media_type("application/pidf+xml").is_ok());
        for wrong in ["", "text", "text/", "text/plain\r\n", "x y/z"] {
            assert!(media_type(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_header_field_is_a_name_and_a_value() {
        let room = ExtraHeader::new("X-Room", "12:30").unwrap();
        assert_eq!(header("X-Room: 12:30"), Ok(room));
        for wrong in ["X-Room", ": 12", "X Room: 12", "Via: 12", "X-Room: 1\r\n2"] {
            assert!(header(wrong).is_err(), "{wrong}");
        }
    }
}
