//! Validation of whole messages: what a receiver needs, and what the grammar allows.

use alloc::vec::Vec;

use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::field::{self, text};
use crate::headers::cseq::CSeq;
use crate::headers::name_addr::NameAddr;
use crate::headers::via::Via;
use crate::headers::{Element, single};
use crate::identified::Identified;
use crate::limits::Rules;
use crate::message::Message;
use crate::method::Method;
use crate::name::{HeaderId, HeaderName};
use crate::needs::{Role, needs};
use crate::scan::Record;
use crate::uri::{Form, Uri};

/// How a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// As [`Message::validate_for`] reads it: the fields that this receiver needs.
    Lenient(Role),
    /// As [`Message::validate_strict`] reads it: everything.
    Strict,
}

/// The fields that every message has.
const MANDATORY: [HeaderName<'static>; 5] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
];

impl Message {
    /// [`Message::validate_for`] a user agent.
    ///
    /// # Errors
    /// The first fault; [`ParseError::status`] is the status code of the response.
    pub fn validate(&self) -> Result<(), ParseError> {
        self.validate_for(Role::UserAgent)
    }

    /// Checks what this message needs from a receiver: the Request-URI; the topmost Via, From, To, Call-ID and CSeq of a
    /// request, with the method of the request; the topmost Via and CSeq of a response; and the fields that the method
    /// depends on, such as Contact in an INVITE or Require in every request. Each of these is well formed, and a field
    /// that may occur only once does (RFC 4475 section 3.3.8).
    ///
    /// It ignores every other field, malformed or not, because a receiver ignores what it does not need (RFC 3261 section
    /// 8.2.2 and introduction of section 20); accessors then return an error for it, which the caller treats as absence.
    /// What it accepts beyond the grammar is listed in `docs/leniency.md`.
    ///
    /// # Errors
    /// The first fault; [`ParseError::status`] is the status code of the response.
    pub fn validate_for(&self, role: Role) -> Result<(), ParseError> {
        self.check_needed(role, Err, &mut Identified::none())
    }

    /// [`Message::validate_for`], and keeps where the values stand that name the transaction and the dialog, so that
    /// [`Message::branch`], [`Message::top_sent_by`], [`Message::from_tag`], [`Message::to_tag`] and
    /// [`Message::sequence`] read no header field again. Of From and To of a response it keeps the tags if the response is
    /// to an INVITE. It allocates nothing.
    ///
    /// # Errors
    /// Those of [`Message::validate_for`]; the message then stays as it was.
    pub fn identify(&mut self, role: Role) -> Result<(), ParseError> {
        let mut found = Identified::none();
        self.check_needed(role, Err, &mut found)?;
        // The check does not read From and To of a response. Those of a response to INVITE are read here, because they
        // name a dialog and are asked for again and again; a malformed one stays unread.
        let is_to_invite = |cseq: &[u8]| cseq.ends_with(b"INVITE");
        if !self.is_request() && self.text_of(HeaderName::CSeq).is_some_and(is_to_invite) {
            let head = &self.bytes;
            if let Ok(from) = self.from() {
                found.keep_from(head, from.tag());
            }
            if let Ok(to) = self.to() {
                found.keep_to(head, to.tag());
            }
        }
        self.identified = found;
        Ok(())
    }

    /// Checks that the message is exactly what the grammar of RFC 3261 section 25 and of the extensions defines: every
    /// known field is well formed, no field and no parameter that may occur once is repeated, all text is UTF-8 without
    /// controls, every line ends in CRLF, a request has Max-Forwards, its Request-URI has no `?headers` (section 19.1.1),
    /// and a body has a Content-Type (section 20.15).
    ///
    /// # Errors
    /// The first fault.
    pub fn validate_strict(&self) -> Result<(), ParseError> {
        self.faults(Reading::Strict).next().map_or(Ok(()), Err)
    }

    /// All faults of a message in the order of their offsets, at most one for each header row. The first one is the error
    /// of [`Message::validate_for`] or [`Message::validate_strict`].
    pub fn faults(&self, reading: Reading) -> impl Iterator<Item = ParseError> + use<> {
        let mut faults = Vec::new();
        let mut keep = |fault| {
            faults.push(fault);
            Ok(())
        };
        // Neither stops, because `keep` returns no error.
        let checked = match reading {
            Reading::Lenient(role) => self.check_needed(role, keep, &mut Identified::none()),
            Reading::Strict => self.check_all(&mut keep),
        };
        debug_assert!(checked.is_ok());
        faults.sort_by_key(|fault| fault.offset);
        faults.into_iter()
    }

