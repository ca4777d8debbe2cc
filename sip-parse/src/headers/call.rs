//! Header fields about calls: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538), Session-Expires and Min-SE
//! (RFC 4028), Reason (RFC 3326), Retry-After (RFC 3261 section 20.33).

use alloc::borrow::Cow;

use nom::Parser;
use nom::combinator::opt;

use super::event::seconds;
use super::media::TokenParams;
use super::{Element, alone};
use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::grammar::{self, Parsed};
use crate::params::{Params, unexpected, unquote};

/// `word [ "@" word ]` at `at` (RFC 3261 section 20.8); returns where it ends.
#[inline]
pub(crate) fn call_id(input: &[u8], at: usize) -> Result<usize, ParseError> {
    let mut end = class::run(input, at, class::WORD);
    if end == at {
        return Err(unexpected(input, end));
    }
    if input.get(end) == Some(&b'@') {
        let half = end + 1;
        end = class::run(input, half, class::WORD);
        if end == half {
            return Err(unexpected(input, end));
        }
    }
    Ok(end)
}

/// A reference to a dialog: Replaces, Join or Target-Dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialogReference<'a> {
    /// The Call-ID.
    pub call_id: &'a [u8],
    /// `to-tag`; for Target-Dialog `remote-tag`, both as the recipient's local tag.
    pub to_tag: &'a [u8],
    /// `from-tag`; for Target-Dialog `local-tag`.
    pub from_tag: &'a [u8],
    /// Whether only an early dialog may be replaced (`early-only`, RFC 3891).
    pub early_only: bool,
    /// All parameters.
    pub params: Params<'a>,
}

/// A Replaces value (RFC 3891 section 6.1).
pub type Replaces<'a> = DialogReference<'a>;

impl<'a> DialogReference<'a> {
    /// Reads a Replaces, Join or Target-Dialog value.
    ///
    /// # Errors
    /// The first fault against the grammar of RFC 3891 section 6.1; a tag that is missing or given twice.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> Element<'a> for DialogReference<'a> {
    fn element(input: &'a [u8], at: usize, limit: u16) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        // A ";" is no word character, so the Call-ID ends by itself.
        let call_id_end = call_id(input, start)?;
        let (params, end) = grammar::prefix(input, call_id_end, grammar::parameters(limit))?;
        let tag = |one: &[u8], other: &[u8]| {
            let named =
                |name: &[u8]| name.eq_ignore_ascii_case(one) || name.eq_ignore_ascii_case(other);
            let mut found = params.iter().filter(|(name, _)| named(name));
            match (found.next(), found.next()) {
                (Some((_, Some(tag))), None) => Ok(tag),
                (Some(_), Some(_)) => Err(ParseError::at(ErrorKind::Repeated, call_id_end)),
                _ => Err(ParseError::at(ErrorKind::Missing, call_id_end)),
            }
        };
        let reference = DialogReference {
            call_id: &input[start..call_id_end],
            to_tag: tag(b"to-tag", b"remote-tag")?,
            from_tag: tag(b"from-tag", b"local-tag")?,
            early_only: params.has(b"early-only"),
            params,
        };
        Ok((reference, end))
    }
}

/// Who refreshes a session (RFC 4028 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The caller's side of the request.
    Uac,
    /// The called side.
    Uas,
}

/// A Session-Expires value (RFC 4028 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires<'a> {
    /// The interval in seconds; `u32::MAX` when larger.
    pub seconds: u32,
    /// The `refresher` parameter; `None` when absent or unknown.
    pub refresher: Option<Refresher>,
    /// All parameters.
    pub params: Params<'a>,
}

