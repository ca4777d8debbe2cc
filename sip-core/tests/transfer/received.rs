//! REFERs of a peer.

use sip_core::{
    CommandError, Event, FailureStatus, InviteOptions, MessageOptions, ReferId, Referral,
    SessionId, TransferOptions, TransferOutcome,
};
use sip_parse::{HeaderName, Method, Request, StatusCode};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

use crate::peer::{Peer, ended, goes_on_and_ends, status};

/// A call of bob's that is up, and what bob knows of it.
pub(crate) fn called(config: &sip_core::config::ConfigBuilder) -> (Bench, SessionId, Peer) {
    let mut bench = Bench::new(config);
    let id = bench.invite_from_bob(1);
    let ok = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.events.clear();
    (bench, id, Peer::sender(&ok))
}

pub(crate) fn incoming(bench: &mut Bench) -> (ReferId, Option<SessionId>, Referral) {
    bench.expect(|event| match event {
        Event::IncomingRefer {
            refer,
            session,
            referral,
        } => Some((*refer, *session, (**referral).clone())),
        _ => None,
    })
}

pub(crate) const TO_CAROL: &str =
    "Refer-To: <sip:carol@example.com>\nReferred-By: \"Bob\" <sip:bob@example.com>;cid=\"1@b\"\n";

/// The next request, which is a NOTIFY with this event, state and status line.
#[track_caller]
pub(crate) fn notified(bench: &mut Bench, event: &str, state: &str, line: &str) -> Request {
    let notify = bench.next_request();
    assert_eq!(notify.method(), Method::Notify);
    assert_eq!(value(&notify, HeaderName::Event), event);
    let is = value(&notify, HeaderName::SubscriptionState);
    assert!(is.starts_with(state), "{is}");
    assert_eq!(
        value(&notify, HeaderName::ContentType),
        "message/sipfrag;version=2.0"
    );
    assert_eq!(notify.body(), format!("{line}\r\n").as_bytes());
    notify
}

/// RFC 3515 2.4.2 (3515-2.4.2-A): not exactly one Refer-To is refused by 400, one of a scheme that this side does not call by
/// 416.
#[test]
fn rfc3515_2_4_2_a_refer_has_exactly_one_refer_to() {
    let (mut bench, id, peer) = called(&alice());
    let twice = TO_CAROL.repeat(2);
    for (number, (fields, expected)) in [
        ("", 400),
        (&*twice, 400),
        ("Refer-To: <sip:a@example.com>, <sip:b@example.com>\n", 400),
        ("Refer-To: <tel:+15551234>\n", 416),
        ("Refer-To: <http://example.com>\n", 416),
    ]
    .into_iter()
    .enumerate()
    {
        peer.send(&mut bench, "REFER", 8 + number as u32, fields, "");
        assert_eq!(
            bench.next_response().status().as_u16(),
            expected,
            "{fields}"
        );
    }
    bench.no_events();
    goes_on_and_ends(bench, id);
}

