//! The states of the callee before the call is up (RFC 3261 section 13.3).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{Request, StatusCode};

use super::context::{Context, by_peer};
use super::input::Input;
use super::offer::Ending;
use super::reinvite::{after_exchange, answer, repair};
use super::reliable::Reliable;
use super::state::{Answered, Attempt, Confirmed, Incoming, State};
use crate::body::{Body, remote_description};
use crate::dialog::DialogId;
use crate::endpoint::{SessionTimer, takes_replaces};
use crate::event::Event;
use crate::ids::SessionId;
use crate::reason::{Cause, EndReason, ended_by_peer};
use crate::transaction::ServerTransactionId;

/// The calls that a request of a peer names.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct NamedCalls {
    /// The call that it replaces.
    pub(crate) replaces: Option<SessionId>,
    /// The call that it joins.
    pub(crate) joins: Option<SessionId>,
    /// The call whose dialog authorises it.
    pub(crate) target_dialog: Option<SessionId>,
}

/// Makes the call of a checked INVITE, in the state `Incoming`.
pub(crate) fn start(
    transaction: ServerTransactionId,
    dialog: DialogId,
    request: Box<Request>,
    named: NamedCalls,
    context: &mut Context<'_>,
) -> State {
    let patience = context.endpoint.behaviour().no_answer_timeout;
    let own = request.expires().ok().flatten();
    let own = own.map(|seconds| Duration::from_secs(u64::from(seconds)));
    let expires = own.is_some_and(|own| own < patience);
    context.common.dialog = Some(dialog);
    context.common.updates.learn(&request);
    context.common.connection = context.endpoint.layer.connection_of(transaction);
    let wait = own.filter(|_| expires).unwrap_or(patience);
    context.set(SessionTimer::NoAnswer, wait);
    let session = context.common.id;
    context.common.peer_replaces = takes_replaces(&request);
    if let Some(old) = named.replaces {
        context.common.seldom().replaces = Some(old);
    }
    context.endpoint.count_call(false);
    context.event(Event::IncomingCall {
        session,
        replaces: named.replaces,
        joins: named.joins,
        target_dialog: named.target_dialog,
        request: request.clone(),
    });
    State::Incoming(Box::new(Incoming {
        transaction,
        dialog,
        number: request.sequence().unwrap_or(0),
        reliable: Reliable::new(context.endpoint.behaviour().reliable_provisionals, &request),
        request,
        ringing: false,
        last: None,
        early: None,
        preview: None,
        negotiated: false,
        prack: None,
        headers: Vec::new(),
        expires,
    }))
}

impl Incoming {
    /// The state `Incoming`.
    pub(crate) fn step(
        mut self: Box<Self>,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let input = match self.step_early(input, context) {
            Ok(()) => return Some(State::Incoming(self)),
            Err(input) => input,
        };
        match input {
            Input::AnswerWith(options) => {
                self.headers = options.headers;
                self.accept(context)
            }
            // The description of a provisional response, or the answer to the offer in a PRACK.
            Input::Describe(_, description) => {
                self.describe(description, context);
                Some(State::Incoming(self))
            }
            Input::Prack(transaction, request) => {
                match self.on_prack(transaction, request, context) {
                    Ok(next) => next,
                    Err(mut waiting) => {
                        waiting.send_waiting(context);
                        Some(State::Incoming(waiting))
                    }
                }
            }
            input => match self.step_unanswered(input, context) {
                Ok(next) => next,
                Err(waiting) => Some(State::Incoming(waiting)),
            },
        }
    }

    /// The state `Accepting`.
    pub(crate) fn step_accepting(
        mut self: Box<Self>,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let input = match self.step_early(input, context) {
            Ok(()) => return Some(State::Accepting(self)),
            Err(input) => input,
        };
        match input {
            // The answer to the offer in a PRACK; the 2xx to the INVITE waited for it.
            Input::Describe(_, description) if self.prack.is_some() => {
                self.describe(description, context);
                self.accept(context)
            }
            Input::Describe(_, Ok(body)) => self.succeed(Some(&body), context),
            Input::Describe(_, Err(_)) => {
                let reason = EndReason::local(Cause::BadDescription);
                context.refuse(self.transaction, StatusCode::NOT_ACCEPTABLE_HERE);
                context.end_exchange(Ending::Refused, reason.clone());
                context.end(reason)
            }
            // The command is idempotent; later header fields replace earlier ones.
            Input::AnswerWith(options) => {
                if !options.headers.is_empty() {
                    self.headers = options.headers;
                }
                Some(State::Accepting(self))
            }
            Input::Prack(transaction, request) => {
                match self.on_prack(transaction, request, context) {
                    Ok(next) => next,
                    Err(waiting) => waiting.accept(context),
                }
            }
            input => match self.step_unanswered(input, context) {
                Ok(next) => next,
                Err(waiting) => Some(State::Accepting(waiting)),
            },
        }
    }

