//! The machine of a subscription of this side (RFC 6665 section 4.1).
//!
//! | state | input | does | next |
//! |-------|-------|------|------|
//! | Queued | connection | subscribe, timer N | Sent |
//! | Queued poll | connection | subscribe, timer N | Polling |
//! | Queued, Queued poll | timer N | failed | (over) |
//! | BackingOff | due | subscribe, timer N | Sent |
//! | Offline | connection | subscribe, timer N | Sent |
//! | Queued, Queued poll, BackingOff, Offline | give up | failed | (over) |
//! | Queued, Queued poll, BackingOff, Offline, Polling | unsubscribe | unsubscribed | (over) |
//! | Sent | no connection | no timer N | Offline |
//! | Sent | 2xx |  | Accepted |
//! | Sent | 423 | subscribe, timer N | Sent |
//! | Sent | failure, refusal, loss | failed | (over) |
//! | Sent | refusal with retry | back off: failed | BackingOff |
//! | Sent | loss with retry | await connection: failed | Offline |
//! | Sent | NOTIFY | no timer N, lease | Notified |
//! | Sent | unsubscribe |  | Cancelling |
//! | Accepted | NOTIFY | no timer N, lease | Subscribed |
//! | Accepted | connection | subscribe, timer N | Sent |
//! | Accepted | unsubscribe |  | Cancelled |
//! | Notified | 2xx | lease | Subscribed |
//! | Notified | 423 | refresh, timer N | Refreshing |
//! | Notified | failure | retry | Subscribed |
//! | Notified | loss, loss with retry |  | Subscribed |
//! | Subscribed | due, refresh, connection | refresh, timer N | Refreshing |
//! | Subscribed, Notified | NOTIFY | lease | same |
//! | Refreshing | no connection, loss, loss with retry | no timer N | Subscribed |
//! | Refreshing | 2xx | lease | Refreshed |
//! | Refreshing | 423 | refresh, timer N | Refreshing |
//! | Refreshing | failure | no timer N, retry | Subscribed |
//! | Refreshing | NOTIFY | no timer N, lease | Notified |
//! | Refreshed | NOTIFY | no timer N, lease | Subscribed |
//! | Refreshed | due, refresh, connection | refresh | Refreshing |
//! | Notified, Refreshing | refusal | failed | (over) |
//! | Notified, Refreshing | refusal with retry | back off: failed | BackingOff |
//! | Notified, Refreshing | unsubscribe |  | Parting |
//! | Subscribed, Refreshed | unsubscribe | unsubscribe, timer N | Leaving |
//! | Sent, Accepted, Notified, Subscribed, Refreshing, Refreshed | last NOTIFY | terminated | (over) |
//! | Sent, Accepted, Notified, Subscribed, Refreshing, Refreshed | last NOTIFY with retry | back off: terminated | BackingOff |
//! | Sent, Accepted, Refreshing, Refreshed | timer N | no NOTIFY | (over) |
//! | Sent, Accepted, Refreshing, Refreshed | timer N with retry | back off: no NOTIFY | BackingOff |
//! | Notified, Subscribed, Refreshing, Refreshed | expiry | expired | (over) |
//! | Notified, Subscribed, Refreshing, Refreshed | expiry with retry | back off: expired | BackingOff |
//! | Polling | NOTIFY, last NOTIFY, last NOTIFY with retry | unsubscribed | (over) |
//! | Polling | no connection, 423, failure, refusal, refusal with retry, loss, loss with retry | failed | (over) |
//! | Polling | timer N, timer N with retry | no NOTIFY | (over) |
//! | Cancelling | 2xx |  | Cancelled |
//! | Cancelling | NOTIFY |  | Parting |
//! | Cancelling | no connection, 423, failure, loss, loss with retry | unsubscribed | (over) |
//! | Cancelled | NOTIFY | unsubscribe, timer N | Leaving |
//! | Parting | 2xx, 423, failure, loss, loss with retry | unsubscribe, timer N | Leaving |
//! | Leaving | 423, failure | unsubscribed | (over) |
//! | Leaving | connection | unsubscribe | Leaving |
//! | Cancelling, Parting, Leaving | refusal, refusal with retry | unsubscribed | (over) |
//! | Cancelling, Cancelled, Parting, Leaving | last NOTIFY, last NOTIFY with retry, timer N, timer N with retry, give up, stop | unsubscribed | (over) |
//! | Queued, Queued poll, BackingOff, Offline, Sent, Accepted, Notified, Subscribed, Refreshing, Refreshed, Polling | stop | failed | (over) |
//!
//! What is not listed changes nothing. `Sent` to `Refreshed` are live or may become so; `Notified` and `Refreshing` have a
//! SUBSCRIBE in the dialog without a final response. `Cancelling` to `Leaving` are unsubscribed by the application; one SUBSCRIBE
//! is in flight at a time, so that the last one that the notifier takes is that with `Expires: 0`. `with retry` says that the
//! application still wants the subscription and that this end allows a new one. `failure` leaves the subscription as it is (RFC
//! 5057 section 5.1), `refusal` ends it; a SUBSCRIBE outside any dialog is refused by every failure. `connection` is one that the
//! notifier does not know. `back off` and `await connection` are
//! [`Event::SubscriptionInterrupted`](crate::Event::SubscriptionInterrupted), the other ends are
//! [`Event::SubscriptionEnded`](crate::Event::SubscriptionEnded).

