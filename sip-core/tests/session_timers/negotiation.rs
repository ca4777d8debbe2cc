//! What INVITE, 422 and 2xx say about the interval and the refresher.

use std::time::Duration;

use sip_core::config::{ConfigBuilder, SessionRefresher};
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::session::SessionLayer;
use sip_core::{Action, ConnectionInfo, Session, Timestamp, Transport};
use sip_parse::{HeaderName, Method, Request, UriBuf};
use sip_testing::{Bench, OFFER, SECOND, alice, crlf, random, value};

use crate::{accept, answered, asking, called, ended, expired, invited, refresh, session_expires};

/// 4028-7.1-A: Supported lists `timer` in each INVITE; the agent asks for a timer only if it is configured, and writes
/// Min-SE only above 90 s.
#[test]
fn rfc4028_7_1_the_invite_asks_for_what_is_configured() {
    let (_, invite) = Bench::new(&alice()).call();
    assert!(invite.supported().any(|tag| tag == b"timer"));
    assert!(!invite.has(HeaderName::SessionExpires) && !invite.has(HeaderName::MinSe));
    let (_, invite) = Bench::new(&asking(1_800)).call();
    assert_eq!(session_expires(&invite), "1800");
    assert!(!invite.has(HeaderName::MinSe) && !invite.has(HeaderName::Require));
    let (_, invite) = Bench::new(asking(1_800).min_se(91 * SECOND)).call();
    assert_eq!(value(&invite, HeaderName::MinSe), "91");
    assert!(alice().session_expires(89 * SECOND).build().is_err());
    assert!(alice().min_se(89 * SECOND).build().is_err());
}

/// 4028-5-A: an interval below Min-SE gets 422 with Min-SE, in the INVITE of a call and within one, which goes on; a peer
/// without timers could not raise the interval of its proxy, and is not refused.
#[test]
fn rfc4028_5_a_short_interval_is_refused_by_422() {
    for (config, least) in [(alice(), "90"), (asking(600), "90")] {
        let mut bench = Bench::new(&config);
        let id = invited(&mut bench, "Supported: timer\nSession-Expires: 89\n");
        assert_eq!(id, None);
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), 422);
        assert_eq!(value(&response, HeaderName::MinSe), least);
        bench.wait(64 * SECOND);
        bench.assert_nothing_left();
    }
    let mut config = alice();
    config.min_se(300 * SECOND);
    let (mut bench, id, ok) = answered(&config, "Supported: timer\nSession-Expires: 300\n");
    assert_eq!(session_expires(&ok), "300;refresher=uac");
    let short = "Contact: <sip:bob@bob.invalid>\nSupported: timer\nSession-Expires: 299\n";
    bench.in_dialog("INVITE", 8, "short", &ok, short);
    let response = bench.next_response();
    assert_eq!(response.status().as_u16(), 422);
    assert_eq!(value(&response, HeaderName::MinSe), "300");
    assert_eq!(value(&response, HeaderName::To), value(&ok, HeaderName::To));
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
    bench.no_events();
    let (_, _, ok) = answered(&config, "Session-Expires: 299\n");
    assert_eq!(session_expires(&ok), "299;refresher=uas");
    let (_, _, ok) = answered(&config, "Session-Expires: 89\n");
    assert!(
        !ok.has(HeaderName::SessionExpires),
        "it may be neither kept nor raised"
    );
}

