//! A thousand user agents in one thread: each of 500 sends a MESSAGE to its neighbour, in memory. A program with sockets has the same
//! loop: it waits for them until `Fleet::next_tick` in place of letting the clock jump.
//!
//! `cargo run --release -p sip-ua-core --example fleet -- [AGENTS]`

use std::collections::BTreeMap;
use std::error::Error;

use sip_core::config::Config;
use sip_core::{Action, AgentId, Body, Event, Fleet, SeededRng, Timestamp, Transport, UserAgent};
use sip_parse::StatusCode;

fn agent(number: usize) -> Result<UserAgent, Box<dyn Error>> {
    let config = Config::builder()
        .uri(format!("sip:agent{number}@example.com"))
        .server("ws://relay.invalid")
        .register(false)
        .build()?;
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let random = Box::new(SeededRng::new(seed));
    Ok(UserAgent::new(config, random, Timestamp::ZERO)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args()
        .nth(1)
        .map_or(Ok(1_000), |text| text.parse())?;
    let pairs = count / 2;
    let mut fleet = Fleet::new();
    let mut agents = Vec::new();
    for number in 0..pairs * 2 {
        agents.push(fleet.insert(agent(number)?));
    }
    let numbers: BTreeMap<AgentId, usize> = agents.iter().copied().zip(0..).collect();
    let (mut lines, mut now) = (BTreeMap::new(), Timestamp::ZERO);
    let (mut received, mut answered) = (0, 0);
    loop {
        while let Some((id, action)) = fleet.poll_action() {
            let neighbour = agents[numbers[&id] ^ 1];
            match action {
                Action::Connect { connection, .. } => {
                    lines.insert(id, connection);
                    let line = Transport::Ws.into();
                    fleet.with(id, |agent| agent.connection_opened(connection, line, now))?;
                    if lines.contains_key(&neighbour) {
                        let target = format!("agent{}", numbers[&neighbour]);
                        let body = Body::new("text/plain", "Hello, neighbour");
                        fleet.with(id, |agent| agent.message(&target, body, now))??;
                    }
                }
                Action::Transmit { bytes, .. } => {
                    let line = lines[&neighbour];
                    fleet.with(neighbour, |agent| agent.receive(line, bytes, now))??;
                }
                Action::Event(Event::IncomingRequest { incoming, .. }) => {
                    received += 1;
                    let ok = StatusCode::OK;
                    fleet.with(id, |agent| agent.respond(incoming, ok, now))??;
                }
                Action::Event(Event::RequestCompleted { outcome, .. }) => {
                    answered += usize::from(outcome?.status().is_success());
                }
                _ => {}
            }
        }
        match fleet.next_tick() {
            Some(next) if answered < pairs => now = next,
            _ => break,
        }
        fleet.tick(now, usize::MAX);
    }
    println!("{count} agents, {received} messages received, {answered} answered");
    assert_eq!((received, answered), (pairs, pairs));
    Ok(())
}
