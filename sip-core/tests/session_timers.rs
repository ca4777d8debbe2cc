//! Session timers (RFC 4028), in both roles, against a scripted peer.

use std::time::Duration;

use sip_core::config::{ConfigBuilder, SessionRefresher};
use sip_core::{
    Body, Cause, DescriptionKind, EndReason, Event, InviteOptions, Session, SessionId, Transport,
};
use sip_parse::{HeaderName, Method, Request, Response};
use sip_testing::{
    Bench, Crossover, OFFER, Pair, SECOND, Script, Weather, alice, description_needed, value,
};

const SECOND_OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";

/// Contact of the peer, for every 2xx.
const CONTACT: (&str, &str) = ("Contact", "<sip:bob@192.0.2.9>");

/// An agent that asks for this interval.
fn asking(seconds: u32) -> ConfigBuilder {
    let mut config = alice();
    config.session_expires(seconds * SECOND);
    config
}

/// A call of the agent that is up; `fields` are those of the 2xx.
fn called(config: &ConfigBuilder, fields: &[(&str, &str)]) -> (Bench, SessionId, Request) {
    let mut bench = Bench::new(config);
    let (id, invite) = bench.call();
    accept(&mut bench, &invite, fields);
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    bench.events.clear();
    (bench, id, invite)
}

/// The peer accepts an INVITE of the agent; the agent acknowledges.
fn accept(bench: &mut Bench, invite: &Request, fields: &[(&str, &str)]) {
    let fields: Vec<_> = [CONTACT]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    bench.reply_tagged(invite, 200, "bob1", &fields, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
}

/// The peer calls with these header fields; the agent's first response that is not 100.
fn invited(bench: &mut Bench, fields: &str) -> Option<SessionId> {
    let user = bench.contact_user();
    bench.feed(&format!(
        "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob1\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
         Call-ID: from-bob-1\nCSeq: 7 INVITE\nContact: <sip:bob@bob.invalid;transport=ws>\n{fields}\
         Content-Type: application/sdp\nContent-Length: {}\n\n{}",
        OFFER.len(),
        OFFER.replace("\r\n", "\n"),
    ));
    bench.events.iter().find_map(|event| match event {
        Event::IncomingCall { session, .. } => Some(*session),
        _ => None,
    })
}

/// A call of the peer that is up, and the 2xx of the agent.
fn answered(config: &ConfigBuilder, fields: &str) -> (Bench, SessionId, Response) {
    let mut bench = Bench::new(config);
    let id = invited(&mut bench, fields).expect("a call");
    let ok = bench.answer(id, OFFER);
    assert_eq!(ok.status().as_u16(), 200);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    bench.events.clear();
    (bench, id, ok)
}

/// The agent refreshes by a re-INVITE, for which the application gives the offer.
#[track_caller]
fn refresh(bench: &mut Bench, id: SessionId) -> Request {
    bench.description_needed();
    bench.describe(id, SECOND_OFFER);
    let request = bench.next_request();
    assert_eq!(request.method(), Method::Invite);
    assert_eq!(request.body(), SECOND_OFFER.as_bytes());
    request
}

/// The agent has ended the call because its session expired.
#[track_caller]
fn expired(bench: &mut Bench) {
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    let reason = value(&bye, HeaderName::Reason);
    assert_eq!(reason, "SIP;cause=408;text=\"Session expired\"", "RFC 3326");
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(bench).cause, Cause::Expired);
    bench.wait(64 * SECOND);
    bench.assert_nothing_left();
}

fn ended(bench: &mut Bench) -> EndReason {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((**reason).clone()),
        _ => None,
    })
}

fn session_expires(message: &sip_parse::Message) -> String {
    value(message, HeaderName::SessionExpires)
}

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

/// 4028-10-A: the refresher refreshes at half of the interval, again and again, and stays the refresher, as caller and as
/// callee.
#[test]
fn rfc4028_10_the_refresher_refreshes_at_half_of_the_interval() {
    let (mut bench, id, _) = called(&asking(200), &[("Session-Expires", "200;refresher=uac")]);
    let mut role = "200;refresher=uac";
    for _ in 0..5 {
        bench.wait(100 * SECOND - Duration::from_millis(1));
        bench.no_events();
        bench.wait(Duration::from_millis(1));
        let again = refresh(&mut bench, id);
        assert_eq!(session_expires(&again), role);
        assert!(again.supported().any(|tag| tag == b"timer"));
        assert!(!again.has(HeaderName::MinSe));
        accept(
            &mut bench,
            &again,
            &[("Session-Expires", role), ("Require", "timer")],
        );
        bench.renegotiated(id);
    }
    // The callee takes the role over.
    bench.wait(100 * SECOND);
    let again = refresh(&mut bench, id);
    role = "200;refresher=uas";
    accept(&mut bench, &again, &[("Session-Expires", role)]);
    bench.renegotiated(id);
    bench.wait(167 * SECOND);
    bench.silence();
    bench.wait(SECOND);
    expired(&mut bench);

    let fields = "Supported: timer\nSession-Expires: 200;refresher=uas\n";
    let (mut bench, id, _) = answered(&alice(), fields);
    for _ in 0..2 {
        bench.wait(100 * SECOND);
        let again = refresh(&mut bench, id);
        assert_eq!(
            session_expires(&again),
            "200;refresher=uac",
            "it is the caller of this request"
        );
        let fields = [CONTACT, ("Session-Expires", "200;refresher=uac")];
        bench.reply_tagged(&again, 200, "bobtag", &fields, Some(OFFER));
        assert_eq!(bench.next_request().method(), Method::Ack);
        bench.renegotiated(id);
    }
}