    /// The inputs that both states handle alike; `Err` returns the call if its state stays.
    fn step_unanswered(
        mut self: Box<Self>,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Result<Option<State>, Box<Self>> {
        let (status, reason) = match input {
            Input::Refuse(refusal) => {
                self.refuse_prack(context);
                context.refuse_with(self.transaction, &refusal);
                return Ok(context.end(EndReason {
                    status: Some(refusal.status()),
                    ..EndReason::local(Cause::Refused)
                }));
            }
            Input::HangUp => {
                self.refuse_prack(context);
                context.refuse_parting(self.transaction);
                return Ok(context.end(EndReason {
                    status: Some(StatusCode::TEMPORARILY_UNAVAILABLE),
                    ..EndReason::local(Cause::Refused)
                }));
            }
            Input::Timer(SessionTimer::NoAnswer) if self.expires => (
                StatusCode::REQUEST_TERMINATED,
                EndReason::local(Cause::NoAnswer),
            ),
            Input::Timer(SessionTimer::NoAnswer) => (
                StatusCode::REQUEST_TIMEOUT,
                EndReason::local(Cause::NoAnswer),
            ),
            // RFC 3262 section 3: no PRACK within 64 T1 ends the INVITE by a 5xx.
            Input::Timer(SessionTimer::Prack) if self.reliable.waits() => (
                StatusCode::SERVER_TIME_OUT,
                EndReason::transport(Cause::NoPrack),
            ),
            // RFC 3261 section 9.2: the CANCEL is already answered; the INVITE gets 487.
            Input::Cancel(transaction, cancel) if transaction == self.transaction => {
                self.refuse_prack(context);
                context.refuse(self.transaction, StatusCode::REQUEST_TERMINATED);
                return Ok(context.end(ended_by_peer(cancel, Cause::Cancelled)));
            }
            // RFC 3261 section 15.1.2: a BYE in the early dialog ends the INVITE with 487.
            Input::Bye(bye) => {
                self.refuse_prack(context);
                context.refuse(self.transaction, StatusCode::REQUEST_TERMINATED);
                return Ok(context.end(ended_by_peer(bye, Cause::Bye)));
            }
            // The connection of the INVITE is gone, so that no response can reach the peer.
            Input::ServerFailed(transaction) if transaction == self.transaction => {
                self.refuse_prack(context);
                return Ok(context.end(EndReason::transport(Cause::ConnectionLost)));
            }
            Input::Invite(transaction, _) => {
                context.refuse_for_now(transaction);
                return Err(self);
            }
            _ => return Err(self),
        };
        self.refuse_prack(context);
        context.refuse(self.transaction, status);
        Ok(context.end(EndReason {
            status: Some(status),
            ..reason
        }))
    }

    /// Sends the 2xx. Without a description it completes an INVITE whose exchange is over (RFC 6337 section 3.1.1).
    pub(crate) fn succeed(
        self: Box<Self>,
        body: Option<&Body>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let (dialog, transaction, status) = (self.dialog, self.transaction, StatusCode::OK);
        let sent = context.respond_with(dialog, transaction, status, &[], &self.headers, body);
        if sent.is_err() {
            context.refuse(transaction, StatusCode::SERVER_INTERNAL_ERROR);
            return context.end(EndReason::local(Cause::Malformed));
        }
        context.described();
        context.clear(SessionTimer::NoAnswer);
        context.clear(SessionTimer::Ring);
        // RFC 3262 section 3: a final response ends the repeats; a late PRACK gets 200.
        context.clear(SessionTimer::RepeatProvisional);
        context.clear(SessionTimer::Prack);
        context.endpoint.dialogs.confirm(dialog);
        let answered = Answered::sent(dialog, transaction, self.number, None, context);
        Some(State::Answered(answered))
    }
}

impl Answered {
    /// The 2xx has been sent: it is repeated until the ACK comes (RFC 3261 section 13.3.1.4).
    pub(crate) fn sent(
        dialog: DialogId,
        transaction: ServerTransactionId,
        number: u32,
        attempt: Option<Attempt>,
        context: &mut Context<'_>,
    ) -> Self {
        let timers = context.endpoint.timer_settings();
        context.common.connection = context.endpoint.layer.connection_of(transaction);
        context.set(SessionTimer::Repeat, timers.t1());
        context.set(SessionTimer::GiveUp, timers.h());
        Self {
            dialog,
            transaction,
            number,
            interval: timers.t1(),
            attempt,
        }
    }

