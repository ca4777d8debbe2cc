//! How long a subscription lasts.

use std::time::Duration;

use sip_core::{Event, SubscribeOptions};
use sip_testing::{Bench, SECOND};

use crate::{Notifier, accepts, notified, subscribed, subscribes, subscribing};

/// When the next SUBSCRIBE goes out, within a minute and an hour.
fn next_subscribe(bench: &mut Bench) -> Duration {
    let begin = bench.now;
    while bench.sent.is_empty() {
        bench.wait(Duration::from_millis(100));
        assert!(
            bench.now < begin + Duration::from_secs(3_700),
            "no SUBSCRIBE"
        );
    }
    bench.now.saturating_since(begin)
}

fn is_between(time: Duration, low: u64, high: u64) -> bool {
    time >= Duration::from_secs(low)
        && time <= Duration::from_secs(high) + Duration::from_millis(100)
}

/// RFC 6665 4.1.2.1 (6665-4.1.3-B): the 2xx shortens what the SUBSCRIBE asked for, and never makes it longer; without Expires
/// the request counts.
#[test]
fn rfc6665_4_1_2_1_the_2xx_shortens_the_subscription() {
    for (expires, low, high) in [
        (Some("100"), 80, 90),
        (Some("9000"), 480, 540),
        (None, 480, 540),
    ] {
        let (mut bench, id, request) = subscribing(SubscribeOptions::new().expires(600));
        let mut fields = vec![("Contact", "<sip:bob@192.0.2.9>")];
        fields.extend(expires.map(|expires| ("Expires", expires)));
        bench.reply_tagged(&request, 200, "bob", &fields, None);
        Notifier::of(&request, "bob").reports(&mut bench, "active");
        notified(&mut bench, id);
        let time = next_subscribe(&mut bench);
        assert!(is_between(time, low, high), "{expires:?}: {time:?}");
    }
}

/// RFC 6665 4.1.3 (6665-4.1.3-B): `expires` of Subscription-State is the later word on how long the subscription lasts, before
/// and after the 2xx, and at any time; it is never longer than asked.
#[test]
fn rfc6665_4_1_3_expires_of_a_notify_shortens_the_subscription() {
    for notify_first in [false, true] {
        let (mut bench, _, request) = subscribing(SubscribeOptions::new().expires(600));
        let mut notifier = Notifier::of(&request, "bob");
        if notify_first {
            notifier.reports(&mut bench, "active;expires=100");
            accepts(&mut bench, &request, 600);
        } else {
            accepts(&mut bench, &request, 600);
            notifier.reports(&mut bench, "active;expires=100");
        }
        let Event::Notified { expires, .. } = bench.event() else {
            panic!("no NOTIFY");
        };
        assert_eq!(expires, 100 * SECOND);
        let time = next_subscribe(&mut bench);
        assert!(is_between(time, 80, 90), "{time:?}");
    }
    let (mut bench, _, mut notifier) = subscribed(SubscribeOptions::new().expires(600));
    bench.wait(60 * SECOND);
    notifier.reports(&mut bench, "active;expires=20");
    let time = next_subscribe(&mut bench);
    assert!(is_between(time, 10, 12), "{time:?}");

    let (mut bench, _, mut notifier) = subscribed(SubscribeOptions::new().expires(600));
    notifier.reports(&mut bench, "active;expires=4000000000");
    let time = next_subscribe(&mut bench);
    assert!(is_between(time, 480, 540), "{time:?}");
}

/// RFC 6665 4.1.2.2 (6665-4.1.3-B): a notifier that reports often postpones no refresh past the end.
#[test]
fn rfc6665_4_1_2_2_frequent_notifies_postpone_no_refresh() {
    let (mut bench, _, mut notifier) = subscribed(SubscribeOptions::new().expires(100));
    for second in 1..=90 {
        bench.wait(SECOND);
        if !bench.sent.is_empty() {
            assert!(second >= 50, "{second}");
            subscribes(&mut bench, 100);
            return;
        }
        notifier.reports(&mut bench, &format!("active;expires={}", 100 - second));
    }
    panic!("no refresh");
}

/// RFC 6665 4.1.2.2 (6665-4.1.3-B): the times of refreshes differ, so that subscribers that began together do not refresh
/// together.
#[test]
fn rfc6665_4_1_2_2_refreshes_are_spread() {
    let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new().expires(600));
    let mut times = Vec::new();
    for _ in 0..4 {
        times.push(next_subscribe(&mut bench));
        let refresh = subscribes(&mut bench, 600);
        accepts(&mut bench, &refresh, 600);
        notifier.reports(&mut bench, "active;expires=600");
        notified(&mut bench, id);
    }
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 2, "{times:?}");
}

/// RFC 6665 4.1.2.2 (6665-4.1.3-B): a notifier that grants a few seconds, or none, has the subscription refreshed in time, and
/// no more than once a second.
#[test]
fn rfc6665_4_1_2_2_a_short_subscription_is_kept_without_a_flood() {
    for granted in [0, 1, 5] {
        let (mut bench, id, request) = subscribing(SubscribeOptions::new());
        let mut notifier = Notifier::of(&request, "bob");
        let (mut request, mut last, mut count) = (request, bench.now, 0);
        let begin = bench.now;
        while bench.now < begin + Duration::from_secs(60) {
            accepts(&mut bench, &request, granted);
            notifier.reports(&mut bench, &format!("active;expires={granted}"));
            notified(&mut bench, id);
            next_subscribe(&mut bench);
            bench.no_events();
            let wait = bench.now.saturating_since(last);
            assert!(wait >= SECOND, "{granted}: {wait:?}");
            assert!(wait <= Duration::from_millis(3_100), "{granted}: {wait:?}");
            (last, count) = (bench.now, count + 1);
            request = subscribes(&mut bench, 3_600);
            assert_eq!(request.to().unwrap().tag(), Some(&b"bob"[..]), "{granted}");
        }
        assert!(count <= 61, "{granted}: {count}");
    }
}
