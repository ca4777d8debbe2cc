//! The context of one step of a call: the endpoint below, and the data that every state of the call shares.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{HeaderName, Message, Method, Request, Response, StatusCode};
use smallvec::SmallVec;

use super::input::ResponseTo;
use super::offer::{Carrier, Ending, Exchange, OfferEffect, OfferEffects, OfferInput};
use super::options::MessageOptions;
use super::refresh::{
    OwnFields, Refresh, TimerFields, TimerPolicy, TimingEffect, TimingEffects, TimingInput,
};
use super::state::{Attempt, Seldom, State, Terminating, Updates};
use crate::body::{Body, RemoteDescription};
use crate::dialog::{DialogId, DialogSetId, Established};
use crate::endpoint::{
    DialogUsage, Duty, Endpoint, InDialog, InDialogResponse, MaySend, ProvisionalNumber, Sent,
    SentRequest, SessionRequest, SessionTimer, TimerOwner, TransactionUser,
};
use crate::event::{Event, ExchangeOutcome};
use crate::header::ExtraHeader;
use crate::ids::{ConnectionId, ExchangeId, SessionId};
use crate::rand::below;
use crate::reason::{ByeFailure, Cause, EndReason, Originator, send_failure_cause};
use crate::time::Timestamp;
use crate::timer::TimerKey;
use crate::transaction::{ClientTransactionId, SendError, ServerTransactionId};

/// The Reason of the BYE to a session that has expired (RFC 3326 section 2).
const EXPIRED: &str = "SIP;cause=408;text=\"Session expired\"";

/// The application has this long to answer the offer in an UPDATE. An UPDATE is answered at once (RFC 3311 section 5.2), and its
/// transaction at the peer ends after 32 s.
const ANSWER_UPDATE_WITHIN: Duration = Duration::from_secs(10);

/// The data that every state of a call shares.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Common {
    pub(crate) id: SessionId,
    pub(crate) set: DialogSetId,
    /// The dialog of the call, once one is chosen.
    pub(crate) dialog: Option<DialogId>,
    /// The offer/answer exchange.
    pub(crate) offer: Exchange,
    /// Whether this side holds the call.
    pub(crate) holds: bool,
    /// Whether it does so once the open exchange is complete.
    will_hold: bool,
    /// The UPDATEs in both directions.
    pub(crate) updates: Updates,
    /// The number of the last exchange.
    pub(crate) exchanges: u32,
    /// The CSeq number of the last ACK to a 2xx.
    acknowledged: Option<u32>,
    /// The connection on which the peer last reached this side.
    pub(crate) connection: Option<ConnectionId>,
    /// Whether this side called; the Call-ID is its own then.
    pub(crate) caller: bool,
    /// Whether it has come up, for counters.
    was_up: bool,
    /// Whether further branches of the INVITE become calls.
    pub(crate) claims: bool,
    /// The transaction of the INVITE of this side that made the call.
    pub(crate) invite: Option<ClientTransactionId>,
    /// Whether the peer supports Replaces (RFC 3891 section 4).
    pub(crate) peer_replaces: bool,
    /// Whether the peer has sent a REFER in the call.
    pub(crate) was_referred: bool,
    /// The status to report for it.
    pub(crate) progress: Option<StatusCode>,
    /// The reliable provisional response of this side that the peer has not acknowledged.
    pub(crate) provisional: Option<ProvisionalNumber>,
    /// The session timer.
    pub(crate) refresh: Refresh,
    /// What the application adds to the message that ends the call.
    pub(crate) parting: Option<Box<MessageOptions>>,
    pub(super) seldom: Option<Box<Seldom>>,
    /// The timers that are set; a call that is up has those of its session alone.
    timers: SmallVec<[(SessionTimer, TimerKey); 3]>,
}

/// The context of one step of a call.
pub(crate) struct Context<'a> {
    pub(crate) endpoint: &'a mut Endpoint,
    pub(crate) common: &'a mut Common,
}

