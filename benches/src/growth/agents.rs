//! Two `UserAgent`s on one connection.

use std::collections::VecDeque;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_core::config::Config;
use sip_core::connection::DisconnectReason;
use sip_core::transaction::TimerSettings;
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, IncomingSubscriptionId, InviteOptions,
    MessageOptions, Notification, PublicationId, PublishOptions, Session, SessionId,
    SubscribeOptions, Timestamp, TransferOptions, Transport, UserAgent,
};
use sip_parse::{Bytes, StatusCode};

use crate::description::description;
use crate::series::{Series, far_end, limits};

/// How long a transaction that is over may stay.
pub(super) const LAPSE: Duration = Duration::from_secs(40);

/// Calls that begin between two pauses of a set-up.
const BATCH: u64 = 1_000;

/// A connection that has just opened.
pub(super) const INFO: ConnectionInfo = ConnectionInfo {
    transport: Transport::Wss,
    remote: None,
};

/// An agent without limits that an edge serves.
pub(super) fn agent(config: &Config, seed: u64, now: Timestamp) -> UserAgent {
    let random = Box::new(ChaCha20Rng::seed_from_u64(seed));
    let agent = UserAgent::with_limits(
        config.clone(),
        limits(),
        TimerSettings::default(),
        random,
        now,
    );
    agent.expect("an agent")
}

pub(super) fn config(user: &str, register: bool) -> Config {
    let mut builder = Config::builder();
    builder.uri(format!("sip:{user}@example.com"));
    builder.server("wss://edge.example.com").register(register);
    builder.event_packages(["presence"]);
    builder.build().expect("a configuration")
}

struct End {
    agent: UserAgent,
    connection: ConnectionId,
    description: Body,
    /// Whether it answers calls.
    answers: bool,
    /// Whether it answers requests.
    responds: bool,
    established: u64,
    ended: u64,
    ringing: u64,
    completed: u64,
    notified: u64,
    watchers: VecDeque<IncomingSubscriptionId>,
    published: u64,
}

impl End {
    fn new(user: &str, seed: u64) -> Self {
        let mut agent = agent(&config(user, false), seed, Timestamp::ZERO);
        let connection = loop {
            let action = agent.poll_action().expect("an agent that starts connects");
            if let Action::Connect { connection, .. } = action {
                break connection;
            }
        };
        agent.connection_opened(connection, INFO, Timestamp::ZERO);
        Self {
            agent,
            connection,
            description: description(),
            answers: true,
            responds: true,
            established: 0,
            ended: 0,
            ringing: 0,
            completed: 0,
            notified: 0,
            watchers: VecDeque::new(),
            published: 0,
        }
    }

    /// Carries out the actions; what it sends goes to `out`.
    fn poll(&mut self, out: &mut Vec<Bytes>, now: Timestamp) {
        while let Some(action) = self.agent.poll_action() {
            match action {
                Action::Transmit { bytes, .. } => out.push(bytes),
                Action::Ping { connection } => self.agent.pong(connection, now),
                Action::Event(event) => self.on_event(event, now),
                _ => {}
            }
        }
    }

    fn on_event(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::IncomingCall { session, .. } => match self.agent.session(session) {
                Ok(Session::Incoming(call)) if self.answers => call.answer(now),
                Ok(Session::Incoming(call)) => call.ring(now),
                _ => {}
            },
            Event::DescriptionNeeded {
                session, exchange, ..
            } => {
                let description = Ok(self.description.clone());
                let done = self.agent.describe(session, exchange, description, now);
                done.expect("the exchange waits for its description");
            }
            Event::IncomingRequest { incoming, .. } if self.responds => {
                let done = self.agent.respond(incoming, StatusCode::OK, now);
                done.expect("the request waits for its answer");
            }
            Event::IncomingSubscription { subscription, .. } => {
                let (state, options) = (state(), MessageOptions::new());
                let done = self
                    .agent
                    .accept_subscription(subscription, state, &options, now);
                done.expect("the subscription waits for its answer");
                self.watchers.push_back(subscription);
            }
            Event::Progress { .. } => self.ringing += 1,
            Event::Established { .. } => self.established += 1,
            Event::Ended { .. } => self.ended += 1,
            Event::RequestCompleted { .. } => self.completed += 1,
            Event::Notified { .. } => self.notified += 1,
            Event::Published { .. } => self.published += 1,
            _ => {}
        }
    }
}

fn state() -> Notification {
    Notification::active(Body::new("application/pidf+xml", "<presence/>"))
}

