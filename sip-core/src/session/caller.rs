//! The caller before the call is up (RFC 3261 section 13.2).

use alloc::boxed::Box;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{Response, StatusCode, UriBuf};

use super::confirmed::Confirmed;
use super::{Context, InviteOptions, SessionTimer, State};
use crate::auth::Attempts;
use crate::body::Body;
use crate::body::has_description;
use crate::dialog::DialogId;
use crate::event::{DescriptionKind, Event};
use crate::reason::{Cause, EndReason, Originator};
use crate::reason::{failure, refusal, send_failure_cause};
use crate::session::DescriptionFailed;
use crate::transaction::{ClientTransactionId, SendError, TransactionError};
use crate::endpoint::{RetryError, TransactionUser, sent_request};

/// A call that rings says so at least once a minute (RFC 3261 section 13.3.1.1): after five without a
/// word it is given up.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// The application has not described its offer yet.
pub(crate) struct AwaitingOffer {
    pub(crate) target: UriBuf,
    pub(crate) options: InviteOptions,
}

/// The INVITE waits for a connection, or for a new binding.
pub(crate) struct QueuedInvite {
    invite: UnsentInvite,
    index: u64,
}

enum UnsentInvite {
    New {
        target: UriBuf,
        options: InviteOptions,
        offer: Option<Body>,
    },
    /// Sent, and refused because a flow had failed (RFC 5626 section 11.6).
    Again { request: Bytes, calling: Calling },
}

/// INVITE is sent.
pub(crate) struct Calling {
    transaction: ClientTransactionId,
    attempts: Attempts,
    /// The application hung up: a 2xx is acknowledged and ended at once (RFC 3261 section 15).
    cancelled: bool,
    late_offer: bool,
    /// It was sent again because a flow had failed.
    sent_again: bool,
}

/// The peer's 2xx brought an offer.
pub(crate) struct AwaitingAnswer {
    dialog: DialogId,
    /// The INVITE as sent.
    invite: Bytes,
    /// The application's answer, which waits for a connection.
    answer: Option<Body>,
}

impl AwaitingOffer {
    pub(crate) fn described(
        self,
        description: Result<Body, DescriptionFailed>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match description {
            Ok(offer) => {
                let started = invite_or_wait(self.target, self.options, Some(offer), context);
                started_or_ended(started, context)
            }
            Err(DescriptionFailed) => context.end(EndReason::local(Cause::BadDescription)),
        }
    }
}

/// Ends the call if its INVITE cannot be sent.
fn started_or_ended(started: Result<State, SendError>, context: &mut Context<'_>) -> Option<State> {
    match started {
        Ok(state) => Some(state),
        Err(error) => context.end(EndReason::local(send_failure_cause(&error))),
    }
}

/// Sends the INVITE, or keeps it until there is a connection (`offlineRequests`).
pub(crate) fn invite_or_wait(
    target: UriBuf,
    options: InviteOptions,
    offer: Option<Body>,
    context: &mut Context<'_>,
) -> Result<State, SendError> {
    if !context.endpoint.queues() {
        return invite(&target, &options, offer.as_ref(), context);
    }
    let invite = UnsentInvite::New {
        target,
        options,
        offer,
    };
    Ok(QueuedInvite::wait(invite, context))
}

impl QueuedInvite {
    fn wait(invite: UnsentInvite, context: &mut Context<'_>) -> State {
        let patience = context.endpoint.longest_wait();
        context.set(SessionTimer::GiveUp, patience);
        let index = context.endpoint.next_sequence();
        State::QueuedInvite(Box::new(Self { invite, index }))
    }

    /// Its place in the order of commands.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// There is a connection.
    pub(crate) fn resume(self, context: &mut Context<'_>) -> Option<State> {
        context.clear(SessionTimer::GiveUp);
        let started = match self.invite {
            UnsentInvite::New { target, .. } if !context.endpoint.reaches(&target) => {
                return context.end(EndReason::local(Cause::Malformed));
            }
            UnsentInvite::New {
                target,
                options,
                offer,
            } => invite(&target, &options, offer.as_ref(), context),
            UnsentInvite::Again { request, calling } => calling.again(&request, context),
        };
        started_or_ended(started, context)
    }

    /// It has waited for too long.
    pub(crate) fn fired(
        self: Box<Self>,
        timer: SessionTimer,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match timer {
            SessionTimer::GiveUp => context.end(EndReason::transport(Cause::Timeout)),
            _ => Some(State::QueuedInvite(self)),
        }
    }
}

/// Sends the INVITE.
fn invite(
    target: &UriBuf,
    options: &InviteOptions,
    offer: Option<&Body>,
    context: &mut Context<'_>,
) -> Result<State, SendError> {
    let id = context.common.id;
    let mut attempts = Attempts::new();
    let half = context.common.dialog_set;
    context.common.caller = true;
    let transaction = context.endpoint.send_invite(
        half,
        target,
        options,
        offer,
        &mut attempts,
        TransactionUser::Invite(id),
    )?;
    context.common.flow = context.endpoint.connection().ok();
    Ok(State::Calling(Calling {
        transaction,
        attempts,
        cancelled: false,
        late_offer: options.late_offer,
        sent_again: false,
    }))
}

