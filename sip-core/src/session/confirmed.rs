//! A call that is up, with no INVITE under way in it.

use super::context::Context;
use super::input::Input;
use super::refresh::TimingInput;
use super::reinvite::{answer, bye, offer, refresh, repair};
use super::state::{Confirmed, State};
use crate::reason::{Cause, EndReason};

impl Confirmed {
    /// The state `Confirmed`.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            Input::Renegotiate => offer(self.dialog, 0, context),
            Input::Invite(transaction, request) => {
                answer(self.dialog, transaction, request, None, context)
            }
            Input::HangUp => context.hang_up(EndReason::local(Cause::Requested)),
            Input::Bye(request) => bye(request, context),
            Input::Gone(reason) => context.hang_up(*reason),
            Input::Connected if context.is_cut() => repair(self, context),
            Input::Connected => match context.step_timing(TimingInput::Connected) {
                Some(_) => refresh(self, context),
                None => Some(State::Confirmed(self)),
            },
            Input::Response(response) => {
                context.further_success(&response, false);
                Some(State::Confirmed(self))
            }
            _ => Some(State::Confirmed(self)),
        }
    }
}
