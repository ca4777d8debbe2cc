//! `UserAgent`s: requests, calls, registrations, and what an idle one costs.

use std::hint::black_box;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_core::config::Config;
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, InviteOptions, Session, SessionId,
    Timestamp, Transport, UserAgent,
};
use sip_parse::{Bytes, StatusCode};

use super::far_end;
use crate::description::description;
use crate::scenario::Scenario;

/// A transaction that is over waits up to 32 s for its timer: 64 calls wait at any time.
const PAUSE: Duration = Duration::from_millis(500);

/// As many steps as there are transactions at any time, and more.
const WARM: u64 = 70;

/// The connection of an agent that has just opened.
pub(super) const INFO: ConnectionInfo = ConnectionInfo {
    transport: Transport::Wss,
    remote: None,
};

/// The configuration of one agent.
pub(super) fn config(user: &str, register: bool) -> Config {
    let mut builder = Config::builder();
    builder.uri(format!("sip:{user}@example.com"));
    builder.server("wss://edge.example.com").register(register);
    builder.build().expect("a configuration")
}

/// An agent that has connected.
struct Agent {
    agent: UserAgent,
    connection: ConnectionId,
    description: Body,
    established: u64,
    ended: u64,
    completed: u64,
    registered: u64,
}

impl Agent {
    /// Makes an agent and opens its connection.
    fn connected(config: &Config, seed: u64, now: Timestamp) -> Self {
        let random = Box::new(ChaCha20Rng::seed_from_u64(seed));
        let mut agent = UserAgent::new(config.clone(), random, now).expect("an agent");
        let connection = loop {
            let action = agent.poll_action().expect("an agent that starts connects");
            if let Action::Connect { connection, .. } = action {
                break connection;
            }
        };
        agent.connection_opened(connection, INFO, now);
        Self {
            agent,
            connection,
            description: description(),
            established: 0,
            ended: 0,
            completed: 0,
            registered: 0,
        }
    }

    /// An agent whose registrar accepts each REGISTER.
    fn registered(config: &Config, seed: u64, now: Timestamp) -> Self {
        let mut agent = Self::connected(config, seed, now);
        let mut sent = Vec::new();
        loop {
            agent.poll(&mut sent, now);
            if sent.is_empty() {
                return agent;
            }
            for bytes in sent.drain(..) {
                agent.receive(far_end::ok(&bytes), now);
            }
        }
    }

    fn receive(&mut self, bytes: Bytes, now: Timestamp) {
        let received = self.agent.receive(self.connection, bytes, now);
        received.expect("room in the queue");
    }

    /// Carries out the actions; what it sends goes to `sent`.
    fn poll(&mut self, sent: &mut Vec<Bytes>, now: Timestamp) {
        while let Some(action) = self.agent.poll_action() {
            match action {
                Action::Transmit { bytes, .. } => sent.push(bytes),
                Action::Event(event) => self.on_event(event, now),
                _ => {}
            }
        }
    }

    fn on_event(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::IncomingCall { session, .. } => match self.agent.session(session) {
                Ok(Session::Incoming(call)) => call.answer(now),
                other => panic!("not an incoming call: {other:?}"),
            },
            Event::DescriptionNeeded {
                session, exchange, ..
            } => {
                let description = Ok(self.description.clone());
                let done = self.agent.describe(session, exchange, description, now);
                done.expect("the exchange waits for its description");
            }
            Event::IncomingRequest { incoming, .. } => {
                let done = self.agent.respond(incoming, StatusCode::OK, now);
                done.expect("the request waits for its answer");
            }
            Event::Established { .. } => self.established += 1,
            Event::Ended { .. } => self.ended += 1,
            Event::RequestCompleted { outcome, .. } => {
                let ok = outcome.is_ok_and(|response| response.status() == StatusCode::OK);
                self.completed += u64::from(ok);
            }
            Event::Registered(_) => self.registered += 1,
            _ => {}
        }
    }
}

/// Two agents, and what one sends the other receives.
struct Pair {
    agents: [Agent; 2],
    sent: [Vec<Bytes>; 2],
    target: String,
    now: Timestamp,
}

impl Pair {
    fn new() -> Self {
        let now = Timestamp::ZERO;
        let agent = |user, seed| Agent::connected(&config(user, false), seed, now);
        let agents = [agent("alice", 1), agent("bob", 2)];
        let contact = agents[1].agent.contact();
        let target = contact
            .trim_start_matches('<')
            .split('>')
            .next()
            .expect("a URI");
        Self {
            target: target.to_owned(),
            agents,
            sent: Default::default(),
            now,
        }
    }

    /// Passes messages until there are none.
    fn deliver(&mut self) {
        loop {
            for (agent, sent) in self.agents.iter_mut().zip(&mut self.sent) {
                agent.poll(sent, self.now);
            }
            if self.sent.iter().all(Vec::is_empty) {
                return;
            }
            for (from, sent) in self.sent.iter_mut().enumerate() {
                for bytes in sent.drain(..) {
                    self.agents[1 - from].receive(bytes, self.now);
                }
            }
        }
    }

    fn pause(&mut self) {
        self.now = self.now + PAUSE;
        for agent in &mut self.agents {
            agent.agent.tick(self.now).expect("the clock does not jump");
            // The server answers pings in real life; here the agents hear from each other often enough.
        }
        self.deliver();
    }
}

