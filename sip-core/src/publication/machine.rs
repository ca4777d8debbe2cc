//! The machine of one publication (RFC 3903 section 4).
//!
//! | state | input | does | next |
//! |-------|-------|------|------|
//! | Queued | turn | send initial | Busy initial |
//! | Queued | remove | end removed | (over) |
//! | Queued | timer | end timed out | (over) |
//! | Queued | no connection will open | end stopped | (over) |
//! | Waiting to publish, Waiting to refresh | turn | send as due | Busy as due |
//! | Waiting to publish, Waiting to refresh | modify |  | Waiting to publish |
//! | Waiting to publish, Waiting to refresh | remove, held | limit wait | Waiting to remove |
//! | Waiting to publish, Waiting to refresh | remove, not held | end removed | (over) |
//! | Waiting to publish, Waiting to refresh | no connection will open | end stopped | (over) |
//! | Waiting to remove | turn, held | send remove | Busy remove |
//! | Waiting to remove | turn, not held | end removed | (over) |
//! | Waiting to remove | timer | end timed out | (over) |
//! | Waiting to remove | no connection will open | end stopped | (over) |
//! | Retrying to publish, Retrying to refresh | timer | send as due | Busy as due |
//! | Retrying to publish, Retrying to refresh | modify |  | Retrying to publish |
//! | Retrying to publish, Retrying to refresh | remove, held | send remove | Busy remove |
//! | Retrying to publish, Retrying to refresh | remove, not held | end removed | (over) |
//! | Published | timer, held | send refresh | Busy refresh |
//! | Published | timer, not held | send initial | Busy initial |
//! | Published | modify, held | send modify | Busy modify |
//! | Published | modify, not held | send initial | Busy initial |
//! | Published | remove, held | send remove | Busy remove |
//! | Published | remove, not held | end removed | (over) |
//! | Busy | modify |  | Busy, then publish |
//! | Busy, then publish | modify |  | same |
//! | Busy, Busy, then publish | remove |  | Busy, then remove |
//! | Busy | 2xx | report, await refresh | Published |
//! | Busy, then publish | 2xx, held | report, send modify | Busy modify |
//! | Busy, then publish | 2xx, not held | report, send initial | Busy initial |
//! | Busy, then remove | 2xx, held | report, send remove | Busy remove |
//! | Busy, then remove | 2xx, not held | report, end removed | (over) |
//! | Busy remove | 2xx | end removed | (over) |
//! | Busy, Busy, then publish | 412 | forget, send initial | Busy initial |
//! | Busy, then remove | 412 | forget, end removed | (over) |
//! | Busy initial, Busy initial, then publish, Busy initial, then remove | 412 | end failed | (over) |
//! | Busy remove | 412 | forget, end removed | (over) |
//! | Busy | 423 | send again | Busy |
//! | Busy, then publish | 423, held | send modify | Busy modify |
//! | Busy, then publish | 423, not held | send initial | Busy initial |
//! | Busy, then remove | 423, held | send remove | Busy remove |
//! | Busy, then remove | 423, not held | end removed | (over) |
//! | Busy remove | 423 | end failed | (over) |
//! | Busy | failure that may pass | retry | Retrying as it was |
//! | Busy, then publish | failure that may pass | retry | Retrying to publish |
//! | Busy, then remove | failure that may pass, refusal, held | send remove | Busy remove |
//! | Busy, then remove | failure that may pass, not held | end failed | (over) |
//! | Busy, then remove | refusal, not held | end removed | (over) |
//! | Busy remove | failure that may pass | end failed | (over) |
//! | Busy, Busy, then publish, Busy remove | refusal | end failed | (over) |
//! | Busy | lost connection | report loss | Waiting as it was |
//! | Busy, then publish | lost connection | report loss | Waiting to publish |
//! | Busy, then remove | lost connection, held | report loss, limit wait | Waiting to remove |
//! | Busy, then remove | lost connection, not held | end failed | (over) |
//! | Busy remove | lost connection | report loss, limit wait | Waiting to remove |
//! | Busy | not sent |  | Waiting as it was |
//! | Busy, then publish | not sent |  | Waiting to publish |
//! | Busy, then remove, Busy remove | not sent | limit wait | Waiting to remove |
//! | Queued, Waiting to publish, Waiting to refresh, Waiting to remove, Retrying to publish, Retrying to refresh, Published, Busy, Busy, then publish, Busy, then remove, Busy remove | end | end stopped | (over) |
//!
//! What is not listed changes nothing. A row for a kind of PUBLISH precedes one for `Busy`, which stands for any but the one that
//! removes. `held` means that the server keeps the state under an entity tag that the core knows, as far as the core knows.
//! `turn` means that a connection can carry a PUBLISH and no other PUBLISH to the same target is in flight; `not sent` that
//! one of both is missing. `send as due` sends a PUBLISH that modifies or refreshes if the state is held, and an initial one
//! otherwise; `send again` the one that was refused, with the same Call-ID (RFC 3261 section 8.1.3.5). `as it was` is to refresh after a PUBLISH that refreshes, and to publish after the others. An initial PUBLISH is the
//! only answer to a 412, and a 412 to an initial one is final, so that a server cannot keep the core busy.
//! `report` is [`Event::Published`](crate::Event::Published), `retry` and `report loss` are
//! [`Event::PublicationFailed`](crate::Event::PublicationFailed), and each `end` is the one
//! [`Event::PublicationEnded`](crate::Event::PublicationEnded) of the publication.

