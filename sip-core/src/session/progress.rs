//! The callee before its final response: provisional responses (RFC 3261 section 13.3.1.1), their reliability and its PRACKs
//! (RFC 3262), and session descriptions in them.

use alloc::boxed::Box;
use alloc::format;
use core::time::Duration;

use sip_parse::{HeaderName, Request, StatusCode};

use super::context::{Context, by_peer};
use super::input::Input;
use super::offer::{Carrier, Ending, Exchange};
use super::options::DescriptionFailed;
use super::provisional::ProvisionalOptions;
use super::reliable::Provisional;
use super::state::{Incoming, State};
use crate::body::{Body, remote_description};
use crate::config::LogLevel;
use crate::endpoint::{RELIABLE, SessionTimer};
use crate::error::CommandError;
use crate::reason::{Cause, EndReason};
use crate::record::LogContent;
use crate::requirement::Requirement;
use crate::transaction::ServerTransactionId;

/// A proxy drops a call after three minutes without a response; a response may be lost (RFC 3261 section 13.3.1.1).
const REPEAT_AFTER: Duration = Duration::from_secs(60);

/// The same for a reliable response, which is not lost (RFC 3262 section 3).
const REPEAT_RELIABLE_AFTER: Duration = Duration::from_secs(150);

impl Incoming {
    /// Whether the application may send this provisional response now.
    pub(crate) fn check_progress(
        &self,
        options: &ProvisionalOptions,
        exchange: Exchange,
        limit: usize,
    ) -> Result<(), CommandError> {
        self.reliable.check(options, limit)?;
        if !options.description || self.preview.is_some() {
            return Ok(());
        }
        let wanted = if exchange != Exchange::Idle || self.negotiated {
            Requirement::OneDescription
        } else if remote_description(&self.request).is_none() && !self.reliable.is_reliable(options)
        {
            // RFC 3262 section 5: an unreliable response carries no offer.
            Requirement::ReliableOffer
        } else {
            return Ok(());
        };
        Err(CommandError::WrongState(wanted))
    }

    /// Sends 180. Idempotent.
    pub(crate) fn ring(&mut self, context: &mut Context<'_>) {
        if !self.ringing && !self.reliable.is_queued(StatusCode::RINGING) {
            self.progress(ProvisionalOptions::ringing(), context);
        }
    }

    /// Sends a provisional response, or requests its description first.
    pub(crate) fn progress(&mut self, options: ProvisionalOptions, context: &mut Context<'_>) {
        if !options.description {
            return self.send(options, None, context);
        }
        // RFC 3261 section 13.2.1: each copy of the answer is the same.
        if let Some(preview) = self.preview.clone() {
            return self.send(options, Some(preview), context);
        }
        self.early = Some(options);
        match remote_description(&self.request) {
            Some(offer) => context.offer_came(Carrier::Invite, offer),
            None => context.want_offer(Carrier::Provisional),
        }
    }

    /// Takes the description of a provisional response, or that of the answer to the offer in a PRACK.
    pub(crate) fn describe(
        &mut self,
        description: Result<Body, DescriptionFailed>,
        context: &mut Context<'_>,
    ) {
        if let Some(prack) = self.prack.take() {
            return match description {
                Ok(answer) => {
                    context.endpoint.accept_prack(prack, Some(&answer));
                    context.described();
                }
                Err(DescriptionFailed) => {
                    context.refuse(prack, StatusCode::NOT_ACCEPTABLE_HERE);
                    let reason = EndReason::local(Cause::BadDescription);
                    context.end_exchange(Ending::Refused, reason);
                }
            };
        }
        match (self.early.take(), description) {
            (Some(options), Ok(body)) => {
                context.described();
                self.send(options, Some(body), context);
            }
            // The call goes on without early media; the 2xx needs a description all the same.
            _ => {
                let reason = EndReason::local(Cause::BadDescription);
                context.end_exchange(Ending::Aborted, reason);
            }
        }
    }

