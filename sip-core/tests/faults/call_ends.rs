//! How calls are refused and ended, and what the application learns of it.

use sip_core::{
    Body, ByeFailure, Cause, CommandError, DescriptionFailed, EndReason, Event, ExtraHeader,
    FailureStatus, RedirectTarget, Refusal, RefusalError, RefusalPart, Session, Transport,
};
use sip_parse::{HeaderName, Method, Response, StatusCode, UriBuf};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

use super::calls::{answered, ok, sends};

/// A URI of a redirection.
fn target(uri: &str) -> RedirectTarget {
    RedirectTarget::new(UriBuf::parse(uri.as_bytes()).expect("a URI"))
}

/// Bob calls; the application refuses. The response.
fn refused(refusal: impl Into<Refusal>) -> Response {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => call.reject(refusal, bench.now),
        other => panic!("{other:?}"),
    }
    bench.pump();
    let response = bench.next_response();
    let status = bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((reason.cause, reason.status)),
        _ => None,
    });
    assert_eq!(status, (Cause::Refused, Some(response.status())));
    response
}

/// RFC 3261 21.3: a redirection names its targets, with their preference.
#[test]
fn fault_a22_a_redirection_has_its_contacts() {
    let (mobile, office) = (
        target("sip:bob@mobile.example.com"),
        target("tel:+15551234"),
    );
    for status in [300, 301, 302, 305, 399] {
        let targets = [mobile.clone(), office.clone().q(70)];
        let response = refused(Refusal::redirect(status, &targets).expect("complete"));
        assert_eq!(response.status().as_u16(), status);
        let contacts = values(&response, HeaderName::Contact);
        assert_eq!(
            contacts,
            ["<sip:bob@mobile.example.com>", "<tel:+15551234>;q=0.070"]
        );
        let incomplete = RefusalError::Incomplete {
            status,
            needs: RefusalPart::Header(HeaderName::Contact),
        };
        assert_eq!(Refusal::redirect(status, &[]), Err(incomplete));
        assert_eq!(FailureStatus::new(status), Err(incomplete));
        assert_eq!(Refusal::with_headers(status, Vec::new()), Err(incomplete));
    }
    // RFC 3261 21.3.5: the alternatives are in the body.
    assert!(Refusal::redirect(380, &[mobile]).is_err());
    let alternatives = Body::new("text/plain", "call carol");
    let response = refused(Refusal::with_body(380, alternatives).expect("complete"));
    assert_eq!(response.body(), b"call carol");
    assert_eq!(
        Refusal::redirect(404, &[office]),
        Err(RefusalError::Range(404))
    );
}

/// RFC 3261 section 21 and its extensions: a status that requires a header field is refused as a command without it.
#[test]
fn fault_a22_a_status_that_cannot_be_completed_is_refused() {
    for (status, name, value) in [
        (401, "WWW-Authenticate", "Digest realm=\"b\", nonce=\"1\""),
        (407, "proxy-authenticate", "Digest realm=\"b\", nonce=\"1\""),
        (420, "Unsupported", "100rel"),
        (421, "Require", "100rel"),
        (422, "Min-SE", "90"),
        (423, "Min-Expires", "60"),
        (
            424,
            "geolocation-error",
            "100 ; code=\"Cannot Process Location\"",
        ),
        (469, "Recv-Info", "foo"),
        (489, "u", "presence"),
        (494, "Security-Server", "tls;q=0.1"),
    ] {
        let incomplete = FailureStatus::new(status);
        assert!(
            matches!(incomplete, Err(RefusalError::Incomplete { .. })),
            "{status}"
        );
        let header = ExtraHeader::new(name, value).expect("a header field");
        let refusal = Refusal::with_headers(status, vec![header]).expect("complete");
        let response = refused(refusal);
        let name = HeaderName::parse(name.as_bytes()).unwrap();
        assert_eq!(values(&response, name), [value], "{status}");
    }
    // The core knows these itself (21.4.6, 21.4.13).
    let response = refused(FailureStatus::new(405).expect("complete"));
    assert!(value(&response, HeaderName::Allow).contains("INVITE"));
    let response = refused(FailureStatus::new(415).expect("complete"));
    assert_eq!(value(&response, HeaderName::Accept), "application/sdp");
    // Further header fields go along.
    let busy = Refusal::from(FailureStatus::BUSY_HERE);
    let response = refused(busy.header(ExtraHeader::new("Retry-After", "60").unwrap()));
    assert_eq!(value(&response, HeaderName::RetryAfter), "60");
}

