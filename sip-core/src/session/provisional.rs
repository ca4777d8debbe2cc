//! The provisional responses of the application.

use alloc::vec::Vec;
use core::fmt;

use sip_parse::StatusCode;

use crate::body::Body;
use crate::header::ExtraHeader;

/// A status of a provisional response of the application: 101 to 199 (RFC 3261 section 13.3.1.1). The core sends 100 itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProvisionalStatus(StatusCode);

/// The number is no status of a provisional response of the application: 101 to 199 are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProvisionalStatusError(pub u16);

impl fmt::Display for ProvisionalStatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no provisional status: 101 to 199 are", self.0)
    }
}

impl core::error::Error for ProvisionalStatusError {}

impl ProvisionalStatus {
    /// 180 Ringing.
    pub const RINGING: Self = Self(StatusCode::RINGING);
    /// 183 Session Progress.
    pub const SESSION_PROGRESS: Self = Self(StatusCode::SESSION_PROGRESS);

    /// Takes the number of a status, 101 to 199.
    ///
    /// # Errors
    /// [`ProvisionalStatusError`] for every other number.
    pub fn new(number: u16) -> Result<Self, ProvisionalStatusError> {
        let status = StatusCode::new(number).filter(|_| (101..=199).contains(&number));
        status.map(Self).ok_or(ProvisionalStatusError(number))
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.0
    }
}

/// Whether a provisional response is reliable (RFC 3262 section 3): the core repeats it until the PRACK of the caller.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[non_exhaustive]
pub enum Reliability {
    /// Reliable if the caller or `rel100` requires it, and otherwise if the caller supports it and the response has a session
    /// description, because both sides need that.
    #[default]
    Automatic,
    /// Reliable; an error if the caller or `rel100` does not support it.
    Reliable,
    /// Not reliable; an error if the caller or `rel100` requires it.
    Unreliable,
}

/// A provisional response: status, header fields, early media, reliability.
///
/// ```
/// use sip_core::{ExtraHeader, ProvisionalOptions, ProvisionalStatus, Reliability};
///
/// let ringing = ProvisionalOptions::ringing().header(ExtraHeader::new("Alert-Info", "<urn:alert:service:call-waiting>")?);
/// let early_media = ProvisionalOptions::early_media();
/// let queued = ProvisionalOptions::new(ProvisionalStatus::new(182)?).reliability(Reliability::Reliable);
/// # let _ = (ringing, early_media, queued);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ProvisionalOptions {
    /// The status.
    pub status: ProvisionalStatus,
    /// Additional header fields.
    pub headers: Vec<ExtraHeader>,
    /// Whether the response has a session description, for media before the call is accepted. The core requests it with
    /// [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) and sends the response when it has it.
    pub description: bool,
    /// A body that is no session description, such as an early-session description alone (RFC 3959). A response with a session
    /// description leaves it out: its description may be a multipart body, as [`Body::with_early_session`] makes one.
    pub body: Option<Body>,
    /// Whether the response is reliable.
    pub reliability: Reliability,
}

impl ProvisionalOptions {
    /// A response with this status, without header fields and description.
    #[must_use]
    pub const fn new(status: ProvisionalStatus) -> Self {
        Self {
            status,
            headers: Vec::new(),
            description: false,
            body: None,
            reliability: Reliability::Automatic,
        }
    }

    /// 180 Ringing.
    #[must_use]
    pub const fn ringing() -> Self {
        Self::new(ProvisionalStatus::RINGING)
    }

    /// 183 Session Progress with a session description.
    #[must_use]
    pub const fn early_media() -> Self {
        let mut options = Self::new(ProvisionalStatus::SESSION_PROGRESS);
        options.description = true;
        options
    }

    /// Adds one header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }

    /// Adds a session description.
    #[must_use]
    pub const fn with_description(mut self) -> Self {
        self.description = true;
        self
    }

    /// Sets a body that is no session description.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// Sets whether the response is reliable.
    #[must_use]
    pub const fn reliability(mut self, reliability: Reliability) -> Self {
        self.reliability = reliability;
        self
    }
}
