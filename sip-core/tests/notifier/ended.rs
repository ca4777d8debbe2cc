//! How subscriptions end by themselves.

use sip_core::{Event, IncomingSubscriptionEnd, Notification};
use sip_parse::HeaderName;
use sip_testing::{Bench, SECOND, value};

use crate::peer::{Peer, accept, ended, incoming, notifier, notify, over, subscribe, subscribed};

/// RFC 6665 4.2.1.4, 4.2.2 (6665-4.2.1-A): a subscription that is not refreshed ends with a NOTIFY of reason timeout and the last
/// state; also while a NOTIFY is in flight.
#[test]
fn rfc6665_4_2_2_an_expired_subscription_is_terminated() {
    for in_flight in [false, true] {
        let (mut bench, id, mut peer) = subscribed(&notifier());
        bench.wait(599 * SECOND);
        bench.silence();
        let text = if in_flight { "second" } else { "first" };
        if in_flight {
            notify(&mut bench, id, text);
        }
        let before = in_flight.then(|| peer.notified(&mut bench, "active;expires=1", text));
        bench.wait(SECOND);
        if let Some(before) = &before {
            bench.sent.clear();
            bench.reply(before, 200, &[]);
        }
        let last = peer.notified(&mut bench, "terminated;reason=timeout", text);
        peer.subscribe(&mut bench, "Expires: 600\n");
        peer.response(&mut bench, 481);
        bench.reply(&last, 200, &[]);
        assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Expired);
        over(bench);
    }
}

/// RFC 6665 4.2.1.2: one that is still pending ends with what a pending one may say.
#[test]
fn rfc6665_4_2_2_a_pending_subscription_expires() {
    let mut bench = Bench::new(&notifier());
    let mut peer = Peer::new("bob");
    peer.subscribe(&mut bench, "Expires: 60\n");
    let id = incoming(&mut bench);
    accept(&mut bench, id, Notification::pending());
    peer.response(&mut bench, 200);
    let first = peer.notified(&mut bench, "pending;expires=60", "");
    bench.reply(&first, 200, &[]);
    bench.wait(60 * SECOND);
    let last = peer.notified(&mut bench, "terminated;reason=timeout", "");
    // Whether the peer takes the last one changes nothing.
    bench.reply(&last, 500, &[]);
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Expired);
    over(bench);
}

/// RFC 6665 4.1.3, 4.2.2: an agent that stops ends every subscription by a NOTIFY of reason probation, because the peer finds it
/// again later. One that waits for the application is refused.
#[test]
fn rfc6665_4_2_2_a_stop_terminates_every_subscription() {
    let mut bench = Bench::new(&notifier());
    let (first, bob) = subscribe(&mut bench, Peer::new("bob"));
    let (second, carol) = subscribe(&mut bench, Peer::new("carol"));
    notify(&mut bench, second, "in flight");
    let in_flight = carol.notified(&mut bench, "active;expires=600", "in flight");
    let mut dave = Peer::new("dave");
    dave.subscribe(&mut bench, "");
    let third = incoming(&mut bench);
    bench.agent.stop(None, bench.now);
    bench.pump();
    let probation = "terminated;reason=probation";
    let last = bob.notified(&mut bench, probation, "first");
    dave.response(&mut bench, 480);
    assert_eq!(
        ended(&mut bench, third),
        IncomingSubscriptionEnd::DialogEnded
    );
    bench.reply(&last, 200, &[]);
    assert_eq!(
        ended(&mut bench, first),
        IncomingSubscriptionEnd::DialogEnded
    );
    bench.no_events();
    bench.reply(&in_flight, 200, &[]);
    let last = carol.notified(&mut bench, probation, "in flight");
    bench.reply(&last, 200, &[]);
    assert_eq!(
        ended(&mut bench, second),
        IncomingSubscriptionEnd::DialogEnded
    );
    bench.expect(|event| matches!(event, Event::Stopped { unfinished: 0 }).then_some(()));
    bench.assert_nothing_left();
}

/// A stop whose grace is over ends every subscription at once, with one event each.
#[test]
fn rfc6665_4_2_2_a_stop_waits_for_no_peer_for_ever() {
    let mut bench = Bench::new(&notifier());
    let (first, _) = subscribe(&mut bench, Peer::new("bob"));
    bench.agent.stop(Some(SECOND), bench.now);
    bench.pump();
    bench.wait(SECOND);
    assert_eq!(
        ended(&mut bench, first),
        IncomingSubscriptionEnd::DialogEnded
    );
    bench.expect(|event| matches!(event, Event::Stopped { unfinished: 1 }).then_some(()));
    bench.assert_nothing_left();
}

/// RFC 3261 11.2, 12.2.2: OPTIONS within the dialog of a subscription is answered; a request of no usage of it gets 481, which
/// ends nothing.
#[test]
fn rfc3261_12_2_2_other_requests_in_the_dialog_of_a_subscription() {
    let (mut bench, id, mut peer) = subscribed(&notifier());
    for (method, status) in [
        ("OPTIONS", 200),
        ("BYE", 481),
        ("INFO", 481),
        ("NOTIFY", 481),
    ] {
        peer.send(&mut bench, method, "");
        assert_eq!(bench.next_response().status().as_u16(), status, "{method}");
    }
    notify(&mut bench, id, "news");
    let news = peer.notified(&mut bench, "active;expires=600", "news");
    bench.reply(&news, 200, &[]);
    bench.no_events();
}

/// RFC 6665 4.2: each of many subscribers of one resource has NOTIFYs and an end of its own.
#[test]
fn rfc6665_4_2_subscriptions_are_told_apart() {
    let mut bench = Bench::new(&notifier());
    let mut all: Vec<_> = (0..100)
        .map(|number| subscribe(&mut bench, Peer::new(&format!("peer{number}"))))
        .collect();
    let known = bench.agent.incoming_subscriptions();
    assert!(
        known
            .map(|known| known.id())
            .eq(all.iter().map(|(id, _)| *id))
    );
    for (id, _) in &all {
        let known = bench.agent.incoming_subscription(*id).expect("known");
        assert_eq!(known.package(), "message-summary");
        notify(&mut bench, *id, "news");
    }
    for (_, peer) in &all {
        let notification = peer.notified(&mut bench, "active;expires=600", "news");
        assert_eq!(value(&notification, HeaderName::CSeq).split(' ').count(), 2);
        bench.reply(&notification, 200, &[]);
    }
    for (id, peer) in &mut all {
        peer.subscribe(&mut bench, "Expires: 0\n");
        peer.response(&mut bench, 200);
        let last = peer.notified(&mut bench, "terminated;reason=timeout", "news");
        bench.reply(&last, 200, &[]);
        assert_eq!(
            ended(&mut bench, *id),
            IncomingSubscriptionEnd::Unsubscribed
        );
    }
    over(bench);
}
