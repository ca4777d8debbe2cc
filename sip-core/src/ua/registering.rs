//! Carries out what the registration machine decides (its table is in `registration.rs`).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{Contact, HeaderName, Method, Response, Uri};

use super::UserAgent;
use super::core::{Due, Purpose, RetryError};
use super::sending::Outside;
use crate::auth::Attempts;
use crate::event::{self, Cause, EndReason, Event, Originator};
use crate::registration::{LONGEST_EXPIRES, State, refresh_after, retry_after};
use crate::session::{failure, unsent};
use crate::transaction::{SendError, TransactionError};

impl UserAgent {
    /// Registers if that is wanted, possible and not under way.
    pub(super) fn register_if_wanted(&mut self) {
        let idle = matches!(self.registration.state, State::Off | State::Waiting);
        if self.registration.wanted && idle && self.core.flow.is_some() {
            self.send_register();
        }
    }

    /// Refreshes a binding before its time, because what it says has changed.
    pub(super) fn refresh_now(&mut self) {
        let bound = matches!(self.registration.state, State::Bound);
        if bound && self.registration.wanted && self.core.flow.is_some() {
            self.send_register();
            if !self.registration.is_idle() {
                self.arm(None);
            }
        }
    }

    /// REGISTER for a new binding or a refresh.
    fn send_register(&mut self) {
        let mut attempts = Attempts::new();
        match self.send_register_for(self.registration.expires, &mut attempts) {
            Ok(()) => self.registration.state = State::Asking(attempts),
            Err(error) => {
                self.registration_failed(EndReason::local(unsent(&error)), None, None);
            }
        }
    }

    fn send_register_for(
        &mut self,
        expires: u32,
        attempts: &mut Attempts,
    ) -> Result<(), SendError> {
        let core = &mut self.core;
        let registration = &mut self.registration;
        registration.cseq += 1;
        let contact = core.register_contact(expires);
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
        let supported = format!("path, {}", core.identity.supported);
        let own = [
            (HeaderName::Contact, contact.as_str()),
            (HeaderName::Supported, supported.as_str()),
        ];
        core.send_outside(&parts, &own, attempts, Purpose::Register)
            .map(|_| ())
    }

    /// Gives the binding back (RFC 3261 section 10.2.2), or stops asking for one.
    pub(super) fn send_unregister(&mut self) {
        match &self.registration.state {
            // One REGISTER at a time (section 10.2): its outcome is followed by this one.
            State::Asking(_) | State::Leaving(_) => {}
            State::Off | State::Bound | State::Waiting if self.registration.is_bound() => {
                let mut attempts = Attempts::new();
                match self.send_register_for(0, &mut attempts) {
                    Ok(()) => {
                        self.arm(None);
                        self.registration.state = State::Leaving(attempts);
                    }
                    Err(_) => self.unbound(EndReason::transport(Cause::ConnectionLost)),
                }
            }
            State::Off | State::Bound | State::Waiting => {
                self.arm(None);
                self.registration.state = State::Off;
            }
        }
    }

    pub(super) fn register_response(&mut self, response: &Response, request: &Bytes) {
        if response.status().is_provisional() {
            return;
        }
        let status = response.status().as_u16();
        let (leaving, mut attempts) =
            match core::mem::replace(&mut self.registration.state, State::Off) {
                State::Asking(attempts) => (false, attempts),
                State::Leaving(attempts) => (true, attempts),
                // The answer to a REGISTER that the loss of its connection has overtaken.
                other => {
                    self.registration.state = other;
                    return;
                }
            };
        if matches!(status, 401 | 407) {
            let again = self.core.retry_with_credentials(
                request,
                response,
                &mut attempts,
                None,
                Purpose::Register,
            );
            match again {
                Ok(_) => {
                    self.registration.cseq += 1;
                    self.registration.state = if leaving {
                        State::Leaving(attempts)
                    } else {
                        State::Asking(attempts)
                    };
                }
                Err(RetryError::Authentication) if leaving => {
                    self.unbound(EndReason::refused(response, Cause::Authentication));
                }
                Err(RetryError::Authentication) => self.credentials_refused(response),
                Err(RetryError::NotSent) => {
                    self.registration_failed(
                        EndReason::transport(Cause::ConnectionLost),
                        None,
                        None,
                    );
                }
            }
            return;
        }
        if leaving {
            let reason = if response.status().is_success() {
                EndReason::local(Cause::Requested)
            } else {
                EndReason::refused(response, Cause::Refused)
            };
            return self.unbound(reason);
        }
        if response.status().is_success() {
            return self.registered(response);
        }
        if status == 423 && !self.registration.raised {
            // RFC 3261 section 10.2.8; once, or a registrar could drive us in circles.
            let minimum = response.min_expires().ok().flatten();
            if let Some(minimum) = minimum.filter(|&minimum| {
                minimum > self.registration.expires && minimum <= LONGEST_EXPIRES
            }) {
                self.registration.raised = true;
                self.registration.expires = minimum;
                return self.send_register();
            }
        }
        let asked = response
            .retry_after()
            .ok()
            .flatten()
            .map(|wait| Duration::from_secs(u64::from(wait.seconds)));
        self.registration_failed(
            EndReason::refused(response, Cause::Refused),
            Some(status),
            asked,
        );
    }

