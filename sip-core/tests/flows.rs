//! Several flows of one agent (RFC 5626): the test plays the servers, each on its own connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::config::{Config, ConfigBuilder};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    Action, Body, Change, ConnectionId, ConnectionInfo, Event, SessionId, Timestamp, Transport,
    UserAgent,
};
use sip_parse::{Builder, HeaderName, Limits, Message, Method, Request, StatusCode};

use sip_testing::{DescriptionRequest, OFFER, SECOND, description_needed, value, values};

/// Servers that answer REGISTER by themselves; everything else is the test's.
struct Net {
    agent: UserAgent,
    now: Timestamp,
    /// Open connections and the place of their server.
    open: BTreeMap<ConnectionId, usize>,
    /// Servers that cannot be reached.
    down: Vec<usize>,
    /// The registrar keeps flows apart.
    outbound: bool,
    /// Seconds until the registrar answers: it holds REGISTERs back while this is false.
    answers: bool,
    registers: Vec<(usize, Request)>,
    sent: VecDeque<(usize, Request)>,
    events: VecDeque<Event>,
    /// The last description that the agent asked for.
    asked: Option<DescriptionRequest>,
    disconnects: Vec<(Option<usize>, DisconnectReason)>,
    held: VecDeque<(ConnectionId, Request)>,
}

fn config(servers: usize, flows: u8) -> ConfigBuilder {
    let mut config = Config::builder();
    let urls = ["wss://a", "wss://b", "wss://c", "wss://d"];
    config
        .uri("sip:alice@example.com")
        .servers(urls[..servers].iter().copied().zip([4, 3, 2, 1]))
        .outbound_flows(flows)
        .keep_alive_interval(Duration::ZERO);
    config
}

impl Net {
    fn new(config: &ConfigBuilder) -> Self {
        Self::with(config, |_| {})
    }

    fn with(config: &ConfigBuilder, change: impl FnOnce(&mut Self)) -> Self {
        let random = Box::new(ChaCha20Rng::from_seed([5; 32]));
        let now = Timestamp::from_millis(1_000);
        let agent = UserAgent::new(config.build().expect("configuration"), random, now);
        let mut net = Self {
            agent: agent.expect("agent"),
            now,
            open: BTreeMap::new(),
            down: Vec::new(),
            outbound: true,
            answers: true,
            registers: Vec::new(),
            sent: VecDeque::new(),
            events: VecDeque::new(),
            asked: None,
            disconnects: Vec::new(),
            held: VecDeque::new(),
        };
        change(&mut net);
        net.pump();
        net
    }

    fn pump(&mut self) {
        let mut actions = 0;
        while let Some(action) = self.agent.poll_action() {
            actions += 1;
            assert!(actions < 10_000, "one input, and no end of actions");
            match action {
                Action::Connect {
                    connection, server, ..
                } => {
                    assert!(
                        !self.open.values().any(|open| *open == server),
                        "two flows to server {server}"
                    );
                    if self.down.contains(&server) {
                        let error = ConnectError::Refused;
                        self.agent.connection_failed(connection, error, self.now);
                    } else {
                        self.open.insert(connection, server);
                        let info = ConnectionInfo {
                            transport: Transport::Wss,
                            remote: None,
                        };
                        self.agent.connection_opened(connection, info, self.now);
                    }
                }
                Action::Transmit { connection, bytes } => {
                    let message = Message::parse(bytes, &Limits::default()).expect("message");
                    let request = message.into_request().expect("a request");
                    let server = self.open[&connection];
                    if request.method() == Method::Register {
                        self.registers.push((server, request.clone()));
                        self.held.push_back((connection, request));
                        if self.answers {
                            self.answer_register(200);
                        }
                    } else {
                        self.sent.push_back((server, request));
                    }
                }
                Action::Disconnect { connection, reason } => {
                    let server = self.open.remove(&connection);
                    self.disconnects.push((server, reason));
                }
                Action::Event(event) => {
                    self.asked = description_needed(&event).or(self.asked);
                    self.events.push_back(event);
                }
                _ => {}
            }
        }
    }

