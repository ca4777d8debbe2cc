//! The application's settings of a call.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use sip_parse::{ParseError, Scheme, Uri, UriBuf};

use crate::body::Body;
use crate::header::{ExtraHeader, Reason};
use crate::ids::SessionId;
use crate::session_uuid::SessionUuid;

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
    /// The caller that From names instead of the address-of-record; [`InviteOptions::from_address`] checks it.
    pub(crate) from: Option<FromAddress>,
    /// The call of this agent, up, whose peer ends it for the new one (RFC 3891): the INVITE has a Replaces that names it.
    pub replaces: Option<SessionId>,
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
    /// The UUID of this side in Session-ID, for a call that continues another one, such as one that a transfer makes: an end
    /// keeps its UUID then (RFC 7989 section 6). `None`: the core draws one. Only with `sessionId`.
    pub session_uuid: Option<SessionUuid>,
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

/// Settings of a REFER.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct TransferOptions {
    /// Asks the peer not to report (RFC 4488): the outcome of an accepted REFER is
    /// [`TransferOutcome::Unreported`](crate::TransferOutcome::Unreported). A peer that does not know this reports all the same.
    pub without_subscription: bool,
    /// The call whose dialog authorises a REFER outside dialogs, sent to the peer of that call (RFC 4538): the REFER has a
    /// Target-Dialog and requires `tdialog`.
    pub target_dialog: Option<SessionId>,
    /// Additional header fields of the application. A Referred-By replaces that of the core, which names the
    /// address-of-record (RFC 3892 section 2.1).
    pub headers: Vec<ExtraHeader>,
}

impl TransferOptions {
    /// The default REFER: with a subscription, no additional header fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the peer not to report (RFC 4488).
    #[must_use]
    pub fn without_subscription(mut self) -> Self {
        self.without_subscription = true;
        self
    }

    /// Names the call whose dialog authorises a REFER outside dialogs (RFC 4538).
    #[must_use]
    pub fn target_dialog(mut self, call: SessionId) -> Self {
        self.target_dialog = Some(call);
        self
    }

    /// Adds one header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }
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

    /// Lets From name another caller than the address-of-record, as a switch with many users needs: a URI of any scheme, and a
    /// display name. The server decides whether it forwards such a call. In an anonymous call P-Preferred-Identity has the
    /// URI (RFC 3325 section 9.2).
    ///
    /// ```
    /// use sip_core::{FromError, FromPart, InviteOptions};
    ///
    /// let options = InviteOptions::new().from_address("sip:+15551234@example.com", Some("Front desk"))?;
    /// let port = InviteOptions::new().from_address("sip:a@example.com:5060", None);
    /// assert!(matches!(port, Err(FromError::Component(FromPart::Port))));
    /// # let _ = options;
    /// # Ok::<(), FromError>(())
    /// ```
    ///
    /// # Errors
    /// [`FromError`] for a URI that the grammar does not allow, or with a part that RFC 3261 section 19.1.1 does not allow in
    /// From, and for a display name with control characters or more than 1,024 bytes.
    pub fn from_address(mut self, uri: &str, display: Option<&str>) -> Result<Self, FromError> {
        let uri = UriBuf::strict(uri.as_bytes()).map_err(FromError::Uri)?;
        if let Some(part) = not_in_from(&uri.as_uri()) {
            return Err(FromError::Component(part));
        }
        let is_text = |text: &str| text.len() <= 1_024 && !text.chars().any(char::is_control);
        if !display.is_none_or(is_text) {
            return Err(FromError::Display);
        }
        self.from = Some(FromAddress {
            uri,
            display: display.map(Into::into),
        });
        Ok(self)
    }

    /// Continues the communication session of another call (RFC 7989 section 6).
    #[must_use]
    pub fn session_uuid(mut self, uuid: SessionUuid) -> Self {
        self.session_uuid = Some(uuid);
        self
    }

    /// Replaces a call of this agent at its peer (RFC 3891).
    #[must_use]
    pub fn replaces(mut self, call: SessionId) -> Self {
        self.replaces = Some(call);
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

/// The caller that From names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FromAddress {
    pub(crate) uri: UriBuf,
    pub(crate) display: Option<Box<str>>,
}

/// The part of a SIP URI that RFC 3261 section 19.1.1 does not allow in From.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum FromPart {
    /// A port.
    Port,
    /// Header fields.
    Headers,
    /// The parameter of this name: `method`, `maddr`, `ttl`, `transport` or `lr`.
    Parameter(&'static str),
}

impl fmt::Display for FromPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port => f.write_str("port"),
            Self::Headers => f.write_str("header fields"),
            Self::Parameter(name) => write!(f, "parameter {name}"),
        }
    }
}

/// Why From cannot name this caller.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FromError {
    /// The URI is malformed.
    Uri(ParseError),
    /// The URI has a part that RFC 3261 section 19.1.1 does not allow in From.
    Component(FromPart),
    /// The display name has control characters, or more than 1,024 bytes.
    Display,
}

impl fmt::Display for FromError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(error) => write!(f, "the caller is no URI: {error}"),
            Self::Component(part) => write!(f, "a URI in From has no {part}"),
            Self::Display => f.write_str("the display name has control characters or is too long"),
        }
    }
}

impl core::error::Error for FromError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Uri(error) => Some(error),
            Self::Component(_) | Self::Display => None,
        }
    }
}

/// The part of a SIP URI that RFC 3261 section 19.1.1 does not allow in From.
fn not_in_from(uri: &Uri<'_>) -> Option<FromPart> {
    if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
        return None;
    }
    if uri.port().is_some() {
        return Some(FromPart::Port);
    }
    if uri.headers().next().is_some() {
        return Some(FromPart::Headers);
    }
    let names = ["method", "maddr", "ttl", "transport", "lr"];
    names
        .into_iter()
        .find(|name| uri.has_param(name.as_bytes()))
        .map(FromPart::Parameter)
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
