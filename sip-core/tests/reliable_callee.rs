//! Reliable provisional responses of the callee (RFC 3262).

use std::time::Duration;

use sip_core::LimitKind;
use sip_core::config::{ConfigBuilder, Support};
use sip_core::{
    Cause, CommandError, DescriptionFailed, DescriptionKind, Event, ExchangeOutcome, FailureStatus,
    ModifyOptions, Originator, ProvisionalOptions, ProvisionalStatus, Reliability, Session,
    SessionId,
};
use sip_parse::{HeaderName, Method, Response};
use sip_testing::{Bench, OFFER, SECOND, alice, exchange_ended, value};

const SUPPORTS: &str = "Supported: 100rel\n";
const REQUIRES: &str = "Require: 100rel\n";
const ANSWER: &str = "v=0\r\no=- 2 2 IN IP4 192.0.2.2\r\n";
const SECOND_OFFER: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\n";
const T1: Duration = Duration::from_millis(500);

/// The configuration of alice with `rel100`.
fn with(support: Support) -> ConfigBuilder {
    let mut config = alice();
    config.rel100(support);
    config
}

/// A call of bob, whose INVITE has these header fields.
fn called(headers: &str, sdp: Option<&str>) -> (Bench, SessionId) {
    let mut config = with(Support::Supported);
    let mut bench = Bench::new(config.no_answer_timeout(Duration::from_secs(1_000)));
    let id = bench.invite_from_bob_with(1, headers, sdp);
    (bench, id)
}

fn try_progress(
    bench: &mut Bench,
    id: SessionId,
    options: ProvisionalOptions,
) -> Result<(), CommandError> {
    let taken = match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => call.progress(options, bench.now),
        other => panic!("not an incoming call: {other:?}"),
    };
    bench.pump();
    taken
}

fn progress(bench: &mut Bench, id: SessionId, options: ProvisionalOptions) {
    assert_eq!(try_progress(bench, id, options), Ok(()));
}

fn ring(bench: &mut Bench, id: SessionId) {
    match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => call.ring(bench.now),
        other => panic!("not an incoming call: {other:?}"),
    }
    bench.pump();
}

/// 180, sent reliably.
fn reliable_ringing() -> ProvisionalOptions {
    ProvisionalOptions::ringing().reliability(Reliability::Reliable)
}

/// The RSeq of a reliable response with this status.
#[track_caller]
fn rseq(response: &Response, status: u16) -> u32 {
    assert_eq!(response.status().as_u16(), status);
    assert!(response.has_token(HeaderName::Require, b"100rel"));
    assert!(response.to().unwrap().tag().is_some() && response.has(HeaderName::Contact));
    response.rseq().unwrap().expect("RSeq")
}

/// The response is not reliable.
#[track_caller]
fn unreliable(response: &Response, status: u16) {
    assert_eq!(response.status().as_u16(), status);
    assert!(!response.has(HeaderName::Require) && !response.has(HeaderName::RSeq));
}

/// Bob acknowledges a reliable response.
fn prack(bench: &mut Bench, number: u32, ours: &Response, sdp: Option<&str>) {
    let rack = format!("RAck: {} 7 INVITE\n", ours.rseq().unwrap().unwrap());
    let branch = format!("prack{number}");
    bench.in_dialog_with("PRACK", number, &branch, ours, &rack, sdp);
}

#[track_caller]
fn next_status(bench: &mut Bench, method: Method<'_>) -> u16 {
    let response = bench.next_response();
    assert_eq!(response.cseq().unwrap().method, method);
    response.status().as_u16()
}

/// Early media with the answer, sent and not acknowledged.
fn early_answer() -> (Bench, SessionId, Response) {
    let (mut bench, id) = called(SUPPORTS, Some(OFFER));
    progress(&mut bench, id, ProvisionalOptions::early_media());
    assert_eq!(bench.description_needed().kind, DescriptionKind::Answer);
    bench.describe(id, ANSWER);
    let response = bench.next_response();
    rseq(&response, 183);
    assert_eq!(response.body(), ANSWER.as_bytes());
    (bench, id, response)
}

