//! Transactions (RFC 3261 section 17): the four machines and the [`TransactionLayer`] that owns them.
//!
//! The layer is public and usable alone: a proxy, a back-to-back user agent or a load generator stands
//! on it without [`UserAgent`](crate::UserAgent). Bytes and ticks go in, [`Output`]s come out.

mod branch;
mod client;
mod entry;
#[cfg(test)]
#[path = "../../exploration/transaction/mod.rs"]
pub(crate) mod exploration;
mod forwarding;
mod invite_client;
mod invite_server;
mod layer;
mod machine;
mod matching;
mod non_invite_client;
mod non_invite_server;
mod outbox;
mod route;
mod server;
mod settings;
#[cfg(test)]
mod tables;
mod timer_c;

use alloc::boxed::Box;
use alloc::string::String;

use bytes::Bytes;
use sip_parse::{BuildError, ParseError, Request, Response};

pub use branch::{Branch, BranchError};
pub use forwarding::forwards_left;
pub use layer::TransactionLayer;
pub(crate) use matching::MAGIC_COOKIE;
pub use outbox::{Outbox, Outputs};
pub(crate) use outbox::{QueueBounds, push_exact};
pub use route::RequestRoute;
pub use settings::{TimerError, TimerName, TimerSettings};
pub use timer_c::TimerC;

use crate::ids::ConnectionId;
use crate::limits::Limits;
use crate::slab::handle_type;

handle_type! {
    /// A client transaction: a sent request, until the transaction ends.
    ClientTransactionId
}

handle_type! {
    /// A server transaction: a received request, until the transaction ends.
    ServerTransactionId
}

/// The settings of a [`TransactionLayer`].
#[derive(Clone, Debug)]
pub struct TransactionSettings {
    /// The timers of RFC 3261 table 4.
    pub timers: TimerSettings,
    /// Message sizes and how many transactions there may be.
    pub limits: Limits,
    /// The `sent-by` in Via: a host with an optional port (RFC 3261 section 18.1.1), or a random `.invalid`
    /// name for a WebSocket client (RFC 7118 appendix B.1).
    pub sent_by: String,
    /// A transport token for Via in place of the connection's own (SIP.js `hackViaTcp`).
    pub via_transport: Option<&'static str>,
    /// Whether Via has `rport` on every transport; on UDP it always has (RFC 3581 section 3).
    pub rport: bool,
    /// Whether the element forwards requests, as a proxy does, so that responses have more than one Via
    /// value; a user agent drops such responses (RFC 3261 section 8.1.3.3). It also decides which header fields a request
    /// must have in readable form: those of [`Role::Proxy`](sip_parse::Role) or of `Role::UserAgent`.
    pub forwards: bool,
}

/// An output of a [`TransactionLayer`], to be polled in order.
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
    /// A request that is not a retransmission. Answer with [`TransactionLayer::respond`].
    Request {
        /// Its transaction.
        transaction: ServerTransactionId,
        /// The connection that it arrived on.
        connection: ConnectionId,
        /// The request, after the checks that RFC 3261 requires of every receiver.
        request: Request,
        /// For CANCEL: the INVITE transaction that it cancels (RFC 3261 section 9.2), if it exists.
        cancels: Option<ServerTransactionId>,
        /// Whether the same request arrived by another path before (RFC 3261 section 8.2.2.2: 482).
        merged: bool,
    },
    /// An ACK to a 2xx, or one without a transaction.
    Ack {
        /// The connection that it arrived on.
        connection: ConnectionId,
        /// The ACK.
        request: Request,
    },
    /// A response: each provisional one, the final one, and further 2xx to an INVITE.
    Response {
        /// The transaction; stale if this response ended it.
        transaction: ClientTransactionId,
        /// The value that the caller passed with the request.
        user: U,
        /// The connection that it arrived on.
        connection: ConnectionId,
        /// The response.
        response: Box<Response>,
        /// The request as it was sent.
        request: Bytes,
    },
    /// A response without a transaction: a 2xx to an INVITE (RFC 6026 section 7.2: the transaction user decides), or one to
    /// a request that was forwarded without state ([`TransactionLayer::send_stateless`]).
    StrayResponse {
        /// The connection that it arrived on.
        connection: ConnectionId,
        /// The response.
        response: Box<Response>,
    },
    /// A client transaction ended without a final response (RFC 3261 section 8.1.3.1).
    Failed {
        /// The transaction, stale by now.
        transaction: ClientTransactionId,
        /// The value that the caller passed with the request.
        user: U,
        /// Why.
        error: TransactionError,
        /// The request as it was sent.
        request: Bytes,
    },
    /// A server transaction failed.
    ServerFailed {
        /// The transaction.
        transaction: ServerTransactionId,
        /// Why: no ACK in time, or the connection is gone.
        error: TransactionError,
    },
    /// The caller has sent no response to an INVITE for
    /// [`Limits::invite_lifetime`](crate::Limits::invite_lifetime). The layer has answered 408, if the connection of the
    /// INVITE is open.
    Unanswered {
        /// The transaction; its user is not asked again.
        transaction: ServerTransactionId,
    },
    /// A CRLF keep-alive arrived (RFC 5626 section 4.4.1); the layer has answered a ping.
    KeepAlive {
        /// The connection that it arrived on.
        connection: ConnectionId,
        /// True for a pong, false for a ping.
        pong: bool,
    },
    /// Bytes that are not a valid message.
    Malformed {
        /// The connection that they arrived on.
        connection: ConnectionId,
        /// What is wrong, and where.
        error: ParseError,
        /// True if the layer answered a malformed request; false if it dropped the bytes.
        answered: bool,
        /// Whether the caller must close the connection, because the rest of the stream is unreadable.
        fatal: bool,
    },
    /// A message was dropped for a reason other than its syntax.
    Ignored {
        /// The connection that it arrived on.
        connection: ConnectionId,
        /// Why.
        why: &'static str,
    },
}

