//! The records of `sip.trace` in a log of `tracing`, as a capture that the other readers know. Pure.
//!
//! Such a record is one line up to the start line of the message, then the message, then its fields: `way`, `connection`, `now`.

use bytes::Bytes;

use super::origin::date_and_time;

/// What stands in front of the message.
const MARK: &str = "sip.trace: ";

/// The log with a line `>>> NAME TIME` or `<<< NAME TIME` above each message, and nothing else; `None` if there is no record.
pub(super) fn captured(text: &Bytes) -> Option<Bytes> {
    // Colours may stand within the mark.
    let target = b"sip.trace";
    text.windows(target.len()).find(|bytes| *bytes == target)?;
    let text = without_colours(&String::from_utf8_lossy(text));
    text.contains(MARK).then_some(())?;
    let mut found = String::new();
    let mut record: Option<Record> = None;
    for line in text.split_inclusive('\n') {
        if line
            .split_whitespace()
            .next()
            .is_some_and(|word| date_and_time(word).is_some())
        {
            found.extend(record.take().and_then(Record::end));
            record = Record::begin(line);
        } else if let Some(record) = &mut record {
            record.content.push_str(line);
        }
    }
    found.extend(record.and_then(Record::end));
    Some(found.into())
}

struct Record {
    time: String,
    agent: Option<String>,
    /// The message and its fields.
    content: String,
}

impl Record {
    fn begin(line: &str) -> Option<Self> {
        let (head, content) = line.split_once(MARK)?;
        let time = head.split_whitespace().next()?.to_owned();
        // A span has the address of the agent.
        let agent = head.split_once("sip:").map(|(_, rest)| rest);
        let agent = agent.and_then(|rest| rest.split(['@', '"', ' ', '}']).next());
        Some(Self {
            time,
            agent: agent.filter(|agent| !agent.is_empty()).map(str::to_owned),
            content: content.to_owned(),
        })
    }

    /// The message with a line above it; `None` if it does not say which way it went.
    fn end(self) -> Option<String> {
        let (message, fields) = self.content.rsplit_once(" way=")?;
        let sign = if fields.starts_with("\"sent\"") {
            ">>>"
        } else {
            "<<<"
        };
        let agent = self
            .agent
            .map_or_else(String::new, |agent| format!(" {agent}"));
        Some(format!("{sign}{agent} 0 ms, {}\n{message}\n\n", self.time))
    }
}

/// The text without the escape sequences that colour it.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character: char| character.is_ascii_alphabetic());
        plain.push_str(end.map_or("", |end| &part[end + 1..]));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_a_message_with_a_line_above_it() {
        let log = "2026-11-28T08:00:00.5Z  INFO sip.transport: connected\n\
                   \u{1b}[2m2026-11-28T08:00:01Z\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m agent{uri=\"sip:alice@h\"}\u{1b}[2m:\u{1b}[0m \u{1b}[2msip.trace\u{1b}[0m\u{1b}[2m:\u{1b}[0m OPTIONS sip:b@h SIP/2.0\r\n\
                   CSeq: 1 OPTIONS\r\n\r\n way=\"sent\" connection=1 now=2\n\
                   2026-11-28T08:00:02Z  INFO sip.trace: SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\n\r\nbody way=\"received\" connection=1\n\
                   2026-11-28T08:00:03Z  INFO sip.trace: [5 bytes that are no SIP message]\n";
        let found = captured(&Bytes::from(log.to_owned())).unwrap();
        let found = std::str::from_utf8(&found).unwrap();
        assert_eq!(
            found,
            ">>> alice 0 ms, 2026-11-28T08:00:01Z\nOPTIONS sip:b@h SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n\n\n\
             <<< 0 ms, 2026-11-28T08:00:02Z\nSIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\n\r\nbody\n\n"
        );
        assert_eq!(
            captured(&Bytes::from_static(b"OPTIONS sip:b@h SIP/2.0")),
            None
        );
    }
}
