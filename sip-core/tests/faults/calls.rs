//! Calls: branches, targets, limits and ends.

use sip_core::dialog::FailureScope;
use sip_core::{Cause, Event, ExchangeOutcome, Originator, Session, SessionId, Transport};
use sip_parse::{HeaderName, Method, Request, Response};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

const BOB: &str = "<sip:bob@192.0.2.9>";

/// Why the call ended.
#[track_caller]
fn ended(bench: &mut Bench) -> (Originator, Cause) {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((reason.originator, reason.cause)),
        _ => None,
    })
}

/// The next request that the agent sent has this method.
#[track_caller]
pub(super) fn sends(bench: &mut Bench, method: Method<'_>) -> Request {
    let request = bench.next_request();
    assert_eq!(request.method(), method);
    request
}

/// Bob answers an INVITE by 200 with an answer, in a branch of this tag.
pub(super) fn accept(bench: &mut Bench, invite: &Request, tag: &str) {
    bench.reply_tagged(invite, 200, tag, &[("Contact", BOB)], Some(OFFER));
}

/// A request is answered 200.
pub(super) fn ok(bench: &mut Bench, request: &Request) {
    bench.reply_tagged(request, 200, "unused", &[], None);
}

#[track_caller]
fn nothing_left(mut bench: Bench) {
    bench.wait(64 * SECOND);
    bench.silence();
    bench.assert_nothing_left();
}

/// An INVITE of bob's, outside any dialog if `to` is the address alone.
pub(super) fn invite_with(user: &str, to: &str, number: u32, contact: &str) -> String {
    format!(
        "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKcall{number}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: {to}\nCall-ID: from-bob-1\n\
         CSeq: {number} INVITE\n{contact}Content-Type: application/sdp\nContent-Length: {}\n\n{}",
        OFFER.len(),
        OFFER.replace("\r\n", "\n"),
    )
}

/// A call of bob's that is up, and the response that made its dialog.
pub(super) fn answered() -> (Bench, SessionId, Response) {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let ok = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    (bench, id, ok)
}

/// The call goes on: it is up, nothing is under way, and BYE ends it.
#[track_caller]
fn goes_on(mut bench: Bench, id: SessionId) {
    bench.silence();
    let session = bench.agent.session(id);
    assert!(matches!(session, Ok(Session::Established(_))));
    bench.hang_up(id);
    let bye = sends(&mut bench, Method::Bye);
    ok(&mut bench, &bye);
    assert_eq!(ended(&mut bench).1, Cause::Requested);
    nothing_left(bench);
}

/// RFC 3261 13.2.2.4: every 2xx is acknowledged. A BYE, which costs a transaction, goes to a bounded number of branches, whether the
/// call is up, over, or was never established.
#[test]
fn fault_a7_any_number_of_branches_costs_bounded_work() {
    for situation in ["up", "over", "cancelled", "refused"] {
        let mut bench = Bench::new(&alice());
        let (id, invite) = bench.call();
        match situation {
            "up" | "over" => accept(&mut bench, &invite, "bob1"),
            "cancelled" => {
                bench.reply_tagged(&invite, 180, "bob1", &[], None);
                bench.hang_up(id);
                let cancel = bench.sent.pop_back().expect("CANCEL");
                assert_eq!(cancel.as_request().unwrap().method(), Method::Cancel);
                accept(&mut bench, &invite, "bob1");
            }
            // The first branch brings no answer.
            _ => bench.reply_tagged(&invite, 200, "bob1", &[("Contact", BOB)], None),
        }
        if situation == "over" {
            bench.hang_up(id);
        }
        bench.sent.clear();
        for branch in 0..2_000 {
            accept(&mut bench, &invite, &format!("other{branch}"));
        }
        let sent: Vec<_> = bench.sent.drain(..).collect();
        let of = |method| {
            let requests = sent.iter().filter_map(|message| message.as_request());
            requests
                .filter(|request| request.method() == method)
                .count()
        };
        assert_eq!(of(Method::Ack), 2_000, "{situation}");
        // The branch of the call itself, once it has its BYE, is one of them.
        let byes = if situation == "up" { 16 } else { 15 };
        assert_eq!(of(Method::Bye), byes, "{situation}");
        assert!(
            bench.agent.table_sizes().client_transactions < 20,
            "{situation}"
        );
        bench.events.clear();
        bench.call();
    }
}

