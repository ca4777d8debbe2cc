//! Challenges, credentials and Authentication-Info (RFC 3261 section 22, RFC 7616, RFC 8898).

use alloc::borrow::Cow;

use nom::Parser;
use nom::sequence::separated_pair;

use super::{Element, HeaderValue, alone, put_plain};
use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::grammar::{self, Parsed};
use crate::limits::Rules;
use crate::params::{self, Params, ParamsIter, unexpected, unquote};

/// Comma-separated `name=value` pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthParams<'a>(Params<'a>);

impl<'a> AuthParams<'a> {
    /// No parameters.
    pub const NONE: AuthParams<'static> = AuthParams(Params::new(b"", b','));

    /// Reads `name=value` pairs with commas between them.
    ///
    /// # Errors
    /// The first fault against `auth-param` (RFC 3261 section 25.1).
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        Ok(AuthenticationInfo::parse(text)?.params)
    }

    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        for (i, (name, value)) in self.iter().enumerate() {
            if i > 0 {
                put(b", ");
            }
            put(name);
            if let Some(value) = value {
                put(b"=");
                put_plain(value, put);
            }
        }
    }

    /// The pairs in order; quoted values keep their quotes.
    pub fn iter(&self) -> ParamsIter<'a> {
        self.0.iter()
    }

    /// The first value of that name as received, quotes kept; names compare without regard to case.
    pub fn raw(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.0.value(name)
    }

    /// The first value of that name without quotes, escapes undone.
    pub fn value(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        self.raw(name).map(unquote)
    }

    /// The values of `qop`: a quoted list in a challenge, one token in credentials (RFC 7616 section 3.3).
    pub fn qop(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let raw = self.raw(b"qop").unwrap_or(b"");
        let list = raw
            .strip_prefix(b"\"")
            .and_then(|rest| rest.strip_suffix(b"\""))
            .unwrap_or(raw);
        list.split(|&byte| byte == b',')
            .map(class::trim)
            .filter(|token| !token.is_empty())
    }

    /// Whether `stale` is `true`, in any case (RFC 7616 section 3.3).
    pub fn stale(&self) -> bool {
        self.value(b"stale")
            .is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
    }

    /// `nc` as a number: eight hexadecimal digits (RFC 7616 section 3.4).
    pub fn nonce_count(&self) -> Option<u32> {
        let value = self.value(b"nc")?;
        if value.len() != 8 {
            return None;
        }
        value.iter().try_fold(0u32, |count, &digit| {
            Some(count << 4 | u32::from(class::hex(digit)?))
        })
    }
}

macro_rules! auth_values {
    ($($method:ident $name:literal $doc:literal;)*) => {
        impl<'a> AuthParams<'a> {
            $(#[doc = $doc]
            pub fn $method(&self) -> Option<Cow<'a, [u8]>> {
                self.value($name)
            })*
        }
    };
}

auth_values! {
    realm b"realm" "The `realm`, without quotes.";
    nonce b"nonce" "The `nonce`, without quotes.";
    opaque b"opaque" "The `opaque` value, without quotes.";
    algorithm b"algorithm" "The `algorithm`; absent means MD5 (RFC 7616 section 3.3).";
    domain b"domain" "The `domain` list, without quotes.";
    username b"username" "The `username`, without quotes.";
    uri b"uri" "The `uri`, without quotes.";
    response b"response" "The `response` digest, without quotes.";
    cnonce b"cnonce" "The `cnonce`, without quotes.";
    nextnonce b"nextnonce" "The `nextnonce` of Authentication-Info (RFC 7616 section 3.5).";
    rspauth b"rspauth" "The `rspauth` of Authentication-Info (RFC 7616 section 3.5).";
    userhash b"userhash" "The `userhash` flag (RFC 7616 section 3.4.4).";
    charset b"charset" "The `charset` of a challenge (RFC 7616 section 3.3).";
    scope b"scope" "The `scope` of a Bearer challenge, tokens with single spaces between them (RFC 8898 section 4).";
    authz_server b"authz_server" "The `authz_server` of a Bearer challenge, an `https` URI that the challenger chose: the application requests a token only from a server that it trusts independently (RFC 8898 section 4).";
    error b"error" "The `error` of a Bearer challenge, such as `invalid_token` (RFC 8898 section 4).";
}

