//! INVITEs within a call that is up, in both directions (RFC 3261 section 14): they change the session, or
//! repair the route to this side after the connection changed. Glare (section 14.1) is resolved here.

use core::time::Duration;

use sip_parse::{Method, Request, StatusCode};

use super::context::{Context, by_peer};
use super::early::{is_next, prack_outcome, rack, reliable, report_prack, send_prack};
use super::input::{Input, ResponseTo};
use super::offer::{Carrier, Ending};
use super::state::{Answered, Answering, Confirmed, Glare, Offering, Reinviting, State};
use crate::body::{Body, remote_description};
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{Duty, InDialog, MaySend, SessionRequest, SessionTimer};
use crate::reason::{Cause, EndReason, ended_by_peer, failure, refusal, send_failure_cause};
use crate::transaction::ServerTransactionId;

/// A peer that is silent for this long after a provisional response no longer answers.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// After this many 491 in a row the core stops, because a working peer would have answered otherwise.
const MOST_GLARES: u8 = 10;

/// A repair that fails for a reason that passes is tried again this often, after 1 s, 2 s, 4 s and so on: 64 T1 in all, because
/// the peer may have lost its connection to the same server and be on its way back.
const MOST_REPAIRS: u8 = 5;

/// Requests the offer of a re-INVITE from the application.
pub(crate) fn offer(dialog: DialogId, glares: u8, context: &mut Context<'_>) -> Option<State> {
    context.want_offer(Carrier::Invite);
    Some(State::Offering(Offering { dialog, glares }))
}

/// Repairs the route to this side by a target refresh (RFC 3261 section 12.2.1.1) if the connection that the
/// peer knows is gone.
pub(crate) fn repair(call: Confirmed, context: &mut Context<'_>) -> Option<State> {
    if context.is_cut() {
        return offer(call.dialog, 0, context);
    }
    Some(State::Confirmed(call))
}

/// Handles a re-INVITE of the peer (RFC 3261 section 14.2); `glares` is set if a re-INVITE of this side waits
/// for its end.
pub(crate) fn answer(
    dialog: DialogId,
    transaction: ServerTransactionId,
    request: &Request,
    glares: Option<u8>,
    context: &mut Context<'_>,
) -> Option<State> {
    match remote_description(request) {
        Some(offer) => context.offer_came(Carrier::Invite, offer),
        None => context.want_offer(Carrier::Success),
    }
    Some(State::Answering(Answering {
        dialog,
        transaction,
        number: request.cseq().map_or(0, |cseq| cseq.number),
        glares,
    }))
}

