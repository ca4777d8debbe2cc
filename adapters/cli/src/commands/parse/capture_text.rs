//! Messages in text: a file that is one message, several in a row, and what tools print: `>>>` and `<<<` lines, Kamailio's
//! sipdump, sngrep's saved dialogs, ngrep, the logs of Asterisk and FreeSWITCH.
//!
//! A capture is a text whose first line is no start line, and that has one further down. There, a message begins at each
//! start line that a header line follows, and the line above it is its label. It ends with its body, at the next
//! start line, or at a line that only a capture has. Most captures have LF where the message had CRLF; this is undone.

use bytes::Bytes;

use super::captured::{Captured, Place};

/// How many lines in front of a message are kept: as many as one record of sipdump has, and more.
const NOTES: usize = 16;

/// How much of each is kept, in bytes.
const NOTE_LENGTH: usize = 512;

/// The messages of a text; a text without any is one message, so that its faults are shown.
pub(super) fn read(text: &Bytes) -> Vec<Captured> {
    let text = &with_cr_for_dots(text);
    let lines = Lines::of(text);
    let first = lines
        .iter()
        .position(|line| !line.content.trim_ascii().is_empty());
    let is_capture = first.is_some_and(|first| {
        !looks_like_start_line(lines[first].content.trim_ascii())
            && (first + 1..lines.len()).any(|at| begins(&lines, at))
    });
    if is_capture {
        captured(text, &lines)
    } else {
        in_a_row(text, &lines)
    }
}

/// `ngrep -W byline` writes `.` where the message has CR. In a message whose lines all end so, up to a line of `.` alone, each
/// such dot becomes CR again; no offset changes.
fn with_cr_for_dots(text: &Bytes) -> Bytes {
    let lines = Lines::of(text);
    let has_dot = |line: &Line<'_>| line.content.ends_with(b".") && !line.has_cr;
    let mut undone = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let dotted = lines[at..].iter().take_while(|line| has_dot(line)).count();
        let message = at..at + dotted;
        if begins(&lines, at)
            && lines[message.clone()]
                .iter()
                .any(|line| line.content == b".")
        {
            undone.extend(message.map(|at| lines[at].start + lines[at].content.len() - 1));
        }
        at += dotted.max(1);
    }
    if undone.is_empty() {
        return text.clone();
    }
    let mut bytes = text.to_vec();
    for dot in undone {
        bytes[dot] = b'\r';
    }
    bytes.into()
}

