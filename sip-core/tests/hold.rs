//! Hold and resume (RFC 3264 section 8.4), and re-INVITEs without an offer (RFC 3261 section 14.1), against a scripted peer.

use std::time::Duration;

use sip_core::sdp::{self, Direction};
use sip_core::{
    Body, Cause, CommandError, DescriptionFailed, DescriptionKind, Event, ExtraHeader,
    ModifyOptions, Session, SessionId, Transport,
};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

const AUDIO: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
const TARGET: [(&str, &str); 1] = [("Contact", "<sip:bob@192.0.2.9>")];

#[track_caller]
fn hold(bench: &mut Bench, id: SessionId, hold: bool) -> Result<(), CommandError> {
    let result = match bench.agent.session(id) {
        Ok(Session::Established(call)) if hold => call.hold(bench.now),
        Ok(Session::Established(call)) => call.resume(bench.now),
        other => panic!("not up: {other:?}"),
    };
    bench.pump();
    result
}

#[track_caller]
fn is_held(bench: &mut Bench, id: SessionId) -> bool {
    match bench.agent.session(id) {
        Ok(Session::Established(call)) => call.is_held(),
        other => panic!("not up: {other:?}"),
    }
}

/// The application describes the call as the core asks: with the helper, from its last description.
#[track_caller]
fn describe(bench: &mut Bench, id: SessionId, last: &mut Vec<u8>) -> Request {
    let wanted = bench.description_needed();
    assert_eq!(wanted.kind, DescriptionKind::Offer);
    let direction = if wanted.hold {
        Direction::SendOnly
    } else {
        Direction::SendRecv
    };
    *last = sdp::with_direction(last, direction).expect("a description");
    bench.describe(id, core::str::from_utf8(last).expect("text"));
    bench.next_request()
}

/// The peer accepts a re-INVITE.
fn accept(bench: &mut Bench, invite: &Request) {
    bench.reply_tagged(invite, 200, "bob1", &TARGET, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
}

/// The direction and the version of an offer.
fn offered(invite: &Request) -> (Direction, String) {
    let text = String::from_utf8(invite.body().to_vec()).expect("text");
    let origin = text.lines().nth(1).expect("o=");
    let direction = sdp::direction(invite.body()).expect("a description");
    (
        direction.expect("a stream"),
        origin["o=- 1 ".len()..][..1].into(),
    )
}

/// 3264-8-A, RFC 3264 section 8.4: hold and resume are re-INVITEs; each offer has the next version, and a refused hold changes
/// nothing.
#[test]
fn rfc3264_8_4_hold_and_resume() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let mut last = AUDIO.as_bytes().to_vec();
    assert!(!is_held(&mut bench, id));
    hold(&mut bench, id, true).expect("hold");
    let invite = describe(&mut bench, id, &mut last);
    assert_eq!(invite.method(), Method::Invite);
    assert_eq!(offered(&invite), (Direction::SendOnly, "2".into()));
    let busy = hold(&mut bench, id, false);
    assert!(
        matches!(busy, Err(CommandError::WrongState(_))),
        "one offer at a time"
    );
    assert!(!is_held(&mut bench, id), "not yet");
    accept(&mut bench, &invite);
    bench.renegotiated(id);
    assert!(is_held(&mut bench, id));
    hold(&mut bench, id, false).expect("resume");
    let invite = describe(&mut bench, id, &mut last);
    assert_eq!(offered(&invite), (Direction::SendRecv, "3".into()));
    accept(&mut bench, &invite);
    bench.renegotiated(id);
    assert!(!is_held(&mut bench, id));
    // RFC 3261 section 14.1: the state after a refusal is the one before.
    hold(&mut bench, id, true).expect("hold");
    let invite = describe(&mut bench, id, &mut last);
    bench.reply_tagged(&invite, 488, "bob1", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.renegotiation_failed();
    assert!(!is_held(&mut bench, id));
}

/// RFC 3264 section 8.4: what this side describes during a hold keeps it: in a re-INVITE, in an answer, after a lost connection.
#[test]
fn rfc3264_8_4_a_hold_lasts_until_resume() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.events.clear();
    let mut last = AUDIO.as_bytes().to_vec();
    hold(&mut bench, id, true).expect("hold");
    let invite = describe(&mut bench, id, &mut last);
    accept(&mut bench, &invite);
    bench.renegotiated(id);
    // A change of the application.
    bench.reinvite(id);
    let invite = describe(&mut bench, id, &mut last);
    assert_eq!(
        offered(&invite),
        (Direction::SendOnly, "2".into()),
        "nothing is new"
    );
    accept(&mut bench, &invite);
    bench.renegotiated(id);
    // A re-INVITE of the peer.
    bench.in_dialog("INVITE", 8, "re", &ok, "Contact: <sip:bob@bob.invalid>\n");
    assert!(bench.description_needed().hold);
    bench.describe(id, OFFER);
    assert_eq!(bench.next_response().status().as_u16(), 200);
    bench.in_dialog("ACK", 8, "ack8", &ok, "");
    bench.renegotiation_failed();
    assert!(is_held(&mut bench, id));
    // The repair after a lost connection.
    bench.lose();
    bench.reconnect(Transport::Ws);
    let invite = describe(&mut bench, id, &mut last);
    assert_eq!(offered(&invite), (Direction::SendOnly, "2".into()));
    accept(&mut bench, &invite);
    bench.renegotiated(id);
    assert!(is_held(&mut bench, id));
}

