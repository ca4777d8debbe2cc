//! Two user agents and the edge on a virtual network with a virtual clock.
//!
//! Nothing here waits: the clock jumps to the next thing that happens. The same seed gives the same run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt::Write as _;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sip_core::config::Config;
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{Action, ConnectionId, ConnectionInfo, Event, Timestamp, Transport, UserAgent};
use sip_edge::{Edge, EdgeAction, EdgeConfig};
use sip_parse::{Bytes, Limits, Message};

/// The effects of the network on messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) transport: Transport,
    /// Of a thousand datagrams, in each direction of each link.
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    /// The longest delay; the shortest is 1 ms. Datagrams overtake each other, a stream keeps order.
    pub(crate) delay: Duration,
    /// How many times a connection breaks in the first two minutes, at most.
    pub(crate) cuts: u64,
    /// How many times one direction of a link swallows everything for up to 20 seconds, at most.
    pub(crate) one_way: u64,
}

/// Above this a run is taken to be a loop.
const MOST_STEPS: usize = 200_000;

/// Something that is on its way.
enum Pending {
    ToAgent {
        agent: usize,
        link: u64,
        bytes: Bytes,
    },
    ToEdge {
        agent: usize,
        link: u64,
        bytes: Bytes,
    },
    Open {
        agent: usize,
        connection: ConnectionId,
    },
    Pong {
        agent: usize,
        link: u64,
    },
    Cut {
        agent: usize,
    },
    /// One direction is deaf from now until then.
    Deaf {
        agent: usize,
        to_edge: bool,
        until: Timestamp,
    },
    Closed {
        agent: usize,
        connection: ConnectionId,
    },
    /// A wish of the script.
    Script {
        agent: usize,
        wish: u32,
    },
}

struct Item {
    at: Timestamp,
    order: u64,
    what: Pending,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Item {}
impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Item {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// An open connection as both ends know it.
#[derive(Clone, Copy)]
struct Link {
    serial: u64,
    agent_side: ConnectionId,
    edge_side: ConnectionId,
    /// When the last message in each direction arrives: a stream keeps order.
    last: [Timestamp; 2],
}

/// The application; the world calls it.
pub(crate) trait Script {
    /// An event came.
    fn event(&mut self, world: &mut World, agent: usize, event: Event);
    /// A wish that [`World::later`] noted is due.
    fn wish(&mut self, world: &mut World, agent: usize, wish: u32);
}

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) agents: Vec<UserAgent>,
    pub(crate) edge: Edge,
    links: Vec<Option<Link>>,
    next_link: u64,
    queue: BinaryHeap<Reverse<Item>>,
    order: u64,
    chance: ChaCha20Rng,
    weather: Weather,
    pub(crate) ladder: String,
    names: Vec<&'static str>,
    steps: usize,
    /// Until when each direction of each link is deaf.
    deaf: Vec<[Timestamp; 2]>,
    /// How often each message went over the links: methods and statuses, new and `again`.
    pub(crate) met: BTreeMap<String, u64>,
    carried: BTreeSet<(usize, bool, Bytes)>,
}

