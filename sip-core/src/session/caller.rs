//! The states of the caller before the call is up (RFC 3261 section 13.2).

use alloc::boxed::Box;
use core::time::Duration;

use sip_parse::StatusCode;

use super::context::{Context, by_peer};
use super::input::{Input, ResponseTo};
use super::offer::{Carrier, Exchange};
use super::options::Forks;
use super::reinvite::repair;
use super::state::{
    AwaitingAnswer, Calling, Confirmed, EarlyAnswer, EarlyDialog, EarlyDialogs, NewInvite,
    QueuedAck, QueuedInvite, Redirection, State, WaitingInvite,
};
use crate::body::{Body, remote_description};
use crate::dialog::DialogId;
use crate::endpoint::{
    Duty, MaySend, Sent, SentRequest, SessionRequest, SessionTimer, takes_replaces,
};
use crate::reason::{
    Cause, EndReason, Originator, ended_by_peer, failure, refusal, send_failure_cause,
};
use crate::transaction::SendError;

/// A ringing callee sends a provisional response at least once a minute (RFC 3261 section 13.3.1.1). The core
/// gives the call up after five minutes without one.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// Begins a call: requests the offer from the application, or sends the INVITE without one.
pub(crate) fn start(
    mut invite: Box<NewInvite>,
    context: &mut Context<'_>,
) -> Result<State, SendError> {
    context.common.caller = true;
    context.common.claims = invite.options.forks == Forks::Claim;
    if invite.options.late_offer {
        invite.offer = None;
        return send_or_queue(*invite, context);
    }
    context.want_offer(Carrier::Invite);
    Ok(State::AwaitingOffer(invite))
}

/// Sends the INVITE, or keeps it until there is a connection (`offlineRequests`).
fn send_or_queue(invite: NewInvite, context: &mut Context<'_>) -> Result<State, SendError> {
    match context
        .endpoint
        .may_send(invite.duty(), invite.target.as_bytes())
    {
        MaySend::Now(connection) => {
            let transaction = invite.send(connection, None, context)?;
            context.common.connection = Some(connection);
            context.described();
            if let Some(expires) = invite.options.expires {
                let expires = Duration::from_secs(u64::from(expires));
                context.set(SessionTimer::Invitation, expires);
            }
            Ok(State::Calling(Calling {
                transaction,
                sent_again: false,
                early: EarlyDialogs::default(),
                cause: Cause::Cancelled,
                redirection: Redirection::of(invite),
            }))
        }
        // A closed connection never opens again: a call that names one does not wait.
        MaySend::Later if invite.connection.is_some() => Err(SendError::NotConnected),
        MaySend::Later => {
            context.described();
            Ok(queue(WaitingInvite::New(invite), context))
        }
        MaySend::Never(error) => Err(error),
    }
}

fn queue(invite: WaitingInvite, context: &mut Context<'_>) -> State {
    let patience = context.endpoint.longest_wait();
    context.set(SessionTimer::GiveUp, patience);
    let sequence = context.endpoint.next_sequence();
    State::QueuedInvite(Box::new(QueuedInvite { invite, sequence }))
}

/// Ends the call if its INVITE cannot be sent.
fn started_or_ended(started: Result<State, SendError>, context: &mut Context<'_>) -> Option<State> {
    match started {
        Ok(state) => Some(state),
        Err(error) => context.end(EndReason::local(send_failure_cause(&error))),
    }
}

/// Begins the call of a further branch that answered the INVITE of another call; `known` is what it answered before its 2xx.
pub(crate) fn branch(
    dialog: DialogId,
    known: Option<EarlyAnswer>,
    response: &ResponseTo<'_>,
    context: &mut Context<'_>,
) -> Option<State> {
    let invite = context.common.offer;
    let early = known.map(|known| EarlyDialog::claimed(dialog, invite, known));
    let calling = Calling {
        transaction: response.transaction,
        sent_again: false,
        early: EarlyDialogs {
            dialogs: early.into_iter().collect(),
            answered: false,
        },
        cause: Cause::Cancelled,
        redirection: None,
    };
    calling.accepted(response, false, context)
}

impl NewInvite {
    /// Why the INVITE is sent: a call with a connection of its own does not use the flow.
    pub(crate) fn duty(&self) -> Duty {
        match self.connection {
            Some(connection) => Duty::Owed(Some(connection)),
            None => Duty::Command,
        }
    }

    /// The state `AwaitingOffer`.
    pub(crate) fn step(
        mut self: Box<Self>,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match input {
            Input::Describe(_, Ok(offer)) => {
                self.offer = Some(offer);
                let started = send_or_queue(*self, context);
                started_or_ended(started, context)
            }
            Input::Describe(_, Err(_)) => context.end(EndReason::local(Cause::BadDescription)),
            Input::HangUp => context.end(EndReason::local(Cause::Requested)),
            _ => Some(State::AwaitingOffer(self)),
        }
    }
}

