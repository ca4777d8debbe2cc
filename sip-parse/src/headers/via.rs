//! Via (RFC 3261 section 20.42, RFC 3581, RFC 5118).

use core::fmt;
use core::net::IpAddr;
use core::str;

use super::{Element, HeaderValue, alone, put_all, put_params};
use crate::class::{self, is_word, skip_lws, skip_space};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Rules;
use crate::number::digits;
use crate::params::{self, Params, unexpected};
use crate::text::text;
use crate::uri::{self, Host, HostKind};

/// One Via value.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    protocol: &'a [u8],
    transport: &'a [u8],
    sent_by: &'a [u8],
    host: &'a [u8],
    params: Params<'a>,
    branch: Option<&'a [u8]>,
    host_kind: HostKind,
    port: Option<u16>,
    /// Whether ttl and rport, where they have a value, are numbers in their bounds.
    bounded: bool,
}

/// For people: transport and sent-by, as in `WSS df7jal23ls0d.invalid`.
impl fmt::Display for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", text(self.transport), text(self.sent_by))
    }
}

impl<'a> Via<'a> {
    /// Reads one Via value and nothing else.
    ///
    /// # Errors
    /// The first fault against RFC 3261 section 25.1, with its offset in `value`.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }

    /// The protocol name and version as received: `SIP/2.0`, possibly with blanks around the slash.
    pub fn protocol(&self) -> &'a [u8] {
        self.protocol
    }

    /// The transport token as received: `UDP`, `TCP`, `TLS`, `WS`, `WSS`, ...
    pub fn transport(&self) -> &'a [u8] {
        self.transport
    }

    /// The host of the sent-by.
    pub fn host(&self) -> Host<'a> {
        self.host_kind.read(self.host)
    }

    /// The host of the sent-by as received.
    pub fn host_bytes(&self) -> &'a [u8] {
        self.host
    }

    /// The port of the sent-by; `None` when absent.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// `host[:port]` as received.
    pub fn sent_by(&self) -> &'a [u8] {
        self.sent_by
    }

    /// All parameters.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// The `branch` parameter.
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.branch
    }

    /// The `received` parameter as received.
    pub fn received(&self) -> Option<&'a [u8]> {
        self.params.value(b"received")
    }

    /// The address in `received`, IPv6 with or without brackets (RFC 5118 section 4.5).
    pub fn received_ip(&self) -> Option<IpAddr> {
        let text = self.received()?;
        let inner = text
            .strip_prefix(b"[")
            .and_then(|rest| rest.strip_suffix(b"]"))
            .unwrap_or(text);
        str::from_utf8(inner).ok()?.parse().ok()
    }

    /// The `rport` parameter: `Some(None)` when it has no value, as a client sends it (RFC 3581), or a value that is no
    /// port.
    pub fn rport(&self) -> Option<Option<u16>> {
        let value = self.params.find(b"rport")?;
        Some(value.and_then(|value| str::from_utf8(value).ok()?.parse().ok()))
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.params.value(b"maddr")
    }

    /// The `ttl` parameter; `None` when absent, malformed or over 255.
    pub fn ttl(&self) -> Option<u8> {
        str::from_utf8(self.params.value(b"ttl")?)
            .ok()?
            .parse()
            .ok()
    }

    /// Checks the bounded numbers among the parameters: ttl up to 255, rport up to 65,535.
    #[inline]
    pub(crate) fn check_numbers(&self) -> Result<(), ParseError> {
        if self.bounded {
            return Ok(());
        }
        self.number_fault()
    }

    #[cold]
    fn number_fault(&self) -> Result<(), ParseError> {
        let numbers = [(b"ttl".as_slice(), TTL_MAX), (b"rport", PORT_MAX)];
        for (name, max) in numbers {
            if let Some(value) = self.params.value(name) {
                let (_, end) = digits(value, 0, max)?;
                if end != value.len() {
                    return Err(ParseError::at(ErrorKind::Number, 0));
                }
            }
        }
        Ok(())
    }
}

const TTL_MAX: u64 = 255;
const PORT_MAX: u64 = 65_535;

/// Whether the value of a parameter is absent or a number up to `max`.
#[inline]
fn is_bounded(value: Option<&[u8]>, max: u64) -> bool {
    value.is_none_or(|value| digits(value, 0, max).is_ok_and(|(_, end)| end == value.len()))
}

impl<'a> Element<'a> for Via<'a> {
    #[inline]
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let usual = input.get(start..).is_some_and(|rest| {
            rest.first_chunk() == Some(b"SIP/2.0/") && class::at(rest, 8, class::TOKEN)
        });
        let (protocol_end, transport_start) = match usual {
            true => (start + 7, start + 8),
            false => protocol(input, start)?,
        };
        let transport_end = class::run(input, transport_start, class::TOKEN);
        if transport_end == transport_start {
            return Err(unexpected(input, transport_end));
        }
        let host_start = skip_space(input, transport_end);
        if host_start == transport_end {
            return Err(unexpected(input, host_start));
        }
        let (host_kind, host_end) = uri::host(input, host_start, rules)?;
        let mut sent_by_end = host_end;
        let mut port = None;
        let colon = skip_lws(input, host_end);
        if input.get(colon) == Some(&b':') {
            let (number, end) = digits(input, skip_lws(input, colon + 1), u64::from(u16::MAX))?;
            port = Some(number as u16);
            sent_by_end = end;
        }
        // The first parameter of a name counts; a repeated number is looked at again by `number_fault`.
        let (mut branch, mut bounded) = (None, true);
        let end = params::scan(input, sent_by_end, rules, |name, value| match name.len() {
            6 if branch.is_none() && is_word(name, b"branch") => branch = Some(value),
            5 if is_word(name, b"rport") => bounded &= is_bounded(value, PORT_MAX),
            3 if is_word(name, b"ttl") => bounded &= is_bounded(value, TTL_MAX),
            _ => {}
        })?;
        let branch = branch.flatten();
        let via = Via {
            protocol: &input[start..protocol_end],
            transport: &input[transport_start..transport_end],
            sent_by: &input[host_start..sent_by_end],
            host: &input[host_start..host_end],
            params: Params::new(&input[sent_by_end..end], b';'),
            branch,
            host_kind,
            port,
            bounded,
        };
        Ok((via, end))
    }
}

/// `protocol-name SLASH protocol-version SLASH` with blanks in it: the end of the version and the start of the transport.
#[cold]
fn protocol(input: &[u8], start: usize) -> Result<(usize, usize), ParseError> {
    let (mut version_end, mut at) = (start, start);
    for _ in 0..2 {
        version_end = class::run(input, at, class::TOKEN);
        if version_end == at {
            return Err(unexpected(input, version_end));
        }
        let slash = skip_lws(input, version_end);
        if input.get(slash) != Some(&b'/') {
            return Err(ParseError::at(ErrorKind::Expected(b'/'), slash));
        }
        at = skip_lws(input, slash + 1);
    }
    Ok((version_end, at))
}

impl HeaderValue for Via<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        let mut halves = self.protocol.splitn(2, |&byte| byte == b'/');
        let name = class::trim(halves.next().unwrap_or(b"SIP"));
        let version = class::trim(halves.next().unwrap_or(b"2.0"));
        put_all(
            &[name, b"/", version, b"/", self.transport, b" ", self.host],
            put,
        );
        if let Some(port) = self.port {
            put(b":");
            super::put_number(u64::from(port), put);
        }
        put_params(self.params, &[], put);
    }
}
