//! Early dialogs of a call that this side makes (RFC 3261 section 12.1.2): one for each branch of a fork, each with its own
//! offer/answer exchange and its own order of reliable provisional responses (RFC 3262 section 4).
//!
//! Every early dialog may answer the offer of the INVITE once. So the exchange of the INVITE ends once in each early dialog that
//! answers it, and the events name the dialog.

use alloc::boxed::Box;
use alloc::format;

use sip_parse::{HeaderName, Method, Response};

use super::context::{Context, by_peer};
use super::input::{Input, ResponseTo};
use super::offer::{Carrier, Ending, Exchange, OfferInput};
use super::state::{EarlyAnswer, EarlyDialog, EarlyDialogs, Prack, Updates};
use crate::body::{Body, RemoteDescription, remote_description};
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{
    Duty, InDialog, MaySend, RELIABLE, SessionRequest, SessionTimer, supports_reliable,
};
use crate::event::Event;
use crate::ids::ExchangeId;
use crate::reason::{Cause, EndReason, failure, refusal, send_failure_cause};

/// The status that ends one early dialog while the INVITE goes on (RFC 6228).
const EARLY_DIALOG_TERMINATED: u16 = 199;

/// What an early dialog leaves to the call that it becomes.
pub(crate) struct Chosen {
    pub(crate) complete: bool,
    pub(crate) preview: Option<RemoteDescription>,
}

/// Whether a provisional response has to be acknowledged by PRACK, and its RSeq number. One that the INVITE did not ask for counts as
/// unreliable (RFC 3262 section 4).
pub(crate) fn reliable(response: &ResponseTo<'_>) -> Option<u32> {
    let mut required = response.response.require();
    let is_required = required.any(|tag| tag.eq_ignore_ascii_case(RELIABLE.as_bytes()));
    let asked = response.request.request().is_some_and(supports_reliable);
    let rseq = response.response.rseq().ok().flatten();
    rseq.filter(|_| is_required && asked && response.status().as_u16() > 100)
}

/// Whether a reliable provisional response is the next one after `last` in its dialog; the first may have any number (RFC 3262
/// section 4).
pub(crate) fn is_next(last: Option<u32>, rseq: u32) -> bool {
    last.is_none_or(|last| last.checked_add(1) == Some(rseq))
}

/// The value of RAck for a response (RFC 3262 section 7.2).
pub(crate) fn rack(rseq: u32, response: &Response) -> Option<Box<str>> {
    let number = response.sequence().ok()?;
    Some(format!("{rseq} {number} INVITE").into())
}

/// Sends a PRACK in a dialog; `Ok(false)` if it has to wait for a connection.
pub(crate) fn send_prack(
    dialog: DialogId,
    rack: &str,
    answer: Option<&Body>,
    context: &mut Context<'_>,
) -> Result<bool, EndReason> {
    let duty = Duty::Owed(context.common.connection);
    let sent = match context.endpoint.may_send_in(dialog, duty) {
        MaySend::Now(connection) => {
            let prack = InDialog {
                connection,
                dialog,
                method: Method::Prack,
                body: answer,
                own: &[(HeaderName::RAck, rack)],
                extra: &[],
            };
            let user = context.common.user(SessionRequest::Prack(dialog));
            context.endpoint.send_in_dialog(&prack, user).map(|_| true)
        }
        MaySend::Later => Ok(false),
        MaySend::Never(error) => Err(error),
    };
    sent.map_err(|error| EndReason::local(send_failure_cause(&error)))
}

/// The outcome of a PRACK, if the input is one.
pub(crate) fn prack_outcome(input: Input<'_>) -> Option<(DialogId, Result<(), EndReason>)> {
    match input {
        Input::Response(response) => match (response.to, response.status()) {
            (SessionRequest::Prack(dialog), status) if status.is_success() => {
                Some((dialog, Ok(())))
            }
            (SessionRequest::Prack(dialog), status) if !status.is_provisional() => {
                Some((dialog, Err(response.refusal())))
            }
            _ => None,
        },
        Input::Failed(SessionRequest::Prack(dialog), error) => Some((dialog, Err(failure(error)))),
        Input::NotResent(SessionRequest::Prack(dialog), error) => {
            let reason = EndReason::local(send_failure_cause(&error));
            Some((dialog, Err(reason)))
        }
        _ => None,
    }
}

/// Reports a PRACK without a success.
pub(crate) fn report_prack(dialog: DialogId, reason: EndReason, context: &mut Context<'_>) {
    let session = context.common.id;
    context.event(Event::PrackFailed {
        session,
        dialog,
        reason: Box::new(reason),
    });
}

