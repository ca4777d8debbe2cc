//! One message with all its faults. A line that cannot be read is replaced by an empty header field of the same length, so
//! that the rest of the message can be read and all offsets stay.

use bytes::Bytes;
use sip_parse::{ErrorKind, HeaderName, Limits, Message, ParseError, Role};

/// How many lines of one message may be unreadable before the rest of it is left alone.
const UNREADABLE_LINES: usize = 64;

/// A message as far as it can be read.
#[derive(Debug)]
pub(super) struct Reading {
    /// The bytes of the message, without line ends in front.
    pub(super) bytes: Bytes,
    /// The message; `None` if its start line is too short to replace, or a limit is exceeded.
    pub(super) message: Option<Message>,
    /// The bytes of head and body, without what lies behind the body.
    pub(super) length: usize,
    /// The start line is unreadable and was replaced.
    pub(super) start_line_replaced: bool,
    /// Offsets of the header lines that were replaced.
    pub(super) replaced: Vec<usize>,
    /// What a receiver that reads leniently refuses or drops the message for, in order of place.
    pub(super) faults: Vec<Finding>,
    /// What it lets pass, in order of place.
    pub(super) warnings: Vec<Finding>,
}

/// One fault and its place.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// Offset in the message.
    pub(super) offset: usize,
    /// The header field, if the fault is in one or one is missing.
    pub(super) header: Option<HeaderName<'static>>,
    pub(super) in_start_line: bool,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    /// A fault that the parser finds.
    Fault(ParseError),
    /// Empty lines in front of the start line (RFC 3261 section 7.5).
    LinesInFront(usize),
    /// Bytes behind the end that Content-Length names (RFC 3261 section 18.3).
    BytesBehind(usize),
    /// Lines that end in LF alone (RFC 3261 section 7).
    BareLineFeeds(usize),
    /// Content-Length counts CRLF where the text has LF (RFC 3261 section 18.3).
    ConvertedLineEnds,
}

impl Finding {
    fn of(error: ParseError, bytes: &[u8]) -> Self {
        let offset = error.offset as usize;
        let first_line = bytes.iter().position(|&byte| byte == b'\n');
        Self {
            offset,
            in_start_line: first_line.is_none_or(|end| offset <= end),
            header: error.header.and_then(|header| header.name()),
            what: What::Fault(error),
        }
    }

    fn at(offset: usize, what: What) -> Self {
        Self {
            offset,
            header: None,
            in_start_line: offset == 0,
            what,
        }
    }
}

/// Reads a message that starts at the first byte that is no line end. If `strict`, whatever section 25 of RFC 3261 does
/// not allow is a fault, too.
pub(super) fn read(bytes: &Bytes, strict: bool) -> Reading {
    let front = bytes
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let bytes = bytes.slice(front..);
    let mut reading = Reading {
        length: bytes.len(),
        bytes: bytes.clone(),
        message: None,
        start_line_replaced: false,
        replaced: Vec::new(),
        faults: Vec::new(),
        warnings: Vec::new(),
    };
    if front > 0 {
        let lines = What::LinesInFront(front);
        reading.warnings.push(Finding::at(0, lines));
    }
    reading.read_structure();
    if let Some(message) = reading.message.clone() {
        reading.length = message.bytes().len();
        let behind = bytes.len() - reading.length;
        let rest = &bytes[reading.length..];
        if rest.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            let what = What::BytesBehind(behind);
            reading.warnings.push(Finding::at(reading.length, what));
        }
        reading.read_values(&message);
    }
    if strict {
        let warnings = std::mem::take(&mut reading.warnings);
        reading.faults.extend(warnings);
    }
    reading.faults.sort_by_key(|finding| finding.offset);
    reading.warnings.sort_by_key(|finding| finding.offset);
    reading
}

impl Reading {
    /// Reads start line, header lines and body length; every fault costs one line.
    fn read_structure(&mut self) {
        let mut limits = Limits::default();
        let mut text = self.bytes.to_vec();
        while self.replaced.len() <= UNREADABLE_LINES {
            match Message::parse(Bytes::copy_from_slice(&text), &limits) {
                Ok(message) => {
                    self.message = Some(message);
                    return;
                }
                Err(error) => {
                    let finding = Finding::of(error, &self.bytes);
                    match error.kind {
                        ErrorKind::BodyTooShort { missing }
                            if lost_with_line_ends(&text, missing) =>
                        {
                            let what = What::ConvertedLineEnds;
                            self.warnings.push(Finding { what, ..finding });
                        }
                        // Larger limits may end at the same place.
                        _ if self
                            .faults
                            .last()
                            .is_some_and(|last| last.what == finding.what) => {}
                        _ => self.faults.push(finding),
                    }
                    let again = if error.is_limit() && limits != Limits::MAX {
                        limits = Limits::MAX;
                        true
                    } else {
                        self.replace(&mut text, error)
                    };
                    if !again {
                        return;
                    }
                }
            }
        }
    }

