//! Rows of the table of a subscription of a peer that are broken on purpose, each of which the exploration has to catch.

extern crate std;

use core::cell::Cell;

use super::machine::{Effect, Effects, End, Ending, Input, State};

/// One row of the machine, broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// Unanswered, accept: no NOTIFY.
    AcceptIsNotNotified,
    /// Quiet, refresh: no NOTIFY.
    RefreshIsNotNotified,
    /// Quiet, refresh: no 200.
    RefreshIsNotAnswered,
    /// Quiet, unsubscribe: over without NOTIFY.
    UnsubscribeIsNotNotified,
    /// Quiet, report: nothing happens.
    QuietIgnoresAReport,
    /// Notifying, report: a second NOTIFY.
    TwoNotifiesAreInFlight,
    /// Notifying, report: nothing happens.
    NotifyingForgetsAReport,
    /// Notifying, last report: nothing happens.
    NotifyingForgetsTheLast,
    /// Backlogged, delivery: Quiet.
    BacklogIsNeverSent,
    /// Ending, refresh: 200 and a further NOTIFY.
    EndingIsRefreshed,
    /// Ending, delivery: nothing happens.
    EndingIgnoresItsDelivery,
    /// Ending, delivery: the end is not reported.
    EndIsNotReported,
    /// Ending, loss: over without its end.
    LossForgetsTheLast,
    /// Quiet, expiry: nothing happens.
    ExpiryIsIgnored,
    /// Waiting with last, connection: nothing happens.
    ConnectionIsIgnored,
    /// Notifying, failure: Quiet.
    FailureKeepsTheSubscription,
}

impl Broken {
    pub(crate) const ALL: [Self; 16] = [
        Self::AcceptIsNotNotified,
        Self::RefreshIsNotNotified,
        Self::RefreshIsNotAnswered,
        Self::UnsubscribeIsNotNotified,
        Self::QuietIgnoresAReport,
        Self::TwoNotifiesAreInFlight,
        Self::NotifyingForgetsAReport,
        Self::NotifyingForgetsTheLast,
        Self::BacklogIsNeverSent,
        Self::EndingIsRefreshed,
        Self::EndingIgnoresItsDelivery,
        Self::EndIsNotReported,
        Self::LossForgetsTheLast,
        Self::ExpiryIsIgnored,
        Self::ConnectionIsIgnored,
        Self::FailureKeepsTheSubscription,
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
        let nothing = (Some(state), Effects::new());
        let without = |dropped: fn(&Effect) -> bool| {
            let kept = effects.iter().filter(|effect| !dropped(effect));
            kept.copied().collect::<Effects>()
        };
        let notifies = |effect: &Effect| matches!(effect, Effect::Notify(_));
        match (self, state, input) {
            (Self::AcceptIsNotNotified, State::Unanswered, Input::Accept(None))
            | (Self::RefreshIsNotNotified, State::Quiet, Input::Refresh) => {
                (Some(State::Quiet), without(notifies))
            }
            (Self::RefreshIsNotAnswered, State::Quiet, Input::Refresh) => {
                (next, without(|effect| *effect == Effect::Accept))
            }
            (Self::UnsubscribeIsNotNotified, State::Quiet, Input::Unsubscribe) => {
                let effects = [Effect::Accept, Effect::End(End::Unsubscribed)];
                (None, effects.into_iter().collect())
            }
            (Self::QuietIgnoresAReport, State::Quiet, Input::Report)
            | (Self::NotifyingForgetsAReport, State::Notifying, Input::Report)
            | (Self::NotifyingForgetsTheLast, State::Notifying, Input::LastReport)
            | (Self::EndingIgnoresItsDelivery, State::Ending(_), Input::Delivered)
            | (Self::ExpiryIsIgnored, State::Quiet, Input::Expiry)
            | (Self::ConnectionIsIgnored, State::Waiting(Some(_)), Input::Connected) => nothing,
            (Self::TwoNotifiesAreInFlight, State::Notifying, Input::Report) => {
                let effects = [Effect::Notify(None)];
                (Some(State::Notifying), effects.into_iter().collect())
            }
            (Self::BacklogIsNeverSent, State::Backlogged(None), Input::Delivered)
            | (Self::FailureKeepsTheSubscription, State::Notifying, Input::Failed) => {
                (Some(State::Quiet), Effects::new())
            }
            (Self::EndingIsRefreshed, State::Ending(Ending::Terminated), Input::Refresh) => (
                Some(State::Backlogged(None)),
                [Effect::Accept].into_iter().collect(),
            ),
            (Self::EndIsNotReported, State::Ending(_), Input::Delivered)
            | (Self::LossForgetsTheLast, State::Ending(_), Input::Lost) => (None, Effects::new()),
            _ => (next, effects),
        }
    }
}

std::thread_local! {
    static BROKEN: Cell<Option<Broken>> = const { Cell::new(None) };
}

/// A step of a subscription of a peer, as it is or with its broken row.
pub(super) fn step(state: State, input: Input) -> (Option<State>, Effects) {
    match BROKEN.get() {
        Some(broken) => broken.step(state, input),
        None => state.step(input),
    }
}
