//! Bodies of several parts (RFC 5621, RFC 2046 section 5.1).

use alloc::borrow::Cow;
use alloc::vec::Vec;

use smallvec::{SmallVec, smallvec};

use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::headers::media::{ContentDisposition, MediaType};
use crate::headers::{Element, HeaderValue, single};
use crate::limits::{PartLimits, Rules};
use crate::message::Message;
use crate::name::{self, HeaderId, HeaderName};
use crate::params::{unexpected, unquote};
use crate::transfer_coding;

/// One part of a body; a body that is not multipart is one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part<'a> {
    /// The part's header lines, each with its line end; empty when it has none.
    pub head: &'a [u8],
    /// The part's Content-Type; `None` when absent, which means text/plain.
    pub content_type: Option<MediaType<'a>>,
    /// The part's Content-Disposition; `None` when absent.
    pub content_disposition: Option<ContentDisposition<'a>>,
    /// The part's bytes as received; [`Part::decoded`] undoes their transfer encoding.
    pub body: &'a [u8],
    /// Number of multipart bodies around this part; 0 for the message body itself.
    pub depth: u8,
    /// What the part is to the multipart body around it.
    pub role: PartRole,
    /// The first fault of a malformed part: in a header line, its Content-Type or Content-Disposition, or in the boundaries
    /// of a multipart part, which stays unopened then.
    pub fault: Option<ParseError>,
    /// Whether Content-Encoding has another coding than `identity`.
    encoded: bool,
    /// Content-Transfer-Encoding, unless it leaves the bytes as they are.
    transfer_encoding: Option<&'a [u8]>,
}

/// What a part is to the multipart body around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartRole {
    /// The body of the message itself.
    Whole,
    /// A part of multipart/mixed, and of every multipart type that is not named below (RFC 2046 section 5.1.3).
    Independent,
    /// A part of multipart/alternative: the recipient uses the last one that it understands (RFC 2046 section 5.1.4).
    Alternative,
    /// The root of multipart/related: the part that `start` names, else the first (RFC 2387 section 3.2).
    Root,
    /// Another part of multipart/related. Only the root refers to it.
    Referenced,
}

impl<'a> Part<'a> {
    fn new(head: &'a [u8], body: &'a [u8], depth: u8, role: PartRole) -> Self {
        Self::of(head, fields(head), body, depth, role)
    }

    /// A part with these header fields, which are those of `head`.
    fn of(
        head: &'a [u8],
        fields: impl Iterator<Item = (HeaderName<'a>, &'a [u8])>,
        body: &'a [u8],
        depth: u8,
        role: PartRole,
    ) -> Self {
        let mut part = Part {
            head,
            content_type: None,
            content_disposition: None,
            body,
            depth,
            role,
            fault: None,
            encoded: false,
            transfer_encoding: None,
        };
        for (name, value) in fields {
            let read = match name {
                HeaderName::ContentType => once(&mut part.content_type, value),
                HeaderName::ContentDisposition => once(&mut part.content_disposition, value),
                HeaderName::ContentEncoding => {
                    part.encoded |= has_coding(value);
                    Ok(())
                }
                HeaderName::Other(name)
                    if name.eq_ignore_ascii_case(b"Content-Transfer-Encoding") =>
                {
                    part.transfer_encoding = Some(value).filter(|coding| changes_bytes(coding));
                    Ok(())
                }
                _ => Ok(()),
            };
            if let Err(fault) = read {
                part.fault.get_or_insert(fault);
            }
        }
        part
    }

