//! The command `network_changed`: one test for each row of its table in `docs/reachability.md`, by name.

use std::time::Duration;

use sip_core::config::OfflineRequests;
use sip_core::connection::{ConnectError, ConnectionInfo, DisconnectReason};
use sip_core::{Action, Event, Session, SessionId, Timestamp, Transport};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, Servers, alice, alice_with_servers, value};

/// Registered and without keep-alive, so that nothing but the command puts the flow in doubt.
fn registered() -> Bench {
    let mut config = alice();
    config.register(true).keep_alive_interval(Duration::ZERO);
    let mut bench = Bench::new(&config);
    accept_register(&mut bench);
    bench.events.clear();
    bench.others.clear();
    bench.answers_pings = false;
    bench
}

fn accept_register(bench: &mut Bench) -> Request {
    let register = bench.next_request();
    assert_eq!(register.method(), Method::Register);
    let contact = value(&register, HeaderName::Contact);
    bench.reply(&register, 200, &[("Contact", &contact)]);
    register
}

fn change(bench: &mut Bench) {
    bench.agent.network_changed(bench.now).expect("room");
    bench.pump();
}

fn pings(bench: &Bench) -> usize {
    let is_ping = |action: &&Action| matches!(action, Action::Ping { .. });
    bench.others.iter().filter(is_ping).count()
}

fn connects(bench: &Bench) -> usize {
    let is_connect = |action: &&Action| matches!(action, Action::Connect { .. });
    bench.others.iter().filter(is_connect).count()
}

fn opens(bench: &mut Bench) {
    bench.connection = bench.connect_asked();
    let info = ConnectionInfo {
        transport: Transport::Ws,
        remote: None,
    };
    let connection = bench.connection;
    bench.agent.connection_opened(connection, info, bench.now);
    bench.pump();
}

fn is_up(bench: &mut Bench, id: SessionId) -> bool {
    matches!(bench.agent.session(id), Ok(Session::Established(_)))
}

fn names(bench: &mut Bench) -> Vec<String> {
    let name = |event| match event {
        Event::Disconnected { reason, .. } => format!("Disconnected: {reason:?}"),
        Event::ConnectFailed { error, .. } => format!("ConnectFailed: {error:?}"),
        Event::Unregistered { reason } => format!("Unregistered: {:?}", reason.cause),
        other => format!("{other:?}")
            .split([' ', '('])
            .next()
            .unwrap_or_default()
            .to_owned(),
    };
    bench.events.drain(..).map(name).collect()
}

/// One ping at once, and nothing else: no REGISTER, no re-INVITE, no event.
#[test]
fn open_and_answers() {
    let mut bench = registered();
    let id = bench.established_call().0;
    bench.events.clear();
    change(&mut bench);
    assert_eq!(pings(&bench), 1);
    bench.agent.pong(bench.connection, bench.now);
    bench.pump();
    bench.wait(60 * SECOND);
    assert_eq!((pings(&bench), connects(&bench)), (1, 0));
    assert!(is_up(&mut bench, id));
    bench.silence();
    bench.no_events();
}

/// RFC 5626 sections 4.4.1 and 4.5: the flow is replaced, REGISTER goes first on the new one, and the call is repaired.
#[test]
fn open_and_silent() {
    let mut bench = registered();
    let id = bench.established_call().0;
    bench.events.clear();
    let changed = bench.now;
    change(&mut bench);
    bench.wait(4 * SECOND);
    assert_eq!(
        names(&mut bench),
        [
            "Disconnected: KeepAlive",
            "Unregistered: ConnectionLost",
            "ReconnectScheduled",
            "Connecting"
        ]
    );
    opens(&mut bench);
    bench.wait(SECOND);
    accept_register(&mut bench);
    assert!(bench.now.saturating_since(changed) <= 5 * SECOND);
    assert_eq!(
        names(&mut bench),
        ["Connected", "Registered", "DescriptionNeeded"]
    );
    bench.describe(id, OFFER);
    assert_eq!(bench.next_request().method(), Method::Invite);
    assert!(is_up(&mut bench, id));
}

/// A ping that was sent on the old network has 3 s from now, not the rest of its 10 s, and no second one follows.
#[test]
fn open_with_a_ping_under_way() {
    let mut config = alice();
    config.keep_alive_interval(10 * SECOND);
    let mut bench = Bench::new(&config);
    bench.answers_pings = false;
    while pings(&bench) == 0 {
        bench.wait(SECOND / 10);
    }
    change(&mut bench);
    bench.wait(3 * SECOND);
    assert_eq!(pings(&bench), 1);
    assert!(!bench.agent.is_connected());
}

#[test]
fn opening() {
    let mut bench = Bench::offline(&alice());
    let old = bench.connect_asked();
    bench.events.clear();
    change(&mut bench);
    assert_eq!(names(&mut bench), ["ConnectFailed: Other", "Connecting"]);
    let dropped = |action: &Action| {
        matches!(action, Action::Disconnect { connection, reason: DisconnectReason::Replaced }
            if *connection == old)
    };
    assert!(bench.others.iter().any(dropped));
    // What the host reports of the old attempt changes nothing.
    let refused = ConnectError::Refused;
    bench.agent.connection_failed(old, refused, bench.now);
    bench.pump();
    bench.no_events();
    opens(&mut bench);
    assert!(bench.agent.is_connected());
}