/// 4028-5-A: after a 422 the INVITE goes out again with Min-SE and an interval of at least that, in the same call; later
/// requests of the call keep to it.
#[test]
fn rfc4028_7_3_a_422_is_answered_with_a_longer_interval() {
    let mut bench = Bench::new(&asking(120));
    let (id, invite) = bench.call();
    assert_eq!(session_expires(&invite), "120");
    bench.reply(&invite, 422, &[("Min-SE", "300")]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let second = bench.next_request();
    assert_eq!(second.method(), Method::Invite);
    assert_eq!(session_expires(&second), "300");
    assert_eq!(value(&second, HeaderName::MinSe), "300");
    assert_eq!(second.call_id().unwrap(), invite.call_id().unwrap());
    assert_eq!(second.body(), invite.body());
    assert_eq!(second.from().unwrap().tag(), invite.from().unwrap().tag());
    let number = |request: &Request| request.cseq().unwrap().number;
    assert_eq!(number(&second), number(&invite) + 1);
    // A proxy further on wants more.
    bench.reply(&second, 422, &[("Min-SE", "600")]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let third = bench.next_request();
    assert_eq!(session_expires(&third), "600");
    assert_eq!(value(&third, HeaderName::MinSe), "600");
    bench.no_events();
    accept(
        &mut bench,
        &third,
        &[("Session-Expires", "600;refresher=uac")],
    );
    bench.events.clear();
    bench.wait(300 * SECOND);
    let again = refresh(&mut bench, id);
    assert_eq!(session_expires(&again), "600;refresher=uac");
    assert_eq!(
        value(&again, HeaderName::MinSe),
        "600",
        "for the whole call"
    );
    // Within the call as before it.
    bench.reply_tagged(&again, 422, "bob1", &[("Min-SE", "700")], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let longer = bench.next_request();
    assert_eq!(session_expires(&longer), "700;refresher=uac");
    assert_eq!(value(&longer, HeaderName::MinSe), "700");
    assert_eq!(number(&longer), number(&again) + 1);
    assert_eq!(longer.body(), again.body());
    accept(
        &mut bench,
        &longer,
        &[("Session-Expires", "700;refresher=uac")],
    );
    bench.renegotiated(id);
    bench.wait(350 * SECOND);
    let next = refresh(&mut bench, id);
    assert_eq!(session_expires(&next), "700;refresher=uac");
}

/// 4028-5-A: a 422 that asks for no more than the INVITE had ends the call, and so does one that comes again and again.
#[test]
fn rfc4028_7_3_a_422_without_end_is_final() {
    let mut bench = Bench::new(&asking(300));
    let (_, invite) = bench.call();
    for fields in [&[("Min-SE", "300")][..], &[("Min-SE", "90")], &[]] {
        let mut bench = Bench::new(&asking(300));
        let (_, invite) = bench.call();
        bench.reply(&invite, 422, fields);
        assert_eq!(bench.next_request().method(), Method::Ack);
        assert_eq!(ended(&mut bench).status.unwrap().as_u16(), 422);
        bench.silence();
    }
    let mut request = invite;
    for raised in 1..=4 {
        let least = format!("{}", 300 + raised);
        bench.reply(&request, 422, &[("Min-SE", &least)]);
        assert_eq!(bench.next_request().method(), Method::Ack);
        request = bench.next_request();
        assert_eq!(session_expires(&request), least);
    }
    bench.reply(&request, 422, &[("Min-SE", "999")]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(ended(&mut bench).status.unwrap().as_u16(), 422);
    bench.wait(64 * SECOND);
    bench.silence();
    bench.assert_nothing_left();
}

/// 4028-7.1-A: an INVITE that asked for no timer asks for the recommended 1800 s after a 422, or for more.
#[test]
fn rfc4028_4_the_recommended_interval_is_1800_seconds() {
    for (least, asked) in [("300", "1800"), ("3600", "3600")] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        bench.reply(&invite, 422, &[("Min-SE", least)]);
        assert_eq!(bench.next_request().method(), Method::Ack);
        let again = bench.next_request();
        assert_eq!(session_expires(&again), asked);
        assert_eq!(value(&again, HeaderName::MinSe), least);
    }
}

/// 4028-9-A: the 2xx names the interval and the refresher: as the request says, else as configured; `Require: timer` if the
/// peer supports timers. A peer that does not support them never refreshes.
#[test]
fn rfc4028_9_the_2xx_names_the_refresher() {
    let with = |config: &ConfigBuilder, fields: &str| {
        let (_, _, ok) = answered(config, fields);
        let interval = ok.header(HeaderName::SessionExpires);
        let interval = interval.map(|field| String::from_utf8(field.value.to_vec()).unwrap());
        let required = ok.require().any(|tag| tag == b"timer");
        (interval, required)
    };
    let agreed = |field: &str, required| (Some(field.to_owned()), required);
    let plain = alice();
    // The table of RFC 4028 section 9.
    for (fields, expected) in [
        ("", (None, false)),
        ("Supported: timer\n", (None, false)),
        (
            "Session-Expires: 1800\n",
            agreed("1800;refresher=uas", false),
        ),
        (
            "Supported: timer\nSession-Expires: 1800\n",
            agreed("1800;refresher=uac", true),
        ),
        (
            "Require: timer\nSession-Expires: 1800\n",
            agreed("1800;refresher=uac", true),
        ),
        (
            "Supported: 100rel, TIMER\nx: 1800;refresher=uac\n",
            agreed("1800;refresher=uac", true),
        ),
        (
            "k: timer\nSession-Expires: 1800;refresher=uas\n",
            agreed("1800;refresher=uas", true),
        ),
        (
            "Supported: timer\nSession-Expires: 1800\nMin-SE: 1800\n",
            agreed("1800;refresher=uac", true),
        ),
    ] {
        assert_eq!(with(&plain, fields), expected, "{fields}");
    }
    // The configuration decides where the request leaves it open.
    let mut refreshes = alice();
    refreshes.session_refresher(SessionRefresher::Uas);
    let fields = "Supported: timer\nSession-Expires: 1800\n";
    assert_eq!(with(&refreshes, fields), agreed("1800;refresher=uas", true));
    let fields = "Supported: timer\nSession-Expires: 1800;refresher=uac\n";
    assert_eq!(with(&refreshes, fields), agreed("1800;refresher=uac", true));
    // A callee asks on its own, shortens, and never goes below the Min-SE of the request.
    for (fields, expected) in [
        ("", (None, false)),
        ("Supported: timer\n", agreed("600;refresher=uas", true)),
        (
            "Supported: timer\nMin-SE: 700\n",
            agreed("700;refresher=uas", true),
        ),
        (
            "Supported: timer\nSession-Expires: 1800\n",
            agreed("600;refresher=uac", true),
        ),
        (
            "Supported: timer\nSession-Expires: 1800\nMin-SE: 900\n",
            agreed("900;refresher=uac", true),
        ),
        (
            "Supported: timer\nSession-Expires: 500\n",
            agreed("500;refresher=uac", true),
        ),
        (
            "Session-Expires: 1800\n",
            agreed("1800;refresher=uas", false),
        ),
    ] {
        assert_eq!(with(&asking(600), fields), expected, "{fields}");
    }
    let (_, _, ok) = answered(&plain, "Supported: timer\n");
    assert!(ok.supported().any(|tag| tag == b"timer"));
}

/// 4028-9-A: the caller follows the 2xx, whatever it asked for; one without a refresher makes it the refresher.
#[test]
fn rfc4028_7_2_the_caller_follows_the_2xx() {
    for (config, field, refreshes) in [
        (alice(), "1800;refresher=uac", true),
        (alice(), "1800;refresher=uas", false),
        (asking(600), "1800;refresher=uac", true),
        (asking(600), "1800;refresher=uas", false),
        (asking(600), "1800", true),
    ] {
        let (mut bench, id, _) = called(&config, &[("Session-Expires", field)]);
        bench.wait(900 * SECOND - Duration::from_millis(1));
        bench.no_events();
        bench.wait(SECOND);
        if refreshes {
            let again = refresh(&mut bench, id);
            assert_eq!(session_expires(&again), "1800;refresher=uac");
        } else {
            bench.no_events();
            bench.wait(866 * SECOND);
            bench.silence();
            bench.wait(2 * SECOND);
            expired(&mut bench);
        }
    }
    // An interval that RFC 4028 forbids is read as the shortest that it allows.
    let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "1;refresher=uac")]);
    bench.wait(44 * SECOND);
    bench.no_events();
    bench.wait(SECOND);
    assert_eq!(
        session_expires(&refresh(&mut bench, id)),
        "90;refresher=uac"
    );
}

