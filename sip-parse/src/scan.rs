//! The single pass over a head: start line, header rows, blank line. It records offsets and copies nothing.

use smallvec::SmallVec;

use crate::block;
use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::limits::Limits;
use crate::name::{self, HeaderId};

/// The offsets of one header field; ten bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// First byte of the name.
    pub(crate) start: u16,
    /// End of the name.
    pub(crate) name_end: u16,
    /// First byte of the value, behind the colon and blanks.
    pub(crate) value_start: u16,
    /// End of the value, without trailing blanks.
    pub(crate) value_end: u16,
    pub(crate) id: HeaderId,
    /// Whether the value contains a fold.
    pub(crate) folded: bool,
}

impl Record {
    pub(crate) const NONE: Record = Record {
        start: 0,
        name_end: 0,
        value_start: 0,
        value_end: 0,
        id: HeaderId::OTHER,
        folded: false,
    };

    /// The record of the same line at `to` instead of `from`, both within a head.
    pub(crate) fn moved(&self, from: usize, to: usize) -> Record {
        let moved = |offset: u16| (usize::from(offset) - from + to) as u16;
        Record {
            start: moved(self.start),
            name_end: moved(self.name_end),
            value_start: moved(self.value_start),
            value_end: moved(self.value_end),
            ..*self
        }
    }
}

/// Number of rows that a message stores inline, without allocating.
const INLINE: usize = 24;

pub(crate) type Records = SmallVec<[Record; INLINE]>;

/// A head indexes the first row of header numbers below this one.
pub(crate) const HOT: usize = 16;

/// The status code and the offsets of the first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartLine {
    /// The status code; 0 in a request.
    pub(crate) status: u16,
    /// End of the method.
    pub(crate) method_end: u16,
    /// The Request-URI or reason phrase.
    pub(crate) text_start: u16,
    pub(crate) text_end: u16,
    /// Offset behind the line end.
    pub(crate) line_end: u16,
}

impl StartLine {
    pub(crate) const NONE: StartLine = StartLine {
        status: 0,
        method_end: 0,
        text_start: 0,
        text_end: 0,
        line_end: 0,
    };
}

/// A scanned head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) start: StartLine,
    /// For each of the first header numbers, the row of its first occurrence plus one; 0 for none, 255 for row 254 or later.
    pub(crate) first: [u8; HOT],
    /// Offset behind the blank line.
    pub(crate) end: u16,
    pub(crate) records: Records,
}

