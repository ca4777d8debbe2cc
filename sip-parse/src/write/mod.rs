//! The writer: messages from parts, responses from requests, edits of a message.

mod check;
mod emit;
mod error;
mod field;
mod plain;
mod rows;
mod shared;
mod stamp;
mod text;

use core::fmt;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::access::{first_value_end, without_empties};
use crate::check::Seen;
use crate::class::trim;
use crate::headers::cseq::CSeq;
use crate::identified::Identified;
use crate::limits::{PartLimits, Rules};
use crate::message::{Message, Request};
use crate::method::Method;
use crate::name::{HeaderId, HeaderName};
use crate::number::{decimal, digits};
use crate::scan::{Head, Record};
use crate::status::StatusCode;
use crate::value::Value;
use check::{check_new, check_text, check_token, check_uri};
use emit::emit_value;
use error::refuse;
pub use error::{BuildError, BuildErrorKind};
pub use field::Field;
use rows::Rows;
use shared::joined;
use text::MOST;

/// Builds a message. Methods chain on `&mut Self`. Each writes at once and remembers its first fault for [`Builder::build`]; a
/// builder allocates nothing for a head of up to 1,536 bytes and 24 header fields, and [`Builder::build`] allocates once.
#[derive(Clone)]
pub struct Builder<'a> {
    rows: Rows,
    /// The fault of the start line.
    start: Result<(), BuildError>,
    /// The method of a request; `None` for a response.
    method: Option<Method<'a>>,
    body: &'a [u8],
    /// The mandatory header fields: those of a request, those of a response, or only Via.
    needs: &'static [HeaderId],
    rules: Rules,
}

/// The line of a header field at the end of the text, and its fault with whether it is late.
struct Written {
    record: Record,
    checked: Result<(), (BuildError, bool)>,
}

/// Where a row goes.
#[derive(Clone, Copy)]
enum Place {
    AtEnd,
    Before(usize),
    Instead(usize),
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
    fn new(method: Option<Method<'a>>, needs: &'static [HeaderId]) -> Self {
        Builder {
            rows: Rows::new(),
            start: Ok(()),
            method,
            body: b"",
            needs,
            rules: Rules::DEFAULT,
        }
    }

