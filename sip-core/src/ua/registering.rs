//! Carries out what the registration machine decides (`registration/`).

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{HeaderName, Method, Response};
use smallvec::SmallVec;

use super::agent::UserAgent;
use crate::auth::ChallengeError;
use crate::connection::DisconnectReason;
use crate::endpoint::{FlowIndex, OutOfDialog, Received, Sent, TimerOwner, TransactionUser};
use crate::event::{self, Event};
use crate::reason::{Cause, EndReason, Originator, failure, on_one_line, send_failure_cause};
use crate::registration::{
    AlternativeForm, Binding, BindingInput, Grant, RegisterKind, Wish, bound_for, refresh_after,
    retry_after, return_after,
};
use crate::transaction::{SendError, TransactionError};

/// What the response to a failed REGISTER contributes to the time of the next one.
#[derive(Clone, Copy, Default)]
struct Retry {
    status: Option<u16>,
    /// Retry-After (RFC 3261 section 20.33).
    asked: Option<Duration>,
}

impl UserAgent {
    /// A connection is open: registers at once, or within a second if it replaces a lost one.
    pub(super) fn register_on_connection(&mut self, index: FlowIndex) {
        let wanted = self.registrations.is_wanted();
        let binding = self.registrations.binding_mut(index);
        if core::mem::replace(&mut binding.reconnecting, true) && wanted {
            let at = self.endpoint.now + return_after(self.endpoint.layer.rng());
            binding.step(BindingInput::Wait(at));
            self.arm(index);
        } else {
            self.next_register();
        }
        if !wanted {
            self.connection_is_usable();
        }
    }

    /// Registers at once if the application wants a registration, also where a retry was to wait.
    pub(super) fn register_if_wanted(&mut self) {
        self.step_bindings(BindingInput::Hurry);
        self.next_register();
    }

    /// Refreshes the bindings early, because their content has changed.
    pub(super) fn refresh_now(&mut self) {
        if self.registrations.is_wanted() {
            let now = self.endpoint.now;
            self.step_bindings(BindingInput::Changed(now));
        }
        self.next_register();
    }

    /// Ends the registration by command of the application, and withdraws a waiting challenge.
    pub(super) fn remove_bindings(&mut self, wish: Wish) {
        self.registrations.want(wish);
        for index in self.flows.indices() {
            self.withdraw_challenge(TransactionUser::Register(index));
        }
        // A query in flight keeps the time of the next retry, which is obsolete now.
        self.step_bindings(BindingInput::Unwanted);
        self.next_register();
        self.registration_is_through();
    }

    /// Passes an input to every binding.
    fn step_bindings(&mut self, input: BindingInput) {
        for index in self.flows.indices() {
            self.registrations.binding_mut(index).step(input);
            self.arm(index);
        }
    }

    fn send_register(&mut self, index: FlowIndex, kind: RegisterKind) {
        match self.send_register_for(index, kind) {
            Ok(()) => {
                let binding = self.registrations.binding_mut(index);
                binding.step(BindingInput::Send(kind));
                self.arm(index);
            }
            Err(error) => {
                let reason = EndReason::local(send_failure_cause(&error));
                self.register_is_over(index, kind, reason, Retry::default());
            }
        }
    }

    fn send_register_for(&mut self, index: FlowIndex, kind: RegisterKind) -> Result<(), SendError> {
        let flow = self.flows.get(index).open.as_ref();
        let flow = flow.ok_or(SendError::NotConnected)?;
        let (endpoint, registrations) = (&mut self.endpoint, &mut self.registrations);
        let cseq = registrations.count_register();
        let is_plain = registrations.is_without_outbound(Some(&*flow.route_host));
        let reg_id = (!is_plain).then_some(index + 1);
        let expires = registrations.expires();
        let contact = match kind {
            RegisterKind::Refresh => Some(endpoint.register_contact(expires, reg_id)),
            RegisterKind::Remove => Some(endpoint.register_contact(0, reg_id)),
            RegisterKind::RemoveAll => Some("*".into()),
            RegisterKind::Fetch => None,
        };
        let aor = endpoint.identity.aor.clone();
        let registrar = endpoint.identity.registrar.clone();
        let supported = endpoint.identity.supported_in_register(reg_id.is_some());
        let mut own = Vec::with_capacity(3);
        if let Some(contact) = &contact {
            own.push((HeaderName::Contact, contact.as_str()));
        }
        if kind == RegisterKind::RemoveAll {
            own.push((HeaderName::Expires, "0"));
        }
        own.push((HeaderName::Supported, supported.as_str()));
        let parts = OutOfDialog {
            connection: flow.connection,
            flow: Some(flow),
            method: Method::Register,
            target: registrar.as_bytes(),
            to: aor.as_bytes(),
            call_id: registrations.call_id().as_bytes(),
            tag: registrations.tag(),
            cseq,
            service_route: false,
            anonymous: false,
            from: None,
            body: None,
            offers: None,
            own: &own,
            extra: &[],
        };
        let sent = Sent::outside(TransactionUser::Register(index));
        endpoint.send_out_of_dialog(&parts, sent).map(|_| ())
    }

