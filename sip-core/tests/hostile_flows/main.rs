//! An agent stays reachable although registrars, proxies, networks and applications misbehave.

mod script;

use std::time::Duration;

use sip_core::config::{Authentication, ConfigBuilder, OfflineRequests};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{Change, Event, InviteOptions, Transport};
use sip_parse::{Bytes, HeaderName, Method, Request};
use sip_testing::{Bench, SECOND, Servers, alice_with_servers, response};

/// An agent and three servers that register it.
type Net = Bench<Servers>;

/// Alice with three servers.
fn config(flows: u8) -> ConfigBuilder {
    alice_with_servers(3, flows)
}

fn routes(request: &Request) -> Vec<String> {
    let values = request.values(HeaderName::Route);
    values
        .map(|value| sip_parse::text(value).to_string())
        .collect()
}

/// RFC 5626 11.6: a request waits for a new binding. During an unregistration there will be none, so that
/// neither this request nor a later one waits for it.
#[test]
fn rfc5626_11_6_430_while_unregistering_stops_nothing() {
    let mut net = Net::with_servers(
        config(1).offline_requests(OfflineRequests::Queue),
        7,
        |_| {},
    );
    let (_, connection, options) = net.options().expect("OPTIONS");
    net.answers = [0; 3];
    net.agent.unregister(net.now).unwrap();
    net.pump();
    net.reply(connection, &options, 430, &[]);
    net.pump();
    net.answer_register(200);
    net.pump();
    assert!(!net.agent.is_registered());
    assert!(net.options().is_some(), "the connection is up");
}

/// RFC 5626 11.6: if the registrar answers 430 too, the flow is dead. A request that waits for a new binding does
/// not go out on the old flow.
#[test]
fn rfc5626_11_6_nothing_goes_out_on_a_flow_that_failed() {
    let mut net = Net::with_servers(&config(1), 7, |_| {});
    let (_, connection, options) = net.options().expect("OPTIONS");
    net.answers = [0; 3];
    net.reply(connection, &options, 430, &[]);
    net.pump();
    net.events.clear();
    net.answer_register(430);
    net.pump();
    assert!(net.sent.is_empty(), "it waits");
    let told = net.events.iter().find_map(|event| match event {
        Event::RegistrationFailed { retry_at, .. } => Some(*retry_at),
        _ => None,
    });
    assert_eq!(told, Some(None), "the next connection is the next try");
    net.answers = [200; 3];
    net.wait(5 * SECOND);
    let (on, again) = net.sent.pop_front().expect("it goes once more");
    assert_eq!(again.method(), Method::Options);
    assert_ne!(on, connection);
}

/// REGISTER failed on one flow, and its retry is far away. The other flow is lost: requests do not wait for a
/// registration that has already failed.
#[test]
fn a_flow_that_is_left_without_a_binding_is_used() {
    let mut net = Net::with_servers(
        config(2).offline_requests(OfflineRequests::Queue),
        7,
        |net| net.answers[1] = 403,
    );
    assert_eq!(net.servers(), [0, 1]);
    assert!(net.agent.is_registered());
    net.kill(0);
    assert_eq!(net.servers(), [1]);
    let (server, ..) = net.options().expect("it goes out");
    assert_eq!(server, 1);
}

/// The same where the registration on the flow that is left is still under way: that goes first.
#[test]
fn a_flow_that_is_left_registers_before_it_is_used() {
    let mut net = Net::with_servers(
        config(2).offline_requests(OfflineRequests::Queue),
        7,
        |net| net.answers[1] = 0,
    );
    net.kill(0);
    assert!(net.options().is_none(), "REGISTER is unanswered");
    net.answer_register(200);
    net.pump();
    assert_eq!(net.sent.len(), 1);
}

