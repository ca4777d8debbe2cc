//! The ladder diagram of a conversation: sender, receiver and time of each message.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sip_core::package::{ContextClass, MessageSummary, Presence};
use sip_core::{Body, Direction};
use sip_parse::{HeaderName, Limits, Message, Method, Request};

/// Characters between two life lines: of three at most, and of more.
const GAPS: [usize; 2] = [46, 34];

/// The characters in front of the first life line.
const INDENT: usize = 16;

/// How many messages are kept, because a longer diagram is of no use.
const ARROW_LIMIT: usize = 200;

/// One message between a user agent and the edge.
#[derive(Clone, Debug)]
struct Arrow {
    at: Duration,
    party: usize,
    direction: Direction,
    label: String,
}

/// Collects messages; its `Display` draws them. Clones share the diagram.
///
/// The edge is the second life line; the user agents are the others.
#[derive(Clone)]
pub(crate) struct Ladder {
    parties: &'static [&'static str],
    gap: usize,
    arrows: Arc<Mutex<Arrows>>,
}

#[derive(Default)]
struct Arrows {
    drawn: Vec<Arrow>,
    left_out: usize,
}

/// The characters between two of so many life lines.
pub(crate) fn gap(lines: usize) -> usize {
    GAPS[usize::from(lines > 3)]
}

impl Ladder {
    pub(crate) fn new(parties: &'static [&'static str]) -> Self {
        Self {
            parties,
            gap: gap(parties.len() + 1),
            arrows: Arc::default(),
        }
    }

    /// Records that the user agent at this index sent or received a message `at` after the start. Returns the label of its
    /// arrow; `None` for keep-alives, which have no arrow.
    pub(crate) fn note(
        &self,
        at: Duration,
        party: usize,
        direction: Direction,
        bytes: &Bytes,
    ) -> Option<String> {
        let label = label(bytes)?;
        let mut arrows = self.arrows.lock().unwrap_or_else(PoisonError::into_inner);
        if arrows.drawn.len() < ARROW_LIMIT {
            arrows.drawn.push(Arrow {
                at,
                party,
                direction,
                label: label.clone(),
            });
        } else {
            arrows.left_out += 1;
        }
        Some(label)
    }
}

/// The label of an arrow: `INVITE sip:bob@example.com (SDP)`, `200 OK`.
pub(crate) fn label(bytes: &Bytes) -> Option<String> {
    if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        return None;
    }
    let Ok(message) = Message::parse(bytes.clone(), &Limits::default()) else {
        return Some(format!("({} bytes that are no SIP message)", bytes.len()));
    };
    let mut label = match (message.as_request(), message.as_response()) {
        // The state is what a reader looks for, and the URI of a NOTIFY is that of a contact.
        (Some(request), _) => match package_of_state(&request) {
            // The state is what a reader looks for, and the URI of a NOTIFY is that of a contact.
            Some(package) => format!("{} {package}", request.method()),
            None => {
                // Without URI parameters, because they concern routing and not the target.
                let uri = request.uri_bytes().split(|&byte| byte == b';').next();
                let uri = uri.unwrap_or_default();
                format!("{} {}", request.method(), sip_parse::text(uri))
            }
        },
        (_, Some(response)) => {
            format!(
                "{} {}",
                response.status().as_u16(),
                sip_parse::text(response.reason())
            )
        }
        (None, None) => return None,
    };
    let replaces = message.header(HeaderName::Replaces);
    let parts: Vec<String> = replaces
        .map(|_| "Replaces".to_owned())
        .into_iter()
        .chain(body_name(&message))
        .collect();
    if !parts.is_empty() {
        label = format!("{label} ({})", parts.join(", "));
    }
    Some(label)
}

/// The event package of a NOTIFY or PUBLISH with a state that [`body_name`] reads.
fn package_of_state(request: &Request) -> Option<String> {
    let reads = matches!(request.method(), Method::Notify | Method::Publish);
    let event = request.event().ok().flatten().filter(|_| reads)?;
    let package = sip_parse::text(event.package).to_string();
    matches!(&*package, "presence" | "message-summary").then_some(package)
}

