//! REFERs of this side.

use sip_core::LimitKind;
use sip_core::{
    Cause, CommandError, Event, ExtraHeader, Session, SessionId, TransferId, TransferOptions,
    TransferOutcome, TransferTarget,
};
use sip_parse::{HeaderName, Method, Request, StatusCode};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

use crate::peer::{Peer, ended, goes_on_and_ends, progress, status};

pub(crate) fn refer(
    bench: &mut Bench,
    id: SessionId,
    target: impl Into<TransferTarget>,
    options: &TransferOptions,
) -> Result<TransferId, CommandError> {
    let referred = match bench.agent.session(id) {
        Ok(Session::Established(call)) => call.refer(target, options, bench.now),
        other => panic!("the call is not up: {other:?}"),
    };
    bench.pump();
    referred
}

/// The agent's call, the peer in it, a REFER to carol, and its request.
pub(crate) fn referring(
    options: &TransferOptions,
) -> (Bench, SessionId, Peer, TransferId, Request) {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.established_call();
    let peer = Peer::callee(&invite, "bob1");
    let transfer = refer(&mut bench, id, "sip:carol@example.com", options).expect("a REFER");
    let request = bench.next_request();
    bench.events.clear();
    (bench, id, peer, transfer, request)
}

/// RFC 3515 2.4.1, 2.4.4, RFC 3892 2.1: a blind transfer is one REFER with one Refer-To and a Referred-By; its NOTIFYs are
/// progress, and the last one is the outcome.
#[test]
fn rfc3515_2_4_a_blind_transfer_is_one_refer_and_its_notifications() {
    let (mut bench, id, peer, transfer, refer) = referring(&TransferOptions::new());
    assert_eq!(refer.method(), Method::Refer);
    assert_eq!(refer.uri_bytes(), b"sip:bob@192.0.2.9");
    assert_eq!(
        value(&refer, HeaderName::ReferTo),
        "<sip:carol@example.com>"
    );
    assert_eq!(
        value(&refer, HeaderName::ReferredBy),
        "<sip:alice@example.com>"
    );
    assert_eq!(values(&refer, HeaderName::Contact).len(), 1);
    assert!(!refer.has(HeaderName::ReferSub));
    bench.reply(&refer, 202, &[]);
    bench.no_events();
    let active = "active;expires=60";
    assert_eq!(
        peer.notify(&mut bench, 1, "refer", active, "SIP/2.0 100 Trying\n"),
        200
    );
    assert_eq!(progress(&mut bench, transfer), 100);
    assert_eq!(
        peer.notify(&mut bench, 2, "refer", active, "SIP/2.0 180 Ringing"),
        200
    );
    assert_eq!(progress(&mut bench, transfer), 180);
    let last = "terminated;reason=noresource";
    assert_eq!(
        peer.notify(&mut bench, 3, "refer", last, "SIP/2.0 200 OK\n"),
        200
    );
    assert_eq!(progress(&mut bench, transfer), 200);
    assert_eq!(
        ended(&mut bench, transfer),
        TransferOutcome::Succeeded(StatusCode::OK)
    );
    // RFC 6665 4.1.3: the subscription is over.
    assert_eq!(
        peer.notify(&mut bench, 4, "refer", last, "SIP/2.0 200 OK\n"),
        481
    );
    bench.no_events();
    goes_on_and_ends(bench, id);
}

/// RFC 3515 2.4.4, RFC 6665 4.1.3: a NOTIFY that terminates the subscription at a provisional status ends the transfer if it
/// gives a reason. Without one the transfer goes on, because SIP.js writes `terminated` into each NOTIFY.
#[test]
fn rfc3515_2_4_4_a_provisional_status_ends_the_transfer_only_with_a_reason() {
    let (mut bench, _, peer, transfer, refer) = referring(&TransferOptions::new());
    bench.reply(&refer, 202, &[]);
    bench.no_events();
    for (number, line, reported) in [
        (1, "SIP/2.0 100 Trying", 100),
        (2, "SIP/2.0 180 Ringing", 180),
    ] {
        let status = peer.notify(&mut bench, number, "refer", "terminated", line);
        assert_eq!(status, 200);
        assert_eq!(progress(&mut bench, transfer), reported);
        bench.no_events();
    }
    let answered = peer.notify(&mut bench, 3, "refer", "terminated", "SIP/2.0 200 OK");
    assert_eq!((answered, progress(&mut bench, transfer)), (200, 200));
    assert_eq!(
        ended(&mut bench, transfer),
        TransferOutcome::Succeeded(StatusCode::OK)
    );
    let late = peer.notify(&mut bench, 4, "refer", "terminated", "SIP/2.0 200 OK");
    assert_eq!(late, 481);

    let (mut bench, _, peer, transfer, refer) = referring(&TransferOptions::new());
    bench.reply(&refer, 202, &[]);
    let last = "terminated;reason=noresource";
    peer.notify(&mut bench, 1, "refer", last, "SIP/2.0 100 Trying");
    assert_eq!(progress(&mut bench, transfer), 100);
    assert_eq!(ended(&mut bench, transfer), TransferOutcome::Terminated);
}

