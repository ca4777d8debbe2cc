//! Validation of whole messages: the checks that RFC 3261 requires of every receiver, and the grammar of every known
//! field.

use core::str;

use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::headers::about::{Date, MimeVersion, ParamList, TextParams, Timestamp, Warning};
use crate::headers::auth::{Authentication, AuthenticationInfo};
use crate::headers::call::{
    DialogReference, Reason, RetryAfter, SessionExpires, TargetDialog, call_id,
};
use crate::headers::cseq::{CSeq, RAck};
use crate::headers::event::{Event, SubscriptionState};
use crate::headers::identity::{Identity, SessionIdentifier};
use crate::headers::media::{ContentDisposition, MediaType, TokenParams};
use crate::headers::name_addr::{Contact, NameAddr, check_contact};
use crate::headers::via::Via;
use crate::headers::{Element, Token, single};
use crate::limits::Rules;
use crate::message::Message;
use crate::method::Method;
use crate::name::{HeaderId, HeaderName};
use crate::number::digits;
use crate::uri::{Form, Uri};

impl Message {
    /// Checks what RFC 3261 requires of every receiver: Via, From, To, Call-ID and CSeq are present, a field that may
    /// occur only once does (RFC 4475 section 3.3.8), every field that a protocol decision depends on is well formed,
    /// the CSeq method is that of the request, and the Request-URI is well formed.
    ///
    /// It accepts an unknown URI scheme; a missing Max-Forwards (RFC 3261 section 16.3); a malformed field that a
    /// receiver may ignore, such as Date or a challenge (RFC 4475 section 3.1.2.12); and a malformed Contact in a
    /// response to REGISTER, because another agent's binding must not cost the user agent its own (RFC 3261 section
    /// 10.3). It reads the grammar leniently: it accepts `_` in host names, `#` in user parts, some more characters in
    /// parameter values, bytes above 127 in unquoted display names, and unquoted values in credentials.
    ///
    /// # Errors
    /// The first fault; [`ParseError::status`] is the status code of the response.
    pub fn validate(&self) -> Result<(), ParseError> {
        self.validate_by(Rules::lenient(self.rules.parameters))
    }

    /// Like [`Message::validate`], but strict: every known field is well formed exactly as its grammar defines it, all
    /// text is UTF-8 without controls, every line ends in CRLF, a request has Max-Forwards, and its Request-URI has no
    /// `?headers` (RFC 3261 section 19.1.1).
    ///
    /// # Errors
    /// The first fault.
    pub fn validate_strict(&self) -> Result<(), ParseError> {
        let head = self.head();
        for newline in memchr::memchr_iter(b'\n', head) {
            if newline == 0 || head[newline - 1] != b'\r' {
                return Err(ParseError::at(ErrorKind::Expected(b'\r'), newline));
            }
        }
        if self.rows_end() == self.head.end {
            return Err(ParseError::at(ErrorKind::UnexpectedEnd, head.len()));
        }
        // The reason phrase is text, too.
        text(self.start_text())
            .map_err(|error| shifted(error, usize::from(self.head.start.text_start)))?;
        if self.is_request() && !self.has(HeaderName::MaxForwards) {
            return Err(self.missing(HeaderName::MaxForwards));
        }
        self.validate_by(Rules::strict(self.rules.parameters))
    }

    fn validate_by(&self, rules: Rules) -> Result<(), ParseError> {
        if self.is_request() {
            let start = usize::from(self.head.start.text_start);
            request_uri(self.start_text(), rules).map_err(|error| shifted(error, start))?;
        }
        let mut seen = Seen::default();
        for record in &self.head.records {
            let id = record.id;
            if seen.repeats(id) && id.is_single() && id != HeaderName::ContentLength.id() {
                return Err(
                    ParseError::at(ErrorKind::Repeated, 0).within(id, usize::from(record.start))
                );
            }
            let scope = if rules.strict {
                Scope::All
            } else {
                Scope::Deciding
            };
            let checked = value(
                id.name(),
                self.value_of(record),
                rules,
                scope,
                self.is_request(),
            );
            if let Err(error) = checked
                && (rules.strict || !self.is_binding(id))
            {
                return Err(error.within(id, usize::from(record.value_start)));
            }
        }
        for name in [
            HeaderName::Via,
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ] {
            if self.head.find(name.id()).is_none() {
                return Err(self.missing(name));
            }
        }
        // All Via rows may be empty, so check that there is a value.
        self.top_via()?;
        let cseq = self.cseq()?;
        if self
            .request_method()
            .is_some_and(|method| method != cseq.method)
        {
            let row = self.head.find(HeaderName::CSeq.id()).unwrap_or(0);
            let offset = usize::from(self.head.records[row].value_start);
            return Err(
                ParseError::at(ErrorKind::MethodMismatch, 0).within(HeaderName::CSeq.id(), offset)
            );
        }
        Ok(())
    }

