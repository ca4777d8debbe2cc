//! `nom` combinators for the header grammars that are not on the hot path (RFC 3261 section 25.1).

use nom::IResult;
use nom::error::ErrorKind as NomKind;

use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Rules;
use crate::number::digits;
use crate::params::{self, Params};

/// A fault and the number of input bytes left at its offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    kind: ErrorKind,
    left: usize,
}

impl nom::error::ParseError<&[u8]> for Fault {
    fn from_error_kind(input: &[u8], _: NomKind) -> Self {
        let kind = if input.is_empty() {
            ErrorKind::UnexpectedEnd
        } else {
            ErrorKind::Character
        };
        Fault {
            kind,
            left: input.len(),
        }
    }

    fn append(_: &[u8], _: NomKind, other: Self) -> Self {
        other
    }

    // Keeps the fault of the alternative that read further, because it is the more specific one.
    fn or(self, other: Self) -> Self {
        if self.left < other.left { self } else { other }
    }
}

pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Fault>;

/// A recoverable fault of kind `kind` at `input`.
pub(crate) fn fault<'a, T>(kind: ErrorKind, input: &'a [u8]) -> Parsed<'a, T> {
    Err(nom::Err::Error(Fault {
        kind,
        left: input.len(),
    }))
}

fn lift<'a, T>(input: &'a [u8], result: Result<(T, usize), ParseError>) -> Parsed<'a, T> {
    match result {
        Ok((value, end)) => Ok((&input[end..], value)),
        Err(error) => Err(nom::Err::Error(Fault {
            kind: error.kind,
            left: input.len().saturating_sub(error.offset as usize),
        })),
    }
}

/// Runs `parser` from `at` on; returns its value and its end.
pub(crate) fn prefix<'a, T>(
    value: &'a [u8],
    at: usize,
    mut parser: impl FnMut(&'a [u8]) -> Parsed<'a, T>,
) -> Result<(T, usize), ParseError> {
    let start = skip_lws(value, at);
    match parser(&value[start..]) {
        Ok((rest, found)) => Ok((found, value.len() - rest.len())),
        Err(nom::Err::Error(fault) | nom::Err::Failure(fault)) => {
            Err(ParseError::at(fault.kind, value.len() - fault.left))
        }
        Err(nom::Err::Incomplete(_)) => Err(ParseError::at(ErrorKind::UnexpectedEnd, value.len())),
    }
}

/// One or more bytes of `mask`.
pub(crate) fn run<'a>(mask: u32) -> impl Fn(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    move |input| match class::run(input, 0, mask) {
        0 => lift(input, Err(params::unexpected(input, 0))),
        end => Ok((&input[end..], &input[..end])),
    }
}

/// `token`.
pub(crate) fn token(input: &[u8]) -> Parsed<'_, &[u8]> {
    run(class::TOKEN)(input)
}

/// `quoted-string`, quotes kept.
pub(crate) fn quoted(input: &[u8]) -> Parsed<'_, &[u8]> {
    lift(
        input,
        params::quoted(input, 0).map(|end| (&input[..end], end)),
    )
}

/// `byte` with optional LWS on both sides.
pub(crate) fn separator<'a>(byte: u8) -> impl Fn(&'a [u8]) -> Parsed<'a, ()> {
    move |input| {
        let at = skip_lws(input, 0);
        if input.get(at) != Some(&byte) {
            return fault(ErrorKind::Expected(byte), &input[at..]);
        }
        Ok((&input[skip_lws(input, at + 1)..], ()))
    }
}

/// `*( SEMI generic-param )`, as many as `rules` allows.
pub(crate) fn parameters<'a>(rules: Rules) -> impl Fn(&'a [u8]) -> Parsed<'a, Params<'a>> {
    move |input| {
        let end = params::scan_all(input, 0, rules);
        lift(
            input,
            end.map(|end| (Params::new(&input[..end], b';'), end)),
        )
    }
}

/// `1*DIGIT` up to `max`; a larger number is a fault.
pub(crate) fn number<'a>(max: u64) -> impl Fn(&'a [u8]) -> Parsed<'a, u64> {
    move |input| lift(input, digits(input, 0, max))
}
