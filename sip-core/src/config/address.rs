//! The two parameters that are SIP URIs, and the defaults that follow from the address-of-record.

use alloc::{borrow::Cow, boxed::Box, format, string::String};

use sip_parse::{Scheme, UriBuf};

use super::values::{TEXT_LIMIT, is_text};

const ADDRESS: &str = "a SIP URI with a user and a host, like sip:alice@example.com";
const REGISTRAR: &str = "a SIP URI without a user, like sip:example.com";

/// Reads `text` as a SIP or SIPS URI without password and headers; `sip:` may be missing. A `#` in the user part becomes
/// `%23` (RFC 3261 section 19.1.2), because the URI goes into messages.
fn sip_uri(text: &str, expected: &'static str) -> Result<UriBuf, &'static str> {
    let starts = |scheme: &str| {
        let start = text.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let full: Cow<'_, str> = if starts("sip:") || starts("sips:") {
        text.into()
    } else {
        format!("sip:{text}").into()
    };
    if full.len() > TEXT_LIMIT {
        return Err("a SIP URI of at most 1024 bytes");
    }
    let uri = UriBuf::strict(full.as_bytes()).map_err(|_| expected)?;
    let view = uri.as_uri();
    if !matches!(view.scheme(), Scheme::Sip | Scheme::Sips) {
        return Err(expected);
    }
    if view.password().is_some() {
        return Err("a SIP URI without a password in it; give the password as password");
    }
    if view.headers().next().is_some() {
        return Err("a SIP URI without headers (?)");
    }
    Ok(uri)
}

/// `uri`: a SIP URI with a user part. The error is the expected form.
pub(crate) fn address_of_record(text: &str) -> Result<UriBuf, &'static str> {
    let uri = sip_uri(text, ADDRESS)?;
    match uri.as_uri().user() {
        Some(_) => Ok(uri),
        None => Err(ADDRESS),
    }
}

/// `registrarServer`: a SIP URI without a user part. The error is the expected form.
pub(crate) fn registrar(text: &str) -> Result<UriBuf, &'static str> {
    let uri = sip_uri(text, REGISTRAR)?;
    match uri.as_uri().user() {
        Some(_) => Err(REGISTRAR),
        None => Ok(uri),
    }
}

/// Default of `registrarServer`: `uri` without its user part; port and parameters stay
/// (RFC 3261 section 10.2: "the userinfo and @ components MUST NOT be present").
pub(crate) fn default_registrar(uri: &UriBuf) -> Option<UriBuf> {
    let bytes = uri.as_bytes();
    let colon = bytes.iter().position(|&byte| byte == b':')?;
    let at = bytes.iter().position(|&byte| byte == b'@')?;
    UriBuf::parse([&bytes[..=colon], &bytes[at + 1..]].concat()).ok()
}

/// Default of `authorizationUser`: the user part of `uri`, unescaped. `None` if that is not text.
pub(crate) fn default_authorization_user(uri: &UriBuf) -> Option<Box<str>> {
    let user = String::from_utf8(uri.as_uri().user_unescaped()?.into_owned()).ok()?;
    is_text(&user).then(|| user.into())
}
