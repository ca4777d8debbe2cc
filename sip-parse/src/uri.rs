//! SIP, SIPS and other URIs (RFC 3261 section 19.1).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str;

use crate::class::{self, run_escaped};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Limits;
use crate::params::{Params, unescape, unescaped_at, unexpected};

/// A URI's scheme.
#[derive(Clone, Copy, Debug)]
pub enum Scheme<'a> {
    /// `sip`.
    Sip,
    /// `sips`.
    Sips,
    /// `tel` (RFC 3966).
    Tel,
    /// Any other, as it is spelled.
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

/// A host (RFC 3261 section 25.1, RFC 5954).
#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// A name; empty for a URI that has no host.
    Name(&'a [u8]),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 reference.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host and nothing else: a name, an IPv4 address or a bracketed IPv6 address.
    ///
    /// # Errors
    /// [`ErrorKind::Host`] when it is none of these.
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        let (kind, end) = host(text, 0)?;
        if end != text.len() {
            return Err(ParseError::at(ErrorKind::Host, end));
        }
        Ok(kind.read(text))
    }

    /// The address, unless the host is a name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address) => Some(IpAddr::V6(*address)),
        }
    }
}

/// Names compare without regard to case, addresses by value (RFC 5954 section 4.2).
impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            _ => self.ip().is_some() && self.ip() == other.ip(),
        }
    }
}

impl Eq for Host<'_> {}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => fmt::Display::fmt(&crate::text(name), f),
            Host::V4(address) => fmt::Display::fmt(address, f),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostKind {
    None,
    Name,
    V4,
    V6,
}

impl HostKind {
    /// The host in `text`, which was found to be of this kind.
    pub(crate) fn read(self, text: &[u8]) -> Host<'_> {
        match self {
            HostKind::V4 => v4(text).map_or(Host::Name(text), Host::V4),
            HostKind::V6 => v6(text).map_or(Host::Name(text), Host::V6),
            HostKind::Name | HostKind::None => Host::Name(text),
        }
    }
}

fn v4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut parts = text.split(|&byte| byte == b'.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 3 {
            return None;
        }
        let mut number = 0u16;
        for digit in part {
            number = number * 10 + u16::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        }
        *octet = u8::try_from(number).ok()?;
    }
    if parts.next().is_some() {
        return None;
    }
    Some(Ipv4Addr::from(octets))
}

/// An address in brackets.
fn v6(text: &[u8]) -> Option<Ipv6Addr> {
    let inner = text.strip_prefix(b"[")?.strip_suffix(b"]")?;
    v6_bare(inner)
}

/// An IPv6 address. RFC 5118 section 4.9: the RFC 3261 grammar let `2001:db8:::192.0.2.1` pass, with three colons; a
/// receiver is asked to take it as two, and writers must send two (RFC 5954 section 4.1).
pub(crate) fn v6_bare(text: &[u8]) -> Option<Ipv6Addr> {
    if let Ok(address) = str::from_utf8(text).ok()?.parse() {
        return Some(address);
    }
    let mut buffer = [0u8; 45];
    let colons = text.windows(3).position(|window| window == b":::")?;
    let length = text.len() - 1;
    let fixed = buffer.get_mut(..length)?;
    fixed[..colons].copy_from_slice(&text[..colons]);
    fixed[colons..].copy_from_slice(&text[colons + 1..]);
    str::from_utf8(fixed).ok()?.parse().ok()
}

