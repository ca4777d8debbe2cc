//! The choice of the server, the time of the next attempt, and the check that a connection is alive.

use std::time::Duration;

use sip_core::config::{Config, ConfigBuilder, OfflineRequests, ServerUrl};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    Action, CommandError, ConnectionId, ConnectionInfo, Event, NoServerUrl, Timestamp, Transport,
};
use sip_parse::{HeaderName, Method};

use sip_testing::{Bench, SECOND, alice, value, values};

/// Alice with these servers, as URL and weight; recovery takes exactly 20 s.
fn with_servers(servers: &[(&str, i64)]) -> ConfigBuilder {
    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .servers(servers.iter().copied())
        .register(false)
        .connection_recovery_min_interval(20 * SECOND)
        .connection_recovery_max_interval(20 * SECOND);
    config
}

/// An attempt to connect that the agent has requested.
struct Attempt {
    connection: ConnectionId,
    server: usize,
    attempt: u32,
    waited: Duration,
}

/// Lets time pass until the agent requests a connection.
fn next_attempt(bench: &mut Bench) -> Attempt {
    let start = bench.now;
    for _ in 0..10 {
        let place = bench
            .others
            .iter()
            .position(|action| matches!(action, Action::Connect { .. }));
        if let Some(Action::Connect {
            connection,
            server,
            attempt,
            ..
        }) = place.map(|place| bench.others.remove(place))
        {
            return Attempt {
                connection,
                server,
                attempt,
                waited: bench.now.saturating_since(start),
            };
        }
        let next = bench.agent.next_tick().expect("a deadline");
        bench.now = bench.now.max(next);
        bench.agent.tick(bench.now).unwrap();
        bench.pump();
    }
    panic!("no attempt to connect");
}

fn fail(bench: &mut Bench, attempt: &Attempt) {
    let error = ConnectError::Refused;
    bench
        .agent
        .connection_failed(attempt.connection, error, bench.now);
    bench.pump();
}

fn open(bench: &mut Bench, attempt: &Attempt) {
    let info = ConnectionInfo {
        transport: Transport::Ws,
        remote: None,
    };
    bench
        .agent
        .connection_opened(attempt.connection, info, bench.now);
    bench.connection = attempt.connection;
    bench.pump();
}

/// The connection stays up for long, then drops.
fn drop_after_long(bench: &mut Bench) {
    bench.wait(3_600 * SECOND);
    let reason = DisconnectReason::Lost;
    bench
        .agent
        .connection_closed(bench.connection, reason, bench.now);
    bench.pump();
}

/// CFG-WS: the highest weight first, the next one at once when it cannot be reached; ties at random,
/// each server once a round.
pub(crate) fn cfg_ws_servers_are_tried_by_weight() {
    let mut bench = Bench::offline(&with_servers(&[
        ("ws://a", -1),
        ("ws://b", 10),
        ("ws://c", 5),
    ]));
    for expected in [1, 2, 0] {
        let attempt = next_attempt(&mut bench);
        assert_eq!(
            (attempt.server, attempt.waited),
            (expected, Duration::ZERO),
            "the next one at once"
        );
        fail(&mut bench, &attempt);
    }
    let again = next_attempt(&mut bench);
    assert_eq!((again.server, again.waited), (1, 20 * SECOND));

    let mut bench = Bench::offline(&with_servers(&[("ws://a", 0), ("ws://b", 0)]));
    let mut first = [0, 0];
    for _ in 0..40 {
        let (one, other) = {
            let one = next_attempt(&mut bench);
            fail(&mut bench, &one);
            let other = next_attempt(&mut bench);
            fail(&mut bench, &other);
            (one.server, other.server)
        };
        assert_ne!(one, other);
        first[one] += 1;
    }
    assert!(first.iter().all(|&count| count >= 5), "{first:?}");
}

/// `autostart` true: the first poll returns a connect; false: the agent is idle before `start`.
pub(crate) fn autostart_connects_or_waits() {
    let mut bench = Bench::offline(&alice());
    assert_eq!(next_attempt(&mut bench).waited, Duration::ZERO);
    let mut config = alice();
    let mut bench = Bench::offline(config.autostart(false));
    bench.wait(3_600 * SECOND);
    assert!(bench.others.is_empty());
    assert_eq!(bench.agent.next_tick(), None);
    bench.agent.start(bench.now).unwrap();
    bench.pump();
    assert_eq!(next_attempt(&mut bench).attempt, 1);
}

