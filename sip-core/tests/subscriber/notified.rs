//! The NOTIFYs to this side.

use std::time::Duration;

use sip_core::{
    Event, SubscribeOptions, SubscriptionEnd, SubscriptionState, TerminationReason, Transport,
};
use sip_parse::{HeaderName, Method};
use sip_testing::{Bench, SECOND, alice};

use crate::{
    Notifier, accepts, ended, leaves_nothing, notified, subscribe, subscribed, subscribes,
    subscribing,
};

/// RFC 6665 4.4.1 (6665-4.4.1-A): a NOTIFY before the 2xx makes the dialog; the 2xx with the same tag is only bookkeeping, and
/// what follows goes on in that dialog.
#[test]
fn rfc6665_4_4_1_a_notify_before_the_2xx_makes_the_dialog() {
    let (mut bench, id, request) = subscribing(SubscribeOptions::new().expires(600));
    let mut notifier = Notifier::of(&request, "bob");
    notifier.reports(&mut bench, "pending;expires=600");
    assert_eq!(notified(&mut bench, id), SubscriptionState::Pending);
    accepts(&mut bench, &request, 600);
    bench.no_events();
    notifier.reports(&mut bench, "active;expires=590");
    assert_eq!(notified(&mut bench, id), SubscriptionState::Active);
    assert_eq!(bench.agent.table_sizes().dialogs, 1);
    bench.wait(33 * SECOND);
    bench.no_events();
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 600);
    let numbers = [&request, &refresh].map(|request| request.cseq().unwrap().number);
    assert_eq!(numbers[1], numbers[0] + 1);
    assert_eq!(refresh.uri_bytes(), b"sip:bob@192.0.2.9");
}

/// RFC 6665 4.1.3: `Notified` has the state, the time that is left, and the body with its type. A NOTIFY without a body has
/// none. An extension state counts as active, because its notifier has the subscription.
#[test]
fn rfc6665_4_1_3_a_notify_is_reported_with_its_body() {
    let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
    bench.events.clear();
    let fields = format!(
        "Event: {}\nSubscription-State: waiting;expires=60\n",
        notifier.event
    );
    assert_eq!(notifier.send(&mut bench, &fields, "open"), 200);
    let Event::Notified {
        subscription,
        state,
        expires,
        body,
        notify,
    } = bench.event()
    else {
        panic!("no NOTIFY");
    };
    assert_eq!((subscription, state), (id, SubscriptionState::Active));
    assert_eq!(expires, Duration::from_secs(60));
    let body = body.expect("a body");
    assert_eq!(
        (&*body.content_type, &body.bytes[..]),
        ("text/plain", &b"open"[..])
    );
    assert_eq!(notify.method(), Method::Notify);
    assert_eq!(notifier.send(&mut bench, &fields, ""), 200);
    let Event::Notified { body: None, .. } = bench.event() else {
        panic!("a body");
    };
}

/// RFC 6665 4.1.3 and 8.2.1 (6665-4.1.3-A): a NOTIFY of another package gets 489 with Allow-Events, of another id 481, without
/// Subscription-State 400, and makes no dialog; of no subscription, and after the end, 481.
#[test]
fn rfc6665_4_1_3_a_notify_that_fits_no_subscription_is_refused() {
    for up in [false, true] {
        let (mut bench, id, mut notifier) = match up {
            true => subscribed(SubscribeOptions::new().id("7")),
            false => {
                let (bench, id, request) = subscribing(SubscribeOptions::new().id("7"));
                let notifier = Notifier::of(&request, "bob");
                (bench, id, notifier)
            }
        };
        for (fields, status) in [
            ("Event: dialog;id=7\nSubscription-State: active\n", 489),
            ("Event: Presence;id=7\nSubscription-State: active\n", 489),
            ("Subscription-State: active\n", 489),
            ("Event: presence;id=8\nSubscription-State: active\n", 481),
            ("Event: presence\nSubscription-State: active\n", 481),
            ("Event: presence;id=7\n", 400),
            ("Event: presence;id=7\nSubscription-State: ;\n", 400),
        ] {
            assert_eq!(notifier.send(&mut bench, fields, ""), status, "{fields}");
            bench.no_events();
        }
        notifier.reports(&mut bench, "active");
        assert_eq!(notified(&mut bench, id), SubscriptionState::Active);
        notifier.reports(&mut bench, "terminated;reason=noresource");
        let reason = TerminationReason::NoResource;
        let last = SubscriptionState::Terminated(reason.clone());
        assert_eq!(notified(&mut bench, id), last);
        assert_eq!(ended(&mut bench, id), SubscriptionEnd::Terminated(reason));
        assert_eq!(notifier.notify(&mut bench, "active"), 481);
        leaves_nothing(bench);
    }
    // The 489 lists the package.
    let (mut bench, _, request) = subscribing(SubscribeOptions::new());
    let mut notifier = Notifier::of(&request, "bob");
    notifier.event = "dialog".into();
    assert_eq!(notifier.notify(&mut bench, "active"), 489);
    let raw = bench.raw.last().unwrap();
    let refusal = sip_parse::Message::parse(raw.clone(), &Default::default()).unwrap();
    assert_eq!(
        sip_testing::value(&refusal, HeaderName::AllowEvents),
        "presence"
    );
}

