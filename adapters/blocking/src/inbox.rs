//! The bounded queue of events of one agent.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sip_core::Event;

/// How many events more than its limit the queue takes until the application reads the first one.
const UNREAD_LIMIT: usize = 63;

/// The bounded queue of events from the thread that drives the agent to the application. No event is dropped.
pub(crate) struct Inbox {
    state: Mutex<InboxState>,
    changed: Condvar,
}

pub(crate) struct InboxState {
    pub(crate) events: VecDeque<Event>,
    limit: usize,
    /// An event found the queue full, so the agent waits for [`Envelope::Room`].
    pub(crate) full: bool,
    /// The agent has ended: no more events follow.
    pub(crate) ended: bool,
    /// The application has dropped its `Events`.
    pub(crate) receiver_dropped: bool,
    /// The application has begun to read.
    pub(crate) is_read: bool,
    /// How many events found the queue full before that.
    pub(crate) missed: u64,
    /// How many threads wait.
    waiting: usize,
}

/// The result of a push.
pub(crate) enum Pushed {
    Taken {
        /// Whether a thread waited for it, and was woken.
        woke: bool,
    },
    /// The queue is full. The agent receives [`Envelope::Room`] when it is not.
    Full(Event),
    /// The queue is full, and the application has never read it: the event is gone.
    Discarded {
        /// Whether it is the first one.
        is_first: bool,
    },
    /// The application has dropped its `Events`.
    ReceiverDropped,
}

impl Inbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(InboxState {
                events: VecDeque::new(),
                limit,
                full: false,
                ended: false,
                receiver_dropped: false,
                is_read: false,
                missed: 0,
                waiting: 0,
            }),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, event: Event) -> Pushed {
        let mut state = self.state();
        if state.receiver_dropped {
            return Pushed::ReceiverDropped;
        }
        if state.events.len() >= state.limit {
            if state.is_read {
                state.full = true;
                return Pushed::Full(event);
            }
            if state.events.len() >= state.limit + UNREAD_LIMIT {
                state.missed += 1;
                return Pushed::Discarded {
                    is_first: state.missed == 1,
                };
            }
        }
        state.events.push_back(event);
        let woke = state.waiting > 0;
        drop(state);
        if woke {
            self.changed.notify_one();
        }
        Pushed::Taken { woke }
    }

    /// Whether the application has dropped its `Events`.
    pub(crate) fn is_receiver_dropped(&self) -> bool {
        self.state().receiver_dropped
    }

    /// The agent has ended: no more events follow.
    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Waits until an event comes or no more follow, at most for `limit`.
    pub(crate) fn wait(&self, limit: Option<Duration>) {
        let mut state = self.state();
        state.waiting += 1;
        let goes_on = |state: &mut InboxState| state.events.is_empty() && !state.ended;
        let mut state = match limit {
            None => {
                let woken = self.changed.wait_while(state, goes_on);
                woken.unwrap_or_else(PoisonError::into_inner)
            }
            Some(limit) => {
                let woken = self.changed.wait_timeout_while(state, limit, goes_on);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.waiting -= 1;
    }
}
