//! Forked SUBSCRIBEs.

use sip_core::session::Forks;
use sip_core::{
    Event, Limits, SubscribeOptions, SubscriptionEnd, SubscriptionId, TerminationReason,
};
use sip_testing::{Bench, SECOND};

use crate::{Notifier, accepts, ended, leaves_nothing, notified, subscribes, subscribing};

fn claiming() -> SubscribeOptions {
    SubscribeOptions::new().forks(Forks::Claim)
}

/// The next event announces the subscription of a further notifier.
#[track_caller]
fn forked(bench: &mut Bench, from: SubscriptionId) -> SubscriptionId {
    match bench.event() {
        Event::SubscriptionForked { subscription, of } => {
            assert_eq!(of, from);
            subscription
        }
        other => panic!("{other:?}"),
    }
}

/// RFC 6665 4.4.1 (6665-4.4.1-B): by default the first NOTIFY decides, and those of other notifiers get 481; the tag of the 2xx
/// need not be that of a NOTIFY.
#[test]
fn rfc6665_4_4_1_the_notifies_of_further_notifiers_get_481() {
    let (mut bench, id, request) = subscribing(SubscribeOptions::new());
    let mut carol = Notifier::of(&request, "carol");
    let mut dave = Notifier::of(&request, "dave");
    carol.reports(&mut bench, "active");
    notified(&mut bench, id);
    assert_eq!(dave.notify(&mut bench, "active"), 481);
    // The 2xx has the tag of bob, who never reports.
    accepts(&mut bench, &request, 3_600);
    assert_eq!(dave.notify(&mut bench, "active"), 481);
    bench.wait(33 * SECOND);
    bench.no_events();
    carol.reports(&mut bench, "active");
    notified(&mut bench, id);
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 3_600);
    assert_eq!(refresh.to().unwrap().tag(), Some(&b"carol"[..]));
    assert_eq!(bench.agent.table_sizes().dialogs, 1);
}

/// RFC 6665 4.4.1 (6665-4.4.1-B): each further notifier becomes a subscription of its own, if the application wants that: with
/// its own state, refresh and end, whichever ends first.
#[test]
fn rfc6665_4_4_1_further_notifiers_become_subscriptions_of_their_own() {
    for first_ends_first in [true, false] {
        let (mut bench, id, request) = subscribing(claiming());
        let mut carol = Notifier::of(&request, "carol");
        let mut dave = Notifier::of(&request, "dave");
        carol.reports(&mut bench, "active;expires=3600");
        notified(&mut bench, id);
        accepts(&mut bench, &request, 3_600);
        dave.reports(&mut bench, "pending;expires=3600");
        let other = forked(&mut bench, id);
        notified(&mut bench, other);
        dave.reports(&mut bench, "active");
        notified(&mut bench, other);
        assert_eq!(bench.agent.table_sizes().subscriptions, 2);
        let now = bench.now;
        for (id, tag) in [(id, "carol"), (other, "dave")] {
            bench.agent.refresh_subscription(id, now).unwrap();
            bench.pump();
            let refresh = subscribes(&mut bench, 3_600);
            assert_eq!(refresh.to().unwrap().tag(), Some(tag.as_bytes()));
            assert!(refresh.cseq().unwrap().number > request.cseq().unwrap().number);
            accepts(&mut bench, &refresh, 3_600);
        }
        let mut order = [(id, carol), (other, dave)];
        if !first_ends_first {
            order.reverse();
        }
        let [(first, mut one), (second, mut two)] = order;
        one.reports(&mut bench, "terminated;reason=noresource");
        notified(&mut bench, first);
        let gone = SubscriptionEnd::Terminated(TerminationReason::NoResource);
        assert_eq!(ended(&mut bench, first), gone);
        two.reports(&mut bench, "active");
        notified(&mut bench, second);
        assert_eq!(one.notify(&mut bench, "active"), 481);
        two.reports(&mut bench, "terminated;reason=noresource");
        notified(&mut bench, second);
        assert_eq!(ended(&mut bench, second), gone);
        assert_eq!(two.notify(&mut bench, "active"), 481);
        leaves_nothing(bench);
    }
}

/// RFC 6665 4.4.1 (6665-4.4.1-B): a further notifier that ends its subscription gets no new SUBSCRIBE, because that would reach
/// all of them.
#[test]
fn rfc6665_4_4_1_a_further_notifier_is_not_subscribed_anew() {
    let (mut bench, id, request) = subscribing(claiming());
    Notifier::of(&request, "carol").reports(&mut bench, "active");
    notified(&mut bench, id);
    let mut dave = Notifier::of(&request, "dave");
    dave.reports(&mut bench, "active");
    let other = forked(&mut bench, id);
    notified(&mut bench, other);
    dave.reports(&mut bench, "terminated;reason=deactivated");
    notified(&mut bench, other);
    assert!(matches!(
        ended(&mut bench, other),
        SubscriptionEnd::Terminated(_)
    ));
    bench.silence();
}

