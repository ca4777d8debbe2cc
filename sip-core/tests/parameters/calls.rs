//! The parameters of calls, and those that the agent refuses by name because it does not implement them.

use std::time::Duration;

use sip_core::config::{Config, ConfigBuilder, DtmfType, SessionRefresher, Support};
use sip_core::{
    Cause, CommandError, DescriptionFailed, DescriptionKind, Event, Originator, Session,
};
use sip_parse::{HeaderName, Method};

use sip_testing::{Bench, OFFER, SECOND, alice, description_needed, value};

/// CFG-NOANSWER: 408 when the time is up, not before; an Expires that comes earlier ends it with 487
/// (RFC 3261 13.3.1).
pub(crate) fn cfg_noanswer_ends_with_408() {
    for (given, seconds) in [(None, 60), (Some(7), 7)] {
        let mut config = alice();
        if let Some(seconds) = given {
            config.no_answer_timeout(Duration::from_secs(seconds));
        }
        let mut bench = Bench::new(&config);
        let id = bench.invite_from_bob(1);
        bench.wait(Duration::from_secs(seconds) - Duration::from_millis(1));
        assert_eq!(bench.next_response().status().as_u16(), 100);
        bench.silence();
        bench.wait(Duration::from_millis(1));
        assert_eq!(bench.next_response().status().as_u16(), 408);
        let reason = bench.expect(|event| match event {
            Event::Ended { session, reason } if *session == id => Some(reason.clone()),
            _ => None,
        });
        assert_eq!(
            (reason.originator, reason.cause),
            (Originator::Local, Cause::NoAnswer)
        );
    }
    for (expires, status) in [(3, 487), (9, 408)] {
        let mut config = alice();
        let mut bench = Bench::new(config.no_answer_timeout(7 * SECOND));
        let user = bench.contact_user();
        bench.feed(&format!(
            "INVITE sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: 1\n\
             CSeq: 1 INVITE\nContact: <sip:bob@b.invalid>\nExpires: {expires}\n\
             Content-Length: 0\n\n"
        ));
        bench.wait(8 * SECOND);
        assert_eq!(bench.next_response().status().as_u16(), 100);
        assert_eq!(bench.next_response().status().as_u16(), status);
    }
}

/// `offerTimeout`: an accepted call whose answer does not come in time gets 488, a call of this side whose offer does not come ends
/// without an INVITE, and a re-INVITE is refused. Neither 180 nor 487 waits for the description.
pub(crate) fn offer_timeout_ends_an_exchange_without_a_description() {
    for (given, seconds) in [(None, 30), (Some(7), 7)] {
        let mut config = alice();
        if let Some(seconds) = given {
            config.offer_timeout(Duration::from_secs(seconds));
        }
        let late = Duration::from_secs(seconds);
        let ended = |bench: &mut Bench| {
            let reason = bench.expect(|event| match event {
                Event::Ended { reason, .. } => Some(reason.clone()),
                _ => None,
            });
            (reason.originator, reason.cause)
        };
        let expected = (Originator::Local, Cause::BadDescription);

        let mut bench = Bench::new(&config);
        let id = bench.invite_from_bob(1);
        bench.accept(id);
        let Ok(Session::Incoming(call)) = bench.agent.session(id) else {
            panic!("the call waits for its description");
        };
        call.ring(bench.now);
        bench.pump();
        assert_eq!(bench.next_response().status().as_u16(), 180);
        bench.wait(late - Duration::from_millis(1));
        bench.silence();
        bench.wait(Duration::from_millis(1));
        assert_eq!(bench.next_response().status().as_u16(), 488);
        assert_eq!(ended(&mut bench), expected);

        let mut bench = Bench::new(&config);
        let call = bench
            .agent
            .invite("sip:bob@example.com", Default::default(), bench.now);
        call.expect("a call");
        bench.pump();
        bench.wait(late - Duration::from_millis(1));
        assert!(matches!(bench.event(), Event::DescriptionNeeded { .. }));
        bench.no_events();
        bench.wait(Duration::from_millis(1));
        assert_eq!(ended(&mut bench), expected);
        bench.silence();

        let mut bench = Bench::new(&config);
        let id = bench.invite_from_bob(1);
        let ok = bench.answer(id, OFFER);
        bench.in_dialog("ACK", 7, "ack", &ok, "");
        bench.in_dialog(
            "INVITE",
            8,
            "again",
            &ok,
            "Contact: <sip:bob@bob.invalid>\n",
        );
        bench.wait(late);
        assert_eq!(bench.next_response().status().as_u16(), 100);
        assert_eq!(bench.next_response().status().as_u16(), 488);
        assert!(matches!(
            bench.agent.session(id),
            Ok(Session::Established(_))
        ));
    }
}

