//! Typed values of header fields, one file per family.

pub(crate) mod auth;
pub(crate) mod call;
pub(crate) mod cseq;
pub(crate) mod event;
pub(crate) mod media;
pub(crate) mod name_addr;
pub(crate) mod via;

use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Limits;

/// A value that can stand in a comma-separated list.
pub(crate) trait Element<'a>: Sized {
    /// Passes over one value at `at`; returns it and where it ends.
    fn element(input: &'a [u8], at: usize, limit: u16) -> Result<(Self, usize), ParseError>;
}

/// Reads one value and nothing else.
pub(crate) fn single<'a, T: Element<'a>>(value: &'a [u8], limit: u16) -> Result<T, ParseError> {
    let (found, end) = T::element(value, 0, limit)?;
    let end = skip_lws(value, end);
    if end < value.len() && !class::trim(&value[end..]).is_empty() {
        return Err(ParseError::at(ErrorKind::Character, end));
    }
    Ok(found)
}

/// Reads one value alone, under the default parameter limit.
pub(crate) fn alone<'a, T: Element<'a>>(value: &'a [u8]) -> Result<T, ParseError> {
    single(value, Limits::DEFAULT.parameters)
}

/// A token in a list that is only checked: option tags, methods, encodings.
pub(crate) struct Token<'a>(core::marker::PhantomData<&'a [u8]>);

impl<'a> Element<'a> for Token<'a> {
    fn element(input: &'a [u8], at: usize, _: u16) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let end = class::run(input, start, class::TOKEN);
        if end == start {
            return Err(crate::params::unexpected(input, end));
        }
        Ok((Token(core::marker::PhantomData), end))
    }
}