impl EarlyDialog {
    fn new(dialog: DialogId, exchange: Exchange) -> Self {
        Self {
            dialog,
            exchange,
            complete: false,
            preview: None,
            rseq: None,
            owed: None,
            updates: Updates::default(),
        }
    }

    /// Lets the exchange take a step.
    pub(crate) fn step(
        &mut self,
        input: OfferInput,
        description: Option<RemoteDescription>,
        reason: Option<EndReason>,
        context: &mut Context<'_>,
    ) {
        let (exchange, dialog) = (self.exchange, Some(self.dialog));
        self.exchange = context.step_exchange(exchange, dialog, input, description, reason);
    }

    /// Whether the exchange is open and was opened in this dialog.
    fn has_own_exchange(&self, invite: Exchange) -> bool {
        self.exchange != Exchange::Idle && self.exchange != invite
    }

    /// Sends the PRACK that waits, if it may go out.
    fn pay(&mut self, context: &mut Context<'_>) {
        // The answer to the offer in an UPDATE goes into its 2xx.
        let by_update = self.exchange.carrier() == Some(Carrier::Update);
        if self.exchange.asked().is_some() && !by_update {
            return;
        }
        let Some(prack) = self.owed.take() else {
            return;
        };
        let answers = prack.answer.is_some();
        match send_prack(self.dialog, &prack.rack, prack.answer.as_ref(), context) {
            Ok(true) => {}
            Ok(false) => self.owed = Some(prack),
            Err(reason) => self.prack_failed(reason, answers, context),
        }
    }

    fn prack_failed(&mut self, reason: EndReason, answers: bool, context: &mut Context<'_>) {
        if answers {
            let ended = OfferInput::Ended(Ending::with_call(&reason));
            self.step(ended, None, Some(reason.clone()), context);
        }
        report_prack(self.dialog, reason, context);
    }

    /// The early dialog of a claimed branch, which another one has overtaken.
    pub(crate) fn claimed(dialog: DialogId, invite: Exchange, known: EarlyAnswer) -> Self {
        Self {
            complete: known.complete,
            preview: Some(known.answer),
            ..Self::new(dialog, invite)
        }
    }

    /// Leaves the answer to the call that the branch becomes if the application claims it.
    fn leave_answer(&mut self, context: &mut Context<'_>) {
        let dialog = context.endpoint.dialogs.dialog(self.dialog);
        let tag = dialog.and_then(Dialog::remote_tag).map(Box::from);
        let answer = self.preview.take().filter(|_| context.common.claims);
        if let (Some(tag), Some(answer)) = (tag, answer) {
            let complete = self.complete;
            context.common.seldom().early_answers.push(EarlyAnswer {
                tag,
                answer,
                complete,
            });
        }
    }

    /// The dialog is over, and the call goes on without it.
    fn end(mut self, invite: Exchange, reason: EndReason, context: &mut Context<'_>) {
        self.terminate_update(&reason, context);
        if self.has_own_exchange(invite) {
            let aborted = OfferInput::Ended(Ending::Aborted);
            self.step(aborted, None, Some(reason.clone()), context);
        }
        let session = context.common.id;
        context.event(Event::EarlyDialogEnded {
            session,
            dialog: self.dialog,
            reason: Box::new(reason),
        });
    }
}

impl EarlyDialogs {
    pub(crate) fn of(&mut self, dialog: DialogId) -> Option<&mut EarlyDialog> {
        let mut dialogs = self.dialogs.iter_mut();
        dialogs.find(|early| early.dialog == dialog)
    }

    /// The place of the early dialog that a response belongs to.
    fn position(&self, response: &Response, context: &Context<'_>) -> Option<usize> {
        let tag = response.to_tag().ok()?;
        let known = |dialog| context.endpoint.dialogs.dialog(dialog);
        let tag_of = |dialog| known(dialog).map(Dialog::remote_tag);
        let mut dialogs = self.dialogs.iter();
        dialogs.position(|early| tag_of(early.dialog) == Some(tag))
    }

    /// Makes the early dialog of a provisional response, unless there is one (RFC 3261 section 12.1.2). Above the limit of forks a
    /// branch gets none; the core acknowledges its 2xx and ends it.
    fn establish(&mut self, response: &ResponseTo<'_>, context: &mut Context<'_>) -> Option<usize> {
        response.response.to_tag().ok()??;
        let invite = response.request.request()?;
        let dialogs = &mut context.endpoint.dialogs;
        let established = dialogs.establish(context.common.set, invite, response.response);
        let dialog = established.ok()?.dialog;
        let known = self.dialogs.iter().position(|early| early.dialog == dialog);
        Some(known.unwrap_or_else(|| {
            let early = EarlyDialog::new(dialog, context.common.offer);
            self.dialogs.push(early);
            self.dialogs.len() - 1
        }))
    }

