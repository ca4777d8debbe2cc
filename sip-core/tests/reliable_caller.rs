//! Reliable provisional responses to the caller (RFC 3262 section 4), against a scripted peer.

use sip_core::config::{ConfigBuilder, Support};
use sip_core::dialog::DialogId;
use sip_core::{
    Body, Cause, DescriptionFailed, DescriptionKind, Event, InviteOptions, SessionId, Transport,
};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

const ANSWER: &str = "v=0 answer";

/// Alice, who supports 100rel.
fn reliable() -> ConfigBuilder {
    let mut config = alice();
    config.rel100(Support::Supported);
    config
}

/// A reliable provisional response of Bob, whose Contact names the tag.
fn provisional(bench: &mut Bench, invite: &Request, tag: &str, rseq: u32, sdp: Option<&str>) {
    let contact = format!("<sip:{tag}@192.0.2.9>");
    let rseq = rseq.to_string();
    let headers = [
        ("Contact", contact.as_str()),
        ("Require", "100rel"),
        ("RSeq", rseq.as_str()),
    ];
    bench.reply_tagged(invite, 183, tag, &headers, sdp);
}

fn success(bench: &mut Bench, invite: &Request, tag: &str, sdp: Option<&str>) {
    let contact = format!("<sip:{tag}@192.0.2.9>");
    bench.reply_tagged(invite, 200, tag, &[("Contact", &contact)], sdp);
}

fn prack(bench: &mut Bench) -> Request {
    let prack = bench.next_request();
    assert_eq!(prack.method(), Method::Prack);
    prack
}

fn rack(prack: &Request) -> String {
    value(prack, HeaderName::RAck)
}

fn progress(bench: &mut Bench) -> (Option<DialogId>, Option<Box<Body>>) {
    bench.expect(|event| match event {
        Event::Progress {
            dialog, preview, ..
        } => Some((*dialog, preview.clone())),
        _ => None,
    })
}

fn prack_failed(bench: &mut Bench) -> (Cause, Option<u16>) {
    bench.expect(|event| match event {
        Event::PrackFailed { reason, .. } => {
            Some((reason.cause, reason.status.map(|status| status.as_u16())))
        }
        _ => None,
    })
}

fn ended(bench: &mut Bench) -> (Cause, Option<u16>) {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => {
            Some((reason.cause, reason.status.map(|status| status.as_u16())))
        }
        _ => None,
    })
}

/// A call without an offer of this side, and its INVITE.
fn late_call(bench: &mut Bench) -> (SessionId, Request) {
    let options = InviteOptions::new().late_offer();
    let id = bench.agent.invite("bob", options, bench.now).unwrap();
    bench.pump();
    (id, bench.next_request())
}

fn has_tag(request: &Request, name: HeaderName<'_>) -> bool {
    values(request, name)
        .iter()
        .any(|value| value.contains("100rel"))
}

/// RFC 3262 4: the INVITE says by Supported or Require what the setting says (CFG-100REL).
#[test]
fn rfc3262_4_the_invite_says_what_the_setting_says() {
    for (support, supported, required) in [
        (Support::None, false, false),
        (Support::Supported, true, false),
        (Support::Required, true, true),
    ] {
        let mut config = alice();
        config.rel100(support);
        let mut bench = Bench::new(&config);
        let (_, invite) = bench.call();
        assert_eq!(has_tag(&invite, HeaderName::Supported), supported);
        assert_eq!(has_tag(&invite, HeaderName::Require), required);
    }
}

