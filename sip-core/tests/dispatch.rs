//! The agent's handling of requests outside any dialog, of malformed input, and of mistakes of its host.

use std::time::Duration;

use sip_core::config::{Config, LogLevel};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{Action, Body, Cause, Event, Limits, Timestamp, Transport, UserAgent};
use sip_parse::{Bytes, HeaderName, Method, StatusCode};
use sip_testing::{Bench, SECOND, alice, random, value};

/// A request to alice; `edit` changes its text.
fn request(bench: &Bench, method: &str, edit: impl FnOnce(String) -> String) -> String {
    let user = bench.contact_user();
    edit(format!(
        "{method} sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{method}1\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
         Call-ID: dispatch\nCSeq: 1 {method}\nContact: <sip:bob@bob.invalid>\nContent-Length: 0\n\n"
    ))
}

/// The response to a request that the agent answers by itself.
fn answer(method: &str, edit: impl FnOnce(String) -> String) -> sip_parse::Response {
    let mut bench = Bench::new(&alice());
    let text = request(&bench, method, edit);
    bench.feed(&text);
    bench.no_events();
    let response = bench.next_response();
    bench.silence();
    if response.status().as_u16() >= 300 && method != "INVITE" {
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
    response
}

fn status(method: &str, edit: impl FnOnce(String) -> String) -> u16 {
    answer(method, edit).status().as_u16()
}

/// RFC 3261 8.2.1: 405 with Allow for a known method that is not allowed, 501 for an unknown one.
#[test]
fn rfc3261_8_2_1_methods() {
    for method in ["SUBSCRIBE", "PUBLISH", "REGISTER", "PRACK"] {
        let response = answer(method, |text| text);
        assert_eq!(response.status().as_u16(), 405, "{method}");
        assert!(value(&response, HeaderName::Allow).contains("INVITE"));
    }
    let response = answer("FLY", |text| text);
    assert_eq!(response.status().as_u16(), 501);
    assert!(response.has(HeaderName::Allow));
    assert_eq!(
        status("REFER", |text| text),
        403,
        "allowOutOfDialogRefers is false"
    );
}

/// RFC 3261 8.2.2.1: 404 for a Request-URI with a foreign user, 416 for one with a foreign scheme; the agent
/// ignores its host, and To.
#[test]
fn rfc3261_8_2_2_1_request_uri() {
    let uri = |new: &'static str| {
        move |text: String| {
            let end = text.find(" SIP/2.0").expect("start line");
            format!("OPTIONS {new}{}", &text[end..])
        }
    };
    assert_eq!(status("OPTIONS", uri("sip:alice@anywhere.example")), 200);
    assert_eq!(
        status("OPTIONS", uri("sip:%61lice@anywhere.example")),
        200,
        "19.1.4: escapes"
    );
    assert_eq!(
        status("OPTIONS", uri("sip:Alice@example.com")),
        404,
        "19.1.4: the user is case-sensitive"
    );
    assert_eq!(status("OPTIONS", uri("sip:mallory@example.com")), 404);
    assert_eq!(
        status("OPTIONS", uri("sip:EXAMPLE.com")),
        200,
        "no user: the host decides"
    );
    assert_eq!(status("OPTIONS", uri("sip:example.net")), 404);
    assert_eq!(status("OPTIONS", uri("tel:+15551234")), 416);
    assert_eq!(status("OPTIONS", uri("http://example.com")), 416);
    let to =
        |text: String| text.replace("To: <sip:alice@example.com>", "To: <sip:team@example.com>");
    assert_eq!(status("OPTIONS", to), 200);
}

/// RFC 3261 8.2.2.3: unknown option tags are listed in Unsupported, and only those; method comes first.
#[test]
fn rfc3261_8_2_2_3_require() {
    let require = |text: String| {
        text.replace(
            "Content-Length",
            "Require: outbound, foo\nRequire: bar\nContent-Length",
        )
    };
    let response = answer("OPTIONS", require);
    assert_eq!(response.status().as_u16(), 420);
    assert_eq!(value(&response, HeaderName::Unsupported), "foo, bar");
    assert_eq!(status("PUBLISH", require), 405, "8.2: method before header");
    assert_eq!(status("INVITE", require), 420);
}

