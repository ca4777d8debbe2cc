//! The owners of transactions, dialogs and timers.

use alloc::boxed::Box;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::auth::Attempts;
use crate::dialog::DialogId;
use crate::ids::{
    ChallengeId, IncomingRequestId, IncomingSubscriptionId, PublicationId, ReferId, RequestId,
    SessionId, SubscriptionId, TransferId,
};

/// The index of a flow among those of its agent, from 0; its reg-id is one more (RFC 5626 section 4.2).
pub(crate) type FlowIndex = u8;

/// The user of a client transaction (RFC 3261 section 5), which takes its responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TransactionUser {
    /// The registration on a flow.
    Register(FlowIndex),
    /// A call.
    Session(SessionId, SessionRequest),
    /// A request of the application.
    Request(RequestId),
    /// A REFER of this side.
    Transfer(TransferId),
    /// The NOTIFY about a REFER of a peer.
    Notify(ReferId),
    /// A subscription of this side: its SUBSCRIBE of this number.
    Subscription(SubscriptionId, u32),
    /// A subscription of a peer: its NOTIFYs.
    Notification(IncomingSubscriptionId),
    /// A publication: its PUBLISHes.
    Publication(PublicationId),
    /// No user: the BYE to a branch of a fork that its call does not use.
    Branch,
    /// No user: a CANCEL.
    Nobody,
}

/// The kind of a request that a call sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionRequest {
    /// The INVITE that makes the call.
    Invite,
    /// An INVITE within the call (RFC 3261 section 14.1).
    Reinvite,
    /// The BYE that ends the call.
    Bye,
    /// The PRACK to a reliable provisional response in this dialog (RFC 3262 section 4).
    Prack(DialogId),
    /// An UPDATE in this dialog (RFC 3311): that of the call, or an early one.
    Update(DialogId),
}

/// The data that a client transaction keeps for its user: everything that a retry needs.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) user: TransactionUser,
    /// The dialog of a request within one.
    pub(crate) dialog: Option<DialogId>,
    /// The challenges that this request has received.
    pub(crate) attempts: Attempts,
    /// An INVITE with a 2xx: what its repeats and those of its other branches need.
    pub(crate) accepted: Option<Box<Accepted>>,
}

/// What the client transaction of an INVITE keeps about the 2xx to it, for as long as one can be repeated (RFC 6026 section 7.2).
#[derive(Clone, Default, Debug)]
pub(crate) struct Accepted {
    /// Hashes of the To tags whose dialogs have had their BYE, in either direction. A repeated 2xx of these is acknowledged and
    /// nothing else.
    pub(crate) ended_branches: SmallVec<[u64; 2]>,
    /// The greatest CSeq number in the early dialogs that ended with it.
    pub(crate) spent: u32,
    /// The ACK in each dialog that a call uses, which answers a repeated 2xx.
    pub(crate) acks: SmallVec<[(DialogId, Bytes); 1]>,
}

impl Sent {
    /// What is kept about the 2xx to an INVITE.
    pub(crate) fn accepted(&mut self) -> &mut Accepted {
        self.accepted.get_or_insert_default()
    }

    /// A request of `user` outside any dialog, sent for the first time.
    pub(crate) fn outside(user: TransactionUser) -> Self {
        Self {
            user,
            dialog: None,
            attempts: Attempts::new(),
            accepted: None,
        }
    }

    /// A request of `user` within `dialog`, sent for the first time.
    pub(crate) fn within(dialog: DialogId, user: TransactionUser) -> Self {
        Self {
            dialog: Some(dialog),
            ..Self::outside(user)
        }
    }
}

/// A usage of a dialog (RFC 5057 section 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DialogUsage {
    /// A call.
    Session(SessionId),
    /// The subscriptions of REFERs within this call, which is over (RFC 5057 section 4).
    Rest(SessionId),
    /// The subscription of a REFER that this side sent outside any dialog.
    Transfer(TransferId),
    /// The subscription of a REFER that a peer sent outside any dialog.
    Refer(ReferId),
    /// A subscription of this side.
    Subscription(SubscriptionId),
    /// A subscription of a peer.
    Notifier(IncomingSubscriptionId),
}

/// The owner of a timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimerOwner {
    /// A call.
    Session(SessionId, SessionTimer),
    /// A REFER of this side.
    Transfer(TransferId),
    /// A REFER of a peer.
    Refer(ReferId),
    /// A subscription of this side.
    Subscription(SubscriptionId, SubscriptionTimer),
    /// A subscription of a peer.
    Notifier(IncomingSubscriptionId, NotifierTimer),
    /// A publication.
    Publication(PublicationId),
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

/// The deadlines that a subscription of this side can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubscriptionTimer {
    /// No NOTIFY has followed a SUBSCRIBE: timer N (RFC 6665 section 4.1.2.4); or no connection has opened for a first SUBSCRIBE.
    Notify,
    /// The next SUBSCRIBE is due: a refresh, or a new subscription after the end of the last one (RFC 6665 section 4.1.3).
    Subscribe,
    /// The subscription expires.
    Expiry,
}

/// The deadlines that a subscription of a peer can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotifierTimer {
    /// The application has not answered the SUBSCRIBE, or no connection has opened for a NOTIFY.
    GiveUp,
    /// The subscription expires.
    Expiry,
    /// The NOTIFY that the peer refused with Retry-After is due again (RFC 6665 section 4.2.2).
    Retry,
}

/// The deadlines that a call can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionTimer {
    /// The call is unanswered: `noAnswerTimeout`, the Expires of the INVITE, or the silence of the peer.
    NoAnswer,
    /// A provisional response is due again (RFC 3261 section 13.3.1.1).
    Ring,
    /// The 2xx is due again (RFC 3261 section 13.3.1.4).
    Repeat,
    /// The ACK is overdue (RFC 3261 section 13.3.1.4), or no connection has opened for an INVITE or BYE.
    GiveUp,
    /// The deadline of a re-INVITE of this side: to be described, to be answered, or to be resent after a 491
    /// (RFC 3261 section 14.1).
    Offer,
    /// The application is late with a description: `offerTimeout`.
    Description,
    /// The reliable provisional response is due again (RFC 3262 section 3).
    RepeatProvisional,
    /// The PRACK is overdue (RFC 3262 section 3).
    Prack,
    /// The deadline of an UPDATE of this side: to be described, to be answered, or to be resent after a 491 (RFC 3311
    /// section 5.1).
    Update,
    /// The refresh of the session is due (RFC 4028 section 10).
    Refresh,
    /// The session expires, because the peer did not refresh it (RFC 4028 section 10).
    Expiry,
    /// The INVITE of this side expires (RFC 3261 section 13.2.1).
    Invitation,
}
