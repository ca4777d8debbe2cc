//! INVITEs within a call that is up, in both directions (RFC 3261 section 14): they change the session, or
//! repair the route to this side after the connection changed. Glare (section 14.1) is resolved here.

use alloc::boxed::Box;
use core::time::Duration;

use sip_parse::{Method, Request, StatusCode};

use super::context::{Context, by_peer};
use super::early::{is_next, prack_outcome, rack, reliable, report_prack, send_prack};
use super::input::{Input, ResponseTo};
use super::offer::{Carrier, Ending, Exchange};
use super::state::{
    Answered, Answering, Attempt, AwaitingAnswer, Confirmed, Glare, Offering, Reinviting, State,
};
use crate::body::{Body, RemoteDescription, remote_description};
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{Duty, InDialog, MaySend, SessionRequest, SessionTimer};
use crate::reason::{Cause, EndReason, ended_by_peer, failure, refusal, send_failure_cause};
use crate::transaction::{ClientTransactionId, ServerTransactionId};

/// A peer that is silent for this long after a provisional response no longer answers.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// After this many 491 in a row the core stops, because a working peer would have answered otherwise.
pub(crate) const MOST_GLARES: u8 = 10;

/// A repair that fails for a reason that passes is tried again this often, after 1 s, 2 s, 4 s and so on: 64 T1 in all, because
/// the peer may have lost its connection to the same server and be on its way back.
const MOST_REPAIRS: u8 = 5;

/// Requests the offer of a re-INVITE from the application, or sends the re-INVITE without one.
pub(crate) fn offer(
    dialog: DialogId,
    attempt: Attempt,
    context: &mut Context<'_>,
) -> Option<State> {
    let offering = Offering { dialog, attempt };
    if offering.attempt.without_offer() {
        return offering.send(None, context);
    }
    context.want_offer_for(Carrier::Invite, offering.attempt.hold());
    Some(State::Offering(offering))
}

/// Repairs the route to this side by a target refresh (RFC 3261 section 12.2.1.1) if the connection that the
/// peer knows is gone.
pub(crate) fn repair(call: Confirmed, context: &mut Context<'_>) -> Option<State> {
    // The end of an exchange by UPDATE comes back here.
    if context.is_cut() && context.common.offer == Exchange::Idle {
        return offer(call.dialog, Attempt::default(), context);
    }
    Some(State::Confirmed(call))
}

/// Handles a re-INVITE of the peer (RFC 3261 section 14.2); `attempt` is set if a re-INVITE of this side waits
/// for its end.
pub(crate) fn answer(
    dialog: DialogId,
    transaction: ServerTransactionId,
    request: &Request,
    attempt: Option<Attempt>,
    context: &mut Context<'_>,
) -> Option<State> {
    match remote_description(request) {
        Some(offer) => context.offer_came(Carrier::Invite, offer),
        None => context.want_offer(Carrier::Success),
    }
    Some(State::Answering(Answering {
        dialog,
        transaction,
        number: request.sequence().unwrap_or(0),
        attempt,
    }))
}

/// The INVITE of the peer is complete: a re-INVITE of this side that it crossed is scheduled again (RFC 3261
/// section 14.1).
pub(crate) fn after_exchange(
    dialog: DialogId,
    attempt: Option<Attempt>,
    context: &mut Context<'_>,
) -> Option<State> {
    match attempt {
        Some(attempt) => {
            let wait = context.glare_wait();
            context.set(SessionTimer::Offer, wait);
            Some(State::Glare(Glare { dialog, attempt }))
        }
        // The ACK may have arrived on another connection than the INVITE.
        None => repair(Confirmed { dialog }, context),
    }
}

/// Ends the call because the peer hung up.
pub(crate) fn bye(request: &Request, context: &mut Context<'_>) -> Option<State> {
    context.end(ended_by_peer(request, Cause::Bye))
}

/// The CSeq number of the last request in the dialog.
pub(crate) fn last_number(dialog: DialogId, context: &Context<'_>) -> u32 {
    let dialog = context.endpoint.dialogs.dialog(dialog);
    dialog.map_or(0, Dialog::local_cseq)
}