/// `unregister` cancels a planned retry, also while a query is in flight: no deadline remains.
#[test]
fn a_retry_that_nobody_wants_any_more_is_no_deadline() {
    let mut net = Net::with_servers(&config(1), 7, |net| net.answers = [503; 3]);
    net.answers = [0; 3];
    net.agent.query_bindings(net.now).unwrap();
    net.pump();
    net.agent.unregister(net.now).unwrap();
    net.pump();
    net.answer_register(200);
    net.pump();
    net.registers.clear();
    net.wait(Duration::from_secs(120));
    assert!(net.registers.is_empty());
}

/// A Service-Route belongs to its server (RFC 3608 section 5): the agent does not take it to another server, even
/// if that one refuses the registration.
#[test]
fn rfc3608_5_the_service_route_stays_with_its_server() {
    let mut net = Net::with_servers(&config(1), 7, |net| {
        net.down.insert(0);
        net.granted = Some(86_400);
    });
    assert_eq!(net.servers(), [1]);
    let (_, connection, options) = net.options().expect("OPTIONS");
    assert_eq!(routes(&options), ["<sip:route1;lr>"]);
    net.reply(connection, &options, 200, &[]);
    net.down.clear();
    net.answers[0] = 503;
    net.wait(Duration::from_secs(320));
    assert_eq!(net.servers(), [0]);
    let (_, _, options) = net.options().expect("OPTIONS");
    assert!(routes(&options).is_empty(), "{:?}", routes(&options));
}

/// RFC 3261 18.3: the agent closes an unreadable stream and does not use it, also if it is a failback
/// connection that is still watched.
#[test]
fn rfc3261_18_3_an_unreadable_probe_is_given_up() {
    let mut net = Net::with_servers(&config(1), 7, |net| {
        net.transport = Transport::Tls;
        net.down.insert(0);
    });
    assert_eq!(net.servers(), [1]);
    net.down.clear();
    net.wait(Duration::from_secs(302));
    assert_eq!(net.servers(), [0, 1]);
    let probe = net.connection(0);
    for _ in 0..2 {
        net.receive(probe, garbage());
        net.pump();
    }
    assert_eq!(net.disconnects, [(probe, DisconnectReason::Protocol)]);
    net.wait(60 * SECOND);
    assert_eq!(net.servers(), [1]);
}

/// Bytes that no framer can read: an invalid length.
fn garbage() -> Bytes {
    Bytes::from_static(b"SIP/2.0 200 OK\r\nContent-Length: many\r\n\r\n")
}

/// A connection ends once, also if two faults end it in the same bytes.
#[test]
fn a_connection_that_fails_twice_at_once_ends_once() {
    let mut net = Net::with_servers(&config(1), 7, |net| {
        net.transport = Transport::Tls;
        net.answers = [0; 3];
    });
    let (connection, register, _) = net.held.pop_front().expect("REGISTER");
    let mut bytes = response(&register, 430, "peer", &[], None).to_vec();
    bytes.extend_from_slice(&garbage());
    net.receive(connection, bytes.into());
    net.pump();
    assert_eq!(
        net.disconnects,
        [(connection, DisconnectReason::FlowFailed)]
    );
}

/// After a sleep the agent drops the connection to a better server and opens a new one, because the old one may
/// be dead.
#[test]
fn a_probe_from_before_the_sleep_is_not_trusted() {
    let mut net = Net::with_servers(&config(1), 7, |net| {
        net.down.insert(0);
        net.granted = Some(86_400);
    });
    net.down.clear();
    net.wait(Duration::from_secs(302));
    assert_eq!(net.servers(), [0, 1]);
    let (probe, used) = (net.connection(0), net.connection(1));
    net.sleep(Duration::from_secs(3_600));
    assert!(!net.open.contains_key(&probe), "it may be dead");
    net.wait(9 * SECOND);
    assert!(net.open.contains_key(&used), "it answers pings");
    net.wait(2 * SECOND);
    assert_eq!(net.servers(), [0], "tried and watched once more");
}

