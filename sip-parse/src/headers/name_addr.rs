//! Addresses: From, To, Contact, Route, Record-Route, Path, Refer-To, P-Asserted-Identity and others (RFC 3261 section
//! 20.10).

use alloc::borrow::Cow;
use core::fmt;

use super::{Element, HeaderValue, alone, put_params, put_plain};
use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Rules;
use crate::number::digits;
use crate::params::{self, Params, unexpected, unquote};
use crate::text::text;
use crate::uri::{Form, Uri};

/// An address with its header parameters: `"Name" <uri>;params` or `uri;params`.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    display: &'a [u8],
    uri: Uri<'a>,
    params: Params<'a>,
    tag: Option<&'a [u8]>,
    bracketed: bool,
}

impl<'a> NameAddr<'a> {
    /// Reads one address and nothing else.
    ///
    /// # Errors
    /// The first fault against RFC 3261 section 25.1, with its offset in `value`.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }

    /// The display name as received, quotes kept; empty when absent.
    pub fn display_name(&self) -> &'a [u8] {
        self.display
    }

    /// The display name as plain text: no quotes, escapes undone; `None` when absent.
    pub fn display(&self) -> Option<Cow<'a, [u8]>> {
        (!self.display.is_empty()).then(|| unquote(self.display))
    }

    /// The URI.
    pub fn uri(&self) -> &Uri<'a> {
        &self.uri
    }

    /// The URI's text.
    pub fn uri_text(&self) -> &'a [u8] {
        self.uri.as_bytes()
    }

    /// Whether the URI is in angle brackets.
    pub(crate) fn is_bracketed(&self) -> bool {
        self.bracketed
    }

    /// Whether `value`, which this was read from, certainly is what [`HeaderValue::write`] writes: `<uri>` with at most one
    /// parameter and no blanks, as most addresses of peers are.
    pub fn is_written_as(&self, value: &[u8]) -> bool {
        let params = self.params.as_bytes();
        let special = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b';');
        self.bracketed
            && value.len() == self.uri.as_bytes().len() + 2 + params.len()
            && self.uri.is_tidy()
            && !params.iter().skip(1).any(special)
    }

    /// The header parameters (not the URI's).
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// The value of a header parameter; a quoted one keeps its quotes.
    pub fn param(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.params.value(name)
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.tag
    }

    /// The `expires` parameter of a Contact in seconds: `u32::MAX` when larger, 3600 when malformed (RFC 3261 section
    /// 10.2.1.1), `None` when absent.
    pub fn expires(&self) -> Option<u32> {
        let value = self.params.find(b"expires")?.unwrap_or(b"");
        let seconds = digits(value, 0, u64::MAX).ok();
        let seconds = seconds.filter(|(_, end)| *end == value.len());
        Some(seconds.map_or(3600, |(seconds, _)| {
            u32::try_from(seconds).unwrap_or(u32::MAX)
        }))
    }

    /// The `q` parameter in thousandths, 0 to 1000; `None` when absent or malformed.
    pub fn q(&self) -> Option<u16> {
        qvalue(self.param(b"q")?)
    }
}

