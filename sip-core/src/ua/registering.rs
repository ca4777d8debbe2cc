//! Carries out what the registration machine decides (its table is in `registration.rs`).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{Contact, HeaderName, Method, NameAddr, Response, Uri, UriBuf};
use smallvec::SmallVec;

use super::UserAgent;
use crate::endpoint::{TimerOwner, FlowIndex, TransactionUser, RetryError};
use crate::endpoint::OutOfDialog;
use crate::auth::Attempts;
use crate::connection::DisconnectReason;
use crate::event::{self, Event};
use crate::reason::{Cause, EndReason, Originator, on_one_line};
use crate::reason::{failure, send_failure_cause};
use crate::registration::{
    Binding, RegisterKind, LONGEST_EXPIRES, State, refresh_after, retry_after, return_after,
};
use crate::time::Timestamp;
use crate::transaction::{SendError, TransactionError};

impl UserAgent {
    /// A connection is open: registers at once, or, where there was one before, within a second.
    pub(super) fn register_on_connection(&mut self, index: FlowIndex) {
        let reconnecting = core::mem::replace(&mut self.binding(index).reconnecting, true);
        if reconnecting && self.registration.wanted {
            let at = self.endpoint.now + return_after(self.endpoint.layer.rng());
            self.binding(index).state = State::Waiting;
            self.arm(index, Some(at));
        } else {
            self.next_errand();
        }
        if !self.registration.wanted {
            self.connection_is_usable();
        }
    }

    /// Registers at once if that is wanted and possible, even where a retry was to wait.
    pub(super) fn register_if_wanted(&mut self) {
        for index in self.flow_indices() {
            if matches!(self.binding(index).state, State::Off | State::Waiting) {
                self.binding(index).state = State::Off;
                self.arm(index, None);
            }
        }
        self.next_errand();
    }

    /// Refreshes the bindings before their time, because what they say has changed.
    pub(super) fn refresh_now(&mut self) {
        for index in self.flow_indices() {
            self.binding(index).rebind = self.registration.wanted;
        }
        self.next_errand();
    }

    /// The application does not want to be registered any more. A challenge that still waits for it is
    /// withdrawn.
    pub(super) fn remove_bindings(&mut self) {
        self.registration.wanted = false;
        self.registration.refused = false;
        for index in self.flow_indices() {
            self.withdraw_challenge(TransactionUser::Register(index));
            if matches!(self.binding(index).state, State::Waiting) {
                self.binding(index).state = State::Off;
            }
            // A query in flight keeps the time of the next retry, which nobody wants any more.
            self.arm(index, None);
        }
        self.next_errand();
        self.registration_is_through();
    }

    pub(super) fn binding(&mut self, index: FlowIndex) -> &mut Binding {
        &mut self.flow(index).binding
    }

    /// Whether no REGISTER is in flight, on any flow.
    pub(super) fn is_idle(&self) -> bool {
        self.flows.iter().all(|flow| flow.binding.is_idle())
    }

    fn send_register(&mut self, index: FlowIndex, errand: RegisterKind) {
        let mut attempts = Attempts::new();
        match self.send_register_for(index, errand, &mut attempts) {
            Ok(()) => {
                let binding = self.binding(index);
                let act_at = binding.act_at.filter(|_| errand == RegisterKind::Fetch);
                binding.rebind &= errand != RegisterKind::Refresh;
                binding.state = State::Busy(errand, attempts);
                self.arm(index, act_at);
            }
            Err(error) => {
                let reason = EndReason::local(send_failure_cause(&error));
                self.errand_failed(index, errand, reason, None, None);
            }
        }
    }