fn body_name(message: &Message) -> Option<String> {
    if message.body().is_empty() {
        return None;
    }
    let content_type = message.header(HeaderName::ContentType)?.value;
    let subtype = content_type
        .split(|&byte| byte == b';')
        .next()?
        .rsplit(|&byte| byte == b'/')
        .next()?;
    let body = |content_type| Body::new(content_type, message.body().to_vec());
    match subtype.trim_ascii() {
        b"sdp" => Some("SDP".to_owned()),
        b"plain" => Some(format!("{:?}", sip_parse::text(message.body()).to_string())),
        // How far the call is that a REFER has asked for (RFC 3515 section 2.4.5).
        b"sipfrag" => {
            let status = message.body().split(|&byte| byte == b'\r').next();
            let status = status.unwrap_or_default();
            let status = status.strip_prefix(b"SIP/2.0 ").unwrap_or(status);
            Some(sip_parse::text(status).to_string())
        }
        // What a subscriber sees (RFC 3863, RFC 3842).
        b"pidf+xml" => {
            let presence = Presence::from_body(&body(Presence::CONTENT_TYPE)).ok()?;
            Some(presence.to_string())
        }
        b"simple-message-summary" => {
            let summary = MessageSummary::from_body(&body(MessageSummary::CONTENT_TYPE)).ok()?;
            let counts = summary.counts(ContextClass::Voice).unwrap_or_default();
            Some(format!("{} new, {} old", counts.new, counts.old))
        }
        other => Some(sip_parse::text(other).to_string()),
    }
}

/// `---- label --->` in exactly this many characters; a long label loses its middle.
fn shaft(label: &str, width: usize, rightwards: bool) -> String {
    let label = shorten(label, width - 8);
    let dashes = width - 3 - label.chars().count();
    let (before, after) = ("-".repeat(dashes / 2), "-".repeat(dashes - dashes / 2));
    if rightwards {
        format!("{before} {label} {after}>")
    } else {
        format!("<{before} {label} {after}")
    }
}

/// A text in at most `width` characters; a long one loses its middle.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    // Keeps the method and the body at the ends; the long part between them is a URI.
    let head = width.saturating_sub(1) / 2;
    let tail = width.saturating_sub(1 + head);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}

/// An arrow between two life lines, by their indices.
pub(crate) struct Drawn<'a> {
    pub(crate) at: Duration,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) label: &'a str,
}

