//! Calls that a scripted peer makes to the agent.

use std::time::Duration;

use sip_core::{
    Body, Cause, DescriptionKind, Event, ExtraHeader, FailureStatus, Originator, Refusal, Session,
    SessionId,
};
use sip_parse::{HeaderName, Method, Response};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

const ANSWER: &str = "v=0\r\no=- 2 2 IN IP4 192.0.2.2\r\n";

fn answer(bench: &mut Bench, id: SessionId) -> Response {
    bench.accept(id);

    let kind = bench.description_needed().kind;
    assert_eq!(kind, DescriptionKind::Answer);
    bench.describe(id, ANSWER);
    bench.next_response()
}

fn ended(bench: &mut Bench) -> (Originator, Cause) {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((reason.originator, reason.cause)),
        _ => None,
    })
}

/// RFC 3261 13.3.1 and 12.1.1: 180 and 200 have the same tag, the agent's Contact and the record route
/// unchanged.
#[test]
fn rfc3261_12_1_1_responses_that_make_a_dialog() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => call.ring(bench.now),
        _ => panic!("not an incoming call"),
    }
    bench.pump();
    let ringing = bench.next_response();
    assert_eq!(ringing.status().as_u16(), 180);
    let ok = answer(&mut bench, id);
    assert_eq!(ok.status().as_u16(), 200);
    assert_eq!(ok.to().unwrap().tag(), ringing.to().unwrap().tag());
    assert_eq!(ok.contacts().count(), 1);
    assert_eq!(
        values(&ok, HeaderName::RecordRoute),
        ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]
    );
    assert!(
        ok.has(HeaderName::Allow) && ok.has(HeaderName::Supported),
        "13.3.1.4"
    );
    assert_eq!(ok.body(), ANSWER.as_bytes());
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.renegotiated(id);
    assert!(matches!(bench.event(), Event::Established { session } if session == id));
    // 12.2.1.1: the agent's requests follow the record route in its order.
    bench.hang_up(id);
    let bye = bench.next_request();
    assert_eq!(bye.uri_bytes(), b"sip:bob@bob.invalid;transport=ws");
    assert_eq!(
        values(&bye, HeaderName::Route),
        ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]
    );
    assert_eq!(bye.to().unwrap().tag(), Some(&b"bobtag"[..]));
    assert_eq!(bye.from().unwrap().tag(), ok.to().unwrap().tag());
}

/// RFC 3261 17.2.1: 100 when the application is silent for 200 ms.
#[test]
fn rfc3261_17_2_1_trying_after_200_ms() {
    let mut bench = Bench::new(&alice());
    bench.invite_from_bob(1);
    bench.wait(Duration::from_millis(199));
    bench.silence();
    bench.wait(Duration::from_millis(1));
    let trying = bench.next_response();
    assert_eq!(trying.status().as_u16(), 100);
    assert_eq!(trying.to().unwrap().tag(), None, "8.2.6.2");
}

/// RFC 3261 13.3.1.4: the 2xx is repeated at T1, 2 T1 ... T2 until the ACK comes, on WebSocket too;
/// without one the call is ended by BYE after 64 T1.
#[test]
fn rfc3261_13_3_1_4_the_2xx_is_repeated_until_the_ack() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = answer(&mut bench, id);
    let start = bench.now;
    let mut repeats = Vec::new();
    let mut bye = None;
    for _ in 0..330 {
        bench.wait(Duration::from_millis(100));
        for message in bench.far.sent.drain(..) {
            if message.is_request() {
                bye = message.into_request().ok();
            } else {
                assert_eq!(message.bytes(), ok.bytes());
                repeats.push(bench.now.saturating_since(start).as_millis());
            }
        }
    }
    assert_eq!(repeats[..5], [500, 1_500, 3_500, 7_500, 11_500]);
    assert_eq!(repeats.last(), Some(&31_500));
    let bye = bye.expect("BYE");
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(&mut bench), (Originator::Transport, Cause::NoAck));

    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = answer(&mut bench, id);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.wait(40 * SECOND);
    bench.silence();
}

