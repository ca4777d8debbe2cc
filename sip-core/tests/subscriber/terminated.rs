//! How notifiers terminate subscriptions, and when the core subscribes anew.

use std::time::Duration;

use sip_core::{
    SubscribeOptions, SubscriptionEnd, SubscriptionState, TerminationReason, Timestamp,
};
use sip_parse::HeaderName;
use sip_testing::{Bench, SECOND, value};

use crate::{
    Notifier, accepts, ended, interrupted, leaves_nothing, notified, subscribed, subscribes,
};

/// A stable subscription is terminated; the wait until the core subscribes anew. `None`: it does not.
fn terminate(state: &str, options: SubscribeOptions) -> (Option<Duration>, TerminationReason) {
    let (mut bench, id, mut notifier) = subscribed(options);
    bench.wait(60 * SECOND);
    notifier.reports(&mut bench, state);
    let SubscriptionState::Terminated(reason) = notified(&mut bench, id) else {
        panic!("{state}");
    };
    let cause = match bench.events.front() {
        Some(sip_core::Event::SubscriptionEnded { .. }) => {
            let cause = ended(&mut bench, id);
            assert_eq!(cause, SubscriptionEnd::Terminated(reason.clone()));
            leaves_nothing(bench);
            return (None, reason);
        }
        _ => interrupted(&mut bench, id),
    };
    let (cause, retry_at) = cause;
    assert_eq!(cause, SubscriptionEnd::Terminated(reason.clone()));
    let wait = retry_at.expect("a time").saturating_since(bench.now);
    assert_eq!(notifier.notify(&mut bench, "active"), 481);
    if wait > Duration::ZERO {
        bench.wait(wait - Duration::from_millis(1));
        bench.silence();
    }
    bench.wait(Duration::from_millis(1));
    let anew = subscribes(&mut bench, 3_600);
    assert_eq!(anew.to().unwrap().tag(), None);
    (Some(wait), reason)
}

/// RFC 6665 4.1.3 (6665-4.1.3-C): each reason with its rule: at once, after the time that the notifier asks for or one that the
/// core chooses, or never. Reasons compare without regard to case.
#[test]
fn rfc6665_4_1_3_each_reason_says_whether_to_subscribe_anew() {
    let new = SubscribeOptions::new;
    let asked = Some(Duration::from_secs(90));
    for (state, wait, reason) in [
        (
            "terminated;reason=deactivated",
            Some((0, 0)),
            TerminationReason::Deactivated,
        ),
        (
            "terminated;reason=deactivated;retry-after=90",
            Some((0, 0)),
            TerminationReason::Deactivated,
        ),
        (
            "Terminated;reason=Timeout",
            Some((0, 0)),
            TerminationReason::Timeout,
        ),
        (
            "terminated;reason=probation",
            Some((15, 30)),
            TerminationReason::Probation(None),
        ),
        (
            "terminated;reason=probation;retry-after=90",
            Some((90, 90)),
            TerminationReason::Probation(asked),
        ),
        (
            "terminated;reason=giveup",
            Some((15, 30)),
            TerminationReason::Giveup(None),
        ),
        (
            "terminated;reason=giveup;retry-after=90",
            Some((90, 90)),
            TerminationReason::Giveup(asked),
        ),
        (
            "terminated;reason=rejected",
            None,
            TerminationReason::Rejected,
        ),
        (
            "terminated;reason=rejected;retry-after=90",
            None,
            TerminationReason::Rejected,
        ),
        (
            "terminated;reason=noresource",
            None,
            TerminationReason::NoResource,
        ),
        (
            "terminated;reason=invariant",
            None,
            TerminationReason::Invariant,
        ),
        (
            "terminated",
            Some((15, 30)),
            TerminationReason::Other(None, None),
        ),
        (
            "terminated;retry-after=90",
            Some((90, 90)),
            TerminationReason::Other(None, asked),
        ),
        (
            "terminated;reason=lunch",
            Some((15, 30)),
            TerminationReason::Other(Some("lunch".into()), None),
        ),
    ] {
        let (waited, read) = terminate(state, new());
        assert_eq!(read, reason, "{state}");
        match (waited, wait) {
            (None, None) => {}
            (Some(waited), Some((low, high))) => {
                let fits = Duration::from_secs(low)..=Duration::from_secs(high);
                assert!(fits.contains(&waited), "{state}: {waited:?}");
            }
            other => panic!("{state}: {other:?}"),
        }
        // The application wants the subscription once.
        assert_eq!(terminate(state, new().once()).0, None, "{state}");
    }
}