/// 4028-10-A: a re-INVITE of the application refreshes, too, and names the present refresher.
#[test]
fn rfc4028_7_4_each_reinvite_of_either_side_refreshes() {
    for (role, peer_refreshes) in [("uac", false), ("uas", true)] {
        let field = format!("200;refresher={role}");
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", &field)]);
        bench.wait(90 * SECOND);
        bench.reinvite(id);
        let again = refresh(&mut bench, id);
        assert_eq!(session_expires(&again), field);
        accept(&mut bench, &again, &[("Session-Expires", &field)]);
        bench.renegotiated(id);
        bench.wait(99 * SECOND);
        bench.no_events();
        if peer_refreshes {
            bench.wait(68 * SECOND);
            bench.silence();
            bench.wait(SECOND);
            expired(&mut bench);
        } else {
            bench.wait(SECOND);
            refresh(&mut bench, id);
        }
    }
    // The peer's re-INVITE: its refresher=uas means this side.
    for (asked, refreshes) in [("200;refresher=uas", true), ("200;refresher=uac", false)] {
        let fields = format!("Supported: timer\nSession-Expires: {asked}\n");
        let (mut bench, id, ok) = answered(&alice(), &fields);
        bench.wait(90 * SECOND);
        let fields = format!("Contact: <sip:bob@bob.invalid>\n{fields}");
        bench.in_dialog("INVITE", 8, "re", &ok, &fields);
        bench.describe(id, OFFER);
        let again = bench.next_response();
        assert_eq!(session_expires(&again), asked);
        bench.in_dialog("ACK", 8, "ack8", &ok, "");
        bench.events.clear();
        bench.wait(99 * SECOND);
        bench.no_events();
        if refreshes {
            bench.wait(SECOND);
            bench.description_needed();
        } else {
            bench.wait(68 * SECOND);
            bench.silence();
            bench.wait(SECOND);
            expired(&mut bench);
        }
    }
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

/// 4028-10-B: without a refresh of the peer the other side ends the call min(32 s, a third) before the session expires, with
/// a Reason.
#[test]
fn rfc4028_10_a_session_without_a_refresh_ends_by_bye() {
    for (interval, after) in [(1_800, 1_768), (96, 64), (90, 60)] {
        let field = format!("{interval};refresher=uas");
        let (mut bench, ..) = called(&alice(), &[("Session-Expires", &field)]);
        bench.wait(after * SECOND - Duration::from_millis(1));
        bench.silence();
        bench.wait(Duration::from_millis(1));
        expired(&mut bench);
        let fields = format!("Supported: timer\nSession-Expires: {interval};refresher=uac\n");
        let (mut bench, ..) = answered(&alice(), &fields);
        bench.wait(after * SECOND - Duration::from_millis(1));
        bench.silence();
        bench.wait(Duration::from_millis(1));
        expired(&mut bench);
    }
}

/// 4028-10-C: a refresh that gets 408 or 481, or no response, ends the call by BYE.
#[test]
fn rfc4028_10_a_refresh_that_the_peer_does_not_know_ends_the_call() {
    for status in [Some(408), Some(481), None] {
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "200;refresher=uac")]);
        bench.wait(100 * SECOND);
        let again = refresh(&mut bench, id);
        match status {
            Some(status) => {
                bench.reply_tagged(&again, status, "bob1", &[], None);
                assert_eq!(bench.next_request().method(), Method::Ack);
            }
            None => bench.wait(32 * SECOND),
        }
        assert_eq!(bench.next_request().method(), Method::Bye, "{status:?}");
        assert_eq!(
            bench.renegotiation_failed().cause,
            match status {
                Some(408) | None => Cause::Timeout,
                _ => Cause::Refused,
            }
        );
    }
}

