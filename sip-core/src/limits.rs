//! The limits of everything that a peer can make grow.

use core::time::Duration;

/// The limits of one user agent or transaction layer.
///
/// The core checks each limit before it allocates. Beyond a limit it returns a typed error or answers the
/// peer, and increments a counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The limits of one message: bytes, header fields, folds, parameters.
    pub message: sip_parse::Limits,
    /// Client transactions at a time; a command that needs one more returns an error.
    pub client_transactions: usize,
    /// Server transactions at a time; the core answers one more request with 503, without state.
    pub server_transactions: usize,
    /// Calls at a time; the core answers one more incoming call with 486 and returns an error for one more
    /// outgoing call.
    pub sessions: usize,
    /// Early dialogs of one forked INVITE. The core ignores provisional responses of further ones, and
    /// acknowledges and ends (by BYE) their 2xx.
    pub forks: usize,
    /// Requests outside calls that have no outcome yet; a command that needs one more returns an error.
    pub requests: usize,
    /// Requests of peers that wait for the application's answer; the core answers one more with 503.
    pub incoming: usize,
    /// Actions that wait for the host's poll. At the limit, inputs and commands return
    /// [`Backpressure`](crate::Backpressure) and change nothing.
    pub actions: usize,
    /// Due timers that one tick fires; with more, the next deadline stays due.
    pub fired_per_tick: usize,
    /// Route header fields in the route set of a dialog.
    pub routes: usize,
    /// The earliest refresh of a binding, however short the registrar's grant, so that a registrar cannot cause a flood
    /// of REGISTERs.
    pub shortest_refresh: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: sip_parse::Limits::default(),
            client_transactions: 1_024,
            server_transactions: 1_024,
            sessions: 128,
            forks: 16,
            requests: 256,
            incoming: 256,
            actions: 1_024,
            fired_per_tick: 64,
            routes: 32,
            shortest_refresh: Duration::from_secs(1),
        }
    }
}
