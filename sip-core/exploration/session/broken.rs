//! Rows of the table of a call that are broken on purpose, each of which the exploration has to catch.

use core::cell::Cell;
use core::time::Duration;

use sip_parse::Method;

use crate::action::Action;
use crate::endpoint::{SessionRequest, SessionTimer};
use crate::event::Event;
use crate::reason::{Cause, EndReason};
use crate::session::context::Context;
use crate::session::input::Input;
use crate::session::offer::Ending;
use crate::session::state::State;
use crate::session::transfer::{TransferEffects, TransferInput, TransferState};
use crate::transaction::TransactionError;

/// One row of the machine, broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// Calling, refusal to INVITE: nothing happens.
    CallingIgnoresRefusal,
    /// Calling, 2xx to INVITE: no ACK.
    CallingDoesNotAcknowledge,
    /// Calling, HangUp: no CANCEL.
    CallingDoesNotCancel,
    /// Accepting, CANCEL: nothing happens.
    AcceptingIgnoresCancel,
    /// Answered, ACK: the end of the exchange is not reported.
    AnsweredDoesNotEndItsExchange,
    /// Answered, timer GiveUp: nothing happens.
    AnsweredWaitsForEver,
    /// Confirmed, BYE: nothing happens.
    ConfirmedIgnoresBye,
    /// Offering, INVITE: not answered.
    OfferingIgnoresInvite,
    /// Reinviting, refusal: timer Offer runs on.
    ReinvitingKeepsItsTimer,
    /// Reinviting, HangUp: no BYE.
    ReinvitingEndsWithoutBye,
    /// Reinviting, 491: the next attempt has no timer.
    GlareHasNoTimer,
    /// UPDATE sent, 491: the next attempt has no timer.
    GlareOfUpdateHasNoTimer,
    /// UPDATE sent, UPDATE: an offer of the peer replaces the own one.
    UpdateTakesACrossingOffer,
    /// Terminating, 2xx to BYE: Ended twice.
    TerminatingEndsTwice,
    /// Terminating, loss of our BYE: nothing happens.
    TerminatingForgetsALostBye,
    /// QueuedBye, connection: over without BYE.
    QueuedByeIsNeverSent,
    /// Incoming, PRACK: nothing happens.
    IncomingIgnoresPrack,
    /// Accepting unacknowledged: the 2xx goes out with the offer unanswered.
    AcceptingDoesNotWaitForPrack,
    /// Calling, reliable 1xx to INVITE: no PRACK.
    CallingSendsNoPrack,
    /// Confirmed, timer Refresh: nothing happens.
    ConfirmedDoesNotRefresh,
    /// REFER sent, refusal: no end of the transfer.
    TransferHasNoEnd,
}

impl Broken {
    pub(super) const ALL: [Self; 21] = [
        Self::CallingIgnoresRefusal,
        Self::CallingDoesNotAcknowledge,
        Self::CallingDoesNotCancel,
        Self::AcceptingIgnoresCancel,
        Self::AnsweredDoesNotEndItsExchange,
        Self::AnsweredWaitsForEver,
        Self::ConfirmedIgnoresBye,
        Self::OfferingIgnoresInvite,
        Self::ReinvitingKeepsItsTimer,
        Self::ReinvitingEndsWithoutBye,
        Self::GlareHasNoTimer,
        Self::GlareOfUpdateHasNoTimer,
        Self::UpdateTakesACrossingOffer,
        Self::TerminatingEndsTwice,
        Self::TerminatingForgetsALostBye,
        Self::QueuedByeIsNeverSent,
        Self::IncomingIgnoresPrack,
        Self::AcceptingDoesNotWaitForPrack,
        Self::CallingSendsNoPrack,
        Self::ConfirmedDoesNotRefresh,
        Self::TransferHasNoEnd,
    ];

    /// Breaks this row for the calls of this thread.
    pub(super) fn breaks<T>(self, run: impl FnOnce() -> T) -> T {
        BROKEN.set(Some(self));
        let outcome = run();
        BROKEN.set(None);
        outcome
    }

