//! Offer/answer exchanges and re-INVITEs. The bench checks besides that each exchange has exactly one end.

use sip_core::connection::DisconnectReason;
use sip_core::{
    Body, Cause, CommandError, DescriptionKind, Event, ExchangeOutcome, Session, SessionId,
    Transport,
};
use sip_parse::{Method, Request, Response};
use sip_testing::{Bench, DescriptionRequest, OFFER, SECOND, alice, response};

const BOB: &str = "<sip:bob@192.0.2.9>";
const V2: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\n";
const V3: &str = "v=0\r\no=- 1 3 IN IP4 192.0.2.1\r\n";
const V4: &str = "v=0\r\no=- 1 4 IN IP4 192.0.2.1\r\n";
const PEER: &str = "v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\n";

/// A call of bob's that is up, and the response that made its dialog.
fn answered() -> (Bench, SessionId, Response) {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    (bench, id, ok)
}

/// Bob sends a request in the dialog, with a session description if one is given.
fn from_bob(bench: &mut Bench, method: &str, cseq: u32, ours: &Response, sdp: Option<&str>) {
    let branch = format!("peer{cseq}");
    let user = bench.contact_user();
    let to = sip_testing::value(ours, sip_parse::HeaderName::To);
    let call_id = sip_testing::value(ours, sip_parse::HeaderName::CallId);
    let body = sdp.unwrap_or_default();
    let content = sdp.map_or("", |_| "Content-Type: application/sdp\r\n");
    bench.feed_bytes(
        format!(
            "{method} sip:{user}@x.invalid SIP/2.0\r\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{branch}{}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:bob@bob.invalid;transport=ws>\r\n{content}Content-Length: {}\r\n\r\n{body}",
            if method == "ACK" { "ack" } else { "" },
            body.len(),
        )
        .into_bytes(),
    );
}

/// Asks for a re-INVITE and describes its offer; what goes out.
#[track_caller]
fn reinvite(bench: &mut Bench, id: SessionId, sdp: &str) -> Request {
    bench.reinvite(id);
    bench.describe(id, sdp);
    let invite = bench.next_request();
    assert_eq!(invite.method(), Method::Invite);
    invite
}

/// Bob accepts a re-INVITE, and gets the ACK.
#[track_caller]
fn accepted(bench: &mut Bench, invite: &Request, tag: &str) {
    bench.reply_tagged(invite, 200, tag, &[("Contact", BOB)], Some(PEER));
    assert_eq!(bench.next_request().method(), Method::Ack);
}

/// The next exchange that ended, and how.
#[track_caller]
fn outcome(bench: &mut Bench) -> ExchangeOutcome {
    bench.expect(|event| match event {
        Event::ExchangeEnded { outcome, .. } => Some(outcome.clone()),
        _ => None,
    })
}

#[track_caller]
fn ended(bench: &mut Bench) -> Cause {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some(reason.cause),
        _ => None,
    })
}

#[track_caller]
fn asked(bench: &mut Bench, kind: DescriptionKind) -> DescriptionRequest {
    let request = bench.description_needed();
    assert_eq!(request.kind, kind);
    request
}

/// The call is up and nothing is under way; it ends, and leaves nothing behind.
#[track_caller]
fn goes_on(mut bench: Bench, id: SessionId) {
    bench.silence();
    let session = bench.agent.session(id);
    assert!(matches!(session, Ok(Session::Established(_))));
    bench.hang_up(id);
    is_ended_by_bye(bench, Cause::Requested);
}

/// BYE goes out, the call ends, and nothing is left behind.
#[track_caller]
fn is_ended_by_bye(mut bench: Bench, cause: Cause) {
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(&mut bench), cause);
    bench.wait(64 * SECOND);
    bench.silence();
    bench.assert_nothing_left();
}

/// RFC 3261 12.2.1.2: the 2xx to a re-INVITE changes the target before it is acknowledged (13.2.2.4).
#[test]
fn fault_a1_the_ack_goes_to_the_target_that_the_2xx_names() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let invite = reinvite(&mut bench, id, V2);
    let moved = [("Contact", "<sip:bob@192.0.2.77>")];
    let mut acks = Vec::new();
    for _ in 0..3 {
        bench.reply_tagged(&invite, 200, "bob1", &moved, Some(PEER));
        let ack = bench.next_request();
        assert_eq!(ack.method(), Method::Ack);
        assert_eq!(ack.uri_bytes(), b"sip:bob@192.0.2.77");
        assert_eq!(ack.cseq().unwrap().number, invite.cseq().unwrap().number);
        acks.push(ack.bytes().clone());
    }
    assert!(acks.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(bench.remote_description().1, PEER.as_bytes());
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    goes_on(bench, id);
}

