//! `sip demo`: the whole conversation, and the same with something broken.

mod common;

use common::run;
use serde_json::Value;

const ALL: &str =
    "registered 2, calls answered 1, calls ended 1, messages delivered 1, unregistered 2";

#[test]
fn the_demo_ends_well_and_draws_its_ladder() {
    let run = run(&["demo"]);
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    assert_eq!(run.last_line(), ALL);
    let arrows: Vec<&str> = run
        .out
        .lines()
        .filter(|line| line.ends_with('|') && line.contains('>') | line.contains('<'))
        .collect();
    let count = |what: &str| arrows.iter().filter(|line| line.contains(what)).count();
    // RFC 3261 section 22: each REGISTER is challenged once, at the first binding.
    assert_eq!(count("401 Unauthorized"), 2, "{}", run.out);
    // INVITE with its offer: alice to the edge without and with credentials, the edge to bob.
    assert_eq!(count(" INVITE sip:"), 3, "{}", run.out);
    assert!(count("(SDP)") >= 5, "{}", run.out);
    assert_eq!(count("180 Ringing"), 2, "{}", run.out);
    assert_eq!(count(" ACK sip:"), 3, "{}", run.out);
    assert_eq!(count(" BYE sip:"), 2, "{}", run.out);
    assert!(count(" MESSAGE sip:") >= 2, "{}", run.out);
    // Both sides of the ladder, in both directions.
    assert!(
        arrows
            .iter()
            .any(|line| line.contains("->|") && line.ends_with("->|")),
        "{}",
        run.out
    );
    assert!(
        arrows.iter().any(|line| line.contains("|<-")),
        "{}",
        run.out
    );
}

#[test]
fn the_demo_in_json_is_one_object_a_line() {
    let run = run(&["demo", "--json"]);
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    assert_eq!(
        run.last_line(),
        r#"{"event":"summary","registered":2,"answered":1,"ended":1,"messages":1,"unregistered":2}"#
    );
    let mut names = Vec::new();
    for line in run.out.lines() {
        let object: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        names.push(object["event"].as_str().expect("an event name").to_owned());
    }
    for name in [
        "connected",
        "registered",
        "incoming",
        "progress",
        "established",
        "ended",
        "unregistered",
    ] {
        assert!(
            names.iter().any(|event| event == name),
            "{name} in {names:?}"
        );
    }
}

#[test]
fn several_calls_are_counted_and_timed() {
    let run = run(&["demo", "--calls", "5"]);
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    assert_eq!(
        run.last_line(),
        ALL.replace("answered 1", "answered 5")
            .replace("ended 1", "ended 5")
    );
    assert!(
        run.out
            .lines()
            .rev()
            .nth(1)
            .is_some_and(|line| line.ends_with(" calls per second"))
    );
}

