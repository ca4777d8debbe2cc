//! SUBSCRIBEs that make no subscription.

use sip_core::{
    CommandError, Event, FailureStatus, IncomingSubscriptionEnd, Limits, Refusal, Transport,
};
use sip_parse::HeaderName;
use sip_testing::{Bench, SECOND, value};

use crate::peer::{
    Peer, accept, ended, incoming, notifier, over, state, subscribe, subscribed, try_notify,
};

/// RFC 6665 4.2.1.1, 4.2.3 (6665-4.1.2-A): another package, and none, get 489 with Allow-Events.
#[test]
fn rfc6665_4_2_1_1_an_unknown_package_gets_489() {
    for fields in [
        "Event: presence.winfo\n",
        "Event: Presence\n",
        "Event: refer\n",
        "",
    ] {
        let mut bench = Bench::new(&notifier());
        Peer::new("bob").send(&mut bench, "SUBSCRIBE", fields);
        let refused = bench.next_response();
        assert_eq!(refused.status().as_u16(), 489, "{fields}");
        let packages = value(&refused, HeaderName::AllowEvents);
        assert_eq!(packages, "message-summary, presence");
        over(bench);
    }
}

/// RFC 6665 4.2.1.1: a subscription that is too short gets 423 with Min-Expires, also as a refresh, which leaves the subscription
/// as it is.
#[test]
fn rfc6665_4_2_1_1_a_brief_interval_gets_423() {
    let mut bench = Bench::new(&notifier());
    let mut peer = Peer::new("bob");
    peer.subscribe(&mut bench, "Expires: 59\n");
    let refused = bench.next_response();
    assert_eq!(refused.status().as_u16(), 423);
    assert_eq!(value(&refused, HeaderName::MinExpires), "60");
    over(bench);
    let (mut bench, id, mut peer) = subscribed(&notifier());
    peer.subscribe(&mut bench, "Expires: 1\n");
    peer.response(&mut bench, 423);
    bench.wait(599 * SECOND);
    bench.silence();
    bench.wait(SECOND);
    let last = peer.notified(&mut bench, "terminated;reason=timeout", "first");
    bench.reply(&last, 200, &[]);
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Expired);
    over(bench);
}

/// RFC 6665 4.2.1.3: the application refuses a subscription. It has no end, because it never was.
#[test]
fn rfc6665_4_2_1_3_the_application_refuses() {
    let challenge =
        sip_core::ExtraHeader::new("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"");
    let refusals = [
        (Refusal::from(FailureStatus::DECLINE), 603),
        (
            Refusal::with_headers(401, vec![challenge.unwrap()]).unwrap(),
            401,
        ),
    ];
    for (refusal, status) in refusals {
        let mut bench = Bench::new(&notifier());
        let mut peer = Peer::new("bob");
        peer.subscribe(&mut bench, "");
        let id = incoming(&mut bench);
        let rejected = bench.agent.reject_subscription(id, refusal, bench.now);
        assert_eq!(rejected, Ok(()));
        bench.pump();
        let refused = peer.response(&mut bench, status);
        assert_eq!(refused.has(HeaderName::WwwAuthenticate), status == 401);
        let late = try_notify(&mut bench, id, state("late"));
        assert_eq!(late, Err(CommandError::Stale));
        over(bench);
    }
}

/// The application does not answer: 480 after 10 s.
#[test]
fn rfc6665_4_2_1_an_unanswered_subscribe_gets_480() {
    let mut bench = Bench::new(&notifier());
    let mut peer = Peer::new("bob");
    peer.subscribe(&mut bench, "");
    let id = incoming(&mut bench);
    bench.wait(9 * SECOND);
    // RFC 4320 section 4.1: 100 keeps the peer from giving up.
    peer.response(&mut bench, 100);
    bench.silence();
    bench.wait(SECOND);
    peer.response(&mut bench, 480);
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Unanswered);
    let late = bench
        .agent
        .accept_subscription(id, state("late"), &Default::default(), bench.now);
    assert_eq!(late, Err(CommandError::Stale));
    over(bench);
}