use smallvec::{SmallVec, smallvec};

/// The state of a subscription of this side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// The first SUBSCRIBE waits for a connection, 64 T1 at most.
    Queued {
        /// Whether it asks for the state once (RFC 6665 section 4.4.3).
        poll: bool,
    },
    /// The subscription was over, and a new SUBSCRIBE follows later.
    BackingOff,
    /// The subscription was over, and a new SUBSCRIBE follows with the next connection.
    Offline,
    /// The SUBSCRIBE that makes the subscription has neither a final response nor a NOTIFY.
    Sent,
    /// It has a 2xx, and no NOTIFY.
    Accepted,
    /// A NOTIFY has come, and the SUBSCRIBE has no final response.
    Notified,
    /// The subscription is up.
    Subscribed,
    /// A SUBSCRIBE in the dialog has neither a final response nor a NOTIFY.
    Refreshing,
    /// It has a 2xx, and no NOTIFY.
    Refreshed,
    /// The SUBSCRIBE asks for the state once.
    Polling,
    /// Unsubscribed while the first SUBSCRIBE had neither a final response nor a NOTIFY.
    Cancelling,
    /// The same, with a 2xx since.
    Cancelled,
    /// Unsubscribed while a SUBSCRIBE of a subscription with a dialog has no final response.
    Parting,
    /// The SUBSCRIBE with `Expires: 0` is sent, or waits for a connection.
    Leaving,
}

/// An input of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Input {
    /// The SUBSCRIBE of the last step has to wait for a connection.
    NotConnected,
    /// A 2xx.
    Accepted,
    /// A 423 whose Min-Expires the next SUBSCRIBE asks for.
    TooBrief,
    /// A failure that leaves the subscription as it is.
    Failed,
    /// A failure that ends the subscription; `again`: and allows a new one.
    Refused { again: bool },
    /// The connection of the SUBSCRIBE in flight is lost.
    Lost { again: bool },
    /// A NOTIFY that does not terminate the subscription.
    Notify,
    /// A NOTIFY that does.
    LastNotify { again: bool },
    /// Timer N, or the end of the wait for a connection.
    NotifyTimeout { again: bool },
    /// The next SUBSCRIBE is due.
    Due,
    /// The subscription has expired.
    Expired { again: bool },
    /// A connection is usable that the notifier does not know.
    Connected,
    /// The application refreshes.
    Refresh,
    /// The application unsubscribes.
    Unsubscribe,
    /// No further connection will open.
    GiveUp,
    /// The agent ends.
    Stop,
}

/// An effect of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// Sends a SUBSCRIBE outside any dialog.
    Subscribe,
    /// Sends a SUBSCRIBE in the dialog.
    Refresh,
    /// Sends a SUBSCRIBE with `Expires: 0` in the dialog.
    Unsubscribe,
    /// Starts timer N anew (RFC 6665 section 4.1.2.4).
    Await,
    /// Stops timer N.
    Settle,
    /// Sets the deadlines of the refresh and of the expiry.
    Lease,
    /// Repeats a refresh that failed before the expiry.
    Retry,
    /// The subscription is over for now, and a new SUBSCRIBE follows later.
    BackOff(Ending),
    /// The subscription is over for now, and a new SUBSCRIBE follows with the next connection.
    AwaitConnection(Ending),
    /// The subscription is over.
    End(Ending),
}

