//! The loop: waits for sockets, other threads and deadlines at once, for any number of agents.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use mio::Poll;
use sip_core::config::Config;
use sip_core::{Event, Timestamp, UserAgent};
use sip_host::os::{Alarm, Clock, StartError};
use sip_host::{ConnectFailure, LONGEST_SLEEP};

use crate::driver::{Driver, Shared};
use crate::mailbox::{AgentKey, Envelope, MAILBOX, Mailbox};
use crate::options::Options;
use crate::resolve::Resolver;

/// How many sockets are told of at once; the others are with the next wait.
const READINESS_PER_WAIT: usize = 1024;

/// Any number of user agents on the thread that calls [`Reactor::poll`]: no thread runs but for
/// looking up names.
///
/// Deadlines of all agents are in one ordered set, and only agents with something to do are looked
/// at: idle ones cost nothing.
///
/// Dropping it hangs up as far as one write goes, and closes the sockets at once. For a proper goodbye,
/// [`UserAgent::stop`] each agent and poll until [`Event::Stopped`].
pub struct Reactor {
    poll: Poll,
    readiness: mio::Events,
    shared: Shared,
    /// Ends the wait when the clock is set on.
    alarm: Alarm,
    agents: BTreeMap<AgentKey, Driver>,
    deadlines: BTreeSet<(Timestamp, AgentKey)>,
    /// Agents with something to do before the next wait.
    ready: BTreeSet<AgentKey>,
    /// Agents with an event for the caller of [`Reactor::poll`].
    with_events: VecDeque<AgentKey>,
    /// Agents that other threads have made, for [`Reactor::run`].
    arrivals: Option<mpsc::Receiver<Driver>>,
    /// No agents will be added any more.
    complete: bool,
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

    /// A reactor without agents that goes by `clock`, and so will its agents.
    ///
    /// # Errors
    /// As [`Reactor::new`].
    pub fn with_clock(clock: Clock) -> Result<Self, StartError> {
        let poll = Poll::new().map_err(StartError::System)?;
        let registry = poll.registry().try_clone().map_err(StartError::System)?;
        let mailbox = Mailbox::new(&registry).map_err(StartError::System)?;
        Ok(Self {
            alarm: clock.alarm(),
            poll,
            readiness: mio::Events::with_capacity(READINESS_PER_WAIT),
            shared: Shared {
                registry,
                resolver: Resolver::default(),
                mailbox: Arc::new(mailbox),
                clock,
            },
            agents: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            ready: BTreeSet::new(),
            with_events: VecDeque::new(),
            arrivals: None,
            complete: false,
        })
    }

    /// Adds a user agent; [`Reactor::poll`] carries it from now on.
    ///
    /// # Errors
    /// [`StartError`]; nothing has changed then.
    pub fn add(&mut self, config: &Config, mut options: Options) -> Result<AgentKey, StartError> {
        options.clock = self.shared.clock.clone();
        let driver = Driver::new(config, options, None, &self.shared.mailbox)?;
        Ok(self.insert(driver))
    }

    fn insert(&mut self, driver: Driver) -> AgentKey {
        let id = driver.id;
        self.agents.insert(id, driver);
        self.ready.insert(id);
        id
    }

    /// Waits until one of the agents has an event, at most for `timeout` (`None`: however long it
    /// takes; zero: not at all), and carries all agents meanwhile. `None` if no event came in time,
    /// or there is no agent.
    ///
    /// An agent whose event has not been taken reads nothing from its network: nothing is dropped.
    /// A program with other things to do calls this every now and then; deadlines that passed in
    /// between are made up for, after what has arrived.
    ///
    /// # Errors
    /// The operating system cannot wait for sockets.
    pub fn poll(&mut self, timeout: Option<Duration>) -> io::Result<Option<(AgentKey, Event)>> {
        let end = timeout.map(|timeout| self.shared.clock.now() + timeout);
        let mut has_waited = false;
        loop {
            while let Some(id) = self.with_events.pop_front() {
                let Some(driver) = self.agents.get_mut(&id) else {
                    continue;
                };
                if let Some(event) = driver.take_event() {
                    self.ready.insert(id);
                    return Ok(Some((id, event)));
                }
            }
            let left = end.map(|end| end.saturating_since(self.shared.clock.now()));
            if self.agents.is_empty() || has_waited && left == Some(Duration::ZERO) {
                return Ok(None);
            }
            self.turn(left)?;
            has_waited = true;
        }
    }

    /// Runs `command` with an agent and the time, and sends what comes of it. `None` if the agent has
    /// been removed.
    pub fn with<R>(
        &mut self,
        agent: AgentKey,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R,
    ) -> Option<R> {
        let result = self.agents.get_mut(&agent)?.command(command);
        self.serve(agent);
        Some(result)
    }

    /// The last connection of an agent that could not be opened, with more detail than
    /// [`Event::ConnectFailed`] carries; `None` if all could, or the agent has been removed.
    #[must_use]
    pub fn connect_failure(&self, agent: AgentKey) -> Option<ConnectFailure> {
        self.agents.get(&agent)?.last_failure().last()
    }

