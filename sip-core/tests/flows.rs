//! Several flows of one agent (RFC 5626): the test plays the servers, each on its own connection.

use std::time::Duration;

use sip_core::config::ConfigBuilder;
use sip_core::connection::DisconnectReason;
use sip_core::{Change, Event, SessionId};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{
    Bench, OFFER, SECOND, Servers, alice_with_servers, description_needed, value, values,
};

/// An agent and three servers that register it.
type Net = Bench<Servers>;

/// Alice with as many of the three servers.
fn config(servers: usize, flows: u8) -> ConfigBuilder {
    alice_with_servers(servers, flows)
}

fn started(config: &ConfigBuilder) -> Net {
    started_with(config, |_| {})
}

/// The registrars grant what the agent asks for, and no server has two connections.
fn started_with(config: &ConfigBuilder, change: impl FnOnce(&mut Servers)) -> Net {
    Net::with_servers(config, 5, |servers| {
        servers.granted = None;
        servers.one_flow_each = true;
        servers.answers_pings = [false; 3];
        change(servers);
    })
}

/// The connection to a server breaks, and no other can be opened.
fn cut(net: &mut Net, server: usize) {
    net.down.insert(server);
    let connection = net.connection(server);
    net.cut(connection);
}

/// The number of events so far that satisfy `fits`.
fn count(net: &mut Net, fits: impl Fn(&Event) -> bool) -> usize {
    let events = std::mem::take(&mut net.events);
    events.iter().filter(|event| fits(event)).count()
}

