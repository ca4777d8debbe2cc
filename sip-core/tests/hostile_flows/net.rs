//! Servers that the test turns against the agent, and what must hold whatever they do.
#![allow(unreachable_pub, reason = "a module of one test")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::config::{Config, ConfigBuilder};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{Action, ConnectionId, ConnectionInfo, Event, Timestamp, Transport, UserAgent};
use sip_parse::{Builder, Bytes, HeaderName, Limits, Message, Method, Request, StatusCode};

/// How many ticks one moment may take: more is a busy loop.
const TICKS_AT_ONCE: usize = 1_000;

/// How long a REGISTER may remain unanswered.
const TIMER_F: Duration = Duration::from_secs(32);

pub struct Net {
    pub agent: UserAgent,
    pub now: Timestamp,
    pub transport: Transport,
    /// Connections that were asked for, if the test opens them itself.
    pub asked: BTreeMap<ConnectionId, usize>,
    pub opens: bool,
    pub open: BTreeMap<ConnectionId, usize>,
    /// Connections that the agent has ended. It may end one whose failure it has not been told yet.
    ended: BTreeSet<ConnectionId>,
    pub down: BTreeSet<usize>,
    /// The servers whose registrar keeps flows apart.
    pub outbound: BTreeSet<usize>,
    /// What each server answers to REGISTER; 0: nothing, until the test does.
    pub answers: [u16; 3],
    pub granted: u32,
    /// The seconds of Flow-Timer (RFC 5626 section 5.4), if there is one.
    pub flow_timer: Option<u32>,
    pub answers_pings: bool,
    pub pings: usize,
    pub registers: Vec<(usize, Request)>,
    /// REGISTERs that wait for their answer, and since when.
    pub held: VecDeque<(ConnectionId, Request, Timestamp)>,
    pub sent: VecDeque<(ConnectionId, Request)>,
    pub events: VecDeque<Event>,
    pub disconnects: Vec<(ConnectionId, DisconnectReason)>,
    /// `Connected` less `Disconnected`.
    pub connected: usize,
    pub registered: bool,
    pub connects: usize,
    /// Calls that came up.
    pub calls: usize,
    pub stopped: usize,
}

pub fn config(flows: u8) -> ConfigBuilder {
    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .servers([("wss://a", 3), ("wss://b", 2), ("wss://c", 1)])
        .outbound_flows(flows)
        .keep_alive_interval(Duration::ZERO);
    config
}

impl Net {
    pub fn new(config: &ConfigBuilder) -> Self {
        Self::with(config, 7, |_| {})
    }

    pub fn with(config: &ConfigBuilder, seed: u8, change: impl FnOnce(&mut Self)) -> Self {
        let random = Box::new(ChaCha20Rng::from_seed([seed; 32]));
        let now = Timestamp::from_millis(1_000);
        let agent = UserAgent::new(config.build().expect("configuration"), random, now);
        let mut net = Self {
            agent: agent.expect("agent"),
            now,
            transport: Transport::Wss,
            asked: BTreeMap::new(),
            opens: true,
            open: BTreeMap::new(),
            ended: BTreeSet::new(),
            down: BTreeSet::new(),
            outbound: [0, 1, 2].into(),
            answers: [200; 3],
            granted: 600,
            flow_timer: None,
            answers_pings: true,
            pings: 0,
            registers: Vec::new(),
            held: VecDeque::new(),
            sent: VecDeque::new(),
            events: VecDeque::new(),
            disconnects: Vec::new(),
            connected: 0,
            registered: false,
            connects: 0,
            calls: 0,
            stopped: 0,
        };
        change(&mut net);
        net.pump();
        net
    }

