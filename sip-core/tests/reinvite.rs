//! Re-INVITEs that the agent makes, against a scripted peer.

use std::time::Duration;

use sip_core::{
    Cause, CommandError, DescriptionFailed, DescriptionKind, ModifyOptions, Session, SessionId,
    Transport,
};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

const SECOND_OFFER: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\n";

/// Makes a re-INVITE with an offer; returns the sent request.
fn reinvite(bench: &mut Bench, id: SessionId) -> Request {
    bench.reinvite(id);

    describe(bench, id)
}

fn describe(bench: &mut Bench, id: SessionId) -> Request {
    let kind = bench.description_needed().kind;
    assert_eq!(kind, DescriptionKind::Offer);
    bench.describe(id, SECOND_OFFER);
    bench.next_request()
}

fn failed(bench: &mut Bench) -> Cause {
    bench.renegotiation_failed().cause
}

/// RFC 3261 14.1: an INVITE within the dialog, acknowledged on it; its 2xx moves the target (12.2.1.2).
#[test]
fn rfc3261_14_1_a_reinvite_changes_the_session() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.established_call();
    let again = reinvite(&mut bench, id);
    assert_eq!(again.method(), Method::Invite);
    assert_eq!(again.call_id().unwrap(), invite.call_id().unwrap());
    assert_eq!(again.to().unwrap().tag(), Some(&b"bob1"[..]));
    assert_eq!(
        again.cseq().unwrap().number,
        invite.cseq().unwrap().number + 1
    );
    assert_eq!(again.contacts().count(), 1, "8.1.1.8: a target refresh");
    assert_eq!(again.body(), SECOND_OFFER.as_bytes());
    let refused = match bench.agent.session(id) {
        Ok(Session::Established(call)) => call.reinvite(ModifyOptions::new(), bench.now),
        _ => panic!("not up"),
    };
    assert!(
        matches!(refused, Err(CommandError::WrongState(_))),
        "one at a time"
    );
    bench.reply_tagged(
        &again,
        200,
        "bob1",
        &[("Contact", "<sip:bob@192.0.2.77>")],
        Some(OFFER),
    );
    let ack = bench.next_request();
    assert_eq!(
        (ack.method(), ack.cseq().unwrap().number),
        (Method::Ack, again.cseq().unwrap().number)
    );
    bench.renegotiated(id);
    bench.reply_tagged(
        &again,
        200,
        "bob1",
        &[("Contact", "<sip:bob@192.0.2.77>")],
        Some(OFFER),
    );
    assert_eq!(
        bench.next_request().bytes(),
        ack.bytes(),
        "13.2.2.4: a repeat gets the same ACK"
    );
    bench.reply_tagged(
        &invite,
        200,
        "bob1",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    bench.silence();
    bench.hang_up(id);
    assert_eq!(bench.next_request().uri_bytes(), b"sip:bob@192.0.2.77");
}

/// RFC 3261 14.1: a refusal leaves the session as it was; 481 and silence end the call by BYE (12.2.1.2).
#[test]
fn rfc3261_14_1_a_refused_reinvite_leaves_the_session() {
    for (status, up) in [(488, true), (503, true), (481, false), (408, false)] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        let again = reinvite(&mut bench, id);
        bench.reply_tagged(&again, status, "bob1", &[], None);
        assert_eq!(bench.next_request().method(), Method::Ack);
        if up {
            assert_eq!(failed(&mut bench), Cause::Refused);
            assert!(matches!(
                bench.agent.session(id),
                Ok(Session::Established(_))
            ));
            bench.silence();
        } else {
            assert_eq!(bench.next_request().method(), Method::Bye, "{status}");
        }
    }
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    reinvite(&mut bench, id);
    bench.wait(33 * SECOND);
    assert_eq!(bench.next_request().method(), Method::Bye);
}