    /// The purpose of the part: its Content-Disposition, else `session` for application/sdp and `render` for all others
    /// (RFC 3261 section 20.11, RFC 5621 section 8).
    pub fn disposition(&self) -> &'a [u8] {
        match (self.content_disposition, self.content_type) {
            (Some(written), _) => written.disposition,
            (None, Some(media)) if media.is(b"application", b"sdp") => b"session",
            (None, _) => b"render",
        }
    }

    /// Whether a recipient may ignore the part (`handling=optional`); the default is required (RFC 3261 section 20.11).
    pub fn is_optional(&self) -> bool {
        self.content_disposition
            .is_some_and(|written| written.optional)
    }

    /// Whether the part is itself multipart.
    pub fn is_multipart(&self) -> bool {
        self.content_type
            .is_some_and(|media| media.type_.eq_ignore_ascii_case(b"multipart"))
    }

    /// Whether the recipient looks for parts in it. The boundaries of an encoded body are encoded, too.
    fn opens(&self) -> bool {
        self.is_multipart() && !self.encoded && self.transfer_encoding.is_none()
    }

    /// Whether the part is a readable session description: application/sdp with the disposition `session`, which excludes
    /// `early-session` (RFC 3959), and in an encoding that [`Part::decoded`] undoes.
    pub fn is_session_description(&self) -> bool {
        self.content_type
            .is_some_and(|media| media.is(b"application", b"sdp"))
            && self.disposition().eq_ignore_ascii_case(b"session")
            && self.decoded().is_some()
    }

    /// The value of one of the part's header fields; may contain folds.
    pub fn header(&self, name: HeaderName<'_>) -> Option<&'a [u8]> {
        fields(self.head)
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    /// The part's Content-ID without its angle brackets, by which other parts and header fields refer to it (RFC 2392).
    pub fn content_id(&self) -> Option<&'a [u8]> {
        self.header(HeaderName::ContentId).map(without_brackets)
    }

    /// Whether Content-Encoding has another coding than `identity`, such as `gzip` (RFC 3261 section 20.12).
    pub fn is_encoded(&self) -> bool {
        self.encoded
    }

    /// The part's bytes with base64 or quoted-printable undone; allocates only for these two. `None` if they are malformed,
    /// for any other Content-Transfer-Encoding that changes bytes, and for a Content-Encoding.
    pub fn decoded(&self) -> Option<Cow<'a, [u8]>> {
        if self.encoded {
            return None;
        }
        let Some(coding) = self.transfer_encoding else {
            return Some(Cow::Borrowed(self.body));
        };
        if coding.eq_ignore_ascii_case(b"base64") {
            transfer_coding::base64(self.body).map(Cow::Owned)
        } else if coding.eq_ignore_ascii_case(b"quoted-printable") {
            transfer_coding::quoted_printable(self.body).map(Cow::Owned)
        } else {
            None
        }
    }

    /// Whether the part is only used where another part or a header field refers to it (RFC 5621 section 9).
    fn is_by_reference(&self) -> bool {
        self.disposition().eq_ignore_ascii_case(b"by-reference")
    }

    /// Whether the recipient may look for its own parts in this multipart part: its disposition is not one that gives all
    /// of them another purpose, such as `early-session`.
    fn is_transparent(&self) -> bool {
        let purpose = self.disposition();
        purpose.eq_ignore_ascii_case(b"render") || purpose.eq_ignore_ascii_case(b"session")
    }
}

/// Reads the value of a field that may occur once.
fn once<'a, T: Element<'a>>(found: &mut Option<T>, value: &'a [u8]) -> Result<(), ParseError> {
    if found.is_some() {
        return Err(ParseError::at(ErrorKind::Repeated, 0));
    }
    *found = Some(single(value, Rules::DEFAULT)?);
    Ok(())
}