/// RFC 3261 9.2: CANCEL gets 200 and the INVITE 487, with one tag; the call ends.
#[test]
fn rfc3261_9_2_cancel_is_answered_and_ends_the_invite() {
    let mut bench = Bench::new(&alice());
    bench.invite_from_bob(1);
    bench.wait(SECOND);
    bench.sent.clear();
    let user = bench.contact_user();
    let cancel = format!(
        "CANCEL sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob1\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\nCall-ID: from-bob-1\n\
         CSeq: 7 CANCEL\nReason: SIP;cause=200;text=\"Call completed elsewhere\"\nContent-Length: 0\n\n"
    );
    bench.feed(&cancel);
    let (ok, terminated) = (bench.next_response(), bench.next_response());
    assert_eq!(
        (ok.status().as_u16(), ok.cseq().unwrap().method),
        (200, Method::Cancel)
    );
    assert_eq!(
        (
            terminated.status().as_u16(),
            terminated.cseq().unwrap().method
        ),
        (487, Method::Invite)
    );
    assert_eq!(ok.to().unwrap().tag(), terminated.to().unwrap().tag());
    let text = bench.expect(|event| match event {
        Event::Ended { reason, .. } => {
            assert_eq!(
                (reason.originator, reason.cause),
                (Originator::Peer, Cause::Cancelled)
            );
            Some(reason.text.clone())
        }
        _ => None,
    });
    assert!(text.expect("RFC 3326").contains("elsewhere"));
    bench.feed(&cancel.replace("z9hG4bKbob1", "z9hG4bKunknown"));
    assert_eq!(
        bench.next_response().status().as_u16(),
        481,
        "9.2: no match"
    );
}

/// RFC 3261 15.1.2, RFC 5407 3.1: BYE before the ACK is answered, and the 2xx is no longer repeated.
#[test]
fn rfc3261_15_1_2_bye_ends_a_call_at_any_time() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = answer(&mut bench, id);
    bench.in_dialog("BYE", 8, "bye", &ok, "Reason: Q.850;cause=16\n");
    assert_eq!(bench.next_response().status().as_u16(), 200);
    assert_eq!(ended(&mut bench), (Originator::Peer, Cause::Bye));
    bench.wait(40 * SECOND);
    bench.silence();
    bench.assert_nothing_left();
    bench.in_dialog("BYE", 9, "bye2", &ok, "");
    assert_eq!(
        bench.next_response().status().as_u16(),
        481,
        "15.1.2: no dialog"
    );
}

/// RFC 3261 15: the application hangs up between the 2xx and its ACK: BYE waits for the ACK.
#[test]
fn rfc3261_15_the_callee_does_not_bye_before_the_ack() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = answer(&mut bench, id);
    bench.hang_up(id);
    bench.silence();
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(&mut bench), (Originator::Local, Cause::Requested));
}

/// noAnswerTimeout: 408 after 60 s; the INVITE's own shorter Expires: 487 (RFC 3261 13.3.1).
#[test]
fn rfc3261_13_3_1_nobody_answers() {
    let mut bench = Bench::new(&alice());
    bench.invite_from_bob(1);
    bench.wait(59 * SECOND);
    bench.sent.clear();
    bench.wait(2 * SECOND);
    assert_eq!(bench.next_response().status().as_u16(), 408);
    assert_eq!(ended(&mut bench), (Originator::Local, Cause::NoAnswer));

    let mut bench = Bench::new(&alice());
    let user = bench.contact_user();
    bench.feed(&format!(
        "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKe\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: e\nCSeq: 1 INVITE\n\
         Contact: <sip:bob@bob.invalid>\nExpires: 5\nContent-Length: 0\n\n"
    ));
    bench.wait(4 * SECOND);
    bench.sent.clear();
    bench.wait(2 * SECOND);
    assert_eq!(bench.next_response().status().as_u16(), 487);
}

/// RFC 3261 13.3.1.1: the agent repeats the 180 of a ringing call every minute.
#[test]
fn rfc3261_13_3_1_1_ringing_is_said_again_every_minute() {
    let mut bench = Bench::new(alice().no_answer_timeout(Duration::from_secs(200)));
    let id = bench.invite_from_bob(1);
    match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => call.ring(bench.now),
        _ => panic!("not an incoming call"),
    }
    bench.pump();
    bench.wait(Duration::from_secs(185));
    let statuses: Vec<u16> = bench
        .sent
        .drain(..)
        .map(|message| message.into_response().unwrap().status().as_u16())
        .collect();
    assert_eq!(statuses, [180; 4]);
}

