//! Faults of a message: kind, offset, header field, and the status code of the response.

use core::fmt;

use thiserror::Error;

use crate::name::HeaderId;
use crate::status::StatusCode;

/// A fault in a message or in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Byte offset of the fault: in the message, or in the value for a parse of a single value.
    pub offset: u32,
    /// The header field that contains the fault or is missing; `None` for the start line, the framing and a parse of a
    /// single value.
    pub header: Option<HeaderId>,
}

/// The kinds of fault. Each limit has its own kind (RFC 3261 section 21.5.7: 513).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The first line is neither a request line nor a status line (RFC 3261 sections 7.1, 7.2).
    #[error("malformed start line")]
    StartLine,
    /// The SIP version is not 2.0 (RFC 3261 section 7.1).
    #[error("SIP version is not 2.0")]
    Version,
    /// The status code is not three digits from 100 to 699 (RFC 3261 section 7.2).
    #[error("malformed status code")]
    StatusCode,
    /// The method is not a token (RFC 3261 section 7.1).
    #[error("malformed method")]
    Method,
    /// A header line has no colon (RFC 3261 section 7.3.1).
    #[error("header line without a colon")]
    MissingColon,
    /// A mandatory header field is absent (RFC 3261 section 8.1.1).
    #[error("missing")]
    Missing,
    /// A header field or parameter that may occur only once is repeated (RFC 3261 section 7.3.1).
    #[error("occurs more than once")]
    Repeated,
    /// A number is absent or too large for its field.
    #[error("number absent or out of range")]
    Number,
    /// A character that the grammar does not allow here (RFC 3261 section 25.1).
    #[error("character not allowed here")]
    Character,
    /// The grammar requires this character here.
    #[error("expected \"{}\"", .0.escape_ascii())]
    Expected(u8),
    /// The value or message ends too early.
    #[error("ends too early")]
    UnexpectedEnd,
    /// The host is neither a host name nor an IPv4 address nor an IPv6 reference (RFC 3261 section 25.1, RFC 5954).
    #[error("malformed host")]
    Host,
    /// A `%` lacks its two hexadecimal digits (RFC 3261 section 25.1).
    #[error("malformed escape")]
    Escape,
    /// The CSeq method differs from the request method (RFC 3261 section 8.1.1.5).
    #[error("differs from the request method")]
    MethodMismatch,
    /// The Request-URI's scheme is neither sip nor sips (RFC 3261 section 8.2.2.1).
    #[error("unsupported URI scheme")]
    UnknownScheme,
    /// The value is well formed but not one that the field allows.
    #[error("value not allowed here")]
    Value,
    /// The body is shorter than its Content-Length (RFC 3261 section 18.3).
    #[error("body is {missing} bytes shorter than Content-Length")]
    BodyTooShort {
        /// The number of missing bytes.
        missing: u32,
    },
    /// Two Content-Length fields differ (RFC 3261 section 20.14).
    #[error("two Content-Length fields differ")]
    ContentLengthMismatch,
    /// A stream message without Content-Length (RFC 3261 section 18.3).
    #[error("no Content-Length on a stream")]
    MissingContentLength,
    /// A second message in a transport unit that carries exactly one (RFC 7118 section 4.2).
    #[error("another message begins here")]
    SecondMessage,
    /// Over [`Limits::message`](crate::Limits::message).
    #[error("message over the limit")]
    MessageTooLarge,
    /// Over [`Limits::head`](crate::Limits::head).
    #[error("head over the limit")]
    HeadTooLarge,
    /// Over [`Limits::headers`](crate::Limits::headers).
    #[error("too many header fields")]
    TooManyHeaders,
    /// Over [`Limits::header_line`](crate::Limits::header_line).
    #[error("header field over the limit")]
    HeaderTooLong,
    /// Over [`Limits::folds`](crate::Limits::folds).
    #[error("too many folded lines")]
    TooManyFolds,
    /// Over [`Limits::parameters`](crate::Limits::parameters).
    #[error("too many parameters")]
    TooManyParameters,
    /// Over [`Limits::body`](crate::Limits::body).
    #[error("body over the limit")]
    BodyTooLarge,
    /// Over [`Limits::parts`](crate::Limits::parts) or [`Limits::part_depth`](crate::Limits::part_depth).
    #[error("too many or too deeply nested body parts")]
    TooManyParts,
}

impl ParseError {
    /// A fault at `offset`, outside any header field.
    pub(crate) const fn at(kind: ErrorKind, offset: usize) -> Self {
        ParseError {
            kind,
            offset: offset as u32,
            header: None,
        }
    }

    /// The same fault, `base` bytes further on, in header field `header`.
    pub(crate) fn within(self, header: HeaderId, base: usize) -> Self {
        ParseError {
            kind: self.kind,
            offset: self.offset.saturating_add(base as u32),
            header: Some(header),
        }
    }

    /// The same fault, `base` bytes further on.
    pub(crate) fn shifted(self, base: usize) -> Self {
        ParseError {
            offset: self.offset.saturating_add(base as u32),
            ..self
        }
    }

    /// The status with which a user agent server answers a request with this fault: 505 for the version, 513 for a
    /// limit, 413 for the body limit, 416 for the scheme, else 400 (RFC 3261 section 21.4.1).
    pub fn status(&self) -> StatusCode {
        match self.kind {
            ErrorKind::Version => StatusCode::VERSION_NOT_SUPPORTED,
            ErrorKind::UnknownScheme => StatusCode::UNSUPPORTED_URI_SCHEME,
            ErrorKind::BodyTooLarge => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            _ if self.is_limit() => StatusCode::MESSAGE_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether the message exceeds a limit of [`Limits`](crate::Limits); false for a violation of an RFC.
    pub fn is_limit(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::MessageTooLarge
                | ErrorKind::HeadTooLarge
                | ErrorKind::TooManyHeaders
                | ErrorKind::HeaderTooLong
                | ErrorKind::TooManyFolds
                | ErrorKind::TooManyParameters
                | ErrorKind::BodyTooLarge
                | ErrorKind::TooManyParts
        )
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.header {
            Some(header) => write!(f, "{header} at byte {}: {}", self.offset, self.kind),
            None => write!(f, "at byte {}: {}", self.offset, self.kind),
        }
    }
}

impl core::error::Error for ParseError {}
