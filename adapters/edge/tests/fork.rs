//! The proxy on several paths, and paths that end early: RFC 3261 sections 16.7 to 16.10.

mod common;

use std::time::Duration;

use common::*;
use sip_core::ConnectionId;

const BOB: &str = "sip:bob@example.com";
const SECOND: Duration = Duration::from_secs(1);

/// Alice, and bob on two devices.
fn bench() -> (Bench, ConnectionId, ConnectionId, ConnectionId) {
    let mut bench = Bench::new(config());
    let desk = bench.registered("bob", "sip:b1@desk.invalid");
    let phone = bench.registered("bob", "sip:b2@phone.invalid");
    let alice = bench.connect();
    (bench, alice, desk, phone)
}

/// Calls bob; returns the INVITEs that his devices got.
fn ring(
    bench: &mut Bench,
    alice: ConnectionId,
    desk: ConnectionId,
    phone: ConnectionId,
) -> (Sent, String, String) {
    let sent = bench.request(alice, "INVITE", BOB, "");
    bench.take_status(alice, 100);
    let (first, second) = (
        bench.take_request(desk, "INVITE"),
        bench.take_request(phone, "INVITE"),
    );
    for (device, invite, tag) in [(desk, &first, "d"), (phone, &second, "p")] {
        bench.send(device, &answer(invite, "180 Ringing", tag, ""));
        bench.take_status(alice, 180);
    }
    (sent, first, second)
}

fn branch_of(message: &str) -> &str {
    headers(message, "Via")[0]
        .split("branch=")
        .nth(1)
        .unwrap()
        .split(';')
        .next()
        .unwrap()
}

fn number_of(message: &str) -> &str {
    header(message, "CSeq").split(' ').next().unwrap()
}

/// After quiet time nothing is left of anything.
fn all_quiet(bench: &mut Bench) {
    bench.pass(70 * SECOND);
    bench.quiet();
    assert!(bench.edge.is_idle());
}

/// The CANCEL of a CANCELled caller, with the branch of its INVITE.
fn cancel_lines(sent: &Sent, more: &str) -> String {
    format!(
        "CANCEL {BOB} SIP/2.0
         Via: SIP/2.0/WS alice.invalid;branch={}
         Max-Forwards: 70
         From: \"Alice\" <sip:alice@example.com>;tag=a1
         To: <{BOB}>
         Call-ID: call-1
         CSeq: {} CANCEL
         {more}",
        sent.branch, sent.number
    )
}

/// RFC 3261 sections 16.6 and 16.7 step 10: all bindings ring at once, the first 2xx wins, the
/// others are cancelled and their 487 goes no further.
#[test]
fn rfc3261_16_7_10_the_first_2xx_cancels_the_others() {
    let (mut bench, alice, desk, phone) = bench();
    let (_, first, second) = ring(&mut bench, alice, desk, phone);
    assert!(first.starts_with("INVITE sip:b1@desk.invalid SIP/2.0\r\n"));
    assert!(second.starts_with("INVITE sip:b2@phone.invalid SIP/2.0\r\n"));
    assert_ne!(
        branch_of(&first),
        branch_of(&second),
        "16.6 step 8: a branch for each copy"
    );

    bench.send(
        phone,
        &answer(&second, "200 OK", "p", "Contact: <sip:b2@phone.invalid>"),
    );
    bench.take_status(alice, 200);
    let cancel = bench.take_request(desk, "CANCEL");
    assert!(
        cancel.starts_with("CANCEL sip:b1@desk.invalid SIP/2.0\r\n"),
        "{cancel}"
    );
    assert_eq!(
        (branch_of(&cancel), number_of(&cancel)),
        (branch_of(&first), number_of(&first)),
        "9.1"
    );
    assert!(header(&cancel, "Reason").contains("cause=200"), "RFC 3326");
    bench.quiet();

    bench.send(desk, &answer(&cancel, "200 OK", "d", ""));
    bench.send(desk, &answer(&first, "487 Request Terminated", "d", ""));
    let ack = bench.take_request(desk, "ACK");
    assert_eq!(branch_of(&ack), branch_of(&first), "17.1.1.3");
    assert_eq!(bench.edge.counters().calls_answered, 1);
    all_quiet(&mut bench);
}