/// Passes over a host at `at`: what it is and where it ends.
#[inline]
pub(crate) fn host(input: &[u8], at: usize) -> Result<(HostKind, usize), ParseError> {
    if input.get(at) == Some(&b'[') {
        let mut end = at + 1;
        while matches!(input.get(end), Some(byte) if byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        {
            end += 1;
        }
        if input.get(end) != Some(&b']') || v6(&input[at..end + 1]).is_none() {
            return Err(ParseError::at(ErrorKind::Host, at));
        }
        return Ok((HostKind::V6, end + 1));
    }
    let end = class::run(input, at, class::HOST);
    if end == at {
        return Err(ParseError::at(ErrorKind::Host, at));
    }
    // A toplabel starts with a letter, so a last label that starts with a digit makes this an address or nothing.
    if input[at].is_ascii_digit() && v4(&input[at..end]).is_some() {
        return Ok((HostKind::V4, end));
    }
    Ok((HostKind::Name, end))
}

/// Passes over `[ COLON port ]` without blanks at `at`: the port and where it ends.
#[inline]
pub(crate) fn port(input: &[u8], at: usize) -> Result<(Option<u16>, usize), ParseError> {
    if input.get(at) != Some(&b':') {
        return Ok((None, at));
    }
    let (number, end) = crate::grammar::digits(input, at + 1, u64::from(u16::MAX))?;
    Ok((Some(number as u16), end))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SchemeKind {
    Sip,
    Sips,
    Tel,
    Other,
}

/// Where the parts of a URI lie in its text.
#[derive(Clone, Copy)]
struct Parts {
    scheme: SchemeKind,
    host: HostKind,
    /// Behind the scheme's colon.
    rest: u16,
    /// Behind the user and password; equal to `rest` when there is none, else the `@`.
    userinfo_end: u16,
    /// Behind the user.
    user_end: u16,
    host_start: u16,
    host_end: u16,
    port: Option<u16>,
    params_start: u16,
    params_end: u16,
}

/// A URI in the bytes of a message. SIP and SIPS URIs are taken apart; all others stay opaque.
#[derive(Clone, Copy)]
pub struct Uri<'a> {
    text: &'a [u8],
    parts: Parts,
}

impl<'a> Uri<'a> {
    /// Reads a URI and nothing else.
    ///
    /// # Errors
    /// The first fault against RFC 3261 section 25.1, with its offset in `text`.
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        let (uri, end) = Uri::prefix(text, 0, Form::Full, Limits::DEFAULT.parameters)?;
        if end != text.len() {
            return Err(unexpected(text, end));
        }
        Ok(uri)
    }

    /// Passes over a URI at `at`; returns it and where it ends.
    #[inline]
    pub(crate) fn prefix(
        input: &'a [u8],
        at: usize,
        form: Form,
        limit: u16,
    ) -> Result<(Self, usize), ParseError> {
        let (scheme, rest) = scheme(input, at)?;
        if matches!(scheme, SchemeKind::Sip | SchemeKind::Sips) {
            sip_uri(input, at, scheme, rest, form, limit)
        } else {
            let mask = if form == Form::Full {
                class::URIC
            } else {
                class::BARE_URIC
            };
            let end = run_escaped(input, rest, mask);
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

    /// The user part as it came, escapes kept; `None` when there is no `@`.
    pub fn user(&self) -> Option<&'a [u8]> {
        (self.parts.userinfo_end > self.parts.rest)
            .then(|| self.slice(self.parts.rest, self.parts.user_end))
    }

    /// The user part with its escapes undone.
    pub fn user_unescaped(&self) -> Option<Cow<'a, [u8]>> {
        self.user().map(unescape)
    }

    /// The password as it came.
    pub fn password(&self) -> Option<&'a [u8]> {
        (self.parts.userinfo_end > self.parts.user_end)
            .then(|| self.slice(self.parts.user_end + 1, self.parts.userinfo_end))
    }

    /// The host; an empty name for URIs other than sip and sips.
    pub fn host(&self) -> Host<'a> {
        self.parts.host.read(self.host_bytes())
    }

    /// The host as it came, with brackets around an IPv6 address; empty for URIs other than sip and sips.
    pub fn host_bytes(&self) -> &'a [u8] {
        self.slice(self.parts.host_start, self.parts.host_end)
    }

    /// The port, when one is written.
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

    /// The value of a URI parameter.
    pub fn param(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.params().value(name)
    }

    /// Whether there is a URI parameter of that name.
    pub fn has_param(&self, name: &[u8]) -> bool {
        self.params().has(name)
    }

    /// The `transport` parameter's value.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.param(b"transport")
    }

    /// Whether the URI is a loose router's (`lr`, RFC 3261 section 16.12.1.1).
    pub fn is_lr(&self) -> bool {
        self.has_param(b"lr")
    }

    /// The `?headers` as they came: name and value, escapes kept (RFC 3261 section 19.1.1).
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone + use<'a> {
        let text = self.headers_bytes();
        text.split(|&byte| byte == b'&')
            .filter(|header| !header.is_empty())
            .map(|header| match memchr::memchr(b'=', header) {
                Some(equals) => (&header[..equals], &header[equals + 1..]),
                None => (header, &[][..]),
            })
    }

    /// What follows the `?`; empty when there is none.
    pub fn headers_bytes(&self) -> &'a [u8] {
        self.text
            .get(usize::from(self.parts.params_end) + 1..)
            .unwrap_or(b"")
    }

    /// The whole text.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// Whether two URIs are equivalent by RFC 3261 section 19.1.4; URIs of other schemes by their bytes, scheme without
    /// regard to case.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        if self.scheme() != other.scheme() {
            return false;
        }
        if !self.is_sip() {
            return self.text[usize::from(self.parts.rest)..]
                == other.text[usize::from(other.parts.rest)..];
        }
        let userinfo = match (self.user(), other.user()) {
            (Some(a), Some(b)) => same_escaped(a, b, false),
            (None, None) => true,
            _ => false,
        } && match (self.password(), other.password()) {
            (Some(a), Some(b)) => same_escaped(a, b, false),
            (None, None) => true,
            _ => false,
        };
        userinfo
            && self.host() == other.host()
            && self.port() == other.port()
            && params_equivalent(self.params(), other.params())
            && headers_equivalent(self, other)
    }
}

/// The parameters that must match when either URI has them.
const DECIDING: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

/// Above this many parameters or headers a comparison would be quadratic; such URIs compare by their bytes.
const COMPARED: usize = 64;

