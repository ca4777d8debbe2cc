//! Rows of the table of a publication that are broken on purpose, each of which the exploration has to catch.

extern crate std;

use core::cell::Cell;

use super::machine::{
    Next, PublicationEffect, PublicationEffects, PublicationInput, PublicationState, PublishKind,
    Task,
};

/// One row of the machine, broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// Busy, 2xx: no refresh.
    GrantIsNeverRefreshed,
    /// Published, timer: nothing happens.
    RefreshIsNotSent,
    /// Published, modify: nothing happens.
    ChangeIsForgotten,
    /// Busy, modify: nothing happens.
    ChangeInFlightIsForgotten,
    /// Busy, modify: a second PUBLISH.
    TwoAreInFlight,
    /// Busy, then publish, 2xx: Published.
    ChangeThatWaitsIsForgotten,
    /// Busy, 412: over.
    UnknownTagIsAFailure,
    /// Busy, 412: the tag is kept.
    UnknownTagIsKept,
    /// Published, remove: over without PUBLISH.
    RemovalIsNotSent,
    /// Busy, then remove, 2xx: Published.
    RemovalThatWaitsIsForgotten,
    /// Busy remove, 2xx: the end is not reported.
    EndIsNotReported,
    /// Busy, failure: no timer.
    FailureIsNeverRetried,
    /// Busy, lost connection: nothing happens.
    LossIsIgnored,
    /// Waiting, turn: nothing happens.
    TurnIsIgnored,
    /// Busy, 423: nothing happens.
    TooBriefIsIgnored,
}

impl Broken {
    pub(crate) const ALL: [Self; 15] = [
        Self::GrantIsNeverRefreshed,
        Self::RefreshIsNotSent,
        Self::ChangeIsForgotten,
        Self::ChangeInFlightIsForgotten,
        Self::TwoAreInFlight,
        Self::ChangeThatWaitsIsForgotten,
        Self::UnknownTagIsAFailure,
        Self::UnknownTagIsKept,
        Self::RemovalIsNotSent,
        Self::RemovalThatWaitsIsForgotten,
        Self::EndIsNotReported,
        Self::FailureIsNeverRetried,
        Self::LossIsIgnored,
        Self::TurnIsIgnored,
        Self::TooBriefIsIgnored,
    ];

    /// Breaks this row for the publications of this thread.
    pub(crate) fn breaks<T>(self, run: impl FnOnce() -> T) -> T {
        BROKEN.set(Some(self));
        let outcome = run();
        BROKEN.set(None);
        outcome
    }

    fn step(
        self,
        state: PublicationState,
        input: PublicationInput,
        held: bool,
    ) -> (Option<PublicationState>, PublicationEffects) {
        use PublicationEffect as Effect;
        use PublicationInput as Input;
        use PublicationState as State;
        let (next, effects) = state.step(input, held);
        let nothing = (Some(state), PublicationEffects::new());
        let without = |dropped: Effect| {
            let kept = effects.iter().filter(|effect| **effect != dropped);
            kept.copied().collect::<PublicationEffects>()
        };
        let published = |effects: &[Effect]| {
            let effects = effects.iter().copied().collect::<PublicationEffects>();
            (Some(State::Published), effects)
        };
        match (self, state, input) {
            (Self::GrantIsNeverRefreshed, State::Busy(_, Next::Nothing), Input::Accepted)
                if next.is_some() =>
            {
                (next, without(Effect::AwaitRefresh))
            }
            (Self::RefreshIsNotSent, State::Published, Input::Timeout)
            | (Self::ChangeIsForgotten, State::Published, Input::Modify)
            | (Self::ChangeInFlightIsForgotten, State::Busy(..), Input::Modify)
            | (Self::LossIsIgnored, State::Busy(..), Input::Lost)
            | (Self::TurnIsIgnored, State::Waiting(Task::Publish), Input::Turn)
            | (Self::TooBriefIsIgnored, State::Busy(..), Input::TooBrief) => nothing,
            (Self::TwoAreInFlight, State::Busy(PublishKind::Refresh, _), Input::Modify) => {
                let send = [Effect::Send(PublishKind::Modify)];
                (Some(state), send.into_iter().collect())
            }
            (Self::ChangeThatWaitsIsForgotten, State::Busy(_, Next::Publish), Input::Accepted)
            | (Self::RemovalThatWaitsIsForgotten, State::Busy(_, Next::Remove), Input::Accepted) => {
                published(&[Effect::Report, Effect::AwaitRefresh])
            }
            (Self::UnknownTagIsAFailure, State::Busy(..), Input::TagUnknown) => {
                (None, PublicationEffects::new())
            }
            (Self::UnknownTagIsKept, State::Busy(kind, _), Input::TagUnknown)
                if kind != PublishKind::Initial && kind != PublishKind::Remove =>
            {
                let send = [Effect::Send(PublishKind::Modify)];
                (
                    Some(State::Busy(PublishKind::Modify, Next::Nothing)),
                    send.into_iter().collect(),
                )
            }
            (Self::RemovalIsNotSent, State::Published, Input::Remove) => {
                let ending = super::machine::PublicationEnding::Removed;
                (None, [Effect::End(ending)].into_iter().collect())
            }
            (Self::EndIsNotReported, State::Busy(PublishKind::Remove, _), Input::Accepted) => {
                (None, PublicationEffects::new())
            }
            (Self::FailureIsNeverRetried, State::Busy(..), Input::Failed) => {
                (next, without(Effect::Retry))
            }
            _ => (next, effects),
        }
    }
}

std::thread_local! {
    static BROKEN: Cell<Option<Broken>> = const { Cell::new(None) };
}

/// A step of a publication, as it is or with its broken row.
pub(super) fn step(
    state: PublicationState,
    input: PublicationInput,
    held: bool,
) -> (Option<PublicationState>, PublicationEffects) {
    match BROKEN.get() {
        Some(broken) => broken.step(state, input, held),
        None => state.step(input, held),
    }
}
