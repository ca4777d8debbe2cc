//! The subscription of a REFER is a usage of its own of the dialog of its call (RFC 5057): a BYE ends the call alone.

use sip_core::{
    Cause, Event, InviteOptions, MessageOptions, ReferId, SessionId, TransferOptions,
    TransferOutcome,
};
use sip_parse::{HeaderName, Method, StatusCode};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

use crate::peer::{Peer, ended, progress, status};
use crate::received::{TO_CAROL, called, incoming, notified};
use crate::sent::{refer, referring};

const ACTIVE: &str = "active;expires=60";
const LAST: &str = "terminated;reason=noresource";

/// The agent hangs up: its BYE is answered, and the call is over once.
fn hang_up(bench: &mut Bench, id: SessionId) -> u32 {
    bench.hang_up(id);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    call_is_over(bench, id);
    bye.cseq().expect("CSeq").number
}

fn call_is_over(bench: &mut Bench, id: SessionId) {
    match bench.event() {
        Event::Ended { session, .. } if session == id => {}
        other => panic!("{other:?}"),
    }
}

fn nothing_left(mut bench: Bench) {
    bench.no_events();
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 5057 3.1 and 4 (6665-4.5-A), RFC 5589 6.1: the transferor hangs up before the response to its REFER, after the 202, or
/// after the NOTIFY with 100. It learns the outcome all the same, and the dialog ends with the subscription.
#[test]
fn rfc5589_6_1_a_transferor_that_hangs_up_learns_the_outcome() {
    for hang_up_after in ["REFER", "202", "100"] {
        for (line, outcome) in [
            ("SIP/2.0 200 OK", TransferOutcome::Succeeded(StatusCode::OK)),
            (
                "SIP/2.0 486 Busy Here",
                TransferOutcome::Failed(status(486)),
            ),
        ] {
            let (mut bench, id, peer, transfer, request) = referring(&TransferOptions::new());
            if hang_up_after == "REFER" {
                hang_up(&mut bench, id);
            }
            bench.reply(&request, 202, &[]);
            if hang_up_after == "202" {
                hang_up(&mut bench, id);
            }
            let trying = peer.notify(&mut bench, 1, "refer", ACTIVE, "SIP/2.0 100 Trying");
            assert_eq!(trying, 200, "after {hang_up_after}");
            assert_eq!(progress(&mut bench, transfer), 100);
            if hang_up_after == "100" {
                hang_up(&mut bench, id);
            }
            assert_eq!(bench.agent.table_sizes().sessions, 0);
            assert_eq!(bench.agent.table_sizes().dialogs, 1);
            let last = peer.notify(&mut bench, 2, "refer", LAST, line);
            assert_eq!(last, 200, "after {hang_up_after}");
            progress(&mut bench, transfer);
            assert_eq!(ended(&mut bench, transfer), outcome);
            assert_eq!(bench.agent.table_sizes().dialogs, 0);
            let late = peer.notify(&mut bench, 3, "refer", LAST, line);
            assert_eq!(late, 481, "the dialog is over");
            nothing_left(bench);
        }
    }
}

/// RFC 5057 4 and 5.3 (6665-4.5-A): the transferee hangs up; the subscription of the transferor goes on. What is for a call gets
/// 481 in that dialog, in which the order of CSeq goes on.
#[test]
fn rfc5057_5_3_after_the_bye_of_the_peer_only_the_subscription_is_left() {
    let (mut bench, id, peer, transfer, request) = referring(&TransferOptions::new());
    bench.reply(&request, 202, &[]);
    peer.send(&mut bench, "BYE", 1, "", "");
    assert_eq!(bench.next_response().status().as_u16(), 200);
    call_is_over(&mut bench, id);
    for (number, method) in [
        "INVITE", "BYE", "UPDATE", "INFO", "MESSAGE", "OPTIONS", "REFER",
    ]
    .into_iter()
    .enumerate()
    {
        let fields = match method {
            "REFER" => "Refer-To: <sip:carol@example.com>\n",
            "INFO" => "Info-Package: x\n",
            _ => "",
        };
        peer.send(&mut bench, method, 2 + number as u32, fields, "");
        let refused = bench.next_response();
        assert_eq!(refused.status().as_u16(), 481, "{method}");
        if method == "INVITE" {
            peer.send(&mut bench, "ACK", 2, "", "");
        }
    }
    let early = peer.notify(&mut bench, 3, "refer", ACTIVE, "SIP/2.0 100 Trying");
    assert_eq!(early, 500, "RFC 3261 12.2.2: out of order");
    let other = peer.notify(&mut bench, 20, "presence", ACTIVE, "");
    assert_eq!(other, 489);
    bench.no_events();
    let last = peer.notify(&mut bench, 21, "refer", LAST, "SIP/2.0 200 OK");
    assert_eq!(last, 200);
    progress(&mut bench, transfer);
    let succeeded = TransferOutcome::Succeeded(StatusCode::OK);
    assert_eq!(ended(&mut bench, transfer), succeeded);
    nothing_left(bench);
}

/// RFC 5057 4 (6665-4.5-A): a dialog lives until its last usage ends: the call and two REFERs in any order.
#[test]
fn rfc5057_4_the_dialog_lives_until_its_last_usage_ends() {
    let (mut bench, id, peer, first, request) = referring(&TransferOptions::new());
    bench.reply(&request, 202, &[]);
    let second = refer(&mut bench, id, "dave", &TransferOptions::new()).expect("a REFER");
    let again = bench.next_request();
    bench.reply(&again, 202, &[]);
    bench.events.clear();
    let number = again.cseq().expect("CSeq").number;
    hang_up(&mut bench, id);
    let succeeded = TransferOutcome::Succeeded(StatusCode::OK);
    let by_id = format!("refer;id={number}");
    let last = peer.notify(&mut bench, 1, &by_id, LAST, "SIP/2.0 200 OK");
    assert_eq!(last, 200);
    progress(&mut bench, second);
    assert_eq!(ended(&mut bench, second), succeeded);
    assert_eq!(bench.agent.table_sizes().dialogs, 1);
    let last = peer.notify(&mut bench, 2, "refer", LAST, "SIP/2.0 200 OK");
    assert_eq!(last, 200);
    progress(&mut bench, first);
    assert_eq!(ended(&mut bench, first), succeeded);
    assert_eq!(bench.agent.table_sizes().dialogs, 0);
    nothing_left(bench);
}

/// RFC 5057 4, 5.1 and 5.2 (6665-4.5-A): without its call a transfer is bounded as before: a refusal of the REFER, no response,
/// no NOTIFY, the duration of the subscription and the stop of the agent each end it and the dialog.
#[test]
fn rfc5057_5_2_a_subscription_without_its_call_is_bounded() {
    for end in ["refused", "silent", "no NOTIFY", "expired", "stopped"] {
        let (mut bench, id, peer, transfer, request) = referring(&TransferOptions::new());
        hang_up(&mut bench, id);
        match end {
            "refused" => bench.reply(&request, 481, &[]),
            "silent" => bench.wait(33 * SECOND),
            "no NOTIFY" => {
                bench.reply(&request, 202, &[]);
                bench.wait(33 * SECOND);
            }
            "expired" => {
                bench.reply(&request, 202, &[]);
                let trying = peer.notify(&mut bench, 1, "refer", ACTIVE, "SIP/2.0 100 Trying");
                assert_eq!(trying, 200);
                progress(&mut bench, transfer);
                bench.wait(61 * SECOND);
            }
            _ => {
                bench.reply(&request, 202, &[]);
                bench.agent.stop(None, bench.now);
                bench.pump();
            }
        }
        let outcome = ended(&mut bench, transfer);
        let fits = match (end, &outcome) {
            ("refused", TransferOutcome::Refused(reason)) => reason.status == Some(status(481)),
            ("silent", TransferOutcome::Refused(reason)) => reason.cause == Cause::Timeout,
            ("no NOTIFY" | "expired", TransferOutcome::TimedOut)
            | ("stopped", TransferOutcome::CallEnded) => true,
            _ => false,
        };
        assert!(fits, "{end}: {outcome:?}");
        bench.sent.clear();
        bench.events.clear();
        nothing_left(bench);
    }
}

/// The agent has accepted the REFER of bob, who has answered the NOTIFY with 100.
fn accepted() -> (Bench, SessionId, Peer, ReferId) {
    let (mut bench, id, peer) = called(&alice());
    peer.send(&mut bench, "REFER", 8, TO_CAROL, "");
    let (refer, ..) = incoming(&mut bench);
    bench
        .agent
        .accept_refer(refer, &MessageOptions::new(), bench.now)
        .expect("accept");
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 202);
    let trying = notified(&mut bench, "refer", "active", "SIP/2.0 100 Trying");
    bench.reply(&trying, 200, &[]);
    bench.events.clear();
    (bench, id, peer, refer)
}

