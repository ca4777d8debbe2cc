//! A call that is up, or is about to be: a 2xx was sent or received (RFC 3261 sections 13.3.1.4 to 15).

use core::time::Duration;

use bytes::Bytes;
use sip_parse::{HeaderName, Request, Response, StatusCode};

use super::reinvite::Offering;
use super::{Context, DescriptionFailed, SessionTimer, State};
use crate::auth::Attempts;
use crate::body::Body;
use crate::body::has_description;
use crate::dialog::DialogId;
use crate::event::{DescriptionKind, Event};
use crate::reason::ended_by_peer;
use crate::reason::{Cause, EndReason, Originator};
use crate::time::Timestamp;
use crate::transaction::{ServerTransactionId, TransactionError};
use crate::endpoint::TransactionUser;

/// A call with a dialog.
pub(crate) struct Confirmed {
    dialog: DialogId,
    /// The peer knows that the call is up: its ACK came, or we sent ours.
    established: bool,
    /// The application hung up before the ACK came: BYE must wait for it (RFC 3261 section 15).
    hung_up: bool,
    /// An INVITE of the peer's that is being answered.
    answering: Option<Answering>,
    /// A re-INVITE of ours.
    pub(super) offering: Option<Offering>,
}

/// The answer to an INVITE or re-INVITE.
pub(crate) struct Answering {
    pub(super) transaction: ServerTransactionId,
    /// The CSeq number of the INVITE, which its ACK repeats (RFC 3261 section 17.1.1.3).
    pub(super) number: u32,
    /// The offer is ours, because the INVITE had none; the answer comes in the ACK.
    pub(super) ours: bool,
    pub(super) stage: Stage,
}

/// How far an answer has come.
pub(crate) enum Stage {
    /// The application has been asked for a description.
    Asked,
    /// The 2xx was sent; it is repeated until the ACK comes.
    Sent { interval: Duration },
}

/// The call is over but for its BYE.
pub(crate) struct Terminating {
    reason: EndReason,
    attempts: Attempts,
    bye: Bye,
    /// When it ended: 64 T1 later no BYE is sent any more, or connections that break could go on for ever.
    since: Timestamp,
}

/// How far our BYE has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bye {
    /// It waits for its final response.
    Sent,
    /// It waits for a connection.
    Waits,
    /// Its connection broke before it was answered: it is sent again on the next one.
    Lost,
}

impl Confirmed {
    /// We acknowledged a 2xx.
    pub(crate) fn established(dialog: DialogId) -> Self {
        Self {
            dialog,
            established: true,
            hung_up: false,
            answering: None,
            offering: None,
        }
    }

    /// We sent a 2xx.
    pub(crate) fn answered(dialog: DialogId, answering: Answering) -> Self {
        Self {
            dialog,
            established: false,
            hung_up: false,
            answering: Some(answering),
            offering: None,
        }
    }

    pub(super) fn dialog(&self) -> DialogId {
        self.dialog
    }

