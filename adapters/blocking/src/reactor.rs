//! The loop: waits for sockets, other threads and deadlines at once, for any number of agents.

use std::io;
use std::time::Duration;

use mio::Poll;
use sip_core::config::Config;
use sip_core::{Event, Timestamp, UserAgent};
use sip_host::ConnectFailure;
use sip_host::os::{Clock, StartError};

use crate::agents::Agents;
use crate::driver::Driver;
use crate::mailbox::AgentKey;
use crate::options::Options;
use crate::waiter::Waiter;

/// Any number of user agents on the thread that calls [`Reactor::poll`]. Other threads run for name look-ups
/// only.
///
/// The deadlines of all agents are in one ordered set, and only agents with something to do are visited, so
/// idle agents cost nothing.
///
/// Dropping it hangs up as far as one write allows and closes the sockets at once. To end the agents in order,
/// call [`UserAgent::stop`] for each one and poll until [`Event::Stopped`].
///
/// # In another loop
/// A program with a loop of its own waits until the file descriptor of the reactor is readable (`AsFd`, on Unix), or
/// [`Reactor::pause`] has passed, then calls [`Reactor::poll`] with a time-out of zero, and [`Reactor::next_event`] until
/// there is no event.
pub struct Reactor {
    waiter: Waiter,
    agents: Agents,
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reactor")
            .field("agents", &self.agents.len())
            .finish_non_exhaustive()
    }
}

impl Reactor {
    /// A reactor without agents.
    ///
    /// # Errors
    /// [`StartError::System`] if the operating system gives no means to wait for sockets.
    pub fn new() -> Result<Self, StartError> {
        Self::with_clock(Clock::start())
    }

    /// A reactor without agents. Its agents use `clock`.
    ///
    /// # Errors
    /// As [`Reactor::new`].
    pub fn with_clock(clock: Clock) -> Result<Self, StartError> {
        let (waiter, agents) = Self::parts(clock)?;
        Ok(Self { waiter, agents })
    }

    /// The two parts, for threads that share the agents.
    pub(crate) fn parts(clock: Clock) -> Result<(Waiter, Agents), StartError> {
        let poll = Poll::new().map_err(StartError::System)?;
        let registry = poll.registry().try_clone().map_err(StartError::System)?;
        let agents = Agents::new(registry, clock).map_err(StartError::System)?;
        Ok((Waiter::new(poll), agents))
    }

    /// Adds a user agent; [`Reactor::poll`] drives it from now on.
    ///
    /// # Errors
    /// [`StartError`]; nothing has changed then.
    pub fn add(&mut self, config: &Config, mut options: Options) -> Result<AgentKey, StartError> {
        options.clock = self.agents.clock().clone();
        let driver = Driver::new(config, options, None, self.agents.mailbox())?;
        Ok(self.agents.insert(driver))
    }

    /// Drives all agents until one of them has an event, at most for `timeout` (`None`: without limit; zero:
    /// without waiting, and with a look at the sockets even if an event waits). `None` if no event came in time, or there is
    /// no agent.
    ///
    /// An agent whose event has not been taken does not read from its network, so no event is dropped. A
    /// program with other work calls this from time to time; deadlines that passed in between are handled after
    /// the input that has arrived.
    ///
    /// # Errors
    /// The operating system cannot wait for sockets.
    pub fn poll(&mut self, timeout: Option<Duration>) -> io::Result<Option<(AgentKey, Event)>> {
        let end = timeout.map(|timeout| self.agents.clock().now() + timeout);
        let mut has_waited = false;
        let mailbox = self.agents.mailbox().clone();
        let _driving = mailbox.drive();
        // A program that knows from elsewhere that sockets are ready may not learn of it again.
        if timeout == Some(Duration::ZERO) && self.agents.len() > 0 {
            self.turn(timeout)?;
            has_waited = true;
        }
        loop {
            if let Some(event) = self.agents.next_event() {
                return Ok(Some(event));
            }
            let left = end.map(|end| end.saturating_since(self.agents.clock().now()));
            if self.agents.len() == 0 || has_waited && left == Some(Duration::ZERO) {
                return Ok(None);
            }
            self.turn(left)?;
            has_waited = true;
        }
    }

    /// The next event that the agents have without another look at their sockets. A program with a loop of its own takes all
    /// of them after one [`Reactor::poll`].
    pub fn next_event(&mut self) -> Option<(AgentKey, Event)> {
        let mailbox = self.agents.mailbox().clone();
        let _driving = mailbox.drive();
        self.agents.next_event()
    }

    /// How long a program may wait for the file descriptor of the reactor before it has to call [`Reactor::poll`] all the
    /// same, because a deadline passes or an event waits: at most 5 seconds.
    pub fn pause(&mut self) -> Duration {
        if self.agents.have_event() {
            return Duration::ZERO;
        }
        self.agents.wait(None).pause
    }

    /// Runs `command` with an agent and the time, then sends the messages that result from it. `None` if the
    /// agent has been removed.
    pub fn with<R>(
        &mut self,
        agent: AgentKey,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R,
    ) -> Option<R> {
        let mailbox = self.agents.mailbox().clone();
        let _driving = mailbox.drive();
        self.agents.with(agent, command)
    }

    /// The last connection of an agent that could not be opened, with more detail than [`Event::ConnectFailed`]
    /// carries; `None` if every connection could be opened, or the agent has been removed.
    #[must_use]
    pub fn connect_failure(&self, agent: AgentKey) -> Option<ConnectFailure> {
        self.agents.connect_failure(agent)
    }

    /// Removes an agent: it hangs up without waiting for responses, and its sockets close within 2 seconds of
    /// polling.
    pub fn remove(&mut self, agent: AgentKey) {
        let mailbox = self.agents.mailbox().clone();
        let _driving = mailbox.drive();
        self.agents.remove(agent);
    }

    /// Waits once and handles what the wait reports.
    fn turn(&mut self, limit: Option<Duration>) -> io::Result<()> {
        let wait = self.agents.wait(limit);
        self.waiter.wait(wait.pause)?;
        self.agents.turn(self.waiter.readiness(), wait);
        Ok(())
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Reactor {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.waiter.as_fd()
    }
}