/// Many INVITEs, each with a bounded number of branches, leave room in the table of transactions, too.
#[test]
fn fault_a7_the_branches_of_many_calls_leave_room_for_the_next() {
    let mut bench = Bench::new(&alice());
    let mut byes = 0;
    for _ in 0..60 {
        bench.events.clear();
        let (_, invite) = bench.call();
        accept(&mut bench, &invite, "bob1");
        for branch in 0..30 {
            accept(&mut bench, &invite, &format!("other{branch}"));
        }
        let sent = bench.sent.drain(..);
        let requests = sent.filter_map(|message| message.into_request().ok());
        byes += requests
            .filter(|request| request.method() == Method::Bye)
            .count();
    }
    assert_eq!(byes, 128, "Limits::branch_byes");
    assert!(bench.agent.table_sizes().client_transactions <= 128 + 60);
    // Their time-outs make room again.
    bench.wait(33 * SECOND);
    bench.sent.clear();
    bench.events.clear();
    let (_, invite) = bench.call();
    accept(&mut bench, &invite, "bob1");
    sends(&mut bench, Method::Ack);
    accept(&mut bench, &invite, "bob2");
    sends(&mut bench, Method::Ack);
    sends(&mut bench, Method::Bye);
}

/// RFC 3261 13.2.2.4 and 12.2.1.1: a branch has one BYE, whose CSeq is above that of the INVITE; its repeated 2xx gets the ACK alone,
/// for as long as it can be repeated (64 T1).
#[test]
fn fault_a8_a_repeated_2xx_of_a_branch_is_acknowledged_alone() {
    for (over, status) in [(false, 200), (false, 481), (true, 200), (true, 0)] {
        let mut bench = Bench::new(&alice());
        let (id, invite) = bench.call();
        accept(&mut bench, &invite, "bob1");
        sends(&mut bench, Method::Ack);
        if over {
            bench.hang_up(id);
            let bye = sends(&mut bench, Method::Bye);
            ok(&mut bench, &bye);
            ended(&mut bench);
        }
        accept(&mut bench, &invite, "bob2");
        let ack = sends(&mut bench, Method::Ack);
        let bye = sends(&mut bench, Method::Bye);
        let number = invite.cseq().unwrap().number;
        assert_eq!(ack.cseq().unwrap().number, number);
        assert_eq!(bye.cseq().unwrap().number, number + 1);
        for request in [&ack, &bye] {
            assert_eq!(request.to().unwrap().tag(), Some(&b"bob2"[..]));
            assert_eq!(request.uri_bytes(), b"sip:bob@192.0.2.9");
            assert_eq!(request.call_id().unwrap(), invite.call_id().unwrap());
        }
        if status > 0 {
            bench.reply_tagged(&bye, status, "bob2", &[], None);
        }
        for _ in 0..9 {
            bench.wait(3 * SECOND);
            bench.sent.retain(|message| message.bytes() != bye.bytes());
            accept(&mut bench, &invite, "bob2");
            let again = sends(&mut bench, Method::Ack);
            assert_eq!(again.to().unwrap().tag(), Some(&b"bob2"[..]));
            bench.silence();
        }
        if over {
            nothing_left(bench);
        } else {
            goes_on(bench, id);
        }
    }
}