    /// Passes each fault of what the message needs to `report`, in the order of their offsets; stops at the first error
    /// that `report` returns. What it reads on the way goes into `found`.
    #[inline]
    fn check_needed(
        &self,
        role: Role,
        mut report: impl FnMut(ParseError) -> Result<(), ParseError>,
        found: &mut Identified,
    ) -> Result<(), ParseError> {
        let rules = Rules::lenient(self.rules.parameters);
        let method = self.request_method();
        if method.is_some() {
            self.check_request_uri(rules).or_else(&mut report)?;
        }
        let needs = needs(method, role, !self.body().is_empty());
        let mut seen = Seen::default();
        for record in &self.head.records {
            let id = record.id;
            if !needs.has(id) {
                continue;
            }
            if seen.repeats(id) {
                // Only the topmost Via counts.
                if id == HeaderId::VIA {
                    continue;
                }
                if id.is_single() {
                    report(repeated(record))?;
                    continue;
                }
            }
            let checked = match id {
                HeaderId::VIA => self.via_in(record, rules).and_then(|via| {
                    found.keep_via(&self.bytes, via.branch(), via.sent_by());
                    let base = usize::from(record.value_start);
                    via.check_numbers().map_err(|error| error.within(id, base))
                }),
                // The fields of every message have no way through the table of all fields, because it is slower.
                HeaderId::FROM => self.address_in(record, rules).map(|from| {
                    found.keep_from(&self.bytes, from.tag());
                }),
                HeaderId::TO => self.address_in(record, rules).map(|to| {
                    found.keep_to(&self.bytes, to.tag());
                }),
                HeaderId::CSEQ => self
                    .check_cseq(record, method, rules)
                    .map(|number| found.keep_sequence(number)),
                HeaderId::CALL_ID => self.call_id().map(drop),
                HeaderId::CONTACT => self.check_value(record, rules).and_then(|()| {
                    let star = class::trim(self.value_of(record)) == b"*";
                    match method {
                        Some(Method::Register) => Ok(()),
                        _ if star => Err(misplaced_star(record)),
                        _ => Ok(()),
                    }
                }),
                _ => self.check_value(record, rules),
            };
            checked.or_else(&mut report)?;
        }
        for name in MANDATORY {
            if needs.has(name.id()) && !seen.has(name.id()) {
                report(self.missing(name))?;
            }
        }
        Ok(())
    }

    /// Passes each fault against the grammar to `report`.
    fn check_all(
        &self,
        report: &mut dyn FnMut(ParseError) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        let rules = Rules::strict(self.rules.parameters);
        let method = self.request_method();
        self.check_lines(report)?;
        match method {
            Some(_) => self.check_request_uri(rules).or_else(&mut *report)?,
            None => self.check_status_line().or_else(&mut *report)?,
        }
        let mut seen = Seen::default();
        for record in &self.head.records {
            let id = record.id;
            if seen.repeats(id) && id.is_single() {
                report(repeated(record))?;
                continue;
            }
            let checked = match id {
                HeaderId::CSEQ => self.check_cseq(record, method, rules).map(drop),
                _ => self.check_value(record, rules),
            };
            checked.or_else(&mut *report)?;
        }
        self.check_star().or_else(&mut *report)?;
        for name in MANDATORY {
            if !seen.has(name.id()) {
                report(self.missing(name))?;
            }
        }
        if method.is_some() && !seen.has(HeaderId::MAX_FORWARDS) {
            report(self.missing(HeaderName::MaxForwards))?;
        }
        if !self.body().is_empty() && !seen.has(HeaderName::ContentType.id()) {
            report(self.missing(HeaderName::ContentType))?;
        }
        Ok(())
    }

    /// Every line ends in CRLF, the blank line is there, and nothing but the body is behind it.
    fn check_lines(
        &self,
        report: &mut dyn FnMut(ParseError) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        let head = self.head();
        for newline in memchr::memchr_iter(b'\n', head) {
            if newline == 0 || head[newline - 1] != b'\r' {
                report(ParseError::at(ErrorKind::Expected(b'\r'), newline))?;
            }
        }
        if self.rows_end() == self.head.end {
            report(ParseError::at(ErrorKind::UnexpectedEnd, head.len()))?;
        }
        if self.has_blank_body {
            report(ParseError::at(ErrorKind::Character, head.len()))?;
        }
        Ok(())
    }

