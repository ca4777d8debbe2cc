//! Messages: one `Bytes` and the offsets of its parts.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use bytes::Bytes;

use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::identified::Identified;
use crate::limits::{Limits, PartLimits, Rules};
use crate::method::Method;
use crate::name::{HeaderId, HeaderName};
use crate::number::digits;
use crate::scan::{self, Head, Record, StartLine};
use crate::status::StatusCode;
use crate::text::text;
use crate::uri::Uri;

/// A SIP message with known structure: start line, header rows, body. Accessors read values on demand.
#[derive(Clone)]
pub struct Message {
    pub(crate) bytes: Bytes,
    pub(crate) head: Head,
    /// How accessors read its values.
    pub(crate) rules: Rules,
    pub(crate) part_limits: PartLimits,
    /// Whether line ends stood where the body would begin, without any field that describes a body.
    pub(crate) has_blank_body: bool,
    /// What [`Message::identify`] has read.
    pub(crate) identified: Identified,
}

/// A request: a [`Message`] that has a method and a Request-URI.
#[derive(Clone, PartialEq, Eq)]
pub struct Request(Message);

/// A response: a [`Message`] that has a status.
#[derive(Clone, PartialEq, Eq)]
pub struct Response(Message);

/// A message as a request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // Both variants are the same size.
pub enum Kind {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// Reads one message from a transport that carries whole messages: a datagram or a WebSocket message. It skips line
    /// ends in front and discards bytes behind Content-Length (RFC 3261 section 18.3); without Content-Length the body
    /// extends to the end, unless it is line ends without a Content-Type. A line may end in LF alone, and the blank line may be missing when nothing follows it.
    /// [`Message::validate`] checks the values.
    ///
    /// # Errors
    /// A malformed start line or header line, a body shorter than Content-Length, Content-Length fields that differ, or
    /// an exceeded limit.
    pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
        let skip = leading_line_ends(&bytes);
        let bytes = if skip > 0 { bytes.slice(skip..) } else { bytes };
        if bytes.len() > limits.message {
            return Err(ParseError::at(ErrorKind::MessageTooLarge, limits.message));
        }
        // Filled in place, because moving a message copies some hundred bytes.
        let mut result = Ok(Message {
            bytes,
            head: Head::new(StartLine::NONE),
            rules: Rules::lenient(limits.parameters),
            part_limits: PartLimits::of(limits),
            has_blank_body: false,
            identified: Identified::none(),
        });
        if let Ok(message) = &mut result
            && let Err(error) = message.fill(limits)
        {
            return Err(error);
        }
        result
    }

    /// Scans the head and cuts off the bytes behind the body.
    #[inline(always)]
    fn fill(&mut self, limits: &Limits) -> Result<(), ParseError> {
        scan::scan(&self.bytes, limits, &mut self.head)?;
        let head_end = usize::from(self.head.end);
        let present = self.bytes.len() - head_end;
        let body = match content_length(&self.bytes, &self.head)? {
            Some(length) => length as usize,
            None if present > 0 && self.is_blank_body() => {
                self.has_blank_body = true;
                0
            }
            None => present,
        };
        if body > limits.body {
            return Err(ParseError::at(ErrorKind::BodyTooLarge, head_end));
        }
        if body > present {
            let missing = (body - present) as u32;
            return Err(ParseError::at(
                ErrorKind::BodyTooShort { missing },
                self.bytes.len(),
            ));
        }
        if body < present {
            self.bytes.truncate(head_end + body);
        }
        Ok(())
    }

    /// Whether only line ends follow the head, and no Content-Type says that they are a body: senders without
    /// Content-Length end the head with one CRLF too many.
    #[cold]
    fn is_blank_body(&self) -> bool {
        let rest = &self.bytes[usize::from(self.head.end)..];
        let only_line_ends = rest.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        only_line_ends && self.head.find(HeaderName::ContentType.id()).is_none()
    }

    /// Rebuilds a request that [`Message::parse`] or [`Message::validate`] rejects, so that a server can answer it: the
    /// start line, malformed or not, and every line that is a header field within `limits`, without the body. `None`
    /// for a response, and for a request without Via, because a response to it has no destination. Only for
    /// [`Builder::response_to`](crate::Builder::response_to).
    pub fn salvage(bytes: Bytes, limits: &Limits) -> Option<Request> {
        let skip = leading_line_ends(&bytes);
        let window = &bytes[skip..];
        let window = &window[..window.len().min(limits.head).min(usize::from(u16::MAX))];
        if window.len() >= 4 && window[..4].eq_ignore_ascii_case(b"SIP/") {
            return None;
        }
        let mut at = memchr::memchr(b'\n', window)? + 1;
        let method_end = class::run(window, 0, class::TOKEN);
        if method_end == 0 {
            return None;
        }
        let text = class::trim_end(&window[..at]);
        let text_start = class::skip_lws(text, method_end);
        let mut head = Head::new(StartLine {
            status: 0,
            method_end: method_end as u16,
            text_start: text_start as u16,
            text_end: text.len().max(text_start) as u16,
            line_end: at as u16,
        });
        let mut saved = Vec::from(&window[..at]);
        let mut count = 0u16;
        while at < window.len() && !matches!(window[at], b'\n' | b'\r') && count < limits.headers {
            count += 1;
            let (mut record, mut lone_cr) = (Record::NONE, false);
            match scan::field(window, at, limits, &mut record, &mut lone_cr) {
                Ok(next) => {
                    // Drop a field with a lone CR, because the response would copy it.
                    if !lone_cr {
                        head.push(record.moved(at, saved.len()));
                        saved.extend_from_slice(&window[at..next]);
                    }
                    at = next;
                }
                Err(_) => {
                    at += memchr::memchr(b'\n', &window[at..])
                        .map_or(window.len() - at, |end| end + 1)
                }
            }
        }
        head.find(HeaderName::Via.id())?;
        if saved.len() + 2 > usize::from(u16::MAX) {
            return None;
        }
        saved.extend_from_slice(b"\r\n");
        head.end = saved.len() as u16;
        Some(Request(Message {
            bytes: Bytes::from(saved),
            head,
            rules: Rules::lenient(limits.parameters),
            part_limits: PartLimits::of(limits),
            has_blank_body: false,
            identified: Identified::none(),
        }))
    }

    /// The bytes of the message on the wire.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Start line, header lines and blank line.
    pub fn head(&self) -> &[u8] {
        &self.bytes[..usize::from(self.head.end)]
    }

    /// The body; empty when there is none.
    pub fn body(&self) -> &[u8] {
        &self.bytes[usize::from(self.head.end)..]
    }

    /// The body, sharing the message's memory.
    pub fn body_bytes(&self) -> Bytes {
        self.bytes.slice(usize::from(self.head.end)..)
    }

    /// Whether this is a request.
    pub fn is_request(&self) -> bool {
        self.head.start.status == 0
    }

    /// The message as a request or a response.
    pub fn kind(self) -> Kind {
        if self.is_request() {
            Kind::Request(Request(self))
        } else {
            Kind::Response(Response(self))
        }
    }

    /// The message as a request.
    ///
    /// # Errors
    /// The message itself, when it is a response.
    #[allow(clippy::result_large_err)] // The error returns the message to the caller.
    pub fn into_request(self) -> Result<Request, Message> {
        if self.is_request() {
            Ok(Request(self))
        } else {
            Err(self)
        }
    }

    /// The message as a response.
    ///
    /// # Errors
    /// The message itself, when it is a request.
    #[allow(clippy::result_large_err)] // The error returns the message to the caller.
    pub fn into_response(self) -> Result<Response, Message> {
        if self.is_request() {
            Err(self)
        } else {
            Ok(Response(self))
        }
    }

    /// A copy as a request, sharing the bytes; `None` for a response.
    pub fn as_request(&self) -> Option<Request> {
        self.is_request().then(|| Request(self.clone()))
    }

    /// A copy as a response, sharing the bytes; `None` for a request.
    pub fn as_response(&self) -> Option<Response> {
        (!self.is_request()).then(|| Response(self.clone()))
    }

    pub(crate) fn slice(&self, start: u16, end: u16) -> &[u8] {
        &self.bytes[usize::from(start)..usize::from(end)]
    }

    pub(crate) fn value_of(&self, record: &Record) -> &[u8] {
        self.slice(record.value_start, record.value_end)
    }

    /// The method; `None` in a response. Borrows the message, where [`Message::kind`] moves it.
    pub fn request_method(&self) -> Option<Method<'_>> {
        self.is_request()
            .then(|| Method::from_token(self.slice(0, self.head.start.method_end)))
    }

    /// The Request-URI; `None` in a response.
    ///
    /// # Errors
    /// The first fault in it, with its offset in the message.
    pub fn request_uri(&self) -> Result<Option<Uri<'_>>, ParseError> {
        if !self.is_request() {
            return Ok(None);
        }
        self.start_uri().map(Some)
    }

    /// The status code; `None` in a request.
    pub fn response_status(&self) -> Option<StatusCode> {
        StatusCode::new(self.head.start.status)
    }

    pub(crate) fn start_text(&self) -> &[u8] {
        self.slice(self.head.start.text_start, self.head.start.text_end)
    }

    fn start_uri(&self) -> Result<Uri<'_>, ParseError> {
        let start = usize::from(self.head.start.text_start);
        let text = self.start_text();
        let place = |error: ParseError| error.shifted(start);
        let (uri, end) = Uri::prefix(text, 0, crate::uri::Form::Full, self.rules).map_err(place)?;
        if end != text.len() {
            return Err(place(ParseError::at(ErrorKind::Character, end)));
        }
        Ok(uri)
    }

    /// The header field in row `row`.
    pub(crate) fn row(&self, row: usize) -> Header<'_> {
        let record = &self.head.records[row];
        let next = self
            .head
            .records
            .get(row + 1)
            .map_or_else(|| self.rows_end(), |next| next.start);
        Header {
            name: HeaderName::of(record.id, self.slice(record.start, record.name_end)),
            raw_name: self.slice(record.start, record.name_end),
            value: self.value_of(record),
            offset: usize::from(record.value_start),
            line: self.slice(record.start, next),
            folded: record.folded,
        }
    }

    /// The lines of row `row`, and its record relative to their start.
    pub(crate) fn line_of(&self, row: usize) -> (&[u8], Record) {
        let record = &self.head.records[row];
        let next = self
            .head
            .records
            .get(row + 1)
            .map_or_else(|| self.rows_end(), |next| next.start);
        (
            self.slice(record.start, next),
            record.moved(usize::from(record.start), 0),
        )
    }

    /// The offset of the blank line.
    pub(crate) fn rows_end(&self) -> u16 {
        let end = usize::from(self.head.end);
        let blank = match &self.bytes[..end] {
            [.., b'\n', b'\r', b'\n'] => 2,
            [.., b'\n', b'\n'] => 1,
            _ => 0,
        };
        (end - blank) as u16
    }

    /// All header fields in order.
    pub fn headers(
        &self,
    ) -> impl DoubleEndedIterator<Item = Header<'_>> + ExactSizeIterator + Clone {
        (0..self.head.records.len()).map(|row| self.row(row))
    }

    /// The first header field of that name.
    pub fn header(&self, name: HeaderName<'_>) -> Option<Header<'_>> {
        match name {
            HeaderName::Other(_) => self.headers_named(name).next(),
            known => self.head.find(known.id()).map(|row| self.row(row)),
        }
    }

    /// Whether there is a header field of that name.
    pub fn has(&self, name: HeaderName<'_>) -> bool {
        match name {
            HeaderName::Other(_) => self.header(name).is_some(),
            known => self.head.find(known.id()).is_some(),
        }
    }

    /// The header fields of that name, in order.
    pub fn headers_named<'a, 'n>(
        &'a self,
        name: HeaderName<'n>,
    ) -> impl Iterator<Item = Header<'a>> + Clone + use<'a, 'n> {
        self.rows(name.id())
            .map(|row| self.row(row))
            .filter(move |header| header.name == name)
    }

    pub(crate) fn rows(&self, id: HeaderId) -> impl Iterator<Item = usize> + Clone + '_ {
        let first = self.head.find(id).unwrap_or(self.head.records.len());
        (first..self.head.records.len()).filter(move |&row| self.head.records[row].id == id)
    }
}