impl Offering {
    /// The state `Offering`.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        let dialog = self.dialog;
        match input {
            Input::Describe(_, Ok(offer)) => self.send(Some(&offer), context),
            Input::Describe(_, Err(_)) => {
                let reason = EndReason::local(Cause::BadDescription);
                context.end_exchange(Ending::Aborted, reason.clone());
                context.repair_failed(reason, None);
                Some(State::Confirmed(Confirmed { dialog }))
            }
            // The re-INVITE of this side is not sent yet, so the peer's goes first.
            Input::Invite(transaction, request) => {
                context.end_exchange(Ending::RolledBack, by_peer(Cause::Glare));
                answer(dialog, transaction, request, Some(self.attempt), context)
            }
            Input::HangUp => context.hang_up(EndReason::local(Cause::Requested)),
            Input::Bye(request) => bye(request, context),
            Input::Gone(reason) => context.hang_up(*reason),
            Input::Response(response) => {
                context.further_success(&response, false);
                Some(State::Offering(self))
            }
            _ => Some(State::Offering(self)),
        }
    }

    /// An UPDATE of the peer with an offer goes first, because the re-INVITE of this side is not sent yet.
    pub(crate) fn give_way(self, context: &mut Context<'_>) -> Option<State> {
        context.end_exchange(Ending::RolledBack, by_peer(Cause::Glare));
        after_exchange(self.dialog, Some(self.attempt), context)
    }

    fn send(self, offer: Option<&Body>, context: &mut Context<'_>) -> Option<State> {
        let (dialog, attempt) = (self.dialog, self.attempt);
        let duty = Duty::Owed(context.common.connection);
        let connection = match context.endpoint.may_send_in(dialog, duty) {
            MaySend::Now(connection) => Ok(connection),
            MaySend::Later => Err(Cause::ConnectionLost),
            MaySend::Never(error) => Err(send_failure_cause(&error)),
        };
        let user = context.common.user(SessionRequest::Reinvite);
        let sent = connection.and_then(|connection| {
            let fields = context.timer_fields();
            let invite = InDialog {
                connection,
                dialog,
                method: Method::Invite,
                body: offer,
                own: &fields.own(),
                extra: attempt.headers(),
            };
            let sent = context.endpoint.send_in_dialog(&invite, user);
            sent.map_err(|error| send_failure_cause(&error))
        });
        match sent {
            Ok(transaction) => {
                context.described();
                context.set(SessionTimer::Offer, LONGEST_SILENCE);
                let number = last_number(dialog, context);
                Some(State::Reinviting(Reinviting {
                    dialog,
                    transaction,
                    number,
                    attempt,
                    preview: None,
                    rseq: None,
                }))
            }
            Err(cause) => {
                let reason = EndReason::local(cause);
                context.modification_failed(&attempt, Ending::Aborted, &reason);
                context.repair_failed(reason, None);
                Some(State::Confirmed(Confirmed { dialog }))
            }
        }
    }
}

