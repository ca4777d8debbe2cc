//! Publications without a connection, after a lost one, and at the end of the agent.

use super::*;
use sip_core::LimitKind;

/// By `offlineRequests` a command without a connection fails at once.
#[test]
fn conn_c_a_publication_without_a_connection_fails_at_once() {
    let mut bench = Bench::offline(&alice());
    let options = PublishOptions::new();
    let refused = bench
        .agent
        .publish("presence", pidf(OPEN), options, bench.now);
    assert_eq!(refused, Err(CommandError::NotConnected));
    bench.assert_nothing_left();

    let mut bench = online();
    let id = published(&mut bench);
    bench.lose();
    let refused = bench.agent.modify_publication(id, pidf(BUSY), bench.now);
    assert_eq!(refused, Err(CommandError::NotConnected));
    bench.events.clear();
    bench.reconnect(Transport::Ws);
    bench.silence();
    until_sent(&mut bench, 3_300 * SECOND);
    is_refresh(&bench.next_request(), "1");
}

/// By `offlineRequests` a command without a connection waits: for 64 T1 at most; `unpublish` cancels it.
#[test]
fn conn_c_a_publication_waits_for_a_connection() {
    let mut bench = Bench::offline(&queueing());
    let id = publish(&mut bench);
    modify(&mut bench, id, BUSY);
    bench.silence();
    bench.open(Transport::Ws);
    bench.events.clear();
    let first = bench.next_request();
    is_initial(&first, OPEN.replace("open", "busy").as_str());
    bench.silence();
    accept(&mut bench, &first, "1", 3_600);
    is_reported(&mut bench, id);

    let mut bench = Bench::offline(&queueing());
    let id = publish(&mut bench);
    bench.events.clear();
    remove(&mut bench, id);
    assert_eq!(has_ended(&mut bench, id), Ok(()));

    let mut bench = Bench::offline(&queueing());
    let id = publish(&mut bench);
    bench.events.clear();
    bench.wait(31 * SECOND);
    assert_eq!(bench.agent.table_sizes().publications, 1);
    bench.wait(SECOND);
    bench
        .events
        .retain(|event| matches!(event, Event::PublicationEnded { .. }));
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Transport, Cause::Timeout))
    );
}

/// A PUBLISH that the lost connection interrupted is sent again with the next one, with the same entity tag. If the server had taken
/// it, its 412 leads to a new publication of the full state.
#[test]
fn conn_c_a_publish_in_flight_is_sent_again() {
    let mut bench = online();
    let id = published(&mut bench);
    modify(&mut bench, id, BUSY);
    is_modification(&bench.next_request(), "1", BUSY);
    bench.lose();
    bench.expect(|event| matches!(event, Event::Disconnected { .. }).then_some(()));
    assert_eq!(has_failed(&mut bench, id), (Cause::ConnectionLost, None));
    bench.events.clear();
    bench.reconnect(Transport::Ws);
    let again = bench.next_request();
    is_modification(&again, "1", BUSY);
    bench.reply(&again, 412, &[]);
    let new = bench.next_request();
    is_initial(&new, BUSY);
    bench.events.clear();
    accept(&mut bench, &new, "2", 3_600);
    is_reported(&mut bench, id);
}

/// A lost connection with nothing in flight sends nothing; the refresh waits for a connection, and a state that expired meanwhile is
/// published as new.
#[test]
fn conn_c_a_refresh_waits_for_a_connection() {
    for (away, expired) in [(3_500, false), (3_700, true)] {
        let mut bench = online();
        let id = published(&mut bench);
        bench.lose();
        bench.wait(away * SECOND);
        bench.silence();
        bench.events.clear();
        bench.reconnect(Transport::Ws);
        let next = bench.next_request();
        if expired {
            is_initial(&next, OPEN);
        } else {
            is_refresh(&next, "1");
        }
        bench.events.clear();
        accept(&mut bench, &next, "2", 3_600);
        is_reported(&mut bench, id);
    }
}