fn leading_line_ends(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}

/// The one Content-Length of a head (RFC 3261 section 20.14).
pub(crate) fn content_length(bytes: &[u8], head: &Head) -> Result<Option<u64>, ParseError> {
    let id = HeaderName::ContentLength.id();
    let Some(first) = head.find(id) else {
        return Ok(None);
    };
    let mut length = None;
    for record in head.records[first..]
        .iter()
        .filter(|record| record.id == id)
    {
        let start = usize::from(record.value_start);
        let value = &bytes[start..usize::from(record.value_end)];
        let (number, end) =
            digits(value, 0, u64::from(u32::MAX)).map_err(|error| error.within(id, start))?;
        if end != value.len() {
            return Err(ParseError::at(ErrorKind::Character, end).within(id, start));
        }
        // Rejected, because two receivers could read two different messages.
        if length.is_some_and(|length| length != number) {
            return Err(ParseError::at(ErrorKind::ContentLengthMismatch, 0).within(id, start));
        }
        length = Some(number);
    }
    Ok(length)
}

/// Two messages are equal when their bytes are.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Message {}

/// Shows the start line and the size only, because header fields may contain credentials.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.bytes.split(|byte| matches!(byte, b'\r' | b'\n'));
        let line = text(line.into_iter().next().unwrap_or_default());
        write!(f, "Message({line}, {} bytes)", self.bytes.len())
    }
}