    /// The address of From or To in the row of `record`.
    #[inline(always)]
    fn address_in(&self, record: &Record, rules: Rules) -> Result<NameAddr<'_>, ParseError> {
        single(self.value_of(record), rules)
            .map_err(|error| error.within(record.id, usize::from(record.value_start)))
    }

    /// The topmost Via, which is the first value of the row of `record` unless that one is empty or malformed.
    #[inline(always)]
    fn via_in(&self, record: &Record, rules: Rules) -> Result<Via<'_>, ParseError> {
        let value = self.value_of(record);
        match Via::element(value, 0, rules) {
            Ok((via, end)) if matches!(value.get(end), None | Some(b',')) => Ok(via),
            _ => self.top_via(),
        }
    }

    fn check_value(&self, record: &Record, rules: Rules) -> Result<(), ParseError> {
        let value = self.value_of(record);
        field::value(record.id.name(), value, rules, self.is_request())
            .map_err(|error| error.within(record.id, usize::from(record.value_start)))
    }

    /// The number of CSeq, whose method is that of the request (RFC 3261 section 8.1.1.5).
    fn check_cseq(
        &self,
        record: &Record,
        method: Option<Method<'_>>,
        rules: Rules,
    ) -> Result<u32, ParseError> {
        let place = |error: ParseError| error.within(record.id, usize::from(record.value_start));
        let value = self.value_of(record);
        if rules.strict {
            text(value).map_err(place)?;
        }
        let cseq = single::<CSeq<'_>>(value, rules).map_err(place)?;
        if method.is_some_and(|method| method != cseq.method) {
            return Err(place(ParseError::at(ErrorKind::MethodMismatch, 0)));
        }
        Ok(cseq.number)
    }

    fn check_request_uri(&self, rules: Rules) -> Result<(), ParseError> {
        let start = usize::from(self.head.start.text_start);
        request_uri(self.start_text(), rules).map_err(|error| error.shifted(start))
    }

    /// `Status-Code SP Reason-Phrase` (RFC 3261 section 25.1).
    fn check_status_line(&self) -> Result<(), ParseError> {
        let start = usize::from(self.head.start.text_start);
        if self.head().get(start.saturating_sub(1)) != Some(&b' ') {
            return Err(ParseError::at(ErrorKind::Expected(b' '), start));
        }
        let phrase = self.start_text();
        text(phrase).map_err(|error| error.shifted(start))?;
        let end = class::run_escaped(phrase, 0, class::REASON);
        if end < phrase.len() {
            return Err(ParseError::at(ErrorKind::Character, start + end));
        }
        Ok(())
    }

    /// `*` is the only Contact, and only of a REGISTER request (RFC 3261 sections 10.2.2 and 20.10).
    fn check_star(&self) -> Result<(), ParseError> {
        let id = HeaderId::CONTACT;
        let star = |row: &usize| class::trim(self.value_of(&self.head.records[*row])) == b"*";
        let Some(row) = self.rows(id).find(star) else {
            return Ok(());
        };
        if self.request_method() == Some(Method::Register) && self.rows(id).count() == 1 {
            return Ok(());
        }
        Err(misplaced_star(&self.head.records[row]))
    }
}

/// `*` stands for all bindings, so that only a REGISTER may have it.
#[cold]
fn misplaced_star(record: &Record) -> ParseError {
    let base = usize::from(record.value_start);
    ParseError::at(ErrorKind::Value, 0).within(record.id, base)
}

#[cold]
fn repeated(record: &Record) -> ParseError {
    ParseError::at(ErrorKind::Repeated, 0).within(record.id, usize::from(record.start))
}

/// The set of header numbers that have occurred.
#[derive(Default)]
pub(crate) struct Seen([u64; 4]);

impl Seen {
    fn place(id: HeaderId) -> (usize, u64) {
        (usize::from(id.0 / 64), 1 << (id.0 % 64))
    }

    /// Adds `id`; returns whether the set contained it before.
    pub(crate) fn repeats(&mut self, id: HeaderId) -> bool {
        let (word, bit) = Seen::place(id);
        let repeated = self.0[word] & bit != 0;
        self.0[word] |= bit;
        repeated
    }

    /// Whether the set contains `id`.
    pub(crate) fn has(&self, id: HeaderId) -> bool {
        let (word, bit) = Seen::place(id);
        self.0[word] & bit != 0
    }
}

fn request_uri(text: &[u8], rules: Rules) -> Result<(), ParseError> {
    let (uri, end) = Uri::prefix(text, 0, Form::Full, rules)?;
    if end != text.len() {
        return Err(ParseError::at(ErrorKind::Character, end));
    }
    if rules.strict && !uri.headers_bytes().is_empty() {
        return Err(ParseError::at(
            ErrorKind::Value,
            text.len() - uri.headers_bytes().len() - 1,
        ));
    }
    Ok(())
}
