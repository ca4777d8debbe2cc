//! A re-INVITE of ours (RFC 3261 section 14.1): changes the session, or repairs the route to us after the
//! connection changed.

use core::time::Duration;

use bytes::Bytes;
use sip_parse::{Method, Response};

use super::confirmed::Confirmed;
use super::{Context, SessionTimer, State};
use crate::auth::Attempts;
use crate::body::Body;
use crate::body::has_description;
use crate::event::{DescriptionKind, Event};
use crate::rand::below;
use crate::reason::{Cause, EndReason, Originator};
use crate::reason::{failure, refusal, send_failure_cause};
use crate::session::DescriptionFailed;
use crate::transaction::{ClientTransactionId, TransactionError};
use crate::endpoint::{TransactionUser, sent_request};

/// A peer that is silent for so long after a provisional response will not answer any more.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// A peer that answers 491 for ever is not met by chance.
const MOST_GLARES: u8 = 10;

/// How far our re-INVITE has come.
pub(crate) enum Offering {
    /// The application has been asked for the offer.
    Asked,
    /// It is sent.
    Sent {
        transaction: ClientTransactionId,
        attempts: Attempts,
        offer: Body,
        glares: u8,
    },
    /// It met one of the peer's (491) and is sent again when a timer fires.
    Glare { offer: Body, glares: u8 },
}

impl Confirmed {
    /// Begins a re-INVITE; false if one is under way, in either direction (RFC 3261 section 14.1).
    pub(crate) fn can_offer(&self) -> bool {
        self.is_quiet()
    }

    /// Whether our re-INVITE waits for its final response.
    pub(crate) fn is_offering(&self) -> bool {
        matches!(self.offering, Some(Offering::Sent { .. }))
    }

    /// Asks the application for the offer of a re-INVITE.
    pub(crate) fn offer(mut self, context: &mut Context<'_>) -> Option<State> {
        if self.can_offer() {
            self.offering = Some(Offering::Asked);
            let patience = context.endpoint.config.no_answer_timeout();
            context.set(SessionTimer::Offer, patience);
            context.need_description(DescriptionKind::Offer);
        }
        Some(State::Confirmed(self))
    }

    /// The connection that the peer reaches us on is not `context`'s any more: the route is repaired by
    /// a target refresh (RFC 3261 section 12.2.1.1).
    pub(crate) fn repair(self, context: &mut Context<'_>) -> Option<State> {
        let endpoint = &context.endpoint;
        let reaches = |flow| endpoint.layer.info(flow).is_some();
        let is_cut = endpoint.is_ready() && !context.common.flow.is_some_and(reaches);
        if self.is_established() && is_cut {
            return self.offer(context);
        }
        Some(State::Confirmed(self))
    }

    /// The application has described the offer that it was asked for.
    pub(super) fn offer_described(
        mut self,
        description: Result<Body, DescriptionFailed>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        self.offering = None;
        context.clear(SessionTimer::Offer);
        match description {
            Ok(offer) => self.send_offer(offer, 0, context),
            Err(DescriptionFailed) => {
                self.tell(EndReason::local(Cause::BadDescription), context);
                Some(State::Confirmed(self))
            }
        }
    }

    fn send_offer(mut self, offer: Body, glares: u8, context: &mut Context<'_>) -> Option<State> {
        let mut attempts = Attempts::new();
        let user = TransactionUser::Reinvite(context.common.id);
        let sent = context.endpoint.send_in_dialog(
            self.dialog(),
            Method::Invite,
            Some(&offer),
            &[],
            &mut attempts,
            user,
        );
        match sent {
            Ok(transaction) => {
                context.set(SessionTimer::Offer, LONGEST_SILENCE);
                self.offering = Some(Offering::Sent {
                    transaction,
                    attempts,
                    offer,
                    glares,
                });
            }
            Err(error) => self.tell(EndReason::local(send_failure_cause(&error)), context),
        }
        Some(State::Confirmed(self))
    }