/// Why a subscription is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Terminated,
    Failed,
    NoNotify,
    Expired,
    Unsubscribed,
}

pub(crate) type Effects = SmallVec<[Effect; 2]>;

type Step = (Option<State>, Effects);

impl State {
    /// Takes one input; `None` means that the entry of the subscription is freed.
    pub(crate) fn step(self, input: Input) -> Step {
        if input == Input::Stop {
            return ends(match self.is_leaving() {
                true => Ending::Unsubscribed,
                false => Ending::Failed,
            });
        }
        match self {
            Self::Queued { .. } | Self::BackingOff | Self::Offline => self.waiting(input),
            Self::Sent | Self::Accepted => self.making(input),
            Self::Notified | Self::Subscribed | Self::Refreshing | Self::Refreshed => {
                self.live(input)
            }
            Self::Polling => self.polling(input),
            Self::Cancelling | Self::Cancelled | Self::Parting | Self::Leaving => {
                self.leaving(input)
            }
        }
    }

    /// The state once the first SUBSCRIBE is sent.
    pub(crate) const fn first(poll: bool) -> Self {
        match poll {
            true => Self::Polling,
            false => Self::Sent,
        }
    }

    /// Whether the application has unsubscribed.
    pub(crate) const fn is_leaving(self) -> bool {
        matches!(
            self,
            Self::Cancelling | Self::Cancelled | Self::Parting | Self::Leaving
        )
    }

    /// Whether a SUBSCRIBE waits for the next connection.
    pub(crate) const fn is_queued(self) -> bool {
        matches!(self, Self::Queued { .. } | Self::Offline)
    }

    /// Whether further notifiers of a forked SUBSCRIBE may be claimed.
    pub(crate) const fn takes_forks(self) -> bool {
        matches!(
            self,
            Self::Notified | Self::Subscribed | Self::Refreshing | Self::Refreshed
        )
    }

    fn waiting(self, input: Input) -> Step {
        let is_time = match self {
            Self::BackingOff => input == Input::Due,
            _ => input == Input::Connected,
        };
        match input {
            _ if is_time => {
                let next = Self::first(self == Self::Queued { poll: true });
                (Some(next), smallvec![Effect::Subscribe, Effect::Await])
            }
            Input::NotifyTimeout { .. } if matches!(self, Self::Queued { .. }) => {
                ends(Ending::Failed)
            }
            Input::GiveUp => ends(Ending::Failed),
            Input::Unsubscribe => ends(Ending::Unsubscribed),
            _ => self.stays(),
        }
    }

    fn making(self, input: Input) -> Step {
        let is_sent = self == Self::Sent;
        match input {
            Input::Notify => {
                let next = match self {
                    Self::Sent => Self::Notified,
                    _ => Self::Subscribed,
                };
                (Some(next), smallvec![Effect::Settle, Effect::Lease])
            }
            Input::LastNotify { again } => over(Ending::Terminated, again),
            Input::NotifyTimeout { again } => over(Ending::NoNotify, again),
            Input::Unsubscribe => match self {
                Self::Sent => go(Self::Cancelling),
                _ => go(Self::Cancelled),
            },
            // The Contact that the notifier has is of another connection.
            Input::Connected if !is_sent => (
                Some(Self::Sent),
                smallvec![Effect::Subscribe, Effect::Await],
            ),
            Input::NotConnected if is_sent => (Some(Self::Offline), smallvec![Effect::Settle]),
            Input::Accepted if is_sent => go(Self::Accepted),
            Input::TooBrief if is_sent => (
                Some(Self::Sent),
                smallvec![Effect::Subscribe, Effect::Await],
            ),
            Input::Failed if is_sent => ends(Ending::Failed),
            Input::Refused { again } if is_sent => over(Ending::Failed, again),
            Input::Lost { again: true } if is_sent => {
                let effect = Effect::AwaitConnection(Ending::Failed);
                (Some(Self::Offline), smallvec![effect])
            }
            Input::Lost { again: false } if is_sent => ends(Ending::Failed),
            _ => self.stays(),
        }
    }