/// The waits between rounds in which every server failed.
fn recovery_waits(config: &ConfigBuilder, rounds: usize) -> Vec<Duration> {
    let mut bench = Bench::offline(config);
    let mut waits = Vec::new();
    for round in 0..=rounds {
        let attempt = next_attempt(&mut bench);
        if round > 0 {
            waits.push(attempt.waited);
        }
        fail(&mut bench, &attempt);
    }
    waits
}

/// CFG-RECOVER: waits grow, and never beyond the maximum; the agent never gives up.
pub(crate) fn cfg_recover_max_interval_is_never_exceeded() {
    for (max, longest) in [(None, 30), (Some(11), 11)] {
        let mut config = alice();
        if let Some(seconds) = max {
            config.connection_recovery_max_interval(Duration::from_secs(seconds));
        }
        let waits = recovery_waits(&config, 60);
        let longest = Duration::from_secs(longest);
        assert!(waits.iter().all(|&wait| wait <= longest), "{waits:?}");
        assert!(
            waits[10..].iter().any(|&wait| wait > longest / 2),
            "{waits:?}"
        );
    }
}

/// CFG-RECOVER: no wait is shorter than the minimum, which is the first one.
pub(crate) fn cfg_recover_min_interval_is_always_waited() {
    for (min, shortest) in [(None, 2), (Some(7), 7)] {
        let mut config = alice();
        if let Some(seconds) = min {
            config.connection_recovery_min_interval(Duration::from_secs(seconds));
        }
        let waits = recovery_waits(&config, 40);
        let shortest = Duration::from_secs(shortest);
        assert_eq!(waits[0], shortest);
        assert!(waits.iter().all(|&wait| wait >= shortest), "{waits:?}");
    }
}

/// CFG-RECOVER: confirmed calls live on while every server is down.
#[test]
fn cfg_recover_calls_live_on() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let reason = DisconnectReason::Lost;
    bench
        .agent
        .connection_closed(bench.connection, reason, bench.now);
    bench.pump();
    for _ in 0..6 {
        let attempt = next_attempt(&mut bench);
        fail(&mut bench, &attempt);
    }
    assert!(bench.agent.session(id).is_ok());
    let ended = |event: &Event| matches!(event, Event::Ended { .. });
    assert!(!bench.events.iter().any(ended));
}

/// RFC 5626 4.5: 50 to 100 % of 30 s doubled for each failure, at most half an hour.
pub(crate) fn rfc5626_4_5_outbound_recovery() {
    let mut config = alice();
    let waits = recovery_waits(config.outbound_recovery(true), 12);
    let mut longest = 60;
    for wait in waits {
        let range = Duration::from_secs(longest / 2)..=Duration::from_secs(longest);
        assert!(range.contains(&wait), "{wait:?} is not in {range:?}");
        longest = (longest * 2).min(1_800);
    }
}

/// CFG-WSREC: so many tries at the server whose connection dropped, then the next by weight; 0: none.
pub(crate) fn cfg_wsrec_retries_of_a_dropped_connection() {
    for (given, tries) in [(None, 3), (Some(5), 5), (Some(0), 0)] {
        let mut config = with_servers(&[("ws://a", 1), ("ws://b", 0)]);
        if let Some(tries) = given {
            config.ws_server_max_reconnection(tries);
        }
        let mut bench = Bench::offline(&config);
        let first = next_attempt(&mut bench);
        open(&mut bench, &first);
        drop_after_long(&mut bench);
        for number in 1..=tries {
            let attempt = next_attempt(&mut bench);
            assert_eq!((attempt.server, attempt.attempt), (0, number));
            fail(&mut bench, &attempt);
        }
        let next = next_attempt(&mut bench);
        assert_eq!((next.server, next.waited), (1, Duration::ZERO));
    }
}