/// Whether a value of Content-Encoding has another coding than `identity`.
fn has_coding(value: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .map(class::trim)
        .any(|coding| !(coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")))
}

/// Whether a Content-Transfer-Encoding is not one that leaves the bytes as they are (RFC 2045 section 6.2).
fn changes_bytes(coding: &[u8]) -> bool {
    ![&b"7bit"[..], b"8bit", b"binary"]
        .iter()
        .any(|same| coding.eq_ignore_ascii_case(same))
}

fn without_brackets(id: &[u8]) -> &[u8] {
    let id = class::trim(id);
    id.strip_prefix(b"<")
        .and_then(|id| id.strip_suffix(b">"))
        .unwrap_or(id)
}

/// The header fields of a part's head. Malformed lines are skipped.
fn fields(head: &[u8]) -> impl Iterator<Item = (HeaderName<'_>, &[u8])> {
    let mut at = 0;
    core::iter::from_fn(move || {
        while at < head.len() {
            match field(head, at) {
                Ok((name, value, next)) => {
                    at = next;
                    return Some((HeaderName::of(name::lookup(name), name), value));
                }
                Err(_) => at = line_end(head, at),
            }
        }
        None
    })
}

/// The start of the line behind `at`.
fn line_end(text: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |end| at + end + 1)
}

/// One header field with its folds at `at`: name, value, and the start of the next line. The line end of the last field
/// may be missing, because it belongs to the boundary.
fn field(head: &[u8], at: usize) -> Result<(&[u8], &[u8], usize), ParseError> {
    let name_end = class::run(head, at, class::TOKEN);
    let colon = class::run(head, name_end, class::BLANK);
    if name_end == at || head.get(colon) != Some(&b':') {
        return Err(unexpected(head, colon));
    }
    let mut next = line_end(head, colon + 1);
    while class::at(head, next, class::BLANK) {
        next = line_end(head, next);
    }
    Ok((
        &head[at..name_end],
        class::trim(&head[colon + 1..next]),
        next,
    ))
}

/// The parts of a body, in order.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// All parts, multipart ones too, each in front of its own parts.
    nodes: SmallVec<[Node<'a>; 4]>,
}

#[derive(Clone, Debug)]
struct Node<'a> {
    part: Part<'a>,
    /// The index of the multipart part around it; its own for the whole body.
    parent: usize,
    /// Whether its own parts follow.
    opened: bool,
}

/// What a recipient does with the parts of a body; [`Parts::select`] has the rules.
#[derive(Clone, Debug)]
pub struct Selection<'p, 'a> {
    used: SmallVec<[&'p Part<'a>; 2]>,
    refused: Option<&'p Part<'a>>,
}

impl<'p, 'a> Selection<'p, 'a> {
    /// That of a body that is one part.
    fn of_whole(whole: &'p Part<'a>, understood: bool) -> Self {
        let processed = understood && whole.fault.is_none() || whole.is_by_reference();
        Self {
            used: understood.then_some(whole).into_iter().collect(),
            refused: (!processed && !whole.is_optional()).then_some(whole),
        }
    }

    /// The parts that the recipient uses, in order.
    pub fn used(&self) -> impl Iterator<Item = &'p Part<'a>> {
        self.used.iter().copied()
    }

    /// The first part that the recipient has to process and cannot. A server refuses the request for it: with 400 if the
    /// part has a [`Part::fault`], else with 415 (RFC 5621 section 8). A response cannot be refused.
    pub fn refused(&self) -> Option<&'p Part<'a>> {
        self.refused
    }
}

/// What [`Parts::select`] finds out about one part and the parts in it.
#[derive(Clone, Copy, Default)]
struct Verdict {
    /// The part that keeps a recipient from processing this one.
    refused: Option<usize>,
    /// Whether there is something in it that the recipient understands.
    useful: bool,
    /// Of alternatives the one to use.
    chosen: Option<usize>,
}

impl Verdict {
    /// How good an alternative is: one that can be processed as a whole, and holds something to use.
    const fn rank(self) -> u8 {
        (self.refused.is_none() as u8) << 1 | self.useful as u8
    }
}