/// RFC 3515 2.4.4 and 2.4.5 (3515-2.4.4-B): a NOTIFY may precede the 2xx; its body is a status line or a whole message; one
/// that cannot be read does not end the transfer.
#[test]
fn rfc3515_2_4_4_a_notify_may_precede_the_2xx_and_be_unreadable() {
    let (mut bench, id, peer, transfer, refer) = referring(&TransferOptions::new());
    let active = "active;expires=60";
    assert_eq!(
        peer.notify(&mut bench, 1, "refer", active, "SIP/2.0 100 Trying"),
        200
    );
    assert_eq!(progress(&mut bench, transfer), 100);
    bench.reply(&refer, 200, &[]);
    for (number, body) in ["", "INVITE sip:x SIP/2.0\n", "SIP/2.0 xyz", "\u{fffd}"]
        .into_iter()
        .enumerate()
    {
        let number = 2 + number as u32;
        assert_eq!(peer.notify(&mut bench, number, "refer", active, body), 200);
        bench.no_events();
    }
    let whole = "SIP/2.0 603 Decline\nTo: <sip:carol@example.com>;tag=1\nCSeq: 1 INVITE\n\n";
    assert_eq!(peer.notify(&mut bench, 9, "refer", active, whole), 200);
    assert_eq!(progress(&mut bench, transfer), 603);
    assert_eq!(
        ended(&mut bench, transfer),
        TransferOutcome::Failed(status(603))
    );
    // The subscription lives until the peer terminates it, but the transfer has its one outcome.
    let last = "terminated;reason=noresource";
    assert_eq!(peer.notify(&mut bench, 10, "refer", last, whole), 200);
    bench.no_events();
    goes_on_and_ends(bench, id);
}

/// RFC 3515 2.4.6 (3515-2.4.6-A): several REFERs in one dialog are told apart by `id`, the CSeq number; without an id it is
/// the first.
#[test]
fn rfc3515_2_4_6_several_refers_in_a_dialog_have_an_id() {
    let (mut bench, id, peer, first, request) = referring(&TransferOptions::new());
    bench.reply(&request, 202, &[]);
    let second = refer(&mut bench, id, "dave", &TransferOptions::new()).expect("a REFER");
    let again = bench.next_request();
    assert_eq!(value(&again, HeaderName::ReferTo), "<sip:dave@example.com>");
    bench.reply(&again, 202, &[]);
    bench.events.clear();
    let number = again.cseq().unwrap().number;
    let active = "active;expires=60";
    let event = format!("refer;id={number}");
    assert_eq!(
        peer.notify(&mut bench, 1, &event, active, "SIP/2.0 180 Ringing"),
        200
    );
    assert_eq!(progress(&mut bench, second), 180);
    assert_eq!(
        peer.notify(&mut bench, 2, "refer", active, "SIP/2.0 183 Progress"),
        200
    );
    assert_eq!(progress(&mut bench, first), 183);
    let event = format!("refer;id={}", number - 1);
    let last = "terminated;reason=noresource";
    assert_eq!(
        peer.notify(&mut bench, 3, &event, last, "SIP/2.0 486 Busy"),
        200
    );
    assert_eq!(
        ended(&mut bench, first),
        TransferOutcome::Failed(status(486))
    );
    assert_eq!(
        peer.notify(&mut bench, 4, "refer;id=1", last, "SIP/2.0 200 OK"),
        481
    );
    bench.no_events();
    let event = format!("refer;id={number}");
    let whole = peer.notify(&mut bench, 5, &event, last, "SIP/2.0 200 OK");
    assert_eq!(whole, 200);
    let succeeded = TransferOutcome::Succeeded(StatusCode::OK);
    assert_eq!(ended(&mut bench, second), succeeded);
    goes_on_and_ends(bench, id);
}

