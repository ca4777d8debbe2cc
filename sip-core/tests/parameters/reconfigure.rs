//! Changes at run time.

use std::time::Duration;

use sip_core::auth::{Algorithm, Secret, digest};
use sip_core::config::{ConfigBuilder, LogLevel, Parameter, Server, ServerUrl, Source};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{Action, Cause, Change, CommandError, ConnectionInfo, Event, SessionId, Transport};
use sip_parse::{HeaderName, Method, Request};

use sip_testing::{Bench, OFFER, SECOND, alice, value};

fn change(bench: &mut Bench, change: Change) {
    bench.agent.reconfigure(change, bench.now).unwrap();
    bench.pump();
}

fn server(url: &str) -> Server {
    Server {
        url: ServerUrl::parse(url).unwrap(),
        weight: 0,
    }
}

fn registered(config: &mut ConfigBuilder) -> (Bench, Request) {
    let mut bench = Bench::new(config.register(true));
    let request = bench.next_request();
    let contact = value(&request, HeaderName::Contact);
    bench.reply(&request, 200, &[("Contact", &contact)]);
    bench.events.clear();
    (bench, request)
}

/// The call is up, and can be hung up properly.
fn call_lives(bench: &mut Bench, id: SessionId) {
    bench.hang_up(id);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    bench.expect(|event| match event {
        Event::Ended { session, reason } if *session == id => {
            assert_eq!(reason.cause, Cause::Requested);
            Some(())
        }
        _ => None,
    });
}

