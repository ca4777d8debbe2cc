//! The two ends that an application holds: commands in, events out.

use std::collections::VecDeque;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sip_core::{Event, Timestamp, UserAgent};
use sip_host::os::LastFailure;
use sip_host::{CommandFailure, ConnectFailure, command};

use crate::mailbox::{AgentKey, Envelope, Mailbox};

/// Commands to a running user agent. A clone is cheap and controls the same agent.
///
/// Each method returns as soon as the core has taken or refused the command, so it waits for the current work
/// of the I/O thread at most. [`Events`] reports what follows.
#[derive(Clone)]
pub struct Handle {
    end: Arc<CommandEnd>,
}

/// Shared by all clones of a handle. Its drop informs the agent.
struct CommandEnd {
    agent: AgentKey,
    mailbox: Arc<Mailbox>,
    permits: Arc<Permits>,
    last_failure: LastFailure,
}

impl Drop for CommandEnd {
    fn drop(&mut self) {
        self.mailbox.post(Envelope::HandlesDropped(self.agent));
    }
}

/// Counts how many more commands may wait.
struct Permits {
    free: Mutex<usize>,
    changed: Condvar,
}

/// The permit of one waiting command. Its drop returns it.
struct Permit(Arc<Permits>);

impl Permits {
    /// Waits for a permit.
    fn take(self: &Arc<Self>) -> Permit {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .changed
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Permit(self.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    /// `limit`: how many commands may wait.
    pub(crate) fn new(
        agent: AgentKey,
        mailbox: Arc<Mailbox>,
        limit: usize,
        last_failure: LastFailure,
    ) -> Self {
        let permits = Arc::new(Permits {
            free: Mutex::new(limit),
            changed: Condvar::new(),
        });
        Self {
            end: Arc::new(CommandEnd {
                agent,
                mailbox,
                permits,
                last_failure,
            }),
        }
    }

    /// Runs `command` where the agent lives and returns its result. It gives access to everything that
    /// [`UserAgent`] offers and this type has no method for.
    ///
    /// # Errors
    /// [`CommandFailure::Gone`] if the I/O thread has ended, [`CommandFailure::OwnThread`] on the I/O thread.
    pub fn with<R, F>(&self, command: F) -> Result<R, CommandFailure>
    where
        R: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    {
        let CommandEnd {
            agent,
            mailbox,
            permits,
            ..
        } = &*self.end;
        if mailbox.is_own_thread() {
            return Err(CommandFailure::OwnThread);
        }
        let permit = permits.take();
        let (answer, result) = sync_channel(1);
        let command = Box::new(move |agent: &mut UserAgent, now| {
            let result = command(agent, now);
            drop(permit);
            // The caller waits for the result, so this neither fails nor blocks.
            let _ = answer.send(result);
        });
        // If the mailbox is closed, the command is dropped with its sender, and `recv` below fails.
        mailbox.post(Envelope::Command(*agent, command));
        result.recv().map_err(|_| CommandFailure::Gone)
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
        /// The commands. Each waits until the agent has carried it out, and fails on the I/O thread
        /// ([`Handle::with`]).
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

/// The bounded queue of events from the I/O thread to the application. No event is dropped.
pub(crate) struct Inbox {
    state: Mutex<InboxState>,
    changed: Condvar,
}

struct InboxState {
    events: VecDeque<Event>,
    limit: usize,
    /// An event found the queue full, so the agent waits for [`Envelope::Room`].
    full: bool,
    /// The agent has ended: no more events follow.
    ended: bool,
    /// The application has dropped its [`Events`].
    receiver_dropped: bool,
}

/// The result of a push.
pub(crate) enum Pushed {
    Taken,
    /// The queue is full. The agent receives [`Envelope::Room`] when it is not.
    Full(Event),
    /// The application has dropped its [`Events`].
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
            }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, event: Event) -> Pushed {
        let mut state = self.state();
        if state.receiver_dropped {
            return Pushed::ReceiverDropped;
        }
        if state.events.len() >= state.limit {
            state.full = true;
            return Pushed::Full(event);
        }
        state.events.push_back(event);
        drop(state);
        self.changed.notify_one();
        Pushed::Taken
    }

    /// Whether the application has dropped its [`Events`].
    pub(crate) fn is_receiver_dropped(&self) -> bool {
        self.state().receiver_dropped
    }

    /// The agent has ended: no more events follow.
    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }
}

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
    mailbox: Arc<Mailbox>,
    inbox: Arc<Inbox>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn new(agent: AgentKey, mailbox: Arc<Mailbox>, inbox: Arc<Inbox>) -> Self {
        Self {
            agent,
            mailbox,
            inbox,
        }
    }

    /// Waits for the next event, at most for `timeout`. Zero does not wait.
    ///
    /// # Errors
    /// [`NoEvent::Timeout`] if no event came in time, [`NoEvent::Ended`] if no more follow.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Event, NoEvent> {
        // A time-out that the clock cannot represent counts as none.
        self.wait(Instant::now().checked_add(timeout))
    }

    fn wait(&mut self, end: Option<Instant>) -> Result<Event, NoEvent> {
        let mut state = self.inbox.state();
        loop {
            if let Some(event) = state.events.pop_front() {
                let was_full = std::mem::take(&mut state.full);
                drop(state);
                if was_full {
                    self.mailbox.post(Envelope::Room(self.agent));
                }
                return Ok(event);
            }
            if state.ended {
                return Err(NoEvent::Ended);
            }
            let changed = &self.inbox.changed;
            state = match end {
                None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(NoEvent::Timeout);
                    }
                    let waited = changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
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
        self.mailbox.post(Envelope::Room(self.agent));
    }
}
