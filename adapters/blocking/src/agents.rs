//! The user agents of one thread at a time, without the wait: takes what a wait reports and lets the agents work.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use mio::Registry;
use sip_core::{Event, Timestamp, UserAgent};
use sip_host::os::{Alarm, Clock};
use sip_host::{ConnectFailure, LONGEST_SLEEP};

use crate::driver::{Deliveries, Driver, Shared};
use crate::mailbox::{AgentKey, Envelope, MAILBOX, Mailbox};
use crate::resolve::Resolver;

/// How often the envelopes that the agents post themselves are read before the next wait.
const ROUNDS: u32 = 16;

/// How many agents whose event was taken read on before the next wait.
const RESUMPTIONS: usize = 64;

/// A wait for sockets, envelopes and deadlines.
#[derive(Clone, Copy)]
pub(crate) struct Wait {
    /// When it begins.
    pub(crate) asked: Timestamp,
    /// How long it lasts at most.
    pub(crate) pause: Duration,
}

/// Any number of user agents.
///
/// The deadlines of all agents are in one ordered set, and only agents with something to do are visited, so
/// idle agents cost nothing.
pub(crate) struct Agents {
    shared: Shared,
    /// Ends the wait when the clock is set forward.
    alarm: Alarm,
    agents: BTreeMap<AgentKey, Driver>,
    deadlines: BTreeSet<(Timestamp, AgentKey)>,
    /// Agents with something to do before the next wait.
    ready: BTreeSet<AgentKey>,
    /// Agents with an event for the caller of `Reactor::poll`.
    with_events: VecDeque<AgentKey>,
    /// Agents whose event the caller of `Reactor::poll` has taken: they may read on.
    resumed: Vec<AgentKey>,
    /// How many agents may read on before the next wait.
    resumptions: usize,
    /// New agents from other threads, each announced by [`Envelope::Arrival`].
    arrivals: Option<mpsc::Receiver<Driver>>,
    /// No more agents follow.
    complete: bool,
    /// When the wait of another thread ends at the latest; `None` while no thread waits.
    waits_until: Option<Timestamp>,
    /// What the queues of events took since [`Agents::take_deliveries`].
    deliveries: Deliveries,
}