    /// Replaces the line of a fault; false if nothing is left to replace.
    fn replace(&mut self, text: &mut [u8], error: ParseError) -> bool {
        // The body's length is wrong, not its last byte.
        let offset = match error.kind {
            ErrorKind::BodyTooShort { .. } => match content_length_line(text) {
                Some(offset) => offset,
                None => return false,
            },
            _ => (error.offset as usize).min(text.len()),
        };
        let start = text[..offset]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        // A CR inside the line is part of its fault.
        let line = text[start..].split(|&byte| byte == b'\n').next();
        let line = line.unwrap_or_default();
        let end = start + line.strip_suffix(b"\r").unwrap_or(line).len();
        // Each line is replaced once, so that the faults have an end.
        let again = start == 0 && self.start_line_replaced || self.replaced.contains(&start);
        if end == start || again {
            return false;
        }
        if start == 0 {
            self.start_line_replaced = true;
            return replace_start_line(&mut text[..end]);
        }
        let line = &mut text[start..end];
        line.fill(b' ');
        if let [first, second, ..] = line {
            (*first, *second) = (b'~', b':');
        }
        // The lines that continue it belong to it and stay: their text is the value of the replacement.
        self.replaced.push(start);
        true
    }

    /// Checks the values of all header fields, leniently and strictly.
    fn read_values(&mut self, message: &Message) {
        let lenient: Vec<ParseError> = message
            .faults(sip_parse::Reading::Lenient(Role::UserAgent))
            .collect();
        let is_known = |error: &ParseError| {
            lenient
                .iter()
                .any(|other| other.header == error.header && other.kind == error.kind)
        };
        let strict: Vec<ParseError> = message
            .faults(sip_parse::Reading::Strict)
            .filter(|error| !is_known(error))
            .collect();
        let line_feeds = message
            .head()
            .windows(2)
            .filter(|pair| pair[1] == b'\n' && pair[0] != b'\r')
            .count();
        if line_feeds > 0 {
            let first = first_bare_line_feed(message.head());
            let what = What::BareLineFeeds(line_feeds);
            self.warnings.push(Finding::at(first, what));
        }
        for error in lenient {
            if self.is_own(&error) {
                self.faults.push(Finding::of(error, &self.bytes));
            }
        }
        for error in strict {
            let is_line_end = error.header.is_none() && error.kind == ErrorKind::Expected(b'\r');
            if self.is_own(&error) && !is_line_end {
                self.warnings.push(Finding::of(error, &self.bytes));
            }
        }
    }

    /// Whether a fault is one of the message, and not of a replacement.
    fn is_own(&self, error: &ParseError) -> bool {
        let of_start_line = error.header.is_none() || error.kind == ErrorKind::MethodMismatch;
        let of_replacement = self.start_line_replaced && of_start_line;
        let in_replaced_line = error.kind == ErrorKind::Missing && !self.replaced.is_empty();
        !of_replacement && !in_replaced_line
    }
}

/// Replaces a start line by one of the same length and kind; false if it is too short.
fn replace_start_line(line: &mut [u8]) -> bool {
    const RESPONSE: &[u8] = b"SIP/2.0 200 ";
    const REQUEST: &[u8] = b" x:x SIP/2.0";
    let response = line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/");
    if response && line.len() >= RESPONSE.len() {
        line.fill(b' ');
        line[..RESPONSE.len()].copy_from_slice(RESPONSE);
        true
    } else if !response && line.len() > REQUEST.len() {
        line.fill(b'~');
        let at = line.len() - REQUEST.len();
        line[at..].copy_from_slice(REQUEST);
        true
    } else {
        false
    }
}

/// Whether a body is so much shorter than its Content-Length because its line ends were CRLF and are LF now.
fn lost_with_line_ends(text: &[u8], missing: u32) -> bool {
    let line_feeds = |part: &[u8]| part.iter().filter(|&&byte| byte == b'\n').count();
    let head = text.windows(2).position(|two| two == b"\n\n");
    let body = head.map_or(&[][..], |head| &text[head + 2..]);
    let lost = line_feeds(body);
    // Editors and people drop the last line end.
    let last = usize::from(!body.ends_with(b"\n")) * 2;
    missing as usize == lost || missing as usize == lost + last
}

/// Where the first Content-Length begins.
fn content_length_line(text: &[u8]) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let name = line.split(|&byte| byte == b':').next()?.trim_ascii();
        if start > 0 && name.is_empty() {
            return None;
        }
        if name.eq_ignore_ascii_case(b"Content-Length") || name.eq_ignore_ascii_case(b"l") {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// The first LF without a CR in front.
fn first_bare_line_feed(head: &[u8]) -> usize {
    let bare = |at: &usize| head[*at] == b'\n' && (*at == 0 || head[*at - 1] != b'\r');
    (0..head.len()).find(bare).unwrap_or(0)
}
