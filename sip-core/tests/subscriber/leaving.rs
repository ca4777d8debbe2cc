//! Unsubscribing and polls.

use std::time::Duration;

use sip_core::config::OfflineRequests;
use sip_core::{
    CommandError, Event, SubscribeOptions, SubscriptionEnd, SubscriptionState, TerminationReason,
};
use sip_testing::{Bench, SECOND, alice};

use crate::{
    Notifier, accepts, ended, leaves_nothing, notified, subscribe, subscribed, subscribes,
    subscribing,
};

fn unsubscribe(bench: &mut Bench, id: sip_core::SubscriptionId) {
    let now = bench.now;
    bench.agent.unsubscribe(id, now).expect("unsubscribed");
    bench.pump();
}

const LAST: &str = "terminated;reason=timeout";

fn last() -> SubscriptionState {
    SubscriptionState::Terminated(TerminationReason::Timeout)
}

/// RFC 6665 4.1.2.3 (6665-4.1.2.3-A): a SUBSCRIBE with `Expires: 0` ends the subscription; it stays for the NOTIFYs until the one
/// that terminates it, and a second command changes nothing.
#[test]
fn rfc6665_4_1_2_3_a_subscription_stays_until_its_last_notify() {
    for notify_first in [false, true] {
        let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
        unsubscribe(&mut bench, id);
        let request = subscribes(&mut bench, 0);
        assert_eq!(request.to().unwrap().tag(), Some(&b"bob"[..]));
        unsubscribe(&mut bench, id);
        bench.silence();
        let now = bench.now;
        let refresh = bench.agent.refresh_subscription(id, now);
        assert!(matches!(refresh, Err(CommandError::WrongState(_))));
        notifier.reports(&mut bench, "active");
        assert_eq!(notified(&mut bench, id), SubscriptionState::Active);
        if !notify_first {
            accepts(&mut bench, &request, 0);
            bench.wait(20 * SECOND);
        }
        bench.no_events();
        notifier.reports(&mut bench, LAST);
        assert_eq!(notified(&mut bench, id), last());
        assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
        if notify_first {
            accepts(&mut bench, &request, 0);
        }
        assert_eq!(notifier.notify(&mut bench, "active"), 481);
        leaves_nothing(bench);
    }
}

/// RFC 6665 4.1.2.3 and 4.1.2.4 (6665-4.1.2.3-A): without the last NOTIFY timer N ends the wait; a failure of the last SUBSCRIBE
/// ends it at once.
#[test]
fn rfc6665_4_1_2_3_timer_n_ends_the_wait_for_the_last_notify() {
    let (mut bench, id, _) = subscribed(SubscribeOptions::new());
    unsubscribe(&mut bench, id);
    let request = subscribes(&mut bench, 0);
    accepts(&mut bench, &request, 0);
    bench.wait(Duration::from_millis(31_900));
    bench.no_events();
    bench.wait(Duration::from_millis(200));
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
    leaves_nothing(bench);
    for status in [423, 481, 500] {
        let (mut bench, id, _) = subscribed(SubscribeOptions::new());
        unsubscribe(&mut bench, id);
        let request = subscribes(&mut bench, 0);
        bench.reply(&request, status, &[("Min-Expires", "4000")]);
        assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
        leaves_nothing(bench);
    }
}

/// RFC 6665 4.1.2.3 (6665-4.1.2.3-A): a subscription that is ended before it is made: the SUBSCRIBE with `Expires: 0` follows the
/// first NOTIFY and the 2xx, in either order, because one SUBSCRIBE is under way at a time.
#[test]
fn rfc6665_4_1_2_3_an_unanswered_subscription_is_ended() {
    for notify_first in [false, true] {
        let (mut bench, id, request) = subscribing(SubscribeOptions::new());
        let mut notifier = Notifier::of(&request, "bob");
        unsubscribe(&mut bench, id);
        bench.silence();
        if notify_first {
            notifier.reports(&mut bench, "active");
            bench.silence();
            accepts(&mut bench, &request, 3_600);
        } else {
            accepts(&mut bench, &request, 3_600);
            bench.silence();
            notifier.reports(&mut bench, "active");
        }
        notified(&mut bench, id);
        let last_one = subscribes(&mut bench, 0);
        accepts(&mut bench, &last_one, 0);
        notifier.reports(&mut bench, LAST);
        notified(&mut bench, id);
        assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
        leaves_nothing(bench);
    }
    // The notifier refuses, terminates, or reports nothing.
    let (mut bench, id, request) = subscribing(SubscribeOptions::new());
    unsubscribe(&mut bench, id);
    bench.reply(&request, 403, &[]);
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
    leaves_nothing(bench);
    let (mut bench, id, request) = subscribing(SubscribeOptions::new());
    unsubscribe(&mut bench, id);
    Notifier::of(&request, "bob").reports(&mut bench, LAST);
    notified(&mut bench, id);
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
    accepts(&mut bench, &request, 0);
    leaves_nothing(bench);
    let (mut bench, id, request) = subscribing(SubscribeOptions::new());
    unsubscribe(&mut bench, id);
    accepts(&mut bench, &request, 3_600);
    bench.wait(33 * SECOND);
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
    leaves_nothing(bench);
}

