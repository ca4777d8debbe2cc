//! What can be wrong with a message, where, and what a server should answer.

use core::fmt;

use crate::name::HeaderId;
use crate::status::StatusCode;

/// A fault in a message or in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Byte offset of the fault: in the message, or in the value for a stand-alone value parse.
    pub offset: u32,
    /// The header field that holds the fault, or that is missing; `None` for the start line, the framing and stand-alone values.
    pub header: Option<HeaderId>,
}

/// The kinds of fault. Limits (RFC 3261 section 21.5.7: 513) are kinds of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The first line is neither a request line nor a status line (RFC 3261 sections 7.1, 7.2).
    StartLine,
    /// The SIP version is not 2.0 (RFC 3261 section 7.1).
    Version,
    /// The status code is not three digits from 100 to 699 (RFC 3261 section 7.2).
    StatusCode,
    /// The method is not a token (RFC 3261 section 7.1).
    Method,
    /// A header line has no colon (RFC 3261 section 7.3.1).
    MissingColon,
    /// A header field that has to be there is absent (RFC 3261 section 8.1.1).
    Missing,
    /// A header field or parameter that may occur once occurs again (RFC 3261 section 7.3.1).
    Repeated,
    /// A number is absent or too large for its field.
    Number,
    /// A character that the grammar does not allow here (RFC 3261 section 25.1).
    Character,
    /// This character was expected here.
    Expected(u8),
    /// The value or message ends too early.
    UnexpectedEnd,
    /// A host that is no host name, IPv4 address or IPv6 reference (RFC 3261 section 25.1, RFC 5954).
    Host,
    /// A `%` that two hexadecimal digits do not follow (RFC 3261 section 25.1).
    Escape,
    /// The CSeq method differs from the request method (RFC 3261 section 8.1.1.5).
    MethodMismatch,
    /// The Request-URI's scheme is neither sip nor sips (RFC 3261 section 8.2.2.1).
    UnknownScheme,
    /// The value is well formed but not one that the field allows.
    Value,
    /// The body is shorter than Content-Length says (RFC 3261 section 18.3).
    BodyTooShort {
        /// How many bytes are missing.
        missing: u32,
    },
    /// Two Content-Length fields differ (RFC 3261 section 20.14).
    ContentLengthMismatch,
    /// A stream message without Content-Length (RFC 3261 section 18.3).
    MissingContentLength,
    /// Another message where the transport carries one (RFC 7118 section 4.2).
    SecondMessage,
    /// Over [`Limits::message`](crate::Limits::message).
    MessageTooLarge,
    /// Over [`Limits::head`](crate::Limits::head).
    HeadTooLarge,
    /// Over [`Limits::headers`](crate::Limits::headers).
    TooManyHeaders,
    /// Over [`Limits::header_line`](crate::Limits::header_line).
    HeaderTooLong,
    /// Over [`Limits::folds`](crate::Limits::folds).
    TooManyFolds,
    /// Over [`Limits::parameters`](crate::Limits::parameters).
    TooManyParameters,
    /// Over [`Limits::body`](crate::Limits::body).
    BodyTooLarge,
    /// Over the depth or part count that multipart parsing allows (RFC 5621).
    TooManyParts,
}

impl ParseError {
    /// A fault at `offset` in no particular header field.
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

    /// Whether a limit of [`Limits`](crate::Limits) was exceeded, rather than a rule of the RFC.
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

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::StartLine => "malformed start line",
            ErrorKind::Version => "SIP version is not 2.0",
            ErrorKind::StatusCode => "malformed status code",
            ErrorKind::Method => "malformed method",
            ErrorKind::MissingColon => "header line without a colon",
            ErrorKind::Missing => "missing",
            ErrorKind::Repeated => "occurs more than once",
            ErrorKind::Number => "number absent or out of range",
            ErrorKind::Character => "character not allowed here",
            ErrorKind::Expected(byte) => {
                return write!(f, "expected \"{}\"", byte.escape_ascii());
            }
            ErrorKind::UnexpectedEnd => "ends too early",
            ErrorKind::Host => "malformed host",
            ErrorKind::Escape => "malformed escape",
            ErrorKind::MethodMismatch => "differs from the request method",
            ErrorKind::UnknownScheme => "unsupported URI scheme",
            ErrorKind::Value => "value not allowed here",
            ErrorKind::BodyTooShort { missing } => {
                return write!(f, "body is {missing} bytes shorter than Content-Length");
            }
            ErrorKind::ContentLengthMismatch => "two Content-Length fields differ",
            ErrorKind::MissingContentLength => "no Content-Length on a stream",
            ErrorKind::SecondMessage => "another message begins here",
            ErrorKind::MessageTooLarge => "message over the limit",
            ErrorKind::HeadTooLarge => "head over the limit",
            ErrorKind::TooManyHeaders => "too many header fields",
            ErrorKind::HeaderTooLong => "header field over the limit",
            ErrorKind::TooManyFolds => "too many folded lines",
            ErrorKind::TooManyParameters => "too many parameters",
            ErrorKind::BodyTooLarge => "body over the limit",
            ErrorKind::TooManyParts => "too many or too deeply nested body parts",
        })
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