/// RFC 5626 4.4.1: an unanswered ping on the old connection does not count against the connection that replaces it.
#[test]
fn rfc5626_4_4_1_a_ping_does_not_move_to_another_connection() {
    let mut net = Net::with_servers(&config(1), 7, |net| {
        net.down.insert(0);
        net.granted = Some(86_400);
        net.flow_timer = Some(5);
    });
    net.down.clear();
    net.flow_timer = None;
    net.wait(Duration::from_secs(304));
    assert_eq!(net.servers(), [0, 1]);
    let new = net.connection(0);
    net.answers_pings = [false; 3];
    while net.servers() != [0] {
        net.wait(SECOND);
    }
    assert!(net.all_pings() > 60, "one is unanswered");
    net.answers_pings = [true; 3];
    net.wait(15 * SECOND);
    assert!(net.open.contains_key(&new));
}

/// The agent does not send refused credentials again until it has others, not even to remove the bindings of other
/// flows.
#[test]
fn refused_credentials_are_not_tried_on_the_other_flows() {
    let mut net = Net::with_servers(&config(3), 7, |_| {});
    assert_eq!(net.servers(), [0, 1, 2]);
    net.answers = [401; 3];
    net.wait(Duration::from_secs(541));
    let refused = net
        .events
        .iter()
        .filter(|event| matches!(event, Event::RegistrationFailed { .. }));
    assert_eq!(refused.count(), 1);
    net.registers.clear();
    net.kill(2);
    net.wait(5 * SECOND);
    assert!(net.registers.is_empty(), "{:?}", net.registers);
}

/// A query that waits for a REGISTER in flight ends with it when its credentials are refused; it does not go out
/// later.
#[test]
fn a_query_behind_refused_credentials_is_over() {
    let mut net = Net::with_servers(&config(1), 7, |net| net.answers = [0; 3]);
    net.agent.query_bindings(net.now).unwrap();
    net.pump();
    net.answer_register(401);
    net.pump();
    net.registers.clear();
    net.answers = [200; 3];
    net.agent.register(net.now).unwrap();
    net.pump();
    assert_eq!(net.registers.len(), 1);
    assert!(net.registers[0].1.has(HeaderName::Contact));
}

/// The REGISTER to a better server goes out in the tick of the move. Later input may be its own time-out.
#[test]
fn a_better_server_is_asked_to_register_within_the_same_tick() {
    let mut net = Net::with_servers(&config(1), 7, |net| {
        net.down.insert(0);
        net.granted = Some(86_400);
    });
    net.down.clear();
    while net.servers() != [0] {
        net.now = net.agent.next_tick().expect("a deadline");
        net.agent.tick(net.now).unwrap();
        net.pump();
    }
    assert_eq!(net.registers.last().map(|(server, _)| *server), Some(0));
}

/// RFC 5627 4.2: a GRUU lasts as long as its binding, and one that comes with a grant of nothing has none.
#[test]
fn rfc5627_4_2_there_is_no_gruu_without_a_binding() {
    let mut net = Net::with_servers(&config(1), 7, |net| net.answers = [0; 3]);
    let (connection, register, _) = net.held.pop_front().expect("REGISTER");
    let contact = register.header(HeaderName::Contact).expect("Contact");
    let contact = sip_parse::text(contact.value).to_string();
    let gruu = ";expires=0;pub-gruu=\"sip:alice@example.com;gr=1\"";
    let contact = contact.replace(";expires=600", gruu);
    net.reply(connection, &register, 200, &[("Contact", &contact)]);
    net.pump();
    assert!(!net.agent.is_registered());
    let options = InviteOptions::new().late_offer();
    net.agent.invite("bob", options, net.now).unwrap();
    net.pump();
    let (_, invite) = net.sent.pop_front().expect("INVITE");
    let contact = invite.header(HeaderName::Contact).expect("Contact");
    assert!(contact.value.ends_with(b";ob>"), "{contact:?}");
}

