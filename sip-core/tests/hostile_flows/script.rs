//! Random scripts of servers, network, clock and application against an agent of up to three flows.
//!
//! After any script the agent recovers once servers, network and application behave, and a stop leaves every table
//! empty.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sip_core::config::{Authentication, OfflineRequests, Server};
use sip_core::{
    AuthorizationFailed, Body, ChallengeId, Change, ConnectionId, Event, NoServerUrl, RequestId,
    SessionId, Timestamp,
};
use sip_parse::{Method, Request};
use sip_testing::{DescriptionRequest, OFFER, URLS, description_needed};

use crate::{Net, config};

/// The statuses with which a server may answer REGISTER; 0: no answer.
const ANSWERS: [u16; 14] = [
    200, 200, 200, 200, 0, 0, 401, 403, 404, 423, 430, 430, 439, 503,
];

struct Script {
    net: Net,
    rng: ChaCha8Rng,
    flows: usize,
    needed: BTreeMap<ConnectionId, usize>,
    challenges: Vec<ChallengeId>,
    describe: Vec<DescriptionRequest>,
    calls: BTreeSet<SessionId>,
    /// The calls that were established.
    established: usize,
    requests: BTreeSet<RequestId>,
    /// Requests of the agent without an answer.
    unanswered: Vec<(ConnectionId, Request)>,
    running: bool,
    /// Whether a query or an unregister command has no outcome yet.
    asks: bool,
    leaves: bool,
    stops: usize,
    without_outbound: bool,
    servers: usize,
    done: Vec<String>,
}

