//! Requests outside calls: MESSAGE (RFC 3428), OPTIONS (RFC 3261 section 11) and those of extensions, of this side and of peers.

use sip_core::config::{ConfigBuilder, OfflineRequests};
use sip_core::{
    Body, Cause, CommandError, Event, ExtraHeader, IncomingRequestId, MessageOptions, Originator,
    RequestId, Session, SessionId, Transport,
};
use sip_parse::{HeaderName, Method, Request, Response, StatusCode};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

const BOB: &str = "sip:bob@example.com";

fn header(name: &str, value: &str) -> ExtraHeader {
    ExtraHeader::new(name, value).expect("a header field")
}

fn queueing() -> ConfigBuilder {
    let mut config = alice();
    config.offline_requests(OfflineRequests::Queue);
    config
}

fn status(number: u16) -> StatusCode {
    StatusCode::new(number).expect("a status")
}

/// Bob sends a request outside any dialog.
fn outside(bench: &mut Bench, method: &str, number: u32, extra: &str, body: &str) {
    let user = bench.contact_user();
    bench.feed(&format!(
        "{method} sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{number}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=1\nTo: <sip:alice@example.com>\n\
         Call-ID: {number}\nCSeq: 1 {method}\n{extra}Content-Length: {}\n\n{body}",
        body.len()
    ));
}

#[track_caller]
fn incoming(bench: &mut Bench) -> (IncomingRequestId, Option<SessionId>, Request) {
    match bench.event() {
        Event::IncomingRequest {
            incoming,
            session,
            request,
        } => (incoming, session, *request),
        other => panic!("{other:?}"),
    }
}

/// The outcome of a request.
#[track_caller]
fn completed(bench: &mut Bench, id: RequestId) -> Result<Response, (Originator, Cause)> {
    let outcome = bench.expect(|event| match event {
        Event::RequestCompleted { request, outcome } if *request == id => Some(outcome.clone()),
        _ => None,
    });
    outcome
        .map(|response| *response)
        .map_err(|reason| (reason.originator, reason.cause))
}

/// A call of bob that is up; the agent's 200.
fn called(bench: &mut Bench) -> (SessionId, Response) {
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &answer, "");
    bench.events.clear();
    (id, answer)
}

/// RFC 3428 sections 4 and 7, 3428-A: a MESSAGE outside dialogs has no Contact and makes no dialog; Date and Expires pass through, the
/// body is of any type, and 200 and 202 are outcomes.
#[test]
fn rfc3428_4_a_message_makes_no_dialog() {
    let mut bench = Bench::new(&alice());
    for (body, number) in [
        (Some(Body::new("text/html", "<b>hi</b>")), 200),
        (
            Some(Body::new("application/octet-stream", vec![0, 255])),
            202,
        ),
        (None, 202),
    ] {
        let date = "Sat, 13 Nov 2010 23:29:00 GMT";
        let mut options = MessageOptions::new().header(header("Date", date));
        options = options.header(header("Expires", "60"));
        options.body = body.clone();
        let id = bench.agent.message_with(BOB, options, bench.now).unwrap();
        bench.pump();
        let sent = bench.next_request();
        assert_eq!(sent.method(), Method::Message);
        assert!(!sent.has(HeaderName::Contact));
        assert_eq!(value(&sent, HeaderName::Date), date);
        assert_eq!(value(&sent, HeaderName::Expires), "60");
        assert_eq!(sent.has(HeaderName::ContentType), body.is_some());
        if let Some(body) = body {
            assert_eq!(value(&sent, HeaderName::ContentType), &*body.content_type);
            assert_eq!(sent.body(), &body.bytes[..]);
        }
        bench.reply(&sent, number, &[]);
        let response = completed(&mut bench, id).unwrap();
        assert_eq!(response.status().as_u16(), number);
    }
    bench.assert_nothing_left();
}