/// RFC 6665 4.1.3 (6665-4.1.3-A): a NOTIFY of no subscription gets 481, of another package 489, without Subscription-State
/// 400; none ends the transfer.
#[test]
fn rfc6665_4_1_3_a_notify_that_fits_no_subscription_is_refused() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.established_call();
    let peer = Peer::callee(&invite, "bob1");
    assert_eq!(
        peer.notify(&mut bench, 1, "refer", "active", "SIP/2.0 200 OK"),
        481
    );
    let transfer = refer(&mut bench, id, "carol", &TransferOptions::new()).expect("a REFER");
    let request = bench.next_request();
    bench.reply(&request, 202, &[]);
    bench.events.clear();
    for (number, event) in [(2, "presence"), (3, "refer2")] {
        let fields = format!("Event: {event}\nSubscription-State: active\n");
        peer.send(&mut bench, "NOTIFY", number, &fields, "");
        let refused = bench.next_response();
        assert_eq!(refused.status().as_u16(), 489);
        assert_eq!(value(&refused, HeaderName::AllowEvents), "refer");
    }
    let other = peer.notify(&mut bench, 4, "refer;id=99", "active", "SIP/2.0 200 OK");
    assert_eq!(other, 481);
    peer.send(&mut bench, "NOTIFY", 5, "Event: refer\n", "SIP/2.0 200 OK");
    assert_eq!(bench.next_response().status().as_u16(), 400);
    bench.no_events();
    let last = "terminated;reason=noresource";
    assert_eq!(
        peer.notify(&mut bench, 6, "refer", last, "SIP/2.0 200 OK"),
        200
    );
    assert_eq!(
        ended(&mut bench, transfer),
        TransferOutcome::Succeeded(StatusCode::OK)
    );
    goes_on_and_ends(bench, id);
}

/// RFC 4488 4 (4488-4-A): with `Refer-Sub: false` in REFER and 2xx there is no subscription; a 2xx without it makes one.
#[test]
fn rfc4488_4_a_transfer_without_a_subscription() {
    let options = TransferOptions::new().without_subscription();
    let (mut bench, id, peer, transfer, request) = referring(&options);
    assert_eq!(value(&request, HeaderName::ReferSub), "false");
    assert!(value(&request, HeaderName::Supported).contains("norefersub"));
    bench.reply(&request, 200, &[("Refer-Sub", "false")]);
    assert_eq!(ended(&mut bench, transfer), TransferOutcome::Unreported);
    assert_eq!(
        peer.notify(&mut bench, 1, "refer", "active", "SIP/2.0 200 OK"),
        481
    );
    goes_on_and_ends(bench, id);

    let (mut bench, id, peer, transfer, request) = referring(&options);
    bench.reply(&request, 202, &[]);
    bench.no_events();
    let last = "terminated;reason=noresource";
    assert_eq!(
        peer.notify(&mut bench, 1, "refer", last, "SIP/2.0 200 OK"),
        200
    );
    assert_eq!(
        ended(&mut bench, transfer),
        TransferOutcome::Succeeded(StatusCode::OK)
    );
    goes_on_and_ends(bench, id);
}

/// RFC 3261 22.2, RFC 3515 2.4.6: a challenged REFER goes again with credentials, and its NOTIFYs name the CSeq number of that
/// one.
#[test]
fn rfc3515_2_4_6_a_resent_refer_is_known_by_its_new_number() {
    let (mut bench, id, peer, transfer, request) = referring(&TransferOptions::new());
    let challenge = "Digest realm=\"example.com\",nonce=\"n\",qop=\"auth\"";
    bench.reply(&request, 407, &[("Proxy-Authenticate", challenge)]);
    let again = bench.next_request();
    assert!(again.has(HeaderName::ProxyAuthorization));
    assert_eq!(
        value(&again, HeaderName::ReferTo),
        "<sip:carol@example.com>"
    );
    let number = again.cseq().unwrap().number;
    assert_eq!(number, request.cseq().unwrap().number + 1);
    bench.reply(&again, 202, &[]);
    let last = "terminated;reason=noresource";
    let old = format!("refer;id={}", number - 1);
    assert_eq!(
        peer.notify(&mut bench, 1, &old, last, "SIP/2.0 200 OK"),
        481
    );
    let new = format!("refer;id={number}");
    assert_eq!(
        peer.notify(&mut bench, 2, &new, last, "SIP/2.0 200 OK"),
        200
    );
    assert_eq!(
        ended(&mut bench, transfer),
        TransferOutcome::Succeeded(StatusCode::OK)
    );
    goes_on_and_ends(bench, id);
}

