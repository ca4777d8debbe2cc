//! UPDATEs of the peer in the early dialogs of a call that this side makes (RFC 3311 section 5.2). Each early dialog has its own
//! exchange, so that an UPDATE in one says nothing about the others. The 2xx to the INVITE makes the exchange of its dialog,
//! and the UPDATE that waits in it, those of the call.

use sip_parse::{Request, StatusCode};

use super::context::Context;
use super::offer::{Carrier, Ending, Exchange, OfferInput};
use super::options::DescriptionFailed;
use super::state::{EarlyDialog, EarlyDialogs};
use crate::body::{Body, RemoteDescription};
use crate::endpoint::SessionTimer;
use crate::ids::ExchangeId;
use crate::reason::{Cause, EndReason};
use crate::transaction::ServerTransactionId;

impl EarlyDialog {
    /// Whether the application has to answer an UPDATE in this dialog.
    fn awaits_update(&self) -> bool {
        self.updates.are_answered()
    }

    /// Takes the offer in an UPDATE, or refuses it.
    fn take_offer(
        &mut self,
        transaction: ServerTransactionId,
        offer: RemoteDescription,
        cancelled: bool,
        context: &mut Context<'_>,
    ) {
        match self.exchange {
            // RFC 3311 section 5.2: an offer of this side is not answered.
            Exchange::OfferSent(..) | Exchange::OfferAsked(..) => {
                return context.refuse(transaction, StatusCode::REQUEST_PENDING);
            }
            // The application has given the call up, so that it answers no offer.
            Exchange::Idle if self.complete && cancelled => {
                return context.refuse(transaction, StatusCode::REQUEST_TERMINATED);
            }
            Exchange::Idle if self.complete => {}
            // The peer has the PRACK with the answer, because it makes another offer; only its 2xx is missing.
            Exchange::AnswerSent(..) if !cancelled => {
                self.step(OfferInput::Acknowledged, None, None, context);
                self.complete = true;
            }
            // An offer of the peer is not answered, or its reliable provisional response with the first one is still to come.
            _ => return context.refuse_for_now(transaction),
        }
        self.updates.theirs = Some(transaction);
        let came = OfferInput::Came(Carrier::Update);
        self.step(came, Some(offer), None, context);
    }

    /// Ends the exchange of an UPDATE of the peer that gets no answer.
    fn end_update(
        &mut self,
        status: Option<StatusCode>,
        ending: Ending,
        reason: EndReason,
        context: &mut Context<'_>,
    ) {
        let Some(transaction) = self.updates.theirs.take() else {
            return;
        };
        if let Some(status) = status {
            context.refuse(transaction, status);
        }
        let ended = OfferInput::Ended(ending);
        self.step(ended, None, Some(reason), context);
    }

    /// Refuses the UPDATE of the peer, because its dialog ends (RFC 3261 section 15.1.2). The exchange ends with the dialog.
    pub(crate) fn terminate_update(&mut self, reason: &EndReason, context: &mut Context<'_>) {
        let pending = self.updates.close();
        if let Some(transaction) = pending.filter(|_| reason.cause != Cause::Stopped) {
            context.refuse(transaction, StatusCode::REQUEST_TERMINATED);
        }
    }
}

impl EarlyDialogs {
    /// Whether the application has to answer an UPDATE in some early dialog.
    pub(crate) fn awaits_update(&self) -> bool {
        self.dialogs.iter().any(EarlyDialog::awaits_update)
    }

    /// Whether this exchange is that of an UPDATE.
    pub(crate) fn is_of_update(&self, exchange: ExchangeId) -> bool {
        let mut dialogs = self.dialogs.iter();
        dialogs.any(|early| early.awaits_update() && early.exchange.asked() == Some(exchange))
    }

    /// Handles an UPDATE of the peer, except one that only refreshes the target and the session: returns false then.
    /// `cancelled`: the application has given the call up.
    pub(crate) fn take_update(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        offer: Option<RemoteDescription>,
        cancelled: bool,
        context: &mut Context<'_>,
    ) -> bool {
        let dialog = context.endpoint.dialogs.find(request);
        let Some(early) = dialog.and_then(|dialog| self.of(dialog)) else {
            // A dialog above the limit of forks.
            context.refuse_for_now(transaction);
            return true;
        };
        early.updates.learn(request);
        if early.awaits_update() {
            context.refuse_for_now(transaction);
            return true;
        }
        let Some(offer) = offer else {
            return false;
        };
        early.take_offer(transaction, offer, cancelled, context);
        let exchange = early.exchange;
        if early.awaits_update() {
            self.wait_for_description(exchange, context);
        }
        true
    }

    /// Answers an UPDATE with the application's description, or refuses it.
    pub(crate) fn answer_update(
        &mut self,
        exchange: ExchangeId,
        answer: Result<&Body, DescriptionFailed>,
        context: &mut Context<'_>,
    ) {
        let mut dialogs = self.dialogs.iter_mut();
        let asked = dialogs.find(|early| early.exchange.asked() == Some(exchange));
        let Some((early, theirs)) = asked.and_then(|early| {
            let theirs = early.updates.theirs?;
            Some((early, theirs))
        }) else {
            return;
        };
        let sent = answer
            .map_err(|_| Cause::BadDescription)
            .and_then(|answer| {
                let accepted = context.accept_update(early.dialog, theirs, Some(answer));
                accepted.map_err(|_| Cause::Malformed)
            });
        match sent {
            Ok(()) => {
                early.updates.theirs = None;
                early.step(OfferInput::Described, None, None, context);
            }
            Err(cause) => {
                let (status, reason) = (StatusCode::NOT_ACCEPTABLE_HERE, EndReason::local(cause));
                early.end_update(Some(status), Ending::Refused, reason, context);
            }
        }
        self.update_ended(context);
    }

    /// Refuses the UPDATEs that the application has not answered in time (RFC 3311 section 5.2: what takes longer needs the
    /// consent of the user).
    pub(crate) fn refuse_late_updates(&mut self, context: &mut Context<'_>) {
        for early in &mut self.dialogs {
            let (status, reason) = (
                StatusCode::SERVER_TIME_OUT,
                EndReason::local(Cause::NoAnswer),
            );
            early.end_update(Some(status), Ending::Refused, reason, context);
        }
        self.update_ended(context);
    }

    /// Refuses the UPDATEs that wait, because the application gives the call up.
    pub(crate) fn abort_updates(&mut self, cause: Cause, context: &mut Context<'_>) {
        for early in &mut self.dialogs {
            let (status, reason) = (StatusCode::REQUEST_TERMINATED, EndReason::local(cause));
            early.end_update(Some(status), Ending::Aborted, reason, context);
        }
    }

    /// The connection of an UPDATE is gone.
    pub(crate) fn update_lost(&mut self, update: ServerTransactionId, context: &mut Context<'_>) {
        let mut dialogs = self.dialogs.iter_mut();
        let early = dialogs.find(|early| early.updates.theirs == Some(update));
        if let Some(early) = early {
            let reason = EndReason::transport(Cause::ConnectionLost);
            early.end_update(None, Ending::Aborted, reason, context);
            self.update_ended(context);
        }
    }

    /// Sets the deadline of what the application still has to answer.
    fn update_ended(&self, context: &mut Context<'_>) {
        if self.awaits_update() {
            return;
        }
        let mut asked = self.dialogs.iter().map(|early| early.exchange);
        match asked.find(|exchange| exchange.asked().is_some()) {
            Some(exchange) => context.wait_for_description(exchange),
            None => context.clear(SessionTimer::Description),
        }
    }
}
