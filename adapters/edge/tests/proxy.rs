//! The proxy on one path: RFC 3261 section 16, RFC 5626 section 5.3.

mod common;

use std::time::Duration;

use common::*;
use sip_core::ConnectionId;
use sip_edge::{CutReason, EdgeConfig, EdgeEvent, Faults};
use sip_testing::random;

const BOB: &str = "sip:bob@example.com";
const BOB_CONTACT: &str = "sip:b1@bob.invalid;transport=ws";

fn bench() -> (Bench, ConnectionId, ConnectionId) {
    bench_with(config())
}

fn bench_with(config: EdgeConfig) -> (Bench, ConnectionId, ConnectionId) {
    let mut bench = Bench::new(config);
    let bob = bench.registered("bob", BOB_CONTACT);
    let alice = bench.registered("alice", "sip:a1@alice.invalid;transport=ws");
    (bench, alice, bob)
}

/// The URIs between the brackets, in order, over all rows.
fn uris(rows: &[&str]) -> Vec<String> {
    let rows = rows.join(",");
    rows.split('<')
        .skip(1)
        .filter_map(|part| part.split_once('>').map(|(uri, _)| uri.to_owned()))
        .collect()
}

/// Calls bob and lets him answer; returns the INVITE that he got and the 200 that alice got.
fn call(bench: &mut Bench, alice: ConnectionId, bob: ConnectionId) -> (String, String) {
    bench.request(alice, "INVITE", BOB, "");
    bench.take_status(alice, 100);
    let invite = bench.take_request(bob, "INVITE");
    bench.send(
        bob,
        &answer(
            &invite,
            "200 OK",
            "b1",
            &format!("Contact: <{BOB_CONTACT}>"),
        ),
    );
    let ok = bench.take_status(alice, 200);
    (invite, ok)
}

/// RFC 3261 16.3: a proxy forwards what it does not need, malformed or not, and refuses what it needs and cannot read.
#[test]
fn fault_d1_a_proxy_needs_other_fields_than_a_user_agent() {
    for (line, forwarded) in [
        ("Contact: bob at home\n", true),
        ("Require: ][\n", true),
        ("Session-Expires: x\n", true),
        ("Record-Route: bob\n", true),
        ("Supported: replaces,\n", true),
        ("Route: bob at home\n", false),
        ("Proxy-Require: ][\n", false),
    ] {
        let (mut bench, alice, bob) = bench();
        if forwarded {
            bench.request(alice, "INVITE", BOB, line);
            bench.take_status(alice, 100);
            let invite = bench.take_request(bob, "INVITE");
            assert!(invite.contains(line.trim()), "{line}: {invite}");
        } else {
            let branch = bench.branch();
            bench.send(alice, &request_lines("INVITE", BOB, &branch, 1, line));
            let refused = bench.take_status(alice, 400);
            let (name, _) = line.split_once(':').unwrap();
            assert!(
                refused.starts_with(&format!("SIP/2.0 400 Malformed {name} ")),
                "{refused}"
            );
        }
    }
}

/// A request inside the call, from alice by her route set (RFC 3261 section 12.2.1.1).
fn from_alice(bench: &mut Bench, method: &str, number: u32, ok: &str) -> String {
    let mut routes = uris(&headers(ok, "Record-Route"));
    routes.reverse();
    let routes: String = routes
        .iter()
        .map(|uri| format!("Route: <{uri}>\n"))
        .collect();
    let branch = bench.branch();
    request_lines(method, BOB_CONTACT, &branch, number, &routes).replace(
        &format!("To: <{BOB_CONTACT}>"),
        &format!("To: {}", header(ok, "To")),
    )
}

/// A request inside the call, from bob.
fn from_bob(bench: &mut Bench, method: &str, invite: &str) -> String {
    let routes = uris(&headers(invite, "Record-Route"));
    let routes: String = routes
        .iter()
        .map(|uri| format!("Route: <{uri}>\n"))
        .collect();
    let branch = bench.branch();
    format!(
        "{method} sip:a1@alice.invalid;transport=ws SIP/2.0
         Via: SIP/2.0/WS bob.invalid;branch={branch}
         Max-Forwards: 70
         From: {};tag=b1
         To: {}
         Call-ID: call-1
         CSeq: 9 {method}
         {routes}",
        header(invite, "To"),
        header(invite, "From"),
    )
}