    fn send(&mut self, options: ProvisionalOptions, body: Option<Body>, context: &mut Context<'_>) {
        let response = Provisional {
            reliable: self.reliable.is_reliable(&options),
            status: options.status.status(),
            headers: options.headers,
            other: options.body.filter(|_| body.is_none()),
            body,
        };
        // RFC 3262 section 3: one reliable response at a time. Later ones wait, whatever their kind, to keep their order.
        if self.reliable.waits() {
            self.reliable.wait(response);
        } else {
            self.transmit(response, context);
        }
    }

    fn transmit(&mut self, response: Provisional, context: &mut Context<'_>) {
        let status = response.status;
        let rng = context.endpoint.layer.rng();
        let number = self.reliable.next_number(self.number, rng);
        let rseq = format!("{}", number.rseq);
        let own = [
            (HeaderName::Require, RELIABLE),
            (HeaderName::RSeq, rseq.as_str()),
        ];
        let own = if response.reliable { &own[..] } else { &[] };
        let body = response.body.as_ref().or(response.other.as_ref());
        let headers = &response.headers;
        let sent = context.respond_with(self.dialog, self.transaction, status, own, headers, body);
        if sent.is_err() {
            context.log_not_sent();
            if response.body.is_some() {
                self.preview = None;
                let reason = EndReason::local(Cause::Malformed);
                context.end_exchange(Ending::Aborted, reason);
            }
            return;
        }
        self.ringing |= status == StatusCode::RINGING;
        if response.reliable {
            let timers = context.endpoint.timer_settings();
            let described = response.body.is_some();
            self.reliable.sent(number, described, timers.t1());
            self.preview = self.preview.take().filter(|_| !described);
            context.common.provisional = Some(number);
            context.set(SessionTimer::RepeatProvisional, timers.t1());
            context.set(SessionTimer::Prack, timers.h());
            context.set(SessionTimer::Ring, REPEAT_RELIABLE_AFTER);
        } else {
            if response.body.is_some() {
                self.preview.clone_from(&response.body);
            }
            context.set(SessionTimer::Ring, REPEAT_AFTER);
        }
        self.last = Some(Provisional {
            body: None,
            ..response
        });
    }

    /// The last provisional response is due again, because a proxy forgets the call otherwise.
    pub(crate) fn refresh(&mut self, context: &mut Context<'_>) {
        if self.reliable.waits() {
            return context.set(SessionTimer::Ring, REPEAT_RELIABLE_AFTER);
        }
        let Some(last) = self.last.take() else {
            return self.progress(ProvisionalOptions::ringing(), context);
        };
        let body = self.preview.clone().filter(|_| !last.reliable);
        self.transmit(Provisional { body, ..last }, context);
    }

    /// A reliable response is due again (RFC 3262 section 3).
    pub(crate) fn repeat(&mut self, context: &mut Context<'_>) {
        if let Some(interval) = self.reliable.repeat_after() {
            // It is the last response of its transaction, because later ones wait.
            let _ = context.endpoint.layer.repeat_response(self.transaction);
            context.set(SessionTimer::RepeatProvisional, interval);
        }
    }

