//! INFO without and with packages (RFC 6086), and other requests within a call.

use std::time::Duration;

use sip_core::{
    Body, Cause, CommandError, Event, ExtraHeader, FailureStatus, MessageOptions, Session,
    SessionId,
};
use sip_parse::{HeaderName, Method, StatusCode};
use sip_testing::{Bench, OFFER, alice, value, values};

const CONTACT: (&str, &str) = ("Contact", "<sip:bob@192.0.2.9>");

fn text(body: &str) -> MessageOptions {
    MessageOptions::new().body(Body::new("text/plain", body.to_owned()))
}

/// Sends a request in a call that is up.
fn request(
    bench: &mut Bench,
    id: SessionId,
    method: Method<'_>,
    options: MessageOptions,
) -> Result<sip_core::RequestId, CommandError> {
    let Ok(Session::Established(call)) = bench.agent.session(id) else {
        panic!("the call is up");
    };
    let sent = call.request(method, options, bench.now);
    bench.pump();
    sent
}

fn package(bench: &mut Bench, id: SessionId, package: &str) -> Result<(), CommandError> {
    let Ok(Session::Established(call)) = bench.agent.session(id) else {
        panic!("the call is up");
    };
    let sent = call.info_package(package, text("x"), bench.now);
    bench.pump();
    sent.map(|_| ())
}

/// An INFO of bob.
fn info(bench: &mut Bench, cseq: u32, answer: &sip_parse::Response, extra: &str) {
    bench.in_dialog("INFO", cseq, &format!("info{cseq}"), answer, extra);
}

/// 6086-A, RFC 6086 4.2.2: an INFO of a package that is not in Recv-Info gets 469 with Recv-Info; one of a package that is
/// reaches the application.
#[test]
fn rfc6086_4_2_2_an_unknown_package_is_refused_by_469() {
    for (packages, listed) in [(&["foo", "bar"][..], "foo, bar"), (&[][..], "")] {
        let mut bench = Bench::new(alice().info_packages(packages));
        let id = bench.invite_from_bob(1);
        let answer = bench.answer(id, OFFER);
        bench.in_dialog("ACK", 7, "ack", &answer, "");
        bench.events.clear();
        for (cseq, package) in [(8, "baz"), (9, "FOO"), (10, "nil")] {
            info(
                &mut bench,
                cseq,
                &answer,
                &format!("Info-Package: {package}\n"),
            );
            let refused = bench.next_response();
            assert_eq!(refused.status().as_u16(), 469, "{package}");
            assert_eq!(value(&refused, HeaderName::RecvInfo), listed);
        }
        info(&mut bench, 11, &answer, "Info-Package: \n");
        assert_eq!(bench.next_response().status().as_u16(), 400);
        bench.no_events();
        if packages.is_empty() {
            continue;
        }
        info(&mut bench, 12, &answer, "Info-Package: foo;x=1\n");
        let incoming = bench.expect(|event| match event {
            Event::IncomingRequest {
                incoming, session, ..
            } if *session == Some(id) => Some(*incoming),
            _ => None,
        });
        bench
            .agent
            .respond(incoming, StatusCode::OK, bench.now)
            .unwrap();
        bench.pump();
        assert_eq!(bench.next_response().status().as_u16(), 200);
    }
}

/// 6086-A, RFC 6086 2: an INFO without a package reaches the application.
#[test]
fn rfc6086_2_legacy_info_reaches_the_application() {
    let mut bench = Bench::new(alice().info_packages(["foo"]));
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &answer, "");
    info(&mut bench, 8, &answer, "Content-Type: text/plain\n");
    let incoming = bench.expect(|event| match event {
        Event::IncomingRequest { incoming, .. } => Some(*incoming),
        _ => None,
    });
    let refusal = FailureStatus::new(415).unwrap();
    bench
        .agent
        .refuse_request(incoming, refusal, bench.now)
        .unwrap();
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 415);
}