    pub(super) fn on_register_response(&mut self, index: FlowIndex, received: &Received) {
        let response = &*received.response;
        if response.status().is_provisional() {
            return;
        }
        // Otherwise the response is late: the connection of the REGISTER was lost and its state already reset.
        let Some(kind) = self.registrations.binding(index).kind() else {
            return;
        };
        if received.is_challenge() {
            return self.on_register_challenged(index, kind, received);
        }
        if !response.status().is_success() {
            return self.on_register_refused(index, kind, response);
        }
        match kind {
            RegisterKind::Refresh => self.on_granted(index, response),
            RegisterKind::Remove => self.unbound(index, EndReason::local(Cause::Requested)),
            RegisterKind::RemoveAll => {
                for index in self.flows.indices() {
                    self.unbound(index, EndReason::local(Cause::Requested));
                }
            }
            RegisterKind::Fetch => {
                let bindings = bindings(response);
                self.endpoint.event(Event::Bindings { bindings });
                let binding = self.registrations.binding_mut(index);
                binding.step(BindingInput::Done);
                self.arm(index);
            }
        }
        self.next_register();
    }

    /// Handles a final response of 300 to 699 other than a challenge.
    fn on_register_refused(&mut self, index: FlowIndex, kind: RegisterKind, response: &Response) {
        if kind == RegisterKind::Refresh && self.asks_for_another_form(index, response) {
            let binding = self.registrations.binding_mut(index);
            binding.step(BindingInput::Done);
            return self.send_register(index, RegisterKind::Refresh);
        }
        let retry = Retry {
            status: Some(response.status().as_u16()),
            asked: retry_after_of(response),
        };
        let reason = EndReason::refused(response, Cause::Refused);
        if retry.status != Some(430) {
            return self.register_is_over(index, kind, reason, retry);
        }
        if kind == RegisterKind::Refresh {
            // Requests that wait for the registration keep waiting, because the flow has failed.
            let binding = self.registrations.binding_mut(index);
            binding.step(BindingInput::Done);
            self.endpoint.event(Event::RegistrationFailed {
                reason: Box::new(reason),
                retry_at: None,
            });
        } else {
            self.register_is_over(index, kind, reason, retry);
        }
        // RFC 5626 section 11.6: the flow failed, so the agent opens a new one.
        self.drop_flow(index, DisconnectReason::FlowFailed);
    }

    /// Handles refusals that state an acceptable form: 423 (RFC 3261 section 10.2.8) and 439 (RFC 5626
    /// section 4.2.1).
    fn asks_for_another_form(&mut self, index: FlowIndex, response: &Response) -> bool {
        let bound = self.registrations.binding(index).is_bound();
        let others_bound = self.registrations.is_bound() && !bound;
        match response.status().as_u16() {
            423 => {
                let minimum = response.min_expires().ok().flatten();
                minimum.is_some_and(|minimum| {
                    self.registrations.obey(AlternativeForm::Expires(minimum))
                })
            }
            // Where another flow is bound, only this server lacks outbound support.
            439 if !others_bound => {
                let open = self.flows.get(index).open.as_ref();
                let hop = open.map(|open| open.route_host.clone());
                self.registrations
                    .obey(AlternativeForm::WithoutOutbound(hop))
            }
            _ => false,
        }
    }

    pub(super) fn on_register_failed(&mut self, index: FlowIndex, error: TransactionError) {
        self.on_register_not_sent(index, failure(error));
    }

    /// The REGISTER in flight has no final response, or could not be resent.
    pub(super) fn on_register_not_sent(&mut self, index: FlowIndex, reason: EndReason) {
        if let Some(kind) = self.registrations.binding(index).kind() {
            self.register_is_over(index, kind, reason, Retry::default());
        }
    }

