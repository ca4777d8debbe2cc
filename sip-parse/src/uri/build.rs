//! URIs that own their text, and URIs from parts.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::class;
use crate::error::ParseError;
use crate::limits::{Limits, Rules};
use crate::number::decimal;
use crate::params::unexpected;
use crate::uri::compare::COMPARED;
use crate::uri::escape::same_escaped;
use crate::uri::host::Host;
use crate::uri::view::{Form, Parts, Uri};

/// With more URI parameters than this a URI is always built anew, because each name is compared with all earlier ones.
const FEW: usize = 8;

/// A URI that owns its text.
#[derive(Clone)]
pub struct UriBuf {
    text: Box<[u8]>,
    parts: Parts,
}

impl UriBuf {
    /// Reads a URI and keeps a copy of it.
    ///
    /// # Errors
    /// Those of [`Uri::parse`].
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, ParseError> {
        Uri::parse(text.as_ref()).map(UriBuf::from)
    }

    /// Reads a URI leniently, for writing: as [`UriBuf::parse`], with what the grammar does not allow escaped or left out
    /// as [`Uri::tidied`] does.
    ///
    /// # Errors
    /// The first fault that remains against RFC 3261 section 25.1, such as a host with `_`, which has no escaped form; its
    /// offset is that in the tidied text.
    pub fn strict(text: impl AsRef<[u8]>) -> Result<Self, ParseError> {
        let text = text.as_ref();
        let rules = Rules::strict(Limits::DEFAULT.parameters);
        // What the grammar defines is tidy.
        if let Ok((uri, end)) = Uri::prefix(text, 0, Form::Full, rules)
            && end == text.len()
        {
            return Ok(UriBuf::from(uri));
        }
        let uri = Uri::parse(text)?.tidied();
        match Uri::prefix(&uri.text, 0, Form::Full, rules)? {
            (_, end) if end == uri.text.len() => Ok(uri),
            (_, end) => Err(unexpected(&uri.text, end)),
        }
    }

    /// `sip:user@host:port`; the caller gives `user` unescaped. An IPv6 host is in brackets.
    ///
    /// # Errors
    /// An empty user, or a malformed host (RFC 3261 section 25.1).
    pub fn sip(user: Option<&[u8]>, host: &[u8], port: Option<u16>) -> Result<Self, ParseError> {
        // Parsed alone, because a host with `@` or `;` would add a user or parameters.
        Host::parse(host)?;
        let mut text = Vec::from(&b"sip:"[..]);
        if let Some(user) = user {
            escape_into(user, class::STRICT_USER, &mut text);
            text.push(b'@');
        }
        text.extend_from_slice(host);
        if let Some(port) = port {
            text.push(b':');
            text.extend_from_slice(decimal(u64::from(port), &mut [0; 20]));
        }
        UriBuf::keep(text)
    }

    /// This URI as a Request-URI, as [`Uri::to_request_uri`] makes it.
    pub fn into_request_uri(self) -> Self {
        if self.as_uri().is_request_uri() {
            return self;
        }
        self.as_uri().to_request_uri()
    }

    /// Reads a URI and keeps its text.
    fn keep(text: Vec<u8>) -> Result<Self, ParseError> {
        let parts = Uri::parse(&text)?.parts;
        let text = text.into_boxed_slice();
        Ok(UriBuf { text, parts })
    }

    /// This URI with one more URI parameter, name and value given unescaped.
    ///
    /// # Errors
    /// An empty name or value, or a URI without parameters of this form.
    pub fn with_param(&self, name: &[u8], value: Option<&[u8]>) -> Result<Self, ParseError> {
        let at = usize::from(self.parts.params_end);
        let mut text = Vec::from(&self.text[..at]);
        text.push(b';');
        escape_into(name, class::URI_PARAM, &mut text);
        if let Some(value) = value {
            text.push(b'=');
            escape_into(value, class::URI_PARAM, &mut text);
        }
        text.extend_from_slice(&self.text[at..]);
        UriBuf::keep(text)
    }

    /// This URI without its URI parameters of that name.
    pub fn without_param(&self, name: &[u8]) -> Self {
        let mut text = Vec::from(&self.text[..usize::from(self.parts.params_start)]);
        for (found, value) in self.as_uri().params() {
            if same_escaped(found, name, true) {
                continue;
            }
            text.push(b';');
            text.extend_from_slice(found);
            if let Some(value) = value {
                text.push(b'=');
                text.extend_from_slice(value);
            }
        }
        text.extend_from_slice(&self.text[usize::from(self.parts.params_end)..]);
        // A well-formed URI stays well-formed without a parameter.
        UriBuf::keep(text).unwrap_or_else(|_| self.clone())
    }

    /// This URI with one more `?header`, name and value given unescaped (RFC 3261 section 19.1.1).
    ///
    /// # Errors
    /// An empty name, or a URI without headers of this form.
    pub fn with_header(&self, name: &[u8], value: &[u8]) -> Result<Self, ParseError> {
        let mut text = Vec::from(&*self.text);
        text.push(if self.as_uri().headers_bytes().is_empty() {
            b'?'
        } else {
            b'&'
        });
        escape_into(name, class::URI_HEADER, &mut text);
        text.push(b'=');
        escape_into(value, class::URI_HEADER, &mut text);
        UriBuf::keep(text)
    }

