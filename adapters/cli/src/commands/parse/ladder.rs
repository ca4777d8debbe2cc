//! `sip ladder`: the messages of traces, logs and captures as one ladder diagram.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use sip_parse::{Limits, Message, Method};

use super::captured::Captured;
use super::files::{announce, messages, read};
use super::origin::{self, Time, Way};
use super::trace_log;
use crate::arguments::DrawLadder;
use crate::ladder::{Drawn, draw, gap, label, shorten};
use crate::outcome::Failure;
use crate::report::{complain, print_line, printable};

/// How many life lines are drawn; the messages of further ends share the last one.
const LINES: usize = 12;

/// How many messages are kept for the drawing.
const KEPT: usize = 100_000;

/// How long a label is kept, in characters.
const LABEL: usize = 160;

/// The name of a far end that a trace does not name: all agents that were traced had some server.
const SERVER: &str = "server";

pub(crate) fn run(arguments: &DrawLadder) -> Result<(), Failure> {
    let mut ladder = Merged::default();
    let mut damaged = None;
    for (number, path) in arguments.files.iter().enumerate() {
        let _progress = announce(path);
        let bytes = read(path)?;
        let bytes = trace_log::captured(&bytes).unwrap_or(bytes);
        let (messages, damage) = messages(&path.display().to_string(), &bytes)?;
        ladder.add(number, &name_of(path), messages, &arguments.call);
        // A capture that is cut off is drawn as far as it goes.
        damaged = damaged.or(damage);
    }
    if ladder.steps.is_empty() {
        return Err(damaged.unwrap_or_else(|| {
            Failure::Outcome(match arguments.call.is_empty() {
                true => "no SIP message in these files".to_owned(),
                false => "no message of such a call in these files".to_owned(),
            })
        }));
    }
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    print_line(ladder.drawing(limit).trim_end());
    if let Some(damage) = damaged {
        complain(&format!("sip: warning: {damage}"));
    }
    Ok(())
}

/// The file without folder and ending.
fn name_of(path: &Path) -> String {
    match path.file_stem() {
        Some(stem) if path != Path::new("-") => stem.to_string_lossy().into_owned(),
        _ => "this side".to_owned(),
    }
}

/// One message.
#[derive(Debug)]
struct Step {
    seconds: f64,
    from: usize,
    to: usize,
    label: String,
}

/// An end of messages.
#[derive(Debug, Default)]
struct End {
    /// As the capture names it.
    name: String,
    /// The user who speaks there; more than one for a server.
    users: Users,
    /// Requests that went out from here, by Call-ID and CSeq.
    sent: BTreeSet<Bytes>,
    /// Requests that came here, and the user of their To.
    received: BTreeMap<Bytes, String>,
}

#[derive(Debug, Default, PartialEq)]
enum Users {
    #[default]
    Unknown,
    One(String),
    Several,
}

impl Users {
    fn add(&mut self, user: String) {
        *self = match std::mem::take(self) {
            Self::Unknown => Self::One(user),
            Self::One(known) if known == user => Self::One(known),
            _ => Self::Several,
        };
    }
}

/// The messages of all files.
#[derive(Debug, Default)]
struct Merged {
    ends: Vec<End>,
    steps: Vec<Step>,
    left_out: usize,
    /// How often a message went between two ends, as far as each file says.
    seen: BTreeMap<(usize, usize, Bytes), Seen>,
}

/// How often a message was seen.
#[derive(Debug, Default)]
struct Seen {
    /// In the file that had it last, and the number of that file.
    here: (usize, usize),
    /// In the file that had it most often.
    most: usize,
}

/// What the ladder needs of a message.
struct Read {
    call_id: Bytes,
    /// Call-ID and CSeq.
    transaction: Bytes,
    is_request: bool,
    /// An INVITE or MESSAGE, which the user at the far end answers.
    is_for_user: bool,
    status: u16,
    vias: usize,
    from_user: Option<String>,
    to_user: Option<String>,
    from: String,
    to: String,
}

impl Read {
    fn of(bytes: &Bytes) -> Option<Self> {
        let start = bytes
            .iter()
            .position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let message = Message::parse(bytes.slice(start..), &Limits::MAX).ok()?;
        let call_id = message.call_id().ok()?;
        let cseq = message.cseq().ok()?;
        let transaction = [call_id, b"\n", cseq.number.to_string().as_bytes()].concat();
        let address = |address: Option<sip_parse::NameAddr<'_>>| {
            let address = address?;
            let text = |bytes: &[u8]| shorten(&sip_parse::text(bytes).to_string(), LABEL);
            let user = address.uri().user().map(text);
            let uri = text(address.uri().as_bytes());
            Some((user, uri.split(';').next().unwrap_or_default().to_owned()))
        };
        let from = address(message.from().ok());
        let to = address(message.to().ok());
        let request = message.as_request();
        Some(Self {
            call_id: Bytes::copy_from_slice(call_id),
            transaction: transaction.into(),
            is_request: request.is_some(),
            is_for_user: request.is_some_and(|request| {
                matches!(request.method(), Method::Invite | Method::Message)
            }),
            status: message
                .as_response()
                .map_or(0, |response| response.status().as_u16()),
            vias: message.vias().count(),
            from_user: from.as_ref().and_then(|(user, _)| user.clone()),
            to_user: to.as_ref().and_then(|(user, _)| user.clone()),
            from: from.map(|(_, uri)| uri).unwrap_or_default(),
            to: to.map(|(_, uri)| uri).unwrap_or_default(),
        })
    }
}