    /// Handles the failure of a REGISTER of any kind.
    fn register_is_over(
        &mut self,
        index: FlowIndex,
        kind: RegisterKind,
        reason: EndReason,
        retry: Retry,
    ) {
        match kind {
            RegisterKind::Refresh => self.refresh_failed(index, reason, retry),
            // Removed or not, the core no longer refreshes the binding.
            RegisterKind::Remove => self.unbound(index, reason),
            RegisterKind::RemoveAll | RegisterKind::Fetch => {
                let binding = self.registrations.binding_mut(index);
                binding.step(BindingInput::Done);
                let retry_at = binding.act_at();
                self.endpoint.event(Event::RegistrationFailed {
                    reason: Box::new(reason),
                    retry_at,
                });
                self.arm(index);
            }
        }
        self.next_register();
    }

    /// Handles the failure of a REGISTER for the binding: tries the same server again, or another one if this server
    /// repeatedly gives no answer or fails (RFC 5626 section 4.5).
    fn refresh_failed(&mut self, index: FlowIndex, reason: EndReason, retry: Retry) {
        self.registrations.failed();
        let is_bound = self.registrations.binding(index).is_bound();
        let is_unserved = match retry.status {
            // Such a server may still serve what is in flight, so that the flow stays while it is bound.
            Some(status) => !is_bound && matches!(status, 408 | 500 | 502 | 503 | 504),
            None => reason.cause == Cause::Timeout,
        };
        let leaves = is_unserved && self.registrations.is_wanted() && self.is_not_served(index);
        if !leaves {
            return self.registration_failed(index, reason, retry);
        }
        // The next connection is the next try.
        let binding = self.registrations.binding_mut(index);
        binding.failures = binding.failures.saturating_add(1);
        binding.step(BindingInput::Done);
        self.endpoint.event(Event::RegistrationFailed {
            reason: Box::new(reason),
            retry_at: None,
        });
        self.drop_flow(index, DisconnectReason::NotServed);
    }

    /// Sends the next wanted REGISTER if none is in flight (RFC 3261 section 10.2: one at a time).
    pub(super) fn next_register(&mut self) {
        if !self.registrations.is_idle() {
            return;
        }
        if let Some((index, kind)) = self.choose_register() {
            return self.send_register(index, kind);
        }
        for index in self.flows.indices() {
            // A REGISTER that came due while another one was in flight has no timer.
            if self.registrations.binding(index).timer.is_none() {
                self.arm(index);
            }
        }
        if !self.is_registered() && self.registrations.take_leave() {
            self.tell_unregistered(EndReason::local(Cause::Requested));
        }
    }

    fn choose_register(&mut self) -> Option<(FlowIndex, RegisterKind)> {
        let used = self.flow_in_use()?;
        if self.registrations.take(RegisterKind::RemoveAll) {
            return Some((used, RegisterKind::RemoveAll));
        }
        let now = self.endpoint.now;
        let wish = self.registrations.wish();
        let wanted = wish == Wish::Registered;
        let open = self.flows.indices();
        let open = open.filter(|&index| self.flows.get(index).open.is_some());
        // The flow in use is bound first and unbound last.
        let mut indices: SmallVec<[FlowIndex; 4]> = open.collect();
        indices.sort_by_key(|&index| (index == used) != wanted);
        let find = |fits: &dyn Fn(&Binding) -> bool| {
            let mut indices = indices.iter().copied();
            indices.find(|&index| fits(self.registrations.binding(index)))
        };
        let removes = matches!(wish, Wish::Off | Wish::Leaving);
        if removes && let Some(index) = find(&Binding::is_bound) {
            return Some((index, RegisterKind::Remove));
        }
        let refresh = find(&|binding| binding.is_due(now)).filter(|_| wanted);
        if self.registrations.take(RegisterKind::Fetch) {
            return Some((used, RegisterKind::Fetch));
        }
        refresh.map(|index| (index, RegisterKind::Refresh))
    }

