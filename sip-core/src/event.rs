//! News for the application.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use sip_parse::{HeaderName, Request, Response, StatusCode};

use crate::action::{Body, ConnectionId};
use crate::connection::{ConnectError, DisconnectReason};
use crate::slab::handle_type;
use crate::time::Timestamp;

/// How many Contacts of a redirection are told.
const REDIRECTIONS: usize = 8;

handle_type! {
    /// A call, from the first INVITE to its end.
    SessionId
}

handle_type! {
    /// A request of ours outside any call, from its command to its outcome.
    RequestId
}

handle_type! {
    /// A request of a peer that waits for the application's answer.
    IncomingRequestId
}

handle_type! {
    /// A challenge of a server or proxy that waits for the application's answer.
    ChallengeId
}

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
    /// A provisional response to our INVITE (RFC 3261 section 13.2.2.1), 100 not included.
    Progress {
        /// The call.
        session: SessionId,
        /// The response.
        response: Box<Response>,
    },
    /// The core needs a session description; answer with [`UserAgent::describe`](crate::UserAgent::describe).
    /// An offer may be asked for in a call that is up as well: after a lost connection a re-INVITE
    /// tells the peer where we are now.
    DescriptionNeeded {
        /// The call.
        session: SessionId,
        /// Offer or answer (RFC 3264).
        kind: DescriptionKind,
    },
    /// The peer's session description.
    RemoteDescription {
        /// The call.
        session: SessionId,
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
    /// Our re-INVITE was accepted (RFC 3261 section 14.1); the peer's answer came before this.
    Renegotiated {
        /// The call.
        session: SessionId,
    },
    /// Our re-INVITE failed. The call goes on as it was.
    RenegotiationFailed {
        /// The call.
        session: SessionId,
        /// Why.
        reason: Box<EndReason>,
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

/// Which half of an offer/answer exchange (RFC 3264).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DescriptionKind {
    /// The first half.
    Offer,
    /// The second half.
    Answer,
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

/// Who brought something to its end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Originator {
    /// The application, by a command.
    Local,
    /// The far end, by a SIP message.
    Peer,
    /// The connection, or silence on it.
    Transport,
    /// A named limit.
    Limit,
}

/// Why something ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// It was asked for and done.
    Requested,
    /// BYE.
    Bye,
    /// CANCEL, by whom the originator says.
    Cancelled,
    /// A final response of 300 to 699.
    Refused,
    /// The call was answered elsewhere or the peer ended it after its answer could not be used.
    BadDescription,
    /// No final response in time (RFC 3261 section 17.1: timers B and F), or no connection for as long.
    Timeout,
    /// Nobody answered within `noAnswerTimeout`, or within the Expires of the INVITE.
    NoAnswer,
    /// No ACK for our 2xx (RFC 3261 section 13.3.1.4) or for our refusal (timer H).
    NoAck,
    /// No connection, or it broke.
    ConnectionLost,
    /// There was no connection for as long as the BYE could wait, 64 T1: the peer has not been told.
    NeverSent,
    /// It would have gone to a SIPS URI over a connection without TLS (RFC 3261 section 26.2.2).
    Insecure,
    /// The peer does not know the dialog (481, 408; RFC 5057).
    DialogGone,
    /// The credentials were refused, or there are none.
    Authentication,
    /// A 2xx that names no usable binding, or a dialog-forming response without Contact.
    Malformed,
    /// The binding lapsed before it could be refreshed.
    Expired,
    /// A limit of [`Limits`](crate::Limits).
    LimitReached,
    /// The user agent was stopped.
    Stopped,
}

/// Why something ended, and who ended it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndReason {
    /// Who.
    pub originator: Originator,
    /// Why.
    pub cause: Cause,
    /// The final response, where there was one.
    pub status: Option<StatusCode>,
    /// The value of the peer's Reason header field (RFC 3326), or its reason phrase.
    pub text: Option<Box<str>>,
    /// Where a 3xx says to ask instead (RFC 3261 section 8.1.3.4), as Contact values, at most 8. None is
    /// followed by itself: a redirected call would reach somebody else, a redirected registration would
    /// tell another server where we are.
    pub contacts: Vec<Box<str>>,
}

impl EndReason {
    pub(crate) const fn new(originator: Originator, cause: Cause) -> Self {
        Self {
            originator,
            cause,
            status: None,
            text: None,
            contacts: Vec::new(),
        }
    }

    pub(crate) const fn local(cause: Cause) -> Self {
        Self::new(Originator::Local, cause)
    }

    pub(crate) const fn transport(cause: Cause) -> Self {
        Self::new(Originator::Transport, cause)
    }

    pub(crate) fn refused(response: &Response, cause: Cause) -> Self {
        let redirects = (300..400).contains(&response.status().as_u16());
        let contacts =
            response
                .values(HeaderName::Contact)
                .take(if redirects { REDIRECTIONS } else { 0 });
        Self {
            contacts: contacts.map(on_one_line).collect(),
            originator: Originator::Peer,
            cause,
            status: Some(response.status()),
            text: Some(alloc::string::String::from_utf8_lossy(response.reason()).into()),
        }
    }
}

/// The value of a header field as text, without its folds.
pub(crate) fn on_one_line(value: &[u8]) -> Box<str> {
    let mut text = String::from_utf8_lossy(value).into_owned();
    text.retain(|character| !matches!(character, '\r' | '\n'));
    text.into()
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.originator {
            Originator::Local => "this side",
            Originator::Peer => "the peer",
            Originator::Transport => "the network",
            Originator::Limit => "a limit",
        };
        let why = match self.cause {
            Cause::Requested => "as asked",
            Cause::Bye => "hung up",
            Cause::Cancelled => "cancelled",
            Cause::Refused => "refused",
            Cause::BadDescription => "no usable session description",
            Cause::Timeout => "no answer in time",
            Cause::NoAnswer => "nobody answered",
            Cause::NoAck => "no ACK",
            Cause::ConnectionLost => "no connection",
            Cause::NeverSent => "no connection to say so on",
            Cause::DialogGone => "the dialog is unknown there",
            Cause::Authentication => "credentials refused or missing",
            Cause::Malformed => "unusable response",
            Cause::Expired => "expired",
            Cause::Insecure => "no TLS for a SIPS URI",
            Cause::LimitReached => "limit reached",
            Cause::Stopped => "stopped",
        };
        write!(f, "{why}, by {who}")?;
        if let Some(status) = self.status {
            write!(f, ": {}", status.as_u16())?;
        }
        match &self.text {
            Some(text) => write!(f, " {text}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndReason({self})")
    }
}