    /// Lets go of an agent: calls are hung up as far as that needs no answer; its sockets are closed
    /// within 2 seconds of polling.
    pub fn remove(&mut self, agent: AgentKey) {
        if let Some(driver) = self.agents.get_mut(&agent) {
            driver.end(&mut self.shared);
            self.serve(agent);
        }
    }

    /// One wait, and what comes of it.
    fn turn(&mut self, limit: Option<Duration>) -> io::Result<()> {
        // From here on the clock may be set on: that ends the wait.
        let waker = Waker::from(self.shared.mailbox.clone());
        let _ = self.alarm.poll(&mut Context::from_waker(&waker));
        let asked = self.shared.clock.now();
        let mut pause = limit.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
        if let Some((at, _)) = self.deadlines.first() {
            pause = pause.min(at.saturating_since(asked));
        }
        if !self.ready.is_empty() {
            pause = Duration::ZERO;
        }
        match self.poll.poll(&mut self.readiness, Some(pause)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.readiness {
            if event.token() == MAILBOX {
                continue;
            }
            let id = AgentKey::of(event.token());
            if let Some(driver) = self.agents.get_mut(&id) {
                driver.wake();
                self.ready.insert(id);
            }
        }
        for post in self.shared.mailbox.take() {
            self.deliver(post);
        }
        for id in std::mem::take(&mut self.ready) {
            self.serve(id);
        }
        // Only deadlines that had passed when the sockets were asked: what had arrived by then has
        // gone before them, up to a fair share of it.
        let due = self.deadlines.range(..=(asked, AgentKey::LAST));
        for id in due.map(|(_, id)| *id).collect::<Vec<_>>() {
            if let Some(driver) = self.agents.get_mut(&id) {
                driver.on_timeout(asked);
                self.serve(id);
            }
        }
        Ok(())
    }

    fn deliver(&mut self, post: Envelope) {
        let now = self.shared.clock.now();
        let id = match post {
            Envelope::Arrival => {
                while let Some(driver) = self.arrivals.as_ref().and_then(|all| all.try_recv().ok())
                {
                    self.insert(driver);
                }
                return;
            }
            Envelope::Complete => {
                self.complete = true;
                return;
            }
            Envelope::Resolved(name, found) => {
                let found = found.map_err(|error| (error.kind(), error.to_string()));
                let mailbox = &self.shared.mailbox;
                for (id, connection) in self.shared.resolver.on_result(&name, mailbox) {
                    if let Some(driver) = self.agents.get_mut(&id) {
                        let found = found.clone();
                        let found = found.map_err(|(kind, text)| io::Error::new(kind, text));
                        driver.on_resolved(connection, found, now);
                        self.ready.insert(id);
                    }
                }
                return;
            }
            Envelope::Command(id, command) => {
                if let Some(driver) = self.agents.get_mut(&id) {
                    driver.command(command);
                }
                id
            }
            Envelope::HandlesDropped(id) => {
                if let Some(driver) = self.agents.get_mut(&id) {
                    driver.on_handles_dropped();
                }
                id
            }
            Envelope::Room(id) => id,
            Envelope::Described(id, session, step, outcome) => {
                if let Some(driver) = self.agents.get_mut(&id) {
                    driver.on_description(session, step, outcome);
                }
                id
            }
        };
        self.ready.insert(id);
    }

    /// Lets an agent do what it can, and notes what it waits for.
    fn serve(&mut self, id: AgentKey) {
        let Some(driver) = self.agents.get_mut(&id) else {
            return;
        };
        if driver.serve(&mut self.shared) {
            self.ready.insert(id);
        }
        if driver.has_news() {
            self.with_events.push_back(id);
        }
        let is_finished = driver.is_finished();
        let deadline = driver.deadline().filter(|_| !is_finished);
        if driver.scheduled != deadline {
            let before = std::mem::replace(&mut driver.scheduled, deadline);
            if let Some(before) = before {
                self.deadlines.remove(&(before, id));
            }
            self.deadlines.extend(deadline.map(|at| (at, id)));
        }
        if is_finished {
            self.agents.remove(&id);
        }
    }

    /// Other threads add agents through `arrivals`; each one that is sent is announced by [`Envelope::Arrival`].
    pub(crate) fn accept(&mut self, arrivals: mpsc::Receiver<Driver>) {
        self.arrivals = Some(arrivals);
    }

    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        self.shared.mailbox.clone()
    }

    /// Runs until there are no agents and none will be added.
    pub(crate) fn run(mut self) {
        self.shared.mailbox.own();
        while !(self.complete && self.agents.is_empty()) {
            if let Err(error) = self.turn(None) {
                tracing::error!(target: "sip.transport", "the I/O thread gives up: {error}");
                return;
            }
        }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.shared.mailbox.close();
        // A connector that panicked is not called again.
        if !thread::panicking() {
            for driver in self.agents.values_mut() {
                driver.end(&mut self.shared);
            }
        }
    }
}