/// RFC 3428 section 8, 3428-A: a MESSAGE of more than 1,300 bytes outside dialogs does not go out on a connection that does not control
/// congestion; it does on another one, and within a call.
#[test]
fn rfc3428_8_a_large_message_needs_congestion_control() {
    let text = |length: usize| Body::new("text/plain", "x".repeat(length));
    let mut bench = Bench::over(&alice(), Transport::Udp);
    bench.agent.message(BOB, text(10), bench.now).unwrap();
    bench.pump();
    let overhead = bench.next_request().bytes().len() - 10;
    let (mut largest, mut smallest) = (0, usize::MAX);
    for length in 1_300 - overhead - 20..1_300 - overhead + 20 {
        match bench.agent.message(BOB, text(length), bench.now) {
            Ok(_) => {
                bench.pump();
                largest = largest.max(bench.next_request().bytes().len());
            }
            Err(CommandError::LargeMessage(size)) => smallest = smallest.min(size),
            Err(other) => panic!("{other:?}"),
        }
        bench.silence();
    }
    assert!((1_295..=1_300).contains(&largest), "{largest}");
    assert!((1_301..=1_306).contains(&smallest), "{smallest}");
    // The rule is for MESSAGE.
    let other = Method::Other(b"KNOCK");
    let body = Some(text(1_301));
    bench
        .agent
        .request(other, BOB, body, &[], bench.now)
        .unwrap();

    // Within a call.
    let mut bench = Bench::over(&alice(), Transport::Udp);
    let (call, _) = bench.established_call();
    match bench.agent.session(call) {
        Ok(Session::Established(call)) => {
            let options = MessageOptions::new().body(text(2_000));
            call.request(Method::Message, options, bench.now).unwrap();
        }
        other => panic!("{other:?}"),
    }
    bench.pump();
    assert_eq!(bench.next_request().body().len(), 2_000);

    for transport in [
        Transport::Tcp,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ] {
        let mut bench = Bench::over(&alice(), transport);
        bench.agent.message(BOB, text(2_000), bench.now).unwrap();
        bench.pump();
        assert_eq!(bench.next_request().body().len(), 2_000);
    }

    // One that waited for its connection fails when that opens.
    let mut bench = Bench::offline(&queueing());
    let id = bench.agent.message(BOB, text(2_000), bench.now).unwrap();
    bench.open(Transport::Udp);
    assert_eq!(
        completed(&mut bench, id),
        Err((Originator::Local, Cause::LimitReached))
    );
    bench.silence();
}

/// RFC 3428 section 7: the application answers a MESSAGE: with 200 or 202, header fields and a body of its own, or by a refusal with
/// both. The 2xx has no Contact.
#[test]
fn rfc3428_7_the_application_answers_with_its_own_header_fields() {
    for number in [200, 202, 415, 488, 603] {
        let mut bench = Bench::new(&alice());
        outside(&mut bench, "MESSAGE", 1, "Content-Type: text/plain\n", "hi");
        let (id, session, request) = incoming(&mut bench);
        assert_eq!((session, request.body()), (None, &b"hi"[..]));
        let options = MessageOptions::new()
            .header(header("X-Room", "12"))
            .body(Body::new("text/plain", "later"));
        // What the response cannot carry leaves the request waiting.
        let twice = options.clone().header(header("Subject", "a"));
        let twice = twice.header(header("Subject", "a"));
        let refused = bench
            .agent
            .respond_with(id, status(number), &twice, bench.now);
        assert!(matches!(refused, Err(CommandError::Send(_))), "{refused:?}");
        let named_twice = options.clone().header(header("User-Agent", "other"));
        let refused = bench
            .agent
            .respond_with(id, status(number), &named_twice, bench.now);
        assert!(matches!(refused, Err(CommandError::Send(_))), "{refused:?}");
        bench.pump();
        bench.silence();
        for wrong in [100, 408] {
            let refused = bench
                .agent
                .respond_with(id, status(wrong), &options, bench.now);
            assert!(matches!(refused, Err(CommandError::WrongState(_))));
        }
        bench
            .agent
            .respond_with(id, status(number), &options, bench.now)
            .unwrap();
        bench.pump();
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), number);
        assert_eq!(value(&response, HeaderName::Other(b"X-Room")), "12");
        assert_eq!(response.body(), b"later");
        assert!(!response.has(HeaderName::Contact));
        let again = bench
            .agent
            .respond_with(id, status(number), &options, bench.now);
        assert_eq!(again, Err(CommandError::Stale));
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
    // A status that needs a header field is refused without it.
    let mut bench = Bench::new(&alice());
    outside(&mut bench, "MESSAGE", 1, "", "");
    let (id, ..) = incoming(&mut bench);
    let none = MessageOptions::new();
    let refused = bench.agent.respond_with(id, status(423), &none, bench.now);
    assert!(matches!(refused, Err(CommandError::Refusal(_))));
    let with = none.header(header("Min-Expires", "60"));
    assert_eq!(
        bench.agent.respond_with(id, status(423), &with, bench.now),
        Ok(())
    );
}