/// 6086-A, RFC 6086 4.2.1: INVITE, re-INVITE and the responses to them list the packages of this side; other messages do
/// not.
#[test]
fn rfc6086_4_2_1_recv_info_is_in_invite_and_its_responses() {
    let mut bench = Bench::new(alice().info_packages(["foo", "bar"]));
    let (id, invite) = bench.established_call();
    assert_eq!(values(&invite, HeaderName::RecvInfo), ["foo, bar"]);
    bench.reinvite(id);
    bench.describe(id, OFFER);
    let reinvite = bench.next_request();
    assert_eq!(values(&reinvite, HeaderName::RecvInfo), ["foo, bar"]);
    bench.reply_tagged(&reinvite, 200, "bob1", &[CONTACT], Some(OFFER));
    assert!(!bench.next_request().has(HeaderName::RecvInfo), "ACK");
    bench.hang_up(id);
    assert!(!bench.next_request().has(HeaderName::RecvInfo), "BYE");
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    assert_eq!(values(&answer, HeaderName::RecvInfo), ["foo, bar"]);
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    assert!(!invite.has(HeaderName::RecvInfo), "without packages");
}

/// RFC 6086 4.2.1: a package goes out only if the peer's last Recv-Info lists it, whichever message brought that.
#[test]
fn rfc6086_4_2_1_a_package_needs_the_peers_recv_info() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    let listed = [CONTACT, ("Recv-Info", "foo, bar;x=y"), ("Recv-Info", "baz")];
    bench.reply_tagged(&invite, 200, "bob1", &listed, Some(OFFER));
    bench.next_request();
    for known in ["foo", "bar", "baz"] {
        assert_eq!(package(&mut bench, id, known), Ok(()));
        let info = bench.next_request();
        assert_eq!(value(&info, HeaderName::InfoPackage), known);
        let disposition = value(&info, HeaderName::ContentDisposition);
        assert_eq!(disposition, "Info-Package");
    }
    let unknown = package(&mut bench, id, "qux");
    assert_eq!(unknown, Err(CommandError::InfoPackage));
    // A re-INVITE without the field changes nothing; one with it replaces the list.
    for (answer, allowed) in [
        (vec![CONTACT], true),
        (vec![CONTACT, ("Recv-Info", "")], false),
    ] {
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let reinvite = bench.next_request();
        bench.reply_tagged(&reinvite, 200, "bob1", &answer, Some(OFFER));
        bench.next_request();
        assert_eq!(package(&mut bench, id, "foo").is_ok(), allowed);
        if allowed {
            bench.next_request();
        }
    }
    bench.silence();
}

/// The list of a peer is bounded by `Limits::info_packages`.
#[test]
fn the_packages_of_a_peer_are_bounded() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    let many: Vec<_> = (0..40).map(|number| format!("p{number}")).collect();
    let many = many.join(",");
    bench.reply_tagged(
        &invite,
        200,
        "bob1",
        &[CONTACT, ("Recv-Info", &many)],
        Some(OFFER),
    );
    assert_eq!(package(&mut bench, id, "p31"), Ok(()));
    let beyond = package(&mut bench, id, "p32");
    assert_eq!(beyond, Err(CommandError::InfoPackage));
}