impl<'a> Parts<'a> {
    /// Splits a body into its parts, within [`Limits::DEFAULT`](crate::Limits::DEFAULT).
    ///
    /// # Errors
    /// [`ErrorKind::TooManyParts`] for more parts or levels than [`Limits`](crate::Limits) allows. Other faults are in [`Part::fault`].
    pub fn parse(content_type: Option<MediaType<'a>>, body: &'a [u8]) -> Result<Self, ParseError> {
        let mut whole = Part::new(b"", body, 0, PartRole::Whole);
        whole.content_type = content_type;
        Parts::open(whole, PartLimits::DEFAULT)
    }

    fn open(whole: Part<'a>, limits: PartLimits) -> Result<Self, ParseError> {
        let mut nodes = SmallVec::<[Node<'a>; 4]>::new();
        // A stack of parts to open, the next one on top, in place of recursion, because the peer controls the depth.
        let mut waiting: SmallVec<[(Part<'a>, usize); 4]> = SmallVec::new();
        if !whole.opens() {
            nodes.push(Node {
                part: whole,
                parent: 0,
                opened: false,
            });
            return Ok(Parts { nodes });
        }
        waiting.push((whole, 0));
        let mut opened = 0;
        while let Some((mut part, parent)) = waiting.pop() {
            let index = nodes.len();
            let mut split = None;
            if part.opens() {
                if part.depth >= limits.depth {
                    return Err(ParseError::at(ErrorKind::TooManyParts, 0));
                }
                match Split::new(&part) {
                    Ok(found) => split = Some(found),
                    Err(fault) => _ = part.fault.get_or_insert(fault),
                }
            }
            nodes.push(Node {
                part,
                parent,
                opened: split.is_some(),
            });
            let first = waiting.len();
            for inner in split.into_iter().flatten() {
                opened += 1;
                if opened > limits.parts {
                    return Err(ParseError::at(ErrorKind::TooManyParts, 0));
                }
                waiting.push((inner, index));
            }
            if let Some(related) = part.related() {
                related.mark_root(&mut waiting[first..]);
            }
            waiting[first..].reverse();
        }
        Ok(Parts { nodes })
    }

    /// The parts that are not multipart, at every depth; a multipart part that is malformed or encoded counts as one.
    pub fn iter(&self) -> impl Iterator<Item = &Part<'a>> + Clone {
        self.nodes
            .iter()
            .filter(|node| !node.opened)
            .map(|node| &node.part)
    }

    /// The body as a whole; `None` if it is empty.
    pub fn whole(&self) -> Option<&Part<'a>> {
        self.nodes.first().map(|node| &node.part)
    }

    /// Selects the parts to use. `understood` says of a part that is not multipart whether the recipient can process it
    /// in this message: its type, its disposition and its encoding.
    ///
    /// | part | processed if | uses |
    /// |------|--------------|------|
    /// | one that is not multipart | it is understood and well formed | itself, if understood |
    /// | multipart/alternative | one of its parts is, whatever their handling | the last such part |
    /// | multipart/related | its root is | its root |
    /// | other multipart | all its required parts are | all its parts |
    /// | any with the disposition `by-reference` | always | nothing |
    /// | multipart with another disposition than `render` and `session` | never | nothing |
    pub fn select(&self, understood: impl Fn(&Part<'a>) -> bool) -> Selection<'_, 'a> {
        let nodes = &self.nodes;
        // Most bodies are one part.
        if let [node] = &nodes[..]
            && !node.opened
        {
            return Selection::of_whole(&node.part, understood(&node.part));
        }
        let mut verdicts: SmallVec<[Verdict; 4]> = smallvec![Verdict::default(); nodes.len()];
        // From the back, because the parts of a part stand behind it.
        for (index, node) in nodes.iter().enumerate().rev() {
            let own = &mut verdicts[index];
            if !node.opened {
                own.useful = understood(&node.part);
            }
            let usable = if node.opened {
                node.part.is_transparent()
            } else {
                own.useful
            };
            if !usable || node.part.fault.is_some() {
                own.refused = Some(index);
            }
            if node.part.is_by_reference() {
                own.refused = None;
            }
            own.useful &= usable;
            let own = *own;
            let around = &mut verdicts[node.parent];
            match node.part.role {
                PartRole::Whole | PartRole::Referenced => {}
                PartRole::Independent => {
                    around.useful |= own.useful;
                    if own.refused.is_some() && !node.part.is_optional() {
                        around.refused = own.refused;
                    }
                }
                PartRole::Alternative => {
                    if around.chosen.is_none() || own.rank() > around.rank() {
                        let chosen = Some(index);
                        *around = Verdict { chosen, ..own };
                    }
                }
                PartRole::Root => (around.refused, around.useful) = (own.refused, own.useful),
            }
        }
        let mut used: SmallVec<[bool; 8]> = smallvec![false; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            used[index] = match node.part.role {
                PartRole::Whole => true,
                PartRole::Independent | PartRole::Root => used[node.parent],
                PartRole::Alternative => {
                    used[node.parent] && verdicts[node.parent].chosen == Some(index)
                }
                PartRole::Referenced => false,
            } && verdicts[index].useful;
        }
        let used = nodes
            .iter()
            .zip(used)
            .filter(|(node, used)| *used && !node.opened);
        Selection {
            used: used.map(|(node, _)| &node.part).collect(),
            refused: verdicts
                .first()
                .and_then(|whole| whole.refused)
                .filter(|_| !nodes[0].part.is_optional())
                .map(|index| &nodes[index].part),
        }
    }

    /// The session description, at any depth (RFC 3264): the first in the parts that a recipient uses who understands
    /// nothing else.
    pub fn session(&self) -> Option<&Part<'a>> {
        self.select(Part::is_session_description).used().next()
    }
}

/// A multipart/related body.
struct Related<'a> {
    /// The Content-ID of its root.
    start: Option<Cow<'a, [u8]>>,
}

