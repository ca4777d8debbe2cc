//! The limits of everything that a peer can make grow.
//!
//! Every collection of the core, and its bound:
//!
//! | collection                                    | bound in number                             | bound in bytes |
//! |-----------------------------------------------|---------------------------------------------|----------------|
//! | client transactions, their branches           | `client_transactions`, and a quarter for BYE | `message` for each; their messages are our own |
//! | CANCEL transactions                           | one for each INVITE client transaction      | as above |
//! | server transactions                           | `server_transactions`, and a quarter for BYE and CANCEL | `server_transaction_bytes` on average |
//! | index and merge index of server transactions  | one entry for each server transaction       | keys of 16 bytes |
//! | timers of transactions                        | three for each transaction                  | fixed |
//! | unread bytes of streams                       | one chunk of the host for each connection, besides an incomplete message | `message`, and the chunk |
//! | outputs of a layer alone                      | `actions`, twice for responses and ticks    | `action_bytes` on average |
//! | outputs within an endpoint                    | those of one message or one tick            | that message |
//! | actions                                       | `actions`, twice for responses and ticks, and the consequences of one input beyond | `action_bytes` on average |
//! | calls                                         | `sessions`                                  | `message` for each |
//! | dialogs                                       | `forks` for each call                       | `routes`, `message` |
//! | early dialogs of a call, their answers        | `forks` for each call                       | `message` for each |
//! | targets of redirections                       | `InviteOptions::redirects` for each call    | `message` |
//! | provisional responses that wait for a PRACK    | `provisionals` for each call                | the application's own |
//! | calls that ended before a PRACK               | `late_pracks`                               | `message` for each Call-ID |
//! | requests of the application                   | `requests`                                  | the application's own |
//! | REFERs of this side, and those of peers       | `refers` each, `refers_per_call` of one call | `message` for each of peers |
//! | subscriptions of this side                    | `subscriptions`                             | the application's own; `message` for each dialog, and the tags of `forks` notifiers |
//! | subscriptions of peers                        | `incoming_subscriptions`                    | `message` for each, and the state that the application reports |
//! | subscriptions of peers in one dialog          | `incoming_subscriptions_per_dialog`         | as above |
//! | publications                                  | `publications`                              | the application's own; `message` for each entity tag |
//! | info packages of the peer of a call           | `info_packages` for each call               | `message` |
//! | requests of peers that wait                   | `incoming`                                  | held by their server transactions |
//! | challenges that wait                          | `challenges`                                | `challenge_bytes` on average |
//! | timers of an agent                            | five for each call; three for each subscription; one for each request, REFER, publication, challenge, flow and stop | fixed |
//! | bindings, flows                               | `outboundFlows`, at most four               | Service-Route: `routes`, `message` |
//! | connections                                   | the host's: each follows from an `Action::Connect` that it polled, or its own `accept` | fixed |
//!
//! Connection inputs (opened, failed, closed) are not refused, because the host cannot take them back. Each needs a polled
//! action, and the loss of a connection emits at most what these tables hold.

