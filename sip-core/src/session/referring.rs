//! The REFERs of peers: `referral.rs` is their machine.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{HeaderName, Method, Request, Scheme, StatusCode, UriBuf, text, unescape};

use super::layer::{Phase, SessionLayer};
use super::options::{InviteOptions, MessageOptions};
use super::referral::{ReferralEffect, ReferralInput, ReferralState, Referred, Report};
use super::refusal::Refusal;
use super::transferring::{PACKAGE, subscription_of};
use crate::body::Body;
use crate::dialog::{DialogId, RemoteTarget};
use crate::endpoint::{
    DialogUsage, Duty, Endpoint, InDialog, InDialogResponse, MaySend, TimerOwner, TransactionUser,
};
use crate::error::CommandError;
use crate::event::{Event, Referral};
use crate::header::ExtraHeader;
use crate::ids::{ReferId, SessionId};
use crate::requirement::Requirement;
use crate::slab::Handle;
use crate::transaction::{SendError, ServerTransactionId};

/// How long the application may take to answer, as for every request of a peer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The duration of a subscription: long enough for a call to ring and be answered (RFC 3515 section 2.4.4).
const LASTS: Duration = Duration::from_secs(300);

/// The option tag of a REFER without a subscription (RFC 7614 section 4).
const NO_SUBSCRIPTION: &str = "nosub";

impl SessionLayer {
    /// Handles a REFER of a peer, within a call or outside (RFC 3515 section 2.4.2). The application decides about it.
    pub(crate) fn on_refer(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        session: Option<SessionId>,
        request: Box<Request>,
    ) {
        let referral = match self.read_refer(endpoint, session, &request) {
            Ok(referral) => referral,
            Err((status, why)) => return endpoint.refuse(transaction, status, why, &[]),
        };
        let limits = endpoint.limits();
        let is_full =
            session.is_some_and(|call| self.referred.of(call).count() >= limits.refers_per_call);
        if is_full || self.referred.len() >= limits.refers {
            let later = [(HeaderName::RetryAfter, "5")];
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return endpoint.refuse(transaction, status, "too many REFERs", &later);
        }
        let id = ReferId(self.referred.next_handle());
        let dialog = match session {
            Some(_) => endpoint.dialogs.find(&request),
            None => dialog_of(endpoint, transaction, id, &request),
        };
        let Some(dialog) = dialog else {
            let why = "no dialog can be made of this REFER";
            return endpoint.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
        };
        // RFC 3515 section 2.4.6: only the first REFER of a dialog needs no id.
        let call = session.and_then(|session| self.calls.get_mut(session.0));
        let again =
            call.is_some_and(|call| core::mem::replace(&mut call.common.was_referred, true));
        let number = request.sequence().unwrap_or(0);
        let event = match again {
            true => format!("{PACKAGE};id={number}"),
            false => PACKAGE.into(),
        };
        if session.is_some() {
            endpoint.dialogs.share(dialog);
        }
        let deadline = endpoint.now + ANSWER_WITHIN;
        self.unanswered_refers.insert(transaction, id);
        self.referred.insert(Referred {
            state: ReferralState::Unanswered,
            session,
            set: dialog.set(),
            dialog,
            connection: endpoint.layer.connection_of(transaction),
            transaction,
            request: Some(request),
            number,
            event: event.into(),
            expires_at: deadline,
            timer: Some(endpoint.timers.set(deadline, TimerOwner::Refer(id))),
        });
        endpoint.event(Event::IncomingRefer {
            refer: id,
            session,
            referral: Box::new(referral),
        });
    }

