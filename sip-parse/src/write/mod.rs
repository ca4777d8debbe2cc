//! The writer: messages from parts, responses from requests, edits of a message.

mod check;
mod emit;
mod error;
mod item;

use alloc::vec::Vec;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::access::first_value_end;
use crate::check::Seen;
use crate::class::{trim, trim_end};
use crate::headers::cseq::CSeq;
use crate::identified::Identified;
use crate::limits::{PartLimits, Rules};
use crate::message::{Message, Request};
use crate::method::Method;
use crate::name::{HeaderId, HeaderName};
use crate::number::digits;
use crate::scan::{Head, StartLine};
use crate::status::StatusCode;
use crate::value::Value;
use check::{check_text, check_token, check_uri, check_value, is_checked};
use emit::{Count, Sink, emit_content, emit_field, emit_line, emit_value};
use error::refuse;
pub use error::{BuildError, BuildErrorKind};
use item::{Content, Item, Start};

/// Builds a message. Methods chain on `&mut Self`; a builder allocates nothing for up to 32 header fields, and
/// [`Builder::build`] allocates once.
#[derive(Clone, Debug)]
pub struct Builder<'a> {
    start: Start<'a>,
    items: SmallVec<[Item<'a>; 32]>,
    body: &'a [u8],
    /// The mandatory header fields: those of a request, those of a response, or only Via.
    needs: &'static [HeaderId],
    rules: Rules,
}

const REQUEST_NEEDS: &[HeaderId] = &[
    HeaderId::VIA,
    HeaderId::FROM,
    HeaderId::TO,
    HeaderId::CALL_ID,
    HeaderId::CSEQ,
    HeaderId::MAX_FORWARDS,
];
const MESSAGE_NEEDS: &[HeaderId] = &[
    HeaderId::VIA,
    HeaderId::FROM,
    HeaderId::TO,
    HeaderId::CALL_ID,
    HeaderId::CSEQ,
];
// Only Via, because a response lacks the fields that its request lacks.
const ANSWER_NEEDS: &[HeaderId] = &[HeaderId::VIA];

impl<'a> Builder<'a> {
    #[inline(always)]
    fn new(start: Start<'a>, needs: &'static [HeaderId]) -> Self {
        Builder {
            start,
            items: SmallVec::new(),
            body: b"",
            needs,
            rules: Rules::DEFAULT,
        }
    }