/// RFC 3515 2.4.2, RFC 5057 5.1: a REFER that is refused, or not answered, ends nothing but the transfer. A failure that
/// means the dialog ends the call.
#[test]
fn rfc5057_5_1_a_failed_refer_ends_the_transfer_and_not_the_call() {
    for code in [302, 403, 405, 416, 480, 481, 501, 603] {
        let (mut bench, id, _, transfer, request) = referring(&TransferOptions::new());
        bench.reply(&request, code, &[]);
        match ended(&mut bench, transfer) {
            TransferOutcome::Refused(reason) => {
                assert_eq!(reason.status.map(StatusCode::as_u16), Some(code));
            }
            other => panic!("{other:?}"),
        }
        goes_on_and_ends(bench, id);
    }
    let (mut bench, id, _, transfer, _) = referring(&TransferOptions::new());
    bench.wait(33 * SECOND);
    match ended(&mut bench, transfer) {
        TransferOutcome::Refused(reason) => assert_eq!(reason.cause, Cause::Timeout),
        other => panic!("{other:?}"),
    }
    bench.sent.clear();
    goes_on_and_ends(bench, id);
    let (mut bench, _, _, transfer, request) = referring(&TransferOptions::new());
    bench.reply(&request, 404, &[]);
    assert!(matches!(
        ended(&mut bench, transfer),
        TransferOutcome::Refused(_)
    ));
    assert_eq!(bench.next_request().method(), Method::Bye);
}

/// RFC 6665 4.1.2.4 and 4.1.3: the wait for a NOTIFY is bounded: 64 T1 for the first, then the duration that the peer names.
/// A subscription that ends without a final status is an outcome, too.
#[test]
fn rfc6665_4_1_2_4_the_wait_for_a_notify_is_bounded() {
    let (mut bench, id, _, transfer, request) = referring(&TransferOptions::new());
    bench.reply(&request, 202, &[]);
    bench.wait(31 * SECOND);
    bench.no_events();
    bench.wait(2 * SECOND);
    assert_eq!(ended(&mut bench, transfer), TransferOutcome::TimedOut);
    goes_on_and_ends(bench, id);

    let (mut bench, id, peer, transfer, request) = referring(&TransferOptions::new());
    bench.reply(&request, 202, &[]);
    assert_eq!(
        peer.notify(
            &mut bench,
            1,
            "refer",
            "active;expires=90",
            "SIP/2.0 100 Trying"
        ),
        200
    );
    assert_eq!(progress(&mut bench, transfer), 100);
    bench.wait(89 * SECOND);
    bench.no_events();
    bench.wait(2 * SECOND);
    assert_eq!(ended(&mut bench, transfer), TransferOutcome::TimedOut);
    goes_on_and_ends(bench, id);

    let (mut bench, id, peer, transfer, request) = referring(&TransferOptions::new());
    bench.reply(&request, 202, &[]);
    assert_eq!(
        peer.notify(
            &mut bench,
            1,
            "refer",
            "terminated;reason=timeout",
            "SIP/2.0 180 Ringing"
        ),
        200
    );
    assert_eq!(progress(&mut bench, transfer), 180);
    assert_eq!(ended(&mut bench, transfer), TransferOutcome::Terminated);
    goes_on_and_ends(bench, id);
}