    /// Whether the call is up and no INVITE is under way in it.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_established() && self.offering.is_none() && self.answering.is_none()
    }

    /// Whether an INVITE of the peer's is being answered.
    pub(super) fn is_answering_any(&self) -> bool {
        self.answering.is_some()
    }

    pub(crate) fn is_established(&self) -> bool {
        self.established && !self.hung_up
    }

    pub(crate) fn hang_up(mut self, context: &mut Context<'_>) -> Option<State> {
        if !self.established {
            // RFC 3261 section 15: the callee waits for the ACK, or for the 2xx to time out.
            self.hung_up = true;
            return Some(State::Confirmed(self));
        }
        self.drop_renegotiation(context);
        context.hang_up(EndReason::local(Cause::Requested))
    }

    /// A BYE of the peer's (RFC 3261 section 15.1.2). It has been answered.
    pub(crate) fn bye(mut self, bye: &Request, context: &mut Context<'_>) -> Option<State> {
        self.drop_renegotiation(context);
        context.end(ended_by_peer(bye, Cause::Bye))
    }

    /// The peer does not know the dialog any more.
    pub(crate) fn gone(mut self, reason: EndReason, context: &mut Context<'_>) -> Option<State> {
        self.drop_renegotiation(context);
        context.hang_up(reason)
    }

    /// A re-INVITE that nobody will answer any more gets 487 (RFC 3261 section 15.1.2), and ours is
    /// cancelled.
    fn drop_renegotiation(&mut self, context: &mut Context<'_>) {
        self.cancel_offer(context);
        if let Some(Answering {
            transaction,
            stage: Stage::Asked,
            ..
        }) = self.answering.take()
        {
            context.refuse(transaction, StatusCode::REQUEST_TERMINATED, &[]);
        }
    }

    /// A re-INVITE (RFC 3261 section 14.2).
    pub(crate) fn reinvite(
        mut self,
        transaction: ServerTransactionId,
        request: &Request,
        context: &mut Context<'_>,
    ) -> Option<State> {
        // RFC 3261 section 14.2: ours is on its way, or about to be.
        if matches!(self.offering, Some(Offering::Asked | Offering::Sent { .. })) {
            context.refuse(transaction, StatusCode::REQUEST_PENDING, &[]);
            return Some(State::Confirmed(self));
        }
        if self.answering.is_some() {
            let wait = context.glare_wait();
            context.refuse(
                transaction,
                StatusCode::SERVER_INTERNAL_ERROR,
                &[(HeaderName::RetryAfter, &wait)],
            );
            return Some(State::Confirmed(self));
        }
        let ours = !has_description(request);
        if ours {
            context.need_description(DescriptionKind::Offer);
        } else {
            context.remote_description(DescriptionKind::Offer, request);
            context.need_description(DescriptionKind::Answer);
        }
        let patience = context.endpoint.config.no_answer_timeout();
        context.set(SessionTimer::NoAnswer, patience);
        self.answering = Some(Answering {
            transaction,
            number: request.cseq().map_or(0, |cseq| cseq.number),
            ours,
            stage: Stage::Asked,
        });
        Some(State::Confirmed(self))
    }

    pub(crate) fn described(
        mut self,
        description: Result<Body, DescriptionFailed>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let Some(Answering {
            transaction,
            number,
            ours,
            stage: Stage::Asked,
        }) = self.answering
        else {
            return self.offer_described(description, context);
        };
        context.clear(SessionTimer::NoAnswer);
        let request = context.endpoint.layer.request(transaction);
        let sent = match &description {
            Ok(body) => context
                .respond_in_dialog(transaction, StatusCode::OK, Some(body))
                .is_ok(),
            Err(DescriptionFailed) => false,
        };
        if sent {
            // RFC 3261 section 12.2.2: the target changes when the request is accepted, not before.
            if let Some(request) = request {
                context.endpoint.dialogs.refresh_target(self.dialog, &request);
            }
            self.answering = Some(Answering::sent(transaction, number, ours, context));
        } else {
            context.refuse(transaction, StatusCode::NOT_ACCEPTABLE_HERE, &[]);
            self.answering = None;
        }
        Some(State::Confirmed(self))
    }

    /// Whether the application has been asked for a description.
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked_to_answer() || matches!(self.offering, Some(Offering::Asked))
    }

    fn is_asked_to_answer(&self) -> bool {
        matches!(
            self.answering,
            Some(Answering {
                stage: Stage::Asked,
                ..
            })
        )
    }

    /// Whether this INVITE is the one that is being answered.
    pub(crate) fn is_answering(&self, transaction: ServerTransactionId) -> bool {
        self.answering
            .as_ref()
            .is_some_and(|answering| answering.transaction == transaction)
    }

    /// RFC 3261 section 9.2 for a re-INVITE: it gets 487, the call goes on.
    pub(crate) fn cancelled(
        mut self,
        transaction: ServerTransactionId,
        context: &mut Context<'_>,
    ) -> Option<State> {
        if self.is_answering(transaction) && self.is_asked_to_answer() {
            context.clear(SessionTimer::NoAnswer);
            self.drop_renegotiation(context);
        }
        Some(State::Confirmed(self))
    }

    /// The ACK to our 2xx.
    pub(crate) fn ack(mut self, ack: &Request, context: &mut Context<'_>) -> Option<State> {
        let Some(Answering {
            ours,
            number,
            stage: Stage::Sent { .. },
            ..
        }) = self.answering
        else {
            return Some(State::Confirmed(self));
        };
        if ack.cseq().is_ok_and(|cseq| cseq.number != number) {
            // A late copy of the ACK to an earlier INVITE.
            return Some(State::Confirmed(self));
        }
        self.answering = None;
        context.clear(SessionTimer::Repeat);
        context.clear(SessionTimer::GiveUp);
        if self.hung_up {
            return context.hang_up(EndReason::local(Cause::Requested));
        }
        if ours {
            if !has_description(ack) {
                return context.hang_up(EndReason::new(Originator::Peer, Cause::BadDescription));
            }
            context.remote_description(DescriptionKind::Answer, ack);
        }
        if !self.established {
            self.established = true;
            let session = context.common.id;
            context.event(Event::Established { session });
        }
        // The ACK may have found its way to another connection than the INVITE's.
        self.repair(context)
    }

    pub(crate) fn fired(mut self, timer: SessionTimer, context: &mut Context<'_>) -> Option<State> {
        if timer == SessionTimer::Offer {
            return self.on_offer_timeout(context);
        }
        match (timer, &mut self.answering) {
            (
                SessionTimer::Repeat,
                Some(Answering {
                    transaction,
                    stage: Stage::Sent { interval },
                    ..
                }),
            ) => {
                // Stale means that the connection is gone; the wait for the ACK goes on.
                let _ = context.endpoint.layer.repeat_response(*transaction);
                *interval = interval
                    .saturating_mul(2)
                    .min(context.endpoint.timer_settings().t2());
                let next = *interval;
                context.set(SessionTimer::Repeat, next);
                Some(State::Confirmed(self))
            }
            // RFC 3261 section 13.3.1.4: no ACK within 64 T1 ends the call.
            (
                SessionTimer::GiveUp,
                Some(Answering {
                    stage: Stage::Sent { .. },
                    ..
                }),
            ) => context.hang_up(EndReason::transport(Cause::NoAck)),
            (
                SessionTimer::NoAnswer,
                Some(Answering {
                    transaction,
                    stage: Stage::Asked,
                    ..
                }),
            ) => {
                let transaction = *transaction;
                self.answering = None;
                // 480 would end the call at the peer (RFC 5057 section 5.1); 488 refuses this INVITE alone.
                context.refuse(transaction, StatusCode::NOT_ACCEPTABLE_HERE, &[]);
                Some(State::Confirmed(self))
            }
            _ => Some(State::Confirmed(self)),
        }
    }

    /// The connection of a server transaction of ours is gone.
    pub(crate) fn server_failed(
        mut self,
        transaction: ServerTransactionId,
        context: &mut Context<'_>,
    ) -> Option<State> {
        if self.is_answering(transaction) {
            if self.is_asked_to_answer() {
                self.answering = None;
                context.clear(SessionTimer::NoAnswer);
            } else if self.established {
                // Neither a repeat nor the ACK has a way any more; the repair shows whether the peer is there.
                self.answering = None;
                context.clear(SessionTimer::Repeat);
                context.clear(SessionTimer::GiveUp);
            }
        }
        Some(State::Confirmed(self))
    }
}