/// RFC 3262 4 (3262-4-A): a reliable response is acknowledged by PRACK in its early dialog, and the answer in it is applied: the
/// 2xx needs none.
#[test]
fn rfc3262_4_a_reliable_response_is_acknowledged_and_its_answer_applies() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = bench.call();
    let headers = [
        ("Contact", "<sip:bob@192.0.2.9>"),
        (
            "Record-Route",
            "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>",
        ),
        ("Require", "100rel"),
        ("RSeq", "4711"),
    ];
    bench.reply_tagged(&invite, 183, "peer", &headers, Some(ANSWER));
    let prack = prack(&mut bench);
    let number = invite.cseq().unwrap().number;
    assert_eq!(rack(&prack), format!("4711 {number} INVITE"));
    assert_eq!(prack.cseq().unwrap().number, number + 1);
    assert_eq!(prack.uri_bytes(), b"sip:bob@192.0.2.9");
    assert_eq!(prack.to().unwrap().tag(), Some(&b"peer"[..]));
    assert_eq!(
        values(&prack, HeaderName::Route),
        ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    );
    assert!(!prack.has(HeaderName::Contact), "RFC 3262 7: no Contact");
    assert!(prack.body().is_empty());
    let (dialog, preview) = progress(&mut bench);
    assert!(preview.is_none(), "the answer itself, not a preview");
    match bench.event() {
        Event::RemoteDescription {
            dialog: early,
            kind,
            body,
            ..
        } => {
            assert_eq!((early, kind), (dialog, DescriptionKind::Answer));
            assert_eq!(body.bytes, ANSWER.as_bytes());
        }
        other => panic!("{other:?}"),
    }
    bench.renegotiated(id);
    bench.reply(&prack, 200, &[]);
    success(&mut bench, &invite, "peer", None);
    let ack = bench.next_request();
    assert_eq!(ack.method(), Method::Ack);
    assert!(matches!(bench.event(), Event::Established { .. }));
    bench.no_events();
    bench.hang_up(id);
    let bye = bench.next_request();
    assert_eq!(bye.cseq().unwrap().number, number + 2, "after the PRACK");
    bench.reply(&bye, 200, &[]);
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 3262 4 (3262-4-A): a repeat gets no second PRACK and no second event; one after a gap is neither acknowledged nor delivered;
/// the next in order is.
#[test]
fn rfc3262_4_repeats_and_gaps_are_not_processed() {
    let mut bench = Bench::new(&reliable());
    let (_, invite) = bench.call();
    provisional(&mut bench, &invite, "peer", 7, None);
    let first = prack(&mut bench);
    progress(&mut bench);
    bench.reply(&first, 200, &[]);
    for rseq in [7, 9, 6, 1, u32::MAX] {
        provisional(&mut bench, &invite, "peer", rseq, Some(ANSWER));
        bench.silence();
        bench.no_events();
    }
    provisional(&mut bench, &invite, "peer", 8, None);
    let number = invite.cseq().unwrap().number;
    assert_eq!(rack(&prack(&mut bench)), format!("8 {number} INVITE"));
    progress(&mut bench);
    bench.no_events();
}

/// RFC 3262 4 (3262-4-B): each fork has its own RSeq numbers, and its PRACK its own tag, target and CSeq.
#[test]
fn rfc3262_4_each_fork_has_its_own_order() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = bench.call();
    let number = invite.cseq().unwrap().number;
    for (tag, rseq, cseq) in [("bob", 5, 1), ("carol", 900, 1), ("bob", 6, 2)] {
        provisional(&mut bench, &invite, tag, rseq, None);
        let prack = prack(&mut bench);
        assert_eq!(rack(&prack), format!("{rseq} {number} INVITE"));
        assert_eq!(prack.to().unwrap().tag(), Some(tag.as_bytes()));
        assert_eq!(prack.uri_bytes(), format!("sip:{tag}@192.0.2.9").as_bytes());
        assert_eq!(prack.cseq().unwrap().number, number + cseq);
        bench.reply(&prack, 200, &[]);
    }
    bench.events.clear();
    // The offer of the INVITE is answered once in each dialog.
    for (tag, rseq) in [("bob", 7), ("carol", 901)] {
        provisional(&mut bench, &invite, tag, rseq, Some(ANSWER));
        let prack = prack(&mut bench);
        bench.reply(&prack, 200, &[]);
        let (dialog, _) = progress(&mut bench);
        assert!(matches!(
            bench.event(),
            Event::RemoteDescription { dialog: named, .. } if named == dialog
        ));
        assert!(matches!(
            bench.event(),
            Event::ExchangeEnded { dialog: named, .. } if named == dialog
        ));
    }
    success(&mut bench, &invite, "carol", None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let (cause, lost) = bench.expect(|event| match event {
        Event::EarlyDialogEnded { reason, dialog, .. } => Some((reason.cause, *dialog)),
        _ => None,
    });
    assert_eq!(cause, Cause::AnsweredElsewhere);
    assert!(bench.agent.session(id).is_ok(), "{lost:?}");
    assert!(matches!(bench.event(), Event::Established { .. }));
}