    /// The state `Answered`.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            Input::Ack(ack) if self.is_acknowledged_by(ack) => {
                self.stop(context);
                if context.common.offer.awaits_answer() {
                    let Some(answer) = remote_description(ack) else {
                        return context.hang_up(by_peer(Cause::BadDescription));
                    };
                    context.answer_came(answer);
                }
                context.answer_acknowledged();
                context.established();
                let dialog = self.dialog;
                // The ACK may have arrived on another connection than the INVITE.
                repair(Confirmed { dialog }, context)
            }
            // RFC 5407 section 3.1.4: a peer that begins another INVITE has the 2xx, so that only its ACK is missing.
            Input::Invite(transaction, request) if !context.common.offer.awaits_answer() => {
                self.stop(context);
                context.answer_acknowledged();
                context.established();
                answer(self.dialog, transaction, request, None, context)
            }
            // RFC 3261 section 15: the callee waits for the ACK, or for the 2xx to time out.
            Input::HangUp => Some(State::HangingUp(self)),
            input => match self.step_sent(input, context) {
                Ok(next) => next,
                Err(waiting) => Some(State::Answered(waiting)),
            },
        }
    }

    /// The state `HangingUp`.
    pub(crate) fn step_hanging_up(
        self,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match input {
            Input::Ack(ack) if self.is_acknowledged_by(ack) => {
                context.answer_acknowledged();
                context.hang_up(EndReason::local(Cause::Requested))
            }
            input => match self.step_sent(input, context) {
                Ok(next) => next,
                Err(waiting) => Some(State::HangingUp(waiting)),
            },
        }
    }

    /// The state `Reanswered`: the 2xx to a re-INVITE is sent.
    pub(crate) fn step_reanswered(
        self,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let dialog = self.dialog;
        match input {
            Input::Ack(ack) if self.is_acknowledged_by(ack) => {
                self.stop(context);
                if context.common.offer.awaits_answer() {
                    match remote_description(ack) {
                        Some(answer) => context.answer_came(answer),
                        // RFC 3261 section 14.2 does not decide this case; the call continues unchanged,
                        // because common phones do the same.
                        None => {
                            let reason = by_peer(Cause::BadDescription);
                            context.end_exchange(Ending::Refused, reason);
                        }
                    }
                }
                context.answer_acknowledged();
                after_exchange(dialog, self.attempt, context)
            }
            // As in `Answered`.
            Input::Invite(transaction, request) if !context.common.offer.awaits_answer() => {
                self.stop(context);
                context.answer_acknowledged();
                answer(dialog, transaction, request, self.attempt, context)
            }
            Input::HangUp => context.hang_up(EndReason::local(Cause::Requested)),
            // The connection of the 2xx and the ACK is gone; the repair shows whether the peer is reachable.
            Input::ServerFailed(transaction) if transaction == self.transaction => {
                self.stop(context);
                let reason = EndReason::transport(Cause::ConnectionLost);
                context.end_exchange(Ending::Aborted, reason);
                after_exchange(dialog, self.attempt, context)
            }
            input => match self.step_sent(input, context) {
                Ok(next) => next,
                Err(waiting) => Some(State::Reanswered(waiting)),
            },
        }
    }

    /// The inputs that all three states handle alike; `Err` returns the state if it stays.
    fn step_sent(
        mut self,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Result<Option<State>, Self> {
        match input {
            Input::Bye(bye) => Ok(context.end(ended_by_peer(bye, Cause::Bye))),
            Input::Gone(reason) => Ok(context.hang_up(*reason)),
            Input::Timer(SessionTimer::Repeat) => {
                // A stale transaction means that its connection is gone; the core keeps waiting for the ACK.
                let _ = context.endpoint.layer.repeat_response(self.transaction);
                let longest = context.endpoint.timer_settings().t2();
                self.interval = self.interval.saturating_mul(2).min(longest);
                context.set(SessionTimer::Repeat, self.interval);
                Err(self)
            }
            // RFC 3261 section 13.3.1.4: no ACK within 64 T1 ends the call.
            Input::Timer(SessionTimer::GiveUp) => {
                Ok(context.hang_up(EndReason::transport(Cause::NoAck)))
            }
            // RFC 3264 section 4: one offer at a time, and the peer has to answer ours first.
            Input::Invite(transaction, _) if context.common.offer.awaits_answer() => {
                context.refuse(transaction, StatusCode::REQUEST_PENDING);
                Err(self)
            }
            Input::Invite(transaction, _) => {
                context.refuse_for_now(transaction);
                Err(self)
            }
            Input::Response(response) => {
                context.further_success(&response, false);
                Err(self)
            }
            _ => Err(self),
        }
    }

    /// Whether the ACK belongs to this INVITE; a late copy of an ACK to an earlier INVITE has another CSeq
    /// number.
    fn is_acknowledged_by(&self, ack: &Request) -> bool {
        ack.sequence() == Ok(self.number)
    }

    fn stop(&self, context: &mut Context<'_>) {
        context.clear(SessionTimer::Repeat);
        context.clear(SessionTimer::GiveUp);
    }
}
