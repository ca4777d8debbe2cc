//! The states of a call: what each needs to know, and nothing else.

use alloc::boxed::Box;
use core::time::Duration;

use sip_parse::{Request, UriBuf};
use smallvec::SmallVec;

use super::options::InviteOptions;
use crate::body::Body;
use crate::dialog::DialogId;
use crate::endpoint::SentRequest;
use crate::ids::ConnectionId;
use crate::reason::EndReason;
use crate::time::Timestamp;
use crate::transaction::{ClientTransactionId, ServerTransactionId};

/// Where a call stands. At most 128 bytes: what is large lives in a box.
pub(crate) enum State {
    /// Caller: the application has not described its offer yet.
    AwaitingOffer(Box<NewInvite>),
    /// Caller: the INVITE waits for a connection.
    QueuedInvite(Box<QueuedInvite>),
    /// Caller: the INVITE is sent.
    Calling(Calling),
    /// Caller: the INVITE is sent and the application hung up; a 2xx is acknowledged and ended at once.
    Cancelling(Calling),
    /// Caller: the 2xx brought an offer; the ACK waits for the application's answer.
    AwaitingAnswer(Box<AwaitingAnswer>),
    /// Caller: the application's answer waits for a connection.
    QueuedAck(Box<QueuedAck>),
    /// Callee: the application has not taken the call.
    Incoming(Box<Incoming>),
    /// Callee: the application took the call and is asked for a description.
    Accepting(Box<Incoming>),
    /// Callee: the 2xx is sent; the ACK is awaited.
    Answered(Answered),
    /// Callee: the 2xx is sent and the application hung up; the BYE waits for the ACK (RFC 3261 section 15).
    HangingUp(Answered),
    /// Both: the call is up.
    Confirmed(Confirmed),
    /// Both: the call is up; the application is asked for the offer of a re-INVITE.
    Offering(Offering),
    /// Both: the call is up; the re-INVITE is sent.
    Reinviting(Reinviting),
    /// Both: the call is up; the re-INVITE met one of the peer's and waits (RFC 3261 section 14.1: glare).
    Glare(Glare),
    /// Both: the call is up; the application is asked for the description that a re-INVITE of the peer needs.
    Answering(Answering),
    /// Both: the call is up; the 2xx to a re-INVITE of the peer is sent and the ACK is awaited.
    Reanswered(Answered),
    /// Both: the BYE is sent.
    Terminating(Box<Terminating>),
    /// Both: the BYE waits for a connection.
    QueuedBye(Box<Terminating>),
    /// Both: the connection of the BYE broke before it was answered; it is sent again on the next one.
    LostBye(Box<Terminating>),
}

/// The INVITE of a new call, as the application asked for it.
pub(crate) struct NewInvite {
    pub(crate) target: UriBuf,
    pub(crate) options: InviteOptions,
    /// The connection to use where the endpoint keeps no flows.
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) offer: Option<Body>,
}

/// An INVITE that waits.
pub(crate) struct QueuedInvite {
    pub(crate) invite: WaitingInvite,
    /// Its number in the order of commands.
    pub(crate) sequence: u64,
}

#[expect(
    clippy::large_enum_variant,
    reason = "it lives in a box, and almost every one is new"
)]
pub(crate) enum WaitingInvite {
    /// For a connection.
    New(NewInvite),
    /// For a new binding: it was sent, and refused because a flow had failed (RFC 5626 section 11.6).
    Again {
        request: SentRequest,
        late_offer: bool,
    },
}

/// INVITE is sent.
pub(crate) struct Calling {
    pub(crate) transaction: ClientTransactionId,
    pub(crate) late_offer: bool,
    /// It was sent again because a flow had failed.
    pub(crate) sent_again: bool,
    /// The session description of each early dialog: the answer, if the 2xx brings none (RFC 3261 section 13.2.1).
    pub(crate) previews: Option<Box<Previews>>,
}

/// Session descriptions of early dialogs.
pub(crate) type Previews = SmallVec<[(DialogId, Body); 1]>;

/// The 2xx of the peer brought an offer.
pub(crate) struct AwaitingAnswer {
    pub(crate) dialog: DialogId,
    pub(crate) invite: SentRequest,
}

/// The answer waits for a connection.
pub(crate) struct QueuedAck {
    pub(crate) call: AwaitingAnswer,
    pub(crate) answer: Body,
}

/// An incoming call that is not answered.
pub(crate) struct Incoming {
    pub(crate) transaction: ServerTransactionId,
    pub(crate) dialog: DialogId,
    /// The CSeq number of the INVITE.
    pub(crate) number: u32,
    /// The INVITE, until its offer is delivered.
    pub(crate) request: Box<Request>,
    /// 180 is sent.
    pub(crate) ringing: bool,
    /// The INVITE's own Expires ends it with 487 (RFC 3261 section 13.3.1); `noAnswerTimeout` does with 408.
    pub(crate) expires: bool,
}

/// A 2xx that is repeated until its ACK comes.
pub(crate) struct Answered {
    pub(crate) dialog: DialogId,
    pub(crate) transaction: ServerTransactionId,
    /// The CSeq number of the INVITE, which its ACK repeats (RFC 3261 section 17.1.1.3).
    pub(crate) number: u32,
    /// When the 2xx is due again.
    pub(crate) interval: Duration,
    /// A re-INVITE of this side met the peer's and is still wanted.
    pub(crate) glares: Option<u8>,
}

/// The call is up.
pub(crate) struct Confirmed {
    pub(crate) dialog: DialogId,
}

/// The application is asked for an offer.
pub(crate) struct Offering {
    pub(crate) dialog: DialogId,
    /// How often a re-INVITE met one of the peer's.
    pub(crate) glares: u8,
}

/// A re-INVITE is sent.
pub(crate) struct Reinviting {
    pub(crate) dialog: DialogId,
    pub(crate) transaction: ClientTransactionId,
    pub(crate) glares: u8,
}

/// A re-INVITE waits because it met one of the peer's.
pub(crate) struct Glare {
    pub(crate) dialog: DialogId,
    pub(crate) glares: u8,
}

/// A re-INVITE of the peer waits for the application's description.
pub(crate) struct Answering {
    pub(crate) dialog: DialogId,
    pub(crate) transaction: ServerTransactionId,
    pub(crate) number: u32,
    pub(crate) glares: Option<u8>,
}

/// The call is over but for its BYE.
pub(crate) struct Terminating {
    pub(crate) reason: EndReason,
    /// When it ended: 64 T1 later no BYE is sent any more, because connections that break could go on for ever.
    pub(crate) since: Timestamp,
}

impl State {
    /// The transaction of the INVITE of the peer that is being answered.
    pub(crate) fn server_transaction(&self) -> Option<ServerTransactionId> {
        match self {
            Self::Incoming(state) | Self::Accepting(state) => Some(state.transaction),
            Self::Answered(state) | Self::HangingUp(state) | Self::Reanswered(state) => {
                Some(state.transaction)
            }
            Self::Answering(state) => Some(state.transaction),
            _ => None,
        }
    }
}