    pub fn pump(&mut self) {
        while let Some(action) = self.agent.poll_action() {
            self.carry_out(action);
        }
        assert!(self.connected <= self.open.len(), "Disconnected is missing");
        assert_eq!(self.registered, self.agent.is_registered());
        assert_eq!(self.connected > 0, self.agent.is_connected());
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Connect {
                connection, url, ..
            } => {
                // Places change with the list, hosts do not.
                let server = ["wss://a", "wss://b", "wss://c"];
                let server = server
                    .iter()
                    .position(|host| url.as_str().starts_with(host));
                self.asked
                    .insert(connection, server.expect("a server of ours"));
                self.connects += 1;
                if self.opens {
                    self.open_or_fail(connection);
                }
            }
            Action::Transmit { connection, bytes } => {
                assert!(self.open.contains_key(&connection), "sent on a dead flow");
                let message = Message::parse(bytes, &Limits::default()).expect("message");
                if let Ok(request) = message.into_request() {
                    self.request_came(connection, request);
                }
            }
            Action::Ping { connection } => {
                assert!(self.open.contains_key(&connection), "ping on a dead flow");
                self.pings += 1;
                if self.answers_pings {
                    self.agent.pong(connection, self.now);
                }
            }
            Action::Disconnect { connection, reason } => {
                assert!(self.ended.insert(connection), "Disconnect twice: {reason}");
                self.asked.remove(&connection);
                self.open.remove(&connection);
                self.held.retain(|(on, ..)| *on != connection);
                self.disconnects.push((connection, reason));
            }
            Action::Event(event) => {
                match &event {
                    Event::Connected { .. } => self.connected += 1,
                    Event::Disconnected { .. } => self.connected -= 1,
                    Event::Registered(_) => self.registered = true,
                    Event::Unregistered { .. } => self.registered = false,
                    Event::Stopped { .. } => {
                        self.stopped += 1;
                        self.connected = 0;
                    }
                    _ => {}
                }
                self.events.push_back(event);
            }
            _ => {}
        }
    }

    pub fn open_or_fail(&mut self, connection: ConnectionId) {
        let Some(server) = self.asked.remove(&connection) else {
            return;
        };
        if self.down.contains(&server) {
            let error = ConnectError::Refused;
            self.agent.connection_failed(connection, error, self.now);
        } else {
            self.open.insert(connection, server);
            let info = ConnectionInfo {
                transport: self.transport,
                remote: None,
            };
            self.agent.connection_opened(connection, info, self.now);
        }
    }

    fn request_came(&mut self, connection: ConnectionId, request: Request) {
        if request.method() != Method::Register {
            return self.sent.push_back((connection, request));
        }
        let server = self.open[&connection];
        self.registers.push((server, request.clone()));
        // RFC 3261 section 17.1.2.2: timer F.
        let now = self.now;
        self.held.retain(|(.., since)| *since + TIMER_F > now);
        self.held.push_back((connection, request, now));
        assert_eq!(self.held.len(), 1, "RFC 3261 10.2: one REGISTER at a time");
        if self.answers[server] != 0 {
            self.answer_register(self.answers[server]);
        }
    }

    /// Answers the REGISTER that waits.
    pub fn answer_register(&mut self, status: u16) {
        let (connection, request, _) = self.held.pop_front().expect("a REGISTER");
        let server = self.open[&connection];
        let mut headers = vec![("Service-Route", format!("<sip:route{server};lr>"))];
        match status {
            200 => {
                if let Some(contact) = request.header(HeaderName::Contact) {
                    let contact = sip_parse::text(contact.value).to_string();
                    let granted = format!("expires={}", self.granted);
                    let asked = contact
                        .rfind("expires=")
                        .filter(|_| !contact.ends_with("expires=0"));
                    if let Some(at) = asked {
                        headers.push(("Contact", contact[..at].to_owned() + &granted));
                    }
                }
                if let Some(seconds) = self.flow_timer {
                    headers.push(("Flow-Timer", seconds.to_string()));
                }
                if self.outbound.contains(&server) {
                    headers.push(("Require", "outbound".to_owned()));
                }
            }
            401 => headers.push((
                "WWW-Authenticate",
                "Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\"".to_owned(),
            )),
            423 => headers.push(("Min-Expires", "1800".to_owned())),
            _ => {}
        }
        self.reply(connection, &request, status, &headers);
    }

    pub fn reply(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        status: u16,
        headers: &[(&str, String)],
    ) {
        let bytes = response(request, status, headers);
        self.receive(connection, bytes);
    }

    /// Answers any request as its peer would: a challenge with a challenge, an offer with an answer.
    pub fn reply_to(&mut self, connection: ConnectionId, request: &Request, status: u16) {
        let status = StatusCode::new(status).expect("status");
        let mut response = Builder::response_to(request, status, Some(b"peer"));
        response.append(HeaderName::Contact, "<sip:bob@192.0.2.9>");
        if status == StatusCode::UNAUTHORIZED {
            let challenge = "Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\"";
            response.append(HeaderName::WwwAuthenticate, challenge);
        }
        if status == StatusCode::OK && request.method() == Method::Invite {
            response.body(b"application/sdp", request.body());
        }
        let bytes = response.build().expect("response").bytes().clone();
        self.receive(connection, bytes);
    }

    pub fn receive(&mut self, connection: ConnectionId, bytes: Bytes) {
        let room = self.agent.receive(connection, bytes, self.now);
        room.expect("room in the queue");
    }

    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        let mut ticks = 0;
        while let Some(next) = self.agent.next_tick().filter(|&next| next <= end) {
            ticks = if next > self.now { 0 } else { ticks + 1 };
            assert!(ticks < TICKS_AT_ONCE, "a deadline that stays in the past");
            self.now = self.now.max(next);
            self.agent.tick(self.now).expect("tick");
            self.pump();
        }
        self.now = end;
        self.agent.tick(end).expect("tick");
        self.pump();
    }

    /// The host did not run for so long.
    pub fn sleep(&mut self, time: Duration) {
        self.now = self.now + time;
        self.agent.tick(self.now).expect("tick");
        self.pump();
    }

    pub fn connection(&self, server: usize) -> ConnectionId {
        let found = self.open.iter().find(|(_, open)| **open == server);
        *found.expect("an open connection").0
    }

    /// A connection breaks.
    pub fn cut(&mut self, connection: ConnectionId) {
        self.open.remove(&connection);
        self.held.retain(|(on, ..)| *on != connection);
        let lost = DisconnectReason::Lost;
        self.agent.connection_closed(connection, lost, self.now);
        self.pump();
    }

    /// A server goes away.
    pub fn kill(&mut self, server: usize) {
        self.down.insert(server);
        let open = self.open.iter().filter(|(_, open)| **open == server);
        for connection in open.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.cut(connection);
        }
    }

    pub fn servers(&self) -> Vec<usize> {
        let mut servers: Vec<_> = self.open.values().copied().collect();
        servers.sort_unstable();
        servers
    }

    /// The OPTIONS that went out, on which server.
    pub fn options(&mut self) -> Option<(usize, ConnectionId, Request)> {
        self.agent.options("bob", self.now).expect("options");
        self.pump();
        let (connection, request) = self.sent.pop_front()?;
        Some((self.open[&connection], connection, request))
    }
}

pub fn response(request: &Request, status: u16, headers: &[(&str, String)]) -> Bytes {
    let status = StatusCode::new(status).expect("status");
    let mut response = Builder::response_to(request, status, Some(b"peer"));
    for (name, value) in headers {
        let name = HeaderName::parse(name.as_bytes()).expect("name");
        response.append(name, value.as_str());
    }
    response.build().expect("response").bytes().clone()
}