    /// Handles a 2xx to the REGISTER that makes or refreshes the binding.
    fn on_granted(&mut self, index: FlowIndex, response: &Response) {
        let asked = self.registrations.expires();
        let Some(grant) = Grant::of(response, &self.endpoint.identity, index, asked) else {
            let reason = EndReason {
                status: Some(response.status()),
                ..EndReason::new(Originator::Peer, Cause::Malformed)
            };
            return self.registration_failed(index, reason, Retry::default());
        };
        let granted = grant.expires;
        let (public, temporary) = grant.gruus;
        self.endpoint.identity.set_gruu(public, temporary);
        let service_route = self.endpoint.service_route_of(response);
        self.flows.get_mut(index).service_route = service_route.into();
        if let Ok(Some(seconds)) = response.flow_timer() {
            self.keep_alive_every(index, seconds);
        }
        let outbound = response
            .require()
            .any(|tag| tag.eq_ignore_ascii_case(b"outbound"));
        let refreshed = self.registrations.binding(index).is_bound();
        let now = self.endpoint.now;
        let shortest = self.endpoint.limits().shortest_refresh;
        let refresh_at = now + refresh_after(granted, shortest, self.endpoint.layer.rng());
        let expires = Duration::from_secs(u64::from(granted));
        self.registrations.granted(outbound);
        self.flows.get_mut(index).connector.served();
        let binding = self.registrations.binding_mut(index);
        binding.bind_until(now + bound_for(granted, shortest));
        binding.failures = 0;
        binding.attempted = true;
        binding.step(BindingInput::Granted(refresh_at));
        let refresh_at = binding.act_at().unwrap_or(refresh_at);
        let path = response.values(HeaderName::Path).map(on_one_line).collect();
        self.endpoint
            .event(Event::Registered(Box::new(event::Registration {
                reg_id: index + 1,
                outbound,
                expires,
                refresh_at,
                bindings: bindings(response),
                path,
                gruu: self.endpoint.identity.gruu().map(ToString::to_string),
                refreshed,
            })));
        self.arm(index);
        self.choose_flow();
        if !outbound {
            self.keep_only(index);
        }
        self.connection_is_usable();
        // Until the next refresh the agent may have nothing to do.
        self.endpoint.shrink();
    }

    /// The registrar does not support outbound, so that a binding on one flow replaces that of another (RFC
    /// 5626 section 4.2.1): this flow becomes the only one.
    fn keep_only(&mut self, index: FlowIndex) {
        for other in self.flows.indices().filter(|&other| other != index) {
            if self.flows.get(other).connector.is_running() {
                self.close_flow(other, DisconnectReason::Unneeded);
            }
        }
    }

    /// Handles a failed REGISTER for the binding: emits the event and schedules the retry.
    fn registration_failed(&mut self, index: FlowIndex, reason: EndReason, retry: Retry) {
        let open = self.flows.get(index).open.is_some();
        let tries_again = self.registrations.is_wanted() && open;
        let binding = self.registrations.binding_mut(index);
        let retry_at = tries_again.then(|| {
            let rng = self.endpoint.layer.rng();
            let wait = retry_after(retry.status, binding.failures, retry.asked, rng);
            binding.failures = binding.failures.saturating_add(1);
            binding.attempted = true;
            self.endpoint.now + wait
        });
        // A REGISTER that could not be sent was never in flight.
        match retry_at {
            Some(at) if binding.is_idle() => binding.step(BindingInput::Wait(at)),
            Some(at) => binding.step(BindingInput::Failed(at)),
            None => binding.step(BindingInput::Reset),
        }
        self.endpoint.event(Event::RegistrationFailed {
            reason: Box::new(reason),
            retry_at,
        });
        self.arm(index);
        if self.flow_in_use() == Some(index) {
            self.registration_is_through();
        }
    }

    /// Handles a challenge that was not answered. Only a rejection of the credentials, or that there are none, ends
    /// the registration for good (RFC 7616 section 3.3); everything else can pass, and is tried again later.
    fn on_register_challenged(
        &mut self,
        index: FlowIndex,
        kind: RegisterKind,
        received: &Received,
    ) {
        let reason = EndReason {
            challenge: received.unanswered.clone(),
            ..EndReason::refused(&received.response, Cause::Authentication)
        };
        let why = received.unanswered.as_deref();
        if why.is_some_and(ChallengeError::is_final) {
            return self.credentials_refused(index, kind, reason);
        }
        // The password may still be wrong, and quick attempts could lock the account.
        let is_doubtful = matches!(why, Some(ChallengeError::Unsettled { .. }));
        let retry = Retry {
            status: is_doubtful.then_some(received.response.status().as_u16()),
            asked: retry_after_of(&received.response),
        };
        self.register_is_over(index, kind, reason, retry);
    }

