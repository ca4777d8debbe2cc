//! News for the application.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{Request, Response};

use crate::body::Body;
use crate::connection::{ConnectError, DisconnectReason};
use crate::dialog::DialogId;
use crate::ids::{ChallengeId, ConnectionId, ExchangeId, IncomingRequestId, RequestId, SessionId};
use crate::reason::EndReason;
use crate::time::Timestamp;

/// What happened, as far as an application cares.
///
/// Events are queued in the order in which things happened and are never lost.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// No `instanceId` was configured and this one was drawn (RFC 5626 section 4.1). An application
    /// that wants to keep its identity over restarts stores it and configures it next time.
    InstanceIdDrawn(Box<str>),
    /// A connection is being opened.
    Connecting {
        /// Place in the server list, from 0.
        server: usize,
        /// 1 for the first try since the server last worked.
        attempt: u32,
    },
    /// The configuration says `askServerUrl`: which URL is this attempt to use? Answer with
    /// [`UserAgent::server_url`](crate::UserAgent::server_url); the time counts as part of the attempt
    /// (`connectionTimeout`). Several may be open at a time: one for each flow, and one for each better
    /// server that is tried beside it.
    ServerUrlNeeded {
        /// Name it in the answer.
        connection: ConnectionId,
        /// Place in [`Config::servers`](crate::config::Config::servers), from 0.
        server: usize,
        /// 1 for the first try since the server last worked.
        attempt: u32,
    },
    /// A connection is open.
    Connected {
        /// Place in the server list, from 0.
        server: usize,
    },
    /// A connection could not be opened.
    ConnectFailed {
        /// Place in the server list, from 0.
        server: usize,
        /// Why.
        error: ConnectError,
    },
    /// An open connection is gone, one of several perhaps: [`UserAgent::is_connected`](crate::UserAgent::is_connected)
    /// tells whether another one is up. Confirmed calls live on.
    Disconnected {
        /// Place in the server list, from 0.
        server: usize,
        /// Why.
        reason: DisconnectReason,
    },
    /// The next connection will be opened at `at`.
    ReconnectScheduled {
        /// When, on the host's clock.
        at: Timestamp,
        /// How many tries have failed in a row.
        attempt: u32,
    },
    /// The registrar accepted our binding, for the first time or again (RFC 3261 section 10.2.4); with
    /// several flows comes for each.
    Registered(Box<Registration>),
    /// The bindings that [`UserAgent::query_bindings`](crate::UserAgent::query_bindings) asked for.
    Bindings {
        /// As Contact values.
        bindings: Vec<Box<str>>,
    },
    /// A REGISTER failed. Unless `retry_at` is `None` it is tried again by itself.
    RegistrationFailed {
        /// Why.
        reason: Box<EndReason>,
        /// When it is tried again, on the host's clock.
        retry_at: Option<Timestamp>,
    },
    /// Our binding is gone, or the last one of several: by command, or because it lapsed.
    Unregistered {
        /// Why.
        reason: Box<EndReason>,
    },
    /// A peer calls (RFC 3261 section 13.3). Answer with [`UserAgent::session`](crate::UserAgent::session).
    IncomingCall {
        /// The call.
        session: SessionId,
        /// The INVITE.
        request: Box<Request>,
    },
    /// A provisional response to our INVITE (RFC 3261 section 13.2.2.1), 100 not included. Its session description is a
    /// preview of the answer: the core takes it for the answer if the 2xx of the same dialog brings none (section 13.2.1).
    Progress {
        /// The call.
        session: SessionId,
        /// The early dialog of this response, one for each branch of a fork; `None` without a To tag, and above
        /// [`Limits::forks`](crate::Limits::forks).
        dialog: Option<DialogId>,
        /// The response.
        response: Box<Response>,
    },
    /// The core needs a session description; answer with [`UserAgent::describe`](crate::UserAgent::describe).
    /// An offer may be asked for in a call that is up as well: after a lost connection a re-INVITE
    /// tells the peer where we are now.
    DescriptionNeeded {
        /// The call.
        session: SessionId,
        /// The exchange; the answer names it.
        exchange: ExchangeId,
        /// Offer or answer (RFC 3264).
        kind: DescriptionKind,
    },
    /// The peer's session description.
    RemoteDescription {
        /// The call.
        session: SessionId,
        /// The exchange that it belongs to.
        exchange: ExchangeId,
        /// Offer or answer (RFC 3264).
        kind: DescriptionKind,
        /// The description.
        body: Box<Body>,
    },
    /// The peer accepted our INVITE: the first 2xx (RFC 3261 section 13.2.2.4), or we answered a
    /// call and the peer's ACK came (section 13.3.1.4).
    Established {
        /// The call.
        session: SessionId,
    },
    /// An offer/answer exchange is over (RFC 3264). Comes exactly once for each exchange that
    /// [`Event::DescriptionNeeded`] or [`Event::RemoteDescription`] named, before [`Event::Established`] or [`Event::Ended`].
    /// Unless the outcome is [`ExchangeOutcome::Complete`] the session stays as it was.
    ExchangeEnded {
        /// The call.
        session: SessionId,
        /// The exchange.
        exchange: ExchangeId,
        /// How it ended.
        outcome: ExchangeOutcome,
    },
    /// The call is over; its handle is stale from now on. Comes exactly once for each call.
    Ended {
        /// The call.
        session: SessionId,
        /// Why.
        reason: Box<EndReason>,
    },
    /// A MESSAGE, INFO or other request of a peer that the application has to answer with
    /// [`UserAgent::respond`](crate::UserAgent::respond).
    IncomingRequest {
        /// Name it in the answer.
        incoming: IncomingRequestId,
        /// The call it belongs to, if any.
        session: Option<SessionId>,
        /// The request.
        request: Box<Request>,
    },
    /// A NOTIFY that belongs to no subscription came and was answered 200: only with
    /// `allowLegacyNotifications`.
    LegacyNotification {
        /// The NOTIFY.
        request: Box<Request>,
    },
    /// A server or proxy asks for credentials (RFC 3261 section 22), and the configuration says
    /// [`Authentication::Application`](crate::config::Authentication::Application): answer with
    /// [`UserAgent::authorize`](crate::UserAgent::authorize) within 60 seconds.
    Challenged {
        /// Name it in the answer.
        challenge: ChallengeId,
        /// The request as it was sent: its method, Request-URI and body go into a digest.
        request: Box<Request>,
        /// The 401 or 407 with the challenges, of any scheme.
        response: Box<Response>,
    },
    /// A request of ours outside any call is through.
    RequestCompleted {
        /// Which.
        request: RequestId,
        /// The final response, or why there is none.
        outcome: Result<Box<Response>, Box<EndReason>>,
    },
    /// [`UserAgent::stop`](crate::UserAgent::stop) is through; nothing happens any more until `start`.
    Stopped {
        /// How many things (calls, registrations, requests) were cut short by the grace period.
        unfinished: u32,
    },
}