impl QueuedInvite {
    /// The state `QueuedInvite`.
    pub(crate) fn step(
        self: Box<Self>,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match input {
            Input::Connected if context.endpoint.is_ready() => {
                context.clear(SessionTimer::GiveUp);
                match self.invite {
                    WaitingInvite::New(invite) => {
                        let started = send_or_queue(invite, context);
                        started_or_ended(started, context)
                    }
                    WaitingInvite::Again { request, calling } => {
                        calling.send_again(&request, context)
                    }
                }
            }
            // The deadline of the wait for a connection has passed.
            Input::Timer(SessionTimer::GiveUp) => {
                self.end(EndReason::transport(Cause::Timeout), context)
            }
            Input::Timer(SessionTimer::Invitation) => {
                self.end(EndReason::local(Cause::NoAnswer), context)
            }
            Input::HangUp => self.end(EndReason::local(Cause::Requested), context),
            _ => Some(State::QueuedInvite(self)),
        }
    }

    /// Ends the call while its INVITE waits.
    pub(crate) fn end(
        self: Box<Self>,
        reason: EndReason,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match self.invite {
            WaitingInvite::New(_) => context.end(reason),
            WaitingInvite::Again { calling, .. } => calling.end(reason, context),
        }
    }
}

impl Calling {
    /// Sends the INVITE again, with the Route and Contact of the new binding.
    fn send_again(mut self, request: &SentRequest, context: &mut Context<'_>) -> Option<State> {
        let connection = context.endpoint.flow.as_ref().map(|flow| flow.connection);
        let sent = Sent::outside(context.common.user(SessionRequest::Invite));
        let again = connection
            .ok_or(SendError::NotConnected)
            .and_then(|connection| context.endpoint.send_again(connection, request, sent));
        match again {
            Ok(transaction) => {
                context.common.connection = connection;
                self.transaction = transaction;
                self.sent_again = true;
                Some(State::Calling(self))
            }
            Err(error) => self.end(EndReason::local(send_failure_cause(&error)), context),
        }
    }

