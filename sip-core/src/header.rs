//! Additional header fields of the application.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use sip_parse::{BuildError, Builder, HeaderName, Method, StatusCode, Uri, is_token, unescape};

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
    /// Call-ID, CSeq, Contact, Route, Record-Route, Max-Forwards, Content-Type, Content-Length, RSeq, RAck,
    /// Session-Expires and the credentials), and for CR, LF or NUL in the value.
    pub fn new(name: &str, value: &str) -> Result<Self, ExtraHeaderError> {
        if let Some(at) = name.bytes().position(|byte| !is_token(&[byte])) {
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
                | HeaderName::RAck
                | HeaderName::SessionExpires)
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

/// Checks that a new request can carry these header fields: each value is in its grammar, and none repeats a field that a message
/// has at most once.
pub(crate) fn check_fields(headers: &[ExtraHeader]) -> Result<(), BuildError> {
    if headers.is_empty() {
        return Ok(());
    }
    let mut request = Builder::request(Method::Options, &b"sip:x.invalid"[..]);
    for (name, value) in [
        (HeaderName::Via, "SIP/2.0/TCP x.invalid;branch=z9hG4bK0"),
        (HeaderName::MaxForwards, "70"),
        (HeaderName::From, "<sip:x.invalid>;tag=1"),
        (HeaderName::To, "<sip:x.invalid>"),
        (HeaderName::CallId, "1"),
        (HeaderName::CSeq, "1 OPTIONS"),
    ] {
        request.append(name, value);
    }
    for header in headers {
        request.append(header.header_name(), header.value());
    }
    request.build().map(|_| ())
}

/// A value of the Reason header field (RFC 3326): why a request or a final response was sent.
///
/// ```
/// use sip_core::{ExtraHeader, Reason};
///
/// let header = ExtraHeader::from(Reason::q850(16).with_text("Normal \"clearing\"")?);
/// assert_eq!(header.value(), r#"Q.850;cause=16;text="Normal \"clearing\"""#);
/// # Ok::<(), sip_core::ExtraHeaderError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    protocol: Box<str>,
    cause: Option<u16>,
    text: Option<Box<str>>,
}

impl Reason {
    /// The protocol `SIP`: the cause is a status, and the text is its reason phrase.
    #[must_use]
    pub fn sip(status: StatusCode) -> Self {
        let phrase = status.reason();
        Self {
            protocol: "SIP".into(),
            cause: Some(status.as_u16()),
            text: (!phrase.is_empty()).then(|| phrase.into()),
        }
    }

    /// The protocol `Q.850`: the cause is one of ITU-T Q.850, such as 16 for a normal clearing.
    #[must_use]
    pub fn q850(cause: u8) -> Self {
        Self {
            protocol: "Q.850".into(),
            cause: Some(cause.into()),
            text: None,
        }
    }

    /// Another protocol.
    ///
    /// # Errors
    /// [`ExtraHeaderError::Name`] if it is no token.
    pub fn new(protocol: &str) -> Result<Self, ExtraHeaderError> {
        if let Some(at) = protocol.bytes().position(|byte| !is_token(&[byte])) {
            return Err(ExtraHeaderError::Name(at));
        }
        if protocol.is_empty() {
            return Err(ExtraHeaderError::Name(0));
        }
        Ok(Self {
            protocol: protocol.into(),
            cause: None,
            text: None,
        })
    }

    /// Another branch of the call was answered: `SIP;cause=200;text="Call completed elsewhere"`. A phone that is cancelled
    /// so has no missed call.
    #[must_use]
    pub fn completed_elsewhere() -> Self {
        Self {
            protocol: "SIP".into(),
            cause: Some(200),
            text: Some("Call completed elsewhere".into()),
        }
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_cause(mut self, cause: u16) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Sets the text.
    ///
    /// # Errors
    /// [`ExtraHeaderError::Value`] if it holds a control character.
    pub fn with_text(mut self, text: &str) -> Result<Self, ExtraHeaderError> {
        if let Some((at, _)) = text.char_indices().find(|(_, symbol)| symbol.is_control()) {
            return Err(ExtraHeaderError::Value(at));
        }
        self.text = Some(text.into());
        Ok(self)
    }

    /// Reads a value of a peer.
    pub(crate) fn of(value: &sip_parse::Reason<'_>) -> Self {
        let text = |bytes: &[u8]| Box::<str>::from(String::from_utf8_lossy(bytes));
        Self {
            protocol: text(value.protocol),
            cause: value.cause,
            text: value.text().map(|bytes| text(&bytes)),
        }
    }

    /// The protocol: `SIP`, `Q.850` or another.
    #[must_use]
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// The cause, as its protocol defines it.
    #[must_use]
    pub const fn cause(&self) -> Option<u16> {
        self.cause
    }

    /// The text, without quotes.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Whether another branch of the call was answered: the cause is 200 of the protocol `SIP`.
    #[must_use]
    pub fn is_completed_elsewhere(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("SIP") && self.cause == Some(200)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        let Some(text) = &self.text else {
            return Ok(());
        };
        f.write_str(";text=\"")?;
        for symbol in text.chars() {
            if matches!(symbol, '"' | '\\') {
                f.write_str("\\")?;
            }
            fmt::Write::write_char(f, symbol)?;
        }
        f.write_str("\"")
    }
}

impl From<Reason> for ExtraHeader {
    fn from(reason: Reason) -> Self {
        Self {
            name: "Reason".into(),
            value: format!("{reason}").into(),
        }
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
        for name in ["via", "V", "Call-ID", "l", "proxy-authorization", "X"] {
            assert_eq!(
                ExtraHeader::new(name, "1"),
                Err(ExtraHeaderError::Reserved),
                "{name}"
            );
        }
        assert!(ExtraHeader::new("X-Room", "12").is_ok());
    }
}