/// RFC 6665 4.4.1 (6665-4.4.1-B): a subscription that begins anew takes no further notifiers of its last SUBSCRIBE; those that
/// it had go on, and nothing is left of them after their end.
#[test]
fn rfc6665_4_4_1_further_notifiers_are_those_of_the_last_subscribe() {
    let (mut bench, id, request) = subscribing(claiming());
    let mut carol = Notifier::of(&request, "carol");
    carol.reports(&mut bench, "active");
    notified(&mut bench, id);
    let mut dave = Notifier::of(&request, "dave");
    dave.reports(&mut bench, "active");
    let other = forked(&mut bench, id);
    notified(&mut bench, other);
    carol.reports(&mut bench, "terminated;reason=deactivated");
    notified(&mut bench, id);
    crate::interrupted(&mut bench, id);
    bench.wait(std::time::Duration::ZERO);
    let anew = subscribes(&mut bench, 3_600);
    for is_up in [false, true] {
        for tag in ["erin", "carol"] {
            let mut late = Notifier::of(&request, tag);
            assert_eq!(late.notify(&mut bench, "active"), 481, "{tag}");
        }
        if !is_up {
            Notifier::of(&anew, "carol").reports(&mut bench, "active");
            notified(&mut bench, id);
        }
    }
    accepts(&mut bench, &anew, 3_600);
    dave.reports(&mut bench, "terminated;reason=rejected");
    notified(&mut bench, other);
    ended(&mut bench, other);
    let sizes = bench.agent.table_sizes();
    assert_eq!((sizes.dialogs, sizes.subscriptions), (1, 1));
    bench.no_events();
}

/// RFC 6665 4.4.1 (6665-4.4.1-B): further notifiers are bounded by `Limits::subscriptions` and `Limits::forks`, and by 64 T1 since
/// the SUBSCRIBE; none is taken while the subscription ends.
#[test]
fn rfc6665_4_4_1_further_notifiers_are_bounded() {
    const TAGS: [&str; 17] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q",
    ];
    let limits = Limits::default();
    assert_eq!(limits.forks, 16);
    let (mut bench, id, request) = subscribing(claiming());
    for (number, tag) in TAGS.into_iter().enumerate() {
        let status = if number < limits.forks { 200 } else { 481 };
        let mut notifier = Notifier::of(&request, tag);
        assert_eq!(notifier.notify(&mut bench, "active"), status, "{number}");
    }
    assert_eq!(bench.agent.table_sizes().subscriptions, limits.forks);
    assert_eq!(bench.agent.table_sizes().dialogs, 1);
    bench.events.clear();
    let now = bench.now;
    bench.agent.unsubscribe(id, now).unwrap();

    let (mut bench, _, request) = subscribing(claiming());
    for _ in 1..limits.subscriptions {
        crate::subscribe(&mut bench, SubscribeOptions::new());
    }
    Notifier::of(&request, "carol").reports(&mut bench, "active");
    let mut further = Notifier::of(&request, "dave");
    assert_eq!(further.notify(&mut bench, "active"), 481);
    assert_eq!(
        bench.agent.table_sizes().subscriptions,
        limits.subscriptions
    );

    let (mut bench, id, request) = subscribing(claiming());
    Notifier::of(&request, "carol").reports(&mut bench, "active");
    accepts(&mut bench, &request, 3_600);
    notified(&mut bench, id);
    bench.wait(33 * SECOND);
    let mut late = Notifier::of(&request, "dave");
    assert_eq!(late.notify(&mut bench, "active"), 481);

    let (mut bench, id, request) = subscribing(claiming());
    Notifier::of(&request, "carol").reports(&mut bench, "active");
    accepts(&mut bench, &request, 3_600);
    notified(&mut bench, id);
    let now = bench.now;
    bench.agent.unsubscribe(id, now).unwrap();
    bench.pump();
    let mut late = Notifier::of(&request, "dave");
    assert_eq!(late.notify(&mut bench, "active"), 481);
}

/// RFC 6665 4.4.1, RFC 3261 8.2.2.3 (6665-4.4.1-B): a NOTIFY that the core refuses makes no dialog, however many there are: the next
/// one of a notifier is taken, and nothing is left of a SUBSCRIBE whose last notifier is over.
#[test]
fn rfc6665_4_4_1_a_notify_with_an_unknown_extension_makes_no_dialog() {
    let strange = "Require: strange\nEvent: presence\nSubscription-State: active\n";
    let (mut bench, id, request) = subscribing(claiming());
    for number in 0..=Limits::default().forks {
        let mut stranger = Notifier::of(&request, format!("stranger{number}").leak());
        assert_eq!(stranger.send(&mut bench, strange, ""), 420);
    }
    let mut carol = Notifier::of(&request, "carol");
    carol.reports(&mut bench, "active");
    notified(&mut bench, id);
    accepts(&mut bench, &request, 3_600);
    let mut dave = Notifier::of(&request, "dave");
    dave.reports(&mut bench, "active");
    let other = forked(&mut bench, id);
    notified(&mut bench, other);
    carol.reports(&mut bench, "terminated;reason=noresource");
    notified(&mut bench, id);
    ended(&mut bench, id);
    let mut erin = Notifier::of(&request, "erin");
    assert_eq!(erin.send(&mut bench, strange, ""), 420);
    dave.reports(&mut bench, "terminated;reason=noresource");
    notified(&mut bench, other);
    ended(&mut bench, other);
    leaves_nothing(bench);
}
