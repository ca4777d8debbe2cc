//! Two user agents, or more, on a simulated network with a virtual clock.
//!
//! Nothing here waits: the clock jumps to the next thing that happens. The same seed gives the same run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{Debug, Write as _};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use sip_core::config::ConfigBuilder;
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, EndReason, Event, Session, SessionId, Timestamp,
    UserAgent,
};
use sip_parse::{Bytes, Limits, Message};

use crate::exchange::description_needed;
use crate::network::{Schedule, Weather, below, seeded};

/// A run with more steps than this is a loop.
const MOST_STEPS: usize = 200_000;

/// The longest time in which [`Pair::next`] waits for an event.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands between the agents: a registrar and proxy, or [`Crossover`].
pub trait Between {
    /// Its end of a connection.
    type End: Copy + Eq + Debug;

    /// An agent opens a connection.
    fn accept(&mut self, info: ConnectionInfo) -> Self::End;

    /// A connection is gone.
    fn closed(&mut self, end: Self::End, now: Timestamp);

    /// Bytes arrive on a connection.
    fn receive(&mut self, end: Self::End, bytes: Bytes, now: Timestamp);

    /// The next bytes to send, and on which connection.
    fn poll(&mut self) -> Option<(Self::End, Bytes)>;

    /// The next deadline.
    fn next_tick(&self) -> Option<Timestamp>;

    /// A deadline has come.
    fn tick(&mut self, now: Timestamp);
}

/// A cable between two agents: what one sends, the other receives.
#[derive(Debug, Default)]
pub struct Crossover {
    accepted: usize,
    open: BTreeSet<usize>,
    waiting: VecDeque<(usize, Bytes)>,
}

impl Between for Crossover {
    type End = usize;

    fn accept(&mut self, _info: ConnectionInfo) -> usize {
        self.accepted += 1;
        self.open.insert(self.accepted);
        self.accepted
    }

    fn closed(&mut self, end: usize, _now: Timestamp) {
        self.open.remove(&end);
    }

    fn receive(&mut self, end: usize, bytes: Bytes, _now: Timestamp) {
        let other = self.open.iter().rev().find(|&&other| other != end);
        self.waiting.extend(other.map(|&other| (other, bytes)));
    }

    fn poll(&mut self) -> Option<(usize, Bytes)> {
        self.waiting.pop_front()
    }

    fn next_tick(&self) -> Option<Timestamp> {
        None
    }

    fn tick(&mut self, _now: Timestamp) {}
}

/// Something that will happen.
#[derive(Debug)]
enum Pending {
    /// Bytes arrive at an agent.
    ToAgent { link: u64, bytes: Bytes },
    /// Bytes arrive at what stands between.
    ToBetween { link: u64, bytes: Bytes },
    /// A connection opens, or fails.
    Open {
        agent: usize,
        server: usize,
        connection: ConnectionId,
    },
    /// The answer to a ping arrives.
    Pong { link: u64 },
    /// The connection of an agent breaks.
    Cut { agent: usize },
    /// One direction is deaf from now until then.
    Deaf {
        agent: usize,
        outgoing: bool,
        until: Timestamp,
    },
    /// An agent learns that its connection broke.
    Closed {
        agent: usize,
        connection: ConnectionId,
    },
    /// A wish of the script is due.
    Wish { agent: usize, wish: u32 },
}

/// An open connection as both ends know it.
#[derive(Clone, Copy, Debug)]
struct Link<E> {
    serial: u64,
    agent: usize,
    server: usize,
    agent_side: ConnectionId,
    end: E,
    /// When the last message in each direction arrives: a stream keeps its order.
    last: [Timestamp; 2],
}

/// What went over a link.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Passage {
    /// Whose link.
    pub agent: usize,
    /// The place of the link's server in the agent's list.
    pub server: usize,
    /// Whether the agent sent it.
    pub outgoing: bool,
    /// Method, or status and method; `again` if these bytes went over the link before.
    pub what: String,
}

/// What the applications do.
pub trait Script<B: Between> {
    /// An agent emits an event.
    fn event(&mut self, pair: &mut Pair<B>, agent: usize, event: Event);

    /// A wish that [`Pair::later`] noted is due.
    fn wish(&mut self, pair: &mut Pair<B>, agent: usize, wish: u32);
}

