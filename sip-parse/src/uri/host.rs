//! Hosts: names, IPv4 addresses, IPv6 references (RFC 3261 section 25.1, RFC 5118, RFC 5954).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str;

use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::limits::Rules;
use crate::number::digits;
use crate::text::text;

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
        let (kind, end) = host(text, 0, Rules::DEFAULT)?;
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
            Host::Name(name) => fmt::Display::fmt(&text(name), f),
            Host::V4(address) => fmt::Display::fmt(address, f),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostKind {
    None,
    /// A name or an IPv4 address.
    Name,
    V6,
}

impl HostKind {
    /// The host in `text`, which the reader found to be of this kind.
    pub(crate) fn read(self, text: &[u8]) -> Host<'_> {
        match self {
            // Classified here and not by the reader, because few callers need the address.
            HostKind::Name if text.first().is_some_and(u8::is_ascii_digit) => {
                v4(text).map_or(Host::Name(text), Host::V4)
            }
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

/// An IPv6 address. The RFC 3261 grammar allows three colons, as in `2001:db8:::192.0.2.1`; a receiver reads them as
/// two (RFC 5118 section 4.10), a writer sends two (RFC 5954 section 4.1).
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

/// Reads a host at `at`: its kind and its end.
#[inline(always)]
pub(crate) fn host(input: &[u8], at: usize, rules: Rules) -> Result<(HostKind, usize), ParseError> {
    if input.get(at) == Some(&b'[') {
        return reference(input, at, rules);
    }
    let end = class::run(input, at, class::HOST);
    if end == at {
        return Err(ParseError::at(ErrorKind::Host, at));
    }
    if rules.strict && v4(&input[at..end]).is_none() && !is_strict_name(&input[at..end]) {
        return Err(ParseError::at(ErrorKind::Host, at));
    }
    Ok((HostKind::Name, end))
}

/// Reads an IPv6 reference at `at`.
fn reference(input: &[u8], at: usize, rules: Rules) -> Result<(HostKind, usize), ParseError> {
    let mut end = at + 1;
    while matches!(input.get(end), Some(byte) if byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
    {
        end += 1;
    }
    if input.get(end) != Some(&b']') || v6(&input[at..end + 1]).is_none() {
        return Err(ParseError::at(ErrorKind::Host, at));
    }
    if rules.strict && memchr::memmem::find(&input[at..end], b":::").is_some() {
        return Err(ParseError::at(ErrorKind::Host, at));
    }
    Ok((HostKind::V6, end + 1))
}

/// `hostname`, exactly as the grammar defines it: labels of letters, digits and inner hyphens, the last one starting
/// with a letter.
fn is_strict_name(text: &[u8]) -> bool {
    let name = text.strip_suffix(b".").unwrap_or(text);
    let label_ok = |label: &[u8]| {
        !label.is_empty()
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
            && label
                .iter()
                .all(|&byte| class::is(byte, class::STRICT_HOST))
    };
    let mut labels = name.split(|&byte| byte == b'.');
    labels.clone().all(label_ok)
        && labels
            .next_back()
            .is_some_and(|label| label[0].is_ascii_alphabetic())
}

/// Reads `[ COLON port ]` without blanks at `at`: the port and its end.
#[inline]
pub(crate) fn port(input: &[u8], at: usize) -> Result<(Option<u16>, usize), ParseError> {
    if input.get(at) != Some(&b':') {
        return Ok((None, at));
    }
    let (number, end) = digits(input, at + 1, u64::from(u16::MAX))?;
    Ok((Some(number as u16), end))
}
