//! Subscriptions from SUBSCRIBE to their NOTIFYs.

use std::time::Duration;

use sip_core::{
    CommandError, Event, ExtraHeader, IncomingSubscriptionEnd, MessageOptions, Notification,
    TerminationReason,
};
use sip_parse::HeaderName;
use sip_testing::{Bench, SECOND, value};

use crate::peer::{
    Peer, accept, body, ended, incoming, notifier, notify, over, state, subscribed, try_notify,
};

/// RFC 6665 4.2.1.2, 4.2.2 (6665-4.2.1-A): the core answers 200 with Expires, Contact and Allow-Events, and sends a NOTIFY at once:
/// with the state, pending, or empty.
#[test]
fn rfc6665_4_2_1_2_a_notify_follows_the_200_at_once() {
    let states = [
        (
            state("Messages-Waiting: yes"),
            "active;expires=600",
            "Messages-Waiting: yes",
        ),
        (Notification::pending(), "pending;expires=600", ""),
        (
            Notification::pending().body(body("neutral")),
            "pending;expires=600",
            "neutral",
        ),
        (Notification::empty(), "active;expires=600", ""),
    ];
    for (first, expected, text) in states {
        let mut bench = Bench::new(&notifier());
        let mut peer = Peer::new("bob");
        peer.event = "message-summary;id=7".into();
        peer.subscribe(&mut bench, "Expires: 600\nAccept: text/plain\n");
        bench.silence();
        let id = match bench.event() {
            Event::IncomingSubscription {
                subscription,
                session: None,
                package,
                expires,
                request,
            } => {
                assert_eq!((&*package, expires), ("message-summary", 600 * SECOND));
                assert_eq!(value(&request, HeaderName::Accept), "text/plain");
                subscription
            }
            other => panic!("{other:?}"),
        };
        let first = first.header(ExtraHeader::new("X-State", "1").unwrap());
        let with = MessageOptions::new().header(ExtraHeader::new("X-Room", "7").unwrap());
        let accepted = bench.agent.accept_subscription(id, first, &with, bench.now);
        assert_eq!(accepted, Ok(()));
        bench.pump();
        let ok = peer.response(&mut bench, 200);
        assert_eq!(value(&ok, HeaderName::Expires), "600");
        assert_eq!(
            value(&ok, HeaderName::AllowEvents),
            "message-summary, presence"
        );
        assert_eq!(value(&ok, HeaderName::Other(b"X-Room")), "7");
        let contact = value(&ok, HeaderName::Contact);
        assert!(contact.contains(&bench.contact_user()), "{contact}");
        let notification = peer.notified(&mut bench, expected, text);
        assert_eq!(value(&notification, HeaderName::Other(b"X-State")), "1");
        // Both answers are given once.
        let again = bench
            .agent
            .accept_subscription(id, state(""), &with, bench.now);
        assert_eq!(again, Err(CommandError::Stale));
        let refusal = sip_core::FailureStatus::DECLINE;
        let rejected = bench.agent.reject_subscription(id, refusal, bench.now);
        assert_eq!(rejected, Err(CommandError::Stale));
        bench.reply(&notification, 200, &[]);
        bench.silence();
        bench.no_events();
    }
}

/// RFC 6665 4.2.1.1, 8.2.4 (6665-4.2.1-A): without Expires a subscription lasts an hour; a longer one is shortened in the 200.
#[test]
fn rfc6665_4_2_1_1_the_200_names_the_duration() {
    for (fields, expected) in [
        ("", "3600"),
        ("Expires: 86400\n", "3600"),
        ("Expires: 4294967295\n", "3600"),
        ("Expires: 3599\n", "3599"),
    ] {
        let mut bench = Bench::new(&notifier());
        let mut peer = Peer::new("bob");
        peer.subscribe(&mut bench, fields);
        let id = incoming(&mut bench);
        accept(&mut bench, id, state("s"));
        let ok = peer.response(&mut bench, 200);
        assert_eq!(value(&ok, HeaderName::Expires), expected);
        peer.notified(&mut bench, &format!("active;expires={expected}"), "s");
    }
}

/// RFC 6665 4.2.2 (6665-4.2.2-A): one NOTIFY is in flight at a time. It is the last state that follows, and the expires of each
/// NOTIFY is what is left.
#[test]
fn rfc6665_4_2_2_one_notify_is_in_flight() {
    let (mut bench, id, peer) = subscribed(&notifier());
    bench.wait(100 * SECOND);
    notify(&mut bench, id, "second");
    let second = peer.notified(&mut bench, "active;expires=500", "second");
    notify(&mut bench, id, "third");
    notify(&mut bench, id, "fourth");
    bench.silence();
    bench.reply(&second, 200, &[]);
    let fourth = peer.notified(&mut bench, "active;expires=500", "fourth");
    assert!(fourth.cseq().unwrap().number > second.cseq().unwrap().number);
    bench.reply(&fourth, 200, &[]);
    bench.silence();
    bench.no_events();
}