/// RFC 3261 13.3.1.3: the application refuses a call, and the agent absorbs the ACK.
#[test]
fn rfc3261_13_3_1_3_a_call_is_refused() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => call.reject(FailureStatus::BUSY_HERE, bench.now),
        _ => panic!("not an incoming call"),
    }
    bench.pump();
    let busy = bench.next_response();
    assert_eq!(busy.status().as_u16(), 486);
    assert_eq!(ended(&mut bench), (Originator::Local, Cause::Refused));
    let user = bench.contact_user();
    bench.feed(&format!(
        "ACK sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob1\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=bobtag\nTo: {}\nCall-ID: from-bob-1\nCSeq: 7 ACK\nContent-Length: 0\n\n",
        value(&busy, HeaderName::To)
    ));
    bench.silence();
    bench.no_events();
    bench.assert_nothing_left();
}

/// RFC 3261 13.3.1.3 (3261-13.3.1.3-A): a 488 says by Warning why the offer is refused: what the application says, or else the core.
#[test]
fn rfc3261_13_3_1_3_a_refused_offer_gets_a_warning() {
    let own = r#"304 alice.invalid "No video""#;
    for given in [None, Some(own)] {
        let mut bench = Bench::new(&alice());
        let id = bench.invite_from_bob(1);
        let headers = given.map(|given| ExtraHeader::new("Warning", given).unwrap());
        let refusal = Refusal::with_headers(488, headers.into_iter().collect()).unwrap();
        match bench.agent.session(id) {
            Ok(Session::Incoming(call)) => call.reject(refusal, bench.now),
            _ => panic!("not an incoming call"),
        }
        bench.pump();
        let refused = bench.next_response();
        assert_eq!(refused.status().as_u16(), 488);
        let warnings = values(&refused, HeaderName::Warning);
        match given {
            Some(given) => assert_eq!(warnings, [given]),
            None => assert!(warnings.len() == 1 && warnings[0].starts_with("399 ")),
        }
    }
    // A status that says by itself why the call is refused needs none.
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => call.reject(FailureStatus::BUSY_HERE, bench.now),
        _ => panic!("not an incoming call"),
    }
    bench.pump();
    assert!(!bench.next_response().has(HeaderName::Warning));
}

/// RFC 3261 14.2: a re-INVITE is answered with a description; a second one before that gets 500 with
/// Retry-After; after the ACK the call goes on, and the target is the new Contact (12.2.2).
#[test]
fn rfc3261_14_2_a_reinvite_renegotiates() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = answer(&mut bench, id);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.events.clear();
    bench.in_dialog(
        "INVITE",
        8,
        "re1",
        &ok,
        "Contact: <sip:bob@moved.invalid>\n",
    );
    let kind = bench.description_needed().kind;
    assert_eq!(
        kind,
        DescriptionKind::Offer,
        "14.2: no offer came, so we make it"
    );
    bench.in_dialog(
        "INVITE",
        9,
        "re2",
        &ok,
        "Contact: <sip:bob@moved.invalid>\n",
    );
    let refused = bench.next_response();
    assert_eq!(refused.status().as_u16(), 500);
    assert!(refused.retry_after().unwrap().unwrap().seconds <= 10);
    bench.describe(id, OFFER);
    let again = bench.next_response();
    assert_eq!(
        (again.status().as_u16(), again.cseq().unwrap().number),
        (200, 8)
    );
    assert_eq!(again.to().unwrap().tag(), ok.to().unwrap().tag());
    let user = bench.contact_user();
    bench.feed(&format!(
        "ACK sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKack2\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=bobtag\nTo: {}\nCall-ID: from-bob-1\nCSeq: 8 ACK\n\
         Content-Type: application/sdp\nContent-Length: 5\n\nv=0\n\n",
        value(&ok, HeaderName::To)
    ));
    assert_eq!(bench.remote_description().0, DescriptionKind::Answer);
    assert!(
        !bench
            .events
            .iter()
            .any(|event| matches!(event, Event::Established { .. })),
        "it was up before"
    );
    bench.hang_up(id);
    assert_eq!(bench.next_request().uri_bytes(), b"sip:bob@moved.invalid");
}

