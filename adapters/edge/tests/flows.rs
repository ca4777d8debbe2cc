//! An agent with two flows at a registrar that keeps them apart (RFC 5626): calls reach it, and go on, while
//! one of them is gone.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::config::Config;
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, Session, SessionId, Timestamp, Transport,
    UserAgent,
};
use sip_edge::{Edge, EdgeAction, EdgeConfig};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
const ALICE: usize = 0;
const BOB: usize = 1;

/// Alice with two servers that lead to the same registrar, and bob with one.
struct World {
    agents: [UserAgent; 2],
    edge: Edge,
    now: Timestamp,
    /// Agent, server, the agent's end and the registrar's.
    links: Vec<(usize, usize, ConnectionId, ConnectionId)>,
    /// Alice cannot reach this server.
    down: Option<usize>,
    events: [VecDeque<Event>; 2],
    /// How often each event's kind of message went to alice over each server.
    invites: BTreeMap<usize, u32>,
}

impl World {
    fn new() -> Self {
        let users = [("alice", "a"), ("bob", "b")];
        let users = users.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let config = EdgeConfig {
            realm: "sim.test".into(),
            users: users.to_vec(),
            ..EdgeConfig::default()
        };
        let edge = Edge::new(config, Box::new(ChaCha20Rng::from_seed([9; 32]))).expect("edge");
        let agent = |user: &str, password: &str, servers: &[(&str, i64)], seed| {
            let mut config = Config::builder();
            config
                .uri(format!("sip:{user}@sim.test"))
                .servers(servers.iter().copied())
                .outbound_flows(2)
                .password(password);
            let random = Box::new(ChaCha20Rng::from_seed([seed; 32]));
            let config = config.build().expect("configuration");
            UserAgent::new(config, random, Timestamp::ZERO).expect("agent")
        };
        let mut world = Self {
            agents: [
                agent(
                    "alice",
                    "a",
                    &[("ws://one.test", 2), ("ws://two.test", 1)],
                    1,
                ),
                agent("bob", "b", &[("ws://one.test", 1)], 2),
            ],
            edge,
            now: Timestamp::ZERO,
            links: Vec::new(),
            down: None,
            events: [VecDeque::new(), VecDeque::new()],
            invites: BTreeMap::new(),
        };
        world.settle();
        world
    }

    fn settle(&mut self) {
        loop {
            let mut busy = false;
            for who in [ALICE, BOB] {
                while let Some(action) = self.agents[who].poll_action() {
                    busy = true;
                    self.carry_out(who, action);
                }
            }
            while let Some(action) = self.edge.poll_action() {
                busy = true;
                let EdgeAction::Transmit { connection, bytes } = action else {
                    continue;
                };
                let link = self.links.iter().find(|link| link.3 == connection);
                if let Some(&(who, server, own, _)) = link {
                    if who == ALICE && bytes.starts_with(b"INVITE") {
                        *self.invites.entry(server).or_default() += 1;
                    }
                    let taken = self.agents[who].receive(own, bytes, self.now);
                    taken.expect("room");
                }
            }
            if !busy {
                return;
            }
        }
    }

    fn carry_out(&mut self, who: usize, action: Action) {
        let now = self.now;
        match action {
            Action::Connect {
                connection, server, ..
            } if who == ALICE && self.down == Some(server) => {
                let error = ConnectError::Refused;
                self.agents[who].connection_failed(connection, error, now);
            }
            Action::Connect {
                connection, server, ..
            } => {
                let info = ConnectionInfo {
                    transport: Transport::Ws,
                    remote: None,
                };
                let theirs = self.edge.accept(info);
                self.links.push((who, server, connection, theirs));
                self.agents[who].connection_opened(connection, info, now);
            }
            Action::Transmit { connection, bytes } => {
                let link = self
                    .links
                    .iter()
                    .find(|link| link.2 == connection && link.0 == who);
                if let Some(&(.., theirs)) = link {
                    self.edge.receive(theirs, bytes, now).expect("room");
                }
            }
            Action::Ping { connection } => self.agents[who].pong(connection, now),
            Action::Event(event) => self.events[who].push_back(event),
            _ => {}
        }
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            let agents = self.agents.iter().map(UserAgent::next_tick);
            let next = agents.chain([self.edge.next_tick()]).flatten().min();
            let Some(next) = next.filter(|&next| next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            for agent in &mut self.agents {
                agent.tick(self.now).expect("tick");
            }
            self.edge.tick(self.now);
        }
    }