    /// What a REFER asks for, or its refusal.
    fn read_refer(
        &self,
        endpoint: &Endpoint,
        session: Option<SessionId>,
        request: &Request,
    ) -> Result<Referral, (StatusCode, &'static str)> {
        let one = (StatusCode::BAD_REQUEST, "not exactly one Refer-To");
        if request.values(HeaderName::ReferTo).count() != 1 {
            return Err(one);
        }
        let refer_to = request.refer_to().ok().flatten().ok_or(one)?;
        let uri = refer_to.uri();
        if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
            let status = StatusCode::UNSUPPORTED_URI_SCHEME;
            return Err((status, "Refer-To is neither sip: nor sips:"));
        }
        if session.is_some_and(|session| self.phase(session) == Some(Phase::Ending)) {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return Err((status, "REFER in a call that is ending"));
        }
        let unreadable = (StatusCode::BAD_REQUEST, "Refer-To cannot be read");
        let target = UriBuf::strict(uri.as_bytes()).map_err(|_| unreadable)?;
        let referred_by = request.header(HeaderName::ReferredBy);
        let lossless = |value: &[u8]| String::from_utf8(value.to_vec()).ok();
        let mut headers = uri.safe_headers();
        let replaces = headers.find(|(name, _)| unescape(name).eq_ignore_ascii_case(b"replaces"));
        Ok(Referral {
            target,
            replaces: replaces.map(|(_, value)| format!("{}", text(&unescape(value))).into()),
            referred_by: referred_by
                .and_then(|header| lossless(&header.unfolded()))
                .map(Into::into),
            target_dialog: self.target_dialog_of(endpoint, request),
            request: Box::new(request.clone()),
        })
    }

    /// Accepts a REFER of a peer and follows it: answers 202, calls the target with the Referred-By of the REFER (RFC 3892
    /// section 2.2) and the header fields of Refer-To (RFC 3261 section 19.1.5), and reports the progress of that call to
    /// the peer (RFC 3515 section 2.4.4). Returns the new call; it is a call as any other. A Referred-By of the application
    /// replaces that of the REFER. The new call is anonymous if the one of the REFER is.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the REFER is answered, [`CommandError::WrongState`] for one that asks for another method
    /// than INVITE, and those of [`invite`](Self::invite). The REFER still waits for an answer then.
    pub fn follow_refer(
        &mut self,
        endpoint: &mut Endpoint,
        refer: ReferId,
        mut options: InviteOptions,
    ) -> Result<SessionId, CommandError> {
        let request = self.unanswered(refer)?;
        let refer_to = request
            .refer_to()
            .ok()
            .flatten()
            .ok_or(CommandError::Stale)?;
        let method = refer_to.uri().param(b"method");
        if method.is_some_and(|method| !method.eq_ignore_ascii_case(b"INVITE")) {
            return Err(CommandError::WrongState(Requirement::ReferOfInvite));
        }
        let target = UriBuf::strict(refer_to.uri().as_bytes()).map_err(CommandError::Target)?;
        let mut headers = options.headers.iter();
        let is_named = headers.any(|header| header.header_name() == HeaderName::ReferredBy);
        let referred_by = request.header(HeaderName::ReferredBy);
        if let Some(header) = referred_by.filter(|_| !is_named) {
            let value = format!("{}", text(&header.unfolded()));
            options
                .headers
                .extend(ExtraHeader::new("Referred-By", &value).ok());
        }
        // A peer must not learn by a REFER who calls it anonymously.
        let referred = self.referred.get(refer.0);
        let hides = |referred: &Referred| endpoint.referrer(Some(referred.dialog)).is_none();
        options.anonymous |= referred.is_some_and(hides);
        // The flow carries the call if there is one, because the connection of the REFER may break before the call begins.
        let connection = self
            .referred
            .get(refer.0)
            .and_then(|refer| refer.connection)
            .filter(|known| endpoint.flow.is_none() && endpoint.layer.info(*known).is_some());
        let duty = connection.map_or(Duty::Command, |known| Duty::Owed(Some(known)));
        if let MaySend::Never(error) = endpoint.may_send(duty, target.as_bytes()) {
            return Err(error.into());
        }
        // RFC 7989 section 6: a call that a transfer makes keeps the UUID of this side.
        let transferred = self.referred.get(refer.0).and_then(|refer| refer.session);
        let inherited = self.uuid_of(endpoint, transferred);
        options.session_uuid = options.session_uuid.or(inherited);
        let call = self.invite(endpoint, connection, target, options)?;
        if let Some(call) = self.calls.get_mut(call.0) {
            call.common.seldom().follows = Some(refer);
        }
        self.accept_refer(endpoint, refer, &MessageOptions::new())?;
        Ok(call)
    }

    /// Accepts a REFER of a peer by 202; the application does what it asks for and reports with
    /// [`refer_progress`](Self::refer_progress).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the REFER is answered.
    pub fn accept_refer(
        &mut self,
        endpoint: &mut Endpoint,
        refer: ReferId,
        options: &MessageOptions,
    ) -> Result<(), CommandError> {
        let request = self.unanswered(refer)?;
        let input = match is_alone(request) {
            true => ReferralInput::AcceptAlone,
            false => ReferralInput::Accept,
        };
        self.step_referred(endpoint, refer, input, &options.headers);
        Ok(())
    }

    /// Reports the progress of the request that an accepted REFER asked for: its status, of which a final one ends the
    /// subscription (RFC 3515 section 2.4.5).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the subscription is over, or was not wanted; [`CommandError::WrongState`] if the
    /// REFER is not accepted.
    pub fn refer_progress(
        &mut self,
        endpoint: &mut Endpoint,
        refer: ReferId,
        status: StatusCode,
    ) -> Result<(), CommandError> {
        let referred = self.referred.get(refer.0).ok_or(CommandError::Stale)?;
        if referred.state == ReferralState::Unanswered {
            return Err(CommandError::WrongState(Requirement::ReferAccepted));
        }
        self.report(endpoint, refer, status);
        Ok(())
    }

    /// Refuses a REFER of a peer.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the REFER is answered.
    pub fn reject_refer(
        &mut self,
        endpoint: &mut Endpoint,
        refer: ReferId,
        refusal: &Refusal,
    ) -> Result<(), CommandError> {
        self.unanswered(refer)?;
        let referred = self.forget_referred(endpoint, refer);
        let referred = referred.ok_or(CommandError::Stale)?;
        let headers: Vec<_> = refusal.fields().collect();
        let set = Some(referred.set);
        let (status, body) = (refusal.status(), refusal.body());
        endpoint.refuse_with(set, referred.transaction, status, headers, body);
        referred.close(endpoint);
        Ok(())
    }

    /// The REFER of a peer that the application has to answer.
    fn unanswered(&self, refer: ReferId) -> Result<&Request, CommandError> {
        let referred = self.referred.get(refer.0).ok_or(CommandError::Stale)?;
        let waits = referred.state == ReferralState::Unanswered;
        let request = referred.request.as_deref().filter(|_| waits);
        request.ok_or(CommandError::Stale)
    }

    /// Reports a status of the request that an accepted REFER asked for.
    pub(super) fn report(&mut self, endpoint: &mut Endpoint, refer: ReferId, status: StatusCode) {
        let input = ReferralInput::Report(Report::of(status));
        self.step_referred(endpoint, refer, input, &[]);
    }

    /// The time of the application to answer, or the duration of the subscription, is over.
    pub(crate) fn on_refer_timeout(&mut self, endpoint: &mut Endpoint, refer: ReferId) {
        if let Some(referred) = self.referred.get_mut(refer.0) {
            referred.timer = None;
        }
        self.step_referred(endpoint, refer, ReferralInput::Timeout, &[]);
    }

    /// Handles a SUBSCRIBE of the peer, which refreshes the subscription of its REFER or ends it (RFC 3515 section 2.4.4, RFC
    /// 6665 sections 4.1.2.2 and 4.1.2.3); false if the dialog has no such subscription.
    pub(super) fn on_subscribe(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        usage: DialogUsage,
        subscribe: &Request,
    ) -> bool {
        let number = |(handle, referred): (Handle, &Referred)| {
            let state = referred.state;
            let lasts = !matches!(state, ReferralState::Unanswered | ReferralState::Ending(_));
            lasts.then_some((referred.number, ReferId(handle)))
        };
        let mut known: Vec<_> = match usage {
            DialogUsage::Session(call) | DialogUsage::Rest(call) => {
                self.referred.of(call).filter_map(number).collect()
            }
            DialogUsage::Refer(own) => {
                let own = self.referred.get(own.0).map(|referred| (own.0, referred));
                own.and_then(number).into_iter().collect()
            }
            _ => Vec::new(),
        };
        if known.is_empty() {
            return false;
        }
        known.sort_unstable();
        let numbers = known.iter().map(|(number, _)| *number);
        let Some(place) = subscription_of(endpoint, transaction, subscribe, numbers) else {
            return true;
        };
        let (_, id) = known[place];
        let Ok(asked) = subscribe.expires() else {
            let why = "a SUBSCRIBE with an unreadable Expires";
            endpoint.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
            return true;
        };
        let lasts = asked.map_or(LASTS, |seconds| Duration::from_secs(seconds.into()));
        let lasts = lasts.min(LASTS);
        let Some(referred) = self.referred.get_mut(id.0) else {
            return true;
        };
        let dialog = referred.dialog;
        endpoint.take_target(transaction, subscribe);
        // A stale transaction means that its connection is gone; the NOTIFY shows the peer the state.
        let _ = endpoint.respond_in_dialog(&InDialogResponse {
            dialog,
            transaction,
            status: StatusCode::OK,
            body: None,
            own: &[(HeaderName::Expires, &format!("{}", lasts.as_secs()))],
            extra: &[],
        });
        referred.expires_at = endpoint.now + lasts;
        referred.wait(endpoint, id);
        let input = match lasts.is_zero() {
            true => ReferralInput::Timeout,
            false => ReferralInput::Refresh,
        };
        self.step_referred(endpoint, id, input, &[]);
        true
    }

    /// The NOTIFY of a REFER has this outcome.
    pub(super) fn on_notify_outcome(
        &mut self,
        endpoint: &mut Endpoint,
        refer: ReferId,
        outcome: ReferralInput,
    ) {
        self.step_referred(endpoint, refer, outcome, &[]);
    }

    /// Whether a NOTIFY of a REFER is in flight.
    pub(super) fn notify_awaits(&self, refer: ReferId) -> bool {
        let referred = self.referred.get(refer.0);
        referred.is_some_and(|referred| {
            !matches!(
                referred.state,
                ReferralState::Unanswered | ReferralState::Quiet(_) | ReferralState::Waiting(_)
            )
        })
    }

    /// The connection of the REFER of this transaction is gone, so that no response can reach the peer.
    pub(super) fn on_refer_lost(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
    ) {
        if let Some(&id) = self.unanswered_refers.get(&transaction) {
            self.step_referred(endpoint, id, ReferralInput::Lost, &[]);
        }
    }

    /// A connection for requests is available: sends the NOTIFYs that wait for one.
    pub(crate) fn on_refers_connected(&mut self, endpoint: &mut Endpoint) {
        for handle in self.referred.handles() {
            self.step_referred(endpoint, ReferId(handle), ReferralInput::Connected, &[]);
        }
    }

    /// Lets the REFERs of the peer in a call take a step, or all of them.
    pub(super) fn step_referred_of(
        &mut self,
        endpoint: &mut Endpoint,
        session: Option<SessionId>,
        input: ReferralInput,
    ) {
        for handle in self.referred.handles_of(session) {
            self.step_referred(endpoint, ReferId(handle), input, &[]);
        }
    }

    /// Lets a REFER of a peer take a step, and carries out its effect; the only place that does so.
    pub(super) fn step_referred(
        &mut self,
        endpoint: &mut Endpoint,
        id: ReferId,
        input: ReferralInput,
        extra: &[ExtraHeader],
    ) {
        let mut input = Some(input);
        // A NOTIFY that cannot be sent is the next input.
        while let Some(step) = input.take() {
            let Some(referred) = self.referred.get_mut(id.0) else {
                return;
            };
            let (next, effect) = referred.state.step(step);
            if referred.state == ReferralState::Unanswered && next != Some(referred.state) {
                self.unanswered_refers.remove(&referred.transaction);
            }
            match effect {
                Some(ReferralEffect::Accept(report)) => {
                    referred.expires_at = endpoint.now + LASTS;
                    referred.accept(endpoint, extra);
                    input = report.and_then(|report| referred.notify(endpoint, id, report));
                }
                Some(ReferralEffect::Notify(report)) => {
                    input = referred.notify(endpoint, id, report);
                }
                Some(ReferralEffect::Refuse) => referred.refuse(endpoint, step),
                None => {}
            }
            match next {
                Some(state) if state != referred.state => {
                    referred.state = state;
                    referred.wait(endpoint, id);
                }
                Some(_) => {}
                None => {
                    if let Some(referred) = self.forget_referred(endpoint, id) {
                        referred.close(endpoint);
                    }
                }
            }
        }
    }

    fn forget_referred(&mut self, endpoint: &mut Endpoint, id: ReferId) -> Option<Referred> {
        let referred = self.referred.remove(id.0)?;
        if referred.state == ReferralState::Unanswered {
            self.unanswered_refers.remove(&referred.transaction);
        }
        if let Some(timer) = referred.timer {
            endpoint.timers.cancel(timer);
        }
        Some(referred)
    }
}