use smallvec::{SmallVec, smallvec};

/// The kinds of PUBLISH (RFC 3903 section 4, table 1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PublishKind {
    /// A body and no entity tag: new state (section 4.2).
    Initial,
    /// An entity tag and no body (section 4.3).
    Refresh,
    /// An entity tag and a body (section 4.4).
    Modify,
    /// An entity tag, Expires 0 and no body (section 4.5).
    Remove,
}

/// What the publication has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    Publish,
    Refresh,
    Remove,
}

/// What follows the PUBLISH in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    Nothing,
    /// The application has changed the state meanwhile.
    Publish,
    /// The application has removed the publication meanwhile.
    Remove,
}

/// The state of a publication.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PublicationState {
    /// The first PUBLISH waits for its turn, 64 T1 at most.
    Queued,
    /// The next PUBLISH waits for its turn; one that removes waits 64 T1 at most.
    Waiting(Task),
    /// The next PUBLISH follows a failure, after a back-off.
    Retrying(Task),
    /// The server has answered; the timer is the next refresh.
    Published,
    /// A PUBLISH is in flight (RFC 3903 section 4: one at a time).
    Busy(PublishKind, Next),
}

/// An input of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PublicationInput {
    /// A PUBLISH may go out.
    Turn,
    /// The application has another state.
    Modify,
    /// The application removes the publication.
    Remove,
    /// The deadline has passed.
    Timeout,
    /// A 2xx; its entity tag is stored already.
    Accepted,
    /// 412: the server does not know the entity tag (RFC 3903 section 4.1).
    TagUnknown,
    /// 423, with a Min-Expires that the core has not tried yet.
    TooBrief,
    /// No final response in time, or a final one that may differ next time.
    Failed,
    /// Another final response of 300 to 699, or the PUBLISH cannot be sent at all.
    Refused,
    /// The connection of the PUBLISH is lost.
    Lost,
    /// There is no connection for the PUBLISH, or it is not its turn.
    NotSent,
    /// No further connection will open.
    GiveUp,
    /// The agent ends.
    End,
}

/// An effect of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PublicationEffect {
    Send(PublishKind),
    /// Sends the PUBLISH that was refused with the Expires that the server asks for.
    SendAgain,
    /// Drops the entity tag.
    Forget,
    /// The server has accepted a PUBLISH.
    Report,
    /// Sets the time of the refresh.
    AwaitRefresh,
    /// Reports the failure and sets the time of the next try.
    Retry,
    /// Reports the failure; the next connection is the next try.
    ReportLoss,
    /// Sets the end of the wait.
    LimitWait,
    End(PublicationEnding),
}

/// The end of a publication.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PublicationEnding {
    /// By command of the application, and the server does not hold the state.
    Removed,
    /// The last PUBLISH failed.
    Failed,
    /// No connection opened in time.
    TimedOut,
    /// The agent has stopped.
    Stopped,
}

pub(super) type PublicationEffects = SmallVec<[PublicationEffect; 2]>;

type Stepped = (Option<PublicationState>, PublicationEffects);

impl PublicationState {
    /// Takes one input; `held` says whether the server keeps the state under a known entity tag. `None` means that the entry
    /// of the publication is freed.
    pub(super) fn step(self, input: PublicationInput, held: bool) -> Stepped {
        use PublicationInput as Input;
        match (self, input) {
            (_, Input::End) => end(PublicationEnding::Stopped),
            (Self::Busy(kind, next), input) => busy(kind, next, input, held),
            (Self::Queued | Self::Waiting(_), Input::GiveUp) => end(PublicationEnding::Stopped),
            (Self::Queued, Input::Turn) => send(PublishKind::Initial),
            (Self::Queued, Input::Remove) => end(PublicationEnding::Removed),
            (Self::Queued | Self::Waiting(Task::Remove), Input::Timeout) => {
                end(PublicationEnding::TimedOut)
            }
            (Self::Waiting(task), Input::Turn) | (Self::Retrying(task), Input::Timeout) => {
                do_task(task, held)
            }
            (Self::Published, Input::Timeout) => do_task(Task::Refresh, held),
            (Self::Published, Input::Modify) => do_task(Task::Publish, held),
            (Self::Published | Self::Retrying(_), Input::Remove) => do_task(Task::Remove, held),
            (Self::Waiting(Task::Refresh), Input::Modify) => {
                (Some(Self::Waiting(Task::Publish)), SmallVec::new())
            }
            (Self::Retrying(Task::Refresh), Input::Modify) => {
                (Some(Self::Retrying(Task::Publish)), SmallVec::new())
            }
            (Self::Waiting(Task::Publish | Task::Refresh), Input::Remove) if held => {
                wait(Task::Remove, SmallVec::new())
            }
            (Self::Waiting(Task::Publish | Task::Refresh), Input::Remove) => {
                end(PublicationEnding::Removed)
            }
            _ => (Some(self), SmallVec::new()),
        }
    }
}