use core::fmt;
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
    /// How long a received INVITE may go without a response of its transaction user. The transaction layer answers 408 in
    /// its place then, because the INVITE would otherwise hold its entry for ever. Each provisional response starts the
    /// time anew; [`Duration::MAX`] switches this off. A user agent does not need it, because each call has deadlines
    /// of its own.
    pub invite_lifetime: Duration,
    /// Calls at a time, in both directions; the core answers one more incoming call with 486 and returns an error
    /// for one more outgoing call.
    pub sessions: usize,
    /// Calls of peers at a time; the core answers one more with 486. The rest of `sessions` is reserved for calls of
    /// this side, because peers could otherwise keep it from calling by INVITEs that the application does not answer.
    pub incoming_sessions: usize,
    /// Branches of one forked INVITE. As early dialogs: the core ignores provisional responses of further ones. As
    /// branches that answer although the call does not use them: the core acknowledges each 2xx and ends this many
    /// branches by BYE; further ones get the ACK alone, because a peer can invent To tags without end.
    pub forks: usize,
    /// BYEs without a response that end such branches, of all calls together. The core acknowledges the 2xx of a
    /// further branch alone, and sends the BYE if the 2xx is repeated when there is room again.
    pub branch_byes: usize,
    /// Provisional responses of one call that wait until the caller acknowledges the one before; a command that needs one more
    /// returns an error.
    pub provisionals: usize,
    /// Reliable provisional responses whose call ended before their PRACK, which the core still answers by 200 for 64 T1
    /// (RFC 3262 section 3); beyond it the oldest goes, and its PRACK gets 481.
    pub late_pracks: usize,
    /// Requests outside calls that have no outcome yet; a command that needs one more returns an error.
    pub requests: usize,
    /// REFERs of this side, and as many of peers, whose outcome is not yet known or reported (RFC 3515). A command that needs
    /// one more returns an error; the core answers one more of a peer with 503.
    pub refers: usize,
    /// The part of `refers` that one call may have, in each direction.
    pub refers_per_call: usize,
    /// Subscriptions of this side (RFC 6665); a command that needs one more returns an error, and the core refuses the NOTIFY of
    /// one more branch of a fork by 481.
    pub subscriptions: usize,
    /// Subscriptions of peers (RFC 6665); the core answers one more with 503.
    pub incoming_subscriptions: usize,
    /// The part of `incoming_subscriptions` that one dialog may have, as that of a call; the core answers one more with 503.
    pub incoming_subscriptions_per_dialog: usize,
    /// Publications of this side (RFC 3903); a command that needs one more returns an error.
    pub publications: usize,
    /// Info packages of the peer that a call keeps (RFC 6086); the core ignores further ones, as if the peer did not take them.
    pub info_packages: usize,
    /// Requests of peers that wait for the application's answer; the core answers one more with 503.
    pub incoming: usize,
    /// Bytes of messages that a server transaction keeps on average: the request until the final response, and the last
    /// response. If all of them together would need more, the core answers one more request with 503, without state.
    pub server_transaction_bytes: usize,
    /// Actions that wait for the host's poll; for a transaction layer alone, outputs. At the limit, commands and requests
    /// of peers return [`Backpressure`] and change nothing; responses have twice the room, because they free state. At
    /// twice the limit nothing is due until the host polls.
    pub actions: usize,
    /// Bytes of messages in an action or output on average. If all of them together need more, the queue is full.
    pub action_bytes: usize,
    /// Challenges that wait for the application's answer; one more makes its response final.
    pub challenges: usize,
    /// Bytes of messages that a waiting challenge keeps on average. If all of them together would need more, one more
    /// challenge makes its response final.
    pub challenge_bytes: usize,
    /// Due timers that one tick fires; with more, the next deadline stays due.
    pub fired_per_tick: usize,
    /// Route header fields in the route set of a dialog.
    pub routes: usize,
    /// Protection spaces whose challenge is remembered; beyond it the oldest goes.
    pub protection_spaces: usize,
    /// Bytes of challenges in all remembered protection spaces; beyond it the oldest goes.
    pub protection_space_bytes: usize,
    /// Bytes of credentials in one request; the core answers no challenge that needs more.
    pub credential_bytes: usize,
    /// The earliest refresh of a binding, however short the registrar's grant, so that a registrar cannot cause a flood
    /// of REGISTERs.
    pub shortest_refresh: Duration,
}

/// Which of [`Limits`] a command or a dialog would exceed. `Display` is the name of its field in words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LimitKind {
    /// [`Limits::client_transactions`].
    ClientTransactions,
    /// [`Limits::sessions`].
    Sessions,
    /// [`Limits::requests`].
    Requests,
    /// [`Limits::provisionals`].
    Provisionals,
    /// [`Limits::refers`].
    Refers,
    /// [`Limits::subscriptions`].
    Subscriptions,
    /// [`Limits::publications`].
    Publications,
    /// [`Limits::forks`].
    Forks,
    /// [`Limits::routes`].
    Routes,
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientTransactions => "client transactions",
            Self::Sessions => "sessions",
            Self::Requests => "requests",
            Self::Provisionals => "provisionals",
            Self::Refers => "refers",
            Self::Subscriptions => "subscriptions",
            Self::Publications => "publications",
            Self::Forks => "forks",
            Self::Routes => "routes",
        })
    }
}

/// The queue of actions is full: the host has to poll them first. The core is unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backpressure;

impl fmt::Display for Backpressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue of actions is full: poll the actions before the next input")
    }
}

impl core::error::Error for Backpressure {}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: sip_parse::Limits::default(),
            client_transactions: 1_024,
            server_transactions: 1_024,
            invite_lifetime: Duration::from_secs(300),
            sessions: 160,
            incoming_sessions: 128,
            forks: 16,
            branch_byes: 128,
            provisionals: 16,
            late_pracks: 64,
            requests: 256,
            refers: 64,
            refers_per_call: 4,
            subscriptions: 128,
            incoming_subscriptions: 256,
            incoming_subscriptions_per_dialog: 4,
            publications: 32,
            info_packages: 32,
            incoming: 256,
            server_transaction_bytes: 8 << 10,
            actions: 1_024,
            action_bytes: 8 << 10,
            challenges: 64,
            challenge_bytes: 16 << 10,
            fired_per_tick: 64,
            routes: 32,
            protection_spaces: 16,
            protection_space_bytes: 16_384,
            credential_bytes: 4_096,
            shortest_refresh: Duration::from_secs(1),
        }
    }
}