    /// The registrar rejects the credentials. The core stops, because further attempts could lock the
    /// account.
    fn credentials_refused(&mut self, index: FlowIndex, kind: RegisterKind, reason: EndReason) {
        if kind != RegisterKind::Refresh {
            return self.register_is_over(index, kind, reason, Retry::default());
        }
        // New credentials resume a wanted registration, not one that the application has ended in the
        // meantime.
        if self.registrations.is_wanted() {
            self.registrations.want(Wish::Refused);
        }
        self.endpoint.event(Event::RegistrationFailed {
            reason: Box::new(reason),
            retry_at: None,
        });
        let binding = self.registrations.binding_mut(index);
        binding.step(BindingInput::Reset);
        self.step_bindings(BindingInput::Unwanted);
        self.registration_is_through();
        // A remaining binding lapses by itself, because the registrar would refuse its removal as well.
        if self.registrations.wish() == Wish::Refused {
            // The registrar would also refuse a waiting query; this event reports its failure too.
            self.registrations.take(RegisterKind::Fetch);
        } else {
            self.next_register();
        }
    }

    /// The binding on a flow is gone, or is treated as gone.
    pub(super) fn unbound(&mut self, index: FlowIndex, reason: EndReason) {
        self.flows.get_mut(index).service_route = Box::default();
        let binding = self.registrations.binding_mut(index);
        binding.step(BindingInput::Reset);
        binding.attempted = false;
        let bound = binding.unbind();
        self.arm(index);
        self.binding_gone(bound, reason);
    }

    /// GRUUs and Service-Route end with the last binding (RFC 3608 section 6, RFC 5627 section 4.2).
    fn binding_gone(&mut self, was_bound: bool, reason: EndReason) {
        if !self.is_registered() {
            self.endpoint.identity.set_gruu(None, None);
            // A binding that lapses during its removal is reported once.
            let ends = was_bound || self.registrations.is_idle();
            if ends && (self.registrations.take_leave() || was_bound) {
                self.tell_unregistered(reason);
            }
        }
        self.choose_flow();
    }

    fn tell_unregistered(&mut self, reason: EndReason) {
        self.endpoint.event(Event::Unregistered {
            reason: Box::new(reason),
        });
    }

    /// The connection of a flow is lost, and with it the queries that were to be sent on it.
    pub(super) fn on_flow_lost(&mut self, index: FlowIndex) {
        let reason = EndReason::transport(Cause::ConnectionLost);
        if self.endpoint.flow.is_none() && self.registrations.take_pending() {
            self.endpoint.event(Event::RegistrationFailed {
                reason: Box::new(reason.clone()),
                retry_at: None,
            });
        }
        self.unbound(index, reason);
        self.next_register();
    }

    /// Arms the one timer of a binding: for the next REGISTER unless one is in flight, or for the lapse of
    /// the binding if that comes first.
    fn arm(&mut self, index: FlowIndex) {
        // A REGISTER that is already due waits for the one in flight, not for time.
        let others_busy = !self.registrations.is_idle();
        let now = self.endpoint.now;
        let binding = self.registrations.binding_mut(index);
        if let Some(key) = binding.timer.take() {
            self.endpoint.timers.cancel(key);
        }
        let act_at = binding.act_at();
        let next = act_at.filter(|&at| binding.is_idle() && !(others_busy && at <= now));
        let at = match (next, binding.bound_until()) {
            (Some(next), Some(lapse)) => Some(next.min(lapse)),
            (next, lapse) => next.or(lapse),
        };
        let owner = TimerOwner::Registration(index);
        binding.timer = at.map(|at| self.endpoint.timers.set(at, owner));
    }

    pub(super) fn on_registration_timeout(&mut self, index: FlowIndex) {
        let now = self.endpoint.now;
        let binding = self.registrations.binding_mut(index);
        binding.timer = None;
        if binding.bound_until().is_some_and(|at| at <= now) {
            // The lapse is reported once; the attempts to bind again continue.
            binding.unbind();
            binding.step(BindingInput::Lapsed);
            self.flows.get_mut(index).service_route = Box::default();
            self.binding_gone(true, EndReason::transport(Cause::Expired));
        }
        self.arm(index);
        self.next_register();
    }
}

/// Retry-After of a response (RFC 3261 section 20.33).
fn retry_after_of(response: &Response) -> Option<Duration> {
    let wait = response.retry_after().ok().flatten()?;
    Some(Duration::from_secs(u64::from(wait.seconds)))
}

/// All bindings of a response, as Contact values.
fn bindings(response: &Response) -> Vec<Box<str>> {
    response
        .values(HeaderName::Contact)
        .map(on_one_line)
        .collect()
}
