//! Identity (RFC 8224, RFC 4474) and Session-ID (RFC 7989).

use super::{Element, HeaderValue, alone, put_all};
use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Rules;
use crate::params::{self, unexpected};

/// An Identity value (RFC 8224 section 4.1). The application makes and verifies the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The signed digest: base64 characters and dots; in the form of RFC 4474 with quotes around it.
    pub digest: &'a [u8],
    /// The `info` URI, without its angle brackets.
    pub info: Option<&'a [u8]>,
    /// The `alg` parameter.
    pub alg: Option<&'a [u8]>,
    /// The `ppt` parameter; a quoted one keeps its quotes.
    pub ppt: Option<&'a [u8]>,
}

impl<'a> Identity<'a> {
    /// Reads one Identity value.
    ///
    /// # Errors
    /// The first fault against `Identity` (RFC 8224 section 4.1).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> Element<'a> for Identity<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let digest_end = if input.get(start) == Some(&b'"') {
            params::quoted(input, start)?
        } else {
            class::run(input, start, class::BASE64)
        };
        if digest_end == start {
            return Err(unexpected(input, start));
        }
        let mut identity = Identity {
            digest: &input[start..digest_end],
            info: None,
            alg: None,
            ppt: None,
        };
        let mut end = digest_end;
        // The first parameter of a name counts.
        let (mut alg, mut ppt) = (None, None);
        let mut count = 0u16;
        loop {
            let semicolon = skip_lws(input, end);
            if input.get(semicolon) != Some(&b';') {
                (identity.alg, identity.ppt) = (alg.flatten(), ppt.flatten());
                return Ok((identity, end));
            }
            if count == rules.parameters {
                return Err(ParseError::at(ErrorKind::TooManyParameters, semicolon));
            }
            count += 1;
            let name_start = skip_lws(input, semicolon + 1);
            let name_end = class::run(input, name_start, class::TOKEN);
            let equals = skip_lws(input, name_end);
            let value_start = skip_lws(input, equals + 1);
            if &input[name_start..name_end] == b"info" && input.get(value_start) == Some(&b'<') {
                let uri_end = class::run_escaped(input, value_start + 1, class::URIC);
                if input.get(equals) != Some(&b'=') || input.get(uri_end) != Some(&b'>') {
                    return Err(unexpected(input, uri_end));
                }
                let info = &input[value_start + 1..uri_end];
                identity.info = identity.info.or(Some(info));
                end = uri_end + 1;
                continue;
            }
            let ((name, value), next) = params::parameter(input, name_start, rules)?;
            end = next;
            match name {
                name if name.eq_ignore_ascii_case(b"alg") => alg = alg.or(Some(value)),
                name if name.eq_ignore_ascii_case(b"ppt") => ppt = ppt.or(Some(value)),
                _ => {}
            }
        }
    }
}

impl HeaderValue for Identity<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.digest);
        if let Some(info) = self.info {
            put_all(&[b";info=<", info, b">"], put);
        }
        if let Some(alg) = self.alg {
            put_all(&[b";alg=", alg], put);
        }
        if let Some(ppt) = self.ppt {
            put_all(&[b";ppt=", ppt], put);
        }
    }
}

/// A Session-ID value: the identifiers of both ends (RFC 7989 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionIdentifier<'a> {
    /// The sender's end: 32 lower-case hexadecimal digits.
    pub local: &'a [u8],
    /// The other end's identifier; all zeros while it is unknown, `None` in the form of RFC 7329.
    pub remote: Option<&'a [u8]>,
}

impl<'a> SessionIdentifier<'a> {
    /// Reads a Session-ID value.
    ///
    /// # Errors
    /// The first fault against `Session-ID` (RFC 7989 section 5).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 32
        && text
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl<'a> Element<'a> for SessionIdentifier<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let local_end = class::run(input, start, class::HEX);
        let local = &input[start..local_end];
        let mut remote = None;
        let end = params::scan(input, local_end, rules, |name, value| {
            if name.eq_ignore_ascii_case(b"remote") && remote.is_none() {
                remote = Some(value.unwrap_or(b""));
            }
        })?;
        if !is_uuid(local) || remote.is_some_and(|remote| !is_uuid(remote)) {
            return Err(ParseError::at(ErrorKind::Value, start));
        }
        Ok((SessionIdentifier { local, remote }, end))
    }
}

impl HeaderValue for SessionIdentifier<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.local);
        if let Some(remote) = self.remote {
            put_all(&[b";remote=", remote], put);
        }
    }
}
