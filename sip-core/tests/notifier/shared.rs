//! Subscriptions in the dialogs of other usages, as peers of RFC 3265 make them (RFC 6665 section 4.5.2, RFC 5057).

use sip_core::{Event, FailureStatus, IncomingSubscriptionEnd, IncomingSubscriptionId, SessionId};
use sip_parse::{HeaderName, Method};
use sip_testing::{Bench, OFFER, SECOND, value};

use crate::peer::{
    Peer, accept, ended, incoming, notifier, notify, over, state, subscribed, try_notify,
};

/// A call of bob's that is up, and a subscription in its dialog.
fn watched() -> (Bench, SessionId, IncomingSubscriptionId, Peer) {
    let (mut bench, call, mut peer) = called();
    peer.subscribe(&mut bench, "Expires: 600\n");
    let id = match bench.event() {
        Event::IncomingSubscription {
            subscription,
            session: Some(session),
            ..
        } if session == call => subscription,
        other => panic!("{other:?}"),
    };
    accept(&mut bench, id, state("first"));
    peer.response(&mut bench, 200);
    let first = peer.notified(&mut bench, "active;expires=600", "first");
    bench.reply(&first, 200, &[]);
    bench.silence();
    (bench, call, id, peer)
}

fn called() -> (Bench, SessionId, Peer) {
    let mut bench = Bench::new(&notifier());
    let call = bench.invite_from_bob(1);
    let ok = bench.answer(call, OFFER);
    assert_eq!(
        value(&ok, HeaderName::AllowEvents),
        "message-summary, presence"
    );
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.events.clear();
    let peer = Peer::in_call(&ok);
    (bench, call, peer)
}

#[track_caller]
fn hang_up(bench: &mut Bench, call: SessionId) {
    bench.hang_up(call);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    assert!(matches!(bench.event(), Event::Ended { session, .. } if session == call));
}

/// RFC 6665 4.5.2, RFC 5057 4 (6665-4.5-A): the BYE of either side ends the call alone; the dialog stays for the subscription and
/// ends with it.
#[test]
fn rfc6665_4_5_2_a_bye_ends_only_the_call() {
    for ours in [false, true] {
        let (mut bench, call, id, mut peer) = watched();
        if ours {
            hang_up(&mut bench, call);
        } else {
            peer.send(&mut bench, "BYE", "");
            peer.response(&mut bench, 200);
            assert!(matches!(bench.event(), Event::Ended { session, .. } if session == call));
        }
        notify(&mut bench, id, "news");
        let news = peer.notified(&mut bench, "active;expires=600", "news");
        bench.reply(&news, 200, &[]);
        peer.subscribe(&mut bench, "Expires: 300\n");
        peer.response(&mut bench, 200);
        let again = peer.notified(&mut bench, "active;expires=300", "news");
        bench.reply(&again, 200, &[]);
        bench.events.clear();
        peer.subscribe(&mut bench, "Expires: 0\n");
        peer.response(&mut bench, 200);
        let last = peer.notified(&mut bench, "terminated;reason=timeout", "news");
        bench.reply(&last, 200, &[]);
        assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Unsubscribed);
        peer.subscribe(&mut bench, "Expires: 300\n");
        peer.response(&mut bench, 481);
        over(bench);
    }
}