impl Reinviting {
    /// The state `Reinviting`.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            Input::Response(response) if self.is_answered_by(&response) => {
                self.on_response(&response, context)
            }
            Input::Resent(SessionRequest::Reinvite, transaction) => {
                Some(State::Reinviting(self.again(transaction, context)))
            }
            Input::NotResent(SessionRequest::Reinvite, error) => {
                let reason = EndReason::local(send_failure_cause(&error));
                self.over(Ending::Aborted, reason, context)
            }
            // The next connection repairs the route.
            Input::Failed(SessionRequest::Reinvite, error) => {
                self.over(Ending::Aborted, failure(error), context)
            }
            // The peer is silent for too long; the response to the CANCEL ends the transaction.
            Input::Timer(SessionTimer::Offer) => {
                context.cancel(self.transaction);
                Some(State::Reinviting(self))
            }
            // RFC 3261 section 14.2: a re-INVITE of this side is in flight.
            Input::Invite(transaction, _) => {
                context.refuse(transaction, StatusCode::REQUEST_PENDING);
                Some(State::Reinviting(self))
            }
            // RFC 3261 section 9.1: the CANCEL ends the transaction of the re-INVITE.
            Input::HangUp => {
                context.cancel(self.transaction);
                context.hang_up(EndReason::local(Cause::Requested))
            }
            Input::Bye(request) => {
                context.cancel(self.transaction);
                bye(request, context)
            }
            Input::Gone(reason) => {
                context.cancel(self.transaction);
                context.hang_up(*reason)
            }
            Input::Response(response) if !matches!(response.to, SessionRequest::Prack(_)) => {
                context.further_success(&response, false);
                Some(State::Reinviting(self))
            }
            input => {
                if let Some((dialog, Err(reason))) = prack_outcome(input) {
                    report_prack(dialog, reason, context);
                }
                Some(State::Reinviting(self))
            }
        }
    }

    /// The re-INVITE is sent again, with credentials or a longer interval: its provisional responses begin anew (RFC 3262 section
    /// 3).
    fn again(self, transaction: ClientTransactionId, context: &mut Context<'_>) -> Self {
        context.set(SessionTimer::Offer, LONGEST_SILENCE);
        Self {
            transaction,
            number: last_number(self.dialog, context),
            rseq: None,
            preview: None,
            ..self
        }
    }

    /// Whether the response is to this re-INVITE; a repeated 2xx to an earlier one has another CSeq number.
    fn is_answered_by(&self, response: &ResponseTo<'_>) -> bool {
        response.to == SessionRequest::Reinvite && response.response.sequence() == Ok(self.number)
    }

    fn on_response(
        mut self,
        response: &ResponseTo<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        if let Some(transaction) = context.raise_interval(response) {
            return Some(State::Reinviting(self.again(transaction, context)));
        }
        match response.status().as_u16() {
            100..=199 => {
                self.on_progress(response, context);
                Some(State::Reinviting(self))
            }
            200..=299 => self.accepted(response, context),
            // The session is restored; the next attempt needs a fresh offer (RFC 3264 section 8).
            491 if self.attempt.glares < MOST_GLARES => {
                let reason = refusal(response.response);
                context.end_exchange(Ending::RolledBack, reason);
                after_exchange(self.dialog, Some(self.attempt.again()), context)
            }
            // RFC 5057 section 5.1 has 480 end the call, but the peer of a call that is being repaired is likely to come back.
            430 | 480 | 500 | 503 | 504
                if self.attempt.glares < MOST_REPAIRS && context.is_cut() =>
            {
                let reason = refusal(response.response);
                context.end_exchange(Ending::Refused, reason.clone());
                let wait = Duration::from_secs(1 << self.attempt.glares);
                let (dialog, attempt) = (self.dialog, self.attempt.again());
                context.set(SessionTimer::Offer, wait);
                context.repair_failed(reason, Some(wait));
                Some(State::Glare(Glare { dialog, attempt }))
            }
            _ => self.over(Ending::Refused, response.refusal(), context),
        }
    }

    /// Acknowledges a reliable provisional response by PRACK, and applies the answer in it at once (RFC 3262 section 5): a later
    /// refusal of the re-INVITE does not take it back (RFC 6141 section 4).
    fn on_progress(&mut self, response: &ResponseTo<'_>, context: &mut Context<'_>) {
        let description = remote_description(response.response);
        let Some(rseq) = reliable(response) else {
            self.preview = self.preview.take().or(description);
            return;
        };
        let rack = rack(rseq, response.response).filter(|_| is_next(self.rseq, rseq));
        let Some(rack) = rack else {
            return;
        };
        let dialog = self.dialog;
        let endpoint = &mut context.endpoint;
        endpoint.refresh_target(dialog, response.response, response.connection);
        match send_prack(dialog, &rack, None, context) {
            Ok(true) => {}
            // The peer repeats its response until it has the PRACK.
            Ok(false) => return,
            Err(reason) => report_prack(dialog, reason, context),
        }
        self.rseq = Some(rseq);
        if let Some(answer) = description {
            context.answer_came(answer);
        }
    }

    fn accepted(mut self, response: &ResponseTo<'_>, context: &mut Context<'_>) -> Option<State> {
        let dialog = self.dialog;
        let preview = self.preview.take();
        context.clear(SessionTimer::Offer);
        context.refreshed_by(response.response);
        if self.attempt.without_offer()
            && let Some(offer) = remote_description(response.response)
        {
            return take_offer(dialog, offer, response, context);
        }
        let (transaction, invite) = (response.transaction, response.request);
        let refresh = Some(response.response);
        let acknowledged = context.acknowledge(dialog, transaction, invite, refresh, None);
        if acknowledged.is_err() {
            let reason = EndReason::transport(Cause::ConnectionLost);
            return self.over(Ending::Aborted, reason, context);
        }
        context.on_flow_in_use();
        // RFC 3261 section 13.2.1: the 2xx may leave out an answer that came before it.
        match remote_description(response.response).or(preview) {
            // A reliable provisional response has brought the answer (RFC 3262 section 5).
            _ if !self.attempt.without_offer() && !context.common.offer.awaits_answer() => {}
            Some(answer) => context.answer_came(answer),
            None => {
                let reason = by_peer(Cause::BadDescription);
                context.modification_failed(&self.attempt, Ending::Refused, &reason);
            }
        }
        Some(State::Confirmed(Confirmed { dialog }))
    }

    /// Ends the re-INVITE; the session is unchanged (RFC 3261 section 14.1).
    fn over(self, ending: Ending, reason: EndReason, context: &mut Context<'_>) -> Option<State> {
        context.clear(SessionTimer::Offer);
        context.modification_failed(&self.attempt, ending, &reason);
        context.repair_failed(reason, None);
        let dialog = self.dialog;
        Some(State::Confirmed(Confirmed { dialog }))
    }
}

