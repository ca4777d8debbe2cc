//! What the edge asks of its host, what it tells, and what it counts.

use std::time::Duration;

use bytes::Bytes;
use sip_core::ConnectionId;

/// One thing for the host to carry out, in the order in which they are polled.
#[derive(Debug)]
pub enum EdgeAction {
    /// Send these bytes as one message.
    Transmit {
        /// Where to.
        connection: ConnectionId,
        /// What. Text if valid UTF-8, else binary (RFC 7118 section 5).
        bytes: Bytes,
    },
    /// Close this connection. The edge has forgotten it already: needs no answer.
    Disconnect {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: CutReason,
    },
    /// News for whoever watches.
    Event(EdgeEvent),
}

/// Why the edge wants a connection closed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CutReason {
    /// [`Edge::cut`](crate::Edge::cut) asked for it.
    Requested,
    /// [`Faults::kill_ws_after_answer`](crate::Faults::kill_ws_after_answer) asked for it.
    Fault,
}

/// What happened, as far as somebody who watches the edge cares.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EdgeEvent {
    /// A binding was made or refreshed (RFC 3261 section 10.3).
    Registered {
        /// Whose.
        user: String,
        /// The Contact URI.
        contact: String,
        /// The connection that reaches it.
        connection: ConnectionId,
        /// How long it lasts from now on.
        expires: Duration,
        /// Whether it was there before.
        refreshed: bool,
    },
    /// A binding is gone.
    Unregistered {
        /// Whose.
        user: String,
        /// The Contact URI.
        contact: String,
        /// Why.
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
        /// The From URI of the BYE: who hung up.
        by: String,
    },
    /// A MESSAGE was answered 2xx.
    MessageDelivered {
        /// The From URI.
        from: String,
        /// The To URI.
        to: String,
    },
}

/// Why a binding is gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RemovalReason {
    /// Its user removed it.
    Requested,
    /// Its time ran out.
    Expired,
    /// The connection that reached it is closed (RFC 5626 section 4.2: the flow is the binding).
    ConnectionLost,
}

/// What the edge did so far. All numbers only grow.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counters {
    /// Messages and keep-alives that came in.
    pub received: u64,
    /// Messages and keep-alives that went out.
    pub transmitted: u64,
    /// What came in and was no SIP message.
    pub malformed: u64,
    /// Messages that were dropped on purpose: stray responses, ACKs without a flow, and what the
    /// configured faults swallow.
    pub dropped: u64,
    /// Requests answered 401 or 407.
    pub challenged: u64,
    /// Requests answered with any other failure by the edge itself.
    pub refused: u64,
    /// Bindings made (refreshes not included).
    pub registered: u64,
    /// Bindings refreshed.
    pub refreshed: u64,
    /// Bindings removed by their users.
    pub unregistered: u64,
    /// Bindings that ran out or lost their connection.
    pub bindings_lost: u64,
    /// Copies of requests sent on, one for each branch, ACKs included.
    pub forwarded: u64,
    /// INVITEs outside any dialog that were answered 2xx.
    pub calls_answered: u64,
    /// BYEs answered 2xx.
    pub calls_ended: u64,
    /// MESSAGEs answered 2xx.
    pub messages_delivered: u64,
}
