//! Servers that register the agent by themselves, and checks that hold for every agent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use sip_core::config::{Config, ConfigBuilder};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{Action, ConnectionId, ConnectionInfo, Event, Timestamp, Transport, UserAgent};
use sip_parse::{Bytes, HeaderName, Limits, Message, Method, Request};

use crate::bench::Bench;
use crate::far_end::FarEnd;
use crate::message::response;

/// How long a REGISTER may remain unanswered (RFC 3261 section 17.1.2.2: timer F).
const TIMER_F: Duration = Duration::from_secs(32);

/// The URLs of the three servers. The harness names a server by its place in this list, because the
/// agent's own numbers change with its configuration.
pub const URLS: [&str; 3] = ["wss://a", "wss://b", "wss://c"];

const CHALLENGE: &str = "Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\"";

/// Three servers and their registrars.
#[derive(Debug)]
pub struct Servers {
    /// The transport of each connection.
    pub transport: Transport,
    /// Connections that the agent has asked for, if the test opens them itself.
    pub asked: BTreeMap<ConnectionId, usize>,
    /// Whether a connection opens, or fails, as soon as the agent asks for it.
    pub opens: bool,
    /// Open connections and their servers.
    pub open: BTreeMap<ConnectionId, usize>,
    /// Connections that the agent has ended. It may end one whose failure it does not know yet.
    ended: BTreeSet<ConnectionId>,
    /// Servers that cannot be reached.
    pub down: BTreeSet<usize>,
    /// Whether two connections to one server are a fault.
    pub one_flow_each: bool,
    /// The servers whose registrar keeps flows apart.
    pub outbound: BTreeSet<usize>,
    /// The status with which each server answers REGISTER; 0: it waits for the test.
    pub answers: [u16; 3],
    /// The seconds that a binding lasts; as many as the agent asks for, if there are none.
    pub granted: Option<u32>,
    /// The seconds of Flow-Timer (RFC 5626 section 5.4), if there is one.
    pub flow_timer: Option<u32>,
    /// Which servers answer pings.
    pub answers_pings: [bool; 3],
    /// How many pings each server received.
    pub pings: [usize; 3],
    /// Every REGISTER, and its server.
    pub registers: Vec<(usize, Request)>,
    /// REGISTERs that wait for their answer, and since when.
    pub held: VecDeque<(ConnectionId, Request, Timestamp)>,
    /// Other requests of the agent that the test has not read.
    pub sent: VecDeque<(ConnectionId, Request)>,
    /// Connections that the agent ended, and why.
    pub disconnects: Vec<(ConnectionId, DisconnectReason)>,
    /// The events `Connected` less the events `Disconnected`.
    pub connected: usize,
    /// Whether the agent is registered by its events.
    pub registered: bool,
    /// How many connections the agent asked for.
    pub connects: usize,
    /// How many events `Stopped` came.
    pub stopped: usize,
}

impl Servers {
    fn new() -> Self {
        Self {
            transport: Transport::Wss,
            asked: BTreeMap::new(),
            opens: true,
            open: BTreeMap::new(),
            ended: BTreeSet::new(),
            down: BTreeSet::new(),
            one_flow_each: false,
            outbound: [0, 1, 2].into(),
            answers: [200; 3],
            granted: Some(600),
            flow_timer: None,
            answers_pings: [true; 3],
            pings: [0; 3],
            registers: Vec::new(),
            held: VecDeque::new(),
            sent: VecDeque::new(),
            disconnects: Vec::new(),
            connected: 0,
            registered: false,
            connects: 0,
            stopped: 0,
        }
    }

    /// The first open connection to a server.
    #[track_caller]
    pub fn connection(&self, server: usize) -> ConnectionId {
        let found = self.open.iter().find(|(_, open)| **open == server);
        *found.expect("an open connection").0
    }

    /// The server of each open connection.
    pub fn servers(&self) -> Vec<usize> {
        let mut servers: Vec<_> = self.open.values().copied().collect();
        servers.sort_unstable();
        servers
    }

    /// How many pings all servers received.
    pub fn all_pings(&self) -> usize {
        self.pings.iter().sum()
    }

    fn open_or_fail(&mut self, agent: &mut UserAgent, connection: ConnectionId, now: Timestamp) {
        let Some(server) = self.asked.remove(&connection) else {
            return;
        };
        if self.down.contains(&server) {
            return agent.connection_failed(connection, ConnectError::Refused, now);
        }
        self.open.insert(connection, server);
        let info = ConnectionInfo {
            transport: self.transport,
            remote: None,
        };
        agent.connection_opened(connection, info, now);
    }

    fn take_request(
        &mut self,
        connection: ConnectionId,
        request: Request,
        agent: &mut UserAgent,
        now: Timestamp,
    ) {
        if request.method() != Method::Register {
            return self.sent.push_back((connection, request));
        }
        let server = self.open[&connection];
        self.registers.push((server, request.clone()));
        self.held.retain(|(.., since)| *since + TIMER_F > now);
        self.held.push_back((connection, request, now));
        assert_eq!(self.held.len(), 1, "RFC 3261 10.2: one REGISTER at a time");
        if self.answers[server] != 0 {
            self.answer_register(agent, self.answers[server], now);
        }
    }

