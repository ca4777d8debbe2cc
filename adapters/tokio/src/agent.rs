//! Starting a user agent on the current runtime.

use sip_core::config::Config;
use sip_host::os::StartError;
use tokio::sync::mpsc;

use crate::connect::Dialer;
use crate::driver::Driver;
use crate::handle::{Events, Handle};
use crate::options::Options;

/// How many commands may wait for the user agent; a further one waits until there is room.
const COMMAND_QUEUE: usize = 64;

/// Starts user agents: [`Agent::start`].
#[derive(Debug)]
pub struct Agent;

impl Agent {
    /// Starts a user agent in a task of its own on the current tokio runtime.
    ///
    /// The task ends once the [`Handle`] with all its clones and the [`Events`] are dropped. It then hangs up
    /// without waiting for responses and closes the sockets within 2 seconds.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(config: Config, mut options: Options) -> Result<(Handle, Events), StartError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let dialer = Dialer::new(options.dialing(&config, cfg!(feature = "tls"))?);
        let (host, last_failure) = options.host(&config)?;
        let (commands, command_queue) = mpsc::channel(COMMAND_QUEUE);
        let (event_queue, events) = mpsc::channel(options.event_queue.max(1));
        let handle = Handle::new(commands, last_failure);
        let driver = Driver::new(host, &config, options, dialer, command_queue, event_queue);
        runtime.spawn(driver.run());
        Ok((handle, Events::new(events)))
    }
}
