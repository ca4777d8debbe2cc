//! Everything that can happen to a call.

use alloc::boxed::Box;

use sip_parse::{Request, Response, StatusCode};

use super::options::{DescriptionFailed, FailureStatus};
use crate::body::Body;
use crate::endpoint::{SentRequest, SessionRequest, SessionTimer};
use crate::ids::{ConnectionId, ExchangeId};
use crate::reason::EndReason;
use crate::transaction::{ClientTransactionId, SendError, ServerTransactionId, TransactionError};

/// Everything that can happen to a call: commands of the application, messages of the peer, deadlines, and the comings and goings of
/// connections. [`SessionLayer::step`](super::SessionLayer::step) takes one.
///
/// An application constructs the commands. The rest is constructed by what routes the outputs of the transaction layer:
/// [`SessionLayer::settle`](super::SessionLayer::settle), or [`UserAgent`](crate::UserAgent).
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Command: announces the call to the caller with 180, again every minute (RFC 3261 section 13.3.1.1). Idempotent.
    Ring,
    /// Command: takes the call. [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) follows.
    Answer,
    /// Command: refuses the call, or the re-INVITE of the peer that waits for a description; the call goes on then.
    Reject(FailureStatus),
    /// Command: ends the call by what its state asks for: CANCEL, 480 or BYE.
    HangUp,
    /// Command: changes the session by a re-INVITE (RFC 3261 section 14.1).
    Renegotiate,
    /// Command: the description that [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) asked for, or that there is none.
    Describe(ExchangeId, Result<Body, DescriptionFailed>),
    /// Command: ends the call at once, without a message.
    Stop,
    /// The peer cancels an INVITE, which has this transaction (RFC 3261 section 9.2). The CANCEL is answered already.
    Cancel(ServerTransactionId, &'a Request),
    /// The peer hangs up (RFC 3261 section 15.1.2). The BYE is answered already.
    Bye(&'a Request),
    /// The peer sends an INVITE within the dialog (RFC 3261 section 14.2).
    Invite(ServerTransactionId, &'a Request),
    /// The peer acknowledges a 2xx (RFC 3261 section 13.3.1.4).
    Ack(&'a Request),
    /// A response to a request of the call.
    Response(ResponseTo<'a>),
    /// A request of the call went out again with credentials, or as something else that replaces the first.
    Resent(SessionRequest, ClientTransactionId),
    /// A request of the call was challenged and could not be sent again.
    NotResent(SessionRequest, SendError),
    /// A request of the call has no final response.
    Failed(SessionRequest, TransactionError),
    /// The connection of an INVITE of the peer is gone.
    ServerFailed(ServerTransactionId),
    /// A failure of another request ends the call too (RFC 5057 section 5.1).
    Gone(Box<EndReason>),
    /// A deadline of the call has passed.
    Timer(SessionTimer),
    /// There is a connection that requests go out on: what waits is sent, and the route to this side is repaired.
    Connected,
    /// No connection will come.
    Abandoned,
}

/// A response, and the request that it answers.
#[derive(Clone, Copy, Debug)]
pub struct ResponseTo<'a> {
    /// What the request was for.
    pub to: SessionRequest,
    /// The response.
    pub response: &'a Response,
    /// The request as it was sent.
    pub request: &'a SentRequest,
    /// The connection that the response came on.
    pub connection: ConnectionId,
    /// Whether the request may be kept until the binding has been made anew, because its flow failed (RFC 5626 section 11.6: 430).
    pub may_wait: bool,
}

impl ResponseTo<'_> {
    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }
}
