//! Connections that are missing, break and return.

use std::time::Duration;

use sip_core::config::OfflineRequests;
use sip_core::{
    Cause, CommandError, SubscribeOptions, SubscriptionEnd, SubscriptionState, Transport,
};
use sip_parse::HeaderName;
use sip_testing::{Bench, SECOND, alice, value};

use crate::{
    Notifier, accepts, ended, interrupted, leaves_nothing, notified, subscribe, subscribed,
    subscribes, subscribing,
};

/// Drops the events of the connection itself.
fn only_subscriptions(bench: &mut Bench) {
    bench.events.retain(|event| {
        let text = format!("{event:?}");
        text.starts_with("Subscription") || text.starts_with("Notified")
    });
}

fn lose(bench: &mut Bench) {
    bench.lose();
    only_subscriptions(bench);
}

fn reconnect(bench: &mut Bench) {
    bench.reconnect(Transport::Ws);
    only_subscriptions(bench);
}

/// A subscription is repaired by a SUBSCRIBE in its dialog on the new connection, which carries the Contact (RFC 6665 4.1.2.2); 481
/// to it begins the subscription anew.
#[test]
fn rfc6665_4_1_2_2_a_subscription_is_repaired_after_a_lost_connection() {
    let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
    lose(&mut bench);
    bench.no_events();
    bench.silence();
    reconnect(&mut bench);
    let repair = subscribes(&mut bench, 3_600);
    assert_eq!(repair.to().unwrap().tag(), Some(&b"bob"[..]));
    assert!(repair.has(HeaderName::Contact));
    accepts(&mut bench, &repair, 3_600);
    notifier.reports(&mut bench, "active");
    assert_eq!(notified(&mut bench, id), SubscriptionState::Active);
    bench.wait(40 * SECOND);
    only_subscriptions(&mut bench);
    bench.no_events();
    bench.silence();

    lose(&mut bench);
    reconnect(&mut bench);
    let repair = subscribes(&mut bench, 3_600);
    bench.reply(&repair, 481, &[]);
    let (cause, _) = interrupted(&mut bench, id);
    assert!(matches!(cause, SubscriptionEnd::Failed(_)));
    bench.wait(Duration::ZERO);
    let anew = subscribes(&mut bench, 3_600);
    assert_eq!(anew.to().unwrap().tag(), None);
    assert_ne!(
        value(&anew, HeaderName::CallId),
        value(&repair, HeaderName::CallId)
    );
}

/// A first SUBSCRIBE whose connection is lost is interrupted and sent anew with the next connection, or ends the subscription
/// with `once`; one with a 2xx and no NOTIFY is sent anew, too, because the NOTIFY goes to the old Contact.
#[test]
fn a_first_subscribe_is_sent_anew_after_a_lost_connection() {
    let (mut bench, id, request) = subscribing(SubscribeOptions::new());
    lose(&mut bench);
    let (cause, retry_at) = interrupted(&mut bench, id);
    let SubscriptionEnd::Failed(reason) = cause else {
        panic!("{cause:?}");
    };
    assert_eq!((reason.cause, retry_at), (Cause::ConnectionLost, None));
    reconnect(&mut bench);
    let anew = subscribes(&mut bench, 3_600);
    assert_ne!(
        value(&anew, HeaderName::CallId),
        value(&request, HeaderName::CallId)
    );
    accepts(&mut bench, &anew, 3_600);
    lose(&mut bench);
    bench.no_events();
    reconnect(&mut bench);
    let anew = subscribes(&mut bench, 3_600);
    accepts(&mut bench, &anew, 3_600);
    Notifier::of(&anew, "bob").reports(&mut bench, "active");
    notified(&mut bench, id);

    for options in [SubscribeOptions::new().once(), SubscribeOptions::poll()] {
        let (mut bench, id, _) = subscribing(options);
        lose(&mut bench);
        let SubscriptionEnd::Failed(reason) = ended(&mut bench, id) else {
            panic!("no reason");
        };
        assert_eq!(reason.cause, Cause::ConnectionLost);
    }
}

/// A refresh whose connection is lost is sent anew with the next connection, and the subscription goes on meanwhile.
#[test]
fn a_refresh_is_sent_anew_after_a_lost_connection() {
    for is_sent in [true, false] {
        let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
        let now = bench.now;
        if is_sent {
            bench.agent.refresh_subscription(id, now).unwrap();
            bench.pump();
            subscribes(&mut bench, 3_600);
        }
        lose(&mut bench);
        if !is_sent {
            bench.agent.refresh_subscription(id, now).unwrap();
            bench.pump();
        }
        bench.no_events();
        reconnect(&mut bench);
        let repair = subscribes(&mut bench, 3_600);
        bench.silence();
        accepts(&mut bench, &repair, 3_600);
        notifier.reports(&mut bench, "active");
        notified(&mut bench, id);
        bench.wait(40 * SECOND);
        only_subscriptions(&mut bench);
        bench.no_events();
    }
}