    fn live(self, input: Input) -> Step {
        let in_flight = matches!(self, Self::Notified | Self::Refreshing);
        // Timer N runs.
        let awaits_notify = matches!(self, Self::Refreshing | Self::Refreshed);
        let settle = awaits_notify.then_some(Effect::Settle);
        let with_settle = |effect: Option<Effect>| settle.into_iter().chain(effect).collect();
        match input {
            Input::Notify => {
                let next = match self {
                    Self::Refreshing => Self::Notified,
                    Self::Refreshed => Self::Subscribed,
                    _ => self,
                };
                (Some(next), with_settle(Some(Effect::Lease)))
            }
            Input::LastNotify { again } => over(Ending::Terminated, again),
            Input::NotifyTimeout { again } if awaits_notify => over(Ending::NoNotify, again),
            Input::Expired { again } => over(Ending::Expired, again),
            Input::Unsubscribe if in_flight => go(Self::Parting),
            Input::Unsubscribe => leave(),
            Input::Due | Input::Refresh | Input::Connected if self == Self::Subscribed => (
                Some(Self::Refreshing),
                smallvec![Effect::Refresh, Effect::Await],
            ),
            // Timer N goes on, because the NOTIFY after the last SUBSCRIBE is still missing.
            Input::Due | Input::Refresh | Input::Connected if self == Self::Refreshed => {
                (Some(Self::Refreshing), smallvec![Effect::Refresh])
            }
            Input::Accepted if in_flight => {
                let next = match self {
                    Self::Refreshing => Self::Refreshed,
                    _ => Self::Subscribed,
                };
                (Some(next), smallvec![Effect::Lease])
            }
            Input::TooBrief if in_flight => (
                Some(Self::Refreshing),
                smallvec![Effect::Refresh, Effect::Await],
            ),
            Input::Failed if in_flight => {
                (Some(Self::Subscribed), with_settle(Some(Effect::Retry)))
            }
            Input::Refused { again } if in_flight => over(Ending::Failed, again),
            Input::Lost { .. } if in_flight => (Some(Self::Subscribed), with_settle(None)),
            Input::NotConnected if self == Self::Refreshing => {
                (Some(Self::Subscribed), with_settle(None))
            }
            _ => self.stays(),
        }
    }

    fn polling(self, input: Input) -> Step {
        match input {
            Input::Notify | Input::LastNotify { .. } | Input::Unsubscribe => {
                ends(Ending::Unsubscribed)
            }
            Input::NotConnected
            | Input::TooBrief
            | Input::Failed
            | Input::Refused { .. }
            | Input::Lost { .. } => ends(Ending::Failed),
            Input::NotifyTimeout { .. } => ends(Ending::NoNotify),
            _ => self.stays(),
        }
    }

    fn leaving(self, input: Input) -> Step {
        match (self, input) {
            (_, Input::LastNotify { .. } | Input::NotifyTimeout { .. } | Input::GiveUp) => {
                ends(Ending::Unsubscribed)
            }
            (Self::Cancelled, Input::Notify) => leave(),
            (Self::Cancelled, _) => self.stays(),
            (_, Input::Refused { .. }) => ends(Ending::Unsubscribed),
            (Self::Cancelling, Input::Accepted) => go(Self::Cancelled),
            (Self::Cancelling, Input::Notify) => go(Self::Parting),
            (
                Self::Cancelling,
                Input::NotConnected | Input::TooBrief | Input::Failed | Input::Lost { .. },
            ) => ends(Ending::Unsubscribed),
            (
                Self::Parting,
                Input::Accepted | Input::TooBrief | Input::Failed | Input::Lost { .. },
            ) => leave(),
            (Self::Leaving, Input::TooBrief | Input::Failed) => ends(Ending::Unsubscribed),
            (Self::Leaving, Input::Connected) => {
                (Some(Self::Leaving), smallvec![Effect::Unsubscribe])
            }
            _ => self.stays(),
        }
    }

    fn stays(self) -> Step {
        go(self)
    }
}

fn go(next: State) -> Step {
    (Some(next), Effects::new())
}

fn leave() -> Step {
    (
        Some(State::Leaving),
        smallvec![Effect::Unsubscribe, Effect::Await],
    )
}

fn ends(ending: Ending) -> Step {
    (None, smallvec![Effect::End(ending)])
}

fn over(ending: Ending, again: bool) -> Step {
    match again {
        true => (Some(State::BackingOff), smallvec![Effect::BackOff(ending)]),
        false => ends(ending),
    }
}
