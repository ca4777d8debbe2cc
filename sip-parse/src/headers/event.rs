//! Event and Subscription-State (RFC 6665 sections 8.2.1, 8.2.3).

use super::media::TokenParams;
use super::{Element, HeaderValue, Known, alone, put_params};
use crate::error::ParseError;
use crate::limits::Rules;
use crate::number::digits;
use crate::params::Params;

/// An Event value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The package with its templates, such as `presence.winfo`. Compared case-sensitively (RFC 6665 section 8.2.1).
    pub package: &'a [u8],
    /// The `id` parameter.
    pub id: Option<&'a [u8]>,
    /// All parameters.
    pub params: Params<'a>,
}

impl<'a> Event<'a> {
    /// Reads an Event value.
    ///
    /// # Errors
    /// The first fault against `Event` (RFC 6665 section 8.4).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }

    /// Whether two values name the same event: package and id byte by byte, other parameters ignored.
    pub fn matches(&self, other: &Event<'_>) -> bool {
        self.package == other.package && self.id == other.id
    }
}

impl<'a> Element<'a> for Event<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let (TokenParams { token, params }, end) = TokenParams::element(input, at, rules)?;
        Ok((
            Event {
                package: token,
                id: params.value(b"id"),
                params,
            },
            end,
        ))
    }
}

/// A Subscription-State value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionState<'a> {
    /// The state: `active`, `pending`, `terminated` or an extension. Compares without regard to case.
    pub state: &'a [u8],
    /// `expires` in seconds; `u32::MAX` when larger.
    pub expires: Option<u32>,
    /// `reason`, such as `timeout` or `deactivated`.
    pub reason: Option<&'a [u8]>,
    /// `retry-after` in seconds; `u32::MAX` when larger.
    pub retry_after: Option<u32>,
    /// All parameters.
    pub params: Params<'a>,
}

impl<'a> SubscriptionState<'a> {
    /// Reads a Subscription-State value.
    ///
    /// # Errors
    /// The first fault against `Subscription-State` (RFC 6665 section 8.4).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }

    /// Whether the state is `active`.
    pub fn is_active(&self) -> bool {
        self.state.eq_ignore_ascii_case(b"active")
    }

    /// Whether the state is `pending`.
    pub fn is_pending(&self) -> bool {
        self.state.eq_ignore_ascii_case(b"pending")
    }

    /// Whether the state is `terminated`.
    pub fn is_terminated(&self) -> bool {
        self.state.eq_ignore_ascii_case(b"terminated")
    }
}

impl<'a> Element<'a> for SubscriptionState<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let (TokenParams { token, params }, end) = TokenParams::element(input, at, rules)?;
        let seconds = |name: &[u8]| params.value(name).map(seconds).transpose();
        let state = SubscriptionState {
            state: token,
            expires: seconds(b"expires")?,
            reason: params.value(b"reason"),
            retry_after: seconds(b"retry-after")?,
            params,
        };
        Ok((state, end))
    }
}

/// `delta-seconds` and nothing else; a larger number gives `u32::MAX`.
pub(crate) fn seconds(value: &[u8]) -> Result<u32, ParseError> {
    let (seconds, end) = digits(value, 0, u64::MAX)?;
    if end != value.len() {
        return Err(ParseError::at(crate::error::ErrorKind::Number, 0));
    }
    Ok(u32::try_from(seconds).unwrap_or(u32::MAX))
}

impl HeaderValue for Event<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.package);
        put_params(self.params, &[(b"id", Known::Text(self.id))], put);
    }
}

impl HeaderValue for SubscriptionState<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.state);
        let known = [
            (&b"expires"[..], Known::Number(self.expires)),
            (b"reason", Known::Text(self.reason)),
            (b"retry-after", Known::Number(self.retry_after)),
        ];
        put_params(self.params, &known, put);
    }
}
