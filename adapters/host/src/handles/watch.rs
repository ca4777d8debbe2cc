//! The connection and the registration of an agent: what has happened since a wait began.

use alloc::string::String;

use sip_core::connection::ConnectError;
use sip_core::{EndReason, Event, Registration};

use super::error::{NotConnected, RegistrationError};
use crate::failure::ConnectFailure;

/// What had happened when a wait began: a wait ends by what comes later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    successes: u64,
    failures: u64,
    stops: u64,
}

/// How often each kind of end of a wait has come.
#[derive(Debug, Default)]
pub(super) struct Watch {
    connects: u64,
    connect_failures: u64,
    last_failure: Option<ConnectFailure>,
    bindings: u64,
    binding_failures: u64,
    registration: Option<Registration>,
    refusal: Option<EndReason>,
    stops: u64,
    /// The agent is stopped, and has not been started again.
    pub(super) is_stopped: bool,
    /// The application has asked for the stop, which goes on.
    pub(super) is_stopping: bool,
    /// The agent is gone.
    pub(super) is_gone: bool,
}

/// What an event changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Changed {
    Nothing,
    Connection,
    Registration,
    Stop,
}

impl Watch {
    /// Takes an event. `is_wanted`: the core registers, or tries to; `failure` has the details of a failed attempt to connect.
    pub(super) fn on_event(
        &mut self,
        event: &Event,
        is_wanted: bool,
        failure: impl FnOnce() -> Option<ConnectFailure>,
    ) -> Changed {
        match event {
            Event::Connecting { .. } => {
                self.is_stopped = false;
                Changed::Nothing
            }
            Event::Connected { .. } => {
                self.connects += 1;
                Changed::Connection
            }
            Event::ConnectFailed { error, .. } => {
                self.connect_failures += 1;
                self.last_failure = Some(detailed(*error, failure()));
                Changed::Connection
            }
            Event::Registered(registration) => {
                self.bindings += 1;
                self.refusal = None;
                self.registration = Some(Registration::clone(registration));
                Changed::Registration
            }
            Event::RegistrationFailed { reason, .. } | Event::Unregistered { reason }
                if !is_wanted =>
            {
                self.binding_failures += 1;
                self.refusal = Some(EndReason::clone(reason));
                Changed::Registration
            }
            Event::Stopped { .. } => {
                self.stops += 1;
                self.refusal = None;
                self.is_stopped = true;
                self.is_stopping = false;
                Changed::Stop
            }
            _ => Changed::Nothing,
        }
    }

    pub(super) fn seen_connection(&self) -> Seen {
        Seen {
            successes: self.connects,
            failures: self.connect_failures,
            stops: self.stops,
        }
    }

    pub(super) fn seen_registration(&self) -> Seen {
        Seen {
            successes: self.bindings,
            failures: self.binding_failures,
            stops: self.stops,
        }
    }

    fn has_stopped(&self, seen: Seen) -> bool {
        self.is_gone || self.stops != seen.stops
    }

    /// What a wait for a connection returns; `None` while nothing has happened.
    pub(super) fn connected(&self, seen: Seen) -> Option<Result<(), NotConnected>> {
        if self.connects != seen.successes {
            return Some(Ok(()));
        }
        if self.connect_failures != seen.failures
            && let Some(failure) = &self.last_failure
        {
            return Some(Err(NotConnected::Failed(failure.clone())));
        }
        let has_stopped = self.has_stopped(seen);
        has_stopped.then_some(Err(NotConnected::Stopped))
    }

    /// What a wait for a registration returns; `None` while nothing final has happened.
    pub(super) fn registered(&self, seen: Seen) -> Option<Result<Registration, RegistrationError>> {
        if self.bindings != seen.successes
            && let Some(registration) = &self.registration
        {
            return Some(Ok(registration.clone()));
        }
        if self.binding_failures != seen.failures {
            return Some(Err(self.refused()));
        }
        let has_stopped = self.has_stopped(seen);
        has_stopped.then_some(Err(RegistrationError::Stopped))
    }

    /// The registration of an agent that is registered.
    pub(super) fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    /// Why an agent that does not register does not.
    pub(super) fn refused(&self) -> RegistrationError {
        match &self.refusal {
            Some(reason) if reason.cause != sip_core::Cause::Requested => {
                RegistrationError::Refused(reason.clone())
            }
            _ => RegistrationError::NotWanted,
        }
    }

    /// What a wait for the end of the agent returns; `None` while it has not stopped.
    pub(super) fn stopped(&self, seen: Seen) -> Option<()> {
        self.has_stopped(seen).then_some(())
    }
}

/// The failure as the adapter saw it, or one without details: the application has declined to give a URL, or the core has refused
/// the one that it gave.
fn detailed(error: ConnectError, failure: Option<ConnectFailure>) -> ConnectFailure {
    match failure {
        Some(failure) if failure.error == error => failure,
        _ => ConnectFailure {
            server: String::from("the server"),
            error,
            detail: String::new(),
        },
    }
}