/// The answer to an INVITE with these header fields, and the option tags that it names in Unsupported or Require.
fn answer_to_invite(config: &ConfigBuilder, headers: &str) -> (u16, String) {
    let mut bench = Bench::new(config);
    let user = bench.contact_user();
    bench.feed(&format!(
        "INVITE sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: 1\nCSeq: 1 INVITE\n\
         Contact: <sip:bob@b.invalid>\n{headers}Content-Length: 0\n\n"
    ));
    bench.wait(Duration::from_millis(200));
    let response = bench.next_response();
    let name = match response.status().as_u16() {
        100 => return (100, String::new()),
        421 => HeaderName::Require,
        _ => HeaderName::Unsupported,
    };
    bench.no_events();
    (response.status().as_u16(), value(&response, name))
}

/// CFG-100REL, RFC 3261 8.2.2.3 and 21.4.15, RFC 3262 3: `none` does not list `100rel` in Supported and answers 420 to a peer that requires
/// it; `supported` lists it and takes both kinds of peers; `required` puts it into Require of an INVITE too, and answers 421 to a
/// peer without it (3261-8.2.4-A).
pub(crate) fn cfg_100rel_decides_supported_require_and_421() {
    const WITHOUT: &str = "Supported: timer\n";
    const SUPPORTS: &str = "Supported: timer, 100REL\n";
    const REQUIRES: &str = "Require: 100rel\n";
    let taken = (100, String::new());
    let unsupported = (420, "100rel".to_owned());
    let required = (421, "100rel".to_owned());
    for (support, answers) in [
        (Support::None, [&taken, &taken, &unsupported]),
        (Support::Supported, [&taken, &taken, &taken]),
        (Support::Required, [&required, &taken, &taken]),
    ] {
        let mut config = alice();
        config.rel100(support);
        for (headers, answer) in [WITHOUT, SUPPORTS, REQUIRES].iter().zip(answers) {
            assert_eq!(
                &answer_to_invite(&config, headers),
                answer,
                "{support:?}, {headers}"
            );
        }
        // The unknown tag alone is named.
        let (status, tags) = answer_to_invite(&config, "Require: 100rel, unknown\n");
        assert_eq!(status, 420);
        assert_eq!(tags.contains("100rel"), support == Support::None, "{tags}");
        let (_, invite) = Bench::new(&config).call();
        let known = support != Support::None;
        assert_eq!(invite.has_token(HeaderName::Supported, b"100rel"), known);
        assert_eq!(invite.has_token(HeaderName::Allow, b"PRACK"), known);
        let requires = invite.has_token(HeaderName::Require, b"100rel");
        assert_eq!(requires, support == Support::Required);
    }
}