/// The INVITE of the peer is complete: a re-INVITE of this side that it crossed is scheduled again (RFC 3261
/// section 14.1).
pub(crate) fn after_exchange(
    dialog: DialogId,
    glares: Option<u8>,
    context: &mut Context<'_>,
) -> Option<State> {
    match glares {
        Some(glares) => {
            let wait = context.glare_wait();
            context.set(SessionTimer::Offer, wait);
            Some(State::Glare(Glare { dialog, glares }))
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
fn last_number(dialog: DialogId, context: &Context<'_>) -> u32 {
    let dialog = context.endpoint.dialogs.dialog(dialog);
    dialog.map_or(0, Dialog::local_cseq)
}

impl Offering {
    /// The state `Offering`.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        let dialog = self.dialog;
        match input {
            Input::Describe(_, Ok(offer)) => self.send(&offer, context),
            Input::Describe(_, Err(_)) => {
                let reason = EndReason::local(Cause::BadDescription);
                context.end_exchange(Ending::Aborted, reason.clone());
                context.repair_failed(reason, None);
                Some(State::Confirmed(Confirmed { dialog }))
            }
            // The re-INVITE of this side is not sent yet, so the peer's goes first.
            Input::Invite(transaction, request) => {
                context.end_exchange(Ending::RolledBack, by_peer(Cause::Glare));
                answer(dialog, transaction, request, Some(self.glares), context)
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

    fn send(self, offer: &Body, context: &mut Context<'_>) -> Option<State> {
        let (dialog, glares) = (self.dialog, self.glares);
        let duty = Duty::Owed(context.common.connection);
        let connection = match context.endpoint.may_send_in(dialog, duty) {
            MaySend::Now(connection) => Ok(connection),
            MaySend::Later => Err(Cause::ConnectionLost),
            MaySend::Never(error) => Err(send_failure_cause(&error)),
        };
        let user = context.common.user(SessionRequest::Reinvite);
        let sent = connection.and_then(|connection| {
            let invite = InDialog {
                connection,
                dialog,
                method: Method::Invite,
                body: Some(offer),
                own: &[],
                extra: &[],
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
                    glares,
                    preview: None,
                    rseq: None,
                }))
            }
            Err(cause) => {
                let reason = EndReason::local(cause);
                context.end_exchange(Ending::Aborted, reason.clone());
                context.repair_failed(reason, None);
                Some(State::Confirmed(Confirmed { dialog }))
            }
        }
    }
}

impl Reinviting {
    /// The state `Reinviting`.
    pub(crate) fn step(mut self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            Input::Response(response) if self.is_answered_by(&response) => {
                self.on_response(&response, context)
            }
            Input::Resent(SessionRequest::Reinvite, transaction) => {
                context.set(SessionTimer::Offer, LONGEST_SILENCE);
                self.transaction = transaction;
                self.rseq = None;
                self.number = last_number(self.dialog, context);
                Some(State::Reinviting(self))
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

    /// Whether the response is to this re-INVITE; a repeated 2xx to an earlier one has another CSeq number.
    fn is_answered_by(&self, response: &ResponseTo<'_>) -> bool {
        let cseq = response.response.cseq();
        response.to == SessionRequest::Reinvite && cseq.is_ok_and(|cseq| cseq.number == self.number)
    }

    fn on_response(
        mut self,
        response: &ResponseTo<'_>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match response.status().as_u16() {
            100..=199 => {
                self.on_progress(response, context);
                Some(State::Reinviting(self))
            }
            200..=299 => self.accepted(response, context),
            // The session is restored; the next attempt needs a fresh offer (RFC 3264 section 8).
            491 if self.glares < MOST_GLARES => {
                let reason = refusal(response.response);
                context.end_exchange(Ending::RolledBack, reason);
                after_exchange(self.dialog, Some(self.glares + 1), context)
            }
            // RFC 5057 section 5.1 has 480 end the call, but the peer of a call that is being repaired is likely to come back.
            430 | 480 | 500 | 503 | 504 if self.glares < MOST_REPAIRS && context.is_cut() => {
                let reason = refusal(response.response);
                context.end_exchange(Ending::Refused, reason.clone());
                let (dialog, glares) = (self.dialog, self.glares + 1);
                let wait = Duration::from_secs(1 << self.glares);
                context.set(SessionTimer::Offer, wait);
                context.repair_failed(reason, Some(wait));
                Some(State::Glare(Glare { dialog, glares }))
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
        let acknowledged =
            context.acknowledge(dialog, response.request, Some(response.response), None);
        if acknowledged.is_err() {
            let reason = EndReason::transport(Cause::ConnectionLost);
            return self.over(Ending::Aborted, reason, context);
        }
        context.on_flow_in_use();
        // RFC 3261 section 13.2.1: the 2xx may leave out an answer that came before it.
        match remote_description(response.response).or(preview) {
            // A reliable provisional response has brought the answer (RFC 3262 section 5).
            _ if !context.common.offer.awaits_answer() => {}
            Some(answer) => context.answer_came(answer),
            None => context.end_exchange(Ending::Refused, by_peer(Cause::BadDescription)),
        }
        Some(State::Confirmed(Confirmed { dialog }))
    }

    /// Ends the re-INVITE; the session is unchanged (RFC 3261 section 14.1).
    fn over(self, ending: Ending, reason: EndReason, context: &mut Context<'_>) -> Option<State> {
        context.clear(SessionTimer::Offer);
        context.end_exchange(ending, reason.clone());
        context.repair_failed(reason, None);
        let dialog = self.dialog;
        Some(State::Confirmed(Confirmed { dialog }))
    }
}

impl Glare {
    /// The state `Glare`.
    pub(crate) fn step(self, input: Input<'_>, context: &mut Context<'_>) -> Option<State> {
        match input {
            // The core requests a fresh offer, because the session may have changed since (RFC 3264 section
            // 8).
            Input::Timer(SessionTimer::Offer) => offer(self.dialog, self.glares, context),
            Input::Invite(transaction, request) => {
                context.clear(SessionTimer::Offer);
                answer(
                    self.dialog,
                    transaction,
                    request,
                    Some(self.glares),
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
                after_exchange(self.dialog, self.glares, context)
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
        let (dialog, glares) = (self.dialog, self.glares);
        let answered = Answered::sent(dialog, self.transaction, self.number, glares, context);
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
        after_exchange(self.dialog, self.glares, context)
    }
}