/// RFC 3428 4, RFC 3261 11.2: MESSAGE, OPTIONS and unknown methods within a call, with header fields and body of the
/// application, and one outcome each.
#[test]
fn rfc3428_4_requests_within_a_call() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.established_call();
    let header = ExtraHeader::new("X-Room", "12").unwrap();
    for (method, contacts) in [
        (Method::Message, 0),
        (Method::Options, 1),
        (Method::Info, 1),
        (Method::Other(b"KNOCK"), 1),
    ] {
        let options = text("hello").header(header.clone());
        let id = request(&mut bench, id, method, options).expect("request");
        let sent = bench.next_request();
        assert_eq!(sent.method(), method);
        assert_eq!(sent.body(), b"hello");
        assert_eq!(value(&sent, HeaderName::Other(b"X-Room")), "12");
        assert_eq!(sent.contacts().count(), contacts, "{method}");
        assert_eq!(sent.call_id(), invite.call_id());
        assert_eq!(sent.to().unwrap().tag(), Some(&b"bob1"[..]));
        assert_eq!(sent.has(HeaderName::Accept), method == Method::Options);
        bench.reply(&sent, 202, &[("X-Reply", "13")]);
        bench.expect(|event| match event {
            Event::RequestCompleted {
                request,
                outcome: Ok(response),
            } if *request == id => {
                assert_eq!(value(response, HeaderName::Other(b"X-Reply")), "13");
                Some(())
            }
            _ => None,
        });
    }
    for method in [
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Register,
        Method::Prack,
        Method::Update,
        Method::Refer,
        Method::Subscribe,
        Method::Notify,
        Method::Publish,
    ] {
        let refused = request(&mut bench, id, method, MessageOptions::new());
        assert!(matches!(refused, Err(CommandError::WrongState(_))));
    }
    bench.silence();
}

/// RFC 5057 5.1: a 481 to a request within the call ends the call.
#[test]
fn rfc5057_5_1_a_481_ends_the_call() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    request(
        &mut bench,
        id,
        Method::Other(b"KNOCK"),
        MessageOptions::new(),
    )
    .unwrap();
    let sent = bench.next_request();
    bench.reply(&sent, 481, &[]);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    let cause = bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some(reason.cause),
        _ => None,
    });
    assert_eq!(cause, Cause::DialogGone);
}

/// RFC 3261 8.2.1, 3261-8.2-ORD: a request of a method in `extraMethods` reaches the application within a call;
/// every other unknown method gets 501 with Allow, and a known one out of place 405 or 481.
#[test]
fn rfc3261_8_2_1_unknown_methods_within_a_call() {
    let mut bench = Bench::new(alice().extra_methods(["KNOCK"]));
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    assert!(values(&answer, HeaderName::Allow).contains(&"KNOCK".to_owned()));
    bench.in_dialog("ACK", 7, "ack", &answer, "");
    bench.events.clear();
    bench.in_dialog("KNOCK", 8, "k1", &answer, "");
    let (incoming, request) = bench.expect(|event| match event {
        Event::IncomingRequest {
            incoming,
            session,
            request,
        } if *session == Some(id) => Some((*incoming, request.clone())),
        _ => None,
    });
    assert_eq!(request.method(), Method::Other(b"KNOCK"));
    bench
        .agent
        .respond(incoming, StatusCode::OK, bench.now)
        .unwrap();
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 200);
    for (cseq, method, extra, status) in [
        (9, "SING", "", 501),
        (10, "knock", "", 501),
        (11, "SING", "Require: x\n", 501),
        (12, "KNOCK", "Require: x\n", 420),
        (13, "PUBLISH", "", 405),
    ] {
        bench.in_dialog(method, cseq, &format!("m{cseq}"), &answer, extra);
        let refused = bench.next_response();
        assert_eq!(refused.status().as_u16(), status, "{method} {extra}");
        if status != 420 {
            let allow = values(&refused, HeaderName::Allow);
            let allow = allow.join(", ");
            assert!(allow.contains("INFO") && allow.contains("KNOCK"), "{allow}");
        }
    }
    bench.no_events();
    // A method that the application does not answer gets 500, which ends nothing but itself.
    bench.in_dialog("KNOCK", 20, "k2", &answer, "");
    bench.wait(Duration::from_secs(10));
    // RFC 4320 4.2: a 100 goes out before.
    assert_eq!(bench.next_response().status().as_u16(), 100);
    assert_eq!(bench.next_response().status().as_u16(), 500);
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
}
