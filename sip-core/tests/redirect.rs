//! Redirections that the agent follows (RFC 3261 sections 8.1.3.4 and 13.2.2.3), and INVITEs that expire.

use sip_core::{Cause, Event, InviteOptions, Originator, SessionId};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

fn call_with(bench: &mut Bench, options: InviteOptions) -> (SessionId, Request) {
    call_to(bench, "sip:bob@example.com", options)
}

fn call_to(bench: &mut Bench, target: &str, options: InviteOptions) -> (SessionId, Request) {
    let id = bench.agent.invite(target, options, bench.now).unwrap();
    bench.pump();
    bench.describe(id, OFFER);
    bench.events.clear();
    (id, bench.next_request())
}

/// Refuses an INVITE and reads its ACK.
fn refuse(bench: &mut Bench, invite: &Request, status: u16, contacts: &[&str]) {
    let headers: Vec<_> = contacts
        .iter()
        .map(|contact| ("Contact", *contact))
        .collect();
    bench.reply(invite, status, &headers);
    assert_eq!(bench.next_request().method(), Method::Ack);
}

fn redirected(bench: &mut Bench) -> (String, u16) {
    bench.expect(|event| match event {
        Event::Redirected {
            target, response, ..
        } => Some((target.to_string(), response.status().as_u16())),
        _ => None,
    })
}

fn ended(bench: &mut Bench) -> (Cause, Option<u16>, usize) {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((
            reason.cause,
            reason.status.map(|status| status.as_u16()),
            reason.contacts.len(),
        )),
        _ => None,
    })
}

/// RFC 3261 8.1.3.4 (3261-8.1.3.4-A): without the option a 3xx ends the call; the reason has its targets.
#[test]
fn rfc3261_8_1_3_4_a_redirection_is_not_followed_unless_asked() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = call_with(&mut bench, InviteOptions::new());
    refuse(
        &mut bench,
        &invite,
        302,
        &["<sip:a@192.0.2.1>", "<sip:b@192.0.2.1>"],
    );
    bench.silence();
    assert_eq!(ended(&mut bench), (Cause::Refused, Some(302), 2));
}

/// RFC 3261 8.1.3.4 (3261-8.1.3.4-A): the INVITE goes to the target in a new transaction with the same Call-ID, From and To, a To
/// without a tag, and the next CSeq number; its offer is the same, and the exchange goes on.
#[test]
fn rfc3261_8_1_3_4_a_redirected_invite_is_a_new_transaction_of_the_same_call() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = call_with(&mut bench, InviteOptions::new().redirects(1));
    bench.reply(&invite, 183, &[("Contact", "<sip:bob@192.0.2.9>")]);
    refuse(
        &mut bench,
        &invite,
        302,
        &["<sip:carol@example.net;method=INVITE?Subject=moved&From=mallory>"],
    );
    let second = bench.next_request();
    assert_eq!(second.method(), Method::Invite);
    assert_eq!(second.uri_bytes(), b"sip:carol@example.net");
    assert_eq!(value(&second, HeaderName::Subject), "moved", "19.1.5");
    for name in [HeaderName::To, HeaderName::From, HeaderName::CallId] {
        assert_eq!(value(&second, name), value(&invite, name));
    }
    assert_eq!(second.to().unwrap().tag(), None);
    let number = invite.cseq().unwrap().number;
    assert_eq!(second.cseq().unwrap().number, number + 1);
    assert_ne!(
        second.top_via().unwrap().branch(),
        invite.top_via().unwrap().branch()
    );
    assert_eq!(second.body(), OFFER.as_bytes());
    let (target, status) = redirected(&mut bench);
    assert!(target.starts_with("sip:carol@example.net") && status == 302);
    bench.expect(|event| matches!(event, Event::EarlyDialogEnded { .. }).then_some(()));
    let contact = [("Contact", "<sip:carol@192.0.2.8>")];
    bench.reply_tagged(&second, 200, "carol", &contact, Some(OFFER));
    let ack = bench.next_request();
    assert_eq!(ack.uri_bytes(), b"sip:carol@192.0.2.8");
    assert_eq!(ack.cseq().unwrap().number, number + 1);
    bench.renegotiated(id);
    assert!(matches!(bench.event(), Event::Established { .. }));
    bench.hang_up(id);
    assert_eq!(bench.next_request().cseq().unwrap().number, number + 2);
}

