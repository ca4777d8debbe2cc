//! The ladder diagram of a conversation: sender, receiver and time of each message.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sip_core::Direction;
use sip_parse::{HeaderName, Limits, Message};

/// Characters between two life lines.
const GAP: usize = 46;

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
/// There are three life lines: a user agent at each side, and the edge between them.
#[derive(Clone)]
pub(crate) struct Ladder {
    parties: [&'static str; 2],
    arrows: Arc<Mutex<Arrows>>,
}

#[derive(Default)]
struct Arrows {
    drawn: Vec<Arrow>,
    left_out: usize,
}

impl Ladder {
    pub(crate) fn new(left: &'static str, right: &'static str) -> Self {
        Self {
            parties: [left, right],
            arrows: Arc::default(),
        }
    }

    /// Records that `party` (0 is left, 1 is right) sent or received a message `at` after the start. Returns
    /// the label of its arrow; `None` for keep-alives, which have no arrow.
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
fn label(bytes: &Bytes) -> Option<String> {
    if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        return None;
    }
    let Ok(message) = Message::parse(bytes.clone(), &Limits::default()) else {
        return Some(format!("({} bytes that are no SIP message)", bytes.len()));
    };
    let mut label = match (message.as_request(), message.as_response()) {
        (Some(request), _) => {
            // Without URI parameters, because they concern routing and not the target.
            let uri = request.uri_bytes().split(|&byte| byte == b';').next();
            let uri = uri.unwrap_or_default();
            format!("{} {}", request.method(), sip_parse::text(uri))
        }
        (_, Some(response)) => {
            format!(
                "{} {}",
                response.status().as_u16(),
                sip_parse::text(response.reason())
            )
        }
        (None, None) => return None,
    };
    if let Some(body) = body_name(&message) {
        label = format!("{label} ({body})");
    }
    Some(label)
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
    match subtype.trim_ascii() {
        b"sdp" => Some("SDP".to_owned()),
        b"plain" => Some(format!("{:?}", sip_parse::text(message.body()).to_string())),
        other => Some(sip_parse::text(other).to_string()),
    }
}

/// `---- label --->` in exactly [`GAP`] characters; a long label loses its middle.
fn shaft(label: &str, rightwards: bool) -> String {
    let label = shorten(label, GAP - 8);
    let dashes = GAP - 3 - label.chars().count();
    let (before, after) = ("-".repeat(dashes / 2), "-".repeat(dashes - dashes / 2));
    if rightwards {
        format!("{before} {label} {after}>")
    } else {
        format!("<{before} {label} {after}")
    }
}

fn shorten(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    // Keeps the method and the body at the ends; the long part between them is a URI.
    let head = (width - 1) / 2;
    let tail = width - 1 - head;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrows = self.arrows.lock().unwrap_or_else(PoisonError::into_inner);
        let [left, right] = self.parties;
        let indent = 16;
        let name = |name: &str, width: usize| format!("{name:<width$}");
        writeln!(
            f,
            "   #        ms  {}{}{right}",
            name(left, GAP + 1),
            name("edge", GAP + 1),
        )?;
        let space = " ".repeat(GAP);
        writeln!(f, "{:indent$}|{space}|{space}|", "")?;
        for (number, arrow) in arrows.drawn.iter().enumerate() {
            let milliseconds = arrow.at.as_secs_f64() * 1e3;
            write!(f, "{:>4} {milliseconds:>9.3}  ", number + 1)?;
            let rightwards = (arrow.party == 0) == (arrow.direction == Direction::Sent);
            let shaft = shaft(&arrow.label, rightwards);
            if arrow.party == 0 {
                writeln!(f, "|{shaft}|{space}|")?;
            } else {
                writeln!(f, "|{space}|{shaft}|")?;
            }
        }
        if arrows.left_out > 0 {
            writeln!(f, "{:indent$}... and {} messages more", "", arrows.left_out)?;
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
                assert_eq!(shaft(label, rightwards).chars().count(), GAP, "{label}");
            }
        }
        assert_eq!(
            shorten("INVITE sip:0123456789@host (SDP)", 16),
            "INVITE … (SDP)".replace("… ", "…st ")
        );
    }

    #[test]
    fn messages_are_drawn_in_the_order_in_which_they_were_noted() {
        let ladder = Ladder::new("alice", "bob");
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
