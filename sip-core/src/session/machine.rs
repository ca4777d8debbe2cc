//! The machine of a call: one state, consumed by each input and replaced by the next one.
//!
//! | state | input | does | next |
//! |-------|-------|------|------|
//! | AwaitingOffer, QueuedAck | HangUp, timer Description | aborted, Ended | (over) |
//! | AwaitingOffer | Describe | INVITE | Calling |
//! | AwaitingOffer | no description | aborted, Ended | (over) |
//! | AwaitingOffer, Calling, Cancelling, AwaitingAnswer, QueuedAck, Accepting, Answered, HangingUp, Offering, Reinviting, Acknowledging, Answering, Reanswered | Stop | aborted, Ended | (over) |
//! | QueuedInvite | HangUp, timer Invitation | Ended | (over) |
//! | QueuedInvite, Incoming, Confirmed, Glare, Terminating, QueuedBye, LostBye | Stop | Ended | (over) |
//! | QueuedInvite | connection | INVITE | Calling |
//! | QueuedInvite, QueuedBye, LostBye | timer GiveUp | Ended | (over) |
//! | Calling | HangUp, timer NoAnswer, timer Invitation | CANCEL | Cancelling |
//! | Calling, Cancelling, AwaitingAnswer, Reinviting, Acknowledging | INVITE, INVITE without offer | 491 | same |
//! | Calling | 1xx to INVITE | Progress | same |
//! | Calling | 2xx to INVITE | ACK, deliver answer, complete, Established | Confirmed |
//! | Calling, Cancelling | 2xx without description to INVITE | ACK, aborted, BYE | Terminating |
//! | Calling | reliable 1xx to INVITE | Progress, deliver answer, complete, PRACK | same |
//! | Calling, Calling with our answer | reliable 1xx without description to INVITE | Progress, PRACK | same |
//! | Calling | 199 to INVITE | Progress, EarlyDialogEnded | same |
//! | Calling | resending of our INVITE | EarlyDialogEnded | same |
//! | Calling | 430 to INVITE | EarlyDialogEnded | QueuedInvite |
//! | Calling, Cancelling | refusal to INVITE, 302 to INVITE | refused, Ended | (over) |
//! | Calling, Cancelling | timeout of our INVITE, loss of our INVITE, failed resending of our INVITE | aborted, Ended | (over) |
//! | Cancelling | 2xx to INVITE | ACK, aborted, BYE | Terminating |
//! | Cancelling | reliable 1xx to INVITE, reliable 1xx without description to INVITE | PRACK | same |
//! | Cancelling | 199 to INVITE | EarlyDialogEnded | same |
//! | Cancelling | 430 to INVITE | refused, Ended | (over) |
//! | AwaitingAnswer | HangUp, no description, timer Description | ACK, aborted, BYE | Terminating |
//! | AwaitingAnswer | Describe | ACK, complete, Established | Confirmed |
//! | AwaitingAnswer, QueuedAck, Answered, HangingUp, Offering, Acknowledging, Reanswered | BYE | aborted, Ended | (over) |
//! | QueuedAck | connection | ACK, complete, Established, ask offer | Offering |
//! | Incoming, Accepting | Ring, timer Ring | 180 | same |
//! | Incoming | Answer | deliver offer, ask answer | Accepting |
//! | Incoming | Reject | 486, Ended | (over) |
//! | Incoming | HangUp | 480, Ended | (over) |
//! | Incoming | CANCEL, BYE | 487, Ended | (over) |
//! | Incoming, Accepting, HangingUp, Answering | INVITE, INVITE without offer | 500 | same |
//! | Incoming | loss of their INVITE | Ended | (over) |
//! | Incoming | timer NoAnswer | 408, Ended | (over) |
//! | Accepting | Answer |  | same |
//! | Accepting | Reject | 486, refused, Ended | (over) |
//! | Accepting | HangUp | 480, refused, Ended | (over) |
//! | Accepting | Describe | 200 | Answered |
//! | Accepting | no description, timer Description | 488, refused, Ended | (over) |
//! | Accepting | CANCEL | 487, aborted, Ended | (over) |
//! | Accepting, Answering | BYE | 487, aborted, Ended | (over) |
//! | Accepting | loss of their INVITE | aborted, Ended | (over) |
//! | Accepting | timer NoAnswer | 408, refused, Ended | (over) |
//! | Answered | HangUp |  | HangingUp |
//! | Answered | ACK, ACK without answer | complete, Established | Confirmed |
//! | Answered | INVITE | complete, Established, deliver offer, ask answer | Answering |
//! | Answered | INVITE without offer | complete, Established, ask offer | Answering |
//! | Answered, HangingUp, Offering, Reanswered | gone, timer Expiry | aborted, BYE | Terminating |
//! | Answered, HangingUp, Reanswered | timer Repeat | 200 | same |
//! | Answered, HangingUp, Reanswered | timer GiveUp | aborted, BYE | Terminating |
//! | HangingUp | ACK, ACK without answer | complete, BYE | Terminating |
//! | Confirmed, Glare | HangUp, gone, timer Expiry | BYE | Terminating |
//! | Confirmed | Renegotiate, SendUpdate, Hold, connection, timer Refresh | ask offer | Offering |
//! | Confirmed | Renegotiate without offer | INVITE | Reinviting |
//! | Confirmed, Glare, QueuedBye, LostBye | BYE | Ended | (over) |
//! | Confirmed, Glare | INVITE | deliver offer, ask answer | Answering |
//! | Confirmed, Glare | INVITE without offer | ask offer | Answering |
//! | Confirmed, Offering, Answering, Reanswered | 2xx to INVITE, 2xx without description to INVITE | ACK | same |
//! | Offering, Reanswered | HangUp | aborted, BYE | Terminating |
//! | Offering | Describe | INVITE | Reinviting |
//! | Offering | no description, timer Description | aborted | Confirmed |
//! | Offering | INVITE | rolled back, deliver offer, ask answer | Answering |
//! | Offering | INVITE without offer | rolled back, ask offer | Answering |
//! | Reinviting | HangUp, gone, timer Expiry | CANCEL, aborted, BYE | Terminating |
//! | Reinviting | BYE | CANCEL, aborted, Ended | (over) |
//! | Reinviting | 2xx to re-INVITE | ACK, deliver answer, complete | Confirmed |
//! | Reinviting | 2xx without description to re-INVITE | ACK, refused | Confirmed |
//! | Reinviting | 491 to re-INVITE | rolled back | Glare |
//! | Reinviting | refusal to re-INVITE, 480 to re-INVITE | refused | Confirmed |
//! | Reinviting | timeout of our re-INVITE, loss of our re-INVITE, failed resending of our re-INVITE | aborted | Confirmed |
//! | Reinviting | timer Offer | CANCEL | same |
//! | Acknowledging | HangUp, no description, timer Description, gone, timer Expiry | ACK, aborted, BYE | Terminating |
//! | Acknowledging | Describe | ACK, complete | Confirmed |
//! | Glare | 2xx to re-INVITE, 2xx without description to re-INVITE | ACK | same |
//! | Glare | timer Offer | ask offer | Offering |
//! | Answering | HangUp, gone, timer Expiry | 487, aborted, BYE | Terminating |
//! | Answering | Describe | 200 | Reanswered |
//! | Answering | no description, timer Description | 488, refused | Confirmed |
//! | Answering | Reject | 486, refused | Confirmed |
//! | Answering | CANCEL | 487, aborted | Confirmed |
//! | Answering, Reanswered | loss of their INVITE | aborted | Confirmed |
//! | Reanswered | ACK, ACK without answer | complete | Confirmed |
//! | Reanswered | INVITE | complete, deliver offer, ask answer | Answering |
//! | Reanswered | INVITE without offer | complete, ask offer | Answering |
//! | Terminating | INVITE, INVITE without offer | 481 | same |
//! | Calling, Cancelling, Reinviting | UPDATE | 491 | same |
//! | AwaitingAnswer, Incoming, Accepting, HangingUp, Acknowledging, Answering | UPDATE | 500 | same |
//! | Answered, Reanswered | UPDATE | complete, deliver offer, ask answer | same |
//! | Confirmed, Glare | UPDATE | deliver offer, ask answer | same |
//! | Offering | UPDATE | rolled back, deliver offer, ask answer | Glare |
//! | Calling, Cancelling, AwaitingAnswer, Incoming, Accepting, Answered, HangingUp, Confirmed, Offering, Reinviting, Acknowledging, Glare, Answering, Reanswered | UPDATE without offer | 200 | same |
//! | Terminating | UPDATE, UPDATE without offer | 481 | same |
//! | Terminating | refusal to BYE, 2xx to BYE, timeout of our BYE, failed resending of our BYE | Ended | (over) |
//! | Terminating | loss of our BYE |  | LostBye |
//! | QueuedBye, LostBye | connection | BYE | Terminating |
//! | QueuedBye, LostBye | no connection | Ended | (over) |
//! | Reinviting for a repair | 480 to re-INVITE | refused, RepairFailed | Glare |
//! | Reinviting for a repair | refusal to re-INVITE | refused, RepairFailed | Confirmed |
//! | Reinviting for a repair | timeout of our re-INVITE, loss of our re-INVITE, failed resending of our re-INVITE | aborted, RepairFailed | Confirmed |
//! | Calling with redirections | 302 to INVITE | INVITE, Redirected, EarlyDialogEnded | same |
//! | Calling for an answer | Describe | PRACK | same |
//! | Calling for an answer | no description, timer Description | CANCEL | Cancelling |
//! | Calling for an answer | 2xx to INVITE | ACK, aborted, BYE | Terminating |
//! | Calling for an answer, Calling with our answer | 430 to INVITE | aborted, EarlyDialogEnded | QueuedInvite |
//! | Calling for an answer, Calling with our answer | resending of our INVITE | aborted, EarlyDialogEnded | same |
//! | Calling for an answer, Calling with our answer | 199 to INVITE | Progress, aborted, EarlyDialogEnded | same |
//! | Calling for an answer | reliable 1xx to INVITE, reliable 1xx without description to INVITE |  | same |
//! | Calling with our answer | 2xx to INVITE, 2xx without description to INVITE | complete, ACK, Established | Confirmed |
//! | Calling with our answer | reliable 1xx to INVITE | Progress, PRACK | same |
//! | Calling with our answer | 2xx to PRACK | complete | same |
//! | Calling with our answer | refusal to PRACK | refused, PrackFailed | same |
//! | Calling with our answer | timeout of our PRACK, failed resending of our PRACK | aborted, PrackFailed | same |
//! | Reinviting without offer | HangUp, gone, timer Expiry | CANCEL, BYE | Terminating |
//! | Reinviting without offer | Stop | Ended | (over) |
//! | Reinviting without offer | BYE | CANCEL, Ended | (over) |
//! | Reinviting without offer | 2xx to re-INVITE | deliver offer, ask answer | Acknowledging |
//! | Reinviting without offer | 2xx without description to re-INVITE | ACK, ModificationEnded | Confirmed |
//! | Reinviting without offer | 491 to re-INVITE |  | Glare |
//! | Reinviting without offer | refusal to re-INVITE, 480 to re-INVITE, timeout of our re-INVITE, loss of our re-INVITE, failed resending of our re-INVITE | ModificationEnded | Confirmed |
//! | Accepting with our offer, Answered with our offer, HangingUp with our offer, Answering with our offer, Reanswered with our offer | UPDATE | 491 | same |
//! | Calling for an answer | UPDATE | 500 | same |
//! | Calling with our answer | UPDATE | complete, deliver offer, ask answer | same |
//! | Calling negotiated | Stop, refusal to INVITE, timeout of our INVITE, loss of our INVITE, failed resending of our INVITE, 302 to INVITE | Ended | (over) |
//! | Calling negotiated | UPDATE | deliver offer, ask answer | same |
//! | Calling negotiated, Calling with an UPDATE | 2xx to INVITE, 2xx without description to INVITE | ACK, Established | Confirmed |
//! | Calling negotiated, Calling with an UPDATE | reliable 1xx to INVITE | Progress, PRACK | same |
//! | Calling negotiated, Calling with an UPDATE, Cancelling negotiated | refusal to PRACK, timeout of our PRACK, failed resending of our PRACK | PrackFailed | same |
//! | Calling with an UPDATE | HangUp, timer NoAnswer, timer Invitation | CANCEL, 487, aborted | Cancelling |
//! | Calling with an UPDATE | Describe | 200, complete | same |
//! | Calling with an UPDATE | no description | 488, refused | same |
//! | Calling with an UPDATE | UPDATE, UPDATE without offer | 500 | same |
//! | Calling with an UPDATE | 430 to INVITE | 487, aborted, EarlyDialogEnded | QueuedInvite |
//! | Calling with an UPDATE | refusal to INVITE, 302 to INVITE | 487, refused, Ended | (over) |
//! | Calling with an UPDATE | timeout of our INVITE, loss of our INVITE, failed resending of our INVITE | 487, aborted, Ended | (over) |
//! | Calling with an UPDATE | resending of our INVITE | 487, aborted, EarlyDialogEnded | same |
//! | Calling with an UPDATE | loss of their UPDATE | aborted | same |
//! | Calling with an UPDATE | timer Description | 504, refused | same |
//! | Calling with an UPDATE | 199 to INVITE | Progress, 487, aborted, EarlyDialogEnded | same |
//! | Cancelling negotiated | Stop, 430 to INVITE, refusal to INVITE, timeout of our INVITE, loss of our INVITE, failed resending of our INVITE, 302 to INVITE | Ended | (over) |
//! | Cancelling negotiated | UPDATE | 487 | same |
//! | Cancelling negotiated | 2xx to INVITE, 2xx without description to INVITE | ACK, BYE | Terminating |
//! | Incoming with our offer | Answer | ask offer | Accepting |
//! | Answered with our offer | ACK | deliver answer, complete, Established | Confirmed |
//! | Answered with our offer, HangingUp with our offer | ACK without answer | aborted, BYE | Terminating |
//! | HangingUp with our offer | ACK | aborted, BYE | Terminating |
//! | Answered with our offer, HangingUp with our offer, Reanswered with our offer | INVITE, INVITE without offer | 491 | same |
//! | Reanswered with our offer | ACK | deliver answer, complete | Confirmed |
//! | Reanswered with our offer | ACK without answer | refused | Confirmed |
//! | Incoming, Accepting | Progress | 183 | same |
//! | Incoming | Progress with description | deliver offer, ask answer | same |
//! | Incoming with our offer | Progress with description | ask offer | same |
//! | Incoming with early media, Incoming unacknowledged, Incoming negotiated, Incoming with a PRACK | Progress with description | (error) | same |
//! | Incoming with early media, Incoming unacknowledged, Incoming with a PRACK | Answer |  | Accepting |
//! | Incoming with early media, Incoming unacknowledged, Incoming with a preview | Reject | 486, refused, Ended | (over) |
//! | Incoming with early media, Incoming unacknowledged, Incoming with a preview | HangUp | 480, refused, Ended | (over) |
//! | Incoming with early media, Incoming unacknowledged, Incoming with a preview | CANCEL, BYE | 487, aborted, Ended | (over) |
//! | Incoming with early media, Incoming unacknowledged, Incoming with a preview | loss of their INVITE, Stop | aborted, Ended | (over) |
//! | Incoming with early media, Incoming unacknowledged, Incoming with a preview | timer NoAnswer | 408, refused, Ended | (over) |
//! | Incoming with early media | Describe | 183 | same |
//! | Incoming with early media | no description, timer Description | aborted | same |
//! | Incoming unacknowledged, Accepting unacknowledged | Ring, Progress, timer Ring |  | same |
//! | Incoming unacknowledged, Accepting unacknowledged | timer RepeatProvisional | 183 | same |
//! | Incoming unacknowledged, Accepting unacknowledged | timer Prack | 504, refused, Ended | (over) |
//! | Incoming unacknowledged | PRACK | complete, 200 | same |
//! | Incoming unacknowledged, Accepting unacknowledged | PRACK with description | complete, deliver offer, ask answer | same |
//! | Accepting unacknowledged | PRACK | complete, 200, 200 | Answered |
//! | Accepting unacknowledged | Describe, no description | (error) | same |
//! | Accepting unacknowledged | timer Description |  | same |
//! | Incoming unacknowledged with our offer | PRACK with description | 200, deliver answer, complete | same |
//! | Accepting unacknowledged with our offer | PRACK with description | 200, deliver answer, complete, 200 | Answered |
//! | Incoming unacknowledged with our offer, Accepting unacknowledged with our offer | PRACK | 200, 488, refused, Ended | (over) |
//! | Incoming with a preview | Progress, Progress with description, timer Ring | 183 | same |
//! | Incoming with a preview, Incoming negotiated | Answer | 200 | Answered |
//! | Incoming negotiated, Incoming with a PRACK, Accepting with a PRACK | timer Ring | 183 | same |
//! | Incoming with a PRACK | Stop | aborted, Ended | (over) |
//! | Incoming with a PRACK | Describe | 200, complete | same |
//! | Incoming with a PRACK | no description, timer Description | 488, refused | same |
//! | Incoming with a PRACK, Accepting with a PRACK | Reject | 487, 486, refused, Ended | (over) |
//! | Incoming with a PRACK, Accepting with a PRACK | HangUp | 487, 480, refused, Ended | (over) |
//! | Incoming with a PRACK, Accepting with a PRACK | CANCEL, BYE | 487, 487, aborted, Ended | (over) |
//! | Incoming with a PRACK, Accepting with a PRACK | loss of their INVITE | 487, aborted, Ended | (over) |
//! | Incoming with a PRACK, Accepting with a PRACK | timer NoAnswer | 487, 408, refused, Ended | (over) |
//! | Accepting with a PRACK | Describe | 200, complete, 200 | Answered |
//! | Accepting with a PRACK | no description, timer Description | 488, refused, 200 | Answered |
//! | Answered negotiated | ACK, ACK without answer | Established | Confirmed |
//! | Answered negotiated | INVITE | Established, deliver offer, ask answer | Answering |
//! | Answered negotiated | INVITE without offer | Established, ask offer | Answering |
//! | Answered negotiated | BYE, Stop | Ended | (over) |
//! | Answered negotiated | gone, timer GiveUp, timer Expiry | BYE | Terminating |
//! | Calling, Cancelling, AwaitingAnswer, Incoming, Accepting, Answered, HangingUp, Confirmed, Offering, Reinviting, Acknowledging, Glare, Answering, Reanswered, Terminating | PRACK, PRACK with description, PRACK of another response | 481 | same |
//! | Incoming with early media with our offer, Incoming unacknowledged with our offer, Accepting unacknowledged with our offer | UPDATE | 491 | same |
//! | Incoming negotiated, Incoming negotiated with our offer, Answered negotiated | UPDATE | deliver offer, ask answer | same |
//!
//! What is not listed changes nothing, and the call refuses the commands Ring, Progress, Answer, Reject, Renegotiate,
//! SendUpdate, Hold and Describe there ([`State::accepts`]), as it does in a row with `(error)`. `same` is the unchanged state;
//! `(over)` means that the entry of the call is freed. `Calling for an answer` is a call without an offer of this side in which a
//! reliable provisional response brought one, and `Calling with our answer` one whose PRACK carried the answer (RFC 3262 section
//! 5). `Calling negotiated` is a call in whose early dialog a reliable provisional response brought the answer, `Cancelling negotiated` one
//! that the application has given up since, and `with an UPDATE` one in which the offer in an UPDATE of the peer waits for its
//! answer (RFC 3311 section 5.2). `Calling with redirections` is a call that may follow redirections. `with our offer` is a call in which the INVITE of the peer had no offer,
//! so that the 2xx carries one (RFC 3261 section 13.2.1); such a row takes precedence over one of the plain state. Of an
//! unanswered call of the peer, `with early media` means that a provisional response waits for its description, `unacknowledged`
//! that one with a description waits for PRACK, `with a preview` that an unreliable one with the answer is sent, `negotiated`
//! that reliable responses have completed the exchange, and `with a PRACK` that the offer in a PRACK waits for its answer. `for
//! a repair` is a re-INVITE of a call whose peer knows a connection that is gone, and `without offer` one that leaves the offer
//! to the peer. The peer of SendUpdate takes no UPDATE here; `update.rs` has a table for one that does, and for its UPDATEs.
//! `HangUp` stands for `HangUpWith`, too, and `Reject` for `Refuse`: they differ in the content of the message alone.
//!
//! Methods and status codes are messages that this side sends. `ask`, `deliver`, `complete`, `refused`,
//! `rolled back` and `aborted` are the events that `offer.rs` emits for an exchange; `Progress`, `Redirected`, `EarlyDialogEnded`,
//! `PrackFailed`, `Established`, `ModificationEnded`, `RepairFailed` and `Ended` are events. A BYE or CANCEL of the peer is already
//! answered 200. `connection` is one that may carry requests; `gone` is a failure that ends the call (RFC 5057 section 5.1). This
//! side refreshes the session of each call in the table.

