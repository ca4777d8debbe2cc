//! The spans and outcomes of a run, as a subscriber of `tracing` gets them. The time is a variable.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sip_core::config::{Config, LogLevel};
use sip_core::connection::DisconnectReason;
use sip_core::{
    Body, ConnectionId, ConnectionInfo, Event, InviteOptions, Limits, SessionId, Timestamp,
    Transport,
};
use sip_host::{Hooks, Host, Job, command};
use tracing::Subscriber;
use tracing::span::{Attributes, Id};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

/// The spans that are open, and how many there have been.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<(BTreeMap<u64, &'static str>, usize)>>);

impl Open {
    fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.0.lock().unwrap().0.values().copied().collect();
        names.sort_unstable();
        names
    }

    fn total(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Open {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut open = self.0.lock().unwrap();
        open.1 += 1;
        let name = attributes.metadata().name();
        assert_eq!(open.0.insert(id.into_u64(), name), None);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let closed = self.0.lock().unwrap().0.remove(&id.into_u64());
        assert!(closed.is_some(), "a span is closed once");
    }
}

/// What is printed.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}

/// An agent whose far end is the test.
struct Phone {
    host: Host,
    now: Timestamp,
    connection: Option<ConnectionId>,
    sent: Vec<String>,
}

impl Phone {
    fn new(change: impl FnOnce(&mut sip_core::config::ConfigBuilder)) -> Self {
        let mut builder = Config::builder();
        builder
            .uri("sip:alice@example.com")
            .server("wss://sip.example.com")
            .password("a-secret");
        change(&mut builder);
        let config = builder.build().unwrap();
        let now = Timestamp::ZERO;
        let hooks = Hooks::default();
        let mut phone = Self {
            host: Host::new(&config, Limits::default(), hooks, [7; 32], now).unwrap(),
            now,
            connection: None,
            sent: Vec::new(),
        };
        phone.carry_out();
        phone
    }

    fn carry_out(&mut self) {
        while let Some(job) = self.host.next_job(self.now) {
            match job {
                Job::Connect(connection, _) => self.connection = Some(connection),
                Job::Transmit(_, bytes) => {
                    self.sent.push(String::from_utf8(bytes.to_vec()).unwrap());
                }
                Job::Event(Event::DescriptionNeeded {
                    session, exchange, ..
                }) => {
                    let ours = Ok(Body::sdp("v=0\r\n"));
                    self.host.described(session, exchange, ours, self.now);
                }
                _ => {}
            }
        }
    }

    fn wait(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while let Some(due) = self.host.next_tick().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.host.tick(self.now);
            self.carry_out();
        }
        self.now = end;
    }

    fn open(&mut self) {
        let info = ConnectionInfo {
            transport: Transport::Wss,
            remote: None,
        };
        let connection = self.connection.unwrap();
        self.host.opened(connection, info, self.now);
        self.carry_out();
    }

    fn receive(&mut self, message: String) {
        let connection = self.connection.unwrap();
        self.host
            .received(connection, Bytes::from(message), self.now);
        self.carry_out();
    }

    /// The last message sent, whose first line starts with `start`.
    fn sent(&mut self, start: &str) -> String {
        let message = self.sent.pop().expect(start);
        assert!(message.starts_with(start), "{start}: {message}");
        message
    }

    /// The far end answers the last message, a request of this method.
    fn answer(&mut self, method: &str, status: &str, more: &str) -> String {
        let request = self.sent(&format!("{method} "));
        self.receive(response(&request, status, more));
        request
    }

    fn invite(&mut self, target: &str) -> SessionId {
        let invite = command::invite(target.to_owned(), InviteOptions::default());
        let call = self.host.command(invite, self.now).unwrap();
        self.carry_out();
        call
    }

    fn hang_up(&mut self, call: SessionId) {
        self.host.command(command::hang_up(call), self.now).unwrap();
        self.carry_out();
    }
}

fn value<'a>(message: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut values = message
        .lines()
        .filter_map(|line| line.strip_prefix(&*prefix));
    values.next().unwrap_or_else(|| panic!("{name}: {message}"))
}

/// A response to `request`; with a Contact it has a session description, too.
fn response(request: &str, status: &str, more: &str) -> String {
    let tag = match value(request, "To").contains(";tag=") {
        true => "",
        false => ";tag=server",
    };
    let body = match more.contains("Contact: <sip:bob") {
        true => "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
        false => "Content-Length: 0\r\n\r\n",
    };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}{body}",
        value(request, "Via"),
        value(request, "From"),
        value(request, "To"),
        value(request, "Call-ID"),
        value(request, "CSeq"),
    )
}

