//! A URI in the bytes of a message: its reader and its parts (RFC 3261 section 19.1).

use alloc::borrow::Cow;
use core::fmt;

use crate::class::{self, run_escaped};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Rules;
use crate::method::Method;
use crate::number::digits;
use crate::params::{Params, distinct, offset_in, unescape, unexpected};
use crate::text::text;
use crate::uri::escape::same_escaped;
use crate::uri::headers::is_unsafe;
use crate::uri::host::{Host, HostKind, host, port};

/// A URI's scheme.
#[derive(Clone, Copy, Debug)]
pub enum Scheme<'a> {
    /// `sip`.
    Sip,
    /// `sips`.
    Sips,
    /// `tel` (RFC 3966).
    Tel,
    /// Any other, as spelled.
    Other(&'a [u8]),
}

impl<'a> Scheme<'a> {
    /// The scheme without its colon; known ones in lower case.
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            Scheme::Sip => b"sip",
            Scheme::Sips => b"sips",
            Scheme::Tel => b"tel",
            Scheme::Other(scheme) => scheme,
        }
    }
}

impl PartialEq for Scheme<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().eq_ignore_ascii_case(other.as_bytes())
    }
}

impl Eq for Scheme<'_> {}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemeKind {
    Sip,
    Sips,
    Tel,
    Other,
}

/// The offsets of the parts of a URI in its text.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub(super) scheme: SchemeKind,
    host: HostKind,
    /// Offset behind the scheme's colon.
    pub(super) rest: u16,
    /// The `@` behind user and password; equal to `rest` when absent.
    userinfo_end: u16,
    /// End of the user.
    user_end: u16,
    host_start: u16,
    host_end: u16,
    port: Option<u16>,
    pub(super) params_start: u16,
    pub(super) params_end: u16,
}

/// A URI in the bytes of a message. SIP and SIPS URIs have parts; all others stay opaque.
#[derive(Clone, Copy)]
pub struct Uri<'a> {
    pub(super) text: &'a [u8],
    pub(super) parts: Parts,
}