/// RFC 5057 5.1 (6665-4.5-A): the end of the subscription leaves the call as it is: unsubscribed, refused, or by a failed NOTIFY.
#[test]
fn rfc5057_5_1_the_end_of_a_subscription_leaves_the_call() {
    for end in [
        "unsubscribe",
        "481",
        "500",
        "timeout",
        "rejected",
        "unanswered",
    ] {
        let (mut bench, call, mut peer) = called();
        peer.subscribe(&mut bench, "Expires: 600\n");
        let id = incoming(&mut bench);
        let mut expected = true;
        match end {
            "rejected" => {
                let refusal = FailureStatus::DECLINE;
                let rejected = bench.agent.reject_subscription(id, refusal, bench.now);
                assert_eq!(rejected, Ok(()));
                bench.pump();
                peer.response(&mut bench, 603);
                expected = false;
            }
            "unanswered" => {
                bench.wait(9 * SECOND);
                peer.response(&mut bench, 100);
                bench.wait(SECOND);
                peer.response(&mut bench, 500);
            }
            _ => {
                accept(&mut bench, id, state("first"));
                peer.response(&mut bench, 200);
                let first = peer.notified(&mut bench, "active;expires=600", "first");
                match end {
                    "481" => bench.reply(&first, 481, &[]),
                    "500" => bench.reply(&first, 500, &[]),
                    "timeout" => bench.wait(33 * SECOND),
                    _ => {
                        bench.reply(&first, 200, &[]);
                        peer.subscribe(&mut bench, "Expires: 0\n");
                        peer.response(&mut bench, 200);
                        let last = peer.notified(&mut bench, "terminated;reason=timeout", "first");
                        bench.reply(&last, 200, &[]);
                    }
                }
            }
        }
        bench.sent.clear();
        if expected {
            ended(&mut bench, id);
        }
        bench.no_events();
        hang_up(&mut bench, call);
        over(bench);
    }
}

/// RFC 5057 5.1: a failure that ends the dialog ends the call and the subscription: of a NOTIFY, or of a request of the call.
#[test]
fn rfc5057_5_1_the_end_of_the_dialog_ends_both() {
    for of_call in [false, true] {
        let (mut bench, call, id, peer) = watched();
        if of_call {
            bench.reinvite(call);
            bench.describe(call, OFFER);
            let reinvite = bench.next_request();
            bench.reply(&reinvite, 404, &[]);
            assert_eq!(bench.next_request().method(), Method::Ack);
        } else {
            notify(&mut bench, id, "news");
            let news = peer.notified(&mut bench, "active;expires=600", "news");
            bench.reply(&news, 404, &[]);
        }
        let mut ends: Vec<_> = bench
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Ended { .. } => Some("call"),
                Event::IncomingSubscriptionEnded { .. } => Some("subscription"),
                _ => None,
            })
            .collect();
        ends.sort_unstable();
        // The call may have sent a BYE first.
        if let Some(message) = bench.sent.pop_front() {
            let bye = message.into_request().expect("a BYE");
            assert_eq!(bye.method(), Method::Bye);
            bench.reply(&bye, 481, &[]);
            ends = Vec::from(["call", "subscription"]);
        }
        assert_eq!(ends, ["call", "subscription"], "{of_call}");
        bench.events.clear();
        over(bench);
    }
}

/// RFC 6665 4.5.2 (6665-4.5-A): a further subscription in the dialog of a subscription, of another package or id. Each is
/// refreshed and ends by itself, in any order; the dialog ends with the last.
#[test]
fn rfc6665_4_5_2_subscriptions_share_a_dialog() {
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [2, 0, 1]] {
        let (mut bench, first, peer) = subscribed(&notifier());
        let mut ids = Vec::from([first]);
        let mut events = Vec::from([peer.event.clone()]);
        let mut peer = peer;
        for event in ["message-summary;id=2", "presence"] {
            peer.event = event.into();
            peer.subscribe(&mut bench, "Expires: 600\n");
            let id = incoming(&mut bench);
            accept(&mut bench, id, state(event));
            peer.response(&mut bench, 200);
            let first = peer.notified(&mut bench, "active;expires=600", event);
            bench.reply(&first, 200, &[]);
            ids.push(id);
            events.push(event.into());
        }
        assert_eq!(bench.agent.table_sizes().dialogs, 1);
        for (round, &which) in order.iter().enumerate() {
            // Those that are left work.
            for &other in &order[round..] {
                peer.event = events[other].clone();
                notify(&mut bench, ids[other], "news");
                let news = peer.notified(&mut bench, "active;expires=600", "news");
                bench.reply(&news, 200, &[]);
            }
            peer.event = events[which].clone();
            peer.subscribe(&mut bench, "Expires: 0\n");
            peer.response(&mut bench, 200);
            let last = peer.notified(&mut bench, "terminated;reason=timeout", "news");
            bench.reply(&last, 200, &[]);
            let cause = ended(&mut bench, ids[which]);
            assert_eq!(cause, IncomingSubscriptionEnd::Unsubscribed);
        }
        peer.subscribe(&mut bench, "Expires: 600\n");
        peer.response(&mut bench, 481);
        over(bench);
    }
}