/// RFC 3261 14.1: after 491 the owner of the Call-ID tries again after 2.1 to 4 s, the other within 2 s.
#[test]
fn rfc3261_14_1_glare_is_tried_again_after_a_random_time() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let mut request = reinvite(&mut bench, id);
    for _ in 0..10 {
        bench.reply_tagged(&request, 491, "bob1", &[], None);
        assert_eq!(bench.next_request().method(), Method::Ack);
        // RFC 3264 section 8: the offer is rolled back, and the next one is a fresh one.
        assert_eq!(failed(&mut bench), Cause::Refused);
        bench.wait(Duration::from_millis(2_099));
        bench.no_events();
        bench.wait(Duration::from_millis(1_901));
        bench.describe(id, SECOND_OFFER);
        let again = bench.next_request();
        assert_eq!(
            again.cseq().unwrap().number,
            request.cseq().unwrap().number + 1
        );
        assert_eq!(again.body(), SECOND_OFFER.as_bytes());
        request = again;
    }
    bench.hang_up(id);
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    bench.reply_tagged(&request, 491, "bob1", &[], None);
    bench.sent.clear();
    bench.wait(60 * SECOND);
    bench.silence();
    bench.assert_nothing_left();

    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    bench.accept(id);
    bench.describe(id, OFFER);
    bench.events.clear();
    let ok = bench.next_response();
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    let request = reinvite(&mut bench, id);
    bench.reply_tagged(&request, 491, "bobtag", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.wait(2 * SECOND);
    bench.describe(id, SECOND_OFFER);
    assert_eq!(
        bench.next_request().method(),
        Method::Invite,
        "we are not the owner"
    );
}

/// RFC 3261 14.2: a re-INVITE of the peer while one of the agent is in flight gets 491.
#[test]
fn rfc3261_14_2_a_crossing_reinvite_is_refused() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    bench.accept(id);
    bench.describe(id, OFFER);
    bench.events.clear();
    let ok = bench.next_response();
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    reinvite(&mut bench, id);
    bench.in_dialog(
        "INVITE",
        8,
        "cross",
        &ok,
        "Contact: <sip:bob@bob.invalid>\n",
    );
    assert_eq!(bench.next_response().status().as_u16(), 491);
}

/// CONN-B: a call that outlived its connection is repaired on the next one by a target refresh, after the
/// registration.
#[test]
fn conn_b_a_call_is_repaired_after_a_reconnection() {
    for register in [false, true] {
        let mut bench = Bench::new(alice().register(register));
        let registered = |bench: &mut Bench| {
            let request = bench.next_request();
            assert_eq!(request.method(), Method::Register);
            let contact = value(&request, HeaderName::Contact);
            bench.reply(&request, 200, &[("Contact", &contact)]);
        };
        if register {
            registered(&mut bench);
            bench.events.clear();
        }
        let (id, _) = bench.established_call();
        bench.lose();
        bench.wait(SECOND);
        bench.open(Transport::Ws);
        bench.wait(SECOND);
        if register {
            registered(&mut bench);
        }
        let again = describe(&mut bench, id);
        assert_eq!(again.method(), Method::Invite);
        bench.reply_tagged(
            &again,
            200,
            "bob1",
            &[("Contact", "<sip:bob@192.0.2.9>")],
            Some(OFFER),
        );
        assert_eq!(bench.next_request().method(), Method::Ack);
        bench.renegotiated(id);
        bench.wait(5 * SECOND);
        bench.silence();
    }
}

/// If the peer answers 491 again and again, the re-INVITE fails with one event and the call goes on.
#[test]
fn rfc3261_14_1_endless_glare_is_given_up() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let mut request = reinvite(&mut bench, id);
    for _ in 0..10 {
        bench.reply_tagged(&request, 491, "bob1", &[], None);
        assert_eq!(bench.next_request().method(), Method::Ack);
        assert_eq!(failed(&mut bench), Cause::Refused);
        bench.wait(4 * SECOND);
        bench.describe(id, SECOND_OFFER);
        request = bench.next_request();
    }
    bench.reply_tagged(&request, 491, "bob1", &[], None);
    assert_eq!(failed(&mut bench), Cause::Refused);
    bench.sent.clear();
    bench.wait(60 * SECOND);
    bench.silence();
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
}

