//! The one pass over a head: start line, header rows, blank line. Nothing is copied; offsets are kept.

use smallvec::SmallVec;

use crate::block;
use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::limits::Limits;
use crate::name::{self, HeaderId};

/// Where one header field lies; ten bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// First byte of the name.
    pub(crate) start: u16,
    /// Behind the name.
    pub(crate) name_end: u16,
    /// First byte of the value, behind the colon and blanks.
    pub(crate) value_start: u16,
    /// Behind the last byte of the value that is no blank.
    pub(crate) value_end: u16,
    pub(crate) id: HeaderId,
    /// Whether the value holds a fold.
    pub(crate) folded: bool,
}

pub(crate) type Records = SmallVec<[Record; 24]>;

/// Header numbers up to here have their first row remembered.
pub(crate) const HOT: usize = 16;

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartLine {
    /// The status code; 0 in a request.
    pub(crate) status: u16,
    /// Behind the method.
    pub(crate) method_end: u16,
    /// The Request-URI or reason phrase.
    pub(crate) text_start: u16,
    pub(crate) text_end: u16,
    /// Behind the line's end.
    pub(crate) line_end: u16,
}

/// A scanned head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) start: StartLine,
    /// For each of the first header numbers, the row of its first occurrence plus one; 0 for none, 255 for row 254 or later.
    pub(crate) first: [u8; HOT],
    /// Behind the blank line.
    pub(crate) end: u16,
    pub(crate) records: Records,
}

impl Head {
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

/// The line that starts at `at`: where its text ends and where the next line starts. A lone CR is no line
/// end: letting it pass would let one receiver see lines that another does not.
#[inline(always)]
fn line(input: &[u8], at: usize) -> Result<(usize, usize), ParseError> {
    let rest = input.get(at..).unwrap_or(&[]);
    match memchr::memchr2(b'\r', b'\n', rest) {
        Some(end) if rest[end] == b'\n' => Ok((at + end, at + end + 1)),
        Some(end) if rest.get(end + 1) == Some(&b'\n') => Ok((at + end, at + end + 2)),
        Some(end) if end + 1 < rest.len() => Err(ParseError::at(ErrorKind::Character, at + end)),
        _ => Err(ParseError::at(ErrorKind::UnexpectedEnd, input.len())),
    }
}

/// Scans the head at the beginning of `input`.
#[inline]
pub(crate) fn head(input: &[u8], limits: &Limits) -> Result<Head, ParseError> {
    let cap = limits.head.min(usize::from(u16::MAX));
    let window = &input[..input.len().min(cap)];
    let too_large = |error: ParseError| {
        // The end of the window is not the end of the message.
        if input.len() > cap && error.kind == ErrorKind::UnexpectedEnd {
            ParseError::at(ErrorKind::HeadTooLarge, cap)
        } else {
            error
        }
    };
    let (text_end, line_end) = line(window, 0).map_err(too_large)?;
    if text_end > limits.header_line {
        return Err(ParseError::at(ErrorKind::HeaderTooLong, limits.header_line));
    }
    let start = start_line(window, text_end, line_end)?;
    let mut head = Head {
        start,
        first: [0; HOT],
        end: 0,
        records: SmallVec::new(),
    };
    let mut at = line_end;
    loop {
        match window.get(at) {
            Some(b'\r') if window.get(at + 1) == Some(&b'\n') => {
                head.end = (at + 2) as u16;
                return Ok(head);
            }
            Some(b'\n') => {
                head.end = (at + 1) as u16;
                return Ok(head);
            }
            Some(_) => {}
            None => return Err(too_large(ParseError::at(ErrorKind::UnexpectedEnd, at))),
        }
        if head.records.len() >= usize::from(limits.headers) {
            return Err(ParseError::at(ErrorKind::TooManyHeaders, at));
        }
        let (record, next) = field(window, at, limits).map_err(too_large)?;
        head.push(record);
        at = next;
    }
}

/// One header field with its folds at `at`, and where the next line starts.
#[inline(always)]
pub(crate) fn field(
    input: &[u8],
    at: usize,
    limits: &Limits,
) -> Result<(Record, usize), ParseError> {
    let (mut text_end, mut next) = line(input, at)?;
    let (name_end, colon, id) = name_at(input, at, text_end)?;
    let mut folded = false;
    if class::at(input, next, class::BLANK) {
        folded = true;
        (text_end, next) = folds(input, next, limits)?;
    }
    if text_end - at > limits.header_line {
        return Err(ParseError::at(
            ErrorKind::HeaderTooLong,
            at + limits.header_line,
        ));
    }
    let mut value_start = colon + 1;
    while value_start < text_end && is_space(input[value_start]) {
        value_start += 1;
    }
    let mut value_end = text_end;
    while value_end > value_start && is_space(input[value_end - 1]) {
        value_end -= 1;
    }
    let record = Record {
        start: at as u16,
        name_end: name_end as u16,
        value_start: value_start as u16,
        value_end: value_end as u16,
        id,
        folded,
    };
    Ok((record, next))
}

/// Passes over continuation lines from `at` on: where the text of the last one ends and where the next line starts.
#[cold]
fn folds(input: &[u8], at: usize, limits: &Limits) -> Result<(usize, usize), ParseError> {
    let mut lines = (at, at);
    let mut count = 0u16;
    while class::at(input, lines.1, class::BLANK) {
        if count == limits.folds {
            return Err(ParseError::at(ErrorKind::TooManyFolds, lines.1));
        }
        count += 1;
        lines = line(input, lines.1)?;
    }
    Ok(lines)
}

/// The name in the line from `at` to `text_end`: where it ends, where its colon is, and its number.
#[inline(always)]
fn name_at(
    input: &[u8],
    at: usize,
    text_end: usize,
) -> Result<(usize, usize, HeaderId), ParseError> {
    if let Some(chunk) = input[at..].first_chunk() {
        let colon = block::position(chunk, b':');
        if (1..16).contains(&colon) {
            let id = name::lookup_short(chunk, colon);
            if id != HeaderId::OTHER {
                return Ok((at + colon, at + colon, id));
            }
        }
    }
    any_name(&input[..text_end], at)
}

/// As [`name_at`] for every name: unknown, long, or with blanks in front of the colon.
fn any_name(line: &[u8], at: usize) -> Result<(usize, usize, HeaderId), ParseError> {
    let name_end = class::run(line, at, class::TOKEN);
    let colon = class::run(line, name_end, class::BLANK);
    match line.get(colon) {
        Some(b':') if name_end > at => Ok((name_end, colon, name::lookup(&line[at..name_end]))),
        None if name_end > at => Err(ParseError::at(ErrorKind::MissingColon, colon)),
        _ => Err(ParseError::at(ErrorKind::Character, colon)),
    }
}

#[inline(always)]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Takes the first line apart. The URI is not looked into here.
fn start_line(input: &[u8], text_end: usize, line_end: usize) -> Result<StartLine, ParseError> {
    let text = &input[..text_end];
    if text.len() >= 4 && text[..4].eq_ignore_ascii_case(b"SIP/") {
        return status_line(text, line_end);
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

fn status_line(text: &[u8], line_end: usize) -> Result<StartLine, ParseError> {
    let space = memchr::memchr(b' ', text).unwrap_or(text.len());
    version(&text[..space], 0)?;
    let code = text.get(space + 1..).unwrap_or(&[]);
    let [a @ b'1'..=b'6', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = code else {
        return Err(ParseError::at(ErrorKind::StatusCode, space + 1));
    };
    // The blank in front of an empty reason phrase is left out by some (RFC 4475 section 3.1.1.13 keeps it).
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