    /// Answers the oldest REGISTER that waits.
    fn answer_register(&mut self, status: u16) {
        let (connection, request) = self.held.pop_front().expect("a REGISTER");
        let contact = request.header(HeaderName::Contact);
        let contact = contact.map(|contact| String::from_utf8(contact.value.to_vec()).unwrap());
        let mut headers = vec![(
            "Service-Route",
            format!("<sip:route{};lr>", self.open[&connection]),
        )];
        headers.extend(contact.map(|contact| ("Contact", contact)));
        if self.outbound {
            headers.push(("Require", "outbound".to_owned()));
        }
        self.reply(connection, &request, status, &headers, None);
    }

    fn reply(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        status: u16,
        headers: &[(&str, String)],
        body: Option<&str>,
    ) {
        let status = StatusCode::new(status).expect("status");
        let mut response = Builder::response_to(request, status, Some(b"peer"));
        for (name, value) in headers {
            response.append(
                HeaderName::parse(name.as_bytes()).expect("name"),
                value.as_str(),
            );
        }
        if let Some(body) = body {
            response.body(b"application/sdp", body.as_bytes());
        }
        let bytes = response.build().expect("response").bytes().clone();
        let room = self.agent.receive(connection, bytes, self.now);
        room.expect("room in the queue");
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.agent.next_tick().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.agent.tick(self.now).expect("tick");
            self.pump();
        }
        self.now = end;
        self.agent.tick(end).expect("tick");
        self.pump();
    }

    fn connection(&self, server: usize) -> ConnectionId {
        let found = self.open.iter().find(|(_, open)| **open == server);
        *found.expect("an open connection").0
    }

    /// The server goes away.
    fn cut(&mut self, server: usize) {
        self.down.push(server);
        let connection = self.connection(server);
        self.open.remove(&connection);
        let lost = DisconnectReason::Lost;
        self.agent.connection_closed(connection, lost, self.now);
        self.pump();
    }

    fn servers(&self) -> Vec<usize> {
        let mut servers: Vec<_> = self.open.values().copied().collect();
        servers.sort_unstable();
        servers
    }

    fn count(&mut self, fits: impl Fn(&Event) -> bool) -> usize {
        let events = std::mem::take(&mut self.events);
        events.iter().filter(|event| fits(event)).count()
    }

    /// The server and reg-id of each REGISTER since the last time, and its granted seconds.
    fn taken_registers(&mut self) -> Vec<(usize, u8, u32)> {
        let registers = std::mem::take(&mut self.registers);
        registers
            .iter()
            .map(|(server, request)| {
                let contact = request
                    .contacts()
                    .next()
                    .expect("Contact")
                    .expect("readable");
                let sip_parse::Contact::Addr(contact) = contact else {
                    panic!("{contact:?}")
                };
                let id = contact.param(b"reg-id").expect("reg-id");
                let id = sip_parse::text(id).to_string().parse().expect("a number");
                (*server, id, contact.expires().expect("expires"))
            })
            .collect()
    }

    /// Gives the description that the agent asked for last.
    fn describe(&mut self, id: SessionId) {
        let request = self.asked.take().expect("DescriptionNeeded");
        assert_eq!(request.session, id);
        let described = request.describe(&mut self.agent, Ok(Body::sdp(OFFER)), self.now);
        described.expect("describe");
        self.pump();
    }

    /// A call that is up, made by the agent; on which server.
    fn call(&mut self) -> (SessionId, usize) {
        let id = self.agent.invite("bob", Default::default(), self.now);
        let id = id.expect("invite");
        self.pump();
        self.describe(id);
        let (server, invite) = self.sent.pop_front().expect("INVITE");
        assert_eq!(invite.method(), Method::Invite);
        let contact = [("Contact", "<sip:bob@192.0.2.9>".to_owned())];
        self.reply(self.connection(server), &invite, 200, &contact, Some(OFFER));
        self.pump();
        assert_eq!(self.sent.pop_front().expect("ACK").1.method(), Method::Ack);
        (id, server)
    }
}

fn is_registered(event: &Event) -> bool {
    matches!(event, Event::Registered(_))
}

fn is_unregistered(event: &Event) -> bool {
    matches!(event, Event::Unregistered { .. })
}