impl Calling {
    /// Whether the application hung up.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    pub(crate) fn hang_up(mut self, context: &mut Context<'_>) -> Option<State> {
        if !self.cancelled {
            self.cancelled = true;
            context.clear(SessionTimer::NoAnswer);
            // Stale means that a final response is on its way to us already.
            let _ = context.endpoint.layer.cancel(
                self.transaction,
                None,
                TransactionUser::Nobody,
                context.endpoint.now,
            );
        }
        Some(State::Calling(self))
    }

    pub(crate) fn response(
        mut self,
        response: &Response,
        request: &Bytes,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let status = response.status();
        if status.is_provisional() {
            if !self.cancelled {
                context.set(SessionTimer::NoAnswer, LONGEST_SILENCE);
            }
            self.progress(response, request, context);
            return Some(State::Calling(self));
        }
        if status.is_success() {
            return self.accepted(response, request, context);
        }
        if self.cancelled {
            return context.end(EndReason {
                originator: Originator::Local,
                cause: Cause::Cancelled,
                ..refusal(response)
            });
        }
        if status == StatusCode::FLOW_FAILED && !self.sent_again && context.endpoint.heeds_flow_doubt()
        {
            context.clear(SessionTimer::NoAnswer);
            let invite = UnsentInvite::Again {
                request: request.clone(),
                calling: self,
            };
            return Some(QueuedInvite::wait(invite, context));
        }
        if !matches!(status.as_u16(), 401 | 407) {
            return context.end(refusal(response));
        }
        let user = TransactionUser::Invite(context.common.id);
        match context.endpoint.retry_with_credentials(
            request,
            response,
            &mut self.attempts,
            None,
            user,
        ) {
            Ok(transaction) => Some(State::Calling(Self {
                transaction,
                ..self
            })),
            Err(RetryError::Authentication) => {
                context.end(EndReason::refused(response, Cause::Authentication))
            }
            Err(RetryError::NotSent(error)) => {
                context.end(EndReason::local(send_failure_cause(&error)))
            }
        }
    }

    /// Sends the INVITE once more, with what a new binding has changed.
    fn again(mut self, request: &Bytes, context: &mut Context<'_>) -> Result<State, SendError> {
        let user = TransactionUser::Invite(context.common.id);
        self.transaction = context
            .endpoint
            .send_again(request, &mut self.attempts, user)?;
        self.sent_again = true;
        context.common.flow = context.endpoint.connection().ok();
        Ok(State::Calling(self))
    }

    fn progress(&self, response: &Response, request: &Bytes, context: &mut Context<'_>) {
        // RFC 3261 section 13.2.2.1: a tag makes an early dialog; 100 says only that somebody is there.
        if response.status().as_u16() == 100 || self.cancelled {
            return;
        }
        if response.to().is_ok_and(|to| to.tag().is_some())
            && let Some(request) = sent_request(request, &context.endpoint.limits)
        {
            // Above the limit of forks a leg has no dialog; its 2xx is acknowledged and ended.
            let _ = context
                .endpoint
                .dialogs
                .establish(context.common.dialog_set, &request, response);
        }
        let session = context.common.id;
        context.event(Event::Progress {
            session,
            response: Box::new(response.clone()),
        });
    }

    fn accepted(
        self,
        response: &Response,
        request: &Bytes,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let Some(invite) = sent_request(request, &context.endpoint.limits) else {
            return context.end(EndReason::local(Cause::Malformed));
        };
        let established =
            match context
                .endpoint
                .dialogs
                .establish(context.common.dialog_set, &invite, response)
            {
                Ok(established) => established,
                Err(_) => {
                    context.endpoint.ack_and_bye(&invite, response);
                    return context.end(EndReason::new(Originator::Peer, Cause::Malformed));
                }
            };
        let dialog = established.dialog;
        context.common.dialog = Some(dialog);
        context.endpoint.dialogs.keep_only(dialog);
        context.clear(SessionTimer::NoAnswer);
        let described = has_description(response);
        if self.late_offer && described && !self.cancelled && established.has_target {
            context.remote_description(DescriptionKind::Offer, response);
            context.need_description(DescriptionKind::Answer);
            let patience = context.endpoint.config.no_answer_timeout();
            context.set(SessionTimer::NoAnswer, patience);
            return Some(State::AwaitingAnswer(AwaitingAnswer {
                dialog,
                invite: request.clone(),
                answer: None,
            }));
        }
        if context.keep_ack(dialog, &invite, None).is_err() {
            return context.end(EndReason::transport(Cause::ConnectionLost));
        }
        // RFC 3261 section 15: a 2xx that crossed our CANCEL is ended by BYE; so is one that cannot be used.
        if self.cancelled {
            return context.hang_up(EndReason::local(Cause::Cancelled));
        }
        if !established.has_target {
            return context.hang_up(EndReason::new(Originator::Peer, Cause::Malformed));
        }
        if !described {
            return context.hang_up(EndReason::new(Originator::Peer, Cause::BadDescription));
        }
        context.remote_description(DescriptionKind::Answer, response);
        let session = context.common.id;
        context.event(Event::Established { session });
        Some(State::Confirmed(Confirmed::established(dialog)))
    }

    /// Nothing was heard for so long that the call is given up.
    pub(crate) fn fired(self, timer: SessionTimer, context: &mut Context<'_>) -> Option<State> {
        match timer {
            SessionTimer::NoAnswer => self.hang_up(context),
            _ => Some(State::Calling(self)),
        }
    }

    pub(crate) fn failed(
        self,
        error: TransactionError,
        context: &mut Context<'_>,
    ) -> Option<State> {
        if self.cancelled {
            return context.end(EndReason::local(Cause::Cancelled));
        }
        context.end(failure(error))
    }
}

