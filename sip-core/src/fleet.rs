//! Many agents in one process: one heap of deadlines, one queue of actions.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use crate::action::Action;
use crate::endpoint::QueueRoom;
use crate::error::StaleHandle;
use crate::slab::{Handle, Slab, handle_type};
use crate::time::Timestamp;
use crate::timer::{TimerKey, Timers};
use crate::ua::UserAgent;

handle_type! {
    /// An agent of a [`Fleet`].
    AgentId
}

/// Many [`UserAgent`]s with one deadline and one queue of actions, as for a load test or a gateway.
///
/// The host's loop is that of one agent; each action carries the agent that emitted it. The cost of an input
/// or command grows with the number of agents only by the logarithm of the heap.
///
/// A generator for each agent costs more than 300 bytes with ChaCha20. A host with many agents gives each a handle without state,
/// which draws from one generator of the thread or from the operating system, as `benches/src/bin/agents.rs` does.
///
/// ```
/// use sip_core::{Fleet, Timestamp, UserAgent, config::Config};
/// # use rand_core::SeedableRng;
/// let config = Config::builder().server("wss://edge.example.com").register(false).build()?;
/// let mut fleet = Fleet::new();
/// for seed in 0..3 {
///     let random = Box::new(rand_chacha::ChaCha20Rng::from_seed([seed; 32])); // a host takes entropy from the OS
///     // The configuration is shared: a clone is a reference.
///     fleet.insert(UserAgent::new(config.clone(), random, Timestamp::ZERO)?);
/// }
/// let mut connects = 0;
/// while let Some((_agent, action)) = fleet.poll_action() {
///     connects += usize::from(matches!(action, sip_core::Action::Connect { .. }));
/// }
/// assert_eq!(connects, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Fleet {
    agents: Slab<Entry>,
    deadlines: Timers<Handle>,
    /// Agents that may have actions, each at most once, and some that were removed.
    ready: VecDeque<Handle>,
    /// Memory for the queues of agents: an agent without actions has none.
    #[expect(clippy::vec_box, reason = "each moves into an agent and out again")]
    spare: Vec<Box<QueueRoom>>,
    /// Agents of different settings, the newest last: one more agent shares what is equal.
    models: Vec<Handle>,
}

/// The most agents that one more agent is compared with.
const MODELS: usize = 4;

/// The most queues that wait for an agent. More of them are freed, because only agents with actions need one.
const SPARE_QUEUES: usize = 64;

struct Entry {
    /// Boxed, so that the table can grow without a second copy of all agents.
    agent: Box<UserAgent>,
    deadline: TimerKey,
    queued: bool,
}

impl Fleet {
    /// Makes a fleet without agents.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            agents: Slab::new(),
            deadlines: Timers::new(),
            ready: VecDeque::new(),
            spare: Vec::new(),
            models: Vec::new(),
        }
    }

    /// Adds an agent and returns its handle. The agent shares settings with agents of the fleet that have equal ones.
    pub fn insert(&mut self, mut agent: UserAgent) -> AgentId {
        let agents = &self.agents;
        self.models.retain(|model| agents.get(*model).is_some());
        let models = self.models.iter().rev();
        let mut models = models.filter_map(|model| agents.get(*model));
        if !models.any(|model| agent.share_settings(&model.agent)) {
            if self.models.len() == MODELS {
                self.models.remove(0);
            }
            self.models.push(self.agents.next_handle());
        }
        let handle = self.agents.insert(Entry {
            agent: Box::new(agent),
            deadline: TimerKey::NONE,
            queued: false,
        });
        self.note(handle);
        AgentId(handle)
    }

    /// Removes and returns an agent, with its unpolled actions; `None` if the handle is stale.
    pub fn remove(&mut self, id: AgentId) -> Option<UserAgent> {
        let entry = self.agents.remove(id.0)?;
        // The handle of a removed agent stays until its turn, or until half of the queue is stale.
        if self.ready.len() > 2 * self.agents.len() {
            self.ready.retain(|ready| self.agents.get(*ready).is_some());
        }
        self.deadlines.cancel(entry.deadline);
        Some(*entry.agent)
    }

    /// The number of agents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether there are no agents.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// Returns an agent for reading.
    ///
    /// # Errors
    /// [`StaleHandle`] if the agent was removed.
    pub fn agent(&self, id: AgentId) -> Result<&UserAgent, StaleHandle> {
        self.agents
            .get(id.0)
            .map(|entry| &*entry.agent)
            .ok_or(StaleHandle)
    }

    /// Passes an agent to `input`, which may call any input or command. Returns the result of `input`.
    ///
    /// # Errors
    /// [`StaleHandle`] if the agent was removed.
    pub fn with<T>(
        &mut self,
        id: AgentId,
        input: impl FnOnce(&mut UserAgent) -> T,
    ) -> Result<T, StaleHandle> {
        let entry = self.agents.get_mut(id.0).ok_or(StaleHandle)?;
        entry.agent.lend_room(|| self.spare.pop());
        let result = input(&mut entry.agent);
        self.note(id.0);
        Ok(result)
    }

    /// Returns the next action and the agent that emitted it; `None` if there is none. Agents take turns.
    /// Amortised constant time.
    pub fn poll_action(&mut self) -> Option<(AgentId, Action)> {
        while let Some(handle) = self.ready.pop_front() {
            let Some(entry) = self.agents.get_mut(handle) else {
                continue;
            };
            match entry.agent.poll_action() {
                Some(action) => {
                    self.ready.push_back(handle);
                    return Some((AgentId(handle), action));
                }
                None => {
                    entry.queued = false;
                    let room = entry.agent.take_room().filter(|room| !room.is_large());
                    if self.spare.len() < SPARE_QUEUES {
                        self.spare.extend(room);
                    }
                    // Without actions the agent may be due at once, because messages waited for room.
                    self.note_deadline(handle);
                }
            }
        }
        None
    }

    /// When to call [`Fleet::tick`] next, on the host's clock; `None` while no deadline is pending. Constant
    /// time.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    /// Advances the clock to `now`: ticks the due agents, each once and at most `most` of them. Call again
    /// while [`Fleet::next_tick`] is not later than `now`. A jump of any length is accepted, because the host
    /// has checked its clock ([`UserAgent::resume`]).
    pub fn tick(&mut self, now: Timestamp, most: usize) {
        for _ in 0..most.max(1) {
            let Some(handle) = self.deadlines.pop_due(now) else {
                return;
            };
            if let Some(entry) = self.agents.get_mut(handle) {
                entry.agent.lend_room(|| self.spare.pop());
                entry.agent.resume(now);
                self.note(handle);
            }
        }
    }

    /// Records the deadline and the actions of an agent after an input.
    fn note(&mut self, handle: Handle) {
        let Some(entry) = self.agents.get_mut(handle) else {
            return;
        };
        if !entry.queued {
            entry.queued = true;
            self.ready.push_back(handle);
        }
        self.note_deadline(handle);
    }

    fn note_deadline(&mut self, handle: Handle) {
        let Some(entry) = self.agents.get_mut(handle) else {
            return;
        };
        let next = entry.agent.next_tick();
        if self.deadlines.at(entry.deadline) == next {
            return;
        }
        self.deadlines.cancel(entry.deadline);
        entry.deadline = next.map_or(TimerKey::NONE, |at| self.deadlines.set(at, handle));
    }
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("agents", &self.agents.len())
            .finish_non_exhaustive()
    }
}