/// RFC 5626 4.2.1: one REGISTER for each flow, each with a reg-id of its own, the same instance; RFC 3261
/// 10.2: the same Call-ID, and CSeq one higher each time.
#[test]
fn rfc5626_4_2_1_each_flow_is_registered_with_its_own_reg_id() {
    let mut net = Net::new(&config(3, 2));
    assert_eq!(net.servers(), [0, 1]);
    let requests: Vec<_> = net
        .registers
        .iter()
        .map(|(_, request)| request.clone())
        .collect();
    assert_eq!(requests.len(), 2);
    let instance = |request: &Request| {
        let contact = value(request, HeaderName::Contact);
        let start = contact.find("+sip.instance=").expect("instance");
        contact[start..].split(';').next().unwrap().to_owned()
    };
    assert_eq!(instance(&requests[0]), instance(&requests[1]));
    for name in [HeaderName::CallId, HeaderName::From, HeaderName::To] {
        assert_eq!(value(&requests[0], name), value(&requests[1], name));
    }
    let number = |request: &Request| request.cseq().unwrap().number;
    assert_eq!(number(&requests[0]) + 1, number(&requests[1]));
    assert_eq!(net.taken_registers(), [(0, 1, 600), (1, 2, 600)]);
    let reg_ids: Vec<_> = net
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Registered(registration) => Some((registration.reg_id, registration.outbound)),
            _ => None,
        })
        .collect();
    assert_eq!(reg_ids, [(1, true), (2, true)]);
    // Both are refreshed on their own flows, well before they lapse.
    net.wait(Duration::from_secs(541));
    let mut refreshed = net.taken_registers();
    refreshed.sort_unstable();
    assert_eq!(refreshed, [(0, 1, 600), (1, 2, 600)]);
}

/// RFC 3261 10.2: no new REGISTER until the one before is through, on whichever flow.
#[test]
fn rfc3261_10_2_one_register_at_a_time_over_all_flows() {
    let mut net = Net::new(&config(3, 3));
    assert_eq!(net.taken_registers().len(), 3);
    net.answers = false;
    // All bindings are to be refreshed at once.
    let change = Change::RegisterExpires(Duration::from_secs(1_200));
    net.agent.reconfigure(change, net.now).unwrap();
    net.pump();
    for left in (0..3).rev() {
        assert_eq!(net.held.len(), 1, "{left} left");
        net.answer_register(200);
        net.pump();
    }
    assert!(net.held.is_empty());
    let mut asked = net.taken_registers();
    asked.sort_unstable();
    assert_eq!(asked, [(0, 1, 1_200), (1, 2, 1_200), (2, 3, 1_200)]);
    // A refresh that comes due while another one is in flight waits for that, and is not forgotten.
    net.answers = true;
    let change = Change::RegisterExpires(Duration::from_secs(12));
    net.agent.reconfigure(change, net.now).unwrap();
    net.pump();
    assert_eq!(net.taken_registers().len(), 3);
    net.answers = false;
    net.wait(Duration::from_millis(11_500));
    assert_eq!(net.held.len(), 1, "all are due");
    net.answers = true;
    net.answer_register(200);
    net.pump();
    assert_eq!(net.taken_registers().len(), 3);
    net.wait(Duration::from_millis(11_500));
    assert_eq!(net.taken_registers().len(), 3);
    assert!(net.agent.is_registered());
}

/// RFC 5626 4.2.1: without `Require: outbound` in the 2xx there is one flow, and losing it is losing the
/// registration.
#[test]
fn rfc5626_4_2_1_a_registrar_without_outbound_has_one_flow() {
    let mut net = Net::with(&config(3, 2), |net| net.outbound = false);
    assert_eq!(net.servers(), [0]);
    assert_eq!(net.taken_registers(), [(0, 1, 600)]);
    net.events.clear();
    net.cut(0);
    assert!(!net.agent.is_registered());
    assert_eq!(net.count(is_unregistered), 1);
}

/// RFC 5626 4.2.1: a registrar that stops keeping flows apart would put one binding in the place of the
/// other: only the flow that it answered on stays.
#[test]
fn rfc5626_4_2_1_flows_end_with_the_registrars_support() {
    let mut net = Net::new(&config(2, 2));
    assert_eq!(net.servers(), [0, 1]);
    net.outbound = false;
    net.taken_registers();
    net.events.clear();
    net.wait(Duration::from_secs(541));
    assert_eq!(net.servers().len(), 1);
    assert_eq!(net.disconnects.len(), 1);
    assert_eq!(net.disconnects[0].1, DisconnectReason::Unneeded);
    assert!(net.agent.is_registered());
    assert_eq!(net.count(is_unregistered), 0);
    net.wait(Duration::from_secs(3_600));
    assert_eq!(net.servers().len(), 1);
}

