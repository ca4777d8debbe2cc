//! The application's settings of a call.

use alloc::vec::Vec;
use core::fmt;

use crate::body::Body;
use crate::header::{ExtraHeader, Reason};

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
    /// How long the invitation is valid, in seconds from the INVITE (RFC 3261 sections 13.2.1 and 20.19): Expires says it to the
    /// peer, and the core cancels an INVITE that has no final response by then. The call ends with
    /// [`Cause::NoAnswer`](crate::Cause::NoAnswer).
    pub expires: Option<u32>,
    /// The number of targets that the core may try after a redirection (3xx, RFC 3261 section 8.1.3.4), with
    /// [`Event::Redirected`](crate::Event::Redirected) for each; 0: it follows none, because a redirected call reaches another peer.
    /// It tries each URI once, the preferred ones first, never another scheme in place of SIPS, and no further one after a 6xx.
    pub redirects: u8,
    /// What becomes of the branches of a forked INVITE that answer after the first one (RFC 3261 section 13.2.2.4).
    pub forks: Forks,
}

/// What becomes of the branches of a forked INVITE that answer after the first one.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Forks {
    /// The core acknowledges and ends each of them.
    #[default]
    EndOthers,
    /// Each of them becomes a call of its own, which [`Event::CallBranched`](crate::Event::CallBranched) announces, as long as the
    /// first call is not over and [`Limits::sessions`](crate::Limits::sessions) and [`Limits::forks`](crate::Limits::forks) have room.
    Claim,
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

    /// Lets the invitation expire after this many seconds (RFC 3261 section 13.2.1).
    #[must_use]
    pub fn expires(mut self, seconds: u32) -> Self {
        self.expires = Some(seconds);
        self
    }

    /// Lets the core try this many targets after redirections (RFC 3261 section 8.1.3.4).
    #[must_use]
    pub fn redirects(mut self, targets: u8) -> Self {
        self.redirects = targets;
        self
    }

    /// Decides about further branches that answer (RFC 3261 section 13.2.2.4).
    #[must_use]
    pub fn forks(mut self, forks: Forks) -> Self {
        self.forks = forks;
        self
    }

    /// Adds one header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }
}

/// What the application wants of a re-INVITE or UPDATE (RFC 3261 section 14.1, RFC 3311).
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct ModifyOptions {
    /// Sends the request without an offer. The peer makes the offer in the 2xx of a re-INVITE, and the application answers it in
    /// the ACK (RFC 3261 section 14.1); an UPDATE without one only refreshes the target and the session.
    pub without_offer: bool,
    /// Additional header fields of the application.
    pub headers: Vec<ExtraHeader>,
}

impl ModifyOptions {
    /// The default change: an offer of the application, no additional header fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends the request without an offer.
    #[must_use]
    pub fn without_offer(mut self) -> Self {
        self.without_offer = true;
        self
    }

    /// Adds one header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }
}

/// What the application adds to a request or response of a call: checked header fields, and a body where the message has none
/// of its own.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct MessageOptions {
    /// Additional header fields.
    pub headers: Vec<ExtraHeader>,
    /// The body.
    pub body: Option<Body>,
}

impl MessageOptions {
    /// Adds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }

    /// Adds a value of Reason (RFC 3326).
    #[must_use]
    pub fn reason(self, reason: Reason) -> Self {
        self.header(reason.into())
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
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
