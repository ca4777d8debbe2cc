//! All bindings of one agent, and what the application wants of the registrar.

use alloc::boxed::Box;
use alloc::string::String;

use smallvec::SmallVec;

use super::binding::{Binding, RegisterKind};
use super::timing::LONGEST_EXPIRES;
use crate::endpoint::FlowIndex;

/// What the application wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// Not to be registered.
    Off,
    /// To be registered, on every connection to come.
    Registered,
    /// To be registered, but the registrar refuses the credentials: nothing is sent until there are others.
    Refused,
    /// Not to be registered, by a command whose outcome is still to be told.
    Leaving,
}

/// What a registrar asks for in a refusal that names what it would accept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum AlternativeForm {
    /// A longer binding, in seconds (RFC 3261 section 10.2.8: 423).
    Expires(u32),
    /// A binding without outbound on this first hop (RFC 5626 section 4.2.1: 439).
    WithoutOutbound(Option<Box<str>>),
}

/// What one agent asks of its registrar, on whichever flow.
pub(crate) struct Registrations {
    wish: Wish,
    /// Commands that wait until no REGISTER is in flight, the most important one first.
    pending: SmallVec<[RegisterKind; 2]>,
    bindings: Box<[Binding]>,
    pub(crate) call_id: Box<str>,
    pub(crate) tag: Box<str>,
    cseq: u32,
    /// What is asked for, in seconds: `registerExpires`, or more after a 423.
    expires: u32,
    /// A 423 was obeyed and no 2xx has come since.
    min_expires_applied: bool,
    /// The first hop that does not support outbound (RFC 5626 section 4.2.1: 439), by host and port.
    without_outbound: Option<Box<str>>,
    /// The registrar keeps flows apart: its last 2xx required outbound (RFC 5626 section 4.2.1).
    pub(crate) outbound: bool,
}

impl Registrations {
    pub(crate) fn new(
        flows: usize,
        wanted: bool,
        expires: u32,
        call_id: String,
        tag: String,
    ) -> Self {
        Self {
            wish: Wish::of(wanted),
            pending: SmallVec::new(),
            bindings: (0..flows).map(|_| Binding::new()).collect(),
            call_id: call_id.into(),
            tag: tag.into(),
            cseq: 0,
            expires,
            min_expires_applied: false,
            without_outbound: None,
            outbound: false,
        }
    }

    /// Back to what it was before the agent started.
    pub(crate) fn restart(&mut self, wanted: bool) {
        self.wish = Wish::of(wanted);
        self.pending.clear();
        self.outbound = false;
    }

    pub(crate) const fn wish(&self) -> Wish {
        self.wish
    }

    /// Whether the application wants to be registered and nothing stands against it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wish == Wish::Registered
    }

    /// The application wants something else.
    pub(crate) fn want(&mut self, wish: Wish) {
        self.wish = wish;
    }

    /// Takes back the wish to be told that the agent is unregistered; whether there was one.
    pub(crate) fn take_leave(&mut self) -> bool {
        let leaving = self.wish == Wish::Leaving;
        if leaving {
            self.wish = Wish::Off;
        }
        leaving
    }

    /// A command that waits until no REGISTER is in flight.
    pub(crate) fn ask(&mut self, kind: RegisterKind) {
        if !self.pending.contains(&kind) {
            self.pending.push(kind);
            self.pending.sort_unstable();
        }
    }

    /// Takes a command of this kind out of those that wait; whether there was one.
    pub(crate) fn take(&mut self, kind: RegisterKind) -> bool {
        let found = self.pending.iter().position(|&pending| pending == kind);
        found.map(|index| self.pending.remove(index)).is_some()
    }

    /// Takes out every command that waits; whether there was one.
    pub(crate) fn take_pending(&mut self) -> bool {
        let any = !self.pending.is_empty();
        self.pending.clear();
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

    /// Whether the registrar holds a binding, on whichever flow.
    pub(crate) fn is_bound(&self) -> bool {
        self.bindings.iter().any(Binding::is_bound)
    }

    /// The CSeq number of the next REGISTER.
    pub(crate) fn count_register(&mut self) -> u32 {
        self.cseq += 1;
        self.cseq
    }

    /// What the next REGISTER asks for, in seconds.
    pub(crate) const fn expires(&self) -> u32 {
        self.expires
    }

    /// The application asks for another duration, in seconds.
    pub(crate) fn set_expires(&mut self, seconds: u32) {
        self.expires = seconds;
        self.min_expires_applied = false;
    }

    /// A 2xx came: the next 423 may be obeyed.
    pub(crate) fn granted(&mut self, outbound: bool) {
        self.min_expires_applied = false;
        self.outbound = outbound;
    }

    /// Whether a first hop takes no part in outbound.
    pub(crate) fn is_without_outbound(&self, hop: Option<&str>) -> bool {
        hop.is_some() && self.without_outbound.as_deref() == hop
    }

    /// Obeys what a refusal asks for, once each, because a registrar could drive the agent in circles; false if it has been
    /// obeyed before or makes no sense.
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