/// RFC 5626 4.2 and 4.5: while one flow is up the agent is registered; the other one comes back by itself,
/// at another server if need be.
#[test]
fn rfc5626_4_2_one_flow_is_enough() {
    let mut net = Net::new(&config(3, 2));
    net.taken_registers();
    net.events.clear();
    net.cut(0);
    assert!(net.agent.is_registered() && net.agent.is_connected());
    assert_eq!(net.count(is_unregistered), 0);
    net.agent.options("bob", net.now).unwrap();
    net.pump();
    let (server, options) = net.sent.pop_front().expect("OPTIONS");
    assert_eq!(server, 1);
    assert_eq!(values(&options, HeaderName::Route), ["<sip:route1;lr>"]);
    net.reply(net.connection(1), &options, 200, &[], None);
    // Three more tries 4 s apart, then the third server.
    net.wait(Duration::from_secs(30));
    assert_eq!(net.servers(), [1, 2]);
    assert_eq!(net.taken_registers(), [(2, 1, 600)]);
    // The first server comes back, and is the better one for the flow that uses the third.
    net.down.clear();
    net.wait(Duration::from_secs(700));
    assert_eq!(net.servers(), [0, 1]);
    net.cut(1);
    assert!(net.agent.is_registered());
    assert_eq!(net.count(is_unregistered), 0);
    // The last one.
    net.down.extend([2, 3]);
    let last = net.servers();
    for server in last {
        net.cut(server);
    }
    assert!(!net.agent.is_registered() && !net.agent.is_connected());
    assert_eq!(net.count(is_unregistered), 1);
}

/// A call that was set up on the flow that failed is repaired at once on the other one.
#[test]
fn rfc5626_4_2_a_call_moves_to_the_flow_that_is_left() {
    let mut net = Net::new(&config(2, 2));
    let (id, server) = net.call();
    assert_eq!(server, 0);
    net.events.clear();
    net.cut(0);
    let asked =
        |event: &Event| description_needed(event).is_some_and(|request| request.session == id);
    assert_eq!(net.count(asked), 1);
    net.describe(id);
    let (server, reinvite) = net.sent.pop_front().expect("re-INVITE");
    assert_eq!((server, reinvite.method()), (1, Method::Invite));
    let contact = [("Contact", "<sip:bob@192.0.2.9>".to_owned())];
    net.reply(net.connection(1), &reinvite, 200, &contact, Some(OFFER));
    net.pump();
    assert_eq!(net.sent.pop_front().expect("ACK").1.method(), Method::Ack);
    // The other flow comes back: the call has a way, and nothing is sent for it.
    net.down.clear();
    net.wait(Duration::from_secs(60));
    assert_eq!(net.servers(), [0, 1]);
    assert!(net.sent.is_empty());
    net.agent.hang_up(id, net.now).unwrap();
    net.pump();
    let (server, bye) = net.sent.pop_front().expect("BYE");
    assert_eq!((server, bye.method()), (1, Method::Bye));
}

/// What is lost with a flow is what was on it: a request in flight on the other one goes on.
#[test]
fn conn_a_a_lost_flow_fails_only_what_was_on_it() {
    let mut net = Net::new(&config(2, 2));
    net.agent.options("bob", net.now).unwrap();
    net.pump();
    let (server, options) = net.sent.pop_front().expect("OPTIONS");
    assert_eq!(server, 0);
    net.events.clear();
    net.cut(1);
    let finished = |event: &Event| matches!(event, Event::RequestCompleted { .. });
    assert_eq!(net.count(finished), 0);
    net.reply(net.connection(0), &options, 200, &[], None);
    net.pump();
    let answered = |event: &Event| matches!(event, Event::RequestCompleted { outcome: Ok(_), .. });
    assert_eq!(net.count(answered), 1);
}

