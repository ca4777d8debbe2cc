//! The counters of the edge.

/// Counters of the edge. They only grow.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
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
    /// Connections accepted.
    pub connections_opened: u64,
    /// Connections closed, by either side.
    pub connections_closed: u64,
    /// Requests answered 401 or 407.
    pub challenged: u64,
    /// Requests with credentials that are wrong; part of `challenged`.
    pub wrong_credentials: u64,
    /// Requests that the edge itself answered with any other failure.
    pub refused: u64,
    /// Bindings made (refreshes not included).
    pub registered: u64,
    /// Bindings refreshed.
    pub refreshed: u64,
    /// REGISTERs refused: wrong credentials, another user, a malformed request.
    pub registrations_refused: u64,
    /// Bindings removed by their users.
    pub unregistered: u64,
    /// Bindings that have expired or lost their connection.
    pub bindings_lost: u64,
    /// Copies of requests that the edge forwarded, one for each branch, ACKs included.
    pub forwarded: u64,
    /// INVITEs outside any dialog, challenged ones not included.
    pub calls_started: u64,
    /// INVITEs outside any dialog that were answered 2xx.
    pub calls_answered: u64,
    /// INVITEs outside any dialog that got another final response than 2xx and 487.
    pub calls_refused: u64,
    /// INVITEs outside any dialog that their caller cancelled, or whose caller lost its connection.
    pub calls_cancelled: u64,
    /// BYEs answered 2xx.
    pub calls_ended: u64,
    /// Calls whose two connections were lost without a BYE.
    pub calls_lost: u64,
    /// MESSAGEs that their user answered 2xx.
    pub messages_delivered: u64,
    /// MESSAGEs that were stored for their user.
    pub messages_stored: u64,
    /// MESSAGEs that were refused or got no response.
    pub messages_failed: u64,
    /// Subscriptions that the edge accepted (refreshes not included).
    pub subscribed: u64,
    /// Subscriptions that ended.
    pub unsubscribed: u64,
    /// PUBLISHes answered 200.
    pub published: u64,
    /// States that the edge reported to subscribers.
    pub notified: u64,
}

/// The sizes of the tables of the edge now.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Gauges {
    /// Open connections.
    pub connections: usize,
    /// Bindings of all users.
    pub bindings: usize,
    /// Calls that were answered and have not ended.
    pub calls: usize,
    /// Requests that wait for their final response.
    pub forwarded_requests: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Server transactions.
    pub server_transactions: usize,
}
