//! The machine of a call: one state, consumed by each input and replaced by the next one.

use super::context::Context;
use super::input::Input;
use super::state::{Calling, State};
use crate::error::CommandError;
use crate::reason::{Cause, EndReason};

impl State {
    /// Takes one input; `None` means that the call is over and its entry is freed at once.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<Self> {
        match (self, input) {
            (_, Input::Stop) => context.end(EndReason::local(Cause::Stopped)),
            (Self::AwaitingOffer(state), input) => state.step(input, context),
            (Self::QueuedInvite(state), input) => state.step(input, context),
            (Self::Calling(state), input) => state.step(input, context),
            (Self::Cancelling(state), input) => Calling::step_cancelling(state, input, context),
            (Self::AwaitingAnswer(state), input) => state.step(input, context),
            (Self::QueuedAck(state), input) => state.step(input, context),
            (Self::Incoming(state), input) => state.step(input, context),
            (Self::Accepting(state), input) => state.step_accepting(input, context),
            (Self::Answered(state), input) => state.step(input, context),
            (Self::HangingUp(state), input) => state.step_hanging_up(input, context),
            (Self::Confirmed(state), input) => state.step(input, context),
            (Self::Offering(state), input) => state.step(input, context),
            (Self::Reinviting(state), input) => state.step(input, context),
            (Self::Glare(state), input) => state.step(input, context),
            (Self::Answering(state), input) => state.step(input, context),
            (Self::Reanswered(state), input) => state.step_reanswered(input, context),
            (Self::Terminating(state), input) => state.step(input, context),
            (Self::QueuedBye(state), input) => state.step_queued(input, context),
            (Self::LostBye(state), input) => state.step_lost(input, context),
        }
    }

    /// Whether a command fits the state; messages and deadlines always do.
    pub(crate) fn accepts(&self, input: &Input<'_>) -> Result<(), CommandError> {
        let unanswered = matches!(self, Self::Incoming(_) | Self::Accepting(_));
        let fits = match input {
            Input::Ring | Input::Answer => unanswered,
            Input::Reject(_) => unanswered || matches!(self, Self::Answering(_)),
            Input::Renegotiate => matches!(self, Self::Confirmed(_)),
            Input::Describe(..) => matches!(
                self,
                Self::AwaitingOffer(_)
                    | Self::AwaitingAnswer(_)
                    | Self::Accepting(_)
                    | Self::Offering(_)
                    | Self::Answering(_)
            ),
            _ => true,
        };
        if fits {
            return Ok(());
        }
        Err(match input {
            Input::Describe(..) => CommandError::ExchangeOver,
            Input::Renegotiate => {
                CommandError::WrongState("one INVITE at a time in a call that is up")
            }
            _ => CommandError::WrongState("the call is not one that waits for an answer"),
        })
    }
}