/// RFC 5057 5.1: a NOTIFY whose failure ends the dialog ends every subscription in it.
#[test]
fn rfc5057_5_1_a_dialog_ends_with_all_its_subscriptions() {
    let (mut bench, first, mut peer) = subscribed(&notifier());
    peer.event = "presence".into();
    peer.subscribe(&mut bench, "Expires: 600\n");
    let second = incoming(&mut bench);
    accept(&mut bench, second, state("second"));
    peer.response(&mut bench, 200);
    let notification = peer.notified(&mut bench, "active;expires=600", "second");
    bench.reply(&notification, 410, &[("Retry-After", "5")]);
    assert!(matches!(
        ended(&mut bench, second),
        IncomingSubscriptionEnd::NotifyFailed(_)
    ));
    assert_eq!(
        ended(&mut bench, first),
        IncomingSubscriptionEnd::DialogEnded
    );
    over(bench);
}

/// `Limits::incoming_subscriptions_per_dialog`: one more in a dialog gets 503 with Retry-After, which ends nothing.
#[test]
fn rfc6665_4_5_2_the_subscriptions_of_a_dialog_are_bounded() {
    let (mut bench, call, mut peer) = called();
    for number in 0..4 {
        peer.event = format!("presence;id={number}");
        peer.subscribe(&mut bench, "");
        incoming(&mut bench);
        bench.silence();
    }
    peer.event = "presence;id=5".into();
    peer.subscribe(&mut bench, "");
    let refused = peer.response(&mut bench, 503);
    assert_eq!(value(&refused, HeaderName::RetryAfter), "5");
    bench.no_events();
    bench.wait(10 * SECOND);
    bench.sent.clear();
    bench.events.clear();
    hang_up(&mut bench, call);
    over(bench);
}

/// A SUBSCRIBE for a subscription that the application has not answered yet gets 500 with Retry-After.
#[test]
fn rfc3261_14_2_an_overlapping_subscribe_gets_500() {
    let (mut bench, call, mut peer) = called();
    peer.subscribe(&mut bench, "Expires: 600\n");
    let id = incoming(&mut bench);
    for expires in ["600", "0"] {
        peer.subscribe(&mut bench, &format!("Expires: {expires}\n"));
        let refused = peer.response(&mut bench, 500);
        assert!(refused.has(HeaderName::RetryAfter));
    }
    accept(&mut bench, id, state("first"));
    peer.response(&mut bench, 200);
    let first = peer.notified(&mut bench, "active;expires=600", "first");
    bench.reply(&first, 200, &[]);
    bench.no_events();
    hang_up(&mut bench, call);
    notify(&mut bench, id, "news");
    peer.notified(&mut bench, "active;expires=600", "news");
}

/// A call that ends before the application has answered a SUBSCRIBE in its dialog ends that, too.
#[test]
fn rfc5057_4_an_unanswered_subscribe_ends_with_its_call() {
    let (mut bench, call, mut peer) = called();
    peer.subscribe(&mut bench, "");
    let id = incoming(&mut bench);
    peer.send(&mut bench, "BYE", "");
    let mut statuses: Vec<_> = bench
        .sent
        .drain(..)
        .filter_map(|message| Some(message.as_response()?.status().as_u16()))
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 481]);
    let mut events = core::mem::take(&mut bench.events);
    events.retain(|event| matches!(event, Event::IncomingSubscriptionEnded { .. }));
    assert_eq!(events.len(), 1);
    let late = try_notify(&mut bench, id, state("late"));
    assert_eq!(late, Err(sip_core::CommandError::Stale));
    let _ = call;
    over(bench);
}