const BOB: &str = "Contact: <sip:bob@bob.invalid;transport=ws>\r\n";

/// Runs `script` under a subscriber of this level; returns what it printed, and the spans.
fn observed(
    level: tracing::level_filters::LevelFilter,
    script: impl FnOnce(&Lines, &Open),
) -> (Lines, Open) {
    let (lines, open) = (Lines::default(), Open::default());
    let print = tracing_subscriber::fmt::layer()
        .without_time()
        .with_ansi(false)
        .with_writer(lines.clone());
    let subscriber = Registry::default()
        .with(print)
        .with(open.clone())
        .with(level);
    tracing::subscriber::with_default(subscriber, || script(&lines, &open));
    (lines, open)
}

/// Registers, sends a message, calls, is called, and loses the connection.
fn run(phone: &mut Phone) {
    phone.wait(20);
    phone.open();
    phone.wait(5);
    let register = phone.sent("REGISTER ");
    let granted = format!("Contact: {};expires=600\r\n", value(&register, "Contact"));
    phone.receive(response(&register, "200 OK", &granted));
    let message = command::message("bob".to_owned(), "Hello".to_owned());
    phone.host.command(message, phone.now).unwrap();
    phone.carry_out();
    phone.wait(40);
    phone.answer("MESSAGE", "202 Accepted", "");
    let call = phone.invite("bob");
    phone.wait(100);
    let invite = phone.sent("INVITE ");
    phone.receive(response(&invite, "180 Ringing", ""));
    phone.wait(1_400);
    phone.receive(response(&invite, "200 OK", BOB));
    phone.sent("ACK ");
    phone.wait(12_000);
    phone.hang_up(call);
    phone.answer("BYE", "200 OK", "");
    phone.invite("carol");
    phone.wait(30);
    phone.answer("INVITE", "486 Busy Here", "");
    phone.sent("ACK ");
    phone.wait(2_000);
    let connection = phone.connection.unwrap();
    phone
        .host
        .closed(connection, DisconnectReason::Lost, phone.now);
    phone.carry_out();
}

/// A call identifier is random, so that a test compares its length alone.
fn without_call_ids(lines: Vec<String>) -> Vec<String> {
    let mask = |line: String| match line.split_once("call_id=\"") {
        Some((before, rest)) => {
            let (id, after) = rest.split_once('"').unwrap();
            assert!(!id.is_empty());
            format!("{before}call_id=\"..\"{after}")
        }
        None => line,
    };
    lines.into_iter().map(mask).collect()
}

/// One line for each outcome, in the span of its subject, with the time that it took.
#[test]
fn a_run_can_be_read_afterwards() {
    let (lines, _) = observed(tracing::level_filters::LevelFilter::INFO, |_, open| {
        let mut phone = Phone::new(|_| {});
        run(&mut phone);
        assert_eq!(open.names(), ["agent"]);
        drop(phone);
        assert_eq!(
            open.names(),
            [""; 0],
            "the end of the agent closes its spans"
        );
        assert_eq!(
            open.total(),
            5,
            "agent, registration, request and two calls"
        );
    });
    let printed = without_call_ids(lines.take());
    println!("{}", printed.join("\n"));
    let agent = "agent{aor=\"sip:alice@example.com\"}";
    let server = "server=wss://sip.example.com";
    let registration = format!("INFO {agent}:registration: sip.registration:");
    let request =
        format!("INFO {agent}:request{{method=\"MESSAGE\" peer=\"sip:bob@example.com\"}}: sip.ua:");
    let call = |id: u32, peer: &str| {
        format!(
            "INFO {agent}:call{{id={id} direction=\"out\" peer=\"sip:{peer}@example.com\" call_id=\"..\"}}: sip.session:"
        )
    };
    let (bob, carol) = (call(1, "bob"), call(2, "carol"));
    let expected = [
        format!("INFO {agent}: sip.transport: connecting to wsServers[0], attempt 1 {server}"),
        format!("INFO {agent}: sip.transport: connected to wsServers[0] {server} after=0.020s"),
        format!("{registration} registered on flow 1 for 600 s"),
        format!("{request} sends MESSAGE to sip:bob@example.com"),
        format!("{request} the peer answered 202 Accepted after=0.040s"),
        format!("{bob} calls sip:bob@example.com"),
        format!("{bob} the peer answered 180 Ringing after=0.100s"),
        format!("{bob} the call is established after=1.500s"),
        format!("{bob} the call is over: as requested, by this side after=13.500s lasted=12.000s"),
        format!("{carol} calls sip:carol@example.com"),
        format!(
            "{} no new session by offer and answer: refused, by the peer: 486 Busy Here after=0.030s",
            carol.replacen("INFO", "WARN", 1)
        ),
        format!("{carol} the call is over: refused, by the peer: 486 Busy Here after=0.030s"),
    ];
    for (index, line) in expected.iter().enumerate() {
        assert_eq!(printed.get(index), Some(line), "line {index}");
    }
    let lost = format!(
        "WARN {agent}: sip.transport: disconnected from wsServers[0]: the connection broke {server} lasted=15.575s"
    );
    assert_eq!(printed[expected.len()], lost);
    let all = printed.join("\n");
    for secret in ["a-secret", "Authorization", "response="] {
        assert!(!all.contains(secret), "{all}");
    }
}

