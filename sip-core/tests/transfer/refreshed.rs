//! What refreshes the subscription of a REFER, and the target of its dialog.

use sip_core::{MessageOptions, ReferId, SessionId, TransferOptions};
use sip_parse::{HeaderName, Method, StatusCode};
use sip_testing::{Bench, SECOND, alice, value};

use crate::peer::{Peer, goes_on_and_ends, progress};
use crate::received::{TO_CAROL, called, incoming, notified};
use crate::sent::referring;

/// The agent has accepted a REFER of bob, who has answered the NOTIFY with 100.
fn accepted(bench: &mut Bench, peer: &Peer, number: u32, event: &str) -> ReferId {
    peer.send(bench, "REFER", number, TO_CAROL, "");
    let (refer, ..) = incoming(bench);
    let options = MessageOptions::new();
    let done = bench.agent.accept_refer(refer, &options, bench.now);
    done.expect("accept");
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 202);
    let trying = notified(bench, event, "active;expires=300", "SIP/2.0 100 Trying");
    bench.reply(&trying, 200, &[]);
    refer
}

fn subscribe(bench: &mut Bench, peer: &Peer, number: u32, fields: &str) -> (u16, Option<String>) {
    peer.send(bench, "SUBSCRIBE", number, fields, "");
    let response = bench.next_response();
    let has = response.has(HeaderName::Expires);
    let expires = has.then(|| value(&response, HeaderName::Expires));
    (response.status().as_u16(), expires)
}

fn referred() -> (Bench, SessionId, Peer, ReferId) {
    let (mut bench, id, peer) = called(&alice());
    let refer = accepted(&mut bench, &peer, 8, "refer");
    (bench, id, peer, refer)
}

/// RFC 3515 2.4.4, RFC 6665 4.1.2.2 and 4.2.1.1 (6665-4.2.1-A): a SUBSCRIBE refreshes the subscription of a REFER for as long as
/// it asks, 300 s at most: 200 with Expires, and a NOTIFY with the last status; also after the BYE.
#[test]
fn rfc3515_2_4_4_a_subscribe_refreshes_the_subscription() {
    for hung_up in [false, true] {
        let (mut bench, id, peer, refer) = referred();
        if hung_up {
            peer.send(&mut bench, "BYE", 9, "", "");
            assert_eq!(bench.next_response().status().as_u16(), 200);
        }
        for (number, fields, lasts) in [
            (20, "Event: refer\nExpires: 60\n", "60"),
            (21, "Event: refer;id=8\nExpires: 999999\n", "300"),
            (22, "Event: refer\n", "300"),
        ] {
            bench.wait(50 * SECOND);
            let answer = subscribe(&mut bench, &peer, number, fields);
            assert_eq!(answer, (200, Some(lasts.to_owned())));
            let state = format!("active;expires={lasts}");
            let again = notified(&mut bench, "refer", &state, "SIP/2.0 100 Trying");
            bench.reply(&again, 200, &[]);
        }
        bench.wait(299 * SECOND);
        bench.silence();
        bench.wait(2 * SECOND);
        let timeout = "terminated;reason=timeout";
        let last = notified(&mut bench, "refer", timeout, "SIP/2.0 100 Trying");
        // The subscription is over.
        let late = subscribe(&mut bench, &peer, 30, "Event: refer\n");
        assert_eq!(late, (481, None));
        bench.reply(&last, 200, &[]);
        let late = bench.agent.refer_progress(refer, StatusCode::OK, bench.now);
        assert!(late.is_err());
        if hung_up {
            bench.wait(40 * SECOND);
            bench.sent.clear();
            bench.assert_nothing_left();
        } else {
            goes_on_and_ends(bench, id);
        }
    }
}

/// RFC 6665 4.1.2.3 and 4.2.1.4 (6665-4.2.1-A): a SUBSCRIBE with `Expires: 0` ends the subscription: 200, and the last NOTIFY;
/// while a NOTIFY is in flight, after that.
#[test]
fn rfc6665_4_1_2_3_a_subscribe_with_expires_0_ends_the_subscription() {
    for in_flight in [false, true] {
        let (mut bench, id, peer, refer) = referred();
        let (timeout, ringing) = ("terminated;reason=timeout", "SIP/2.0 180 Ringing");
        let progress = bench
            .agent
            .refer_progress(refer, StatusCode::RINGING, bench.now);
        progress.expect("progress");
        bench.pump();
        let notify = notified(&mut bench, "refer", "active", ringing);
        if !in_flight {
            bench.reply(&notify, 200, &[]);
        }
        let answer = subscribe(&mut bench, &peer, 9, "Event: refer\nExpires: 0\n");
        assert_eq!(answer, (200, Some("0".to_owned())));
        if in_flight {
            bench.silence();
            bench.reply(&notify, 200, &[]);
        }
        let last = notified(&mut bench, "refer", timeout, ringing);
        bench.reply(&last, 200, &[]);
        assert_eq!(bench.agent.table_sizes().refers, 0);
        goes_on_and_ends(bench, id);
    }
}

