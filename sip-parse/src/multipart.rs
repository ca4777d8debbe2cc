//! Bodies of several parts (RFC 5621, RFC 2046 section 5.1).

use alloc::vec::Vec;
use core::slice;

use smallvec::SmallVec;

use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::headers::media::{ContentDisposition, MediaType};
use crate::headers::{HeaderValue, single};
use crate::limits::Rules;
use crate::message::Message;
use crate::name::{self, HeaderName};
use crate::params::{unexpected, unquote};

/// Maximum nesting depth of parts.
const DEPTH: usize = 4;
/// Maximum number of parts in one body, over all depths.
const PARTS: usize = 64;

/// One part of a body; a body that is not multipart is one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The part's header lines, each with its line end; empty when it has none.
    pub head: &'a [u8],
    /// The part's Content-Type; `None` when absent, which means text/plain.
    pub content_type: Option<MediaType<'a>>,
    /// The part's Content-Disposition; `None` when absent.
    pub content_disposition: Option<ContentDisposition<'a>>,
    /// The part's bytes.
    pub body: &'a [u8],
    /// Number of multipart bodies around this part; 0 for the message body itself.
    pub depth: u8,
    /// Whether the innermost of them is multipart/alternative: the recipient uses the last part that it understands.
    pub alternative: bool,
}

impl<'a> Part<'a> {
    /// The purpose of the part: its Content-Disposition, else `session` for application/sdp and `render` for all others
    /// (RFC 3261 section 20.11, RFC 5621 section 3.1).
    pub fn disposition(&self) -> &'a [u8] {
        match (self.content_disposition, self.content_type) {
            (Some(written), _) => written.disposition,
            (None, Some(media)) if media.is(b"application", b"sdp") => b"session",
            (None, _) => b"render",
        }
    }

    /// Whether a recipient may ignore the part (`handling=optional`); the default is required (RFC 5621 section 3.1).
    pub fn is_optional(&self) -> bool {
        self.content_disposition
            .is_some_and(|written| written.optional)
    }

    /// Whether the part is itself multipart.
    pub fn is_multipart(&self) -> bool {
        self.content_type
            .is_some_and(|media| media.type_.eq_ignore_ascii_case(b"multipart"))
    }

    /// The value of one of the part's header fields, such as Content-ID; may contain folds.
    pub fn header(&self, name: HeaderName<'_>) -> Option<&'a [u8]> {
        fields(self.head)
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

/// The header fields of a part's head.
fn fields(head: &[u8]) -> impl Iterator<Item = (HeaderName<'_>, &[u8])> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let (name, value, next) = field(head, at).ok()?;
        at = next;
        Some((HeaderName::of(name::lookup(name), name), value))
    })
}

/// One header field with its folds at `at`: name, value, and the start of the next line. The line end of the last field
/// may be missing, because it belongs to the boundary.
fn field(head: &[u8], at: usize) -> Result<(&[u8], &[u8], usize), ParseError> {
    let line_end =
        |at: usize| memchr::memchr(b'\n', &head[at..]).map_or(head.len(), |end| at + end + 1);
    let name_end = class::run(head, at, class::TOKEN);
    let colon = class::run(head, name_end, class::BLANK);
    if name_end == at || head.get(colon) != Some(&b':') {
        return Err(unexpected(head, colon));
    }
    let mut next = line_end(colon + 1);
    while class::at(head, next, class::BLANK) {
        next = line_end(next);
    }
    Ok((
        &head[at..name_end],
        class::trim(&head[colon + 1..next]),
        next,
    ))
}

/// The leaf parts of a body in order; the parts of a multipart part take its place.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    parts: SmallVec<[Part<'a>; 4]>,
}

impl<'a> Parts<'a> {
    /// Splits a body into its parts.
    ///
    /// # Errors
    /// No boundary parameter, no opening boundary line, a part whose head is malformed; more than 64 parts or 4 levels.
    pub fn parse(content_type: Option<MediaType<'a>>, body: &'a [u8]) -> Result<Self, ParseError> {
        let whole = Part {
            head: b"",
            content_type,
            content_disposition: None,
            body,
            depth: 0,
            alternative: false,
        };
        Parts::open(whole)
    }