impl Terminating {
    /// BYE is on its way.
    pub(super) fn sent(reason: EndReason, attempts: Attempts, since: Timestamp) -> Self {
        Self {
            reason,
            attempts,
            bye: Bye::Sent,
            since,
        }
    }

    /// BYE waits for a connection, as long as it would wait for an answer.
    pub(super) fn waits(reason: EndReason, context: &mut Context<'_>) -> Self {
        let patience = context.endpoint.longest_wait();
        context.set(SessionTimer::GiveUp, patience);
        Self {
            reason,
            attempts: Attempts::new(),
            bye: Bye::Waits,
            since: context.endpoint.now,
        }
    }

    pub(crate) fn response(
        mut self,
        response: &Response,
        request: &Bytes,
        context: &mut Context<'_>,
    ) -> Option<State> {
        if response.status().is_provisional() {
            return Some(State::Terminating(self));
        }
        if matches!(response.status().as_u16(), 401 | 407) {
            let (user, dialog) = (TransactionUser::Bye(context.common.id), context.common.dialog);
            let again = context.endpoint.retry_with_credentials(
                request,
                response,
                &mut self.attempts,
                dialog,
                user,
            );
            if again.is_ok() {
                return Some(State::Terminating(self));
            }
        }
        // RFC 3261 section 15.1.1: whatever the outcome, the call is over.
        context.end(self.reason)
    }

    /// Our BYE had no final response.
    pub(crate) fn failed(
        self,
        error: TransactionError,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match error {
            TransactionError::Timeout => context.end(self.reason),
            TransactionError::ConnectionLost => {
                let end = self.since + context.endpoint.longest_wait();
                context.set(SessionTimer::GiveUp, end.saturating_since(context.endpoint.now));
                let bye = Bye::Lost;
                Some(State::Terminating(Self { bye, ..self }))
            }
        }
    }

    /// A BYE of the peer's, which has been answered. Ours goes on if it is on its way (RFC 3261 section
    /// 15.1.2), and is of no use if not.
    pub(crate) fn bye(self, bye: &Request, context: &mut Context<'_>) -> Option<State> {
        match self.bye {
            Bye::Sent => Some(State::Terminating(self)),
            Bye::Waits | Bye::Lost => context.end(ended_by_peer(bye, Cause::Bye)),
        }
    }

    /// There is a connection for a BYE that waits.
    pub(crate) fn resume(self, context: &mut Context<'_>) -> Option<State> {
        if self.bye == Bye::Sent {
            return Some(State::Terminating(self));
        }
        context.clear(SessionTimer::GiveUp);
        context.send_bye(self.reason, self.since)
    }

    /// The BYE has waited for too long: the registration may, the call may not.
    pub(crate) fn fired(self, timer: SessionTimer, context: &mut Context<'_>) -> Option<State> {
        match timer {
            SessionTimer::GiveUp if context.endpoint.connection().is_ok() => self.resume(context),
            SessionTimer::GiveUp => self.give_up(context),
            _ => Some(State::Terminating(self)),
        }
    }

    /// No connection will come for a BYE that waits.
    pub(crate) fn give_up(self, context: &mut Context<'_>) -> Option<State> {
        match self.bye {
            Bye::Sent => Some(State::Terminating(self)),
            Bye::Lost => context.end(self.reason),
            Bye::Waits => context.end(EndReason {
                cause: Cause::NeverSent,
                ..self.reason
            }),
        }
    }
}
