//! Credentials stay in their protection space (RFC 3261 section 22, RFC 7616).

use sip_core::auth::ChallengeError;
use sip_core::config::{ConfigBuilder, LogLevel};
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::session::{Input, SessionLayer};
use sip_core::{
    Action, Body, Cause, ConnectionInfo, EndReason, Event, InviteOptions, LogContent, Session,
    SessionId, Timestamp, Transport,
};
use sip_parse::{HeaderName, Message, Method, Request, UriBuf};
use sip_testing::{Bench, OFFER, SECOND, alice, exchange_ended, response, value, values};

const CONTACT: (&str, &str) = ("Contact", "<sip:mallory@192.0.2.66>");
pub(super) const STRANGER: &str = "sip:mallory@evil.example";
pub(super) const OWN: &str = r#"Digest realm="example.com", nonce="n1", qop="auth""#;
const FIELDS: [HeaderName<'_>; 2] = [HeaderName::Authorization, HeaderName::ProxyAuthorization];

/// The name and the value of a challenge.
pub(super) type Challenge<'a> = (&'static str, &'a str);

pub(super) fn www(parameters: &str) -> Challenge<'_> {
    ("WWW-Authenticate", parameters)
}

pub(super) fn proxy(parameters: &str) -> Challenge<'_> {
    ("Proxy-Authenticate", parameters)
}

fn status((name, _): Challenge<'_>) -> u16 {
    if name == "WWW-Authenticate" { 401 } else { 407 }
}

/// The realms and nonces of the credentials of a request, servers before proxies.
pub(super) fn credentials(request: &Message) -> [Vec<String>; 2] {
    FIELDS.map(|field| {
        let values = values(request, field);
        let read = |value: &String| {
            let parsed =
                sip_parse::Credentials::parse(value.as_bytes(), false).expect("credentials");
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            let (realm, nonce) = (parsed.realm().unwrap(), parsed.nonce().unwrap());
            format!("{} {}", text(&realm), text(&nonce))
        };
        values.iter().map(read).collect()
    })
}

#[track_caller]
pub(super) fn carries_nothing(request: &Message) {
    assert_eq!(
        credentials(request),
        [const { Vec::<String>::new() }; 2],
        "{}",
        text(request)
    );
}

fn text(message: &Message) -> String {
    sip_parse::text(message.bytes()).to_string()
}

/// The server challenges a request; the ACK of an INVITE is read.
#[track_caller]
pub(super) fn challenge(bench: &mut Bench, request: &Request, with: Challenge<'_>) {
    bench.reply_tagged(request, status(with), "peer", &[with], None);
    if request.method() == Method::Invite {
        let ack = bench.next_request();
        assert_eq!(ack.method(), Method::Ack);
        carries_only_those_of(&ack, request);
    }
}

/// RFC 3261 22.1: an ACK has the credentials of its INVITE and no others.
#[track_caller]
fn carries_only_those_of(ack: &Request, invite: &Request) {
    for (ack, invite) in credentials(ack).into_iter().zip(credentials(invite)) {
        assert!(ack.iter().all(|carried| invite.contains(carried)));
    }
}

#[track_caller]
pub(super) fn registered(bench: &mut Bench, register: &Request, more: &[(&str, &str)]) {
    let contact = value(register, HeaderName::Contact);
    let fields: Vec<_> = [("Contact", &*contact)]
        .into_iter()
        .chain(more.iter().copied())
        .collect();
    bench.reply(register, 200, &fields);
    assert!(bench.agent.is_registered());
    bench.events.clear();
}

/// Alice, whose REGISTER got this challenge and then a 200.
pub(super) fn registered_with(config: &mut ConfigBuilder, with: Challenge<'_>) -> Bench {
    let mut bench = Bench::new(config.register(true));
    let first = bench.next_request();
    challenge(&mut bench, &first, with);
    let second = bench.next_request();
    assert_eq!(credentials(&second).concat().len(), 1);
    registered(&mut bench, &second, &[]);
    bench
}

pub(super) fn message(bench: &mut Bench, target: &str) -> Request {
    let body = Body::new("text/plain", "hello");
    bench
        .agent
        .message(target, body, bench.now)
        .expect("MESSAGE");
    bench.pump();
    bench.next_request()
}