impl Referred {
    /// Sends the 202, from the dialog of the NOTIFYs.
    fn accept(&mut self, endpoint: &mut Endpoint, extra: &[ExtraHeader]) {
        let request = self.request.take();
        let mut own = Vec::new();
        if let Some(request) = request {
            endpoint.take_target(self.transaction, &request);
            // RFC 4488 section 4, RFC 7614 section 5.2.
            if request.refer_sub() == Ok(Some(false)) {
                own.push((HeaderName::ReferSub, "false"));
            }
            if requires_no_subscription(&request) {
                own.push((HeaderName::Require, NO_SUBSCRIPTION));
            }
        }
        // A stale transaction means that its connection is gone; the NOTIFYs show the peer the outcome.
        let _ = endpoint.respond_in_dialog(&InDialogResponse {
            dialog: self.dialog,
            transaction: self.transaction,
            status: StatusCode::ACCEPTED,
            body: None,
            own: &own,
            extra,
        });
        // The dialog of a call is the call's: an early one stays early (RFC 3261 section 13.2.2.4).
        if self.session.is_none() {
            endpoint.dialogs.confirm(self.dialog);
        }
    }

    /// Sends a NOTIFY; returns the input that follows if it cannot be sent.
    fn notify(
        &self,
        endpoint: &mut Endpoint,
        id: ReferId,
        report: Report,
    ) -> Option<ReferralInput> {
        let connection = match endpoint.may_send_in(self.dialog, Duty::Owed(self.connection)) {
            MaySend::Now(connection) => connection,
            MaySend::Later => return Some(ReferralInput::Lost),
            MaySend::Never(_) => return Some(ReferralInput::Failed),
        };
        let left = self.expires_at.saturating_since(endpoint.now).as_secs();
        let state = match report.terminated {
            Some(reason) => format!("terminated;reason={reason}"),
            None => format!("active;expires={left}"),
        };
        let (code, phrase) = (report.status.as_u16(), report.status.reason());
        let fragment = format!("SIP/2.0 {code} {phrase}\r\n");
        let own = [
            (HeaderName::Event, &*self.event),
            (HeaderName::SubscriptionState, state.as_str()),
        ];
        // Rust 1.88 drops a temporary at the end of the statement.
        let body = Body::new("message/sipfrag;version=2.0", fragment);
        let parts = InDialog {
            connection,
            dialog: self.dialog,
            method: Method::Notify,
            body: Some(&body),
            own: &own,
            extra: &[],
        };
        match endpoint.send_in_dialog(&parts, TransactionUser::Notify(id)) {
            Ok(_) => None,
            Err(SendError::NotConnected) => Some(ReferralInput::Lost),
            Err(_) => Some(ReferralInput::Failed),
        }
    }