impl Request {
    /// The method.
    pub fn method(&self) -> Method<'_> {
        Method::from_token(self.slice(0, self.head.start.method_end))
    }

    /// The Request-URI as received.
    pub fn uri_bytes(&self) -> &[u8] {
        self.start_text()
    }

    /// The Request-URI.
    ///
    /// # Errors
    /// The first fault in it, with its offset in the message.
    pub fn uri(&self) -> Result<Uri<'_>, ParseError> {
        self.start_uri()
    }

    /// The Request-URI, when its scheme is sip or sips.
    ///
    /// # Errors
    /// Those of [`Request::uri`], and [`ErrorKind::UnknownScheme`] (416) for other schemes (RFC 3261 section 8.2.2.1).
    pub fn sip_uri(&self) -> Result<Uri<'_>, ParseError> {
        let uri = self.uri()?;
        if !uri.is_sip() {
            return Err(ParseError::at(
                ErrorKind::UnknownScheme,
                usize::from(self.head.start.text_start),
            ));
        }
        Ok(uri)
    }

    /// The message.
    pub fn into_message(self) -> Message {
        self.0
    }
}

impl Response {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        // The scan accepts only 100 to 699.
        StatusCode::new(self.head.start.status).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
    }

    /// The reason phrase; may be empty.
    pub fn reason(&self) -> &[u8] {
        self.start_text()
    }

    /// The message.
    pub fn into_message(self) -> Message {
        self.0
    }
}