/// RFC 3262 4 (3262-4-C): a response that the INVITE did not ask to be reliable is not, and so is one without RSeq or Require, or
/// without a To tag.
#[test]
fn rfc3262_4_an_unasked_reliable_response_counts_as_unreliable() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    provisional(&mut bench, &invite, "peer", 7, Some(ANSWER));
    bench.silence();
    let (dialog, preview) = progress(&mut bench);
    assert!(dialog.is_some());
    assert_eq!(preview.unwrap().bytes, ANSWER.as_bytes());
    bench.no_events();

    let mut bench = Bench::new(&reliable());
    let (_, invite) = bench.call();
    for headers in [&[("RSeq", "7")][..], &[("Require", "100rel")]] {
        bench.reply_tagged(&invite, 183, "peer", headers, None);
        progress(&mut bench);
    }
    let headers = [("Require", "100rel"), ("RSeq", "7")];
    bench.reply_tagged(&invite, 100, "peer", &headers, None);
    bench.silence();
    bench.no_events();
}

/// RFC 3262 5 (3262-5-A): the offer of a reliable response is answered in its PRACK, whose 2xx completes the exchange; the 2xx to
/// the INVITE brings no offer then.
#[test]
fn rfc3262_5_an_offer_in_a_reliable_response_is_answered_in_prack() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = late_call(&mut bench);
    provisional(&mut bench, &invite, "peer", 1, Some(OFFER));
    bench.silence();
    let (dialog, preview) = progress(&mut bench);
    assert!(preview.is_none());
    assert_eq!(bench.remote_description().0, DescriptionKind::Offer);
    match bench.event() {
        Event::DescriptionNeeded {
            dialog: asked,
            kind,
            ..
        } => assert_eq!((asked, kind), (dialog, DescriptionKind::Answer)),
        other => panic!("{other:?}"),
    }
    // The peer repeats its response meanwhile.
    provisional(&mut bench, &invite, "peer", 1, Some(OFFER));
    bench.silence();
    bench.no_events();
    bench.describe(id, ANSWER);
    let prack = prack(&mut bench);
    assert_eq!(prack.body(), ANSWER.as_bytes());
    assert_eq!(value(&prack, HeaderName::ContentType), "application/sdp");
    bench.no_events();
    bench.reply(&prack, 200, &[]);
    bench.renegotiated(id);
    success(&mut bench, &invite, "peer", None);
    let ack = bench.next_request();
    assert!(ack.method() == Method::Ack && ack.body().is_empty());
    assert!(matches!(bench.event(), Event::Established { .. }));
}

/// RFC 3262 3: a 2xx that overtakes the 2xx to the PRACK shows that the answer has arrived.
#[test]
fn rfc3262_3_a_2xx_to_the_invite_acknowledges_the_answer_in_prack() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = late_call(&mut bench);
    provisional(&mut bench, &invite, "peer", 1, Some(OFFER));
    bench.describe(id, ANSWER);
    let prack = prack(&mut bench);
    success(&mut bench, &invite, "peer", None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.renegotiated(id);
    assert!(matches!(bench.event(), Event::Established { .. }));
    bench.reply(&prack, 200, &[]);
    bench.no_events();
}

/// RFC 3262 3: a peer must not send the 2xx before its offer is answered; the call ends.
#[test]
fn rfc3262_3_a_2xx_before_the_answer_ends_the_call() {
    let mut bench = Bench::new(&reliable());
    let (_, invite) = late_call(&mut bench);
    provisional(&mut bench, &invite, "peer", 1, Some(OFFER));
    success(&mut bench, &invite, "peer", None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(&mut bench), (Cause::BadDescription, None));
}