/// RFC 3261 section 16.7 step 5: when both answer before the CANCEL arrives, both 2xx go on.
#[test]
fn rfc3261_16_7_5_a_2xx_that_crosses_the_cancel_is_forwarded() {
    let (mut bench, alice, desk, phone) = bench();
    let (_, first, second) = ring(&mut bench, alice, desk, phone);
    bench.send(
        phone,
        &answer(&second, "200 OK", "p", "Contact: <sip:b2@phone.invalid>"),
    );
    bench.take_status(alice, 200);
    bench.take_request(desk, "CANCEL");
    bench.send(
        desk,
        &answer(&first, "200 OK", "d", "Contact: <sip:b1@desk.invalid>"),
    );
    assert!(header(&bench.take_status(alice, 200), "To").ends_with(";tag=d"));
    assert_eq!(bench.edge.counters().calls_answered, 1);
}

/// RFC 3261 section 16.7 steps 5 and 6: failures wait for each other, and the best one goes on.
#[test]
fn rfc3261_16_7_6_the_best_failure_goes_on_when_all_have_failed() {
    for (one, other, best) in [
        ("486 Busy Here", "404 Not Found", 486),
        ("503 Down", "480 Away", 480),
        ("500 Oops", "302 Moved", 302),
    ] {
        let (mut bench, alice, desk, phone) = bench();
        let (_, first, second) = ring(&mut bench, alice, desk, phone);
        bench.send(desk, &answer(&first, one, "d", ""));
        bench.take_request(desk, "ACK");
        bench.quiet();
        bench.send(phone, &answer(&second, other, "p", ""));
        bench.take_request(phone, "ACK");
        let failure = bench.take_status(alice, best);
        assert_eq!(headers(&failure, "Via").len(), 1);
        bench.send(alice, &ack_lines(BOB, branch_of(&failure), 2, &failure));
        assert_eq!(bench.edge.counters().calls_answered, 0);
        all_quiet(&mut bench);
    }
}

/// RFC 3261 section 16.7 step 6: a lone 503 becomes a 500, because the edge is not down.
#[test]
fn rfc3261_16_7_6_a_503_is_not_passed_on() {
    let (mut bench, alice, desk, phone) = bench();
    bench.close(phone);
    bench.request(alice, "MESSAGE", BOB, "");
    let message = bench.take_request(desk, "MESSAGE");
    bench.send(
        desk,
        &answer(
            &message,
            "503 Service Unavailable",
            "d",
            "Retry-After: 3600",
        ),
    );
    let failure = bench.take_status(alice, 500);
    assert_eq!(headers(&failure, "Retry-After"), [""; 0]);
}

/// RFC 3261 section 16.7 step 7: a challenge that goes on carries all others along.
#[test]
fn rfc3261_16_7_7_challenges_are_collected() {
    let (mut bench, alice, desk, phone) = bench();
    let (_, first, second) = ring(&mut bench, alice, desk, phone);
    bench.send(
        desk,
        &answer(
            &first,
            "401 Unauthorized",
            "d",
            "WWW-Authenticate: Digest realm=\"desk\", nonce=\"1\"",
        ),
    );
    bench.send(
        phone,
        &answer(
            &second,
            "407 Proxy Authentication Required",
            "p",
            "Proxy-Authenticate: Digest realm=\"phone\", nonce=\"2\"",
        ),
    );
    let failure = bench.take_status(alice, 401);
    assert!(header(&failure, "WWW-Authenticate").contains("desk"));
    assert!(header(&failure, "Proxy-Authenticate").contains("phone"));
}

/// RFC 3261 section 16.7 step 5: a 6xx ends the search, but is sent only when all branches are done.
#[test]
fn rfc3261_16_7_5_a_6xx_cancels_the_others() {
    let (mut bench, alice, desk, phone) = bench();
    let (_, first, second) = ring(&mut bench, alice, desk, phone);
    bench.send(desk, &answer(&first, "603 Decline", "d", ""));
    bench.take_request(desk, "ACK");
    let cancel = bench.take_request(phone, "CANCEL");
    bench.quiet();
    bench.send(phone, &answer(&cancel, "200 OK", "p", ""));
    bench.send(phone, &answer(&second, "487 Request Terminated", "p", ""));
    bench.take_status(alice, 603);
}

/// RFC 3261 section 16.10: a CANCEL is answered at once, goes to every branch, and the INVITE ends
/// with 487.
#[test]
fn rfc3261_16_10_cancel_reaches_every_branch() {
    let (mut bench, alice, desk, phone) = bench();
    let (sent, first, second) = ring(&mut bench, alice, desk, phone);
    bench.send(alice, &cancel_lines(&sent, "Reason: SIP;cause=600"));
    assert!(header(&bench.take_status(alice, 200), "CSeq").ends_with("CANCEL"));
    let cancels = [
        bench.take_request(desk, "CANCEL"),
        bench.take_request(phone, "CANCEL"),
    ];
    bench.quiet();
    for ((device, invite, tag), cancel) in [(desk, &first, "d"), (phone, &second, "p")]
        .into_iter()
        .zip(cancels)
    {
        assert_eq!(
            header(&cancel, "Reason"),
            "SIP;cause=600",
            "RFC 3326 section 2"
        );
        bench.send(device, &answer(&cancel, "200 OK", tag, ""));
        bench.quiet();
        bench.send(device, &answer(invite, "487 Request Terminated", tag, ""));
        bench.take_request(device, "ACK");
    }
    let terminated = bench.take_status(alice, 487);
    assert!(header(&terminated, "CSeq").ends_with("INVITE"));
    bench.send(alice, &ack_lines(BOB, &sent.branch, 2, &terminated));
    all_quiet(&mut bench);
}