pub(super) fn invite(
    bench: &mut Bench,
    target: &str,
    options: InviteOptions,
) -> (SessionId, Request) {
    let id = bench
        .agent
        .invite(target, options, bench.now)
        .expect("INVITE");
    bench.describe(id, OFFER);
    (id, bench.next_request())
}

/// The peer accepts; returns the ACK.
#[track_caller]
pub(super) fn accepted(bench: &mut Bench, invite: &Request, more: &[(&str, &str)]) -> Request {
    let fields: Vec<_> = [CONTACT].into_iter().chain(more.iter().copied()).collect();
    bench.reply_tagged(invite, 200, "mallory", &fields, Some(OFFER));
    let ack = bench.next_request();
    assert_eq!(ack.method(), Method::Ack);
    assert_eq!(credentials(&ack), credentials(invite));
    ack
}

fn info(bench: &mut Bench, call: SessionId) -> Request {
    match bench.agent.session(call) {
        Ok(Session::Established(call)) => call
            .info(&Body::new("application/x-test", "1"), bench.now)
            .expect("INFO"),
        other => panic!("{other:?}"),
    };
    bench.pump();
    bench.next_request()
}

fn reinvite(bench: &mut Bench, call: SessionId) -> Request {
    bench.reinvite(call);
    bench.describe(call, &OFFER.replace("o=- 1 1", "o=- 1 2"));
    bench.next_request()
}

pub(super) fn bye(bench: &mut Bench, call: SessionId) -> Request {
    bench.hang_up(call);
    bench.next_request()
}

/// The next REGISTER, before it times out.
pub(super) fn next_register(bench: &mut Bench) -> Request {
    while bench.sent.is_empty() {
        bench.wait(SECOND);
    }
    let register = bench.next_request();
    assert_eq!(register.method(), Method::Register);
    register
}

/// Why the core did not answer a challenge, as its log has it.
fn logged(bench: &mut Bench) -> Option<ChallengeError> {
    let reasons = bench.others.drain(..).filter_map(|action| match action {
        Action::Log(record) => match record.content {
            LogContent::NotAuthorized(why) => Some((record.level, why)),
            _ => None,
        },
        _ => None,
    });
    let (level, why) = reasons.last()?;
    assert_eq!(level, LogLevel::Warn);
    Some(why)
}

fn not_allowed(realm: &str) -> ChallengeError {
    ChallengeError::NotAllowed {
        realm: realm.to_owned(),
    }
}

/// RFC 3261 22.2: what the registrar asked for goes into its REGISTERs alone.
#[test]
fn fault_b1_credentials_stay_with_the_registrar() {
    for target in [STRANGER, "sip:bob@example.com", "sip:example.com"] {
        let mut bench = registered_with(&mut alice(), www(OWN));
        carries_nothing(&message(&mut bench, target));
        bench.agent.options(target, bench.now).unwrap();
        bench.pump();
        carries_nothing(&bench.next_request());
        for options in [InviteOptions::new(), InviteOptions::new().anonymous()] {
            bench.events.clear();
            let (call, request) = invite(&mut bench, target, options);
            carries_nothing(&request);
            let ack = accepted(&mut bench, &request, &[]);
            let info = info(&mut bench, call);
            bench.reply(&info, 200, &[]);
            let again = reinvite(&mut bench, call);
            let again_ack = accepted(&mut bench, &again, &[]);
            let end = bye(&mut bench, call);
            for request in [&ack, &info, &again, &again_ack, &end] {
                carries_nothing(request);
            }
            bench.reply(&end, 200, &[]);
        }
        let refresh = next_register(&mut bench);
        assert_eq!(credentials(&refresh)[0], ["example.com n1"]);
    }
}

