//! Parameters (`generic-param`, RFC 3261 section 25.1), quoted strings and their escapes.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv6Addr;

use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Rules;
use crate::text::text;

/// The parameters of a value: the text from the first separator on, checked when the value was parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Params<'a> {
    text: &'a [u8],
    /// Between parameters: `;`, for a URI's headers `&`, for credentials `,`.
    separator: u8,
}

impl<'a> Params<'a> {
    /// No parameters.
    pub const NONE: Params<'static> = Params {
        text: b"",
        separator: b';',
    };

    pub(crate) const fn new(text: &'a [u8], separator: u8) -> Self {
        Params { text, separator }
    }

    /// Reads `;name=value;name` and nothing else.
    ///
    /// # Errors
    /// The first fault against `generic-param` (RFC 3261 section 25.1).
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        let end = scan_all(text, 0, Rules::lenient(u16::MAX))?;
        let rest = skip_lws(text, end);
        if rest != text.len() {
            return Err(ParseError::at(ErrorKind::Character, rest));
        }
        Ok(Params::new(text, b';'))
    }

    /// The parameters in order: name, and value if there is a `=`. A quoted value keeps its quotes.
    pub fn iter(&self) -> ParamsIter<'a> {
        ParamsIter {
            text: self.text,
            separator: self.separator,
            at: 0,
        }
    }

    /// The first parameter of that name, without regard to case: `Some(None)` when it has no value.
    pub fn find(&self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of the first parameter of that name; `None` also when it has no value.
    pub fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.find(name).flatten()
    }

    /// Whether there is a parameter of that name.
    pub fn has(&self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The text as received, with the leading separator.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({})", text(self.text))
    }
}

impl<'a> IntoIterator for Params<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);
    type IntoIter = ParamsIter<'a>;

    fn into_iter(self) -> ParamsIter<'a> {
        self.iter()
    }
}

/// The parameters of [`Params`], in order.
#[derive(Clone, Debug)]
pub struct ParamsIter<'a> {
    text: &'a [u8],
    separator: u8,
    at: usize,
}

impl<'a> Iterator for ParamsIter<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.text;
        let mut at = self.at;
        loop {
            at = skip_lws(text, at);
            if text.get(at) != Some(&self.separator) {
                break;
            }
            at += 1;
        }
        let start = at;
        let stop = |byte: u8| byte == self.separator || byte == b'=' || byte == b'"';
        // No character of a token ends a name or a value, and most names and values are tokens.
        at = class::run(text, at, class::TOKEN);
        while at < text.len() && !stop(text[at]) {
            at += 1;
        }
        if at == start && text.get(at) != Some(&b'=') {
            self.at = text.len();
            return None;
        }
        let name = class::trim(&text[start..at]);
        let mut value = None;
        if text.get(at) == Some(&b'=') {
            at = skip_lws(text, at + 1);
            let start = at;
            if text.get(at) == Some(&b'"') {
                at = quoted(text, at).unwrap_or(text.len());
                value = Some(&text[start..at]);
            } else {
                at = class::run(text, at, class::TOKEN);
                while at < text.len() && text[at] != self.separator {
                    at += 1;
                }
                value = Some(class::trim(&text[start..at]));
            }
        }
        self.at = at;
        Some((name, value))
    }
}

/// Reads a quoted string at `at`; returns the offset behind the closing quote.
#[inline]
pub(crate) fn quoted(input: &[u8], at: usize) -> Result<usize, ParseError> {
    if input.get(at) != Some(&b'"') {
        return Err(ParseError::at(ErrorKind::Expected(b'"'), at));
    }
    let mut at = at + 1;
    loop {
        at = class::run(input, at, class::QUOTED);
        match input.get(at) {
            Some(b'"') => return Ok(at + 1),
            // quoted-pair allows every byte up to 127 but CR and LF.
            Some(b'\\') => match input.get(at + 1) {
                Some(b'\r' | b'\n') => return Err(ParseError::at(ErrorKind::Character, at + 1)),
                Some(_) => at += 2,
                None => return Err(ParseError::at(ErrorKind::UnexpectedEnd, at + 1)),
            },
            Some(b'\r' | b'\n') => {
                let next = skip_lws(input, at);
                if next == at {
                    return Err(ParseError::at(ErrorKind::Character, at));
                }
                at = next;
            }
            Some(_) => return Err(ParseError::at(ErrorKind::Character, at)),
            None => return Err(ParseError::at(ErrorKind::UnexpectedEnd, at)),
        }
    }
}

/// Reads `*( SEMI generic-param )` from `at` on and passes each parameter to `found`; returns its end.
#[inline(always)]
pub(crate) fn scan<'a>(
    input: &'a [u8],
    at: usize,
    rules: Rules,
    mut found: impl FnMut(&'a [u8], Option<&'a [u8]>),
) -> Result<usize, ParseError> {
    let mut end = at;
    let mut count = 0u16;
    loop {
        let semicolon = skip_lws(input, end);
        if input.get(semicolon) != Some(&b';') {
            return Ok(end);
        }
        if count == rules.parameters {
            return Err(ParseError::at(ErrorKind::TooManyParameters, semicolon));
        }
        count += 1;
        let start = skip_lws(input, semicolon + 1);
        // Phones send a `;` behind the last parameter.
        if rules.empties && matches!(input.get(start), None | Some(b',')) {
            return Ok(semicolon + 1);
        }
        let ((name, value), next) = parameter(input, start, rules)?;
        found(name, value);
        end = next;
    }
}

