//! Offer/answer (RFC 3264, RFC 6337, RFC 6141): one exchange at a time, with a number that every question and every
//! description carries, and exactly one end for each.
//!
//! | state | input | does | next |
//! |-------|-------|------|------|
//! | Idle | offer wanted in INVITE, offer wanted in 2xx, offer wanted in 1xx, offer wanted in PRACK, offer wanted in UPDATE | ask offer | OfferAsked |
//! | Idle | offer came in INVITE, offer came in 2xx, offer came in 1xx, offer came in PRACK, offer came in UPDATE | deliver offer, ask answer | AnswerAsked |
//! | OfferAsked | described |  | OfferSent |
//! | AnswerAsked in INVITE, AnswerAsked in 1xx | described |  | AnswerSent |
//! | AnswerAsked in 2xx, AnswerAsked in PRACK, AnswerAsked in UPDATE | described | end complete | Idle |
//! | OfferSent | answer came | deliver answer, end complete | Idle |
//! | AnswerSent | acknowledged | end complete | Idle |
//! | OfferAsked, OfferSent, AnswerAsked, AnswerSent | refused | end refused | Idle |
//! | OfferAsked, OfferSent, AnswerAsked, AnswerSent | rolled back | end rolled back | Idle |
//! | OfferAsked, OfferSent, AnswerAsked, AnswerSent | aborted | end aborted | Idle |
//!
//! What is not listed changes nothing. The answer to an offer goes into the message that follows the carrier: the 2xx or a
//! reliable provisional response after an INVITE, which ACK or PRACK acknowledges; the ACK after a 2xx; PRACK after a
//! reliable provisional response, which its 2xx acknowledges; the 2xx after PRACK and UPDATE (RFC 6337 section 2.2). ACK and
//! the 2xx to PRACK and UPDATE have no acknowledgement.

use smallvec::SmallVec;

use crate::event::DescriptionKind;
use crate::ids::ExchangeId;
use crate::reason::EndReason;

/// The message that carries an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Carrier {
    /// INVITE or re-INVITE.
    Invite,
    /// The 2xx to an INVITE without an offer.
    Success,
    /// A reliable provisional response to an INVITE without an offer; PRACK carries the answer (RFC 3262 section 5).
    Provisional,
    /// PRACK; its 2xx carries the answer (RFC 3262 section 5).
    Prack,
    /// UPDATE; its 2xx carries the answer (RFC 3311 section 5).
    Update,
}

impl Carrier {
    /// Whether SIP acknowledges the message that carries the answer: the ACK a 2xx (RFC 3261 section 13.2.1), PRACK a
    /// reliable provisional response and a 2xx the PRACK (RFC 3262 section 3).
    const fn acknowledges_answer(self) -> bool {
        match self {
            Self::Invite | Self::Provisional => true,
            Self::Success | Self::Prack | Self::Update => false,
        }
    }
}

/// The state of the exchange of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exchange {
    /// No exchange is open.
    Idle,
    /// The core has requested an offer from the application.
    OfferAsked(ExchangeId, Carrier),
    /// The offer is sent or queued; the core waits for the peer's answer.
    OfferSent(ExchangeId, Carrier),
    /// The core has delivered the peer's offer and requested the answer from the application.
    AnswerAsked(ExchangeId, Carrier),
    /// The answer is sent; the core waits for the message that acknowledges it.
    AnswerSent(ExchangeId, Carrier),
}

/// The inputs of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OfferInput {
    /// This side needs to make an offer.
    Wanted(Carrier),
    /// An offer of the peer arrived.
    Came(Carrier),
    /// The application returned the description, and the core sends it.
    Described,
    /// The answer of the peer arrived.
    AnswerCame,
    /// The message that carried the answer of this side is acknowledged.
    Acknowledged,
    /// The exchange ends without a new session.
    Ended(Ending),
}

/// How an exchange ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Complete,
    Refused,
    RolledBack,
    Aborted,
}

impl Ending {
    /// How an exchange ends with its call: refused by a final response, or aborted.
    pub(crate) const fn with_call(reason: &EndReason) -> Self {
        match reason.status {
            Some(_) => Self::Refused,
            None => Self::Aborted,
        }
    }
}

/// The effects on the application.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OfferEffect {
    /// The core requests a description.
    Ask(ExchangeId, DescriptionKind),
    /// The core delivers the description of the peer.
    Deliver(ExchangeId, DescriptionKind),
    /// The exchange is over.
    End(ExchangeId, Ending),
}

/// The effects of one step.
pub(crate) type OfferEffects = SmallVec<[OfferEffect; 2]>;

impl Exchange {
    /// Takes one input. `next` is the number of the exchange that the input opens, if it opens one.
    pub(crate) fn step(
        self,
        input: OfferInput,
        next: ExchangeId,
        effects: &mut OfferEffects,
    ) -> Self {
        use DescriptionKind::{Answer, Offer};
        match (self, input) {
            (Self::Idle, OfferInput::Wanted(carrier)) => {
                effects.push(OfferEffect::Ask(next, Offer));
                Self::OfferAsked(next, carrier)
            }
            (Self::Idle, OfferInput::Came(carrier)) => {
                effects.push(OfferEffect::Deliver(next, Offer));
                effects.push(OfferEffect::Ask(next, Answer));
                Self::AnswerAsked(next, carrier)
            }
            (Self::OfferAsked(id, carrier), OfferInput::Described) => Self::OfferSent(id, carrier),
            (Self::AnswerAsked(id, carrier), OfferInput::Described) => {
                if carrier.acknowledges_answer() {
                    Self::AnswerSent(id, carrier)
                } else {
                    effects.push(OfferEffect::End(id, Ending::Complete));
                    Self::Idle
                }
            }
            (Self::OfferSent(id, _), OfferInput::AnswerCame) => {
                effects.push(OfferEffect::Deliver(id, Answer));
                effects.push(OfferEffect::End(id, Ending::Complete));
                Self::Idle
            }
            (Self::AnswerSent(id, _), OfferInput::Acknowledged) => {
                effects.push(OfferEffect::End(id, Ending::Complete));
                Self::Idle
            }
            (
                Self::OfferAsked(id, _)
                | Self::OfferSent(id, _)
                | Self::AnswerAsked(id, _)
                | Self::AnswerSent(id, _),
                OfferInput::Ended(ending),
            ) => {
                effects.push(OfferEffect::End(id, ending));
                Self::Idle
            }
            _ => self,
        }
    }

    /// The exchange that waits for the application's description.
    pub(crate) const fn asked(self) -> Option<ExchangeId> {
        match self {
            Self::OfferAsked(id, _) | Self::AnswerAsked(id, _) => Some(id),
            Self::Idle | Self::OfferSent(..) | Self::AnswerSent(..) => None,
        }
    }

    /// Whether the answer of this side waits for the message that acknowledges it.
    pub(crate) const fn awaits_acknowledgement(self) -> bool {
        matches!(self, Self::AnswerSent(..))
    }

    /// The message that carries the offer of the open exchange.
    pub(crate) const fn carrier(self) -> Option<Carrier> {
        match self {
            Self::OfferAsked(_, carrier)
            | Self::OfferSent(_, carrier)
            | Self::AnswerAsked(_, carrier)
            | Self::AnswerSent(_, carrier) => Some(carrier),
            Self::Idle => None,
        }
    }

    /// Whether an offer of this side waits for an answer that a message about the INVITE carries: the 2xx, the ACK or a PRACK.
    pub(crate) const fn awaits_answer(self) -> bool {
        matches!(self, Self::OfferSent(_, carrier) if !matches!(carrier, Carrier::Update))
    }
}