/// RFC 3264 section 4: an answer belongs to one offer. The connection ended the exchange in which the application was asked for it.
#[test]
fn fault_a2_a_late_answer_is_refused_as_stale() {
    let (mut bench, id, ok) = answered();
    from_bob(&mut bench, "INVITE", 8, &ok, Some(PEER));
    let stale = asked(&mut bench, DescriptionKind::Answer);
    let (connection, now) = (bench.connection, bench.now);
    let lost = DisconnectReason::Lost;
    bench.agent.connection_closed(connection, lost, now);
    bench.pump();
    assert!(matches!(outcome(&mut bench), ExchangeOutcome::Aborted(_)));
    bench.reconnect(Transport::Ws);
    bench.wait(SECOND);
    let fresh = asked(&mut bench, DescriptionKind::Offer);
    assert_ne!(stale.exchange, fresh.exchange);
    for _ in 0..2 {
        let late = stale.describe(&mut bench.agent, Ok(Body::sdp(V2)), bench.now);
        assert_eq!(late, Err(CommandError::ExchangeOver));
        bench.pump();
        bench.silence();
    }
    bench.describe(id, V3);
    let repair = bench.next_request();
    assert_eq!(repair.body(), V3.as_bytes());
    let late = stale.describe(&mut bench.agent, Ok(Body::sdp(V2)), bench.now);
    assert_eq!(late, Err(CommandError::ExchangeOver));
    accepted(&mut bench, &repair, "bobtag");
    let twice = fresh.describe(&mut bench.agent, Ok(Body::sdp(V2)), bench.now);
    assert_eq!(twice, Err(CommandError::ExchangeOver));
    goes_on(bench, id);
}

/// RFC 3261 9.2: the peer cancels its re-INVITE before the application answers.
#[test]
fn fault_a3_a_cancelled_reinvite_ends_its_exchange() {
    for offer in [Some(PEER), None] {
        let (mut bench, id, ok) = answered();
        from_bob(&mut bench, "INVITE", 8, &ok, offer);
        from_bob(&mut bench, "CANCEL", 8, &ok, None);
        let mut statuses = [0; 2].map(|_| bench.next_response().status().as_u16());
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 487]);
        from_bob(&mut bench, "ACK", 8, &ok, None);
        match outcome(&mut bench) {
            ExchangeOutcome::Aborted(reason) => assert_eq!(reason.cause, Cause::Cancelled),
            other => panic!("{other:?}"),
        }
        goes_on(bench, id);
    }
}

/// The application is silent for `offerTimeout`: the core refuses the re-INVITE by 488, and the call goes on.
#[test]
fn fault_a3_a_reinvite_that_the_application_never_answers_ends_its_exchange() {
    for offer in [Some(PEER), None] {
        let (mut bench, id, ok) = answered();
        from_bob(&mut bench, "INVITE", 8, &ok, offer);
        bench.wait(31 * SECOND);
        assert_eq!(bench.next_response().status().as_u16(), 100);
        assert_eq!(bench.next_response().status().as_u16(), 488);
        bench.sent.clear();
        from_bob(&mut bench, "ACK", 8, &ok, None);
        match outcome(&mut bench) {
            ExchangeOutcome::Refused(reason) => assert_eq!(reason.cause, Cause::BadDescription),
            other => panic!("{other:?}"),
        }
        goes_on(bench, id);
    }
}

/// RFC 3264 section 8: the exchange is complete when the peer acknowledges the answer.
#[test]
fn fault_a3_the_ack_completes_the_exchange_of_the_peer() {
    let (mut bench, id, ok) = answered();
    from_bob(&mut bench, "INVITE", 8, &ok, Some(PEER));
    bench.describe(id, V2);
    assert_eq!(bench.next_response().body(), V2.as_bytes());
    let ended = |event: &Event| matches!(event, Event::ExchangeEnded { .. });
    assert!(!bench.events.iter().any(ended), "the ACK is not here yet");
    from_bob(&mut bench, "ACK", 8, &ok, None);
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    goes_on(bench, id);
}

