//! The states of a call, each with the data that it needs.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{HeaderName, Message, Request, UriBuf};
use smallvec::SmallVec;

use super::offer::Exchange;
use super::options::{InviteOptions, ModifyOptions};
use super::provisional::ProvisionalOptions;
use super::reliable::{Provisional, Reliable};
use crate::body::{Body, RemoteDescription};
use crate::dialog::DialogId;
use crate::endpoint::SentRequest;
use crate::header::ExtraHeader;
use crate::ids::{ConnectionId, ExchangeId, ReferId, SessionId};
use crate::reason::{Cause, EndReason};
use crate::time::Timestamp;
use crate::transaction::{ClientTransactionId, ServerTransactionId};

/// The state of a call. At most 128 bytes, because every call holds one: large states are boxed.
#[cfg_attr(test, derive(Clone))]
pub(crate) enum State {
    /// Caller: the core has requested the offer from the application.
    AwaitingOffer(Box<NewInvite>),
    /// Caller: the INVITE waits for a connection.
    QueuedInvite(Box<QueuedInvite>),
    /// Caller: the INVITE is sent.
    Calling(Calling),
    /// Caller: the INVITE is sent and the application hung up; the core acknowledges and ends a 2xx at once.
    Cancelling(Calling),
    /// Caller: the 2xx carried an offer; the ACK waits for the application's answer.
    AwaitingAnswer(Box<AwaitingAnswer>),
    /// Caller: the application's answer waits for a connection.
    QueuedAck(Box<QueuedAck>),
    /// Callee: the application has neither accepted nor refused the call.
    Incoming(Box<Incoming>),
    /// Callee: the application accepted the call; the core has requested a description.
    Accepting(Box<Incoming>),
    /// Callee: the 2xx is sent; the core waits for the ACK.
    Answered(Answered),
    /// Callee: the 2xx is sent and the application hung up; the BYE waits for the ACK (RFC 3261 section 15).
    HangingUp(Answered),
    /// Both: the call is up.
    Confirmed(Confirmed),
    /// Both: the call is up; the core has requested the offer of a re-INVITE from the application.
    Offering(Offering),
    /// Both: the call is up; the re-INVITE is sent.
    Reinviting(Reinviting),
    /// Both: the call is up; the 2xx to a re-INVITE without an offer carried one; the ACK waits for the application's answer.
    Acknowledging(Box<AwaitingAnswer>),
    /// Both: the call is up; the re-INVITE crossed one of the peer and waits (RFC 3261 section 14.1: glare), or it is a repair that is
    /// tried again.
    Glare(Glare),
    /// Both: the call is up; the core has requested the description that a re-INVITE of the peer needs.
    Answering(Answering),
    /// Both: the call is up; the 2xx to a re-INVITE of the peer is sent, and the core waits for the ACK.
    Reanswered(Answered),
    /// Both: the BYE is sent.
    Terminating(Terminating),
    /// Both: the BYE waits for a connection.
    QueuedBye(Terminating),
    /// Both: the connection of the BYE broke before its response; the core sends it again on the next one.
    LostBye(Terminating),
}

/// The INVITE of a new call, with the options of the application.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct NewInvite {
    pub(crate) target: UriBuf,
    pub(crate) options: InviteOptions,
    /// The connection to use where the endpoint keeps no flows.
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) offer: Option<Body>,
}

/// An INVITE that waits to be sent.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct QueuedInvite {
    pub(crate) invite: WaitingInvite,
    /// Its position in the order of commands.
    pub(crate) sequence: u64,
}

#[expect(
    clippy::large_enum_variant,
    reason = "it lives in a box, and almost every one is new"
)]
#[cfg_attr(test, derive(Clone))]
pub(crate) enum WaitingInvite {
    /// For a connection.
    New(NewInvite),
    /// For a new binding: it was sent, and the server rejected it because a flow had failed (RFC 5626 section
    /// 11.6).
    Again {
        request: SentRequest,
        calling: Calling,
    },
}

/// The INVITE is sent.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Calling {
    pub(crate) transaction: ClientTransactionId,
    /// It was resent because a flow had failed.
    pub(crate) sent_again: bool,
    pub(crate) early: EarlyDialogs,
    /// Why the call ends if it is cancelled.
    pub(crate) cause: Cause,
    /// Set if the core may follow redirections.
    pub(crate) redirection: Option<Box<Redirection>>,
}