    fn send_register_for(
        &mut self,
        index: FlowIndex,
        errand: RegisterKind,
        attempts: &mut Attempts,
    ) -> Result<(), SendError> {
        let flow = self.flows[usize::from(index)].open.as_ref();
        let endpoint = &mut self.endpoint;
        let registration = &mut self.registration;
        registration.cseq += 1;
        let hop = flow.map(|flow| &*flow.route_host);
        let is_plain = hop.is_some() && registration.without_outbound.as_deref() == hop;
        let reg_id = (!is_plain).then_some(index + 1);
        let contact = match errand {
            RegisterKind::Refresh => Some(endpoint.register_contact(registration.expires, reg_id)),
            RegisterKind::Remove => Some(endpoint.register_contact(0, reg_id)),
            RegisterKind::RemoveAll => Some("*".into()),
            RegisterKind::Fetch => None,
        };
        let aor = endpoint.identity.aor.clone();
        let registrar = endpoint.identity.registrar.clone();
        let parts = OutOfDialog {
            flow,
            method: Method::Register,
            target: registrar.as_bytes(),
            to: aor.as_bytes(),
            call_id: registration.call_id.as_bytes(),
            tag: &registration.tag,
            cseq: registration.cseq,
            service_route: false,
            anonymous: false,
            body: None,
            extra: &[],
        };
        let supported = endpoint.identity.supported_in_register(reg_id.is_some());
        let mut own = Vec::with_capacity(3);
        if let Some(contact) = &contact {
            own.push((HeaderName::Contact, contact.as_str()));
        }
        if errand == RegisterKind::RemoveAll {
            own.push((HeaderName::Expires, "0"));
        }
        own.push((HeaderName::Supported, supported.as_str()));
        endpoint.send_outside(&parts, &own, attempts, TransactionUser::Register(index))
            .map(|_| ())
    }

    pub(super) fn register_response(&mut self, index: FlowIndex, response: &Response, request: &Bytes) {
        if response.status().is_provisional() {
            return;
        }
        let flow = &mut self.flows[usize::from(index)];
        // Anything else is the answer to a REGISTER that the loss of its connection has overtaken.
        let State::Busy(errand, attempts) = &mut flow.binding.state else {
            return;
        };
        let errand = *errand;
        let status = response.status().as_u16();
        if matches!(status, 401 | 407) {
            let again = self.endpoint.retry_with_credentials(
                request,
                response,
                attempts,
                None,
                TransactionUser::Register(index),
            );
            match again {
                Ok(_) => self.registration.cseq += 1,
                Err(RetryError::Authentication) => {
                    self.credentials_refused(index, errand, response);
                }
                Err(RetryError::NotSent(error)) => {
                    let reason = EndReason::local(send_failure_cause(&error));
                    self.errand_failed(index, errand, reason, None, None);
                }
            }
            return;
        }
        flow.binding.state = flow.binding.idle_state();
        if !response.status().is_success() {
            if errand == RegisterKind::Refresh && self.asks_for_another_form(index, response) {
                return self.send_register(index, RegisterKind::Refresh);
            }
            let asked = response.retry_after().ok().flatten();
            let asked = asked.map(|wait| Duration::from_secs(u64::from(wait.seconds)));
            let reason = EndReason::refused(response, Cause::Refused);
            if status != 430 {
                return self.errand_failed(index, errand, reason, Some(status), asked);
            }
            if errand == RegisterKind::Refresh {
                // What waits for the registration waits on: nothing goes out on a flow that failed.
                self.endpoint.event(Event::RegistrationFailed {
                    reason: Box::new(reason),
                    retry_at: None,
                });
            } else {
                self.errand_failed(index, errand, reason, Some(status), asked);
            }
            // RFC 5626 section 11.6: it is the flow that failed; a new one is tried.
            return self.drop_flow(index, DisconnectReason::FlowFailed);
        }
        match errand {
            RegisterKind::Refresh => self.registered(index, response),
            RegisterKind::Remove => self.unbound(index, EndReason::local(Cause::Requested)),
            RegisterKind::RemoveAll => {
                for index in self.flow_indices() {
                    self.unbound(index, EndReason::local(Cause::Requested));
                }
            }
            RegisterKind::Fetch => {
                let bindings = bindings(response);
                self.endpoint.event(Event::Bindings { bindings });
                let act_at = self.binding(index).act_at;
                self.arm(index, act_at);
            }
        }
        self.next_errand();
    }

    /// Refusals that name what would be accepted: 423 (RFC 3261 section 10.2.8) and 439 (RFC 5626 section
    /// 4.2.1), each obeyed once, or a registrar could drive us in circles.
    fn asks_for_another_form(&mut self, index: FlowIndex, response: &Response) -> bool {
        let others_bound = self.is_registered() && !self.binding(index).is_bound();
        let open = self.flow(index).open.as_ref();
        let hop = open.map(|open| open.route_host.clone());
        let registration = &mut self.registration;
        match response.status().as_u16() {
            423 if !registration.min_expires_applied => {
                let minimum = response.min_expires().ok().flatten();
                let minimum = minimum.filter(|&minimum| {
                    minimum > registration.expires && minimum <= LONGEST_EXPIRES
                });
                if let Some(minimum) = minimum {
                    registration.min_expires_applied = true;
                    registration.expires = minimum;
                }
                minimum.is_some()
            }
            // Where another flow is bound it is only this server that cannot.
            439 if !others_bound && registration.without_outbound != hop => {
                registration.without_outbound = hop;
                true
            }
            _ => false,
        }
    }