    /// Takes a PRACK; `Err` is the call whose INVITE goes on.
    pub(crate) fn on_prack(
        mut self: Box<Self>,
        prack: ServerTransactionId,
        request: &Request,
        context: &mut Context<'_>,
    ) -> Result<Option<State>, Box<Self>> {
        let Some(described) = self.reliable.acknowledge(request) else {
            context.refuse(prack, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
            return Err(self);
        };
        context.common.provisional = None;
        context.clear(SessionTimer::RepeatProvisional);
        context.clear(SessionTimer::Prack);
        let description = remote_description(request);
        if described && context.common.offer.awaits_answer() {
            context.endpoint.accept_prack(prack, None);
            let Some(answer) = description else {
                // RFC 3262 section 5: the PRACK carries the answer.
                let status = StatusCode::NOT_ACCEPTABLE_HERE;
                context.refuse(self.transaction, status);
                return Ok(context.end(EndReason {
                    status: Some(status),
                    ..by_peer(Cause::BadDescription)
                }));
            };
            context.answer_came(answer);
            self.negotiated = true;
        } else {
            if described {
                context.answer_acknowledged();
                self.negotiated = true;
            }
            match description {
                None => context.endpoint.accept_prack(prack, None),
                // RFC 3262 section 5: a further offer, after the answer to the first.
                Some(offer) if self.negotiated && context.common.offer == Exchange::Idle => {
                    self.prack = Some(prack);
                    context.offer_came(Carrier::Prack, offer);
                }
                Some(_) => context.refuse(prack, StatusCode::NOT_ACCEPTABLE_HERE),
            }
        }
        Err(self)
    }

    /// Sends the responses that waited for the PRACK.
    pub(crate) fn send_waiting(&mut self, context: &mut Context<'_>) {
        while let Some(response) = self.reliable.next() {
            self.transmit(response, context);
        }
    }

    /// Answers the PRACK that waits for a description, because the call ends (RFC 3261 section 15.1.2).
    pub(crate) fn refuse_prack(&mut self, context: &mut Context<'_>) {
        if let Some(prack) = self.prack.take() {
            context.refuse(prack, StatusCode::REQUEST_TERMINATED);
        }
    }

    /// Accepts the call: sends the 2xx as soon as it may be sent (RFC 3262 section 3) and there is its description.
    pub(crate) fn accept(mut self: Box<Self>, context: &mut Context<'_>) -> Option<State> {
        if context.common.offer.asked().is_some() || self.reliable.holds_success() {
            return Some(State::Accepting(self));
        }
        let known = self.preview.take();
        let known = known.or_else(|| self.reliable.take_description());
        if known.is_some() || self.negotiated {
            return self.succeed(known.as_ref(), context);
        }
        match remote_description(&self.request) {
            Some(offer) => context.offer_came(Carrier::Invite, offer),
            None => context.want_offer(Carrier::Success),
        }
        Some(State::Accepting(self))
    }

    /// The inputs about provisional responses that both states of an unanswered call handle alike; `Err` returns the rest.
    pub(crate) fn step_early<'a>(
        &mut self,
        input: Input<'a>,
        context: &mut Context<'_>,
    ) -> Result<(), Input<'a>> {
        match input {
            Input::Ring => self.ring(context),
            Input::Progress(options) => self.progress(options, context),
            Input::Timer(SessionTimer::Ring) => self.refresh(context),
            Input::Timer(SessionTimer::RepeatProvisional) => self.repeat(context),
            other => return Err(other),
        }
        Ok(())
    }
}

impl Context<'_> {
    /// Logs that a provisional response could not be built or sent.
    pub(crate) fn log_not_sent(&mut self) {
        let content = LogContent::Text("a provisional response could not be sent");
        let label = self.common.id.to_bits();
        self.endpoint
            .log(LogLevel::Warn, "sip.session", label, content);
    }

    /// Answers a PRACK in a state that waits for none: 200 if it acknowledges a provisional response that a final one has overtaken (RFC
    /// 3262 section 3), else 481. An offer in it is refused, because the exchange of the INVITE goes on.
    pub(crate) fn late_prack(&mut self, prack: ServerTransactionId, request: &Request) {
        let number = &mut self.common.provisional;
        let found = number.take_if(|number| number.is_acknowledged_by(request));
        match found {
            None => self.refuse(prack, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST),
            Some(_) if remote_description(request).is_some() => {
                self.refuse(prack, StatusCode::NOT_ACCEPTABLE_HERE);
            }
            Some(_) => self.endpoint.accept_prack(prack, None),
        }
    }
}