/// RFC 5057 3.1 and 4 (6665-4.5-A), RFC 5589 6.1: the transferor hangs up after the 202 or the 100. The transferee, whose call to
/// the target the core makes, goes on reporting it in the same dialog with the next CSeq numbers.
#[test]
fn rfc5589_6_1_a_transferee_reports_after_the_bye() {
    for answered in [false, true] {
        let (mut bench, id, peer) = called(&alice());
        peer.send(&mut bench, "REFER", 8, TO_CAROL, "");
        let (refer, ..) = incoming(&mut bench);
        let call = bench
            .agent
            .follow_refer(refer, InviteOptions::new(), bench.now)
            .expect("a call");
        bench.pump();
        assert_eq!(bench.next_response().status().as_u16(), 202);
        let trying = notified(&mut bench, "refer", "active", "SIP/2.0 100 Trying");
        if answered {
            bench.reply(&trying, 200, &[]);
        }
        bench.describe(call, OFFER);
        let invite = bench.next_request();
        bench.events.clear();
        peer.send(&mut bench, "BYE", 9, "", "");
        assert_eq!(bench.next_response().status().as_u16(), 200);
        call_is_over(&mut bench, id);
        if !answered {
            bench.reply(&trying, 200, &[]);
        }
        bench.reply(&invite, 180, &[]);
        let ringing = notified(&mut bench, "refer", "active", "SIP/2.0 180 Ringing");
        assert_eq!(ringing.call_id(), trying.call_id());
        assert_eq!(
            value(&ringing, HeaderName::From),
            value(&trying, HeaderName::From)
        );
        let number = |request: &sip_parse::Request| request.cseq().expect("CSeq").number;
        assert_eq!(number(&ringing), number(&trying) + 1);
        bench.reply(&ringing, 200, &[]);
        peer.send(&mut bench, "BYE", 10, "", "");
        assert_eq!(bench.next_response().status().as_u16(), 481);
        let fields = [("Contact", "<sip:carol@192.0.2.7>")];
        bench.reply_tagged(&invite, 200, "carol", &fields, Some(OFFER));
        assert_eq!(bench.next_request().method(), Method::Ack);
        let last = notified(&mut bench, "refer", LAST, "SIP/2.0 200 OK");
        assert_eq!(number(&last), number(&ringing) + 1);
        bench.reply(&last, 200, &[]);
        assert_eq!(bench.agent.table_sizes().dialogs, 1, "the call to carol");
        bench.events.clear();
        hang_up(&mut bench, call);
        nothing_left(bench);
    }
}

