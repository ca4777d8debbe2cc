//! The machine of a subscription of a peer (RFC 6665 section 4.2).
//!
//! | state | input | does | next |
//! |-------|-------|------|------|
//! | Unanswered | accept | 200, NOTIFY | Notifying |
//! | Unanswered | last accept | 200, NOTIFY | Ending |
//! | Unanswered | reject | refusal | (over) |
//! | Unanswered | give up, stop, end of dialog | refusal, end | (over) |
//! | Unanswered | loss | end | (over) |
//! | Unanswered | refresh, unsubscribe | 500 | same |
//! | Quiet | report | NOTIFY | Notifying |
//! | Quiet | last report, expiry, stop | NOTIFY | Ending |
//! | Quiet, Deferred, Waiting | refresh | 200, NOTIFY | Notifying |
//! | Quiet, Deferred, Waiting | unsubscribe | 200, NOTIFY | Ending |
//! | Notifying | report |  | Backlogged |
//! | Notifying, Backlogged | refresh | 200 | Backlogged |
//! | Notifying, Backlogged | unsubscribe | 200 | Backlogged with last |
//! | Notifying, Backlogged | last report, expiry, stop |  | Backlogged with last |
//! | Notifying | delivery |  | Quiet |
//! | Backlogged | delivery | NOTIFY | Notifying |
//! | Backlogged with last | delivery | NOTIFY | Ending |
//! | Notifying, Backlogged | deferral |  | Deferred |
//! | Backlogged with last, Ending | deferral |  | Deferred with last |
//! | Deferred | last report, expiry, stop |  | Deferred with last |
//! | Deferred | retry | NOTIFY | Notifying |
//! | Deferred with last | retry | NOTIFY | Ending |
//! | Notifying, Backlogged | loss |  | Waiting |
//! | Backlogged with last, Ending | loss |  | Waiting with last |
//! | Waiting | last report, expiry, stop |  | Waiting with last |
//! | Waiting | connection | NOTIFY | Notifying |
//! | Waiting with last | connection | NOTIFY | Ending |
//! | Waiting, Waiting with last | give up, no connection | end | (over) |
//! | Notifying, Backlogged, Backlogged with last, Ending | failure | end | (over) |
//! | Ending | delivery | end | (over) |
//! | Backlogged with last, Deferred with last, Waiting with last, Ending | refresh, unsubscribe | 481 | same |
//! | Quiet, Notifying, Backlogged, Backlogged with last, Deferred, Deferred with last, Waiting, Waiting with last, Ending | end of dialog | end | (over) |
//!
//! What is not listed changes nothing. A `report` is a state that the application reports, a `last report` one that terminates
//! the subscription. `accept` is the answer of the application with the first state; `last accept` one that terminates the
//! subscription at once, because the state says so or because the peer asked for the state once (RFC 6665 section 4.4.3). One
//! NOTIFY is in flight at a time (RFC 6665 section 4.2.2), and it carries the state that was the last when it went out; so a
//! later state replaces one that waits, and the last one is never replaced. A `refresh` is a SUBSCRIBE of the peer within the
//! subscription (RFC 6665 section 4.2.1.4), `unsubscribe` one with Expires 0. `delivery` is a 2xx to the NOTIFY, `deferral` a
//! failure with Retry-After, `failure` another one or no response (RFC 6665 section 4.2.2), and `loss` that the connection broke,
//! or that there is none. `no connection` says that none will open. `give up` is the time of the application to answer, or that
//! of a NOTIFY to wait for a connection; `retry` the time of Retry-After; `expiry` that of the subscription. The `end of dialog`
//! is that of the agent, too.

use smallvec::{SmallVec, smallvec};

/// The state of a subscription of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// The application has neither accepted nor rejected it.
    Unanswered,
    /// Every NOTIFY is answered.
    Quiet,
    /// A NOTIFY is in flight.
    Notifying,
    /// A NOTIFY is in flight, and a further one waits: the last one, if it has an ending.
    Backlogged(Option<Ending>),
    /// A NOTIFY waits for the time that the peer has named.
    Deferred(Option<Ending>),
    /// A NOTIFY waits for a connection.
    Waiting(Option<Ending>),
    /// The last NOTIFY is in flight.
    Ending(Ending),
}

/// Why a subscription terminates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// The application terminates it.
    Terminated,
    /// The peer has not refreshed it in time.
    Expired,
    /// The peer ends it, or asked for the state once.
    Unsubscribed,
    /// The agent stops.
    Stopped,
}

/// An input of the machine: the column `input` of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// With an ending: `last accept`.
    Accept(Option<Ending>),
    Reject,
    Report,
    LastReport,
    Refresh,
    Unsubscribe,
    Delivered,
    Deferred,
    Failed,
    Lost,
    Connected,
    Abandoned,
    GiveUp,
    Retry,
    Expiry,
    Stop,
    DialogEnded,
}

/// An effect of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// Answer the SUBSCRIBE by 200.
    Accept,
    /// Answer it as the application asks.
    Reject,
    /// Refuse it, because the application has not answered it.
    Refuse,
    /// Refuse a SUBSCRIBE within the subscription by 500, because the one before has no answer yet (RFC 3261 section 14.2).
    Overlap,
    /// Refuse a SUBSCRIBE within the subscription by 481, because that ends.
    Gone,
    /// Send a NOTIFY with the last state; with an ending, the last one.
    Notify(Option<Ending>),
    /// The subscription is over.
    End(End),
}