/// The 2xx to a re-INVITE without an offer carries the offer of the peer (RFC 3261 section 14.1); the ACK waits for the answer.
fn take_offer(
    dialog: DialogId,
    offer: RemoteDescription,
    response: &ResponseTo<'_>,
    context: &mut Context<'_>,
) -> Option<State> {
    let connection = response.connection;
    context
        .endpoint
        .refresh_target(dialog, response.response, connection);
    context.offer_came(Carrier::Success, offer);
    Some(State::Acknowledging(Box::new(AwaitingAnswer {
        dialog,
        transaction: response.transaction,
        invite: response.request.clone(),
    })))
}

impl AwaitingAnswer {
    /// The state `Acknowledging`.
    pub(crate) fn step_again(
        self: Box<Self>,
        input: Input<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match input {
            Input::Describe(_, Ok(answer)) => self.answer_again(&answer, context),
            // RFC 3261 section 14.1 with 13.2.2.4: an offer in a 2xx that this side cannot answer ends the call after the ACK.
            Input::Describe(_, Err(_)) => {
                self.ack_and_hang_up(EndReason::local(Cause::BadDescription), context)
            }
            Input::HangUp => self.ack_and_hang_up(EndReason::local(Cause::Requested), context),
            Input::Gone(reason) => self.ack_and_hang_up(*reason, context),
            // The peer does not wait for the ACK any more.
            Input::Bye(request) => bye(request, context),
            Input::Response(response) => {
                context.further_success(&response, true);
                Some(State::Acknowledging(self))
            }
            Input::Invite(transaction, _) => {
                context.refuse(transaction, StatusCode::REQUEST_PENDING);
                Some(State::Acknowledging(self))
            }
            _ => Some(State::Acknowledging(self)),
        }
    }

    fn answer_again(self: Box<Self>, answer: &Body, context: &mut Context<'_>) -> Option<State> {
        let dialog = self.dialog;
        let (transaction, invite) = (self.transaction, &self.invite);
        let acknowledged = context.acknowledge(dialog, transaction, invite, None, Some(answer));
        match acknowledged {
            Ok(()) => {
                context.on_flow_in_use();
                context.described();
            }
            // The repair on the next connection shows whether the peer still has the call.
            Err(error) => {
                let reason = EndReason::transport(send_failure_cause(&error));
                context.end_exchange(Ending::Aborted, reason);
            }
        }
        repair(Confirmed { dialog }, context)
    }

    fn ack_and_hang_up(
        self: Box<Self>,
        reason: EndReason,
        context: &mut Context<'_>,
    ) -> Option<State> {
        // Without a connection the BYE waits for one, and the peer stops repeating its 2xx by itself.
        let _ = context.acknowledge(self.dialog, self.transaction, &self.invite, None, None);
        context.hang_up(reason)
    }
}