/// RFC 3261 section 9.1: before a provisional response no CANCEL is sent, after the first one it is.
#[test]
fn rfc3261_9_1_cancel_waits_for_a_provisional_response() {
    let (mut bench, alice, desk, phone) = bench();
    bench.close(phone);
    let sent = bench.request(alice, "INVITE", BOB, "");
    bench.take_status(alice, 100);
    let invite = bench.take_request(desk, "INVITE");
    bench.send(alice, &cancel_lines(&sent, ""));
    bench.take_status(alice, 200);
    bench.quiet();
    bench.send(desk, &answer(&invite, "100 Trying", "", ""));
    bench.take_request(desk, "CANCEL");
    bench.quiet();
}

/// RFC 3261 section 9.2: a CANCEL that finds nothing is 481.
#[test]
fn rfc3261_9_2_cancel_of_nothing_is_481() {
    let (mut bench, alice, ..) = bench();
    let sent = Sent {
        branch: "z9hG4bKnothing".into(),
        number: 1,
        lines: String::new(),
    };
    bench.send(alice, &cancel_lines(&sent, ""));
    bench.take_status(alice, 481);
}

/// RFC 3261 section 16.7 step 4 and 17.1.1.2: without a response the INVITE is 408 after timer B; RFC 4320
/// section 4.2: a non-INVITE gets no late 408.
#[test]
fn rfc3261_16_7_silence_is_408_but_not_for_non_invite() {
    let (mut bench, alice, desk, phone) = bench();
    bench.close(phone);
    bench.request(alice, "INVITE", BOB, "");
    bench.take_status(alice, 100);
    bench.take_request(desk, "INVITE");
    bench.pass(31 * SECOND);
    bench.quiet();
    bench.pass(2 * SECOND);
    let timeout = bench.take_status(alice, 408);
    bench.send(alice, &ack_lines(BOB, branch_of(&timeout), 2, &timeout));

    bench.request(alice, "MESSAGE", BOB, "");
    bench.take_request(desk, "MESSAGE");
    bench.pass(40 * SECOND);
    bench.take_status(alice, 100);
    all_quiet(&mut bench);
}

/// RFC 3261 sections 16.7 step 2 and 16.8: timer C is longer than three minutes, starts over with
/// each 1xx but 100, and cancels the branch.
#[test]
fn rfc3261_16_8_timer_c_cancels_what_rings_for_ever() {
    let (mut bench, alice, desk, phone) = bench();
    bench.close(phone);
    bench.request(alice, "INVITE", BOB, "");
    bench.take_status(alice, 100);
    let invite = bench.take_request(desk, "INVITE");
    bench.send(desk, &answer(&invite, "180 Ringing", "d", ""));
    bench.take_status(alice, 180);
    bench.pass(170 * SECOND);
    bench.send(desk, &answer(&invite, "180 Ringing", "d", ""));
    bench.take_status(alice, 180);
    bench.pass(100 * SECOND);
    bench.send(desk, &answer(&invite, "100 Trying", "", ""));
    bench.pass(80 * SECOND);
    bench.quiet();
    bench.pass(2 * SECOND);
    let cancel = bench.take_request(desk, "CANCEL");
    bench.send(desk, &answer(&cancel, "200 OK", "d", ""));
    bench.quiet();
    // Without a response to the CANCEL either, the caller gets its answer.
    bench.pass(33 * SECOND);
    let timeout = bench.take_status(alice, 408);
    bench.send(alice, &ack_lines(BOB, branch_of(&timeout), 2, &timeout));
    all_quiet(&mut bench);
}

/// RFC 3261 section 16.9: a callee whose connection drops is not there any more, the other one rings on.
#[test]
fn rfc3261_16_9_a_lost_callee_ends_its_branch_alone() {
    let (mut bench, alice, desk, phone) = bench();
    ring(&mut bench, alice, desk, phone);
    bench.close(desk);
    bench.quiet();
    bench.close(phone);
    bench.take_status(alice, 480);
    assert_eq!(bench.edge.bindings("bob"), 0);
}