    /// Alice's connection to a server breaks; both ends notice.
    fn cut(&mut self, server: usize) {
        let place = self
            .links
            .iter()
            .position(|link| link.0 == ALICE && link.1 == server);
        let (_, _, own, theirs) = self.links.remove(place.expect("a link"));
        let lost = DisconnectReason::Lost;
        self.agents[ALICE].connection_closed(own, lost, self.now);
        self.edge.closed(theirs, self.now);
        self.settle();
    }

    fn next<T>(&mut self, who: usize, fits: impl Fn(&Event) -> Option<T>) -> T {
        self.settle();
        while let Some(event) = self.events[who].pop_front() {
            if let Some(found) = fits(&event) {
                return found;
            }
        }
        panic!("the event did not come");
    }

    fn describe(&mut self, who: usize) {
        let session = self.next(who, |event| match *event {
            Event::DescriptionNeeded { session, .. } => Some(session),
            _ => None,
        });
        let sdp = Ok(Body::sdp(SDP));
        self.agents[who]
            .describe(session, sdp, self.now)
            .expect("asked for");
        self.settle();
    }

    /// Bob calls alice, who answers. Returns both ends of the call.
    fn call(&mut self) -> (SessionId, SessionId) {
        let bobs = self.agents[BOB].invite("alice", Default::default(), self.now);
        let bobs = bobs.expect("invite");
        self.describe(BOB);
        let alices = self.next(ALICE, |event| match *event {
            Event::IncomingCall { session, .. } => Some(session),
            _ => None,
        });
        match self.agents[ALICE].session(alices).expect("a call") {
            Session::Incoming(call) => call.answer(self.now),
            other => panic!("{other:?}"),
        }
        self.describe(ALICE);
        for (who, id) in [(ALICE, alices), (BOB, bobs)] {
            self.next(who, |event| {
                matches!(event, Event::Established { session } if *session == id).then_some(())
            });
        }
        (alices, bobs)
    }

    fn ended(&mut self, who: usize, id: SessionId) -> sip_core::EndReason {
        self.next(who, |event| match event {
            Event::Ended { session, reason } if *session == id => Some((**reason).clone()),
            _ => None,
        })
    }
}

/// RFC 5626 section 7: one INVITE to an agent with two flows, and still one when either flow is gone.
#[test]
fn rfc5626_7_a_call_comes_once_over_whichever_flow_is_up() {
    for gone in [None, Some(0), Some(1)] {
        let mut world = World::new();
        assert_eq!(world.edge.counters().registered, 3, "two flows and bob");
        if let Some(server) = gone {
            world.down = Some(server);
            world.cut(server);
            assert!(world.agents[ALICE].is_registered());
        }
        let (_, bobs) = world.call();
        assert_eq!(world.invites.values().sum::<u32>(), 1, "{gone:?}");
        assert!(gone.is_none_or(|server| !world.invites.contains_key(&server)));
        world.agents[BOB].hang_up(bobs, world.now).expect("a call");
        assert_eq!(world.ended(BOB, bobs).cause, sip_core::Cause::Requested);
    }
}

/// RFC 5626 section 4.2, CONN-B: a call outlives the flow that it came over; either end can hang it up.
#[test]
fn rfc5626_4_2_a_call_outlives_its_flow() {
    for hangs_up in [ALICE, BOB] {
        let mut world = World::new();
        let (alices, bobs) = world.call();
        let server = *world.invites.keys().next().expect("an INVITE");
        world.down = Some(server);
        world.cut(server);
        // The repair: alice offers again over the flow that is left.
        world.describe(ALICE);
        world.describe(BOB);
        world.next(ALICE, |event| {
            matches!(event, Event::Renegotiated { .. }).then_some(())
        });
        let (id, other) = if hangs_up == ALICE {
            (alices, (BOB, bobs))
        } else {
            (bobs, (ALICE, alices))
        };
        world.agents[hangs_up]
            .hang_up(id, world.now)
            .expect("a call");
        assert_eq!(world.ended(hangs_up, id).cause, sip_core::Cause::Requested);
        assert_eq!(world.ended(other.0, other.1).cause, sip_core::Cause::Bye);
        // The flow comes back by itself.
        world.down = None;
        world.wait(Duration::from_secs(90));
        assert_eq!(world.links.iter().filter(|link| link.0 == ALICE).count(), 2);
    }
}