/// RFC 6665 4.1.3 (6665-4.1.3-C): a notifier that terminates each subscription at once causes no flood: the core backs off, up
/// to half an hour, and begins anew after a subscription that lasted.
#[test]
fn rfc6665_4_1_3_a_notifier_that_terminates_at_once_causes_no_flood() {
    for first_state in [None, Some("active")] {
        let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
        let begin = bench.now;
        let (mut count, mut waits) = (0, Vec::new());
        while bench.now < begin + Duration::from_secs(3_600) {
            notifier.reports(&mut bench, "terminated;reason=deactivated");
            let retry_at = loop {
                match bench.event() {
                    sip_core::Event::Notified { .. } => {}
                    sip_core::Event::SubscriptionInterrupted { retry_at, .. } => break retry_at,
                    other => panic!("{other:?}"),
                }
            };
            let wait = retry_at.unwrap().saturating_since(bench.now);
            waits.push(wait);
            bench.wait(wait);
            let anew = subscribes(&mut bench, 3_600);
            count += 1;
            assert!(count < 12, "a flood: {waits:?}");
            accepts(&mut bench, &anew, 3_600);
            notifier = Notifier::of(&anew, "bob");
            if let Some(state) = first_state {
                notifier.reports(&mut bench, state);
            }
        }
        assert_eq!(waits[0], Duration::ZERO);
        assert!(
            waits.windows(2).skip(1).all(|pair| pair[1] * 2 > pair[0]),
            "{waits:?}"
        );
        // One that lasts ends the row.
        notifier.reports(&mut bench, "active");
        bench.wait(40 * SECOND);
        bench.events.clear();
        notifier.reports(&mut bench, "terminated;reason=deactivated");
        notified(&mut bench, id);
        let (_, retry_at) = interrupted(&mut bench, id);
        assert_eq!(retry_at, Some(bench.now));
    }
}

/// RFC 6665 4.1.3: the first NOTIFY may terminate the subscription, before the 2xx, too.
#[test]
fn rfc6665_4_1_3_the_first_notify_terminates() {
    let (mut bench, id, request) = crate::subscribing(SubscribeOptions::new());
    let mut notifier = Notifier::of(&request, "bob");
    notifier.reports(&mut bench, "terminated;reason=rejected");
    notified(&mut bench, id);
    let cause = SubscriptionEnd::Terminated(TerminationReason::Rejected);
    assert_eq!(ended(&mut bench, id), cause);
    accepts(&mut bench, &request, 3_600);
    leaves_nothing(bench);
}

/// RFC 6665 4.1.2.3: a subscription that waits to begin anew is ended at once, and nothing more is sent.
#[test]
fn rfc6665_4_1_2_3_an_interrupted_subscription_is_ended() {
    let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
    notifier.reports(&mut bench, "terminated;reason=probation;retry-after=30");
    notified(&mut bench, id);
    interrupted(&mut bench, id);
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    bench.silence();
    bench.agent.unsubscribe(id, now).unwrap();
    bench.pump();
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
    leaves_nothing(bench);
}

/// RFC 6665 4.1.3 (6665-4.1.3-C): the handle stays, while Call-ID and tag change with each new subscription; a late response to
/// the SUBSCRIBE before changes nothing.
#[test]
fn rfc6665_4_1_3_a_new_subscription_has_a_dialog_of_its_own() {
    let (mut bench, id, request) = crate::subscribing(SubscribeOptions::new());
    let mut notifier = Notifier::of(&request, "bob");
    notifier.reports(&mut bench, "active");
    notified(&mut bench, id);
    notifier.reports(&mut bench, "terminated;reason=deactivated");
    notified(&mut bench, id);
    let (_, retry_at): (_, Option<Timestamp>) = interrupted(&mut bench, id);
    assert_eq!(retry_at, Some(bench.now));
    bench.wait(Duration::ZERO);
    let anew = subscribes(&mut bench, 3_600);
    assert_ne!(
        value(&anew, HeaderName::CallId),
        value(&request, HeaderName::CallId)
    );
    bench.reply(&request, 403, &[]);
    bench.no_events();
    accepts(&mut bench, &anew, 3_600);
    Notifier::of(&anew, "bob").reports(&mut bench, "active");
    assert_eq!(notified(&mut bench, id), SubscriptionState::Active);
    assert_eq!(bench.agent.table_sizes().dialogs, 1);
    let _: &mut Bench = &mut bench;
}