/// The cause of the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Terminated,
    Expired,
    Unsubscribed,
    DialogEnded,
    Unanswered,
    NotifyFailed,
}

pub(super) type Effects = SmallVec<[Effect; 2]>;

impl From<Ending> for End {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Terminated => Self::Terminated,
            Ending::Expired => Self::Expired,
            Ending::Unsubscribed => Self::Unsubscribed,
            Ending::Stopped => Self::DialogEnded,
        }
    }
}

impl State {
    /// Takes one input; `None` means that the entry of the subscription is freed.
    pub(super) fn step(self, input: Input) -> (Option<Self>, Effects) {
        match (self, input) {
            (Self::Unanswered, input) => Self::unanswered(input),
            (state, Input::DialogEnded) => over(match state {
                Self::Ending(ending) => ending.into(),
                _ => End::DialogEnded,
            }),
            (Self::Waiting(ending), Input::GiveUp | Input::Abandoned) => {
                over(ending.map_or(End::NotifyFailed, End::from))
            }
            (Self::Notifying | Self::Backlogged(_), Input::Failed) => over(End::NotifyFailed),
            (Self::Ending(ending), Input::Failed | Input::Delivered) => over(ending.into()),
            (state, Input::Refresh | Input::Unsubscribe) if state.is_ending() => {
                (Some(state), smallvec![Effect::Gone])
            }
            (state, Input::Refresh) => state.due(None, &[Effect::Accept], true),
            (state, Input::Unsubscribe) => {
                state.due(Some(Ending::Unsubscribed), &[Effect::Accept], true)
            }
            (state, Input::Report) => state.due(None, &[], false),
            (state, Input::LastReport) => state.due(Some(Ending::Terminated), &[], false),
            (state, Input::Expiry) => state.due(Some(Ending::Expired), &[], false),
            (state, Input::Stop) => state.due(Some(Ending::Stopped), &[], false),
            (Self::Notifying, Input::Delivered) => (Some(Self::Quiet), Effects::new()),
            (Self::Backlogged(waits), Input::Delivered)
            | (Self::Deferred(waits), Input::Retry)
            | (Self::Waiting(waits), Input::Connected) => notify(waits, &[]),
            (state, Input::Deferred) => state.put_off(Self::Deferred),
            (state, Input::Lost) => state.put_off(Self::Waiting),
            (state, _) => (Some(state), Effects::new()),
        }
    }

    /// Whether the last NOTIFY waits or is in flight.
    pub(super) const fn is_ending(self) -> bool {
        matches!(
            self,
            Self::Backlogged(Some(_))
                | Self::Deferred(Some(_))
                | Self::Waiting(Some(_))
                | Self::Ending(_)
        )
    }

    /// Whether a NOTIFY is in flight.
    pub(super) const fn is_notifying(self) -> bool {
        matches!(
            self,
            Self::Notifying | Self::Backlogged(_) | Self::Ending(_)
        )
    }

    fn unanswered(input: Input) -> (Option<Self>, Effects) {
        match input {
            Input::Accept(ending) => notify(ending, &[Effect::Accept]),
            Input::Reject => (None, smallvec![Effect::Reject]),
            Input::GiveUp => (
                None,
                smallvec![Effect::Refuse, Effect::End(End::Unanswered)],
            ),
            Input::Stop | Input::DialogEnded => (
                None,
                smallvec![Effect::Refuse, Effect::End(End::DialogEnded)],
            ),
            Input::Lost => over(End::Unanswered),
            Input::Refresh | Input::Unsubscribe => {
                (Some(Self::Unanswered), smallvec![Effect::Overlap])
            }
            _ => (Some(Self::Unanswered), Effects::new()),
        }
    }

    /// A NOTIFY is due: the last one, if it has an ending. It waits for the one in flight; for a connection or for the time of
    /// Retry-After only unless the peer has shown that it can be reached.
    fn due(
        self,
        ending: Option<Ending>,
        first: &[Effect],
        is_reachable: bool,
    ) -> (Option<Self>, Effects) {
        let next = match self {
            state if state.is_ending() => state,
            Self::Notifying | Self::Backlogged(_) => Self::Backlogged(ending),
            Self::Deferred(_) if !is_reachable => Self::Deferred(ending),
            Self::Waiting(_) if !is_reachable => Self::Waiting(ending),
            _ => return notify(ending, first),
        };
        (Some(next), first.into())
    }

    /// The NOTIFY in flight has to be sent again, or the one that waits in its place.
    fn put_off(self, until: impl FnOnce(Option<Ending>) -> Self) -> (Option<Self>, Effects) {
        let next = match self {
            Self::Notifying => until(None),
            Self::Backlogged(waits) => until(waits),
            Self::Ending(ending) => until(Some(ending)),
            state => state,
        };
        (Some(next), Effects::new())
    }
}

/// Sends a NOTIFY: the last one, if it has an ending.
fn notify(ending: Option<Ending>, first: &[Effect]) -> (Option<State>, Effects) {
    let next = ending.map_or(State::Notifying, State::Ending);
    let mut effects = Effects::from(first);
    effects.push(Effect::Notify(ending));
    (Some(next), effects)
}

fn over(end: End) -> (Option<State>, Effects) {
    (None, smallvec![Effect::End(end)])
}
