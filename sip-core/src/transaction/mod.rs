//! Transactions (RFC 3261 section 17): the four machines and the [`TransactionLayer`] that owns them.
//!
//! The layer is public and usable alone: a proxy, a back-to-back user agent or a load generator stands
//! on it without [`UserAgent`](crate::UserAgent). Bytes and ticks go in, [`Output`]s come out.

mod client;
mod entry;
#[cfg(test)]
#[path = "../../exploration/transaction/mod.rs"]
mod exploration;
mod forwarding;
mod invite_client;
mod invite_server;
mod layer;
mod machine;
mod matching;
mod non_invite_client;
mod non_invite_server;
mod outbox;
mod server;
mod settings;
#[cfg(test)]
mod tables;

use alloc::boxed::Box;
use alloc::string::String;

use bytes::Bytes;
use sip_parse::{BuildError, ParseError, Request, Response};

pub use forwarding::forwards_left;
pub use layer::TransactionLayer;
pub(crate) use matching::MAGIC_COOKIE;
pub use outbox::{Outbox, Outputs};
pub use settings::{TimerError, TimerSettings};

use crate::ids::ConnectionId;
use crate::limits::Limits;
use crate::slab::handle_type;

handle_type! {
    /// A client transaction: a request that was sent, until it is over.
    ClientTransactionId
}

handle_type! {
    /// A server transaction: a request that came, until it is over.
    ServerTransactionId
}

/// How a [`TransactionLayer`] behaves.
#[derive(Clone, Debug)]
pub struct TransactionSettings {
    /// The timers of RFC 3261 table 4.
    pub timers: TimerSettings,
    /// Message sizes and how many transactions there may be.
    pub limits: Limits,
    /// Our `sent-by` in Via: a host with an optional port (RFC 3261 section 18.1.1), or a random
    /// `.invalid` name for a WebSocket client (RFC 7118 appendix B.1).
    pub sent_by: String,
    /// A transport token for Via in place of the connection's own (SIP.js `hackViaTcp`).
    pub via_transport: Option<&'static str>,
    /// Whether Via asks for `rport` on every transport; on UDP it always does (RFC 3581 section 3).
    pub rport: bool,
    /// Whether requests of others are sent on, as a proxy does, so that responses come with more Via
    /// values than ours; a user agent drops such responses (RFC 3261 section 8.1.3.3).
    pub forwards: bool,
}

/// What a [`TransactionLayer`] has to say; polled in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output<U> {
    /// Send these bytes.
    Transmit {
        /// Where to.
        connection: ConnectionId,
        /// What.
        bytes: Bytes,
    },
    /// A request that is no retransmission. Answer with [`TransactionLayer::respond`].
    Request {
        /// Its transaction.
        transaction: ServerTransactionId,
        /// Where it came from.
        connection: ConnectionId,
        /// The request, checked as RFC 3261 asks of every receiver.
        request: Box<Request>,
        /// For CANCEL: the INVITE transaction it is meant for (RFC 3261 section 9.2), if there is one.
        cancels: Option<ServerTransactionId>,
        /// Whether it came by another path before (RFC 3261 section 8.2.2.2: 482).
        merged: bool,
    },
    /// An ACK to a 2xx, or one that matches nothing.
    Ack {
        /// Where it came from.
        connection: ConnectionId,
        /// The ACK.
        request: Box<Request>,
    },
    /// A response: each provisional one, the final one, and further 2xx to an INVITE.
    Response {
        /// The transaction; stale if this response ended it.
        transaction: ClientTransactionId,
        /// What was given with the request.
        user: U,
        /// Where it came from.
        connection: ConnectionId,
        /// The response.
        response: Box<Response>,
        /// The request as it was sent.
        request: Bytes,
    },
    /// A 2xx to an INVITE that matches no transaction (RFC 6026 section 7.2: the user decides).
    StrayResponse {
        /// Where it came from.
        connection: ConnectionId,
        /// The response.
        response: Box<Response>,
    },
    /// A client transaction ended without a final response (RFC 3261 section 8.1.3.1).
    Failed {
        /// The transaction, stale by now.
        transaction: ClientTransactionId,
        /// What was given with the request.
        user: U,
        /// Why.
        error: TransactionError,
        /// The request as it was sent.
        request: Bytes,
    },
    /// A server transaction could not do its work.
    ServerFailed {
        /// The transaction.
        transaction: ServerTransactionId,
        /// Why: no ACK in time, or the connection is gone.
        error: TransactionError,
    },
    /// A CRLF keep-alive came (RFC 5626 section 4.4.1); a ping has been answered already.
    KeepAlive {
        /// Where it came from.
        connection: ConnectionId,
        /// A pong, or else a ping.
        pong: bool,
    },
    /// Bytes that are no acceptable message.
    Malformed {
        /// Where they came from.
        connection: ConnectionId,
        /// What is wrong, and where.
        error: ParseError,
        /// Whether it was a request that has been answered; else it was dropped.
        answered: bool,
        /// Whether the stream cannot be read any further, so that the connection must be closed.
        fatal: bool,
    },
    /// A message was dropped for a reason other than its syntax.
    Ignored {
        /// Where it came from.
        connection: ConnectionId,
        /// Why.
        why: &'static str,
    },
}

/// Why a transaction failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TransactionError {
    /// Timer B, F or H ran out.
    Timeout,
    /// The connection is gone.
    ConnectionLost,
}

/// Why a message could not be sent. Nothing was sent and nothing changed.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is unknown, not open yet or closed.
    #[error("not connected")]
    NotConnected,
    /// The Request-URI is a SIPS URI and the connection has no TLS (RFC 3261 section 26.2.2): of a user
    /// agent alone, which never falls back to less than was asked for.
    #[error("a SIPS URI needs a connection with TLS")]
    Insecure,
    /// The transaction is over, or cannot do this (a second final response, CANCEL of no INVITE).
    #[error("the transaction is over")]
    Stale,
    /// [`Limits::client_transactions`] is reached.
    #[error("too many client transactions")]
    TooManyTransactions,
    /// The message exceeds [`Limits::message`], so that its answer could not be told from others.
    #[error("the message exceeds a limit: {0}")]
    TooLarge(#[source] ParseError),
    /// What RFC 4320 or the kind of message forbids, and why.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The message cannot be written.
    #[error("cannot write the message: {0}")]
    Build(#[from] BuildError),
}