/// 4028-10-C: a refresh that gets another error is repeated, each time after half of what is left, until the session
/// expires; then the call ends by BYE with a Reason. The application may have no offer either.
#[test]
fn rfc4028_10_a_refused_refresh_is_repeated_until_the_session_expires() {
    for status in [Some(500), Some(488), None] {
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "200;refresher=uac")]);
        for millis in [100_000, 50_000, 25_000, 12_500, 10_000] {
            bench.wait(Duration::from_millis(millis - 1));
            bench.no_events();
            bench.wait(Duration::from_millis(1));
            let Some(status) = status else {
                bench.description_needed();
                let refused = bench.try_describe(id, Err(sip_core::DescriptionFailed));
                assert_eq!(refused, Ok(()));
                bench.events.clear();
                continue;
            };
            let again = refresh(&mut bench, id);
            bench.reply_tagged(&again, status, "bob1", &[], None);
            assert_eq!(bench.next_request().method(), Method::Ack);
            bench.renegotiation_failed();
        }
        bench.wait(Duration::from_millis(2_499));
        bench.silence();
        bench.wait(Duration::from_millis(1));
        expired(&mut bench);
    }
    // A refresh that succeeds late begins the session anew.
    let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "200;refresher=uac")]);
    bench.wait(100 * SECOND);
    let again = refresh(&mut bench, id);
    bench.reply_tagged(&again, 500, "bob1", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.renegotiation_failed();
    bench.wait(50 * SECOND);
    let again = refresh(&mut bench, id);
    accept(
        &mut bench,
        &again,
        &[("Session-Expires", "200;refresher=uac")],
    );
    bench.renegotiated(id);
    bench.wait(99 * SECOND);
    bench.no_events();
    bench.wait(SECOND);
    refresh(&mut bench, id);
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

/// 4028-10-A: a late offer and a refresh that crosses a re-INVITE of the peer change nothing about the timer.
#[test]
fn rfc4028_10_late_offers_and_glare() {
    let mut bench = Bench::new(&asking(200));
    let options = InviteOptions::new().late_offer();
    let id = bench
        .agent
        .invite("sip:bob@example.com", options, bench.now);
    let id = id.expect("a call");
    bench.pump();
    let invite = bench.next_request();
    assert_eq!(session_expires(&invite), "200");
    let fields = [CONTACT, ("Session-Expires", "200;refresher=uac")];
    bench.reply_tagged(&invite, 200, "bob1", &fields, Some(OFFER));
    bench.describe(id, OFFER);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.events.clear();
    bench.wait(100 * SECOND);
    let again = refresh(&mut bench, id);
    bench.reply_tagged(&again, 491, "bob1", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.renegotiation_failed();
    bench.wait(4 * SECOND);
    let again = refresh(&mut bench, id);
    assert_eq!(session_expires(&again), "200;refresher=uac");
    accept(
        &mut bench,
        &again,
        &[("Session-Expires", "200;refresher=uac")],
    );
    bench.renegotiated(id);
    bench.wait(99 * SECOND);
    bench.no_events();
}

/// 4028-10-A, CONN-B: a refresh that is due without a connection waits for one; a repair refreshes by itself.
#[test]
fn rfc4028_10_a_refresh_waits_for_a_connection() {
    for lost_before in [95, 150] {
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "400;refresher=uac")]);
        bench.wait(lost_before * SECOND);
        bench.lose();
        bench.others.clear();
        // No attempt to connect succeeds, and the refresh falls due.
        bench.now = bench.now + 110 * SECOND;
        bench.agent.tick(bench.now).expect("tick");
        bench.pump();
        let asked = |event: &Event| matches!(event, Event::DescriptionNeeded { .. });
        assert!(
            !bench.events.iter().any(asked),
            "no offer without a connection"
        );
        bench.reconnect(Transport::Ws);
        let again = refresh(&mut bench, id);
        assert_eq!(session_expires(&again), "400;refresher=uac");
        accept(
            &mut bench,
            &again,
            &[("Session-Expires", "400;refresher=uac")],
        );
        bench.renegotiated(id);
        bench.events.clear();
        bench.wait(199 * SECOND);
        assert!(
            !bench.events.iter().any(asked),
            "the repair was the refresh"
        );
        bench.wait(SECOND);
        refresh(&mut bench, id);
    }
}

/// 4028-10-B: a session that expires without a connection ends by a BYE on the next one.
#[test]
fn rfc4028_10_a_session_expires_without_a_connection() {
    let (mut bench, ..) = called(&alice(), &[("Session-Expires", "90;refresher=uas")]);
    bench.wait(55 * SECOND);
    bench.lose();
    bench.wait(5 * SECOND);
    bench.silence();
    bench.reconnect(Transport::Ws);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    assert!(bye.has(HeaderName::Reason));
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(&mut bench).cause, Cause::Expired);
}

