//! The counters by which a run is judged: registrations, connections, calls, requests, repeats.

use std::time::Duration;

use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{Action, CallCounters, FailureStatus, Session, Transport};
use sip_testing::{Bench, alice};

fn registering() -> Bench {
    let mut config = alice();
    Bench::offline(config.register(true))
}

/// A connection that fails, one that opens, a registration that fails, one that is granted and refreshed, a loss.
#[test]
fn connections_and_registrations_are_counted() {
    let mut bench = registering();
    let connection = bench.connect_asked();
    let refused = ConnectError::Refused;
    bench
        .agent
        .connection_failed(connection, refused, bench.now);
    bench.pump();
    bench.reconnect(Transport::Ws);
    let register = bench.next_request();
    bench.reply(&register, 503, &[]);
    for _ in 0..2 {
        while bench.sent.is_empty() {
            bench.wait(Duration::from_secs(1));
        }
        let register = bench.next_request();
        let contact = format!("{};expires=60", bench.agent.contact());
        bench.reply(&register, 200, &[("Contact", &contact)]);
    }
    assert_eq!(bench.agent.open_flows(), 1);
    bench.lose();
    assert_eq!(bench.agent.open_flows(), 0);
    let counters = bench.agent.counters();
    assert_eq!(counters.connections_failed, 1);
    assert_eq!(
        (counters.connections_opened, counters.connections_lost),
        (1, 1)
    );
    assert_eq!(counters.registrations_failed, 1);
    assert_eq!(counters.registrations, 1);
    assert_eq!(counters.registrations_refreshed, 1);
    assert_eq!(counters.requests_sent, 3);
    assert_eq!(counters.retransmitted, 0);
}

/// A connection that this side closes is not lost.
#[test]
fn a_wanted_end_is_no_loss() {
    let mut bench = Bench::new(&alice());
    bench.agent.stop(None, bench.now);
    bench.pump();
    let closed = |action: &Action| matches!(action, Action::Disconnect { reason, .. } if *reason == DisconnectReason::Stopped);
    assert!(bench.others.iter().any(closed), "{:?}", bench.others);
    assert_eq!(bench.agent.counters().connections_lost, 0);
}

fn calls(change: impl FnOnce(&mut CallCounters)) -> CallCounters {
    let mut calls = CallCounters::default();
    change(&mut calls);
    calls
}

/// Each call of this side is begun, and ends as answered, refused, cancelled or failed.
#[test]
fn calls_of_this_side_are_counted_by_their_outcome() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.agent.hang_up(id, bench.now).unwrap();
    bench.pump();
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    bench.events.clear();
    let (_, invite) = bench.call();
    bench.reply_tagged(&invite, 486, "b2", &[], None);
    bench.next_request();
    bench.events.clear();
    let (id, invite) = bench.call();
    bench.reply(&invite, 100, &[]);
    bench.agent.hang_up(id, bench.now).unwrap();
    bench.pump();
    let cancel = bench.next_request();
    bench.reply(&cancel, 200, &[]);
    bench.reply_tagged(&invite, 487, "b3", &[], None);
    bench.next_request();
    bench.events.clear();
    bench.call();
    bench.wait(Duration::from_secs(40));
    let counters = bench.agent.counters();
    let expected = calls(|calls| {
        calls.begun = 4;
        calls.answered = 1;
        calls.refused = 1;
        calls.cancelled = 1;
        calls.failed = 1;
    });
    assert_eq!(counters.calls_out, expected);
    assert_eq!(counters.calls_in, CallCounters::default());
}

/// The same for calls of peers; a call whose peer sends no ACK has come up nowhere.
#[test]
fn calls_of_peers_are_counted_by_their_outcome() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    match bench.agent.session(id).unwrap() {
        Session::Incoming(call) => call.reject(FailureStatus::BUSY_HERE, bench.now),
        other => panic!("{other:?}"),
    }
    bench.pump();
    bench.sent.clear();
    let id = bench.invite_from_bob(2);
    bench.sent.clear();
    bench.answer(id, "v=0");
    bench.wait(Duration::from_secs(80));
    let counters = bench.agent.counters();
    let expected = calls(|calls| {
        calls.begun = 2;
        calls.refused = 1;
        calls.failed = 1;
    });
    assert_eq!(counters.calls_in, expected);
    assert!(
        counters.retransmitted >= 9,
        "the 2xx goes out again: {counters:?}"
    );
}
