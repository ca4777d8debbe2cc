//! The server of a thousand agents goes away for an hour. The agents come back by themselves and not all in one
//! second (CONN: no stampede).

use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use sip_core::config::Config;
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    Action, AgentId, ConnectionId, ConnectionInfo, Fleet, Timestamp, Transport, UserAgent,
};
use sip_edge::{Edge, EdgeAction, EdgeConfig};
use sip_testing::{random, seeded};

const AGENTS: usize = 1_000;
const GONE_AT: Timestamp = Timestamp::from_millis(600_000);
const BACK_AT: Timestamp = Timestamp::from_millis(600_000 + 3_600_000);

struct Host {
    fleet: Fleet,
    edge: Edge,
    now: Timestamp,
    /// Connections being opened, with the time at which their outcome is known.
    opening: BTreeMap<(Timestamp, u64), (AgentId, ConnectionId)>,
    order: u64,
    /// Both ends of an open connection.
    links: BTreeMap<AgentId, (ConnectionId, ConnectionId)>,
    by_edge: BTreeMap<u64, AgentId>,
    /// Attempts to connect while the server is away, and REGISTERs that the edge receives, by second.
    attempts: BTreeMap<u64, u64>,
    registers: BTreeMap<u64, u64>,
    chance: ChaCha20Rng,
}

impl Host {
    fn new() -> Self {
        let users: Vec<(String, String)> = (0..AGENTS)
            .map(|n| (format!("u{n}"), "pw".to_owned()))
            .collect();
        let config = EdgeConfig {
            realm: "sim.test".into(),
            users,
            ..EdgeConfig::default()
        };
        let edge = Edge::new(config, random(9)).expect("edge");
        let mut fleet = Fleet::new();
        for n in 0..AGENTS {
            let mut config = Config::builder();
            config
                .uri(format!("sip:u{n}@sim.test"))
                .server("ws://sim.test")
                .password("pw");
            let random = seeded(n as u64, 1);
            let config = config.build().expect("config");
            fleet.insert(UserAgent::new(config, random, Timestamp::ZERO).expect("agent"));
        }
        Self {
            fleet,
            edge,
            now: Timestamp::ZERO,
            opening: BTreeMap::new(),
            order: 0,
            links: BTreeMap::new(),
            by_edge: BTreeMap::new(),
            attempts: BTreeMap::new(),
            registers: BTreeMap::new(),
            chance: *random(5),
        }
    }

    fn second(&self) -> u64 {
        self.now.as_micros() / 1_000_000
    }

    fn is_away(&self) -> bool {
        self.now >= GONE_AT && self.now < BACK_AT
    }

    /// Carries out all actions. Bytes arrive at once, because the test measures when each agent sends.
    fn settle(&mut self) {
        loop {
            let mut busy = false;
            while let Some((agent, action)) = self.fleet.poll_action() {
                busy = true;
                match action {
                    Action::Connect { connection, .. } => {
                        if self.is_away() {
                            *self.attempts.entry(self.second()).or_default() += 1;
                        }
                        let delay = Duration::from_micros(1_000 + self.chance.next_u64() % 50_000);
                        self.order += 1;
                        self.opening
                            .insert((self.now + delay, self.order), (agent, connection));
                    }
                    Action::Transmit { bytes, .. } => {
                        if bytes.starts_with(b"REGISTER") {
                            *self.registers.entry(self.second()).or_default() += 1;
                        }
                        if let Some(&(_, edge_side)) = self.links.get(&agent) {
                            self.edge.receive(edge_side, bytes, self.now).expect("room");
                        }
                    }
                    Action::Ping { connection } => {
                        let now = self.now;
                        self.fleet
                            .with(agent, |agent| agent.pong(connection, now))
                            .expect("agent");
                    }
                    _ => {}
                }
            }
            while let Some(action) = self.edge.poll_action() {
                busy = true;
                if let EdgeAction::Transmit { connection, bytes } = action
                    && let Some(&agent) = self.by_edge.get(&connection.to_bits())
                {
                    let now = self.now;
                    let (own, _) = self.links[&agent];
                    let taken = self
                        .fleet
                        .with(agent, |agent| agent.receive(own, bytes, now));
                    taken.expect("agent").expect("room");
                }
            }
            if !busy {
                return;
            }
        }
    }