/// RFC 6665 4.1.2.3: a subscription that is ended without a connection: the SUBSCRIBE with `Expires: 0` waits for the next one,
/// for 64 T1.
#[test]
fn rfc6665_4_1_2_3_a_subscription_is_ended_without_a_connection() {
    for returns in [true, false] {
        let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
        lose(&mut bench);
        let now = bench.now;
        bench.agent.unsubscribe(id, now).unwrap();
        bench.pump();
        bench.no_events();
        if returns {
            reconnect(&mut bench);
            let last = subscribes(&mut bench, 0);
            accepts(&mut bench, &last, 0);
            notifier.reports(&mut bench, "terminated;reason=timeout");
            notified(&mut bench, id);
        } else {
            bench.wait(33 * SECOND);
            only_subscriptions(&mut bench);
        }
        assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
        assert_eq!(bench.agent.table_sizes().subscriptions, 0);
        assert_eq!(bench.agent.table_sizes().dialogs, 0);
    }
}

/// A subscription that expires without a connection is interrupted, and begins anew with the next one.
#[test]
fn rfc6665_4_1_2_2_a_subscription_expires_without_a_connection() {
    let (mut bench, id, _) = subscribed(SubscribeOptions::new().expires(100));
    lose(&mut bench);
    bench.wait(99 * SECOND);
    only_subscriptions(&mut bench);
    bench.no_events();
    bench.wait(2 * SECOND);
    only_subscriptions(&mut bench);
    assert_eq!(interrupted(&mut bench, id).0, SubscriptionEnd::Expired);
    assert_eq!(bench.agent.table_sizes().dialogs, 0);
    bench.wait(60 * SECOND);
    only_subscriptions(&mut bench);
    bench.no_events();
    reconnect(&mut bench);
    let anew = subscribes(&mut bench, 100);
    assert_eq!(anew.to().unwrap().tag(), None);
}

/// `offlineRequests`: without a connection a command fails at once, or its SUBSCRIBE waits for 64 T1 at most; those that wait go
/// out in the order of their commands.
#[test]
fn offline_requests_decides_about_a_subscription_without_a_connection() {
    let mut bench = Bench::offline(&alice());
    let now = bench.now;
    let refused = bench
        .agent
        .subscribe("bob", "presence", SubscribeOptions::new(), now);
    assert_eq!(refused, Err(CommandError::NotConnected));
    assert_eq!(bench.agent.table_sizes().subscriptions, 0);

    let mut bench = Bench::offline(alice().offline_requests(OfflineRequests::Queue));
    let id = subscribe(&mut bench, SubscribeOptions::new());
    bench.wait(31 * SECOND);
    only_subscriptions(&mut bench);
    bench.no_events();
    bench.wait(2 * SECOND);
    only_subscriptions(&mut bench);
    let SubscriptionEnd::Failed(reason) = ended(&mut bench, id) else {
        panic!("no reason");
    };
    assert_eq!(reason.cause, Cause::Timeout);

    let mut bench = Bench::offline(alice().offline_requests(OfflineRequests::Queue));
    let gone = subscribe(&mut bench, SubscribeOptions::new().expires(1));
    subscribe(&mut bench, SubscribeOptions::new().expires(2));
    let now = bench.now;
    bench.agent.unsubscribe(gone, now).unwrap();
    bench.pump();
    // In the place of the first.
    subscribe(&mut bench, SubscribeOptions::new().expires(3));
    let poll = subscribe(&mut bench, SubscribeOptions::poll());
    bench.open(Transport::Ws);
    subscribes(&mut bench, 2);
    subscribes(&mut bench, 3);
    let request = subscribes(&mut bench, 0);
    bench.silence();
    only_subscriptions(&mut bench);
    bench.events.clear();
    Notifier::of(&request, "bob").reports(&mut bench, "terminated");
    notified(&mut bench, poll);
    assert_eq!(ended(&mut bench, poll), SubscriptionEnd::Unsubscribed);
}

/// A stop unsubscribes each subscription, ends those that wait, and leaves nothing; what has no answer in time is cut short,
/// with one event each.
#[test]
fn a_stop_ends_every_subscription() {
    for answers in [true, false] {
        let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
        let waits = subscribe(&mut bench, SubscribeOptions::new());
        let request = subscribes(&mut bench, 3_600);
        Notifier::of(&request, "carol").reports(&mut bench, "terminated;reason=probation");
        notified(&mut bench, waits);
        interrupted(&mut bench, waits);
        let now = bench.now;
        bench.agent.stop(Some(5 * SECOND), now);
        bench.pump();
        only_subscriptions(&mut bench);
        assert_eq!(ended(&mut bench, waits), SubscriptionEnd::Unsubscribed);
        let last = subscribes(&mut bench, 0);
        if answers {
            accepts(&mut bench, &last, 0);
            notifier.reports(&mut bench, "terminated;reason=timeout");
            notified(&mut bench, id);
        } else {
            bench.wait(6 * SECOND);
            bench.sent.clear();
        }
        only_subscriptions(&mut bench);
        assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
        bench.events.clear();
        leaves_nothing(bench);
    }
    // Without a connection there is nothing to wait for.
    let (mut bench, id, _) = subscribed(SubscribeOptions::new());
    lose(&mut bench);
    let now = bench.now;
    bench.agent.stop(None, now);
    bench.pump();
    only_subscriptions(&mut bench);
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
}