/// RFC 3261 8.2.2.2: the same request by two paths is answered once; the other gets 482.
#[test]
fn rfc3261_8_2_2_2_merged_requests() {
    let mut bench = Bench::new(&alice());
    let first = request(&bench, "INVITE", |text| text);
    bench.feed(&first);
    bench.expect(|event| matches!(event, Event::IncomingCall { .. }).then_some(()));
    bench.feed(&first.replace("z9hG4bKINVITE1", "z9hG4bKother"));
    assert_eq!(bench.next_response().status().as_u16(), 482);
    bench.no_events();
}

/// RFC 3261 8.2.3: a body that is not SDP is 415 with Accept; an encoded one 415 with Accept-Encoding;
/// RFC 5621 3.1: one that may be ignored is no reason.
#[test]
fn rfc3261_8_2_3_content() {
    let body = |headers: &'static str| {
        move |text: String| {
            text.replace(
                "Content-Length: 0\n\n",
                &format!("{headers}Content-Length: 4\n\nbody"),
            )
        }
    };
    let response = answer("INVITE", body("Content-Type: text/plain\n"));
    assert_eq!(response.status().as_u16(), 415);
    assert_eq!(
        value(&response, HeaderName::Accept),
        "application/sdp, multipart/mixed, multipart/alternative, multipart/related"
    );
    let response = answer(
        "INVITE",
        body("Content-Type: application/sdp\nContent-Encoding: gzip\n"),
    );
    assert_eq!(response.status().as_u16(), 415);
    assert_eq!(value(&response, HeaderName::AcceptEncoding), "identity");
    let mut bench = Bench::new(&alice());
    let optional = "Content-Type: text/plain\nContent-Disposition: render;handling=optional\n";
    let text = request(&bench, "INVITE", body(optional));
    bench.feed(&text);
    bench.expect(|event| matches!(event, Event::IncomingCall { .. }).then_some(()));
}

/// RFC 3261 11.2: the 200 to OPTIONS lists the agent's capabilities.
#[test]
fn rfc3261_11_2_options() {
    let response = answer("OPTIONS", |text| text);
    assert_eq!(response.status().as_u16(), 200);
    for name in [
        HeaderName::Allow,
        HeaderName::Accept,
        HeaderName::AcceptEncoding,
        HeaderName::AcceptLanguage,
        HeaderName::Supported,
    ] {
        assert!(response.has(name), "{name:?}");
    }
    assert!(response.to().unwrap().tag().is_some());
}

/// RFC 3261 12.2.2, 15.1.2, 6665 4.1.3: the agent answers 481 to a request without its dialog, and drops an
/// ACK.
#[test]
fn rfc3261_12_2_2_no_such_dialog() {
    assert_eq!(status("BYE", |text| text), 481);
    assert_eq!(status("INFO", |text| text), 481);
    assert_eq!(status("NOTIFY", |text| text), 481);
    let tagged = |text: String| {
        text.replace(
            "To: <sip:alice@example.com>",
            "To: <sip:alice@example.com>;tag=gone",
        )
    };
    for method in ["INVITE", "BYE", "OPTIONS", "MESSAGE", "NOTIFY"] {
        assert_eq!(status(method, tagged), 481, "{method}");
    }
    let mut bench = Bench::new(&alice());
    let ack = request(&bench, "ACK", tagged);
    bench.feed(&ack);
    bench.silence();
    bench.assert_nothing_left();
}

/// INVITE without Contact makes no dialog (RFC 3261 8.1.1.8, 12.1.1): 400, and no call.
#[test]
fn rfc3261_8_1_1_8_invite_without_contact() {
    assert_eq!(
        status("INVITE", |text| text
            .replace("Contact: <sip:bob@bob.invalid>\n", "")),
        400
    );
}

/// RFC 4475 3.4.1: an INVITE of RFC 2543, without tag, cookie and Contact, is a call.
#[test]
fn rfc4475_3_4_1_an_invite_of_rfc2543_is_a_call() {
    let mut bench = Bench::new(&alice());
    let text = request(&bench, "INVITE", |text| {
        text.replace("Contact: <sip:bob@bob.invalid>\n", "")
            .replace(";tag=bobtag", "")
            .replace(";branch=z9hG4bKINVITE1", "")
    });
    bench.feed(&text);
    let session = bench.expect(|event| match event {
        Event::IncomingCall { session, .. } => Some(*session),
        _ => None,
    });
    bench.feed(&text);
    bench.no_events();
    bench.hang_up(session);
    assert_eq!(bench.next_response().status().as_u16(), 480);
}

