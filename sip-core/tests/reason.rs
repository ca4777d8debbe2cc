//! Reason (RFC 3326) in both directions, and what the application adds to the message that ends a call.

use std::time::Duration;

use sip_core::{
    Body, Cause, EndReason, Event, ExtraHeader, ExtraHeaderError, FailureStatus, MessageOptions,
    Reason, Refusal, Session, SessionId,
};
use sip_parse::{HeaderName, Method, StatusCode};
use sip_testing::{Bench, OFFER, alice, value, values};

const REASON: HeaderName<'static> = HeaderName::Reason;

fn parting() -> MessageOptions {
    MessageOptions::new()
        .reason(Reason::sip(StatusCode::BUSY_HERE))
        .reason(Reason::q850(17).with_text("User \"busy\"").unwrap())
        .header(ExtraHeader::new("X-Why", "lunch").unwrap())
        .body(Body::new("text/plain", "bye"))
}

const VALUES: [&str; 2] = [
    "SIP;cause=486;text=\"Busy Here\"",
    "Q.850;cause=17;text=\"User \\\"busy\\\"\"",
];

fn hang_up(bench: &mut Bench, id: SessionId) {
    bench
        .agent
        .hang_up_with(id, parting(), bench.now)
        .expect("a call");
    bench.pump();
}

#[track_caller]
fn ended(bench: &mut Bench) -> EndReason {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((**reason).clone()),
        _ => None,
    })
}

/// The reasons as (protocol, cause, text).
fn read(reason: &EndReason) -> Vec<(String, Option<u16>, Option<String>)> {
    let reasons = reason.reasons();
    let read = |reason: &Reason| {
        let text = reason.text().map(str::to_owned);
        (reason.protocol().to_owned(), reason.cause(), text)
    };
    reasons.iter().map(read).collect()
}

/// 3326-A, RFC 3326 2: the BYE of a call carries the Reason of the application, and its other header fields and body.
#[test]
fn rfc3326_2_a_bye_says_why() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    hang_up(&mut bench, id);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    assert_eq!(values(&bye, REASON), VALUES);
    assert_eq!(value(&bye, HeaderName::Other(b"X-Why")), "lunch");
    assert_eq!(bye.body(), b"bye");
    // A second command changes nothing.
    bench.agent.hang_up(id, bench.now).unwrap();
    bench.pump();
    bench.silence();
}

/// 3326-A: the BYE that waits for the ACK, and the one that waits for a connection, carry it as well.
#[test]
fn rfc3326_2_a_bye_that_waits_says_why() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    hang_up(&mut bench, id);
    bench.silence();
    // The first command counts.
    bench
        .agent
        .hang_up_with(id, MessageOptions::new(), bench.now)
        .unwrap();
    bench.in_dialog("ACK", 7, "ack", &answer, "");
    assert_eq!(values(&bench.next_request(), REASON), VALUES);

    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.lose();
    hang_up(&mut bench, id);
    bench.silence();
    bench.reconnect(sip_core::Transport::Ws);
    assert_eq!(values(&bench.next_request(), REASON), VALUES);
}

/// 3326-A, 3261-9.1-E, RFC 3326 2: a CANCEL carries the values of Reason, in one row, and nothing else of the application;
/// the BYE to a 2xx that crosses it carries everything.
#[test]
fn rfc3326_2_a_cancel_says_why() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply(&invite, 180, &[]);
    hang_up(&mut bench, id);
    let cancel = bench.next_request();
    assert_eq!(cancel.method(), Method::Cancel);
    assert_eq!(values(&cancel, REASON), [VALUES.join(", ")]);
    assert!(!cancel.has(HeaderName::Other(b"X-Why")) && cancel.body().is_empty());
    let contact = [("Contact", "<sip:bob@192.0.2.9>")];
    bench.reply_tagged(&invite, 200, "bob1", &contact, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    let bye = bench.next_request();
    assert_eq!(values(&bye, REASON), VALUES);
    assert_eq!(bye.body(), b"bye");
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply(&invite, 180, &[]);
    bench.hang_up(id);
    assert!(!bench.next_request().has(REASON), "without a reason");
}