impl Merged {
    /// Adds the messages of a file, those of `calls` alone if there are any.
    fn add(&mut self, file: usize, name: &str, messages: Vec<Captured>, calls: &[String]) {
        // Messages without a time stand behind the one in front of them.
        let mut last = 0.0;
        for message in messages {
            let origin = origin::of(&message);
            let Some(read) = Read::of(&message.bytes) else {
                continue;
            };
            let call_id = sip_parse::text(&read.call_id).to_string();
            if !calls.is_empty() && !calls.iter().any(|call| call_id.starts_with(call)) {
                continue;
            }
            let (from, to) = match origin.way {
                Way::Between { from, to } => (from, to),
                Way::Sent { by, to } => (
                    by.unwrap_or_else(|| name.to_owned()),
                    to.unwrap_or_else(|| SERVER.to_owned()),
                ),
                Way::Received { by, from } => (
                    from.unwrap_or_else(|| SERVER.to_owned()),
                    by.unwrap_or_else(|| name.to_owned()),
                ),
                Way::Unknown if read.is_request => (read.from.clone(), read.to.clone()),
                Way::Unknown => (read.to.clone(), read.from.clone()),
            };
            let (from, to) = (self.end(&from), self.end(&to));
            self.learn(from, to, &read);
            let again = match self.count(file, from, to, &message.bytes) {
                Some(again) => again,
                None => continue,
            };
            last = match origin.time {
                Some(Time::Absolute(seconds) | Time::Relative(seconds)) => seconds,
                None => last,
            };
            if self.steps.len() >= KEPT {
                self.left_out += 1;
                continue;
            }
            let text = label(&message.bytes).unwrap_or_default();
            let mark = if again { " (again)" } else { "" };
            self.steps.push(Step {
                seconds: last,
                from,
                to,
                label: format!("{}{mark}", printable(&shorten(&text, LABEL))),
            });
        }
    }

    /// The index of an end.
    fn end(&mut self, name: &str) -> usize {
        let name = printable(&shorten(name, LABEL));
        let known = self.ends.iter().position(|end| end.name == name);
        known.unwrap_or_else(|| {
            let is_last = self.ends.len() == LINES - 1;
            if self.ends.len() < LINES {
                let name = if is_last { "others".to_owned() } else { name };
                self.ends.push(End {
                    name,
                    ..End::default()
                });
            }
            self.ends.len() - 1
        })
    }

    /// Learns who speaks at which end. A request with one Via begins at its sender. A side that answers an INVITE or MESSAGE
    /// of a proxy with success and does not send it on is its user.
    fn learn(&mut self, from: usize, to: usize, read: &Read) {
        if self.steps.len() >= KEPT {
            return;
        }
        let end = &mut self.ends[from];
        if read.is_request {
            if read.vias == 1
                && let Some(user) = &read.from_user
            {
                end.users.add(user.clone());
            }
            end.sent.insert(read.transaction.clone());
            // A request with one Via may have its first proxy here, which passes answers on.
            if read.is_for_user
                && read.vias > 1
                && let Some(user) = &read.to_user
            {
                let received = &mut self.ends[to].received;
                received.insert(read.transaction.clone(), user.clone());
            }
        } else if (180..300).contains(&read.status) {
            let user = end.received.remove(&read.transaction);
            if let Some(user) = user.filter(|_| !end.sent.contains(&read.transaction)) {
                end.users.add(user);
            }
        }
    }

    /// Whether a message went the same way before; `None` if another file has this one already.
    fn count(&mut self, file: usize, from: usize, to: usize, bytes: &Bytes) -> Option<bool> {
        let seen = self.seen.entry((from, to, bytes.clone())).or_default();
        if seen.here.0 != file {
            seen.here = (file, 0);
        }
        seen.here.1 += 1;
        if seen.here.1 <= seen.most {
            return None;
        }
        seen.most = seen.here.1;
        Some(seen.most > 1)
    }

    /// The diagram.
    fn drawing(mut self, limit: usize) -> String {
        self.steps
            .sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let start = self.steps.first().map_or(0.0, |step| step.seconds);
        let names: Vec<String> = self.ends.iter().map(End::title).collect();
        let left_out = self.left_out + self.steps.len().saturating_sub(limit);
        let drawn = self.steps.iter().take(limit).map(|step| Drawn {
            at: Duration::try_from_secs_f64(step.seconds - start).unwrap_or_default(),
            from: step.from,
            to: step.to,
            label: &step.label,
        });
        let mut text = String::new();
        // Writing into a text cannot fail.
        let _ = draw(&mut text, &names, gap(names.len()), drawn);
        if left_out > 0 {
            text.push_str(&format!(
                "... and {left_out} messages more; --limit N draws more of them\n"
            ));
        }
        text
    }
}

impl End {
    /// The user, and the name in the capture.
    fn title(&self) -> String {
        match &self.users {
            Users::One(user) if *user != self.name && !self.name.contains('@') => {
                format!("{} ({})", printable(user), self.name)
            }
            _ => self.name.clone(),
        }
    }
}
