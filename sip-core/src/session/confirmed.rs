//! A call that is up, with no INVITE under way in it.

use super::context::Context;
use super::input::Input;
use super::options::ModifyOptions;
use super::reinvite::{answer, bye, offer, repair};
use super::state::{Attempt, Confirmed, State};
use crate::reason::{Cause, EndReason};

impl Confirmed {
    /// The state `Confirmed`.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            Input::Renegotiate(options) => offer(self.dialog, Attempt::of(options, None), context),
            Input::Hold(hold) => {
                let attempt = Attempt::of(ModifyOptions::new(), Some(hold));
                offer(self.dialog, attempt, context)
            }
            Input::Invite(transaction, request) => {
                answer(self.dialog, transaction, request, None, context)
            }
            Input::HangUp => context.hang_up(EndReason::local(Cause::Requested)),
            Input::Bye(request) => bye(request, context),
            Input::Gone(reason) => context.hang_up(*reason),
            Input::Connected => repair(self, context),
            Input::Response(response) => {
                context.further_success(&response, false);
                Some(State::Confirmed(self))
            }
            _ => Some(State::Confirmed(self)),
        }
    }
}