/// The same realm behind another server has not asked.
#[test]
fn fault_b1_another_server_has_to_ask_first() {
    let mut config = alice();
    config.servers([("ws://a.example", 1), ("ws://b.example", 0)]);
    config.register(true);
    let mut bench = Bench::new(&config);
    let first = bench.next_request();
    challenge(&mut bench, &first, www(OWN));
    let second = bench.next_request();
    registered(&mut bench, &second, &[]);
    for (host, knows) in [("a.example", true), ("b.example", false)] {
        bench.lose();
        let register = loop {
            bench.wait(SECOND);
            let asked = |action: &Action| match action {
                Action::Connect {
                    connection, url, ..
                } => Some((*connection, url.route_host().to_owned())),
                _ => None,
            };
            let asked: Vec<_> = bench
                .others
                .drain(..)
                .filter_map(|action| asked(&action))
                .collect();
            for (connection, found) in asked {
                let now = bench.now;
                if found == host {
                    let info = ConnectionInfo {
                        transport: Transport::Ws,
                        remote: None,
                    };
                    bench.connection = connection;
                    bench.agent.connection_opened(connection, info, now);
                } else {
                    let refused = sip_core::connection::ConnectError::Refused;
                    bench.agent.connection_failed(connection, refused, now);
                }
                bench.pump();
            }
            if let Some(message) = bench.sent.pop_front() {
                break message.into_request().expect("a request");
            }
        };
        let expected: &[&str] = if knows { &["example.com n1"] } else { &[] };
        assert_eq!(credentials(&register)[0], expected, "{host}");
        registered(&mut bench, &register, &[]);
    }
}