/// OPTIONS to 200.
struct Options {
    agent: Agent,
    requests: Vec<Bytes>,
    at: usize,
    sent: Vec<Bytes>,
    now: Timestamp,
    done: u64,
}

pub(super) fn options() -> impl Scenario {
    let now = Timestamp::ZERO;
    let agent = Agent::connected(&config("bob", false), 2, now);
    let contact = agent.agent.contact();
    let uri = contact.trim_start_matches('<').split('>').next();
    let uri = uri.expect("a URI");
    let request = |number: u64| {
        let text = format!(
            "OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/WSS a1b2c3.invalid;branch=z9hG4bK{number:04x}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag={number:04x}\r\nTo: <sip:bob@example.com>\r\n\
             Call-ID: {number:04x}@a1b2c3.invalid\r\nCSeq: 1 OPTIONS\r\nContact: <sip:alice@a1b2c3.invalid>\r\n\
             Content-Length: 0\r\n\r\n"
        );
        Bytes::from(text)
    };
    let requests = (0..1_024).map(request).collect();
    let mut options = Options {
        requests,
        agent,
        at: 0,
        sent: Vec::new(),
        now,
        done: 0,
    };
    options.run_checked(WARM);
    options
}

impl Scenario for Options {
    fn step(&mut self) {
        let request = self.requests[self.at].clone();
        self.at = (self.at + 1) % self.requests.len();
        self.agent.receive(request, self.now);
        self.agent.poll(&mut self.sent, self.now);
        let ok = |bytes: &Bytes| bytes.starts_with(b"SIP/2.0 200 ");
        self.done += u64::from(self.sent.len() == 1 && ok(&self.sent[0]));
        self.sent.clear();
    }

    fn done(&self) -> u64 {
        self.done
    }
}

/// MESSAGE to its 200, both ends.
struct Message {
    pair: Pair,
    body: Body,
}

pub(super) fn message() -> impl Scenario {
    let mut message = Message {
        pair: Pair::new(),
        body: Body::new("text/plain", "Lunch at noon, at the usual place?"),
    };
    message.run_checked(WARM);
    message
}

impl Scenario for Message {
    fn step(&mut self) {
        let (now, body) = (self.pair.now, self.body.clone());
        let alice = &mut self.pair.agents[0].agent;
        let sent = alice.message(&self.pair.target, body, now);
        sent.expect("room for the request");
        self.pair.deliver();
    }

    fn done(&self) -> u64 {
        self.pair.agents[0].completed
    }
}

/// A call from INVITE to the 200 of BYE, both ends.
struct Call {
    pair: Pair,
}

pub(super) fn call() -> impl Scenario {
    let mut call = Call { pair: Pair::new() };
    call.run_checked(WARM);
    call
}

impl Scenario for Call {
    fn step(&mut self) {
        let now = self.pair.now;
        let alice = &mut self.pair.agents[0].agent;
        let call = alice.invite(&self.pair.target, InviteOptions::new(), now);
        let call: SessionId = call.expect("room for the call");
        self.pair.deliver();
        let alice = &mut self.pair.agents[0].agent;
        alice.hang_up(call, now).expect("the call is up");
        self.pair.deliver();
        self.pair.pause();
    }

    fn done(&self) -> u64 {
        let ends = self.pair.agents.each_ref();
        let reached = ends.map(|end| end.established.min(end.ended));
        reached[0].min(reached[1])
    }
}

/// A new agent connects and registers, and is dropped.
struct Register {
    config: Config,
    seed: u64,
    done: u64,
}

pub(super) fn register() -> impl Scenario {
    let mut register = Register {
        config: config("alice", true),
        seed: 0,
        done: 0,
    };
    register.run_checked(1);
    register
}

impl Scenario for Register {
    fn step(&mut self) {
        self.seed += 1;
        let agent = Agent::registered(&self.config, self.seed, Timestamp::ZERO);
        self.done += u64::from(agent.registered == 1 && agent.agent.is_registered());
        black_box(&agent.agent);
    }

    fn done(&self) -> u64 {
        self.done
    }
}

/// A call of a registered agent that has nothing to do.
struct Idle<W> {
    agent: UserAgent,
    work: W,
    done: u64,
}

fn idle<W: FnMut(&mut UserAgent) -> bool>(work: W) -> Idle<W> {
    let agent = Agent::registered(&config("alice", true), 1, Timestamp::ZERO).agent;
    assert!(agent.is_registered());
    Idle {
        agent,
        work,
        done: 0,
    }
}

impl<W: FnMut(&mut UserAgent) -> bool> Scenario for Idle<W> {
    fn step(&mut self) {
        self.done += u64::from((self.work)(black_box(&mut self.agent)));
    }

    fn done(&self) -> u64 {
        self.done
    }
}

pub(super) fn tick() -> impl Scenario {
    idle(|agent| agent.tick(black_box(Timestamp::from_micros(1))).is_ok())
}

pub(super) fn next_tick() -> impl Scenario {
    idle(|agent| agent.next_tick().is_some())
}

pub(super) fn poll() -> impl Scenario {
    idle(|agent| agent.poll_action().is_none())
}