/// CFG-REPLACES, RFC 3261 8.2.2.3 and 21.4.15, RFC 3891 4: `none` does not list `replaces` in Supported and answers 420 to a peer
/// that requires it; `supported` lists it; `required` puts it into Require of an INVITE too, and answers 421 to a peer
/// without it.
pub(crate) fn cfg_replaces_decides_supported_require_and_421() {
    const WITHOUT: &str = "Supported: timer\n";
    const SUPPORTS: &str = "Supported: timer, Replaces\n";
    const REQUIRES: &str = "Require: replaces\n";
    let taken = (100, String::new());
    let unsupported = (420, "replaces".to_owned());
    let required = (421, "replaces".to_owned());
    for (support, answers) in [
        (Support::None, [&taken, &taken, &unsupported]),
        (Support::Supported, [&taken, &taken, &taken]),
        (Support::Required, [&required, &taken, &taken]),
    ] {
        let mut config = alice();
        config.replaces(support);
        for (headers, answer) in [WITHOUT, SUPPORTS, REQUIRES].iter().zip(answers) {
            let found = answer_to_invite(&config, headers);
            assert_eq!(&found, answer, "{support:?}, {headers}");
        }
        let (_, invite) = Bench::new(&config).call();
        let known = support != Support::None;
        assert_eq!(invite.has_token(HeaderName::Supported, b"replaces"), known);
        let requires = invite.has_token(HeaderName::Require, b"replaces");
        assert_eq!(requires, support == Support::Required);
    }
}

/// `autostop` is carried out by the adapters, which have handles (`adapters/*/tests/lifecycle.rs`): the core lives until it
/// is stopped.
pub(crate) fn autostop_is_the_adapters() {
    let mut bench = Bench::new(alice().autostop(true));
    assert!(bench.agent.config().autostop() && !bench.agent.is_idle());
    bench.wait(Duration::from_secs(60));
    assert!(bench.agent.is_connected());
    bench.agent.stop(None, bench.now);
    bench.pump();
    assert!(bench.agent.is_idle());
}

/// `dtmfType` `info`: a tone is an INFO with `application/dtmf-relay`; `rtp`: the media side may send it.
pub(crate) fn dtmf_is_an_info() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let now = bench.now;
    let tone = |bench: &mut Bench, tone, milliseconds| {
        let Ok(Session::Established(call)) = bench.agent.session(id) else {
            panic!("the call is up");
        };
        call.send_dtmf(tone, Duration::from_millis(milliseconds), now)
    };
    let request = tone(&mut bench, '#', 160).unwrap();
    bench.pump();
    let info = bench.next_request();
    assert_eq!(info.method(), Method::Info);
    assert_eq!(
        value(&info, HeaderName::ContentType),
        "application/dtmf-relay"
    );
    assert_eq!(info.body(), b"Signal=#\r\nDuration=160\r\n");
    bench.reply(&info, 200, &[]);
    let finished = bench.expect(|event| match event {
        Event::RequestCompleted { request, outcome } => Some((*request, outcome.is_ok())),
        _ => None,
    });
    assert_eq!(finished, (request, true));
    for (wrong, milliseconds) in [('x', 100), ('\r', 100), ('1', 69), ('1', 6_001)] {
        assert!(matches!(
            tone(&mut bench, wrong, milliseconds),
            Err(CommandError::Tones(_))
        ));
    }
    bench.pump();
    bench.silence();
    // `rtp`: the media side is asked first.
    let mut bench = Bench::new(alice().dtmf_type(DtmfType::Rtp));
    let (id, _) = bench.established_call();
    let Ok(Session::Established(call)) = bench.agent.session(id) else {
        panic!("the call is up");
    };
    let request = call
        .send_dtmf('1', Duration::from_millis(100), bench.now)
        .unwrap();
    bench.pump();
    bench.silence();
    let offered = bench.expect(|event| match event {
        Event::TonesOffered { request, tones, .. } => Some((*request, tones.to_string())),
        _ => None,
    });
    assert_eq!(offered, (request, "1".to_owned()));
}

/// The handler of SIP.js corresponds to an event, and its return value to a command. The agent sends a
/// description that the application makes, and ends the call if the application fails. The adapters have the
/// trait.
pub(crate) fn description_handler_is_an_event_and_a_command() {
    let mut bench = Bench::new(&alice());
    let call = |bench: &mut Bench| {
        let id = bench
            .agent
            .invite("bob", Default::default(), bench.now)
            .unwrap();
        bench.pump();
        bench.silence();
        let request = description_needed(&bench.event()).unwrap();
        assert_eq!(
            (request.session, request.kind),
            (id, DescriptionKind::Offer)
        );
        id
    };
    let id = call(&mut bench);
    bench.describe(id, OFFER);
    assert_eq!(bench.next_request().body(), OFFER.as_bytes());
    let id = call(&mut bench);
    bench.try_describe(id, Err(DescriptionFailed)).unwrap();
    bench.silence();
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => (reason.cause == Cause::BadDescription).then_some(()),
        _ => None,
    });
}