/// Both ends and the clock.
struct Pair {
    caller: End,
    callee: End,
    target: String,
    now: Timestamp,
}

impl Pair {
    fn new() -> Self {
        let callee = End::new("bob", 2);
        let contact = callee.agent.contact();
        let target = contact.trim_start_matches('<').split('>').next();
        let mut pair = Self {
            target: target.unwrap_or_default().to_owned(),
            caller: End::new("alice", 1),
            callee,
            now: Timestamp::ZERO,
        };
        pair.run();
        pair
    }

    /// Passes messages until there are none.
    fn run(&mut self) {
        let (mut to_callee, mut to_caller) = (Vec::new(), Vec::new());
        let now = self.now;
        loop {
            self.caller.poll(&mut to_callee, now);
            self.callee.poll(&mut to_caller, now);
            if to_callee.is_empty() && to_caller.is_empty() {
                return;
            }
            for (end, arrived) in [
                (&mut self.callee, &mut to_callee),
                (&mut self.caller, &mut to_caller),
            ] {
                for bytes in arrived.drain(..) {
                    let received = end.agent.receive(end.connection, bytes, now);
                    received.expect("room in the queue");
                }
            }
        }
    }

    /// Ticks at each deadline until this time has passed.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let ticks = [self.caller.agent.next_tick(), self.callee.agent.next_tick()];
            let next = ticks.into_iter().flatten().min();
            self.now = next.map_or(end, |next| next.clamp(self.now, end));
            for agent in [&mut self.caller.agent, &mut self.callee.agent] {
                agent.tick(self.now).expect("the clock does not jump");
            }
            self.run();
            if next.is_none_or(|next| next > end) {
                return;
            }
        }
    }

    /// Begins a call, which the callee answers or lets ring.
    fn call(&mut self) -> SessionId {
        let agent = &mut self.caller.agent;
        let call = agent.invite(&self.target, InviteOptions::new(), self.now);
        let call = call.expect("room for the call");
        self.run();
        call
    }

    fn hang_up(&mut self, call: SessionId) {
        let done = self.caller.agent.hang_up(call, self.now);
        done.expect("the call is up");
        self.run();
    }

    /// One call, from its beginning to its end.
    fn whole_call(&mut self) {
        let before = (self.callee.established, self.callee.ended);
        self.callee.answers = true;
        let call = self.call();
        self.hang_up(call);
        assert_eq!(self.callee.established, before.0 + 1);
        assert_eq!(self.callee.ended, before.1 + 1);
    }

    /// Begins that many calls; those that are up have no transaction any more.
    fn begin(&mut self, calls: u64) -> Vec<SessionId> {
        let mut begun = Vec::new();
        for number in 1..=calls {
            begun.push(self.call());
            if number % BATCH == 0 && self.callee.answers {
                self.wait(LAPSE);
            }
        }
        if self.callee.answers {
            self.wait(LAPSE);
        }
        assert_eq!(self.callee.agent.table_sizes().sessions as u64, calls);
        begun
    }
}

/// One step is a call.
struct Calls(Pair);

impl Series for Calls {
    fn step(&mut self) {
        self.0.whole_call();
    }

    fn rest(&mut self) {
        // Ringing calls and unanswered requests would lapse, too.
        if self.0.callee.ringing == 0 && self.0.callee.responds {
            self.0.wait(LAPSE);
        }
    }
}

pub(super) fn calls_up(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    pair.begin(size);
    Box::new(Calls(pair))
}

pub(super) fn ringing(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    pair.callee.answers = false;
    pair.begin(size);
    assert_eq!(pair.caller.ringing, size);
    pair.callee.ringing = size;
    Box::new(Calls(pair))
}

pub(super) fn requests(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    pair.callee.responds = false;
    for _ in 0..size {
        let body = Body::new("text/plain", "Lunch at noon?");
        let sent = pair.caller.agent.message(&pair.target, body, pair.now);
        sent.expect("room for the request");
        pair.run();
    }
    assert_eq!(pair.callee.agent.table_sizes().incoming as u64, size);
    Box::new(Calls(pair))
}

pub(super) fn refers(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    for call in pair.begin(size) {
        let Ok(Session::Established(call)) = pair.caller.agent.session(call) else {
            panic!("a call that is up");
        };
        let sent = call.refer("carol", &TransferOptions::new(), pair.now);
        sent.expect("room for the REFER");
        pair.run();
    }
    assert_eq!(pair.callee.agent.table_sizes().refers as u64, size);
    pair.callee.responds = false;
    Box::new(Calls(pair))
}

