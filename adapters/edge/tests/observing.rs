//! What an observer sees: a line for each registration, call and message, and the counters that agree with them.

mod common;

use std::time::Duration;

use common::*;
use sip_core::ConnectionId;
use sip_edge::{EdgeConfig, EdgeEvent};

const BOB: &str = "sip:bob@example.com";
const CONTACT: &str = "sip:b1@bob.invalid;transport=ws";

fn bench(config: EdgeConfig) -> (Bench, ConnectionId, ConnectionId) {
    let mut bench = Bench::new(config);
    let alice = bench.registered("alice", "sip:a1@alice.invalid;transport=ws");
    let bob = bench.registered("bob", CONTACT);
    bench.events.clear();
    (bench, alice, bob)
}

fn lines(bench: &mut Bench) -> Vec<String> {
    let events = std::mem::take(&mut bench.events);
    events.iter().map(EdgeEvent::to_string).collect()
}

/// The INVITE of a call with this Call-ID, as bob gets it.
fn invite(bench: &mut Bench, (alice, bob): (ConnectionId, ConnectionId), call_id: &str) -> String {
    let branch = bench.branch();
    let with_id = |lines: String| lines.replace("call-1", call_id);
    let first = with_id(request_lines("INVITE", BOB, &branch, 1, ""));
    bench.send(alice, &first);
    let challenge = bench.take_status(alice, 407);
    bench.send(alice, &with_id(ack_lines(BOB, &branch, 1, &challenge)));
    let answer = credentials(&challenge, "alice", password("alice"), "INVITE", BOB, 1);
    let branch = bench.branch();
    let more = format!("Proxy-Authorization: {answer}");
    bench.send(
        alice,
        &with_id(request_lines("INVITE", BOB, &branch, 2, &more)),
    );
    bench.take_status(alice, 100);
    bench.take_request(bob, "INVITE")
}

fn accept(bench: &mut Bench, (alice, bob): (ConnectionId, ConnectionId), invite: &str) {
    let more = format!("Contact: <{CONTACT}>");
    bench.send(bob, &answer(invite, "200 OK", "b1", &more));
    bench.take_status(alice, 200);
}

/// A BYE of bob along the route of the INVITE.
fn bye(bench: &mut Bench, invite: &str) -> String {
    let branch = bench.branch();
    let routes = headers(invite, "Record-Route").join(", ");
    format!(
        "BYE sip:a1@alice.invalid;transport=ws SIP/2.0
         Via: SIP/2.0/WS bob.invalid;branch={branch}
         Max-Forwards: 70
         Route: {routes}
         From: {};tag=b1
         To: {}
         Call-ID: {}
         CSeq: 1 BYE
         ",
        header(invite, "To"),
        header(invite, "From"),
        header(invite, "Call-ID"),
    )
}

fn ends(bench: &mut Bench, (alice, bob): (ConnectionId, ConnectionId), invite: &str) {
    let bye = bye(bench, invite);
    bench.send(bob, &bye);
    let bye = bench.take_request(alice, "BYE");
    bench.send(alice, &answer(&bye, "200 OK", "", ""));
    bench.take_status(bob, 200);
}

/// Each step of a call is a line with its number, and the last one says how long it lasted.
#[test]
fn a_call_is_a_few_lines() {
    let (mut bench, alice, bob) = bench(config());
    let invite = invite(&mut bench, (alice, bob), "c1");
    for _ in 0..2 {
        bench.send(bob, &answer(&invite, "180 Ringing", "b1", ""));
        bench.take_status(alice, 180);
    }
    bench.pass(Duration::from_millis(1_500));
    accept(&mut bench, (alice, bob), &invite);
    assert_eq!(bench.edge.gauges().calls, 1);
    bench.pass(Duration::from_secs(12));
    ends(&mut bench, (alice, bob), &invite);
    assert_eq!(
        lines(&mut bench),
        [
            "call 1: sip:alice@example.com calls sip:bob@example.com",
            "call 1: rings",
            "call 1: answered after 1.5 s",
            "call 1: ended by sip:bob@example.com, lasted 12.0 s",
        ]
    );
    let (counters, gauges) = (bench.edge.counters(), bench.edge.gauges());
    assert_eq!((counters.calls_started, counters.calls_answered), (1, 1));
    assert_eq!((counters.calls_ended, gauges.calls), (1, 0));
    assert_eq!((gauges.connections, gauges.bindings), (2, 2));
}

