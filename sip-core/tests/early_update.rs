//! UPDATEs of the peer in the early dialogs of a call that this side makes (RFC 3311 section 5.2), against a scripted peer.

use std::time::Duration;

use sip_core::config::{ConfigBuilder, Support};
use sip_core::dialog::DialogId;
use sip_core::{
    Body, Cause, CommandError, DescriptionFailed, DescriptionKind, Event, ExchangeOutcome,
    InviteOptions, ModifyOptions, Session, SessionId,
};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

const ANSWER: &str = "v=0 answer";
const CHANGED: &str = "v=0 changed";

/// Alice, who supports 100rel.
fn reliable() -> ConfigBuilder {
    let mut config = alice();
    config.rel100(Support::Supported);
    config
}

/// A response of Bob in the dialog with this tag; a reliable one has an RSeq number.
fn respond(
    bench: &mut Bench,
    invite: &Request,
    status: u16,
    tag: &str,
    rseq: Option<u32>,
    sdp: Option<&str>,
) {
    let contact = format!("<sip:{tag}@192.0.2.9>");
    let rseq = rseq.map(|rseq| rseq.to_string());
    let mut headers = vec![("Contact", contact.as_str())];
    if let Some(rseq) = &rseq {
        headers.extend([("Require", "100rel"), ("RSeq", rseq), ("Allow", "UPDATE")]);
    }
    bench.reply_tagged(invite, status, tag, &headers, sdp);
}

/// A reliable provisional response in this dialog, and its PRACK.
fn acknowledged(bench: &mut Bench, invite: &Request, tag: &str, rseq: u32, sdp: Option<&str>) {
    respond(bench, invite, 183, tag, Some(rseq), sdp);
    let prack = bench.next_request();
    assert_eq!(prack.method(), Method::Prack);
    bench.reply(&prack, 200, &[]);
}

/// A call whose early dialog with this tag has completed the exchange of the INVITE.
fn early(bench: &mut Bench, tag: &str) -> (SessionId, Request) {
    let (id, invite) = bench.call();
    acknowledged(bench, &invite, tag, 1, Some(ANSWER));
    bench.events.clear();
    (id, invite)
}

/// Bob sends an UPDATE in the early dialog with this tag.
fn update(bench: &mut Bench, invite: &Request, tag: &str, cseq: u32, sdp: Option<&str>) {
    let (ours, call_id) = (
        value(invite, HeaderName::From),
        value(invite, HeaderName::CallId),
    );
    let user = bench.contact_user();
    let (kind, body) = match sdp {
        Some(sdp) => ("Content-Type: application/sdp\n", sdp.replace("\r\n", "\n")),
        None => ("", String::new()),
    };
    bench.feed(&format!(
        "UPDATE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{tag}{cseq}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag={tag}\nTo: {ours}\nCall-ID: {call_id}\n\
         CSeq: {cseq} UPDATE\nContact: <sip:{tag}@moved.invalid>\n{kind}Content-Length: {}\n\n{body}",
        sdp.map_or(0, str::len),
    ));
}

#[track_caller]
fn status(bench: &mut Bench) -> u16 {
    let response = bench.next_response();
    assert_eq!(response.cseq().unwrap().method, Method::Update);
    response.status().as_u16()
}

/// The dialog of the offer in an UPDATE, whose answer the core asks for.
#[track_caller]
fn offered(bench: &mut Bench) -> DialogId {
    let named = match bench.event() {
        Event::RemoteDescription { dialog, kind, .. } => {
            assert_eq!(kind, DescriptionKind::Offer);
            dialog
        }
        other => panic!("{other:?}"),
    };
    match bench.event() {
        Event::DescriptionNeeded { dialog, kind, .. } => {
            assert_eq!((dialog, kind), (named, DescriptionKind::Answer));
        }
        other => panic!("{other:?}"),
    }
    named.expect("an early dialog")
}

#[track_caller]
fn outcome(bench: &mut Bench) -> (Option<DialogId>, ExchangeOutcome) {
    bench.expect(|event| match event {
        Event::ExchangeEnded {
            dialog, outcome, ..
        } => Some((*dialog, outcome.clone())),
        _ => None,
    })
}

