//! The commands of an application by the ids of events.

use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sip_core::{Timestamp, UserAgent};
use sip_host::os::handle::{Port, Shared};
use sip_host::{CommandFailure, ConnectFailure, command};

use crate::leadership::{Alarm, Awaited, Leadership, NoCommand};
use crate::mailbox::{AgentKey, Envelope};

/// Commands to a running user agent by the ids of its events: [`Agent::commands`](crate::Agent::commands). A clone is cheap and
/// controls the same agent.
///
/// Each method runs on the calling thread and returns as soon as the core has taken or refused the command and its messages
/// are sent, so it waits for the current work of another thread at most. [`Events`](crate::Events) reports what follows.
#[derive(Clone)]
pub struct Commands {
    end: Arc<CommandEnd>,
}

/// Shared by all clones of the commands. Its drop informs the agent.
struct CommandEnd {
    agent: AgentKey,
    leadership: Arc<Leadership>,
    shared: Shared,
}

impl Drop for CommandEnd {
    fn drop(&mut self) {
        let mailbox = self.leadership.mailbox();
        mailbox.post(Envelope::HandlesDropped(self.agent));
    }
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands").finish_non_exhaustive()
    }
}

impl Commands {
    pub(crate) fn new(agent: AgentKey, leadership: Arc<Leadership>, shared: Shared) -> Self {
        Self {
            end: Arc::new(CommandEnd {
                agent,
                leadership,
                shared,
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

    /// The last connection that could not be opened, with more detail than [`Event::ConnectFailed`](sip_core::Event::ConnectFailed) carries;
    /// `None` if every connection could be opened.
    #[must_use]
    pub fn connect_failure(&self) -> Option<ConnectFailure> {
        self.end.shared.last_failure().last()
    }
}

impl Port for Commands {
    fn with<R, F>(&self, command: F) -> impl Future<Output = Result<R, CommandFailure>> + Send
    where
        R: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    {
        ready(Self::with(self, command))
    }

    fn shared(&self) -> &Shared {
        &self.end.shared
    }
}

impl Commands {
    /// Waits for `future`, until `end` at most, and drives the agents meanwhile. `None` if it is not ready in time, or not at once
    /// on the thread that drives the agents, which would wait for itself.
    pub(crate) fn block_on<F: Future>(&self, future: F, end: Option<Instant>) -> Option<F::Output> {
        let leadership = &self.end.leadership;
        let mut future = pin!(future);
        let alarm = Alarm::new(leadership.clone());
        let waker = alarm.clone().into();
        let ask = || {
            let mut context = Context::from_waker(&waker);
            match future.as_mut().poll(&mut context) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            }
        };
        leadership.wait(&mut Pending { ask, alarm: &alarm }, end)
    }
}

/// A future that a thread waits for.
struct Pending<'a, Q> {
    ask: Q,
    alarm: &'a Alarm,
}

impl<T, Q: FnMut() -> Option<T>> Awaited for Pending<'_, Q> {
    type Output = T;

    fn take(&mut self) -> Option<T> {
        if !self.alarm.take() {
            return None;
        }
        (self.ask)()
    }

    fn lead(&mut self, leads: bool) {
        self.alarm.lead(leads);
    }

    fn park(&mut self, limit: Option<Duration>) {
        self.alarm.park(limit);
    }
}

/// Makes the methods of a handle from the commands that every adapter has.
macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;
    )*) => {
        /// The commands. Each returns once the agent has carried it out, and fails inside a connector or a description
        /// handler ([`Commands::with`]).
        impl Commands {
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