/// The next attempt goes out at once, and the one after it waits as after the first failure.
#[test]
fn waiting() {
    let mut config = alice();
    config.keep_alive_interval(Duration::ZERO);
    let mut bench = Bench::offline(&config);
    let refuse = |bench: &mut Bench| -> Timestamp {
        let connection = bench.connect_asked();
        let refused = ConnectError::Refused;
        bench
            .agent
            .connection_failed(connection, refused, bench.now);
        bench.pump();
        let scheduled = bench.events.drain(..).find_map(|event| match event {
            Event::ReconnectScheduled { at, .. } => Some(at),
            _ => None,
        });
        scheduled.expect("a wait")
    };
    for _ in 0..8 {
        let at = refuse(&mut bench);
        bench.wait(at.saturating_since(bench.now));
    }
    refuse(&mut bench);
    assert_eq!(connects(&bench), 0);
    change(&mut bench);
    assert_eq!(connects(&bench), 1);
    let at = refuse(&mut bench);
    // `connectionRecoveryMinInterval`, because the rounds that failed on the old network do not count.
    assert_eq!(at.saturating_since(bench.now), 2 * SECOND);
}

/// The better server is tried at once, and a connection to it that was opened on the old network is not used.
#[test]
fn on_a_server_of_lower_weight() {
    let config = alice_with_servers(2, 1);
    let mut bench = Bench::<Servers>::with_servers(&config, 5, |servers| {
        servers.down.insert(0);
    });
    assert_eq!(bench.servers(), [1]);
    bench.down.clear();
    bench.agent.network_changed(bench.now).expect("room");
    bench.pump();
    assert_eq!(bench.servers(), [0, 1]);
    let old = bench.connection(0);
    bench.agent.network_changed(bench.now).expect("room");
    bench.pump();
    assert!(
        bench
            .disconnects
            .contains(&(old, DisconnectReason::Replaced))
    );
    assert_eq!(bench.servers(), [0, 1]);
    assert_ne!(bench.connection(0), old);
    bench.wait(20 * SECOND);
    assert_eq!(bench.servers(), [0]);
}

/// Each flow has its own probe; the one that answers keeps the agent registered.
#[test]
fn several_flows() {
    let config = alice_with_servers(2, 2);
    let mut bench = Bench::<Servers>::with_servers(&config, 5, |_| {});
    bench.wait(2 * SECOND);
    assert_eq!(bench.servers(), [0, 1]);
    bench.answers_pings = [true, false, false];
    let (kept, lost) = (bench.connection(0), bench.connection(1));
    let pings = bench.pings;
    bench.agent.network_changed(bench.now).expect("room");
    bench.pump();
    assert_eq!(bench.pings[..2], [pings[0] + 1, pings[1] + 1]);
    bench.answers_pings = [true; 3];
    bench.wait(6 * SECOND);
    assert_eq!(bench.servers(), [0, 1]);
    assert_eq!(bench.connection(0), kept);
    assert_ne!(bench.connection(1), lost);
    assert!(bench.registered);
}

/// A wait that the registrar caused goes on.
#[test]
fn refused_by_the_registrar() {
    let mut config = alice();
    config.register(true).keep_alive_interval(Duration::ZERO);
    let mut bench = Bench::new(&config);
    let register = bench.next_request();
    bench.reply(&register, 503, &[("Retry-After", "600")]);
    change(&mut bench);
    bench.wait(500 * SECOND);
    bench.silence();
}

/// A request that waits for a connection goes out on the new one.
#[test]
fn a_request_waits() {
    let mut config = alice();
    config
        .keep_alive_interval(Duration::ZERO)
        .offline_requests(OfflineRequests::Queue);
    let mut bench = Bench::new(&config);
    bench.answers_pings = false;
    change(&mut bench);
    bench.wait(3 * SECOND);
    bench.agent.options("bob", bench.now).expect("queued");
    bench.pump();
    bench.silence();
    // The first retry is random; the command ends the wait for it.
    change(&mut bench);
    opens(&mut bench);
    assert_eq!(bench.next_request().method(), Method::Options);
}

#[test]
fn not_running() {
    let mut bench = registered();
    bench.agent.stop(None, bench.now);
    bench.pump();
    bench.others.clear();
    bench.events.clear();
    change(&mut bench);
    bench.no_events();
    assert!(bench.others.is_empty());
}

/// The names of the rows are the names of the tests.
#[test]
fn each_row_of_the_page_has_a_test() {
    let page = include_str!("../../docs/reachability.md");
    let (_, table) = page.split_once("## Another network").expect("the section");
    let (table, _) = table.split_once("\n## ").expect("the next section");
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let names = rows.skip(1).map(|line| line[2..].split(" |").next());
    let source = include_str!("network_changed.rs");
    let mut count = 0;
    for name in names {
        let name = name.expect("a name").replace(' ', "_");
        let test = format!("#[test]\nfn {name}() {{");
        assert!(source.contains(&test), "{name}");
        count += 1;
    }
    assert_eq!(source.matches("\n#[test]\nfn ").count(), count + 1);
}