/// A removal without a connection waits for 64 T1; a state that expires before needs none.
#[test]
fn conn_c_a_removal_waits_for_a_connection() {
    let mut bench = online();
    let id = published(&mut bench);
    bench.lose();
    remove(&mut bench, id);
    bench.wait(10 * SECOND);
    bench.events.clear();
    bench.reconnect(Transport::Ws);
    let last = bench.next_request();
    is_removal(&last, "1");
    bench.events.clear();
    bench.reply(&last, 200, &[]);
    assert_eq!(has_ended(&mut bench, id), Ok(()));

    let id = published(&mut bench);
    bench.lose();
    remove(&mut bench, id);
    bench.wait(32 * SECOND);
    bench
        .events
        .retain(|event| matches!(event, Event::PublicationEnded { .. }));
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Transport, Cause::Timeout))
    );

    let mut bench = online();
    let id = publish(&mut bench);
    let first = bench.next_request();
    accept(&mut bench, &first, "1", 20);
    is_reported(&mut bench, id);
    bench.lose();
    remove(&mut bench, id);
    bench.wait(25 * SECOND);
    bench.events.clear();
    bench.reconnect(Transport::Ws);
    bench.silence();
    bench
        .events
        .retain(|event| matches!(event, Event::PublicationEnded { .. }));
    assert_eq!(has_ended(&mut bench, id), Ok(()));
}

/// A stop removes each publication within its grace, and ends at once what no connection can remove.
#[test]
fn tx_c_a_stop_removes_the_publications() {
    let mut bench = online();
    let id = published(&mut bench);
    bench.agent.stop(None, bench.now);
    bench.pump();
    let last = bench.next_request();
    is_removal(&last, "1");
    bench.reply(&last, 200, &[]);
    let removed = bench.expect(|event| match event {
        Event::PublicationEnded { outcome, .. } => Some(outcome.is_ok()),
        _ => None,
    });
    assert!(removed);
    bench.expect(|event| matches!(event, Event::Stopped { unfinished: 0 }).then_some(()));
    assert_eq!(
        bench.agent.unpublish(id, bench.now),
        Err(CommandError::Stale)
    );
    bench.assert_nothing_left();

    // The server does not answer.
    let mut bench = online();
    published(&mut bench);
    publish(&mut bench);
    bench.agent.stop(None, bench.now);
    bench.pump();
    bench.wait(3 * SECOND);
    let ended = bench.events.iter().filter_map(|event| match event {
        Event::PublicationEnded { outcome, .. } => Some(outcome.as_ref().unwrap_err().cause),
        _ => None,
    });
    assert_eq!(ended.collect::<Vec<_>>(), [Cause::Stopped; 2]);
    bench.expect(|event| matches!(event, Event::Stopped { unfinished: 2 }).then_some(()));
    bench.assert_nothing_left();

    // There is no connection.
    let mut bench = online();
    published(&mut bench);
    bench.lose();
    bench.events.clear();
    bench.agent.stop(None, bench.now);
    bench.pump();
    let ended = bench
        .events
        .iter()
        .filter(|event| matches!(event, Event::PublicationEnded { .. }));
    assert_eq!(ended.count(), 1);
    bench.expect(|event| matches!(event, Event::Stopped { .. }).then_some(()));
    bench.assert_nothing_left();
}

/// `Limits::publications` bounds the publications; what is refused leaves nothing behind.
#[test]
fn limits_bound_the_publications() {
    let mut limits = Limits::default();
    limits.publications = 2;
    let now = Timestamp::from_millis(1_000);
    let config = queueing().build().unwrap();
    let timers = Default::default();
    let mut agent = UserAgent::with_limits(config, limits, timers, random(1), now).unwrap();
    let publish =
        |agent: &mut UserAgent| agent.publish("presence", pidf(OPEN), PublishOptions::new(), now);
    publish(&mut agent).unwrap();
    let id = publish(&mut agent).unwrap();
    assert_eq!(
        publish(&mut agent),
        Err(CommandError::Limit(LimitKind::Publications))
    );
    assert_eq!(agent.table_sizes().publications, 2);
    agent.unpublish(id, now).unwrap();
    publish(&mut agent).unwrap();
}