/// What the core needs to follow redirections of an INVITE.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Redirection {
    pub(crate) invite: NewInvite,
    /// How many more targets the core may try.
    pub(crate) left: u8,
    /// The targets that have had the INVITE, besides the first.
    pub(crate) tried: Vec<UriBuf>,
    /// The targets that wait, with their preference in thousandths, the highest first; at most `left`.
    pub(crate) targets: Vec<(u16, UriBuf)>,
}

/// One early dialog.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug)]
pub(crate) struct EarlyDialog {
    pub(crate) dialog: DialogId,
    /// That of the INVITE until it is answered in this dialog, then one that a reliable provisional response opens.
    pub(crate) exchange: Exchange,
    /// Whether an exchange is complete in this dialog, so that the 2xx needs no session description.
    pub(crate) complete: bool,
    /// The first session description in an unreliable provisional response: the answer, if the 2xx brings none. In a call whose
    /// branches the application claims, also the answer in a reliable one, for the call of the branch.
    pub(crate) preview: Option<RemoteDescription>,
    /// The RSeq number of the last reliable provisional response.
    pub(crate) rseq: Option<u32>,
    /// A PRACK that is not sent yet.
    pub(crate) owed: Option<Prack>,
    /// The UPDATEs in it, which become those of the call.
    pub(crate) updates: Updates,
}

/// The answer of an early dialog that lost, for the call that its 2xx makes if the application claims branches.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug)]
pub(crate) struct EarlyAnswer {
    /// The tag of the peer.
    pub(crate) tag: Box<[u8]>,
    pub(crate) answer: RemoteDescription,
    /// Whether a reliable response brought it, so that no other one counts (RFC 3262 section 5).
    pub(crate) complete: bool,
}

/// What few calls have: in a box, because every call would hold it otherwise.
#[cfg_attr(test, derive(Clone))]
#[derive(Default, Debug)]
pub(crate) struct Seldom {
    /// The call that ends when this one is answered (RFC 3891 section 3).
    pub(crate) replaces: Option<SessionId>,
    /// The REFER of a peer that this call follows.
    pub(crate) follows: Option<ReferId>,
    /// The answers of its branches before their 2xx; at most `Limits::forks`.
    pub(crate) early_answers: Vec<EarlyAnswer>,
    /// The info packages that the peer takes (RFC 6086).
    pub(crate) packages: Vec<Box<[u8]>>,
}

/// A PRACK that waits for the application's answer or for a connection.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug)]
pub(crate) struct Prack {
    /// The value of RAck (RFC 3262 section 7.2).
    pub(crate) rack: Box<str>,
    /// The answer of the application to an offer in the response.
    pub(crate) answer: Option<Body>,
}

/// The early dialogs of a call; at most [`Limits::forks`](crate::Limits::forks).
#[cfg_attr(test, derive(Clone))]
#[derive(Default, Debug)]
pub(crate) struct EarlyDialogs {
    pub(crate) dialogs: Vec<EarlyDialog>,
    /// Whether the exchange of the INVITE has ended in some dialog.
    pub(crate) answered: bool,
}

/// The 2xx of the peer brought an offer.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct AwaitingAnswer {
    pub(crate) dialog: DialogId,
    /// The transaction of the INVITE.
    pub(crate) transaction: ClientTransactionId,
    pub(crate) invite: SentRequest,
}

/// The answer waits for a connection.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct QueuedAck {
    pub(crate) call: AwaitingAnswer,
    pub(crate) answer: Body,
}

/// An incoming call that is not answered.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Incoming {
    pub(crate) transaction: ServerTransactionId,
    pub(crate) dialog: DialogId,
    /// The CSeq number of the INVITE.
    pub(crate) number: u32,
    /// The INVITE, until the core has delivered its offer.
    pub(crate) request: Box<Request>,
    /// The reliable provisional responses.
    pub(crate) reliable: Reliable,
    /// Whether 180 is sent.
    pub(crate) ringing: bool,
    /// The last provisional response, without its description: the one that is repeated.
    pub(crate) last: Option<Provisional>,
    /// The provisional response that waits for its description.
    pub(crate) early: Option<ProvisionalOptions>,
    /// The answer in an unreliable provisional response, which the 2xx repeats (RFC 3261 section 13.2.1).
    pub(crate) preview: Option<Body>,
    /// Whether reliable provisional responses and PRACK have completed an exchange, so that the 2xx carries no description.
    pub(crate) negotiated: bool,
    /// The PRACK whose offer waits for the application's answer.
    pub(crate) prack: Option<ServerTransactionId>,
    /// The application's header fields for the 2xx.
    pub(crate) headers: Vec<ExtraHeader>,
    /// Whether the Expires of the INVITE ends the call, with 487 (RFC 3261 section 13.3.1); otherwise
    /// `noAnswerTimeout` does, with 408.
    pub(crate) expires: bool,
}

