//! The body of the package `refer`: a status line as `message/sipfrag` (RFC 3515 section 2.4.5, RFC 3420).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use sip_parse::{StatusCode, fragment_status};

use super::error::{self, PackageError, Position};
use crate::body::Body;

/// How far the request that a REFER asked for has come: the status line of its last response (RFC 3515 section 2.4.5).
///
/// ```
/// use sip_core::Body;
/// use sip_core::package::ReferStatus;
///
/// let body = Body::new("message/sipfrag;version=2.0", "SIP/2.0 180 Ringing\r\n");
/// let status = ReferStatus::from_body(&body)?;
/// assert_eq!(status.to_string(), "180 Ringing");
/// assert!(!status.is_final());
/// # Ok::<(), sip_core::package::PackageError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReferStatus {
    /// The status.
    pub status: StatusCode,
    /// The reason phrase, which may be empty.
    pub reason: Box<str>,
}

impl ReferStatus {
    /// The media type, without its parameter.
    pub const CONTENT_TYPE: &'static str = "message/sipfrag";

    /// A status with its usual reason phrase.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: status.reason().into(),
        }
    }

    /// Reads the status line with which the fragment begins. A fragment may go on with header fields, which do not count.
    ///
    /// # Errors
    /// [`PackageError`] if the body has another type or begins with anything but a status line.
    pub fn from_body(body: &Body) -> Result<Self, PackageError> {
        let text = error::text(body, Self::CONTENT_TYPE)?;
        let status = fragment_status(text.as_bytes()).ok_or(PackageError::Malformed {
            what: "the status line",
            at: Position { line: 1, column: 1 },
        })?;
        let line = text.trim_ascii_start().lines().next().unwrap_or_default();
        let reason = line.get("SIP/2.0 200".len()..).unwrap_or_default().trim();
        Ok(Self {
            status,
            reason: reason.into(),
        })
    }

    /// Writes the status line.
    #[must_use]
    pub fn to_body(&self) -> Body {
        // A line end in the phrase would begin a header field.
        let reason: String = self.reason.chars().filter(|c| !c.is_control()).collect();
        let code = self.status.as_u16();
        let line = format!("SIP/2.0 {code} {reason}\r\n");
        Body::new("message/sipfrag;version=2.0", line)
    }

    /// Whether no further status follows.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.status.is_final()
    }
}

impl fmt::Display for ReferStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        if !self.reason.is_empty() {
            write!(f, " {}", self.reason)?;
        }
        Ok(())
    }
}
