//! The grammar of the value of every known header field (RFC 3261 section 25.1 and the RFCs that add fields).

use core::str;

use crate::access::Split;
use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::form::{self, Form, check_params};
use crate::headers::about::{Date, MimeVersion, ParamList, TextParams, Timestamp, Warning};
use crate::headers::auth::{Authentication, AuthenticationInfo};
use crate::headers::call::{
    DialogReference, Reason, RetryAfter, SessionExpires, TargetDialog, call_id, comment,
};
use crate::headers::cseq::{CSeq, RAck};
use crate::headers::event::{Event, SubscriptionState};
use crate::headers::identity::{Identity, SessionIdentifier};
use crate::headers::media::{ContentDisposition, MediaType, TokenParams};
use crate::headers::name_addr::{Contact, NameAddr};
use crate::headers::via::Via;
use crate::headers::{Element, Token, single};
use crate::limits::Rules;
use crate::name::HeaderName;
use crate::number::digits;
use crate::params::{Params, distinct, offset_in, unexpected};

/// Checks the value of one row against the grammar of its field. Lenient rules check the structure; strict rules check
/// each parameter that the grammar defines, too, and the text.
pub(crate) fn value(
    name: Option<HeaderName<'_>>,
    value: &[u8],
    rules: Rules,
    request: bool,
) -> Result<(), ParseError> {
    use HeaderName as H;
    if rules.strict {
        text(value)?;
        if value.is_empty() && name.is_some_and(|name| !may_be_empty(&name)) {
            return Err(ParseError::at(ErrorKind::UnexpectedEnd, 0));
        }
        if name.is_some_and(|name| !is_free_text(&name)) {
            escapes(value)?;
        }
    }
    let seconds_max = if request {
        u64::from(u32::MAX)
    } else {
        u64::MAX
    };
    match name {
        Some(H::Via) => list(value, rules, |via: &Via<'_>| {
            if rules.strict {
                return check_params(value, via.params(), form::VIA, Form::Any);
            }
            via.check_numbers()
        }),
        Some(H::From | H::To) => address(value, rules, form::TAG, Brackets::Any),
        Some(H::ReferTo | H::ReplyTo) => address(value, rules, form::NONE, Brackets::Any),
        Some(H::ReferredBy) => address(value, rules, form::REFERRED_BY, Brackets::Any),
        Some(H::PCalledPartyId) => address(value, rules, form::NONE, Brackets::Needed),
        Some(H::CallId) => whole(value, call_id(value, 0)),
        Some(H::CSeq) => one(value, rules, |_: &CSeq<'_>| Ok(())),
        Some(H::MaxForwards) => number(value, 255),
        Some(H::Contact) => contacts(value, rules),
        Some(H::ContentLength | H::RSeq | H::MaxBreadth) => number(value, u64::from(u32::MAX)),
        Some(H::ContentType) => one(value, rules, |media: &MediaType<'_>| {
            params(value, media.params, rules, form::NONE, Form::Text)
        }),
        Some(H::ContentDisposition) => one(value, rules, |disposition: &ContentDisposition<'_>| {
            params(
                value,
                disposition.params,
                rules,
                form::DISPOSITION,
                Form::Any,
            )
        }),
        // The grammar allows only name-addr, because without brackets `lr` would be a parameter of the header field.
        Some(H::Route | H::RecordRoute | H::Path | H::ServiceRoute) => {
            let rules = rules.for_route(true);
            addresses(value, rules, form::NONE, Brackets::Needed)
        }
        Some(H::HistoryInfo) => addresses(value, rules, form::HISTORY, Brackets::Needed),
        Some(H::Diversion | H::PAssociatedUri) => {
            addresses(value, rules, form::NONE, Brackets::Needed)
        }
        Some(H::AlertInfo | H::CallInfo | H::ErrorInfo | H::Geolocation) => {
            addresses(value, rules, form::PURPOSE, Brackets::Alone)
        }
        // `name-addr / addr-spec` without parameters of the field (RFC 3325 section 9).
        Some(H::PAssertedIdentity | H::PPreferredIdentity) => {
            list(value, rules, |address: &NameAddr<'_>| {
                no_params(value, address.params(), rules, false)
            })
        }
        Some(H::Expires | H::MinExpires | H::FlowTimer) => number(value, seconds_max),
        Some(
            H::Supported
            | H::Require
            | H::ProxyRequire
            | H::Unsupported
            | H::Allow
            | H::ContentEncoding
            | H::RequestDisposition,
        ) => list(value, rules, |_: &Token<'_>| Ok(())),
        // `namespace "." r-priority`, both without further dots (RFC 4412 section 3.1).
        Some(H::ResourcePriority | H::AcceptResourcePriority) => {
            list(value, rules, |resource: &Token<'_>| {
                let mut parts = resource.0.split(|byte| *byte == b'.');
                let filled = |part: Option<&[u8]>| part.is_some_and(|part| !part.is_empty());
                let fits = filled(parts.next()) && filled(parts.next()) && parts.next().is_none();
                match fits {
                    false if rules.strict => Err(fault(value, resource.0)),
                    _ => Ok(()),
                }
            })
        }
        Some(H::AllowEvents) => list(value, rules, |package: &Token<'_>| {
            event_package(value, package.0, rules)
        }),
        Some(H::ContentLanguage) => list(value, rules, |language: &Token<'_>| {
            language_tag(value, language.0, rules)
        }),
        Some(H::Accept) => list(value, rules, |media: &MediaType<'_>| {
            params(value, media.params, rules, form::Q, Form::Any)
        }),
        Some(H::AcceptEncoding) => list(value, rules, |coding: &TokenParams<'_>| {
            params(value, coding.params, rules, form::Q, Form::Any)
        }),
        Some(H::AcceptLanguage) => list(value, rules, |language: &TokenParams<'_>| {
            if language.token != b"*" {
                language_tag(value, language.token, rules)?;
            }
            params(value, language.params, rules, form::Q, Form::Any)
        }),
        Some(
            H::RecvInfo
            | H::AcceptContact
            | H::RejectContact
            | H::FeatureCaps
            | H::SecurityClient
            | H::SecurityServer
            | H::SecurityVerify
            | H::PAccessNetworkInfo,
        ) => list(value, rules, |_: &TokenParams<'_>| Ok(())),
        Some(H::Event) => one(value, rules, |event: &Event<'_>| {
            event_package(value, event.package, rules)?;
            params(value, event.params, rules, form::EVENT, Form::Any)
        }),
        Some(H::SubscriptionState) => one(value, rules, |state: &SubscriptionState<'_>| {
            params(value, state.params, rules, form::SUBSCRIPTION, Form::Any)
        }),
        Some(H::RetryAfter) => one(value, rules, |retry: &RetryAfter<'_>| {
            params(value, retry.params, rules, form::RETRY_AFTER, Form::Any)
        }),
        Some(
            name @ (H::Authorization
            | H::ProxyAuthorization
            | H::WwwAuthenticate
            | H::ProxyAuthenticate),
        ) => one(value, rules, |row: &Authentication<'_>| {
            if !rules.strict {
                return Ok(());
            }
            let names = row.params.iter().map(|(name, _)| name);
            distinct(value, names)?;
            let digest = row.scheme.eq_ignore_ascii_case(b"Digest");
            let forms = match name {
                _ if !digest => form::NONE,
                H::Authorization | H::ProxyAuthorization => form::CREDENTIALS,
                _ => form::CHALLENGE,
            };
            form::check(value, row.params.iter(), forms, Form::Text)
        }),
        Some(H::AuthenticationInfo | H::ProxyAuthenticationInfo) => {
            one(value, rules, |info: &AuthenticationInfo<'_>| {
                if !rules.strict {
                    return Ok(());
                }
                distinct(value, info.params.iter().map(|(name, _)| name))?;
                form::check(value, info.params.iter(), form::CREDENTIALS, Form::Text)
            })
        }
        Some(H::RAck) => one(value, rules, |_: &RAck<'_>| Ok(())),
        Some(H::Replaces | H::Join) => one(value, rules, |dialog: &DialogReference<'_>| {
            params(value, dialog.params, rules, form::DIALOG, Form::Any)
        }),
        Some(H::TargetDialog) => one(value, rules, |dialog: &TargetDialog<'_>| {
            params(value, dialog.params, rules, form::DIALOG, Form::Any)
        }),
        Some(H::SessionExpires | H::MinSe) => one(value, rules, |expires: &SessionExpires<'_>| {
            if rules.strict {
                digits(value, 0, u64::from(u32::MAX))?;
            }
            params(
                value,
                expires.params,
                rules,
                form::SESSION_EXPIRES,
                Form::Any,
            )
        }),
        Some(
            H::SipIfMatch
            | H::SipEtag
            | H::SuppressIfMatch
            | H::InfoPackage
            | H::AnswerMode
            | H::PrivAnswerMode
            | H::Priority,
        ) => one(value, rules, |token: &TokenParams<'_>| {
            let bare = !matches!(
                name,
                Some(H::SipIfMatch | H::SipEtag | H::SuppressIfMatch | H::Priority)
            );
            no_params(value, token.params, rules, bare)
        }),
        Some(H::ReferSub) => one(value, rules, |answer: &TokenParams<'_>| {
            if rules.strict
                && !form::TRUTHS
                    .iter()
                    .any(|word| word.eq_ignore_ascii_case(answer.token))
            {
                return Err(fault(value, answer.token));
            }
            params(value, answer.params, rules, form::NONE, Form::Any)
        }),
        Some(H::Privacy) => one(value, rules, |privacy: &TokenParams<'_>| {
            // `priv-value *( ";" priv-value )`: what looks like parameters are values (RFC 3323 section 4.2).
            let valued = privacy.params.iter().find(|(_, value)| value.is_some());
            match valued.filter(|_| rules.strict) {
                Some((name, _)) => Err(fault(value, name)),
                None => Ok(()),
            }
        }),
        Some(H::PVisitedNetworkId | H::UserToUser) => {
            list(value, rules, |_: &TextParams<'_>| Ok(()))
        }
        Some(H::PChargingVector) => one(value, rules, |_: &ParamList<'_>| Ok(())),
        Some(H::PChargingFunctionAddresses) => list(value, rules, |_: &ParamList<'_>| Ok(())),
        Some(H::InReplyTo) => {
            let mut values = Split {
                rest: Some(value),
                list: true,
            };
            values.try_for_each(|id| {
                let empty = id.is_empty() && rules.empties;
                let checked = if empty {
                    Ok(())
                } else {
                    whole(id, call_id(id, 0))
                };
                checked.map_err(|error| error.shifted(offset_in(value, id)))
            })
        }
        Some(H::Date) => one(value, rules, |_: &Date| Ok(())),
        Some(H::MimeVersion) => one(value, rules, |_: &MimeVersion| Ok(())),
        Some(H::Timestamp) => one(value, rules, |_: &Timestamp<'_>| Ok(())),
        Some(H::Warning) => list(value, rules, |warning: &Warning<'_>| {
            match form::is_host_port(warning.agent) || form::is_token(warning.agent) {
                false if rules.strict => Err(fault(value, warning.agent)),
                _ => Ok(()),
            }
        }),
        Some(H::Reason) => list(value, rules, |reason: &Reason<'_>| {
            params(value, reason.params, rules, form::REASON, Form::Any)
        }),
        Some(H::SessionId) => one(value, rules, |_: &SessionIdentifier<'_>| Ok(())),
        Some(H::Identity) => list(value, rules, |_: &Identity<'_>| Ok(())),
        Some(H::Server | H::UserAgent) if rules.strict => products(value),
        _ => text(value),
    }
}

/// The fields whose grammar allows an empty value.
fn may_be_empty(name: &HeaderName<'_>) -> bool {
    use HeaderName as H;
    matches!(
        name,
        H::Accept
            | H::AcceptEncoding
            | H::AcceptLanguage
            | H::AcceptResourcePriority
            | H::Allow
            | H::Organization
            | H::PAssociatedUri
            | H::RecvInfo
            | H::Subject
            | H::Supported
            | H::Other(_)
    )
}

/// The fields whose grammar is text without structure.
fn is_free_text(name: &HeaderName<'_>) -> bool {
    use HeaderName as H;
    matches!(name, H::Subject | H::Organization | H::Other(_))
}

/// Text without controls, in UTF-8 (RFC 3261 section 25.1, TEXT-UTF8-TRIM). A backslash allows a control in a quoted
/// string or comment.
pub(crate) fn text(value: &[u8]) -> Result<(), ParseError> {
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

/// `quoted-pair` has no byte above 127 (RFC 3261 section 25.1).
fn escapes(value: &[u8]) -> Result<(), ParseError> {
    let mut at = 0;
    while let Some(backslash) = memchr::memchr(b'\\', &value[at..]) {
        at += backslash + 1;
        match value.get(at) {
            Some(0x80..) => return Err(ParseError::at(ErrorKind::Character, at)),
            Some(_) => at += 1,
            None => break,
        }
    }
    Ok(())
}

/// `server-val *( LWS server-val )`, each a product or a comment (RFC 3261 section 25.1).
fn products(value: &[u8]) -> Result<(), ParseError> {
    let mut at = 0;
    loop {
        if value.get(at) == Some(&b'(') {
            at = crate::grammar::prefix(value, at, comment)?.1;
        } else {
            at = token(value, at)?;
            let slash = skip_lws(value, at);
            if value.get(slash) == Some(&b'/') {
                at = token(value, skip_lws(value, slash + 1))?;
            }
        }
        let next = skip_lws(value, at);
        match value.get(next) {
            None => return Ok(()),
            // A comment brings its own optional LWS.
            Some(b'(') => {}
            Some(_) if next > at || value[at - 1] == b')' => {}
            Some(_) => return Err(unexpected(value, next)),
        }
        at = next;
    }
}

fn token(value: &[u8], at: usize) -> Result<usize, ParseError> {
    match class::run(value, at, class::TOKEN) {
        end if end == at => Err(unexpected(value, at)),
        end => Ok(end),
    }
}

/// A fault of the known kind "not allowed here" at `part`, which is a slice of `value`.
fn fault(value: &[u8], part: &[u8]) -> ParseError {
    ParseError::at(ErrorKind::Value, offset_in(value, part))
}

fn params(
    value: &[u8],
    params: Params<'_>,
    rules: Rules,
    forms: &[(&[u8], Form)],
    others: Form,
) -> Result<(), ParseError> {
    if rules.strict {
        check_params(value, params, forms, others)?;
    }
    Ok(())
}

/// The fields that are one token have no parameters.
fn no_params(value: &[u8], found: Params<'_>, rules: Rules, bare: bool) -> Result<(), ParseError> {
    params(value, found, rules, form::NONE, Form::Any)?;
    match found.iter().next() {
        Some((name, _)) if rules.strict && !bare => Err(fault(value, name)),
        _ => Ok(()),
    }
}

/// `event-package *( "." event-template )` (RFC 6665 section 8.4): no part is empty.
fn event_package(value: &[u8], package: &[u8], rules: Rules) -> Result<(), ParseError> {
    let mut parts = package.split(|&byte| byte == b'.');
    match parts.find(|part| part.is_empty()) {
        Some(_) if rules.strict => Err(fault(value, package)),
        _ => Ok(()),
    }
}

/// `1*8ALPHA *( "-" 1*8ALPHA )` (RFC 3261 section 25.1); subtags may have digits (RFC 5646 section 2.1).
fn language_tag(value: &[u8], language: &[u8], rules: Rules) -> Result<(), ParseError> {
    let mut parts = language.split(|&byte| byte == b'-').enumerate();
    let fits = parts.all(|(index, part)| {
        let letters = part.iter().all(u8::is_ascii_alphabetic);
        let alphanumeric = part.iter().all(u8::is_ascii_alphanumeric);
        (1..=8).contains(&part.len()) && if index == 0 { letters } else { alphanumeric }
    });
    match fits {
        false if rules.strict => Err(fault(value, language)),
        _ => Ok(()),
    }
}

/// Whether the grammar wants the URI of an address in angle brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    /// `name-addr / addr-spec`.
    Any,
    /// `name-addr`.
    Needed,
    /// `LAQUOT absoluteURI RAQUOT`: no display name either.
    Alone,
}

fn check_address(
    value: &[u8],
    address: &NameAddr<'_>,
    rules: Rules,
    forms: &[(&[u8], Form)],
    brackets: Brackets,
) -> Result<(), ParseError> {
    if !rules.strict {
        return Ok(());
    }
    if brackets != Brackets::Any && !address.is_bracketed() {
        let at = offset_in(value, address.uri_text());
        return Err(ParseError::at(ErrorKind::Expected(b'<'), at));
    }
    if brackets == Brackets::Alone && !address.display_name().is_empty() {
        return Err(fault(value, address.display_name()));
    }
    check_params(value, address.params(), forms, Form::Any)
}

fn address(
    value: &[u8],
    rules: Rules,
    forms: &[(&[u8], Form)],
    brackets: Brackets,
) -> Result<(), ParseError> {
    one(value, rules, |address: &NameAddr<'_>| {
        check_address(value, address, rules, forms, brackets)
    })
}

fn addresses(
    value: &[u8],
    rules: Rules,
    forms: &[(&[u8], Form)],
    brackets: Brackets,
) -> Result<(), ParseError> {
    list(value, rules, |address: &NameAddr<'_>| {
        check_address(value, address, rules, forms, brackets)
    })
}

fn one<'a, T: Element<'a>>(
    value: &'a [u8],
    rules: Rules,
    check: impl Fn(&T) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    check(&single(value, rules)?)
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
        let start = skip_lws(value, at);
        let end = match value.get(start) {
            None | Some(b',') if rules.empties => start,
            _ => {
                let (found, end) = T::element(value, at, rules)?;
                check(&found)?;
                skip_lws(value, end)
            }
        };
        match value.get(end) {
            None => return Ok(()),
            Some(b',') => at = end + 1,
            Some(_) => return Err(ParseError::at(ErrorKind::Character, end)),
        }
    }
}

/// Contact values. A malformed `q` or `expires` costs only itself (RFC 3261 section 10.2.1.1).
fn contacts(value: &[u8], rules: Rules) -> Result<(), ParseError> {
    let only = class::trim(value) == b"*";
    list(value, rules, |contact: &Contact<'_>| match contact {
        Contact::Addr(addr) => check_address(value, addr, rules, form::CONTACT, Brackets::Any),
        // `*` is the only value (RFC 3261 section 20.10).
        Contact::Star if only => Ok(()),
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
