//! Calls that the agent makes, against a scripted peer.

use std::time::Duration;

use sip_core::connection::DisconnectReason;
use sip_core::{
    Body, Cause, CommandError, DescriptionKind, Event, InviteOptions, Originator, Session,
    Transport,
};
use sip_parse::{HeaderName, Method};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

fn ended(bench: &mut Bench) -> (Originator, Cause, Option<u16>) {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((
            reason.originator,
            reason.cause,
            reason.status.map(|status| status.as_u16()),
        )),
        _ => None,
    })
}

/// RFC 3261 8.1.1 and 13.2.1: the content of an INVITE.
#[test]
fn rfc3261_13_2_1_invite_has_the_form_that_the_rfc_asks_for() {
    let mut bench = Bench::new(alice().display_name("Alice \"A\" L"));
    let (_, invite) = bench.call();
    assert_eq!(invite.uri_bytes(), b"sip:bob@example.com");
    assert_eq!(
        value(&invite, HeaderName::To),
        "<sip:bob@example.com>",
        "8.1.1.2: no tag"
    );
    let from = invite.from().unwrap();
    assert_eq!(from.display().unwrap().as_ref(), b"Alice \"A\" L");
    assert!(
        from.tag().unwrap().len() >= 8,
        "19.3: at least 32 random bits"
    );
    assert_eq!(invite.max_forwards().unwrap(), Some(70));
    assert_eq!(invite.contacts().count(), 1, "8.1.1.8");
    assert!(invite.header(HeaderName::Allow).is_some());
    assert!(invite.header(HeaderName::Supported).is_some());
    assert_eq!(invite.body(), OFFER.as_bytes());
    let via = invite.top_via().unwrap();
    assert_eq!(via.transport(), b"WS", "RFC 7118 5.2.1");
    assert!(via.host_bytes().ends_with(b".invalid"), "RFC 7118 B.1");
    assert!(via.branch().unwrap().starts_with(b"z9hG4bK"), "8.1.1.7");
}

/// RFC 3261 13.2.2.4: the 2xx makes the dialog and is acknowledged on it; a repeat gets the same ACK.
#[test]
fn rfc3261_13_2_2_4_a_2xx_is_acknowledged_on_its_dialog() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply(&invite, 180, &[("Contact", "<sip:bob@192.0.2.9>")]);
    let answer = [
        ("Contact", "<sip:bob@192.0.2.9:5062>"),
        (
            "Record-Route",
            "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>",
        ),
    ];
    bench.reply_tagged(&invite, 200, "peer", &answer, Some(OFFER));
    let ack = bench.next_request();
    assert_eq!(ack.method(), Method::Ack);
    assert_eq!(
        ack.uri_bytes(),
        b"sip:bob@192.0.2.9:5062",
        "the remote target"
    );
    assert_eq!(
        values(&ack, HeaderName::Route),
        ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"],
        "12.1.2: the record route, reversed"
    );
    assert_eq!(ack.cseq().unwrap().number, invite.cseq().unwrap().number);
    assert_eq!(ack.to().unwrap().tag(), Some(&b"peer"[..]));
    assert_ne!(
        ack.top_via().unwrap().branch(),
        invite.top_via().unwrap().branch()
    );
    let described = bench.remote_description();
    assert_eq!(
        (described.0, &described.1[..]),
        (DescriptionKind::Answer, OFFER.as_bytes())
    );
    bench.renegotiated(id);
    assert!(matches!(bench.event(), Event::Established { session } if session == id));

    bench.reply_tagged(&invite, 200, "peer", &answer, Some(OFFER));
    let again = bench.next_request();
    assert_eq!(again.bytes(), ack.bytes(), "the same ACK");
    bench.no_events();
}