impl AwaitingAnswer {
    /// Whether the application has not answered yet.
    pub(crate) fn is_asked(&self) -> bool {
        self.answer.is_none()
    }

    pub(crate) fn described(
        mut self,
        description: Result<Body, DescriptionFailed>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        context.clear(SessionTimer::NoAnswer);
        match description {
            Ok(answer) if context.must_wait() => {
                // RFC 3261 section 13.3.1.4: the peer waits no longer for the ACK.
                let patience = context.endpoint.longest_wait();
                context.set(SessionTimer::NoAnswer, patience);
                self.answer = Some(answer);
                Some(State::AwaitingAnswer(self))
            }
            Ok(answer) => match self.acknowledge(Some(&answer), context) {
                Ok(()) => {
                    let session = context.common.id;
                    context.event(Event::Established { session });
                    // The INVITE may have gone out on another connection.
                    Confirmed::established(self.dialog).repair(context)
                }
                Err(_) => context.end(EndReason::transport(Cause::ConnectionLost)),
            },
            Err(DescriptionFailed) => match self.acknowledge(None, context) {
                Ok(()) => context.hang_up(EndReason::local(Cause::BadDescription)),
                Err(_) => context.end(EndReason::transport(Cause::ConnectionLost)),
            },
        }
    }

    /// There is a connection for the answer that waits.
    pub(crate) fn resume(mut self, context: &mut Context<'_>) -> Option<State> {
        match self.answer.take() {
            Some(answer) => self.described(Ok(answer), context),
            None => Some(State::AwaitingAnswer(self)),
        }
    }

    /// The application did not answer the peer's offer in time, or no connection came for its answer.
    pub(crate) fn fired(self, timer: SessionTimer, context: &mut Context<'_>) -> Option<State> {
        match timer {
            SessionTimer::NoAnswer if self.answer.is_some() => {
                context.end(EndReason::transport(Cause::ConnectionLost))
            }
            SessionTimer::NoAnswer => self.described(Err(DescriptionFailed), context),
            _ => Some(State::AwaitingAnswer(self)),
        }
    }

    /// RFC 3261 section 13.2.2.4: the ACK goes out even if the call is ended at once.
    pub(crate) fn hang_up(self, context: &mut Context<'_>) -> Option<State> {
        match self.acknowledge(None, context) {
            Ok(()) => context.hang_up(EndReason::local(Cause::Requested)),
            Err(_) => context.end(EndReason::local(Cause::Requested)),
        }
    }

    fn acknowledge(
        &self,
        answer: Option<&Body>,
        context: &mut Context<'_>,
    ) -> Result<(), SendError> {
        let invite = sent_request(&self.invite, &context.endpoint.limits).ok_or(SendError::Stale)?;
        context.keep_ack(self.dialog, &invite, answer)
    }
}

/// A further 2xx to our INVITE (RFC 3261 section 13.2.2.4): a repeat gets the same ACK, another leg of a
/// fork is acknowledged and ended.
pub(crate) fn further_success(
    response: &Response,
    request: &Bytes,
    waits: bool,
    context: &mut Context<'_>,
) {
    let Some(invite) = sent_request(request, &context.endpoint.limits) else {
        return;
    };
    let tag = response.to().ok().and_then(|to| to.tag());
    let ours = context
        .common
        .dialog
        .and_then(|dialog| context.endpoint.dialogs.dialog(dialog));
    if ours.is_some_and(|dialog| dialog.remote_tag() == tag) {
        let number = invite.cseq().map_or(0, |cseq| cseq.number);
        let known = context.common.ack_number;
        match (waits, context.common.dialog, context.endpoint.connection()) {
            // The application's answer goes into the ACK.
            (true, ..) => {}
            (false, _, Ok(connection)) if number == known => {
                let ack = context.common.ack.clone();
                context.endpoint.layer.repeat_ack(connection, ack);
            }
            // A re-INVITE that our BYE has overtaken.
            (false, Some(dialog), _) if number > known => {
                // Without a connection the peer's own timers end it.
                let _ = context.keep_ack(dialog, &invite, None);
            }
            // A late repeat of an earlier 2xx was acknowledged in its time.
            _ => {}
        }
        return;
    }
    // A peer that answers with ever new tags is left to its own timers.
    if context.common.refused_legs < context.endpoint.limits.forks {
        context.common.refused_legs += 1;
        context.endpoint.ack_and_bye(&invite, response);
    }
}