/// RFC 3261 section 14.1: a hold that crossed a re-INVITE of the peer is offered again afterwards.
#[test]
fn rfc3261_14_1_a_hold_survives_glare() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let mut last = AUDIO.as_bytes().to_vec();
    hold(&mut bench, id, true).expect("hold");
    let invite = describe(&mut bench, id, &mut last);
    bench.reply_tagged(&invite, 491, "bob1", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.renegotiation_failed();
    assert!(!is_held(&mut bench, id));
    bench.wait(4 * SECOND);
    let invite = describe(&mut bench, id, &mut last);
    assert_eq!(offered(&invite).0, Direction::SendOnly);
    accept(&mut bench, &invite);
    bench.renegotiated(id);
    assert!(is_held(&mut bench, id));
}

/// The application sends a re-INVITE without an offer; the request.
#[track_caller]
fn late(bench: &mut Bench, id: SessionId) -> Request {
    let header = ExtraHeader::new("X-Why", "late").expect("a header field");
    let options = ModifyOptions::new().without_offer().header(header);
    match bench.agent.session(id) {
        Ok(Session::Established(call)) => call.reinvite(options, bench.now).expect("reinvite"),
        other => panic!("not up: {other:?}"),
    }
    bench.pump();
    let invite = bench.next_request();
    assert_eq!((invite.method(), invite.body()), (Method::Invite, &b""[..]));
    assert_eq!(value(&invite, HeaderName::parse(b"X-Why").unwrap()), "late");
    invite
}

/// RFC 3261 section 14.1 with 13.2.1: a re-INVITE without an offer gets the peer's in the 2xx; the ACK carries the answer, and a
/// repeated 2xx gets the same ACK.
#[test]
fn rfc3261_14_1_a_reinvite_without_an_offer() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let invite = late(&mut bench, id);
    let moved = [("Contact", "<sip:bob@192.0.2.77>")];
    bench.reply_tagged(&invite, 200, "bob1", &moved, Some(OFFER));
    assert_eq!(bench.remote_description().0, DescriptionKind::Offer);
    assert_eq!(bench.description_needed().kind, DescriptionKind::Answer);
    bench.reply_tagged(&invite, 200, "bob1", &moved, Some(OFFER));
    bench.silence();
    bench.describe(id, AUDIO);
    let ack = bench.next_request();
    assert_eq!((ack.method(), ack.body()), (Method::Ack, AUDIO.as_bytes()));
    assert_eq!(ack.cseq().unwrap().number, invite.cseq().unwrap().number);
    assert_eq!(ack.uri_bytes(), b"sip:bob@192.0.2.77");
    bench.renegotiated(id);
    bench.reply_tagged(&invite, 200, "bob1", &moved, Some(OFFER));
    assert_eq!(bench.next_request().bytes(), ack.bytes());
    bench.no_events();
}

/// RFC 3261 section 14.1: a re-INVITE without an offer that the peer refuses, or answers without one, leaves the session; an
/// event reports it.
#[test]
fn rfc3261_14_1_a_refused_reinvite_without_an_offer_leaves_the_session() {
    for status in [488, 200] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        let invite = late(&mut bench, id);
        bench.reply_tagged(&invite, status, "bob1", &TARGET, None);
        assert_eq!(bench.next_request().method(), Method::Ack);
        let reason = bench.expect(|event| match event {
            Event::ModificationEnded { outcome, .. } => outcome.clone().err(),
            _ => None,
        });
        let cause = if status == 200 {
            Cause::BadDescription
        } else {
            Cause::Refused
        };
        assert_eq!(reason.cause, cause);
        bench.silence();
        assert!(!is_held(&mut bench, id));
    }
    // Glare: no offer was made, so none is rolled back; the request follows by itself.
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let invite = late(&mut bench, id);
    bench.reply_tagged(&invite, 491, "bob1", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.wait(4 * SECOND);
    bench.no_events();
    assert_eq!(bench.next_request().body(), b"");
}

/// RFC 3261 section 13.2.2.4: an offer in a 2xx that this side cannot answer is acknowledged, and the call ends; hanging up does
/// the same. The ACK waits for the application no longer than the peer waits for the ACK.
#[test]
fn rfc3261_13_2_2_4_an_offer_in_a_2xx_to_a_reinvite_that_cannot_be_answered() {
    for how in ["none", "late", "hang up"] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        let invite = late(&mut bench, id);
        bench.reply_tagged(&invite, 200, "bob1", &TARGET, Some(OFFER));
        match how {
            "none" => bench
                .try_describe(id, Err(DescriptionFailed))
                .expect("describe"),
            "late" => bench.wait(Duration::from_secs(28)),
            _ => bench.hang_up(id),
        }
        let ack = bench.next_request();
        assert_eq!((ack.method(), ack.body()), (Method::Ack, &b""[..]), "{how}");
        assert_eq!(bench.next_request().method(), Method::Bye, "{how}");
        bench.renegotiation_failed();
    }
}

/// CONN-B: an answer without a connection for its ACK is given up; the repair on the next connection follows.
#[test]
fn conn_b_a_reinvite_without_an_offer_loses_its_connection() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let invite = late(&mut bench, id);
    bench.reply_tagged(&invite, 200, "bob1", &TARGET, Some(OFFER));
    bench.lose();
    bench
        .try_describe(id, Ok(Body::sdp(AUDIO)))
        .expect("describe");
    assert_eq!(bench.renegotiation_failed().cause, Cause::ConnectionLost);
    bench.reconnect(Transport::Ws);
    bench.describe(id, AUDIO);
    assert_eq!(bench.next_request().method(), Method::Invite);
}
