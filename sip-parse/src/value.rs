//! Values that a [`Builder`](crate::Builder) writes.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::headers::HeaderValue;
use crate::method::Method;

/// The value of a header field for a builder.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// The text, written without blanks at its ends.
    Bytes(&'a [u8]),
    /// Owned text, written without blanks at its ends.
    Owned(Bytes),
    /// A decimal number.
    Number(u32),
    /// Comma-separated values.
    Joined(&'a [&'a [u8]]),
    /// A typed value, such as an [`Event`](crate::Event) read from another message.
    Typed(&'a dyn HeaderValue),
    /// A Via value of SIP/2.0.
    Via {
        /// The transport token, such as `WSS`.
        transport: &'a [u8],
        /// `host[:port]`.
        sent_by: &'a [u8],
        /// The branch.
        branch: &'a [u8],
        /// Whether to add `rport` (RFC 3581).
        rport: bool,
    },
    /// A CSeq value.
    CSeq(u32, Method<'a>),
    /// An address.
    NameAddr {
        /// The display name as plain text; the builder quotes and escapes it.
        display: Option<&'a str>,
        /// The URI, written in angle brackets.
        uri: &'a [u8],
        /// The `tag` parameter.
        tag: Option<&'a [u8]>,
        /// Further header parameters, each with its leading `;`; may be empty.
        params: &'a [u8],
    },
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(text: &'a [u8]) -> Self {
        Value::Bytes(text)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(text: &'a [u8; N]) -> Self {
        Value::Bytes(text)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Bytes(text.as_bytes())
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Bytes(text.as_bytes())
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(text: &'a Vec<u8>) -> Self {
        Value::Bytes(text)
    }
}

impl<'a> From<&'a Bytes> for Value<'a> {
    fn from(text: &'a Bytes) -> Self {
        Value::Bytes(text)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Value::Number(number)
    }
}

impl From<Bytes> for Value<'_> {
    fn from(text: Bytes) -> Self {
        Value::Owned(text)
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(text: Vec<u8>) -> Self {
        Value::Owned(Bytes::from(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::Owned(Bytes::from(text))
    }
}

impl<'a, T: HeaderValue> From<&'a T> for Value<'a> {
    fn from(value: &'a T) -> Self {
        Value::Typed(value)
    }
}