/// Early media with the offer, because the INVITE had none.
fn early_offer() -> (Bench, SessionId, Response) {
    let (mut bench, id) = called(SUPPORTS, None);
    progress(&mut bench, id, ProvisionalOptions::early_media());
    assert_eq!(bench.description_needed().kind, DescriptionKind::Offer);
    bench.describe(id, OFFER);
    let response = bench.next_response();
    rseq(&response, 183);
    assert_eq!(response.body(), OFFER.as_bytes());
    (bench, id, response)
}

#[track_caller]
fn outcome(bench: &mut Bench) -> ExchangeOutcome {
    bench.expect(|event| match event {
        Event::ExchangeEnded { outcome, .. } => Some(outcome.clone()),
        _ => None,
    })
}

#[track_caller]
fn ended(bench: &mut Bench) -> (Originator, Cause, Option<u16>) {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((
            reason.originator,
            reason.cause,
            reason.status.map(|status| status.as_u16()),
        )),
        _ => None,
    })
}

/// 3261-8.2.4-A, RFC 3261 21.4.15: an agent that requires 100rel answers 421 with Require to an INVITE without it, and to nothing else.
#[test]
fn rfc3261_21_4_15_an_agent_that_requires_100rel_refuses_an_invite_without_it() {
    let mut bench = Bench::new(&with(Support::Required));
    let user = bench.contact_user();
    for (method, status) in [("INVITE", 421), ("OPTIONS", 200)] {
        bench.feed(&format!(
            "{method} sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{method}\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: 1\nCSeq: 1 {method}\n\
             Contact: <sip:bob@b.invalid>\nContent-Length: 0\n\n"
        ));
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), status, "{method}");
        if status == 421 {
            assert_eq!(value(&response, HeaderName::Require), "100rel");
        }
    }
    bench.no_events();
}

/// 3262-3-E: a PRACK outside any dialog, and one for which no provisional response waits, get 481.
#[test]
fn rfc3262_3_a_prack_that_matches_nothing_gets_481() {
    let mut bench = Bench::new(&with(Support::Supported));
    let user = bench.contact_user();
    for to in ["<sip:x@y>", "<sip:x@y>;tag=unknown"] {
        bench.feed(&format!(
            "PRACK sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{}\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=1\nTo: {to}\nCall-ID: 1\nCSeq: 2 PRACK\nRAck: 1 1 INVITE\nContent-Length: 0\n\n",
            to.len()
        ));
        assert_eq!(bench.next_response().status().as_u16(), 481, "{to}");
    }
    let id = bench.invite_from_bob(1);
    let ok = bench.answer(id, "v=0\r\n");
    bench.in_dialog("PRACK", 8, "late", &ok, "RAck: 1 7 INVITE\n");
    assert_eq!(bench.next_response().status().as_u16(), 481);
}

/// 3262-3-A: which responses are reliable, by what the INVITE and `rel100` name and by what the application chooses. A choice that
/// does not exist is a typed error. 100 is never reliable.
#[test]
fn rfc3262_3_who_decides_whether_a_response_is_reliable() {
    let automatic = Reliability::Automatic;
    let (yes, no) = (Reliability::Reliable, Reliability::Unreliable);
    let error = None;
    for (own, headers, choices) in [
        (
            Support::None,
            SUPPORTS,
            [(automatic, Some(false)), (yes, error), (no, Some(false))],
        ),
        (
            Support::Supported,
            "",
            [(automatic, Some(false)), (yes, error), (no, Some(false))],
        ),
        (
            Support::Supported,
            SUPPORTS,
            [
                (automatic, Some(false)),
                (yes, Some(true)),
                (no, Some(false)),
            ],
        ),
        (
            Support::Supported,
            REQUIRES,
            [(automatic, Some(true)), (yes, Some(true)), (no, error)],
        ),
        (
            Support::Required,
            SUPPORTS,
            [(automatic, Some(true)), (yes, Some(true)), (no, error)],
        ),
    ] {
        for (choice, reliable) in choices {
            let mut bench = Bench::new(&with(own));
            let id = bench.invite_from_bob_with(1, headers, Some(OFFER));
            bench.wait(Duration::from_millis(200));
            unreliable(&bench.next_response(), 100);
            let status = ProvisionalStatus::new(182).unwrap();
            let options = ProvisionalOptions::new(status).reliability(choice);
            let taken = try_progress(&mut bench, id, options);
            match reliable {
                Some(true) => drop(rseq(&bench.next_response(), 182)),
                Some(false) => unreliable(&bench.next_response(), 182),
                None => {
                    let wrong = matches!(taken, Err(CommandError::WrongState(_)));
                    assert!(wrong, "{own:?}, {headers}, {choice:?}: {taken:?}");
                    bench.silence();
                }
            }
        }
    }
    // `ring` follows the requirement of the peer, and early media is reliable where it may be.
    let (mut bench, id) = called(REQUIRES, Some(OFFER));
    ring(&mut bench, id);
    rseq(&bench.next_response(), 180);
    early_answer();
}