/// RFC 3515 2.4.6, RFC 6665 4.1.2.2 and 4.2.1: the id tells which subscription a SUBSCRIBE refreshes. One of another package
/// gets 489, of no subscription 481, an unreadable Expires 400; none changes anything.
#[test]
fn rfc6665_4_2_1_a_subscribe_that_fits_no_subscription_is_refused() {
    let (mut bench, id, peer) = called(&alice());
    let none = subscribe(&mut bench, &peer, 8, "Event: refer\n");
    assert_eq!(none, (481, None));
    accepted(&mut bench, &peer, 9, "refer");
    accepted(&mut bench, &peer, 10, "refer;id=10");
    for (number, fields, status) in [
        (11, "Event: presence\n", 489),
        (12, "", 489),
        (13, "Event: refer;id=7\n", 481),
        (14, "Event: refer\nExpires: x\n", 400),
    ] {
        let refused = subscribe(&mut bench, &peer, number, fields);
        assert_eq!(refused, (status, None), "{fields}");
        bench.silence();
    }
    let second = "Event: refer;id=10\nExpires: 0\n";
    let answer = subscribe(&mut bench, &peer, 15, second);
    assert_eq!(answer, (200, Some("0".to_owned())));
    let timeout = "terminated;reason=timeout";
    let last = notified(&mut bench, "refer;id=10", timeout, "SIP/2.0 100 Trying");
    bench.reply(&last, 200, &[]);
    assert_eq!(bench.agent.table_sizes().refers, 1);
    let answer = subscribe(&mut bench, &peer, 16, "Event: refer\nExpires: 0\n");
    assert_eq!(answer, (200, Some("0".to_owned())));
    let last = notified(&mut bench, "refer", timeout, "SIP/2.0 100 Trying");
    bench.reply(&last, 200, &[]);
    goes_on_and_ends(bench, id);
}

/// RFC 5057 5.4 (6665-4.5-A): a REFER, a NOTIFY and a SUBSCRIBE of the peer refresh the target of the dialog, for the call
/// too, and so do the 2xx to those of this side.
#[test]
fn rfc5057_5_4_subscriptions_refresh_the_target_of_the_dialog() {
    let target = |bench: &mut Bench, id| {
        bench.hang_up(id);
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        String::from_utf8(bye.uri_bytes().to_vec()).expect("a URI")
    };
    // A NOTIFY of the peer, and the 2xx to a REFER.
    for (in_notify, expected) in [
        (true, "sip:bob@b.invalid"),
        (false, "sip:bob@moved.invalid"),
    ] {
        let (mut bench, id, peer, transfer, request) = referring(&TransferOptions::new());
        bench.reply(&request, 202, &[("Contact", "<sip:bob@moved.invalid>")]);
        if in_notify {
            let active = "active;expires=60";
            let status = peer.notify(&mut bench, 1, "refer", active, "SIP/2.0 100 Trying");
            assert_eq!(status, 200);
            assert_eq!(progress(&mut bench, transfer), 100);
        }
        assert_eq!(target(&mut bench, id), expected);
    }
    // The 2xx to a NOTIFY, and then a SUBSCRIBE.
    for (subscribes, expected) in [
        (false, "sip:bob@moved.invalid"),
        (true, "sip:bob@b.invalid"),
    ] {
        let (mut bench, id, peer, refer) = referred();
        let progress = bench
            .agent
            .refer_progress(refer, StatusCode::RINGING, bench.now);
        progress.expect("progress");
        bench.pump();
        let notify = bench.next_request();
        bench.reply(&notify, 200, &[("Contact", "<sip:bob@moved.invalid>")]);
        if subscribes {
            let answer = subscribe(&mut bench, &peer, 9, "Event: refer\n");
            assert_eq!(answer.0, 200);
            let again = bench.next_request();
            assert_eq!(again.uri_bytes(), expected.as_bytes());
        }
        assert_eq!(target(&mut bench, id), expected);
    }
}