/// [`scan`] for a caller that looks for no parameter.
#[inline(never)]
pub(crate) fn scan_all(input: &[u8], at: usize, rules: Rules) -> Result<usize, ParseError> {
    scan(input, at, rules, |_, _| {})
}

/// Rejects a parameter name that occurs twice (RFC 3261 sections 7.3.1 and 19.1.1). `names` are slices of `input`.
pub(crate) fn distinct<'a>(
    input: &'a [u8],
    names: impl Iterator<Item = &'a [u8]>,
) -> Result<(), ParseError> {
    // In order of their names, so that the work is not quadratic; of two equal names the later comes last.
    let mut names: Vec<(Cow<'a, [u8]>, usize)> = names
        .map(|name| {
            let mut plain = unescape(name);
            if plain.iter().any(u8::is_ascii_uppercase) {
                plain.to_mut().make_ascii_lowercase();
            }
            (plain, offset_in(input, name))
        })
        .collect();
    names.sort_unstable();
    let twice = names.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    match twice.map(|pair| pair[1].1).min() {
        Some(at) => Err(ParseError::at(ErrorKind::Repeated, at)),
        None => Ok(()),
    }
}

/// The offset of `part`, which is a slice of `whole`.
pub(crate) fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    let offset = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    offset.min(whole.len())
}

/// Reads `generic-param *( SEMI generic-param )` from `at` on; returns its end.
pub(crate) fn scan_first(input: &[u8], at: usize, rules: Rules) -> Result<usize, ParseError> {
    let (_, end) = parameter(input, at, rules)?;
    scan_all(
        input,
        end,
        Rules {
            parameters: rules.parameters.saturating_sub(1),
            ..rules
        },
    )
}

/// The end of a token or an IPv6 reference at `at` (`gen-value`, RFC 3261 section 25.1); every other host is a token. The
/// IPv6 address of `received` has no brackets.
fn token_or_host(input: &[u8], at: usize, name: &[u8]) -> usize {
    let token_end = class::run(input, at, class::TOKEN);
    let end = class::run(input, at, class::STRICT_VALUE);
    if end == token_end {
        return end;
    }
    let text = core::str::from_utf8(&input[at..end]).unwrap_or("");
    let bare = match text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inner) => inner,
        None if name.eq_ignore_ascii_case(b"received") => text,
        None => return token_end,
    };
    match bare.parse::<Ipv6Addr>() {
        Ok(_) => end,
        Err(_) => token_end,
    }
}

/// A name, and a value when there is a `=`.
pub(crate) type Param<'a> = (&'a [u8], Option<&'a [u8]>);

/// One `generic-param` at `at`: name, value and end.
#[inline(always)]
pub(crate) fn parameter(
    input: &[u8],
    at: usize,
    rules: Rules,
) -> Result<(Param<'_>, usize), ParseError> {
    let name_end = class::run(input, at, class::TOKEN);
    if name_end == at {
        return Err(unexpected(input, at));
    }
    let name = &input[at..name_end];
    let equals = skip_lws(input, name_end);
    if input.get(equals) != Some(&b'=') {
        return Ok(((name, None), name_end));
    }
    let start = skip_lws(input, equals + 1);
    let end = match input.get(start) {
        Some(b'"') => quoted(input, start)?,
        _ if rules.strict => token_or_host(input, start, name),
        _ => class::run(input, start, class::VALUE),
    };
    if end == start {
        return Err(unexpected(input, start));
    }
    Ok(((name, Some(&input[start..end])), end))
}

/// The fault for a byte at `at` that the grammar does not allow, or for the end of the input.
#[cold]
pub(crate) fn unexpected(input: &[u8], at: usize) -> ParseError {
    let kind = if at >= input.len() {
        ErrorKind::UnexpectedEnd
    } else {
        ErrorKind::Character
    };
    ParseError::at(kind, at)
}

/// The content of a quoted string, escapes undone; any other text unchanged.
pub fn unquote(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
    else {
        return Cow::Borrowed(value);
    };
    if memchr::memchr2(b'\\', b'\n', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        match byte {
            b'\\' => {
                plain.extend(inner.get(at + 1));
                at += 2;
            }
            b'\r' | b'\n' => {
                plain.push(b' ');
                at = skip_lws(inner, at).max(at + 1);
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(plain)
}

/// Writes `value` as a quoted string, `"` and `\` escaped (RFC 3261 section 25.1). It drops CR, LF and NUL, because no
/// quoted string can contain them.
pub fn quote_into(value: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in value.as_ref() {
        match byte {
            b'\r' | b'\n' | 0 => {}
            b'"' | b'\\' => out.extend([b'\\', byte]),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// `value` with `%HH` escapes undone; a malformed escape stays unchanged.
pub fn unescape(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut plain = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some((byte, next)) = unescaped_at(value, at) {
        plain.push(byte);
        at = next;
    }
    Cow::Owned(plain)
}

/// The byte at `at`, unescaped, and the offset behind it.
pub(crate) fn unescaped_at(value: &[u8], at: usize) -> Option<(u8, usize)> {
    let byte = *value.get(at)?;
    if byte == b'%' {
        let high = value.get(at + 1).and_then(|&digit| class::hex(digit));
        let low = value.get(at + 2).and_then(|&digit| class::hex(digit));
        if let (Some(high), Some(low)) = (high, low) {
            return Some((high << 4 | low, at + 3));
        }
    }
    Some((byte, at + 1))
}