/// 3262-3-B: the first RSeq is random and below 2^31, the next one is one more, and it is not sent before the PRACK of the first. The
/// responses in between keep their order.
#[test]
fn rfc3262_3_one_reliable_response_at_a_time() {
    let (mut bench, id) = called(SUPPORTS, Some(OFFER));
    progress(&mut bench, id, reliable_ringing());
    let first = bench.next_response();
    let number = rseq(&first, 180);
    assert!((1..1 << 31).contains(&number));
    let queued = ProvisionalOptions::new(ProvisionalStatus::new(182).unwrap());
    progress(&mut bench, id, queued.clone());
    let session = ProvisionalOptions::new(ProvisionalStatus::SESSION_PROGRESS);
    progress(&mut bench, id, session.reliability(Reliability::Reliable));
    progress(&mut bench, id, queued.reliability(Reliability::Reliable));
    bench.silence();
    prack(&mut bench, 8, &first, None);
    assert_eq!(next_status(&mut bench, Method::Prack), 200);
    unreliable(&bench.next_response(), 182);
    let second = bench.next_response();
    assert_eq!(rseq(&second, 183), number + 1);
    bench.silence();
    // 3262-3-E: the first one again, with another transaction, matches nothing any more.
    prack(&mut bench, 9, &first, None);
    assert_eq!(next_status(&mut bench, Method::Prack), 481);
    bench.silence();
    prack(&mut bench, 10, &second, None);
    assert_eq!(next_status(&mut bench, Method::Prack), 200);
    assert_eq!(rseq(&bench.next_response(), 182), number + 2);
}

/// A caller that acknowledges nothing cannot make responses pile up: `Limits::provisionals`.
#[test]
fn rfc3262_3_responses_that_wait_are_bounded() {
    let (mut bench, id) = called(SUPPORTS, Some(OFFER));
    progress(&mut bench, id, reliable_ringing());
    let limit = sip_core::Limits::default().provisionals;
    for _ in 0..limit {
        progress(&mut bench, id, ProvisionalOptions::ringing());
    }
    let taken = try_progress(&mut bench, id, ProvisionalOptions::ringing());
    assert_eq!(taken, Err(CommandError::Limit(LimitKind::Provisionals)));
}

/// 3262-3-E: RSeq, CSeq number and method of RAck have to match; without RAck there is nothing to match.
#[test]
fn rfc3262_3_a_prack_matches_by_all_three_parts_of_rack() {
    let (mut bench, id) = called(SUPPORTS, Some(OFFER));
    progress(&mut bench, id, reliable_ringing());
    let ours = bench.next_response();
    let number = rseq(&ours, 180);
    let wrong = [
        format!("RAck: {} 7 INVITE\n", number + 1),
        format!("RAck: {} 7 INVITE\n", number - 1),
        format!("RAck: {number} 8 INVITE\n"),
        format!("RAck: {number} 7 UPDATE\n"),
    ];
    for (place, rack) in wrong.iter().enumerate() {
        bench.in_dialog("PRACK", 8 + place as u32, &format!("w{place}"), &ours, rack);
        assert_eq!(next_status(&mut bench, Method::Prack), 481, "{rack}");
    }
    bench.in_dialog("PRACK", 20, "no", &ours, "");
    assert!(next_status(&mut bench, Method::Prack) >= 400);
    bench.in_dialog(
        "PRACK",
        21,
        "right",
        &ours,
        &format!("RAck: {number} 7 INVITE\n"),
    );
    assert_eq!(next_status(&mut bench, Method::Prack), 200);
}