/// RFC 3261 8.1.3.4 (3261-8.1.3.4-A): the targets are tried in the order of q, each URI once, until one answers; the call ends with
/// the last refusal.
#[test]
fn rfc3261_8_1_3_4_targets_are_tried_in_the_order_of_q_and_once() {
    let mut bench = Bench::new(&alice());
    let (_, mut invite) = call_with(&mut bench, InviteOptions::new().redirects(9));
    let first = [
        "<sip:low@example.net>;q=0.1",
        "<sip:bob@example.com>;q=1.0",
        "<sip:high@example.net>",
        "<sip:middle@example.net>;q=0.5",
        "<sip:%68igh@EXAMPLE.net>;q=0.9",
    ];
    refuse(&mut bench, &invite, 300, &first);
    for user in ["high", "better", "middle", "low"] {
        invite = bench.next_request();
        let expected = format!("sip:{user}@example.net");
        assert_eq!(String::from_utf8_lossy(invite.uri_bytes()), expected);
        assert_eq!(redirected(&mut bench).0, expected);
        match user {
            // Redirects in turn: to itself, to the first and to a better one.
            "high" => refuse(
                &mut bench,
                &invite,
                302,
                &[
                    "<sip:high@example.net>",
                    "<sip:bob@example.com>",
                    "<sip:better@example.net>;q=0.8",
                ],
            ),
            _ => refuse(&mut bench, &invite, 486, &[]),
        }
    }
    bench.silence();
    assert_eq!(ended(&mut bench), (Cause::Refused, Some(486), 0));
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 3261 8.1.3.4 (3261-8.1.3.4-A): the number of targets is bounded, so that peers cannot send a call round for ever.
#[test]
fn rfc3261_8_1_3_4_the_number_of_redirections_is_bounded() {
    let mut bench = Bench::new(&alice());
    let (_, mut invite) = call_with(&mut bench, InviteOptions::new().redirects(3));
    for hop in 0..3 {
        let next = [
            format!("<sip:{hop}@example.net>"),
            format!("<sip:{hop}@example.org>;q=0.2"),
        ];
        refuse(&mut bench, &invite, 302, &[&next[0], &next[1]]);
        invite = bench.next_request();
    }
    refuse(&mut bench, &invite, 302, &["<sip:last@example.net>"]);
    bench.silence();
    assert_eq!(ended(&mut bench), (Cause::Refused, Some(302), 1));
}

/// RFC 3261 26.2.2 and 8.1.3.4: a SIPS URI is never followed to another scheme, and targets that are no SIP URI are left out.
#[test]
fn rfc3261_26_2_2_a_redirection_never_leaves_sips() {
    let mut config = alice();
    config.server("wss://127.0.0.1:5081");
    let mut bench = Bench::over(&config, sip_core::Transport::Wss);
    let options = InviteOptions::new().redirects(5);
    let (_, invite) = call_to(&mut bench, "sips:bob@example.com", options);
    let targets = [
        "<sip:plain@example.net>",
        "<tel:+15551234>",
        "<sips:other@example.net;method=MESSAGE>",
        "<sips:secure@example.net>;q=0.1",
    ];
    refuse(&mut bench, &invite, 302, &targets);
    let second = bench.next_request();
    assert_eq!(second.uri_bytes(), b"sips:secure@example.net");
    refuse(&mut bench, &second, 302, &["<sip:plain@example.net>"]);
    bench.silence();
    assert_eq!(ended(&mut bench).1, Some(302));

    // Nor where the SIPS URI is itself the target of a redirection.
    let mut bench = Bench::over(&config, sip_core::Transport::Wss);
    let (_, invite) = call_with(&mut bench, InviteOptions::new().redirects(5));
    refuse(&mut bench, &invite, 302, &["<sips:secure@example.net>"]);
    let second = bench.next_request();
    assert_eq!(second.uri_bytes(), b"sips:secure@example.net");
    refuse(&mut bench, &second, 302, &["<sip:plain@example.net>"]);
    bench.silence();
    assert_eq!(ended(&mut bench).1, Some(302));

    // A SIP URI may be redirected to a SIPS URI, but not over a connection without TLS.
    let mut bench = Bench::new(&alice());
    let (_, invite) = call_with(&mut bench, InviteOptions::new().redirects(5));
    refuse(&mut bench, &invite, 302, &["<sips:secure@example.net>"]);
    bench.silence();
    assert_eq!(ended(&mut bench).1, Some(302));
}

/// RFC 3261 16.7 and 8.1.3.4: a 6xx speaks for all targets, and a hung-up call follows none.
#[test]
fn rfc3261_8_1_3_4_a_6xx_or_a_hang_up_ends_the_search() {
    let targets = ["<sip:a@example.net>", "<sip:b@example.net>"];
    let mut bench = Bench::new(&alice());
    let (_, invite) = call_with(&mut bench, InviteOptions::new().redirects(5));
    refuse(&mut bench, &invite, 302, &targets);
    let second = bench.next_request();
    refuse(&mut bench, &second, 603, &[]);
    bench.silence();
    assert_eq!(ended(&mut bench).1, Some(603));

    let mut bench = Bench::new(&alice());
    let (id, invite) = call_with(&mut bench, InviteOptions::new().redirects(5));
    bench.hang_up(id);
    refuse(&mut bench, &invite, 302, &targets);
    bench.silence();
    assert_eq!(ended(&mut bench).0, Cause::Cancelled);
}

/// RFC 3261 22.2: the challenge of a redirected INVITE is answered as any other, if its server may be trusted with credentials.
#[test]
fn rfc3261_22_2_a_redirected_invite_may_be_challenged() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = call_with(&mut bench, InviteOptions::new().redirects(1));
    refuse(&mut bench, &invite, 302, &["<sip:carol@example.com>"]);
    let second = bench.next_request();
    let challenge = r#"Digest realm="example.com", nonce="n", qop="auth""#;
    bench.reply(&second, 407, &[("Proxy-Authenticate", challenge)]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let third = bench.next_request();
    assert_eq!(third.uri_bytes(), b"sip:carol@example.com");
    assert!(third.has(HeaderName::ProxyAuthorization));
    assert_eq!(
        third.cseq().unwrap().number,
        invite.cseq().unwrap().number + 2
    );
}

/// RFC 3261 13.2.1 and 13.3.1 (3261-13.3.1-A): Expires goes out with the INVITE, and the core cancels the INVITE at that time; a
/// 2xx that crosses the CANCEL is acknowledged and ended.
#[test]
fn rfc3261_13_3_1_an_invite_that_expires_is_cancelled() {
    for crossed in [false, true] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = call_with(&mut bench, InviteOptions::new().expires(20));
        assert_eq!(value(&invite, HeaderName::Expires), "20");
        bench.reply(&invite, 180, &[]);
        bench.wait(19 * SECOND);
        bench.silence();
        bench.wait(2 * SECOND);
        let cancel = bench.next_request();
        assert_eq!(cancel.method(), Method::Cancel);
        bench.reply(&cancel, 200, &[]);
        if crossed {
            let contact = [("Contact", "<sip:bob@192.0.2.9>")];
            bench.reply_tagged(&invite, 200, "peer", &contact, Some(OFFER));
            assert_eq!(bench.next_request().method(), Method::Ack);
            let bye = bench.next_request();
            assert_eq!(bye.method(), Method::Bye);
            bench.reply(&bye, 200, &[]);
        } else {
            refuse(&mut bench, &invite, 487, &[]);
        }
        let (originator, cause) = bench.expect(|event| match event {
            Event::Ended { reason, .. } => Some((reason.originator, reason.cause)),
            _ => None,
        });
        assert_eq!((originator, cause), (Originator::Local, Cause::NoAnswer));
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
}

/// RFC 3261 13.3.1 (3261-13.3.1-A): the expiration is about the invitation: a call that is up by then goes on, and one that is
/// redirected gets no more time.
#[test]
fn rfc3261_13_3_1_the_expiration_ends_with_the_answer() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = call_with(&mut bench, InviteOptions::new().expires(20));
    let contact = [("Contact", "<sip:bob@192.0.2.9>")];
    bench.reply_tagged(&invite, 200, "peer", &contact, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.wait(60 * SECOND);
    bench.silence();
    assert!(bench.agent.session(id).is_ok());

    let mut bench = Bench::new(&alice());
    let options = InviteOptions::new().expires(20).redirects(1);
    let (_, invite) = call_with(&mut bench, options);
    bench.wait(15 * SECOND);
    refuse(&mut bench, &invite, 302, &["<sip:carol@example.net>"]);
    let second = bench.next_request();
    bench.reply(&second, 180, &[]);
    bench.wait(6 * SECOND);
    assert_eq!(bench.next_request().method(), Method::Cancel);
}
