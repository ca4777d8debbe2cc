//! Typed values of header fields, one file per family.

pub(crate) mod about;
pub(crate) mod auth;
pub(crate) mod call;
pub(crate) mod cseq;
pub(crate) mod event;
pub(crate) mod identity;
pub(crate) mod media;
pub(crate) mod name_addr;
pub(crate) mod via;

use alloc::vec::Vec;
use core::fmt;

use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Rules;
use crate::number::decimal;
use crate::params::Params;

/// A typed header value that a builder can write: the inverse of its `parse`. It writes a fold as one space, drops blanks
/// around separators and the repeats of a parameter, and tidies the URI of an address
/// ([`Uri::tidied`](crate::Uri::tidied)); it writes everything else that `parse` read.
pub trait HeaderValue: fmt::Debug {
    /// Passes the text of the value to `put`, piece by piece.
    fn write(&self, put: &mut dyn FnMut(&[u8]));

    /// The text of the value.
    fn to_bytes(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write(&mut |piece| text.extend_from_slice(piece));
        text
    }
}

/// Passes `text` to `put` with each fold as one space (RFC 3261 section 7.3.1).
pub(crate) fn put_plain(text: &[u8], put: &mut dyn FnMut(&[u8])) {
    let mut rest = text;
    while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
        let next = skip_lws(rest, end);
        if next == end {
            // No fold; the builder's check rejects this line end.
            break;
        }
        let blank = |byte: &u8| !class::is(*byte, class::BLANK);
        let kept = rest[..end]
            .iter()
            .rposition(blank)
            .map_or(0, |last| last + 1);
        put(&rest[..kept]);
        put(b" ");
        rest = &rest[next..];
    }
    put(rest);
}

/// Passes a decimal number to `put`.
pub(crate) fn put_number(number: u64, put: &mut dyn FnMut(&[u8])) {
    put(decimal(number, &mut [0; 20]));
}

/// The value of a parameter that is also a field of a typed value.
pub(crate) enum Known<'a> {
    Text(Option<&'a [u8]>),
    Number(Option<u32>),
    Flag(bool),
}

impl Known<'_> {
    fn put(&self, name: &[u8], put: &mut dyn FnMut(&[u8])) {
        match self {
            Known::Text(None) | Known::Number(None) | Known::Flag(false) => {}
            Known::Text(Some(text)) => {
                put_all(&[b";", name, b"="], put);
                put_plain(text, put);
            }
            Known::Number(Some(number)) => {
                put_all(&[b";", name, b"="], put);
                put_number(u64::from(*number), put);
            }
            Known::Flag(true) => put_all(&[b";", name], put),
        }
    }
}

pub(crate) fn put_all(pieces: &[&[u8]], put: &mut dyn FnMut(&[u8])) {
    pieces.iter().for_each(|piece| put(piece));
}

/// Passes `params` to `put` in order. A parameter in `known` takes its value from there; those that `params` lacks
/// follow at the end.
pub(crate) fn put_params(
    params: Params<'_>,
    known: &[(&[u8], Known<'_>)],
    put: &mut dyn FnMut(&[u8]),
) {
    for (index, (name, value)) in params.iter().enumerate() {
        // Bounded, because the comparison with all earlier names is quadratic.
        let mut earlier = params.iter().take(index.min(64));
        if earlier.any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            continue;
        }
        match known
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
        {
            Some((_, field)) => field.put(name, put),
            None => {
                put_all(&[b";", name], put);
                if let Some(value) = value {
                    put(b"=");
                    put_plain(value, put);
                }
            }
        }
    }
    for (name, field) in known.iter().filter(|(name, _)| !params.has(name)) {
        field.put(name, put);
    }
}

/// A value that a comma-separated list can contain.
pub(crate) trait Element<'a>: Sized {
    /// Reads one value at `at`; returns it and its end.
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError>;
}

/// Reads one value and nothing else.
#[inline(always)]
pub(crate) fn single<'a, T: Element<'a>>(value: &'a [u8], rules: Rules) -> Result<T, ParseError> {
    let (found, end) = T::element(value, 0, rules)?;
    if end < value.len() && !class::trim(&value[end..]).is_empty() {
        return Err(ParseError::at(ErrorKind::Character, skip_lws(value, end)));
    }
    Ok(found)
}

/// Reads one value alone, under the default parameter limit.
pub(crate) fn alone<'a, T: Element<'a>>(value: &'a [u8]) -> Result<T, ParseError> {
    single(value, Rules::DEFAULT)
}

/// A token of a list: an option tag, a method, an encoding.
pub(crate) struct Token<'a>(pub(crate) &'a [u8]);

impl<'a> Element<'a> for Token<'a> {
    fn element(input: &'a [u8], at: usize, _: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let end = class::run(input, start, class::TOKEN);
        if end == start {
            return Err(crate::params::unexpected(input, end));
        }
        Ok((Token(&input[start..end]), end))
    }
}