/// The same for a MESSAGE or INFO.
#[test]
fn fault_a22_a_request_is_refused_in_full() {
    let mut bench = Bench::new(&alice());
    let user = bench.contact_user();
    bench.feed(&format!(
        "MESSAGE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKmessage\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: m\nCSeq: 1 MESSAGE\n\
         Content-Type: text/plain\nContent-Length: 2\n\nhi"
    ));
    let incoming = bench.expect(|event| match event {
        Event::IncomingRequest { incoming, .. } => Some(*incoming),
        _ => None,
    });
    for status in [302, 401, 423] {
        let status = StatusCode::new(status).unwrap();
        let refused = bench.agent.respond(incoming, status, bench.now);
        assert!(
            matches!(refused, Err(CommandError::Refusal(_))),
            "{status:?}"
        );
    }
    bench.pump();
    bench.silence();
    let moved = Refusal::redirect(302, &[target("sip:bob@192.0.2.7")]).unwrap();
    let refused = bench.agent.refuse_request(incoming, moved, bench.now);
    assert_eq!(refused, Ok(()));
    bench.pump();
    let response = bench.next_response();
    assert_eq!(value(&response, HeaderName::Contact), "<sip:bob@192.0.2.7>");
}

/// The reason of the end of a call.
#[track_caller]
fn reason(bench: &mut Bench) -> EndReason {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((**reason).clone()),
        _ => None,
    })
}

/// RFC 3326, RFC 3261 20.33 and 20.43: the application reads every header field of the response that ended its call.
#[test]
fn fault_a23_the_end_of_a_call_has_the_whole_response() {
    let headers = [
        ("Reason", "Q.850;cause=17;text=\"User busy\""),
        ("Retry-After", "120 (in a meeting)"),
        ("Warning", "399 example.com \"too many calls\""),
        ("X-Queue", "7"),
    ];
    for (status, cancelled) in [
        (486, false),
        (503, false),
        (603, false),
        (302, false),
        (487, true),
    ] {
        let mut bench = Bench::new(&alice());
        let (id, invite) = bench.call();
        if cancelled {
            bench.reply_tagged(&invite, 180, "bob1", &[], None);
            bench.hang_up(id);
            let cancel = sends(&mut bench, Method::Cancel);
            ok(&mut bench, &cancel);
        }
        bench.reply_tagged(&invite, status, "bob1", &headers, None);
        let reason = reason(&mut bench);
        let message = reason.message.as_deref().expect("the response");
        let response = message.as_response().expect("a response");
        assert_eq!(response.status().as_u16(), status);
        for (name, expected) in headers {
            let name = HeaderName::parse(name.as_bytes()).unwrap();
            assert_eq!(value(message, name), expected, "{status}");
        }
    }
}

/// The same for a refused re-INVITE, whose call goes on.
#[test]
fn fault_a23_the_end_of_an_exchange_has_the_whole_response() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.reinvite(id);
    bench.describe(id, OFFER);
    let invite = sends(&mut bench, Method::Invite);
    let warning = "305 example.com \"Incompatible media format\"";
    bench.reply_tagged(&invite, 488, "bob1", &[("Warning", warning)], None);
    let reason = bench.renegotiation_failed();
    let message = reason.message.expect("the response");
    assert_eq!(value(&message, HeaderName::Warning), warning);
}

/// RFC 3326 section 2: the same for the BYE or CANCEL of the peer.
#[test]
fn fault_a23_the_end_of_a_call_has_the_bye_or_cancel() {
    let why = "SIP;cause=200;text=\"Call completed elsewhere\"";
    let (mut bench, _, made) = answered();
    bench.in_dialog("BYE", 8, "bye", &made, &format!("Reason: {why}\n"));
    let by_bye = reason(&mut bench);
    let mut bench = Bench::new(&alice());
    bench.invite_from_bob(1);
    let user = bench.contact_user();
    bench.feed(&format!(
        "CANCEL sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob1\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\nCall-ID: from-bob-1\n\
         CSeq: 7 CANCEL\nReason: {why}\nContent-Length: 0\n\n"
    ));
    let by_cancel = reason(&mut bench);
    for (reason, method) in [(by_bye, Method::Bye), (by_cancel, Method::Cancel)] {
        assert_eq!(reason.text.as_deref(), Some(why));
        let message = reason.message.expect("the request");
        assert_eq!(message.as_request().expect("a request").method(), method);
        assert_eq!(value(&message, HeaderName::Reason), why);
    }
}