/// The same of the branch that the call used: its BYE went out, or came in, so that the late copy of its 2xx gets no second BYE.
#[test]
fn fault_a8_a_repeated_2xx_of_an_ended_call_is_acknowledged_alone() {
    for theirs in [false, true] {
        let mut bench = Bench::new(&alice());
        let (id, invite) = bench.call();
        accept(&mut bench, &invite, "bob1");
        sends(&mut bench, Method::Ack);
        if theirs {
            let user = bench.contact_user();
            let (from, call_id) = (
                value(&invite, HeaderName::From),
                value(&invite, HeaderName::CallId),
            );
            bench.feed(&format!(
                "BYE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbye\nMax-Forwards: 70\n\
                 From: <sip:bob@example.com>;tag=bob1\nTo: {from}\nCall-ID: {call_id}\nCSeq: 1 BYE\nContent-Length: 0\n\n"
            ));
            assert_eq!(bench.next_response().status().as_u16(), 200);
        } else {
            bench.hang_up(id);
            let bye = sends(&mut bench, Method::Bye);
            ok(&mut bench, &bye);
        }
        ended(&mut bench);
        for _ in 0..3 {
            accept(&mut bench, &invite, "bob1");
            sends(&mut bench, Method::Ack);
            bench.silence();
        }
        nothing_left(bench);
    }
}

/// RFC 3261 13.2.2.4: a 2xx of which no dialog can be kept is acknowledged and ended, along its whole route (12.1.2).
#[test]
fn fault_a10_a_2xx_with_too_many_routes_is_acknowledged_and_ended() {
    for (routes, one_row) in [
        (33, false),
        (33, true),
        (100, false),
        (245, false),
        (500, true),
    ] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        let routes: Vec<String> = (0..routes).map(|at| format!("<sip:p{at};lr>")).collect();
        let row = routes.join(",");
        let mut headers = vec![("Contact", BOB)];
        if one_row {
            headers.push(("Record-Route", row.as_str()));
        } else {
            headers.extend(routes.iter().map(|route| ("Record-Route", route.as_str())));
        }
        bench.reply_tagged(&invite, 200, "bob1", &headers, Some(OFFER));
        let count = routes.len();
        assert_eq!(bench.sent.len(), 2, "{count} routes, in one row: {one_row}");
        let ack = sends(&mut bench, Method::Ack);
        let bye = sends(&mut bench, Method::Bye);
        for request in [&ack, &bye] {
            assert_eq!(request.uri_bytes(), b"sip:bob@192.0.2.9");
            let route = values(request, HeaderName::Route).join(", ");
            let route: Vec<&str> = route.split(", ").collect();
            let expected: Vec<&str> = routes.iter().rev().map(String::as_str).collect();
            assert_eq!(route, expected);
        }
        assert_eq!(ended(&mut bench), (Originator::Peer, Cause::Malformed));
        ok(&mut bench, &bye);
        bench.reply_tagged(&invite, 200, "bob1", &headers, Some(OFFER));
        sends(&mut bench, Method::Ack);
        bench.silence();
        nothing_left(bench);
    }
}

/// As many routes as the limit allows make a call.
#[test]
fn fault_a10_a_2xx_with_as_many_routes_as_fit_makes_a_call() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    let row = ["<sip:p.example.com;lr>"; 32].join(", ");
    let headers = [("Contact", BOB), ("Record-Route", &row)];
    bench.reply_tagged(&invite, 200, "bob1", &headers, Some(OFFER));
    let ack = sends(&mut bench, Method::Ack);
    assert_eq!(values(&ack, HeaderName::Route).len(), 32);
    goes_on(bench, id);
}

