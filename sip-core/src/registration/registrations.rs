//! The bindings of one agent, and the application's wish.

use alloc::boxed::Box;

use smallvec::SmallVec;

use super::binding::{Binding, RegisterKind};
use super::timing::LONGEST_EXPIRES;
use crate::endpoint::FlowIndex;

#[cfg(test)]
#[path = "../../exploration/registration/snapshot.rs"]
mod snapshot;

/// The wish of the application.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// Not to be registered.
    Off,
    /// To be registered, on every connection to come.
    Registered,
    /// To be registered, but the registrar refuses the credentials: the core sends no REGISTER until they
    /// change.
    Refused,
    /// Not to be registered; the outcome of the command is still to be reported.
    Leaving,
}

/// The acceptable form that a refusal of the registrar states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum AlternativeForm {
    /// A longer binding, in seconds (RFC 3261 section 10.2.8: 423).
    Expires(u32),
    /// A binding without outbound on this first hop (RFC 5626 section 4.2.1: 439).
    WithoutOutbound(Option<Box<str>>),
}

/// The registration state of one agent, over all flows.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Registrations {
    wish: Wish,
    /// Commands that wait until no REGISTER is in flight: a bit for each kind.
    pending: u8,
    bindings: SmallVec<[Binding; 1]>,
    /// The Call-ID, then the tag.
    names: Box<str>,
    call_id_end: u32,
    cseq: u32,
    /// The requested duration in seconds: `registerExpires`, or more after a 423.
    expires: u32,
    /// Whether a 423 was applied since the last 2xx or failure.
    min_expires_applied: bool,
    /// The first hop that does not support outbound (RFC 5626 section 4.2.1: 439), by host and port.
    without_outbound: Option<Box<str>>,
    /// Whether the registrar supports outbound: its last 2xx required it (RFC 5626 section 4.2.1).
    pub(crate) outbound: bool,
}

impl Registrations {
    pub(crate) fn new(flows: usize, wanted: bool, expires: u32, call_id: &str, tag: &str) -> Self {
        Self {
            wish: Wish::of(wanted),
            pending: 0,
            bindings: (0..flows).map(|_| Binding::new()).collect(),
            names: [call_id, tag].concat().into(),
            call_id_end: call_id.len() as u32,
            cseq: 0,
            expires,
            min_expires_applied: false,
            without_outbound: None,
            outbound: false,
        }
    }

    /// The Call-ID of every REGISTER (RFC 3261 section 10.2.4).
    pub(crate) fn call_id(&self) -> &str {
        self.names
            .get(..self.call_id_end as usize)
            .unwrap_or_default()
    }

    /// The From tag of every REGISTER.
    pub(crate) fn tag(&self) -> &str {
        self.names
            .get(self.call_id_end as usize..)
            .unwrap_or_default()
    }

    /// Resets to the state before the agent's start.
    pub(crate) fn restart(&mut self, wanted: bool) {
        self.wish = Wish::of(wanted);
        self.pending = 0;
        self.outbound = false;
    }

    pub(crate) const fn wish(&self) -> Wish {
        self.wish
    }

    /// Whether the application wants to be registered and the registrar has not refused the credentials.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wish == Wish::Registered
    }

    /// Changes the wish of the application.
    pub(crate) fn want(&mut self, wish: Wish) {
        self.wish = wish;
    }

    /// Ends the wait for the report of an unregistration; returns whether there was one.
    pub(crate) fn take_leave(&mut self) -> bool {
        let leaving = self.wish == Wish::Leaving;
        if leaving {
            self.wish = Wish::Off;
        }
        leaving
    }

    /// Queues a command until no REGISTER is in flight.
    pub(crate) fn ask(&mut self, kind: RegisterKind) {
        self.pending |= 1 << kind as u8;
    }

    /// Removes a command of this kind from the queue; returns whether there was one.
    pub(crate) fn take(&mut self, kind: RegisterKind) -> bool {
        let found = self.pending & 1 << kind as u8 != 0;
        self.pending &= !(1 << kind as u8);
        found
    }

    /// Removes every command from the queue; returns whether there was one.
    pub(crate) fn take_pending(&mut self) -> bool {
        let any = self.pending != 0;
        self.pending = 0;
        any
    }

    pub(crate) fn binding(&self, index: FlowIndex) -> &Binding {
        &self.bindings[usize::from(index)]
    }

    pub(crate) fn binding_mut(&mut self, index: FlowIndex) -> &mut Binding {
        &mut self.bindings[usize::from(index)]
    }

    /// Whether no REGISTER is in flight, on any flow.
    pub(crate) fn is_idle(&self) -> bool {
        self.bindings.iter().all(Binding::is_idle)
    }

    /// Whether the registrar holds a binding on any flow.
    pub(crate) fn is_bound(&self) -> bool {
        self.bindings.iter().any(Binding::is_bound)
    }

    /// The CSeq number of the next REGISTER.
    pub(crate) fn count_register(&mut self) -> u32 {
        self.cseq += 1;
        self.cseq
    }

    /// The requested duration of the next REGISTER, in seconds.
    pub(crate) const fn expires(&self) -> u32 {
        self.expires
    }

    /// Sets the requested duration, in seconds.
    pub(crate) fn set_expires(&mut self, seconds: u32) {
        self.expires = seconds;
        self.min_expires_applied = false;
    }

    /// Records a 2xx: the next 423 may be applied.
    pub(crate) fn granted(&mut self, outbound: bool) {
        self.min_expires_applied = false;
        self.outbound = outbound;
    }

    /// Records a failure, which delays the next REGISTER or leads to another server: a 423 to that one may be applied.
    pub(crate) const fn failed(&mut self) {
        self.min_expires_applied = false;
    }

    /// Whether this first hop lacks outbound support.
    pub(crate) fn is_without_outbound(&self, hop: Option<&str>) -> bool {
        hop.is_some() && self.without_outbound.as_deref() == hop
    }

    /// Applies the form that a refusal states, once each, because a registrar could otherwise cause a loop;
    /// false if it was applied before or is invalid.
    pub(crate) fn obey(&mut self, form: AlternativeForm) -> bool {
        match form {
            AlternativeForm::Expires(minimum) => {
                let fits = !self.min_expires_applied
                    && minimum > self.expires
                    && minimum <= LONGEST_EXPIRES;
                if fits {
                    self.min_expires_applied = true;
                    self.expires = minimum;
                }
                fits
            }
            AlternativeForm::WithoutOutbound(hop) => {
                let fits = self.without_outbound != hop;
                self.without_outbound = hop;
                fits
            }
        }
    }
}

impl Wish {
    const fn of(wanted: bool) -> Self {
        if wanted { Self::Registered } else { Self::Off }
    }
}