/// RFC 3261 22.2: credentials go to the server that sent the challenge, also if another flow is in use by then,
/// because a token is for one server.
#[test]
fn rfc3261_22_2_credentials_go_to_the_server_that_asked() {
    let mut net = Net::with_servers(
        config(2).authentication(Authentication::Application),
        7,
        |_| {},
    );
    net.answers[0] = 503;
    net.wait(Duration::from_secs(598));
    let (server, connection, options) = net.options().expect("OPTIONS");
    assert_eq!(server, 0);
    // The binding on the flow in use lapses.
    net.wait(3 * SECOND);
    assert_eq!(net.servers(), [0, 1]);
    let (server, ..) = net.options().expect("OPTIONS");
    assert_eq!(server, 1);
    net.reply_to(connection, &options, 401);
    net.pump();
    let challenge = net.events.iter().find_map(|event| match event {
        Event::Challenged { challenge, .. } => Some(*challenge),
        _ => None,
    });
    let challenge = challenge.expect("a challenge");
    net.agent
        .authorize(challenge, Ok("Bearer of-a"), net.now)
        .unwrap();
    net.pump();
    let (on, again) = net.sent.pop_front().expect("it goes again");
    assert!(again.has(HeaderName::Authorization));
    assert_eq!(on, connection);
}

/// RFC 5626 4.2.1: a second server that does not support outbound costs its own flow, not the one that is
/// registered.
#[test]
fn rfc5626_4_2_1_439_on_a_further_flow_leaves_the_first_alone() {
    let mut net = Net::with_servers(&config(2), 7, |net| net.answers[1] = 439);
    net.wait(60 * SECOND);
    assert!(net.open.values().any(|server| *server == 0));
    let bound = net
        .events
        .iter()
        .filter(|event| matches!(event, Event::Registered(_)));
    assert_eq!(bound.count(), 1);
    // It is tried again in its time, with a reg-id.
    net.answers = [200; 3];
    net.wait(60 * SECOND);
    assert_eq!(net.servers(), [0, 1]);
    let (server, last) = net.registers.last().expect("REGISTER");
    let contact = last.header(HeaderName::Contact).expect("Contact");
    let contact = sip_parse::text(contact.value).to_string();
    assert!(*server == 1 && contact.contains(";reg-id=2"), "{contact}");
}

/// `keepAliveInterval` 0: after a sleep the agent sends one ping, and no further ones.
#[test]
fn a_flow_without_keep_alive_is_asked_once_after_sleep() {
    let mut net = Net::with_servers(&config(1), 7, |net| net.granted = Some(86_400));
    // A deadline that can be late.
    net.agent.options("bob", net.now).unwrap();
    net.pump();
    net.sleep(Duration::from_secs(3_600));
    net.wait(Duration::from_secs(3_600));
    assert_eq!(net.all_pings(), 1);
    assert_eq!(net.servers(), [0]);
    // Flow-Timer starts the pings nevertheless.
    net.flow_timer = Some(100);
    let change = Change::RegisterExpires(Duration::from_secs(7_200));
    net.agent.reconfigure(change, net.now).unwrap();
    net.pump();
    net.wait(Duration::from_secs(1_000));
    assert!(net.all_pings() > 8, "{:?}", net.pings);
}

/// A failback connection that opens after the loss of the connection in use replaces it at once.
#[test]
fn a_better_server_that_opens_while_there_is_none_is_used() {
    let mut net = Net::with_servers(&config(1), 7, |net| {
        net.down = [0, 2].into();
        net.granted = Some(86_400);
    });
    assert_eq!(net.servers(), [1]);
    net.opens = false;
    net.wait(Duration::from_secs(302));
    let (better, _) = net.asked.pop_first().expect("a better server is tried");
    net.asked.insert(better, 0);
    net.kill(1);
    net.wait(2 * SECOND);
    net.down.remove(&0);
    let asked: Vec<_> = net.asked.keys().copied().collect();
    net.open_or_fail(better);
    net.pump();
    assert!(net.agent.is_connected(), "{asked:?}");
    // The agent gives up the other attempt and opens nothing else.
    net.opens = true;
    net.wait(Duration::from_secs(120));
    assert_eq!(net.open.keys().copied().collect::<Vec<_>>(), [better]);
    assert!(net.asked.is_empty() && net.agent.is_registered());
}