    /// A response to our re-INVITE.
    pub(crate) fn offer_response(
        mut self,
        response: &Response,
        request: &Bytes,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let status = response.status();
        let Some(Offering::Sent {
            transaction,
            attempts,
            offer,
            glares,
        }) = &mut self.offering
        else {
            return Some(State::Confirmed(self));
        };
        if !status.is_provisional() {
            context.clear(SessionTimer::Offer);
        }
        match status.as_u16() {
            100..=199 => Some(State::Confirmed(self)),
            200..=299 => self.offer_accepted(response, request, context),
            401 | 407 => {
                let user = TransactionUser::Reinvite(context.common.id);
                let dialog = context.common.dialog;
                let again = context
                    .endpoint
                    .retry_with_credentials(request, response, attempts, dialog, user);
                match again {
                    Ok(again) => {
                        *transaction = again;
                        context.set(SessionTimer::Offer, LONGEST_SILENCE);
                    }
                    Err(_) => {
                        self.offering = None;
                        self.tell(refusal(response), context);
                    }
                }
                Some(State::Confirmed(self))
            }
            491 if *glares < MOST_GLARES => {
                let (offer, glares) = (offer.clone(), *glares + 1);
                self.offering = Some(Offering::Glare { offer, glares });
                let wait = glare_wait(context);
                context.set(SessionTimer::Offer, wait);
                Some(State::Confirmed(self))
            }
            // RFC 3261 sections 12.2.1.2 and 14.1, RFC 5057: the peer does not know the dialog.
            408 | 481 => {
                self.offering = None;
                context.hang_up(EndReason::refused(response, Cause::DialogGone))
            }
            _ => {
                self.offering = None;
                self.tell(refusal(response), context);
                Some(State::Confirmed(self))
            }
        }
    }

    fn offer_accepted(
        mut self,
        response: &Response,
        request: &Bytes,
        context: &mut Context<'_>,
    ) -> Option<State> {
        self.offering = None;
        let dialog = self.dialog();
        let acknowledged = sent_request(request, &context.endpoint.limits)
            .is_some_and(|invite| context.keep_ack(dialog, &invite, None).is_ok());
        if !acknowledged {
            self.tell(EndReason::transport(Cause::ConnectionLost), context);
            return Some(State::Confirmed(self));
        }
        context.endpoint.dialogs.refresh_target(dialog, response);
        context.common.flow = context.endpoint.connection().ok();
        if has_description(response) {
            context.remote_description(DescriptionKind::Answer, response);
            let session = context.common.id;
            context.event(Event::Renegotiated { session });
        } else {
            let reason = EndReason::new(Originator::Peer, Cause::BadDescription);
            self.tell(reason, context);
        }
        Some(State::Confirmed(self))
    }

    /// Our re-INVITE had no final response.
    pub(crate) fn offer_failed(
        mut self,
        error: TransactionError,
        context: &mut Context<'_>,
    ) -> Option<State> {
        self.offering = None;
        context.clear(SessionTimer::Offer);
        match error {
            // RFC 3261 section 12.2.1.2: the peer is gone.
            TransactionError::Timeout => context.hang_up(EndReason::transport(Cause::DialogGone)),
            // The next connection repairs the route.
            TransactionError::ConnectionLost => {
                self.tell(failure(error), context);
                Some(State::Confirmed(self))
            }
        }
    }

    /// The time of our re-INVITE is over: the application did not describe it, the peer was silent for
    /// too long, or the wait after a 491 has passed.
    pub(super) fn on_offer_timeout(mut self, context: &mut Context<'_>) -> Option<State> {
        match self.offering.take() {
            Some(Offering::Glare { offer, glares }) if !self.is_answering_any() => {
                self.send_offer(offer, glares, context)
            }
            Some(glare @ Offering::Glare { .. }) => {
                // The peer's is under way: wait once more.
                self.offering = Some(glare);
                let wait = glare_wait(context);
                context.set(SessionTimer::Offer, wait);
                Some(State::Confirmed(self))
            }
            Some(Offering::Asked) => {
                self.tell(EndReason::local(Cause::BadDescription), context);
                Some(State::Confirmed(self))
            }
            Some(sent @ Offering::Sent { .. }) => {
                // What comes of the CANCEL ends it.
                self.offering = Some(sent);
                self.cancel_offer(context);
                Some(State::Confirmed(self))
            }
            None => Some(State::Confirmed(self)),
        }
    }

    /// Nobody waits for our re-INVITE any more (RFC 3261 section 9.1): its transaction ends too.
    pub(super) fn cancel_offer(&self, context: &mut Context<'_>) {
        context.clear(SessionTimer::Offer);
        if let Some(Offering::Sent { transaction, .. }) = self.offering {
            let now = context.endpoint.now;
            // Stale means that its final response is here already.
            let _ = context
                .endpoint
                .layer
                .cancel(transaction, None, TransactionUser::Nobody, now);
        }
    }

    /// The session stays as it was (RFC 3261 section 14.1).
    fn tell(&self, reason: EndReason, context: &mut Context<'_>) {
        let session = context.common.id;
        context.event(Event::RenegotiationFailed {
            session,
            reason: alloc::boxed::Box::new(reason),
        });
    }
}

/// RFC 3261 section 14.1: 2.1 to 4 s for the one who made the Call-ID, up to 2 s for the other, in steps
/// of 10 ms.
fn glare_wait(context: &mut Context<'_>) -> Duration {
    let caller = context.common.caller;
    let rng = context.endpoint.layer.rng();
    let steps = if caller {
        210 + below(rng, 191)
    } else {
        below(rng, 201)
    };
    Duration::from_millis(steps * 10)
}