    /// The state `Calling`.
    pub(crate) fn step(mut self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            Input::Response(response) if response.to == SessionRequest::Invite => {
                self.on_response(&response, context)
            }
            Input::Resent(SessionRequest::Invite, transaction) => {
                let reason = by_peer(Cause::Authentication);
                self.early.reset(&reason, context);
                self.transaction = transaction;
                Some(State::Calling(self))
            }
            Input::NotResent(SessionRequest::Invite, error) => {
                self.end(EndReason::local(send_failure_cause(&error)), context)
            }
            Input::Failed(SessionRequest::Invite, error) => self.end(failure(error), context),
            Input::Describe(exchange, Ok(answer)) => {
                self.early.described(exchange, answer, context);
                Some(State::Calling(self))
            }
            Input::Describe(exchange, Err(failed)) if self.early.is_of_update(exchange) => {
                self.early.answer_update(exchange, Err(failed), context);
                Some(State::Calling(self))
            }
            Input::ServerFailed(update) => {
                self.early.update_lost(update, context);
                Some(State::Calling(self))
            }
            Input::Timer(SessionTimer::Description) if self.early.awaits_update() => {
                self.early.refuse_late_updates(context);
                Some(State::Calling(self))
            }
            // The offer of a reliable provisional response gets no answer, so that the peer could not answer the call either.
            Input::Describe(_, Err(_)) => self.cancel(Cause::BadDescription, context),
            Input::Timer(SessionTimer::Description) if self.early.asked() => {
                self.cancel(Cause::BadDescription, context)
            }
            Input::Connected => {
                self.early.connected(context);
                Some(State::Calling(self))
            }
            input @ (Input::Response(_) | Input::Failed(..) | Input::NotResent(..)) => {
                self.early.on_prack(input, context);
                Some(State::Calling(self))
            }
            // RFC 3261 section 13.2.1: the INVITE has expired.
            Input::Timer(SessionTimer::Invitation) => self.cancel(Cause::NoAnswer, context),
            // The peer is silent for too long, or the application hangs up.
            Input::Timer(SessionTimer::NoAnswer) | Input::HangUp => {
                self.cancel(Cause::Cancelled, context)
            }
            Input::Invite(transaction, _) => {
                context.refuse(transaction, StatusCode::REQUEST_PENDING);
                Some(State::Calling(self))
            }
            _ => Some(State::Calling(self)),
        }
    }

    fn on_response(
        mut self,
        response: &ResponseTo<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let status = response.status();
        if status.is_provisional() {
            context.set(SessionTimer::NoAnswer, LONGEST_SILENCE);
            // RFC 3261 section 13.2.2.1: 100 only confirms receipt.
            if status != StatusCode::TRYING {
                self.early.on_progress(response, false, context);
            }
            return Some(State::Calling(self));
        }
        if status.is_success() {
            return self.accepted(response, false, context);
        }
        if status == StatusCode::FLOW_FAILED && !self.sent_again && response.may_wait {
            context.clear(SessionTimer::NoAnswer);
            self.early.reset(&response.refusal(), context);
            let request = response.request.clone();
            let calling = self;
            return Some(queue(WaitingInvite::Again { request, calling }, context));
        }
        if let Some(transaction) = context.raise_interval(response) {
            self.early.reset(&response.refusal(), context);
            self.transaction = transaction;
            return Some(State::Calling(self));
        }
        let redirection = self.redirection.as_mut();
        if let Some(transaction) =
            redirection.and_then(|redirection| redirection.follow(response, context))
        {
            context.clear(SessionTimer::NoAnswer);
            self.early.reset(&response.refusal(), context);
            self.transaction = transaction;
            return Some(State::Calling(self));
        }
        self.end(response.refusal(), context)
    }

    /// Cancels the INVITE; `cause` is why the call ends.
    fn cancel(mut self, cause: Cause, context: &mut Context<'_>) -> Option<State> {
        context.clear(SessionTimer::NoAnswer);
        context.clear(SessionTimer::Description);
        context.clear(SessionTimer::Invitation);
        context.cancel(self.transaction);
        self.cause = cause;
        self.early.abort_updates(cause, context);
        Some(State::Cancelling(self))
    }

    /// Ends the call without a 2xx, and every exchange in its early dialogs before.
    pub(crate) fn end(self, reason: EndReason, context: &mut Context<'_>) -> Option<State> {
        self.early.close(&reason, context);
        context.end(reason)
    }

    /// Handles a 2xx (RFC 3261 section 13.2.2.4).
    fn accepted(
        self,
        response: &ResponseTo<'_>,
        cancelled: bool,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let invite = response.request.request();
        let dialogs = &mut context.endpoint.dialogs;
        let set = context.common.set;
        let established =
            invite.and_then(|invite| dialogs.establish(set, invite, response.response).ok());
        let Some(established) = established else {
            // No dialog can be kept, as with more routes than `Limits::routes`; ACK and BYE need none.
            context.endpoint.end_branch(response.success());
            return self.end(by_peer(Cause::Malformed), context);
        };
        let dialog = established.dialog;
        let chosen = self.early.choose(dialog, context);
        context.common.updates.learn(response.response);
        context.common.dialog = Some(dialog);
        context.common.invite = Some(response.transaction);
        context.common.peer_replaces = takes_replaces(response.response);
        context.endpoint.keep_only(response.transaction, dialog);
        context.refreshed_by(response.response);
        let call = context.common.id.to_bits();
        context
            .endpoint
            .debug("sip.dialog", call, "a dialog begins");
        context.clear(SessionTimer::NoAnswer);
        context.clear(SessionTimer::Invitation);
        let unusable = context.unusable_target(&established, response);
        let is_open = context.common.offer == Exchange::Idle && !chosen.complete;
        let takes_offer = is_open && !cancelled && unusable.is_none();
        let offer = takes_offer.then(|| remote_description(response.response));
        if let Some(offer) = offer.flatten() {
            context.offer_came(Carrier::Success, offer);
            return Some(State::AwaitingAnswer(Box::new(AwaitingAnswer {
                dialog,
                transaction: response.transaction,
                invite: response.request.clone(),
            })));
        }
        // The dialog has the target of the 2xx.
        let (transaction, invite) = (response.transaction, response.request);
        let acknowledged = context.acknowledge(dialog, transaction, invite, None, None);
        if acknowledged.is_err() {
            return context.end(EndReason::transport(Cause::ConnectionLost));
        }
        // RFC 3261 section 15: BYE ends a 2xx that crossed the CANCEL, and a 2xx without a usable
        // description.
        if cancelled {
            return context.hang_up(EndReason::local(self.cause));
        }
        if let Some(cause) = unusable {
            return context.hang_up(by_peer(cause));
        }
        if !chosen.complete || context.common.offer.awaits_answer() {
            // The answer of the 2xx, else the earlier one of the same dialog (RFC 3261 section 13.2.1). A claimed branch has that of
            // a reliable response before any other (RFC 3262 section 5).
            let late = remote_description(response.response).filter(|_| !chosen.complete);
            let answer = late.or(chosen.preview);
            let answer = answer.filter(|_| context.common.offer.awaits_answer());
            let Some(answer) = answer else {
                return context.hang_up(by_peer(Cause::BadDescription));
            };
            context.answer_came(answer);
        }
        context.established();
        Some(State::Confirmed(Confirmed { dialog }))
    }

    /// The state `Cancelling`.
    pub(crate) fn step_cancelling(
        mut self,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let cancelled = EndReason::local(self.cause);
        match input {
            Input::Response(response) if response.to == SessionRequest::Invite => {
                let status = response.status();
                if status == StatusCode::TRYING {
                    Some(State::Cancelling(self))
                } else if status.is_provisional() {
                    self.early.on_progress(&response, true, context);
                    Some(State::Cancelling(self))
                } else if status.is_success() {
                    self.accepted(&response, true, context)
                } else {
                    let reason = EndReason {
                        originator: Originator::Local,
                        cause: self.cause,
                        ..refusal(response.response)
                    };
                    self.end(reason, context)
                }
            }
            Input::Resent(SessionRequest::Invite, transaction) => {
                self.transaction = transaction;
                Some(State::Cancelling(self))
            }
            Input::Failed(SessionRequest::Invite, _)
            | Input::NotResent(SessionRequest::Invite, _) => self.end(cancelled, context),
            Input::Connected => {
                self.early.connected(context);
                Some(State::Cancelling(self))
            }
            input @ (Input::Response(_) | Input::Failed(..) | Input::NotResent(..)) => {
                self.early.on_prack(input, context);
                Some(State::Cancelling(self))
            }
            Input::Invite(transaction, _) => {
                context.refuse(transaction, StatusCode::REQUEST_PENDING);
                Some(State::Cancelling(self))
            }
            _ => Some(State::Cancelling(self)),
        }
    }
}

