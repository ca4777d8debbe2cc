//! The limits of everything that a peer can make grow.

/// The limits of one user agent or transaction layer.
///
/// Each is checked before an allocation. Exceeding one is a typed error or an answer to the peer, and
/// increments a counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Of one message: bytes, header fields, folds, parameters.
    pub message: sip_parse::Limits,
    /// Client transactions at a time; a command that needs one more returns an error.
    pub client_transactions: usize,
    /// Server transactions at a time; one more request is answered 503 without state.
    pub server_transactions: usize,
    /// Calls at a time; one more incoming call is answered 486, one more outgoing call is an error.
    pub sessions: usize,
    /// Early dialogs of one forked INVITE. Responses of further ones are ignored; a further 2xx is
    /// acknowledged and its dialog ended by BYE.
    pub forks: usize,
    /// Requests outside calls that wait for an outcome.
    pub requests: usize,
    /// Requests of peers that wait for the application's answer; one more is answered 503.
    pub incoming: usize,
    /// Actions that wait to be polled. At the limit inputs and commands return
    /// [`Backpressure`](crate::Backpressure) and change nothing.
    pub actions: usize,
    /// Due timers that one tick fires; the next deadline stays due when there are more.
    pub fired_per_tick: usize,
    /// Route header fields in a dialog's route set.
    pub routes: usize,
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
        }
    }
}
