//! The machine of one binding.
//!
//! | state        | input                  | does     | next                 |
//! |--------------|------------------------|----------|----------------------|
//! | Off          | wait until T           |          | Waiting (T)          |
//! | Waiting      | wait until T           |          | Waiting (T)          |
//! | Bound        | wait until T           |          | Waiting (T)          |
//! | Off          | send to refresh        | REGISTER | Busy                 |
//! | Waiting      | send to refresh        | REGISTER | Busy                 |
//! | Bound        | send to refresh        | REGISTER | Busy                 |
//! | Off          | send to remove         | REGISTER | Busy                 |
//! | Waiting      | send to remove         | REGISTER | Busy                 |
//! | Bound        | send to remove         | REGISTER | Busy                 |
//! | Off          | send to remove all     | REGISTER | Busy                 |
//! | Waiting      | send to remove all     | REGISTER | Busy                 |
//! | Bound        | send to remove all     | REGISTER | Busy                 |
//! | Off          | send to fetch          | REGISTER | Busy                 |
//! | Waiting      | send to fetch          | REGISTER | Busy, then as it was |
//! | Bound        | send to fetch          | REGISTER | Busy, then as it was |
//! | Busy         | granted, refresh at T  |          | Bound (T)            |
//! | Busy, then T | granted, refresh at T  |          | Bound (then)         |
//! | Busy         | done, not bound        |          | Off                  |
//! | Busy         | done, bound            |          | Bound                |
//! | Busy, then T | done, not bound        |          | Waiting (then)       |
//! | Busy, then T | done, bound            |          | Bound (then)         |
//! | Busy         | failed, retry at T     |          | Waiting (T)          |
//! | Busy, then T | failed, retry at T     |          | Waiting (T)          |
//! | Waiting      | reset                  |          | Off                  |
//! | Busy         | reset                  |          | Off                  |
//! | Busy, then T | reset                  |          | Off                  |
//! | Bound        | reset                  |          | Off                  |
//! | Waiting      | hurry                  |          | Off                  |
//! | Waiting      | unwanted               |          | Off                  |
//! | Bound        | unwanted               |          | Bound, no refresh    |
//! | Busy, then T | unwanted               |          | Busy                 |
//! | Waiting      | changed, bound         |          | Waiting (now)        |
//! | Bound        | changed, bound         |          | Bound (now)          |
//! | Busy         | changed, bound         |          | Busy, then now       |
//! | Busy, then T | changed, bound         |          | Busy, then now       |
//! | Bound        | lapsed                 |          | Waiting (as refresh) |
//!
//! What is not listed changes nothing. `Busy, then T` is a REGISTER in flight with a time to act after it
//! (`then`): that of the refresh or retry, which a query must not delete, or now, because the content of the
//! binding has changed in the meantime. A grant keeps the earlier of both times.

use crate::time::Timestamp;
use crate::timer::TimerKey;

/// The purpose of a REGISTER.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum RegisterKind {
    /// To remove all bindings of the address-of-record (RFC 3261 section 10.2.2).
    RemoveAll,
    /// To learn the bindings (RFC 3261 section 10.2.3).
    Fetch,
    /// To remove the own binding (RFC 3261 section 10.2.2).
    Remove,
    /// To make or refresh the own binding.
    Refresh,
}

/// The state of a binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BindingState {
    /// Nothing is waited for: without a connection, or not registered yet.
    Off,
    /// The next REGISTER is due at this time.
    Waiting(Timestamp),
    /// A REGISTER is in flight; when to act after it, if that is known.
    Busy(RegisterKind, Option<Timestamp>),
    /// The registrar holds the binding; the time of its refresh, unless it is to be removed.
    Bound(Option<Timestamp>),
}

/// The inputs of a binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BindingInput {
    /// The agent is to register at this time, delayed because many agents may reconnect at once.
    Wait(Timestamp),
    /// A REGISTER of this kind goes out.
    Send(RegisterKind),
    /// A 2xx granted the binding; it is refreshed at this time.
    Granted(Timestamp),
    /// The REGISTER is complete and did not change the binding.
    Done,
    /// The REGISTER failed and is tried again at this time.
    Failed(Timestamp),
    /// The connection is lost, the binding is removed, or no retry follows.
    Reset,
    /// A waiting retry may go out now.
    Hurry,
    /// The application no longer wants to be registered.
    Unwanted,
    /// The content of the binding has changed, so that it is refreshed early, at this time.
    Changed(Timestamp),
    /// The binding lapsed at the registrar.
    Lapsed,
}