impl AwaitingAnswer {
    /// The state `AwaitingAnswer`.
    pub(crate) fn step(
        self: Box<Self>,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match input {
            Input::Describe(_, Ok(answer)) => self.described(answer, context),
            // The core acknowledges the 2xx in any case, because the peer repeats it until then (RFC 3261
            // section 13.2.2.4).
            Input::Describe(_, Err(_)) => self.ack_and_bye(Cause::BadDescription, context),
            Input::HangUp => self.ack_and_bye(Cause::Requested, context),
            // The peer hung up before the ACK was sent, so the core does not send it.
            Input::Bye(bye) => context.end(ended_by_peer(bye, Cause::Bye)),
            Input::Response(response) => {
                context.further_success(&response, true);
                Some(State::AwaitingAnswer(self))
            }
            Input::Invite(transaction, _) => {
                context.refuse(transaction, StatusCode::REQUEST_PENDING);
                Some(State::AwaitingAnswer(self))
            }
            _ => Some(State::AwaitingAnswer(self)),
        }
    }

    fn described(self: Box<Self>, answer: Body, context: &mut Context<'_>) -> Option<State> {
        // The deadline of the ACK runs on while it waits for a connection.
        if context.must_wait(self.dialog) {
            let call = *self;
            return Some(State::QueuedAck(Box::new(QueuedAck { call, answer })));
        }
        let (dialog, invite) = (self.dialog, &self.invite);
        let acknowledged =
            context.acknowledge(dialog, self.transaction, invite, None, Some(&answer));
        if let Err(error) = acknowledged {
            return context.end(EndReason::transport(send_failure_cause(&error)));
        }
        context.described();
        context.established();
        let dialog = self.dialog;
        // The INVITE may have gone out on another connection.
        repair(Confirmed { dialog }, context)
    }

    fn ack_and_bye(self: Box<Self>, cause: Cause, context: &mut Context<'_>) -> Option<State> {
        match context.acknowledge(self.dialog, self.transaction, &self.invite, None, None) {
            Ok(()) => context.hang_up(EndReason::local(cause)),
            Err(_) if cause == Cause::Requested => context.end(EndReason::local(cause)),
            Err(_) => context.end(EndReason::transport(Cause::ConnectionLost)),
        }
    }
}

impl QueuedAck {
    /// The state `QueuedAck`.
    pub(crate) fn step(
        self: Box<Self>,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match input {
            Input::Connected => Box::new(self.call).described(self.answer, context),
            // No connection opened in time for the answer.
            Input::Timer(SessionTimer::Description) => {
                context.end(EndReason::transport(Cause::ConnectionLost))
            }
            Input::HangUp => Box::new(self.call).ack_and_bye(Cause::Requested, context),
            Input::Bye(bye) => context.end(ended_by_peer(bye, Cause::Bye)),
            Input::Response(response) => {
                context.further_success(&response, true);
                Some(State::QueuedAck(self))
            }
            Input::Invite(transaction, _) => {
                context.refuse(transaction, StatusCode::REQUEST_PENDING);
                Some(State::QueuedAck(self))
            }
            _ => Some(State::QueuedAck(self)),
        }
    }
}
