//! Failback to a better server: opened beside the one in use, watched, and used once no call is being set up.

use std::time::Duration;

use sip_core::config::{Authentication, ConfigBuilder};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{Action, Change, ConnectionId, ConnectionInfo, Event, Session, Transport};
use sip_parse::{HeaderName, Method};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

const INFO: ConnectionInfo = ConnectionInfo {
    transport: Transport::Ws,
    remote: None,
};

/// An agent whose best server is down, so that it uses the second; returns it registered there.
fn on_the_second_server() -> Bench {
    on_the_second_server_with(alice())
}

fn on_the_second_server_with(mut config: ConfigBuilder) -> Bench {
    config
        .servers([
            ("ws://best.example.com", 10),
            ("ws://second.example.com", 5),
        ])
        .register(true);
    let mut bench = Bench::offline(&config);
    let (best, server) = connect(&mut bench);
    assert_eq!(server, 0);
    bench
        .agent
        .connection_failed(best, ConnectError::Refused, bench.now);
    bench.pump();
    let (second, server) = connect(&mut bench);
    assert_eq!(server, 1);
    bench.connection = second;
    bench.agent.connection_opened(second, INFO, bench.now);
    bench.pump();
    registered(&mut bench);
    bench.events.clear();
    bench
}

fn connect(bench: &mut Bench) -> (ConnectionId, usize) {
    let place = bench
        .others
        .iter()
        .position(|action| matches!(action, Action::Connect { .. }));
    match bench.others.remove(place.expect("Connect")) {
        Action::Connect {
            connection, server, ..
        } => (connection, server),
        _ => unreachable!(),
    }
}

fn registered(bench: &mut Bench) {
    let request = bench.next_request();
    assert_eq!(request.method(), Method::Register);
    let contact = value(&request, HeaderName::Contact).replace("expires=600", "expires=86400");
    bench.reply(&request, 200, &[("Contact", &contact)]);
}

fn replaced(bench: &Bench, connection: ConnectionId) -> bool {
    bench.others.iter().any(|action| {
        matches!(action, Action::Disconnect { connection: closed, reason: DisconnectReason::Replaced } if *closed == connection)
    })
}

/// The agent tries the better server after five minutes, watches it for ten seconds, and then uses it. Calls
/// that are up move along and are repaired.
#[test]
fn a_better_server_is_used_again() {
    let mut bench = on_the_second_server();
    let (call, _) = bench.established_call();
    bench.events.clear();
    let old = bench.connection;
    bench.wait(Duration::from_secs(299));
    assert!(
        !bench
            .others
            .iter()
            .any(|action| matches!(action, Action::Connect { .. }))
    );
    bench.wait(2 * SECOND);
    let (new, server) = connect(&mut bench);
    assert_eq!(server, 0);
    bench.agent.connection_opened(new, INFO, bench.now);
    bench.wait(9 * SECOND);
    assert!(!replaced(&bench, old), "it is watched first");
    bench.wait(2 * SECOND);
    assert!(replaced(&bench, old));
    bench.connection = new;
    registered(&mut bench);
    assert!(bench.agent.is_registered());
    bench.expect(|event| matches!(event, Event::Connected { server: 0 }).then_some(()));
    bench.description_needed();
    assert!(matches!(
        bench.agent.session(call),
        Ok(Session::Established(_))
    ));
    bench.wait(Duration::from_secs(1_000));
    assert!(
        !bench
            .others
            .iter()
            .any(|action| matches!(action, Action::Connect { .. })),
        "it is the best"
    );
}

/// A better server that is down, or whose connection drops, has no effect; the agent tries it again.
#[test]
fn a_better_server_that_does_not_last_changes_nothing() {
    let mut bench = on_the_second_server();
    for round in 0..3 {
        bench.wait(Duration::from_secs(301));
        let (new, _) = connect(&mut bench);
        match round {
            0 => bench
                .agent
                .connection_failed(new, ConnectError::Refused, bench.now),
            1 => {
                bench.agent.connection_opened(new, INFO, bench.now);
                bench.wait(5 * SECOND);
                bench
                    .agent
                    .connection_closed(new, DisconnectReason::Lost, bench.now);
            }
            // The attempt gets no answer, and ends at its time-out.
            _ => bench.wait(6 * SECOND),
        }
        bench.pump();
        bench.silence();
        assert!(bench.agent.is_registered());
        bench.no_events();
    }
}

