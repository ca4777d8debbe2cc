//! The states of a call that is over except for its BYE (RFC 3261 section 15).

use alloc::boxed::Box;

use sip_parse::StatusCode;

use super::context::Context;
use super::input::Input;
use super::state::{State, Terminating};
use crate::endpoint::{SessionRequest, SessionTimer};
use crate::reason::{ByeFailure, Cause, EndReason, ended_by_peer};
use crate::transaction::TransactionError;

/// The status for an INVITE of the peer that arrives after the end of the call.
const OVER: StatusCode = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;

impl Terminating {
    /// The state `Terminating`.
    pub(crate) fn step(mut self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            // RFC 3261 section 15.1.1: every outcome of the BYE ends the call.
            Input::Response(response) if response.to == SessionRequest::Bye => {
                let status = response.status();
                if status.is_provisional() {
                    return Some(State::Terminating(self));
                }
                if status.is_success() || status == OVER {
                    return context.end(self.reason);
                }
                let failure = ByeFailure::Refused(status);
                context.end(self.without_bye(failure))
            }
            Input::NotResent(SessionRequest::Bye, _)
            | Input::Failed(SessionRequest::Bye, TransactionError::Timeout) => {
                context.end(self.without_bye(ByeFailure::NoResponse))
            }
            Input::Bye(_) => {
                self.peer_knows = true;
                Some(State::Terminating(self))
            }
            Input::Failed(SessionRequest::Bye, TransactionError::ConnectionLost) => {
                let rest = context.rest_of_wait(self.since);
                context.set(SessionTimer::GiveUp, rest);
                Some(State::LostBye(self))
            }
            Input::Response(response) => {
                context.further_success(&response, false);
                Some(State::Terminating(self))
            }
            Input::Invite(transaction, _) => {
                context.refuse(transaction, OVER);
                Some(State::Terminating(self))
            }
            _ => Some(State::Terminating(self)),
        }
    }

    /// The reason of a call whose BYE did not end it at the peer.
    fn without_bye(mut self, failure: ByeFailure) -> Box<EndReason> {
        self.reason.bye_failure = Some(failure).filter(|_| !self.peer_knows);
        self.reason
    }

    /// The state `QueuedBye`.
    pub(crate) fn step_queued(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        let unsent = |mut reason: Box<EndReason>| {
            reason.cause = Cause::NeverSent;
            reason.bye_failure = Some(ByeFailure::NotSent);
            reason
        };
        match input {
            Input::Timer(SessionTimer::GiveUp) if context.endpoint.flow.is_none() => {
                context.end(unsent(self.reason))
            }
            Input::Abandoned => context.end(unsent(self.reason)),
            input => match self.step_waiting(input, context) {
                Ok(next) => next,
                Err(waiting) => Some(State::QueuedBye(waiting)),
            },
        }
    }

    /// The state `LostBye`.
    pub(crate) fn step_lost(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            Input::Timer(SessionTimer::GiveUp) if context.endpoint.flow.is_none() => {
                context.end(self.without_bye(ByeFailure::NoResponse))
            }
            Input::Abandoned => context.end(self.without_bye(ByeFailure::NoResponse)),
            input => match self.step_waiting(input, context) {
                Ok(next) => next,
                Err(waiting) => Some(State::LostBye(waiting)),
            },
        }
    }

    /// The inputs that both waiting states handle alike; `Err` returns the call if its state stays.
    fn step_waiting(
        self,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Result<Option<State>, Self> {
        match input {
            Input::Connected => {
                context.clear(SessionTimer::GiveUp);
                Ok(context.send_bye(self))
            }
            // At the deadline the BYE goes out on the flow in use, although the registration is not complete.
            Input::Timer(SessionTimer::GiveUp) => {
                context.on_flow_in_use();
                Ok(context.send_bye(self))
            }
            // The BYE of the peer makes that of this side unnecessary (RFC 3261 section 15.1.2).
            Input::Bye(bye) => Ok(context.end(ended_by_peer(bye, Cause::Bye))),
            Input::Response(response) => {
                context.further_success(&response, false);
                Err(self)
            }
            Input::Invite(transaction, _) => {
                context.refuse(transaction, OVER);
                Err(self)
            }
            _ => Err(self),
        }
    }
}