/// RFC 3261 13.2.2.4: a second fork's 2xx is acknowledged and ended by BYE on its own dialog; the first
/// call goes on.
#[test]
fn rfc3261_13_2_2_4_another_forks_2xx_is_acknowledged_and_ended() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.established_call();
    bench.reply_tagged(
        &invite,
        200,
        "carol",
        &[("Contact", "<sip:carol@192.0.2.8>")],
        Some(OFFER),
    );
    let (ack, bye) = (bench.next_request(), bench.next_request());
    assert_eq!((ack.method(), bye.method()), (Method::Ack, Method::Bye));
    for request in [&ack, &bye] {
        assert_eq!(request.uri_bytes(), b"sip:carol@192.0.2.8");
        assert_eq!(request.to().unwrap().tag(), Some(&b"carol"[..]));
    }
    bench.no_events();
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
}

/// The same after the end of the first call: the agent must end the late leg.
#[test]
fn rfc3261_13_2_2_4_a_2xx_after_the_end_is_ended_too() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.established_call();
    bench.hang_up(id);
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    bench.reply_tagged(
        &invite,
        200,
        "carol",
        &[("Contact", "<sip:carol@192.0.2.8>")],
        Some(OFFER),
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(bench.next_request().method(), Method::Bye);
}

/// RFC 3261 9.1: CANCEL waits for a provisional response; its form is that of the INVITE.
#[test]
fn rfc3261_9_1_cancel_waits_for_a_provisional_response() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.hang_up(id);
    bench.silence();
    bench.reply(&invite, 100, &[]);
    let cancel = bench.next_request();
    assert_eq!(cancel.method(), Method::Cancel);
    assert_eq!(cancel.uri_bytes(), invite.uri_bytes());
    assert_eq!(
        cancel.top_via().unwrap().branch(),
        invite.top_via().unwrap().branch()
    );
    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
        assert_eq!(value(&cancel, name), value(&invite, name));
    }
    assert_eq!(cancel.cseq().unwrap().number, invite.cseq().unwrap().number);
    assert!(!cancel.has(HeaderName::Require));
    bench.reply(&cancel, 200, &[]);
    bench.reply(&invite, 487, &[]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(
        ended(&mut bench),
        (Originator::Local, Cause::Cancelled, Some(487))
    );
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 3261 9.1: hanging up twice sends one CANCEL, and none after a final response.
#[test]
fn rfc3261_9_1_one_cancel_and_none_after_a_final_response() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply(&invite, 180, &[]);
    for _ in 0..2 {
        bench.hang_up(id);
    }
    assert_eq!(bench.next_request().method(), Method::Cancel);
    bench.silence();

    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.hang_up(id);
    bench.reply(&invite, 486, &[]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.silence();
}

/// RFC 3261 9.1 and 15, RFC 5407 3.1.2: a 2xx that crosses the CANCEL is acknowledged and ended by BYE.
#[test]
fn rfc3261_9_1_a_2xx_that_crosses_the_cancel_is_ended_by_bye() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply(&invite, 180, &[]);
    bench.hang_up(id);
    let cancel = bench.next_request();
    bench.reply_tagged(
        &invite,
        200,
        "peer",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&cancel, 200, &[]);
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(&mut bench).1, Cause::Cancelled);
    assert!(
        !bench
            .events
            .iter()
            .any(|event| matches!(event, Event::Established { .. }))
    );
}

/// RFC 3261 9.1: no final response within 64 T1 of the CANCEL ends the call anyway.
#[test]
fn rfc3261_9_1_a_cancelled_call_ends_even_without_a_final_response() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply(&invite, 180, &[]);
    bench.wait(100 * SECOND);
    bench.hang_up(id);
    bench.wait(Duration::from_secs(31));
    assert!(bench.agent.session(id).is_ok());
    bench.wait(2 * SECOND);
    assert_eq!(ended(&mut bench).1, Cause::Cancelled);
    bench.assert_nothing_left();
}