/// One challenge of a row of WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Whether a proxy sent the challenge (Proxy-Authenticate, 407).
    pub proxy: bool,
    /// The scheme token, such as `Digest`.
    pub scheme: &'a [u8],
    /// The parameters; none when the rest is a token68.
    pub params: AuthParams<'a>,
    /// The token of schemes that have one instead of parameters; empty when there are parameters.
    pub token68: &'a [u8],
}

impl<'a> Challenge<'a> {
    /// Reads the value of one row; `proxy` is true for the field of a proxy.
    ///
    /// # Errors
    /// The first fault against `challenge` (RFC 3261 section 25.1).
    pub fn parse(value: &'a [u8], proxy: bool) -> Result<Self, ParseError> {
        let Authentication {
            scheme,
            params,
            token68,
        } = alone(value)?;
        Ok(Challenge {
            proxy,
            scheme,
            params,
            token68,
        })
    }

    /// Whether the scheme is Digest, in any case.
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Digest")
    }

    /// Whether the scheme is Bearer (RFC 8898), in any case.
    pub fn is_bearer(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Bearer")
    }
}

impl<'a> core::ops::Deref for Challenge<'a> {
    type Target = AuthParams<'a>;

    fn deref(&self) -> &AuthParams<'a> {
        &self.params
    }
}

/// One row of Authorization or Proxy-Authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// Whether they are for a proxy (Proxy-Authorization).
    pub proxy: bool,
    /// The scheme token, such as `Digest` or `Bearer`.
    pub scheme: &'a [u8],
    /// The parameters; none when the rest is a token68.
    pub params: AuthParams<'a>,
    /// The token of `Bearer` or `Basic` credentials (RFC 8898); empty when there are parameters.
    pub token68: &'a [u8],
}

impl<'a> Credentials<'a> {
    /// Reads the value of one row; `proxy` is true for the field of a proxy.
    ///
    /// # Errors
    /// The first fault against `credentials` (RFC 3261 section 25.1).
    pub fn parse(value: &'a [u8], proxy: bool) -> Result<Self, ParseError> {
        let Authentication {
            scheme,
            params,
            token68,
        } = alone(value)?;
        Ok(Credentials {
            proxy,
            scheme,
            params,
            token68,
        })
    }

    /// Whether the scheme is Digest, in any case.
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Digest")
    }

    /// Whether the scheme is Bearer (RFC 8898), in any case.
    pub fn is_bearer(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Bearer")
    }
}

impl<'a> core::ops::Deref for Credentials<'a> {
    type Target = AuthParams<'a>;

    fn deref(&self) -> &AuthParams<'a> {
        &self.params
    }
}

/// The common parts of challenges and credentials.
pub(crate) struct Authentication<'a> {
    pub(crate) scheme: &'a [u8],
    pub(crate) params: AuthParams<'a>,
    pub(crate) token68: &'a [u8],
}

impl<'a> Element<'a> for Authentication<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let scheme_end = class::run(input, start, class::TOKEN);
        if scheme_end == start {
            return Err(unexpected(input, start));
        }
        let scheme = &input[start..scheme_end];
        let rest = skip_lws(input, scheme_end);
        let none = AuthParams::NONE;
        let digest = scheme.eq_ignore_ascii_case(b"Digest");
        if rest >= input.len() && !digest {
            return Ok((
                Authentication {
                    scheme,
                    params: none,
                    token68: b"",
                },
                scheme_end,
            ));
        }
        if rest == scheme_end {
            return Err(unexpected(input, rest));
        }
        if let Some(end) = token68(input, rest).filter(|_| !digest) {
            return Ok((
                Authentication {
                    scheme,
                    params: none,
                    token68: &input[rest..end],
                },
                end,
            ));
        }
        let (params, end) = auth_params(input, rest, rules)?;
        Ok((
            Authentication {
                scheme,
                params,
                token68: b"",
            },
            end,
        ))
    }
}