/// 3311-5.2-A, 3311-5.2-B, RFC 3311 section 5.2: the caller takes an offer by UPDATE in an early dialog that has completed its first
/// exchange. The events name the dialog, the 2xx carries the answer, and the target is refreshed. Before, the UPDATE gets 491,
/// because the offer of the INVITE is not answered.
#[test]
fn rfc3311_5_2_the_caller_takes_update_in_an_early_dialog() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = bench.call();
    acknowledged(&mut bench, &invite, "bob", 1, None);
    update(&mut bench, &invite, "bob", 1, Some(OFFER));
    assert_eq!(status(&mut bench), 491);
    acknowledged(&mut bench, &invite, "bob", 2, Some(ANSWER));
    bench.events.clear();
    update(&mut bench, &invite, "bob", 2, Some(OFFER));
    let dialog = offered(&mut bench);
    bench.silence();
    // The peer's next reliable response does not wait for the application's answer.
    acknowledged(&mut bench, &invite, "bob", 3, None);
    bench.events.clear();
    bench.describe(id, CHANGED);
    let answered = bench.next_response();
    assert_eq!(
        (answered.status().as_u16(), answered.body()),
        (200, CHANGED.as_bytes())
    );
    assert_eq!(answered.contacts().count(), 1);
    assert_eq!(
        outcome(&mut bench),
        (Some(dialog), ExchangeOutcome::Complete)
    );
    let late = bench.try_describe(id, Ok(Body::sdp(CHANGED)));
    assert_eq!(late, Err(CommandError::ExchangeOver));
    let next = [("Require", "100rel"), ("RSeq", "4")];
    bench.reply_tagged(&invite, 183, "bob", &next, None);
    let prack = bench.next_request();
    assert_eq!(prack.uri_bytes(), b"sip:bob@moved.invalid");
    update(&mut bench, &invite, "bob", 3, None);
    assert_eq!(status(&mut bench), 200);
    bench.events.clear();
    respond(&mut bench, &invite, 200, "bob", None, None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert!(matches!(bench.event(), Event::Established { .. }));
    bench.no_events();
}

/// 3311-5.2-A, RFC 3311 section 5.2: each early dialog has its own exchange. While an UPDATE waits in one, a second there gets 500
/// with Retry-After, one in a dialog without an answer 491, and a third dialog takes one.
#[test]
fn rfc3311_5_2_each_early_dialog_has_its_own_exchange() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = early(&mut bench, "bob");
    acknowledged(&mut bench, &invite, "carol", 1, None);
    acknowledged(&mut bench, &invite, "dave", 1, Some(ANSWER));
    bench.events.clear();
    update(&mut bench, &invite, "bob", 1, Some(OFFER));
    let bob = offered(&mut bench);
    for (cseq, sdp) in [(2, Some(OFFER)), (3, None)] {
        update(&mut bench, &invite, "bob", cseq, sdp);
        let busy = bench.next_response();
        assert_eq!(busy.status().as_u16(), 500);
        let wait: u32 = value(&busy, HeaderName::RetryAfter).parse().unwrap();
        assert!(wait <= 10);
    }
    update(&mut bench, &invite, "carol", 1, Some(OFFER));
    assert_eq!(status(&mut bench), 491);
    update(&mut bench, &invite, "dave", 1, Some(OFFER));
    let dave = offered(&mut bench);
    assert_ne!(bob, dave);
    // The bench describes the exchange that was asked for last.
    bench.describe(id, CHANGED);
    assert_eq!(status(&mut bench), 200);
    assert_eq!(outcome(&mut bench), (Some(dave), ExchangeOutcome::Complete));
    // Dave answers the call, so that the dialog of Bob and its UPDATE end.
    bench.reply_tagged(
        &invite,
        200,
        "dave",
        &[("Contact", "<sip:dave@x.invalid>")],
        None,
    );
    assert_eq!(status(&mut bench), 487);
    assert_eq!(bench.next_request().method(), Method::Ack);
    match outcome(&mut bench) {
        (dialog, ExchangeOutcome::Aborted(reason)) => {
            assert_eq!(
                (dialog, reason.cause),
                (Some(bob), Cause::AnsweredElsewhere)
            );
        }
        other => panic!("{other:?}"),
    }
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    bench.no_events();
}