/// RFC 3261 26.2.2: a SIPS target needs TLS. The caller decides before the ACK: ACK and BYE go where the INVITE went.
#[test]
fn fault_a15_a_sips_target_without_tls_gets_ack_and_bye() {
    for contact in ["<sips:bob@192.0.2.9>", "<SIPS:bob@192.0.2.9;transport=tcp>"] {
        for late in [false, true] {
            let mut bench = Bench::new(&alice());
            let invite = if late {
                let late = sip_core::InviteOptions::new().late_offer();
                let called = bench.agent.invite("sip:bob@example.com", late, bench.now);
                called.expect("a call");
                bench.pump();
                sends(&mut bench, Method::Invite)
            } else {
                bench.call().1
            };
            bench.reply_tagged(&invite, 180, "bob1", &[("Contact", contact)], None);
            bench.events.clear();
            bench.reply_tagged(&invite, 200, "bob1", &[("Contact", contact)], Some(OFFER));
            for method in [Method::Ack, Method::Bye] {
                let request = sends(&mut bench, method);
                assert_eq!(request.uri_bytes(), b"sip:bob@example.com");
                if method == Method::Bye {
                    ok(&mut bench, &request);
                }
            }
            let established = |event: &Event| matches!(event, Event::Established { .. });
            assert!(!bench.events.iter().any(established));
            assert_eq!(ended(&mut bench), (Originator::Peer, Cause::Insecure));
            nothing_left(bench);
        }
    }
}

/// The same of a branch that the call does not use, and of a strict router (12.2.1.1), whose URI is the Request-URI.
#[test]
fn fault_a15_a_sips_branch_and_a_sips_strict_router_get_ack_and_bye() {
    let sips = [("Contact", "<sips:bob@192.0.2.9>")];
    let strict = [("Contact", BOB), ("Record-Route", "<sips:p.example.com>")];
    for (up, headers) in [(true, &sips[..]), (true, &strict), (false, &strict)] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        if up {
            accept(&mut bench, &invite, "bob1");
            sends(&mut bench, Method::Ack);
        }
        bench.reply_tagged(&invite, 200, "bob2", headers, Some(OFFER));
        for method in [Method::Ack, Method::Bye] {
            let request = sends(&mut bench, method);
            assert_eq!(request.uri_bytes(), b"sip:bob@example.com");
            assert_eq!(request.to().unwrap().tag(), Some(&b"bob2"[..]));
            if method == Method::Bye {
                ok(&mut bench, &request);
            }
        }
        if !up {
            assert_eq!(ended(&mut bench), (Originator::Peer, Cause::Insecure));
            nothing_left(bench);
        }
    }
}

/// The callee decides before it tells the application: 480 with the warning of RFC 5630.
#[test]
fn fault_a15_an_invite_from_a_sips_target_without_tls_is_refused() {
    let contact = "Contact: <sips:bob@192.0.2.9>\n";
    let mut bench = Bench::new(&alice());
    let user = bench.contact_user();
    bench.feed(&invite_with(&user, "<sip:alice@example.com>", 1, contact));
    let refusal = bench.next_response();
    assert_eq!(refusal.status().as_u16(), 480);
    assert!(value(&refusal, HeaderName::Warning).starts_with("380 "));
    bench.no_events();
    // Over TLS the same call works.
    let mut bench = Bench::over(&alice(), Transport::Wss);
    let user = bench.contact_user();
    bench.feed(&invite_with(&user, "<sip:alice@example.com>", 1, contact));
    bench.silence();
    bench.expect(|event| matches!(event, Event::IncomingCall { .. }).then_some(()));
}

/// A target refresh that cannot be used changes nothing: 488 ends only its transaction (RFC 5057 5.1), in a 2xx it is passed over.
#[test]
fn fault_a15_a_target_refresh_to_sips_without_tls_changes_nothing() {
    let contact = "<sips:bob@192.0.2.9>";
    let (mut bench, id, ok) = answered();
    let user = bench.contact_user();
    let to = value(&ok, HeaderName::To);
    bench.feed(&invite_with(
        &user,
        &to,
        8,
        &format!("Contact: {contact}\n"),
    ));
    let refusal = bench.next_response();
    assert_eq!(refusal.status().as_u16(), 488);
    assert_eq!(value(&refusal, HeaderName::To), to);
    goes_on(bench, id);

    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.reinvite(id);
    bench.describe(id, OFFER);
    let invite = sends(&mut bench, Method::Invite);
    bench.reply_tagged(&invite, 200, "bob1", &[("Contact", contact)], Some(OFFER));
    let ack = sends(&mut bench, Method::Ack);
    assert_eq!(ack.uri_bytes(), b"sip:bob@192.0.2.9");
    goes_on(bench, id);
}