impl Common {
    pub(crate) fn new(id: SessionId, set: DialogSetId) -> Self {
        Self {
            id,
            set,
            dialog: None,
            offer: Exchange::Idle,
            holds: false,
            will_hold: false,
            updates: Updates::default(),
            exchanges: 0,
            acknowledged: None,
            connection: None,
            caller: false,
            was_up: false,
            claims: false,
            invite: None,
            peer_replaces: false,
            was_referred: false,
            progress: None,
            provisional: None,
            refresh: Refresh::new(),
            parting: None,
            seldom: None,
            timers: SmallVec::new(),
        }
    }

    /// The data of a further branch of the INVITE of `first`, whose offer it has answered if the INVITE had one.
    pub(crate) fn branch(id: SessionId, first: &Self, offered: bool) -> Self {
        let mut branch = Self::new(id, first.set);
        branch.caller = true;
        branch.connection = first.connection;
        if offered {
            // The offer of an INVITE is the first exchange of its call.
            branch.exchanges = 1;
            branch.offer = Exchange::OfferSent(ExchangeId(1), Carrier::Invite);
        }
        branch
    }

    /// The last exchange, the last ACK and the unacknowledged response by their numbers, for tests.
    #[cfg(test)]
    pub(crate) fn numbers(&self) -> [u64; 3] {
        let ack = self.acknowledged.unwrap_or(0);
        let rseq = self.provisional.map_or(0, |provisional| provisional.rseq);
        [self.exchanges.into(), ack.into(), rseq.into()]
    }

    /// Whether this side may make an offer: no exchange is open, and no UPDATE of this side is under way (RFC 3264 section 4).
    pub(crate) fn may_offer(&self) -> bool {
        self.offer == Exchange::Idle && self.updates.are_idle()
    }

    /// The user of a request of this call.
    pub(crate) const fn user(&self, request: SessionRequest) -> TransactionUser {
        TransactionUser::Session(self.id, request)
    }
}