/// RFC 3261 15.1.1: every outcome of the BYE ends the call at this side; the reason says when the peer may not know.
#[test]
fn fault_f6_the_end_of_a_call_says_that_the_peer_may_not_know() {
    use ByeFailure::{NoResponse, NotSent, Refused};
    let status = |number| Refused(StatusCode::new(number).unwrap());
    for (outcome, expected) in [
        (200, None),
        (202, None),
        (481, None),
        (500, Some(status(500))),
        (503, Some(status(503))),
        (403, Some(status(403))),
        (408, Some(status(408))),
        (0, Some(NoResponse)),
    ] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        bench.hang_up(id);
        let bye = sends(&mut bench, Method::Bye);
        match outcome {
            0 => bench.wait(33 * SECOND),
            _ => bench.reply_tagged(&bye, outcome, "bob1", &[], None),
        }
        let reason = reason(&mut bench);
        assert_eq!(
            (reason.cause, reason.bye_failure),
            (Cause::Requested, expected)
        );
        let told = reason.to_string();
        assert_eq!(told.contains("may not know"), expected.is_some(), "{told}");
    }
    // Without a connection: never sent, or sent before and without a response.
    for sent in [false, true] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        if sent {
            bench.hang_up(id);
            bench.lose();
        } else {
            bench.lose();
            bench.hang_up(id);
        }
        bench.wait(33 * SECOND);
        let expected = if sent { NoResponse } else { NotSent };
        assert_eq!(reason(&mut bench).bye_failure, Some(expected));
    }
    // The target needs TLS, which the new connection does not have.
    let mut bench = Bench::over(&alice(), Transport::Wss);
    let (id, invite) = bench.call();
    let contact = [("Contact", "<sips:bob@192.0.2.9>")];
    bench.reply_tagged(&invite, 200, "bob1", &contact, Some(OFFER));
    bench.lose();
    bench.reconnect(Transport::Ws);
    bench.hang_up(id);
    let reason = reason(&mut bench);
    assert_eq!(
        (reason.cause, reason.bye_failure),
        (Cause::Insecure, Some(NotSent))
    );
}

/// RFC 3261 15: a BYE of the peer that crosses ours says that it knows.
#[test]
fn fault_f6_a_peer_that_hangs_up_too_knows() {
    for answered_by in [481, 500, 0] {
        let (mut bench, id, made) = answered();
        bench.hang_up(id);
        let bye = sends(&mut bench, Method::Bye);
        bench.in_dialog("BYE", 8, "bye", &made, "");
        match answered_by {
            0 => bench.wait(33 * SECOND),
            status => bench.reply_tagged(&bye, status, "bobtag", &[], None),
        }
        assert_eq!(reason(&mut bench).bye_failure, None, "{answered_by}");
    }
}

/// A stop without grace sends nothing to the peer of a call.
#[test]
fn fault_f6_a_stop_says_whose_peer_may_not_know() {
    for (hangs_up, expected) in [(false, ByeFailure::NotSent), (true, ByeFailure::NoResponse)] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        if hangs_up {
            bench.hang_up(id);
        } else {
            bench.lose();
        }
        bench.agent.stop(Some(SECOND), bench.now);
        bench.pump();
        bench.wait(2 * SECOND);
        assert_eq!(reason(&mut bench).bye_failure, Some(expected));
    }
}

/// The application learns of each repair that fails, and when the next follows.
#[test]
fn fault_f6_a_failed_repair_is_told() {
    let failed = |bench: &mut Bench| {
        bench.expect(|event| match event {
            Event::RepairFailed {
                reason, retry_at, ..
            } => Some((reason.clone(), *retry_at)),
            _ => None,
        })
    };
    for status in [430, 480, 500, 503, 504, 488, 606] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        bench.lose();
        bench.reconnect(Transport::Ws);
        bench.describe(id, OFFER);
        let invite = sends(&mut bench, Method::Invite);
        bench.reply_tagged(&invite, status, "bob1", &[], None);
        sends(&mut bench, Method::Ack);
        let (reason, retry_at) = failed(&mut bench);
        assert_eq!(reason.status.map(|status| status.as_u16()), Some(status));
        let again = !matches!(status, 488 | 606);
        assert_eq!(retry_at, again.then(|| bench.now + SECOND), "{status}");
        bench.wait(2 * SECOND);
        let asked = |event: &Event| matches!(event, Event::DescriptionNeeded { .. });
        assert_eq!(bench.events.iter().any(asked), again, "{status}");
    }
    // The application has no description for it.
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.lose();
    bench.reconnect(Transport::Ws);
    bench.try_describe(id, Err(DescriptionFailed)).unwrap();
    let (reason, retry_at) = failed(&mut bench);
    assert_eq!((reason.cause, retry_at), (Cause::BadDescription, None));
    // A re-INVITE that repairs nothing is no repair.
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.reinvite(id);
    bench.describe(id, OFFER);
    let invite = sends(&mut bench, Method::Invite);
    bench.reply_tagged(&invite, 500, "bob1", &[], None);
    let told = |event: &Event| matches!(event, Event::RepairFailed { .. });
    assert!(!bench.events.iter().any(told));
}