/// CFG-WSREC: the first try within 250 ms, the others that time apart, give or take a fifth.
pub(crate) fn cfg_wsrec_time_between_retries() {
    for (given, seconds) in [(None, 4), (Some(10), 10)] {
        let mut config = alice();
        if let Some(seconds) = given {
            config.ws_server_reconnection_timeout(Duration::from_secs(seconds));
        }
        let mut bench = Bench::offline(&config);
        let first = next_attempt(&mut bench);
        open(&mut bench, &first);
        drop_after_long(&mut bench);
        let attempt = next_attempt(&mut bench);
        assert!(attempt.waited <= Duration::from_millis(250));
        fail(&mut bench, &attempt);
        let middle = Duration::from_secs(seconds);
        for _ in 0..2 {
            let attempt = next_attempt(&mut bench);
            let range = middle * 4 / 5..=middle * 6 / 5;
            assert!(range.contains(&attempt.waited), "{:?}", attempt.waited);
            fail(&mut bench, &attempt);
        }
    }
}

/// The agent stops an attempt that takes longer, and counts it as failed.
pub(crate) fn connection_timeout_gives_up_an_attempt() {
    for (given, seconds) in [(None, 5), (Some(17), 17)] {
        let mut config = with_servers(&[("ws://a", 1), ("ws://b", 0)]);
        if let Some(seconds) = given {
            config.connection_timeout(Duration::from_secs(seconds));
        }
        let mut bench = Bench::offline(&config);
        let slow = next_attempt(&mut bench);
        let next = next_attempt(&mut bench);
        assert_eq!(next.waited, Duration::from_secs(seconds));
        assert_eq!(next.server, 1);
        assert!(bench.others.iter().any(|action| matches!(
            action,
            Action::Disconnect { connection, reason: DisconnectReason::Timeout }
                if *connection == slow.connection
        )));
        bench.expect(|event| {
            let error = ConnectError::Timeout;
            matches!(event, Event::ConnectFailed { server: 0, error: e } if *e == error)
                .then_some(())
        });
    }
}

/// Without a connection a request fails at once, or is sent on the next one.
pub(crate) fn conn_c_offline_requests_fail_or_wait() {
    for given in [
        None,
        Some(OfflineRequests::Fail),
        Some(OfflineRequests::Queue),
    ] {
        let mut config = with_servers(&[("ws://a", 0)]);
        if let Some(what) = given {
            config.offline_requests(what);
        }
        let mut bench = Bench::offline(&config);
        let first = next_attempt(&mut bench);
        let asked = bench.agent.options("sip:bob@example.com", bench.now);
        if given == Some(OfflineRequests::Queue) {
            asked.unwrap();
            open(&mut bench, &first);
            assert_eq!(bench.next_request().method(), Method::Options);
        } else {
            assert_eq!(asked, Err(CommandError::NotConnected));
            open(&mut bench, &first);
            bench.silence();
        }
    }
}

/// The time of the first ping, if there is one within an hour.
fn first_ping(bench: &mut Bench) -> Option<Duration> {
    let start = bench.now;
    bench.answers_pings = false;
    let end = start + 3_600 * SECOND;
    while let Some(next) = bench.agent.next_tick().filter(|&next| next <= end) {
        bench.now = bench.now.max(next);
        bench.agent.tick(bench.now).unwrap();
        bench.pump();
        let is_ping = |action: &Action| matches!(action, Action::Ping { .. });
        if bench.others.iter().any(is_ping) {
            return Some(bench.now.saturating_since(start));
        }
    }
    bench.now = end;
    None
}

/// RFC 5626 4.4: a ping after 80 to 100 % of the interval without traffic; 0: none. Flow-Timer has precedence.
pub(crate) fn rfc5626_4_4_keep_alive_interval() {
    for (given, longest) in [(None, Some(120)), (Some(25), Some(25)), (Some(0), None)] {
        let mut config = alice();
        if let Some(seconds) = given {
            config.keep_alive_interval(Duration::from_secs(seconds));
        }
        let mut bench = Bench::new(&config);
        let ping = first_ping(&mut bench);
        match longest.map(Duration::from_secs) {
            Some(longest) => {
                let range = longest * 4 / 5..=longest;
                assert!(ping.is_some_and(|ping| range.contains(&ping)), "{ping:?}");
            }
            None => assert_eq!(ping, None),
        }
        let mut bench = Bench::new(config.register(true));
        let request = bench.next_request();
        let contact = value(&request, HeaderName::Contact);
        let headers = [("Contact", contact.as_str()), ("Flow-Timer", "40")];
        bench.reply(&request, 200, &headers);
        let ping = first_ping(&mut bench).expect("a ping");
        let range = Duration::from_secs(32)..=Duration::from_secs(40);
        assert!(range.contains(&ping), "{ping:?}");
    }
}

