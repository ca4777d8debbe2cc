//! Carries out what the registration machine decides (its table is in `registration.rs`).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{Contact, HeaderName, Method, NameAddr, Response, Uri, UriBuf};

use super::UserAgent;
use super::core::{Due, Purpose, RetryError};
use super::sending::Outside;
use crate::auth::Attempts;
use crate::event::{self, Cause, EndReason, Event, Originator, on_one_line};
use crate::registration::{
    Errand, LONGEST_EXPIRES, State, refresh_after, retry_after, return_after,
};
use crate::session::{failure, unsent};
use crate::time::Timestamp;
use crate::transaction::{SendError, TransactionError};

impl UserAgent {
    /// A connection is open: registers at once, or, where there was one before, within a second.
    pub(super) fn register_on_connection(&mut self) {
        if core::mem::replace(&mut self.registration.returning, true) && self.registration.wanted {
            let at = self.core.now + return_after(self.core.layer.rng());
            self.registration.state = State::Waiting;
            self.arm(Some(at));
        } else {
            self.register_if_wanted();
        }
        if !self.registration.wanted {
            self.repair_calls();
        }
    }

    /// Registers at once if that is wanted and possible, even where a retry was to wait.
    pub(super) fn register_if_wanted(&mut self) {
        let registration = &self.registration;
        let idle = matches!(registration.state, State::Off | State::Waiting);
        if registration.wanted && idle && self.core.flow.is_some() {
            self.send_register(Errand::Bind);
        }
    }

    /// Refreshes a binding before its time, because what it says has changed.
    pub(super) fn refresh_now(&mut self) {
        self.registration.rebind = self.registration.wanted;
        self.next_errand();
    }

    /// The application does not want to be registered any more. A challenge that still waits for it is
    /// withdrawn.
    pub(super) fn give_back(&mut self) {
        self.registration.wanted = false;
        self.registration.refused = false;
        self.withdraw_challenge(Purpose::Register);
        if matches!(self.registration.state, State::Waiting) {
            self.registration.state = State::Off;
            self.arm(None);
        }
        self.next_errand();
    }

    fn send_register(&mut self, errand: Errand) {
        let mut attempts = Attempts::new();
        match self.send_register_for(errand, &mut attempts) {
            Ok(()) => {
                let act_at = self.registration.act_at.filter(|_| errand == Errand::Query);
                self.registration.rebind &= errand != Errand::Bind;
                self.registration.state = State::Busy(errand, attempts);
                self.arm(act_at);
            }
            Err(error) => self.errand_failed(errand, EndReason::local(unsent(&error)), None, None),
        }
    }

    fn send_register_for(
        &mut self,
        errand: Errand,
        attempts: &mut Attempts,
    ) -> Result<(), SendError> {
        let core = &mut self.core;
        let registration = &mut self.registration;
        registration.cseq += 1;
        let outbound = !registration.without_outbound;
        let contact = match errand {
            Errand::Bind => Some(core.register_contact(registration.expires, outbound)),
            Errand::Unbind => Some(core.register_contact(0, outbound)),
            Errand::UnbindAll => Some("*".into()),
            Errand::Query => None,
        };
        let aor = core.identity.aor.clone();
        let registrar = core.identity.registrar.clone();
        let parts = Outside {
            method: Method::Register,
            target: registrar.as_bytes(),
            to: aor.as_bytes(),
            call_id: registration.call_id.as_bytes(),
            tag: &registration.tag,
            cseq: registration.cseq,
            service_route: false,
            body: None,
            extra: &[],
        };
        let supported = core.identity.supported_in_register(outbound);
        let mut own = Vec::with_capacity(3);
        if let Some(contact) = &contact {
            own.push((HeaderName::Contact, contact.as_str()));
        }
        if errand == Errand::UnbindAll {
            own.push((HeaderName::Expires, "0"));
        }
        own.push((HeaderName::Supported, supported.as_str()));
        core.send_outside(&parts, &own, attempts, Purpose::Register)
            .map(|_| ())
    }