fn params_equivalent(a: Params<'_>, b: Params<'_>) -> bool {
    if a.iter().count() > COMPARED || b.iter().count() > COMPARED {
        return a.as_bytes() == b.as_bytes();
    }
    let agree = |a: Params<'_>, b: Params<'_>| {
        a.iter().all(|(name, value)| {
            let found = b.iter().find(|(other, _)| same_escaped(name, other, true));
            match (found, value) {
                (None, _) => !DECIDING
                    .iter()
                    .any(|deciding| same_escaped(name, deciding, true)),
                (Some((_, Some(found))), Some(value)) => same_escaped(value, found, true),
                (Some((_, None)), None) => true,
                (Some(_), _) => false,
            }
        })
    };
    agree(a, b) && agree(b, a)
}

fn headers_equivalent(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    let count = a.headers().count();
    if count != b.headers().count() {
        return false;
    }
    if count > COMPARED {
        return a.headers_bytes() == b.headers_bytes();
    }
    let same = |one: &(&[u8], &[u8]), other: &(&[u8], &[u8])| {
        same_escaped(one.0, other.0, true) && same_escaped(one.1, other.1, false)
    };
    // Each header as often in one as in the other.
    a.headers().all(|header| {
        a.headers().filter(|other| same(&header, other)).count()
            == b.headers().filter(|other| same(&header, other)).count()
    })
}

/// Whether two texts are equal once escapes are undone; an escaped reserved character differs from the plain one.
fn same_escaped(a: &[u8], b: &[u8], ignore_case: bool) -> bool {
    let (mut i, mut j) = (0, 0);
    loop {
        match (unescaped_at(a, i), unescaped_at(b, j)) {
            (None, None) => return true,
            (Some((x, next_i)), Some((y, next_j))) => {
                let same = if ignore_case {
                    x.eq_ignore_ascii_case(&y)
                } else {
                    x == y
                };
                let both_alike = (next_i - i == next_j - j) || is_unreserved(x);
                if !same || !both_alike {
                    return false;
                }
                i = next_i;
                j = next_j;
            }
            _ => return false,
        }
    }
}

/// Characters that mean the same escaped and plain: all but the reserved ones (RFC 3261 section 19.1.4).
fn is_unreserved(byte: u8) -> bool {
    !matches!(
        byte,
        b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b','
    )
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&crate::text(self.text), f)
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({})", crate::text(self.text))
    }
}

/// Equality of the text; for equivalence see [`Uri::equivalent`].
impl PartialEq for Uri<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri<'_> {}

/// Where a URI stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Alone or in angle brackets.
    Full,
    /// As an addr-spec without brackets: `;` `,` and `?` end it (RFC 3261 section 20).
    Bare,
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

#[inline]
fn sip_uri(
    input: &[u8],
    at: usize,
    scheme: SchemeKind,
    rest: usize,
    form: Form,
    limit: u16,
) -> Result<(Uri<'_>, usize), ParseError> {
    let mask = if form == Form::Full {
        class::USER
    } else {
        class::BARE_USER
    };
    // Either a user in front of "@", or this was the host already.
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
    let (host_kind, host_end) = host(input, host_start)?;
    let (port, params_start) = port(input, host_end)?;
    let mut end = params_start;
    if form == Form::Full {
        end = uri_params(input, end, limit)?;
    }
    let params_end = end;
    if input.get(end) == Some(&b'?') {
        if form == Form::Bare {
            return Err(ParseError::at(ErrorKind::Character, end));
        }
        end = uri_headers(input, end, limit)?;
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
fn uri_params(input: &[u8], at: usize, limit: u16) -> Result<usize, ParseError> {
    let mut end = at;
    let mut count = 0u16;
    while input.get(end) == Some(&b';') {
        if count == limit {
            return Err(ParseError::at(ErrorKind::TooManyParameters, end));
        }
        count += 1;
        let name = end + 1;
        end = run_escaped(input, name, class::URI_PARAM);
        if end == name {
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

fn uri_headers(input: &[u8], at: usize, limit: u16) -> Result<usize, ParseError> {
    let mut end = at;
    let mut count = 0u16;
    loop {
        if count == limit {
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

/// A URI that owns its text.
#[derive(Clone)]
pub struct UriBuf {
    text: Box<[u8]>,
    parts: Parts,
}

impl UriBuf {
    /// Reads a URI and keeps a copy of it.
    ///
    /// # Errors
    /// Those of [`Uri::parse`].
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, ParseError> {
        Uri::parse(text.as_ref()).map(UriBuf::from)
    }

    /// The URI in this text.
    pub fn as_uri(&self) -> Uri<'_> {
        Uri {
            text: &self.text,
            parts: self.parts,
        }
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

impl From<Uri<'_>> for UriBuf {
    fn from(uri: Uri<'_>) -> Self {
        UriBuf {
            text: Box::from(uri.text),
            parts: uri.parts,
        }
    }
}

impl From<&Uri<'_>> for UriBuf {
    fn from(uri: &Uri<'_>) -> Self {
        UriBuf::from(*uri)
    }
}

impl PartialEq for UriBuf {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for UriBuf {}

impl fmt::Display for UriBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_uri(), f)
    }
}

impl fmt::Debug for UriBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_uri(), f)
    }
}