/// RFC 3264 section 8: a 491 rolls the offer back. The session changes meanwhile, so that the application makes a fresh offer.
#[test]
fn fault_a4_after_a_491_the_application_makes_a_fresh_offer() {
    let (mut bench, id, ok) = answered();
    bench.reinvite(id);
    let first = asked(&mut bench, DescriptionKind::Offer);
    bench.describe(id, V2);
    let invite = bench.next_request();
    bench.reply_tagged(&invite, 491, "bobtag", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    match outcome(&mut bench) {
        ExchangeOutcome::RolledBack(reason) => {
            assert_eq!(reason.status.map(|status| status.as_u16()), Some(491));
        }
        other => panic!("{other:?}"),
    }
    from_bob(&mut bench, "INVITE", 8, &ok, Some(PEER));
    bench.describe(id, V3);
    assert_eq!(bench.next_response().body(), V3.as_bytes());
    from_bob(&mut bench, "ACK", 8, &ok, None);
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    bench.wait(2 * SECOND);
    bench.silence();
    let second = asked(&mut bench, DescriptionKind::Offer);
    assert_ne!(first.exchange, second.exchange);
    bench.describe(id, V4);
    let again = bench.next_request();
    assert_eq!(again.body(), V4.as_bytes());
    accepted(&mut bench, &again, "bobtag");
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    goes_on(bench, id);
}

/// RFC 3261 13.2.1: the first description that the peer sends in the dialog is the answer; the 2xx may leave it out.
#[test]
fn fault_a5_the_description_of_the_180_is_the_answer() {
    for status in [180, 183] {
        let mut bench = Bench::new(&alice());
        let (id, invite) = bench.call();
        bench.reply_tagged(&invite, status, "bob1", &[("Contact", BOB)], Some(PEER));
        bench.reply_tagged(&invite, 180, "bob1", &[("Contact", BOB)], None);
        bench.reply_tagged(&invite, 200, "bob1", &[("Contact", BOB)], None);
        assert_eq!(bench.next_request().method(), Method::Ack);
        let (kind, answer) = bench.remote_description();
        assert_eq!(kind, DescriptionKind::Answer);
        assert_eq!(answer, PEER.as_bytes());
        assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
        goes_on(bench, id);
    }
}

/// The answer of one branch of a fork is none in another branch: that one is acknowledged and ended.
#[test]
fn fault_a5_the_description_of_another_branch_is_no_answer() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    bench.reply_tagged(&invite, 180, "bob1", &[("Contact", BOB)], Some(PEER));
    bench.reply_tagged(&invite, 180, "bob2", &[("Contact", BOB)], None);
    bench.reply_tagged(&invite, 200, "bob2", &[("Contact", BOB)], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert!(matches!(outcome(&mut bench), ExchangeOutcome::Aborted(_)));
    is_ended_by_bye(bench, Cause::BadDescription);
}

/// Real peers send another description in the 2xx than in the 180: the one that is in force at the peer is that of the 2xx.
#[test]
fn fault_a5_the_description_of_the_2xx_wins() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply_tagged(&invite, 180, "bob1", &[("Contact", BOB)], Some(V4));
    bench.reply_tagged(&invite, 200, "bob1", &[("Contact", BOB)], Some(PEER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(bench.remote_description().1, PEER.as_bytes());
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    goes_on(bench, id);
}

/// The same for a re-INVITE (RFC 3261 14.1: the rules of 13.2.1 apply).
#[test]
fn fault_a5_the_description_of_the_183_to_a_reinvite_is_the_answer() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let invite = reinvite(&mut bench, id, V2);
    bench.reply_tagged(&invite, 183, "bob1", &[("Contact", BOB)], Some(PEER));
    bench.reply_tagged(&invite, 200, "bob1", &[("Contact", BOB)], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(bench.remote_description().1, PEER.as_bytes());
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    goes_on(bench, id);
}

/// RFC 3261 13.2.2.4: every 2xx is acknowledged, also one that a BYE of the peer has overtaken.
#[test]
fn fault_a9_the_2xx_to_a_reinvite_that_a_bye_crosses_is_acknowledged() {
    for provisional in [false, true] {
        let (mut bench, id, ok) = answered();
        let invite = reinvite(&mut bench, id, V2);
        if provisional {
            bench.reply_tagged(&invite, 180, "bobtag", &[], None);
        }
        from_bob(&mut bench, "BYE", 8, &ok, None);
        assert!(matches!(outcome(&mut bench), ExchangeOutcome::Aborted(_)));
        assert_eq!(ended(&mut bench), Cause::Bye);
        bench.sent.clear();
        for _ in 0..2 {
            let success = response(&invite, 200, "bobtag", &[("Contact", BOB)], Some(PEER));
            bench.feed_bytes(success);
            let ack = bench.next_request();
            assert_eq!(ack.method(), Method::Ack);
            assert_eq!(ack.uri_bytes(), b"sip:bob@192.0.2.9");
            assert_eq!(ack.cseq().unwrap().number, invite.cseq().unwrap().number);
            assert_eq!(ack.to().unwrap().tag(), Some(&b"bobtag"[..]));
            bench.silence();
        }
        bench.wait(64 * SECOND);
        bench.sent.clear();
        bench.assert_nothing_left();
    }
}

/// What RFC 5057 section 5.1 says of a failure within a dialog: the dialog ends, or the usage, which is the call.
const ENDS: [u16; 15] = [
    404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 502, 604,
];

/// What ends only the transaction.
const GOES_ON: [u16; 32] = [
    300, 302, 400, 402, 403, 406, 412, 413, 414, 415, 420, 421, 422, 423, 428, 429, 436, 437, 438,
    486, 487, 488, 493, 494, 500, 503, 504, 505, 513, 580, 600, 603,
];

/// RFC 5057 5.1, a re-INVITE.
#[test]
fn fault_a11_a_failure_of_a_reinvite_ends_what_rfc_5057_says() {
    for (statuses, ends) in [(&ENDS[..], true), (&GOES_ON[..], false)] {
        for &status in statuses {
            let mut bench = Bench::new(&alice());
            let (id, _) = bench.established_call();
            let invite = reinvite(&mut bench, id, V2);
            bench.reply_tagged(&invite, status, "bob1", &[], None);
            assert_eq!(bench.next_request().method(), Method::Ack, "{status}");
            assert!(matches!(outcome(&mut bench), ExchangeOutcome::Refused(_)));
            if ends {
                is_ended_by_bye(bench, Cause::DialogGone);
            } else {
                goes_on(bench, id);
            }
        }
    }
}

/// RFC 5057 5.1, an INFO.
#[test]
fn fault_a11_a_failure_of_an_info_ends_what_rfc_5057_says() {
    for (statuses, ends) in [(&ENDS[..], true), (&GOES_ON[..], false)] {
        for &status in statuses {
            let mut bench = Bench::new(&alice());
            let (id, _) = bench.established_call();
            let body = Body::new("application/x-test", "1");
            match bench.agent.session(id) {
                Ok(Session::Established(call)) => call.info(&body, bench.now).expect("INFO"),
                other => panic!("{other:?}"),
            };
            bench.pump();
            let info = bench.next_request();
            bench.reply_tagged(&info, status, "bob1", &[], None);
            let completed = |event: &Event| matches!(event, Event::RequestCompleted { .. });
            assert!(bench.events.iter().any(completed), "{status}");
            if ends {
                is_ended_by_bye(bench, Cause::DialogGone);
            } else {
                goes_on(bench, id);
            }
        }
    }
}

/// The repair of a call fails for a reason that passes, because the peer lost its connection to the same server: it is tried again
/// with back-off, and the call goes on. A peer that never comes back ends it.
#[test]
fn fault_f6_a_failed_repair_is_tried_again() {
    for (status, comes_back) in [(480, true), (500, true), (503, true), (480, false)] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        bench.lose();
        bench.reconnect(Transport::Ws);
        let tries = if comes_back { 3 } else { 5 };
        let mut repair = None;
        for attempt in 0..=tries {
            bench.describe(id, V2);
            let invite = bench.next_request();
            assert_eq!(invite.method(), Method::Invite, "{status}, {attempt}");
            if attempt < tries || !comes_back {
                bench.reply_tagged(&invite, status, "bob1", &[], None);
                assert_eq!(bench.next_request().method(), Method::Ack);
                assert!(matches!(outcome(&mut bench), ExchangeOutcome::Refused(_)));
            }
            if attempt < tries {
                bench.wait(SECOND * (1 << attempt));
            }
            repair = Some(invite);
        }
        if comes_back {
            accepted(&mut bench, &repair.expect("a repair"), "bob1");
            goes_on(bench, id);
        } else {
            is_ended_by_bye(bench, Cause::DialogGone);
        }
    }
}

/// RFC 3261 13.2.1, 13.3.1.4: an INVITE without an offer gets one in the 2xx, and the ACK brings the answer; an ACK without one leaves
/// the call without a session, so that it is ended.
#[test]
fn rfc3261_13_3_1_4_a_late_offer_of_the_peer_is_answered_in_its_ack() {
    for answered in [true, false] {
        let mut bench = Bench::new(&alice());
        let user = bench.contact_user();
        bench.feed(&format!(
            "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKlate\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
             Call-ID: late\nCSeq: 7 INVITE\nContact: <sip:bob@bob.invalid;transport=ws>\nContent-Length: 0\n\n"
        ));
        let id = bench.expect(|event| match event {
            Event::IncomingCall { session, .. } => Some(*session),
            _ => None,
        });
        bench.accept(id);
        asked(&mut bench, DescriptionKind::Offer);
        bench.describe(id, V2);
        let ok = bench.next_response();
        assert_eq!((ok.status().as_u16(), ok.body()), (200, V2.as_bytes()));
        let answer = answered.then_some(PEER);
        from_bob(&mut bench, "ACK", 7, &ok, answer);
        if answered {
            let theirs = bench.remote_description();
            assert_eq!(
                (theirs.0, &theirs.1[..]),
                (DescriptionKind::Answer, PEER.as_bytes())
            );
            assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
            bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
            goes_on(bench, id);
        } else {
            assert!(matches!(outcome(&mut bench), ExchangeOutcome::Aborted(_)));
            is_ended_by_bye(bench, Cause::BadDescription);
        }
    }
}

/// The application never describes the offer of its own call: the call ends at its deadline.
#[test]
fn fault_a20_a_call_whose_offer_is_never_made_ends() {
    let mut bench = Bench::new(&alice());
    let called = bench
        .agent
        .invite("sip:bob@example.com", Default::default(), bench.now);
    called.expect("invite");
    bench.pump();
    asked(&mut bench, DescriptionKind::Offer);
    bench.wait(61 * SECOND);
    assert!(matches!(outcome(&mut bench), ExchangeOutcome::Aborted(_)));
    assert_eq!(ended(&mut bench), Cause::BadDescription);
    bench.silence();
    bench.assert_nothing_left();
}

/// RFC 3261 14.2: an INVITE of this side that is not on the wire yet is none that the peer's could meet.
#[test]
fn fault_a21_a_reinvite_of_the_peer_goes_first_while_ours_is_not_sent() {
    for offer in [Some(PEER), None] {
        let (mut bench, id, ok) = answered();
        bench.reinvite(id);
        let first = asked(&mut bench, DescriptionKind::Offer);
        from_bob(&mut bench, "INVITE", 8, &ok, offer);
        bench.silence();
        match outcome(&mut bench) {
            ExchangeOutcome::RolledBack(reason) => assert_eq!(reason.cause, Cause::Glare),
            other => panic!("{other:?}"),
        }
        let late = first.describe(&mut bench.agent, Ok(Body::sdp(V2)), bench.now);
        assert_eq!(late, Err(CommandError::ExchangeOver));
        bench.describe(id, V3);
        assert_eq!(bench.next_response().body(), V3.as_bytes());
        from_bob(&mut bench, "ACK", 8, &ok, offer.is_none().then_some(PEER));
        assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
        bench.wait(2 * SECOND);
        bench.silence();
        let second = asked(&mut bench, DescriptionKind::Offer);
        assert_ne!(first.exchange, second.exchange);
        bench.describe(id, V4);
        let invite = bench.next_request();
        assert_eq!(invite.body(), V4.as_bytes());
        accepted(&mut bench, &invite, "bobtag");
        assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
        goes_on(bench, id);
    }
}

/// RFC 3261 14.2 leaves open what an ACK without an answer means. Real phones send it; the call goes on as it was.
#[test]
fn fault_f7_a_call_outlives_an_ack_without_an_answer() {
    let (mut bench, id, ok) = answered();
    from_bob(&mut bench, "INVITE", 8, &ok, None);
    asked(&mut bench, DescriptionKind::Offer);
    bench.describe(id, V2);
    assert_eq!(bench.next_response().body(), V2.as_bytes());
    from_bob(&mut bench, "ACK", 8, &ok, None);
    match outcome(&mut bench) {
        ExchangeOutcome::Refused(reason) => assert_eq!(reason.cause, Cause::BadDescription),
        other => panic!("{other:?}"),
    }
    let invite = reinvite(&mut bench, id, V3);
    accepted(&mut bench, &invite, "bobtag");
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    goes_on(bench, id);
}

/// RFC 5407 3.1.4: a proxy loses the ACK to a 2xx. The next INVITE of the peer shows that the peer has the 2xx, so that it is taken and
/// the earlier exchange is complete; the 2xx is not repeated any more.
#[test]
fn rfc5407_3_1_4_a_reinvite_stands_for_a_lost_ack() {
    for (first, number) in [(true, 7), (false, 8)] {
        let mut bench = Bench::new(&alice());
        let id = bench.invite_from_bob(1);
        let mut ok = bench.answer(id, OFFER);
        if !first {
            bench.in_dialog("ACK", 7, "ack", &ok, "");
            outcome(&mut bench);
            from_bob(&mut bench, "INVITE", 8, &ok, Some(PEER));
            bench.describe(id, V2);
            ok = bench.next_response();
        }
        from_bob(&mut bench, "INVITE", number + 1, &ok, Some(PEER));
        assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
        asked(&mut bench, DescriptionKind::Answer);
        bench.describe(id, V3);
        let again = bench.next_response();
        assert_eq!(
            (again.status().as_u16(), again.body()),
            (200, V3.as_bytes())
        );
        let repeated = again.cseq().unwrap().number;
        assert_eq!(repeated, number + 1);
        from_bob(&mut bench, "ACK", number + 1, &again, None);
        assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
        bench.wait(40 * SECOND);
        assert!(
            !bench
                .events
                .iter()
                .any(|event| matches!(event, Event::Ended { .. })),
            "{:?}",
            bench.events
        );
        goes_on(bench, id);
    }
}

/// RFC 5407 3.1.5, RFC 3264 4: while our offer in a 2xx waits for its answer in the ACK, an INVITE of the peer gets 491.
#[test]
fn rfc5407_3_1_5_a_reinvite_waits_for_the_answer_in_the_ack() {
    let (mut bench, id, ok) = answered();
    from_bob(&mut bench, "INVITE", 8, &ok, None);
    bench.describe(id, V2);
    bench.next_response();
    from_bob(&mut bench, "INVITE", 9, &ok, Some(PEER));
    assert_eq!(bench.next_response().status().as_u16(), 491);
    from_bob(&mut bench, "ACK", 9, &ok, None);
    from_bob(&mut bench, "ACK", 8, &ok, Some(PEER));
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    goes_on(bench, id);
}

/// Found by the exploration of calls. Bob's 2xx to a re-INVITE is repeated because its ACK is late, and arrives after
/// the next re-INVITE went out: it gets its ACK again (RFC 3261 section 13.2.2.4) and does not answer the next one.
#[test]
fn fault_a_repeat_of_an_earlier_2xx_does_not_answer_the_next_reinvite() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let first = reinvite(&mut bench, id, V2);
    accepted(&mut bench, &first, "bob1");
    bench.renegotiated(id);

    let second = reinvite(&mut bench, id, V3);
    bench.reply_tagged(&first, 200, "bob1", &[("Contact", BOB)], Some(PEER));
    let again = bench.next_request();
    assert_eq!(again.method(), Method::Ack);
    assert_eq!(again.cseq().unwrap().number, first.cseq().unwrap().number);
    assert!(
        !bench
            .events
            .iter()
            .any(|event| matches!(event, Event::ExchangeEnded { .. })),
        "the second exchange waits for its own answer"
    );
    accepted(&mut bench, &second, "bob1");
    bench.renegotiated(id);
}