/// Messages without anything between them but empty lines.
fn in_a_row(text: &Bytes, lines: &[Line<'_>]) -> Vec<Captured> {
    let mut messages = Vec::new();
    let mut first = 0;
    loop {
        let next = next_in_a_row(lines, first);
        let start = lines.get(first).map_or(0, |line| line.start);
        let end = next.map_or(text.len(), |next| lines[next].start);
        messages.push(Captured {
            label: None,
            notes: Vec::new(),
            packet: None,
            bytes: text.slice(start..end),
            place: Place::Text {
                line: first,
                offset: start,
                indentation: 0,
                line_feeds: false,
            },
        });
        match next {
            Some(next) => first = next,
            None => return messages,
        }
    }
}

/// The line where the next message of a row begins, behind the one that begins at line `first`.
fn next_in_a_row(lines: &[Line<'_>], first: usize) -> Option<usize> {
    let front = |line: &&Line<'_>| line.content.iter().all(|&byte| byte == b'\r');
    let front = first + lines[first..].iter().take_while(front).count();
    let mut length = None;
    let mut blank = front;
    while !lines.get(blank)?.content.is_empty() {
        length = length.or_else(|| content_length(lines[blank].content));
        blank += 1;
    }
    let body = lines.get(blank + 1)?.start;
    let from = match length {
        Some(length) => body.checked_add(length)?,
        None => body,
    };
    let next = (blank + 1..lines.len())
        .filter(|&at| lines[at].start >= from)
        .find(|&at| !lines[at].content.is_empty())?;
    // With a length, the next message begins behind it; without one, behind an empty line.
    let separated = length.is_some() || next == blank + 1;
    (separated && begins(lines, next)).then_some(next)
}

/// The messages of a capture.
fn captured(text: &Bytes, lines: &[Line<'_>]) -> Vec<Captured> {
    let mut messages = Vec::new();
    let mut notes = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if begins(lines, at) {
            let end = end_in_capture(lines, at);
            let notes = std::mem::take(&mut notes);
            messages.push(one_of_capture(text, &lines[at..end], at, notes));
            at = end;
        } else {
            let content = lines[at].content.trim_ascii();
            if content.iter().any(u8::is_ascii_alphanumeric) {
                if notes.len() == NOTES {
                    notes.remove(0);
                }
                let content = &content[..content.len().min(NOTE_LENGTH)];
                notes.push(sip_parse::text(content).to_string());
            }
            at += 1;
        }
    }
    messages
}

fn one_of_capture(text: &Bytes, lines: &[Line<'_>], first: usize, notes: Vec<String>) -> Captured {
    let indentation = lines[0].indentation();
    let line_feeds = lines.iter().all(|line| !line.has_cr);
    let (start, end) = (lines[0].start, lines[lines.len() - 1].end);
    let bytes = if indentation == 0 && !line_feeds {
        text.slice(start..end)
    } else {
        let mut bytes = Vec::with_capacity(end - start + lines.len());
        for line in lines {
            let removed = indentation.min(line.indentation());
            bytes.extend_from_slice(&line.content[removed..]);
            if line.end > line.start + line.content.len() {
                bytes.extend_from_slice(b"\r\n");
            }
        }
        bytes.into()
    };
    Captured {
        label: notes.last().cloned(),
        notes,
        packet: None,
        bytes: without_what_the_capture_added(bytes),
        place: Place::Text {
            line: first,
            offset: start,
            indentation,
            line_feeds,
        },
    }
}

/// Empty lines behind a body separate messages in a capture.
fn without_what_the_capture_added(bytes: Bytes) -> Bytes {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(head) = head.map(|at| at + 4) else {
        return bytes;
    };
    let length = bytes[..head]
        .split(|&byte| byte == b'\n')
        .find_map(content_length);
    let mut end = bytes.len();
    while end > head && matches!(bytes[end - 1], b'\r' | b'\n') {
        end -= 1;
    }
    // The body's own line end stays.
    let own = (end + 2).min(bytes.len());
    let end = match length {
        Some(length) => own.max((head + length).min(bytes.len())),
        None if end == head => head,
        None => own,
    };
    bytes.slice(..end)
}

/// The line behind a message that begins at line `start`.
fn end_in_capture(lines: &[Line<'_>], start: usize) -> usize {
    let indentation = lines[start].indentation();
    let mut length = None;
    let mut at = start + 1;
    while at < lines.len() {
        let line = &lines[at];
        let content = &line.content[indentation.min(line.indentation())..];
        if content.is_empty() {
            break;
        }
        if is_of_capture(content) || begins(lines, at) {
            return at;
        }
        length = length.or_else(|| content_length(content));
        at += 1;
    }
    // The blank line.
    at = (at + 1).min(lines.len());
    let mut present = 0;
    while at < lines.len() && length.is_none_or(|length| present < length) {
        let line = &lines[at];
        let content = &line.content[indentation.min(line.indentation())..];
        if is_of_capture(content) || (length.is_none() && begins(lines, at)) {
            break;
        }
        present += content.len() + 2;
        at += 1;
    }
    at
}

/// Whether a message begins at that line: a start line, and a header line behind it.
fn begins(lines: &[Line<'_>], at: usize) -> bool {
    let content = lines[at].content.trim_ascii();
    let next = lines.get(at + 1).map(|line| line.content.trim_ascii());
    looks_like_start_line(content) && next.is_some_and(looks_like_header)
}

/// `METHOD uri SIP/x` or `SIP/x ...`, also with faults.
fn looks_like_start_line(line: &[u8]) -> bool {
    let mut words = line
        .split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let is_version = |word: &[u8]| word.len() >= 4 && word[..4].eq_ignore_ascii_case(b"SIP/");
    is_version(first)
        || (first
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b':')
            && words.next_back().is_some_and(is_version))
}

/// `Name: value`.
fn looks_like_header(line: &[u8]) -> bool {
    let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
    let name = name.trim_ascii_end();
    name.len() < line.len()
        && !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(byte))
}

/// Lines that stand between messages in captures, and never in a message.
fn is_of_capture(line: &[u8]) -> bool {
    let rules: [&[u8]; 8] = [
        b">>>", b"<<<", b"====", b"----", b"~~~~", b"||||", b"<---", b"####",
    ];
    rules.iter().any(|rule| line.starts_with(rule)) || names_two_ends(line)
}

/// `2026/11/28 08:00:00.000000 192.0.2.1:5060 -> 192.0.2.2:5060`, `U 192.0.2.1:5060 -> ..`
fn names_two_ends(line: &[u8]) -> bool {
    let arrow = line.windows(4).position(|four| four == b" -> ");
    let starts = matches!(line, [b'0'..=b'9', ..] | [b'U' | b'T', b' ', ..]);
    arrow.is_some_and(|arrow| {
        let before = line[..arrow].rsplit(|&byte| byte == b' ').next();
        starts && before.is_some_and(|word| word.contains(&b':') || word.contains(&b'.'))
    })
}

fn content_length(line: &[u8]) -> Option<usize> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = line[..colon].trim_ascii();
    if !name.eq_ignore_ascii_case(b"Content-Length") && !name.eq_ignore_ascii_case(b"l") {
        return None;
    }
    std::str::from_utf8(&line[colon + 1..])
        .ok()?
        .trim()
        .parse()
        .ok()
}

struct Line<'a> {
    start: usize,
    /// Offset behind the line end.
    end: usize,
    /// The line without its line end.
    content: &'a [u8],
    has_cr: bool,
}

impl Line<'_> {
    fn indentation(&self) -> usize {
        self.content
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count()
    }
}

struct Lines;

impl Lines {
    fn of(text: &[u8]) -> Vec<Line<'_>> {
        let mut start = 0;
        text.split_inclusive(|&byte| byte == b'\n')
            .map(|line| {
                let content = line.strip_suffix(b"\n").unwrap_or(line);
                let stripped = content.strip_suffix(b"\r");
                let begin = start;
                start += line.len();
                Line {
                    start: begin,
                    end: start,
                    content: stripped.unwrap_or(content),
                    has_cr: stripped.is_some(),
                }
            })
            .collect()
    }
}