    fn answer_register(&mut self, agent: &mut UserAgent, status: u16, now: Timestamp) {
        let (connection, request, _) = self.held.pop_front().expect("a REGISTER");
        let server = self.open[&connection];
        let mut headers = vec![("Service-Route", format!("<sip:route{server};lr>"))];
        match status {
            200 => {
                if let Some(contact) = request.header(HeaderName::Contact) {
                    let contact = sip_parse::text(contact.value).to_string();
                    let asked = contact
                        .rfind("expires=")
                        .filter(|_| !contact.ends_with("expires=0"));
                    if let (Some(granted), Some(at)) = (self.granted, asked) {
                        headers.push(("Contact", format!("{}expires={granted}", &contact[..at])));
                    } else if self.granted.is_none() {
                        headers.push(("Contact", contact));
                    }
                }
                if let Some(seconds) = self.flow_timer {
                    headers.push(("Flow-Timer", seconds.to_string()));
                }
                if self.outbound.contains(&server) {
                    headers.push(("Require", "outbound".to_owned()));
                }
            }
            401 => headers.push(("WWW-Authenticate", CHALLENGE.to_owned())),
            423 => headers.push(("Min-Expires", "1800".to_owned())),
            _ => {}
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let bytes = response(&request, status, "peer", &headers, None);
        let room = agent.receive(connection, bytes, now);
        room.expect("room in the queue");
    }
}

impl FarEnd for Servers {
    fn carry_out(&mut self, action: Action, agent: &mut UserAgent, now: Timestamp) {
        match action {
            Action::Connect {
                connection, url, ..
            } => {
                let server = URLS.iter().position(|host| url.as_str().starts_with(host));
                let server = server.expect("one of the three servers");
                let twice = self.one_flow_each && self.open.values().any(|open| *open == server);
                assert!(!twice, "two flows to server {server}");
                self.asked.insert(connection, server);
                self.connects += 1;
                if self.opens {
                    self.open_or_fail(agent, connection, now);
                }
            }
            Action::Transmit { connection, bytes } => {
                assert!(self.open.contains_key(&connection), "sent on a dead flow");
                let message = Message::parse(bytes, &Limits::default()).expect("message");
                if let Ok(request) = message.into_request() {
                    self.take_request(connection, request, agent, now);
                }
            }
            Action::Ping { connection } => {
                let server = self.open.get(&connection).expect("ping on a dead flow");
                self.pings[*server] += 1;
                if self.answers_pings[*server] {
                    agent.pong(connection, now);
                }
            }
            Action::Disconnect { connection, reason } => {
                assert!(self.ended.insert(connection), "Disconnect twice: {reason}");
                self.asked.remove(&connection);
                self.open.remove(&connection);
                self.held.retain(|(on, ..)| *on != connection);
                self.disconnects.push((connection, reason));
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
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
    }

    fn settled(&self, agent: &UserAgent) {
        assert!(self.connected <= self.open.len(), "Disconnected is missing");
        assert_eq!(self.registered, agent.is_registered());
        assert_eq!(self.connected > 0, agent.is_connected());
    }
}

/// Alice with the first `servers` servers, which she prefers in their order, and without keep-alive.
pub fn alice_with_servers(servers: usize, flows: u8) -> ConfigBuilder {
    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .servers(URLS[..servers].iter().copied().zip([3, 2, 1]))
        .outbound_flows(flows)
        .keep_alive_interval(Duration::ZERO);
    config
}

impl Bench<Servers> {
    /// An agent that has carried out its first actions with the servers as `change` leaves them.
    pub fn with_servers(
        config: &ConfigBuilder,
        seed: u8,
        change: impl FnOnce(&mut Servers),
    ) -> Self {
        let mut servers = Servers::new();
        change(&mut servers);
        let mut bench = Self::started(config, seed, servers);
        bench.pump();
        bench
    }

    /// A connection that the agent asked for opens, or fails if its server is down.
    pub fn open_or_fail(&mut self, connection: ConnectionId) {
        self.far.open_or_fail(&mut self.agent, connection, self.now);
    }

    /// The registrar answers the REGISTER that waits. The agent's actions are left for
    /// [`pump`](Self::pump).
    #[track_caller]
    pub fn answer_register(&mut self, status: u16) {
        self.far.answer_register(&mut self.agent, status, self.now);
    }

    /// A server answers a request. The agent's actions are left for [`pump`](Self::pump).
    pub fn reply(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        status: u16,
        headers: &[(&str, &str)],
    ) {
        self.receive(connection, response(request, status, "peer", headers, None));
    }

    /// A server answers a request as its peer would: a 401 has a challenge, a 2xx to INVITE has the
    /// offer as its answer.
    pub fn reply_to(&mut self, connection: ConnectionId, request: &Request, status: u16) {
        let mut headers = vec![("Contact", "<sip:bob@192.0.2.9>")];
        if status == 401 {
            headers.push(("WWW-Authenticate", CHALLENGE));
        }
        let accepted = status == 200 && request.method() == Method::Invite;
        let sdp = accepted.then(|| sip_parse::text(request.body()).to_string());
        let bytes = response(request, status, "peer", &headers, sdp.as_deref());
        self.receive(connection, bytes);
    }

    /// The agent receives bytes. Its actions are left for [`pump`](Self::pump).
    pub fn receive(&mut self, connection: ConnectionId, bytes: Bytes) {
        let room = self.agent.receive(connection, bytes, self.now);
        room.expect("room in the queue");
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

    /// The oldest request that the test has not read, and its server.
    #[track_caller]
    pub fn next_sent(&mut self) -> (usize, Request) {
        let (connection, request) = self.sent.pop_front().expect("a request was sent");
        (self.open[&connection], request)
    }

    /// Sends an OPTIONS; on which server it went out, if it did.
    pub fn options(&mut self) -> Option<(usize, ConnectionId, Request)> {
        self.agent.options("bob", self.now).expect("options");
        self.pump();
        let (connection, request) = self.sent.pop_front()?;
        Some((self.open[&connection], connection, request))
    }
}