/// RFC 3428 section 5: a MESSAGE within a call is answered likewise, and belongs to its dialog.
#[test]
fn rfc3428_5_a_message_within_a_call_is_answered_with_header_fields() {
    let mut bench = Bench::new(&alice());
    let (call, answer) = called(&mut bench);
    bench.in_dialog("MESSAGE", 8, "m1", &answer, "");
    let (id, session, _) = incoming(&mut bench);
    assert_eq!(session, Some(call));
    let options = MessageOptions::new().header(header("X-Room", "12"));
    bench
        .agent
        .respond_with(id, status(202), &options, bench.now)
        .unwrap();
    bench.pump();
    let response = bench.next_response();
    assert_eq!(response.status().as_u16(), 202);
    assert_eq!(value(&response, HeaderName::Other(b"X-Room")), "12");
    assert_eq!(
        response.to().unwrap().tag(),
        answer.to().unwrap().tag(),
        "one dialog"
    );
}

/// RFC 3261 section 11.2, 3261-11.2-A: OPTIONS has the status that an INVITE would have (200, 480 while the agent stops), and lists
/// what the agent takes: info packages, too (RFC 6086 section 4.2.3).
#[test]
fn rfc3261_11_2_options_has_the_status_of_an_invite() {
    let lists = |response: &Response| {
        for name in [
            HeaderName::Allow,
            HeaderName::Accept,
            HeaderName::AcceptEncoding,
            HeaderName::AcceptLanguage,
            HeaderName::Supported,
        ] {
            assert!(response.has(name), "{name:?}");
        }
        assert_eq!(value(response, HeaderName::RecvInfo), "foo, bar");
    };
    let mut bench = Bench::new(alice().info_packages(["foo", "bar"]));
    outside(&mut bench, "OPTIONS", 1, "", "");
    let response = bench.next_response();
    assert_eq!(response.status().as_u16(), 200);
    lists(&response);
    assert!(!response.has(HeaderName::AllowEvents));
    let (_call, _) = called(&mut bench);
    bench.agent.stop(Some(5 * SECOND), bench.now);
    bench.pump();
    assert_eq!(bench.next_request().method(), Method::Bye);
    outside(&mut bench, "OPTIONS", 2, "", "");
    let response = bench.next_response();
    assert_eq!(response.status().as_u16(), 480);
    lists(&response);

    let mut bench = Bench::new(&alice());
    outside(&mut bench, "OPTIONS", 1, "", "");
    assert!(!bench.next_response().has(HeaderName::RecvInfo));
}

/// RFC 3261 section 11.2, 3261-11.2-A: OPTIONS within a call is answered 200 and changes nothing: not the target, not the session.
#[test]
fn rfc3261_11_2_options_within_a_call_changes_nothing() {
    let mut bench = Bench::new(&alice());
    let (call, answer) = called(&mut bench);
    let sizes = bench.agent.table_sizes();
    let contact = "Contact: <sip:elsewhere@192.0.2.99>\n";
    bench.in_dialog("OPTIONS", 8, "o1", &answer, contact);
    let response = bench.next_response();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(
        value(&response, HeaderName::Allow),
        values(&answer, HeaderName::Allow)[0]
    );
    bench.no_events();
    bench.wait(40 * SECOND);
    let after = bench.agent.table_sizes();
    assert_eq!((after.dialogs, after.timers), (sizes.dialogs, sizes.timers));
    bench.hang_up(call);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    assert_ne!(bye.uri_bytes(), b"sip:elsewhere@192.0.2.99");
}