/// CFG-PRELOAD, CFG-WS: the server in use at each send, path and query left out, an explicit port kept, `ws` also for
/// `wss`; not within dialogs; CANCEL copies it (RFC 3261 9.1).
pub(crate) fn cfg_preload_route_follows_the_server_in_use() {
    let mut config = with_servers(&[
        ("wss://first.example.com:8443/ws?key=1", 1),
        ("ws://[2001:db8::2]/sip", 0),
    ]);
    config.use_preloaded_route(true).register(true);
    let mut bench = Bench::offline(&config);
    let routes = [
        "<sip:first.example.com:8443;lr;transport=ws>",
        "<sip:[2001:db8::2];lr;transport=ws>",
    ];
    for route in routes {
        let attempt = next_attempt(&mut bench);
        open(&mut bench, &attempt);
        bench.wait(SECOND);
        let request = bench.next_request();
        assert_eq!(value(&request, HeaderName::Route), route);
        let contact = value(&request, HeaderName::Contact);
        bench.reply(&request, 200, &[("Contact", &contact)]);
        bench.events.clear();
        let (id, invite) = bench.call();
        assert_eq!(value(&invite, HeaderName::Route), route);
        bench.reply(&invite, 180, &[]);
        bench.hang_up(id);
        let cancel = bench.next_request();
        assert_eq!(value(&cancel, HeaderName::Route), route);
        bench.reply(&invite, 487, &[]);
        bench.sent.clear();
        let reason = DisconnectReason::Lost;
        bench
            .agent
            .connection_closed(bench.connection, reason, bench.now);
        bench.pump();
        // The attempts at the first server fail, so that the second one is next.
        for _ in 0..3 {
            let attempt = next_attempt(&mut bench);
            fail(&mut bench, &attempt);
        }
    }
    assert!(bench.now > Timestamp::ZERO);
    let mut config = alice();
    let mut bench = Bench::new(config.use_preloaded_route(true));
    let (id, _) = bench.established_call();
    bench.hang_up(id);
    assert!(!bench.next_request().has(HeaderName::Route), "12.2.1.1");
    let mut bench = Bench::new(&alice());
    assert!(!bench.call().1.has(HeaderName::Route));
}

/// CFG-PRELOAD, RFC 3608 6: the server in use before the Service-Route of the registrar, and not twice if
/// that begins with the same host.
#[test]
fn cfg_preload_goes_before_a_service_route() {
    let preloaded = "<sip:127.0.0.1:5080;lr;transport=ws>";
    let other = "<sip:home.example.com;lr>";
    for (service_route, expected) in [
        (other, &[preloaded, other][..]),
        ("<sip:127.0.0.1:5080;lr>", &[preloaded]),
        (
            "<sip:127.0.0.1:5081;lr>",
            &[preloaded, "<sip:127.0.0.1:5081;lr>"],
        ),
    ] {
        let mut config = alice();
        let mut bench = Bench::new(config.use_preloaded_route(true).register(true));
        let request = bench.next_request();
        assert_eq!(values(&request, HeaderName::Route), [preloaded]);
        let contact = value(&request, HeaderName::Contact);
        let headers = [("Contact", &*contact), ("Service-Route", service_route)];
        bench.reply(&request, 200, &headers);
        bench.agent.options("bob", bench.now).unwrap();
        bench.pump();
        let routes = values(&bench.next_request(), HeaderName::Route);
        assert_eq!(routes.join(", "), expected.join(", "));
    }
}

