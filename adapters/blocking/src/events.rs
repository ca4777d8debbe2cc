//! The events for a program that wants all of them.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use sip_core::Event;

use crate::inbox::{Inbox, InboxState};
use crate::leadership::{Awaited, Leadership};
use crate::mailbox::{AgentKey, Envelope};

/// Why there is no event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvent {
    /// No event came in time.
    #[error("no event came in time")]
    Timeout,
    /// The agent has ended: no more events follow.
    #[error("the user agent has ended")]
    Ended,
}

/// Events of a running user agent: an iterator that waits for the next event, and ends when the agent does.
///
/// The queue is bounded. While it is full the agent does not read from the network, so no event is dropped. The
/// agent still takes commands.
///
/// An application that has never read it does not want it: when the queue, and a reserve of 63 events, are full before the first
/// read, the adapter discards the new events, and [`Events::missed`] counts them.
pub struct Events {
    agent: AgentKey,
    leadership: Arc<Leadership>,
    inbox: Arc<Inbox>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn new(agent: AgentKey, leadership: Arc<Leadership>, inbox: Arc<Inbox>) -> Self {
        Self {
            agent,
            leadership,
            inbox,
        }
    }

    /// How many events the adapter has discarded, because the queue was full before the application read the first one.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.inbox.state().missed
    }

    /// Waits for the next event, at most for `timeout`. Zero does not wait. Inside a connector or a description handler it
    /// does not wait either, because the thread would wait for itself.
    ///
    /// # Errors
    /// [`NoEvent::Timeout`] if no event came in time, [`NoEvent::Ended`] if no more follow.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Event, NoEvent> {
        // A time-out that the clock cannot represent counts as none.
        self.wait(Instant::now().checked_add(timeout))
    }

    fn wait(&mut self, end: Option<Instant>) -> Result<Event, NoEvent> {
        self.inbox.state().is_read = true;
        let leadership = self.leadership.clone();
        // A connector that waits for events would wait for its own thread: it finds none.
        leadership.wait(self, end).unwrap_or(Err(NoEvent::Timeout))
    }

    /// The next event of the queue, or its end.
    fn take_event(&self, mut state: MutexGuard<'_, InboxState>) -> Option<Result<Event, NoEvent>> {
        let Some(event) = state.events.pop_front() else {
            return state.ended.then_some(Err(NoEvent::Ended));
        };
        let was_full = std::mem::take(&mut state.full);
        drop(state);
        if was_full {
            let mailbox = self.leadership.mailbox();
            mailbox.post(Envelope::Room(self.agent));
        }
        Some(Ok(event))
    }
}

impl Awaited for Events {
    type Output = Result<Event, NoEvent>;

    fn take(&mut self) -> Option<Self::Output> {
        self.take_event(self.inbox.state())
    }

    fn lead(&mut self, _leads: bool) {}

    fn park(&mut self, limit: Option<Duration>) {
        self.inbox.wait(limit);
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.wait(None).ok()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let events = {
            let mut state = self.inbox.state();
            state.receiver_dropped = true;
            std::mem::take(&mut state.events)
        };
        drop(events);
        let mailbox = self.leadership.mailbox();
        mailbox.post(Envelope::Room(self.agent));
    }
}
