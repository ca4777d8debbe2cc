//! The forms of the parameter values that RFC 3261 section 25.1 and its extensions define, for strict reading.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::str;

use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::headers::name_addr::qvalue;
use crate::limits::Rules;
use crate::number::digits;
use crate::params::{Params, distinct, offset_in};
use crate::uri;

/// The form of a parameter's value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `generic-param`: no value, a token, a host or a quoted string, which the reader has checked.
    Any,
    /// A token or a quoted string; the value must be there.
    Text,
    Token,
    Quoted,
    Host,
    /// `IPv4address / IPv6address`, the latter with or without brackets (RFC 5118 section 4.5).
    Address,
    /// `1*DIGIT` up to this number.
    Number(u64),
    /// A number up to 65,535, or no value (RFC 3581 section 3).
    Port,
    Qvalue,
    /// Eight hexadecimal digits in lower case.
    NonceCount,
    /// No value.
    Flag,
    /// `1*DIGIT *( "." 1*DIGIT )` (RFC 7044 section 5).
    Index,
    /// One of these tokens, in any case.
    OneOf(&'static [&'static [u8]]),
}

/// Parameter names and the form of their values.
pub(crate) type Forms = &'static [(&'static [u8], Form)];

pub(crate) const NONE: Forms = &[];
const SECONDS: Form = Form::Number(u32::MAX as u64);
pub(crate) const TAG: Forms = &[(b"tag", Form::Token)];
pub(crate) const VIA: Forms = &[
    (b"ttl", Form::Number(255)),
    (b"maddr", Form::Host),
    (b"received", Form::Address),
    (b"branch", Form::Token),
    (b"rport", Form::Port),
    // RFC 3486 section 5 and RFC 5049 section 9.1.
    (b"comp", Form::Token),
    (b"sigcomp-id", Form::Quoted),
];
pub(crate) const CONTACT: Forms = &[
    (b"q", Form::Qvalue),
    (b"expires", SECONDS),
    // RFC 5626 section 10 and RFC 5627 section 8.1.
    (b"reg-id", Form::Number(0x7FFF_FFFF)),
    (b"+sip.instance", Form::Quoted),
    (b"pub-gruu", Form::Quoted),
    (b"temp-gruu", Form::Quoted),
];
/// RFC 3892 section 2.1.
pub(crate) const REFERRED_BY: Forms = &[(b"cid", Form::Quoted)];
/// RFC 7044 section 5.
pub(crate) const HISTORY: Forms = &[(b"index", Form::Index)];
/// The words of RFC 7616 section 3.3 and of Refer-Sub (RFC 4488 section 4).
pub(crate) const TRUTHS: &[&[u8]] = &[b"true", b"false"];
pub(crate) const Q: Forms = &[(b"q", Form::Qvalue)];
pub(crate) const PURPOSE: Forms = &[(b"purpose", Form::Token)];
pub(crate) const DISPOSITION: Forms = &[(b"handling", Form::Token)];
pub(crate) const RETRY_AFTER: Forms = &[(b"duration", SECONDS)];
pub(crate) const EVENT: Forms = &[(b"id", Form::Token)];
pub(crate) const SUBSCRIPTION: Forms = &[
    (b"expires", SECONDS),
    (b"retry-after", SECONDS),
    (b"reason", Form::Token),
];
pub(crate) const SESSION_EXPIRES: Forms = &[(b"refresher", Form::OneOf(&[b"uac", b"uas"]))];
pub(crate) const REASON: Forms = &[(b"cause", SECONDS), (b"text", Form::Quoted)];
pub(crate) const DIALOG: Forms = &[
    (b"to-tag", Form::Token),
    (b"from-tag", Form::Token),
    (b"local-tag", Form::Token),
    (b"remote-tag", Form::Token),
    (b"early-only", Form::Flag),
];
const BOOLEAN: Form = Form::OneOf(TRUTHS);
pub(crate) const CHALLENGE: Forms = &[
    (b"realm", Form::Quoted),
    (b"domain", Form::Quoted),
    (b"nonce", Form::Quoted),
    (b"opaque", Form::Quoted),
    (b"stale", BOOLEAN),
    (b"algorithm", Form::Token),
    (b"qop", Form::Quoted),
    (b"charset", Form::Token),
    (b"userhash", BOOLEAN),
];
/// Credentials and Authentication-Info, whose parameters of one name have one form.
pub(crate) const CREDENTIALS: Forms = &[
    (b"username", Form::Quoted),
    (b"realm", Form::Quoted),
    (b"nonce", Form::Quoted),
    (b"uri", Form::Quoted),
    (b"response", Form::Quoted),
    (b"algorithm", Form::Token),
    (b"cnonce", Form::Quoted),
    (b"opaque", Form::Quoted),
    (b"qop", Form::Token),
    (b"nc", Form::NonceCount),
    (b"userhash", BOOLEAN),
    (b"nextnonce", Form::Quoted),
    (b"rspauth", Form::Quoted),
];