/// 4028-10-A: a re-INVITE of the peer that leaves the refresher open keeps the roles; one without Session-Expires ends the
/// timer, unless this side asks for one.
#[test]
fn rfc4028_9_a_reinvite_of_the_peer_keeps_the_roles() {
    for (config, first, then, expected) in [
        (
            alice(),
            "200;refresher=uas",
            "Session-Expires: 200\n",
            Some("200;refresher=uas"),
        ),
        (
            alice(),
            "200;refresher=uac",
            "Session-Expires: 200\n",
            Some("200;refresher=uac"),
        ),
        (alice(), "200;refresher=uac", "", None),
        (
            asking(300),
            "200;refresher=uac",
            "",
            Some("200;refresher=uac"),
        ),
        (
            asking(300),
            "200;refresher=uas",
            "",
            Some("200;refresher=uas"),
        ),
    ] {
        let fields = format!("Supported: timer\nSession-Expires: {first}\n");
        let (mut bench, id, ok) = answered(&config, &fields);
        let fields = format!("Contact: <sip:bob@bob.invalid>\nSupported: timer\n{then}");
        bench.in_dialog("INVITE", 8, "re", &ok, &fields);
        bench.describe(id, OFFER);
        let again = bench.next_response();
        match expected {
            Some(field) => assert_eq!(session_expires(&again), field),
            None => assert!(!again.has(HeaderName::SessionExpires)),
        }
        bench.in_dialog("ACK", 8, "ack8", &ok, "");
        bench.events.clear();
        if expected.is_none() {
            bench.wait(10_000 * SECOND);
            bench.no_events();
            bench.silence();
        }
    }
}