/// A 2xx that is repeated until its ACK comes.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Answered {
    pub(crate) dialog: DialogId,
    pub(crate) transaction: ServerTransactionId,
    /// The CSeq number of the INVITE, which its ACK repeats (RFC 3261 section 17.1.1.3).
    pub(crate) number: u32,
    /// The interval after which the 2xx is sent again.
    pub(crate) interval: Duration,
    /// Set if a re-INVITE of this side crossed the peer's and is still wanted.
    pub(crate) attempt: Option<Attempt>,
}

/// A change of the session that this side makes by re-INVITE or UPDATE, again while it crosses changes of the peer.
#[derive(Default, Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Attempt {
    /// How often it has crossed one of the peer, or has failed for a reason that passes.
    pub(crate) glares: u8,
    /// What the application wants of it; `None` for a repair and for a refresh.
    pub(crate) wish: Option<Box<Wish>>,
    /// Whether it refreshes the session only, because its time has come (RFC 4028 section 10).
    pub(crate) refreshes: bool,
}

/// What the application wants of a change.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Wish {
    pub(crate) options: ModifyOptions,
    /// Whether the change puts the peer on hold or resumes the call, if it is to do either.
    pub(crate) hold: Option<bool>,
}

impl Attempt {
    /// The first attempt at a change that the application wants.
    pub(crate) fn of(options: ModifyOptions, hold: Option<bool>) -> Self {
        Self {
            wish: Some(Box::new(Wish { options, hold })),
            ..Self::default()
        }
    }

    /// The refresh of the session by an UPDATE without an offer (RFC 4028 section 7.4).
    pub(crate) fn refresh() -> Self {
        Self {
            refreshes: true,
            ..Self::default()
        }
    }

    /// The next attempt at the same change.
    pub(crate) fn again(self) -> Self {
        Self {
            glares: self.glares.saturating_add(1),
            ..self
        }
    }

    pub(crate) fn hold(&self) -> Option<bool> {
        self.wish.as_ref()?.hold
    }

    pub(crate) fn without_offer(&self) -> bool {
        let wish = self.wish.as_ref();
        self.refreshes || wish.is_some_and(|wish| wish.options.without_offer)
    }

    pub(crate) fn headers(&self) -> &[ExtraHeader] {
        let wish = self.wish.as_ref();
        wish.map_or(&[], |wish| &wish.options.headers)
    }
}

/// The call is up.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Confirmed {
    pub(crate) dialog: DialogId,
}

/// The core has requested an offer from the application.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Offering {
    pub(crate) dialog: DialogId,
    pub(crate) attempt: Attempt,
}

/// The re-INVITE is sent.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Reinviting {
    pub(crate) dialog: DialogId,
    pub(crate) transaction: ClientTransactionId,
    /// The CSeq number of the re-INVITE, which its responses repeat.
    pub(crate) number: u32,
    pub(crate) attempt: Attempt,
    /// The session description of a provisional response: the answer, if the 2xx brings none.
    pub(crate) preview: Option<RemoteDescription>,
    /// The RSeq number of the last reliable provisional response.
    pub(crate) rseq: Option<u32>,
}

/// A re-INVITE waits because it crossed one of the peer, or because a repair failed for a reason that passes.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Glare {
    pub(crate) dialog: DialogId,
    pub(crate) attempt: Attempt,
}

/// A re-INVITE of the peer waits for the application's description.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Answering {
    pub(crate) dialog: DialogId,
    pub(crate) transaction: ServerTransactionId,
    pub(crate) number: u32,
    pub(crate) attempt: Option<Attempt>,
}

