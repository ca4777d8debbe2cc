//! Subscriptions whose connection breaks.

use sip_core::connection::DisconnectReason;
use sip_core::{
    Cause, CommandError, FailureStatus, IncomingSubscriptionEnd, MessageOptions, Transport,
};
use sip_testing::{Bench, SECOND};

use crate::peer::{Peer, ended, incoming, notifier, notify, over, state, subscribed};

/// RFC 6665 4.2.2: an idle subscription stays; its next NOTIFY goes out on the next connection, or waits for it.
#[test]
fn rfc6665_4_2_2_an_idle_subscription_outlives_its_connection() {
    for early in [false, true] {
        let (mut bench, id, peer) = subscribed(&notifier());
        bench.lose();
        bench.events.clear();
        if early {
            notify(&mut bench, id, "news");
            notify(&mut bench, id, "more");
            bench.silence();
        }
        bench.reconnect(Transport::Ws);
        if !early {
            bench.silence();
            notify(&mut bench, id, "more");
        }
        let message = bench.sent.pop_front().expect("a NOTIFY");
        assert_eq!(message.body(), b"more");
        bench.sent.push_front(message);
        let news = bench.next_request();
        bench.reply(&news, 200, &[]);
        bench.silence();
        notify(&mut bench, id, "last");
        let expires = 600
            - bench
                .now
                .saturating_since(sip_core::Timestamp::from_millis(1_000))
                .as_secs();
        // What is left, rounded down.
        let left = [expires, expires - 1].map(|left| format!("active;expires={left}"));
        let last = bench.next_request();
        let is = sip_testing::value(&last, sip_parse::HeaderName::SubscriptionState);
        assert!(left.contains(&is), "{is}");
        assert_eq!(
            sip_testing::value(&last, sip_parse::HeaderName::CallId),
            peer.call_id
        );
    }
}

/// RFC 6665 4.2.2: a NOTIFY whose connection breaks is sent again on the next one, with the state that is the last then.
#[test]
fn rfc6665_4_2_2_a_notify_in_flight_waits_for_the_next_connection() {
    let (mut bench, id, peer) = subscribed(&notifier());
    notify(&mut bench, id, "news");
    peer.notified(&mut bench, "active;expires=600", "news");
    bench.lose();
    bench.events.clear();
    notify(&mut bench, id, "more");
    bench.silence();
    bench.reconnect(Transport::Ws);
    let more = bench.next_request();
    assert_eq!(more.body(), b"more");
    bench.reply(&more, 200, &[]);
    bench.silence();
    // The subscription goes on.
    notify(&mut bench, id, "last");
    assert_eq!(bench.next_request().body(), b"last");
}

/// RFC 6665 4.2.2: without a connection a NOTIFY waits 64 T1, and then the subscription is over.
#[test]
fn rfc6665_4_2_2_a_notify_waits_64_t1_for_a_connection() {
    let (mut bench, id, _) = subscribed(&notifier());
    bench.lose();
    bench.events.clear();
    notify(&mut bench, id, "news");
    bench.wait(31 * SECOND);
    notify(&mut bench, id, "more");
    let is_end = |event: &sip_core::Event| {
        matches!(event, sip_core::Event::IncomingSubscriptionEnded { .. })
    };
    assert!(!bench.events.iter().any(is_end));
    bench.wait(SECOND);
    bench.events.retain(is_end);
    match ended(&mut bench, id) {
        IncomingSubscriptionEnd::NotifyFailed(reason) => {
            assert_eq!(reason.cause, Cause::ConnectionLost);
        }
        other => panic!("{other:?}"),
    }
    bench.no_events();
    let sizes = bench.agent.table_sizes();
    assert_eq!((sizes.incoming_subscriptions, sizes.dialogs), (0, 0));
}

/// A SUBSCRIBE whose connection breaks while the application decides ends, because no response can reach the peer.
#[test]
fn rfc6665_4_2_1_an_unanswered_subscribe_ends_with_its_connection() {
    let mut bench = Bench::new(&notifier());
    let mut peer = Peer::new("bob");
    peer.subscribe(&mut bench, "");
    let id = incoming(&mut bench);
    let (connection, lost) = (bench.connection, DisconnectReason::Lost);
    bench.agent.connection_closed(connection, lost, bench.now);
    bench.pump();
    let is_end = |event: &sip_core::Event| {
        matches!(event, sip_core::Event::IncomingSubscriptionEnded { .. })
    };
    bench.events.retain(is_end);
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Unanswered);
    let options = MessageOptions::new();
    let late = bench
        .agent
        .accept_subscription(id, state("late"), &options, bench.now);
    assert_eq!(late, Err(CommandError::Stale));
    let refusal = FailureStatus::DECLINE;
    let late = bench.agent.reject_subscription(id, refusal, bench.now);
    assert_eq!(late, Err(CommandError::Stale));
    let sizes = bench.agent.table_sizes();
    assert_eq!((sizes.incoming_subscriptions, sizes.dialogs), (0, 0));
}

/// A refresh on a new connection takes the NOTIFYs to it, and a NOTIFY that waits goes out.
#[test]
fn rfc6665_4_2_1_4_a_refresh_moves_the_subscription_to_its_connection() {
    let (mut bench, id, mut peer) = subscribed(&notifier());
    bench.lose();
    notify(&mut bench, id, "news");
    bench.reconnect(Transport::Ws);
    let news = bench.next_request();
    bench.reply(&news, 200, &[]);
    bench.events.clear();
    peer.subscribe(&mut bench, "Expires: 600\n");
    peer.response(&mut bench, 200);
    // The Contact of the agent is the one of the new connection.
    let again = peer.notified(&mut bench, "active;expires=600", "news");
    bench.reply(&again, 200, &[]);
    bench.expect(|event| {
        matches!(event, sip_core::Event::SubscriptionRefreshed { .. }).then_some(())
    });
    peer.subscribe(&mut bench, "Expires: 0\n");
    peer.response(&mut bench, 200);
    let last = peer.notified(&mut bench, "terminated;reason=timeout", "news");
    bench.reply(&last, 200, &[]);
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Unsubscribed);
    over(bench);
}

/// An agent that stops without a connection ends every subscription at once.
#[test]
fn rfc6665_4_2_2_a_stop_without_a_connection_ends_at_once() {
    let (mut bench, id, _) = subscribed(&notifier());
    bench.lose();
    bench.events.clear();
    bench.agent.stop(None, bench.now);
    bench.pump();
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::DialogEnded);
    assert_eq!(bench.agent.table_sizes(), Default::default());
}
