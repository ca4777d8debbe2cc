//! Registrations in a `Fleet`.

use std::collections::VecDeque;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_core::config::Config;
use sip_core::{Action, AgentId, Event, Fleet, Timestamp, UserAgent};

use super::agents::{INFO, config};
use super::far_end;
use crate::scenario::Scenario;

/// How many agents there are.
const AGENTS: u64 = 1_000;

/// A new agent connects and registers, and the oldest leaves.
struct Register {
    fleet: Fleet,
    config: Config,
    agents: VecDeque<AgentId>,
    seed: u64,
    done: u64,
}

pub(super) fn register() -> impl Scenario {
    let mut register = Register {
        fleet: Fleet::new(),
        config: config("alice", true),
        agents: VecDeque::new(),
        seed: 0,
        done: 0,
    };
    for _ in 0..AGENTS {
        register.add();
    }
    assert_eq!(register.done, AGENTS);
    register
}

impl Register {
    fn add(&mut self) {
        self.seed += 1;
        let now = Timestamp::ZERO;
        let random = Box::new(ChaCha20Rng::seed_from_u64(self.seed));
        let agent = UserAgent::new(self.config.clone(), random, now).expect("an agent");
        self.agents.push_back(self.fleet.insert(agent));
        while let Some((id, action)) = self.fleet.poll_action() {
            let input = |agent: &mut UserAgent| match action {
                Action::Connect { connection, .. } => {
                    agent.connection_opened(connection, INFO, now);
                    0
                }
                Action::Transmit { connection, bytes } => {
                    let received = agent.receive(connection, far_end::ok(&bytes), now);
                    received.expect("room in the queue");
                    0
                }
                Action::Event(Event::Registered(_)) => 1,
                _ => 0,
            };
            let registered: u64 = self.fleet.with(id, input).expect("an agent of the fleet");
            self.done += registered;
        }
    }
}

impl Scenario for Register {
    fn step(&mut self) {
        self.add();
        let oldest = self.agents.pop_front().and_then(|id| self.fleet.remove(id));
        oldest.expect("an agent of the fleet");
    }

    fn done(&self) -> u64 {
        self.done
    }
}