/// An incoming call has its span, too, and a registration that fails says when the next attempt follows.
#[test]
fn incoming_calls_and_failed_registrations_have_spans() {
    let (lines, _) = observed(tracing::level_filters::LevelFilter::INFO, |lines, open| {
        let mut phone = Phone::new(|_| {});
        phone.open();
        let register = phone.sent("REGISTER ");
        phone.receive(response(&register, "503 Service Unavailable", ""));
        let printed = lines.take();
        let failed = printed.last().unwrap();
        assert!(failed.starts_with("WARN agent{"), "{failed}");
        assert!(
            failed
                .contains(":registration: sip.registration: registration failed, next attempt in "),
            "{failed}"
        );
        let user = value(&register, "Contact");
        let uri = user.split(['<', '>']).nth(1).unwrap();
        phone.receive(format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/WSS b.invalid;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:bob:secret@example.com>;tag=b\r\nTo: <sip:alice@example.com>\r\nCall-ID: from-bob\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:bob@b.invalid>\r\nContent-Length: 0\r\n\r\n"
        ));
        assert!(open.names().contains(&"call"));
        phone.receive(
            "CANCEL URI SIP/2.0\r\nVia: SIP/2.0/WSS b.invalid;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:bob:secret@example.com>;tag=b\r\nTo: <sip:alice@example.com>\r\nCall-ID: from-bob\r\n\
             CSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n"
                .replace("URI", uri),
        );
        assert!(!open.names().contains(&"call"), "{:?}", open.names());
    });
    let printed = lines.take();
    let call = "call{id=1 direction=\"in\" peer=\"sip:bob@example.com\" call_id=\"from-bob\"}: sip.session: ";
    let of_call: Vec<&str> = printed
        .iter()
        .filter_map(|line| Some(line.split_once(call)?.1))
        .collect();
    assert_eq!(
        of_call,
        [
            "sip:bob@example.com calls",
            "the call is over: cancelled, by the peer after=0.000s"
        ],
        "{printed:#?}"
    );
    assert!(!printed.join("\n").contains("secret"));
}

/// At the debug level each transaction has a span, and none stays open.
#[test]
fn transactions_have_spans_at_the_debug_level() {
    let (lines, open) = observed(tracing::level_filters::LevelFilter::DEBUG, |_, open| {
        let mut phone = Phone::new(|builder| {
            builder.log_level(LogLevel::Debug);
        });
        run(&mut phone);
        assert_eq!(open.names(), ["agent"], "after all responses");
    });
    assert!(open.total() > 5, "{}", open.total());
    let printed = lines.take();
    let answered = printed.iter().filter(|line| {
        line.contains(":transaction{id=") && line.contains("sip.transaction: the peer answered 2")
    });
    let answered: Vec<_> = answered.collect();
    assert_eq!(answered.len(), 4, "{answered:#?}");
    for line in answered {
        assert!(line.contains("after="), "{line}");
        assert!(line.contains("method=\""), "{line}");
    }
}

/// Nothing is printed and no span opened where the configuration or the subscriber wants nothing.
#[test]
fn nothing_is_opened_that_is_not_wanted() {
    use tracing::level_filters::LevelFilter;
    for (level, change) in [
        (
            LevelFilter::TRACE,
            (|builder| {
                builder.log_builtin_enabled(false);
            }) as fn(&mut sip_core::config::ConfigBuilder),
        ),
        (LevelFilter::TRACE, |builder| {
            builder.log_level(LogLevel::Error);
        }),
        (LevelFilter::ERROR, |_| {}),
        (LevelFilter::OFF, |_| {}),
    ] {
        let (lines, open) = observed(level, |_, _| run(&mut Phone::new(change)));
        assert_eq!(lines.take(), [""; 0]);
        assert_eq!(open.total(), 0);
    }
}