    pub(super) fn register_response(&mut self, response: &Response, request: &Bytes) {
        if response.status().is_provisional() {
            return;
        }
        // Anything else is the answer to a REGISTER that the loss of its connection has overtaken.
        let State::Busy(errand, attempts) = &mut self.registration.state else {
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
                Purpose::Register,
            );
            match again {
                Ok(_) => self.registration.cseq += 1,
                Err(RetryError::Authentication) => self.credentials_refused(errand, response),
                Err(RetryError::NotSent(error)) => {
                    let reason = EndReason::local(unsent(&error));
                    self.errand_failed(errand, reason, None, None);
                }
            }
            return;
        }
        self.registration.state = self.idle_state();
        if !response.status().is_success() {
            if errand == Errand::Bind && self.asks_for_another_form(response) {
                return self.send_register(Errand::Bind);
            }
            let asked = response.retry_after().ok().flatten();
            let asked = asked.map(|wait| Duration::from_secs(u64::from(wait.seconds)));
            let reason = EndReason::refused(response, Cause::Refused);
            return self.errand_failed(errand, reason, Some(status), asked);
        }
        match errand {
            Errand::Bind => self.registered(response),
            Errand::Unbind | Errand::UnbindAll => {
                self.unbound(EndReason::local(Cause::Requested));
            }
            Errand::Query => {
                let bindings = bindings(response);
                self.core.event(Event::Bindings { bindings });
                self.arm(self.registration.act_at);
            }
        }
        self.next_errand();
    }

    /// Refusals that name what would be accepted: 423 (RFC 3261 section 10.2.8) and 439 (RFC 5626 section
    /// 4.2.1), each obeyed once, or a registrar could drive us in circles.
    fn asks_for_another_form(&mut self, response: &Response) -> bool {
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
            439 => !core::mem::replace(&mut registration.without_outbound, true),
            _ => false,
        }
    }

    pub(super) fn register_failed(&mut self, error: TransactionError) {
        if let State::Busy(errand, _) = self.registration.state {
            self.errand_failed(errand, failure(error), None, None);
        }
    }

    fn errand_failed(
        &mut self,
        errand: Errand,
        reason: EndReason,
        status: Option<u16>,
        asked: Option<Duration>,
    ) {
        match errand {
            Errand::Bind => self.registration_failed(reason, status, asked),
            // Given back or not: we do not refresh it any more.
            Errand::Unbind => self.unbound(reason),
            Errand::UnbindAll | Errand::Query => {
                self.registration.state = self.idle_state();
                let act_at = self.registration.act_at;
                self.core.event(Event::RegistrationFailed {
                    reason: Box::new(reason),
                    retry_at: act_at,
                });
                self.arm(act_at);
            }
        }
        self.next_errand();
    }

    /// The state without an errand.
    fn idle_state(&self) -> State {
        if self.registration.is_bound() {
            State::Bound
        } else if self.registration.act_at.is_some() {
            State::Waiting
        } else {
            State::Off
        }
    }

    /// What is to be done now that nothing is in flight (RFC 3261 section 10.2: one at a time).
    pub(super) fn next_errand(&mut self) {
        if !self.registration.is_idle() {
            return;
        }
        let registration = &mut self.registration;
        if self.core.flow.is_some() {
            let errand = if core::mem::take(&mut registration.clear_wanted) {
                Some(Errand::UnbindAll)
            } else if !registration.wanted && registration.is_bound() {
                Some(Errand::Unbind)
            } else if core::mem::take(&mut registration.query_wanted) {
                Some(Errand::Query)
            } else if registration.wanted && registration.act_at.is_none()
                || registration.rebind && registration.is_bound()
            {
                Some(Errand::Bind)
            } else {
                None
            };
            if let Some(errand) = errand {
                return self.send_register(errand);
            }
        }
        if self.registration.farewell && !self.registration.is_bound() {
            self.unbound(EndReason::local(Cause::Requested));
        }
    }

    fn registered(&mut self, response: &Response) {
        let Some(granted) = self.granted(response) else {
            let reason = EndReason {
                status: Some(response.status()),
                ..EndReason::new(Originator::Peer, Cause::Malformed)
            };
            return self.registration_failed(reason, None, None);
        };
        self.core.take_service_route(response);
        if let Ok(Some(seconds)) = response.flow_timer() {
            self.keep_alive_every(seconds);
        }
        let refreshed = self.registration.is_bound();
        let now = self.core.now;
        let refresh_at = now + refresh_after(granted, self.core.layer.rng());
        let expires = Duration::from_secs(u64::from(granted));
        self.registration.bound_until = Some(now + expires);
        self.registration.failures = 0;
        self.registration.raised = false;
        self.registration.state = State::Bound;
        let path = response.values(HeaderName::Path).map(on_one_line).collect();
        self.core
            .event(Event::Registered(Box::new(event::Registration {
                expires,
                refresh_at,
                bindings: bindings(response),
                path,
                gruu: self.core.identity.gruu.as_ref().map(ToString::to_string),
                refreshed,
            })));
        self.arm(Some(refresh_at));
        self.repair_calls();
    }

    /// How long our binding was granted for, in seconds (RFC 3261 section 10.2.4): the `expires` of our
    /// Contact, else Expires, else what we asked for. Ours is the Contact with our instance and
    /// reg-id, else with our URI, else the only one: registrars behind NAT helpers rewrite the URI. Its
    /// GRUUs (RFC 5627 section 4.2) replace those that we had.
    fn granted(&mut self, response: &Response) -> Option<u32> {
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
            has_instance(contact) && contact.param(b"reg-id").is_none_or(|id| id == b"1")
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
        self.core.identity.set_gruu(public, temporary);
        Some(granted.min(LONGEST_EXPIRES)).filter(|&granted| granted > 0)
    }

    /// A REGISTER failed: tells when it is tried again, and waits for that.
    fn registration_failed(
        &mut self,
        reason: EndReason,
        status: Option<u16>,
        asked: Option<Duration>,
    ) {
        let retry_at = if self.registration.wanted && self.core.flow.is_some() {
            let wait = retry_after(
                status,
                self.registration.failures,
                asked,
                self.core.layer.rng(),
            );
            self.registration.failures = self.registration.failures.saturating_add(1);
            Some(self.core.now + wait)
        } else {
            None
        };
        self.registration.state = if retry_at.is_some() {
            State::Waiting
        } else {
            State::Off
        };
        self.core.event(Event::RegistrationFailed {
            reason: Box::new(reason),
            retry_at,
        });
        self.arm(retry_at);
    }

    /// The registrar refuses our credentials: asking again would only lock the account.
    fn credentials_refused(&mut self, errand: Errand, response: &Response) {
        let reason = EndReason::refused(response, Cause::Authentication);
        if errand != Errand::Bind {
            return self.errand_failed(errand, reason, None, None);
        }
        // New credentials heal what was wanted until now, not what was given up meanwhile.
        self.registration.refused = core::mem::replace(&mut self.registration.wanted, false);
        self.registration.state = State::Off;
        self.core.event(Event::RegistrationFailed {
            reason: Box::new(reason),
            retry_at: None,
        });
        self.arm(None);
        // What is still bound lapses: to give it back would be refused as well.
        if !self.registration.refused {
            self.next_errand();
        }
    }

    /// The binding is gone, or as good as gone.
    pub(super) fn unbound(&mut self, reason: EndReason) {
        self.registration.state = State::Off;
        self.forget_binding();
        let bound = self.registration.bound_until.take().is_some();
        if core::mem::take(&mut self.registration.farewell) || bound {
            self.core.event(Event::Unregistered {
                reason: Box::new(reason),
            });
        }
        self.arm(None);
    }

    /// The connection is gone, and with it what was to be asked on it.
    pub(super) fn registration_lost(&mut self) {
        let reason = EndReason::transport(Cause::ConnectionLost);
        let registration = &mut self.registration;
        let unasked = core::mem::take(&mut registration.clear_wanted)
            | core::mem::take(&mut registration.query_wanted);
        if unasked {
            self.core.event(Event::RegistrationFailed {
                reason: Box::new(reason.clone()),
                retry_at: None,
            });
        }
        self.unbound(reason);
    }

    /// What came with the binding goes with it (RFC 3608 section 6, RFC 5627 section 4.2).
    fn forget_binding(&mut self) {
        self.core.service_route.clear();
        self.core.identity.set_gruu(None, None);
    }

    /// Arms the one timer: for the next act unless an errand is under way, or for the lapse of the
    /// binding if that comes before.
    fn arm(&mut self, act_at: Option<Timestamp>) {
        if let Some(key) = self.registration.timer.take() {
            self.core.timers.cancel(key);
        }
        self.registration.act_at = act_at;
        let next = act_at.filter(|_| self.registration.is_idle());
        let at = match (next, self.registration.bound_until) {
            (Some(next), Some(lapse)) => Some(next.min(lapse)),
            (next, lapse) => next.or(lapse),
        };
        self.registration.timer = at.map(|at| self.core.timers.set(at, Due::Registration));
    }

    pub(super) fn registration_due(&mut self) {
        self.registration.timer = None;
        let now = self.core.now;
        let lapsed = self.registration.bound_until.filter(|&at| at <= now);
        if lapsed.is_some() {
            // REG-LAPSE: said once; the attempts to bind again go on.
            self.registration.bound_until = None;
            self.forget_binding();
            self.core.event(Event::Unregistered {
                reason: Box::new(EndReason::transport(Cause::Expired)),
            });
        }
        if lapsed.is_some() && self.registration.is_idle() {
            self.registration.state = self.idle_state();
        }
        let act_at = self.registration.act_at;
        if act_at.is_some_and(|at| at <= now) && self.registration.is_idle() {
            self.registration.act_at = None;
            self.registration.state = State::Waiting;
            self.register_if_wanted();
        } else {
            self.arm(act_at);
            self.next_errand();
        }
    }
}

/// All bindings of a response, as Contact values.
fn bindings(response: &Response) -> Vec<Box<str>> {
    response
        .values(HeaderName::Contact)
        .map(on_one_line)
        .collect()
}