/// A call that fails says why: refused, cancelled, a user that is not there.
#[test]
fn a_call_that_fails_says_why() {
    let (mut bench, alice, bob) = bench(config());
    let busy = invite(&mut bench, (alice, bob), "c1");
    bench.send(bob, &answer(&busy, "486 Busy Here", "b1", ""));
    bench.take_request(bob, "ACK");
    bench.take_status(alice, 486);
    let cancelled = invite(&mut bench, (alice, bob), "c2");
    bench.send(bob, &answer(&cancelled, "487 Request Terminated", "b2", ""));
    bench.take_request(bob, "ACK");
    bench.take_status(alice, 487);
    let lost = invite(&mut bench, (alice, bob), "c3");
    assert!(lost.starts_with("INVITE "));
    bench.close(alice);
    assert_eq!(
        lines(&mut bench),
        [
            "call 1: sip:alice@example.com calls sip:bob@example.com",
            "call 1: 486 Busy Here after 0.0 s",
            "call 2: sip:alice@example.com calls sip:bob@example.com",
            "call 2: cancelled by the caller after 0.0 s",
            "call 3: sip:alice@example.com calls sip:bob@example.com",
            "alice unregistered: connection lost",
            "call 3: the connection of the caller is lost after 0.0 s",
        ]
    );
    let counters = bench.edge.counters();
    assert_eq!((counters.calls_refused, counters.calls_cancelled), (1, 2));
    assert_eq!(counters.connections_closed, 1);
}

/// The edge ends a call at once if its target has no binding; a challenge alone is no call.
#[test]
fn a_call_to_an_absent_user_fails_at_once() {
    let mut bench = Bench::new(config());
    let alice = bench.registered("alice", "sip:a1@alice.invalid;transport=ws");
    bench.events.clear();
    bench.request(alice, "INVITE", BOB, "");
    bench.take_status(alice, 480);
    bench.request(alice, "MESSAGE", BOB, "");
    bench.take_status(alice, 480);
    assert_eq!(
        lines(&mut bench),
        [
            "call 1: sip:alice@example.com calls sip:bob@example.com",
            "call 1: 480 Temporarily Unavailable after 0.0 s",
            "message from sip:alice@example.com to sip:bob@example.com: 480 Temporarily Unavailable",
        ]
    );
    let counters = bench.edge.counters();
    assert_eq!((counters.calls_started, counters.messages_failed), (1, 1));
}

/// A wrong password is a line with the address that it came from; a challenge is none.
#[test]
fn a_wrong_password_is_a_line() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    let plain = bench.register_lines(alice, "alice", 1, "Contact: <sip:a@alice.invalid>");
    bench.send(alice, &plain);
    let challenge = bench.take_status(alice, 401);
    assert_eq!(lines(&mut bench), [""; 0]);
    let uri = "sip:example.com";
    let answer = credentials(&challenge, "alice", "guess", "REGISTER", uri, 1);
    let more = format!("Authorization: {answer}\nContact: <sip:a@alice.invalid>");
    let wrong = bench.register_lines(alice, "alice", 2, &more);
    bench.send(alice, &wrong);
    bench.take_status(alice, 401);
    bench.register(alice, "alice", 3, "Contact: <sip:a@alice.invalid>");
    bench.close(alice);
    assert_eq!(
        lines(&mut bench),
        [
            "registration of sip:alice@example.com from 198.51.100.7:40000 refused: 401 wrong password",
            "alice registered from 198.51.100.7:40000 for 3600 s",
            "alice unregistered: connection lost",
        ]
    );
    let counters = bench.edge.counters();
    assert_eq!((counters.wrong_credentials, counters.challenged), (1, 3));
    assert_eq!(counters.registrations_refused, 1);
}

/// A call whose ends are both gone is over; one with an end left is not, because the other may come back.
#[test]
fn a_call_whose_ends_are_gone_is_over() {
    let (mut bench, alice, bob) = bench(config());
    let invite = invite(&mut bench, (alice, bob), "c1");
    accept(&mut bench, (alice, bob), &invite);
    bench.close(alice);
    assert_eq!(bench.edge.gauges().calls, 1);
    bench.pass(Duration::from_secs(3));
    bench.events.clear();
    bench.close(bob);
    let lines = lines(&mut bench);
    assert_eq!(
        lines[0], "call 1: both connections lost, lasted 3.0 s",
        "{lines:?}"
    );
    assert_eq!(bench.edge.gauges().calls, 0);
    assert_eq!(bench.edge.counters().calls_lost, 1);
}

/// The edge forgets the oldest call above its limit, because peers may never end their calls.
#[test]
fn the_oldest_call_is_forgotten() {
    let mut config = config();
    config.limits.calls = 2;
    let (mut bench, alice, bob) = bench(config);
    let calls: Vec<String> = ["c1", "c2", "c3"]
        .into_iter()
        .map(|id| {
            let invite = invite(&mut bench, (alice, bob), id);
            accept(&mut bench, (alice, bob), &invite);
            invite
        })
        .collect();
    assert_eq!(bench.edge.gauges().calls, 2);
    bench.events.clear();
    for call in &calls {
        ends(&mut bench, (alice, bob), call);
    }
    assert_eq!(
        lines(&mut bench),
        [
            "a call: ended by sip:bob@example.com",
            "call 2: ended by sip:bob@example.com, lasted 0.0 s",
            "call 3: ended by sip:bob@example.com, lasted 0.0 s",
        ]
    );
    assert_eq!(bench.edge.gauges().calls, 0);
}