    /// Refuses the REFER, because the application has not answered it. Within a call the status is one that ends nothing
    /// but the transaction (RFC 5057 section 5.1).
    fn refuse(&self, endpoint: &mut Endpoint, input: ReferralInput) {
        let (status, why) = match (self.session, input) {
            (_, ReferralInput::CallEnded | ReferralInput::DialogEnded) => (
                StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
                "the call of a REFER is over",
            ),
            (Some(_), _) => (
                StatusCode::SERVER_INTERNAL_ERROR,
                "the application has not answered a REFER",
            ),
            (None, _) => (
                StatusCode::TEMPORARILY_UNAVAILABLE,
                "the application has not answered a REFER",
            ),
        };
        endpoint.refuse(self.transaction, status, why, &[]);
    }

    /// Sets the deadline of the state.
    fn wait(&mut self, endpoint: &mut Endpoint, id: ReferId) {
        if let Some(timer) = self.timer.take() {
            endpoint.timers.cancel(timer);
        }
        let at = match self.state {
            // The transaction of the last NOTIFY has a deadline of its own.
            ReferralState::Ending(_) => return,
            ReferralState::Waiting(_) => endpoint.now + endpoint.longest_wait(),
            _ => self.expires_at,
        };
        self.timer = Some(endpoint.timers.set(at, TimerOwner::Refer(id)));
    }