impl Glare {
    /// The state `Glare`.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            // One offer at a time (RFC 3264 section 4): an exchange by UPDATE goes first.
            Input::Timer(SessionTimer::Offer) if context.common.offer != Exchange::Idle => {
                after_exchange(self.dialog, Some(self.attempt), context)
            }
            // The core requests a fresh offer, because the session may have changed since (RFC 3264 section
            // 8).
            Input::Timer(SessionTimer::Offer) => offer(self.dialog, self.attempt, context),
            Input::Invite(transaction, request) => {
                context.clear(SessionTimer::Offer);
                answer(
                    self.dialog,
                    transaction,
                    request,
                    Some(self.attempt),
                    context,
                )
            }
            Input::HangUp => context.hang_up(EndReason::local(Cause::Requested)),
            Input::Bye(request) => bye(request, context),
            Input::Gone(reason) => context.hang_up(*reason),
            Input::Response(response) => {
                context.further_success(&response, false);
                Some(State::Glare(self))
            }
            _ => Some(State::Glare(self)),
        }
    }
}

impl Answering {
    /// The state `Answering`.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            Input::Describe(_, Ok(body)) => self.described(&body, context),
            Input::Describe(_, Err(_)) => {
                let status = StatusCode::NOT_ACCEPTABLE_HERE;
                let reason = EndReason::local(Cause::BadDescription);
                self.refuse(status, Ending::Refused, reason, context)
            }
            // 480 would end the call at the peer (RFC 5057 section 5.1); 488 refuses this INVITE alone.
            Input::Refuse(refusal) => {
                context.refuse_with(self.transaction, &refusal);
                let reason = EndReason::local(Cause::Refused);
                self.refused(Ending::Refused, reason, context)
            }
            // RFC 3261 section 9.2: the re-INVITE gets 487; the call continues.
            Input::Cancel(transaction, cancel) if transaction == self.transaction => {
                let status = StatusCode::REQUEST_TERMINATED;
                let reason = ended_by_peer(cancel, Cause::Cancelled);
                self.refuse(status, Ending::Aborted, reason, context)
            }
            Input::ServerFailed(transaction) if transaction == self.transaction => {
                let reason = EndReason::transport(Cause::ConnectionLost);
                context.end_exchange(Ending::Aborted, reason);
                after_exchange(self.dialog, self.attempt, context)
            }
            Input::Invite(transaction, _) => {
                context.refuse_for_now(transaction);
                Some(State::Answering(self))
            }
            // RFC 3261 section 15.1.2: an unanswered INVITE gets 487.
            Input::HangUp => {
                context.refuse(self.transaction, StatusCode::REQUEST_TERMINATED);
                context.hang_up(EndReason::local(Cause::Requested))
            }
            Input::Bye(request) => {
                context.refuse(self.transaction, StatusCode::REQUEST_TERMINATED);
                bye(request, context)
            }
            Input::Gone(reason) => {
                context.refuse(self.transaction, StatusCode::REQUEST_TERMINATED);
                context.hang_up(*reason)
            }
            Input::Response(response) => {
                context.further_success(&response, false);
                Some(State::Answering(self))
            }
            _ => Some(State::Answering(self)),
        }
    }

    fn described(self, body: &Body, context: &mut Context<'_>) -> Option<State> {
        let request = context.endpoint.layer.request(self.transaction);
        let status = StatusCode::OK;
        let sent = context.respond(self.dialog, self.transaction, status, Some(body));
        if sent.is_err() {
            let status = StatusCode::NOT_ACCEPTABLE_HERE;
            let reason = EndReason::local(Cause::Malformed);
            return self.refuse(status, Ending::Refused, reason, context);
        }
        context.described();
        // RFC 3261 section 12.2.2: the target changes only when the request is accepted.
        if let Some(request) = request {
            let dialogs = &mut context.endpoint.dialogs;
            dialogs.refresh_target(self.dialog, &request);
        }
        let (dialog, attempt) = (self.dialog, self.attempt);
        let answered = Answered::sent(dialog, self.transaction, self.number, attempt, context);
        Some(State::Reanswered(answered))
    }

    fn refuse(
        self,
        status: StatusCode,
        ending: Ending,
        reason: EndReason,
        context: &mut Context<'_>,
    ) -> Option<State> {
        context.refuse(self.transaction, status);
        self.refused(ending, reason, context)
    }

    /// The final response to the INVITE is sent; the call goes on.
    fn refused(
        self,
        ending: Ending,
        reason: EndReason,
        context: &mut Context<'_>,
    ) -> Option<State> {
        context.end_exchange(ending, reason);
        after_exchange(self.dialog, self.attempt, context)
    }
}