    fn open(whole: Part<'a>) -> Result<Self, ParseError> {
        let mut parts = SmallVec::new();
        // A stack of parts to open, the next one on top, in place of recursion, because the peer controls the depth.
        let mut waiting: SmallVec<[Part<'a>; 4]> = SmallVec::new();
        waiting.push(whole);
        let mut opened = 0;
        while let Some(part) = waiting.pop() {
            if !part.is_multipart() {
                parts.push(part);
                continue;
            }
            if usize::from(part.depth) >= DEPTH {
                return Err(ParseError::at(ErrorKind::TooManyParts, 0));
            }
            let first = waiting.len();
            for inner in Split::new(&part)? {
                opened += 1;
                if opened > PARTS {
                    return Err(ParseError::at(ErrorKind::TooManyParts, 0));
                }
                waiting.push(inner?);
            }
            waiting[first..].reverse();
        }
        Ok(Parts { parts })
    }

    /// All parts.
    pub fn iter(&self) -> slice::Iter<'_, Part<'a>> {
        self.parts.iter()
    }

    /// The part to use among those that `understood` accepts: the first, or in a multipart/alternative the last (RFC
    /// 2046 section 5.1.4, RFC 5621 section 4).
    pub fn choose(&self, understood: impl Fn(&Part<'a>) -> bool) -> Option<&Part<'a>> {
        let first = self.parts.iter().position(&understood)?;
        if !self.parts[first].alternative {
            return self.parts.get(first);
        }
        let depth = self.parts[first].depth;
        self.parts[first..]
            .iter()
            .take_while(|part| part.depth >= depth && part.alternative)
            .filter(|part| understood(part))
            .last()
    }

    /// The session description, at any depth.
    pub fn session(&self) -> Option<&Part<'a>> {
        self.choose(|part| {
            part.disposition().eq_ignore_ascii_case(b"session")
                && part
                    .content_type
                    .is_some_and(|media| media.is(b"application", b"sdp"))
        })
    }

    /// The first required part that `understood` rejects; a server answers the request with 415 (RFC 5621 section 3.1).
    /// Of alternative parts, `understood` needs to accept only one.
    pub fn unprocessable(&self, understood: impl Fn(&Part<'a>) -> bool) -> Option<&Part<'a>> {
        let one_is_enough = self
            .parts
            .iter()
            .any(|part| part.alternative && understood(part));
        self.parts.iter().find(|part| {
            !(part.is_optional() || understood(part) || part.alternative && one_is_enough)
        })
    }
}

impl<'b, 'a> IntoIterator for &'b Parts<'a> {
    type Item = &'b Part<'a>;
    type IntoIter = slice::Iter<'b, Part<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.iter()
    }
}

/// The direct parts of one multipart body.
struct Split<'a> {
    body: &'a [u8],
    boundary: SmallVec<[u8; 72]>,
    /// Offset behind the last boundary line; `None` behind the closing one.
    at: Option<usize>,
    depth: u8,
    alternative: bool,
}

impl<'a> Split<'a> {
    fn new(part: &Part<'a>) -> Result<Self, ParseError> {
        let media = part
            .content_type
            .ok_or(ParseError::at(ErrorKind::Missing, 0))?;
        let raw = media
            .params
            .value(b"boundary")
            .ok_or(ParseError::at(ErrorKind::Missing, 0))?;
        let boundary = unquote(raw);
        // RFC 2046 section 5.1.1: 1 to 70 characters.
        if boundary.is_empty() || boundary.len() > 70 {
            return Err(ParseError::at(ErrorKind::Value, 0));
        }
        let boundary = boundary.iter().copied().collect();
        let alternative = media.subtype.eq_ignore_ascii_case(b"alternative");
        let mut split = Split {
            body: part.body,
            boundary,
            at: Some(0),
            depth: part.depth + 1,
            alternative,
        };
        // Skip the preamble in front of the first boundary line.
        let (_, next) = split
            .delimiter(0)
            .ok_or(ParseError::at(ErrorKind::UnexpectedEnd, part.body.len()))?;
        split.at = next;
        Ok(split)
    }

    /// The next boundary line from `at` on: the end of the text in front of it, and the start of the next part, `None`
    /// for the closing line.
    fn delimiter(&self, at: usize) -> Option<(usize, Option<usize>)> {
        let mut line = at;
        loop {
            let text_end =
                memchr::memchr(b'\n', &self.body[line..]).map_or(self.body.len(), |end| line + end);
            let next = (text_end + 1).min(self.body.len());
            let text = &self.body[line..text_end];
            let rest = text
                .strip_prefix(b"--")
                .and_then(|text| text.strip_prefix(&self.boundary[..]));
            if let Some(rest) = rest {
                // The line end in front of the boundary belongs to it.
                let mut end = line;
                if end > at && self.body[end - 1] == b'\n' {
                    end -= 1;
                    if end > at && self.body[end - 1] == b'\r' {
                        end -= 1;
                    }
                }
                let closing = rest.strip_prefix(b"--");
                if class::trim(closing.unwrap_or(rest)).is_empty() {
                    return Some((end, closing.is_none().then_some(next)));
                }
            }
            if text_end >= self.body.len() {
                return None;
            }
            line = next;
        }
    }

    fn part(&self, text: &'a [u8]) -> Result<Part<'a>, ParseError> {
        let mut part = Part {
            head: b"",
            content_type: None,
            content_disposition: None,
            body: text,
            depth: self.depth,
            alternative: self.alternative,
        };
        let mut at = 0;
        loop {
            let blank = match text.get(at..) {
                Some([b'\r', b'\n', ..]) => 2,
                Some([b'\n', ..]) => 1,
                // Only header lines: a part without a body.
                Some([]) | None => 0,
                Some(_) => {
                    at = field(text, at)?.2;
                    continue;
                }
            };
            part.head = &text[..at.min(text.len())];
            part.body = text.get(at + blank..).unwrap_or(b"");
            break;
        }
        for (name, value) in fields(part.head) {
            match name {
                HeaderName::ContentType => part.content_type = Some(single(value, Rules::DEFAULT)?),
                HeaderName::ContentDisposition => {
                    part.content_disposition = Some(single(value, Rules::DEFAULT)?)
                }
                _ => {}
            }
        }
        Ok(part)
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = Result<Part<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at?;
        // Without a closing boundary the last part reaches to the end of the body.
        let (end, next) = self.delimiter(start).unwrap_or((self.body.len(), None));
        self.at = next;
        Some(self.part(&self.body[start..end.max(start)]))
    }
}

impl Message {
    /// The parts of the body; a body that is not multipart is one part with the message's own Content-Type and
    /// Content-Disposition, and an empty body has no part.
    ///
    /// # Errors
    /// Those of [`Parts::parse`], and a malformed Content-Type or Content-Disposition.
    pub fn parts(&self) -> Result<Parts<'_>, ParseError> {
        if self.body().is_empty() {
            return Ok(Parts {
                parts: SmallVec::new(),
            });
        }
        Parts::open(Part {
            head: b"",
            content_type: self.content_type()?,
            content_disposition: self.content_disposition()?,
            body: self.body(),
            depth: 0,
            alternative: false,
        })
    }
}

/// A part for [`write_multipart`].
#[derive(Clone, Copy, Debug)]
pub struct NewPart<'a> {
    /// The part's type.
    pub content_type: MediaType<'a>,
    /// The part's disposition; `None` for the default one.
    pub content_disposition: Option<ContentDisposition<'a>>,
    /// The part's bytes.
    pub body: &'a [u8],
}

/// Writes a multipart body. `boundary` is 1 to 70 token characters that occur in no part, such as random letters.
///
/// # Errors
/// [`ErrorKind::Value`] for a boundary that is malformed or occurs in a part.
pub fn write_multipart(boundary: &[u8], parts: &[NewPart<'_>]) -> Result<Vec<u8>, ParseError> {
    let end = class::run(boundary, 0, class::TOKEN);
    if end != boundary.len() || end == 0 || end > 70 {
        return Err(ParseError::at(ErrorKind::Value, end));
    }
    if parts
        .iter()
        .any(|part| memchr::memmem::find(part.body, boundary).is_some())
    {
        return Err(ParseError::at(ErrorKind::Value, 0));
    }
    let mut out = Vec::new();
    for part in parts {
        let mut put = |piece: &[u8]| out.extend_from_slice(piece);
        put(b"--");
        put(boundary);
        put(b"\r\nContent-Type: ");
        part.content_type.write(&mut put);
        if let Some(disposition) = part.content_disposition {
            put(b"\r\nContent-Disposition: ");
            disposition.write(&mut put);
        }
        put(b"\r\n\r\n");
        put(part.body);
        put(b"\r\n");
    }
    out.extend_from_slice(b"--");
    out.extend_from_slice(boundary);
    out.extend_from_slice(b"--\r\n");
    Ok(out)
}
