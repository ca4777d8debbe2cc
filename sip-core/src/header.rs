//! Additional header fields of the application.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use sip_parse::{HeaderName, Uri, unescape};

/// An additional header field of the application, checked so that it cannot inject another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExtraHeader {
    name: Box<str>,
    value: Box<str>,
}

/// The fault of a rejected header field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ExtraHeaderError {
    /// The name is empty or holds a byte that is not valid in a token (RFC 3261 section 25.1), at this index.
    Name(usize),
    /// The value holds CR, LF or NUL, at this index.
    Value(usize),
    /// The core itself writes this header field.
    Reserved,
}

impl fmt::Display for ExtraHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(at) => write!(f, "the header name is no token, at byte {at}"),
            Self::Value(at) => write!(f, "the header value holds CR, LF or NUL, at byte {at}"),
            Self::Reserved => f.write_str("the core writes this header field itself"),
        }
    }
}

impl core::error::Error for ExtraHeaderError {}

impl ExtraHeader {
    /// Takes the name and the value of a header field, such as `X-Room` and `12`.
    ///
    /// # Errors
    /// [`ExtraHeaderError`] for a name that is no token or that the core writes itself (Via, From, To,
    /// Call-ID, CSeq, Contact, Route, Record-Route, Max-Forwards, Content-Type, Content-Length, RSeq, RAck and
    /// the credentials), and for CR, LF or NUL in the value.
    pub fn new(name: &str, value: &str) -> Result<Self, ExtraHeaderError> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
        if let Some(at) = name.bytes().position(|byte| !token(byte)) {
            return Err(ExtraHeaderError::Name(at));
        }
        if name.is_empty() {
            return Err(ExtraHeaderError::Name(0));
        }
        if let Some(at) = value
            .bytes()
            .position(|byte| matches!(byte, b'\r' | b'\n' | 0))
        {
            return Err(ExtraHeaderError::Value(at));
        }
        let reserved = matches!(
            HeaderName::parse(name.as_bytes()),
            Ok(HeaderName::Via
                | HeaderName::From
                | HeaderName::To
                | HeaderName::CallId
                | HeaderName::CSeq
                | HeaderName::Contact
                | HeaderName::Route
                | HeaderName::RecordRoute
                | HeaderName::MaxForwards
                | HeaderName::ContentType
                | HeaderName::ContentLength
                | HeaderName::Authorization
                | HeaderName::ProxyAuthorization
                | HeaderName::RSeq
                | HeaderName::RAck)
        );
        if reserved {
            return Err(ExtraHeaderError::Reserved);
        }
        Ok(Self {
            name: name.into(),
            value: value.into(),
        })
    }

    /// The header fields that a request to `uri` takes from it (RFC 3261 section 19.1.5). Those that could forge the sender,
    /// the route or the handling, and the body, are left out.
    pub(crate) fn of_uri(uri: &Uri<'_>) -> impl Iterator<Item = Self> {
        let text = |part: &[u8]| String::from_utf8(unescape(part).into_owned()).ok();
        uri.safe_headers()
            .filter_map(move |(name, value)| Self::new(&text(name)?, &text(value)?).ok())
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name, in the form that the writer takes.
    pub(crate) fn header_name(&self) -> HeaderName<'_> {
        HeaderName::parse(self.name.as_bytes()).unwrap_or(HeaderName::Other(self.name.as_bytes()))
    }

    /// Returns the value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cannot_smuggle_in_another_one() {
        assert_eq!(
            ExtraHeader::new("X-Room", "1\r\nVia: evil"),
            Err(ExtraHeaderError::Value(1))
        );
        assert_eq!(
            ExtraHeader::new("X-Room", "\0"),
            Err(ExtraHeaderError::Value(0))
        );
        assert_eq!(
            ExtraHeader::new("X Room", "1"),
            Err(ExtraHeaderError::Name(1))
        );
        assert_eq!(ExtraHeader::new("", "1"), Err(ExtraHeaderError::Name(0)));
        for name in ["via", "V", "Call-ID", "l", "proxy-authorization"] {
            assert_eq!(
                ExtraHeader::new(name, "1"),
                Err(ExtraHeaderError::Reserved),
                "{name}"
            );
        }
        assert!(ExtraHeader::new("X-Room", "12").is_ok());
    }
}