/// RFC 3261 section 8.2.1, 3261-8.2.1-A: with `offerUnknownMethods` the application may answer methods that the core does not handle,
/// outside dialogs and within calls. Without its answer an unknown one gets 501 and a known one 405, both with Allow.
#[test]
fn rfc3261_8_2_1_unknown_methods_are_offered() {
    for (method, extra, unanswered) in [
        ("FLY", "", 501),
        ("PUBLISH", "Event: presence\n", 405),
        ("REGISTER", "", 405),
    ] {
        let mut bench = Bench::new(alice().offer_unknown_methods(true));
        outside(&mut bench, method, 1, extra, "");
        let (id, session, request) = incoming(&mut bench);
        assert_eq!(session, None);
        assert_eq!(request.method().as_bytes(), method.as_bytes());
        let options = MessageOptions::new().header(header("SIP-ETag", "1"));
        bench
            .agent
            .respond_with(id, StatusCode::OK, &options, bench.now)
            .unwrap();
        bench.pump();
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(value(&response, HeaderName::SipEtag), "1");

        outside(&mut bench, method, 2, extra, "");
        incoming(&mut bench);
        bench.wait(10 * SECOND);
        let last = bench.sent.pop_back().expect("a response");
        let refused = last.into_response().expect("a response");
        assert_eq!(refused.status().as_u16(), unanswered, "{method}");
        assert!(value(&refused, HeaderName::Allow).contains("INVITE"));
        bench.sent.clear();
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();

        let (call, answer) = called(&mut bench);
        bench.in_dialog(method, 8, "u1", &answer, extra);
        let (id, session, _) = incoming(&mut bench);
        assert_eq!(session, Some(call));
        bench.agent.respond(id, status(403), bench.now).unwrap();
        bench.pump();
        assert_eq!(bench.next_response().status().as_u16(), 403);
        bench.in_dialog(method, 9, "u2", &answer, extra);
        incoming(&mut bench);
        bench.wait(10 * SECOND);
        let last = bench.sent.pop_back().expect("a response");
        let refused = last.into_response().expect("a response");
        assert_eq!(refused.status().as_u16(), unanswered, "{method}");
    }
    // The other checks of RFC 3261 section 8.2 come first.
    let mut bench = Bench::new(alice().offer_unknown_methods(true));
    outside(&mut bench, "FLY", 1, "Require: x\n", "");
    assert_eq!(bench.next_response().status().as_u16(), 420);
    bench.no_events();
    // A method that needs a dialog is not unknown.
    outside(&mut bench, "BYE", 2, "", "");
    assert_eq!(bench.next_response().status().as_u16(), 481);
    bench.no_events();
}

/// RFC 3261 section 8.2.1: a method in `extraMethods` is offered outside dialogs, too; Allow lists it. Others get 501.
#[test]
fn rfc3261_8_2_1_extra_methods_are_offered_outside_dialogs() {
    let mut bench = Bench::new(alice().extra_methods(["KNOCK"]));
    outside(&mut bench, "KNOCK", 1, "", "");
    let (id, session, _) = incoming(&mut bench);
    assert_eq!(session, None);
    bench.agent.respond(id, status(486), bench.now).unwrap();
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 486);
    outside(&mut bench, "KNOCK", 2, "", "");
    incoming(&mut bench);
    bench.wait(10 * SECOND);
    let last = bench.sent.pop_back().expect("a response");
    let unanswered = last.into_response().expect("a response");
    assert_eq!(unanswered.status().as_u16(), 480);
    bench.sent.clear();
    for (number, method, code) in [(3, "SING", 501), (4, "PUBLISH", 405)] {
        outside(&mut bench, method, number, "Event: presence\n", "");
        let refused = bench.next_response();
        assert_eq!(refused.status().as_u16(), code);
        let allow = values(&refused, HeaderName::Allow).join(", ");
        assert!(allow.contains("KNOCK"), "{allow}");
    }
    bench.no_events();
}

/// RFC 3903 section 4: a PUBLISH needs state, so that `publish` sends it and `request` does not; every method without state of its
/// own goes out, and its final response is the outcome.
#[test]
fn rfc3261_8_1_any_other_request_has_its_outcome() {
    let mut bench = Bench::new(&alice());
    for method in [Method::Other(b"KNOCK"), Method::Info, Method::Options] {
        let body = Some(Body::new("application/x-test", "5"));
        let headers = [header("X-Room", "12")];
        let id = bench
            .agent
            .request(method, BOB, body, &headers, bench.now)
            .unwrap();
        bench.pump();
        let sent = bench.next_request();
        assert_eq!(sent.method(), method);
        assert_eq!(sent.body(), b"5");
        assert_eq!(value(&sent, HeaderName::Other(b"X-Room")), "12");
        bench.reply(&sent, 100, &[]);
        bench.reply(&sent, 486, &[]);
        let outcome = completed(&mut bench, id);
        assert_eq!(outcome.unwrap().status().as_u16(), 486);
        bench.no_events();
    }
    for method in [Method::Publish, Method::Subscribe, Method::Register] {
        let refused = bench.agent.request(method, BOB, None, &[], bench.now);
        assert!(matches!(refused, Err(CommandError::WrongState(_))));
    }
    bench.silence();
    bench.assert_nothing_left();
}