    pub(super) fn register_failed(&mut self, index: FlowIndex, error: TransactionError) {
        if let State::Busy(errand, _) = self.binding(index).state {
            self.errand_failed(index, errand, failure(error), None, None);
        }
    }

    fn errand_failed(
        &mut self,
        index: FlowIndex,
        errand: RegisterKind,
        reason: EndReason,
        status: Option<u16>,
        asked: Option<Duration>,
    ) {
        match errand {
            RegisterKind::Refresh => self.registration_failed(index, reason, status, asked),
            // Given back or not: we do not refresh it any more.
            RegisterKind::Remove => self.unbound(index, reason),
            RegisterKind::RemoveAll | RegisterKind::Fetch => {
                let binding = self.binding(index);
                binding.state = binding.idle_state();
                let act_at = binding.act_at;
                self.endpoint.event(Event::RegistrationFailed {
                    reason: Box::new(reason),
                    retry_at: act_at,
                });
                self.arm(index, act_at);
            }
        }
        self.next_errand();
    }

    /// What is to be done now that nothing is in flight (RFC 3261 section 10.2: one at a time).
    pub(super) fn next_errand(&mut self) {
        if !self.is_idle() {
            return;
        }
        if let Some((index, errand)) = self.choose_errand() {
            return self.send_register(index, errand);
        }
        for index in self.flow_indices() {
            // One that came due while another one was in flight has no timer.
            if self.binding(index).timer.is_none() {
                let act_at = self.binding(index).act_at;
                self.arm(index, act_at);
            }
        }
        if !self.is_registered() && core::mem::take(&mut self.registration.unregister_pending) {
            self.tell_unregistered(EndReason::local(Cause::Requested));
        }
    }

    fn choose_errand(&mut self) -> Option<(FlowIndex, RegisterKind)> {
        let used = self.flow_in_use()?;
        if core::mem::take(&mut self.registration.clear_wanted) {
            return Some((used, RegisterKind::RemoveAll));
        }
        let now = self.endpoint.now;
        let wanted = self.registration.wanted;
        let open = self.flow_indices().filter(|&index| {
            let flow = &self.flows[usize::from(index)];
            flow.open.is_some()
        });
        // The flow in use is bound first, and given back last.
        let mut flow_indices: SmallVec<[FlowIndex; 4]> = open.collect();
        flow_indices.sort_by_key(|&index| (index != used) == wanted);
        let find = |is_it: &dyn Fn(&Binding) -> bool| {
            let mut flow_indices = flow_indices.iter().copied();
            flow_indices.find(|&index| is_it(&self.flows[usize::from(index)].binding))
        };
        let gives_back = !wanted && !self.registration.refused;
        if gives_back && let Some(index) = find(&Binding::is_bound) {
            return Some((index, RegisterKind::Remove));
        }
        let is_due = |binding: &Binding| {
            binding.act_at.is_none_or(|at| at <= now) || binding.rebind && binding.is_bound()
        };
        let bind = find(&is_due).filter(|_| wanted);
        if core::mem::take(&mut self.registration.query_wanted) {
            return Some((used, RegisterKind::Fetch));
        }
        bind.map(|index| (index, RegisterKind::Refresh))
    }