/// RFC 3261 21.4.7, RFC 4475 3.3.15: an INVITE whose Accept leaves out SDP cannot be answered: 406.
#[test]
fn rfc3261_21_4_7_an_invite_that_does_not_accept_sdp() {
    let accept = |value: &'static str| {
        move |text: String| text.replace("Contact:", &format!("Accept: {value}\nContact:"))
    };
    assert_eq!(status("INVITE", accept("text/nobodyKnowsThis")), 406);
    for value in ["application/sdp", "text/plain, application/*", "*/*;q=0.5"] {
        let mut bench = Bench::new(&alice());
        let text = request(&bench, "INVITE", accept(value));
        bench.feed(&text);
        bench.expect(|event| matches!(event, Event::IncomingCall { .. }).then_some(()));
    }
}

/// `allowLegacyNotifications`: a NOTIFY without subscription reaches the application.
#[test]
fn legacy_notifications_reach_the_application() {
    let mut bench = Bench::new(alice().allow_legacy_notifications(true));
    let text = request(&bench, "NOTIFY", |text| {
        text.replace("Contact", "Event: message-summary\nContact")
    });
    bench.feed(&text);
    bench.expect(|event| matches!(event, Event::LegacyNotification { .. }).then_some(()));
    assert_eq!(bench.next_response().status().as_u16(), 200);
}

/// RFC 3428: a MESSAGE reaches the application, which accepts or refuses it; a retransmission is answered
/// without it (17.2.2, over UDP).
#[test]
fn rfc3428_a_message_is_the_applications_to_accept() {
    let mut bench = Bench::over(&alice(), Transport::Udp);
    let text = request(&bench, "MESSAGE", |text| {
        text.replace(
            "Content-Length: 0\n\n",
            "Content-Type: text/plain\nContent-Length: 5\n\nhello",
        )
    });
    bench.feed(&text);
    let incoming = bench.expect(|event| match event {
        Event::IncomingRequest {
            incoming,
            request,
            session,
        } => {
            assert_eq!((request.body(), session), (&b"hello"[..], &None));
            Some(*incoming)
        }
        _ => None,
    });
    bench.feed(&text);
    bench.silence();
    bench
        .agent
        .respond(incoming, StatusCode::new(488).unwrap(), bench.now)
        .unwrap();
    bench.pump();
    let first = bench.next_response();
    assert_eq!(first.status().as_u16(), 488);
    bench.feed(&text);
    assert_eq!(bench.next_response().bytes(), first.bytes());
    bench.no_events();
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 3261 8.1.1, 8.2, 18.3, 21.4.1: the agent answers a malformed request with 400 (or the status of its fault),
/// drops a malformed response, and counts both. Nothing else changes.
#[test]
fn a_malformed_message_is_answered_or_dropped_and_counted() {
    let faults: [(&str, &str, Option<u16>); 9] = [
        ("CSeq: 1 OPTIONS", "CSeq: 1 INVITE", Some(400)),
        ("CSeq: 1 OPTIONS", "CSeq: 99999999999 OPTIONS", Some(400)),
        ("CSeq: 1 OPTIONS\n", "", Some(400)),
        ("Call-ID: dispatch\n", "", Some(400)),
        ("SIP/2.0\nVia", "SIP/7.0\nVia", Some(505)),
        ("CSeq: 1 OPTIONS", "CSeq: 1 OPTIONS\nRequire: ][", Some(400)),
        ("Content-Length: 0", "Content-Length: 10", Some(400)),
        (
            "Content-Length: 0",
            "Content-Length: 0\nContent-Length: 5",
            Some(400),
        ),
        (
            "Via: SIP/2.0/WS bob.invalid;branch=z9hG4bKOPTIONS1\n",
            "",
            None,
        ),
    ];
    let mut bench = Bench::new(&alice());
    let (call, _) = bench.established_call();
    for (place, (from, to, expected)) in faults.into_iter().enumerate() {
        let text = request(&bench, "OPTIONS", |text| text.replacen(from, to, 1));
        bench.feed(&text);
        match expected {
            Some(expected) => assert_eq!(bench.next_response().status().as_u16(), expected, "{to}"),
            None => bench.silence(),
        }
        assert_eq!(bench.agent.counters().malformed, place as u64 + 1, "{to}");
    }
    let answered = bench.agent.counters().malformed_answered;
    assert_eq!(answered, 8);
    let before = bench.agent.counters().malformed;
    for rubbish in [
        "\u{0}\u{1}\u{2}",
        "GET / HTTP/1.1\n\n",
        "SIP/2.0 200 OK\n\n",
        ":::\n:\n\n",
        " ",
    ] {
        bench.feed(rubbish);
        bench.silence();
    }
    assert_eq!(bench.agent.counters().malformed, before + 5);
    assert!(bench.agent.is_connected());
    assert!(matches!(
        bench.agent.session(call),
        Ok(sip_core::Session::Established(_))
    ));
}

/// RFC 3261 18.1.2 and 8.1.3.3: the agent drops a response with a foreign top Via, or with two.
#[test]
fn rfc3261_18_1_2_foreign_responses_are_dropped() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    let ok = |via: &str| {
        format!(
            "SIP/2.0 486 Busy Here\n{via}From: {}\nTo: <sip:bob@example.com>;tag=x\nCall-ID: {}\n\
             CSeq: {} INVITE\nContent-Length: 0\n\n",
            value(&invite, HeaderName::From),
            value(&invite, HeaderName::CallId),
            invite.cseq().unwrap().number
        )
    };
    let own = value(&invite, HeaderName::Via);
    let branch = own.split("branch=").nth(1).unwrap();
    let other_branch: String = branch.chars().rev().collect();
    for via in [
        format!("Via: SIP/2.0/WS other.invalid;branch={branch}\n"),
        format!("Via: {}\n", own.replace(branch, "z9hG4bKguess")),
        format!("Via: {}\n", own.replace(branch, &other_branch)),
        format!("Via: {own}\nVia: SIP/2.0/WS second.invalid;branch=z9hG4bKx\n"),
    ] {
        bench.feed(&ok(&via));
        bench.no_events();
    }
    assert_eq!(bench.agent.counters().ignored, 4);
    bench.feed(&ok(&format!("Via: {own}\n")));
    bench.expect(|event| matches!(event, Event::Ended { .. }).then_some(()));
}