/// Draws a ladder with these names above its life lines, which have `gap` characters between them.
pub(crate) fn draw<'a>(
    out: &mut impl fmt::Write,
    names: &[String],
    gap: usize,
    arrows: impl IntoIterator<Item = Drawn<'a>>,
) -> fmt::Result {
    let column = |name: &String| format!("{:<width$}", shorten(name, gap), width = gap + 1);
    let header: String = names.iter().map(column).collect();
    writeln!(out, "   #        ms  {}", header.trim_end())?;
    let space = " ".repeat(gap);
    let lines = names.len();
    let rest = |count: usize| format!("{space}|").repeat(count);
    writeln!(out, "{:INDENT$}|{}", "", rest(lines.saturating_sub(1)))?;
    for (number, arrow) in arrows.into_iter().enumerate() {
        let milliseconds = arrow.at.as_secs_f64() * 1e3;
        write!(out, "{:>4} {milliseconds:>9.3}  |", number + 1)?;
        let (left, right) = (arrow.from.min(arrow.to), arrow.from.max(arrow.to));
        write!(out, "{}", rest(left))?;
        if left == right {
            // A message of a side to itself stands beside its line.
            let label = shorten(arrow.label, gap.saturating_sub(4));
            let beside = format!("<> {label:<width$}", width = gap.saturating_sub(3));
            match (lines - 1).checked_sub(left + 1) {
                Some(after) => writeln!(out, "{beside}|{}", rest(after))?,
                None => writeln!(out, "{}", beside.trim_end())?,
            }
            continue;
        }
        // An arrow crosses the life lines in between.
        let width = (right - left) * (gap + 1) - 1;
        write!(out, "{}|", shaft(arrow.label, width, arrow.from < arrow.to))?;
        writeln!(out, "{}", rest(lines - 1 - right))?;
    }
    Ok(())
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrows = self.arrows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = self.parties.iter().map(|&name| name.to_owned()).collect();
        names.insert(names.len().min(1), "edge".to_owned());
        let drawn = arrows.drawn.iter().map(|arrow| {
            let agent = match arrow.party {
                0 => 0,
                party => party + 1,
            };
            let (from, to) = match arrow.direction {
                Direction::Sent => (agent, 1),
                Direction::Received => (1, agent),
            };
            Drawn {
                at: arrow.at,
                from,
                to,
                label: &arrow.label,
            }
        });
        draw(f, &names, self.gap, drawn)?;
        if arrows.left_out > 0 {
            writeln!(f, "{:INDENT$}... and {} messages more", "", arrows.left_out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrow_spans_the_gap() {
        for label in ["200 OK", "INVITE sip:bob@localhost (SDP)", &"x".repeat(200)] {
            for rightwards in [true, false] {
                for width in [GAPS[0], GAPS[1], 2 * GAPS[1] + 1] {
                    let shaft = shaft(label, width, rightwards);
                    assert_eq!(shaft.chars().count(), width, "{label}");
                }
            }
        }
        assert_eq!(
            shorten("INVITE sip:0123456789@host (SDP)", 16),
            "INVITE … (SDP)".replace("… ", "…st ")
        );
    }

    /// A message of RFC 3515 or 3891 with this body.
    fn message(start: &str, fields: &str, body: &str) -> Bytes {
        let length = body.len();
        Bytes::from(format!(
            "{start}\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nFrom: <sip:a@localhost>;tag=1\r\nTo: <sip:bob@localhost>\r\nCall-ID: 1\r\nMax-Forwards: 70\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    #[test]
    fn a_label_names_what_a_transfer_is_about() {
        let notify = "CSeq: 1 NOTIFY\r\nContent-Type: message/sipfrag;version=2.0\r\n";
        let notify = message(
            "NOTIFY sip:a@localhost SIP/2.0",
            notify,
            "SIP/2.0 200 OK\r\n",
        );
        assert_eq!(
            label(&notify).as_deref(),
            Some("NOTIFY sip:a@localhost (200 OK)")
        );
        let invite = "CSeq: 1 INVITE\r\nReplaces: 1;to-tag=2;from-tag=3\r\nContent-Type: application/sdp\r\n";
        let invite = message("INVITE sip:a@localhost SIP/2.0", invite, "v=0\r\n");
        assert_eq!(
            label(&invite).as_deref(),
            Some("INVITE sip:a@localhost (Replaces, SDP)")
        );
    }

    #[test]
    fn the_arrow_of_a_third_party_crosses_the_second() {
        let ladder = Ladder::new(&["alice", "bob", "carol"]);
        let request = message("OPTIONS sip:a@localhost SIP/2.0", "CSeq: 1 OPTIONS\r\n", "");
        for party in 0..3 {
            let noted = ladder.note(Duration::ZERO, party, Direction::Sent, &request);
            assert!(noted.is_some());
        }
        let drawn = ladder.to_string();
        let lines: Vec<&str> = drawn.lines().collect();
        let places = |line: &str, what: char| -> Vec<usize> {
            let places = line
                .char_indices()
                .filter(|&(_, character)| character == what);
            places.map(|(place, _)| place).collect()
        };
        let columns = places(lines[1], '|');
        assert_eq!(columns.len(), 4, "{drawn}");
        for (name, column) in ["alice", "edge", "bob", "carol"].into_iter().zip(&columns) {
            assert_eq!(lines[0].find(name), Some(*column), "{drawn}");
        }
        assert_eq!(places(lines[2], '|'), columns);
        assert_eq!(places(lines[3], '|'), columns);
        assert_eq!(places(lines[4], '|'), [columns[0], columns[1], columns[3]]);
        assert_eq!(places(lines[4], '<'), [columns[1] + 1]);
    }

    #[test]
    fn messages_are_drawn_in_the_order_in_which_they_were_noted() {
        let ladder = Ladder::new(&["alice", "bob"]);
        let request = Bytes::from_static(
            b"OPTIONS sip:bob@localhost SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nFrom: <sip:a@localhost>;tag=1\r\nTo: <sip:bob@localhost>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        );
        let at = Duration::from_micros(1_500);
        assert!(ladder.note(at, 0, Direction::Sent, &request).is_some());
        assert!(ladder.note(at, 1, Direction::Received, &request).is_some());
        assert_eq!(
            ladder.note(at, 1, Direction::Received, &Bytes::from_static(b"\r\n\r\n")),
            None
        );
        let drawn = ladder.to_string();
        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines[0].ends_with("bob"), "{drawn}");
        assert!(lines[2].starts_with("   1     1.500  |--"), "{drawn}");
        assert!(lines[2].contains(" OPTIONS sip:bob@localhost "), "{drawn}");
        assert!(lines[2].contains("->|"), "{drawn}");
        assert!(lines[3].ends_with("->|"), "{drawn}");
        assert_eq!(lines.len(), 4);
    }
}
