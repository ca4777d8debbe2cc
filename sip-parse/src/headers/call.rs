//! Header fields about calls: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538), Session-Expires and Min-SE
//! (RFC 4028), Reason (RFC 3326), Retry-After (RFC 3261 section 20.33).

use alloc::borrow::Cow;

use nom::Parser;
use nom::combinator::opt;

use super::event::seconds;
use super::media::TokenParams;
use super::{Element, HeaderValue, Known, alone, put_number, put_params, put_plain};
use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::grammar::{self, Parsed};
use crate::limits::Rules;
use crate::params::{Params, unexpected, unquote};

/// `word [ "@" word ]` at `at` (RFC 3261 section 20.8); returns its end.
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

/// A reference to a dialog: Replaces or Join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialogReference<'a> {
    /// The Call-ID.
    pub call_id: &'a [u8],
    /// `to-tag`: the tag of the recipient's end.
    pub to_tag: &'a [u8],
    /// `from-tag`: the tag of the other end.
    pub from_tag: &'a [u8],
    /// Whether only an early dialog may be replaced (`early-only`, RFC 3891).
    pub early_only: bool,
    /// All parameters.
    pub params: Params<'a>,
}

/// A Replaces value (RFC 3891 section 6.1).
pub type Replaces<'a> = DialogReference<'a>;

impl<'a> DialogReference<'a> {
    /// Reads a Replaces or Join value.
    ///
    /// # Errors
    /// The first fault against the grammar of RFC 3891 section 6.1; a tag that is missing or given twice.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

/// A Call-ID, its parameters, and their end.
fn call_reference(
    input: &[u8],
    at: usize,
    rules: Rules,
) -> Result<(&[u8], Params<'_>, usize), ParseError> {
    let start = skip_lws(input, at);
    // The Call-ID ends at ";", because ";" is no word character.
    let call_id_end = call_id(input, start)?;
    let (params, end) = grammar::prefix(input, call_id_end, grammar::parameters(rules))?;
    Ok((&input[start..call_id_end], params, end))
}

/// The value of a mandatory tag.
fn tag<'a>(params: Params<'a>, name: &[u8]) -> Result<&'a [u8], ParseError> {
    let mut found = params
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (Some((_, Some(tag))), None) => Ok(tag),
        (Some(_), Some(_)) => Err(ParseError::at(ErrorKind::Repeated, 0)),
        _ => Err(ParseError::at(ErrorKind::Missing, 0)),
    }
}

impl<'a> Element<'a> for DialogReference<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let (call_id, params, end) = call_reference(input, at, rules)?;
        let reference = DialogReference {
            call_id,
            to_tag: tag(params, b"to-tag")?,
            from_tag: tag(params, b"from-tag")?,
            early_only: params.has(b"early-only"),
            params,
        };
        Ok((reference, end))
    }
}

impl HeaderValue for DialogReference<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.call_id);
        let known = [
            (&b"to-tag"[..], Known::Text(Some(self.to_tag))),
            (b"from-tag", Known::Text(Some(self.from_tag))),
            (b"early-only", Known::Flag(self.early_only)),
        ];
        put_params(self.params, &known, put);
    }
}

/// A Target-Dialog value (RFC 4538 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetDialog<'a> {
    /// The Call-ID.
    pub call_id: &'a [u8],
    /// The `local-tag` parameter.
    pub local_tag: &'a [u8],
    /// The `remote-tag` parameter.
    pub remote_tag: &'a [u8],
    /// All parameters.
    pub params: Params<'a>,
}

impl<'a> TargetDialog<'a> {
    /// Reads a Target-Dialog value.
    ///
    /// # Errors
    /// The first fault against the grammar of RFC 4538 section 7; a tag that is missing or given twice.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> Element<'a> for TargetDialog<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let (call_id, params, end) = call_reference(input, at, rules)?;
        let (local_tag, remote_tag) = (tag(params, b"local-tag")?, tag(params, b"remote-tag")?);
        Ok((
            TargetDialog {
                call_id,
                local_tag,
                remote_tag,
                params,
            },
            end,
        ))
    }
}

impl HeaderValue for TargetDialog<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.call_id);
        let known = [
            (&b"local-tag"[..], Known::Text(Some(self.local_tag))),
            (b"remote-tag", Known::Text(Some(self.remote_tag))),
        ];
        put_params(self.params, &known, put);
    }
}

/// The side that refreshes a session (RFC 4028 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The sender of the request.
    Uac,
    /// The recipient of the request.
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
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let mut parser = (grammar::number(u64::MAX), grammar::parameters(rules));
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
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let (TokenParams { token, params }, end) = TokenParams::element(input, at, rules)?;
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
    /// The comment as received, parentheses kept.
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

/// `comment` with nested ones, which it counts, because the peer controls the depth of a recursion.
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
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let mut parser = (
            grammar::number(u64::MAX),
            opt(comment),
            grammar::parameters(rules),
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

impl HeaderValue for SessionExpires<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put_number(u64::from(self.seconds), put);
        let refresher = match self.refresher {
            Some(Refresher::Uac) => Some(&b"uac"[..]),
            Some(Refresher::Uas) => Some(&b"uas"[..]),
            None => self.params.value(b"refresher"),
        };
        put_params(self.params, &[(b"refresher", Known::Text(refresher))], put);
    }
}

impl HeaderValue for Reason<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.protocol);
        let known = [(&b"cause"[..], Known::Number(self.cause.map(u32::from)))];
        // A cause that is no number is written as received.
        let known = if self.cause.is_some() {
            &known[..]
        } else {
            &[]
        };
        put_params(self.params, known, put);
    }
}

impl HeaderValue for RetryAfter<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put_number(u64::from(self.seconds), put);
        if let Some(comment) = self.comment {
            put(b" ");
            put_plain(comment, put);
        }
        put_params(self.params, &[], put);
    }
}