/// RFC 3515 2.4.2, 2.4.4 (3515-2.4.2-A, 3515-2.4.4-A), RFC 3892 2.2 (3892-2.2-A): the application follows a REFER by one
/// command. The core answers 202, reports 100, calls with the Referred-By and the Replaces, and reports the progress and the
/// final status of that call, with one NOTIFY in flight at a time (6665-4.2.2-A).
#[test]
fn rfc3515_2_4_4_a_followed_refer_reports_the_progress_of_its_call() {
    let (mut bench, id, peer) = called(&alice());
    let refer_to = "Refer-To: <sip:carol@example.com?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&X-Room=7&Via=forged>\n\
                    Referred-By: \"Bob\" <sip:bob@example.com>;cid=\"1@b\"\n";
    peer.send(&mut bench, "REFER", 8, refer_to, "");
    let (refer, session, referral) = incoming(&mut bench);
    assert_eq!(session, Some(id));
    assert_eq!(
        referral.replaces.as_deref(),
        Some("a@b;to-tag=1;from-tag=2")
    );
    let by = "\"Bob\" <sip:bob@example.com>;cid=\"1@b\"";
    assert_eq!(referral.referred_by.as_deref(), Some(by));
    assert_eq!(referral.target_dialog, None);
    bench.silence();
    let call = bench
        .agent
        .follow_refer(refer, InviteOptions::new(), bench.now);
    let call = call.expect("a call");
    bench.pump();
    let accepted = bench.next_response();
    assert_eq!(accepted.status().as_u16(), 202);
    assert!(!accepted.has(HeaderName::ReferSub));
    let trying = notified(
        &mut bench,
        "refer",
        "active;expires=300",
        "SIP/2.0 100 Trying",
    );
    bench.describe(call, OFFER);
    let invite = bench.next_request();
    assert_eq!(invite.method(), Method::Invite);
    assert_eq!(invite.uri_bytes(), b"sip:carol@example.com");
    assert_eq!(values(&invite, HeaderName::ReferredBy), [by]);
    assert_eq!(
        values(&invite, HeaderName::Replaces),
        ["a@b;to-tag=1;from-tag=2"]
    );
    assert_eq!(values(&invite, HeaderName::Other(b"X-Room")), ["7"]);
    assert_eq!(values(&invite, HeaderName::Via).len(), 1);
    // One NOTIFY is in flight: the later status waits, and replaces one that waits.
    bench.reply(&invite, 180, &[]);
    bench.reply(&invite, 183, &[]);
    bench.silence();
    bench.reply(&trying, 200, &[]);
    let progress = notified(
        &mut bench,
        "refer",
        "active;expires=",
        "SIP/2.0 183 Session Progress",
    );
    bench.reply(&progress, 200, &[]);
    bench.silence();
    let fields = [("Contact", "<sip:carol@192.0.2.7>")];
    bench.reply_tagged(&invite, 200, "carol", &fields, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    let last = notified(
        &mut bench,
        "refer",
        "terminated;reason=noresource",
        "SIP/2.0 200 OK",
    );
    bench.reply(&last, 200, &[]);
    bench.wait(400 * SECOND);
    bench.silence();
    for call in [call, id] {
        bench.hang_up(call);
        let bye = bench.next_request();
        bench.reply(&bye, 200, &[]);
    }
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 3515 2.4.4 (3515-2.4.4-A): the final NOTIFY has the final status of the call, also if the application gives up, or
/// the called party does not answer in time.
#[test]
fn rfc3515_2_4_4_the_last_notify_has_the_final_status() {
    for (end, line) in [
        ("486", "SIP/2.0 486 Busy Here"),
        ("hang up", "SIP/2.0 487 Request Terminated"),
        ("nothing", "SIP/2.0 408 Request Timeout"),
    ] {
        let (mut bench, id, peer) = called(&alice());
        peer.send(&mut bench, "REFER", 8, TO_CAROL, "");
        let (refer, ..) = incoming(&mut bench);
        let call = bench
            .agent
            .follow_refer(refer, InviteOptions::new(), bench.now);
        let call = call.expect("a call");
        bench.pump();
        bench.next_response();
        let trying = bench.next_request();
        bench.reply(&trying, 200, &[]);
        bench.describe(call, OFFER);
        let invite = bench.next_request();
        match end {
            "486" => {
                bench.reply(&invite, 486, &[]);
                assert_eq!(bench.next_request().method(), Method::Ack);
            }
            "hang up" => {
                bench.reply(&invite, 100, &[]);
                bench.hang_up(call);
                let cancel = bench.next_request();
                bench.reply(&cancel, 200, &[]);
                bench.reply(&invite, 487, &[]);
                assert_eq!(bench.next_request().method(), Method::Ack);
            }
            _ => bench.wait(33 * SECOND),
        }
        let last = notified(&mut bench, "refer", "terminated;reason=noresource", line);
        bench.reply(&last, 200, &[]);
        goes_on_and_ends(bench, id);
    }
}

/// RFC 6665 4.2.2 (6665-4.2.2-A): a NOTIFY that is refused or not answered ends the subscription, and neither the call that
/// follows nor the call of the REFER.
#[test]
fn rfc6665_4_2_2_a_refused_notify_ends_the_subscription() {
    for answer in [Some(481), Some(500), None] {
        let (mut bench, id, peer) = called(&alice());
        peer.send(&mut bench, "REFER", 8, TO_CAROL, "");
        let (refer, ..) = incoming(&mut bench);
        bench
            .agent
            .accept_refer(refer, &MessageOptions::new(), bench.now)
            .expect("accept");
        bench.pump();
        bench.next_response();
        let notify = bench.next_request();
        match answer {
            Some(answer) => bench.reply(&notify, answer, &[]),
            None => bench.wait(33 * SECOND),
        }
        let late = bench.agent.refer_progress(refer, StatusCode::OK, bench.now);
        assert_eq!(late, Err(CommandError::Stale));
        bench.sent.clear();
        goes_on_and_ends(bench, id);
    }
}

/// RFC 3515 2.4.5: the application that does not let the core follow reports itself; RFC 3515 2.4.6 (3515-2.4.6-A): further
/// REFERs of a dialog have an id.
#[test]
fn rfc3515_2_4_6_the_application_reports_and_further_refers_have_an_id() {
    let (mut bench, id, peer) = called(&alice());
    for (number, event) in [(8, "refer"), (9, "refer;id=9")] {
        peer.send(&mut bench, "REFER", number, TO_CAROL, "");
        let (refer, ..) = incoming(&mut bench);
        let early = bench
            .agent
            .refer_progress(refer, StatusCode::RINGING, bench.now);
        assert!(matches!(early, Err(CommandError::WrongState(_))));
        bench
            .agent
            .accept_refer(refer, &MessageOptions::new(), bench.now)
            .expect("accept");
        bench.pump();
        assert_eq!(bench.next_response().status().as_u16(), 202);
        let trying = notified(&mut bench, event, "active", "SIP/2.0 100 Trying");
        bench.reply(&trying, 200, &[]);
        let again = bench
            .agent
            .accept_refer(refer, &MessageOptions::new(), bench.now);
        assert_eq!(again, Err(CommandError::Stale));
        bench
            .agent
            .refer_progress(refer, StatusCode::RINGING, bench.now)
            .expect("progress");
        bench.pump();
        let ringing = notified(&mut bench, event, "active", "SIP/2.0 180 Ringing");
        bench
            .agent
            .refer_progress(refer, status(503), bench.now)
            .expect("progress");
        bench.pump();
        bench.silence();
        bench.reply(&ringing, 200, &[]);
        let last = "terminated;reason=noresource";
        let last = notified(&mut bench, event, last, "SIP/2.0 503 Service Unavailable");
        bench.reply(&last, 200, &[]);
        let late = bench.agent.refer_progress(refer, StatusCode::OK, bench.now);
        assert_eq!(late, Err(CommandError::Stale));
    }
    goes_on_and_ends(bench, id);
}

/// RFC 6665 4.2.1 (6665-4.2.1-A): a subscription whose request has no outcome in time ends with `reason=timeout`.
#[test]
fn rfc6665_4_2_1_a_subscription_expires() {
    let (mut bench, id, peer) = called(&alice());
    peer.send(&mut bench, "REFER", 8, TO_CAROL, "");
    let (refer, ..) = incoming(&mut bench);
    bench
        .agent
        .accept_refer(refer, &MessageOptions::new(), bench.now)
        .expect("accept");
    bench.pump();
    bench.next_response();
    let trying = bench.next_request();
    bench.reply(&trying, 200, &[]);
    bench.wait(299 * SECOND);
    bench.silence();
    bench.wait(2 * SECOND);
    let last = notified(
        &mut bench,
        "refer",
        "terminated;reason=timeout",
        "SIP/2.0 100 Trying",
    );
    bench.reply(&last, 200, &[]);
    goes_on_and_ends(bench, id);
}

/// RFC 3515 2.4.2: the application refuses a REFER; one that it does not answer within 10 s is refused by a status that ends
/// nothing else.
#[test]
fn rfc3515_2_4_2_the_application_decides() {
    let (mut bench, _, peer) = called(&alice());
    peer.send(&mut bench, "REFER", 8, TO_CAROL, "");
    let (refer, ..) = incoming(&mut bench);
    bench
        .agent
        .reject_refer(refer, FailureStatus::DECLINE, bench.now)
        .expect("reject");
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 603);
    let again = bench
        .agent
        .reject_refer(refer, FailureStatus::DECLINE, bench.now);
    assert_eq!(again, Err(CommandError::Stale));
    peer.send(&mut bench, "REFER", 9, TO_CAROL, "");
    bench.wait(9 * SECOND);
    let trying = bench.next_response().status();
    assert_eq!(trying, StatusCode::TRYING, "RFC 4320 4.1");
    bench.silence();
    bench.wait(2 * SECOND);
    assert_eq!(bench.next_response().status().as_u16(), 500);
    // The peer ends the call of a REFER that waits.
    peer.send(&mut bench, "REFER", 10, TO_CAROL, "");
    peer.send(&mut bench, "BYE", 11, "", "");
    assert_eq!(bench.next_response().cseq().unwrap().method, Method::Bye);
    assert_eq!(bench.next_response().status().as_u16(), 481);
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 4488 4 (4488-4-A), RFC 7614 5.2 (7614-A): a REFER without a subscription gets no NOTIFY; an option tag that this side
/// does not know gets 420.
#[test]
fn rfc4488_4_a_peer_wants_no_subscription() {
    for (fields, name, echo) in [
        ("Refer-Sub: false\n", HeaderName::ReferSub, "false"),
        ("Require: nosub\n", HeaderName::Require, "nosub"),
    ] {
        let (mut bench, id, peer) = called(&alice());
        peer.send(&mut bench, "REFER", 8, &format!("{TO_CAROL}{fields}"), "");
        let (refer, ..) = incoming(&mut bench);
        let call = bench
            .agent
            .follow_refer(refer, InviteOptions::new(), bench.now);
        let call = call.expect("a call");
        bench.pump();
        let accepted = bench.next_response();
        assert_eq!(accepted.status().as_u16(), 202);
        assert_eq!(value(&accepted, name), echo);
        bench.describe(call, OFFER);
        let invite = bench.next_request();
        bench.reply(&invite, 486, &[]);
        assert_eq!(bench.next_request().method(), Method::Ack);
        bench.silence();
        let late = bench.agent.refer_progress(refer, StatusCode::OK, bench.now);
        assert_eq!(late, Err(CommandError::Stale));
        goes_on_and_ends(bench, id);
    }
    let (mut bench, id, peer) = called(&alice());
    peer.send(
        &mut bench,
        "REFER",
        8,
        &format!("{TO_CAROL}Require: explicitsub\n"),
        "",
    );
    let refused = bench.next_response();
    assert_eq!(refused.status().as_u16(), 420);
    assert_eq!(value(&refused, HeaderName::Unsupported), "explicitsub");
    bench.no_events();
    goes_on_and_ends(bench, id);
}

/// RFC 3515 2.4.4: the connection of a REFER may end before the subscription does: a NOTIFY waits for the next one. A peer that
/// hangs up and answers no NOTIFY gets no further one; the call that follows goes on.
#[test]
fn rfc3515_2_4_4_a_notify_waits_for_a_connection() {
    let (mut bench, _, peer) = called(&alice());
    peer.send(&mut bench, "REFER", 8, TO_CAROL, "");
    let (refer, ..) = incoming(&mut bench);
    bench
        .agent
        .accept_refer(refer, &MessageOptions::new(), bench.now)
        .expect("accept");
    bench.pump();
    bench.next_response();
    let trying = bench.next_request();
    bench.reply(&trying, 200, &[]);
    bench.lose();
    bench
        .agent
        .refer_progress(refer, StatusCode::OK, bench.now)
        .expect("progress");
    bench.pump();
    bench.silence();
    bench.reconnect(sip_core::Transport::Ws);
    let last = "terminated;reason=noresource";
    let notify = notified(&mut bench, "refer", last, "SIP/2.0 200 OK");
    bench.reply(&notify, 200, &[]);

    let (mut bench, _, peer) = called(&alice());
    peer.send(&mut bench, "REFER", 8, TO_CAROL, "");
    let (refer, ..) = incoming(&mut bench);
    let call = bench
        .agent
        .follow_refer(refer, InviteOptions::new(), bench.now)
        .expect("a call");
    bench.pump();
    bench.next_response();
    bench.next_request();
    bench.describe(call, OFFER);
    let invite = bench.next_request();
    peer.send(&mut bench, "BYE", 9, "", "");
    assert_eq!(bench.next_response().status().as_u16(), 200);
    bench.reply(&invite, 180, &[]);
    bench.silence();
    bench.reply(&invite, 486, &[]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.wait(40 * SECOND);
    bench.sent.clear();
    bench.assert_nothing_left();
}

/// `Limits::refers_per_call`: a peer cannot make REFERs pile up.
#[test]
fn the_refers_of_a_peer_are_limited() {
    let (mut bench, id, peer) = called(&alice());
    for number in 8..12 {
        peer.send(&mut bench, "REFER", number, TO_CAROL, "");
        incoming(&mut bench);
    }
    peer.send(&mut bench, "REFER", 12, TO_CAROL, "");
    let refused = bench.next_response();
    assert_eq!(refused.status().as_u16(), 503);
    assert!(refused.has(HeaderName::RetryAfter));
    bench.no_events();
    bench.wait(11 * SECOND);
    bench.sent.clear();
    goes_on_and_ends(bench, id);
}

/// A REFER of bob's outside any dialog.
fn outside(bench: &mut Bench, number: u32, fields: &str) {
    let user = bench.contact_user();
    bench.feed(&format!(
        "REFER sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKo{number}\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\nCall-ID: o{number}\nCSeq: 3 REFER\n\
         {fields}Content-Length: 0\n\n"
    ));
}

const CONTACT: &str = "Contact: <sip:bob@b.invalid>\n";

/// RFC 3515 2.4.2, 2.4.4, RFC 4538 4: a REFER outside any dialog is refused by 403, unless `allowOutOfDialogRefers` leaves it
/// to the application. Its NOTIFYs go in the dialog that it makes. Target-Dialog names a call to the application.
#[test]
fn rfc3515_2_4_2_a_refer_outside_dialogs() {
    let mut bench = Bench::new(&alice());
    outside(&mut bench, 1, &format!("{TO_CAROL}{CONTACT}"));
    assert_eq!(bench.next_response().status().as_u16(), 403);
    bench.no_events();

    let mut config = alice();
    let (mut bench, id, known) = called(config.allow_out_of_dialog_refers(true));
    outside(&mut bench, 2, TO_CAROL);
    assert_eq!(
        bench.next_response().status().as_u16(),
        400,
        "no Contact for the NOTIFYs"
    );
    let ours = known.to.split(";tag=").nth(1).unwrap().to_owned();
    let fields = format!(
        "{TO_CAROL}{CONTACT}Target-Dialog: {};local-tag={ours};remote-tag=bobtag\n",
        known.call_id
    );
    outside(&mut bench, 3, &fields);
    let (refer, session, referral) = incoming(&mut bench);
    assert_eq!((session, referral.target_dialog), (None, Some(id)));
    let call = bench
        .agent
        .follow_refer(refer, InviteOptions::new(), bench.now)
        .expect("a call");
    bench.pump();
    let accepted = bench.next_response();
    assert_eq!(accepted.status().as_u16(), 202);
    let trying = notified(&mut bench, "refer", "active", "SIP/2.0 100 Trying");
    assert_eq!(trying.uri_bytes(), b"sip:bob@b.invalid");
    assert_eq!(trying.call_id(), Ok(&b"o3"[..]));
    assert_eq!(trying.from().unwrap().tag(), accepted.to().unwrap().tag());
    assert_eq!(trying.to().unwrap().tag(), Some(&b"bobtag"[..]));
    bench.reply(&trying, 200, &[]);
    bench.describe(call, OFFER);
    let invite = bench.next_request();
    bench.reply(&invite, 486, &[]);
    bench.next_request();
    let last = notified(&mut bench, "refer", "terminated", "SIP/2.0 486 Busy Here");
    bench.reply(&last, 200, &[]);
    outside(&mut bench, 4, &format!("{TO_CAROL}{CONTACT}"));
    bench.wait(11 * SECOND);
    let unanswered = bench.sent.pop_back().unwrap().into_response().unwrap();
    assert_eq!(unanswered.status().as_u16(), 480);
    bench.sent.clear();
    goes_on_and_ends(bench, id);
}

/// The agent stops: every transfer has its end.
#[test]
fn a_stop_ends_every_transfer() {
    let mut config = alice();
    let mut bench = Bench::new(config.allow_out_of_dialog_refers(true));
    let options = TransferOptions::new();
    let ours = bench
        .agent
        .refer("bob", "carol", &options, bench.now)
        .expect("a REFER");
    bench.pump();
    outside(&mut bench, 1, &format!("{TO_CAROL}{CONTACT}"));
    incoming(&mut bench);
    bench.agent.stop(None, bench.now);
    bench.pump();
    bench.agent.stop(None, bench.now);
    bench.pump();
    assert_eq!(ended(&mut bench, ours), TransferOutcome::CallEnded);
    bench.assert_nothing_left();
}