/// A stop hangs up. If the connection breaks in the meantime, the BYE goes out again on the remaining flow.
#[test]
fn a_bye_of_a_stop_takes_the_flow_that_is_left() {
    let mut net = Net::with_servers(&config(2), 7, |_| {});
    let options = InviteOptions::new().late_offer();
    let call = net.agent.invite("bob", options, net.now).unwrap();
    net.pump();
    let (connection, invite) = net.sent.pop_front().expect("INVITE");
    let contact = [("Contact", "<sip:bob@192.0.2.9>")];
    net.receive(connection, response(&invite, 180, "peer", &contact, None));
    let ok = response(&invite, 200, "peer", &contact, Some("v=0\r\n"));
    net.receive(connection, ok);
    net.describe(call, "v=0\r\n");
    net.sent.clear();
    net.answers = [0; 3];
    net.agent.stop(None, net.now);
    net.pump();
    let (on, bye) = net.sent.pop_front().expect("BYE");
    assert_eq!((on, bye.method()), (connection, Method::Bye));
    net.cut(connection);
    let (on, bye) = net.sent.pop_front().expect("BYE once more");
    assert_eq!((net.open[&on], bye.method()), (1, Method::Bye));
}

/// The agent connects to a server once: if the connection in use is lost and the next server is the one of a
/// pending failback attempt, the agent ends that attempt.
#[test]
fn a_server_is_not_opened_beside_its_own_probe() {
    let mut net = Net::with_servers(&config(1), 7, |net| {
        net.down = [0, 2].into();
        net.granted = Some(86_400);
    });
    net.opens = false;
    // The attempt to reach the better server is pending.
    while net.asked.is_empty() {
        net.now = net.agent.next_tick().expect("a deadline");
        net.agent.tick(net.now).unwrap();
        net.pump();
    }
    let connection = net.connection(1);
    net.open.remove(&connection);
    net.agent
        .connection_closed(connection, DisconnectReason::Lost, net.now);
    net.pump();
    // A fault that no retry heals: the next server is the better one.
    net.wait(Duration::from_millis(300));
    let retry = net.asked.iter().find(|(_, server)| **server == 1);
    let retry = *retry.expect("the lost one is tried again").0;
    net.asked.remove(&retry);
    net.agent
        .connection_failed(retry, ConnectError::Tls, net.now);
    net.pump();
    assert_eq!(net.asked.values().copied().collect::<Vec<_>>(), [0]);
}

/// RFC 5626 5.4: Flow-Timer holds for the flow of the server that sent it. The agent does not ping the next server
/// every second.
#[test]
fn rfc5626_5_4_flow_timer_ends_with_its_flow() {
    for interval in [0, 30] {
        let mut config = config(1);
        config.keep_alive_interval(Duration::from_secs(interval));
        let mut net = Net::with_servers(&config, 7, |net| net.flow_timer = Some(1));
        net.wait(10 * SECOND);
        assert!(net.all_pings() >= 9, "{:?}", net.pings);
        net.flow_timer = None;
        net.kill(0);
        net.wait(30 * SECOND);
        assert_eq!(net.servers(), [1]);
        net.pings = [0; 3];
        net.wait(Duration::from_secs(120));
        let most = if interval == 0 { 0 } else { 5 };
        assert!(net.all_pings() <= most, "{:?}", net.pings);
        // The agent applies it there as well, from the next 2xx on.
        net.flow_timer = Some(1);
        let change = Change::RegisterExpires(Duration::from_secs(700));
        net.agent.reconfigure(change, net.now).unwrap();
        net.pump();
        net.pings = [0; 3];
        net.wait(10 * SECOND);
        assert!(net.all_pings() >= 9, "{:?}", net.pings);
    }
}