/// RFC 6665 4.1.2.1, RFC 3261 8.1.1.8, 26.2.2: a SUBSCRIBE names one target that this side can reach.
#[test]
fn rfc6665_4_1_2_1_a_subscribe_has_one_contact() {
    for (contact, status) in [
        ("", 400),
        ("<sip:a@b.invalid>, <sip:c@b.invalid>", 400),
        ("<tel:+1555>", 400),
        ("<sips:bob@b.invalid>", 480),
    ] {
        let mut bench = Bench::new(&notifier());
        let mut peer = Peer::new("bob");
        peer.contact = contact.into();
        peer.subscribe(&mut bench, "");
        peer.response(&mut bench, status);
        over(bench);
    }
    for (contact, status) in [
        ("<sip:a@b.invalid>, <sip:c@b.invalid>", 400),
        ("<sips:bob@b.invalid>", 488),
        ("", 200),
    ] {
        let (mut bench, _, mut peer) = subscribed(&notifier());
        peer.contact = contact.into();
        peer.subscribe(&mut bench, "Expires: 500\n");
        peer.response(&mut bench, status);
        // The target is the one before.
        peer.contact = "<sip:bob@b.invalid>".into();
        if status == 200 {
            peer.notified(&mut bench, "active;expires=500", "first");
        }
        bench.silence();
    }
}

/// Malformed fields get 400, and neither make nor change a subscription.
#[test]
fn rfc6665_8_2_malformed_fields_get_400() {
    for fields in [
        "Event: @\n",
        "Event: message-summary\nExpires: soon\n",
        "Event: message-summary, presence\n",
    ] {
        let mut bench = Bench::new(&notifier());
        Peer::new("bob").send(&mut bench, "SUBSCRIBE", fields);
        assert_eq!(bench.next_response().status().as_u16(), 400, "{fields}");
        over(bench);
    }
}

/// `Limits::incoming_subscriptions`: one more gets 503 with Retry-After; a flood of SUBSCRIBEs takes no more, and nothing is left
/// of it after 10 s.
#[test]
fn rfc6665_6_1_subscriptions_of_peers_are_bounded() {
    let mut bench = Bench::new(&notifier());
    let limit = Limits::default().incoming_subscriptions;
    let mut refused = 0;
    for number in 0..limit + 50 {
        let mut peer = Peer::new(&format!("bob{number}"));
        peer.subscribe(&mut bench, "");
        if let Some(message) = bench.sent.pop_front() {
            let response = message.into_response().expect("a response");
            assert_eq!(response.status().as_u16(), 503);
            assert_eq!(value(&response, HeaderName::RetryAfter), "5");
            refused += 1;
        }
    }
    assert_eq!(refused, 50);
    assert_eq!(bench.agent.table_sizes().incoming_subscriptions, limit);
    assert_eq!(bench.events.len(), limit);
    bench.events.clear();
    bench.wait(60 * SECOND);
    let ends = bench.events.iter().filter(|event| {
        let cause = IncomingSubscriptionEnd::Unanswered;
        matches!(event, Event::IncomingSubscriptionEnded { cause: is, .. } if *is == cause)
    });
    assert_eq!(ends.count(), limit);
    bench.assert_nothing_left();
    // There is room again.
    bench.sent.clear();
    bench.events.clear();
    subscribe(&mut bench, Peer::new("carol"));
}

/// RFC 6665 4.2.1: a retransmission of a SUBSCRIBE is answered by the same 200, and makes no further subscription.
#[test]
fn rfc6665_4_2_1_a_repeated_subscribe_is_one() {
    let mut bench = Bench::over(&notifier(), Transport::Udp);
    let mut peer = Peer::new("bob");
    peer.subscribe(&mut bench, "");
    let id = incoming(&mut bench);
    peer.number -= 1;
    peer.subscribe(&mut bench, "");
    bench.no_events();
    accept(&mut bench, id, state("s"));
    bench.next_response();
    bench.next_request();
    peer.number -= 1;
    peer.subscribe(&mut bench, "");
    peer.response(&mut bench, 200);
    bench.no_events();
    bench.silence();
}