/// Contacts that are not exactly one SIP or SIPS URI (RFC 3261 8.1.1.8).
const UNUSABLE: [&str; 6] = [
    "*",
    "<tel:+15551234>",
    "<mailto:bob@example.com>",
    "<sip:bob@192.0.2.9>, <sip:bob@192.0.2.10>",
    "<https://example.com/bob>",
    "<tel:+15551234>, <sip:bob@192.0.2.9>",
];

/// RFC 3261 8.1.1.8: 400, as for a missing one, and the application hears nothing.
#[test]
fn fault_a16_an_invite_with_an_unusable_contact_gets_400() {
    let unusable = UNUSABLE.map(|contact| format!("Contact: {contact}\n"));
    let two = "Contact: <sip:bob@192.0.2.9>\nContact: <sip:bob@192.0.2.10>\n";
    for contact in unusable.iter().map(String::as_str).chain([two, ""]) {
        let mut bench = Bench::new(&alice());
        let user = bench.contact_user();
        bench.feed(&invite_with(&user, "<sip:alice@example.com>", 1, contact));
        assert_eq!(bench.next_response().status().as_u16(), 400, "{contact}");
        let told = |event: &Event| matches!(event, Event::IncomingCall { .. });
        assert!(!bench.events.iter().any(told), "{contact}");
    }
}

/// The same for a re-INVITE (RFC 3261 12.2.2); the call goes on with its target. Without a Contact there is nothing to refresh.
#[test]
fn fault_a16_a_reinvite_with_an_unusable_contact_gets_400() {
    for contact in UNUSABLE {
        let (mut bench, id, ok) = answered();
        let user = bench.contact_user();
        let to = value(&ok, HeaderName::To);
        bench.feed(&invite_with(
            &user,
            &to,
            8,
            &format!("Contact: {contact}\n"),
        ));
        assert_eq!(bench.next_response().status().as_u16(), 400, "{contact}");
        bench.hang_up(id);
        let bye = sends(&mut bench, Method::Bye);
        assert_eq!(bye.uri_bytes(), b"sip:bob@bob.invalid;transport=ws");
    }
    let (mut bench, id, ok) = answered();
    let user = bench.contact_user();
    let to = value(&ok, HeaderName::To);
    bench.feed(&invite_with(&user, &to, 8, ""));
    bench.describe(id, OFFER);
    assert_eq!(bench.next_response().status().as_u16(), 200);
}

/// RFC 3261 13.2.2.4: a 2xx whose Contact cannot be used is acknowledged and ended, where a SIP URI leads.
#[test]
fn fault_a16_a_2xx_with_an_unusable_contact_gets_ack_and_bye() {
    for contact in UNUSABLE.iter().copied().map(Some).chain([None]) {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        let headers = contact.map(|contact| ("Contact", contact));
        let headers = headers.as_slice();
        bench.reply_tagged(&invite, 200, "bob1", headers, Some(OFFER));
        let target = match contact {
            Some(several) if several.contains("bob@192.0.2.9") => "sip:bob@192.0.2.9",
            _ => "sip:bob@example.com",
        };
        let ack = sends(&mut bench, Method::Ack);
        let bye = sends(&mut bench, Method::Bye);
        assert_eq!([ack.uri_bytes(), bye.uri_bytes()], [target.as_bytes(); 2]);
        ok(&mut bench, &bye);
        assert_eq!(ended(&mut bench), (Originator::Peer, Cause::Malformed));
        nothing_left(bench);
    }
}