use alloc::boxed::Box;

use super::context::{Common, Context};
use super::input::Input;
use super::offer::Carrier;
use super::options::{DescriptionFailed, MessageOptions};
use super::refresh::{TimingEffect, TimingInput};
use super::state::{Calling, State};
use super::update::{self, Stepped};
use crate::endpoint::SessionTimer;
use crate::error::CommandError;
use crate::reason::{ByeFailure, Cause, EndReason};
use crate::requirement::Requirement;

impl State {
    /// Takes one input; `None` means that the call is over and its entry is freed at once.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<Self> {
        match (self, input) {
            (state, Input::Reject(status)) => state.step(Input::Refuse(status.into()), context),
            (state, Input::Answer) => state.step(Input::AnswerWith(MessageOptions::new()), context),
            (Self::Calling(state) | Self::Cancelling(state), Input::Stop) => {
                state.end(EndReason::local(Cause::Stopped), context)
            }
            (Self::QueuedInvite(state), Input::Stop) => {
                state.end(EndReason::local(Cause::Stopped), context)
            }
            (state, Input::HangUpWith(options)) => {
                if !state.is_hung_up() {
                    context.common.parting = Some(options);
                }
                state.step(Input::HangUp, context)
            }
            (state, Input::Stop) => context.end(EndReason {
                bye_failure: state.bye_failure_of_stop(),
                ..EndReason::local(Cause::Stopped)
            }),
            (state, Input::Timer(SessionTimer::Refresh)) => match context.refresh_is_due() {
                Some(TimingEffect::End) => state.expired(context),
                Some(_) => state.refresh(context),
                None => Some(state),
            },
            (state, Input::Timer(SessionTimer::Expiry)) => {
                match context.step_timing(TimingInput::Expired) {
                    Some(_) => state.expired(context),
                    None => Some(state),
                }
            }
            (state, input) => match update::step(state, input, context) {
                Stepped::Taken(next) => next,
                Stepped::Passed(state, input) => state.step_alone(input, context),
            },
        }
    }

    /// As [`State::step`], for an input that is not about an UPDATE.
    fn step_alone(self, input: Input<'_>, context: &mut Context<'_>) -> Option<Self> {
        match (self, input) {
            // It has the description, but no connection for it.
            (state, Input::Prack(transaction, request)) if !state.is_unanswered() => {
                context.late_prack(transaction, request);
                Some(state)
            }
            (Self::QueuedAck(state), input) => state.step(input, context),
            // Its exchanges are those of its early dialogs.
            (Self::Calling(state), input) => state.step(input, context),
            // A late application is like one that has no description.
            (state, Input::Timer(SessionTimer::Description)) => {
                match context.common.offer.asked() {
                    Some(exchange) => {
                        state.step(Input::Describe(exchange, Err(DescriptionFailed)), context)
                    }
                    None => Some(state),
                }
            }
            (Self::Incoming(state), input) => state.step(input, context),
            (Self::Accepting(state), input) => state.step_accepting(input, context),
            (Self::AwaitingOffer(state), input) => state.step(input, context),
            (Self::QueuedInvite(state), input) => state.step(input, context),
            (Self::Cancelling(state), input) => Calling::step_cancelling(state, input, context),
            (Self::AwaitingAnswer(state), input) => state.step(input, context),
            (Self::Answered(state), input) => state.step(input, context),
            (Self::HangingUp(state), input) => state.step_hanging_up(input, context),
            (Self::Confirmed(state), input) => state.step(input, context),
            (Self::Offering(state), input) => state.step(input, context),
            (Self::Reinviting(state), input) => state.step(input, context),
            (Self::Acknowledging(state), input) => state.step_again(input, context),
            (Self::Glare(state), input) => state.step(input, context),
            (Self::Answering(state), input) => state.step(input, context),
            (Self::Reanswered(state), input) => state.step_reanswered(input, context),
            (Self::Terminating(state), input) => state.step(input, context),
            (Self::QueuedBye(state), input) => state.step_queued(input, context),
            (Self::LostBye(state), input) => state.step_lost(input, context),
        }
    }

    /// Refreshes the session (RFC 4028 section 10); an INVITE that is under way does so, too.
    fn refresh(self, context: &mut Context<'_>) -> Option<Self> {
        match self {
            Self::Confirmed(call) => call.refresh(context),
            state => Some(state),
        }
    }

    /// Ends a call whose session has expired (RFC 4028 section 10).
    fn expired(self, context: &mut Context<'_>) -> Option<Self> {
        let reason = EndReason::transport(Cause::Expired);
        self.step(Input::Gone(Box::new(reason)), context)
    }

    /// Whether the message that ends the call is sent or wanted already.
    const fn is_hung_up(&self) -> bool {
        matches!(
            self,
            Self::Cancelling(_)
                | Self::HangingUp(_)
                | Self::Terminating(_)
                | Self::QueuedBye(_)
                | Self::LostBye(_)
        )
    }

    /// Whether the peer calls and has no final response.
    const fn is_unanswered(&self) -> bool {
        matches!(self, Self::Incoming(_) | Self::Accepting(_))
    }

    /// What the peer of a call misses that ends without a message.
    fn bye_failure_of_stop(&self) -> Option<ByeFailure> {
        match self {
            Self::AwaitingOffer(_)
            | Self::QueuedInvite(_)
            | Self::Calling(_)
            | Self::Cancelling(_)
            | Self::Incoming(_)
            | Self::Accepting(_) => None,
            Self::AwaitingAnswer(_)
            | Self::QueuedAck(_)
            | Self::Answered(_)
            | Self::HangingUp(_)
            | Self::Confirmed(_)
            | Self::Offering(_)
            | Self::Reinviting(_)
            | Self::Acknowledging(_)
            | Self::Glare(_)
            | Self::Answering(_)
            | Self::Reanswered(_)
            | Self::QueuedBye(_) => Some(ByeFailure::NotSent),
            Self::Terminating(_) | Self::LostBye(_) => Some(ByeFailure::NoResponse),
        }
    }

    /// Whether a command fits the state; messages and deadlines always do.
    pub(crate) fn accepts(&self, input: &Input<'_>, common: &Common) -> Result<(), CommandError> {
        let unanswered = self.is_unanswered();
        let fits = match input {
            Input::Ring | Input::Progress(_) | Input::Answer => unanswered,
            Input::AnswerWith(options) if options.body.is_some() => {
                return Err(CommandError::WrongState(Requirement::BodyIsDescription));
            }
            Input::AnswerWith(_) => unanswered,
            Input::Reject(_) | Input::Refuse(_) => {
                unanswered || matches!(self, Self::Answering(_)) || common.updates.are_answered()
            }
            Input::Renegotiate(_) | Input::Hold(_) => {
                matches!(self, Self::Confirmed(_)) && common.may_offer()
            }
            Input::SendUpdate(options) => return update::accepts(self, options, common),
            Input::SendUpdateIn(dialog, options) => {
                return update::accepts_in(self, *dialog, options);
            }
            Input::Describe(..) if common.offer.carrier() == Some(Carrier::Update) => true,
            Input::Describe(..) => matches!(
                self,
                Self::AwaitingOffer(_)
                    | Self::Calling(_)
                    | Self::AwaitingAnswer(_)
                    | Self::Incoming(_)
                    | Self::Accepting(_)
                    | Self::Offering(_)
                    | Self::Acknowledging(_)
                    | Self::Answering(_)
            ),
            _ => true,
        };
        if fits {
            return Ok(());
        }
        Err(match input {
            Input::Describe(..) => CommandError::ExchangeOver,
            Input::Renegotiate(_) | Input::Hold(_) => {
                CommandError::WrongState(Requirement::OneOfferAtATime)
            }
            _ => CommandError::WrongState(Requirement::Unanswered),
        })
    }
}