/// RFC 3515 2.4.4: a REFER in the same dialog keeps its own subscription, and a SUBSCRIBE for it reaches that.
#[test]
fn rfc3515_2_4_4_the_subscription_of_a_refer_stays_apart() {
    let (mut bench, call, id, mut peer) = watched();
    peer.send(&mut bench, "REFER", "Refer-To: <sip:carol@example.com>\n");
    let refer = bench.expect(|event| match event {
        Event::IncomingRefer { refer, .. } => Some(*refer),
        _ => None,
    });
    let options = sip_core::MessageOptions::new();
    let accepted = bench.agent.accept_refer(refer, &options, bench.now);
    assert_eq!(accepted, Ok(()));
    bench.pump();
    peer.response(&mut bench, 202);
    let trying = bench.next_request();
    assert_eq!(value(&trying, HeaderName::Event), "refer");
    bench.reply(&trying, 200, &[]);
    let mut referrer = peer.clone();
    referrer.event = "refer".into();
    referrer.subscribe(&mut bench, "Expires: 60\n");
    referrer.response(&mut bench, 200);
    let again = bench.next_request();
    assert_eq!(value(&again, HeaderName::Event), "refer");
    bench.reply(&again, 200, &[]);
    referrer.subscribe(&mut bench, "Expires: 0\n");
    referrer.response(&mut bench, 200);
    let last = bench.next_request();
    bench.reply(&last, 200, &[]);
    peer.number = referrer.number;
    peer.event = "message-summary".into();
    notify(&mut bench, id, "news");
    let news = peer.notified(&mut bench, "active;expires=600", "news");
    bench.reply(&news, 200, &[]);
    bench.events.clear();
    hang_up(&mut bench, call);
    peer.subscribe(&mut bench, "Expires: 0\n");
    peer.response(&mut bench, 200);
    let last = peer.notified(&mut bench, "terminated;reason=timeout", "news");
    bench.reply(&last, 200, &[]);
    assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Unsubscribed);
    over(bench);
}

/// RFC 6665 4.5.2 (6665-4.5-A): a notifier that subscribes in the dialog of this side's subscription has a usage of its own there,
/// which outlives that of this side.
#[test]
fn rfc6665_4_5_2_a_notifier_subscribes_in_the_dialog_of_our_subscription() {
    for ours_first in [false, true] {
        let mut bench = Bench::new(&notifier());
        let options = sip_core::SubscribeOptions::new();
        let now = bench.now;
        let ours = bench.agent.subscribe("bob", "dialog", options, now);
        let ours = ours.expect("a subscription");
        bench.pump();
        let subscribe = bench.next_request();
        let contact = [("Expires", "3600"), ("Contact", "<sip:bob@b.invalid>")];
        bench.reply_tagged(&subscribe, 200, "bob", &contact, None);
        let mut peer = Peer::called(&subscribe, "bob");
        let state = "Event: dialog\nSubscription-State: active;expires=3600\n";
        peer.send(&mut bench, "NOTIFY", state);
        assert_eq!(bench.next_response().status().as_u16(), 200);
        bench.events.clear();
        let (id, mut peer) = crate::peer::subscribe(&mut bench, peer);
        let end_ours = |bench: &mut Bench, peer: &mut Peer| {
            let now = bench.now;
            assert_eq!(bench.agent.unsubscribe(ours, now), Ok(()));
            bench.pump();
            let last = bench.next_request();
            assert_eq!(value(&last, HeaderName::Expires), "0");
            bench.reply(&last, 200, &[]);
            let state = "Event: dialog\nSubscription-State: terminated;reason=timeout\n";
            peer.send(bench, "NOTIFY", state);
            assert_eq!(bench.next_response().status().as_u16(), 200);
            bench.events.clear();
        };
        if ours_first {
            end_ours(&mut bench, &mut peer);
            // RFC 5057 section 5.1: the 481 to a NOTIFY ends its usage alone.
            let late = "Event: dialog\nSubscription-State: active\n";
            peer.send(&mut bench, "NOTIFY", late);
            assert_eq!(bench.next_response().status().as_u16(), 481);
        }
        notify(&mut bench, id, "news");
        let news = peer.notified(&mut bench, "active;expires=600", "news");
        bench.reply(&news, 200, &[]);
        peer.subscribe(&mut bench, "Expires: 0\n");
        peer.response(&mut bench, 200);
        let last = peer.notified(&mut bench, "terminated;reason=timeout", "news");
        bench.reply(&last, 200, &[]);
        assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Unsubscribed);
        if !ours_first {
            end_ours(&mut bench, &mut peer);
        }
        over(bench);
    }
}