    fn run(&mut self, end: Timestamp) {
        loop {
            self.settle();
            let opened = self.opening.keys().next().map(|&(at, _)| at);
            let next = [opened, self.fleet.next_tick(), self.edge.next_tick()]
                .into_iter()
                .flatten()
                .min();
            let Some(next) = next.filter(|&next| next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            if opened.is_some_and(|at| at <= self.now) {
                self.open();
            }
            self.fleet.tick(self.now, 64);
            if self.edge.next_tick().is_some_and(|at| at <= self.now) {
                self.edge.tick(self.now);
            }
        }
    }

    fn open(&mut self) {
        let Some((_, (agent, connection))) = self.opening.pop_first() else {
            return;
        };
        let now = self.now;
        if self.is_away() {
            let error = ConnectError::Refused;
            self.fleet
                .with(agent, |agent| {
                    agent.connection_failed(connection, error, now)
                })
                .expect("agent");
            return;
        }
        let info = ConnectionInfo {
            transport: Transport::Ws,
            remote: None,
        };
        let edge_side = self.edge.accept(info);
        self.links.insert(agent, (connection, edge_side));
        self.by_edge.insert(edge_side.to_bits(), agent);
        self.fleet
            .with(agent, |agent| {
                agent.connection_opened(connection, info, now)
            })
            .expect("agent");
    }

    fn server_goes_away(&mut self) {
        let now = self.now;
        for (agent, (own, edge_side)) in std::mem::take(&mut self.links) {
            self.edge.closed(edge_side, now);
            let reason = DisconnectReason::Lost;
            self.fleet
                .with(agent, |agent| agent.connection_closed(own, reason, now))
                .expect("agent");
        }
        self.by_edge.clear();
    }
}

/// The REGISTERs of each second: its number, how many, and a mark for each four.
fn plot(registers: &BTreeMap<u64, u64>, first: u64) -> String {
    let lines = (first..first + 35).map(|second| {
        let count = registers.get(&second).copied().unwrap_or_default();
        let marks = "#".repeat((count / 4) as usize);
        let line = format!("{:>4} {count:>5} {marks}", second - first);
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_thousand_agents_come_back_without_a_stampede() {
    let mut host = Host::new();
    host.run(GONE_AT);
    assert_eq!(host.edge.counters().registered as usize, AGENTS);
    host.server_goes_away();
    host.registers.clear();
    host.run(BACK_AT);
    assert!(host.registers.is_empty(), "no REGISTER without a server");
    let busiest = host
        .attempts
        .iter()
        .skip_while(|(second, _)| **second < 660)
        .map(|(_, count)| *count)
        .max();
    host.run(BACK_AT + Duration::from_secs(120));
    assert_eq!(
        host.edge.counters().registered as usize,
        2 * AGENTS,
        "everybody is back"
    );

    let first = BACK_AT.as_micros() / 1_000_000;
    let plot = plot(&host.registers, first);
    println!("REGISTERs (with their retry for the challenge) by second after the server is back:");
    println!("{plot}");
    assert!(
        include_str!("../../../docs/reachability.md").contains(&format!("```text\n{plot}\n```")),
        "docs/reachability.md has another plot"
    );
    println!("attempts to connect in the busiest second of the outage: {busiest:?}");
    let peak = host.registers.values().copied().max().unwrap_or_default();
    // Two REGISTERs each; evenly over the 30 s of the longest recovery wait they would be 67 a second.
    assert!(peak <= 300, "a stampede: {peak} REGISTERs in one second");
    let last = host.registers.keys().copied().max().unwrap_or_default();
    assert!(
        last <= first + 35,
        "all within the longest recovery wait and its spread"
    );
    assert!(busiest.is_some_and(|busiest| busiest <= 300), "{busiest:?}");
}
