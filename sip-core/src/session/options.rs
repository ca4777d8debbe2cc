//! The application's settings of a call.

use alloc::vec::Vec;
use core::fmt;

use sip_parse::StatusCode;

use crate::header::ExtraHeader;

/// Settings of an outgoing call.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct InviteOptions {
    /// Sends the INVITE without a body, so that the peer makes the offer and the application answers it in
    /// the ACK (RFC 3261 section 13.2.1). SIP.js calls it `inviteWithoutSdp`.
    pub late_offer: bool,
    /// Hides the caller from the peer (RFC 3323 section 4.1): From is anonymous, Contact is the temporary
    /// GRUU (RFC 5627 section 3.1.2) or a URI without the user's name, and `Privacy: id` keeps proxies from
    /// passing on the P-Preferred-Identity (RFC 3325 section 9). Credentials still name the user to each
    /// server that challenges.
    pub anonymous: bool,
    /// Additional header fields of the application.
    pub headers: Vec<ExtraHeader>,
}

impl InviteOptions {
    /// The default call: an offer in the INVITE, no additional header fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves the offer to the peer (RFC 3261 section 13.2.1).
    #[must_use]
    pub fn late_offer(mut self) -> Self {
        self.late_offer = true;
        self
    }

    /// Hides the caller from the peer (RFC 3323 section 4.1).
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// Adds one header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }
}

/// A status that refuses a call or request: 300 to 699 (RFC 3261 section 21).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailureStatus(StatusCode);

/// A number outside 300 to 699.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAFailure(pub u16);

impl fmt::Display for NotAFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no status that refuses: 300 to 699 are", self.0)
    }
}

impl core::error::Error for NotAFailure {}

impl FailureStatus {
    /// 480 Temporarily Unavailable, the default refusal of SIP.js.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self(StatusCode::TEMPORARILY_UNAVAILABLE);
    /// 486 Busy Here.
    pub const BUSY_HERE: Self = Self(StatusCode::BUSY_HERE);
    /// 491 Request Pending: refuses a re-INVITE that meets another one (RFC 3261 section 14.2).
    pub const REQUEST_PENDING: Self = Self(StatusCode::REQUEST_PENDING);
    /// 603 Decline.
    pub const DECLINE: Self = Self(StatusCode::DECLINE);

    /// Takes the number of a status, 300 to 699.
    ///
    /// # Errors
    /// [`NotAFailure`] outside 300 to 699.
    pub fn new(number: u16) -> Result<Self, NotAFailure> {
        let status = StatusCode::new(number).filter(|status| status.as_u16() >= 300);
        status.map(Self).ok_or(NotAFailure(number))
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.0
    }
}

/// The application cannot make the requested description, for lack of a device or a common codec.
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
    fn only_a_failure_refuses() {
        for number in [100, 180, 200, 299, 700, 0] {
            assert_eq!(FailureStatus::new(number), Err(NotAFailure(number)));
        }
        assert_eq!(FailureStatus::new(486), Ok(FailureStatus::BUSY_HERE));
    }
}
