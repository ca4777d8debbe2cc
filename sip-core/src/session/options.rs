//! What an application can say about a call.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use sip_parse::{HeaderName, StatusCode};

/// How to call.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct InviteOptions {
    /// Send INVITE without a body, so that the peer makes the offer and we answer it in the ACK
    /// (RFC 3261 section 13.2.1). SIP.js calls it `inviteWithoutSdp`.
    pub late_offer: bool,
    /// Do not tell the peer who calls (RFC 3323 section 4.1): From is anonymous, Contact the temporary GRUU
    /// (RFC 5627 section 3.1.2) or one without our name, and `Privacy: id` keeps proxies from
    /// passing on the P-Preferred-Identity that tells them (RFC 3325 section 9). Credentials still name us to
    /// whoever asks for them.
    pub anonymous: bool,
    /// Header fields of the application's own.
    pub headers: Vec<ExtraHeader>,
}

impl InviteOptions {
    /// The usual call: our offer in the INVITE, no header fields of our own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The peer makes the offer.
    #[must_use]
    pub fn late_offer(mut self) -> Self {
        self.late_offer = true;
        self
    }

    /// The peer is not told who calls.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// One more header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }
}

/// A header field of the application's own: checked, so that it cannot smuggle in another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExtraHeader {
    name: Box<str>,
    value: Box<str>,
}

/// Why a header field is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ExtraHeaderError {
    /// The name is empty or holds what no token may (RFC 3261 section 25.1), at this byte.
    Name(usize),
    /// The value holds CR, LF or NUL, at this byte.
    Value(usize),
    /// The core writes this header field itself.
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
    /// A header field, such as `X-Room: 12`.
    ///
    /// # Errors
    /// [`ExtraHeaderError`] for a name that is no token or belongs to the core (Via, From, To, Call-ID,
    /// CSeq, Contact, Route, Record-Route, Max-Forwards, Content-Type, Content-Length and the
    /// credentials), and for CR, LF or NUL in the value.
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
                | HeaderName::ProxyAuthorization)
        );
        if reserved {
            return Err(ExtraHeaderError::Reserved);
        }
        Ok(Self {
            name: name.into(),
            value: value.into(),
        })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name, as the writer takes it.
    pub(crate) fn header_name(&self) -> HeaderName<'_> {
        HeaderName::parse(self.name.as_bytes()).unwrap_or(HeaderName::Other(self.name.as_bytes()))
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// A status that refuses: 300 to 699.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailureStatus(StatusCode);

/// A number that is no failure status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAFailure(pub u16);

impl fmt::Display for NotAFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no status that refuses: 300 to 699 are", self.0)
    }
}

impl core::error::Error for NotAFailure {}

impl FailureStatus {
    /// 480 Temporarily Unavailable: what SIP.js refuses with by default.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self(StatusCode::TEMPORARILY_UNAVAILABLE);
    /// 486 Busy Here.
    pub const BUSY_HERE: Self = Self(StatusCode::BUSY_HERE);
    /// 603 Decline.
    pub const DECLINE: Self = Self(StatusCode::DECLINE);

    /// The status of this number.
    ///
    /// # Errors
    /// [`NotAFailure`] outside 300 to 699.
    pub fn new(number: u16) -> Result<Self, NotAFailure> {
        let status = StatusCode::new(number).filter(|status| status.as_u16() >= 300);
        status.map(Self).ok_or(NotAFailure(number))
    }

    /// The status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.0
    }
}

/// The application cannot make the description that is asked for: no device, no codec in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DescriptionFailed;

impl fmt::Display for DescriptionFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no session description could be made")
    }
}

impl core::error::Error for DescriptionFailed {}

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

    #[test]
    fn only_a_failure_refuses() {
        for number in [100, 180, 200, 299, 700, 0] {
            assert_eq!(FailureStatus::new(number), Err(NotAFailure(number)));
        }
        assert_eq!(FailureStatus::new(486), Ok(FailureStatus::BUSY_HERE));
    }
}
