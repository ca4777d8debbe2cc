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

/// How many ready sockets one wait reports; the next wait reports the others.
const READINESS_PER_WAIT: usize = 1024;

/// Any number of user agents on the thread that calls [`Reactor::poll`]. Other threads run for name look-ups
/// only.
///
/// The deadlines of all agents are in one ordered set, and only agents with something to do are visited, so
/// idle agents cost nothing.
///
/// Dropping it hangs up as far as one write allows and closes the sockets at once. To end the agents in order,
/// call [`UserAgent::stop`] for each one and poll until [`Event::Stopped`].
pub struct Reactor {
    poll: Poll,
    readiness: mio::Events,
    shared: Shared,
    /// Ends the wait when the clock is set forward.
    alarm: Alarm,
    agents: BTreeMap<AgentKey, Driver>,
    deadlines: BTreeSet<(Timestamp, AgentKey)>,
    /// Agents with something to do before the next wait.
    ready: BTreeSet<AgentKey>,
    /// Agents with an event for the caller of [`Reactor::poll`].
    with_events: VecDeque<AgentKey>,
    /// New agents from other threads, for [`Reactor::run`].
    arrivals: Option<mpsc::Receiver<Driver>>,
    /// No more agents follow.
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

    /// A reactor without agents. Its agents use `clock`.
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

    /// Adds a user agent; [`Reactor::poll`] drives it from now on.
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

    /// Drives all agents until one of them has an event, at most for `timeout` (`None`: without limit; zero:
    /// without waiting). `None` if no event came in time, or there is no agent.
    ///
    /// An agent whose event has not been taken does not read from its network, so no event is dropped. A
    /// program with other work calls this from time to time; deadlines that passed in between are handled after
    /// the input that has arrived.
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

    /// Runs `command` with an agent and the time, then sends the messages that result from it. `None` if the
    /// agent has been removed.
    pub fn with<R>(
        &mut self,
        agent: AgentKey,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R,
    ) -> Option<R> {
        let result = self.agents.get_mut(&agent)?.command(command);
        self.serve(agent);
        Some(result)
    }

    /// The last connection of an agent that could not be opened, with more detail than [`Event::ConnectFailed`]
    /// carries; `None` if every connection could be opened, or the agent has been removed.
    #[must_use]
    pub fn connect_failure(&self, agent: AgentKey) -> Option<ConnectFailure> {
        self.agents.get(&agent)?.last_failure().last()
    }

    /// Removes an agent: it hangs up without waiting for responses, and its sockets close within 2 seconds of
    /// polling.
    pub fn remove(&mut self, agent: AgentKey) {
        if let Some(driver) = self.agents.get_mut(&agent) {
            driver.end(&mut self.shared);
            self.serve(agent);
        }
    }

    /// Waits once and handles what the wait reports.
    fn turn(&mut self, limit: Option<Duration>) -> io::Result<()> {
        // From here on a clock that is set forward ends the wait.
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
        for envelope in self.shared.mailbox.take() {
            self.deliver(envelope);
        }
        for id in std::mem::take(&mut self.ready) {
            self.serve(id);
        }
        // Only deadlines that had passed before the wait. Inputs that had arrived by then have been handled
        // before them, up to the limit of a turn.
        let due = self.deadlines.range(..=(asked, AgentKey::LAST));
        for id in due.map(|(_, id)| *id).collect::<Vec<_>>() {
            if let Some(driver) = self.agents.get_mut(&id) {
                driver.on_timeout(asked);
                self.serve(id);
            }
        }
        Ok(())
    }

    fn deliver(&mut self, envelope: Envelope) {
        let now = self.shared.clock.now();
        let id = match envelope {
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

    /// Lets an agent do its work, and schedules its next deadline.
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

    /// Other threads add agents through `arrivals` and announce each one by [`Envelope::Arrival`].
    pub(crate) fn accept(&mut self, arrivals: mpsc::Receiver<Driver>) {
        self.arrivals = Some(arrivals);
    }

    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        self.shared.mailbox.clone()
    }

    /// Runs until all agents have ended and no more follow.
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
        // A panic of a connector is the reason for this drop, so the agents, and with them the connector, are
        // not called again.
        if !thread::panicking() {
            for driver in self.agents.values_mut() {
                driver.end(&mut self.shared);
            }
        }
    }
}
