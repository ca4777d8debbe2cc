//! One user agent, on a thread of its own or on the thread of the caller.

use std::io;
use std::time::Duration;

use sip_core::config::Config;
use sip_core::{Event, Timestamp, UserAgent};
use sip_host::ConnectFailure;
use sip_host::os::StartError;

use crate::commands::Commands;
use crate::events::Events;
use crate::handles::Agent;
use crate::io_thread::IoThread;
use crate::mailbox::AgentKey;
use crate::options::Options;
use crate::reactor::Reactor;

impl Agent {
    /// Starts a user agent on a thread of its own. It connects, and registers if the configuration says so; [`Agent::registered`]
    /// waits for that. [`IoThread`] drives more than one.
    ///
    /// [`Events`] has everything that happens, for a program that wants it; `let (agent, _) = ..` drops it, and the handles work
    /// without.
    ///
    /// The agent ends once the application has dropped each `Agent` with all handles made from it, and if `autostop` is off the
    /// [`Events`], too: it hangs up and unregisters, within 2 seconds, and closes the sockets.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(config: Config, options: Options) -> Result<(Self, Events), StartError> {
        IoThread::start_with(options.clock.clone())?.start_agent(&config, options)
    }

    /// The commands of this agent by the ids of events, and access to everything that the core offers.
    #[must_use]
    pub fn commands(&self) -> &Commands {
        self.port()
    }
}

/// One user agent on the thread of the caller. [`Agent::start`] gives one a thread.
#[derive(Debug)]
pub struct PolledAgent {
    reactor: Reactor,
    id: AgentKey,
}

impl PolledAgent {
    /// A user agent that runs while [`PolledAgent::poll`] does, on the calling thread. [`Reactor`] drives more than
    /// one.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(config: Config, options: Options) -> Result<Self, StartError> {
        let mut reactor = Reactor::with_clock(options.clock.clone())?;
        let id = reactor.add(&config, options)?;
        Ok(Self { reactor, id })
    }

    /// Drives the agent until it has an event, at most for `timeout`; as [`Reactor::poll`].
    ///
    /// # Errors
    /// The operating system cannot wait for sockets.
    pub fn poll(&mut self, timeout: Option<Duration>) -> io::Result<Option<Event>> {
        Ok(self.reactor.poll(timeout)?.map(|(_, event)| event))
    }

    /// Runs `command` with the agent and the time, then sends the messages that result from it. `None` if the
    /// agent has ended, which does not happen while this value lives.
    pub fn with<R>(&mut self, command: impl FnOnce(&mut UserAgent, Timestamp) -> R) -> Option<R> {
        self.reactor.with(self.id, command)
    }

    /// The last connection that could not be opened, with more detail than [`Event::ConnectFailed`] carries;
    /// `None` if every connection could be opened.
    #[must_use]
    pub fn connect_failure(&self) -> Option<ConnectFailure> {
        self.reactor.connect_failure(self.id)
    }

    /// As [`Reactor::next_event`].
    pub fn next_event(&mut self) -> Option<Event> {
        self.reactor.next_event().map(|(_, event)| event)
    }

    /// As [`Reactor::pause`].
    pub fn pause(&mut self) -> Duration {
        self.reactor.pause()
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for PolledAgent {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.reactor.as_fd()
    }
}