    /// Whether a field lists the bindings of all agents of the user (RFC 3261 section 10.3 step 8).
    #[cold]
    fn is_binding(&self, id: HeaderId) -> bool {
        id == HeaderName::Contact.id()
            && !self.is_request()
            && self
                .cseq()
                .is_ok_and(|cseq| cseq.method == Method::Register)
    }
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

fn shifted(error: ParseError, base: usize) -> ParseError {
    ParseError {
        offset: error.offset.saturating_add(base as u32),
        ..error
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

/// The fields that [`value`] checks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those that a protocol decision depends on.
    Deciding,
    /// All known ones, and the text of all others.
    All,
}

/// Checks one row's value.
pub(crate) fn value(
    name: Option<HeaderName<'_>>,
    value: &[u8],
    rules: Rules,
    scope: Scope,
    request: bool,
) -> Result<(), ParseError> {
    use HeaderName as H;
    if rules.strict {
        text(value)?;
    }
    let seconds_max = if request {
        u64::from(u32::MAX)
    } else {
        u64::MAX
    };
    match name {
        Some(H::Via) => list(value, rules, Via::check_numbers),
        Some(H::From | H::To | H::ReferTo | H::ReplyTo | H::ReferredBy) => {
            one::<NameAddr<'_>>(value, rules)
        }
        Some(H::CallId) => whole(value, call_id(value, 0)),
        Some(H::CSeq) => one::<CSeq<'_>>(value, rules),
        Some(H::MaxForwards) => number(value, 255),
        Some(H::Contact) => contacts(value, rules),
        Some(H::ContentLength) => number(value, u64::from(u32::MAX)),
        Some(H::ContentType) => one::<MediaType<'_>>(value, rules),
        Some(H::ContentDisposition) => one::<ContentDisposition<'_>>(value, rules),
        Some(H::Route | H::RecordRoute | H::Path | H::ServiceRoute) => {
            list(value, rules, |address: &NameAddr<'_>| {
                // The grammar allows only name-addr, because without brackets `lr` would be a parameter of the header
                // field.
                if rules.strict && !address.is_bracketed() {
                    return Err(ParseError::at(ErrorKind::Expected(b'<'), 0));
                }
                Ok(())
            })
        }
        Some(H::Expires | H::MinExpires | H::FlowTimer) => number(value, seconds_max),
        Some(
            H::Supported
            | H::Require
            | H::ProxyRequire
            | H::Unsupported
            | H::Allow
            | H::AllowEvents,
        ) => list(value, rules, |_: &Token<'_>| Ok(())),
        Some(H::Accept) => list(value, rules, |_: &MediaType<'_>| Ok(())),
        Some(H::Event) => one::<Event<'_>>(value, rules),
        Some(H::SubscriptionState) => one::<SubscriptionState<'_>>(value, rules),
        Some(H::RetryAfter) => one::<RetryAfter<'_>>(value, rules),
        Some(H::Authorization | H::ProxyAuthorization) => one::<Authentication<'_>>(value, rules),
        Some(H::RAck) => one::<RAck<'_>>(value, rules),
        Some(H::RSeq) => number(value, u64::from(u32::MAX)),
        Some(H::Replaces | H::Join) => one::<DialogReference<'_>>(value, rules),
        Some(H::TargetDialog) => one::<TargetDialog<'_>>(value, rules),
        Some(H::SessionExpires | H::MinSe) => one::<SessionExpires<'_>>(value, rules),
        Some(H::SipIfMatch | H::SipEtag | H::SuppressIfMatch | H::InfoPackage | H::ReferSub) => {
            one::<TokenParams<'_>>(value, rules)
        }
        Some(H::MaxBreadth) => number(value, u64::from(u32::MAX)),
        other if scope == Scope::All => informative(other, value, rules),
        _ => Ok(()),
    }
}

/// Checks the fields that no protocol decision depends on.
fn informative(name: Option<HeaderName<'_>>, value: &[u8], rules: Rules) -> Result<(), ParseError> {
    use HeaderName as H;
    match name {
        // The core skips a malformed challenge, as it skips one of an unknown scheme.
        Some(H::WwwAuthenticate | H::ProxyAuthenticate) => one::<Authentication<'_>>(value, rules),
        Some(H::AuthenticationInfo | H::ProxyAuthenticationInfo) => {
            one::<AuthenticationInfo<'_>>(value, rules)
        }
        Some(
            H::AcceptEncoding
            | H::AcceptLanguage
            | H::RecvInfo
            | H::AcceptContact
            | H::RejectContact,
        ) => list(value, rules, |_: &TokenParams<'_>| Ok(())),
        Some(H::FeatureCaps | H::SecurityClient | H::SecurityServer | H::SecurityVerify) => {
            list(value, rules, |_: &TokenParams<'_>| Ok(()))
        }
        Some(H::PAccessNetworkInfo) => list(value, rules, |_: &TokenParams<'_>| Ok(())),
        Some(
            H::AlertInfo
            | H::CallInfo
            | H::ErrorInfo
            | H::Geolocation
            | H::HistoryInfo
            | H::Diversion,
        ) => list(value, rules, |_: &NameAddr<'_>| Ok(())),
        Some(H::PAssertedIdentity | H::PPreferredIdentity | H::PAssociatedUri) => {
            list(value, rules, |_: &NameAddr<'_>| Ok(()))
        }
        Some(H::PCalledPartyId) => one::<NameAddr<'_>>(value, rules),
        Some(H::PVisitedNetworkId | H::UserToUser) => {
            list(value, rules, |_: &TextParams<'_>| Ok(()))
        }
        Some(H::PChargingVector) => one::<ParamList<'_>>(value, rules),
        Some(H::PChargingFunctionAddresses) => list(value, rules, |_: &ParamList<'_>| Ok(())),
        Some(H::ContentEncoding | H::ContentLanguage | H::RequestDisposition) => {
            list(value, rules, |_: &Token<'_>| Ok(()))
        }
        Some(H::ResourcePriority | H::AcceptResourcePriority) => {
            list(value, rules, |_: &Token<'_>| Ok(()))
        }
        Some(H::InReplyTo) => {
            let mut values = crate::access::Split {
                rest: Some(value),
                list: true,
            };
            values.try_for_each(|id| whole(id, call_id(id, 0)))
        }
        Some(H::Date) => one::<Date>(value, rules),
        Some(H::MimeVersion) => one::<MimeVersion>(value, rules),
        Some(H::Timestamp) => one::<Timestamp<'_>>(value, rules),
        Some(H::Warning) => list(value, rules, |_: &Warning<'_>| Ok(())),
        Some(H::Reason) => list(value, rules, |_: &Reason<'_>| Ok(())),
        Some(H::Privacy | H::AnswerMode | H::PrivAnswerMode | H::Priority) => {
            one::<TokenParams<'_>>(value, rules)
        }
        Some(H::SessionId) => one::<SessionIdentifier<'_>>(value, rules),
        Some(H::Identity) => list(value, rules, |_: &Identity<'_>| Ok(())),
        _ => text(value),
    }
}

/// Text without controls, in UTF-8 (RFC 3261 section 25.1, TEXT-UTF8-TRIM). A backslash allows a control in a quoted
/// string or comment.
fn text(value: &[u8]) -> Result<(), ParseError> {
    if let Err(error) = str::from_utf8(value) {
        return Err(ParseError::at(ErrorKind::Character, error.valid_up_to()));
    }
    let mut at = 0;
    loop {
        at = class::run(value, at, class::TEXT);
        match value.get(at) {
            None => return Ok(()),
            Some(b'\r' | b'\n') if skip_lws(value, at) > at => at = skip_lws(value, at),
            Some(byte) if !matches!(byte, b'\r' | b'\n') && at > 0 && value[at - 1] == b'\\' => {
                at += 1
            }
            Some(_) => return Err(ParseError::at(ErrorKind::Character, at)),
        }
    }
}

fn one<'a, T: Element<'a>>(value: &'a [u8], rules: Rules) -> Result<(), ParseError> {
    single::<T>(value, rules).map(drop)
}

/// A comma-separated list; an empty row is an empty list.
fn list<'a, T: Element<'a>>(
    value: &'a [u8],
    rules: Rules,
    check: impl Fn(&T) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    if value.is_empty() {
        return Ok(());
    }
    let mut at = 0;
    loop {
        let (found, end) = T::element(value, at, rules)?;
        check(&found).map_err(|error| shifted(error, at))?;
        let end = skip_lws(value, end);
        match value.get(end) {
            None => return Ok(()),
            Some(b',') => at = end + 1,
            Some(_) => return Err(ParseError::at(ErrorKind::Character, end)),
        }
    }
}

/// Contact values; `*` is the only value (RFC 3261 section 20.10).
fn contacts(value: &[u8], rules: Rules) -> Result<(), ParseError> {
    list(value, rules, |contact: &Contact<'_>| match contact {
        Contact::Addr(addr) => check_contact(addr),
        Contact::Star if class::trim(value) == b"*" => Ok(()),
        Contact::Star => Err(ParseError::at(ErrorKind::Value, 0)),
    })
}

fn number(value: &[u8], max: u64) -> Result<(), ParseError> {
    whole(value, digits(value, 0, max).map(|(_, end)| end))
}

fn whole(value: &[u8], end: Result<usize, ParseError>) -> Result<(), ParseError> {
    match end? {
        end if end == value.len() => Ok(()),
        end => Err(ParseError::at(ErrorKind::Character, end)),
    }
}