impl<'a> Uri<'a> {
    /// Reads a URI and nothing else.
    ///
    /// # Errors
    /// The first fault against RFC 3261 section 25.1, with its offset in `text`.
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        let (uri, end) = Uri::prefix(text, 0, Form::Full, Rules::DEFAULT)?;
        if end != text.len() {
            return Err(unexpected(text, end));
        }
        Ok(uri)
    }

    /// Reads a URI at `at`; returns it and its end.
    #[inline]
    pub(crate) fn prefix(
        input: &'a [u8],
        at: usize,
        form: Form,
        rules: Rules,
    ) -> Result<(Self, usize), ParseError> {
        if rules.strict {
            return Uri::strict_prefix(input, at, form, rules);
        }
        Uri::any_prefix(input, at, form, rules)
    }

    /// [`Uri::prefix`] with the parameters of a SIP URI checked.
    #[cold]
    fn strict_prefix(
        input: &'a [u8],
        at: usize,
        form: Form,
        rules: Rules,
    ) -> Result<(Self, usize), ParseError> {
        let (uri, end) = Uri::any_prefix(input, at, form, rules)?;
        if uri.is_sip() {
            uri.check_strictly().map_err(|error| error.shifted(at))?;
        }
        Ok((uri, end))
    }

    /// [`Uri::prefix`] without a look at what the parameters mean.
    #[inline(never)]
    fn any_prefix(
        input: &'a [u8],
        at: usize,
        form: Form,
        rules: Rules,
    ) -> Result<(Self, usize), ParseError> {
        let (scheme, rest) = scheme(input, at)?;
        if !matches!(scheme, SchemeKind::Sip | SchemeKind::Sips) {
            return Uri::opaque(input, at, scheme, rest, form, rules);
        }
        sip_uri(input, at, scheme, rest, form, rules)
    }

    /// Reads a URI that is neither sip nor sips, whose scheme ends at `rest`.
    #[cold]
    fn opaque(
        input: &'a [u8],
        at: usize,
        scheme: SchemeKind,
        rest: usize,
        form: Form,
        rules: Rules,
    ) -> Result<(Self, usize), ParseError> {
        let mask = match (form, rules.strict) {
            (Form::Full, false) => class::URIC,
            (Form::Bare, false) => class::BARE_URIC,
            (Form::Full, true) => class::STRICT_URIC,
            (Form::Bare, true) => class::STRICT_BARE_URIC,
        };
        let mut end = run_escaped(input, rest, mask);
        // The host of an absolute URI may be an IPv6 reference; nothing else in it has brackets.
        if rules.strict && input.get(end) == Some(&b'[') {
            let before = &input[rest..end];
            if before.starts_with(b"//") && !before[2..].contains(&b'/') {
                end = run_escaped(input, host(input, end, rules)?.1, mask);
            }
        }
        if end == rest {
            return Err(unexpected(input, end));
        }
        let text = &input[at..end];
        let length = length(text, at)?;
        let rest = (rest - at) as u16;
        let parts = Parts {
            scheme,
            host: HostKind::None,
            rest,
            userinfo_end: rest,
            user_end: rest,
            host_start: length,
            host_end: length,
            port: None,
            params_start: length,
            params_end: length,
        };
        Ok((Uri { text, parts }, end))
    }

    fn slice(&self, start: u16, end: u16) -> &'a [u8] {
        &self.text[usize::from(start)..usize::from(end)]
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme<'a> {
        match self.parts.scheme {
            SchemeKind::Sip => Scheme::Sip,
            SchemeKind::Sips => Scheme::Sips,
            SchemeKind::Tel => Scheme::Tel,
            SchemeKind::Other => Scheme::Other(self.slice(0, self.parts.rest - 1)),
        }
    }

    /// Whether the scheme is sip or sips.
    pub fn is_sip(&self) -> bool {
        matches!(self.parts.scheme, SchemeKind::Sip | SchemeKind::Sips)
    }

    /// The user part as received, escapes kept; `None` when there is no `@`.
    pub fn user(&self) -> Option<&'a [u8]> {
        (self.parts.userinfo_end > self.parts.rest)
            .then(|| self.slice(self.parts.rest, self.parts.user_end))
    }

    /// The user part with its escapes undone.
    pub fn user_unescaped(&self) -> Option<Cow<'a, [u8]>> {
        self.user().map(unescape)
    }

    /// The password as received.
    pub fn password(&self) -> Option<&'a [u8]> {
        (self.parts.userinfo_end > self.parts.user_end)
            .then(|| self.slice(self.parts.user_end + 1, self.parts.userinfo_end))
    }

    /// The host; an empty name for URIs other than sip and sips.
    pub fn host(&self) -> Host<'a> {
        self.parts.host.read(self.host_bytes())
    }

    /// The host as received, with brackets around an IPv6 address; empty for URIs other than sip and sips.
    pub fn host_bytes(&self) -> &'a [u8] {
        self.slice(self.parts.host_start, self.parts.host_end)
    }

    /// `host[:port]` as received.
    pub(super) fn host_and_port(&self) -> &'a [u8] {
        self.slice(self.parts.host_start, self.parts.params_start)
    }

    /// The port; `None` when absent.
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The URI parameters.
    pub fn params(&self) -> Params<'a> {
        Params::new(
            self.slice(self.parts.params_start, self.parts.params_end),
            b';',
        )
    }

    fn find_param(&self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        let mut params = self.params().iter();
        params
            .find(|(found, _)| same_escaped(found, name, true))
            .map(|(_, value)| value)
    }

    /// The value of a URI parameter as received. A name matches without regard to case, escaped or not.
    pub fn param(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.find_param(name).flatten()
    }

    /// Whether there is a URI parameter of that name.
    pub fn has_param(&self, name: &[u8]) -> bool {
        self.find_param(name).is_some()
    }

    /// The `method` parameter: the method of a request to this URI (RFC 3261 section 19.1.1).
    pub fn method(&self) -> Option<Method<'a>> {
        self.param(b"method")
            .and_then(|method| Method::parse(method).ok())
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.param(b"maddr")
    }

    /// The number of a tel URI, visual separators kept; `None` for other schemes (RFC 3966).
    pub fn tel_number(&self) -> Option<&'a [u8]> {
        let number = &self.text[usize::from(self.parts.rest)..];
        let end = memchr::memchr(b';', number).unwrap_or(number.len());
        (self.parts.scheme == SchemeKind::Tel).then(|| &number[..end])
    }

    /// The parameters of a tel URI, such as `phone-context`; none for other schemes.
    pub fn tel_params(&self) -> Params<'a> {
        let number = self.tel_number().map_or(0, <[u8]>::len);
        match self.parts.scheme {
            SchemeKind::Tel => {
                Params::new(&self.text[usize::from(self.parts.rest) + number..], b';')
            }
            _ => Params::NONE,
        }
    }

    /// The `transport` parameter's value.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.param(b"transport")
    }

    /// Whether the URI is a loose router's (`lr`, RFC 3261 section 16.12.1.1).
    pub fn is_lr(&self) -> bool {
        self.has_param(b"lr")
    }

    /// The `?headers` as received: name and value, escapes kept (RFC 3261 section 19.1.1).
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone + use<'a> {
        let text = self.headers_bytes();
        text.split(|&byte| byte == b'&')
            .filter(|header| !header.is_empty())
            .map(|header| match memchr::memchr(b'=', header) {
                Some(equals) => (&header[..equals], &header[equals + 1..]),
                None => (header, &[][..]),
            })
    }

    /// The `?headers` that a request made from this URI may copy: all except `body`, those that could forge its sender, route
    /// or handling, and those that describe a body (RFC 3261 section 19.1.5).
    pub fn safe_headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone + use<'a> {
        self.headers().filter(|(name, _)| {
            let name = unescape(name);
            !name.eq_ignore_ascii_case(b"body") && !is_unsafe(&name)
        })
    }

    /// The `body` among the `?headers`, with its escapes undone (RFC 3261 section 19.1.1).
    pub fn body(&self) -> Option<Cow<'a, [u8]>> {
        self.headers()
            .find(|(name, _)| same_escaped(name, b"body", true))
            .map(|(_, body)| unescape(body))
    }

    /// The text behind the `?`; empty when absent.
    pub fn headers_bytes(&self) -> &'a [u8] {
        self.text
            .get(usize::from(self.parts.params_end) + 1..)
            .unwrap_or(b"")
    }

    /// The text without the `?headers`, which no Request-URI has (RFC 3261 section 19.1.1). A `?` in the user part is
    /// no separator (section 25.1).
    pub fn without_headers(&self) -> &'a [u8] {
        &self.text[..usize::from(self.parts.params_end)]
    }

    /// The whole text.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// What section 25.1 says about the parameters of a SIP URI: none twice, and each known one in its form. Offsets
    /// count from the start of the URI.
    fn check_strictly(&self) -> Result<(), ParseError> {
        distinct(self.text, self.params().iter().map(|(name, _)| name))?;
        for (name, value) in self.params() {
            let is = |known: &[u8]| same_escaped(name, known, true);
            let value = value.unwrap_or(b"");
            let fits = if is(b"maddr") {
                host(value, 0, Rules::strict(0)).is_ok_and(|(_, end)| end == value.len())
            } else if is(b"ttl") {
                digits(value, 0, 255).is_ok_and(|(_, end)| end == value.len())
            } else if is(b"transport") || is(b"user") || is(b"method") {
                !value.is_empty() && run_escaped(value, 0, class::TOKEN) == value.len()
            } else {
                true
            };
            if !fits {
                let at = offset_in(self.text, name);
                return Err(ParseError::at(ErrorKind::Value, at));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&text(self.text), f)
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({})", text(self.text))
    }
}

