//! The commands of an application by the ids of events.

use std::future::Future;

use sip_core::{Timestamp, UserAgent};
use sip_host::os::handle::{Port, Shared};
use sip_host::{CommandFailure, ConnectFailure, command};
use tokio::sync::{mpsc, oneshot};

/// A command on its way to the task. It runs with the user agent and the time.
pub(crate) type Command = Box<dyn FnOnce(&mut UserAgent, Timestamp) + Send>;

/// Commands to a running user agent by the ids of its events: [`Agent::commands`](crate::Agent::commands). A clone is cheap and
/// controls the same agent.
///
/// Each method returns as soon as the core has taken or refused the command. [`Events`](crate::Events) reports what follows.
///
/// # Cancel safety
/// A future that is dropped while the queue of commands is full sends nothing. A future that is dropped later
/// loses the result, but the user agent carries out the command: a subscription or publication of such a command goes
/// on, and its events bring its handle.
#[derive(Clone)]
pub struct Commands {
    commands: mpsc::Sender<Command>,
    shared: Shared,
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands").finish_non_exhaustive()
    }
}

impl Commands {
    pub(crate) fn new(commands: mpsc::Sender<Command>, shared: Shared) -> Self {
        Self { commands, shared }
    }

    /// Runs `command` in the agent's task and returns its result. It gives access to everything that
    /// [`UserAgent`] offers and this type has no method for.
    ///
    /// # Errors
    /// [`CommandFailure::Gone`] if the task has ended.
    pub async fn with<R, F>(&self, command: F) -> Result<R, CommandFailure>
    where
        R: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let command: Command = Box::new(move |agent, now| {
            // An error here means that the caller has dropped its future.
            let _ = answer.send(command(agent, now));
        });
        self.commands
            .send(command)
            .await
            .map_err(|_| CommandFailure::Gone)?;
        result.await.map_err(|_| CommandFailure::Gone)
    }

    /// The last connection that could not be opened, with more detail than [`Event::ConnectFailed`](sip_core::Event::ConnectFailed) carries;
    /// `None` if every connection could be opened.
    #[must_use]
    pub fn connect_failure(&self) -> Option<ConnectFailure> {
        self.shared.last_failure().last()
    }
}

impl Port for Commands {
    fn with<R, F>(&self, command: F) -> impl Future<Output = Result<R, CommandFailure>> + Send
    where
        R: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    {
        Self::with(self, command)
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }
}

/// Makes the methods of a handle from the commands that every adapter has.
macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;
    )*) => {
        /// The commands. Cancel safety: see [`Commands`](Commands#cancel-safety).
        impl Commands {
            $(
                $(#[$doc])*
                pub async fn $name(
                    &self,
                    $($argument: $type),*
                ) -> Result<$result, CommandFailure> {
                    self.with(command::$name($($argument.into()),*)).await?
                }
            )*
        }
    };
}

sip_host::for_each_command!(methods);
