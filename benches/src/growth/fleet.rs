//! The agents of a `Fleet`.

use std::collections::VecDeque;

use sip_core::config::Config;
use sip_core::{Action, AgentId, Event, Fleet, Timestamp, UserAgent};

use super::agents::{INFO, agent, config};
use crate::series::{Series, far_end};

/// A fleet whose registrar accepts each REGISTER.
struct Registered {
    fleet: Fleet,
    config: Config,
    agents: VecDeque<AgentId>,
    now: Timestamp,
    seed: u64,
    registered: u64,
}

impl Registered {
    fn new(size: u64) -> Self {
        let mut new = Self {
            fleet: Fleet::new(),
            config: config("alice", true),
            agents: VecDeque::new(),
            now: Timestamp::ZERO,
            seed: 0,
            registered: 0,
        };
        for _ in 0..size {
            new.add();
            new.run();
        }
        assert_eq!(new.registered, size);
        new
    }

    fn add(&mut self) {
        self.seed += 1;
        let agent = agent(&self.config, self.seed, self.now);
        self.agents.push_back(self.fleet.insert(agent));
    }

    fn run(&mut self) {
        let now = self.now;
        while let Some((id, action)) = self.fleet.poll_action() {
            let input = |agent: &mut UserAgent| match action {
                Action::Connect { connection, .. } => {
                    agent.connection_opened(connection, INFO, now)
                }
                Action::Transmit { connection, bytes } => {
                    let received = agent.receive(connection, far_end(&bytes), now);
                    received.expect("room in the queue");
                }
                Action::Ping { connection } => agent.pong(connection, now),
                Action::Event(Event::Registered(_) | Event::Bindings { .. }) => {
                    self.registered += 1;
                }
                _ => {}
            };
            let done = self.fleet.with(id, input);
            done.expect("an agent of the fleet");
        }
    }
}

/// One step is a REGISTER of one agent, which fetches its bindings.
struct Agents(Registered);

impl Series for Agents {
    fn step(&mut self) {
        let (now, before) = (self.0.now, self.0.registered);
        let id = self.0.agents.pop_front().expect("an agent");
        let done = self.0.fleet.with(id, |agent| agent.query_bindings(now));
        done.expect("an agent of the fleet")
            .expect("an agent that runs");
        self.0.agents.push_back(id);
        self.0.run();
        assert_eq!(self.0.registered, before + 1);
    }
}

pub(super) fn agents(size: u64) -> Box<dyn Series> {
    Box::new(Agents(Registered::new(size)))
}

/// One step is a tick at the next deadline.
struct Ticks(Registered);

impl Series for Ticks {
    fn step(&mut self) {
        let before = self.0.registered;
        while self.0.registered == before {
            self.0.now = self.0.fleet.next_tick().expect("a deadline");
            self.0.fleet.tick(self.0.now, 1);
            self.0.run();
        }
    }
}

pub(super) fn tick(size: u64) -> Box<dyn Series> {
    Box::new(Ticks(Registered::new(size)))
}

/// One step is an agent that comes and goes before the host polls.
struct Leave(Registered);

impl Series for Leave {
    fn step(&mut self) {
        self.0.add();
        let last = self
            .0
            .agents
            .pop_back()
            .and_then(|id| self.0.fleet.remove(id));
        assert!(last.is_some());
    }
}

pub(super) fn leave(size: u64) -> Box<dyn Series> {
    let mut registered = Registered::new(0);
    for _ in 0..size {
        registered.add();
    }
    Box::new(Leave(registered))
}