/// An unusable Contact in the 2xx to a re-INVITE refreshes nothing (RFC 3261 12.2.1.2).
#[test]
fn fault_a16_a_reinvite_answered_with_an_unusable_contact_keeps_the_target() {
    for contact in UNUSABLE {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let invite = sends(&mut bench, Method::Invite);
        bench.reply_tagged(&invite, 200, "bob1", &[("Contact", contact)], Some(OFFER));
        let ack = sends(&mut bench, Method::Ack);
        assert_eq!(ack.uri_bytes(), b"sip:bob@192.0.2.9", "{contact}");
        let outcome = bench.expect(|event| match event {
            Event::ExchangeEnded { outcome, .. } => Some(outcome.clone()),
            _ => None,
        });
        assert_eq!(outcome, ExchangeOutcome::Complete);
        goes_on(bench, id);
    }
}

/// Calls of peers that the application does not answer leave room for calls of this side. An OPTIONS says what an INVITE would get
/// (RFC 3261 11.2).
#[test]
fn fault_a18_unanswered_calls_of_peers_leave_room_for_ours() {
    let limits = sip_core::Limits::default();
    let mut bench = Bench::new(&alice());
    let user = bench.contact_user();
    let mut calls = Vec::new();
    for number in 0..200 {
        let contact = "Contact: <sip:bob@192.0.2.9>\n";
        let invite = invite_with(&user, "<sip:alice@example.com>", 1, contact);
        let invite = invite.replace("from-bob-1", &format!("from-bob-{number}"));
        bench.feed(&invite.replace("z9hG4bKcall", &format!("z9hG4bKn{number}n")));
        if number < limits.incoming_sessions {
            bench.silence();
            calls.push(bench.expect(|event| event.session()));
        } else {
            assert_eq!(bench.next_response().status().as_u16(), 486, "{number}");
        }
    }
    let (mine, invite) = bench.call();
    accept(&mut bench, &invite, "bob1");
    sends(&mut bench, Method::Ack);
    // The end of a call of a peer makes room for one, and the end of ours does not.
    bench.hang_up(mine);
    let bye = sends(&mut bench, Method::Bye);
    ok(&mut bench, &bye);
    let options = |bench: &mut Bench, branch: u32| {
        bench.feed(&format!(
            "OPTIONS sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKopt{branch}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>\n\
             Call-ID: options-{branch}\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n"
        ));
        bench.next_response().status().as_u16()
    };
    assert_eq!(options(&mut bench, 1), 486);
    bench.hang_up(calls[0]);
    assert_eq!(bench.next_response().status().as_u16(), 480);
    assert_eq!(options(&mut bench, 2), 200);
}

/// RFC 5057 5.1: a request within a call that the application never answers ends nothing but its transaction. Outside a call it gets
/// 480.
#[test]
fn fault_a12_a_request_that_is_never_answered_ends_no_call() {
    for method in ["INFO", "MESSAGE", "REFER"] {
        let mut config = alice();
        config.allow_out_of_dialog_refers(true);
        let mut bench = Bench::new(&config);
        let id = bench.invite_from_bob(1);
        let made = bench.answer(id, OFFER);
        bench.in_dialog("ACK", 7, "ack", &made, "");
        let refer_to = "Refer-To: <sip:carol@example.com>\n";
        bench.in_dialog(method, 8, "late", &made, refer_to);
        bench.expect(|event| {
            let asks = matches!(
                event,
                Event::IncomingRequest { .. } | Event::IncomingRefer { .. }
            );
            asks.then_some(())
        });
        bench.wait(11 * SECOND);
        let answers: Vec<_> = bench.sent.drain(..).collect();
        let answer = answers.last().and_then(|last| last.as_response());
        let status = answer.expect("a response").status();
        assert_eq!(
            FailureScope::of(status),
            FailureScope::Transaction,
            "{method}"
        );
        assert_eq!(status.as_u16(), 500, "{method}");
        goes_on(bench, id);
    }
    let mut bench = Bench::new(&alice());
    let user = bench.contact_user();
    bench.feed(&format!(
        "MESSAGE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKmessage\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: m\nCSeq: 1 MESSAGE\n\
         Content-Type: text/plain\nContent-Length: 2\n\nhi"
    ));
    bench.wait(11 * SECOND);
    let answer = bench.sent.pop_back().expect("a response");
    assert_eq!(answer.as_response().unwrap().status().as_u16(), 480);
}