/// RFC 3261 12.2.2: a lower CSeq gets 500, an equal one with a new branch too, a gap is fine.
#[test]
fn rfc3261_12_2_2_requests_out_of_order_are_refused() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = answer(&mut bench, id);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.in_dialog("OPTIONS", 3, "low", &ok, "");
    assert_eq!(bench.next_response().status().as_u16(), 500);
    bench.in_dialog("OPTIONS", 7, "equal", &ok, "");
    assert_eq!(bench.next_response().status().as_u16(), 500);
    bench.in_dialog("OPTIONS", 99, "gap", &ok, "");
    assert_eq!(bench.next_response().status().as_u16(), 200);
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
}

/// The application answers INFO within a call. If it does not in time, the agent answers instead.
#[test]
fn rfc6086_info_is_handed_to_the_application() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = answer(&mut bench, id);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.events.clear();
    bench.in_dialog("INFO", 8, "info", &ok, "");
    let incoming = bench.expect(|event| match event {
        Event::IncomingRequest {
            incoming, session, ..
        } => {
            assert_eq!(*session, Some(id));
            Some(*incoming)
        }
        _ => None,
    });
    let wrong = bench
        .agent
        .respond(incoming, sip_parse::StatusCode::REQUEST_TIMEOUT, bench.now);
    assert!(wrong.is_err(), "RFC 4320 4.2");
    bench
        .agent
        .respond(incoming, sip_parse::StatusCode::OK, bench.now)
        .unwrap();
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 200);
    assert!(
        bench
            .agent
            .respond(incoming, sip_parse::StatusCode::OK, bench.now)
            .is_err(),
        "stale"
    );
    bench.in_dialog("INFO", 9, "info2", &ok, "");
    bench.wait(11 * SECOND);
    let statuses: Vec<u16> = bench
        .sent
        .drain(..)
        .map(|message| message.into_response().unwrap().status().as_u16())
        .collect();
    assert_eq!(statuses, [100, 500], "RFC 4320 4.1: 100 after 3.5 s");
}

/// The connection of a ringing call is lost: the call ends at once and leaves nothing behind.
#[test]
fn rfc7118_5_2_3_a_ringing_call_ends_with_its_connection() {
    let mut bench = Bench::new(&alice());
    bench.invite_from_bob(1);
    bench.lose();
    assert_eq!(
        ended(&mut bench),
        (Originator::Transport, Cause::ConnectionLost)
    );
    bench.assert_nothing_left();
}

/// RFC 3261 15.1.2: both of two crossing BYEs have a response, and the agent emits `Ended` once.
#[test]
fn rfc3261_15_1_2_byes_that_cross() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = answer(&mut bench, id);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.hang_up(id);
    let bye = bench.next_request();
    bench.in_dialog("BYE", 8, "cross", &ok, "");
    assert_eq!(bench.next_response().status().as_u16(), 200);
    bench.reply(&bye, 200, &[]);
    let ends = bench
        .events
        .iter()
        .filter(|event| matches!(event, Event::Ended { .. }))
        .count();
    assert_eq!(ends, 1);
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 3261 9.2: CANCEL of a re-INVITE ends that INVITE alone.
#[test]
fn rfc3261_9_2_a_cancelled_reinvite_leaves_the_call() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = answer(&mut bench, id);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.in_dialog("INVITE", 8, "re", &ok, "Contact: <sip:bob@bob.invalid>\n");
    bench.in_dialog("CANCEL", 8, "re", &ok, "");
    let statuses: Vec<u16> = bench
        .sent
        .drain(..)
        .map(|message| message.into_response().unwrap().status().as_u16())
        .collect();
    assert_eq!(statuses, [200, 487]);
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
    assert!(
        bench.try_describe(id, Ok(Body::sdp(ANSWER))).is_err(),
        "nothing is asked any more"
    );
}