fn seeded(seed: u64, part: u8) -> ChaCha20Rng {
    let mut bytes = [part; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    ChaCha20Rng::from_seed(bytes)
}

impl World {
    pub(crate) fn new(seed: u64, weather: Weather, names: &[&'static str]) -> Self {
        let config = EdgeConfig {
            listen: "192.0.2.1:5080".parse().expect("address"),
            realm: "sim.test".into(),
            users: names
                .iter()
                .map(|name| ((*name).to_owned(), format!("{name}-pw")))
                .collect(),
            ..EdgeConfig::default()
        };
        let edge = Edge::new(config, Box::new(seeded(seed, 200))).expect("edge");
        let now = Timestamp::from_millis(10);
        let agents = names
            .iter()
            .enumerate()
            .map(|(place, name)| {
                let mut config = Config::builder();
                config
                    .uri(format!("sip:{name}@sim.test"))
                    .server("ws://sim.test")
                    .password(format!("{name}-pw"));
                let config = config.build().expect("config");
                UserAgent::new(config, Box::new(seeded(seed, place as u8)), now).expect("agent")
            })
            .collect();
        let mut world = Self {
            now,
            agents,
            edge,
            links: vec![None; names.len()],
            next_link: 0,
            queue: BinaryHeap::new(),
            order: 0,
            chance: seeded(seed, 100),
            weather,
            ladder: String::new(),
            names: names.to_vec(),
            steps: 0,
            deaf: vec![[now; 2]; names.len()],
            met: BTreeMap::new(),
            carried: BTreeSet::new(),
        };
        for agent in 0..names.len() {
            for _ in 0..world.below(weather.cuts + 1) {
                let at = Duration::from_millis(world.below(120_000));
                world.push(at, Pending::Cut { agent });
            }
            if weather.one_way > 0 {
                for _ in 0..world.below(weather.one_way + 1) {
                    let at = Duration::from_millis(world.below(60_000));
                    let until = now + at + Duration::from_millis(world.below(20_000));
                    let to_edge = world.below(2) == 0;
                    world.push(
                        at,
                        Pending::Deaf {
                            agent,
                            to_edge,
                            until,
                        },
                    );
                }
            }
        }
        world
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            self.chance.next_u64() % bound
        }
    }

    fn push(&mut self, after: Duration, what: Pending) {
        self.order += 1;
        self.queue.push(Reverse(Item {
            at: self.now + after,
            order: self.order,
            what,
        }));
    }

    /// Notes a wish of the script for later.
    pub(crate) fn later(&mut self, after: Duration, agent: usize, wish: u32) {
        self.push(after, Pending::Script { agent, wish });
    }

    fn delay(&mut self) -> Duration {
        let most = self.weather.delay.as_micros() as u64;
        Duration::from_micros(1_000 + self.below(most))
    }

    fn draw(&mut self, agent: usize, to_edge: bool, bytes: &Bytes, fate: &str) {
        let text = match Message::parse(bytes.clone(), &Limits::default()) {
            Ok(message) => {
                let line = message
                    .head()
                    .split(|&byte| byte == b'\r')
                    .next()
                    .unwrap_or_default();
                let cseq = message
                    .cseq()
                    .map(|cseq| format!("{} {}", cseq.number, cseq.method))
                    .unwrap_or_default();
                format!("{}   [{cseq}]", String::from_utf8_lossy(line))
            }
            Err(_) => format!("{} bytes", bytes.len()),
        };
        let arrow = if to_edge { "---->" } else { "<----" };
        let name = self.names[agent];
        let _ = writeln!(
            self.ladder,
            "{:>12?} {name:>6} {arrow} edge {fate:<6} {text}",
            self.now
        );
    }

    pub(crate) fn note(&mut self, agent: usize, what: &str) {
        let name = self.names[agent];
        let _ = writeln!(self.ladder, "{:>12?} {name:>6} *** {what}", self.now);
    }

    fn count(&mut self, agent: usize, to_edge: bool, bytes: &Bytes) {
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
        if !self.carried.insert((agent, to_edge, bytes.clone())) {
            what.push_str(" again");
        }
        *self.met.entry(what).or_insert(0) += 1;
    }

    /// Puts a message on a link: it may be lost, doubled and overtaken, or keeps order on a stream.
    fn carry(&mut self, agent: usize, to_edge: bool, bytes: &Bytes) {
        let Some(link) = self.links[agent] else {
            return;
        };
        self.count(agent, to_edge, bytes);
        let datagrams = !self.weather.transport.is_reliable();
        let deaf = self.now < self.deaf[agent][usize::from(to_edge)];
        let lost = datagrams && (self.below(1_000) < self.weather.lost || deaf);
        let doubled = datagrams && self.below(1_000) < self.weather.duplicated;
        self.draw(
            agent,
            to_edge,
            bytes,
            if lost {
                "LOST"
            } else if doubled {
                "TWICE"
            } else {
                ""
            },
        );
        if lost {
            return;
        }
        for _ in 0..=usize::from(doubled) {
            let mut delay = self.delay();
            if !datagrams {
                let earliest = link.last[usize::from(to_edge)];
                delay = delay.max(earliest.saturating_since(self.now));
                if let Some(link) = &mut self.links[agent] {
                    link.last[usize::from(to_edge)] = self.now + delay;
                }
            }
            let (link, bytes) = (link.serial, bytes.clone());
            self.push(
                delay,
                if to_edge {
                    Pending::ToEdge { agent, link, bytes }
                } else {
                    Pending::ToAgent { agent, link, bytes }
                },
            );
        }
    }

    /// Carries out all actions and passes events to the script, until there are none.
    fn settle(&mut self, script: &mut dyn Script) {
        loop {
            let mut busy = false;
            for agent in 0..self.agents.len() {
                while let Some(action) = self.agents[agent].poll_action() {
                    busy = true;
                    self.step();
                    self.carry_out(agent, action, script);
                }
            }
            while let Some(action) = self.edge.poll_action() {
                busy = true;
                self.step();
                match action {
                    EdgeAction::Transmit { connection, bytes } => {
                        let agent = self
                            .links
                            .iter()
                            .position(|link| link.is_some_and(|link| link.edge_side == connection));
                        if let Some(agent) = agent {
                            self.carry(agent, false, &bytes);
                        }
                    }
                    EdgeAction::Disconnect { .. } | EdgeAction::Event(_) => {}
                }
            }
            if !busy {
                return;
            }
        }
    }

    fn carry_out(&mut self, agent: usize, action: Action, script: &mut dyn Script) {
        match action {
            Action::Connect { connection, .. } => {
                let delay = self.delay();
                self.push(delay, Pending::Open { agent, connection });
            }
            Action::Transmit { bytes, .. } => self.carry(agent, true, &bytes),
            Action::Ping { .. } => {
                // A datagram carries CRLF CRLF (RFC 5626 section 4.4.2 would have STUN); a WebSocket has pings.
                if self.weather.transport.is_reliable() {
                    if let Some(link) = self.links[agent] {
                        let delay = self.delay();
                        self.push(
                            delay,
                            Pending::Pong {
                                agent,
                                link: link.serial,
                            },
                        );
                    }
                } else {
                    self.carry(agent, true, &Bytes::from_static(b"\r\n\r\n"));
                }
            }
            Action::Disconnect { reason, .. } => {
                self.note(agent, &format!("disconnects: {reason}"));
                self.drop_link(agent);
            }
            Action::Event(event) => {
                let text = format!("{event:?}");
                self.note(agent, &text.chars().take(120).collect::<String>());
                script.event(self, agent, event);
            }
            Action::Log(_) | Action::Trace(_) => {}
        }
    }

    fn drop_link(&mut self, agent: usize) {
        if let Some(link) = self.links[agent].take() {
            self.edge.closed(link.edge_side, self.now);
        }
    }

    fn step(&mut self) {
        self.steps += 1;
        assert!(
            self.steps < MOST_STEPS,
            "still busy after {MOST_STEPS} steps"
        );
    }

    /// Runs until `end` or until nothing is pending any more.
    pub(crate) fn run(&mut self, end: Timestamp, script: &mut dyn Script) {
        self.settle(script);
        loop {
            let deadlines = self
                .agents
                .iter()
                .filter_map(UserAgent::next_tick)
                .chain(self.edge.next_tick());
            let next = deadlines
                .chain(self.queue.peek().map(|Reverse(item)| item.at))
                .min();
            let Some(next) = next.filter(|&next| next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            self.step();
            // Bytes that have arrived are delivered before the clock advances.
            if self
                .queue
                .peek()
                .is_some_and(|Reverse(item)| item.at <= self.now)
            {
                if let Some(Reverse(item)) = self.queue.pop() {
                    self.happen(item.what, script);
                }
            } else {
                let now = self.now;
                for agent in &mut self.agents {
                    if agent.next_tick().is_some_and(|at| at <= now) {
                        agent.tick(now).expect("no jump");
                    }
                }
                if self.edge.next_tick().is_some_and(|at| at <= now) {
                    self.edge.tick(now);
                }
            }
            self.settle(script);
        }
    }

    fn is_up(&self, agent: usize, serial: u64) -> Option<Link> {
        self.links[agent].filter(|link| link.serial == serial)
    }

    fn happen(&mut self, what: Pending, script: &mut dyn Script) {
        let now = self.now;
        match what {
            Pending::ToAgent { agent, link, bytes } => {
                if let Some(link) = self.is_up(agent, link) {
                    self.agents[agent]
                        .receive(link.agent_side, bytes, now)
                        .expect("room");
                }
            }
            Pending::ToEdge { agent, link, bytes } => {
                if let Some(link) = self.is_up(agent, link) {
                    self.edge.receive(link.edge_side, bytes, now).expect("room");
                }
            }
            Pending::Open { agent, connection } => {
                if self.weather.cuts > 0 && self.below(10) == 0 {
                    return self.agents[agent].connection_failed(
                        connection,
                        ConnectError::Refused,
                        now,
                    );
                }
                let info = ConnectionInfo {
                    transport: self.weather.transport,
                    remote: None,
                };
                let edge_side = self.edge.accept(info);
                self.next_link += 1;
                let link = Link {
                    serial: self.next_link,
                    agent_side: connection,
                    edge_side,
                    last: [now; 2],
                };
                self.links[agent] = Some(link);
                self.agents[agent].connection_opened(connection, info, now);
                if !self.agents[agent].is_connected() {
                    // It was given up in the meantime.
                    self.drop_link(agent);
                }
            }
            Pending::Pong { agent, link } => {
                if let Some(link) = self.is_up(agent, link) {
                    self.agents[agent].pong(link.agent_side, now);
                }
            }
            Pending::Cut { agent } => {
                if let Some(link) = self.links[agent] {
                    self.note(agent, "the connection is cut");
                    self.drop_link(agent);
                    let delay = self.delay();
                    self.push(
                        delay,
                        Pending::Closed {
                            agent,
                            connection: link.agent_side,
                        },
                    );
                }
            }
            Pending::Deaf {
                agent,
                to_edge,
                until,
            } => {
                self.note(agent, "one direction is deaf");
                self.deaf[agent][usize::from(to_edge)] = until;
            }
            Pending::Closed { agent, connection } => {
                self.agents[agent].connection_closed(connection, DisconnectReason::Lost, now);
            }
            Pending::Script { agent, wish } => script.wish(self, agent, wish),
        }
    }
}