    pub(super) fn register_failed(&mut self, error: TransactionError) {
        match self.registration.state {
            State::Leaving(_) => self.unbound(failure(error)),
            State::Asking(_) => self.registration_failed(failure(error), None, None),
            State::Off | State::Bound | State::Waiting => {}
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
        let bindings = response
            .values(HeaderName::Contact)
            .map(|value| String::from_utf8_lossy(value).into())
            .collect::<Vec<Box<str>>>();
        self.core
            .event(Event::Registered(Box::new(event::Registration {
                expires,
                refresh_at,
                bindings,
                refreshed,
            })));
        self.arm(Some(refresh_at));
        if !self.registration.wanted {
            self.send_unregister();
        }
    }

    /// How long our binding was granted for, in seconds (RFC 3261 section 10.2.4): the `expires` of our
    /// Contact, else Expires, else what we asked for. Ours is the Contact with our instance and
    /// reg-id, else with our URI, else the only one: registrars behind NAT helpers rewrite the URI.
    fn granted(&self, response: &Response) -> Option<u32> {
        let identity = &self.core.identity;
        let instance = format!("\"<urn:uuid:{}>\"", identity.instance);
        let own = sip_parse::NameAddr::parse(identity.contact.as_bytes()).ok();
        // A malformed Contact of somebody else's must not hide ours.
        let contacts: Vec<_> = response
            .contacts()
            .filter_map(Result::ok)
            .filter_map(|contact| match contact {
                Contact::Addr(contact) => Some(contact),
                Contact::Star => None,
            })
            .collect();
        let by_instance = contacts.iter().find(|contact| {
            contact
                .param(b"+sip.instance")
                .is_some_and(|value| value.eq_ignore_ascii_case(instance.as_bytes()))
                && contact.param(b"reg-id").is_none_or(|id| id == b"1")
        });
        let same = |uri: &Uri<'_>| own.as_ref().is_some_and(|own| own.uri().equivalent(uri));
        let ours = by_instance
            .or_else(|| contacts.iter().find(|contact| same(contact.uri())))
            .or_else(|| contacts.first().filter(|_| contacts.len() == 1))?;
        let header = response.expires().ok().flatten();
        let granted = ours
            .expires()
            .or(header)
            .unwrap_or(self.registration.expires);
        Some(granted.min(LONGEST_EXPIRES)).filter(|&granted| granted > 0)
    }

    /// A REGISTER failed: tells when it is tried again, and waits for that.
    fn registration_failed(
        &mut self,
        reason: EndReason,
        status: Option<u16>,
        asked: Option<Duration>,
    ) {
        let retry_at = if self.registration.wanted && reason.cause != Cause::ConnectionLost {
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
    fn credentials_refused(&mut self, response: &Response) {
        self.registration.wanted = false;
        self.registration.refused = true;
        self.registration.state = State::Off;
        let reason = Box::new(EndReason::refused(response, Cause::Authentication));
        self.core.event(Event::RegistrationFailed {
            reason,
            retry_at: None,
        });
        self.arm(None);
    }

    /// The binding is gone, or as good as gone.
    pub(super) fn unbound(&mut self, reason: EndReason) {
        self.registration.state = State::Off;
        if self.registration.bound_until.take().is_some() {
            self.core.service_route.clear();
            self.core.event(Event::Unregistered {
                reason: Box::new(reason),
            });
        }
        self.arm(None);
    }

    /// Arms the one timer: for the next act, or for the lapse of the binding if that comes before.
    fn arm(&mut self, act_at: Option<Timestamp>) {
        if let Some(key) = self.registration.timer.take() {
            self.core.timers.cancel(key);
        }
        self.registration.act_at = act_at;
        let at = match (act_at, self.registration.bound_until) {
            (Some(act_at), Some(lapse)) => Some(act_at.min(lapse)),
            (act_at, lapse) => act_at.or(lapse),
        };
        self.registration.timer = at.map(|at| self.core.timers.set(at, Due::Registration));
    }

    pub(super) fn registration_due(&mut self) {
        self.registration.timer = None;
        let now = self.core.now;
        if self
            .registration
            .bound_until
            .is_some_and(|lapse| lapse <= now)
        {
            // REG-LAPSE: said once; the attempts to bind again go on.
            self.registration.bound_until = None;
            self.core.event(Event::Unregistered {
                reason: Box::new(EndReason::transport(Cause::Expired)),
            });
        }
        let act_at = self.registration.act_at;
        if act_at.is_some_and(|at| at <= now) && self.registration.is_idle() {
            self.registration.act_at = None;
            self.registration.state = match self.registration.state {
                State::Bound | State::Waiting => State::Waiting,
                _ => State::Off,
            };
            self.register_if_wanted();
            if self.registration.is_idle() {
                return;
            }
            self.arm(None);
        } else {
            self.arm(act_at);
        }
    }
}

use crate::time::Timestamp;