/// One step is a NOTIFY and a call.
struct Subscriptions(Pair);

impl Series for Subscriptions {
    fn step(&mut self) {
        let Pair {
            caller,
            callee,
            now,
            ..
        } = &mut self.0;
        let notified = caller.notified;
        let watcher = callee.watchers.pop_front().expect("a subscription");
        let done = callee.agent.notify(watcher, state(), *now);
        done.expect("a subscription that is up");
        callee.watchers.push_back(watcher);
        self.0.run();
        assert_eq!(self.0.caller.notified, notified + 1);
        self.0.whole_call();
    }

    fn rest(&mut self) {
        self.0.wait(LAPSE);
    }
}

pub(super) fn subscriptions(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    for _ in 0..size {
        let (agent, options) = (&mut pair.caller.agent, SubscribeOptions::new());
        let sent = agent.subscribe(&pair.target, "presence", options, pair.now);
        sent.expect("room for the subscription");
        pair.run();
    }
    pair.wait(LAPSE);
    let sizes = pair.callee.agent.table_sizes();
    assert_eq!(sizes.incoming_subscriptions as u64, size);
    Box::new(Subscriptions(pair))
}

/// One step is a PUBLISH of one of the resources.
struct Publications {
    end: End,
    known: VecDeque<PublicationId>,
    now: Timestamp,
}

impl Publications {
    /// A server accepts everything.
    fn run(&mut self) {
        let mut out = Vec::new();
        loop {
            self.end.poll(&mut out, self.now);
            if out.is_empty() {
                return;
            }
            for bytes in out.drain(..) {
                let ok = far_end(&bytes);
                let received = self.end.agent.receive(self.end.connection, ok, self.now);
                received.expect("room in the queue");
            }
        }
    }
}

fn document() -> Body {
    Body::new("application/pidf+xml", "<presence/>")
}

impl Series for Publications {
    fn step(&mut self) {
        let published = self.end.published;
        let id = self.known.pop_front().expect("a publication");
        let done = self.end.agent.modify_publication(id, document(), self.now);
        done.expect("a publication that is up");
        self.known.push_back(id);
        self.run();
        assert_eq!(self.end.published, published + 1);
    }
}

pub(super) fn publications(size: u64) -> Box<dyn Series> {
    let now = Timestamp::ZERO;
    let (end, known) = (End::new("alice", 1), VecDeque::new());
    let mut publications = Publications { end, known, now };
    for number in 0..size {
        let resource = format!("sip:resource-{number}@example.com");
        let (agent, options) = (&mut publications.end.agent, PublishOptions::new());
        let id = agent.publish_for(&resource, "presence", document(), options, now);
        publications
            .known
            .push_back(id.expect("room for the publication"));
        publications.run();
    }
    assert_eq!(publications.end.published, size);
    Box::new(publications)
}

/// The loss of the connection under calls.
struct Lost {
    pair: Pair,
    calls: u64,
    /// Whether the callee loses it, too.
    both: bool,
    is_spent: bool,
}

impl Series for Lost {
    fn step(&mut self) {
        let Pair {
            caller,
            callee,
            now,
            ..
        } = &mut self.pair;
        let callee = Some(callee).filter(|_| self.both);
        for end in [caller].into_iter().chain(callee) {
            let reason = DisconnectReason::Lost;
            end.agent.connection_closed(end.connection, reason, *now);
        }
        self.is_spent = true;
    }

    fn objects(&self) -> u64 {
        self.calls
    }

    fn is_spent(&self) -> bool {
        self.is_spent
    }
}

pub(super) fn lost(size: u64) -> Box<dyn Series> {
    lost_with(size, true)
}

pub(super) fn lost_ringing(size: u64) -> Box<dyn Series> {
    lost_with(size, false)
}

fn lost_with(size: u64, answers: bool) -> Box<dyn Series> {
    let mut pair = Pair::new();
    pair.callee.answers = answers;
    for _ in 0..size {
        pair.call();
    }
    Box::new(Lost {
        pair,
        calls: size,
        both: !answers,
        is_spent: false,
    })
}

/// A tick that fires nothing.
struct Ticks(Pair);

impl Series for Ticks {
    fn step(&mut self) {
        let (agent, now) = (&mut self.0.callee.agent, self.0.now);
        agent.tick(now).expect("the clock does not jump");
        assert!(agent.next_tick().is_some_and(|at| at > now));
    }
}

pub(super) fn tick(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    pair.begin(size);
    Box::new(Ticks(pair))
}