/// A back-to-back user agent (Asterisk) challenges by 401 in a realm of its own: the call goes through, and its later
/// requests have the credentials in advance; other requests do not.
#[test]
fn fault_b1_a_401_of_the_own_domain_is_answered_for_this_call() {
    let asterisk = www(r#"Digest realm="asterisk", nonce="a1", algorithm=MD5"#);
    for registers in [false, true] {
        let mut bench = if registers {
            registered_with(&mut alice(), asterisk)
        } else {
            Bench::new(&alice())
        };
        let (call, first) = invite(&mut bench, "bob", InviteOptions::new());
        carries_nothing(&first);
        challenge(&mut bench, &first, asterisk);
        let second = bench.next_request();
        assert_eq!(credentials(&second)[0], ["asterisk a1"]);
        accepted(&mut bench, &second, &[]);
        carries_nothing(&message(&mut bench, "carol"));
        let end = bye(&mut bench, call);
        assert_eq!(credentials(&end)[0], ["asterisk a1"]);
        challenge(
            &mut bench,
            &end,
            www(r#"Digest realm="asterisk", nonce="a2", algorithm=MD5, stale=true"#),
        );
        assert_eq!(credentials(&bench.next_request())[0], ["asterisk a2"]);
    }
}

/// RFC 3261 22.3: the proxy of the configured server, which challenged the REGISTER, gets its credentials in advance,
/// except in anonymous calls (RFC 3323). There a proxy that asks is answered, because the call cannot be placed
/// otherwise; a 401 is not, because Authorization reaches the peer.
#[test]
fn fault_b1_an_anonymous_call_names_nobody_unasked() {
    let mut bench = registered_with(&mut alice(), proxy(OWN));
    assert_eq!(
        credentials(&message(&mut bench, STRANGER))[1],
        ["example.com n1"]
    );
    let (call, first) = invite(&mut bench, STRANGER, InviteOptions::new().anonymous());
    carries_nothing(&first);
    challenge(&mut bench, &first, proxy(OWN));
    let second = bench.next_request();
    assert_eq!(
        credentials(&second),
        [vec![], vec!["example.com n1".to_owned()]]
    );
    accepted(&mut bench, &second, &[]);
    let end = bye(&mut bench, call);
    assert_eq!(credentials(&end), credentials(&second));
    bench.events.clear();
    for target in [STRANGER, "bob"] {
        let (_, first) = invite(&mut bench, target, InviteOptions::new().anonymous());
        challenge(&mut bench, &first, www(OWN));
        bench.silence();
        let reason = ended(&mut bench);
        assert_eq!(
            reason.challenge.as_deref(),
            Some(&not_allowed("example.com"))
        );
    }
}

/// RFC 7616 3.5: a callee has not asked as the registrar, so that its `nextnonce` is none of the registrar's.
#[test]
fn fault_b2_a_callee_does_not_set_the_nonce_of_the_registrar() {
    let evil = ("Authentication-Info", "nextnonce=\"evil\"");
    for asked in [www(OWN), proxy(OWN)] {
        let mut bench = registered_with(&mut alice(), asked);
        for target in [STRANGER, "bob"] {
            let note = message(&mut bench, target);
            bench.reply(&note, 200, &[evil]);
            bench.events.clear();
            let (call, first) = invite(&mut bench, target, InviteOptions::new());
            bench.reply_tagged(&first, 180, "mallory", &[CONTACT, evil], None);
            accepted(&mut bench, &first, &[evil]);
            let end = bye(&mut bench, call);
            bench.reply(&end, 200, &[evil]);
        }
        let refresh = next_register(&mut bench);
        assert_eq!(credentials(&refresh).concat(), ["example.com n1"]);
    }
}

/// The same callee after it was rightly answered: only its own space moves.
#[test]
fn fault_b2_nextnonce_moves_the_space_that_the_request_named() {
    let mut bench = registered_with(&mut alice(), www(OWN));
    let (call, first) = invite(&mut bench, "bob", InviteOptions::new());
    challenge(&mut bench, &first, www(&OWN.replace("n1", "c1")));
    let second = bench.next_request();
    accepted(
        &mut bench,
        &second,
        &[("Authentication-Info", "nextnonce=\"c2\"")],
    );
    let end = bye(&mut bench, call);
    assert_eq!(credentials(&end)[0], ["example.com c2"]);
    bench.reply(&end, 200, &[]);
    assert_eq!(
        credentials(&next_register(&mut bench))[0],
        ["example.com n1"]
    );
}

/// One 401 with eight realms of 2 KB: no request grows beyond `Limits::credential_bytes`, and what asked once is
/// forgotten after an hour.
#[test]
fn fault_b3_a_request_is_bounded_and_old_spaces_expire() {
    let pad = "x".repeat(1_000);
    let realms = |kind: fn(&str) -> Challenge<'_>| -> Vec<String> {
        let _ = kind;
        (0..8)
            .map(|realm| {
                format!("Digest realm=\"{realm}\", nonce=\"{pad}\", opaque=\"{pad}\", qop=\"auth\"")
            })
            .collect()
    };
    for kind in [www as fn(&str) -> Challenge<'_>, proxy] {
        let realms = realms(kind);
        let fields: Vec<_> = realms.iter().map(|realm| kind(realm)).collect();
        let mut bench = Bench::new(alice().register(true));
        let bare = bench.next_request();
        bench.reply(&bare, status(fields[0]), &fields);
        let mut last = bench.next_request();
        let limit = bare.bytes().len() + sip_core::Limits::default().credential_bytes + 200;
        assert!(last.bytes().len() > 2_000 && last.bytes().len() < limit);
        registered(&mut bench, &last, &[]);
        for round in 0..10 {
            let note = message(&mut bench, "bob");
            assert!(note.bytes().len() < limit, "{round}");
            bench.reply(&note, 200, &[]);
            last = next_register(&mut bench);
            assert!(last.bytes().len() < limit, "{round}");
            registered(&mut bench, &last, &[]);
        }
        carries_nothing(&last);
        assert!(last.bytes().len() < bare.bytes().len() + 20);
        carries_nothing(&message(&mut bench, "bob"));
    }
}

/// "SIP digest leak": a peer challenges requests of a call, or a request outside one, with a realm of its choice. It
/// gets no digest, and the log says why.
#[test]
fn fault_b4_a_peer_gets_no_digest() {
    let weak = r#"Digest realm="evil", nonce="e""#;
    let strong = r#"Digest realm="evil", nonce="e", algorithm=SHA-256, qop="auth""#;
    let own_weak = r#"Digest realm="example.com", nonce="e""#;
    for registers in [false, true] {
        for with in [
            www(weak),
            proxy(weak),
            www(strong),
            proxy(strong),
            www(own_weak),
            proxy(own_weak),
            www(OWN),
        ] {
            for method in ["MESSAGE", "INVITE", "INFO", "re-INVITE", "BYE"] {
                let outside = matches!(method, "MESSAGE" | "INVITE");
                let mut bench = if registers {
                    registered_with(&mut alice(), www(OWN))
                } else {
                    Bench::new(&alice())
                };
                let call = (!outside).then(|| {
                    let (call, first) = invite(&mut bench, STRANGER, InviteOptions::new());
                    accepted(&mut bench, &first, &[]);
                    call
                });
                bench.events.clear();
                let request = match (method, call) {
                    ("INFO", Some(call)) => info(&mut bench, call),
                    ("re-INVITE", Some(call)) => reinvite(&mut bench, call),
                    ("BYE", Some(call)) => bye(&mut bench, call),
                    ("MESSAGE", _) => message(&mut bench, STRANGER),
                    _ => invite(&mut bench, STRANGER, InviteOptions::new()).1,
                };
                carries_nothing(&request);
                challenge(&mut bench, &request, with);
                bench.silence();
                let realm = if with.1.contains("evil") {
                    "evil"
                } else {
                    "example.com"
                };
                assert_eq!(
                    logged(&mut bench),
                    Some(not_allowed(realm)),
                    "{method}, {with:?}"
                );
                let reason = bench.expect(|event| match event {
                    Event::Ended { reason, .. } => Some(reason.challenge.clone()),
                    Event::RequestCompleted {
                        outcome: Ok(response),
                        ..
                    } => {
                        assert_eq!(response.status().as_u16(), status(with));
                        Some(None)
                    }
                    other => Some(
                        exchange_ended(other)?
                            .outcome
                            .expect_err("refused")
                            .challenge,
                    ),
                });
                let told = matches!(method, "INVITE" | "re-INVITE");
                assert_eq!(
                    reason.as_deref(),
                    told.then_some(&not_allowed(realm)),
                    "{method}"
                );
            }
        }
    }
}

/// A call to a user of the own domain is one with a peer, too: it may challenge with an own realm only.
#[test]
fn fault_b4_a_user_of_the_own_domain_is_a_peer() {
    for registers in [false, true] {
        for (with, answered) in [
            (www(r#"Digest realm="evil", nonce="e", qop="auth""#), false),
            (
                proxy(r#"Digest realm="evil", nonce="e", qop="auth""#),
                false,
            ),
            (www(r#"Digest realm="example.com", nonce="e""#), false),
            (proxy(r#"Digest realm="example.com", nonce="e""#), false),
            (proxy(OWN), true),
            (www(OWN), true),
        ] {
            let mut bench = if registers {
                registered_with(&mut alice(), www(OWN))
            } else {
                Bench::new(&alice())
            };
            let (call, first) = invite(&mut bench, "bob", InviteOptions::new());
            accepted(&mut bench, &first, &[]);
            let end = bye(&mut bench, call);
            challenge(&mut bench, &end, with);
            assert_eq!(
                bench.sent.pop_front().is_some(),
                answered,
                "{registers} {with:?}"
            );
            if registers {
                let note = message(&mut bench, "bob");
                challenge(&mut bench, &note, with);
                assert_eq!(bench.sent.pop_front().is_some(), answered, "{with:?}");
            }
        }
    }
}

/// A caller's From proves nothing: in a call that it made, it may not challenge by 401 with an own realm; the proxy of
/// the own domain may challenge by 407.
#[test]
fn fault_b4_a_caller_is_no_server_of_the_own_domain() {
    for (with, answered) in [(www(OWN), false), (proxy(OWN), true)] {
        let mut bench = registered_with(&mut alice(), www(OWN));
        let call = bench.invite_from_bob(1);
        let ok = bench.answer(call, OFFER);
        bench.in_dialog("ACK", 7, "ack", &ok, "");
        let end = bye(&mut bench, call);
        carries_nothing(&end);
        challenge(&mut bench, &end, with);
        assert_eq!(bench.sent.pop_front().is_some(), answered);
    }
}

/// A `SessionLayer` without an agent has the same settings and the same defaults.
#[test]
fn fault_b4_the_session_layer_alone_is_protected() {
    let answered = |peer_realms: &[&str], parameters: &str| {
        let mut settings = EndpointSettings::new(UriBuf::parse(b"sip:alice@example.com").unwrap());
        settings.credentials = Some(
            sip_core::auth::Credentials::new("alice", sip_core::auth::Secret::password("x"))
                .unwrap(),
        );
        settings.challenges.peer_realms = peer_realms.iter().map(|realm| (*realm).into()).collect();
        let now = Timestamp::from_millis(1_000);
        let mut endpoint = Endpoint::new(settings, sip_testing::random(3), now);
        let info = ConnectionInfo {
            transport: Transport::Tcp,
            remote: None,
        };
        let connection = endpoint.accept(info);
        let mut calls = SessionLayer::new();
        let target = UriBuf::parse(STRANGER.as_bytes()).unwrap();
        let options = InviteOptions::new();
        let call = calls
            .invite(&mut endpoint, Some(connection), target, options)
            .unwrap();
        // The INVITEs that go out; the application describes its offer.
        let mut carry_out = |endpoint: &mut Endpoint| {
            let mut invites = Vec::new();
            while let Some(action) = endpoint.poll_action() {
                match action {
                    Action::Event(Event::DescriptionNeeded { exchange, .. }) => {
                        let offer = Input::Describe(exchange, Ok(Body::sdp(OFFER)));
                        calls.step(endpoint, call, offer).unwrap();
                    }
                    Action::Transmit { bytes, .. } => {
                        let message = Message::parse(bytes, &Default::default()).unwrap();
                        let request = message.into_request().unwrap();
                        invites
                            .extend(Some(request).filter(|sent| sent.method() == Method::Invite));
                    }
                    _ => {}
                }
            }
            calls.settle(endpoint);
            invites
        };
        let invite = carry_out(&mut endpoint).remove(0);
        let refusal = response(&invite, 401, "peer", &[www(parameters)], None);
        endpoint.receive(connection, refusal, now).unwrap();
        assert!(
            carry_out(&mut endpoint).is_empty(),
            "the layer has not looked yet"
        );
        carry_out(&mut endpoint).len() == 1
    };
    let friend = r#"Digest realm="friend", nonce="e", algorithm=SHA-256, qop="auth""#;
    assert!(!answered(&[], friend));
    assert!(!answered(&[], OWN));
    assert!(answered(&["friend"], friend));
    assert!(!answered(
        &["friend"],
        r#"Digest realm="friend", nonce="e", qop="auth""#
    ));
}

#[track_caller]
fn ended(bench: &mut Bench) -> EndReason {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some(EndReason::clone(reason)),
        _ => None,
    })
}

/// The failed registration, and when the core tries again.
#[track_caller]
fn registration_failed(bench: &mut Bench) -> (EndReason, Option<Timestamp>) {
    bench.expect(|event| match event {
        Event::RegistrationFailed { reason, retry_at } => {
            Some((EndReason::clone(reason), *retry_at))
        }
        _ => None,
    })
}

/// The registrar refuses credentials that it accepted before, each time with a fresh nonce.
const ACCEPTED: &str = "fresh nonces after a success";

/// RFC 7616 3.3: what does not say that the password is wrong is told and tried again with back-off, each time; once the
/// registrar behaves, the agent is registered.
#[test]
fn fault_b5_only_a_rejection_ends_the_registration() {
    let fresh = |round: usize, stale: bool| {
        let stale = if stale { ", stale=true" } else { "" };
        format!("Digest realm=\"example.com\", nonce=\"f{round}\", qop=\"auth\"{stale}")
    };
    type Answer<'a> = &'a dyn Fn(usize) -> Option<String>;
    let cases: [(&str, Answer<'_>); 8] = [
        ("always stale", &|round| Some(fresh(round, true))),
        (ACCEPTED, &|round| Some(fresh(round, false))),
        ("unknown algorithm", &|_| {
            Some("Digest realm=\"example.com\", nonce=\"1\", algorithm=SHA3-512".into())
        }),
        ("unknown qop", &|_| {
            Some("Digest realm=\"example.com\", nonce=\"1\", qop=\"auth-conf\"".into())
        }),
        ("Bearer", &|_| {
            Some("Bearer realm=\"example.com\", scope=\"sip\"".into())
        }),
        ("unreadable", &|_| {
            Some("Digest realm=\"example.com, nonce=".into())
        }),
        ("stale with the same nonce", &|_| Some(fresh(0, true))),
        ("no challenge", &|_| None),
    ];
    for (case, answer) in cases {
        let mut bench = if case == ACCEPTED {
            let mut bench = registered_with(&mut alice(), www(OWN));
            let refresh = next_register(&mut bench);
            bench.sent.push_front(refresh.into());
            bench
        } else {
            Bench::new(alice().register(true))
        };
        let mut round = 0;
        let mut waits = Vec::new();
        for attempt in 0..6 {
            let mut sent = 0;
            while let Some(message) = bench.sent.pop_front() {
                let register = message.into_request().expect("a request");
                round += 1;
                sent += 1;
                assert!(sent <= 4, "{case}: no end");
                feed_401(&mut bench, &register, answer(round).as_deref());
            }
            let (reason, retry_at) = registration_failed(&mut bench);
            assert_eq!(
                (reason.cause, reason.status.map(|status| status.as_u16())),
                (Cause::Authentication, Some(401))
            );
            assert!(
                reason.challenge.is_some_and(|why| !why.is_final()),
                "{case}"
            );
            let wait = retry_at.expect(case).saturating_since(bench.now);
            waits.push(wait);
            assert!(
                wait >= SECOND * 10 && wait <= SECOND * 3_600,
                "{case}, {attempt}: {wait:?}"
            );
            bench.wait(wait - SECOND);
            bench.silence();
            bench.wait(SECOND * 2);
        }
        assert!(waits[5] > waits[0] * 4, "{case}: {waits:?}");
        let register = bench.next_request();
        challenge(&mut bench, &register, www(OWN));
        let again = bench.next_request();
        assert_eq!(credentials(&again)[0], ["example.com n1"], "{case}");
        registered(&mut bench, &again, &[]);
    }
}

/// A 401 with this challenge, readable or not.
pub(super) fn feed_401(bench: &mut Bench, register: &Request, challenge: Option<&str>) {
    let names = [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::CallId,
        HeaderName::CSeq,
    ];
    let [via, from, call_id, cseq] = names.map(|name| value(register, name));
    let row = challenge.map_or(String::new(), |value| {
        format!("WWW-Authenticate: {value}\n")
    });
    bench.feed(&format!(
        "SIP/2.0 401 Unauthorized\nVia: {via}\nFrom: {from}\nTo: <sip:alice@example.com>;tag=r\n\
         Call-ID: {call_id}\nCSeq: {cseq}\n{row}Content-Length: 0\n\n"
    ));
}

/// RFC 7616 section 3.3: the registrar refuses the credentials that answer its challenge, and does not call the nonce stale: with the
/// same nonce, as Asterisk does, or with a fresh one, as Kamailio and sip-edge do. The event is final and says so, and `register`
/// begins again.
#[test]
fn fault_b5_a_rejection_ends_the_registration_until_the_application_acts() {
    let mut bench = Bench::new(alice().register(true));
    for second in ["n1", "n2"] {
        for nonce in ["n1", second] {
            let register = bench.next_request();
            challenge(&mut bench, &register, www(&OWN.replace("n1", nonce)));
        }
        let (reason, retry_at) = registration_failed(&mut bench);
        assert_eq!((reason.cause, retry_at), (Cause::Authentication, None));
        let realm = "example.com".to_owned();
        assert_eq!(
            reason.challenge.as_deref(),
            Some(&ChallengeError::Rejected { realm })
        );
        assert_eq!(
            reason.to_string(),
            "the registrar rejected the user name or password: 401 Unauthorized; the realm is \"example.com\""
        );
        bench.wait(SECOND * 86_400);
        bench.silence();
        bench.agent.register(bench.now).unwrap();
        bench.pump();
    }
}

/// RFC 9110 5.6.1.2: empty elements of a list are ignored.
#[test]
fn fault_b6_a_challenge_with_empty_elements_is_answered() {
    for challenge in [
        r#"Digest realm="example.com", nonce="n1","#,
        r#"Digest realm="example.com", nonce="n1" , "#,
        r#"Digest realm="example.com",, nonce="n1""#,
        r#"Digest ,realm="example.com", ,nonce="n1",,"#,
        r#"Digest , , realm="example.com",nonce="n1",qop="auth,",stale=false,"#,
        r#"Digest realm="example.com", nonce="n1", qop=",auth,,","#,
    ] {
        let mut bench = Bench::new(alice().register(true));
        let register = bench.next_request();
        feed_401(&mut bench, &register, Some(challenge));
        let again = bench.next_request();
        assert_eq!(credentials(&again)[0], ["example.com n1"], "{challenge}");
        registered(&mut bench, &again, &[]);
    }
}