impl Agents {
    pub(crate) fn new(registry: Registry, clock: Clock) -> io::Result<Self> {
        let mailbox = Mailbox::new(&registry)?;
        Ok(Self {
            alarm: clock.alarm(),
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
            resumed: Vec::new(),
            resumptions: RESUMPTIONS,
            arrivals: None,
            complete: false,
            waits_until: None,
            deliveries: Deliveries::default(),
        })
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.shared.mailbox
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// How many agents there are.
    pub(crate) fn len(&self) -> usize {
        self.agents.len()
    }

    pub(crate) fn insert(&mut self, driver: Driver) -> AgentKey {
        let id = driver.id;
        self.agents.insert(id, driver);
        self.ready.insert(id);
        id
    }

    /// Other threads add agents through `arrivals` and announce each one by [`Envelope::Arrival`].
    pub(crate) fn accept(&mut self, arrivals: mpsc::Receiver<Driver>) {
        self.arrivals = Some(arrivals);
    }

    /// Whether all agents have ended and no more follow.
    pub(crate) fn are_over(&self) -> bool {
        self.complete && self.agents.is_empty()
    }

    /// The next event for the caller of `Reactor::poll`, without a wait.
    pub(crate) fn next_event(&mut self) -> Option<(AgentKey, Event)> {
        loop {
            if let Some(event) = self.take_event() {
                return Some(event);
            }
            if !self.resume() {
                return None;
            }
        }
    }

    fn take_event(&mut self) -> Option<(AgentKey, Event)> {
        while let Some(id) = self.with_events.pop_front() {
            let Some(driver) = self.agents.get_mut(&id) else {
                continue;
            };
            if let Some(event) = driver.take_event() {
                self.resumed.push(id);
                return Some((id, event));
            }
        }
        None
    }

    /// Lets the agents whose events have been taken read on, without a wait. A wait follows after [`RESUMPTIONS`] of them,
    /// because other agents must not starve. True if an event has come of it.
    fn resume(&mut self) -> bool {
        for id in std::mem::take(&mut self.resumed) {
            if self.resumptions == 0 {
                self.ready.insert(id);
                continue;
            }
            self.resumptions -= 1;
            self.serve(id);
        }
        self.have_event()
    }

    /// Whether an event waits for the caller of `Reactor::poll`.
    pub(crate) fn have_event(&self) -> bool {
        !self.with_events.is_empty()
    }

    /// What the queues of events took since the last call.
    pub(crate) fn take_deliveries(&mut self) -> Deliveries {
        std::mem::take(&mut self.deliveries)
    }

    /// Runs `command` with an agent and the time, then sends the messages that result from it. `None` if the
    /// agent has been removed.
    pub(crate) fn with<R>(
        &mut self,
        agent: AgentKey,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R,
    ) -> Option<R> {
        if !self.agents.contains_key(&agent) {
            // The agent may wait in the channel, because the application has started it just now.
            self.take_arrivals();
        }
        let driver = self.agents.get_mut(&agent)?;
        let result = driver.command_after_chores(command, &mut self.shared);
        self.serve(agent);
        self.settle();
        Some(result)
    }

    pub(crate) fn connect_failure(&self, agent: AgentKey) -> Option<ConnectFailure> {
        self.agents.get(&agent)?.last_failure().last()
    }

    /// Removes an agent: it hangs up without waiting for responses, and its sockets close within 2 seconds of
    /// further turns.
    pub(crate) fn remove(&mut self, agent: AgentKey) {
        if let Some(driver) = self.agents.get_mut(&agent) {
            driver.end(&mut self.shared);
            self.serve(agent);
        }
    }

    /// The wait that comes next, at most for `limit`.
    pub(crate) fn wait(&mut self, limit: Option<Duration>) -> Wait {
        // From here on a clock that is set forward ends the wait.
        let waker = Waker::from(self.shared.mailbox.clone());
        let _ = self.alarm.poll(&mut Context::from_waker(&waker));
        let asked = self.shared.clock.now();
        let mut pause = limit.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
        if let Some((at, _)) = self.deadlines.first() {
            pause = pause.min(at.saturating_since(asked));
        }
        if self.are_busy() {
            pause = Duration::ZERO;
        }
        self.waits_until = Some(asked + pause);
        Wait { asked, pause }
    }

    /// Whether there is something to do without a wait.
    fn are_busy(&self) -> bool {
        !self.ready.is_empty() || !self.resumed.is_empty() || !self.shared.mailbox.is_empty()
    }

    /// Whether the thread that waits must wake up before its wait is over, because a command has given it something to
    /// do, or an earlier deadline. True once for each wait.
    pub(crate) fn outrun_the_wait(&mut self) -> bool {
        let Some(end) = self.waits_until else {
            return false;
        };
        let first = self.deadlines.first();
        let outruns = self.are_busy() || first.is_some_and(|(at, _)| *at < end);
        if outruns {
            self.waits_until = None;
        }
        outruns
    }

    /// Handles what a wait reports.
    pub(crate) fn turn(&mut self, readiness: &mio::Events, wait: Wait) {
        self.waits_until = None;
        self.resumptions = RESUMPTIONS;
        for event in readiness {
            if event.token() == MAILBOX {
                continue;
            }
            let id = AgentKey::of(event.token());
            if let Some(driver) = self.agents.get_mut(&id) {
                // An error of the socket counts as its end: the next read reports it.
                driver.wake(event.is_read_closed() || event.is_error());
                self.ready.insert(id);
            }
        }
        for envelope in self.shared.mailbox.take() {
            self.deliver(envelope);
        }
        self.ready.extend(self.resumed.drain(..));
        for id in std::mem::take(&mut self.ready) {
            self.serve(id);
        }
        // Only deadlines that had passed before the wait. Inputs that had arrived by then have been handled
        // before them, up to the limit of a turn.
        let due = self.deadlines.range(..=(wait.asked, AgentKey::LAST));
        for id in due.map(|(_, id)| *id).collect::<Vec<_>>() {
            if let Some(driver) = self.agents.get_mut(&id) {
                driver.on_timeout(wait.asked);
                self.serve(id);
            }
        }
        self.settle();
    }

    /// Reads the envelopes that the agents have posted themselves, such as the replies of their description handlers.
    fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let envelopes = self.shared.mailbox.take();
            if envelopes.is_empty() {
                return;
            }
            let busy = std::mem::take(&mut self.ready);
            for envelope in envelopes {
                self.deliver(envelope);
            }
            for id in std::mem::replace(&mut self.ready, busy) {
                self.serve(id);
            }
        }
    }

    fn deliver(&mut self, envelope: Envelope) {
        let now = self.shared.clock.now();
        let id = match envelope {
            Envelope::Arrival => {
                self.take_arrivals();
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
            Envelope::HandlesDropped(id) => {
                if let Some(driver) = self.agents.get_mut(&id) {
                    driver.on_handles_dropped();
                }
                id
            }
            Envelope::Room(id) | Envelope::Chore(id) => id,
            Envelope::Described(id, session, step, outcome) => {
                if let Some(driver) = self.agents.get_mut(&id) {
                    driver.on_description(session, step, outcome);
                }
                id
            }
        };
        self.ready.insert(id);
    }

    fn take_arrivals(&mut self) {
        while let Some(driver) = self.arrivals.as_ref().and_then(|all| all.try_recv().ok()) {
            self.insert(driver);
        }
    }

    /// Lets an agent do its work, and schedules its next deadline.
    fn serve(&mut self, id: AgentKey) {
        let Some(driver) = self.agents.get_mut(&id) else {
            return;
        };
        if driver.serve(&mut self.shared) {
            self.ready.insert(id);
        }
        let Deliveries { woken, unnoticed } = driver.take_deliveries();
        self.deliveries.woken += woken;
        self.deliveries.unnoticed += unnoticed;
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
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.shared.mailbox.close();
        // A panic of a connector is the reason for this drop, so the agents, and with them the connector, are
        // not called again.
        if !thread::panicking() {
            let _driving = self.shared.mailbox.drive();
            for driver in self.agents.values_mut() {
                driver.end(&mut self.shared);
            }
        }
    }
}
