//! One user agent, on a thread of its own or on the thread of the caller.

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

/// One user agent. [`Agent::start`] gives it a thread; [`Agent::new`] runs it on the thread of the caller.
#[derive(Debug)]
pub struct Agent {
    reactor: Reactor,
    id: AgentKey,
}

impl Agent {
    /// Starts a user agent on a thread of its own. [`IoThread`] drives more than one.
    ///
    /// The agent ends once the [`Handle`] with all its clones and the [`Events`] are dropped. It then hangs up
    /// without waiting for responses and closes the sockets within 2 seconds.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(config: Config, options: Options) -> Result<(Handle, Events), StartError> {
        IoThread::start_with(options.clock.clone())?.start_agent(&config, options)
    }

    /// A user agent that runs while [`Agent::poll`] does, on the calling thread. [`Reactor`] drives more than
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
impl std::os::fd::AsFd for Agent {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.reactor.as_fd()
    }
}
