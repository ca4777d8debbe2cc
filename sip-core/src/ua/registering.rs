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
use super::core::{Due, Place, Purpose, RetryError};
use super::sending::Outside;
use crate::auth::Attempts;
use crate::connection::DisconnectReason;
use crate::event::{self, Event};
use crate::reason::{Cause, EndReason, Originator, on_one_line};
use crate::reason::{failure, send_failure_cause};
use crate::registration::{
    Binding, Errand, LONGEST_EXPIRES, State, refresh_after, retry_after, return_after,
};
use crate::time::Timestamp;
use crate::transaction::{SendError, TransactionError};

impl UserAgent {
    /// A connection is open: registers at once, or, where there was one before, within a second.
    pub(super) fn register_on_connection(&mut self, place: Place) {
        let returning = core::mem::replace(&mut self.binding(place).returning, true);
        if returning && self.registration.wanted {
            let at = self.core.now + return_after(self.core.layer.rng());
            self.binding(place).state = State::Waiting;
            self.arm(place, Some(at));
        } else {
            self.next_errand();
        }
        if !self.registration.wanted {
            self.connection_is_usable();
        }
    }

    /// Registers at once if that is wanted and possible, even where a retry was to wait.
    pub(super) fn register_if_wanted(&mut self) {
        for place in self.places() {
            if matches!(self.binding(place).state, State::Off | State::Waiting) {
                self.binding(place).state = State::Off;
                self.arm(place, None);
            }
        }
        self.next_errand();
    }

    /// Refreshes the bindings before their time, because what they say has changed.
    pub(super) fn refresh_now(&mut self) {
        for place in self.places() {
            self.binding(place).rebind = self.registration.wanted;
        }
        self.next_errand();
    }

    /// The application does not want to be registered any more. A challenge that still waits for it is
    /// withdrawn.
    pub(super) fn give_back(&mut self) {
        self.registration.wanted = false;
        self.registration.refused = false;
        for place in self.places() {
            self.withdraw_challenge(Purpose::Register(place));
            if matches!(self.binding(place).state, State::Waiting) {
                self.binding(place).state = State::Off;
            }
            // A query in flight keeps the time of the next retry, which nobody wants any more.
            self.arm(place, None);
        }
        self.next_errand();
        self.registration_is_through();
    }

    pub(super) fn binding(&mut self, place: Place) -> &mut Binding {
        &mut self.flow(place).binding
    }

    /// Whether no REGISTER is in flight, on any flow.
    pub(super) fn is_idle(&self) -> bool {
        self.flows.iter().all(|flow| flow.binding.is_idle())
    }

    fn send_register(&mut self, place: Place, errand: Errand) {
        let mut attempts = Attempts::new();
        match self.send_register_for(place, errand, &mut attempts) {
            Ok(()) => {
                let binding = self.binding(place);
                let act_at = binding.act_at.filter(|_| errand == Errand::Query);
                binding.rebind &= errand != Errand::Bind;
                binding.state = State::Busy(errand, attempts);
                self.arm(place, act_at);
            }
            Err(error) => {
                let reason = EndReason::local(send_failure_cause(&error));
                self.errand_failed(place, errand, reason, None, None);
            }
        }
    }