/// 4028-10-B, 4028-10-C: a host that slept past the end of the session ends the call, in either role, and refreshes nothing.
#[test]
fn rfc4028_10_a_host_that_slept_past_the_end() {
    for role in ["uac", "uas"] {
        let field = format!("1800;refresher={role}");
        let (mut bench, ..) = called(
            alice().keep_alive_interval(Duration::ZERO),
            &[("Session-Expires", &field)],
        );
        bench.sleep(3_600 * SECOND);
        bench.wait(Duration::ZERO);
        let asked = |event: &Event| matches!(event, Event::DescriptionNeeded { .. });
        assert!(!bench.events.iter().any(asked), "{role}");
        expired(&mut bench);
    }
    // A shorter sleep leaves time for the refresh.
    let field = ("Session-Expires", "1800;refresher=uac");
    let (mut bench, id, _) = called(alice().keep_alive_interval(Duration::ZERO), &[field]);
    bench.sleep(1_700 * SECOND);
    refresh(&mut bench, id);
}

/// 4028-10-B: the deadlines of a session end with its call.
#[test]
fn rfc4028_10_the_timers_end_with_the_call() {
    for role in ["uac", "uas"] {
        let field = format!("90;refresher={role}");
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", &field)]);
        bench.hang_up(id);
        let bye = bench.next_request();
        assert!(!bye.has(HeaderName::Reason));
        bench.reply(&bye, 200, &[]);
        bench.wait(32 * SECOND);
        bench.assert_nothing_left();
        bench.wait(200 * SECOND);
        bench.silence();
        let fields = format!("Supported: timer\nSession-Expires: 90;refresher={role}\n");
        let (mut bench, _, ok) = answered(&alice(), &fields);
        bench.in_dialog("BYE", 8, "bye", &ok, "");
        bench.wait(64 * SECOND);
        bench.assert_nothing_left();
    }
}

/// Applications that repeat their description whenever the agent asks for one.
#[derive(Default)]
struct Repeats {
    /// How many offers the application of each agent made.
    offers: [usize; 2],
    ended: [Option<EndReason>; 2],
}

impl Script<Crossover> for Repeats {
    fn event(&mut self, pair: &mut Pair<Crossover>, agent: usize, event: Event) {
        if let Some(asked) = description_needed(&event) {
            self.offers[agent] += usize::from(asked.kind == DescriptionKind::Offer);
            let (now, body) = (pair.now, Ok(Body::sdp(OFFER)));
            let described = asked.describe(&mut pair.agents[agent], body, now);
            described.expect("the agent asked for it");
        }
        if let Event::Ended { reason, .. } = event {
            self.ended[agent] = Some(*reason);
        }
    }

    fn wish(&mut self, _pair: &mut Pair<Crossover>, _agent: usize, _wish: u32) {}
}

/// 4028-10-A, 4028-10-B: two agents keep a call for hours, and the refresher alone refreshes. If the peer is gone, each side
/// ends the call by itself.
#[test]
fn rfc4028_10_two_agents_keep_a_call_and_notice_when_the_other_is_gone() {
    for (side, refresher) in [
        (SessionRefresher::Uac, 0),
        (SessionRefresher::Uas, 1),
        // The callee chooses the side that asked.
        (SessionRefresher::Auto, 0),
    ] {
        let mut config = asking(1_800);
        config.session_refresher(side);
        let mut bob = alice();
        bob.uri("sip:bob@example.com");
        let agents = [("alice", config), ("bob", bob)];
        let calm = Weather::calm(Transport::Ws);
        let mut pair = Pair::new(1, calm, Crossover::default(), &agents);
        pair.wait(SECOND);
        pair.call([0, 1], "sip:bob@example.com", OFFER);
        let mut script = Repeats::default();
        let hours = |hours: u32| Duration::from_secs(3_600) * hours;
        pair.run(pair.now + hours(5), &mut script);
        assert!(script.ended == [None, None], "{}", pair.ladder);
        assert_eq!(script.offers[refresher], 19, "each 15 minutes");
        assert_eq!(script.offers[1 - refresher], 0);
        // Bob loses the network for good.
        pair.down.insert((1, 0));
        pair.cut(1, 0);
        pair.run(pair.now + hours(1), &mut script);
        let ended = script.ended.map(|reason| reason.expect("the call is over"));
        let causes = ended.map(|reason| reason.cause);
        assert_eq!(
            causes[1],
            Cause::NeverSent,
            "the session expired, and the BYE found no connection"
        );
        let of_alice = if refresher == 0 {
            Cause::DialogGone
        } else {
            Cause::Expired
        };
        assert_eq!(causes[0], of_alice);
    }
}