    fn registered(&mut self, index: FlowIndex, response: &Response) {
        let Some(granted) = self.granted(index, response) else {
            let reason = EndReason {
                status: Some(response.status()),
                ..EndReason::new(Originator::Peer, Cause::Malformed)
            };
            return self.registration_failed(index, reason, None, None);
        };
        let service_route = self.endpoint.service_route_of(response);
        self.flow(index).service_route = service_route;
        if let Ok(Some(seconds)) = response.flow_timer() {
            self.keep_alive_every(index, seconds);
        }
        let outbound = response
            .require()
            .any(|tag| tag.eq_ignore_ascii_case(b"outbound"));
        let refreshed = self.binding(index).is_bound();
        let now = self.endpoint.now;
        let refresh_at = now + refresh_after(granted, self.endpoint.layer.rng());
        let expires = Duration::from_secs(u64::from(granted));
        self.registration.min_expires_applied = false;
        self.registration.outbound = outbound;
        let binding = self.binding(index);
        binding.bound_until = Some(now + expires);
        binding.failures = 0;
        binding.attempted = true;
        binding.state = State::Bound;
        let path = response.values(HeaderName::Path).map(on_one_line).collect();
        self.endpoint
            .event(Event::Registered(Box::new(event::Registration {
                reg_id: index + 1,
                outbound,
                expires,
                refresh_at,
                bindings: bindings(response),
                path,
                gruu: self.endpoint.identity.gruu.as_ref().map(ToString::to_string),
                refreshed,
            })));
        self.arm(index, Some(refresh_at));
        self.choose_flow();
        if !outbound {
            self.keep_only(index);
        }
        self.connection_is_usable();
    }

    /// The registrar does not keep flows apart: a binding on one takes the place of that on another
    /// (RFC 5626 section 4.2.1), so this flow is the only one.
    fn keep_only(&mut self, index: FlowIndex) {
        for other in self.flow_indices().filter(|&other| other != index) {
            if self.flow(other).connector.is_running() {
                self.close_flow(other, DisconnectReason::Unneeded);
            }
        }
    }