/// Refused credentials stop the registration until there are others: then it begins again at once, and
/// the new secret answers, a password as well as an HA1.
#[test]
fn a_new_secret_heals_refused_credentials() {
    let ha1 = digest::ha1(Algorithm::Md5, b"alice", b"example.com", b"right");
    let ha1 = Secret::ha1("example.com", Algorithm::Md5, ha1.as_str()).unwrap();
    for secret in [Secret::password("right"), ha1] {
        let mut bench = Bench::new(alice().register(true));
        for nonce in ["one", "one"] {
            let request = bench.next_request();
            let challenge = format!(r#"Digest realm="example.com", nonce="{nonce}""#);
            bench.reply(&request, 401, &[("WWW-Authenticate", &challenge)]);
        }
        bench.wait(7_200 * SECOND);
        bench.silence();
        change(&mut bench, Change::Secret(Some(secret)));
        let request = bench.next_request();
        let challenge = [(
            "WWW-Authenticate",
            r#"Digest realm="example.com", nonce="three""#,
        )];
        bench.reply(&request, 401, &challenge);
        let again = bench.next_request();
        let text = String::from_utf8(again.bytes().to_vec()).unwrap();
        let h = |parts: [&str; 3]| {
            let [a, b, c] = parts.map(str::as_bytes);
            digest::ha1(Algorithm::Md5, a, b, c).as_str().to_owned()
        };
        let ha2 = digest::ha2(Algorithm::Md5, b"REGISTER", b"sip:example.com", None);
        let response = h([&h(["alice", "example.com", "right"]), "three", ha2.as_str()]);
        assert!(text.contains(&format!("response=\"{response}\"")), "{text}");
        let contact = value(&again, HeaderName::Contact);
        bench.reply(&again, 200, &[("Contact", &contact)]);
        assert!(bench.agent.is_registered());
    }
}

/// A secret that changes while its predecessor is being refused is used all the same; without one
/// nothing is hashed any more; an agent that the application took offline stays there.
#[test]
fn a_new_secret_counts_from_the_next_challenge_on() {
    let mut bench = Bench::new(alice().register(true));
    let request = bench.next_request();
    let challenge = |nonce: &str| format!(r#"Digest realm="example.com", nonce="{nonce}""#);
    bench.reply(&request, 401, &[("WWW-Authenticate", &challenge("one"))]);
    let wrong = bench.next_request();
    change(&mut bench, Change::Secret(Some(Secret::password("right"))));
    bench.silence();
    bench.reply(&wrong, 401, &[("WWW-Authenticate", &challenge("two"))]);
    let again = bench.next_request();
    assert!(value(&again, HeaderName::Authorization).contains("nonce=\"two\""));
    let contact = value(&again, HeaderName::Contact);
    bench.reply(&again, 200, &[("Contact", &contact)]);
    assert!(bench.agent.is_registered());
    assert_eq!(
        bench.agent.config().source(Parameter::Password),
        Source::Code
    );

    change(&mut bench, Change::Secret(None));
    bench.agent.options("bob", bench.now).unwrap();
    bench.pump();
    let options = bench.next_request();
    assert!(
        !options.has(HeaderName::Authorization),
        "the nonce is forgotten"
    );
    bench.reply(&options, 401, &[("WWW-Authenticate", &challenge("three"))]);
    bench.silence();

    let mut bench = Bench::new(&alice());
    change(&mut bench, Change::Secret(Some(Secret::password("other"))));
    bench.wait(60 * SECOND);
    bench.silence();
}

/// The server in use stays if it is in the new list, wherever it stands there.
#[test]
fn a_server_that_stays_in_the_list_keeps_its_connection() {
    let mut config = alice();
    config.log_level(LogLevel::Error);
    let mut bench = Bench::new(config.use_preloaded_route(true));
    let (id, _) = bench.established_call();
    let list = vec![
        server("ws://other.example.com"),
        server("ws://127.0.0.1:5080"),
    ];
    change(&mut bench, Change::Servers(list));
    bench.no_events();
    assert!(bench.others.is_empty(), "{:?}", bench.others);
    assert_eq!(bench.agent.config().servers().len(), 2);
    bench.agent.options("bob", bench.now).unwrap();
    bench.pump();
    let route = value(&bench.next_request(), HeaderName::Route);
    assert_eq!(route, "<sip:127.0.0.1:5080;lr;transport=ws>");
    call_lives(&mut bench, id);
    // The next connection goes by the new list.
    let reason = DisconnectReason::Lost;
    bench
        .agent
        .connection_closed(bench.connection, reason, bench.now);
    bench.pump();
    bench.expect(|event| match event {
        Event::Disconnected { server, .. } => (*server == 1).then_some(()),
        _ => None,
    });
}

/// A server that is gone from the list is left once no call is being set up; calls that are up live on,
/// and the registration follows.
#[test]
fn a_server_that_left_the_list_is_left_without_ending_a_call() {
    let (mut bench, _) = registered(&mut alice());
    let (up, _) = bench.established_call();
    let (ringing, invite) = bench.call();
    change(
        &mut bench,
        Change::Servers(vec![server("wss://new.example.com")]),
    );
    bench.wait(30 * SECOND);
    assert!(bench.agent.is_connected(), "a call is being set up");
    let old = bench.agent.config().servers()[0].url.host().to_owned();
    assert_eq!(old, "127.0.0.1");
    bench.events.clear();
    bench.reply_tagged(
        &invite,
        200,
        "bob2",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.expect(|event| {
        let reason = DisconnectReason::Replaced;
        matches!(event, Event::Disconnected { reason: why, .. } if *why == reason).then_some(())
    });
    let left = bench.others.iter().any(|action| {
        matches!(action, Action::Disconnect { connection, reason: DisconnectReason::Replaced }
            if *connection == bench.connection)
    });
    assert!(left);
    assert_eq!(
        bench.agent.config().servers()[0].url.host(),
        "new.example.com"
    );
    bench.open(Transport::Wss);
    bench.wait(SECOND);
    let register = bench.next_request();
    assert_eq!(register.method(), Method::Register);
    let contact = value(&register, HeaderName::Contact);
    bench.reply(&register, 200, &[("Contact", &contact)]);
    for id in [up, ringing] {
        call_lives(&mut bench, id);
    }
}

/// Without a connection, the agent gives up an attempt or a wait for one with the new list. Before the start
/// the change only replaces the list.
#[test]
fn new_servers_are_tried_at_once_when_there_is_no_connection() {
    let mut bench = Bench::offline(&alice());
    let old = bench.connect_asked();
    change(&mut bench, Change::Servers(vec![server("ws://b")]));
    assert!(bench.others.iter().any(|action| {
        matches!(action, Action::Disconnect { connection, .. } if *connection == old)
    }));
    let new = bench.connect_asked();
    assert_ne!(old, new);
    // The late result of the old attempt has no effect.
    let info = ConnectionInfo {
        transport: Transport::Ws,
        remote: None,
    };
    bench.agent.connection_opened(old, info, bench.now);
    assert!(!bench.agent.is_connected());
    bench.agent.connection_opened(new, info, bench.now);
    assert!(bench.agent.is_connected());

    let mut config = alice();
    let mut bench = Bench::offline(config.autostart(false));
    change(&mut bench, Change::Servers(vec![server("ws://b")]));
    assert!(bench.others.is_empty());
    bench.agent.start(bench.now).unwrap();
    bench.pump();
    bench.connect_asked();
    assert_eq!(bench.agent.config().servers()[0].url.host(), "b");
}

/// An attempt at a better server of the old list ends, because it is not in the new one.
#[test]
fn a_try_of_a_better_server_ends_with_its_list() {
    let mut config = alice();
    config.servers([("ws://better", 5), ("ws://127.0.0.1:5080", 0)]);
    let mut bench = Bench::offline(&config);
    let better = bench.connect_asked();
    let error = ConnectError::Refused;
    bench.agent.connection_failed(better, error, bench.now);
    bench.pump();
    bench.open(Transport::Ws);
    bench.wait(301 * SECOND);
    let tried = bench.connect_asked();
    let info = ConnectionInfo {
        transport: Transport::Ws,
        remote: None,
    };
    bench.agent.connection_opened(tried, info, bench.now);
    change(
        &mut bench,
        Change::Servers(vec![server("ws://127.0.0.1:5080")]),
    );
    let let_go = bench.others.iter().any(|action| {
        matches!(action, Action::Disconnect { connection, reason: DisconnectReason::Replaced }
            if *connection == tried)
    });
    assert!(let_go, "{:?}", bench.others);
    bench.events.clear();
    bench.wait(3_600 * SECOND);
    bench.no_events();
    assert!(bench.agent.is_connected());
}

/// RFC 3261 10.2.4: the agent registers at once with another expiry if it has a binding, else it uses it next time.
#[test]
fn another_expiry_is_asked_for_at_once() {
    let (mut bench, first) = registered(&mut alice());
    change(&mut bench, Change::RegisterExpires(90 * SECOND));
    let request = bench.next_request();
    assert!(value(&request, HeaderName::Contact).ends_with(";expires=90"));
    assert_eq!(
        request.cseq().unwrap().number,
        first.cseq().unwrap().number + 1
    );
    let contact = value(&request, HeaderName::Contact);
    bench.reply(&request, 200, &[("Contact", &contact)]);
    bench.wait(82 * SECOND);
    assert_eq!(bench.next_request().method(), Method::Register);

    let mut bench = Bench::new(&alice());
    change(&mut bench, Change::RegisterExpires(90 * SECOND));
    bench.silence();
    bench.agent.register(bench.now).unwrap();
    bench.pump();
    let request = bench.next_request();
    assert!(value(&request, HeaderName::Contact).ends_with(";expires=90"));
}

/// On and off at once; the choice outlives a stop and a start.
#[test]
fn registering_is_switched_on_and_off() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    change(&mut bench, Change::Register(true));
    let request = bench.next_request();
    let contact = value(&request, HeaderName::Contact);
    bench.reply(&request, 200, &[("Contact", &contact)]);
    change(&mut bench, Change::Register(false));
    let gone = bench.next_request();
    assert!(value(&gone, HeaderName::Contact).ends_with(";expires=0"));
    bench.reply(&gone, 200, &[]);
    assert!(!bench.agent.is_registered());
    assert!(!bench.agent.config().register());
    call_lives(&mut bench, id);
    bench.wait(3_600 * SECOND);
    bench.silence();
}

/// The name is in the next request outside a dialog; RFC 3261 12.2.1.1: tags and URI, which make a dialog,
/// stay.
#[test]
fn another_name_is_in_the_next_request() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    change(&mut bench, Change::DisplayName(Some("Al \"X\"".to_owned())));
    bench.agent.options("bob", bench.now).unwrap();
    bench.pump();
    let from = value(&bench.next_request(), HeaderName::From);
    assert!(from.starts_with(r#""Al \"X\"" <sip:alice@"#), "{from}");
    change(&mut bench, Change::DisplayName(None));
    bench.agent.options("bob", bench.now).unwrap();
    bench.pump();
    let from = value(&bench.next_request(), HeaderName::From);
    assert!(from.starts_with("<sip:alice@"), "{from}");
    call_lives(&mut bench, id);
}

/// The level takes effect at once.
#[test]
fn another_log_level_counts_at_once() {
    let mut bench = Bench::new(&alice());
    let count = |bench: &mut Bench| {
        bench.others.clear();
        bench.feed("SIP/2.0 200 OK\nContent-Length: 0\n\n");
        let logs = bench.others.iter();
        logs.filter(|action| matches!(action, Action::Log(_)))
            .count()
    };
    assert!(count(&mut bench) > 0);
    change(&mut bench, Change::LogLevel(LogLevel::Error));
    assert_eq!(count(&mut bench), 0);
    change(&mut bench, Change::LogLevel(LogLevel::Debug));
    assert!(count(&mut bench) > 0);
}

/// CFG-ERR: a bad value is named, and nothing changes.
#[test]
fn cfg_err_a_bad_change_changes_nothing() {
    let mut bench = Bench::new(&alice());
    for (bad, name) in [
        (Change::Servers(Vec::new()), "wsServers"),
        (
            Change::RegisterExpires(Duration::from_millis(1)),
            "registerExpires",
        ),
        (
            Change::DisplayName(Some("a\r\nVia: x".to_owned())),
            "displayName",
        ),
    ] {
        let before = bench.agent.config().clone();
        let error = bench.agent.reconfigure(bad, bench.now).unwrap_err();
        assert!(matches!(&error, CommandError::Config(_)));
        assert!(error.to_string().starts_with(name), "{error}");
        assert_eq!(*bench.agent.config(), before);
    }
    let shown = format!("{:?}", Change::Secret(Some(Secret::password("hunter2"))));
    assert!(!shown.contains("hunter2"));
}