    /// Handles a provisional response other than 100 (RFC 3261 section 13.2.2.1). `cancelled`: the application has given the call
    /// up, so that it learns of no progress, and the core acknowledges only what needs no answer of the application.
    pub(crate) fn on_progress(
        &mut self,
        response: &ResponseTo<'_>,
        cancelled: bool,
        context: &mut Context<'_>,
    ) {
        let session = context.common.id;
        let terminated = response.status().as_u16() == EARLY_DIALOG_TERMINATED;
        let place = if terminated {
            // RFC 6228 section 4: it makes no dialog.
            self.position(response.response, context)
        } else {
            self.establish(response, context)
        };
        let Some(place) = place else {
            if !cancelled {
                context.common.progress = Some(response.status());
                context.event(Event::Progress {
                    session,
                    dialog: None,
                    response: Box::new(response.response.clone()),
                    preview: None,
                });
            }
            return;
        };
        let early = &mut self.dialogs[place];
        let dialog = early.dialog;
        early.updates.learn(response.response);
        let rseq = reliable(response);
        if let Some(rseq) = rseq {
            // RFC 3262 section 4: a repeat is already acknowledged, and one after a gap is not acknowledged. The peer repeats a response
            // until its PRACK, so that the one after an unacknowledged one may wait.
            if !is_next(early.rseq, rseq) || early.owed.is_some() {
                return;
            }
            early.rseq = Some(rseq);
            context
                .endpoint
                .refresh_target(dialog, response.response, response.connection);
        }
        let description = remote_description(response.response).filter(|_| !terminated);
        let unanswered = early.exchange.awaits_answer();
        let mut preview = None;
        if rseq.is_none() && unanswered && early.preview.is_none() {
            early.preview.clone_from(&description);
            preview = description.as_ref().map(|first| first.body.clone());
        }
        if !cancelled {
            context.common.progress = Some(response.status());
            context.event(Event::Progress {
                session,
                dialog: Some(dialog),
                response: Box::new(response.response.clone()),
                preview,
            });
        }
        if let Some(rack) = rseq.and_then(|rseq| rack(rseq, response.response)) {
            self.acknowledge(place, rack, description, cancelled, context);
        }
        if terminated {
            let early = self.dialogs.remove(place);
            early.end(context.common.offer, refusal(response.response), context);
            context.endpoint.dialogs.remove(dialog);
            self.clear_deadline(context);
            if self.glaring().is_empty() {
                context.clear(SessionTimer::Update);
            }
        }
    }

    /// Acknowledges a reliable provisional response by PRACK, after the application has answered the offer in it, if it has one (RFC
    /// 3262 section 5). Other session descriptions than an answer to the INVITE and a first offer change nothing (RFC 6337
    /// section 2.2).
    fn acknowledge(
        &mut self,
        place: usize,
        rack: Box<str>,
        description: Option<RemoteDescription>,
        cancelled: bool,
        context: &mut Context<'_>,
    ) {
        let early = &mut self.dialogs[place];
        let is_offer = early.exchange == Exchange::Idle && !early.complete;
        match description {
            Some(answer) if early.exchange.awaits_answer() && !cancelled => {
                if context.common.claims {
                    early.preview = Some(answer.clone());
                }
                early.step(OfferInput::AnswerCame, Some(answer), None, context);
                early.complete = true;
                self.answered = true;
            }
            Some(_) if is_offer && cancelled => return,
            Some(offer) if is_offer => {
                early.step(
                    OfferInput::Came(Carrier::Provisional),
                    Some(offer),
                    None,
                    context,
                );
                let exchange = early.exchange;
                self.wait_for_description(exchange, context);
            }
            _ => {}
        }
        let answer = None;
        let early = &mut self.dialogs[place];
        early.owed = Some(Prack { rack, answer });
        early.pay(context);
    }

    /// Sets the deadline of the application's description, unless the earlier one of an UPDATE runs.
    pub(crate) fn wait_for_description(&self, exchange: Exchange, context: &mut Context<'_>) {
        let asked = self.dialogs.iter().map(|early| early.exchange);
        let mut others = asked.filter(|asked| *asked != exchange && asked.asked().is_some());
        if !others.any(|other| other.carrier() == Some(Carrier::Update)) {
            context.wait_for_description(exchange);
        }
    }