/// RFC 3261 10.2.2: each binding is given back on its own flow, then the flows beyond the first are closed.
#[test]
fn rfc3261_10_2_2_every_flows_binding_is_given_back() {
    let mut net = Net::new(&config(3, 3));
    net.taken_registers();
    net.events.clear();
    net.agent.unregister(net.now).unwrap();
    net.pump();
    let mut given_back = net.taken_registers();
    given_back.sort_unstable();
    assert_eq!(given_back, [(0, 1, 0), (1, 2, 0), (2, 3, 0)]);
    assert_eq!(net.count(is_unregistered), 1);
    assert_eq!(net.servers(), [0]);
    assert!(net.agent.is_connected());
    net.agent.register(net.now).unwrap();
    net.pump();
    assert_eq!(net.servers(), [0, 1, 2]);
    assert_eq!(net.count(is_registered), 3);
}

/// CONN-E: stop gives every binding back and closes every connection.
#[test]
fn conn_e_stop_ends_every_flow() {
    let mut net = Net::new(&config(3, 3));
    net.taken_registers();
    net.agent.stop(None, net.now);
    net.pump();
    let mut given_back = net.taken_registers();
    given_back.sort_unstable();
    assert_eq!(given_back, [(0, 1, 0), (1, 2, 0), (2, 3, 0)]);
    let stopped = |event: &Event| matches!(event, Event::Stopped { unfinished: 0 });
    assert_eq!(net.count(stopped), 1);
    assert!(net.open.is_empty());
    assert!(
        net.disconnects
            .iter()
            .all(|(_, why)| *why == DisconnectReason::Stopped)
    );
    assert_eq!(net.agent.table_sizes(), Default::default());
    assert_eq!(net.agent.next_tick(), None);
    net.agent.start(net.now).unwrap();
    net.pump();
    assert_eq!(net.servers(), [0, 1, 2]);
}

/// The same when nobody answers any more: bounded by the grace.
#[test]
fn conn_e_stop_of_flows_is_bounded() {
    let mut net = Net::new(&config(2, 2));
    net.answers = false;
    net.agent.stop(None, net.now);
    net.pump();
    net.wait(2 * SECOND);
    let stopped = |event: &Event| matches!(event, Event::Stopped { unfinished: 1 });
    assert_eq!(net.count(stopped), 1);
    assert!(net.open.is_empty());
    assert_eq!(net.agent.table_sizes(), Default::default());
    assert_eq!(net.agent.next_tick(), None);
}

/// RFC 5626 4.2.1 and 11.6: a registrar that answers 430 says that the flow is dead: it is opened anew, and
/// not more often than a connection that drops.
#[test]
fn rfc5626_11_6_430_to_register_opens_a_new_flow() {
    let mut net = Net::new(&config(2, 2));
    net.taken_registers();
    net.events.clear();
    net.answers = false;
    net.wait(Duration::from_secs(541));
    while net.held.len() > 1 || net.registers.is_empty() {
        net.answer_register(200);
        net.pump();
    }
    let before = net.connection(net.registers.last().unwrap().0);
    net.answer_register(430);
    net.pump();
    assert_eq!(
        net.disconnects.last().map(|(_, why)| *why),
        Some(DisconnectReason::FlowFailed)
    );
    assert!(!net.open.contains_key(&before));
    assert!(net.agent.is_registered(), "the other flow is up");
    net.answers = true;
    while !net.held.is_empty() {
        net.answer_register(200);
    }
    net.wait(5 * SECOND);
    assert_eq!(net.servers(), [0, 1]);
    assert_eq!(net.count(is_unregistered), 0);
}