impl Context<'_> {
    /// Emits an event, and after that of an INVITE or a provisional response the early-session description in it.
    pub(crate) fn event(&mut self, event: Event) {
        let message: Option<&Message> = match &event {
            Event::IncomingCall { request, .. } => Some(request),
            Event::Progress { response, .. } => Some(response),
            _ => None,
        };
        let session = self.common.id;
        let early = message.and_then(|message| self.endpoint.early_session(session, message));
        self.endpoint.event(event);
        if let Some(early) = early {
            self.endpoint.event(early);
        }
    }

    pub(crate) fn established(&mut self) {
        let session = self.common.id;
        self.common.progress = Some(StatusCode::OK);
        self.common.was_up = true;
        self.endpoint.count_call_up(self.common.caller);
        self.event(Event::Established { session });
    }

    pub(crate) fn set(&mut self, timer: SessionTimer, after: Duration) {
        self.clear(timer);
        let owner = TimerOwner::Session(self.common.id, timer);
        let at = self.endpoint.now + after;
        let key = self.endpoint.timers.set(at, owner);
        self.common.timers.push((timer, key));
    }

    pub(crate) fn clear(&mut self, timer: SessionTimer) {
        if let Some(key) = self.forget(timer) {
            self.endpoint.timers.cancel(key);
        }
    }

    fn clear_all(&mut self) {
        for (_, key) in self.common.timers.drain(..) {
            self.endpoint.timers.cancel(key);
        }
    }

    fn forget(&mut self, timer: SessionTimer) -> Option<TimerKey> {
        let mut timers = self.common.timers.iter();
        let place = timers.position(|(set, _)| *set == timer)?;
        Some(self.common.timers.swap_remove(place).1)
    }

    /// The timer has fired, so its key is spent.
    pub(crate) fn fired(&mut self, timer: SessionTimer) {
        self.forget(timer);
    }

    /// Requests an offer from the application.
    pub(crate) fn want_offer(&mut self, carrier: Carrier) {
        self.want_offer_for(carrier, None);
    }

    /// As [`Context::want_offer`], for an offer that puts the peer on hold or resumes the call.
    pub(crate) fn want_offer_for(&mut self, carrier: Carrier, hold: Option<bool>) {
        if self.common.offer == Exchange::Idle {
            self.common.will_hold = hold.unwrap_or(self.common.holds);
        }
        self.exchange(OfferInput::Wanted(carrier), None, None);
    }

    /// Delivers the peer's offer to the application and requests the answer.
    pub(crate) fn offer_came(&mut self, carrier: Carrier, offer: RemoteDescription) {
        if self.common.offer == Exchange::Idle {
            self.common.will_hold = self.common.holds;
        }
        self.exchange(OfferInput::Came(carrier), Some(offer), None);
    }

    /// Records that the application's description is sent.
    pub(crate) fn described(&mut self) {
        self.exchange(OfferInput::Described, None, None);
    }

    /// Delivers the peer's answer to the application.
    pub(crate) fn answer_came(&mut self, answer: RemoteDescription) {
        self.exchange(OfferInput::AnswerCame, Some(answer), None);
    }

    /// Records that the message with this side's answer is acknowledged.
    pub(crate) fn answer_acknowledged(&mut self) {
        self.exchange(OfferInput::Acknowledged, None, None);
    }

    /// Ends the open exchange, if there is one, without a new session.
    pub(crate) fn end_exchange(&mut self, ending: Ending, reason: EndReason) {
        self.exchange(OfferInput::Ended(ending), None, Some(reason));
    }

    /// Reports that a re-INVITE or UPDATE of this side failed: by the end of its exchange, or else by an event of its own if the
    /// application waits for the outcome.
    pub(crate) fn modification_failed(
        &mut self,
        attempt: &Attempt,
        ending: Ending,
        reason: &EndReason,
    ) {
        if attempt.without_offer() {
            self.modification_ended(attempt, Err(Box::new(reason.clone())));
        } else {
            self.end_exchange(ending, reason.clone());
        }
    }

    /// Reports the end of a re-INVITE or UPDATE of this side that opened no exchange, if the application wanted it.
    pub(crate) fn modification_ended(
        &mut self,
        attempt: &Attempt,
        outcome: Result<(), Box<EndReason>>,
    ) {
        if attempt.refreshes {
            return;
        }
        let session = self.common.id;
        self.event(Event::ModificationEnded { session, outcome });
    }

    /// Ends the open exchange with the call: refused by a final response, or aborted.
    fn close_exchange(&mut self, reason: &EndReason) {
        // RFC 3261 section 15.1.2: a request that is pending when the call ends gets 487.
        let pending = self.common.updates.close();
        if let Some(transaction) = pending.filter(|_| reason.cause != Cause::Stopped) {
            self.refuse(transaction, StatusCode::REQUEST_TERMINATED);
        }
        if self.common.offer != Exchange::Idle {
            self.end_exchange(Ending::with_call(reason), reason.clone());
        }
    }

    /// Lets the exchange of the call take a step.
    fn exchange(
        &mut self,
        input: OfferInput,
        description: Option<RemoteDescription>,
        reason: Option<EndReason>,
    ) {
        let (offer, dialog) = (self.common.offer, self.common.dialog);
        let stepped = self.step_exchange(offer, dialog, input, description, reason);
        self.common.offer = stepped;
        match (offer.asked(), stepped.asked()) {
            (None, Some(_)) => self.wait_for_description(stepped),
            (Some(_), None) => self.clear(SessionTimer::Description),
            _ => {}
        }
    }

    /// Lets an exchange, that of the call or that of an early dialog, take a step and emits its events; the only place that
    /// does so.
    pub(crate) fn step_exchange(
        &mut self,
        exchange: Exchange,
        dialog: Option<DialogId>,
        input: OfferInput,
        mut description: Option<RemoteDescription>,
        mut reason: Option<EndReason>,
    ) -> Exchange {
        let next = ExchangeId(self.common.exchanges.saturating_add(1));
        let mut effects = OfferEffects::new();
        let stepped = exchange.step(input, next, &mut effects);
        let session = self.common.id;
        for effect in effects {
            let event = match effect {
                OfferEffect::Ask(exchange, kind) => {
                    self.common.exchanges = exchange.number();
                    Event::DescriptionNeeded {
                        session,
                        dialog,
                        exchange,
                        kind,
                        hold: self.common.will_hold,
                    }
                }
                OfferEffect::Deliver(exchange, kind) => {
                    let Some(RemoteDescription { body, message }) = description.take() else {
                        continue;
                    };
                    Event::RemoteDescription {
                        session,
                        dialog,
                        exchange,
                        kind,
                        body,
                        message,
                    }
                }
                OfferEffect::End(exchange, ending) => {
                    if ending == Ending::Complete {
                        self.common.holds = self.common.will_hold;
                    }
                    let mut reason = || {
                        let cut = || EndReason::local(Cause::Stopped);
                        Box::new(reason.take().unwrap_or_else(cut))
                    };
                    let outcome = match ending {
                        Ending::Complete => ExchangeOutcome::Complete,
                        Ending::Refused => ExchangeOutcome::Refused(reason()),
                        Ending::RolledBack => ExchangeOutcome::RolledBack(reason()),
                        Ending::Aborted => ExchangeOutcome::Aborted(reason()),
                    };
                    Event::ExchangeEnded {
                        session,
                        dialog,
                        exchange,
                        outcome,
                    }
                }
            };
            self.event(event);
        }
        stepped
    }

    /// Sets the deadline of the application's description (`offerTimeout`).
    pub(crate) fn wait_for_description(&mut self, exchange: Exchange) {
        let timeout = self.endpoint.behaviour().offer_timeout;
        let patience = match exchange {
            // The peer waits 64 T1 for the message with the answer.
            Exchange::AnswerAsked(_, Carrier::Success | Carrier::Provisional | Carrier::Prack) => {
                timeout.min(self.endpoint.time_to_acknowledge())
            }
            Exchange::AnswerAsked(_, Carrier::Update) => timeout.min(ANSWER_UPDATE_WITHIN),
            _ => timeout,
        };
        self.set(SessionTimer::Description, patience);
    }

    /// The header fields of session timers in an INVITE, a re-INVITE or an UPDATE of this side.
    pub(crate) fn timer_fields(&self) -> TimerFields {
        let policy = TimerPolicy::of(self.endpoint);
        policy.map_or_else(TimerFields::default, |policy| {
            self.common.refresh.of_request(policy)
        })
    }

    /// Takes what a 2xx of the peer to an INVITE, a re-INVITE or an UPDATE says about the session timer (RFC 4028
    /// section 7.2).
    pub(crate) fn refreshed_by(&mut self, response: &Response) {
        if TimerPolicy::of(self.endpoint).is_some() {
            self.step_timing(Refresh::agreed(response));
        }
    }

    /// Handles a 422 (RFC 4028 section 7.3): sends the request again with a longer interval. `None` if it is final.
    pub(crate) fn raise_interval(
        &mut self,
        response: &ResponseTo<'_>,
    ) -> Option<ClientTransactionId> {
        let request = response.request.request()?;
        let is_422 = response.status() == StatusCode::SESSION_INTERVAL_TOO_SMALL;
        TimerPolicy::of(self.endpoint).filter(|_| is_422)?;
        if !self.common.refresh.raise(request, response.response) {
            return None;
        }
        let user = self.common.user(response.to);
        let sent = match response.to {
            SessionRequest::Invite => Sent::outside(user),
            _ => Sent::within(self.common.dialog?, user),
        };
        let fields = self.timer_fields();
        let (connection, request) = (response.connection, response.request);
        let sent = self
            .endpoint
            .resend_with(connection, request, sent, &fields.own());
        sent.ok()
    }

    /// Lets the session timer take a step; the only place that does so. Returns what the call has to do.
    pub(crate) fn step_timing(&mut self, input: TimingInput) -> Option<TimingEffect> {
        if matches!(input, TimingInput::Agreed(..) | TimingInput::NotAgreed) {
            self.clear(SessionTimer::Refresh);
            self.clear(SessionTimer::Expiry);
        }
        let mut effects = TimingEffects::new();
        let refresh = &mut self.common.refresh;
        refresh.timing = refresh.timing.step(input, &mut effects);
        let mut left = None;
        for effect in effects {
            match effect {
                TimingEffect::RefreshAfter(time) => self.set(SessionTimer::Refresh, time),
                TimingEffect::ExpireAfter(time) => {
                    let at = self.endpoint.now + time;
                    self.common.refresh.expire_at(at);
                    self.set(SessionTimer::Expiry, time);
                }
                TimingEffect::Refresh | TimingEffect::End => left = Some(effect),
            }
        }
        left
    }

    /// The refresh is due. A host that slept may be late for it.
    pub(crate) fn refresh_is_due(&mut self) -> Option<TimingEffect> {
        let rest = self.common.refresh.rest(self.endpoint.now);
        self.step_timing(TimingInput::Due(rest))
    }

    /// Ends the call: emits [`Event::Ended`](crate::Event::Ended) and clears every timer and table entry.
    pub(crate) fn end(&mut self, reason: impl Into<Box<EndReason>>) -> Option<State> {
        self.end_for(reason.into())
    }

    fn end_for(&mut self, reason: Box<EndReason>) -> Option<State> {
        self.close_exchange(&reason);
        self.clear_all();
        self.common.progress = Some(final_status(&reason));
        if reason.cause == Cause::Bye {
            self.dialog_is_ended();
        }
        if let Some(number) = self.common.provisional.take() {
            self.endpoint.expect_late_prack(self.common.set, number);
        }
        let session = self.common.id;
        let (usage, rest) = (DialogUsage::Session(session), DialogUsage::Rest(session));
        self.endpoint.dialogs.release(self.common.set, usage, rest);
        if self.common.dialog.is_some() {
            let label = session.to_bits();
            self.endpoint.debug("sip.dialog", label, "the dialog ends");
        }
        let (caller, was_up) = (self.common.caller, self.common.was_up);
        self.endpoint.count_call_end(caller, was_up, &reason);
        self.event(Event::Ended { session, reason });
        None
    }

    /// Ends the call by BYE (RFC 3261 section 15.1.1); without a connection the BYE waits for one.
    pub(crate) fn hang_up(&mut self, reason: EndReason) -> Option<State> {
        self.close_exchange(&reason);
        self.clear_all();
        let since = self.endpoint.now;
        self.send_bye(Terminating {
            reason: Box::new(reason),
            since,
            peer_knows: false,
        })
    }

    /// Sends the BYE of an ended call, or keeps it until there is a connection, for as long as it would wait
    /// for a response.
    pub(crate) fn send_bye(&mut self, mut call: Terminating) -> Option<State> {
        let Some(dialog) = self.common.dialog else {
            return self.end(call.reason);
        };
        // RFC 3326: the peer learns why a call ends that neither side hung up.
        let expired = [(HeaderName::Reason, EXPIRED)];
        let own = if call.reason.cause == Cause::Expired {
            &expired[..]
        } else {
            &[]
        };
        let sent = match self
            .endpoint
            .may_send_in(dialog, Duty::Owed(self.common.connection))
        {
            MaySend::Now(connection) => {
                let parting = self.common.parting.as_deref();
                let bye = InDialog {
                    connection,
                    dialog,
                    method: Method::Bye,
                    body: parting.and_then(|parting| parting.body.as_ref()),
                    own,
                    extra: parting.map_or(&[], |parting| &parting.headers),
                };
                let user = self.common.user(SessionRequest::Bye);
                self.endpoint.send_in_dialog(&bye, user)
            }
            MaySend::Later => {
                let patience = self.endpoint.longest_wait();
                self.set(SessionTimer::GiveUp, patience);
                return Some(State::QueuedBye(call));
            }
            MaySend::Never(error) => Err(error),
        };
        match sent {
            Ok(_) => {
                self.dialog_is_ended();
                Some(State::Terminating(call))
            }
            Err(error) => {
                call.reason.cause = send_failure_cause(&error);
                call.reason.bye_failure = Some(ByeFailure::NotSent);
                self.end(call.reason)
            }
        }
    }

    /// The dialog of the call has had its BYE.
    fn dialog_is_ended(&mut self) {
        if let (Some(invite), Some(dialog)) = (self.common.invite, self.common.dialog) {
            self.endpoint.dialog_is_ended(invite, dialog);
        }
    }

    /// The rest of the longest wait for a connection that began at `since`.
    pub(crate) fn rest_of_wait(&self, since: Timestamp) -> Duration {
        let end = since + self.endpoint.longest_wait();
        end.saturating_since(self.endpoint.now)
    }

    /// Whether the call's next message has to wait: there is no connection, or only one that the peer does
    /// not know and on which REGISTER goes first.
    pub(crate) fn must_wait(&self, dialog: DialogId) -> bool {
        let duty = Duty::Owed(self.common.connection);
        self.endpoint.may_send_in(dialog, duty) == MaySend::Later
    }

    /// Why requests cannot go to the target that a 2xx named, if they cannot: decided before the ACK, so that ACK and
    /// BYE have one fate. Both go where the INVITE went then, because every 2xx is acknowledged (RFC 3261 section
    /// 13.2.2.4) and the peer has to learn that the call is over.
    pub(crate) fn unusable_target(
        &mut self,
        established: &Established,
        response: &ResponseTo<'_>,
    ) -> Option<Cause> {
        let dialog = established.dialog;
        if self
            .endpoint
            .check_reach(dialog, response.connection)
            .is_err()
        {
            if let Some(invite) = response.request.request() {
                self.endpoint.dialogs.follow(dialog, invite);
            }
            return Some(Cause::Insecure);
        }
        (!established.has_target).then_some(Cause::Malformed)
    }

    /// Acknowledges a 2xx and keeps the ACK for a repeated 2xx. `transaction` is that of the INVITE.
    pub(crate) fn acknowledge(
        &mut self,
        dialog: DialogId,
        transaction: ClientTransactionId,
        invite: &SentRequest,
        response: Option<&Response>,
        answer: Option<&Body>,
    ) -> Result<(), SendError> {
        let known = self.common.connection;
        let (number, ack) = self
            .endpoint
            .acknowledge(dialog, invite, response, answer, known)?;
        self.endpoint.keep_ack(transaction, dialog, ack);
        self.common.acknowledged = Some(number);
        Ok(())
    }

    /// Handles a 2xx to an INVITE that does not change the state of the call (RFC 3261 section 13.2.2.4): a
    /// repeat gets the same ACK; another branch of a fork is acknowledged and ended; a re-INVITE that a BYE
    /// overtook is acknowledged.
    pub(crate) fn further_success(&mut self, response: &ResponseTo<'_>, ack_is_due: bool) {
        let is_invite = matches!(
            response.to,
            SessionRequest::Invite | SessionRequest::Reinvite
        );
        if !is_invite || !response.status().is_success() {
            return;
        }
        let Some(invite) = response.request.request() else {
            return;
        };
        let tag = response.response.to_tag().ok().flatten();
        let dialog =
            self.common
                .dialog
                .filter(|&dialog| match self.endpoint.dialogs.dialog(dialog) {
                    Some(dialog) => dialog.remote_tag() == tag,
                    None => false,
                });
        if let Some(dialog) = dialog {
            let number = invite.sequence().unwrap_or(0);
            match self.common.acknowledged {
                // The ACK waits for the application's answer.
                _ if ack_is_due => {}
                Some(known) if known == number => {
                    let flow = self.endpoint.flow.as_ref().map(|flow| flow.connection);
                    let connection = flow.unwrap_or(response.connection);
                    let ack = self.endpoint.kept_ack(response.transaction, dialog);
                    if let Some(ack) = ack
                        && self.endpoint.check_reach(dialog, connection).is_ok()
                    {
                        self.endpoint.layer.repeat_ack(connection, ack);
                    }
                }
                // A late repeat of an earlier 2xx, which is already acknowledged.
                Some(known) if known > number => {}
                _ => {
                    // Without a connection the peer's own timers end the transaction.
                    let (transaction, request) = (response.transaction, response.request);
                    let response = Some(response.response);
                    let _ = self.acknowledge(dialog, transaction, request, response, None);
                }
            }
            return;
        }
        self.endpoint.end_branch(response.success());
    }

    /// Records that the peer reaches this side on the flow in use.
    pub(crate) fn on_flow_in_use(&mut self) {
        if let Some(flow) = &self.endpoint.flow {
            self.common.connection = Some(flow.connection);
        }
    }

    /// Whether the connection that the peer knows is gone while another one is up, so that a target refresh
    /// (RFC 3261 section 12.2.1.1) has to repair the route to this side.
    pub(crate) fn is_cut(&self) -> bool {
        let is_open = |connection| self.endpoint.layer.info(connection).is_some();
        self.endpoint.is_ready() && !self.common.connection.is_some_and(is_open)
    }

    /// Reports a failed re-INVITE if it was to repair the route to this side.
    pub(crate) fn repair_failed(&mut self, reason: EndReason, retry_after: Option<Duration>) {
        if self.is_cut() {
            let session = self.common.id;
            let retry_at = retry_after.map(|after| self.endpoint.now + after);
            self.event(Event::RepairFailed {
                session,
                reason: Box::new(reason),
                retry_at,
            });
        }
    }

    /// Sends a response to an INVITE of the peer from the dialog of the call: 101 to 299.
    pub(crate) fn respond(
        &mut self,
        dialog: DialogId,
        transaction: ServerTransactionId,
        status: StatusCode,
        body: Option<&Body>,
    ) -> Result<(), SendError> {
        self.respond_with(dialog, transaction, status, &[], &[], body)
    }

    /// As [`Context::respond`], with header fields of the core and of the application.
    pub(crate) fn respond_with(
        &mut self,
        dialog: DialogId,
        transaction: ServerTransactionId,
        status: StatusCode,
        own: &[(HeaderName<'static>, &str)],
        extra: &[ExtraHeader],
        body: Option<&Body>,
    ) -> Result<(), SendError> {
        let request = self.endpoint.layer.request(transaction);
        let request = request.ok_or(SendError::Stale)?;
        let agreed = match status.is_success() {
            true => self.agree(&request),
            false => None,
        };
        let mut fields = OwnFields::from_slice(own);
        if let Some((_, timer)) = &agreed {
            fields.extend(timer.own());
        }
        let parts = InDialogResponse {
            dialog,
            transaction,
            status,
            body,
            own: &fields,
            extra,
        };
        self.endpoint.respond_to(&request, &parts)?;
        if let Some((timing, _)) = agreed {
            self.step_timing(timing);
        }
        Ok(())
    }

    /// What the 2xx to an INVITE or UPDATE of the peer says about the session timer (RFC 4028 section 9).
    fn agree(&mut self, request: &Request) -> Option<(TimingInput, TimerFields)> {
        if !matches!(request.method(), Method::Invite | Method::Update) {
            return None;
        }
        self.common.refresh.read(request);
        let policy = TimerPolicy::of(self.endpoint)?;
        Some(self.common.refresh.answer(policy, request))
    }

    /// The wait after glare (RFC 3261 section 14.1): 2.1 to 4 s for the side that made the Call-ID, up to 2 s
    /// for the other, in steps of 10 ms.
    pub(crate) fn glare_wait(&mut self) -> Duration {
        let caller = self.common.caller;
        let rng = self.endpoint.layer.rng();
        let steps = if caller {
            210 + below(rng, 191)
        } else {
            below(rng, 201)
        };
        Duration::from_millis(steps * 10)
    }

    /// Cancels a request of the call (RFC 3261 section 9.1). A stale transaction means that its final
    /// response has arrived.
    pub(crate) fn cancel(&mut self, transaction: ClientTransactionId) {
        let now = self.endpoint.now;
        let nobody = Sent::outside(TransactionUser::Nobody);
        let parting = self.common.parting.as_deref();
        let reasons = parting.map(|parting| {
            let headers = parting.headers.iter();
            let reasons = headers.filter(|header| header.header_name() == HeaderName::Reason);
            let reasons: Vec<_> = reasons.map(ExtraHeader::value).collect();
            reasons.join(", ")
        });
        let reasons = reasons.as_deref().filter(|reasons| !reasons.is_empty());
        let _ = self
            .endpoint
            .layer
            .cancel(transaction, reasons, nobody, now);
    }
}

/// The final status of a call that was never up, for the NOTIFY about it (RFC 3515 section 2.4.5).
fn final_status(reason: &EndReason) -> StatusCode {
    reason.status.unwrap_or(match reason.cause {
        Cause::NoAnswer | Cause::Timeout => StatusCode::REQUEST_TIMEOUT,
        Cause::Requested | Cause::Cancelled | Cause::Stopped => StatusCode::REQUEST_TERMINATED,
        Cause::ConnectionLost | Cause::NeverSent => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::SERVER_INTERNAL_ERROR,
    })
}

/// A reason whose originator is the peer.
pub(crate) const fn by_peer(cause: Cause) -> EndReason {
    EndReason::new(Originator::Peer, cause)
}