/// RFC 5057 4 (6665-4.5-A): the transferee itself hangs up, and still reports. RFC 5057 5.1, RFC 6665 4.2.2: a NOTIFY that is
/// refused or not answered ends the subscription, and with it the dialog; so do its duration and a stop.
#[test]
fn rfc5057_4_a_transferee_that_hangs_up_still_reports() {
    for end in ["200", "481", "404", "silent", "expired", "stopped"] {
        let (mut bench, id, _, refer) = accepted();
        let bye = hang_up(&mut bench, id);
        match end {
            "expired" => {
                bench.wait(301 * SECOND);
                let timeout = "terminated;reason=timeout";
                let last = notified(&mut bench, "refer", timeout, "SIP/2.0 100 Trying");
                bench.reply(&last, 200, &[]);
            }
            "stopped" => {
                bench.agent.stop(None, bench.now);
                bench.pump();
                bench.events.clear();
            }
            _ => {
                bench
                    .agent
                    .refer_progress(refer, StatusCode::OK, bench.now)
                    .expect("progress");
                bench.pump();
                let last = notified(&mut bench, "refer", LAST, "SIP/2.0 200 OK");
                assert_eq!(last.cseq().expect("CSeq").number, bye + 1);
                match end.parse() {
                    Ok(code) => bench.reply(&last, code, &[]),
                    Err(_) => bench.wait(33 * SECOND),
                }
            }
        }
        bench.sent.clear();
        assert_eq!(bench.agent.table_sizes().dialogs, 0, "{end}");
        assert_eq!(bench.agent.table_sizes().refers, 0, "{end}");
        nothing_left(bench);
    }
}