/// The application has no answer to the offer of a reliable response, or is late with it: the INVITE is cancelled.
#[test]
fn rfc3262_5_no_answer_cancels_the_invite() {
    for late in [false, true] {
        let mut bench = Bench::new(&reliable());
        let (id, invite) = late_call(&mut bench);
        provisional(&mut bench, &invite, "peer", 1, Some(OFFER));
        if late {
            bench.wait(29 * SECOND);
        } else {
            bench.try_describe(id, Err(DescriptionFailed)).unwrap();
        }
        let cancel = bench.next_request();
        assert_eq!(cancel.method(), Method::Cancel);
        bench.reply(&cancel, 200, &[]);
        bench.reply(&invite, 487, &[]);
        assert_eq!(ended(&mut bench), (Cause::BadDescription, Some(487)));
        assert_eq!(bench.next_request().method(), Method::Ack);
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
}

/// RFC 3261 22.2: a challenged PRACK is sent again with credentials and the next CSeq number.
#[test]
fn rfc3261_22_2_a_challenged_prack_is_sent_again() {
    let mut bench = Bench::new(&reliable());
    let (_, invite) = bench.call();
    provisional(&mut bench, &invite, "peer", 3, Some(ANSWER));
    let first = prack(&mut bench);
    let challenge = r#"Digest realm="example.com", nonce="n", qop="auth""#;
    bench.reply(&first, 407, &[("Proxy-Authenticate", challenge)]);
    let again = prack(&mut bench);
    assert!(again.has(HeaderName::ProxyAuthorization));
    assert_eq!(rack(&again), rack(&first));
    assert_eq!(
        again.cseq().unwrap().number,
        first.cseq().unwrap().number + 1
    );
    bench.reply(&again, 200, &[]);
    success(&mut bench, &invite, "peer", None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
}

/// RFC 3262 3 and 4: a PRACK that fails is reported; the call goes on, because only the peer knows whether it misses the PRACK.
#[test]
fn rfc3262_4_a_failed_prack_is_reported_and_the_call_goes_on() {
    for outcome in [Some(481), Some(408), Some(500), None] {
        let mut bench = Bench::new(&reliable());
        let (id, invite) = bench.call();
        provisional(&mut bench, &invite, "peer", 3, Some(ANSWER));
        let prack = prack(&mut bench);
        let failed = match outcome {
            Some(status) => {
                bench.reply(&prack, status, &[]);
                prack_failed(&mut bench)
            }
            None => {
                bench.wait(33 * SECOND);
                prack_failed(&mut bench)
            }
        };
        let cause = match outcome {
            None | Some(408) => Cause::Timeout,
            _ => Cause::Refused,
        };
        assert_eq!(failed, (cause, outcome));
        bench.no_events();
        success(&mut bench, &invite, "peer", None);
        assert_eq!(bench.next_request().method(), Method::Ack);
        assert!(matches!(bench.event(), Event::Established { .. }));
        assert!(bench.agent.session(id).is_ok());
    }
}

/// RFC 3262 5: a refused answer ends the exchange in its dialog.
#[test]
fn rfc3262_5_a_refused_answer_ends_the_exchange() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = late_call(&mut bench);
    provisional(&mut bench, &invite, "peer", 1, Some(OFFER));
    bench.describe(id, ANSWER);
    let prack = prack(&mut bench);
    bench.reply(&prack, 488, &[]);
    let reason = bench.renegotiation_failed();
    assert_eq!(reason.status.map(|status| status.as_u16()), Some(488));
    assert_eq!(prack_failed(&mut bench), (Cause::Refused, Some(488)));
    bench.reply(&invite, 500, &[]);
    assert_eq!(ended(&mut bench), (Cause::Refused, Some(500)));
}

/// RFC 3261 12.2.1.2, RFC 3262 (3261-12.2.1.2-A): a reliable response refreshes the target of its dialog; an unreliable one does not.
#[test]
fn rfc3261_12_2_1_2_a_reliable_response_refreshes_the_target() {
    let mut bench = Bench::new(&reliable());
    let (_, invite) = bench.call();
    let first = [
        ("Contact", "<sip:first@192.0.2.9>"),
        ("Require", "100rel"),
        ("RSeq", "1"),
    ];
    bench.reply_tagged(&invite, 183, "peer", &first, None);
    assert_eq!(prack(&mut bench).uri_bytes(), b"sip:first@192.0.2.9");
    bench.reply_tagged(
        &invite,
        180,
        "peer",
        &[("Contact", "<sip:other@192.0.2.9>")],
        None,
    );
    let second = [("Require", "100rel"), ("RSeq", "2")];
    bench.reply_tagged(&invite, 183, "peer", &second, None);
    assert_eq!(prack(&mut bench).uri_bytes(), b"sip:first@192.0.2.9");
    let third = [
        ("Contact", "<sip:third@192.0.2.9>"),
        ("Require", "100rel"),
        ("RSeq", "3"),
    ];
    bench.reply_tagged(&invite, 183, "peer", &third, None);
    assert_eq!(prack(&mut bench).uri_bytes(), b"sip:third@192.0.2.9");
}

/// RFC 3261 8.1.3.5, RFC 3262 4: a peer without 100rel refuses an INVITE that requires it; the call ends with that reason.
#[test]
fn rfc3262_4_a_420_ends_a_call_that_requires_100rel() {
    let mut config = alice();
    config.rel100(Support::Required);
    let mut bench = Bench::new(&config);
    let (_, invite) = bench.call();
    bench.reply(&invite, 420, &[("Unsupported", "100rel")]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.silence();
    assert_eq!(ended(&mut bench), (Cause::Refused, Some(420)));
    bench.assert_nothing_left();
}

/// RFC 3261 22.2 and 12.3: an INVITE that is challenged after an answer begins anew: its early dialog is over, the offer is answered
/// again in the next one, and RSeq numbers begin anew.
#[test]
fn rfc3261_12_3_a_challenge_ends_the_early_dialogs_of_the_invite() {
    let mut bench = Bench::new(&reliable());
    let (_, invite) = bench.call();
    provisional(&mut bench, &invite, "peer", 50, Some(ANSWER));
    let first = prack(&mut bench);
    bench.reply(&first, 200, &[]);
    let (old, _) = progress(&mut bench);
    let challenge = r#"Digest realm="example.com", nonce="n", qop="auth""#;
    bench.reply(&invite, 401, &[("WWW-Authenticate", challenge)]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let again = bench.next_request();
    assert_eq!(again.method(), Method::Invite);
    let over = bench.expect(|event| match event {
        Event::EarlyDialogEnded { dialog, .. } => Some(*dialog),
        _ => None,
    });
    assert_eq!(Some(over), old);
    provisional(&mut bench, &again, "peer", 3, Some(ANSWER));
    let number = again.cseq().unwrap().number;
    assert_eq!(rack(&prack(&mut bench)), format!("3 {number} INVITE"));
    let (new, _) = progress(&mut bench);
    assert_ne!(new, old);
    assert_eq!(bench.remote_description().0, DescriptionKind::Answer);
    success(&mut bench, &again, "peer", None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
}

/// RFC 3261 9.1: a reliable response to a cancelled INVITE is acknowledged, too, and not delivered.
#[test]
fn rfc3261_9_1_a_cancelled_invite_still_acknowledges() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = bench.call();
    bench.reply(&invite, 180, &[]);
    bench.hang_up(id);
    assert_eq!(bench.next_request().method(), Method::Cancel);
    bench.events.clear();
    provisional(&mut bench, &invite, "peer", 1, Some(ANSWER));
    let prack = prack(&mut bench);
    bench.reply(&prack, 200, &[]);
    bench.no_events();
    bench.reply(&invite, 487, &[]);
    assert_eq!(ended(&mut bench), (Cause::Cancelled, Some(487)));
    bench.wait(40 * SECOND);
    bench.sent.clear();
    bench.assert_nothing_left();
}

/// RFC 6337 2.2 (6337-2-A): a session description in a place where it is neither offer nor answer changes nothing.
#[test]
fn rfc6337_2_2_only_the_legal_patterns_apply() {
    let mut bench = Bench::new(&reliable());
    let (_, invite) = bench.call();
    provisional(&mut bench, &invite, "peer", 1, Some(ANSWER));
    bench.expect(|event| matches!(event, Event::ExchangeEnded { .. }).then_some(()));
    prack(&mut bench);
    // Neither in a further reliable response, nor in an unreliable one, nor in the 2xx.
    provisional(&mut bench, &invite, "peer", 2, Some("v=0 other"));
    prack(&mut bench);
    assert!(progress(&mut bench).1.is_none());
    bench.no_events();
    bench.reply_tagged(&invite, 180, "peer", &[], Some("v=0 other"));
    assert!(progress(&mut bench).1.is_none());
    bench.no_events();
    success(&mut bench, &invite, "peer", Some("v=0 other"));
    assert!(matches!(bench.event(), Event::Established { .. }));
    bench.no_events();
}

/// RFC 3262 4: over UDP the PRACK is repeated like any request.
#[test]
fn rfc3262_4_the_prack_is_a_transaction_of_its_own() {
    let mut bench = Bench::over(&reliable(), Transport::Udp);
    let (_, invite) = bench.call();
    provisional(&mut bench, &invite, "peer", 1, None);
    let first = prack(&mut bench);
    bench.wait(std::time::Duration::from_millis(600));
    let repeat = prack(&mut bench);
    assert_eq!(repeat.bytes(), first.bytes());
    bench.reply(&first, 200, &[]);
    bench.wait(10 * SECOND);
    bench.silence();
}

/// 6141-4.6-A, RFC 6141 section 4.6: the target that a reliable response to a re-INVITE has named stays in force when the re-INVITE
/// fails, because its PRACK has confirmed it; one of an unreliable response does not change the target.
#[test]
fn rfc6141_4_6_the_target_of_a_reliable_response_outlives_the_re_invite() {
    for is_reliable in [true, false] {
        let mut bench = Bench::new(&reliable());
        let (id, _) = bench.established_call();
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let invite = bench.next_request();
        let mut headers = vec![("Contact", "<sip:moved@192.0.2.9>")];
        if is_reliable {
            headers.extend([("Require", "100rel"), ("RSeq", "12")]);
        }
        bench.reply_tagged(&invite, 183, "bob1", &headers, None);
        if is_reliable {
            let prack = prack(&mut bench);
            assert_eq!(prack.uri_bytes(), b"sip:moved@192.0.2.9");
            bench.reply(&prack, 200, &[]);
        }
        bench.reply_tagged(&invite, 488, "bob1", &[], None);
        assert_eq!(bench.next_request().method(), Method::Ack);
        bench.renegotiation_failed();
        bench.hang_up(id);
        let bye = bench.next_request();
        assert_eq!(bye.uri_bytes() == b"sip:moved@192.0.2.9", is_reliable);
    }
}

/// RFC 3262 4 and 5, RFC 6141 4: a reliable response to a re-INVITE is acknowledged once; the answer in it applies, also if the
/// re-INVITE is refused afterwards.
#[test]
fn rfc3262_4_a_reliable_response_to_a_re_invite_is_acknowledged() {
    for refused in [false, true] {
        let mut bench = Bench::new(&reliable());
        let (id, _) = bench.established_call();
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let invite = bench.next_request();
        provisional(&mut bench, &invite, "bob1", 12, Some(ANSWER));
        let prack = prack(&mut bench);
        let number = invite.cseq().unwrap().number;
        assert_eq!(rack(&prack), format!("12 {number} INVITE"));
        bench.renegotiated(id);
        provisional(&mut bench, &invite, "bob1", 12, Some(ANSWER));
        provisional(&mut bench, &invite, "bob1", 14, Some(ANSWER));
        bench.silence();
        bench.reply(&prack, 481, &[]);
        assert_eq!(prack_failed(&mut bench), (Cause::Refused, Some(481)));
        if refused {
            bench.reply_tagged(&invite, 500, "bob1", &[], None);
        } else {
            success(&mut bench, &invite, "bob1", None);
        }
        assert_eq!(bench.next_request().method(), Method::Ack);
        bench.no_events();
        assert!(bench.agent.session(id).is_ok());
    }
}

/// RFC 3262 3 and 4, RFC 4028 7.3: a re-INVITE that is sent again after a 422 begins a new order of RSeq numbers.
#[test]
fn rfc3262_4_a_re_invite_after_a_422_has_its_own_order() {
    let mut bench = Bench::new(&reliable());
    let (id, _) = bench.established_call();
    bench.reinvite(id);
    bench.describe(id, OFFER);
    let invite = bench.next_request();
    provisional(&mut bench, &invite, "bob1", 12, None);
    let first = prack(&mut bench);
    bench.reply(&first, 200, &[]);
    bench.reply_tagged(&invite, 422, "bob1", &[("Min-SE", "7200")], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let invite = bench.next_request();
    assert_eq!(invite.method(), Method::Invite);
    provisional(&mut bench, &invite, "bob1", 700, None);
    let number = invite.cseq().unwrap().number;
    assert_eq!(rack(&prack(&mut bench)), format!("700 {number} INVITE"));
}