    /// A request from parts. The caller adds Via, From, To, Call-ID, CSeq and Max-Forwards.
    pub fn request(method: Method<'a>, uri: &'a [u8]) -> Builder<'a> {
        Builder::new(Start::Request { method, uri }, REQUEST_NEEDS)
    }

    /// A response from parts. The caller adds Via, From, To, Call-ID and CSeq.
    pub fn response(status: StatusCode) -> Builder<'a> {
        Builder::new(
            Start::Response {
                status,
                reason: None,
            },
            MESSAGE_NEEDS,
        )
    }

    /// A response to `request` (RFC 3261 section 8.2.6.2): it copies all Via lines in order, From, To, Call-ID and
    /// CSeq, and Timestamp into a 100. It adds `to_tag` to a To without a tag.
    pub fn response_to(
        request: &'a Request,
        status: StatusCode,
        to_tag: Option<&'a [u8]>,
    ) -> Builder<'a> {
        let mut builder = Builder::new(
            Start::Response {
                status,
                reason: None,
            },
            ANSWER_NEEDS,
        );
        builder.rules = request.rules;
        let mut seen = Seen::default();
        for (row, record) in request.head.records.iter().enumerate() {
            match record.id {
                HeaderId::VIA => builder.keep(request, row),
                HeaderId::FROM | HeaderId::CALL_ID | HeaderId::CSEQ if !seen.repeats(record.id) => {
                    builder.keep(request, row);
                }
                HeaderId::TO if !seen.repeats(record.id) => {
                    match to_tag.filter(|_| lacks_tag(request)) {
                        Some(tag) => {
                            // A `;` or a fold at its end would stand in front of the `;` of the tag.
                            let value = request.value_of(record);
                            let last =
                                |byte: &u8| !matches!(byte, b';' | b' ' | b'\t' | b'\r' | b'\n');
                            let end = value.iter().rposition(last).map_or(0, |last| last + 1);
                            let content = Content::Tagged(&value[..end], tag);
                            builder.items.push(Item {
                                id: record.id,
                                name: HeaderName::To,
                                content,
                            });
                        }
                        None => builder.keep(request, row),
                    }
                }
                HeaderId::TIMESTAMP if status == StatusCode::TRYING => builder.keep(request, row),
                _ => {}
            }
        }
        builder
    }

    /// A copy of `message` to edit: start line, header lines and body stay byte for byte unless the caller edits them.
    /// The builder corrects a missing or wrong Content-Length.
    pub fn from_message(message: &'a Message) -> Builder<'a> {
        let line = &message.bytes()[..usize::from(message.head.start.line_end)];
        let start = Start::Kept {
            line,
            start: message.head.start,
        };
        let mut builder = Builder::new(start, MESSAGE_NEEDS);
        builder.rules = message.rules;
        builder.body = message.body();
        for row in 0..message.head.records.len() {
            builder.keep(message, row);
        }
        builder
    }

    /// Adds a row of `message` unchanged.
    fn keep(&mut self, message: &'a Message, row: usize) {
        let (line, record) = message.line_of(row);
        let name = HeaderName::of(record.id, &line[..usize::from(record.name_end)]);
        self.items.push(Item {
            id: record.id,
            name,
            content: Content::Line { line, record },
        });
    }

    /// Sets the reason phrase of a response; no effect on a request.
    pub fn reason(&mut self, phrase: &'a [u8]) -> &mut Self {
        match &mut self.start {
            Start::Response { reason, .. } => *reason = Some(phrase),
            Start::Kept { start, .. } => {
                if let Some(status) = StatusCode::new(start.status) {
                    self.start = Start::Response {
                        status,
                        reason: Some(phrase),
                    };
                }
            }
            Start::Request { .. } => {}
        }
        self
    }

    /// Sets the Request-URI; no effect on a response.
    pub fn set_request_uri(&mut self, new: &'a [u8]) -> &mut Self {
        match &mut self.start {
            Start::Request { uri, .. } => *uri = new,
            Start::Kept { line, start } if start.status == 0 => {
                let method = Method::from_token(&line[..usize::from(start.method_end)]);
                self.start = Start::Request { method, uri: new };
            }
            Start::Kept { .. } | Start::Response { .. } => {}
        }
        self
    }

    fn position(&self, name: HeaderName<'_>) -> Option<usize> {
        let id = name.id();
        self.items.iter().position(|item| item.is(id, &name))
    }

    /// Adds a header field at the end.
    pub fn append(&mut self, name: HeaderName<'a>, value: impl Into<Value<'a>>) -> &mut Self {
        self.items.push(Item::new(name, value.into()));
        self
    }

    /// Adds a header field in front of the first of that name. When there is none, a Via goes first, Route and
    /// Record-Route behind the Vias, all others at the end.
    pub fn prepend(&mut self, name: HeaderName<'a>, value: impl Into<Value<'a>>) -> &mut Self {
        let at = self.position(name).unwrap_or_else(|| match name {
            HeaderName::Via => 0,
            HeaderName::Route | HeaderName::RecordRoute => self
                .items
                .iter()
                .rposition(|item| item.id == HeaderId::VIA)
                .map_or(0, |via| via + 1),
            _ => self.items.len(),
        });
        self.items.insert(at, Item::new(name, value.into()));
        self
    }

    /// Replaces all header fields of that name by one, in place of the first; at the end when there is none.
    pub fn set(&mut self, name: HeaderName<'a>, value: impl Into<Value<'a>>) -> &mut Self {
        let Some(first) = self.position(name) else {
            return self.append(name, value);
        };
        let item = Item::new(name, value.into());
        let id = item.id;
        self.items[first] = item;
        if !id.is_single() {
            let mut row = 0;
            self.items.retain(|item| {
                row += 1;
                row - 1 <= first || !item.is(id, &name)
            });
        }
        self
    }

    /// Removes all header fields of that name.
    pub fn remove(&mut self, name: HeaderName<'_>) -> &mut Self {
        let id = name.id();
        self.items.retain(|item| !item.is(id, &name));
        self
    }

    /// Removes the first comma-separated value of that name: the top Via or Route, even when several share a row.
    pub fn remove_first_value(&mut self, name: HeaderName<'_>) -> &mut Self {
        if let Some(row) = self.position(name) {
            match self.rest_of(row) {
                Some(rest) => self.items[row].content = rest,
                None => {
                    self.items.remove(row);
                }
            }
        }
        self
    }

    /// Replaces the first comma-separated value of that name; adds the field as [`Builder::prepend`] does when there is none.
    pub fn set_first_value(
        &mut self,
        name: HeaderName<'a>,
        value: impl Into<Value<'a>>,
    ) -> &mut Self {
        let Some(row) = self.position(name) else {
            return self.prepend(name, value);
        };
        match self.rest_of(row) {
            Some(rest) => {
                self.items[row].content = rest;
                self.items.insert(row, Item::new(name, value.into()));
            }
            None => self.items[row].content = Content::New(value.into()),
        }
        self
    }

    /// The rest of a row behind its first value; `None` when it is empty.
    fn rest_of(&self, row: usize) -> Option<Content<'a>> {
        let item = &self.items[row];
        if !item.name.is_list() {
            return None;
        }
        let behind = |value: &[u8]| {
            let comma = first_value_end(value);
            let rest = trim(value.get(comma + 1..)?);
            (!rest.is_empty()).then_some(value.len() - rest.len())
        };
        match &item.content {
            Content::New(Value::Joined([_, rest @ ..])) if !rest.is_empty() => {
                Some(Content::New(Value::Joined(rest)))
            }
            Content::New(Value::Owned(value)) => {
                let start = behind(trim_end(value))?;
                Some(Content::New(Value::Owned(value.slice(start..))))
            }
            Content::New(Value::Bytes(value)) => {
                let value = trim_end(value);
                Some(Content::New(Value::Bytes(&value[behind(value)?..])))
            }
            _ => {
                let value = trim_end(item.text()?);
                Some(Content::Kept(&value[behind(value)?..]))
            }
        }
    }

    /// Sets the body and its Content-Type.
    pub fn body(&mut self, content_type: &'a [u8], body: &'a [u8]) -> &mut Self {
        self.body = body;
        self.set(HeaderName::ContentType, content_type)
    }

    /// Removes the body and the header fields that describe it.
    pub fn no_body(&mut self) -> &mut Self {
        self.body = b"";
        for name in [
            HeaderName::ContentType,
            HeaderName::ContentDisposition,
            HeaderName::ContentEncoding,
            HeaderName::ContentLanguage,
        ] {
            self.remove(name);
        }
        self
    }

    /// Whether there is a header field of that name.
    pub fn has(&self, name: HeaderName<'_>) -> bool {
        self.position(name).is_some()
    }

    /// Like [`Builder::build`], but also rejects what [`Message::validate_strict`] rejects.
    ///
    /// # Errors
    /// Those of [`Builder::build`]; [`BuildErrorKind::Value`] for a value that only a lenient reader accepts.
    pub fn build_strict(&self) -> Result<Message, BuildError> {
        let message = self.build()?;
        message.validate_strict().map_err(|error| BuildError {
            kind: BuildErrorKind::Value,
            header: error.header,
            offset: error.offset,
        })?;
        Ok(message)
    }

    /// Writes the message with a correct Content-Length: in its place where the message has one, else at the end.
    ///
    /// # Errors
    /// A mandatory field that is missing; a control character in a name, value, URI or reason phrase; a method, name or
    /// value against its grammar; sizes beyond the capacity of a message.
    pub fn build(&self) -> Result<Message, BuildError> {
        self.check()?;
        if self.body.len() > u32::MAX as usize - usize::from(u16::MAX)
            || self.items.len() >= usize::from(u16::MAX)
        {
            return refuse(BuildErrorKind::TooLarge, None, 0);
        }
        let mut count = Count(0);
        self.emit(&mut count, None);
        if count.0 > usize::from(u16::MAX) {
            return refuse(BuildErrorKind::TooLarge, None, usize::from(u16::MAX));
        }
        // Filled in place, because moving a message copies some hundred bytes.
        let mut result = Ok(Message {
            bytes: Bytes::new(),
            head: Head::new(StartLine::NONE),
            rules: self.rules,
            part_limits: PartLimits::DEFAULT,
            has_blank_body: false,
            identified: Identified::none(),
        });
        if let Ok(message) = &mut result {
            let mut out = Vec::with_capacity(count.0 + self.body.len());
            message.head.end = count.0 as u16;
            self.emit(&mut out, Some(&mut message.head));
            out.extend_from_slice(self.body);
            message.bytes = Bytes::from(out);
            self.check_written(message)?;
        }
        result
    }

    fn check(&self) -> Result<(), BuildError> {
        match &self.start {
            Start::Request { method, uri } => {
                if Method::parse(method.as_bytes()).is_err() {
                    return refuse(BuildErrorKind::Method, None, 0);
                }
                check_uri(uri, None)?;
            }
            Start::Response { reason, .. } => {
                if let Some(reason) = reason {
                    check_text(reason, None)?;
                }
            }
            Start::Kept { .. } => {}
        }
        let mut seen = Seen::default();
        for item in &self.items {
            let id = item.id;
            if seen.repeats(id) && id.is_single() && id != HeaderId::CONTENT_LENGTH {
                return refuse(BuildErrorKind::Repeated, Some(id), 0);
            }
            match &item.content {
                Content::New(value) => {
                    if id == HeaderId::OTHER && HeaderName::parse(item.name.as_bytes()).is_err() {
                        return refuse(BuildErrorKind::Name, Some(id), 0);
                    }
                    check_value(value, id)?;
                }
                Content::Tagged(_, tag) => check_token(tag, Some(id))?,
                Content::Line { .. } | Content::Kept(_) => {}
            }
        }
        match self.needs.iter().find(|id| !seen.has(**id)) {
            Some(missing) => refuse(BuildErrorKind::Missing, Some(*missing), 0),
            None => Ok(()),
        }
    }

    /// The method of a request; `None` for a response.
    fn method(&self) -> Option<Method<'a>> {
        match &self.start {
            Start::Request { method, .. } => Some(*method),
            Start::Kept { line, start } if start.status == 0 => {
                Some(Method::from_token(&line[..usize::from(start.method_end)]))
            }
            _ => None,
        }
    }

    /// Parses every new value that [`check_value`] checks only in part, so that readers accept what the builder writes.
    fn check_written(&self, message: &Message) -> Result<(), BuildError> {
        let mut length_seen = false;
        let mut row = 0;
        for item in &self.items {
            let id = item.id;
            if id == HeaderId::CONTENT_LENGTH && core::mem::replace(&mut length_seen, true) {
                continue;
            }
            let record = &message.head.records[row];
            row += 1;
            let Content::New(value) = &item.content else {
                continue;
            };
            let text = message.value_of(record);
            if id != HeaderId::CONTENT_LENGTH && !is_checked(value, id) {
                let rules = Rules::written(self.rules.parameters);
                crate::field::value(id.name(), text, rules, message.is_request()).map_err(
                    |error| BuildError {
                        kind: BuildErrorKind::Value,
                        header: Some(id),
                        offset: error.offset,
                    },
                )?;
            }
            if id == HeaderId::CSEQ
                && let Some(expected) = self.method()
            {
                let method = match value {
                    Value::CSeq(_, method) => Ok(*method),
                    _ => CSeq::parse(text).map(|cseq| cseq.method),
                };
                if method != Ok(expected) {
                    return refuse(BuildErrorKind::Method, Some(id), 0);
                }
            }
        }
        Ok(())
    }

    /// Writes start line, header fields and the blank line; records their offsets in `head`.
    fn emit(&self, out: &mut impl Sink, mut head: Option<&mut Head>) {
        let start = self.emit_start(out);
        if let Some(head) = head.as_deref_mut() {
            head.start = start;
        }
        let mut length_written = false;
        for item in &self.items {
            if item.id == HeaderId::CONTENT_LENGTH {
                if !length_written {
                    self.emit_length(out, item, head.as_deref_mut());
                }
                length_written = true;
                continue;
            }
            match &item.content {
                Content::Line { line, record } => emit_line(out, line, record, head.as_deref_mut()),
                content => emit_field(out, item.name, head.as_deref_mut(), |out| {
                    emit_content(out, content)
                }),
            }
        }
        if !length_written {
            let value = Value::Number(self.body.len() as u32);
            emit_field(out, HeaderName::ContentLength, head, |out| {
                emit_value(out, &value)
            });
        }
        out.put(b"\r\n");
    }

    fn emit_length(&self, out: &mut impl Sink, item: &Item<'a>, head: Option<&mut Head>) {
        if let Content::Line { line, record } = &item.content {
            let right = digits(item.text().unwrap_or(b""), 0, u64::MAX)
                .is_ok_and(|(number, _)| number == self.body.len() as u64);
            if right {
                return emit_line(out, line, record, head);
            }
        }
        let value = Value::Number(self.body.len() as u32);
        emit_field(out, HeaderName::ContentLength, head, |out| {
            emit_value(out, &value)
        });
    }

    fn emit_start(&self, out: &mut impl Sink) -> StartLine {
        let (status, method_end, text_start, text_end) = match &self.start {
            Start::Request { method, uri } => {
                out.put(method.as_bytes());
                let method_end = out.at();
                out.put(b" ");
                out.put(uri);
                let text_end = out.at();
                out.put(b" SIP/2.0\r\n");
                (0, method_end, method_end + 1, text_end)
            }
            Start::Response { status, reason } => {
                out.put(b"SIP/2.0 ");
                out.put(&status.digits());
                out.put(b" ");
                let text_start = out.at();
                out.put(reason.unwrap_or(status.reason().as_bytes()));
                let text_end = out.at();
                out.put(b"\r\n");
                (status.as_u16(), 0, text_start, text_end)
            }
            Start::Kept { line, start } => {
                out.put(line);
                return *start;
            }
        };
        StartLine {
            status,
            method_end: method_end as u16,
            text_start: text_start as u16,
            text_end: text_end as u16,
            line_end: out.at() as u16,
        }
    }
}

/// False for a malformed To, which the response copies unchanged.
fn lacks_tag(request: &Request) -> bool {
    request.to().is_ok_and(|to| to.tag().is_none())
}
