//! The two ends that an application holds: commands in, events out.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use sip_core::{Event, Timestamp, UserAgent};
use sip_host::os::LastFailure;
use sip_host::{CommandFailure, ConnectFailure, command};

use crate::inbox::{Inbox, InboxState};
use crate::leadership::{Leadership, NoCommand, Role};
use crate::mailbox::{AgentKey, Envelope};

/// Commands to a running user agent. A clone is cheap and controls the same agent.
///
/// Each method runs on the calling thread and returns as soon as the core has taken or refused the command and its messages
/// are sent, so it waits for the current work of another thread at most. [`Events`] reports what follows.
#[derive(Clone)]
pub struct Handle {
    end: Arc<CommandEnd>,
}

/// Shared by all clones of a handle. Its drop informs the agent.
struct CommandEnd {
    agent: AgentKey,
    leadership: Arc<Leadership>,
    last_failure: LastFailure,
}

impl Drop for CommandEnd {
    fn drop(&mut self) {
        let mailbox = self.leadership.mailbox();
        mailbox.post(Envelope::HandlesDropped(self.agent));
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    pub(crate) fn new(
        agent: AgentKey,
        leadership: Arc<Leadership>,
        last_failure: LastFailure,
    ) -> Self {
        Self {
            end: Arc::new(CommandEnd {
                agent,
                leadership,
                last_failure,
            }),
        }
    }

    /// Runs `command` with the agent and returns its result. It gives access to everything that [`UserAgent`] offers and
    /// this type has no method for.
    ///
    /// # Errors
    /// [`CommandFailure::Gone`] if the agent has ended, [`CommandFailure::OwnThread`] if a connector or a description handler
    /// of the same thread of agents calls this, [`CommandFailure::Deadlock`] if one of another thread does, while a connector or
    /// handler of this one gives a command to that.
    pub fn with<R, F>(&self, command: F) -> Result<R, CommandFailure>
    where
        R: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    {
        let CommandEnd {
            agent, leadership, ..
        } = &*self.end;
        if leadership.mailbox().is_driven_here() {
            return Err(CommandFailure::OwnThread);
        }
        let result = leadership.command(*agent, command);
        result.map_err(|why| match why {
            NoCommand::Gone => CommandFailure::Gone,
            NoCommand::Deadlock => CommandFailure::Deadlock,
        })
    }

    /// The last connection that could not be opened, with more detail than [`Event::ConnectFailed`] carries;
    /// `None` if every connection could be opened.
    #[must_use]
    pub fn connect_failure(&self) -> Option<ConnectFailure> {
        self.end.last_failure.last()
    }
}

/// Makes the methods of a handle from the commands that every adapter has.
macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;
    )*) => {
        /// The commands. Each returns once the agent has carried it out, and fails inside a connector or a description
        /// handler ([`Handle::with`]).
        impl Handle {
            $(
                $(#[$doc])*
                pub fn $name(&self, $($argument: $type),*) -> Result<$result, CommandFailure> {
                    self.with(command::$name($($argument.into()),*))?
                }
            )*
        }
    };
}

sip_host::for_each_command!(methods);

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
        if let Some(result) = self.take_event(self.inbox.state()) {
            return result;
        }
        // A connector that waits for events would wait for its own thread: it finds none.
        if self.leadership.mailbox().is_driven_here() {
            return Err(NoEvent::Timeout);
        }
        let presence = self.leadership.enter();
        loop {
            if let Role::Leads(mut lead) = presence.role() {
                loop {
                    // The thread that led before may have queued an event meanwhile.
                    if let Some(result) = self.take_event(self.inbox.state()) {
                        return result;
                    }
                    // An error means that the agents are gone, and the queue has ended.
                    let _gone = lead.turn(left(end));
                    if left(end) == Some(Duration::ZERO) {
                        let result = self.take_event(self.inbox.state());
                        return result.unwrap_or(Err(NoEvent::Timeout));
                    }
                }
            }
            let state = self.inbox.state();
            if let Some(result) = self.take_event(state) {
                return result;
            }
            if left(end) == Some(Duration::ZERO) {
                return Err(NoEvent::Timeout);
            }
            self.inbox.wait(left(end));
        }
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

/// The time that is left; `None` without an end.
fn left(end: Option<Instant>) -> Option<Duration> {
    end.map(|end| end.saturating_duration_since(Instant::now()))
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