    /// Closes the dialog that the REFER made, or leaves that of its call.
    fn close(&self, endpoint: &mut Endpoint) {
        match self.session {
            Some(_) => endpoint.dialogs.unshare(self.dialog),
            None => endpoint.dialogs.leave(self.set),
        }
    }
}

/// Makes the dialog of a REFER outside any (RFC 3515 section 2.4.4); its Contact is the target of the NOTIFYs.
fn dialog_of(
    endpoint: &mut Endpoint,
    transaction: ServerTransactionId,
    id: ReferId,
    request: &Request,
) -> Option<DialogId> {
    let usable = RemoteTarget::of(request) == RemoteTarget::Usable;
    if !usable && !is_alone(request) {
        return None;
    }
    let call_id = request.call_id().ok()?;
    let usage = DialogUsage::Refer(id);
    let rng = endpoint.layer.rng();
    let set = endpoint.dialogs.open(call_id, usage, rng);
    let dialog = endpoint.dialogs.accept(set, request).ok();
    let reached = dialog.filter(|dialog| endpoint.reaches(*dialog, transaction));
    if reached.is_none() {
        endpoint.dialogs.close(set);
    }
    reached
}

/// Whether the peer wants no subscription (RFC 4488 section 4, RFC 7614 section 5.2).
fn is_alone(request: &Request) -> bool {
    request.refer_sub() == Ok(Some(false)) || requires_no_subscription(request)
}

fn requires_no_subscription(request: &Request) -> bool {
    let mut tags = request.require();
    tags.any(|tag| tag.eq_ignore_ascii_case(NO_SUBSCRIPTION.as_bytes()))
}