/// RFC 5626 4.4.1: each flow has pings of its own; the one without pong is lost, the other one is not.
#[test]
fn rfc5626_4_4_1_each_flow_is_kept_alive() {
    let mut config = config(2, 2);
    config.keep_alive_interval(Duration::from_secs(20));
    let random = Box::new(ChaCha20Rng::from_seed([5; 32]));
    let mut now = Timestamp::from_millis(1_000);
    let mut agent = UserAgent::new(config.build().unwrap(), random, now).unwrap();
    let mut pings = BTreeMap::<usize, u32>::new();
    let mut open = BTreeMap::new();
    let mut lost = Vec::new();
    for _ in 0..2_000 {
        while let Some(action) = agent.poll_action() {
            match action {
                Action::Connect {
                    connection, server, ..
                } if server < 2 && !lost.contains(&server) => {
                    open.insert(connection, server);
                    let info = ConnectionInfo {
                        transport: Transport::Wss,
                        remote: None,
                    };
                    agent.connection_opened(connection, info, now);
                }
                Action::Transmit { connection, bytes } => {
                    let message = Message::parse(bytes, &Limits::default()).unwrap();
                    let request = message.into_request().unwrap();
                    let mut ok = Builder::response_to(&request, StatusCode::OK, Some(b"peer"));
                    ok.append(HeaderName::Contact, value(&request, HeaderName::Contact));
                    ok.append(HeaderName::Require, "outbound");
                    let ok = ok.build().unwrap().bytes().clone();
                    agent.receive(connection, ok, now).unwrap();
                }
                Action::Ping { connection } => {
                    let server = open[&connection];
                    *pings.entry(server).or_default() += 1;
                    if server == 0 {
                        agent.pong(connection, now);
                    }
                }
                Action::Disconnect { connection, reason } => {
                    if let Some(server) = open.remove(&connection) {
                        assert_eq!(reason, DisconnectReason::KeepAlive);
                        lost.push(server);
                    }
                }
                _ => {}
            }
        }
        if now > Timestamp::from_millis(61_000) {
            break;
        }
        let next = agent.next_tick().unwrap();
        now = now.max(next);
        agent.tick(now).unwrap();
    }
    assert_eq!(lost, [1]);
    assert!((2..=3).contains(&pings[&0]), "{pings:?}");
    assert_eq!(pings[&1], 1);
    assert!(agent.is_registered());
}

/// Another list of servers: a flow whose server stays in it keeps its connection.
#[test]
fn another_list_of_servers_changes_only_the_flows_that_it_leaves_out() {
    let mut net = Net::new(&config(3, 2));
    let kept = net.connection(1);
    let list = [("wss://b", 1), ("wss://c", 0)];
    let servers = list.map(|(url, weight)| sip_core::config::Server {
        url: url.parse().unwrap(),
        weight,
    });
    let change = Change::Servers(servers.to_vec());
    // The harness names servers by their place, which changes here.
    net.open.remove(&kept);
    net.open.insert(kept, 0);
    let first = net
        .open
        .keys()
        .copied()
        .find(|connection| *connection != kept);
    net.open.insert(first.unwrap(), 9);
    net.agent.reconfigure(change, net.now).unwrap();
    net.pump();
    net.wait(2 * SECOND);
    assert_eq!(net.servers(), [0, 1]);
    assert_eq!(net.connection(0), kept);
    assert_eq!(net.disconnects, [(Some(9), DisconnectReason::Replaced)]);
    assert!(net.agent.is_registered());
}

/// With fewer servers than flows each server has one, and none has two.
#[test]
fn rfc5626_4_2_1_at_most_one_flow_to_a_server() {
    let mut net = Net::new(&config(2, 4));
    assert_eq!(net.servers(), [0, 1]);
    net.cut(0);
    net.wait(Duration::from_secs(120));
    assert_eq!(net.servers(), [1]);
    net.down.clear();
    net.wait(Duration::from_secs(60));
    assert_eq!(net.servers(), [0, 1]);
}

/// RFC 5626 4.2.1: it is the first hop that lacks outbound (439): another one is asked for it again, and the
/// same one is not.
#[test]
fn rfc5626_4_2_1_439_is_the_first_hops() {
    let mut net = Net::with(&config(2, 1), |net| {
        net.outbound = false;
        net.answers = false;
    });
    let has_reg_id = |net: &Net| {
        let (server, request) = net.registers.last().expect("a REGISTER");
        let contact = value(request, HeaderName::Contact);
        assert_eq!(
            contact.contains(";reg-id=1"),
            request.has_token(HeaderName::Supported, b"outbound")
        );
        (*server, contact.contains(";reg-id=1"))
    };
    assert_eq!(has_reg_id(&net), (0, true));
    net.answer_register(439);
    net.pump();
    assert_eq!(has_reg_id(&net), (0, false));
    net.answers = true;
    net.answer_register(200);
    net.pump();
    net.cut(0);
    net.wait(Duration::from_secs(30));
    assert_eq!(has_reg_id(&net), (1, true));
    net.down = vec![];
    net.cut(1);
    net.wait(Duration::from_secs(30));
    assert_eq!(has_reg_id(&net), (0, false));
    assert!(net.agent.is_registered());
}
