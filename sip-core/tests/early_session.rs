//! Early-session dispositions (RFC 3959): a description of its own, which is never that of the call.

use sip_core::{
    Body, DescriptionKind, Event, InviteOptions, ProvisionalOptions, ProvisionalStatus, Session,
    SessionId,
};
use sip_parse::{HeaderName, Message};
use sip_testing::{Bench, OFFER, alice};

const EARLY: &str = "v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\ns=early\r\n";
const CONTACT: (&str, &str) = ("Contact", "<sip:bob@192.0.2.9>");

fn bench() -> Bench {
    Bench::new(alice().early_session(true))
}

/// OFFER and EARLY in one body.
fn both() -> Body {
    let session = Body::sdp(OFFER.to_owned());
    let early = Body::sdp(EARLY.to_owned());
    session.with_early_session(&early).expect("a body")
}

#[track_caller]
fn early_session(bench: &mut Bench) -> (SessionId, Body) {
    bench.expect(|event| match event {
        Event::EarlySession { session, body, .. } => Some((*session, (**body).clone())),
        _ => None,
    })
}

fn is_early(event: &Event) -> bool {
    matches!(event, Event::EarlySession { .. })
}

/// Bob's INVITE with this body.
fn invite(bench: &mut Bench, call_id: &str, body: &Body) {
    let user = bench.contact_user();
    let body_text = String::from_utf8(body.bytes.to_vec()).unwrap();
    bench.feed_bytes(format!(
        "INVITE sip:{user}@x.invalid SIP/2.0\r\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{call_id}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\nTo: <sip:alice@example.com>\r\n\
         Call-ID: {call_id}\r\nCSeq: 7 INVITE\r\nContact: <sip:bob@bob.invalid>\r\nSupported: early-session\r\n\
         Content-Type: {}\r\nContent-Length: {}\r\n\r\n{body_text}",
        body.content_type,
        body.bytes.len(),
    ));
}

/// RFC 3959 4: the two parts are found again, whichever boundary lookalikes they hold.
#[test]
fn rfc3959_4_a_body_with_two_descriptions() {
    let session = Body::sdp("v=0\r\npart-0. part-1.\r\n");
    let early = Body::sdp("v=0\r\npart-2.\r\n");
    let both = session.with_early_session(&early).unwrap();
    let wire = format!(
        "SIP/2.0 183 Session Progress\r\nContent-Type: {}\r\n\r\n{}",
        both.content_type,
        String::from_utf8_lossy(&both.bytes)
    );
    let message = Message::parse(wire.into_bytes().into(), &sip_parse::Limits::default()).unwrap();
    assert_eq!(Body::description_in(&message), Some(session));
    assert_eq!(Body::early_session_in(&message), Some(early));
    assert!(Body::new("x", "").with_early_session(&both).is_err());
}

/// RFC 3959 5: the early-session description of a provisional response is an event of its own, and no preview of the answer.
#[test]
fn rfc3959_5_an_early_session_in_a_183() {
    let mut bench = bench();
    let (id, offered) = bench.call();
    assert!(offered.has_token(HeaderName::Supported, b"early-session"));
    bench.events.clear();
    bench.reply_tagged(&offered, 183, "bob1", &[CONTACT], None);
    assert!(!bench.events.iter().any(is_early));
    let text = format!(
        "SIP/2.0 183 Session Progress\nVia: {}\nFrom: {}\nTo: {};tag=bob1\nCall-ID: {}\nCSeq: {}\n\
         Contact: <sip:bob@192.0.2.9>\nContent-Type: application/sdp\nContent-Disposition: early-session\n\
         Content-Length: {}\n\n{}",
        sip_testing::value(&offered, HeaderName::Via),
        sip_testing::value(&offered, HeaderName::From),
        sip_testing::value(&offered, HeaderName::To),
        sip_testing::value(&offered, HeaderName::CallId),
        sip_testing::value(&offered, HeaderName::CSeq),
        EARLY.len(),
        EARLY.replace("\r\n", "\n"),
    );
    bench.feed(&text);
    assert_eq!(early_session(&mut bench), (id, Body::sdp(EARLY)));
    // A 2xx without a description ends the call, because the early session is no answer.
    bench.reply_tagged(&offered, 200, "bob1", &[CONTACT], None);
    assert_eq!(bench.next_request().method(), sip_parse::Method::Ack);
    assert_eq!(bench.next_request().method(), sip_parse::Method::Bye);
}

/// RFC 3959 5: in an INVITE, beside the offer of the call.
#[test]
fn rfc3959_5_an_early_session_in_an_invite() {
    let mut bench = bench();
    invite(&mut bench, "early", &both());
    let session = bench.expect(|event| match event {
        Event::IncomingCall { session, .. } => Some(*session),
        _ => None,
    });
    assert_eq!(early_session(&mut bench), (session, Body::sdp(EARLY)));
    bench.accept(session);
    let (kind, offer) = bench.remote_description();
    assert_eq!(
        (kind, &offer[..]),
        (DescriptionKind::Offer, OFFER.as_bytes())
    );
    bench.describe(session, OFFER);
    let answer = bench.next_response();
    assert!(answer.has_token(HeaderName::Supported, b"early-session"));
}

/// RFC 3959 5: the application sends one, alone in a 183 or beside its own description.
#[test]
fn rfc3959_5_the_application_sends_an_early_session() {
    let mut bench = bench();
    let id = bench.invite_from_bob(1);
    let progress = ProvisionalOptions::new(ProvisionalStatus::SESSION_PROGRESS)
        .header(sip_core::ExtraHeader::new("Content-Disposition", "early-session").unwrap())
        .body(Body::sdp(EARLY));
    let Ok(Session::Incoming(call)) = bench.agent.session(id) else {
        panic!("an incoming call");
    };
    call.progress(progress, bench.now).expect("183");
    bench.pump();
    let response = bench.next_response();
    assert_eq!(response.status().as_u16(), 183);
    assert_eq!(Body::early_session_in(&response), Some(Body::sdp(EARLY)));
    assert_eq!(Body::description_in(&response), None);
    // The call is answered as if it had not been sent.
    let answer = bench.answer(id, OFFER);
    assert_eq!(answer.status().as_u16(), 200);

    let call = bench
        .agent
        .invite("bob", InviteOptions::new(), bench.now)
        .unwrap();
    bench.try_describe(call, Ok(both())).unwrap();
    let invite = bench.next_request();
    assert_eq!(Body::early_session_in(&invite), Some(Body::sdp(EARLY)));
    assert_eq!(Body::description_in(&invite), Some(Body::sdp(OFFER)));
}

/// RFC 3261 8.2.2.3, 8.2.3: without `earlySession` the option tag is not offered, a peer that requires it gets 420, and a
/// required early-session part 415.
#[test]
fn rfc3261_8_2_3_early_sessions_are_refused_by_default() {
    let mut bench = Bench::new(&alice());
    invite(&mut bench, "early", &both());
    assert_eq!(bench.next_response().status().as_u16(), 415);
    let (_, offered) = bench.call();
    assert!(!offered.has_token(HeaderName::Supported, b"early-session"));
    bench.events.clear();
    let headers = [CONTACT, ("Content-Disposition", "early-session")];
    bench.reply_tagged(&offered, 183, "bob1", &headers, Some(EARLY));
    assert!(!bench.events.iter().any(is_early));
}