/// Keeps every event for the test.
struct Keep;

impl<B: Between> Script<B> for Keep {
    fn event(&mut self, pair: &mut Pair<B>, agent: usize, event: Event) {
        pair.events[agent].push_back(event);
    }

    fn wish(&mut self, _pair: &mut Pair<B>, _agent: usize, _wish: u32) {}
}

/// Agents, what stands between them, and the network.
#[derive(Debug)]
pub struct Pair<B: Between> {
    /// The clock.
    pub now: Timestamp,
    /// The agents.
    pub agents: Vec<UserAgent>,
    /// What stands between them.
    pub between: B,
    /// The events of each agent that the test has not read, if no script runs.
    pub events: Vec<VecDeque<Event>>,
    /// Servers that an agent cannot reach, as (agent, server).
    pub down: BTreeSet<(usize, usize)>,
    /// Everything that happened, for people.
    pub ladder: String,
    /// What went over the links, and how often.
    pub met: BTreeMap<Passage, u64>,
    /// The messages that the agents sent, if a test sets it; retransmissions too.
    pub sent: Option<Vec<(usize, Bytes)>>,
    links: Vec<Link<B::End>>,
    next_link: u64,
    /// Connections that the agent gave up before they opened.
    given_up: BTreeSet<(usize, ConnectionId)>,
    schedule: Schedule<Pending>,
    chance: ChaCha20Rng,
    weather: Weather,
    names: Vec<&'static str>,
    steps: usize,
    /// Until when each direction of each agent's links is deaf.
    deaf: Vec<[Timestamp; 2]>,
    carried: BTreeSet<(usize, bool, Bytes)>,
}