/// RFC 3311 section 5.2, RFC 6337 section 2.2: the 2xx to the INVITE crosses the UPDATE. The exchange becomes that of the call: it
/// holds other offers off, and the application's answer goes into the 2xx to the UPDATE.
#[test]
fn rfc3311_5_2_an_update_that_crosses_the_2xx_becomes_one_of_the_call() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = early(&mut bench, "bob");
    update(&mut bench, &invite, "bob", 1, Some(OFFER));
    let dialog = offered(&mut bench);
    respond(&mut bench, &invite, 200, "bob", None, None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert!(matches!(bench.event(), Event::Established { .. }));
    let busy = match bench.agent.session(id) {
        Ok(Session::Established(call)) => call.reinvite(ModifyOptions::new(), bench.now),
        other => panic!("not up: {other:?}"),
    };
    assert!(matches!(busy, Err(CommandError::WrongState(_))));
    update(&mut bench, &invite, "bob", 2, Some(OFFER));
    assert_eq!(status(&mut bench), 500);
    bench.describe(id, CHANGED);
    assert_eq!(status(&mut bench), 200);
    assert_eq!(
        outcome(&mut bench),
        (Some(dialog), ExchangeOutcome::Complete)
    );
    // RFC 3311 section 5.1: the Allow of the reliable response counts, because the 2xx had none.
    match bench.agent.session(id) {
        Ok(Session::Established(call)) => call.update(ModifyOptions::new(), bench.now).unwrap(),
        other => panic!("not up: {other:?}"),
    }
    bench.pump();
    bench.describe(id, OFFER);
    assert_eq!(bench.next_request().method(), Method::Update);

    // Without an answer of the application, the deadline of the UPDATE runs on over the 2xx.
    let mut bench = Bench::new(&reliable());
    let (id, invite) = early(&mut bench, "bob");
    update(&mut bench, &invite, "bob", 1, Some(OFFER));
    bench.wait(6 * SECOND);
    respond(&mut bench, &invite, 200, "bob", None, None);
    assert_eq!(bench.next_response().status().as_u16(), 100);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.wait(4 * SECOND);
    assert_eq!(status(&mut bench), 504);
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
}

/// RFC 3262 section 3: a peer that sends another offer has the PRACK with the answer to its first one, whose 2xx comes later.
#[test]
fn rfc3311_5_2_an_update_overtakes_the_2xx_to_prack() {
    let mut bench = Bench::new(&reliable());
    let options = InviteOptions::new().late_offer();
    let id = bench.agent.invite("bob", options, bench.now).unwrap();
    bench.pump();
    let invite = bench.next_request();
    respond(&mut bench, &invite, 183, "bob", Some(1), Some(OFFER));
    update(&mut bench, &invite, "bob", 1, Some(OFFER));
    assert_eq!(status(&mut bench), 500, "its first offer is not answered");
    bench.describe(id, ANSWER);
    let prack = bench.next_request();
    bench.events.clear();
    update(&mut bench, &invite, "bob", 2, Some(OFFER));
    assert_eq!(outcome(&mut bench).1, ExchangeOutcome::Complete);
    offered(&mut bench);
    bench.reply(&prack, 200, &[]);
    bench.no_events();
    bench.describe(id, CHANGED);
    assert_eq!(status(&mut bench), 200);
    assert_eq!(outcome(&mut bench).1, ExchangeOutcome::Complete);
}