/// Equality of the text; for equivalence see [`Uri::equivalent`].
impl PartialEq for Uri<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri<'_> {}

/// The context of a URI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Alone or in angle brackets.
    Full,
    /// As an addr-spec without brackets: `;` `,` and `?` end it (RFC 3261 section 20).
    Bare,
}

/// How a URI without brackets is read when a route lacks them: its parameters are the URI's, because a route without
/// `lr` is a strict router (RFC 3261 section 16.12.1.1).
fn has_params(form: Form, rules: Rules) -> bool {
    form == Form::Full || rules.route
}

#[inline]
fn scheme(input: &[u8], at: usize) -> Result<(SchemeKind, usize), ParseError> {
    if let Some(&[s, i, p, colon]) = input.get(at..).and_then(|rest| rest.first_chunk::<4>())
        && u32::from_le_bytes([s, i, p, 0]) | 0x0020_2020 == u32::from_le_bytes(*b"sip\0")
    {
        if colon == b':' {
            return Ok((SchemeKind::Sip, at + 4));
        }
        if colon | 0x20 == b's' && input.get(at + 4) == Some(&b':') {
            return Ok((SchemeKind::Sips, at + 5));
        }
    }
    let mut end = at;
    while matches!(input.get(end), Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    {
        end += 1;
    }
    if end == at || !input[at].is_ascii_alphabetic() {
        return Err(unexpected(input, at));
    }
    if input.get(end) != Some(&b':') {
        return Err(ParseError::at(ErrorKind::Expected(b':'), end));
    }
    let kind = if input[at..end].eq_ignore_ascii_case(b"tel") {
        SchemeKind::Tel
    } else {
        SchemeKind::Other
    };
    Ok((kind, end + 1))
}

fn length(text: &[u8], at: usize) -> Result<u16, ParseError> {
    u16::try_from(text.len()).map_err(|_| ParseError::at(ErrorKind::HeaderTooLong, at))
}

#[inline(always)]
fn sip_uri(
    input: &[u8],
    at: usize,
    scheme: SchemeKind,
    rest: usize,
    form: Form,
    rules: Rules,
) -> Result<(Uri<'_>, usize), ParseError> {
    let mask = match (form, rules.strict) {
        (Form::Full, false) => class::USER,
        (Form::Bare, false) => class::BARE_USER,
        (Form::Full, true) => class::STRICT_USER,
        (Form::Bare, true) => class::STRICT_BARE_USER,
    };
    // The text up to here is the user when "@" follows, else it is the host.
    let mut user_end = run_escaped(input, rest, mask);
    let mut userinfo_end = user_end;
    if input.get(user_end) == Some(&b':') {
        userinfo_end = run_escaped(input, user_end + 1, class::PASSWORD);
    }
    let host_start = if input.get(userinfo_end) == Some(&b'@') {
        if user_end == rest {
            return Err(ParseError::at(ErrorKind::Character, rest));
        }
        userinfo_end + 1
    } else {
        user_end = rest;
        userinfo_end = rest;
        rest
    };
    let (host_kind, host_end) = host(input, host_start, rules)?;
    let (port, params_start) = port(input, host_end)?;
    let mut end = params_start;
    if has_params(form, rules) {
        end = uri_params(input, end, form, rules)?;
    }
    let params_end = end;
    if input.get(end) == Some(&b'?') {
        if form == Form::Bare {
            return Err(ParseError::at(ErrorKind::Character, end));
        }
        end = uri_headers(input, end, rules)?;
    }
    let text = &input[at..end];
    length(text, at)?;
    let offset = |position: usize| (position - at) as u16;
    let parts = Parts {
        scheme,
        host: host_kind,
        rest: offset(rest),
        userinfo_end: offset(userinfo_end),
        user_end: offset(user_end),
        host_start: offset(host_start),
        host_end: offset(host_end),
        port,
        params_start: offset(params_start),
        params_end: offset(params_end),
    };
    Ok((Uri { text, parts }, end))
}

#[inline]
fn uri_params(input: &[u8], at: usize, form: Form, rules: Rules) -> Result<usize, ParseError> {
    let mut end = at;
    let mut count = 0u16;
    while input.get(end) == Some(&b';') {
        if count == rules.parameters {
            return Err(ParseError::at(ErrorKind::TooManyParameters, end));
        }
        count += 1;
        let name = end + 1;
        end = run_escaped(input, name, class::URI_PARAM);
        if end == name {
            // Phones send a `;` behind the last parameter. Without brackets it may begin a header parameter.
            let last = match input.get(end) {
                None => true,
                Some(b'>' | b'?') => form == Form::Full,
                Some(_) => false,
            };
            if rules.empties && last {
                return Ok(end);
            }
            return Err(escape_or_unexpected(input, end));
        }
        if input.get(end) == Some(&b'=') {
            let value = end + 1;
            end = run_escaped(input, value, class::URI_PARAM);
            if end == value {
                return Err(escape_or_unexpected(input, end));
            }
        }
    }
    Ok(end)
}

fn uri_headers(input: &[u8], at: usize, rules: Rules) -> Result<usize, ParseError> {
    let mut end = at;
    let mut count = 0u16;
    loop {
        if count == rules.parameters {
            return Err(ParseError::at(ErrorKind::TooManyParameters, end));
        }
        count += 1;
        let name = end + 1;
        end = run_escaped(input, name, class::URI_HEADER);
        if end == name {
            return Err(escape_or_unexpected(input, end));
        }
        if input.get(end) != Some(&b'=') {
            return Err(ParseError::at(ErrorKind::Expected(b'='), end));
        }
        end = run_escaped(input, end + 1, class::URI_HEADER);
        if input.get(end) != Some(&b'&') {
            return Ok(end);
        }
    }
}

fn escape_or_unexpected(input: &[u8], at: usize) -> ParseError {
    if input.get(at) == Some(&b'%') {
        ParseError::at(ErrorKind::Escape, at)
    } else {
        unexpected(input, at)
    }
}