    /// How long our binding was granted for, in seconds (RFC 3261 section 10.2.4): the `expires` of our
    /// Contact, else Expires, else what we asked for. Ours is the Contact with our instance and
    /// reg-id, else with our URI, else the only one: registrars behind NAT helpers rewrite the URI. Its
    /// GRUUs (RFC 5627 section 4.2) replace those that we had.
    fn granted(&mut self, index: FlowIndex, response: &Response) -> Option<u32> {
        let reg_id = (index + 1).to_string();
        let identity = &self.endpoint.identity;
        let instance = format!("\"<urn:uuid:{}>\"", identity.instance);
        let own = NameAddr::parse(identity.contact.as_bytes()).ok();
        // A malformed Contact of somebody else's must not hide ours.
        let contacts: Vec<_> = response
            .contacts()
            .filter_map(Result::ok)
            .filter_map(|contact| match contact {
                Contact::Addr(contact) => Some(contact),
                Contact::Star => None,
            })
            .collect();
        let has_instance = |contact: &NameAddr<'_>| {
            contact
                .param(b"+sip.instance")
                .is_some_and(|value| value.eq_ignore_ascii_case(instance.as_bytes()))
        };
        let by_instance = contacts.iter().find(|contact| {
            let own_flow = |id: &[u8]| id == reg_id.as_bytes();
            has_instance(contact) && contact.param(b"reg-id").is_none_or(own_flow)
        });
        let same = |uri: &Uri<'_>| own.as_ref().is_some_and(|own| own.uri().equivalent(uri));
        let ours = by_instance
            .or_else(|| contacts.iter().find(|contact| same(contact.uri())))
            .or_else(|| contacts.first().filter(|_| contacts.len() == 1))?;
        let granted = ours.expires().or(response.expires().ok().flatten());
        let granted = granted.unwrap_or(self.registration.expires);
        let gruu = |name| {
            let quoted = ours.param(name).filter(|_| has_instance(ours))?;
            UriBuf::parse(sip_parse::unquote(quoted)).ok()
        };
        let (public, temporary) = (gruu(b"pub-gruu"), gruu(b"temp-gruu"));
        if granted == 0 {
            return None;
        }
        self.endpoint.identity.set_gruu(public, temporary);
        Some(granted.min(LONGEST_EXPIRES))
    }

    /// A REGISTER failed: tells when it is tried again, and waits for that.
    fn registration_failed(
        &mut self,
        index: FlowIndex,
        reason: EndReason,
        status: Option<u16>,
        asked: Option<Duration>,
    ) {
        let flow = &mut self.flows[usize::from(index)];
        let retry_at = if self.registration.wanted && flow.open.is_some() {
            let rng = self.endpoint.layer.rng();
            let wait = retry_after(status, flow.binding.failures, asked, rng);
            flow.binding.failures = flow.binding.failures.saturating_add(1);
            flow.binding.attempted = true;
            Some(self.endpoint.now + wait)
        } else {
            None
        };
        flow.binding.state = if retry_at.is_some() {
            State::Waiting
        } else {
            State::Off
        };
        self.endpoint.event(Event::RegistrationFailed {
            reason: Box::new(reason),
            retry_at,
        });
        self.arm(index, retry_at);
        if self.flow_in_use() == Some(index) {
            self.registration_is_through();
        }
    }

    /// The registrar refuses our credentials: asking again would only lock the account.
    fn credentials_refused(&mut self, index: FlowIndex, errand: RegisterKind, response: &Response) {
        let reason = EndReason::refused(response, Cause::Authentication);
        if errand != RegisterKind::Refresh {
            return self.errand_failed(index, errand, reason, None, None);
        }
        // New credentials heal what was wanted until now, not what was given up meanwhile.
        self.registration.refused = core::mem::replace(&mut self.registration.wanted, false);
        self.endpoint.event(Event::RegistrationFailed {
            reason: Box::new(reason),
            retry_at: None,
        });
        self.binding(index).state = State::Off;
        for index in self.flow_indices() {
            self.arm(index, None);
        }
        self.registration_is_through();
        // What is still bound lapses: to give it back would be refused as well.
        if self.registration.refused {
            // So would be a query, whose failure this is as well.
            self.registration.query_wanted = false;
        } else {
            self.next_errand();
        }
    }

    /// The binding on a flow is gone, or as good as gone.
    pub(super) fn unbound(&mut self, index: FlowIndex, reason: EndReason) {
        let flow = self.flow(index);
        flow.service_route.clear();
        flow.binding.state = State::Off;
        flow.binding.attempted = false;
        let bound = flow.binding.bound_until.take().is_some();
        self.arm(index, None);
        self.binding_gone(bound, reason);
    }

    /// What came with the last binding goes with it (RFC 3608 section 6, RFC 5627 section 4.2).
    fn binding_gone(&mut self, was_bound: bool, reason: EndReason) {
        if !self.is_registered() {
            self.endpoint.identity.set_gruu(None, None);
            let unregister_pending = self.is_idle() && core::mem::take(&mut self.registration.unregister_pending);
            if unregister_pending || was_bound {
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

    /// The connection of a flow is gone, and with it what was to be asked on it.
    pub(super) fn on_flow_lost(&mut self, index: FlowIndex) {
        let reason = EndReason::transport(Cause::ConnectionLost);
        let registration = &mut self.registration;
        let unasked = self.endpoint.flow.is_none()
            && core::mem::take(&mut registration.clear_wanted)
                | core::mem::take(&mut registration.query_wanted);
        if unasked {
            self.endpoint.event(Event::RegistrationFailed {
                reason: Box::new(reason.clone()),
                retry_at: None,
            });
        }
        self.unbound(index, reason);
        self.next_errand();
    }

    /// Arms the one timer of a binding: for the next act unless an errand is under way, or for the lapse of
    /// the binding if that comes before.
    fn arm(&mut self, index: FlowIndex, act_at: Option<Timestamp>) {
        // What is due already waits for the REGISTER in flight, not for time.
        let others_busy = !self.is_idle();
        let now = self.endpoint.now;
        let binding = &mut self.flows[usize::from(index)].binding;
        if let Some(key) = binding.timer.take() {
            self.endpoint.timers.cancel(key);
        }
        binding.act_at = act_at;
        let next = act_at.filter(|&at| binding.is_idle() && !(others_busy && at <= now));
        let at = match (next, binding.bound_until) {
            (Some(next), Some(lapse)) => Some(next.min(lapse)),
            (next, lapse) => next.or(lapse),
        };
        binding.timer = at.map(|at| self.endpoint.timers.set(at, TimerOwner::Registration(index)));
    }

    pub(super) fn on_registration_timeout(&mut self, index: FlowIndex) {
        let now = self.endpoint.now;
        let binding = self.binding(index);
        binding.timer = None;
        let act_at = binding.act_at;
        if binding.bound_until.is_some_and(|at| at <= now) {
            // REG-LAPSE: said once; the attempts to bind again go on.
            binding.bound_until = None;
            if binding.is_idle() {
                binding.state = binding.idle_state();
            }
            self.flow(index).service_route.clear();
            self.binding_gone(true, EndReason::transport(Cause::Expired));
        }
        self.arm(index, act_at);
        self.next_errand();
    }
}

/// All bindings of a response, as Contact values.
fn bindings(response: &Response) -> Vec<Box<str>> {
    response
        .values(HeaderName::Contact)
        .map(on_one_line)
        .collect()
}
