//! The registration client against a scripted registrar.

use std::time::Duration;

use sip_core::connection::DisconnectReason;
use sip_core::{Cause, Event, Originator};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, SECOND, alice, value, values};

fn registering() -> Bench {
    Bench::new(alice().register(true))
}

fn ok(bench: &mut Bench, request: &Request, headers: &[(&str, &str)]) {
    bench.reply(request, 200, headers);
}

/// The agent's Contact as a registrar echoes it.
fn echo(request: &Request, expires: u32) -> String {
    let contact = value(request, HeaderName::Contact);
    let (head, _) = contact.rsplit_once(";expires=").expect("expires");
    format!("{head};expires={expires}")
}

/// RFC 3261 10.2: To and From are the address-of-record, the Request-URI has no user, the Call-ID stays
/// and CSeq grows by one.
#[test]
fn rfc3261_10_2_register_has_the_form_that_the_rfc_asks_for() {
    let mut bench = registering();
    let first = bench.next_request();
    assert_eq!(first.method(), Method::Register);
    assert_eq!(first.uri_bytes(), b"sip:example.com");
    assert_eq!(
        first.from().unwrap().uri().as_bytes(),
        b"sip:alice@example.com"
    );
    assert_eq!(value(&first, HeaderName::To), "<sip:alice@example.com>");
    assert!(first.from().unwrap().tag().is_some());
    assert_eq!(first.max_forwards().unwrap(), Some(70));
    let contact = first.contacts().next().unwrap().unwrap();
    let contact = contact.addr().unwrap();
    assert_eq!(contact.param(b"expires"), Some(&b"600"[..]));
    assert_eq!(contact.param(b"reg-id"), Some(&b"1"[..]));
    let instance = format!("\"<urn:uuid:{}>\"", bench.agent.instance_id());
    assert_eq!(contact.param(b"+sip.instance"), Some(instance.as_bytes()));
    assert_eq!(contact.uri().transport(), Some(&b"ws"[..]));
    assert!(first.has_token(HeaderName::Supported, b"path"));
    assert!(first.has_token(HeaderName::Supported, b"outbound"));

    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    bench.wait(Duration::from_secs(545));
    let second = bench.next_request();
    assert_eq!(second.call_id().unwrap(), first.call_id().unwrap());
    assert_eq!(
        second.cseq().unwrap().number,
        first.cseq().unwrap().number + 1
    );
    assert_ne!(
        second.top_via().unwrap().branch(),
        first.top_via().unwrap().branch(),
        "8.1.1.7: a new branch"
    );
}

/// RFC 3261 22.2: one challenge, one retry with credentials, a new branch, CSeq one higher, the same
/// Call-ID and tags; then requests carry credentials in advance with nc counted (RFC 7616 3.4.3).
#[test]
fn rfc3261_22_2_a_challenge_is_answered_once() {
    let mut bench = registering();
    let first = bench.next_request();
    let challenge = r#"Digest realm="example.com", nonce="abc", qop="auth", algorithm=MD5"#;
    bench.reply(&first, 401, &[("WWW-Authenticate", challenge)]);
    let second = bench.next_request();
    assert_eq!(
        second.cseq().unwrap().number,
        first.cseq().unwrap().number + 1
    );
    assert_eq!(second.call_id().unwrap(), first.call_id().unwrap());
    assert_eq!(second.from().unwrap().tag(), first.from().unwrap().tag());
    assert_ne!(
        second.top_via().unwrap().branch(),
        first.top_via().unwrap().branch()
    );
    assert_eq!(second.vias().count(), 1);
    let credentials = value(&second, HeaderName::Authorization);
    assert!(
        credentials.contains("nc=00000001") && credentials.contains("username=\"alice\""),
        "{credentials}"
    );

    let granted = echo(&second, 100);
    ok(&mut bench, &second, &[("Contact", &granted)]);
    bench.wait(Duration::from_secs(91));
    let refresh = bench.next_request();
    assert!(
        value(&refresh, HeaderName::Authorization).contains("nc=00000002"),
        "one round trip, not two"
    );
}