#[test]
fn once_all_is_well_so_is_the_agent() {
    let seeds = std::env::var("SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok());
    let first = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let (mut calls, mut registered, mut stops) = (0, 0, 0);
    for seed in first.map_or(0..seeds.unwrap_or(100), |seed| seed..seed + 1) {
        let mut script = Script::new(seed);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..60 {
                script.step();
            }
            script.heal();
            script.end();
        }));
        if outcome.is_err() {
            panic!("seed {seed}: {}", script.done.join("\n"));
        }
        calls += script.established;
        registered += script.net.registers.len();
        stops += script.stops;
    }
    // A script without any effect proves nothing.
    println!("calls up {calls}, REGISTERs {registered}, stops {stops}");
    assert!(calls > 0 && registered > 0 && stops > 0);
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let flags = rng.next_u32();
        let flows = 1 + (flags % 3) as usize;
        let mut config = config(flows as u8);
        if flags & 4 == 4 {
            config.offline_requests(OfflineRequests::Queue);
        }
        if flags & 8 == 8 {
            config.authentication(Authentication::Application);
        }
        if flags & 16 == 16 {
            config.password("wonderland");
        }
        if flags & 32 == 32 {
            config.keep_alive_interval(Duration::from_secs(30));
        }
        config.ask_server_url(flags & 64 == 64);
        config.register(flags & 128 == 0);
        let net = Net::with_servers(&config, seed as u8, |_| {});
        let mut script = Self {
            net,
            rng,
            flows,
            needed: BTreeMap::new(),
            challenges: Vec::new(),
            describe: Vec::new(),
            calls: BTreeSet::new(),
            established: 0,
            requests: BTreeSet::new(),
            unanswered: Vec::new(),
            running: true,
            asks: false,
            leaves: false,
            stops: 0,
            without_outbound: false,
            servers: 3,
            done: vec![format!("flags {flags:#b}")],
        };
        script.news();
        script
    }

    fn below(&mut self, bound: usize) -> usize {
        self.rng.next_u32() as usize % bound
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let place = self.below(from.len().max(1));
        from.get(place).cloned()
    }

    fn say(&mut self, what: String) {
        let line = format!("{:?} {what}", self.net.now);
        if std::env::var_os("SHOW").is_some() {
            println!("{line}");
        }
        self.done.push(line);
    }

    fn step(&mut self) {
        let now = self.net.now;
        match self.below(30) {
            0..=2 => {
                let time = Duration::from_millis(self.below(2_000) as u64);
                self.wait(time);
            }
            3 | 4 => {
                let time = Duration::from_secs(self.below(60) as u64);
                self.wait(time);
            }
            5 => {
                let time = Duration::from_secs(self.below(900) as u64);
                self.wait(time);
            }
            6 => {
                let time = Duration::from_secs(self.below(7_200) as u64);
                self.say(format!("sleep {time:?}"));
                self.net.sleep(time);
            }
            7 => {
                let server = self.below(3);
                self.say(format!("kill {server}"));
                self.net.kill(server);
            }
            8 => {
                let server = self.below(3);
                self.say(format!("up {server}"));
                self.net.down.remove(&server);
            }
            9 | 10 => {
                let open: Vec<_> = self.net.open.keys().copied().collect();
                if let Some(connection) = self.pick(&open) {
                    self.say(format!("cut {:?}", self.net.open[&connection]));
                    self.net.cut(connection);
                }
            }
            11 => self.net.opens = self.below(2) == 0,
            12 | 13 => {
                let asked: Vec<_> = self.net.asked.keys().copied().collect();
                if let Some(connection) = self.pick(&asked) {
                    self.say(format!("open {:?}", self.net.asked[&connection]));
                    self.net.open_or_fail(connection);
                }
            }
            14 | 15 => {
                let (server, status) = (self.below(3), self.pick(&ANSWERS).unwrap());
                self.without_outbound |= status == 439;
                self.say(format!("{server} answers {status}"));
                self.net.answers[server] = status;
            }
            16 => {
                let server = self.below(3);
                if !self.net.outbound.remove(&server) {
                    self.net.outbound.insert(server);
                }
                self.say(format!("outbound: {:?}", self.net.outbound));
            }
            17 | 18 => {
                let status = self.pick(&ANSWERS).unwrap();
                if !self.net.held.is_empty() && status != 0 {
                    self.without_outbound |= status == 439;
                    self.say(format!("REGISTER: {status}"));
                    self.net.answer_register(status);
                }
            }
            19 => self.net.granted = Some([1, 60, 600, 86_400][self.below(4)]),
            20 => self.net.answers_pings = [self.below(3) > 0; 3],
            21 => self.net.flow_timer = [None, Some(1), Some(40)][self.below(3)],
            22 | 23 => self.command(now),
            24 => self.change(now),
            25 => {
                let challenge = self.challenges.pop();
                let answer = ["Bearer t", ""][self.below(2)];
                let answer = Some(answer).filter(|answer| !answer.is_empty());
                if let Some(challenge) = challenge {
                    self.say(format!("authorize {answer:?}"));
                    let answer = answer.ok_or(AuthorizationFailed);
                    let _ = self.net.agent.authorize(challenge, answer, now);
                }
            }
            26 => {
                if let Some((connection, server)) = self.needed.pop_first() {
                    self.give_url(connection, server);
                }
            }
            27 => {
                if let Some(request) = self.describe.pop() {
                    let offer = Ok(Body::sdp(OFFER));
                    let _ = request.describe(&mut self.net.agent, offer, now);
                }
            }
            _ => {
                let status = [200, 200, 430, 401, 503][self.below(5)];
                self.answer(status);
            }
        }
        self.news();
    }

    fn wait(&mut self, time: Duration) {
        self.say(format!("wait {time:?}"));
        self.net.wait(time);
    }

    fn give_url(&mut self, connection: ConnectionId, server: usize) {
        let server = self.net.agent.config().servers().get(server);
        let url = server.map(|server| server.url.clone()).ok_or(NoServerUrl);
        let url = if self.below(5) == 0 {
            Err(NoServerUrl)
        } else {
            url
        };
        self.say(format!("URL {url:?}"));
        let _ = self.net.agent.server_url(connection, url, self.net.now);
        self.net.pump();
    }

    fn answer(&mut self, status: u16) {
        let Some((connection, request)) = self.unanswered.pop() else {
            return;
        };
        if self.net.open.contains_key(&connection) && request.method() != Method::Ack {
            self.say(format!("{} {status}", request.method()));
            self.net.reply_to(connection, &request, status);
        }
    }

    fn command(&mut self, now: Timestamp) {
        let calls: Vec<_> = self.calls.iter().copied().collect();
        let agent = &mut self.net.agent;
        match self.rng.next_u32() % 11 {
            0 => {
                self.leaves &= agent.register(now).is_err();
                self.say("register".into());
            }
            1 => {
                self.leaves |= agent.unregister(now).is_ok();
                self.say("unregister".into());
            }
            2 => {
                self.leaves |= agent.unregister_all(now).is_ok();
                self.say("unregister_all".into());
            }
            3 => {
                self.asks |= agent.query_bindings(now).is_ok();
                self.say("query".into());
            }
            4 | 5 => {
                if let Ok(request) = agent.options("bob", now) {
                    self.requests.insert(request);
                    self.say("options".into());
                }
            }
            6 | 7 => {
                if let Ok(call) = agent.invite("bob", Default::default(), now) {
                    self.calls.insert(call);
                    self.say("invite".into());
                }
            }
            8 => {
                if let Some(call) = self.pick(&calls) {
                    let _ = self.net.agent.hang_up(call, now);
                    self.say("hang up".into());
                }
            }
            9 => {
                if agent.network_changed(now).is_ok() {
                    self.say("network changed".into());
                }
            }
            _ if self.below(2) == 0 => self.stop(),
            _ => self.start(),
        }
    }

    fn stop(&mut self) {
        self.say("stop".into());
        if self.running {
            self.stops += 1;
        }
        self.running = false;
        self.net.agent.stop(None, self.net.now);
    }

    fn start(&mut self) {
        if self.net.agent.start(self.net.now).is_ok() {
            self.say("start".into());
            self.running = true;
        }
    }

    fn change(&mut self, now: Timestamp) {
        let change = match self.below(5) {
            0 => Change::Secret(None),
            1 => Change::RegisterExpires(Duration::from_secs(60 + self.below(1_000) as u64)),
            2 => Change::Register(self.below(2) == 0),
            _ => {
                let count = 1 + self.below(3);
                let first = self.below(3);
                let servers = (0..count).map(|place| Server {
                    url: URLS[(first + place) % 3].parse().unwrap(),
                    weight: self.below(3) as i64,
                });
                let servers: Vec<_> = servers.collect();
                self.servers = count;
                Change::Servers(servers)
            }
        };
        self.say(format!("{change:?}"));
        // Registering again takes back the unregister command.
        self.leaves &= !matches!(change, Change::Register(true));
        let _ = self.net.agent.reconfigure(change, now);
    }

    /// Processes the agent's requests and events.
    fn news(&mut self) {
        self.net.pump();
        self.unanswered.extend(self.net.sent.drain(..));
        while let Some(event) = self.net.events.pop_front() {
            if std::env::var_os("SHOW").is_some() {
                println!("    {event:?}");
            }
            if let Some(request) = description_needed(&event) {
                let known = self.calls.contains(&request.session);
                assert!(known, "a call that is over");
                self.describe.push(request);
                continue;
            }
            match event {
                Event::ServerUrlNeeded {
                    connection, server, ..
                } => {
                    self.needed.insert(connection, server);
                }
                Event::Challenged { challenge, .. } => self.challenges.push(challenge),
                Event::Established { session } => {
                    assert!(self.calls.contains(&session), "a call that is over");
                    self.established += 1;
                }
                Event::Ended { session, .. } => {
                    assert!(self.calls.remove(&session), "a call ends once");
                }
                Event::Bindings { .. } | Event::RegistrationFailed { .. } => self.asks = false,
                Event::Unregistered { .. } => self.leaves = false,
                Event::Stopped { .. } => (self.asks, self.leaves) = (false, false),
                Event::RequestCompleted { request, .. } => {
                    assert!(self.requests.remove(&request), "a request ends once");
                }
                _ => {}
            }
        }
        assert!(self.net.stopped <= self.stops);
    }

    /// From now on servers, network and application behave.
    fn heal(&mut self) {
        self.say("heal".into());
        self.net.opens = true;
        self.net.down.clear();
        self.net.answers = [200; 3];
        self.net.outbound = [0, 1, 2].into();
        self.net.granted = Some(600);
        self.net.answers_pings = [true; 3];
        self.net.flow_timer = None;
        // Every transaction in flight on any flow ends within this time.
        self.be_good(Duration::from_secs(200));
        assert!(!self.asks, "a query has an outcome");
        assert!(!self.leaves, "Unregistered comes");
        self.start();
        self.be_good(Duration::from_secs(1));
        self.net.agent.register(self.net.now).expect("it runs");
        // A binding may last a day, so its registrar may behave differently by now.
        let refresh = Change::RegisterExpires(Duration::from_secs(600));
        self.net
            .agent
            .reconfigure(refresh, self.net.now)
            .expect("600 s");
        // The longest waits are an hour.
        self.be_good(Duration::from_secs(2 * 3_600));
        assert!(self.net.agent.is_registered());
        let before = (self.net.registers.len(), self.net.connects);
        self.be_good(Duration::from_secs(3_600));
        let after = (self.net.registers.len(), self.net.connects);
        // The agent refreshes each after 480 s at the earliest, and tries a better server every 300 s.
        let refreshes = 3_600 / 480 + 2;
        assert!(after.0 - before.0 <= self.flows * refreshes, "REGISTERs");
        assert!(
            after.1 - before.1 <= self.flows * (3_600 / 300 + 1),
            "connections"
        );
        if !self.without_outbound {
            assert_eq!(self.net.connected, self.flows.min(self.servers), "flows");
        }
        let used = self.net.agent.options("bob", self.net.now);
        self.requests.insert(used.expect("room"));
        self.net.pump();
        let (_, request) = self.net.sent.front().expect("it goes out at once");
        assert_eq!(request.method(), Method::Options);
        self.be_good(Duration::from_secs(70));
        assert!(self.requests.is_empty());
    }

    /// Lets time pass while every peer answers.
    fn be_good(&mut self, time: Duration) {
        let end = self.net.now + time;
        let mut turns = 0;
        loop {
            self.news();
            let now = self.net.now;
            if !self.net.held.is_empty() {
                self.net.answer_register(200);
            } else if let Some((connection, server)) = self.needed.pop_first() {
                let server = self.net.agent.config().servers().get(server);
                let url = server.map(|server| server.url.clone()).ok_or(NoServerUrl);
                let _ = self.net.agent.server_url(connection, url, now);
            } else if let Some(connection) = self.net.asked.keys().next().copied() {
                self.net.open_or_fail(connection);
            } else if let Some(request) = self.describe.pop() {
                let offer = Ok(Body::sdp(OFFER));
                let _ = request.describe(&mut self.net.agent, offer, now);
            } else if let Some(challenge) = self.challenges.pop() {
                let _ = self.net.agent.authorize(challenge, Ok("Bearer t"), now);
            } else if !self.unanswered.is_empty() {
                self.answer(200);
            } else if let Some(next) = self.net.agent.next_tick().filter(|&next| next <= end) {
                turns = if next > now { 0 } else { turns + 1 };
                assert!(turns < 1_000, "a deadline that stays in the past");
                self.net.now = now.max(next);
                self.net.agent.tick(self.net.now).expect("tick");
            } else {
                break;
            }
        }
        self.net.sleep(end.saturating_since(self.net.now));
    }

    fn end(&mut self) {
        for call in self.calls.clone() {
            let _ = self.net.agent.hang_up(call, self.net.now);
        }
        self.be_good(Duration::from_secs(1));
        self.stop();
        self.be_good(Duration::from_secs(3));
        assert_eq!(
            self.net.stopped, self.stops,
            "Stopped comes once for each stop"
        );
        assert!(self.net.open.is_empty() && self.net.asked.is_empty());
        assert_eq!(self.net.agent.table_sizes(), Default::default());
        assert_eq!(self.net.agent.next_tick(), None);
        assert!(self.calls.is_empty() && self.requests.is_empty());
    }
}