/// The call is over except for its BYE.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Terminating {
    pub(crate) reason: Box<EndReason>,
    /// The time of the end: 64 T1 later the core sends no further BYE, because connections could break
    /// without end.
    pub(crate) since: Timestamp,
    /// The peer hung up, too, so that it knows whatever becomes of the BYE.
    pub(crate) peer_knows: bool,
}

impl EarlyDialogs {
    /// Whether any exchange waits for the application's description.
    pub(crate) fn asked(&self) -> bool {
        let mut dialogs = self.dialogs.iter();
        dialogs.any(|early| early.exchange.asked().is_some())
    }

    /// Whether an exchange in an early dialog waits for the application's description.
    pub(crate) fn asks(&self, exchange: ExchangeId) -> bool {
        let mut dialogs = self.dialogs.iter();
        dialogs.any(|early| early.exchange.asked() == Some(exchange))
    }
}

/// The UPDATEs of a call, or of an early dialog of one that the peer has not answered.
#[derive(Default, Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Updates {
    /// Whether the last Allow of the peer lists UPDATE.
    pub(crate) allowed: bool,
    /// The UPDATE of the peer that waits for the application's answer.
    pub(crate) theirs: Option<ServerTransactionId>,
    /// The UPDATE of this side.
    pub(crate) ours: Ours,
}

/// The UPDATE of this side.
#[derive(Default, Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) enum Ours {
    /// There is none.
    #[default]
    Idle,
    /// The core has requested its offer from the application.
    Offering(Attempt),
    /// It is sent, with this CSeq number.
    Sent(Attempt, u32),
    /// It crossed an offer of the peer and waits.
    Glare(Attempt),
}

impl Updates {
    /// Reads the Allow of a request or 2xx of the peer (RFC 3311 section 5.1).
    pub(crate) fn learn(&mut self, message: &Message) {
        if message.has(HeaderName::Allow) {
            let methods = message
                .headers_named(HeaderName::Allow)
                .flat_map(|row| row.value.split(|byte| *byte == b','));
            let mut methods = methods.map(<[u8]>::trim_ascii);
            self.allowed = methods.any(|method| method == b"UPDATE");
        }
    }

    /// Whether this side has no UPDATE under way.
    pub(crate) const fn are_idle(&self) -> bool {
        matches!(self.ours, Ours::Idle)
    }

    /// Whether an UPDATE of this side waits for its response.
    pub(crate) const fn are_sent(&self) -> bool {
        matches!(self.ours, Ours::Sent(..))
    }

    /// Whether an UPDATE of the peer waits for the application.
    pub(crate) const fn are_answered(&self) -> bool {
        self.theirs.is_some()
    }

    /// The name of the state, for the table test.
    #[cfg(test)]
    pub(crate) fn state_for_tests(&self) -> &'static str {
        match &self.ours {
            Ours::Idle if self.theirs.is_some() => "Answering",
            Ours::Idle => "Idle",
            Ours::Offering(_) => "Offering",
            Ours::Sent(attempt, _) if attempt.without_offer() => "Sent without offer",
            Ours::Sent(..) => "Sent",
            Ours::Glare(_) => "Glare",
        }
    }

    /// The call ends; returns the UPDATE of the peer that is not answered.
    pub(crate) fn close(&mut self) -> Option<ServerTransactionId> {
        self.ours = Ours::Idle;
        self.theirs.take()
    }
}

impl State {
    /// Whether an exchange waits for the application's description; `offer` is that of the call.
    pub(crate) fn asks(&self, exchange: ExchangeId, offer: Exchange) -> bool {
        match self {
            Self::Calling(state) => state.early.asks(exchange),
            _ => offer.asked() == Some(exchange),
        }
    }

    /// The transactions of the INVITE and the UPDATEs of the peer that are being answered; `updates` are those of the call.
    pub(crate) fn pending(&self, updates: &Updates) -> SmallVec<[ServerTransactionId; 2]> {
        let mut pending = SmallVec::new();
        if let Some(transaction) = self.server_transaction() {
            pending.push(transaction);
        }
        if let Some(transaction) = updates.theirs {
            pending.push(transaction);
        }
        if let Self::Calling(state) | Self::Cancelling(state) = self {
            let early = state.early.dialogs.iter();
            pending.extend(early.filter_map(|early| early.updates.theirs));
        }
        pending
    }

    /// The transaction of the peer's INVITE that is being answered.
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