    fn step(self, state: State, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        let status = match &input {
            Input::Response(response) => response.status().as_u16(),
            _ => 0,
        };
        let name = name(&state);
        let before = (name, is(&input));
        match (self, state, input) {
            (Self::CallingIgnoresRefusal, state @ State::Calling(_), Input::Response(_))
                if status >= 300 =>
            {
                Some(state)
            }
            (Self::CallingDoesNotCancel, State::Calling(calling), Input::HangUp) => {
                context.clear(SessionTimer::NoAnswer);
                Some(State::Cancelling(calling))
            }
            (Self::AcceptingIgnoresCancel, state @ State::Accepting(_), Input::Cancel(..))
            | (
                Self::AnsweredWaitsForEver,
                state @ State::Answered(_),
                Input::Timer(SessionTimer::GiveUp),
            )
            | (Self::IncomingIgnoresPrack, state @ State::Incoming(_), Input::Prack(..))
            | (Self::ConfirmedIgnoresBye, state @ State::Confirmed(_), Input::Bye(_))
            | (Self::OfferingIgnoresInvite, state @ State::Offering(_), Input::Invite(..))
            | (
                Self::TerminatingForgetsALostBye,
                state @ State::Terminating(_),
                Input::Failed(SessionRequest::Bye, TransactionError::ConnectionLost),
            ) => Some(state),
            (Self::ReinvitingEndsWithoutBye, State::Reinviting(reinviting), Input::HangUp) => {
                context.cancel(reinviting.transaction);
                context.end(EndReason::local(Cause::Requested))
            }
            (
                Self::AcceptingDoesNotWaitForPrack,
                State::Incoming(incoming),
                Input::Answer | Input::AnswerWith(_),
            ) if incoming.reliable.waits() => incoming.succeed(None, context),
            (
                Self::ConfirmedDoesNotRefresh,
                state @ State::Confirmed(_),
                Input::Timer(SessionTimer::Refresh),
            ) => {
                let _ = context.refresh_is_due();
                Some(state)
            }
            (Self::QueuedByeIsNeverSent, State::QueuedBye(over), Input::Connected) => {
                context.end(over.reason)
            }
            (Self::UpdateTakesACrossingOffer, state, Input::Update(transaction, request))
                if context.common.updates.are_sent() =>
            {
                let reason = EndReason::local(Cause::Glare);
                context.end_exchange(Ending::RolledBack, reason);
                state.step(Input::Update(transaction, request), context)
            }
            (_, state, input) => {
                let next = state.step(input, context);
                self.after(before, status, next.as_ref(), context);
                next
            }
        }
    }

    /// Changes what a step did.
    fn after(
        self,
        (state, input): (&str, &str),
        status: u16,
        next: Option<&State>,
        context: &mut Context<'_>,
    ) {
        match (self, state, input) {
            (Self::CallingDoesNotAcknowledge, "Calling", "response") => {
                context.endpoint.retain_actions(|action| {
                    let Action::Transmit { bytes, .. } = action else {
                        return true;
                    };
                    !bytes.starts_with(Method::Ack.as_bytes())
                });
            }
            (Self::CallingSendsNoPrack, "Calling", "response") => {
                context.endpoint.retain_actions(|action| {
                    let Action::Transmit { bytes, .. } = action else {
                        return true;
                    };
                    !bytes.starts_with(Method::Prack.as_bytes())
                });
            }
            (Self::AnsweredDoesNotEndItsExchange, "Answered", "ACK") => {
                context.endpoint.retain_actions(|action| {
                    !matches!(action, Action::Event(Event::ExchangeEnded { .. }))
                });
            }
            (Self::ReinvitingKeepsItsTimer, "Reinviting", "response")
                if status >= 300 && matches!(next, Some(State::Confirmed(_))) =>
            {
                context.set(SessionTimer::Offer, Duration::from_secs(300));
            }
            (Self::GlareHasNoTimer, "Reinviting", _) if matches!(next, Some(State::Glare(_))) => {
                context.clear(SessionTimer::Offer);
            }
            (Self::GlareOfUpdateHasNoTimer, _, "response") if status == 491 => {
                context.clear(SessionTimer::Update);
            }
            (Self::TerminatingEndsTwice, "Terminating", "response") if next.is_none() => {
                context.end(EndReason::local(Cause::Requested));
            }
            _ => {}
        }
    }
}

fn name(state: &State) -> &'static str {
    match state {
        State::Calling(_) => "Calling",
        State::Answered(_) => "Answered",
        State::Reinviting(_) => "Reinviting",
        State::Terminating(_) => "Terminating",
        _ => "another",
    }
}

fn is(input: &Input<'_>) -> &'static str {
    match input {
        Input::Response(_) => "response",
        Input::Ack(_) => "ACK",
        _ => "another",
    }
}

super::std::thread_local! {
    static BROKEN: Cell<Option<Broken>> = const { Cell::new(None) };
}

/// A step of a call, as it is or with its broken row.
pub(in crate::session) fn step(
    state: State,
    input: Input<'_>,
    context: &mut Context<'_>,
) -> Option<State> {
    match BROKEN.get() {
        Some(broken) => broken.step(state, input, context),
        None => state.step(input, context),
    }
}

/// A step of a REFER of this side, as it is or with its broken row.
pub(in crate::session) fn step_transfer(
    state: TransferState,
    input: TransferInput,
) -> (Option<TransferState>, TransferEffects) {
    match (BROKEN.get(), input) {
        (Some(Broken::TransferHasNoEnd), TransferInput::Refused) => (None, TransferEffects::new()),
        _ => state.step(input),
    }
}