/// RFC 3261 section 16: every method passes within a call in both directions without credentials; only those that create
/// dialogs record the route (RFC 6665 section 4.3).
#[test]
fn rfc3261_16_each_method_passes_within_a_call() {
    let (mut bench, alice, bob) = bench();
    let (invite, ok) = call(&mut bench, alice, bob);
    let ack = from_alice(&mut bench, "ACK", 2, &ok);
    bench.send(alice, &ack);
    bench.take_request(bob, "ACK");
    for (number, (method, records)) in [
        ("REFER", true),
        ("NOTIFY", true),
        ("UPDATE", false),
        ("PRACK", false),
        ("INFO", false),
        ("MESSAGE", false),
        ("OPTIONS", false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut passed = Vec::new();
        let sent = from_alice(&mut bench, method, number as u32 + 3, &ok);
        bench.send(alice, &sent);
        let taken = bench.take_request(bob, method);
        bench.send(bob, &answer(&taken, "202 Accepted", "", ""));
        bench.take_status(alice, 202);
        passed.push(taken);
        let sent = from_bob(&mut bench, method, &invite);
        bench.send(bob, &sent.replace("CSeq: 9", &format!("CSeq: {number}")));
        let taken = bench.take_request(alice, method);
        bench.send(alice, &answer(&taken, "481 Call Does Not Exist", "", ""));
        bench.take_status(bob, 481);
        passed.push(taken);
        for request in passed {
            let recorded = !headers(&request, "Record-Route").is_empty();
            assert_eq!(recorded, records, "{request}");
            assert!(!request.contains("\r\nRoute: "), "{request}");
        }
    }
}

/// RFC 3891 section 4: the INVITE of an attended transfer goes to the Contact of one user agent, which the edge knows
/// because it is the registrar too. A Contact of no binding is another domain.
#[test]
fn rfc3891_4_a_request_to_a_contact_reaches_its_flow() {
    for (follows, uri, reaches) in [
        (true, BOB_CONTACT, true),
        (false, BOB_CONTACT, false),
        (true, "sip:b2@bob.invalid;transport=ws", false),
    ] {
        let (mut bench, alice, bob) = bench_with(EdgeConfig {
            follow_contacts: follows,
            ..config()
        });
        bench.request(alice, "INVITE", uri, "Replaces: 1;to-tag=2;from-tag=3");
        if reaches {
            let invite = bench.take_request(bob, "INVITE");
            assert!(invite.starts_with(&format!("INVITE {uri} ")), "{invite}");
            assert_eq!(header(&invite, "Replaces"), "1;to-tag=2;from-tag=3");
        } else {
            bench.take_status(alice, 404);
        }
    }
}

/// RFC 3261 section 16: one call, each message as the other side gets it.
#[test]
fn rfc3261_16_a_call_from_end_to_end() {
    let (mut bench, alice, bob) = bench();
    let sent = bench.request(alice, "INVITE", BOB, "Subject: tea\nX-Unknown: kept");
    let trying = bench.take_status(alice, 100);
    assert!(
        !header(&trying, "To").contains("tag="),
        "RFC 3261 8.2.6.2: no tag in a 100"
    );

    let invite = bench.take_request(bob, "INVITE");
    assert!(
        invite.starts_with("INVITE sip:b1@bob.invalid;transport=ws SIP/2.0\r\n"),
        "16.6 step 2: {invite}"
    );
    assert_eq!(header(&invite, "Max-Forwards"), "69", "16.6 step 3");
    let vias = headers(&invite, "Via");
    assert_eq!(vias.len(), 2, "16.6 step 8");
    assert!(
        vias[0].starts_with("SIP/2.0/WS 192.0.2.1:5080;branch=z9hG4bK"),
        "{invite}"
    );
    assert!(
        vias[1].contains(&sent.branch) && vias[1].contains("received=198.51.100.7"),
        "18.2.1: {invite}"
    );
    assert_eq!(
        headers(&invite, "Proxy-Authorization"),
        [""; 0],
        "22.3: consumed"
    );
    assert_eq!(
        (header(&invite, "Subject"), header(&invite, "X-Unknown")),
        ("tea", "kept"),
        "16.6: the rest stays"
    );
    let recorded = uris(&headers(&invite, "Record-Route"));
    assert_eq!(recorded.len(), 2, "a value for each side: {invite}");
    for uri in &recorded {
        assert!(
            uri.starts_with("sip:") && uri.ends_with("@192.0.2.1:5080;transport=ws;lr"),
            "16.6 step 4: {uri}"
        );
    }

    bench.send(bob, &answer(&invite, "180 Ringing", "b1", ""));
    let ringing = bench.take_status(alice, 180);
    assert_eq!(headers(&ringing, "Via").len(), 1, "16.7 step 3");
    assert_eq!(
        headers(&ringing, "Record-Route"),
        headers(&invite, "Record-Route")
    );
    bench.send(
        bob,
        &answer(
            &invite,
            "200 OK",
            "b1",
            &format!("Contact: <{BOB_CONTACT}>"),
        ),
    );
    let ok = bench.take_status(alice, 200);
    assert!(header(&ok, "Via").contains(&sent.branch));

    // No credentials in the dialog, and alice's requests find bob by the route set alone.
    let ack = from_alice(&mut bench, "ACK", 2, &ok);
    bench.send(alice, &ack);
    let ack = bench.take_request(bob, "ACK");
    assert!(
        ack.starts_with("ACK sip:b1@bob.invalid;transport=ws SIP/2.0\r\n"),
        "{ack}"
    );
    assert_eq!(
        headers(&ack, "Route"),
        [""; 0],
        "16.4: our values are taken off"
    );
    assert_eq!(
        (header(&ack, "Max-Forwards"), headers(&ack, "Via").len()),
        ("69", 2)
    );

    let info = from_alice(&mut bench, "INFO", 3, &ok);
    bench.send(alice, &info);
    let info = bench.take_request(bob, "INFO");
    bench.send(bob, &answer(&info, "200 OK", "", ""));
    bench.take_status(alice, 200);

    let bye = from_bob(&mut bench, "BYE", &invite);
    bench.send(bob, &bye);
    let bye = bench.take_request(alice, "BYE");
    assert!(
        bye.starts_with("BYE sip:a1@alice.invalid;transport=ws SIP/2.0\r\n"),
        "{bye}"
    );
    assert_eq!(headers(&bye, "Route"), [""; 0]);
    assert_eq!(
        bench.edge.counters().calls_ended,
        0,
        "not before the answer"
    );
    bench.send(alice, &answer(&bye, "200 OK", "", ""));
    bench.take_status(bob, 200);
    bench.quiet();

    let counters = bench.edge.counters();
    assert_eq!(
        (
            counters.calls_answered,
            counters.calls_ended,
            counters.messages_delivered
        ),
        (1, 1, 0)
    );
    let answered = EdgeEvent::CallAnswered {
        call: 1,
        after: Duration::ZERO,
        from: "sip:alice@example.com".into(),
        to: BOB.into(),
    };
    assert!(bench.events.contains(&answered), "{:?}", bench.events);
    bench.pass(Duration::from_secs(40));
    assert!(
        bench.edge.is_idle(),
        "after quiet time every table is empty"
    );
}

/// RFC 3428: a MESSAGE goes through without leaving a route.
#[test]
fn rfc3428_message_is_delivered_and_counted() {
    let (mut bench, alice, bob) = bench();
    bench.request(alice, "MESSAGE", BOB, "");
    let message = bench.take_request(bob, "MESSAGE");
    assert_eq!(
        headers(&message, "Record-Route"),
        [""; 0],
        "no dialog, no route"
    );
    bench.send(bob, &answer(&message, "200 OK", "b1", ""));
    bench.take_status(alice, 200);
    assert_eq!(bench.edge.counters().messages_delivered, 1);
    bench.quiet();
}

/// RFC 3261 section 16.7 step 5 with RFC 6026: a repeated 2xx and one of a second fork inside the
/// callee both go on.
#[test]
fn rfc3261_16_7_5_every_2xx_is_forwarded() {
    let (mut bench, alice, bob) = bench();
    let (invite, _) = call(&mut bench, alice, bob);
    for tag in ["b1", "b2"] {
        bench.send(
            bob,
            &answer(&invite, "200 OK", tag, &format!("Contact: <{BOB_CONTACT}>")),
        );
        assert!(header(&bench.take_status(alice, 200), "To").contains(tag));
    }
    assert_eq!(
        bench.edge.counters().calls_answered,
        1,
        "one call, not three"
    );
}

/// RFC 3261 section 14 and 16.6 step 4: a re-INVITE is recorded like the first one, needs no
/// credentials, and is no second call.
#[test]
fn rfc3261_16_6_4_a_re_invite_stays_on_the_path() {
    let (mut bench, alice, bob) = bench();
    let (_, ok) = call(&mut bench, alice, bob);
    let again = from_alice(&mut bench, "INVITE", 3, &ok);
    bench.send(alice, &again);
    bench.take_status(alice, 100);
    let invite = bench.take_request(bob, "INVITE");
    assert_eq!(
        headers(&invite, "Record-Route"),
        headers(&ok, "Record-Route"),
        "both flows are the same"
    );
    bench.send(
        bob,
        &answer(&invite, "200 OK", "", &format!("Contact: <{BOB_CONTACT}>")),
    );
    bench.take_status(alice, 200);
    assert_eq!(bench.edge.counters().calls_answered, 1);
}

/// RFC 3261 section 22.3: a route alone is no dialog; without a To tag there is a challenge.
#[test]
fn rfc3261_22_3_a_flow_token_does_not_replace_credentials() {
    let (mut bench, alice, bob) = bench();
    let (_, ok) = call(&mut bench, alice, bob);
    let lines = from_alice(&mut bench, "MESSAGE", 3, &ok);
    let tag = header(&ok, "To").split(";tag=").nth(1).unwrap();
    bench.send(alice, &lines.replace(&format!(";tag={tag}"), ""));
    bench.take_status(alice, 407);
    bench.quiet();
}

/// RFC 3261 section 16.3: each refusal and its status.
#[test]
fn rfc3261_16_3_requests_that_go_nowhere() {
    let (mut bench, alice, bob) = bench();
    bench.close(bob);
    let refused = |bench: &mut Bench, lines: String| {
        bench.send(alice, &lines);
        status(&bench.take(alice))
    };
    let lines = |bench: &mut Bench, method: &str, uri: &str, more: &str| {
        let branch = bench.branch();
        request_lines(method, uri, &branch, 1, more)
    };
    let zero = lines(&mut bench, "MESSAGE", BOB, "").replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(refused(&mut bench, zero), 483, "16.3 step 3");
    let tel = lines(&mut bench, "MESSAGE", "tel:+358-555-1234567", "");
    assert_eq!(refused(&mut bench, tel), 416, "16.3 step 2");
    let required = lines(&mut bench, "MESSAGE", BOB, "Proxy-Require: teleport");
    bench.send(alice, &required);
    let answer = bench.take_status(alice, 420);
    assert_eq!(header(&answer, "Unsupported"), "teleport", "16.3 step 5");
    let authentication_info_failures = lines(&mut bench, "MESSAGE", BOB, "");
    assert_eq!(
        refused(&mut bench, authentication_info_failures),
        407,
        "16.3 step 6"
    );
    for (uri, expected, why) in [
        (BOB, 480, "a user who is not there"),
        ("sip:carol@example.com", 404, "a user who does not exist"),
        ("sip:bob@example.org", 404, "another domain"),
        ("sip:example.com", 404, "nobody"),
    ] {
        if uri == "sip:example.com" {
            let lines = lines(&mut bench, "MESSAGE", uri, "");
            assert_eq!(refused(&mut bench, lines), expected, "{why}");
        } else {
            bench.request(alice, "MESSAGE", uri, "");
            bench.take_status(alice, expected);
        }
    }
    bench.quiet();
    assert_eq!(bench.edge.counters().messages_delivered, 0);
}

/// RFC 3261 section 11.2: OPTIONS to the edge itself.
#[test]
fn rfc3261_11_2_options_to_the_edge() {
    let (mut bench, alice, _) = bench();
    let branch = bench.branch();
    bench.send(
        alice,
        &request_lines("OPTIONS", "sip:192.0.2.1:5080", &branch, 1, ""),
    );
    let answer = bench.take_status(alice, 200);
    assert!(header(&answer, "Allow").contains("REGISTER"));
}

/// RFC 3261 section 22.3: the user in From must be the one that authenticates, a wrong password is challenged
/// again, and strangers that do not claim to be ours may call.
#[test]
fn rfc3261_22_3_from_and_credentials_must_agree() {
    let (mut bench, alice, bob) = bench();
    let branch = bench.branch();
    bench.send(alice, &request_lines("MESSAGE", BOB, &branch, 1, ""));
    let challenge = bench.take_status(alice, 407);
    for (user, password, expected) in [
        ("bob", "builder", 403),
        ("alice", "builder", 407),
        ("carol", "x", 407),
    ] {
        let credentials = credentials(&challenge, user, password, "MESSAGE", BOB, 1);
        let branch = bench.branch();
        let more = format!("Proxy-Authorization: {credentials}");
        bench.send(alice, &request_lines("MESSAGE", BOB, &branch, 2, &more));
        bench.take_status(alice, expected);
    }
    bench.quiet();
    let branch = bench.branch();
    let stranger = request_lines("MESSAGE", BOB, &branch, 1, "")
        .replace("alice@example.com", "alice@example.org");
    bench.send(alice, &stranger);
    bench.take_request(bob, "MESSAGE");
}

/// RFC 3261 section 22.3: credentials for another proxy stay in the copy, ours do not.
#[test]
fn rfc3261_22_3_credentials_for_others_are_passed_on() {
    let (mut bench, alice, bob) = bench();
    let other = "Digest username=\"a\", realm=\"other.example\", nonce=\"n\", uri=\"sip:x\", response=\"\
                 00000000000000000000000000000000\"";
    bench.request(
        alice,
        "MESSAGE",
        BOB,
        &format!("Proxy-Authorization: {other}"),
    );
    let message = bench.take_request(bob, "MESSAGE");
    assert!(header(&message, "Proxy-Authorization").contains("other.example"));
}

/// RFC 5626 section 7: the same Contact is back on another flow. An edge that does not follow it answers
/// 430 (section 5.3.1).
#[test]
fn rfc5626_7_a_dialog_follows_its_contact_to_another_flow() {
    for follow_contacts in [true, false] {
        let mut config = config();
        config.follow_contacts = follow_contacts;
        let (mut bench, alice, bob) = bench_with(config);
        let (_, ok) = call(&mut bench, alice, bob);
        bench.close(bob);
        let back = bench.registered("bob", BOB_CONTACT);
        let info = from_alice(&mut bench, "INFO", 3, &ok);
        bench.send(alice, &info);
        if follow_contacts {
            bench.take_request(back, "INFO");
            bench.close(back);
        }
        bench.take_status(alice, 430);
        let info = from_alice(&mut bench, "INFO", 4, &ok);
        bench.send(alice, &info);
        bench.take_status(alice, 430);
    }
}

/// RFC 5626 section 5.3.1: a flow that is gone is 430, a token that we never wrote 403.
#[test]
fn rfc5626_5_3_1_lost_flow_is_430_and_forged_token_403() {
    let (mut bench, alice, bob) = bench();
    let (_, ok) = call(&mut bench, alice, bob);
    let info = from_alice(&mut bench, "INFO", 3, &ok);
    let forged = from_alice(&mut bench, "INFO", 4, &ok);
    let own = uris(&headers(&ok, "Record-Route"))[0].clone();
    let token = own
        .trim_start_matches("sip:")
        .split('@')
        .next()
        .unwrap()
        .to_owned();
    let forged = forged.replace(&token, &token.replace(&token[20..], "0123456789abcdef"));
    bench.close(bob);
    bench.send(alice, &info);
    bench.take_status(alice, 430);
    // A To tag alone is no proof of a dialog: without a valid token there is a challenge first.
    bench.send(alice, &forged);
    bench.take_status(alice, 407);
    let branch = bench.branch();
    let forged = forged
        .replace("alice@example.com", "alice@example.org")
        .replace("z9hG4bK", &branch);
    bench.send(alice, &forged);
    bench.take_status(alice, 403);
    let ack = from_alice(&mut bench, "ACK", 2, &ok);
    bench.send(alice, &ack);
    bench.quiet();
    assert!(bench.edge.counters().dropped > 0, "nobody answers an ACK");
}

/// RFC 3261 section 16.4: a preloaded route to the edge is removed and has no other effect; one to another
/// server cannot be reached.
#[test]
fn rfc3261_16_4_preloaded_routes() {
    let (mut bench, alice, bob) = bench();
    bench.request(
        alice,
        "MESSAGE",
        BOB,
        "Route: <sip:192.0.2.1:5080;lr;transport=ws>",
    );
    let message = bench.take_request(bob, "MESSAGE");
    assert_eq!(headers(&message, "Route"), [""; 0]);
    let (mut bench, alice, _) = bench_with(config());
    bench.request(
        alice,
        "MESSAGE",
        BOB,
        "Route: <sip:192.0.2.1;lr>, <sip:proxy.example.org;lr>",
    );
    bench.take_status(alice, 404);
    bench.quiet();
}

/// RFC 3261 section 16.4: a strict router's rewriting is undone.
#[test]
fn rfc3261_16_4_strict_routing_is_undone() {
    let (mut bench, alice, bob) = bench();
    let (_, ok) = call(&mut bench, alice, bob);
    let mut routes = uris(&headers(&ok, "Record-Route"));
    routes.reverse();
    let branch = bench.branch();
    // As a strict router sends it: the first route in the Request-URI, the target last.
    let more = format!("Route: <{}>\nRoute: <{BOB_CONTACT}>", routes[1]);
    let info = request_lines("INFO", &routes[0], &branch, 3, &more).replace(
        &format!("To: <{}>", routes[0]),
        &format!("To: {}", header(&ok, "To")),
    );
    bench.send(alice, &info);
    let info = bench.take_request(bob, "INFO");
    assert!(
        info.starts_with(&format!("INFO {BOB_CONTACT} SIP/2.0\r\n")),
        "{info}"
    );
    assert_eq!(headers(&info, "Route"), [""; 0]);
}

/// RFC 3261 section 16.6 step 3: a request without Max-Forwards gets one.
#[test]
fn rfc3261_16_6_3_max_forwards_is_added() {
    let (mut bench, alice, bob) = bench();
    let branch = bench.branch();
    let lines = request_lines("MESSAGE", BOB, &branch, 1, "").replace("Max-Forwards: 70\n", "");
    let lines = lines.replace("alice@example.com", "alice@example.org");
    bench.send(alice, &lines);
    assert_eq!(
        header(&bench.take_request(bob, "MESSAGE"), "Max-Forwards"),
        "70"
    );
}

/// RFC 3261 section 16.6 step 4: a SIPS Request-URI is recorded as SIPS.
#[test]
fn rfc3261_16_6_4_sips_is_recorded_as_sips() {
    let mut bench = Bench::new(config());
    let bob = bench.registered("bob", "sips:b1@bob.invalid;transport=ws");
    let alice = bench.connect();
    bench.request(alice, "INVITE", "sips:bob@example.com", "");
    let invite = bench.take_request(bob, "INVITE");
    assert!(
        uris(&headers(&invite, "Record-Route"))
            .iter()
            .all(|uri| uri.starts_with("sips:")),
        "{invite}"
    );
}

/// Fault drop-bye: a BYE vanishes, everything else goes on.
#[test]
fn fault_drop_bye_swallows_bye_alone() {
    let faults = Faults {
        drop_bye: true,
        ..Faults::default()
    };
    let (mut bench, alice, bob) = bench_with(EdgeConfig { faults, ..config() });
    let (_, ok) = call(&mut bench, alice, bob);
    let bye = from_alice(&mut bench, "BYE", 3, &ok);
    bench.send(alice, &bye);
    bench.pass(Duration::from_secs(60));
    bench.quiet();
    let counters = bench.edge.counters();
    assert_eq!(
        (
            counters.calls_answered,
            counters.calls_ended,
            counters.dropped
        ),
        (1, 0, 1)
    );
    let info = from_alice(&mut bench, "INFO", 4, &ok);
    bench.send(alice, &info);
    bench.take_request(bob, "INFO");
}

/// Fault kill-ws: the answering side is cut once its 200 went through, bindings and all.
#[test]
fn fault_kill_ws_cuts_the_callee_after_its_answer() {
    let faults = Faults {
        kill_ws_after_answer: true,
        ..Faults::default()
    };
    let (mut bench, alice, bob) = bench_with(EdgeConfig { faults, ..config() });
    call(&mut bench, alice, bob);
    assert_eq!(bench.cuts, [(bob, CutReason::Fault)]);
    assert_eq!(
        (bench.edge.bindings("bob"), bench.edge.bindings("alice")),
        (0, 1)
    );
}

/// A user can be cut off by name.
#[test]
fn cut_closes_all_connections_of_a_user() {
    let (mut bench, alice, bob) = bench();
    let second = bench.registered("bob", "sip:b2@bob.invalid");
    assert_eq!(bench.edge.cut("bob", bench.now), 2);
    assert_eq!(bench.edge.cut("bob", bench.now), 0);
    bench.send_raw(alice, "\r\n\r\n");
    assert_eq!(
        bench.take(alice),
        "\r\n",
        "RFC 5626 4.4.1, and alice is still there"
    );
    let mut cut: Vec<_> = bench
        .cuts
        .iter()
        .map(|&(connection, _)| connection)
        .collect();
    cut.sort_unstable();
    assert_eq!(cut, [bob, second]);
}

/// RFC 3261 section 8.2.1 and bad input: garbage is counted, a malformed request gets 400, and the connection
/// stays open.
#[test]
fn malformed_messages_cost_nothing_but_themselves() {
    let (mut bench, alice, bob) = bench();
    let before = bench.edge.counters().malformed;
    bench.send_raw(alice, &b"\xff\xfe garbage"[..]);
    bench.send_raw(alice, &b"\r\n\r\n\r\nINVITE\r\n"[..]);
    bench.quiet();
    let branch = bench.branch();
    let bad = request_lines("MESSAGE", BOB, &branch, 1, "")
        .replace("CSeq: 1 MESSAGE", "CSeq: one MESSAGE");
    bench.send(alice, &bad);
    bench.take_status(alice, 400);
    assert_eq!(bench.edge.counters().malformed - before, 3);
    bench.request(alice, "MESSAGE", BOB, "");
    bench.take_request(bob, "MESSAGE");
}

/// At the limit of its action queue the edge refuses input and changes nothing.
#[test]
fn actions_that_nobody_polls_are_limited() {
    let mut config = config();
    config.limits.actions = 2;
    let mut bench = Bench::new(config);
    let alice = bench.connect();
    let ping = || bytes::Bytes::from_static(b"\r\n\r\n");
    for _ in 0..2 {
        assert!(bench.edge.receive(alice, ping(), bench.now).is_ok());
    }
    assert_eq!(
        bench.edge.receive(alice, ping(), bench.now),
        Err(sip_edge::Backpressure)
    );
    assert_eq!(bench.edge.counters().received, 2);
    assert!(bench.edge.poll_action().is_some());
    assert!(bench.edge.receive(alice, ping(), bench.now).is_ok());
}

/// The edge refuses an inconsistent configuration with a reason.
#[test]
fn configurations_that_make_no_sense_are_refused() {
    let refused = |change: &dyn Fn(&mut EdgeConfig)| {
        let mut config = config();
        change(&mut config);
        let rng = random(1);
        sip_edge::Edge::new(config, rng)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert_eq!(refused(&|_| {}), "");
    assert!(refused(&|config| config.realm = "a\r\nb".into()).contains("no realm or domain"));
    assert!(
        refused(&|config| config.users.push(("bob".into(), "x".into())))
            .contains("two users \"bob\"")
    );
    assert!(
        refused(&|config| config.users.push((String::new(), "x".into()))).contains("needs a name")
    );
    assert!(refused(&|config| config.max_expires = Duration::from_secs(1)).contains("min_expires"));
    assert!(refused(&|config| config.limits.actions = 0).contains("limit"));
    assert!(refused(&|config| config.algorithms.clear()).contains("algorithm"));
    assert!(
        !format!("{:?}", config()).contains("wonderland"),
        "no password in a log"
    );
}
