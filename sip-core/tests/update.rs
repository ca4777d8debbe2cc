//! UPDATE in both directions (RFC 3311), against a scripted peer.

use std::time::Duration;

use sip_core::{
    Body, Cause, CommandError, DescriptionFailed, DescriptionKind, Event, ExtraHeader,
    FailureStatus, ModifyOptions, Session, SessionId,
};
use sip_parse::{HeaderName, Method, Request, Response};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

const CHANGED: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\n";

/// A call of the agent that is up. The Allow of the 2xx is this.
fn call(bench: &mut Bench, allow: &str) -> SessionId {
    let (id, invite) = bench.call();
    let headers = [("Contact", "<sip:bob@192.0.2.9>"), ("Allow", allow)];
    bench.reply_tagged(&invite, 200, "bob1", &headers, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    id
}

/// A call of Bob that is up; the 2xx. Bob's INVITE has no Allow.
fn called(bench: &mut Bench) -> (SessionId, Response) {
    let id = bench.invite_from_bob(1);
    let ok = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.events.clear();
    (id, ok)
}

/// Bob sends a request within the dialog, with an offer.
fn offers(bench: &mut Bench, method: &str, cseq: u32, ours: &Response) {
    let to = value(ours, HeaderName::To);
    let call_id = value(ours, HeaderName::CallId);
    let user = bench.contact_user();
    bench.feed(&format!(
        "{method} sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{method}{cseq}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: {to}\nCall-ID: {call_id}\n\
         CSeq: {cseq} {method}\nContact: <sip:bob@moved.invalid>\nAllow: INVITE, UPDATE\n\
         Content-Type: application/sdp\nContent-Length: {}\n\n{}",
        OFFER.len(),
        OFFER.replace("\r\n", "\n"),
    ));
}

#[track_caller]
fn command(bench: &mut Bench, id: SessionId, options: ModifyOptions) -> Result<(), CommandError> {
    let result = match bench.agent.session(id) {
        Ok(Session::Established(call)) => call.update(options, bench.now),
        other => panic!("not up: {other:?}"),
    };
    bench.pump();
    result
}

/// The application sends an UPDATE with an offer; the request.
#[track_caller]
fn update(bench: &mut Bench, id: SessionId) -> Request {
    command(bench, id, ModifyOptions::new()).expect("update");
    assert_eq!(bench.description_needed().kind, DescriptionKind::Offer);
    bench.describe(id, CHANGED);
    bench.next_request()
}

fn status(bench: &mut Bench) -> u16 {
    bench.next_response().status().as_u16()
}

/// RFC 4320 section 4.1: an UPDATE gets 100 if its answer takes long.
fn is_trying(message: &sip_parse::Message) -> bool {
    let response = message.as_response();
    response.is_some_and(|response| response.status().as_u16() == 100)
}

fn is_up(bench: &mut Bench, id: SessionId) -> bool {
    matches!(bench.agent.session(id), Ok(Session::Established(_)))
}

/// 3311-5.1-A, 3311-5.2-B, RFC 3311 section 5.1: an UPDATE with an offer changes the session without an ACK, and its 2xx
/// refreshes the target. Allow and Contact are in the request.
#[test]
fn rfc3311_5_1_an_update_changes_the_session() {
    let mut bench = Bench::new(&alice());
    let id = call(&mut bench, "INVITE, ACK, UPDATE");
    let header = ExtraHeader::new("X-Reason", "codec").expect("a header field");
    command(&mut bench, id, ModifyOptions::new().header(header)).expect("update");
    bench.describe(id, CHANGED);
    let update = bench.next_request();
    assert_eq!(update.method(), Method::Update);
    assert_eq!(update.body(), CHANGED.as_bytes());
    assert_eq!(update.contacts().count(), 1);
    assert!(update.allow().any(|method| method == Method::Update));
    assert_eq!(
        value(&update, HeaderName::parse(b"X-Reason").unwrap()),
        "codec"
    );
    let busy = command(&mut bench, id, ModifyOptions::new());
    assert!(matches!(busy, Err(CommandError::WrongState(_))), "3264-4-A");
    let moved = [("Contact", "<sip:bob@192.0.2.77>")];
    bench.reply_tagged(&update, 200, "bob1", &moved, Some(OFFER));
    assert_eq!(bench.remote_description().0, DescriptionKind::Answer);
    bench.renegotiated(id);
    bench.silence();
    bench.hang_up(id);
    assert_eq!(bench.next_request().uri_bytes(), b"sip:bob@192.0.2.77");
}

/// 3311-5.1-A, RFC 3311 section 5.1: a peer whose Allow does not list UPDATE gets a re-INVITE. A later Allow counts.
#[test]
fn rfc3311_5_1_a_peer_without_update_gets_a_reinvite() {
    let mut bench = Bench::new(&alice());
    let id = call(&mut bench, "INVITE, ACK, BYE");
    // A refresh has an offer then, because a re-INVITE without one would ask the peer for its offer.
    command(&mut bench, id, ModifyOptions::new().without_offer()).expect("update");
    bench.describe(id, CHANGED);
    let invite = bench.next_request();
    assert_eq!(
        (invite.method(), invite.body()),
        (Method::Invite, CHANGED.as_bytes())
    );
    let headers = [("Contact", "<sip:bob@192.0.2.9>"), ("Allow", "UPDATE")];
    bench.reply_tagged(&invite, 200, "bob1", &headers, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.renegotiated(id);
    assert_eq!(update(&mut bench, id).method(), Method::Update);
}

/// 3311-5.1-A: an UPDATE without an offer refreshes the target and the session; an event reports its outcome.
#[test]
fn rfc3311_5_1_an_update_without_an_offer_refreshes() {
    for accepted in [true, false] {
        let mut bench = Bench::new(&alice());
        let id = call(&mut bench, "UPDATE");
        command(&mut bench, id, ModifyOptions::new().without_offer()).expect("update");
        let update = bench.next_request();
        assert_eq!((update.method(), update.body()), (Method::Update, &b""[..]));
        let moved = [("Contact", "<sip:bob@192.0.2.77>")];
        bench.reply_tagged(
            &update,
            if accepted { 200 } else { 488 },
            "bob1",
            &moved,
            None,
        );
        let outcome = bench.expect(|event| match event {
            Event::ModificationEnded { outcome, .. } => Some(outcome.clone()),
            _ => None,
        });
        assert_eq!(outcome.is_ok(), accepted);
        bench.hang_up(id);
        let target = if accepted {
            "sip:bob@192.0.2.77"
        } else {
            "sip:bob@192.0.2.9"
        };
        assert_eq!(bench.next_request().uri_bytes(), target.as_bytes());
    }
}

/// 3311-5.1-B, RFC 3311 section 5.1: after 491 the UPDATE waits as RFC 3261 section 14.1 says, and is tried again with a fresh
/// offer; ten times at most.
#[test]
fn rfc3311_5_1_glare_is_tried_again_with_a_fresh_offer() {
    let mut bench = Bench::new(&alice());
    let id = call(&mut bench, "UPDATE");
    let mut sent = update(&mut bench, id);
    for _ in 0..10 {
        bench.reply_tagged(&sent, 491, "bob1", &[], None);
        assert_eq!(bench.renegotiation_failed().cause, Cause::Refused);
        bench.wait(Duration::from_millis(2_099));
        bench.no_events();
        bench.wait(Duration::from_millis(1_901));
        assert_eq!(bench.description_needed().kind, DescriptionKind::Offer);
        bench.describe(id, CHANGED);
        let again = bench.next_request();
        assert_eq!(again.method(), Method::Update);
        assert_eq!(
            again.cseq().unwrap().number,
            sent.cseq().unwrap().number + 1
        );
        sent = again;
    }
    bench.reply_tagged(&sent, 491, "bob1", &[], None);
    assert_eq!(bench.renegotiation_failed().cause, Cause::Refused);
    bench.wait(60 * SECOND);
    bench.silence();
    assert!(is_up(&mut bench, id));

    // The callee did not make the Call-ID: within 2 s.
    let mut bench = Bench::new(&alice());
    let (id, ok) = called(&mut bench);
    bench.in_dialog(
        "UPDATE",
        8,
        "u",
        &ok,
        "Contact: <sip:bob@bob.invalid>\nAllow: UPDATE\n",
    );
    assert_eq!(status(&mut bench), 200);
    let sent = update(&mut bench, id);
    bench.reply_tagged(&sent, 491, "bobtag", &[], None);
    bench.wait(2 * SECOND);
    bench.describe(id, CHANGED);
    assert_eq!(bench.next_request().method(), Method::Update);
    // The end of the call ends the attempts.
    bench.hang_up(id);
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    bench.wait(60 * SECOND);
    bench.silence();
    bench.assert_nothing_left();
}

/// 3311-5.1-B, RFC 3311 section 5.1 with RFC 5057: 481, 408 and silence end the call by BYE; other refusals leave it.
#[test]
fn rfc3311_5_1_a_refused_update_leaves_the_session() {
    for (answer, up) in [
        (488, true),
        (500, true),
        (504, true),
        (405, true),
        (501, true),
        (480, true),
        (481, false),
        (408, false),
    ] {
        let mut bench = Bench::new(&alice());
        let id = call(&mut bench, "UPDATE");
        let sent = update(&mut bench, id);
        bench.reply_tagged(&sent, answer, "bob1", &[], None);
        let reason = bench.renegotiation_failed();
        assert_eq!(reason.status.map(|status| status.as_u16()), Some(answer));
        if up {
            bench.silence();
            assert!(is_up(&mut bench, id), "{answer}");
        } else {
            assert_eq!(bench.next_request().method(), Method::Bye, "{answer}");
        }
        if matches!(answer, 405 | 501) {
            command(&mut bench, id, ModifyOptions::new()).expect("update");
            bench.describe(id, CHANGED);
            assert_eq!(bench.next_request().method(), Method::Invite, "{answer}");
        }
    }
    let mut bench = Bench::new(&alice());
    let id = call(&mut bench, "UPDATE");
    update(&mut bench, id);
    bench.sent.clear();
    bench.wait(33 * SECOND);
    let last = bench.sent.pop_back().expect("a message");
    assert_eq!(last.as_request().unwrap().method(), Method::Bye);
}

/// RFC 3261 section 22.2: a challenged UPDATE is sent again with credentials, and the next CSeq number.
#[test]
fn rfc3261_22_2_a_challenged_update_is_resent() {
    let mut bench = Bench::new(&alice());
    let id = call(&mut bench, "UPDATE");
    let sent = update(&mut bench, id);
    let challenge = [(
        "Proxy-Authenticate",
        "Digest realm=\"example.com\", nonce=\"n1\", qop=\"auth\"",
    )];
    bench.reply_tagged(&sent, 407, "bob1", &challenge, None);
    let again = bench.next_request();
    assert!(again.has(HeaderName::ProxyAuthorization));
    assert_eq!(
        again.cseq().unwrap().number,
        sent.cseq().unwrap().number + 1
    );
    bench.no_events();
    bench.reply_tagged(
        &again,
        200,
        "bob1",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    bench.renegotiated(id);
}

/// A missing offer of the application does not block the call.
#[test]
fn an_offer_for_an_update_that_is_never_made_is_given_up() {
    let mut bench = Bench::new(&alice());
    let id = call(&mut bench, "UPDATE");
    command(&mut bench, id, ModifyOptions::new()).expect("update");
    bench.wait(61 * SECOND);
    assert_eq!(bench.renegotiation_failed().cause, Cause::BadDescription);
    command(&mut bench, id, ModifyOptions::new()).expect("update");
    bench
        .try_describe(id, Err(DescriptionFailed))
        .expect("describe");
    assert_eq!(bench.renegotiation_failed().cause, Cause::BadDescription);
    assert_eq!(update(&mut bench, id).method(), Method::Update);
}

/// 3311-5.2-B, RFC 3311 section 5.2: an UPDATE of the peer is answered 200, with the answer to its offer; its Contact is the new
/// target. Fault F4: it used to be 405.
#[test]
fn rfc3311_5_2_an_update_of_the_peer() {
    let mut bench = Bench::new(&alice());
    let (id, ok) = called(&mut bench);
    bench.in_dialog("UPDATE", 8, "u8", &ok, "Contact: <sip:bob@first.invalid>\n");
    let refreshed = bench.next_response();
    assert_eq!(
        (refreshed.status().as_u16(), refreshed.body()),
        (200, &b""[..])
    );
    assert_eq!(refreshed.contacts().count(), 1);
    assert!(refreshed.allow().any(|method| method == Method::Update));
    bench.no_events();
    offers(&mut bench, "UPDATE", 9, &ok);
    assert_eq!(bench.remote_description().0, DescriptionKind::Offer);
    assert_eq!(bench.description_needed().kind, DescriptionKind::Answer);
    bench.silence();
    bench.describe(id, CHANGED);
    let answered = bench.next_response();
    assert_eq!(
        (answered.status().as_u16(), answered.body()),
        (200, CHANGED.as_bytes())
    );
    assert_eq!(answered.to().unwrap().tag(), ok.to().unwrap().tag());
    bench.renegotiated(id);
    bench.hang_up(id);
    assert_eq!(bench.next_request().uri_bytes(), b"sip:bob@moved.invalid");
}

/// 3311-5.2-B, RFC 3311 section 5.2, RFC 3261 section 12.2.2: a refused UPDATE leaves session and target. Without an answer in
/// 10 s it gets 504, as one that needs the consent of the user.
#[test]
fn rfc3311_5_2_an_update_that_needs_the_user_gets_504() {
    for (how, expected) in [("late", 504), ("none", 488), ("reject", 504)] {
        let mut bench = Bench::new(&alice());
        let (id, ok) = called(&mut bench);
        offers(&mut bench, "UPDATE", 8, &ok);
        match how {
            "late" => {
                bench.wait(10 * SECOND - Duration::from_millis(1));
                bench.sent.retain(|message| !is_trying(message));
                bench.silence();
                bench.wait(Duration::from_millis(1));
            }
            "none" => bench
                .try_describe(id, Err(DescriptionFailed))
                .expect("describe"),
            _ => {
                match bench.agent.session(id) {
                    Ok(Session::Established(call)) => {
                        let consent = FailureStatus::new(504).expect("a status");
                        call.reject(consent, bench.now).expect("reject");
                    }
                    other => panic!("not up: {other:?}"),
                }
                bench.pump();
            }
        }
        assert_eq!(status(&mut bench), expected, "{how}");
        bench.renegotiation_failed();
        let late = bench.try_describe(id, Ok(Body::sdp(CHANGED)));
        assert_eq!(late, Err(CommandError::ExchangeOver), "{how}");
        bench.hang_up(id);
        let bye = bench.next_request();
        assert_eq!(
            bye.uri_bytes(),
            b"sip:bob@bob.invalid;transport=ws",
            "{how}"
        );
    }
}

/// 3311-5.2-A, 3264-4-A, RFC 3311 section 5.2: 491 while an offer of this side is unanswered, in a re-INVITE, an UPDATE, or a 2xx.
#[test]
fn rfc3311_5_2_an_update_that_crosses_our_offer_gets_491() {
    for ours in ["re-INVITE", "re-INVITE without offer", "UPDATE", "2xx"] {
        let mut bench = Bench::new(&alice());
        let (id, ok) = called(&mut bench);
        bench.in_dialog(
            "UPDATE",
            8,
            "u8",
            &ok,
            "Contact: <sip:bob@bob.invalid>\nAllow: UPDATE\n",
        );
        assert_eq!(status(&mut bench), 200);
        match ours {
            "UPDATE" => drop(update(&mut bench, id)),
            "2xx" => {
                bench.in_dialog("INVITE", 9, "late", &ok, "Contact: <sip:bob@bob.invalid>\n");
                bench.describe(id, CHANGED);
                assert_eq!(status(&mut bench), 200);
            }
            _ => {
                let options = ModifyOptions::new();
                let options = if ours == "re-INVITE" {
                    options
                } else {
                    options.without_offer()
                };
                match bench.agent.session(id) {
                    Ok(Session::Established(call)) => call.reinvite(options, bench.now).unwrap(),
                    other => panic!("not up: {other:?}"),
                }
                bench.pump();
                if ours == "re-INVITE" {
                    bench.describe(id, CHANGED);
                }
                assert_eq!(bench.next_request().method(), Method::Invite);
            }
        }
        offers(&mut bench, "UPDATE", 10, &ok);
        assert_eq!(status(&mut bench), 491, "{ours}");
        // A target refresh crosses nothing.
        bench.in_dialog("UPDATE", 11, "u11", &ok, "Contact: <sip:bob@bob.invalid>\n");
        assert_eq!(status(&mut bench), 200, "{ours}");
    }
}

/// 3311-5.2-A, RFC 3311 section 5.2: 500 with Retry-After of 0 to 10 s while an offer of the peer is unanswered, in an INVITE, a
/// re-INVITE or an UPDATE, and while an UPDATE of the peer is pending.
#[test]
fn rfc3311_5_2_an_update_during_an_offer_of_the_peer_gets_500() {
    for theirs in ["INVITE", "re-INVITE", "UPDATE"] {
        let mut bench = Bench::new(&alice());
        let ok = if theirs == "INVITE" {
            let id = bench.invite_from_bob(1);
            match bench.agent.session(id) {
                Ok(Session::Incoming(call)) => call.ring(bench.now),
                other => panic!("not incoming: {other:?}"),
            }
            bench.pump();
            bench.next_response()
        } else {
            let (_, ok) = called(&mut bench);
            offers(&mut bench, theirs.trim_start_matches("re-"), 8, &ok);
            ok
        };
        offers(&mut bench, "UPDATE", 9, &ok);
        let refused = bench.next_response();
        assert_eq!(refused.status().as_u16(), 500, "{theirs}");
        assert!(refused.retry_after().unwrap().unwrap().seconds <= 10);
        bench.in_dialog("UPDATE", 10, "u10", &ok, "Contact: <sip:bob@bob.invalid>\n");
        let refresh = if theirs == "UPDATE" { 500 } else { 200 };
        assert_eq!(
            status(&mut bench),
            refresh,
            "{theirs}: one UPDATE at a time"
        );
    }
}

/// 3264-4-A, RFC 3261 section 14.2: a re-INVITE of the peer gets 491 while the offer of an UPDATE of this side is unanswered, and
/// 500 while the peer's UPDATE is.
#[test]
fn rfc3264_4_a_reinvite_that_crosses_an_update() {
    let mut bench = Bench::new(&alice());
    let (id, ok) = called(&mut bench);
    bench.in_dialog(
        "UPDATE",
        8,
        "u8",
        &ok,
        "Contact: <sip:bob@bob.invalid>\nAllow: UPDATE\n",
    );
    assert_eq!(status(&mut bench), 200);
    let sent = update(&mut bench, id);
    offers(&mut bench, "INVITE", 9, &ok);
    assert_eq!(status(&mut bench), 491);
    bench.reply_tagged(
        &sent,
        200,
        "bobtag",
        &[("Contact", "<sip:bob@bob.invalid>")],
        Some(OFFER),
    );
    bench.renegotiated(id);
    bench.silence();
    offers(&mut bench, "UPDATE", 10, &ok);
    offers(&mut bench, "INVITE", 11, &ok);
    assert_eq!(status(&mut bench), 500);
    let busy = match bench.agent.session(id) {
        Ok(Session::Established(call)) => call.reinvite(ModifyOptions::new(), bench.now),
        other => panic!("not up: {other:?}"),
    };
    assert!(matches!(busy, Err(CommandError::WrongState(_))));
    bench.describe(id, CHANGED);
    assert_eq!(status(&mut bench), 200);
    bench.renegotiated(id);
}

/// RFC 3261 section 14.1: an offer of this side that is not sent yet gives way to one of the peer, in all four combinations of
/// re-INVITE and UPDATE; a fresh one follows.
#[test]
fn rfc3261_14_1_an_unsent_offer_gives_way() {
    for (ours, theirs) in [
        (Method::Invite, "UPDATE"),
        (Method::Update, "UPDATE"),
        (Method::Update, "INVITE"),
        (Method::Invite, "INVITE"),
    ] {
        let mut bench = Bench::new(&alice());
        let (id, ok) = called(&mut bench);
        bench.in_dialog(
            "UPDATE",
            8,
            "u8",
            &ok,
            "Contact: <sip:bob@bob.invalid>\nAllow: UPDATE\n",
        );
        assert_eq!(status(&mut bench), 200);
        match ours {
            Method::Invite => bench.reinvite(id),
            _ => command(&mut bench, id, ModifyOptions::new()).expect("update"),
        }
        bench.events.clear();
        offers(&mut bench, theirs, 9, &ok);
        assert_eq!(bench.renegotiation_failed().cause, Cause::Glare);
        assert_eq!(bench.description_needed().kind, DescriptionKind::Answer);
        bench.describe(id, CHANGED);
        assert_eq!(status(&mut bench), 200);
        if theirs == "INVITE" {
            bench.in_dialog("ACK", 9, "ack9", &ok, "");
        }
        bench.renegotiated(id);
        bench.wait(5 * SECOND);
        bench.describe(id, CHANGED);
        assert_eq!(bench.next_request().method(), ours, "{theirs}");
    }
}

/// 6141-4-A, 6141-4.6-A, RFC 6141 section 4.6: the target of an accepted UPDATE stays in force when the re-INVITE around it fails.
#[test]
fn rfc6141_4_6_a_target_refresh_within_a_failed_reinvite_stays() {
    let mut bench = Bench::new(&alice());
    let (id, ok) = called(&mut bench);
    bench.reinvite(id);
    bench.describe(id, CHANGED);
    let again = bench.next_request();
    bench.in_dialog("UPDATE", 8, "u8", &ok, "Contact: <sip:bob@moved.invalid>\n");
    assert_eq!(status(&mut bench), 200);
    bench.reply_tagged(&again, 488, "bobtag", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(bench.renegotiation_failed().cause, Cause::Refused);
    bench.hang_up(id);
    assert_eq!(bench.next_request().uri_bytes(), b"sip:bob@moved.invalid");
}

/// RFC 5407 section 3.1.4: an offer by UPDATE after the 2xx shows that the peer has the 2xx; the ACK may come later.
#[test]
fn rfc5407_3_1_4_an_update_before_the_ack() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = bench.answer(id, OFFER);
    bench.events.clear();
    offers(&mut bench, "UPDATE", 8, &ok);
    bench.renegotiated(id);
    bench.describe(id, CHANGED);
    assert_eq!(status(&mut bench), 200);
    bench.renegotiated(id);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    assert!(matches!(bench.event(), Event::Established { .. }));
    bench.wait(40 * SECOND);
    bench.silence();
}

/// RFC 3261 section 15.1.2: an UPDATE that waits for the application when the call ends gets 487.
#[test]
fn rfc3261_15_1_2_a_pending_update_gets_487() {
    for by_peer in [true, false] {
        let mut bench = Bench::new(&alice());
        let (id, ok) = called(&mut bench);
        offers(&mut bench, "UPDATE", 8, &ok);
        if by_peer {
            bench.in_dialog("BYE", 9, "bye", &ok, "");
            assert_eq!(status(&mut bench), 200);
            assert_eq!(status(&mut bench), 487);
        } else {
            bench.hang_up(id);
            assert_eq!(status(&mut bench), 487);
            let bye = bench.next_request();
            bench.reply(&bye, 200, &[]);
        }
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
}

/// CONN-B: an UPDATE whose connection breaks fails alone; the call is repaired on the next connection.
#[test]
fn conn_b_an_update_fails_with_its_connection() {
    for theirs in [false, true] {
        let mut bench = Bench::new(&alice());
        let (id, ok) = called(&mut bench);
        if theirs {
            offers(&mut bench, "UPDATE", 8, &ok);
        } else {
            bench.in_dialog(
                "UPDATE",
                8,
                "u8",
                &ok,
                "Contact: <sip:bob@bob.invalid>\nAllow: UPDATE\n",
            );
            assert_eq!(status(&mut bench), 200);
            update(&mut bench, id);
        }
        bench.sent.clear();
        bench.lose();
        let reason = bench.renegotiation_failed();
        assert_eq!(reason.cause, Cause::ConnectionLost, "theirs: {theirs}");
        let late = bench.try_describe(id, Ok(Body::sdp(CHANGED)));
        assert_eq!(late, Err(CommandError::ExchangeOver));
        bench.reconnect(sip_core::Transport::Ws);
        bench.describe(id, CHANGED);
        assert_eq!(bench.next_request().method(), Method::Invite, "the repair");
        assert!(is_up(&mut bench, id));
    }
}

/// RFC 3311 section 5.2: outside any dialog an UPDATE concerns nothing. A malformed Contact is refused alone.
#[test]
fn rfc3311_5_2_an_update_without_a_dialog() {
    let mut bench = Bench::new(&alice());
    let (_, ok) = called(&mut bench);
    bench.in_dialog("UPDATE", 8, "u8", &ok, "Contact: <tel:1>\n");
    assert_eq!(status(&mut bench), 400);
    let user = bench.contact_user();
    bench.feed(&format!(
        "UPDATE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKo\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=x\nTo: <sip:alice@example.com>;tag=gone\nCall-ID: other\nCSeq: 1 UPDATE\n\
         Contact: <sip:bob@bob.invalid>\nContent-Length: 0\n\n"
    ));
    assert_eq!(status(&mut bench), 481);
}