/// RFC 5626 4.4.1: CRLF CRLF is answered by CRLF; neither reaches the parser.
#[test]
fn rfc5626_4_4_1_pings_are_answered() {
    let mut bench = Bench::new(&alice());
    bench.feed_bytes(&b"\r\n\r\n"[..]);
    assert_eq!(bench.raw.last().map(|bytes| &bytes[..]), Some(&b"\r\n"[..]));
    bench.feed_bytes(&b"\r\n"[..]);
    assert_eq!(bench.raw.len(), 1);
    assert_eq!(bench.agent.counters().malformed, 0);
}

/// RFC 5626 4.4.1: no pong within 10 s means that the flow is dead.
#[test]
fn rfc5626_4_4_1_a_flow_without_pong_is_dead() {
    let mut bench = Bench::new(&alice());
    bench.answers_pings = false;
    bench.wait(Duration::from_secs(120));
    assert!(
        bench
            .others
            .iter()
            .any(|action| matches!(action, Action::Ping { .. }))
    );
    bench.wait(Duration::from_secs(11));
    assert!(bench.others.iter().any(|action| matches!(
        action,
        Action::Disconnect {
            reason: DisconnectReason::KeepAlive,
            ..
        }
    )));
    bench.expect(|event| {
        matches!(
            event,
            Event::Disconnected {
                reason: DisconnectReason::KeepAlive,
                ..
            }
        )
        .then_some(())
    });
    bench.connect_asked();
}

/// At the limit of its action queue the agent refuses input and loses nothing.
#[test]
fn backpressure_changes_nothing() {
    let mut limits = Limits::default();
    limits.actions = 8;
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
    let ping = Bytes::from_static(b"\r\n\r\n");
    let mut taken = 0;
    while agent.receive(connection, ping.clone(), now).is_ok() {
        taken += 1;
        assert!(taken < 100, "no limit");
    }
    let counters = agent.counters();
    assert!(agent.receive(connection, ping.clone(), now).is_err());
    assert!(
        agent
            .message("bob", Body::new("text/plain", "x"), now)
            .is_err()
    );
    assert_eq!(agent.counters(), counters);
    let mut pongs = 0;
    while let Some(action) = agent.poll_action() {
        pongs += usize::from(matches!(action, Action::Transmit { .. }));
    }
    assert_eq!(pongs, taken);
    assert!(agent.receive(connection, ping, now).is_ok());
}