impl Form {
    fn fits(self, value: Option<&[u8]>) -> bool {
        let Some(value) = value else {
            return matches!(self, Form::Any | Form::Flag | Form::Port);
        };
        let quoted = value.first() == Some(&b'"');
        match self {
            Form::Any => true,
            Form::Text => quoted || is_token(value),
            Form::Token => is_token(value),
            Form::Quoted => quoted,
            Form::Host => is_host(value),
            Form::Address => is_address(value),
            Form::Number(max) => is_number(value, max),
            Form::Port => is_number(value, u64::from(u16::MAX)),
            Form::Qvalue => qvalue(value).is_some(),
            Form::NonceCount => {
                value.len() == 8 && value.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            }
            Form::Flag => false,
            Form::Index => value
                .split(|byte| *byte == b'.')
                .all(|level| !level.is_empty() && level.iter().all(u8::is_ascii_digit)),
            Form::OneOf(tokens) => tokens.iter().any(|token| token.eq_ignore_ascii_case(value)),
        }
    }
}

/// Whether a text is a token, as methods, option tags and names of event packages are (RFC 3261 section 25.1).
///
/// ```
/// assert!(sip_parse::is_token(b"message-summary"));
/// assert!(!sip_parse::is_token(b"a b") && !sip_parse::is_token(b""));
/// ```
pub fn is_token(value: &[u8]) -> bool {
    !value.is_empty() && class::run(value, 0, class::TOKEN) == value.len()
}

fn is_number(value: &[u8], max: u64) -> bool {
    digits(value, 0, max).is_ok_and(|(_, end)| end == value.len())
}

fn is_host(value: &[u8]) -> bool {
    uri::host(value, 0, Rules::strict(0)).is_ok_and(|(_, end)| end == value.len())
}

/// `hostport`.
pub(crate) fn is_host_port(value: &[u8]) -> bool {
    let end = uri::host(value, 0, Rules::strict(0)).and_then(|(_, end)| uri::port(value, end));
    end.is_ok_and(|(_, end)| end == value.len())
}

fn is_address(value: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(value) else {
        return false;
    };
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text).parse::<Ipv6Addr>().is_ok() || text.parse::<Ipv4Addr>().is_ok()
}

/// Checks the parameters of a value: none twice (RFC 3261 section 7.3.1), the known ones in their form, `others` for all
/// others. `params` is a slice of `value`.
pub(crate) fn check_params(
    value: &[u8],
    params: Params<'_>,
    forms: &[(&[u8], Form)],
    others: Form,
) -> Result<(), ParseError> {
    distinct(value, params.iter().map(|(name, _)| name))?;
    check(value, params.iter(), forms, others)
}

/// Checks the form of each parameter value.
pub(crate) fn check<'a>(
    whole: &'a [u8],
    mut params: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    forms: &[(&[u8], Form)],
    others: Form,
) -> Result<(), ParseError> {
    let unfit = params.find(|(name, value)| {
        let known = forms
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known));
        !known.map_or(others, |(_, form)| *form).fits(*value)
    });
    match unfit {
        Some((name, value)) => {
            let at = offset_in(whole, value.unwrap_or(name));
            Err(ParseError::at(ErrorKind::Value, at))
        }
        None => Ok(()),
    }
}