/// RFC 6665 4.2.2 (6665-4.2.2-A): a termination by the application goes out with its reason, is never replaced, and ends the
/// subscription once the peer has answered it.
#[test]
fn rfc6665_4_2_2_the_application_terminates() {
    let text = |text: &str| Some(text.into());
    let minute = Some(60 * SECOND);
    for (reason, expected) in [
        (TerminationReason::Rejected, "terminated;reason=rejected"),
        (
            TerminationReason::NoResource,
            "terminated;reason=noresource",
        ),
        (
            TerminationReason::Deactivated,
            "terminated;reason=deactivated",
        ),
        (
            TerminationReason::Probation(minute),
            "terminated;reason=probation;retry-after=60",
        ),
        (TerminationReason::Giveup(None), "terminated;reason=giveup"),
        (
            TerminationReason::Other(text("moved"), minute),
            "terminated;reason=moved;retry-after=60",
        ),
        (TerminationReason::Other(None, None), "terminated"),
    ] {
        for in_flight in [false, true] {
            let (mut bench, id, peer) = subscribed(&notifier());
            if in_flight {
                notify(&mut bench, id, "before");
            }
            let last = Notification::terminated(reason.clone()).body(body("last"));
            assert_eq!(try_notify(&mut bench, id, last), Ok(()));
            assert_eq!(
                try_notify(&mut bench, id, state("late")),
                Err(CommandError::Stale)
            );
            if in_flight {
                let before = peer.notified(&mut bench, "active;expires=600", "before");
                bench.silence();
                bench.reply(&before, 200, &[]);
            }
            let last = peer.notified(&mut bench, expected, "last");
            assert_eq!(
                try_notify(&mut bench, id, state("late")),
                Err(CommandError::Stale)
            );
            bench.no_events();
            bench.reply(&last, 200, &[]);
            assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Terminated);
            assert_eq!(
                try_notify(&mut bench, id, state("late")),
                Err(CommandError::Stale)
            );
            over(bench);
        }
    }
}

/// RFC 6665 4.2.1.2: the application accepts and terminates at once.
#[test]
fn rfc6665_4_2_1_2_an_accepted_subscription_may_end_at_once() {
    let mut bench = Bench::new(&notifier());
    let mut peer = Peer::new("bob");
    peer.subscribe(&mut bench, "");
    let id = incoming(&mut bench);
    let last = Notification::terminated(TerminationReason::NoResource);
    accept(&mut bench, id, last);
    peer.response(&mut bench, 200);
    let last = peer.notified(&mut bench, "terminated;reason=noresource", "");
    bench.reply(&last, 200, &[]);
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Terminated);
    over(bench);
}

/// RFC 6665 8.4: a reason that is no token, and header fields that no message can have, are refused and change nothing.
#[test]
fn rfc6665_8_4_what_no_notify_can_carry_is_refused() {
    let mut bench = Bench::new(&notifier());
    let mut peer = Peer::new("bob");
    peer.subscribe(&mut bench, "");
    let id = incoming(&mut bench);
    let early = try_notify(&mut bench, id, state("early"));
    assert!(
        matches!(early, Err(CommandError::WrongState(_))),
        "{early:?}"
    );
    for reason in ["", "two words", "a;b", "a\r\nVia: b"] {
        let reason = TerminationReason::Other(Some(reason.into()), None);
        let wrong = Notification::terminated(reason);
        let options = MessageOptions::new();
        let refused = bench
            .agent
            .accept_subscription(id, wrong.clone(), &options, bench.now);
        assert!(
            matches!(refused, Err(CommandError::WrongState(_))),
            "{refused:?}"
        );
    }
    accept(&mut bench, id, state("s"));
    peer.response(&mut bench, 200);
    let first = peer.notified(&mut bench, "active;expires=3600", "s");
    bench.reply(&first, 200, &[]);
    let reason = TerminationReason::Other(Some("a b".into()), None);
    let refused = try_notify(&mut bench, id, Notification::terminated(reason));
    assert!(
        matches!(refused, Err(CommandError::WrongState(_))),
        "{refused:?}"
    );
    bench.silence();
}