impl Event {
    /// The call that the event is about, if it is about one.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::IncomingCall { session, .. }
            | Self::Progress { session, .. }
            | Self::DescriptionNeeded { session, .. }
            | Self::RemoteDescription { session, .. }
            | Self::Established { session }
            | Self::ExchangeEnded { session, .. }
            | Self::Ended { session, .. } => Some(*session),
            Self::IncomingRequest { session, .. } => *session,
            _ => None,
        }
    }
}

/// Which half of an offer/answer exchange (RFC 3264).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DescriptionKind {
    /// The first half.
    Offer,
    /// The second half.
    Answer,
}

/// How an offer/answer exchange ended (RFC 3264, RFC 6337).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ExchangeOutcome {
    /// Offer and answer are exchanged, and the message that carried the answer is acknowledged where SIP
    /// acknowledges it: the new session is in force.
    Complete,
    /// A final response of 300 to 699 refused the offer, or an answer is missing.
    Refused(Box<EndReason>),
    /// The offer is withdrawn, because an offer of the peer took its place or met it (491, RFC 3261 section 14.1). The core asks for a
    /// fresh offer later, under a new exchange.
    RolledBack(Box<EndReason>),
    /// The exchange was cut short: no description in time, a CANCEL, a lost connection, the end of the call.
    Aborted(Box<EndReason>),
}

impl ExchangeOutcome {
    /// Why the exchange ended without a new session; `None` if it is complete.
    #[must_use]
    pub fn reason(&self) -> Option<&EndReason> {
        match self {
            Self::Complete => None,
            Self::Refused(reason) | Self::RolledBack(reason) | Self::Aborted(reason) => {
                Some(reason)
            }
        }
    }
}

/// A binding that the registrar holds (RFC 3261 section 10.3).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Registration {
    /// Names the flow that the binding is on (RFC 5626 section 4.2), from 1.
    pub reg_id: u8,
    /// Whether the registrar keeps flows apart (RFC 5626 section 4.2.1); if not, there is only one.
    pub outbound: bool,
    /// How long the binding lasts from now on.
    pub expires: Duration,
    /// When the core will refresh it, on the host's clock.
    pub refresh_at: Timestamp,
    /// All bindings of the address-of-record, as Contact values.
    pub bindings: Vec<Box<str>>,
    /// The proxies that requests for us pass on their way from the registrar (RFC 3327), as Path values.
    pub path: Vec<Box<str>>,
    /// The URI that reaches this agent from anywhere (RFC 5627 section 3.1), if the registrar made one.
    pub gruu: Option<String>,
    /// Whether this is a refresh of a binding that was there before.
    pub refreshed: bool,
}