impl BindingState {
    /// Takes one input; `bound` says whether the registrar holds the binding, as far as the core knows.
    pub(super) fn step(self, input: BindingInput, bound: bool) -> Self {
        use BindingInput::{
            Changed, Done, Failed, Granted, Hurry, Lapsed, Reset, Send, Unwanted, Wait,
        };
        match (self, input) {
            (_, Reset) => Self::Off,
            (Self::Off | Self::Waiting(_) | Self::Bound(_), Wait(at)) => Self::Waiting(at),
            (Self::Off | Self::Waiting(_) | Self::Bound(_), Send(kind)) => {
                let resumes = kind == RegisterKind::Fetch;
                Self::Busy(kind, self.act_at().filter(|_| resumes))
            }
            (Self::Busy(_, None), Granted(at)) => Self::Bound(Some(at)),
            (Self::Busy(_, Some(then)), Granted(at)) => Self::Bound(Some(at.min(then))),
            (Self::Busy(_, then), Done) if bound => Self::Bound(then),
            (Self::Busy(_, then), Done) => then.map_or(Self::Off, Self::Waiting),
            (Self::Busy(..), Failed(at)) => Self::Waiting(at),
            (Self::Waiting(_), Hurry | Unwanted) => Self::Off,
            (Self::Bound(_), Unwanted) => Self::Bound(None),
            (Self::Busy(kind, _), Unwanted) => Self::Busy(kind, None),
            (Self::Waiting(_), Changed(now)) if bound => Self::Waiting(now),
            (Self::Bound(_), Changed(now)) if bound => Self::Bound(Some(now)),
            (Self::Busy(kind, _), Changed(now)) if bound => Self::Busy(kind, Some(now)),
            (Self::Bound(at), Lapsed) => at.map_or(Self::Off, Self::Waiting),
            _ => self,
        }
    }

    /// The time of the next REGISTER.
    pub(super) const fn act_at(self) -> Option<Timestamp> {
        match self {
            Self::Off => None,
            Self::Waiting(at) => Some(at),
            Self::Busy(_, then) => then,
            Self::Bound(at) => at,
        }
    }
}

/// The binding on one flow.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Binding {
    state: BindingState,
    /// When the binding lapses, if there is one.
    bound_until: Option<Timestamp>,
    /// The timer of refresh, retry and lapse; armed while one of them is pending.
    pub(crate) timer: Option<TimerKey>,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// Whether a REGISTER for it has succeeded or failed on this connection.
    pub(crate) attempted: bool,
    /// Whether there was a connection before, so that many agents may be reconnecting at once.
    pub(crate) reconnecting: bool,
}

impl Binding {
    pub(crate) const fn new() -> Self {
        Self {
            state: BindingState::Off,
            bound_until: None,
            timer: None,
            failures: 0,
            attempted: false,
            reconnecting: false,
        }
    }

    /// Takes one input.
    pub(crate) fn step(&mut self, input: BindingInput) {
        #[cfg(not(test))]
        let next = self.state.step(input, self.is_bound());
        // A test may break a row.
        #[cfg(test)]
        let next = super::broken::step(self.state, input, self.is_bound());
        self.state = next;
    }

    /// Whether the registrar holds the binding, as far as the core knows.
    pub(crate) const fn is_bound(&self) -> bool {
        self.bound_until.is_some()
    }

    /// Records that the registrar holds the binding until `at`.
    pub(crate) fn bind_until(&mut self, at: Timestamp) {
        self.bound_until = Some(at);
    }

    /// Records that the registrar no longer holds the binding; returns whether it did.
    pub(crate) fn unbind(&mut self) -> bool {
        self.bound_until.take().is_some()
    }

    /// When the binding lapses.
    pub(crate) const fn bound_until(&self) -> Option<Timestamp> {
        self.bound_until
    }

    /// Whether no REGISTER is in flight.
    pub(crate) const fn is_idle(&self) -> bool {
        !matches!(self.state, BindingState::Busy(..))
    }

    /// Whether a REGISTER is to follow a failure or a reconnect, for tests.
    #[cfg(test)]
    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(self.state, BindingState::Waiting(_))
    }

    /// The purpose of the REGISTER in flight.
    pub(crate) const fn kind(&self) -> Option<RegisterKind> {
        match self.state {
            BindingState::Busy(kind, _) => Some(kind),
            _ => None,
        }
    }

    /// The time of the next REGISTER, apart from the lapse.
    pub(crate) const fn act_at(&self) -> Option<Timestamp> {
        self.state.act_at()
    }

    /// Whether the time of the next REGISTER has come.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.act_at().is_none_or(|at| at <= now)
    }
}