/// 3326-A: a final response carries it: 480 of `hang_up_with`, and a refusal.
#[test]
fn rfc3326_2_a_final_response_says_why() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    hang_up(&mut bench, id);
    let refused = bench.next_response();
    assert_eq!(refused.status().as_u16(), 480);
    assert_eq!(values(&refused, REASON), VALUES);
    assert_eq!(value(&refused, HeaderName::Other(b"X-Why")), "lunch");
    assert_eq!(refused.body(), b"bye");
    let reason = ended(&mut bench);
    assert_eq!(
        (reason.cause, reason.status),
        (Cause::Refused, Some(refused.status()))
    );

    let id = bench.invite_from_bob(2);
    let Ok(Session::Incoming(call)) = bench.agent.session(id) else {
        panic!("an incoming call");
    };
    let refusal = Refusal::from(FailureStatus::DECLINE).reason(Reason::q850(21));
    call.reject(refusal, bench.now);
    bench.pump();
    assert_eq!(values(&bench.next_response(), REASON), ["Q.850;cause=21"]);
}

/// 3326-A: the Reason of a BYE, a CANCEL and a final response reaches the application, at most eight values; what
/// cannot be read is left out.
#[test]
fn rfc3326_2_the_peers_reasons_are_known() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &answer, "");
    let reasons = "Reason: SIP ;cause=580 ;text=\"Precondition \\\"Failure\\\"\", Q.850;cause=16\n\
                   Reason: preemption;cause=x, ;;\nReason: X\n";
    bench.in_dialog("BYE", 8, "bye", &answer, reasons);
    let reason = ended(&mut bench);
    assert_eq!(reason.cause, Cause::Bye);
    assert_eq!(
        read(&reason),
        [
            (
                "SIP".into(),
                Some(580),
                Some("Precondition \"Failure\"".into())
            ),
            ("Q.850".into(), Some(16), None),
            ("preemption".into(), None, None),
            ("X".into(), None, None),
        ]
    );
    assert!(!reason.is_completed_elsewhere());

    let (_, invite) = bench_call(&mut bench);
    bench.reply(&invite, 503, &[("Reason", "Q.850;cause=41")]);
    let reason = ended(&mut bench);
    assert_eq!(reason.status, Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(read(&reason), [("Q.850".to_owned(), Some(41), None)]);

    let (_, invite) = bench_call(&mut bench);
    bench.reply(&invite, 503, &[("Reason", &["X"; 20].join(", "))]);
    assert_eq!(ended(&mut bench).reasons().len(), 8);
}

fn bench_call(bench: &mut Bench) -> (SessionId, sip_parse::Request) {
    bench.sent.clear();
    bench.events.clear();
    bench.call()
}

/// 3326-A, RFC 3326 3.1: the application can tell a CANCEL because another phone answered from one of a caller that gave up.
#[test]
fn rfc3326_3_1_a_call_completed_elsewhere_is_no_missed_call() {
    for (header, elsewhere) in [
        (
            "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\n",
            true,
        ),
        ("Reason: Q.850;cause=16, sip;cause=200\n", true),
        ("Reason: SIP;cause=600;text=\"Busy Everywhere\"\n", false),
        ("Reason: Q.850;cause=200\n", false),
        ("", false),
    ] {
        let mut bench = Bench::new(&alice());
        bench.invite_from_bob(1);
        let user = bench.contact_user();
        bench.feed(&format!(
            "CANCEL sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob1\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
             Call-ID: from-bob-1\nCSeq: 7 CANCEL\n{header}Content-Length: 0\n\n"
        ));
        let reason = ended(&mut bench);
        assert_eq!(reason.cause, Cause::Cancelled);
        assert_eq!(reason.is_completed_elsewhere(), elsewhere, "{header}");
    }
    let sent = ExtraHeader::from(Reason::completed_elsewhere());
    let written = "SIP;cause=200;text=\"Call completed elsewhere\"";
    assert_eq!(sent.value(), written);
}

/// A reason cannot smuggle in another header field.
#[test]
fn a_reason_is_checked() {
    for (text, at) in [("a\r\nVia: x", 1), ("\0", 0), ("\u{85}", 0)] {
        let wrong = Reason::q850(1).with_text(text);
        assert_eq!(wrong, Err(ExtraHeaderError::Value(at)));
    }
    assert_eq!(Reason::new(""), Err(ExtraHeaderError::Name(0)));
    assert_eq!(Reason::new("a;b"), Err(ExtraHeaderError::Name(1)));
    let own = Reason::new("X.1").unwrap().with_cause(7);
    assert_eq!(own.to_string(), "X.1;cause=7");
    let quoted = own.with_text("a\\\"b").unwrap();
    assert_eq!(quoted.to_string(), r#"X.1;cause=7;text="a\\\"b""#);
}

/// Nothing is left behind by any of these ends.
#[test]
fn nothing_is_left() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    hang_up(&mut bench, id);
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    bench.wait(Duration::from_secs(40));
    bench.assert_nothing_left();
}
