//! Hostile peers: forks that interfere, floods, replays, and responses that match nothing.

use std::time::Duration;

use sip_core::auth::Secret;
use sip_core::{
    Action, Body, Cause, Change, Event, InviteOptions, Limits, Session, Timestamp, Transport,
    UserAgent,
};
use sip_parse::{Bytes, HeaderName, Limits as MessageLimits, Message, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, random, response, value};

/// A request of a fork's leg, in the early dialog that its 180 made.
fn of_leg(bench: &mut Bench, method: &str, leg: &str, invite: &Request) {
    let tag = String::from_utf8(invite.from().unwrap().tag().unwrap().to_vec()).unwrap();
    let user = bench.contact_user();
    let call_id = value(invite, HeaderName::CallId);
    bench.feed(&format!(
        "{method} sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS {leg}.invalid;branch=z9hG4bK{leg}{method}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag={leg}\nTo: <sip:alice@example.com>;tag={tag}\n\
         Call-ID: {call_id}\nCSeq: 5 {method}\nContact: <sip:{leg}@192.0.2.66>\nContent-Length: 0\n\n"
    ));
}

/// A leg that lost the fork must not end, renegotiate or redirect the call of the one that won.
#[test]
fn rfc3261_12_3_a_losing_leg_does_not_own_the_call() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply_tagged(
        &invite,
        180,
        "evil",
        &[("Contact", "<sip:evil@192.0.2.66>")],
        None,
    );
    bench.reply_tagged(
        &invite,
        200,
        "good",
        &[("Contact", "<sip:good@192.0.2.9>")],
        Some(OFFER),
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.events.clear();
    for method in ["BYE", "INVITE", "INFO", "MESSAGE"] {
        of_leg(&mut bench, method, "evil", &invite);
        assert_eq!(bench.next_response().status().as_u16(), 481, "{method}");
        bench.no_events();
    }
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
    bench.hang_up(id);
    assert_eq!(bench.next_request().uri_bytes(), b"sip:good@192.0.2.9");
}

/// Repeated 2xx with new tags cost a bounded number of ACKs and BYEs, and displace no other request.
#[test]
fn forged_2xx_cannot_grow_the_tables() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.established_call();
    for leg in 0..200 {
        let tag = format!("leg{leg}");
        bench.reply_tagged(
            &invite,
            200,
            &tag,
            &[("Contact", "<sip:x@192.0.2.8>")],
            Some(OFFER),
        );
    }
    let limits = Limits::default();
    assert!(bench.agent.table_sizes().client_transactions <= limits.forks + 2);
    assert!(
        bench
            .agent
            .message("bob", Body::new("text/plain", "x"), bench.now)
            .is_ok()
    );
}

/// Legs that only ring cannot keep out the one that answers.
#[test]
fn ringing_legs_cannot_veto_the_answer() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    for leg in 0..40 {
        let tag = format!("leg{leg}");
        bench.reply_tagged(
            &invite,
            180,
            &tag,
            &[("Contact", "<sip:x@192.0.2.8>")],
            None,
        );
    }
    bench.reply_tagged(
        &invite,
        200,
        "good",
        &[("Contact", "<sip:good@192.0.2.9>")],
        Some(OFFER),
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.silence();
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
}

