//! One user agent, on a thread of its own or on the caller's.

use std::io;
use std::time::Duration;

use sip_core::config::Config;
use sip_core::{Event, Timestamp, UserAgent};
use sip_host::ConnectFailure;
use sip_host::os::StartError;

use crate::handle::{Events, Handle};
use crate::io_thread::IoThread;
use crate::mailbox::AgentKey;
use crate::options::Options;
use crate::reactor::Reactor;

/// One user agent: [`Agent::start`] gives it a thread, [`Agent::new`] leaves it to the caller's.
#[derive(Debug)]
pub struct Agent {
    reactor: Reactor,
    id: AgentKey,
}

impl Agent {
    /// Starts a user agent on a thread of its own. [`IoThread`] carries more than one.
    ///
    /// The thread ends once the [`Handle`] with all its clones and the [`Events`] are dropped: calls
    /// are hung up as far as that needs no answer, and the sockets closed within 2 seconds.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(config: Config, options: Options) -> Result<(Handle, Events), StartError> {
        IoThread::start_with(options.clock.clone())?.start_agent(&config, options)
    }

    /// A user agent that runs while [`Agent::poll`] does, on the thread that calls it. [`Reactor`]
    /// carries more than one.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(config: Config, options: Options) -> Result<Self, StartError> {
        let mut reactor = Reactor::with_clock(options.clock.clone())?;
        let id = reactor.add(&config, options)?;
        Ok(Self { reactor, id })
    }

    /// Carries the agent until it has an event, at most for `timeout`; as [`Reactor::poll`].
    ///
    /// # Errors
    /// The operating system cannot wait for sockets.
    pub fn poll(&mut self, timeout: Option<Duration>) -> io::Result<Option<Event>> {
        Ok(self.reactor.poll(timeout)?.map(|(_, event)| event))
    }

    /// Runs `command` with the agent and the time, and sends what comes of it. `None` if the agent is
    /// gone, which nothing but dropping this brings about.
    pub fn with<R>(&mut self, command: impl FnOnce(&mut UserAgent, Timestamp) -> R) -> Option<R> {
        self.reactor.with(self.id, command)
    }

    /// The last connection that could not be opened, with more detail than
    /// [`Event::ConnectFailed`] carries; `None` if all could.
    #[must_use]
    pub fn connect_failure(&self) -> Option<ConnectFailure> {
        self.reactor.connect_failure(self.id)
    }
}