    /// Sends every PRACK that waits for a connection.
    pub(crate) fn connected(&mut self, context: &mut Context<'_>) {
        for early in &mut self.dialogs {
            early.pay(context);
        }
    }

    /// Sends the application's answer in the PRACK, or in the 2xx to an UPDATE.
    pub(crate) fn described(
        &mut self,
        exchange: ExchangeId,
        answer: Body,
        context: &mut Context<'_>,
    ) {
        if self.is_of_update(exchange) {
            return self.answer_update(exchange, Ok(&answer), context);
        }
        let mut dialogs = self.dialogs.iter_mut();
        let asked = dialogs.find(|early| early.exchange.asked() == Some(exchange));
        let Some(early) = asked else {
            return;
        };
        early.step(OfferInput::Described, None, None, context);
        if let Some(prack) = &mut early.owed {
            prack.answer = Some(answer);
        }
        early.pay(context);
        self.clear_deadline(context);
    }

    /// Clears the deadline of the application's answers if none is missing.
    fn clear_deadline(&self, context: &mut Context<'_>) {
        if !self.asked() {
            context.clear(SessionTimer::Description);
        }
    }

    /// Handles the outcome of a PRACK.
    pub(crate) fn on_prack(&mut self, input: Input<'_>, context: &mut Context<'_>) {
        match prack_outcome(input) {
            Some((dialog, Ok(()))) => self.acknowledged(dialog, context),
            Some((dialog, Err(reason))) => self.prack_failed(dialog, reason, context),
            None => {}
        }
    }

    /// The message with this side's answer is acknowledged: the PRACK by its 2xx, or by the 2xx to the INVITE that overtook it.
    fn acknowledged(&mut self, dialog: DialogId, context: &mut Context<'_>) {
        let Some(early) = self.of(dialog) else {
            return;
        };
        if early.exchange.awaits_acknowledgement() {
            early.step(OfferInput::Acknowledged, None, None, context);
            early.complete = true;
        }
    }

    /// A PRACK has no success. The peer ends the INVITE if it misses the PRACK (RFC 3262 section 3), so that the call goes on.
    fn prack_failed(&mut self, dialog: DialogId, reason: EndReason, context: &mut Context<'_>) {
        if let Some(early) = self.of(dialog) {
            let answers = early.exchange.awaits_acknowledgement();
            early.prack_failed(reason, answers, context);
        }
    }

    /// Ends all early dialogs, because the INVITE begins anew: with credentials, on another flow, or to another target.
    pub(crate) fn reset(&mut self, reason: &EndReason, context: &mut Context<'_>) {
        context.clear(SessionTimer::Description);
        context.clear(SessionTimer::Update);
        for early in self.dialogs.drain(..) {
            context.endpoint.dialogs.remove(early.dialog);
            early.end(context.common.offer, reason.clone(), context);
        }
    }

    /// The call begins in `dialog`; the others end (RFC 3261 section 13.2.2.4).
    pub(crate) fn choose(mut self, dialog: DialogId, context: &mut Context<'_>) -> Chosen {
        self.acknowledged(dialog, context);
        let waits = self
            .of(dialog)
            .is_some_and(|early| early.exchange.carrier() == Some(Carrier::Update));
        if !waits {
            context.clear(SessionTimer::Description);
        }
        if !self.glaring().contains(&dialog) {
            context.clear(SessionTimer::Update);
        }
        let invite = context.common.offer;
        let mut chosen = Chosen {
            complete: false,
            preview: None,
        };
        for mut early in self.dialogs {
            if early.dialog == dialog {
                context.common.offer = early.exchange;
                context.common.updates = early.updates;
                chosen.complete = early.complete;
                chosen.preview = early.preview;
            } else {
                early.leave_answer(context);
                early.end(invite, by_peer(Cause::AnsweredElsewhere), context);
            }
        }
        chosen
    }

    /// Ends the exchanges of a call that is over without a 2xx.
    pub(crate) fn close(self, reason: &EndReason, context: &mut Context<'_>) {
        let invite = context.common.offer;
        for mut early in self.dialogs {
            early.terminate_update(reason, context);
            if early.has_own_exchange(invite) {
                let ended = OfferInput::Ended(Ending::with_call(reason));
                early.step(ended, None, Some(reason.clone()), context);
            }
        }
        if self.answered {
            context.common.offer = Exchange::Idle;
        }
    }
}