/// The server, reg-id and requested seconds of each REGISTER since the last call.
fn taken_registers(net: &mut Net) -> Vec<(usize, u8, u32)> {
    let registers = std::mem::take(&mut net.registers);
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

/// Sets up a call of the agent; returns the server that carries it.
fn call(net: &mut Net) -> (SessionId, usize) {
    let id = net.agent.invite("bob", Default::default(), net.now);
    let id = id.expect("invite");
    net.describe(id, OFFER);
    let server = accepted(net);
    (id, server)
}

/// The peer answers an INVITE with 200 and gets its ACK; returns the server that carried it.
fn accepted(net: &mut Net) -> usize {
    let (server, invite) = net.next_sent();
    assert_eq!(invite.method(), Method::Invite);
    net.reply_to(net.connection(server), &invite, 200);
    net.pump();
    assert_eq!(net.next_sent().1.method(), Method::Ack);
    server
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
    let mut net = started(&config(3, 2));
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
    assert_eq!(taken_registers(&mut net), [(0, 1, 600), (1, 2, 600)]);
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
    let mut refreshed = taken_registers(&mut net);
    refreshed.sort_unstable();
    assert_eq!(refreshed, [(0, 1, 600), (1, 2, 600)]);
}

/// RFC 3261 10.2: no new REGISTER until the previous one is complete, on any flow.
#[test]
fn rfc3261_10_2_one_register_at_a_time_over_all_flows() {
    let mut net = started(&config(3, 3));
    assert_eq!(taken_registers(&mut net).len(), 3);
    net.answers = [0; 3];
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
    let mut asked = taken_registers(&mut net);
    asked.sort_unstable();
    assert_eq!(asked, [(0, 1, 1_200), (1, 2, 1_200), (2, 3, 1_200)]);
    // A refresh that comes due while another one is in flight waits for it and then goes out.
    net.answers = [200; 3];
    let change = Change::RegisterExpires(Duration::from_secs(12));
    net.agent.reconfigure(change, net.now).unwrap();
    net.pump();
    assert_eq!(taken_registers(&mut net).len(), 3);
    net.answers = [0; 3];
    net.wait(Duration::from_millis(11_500));
    assert_eq!(net.held.len(), 1, "all are due");
    net.answers = [200; 3];
    net.answer_register(200);
    net.pump();
    assert_eq!(taken_registers(&mut net).len(), 3);
    net.wait(Duration::from_millis(11_500));
    assert_eq!(taken_registers(&mut net).len(), 3);
    assert!(net.agent.is_registered());
}

/// RFC 5626 4.2.1: without `Require: outbound` in the 2xx there is one flow, and losing it is losing the
/// registration.
#[test]
fn rfc5626_4_2_1_a_registrar_without_outbound_has_one_flow() {
    let mut net = started_with(&config(3, 2), |net| net.outbound.clear());
    assert_eq!(net.servers(), [0]);
    assert_eq!(taken_registers(&mut net), [(0, 1, 600)]);
    net.events.clear();
    cut(&mut net, 0);
    assert!(!net.agent.is_registered());
    assert_eq!(count(&mut net, is_unregistered), 1);
}

/// RFC 5626 4.2.1: a registrar without outbound replaces one binding by the other, so that the agent keeps
/// only the flow on which it answered.
#[test]
fn rfc5626_4_2_1_flows_end_with_the_registrars_support() {
    let mut net = started(&config(2, 2));
    assert_eq!(net.servers(), [0, 1]);
    net.outbound.clear();
    taken_registers(&mut net);
    net.events.clear();
    net.wait(Duration::from_secs(541));
    assert_eq!(net.servers().len(), 1);
    assert_eq!(net.disconnects.len(), 1);
    assert_eq!(net.disconnects[0].1, DisconnectReason::Unneeded);
    assert!(net.agent.is_registered());
    assert_eq!(count(&mut net, is_unregistered), 0);
    net.wait(Duration::from_secs(3_600));
    assert_eq!(net.servers().len(), 1);
}

/// RFC 5626 4.2 and 4.5: while one flow is up the agent is registered; the other one comes back by itself,
/// at another server if need be.
#[test]
fn rfc5626_4_2_one_flow_is_enough() {
    let mut net = started(&config(3, 2));
    taken_registers(&mut net);
    net.events.clear();
    cut(&mut net, 0);
    assert!(net.agent.is_registered() && net.agent.is_connected());
    assert_eq!(count(&mut net, is_unregistered), 0);
    net.agent.options("bob", net.now).unwrap();
    net.pump();
    let (server, options) = net.next_sent();
    assert_eq!(server, 1);
    assert_eq!(values(&options, HeaderName::Route), ["<sip:route1;lr>"]);
    net.reply(net.connection(1), &options, 200, &[]);
    // Three more tries 4 s apart, then the third server.
    net.wait(Duration::from_secs(30));
    assert_eq!(net.servers(), [1, 2]);
    assert_eq!(taken_registers(&mut net), [(2, 1, 600)]);
    // The first server comes back, and is the better one for the flow that uses the third.
    net.down.clear();
    net.wait(Duration::from_secs(700));
    assert_eq!(net.servers(), [0, 1]);
    cut(&mut net, 1);
    assert!(net.agent.is_registered());
    assert_eq!(count(&mut net, is_unregistered), 0);
    // The last one.
    net.down.extend([2, 3]);
    let last = net.servers();
    for server in last {
        cut(&mut net, server);
    }
    assert!(!net.agent.is_registered() && !net.agent.is_connected());
    assert_eq!(count(&mut net, is_unregistered), 1);
}

/// A call that was set up on the flow that failed is repaired at once on the other one.
#[test]
fn rfc5626_4_2_a_call_moves_to_the_flow_that_is_left() {
    let mut net = started(&config(2, 2));
    let (id, server) = call(&mut net);
    assert_eq!(server, 0);
    net.events.clear();
    cut(&mut net, 0);
    let asked =
        |event: &Event| description_needed(event).is_some_and(|request| request.session == id);
    assert_eq!(count(&mut net, asked), 1);
    net.describe(id, OFFER);
    assert_eq!(accepted(&mut net), 1);
    // The other flow comes back: the call has a route, and the agent sends nothing for it.
    net.down.clear();
    net.wait(Duration::from_secs(60));
    assert_eq!(net.servers(), [0, 1]);
    assert!(net.sent.is_empty());
    net.agent.hang_up(id, net.now).unwrap();
    net.pump();
    let (server, bye) = net.next_sent();
    assert_eq!((server, bye.method()), (1, Method::Bye));
}

/// A lost flow fails only its own transactions: a request in flight on the other flow goes on.
#[test]
fn conn_a_a_lost_flow_fails_only_what_was_on_it() {
    let mut net = started(&config(2, 2));
    net.agent.options("bob", net.now).unwrap();
    net.pump();
    let (server, options) = net.next_sent();
    assert_eq!(server, 0);
    net.events.clear();
    cut(&mut net, 1);
    let finished = |event: &Event| matches!(event, Event::RequestCompleted { .. });
    assert_eq!(count(&mut net, finished), 0);
    net.reply(net.connection(0), &options, 200, &[]);
    net.pump();
    let answered = |event: &Event| matches!(event, Event::RequestCompleted { outcome: Ok(_), .. });
    assert_eq!(count(&mut net, answered), 1);
}

/// RFC 3261 10.2.2: the agent removes each binding on its own flow, then closes the flows beyond the first.
#[test]
fn rfc3261_10_2_2_every_flows_binding_is_given_back() {
    let mut net = started(&config(3, 3));
    taken_registers(&mut net);
    net.events.clear();
    net.agent.unregister(net.now).unwrap();
    net.pump();
    let mut given_back = taken_registers(&mut net);
    given_back.sort_unstable();
    assert_eq!(given_back, [(0, 1, 0), (1, 2, 0), (2, 3, 0)]);
    assert_eq!(count(&mut net, is_unregistered), 1);
    assert_eq!(net.servers(), [0]);
    assert!(net.agent.is_connected());
    net.agent.register(net.now).unwrap();
    net.pump();
    assert_eq!(net.servers(), [0, 1, 2]);
    assert_eq!(count(&mut net, is_registered), 3);
}

/// CONN-E: stop removes every binding and closes every connection.
#[test]
fn conn_e_stop_ends_every_flow() {
    let mut net = started(&config(3, 3));
    taken_registers(&mut net);
    net.agent.stop(None, net.now);
    net.pump();
    let mut given_back = taken_registers(&mut net);
    given_back.sort_unstable();
    assert_eq!(given_back, [(0, 1, 0), (1, 2, 0), (2, 3, 0)]);
    let stopped = |event: &Event| matches!(event, Event::Stopped { unfinished: 0 });
    assert_eq!(count(&mut net, stopped), 1);
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

/// The same when no registrar answers: the grace period bounds it.
#[test]
fn conn_e_stop_of_flows_is_bounded() {
    let mut net = started(&config(2, 2));
    net.answers = [0; 3];
    net.agent.stop(None, net.now);
    net.pump();
    net.wait(2 * SECOND);
    let stopped = |event: &Event| matches!(event, Event::Stopped { unfinished: 1 });
    assert_eq!(count(&mut net, stopped), 1);
    assert!(net.open.is_empty());
    assert_eq!(net.agent.table_sizes(), Default::default());
    assert_eq!(net.agent.next_tick(), None);
}

/// RFC 5626 4.2.1 and 11.6: 430 means that the flow is dead. The agent opens a new one, not more often than after a
/// lost connection.
#[test]
fn rfc5626_11_6_430_to_register_opens_a_new_flow() {
    let mut net = started(&config(2, 2));
    taken_registers(&mut net);
    net.events.clear();
    net.answers = [0; 3];
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
    net.answers = [200; 3];
    while !net.held.is_empty() {
        net.answer_register(200);
    }
    net.wait(5 * SECOND);
    assert_eq!(net.servers(), [0, 1]);
    assert_eq!(count(&mut net, is_unregistered), 0);
}

/// RFC 5626 4.4.1: each flow has pings of its own; the one without pong is lost, the other one is not.
#[test]
fn rfc5626_4_4_1_each_flow_is_kept_alive() {
    let mut config = config(2, 2);
    config.keep_alive_interval(Duration::from_secs(20));
    let mut net = started_with(&config, |net| net.answers_pings = [true, false, false]);
    // It stays lost, because the server does not open again.
    net.down.insert(1);
    let silent = net.connection(1);
    net.wait(Duration::from_secs(60));
    assert_eq!(net.disconnects, [(silent, DisconnectReason::KeepAlive)]);
    assert!((2..=3).contains(&net.pings[0]), "{:?}", net.pings);
    assert_eq!(net.pings[1], 1);
    assert!(net.agent.is_registered());
}

/// Another list of servers: a flow whose server stays in it keeps its connection.
#[test]
fn another_list_of_servers_changes_only_the_flows_that_it_leaves_out() {
    let mut net = started(&config(3, 2));
    let kept = net.connection(1);
    let list = [("wss://b", 1), ("wss://c", 0)];
    let servers = list.map(|(url, weight)| sip_core::config::Server {
        url: url.parse().unwrap(),
        weight,
    });
    let change = Change::Servers(servers.to_vec());
    let left_out = net.connection(0);
    net.agent.reconfigure(change, net.now).unwrap();
    net.pump();
    net.wait(2 * SECOND);
    assert_eq!(net.servers(), [1, 2]);
    assert_eq!(net.connection(1), kept);
    assert_eq!(net.disconnects, [(left_out, DisconnectReason::Replaced)]);
    assert!(net.agent.is_registered());
}

/// With fewer servers than flows each server has one, and none has two.
#[test]
fn rfc5626_4_2_1_at_most_one_flow_to_a_server() {
    let mut net = started(&config(2, 4));
    assert_eq!(net.servers(), [0, 1]);
    cut(&mut net, 0);
    net.wait(Duration::from_secs(120));
    assert_eq!(net.servers(), [1]);
    net.down.clear();
    net.wait(Duration::from_secs(60));
    assert_eq!(net.servers(), [0, 1]);
}

/// RFC 5626 4.2.1: after 439 the agent asks this first hop for outbound no more, but asks another one.
#[test]
fn rfc5626_4_2_1_439_is_the_first_hops() {
    let mut net = started_with(&config(2, 1), |net| {
        net.outbound.clear();
        net.answers = [0; 3];
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
    net.answers = [200; 3];
    net.answer_register(200);
    net.pump();
    cut(&mut net, 0);
    net.wait(Duration::from_secs(30));
    assert_eq!(has_reg_id(&net), (1, true));
    net.down.clear();
    cut(&mut net, 1);
    net.wait(Duration::from_secs(30));
    assert_eq!(has_reg_id(&net), (0, false));
    assert!(net.agent.is_registered());
}