/// RFC 6665 4.2.1.4 (6665-4.2.1-A): a refresh gets 200 and a NOTIFY with the last state, and lasts from then on.
#[test]
fn rfc6665_4_2_1_4_a_refresh_gets_200_and_the_last_state() {
    let (mut bench, id, mut peer) = subscribed(&notifier());
    notify(&mut bench, id, "second");
    let second = peer.notified(&mut bench, "active;expires=600", "second");
    bench.reply(&second, 200, &[]);
    bench.wait(500 * SECOND);
    // RFC 3261 12.2: a SUBSCRIBE is a target refresh (6665-4.5-A).
    peer.contact = "<sip:bob@new.invalid>".into();
    peer.subscribe(&mut bench, "Expires: 300\n");
    let ok = peer.response(&mut bench, 200);
    assert_eq!(value(&ok, HeaderName::Expires), "300");
    assert!(ok.has(HeaderName::Contact));
    match bench.event() {
        Event::SubscriptionRefreshed {
            subscription,
            expires,
            request,
        } => {
            assert_eq!((subscription, expires), (id, 300 * SECOND));
            assert_eq!(value(&request, HeaderName::Expires), "300");
        }
        other => panic!("{other:?}"),
    }
    let again = peer.notified(&mut bench, "active;expires=300", "second");
    // One more refresh while that NOTIFY is in flight.
    peer.subscribe(&mut bench, "Expires: 400\n");
    peer.response(&mut bench, 200);
    bench.silence();
    bench.reply(&again, 200, &[]);
    let again = peer.notified(&mut bench, "active;expires=400", "second");
    bench.reply(&again, 200, &[]);
    bench.events.clear();
    bench.wait(399 * SECOND);
    bench.silence();
    bench.wait(SECOND);
    let last = peer.notified(&mut bench, "terminated;reason=timeout", "second");
    bench.reply(&last, 200, &[]);
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Expired);
    over(bench);
}

/// RFC 6665 4.1.2.3, 4.2.1.4: a peer that unsubscribes gets 200 with Expires 0, and a last NOTIFY with the last state; also while
/// a NOTIFY is in flight.
#[test]
fn rfc6665_4_2_1_4_an_unsubscribe_gets_a_last_notify() {
    for in_flight in [false, true] {
        let (mut bench, id, mut peer) = subscribed(&notifier());
        if in_flight {
            notify(&mut bench, id, "second");
        }
        let before = in_flight.then(|| peer.notified(&mut bench, "active;expires=600", "second"));
        peer.subscribe(&mut bench, "Expires: 0\n");
        let ok = peer.response(&mut bench, 200);
        assert_eq!(value(&ok, HeaderName::Expires), "0");
        if let Some(before) = &before {
            bench.silence();
            bench.reply(before, 200, &[]);
        }
        let text = if in_flight { "second" } else { "first" };
        let last = peer.notified(&mut bench, "terminated;reason=timeout", text);
        // The subscription is over for the peer: a further SUBSCRIBE gets 481.
        peer.subscribe(&mut bench, "Expires: 600\n");
        peer.response(&mut bench, 481);
        bench.no_events();
        bench.reply(&last, 200, &[]);
        assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Unsubscribed);
        over(bench);
    }
}

/// RFC 6665 4.4.3: a peer that asks for the state once gets 200 and one NOTIFY, which terminates.
#[test]
fn rfc6665_4_4_3_a_poll_gets_one_notify() {
    let mut bench = Bench::new(&notifier());
    let mut peer = Peer::new("bob");
    peer.subscribe(&mut bench, "Expires: 0\n");
    let id = match bench.event() {
        Event::IncomingSubscription {
            subscription,
            expires: Duration::ZERO,
            ..
        } => subscription,
        other => panic!("{other:?}"),
    };
    accept(&mut bench, id, state("now"));
    let ok = peer.response(&mut bench, 200);
    assert_eq!(value(&ok, HeaderName::Expires), "0");
    let last = peer.notified(&mut bench, "terminated;reason=timeout", "now");
    assert_eq!(
        try_notify(&mut bench, id, state("late")),
        Err(CommandError::Stale)
    );
    bench.reply(&last, 200, &[]);
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Unsubscribed);
    over(bench);
}

/// RFC 6665 4.4.4: OPTIONS lists the packages.
#[test]
fn rfc6665_4_4_4_options_lists_the_packages() {
    let mut bench = Bench::new(&notifier());
    Peer::new("bob").send(&mut bench, "OPTIONS", "");
    let ok = bench.next_response();
    assert_eq!(
        value(&ok, HeaderName::AllowEvents),
        "message-summary, presence"
    );
    let allow = value(&ok, HeaderName::Allow);
    assert!(allow.contains("SUBSCRIBE"), "{allow}");
    let mut bench = Bench::new(&sip_testing::alice());
    Peer::new("bob").send(&mut bench, "OPTIONS", "");
    let ok = bench.next_response();
    assert!(!ok.has(HeaderName::AllowEvents));
    assert!(!value(&ok, HeaderName::Allow).contains("SUBSCRIBE"));
}