/// RFC 3261 12.2.1.1: an early dialog that the INVITE with credentials confirms counts on from that INVITE.
#[test]
fn rfc3261_12_2_1_1_cseq_counts_on_from_the_last_invite() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply_tagged(
        &invite,
        183,
        "t",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        None,
    );
    bench.reply_tagged(
        &invite,
        401,
        "t",
        &[("WWW-Authenticate", r#"Digest realm="r", nonce="n""#)],
        None,
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    let again = bench.next_request();
    bench.reply_tagged(
        &again,
        200,
        "t",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.hang_up(id);
    assert_eq!(
        bench.next_request().cseq().unwrap().number,
        again.cseq().unwrap().number + 1
    );
}

/// RFC 3261 7.3.1: the agent answers a request with folded header fields like any other.
#[test]
fn rfc3261_7_3_1_folds_cost_nothing() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    let via = value(&invite, HeaderName::Via);
    bench.feed(&format!(
        "SIP/2.0 486 Busy Here\nVia: {via}\nFrom: {}\nTo: <sip:bob@example.com>\n ;tag=folded\nCall-ID: {}\n\
         CSeq: {} INVITE\nContent-Length: 0\n\n",
        value(&invite, HeaderName::From),
        value(&invite, HeaderName::CallId),
        invite.cseq().unwrap().number
    ));
    assert_eq!(
        bench.next_request().to().unwrap().tag(),
        Some(&b"folded"[..]),
        "the ACK"
    );

    let mut bench = Bench::new(&alice());
    let user = bench.contact_user();
    bench.feed(&format!(
        "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKfold\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: fold\nCSeq: 1 INVITE\n\
         Contact: <sip:bob@bob.invalid>\nRecord-Route: <sip:p1.example.com;lr>,\n <sip:p2.example.com;lr>\n\
         Content-Length: 0\n\n"
    ));
    let id = bench.expect(|event| match event {
        Event::IncomingCall { session, .. } => Some(*session),
        _ => None,
    });
    bench.accept(id);
    bench.describe(id, OFFER);
    let ok = bench.next_response();
    assert_eq!(ok.status().as_u16(), 200);
    assert_eq!(ok.record_routes().count(), 2);
}

/// A full table of server transactions still accepts BYE and CANCEL.
#[test]
fn tx_cap_bye_and_cancel_find_room() {
    let mut bench = Bench::new(&alice());
    let ringing = bench.invite_from_bob(1);
    let (_, invite) = bench.established_call();
    let limit = Limits::default().server_transactions;
    for number in 0..limit + 10 {
        bench.feed(&format!(
            "INVITE sip:mallory@x.invalid SIP/2.0\nVia: SIP/2.0/WS m.invalid;branch=z9hG4bKm{number}\n\
             Max-Forwards: 70\nFrom: <sip:m@example.com>;tag=m\nTo: <sip:x@example.com>\nCall-ID: m{number}\n\
             CSeq: 1 INVITE\nContact: <sip:m@m.invalid>\nContent-Length: 0\n\n"
        ));
    }
    assert_eq!(
        bench
            .sent
            .pop_back()
            .unwrap()
            .into_response()
            .unwrap()
            .status()
            .as_u16(),
        503
    );
    bench.sent.clear();
    bench.events.clear();
    of_leg(&mut bench, "BYE", "bob1", &invite);
    assert_eq!(bench.next_response().status().as_u16(), 200);
    let user = bench.contact_user();
    bench.feed(&format!(
        "CANCEL sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob1\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\nCall-ID: from-bob-1\n\
         CSeq: 7 CANCEL\nContent-Length: 0\n\n"
    ));
    assert_eq!(bench.next_response().status().as_u16(), 200);
    assert!(bench.agent.session(ringing).is_err());
}

/// RFC 3261 17.1.1.3: the ACK of an earlier INVITE is not that of the re-INVITE under way.
#[test]
fn rfc3261_13_3_1_4_an_old_ack_acknowledges_nothing_new() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    bench.accept(id);
    bench.describe(id, OFFER);
    let ok = bench.next_response();
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.in_dialog("INVITE", 8, "re", &ok, "Contact: <sip:bob@bob.invalid>\n");
    bench.describe(id, OFFER);
    assert_eq!(bench.next_response().cseq().unwrap().number, 8);
    bench.in_dialog("ACK", 7, "ack2", &ok, "");
    bench.silence();
    bench.wait(SECOND);
    assert_eq!(
        bench.next_response().cseq().unwrap().number,
        8,
        "the 2xx is still repeated"
    );
}

/// A second register() while a retry is pending must not make the host spin.
#[test]
fn register_while_a_retry_is_pending_does_not_spin() {
    let mut bench = Bench::new(alice().register(true));
    let first = bench.next_request();
    bench.reply(&first, 503, &[]);
    bench.agent.register(bench.now).unwrap();
    bench.pump();
    assert_eq!(bench.next_request().method(), Method::Register);
    for _ in 0..50 {
        let Some(next) = bench.agent.next_tick() else {
            break;
        };
        bench.now = bench.now.max(next);
        bench.agent.tick(bench.now).unwrap();
        bench.pump();
        assert!(
            bench.agent.next_tick().is_none_or(|next| next > bench.now),
            "still due"
        );
    }
}

/// RFC 5057, RFC 3261 12.2.1.2: a peer that does not know the dialog ends the call.
#[test]
fn rfc3261_12_2_1_2_a_forgotten_dialog_ends_the_call() {
    for outcome in [Some(481), Some(408), None] {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        match bench.agent.session(id) {
            Ok(Session::Established(call)) => {
                call.info(&Body::new("text/plain", "x"), bench.now).unwrap()
            }
            _ => panic!("not up"),
        };
        bench.pump();
        let info = bench.next_request();
        match outcome {
            Some(status) => bench.reply(&info, status, &[]),
            None => bench.wait(33 * SECOND),
        }
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        bench.reply(&bye, 481, &[]);
        let cause = bench.expect(|event| match event {
            Event::Ended { reason, .. } => Some(reason.cause),
            _ => None,
        });
        assert_eq!(cause, Cause::DialogGone);
    }
}

/// Every wait ends: for an offer that the application never makes, and for a peer that stays silent.
#[test]
fn every_wait_of_a_caller_ends() {
    let mut bench = Bench::new(&alice());
    bench
        .agent
        .invite("bob", InviteOptions::new().late_offer(), bench.now)
        .unwrap();
    bench.pump();
    let invite = bench.next_request();
    bench.reply_tagged(
        &invite,
        200,
        "peer",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    bench.wait(61 * SECOND);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(bench.next_request().method(), Method::Bye);

    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply(&invite, 100, &[]);
    bench.wait(Duration::from_secs(299));
    bench.silence();
    bench.reply(&invite, 180, &[]);
    bench.wait(Duration::from_secs(299));
    bench.silence();
    bench.wait(2 * SECOND);
    assert_eq!(bench.next_request().method(), Method::Cancel);
    bench.wait(33 * SECOND);
    assert!(bench.agent.session(id).is_err());
}

/// stop() ends the calls and requests that wait for the application before it closes the connection.
#[test]
fn stop_sends_before_it_disconnects() {
    let mut bench = Bench::new(&alice());
    let user = bench.contact_user();
    bench.feed(&format!(
        "MESSAGE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKm\nMax-Forwards: 70\n\
         From: <sip:b@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: m\nCSeq: 1 MESSAGE\n\
         Content-Length: 0\n\n"
    ));
    bench.agent.stop(None, bench.now);
    let mut order = Vec::new();
    while let Some(action) = bench.agent.poll_action() {
        match action {
            Action::Transmit { .. } => order.push("transmit"),
            Action::Disconnect { .. } => order.push("disconnect"),
            _ => {}
        }
    }
    assert_eq!(order, ["transmit", "disconnect"]);
}

/// `stop` during an attempt to connect reports no time-out.
#[test]
fn stop_while_connecting_is_no_failure() {
    let mut bench = Bench::new(&alice());
    bench.lose();
    bench.wait(SECOND);
    bench.connect_asked();
    bench.events.clear();
    bench.agent.stop(None, bench.now);
    bench.pump();
    assert!(matches!(bench.event(), Event::Stopped { unfinished: 0 }));
    bench.no_events();
}

/// The agent refuses to send a message that it could not parse.
#[test]
fn a_message_above_our_own_limits_is_not_sent() {
    let mut bench = Bench::new(&alice());
    let long = "x".repeat(MessageLimits::default().message + 1);
    assert!(
        bench
            .agent
            .message("bob", Body::new("text/plain", long), bench.now)
            .is_err()
    );
    bench.pump();
    bench.silence();
    bench.assert_nothing_left();
}

/// A trace shows no credentials of a second message in the same bytes, and no Authentication-Info.
#[test]
fn trace_hides_what_stands_behind_a_message() {
    let mut bench = Bench::over(alice().trace_sip(true), Transport::Tcp);
    let one = "OPTIONS sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/TCP b.invalid;branch=z9hG4bK1\r\n\
               Max-Forwards: 70\r\nFrom: <sip:b@example.com>;tag=b\r\nTo: <sip:alice@example.com>\r\n\
               Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nAuthorization: Digest response=\"secret1\"\r\n\
               Authentication-Info: rspauth=\"secret2\"\r\nContent-Length: 0\r\n\r\n";
    bench.feed_bytes(format!("{one}{}", one.replace("Call-ID: 1", "Call-ID: 2")).into_bytes());
    let shown: String = bench
        .others
        .iter()
        .filter_map(|action| match action {
            Action::Trace(trace) => Some(trace.to_string()),
            _ => None,
        })
        .collect();
    assert!(shown.contains("Call-ID: 1"));
    assert!(!shown.contains("secret"), "{shown}");
}

/// A tick fires a due timer even when the action queue is full, and the agent takes responses.
#[test]
fn time_outs_and_responses_pass_a_full_queue() {
    let mut limits = Limits::default();
    limits.actions = 4;
    let config = alice().build().unwrap();
    let now = Timestamp::ZERO;
    let mut agent =
        UserAgent::with_limits(config, limits, Default::default(), random(1), now).unwrap();
    let connection = loop {
        if let Some(Action::Connect { connection, .. }) = agent.poll_action() {
            break connection;
        }
    };
    let info = sip_core::ConnectionInfo {
        transport: Transport::Ws,
        remote: None,
    };
    agent.connection_opened(connection, info, now);
    while agent.poll_action().is_some() {}
    agent.options("bob", now).unwrap();
    let sent = match agent.poll_action() {
        Some(Action::Transmit { bytes, .. }) => bytes,
        other => panic!("{other:?}"),
    };
    while agent
        .receive(connection, Bytes::from_static(b"\r\n\r\n"), now)
        .is_ok()
    {}
    let request = Message::parse(sent, &MessageLimits::default())
        .unwrap()
        .into_request()
        .unwrap();
    let ok = response(&request, 200, "t", &[], None);
    agent.receive(connection, ok, now).unwrap();
    assert_eq!(agent.table_sizes().requests, 0);
    let due = agent.next_tick().expect("keep-alive");
    agent.tick(due).unwrap();
    assert!(agent.next_tick().is_none_or(|next| next > due));
}

/// New credentials restart a refused registration, but not one that the application does not want.
#[test]
fn a_new_secret_registers_nobody_who_does_not_want_it() {
    let refuse = |bench: &mut Bench| {
        for nonce in ["one", "two"] {
            let request = bench.next_request();
            let challenge = format!(r#"Digest realm="r", nonce="{nonce}", qop="auth""#);
            bench.reply(&request, 401, &[("WWW-Authenticate", &challenge)]);
        }
    };
    let secret = || Change::Secret(Some(Secret::password("new")));
    // A query of an agent that does not register.
    let mut bench = Bench::new(&alice());
    bench.agent.query_bindings(bench.now).unwrap();
    bench.pump();
    refuse(&mut bench);
    bench.agent.reconfigure(secret(), bench.now).unwrap();
    bench.pump();
    bench.silence();
    // A REGISTER that was given up before its refusal came.
    let mut bench = Bench::new(alice().register(true));
    bench.agent.unregister(bench.now).unwrap();
    refuse(&mut bench);
    bench.agent.reconfigure(secret(), bench.now).unwrap();
    bench.pump();
    bench.silence();
}

/// A change of the configuration does not interrupt a stop.
#[test]
fn a_change_during_a_stop_does_not_register_again() {
    let mut bench = Bench::new(alice().register(true));
    let first = bench.next_request();
    let contact = value(&first, HeaderName::Contact);
    bench.reply(&first, 200, &[("Contact", &contact)]);
    bench.agent.stop(None, bench.now);
    bench.pump();
    let goodbye = bench.next_request();
    bench
        .agent
        .reconfigure(Change::Register(true), bench.now)
        .unwrap();
    bench.reply(&goodbye, 200, &[]);
    bench.silence();
    assert!(
        bench
            .events
            .iter()
            .any(|event| matches!(event, Event::Stopped { unfinished: 0 }))
    );
}

/// RFC 5626 4.4.1: the agent sends nothing on a connection that it has given up, not even in the same tick.
#[test]
fn nothing_is_sent_after_a_disconnect() {
    let mut bench = Bench::new(alice().keep_alive_interval(10 * SECOND));
    bench.answers_pings = false;
    let user = bench.contact_user();
    let start = bench.now;
    // The answer of the application is due at the moment at which the flow is dead.
    let dead = loop {
        let next = bench.agent.next_tick().expect("keep-alive");
        bench.wait(next.saturating_since(bench.now));
        if bench
            .others
            .iter()
            .any(|action| matches!(action, Action::Ping { .. }))
        {
            break bench.now + 10 * SECOND;
        }
        assert!(bench.now.saturating_since(start) < 20 * SECOND);
    };
    bench.feed(&format!(
        "MESSAGE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKm\nMax-Forwards: 70\n\
         From: <sip:b@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: m\nCSeq: 1 MESSAGE\n\
         Content-Length: 0\n\n"
    ));
    bench.agent.tick(dead).unwrap();
    let mut gone = false;
    while let Some(action) = bench.agent.poll_action() {
        match action {
            Action::Disconnect { .. } => gone = true,
            Action::Transmit { bytes, .. } => assert!(!gone, "{bytes:?} after the end"),
            _ => {}
        }
    }
    assert!(gone);
}