/// `qvalue` in thousandths (RFC 3261 section 25.1).
pub(crate) fn qvalue(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text {
        [whole] => (whole, &b""[..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut value = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    let mut scale = 100;
    for digit in fraction {
        value += u16::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?) * scale;
        scale /= 10;
    }
    (value <= 1000).then_some(value)
}

impl<'a> Element<'a> for NameAddr<'a> {
    #[inline]
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let (display, open) = match input.get(start) {
            Some(b'<') => (&[][..], Some(start)),
            Some(b'"') => {
                let end = params::quoted(input, start)?;
                let open = skip_lws(input, end);
                if input.get(open) != Some(&b'<') {
                    return Err(ParseError::at(ErrorKind::Expected(b'<'), open));
                }
                (&input[start..end], Some(open))
            }
            _ => unquoted_display(input, start, rules)?,
        };
        let (uri_start, form) = match open {
            Some(open) => (open + 1, Form::Full),
            None => (start, Form::Bare),
        };
        let (uri, mut uri_end) = Uri::prefix(input, uri_start, form, rules)?;
        if open.is_some() {
            if input.get(uri_end) != Some(&b'>') {
                return Err(ParseError::at(ErrorKind::Expected(b'>'), uri_end));
            }
            uri_end += 1;
        }
        // The first parameter of a name counts.
        let mut tag = None;
        let end = params::scan(input, uri_end, rules, |name, value| {
            if tag.is_none() && class::is_word(name, b"tag") {
                tag = Some(value);
            }
        })?;
        let tag = tag.flatten();
        let params = Params::new(&input[uri_end..end], b';');
        Ok((
            NameAddr {
                display,
                uri,
                params,
                tag,
                bracketed: open.is_some(),
            },
            end,
        ))
    }
}

/// A display name of tokens and the offset of the `<` behind it, or neither for an addr-spec. Lenient reading also
/// accepts unquoted bytes above 127, because phones send them.
#[inline]
fn unquoted_display(
    input: &[u8],
    start: usize,
    rules: Rules,
) -> Result<(&[u8], Option<usize>), ParseError> {
    let mut at = start;
    let mut display_end = start;
    loop {
        while matches!(input.get(at), Some(&byte) if class::is(byte, class::TOKEN) || byte >= 0x80 && !rules.strict)
        {
            at += 1;
        }
        if at > display_end {
            display_end = at;
        }
        let next = skip_lws(input, at);
        match input.get(next) {
            Some(b'<') => return Ok((&input[start..display_end], Some(next))),
            Some(b':') if next == at && at > start => return Ok((&[], None)),
            Some(_) if next > at => at = next,
            _ => return Err(unexpected(input, next)),
        }
    }
}

/// One Contact value.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant)] // A borrowed view that lives on the stack; a box would allocate per value.
pub enum Contact<'a> {
    /// `*`, all bindings (RFC 3261 section 10.2.2).
    Star,
    /// An address.
    Addr(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    /// Reads one Contact value and nothing else.
    ///
    /// # Errors
    /// Those of [`NameAddr::parse`].
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }

    /// The address; `None` for `*`.
    pub fn addr(&self) -> Option<&NameAddr<'a>> {
        match self {
            Contact::Star => None,
            Contact::Addr(addr) => Some(addr),
        }
    }
}

impl<'a> Element<'a> for Contact<'a> {
    #[inline]
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        if input.get(start) == Some(&b'*') {
            let next = skip_lws(input, start + 1);
            if next >= input.len() || input[next] == b',' {
                return Ok((Contact::Star, start + 1));
            }
        }
        let (addr, end) = NameAddr::element(input, at, rules)?;
        Ok((Contact::Addr(addr), end))
    }
}

/// For people: `"Alice" <sip:alice@example.com>`, or the URI alone, without header parameters. [`HeaderValue`] writes the wire form.
impl fmt::Display for NameAddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.display() {
            Some(name) if !name.is_empty() => write!(f, "\"{}\" <{}>", text(&name), self.uri),
            _ => self.uri.fmt(f),
        }
    }
}

/// For people: the address, or `*`.
impl fmt::Display for Contact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contact::Star => f.write_str("*"),
            Contact::Addr(addr) => addr.fmt(f),
        }
    }
}

impl HeaderValue for NameAddr<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        if !self.display.is_empty() {
            put_plain(self.display, put);
            put(b" ");
        }
        put(b"<");
        if self.uri.is_tidy() {
            put(self.uri.as_bytes());
        } else {
            put(self.uri.tidied().as_bytes());
        }
        put(b">");
        put_params(self.params, &[], put);
    }
}

impl HeaderValue for Contact<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        match self {
            Contact::Star => put(b"*"),
            Contact::Addr(addr) => addr.write(put),
        }
    }
}