/// The end of a token68 at `at` that extends to the end of the value (RFC 7235 section 2.1).
fn token68(input: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while matches!(input.get(end), Some(byte) if byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
    {
        end += 1;
    }
    if end == at {
        return None;
    }
    while input.get(end) == Some(&b'=') {
        end += 1;
    }
    class::trim(&input[end..]).is_empty().then_some(end)
}

/// `auth-param *( COMMA auth-param )` (RFC 3261 section 25.1). Lenient reading skips empty elements of the list, such as
/// one after a trailing comma, because servers send them and RFC 9110 section 5.6.1.2 requires recipients of HTTP to.
pub(crate) fn auth_params<'a>(
    input: &'a [u8],
    at: usize,
    rules: Rules,
) -> Result<(AuthParams<'a>, usize), ParseError> {
    let mut count = 0u16;
    let mut pair = move |input: &'a [u8]| {
        if count == rules.parameters {
            return grammar::fault(ErrorKind::TooManyParameters, input);
        }
        count += 1;
        separated_pair(grammar::token, grammar::separator(b'='), |input| {
            auth_value(input, rules)
        })
        .parse(input)
    };
    let mut end = at;
    let mut next = if rules.strict {
        at
    } else {
        skip_empty(input, at)
    };
    loop {
        let (_, stop) = grammar::prefix(input, next, &mut pair)?;
        end = stop.max(end);
        let comma = skip_lws(input, end);
        if input.get(comma) != Some(&b',') {
            break;
        }
        next = comma + 1;
        if !rules.strict {
            next = skip_empty(input, next);
            if next >= input.len() {
                end = next;
                break;
            }
        }
    }
    Ok((AuthParams(Params::new(&input[at..end], b',')), end))
}

/// The place behind blanks and commas at `at`.
fn skip_empty(input: &[u8], at: usize) -> usize {
    let mut at = skip_lws(input, at);
    while input.get(at) == Some(&b',') {
        at = skip_lws(input, at + 1);
    }
    at
}

/// A token or quoted string. Lenient reading also accepts other text without comma, quote or blank, because some
/// servers omit the quotes.
fn auth_value(input: &[u8], rules: Rules) -> Parsed<'_, &[u8]> {
    if input.first() == Some(&b'"') {
        return grammar::quoted(input);
    }
    if rules.strict {
        return grammar::token(input);
    }
    let end = input
        .iter()
        .position(|&byte| {
            !class::is(byte, class::TEXT) || matches!(byte, b',' | b'"' | b' ' | b'\t')
        })
        .unwrap_or(input.len());
    if end == 0 {
        return grammar::fault(params::unexpected(input, 0).kind, input);
    }
    Ok((&input[end..], &input[..end]))
}

/// The value of Authentication-Info (RFC 3261 section 20.6, RFC 7616 section 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticationInfo<'a> {
    /// The parameters.
    pub params: AuthParams<'a>,
}

impl<'a> AuthenticationInfo<'a> {
    /// Reads the value of one row.
    ///
    /// # Errors
    /// The first fault against `ainfo` (RFC 3261 section 25.1).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> core::ops::Deref for AuthenticationInfo<'a> {
    type Target = AuthParams<'a>;

    fn deref(&self) -> &AuthParams<'a> {
        &self.params
    }
}

impl<'a> Element<'a> for AuthenticationInfo<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let (params, end) = auth_params(input, skip_lws(input, at), rules)?;
        Ok((AuthenticationInfo { params }, end))
    }
}

fn write_authentication(
    scheme: &[u8],
    params: AuthParams<'_>,
    token68: &[u8],
    put: &mut dyn FnMut(&[u8]),
) {
    put(scheme);
    if !token68.is_empty() {
        put(b" ");
        put(token68);
    } else if params.iter().next().is_some() {
        put(b" ");
        params.write(put);
    }
}

impl HeaderValue for Challenge<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        write_authentication(self.scheme, self.params, self.token68, put);
    }
}

impl HeaderValue for Credentials<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        write_authentication(self.scheme, self.params, self.token68, put);
    }
}

impl HeaderValue for AuthenticationInfo<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        self.params.write(put);
    }
}