impl Head {
    /// A head without rows.
    #[inline]
    pub(crate) fn new(start: StartLine) -> Self {
        Head {
            start,
            first: [0; HOT],
            end: 0,
            records: SmallVec::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, record: Record) {
        let number = usize::from(record.id.0);
        if number < HOT && self.first[number] == 0 {
            self.first[number] = u8::try_from(self.records.len() + 1).unwrap_or(u8::MAX);
        }
        self.records.push(record);
    }

    /// The row of the first header field with number `id`.
    #[inline]
    pub(crate) fn find(&self, id: HeaderId) -> Option<usize> {
        let number = usize::from(id.0);
        match self.first.get(number) {
            Some(0) if number != 0 => None,
            Some(&row) if number != 0 && row != u8::MAX => Some(usize::from(row) - 1),
            _ => self.records.iter().position(|record| record.id == id),
        }
    }
}

/// Scans the head at the beginning of `input` into `head`, which the caller passes empty.
#[inline]
pub(crate) fn scan(input: &[u8], limits: &Limits, head: &mut Head) -> Result<(), ParseError> {
    let cap = limits.head.min(usize::from(u16::MAX));
    let window = &input[..input.len().min(cap)];
    scan_window(window, window.len() == input.len(), limits, head).map_err(|error| {
        // Only the window ends here, because the head exceeds the limit.
        if input.len() > cap && error.kind == ErrorKind::UnexpectedEnd {
            ParseError::at(ErrorKind::HeadTooLarge, cap)
        } else {
            error
        }
    })
}

fn scan_window(
    window: &[u8],
    whole: bool,
    limits: &Limits,
    head: &mut Head,
) -> Result<(), ParseError> {
    let mut lone_cr = false;
    let (text_end, mut at) = line(window, 0, &mut lone_cr)?;
    if text_end > limits.header_line {
        return Err(ParseError::at(ErrorKind::HeaderTooLong, limits.header_line));
    }
    head.start = start_line(window, text_end, at)?;
    let most = usize::from(limits.headers);
    while !ends_head(window, at, whole)? {
        if head.records.len() >= most {
            return Err(ParseError::at(ErrorKind::TooManyHeaders, at));
        }
        match plain_field(window, at, limits.header_line) {
            Some((record, next)) => {
                head.push(record);
                at = next;
            }
            None => {
                let mut record = Record::NONE;
                at = field(window, at, limits, &mut record, &mut lone_cr)?;
                head.push(record);
            }
        }
    }
    finish(window, at, lone_cr, head)
}

/// The fast path for the usual header field: a name, a colon, a space, text without controls, CRLF, and no fold. Returns
/// its record and the start of the next line.
#[inline(always)]
fn plain_field(window: &[u8], at: usize, longest: usize) -> Option<(Record, usize)> {
    let rest = window.get(at..)?;
    let (mut colon, mut id) = name::lookup_start(rest.first_chunk()?);
    if id == HeaderId::OTHER {
        (colon, id) = name::token_start(rest)?;
    }
    let value = rest.get(colon + 2..)?;
    let length = text_end(value)?;
    let [before, b'\r', b'\n', behind] = *value.get(length.checked_sub(1)?..)?.first_chunk()?
    else {
        return None;
    };
    let end = colon + 2 + length;
    let plain = rest[colon + 1] == b' '
        && value[0] > b' '
        && before > b' '
        && !matches!(behind, b' ' | b'\t')
        && end <= longest;
    let record = Record {
        start: at as u16,
        name_end: (at + colon) as u16,
        value_start: (at + colon + 2) as u16,
        value_end: (at + end) as u16,
        id,
        folded: false,
    };
    plain.then_some((record, at + end + 2))
}

/// The place of the first line end or other control in `input`, or of the first line end in a long one. Most values
/// are short, and cheaper to search here than by a call.
#[inline(always)]
fn text_end(input: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < 64 {
        let Some(chunk) = input.get(at..).and_then(|rest| rest.first_chunk()) else {
            break;
        };
        let found = block::control(chunk);
        at += found;
        if found < 16 {
            return Some(at);
        }
    }
    Some(at + memchr::memchr2(b'\r', b'\n', input.get(at..)?)?)
}

/// Whether the blank line is at `at`. The end of a window that is the whole message counts too, because some senders
/// omit the blank line of a datagram without a body.
#[inline(always)]
fn ends_head(window: &[u8], at: usize, whole: bool) -> Result<bool, ParseError> {
    match window.get(at) {
        Some(&byte) if byte > b'\r' => Ok(false),
        Some(b'\n') => Ok(true),
        Some(b'\r') => Ok(window.get(at + 1) == Some(&b'\n')),
        Some(_) => Ok(false),
        None if whole => Ok(true),
        None => Err(ParseError::at(ErrorKind::UnexpectedEnd, at)),
    }
}

/// Records the end of a head whose blank line is at `at`. Rejects a head with a lone CR, because receivers disagree on
/// whether a lone CR ends a line.
#[inline(always)]
fn finish(window: &[u8], at: usize, lone_cr: bool, head: &mut Head) -> Result<(), ParseError> {
    if lone_cr {
        return Err(first_lone_cr(&window[..at]));
    }
    let blank = match window.get(at) {
        Some(b'\r') => 2,
        Some(_) => 1,
        None => 0,
    };
    head.end = (at + blank) as u16;
    Ok(())
}

#[cold]
fn first_lone_cr(head: &[u8]) -> ParseError {
    let lone = memchr::memchr_iter(b'\r', head).find(|cr| head.get(cr + 1) != Some(&b'\n'));
    ParseError::at(ErrorKind::Character, lone.unwrap_or(0))
}

/// The line at `at`: the end of its text and the start of the next line. Sets `lone_cr` when a CR is in the text.
#[inline(always)]
fn line(input: &[u8], at: usize, lone_cr: &mut bool) -> Result<(usize, usize), ParseError> {
    let found = input
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'\r', b'\n', rest));
    match found.and_then(|length| Some((at + length, input.get(at + length..)?))) {
        Some((end, [b'\r', b'\n', ..])) => Ok((end, end + 2)),
        Some((end, [b'\n', ..])) => Ok((end, end + 1)),
        _ => line_with_cr(input, at, lone_cr),
    }
}

/// [`line`] for a line with a CR that no LF follows, or without an end.
#[cold]
fn line_with_cr(input: &[u8], at: usize, lone_cr: &mut bool) -> Result<(usize, usize), ParseError> {
    let rest = input.get(at..).unwrap_or(&[]);
    let Some(length) = memchr::memchr(b'\n', rest) else {
        return Err(no_line_end(input, at));
    };
    *lone_cr = true;
    let crs = rest[..length].ends_with(b"\r");
    Ok((at + length - usize::from(crs), at + length + 1))
}

