//! Content-Type, Accept and Content-Disposition (RFC 3261 sections 20.1, 20.11, 20.15; RFC 5621).

use nom::Parser;
use nom::sequence::separated_pair;

use super::{Element, HeaderValue, Known, alone, put_all, put_params, put_plain};
use crate::class;
use crate::error::ParseError;
use crate::grammar;
use crate::limits::Rules;
use crate::params::Params;

/// A media type or range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// The type, such as `application`, or `*` in a range.
    pub type_: &'a [u8],
    /// The subtype, such as `sdp`, or `*` in a range.
    pub subtype: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads a media type or range.
    ///
    /// # Errors
    /// The first fault against `media-type` (RFC 3261 section 25.1).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }

    /// Whether this is `type_`/`subtype`, without regard to case or parameters.
    pub fn is(&self, type_: &[u8], subtype: &[u8]) -> bool {
        self.type_.eq_ignore_ascii_case(type_) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Whether this range, as an Accept value, covers `other`.
    pub fn accepts(&self, other: &MediaType<'_>) -> bool {
        (self.type_ == b"*" || self.type_.eq_ignore_ascii_case(other.type_))
            && (self.subtype == b"*" || self.subtype.eq_ignore_ascii_case(other.subtype))
    }
}

impl<'a> Element<'a> for MediaType<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let parser = (
            separated_pair(grammar::token, grammar::separator(b'/'), grammar::token),
            grammar::parameters(rules),
        );
        let mut parser = parser.map(|((type_, subtype), params)| MediaType {
            type_,
            subtype,
            params,
        });
        grammar::prefix(input, at, |input| parser.parse(input))
    }
}

/// A token with parameters: Content-Disposition, Event, Info-Package, an option with parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenParams<'a> {
    /// The token.
    pub token: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> TokenParams<'a> {
    /// Reads a token with parameters.
    ///
    /// # Errors
    /// The first fault against `token *( SEMI generic-param )` (RFC 3261 section 25.1).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> Element<'a> for TokenParams<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let mut parser = (grammar::run(class::TOKEN), grammar::parameters(rules))
            .map(|(token, params)| TokenParams { token, params });
        grammar::prefix(input, at, |input| parser.parse(input))
    }
}

/// A Content-Disposition value (RFC 3261 section 20.11, RFC 5621 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentDisposition<'a> {
    /// The disposition, such as `session` or `render`.
    pub disposition: &'a [u8],
    /// Whether the body may be ignored (`handling=optional`); default is required.
    pub optional: bool,
    /// All parameters.
    pub params: Params<'a>,
}

impl<'a> ContentDisposition<'a> {
    /// Reads a Content-Disposition value.
    ///
    /// # Errors
    /// Those of [`TokenParams::parse`].
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> Element<'a> for ContentDisposition<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let (TokenParams { token, params }, end) = TokenParams::element(input, at, rules)?;
        let optional = params
            .value(b"handling")
            .is_some_and(|value| value.eq_ignore_ascii_case(b"optional"));
        Ok((
            ContentDisposition {
                disposition: token,
                optional,
                params,
            },
            end,
        ))
    }
}

impl HeaderValue for MediaType<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put_all(&[self.type_, b"/", self.subtype], put);
        put_params(self.params, &[], put);
    }
}

impl HeaderValue for TokenParams<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put_plain(self.token, put);
        put_params(self.params, &[], put);
    }
}

impl HeaderValue for ContentDisposition<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.disposition);
        let handling = match (self.optional, self.params.value(b"handling")) {
            (true, _) => Some(&b"optional"[..]),
            (false, Some(written)) if !written.eq_ignore_ascii_case(b"optional") => Some(written),
            (false, _) => None,
        };
        put_params(self.params, &[(b"handling", Known::Text(handling))], put);
    }
}
