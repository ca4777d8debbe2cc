//! URIs that own their text, and URIs from parts.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::class;
use crate::error::ParseError;
use crate::number::decimal;
use crate::uri::escape::same_escaped;
use crate::uri::host::Host;
use crate::uri::view::{Parts, Uri};

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
        UriBuf::parse(text)
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
        UriBuf::parse(text)
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
        UriBuf::parse(text).unwrap_or_else(|_| self.clone())
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
        UriBuf::parse(text)
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