impl<B: Between> Pair<B> {
    /// Agents with their names, in the weather that the seed makes of `weather`.
    pub fn new(
        seed: u64,
        weather: Weather,
        between: B,
        agents: &[(&'static str, ConfigBuilder)],
    ) -> Self {
        let now = Timestamp::from_millis(10);
        let count = agents.len();
        let names = agents.iter().map(|(name, _)| *name).collect();
        let agents = agents.iter().enumerate().map(|(place, (_, config))| {
            let config = config.build().expect("config");
            UserAgent::new(config, seeded(seed, place as u8), now).expect("agent")
        });
        let mut pair = Self {
            now,
            agents: agents.collect(),
            between,
            events: (0..count).map(|_| VecDeque::new()).collect(),
            down: BTreeSet::new(),
            ladder: String::new(),
            met: BTreeMap::new(),
            sent: None,
            links: Vec::new(),
            next_link: 0,
            given_up: BTreeSet::new(),
            schedule: Schedule::new(),
            chance: *seeded(seed, 100),
            weather,
            names,
            steps: 0,
            deaf: vec![[now; 2]; count],
            carried: BTreeSet::new(),
        };
        for agent in 0..count {
            pair.forecast(agent);
        }
        pair
    }

    /// Draws when an agent's connection breaks, and when one of its directions is deaf.
    fn forecast(&mut self, agent: usize) {
        let weather = self.weather;
        for _ in 0..self.below(weather.cuts + 1) {
            let at = Duration::from_millis(self.below(120_000));
            self.push(at, Pending::Cut { agent });
        }
        if weather.one_way == 0 {
            return;
        }
        for _ in 0..self.below(weather.one_way + 1) {
            let at = Duration::from_millis(self.below(60_000));
            let until = self.now + at + Duration::from_millis(self.below(20_000));
            let outgoing = self.below(2) == 0;
            let deaf = Pending::Deaf {
                agent,
                outgoing,
                until,
            };
            self.push(at, deaf);
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        below(&mut self.chance, bound)
    }

    fn push(&mut self, after: Duration, what: Pending) {
        self.schedule.push(self.now + after, what);
    }

    /// Notes a wish of the script for later.
    pub fn later(&mut self, after: Duration, agent: usize, wish: u32) {
        self.push(after, Pending::Wish { agent, wish });
    }

    /// Over which servers an agent is connected.
    pub fn servers(&self, agent: usize) -> Vec<usize> {
        let links = self.links.iter().filter(|link| link.agent == agent);
        let mut servers: Vec<_> = links.map(|link| link.server).collect();
        servers.sort_unstable();
        servers
    }

    fn delay(&mut self) -> Duration {
        let most = self.weather.delay.as_micros() as u64;
        Duration::from_micros(1_000 + self.below(most))
    }

    fn draw(&mut self, agent: usize, outgoing: bool, bytes: &Bytes, fate: &str) {
        let text = match Message::parse(bytes.clone(), &Limits::default()) {
            Ok(message) => {
                let line = message.head().split(|&byte| byte == b'\r').next();
                let cseq = message
                    .cseq()
                    .map(|cseq| format!("{} {}", cseq.number, cseq.method))
                    .unwrap_or_default();
                let line = String::from_utf8_lossy(line.unwrap_or_default());
                format!("{line}   [{cseq}]")
            }
            Err(_) => format!("{} bytes", bytes.len()),
        };
        let arrow = if outgoing { "---->" } else { "<----" };
        let (now, name) = (self.now, self.names[agent]);
        let _ = writeln!(
            self.ladder,
            "{now:>12?} {name:>6} {arrow} edge {fate:<6} {text}"
        );
    }

    fn note(&mut self, agent: usize, what: &str) {
        let (now, name) = (self.now, self.names[agent]);
        let _ = writeln!(self.ladder, "{now:>12?} {name:>6} *** {what}");
    }

    fn count(&mut self, link: &Link<B::End>, outgoing: bool, bytes: &Bytes) {
        let Ok(message) = Message::parse(bytes.clone(), &Limits::default()) else {
            return;
        };
        let mut what = match (message.as_request(), message.as_response()) {
            (Some(request), _) => request.method().to_string(),
            (_, Some(response)) => response.status().as_u16().to_string(),
            _ => return,
        };
        if let (Some(_), Ok(cseq)) = (message.as_response(), message.cseq()) {
            what.push_str(&format!(" to {}", cseq.method));
        }
        let (agent, server) = (link.agent, link.server);
        if !self.carried.insert((agent, outgoing, bytes.clone())) {
            what.push_str(" again");
        }
        let passage = Passage {
            agent,
            server,
            outgoing,
            what,
        };
        *self.met.entry(passage).or_insert(0) += 1;
    }

    /// Puts a message on a link. A datagram may be lost, duplicated and overtaken; a stream keeps its order.
    fn carry(&mut self, place: Option<usize>, outgoing: bool, bytes: &Bytes) {
        let Some(place) = place else {
            return;
        };
        let link = self.links[place];
        self.count(&link, outgoing, bytes);
        let datagrams = !self.weather.transport.is_reliable();
        let deaf = self.now < self.deaf[link.agent][usize::from(outgoing)];
        let lost = datagrams && (self.below(1_000) < self.weather.lost || deaf);
        let twice = datagrams && self.below(1_000) < self.weather.duplicated;
        let fate = match (lost, twice) {
            (true, _) => "LOST",
            (_, true) => "TWICE",
            _ => "",
        };
        self.draw(link.agent, outgoing, bytes, fate);
        if lost {
            return;
        }
        for _ in 0..=usize::from(twice) {
            let mut delay = self.delay();
            if !datagrams {
                let last = &mut self.links[place].last[usize::from(outgoing)];
                delay = delay.max(link.last[usize::from(outgoing)].saturating_since(self.now));
                *last = self.now + delay;
            }
            let (link, bytes) = (link.serial, bytes.clone());
            let arrival = if outgoing {
                Pending::ToBetween { link, bytes }
            } else {
                Pending::ToAgent { link, bytes }
            };
            self.push(delay, arrival);
        }
    }

    /// Carries out all actions and hands events to the script, until there are no more.
    fn settle(&mut self, script: &mut dyn Script<B>) {
        loop {
            let mut busy = false;
            for agent in 0..self.agents.len() {
                while let Some(action) = self.agents[agent].poll_action() {
                    busy = true;
                    self.step();
                    self.carry_out(agent, action, script);
                }
            }
            while let Some((end, bytes)) = self.between.poll() {
                busy = true;
                self.step();
                let place = self.links.iter().position(|link| link.end == end);
                self.carry(place, false, &bytes);
            }
            if !busy {
                return;
            }
        }
    }

    fn place(&self, agent: usize, connection: ConnectionId) -> Option<usize> {
        self.links
            .iter()
            .position(|link| (link.agent, link.agent_side) == (agent, connection))
    }

    fn carry_out(&mut self, agent: usize, action: Action, script: &mut dyn Script<B>) {
        match action {
            Action::Connect {
                connection, server, ..
            } => {
                let delay = self.delay();
                let open = Pending::Open {
                    agent,
                    server,
                    connection,
                };
                self.push(delay, open);
            }
            Action::Transmit { connection, bytes } => {
                if let Some(sent) = &mut self.sent {
                    sent.push((agent, bytes.clone()));
                }
                self.carry(self.place(agent, connection), true, &bytes);
            }
            Action::Ping { connection } => {
                let place = self.place(agent, connection);
                // A datagram carries CRLF CRLF (RFC 5626 section 4.4.2 would have STUN); a WebSocket has pings.
                if !self.weather.transport.is_reliable() {
                    self.carry(place, true, &Bytes::from_static(b"\r\n\r\n"));
                } else if let Some(place) = place {
                    let delay = self.delay();
                    let link = self.links[place].serial;
                    self.push(delay, Pending::Pong { link });
                }
            }
            Action::Disconnect { connection, reason } => {
                self.note(agent, &format!("disconnects: {reason}"));
                match self.place(agent, connection) {
                    Some(place) => self.drop_link(place),
                    None => {
                        self.given_up.insert((agent, connection));
                    }
                }
            }
            Action::Event(event) => {
                let text = format!("{event:?}");
                self.note(agent, &text.chars().take(120).collect::<String>());
                script.event(self, agent, event);
            }
            Action::Log(_) | Action::Trace(_) => {}
        }
    }

    fn drop_link(&mut self, place: usize) {
        let link = self.links.remove(place);
        self.between.closed(link.end, self.now);
    }

    fn step(&mut self) {
        self.steps += 1;
        assert!(
            self.steps < MOST_STEPS,
            "still busy after {MOST_STEPS} steps"
        );
    }

    /// Runs until `end`, or until nothing will happen any more.
    pub fn run(&mut self, end: Timestamp, script: &mut dyn Script<B>) {
        self.settle(script);
        while self.advance(end, script) {}
    }

    /// Runs without a script; events wait for the test.
    pub fn wait(&mut self, time: Duration) {
        self.run(self.now + time, &mut Keep);
    }

    /// Goes on to the next moment at which something happens, if there is one before `end`.
    fn advance(&mut self, end: Timestamp, script: &mut dyn Script<B>) -> bool {
        let deadlines = self.agents.iter().filter_map(UserAgent::next_tick);
        let next = deadlines
            .chain(self.between.next_tick())
            .chain(self.schedule.next())
            .min();
        let Some(next) = next.filter(|&next| next <= end) else {
            self.now = end;
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        self.step();
        // Bytes of this moment arrive before the tick.
        if let Some(what) = self.schedule.pop(now) {
            self.happen(what, script);
        } else {
            for agent in &mut self.agents {
                if agent.next_tick().is_some_and(|at| at <= now) {
                    agent.tick(now).expect("no jump");
                }
            }
            if self.between.next_tick().is_some_and(|at| at <= now) {
                self.between.tick(now);
            }
        }
        self.settle(script);
        true
    }

    fn link(&self, serial: u64) -> Option<Link<B::End>> {
        self.links
            .iter()
            .find(|link| link.serial == serial)
            .copied()
    }

    fn happen(&mut self, what: Pending, script: &mut dyn Script<B>) {
        let now = self.now;
        match what {
            Pending::ToAgent { link, bytes } => {
                if let Some(link) = self.link(link) {
                    let taken = self.agents[link.agent].receive(link.agent_side, bytes, now);
                    taken.expect("room");
                }
            }
            Pending::ToBetween { link, bytes } => {
                if let Some(link) = self.link(link) {
                    self.between.receive(link.end, bytes, now);
                }
            }
            Pending::Open {
                agent,
                server,
                connection,
            } => self.open(agent, server, connection),
            Pending::Pong { link } => {
                if let Some(link) = self.link(link) {
                    self.agents[link.agent].pong(link.agent_side, now);
                }
            }
            Pending::Cut { agent } => {
                if let Some(place) = self.links.iter().position(|link| link.agent == agent) {
                    self.cut_link(place);
                }
            }
            Pending::Deaf {
                agent,
                outgoing,
                until,
            } => {
                self.note(agent, "one direction is deaf");
                self.deaf[agent][usize::from(outgoing)] = until;
            }
            Pending::Closed { agent, connection } => {
                self.agents[agent].connection_closed(connection, DisconnectReason::Lost, now);
            }
            Pending::Wish { agent, wish } => script.wish(self, agent, wish),
        }
    }

    fn open(&mut self, agent: usize, server: usize, connection: ConnectionId) {
        let refused = self.weather.cuts > 0 && self.below(10) == 0;
        if refused || self.down.contains(&(agent, server)) {
            let error = ConnectError::Refused;
            return self.agents[agent].connection_failed(connection, error, self.now);
        }
        let info = ConnectionInfo {
            transport: self.weather.transport,
            remote: None,
        };
        self.next_link += 1;
        let link = Link {
            serial: self.next_link,
            agent,
            server,
            agent_side: connection,
            end: self.between.accept(info),
            last: [self.now; 2],
        };
        self.links.push(link);
        self.agents[agent].connection_opened(connection, info, self.now);
        if self.given_up.remove(&(agent, connection)) {
            self.drop_link(self.links.len() - 1);
        }
    }

    fn cut_link(&mut self, place: usize) {
        let Link {
            agent, agent_side, ..
        } = self.links[place];
        self.note(agent, "the connection is cut");
        self.drop_link(place);
        let delay = self.delay();
        let closed = Pending::Closed {
            agent,
            connection: agent_side,
        };
        self.push(delay, closed);
    }

    /// The connection of an agent to a server breaks.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn cut(&mut self, agent: usize, server: usize) {
        let fits = |link: &Link<B::End>| (link.agent, link.server) == (agent, server);
        let place = self.links.iter().position(fits);
        self.cut_link(place.expect("a connection"));
    }

    /// The next event of an agent that fits; those before it are dropped. The clock goes on until it comes.
    ///
    /// # Panics
    /// If no event fits within a minute.
    #[track_caller]
    pub fn next<T>(&mut self, agent: usize, fits: impl Fn(&Event) -> Option<T>) -> T {
        let end = self.now + PATIENCE;
        self.settle(&mut Keep);
        loop {
            while let Some(event) = self.events[agent].pop_front() {
                if let Some(found) = fits(&event) {
                    return found;
                }
            }
            let goes_on = self.advance(end, &mut Keep);
            assert!(goes_on, "no event fits:\n{}", self.ladder);
        }
    }

    /// An application gives the description that its agent asks for next.
    #[track_caller]
    pub fn describe(&mut self, agent: usize, sdp: &'static str) {
        let request = self.next(agent, description_needed);
        let described = request.describe(&mut self.agents[agent], Ok(Body::sdp(sdp)), self.now);
        described.expect("the agent asked for it");
    }

    /// One agent calls `target`, which the other answers; the call as both know it.
    #[track_caller]
    pub fn call(
        &mut self,
        [caller, callee]: [usize; 2],
        target: &str,
        sdp: &'static str,
    ) -> [SessionId; 2] {
        let called = self.agents[caller].invite(target, Default::default(), self.now);
        let called = called.expect("invite");
        self.describe(caller, sdp);
        let incoming = self.next(callee, |event| match *event {
            Event::IncomingCall { session, .. } => Some(session),
            _ => None,
        });
        match self.agents[callee].session(incoming) {
            Ok(Session::Incoming(call)) => call.answer(self.now),
            other => panic!("{other:?}"),
        }
        self.describe(callee, sdp);
        for (agent, id) in [(callee, incoming), (caller, called)] {
            self.next(agent, |event| {
                matches!(event, Event::Established { session } if *session == id).then_some(())
            });
        }
        [called, incoming]
    }

    /// Why a call of an agent ended.
    #[track_caller]
    pub fn ended(&mut self, agent: usize, id: SessionId) -> EndReason {
        self.next(agent, |event| match event {
            Event::Ended { session, reason } if *session == id => Some((**reason).clone()),
            _ => None,
        })
    }
}