impl<'a> Part<'a> {
    fn related(&self) -> Option<Related<'a>> {
        let media = self.content_type?;
        media.is(b"multipart", b"related").then(|| Related {
            start: media.params.value(b"start").map(unquote),
        })
    }
}

impl Related<'_> {
    /// The root is the part that `start` names, else the first (RFC 2387 section 3.2).
    fn mark_root(&self, parts: &mut [(Part<'_>, usize)]) {
        let start = self.start.as_deref().map(without_brackets);
        let named = |(part, _): &(Part<'_>, usize)| part.content_id() == start;
        let root = start.and_then(|_| parts.iter().position(named));
        if let Some((root, _)) = parts.get_mut(root.unwrap_or(0)) {
            root.role = PartRole::Root;
        }
    }
}

/// The direct parts of one multipart body.
struct Split<'a> {
    body: &'a [u8],
    boundary: SmallVec<[u8; 72]>,
    /// Offset behind the last boundary line; `None` behind the closing one.
    at: Option<usize>,
    depth: u8,
    role: PartRole,
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
        let role = match media.subtype {
            subtype if subtype.eq_ignore_ascii_case(b"alternative") => PartRole::Alternative,
            subtype if subtype.eq_ignore_ascii_case(b"related") => PartRole::Referenced,
            _ => PartRole::Independent,
        };
        let mut split = Split {
            body: part.body,
            boundary,
            at: Some(0),
            depth: part.depth + 1,
            role,
        };
        // Skip the preamble in front of the first boundary line, which has at least one part behind it.
        let first = split.delimiter(0).and_then(|(_, next)| next);
        split.at = Some(first.ok_or(ParseError::at(ErrorKind::UnexpectedEnd, part.body.len()))?);
        Ok(split)
    }

    /// The next boundary line from `at` on: the end of the text in front of it, and the start of the next part, `None`
    /// for the closing line. The last line of the body closes, too, because some peers leave one or both hyphens out.
    fn delimiter(&self, at: usize) -> Option<(usize, Option<usize>)> {
        let mut line = at;
        loop {
            let next = line_end(self.body, line);
            let text = &self.body[line..next];
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
                let cut = next == self.body.len() && class::trim(rest) == b"-";
                let closing = if cut {
                    Some(&[][..])
                } else {
                    rest.strip_prefix(b"--")
                };
                if class::trim(closing.unwrap_or(rest)).is_empty() {
                    let opens = closing.is_none() && next < self.body.len();
                    return Some((end, opens.then_some(next)));
                }
            }
            if next >= self.body.len() {
                return None;
            }
            line = next;
        }
    }

    /// One part: header lines, a blank line, the body. A part without a blank line has no body.
    fn part(&self, text: &'a [u8]) -> Part<'a> {
        let mut at = 0;
        let mut fault = None;
        let blank = loop {
            match &text[at..] {
                [b'\r', b'\n', ..] => break 2,
                [b'\n', ..] => break 1,
                [] => break 0,
                _ => match field(text, at) {
                    Ok((_, _, next)) => at = next,
                    Err(error) => {
                        fault.get_or_insert(error);
                        at = line_end(text, at);
                    }
                },
            }
        };
        let mut part = Part::new(&text[..at], &text[at + blank..], self.depth, self.role);
        part.fault = fault.or(part.fault);
        part
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at?;
        // Without a closing boundary the last part reaches to the end of the body, because Content-Length proves that it
        // is whole.
        let (end, next) = self.delimiter(start).unwrap_or((self.body.len(), None));
        self.at = next;
        Some(self.part(&self.body[start..end.max(start)]))
    }
}

