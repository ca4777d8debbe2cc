//! Refreshes and how they fail.

use std::time::Duration;

use sip_core::{Cause, SubscribeOptions, SubscriptionEnd, SubscriptionState};
use sip_parse::{HeaderName, Method};
use sip_testing::{Bench, SECOND, value};

use crate::{
    Notifier, accepts, ended, interrupted, leaves_nothing, notified, subscribed, subscribes,
};

/// Waits for the refresh of a subscription of 600 s.
fn due(bench: &mut Bench) -> sip_parse::Request {
    bench.wait(479 * SECOND);
    bench.silence();
    let end = bench.now + 62 * SECOND;
    while bench.sent.is_empty() && bench.now < end {
        bench.wait(Duration::from_millis(100));
    }
    subscribes(bench, 600)
}

fn options() -> SubscribeOptions {
    SubscribeOptions::new().expires(600)
}

/// RFC 6665 4.1.2.2 (6665-4.1.3-B): the core refreshes before the end; each 2xx and NOTIFY begins the time anew.
#[test]
fn rfc6665_4_1_2_2_a_subscription_is_refreshed_before_its_end() {
    let (mut bench, id, mut notifier) = subscribed(options());
    for _ in 0..3 {
        let refresh = due(&mut bench);
        bench.sent.clear();
        accepts(&mut bench, &refresh, 600);
        notifier.reports(&mut bench, "active;expires=600");
        assert_eq!(notified(&mut bench, id), SubscriptionState::Active);
    }
}

/// RFC 6665 4.1.2.2 (6665-4.1.2.2-A): 481 and no response to a refresh end the subscription, and the core subscribes anew, in a
/// dialog of its own. RFC 5057 5.1: 408, 480 and 502 likewise.
#[test]
fn rfc6665_4_1_2_2_a_refresh_that_gets_481_begins_anew() {
    for status in [Some(481), Some(408), Some(480), Some(502), None] {
        let (mut bench, id, mut notifier) = subscribed(options());
        let refresh = due(&mut bench);
        bench.sent.clear();
        match status {
            Some(status) => bench.reply(&refresh, status, &[]),
            None => bench.wait(32 * SECOND),
        }
        let (cause, retry_at) = interrupted(&mut bench, id);
        let SubscriptionEnd::Failed(reason) = cause else {
            panic!("{status:?}: {cause:?}");
        };
        assert_eq!(reason.status.map(|status| status.as_u16()), status);
        assert!(retry_at.is_some_and(|at| at <= bench.now));
        assert_eq!(notifier.notify(&mut bench, "active"), 481);
        bench.wait(Duration::ZERO);
        bench.sent.retain(|sent| {
            sent.as_request()
                .is_some_and(|sent| sent.to().unwrap().tag().is_none())
        });
        let anew = subscribes(&mut bench, 600);
        assert_ne!(
            value(&anew, HeaderName::CallId),
            value(&refresh, HeaderName::CallId)
        );
        assert_eq!(anew.uri_bytes(), b"sip:bob@example.com");
        accepts(&mut bench, &anew, 600);
        Notifier::of(&anew, "bob").reports(&mut bench, "active;expires=600");
        assert_eq!(notified(&mut bench, id), SubscriptionState::Active);
    }
}

/// RFC 6665 4.1.2.2 (6665-4.1.2.2-A), RFC 5057 5.1: with `once`, and after failures that say that a new SUBSCRIBE fares no
/// better, the subscription is over; 489 among them.
#[test]
fn rfc5057_5_1_a_refresh_that_ends_the_usage_ends_the_subscription() {
    for status in [404, 405, 410, 416, 482, 483, 484, 485, 489, 501, 604] {
        let (mut bench, id, _) = subscribed(options());
        let refresh = due(&mut bench);
        bench.sent.clear();
        bench.reply(&refresh, status, &[]);
        let cause = ended(&mut bench, id);
        assert!(
            matches!(cause, SubscriptionEnd::Failed(_)),
            "{status}: {cause:?}"
        );
        leaves_nothing(bench);
    }
    let (mut bench, id, _) = subscribed(options().once());
    let refresh = due(&mut bench);
    bench.sent.clear();
    bench.reply(&refresh, 481, &[]);
    assert!(matches!(ended(&mut bench, id), SubscriptionEnd::Failed(_)));
    leaves_nothing(bench);
}