/// RFC 5057 4, RFC 6665 4.5.2 (6665-4.5-A): a subscription in the dialog that a REFER of either side has made outlives the REFER.
#[test]
fn rfc5057_4_a_subscription_outlives_the_refer_that_made_its_dialog() {
    for ours in [false, true] {
        let mut config = notifier();
        let mut bench = Bench::new(config.allow_out_of_dialog_refers(true));
        let mut peer = Peer::new("bob");
        let mut trying = None;
        if ours {
            let options = sip_core::TransferOptions::new();
            let now = bench.now;
            let referred = bench.agent.refer("bob", "carol", &options, now);
            assert!(referred.is_ok(), "{referred:?}");
            bench.pump();
            let refer = bench.next_request();
            let contact = [("Contact", "<sip:bob@b.invalid>")];
            bench.reply_tagged(&refer, 202, "bob", &contact, None);
            peer = Peer::called(&refer, "bob");
        } else {
            peer.send(&mut bench, "REFER", "Refer-To: <sip:carol@example.com>\n");
            let refer = bench.expect(|event| match event {
                Event::IncomingRefer { refer, .. } => Some(*refer),
                _ => None,
            });
            let options = sip_core::MessageOptions::new();
            let accepted = bench.agent.accept_refer(refer, &options, bench.now);
            assert_eq!(accepted, Ok(()));
            bench.pump();
            let response = peer.response(&mut bench, 202);
            peer.to = value(&response, HeaderName::To);
            trying = Some(bench.next_request());
        }
        bench.events.clear();
        let (id, mut peer) = crate::peer::subscribe(&mut bench, peer);
        // The end of the REFER.
        match trying {
            Some(trying) => bench.reply(&trying, 481, &[]),
            None => {
                let state = "Event: refer\nSubscription-State: terminated;reason=noresource\n\
                             Content-Type: message/sipfrag\n";
                peer.send(&mut bench, "NOTIFY", state);
                assert_eq!(bench.next_response().status().as_u16(), 200);
            }
        }
        bench.wait(40 * SECOND);
        bench.events.clear();
        assert_eq!(bench.agent.table_sizes().refers, 0);
        notify(&mut bench, id, "news");
        let news = peer.notified(&mut bench, "active;expires=560", "news");
        bench.reply(&news, 200, &[]);
        peer.subscribe(&mut bench, "Expires: 0\n");
        peer.response(&mut bench, 200);
        let last = peer.notified(&mut bench, "terminated;reason=timeout", "news");
        bench.reply(&last, 200, &[]);
        assert_eq!(ended(&mut bench, id), IncomingSubscriptionEnd::Unsubscribed);
        over(bench);
    }
}