/// RFC 3261 8.1.1.8: where the Request-URI or the top Route is a SIPS URI, Contact is one, in INVITE and in re-INVITE.
#[test]
fn fault_a14_a_request_to_sips_has_a_sips_contact() {
    for anonymous in [false, true] {
        let mut bench = Bench::over(&alice(), Transport::Wss);
        let mut options = sip_core::InviteOptions::new();
        options.anonymous = anonymous;
        let called = bench
            .agent
            .invite("sips:bob@example.com", options, bench.now);
        let id = called.expect("a call");
        bench.describe(id, OFFER);
        let invite = sends(&mut bench, Method::Invite);
        assert!(value(&invite, HeaderName::Contact).starts_with("<sips:"));
        let contact = [("Contact", "<sips:bob@192.0.2.9>")];
        bench.reply_tagged(&invite, 200, "bob1", &contact, Some(OFFER));
        sends(&mut bench, Method::Ack);
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let invite = sends(&mut bench, Method::Invite);
        assert_eq!(invite.uri_bytes(), b"sips:bob@192.0.2.9");
        assert!(value(&invite, HeaderName::Contact).starts_with("<sips:"));
    }
    // A loose and a strict router.
    for route in ["<sips:p.example.com;lr>", "<sips:p.example.com>"] {
        let mut bench = Bench::over(&alice(), Transport::Wss);
        let (id, invite) = bench.call();
        assert!(value(&invite, HeaderName::Contact).starts_with("<sip:"));
        let headers = [("Contact", BOB), ("Record-Route", route)];
        bench.reply_tagged(&invite, 200, "bob1", &headers, Some(OFFER));
        sends(&mut bench, Method::Ack);
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let invite = sends(&mut bench, Method::Invite);
        assert!(
            value(&invite, HeaderName::Contact).starts_with("<sips:"),
            "{route}"
        );
    }
}

/// RFC 3261 12.1.1: the same for the responses that make a dialog: by Request-URI, top Record-Route, or without one by Contact.
#[test]
fn fault_a14_a_response_to_sips_has_a_sips_contact() {
    let route = "Record-Route: <sips:p.example.com;lr>\n";
    let plain = "Record-Route: <sip:p.example.com;lr>\n";
    let (sip, sips) = (
        "Contact: <sip:bob@192.0.2.9>\n",
        "Contact: <sips:bob@192.0.2.9>\n",
    );
    for (scheme, headers, secure) in [
        ("sips", sips.to_owned(), true),
        ("sips", format!("{plain}{sip}"), true),
        ("sip", format!("{route}{sip}"), true),
        ("sip", sips.to_owned(), true),
        ("sip", format!("{plain}{sips}"), false),
        ("sip", sip.to_owned(), false),
    ] {
        let mut bench = Bench::over(&alice(), Transport::Wss);
        let user = bench.contact_user();
        let invite = invite_with(&user, "<sip:alice@example.com>", 1, &headers);
        bench.feed(&invite.replace("INVITE sip:", &format!("INVITE {scheme}:")));
        let id = bench.expect(|event| event.session());
        match bench.agent.session(id) {
            Ok(Session::Incoming(call)) => call.ring(bench.now),
            other => panic!("{other:?}"),
        }
        bench.pump();
        let ringing = bench.next_response();
        let made = bench.answer(id, OFFER);
        for response in [ringing, made] {
            let contact = value(&response, HeaderName::Contact);
            assert_eq!(contact.starts_with("<sips:"), secure, "{scheme} {headers}");
        }
    }
}