/// 3262-3-C: a response without its PRACK is repeated after T1, 2 T1, 4 T1 and so on, beyond T2, on WebSocket too; after 64 T1
/// the INVITE gets 504 and the call ends.
#[test]
fn rfc3262_3_a_response_is_repeated_without_a_bound_and_then_the_invite_gets_504() {
    let (mut bench, _id, ours) = early_answer();
    let start = bench.now;
    let mut repeats = Vec::new();
    let mut refusal = None;
    for _ in 0..330 {
        bench.wait(Duration::from_millis(100));
        for message in bench.far.sent.drain(..) {
            let at = bench.now.saturating_since(start).as_millis();
            if message.bytes() == ours.bytes() {
                repeats.push(at);
            } else {
                refusal = Some((at, message.into_response().unwrap().status().as_u16()));
            }
        }
    }
    assert_eq!(repeats, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!(refusal, Some((32_000, 504)));
    assert!(matches!(outcome(&mut bench), ExchangeOutcome::Refused(_)));
    let expected = (Originator::Transport, Cause::NoPrack, Some(504));
    assert_eq!(ended(&mut bench), expected);
}

/// 3262-3-C: the PRACK ends the repeats and the deadline.
#[test]
fn rfc3262_3_a_prack_ends_the_repeats() {
    let (mut bench, id, ours) = early_answer();
    bench.wait(T1);
    assert_eq!(bench.next_response().bytes(), ours.bytes());
    prack(&mut bench, 8, &ours, None);
    assert_eq!(next_status(&mut bench, Method::Prack), 200);
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    bench.wait(40 * SECOND);
    bench.silence();
    assert!(matches!(bench.agent.session(id), Ok(Session::Incoming(_))));
}

/// 3262-3-D, RFC 6337 3.1.1: the 2xx waits for the PRACK of the response with the answer, and carries no description itself. The
/// call is up with the ACK.
#[test]
fn rfc3262_3_the_2xx_waits_for_the_prack_of_the_answer() {
    let (mut bench, id, ours) = early_answer();
    bench.accept(id);
    bench.silence();
    bench.wait(T1);
    assert_eq!(
        bench.next_response().bytes(),
        ours.bytes(),
        "still repeated"
    );
    prack(&mut bench, 8, &ours, None);
    assert_eq!(next_status(&mut bench, Method::Prack), 200);
    let ok = bench.next_response();
    assert_eq!(ok.status().as_u16(), 200);
    assert!(ok.body().is_empty() && !ok.has(HeaderName::ContentType));
    assert!(ok.has(HeaderName::Allow) && ok.has(HeaderName::Supported));
    assert!(!ok.has(HeaderName::Require) && !ok.has(HeaderName::RSeq));
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    assert!(matches!(bench.event(), Event::Established { session } if session == id));
    bench.wait(70 * SECOND);
    bench.silence();
}

/// 3262-3-D: the 2xx does not wait for the PRACK of a response without a description; the repeats end, the responses that wait
/// are not sent any more, and the late PRACK gets 200 once.
#[test]
fn rfc3262_3_the_2xx_overtakes_a_response_without_description() {
    let (mut bench, id) = called(SUPPORTS, Some(OFFER));
    progress(&mut bench, id, reliable_ringing());
    let ours = bench.next_response();
    progress(&mut bench, id, reliable_ringing());
    let ok = bench.answer(id, ANSWER);
    assert_eq!(ok.status().as_u16(), 200);
    assert_eq!(ok.body(), ANSWER.as_bytes());
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.wait(5 * SECOND);
    bench.silence();
    for (number, status) in [(8, 200), (9, 481)] {
        prack(&mut bench, number, &ours, None);
        assert_eq!(next_status(&mut bench, Method::Prack), status);
    }
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
}

/// 3262-3-D: a refusal, CANCEL and BYE end the repeats, although the response has a description; a late PRACK still gets 200, once,
/// and for 64 T1.
#[test]
fn rfc3262_3_a_refusal_overtakes_a_response_and_its_prack_gets_200() {
    for (end, status) in [("hang up", 480), ("cancel", 487), ("bye", 487)] {
        for late in [Duration::ZERO, 31 * SECOND, 33 * SECOND] {
            let (mut bench, id, ours) = early_answer();
            match end {
                "hang up" => bench.hang_up(id),
                "cancel" => {
                    bench.in_dialog("CANCEL", 7, "bob1", &ours, "");
                    assert_eq!(next_status(&mut bench, Method::Cancel), 200);
                }
                _ => {
                    bench.in_dialog("BYE", 8, "bye", &ours, "");
                    assert_eq!(next_status(&mut bench, Method::Bye), 200);
                }
            }
            let refusal = bench.next_response();
            assert_eq!(refusal.status().as_u16(), status);
            bench.in_dialog("ACK", 7, "bob1", &refusal, "");
            ended(&mut bench);
            bench.wait(late);
            bench.silence();
            let expected = if late > 32 * SECOND { 481 } else { 200 };
            prack(&mut bench, 9, &ours, None);
            assert_eq!(next_status(&mut bench, Method::Prack), expected, "{end}");
            prack(&mut bench, 10, &ours, None);
            assert_eq!(next_status(&mut bench, Method::Prack), 481, "{end}");
            bench.wait(40 * SECOND);
            bench.assert_nothing_left();
        }
    }
}

/// The late PRACKs that the agent expects are bounded: `Limits::late_pracks`; the oldest goes first.
#[test]
fn rfc3262_3_late_pracks_are_bounded() {
    let mut bench = Bench::new(&with(Support::Supported));
    let limit = sip_core::Limits::default().late_pracks as u32;
    let mut all = Vec::new();
    for number in 0..=limit {
        let id = bench.invite_from_bob_with(number, SUPPORTS, Some(OFFER));
        progress(&mut bench, id, reliable_ringing());
        all.push(bench.next_response());
        bench.hang_up(id);
        bench.sent.clear();
    }
    for (place, status) in [(0, 481), (1, 200), (limit as usize, 200)] {
        prack(&mut bench, 20, &all[place], None);
        assert_eq!(next_status(&mut bench, Method::Prack), status, "{place}");
    }
}

/// 3262-5-A: the answer is in the reliable response, the PRACK has a new offer, and the 200 to it has the answer; the 2xx to the INVITE
/// has none.
#[test]
fn rfc3262_5_an_offer_in_prack_is_answered_in_its_2xx() {
    let (mut bench, id, ours) = early_answer();
    prack(&mut bench, 8, &ours, Some(SECOND_OFFER));
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    let (kind, body) = bench.remote_description();
    assert_eq!(
        (kind, &body[..]),
        (DescriptionKind::Offer, SECOND_OFFER.as_bytes())
    );
    assert_eq!(bench.description_needed().kind, DescriptionKind::Answer);
    bench.silence();
    // The 2xx to the INVITE waits for the answer.
    bench.accept(id);
    bench.silence();
    bench.describe(id, ANSWER);
    let ok = bench.next_response();
    assert_eq!(ok.cseq().unwrap().method, Method::Prack);
    assert_eq!((ok.status().as_u16(), ok.body()), (200, ANSWER.as_bytes()));
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    let ok = bench.next_response();
    assert_eq!(ok.cseq().unwrap().method, Method::Invite);
    assert_eq!((ok.status().as_u16(), ok.body()), (200, &b""[..]));
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
}

/// 3262-5-A: an application that has no answer to the offer in a PRACK, or is late with it, refuses the PRACK by 488; the call goes on
/// with the first session. A call that ends meanwhile answers the PRACK by 487.
#[test]
fn rfc3262_5_an_offer_in_prack_without_an_answer_gets_488() {
    for how in ["none", "late", "hang up", "bye", "cancel"] {
        let (mut bench, id, ours) = early_answer();
        prack(&mut bench, 8, &ours, Some(SECOND_OFFER));
        assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
        match how {
            "none" => drop(bench.try_describe(id, Err(DescriptionFailed))),
            // A PRACK waits 64 T1, the application seven eighths of that.
            "late" => {
                bench.wait(28 * SECOND - Duration::from_millis(1));
                // RFC 4320 section 4.1.
                assert_eq!(next_status(&mut bench, Method::Prack), 100);
                bench.silence();
                bench.wait(Duration::from_millis(1));
            }
            "hang up" => bench.hang_up(id),
            "bye" => bench.in_dialog("BYE", 9, "bye", &ours, ""),
            _ => bench.in_dialog("CANCEL", 7, "bob1", &ours, ""),
        }
        if matches!(how, "bye" | "cancel") {
            assert_eq!(bench.next_response().status().as_u16(), 200);
        }
        if matches!(how, "none" | "late") {
            assert_eq!(next_status(&mut bench, Method::Prack), 488);
            assert!(matches!(outcome(&mut bench), ExchangeOutcome::Refused(_)));
            bench.accept(id);
            let ok = bench.next_response();
            assert_eq!((ok.status().as_u16(), ok.body()), (200, &b""[..]));
        } else {
            assert_eq!(next_status(&mut bench, Method::Prack), 487, "{how}");
            let refusal = next_status(&mut bench, Method::Invite);
            assert_eq!(refusal, if how == "hang up" { 480 } else { 487 });
            ended(&mut bench);
        }
    }
}

/// 6337-2-A: a PRACK brings no offer while the offer of the INVITE is unanswered. It acknowledges the response, its offer gets 488.
#[test]
fn rfc6337_2_an_offer_in_prack_before_the_answer_is_refused() {
    let (mut bench, id) = called(SUPPORTS, Some(OFFER));
    progress(&mut bench, id, reliable_ringing());
    let ours = bench.next_response();
    prack(&mut bench, 8, &ours, Some(SECOND_OFFER));
    assert_eq!(next_status(&mut bench, Method::Prack), 488);
    bench.no_events();
    bench.wait(40 * SECOND);
    bench.silence();
    let ok = bench.answer(id, ANSWER);
    assert_eq!(ok.body(), ANSWER.as_bytes());
}

/// 3262-5-A, 3261-13.3.1-B: the INVITE has no offer, the reliable response has it, and the PRACK brings the answer. The 2xx waits for
/// it.
#[test]
fn rfc3262_5_the_prack_answers_the_offer_in_a_response() {
    for accepted_first in [false, true] {
        let (mut bench, id, ours) = early_offer();
        if accepted_first {
            bench.accept(id);
            bench.silence();
        }
        prack(&mut bench, 8, &ours, Some(ANSWER));
        assert_eq!(next_status(&mut bench, Method::Prack), 200);
        assert_eq!(bench.remote_description().0, DescriptionKind::Answer);
        assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
        if !accepted_first {
            bench.accept(id);
        }
        let ok = bench.next_response();
        assert_eq!((ok.status().as_u16(), ok.body()), (200, &b""[..]));
        bench.in_dialog("ACK", 7, "ack", &ok, "");
        assert!(matches!(bench.event(), Event::Established { .. }));
    }
}

/// 3261-13.3.1-B, RFC 3262 5: a PRACK without the answer to the offer ends the call; it is acknowledged, and the INVITE refused.
#[test]
fn rfc3262_5_a_prack_without_the_answer_ends_the_call() {
    let (mut bench, _id, ours) = early_offer();
    prack(&mut bench, 8, &ours, None);
    assert_eq!(next_status(&mut bench, Method::Prack), 200);
    assert_eq!(next_status(&mut bench, Method::Invite), 488);
    let end = bench.expect(exchange_ended);
    assert!(end.outcome.is_err());
    let expected = (Originator::Peer, Cause::BadDescription, Some(488));
    assert_eq!(ended(&mut bench), expected);
}

/// RFC 3261 8.2.3, RFC 3262 5: a PRACK whose body cannot be read acknowledges nothing, because the answer in it would be lost; the same
/// PRACK with a session description does.
#[test]
fn rfc3261_8_2_3_a_prack_with_an_unusable_body_acknowledges_nothing() {
    for (kind, status) in [
        ("application/unknown", 415),
        ("application/sdp\nContent-Encoding: gzip", 415),
        ("multipart/mixed;boundary=b", 400),
    ] {
        let (mut bench, id, ours) = early_offer();
        let rack = format!(
            "RAck: {} 7 INVITE\nContent-Type: {kind}\nContent-Length: 3\n\nv=0",
            ours.rseq().unwrap().unwrap()
        );
        let to = value(&ours, HeaderName::To);
        let call_id = value(&ours, HeaderName::CallId);
        let user = bench.contact_user();
        bench.feed(&format!(
            "PRACK sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKodd\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=bobtag\nTo: {to}\nCall-ID: {call_id}\nCSeq: 8 PRACK\n{rack}"
        ));
        assert_eq!(next_status(&mut bench, Method::Prack), status, "{kind}");
        bench.silence();
        prack(&mut bench, 9, &ours, Some(ANSWER));
        assert_eq!(next_status(&mut bench, Method::Prack), 200);
        bench.renegotiated(id);
    }
}

/// RFC 3262 5, RFC 6337 2.2: the accepted call takes the description of a response that is not sent yet into its 2xx.
#[test]
fn rfc6337_2_the_2xx_carries_the_description_of_a_response_that_waits() {
    for late in [false, true] {
        let (mut bench, id) = called(SUPPORTS, Some(OFFER).filter(|_| !late));
        progress(&mut bench, id, reliable_ringing());
        let ringing = bench.next_response();
        progress(&mut bench, id, ProvisionalOptions::early_media());
        bench.describe(id, ANSWER);
        bench.silence();
        bench.accept(id);
        let ok = bench.next_response();
        assert_eq!((ok.status().as_u16(), ok.body()), (200, ANSWER.as_bytes()));
        prack(&mut bench, 8, &ringing, None);
        assert_eq!(next_status(&mut bench, Method::Prack), 200);
        let answer = Some(OFFER).filter(|_| late);
        bench.in_dialog_with("ACK", 7, "ack", &ok, "", answer);
        assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
        assert!(matches!(bench.event(), Event::Established { .. }));
    }
}

/// RFC 3262 3: an offer takes a reliable response, so that an unreliable one with it is a typed error.
#[test]
fn rfc3262_5_an_unreliable_response_carries_no_offer() {
    for headers in ["", SUPPORTS] {
        let (mut bench, id) = called(headers, None);
        let options = ProvisionalOptions::early_media().reliability(Reliability::Unreliable);
        let taken = try_progress(&mut bench, id, options);
        assert!(
            matches!(taken, Err(CommandError::WrongState(_))),
            "{taken:?}"
        );
        bench.no_events();
    }
    // One description in provisional responses.
    let (mut bench, id, _) = early_answer();
    let taken = try_progress(&mut bench, id, ProvisionalOptions::early_media());
    assert!(
        matches!(taken, Err(CommandError::WrongState(_))),
        "{taken:?}"
    );
}

/// 3261-13.3.1.1-A, RFC 3262 3: a reliable response is not lost, so that the next one, with the next RSeq, follows after two and a half
/// minutes.
#[test]
fn rfc3262_3_a_reliable_ringing_is_refreshed_after_two_and_a_half_minutes() {
    let (mut bench, id) = called(REQUIRES, Some(OFFER));
    ring(&mut bench, id);
    let mut ours = bench.next_response();
    let first = rseq(&ours, 180);
    for turn in 1..=3 {
        prack(&mut bench, 7 + turn, &ours, None);
        assert_eq!(next_status(&mut bench, Method::Prack), 200);
        bench.wait(149 * SECOND);
        bench.silence();
        bench.wait(SECOND);
        ours = bench.next_response();
        assert_eq!(rseq(&ours, 180), first + turn);
    }
}

/// The connection of the INVITE breaks while a reliable response or the offer in a PRACK waits: the call ends and leaves nothing.
#[test]
fn rfc3262_3_a_lost_connection_ends_a_call_with_reliable_responses() {
    for pracked in [false, true] {
        let (mut bench, id, ours) = early_answer();
        if pracked {
            prack(&mut bench, 8, &ours, Some(SECOND_OFFER));
        } else {
            bench.accept(id);
        }
        bench.lose();
        let (originator, cause, _) = ended(&mut bench);
        assert_eq!(
            (originator, cause),
            (Originator::Transport, Cause::ConnectionLost)
        );
        bench.assert_nothing_left();
    }
}

/// The application sends an UPDATE in a call that it has not answered.
fn update(bench: &mut Bench, id: SessionId, options: ModifyOptions) -> Result<(), CommandError> {
    let taken = match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => call.update(options, bench.now),
        other => panic!("not an incoming call: {other:?}"),
    };
    bench.pump();
    taken
}