/// RFC 3261 22.1, AUTH-LOOP: the agent does not send refused credentials again, and stops after that.
#[test]
fn rfc3261_22_1_refused_credentials_are_not_sent_again() {
    let mut bench = registering();
    for nonce in ["one", "one"] {
        let request = bench.next_request();
        let challenge = format!(r#"Digest realm="example.com", nonce="{nonce}", qop="auth""#);
        bench.reply(&request, 401, &[("WWW-Authenticate", &challenge)]);
    }
    let (cause, retry) = bench.expect(|event| match event {
        Event::RegistrationFailed { reason, retry_at } => Some((reason.cause, *retry_at)),
        _ => None,
    });
    assert_eq!((cause, retry), (Cause::Authentication, None));
    bench.wait(Duration::from_secs(7_200));
    bench.silence();
    assert!(!bench.agent.is_registered());
}

/// RFC 3261 10.2.4: the `expires` of the agent's Contact counts, then Expires, then the time in the REGISTER. The
/// agent finds its Contact by instance and reg-id, or by its random user part, even if a NAT helper rewrote the URI, and skips a malformed one
/// of others.
#[test]
fn rfc3261_10_2_4_the_granted_time_is_that_of_our_contact() {
    let grants: [(&[(&str, &str)], u64); 5] = [
        (
            &[
                ("Contact", "<sip:other@192.0.2.7>;expires=3600"),
                ("Contact", "OURS;expires=200"),
            ],
            200,
        ),
        (&[("Contact", "OURS"), ("Expires", "300")], 300),
        (&[("Contact", "OURS")], 600),
        (
            &[(
                "Contact",
                "<sip:USER@198.51.100.1:5060;transport=ws>;expires=120",
            )],
            120,
        ),
        (
            &[(
                "Contact",
                "<sip:alice@203.0.113.1>;reg-id=1;+sip.instance=INSTANCE;expires=77",
            )],
            77,
        ),
    ];
    for (headers, expected) in grants {
        let mut bench = registering();
        let request = bench.next_request();
        let ours = bench.agent.contact().to_owned();
        let instance = format!("\"<urn:uuid:{}>\"", bench.agent.instance_id());
        let headers: Vec<(&str, String)> = headers
            .iter()
            .map(|(name, value)| {
                (
                    *name,
                    value
                        .replace("OURS", &ours)
                        .replace("INSTANCE", &instance)
                        .replace("USER", &bench.contact_user()),
                )
            })
            .collect();
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        ok(&mut bench, &request, &headers);
        let expires = bench.expect(|event| match event {
            Event::Registered(registration) => Some(registration.expires),
            _ => None,
        });
        assert_eq!(expires, Duration::from_secs(expected), "{headers:?}");
    }
}

/// RFC 3261 10.2.4, REG: a 2xx without the agent's Contact is no binding. The agent reports the failure and tries
/// again.
#[test]
fn rfc3261_10_2_4_a_2xx_without_our_contact_is_no_binding() {
    for headers in [
        &[][..],
        &[("Contact", "<sip:a@192.0.2.1>")],
        &[
            ("Contact", "<sip:a@192.0.2.1>"),
            ("Contact", "<sip:b@192.0.2.2>"),
        ],
    ] {
        let mut bench = registering();
        let request = bench.next_request();
        ok(&mut bench, &request, headers);
        let retry = bench.expect(|event| match event {
            Event::RegistrationFailed { reason, retry_at } => {
                assert_eq!(reason.cause, Cause::Malformed);
                Some(*retry_at)
            }
            _ => None,
        });
        assert!(retry.is_some());
        assert!(!bench.agent.is_registered());
        bench.wait(30 * SECOND);
        assert_eq!(
            bench.next_request().method(),
            Method::Register,
            "within RFC 5626 4.5's 30 s"
        );
    }
}

/// RFC 3261 10.2.8: the agent obeys 423 once, because otherwise a registrar could keep it in a loop.
#[test]
fn rfc3261_10_2_8_interval_too_brief_is_obeyed_once() {
    let mut bench = registering();
    let first = bench.next_request();
    bench.reply(&first, 423, &[("Min-Expires", "1800")]);
    let second = bench.next_request();
    let contact = second.contacts().next().unwrap().unwrap();
    assert_eq!(contact.addr().unwrap().expires(), Some(1_800));
    bench.reply(&second, 423, &[("Min-Expires", "3600")]);
    bench.silence();
    let retry = bench.expect(|event| match event {
        Event::RegistrationFailed { retry_at, .. } => Some(*retry_at),
        _ => None,
    });
    assert!(retry.is_some());
}

/// RFC 3261 10.2.8: 423 without Min-Expires is a failure like others.
#[test]
fn rfc3261_10_2_8_interval_too_brief_without_a_minimum_fails() {
    let mut bench = registering();
    let first = bench.next_request();
    bench.reply(&first, 423, &[]);
    bench.silence();
    bench.expect(|event| matches!(event, Event::RegistrationFailed { .. }).then_some(()));
}

/// RFC 3261 10.2.7 and 20.33: the agent repeats a REGISTER after a 503, not before Retry-After.
#[test]
fn rfc3261_20_33_retry_after_is_obeyed() {
    let mut bench = registering();
    let first = bench.next_request();
    bench.reply(&first, 503, &[("Retry-After", "120 (maintenance)")]);
    bench.wait(119 * SECOND);
    bench.silence();
    bench.wait(2 * SECOND);
    assert_eq!(bench.next_request().method(), Method::Register);
}

/// RFC 3261 10.2: at most one REGISTER in flight, for any number of commands.
#[test]
fn rfc3261_10_2_one_register_at_a_time() {
    let mut bench = registering();
    let first = bench.next_request();
    for _ in 0..3 {
        bench.agent.register(bench.now).unwrap();
        bench.pump();
    }
    bench.silence();
    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    bench.silence();
}

/// RFC 3261 10.2.2: the agent sends its Contact with expires=0 and refreshes no more. If a REGISTER is in flight,
/// the removal follows it.
#[test]
fn rfc3261_10_2_2_unregister_gives_our_binding_back() {
    let mut bench = registering();
    let first = bench.next_request();
    bench.agent.unregister(bench.now).unwrap();
    bench.pump();
    bench.silence();
    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    let second = bench.next_request();
    assert_eq!(
        second
            .contacts()
            .next()
            .unwrap()
            .unwrap()
            .addr()
            .unwrap()
            .expires(),
        Some(0)
    );
    ok(&mut bench, &second, &[]);
    let reason = bench.expect(|event| match event {
        Event::Unregistered { reason } => Some((reason.originator, reason.cause)),
        _ => None,
    });
    assert_eq!(reason, (Originator::Local, Cause::Requested));
    bench.wait(Duration::from_secs(7_200));
    bench.silence();
    bench.assert_nothing_left();
}

/// REG-LAPSE: the agent emits exactly one `Unregistered`, at the expiry, if it cannot refresh a binding.
#[test]
fn reg_lapse_is_told_once() {
    let mut bench = registering();
    let first = bench.next_request();
    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    assert!(bench.agent.is_registered());
    bench.events.clear();
    bench.wait(Duration::from_secs(599));
    assert!(bench.agent.is_registered());
    bench.wait(Duration::from_secs(2));
    assert!(!bench.agent.is_registered());
    bench.wait(Duration::from_secs(7_200));
    let lapses = bench
        .events
        .iter()
        .filter(|event| matches!(event, Event::Unregistered { reason } if reason.cause == Cause::Expired))
        .count();
    assert_eq!(lapses, 1);
    assert!(bench.sent.len() > 5, "it goes on trying");
}

/// RFC 3608 6: Service-Route is preloaded into requests outside dialogs, but not into REGISTER; each
/// 2xx replaces it and one without it clears it.
#[test]
fn rfc3608_6_service_route_is_followed() {
    let mut bench = registering();
    let first = bench.next_request();
    let granted = echo(&first, 100);
    let routes = (
        "Service-Route",
        "<sip:s1.example.com;lr>, <sip:s2.example.com;lr>",
    );
    ok(&mut bench, &first, &[("Contact", &granted), routes]);
    bench.agent.options("bob", bench.now).unwrap();
    bench.pump();
    let options = bench.next_request();
    assert_eq!(
        values(&options, HeaderName::Route),
        ["<sip:s1.example.com;lr>", "<sip:s2.example.com;lr>"]
    );
    assert_eq!(options.uri_bytes(), b"sip:bob@example.com");
    bench.reply(&options, 200, &[]);
    bench.wait(91 * SECOND);
    let refresh = bench.next_request();
    assert!(!refresh.has(HeaderName::Route));
    let granted = echo(&refresh, 100);
    ok(&mut bench, &refresh, &[("Contact", &granted)]);
    bench.agent.options("bob", bench.now).unwrap();
    bench.pump();
    assert!(!bench.next_request().has(HeaderName::Route));
}

/// CONN-A: a lost connection ends the binding as far as the agent knows, and fails the REGISTER in flight.
/// The agent registers on the next connection within a random second, because many agents may reconnect at
/// once.
#[test]
fn conn_a_a_new_connection_registers_again() {
    let mut bench = registering();
    let first = bench.next_request();
    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    bench.lose();
    let cause = bench.expect(|event| match event {
        Event::Unregistered { reason } => Some(reason.cause),
        _ => None,
    });
    assert_eq!(cause, Cause::ConnectionLost);
    bench.wait(SECOND);
    let connection = bench.connect_asked();
    let info = sip_core::ConnectionInfo {
        transport: sip_core::Transport::Ws,
        remote: None,
    };
    bench.agent.connection_opened(connection, info, bench.now);
    bench.connection = connection;
    bench.pump();
    bench.silence();
    bench.wait(SECOND);
    let again = bench.next_request();
    assert_eq!(again.call_id().unwrap(), first.call_id().unwrap());
    assert_eq!(
        again
            .contacts()
            .next()
            .unwrap()
            .unwrap()
            .addr()
            .unwrap()
            .uri()
            .as_bytes(),
        first
            .contacts()
            .next()
            .unwrap()
            .unwrap()
            .addr()
            .unwrap()
            .uri()
            .as_bytes(),
        "RFC 7118 B.1: the same Contact, so that the binding is replaced"
    );
    bench.reply(&again, 200, &[("Contact", &echo(&again, 600))]);
    assert!(bench.agent.is_registered());
}

/// 10.2.7: without a response the agent reports one time-out after timer F and tries again.
#[test]
fn rfc3261_10_2_7_silence_is_tried_again() {
    let mut bench = registering();
    let first = bench.next_request();
    bench.wait(Duration::from_millis(31_999));
    bench.silence();
    bench.wait(SECOND);
    let cause = bench.expect(|event| match event {
        Event::RegistrationFailed { reason, retry_at } => retry_at.map(|_| reason.cause),
        _ => None,
    });
    assert_eq!(cause, Cause::Timeout);
    bench.wait(30 * SECOND);
    let again = bench.next_request();
    assert!(again.cseq().unwrap().number > first.cseq().unwrap().number);
}

/// RFC 3261 10.2.2: `Contact: *` with Expires 0 removes all bindings.
#[test]
fn rfc3261_10_2_2_all_bindings_are_removed() {
    let mut bench = registering();
    let first = bench.next_request();
    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    bench.agent.unregister_all(bench.now).unwrap();
    bench.pump();
    let removal = bench.next_request();
    assert_eq!(value(&removal, HeaderName::Contact), "*");
    assert_eq!(removal.expires().unwrap(), Some(0));
    ok(&mut bench, &removal, &[]);
    bench.expect(|event| matches!(event, Event::Unregistered { .. }).then_some(()));
    bench.wait(Duration::from_secs(7_200));
    bench.silence();
}

/// RFC 3261 10.2.3: a REGISTER without Contact fetches the bindings. The agent's own stays and is refreshed in
/// time.
#[test]
fn rfc3261_10_2_3_bindings_are_queried() {
    let mut bench = registering();
    let first = bench.next_request();
    bench.agent.query_bindings(bench.now).unwrap();
    bench.pump();
    bench.silence();
    let granted = echo(&first, 100);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    let query = bench.next_request();
    assert!(!query.has(HeaderName::Contact));
    ok(
        &mut bench,
        &query,
        &[
            ("Contact", &granted),
            ("Contact", "<sip:desk@192.0.2.7>;expires=9"),
        ],
    );
    let found = bench.expect(|event| match event {
        Event::Bindings { bindings } => Some(bindings.clone()),
        _ => None,
    });
    assert_eq!(found.len(), 2);
    assert_eq!(&*found[1], "<sip:desk@192.0.2.7>;expires=9");
    assert!(bench.agent.is_registered());
    bench.wait(91 * SECOND);
    assert_eq!(bench.next_request().contacts().count(), 1, "the refresh");
}

/// The agent carries out the last of several opposite commands.
#[test]
fn rfc3261_10_2_the_last_wish_counts() {
    let mut bench = registering();
    let first = bench.next_request();
    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    bench.agent.unregister(bench.now).unwrap();
    bench.pump();
    let removal = bench.next_request();
    bench.agent.register(bench.now).unwrap();
    bench.pump();
    bench.silence();
    ok(&mut bench, &removal, &[]);
    let again = bench.next_request();
    assert_eq!(
        again
            .contacts()
            .next()
            .unwrap()
            .unwrap()
            .addr()
            .unwrap()
            .expires(),
        Some(600)
    );
}

/// RFC 5626 4.2.1: 439 means that the first hop does not support outbound; the agent registers without it.
#[test]
fn rfc5626_4_2_1_a_first_hop_without_outbound() {
    let mut bench = registering();
    let first = bench.next_request();
    bench.reply(&first, 439, &[]);
    let second = bench.next_request();
    assert!(!second.has_token(HeaderName::Supported, b"outbound"));
    assert!(second.has_token(HeaderName::Supported, b"path"));
    let contact = second.contacts().next().unwrap().unwrap();
    assert_eq!(contact.addr().unwrap().param(b"reg-id"), None);
    assert!(contact.addr().unwrap().param(b"+sip.instance").is_some());
    bench.reply(&second, 439, &[]);
    bench.silence();
}

/// RFC 5627 4.2 and 4.4: the GRUU of the agent's own instance is its Contact in dialog-forming messages; that
/// of another instance is not. It ends with the binding.
#[test]
fn rfc5627_4_4_the_gruu_is_our_contact() {
    let mut bench = registering();
    let first = bench.next_request();
    assert!(first.has_token(HeaderName::Supported, b"gruu"));
    let uuid = bench.agent.instance_id().to_owned();
    let gruu = format!("sip:alice@example.com;gr=urn:uuid:{uuid}");
    let granted = format!(
        "{};pub-gruu=\"{gruu}\";temp-gruu=\"sip:tgruu.7@example.com;gr\"",
        echo(&first, 600)
    );
    let other = "<sip:alice@192.0.2.7>;+sip.instance=\"<urn:uuid:other>\";pub-gruu=\"sip:alice@example.com;gr=other\"";
    ok(
        &mut bench,
        &first,
        &[("Contact", other), ("Contact", &granted)],
    );
    let told = bench.expect(|event| match event {
        Event::Registered(registration) => Some(registration.gruu.clone()),
        _ => None,
    });
    assert_eq!(told.as_deref(), Some(gruu.as_str()));
    bench
        .agent
        .invite(
            "bob",
            sip_core::InviteOptions::new().late_offer(),
            bench.now,
        )
        .unwrap();
    bench.pump();
    let invite = bench.next_request();
    assert_eq!(value(&invite, HeaderName::Contact), format!("<{gruu}>"));
    for (uri, status) in [
        (gruu.as_str(), 200),
        ("sip:tgruu.7@example.com;gr", 200),
        ("sip:alice@example.com;gr=other", 404),
        ("sip:tgruu.88@example.com;gr", 404),
    ] {
        bench.feed(&format!(
            "OPTIONS {uri} SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{}\nMax-Forwards: 70\n\
             From: <sip:b@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: gruu{}\nCSeq: 1 OPTIONS\n\
             Content-Length: 0\n\n",
            status + uri.len() as u16,
            uri.len()
        ));
        assert_eq!(bench.next_response().status().as_u16(), status, "{uri}");
    }
    let refresh_contact = bench.agent.contact().to_owned();
    assert!(
        !refresh_contact.contains("gr="),
        "REGISTER keeps its own Contact"
    );
    bench.lose();
    bench.wait(SECOND);
    bench.connection = bench.connect_asked();
    let info = sip_core::ConnectionInfo {
        transport: sip_core::Transport::Ws,
        remote: None,
    };
    bench
        .agent
        .connection_opened(bench.connection, info, bench.now);
    bench
        .agent
        .invite(
            "bob",
            sip_core::InviteOptions::new().late_offer(),
            bench.now,
        )
        .unwrap();
    bench.pump();
    let invite = bench.next_request();
    assert!(
        value(&invite, HeaderName::Contact).ends_with(";ob>"),
        "RFC 5626 4.3"
    );
}

/// An agent that was suspended for an hour on a dead connection is registered again within seconds, and its
/// call is still up.
#[test]
fn an_agent_that_slept_comes_back_by_itself() {
    let mut bench = registering();
    let first = bench.next_request();
    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    bench.events.clear();
    let (call, _) = bench.established_call();
    bench.answers_pings = false;
    bench.now = bench.now + Duration::from_secs(3_600);
    bench.agent.tick(bench.now).unwrap();
    bench.pump();
    let woke = bench.now;
    assert!(
        bench
            .others
            .iter()
            .any(|action| matches!(action, sip_core::Action::Ping { .. })),
        "probed at once"
    );
    bench.sent.clear();
    bench.wait(4 * SECOND);
    bench.connection = bench.connect_asked();
    let info = sip_core::ConnectionInfo {
        transport: sip_core::Transport::Ws,
        remote: None,
    };
    bench
        .agent
        .connection_opened(bench.connection, info, bench.now);
    bench.answers_pings = true;
    bench.sent.clear();
    bench.wait(2 * SECOND);
    let again = bench.next_request();
    assert_eq!(again.method(), Method::Register);
    ok(&mut bench, &again, &[("Contact", &echo(&again, 600))]);
    assert!(bench.agent.is_registered());
    assert!(bench.now.saturating_since(woke) < 7 * SECOND);
    assert!(matches!(
        bench.agent.session(call),
        Ok(sip_core::Session::Established(_))
    ));
}

/// unregister always ends in its event, also if there is no binding to remove.
#[test]
fn unregister_is_always_answered() {
    let unregistered = |bench: &mut Bench| {
        bench.expect(|event| matches!(event, Event::Unregistered { .. }).then_some(()));
    };
    let mut bench = Bench::new(&alice());
    bench.agent.unregister(bench.now).unwrap();
    bench.pump();
    bench.silence();
    unregistered(&mut bench);

    let mut bench = registering();
    bench.next_request();
    bench
        .agent
        .connection_closed(bench.connection, DisconnectReason::Lost, bench.now);
    bench.agent.unregister(bench.now).unwrap();
    bench.pump();
    unregistered(&mut bench);

    let mut bench = registering();
    let first = bench.next_request();
    bench.agent.unregister(bench.now).unwrap();
    bench.reply(&first, 503, &[]);
    unregistered(&mut bench);
    bench.wait(Duration::from_secs(7_200));
    bench.silence();
}

/// A refused removal of all bindings leaves an agent that is wanted again registered, for good.
#[test]
fn a_refused_removal_does_not_end_the_registration() {
    let mut bench = registering();
    let first = bench.next_request();
    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    bench.agent.unregister_all(bench.now).unwrap();
    bench.agent.register(bench.now).unwrap();
    bench.pump();
    let removal = bench.next_request();
    assert_eq!(value(&removal, HeaderName::Contact), "*");
    bench.reply(&removal, 403, &[]);
    let again = bench.next_request();
    ok(&mut bench, &again, &[("Contact", &granted)]);
    bench.wait(Duration::from_secs(545));
    assert_eq!(
        bench.next_request().method(),
        Method::Register,
        "the refresh"
    );
}

/// A removal that waits for the REGISTER in flight fails with the connection and does not go out on a later one.
#[test]
fn a_queued_removal_goes_with_its_connection() {
    let mut bench = registering();
    bench.next_request();
    bench.agent.unregister_all(bench.now).unwrap();
    bench.events.clear();
    bench.lose();
    bench.expect(|event| matches!(event, Event::RegistrationFailed { .. }).then_some(()));
    bench.wait(SECOND);
    bench.connection = bench.connect_asked();
    let info = sip_core::ConnectionInfo {
        transport: sip_core::Transport::Ws,
        remote: None,
    };
    bench
        .agent
        .connection_opened(bench.connection, info, bench.now);
    bench.agent.register(bench.now).unwrap();
    bench.pump();
    bench.wait(SECOND);
    let again = bench.next_request();
    ok(&mut bench, &again, &[("Contact", &echo(&again, 600))]);
    bench.silence();
}

/// The agent carries out a waiting removal and a waiting query, one after the other.
#[test]
fn what_waits_is_done_one_after_the_other() {
    let mut bench = registering();
    let first = bench.next_request();
    bench.agent.unregister_all(bench.now).unwrap();
    bench.agent.query_bindings(bench.now).unwrap();
    bench.pump();
    let granted = echo(&first, 600);
    ok(&mut bench, &first, &[("Contact", &granted)]);
    let removal = bench.next_request();
    assert_eq!(value(&removal, HeaderName::Contact), "*");
    ok(&mut bench, &removal, &[]);
    let query = bench.next_request();
    assert!(!query.has(HeaderName::Contact));
    ok(&mut bench, &query, &[]);
    bench.silence();
}

/// A query whose credentials are refused leaves the binding as it was.
#[test]
fn a_refused_query_leaves_the_registration() {
    let mut bench = registering();
    let first = bench.next_request();
    ok(&mut bench, &first, &[("Contact", &echo(&first, 100))]);
    bench.agent.query_bindings(bench.now).unwrap();
    bench.pump();
    for nonce in ["one", "two"] {
        let query = bench.next_request();
        let challenge = format!(r#"Digest realm="example.com", nonce="{nonce}", qop="auth""#);
        bench.reply(&query, 401, &[("WWW-Authenticate", &challenge)]);
    }
    bench.wait(91 * SECOND);
    assert_eq!(bench.next_request().contacts().count(), 1, "the refresh");
}

/// `Debug` of the types that an application receives shows no header field, because it may be a credential.
#[test]
fn debug_shows_no_credentials() {
    let mut bench = registering();
    let first = bench.next_request();
    bench.reply(
        &first,
        401,
        &[(
            "WWW-Authenticate",
            r#"Digest realm="r", nonce="n", qop="auth""#,
        )],
    );
    let second = bench.next_request();
    assert!(second.has(HeaderName::Authorization));
    let shown = format!("{second:?}");
    assert!(
        shown.contains("REGISTER") && !shown.contains("Digest"),
        "{shown}"
    );
}