/// RFC 7118 section 5: a caller whose connection drops cannot be answered; the callees stop ringing.
#[test]
fn rfc7118_5_a_lost_caller_cancels_its_call() {
    let (mut bench, alice, desk, phone) = bench();
    let (_, first, second) = ring(&mut bench, alice, desk, phone);
    bench.close(alice);
    for (device, invite, tag) in [(desk, &first, "d"), (phone, &second, "p")] {
        let cancel = bench.take_request(device, "CANCEL");
        bench.send(device, &answer(&cancel, "200 OK", tag, ""));
        bench.send(device, &answer(invite, "487 Request Terminated", tag, ""));
        bench.take_request(device, "ACK");
    }
    all_quiet(&mut bench);
}

/// RFC 5626 section 7: of one instance only the latest flow is tried, and the other when it is lost
/// or answers 430; any other answer is the instance's answer.
#[test]
fn rfc5626_7_the_next_flow_of_an_instance_takes_over() {
    let setup = || {
        let mut bench = Bench::new(config());
        let flow = |bench: &mut Bench, number: u32| {
            let connection = bench.connect();
            let lines = format!(
                "Supported: outbound\nContact: <sip:b@bob.invalid>;reg-id={number};+sip.instance=\"<urn:uuid:1>\""
            );
            assert_eq!(status(&bench.register(connection, "bob", 1, &lines)), 200);
            connection
        };
        let (old, new) = (flow(&mut bench, 1), flow(&mut bench, 2));
        let alice = bench.connect();
        bench.request(alice, "MESSAGE", BOB, "");
        let message = bench.take_request(new, "MESSAGE");
        bench.quiet();
        (bench, alice, old, new, message)
    };
    let (mut bench, alice, old, new, _) = setup();
    bench.close(new);
    let message = bench.take_request(old, "MESSAGE");
    bench.send(old, &answer(&message, "200 OK", "b", ""));
    bench.take_status(alice, 200);

    let (mut bench, alice, old, new, message) = setup();
    bench.send(new, &answer(&message, "430 Flow Failed", "b", ""));
    bench.take_request(old, "MESSAGE");
    bench.close(old);
    bench.take_status(alice, 480);

    let (mut bench, alice, _, new, message) = setup();
    bench.send(
        new,
        &answer(&message, "480 Temporarily Unavailable", "b", ""),
    );
    bench.take_status(alice, 480);
    bench.quiet();
}

/// Requests under way are limited: one more is 503, and place is made again.
#[test]
fn forwarded_requests_are_limited() {
    let mut config = config();
    config.limits.forwarded_requests = 1;
    let mut bench = Bench::new(config);
    let bob = bench.registered("bob", "sip:b1@desk.invalid");
    let alice = bench.connect();
    bench.request(alice, "MESSAGE", BOB, "");
    let message = bench.take_request(bob, "MESSAGE");
    let stranger = |bench: &mut Bench| {
        let branch = bench.branch();
        let lines = request_lines("MESSAGE", BOB, &branch, 1, "")
            .replace("alice@example.com", "a@example.org");
        bench.send(alice, &lines);
    };
    stranger(&mut bench);
    bench.take_status(alice, 503);
    bench.send(bob, &answer(&message, "200 OK", "b", ""));
    bench.take_status(alice, 200);
    stranger(&mut bench);
    bench.take_request(bob, "MESSAGE");
}

/// RFC 6026 section 7.3: a response that matches nothing goes nowhere.
#[test]
fn rfc6026_7_3_stray_responses_are_dropped() {
    let (mut bench, alice, desk, phone) = bench();
    let (_, first, second) = ring(&mut bench, alice, desk, phone);
    bench.send(
        desk,
        &answer(&first, "200 OK", "d", "Contact: <sip:b1@desk.invalid>"),
    );
    bench.take_status(alice, 200);
    let cancel = bench.take_request(phone, "CANCEL");
    bench.send(phone, &answer(&cancel, "200 OK", "p", ""));
    bench.send(phone, &answer(&second, "487 Request Terminated", "p", ""));
    bench.take_request(phone, "ACK");
    bench.pass(70 * SECOND);
    let dropped = bench.edge.counters().dropped;
    bench.send(
        desk,
        &answer(&first, "200 OK", "d", "Contact: <sip:b1@desk.invalid>"),
    );
    let forged = answer(&first, "200 OK", "d", "").replace("branch=z9hG4bK", "branch=z9hG4bKx");
    bench.send(desk, &forged);
    bench.quiet();
    assert_eq!(bench.edge.counters().dropped - dropped, 2);
}
