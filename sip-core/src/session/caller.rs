//! The states of the caller before the call is up (RFC 3261 section 13.2).

use alloc::boxed::Box;
use core::time::Duration;

use sip_parse::StatusCode;
use smallvec::SmallVec;

use super::context::{Context, by_peer};
use super::input::{Input, ResponseTo};
use super::offer::Carrier;
use super::reinvite::repair;
use super::state::{
    AwaitingAnswer, Calling, Confirmed, NewInvite, QueuedAck, QueuedInvite, State, WaitingInvite,
};
use crate::body::{Body, RemoteDescription, remote_description};
use crate::dialog::DialogId;
use crate::endpoint::{
    Duty, MaySend, NewCall, Sent, SentRequest, SessionRequest, SessionTimer, takes_replaces,
};
use crate::event::Event;
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
        .may_send(duty(&invite), invite.target.as_bytes())
    {
        MaySend::Now(connection) => {
            let fields = context.timer_fields();
            let from = invite.options.from.as_ref();
            let call = NewCall {
                connection,
                target: invite.target.as_bytes(),
                anonymous: invite.options.anonymous,
                from: from.map(|from| (from.uri.as_bytes(), from.display.as_deref())),
                own: &fields.own(),
                headers: &invite.options.headers,
                offer: invite.offer.as_ref(),
            };
            let user = context.common.user(SessionRequest::Invite);
            let set = context.common.set;
            let transaction = context.endpoint.send_invite(set, &call, user)?;
            context.common.connection = Some(connection);
            context.described();
            Ok(State::Calling(Calling {
                transaction,
                late_offer: invite.options.late_offer,
                sent_again: false,
                previews: None,
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

/// Why the INVITE is sent: a call with a connection of its own does not use the flow.
fn duty(invite: &NewInvite) -> Duty {
    match invite.connection {
        Some(connection) => Duty::Owed(Some(connection)),
        None => Duty::Command,
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

impl NewInvite {
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
                let started = match self.invite {
                    WaitingInvite::New(invite) => send_or_queue(invite, context),
                    WaitingInvite::Again {
                        request,
                        late_offer,
                    } => send_again(&request, late_offer, context),
                };
                started_or_ended(started, context)
            }
            // The deadline of the wait for a connection has passed.
            Input::Timer(SessionTimer::GiveUp) => context.end(EndReason::transport(Cause::Timeout)),
            Input::HangUp => context.end(EndReason::local(Cause::Requested)),
            _ => Some(State::QueuedInvite(self)),
        }
    }
}

/// Sends the INVITE again, with the Route and Contact of the new binding.
fn send_again(
    request: &SentRequest,
    late_offer: bool,
    context: &mut Context<'_>,
) -> Result<State, SendError> {
    let flow = context.endpoint.flow.as_ref();
    let connection = flow.ok_or(SendError::NotConnected)?.connection;
    let sent = Sent::outside(context.common.user(SessionRequest::Invite));
    let transaction = context.endpoint.send_again(connection, request, sent)?;
    context.common.connection = Some(connection);
    Ok(State::Calling(Calling {
        transaction,
        late_offer,
        sent_again: true,
        previews: None,
    }))
}

impl Calling {
    /// The state `Calling`.
    pub(crate) fn step(mut self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            Input::Response(response) if response.to == SessionRequest::Invite => {
                self.on_response(&response, context)
            }
            Input::Resent(SessionRequest::Invite, transaction) => {
                self.transaction = transaction;
                Some(State::Calling(self))
            }
            Input::NotResent(SessionRequest::Invite, error) => {
                context.end(EndReason::local(send_failure_cause(&error)))
            }
            Input::Failed(SessionRequest::Invite, error) => context.end(failure(error)),
            // The peer is silent for too long, or the application hangs up.
            Input::Timer(SessionTimer::NoAnswer) | Input::HangUp => {
                context.clear(SessionTimer::NoAnswer);
                context.cancel(self.transaction);
                Some(State::Cancelling(self))
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
            self.on_progress(response, context);
            return Some(State::Calling(self));
        }
        if status.is_success() {
            return self.accepted(response, false, context);
        }
        if status == StatusCode::FLOW_FAILED && !self.sent_again && response.may_wait {
            context.clear(SessionTimer::NoAnswer);
            let invite = WaitingInvite::Again {
                request: response.request.clone(),
                late_offer: self.late_offer,
            };
            return Some(queue(invite, context));
        }
        if let Some(transaction) = context.raise_interval(response) {
            self.transaction = transaction;
            return Some(State::Calling(self));
        }
        context.end(response.refusal())
    }

    fn on_progress(&mut self, response: &ResponseTo<'_>, context: &mut Context<'_>) {
        // RFC 3261 section 13.2.2.1: a To tag makes an early dialog; 100 only confirms receipt.
        if response.status().as_u16() == 100 {
            return;
        }
        let tagged = response.response.to().is_ok_and(|to| to.tag().is_some());
        let invite = response.request.request().filter(|_| tagged);
        // Above the limit of forks a branch gets no dialog; the core acknowledges its 2xx and ends it.
        let early = invite.and_then(|invite| {
            let dialogs = &mut context.endpoint.dialogs;
            let established = dialogs.establish(context.common.set, invite, response.response);
            Some(established.ok()?.dialog)
        });
        if let Some(dialog) = early
            && !self.late_offer
        {
            self.preview(dialog, response);
        }
        let session = context.common.id;
        context.common.progress = Some(response.status());
        context.event(Event::Progress {
            session,
            dialog: early,
            response: Box::new(response.response.clone()),
        });
    }

    /// Keeps the first session description of an early dialog, which is the answer if the 2xx carries none.
    fn preview(&mut self, dialog: DialogId, response: &ResponseTo<'_>) {
        let Some(preview) = remote_description(response.response) else {
            return;
        };
        let previews = self
            .previews
            .get_or_insert_with(|| Box::new(SmallVec::new()));
        if !previews.iter().any(|(known, _)| *known == dialog) {
            previews.push((dialog, preview));
        }
    }

    /// The answer of the peer: that of the 2xx, else the earlier one of the same dialog (RFC 3261 section
    /// 13.2.1).
    fn answer(self, dialog: DialogId, response: &ResponseTo<'_>) -> Option<RemoteDescription> {
        if self.late_offer {
            return None;
        }
        if let Some(answer) = remote_description(response.response) {
            return Some(answer);
        }
        let previews = self.previews?.into_iter();
        let mut fitting = previews.filter(|(early, _)| *early == dialog);
        fitting.next().map(|(_, answer)| answer)
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
            return context.end(by_peer(Cause::Malformed));
        };
        let dialog = established.dialog;
        context.common.dialog = Some(dialog);
        context.common.invite = Some(response.transaction);
        context.common.peer_replaces = takes_replaces(response.response);
        context.endpoint.dialogs.keep_only(dialog);
        context.refreshed_by(response.response);
        let call = context.common.id.to_bits();
        context
            .endpoint
            .debug("sip.dialog", call, "a dialog begins");
        context.clear(SessionTimer::NoAnswer);
        let unusable = context.unusable_target(&established, response);
        let takes_offer = self.late_offer && !cancelled && unusable.is_none();
        let offer = takes_offer.then(|| remote_description(response.response));
        if let Some(offer) = offer.flatten() {
            context.offer_came(Carrier::Success, offer);
            return Some(State::AwaitingAnswer(Box::new(AwaitingAnswer {
                dialog,
                invite: response.request.clone(),
            })));
        }
        let refresh = Some(response.response).filter(|_| unusable.is_none());
        let acknowledged = context.acknowledge(dialog, response.request, refresh, None);
        if acknowledged.is_err() {
            return context.end(EndReason::transport(Cause::ConnectionLost));
        }
        // RFC 3261 section 15: BYE ends a 2xx that crossed the CANCEL, and a 2xx without a usable
        // description.
        if cancelled {
            return context.hang_up(EndReason::local(Cause::Cancelled));
        }
        if let Some(cause) = unusable {
            return context.hang_up(by_peer(cause));
        }
        let Some(answer) = self.answer(dialog, response) else {
            return context.hang_up(by_peer(Cause::BadDescription));
        };
        context.answer_came(answer);
        context.established();
        Some(State::Confirmed(Confirmed { dialog }))
    }

    /// The state `Cancelling`.
    pub(crate) fn step_cancelling(
        mut self,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let cancelled = EndReason::local(Cause::Cancelled);
        match input {
            Input::Response(response) if response.to == SessionRequest::Invite => {
                let status = response.status();
                if status.is_provisional() {
                    Some(State::Cancelling(self))
                } else if status.is_success() {
                    self.accepted(&response, true, context)
                } else {
                    context.end(EndReason {
                        originator: Originator::Local,
                        cause: Cause::Cancelled,
                        ..refusal(response.response)
                    })
                }
            }
            Input::Resent(SessionRequest::Invite, transaction) => {
                self.transaction = transaction;
                Some(State::Cancelling(self))
            }
            Input::Failed(SessionRequest::Invite, _) => context.end(cancelled),
            Input::NotResent(SessionRequest::Invite, _) => context.end(cancelled),
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
        let acknowledged = context.acknowledge(self.dialog, &self.invite, None, Some(&answer));
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
        match context.acknowledge(self.dialog, &self.invite, None, None) {
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