/// RFC 6026 section 7: each call keeps transactions for 32 s; they do not stop the next call.
#[test]
fn more_calls_than_the_default_limit_of_transactions() {
    let run = run(&["demo", "--calls", "1100"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(
        run.last_line(),
        ALL.replace("answered 1", "answered 1100")
            .replace("ended 1", "ended 1100")
    );
}

#[test]
fn a_swallowed_bye_leaves_the_call_open() {
    let run = run(&["demo", "--fault", "drop-bye"]);
    assert_eq!(run.code, 1, "{}\n{}", run.out, run.err);
    assert_eq!(run.last_line(), ALL.replace("ended 1", "ended 0"));
    assert!(!run.err.contains("counted otherwise"), "{}", run.err);
}

/// How far the calls are, on a terminal alone.
#[cfg(unix)]
#[test]
fn a_terminal_shows_the_progress_of_the_calls() {
    let terminal = common::terminal::Terminal::open();
    let mut command = common::sip(&["demo", "--calls", "3"]);
    assert_eq!(terminal.attach(&mut command).finish(), 0);
    terminal.shows("1 of 3 calls");
    assert_eq!(run(&["demo", "--calls", "3"]).err, "");
}

#[test]
fn a_bad_password_leaves_one_registered() {
    let run = run(&["demo", "--fault", "bad-password"]);
    assert_eq!(run.code, 1, "{}\n{}", run.out, run.err);
    assert_eq!(
        run.last_line(),
        "registered 1, calls answered 0, calls ended 0, messages delivered 0, unregistered 1"
    );
    assert!(run.err.contains("alice was not registered"), "{}", run.err);
    assert!(!run.err.contains("counted otherwise"), "{}", run.err);
}

#[test]
fn a_killed_websocket_ends_no_call() {
    let run = run(&["demo", "--fault", "kill-ws"]);
    assert_eq!(run.code, 1, "{}\n{}", run.out, run.err);
    assert_eq!(run.last_line(), ALL.replace("ended 1", "ended 0"));
    assert!(!run.err.contains("counted otherwise"), "{}", run.err);
}

/// The blocking adapter ends where the other one does, well or not.
#[test]
fn the_demo_on_the_blocking_adapter() {
    let blocking = |arguments: &[&str]| {
        let run = run(&[&["demo", "--adapter", "blocking"], arguments].concat());
        assert!(!run.err.contains("counted otherwise"), "{}", run.err);
        run
    };
    let well = blocking(&[]);
    assert_eq!(well.code, 0, "{}\n{}", well.out, well.err);
    assert_eq!(well.last_line(), ALL);
    assert!(well.out.contains(" BYE sip:"), "{}", well.out);
    let json = blocking(&["--json"]);
    assert_eq!(json.code, 0, "{}\n{}", json.out, json.err);
    assert_eq!(
        json.last_line(),
        r#"{"event":"summary","registered":2,"answered":1,"ended":1,"messages":1,"unregistered":2}"#
    );
    let many = blocking(&["--calls", "50"]);
    assert_eq!(many.code, 0, "{}", many.err);
    assert!(
        many.last_line().contains("calls ended 50"),
        "{}",
        many.last_line()
    );
    for (fault, summary) in [
        ("drop-bye", ALL.replace("ended 1", "ended 0")),
        ("kill-ws", ALL.replace("ended 1", "ended 0")),
        (
            "bad-password",
            "registered 1, calls answered 0, calls ended 0, messages delivered 0, unregistered 1"
                .to_owned(),
        ),
    ] {
        let broken = blocking(&["--fault", fault]);
        assert_eq!(broken.code, 1, "{fault}: {}\n{}", broken.out, broken.err);
        assert_eq!(broken.last_line(), summary, "{fault}");
    }
}

const TRANSFERRED: &str =
    "registered 3, calls answered 3, calls ended 3, calls transferred 1, unregistered 3";

/// RFC 5589 section 7: alice holds bob, calls carol, and connects the two.
#[test]
fn the_demo_shows_an_attended_transfer() {
    for adapter in ["tokio", "blocking"] {
        let run = run(&["demo", "--transfer", "--adapter", adapter]);
        assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
        assert_eq!(run.last_line(), TRANSFERRED);
        let arrows: Vec<&str> = run.out.lines().filter(|line| line.ends_with('|')).collect();
        let count = |what: &str| arrows.iter().filter(|line| line.contains(what)).count();
        // Each goes to the edge and from there to the peer.
        assert_eq!(count(" REFER sip:"), 2, "{}", run.out);
        assert_eq!(count("202 Accepted"), 2, "{}", run.out);
        // To the edge without and with credentials, and to carol.
        assert_eq!(count("eplaces, SDP)"), 3, "{}", run.out);
        assert_eq!(count("(200 OK)"), 2, "{}", run.out);
        assert_eq!(count(" BYE sip:"), 6, "{}", run.out);
        // The life line of carol is the last one, and her arrows cross that of bob.
        let header = run.out.lines().next().unwrap();
        let places = ["alice", "edge", "bob", "carol"].map(|name| header.find(name).unwrap());
        assert!(places.is_sorted(), "{header}");
    }
}

#[test]
fn the_transfer_in_json() {
    let run = run(&["demo", "--transfer", "--json"]);
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    assert_eq!(
        run.last_line(),
        r#"{"event":"summary","registered":3,"answered":3,"ended":3,"transferred":1,"unregistered":3}"#
    );
    let events: Vec<Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (agent, name) in [
        ("bob", "refer"),
        ("alice", "transfer_progress"),
        ("alice", "transfer_ended"),
        ("carol", "replaced"),
    ] {
        let is_there = |event: &Value| event["agent"] == agent && event["event"] == name;
        assert!(events.iter().any(is_there), "{agent} {name}: {}", run.out);
    }
}

const WATCHED: &str =
    "registered 2, calls answered 1, calls ended 1, states reported 8, unregistered 2";

/// RFC 3856, RFC 3903, RFC 3842: alice and bob see each other free, on the phone, and free again; alice sees her mailbox fill.
#[test]
fn the_demo_shows_presence() {
    for adapter in ["tokio", "blocking"] {
        let run = run(&["demo", "--presence", "--adapter", adapter]);
        assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
        assert_eq!(run.last_line(), WATCHED);
        let arrows: Vec<&str> = run.out.lines().filter(|line| line.ends_with('|')).collect();
        let count = |what: &str| arrows.iter().filter(|line| line.contains(what)).count();
        // Each is challenged once; alice subscribes to her mailbox, too.
        assert_eq!(count(" SUBSCRIBE sip:bob@localhost "), 2, "{}", run.out);
        assert_eq!(count(" SUBSCRIBE sip:alice@localhost "), 4, "{}", run.out);
        assert_eq!(
            count(" PUBLISH presence (open: on the phone) "),
            4,
            "{}",
            run.out
        );
        assert_eq!(
            count(" NOTIFY presence (open: on the phone) "),
            2,
            "{}",
            run.out
        );
        // At first, after the call, and at the end of the subscription.
        assert_eq!(count(" NOTIFY presence (open) "), 6, "{}", run.out);
        assert_eq!(
            count(" NOTIFY message-summary (0 new, 0 old) "),
            1,
            "{}",
            run.out
        );
        assert_eq!(
            count(" NOTIFY message-summary (1 new, 0 old) "),
            2,
            "{}",
            run.out
        );
    }
}

#[test]
fn presence_in_json() {
    let run = run(&["demo", "--presence", "--json"]);
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    assert_eq!(
        run.last_line(),
        r#"{"event":"summary","registered":2,"answered":1,"ended":1,"states":8,"unregistered":2}"#
    );
    let events: Vec<Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (agent, name) in [
        ("alice", "notified"),
        ("bob", "notified"),
        ("bob", "published"),
        ("alice", "publication_ended"),
        ("bob", "subscription_ended"),
    ] {
        let is_there = |event: &Value| event["agent"] == agent && event["event"] == name;
        assert!(events.iter().any(is_there), "{agent} {name}: {}", run.out);
    }
}