/// RFC 3261 13.3.1.4: the peer waits 64 T1 for the ACK; the application has less, whatever `offerTimeout` is, so that the ACK
/// arrives in time. The wait for a connection counts.
#[test]
fn fault_a19_the_answer_to_a_late_offer_has_a_deadline_before_the_peers() {
    for (timeout, deadline) in [(60, 28), (600, 28), (5, 5)] {
        for cut in [false, true] {
            let mut config = alice();
            config.offer_timeout(SECOND * timeout);
            let mut bench = Bench::new(&config);
            let late = sip_core::InviteOptions::new().late_offer();
            let id = bench.agent.invite("sip:bob@example.com", late, bench.now);
            let id = id.expect("a call");
            bench.pump();
            let invite = sends(&mut bench, Method::Invite);
            accept(&mut bench, &invite, "bob1");
            bench.wait(SECOND * (deadline - 1));
            bench.silence();
            if cut {
                bench.lose();
                bench.describe(id, OFFER);
                bench.wait(SECOND * 2);
                assert_eq!(
                    ended(&mut bench),
                    (Originator::Transport, Cause::ConnectionLost)
                );
                continue;
            }
            bench.wait(SECOND);
            sends(&mut bench, Method::Ack);
            let bye = sends(&mut bench, Method::Bye);
            ok(&mut bench, &bye);
            assert_eq!(
                ended(&mut bench),
                (Originator::Local, Cause::BadDescription)
            );
            nothing_left(bench);
        }
    }
}

/// RFC 3261 9.2: the 200 to a CANCEL has the To tag of the responses to its INVITE, also when the CANCEL comes after the final one.
#[test]
fn fault_a24_the_200_to_a_cancel_has_the_tag_of_the_invite() {
    for situation in ["refused", "answered", "up", "early"] {
        let mut bench = Bench::new(&alice());
        let id = bench.invite_from_bob(1);
        let final_response = match situation {
            "refused" => {
                bench.hang_up(id);
                Some(bench.next_response())
            }
            "early" => None,
            _ => Some(bench.answer(id, OFFER)),
        };
        if let ("up", Some(made)) = (situation, &final_response) {
            bench.in_dialog("ACK", 7, "ack", made, "");
        }
        let user = bench.contact_user();
        bench.feed(&format!(
            "CANCEL sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob1\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\nCall-ID: from-bob-1\n\
             CSeq: 7 CANCEL\nContent-Length: 0\n\n"
        ));
        let cancelled = bench.next_response();
        assert_eq!(cancelled.cseq().unwrap().method, Method::Cancel);
        assert_eq!(cancelled.status().as_u16(), 200);
        let of_invite = final_response.unwrap_or_else(|| bench.next_response());
        let tags = [&cancelled, &of_invite]
            .map(|response| response.to().unwrap().tag().map(<[u8]>::to_vec));
        assert!(tags[0].is_some() && tags[0] == tags[1], "{situation}");
    }
}

/// RFC 3261 13.2.1, 14.1 and 20.37: every INVITE says what this side supports and allows, repairs included.
#[test]
fn fault_a24_a_reinvite_has_supported_and_allow() {
    let mut bench = Bench::new(&alice());
    let (id, first) = bench.established_call();
    bench.reinvite(id);
    bench.describe(id, OFFER);
    let second = sends(&mut bench, Method::Invite);
    accept(&mut bench, &second, "bob1");
    sends(&mut bench, Method::Ack);
    bench.lose();
    bench.reconnect(Transport::Ws);
    bench.describe(id, OFFER);
    let repair = sends(&mut bench, Method::Invite);
    for name in [HeaderName::Supported, HeaderName::Allow] {
        // RFC 6228 section 4: 199 is about the early dialogs of the INVITE that makes the call.
        let expected = value(&first, name).replace(", 199", "");
        assert!(!expected.is_empty());
        assert_eq!(
            [value(&second, name), value(&repair, name)],
            [expected.as_str(); 2]
        );
    }
}