/// 3311-5.1-A, RFC 3311 section 5.1: before the call is answered, this side sends UPDATE only once the PRACK has completed the
/// first exchange, and only to a peer whose Allow lists it; never a re-INVITE.
#[test]
fn rfc3311_5_1_the_callee_sends_update_in_an_early_dialog() {
    let (mut bench, id, response) = early_answer();
    let early = update(&mut bench, id, ModifyOptions::new());
    assert!(
        matches!(early, Err(CommandError::WrongState(_))),
        "before the PRACK"
    );
    prack(&mut bench, 8, &response, None);
    assert_eq!(next_status(&mut bench, Method::Prack), 200);
    let early = update(&mut bench, id, ModifyOptions::new());
    assert!(
        matches!(early, Err(CommandError::WrongState(_))),
        "no Allow"
    );
    bench.in_dialog(
        "UPDATE",
        9,
        "u9",
        &response,
        "Contact: <sip:bob@bob.invalid>\nAllow: UPDATE\n",
    );
    assert_eq!(next_status(&mut bench, Method::Update), 200);
    assert_eq!(update(&mut bench, id, ModifyOptions::new()), Ok(()));
    bench.events.clear();
    bench.describe(id, SECOND_OFFER);
    let sent = bench.next_request();
    assert_eq!(
        (sent.method(), sent.body()),
        (Method::Update, SECOND_OFFER.as_bytes())
    );
    // The call is answered meanwhile; the ACK acknowledges the 2xx and does not answer the UPDATE.
    bench.accept(id);
    let ok = bench.next_response();
    assert_eq!((ok.status().as_u16(), ok.body()), (200, &b""[..]));
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    assert!(matches!(bench.event(), Event::Established { .. }));
    bench.reply_tagged(
        &sent,
        200,
        "bobtag",
        &[("Contact", "<sip:bob@bob.invalid>")],
        Some(ANSWER),
    );
    assert_eq!(bench.remote_description().0, DescriptionKind::Answer);
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
}

