//! Rows of the table of a binding that are broken on purpose, each of which the exploration has to catch.

extern crate std;

use core::cell::Cell;

use super::RegisterKind;
use super::binding::{BindingInput, BindingState};

/// One row of the machine, broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// Busy, granted: bound without a refresh.
    GrantIsNeverRefreshed,
    /// Busy, failed: off.
    FailureIsNeverRetried,
    /// Busy, reset: nothing happens.
    LossLeavesARegisterInFlight,
    /// Waiting, hurry: nothing happens.
    WaitIgnoresTheApplication,
    /// Busy to fetch, done: off.
    QueryForgetsTheRefresh,
    /// Off, wait: nothing happens.
    ReturnDoesNotRegister,
    /// Busy, granted: still busy.
    GrantLeavesARegisterInFlight,
}

impl Broken {
    pub(crate) const ALL: [Self; 7] = [
        Self::GrantIsNeverRefreshed,
        Self::FailureIsNeverRetried,
        Self::LossLeavesARegisterInFlight,
        Self::WaitIgnoresTheApplication,
        Self::QueryForgetsTheRefresh,
        Self::ReturnDoesNotRegister,
        Self::GrantLeavesARegisterInFlight,
    ];

    /// Breaks this row for the bindings of this thread.
    pub(crate) fn breaks<T>(self, run: impl FnOnce() -> T) -> T {
        BROKEN.set(Some(self));
        let outcome = run();
        BROKEN.set(None);
        outcome
    }

    fn step(self, state: BindingState, input: BindingInput, bound: bool) -> BindingState {
        let next = state.step(input, bound);
        match (self, state, input) {
            (Self::GrantIsNeverRefreshed, BindingState::Busy(..), BindingInput::Granted(_)) => {
                BindingState::Bound(None)
            }
            (Self::FailureIsNeverRetried, BindingState::Busy(..), BindingInput::Failed(_)) => {
                BindingState::Off
            }
            (Self::LossLeavesARegisterInFlight, BindingState::Busy(..), BindingInput::Reset)
            | (
                Self::GrantLeavesARegisterInFlight,
                BindingState::Busy(..),
                BindingInput::Granted(_),
            )
            | (Self::WaitIgnoresTheApplication, BindingState::Waiting(_), BindingInput::Hurry)
            | (Self::ReturnDoesNotRegister, BindingState::Off, BindingInput::Wait(_)) => state,
            (
                Self::QueryForgetsTheRefresh,
                BindingState::Busy(RegisterKind::Fetch, _),
                BindingInput::Done,
            ) => BindingState::Off,
            _ => next,
        }
    }
}

std::thread_local! {
    static BROKEN: Cell<Option<Broken>> = const { Cell::new(None) };
}

/// A step of a binding, as it is or with its broken row.
pub(super) fn step(state: BindingState, input: BindingInput, bound: bool) -> BindingState {
    match BROKEN.get() {
        Some(broken) => broken.step(state, input, bound),
        None => state.step(input, bound),
    }
}
