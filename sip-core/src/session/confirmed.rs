//! A call that is up, with no INVITE under way in it.

use super::context::Context;
use super::input::Input;
use super::options::ModifyOptions;
use super::refresh::TimingInput;
use super::reinvite::{answer, bye, offer, repair};
use super::state::{Attempt, Confirmed, State};
use super::update::refresh;
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
            Input::Connected if context.is_cut() => repair(self, context),
            Input::Connected => match context.step_timing(TimingInput::Connected) {
                Some(_) => self.refresh(context),
                None => Some(State::Confirmed(self)),
            },
            Input::Response(response) => {
                context.further_success(&response, false);
                Some(State::Confirmed(self))
            }
            _ => Some(State::Confirmed(self)),
        }
    }

    /// Refreshes the session (RFC 4028 section 10): by an UPDATE without an offer if the peer takes UPDATE, else by a
    /// re-INVITE, whose offer says what it said before. Without a connection the refresh waits for one.
    pub(crate) fn refresh(self, context: &mut Context<'_>) -> Option<State> {
        let waits = context.must_wait(self.dialog);
        // An exchange that is under way by UPDATE refreshes, too.
        if waits || refresh(context) || !context.common.may_offer() {
            return Some(State::Confirmed(self));
        }
        offer(self.dialog, Attempt::default(), context)
    }
}