/// RFC 6665 4.1.2.3 (6665-4.1.2.3-A): the SUBSCRIBE with `Expires: 0` follows a refresh that is under way.
#[test]
fn rfc6665_4_1_2_3_a_subscription_is_ended_during_a_refresh() {
    for status in [200, 503, 481] {
        let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
        let now = bench.now;
        bench.agent.refresh_subscription(id, now).unwrap();
        bench.pump();
        let refresh = subscribes(&mut bench, 3_600);
        unsubscribe(&mut bench, id);
        bench.silence();
        bench.reply(&refresh, status, &[]);
        if status != 481 {
            let request = subscribes(&mut bench, 0);
            let numbers = [&refresh, &request].map(|request| request.cseq().unwrap().number);
            assert_eq!(numbers[1], numbers[0] + 1);
            accepts(&mut bench, &request, 0);
            notifier.reports(&mut bench, LAST);
            notified(&mut bench, id);
        }
        assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
        leaves_nothing(bench);
    }
}

/// RFC 6665 4.4.3 (6665-4.1.2.3-B): a poll is a SUBSCRIBE with `Expires: 0`; its one NOTIFY ends the subscription, whatever state
/// it reports, before or after the 2xx.
#[test]
fn rfc6665_4_4_3_a_poll_gets_one_notify() {
    for (notify_first, state) in [(false, LAST), (true, LAST), (false, "active;expires=0")] {
        let (mut bench, id, request) = subscribing(SubscribeOptions::poll());
        let mut notifier = Notifier::of(&request, "bob");
        if !notify_first {
            accepts(&mut bench, &request, 0);
            bench.no_events();
        }
        notifier.reports(&mut bench, state);
        let Event::Notified { body: Some(_), .. } = bench.event() else {
            panic!("no state");
        };
        assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
        if notify_first {
            accepts(&mut bench, &request, 0);
        }
        assert_eq!(notifier.notify(&mut bench, LAST), 481);
        leaves_nothing(bench);
    }
}

/// RFC 6665 4.1.2.4 and 4.4.3 (6665-4.1.2.3-B): a poll that is refused or gets no NOTIFY fails, and is not repeated; one that the
/// application ends is over at once.
#[test]
fn rfc6665_4_4_3_a_poll_fails_without_its_notify() {
    let (mut bench, id, request) = subscribing(SubscribeOptions::poll());
    accepts(&mut bench, &request, 0);
    bench.wait(33 * SECOND);
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::NoNotify);
    leaves_nothing(bench);
    let (mut bench, id, request) = subscribing(SubscribeOptions::poll());
    bench.reply(&request, 423, &[("Min-Expires", "60")]);
    let SubscriptionEnd::Failed(reason) = ended(&mut bench, id) else {
        panic!("a refused poll");
    };
    assert_eq!(
        reason.status,
        Some(sip_parse::StatusCode::INTERVAL_TOO_BRIEF)
    );
    leaves_nothing(bench);
    let (mut bench, id, request) = subscribing(SubscribeOptions::poll());
    unsubscribe(&mut bench, id);
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
    accepts(&mut bench, &request, 0);
    leaves_nothing(bench);
}

/// 6665-4.1.2.3-A: a subscription whose SUBSCRIBE waits for a connection is cancelled, and nothing is sent.
#[test]
fn a_queued_subscription_is_cancelled() {
    let mut bench = Bench::offline(alice().offline_requests(OfflineRequests::Queue));
    bench.events.clear();
    let id = subscribe(&mut bench, SubscribeOptions::new());
    unsubscribe(&mut bench, id);
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
    bench.open(sip_core::Transport::Ws);
    bench.silence();
}
