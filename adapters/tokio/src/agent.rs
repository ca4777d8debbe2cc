//! Starting a user agent on the current runtime.

use sip_core::config::Config;
use sip_host::os::StartError;
use sip_host::os::handle::{self, Shared};
use tokio::sync::mpsc;

use crate::commands::Commands;
use crate::connect::Dialer;
use crate::driver::Driver;
use crate::events::Events;
use crate::handles::Agent;
use crate::options::Options;

/// How many commands may wait for the user agent; a further one waits until there is room.
const COMMAND_QUEUE: usize = 64;

impl Agent {
    /// Starts a user agent in a task of its own on the current tokio runtime. It connects, and registers if the configuration says
    /// so; [`Agent::registered`] waits for that.
    ///
    /// [`Events`] has everything that happens, for a program that wants it; `let (agent, _) = ..` drops it, and the handles work
    /// without.
    ///
    /// The task ends once the application has dropped each `Agent` with all handles made from it, and if `autostop` is off the
    /// [`Events`], too: it hangs up and unregisters, within 2 seconds, and closes the sockets.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(config: Config, mut options: Options) -> Result<(Self, Events), StartError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let dialer = Dialer::new(options.dialing(&config, cfg!(feature = "tls"))?);
        let (mut host, last_failure) = options.host(&config)?;
        let shared = Shared::new(last_failure);
        host.observe(shared.observer());
        let (sender, command_queue) = mpsc::channel(COMMAND_QUEUE);
        let (event_queue, receiver) = mpsc::channel(options.event_queue.max(1));
        let commands = Commands::new(sender, shared.clone());
        let (events, outlet) = Events::new(receiver, event_queue);
        let driver = Driver::new(
            host,
            &config,
            options,
            dialer,
            command_queue,
            outlet,
            shared,
        );
        runtime.spawn(driver.run());
        Ok((Self(handle::Agent::new(commands)), events))
    }

    /// The commands of this agent by the ids of events, and access to everything that the core offers.
    #[must_use]
    pub fn commands(&self) -> &Commands {
        self.0.port()
    }
}