/// RFC 5057 5.1 (6665-4.5-A): a failure that means the dialog ends its call and every subscription in it; one that means the usage
/// leaves the others.
#[test]
fn rfc5057_5_1_a_failure_of_the_dialog_ends_every_usage() {
    for (code, dialogs) in [(404, 0), (481, 1)] {
        let (mut bench, id, peer, first) = accepted();
        peer.send(&mut bench, "REFER", 9, TO_CAROL, "");
        let (second, ..) = incoming(&mut bench);
        bench
            .agent
            .accept_refer(second, &MessageOptions::new(), bench.now)
            .expect("accept");
        bench.pump();
        assert_eq!(bench.next_response().status().as_u16(), 202);
        let trying = notified(&mut bench, "refer;id=9", "active", "SIP/2.0 100 Trying");
        bench.reply(&trying, 200, &[]);
        hang_up(&mut bench, id);
        bench
            .agent
            .refer_progress(first, StatusCode::RINGING, bench.now)
            .expect("progress");
        bench.pump();
        let ringing = notified(&mut bench, "refer", "active", "SIP/2.0 180 Ringing");
        bench.reply(&ringing, code, &[]);
        let sizes = bench.agent.table_sizes();
        assert_eq!((sizes.dialogs, sizes.refers), (dialogs, dialogs), "{code}");
        bench.wait(301 * SECOND);
        bench.sent.clear();
        nothing_left_within(bench);
    }
}

fn nothing_left_within(mut bench: Bench) {
    bench.wait(40 * SECOND);
    bench.sent.clear();
    nothing_left(bench);
}

/// RFC 5057 4 (6665-4.5-A), RFC 3515 2.4.4: the connection breaks after the BYE; the NOTIFY waits for the next one, and for 64 T1
/// at most.
#[test]
fn rfc5057_4_a_subscription_without_its_call_outlives_a_connection() {
    for returns in [true, false] {
        let (mut bench, id, _, refer) = accepted();
        hang_up(&mut bench, id);
        bench.lose();
        bench
            .agent
            .refer_progress(refer, StatusCode::OK, bench.now)
            .expect("progress");
        bench.pump();
        bench.silence();
        if returns {
            bench.reconnect(sip_core::Transport::Ws);
            let notify = notified(&mut bench, "refer", LAST, "SIP/2.0 200 OK");
            bench.reply(&notify, 200, &[]);
        } else {
            bench.wait(33 * SECOND);
        }
        let sizes = bench.agent.table_sizes();
        assert_eq!((sizes.dialogs, sizes.refers), (0, 0));
    }
}

/// `Limits::refers`: the dialogs that subscriptions keep after their calls are as many as their REFERs at most.
#[test]
fn the_dialogs_that_subscriptions_keep_are_limited() {
    let limit = sip_core::Limits::default().refers as u32;
    let mut bench = Bench::new(&alice());
    for round in 1..=limit + 2 {
        let id = bench.invite_from_bob(round);
        let ok = bench.answer(id, OFFER);
        bench.in_dialog("ACK", 7, &format!("ack{round}"), &ok, "");
        let peer = Peer::sender(&ok);
        peer.send(&mut bench, "REFER", 8 + 10 * round, TO_CAROL, "");
        bench.pump();
        if round > limit {
            assert_eq!(bench.next_response().status().as_u16(), 503);
        } else {
            let (refer, ..) = incoming(&mut bench);
            bench
                .agent
                .accept_refer(refer, &MessageOptions::new(), bench.now)
                .expect("accept");
            bench.pump();
            assert_eq!(bench.next_response().status().as_u16(), 202);
            let trying = bench.next_request();
            bench.reply(&trying, 200, &[]);
        }
        peer.send(&mut bench, "BYE", 9 + 10 * round, "", "");
        assert_eq!(bench.next_response().status().as_u16(), 200);
        let dialogs = bench.agent.table_sizes().dialogs;
        assert_eq!(dialogs, round.min(limit) as usize);
    }
}