/// RFC 6665 4.1.2.2 (6665-4.1.2.2-A): another failure leaves the subscription as it is until it expires; the core tries again
/// before, and NOTIFYs go on. After the expiry it subscribes anew.
#[test]
fn rfc6665_4_1_2_2_another_failure_keeps_the_subscription_until_it_expires() {
    for status in [400, 403, 413, 420, 500, 503, 600] {
        let (mut bench, id, mut notifier) = subscribed(options());
        let begin = bench.now;
        let mut refresh = due(&mut bench);
        bench.sent.clear();
        let mut attempts = 0;
        loop {
            bench.reply(&refresh, status, &[]);
            if bench.now < begin + Duration::from_secs(560) {
                bench.no_events();
                notifier.reports(&mut bench, "active");
                notified(&mut bench, id);
            }
            attempts += 1;
            assert!(attempts < 20, "a flood");
            while bench.sent.is_empty() && bench.events.is_empty() {
                bench.wait(SECOND);
            }
            if !bench.events.is_empty() {
                break;
            }
            refresh = subscribes(&mut bench, 600);
        }
        assert!(attempts > 1, "{status}");
        let (cause, _) = interrupted(&mut bench, id);
        assert_eq!(cause, SubscriptionEnd::Expired, "{status}");
        let lasted = bench.now.saturating_since(begin);
        assert!(lasted >= Duration::from_secs(600) && lasted <= Duration::from_secs(602));
        let anew = subscribes(&mut bench, 600);
        assert_eq!(anew.to().unwrap().tag(), None);
    }
}

/// RFC 6665 4.1.2.2, RFC 3261 20.33 (6665-4.1.2.2-A): a Retry-After is obeyed; where it lies beyond the end, the subscription
/// expires.
#[test]
fn rfc3261_20_33_a_failed_refresh_obeys_retry_after() {
    let (mut bench, id, _) = subscribed(options());
    let refresh = due(&mut bench);
    bench.sent.clear();
    bench.reply(&refresh, 503, &[("Retry-After", "20")]);
    bench.wait(Duration::from_millis(19_900));
    bench.silence();
    bench.wait(SECOND);
    let refresh = subscribes(&mut bench, 600);
    bench.reply(&refresh, 503, &[("Retry-After", "3600")]);
    bench.wait(125 * SECOND);
    let (cause, _) = interrupted(&mut bench, id);
    assert_eq!(cause, SubscriptionEnd::Expired);
}

/// RFC 6665 4.1.2.4 (6665-4.1.2.4-A): timer N runs after a refresh, too: without a NOTIFY within 64 T1 the subscription has
/// failed although the refresh has a 2xx.
#[test]
fn rfc6665_4_1_2_4_timer_n_runs_after_a_refresh() {
    let (mut bench, id, _) = subscribed(options());
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 600);
    accepts(&mut bench, &refresh, 600);
    bench.wait(Duration::from_millis(31_900));
    bench.no_events();
    bench.wait(Duration::from_millis(200));
    assert_eq!(interrupted(&mut bench, id).0, SubscriptionEnd::NoNotify);
    let anew = subscribes(&mut bench, 600);
    assert_eq!(anew.to().unwrap().tag(), None);

    // The new one has none either: the next waits longer.
    accepts(&mut bench, &anew, 600);
    bench.wait(33 * SECOND);
    let (cause, retry_at) = interrupted(&mut bench, id);
    assert_eq!(cause, SubscriptionEnd::NoNotify);
    assert!(retry_at.is_some_and(|at| at > bench.now + 10 * SECOND));
    bench.silence();
}

/// RFC 6665 4.1.2.2: a second refresh while one is under way sends nothing more; both directions may cross.
#[test]
fn rfc6665_4_1_2_2_a_refresh_crosses_notifies_and_the_end() {
    let (mut bench, id, mut notifier) = subscribed(options());
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 600);
    bench.silence();
    notifier.reports(&mut bench, "active;expires=600");
    notified(&mut bench, id);
    accepts(&mut bench, &refresh, 600);
    bench.wait(40 * SECOND);
    bench.no_events();
    // The notifier terminates while a refresh is on its way.
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 600);
    notifier.reports(&mut bench, "terminated;reason=rejected");
    notified(&mut bench, id);
    let cause = ended(&mut bench, id);
    assert!(matches!(cause, SubscriptionEnd::Terminated(_)));
    bench.reply(&refresh, 481, &[]);
    assert_eq!(refresh.method(), Method::Subscribe);
    leaves_nothing(bench);
}

/// RFC 6665 4.1.2.2: a refresh without a response, and a resubscription that is refused for good, end with one event.
#[test]
fn rfc6665_4_1_2_2_a_new_subscription_that_is_refused_is_the_end() {
    let (mut bench, id, _) = subscribed(options());
    let refresh = due(&mut bench);
    bench.sent.clear();
    bench.reply(&refresh, 481, &[]);
    interrupted(&mut bench, id);
    bench.wait(Duration::ZERO);
    let anew = subscribes(&mut bench, 600);
    bench.reply(&anew, 503, &[]);
    let (_, retry_at) = interrupted(&mut bench, id);
    let wait = retry_at.expect("a time").saturating_since(bench.now);
    assert!(wait >= 15 * SECOND && wait <= 30 * SECOND, "{wait:?}");
    bench.wait(wait);
    let anew = subscribes(&mut bench, 600);
    bench.reply(&anew, 403, &[]);
    let SubscriptionEnd::Failed(reason) = ended(&mut bench, id) else {
        panic!("403");
    };
    assert_eq!(reason.cause, Cause::Refused);
    leaves_nothing(bench);
}
