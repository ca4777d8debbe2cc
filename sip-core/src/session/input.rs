//! The inputs of a call.

use alloc::boxed::Box;

use sip_parse::{Request, Response, StatusCode};

use super::options::{DescriptionFailed, MessageOptions, ModifyOptions};
use super::provisional::ProvisionalOptions;
use super::refusal::{FailureStatus, Refusal};
use crate::auth::ChallengeError;
use crate::body::Body;
use crate::endpoint::{SentRequest, SessionRequest, SessionTimer, Success};
use crate::ids::{ConnectionId, ExchangeId};
use crate::reason::{EndReason, refusal};
use crate::transaction::{ClientTransactionId, SendError, ServerTransactionId, TransactionError};

/// An input of a call: a command of the application, a message of the peer, a deadline, or a change of
/// connection.
/// [`SessionLayer::step`](super::SessionLayer::step) takes one.
///
/// An application constructs the commands. The router of the transaction layer's outputs constructs the rest:
/// [`SessionLayer::settle`](super::SessionLayer::settle), or [`UserAgent`](crate::UserAgent).
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Command: announces the call to the caller with 180 and repeats it every minute (RFC 3261 section
    /// 13.3.1.1). Idempotent.
    Ring,
    /// Command: sends a provisional response (RFC 3261 section 13.3.1.1), reliably if so agreed (RFC 3262 section 3). With a description
    /// [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) follows first.
    Progress(ProvisionalOptions),
    /// Command: accepts the call. [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) follows, unless reliable provisional
    /// responses have completed an exchange.
    Answer,
    /// Command: as `Answer`, with header fields for the 2xx. The description is the body of the 2xx; another one is an error.
    AnswerWith(MessageOptions),
    /// Command: refuses the call, or the re-INVITE or UPDATE of the peer that waits for a description; the call goes on
    /// then.
    Reject(FailureStatus),
    /// Command: as `Reject`, with header fields and a body, such as a redirection.
    Refuse(Refusal),
    /// Command: ends the call by CANCEL, 480 or BYE, as its state requires.
    HangUp,
    /// Command: as `HangUp`, with what the application adds to the message that ends the call. BYE and 480 carry all of it, a
    /// CANCEL the values of Reason alone (RFC 3326), because a CANCEL goes from hop to hop.
    HangUpWith(Box<MessageOptions>),
    /// Command: changes the session by a re-INVITE (RFC 3261 section 14.1).
    Renegotiate(ModifyOptions),
    /// Command: changes or refreshes the session by an UPDATE (RFC 3311 section 5.1), or by a re-INVITE in a call that is up if
    /// the Allow of the peer does not list UPDATE.
    SendUpdate(ModifyOptions),
    /// Command: puts the peer on hold by a re-INVITE (true), or resumes the call (RFC 3264 section 8.4).
    Hold(bool),
    /// Command: the description that [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) requests,
    /// or that the application has none.
    Describe(ExchangeId, Result<Body, DescriptionFailed>),
    /// Command: ends the call at once, without a message. An INVITE, PRACK or UPDATE of the peer that waits for the application
    /// stays unanswered, because nothing of this side answers after a stop; it ends with the timers of the peer.
    Stop,
    /// The peer cancels the INVITE of this transaction (RFC 3261 section 9.2). The CANCEL is already
    /// answered.
    Cancel(ServerTransactionId, &'a Request),
    /// The peer hangs up (RFC 3261 section 15.1.2). The BYE is already answered.
    Bye(&'a Request),
    /// The peer sends an INVITE within the dialog (RFC 3261 section 14.2).
    Invite(ServerTransactionId, &'a Request),
    /// The peer sends an UPDATE within the dialog (RFC 3311 section 5.2).
    Update(ServerTransactionId, &'a Request),
    /// The peer acknowledges a reliable provisional response (RFC 3262 section 3).
    Prack(ServerTransactionId, &'a Request),
    /// The peer acknowledges a 2xx (RFC 3261 section 13.3.1.4).
    Ack(&'a Request),
    /// A response to a request of the call.
    Response(ResponseTo<'a>),
    /// The core has resent a request of the call in this new transaction, with credentials or other changes.
    Resent(SessionRequest, ClientTransactionId),
    /// A request of the call was challenged and could not be resent.
    NotResent(SessionRequest, SendError),
    /// A request of the call has no final response.
    Failed(SessionRequest, TransactionError),
    /// The connection of an INVITE or UPDATE of the peer is gone.
    ServerFailed(ServerTransactionId),
    /// A failure of another request ends the call too (RFC 5057 section 5.1).
    Gone(Box<EndReason>),
    /// A deadline of the call has passed.
    Timer(SessionTimer),
    /// A connection for requests is available: the call sends its waiting message, and repairs the route to
    /// this side.
    Connected,
    /// No further connection will open.
    Abandoned,
}

/// A response, and the request that it answers.
#[derive(Clone, Copy, Debug)]
pub struct ResponseTo<'a> {
    /// The kind of the request.
    pub to: SessionRequest,
    /// The response.
    pub response: &'a Response,
    /// The request as it was sent.
    pub request: &'a SentRequest,
    /// The transaction of the request; stale if this response ended it.
    pub transaction: ClientTransactionId,
    /// The connection that the response came on.
    pub connection: ConnectionId,
    /// Whether the request may wait until a new binding is made, because its flow failed (RFC 5626 section
    /// 11.6: 430).
    pub may_wait: bool,
    /// Why the core did not answer the challenge in it, if it is one.
    pub unanswered: Option<&'a ChallengeError>,
}

impl<'a> ResponseTo<'a> {
    /// The response as a 2xx to an INVITE.
    pub(crate) const fn success(&self) -> Success<'a> {
        Success {
            transaction: self.transaction,
            connection: self.connection,
            invite: self.request,
            response: self.response,
        }
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The reason of a final response of 300 to 699.
    pub(super) fn refusal(&self) -> EndReason {
        EndReason {
            challenge: self.unanswered.cloned().map(Box::new),
            ..refusal(self.response)
        }
    }
}
