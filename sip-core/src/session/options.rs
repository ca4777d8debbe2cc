//! What an application can say about a call.

use alloc::vec::Vec;
use core::fmt;

use sip_parse::StatusCode;

use crate::header::ExtraHeader;

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
    /// 491 Request Pending: refuses a re-INVITE that meets another one (RFC 3261 section 14.2).
    pub const REQUEST_PENDING: Self = Self(StatusCode::REQUEST_PENDING);
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
    fn only_a_failure_refuses() {
        for number in [100, 180, 200, 299, 700, 0] {
            assert_eq!(FailureStatus::new(number), Err(NotAFailure(number)));
        }
        assert_eq!(FailureStatus::new(486), Ok(FailureStatus::BUSY_HERE));
    }
}