macro_rules! wraps_message {
    ($($type:ident)*) => {$(
        impl Deref for $type {
            type Target = Message;

            fn deref(&self) -> &Message {
                &self.0
            }
        }

        impl From<$type> for Message {
            fn from(wrapped: $type) -> Message {
                wrapped.0
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

wraps_message! { Request Response }

/// One header field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The name; compact and long forms alike.
    pub name: HeaderName<'a>,
    /// The name as spelled in the message.
    pub raw_name: &'a [u8],
    /// The value without blanks around it; may contain folds.
    pub value: &'a [u8],
    /// The offset of the value in the message.
    pub offset: usize,
    /// The whole line or lines with the line end.
    pub line: &'a [u8],
    folded: bool,
}

impl<'a> Header<'a> {
    /// The value with each fold as one space (RFC 3261 section 7.3.1). Allocates only for a fold.
    pub fn unfolded(&self) -> Cow<'a, [u8]> {
        if !self.folded || memchr::memchr(b'\n', self.value).is_none() {
            return Cow::Borrowed(self.value);
        }
        let mut plain = Vec::with_capacity(self.value.len());
        let mut at = 0;
        while let Some(&byte) = self.value.get(at) {
            if matches!(byte, b'\r' | b'\n') {
                // Blanks on both sides of the line end belong to the fold.
                while matches!(plain.last(), Some(b' ' | b'\t')) {
                    plain.pop();
                }
                plain.push(b' ');
                at = class::skip_lws(self.value, at).max(at + 1);
            } else {
                plain.push(byte);
                at += 1;
            }
        }
        Cow::Owned(plain)
    }
}