/// 3311-5.2-A, RFC 3311 section 5.2: an offer by UPDATE in an early dialog is answered after the first exchange, and the 2xx to
/// the INVITE waits for the application's answer. Before, it gets 500.
#[test]
fn rfc3311_5_2_the_callee_takes_update_in_an_early_dialog() {
    let (mut bench, id, response) = early_answer();
    let contact = "Contact: <sip:bob@bob.invalid>\n";
    bench.in_dialog_with("UPDATE", 8, "u8", &response, contact, Some(OFFER));
    assert_eq!(next_status(&mut bench, Method::Update), 500);
    prack(&mut bench, 9, &response, None);
    assert_eq!(next_status(&mut bench, Method::Prack), 200);
    bench.events.clear();
    bench.in_dialog_with("UPDATE", 10, "u10", &response, contact, Some(SECOND_OFFER));
    assert_eq!(bench.remote_description().0, DescriptionKind::Offer);
    bench.accept(id);
    bench.silence();
    bench.describe(id, ANSWER);
    let answered = bench.next_response();
    assert_eq!(
        (answered.cseq().unwrap().method, answered.body()),
        (Method::Update, ANSWER.as_bytes())
    );
    assert_eq!(next_status(&mut bench, Method::Invite), 200);
    // Refusing the call refuses a pending UPDATE, too.
    let (mut bench, id, response) = early_answer();
    prack(&mut bench, 8, &response, None);
    assert_eq!(next_status(&mut bench, Method::Prack), 200);
    bench.in_dialog_with("UPDATE", 9, "u9", &response, contact, Some(SECOND_OFFER));
    match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => call.reject(FailureStatus::BUSY_HERE, bench.now),
        other => panic!("not an incoming call: {other:?}"),
    }
    bench.pump();
    assert_eq!(next_status(&mut bench, Method::Invite), 486);
    assert_eq!(next_status(&mut bench, Method::Update), 487);
}