/// 4028-10-C: a 2xx without Session-Expires ends the timer, to the INVITE and to a refresh.
#[test]
fn rfc4028_7_2_a_2xx_without_session_expires_cancels_the_timer() {
    let (mut bench, ..) = called(&asking(200), &[]);
    bench.wait(10_000 * SECOND);
    bench.no_events();
    bench.silence();
    let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "200;refresher=uac")]);
    bench.wait(100 * SECOND);
    let again = refresh(&mut bench, id);
    accept(&mut bench, &again, &[]);
    bench.renegotiated(id);
    bench.wait(10_000 * SECOND);
    bench.no_events();
    bench.silence();
}

/// 4028-5-A: a plain endpoint takes part in session timers only if its Supported lists `timer`.
#[test]
fn rfc4028_7_1_an_endpoint_without_the_option_tag_has_no_timers() {
    for supports in [false, true] {
        let mut settings =
            EndpointSettings::new(UriBuf::parse(b"sip:switch@example.com").expect("a URI"));
        settings.behaviour.takes_any_user = true;
        settings.behaviour.session_expires = Some(600 * SECOND);
        if supports {
            settings.identity.supported.push("timer".into());
        }
        let now = Timestamp::from_millis(1_000);
        let mut endpoint = Endpoint::new(settings, random(5), now);
        let peer = endpoint.accept(ConnectionInfo {
            transport: Transport::Tcp,
            remote: None,
        });
        let mut calls = SessionLayer::new();
        let invite = crlf(
            "INVITE sip:carol@example.com SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bob\nTo: <sip:carol@example.com>\n\
             Call-ID: call\nCSeq: 1 INVITE\nContact: <sip:bob@192.0.2.9>\nSupported: timer\n\
             Session-Expires: 60\nContent-Length: 0\n\n",
        );
        endpoint.receive(peer, invite, now).expect("room");
        calls.settle(&mut endpoint);
        let actions = core::iter::from_fn(|| endpoint.poll_action());
        let refused = actions.filter(|action| match action {
            Action::Transmit { bytes, .. } => bytes.starts_with(b"SIP/2.0 422 "),
            _ => false,
        });
        assert_eq!(refused.count(), usize::from(supports));
        assert_eq!(calls.len(), usize::from(!supports));
    }
}