/// A REFER needs a call that is up and a connection, and their number is limited (`Limits::refers_per_call`). Extra header
/// fields go with it; a Referred-By of the application replaces that of the core.
#[test]
fn rfc3515_2_4_1_a_refer_needs_a_call_and_a_connection() {
    let (mut bench, id, _, _, _) = referring(&TransferOptions::new());
    let named = ExtraHeader::new("Referred-By", "<sip:boss@example.com>").unwrap();
    let room = ExtraHeader::new("X-Room", "12").unwrap();
    let options = TransferOptions::new().header(named).header(room);
    refer(&mut bench, id, "carol", &options).expect("a REFER");
    let request = bench.next_request();
    assert_eq!(
        values(&request, HeaderName::ReferredBy),
        ["<sip:boss@example.com>"]
    );
    assert_eq!(values(&request, HeaderName::Other(b"X-Room")), ["12"]);
    for _ in 0..2 {
        refer(&mut bench, id, "carol", &TransferOptions::new()).expect("a REFER");
    }
    let full = refer(&mut bench, id, "carol", &TransferOptions::new());
    assert_eq!(full, Err(CommandError::Limit(LimitKind::Refers)));
    let strange = refer(&mut bench, id, "tel:+1", &TransferOptions::new());
    assert!(strange.is_err());

    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.lose();
    let offline = refer(&mut bench, id, "carol", &TransferOptions::new());
    assert_eq!(offline, Err(CommandError::NotConnected));
}

/// RFC 3515 2.1, RFC 3891 6.1, RFC 5589 7: an attended transfer names the other call in an escaped Replaces, with the tags
/// as the peer of that call sees them, in a call of either side. RFC 7118 5, RFC 5589 7.5: the Refer-To has carol's address of
/// record, because her Contact can be reached over her own connection alone.
#[test]
fn rfc5589_7_an_attended_transfer_names_the_other_call() {
    let mut bench = Bench::new(&alice());
    // Carol called this side, and supports Replaces.
    let user = bench.contact_user();
    let invite = format!(
        "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS c.invalid;branch=z9hG4bKc\nMax-Forwards: 70\n\
         From: <sip:carol@example.com>;tag=c/1\nTo: <sip:alice@example.com>\nCall-ID: of@carol\nCSeq: 1 INVITE\n\
         Contact: <sip:carol@c.invalid;transport=ws>\nSupported: timer, replaces\n\
         Content-Type: application/sdp\nContent-Length: {}\n\n",
        OFFER.len()
    );
    bench.feed(&(invite + &OFFER.replace("\r\n", "\n")));
    let other = bench.expect(|event| match event {
        Event::IncomingCall { session, .. } => Some(*session),
        _ => None,
    });
    let ok = bench.answer(other, OFFER);
    Peer::sender(&ok).send(&mut bench, "ACK", 1, "", "");
    bench.events.clear();
    let (id, _) = bench.established_call();
    refer(&mut bench, id, other, &TransferOptions::new()).expect("a REFER");
    let request = bench.next_request();
    assert_eq!(request.method(), Method::Refer);
    let ours = ok.to().unwrap().tag().unwrap().to_vec();
    let ours = String::from_utf8(ours).unwrap();
    assert_eq!(
        value(&request, HeaderName::ReferTo),
        format!("<sip:carol@example.com?Replaces=of%40carol%3Bto-tag%3Dc/1%3Bfrom-tag%3D{ours}>")
    );
    // Bob's 2xx lists no Replaces (RFC 3891 4): 3891-4-A.
    let refused = refer(&mut bench, other, id, &TransferOptions::new());
    assert!(
        matches!(refused, Err(CommandError::WrongState(_))),
        "{refused:?}"
    );
    bench.silence();

    // This side called bob, who supports it.
    let mut bench = Bench::new(&alice());
    let (first, dialled) = bench.call();
    let fields = [
        ("Contact", "<sip:bob@192.0.2.9>"),
        ("Supported", "replaces"),
    ];
    bench.reply_tagged(&dialled, 200, "bob1", &fields, Some(OFFER));
    bench.next_request();
    bench.events.clear();
    let (second, _) = bench.established_call();
    refer(&mut bench, second, first, &TransferOptions::new()).expect("a REFER");
    let request = bench.next_request();
    let call_id = value(&dialled, HeaderName::CallId);
    let ours = String::from_utf8(dialled.from().unwrap().tag().unwrap().to_vec()).unwrap();
    assert_eq!(
        value(&request, HeaderName::ReferTo),
        format!("<sip:bob@192.0.2.9?Replaces={call_id}%3Bto-tag%3Dbob1%3Bfrom-tag%3D{ours}>")
    );
}