#[cold]
fn no_line_end(input: &[u8], at: usize) -> ParseError {
    match memchr::memchr(b'\r', input.get(at..).unwrap_or(&[])) {
        Some(cr) if at + cr + 1 < input.len() => ParseError::at(ErrorKind::Character, at + cr),
        _ => ParseError::at(ErrorKind::UnexpectedEnd, input.len()),
    }
}

/// Reads one header field with its folds at `at` into `record`; returns the start of the next line.
#[inline(never)]
pub(crate) fn field(
    input: &[u8],
    at: usize,
    limits: &Limits,
    record: &mut Record,
    lone_cr: &mut bool,
) -> Result<usize, ParseError> {
    let (mut text_end, mut next) = line(input, at, lone_cr)?;
    let (name_end, colon, id) = name_at(&input[..text_end], at)?;
    let mut folded = false;
    if matches!(input.get(next), Some(b' ' | b'\t')) {
        folded = true;
        (text_end, next) = folds(input, next, limits, lone_cr)?;
    }
    if text_end - at > limits.header_line {
        return Err(ParseError::at(
            ErrorKind::HeaderTooLong,
            at + limits.header_line,
        ));
    }
    let (value_start, value_end) = trimmed(input, colon + 1, text_end);
    *record = Record {
        start: at as u16,
        name_end: name_end as u16,
        value_start: value_start as u16,
        value_end: value_end as u16,
        id,
        folded,
    };
    Ok(next)
}

fn trimmed(input: &[u8], start: usize, end: usize) -> (usize, usize) {
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let (mut start, mut end) = (start, end);
    while start < end && is_space(input[start]) {
        start += 1;
    }
    while end > start && is_space(input[end - 1]) {
        end -= 1;
    }
    (start, end)
}

/// Reads continuation lines from `at` on: the end of the text of the last one and the start of the next line.
#[cold]
fn folds(
    input: &[u8],
    at: usize,
    limits: &Limits,
    lone_cr: &mut bool,
) -> Result<(usize, usize), ParseError> {
    let mut lines = (at, at);
    let mut count = 0u16;
    while class::at(input, lines.1, class::BLANK) {
        if count == limits.folds {
            return Err(ParseError::at(ErrorKind::TooManyFolds, lines.1));
        }
        count += 1;
        lines = line(input, lines.1, lone_cr)?;
    }
    Ok(lines)
}

/// The name at `at` in a line: its end, the offset of its colon, and its number.
fn name_at(line: &[u8], at: usize) -> Result<(usize, usize, HeaderId), ParseError> {
    let name_end = class::run(line, at, class::TOKEN);
    let colon = class::run(line, name_end, class::BLANK);
    match line.get(colon) {
        Some(b':') if name_end > at => Ok((name_end, colon, name::lookup(&line[at..name_end]))),
        None if name_end > at => Err(ParseError::at(ErrorKind::MissingColon, colon)),
        _ => Err(ParseError::at(ErrorKind::Character, colon)),
    }
}

/// Splits the first line. The URI stays unchecked.
fn start_line(input: &[u8], text_end: usize, line_end: usize) -> Result<StartLine, ParseError> {
    let text = &input[..text_end];
    if text.starts_with(b"SIP/2.0 ") {
        return status_line(text, 7, line_end);
    }
    if text.len() >= 4 && text[..4].eq_ignore_ascii_case(b"SIP/") {
        let space = memchr::memchr(b' ', text).unwrap_or(text.len());
        version(&text[..space], 0)?;
        return status_line(text, space, line_end);
    }
    let method_end = class::run(text, 0, class::TOKEN);
    if method_end == 0 || text.get(method_end) != Some(&b' ') {
        return Err(ParseError::at(ErrorKind::StartLine, method_end));
    }
    let uri_start = method_end + 1;
    let uri_end = match text.strip_suffix(b" SIP/2.0") {
        Some(rest) => rest.len(),
        None => {
            let space = memchr::memrchr(b' ', text).unwrap_or(method_end);
            version(text, space + 1)?;
            space
        }
    };
    if uri_end <= uri_start {
        return Err(ParseError::at(ErrorKind::StartLine, uri_start));
    }
    Ok(StartLine {
        status: 0,
        method_end: method_end as u16,
        text_start: uri_start as u16,
        text_end: uri_end as u16,
        line_end: line_end as u16,
    })
}