/// RFC 5626 4.2.1: the agent connects to a second server and registers there as soon as the registrar's 200
/// requires outbound.
pub(crate) fn rfc5626_4_2_1_outbound_flows() {
    for (flows, require, expected) in [(2, "outbound", 2), (1, "outbound", 1), (2, "path", 1)] {
        let mut config = with_servers(&[("ws://a", 2), ("ws://b", 1)]);
        config.outbound_flows(flows).register(true);
        let mut bench = Bench::offline(&config);
        let mut contacts = Vec::new();
        for _ in 0..expected {
            let attempt = next_attempt(&mut bench);
            open(&mut bench, &attempt);
            let request = bench.next_request();
            let contact = value(&request, HeaderName::Contact);
            bench.reply(
                &request,
                200,
                &[("Contact", &contact), ("Require", require)],
            );
            contacts.push((attempt.server, contact));
        }
        let connects = |action: &Action| matches!(action, Action::Connect { .. });
        assert!(!bench.others.iter().any(connects), "{flows} {require}");
        for (place, (server, contact)) in contacts.iter().enumerate() {
            assert_eq!(*server, place);
            let reg_id = format!(";reg-id={};", place + 1);
            assert!(contact.contains(&reg_id), "{contact}");
        }
    }
}

/// SIP.js #255 (one token for each attempt): the application returns the URL, which the Route also uses;
/// without one the attempt fails.
pub(crate) fn ask_server_url_for_each_attempt() {
    let mut config = with_servers(&[("wss://a.example.com", 1), ("wss://b.example.com", 0)]);
    config.ask_server_url(true).use_preloaded_route(true);
    let mut bench = Bench::offline(&config);
    let needed = |bench: &mut Bench| {
        let asked = bench.expect(|event| match *event {
            Event::ServerUrlNeeded {
                connection,
                server,
                attempt,
            } => Some((connection, server, attempt)),
            _ => None,
        });
        let connects = |action: &Action| matches!(action, Action::Connect { .. });
        assert!(
            !bench.others.iter().any(connects),
            "not before it has a URL"
        );
        asked
    };
    let (first, server, attempt) = needed(&mut bench);
    assert_eq!((server, attempt), (0, 1));
    let now = bench.now;
    bench
        .agent
        .server_url(first, Err(NoServerUrl), now)
        .unwrap();
    bench.pump();
    let failed = |event: &Event| match *event {
        Event::ConnectFailed { server, error } => Some((server, error)),
        _ => None,
    };
    assert_eq!(bench.expect(failed), (0, ConnectError::Url));
    let (second, server, _) = needed(&mut bench);
    assert_eq!(server, 1);
    assert_eq!(
        bench.agent.server_url(first, url_of("wss://late"), now),
        Err(CommandError::Stale)
    );
    let fresh = "wss://c.example.com:8443/ws?token=1";
    bench.agent.server_url(second, url_of(fresh), now).unwrap();
    assert_eq!(
        bench.agent.server_url(second, url_of("wss://twice"), now),
        Err(CommandError::Stale)
    );
    bench.pump();
    let place = |action: &Action| matches!(action, Action::Connect { .. });
    let place = bench.others.iter().position(place).unwrap();
    let Action::Connect { url, server, .. } = bench.others.remove(place) else {
        unreachable!()
    };
    assert_eq!((url.as_str(), server), (fresh, 1));
    let info = ConnectionInfo {
        transport: Transport::Wss,
        remote: None,
    };
    bench.agent.connection_opened(second, info, now);
    bench.connection = second;
    bench.pump();
    bench.agent.options("bob", now).unwrap();
    bench.pump();
    let route = value(&bench.next_request(), HeaderName::Route);
    assert_eq!(route, "<sip:c.example.com:8443;lr;transport=ws>");
    // The agent asks again for the next attempt, and gives it up without an answer.
    bench
        .agent
        .connection_closed(second, DisconnectReason::Lost, now);
    bench.wait(SECOND);
    let (third, ..) = needed(&mut bench);
    bench.wait(5 * SECOND);
    assert_eq!(bench.expect(failed), (1, ConnectError::Timeout));
    assert_eq!(
        bench
            .agent
            .server_url(third, url_of("wss://late"), bench.now),
        Err(CommandError::Stale)
    );
}

fn url_of(text: &str) -> Result<ServerUrl, NoServerUrl> {
    Ok(ServerUrl::parse(text).unwrap())
}