/// The agent's time never goes back, and it refuses a jump of more than seven days until the host calls `resume`.
#[test]
fn the_clock_may_stand_still_but_not_jump() {
    let mut bench = Bench::new(&alice());
    bench.call();
    bench
        .agent
        .tick(Timestamp::ZERO)
        .expect("raised to the last time seen");
    let far = bench.now + Duration::from_secs(8 * 86_400);
    let jump = bench.agent.tick(far).unwrap_err();
    assert_eq!(jump.by, Duration::from_secs(8 * 86_400));
    bench.pump();
    bench.no_events();
    bench.agent.resume(far);
    bench.pump();
    bench.expect(|event| {
        matches!(event, Event::Ended { reason, .. } if reason.cause == Cause::Timeout).then_some(())
    });
}

/// `autostart` false: nothing happens before `start`; a second start is refused.
#[test]
fn autostart_false_waits_for_start() {
    let mut config = alice();
    config
        .autostart(false)
        .log_level(LogLevel::Error)
        .instance_id("8f1c0e52-6a1d-4b7e-9c3f-2d5b7a90e416");
    let now = Timestamp::ZERO;
    let mut agent = UserAgent::new(config.build().unwrap(), random(1), now).unwrap();
    assert!(agent.poll_action().is_none());
    assert_eq!(agent.next_tick(), None);
    assert!(
        agent
            .message("bob", Body::new("text/plain", "x"), now)
            .is_err()
    );
    agent.start(now).unwrap();
    assert!(agent.start(now).is_err());
    assert!(matches!(
        agent.poll_action(),
        Some(Action::Event(Event::Connecting { .. }))
    ));
    assert!(matches!(agent.poll_action(), Some(Action::Connect { .. })));
}

/// `stop` hangs up and unregisters, then emits one `Stopped`, then disconnects. The grace period bounds it.
#[test]
fn stop_ends_everything_within_its_grace() {
    let mut bench = Bench::new(&alice());
    let (_, _) = bench.established_call();
    bench.agent.stop(None, bench.now);
    bench.pump();
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    bench.expect(|event| matches!(event, Event::Stopped { unfinished: 0 }).then_some(()));
    assert!(matches!(
        bench.others.last(),
        Some(Action::Disconnect {
            reason: DisconnectReason::Stopped,
            ..
        })
    ));
    assert_eq!(bench.agent.next_tick(), None);
    bench.assert_nothing_left();

    let mut bench = Bench::new(&alice());
    bench.established_call();
    bench.agent.stop(None, bench.now);
    bench.pump();
    bench.wait(Duration::from_millis(1_999));
    assert!(bench.agent.is_connected());
    bench.wait(Duration::from_millis(2));
    let ended = bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some(reason.cause),
        _ => None,
    });
    assert_eq!(ended, Cause::Stopped);
    bench.expect(|event| matches!(event, Event::Stopped { unfinished: 1 }).then_some(()));
    bench.assert_nothing_left();
    assert_eq!(bench.agent.next_tick(), None);
}

/// The agent ignores late bytes of a closed connection, and reports about unknown ones.
#[test]
fn late_news_of_a_closed_connection_is_ignored() {
    let mut bench = Bench::new(&alice());
    let old = bench.connection;
    let text = request(&bench, "OPTIONS", |text| text);
    bench
        .agent
        .connection_closed(old, DisconnectReason::Lost, bench.now);
    bench.pump();
    bench.events.clear();
    bench.feed(&text);
    bench.silence();
    bench
        .agent
        .connection_closed(old, DisconnectReason::Lost, bench.now);
    bench
        .agent
        .connection_failed(old, ConnectError::Dns, bench.now);
    bench.agent.pong(old, bench.now);
    bench.pump();
    bench.no_events();
}