/// Checks `SIP/2.0`, in any case (RFC 3261 section 7.1), from `at` to the end of `text`.
fn version(text: &[u8], at: usize) -> Result<(), ParseError> {
    let version = text.get(at..).unwrap_or(&[]);
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Ok(());
    }
    let shaped = version.len() > 4
        && version[..4].eq_ignore_ascii_case(b"SIP/")
        && version[4..]
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    Err(ParseError::at(
        if shaped {
            ErrorKind::Version
        } else {
            ErrorKind::StartLine
        },
        at,
    ))
}

/// Splits a status line whose version ends at `space`.
fn status_line(text: &[u8], space: usize, line_end: usize) -> Result<StartLine, ParseError> {
    let code = text.get(space + 1..).unwrap_or(&[]);
    let [a @ b'1'..=b'6', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = code else {
        return Err(ParseError::at(ErrorKind::StatusCode, space + 1));
    };
    // Some senders omit the blank in front of an empty reason phrase (RFC 4475 section 3.1.1.13 keeps it).
    if !matches!(rest.first(), None | Some(b' ')) {
        return Err(ParseError::at(ErrorKind::StatusCode, space + 1));
    }
    let digit = |byte: &u8| u16::from(byte - b'0');
    let text_start = (space + 5).min(text.len());
    Ok(StartLine {
        status: digit(a) * 100 + digit(b) * 10 + digit(c),
        method_end: 0,
        text_start: text_start as u16,
        text_end: text.len() as u16,
        line_end: line_end as u16,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the fast path takes, the other one reads alike: every name, separator, value and line end in turn.
    #[test]
    fn both_paths_read_a_field_alike() {
        let names = [
            "Via",
            "v",
            "X",
            "CSEQ",
            "Subject",
            "max-forwards",
            "Max-Forward",
            "Content-Length",
            "X-Fifteen-Bytes",
            "WWW-Authenticate",
            "Www-Authenticat\u{45}",
            "P-Asserted-Identity",
            "X-Seventeen-Bytes",
            "Proxy-Authentication-Info",
            "Content\rLength",
            "Content Length",
            "Via ",
            "",
            "X-\u{e9}",
            "a:b",
            "Subject\t",
            "P-Asserted-Identit\u{59}-Of-Nobody",
        ];
        let values = [
            "",
            "a",
            " ",
            "a b",
            "\t",
            "a\tb",
            "a ",
            "\ra",
            "a\rb",
            "a\u{1}b",
            "\u{e9}",
            "sixteen bytes...",
            "more than sixteen bytes",
            "as long as sixty-four bytes, which is all that is searched here.",
            "a:b",
            "a;b=\"c\"",
            "longer than sixty-four bytes, so that the end of the line is searched by a call.\tb",
            "a\r",
        ];
        let mut plain = 0;
        for name in names {
            for separator in [":", ": ", ":  ", ":\t"] {
                for value in values {
                    for end in ["\r\n", "\n", "\r\n b\r\n", "\r\n\tb\r\n", ""] {
                        for behind in ["\r\n", "", "Via: SIP/2.0/UDP a;branch=z\r\n\r\n"] {
                            let text =
                                ["OPTIONS\r\n", name, separator, value, end, behind].concat();
                            let Some((fast, next)) = plain_field(text.as_bytes(), 9, 8_192) else {
                                continue;
                            };
                            plain += 1;
                            let (mut record, mut lone_cr) = (Record::NONE, false);
                            let limits = Limits::DEFAULT;
                            let read =
                                field(text.as_bytes(), 9, &limits, &mut record, &mut lone_cr);
                            assert_eq!(
                                (read, record, lone_cr),
                                (Ok(next), fast, false),
                                "{text:?}"
                            );
                        }
                    }
                }
            }
        }
        assert!(plain > 300, "{plain}");
    }

    /// A field of as many bytes as the limit allows is taken, one more is refused.
    #[test]
    fn the_limit_of_a_line_counts_its_text() {
        let scanned = |line: &str, header_line: usize| {
            let text = [
                "OPTIONS sip:a SIP/2.0\r\n",
                line,
                "\r\nTo: <sip:a@b>\r\n\r\n",
            ]
            .concat();
            let limits = Limits {
                header_line,
                ..Limits::DEFAULT
            };
            scan(text.as_bytes(), &limits, &mut Head::new(StartLine::NONE))
                .map_err(|error| error.kind)
        };
        let line = "Subject: some text of more bytes";
        assert_eq!(scanned(line, line.len()), Ok(()));
        assert_eq!(scanned(line, line.len() - 1), Err(ErrorKind::HeaderTooLong));
    }
}