/// A call that is being set up is not disturbed.
#[test]
fn the_move_waits_for_a_call_that_rings() {
    let mut bench = on_the_second_server();
    bench.wait(Duration::from_secs(301));
    let (new, _) = connect(&mut bench);
    bench.agent.connection_opened(new, INFO, bench.now);
    let (_, invite) = bench.call();
    let old = bench.connection;
    bench.wait(20 * SECOND);
    assert!(!replaced(&bench, old));
    bench.reply_tagged(
        &invite,
        200,
        "bob1",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    assert!(replaced(&bench, old));
}

/// The connection in use breaks while the better one is open: the agent switches at once.
#[test]
fn an_open_better_server_takes_over_at_once() {
    let mut bench = on_the_second_server();
    bench.wait(Duration::from_secs(301));
    let (new, _) = connect(&mut bench);
    bench.agent.connection_opened(new, INFO, bench.now);
    bench.lose();
    assert!(bench.agent.is_connected());
    bench.connection = new;
    bench.wait(SECOND);
    registered(&mut bench);
    assert!(bench.agent.is_registered());
}

/// stop closes the failback connection as well.
#[test]
fn stop_closes_a_probe() {
    let mut bench = on_the_second_server();
    bench.wait(Duration::from_secs(301));
    let (new, _) = connect(&mut bench);
    bench.agent.connection_opened(new, INFO, bench.now);
    bench.agent.stop(Some(Duration::ZERO), bench.now);
    bench.pump();
    bench.wait(Duration::ZERO);
    assert!(bench.others.iter().any(
        |action| matches!(action, Action::Disconnect { connection, .. } if *connection == new)
    ));
    assert_eq!(bench.agent.next_tick(), None);
    bench.assert_nothing_left();
}

/// If the other server refused the registration, the agent tries the better one at once, also before Retry-After.
/// If that fails too, it still repairs the calls.
#[test]
fn a_better_server_is_asked_to_register_at_once() {
    for accepts in [true, false] {
        let mut bench = on_the_second_server();
        bench.established_call();
        let change = Change::RegisterExpires(Duration::from_secs(1_200));
        bench.agent.reconfigure(change, bench.now).unwrap();
        bench.pump();
        let refused = bench.next_request();
        bench.reply(&refused, 503, &[("Retry-After", "3600")]);
        bench.wait(Duration::from_secs(301));
        bench.silence();
        let (new, _) = connect(&mut bench);
        bench.agent.connection_opened(new, INFO, bench.now);
        bench.wait(11 * SECOND);
        bench.connection = new;
        bench.events.clear();
        let request = bench.next_request();
        assert_eq!(request.method(), Method::Register);
        if accepts {
            let contact = value(&request, HeaderName::Contact);
            bench.reply(&request, 200, &[("Contact", &contact)]);
        } else {
            bench.reply(&request, 503, &[]);
        }
        bench.description_needed();
    }
}

/// RFC 7118 5.2.3: a SUBSCRIBE whose challenge waits for the application does not keep the agent from the better server; it goes
/// out there anew.
#[test]
fn rfc7118_5_2_3_a_challenged_subscribe_moves_along() {
    let mut config = alice();
    config.authentication(Authentication::Application);
    let mut bench = on_the_second_server_with(config);
    let old = bench.connection;
    bench.wait(Duration::from_secs(301));
    let (new, _) = connect(&mut bench);
    bench.agent.connection_opened(new, INFO, bench.now);
    bench.pump();
    let options = sip_core::SubscribeOptions::new();
    let now = bench.now;
    let subscribed = bench.agent.subscribe("bob", "presence", options, now);
    let id = subscribed.expect("a subscription");
    bench.pump();
    let subscribe = bench.next_request();
    bench.reply(&subscribe, 401, &[("WWW-Authenticate", "Bearer realm=x")]);
    let challenge = bench.expect(|event| match event {
        Event::Challenged { challenge, .. } => Some(*challenge),
        _ => None,
    });
    bench.wait(11 * SECOND);
    assert!(replaced(&bench, old));
    bench.connection = new;
    registered(&mut bench);
    let late = bench.agent.authorize(challenge, Ok("Bearer x"), bench.now);
    assert_eq!(late, Err(sip_core::CommandError::Stale));
    let again = bench.next_request();
    assert_eq!(again.method(), Method::Subscribe);
    let ended = |event: &Event| matches!(event, Event::SubscriptionEnded { subscription, .. } if *subscription == id);
    assert!(!bench.events.iter().any(ended));
}