impl<U> Output<U> {
    /// The bytes of the messages in it.
    pub(crate) fn message_bytes(&self) -> usize {
        match self {
            Self::Transmit { bytes, .. } => bytes.len(),
            Self::Request { request, .. } | Self::Ack { request, .. } => request.bytes().len(),
            Self::Response {
                response, request, ..
            } => response.bytes().len() + request.len(),
            Self::StrayResponse { response, .. } => response.bytes().len(),
            Self::Failed { request, .. } => request.len(),
            Self::ServerFailed { .. }
            | Self::Unanswered { .. }
            | Self::KeepAlive { .. }
            | Self::Malformed { .. }
            | Self::Ignored { .. } => 0,
        }
    }
}

/// Why a transaction failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum TransactionError {
    /// Timer B, F or H ran out.
    #[error("the transaction timed out")]
    Timeout,
    /// The connection closed.
    #[error("the transaction ended with its connection")]
    ConnectionLost,
}

/// A rule that a message breaks, so that it is not sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendRule {
    /// Another client transaction has the chosen branch (RFC 3261 section 8.1.1.7).
    #[error("a transaction has this branch")]
    BranchInUse,
    /// The sent-by of a Via is a host with an optional port (RFC 3261 section 20.42).
    #[error("not a host with an optional port")]
    SentBy,
    /// Only a response answers a request.
    #[error("only a response answers a request")]
    Response,
    /// A request other than INVITE gets no provisional response but 100 (RFC 4320 section 4.1).
    #[error("RFC 4320: no provisional response but 100 to a non-INVITE")]
    Provisional,
    /// A request other than INVITE gets no 408 (RFC 4320 section 4.2).
    #[error("RFC 4320: no 408 to a non-INVITE")]
    RequestTimeout,
    /// The proxy cannot read where the request goes next (RFC 3261 section 16.4).
    #[error("the request cannot be routed")]
    Route,
    /// Max-Forwards is used up (RFC 3261 section 16.3).
    #[error("no hop is left")]
    MaxForwards,
}

/// Why a message could not be sent. The layer sent nothing and did not change.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is unknown, not open yet or closed.
    #[error("not connected")]
    NotConnected,
    /// The Request-URI is a SIPS URI and the connection has no TLS (RFC 3261 section 26.2.2). Only a user
    /// agent returns it, because it never falls back to a less secure transport.
    #[error("a SIPS URI needs a connection with TLS")]
    Insecure,
    /// The transaction is over, or in a state that does not allow this (a second final response, CANCEL of
    /// a request other than INVITE).
    #[error("the transaction is over")]
    Stale,
    /// [`Limits::client_transactions`] is reached.
    #[error("too many client transactions")]
    TooManyTransactions,
    /// The message exceeds [`Limits::message`], so that the layer could not read it again.
    #[error("the message exceeds a limit: {0}")]
    TooLarge(#[source] ParseError),
    /// A MESSAGE outside a dialog has this many bytes, more than 1,300, and the connection does not control congestion (RFC 3428
    /// section 8).
    #[error("a MESSAGE of {0} bytes needs a connection that controls congestion")]
    LargeMessage(usize),
    /// A rule forbids it.
    #[error("{0}")]
    Forbidden(#[source] SendRule),
    /// The message cannot be written.
    #[error("cannot write the message: {0}")]
    Build(#[from] BuildError),
}
