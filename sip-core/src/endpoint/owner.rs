//! Whose transaction, and whose timer, it is.

use crate::ids::{ChallengeId, IncomingRequestId, RequestId, SessionId};

/// The index of a flow among those of its agent, from 0; its reg-id is one more (RFC 5626 section 4.2).
pub(crate) type FlowIndex = u8;

/// The user of a client transaction (RFC 3261 section 5): whom its responses are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TransactionUser {
    /// The registration on a flow.
    Register(FlowIndex),
    /// The INVITE that makes a call.
    Invite(SessionId),
    /// An INVITE within a call.
    Reinvite(SessionId),
    /// The BYE of a call.
    Bye(SessionId),
    /// A request of the application.
    Request(RequestId),
    /// None: a CANCEL, or the BYE of a dialog that the core ends at once.
    Nobody,
}

/// The owner of a timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimerOwner {
    /// A call.
    Session(SessionId, SessionTimer),
    /// The registration on a flow.
    Registration(FlowIndex),
    /// A request of a peer that the application has to answer.
    Incoming(IncomingRequestId),
    /// A request of the application that waits for a connection.
    Request(RequestId),
    /// A challenge that the application has to answer.
    Challenge(ChallengeId),
    /// The grace period of a stop.
    Stop,
    /// The connection to a better server.
    Failback(FlowIndex),
}

/// The deadlines that a call can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SessionTimer {
    /// The call stays unanswered: `noAnswerTimeout`, or the Expires of the INVITE.
    NoAnswer,
    /// A provisional response is due again (RFC 3261 section 13.3.1.1).
    Ring,
    /// The 2xx is due again (RFC 3261 section 13.3.1.4).
    Repeat,
    /// The ACK is overdue (RFC 3261 section 13.3.1.4), or no connection has come for an INVITE or BYE.
    GiveUp,
    /// The time of our re-INVITE is over: asked, sent, or after a 491 (RFC 3261 section 14.1).
    Offer,
}