    fn send_register_for(
        &mut self,
        place: Place,
        errand: Errand,
        attempts: &mut Attempts,
    ) -> Result<(), SendError> {
        let flow = self.flows[usize::from(place)].open.as_ref();
        let core = &mut self.core;
        let registration = &mut self.registration;
        registration.cseq += 1;
        let hop = flow.map(|flow| &*flow.route_host);
        let is_plain = hop.is_some() && registration.without_outbound.as_deref() == hop;
        let reg_id = (!is_plain).then_some(place + 1);
        let contact = match errand {
            Errand::Bind => Some(core.register_contact(registration.expires, reg_id)),
            Errand::Unbind => Some(core.register_contact(0, reg_id)),
            Errand::UnbindAll => Some("*".into()),
            Errand::Query => None,
        };
        let aor = core.identity.aor.clone();
        let registrar = core.identity.registrar.clone();
        let parts = Outside {
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
        let supported = core.identity.supported_in_register(reg_id.is_some());
        let mut own = Vec::with_capacity(3);
        if let Some(contact) = &contact {
            own.push((HeaderName::Contact, contact.as_str()));
        }
        if errand == Errand::UnbindAll {
            own.push((HeaderName::Expires, "0"));
        }
        own.push((HeaderName::Supported, supported.as_str()));
        core.send_outside(&parts, &own, attempts, Purpose::Register(place))
            .map(|_| ())
    }

    pub(super) fn register_response(&mut self, place: Place, response: &Response, request: &Bytes) {
        if response.status().is_provisional() {
            return;
        }
        let flow = &mut self.flows[usize::from(place)];
        // Anything else is the answer to a REGISTER that the loss of its connection has overtaken.
        let State::Busy(errand, attempts) = &mut flow.binding.state else {
            return;
        };
        let errand = *errand;
        let status = response.status().as_u16();
        if matches!(status, 401 | 407) {
            let again = self.core.retry_with_credentials(
                request,
                response,
                attempts,
                None,
                Purpose::Register(place),
            );
            match again {
                Ok(_) => self.registration.cseq += 1,
                Err(RetryError::Authentication) => {
                    self.credentials_refused(place, errand, response);
                }
                Err(RetryError::NotSent(error)) => {
                    let reason = EndReason::local(send_failure_cause(&error));
                    self.errand_failed(place, errand, reason, None, None);
                }
            }
            return;
        }
        flow.binding.state = flow.binding.idle_state();
        if !response.status().is_success() {
            if errand == Errand::Bind && self.asks_for_another_form(place, response) {
                return self.send_register(place, Errand::Bind);
            }
            let asked = response.retry_after().ok().flatten();
            let asked = asked.map(|wait| Duration::from_secs(u64::from(wait.seconds)));
            let reason = EndReason::refused(response, Cause::Refused);
            if status != 430 {
                return self.errand_failed(place, errand, reason, Some(status), asked);
            }
            if errand == Errand::Bind {
                // What waits for the registration waits on: nothing goes out on a flow that failed.
                self.core.event(Event::RegistrationFailed {
                    reason: Box::new(reason),
                    retry_at: None,
                });
            } else {
                self.errand_failed(place, errand, reason, Some(status), asked);
            }
            // RFC 5626 section 11.6: it is the flow that failed; a new one is tried.
            return self.drop_flow(place, DisconnectReason::FlowFailed);
        }
        match errand {
            Errand::Bind => self.registered(place, response),
            Errand::Unbind => self.unbound(place, EndReason::local(Cause::Requested)),
            Errand::UnbindAll => {
                for place in self.places() {
                    self.unbound(place, EndReason::local(Cause::Requested));
                }
            }
            Errand::Query => {
                let bindings = bindings(response);
                self.core.event(Event::Bindings { bindings });
                let act_at = self.binding(place).act_at;
                self.arm(place, act_at);
            }
        }
        self.next_errand();
    }

    /// Refusals that name what would be accepted: 423 (RFC 3261 section 10.2.8) and 439 (RFC 5626 section
    /// 4.2.1), each obeyed once, or a registrar could drive us in circles.
    fn asks_for_another_form(&mut self, place: Place, response: &Response) -> bool {
        let others_bound = self.is_registered() && !self.binding(place).is_bound();
        let open = self.flow(place).open.as_ref();
        let hop = open.map(|open| open.route_host.clone());
        let registration = &mut self.registration;
        match response.status().as_u16() {
            423 if !registration.raised => {
                let minimum = response.min_expires().ok().flatten();
                let minimum = minimum.filter(|&minimum| {
                    minimum > registration.expires && minimum <= LONGEST_EXPIRES
                });
                if let Some(minimum) = minimum {
                    registration.raised = true;
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

    pub(super) fn register_failed(&mut self, place: Place, error: TransactionError) {
        if let State::Busy(errand, _) = self.binding(place).state {
            self.errand_failed(place, errand, failure(error), None, None);
        }
    }

    fn errand_failed(
        &mut self,
        place: Place,
        errand: Errand,
        reason: EndReason,
        status: Option<u16>,
        asked: Option<Duration>,
    ) {
        match errand {
            Errand::Bind => self.registration_failed(place, reason, status, asked),
            // Given back or not: we do not refresh it any more.
            Errand::Unbind => self.unbound(place, reason),
            Errand::UnbindAll | Errand::Query => {
                let binding = self.binding(place);
                binding.state = binding.idle_state();
                let act_at = binding.act_at;
                self.core.event(Event::RegistrationFailed {
                    reason: Box::new(reason),
                    retry_at: act_at,
                });
                self.arm(place, act_at);
            }
        }
        self.next_errand();
    }

    /// What is to be done now that nothing is in flight (RFC 3261 section 10.2: one at a time).
    pub(super) fn next_errand(&mut self) {
        if !self.is_idle() {
            return;
        }
        if let Some((place, errand)) = self.choose_errand() {
            return self.send_register(place, errand);
        }
        for place in self.places() {
            // One that came due while another one was in flight has no timer.
            if self.binding(place).timer.is_none() {
                let act_at = self.binding(place).act_at;
                self.arm(place, act_at);
            }
        }
        if !self.is_registered() && core::mem::take(&mut self.registration.farewell) {
            self.tell_unregistered(EndReason::local(Cause::Requested));
        }
    }

    fn choose_errand(&mut self) -> Option<(Place, Errand)> {
        let used = self.place_in_use()?;
        if core::mem::take(&mut self.registration.clear_wanted) {
            return Some((used, Errand::UnbindAll));
        }
        let now = self.core.now;
        let wanted = self.registration.wanted;
        let open = self.places().filter(|&place| {
            let flow = &self.flows[usize::from(place)];
            flow.open.is_some()
        });
        // The flow in use is bound first, and given back last.
        let mut places: SmallVec<[Place; 4]> = open.collect();
        places.sort_by_key(|&place| (place != used) == wanted);
        let find = |is_it: &dyn Fn(&Binding) -> bool| {
            let mut places = places.iter().copied();
            places.find(|&place| is_it(&self.flows[usize::from(place)].binding))
        };
        let gives_back = !wanted && !self.registration.refused;
        if gives_back && let Some(place) = find(&Binding::is_bound) {
            return Some((place, Errand::Unbind));
        }
        let is_due = |binding: &Binding| {
            binding.act_at.is_none_or(|at| at <= now) || binding.rebind && binding.is_bound()
        };
        let bind = find(&is_due).filter(|_| wanted);
        if core::mem::take(&mut self.registration.query_wanted) {
            return Some((used, Errand::Query));
        }
        bind.map(|place| (place, Errand::Bind))
    }

    fn registered(&mut self, place: Place, response: &Response) {
        let Some(granted) = self.granted(place, response) else {
            let reason = EndReason {
                status: Some(response.status()),
                ..EndReason::new(Originator::Peer, Cause::Malformed)
            };
            return self.registration_failed(place, reason, None, None);
        };
        let service_route = self.core.service_route_of(response);
        self.flow(place).service_route = service_route;
        if let Ok(Some(seconds)) = response.flow_timer() {
            self.keep_alive_every(place, seconds);
        }
        let outbound = response
            .require()
            .any(|tag| tag.eq_ignore_ascii_case(b"outbound"));
        let refreshed = self.binding(place).is_bound();
        let now = self.core.now;
        let refresh_at = now + refresh_after(granted, self.core.layer.rng());
        let expires = Duration::from_secs(u64::from(granted));
        self.registration.raised = false;
        self.registration.outbound = outbound;
        let binding = self.binding(place);
        binding.bound_until = Some(now + expires);
        binding.failures = 0;
        binding.tried = true;
        binding.state = State::Bound;
        let path = response.values(HeaderName::Path).map(on_one_line).collect();
        self.core
            .event(Event::Registered(Box::new(event::Registration {
                reg_id: place + 1,
                outbound,
                expires,
                refresh_at,
                bindings: bindings(response),
                path,
                gruu: self.core.identity.gruu.as_ref().map(ToString::to_string),
                refreshed,
            })));
        self.arm(place, Some(refresh_at));
        self.choose_flow();
        if !outbound {
            self.keep_only(place);
        }
        self.connection_is_usable();
    }

    /// The registrar does not keep flows apart: a binding on one takes the place of that on another
    /// (RFC 5626 section 4.2.1), so this flow is the only one.
    fn keep_only(&mut self, place: Place) {
        for other in self.places().filter(|&other| other != place) {
            if self.flow(other).connector.is_running() {
                self.close_flow(other, DisconnectReason::Unneeded);
            }
        }
    }

    /// How long our binding was granted for, in seconds (RFC 3261 section 10.2.4): the `expires` of our
    /// Contact, else Expires, else what we asked for. Ours is the Contact with our instance and
    /// reg-id, else with our URI, else the only one: registrars behind NAT helpers rewrite the URI. Its
    /// GRUUs (RFC 5627 section 4.2) replace those that we had.
    fn granted(&mut self, place: Place, response: &Response) -> Option<u32> {
        let reg_id = (place + 1).to_string();
        let identity = &self.core.identity;
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
        self.core.identity.set_gruu(public, temporary);
        Some(granted.min(LONGEST_EXPIRES))
    }

    /// A REGISTER failed: tells when it is tried again, and waits for that.
    fn registration_failed(
        &mut self,
        place: Place,
        reason: EndReason,
        status: Option<u16>,
        asked: Option<Duration>,
    ) {
        let flow = &mut self.flows[usize::from(place)];
        let retry_at = if self.registration.wanted && flow.open.is_some() {
            let rng = self.core.layer.rng();
            let wait = retry_after(status, flow.binding.failures, asked, rng);
            flow.binding.failures = flow.binding.failures.saturating_add(1);
            flow.binding.tried = true;
            Some(self.core.now + wait)
        } else {
            None
        };
        flow.binding.state = if retry_at.is_some() {
            State::Waiting
        } else {
            State::Off
        };
        self.core.event(Event::RegistrationFailed {
            reason: Box::new(reason),
            retry_at,
        });
        self.arm(place, retry_at);
        if self.place_in_use() == Some(place) {
            self.registration_is_through();
        }
    }

    /// The registrar refuses our credentials: asking again would only lock the account.
    fn credentials_refused(&mut self, place: Place, errand: Errand, response: &Response) {
        let reason = EndReason::refused(response, Cause::Authentication);
        if errand != Errand::Bind {
            return self.errand_failed(place, errand, reason, None, None);
        }
        // New credentials heal what was wanted until now, not what was given up meanwhile.
        self.registration.refused = core::mem::replace(&mut self.registration.wanted, false);
        self.core.event(Event::RegistrationFailed {
            reason: Box::new(reason),
            retry_at: None,
        });
        self.binding(place).state = State::Off;
        for place in self.places() {
            self.arm(place, None);
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
    pub(super) fn unbound(&mut self, place: Place, reason: EndReason) {
        let flow = self.flow(place);
        flow.service_route.clear();
        flow.binding.state = State::Off;
        flow.binding.tried = false;
        let bound = flow.binding.bound_until.take().is_some();
        self.arm(place, None);
        self.binding_gone(bound, reason);
    }

    /// What came with the last binding goes with it (RFC 3608 section 6, RFC 5627 section 4.2).
    fn binding_gone(&mut self, was_bound: bool, reason: EndReason) {
        if !self.is_registered() {
            self.core.identity.set_gruu(None, None);
            let farewell = self.is_idle() && core::mem::take(&mut self.registration.farewell);
            if farewell || was_bound {
                self.tell_unregistered(reason);
            }
        }
        self.choose_flow();
    }

    fn tell_unregistered(&mut self, reason: EndReason) {
        self.core.event(Event::Unregistered {
            reason: Box::new(reason),
        });
    }

    /// The connection of a flow is gone, and with it what was to be asked on it.
    pub(super) fn registration_lost(&mut self, place: Place) {
        let reason = EndReason::transport(Cause::ConnectionLost);
        let registration = &mut self.registration;
        let unasked = self.core.flow.is_none()
            && core::mem::take(&mut registration.clear_wanted)
                | core::mem::take(&mut registration.query_wanted);
        if unasked {
            self.core.event(Event::RegistrationFailed {
                reason: Box::new(reason.clone()),
                retry_at: None,
            });
        }
        self.unbound(place, reason);
        self.next_errand();
    }

    /// Arms the one timer of a binding: for the next act unless an errand is under way, or for the lapse of
    /// the binding if that comes before.
    fn arm(&mut self, place: Place, act_at: Option<Timestamp>) {
        // What is due already waits for the REGISTER in flight, not for time.
        let others_busy = !self.is_idle();
        let now = self.core.now;
        let binding = &mut self.flows[usize::from(place)].binding;
        if let Some(key) = binding.timer.take() {
            self.core.timers.cancel(key);
        }
        binding.act_at = act_at;
        let next = act_at.filter(|&at| binding.is_idle() && !(others_busy && at <= now));
        let at = match (next, binding.bound_until) {
            (Some(next), Some(lapse)) => Some(next.min(lapse)),
            (next, lapse) => next.or(lapse),
        };
        binding.timer = at.map(|at| self.core.timers.set(at, Due::Registration(place)));
    }

    pub(super) fn registration_due(&mut self, place: Place) {
        let now = self.core.now;
        let binding = self.binding(place);
        binding.timer = None;
        let act_at = binding.act_at;
        if binding.bound_until.is_some_and(|at| at <= now) {
            // REG-LAPSE: said once; the attempts to bind again go on.
            binding.bound_until = None;
            if binding.is_idle() {
                binding.state = binding.idle_state();
            }
            self.flow(place).service_route.clear();
            self.binding_gone(true, EndReason::transport(Cause::Expired));
        }
        self.arm(place, act_at);
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