impl Message {
    /// The parts of the body; a body that is not multipart is one part with the header fields of the message, and an empty
    /// body has no part.
    ///
    /// # Errors
    /// [`ErrorKind::TooManyParts`] for more parts or levels than [`Limits`](crate::Limits) allows. Other faults are in [`Part::fault`].
    ///
    /// ```
    /// use sip_parse::{Bytes, HeaderName, Limits, Message};
    ///
    /// let wire = "MESSAGE sip:bob@example.com SIP/2.0\n\
    ///     Content-Type: multipart/mixed;boundary=b\n\n\
    ///     --b\nContent-Type: text/plain\n\nHello\n\
    ///     --b\nContent-Type: image/png\nContent-ID: <face@example.com>\n\
    ///     Content-Disposition: icon;handling=optional\n\n\u{1}\u{2}\n--b--\n";
    /// let message = Message::parse(Bytes::from_static(wire.as_bytes()), &Limits::default())?;
    /// let parts = message.parts()?;
    /// let seen: Vec<_> = parts.iter().map(|part| (part.disposition(), part.is_optional(), part.body)).collect();
    /// assert_eq!(seen, [(&b"render"[..], false, &b"Hello"[..]), (b"icon", true, b"\x01\x02")]);
    /// assert_eq!(parts.iter().nth(1).and_then(|part| part.content_id()), Some(&b"face@example.com"[..]));
    /// # Ok::<(), sip_parse::ParseError>(())
    /// ```
    pub fn parts(&self) -> Result<Parts<'_>, ParseError> {
        if self.body().is_empty() {
            return Ok(Parts {
                nodes: SmallVec::new(),
            });
        }
        let rows = &self.head()[line_end(self.head(), 0)..];
        // The fields that say what a body is; Content-Transfer-Encoding is one of those without a number.
        const OF_A_BODY: [HeaderId; 4] = [
            HeaderName::ContentType.id(),
            HeaderName::ContentDisposition.id(),
            HeaderName::ContentEncoding.id(),
            HeaderId::OTHER,
        ];
        let rows_of_a_body = (0..self.head.records.len())
            .filter(|row| OF_A_BODY.contains(&self.head.records[*row].id));
        let fields = rows_of_a_body
            .map(|row| self.row(row))
            .map(|header| (header.name, header.value));
        let whole = Part::of(rows, fields, self.body(), 0, PartRole::Whole);
        Parts::open(whole, self.part_limits)
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