/// RFC 3515 2.4.1, RFC 6665 4.4.1: this side refers outside any dialog; the first NOTIFY or the 2xx makes the dialog, and a
/// NOTIFY of another branch gets 481.
#[test]
fn rfc6665_4_4_1_a_refer_of_this_side_outside_dialogs() {
    for notify_first in [false, true] {
        let mut bench = Bench::new(&alice());
        let options = TransferOptions::new();
        let transfer = bench
            .agent
            .refer("bob", "sip:carol@example.com", &options, bench.now);
        let transfer = transfer.expect("a REFER");
        bench.pump();
        let request = bench.next_request();
        assert_eq!(request.method(), Method::Refer);
        assert_eq!(request.uri_bytes(), b"sip:bob@example.com");
        assert_eq!(values(&request, HeaderName::Contact).len(), 1);
        assert_eq!(request.to().unwrap().tag(), None);
        let peer = Peer::callee(&request, "peer");
        let fork = Peer::callee(&request, "fork");
        if !notify_first {
            bench.reply(&request, 202, &[("Contact", "<sip:bob@b.invalid>")]);
        }
        let active = "active;expires=60";
        assert_eq!(
            peer.notify(&mut bench, 1, "refer", active, "SIP/2.0 100 Trying"),
            200
        );
        assert_eq!(
            fork.notify(&mut bench, 1, "refer", active, "SIP/2.0 100 Trying"),
            481
        );
        if notify_first {
            bench.reply(&request, 202, &[("Contact", "<sip:bob@b.invalid>")]);
        }
        let last = "terminated;reason=noresource";
        let id = format!("refer;id={}", request.cseq().unwrap().number);
        assert_eq!(peer.notify(&mut bench, 2, &id, last, "SIP/2.0 200 OK"), 200);
        assert_eq!(progress(&mut bench, transfer), 100);
        assert_eq!(
            ended(&mut bench, transfer),
            TransferOutcome::Succeeded(StatusCode::OK)
        );
        assert_eq!(
            peer.notify(&mut bench, 3, "refer", last, "SIP/2.0 200 OK"),
            481
        );
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
    let mut bench = Bench::new(&alice());
    let options = TransferOptions::new();
    let transfer = bench
        .agent
        .refer("bob", "carol", &options, bench.now)
        .expect("a REFER");
    bench.pump();
    let request = bench.next_request();
    bench.reply(&request, 404, &[]);
    assert!(matches!(
        ended(&mut bench, transfer),
        TransferOutcome::Refused(_)
    ));
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 4538 3 and 7 (7647-3-A): a REFER outside dialogs to the peer of a call may name that call, from the view of the peer.
#[test]
fn rfc4538_7_target_dialog_names_a_call_to_its_peer() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.established_call();
    let options = TransferOptions::new().target_dialog(id);
    bench
        .agent
        .refer("sip:bob@192.0.2.9", "carol", &options, bench.now)
        .expect("a REFER");
    bench.pump();
    let request = bench.next_request();
    let call_id = value(&invite, HeaderName::CallId);
    let ours = String::from_utf8(invite.from().unwrap().tag().unwrap().to_vec()).unwrap();
    assert_eq!(
        value(&request, HeaderName::TargetDialog),
        format!("{call_id};local-tag=bob1;remote-tag={ours}")
    );
    assert_eq!(value(&request, HeaderName::Require), "tdialog");
    assert_ne!(value(&request, HeaderName::CallId), call_id);
}

/// RFC 3261 17.1.4, RFC 3515 2.4.4: the connection of a REFER breaks before its response: the transfer is over. A subscription
/// outlives it.
#[test]
fn rfc3261_17_1_4_a_lost_connection_ends_a_refer_without_response() {
    let (mut bench, _, _, transfer, _) = referring(&TransferOptions::new());
    bench.lose();
    match ended(&mut bench, transfer) {
        TransferOutcome::Refused(reason) => assert_eq!(reason.cause, Cause::ConnectionLost),
        other => panic!("{other:?}"),
    }

    let (mut bench, _, peer, transfer, request) = referring(&TransferOptions::new());
    bench.reply(&request, 202, &[]);
    bench.lose();
    bench.reconnect(sip_core::Transport::Ws);
    bench.sent.clear();
    let last = "terminated;reason=noresource";
    let status = peer.notify(&mut bench, 1, "refer", last, "SIP/2.0 200 OK");
    assert_eq!(status, 200);
    let succeeded = TransferOutcome::Succeeded(StatusCode::OK);
    assert_eq!(ended(&mut bench, transfer), succeeded);
}