    /// The URI in this text.
    pub fn as_uri(&self) -> Uri<'_> {
        Uri {
            text: &self.text,
            parts: self.parts,
        }
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

impl<'a> Uri<'a> {
    /// The text of [`Uri::to_request_uri`], without a copy where that changes nothing.
    pub fn request_uri_text(&self) -> Cow<'a, [u8]> {
        if self.is_request_uri() {
            Cow::Borrowed(self.text)
        } else {
            Cow::Owned(self.to_request_uri().text.into())
        }
    }

    /// Whether [`Uri::to_request_uri`] certainly changes nothing: it leaves out parts or escapes characters of the user part, so
    /// that a text without either keeps its length.
    fn is_request_uri(&self) -> bool {
        let user = self.user().unwrap_or_default();
        if !self.is_sip() || class::run_escaped(user, 0, class::STRICT_USER) < user.len() {
            return false;
        }
        let mut kept = usize::from(self.parts.params_start);
        for (index, (name, value)) in self.params().iter().take(FEW).enumerate() {
            let mut earlier = self.params().iter().take(index);
            if memchr::memchr(b'%', name).is_some()
                || name.eq_ignore_ascii_case(b"method")
                || earlier.any(|(other, _)| other.eq_ignore_ascii_case(name))
            {
                return false;
            }
            kept += 1 + name.len() + value.map_or(0, |value| 1 + value.len());
        }
        kept == self.text.len()
    }
}

impl Uri<'_> {
    /// This URI as far as possible in the form that the grammar defines (RFC 3261 section 25.1): `#` in a user part and
    /// brackets and `#` in a URI of another scheme become escapes (section 19.1.2), a `;` at the end is left out, and of
    /// several URI parameters of one name the first stays (section 19.1.1).
    pub fn tidied(&self) -> UriBuf {
        self.rebuilt(|_| true, self.headers_bytes())
    }

    /// Whether [`Uri::tidied`] would change nothing but repeated parameters, which a copy keeps as they came.
    pub(crate) fn is_tidy(&self) -> bool {
        let marked = if self.is_sip() {
            memchr::memchr(b'#', self.text)
        } else {
            memchr::memchr3(b'#', b'[', b']', self.text)
        };
        marked.is_none() && !self.params().as_bytes().ends_with(b";")
    }

    /// This URI as a Request-URI: tidied, without `method` parameter and `?headers` (RFC 3261 section 19.1.1, table 1).
    pub fn to_request_uri(&self) -> UriBuf {
        self.rebuilt(|name| !same_escaped(name, b"method", true), b"")
    }

    fn rebuilt(&self, keep: impl Fn(&[u8]) -> bool, headers: &[u8]) -> UriBuf {
        let mut text = Vec::with_capacity(self.text.len() + 8);
        if self.is_sip() {
            text.extend_from_slice(&self.text[..usize::from(self.parts.rest)]);
            if let Some(user) = self.user() {
                put_escaped(user, class::STRICT_USER, &mut text);
                if let Some(password) = self.password() {
                    text.push(b':');
                    text.extend_from_slice(password);
                }
                text.push(b'@');
            }
            text.extend_from_slice(self.host_and_port());
            // Bounded, because the comparison with all earlier names is quadratic.
            for (index, (name, value)) in self.params().iter().take(COMPARED).enumerate() {
                let mut earlier = self.params().iter().take(index);
                if !keep(name) || earlier.any(|(other, _)| same_escaped(other, name, true)) {
                    continue;
                }
                text.push(b';');
                text.extend_from_slice(name);
                if let Some(value) = value {
                    text.push(b'=');
                    text.extend_from_slice(value);
                }
            }
            if !headers.is_empty() {
                text.push(b'?');
                text.extend_from_slice(headers);
            }
        } else if Uri::prefix(self.text, 0, Form::Full, Rules::strict(0))
            .is_ok_and(|(_, end)| end == self.text.len())
        {
            text.extend_from_slice(self.text);
        } else {
            put_escaped(self.text, class::STRICT_URIC, &mut text);
        }
        // A well-formed URI stays well-formed with an escape more and a parameter less.
        UriBuf::keep(text).unwrap_or_else(|_| UriBuf::from(*self))
    }
}

impl From<Uri<'_>> for UriBuf {
    fn from(uri: Uri<'_>) -> Self {
        UriBuf {
            text: Box::from(uri.text),
            parts: uri.parts,
        }
    }
}

impl From<&Uri<'_>> for UriBuf {
    fn from(uri: &Uri<'_>) -> Self {
        UriBuf::from(*uri)
    }
}

impl PartialEq for UriBuf {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for UriBuf {}

impl fmt::Display for UriBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_uri(), f)
    }
}

impl fmt::Debug for UriBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_uri(), f)
    }
}

/// As [`escape_into`], but keeps escapes.
fn put_escaped(text: &[u8], mask: u32, out: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() {
        let end = class::run_escaped(rest, 0, mask);
        out.extend_from_slice(&rest[..end]);
        let next = (end + 1).min(rest.len());
        escape_into(&rest[end..next], mask, out);
        rest = &rest[next..];
    }
}

/// Writes `text` with everything outside `mask` as `%HH`.
fn escape_into(text: &[u8], mask: u32, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        // No mask contains "%", because "%" always starts an escape.
        if class::is(byte, mask) {
            out.push(byte);
        } else {
            out.extend([
                b'%',
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]);
        }
    }
}