    /// A request from parts. The caller adds Via, From, To, Call-ID, CSeq and Max-Forwards.
    pub fn request(method: Method<'a>, uri: &'a [u8]) -> Builder<'a> {
        let mut builder = Builder::new(Some(method), REQUEST_NEEDS);
        builder.write_request_line(method, uri);
        builder
    }

    /// A response from parts. The caller adds Via, From, To, Call-ID and CSeq.
    pub fn response(status: StatusCode) -> Builder<'a> {
        let mut builder = Builder::new(None, MESSAGE_NEEDS);
        builder.write_status_line(status, status.reason().as_bytes());
        builder
    }

    /// A response to `request` (RFC 3261 section 8.2.6.2): it copies all Via lines in order, From, To, Call-ID and
    /// CSeq, and Timestamp into a 100. It adds `to_tag` to a To without a tag.
    pub fn response_to(
        request: &'a Request,
        status: StatusCode,
        to_tag: Option<&'a [u8]>,
    ) -> Builder<'a> {
        let mut builder = Builder::new(None, ANSWER_NEEDS);
        builder.write_status_line(status, status.reason().as_bytes());
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
                        Some(tag) => builder.write_tagged(request.value_of(record), tag),
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
        let mut builder = Builder::new(message.request_method(), MESSAGE_NEEDS);
        builder.rows.copy(message);
        builder.rules = message.rules;
        builder.body = message.body();
        builder
    }

    /// Adds a row of `message` unchanged.
    #[inline]
    fn keep(&mut self, message: &Message, row: usize) {
        let (line, record) = message.line_of(row);
        self.rows.put_line(line, &record);
    }

    /// Adds the To of a request with a tag.
    fn write_tagged(&mut self, to: &[u8], tag: &[u8]) {
        // A `;` or a fold at its end would stand in front of the `;` of the tag.
        let last = |byte: &u8| !matches!(byte, b';' | b' ' | b'\t' | b'\r' | b'\n');
        let end = to.iter().rposition(last).map_or(0, |last| last + 1);
        let record = self.rows.put(HeaderName::To, true, |text| {
            text.put(&to[..end]);
            text.put(b";tag=");
            text.put(tag);
        });
        if let Err(error) = check_token(tag, Some(HeaderId::TO)) {
            self.rows.refuse(self.rows.len(), error, false);
        }
        self.rows.add(record);
    }

    fn write_request_line(&mut self, method: Method<'_>, uri: &[u8]) {
        let pieces = [method.as_bytes(), &b" "[..], uri, b" SIP/2.0\r\n"];
        self.rows.set_start(0, pieces);
        self.start = match method {
            Method::Other(name) if Method::parse(name).is_err() => {
                refuse(BuildErrorKind::Method, None, 0)
            }
            _ => check_uri(uri, None),
        };
    }

    fn write_status_line(&mut self, status: StatusCode, reason: &[u8]) {
        let digits = status.digits();
        let pieces = [
            &b"SIP/2.0 "[..],
            &[digits[0], digits[1], digits[2], b' '],
            reason,
            b"\r\n",
        ];
        self.rows.set_start(status.as_u16(), pieces);
    }

    /// Writes the line of a header field at the end, and checks it.
    #[inline(never)]
    fn write(&mut self, name: HeaderName<'_>, value: &Value<'_>) -> Written {
        let id = name.id();
        // `build` writes the right number in place of this one.
        let record = if id == HeaderId::CONTENT_LENGTH {
            self.rows.put(name, false, |text| text.put(b"0"))
        } else {
            self.rows.put(name, false, |text| emit_value(text, value))
        };
        let written = usize::from(record.value_start)..usize::from(record.value_end);
        let written = &self.rows.text.bytes()[written];
        let rules = Rules::written(self.rules.parameters);
        let is_request = self.rows.head.start.status == 0;
        let mut checked = check_new(name, value, written, rules, is_request);
        if id == HeaderId::CSEQ
            && checked.is_ok()
            && let Some(expected) = self.method
        {
            let method = match value {
                Value::CSeq(_, method) => Ok(*method),
                _ => CSeq::parse(written).map(|cseq| cseq.method),
            };
            if method != Ok(expected) {
                checked =
                    refuse(BuildErrorKind::Method, Some(id), 0).map_err(|error| (error, true));
            }
        }
        Written { record, checked }
    }

    /// Adds the row of the last line.
    #[inline(always)]
    fn place(&mut self, written: Written, place: Place) {
        let row = match place {
            Place::AtEnd => {
                self.rows.add(written.record);
                self.rows.len() - 1
            }
            Place::Before(row) => {
                self.rows.insert(row, written.record);
                row.min(self.rows.len() - 1)
            }
            Place::Instead(row) => {
                self.rows.replace(row, written.record, false);
                row
            }
        };
        if let Err((error, late)) = written.checked {
            self.rows.refuse(row, error, late);
        }
    }

    /// Sets the reason phrase of a response; no effect on a request.
    pub fn reason(&mut self, phrase: &'a [u8]) -> &mut Self {
        if let Some(status) = StatusCode::new(self.rows.head.start.status) {
            self.write_status_line(status, phrase);
            self.start = check_text(phrase, None);
        }
        self
    }

    /// Sets the Request-URI; no effect on a response.
    pub fn set_request_uri(&mut self, new: &'a [u8]) -> &mut Self {
        if let Some(method) = self.method {
            self.write_request_line(method, new);
        }
        self
    }

    /// Adds a header field at the end.
    pub fn append(&mut self, name: HeaderName<'a>, value: impl Into<Value<'a>>) -> &mut Self {
        let written = self.write(name, &value.into());
        self.place(written, Place::AtEnd);
        self
    }

    /// Adds a header field that is checked already at the end.
    pub fn field(&mut self, field: &Field) -> &mut Self {
        let (line, record) = field.line();
        match record.id {
            // Its method must be that of the request.
            HeaderId::CSEQ => {
                let written = self.write(HeaderName::CSeq, &Value::Bytes(field.value()));
                self.place(written, Place::AtEnd);
            }
            _ => self.rows.put_line(line, record),
        }
        self
    }

    /// Adds all header fields of that name of a message at the end, with each fold as one space (RFC 3261 section 7.3.1). Their
    /// values stay as they are, as those of [`Builder::from_message`] do.
    pub fn copy(&mut self, message: &Message, name: HeaderName<'_>) -> &mut Self {
        for header in message.headers_named(name) {
            let value = header.unfolded();
            if name.id() == HeaderId::CSEQ {
                // Its method must be that of the request.
                let written = self.write(name, &Value::Bytes(&value));
                self.place(written, Place::AtEnd);
            } else {
                let record = self.rows.put(name, false, |text| text.put(&value));
                self.rows.add(record);
            }
        }
        self
    }

    /// Adds a header field in front of the first of that name. When there is none, a Via goes first, Route and
    /// Record-Route behind the Vias, all others at the end.
    pub fn prepend(&mut self, name: HeaderName<'a>, value: impl Into<Value<'a>>) -> &mut Self {
        let rows = &self.rows;
        let at = rows.position(name, 0).unwrap_or_else(|| match name {
            HeaderName::Via => 0,
            HeaderName::Route | HeaderName::RecordRoute => {
                let mut records = rows.head.records.iter();
                let last = records.rposition(|record| record.id == HeaderId::VIA);
                last.map_or(0, |via| via + 1)
            }
            _ => rows.len(),
        });
        let written = self.write(name, &value.into());
        self.place(written, Place::Before(at));
        self
    }

    /// Replaces all header fields of that name by one, in place of the first; at the end when there is none.
    pub fn set(&mut self, name: HeaderName<'a>, value: impl Into<Value<'a>>) -> &mut Self {
        let Some(first) = self.rows.position(name, 0) else {
            return self.append(name, value);
        };
        self.rows.make_room(first);
        let written = self.write(name, &value.into());
        self.place(written, Place::Instead(first));
        if !name.is_single() {
            self.rows.remove_all(name, first + 1);
        }
        self
    }

    /// Removes all header fields of that name.
    pub fn remove(&mut self, name: HeaderName<'_>) -> &mut Self {
        self.rows.remove_all(name, 0);
        self
    }

    /// Removes the first comma-separated value of that name: the top Via or Route, even when several share a row.
    pub fn remove_first_value(&mut self, name: HeaderName<'_>) -> &mut Self {
        if let Some(row) = self.rows.position(name, 0)
            && !self.keep_rest(row)
        {
            self.rows.remove(row);
        }
        self
    }

    /// Replaces the first comma-separated value of that name; adds the field as [`Builder::prepend`] does when there is none.
    pub fn set_first_value(
        &mut self,
        name: HeaderName<'a>,
        value: impl Into<Value<'a>>,
    ) -> &mut Self {
        let Some(row) = self.rows.position(name, 0) else {
            return self.prepend(name, value);
        };
        let place = match self.keep_rest(row) {
            true => Place::Before(row),
            false => {
                self.rows.make_room(row);
                Place::Instead(row)
            }
        };
        let written = self.write(name, &value.into());
        self.place(written, place);
        self
    }

    /// Reduces a row to what is behind its first value; false when that is empty.
    fn keep_rest(&mut self, row: usize) -> bool {
        let name = self.rows.name(row);
        if !name.is_list() {
            return false;
        }
        let value = without_empties(self.rows.value(row));
        let comma = first_value_end(value);
        let rest = trim(value.get(comma + 1..).unwrap_or_default());
        if rest.is_empty() {
            return false;
        }
        let rest: SmallVec<[u8; 512]> = SmallVec::from_slice(rest);
        let name = name.id().name().unwrap_or(HeaderName::Other(b""));
        self.rows.make_room(row);
        let record = self.rows.put(name, true, |text| text.put(&rest));
        self.rows.replace(row, record, true);
        true
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
        self.rows.position(name, 0).is_some()
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
        let length_row = match self.check() {
            Ok(length_row) => length_row,
            Err(()) => return Err(self.fault()),
        };
        let length = self.body.len();
        let Some(row) = length_row else {
            return self.finish(Some(length));
        };
        let value = self.rows.value(row);
        let is_right = digits(value, 0, u64::MAX) == Ok((length as u64, value.len()));
        let is_only = self
            .rows
            .position(HeaderName::ContentLength, row + 1)
            .is_none();
        if is_right && is_only {
            return self.finish(None);
        }
        let mut corrected = self.clone();
        corrected.set_length(row, !is_right);
        corrected.finish(None)
    }

    /// Whether the message can be built; the row of its Content-Length.
    #[inline(always)]
    fn check(&self) -> Result<Option<usize>, ()> {
        let head = &self.rows.head;
        let mut seen = Seen::default();
        let mut repeats = false;
        for record in &head.records {
            repeats |= seen.repeats(record.id)
                && record.id.is_single()
                && record.id != HeaderId::CONTENT_LENGTH;
        }
        let refused = repeats
            || self.needs.iter().any(|id| !seen.has(*id))
            || self.start.is_err()
            || self.rows.has_faults()
            || self.rows.text.is_too_large()
            || self.body.len() > u32::MAX as usize - MOST;
        if refused {
            return Err(());
        }
        Ok(head.find(HeaderId::CONTENT_LENGTH))
    }

    /// The first reason why the message cannot be built.
    #[cold]
    fn fault(&self) -> BuildError {
        if let Err(error) = self.start {
            return error;
        }
        let error = |kind, header, offset| BuildError {
            kind,
            header,
            offset,
        };
        let mut seen = Seen::default();
        let records = &self.rows.head.records;
        for (row, record) in records.iter().enumerate() {
            let id = record.id;
            if seen.repeats(id) && id.is_single() && id != HeaderId::CONTENT_LENGTH {
                return error(BuildErrorKind::Repeated, Some(id), 0);
            }
            if let Some(fault) = self.rows.fault(row, false) {
                return fault;
            }
        }
        if let Some(missing) = self.needs.iter().find(|id| !seen.has(**id)) {
            return error(BuildErrorKind::Missing, Some(*missing), 0);
        }
        if self.rows.text.is_too_large() {
            return error(BuildErrorKind::TooLarge, None, MOST as u32);
        }
        let late = (0..records.len()).find_map(|row| self.rows.fault(row, true));
        late.unwrap_or_else(|| error(BuildErrorKind::TooLarge, None, 0))
    }

    /// Keeps one Content-Length, that of row `row`, and writes its number if it is wrong.
    #[cold]
    fn set_length(&mut self, row: usize, is_wrong: bool) {
        self.rows.remove_all(HeaderName::ContentLength, row + 1);
        if is_wrong {
            let length = self.body.len() as u64;
            self.rows.make_room(row);
            let record = self.rows.put(HeaderName::ContentLength, false, |text| {
                text.put(decimal(length, &mut [0; 20]));
            });
            self.rows.replace(row, record, false);
        }
    }

    /// The message with the blank line, the body, and a Content-Length if one is to be added.
    #[inline(always)]
    fn finish(&self, length: Option<usize>) -> Result<Message, BuildError> {
        const NAME: &[u8] = b"Content-Length";
        let head = self.rows.text.bytes();
        let mut buffer = [0; 20];
        let number = length.map(|length| decimal(length as u64, &mut buffer));
        let row = number.map_or(0, |number| NAME.len() + 2 + number.len() + 2);
        let end = head.len() + row + 2;
        // A corrected Content-Length may have been the first that does not fit.
        if end > MOST || self.rows.text.is_too_large() {
            return refuse(BuildErrorKind::TooLarge, None, MOST);
        }
        // Filled in place, because moving a message copies some hundred bytes.
        let mut result = Ok(Message {
            bytes: Bytes::new(),
            head: Head::new(self.rows.head.start),
            rules: self.rules,
            part_limits: PartLimits::DEFAULT,
            has_blank_body: false,
            identified: Identified::none(),
        });
        if let Ok(message) = &mut result {
            message.head.first = self.rows.head.first;
            message.head.records = SmallVec::from_slice(&self.rows.head.records);
            message.head.end = end as u16;
            if let Some(number) = number {
                let value_start = head.len() + NAME.len() + 2;
                message.head.push(Record {
                    start: head.len() as u16,
                    name_end: (head.len() + NAME.len()) as u16,
                    value_start: value_start as u16,
                    value_end: (value_start + number.len()) as u16,
                    id: HeaderId::CONTENT_LENGTH,
                    folded: false,
                });
            }
            message.bytes = match number {
                Some(number) => joined(&[head, NAME, b": ", number, b"\r\n\r\n", self.body]),
                None => joined(&[head, b"\r\n", self.body]),
            };
        }
        result
    }
}

/// Shows the size only, because header fields may contain credentials.
impl fmt::Debug for Builder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("header fields", &self.rows.len())
            .field("bytes", &(self.rows.text.len() + self.body.len()))
            .finish_non_exhaustive()
    }
}

/// False for a malformed To, which the response copies unchanged.
fn lacks_tag(request: &Request) -> bool {
    request.to_tag() == Ok(None)
}