/// 3311-5.2-B, RFC 3311 section 5.2, RFC 3261 section 15.1.2: whatever ends the wait for the application's answer, the UPDATE gets one
/// final response, and its exchange ends once.
#[test]
fn rfc3311_5_2_a_pending_update_of_an_early_dialog_ends_once() {
    let ends = [
        ("late", Some(504), "refused"),
        ("no description", Some(488), "refused"),
        ("cancel", Some(487), "aborted"),
        ("refusal", Some(487), "refused"),
        ("199", Some(487), "aborted"),
        ("resent", Some(487), "aborted"),
        ("loss", None, "aborted"),
    ];
    for (how, expected, outcome_name) in ends {
        let mut bench = Bench::new(&reliable());
        let (id, invite) = early(&mut bench, "bob");
        update(&mut bench, &invite, "bob", 1, Some(OFFER));
        offered(&mut bench);
        match how {
            "late" => {
                bench.wait(10 * SECOND - Duration::from_millis(1));
                assert_eq!(bench.next_response().status().as_u16(), 100);
                bench.silence();
                bench.wait(Duration::from_millis(1));
            }
            "no description" => bench.try_describe(id, Err(DescriptionFailed)).unwrap(),
            "cancel" => {
                bench.hang_up(id);
                assert_eq!(bench.next_request().method(), Method::Cancel);
            }
            "refusal" => respond(&mut bench, &invite, 486, "bob", None, None),
            "199" => respond(&mut bench, &invite, 199, "bob", None, None),
            "resent" => {
                let challenge = r#"Digest realm="example.com", nonce="n", qop="auth""#;
                bench.reply(&invite, 407, &[("Proxy-Authenticate", challenge)]);
            }
            _ => bench.lose(),
        }
        bench.sent.retain(|message| message.as_request().is_none());
        if let Some(expected) = expected {
            assert_eq!(status(&mut bench), expected, "{how}");
        }
        let seen = match outcome(&mut bench).1 {
            ExchangeOutcome::Refused(_) => "refused",
            ExchangeOutcome::Aborted(_) => "aborted",
            other => panic!("{other:?}"),
        };
        assert_eq!(seen, outcome_name, "{how}");
        let late = bench.try_describe(id, Ok(Body::sdp(CHANGED)));
        assert!(late.is_err(), "{how}");
        let goes_on = matches!(how, "late" | "no description" | "199" | "resent");
        let is_outgoing = matches!(bench.agent.session(id), Ok(Session::Outgoing(_)));
        assert_eq!(is_outgoing, goes_on, "{how}");
        bench.sent.clear();
        if how == "late" || how == "no description" {
            // The session is unchanged, and the peer may try again.
            update(&mut bench, &invite, "bob", 2, Some(OFFER));
            bench.describe(id, CHANGED);
            assert_eq!(status(&mut bench), 200, "{how}");
        }
    }
}

/// RFC 3311 section 5.2: the application answers no offer in a call that it has given up; the peer gets 487. An UPDATE without an
/// offer is answered, and a 2xx that crosses the CANCEL is ended as ever.
#[test]
fn rfc3311_5_2_an_update_in_a_cancelled_call_gets_487() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = early(&mut bench, "bob");
    bench.hang_up(id);
    assert_eq!(bench.next_request().method(), Method::Cancel);
    update(&mut bench, &invite, "bob", 1, Some(OFFER));
    assert_eq!(status(&mut bench), 487);
    update(&mut bench, &invite, "bob", 2, None);
    assert_eq!(status(&mut bench), 200);
    bench.no_events();
    bench.reply_tagged(&invite, 200, "bob", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    bench.expect(|event| matches!(event, Event::Ended { .. }).then_some(()));
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 3262 section 5, RFC 3311 section 5.2: the deadline of an UPDATE in one early dialog does not cancel a call because the
/// application has not answered the offer in another one yet.
#[test]
fn rfc3311_5_2_a_late_update_leaves_the_offer_of_another_dialog() {
    for update_first in [true, false] {
        let mut bench = Bench::new(&reliable());
        let options = InviteOptions::new().late_offer();
        let id = bench.agent.invite("bob", options, bench.now).unwrap();
        bench.pump();
        let invite = bench.next_request();
        respond(&mut bench, &invite, 183, "bob", Some(1), Some(OFFER));
        bench.describe(id, ANSWER);
        let prack = bench.next_request();
        bench.reply(&prack, 200, &[]);
        if update_first {
            update(&mut bench, &invite, "bob", 1, Some(OFFER));
            respond(&mut bench, &invite, 183, "carol", Some(1), Some(OFFER));
        } else {
            respond(&mut bench, &invite, 183, "carol", Some(1), Some(OFFER));
            update(&mut bench, &invite, "bob", 1, Some(OFFER));
        }
        bench.wait(10 * SECOND);
        assert_eq!(bench.next_response().status().as_u16(), 100);
        assert_eq!(status(&mut bench), 504);
        bench.silence();
        bench.wait(15 * SECOND);
        bench.silence();
        bench.wait(20 * SECOND);
        assert_eq!(bench.next_request().method(), Method::Cancel);
    }
}
