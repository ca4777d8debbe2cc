//! Actions of the edge, its events, and its counters.

use std::time::Duration;

use bytes::Bytes;
use sip_core::ConnectionId;

/// An action for the host. The host carries them out in the order in which it polls them.
#[derive(Debug)]
pub enum EdgeAction {
    /// Send these bytes as one message.
    Transmit {
        /// The destination.
        connection: ConnectionId,
        /// The message: text if it is valid UTF-8, else binary (RFC 7118 section 5).
        bytes: Bytes,
    },
    /// Close this connection. The edge has removed it already and expects no report.
    Disconnect {
        /// The connection.
        connection: ConnectionId,
        /// The reason.
        reason: CutReason,
    },
    /// An event for an observer.
    Event(EdgeEvent),
}

/// Why the edge closes a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CutReason {
    /// A call of [`Edge::cut`](crate::Edge::cut).
    Requested,
    /// The fault [`Faults::kill_ws_after_answer`](crate::Faults::kill_ws_after_answer).
    Fault,
}

/// An event for an observer of the edge.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EdgeEvent {
    /// A binding was made or refreshed (RFC 3261 section 10.3).
    Registered {
        /// The user.
        user: String,
        /// The Contact URI.
        contact: String,
        /// The connection that reaches it.
        connection: ConnectionId,
        /// How long it lasts from now on.
        expires: Duration,
        /// Whether it existed before.
        refreshed: bool,
    },
    /// A binding was removed.
    Unregistered {
        /// The user.
        user: String,
        /// The Contact URI.
        contact: String,
        /// The reason.
        reason: RemovalReason,
    },
    /// The first 2xx to an INVITE outside any dialog was forwarded.
    CallAnswered {
        /// The From URI.
        from: String,
        /// The To URI.
        to: String,
    },
    /// A BYE was answered 2xx.
    CallEnded {
        /// The From URI of the BYE: the side that hung up.
        by: String,
    },
    /// A MESSAGE was answered 2xx.
    MessageDelivered {
        /// The From URI.
        from: String,
        /// The To URI.
        to: String,
    },
    /// A MESSAGE to a user that is registered nowhere is stored, and was answered 202.
    MessageStored {
        /// The From URI.
        from: String,
        /// The To URI.
        to: String,
    },
    /// A user has subscribed to the state of another one, or of its own (RFC 6665 section 4.2.1). Refreshes are left out.
    Subscribed {
        /// The user that watches.
        subscriber: String,
        /// The user that is watched.
        user: String,
        /// What of it is watched.
        package: EventPackage,
    },
    /// A subscription is over.
    Unsubscribed {
        /// The user that has watched.
        subscriber: String,
        /// The user that was watched.
        user: String,
        /// What of it was watched.
        package: EventPackage,
    },
    /// A user has published, refreshed, modified or removed its presence (RFC 3903), or a publication has expired.
    Published {
        /// The user.
        user: String,
        /// The number of its publications now.
        publications: usize,
    },
}

/// The event packages that the edge serves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventPackage {
    /// Whether a user can be reached, and what it has published (RFC 3856, RFC 3863). Every user may watch it.
    Presence,
    /// The messages that wait for a user (RFC 3842), which only the user itself may watch.
    MessageSummary,
    /// The bindings of a user (RFC 3680), which only the user itself may watch.
    Reg,
}

impl EventPackage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Presence, Self::MessageSummary, Self::Reg];

    /// The name in Event (RFC 6665 section 8.2.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::MessageSummary => "message-summary",
            Self::Reg => "reg",
        }
    }

    /// The media type of its documents.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Presence => "application/pidf+xml",
            Self::MessageSummary => "application/simple-message-summary",
            Self::Reg => "application/reginfo+xml",
        }
    }

    /// The package of this name, which compares with case (RFC 6665 section 8.2.1).
    pub(crate) fn read(name: &[u8]) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|package| package.as_str().as_bytes() == name)
    }
}

/// Why a binding was removed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RemovalReason {
    /// Its user removed it.
    Requested,
    /// It has expired.
    Expired,
    /// The connection that reached it is closed (RFC 5626 section 4.2: the flow is the binding).
    ConnectionLost,
}

/// Counters of the edge. They only grow.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Messages and keep-alives received.
    pub received: u64,
    /// Messages and keep-alives sent.
    pub transmitted: u64,
    /// Inputs that are not SIP messages.
    pub malformed: u64,
    /// Messages that the edge dropped on purpose: stray responses, ACKs without a flow, and victims of the
    /// configured faults.
    pub dropped: u64,
    /// Requests answered 401 or 407.
    pub challenged: u64,
    /// Requests that the edge itself answered with any other failure.
    pub refused: u64,
    /// Bindings made (refreshes not included).
    pub registered: u64,
    /// Bindings refreshed.
    pub refreshed: u64,
    /// Bindings removed by their users.
    pub unregistered: u64,
    /// Bindings that have expired or lost their connection.
    pub bindings_lost: u64,
    /// Copies of requests that the edge forwarded, one for each branch, ACKs included.
    pub forwarded: u64,
    /// INVITEs outside any dialog that were answered 2xx.
    pub calls_answered: u64,
    /// BYEs answered 2xx.
    pub calls_ended: u64,
    /// MESSAGEs that their user answered 2xx.
    pub messages_delivered: u64,
    /// MESSAGEs that were stored for their user.
    pub messages_stored: u64,
    /// Subscriptions that the edge accepted (refreshes not included).
    pub subscribed: u64,
    /// Subscriptions that ended.
    pub unsubscribed: u64,
    /// PUBLISHes answered 200.
    pub published: u64,
    /// States that the edge reported to subscribers.
    pub notified: u64,
}
