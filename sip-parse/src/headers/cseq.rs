//! CSeq (RFC 3261 section 20.16), RAck and RSeq (RFC 3262 section 7).

use core::fmt;

use super::{Element, HeaderValue, alone, put_number};
use crate::class::{self, skip_lws, skip_space};
use crate::error::ParseError;
use crate::limits::Rules;
use crate::method::Method;
use crate::number::digits;
use crate::params::unexpected;

/// The highest CSeq number: below 2^31 (RFC 3261 section 8.1.1.5).
pub(crate) const CSEQ_MAX: u64 = (1 << 31) - 1;

/// A CSeq value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The number, below 2^31.
    pub number: u32,
    /// The method.
    pub method: Method<'a>,
}

impl fmt::Display for CSeq<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

impl<'a> CSeq<'a> {
    /// Reads a CSeq value.
    ///
    /// # Errors
    /// A number of 2^31 or more, a malformed method, anything behind it (RFC 3261 section 20.16).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

/// LWS and a method at `at`.
#[inline]
fn method(input: &[u8], at: usize) -> Result<(Method<'_>, usize), ParseError> {
    let start = skip_space(input, at);
    let end = class::run(input, start, class::TOKEN);
    if start == at || end == start {
        return Err(unexpected(input, start));
    }
    Ok((Method::from_token(&input[start..end]), end))
}

impl<'a> Element<'a> for CSeq<'a> {
    #[inline]
    fn element(input: &'a [u8], at: usize, _: Rules) -> Result<(Self, usize), ParseError> {
        let (number, end) = digits(input, skip_lws(input, at), CSEQ_MAX)?;
        let (method, end) = method(input, end)?;
        Ok((
            CSeq {
                number: number as u32,
                method,
            },
            end,
        ))
    }
}

/// A RAck value: the response that a PRACK acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The RSeq number of the provisional response.
    pub rseq: u32,
    /// The CSeq number of the request.
    pub cseq: u32,
    /// The method of the request.
    pub method: Method<'a>,
}

impl<'a> RAck<'a> {
    /// Reads a RAck value.
    ///
    /// # Errors
    /// A number out of range, a malformed method, anything behind it (RFC 3262 section 7.2).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> Element<'a> for RAck<'a> {
    fn element(input: &'a [u8], at: usize, _: Rules) -> Result<(Self, usize), ParseError> {
        let (rseq, end) = digits(input, skip_lws(input, at), u64::from(u32::MAX))?;
        let start = skip_lws(input, end);
        if start == end {
            return Err(unexpected(input, start));
        }
        let (cseq, end) = digits(input, start, CSEQ_MAX)?;
        let (method, end) = method(input, end)?;
        Ok((
            RAck {
                rseq: rseq as u32,
                cseq: cseq as u32,
                method,
            },
            end,
        ))
    }
}

impl HeaderValue for CSeq<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put_number(u64::from(self.number), put);
        put(b" ");
        put(self.method.as_bytes());
    }
}

impl HeaderValue for RAck<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put_number(u64::from(self.rseq), put);
        put(b" ");
        put_number(u64::from(self.cseq), put);
        put(b" ");
        put(self.method.as_bytes());
    }
}