/// RFC 6665 4.1.3 (6665-4.1.3-A): a NOTIFY without a subscription, with and without a To tag, gets 481; with
/// `allowLegacyNotifications` the one without a To tag gets 200 and is reported, because the other names a dialog that is
/// gone.
#[test]
fn rfc6665_4_1_3_an_unsolicited_notify_is_as_the_parameter_says() {
    for (allowed, tag, status) in [
        (false, "", 481),
        (false, ";tag=gone", 481),
        (true, "", 200),
        (true, ";tag=gone", 481),
    ] {
        let mut bench = Bench::new(alice().allow_legacy_notifications(allowed));
        bench.feed(&format!(
            "NOTIFY sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKlegacy\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>{tag}\nCall-ID: legacy\n\
             CSeq: 1 NOTIFY\nEvent: message-summary\nContent-Length: 0\n\n"
        ));
        assert_eq!(bench.next_response().status().as_u16(), status);
        if status == 200 {
            assert!(matches!(bench.event(), Event::LegacyNotification { .. }));
        }
        leaves_nothing(bench);
    }
}

/// RFC 3261 12.2.2 and 17.2.2: NOTIFYs are taken in order: a lower CSeq number gets 500; over UDP a retransmission gets its answer
/// again, without a second event.
#[test]
fn rfc3261_12_2_2_notifies_are_taken_in_order_and_once() {
    let mut bench = Bench::over(&alice(), Transport::Udp);
    let id = subscribe(&mut bench, SubscribeOptions::new());
    let request = subscribes(&mut bench, 3_600);
    accepts(&mut bench, &request, 3_600);
    let mut notifier = Notifier::of(&request, "bob");
    notifier.cseq = 10;
    notifier.reports(&mut bench, "active");
    notified(&mut bench, id);
    notifier.cseq = 10;
    notifier.reports(&mut bench, "active");
    notifier.cseq = 8;
    assert_eq!(notifier.notify(&mut bench, "active"), 500);
    bench.no_events();
}

/// RFC 6665 4.5 (6665-4.5-A), RFC 3261 12.2: NOTIFY and the 2xx to a refresh change the remote target, also of what follows.
#[test]
fn rfc6665_4_5_notify_and_the_2xx_to_subscribe_refresh_the_target() {
    let (mut bench, id, mut notifier) = subscribed(SubscribeOptions::new());
    notifier.contact = "<sip:bob@192.0.2.10>";
    notifier.reports(&mut bench, "active");
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 3_600);
    assert_eq!(refresh.uri_bytes(), b"sip:bob@192.0.2.10");
    let moved = [("Expires", "3600"), ("Contact", "<sip:bob@192.0.2.11>")];
    bench.reply_tagged(&refresh, 200, "bob", &moved, None);
    bench.agent.unsubscribe(id, now).unwrap();
    bench.pump();
    let last = subscribes(&mut bench, 0);
    assert_eq!(last.uri_bytes(), b"sip:bob@192.0.2.11");
}

/// RFC 6665 4.1.2.4 (6665-4.1.2.4-A): without a NOTIFY within 64 T1 of the SUBSCRIBE the subscription has failed, also after a
/// 2xx; the 2xx alone makes no dialog.
#[test]
fn rfc6665_4_1_2_4_timer_n_ends_a_subscription_without_a_notify() {
    let (mut bench, id, request) = subscribing(SubscribeOptions::new());
    bench.wait(2 * SECOND);
    bench.sent.clear();
    accepts(&mut bench, &request, 3_600);
    bench.wait(Duration::from_millis(29_900));
    bench.no_events();
    bench.wait(Duration::from_millis(200));
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::NoNotify);
    let mut notifier = Notifier::of(&request, "bob");
    assert_eq!(notifier.notify(&mut bench, "active"), 481);
    leaves_nothing(bench);
}

/// RFC 3261 11.2: an OPTIONS in the dialog of a subscription is answered as outside; other requests find no usage.
#[test]
fn rfc3261_11_2_options_in_the_dialog_of_a_subscription() {
    let (mut bench, _, notifier) = subscribed(SubscribeOptions::new());
    for (number, (method, status)) in [("OPTIONS", 200), ("BYE", 481)].into_iter().enumerate() {
        bench.feed(&format!(
            "{method} sip:alice@x.invalid SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKo{number}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bob\nTo: {}\nCall-ID: {}\nCSeq: {} {method}\n\
             Content-Length: 0\n\n",
            notifier.subscriber,
            notifier.call_id,
            100 + number,
        ));
        assert_eq!(bench.next_response().status().as_u16(), status, "{method}");
    }
}

/// RFC 3261 26.2.2, RFC 6665 4.4.1 (6665-4.4.1-A): a first NOTIFY whose SIPS target no SUBSCRIBE could reach on a connection without TLS
/// is refused, so that its notifier learns it; one with another target makes the dialog.
#[test]
fn rfc3261_26_2_2_a_notify_with_a_target_out_of_reach_makes_no_dialog() {
    let (mut bench, id, request) = subscribing(SubscribeOptions::new());
    let mut notifier = Notifier::of(&request, "bob");
    notifier.contact = "<sips:bob@192.0.2.9>";
    assert_eq!(notifier.notify(&mut bench, "active"), 480);
    bench.no_events();
    notifier.contact = "<sip:bob@192.0.2.9>";
    notifier.reports(&mut bench, "active");
    notified(&mut bench, id);
    accepts(&mut bench, &request, 3_600);
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 3_600);
    assert_eq!(refresh.uri_bytes(), b"sip:bob@192.0.2.9");
}