/// A request that waits for a connection can be cancelled; one that is sent cannot (RFC 3261 section 9.1), and one with an outcome is
/// gone.
#[test]
fn conn_c_a_waiting_request_can_be_cancelled() {
    let mut bench = Bench::offline(&queueing());
    let kept = bench.agent.options(BOB, bench.now).unwrap();
    let id = bench
        .agent
        .message(BOB, Body::new("text/plain", "hi"), bench.now)
        .unwrap();
    bench.pump();
    assert_eq!(bench.agent.cancel_request(id, bench.now), Ok(()));
    bench.pump();
    assert_eq!(
        completed(&mut bench, id),
        Err((Originator::Local, Cause::Requested))
    );
    assert_eq!(
        bench.agent.cancel_request(id, bench.now),
        Err(CommandError::Stale)
    );
    bench.open(Transport::Ws);
    let sent = bench.next_request();
    assert_eq!(sent.method(), Method::Options);
    bench.silence();
    let refused = bench.agent.cancel_request(kept, bench.now);
    assert!(matches!(refused, Err(CommandError::WrongState(_))));
    bench.reply(&sent, 200, &[]);
    completed(&mut bench, kept).unwrap();
    bench.assert_nothing_left();
}

/// A request within a call that waits for a connection can be cancelled, too.
#[test]
fn conn_c_a_waiting_request_within_a_call_can_be_cancelled() {
    let mut bench = Bench::new(&queueing());
    let (call, _) = bench.established_call();
    bench.lose();
    let id = match bench.agent.session(call) {
        Ok(Session::Established(call)) => {
            let options = MessageOptions::new().body(Body::new("text/plain", "hi"));
            call.request(Method::Message, options, bench.now).unwrap()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(bench.agent.cancel_request(id, bench.now), Ok(()));
    bench.pump();
    assert_eq!(
        completed(&mut bench, id),
        Err((Originator::Local, Cause::Requested))
    );
    assert_eq!(bench.agent.table_sizes().requests, 0);
}

/// RFC 3261 section 8.1.1.8, 3261-8.1.1.8-A: a target refresh and its 2xx have exactly one Contact, of both sides.
#[test]
fn rfc3261_8_1_1_8_a_target_refresh_has_one_contact() {
    let mut bench = Bench::new(&alice());
    let (id, answer) = called(&mut bench);
    assert_eq!(answer.contacts().count(), 1);
    bench.reinvite(id);
    bench.describe(id, OFFER);
    let refresh = bench.next_request();
    assert_eq!(refresh.method(), Method::Invite);
    assert_eq!(refresh.contacts().count(), 1);
    let contact = value(&refresh, HeaderName::Contact);
    assert!(contact.contains(&bench.contact_user()), "{contact}");
    bench.reply_tagged(
        &refresh,
        200,
        "bobtag",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    let contact = "Contact: <sip:bob@192.0.2.10>\n";
    bench.in_dialog("UPDATE", 8, "u1", &answer, contact);
    let ok = bench.next_response();
    assert_eq!(ok.status().as_u16(), 200);
    assert_eq!(ok.contacts().count(), 1);
}

/// RFC 3261 section 8.2.2.3, 3261-8.2.2.3-A: Require in an ACK and a CANCEL is ignored.
#[test]
fn rfc3261_8_2_2_3_require_in_cancel_and_ack_is_ignored() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &answer, "Require: x\n");
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    bench.silence();

    let mut bench = Bench::new(&alice());
    let user = bench.contact_user();
    let request = |method: &str, extra: &str| {
        format!(
            "{method} sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKc\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=1\nTo: <sip:alice@example.com>\n\
             Call-ID: c\nCSeq: 1 {method}\nContact: <sip:bob@b.invalid>\n{extra}Content-Length: 0\n\n"
        )
    };
    let (invite, cancel) = (request("INVITE", ""), request("CANCEL", "Require: x\n"));
    bench.feed(&invite);
    bench.feed(&cancel);
    let statuses: Vec<u16> = bench
        .sent
        .drain(..)
        .filter_map(|message| Some(message.into_response().ok()?.status().as_u16()))
        .filter(|status| *status >= 200)
        .collect();
    assert_eq!(statuses, [200, 487]);
}

/// RFC 3261 section 8.2, 3261-8.2-ORD: the agent looks at the method first, then at the header, then at the content.
#[test]
fn rfc3261_8_2_the_order_of_inspection() {
    let content = "Content-Type: text/plain\nContent-Encoding: gzip\n";
    for (method, extra, code) in [
        ("FLY", format!("Require: x\n{content}"), 501),
        ("PUBLISH", format!("Event: x\nRequire: x\n{content}"), 405),
        ("MESSAGE", format!("Require: x\n{content}"), 420),
        ("MESSAGE", content.to_owned(), 415),
    ] {
        let mut bench = Bench::new(&alice());
        outside(&mut bench, method, 1, &extra, "hi");
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), code, "{method} {extra}");
        bench.no_events();
    }
}