impl<'a> SessionExpires<'a> {
    /// Reads a Session-Expires or Min-SE value.
    ///
    /// # Errors
    /// The first fault against the grammar of RFC 4028 section 4.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> Element<'a> for SessionExpires<'a> {
    fn element(input: &'a [u8], at: usize, limit: u16) -> Result<(Self, usize), ParseError> {
        let mut parser = (grammar::number(u64::MAX), grammar::parameters(limit));
        let ((number, params), end) = grammar::prefix(input, at, |input| parser.parse(input))?;
        let refresher = params.value(b"refresher").and_then(|value| {
            if value.eq_ignore_ascii_case(b"uac") {
                Some(Refresher::Uac)
            } else if value.eq_ignore_ascii_case(b"uas") {
                Some(Refresher::Uas)
            } else {
                None
            }
        });
        Ok((
            SessionExpires {
                seconds: u32::try_from(number).unwrap_or(u32::MAX),
                refresher,
                params,
            },
            end,
        ))
    }
}

/// A Reason value (RFC 3326 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// The protocol: `SIP`, `Q.850` or another.
    pub protocol: &'a [u8],
    /// The `cause`, when it is a number up to 65,535.
    pub cause: Option<u16>,
    /// All parameters.
    pub params: Params<'a>,
}

impl<'a> Reason<'a> {
    /// Reads one Reason value.
    ///
    /// # Errors
    /// Those of [`TokenParams::parse`].
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }

    /// The `text`, without quotes.
    pub fn text(&self) -> Option<Cow<'a, [u8]>> {
        self.params.value(b"text").map(unquote)
    }
}

impl<'a> Element<'a> for Reason<'a> {
    fn element(input: &'a [u8], at: usize, limit: u16) -> Result<(Self, usize), ParseError> {
        let (TokenParams { token, params }, end) = TokenParams::element(input, at, limit)?;
        let cause = params
            .value(b"cause")
            .and_then(|cause| u16::try_from(seconds(cause).ok()?).ok());
        Ok((
            Reason {
                protocol: token,
                cause,
                params,
            },
            end,
        ))
    }
}

/// A Retry-After value (RFC 3261 section 20.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter<'a> {
    /// Seconds to wait; `u32::MAX` when larger.
    pub seconds: u32,
    /// The comment as it came, parentheses kept.
    pub comment: Option<&'a [u8]>,
    /// `duration` and others.
    pub params: Params<'a>,
}

impl<'a> RetryAfter<'a> {
    /// Reads a Retry-After value.
    ///
    /// # Errors
    /// The first fault against `Retry-After` (RFC 3261 section 25.1).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

/// `comment` with nested ones, by counting (no recursion on input).
pub(crate) fn comment(input: &[u8]) -> Parsed<'_, &[u8]> {
    let mut depth = 0usize;
    let mut at = skip_lws(input, 0);
    let start = at;
    while let Some(&byte) = input.get(at) {
        match byte {
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b'\\'
                if input
                    .get(at + 1)
                    .is_some_and(|next| !matches!(next, b'\r' | b'\n')) =>
            {
                at += 1
            }
            b'\r' | b'\n' => {
                let next = skip_lws(input, at);
                if next == at {
                    return grammar::fault(ErrorKind::Character, &input[at..]);
                }
                at = next - 1;
            }
            _ if !class::is(byte, class::TEXT) => {
                return grammar::fault(ErrorKind::Character, &input[at..]);
            }
            _ => {}
        }
        if depth == 0 {
            if byte == b')' {
                return Ok((&input[at + 1..], &input[start..at + 1]));
            }
            break;
        }
        at += 1;
    }
    let kind = if at >= input.len() {
        ErrorKind::UnexpectedEnd
    } else {
        ErrorKind::Expected(b'(')
    };
    grammar::fault(kind, &input[at.min(input.len())..])
}

impl<'a> Element<'a> for RetryAfter<'a> {
    fn element(input: &'a [u8], at: usize, limit: u16) -> Result<(Self, usize), ParseError> {
        let mut parser = (
            grammar::number(u64::MAX),
            opt(comment),
            grammar::parameters(limit),
        );
        let ((number, comment, params), end) =
            grammar::prefix(input, at, |input| parser.parse(input))?;
        Ok((
            RetryAfter {
                seconds: u32::try_from(number).unwrap_or(u32::MAX),
                comment,
                params,
            },
            end,
        ))
    }
}