/// The agent cancels a re-INVITE that gets 180 and no final response. Hanging up cancels it as well, and
/// leaves nothing behind.
#[test]
fn rfc3261_9_1_a_reinvite_that_nobody_answers_is_cancelled() {
    for hang_up in [false, true] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        let again = reinvite(&mut bench, id);
        bench.reply_tagged(&again, 180, "bob1", &[], None);
        if hang_up {
            bench.hang_up(id);
        } else {
            bench.wait(Duration::from_secs(301));
        }
        let cancel = bench.next_request();
        assert_eq!(cancel.method(), Method::Cancel);
        bench.reply(&cancel, 200, &[]);
        bench.reply_tagged(&again, 487, "bob1", &[], None);
        assert_eq!(
            bench.sent.back().unwrap().as_request().unwrap().method(),
            Method::Ack
        );
        if hang_up {
            let bye = bench.next_request();
            assert_eq!(bye.method(), Method::Bye);
            bench.reply(&bye, 200, &[]);
            bench.wait(40 * SECOND);
            bench.assert_nothing_left();
        } else {
            assert_eq!(failed(&mut bench), Cause::Refused);
            assert!(matches!(
                bench.agent.session(id),
                Ok(Session::Established(_))
            ));
        }
    }
}

/// A missing offer of the application does not block the call.
#[test]
fn an_offer_that_is_never_made_is_given_up() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.reinvite(id);

    bench.wait(61 * SECOND);
    assert_eq!(failed(&mut bench), Cause::BadDescription);
    let again = reinvite(&mut bench, id);
    assert_eq!(again.method(), Method::Invite);
}

/// RFC 3261 13.2.2.4: the agent acknowledges the 2xx of a re-INVITE that its BYE has overtaken.
#[test]
fn rfc3261_13_2_2_4_a_late_2xx_is_acknowledged_while_we_hang_up() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let again = reinvite(&mut bench, id);
    bench.hang_up(id);
    assert_eq!(bench.next_request().method(), Method::Bye);
    bench.reply_tagged(
        &again,
        200,
        "bob1",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    let ack = bench.next_request();
    assert_eq!(
        (ack.method(), ack.cseq().unwrap().number),
        (Method::Ack, again.cseq().unwrap().number)
    );
}

/// RFC 3261 section 14.2: a re-INVITE of the peer for which the application has no description, as offer or as answer, gets 488;
/// the session stays.
#[test]
fn rfc3261_14_2_a_reinvite_without_a_description_is_refused() {
    for offer in [true, false] {
        let mut bench = Bench::new(&alice());
        let id = bench.invite_from_bob(1);
        let ok = bench.answer(id, OFFER);
        bench.in_dialog("ACK", 7, "ack", &ok, "");
        bench.events.clear();
        let user = bench.contact_user();
        let (kind, body) = if offer {
            ("Content-Type: application/sdp\n", "v=0\n")
        } else {
            ("", "")
        };
        bench.feed(&format!(
            "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKre\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=bobtag\nTo: {}\nCall-ID: from-bob-1\nCSeq: 8 INVITE\n\
             Contact: <sip:bob@moved.invalid>\n{kind}Content-Length: {}\n\n{body}",
            value(&ok, HeaderName::To),
            body.replace('\n', "\r\n").len(),
        ));
        let none = bench.try_describe(id, Err(DescriptionFailed));
        assert_eq!(none, Ok(()));
        let refused = bench.next_response();
        assert_eq!(refused.status().as_u16(), 488);
        let warning = value(&refused, HeaderName::Warning);
        assert!(warning.starts_with("399 "), "{warning}");
        assert_eq!(failed(&mut bench), Cause::BadDescription);
        bench.hang_up(id);
        let bye = bench.next_request();
        assert_eq!(
            bye.uri_bytes(),
            b"sip:bob@bob.invalid;transport=ws",
            "12.2.2"
        );
    }
}
