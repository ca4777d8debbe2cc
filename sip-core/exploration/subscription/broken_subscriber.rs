//! Rows of the table of a subscription of this side that are broken on purpose, each of which the exploration has to catch.

extern crate std;

use core::cell::Cell;

use super::machine::{Effect, Effects, Ending, Input, State};

/// One row of the machine, broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// Sent, NOTIFY: nothing happens.
    FirstNotifyIsIgnored,
    /// Accepted, NOTIFY: no deadlines.
    LeaseIsNotSet,
    /// Sent, refusal: nothing happens.
    RefusalIsIgnored,
    /// Notified, 2xx: nothing happens.
    AcceptedIsIgnored,
    /// Subscribed, due: nothing happens.
    RefreshIsNotSent,
    /// Subscribed, last NOTIFY: nothing happens.
    LastNotifyIsIgnored,
    /// Subscribed, last NOTIFY: ended twice.
    EndsTwice,
    /// Subscribed, last NOTIFY: the end is not reported.
    EndIsNotReported,
    /// Subscribed, last NOTIFY with retry: over.
    ComebackIsForgotten,
    /// Subscribed, last NOTIFY: back off.
    RejectionIsRetried,
    /// BackingOff, due: nothing happens.
    BackOffHasNoEnd,
    /// Offline, connection: nothing happens.
    OfflineIgnoresItsConnection,
    /// Subscribed, unsubscribe: over without SUBSCRIBE.
    UnsubscribeIsNotSent,
    /// Refreshing, unsubscribe: a second SUBSCRIBE.
    TwoSubscribesAreInFlight,
    /// Cancelled, NOTIFY: nothing happens.
    CancelledKeepsTheSubscription,
    /// Parting, 2xx: nothing happens.
    PartingStays,
}

impl Broken {
    pub(crate) const ALL: [Self; 16] = [
        Self::FirstNotifyIsIgnored,
        Self::LeaseIsNotSet,
        Self::RefusalIsIgnored,
        Self::AcceptedIsIgnored,
        Self::RefreshIsNotSent,
        Self::LastNotifyIsIgnored,
        Self::EndsTwice,
        Self::EndIsNotReported,
        Self::ComebackIsForgotten,
        Self::RejectionIsRetried,
        Self::BackOffHasNoEnd,
        Self::OfflineIgnoresItsConnection,
        Self::UnsubscribeIsNotSent,
        Self::TwoSubscribesAreInFlight,
        Self::CancelledKeepsTheSubscription,
        Self::PartingStays,
    ];

    /// Breaks this row for the subscriptions of this thread.
    pub(crate) fn breaks<T>(self, run: impl FnOnce() -> T) -> T {
        BROKEN.set(Some(self));
        let outcome = run();
        BROKEN.set(None);
        outcome
    }

    fn step(self, state: State, input: Input) -> (Option<State>, Effects) {
        let (next, effects) = state.step(input);
        let effect = |next: Option<State>, effects: &[Effect]| {
            let effects = effects.iter().copied().collect::<Effects>();
            (next, effects)
        };
        let terminated = Ending::Terminated;
        match (self, state, input) {
            (Self::FirstNotifyIsIgnored, State::Sent, Input::Notify)
            | (Self::RefusalIsIgnored, State::Sent, Input::Refused { .. })
            | (Self::AcceptedIsIgnored, State::Notified, Input::Accepted)
            | (Self::RefreshIsNotSent, State::Subscribed, Input::Due)
            | (Self::LastNotifyIsIgnored, State::Subscribed, Input::LastNotify { .. })
            | (Self::BackOffHasNoEnd, State::BackingOff, Input::Due)
            | (Self::OfflineIgnoresItsConnection, State::Offline, Input::Connected)
            | (Self::CancelledKeepsTheSubscription, State::Cancelled, Input::Notify)
            | (Self::PartingStays, State::Parting, Input::Accepted) => effect(Some(state), &[]),
            (Self::LeaseIsNotSet, State::Accepted, Input::Notify) => {
                effect(next, &[Effect::Settle])
            }
            (Self::EndsTwice, State::Subscribed, Input::LastNotify { again: false }) => {
                effect(None, &[Effect::End(terminated), Effect::End(terminated)])
            }
            (Self::EndIsNotReported, State::Subscribed, Input::LastNotify { again: false }) => {
                effect(None, &[])
            }
            (Self::ComebackIsForgotten, State::Subscribed, Input::LastNotify { again: true }) => {
                effect(None, &[Effect::End(terminated)])
            }
            (Self::RejectionIsRetried, State::Subscribed, Input::LastNotify { again: false }) => {
                effect(Some(State::BackingOff), &[Effect::BackOff(terminated)])
            }
            (Self::UnsubscribeIsNotSent, State::Subscribed, Input::Unsubscribe) => {
                effect(None, &[Effect::End(Ending::Unsubscribed)])
            }
            (Self::TwoSubscribesAreInFlight, State::Refreshing, Input::Unsubscribe) => {
                let effects = [Effect::Unsubscribe, Effect::Await];
                effect(Some(State::Leaving), &effects)
            }
            _ => (next, effects),
        }
    }
}

std::thread_local! {
    static BROKEN: Cell<Option<Broken>> = const { Cell::new(None) };
}

/// A step of a subscription of this side, as it is or with its broken row.
pub(super) fn step(state: State, input: Input) -> (Option<State>, Effects) {
    match BROKEN.get() {
        Some(broken) => broken.step(state, input),
        None => state.step(input),
    }
}