/// Takes an input while a PUBLISH is in flight.
fn busy(kind: PublishKind, next: Next, input: PublicationInput, held: bool) -> Stepped {
    use PublicationInput as Input;
    let stays = (Some(PublicationState::Busy(kind, next)), SmallVec::new());
    let removes = kind == PublishKind::Remove;
    match input {
        Input::Modify if !removes && next == Next::Nothing => {
            let state = PublicationState::Busy(kind, Next::Publish);
            (Some(state), SmallVec::new())
        }
        Input::Remove if !removes => {
            let state = PublicationState::Busy(kind, Next::Remove);
            (Some(state), SmallVec::new())
        }
        Input::Accepted | Input::TagUnknown if removes => {
            let (over, mut effects) = end(PublicationEnding::Removed);
            if input == Input::TagUnknown {
                effects.insert(0, PublicationEffect::Forget);
            }
            (over, effects)
        }
        Input::Accepted => accepted(next, held),
        Input::TagUnknown if kind == PublishKind::Initial => end(PublicationEnding::Failed),
        Input::TagUnknown => {
            let then = match next {
                Next::Remove => end(PublicationEnding::Removed),
                Next::Nothing | Next::Publish => send(PublishKind::Initial),
            };
            after(PublicationEffect::Forget, then)
        }
        Input::TooBrief if removes => end(PublicationEnding::Failed),
        Input::TooBrief => match next {
            Next::Nothing => {
                let state = PublicationState::Busy(kind, Next::Nothing);
                (Some(state), smallvec![PublicationEffect::SendAgain])
            }
            Next::Publish => do_task(Task::Publish, held),
            Next::Remove => do_task(Task::Remove, held),
        },
        Input::Failed | Input::Refused if removes => end(PublicationEnding::Failed),
        Input::Failed | Input::Refused if next == Next::Remove && held => send(PublishKind::Remove),
        Input::Refused if next == Next::Remove => end(PublicationEnding::Removed),
        Input::Refused => end(PublicationEnding::Failed),
        Input::Failed | Input::Lost if next == Next::Remove && !held => {
            end(PublicationEnding::Failed)
        }
        Input::Failed => {
            let state = PublicationState::Retrying(task_after(kind, next));
            (Some(state), smallvec![PublicationEffect::Retry])
        }
        Input::Lost => {
            let report = smallvec![PublicationEffect::ReportLoss];
            wait(task_after(kind, next), report)
        }
        Input::NotSent => wait(task_after(kind, next), SmallVec::new()),
        Input::Turn | Input::Modify | Input::Remove | Input::Timeout => stays,
        Input::GiveUp | Input::End => stays,
    }
}

/// A 2xx to a PUBLISH that does not remove.
fn accepted(next: Next, held: bool) -> Stepped {
    let then = match next {
        Next::Nothing => (
            Some(PublicationState::Published),
            smallvec![PublicationEffect::AwaitRefresh],
        ),
        Next::Publish => do_task(Task::Publish, held),
        Next::Remove => do_task(Task::Remove, held),
    };
    after(PublicationEffect::Report, then)
}

/// What an interrupted PUBLISH leaves to do.
fn task_after(kind: PublishKind, next: Next) -> Task {
    match (kind, next) {
        (PublishKind::Remove, _) | (_, Next::Remove) => Task::Remove,
        (PublishKind::Refresh, Next::Nothing) => Task::Refresh,
        _ => Task::Publish,
    }
}

fn do_task(task: Task, held: bool) -> Stepped {
    match (task, held) {
        (Task::Remove, true) => send(PublishKind::Remove),
        (Task::Remove, false) => end(PublicationEnding::Removed),
        (Task::Publish, true) => send(PublishKind::Modify),
        (Task::Refresh, true) => send(PublishKind::Refresh),
        (Task::Publish | Task::Refresh, false) => send(PublishKind::Initial),
    }
}

fn send(kind: PublishKind) -> Stepped {
    let state = PublicationState::Busy(kind, Next::Nothing);
    (Some(state), smallvec![PublicationEffect::Send(kind)])
}

fn end(ending: PublicationEnding) -> Stepped {
    (None, smallvec![PublicationEffect::End(ending)])
}

/// Waits for the turn of `task`.
fn wait(task: Task, mut effects: PublicationEffects) -> Stepped {
    if task == Task::Remove {
        effects.push(PublicationEffect::LimitWait);
    }
    (Some(PublicationState::Waiting(task)), effects)
}

fn after(first: PublicationEffect, (state, mut effects): Stepped) -> Stepped {
    effects.insert(0, first);
    (state, effects)
}