/// Only the factory of the handlers sees the options: `Debug` shows their keys alone.
pub(crate) fn description_options_are_passed_on() {
    let mut config = alice();
    config.session_description_handler_factory_option("iceServers", r#"[{"credential":"x1"}]"#);
    let bench = Bench::new(&config);
    let options = bench
        .agent
        .config()
        .session_description_handler_factory_options();
    assert_eq!(options["iceServers"], r#"[{"credential":"x1"}]"#);
    let shown = format!("{:?}", bench.agent.config());
    assert!(shown.contains("iceServers") && !shown.contains("x1"));
}

/// The application reads `custom` from the agent.
pub(crate) fn custom_is_passed_through() {
    let mut config = alice();
    let bench = Bench::new(config.custom("team", "\"north\""));
    assert_eq!(bench.agent.config().custom()["team"], "\"north\"");
    assert!(Config::default().custom().is_empty());
}

/// `sessionExpires`: the INVITE asks for a session timer (RFC 4028 section 7.1). By default it asks for none.
pub(crate) fn cfg_session_expires_asks_for_a_session_timer() {
    let (_, invite) = Bench::new(&alice()).call();
    assert!(!invite.has(HeaderName::SessionExpires) && !invite.has(HeaderName::MinSe));
    let (_, invite) = Bench::new(alice().session_expires(600 * SECOND)).call();
    assert_eq!(value(&invite, HeaderName::SessionExpires), "600");
    for refused in [1, 89] {
        let errors = alice().session_expires(refused * SECOND).build();
        assert!(errors.is_err(), "{refused} s is below RFC 4028 section 5");
    }
    let below = alice()
        .min_se(300 * SECOND)
        .session_expires(200 * SECOND)
        .build();
    let errors = below.expect_err("an interval that this side would refuse itself");
    assert!(errors.to_string().contains("sessionExpires"), "{errors}");
}

/// `minSe`: a shorter interval of the peer gets 422 (RFC 4028 section 9).
pub(crate) fn cfg_min_se_refuses_a_shorter_interval() {
    for (min_se, interval, refused) in [
        (None, 90, false),
        (Some(200), 199, true),
        (Some(200), 200, false),
    ] {
        let mut config = alice();
        if let Some(min_se) = min_se {
            config.min_se(min_se * SECOND);
        }
        let mut bench = Bench::new(&config);
        let user = bench.contact_user();
        bench.feed(&format!(
            "INVITE sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: 1\n\
             CSeq: 1 INVITE\nContact: <sip:bob@b.invalid>\nSupported: timer\n\
             Session-Expires: {interval}\nContent-Length: 0\n\n"
        ));
        let calls = bench.events.iter();
        let calls = calls.filter(|event| matches!(event, Event::IncomingCall { .. }));
        assert_eq!(calls.count(), usize::from(!refused), "{interval}");
        if refused {
            let response = bench.next_response();
            assert_eq!(response.status().as_u16(), 422);
            assert_eq!(value(&response, HeaderName::MinSe), "200");
        }
    }
    let (_, invite) = Bench::new(alice().min_se(200 * SECOND)).call();
    assert_eq!(value(&invite, HeaderName::MinSe), "200");
}

/// `sessionRefresher`: the side that the INVITE proposes to refresh (RFC 4028 section 7.1).
pub(crate) fn cfg_session_refresher_names_the_side() {
    for (side, field) in [
        (SessionRefresher::Auto, "1800"),
        (SessionRefresher::Uac, "1800;refresher=uac"),
        (SessionRefresher::Uas, "1800;refresher=uas"),
    ] {
        let mut config = alice();
        config
            .session_expires(1_800 * SECOND)
            .session_refresher(side);
        let (_, invite) = Bench::new(&config).call();
        assert_eq!(value(&invite, HeaderName::SessionExpires), field);
    }
}

/// `infoPackages`: Recv-Info of the INVITE lists them (RFC 6086 section 4.2.1).
pub(crate) fn rfc6086_4_2_1_info_packages_are_listed() {
    let (_, invite) = Bench::new(alice().info_packages(["foo", "bar"])).call();
    assert_eq!(value(&invite, HeaderName::RecvInfo), "foo, bar");
    for wrong in ["", "a b", "nil"] {
        assert!(alice().info_packages([wrong]).build().is_err(), "{wrong}");
    }
}

/// A SUBSCRIBE of bob to message-summary, with these further header fields.
fn subscribe(bench: &mut Bench, number: u32, fields: &str) {
    let user = bench.contact_user();
    bench.feed(&format!(
        "SUBSCRIBE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKs{number}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
         Call-ID: s{number}\nCSeq: 1 SUBSCRIBE\nContact: <sip:bob@bob.invalid;transport=ws>\n\
         {fields}Content-Length: 0\n\n"
    ));
}

/// `eventPackages`: Allow-Events of the INVITE lists them (RFC 6665 section 4.4.4), and a SUBSCRIBE to one of them reaches the
/// application.
pub(crate) fn rfc6665_4_4_4_event_packages_are_listed() {
    let mut bench = Bench::new(alice().event_packages(["message-summary", "presence.winfo"]));
    let (_, invite) = bench.call();
    let listed = "message-summary, presence.winfo";
    assert_eq!(value(&invite, HeaderName::AllowEvents), listed);
    let allow = value(&invite, HeaderName::Allow);
    assert!(allow.ends_with(", SUBSCRIBE"), "{allow}");
    subscribe(&mut bench, 1, "Event: message-summary\n");
    bench.expect(|event| matches!(event, Event::IncomingSubscription { .. }).then_some(()));
    let mut bench = Bench::new(&alice());
    subscribe(&mut bench, 1, "Event: message-summary\n");
    assert_eq!(bench.next_response().status().as_u16(), 405);
    for wrong in ["", "a b", "refer"] {
        assert!(alice().event_packages([wrong]).build().is_err(), "{wrong}");
    }
}

/// `minSubscriptionExpires`: a SUBSCRIBE for less gets 423 (RFC 6665 section 4.2.1.1).
pub(crate) fn cfg_min_subscription_expires_refuses_a_shorter_subscription() {
    for (least, asked, refused) in [
        (None, 59, Some("60")),
        (None, 60, None),
        (None, 0, None),
        (Some(300), 299, Some("300")),
        (Some(300), 300, None),
        (Some(1), 1, None),
    ] {
        let mut config = alice();
        config.event_packages(["message-summary"]);
        if let Some(least) = least {
            config.min_subscription_expires(least * SECOND);
        }
        let mut bench = Bench::new(&config);
        let fields = format!("Event: message-summary\nExpires: {asked}\n");
        subscribe(&mut bench, 1, &fields);
        match refused {
            Some(min_expires) => {
                let response = bench.next_response();
                assert_eq!(response.status().as_u16(), 423);
                assert_eq!(value(&response, HeaderName::MinExpires), min_expires);
                bench.no_events();
            }
            None => bench.silence(),
        }
    }
    let too_long = alice().min_subscription_expires(3_601 * SECOND).build();
    assert!(too_long.is_err());
}

/// `extraMethods`: Allow lists them, and their requests within a call reach the application.
pub(crate) fn extra_methods_are_listed_and_passed_on() {
    let mut bench = Bench::new(alice().extra_methods(["KNOCK", "SING"]));
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    let allow = sip_testing::values(&answer, HeaderName::Allow);
    assert_eq!(allow.last().map(String::as_str), Some("KNOCK, SING"));
    bench.in_dialog("KNOCK", 8, "k", &answer, "");
    bench.expect(|event| matches!(event, Event::IncomingRequest { .. }).then_some(()));
    for wrong in ["", "a b", "INVITE", "UPDATE"] {
        assert!(alice().extra_methods([wrong]).build().is_err(), "{wrong}");
    }
}

/// `acceptedBodies`: an INVITE with a required part of a listed type is a call; OPTIONS and 415 list the types (RFC 3261
/// section 8.2.3).
pub(crate) fn rfc3261_8_2_3_accepted_bodies_are_not_refused() {
    let invite = |bench: &mut Bench, kind: &str| {
        let body = format!(
            "--b\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n\
             --b\r\nContent-Type: {kind}\r\n\r\nx\r\n--b--\r\n"
        );
        let user = bench.contact_user();
        bench.feed_bytes(format!(
            "INVITE sip:{user}@x.invalid SIP/2.0\r\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\nTo: <sip:alice@example.com>\r\n\
             Call-ID: {}\r\nCSeq: 1 INVITE\r\nContact: <sip:bob@bob.invalid>\r\n\
             Content-Type: multipart/mixed;boundary=b\r\nContent-Length: {}\r\n\r\n{body}",
            kind.len(),
            kind.len(),
            body.len(),
        ));
    };
    let accept = |message| value(message, HeaderName::Accept);
    let mut bench = Bench::new(alice().accepted_bodies(["application/pidf+xml"]));
    invite(&mut bench, "Application/PIDF+xml;charset=utf-8");
    let (session, parts) = bench.expect(|event| match event {
        Event::IncomingCall {
            session, request, ..
        } => Some((*session, request.parts().unwrap().iter().count())),
        _ => None,
    });
    assert_eq!(parts, 2);
    let answer = bench.answer(session, OFFER);
    assert_eq!(answer.status().as_u16(), 200);
    invite(&mut bench, "application/x-other");
    let refused = bench.next_response();
    assert_eq!(refused.status().as_u16(), 415);
    assert!(accept(&refused).ends_with(", application/pidf+xml"));
    bench.in_dialog("OPTIONS", 9, "options", &answer, "");
    assert!(accept(&bench.next_response()).ends_with(", application/pidf+xml"));
    let mut bench = Bench::new(&alice());
    invite(&mut bench, "application/pidf+xml");
    assert_eq!(bench.next_response().status().as_u16(), 415);
    for wrong in ["", "application", "*/*", "application/*", "a/b;c=d"] {
        assert!(alice().accepted_bodies([wrong]).build().is_err(), "{wrong}");
    }
}

/// `sessionId`: the INVITE has a Session-ID (RFC 7989); `session_id.rs` has the rest.
pub(crate) fn rfc7989_session_id_is_in_the_invite() {
    let (_, invite) = Bench::new(alice().session_id(true)).call();
    assert!(invite.session_id().unwrap().unwrap().remote.is_some());
    let (_, invite) = Bench::new(&alice()).call();
    assert_eq!(invite.session_id(), Ok(None));
}

/// `trustAssertedIdentity`: P-Asserted-Identity counts (RFC 3325 section 9.1); `from.rs` has the rest.
pub(crate) fn rfc3325_asserted_identities_need_trust() {
    for trusted in [true, false] {
        let bench = Bench::new(alice().trust_asserted_identity(trusted));
        let text = "INVITE sip:x@y SIP/2.0\nP-Asserted-Identity: <sip:a@b>\n\n";
        let message = sip_testing::parse(text);
        let found = bench.agent.asserted_identities(&message);
        assert_eq!(found.len(), usize::from(trusted));
    }
}

/// `earlySession`: Supported lists the option tag (RFC 3959 section 8); `early_session.rs` has the rest.
pub(crate) fn rfc3959_early_sessions_are_offered() {
    for (config, times) in [
        (alice().early_session(true).clone(), 1),
        (
            alice()
                .early_session(true)
                .extra_supported(["early-session"])
                .clone(),
            1,
        ),
        (alice(), 0),
    ] {
        let (_, invite) = Bench::new(&config).call();
        let tags = value(&invite, HeaderName::Supported);
        assert_eq!(tags.matches("early-session").count(), times, "{tags}");
    }
}