/// RFC 3261 17.1.1.3: the ACK to a non-2xx goes out by itself, on the INVITE's branch, and the call ends.
#[test]
fn rfc3261_17_1_1_3_a_refusal_is_acknowledged_on_the_same_branch() {
    for status in [302_u16, 404, 486, 503, 603] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        bench.reply(&invite, status, &[("Contact", "<sip:elsewhere@192.0.2.4>")]);
        let ack = bench.next_request();
        assert_eq!(ack.method(), Method::Ack);
        assert_eq!(
            ack.uri_bytes(),
            invite.uri_bytes(),
            "not the Contact of the response"
        );
        assert_eq!(
            ack.top_via().unwrap().branch(),
            invite.top_via().unwrap().branch()
        );
        assert_eq!(ack.to().unwrap().tag(), Some(&b"peer"[..]));
        assert_eq!(
            ended(&mut bench),
            (Originator::Peer, Cause::Refused, Some(status))
        );
        bench.assert_nothing_left();
    }
}

/// RFC 3261 22.1 and 22.2: a challenged INVITE is sent again; the ACK to its 2xx carries the same
/// credentials, and 401 and 407 in one chain are both answered.
#[test]
fn rfc3261_22_1_the_ack_repeats_the_credentials_of_its_invite() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    bench.reply(
        &invite,
        407,
        &[(
            "Proxy-Authenticate",
            r#"Digest realm="proxy", nonce="p", qop="auth""#,
        )],
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    let second = bench.next_request();
    assert_eq!(second.call_id().unwrap(), invite.call_id().unwrap());
    assert_eq!(second.from().unwrap().tag(), invite.from().unwrap().tag());
    assert_eq!(
        second.cseq().unwrap().number,
        invite.cseq().unwrap().number + 1
    );
    assert_eq!(second.body(), OFFER.as_bytes());
    bench.reply(
        &second,
        401,
        &[(
            "WWW-Authenticate",
            r#"Digest realm="uas", nonce="u", qop="auth""#,
        )],
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    let third = bench.next_request();
    assert!(third.has(HeaderName::Authorization) && third.has(HeaderName::ProxyAuthorization));
    bench.reply_tagged(
        &third,
        200,
        "peer",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    let ack = bench.next_request();
    assert_eq!(
        value(&ack, HeaderName::Authorization),
        value(&third, HeaderName::Authorization)
    );
    assert_eq!(
        value(&ack, HeaderName::ProxyAuthorization),
        value(&third, HeaderName::ProxyAuthorization)
    );
}

/// RFC 3261 13.2.1: without an offer in the INVITE the 2xx brings it and the ACK carries the answer.
#[test]
fn rfc3261_13_2_1_a_late_offer_is_answered_in_the_ack() {
    let mut bench = Bench::new(&alice());
    let id = bench
        .agent
        .invite("bob", InviteOptions::new().late_offer(), bench.now)
        .unwrap();
    bench.pump();
    let invite = bench.next_request();
    assert!(invite.body().is_empty());
    bench.reply_tagged(
        &invite,
        200,
        "peer",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    bench.silence();
    assert_eq!(bench.remote_description().0, DescriptionKind::Offer);
    assert_eq!(bench.description_needed().kind, DescriptionKind::Answer);
    bench.events.clear();
    bench.reply_tagged(
        &invite,
        200,
        "peer",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    bench.silence();
    bench.describe(id, "v=0 answer");
    let ack = bench.next_request();
    assert_eq!(
        (ack.method(), ack.body()),
        (Method::Ack, &b"v=0 answer"[..])
    );
    bench.renegotiated(id);
    assert!(matches!(bench.event(), Event::Established { .. }));
}

/// RFC 3261 13.2.2.4: a 2xx without an answer, or without Contact, is acknowledged and ended by BYE.
#[test]
fn rfc3261_13_2_2_4_an_unusable_2xx_is_acknowledged_and_ended() {
    for (headers, body, cause) in [
        (
            &[("Contact", "<sip:bob@192.0.2.9>")][..],
            None,
            Cause::BadDescription,
        ),
        (&[][..], Some(OFFER), Cause::Malformed),
    ] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        bench.reply_tagged(&invite, 200, "peer", headers, body);
        assert_eq!(bench.next_request().method(), Method::Ack);
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        bench.reply(&bye, 200, &[]);
        assert_eq!(ended(&mut bench).1, cause);
        assert_eq!(bench.agent.table_sizes().sessions, 0);
    }
}

/// RFC 3261 15.1.1: BYE goes out on the dialog with the next CSeq; any outcome ends the call.
#[test]
fn rfc3261_15_1_1_any_outcome_of_bye_ends_the_call() {
    for outcome in [Some(200), Some(481), Some(503), None] {
        let mut bench = Bench::new(&alice());
        let (id, invite) = bench.established_call();
        bench.hang_up(id);
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        assert_eq!(
            bye.cseq().unwrap().number,
            invite.cseq().unwrap().number + 1,
            "12.2.1.1"
        );
        match outcome {
            Some(status) => bench.reply(&bye, status, &[]),
            None => bench.wait(33 * SECOND),
        }
        assert_eq!(
            ended(&mut bench),
            (Originator::Local, Cause::Requested, None)
        );
        assert!(bench.agent.session(id).is_err(), "a stale handle");
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
}

/// RFC 3261 22.2: a challenged BYE is sent again with the dialog's next CSeq.
#[test]
fn rfc3261_22_2_a_challenged_bye_is_sent_again() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.hang_up(id);
    let bye = bench.next_request();
    bench.reply(
        &bye,
        407,
        &[(
            "Proxy-Authenticate",
            r#"Digest realm="example.com", nonce="n", qop="auth""#,
        )],
    );
    let again = bench.next_request();
    assert_eq!(again.cseq().unwrap().number, bye.cseq().unwrap().number + 1);
    assert!(again.has(HeaderName::ProxyAuthorization));
    bench.reply(&again, 200, &[]);
    assert_eq!(ended(&mut bench).1, Cause::Requested);
}

/// RFC 3261 17.1.1.2 over UDP: INVITE at 0, T1, 3 T1, 7 T1 ... and a time-out at 64 T1; over WebSocket
/// one INVITE and the same time-out.
#[test]
fn rfc3261_17_1_1_2_timers_a_and_b() {
    for (transport, copies) in [(Transport::Udp, 7), (Transport::Ws, 1)] {
        let mut bench = Bench::over(&alice(), transport);
        bench.call();
        let mut sent = vec![Duration::ZERO];
        let start = bench.now;
        for _ in 0..330 {
            bench.wait(Duration::from_millis(100));
            for _ in bench.far.sent.drain(..) {
                sent.push(bench.now.saturating_since(start));
            }
        }
        let expected: Vec<u64> = [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]
            .into_iter()
            .take(copies)
            .collect();
        assert_eq!(
            sent.iter()
                .map(|at| at.as_millis() as u64)
                .collect::<Vec<_>>(),
            expected
        );
        assert_eq!(
            ended(&mut bench),
            (Originator::Transport, Cause::Timeout, None)
        );
        bench.assert_nothing_left();
    }
}

/// A lost connection ends an unconfirmed call at once. A confirmed call goes on, and its BYE goes out on the next
/// connection.
#[test]
fn conn_a_a_lost_connection_ends_only_what_is_not_up() {
    let mut bench = Bench::new(&alice());
    let (calling, invite) = bench.call();
    bench.reply(&invite, 180, &[]);
    bench.lose();
    assert_eq!(
        ended(&mut bench),
        (Originator::Transport, Cause::ConnectionLost, None)
    );
    assert!(bench.agent.session(calling).is_err());

    let mut bench = Bench::new(&alice());
    let (up, _) = bench.established_call();
    bench.lose();
    assert!(matches!(
        bench.agent.session(up),
        Ok(Session::Established(_))
    ));
    bench.wait(SECOND);
    bench.connection = bench.connect_asked();
    let info = sip_core::ConnectionInfo {
        transport: Transport::Ws,
        remote: None,
    };
    bench
        .agent
        .connection_opened(bench.connection, info, bench.now);
    bench.hang_up(up);
    assert_eq!(bench.next_request().method(), Method::Bye);
}

/// A rejected command returns the reason and changes nothing.
#[test]
fn commands_are_refused_with_a_reason() {
    let mut bench = Bench::new(&alice());
    let options = InviteOptions::new;
    assert!(matches!(
        bench.agent.invite("sip:@", options(), bench.now),
        Err(CommandError::Target(_))
    ));
    let refused = bench
        .agent
        .invite("sips:bob@example.com", options(), bench.now);
    assert_eq!(
        refused,
        Err(CommandError::TargetScheme),
        "26.2.2: no SIPS over ws"
    );
    assert_eq!(
        bench.agent.invite("tel:+1", options(), bench.now),
        Err(CommandError::TargetScheme)
    );
    let (id, _) = bench.call();
    let refused = bench.try_describe(id, Ok(Body::sdp("v=0")));
    assert_eq!(refused, Err(CommandError::ExchangeOver));
    bench
        .agent
        .connection_closed(bench.connection, DisconnectReason::Lost, bench.now);
    assert_eq!(
        bench.agent.invite("bob", options(), bench.now),
        Err(CommandError::NotConnected)
    );
    assert_eq!(
        bench.try_describe(id, Ok(Body::sdp("v=0"))),
        Err(CommandError::Stale)
    );
}

/// The application has no description: the call ends, and the agent sends nothing.
#[test]
fn a_failed_offer_ends_the_call_quietly() {
    let mut bench = Bench::new(&alice());
    let id = bench
        .agent
        .invite("bob", InviteOptions::new(), bench.now)
        .unwrap();
    bench
        .try_describe(id, Err(sip_core::DescriptionFailed))
        .unwrap();
    bench.silence();
    assert_eq!(
        ended(&mut bench),
        (Originator::Local, Cause::BadDescription, None)
    );
    bench.assert_nothing_left();
}

/// RFC 3261 8.1.3.2: an unknown final status counts as x00 of its class, an unknown provisional one as 183.
#[test]
fn rfc3261_8_1_3_2_unknown_statuses_count_as_their_class() {
    for status in [399, 499, 599, 699] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        bench.reply(&invite, 177, &[]);
        bench.expect(|event| matches!(event, Event::Progress { .. }).then_some(()));
        bench.reply(&invite, status, &[]);
        assert_eq!(bench.next_request().method(), Method::Ack);
        assert_eq!(
            ended(&mut bench),
            (Originator::Peer, Cause::Refused, Some(status))
        );
    }
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    bench.reply_tagged(
        &invite,
        299,
        "peer",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
}

/// RFC 3261 8.1.1.9: the agent sends no Require, and Supported lists exactly the enabled extensions.
#[test]
fn rfc3261_8_1_1_9_supported_lists_what_is_enabled() {
    let mut bench = Bench::new(alice().extra_supported(["path", "answermode"]));
    let (_, invite) = bench.call();
    assert!(!invite.has(HeaderName::Require) && !invite.has(HeaderName::ProxyRequire));
    let supported: Vec<_> = invite
        .supported()
        .map(|tag| String::from_utf8_lossy(tag).into_owned())
        .collect();
    assert_eq!(
        supported,
        [
            "outbound",
            "gruu",
            "timer",
            "norefersub",
            "nosub",
            "path",
            "answermode",
            "199"
        ]
    );
}

/// RFC 3261 13.2.2.4: the events of an exchange name the dialog that they are about; before the first response there is none.
#[test]
fn rfc3261_13_2_2_4_the_events_of_an_exchange_name_its_dialog() {
    let mut bench = Bench::new(&alice());
    let options = InviteOptions::new();
    let id = bench.agent.invite("bob", options, bench.now).unwrap();
    bench.pump();
    let asked = bench.event();
    assert!(matches!(
        asked,
        Event::DescriptionNeeded { dialog: None, .. }
    ));
    bench.describe(id, OFFER);
    let invite = bench.next_request();
    let answer = [("Contact", "<sip:bob@192.0.2.9>")];
    bench.reply_tagged(&invite, 200, "peer", &answer, Some(OFFER));
    let delivered = bench.expect(|event| match event {
        Event::RemoteDescription { dialog, .. } => Some(*dialog),
        _ => None,
    });
    assert!(delivered.is_some(), "that of the 2xx");
    let ended = bench.expect(|event| match event {
        Event::ExchangeEnded { dialog, .. } => Some(*dialog),
        _ => None,
    });
    assert_eq!(ended, delivered);
}