/// `traceSip`: each message once, without its credentials unless the configuration enables them.
#[test]
fn trace_sip_hides_credentials() {
    for reveal in [false, true] {
        let mut config = alice();
        config
            .register(true)
            .trace_sip(true)
            .trace_sip_credentials(reveal);
        let mut bench = Bench::new(&config);
        let first = bench.next_request();
        bench.reply(
            &first,
            401,
            &[(
                "WWW-Authenticate",
                r#"Digest realm="r", nonce="n", qop="auth""#,
            )],
        );
        let traces: Vec<String> = bench
            .others
            .iter()
            .filter_map(|action| match action {
                Action::Trace(trace) => Some(trace.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(traces.len(), 3);
        assert_eq!(traces[2].contains("nonce=\"n\""), reveal);
        assert_eq!(
            traces[2].contains("Authorization: Digest [redacted]\r\n"),
            !reveal,
            "{}",
            traces[2]
        );
        assert!(traces[2].contains("CSeq: 2 REGISTER"));
    }
}

/// The 17 common parameters that change bytes, each with its effect on a REGISTER.
#[test]
fn parameters_change_the_bytes_that_they_should() {
    let register = |edit: &dyn Fn(&mut sip_core::config::ConfigBuilder)| {
        let mut config = alice();
        config.register(true);
        edit(&mut config);
        Bench::new(&config).next_request()
    };
    let plain = register(&|_| {});
    assert!(value(&plain, HeaderName::UserAgent).starts_with("sip-core/"));
    assert!(!plain.has(HeaderName::Route));
    let request = register(&|config| {
        config.user_agent_string("Test/1");
    });
    assert_eq!(value(&request, HeaderName::UserAgent), "Test/1");
    let request = register(&|config| {
        config.hack_via_tcp(true);
    });
    assert_eq!(request.top_via().unwrap().transport(), b"TCP");
    let request = register(&|config| {
        config.hack_ip_in_contact(true);
    });
    assert!(
        request
            .top_via()
            .unwrap()
            .host_bytes()
            .starts_with(b"192.0.2.")
    );
    assert!(value(&request, HeaderName::Contact).contains("@192.0.2."));
    let request = register(&|config| {
        config.hack_wss_in_transport(true);
    });
    assert!(value(&request, HeaderName::Contact).contains(";transport=wss>"));
    assert_eq!(request.top_via().unwrap().transport(), b"WS");
    let request = register(&|config| {
        config.use_preloaded_route(true);
    });
    assert_eq!(
        value(&request, HeaderName::Route),
        "<sip:127.0.0.1:5080;lr;transport=ws>"
    );
    let request = register(&|config| {
        config.registrar_server("sip:registrar.example.com");
    });
    assert_eq!(request.uri_bytes(), b"sip:registrar.example.com");
    let request = register(&|config| {
        config.register_expires(Duration::from_secs(77));
    });
    assert!(value(&request, HeaderName::Contact).ends_with(";expires=77"));
    let request = register(&|config| {
        config.instance_id("8f1c0e52-6a1d-4b7e-9c3f-2d5b7a90e416");
    });
    assert!(
        value(&request, HeaderName::Contact)
            .contains("<urn:uuid:8f1c0e52-6a1d-4b7e-9c3f-2d5b7a90e416>")
    );
}

/// Without a uri the agent is anonymous (SIP.js: `anonymous.X@anonymous.invalid`), new each time.
#[test]
fn an_agent_without_uri_is_anonymous() {
    let anonymous = |seed| {
        let random =
            Box::new(<rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::from_seed([seed; 32]));
        let config = Config::builder().server("ws://127.0.0.1").build().unwrap();
        UserAgent::new(config, random, Timestamp::ZERO)
            .unwrap()
            .address_of_record()
            .to_string()
    };
    assert!(anonymous(1).starts_with("sip:anonymous."));
    assert!(anonymous(1).ends_with("@anonymous.invalid"));
    assert_ne!(anonymous(1), anonymous(2));
    assert_eq!(anonymous(1), anonymous(1), "same seed, same bytes");
}

/// Queued actions and idle agents are small.
#[test]
fn sizes_are_bounded() {
    assert!(size_of::<Action>() <= 72, "{}", size_of::<Action>());
    assert!(
        size_of::<UserAgent>() <= 2_048,
        "{}",
        size_of::<UserAgent>()
    );
    fn sendable<T: Send>() {}
    sendable::<UserAgent>();
}

/// RFC 3261 20.14: every message has Content-Length, on every transport.
#[test]
fn rfc3261_20_14_every_message_says_its_length() {
    for transport in [Transport::Ws, Transport::Tcp, Transport::Udp] {
        let mut bench = Bench::over(&alice(), transport);
        let (_, invite) = bench.call();
        assert_eq!(
            invite.content_length().unwrap(),
            Some(sip_testing::OFFER.len() as u32)
        );
        bench.reply_tagged(
            &invite,
            200,
            "peer",
            &[("Contact", "<sip:bob@192.0.2.9>")],
            Some(sip_testing::OFFER),
        );
        let ack = bench.next_request();
        assert_eq!(ack.content_length().unwrap(), Some(0));
        let text = request(&bench, "OPTIONS", |text| text);
        bench.feed(&text);
        assert_eq!(bench.next_response().content_length().unwrap(), Some(0));
    }
}
