//! Credentials in whole exchanges of a user agent, checked by a server that computes every digest by itself.

mod server;
mod verifier;

use server::{Server, hash};
use sip_core::config::{Authentication, Config, LogLevel};
use sip_core::{Action, Body, Cause, Event, LogContent, Session, SessionId};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, exchange_ended, value};

const CONTACT: (&str, &str) = ("Contact", "<sip:bob@192.0.2.9>");

fn challenge(bench: &mut Bench, request: &Request, server: &mut Server, nonce: &str) {
    challenge_as(bench, request, server, nonce, false);
}

fn challenge_as(
    bench: &mut Bench,
    request: &Request,
    server: &mut Server,
    nonce: &str,
    stale: bool,
) {
    let (name, field) = server.challenge(nonce, stale);
    bench.reply_tagged(request, server.status(), "bob1", &[(name, &field)], None);
    if request.method() == Method::Invite {
        assert_eq!(bench.next_request().method(), Method::Ack);
    }
}

/// A 401 with exactly these header fields.
fn refuse(bench: &mut Bench, request: &Request, fields: &[(&str, &str)]) {
    let copied = [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::CallId,
        HeaderName::CSeq,
    ];
    let [via, from, call_id, cseq] = copied.map(|name| value(request, name));
    let rows = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"));
    bench.feed(&format!(
        "SIP/2.0 401 Unauthorized\nVia: {via}\nFrom: {from}\nTo: <sip:alice@example.com>;tag=r\n\
         Call-ID: {call_id}\nCSeq: {cseq}\n{}Content-Length: 0\n\n",
        rows.collect::<String>()
    ));
}

fn registered(bench: &mut Bench, request: &Request) {
    let contact = value(request, HeaderName::Contact);
    bench.reply(request, 200, &[("Contact", &contact)]);
    assert!(bench.agent.is_registered());
}

/// The next REGISTER, before it times out.
fn next_refresh(bench: &mut Bench) -> Request {
    while bench.sent.is_empty() {
        bench.wait(SECOND);
    }
    bench.next_request()
}

/// The 200 to an INVITE; returns its ACK.
fn accepted(bench: &mut Bench, invite: &Request) -> Request {
    bench.reply_tagged(invite, 200, "bob1", &[CONTACT], Some(OFFER));
    let ack = bench.next_request();
    assert_eq!(ack.method(), Method::Ack);
    ack
}

fn message(bench: &mut Bench, text: &str) -> Request {
    let body = Body::new("text/plain", text.to_owned());
    bench
        .agent
        .message("sip:bob@example.com", body, bench.now)
        .unwrap();
    bench.pump();
    bench.next_request()
}

fn bye(bench: &mut Bench, call: SessionId) -> Request {
    bench.hang_up(call);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bye
}

fn reinvite(bench: &mut Bench, call: SessionId) -> Request {
    bench.reinvite(call);
    let offer = OFFER.replace("a=", "b=").replace("o=- 1 1", "o=- 1 2");
    bench.describe(call, &offer);
    let invite = bench.next_request();
    assert_eq!(invite.method(), Method::Invite);
    invite
}

fn number(request: &Request) -> u32 {
    request.cseq().unwrap().number
}

/// 3261-22.2-A, 3261-22.1-A, 3261-8.1.1.4-A: a proxy sends 407, then the server 401. The third INVITE answers
/// both, each in its own field; the ACK to the 2xx repeats them; Call-ID and tag stay, CSeq grows.
#[test]
fn rfc3261_22_2_a_proxy_and_then_a_server_challenge_an_invite() {
    let mut bench = Bench::new(&alice());
    let mut proxy = Server::proxy("proxy.example.com", "MD5", "auth");
    let mut server = Server::new("example.com", "SHA-256", "auth");
    let (_, first) = bench.call();
    challenge(&mut bench, &first, &mut proxy, "p1");
    let second = bench.next_request();
    assert_eq!(proxy.check(&second), 1);
    assert!(!second.has(HeaderName::Authorization));
    challenge(&mut bench, &second, &mut server, "s1");
    let third = bench.next_request();
    assert_eq!((proxy.check(&third), server.check(&third)), (2, 1));
    for (place, request) in [&second, &third].into_iter().enumerate() {
        assert_eq!(number(request), number(&first) + 1 + place as u32);
        assert_eq!(request.call_id().unwrap(), first.call_id().unwrap());
        assert_eq!(request.from().unwrap().tag(), first.from().unwrap().tag());
        assert_eq!(request.to().unwrap().tag(), None);
        assert_eq!(request.body(), OFFER.as_bytes());
    }
    let ack = accepted(&mut bench, &third);
    for field in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        assert_eq!(value(&ack, field), value(&third, field));
    }
}

/// 3261-22.2-A, AUTH-PRE: the same for REGISTER; its refresh answers both in advance, in one round trip.
#[cfg(feature = "sha512")]
#[test]
fn rfc3261_22_2_a_server_and_then_a_proxy_challenge_a_register() {
    let mut bench = Bench::new(alice().register(true));
    let mut server = Server::new("example.com", "MD5", "auth");
    let mut proxy = Server::proxy("proxy.example.com", "SHA-512-256", "auth");
    let first = bench.next_request();
    challenge(&mut bench, &first, &mut server, "s1");
    let second = bench.next_request();
    assert_eq!(server.check(&second), 1);
    challenge(&mut bench, &second, &mut proxy, "p1");
    let third = bench.next_request();
    assert_eq!((server.check(&third), proxy.check(&third)), (2, 1));
    registered(&mut bench, &third);
    let refresh = next_refresh(&mut bench);
    assert_eq!((server.check(&refresh), proxy.check(&refresh)), (3, 2));
    registered(&mut bench, &refresh);
    bench.silence();
}

/// 3261-22.2-B: two proxies of a fork and a server challenge in one response, and one retry answers all
/// three. A proxy and a server may use the same realm name.
#[test]
fn rfc3261_22_3_three_realms_of_one_response() {
    let mut bench = Bench::new(&alice());
    let mut realms = [
        Server::proxy("one.example.com", "MD5", "auth"),
        Server::proxy("two.example.com", "SHA-256", ""),
        Server::new("one.example.com", "SHA-256", "auth-int"),
    ];
    let (_, first) = bench.call();
    let fields = realms.each_mut().map(|realm| realm.challenge("n", false));
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    bench.reply(&first, 407, &fields);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let second = bench.next_request();
    for realm in &mut realms {
        assert_eq!(realm.check(&second), 1);
    }
    bench.silence();
}

/// 7616-3.4-A, 7616-3.4-B, 7616-3.4.2-A, 7616-3.4.3-A, 7616-3.4.3-B, 7616-3.3-A, 8760-2.4-A, 8760-2.6-A:
/// each algorithm with each quality of protection, in REGISTER, MESSAGE, INVITE, re-INVITE and BYE on one
/// nonce of the server's proxy, which is counted through; with `auth-int` over the body of each, be it empty.
#[test]
fn rfc7616_3_4_every_algorithm_in_every_request() {
    let algorithms = [
        "MD5",
        "MD5-sess",
        "SHA-256",
        "SHA-256-sess",
        #[cfg(feature = "sha512")]
        "SHA-512-256",
        #[cfg(feature = "sha512")]
        "SHA-512-256-sess",
    ];
    for algorithm in algorithms {
        for qop in ["", "auth", "auth-int", "auth,auth-int"] {
            if qop.is_empty() && algorithm.ends_with("-sess") {
                continue;
            }
            let mut server = Server::proxy("example.com", algorithm, qop);
            let mut bench = Bench::new(alice().register(true));
            let first = bench.next_request();
            challenge(&mut bench, &first, &mut server, "first");
            let second = bench.next_request();
            assert_eq!(server.check(&second), 1);
            registered(&mut bench, &second);
            let note = message(&mut bench, "hello");
            assert_eq!(server.check(&note), 2);
            bench.reply(&note, 200, &[]);
            bench.events.clear();
            let (call, invite) = bench.call();
            assert_eq!(server.check(&invite), 3);
            accepted(&mut bench, &invite);
            let again = reinvite(&mut bench, call);
            assert_ne!(again.body(), invite.body());
            assert_eq!(server.check(&again), 4);
            accepted(&mut bench, &again);
            let end = bye(&mut bench, call);
            assert_eq!(server.check(&end), 5, "{algorithm} {qop}");
            bench.reply(&end, 200, &[]);
            bench.silence();
        }
    }
}

/// 7616-3.5-A: `nextnonce` of one REGISTER is used by the next, from nc 1 and without a challenge; a registrar that
/// names the nonce in use goes on counting. The same holds for the requests of a call.
#[test]
fn rfc7616_3_5_nextnonce_goes_from_request_to_request() {
    let mut bench = Bench::new(alice().register(true));
    let mut server = Server::new("example.com", "SHA-256", "auth");
    let first = bench.next_request();
    challenge(&mut bench, &first, &mut server, "n1");
    let second = bench.next_request();
    server.check(&second);
    let contact = value(&second, HeaderName::Contact);
    let next = |nonce| ("Authentication-Info", nonce);
    bench.reply(
        &second,
        200,
        &[("Contact", &contact), next("nextnonce=\"n2\"")],
    );
    server.takes("n2");
    for count in 1..=2 {
        let refresh = next_refresh(&mut bench);
        assert_eq!(server.check(&refresh), count);
        let fields = [("Contact", &*contact), next("nextnonce=\"n2\"")];
        bench.reply(&refresh, 200, &fields);
    }
    bench.events.clear();
    let (call, invite) = bench.call();
    challenge(&mut bench, &invite, &mut server, "c1");
    let invite = bench.next_request();
    assert_eq!(server.check(&invite), 1);
    let fields = [CONTACT, next("nextnonce=\"c2\"")];
    bench.reply_tagged(&invite, 200, "bob1", &fields, Some(OFFER));
    bench.next_request();
    server.takes("c2");
    let end = bye(&mut bench, call);
    assert_eq!(server.check(&end), 1);
}

/// 7616-3.5-A: the agent uses the `nextnonce` of a server that proves its knowledge of the password. It logs
/// and counts a server that does not, ignores its `nextnonce`, and still applies its status.
#[test]
fn rfc7616_3_5_a_server_that_does_not_know_the_password_is_reported() {
    for (password, believed) in [("wonderland", true), ("looking-glass", false)] {
        let mut bench = Bench::new(alice().register(true).log_level(LogLevel::Warn));
        let mut server = Server::new("example.com", "SHA-256", "auth");
        let first = bench.next_request();
        challenge(&mut bench, &first, &mut server, "n1");
        let second = bench.next_request();
        server.check(&second);
        let proof = server.proof(password, "n2");
        let contact = value(&second, HeaderName::Contact);
        let fields = [
            ("Contact", contact.as_str()),
            ("Authentication-Info", &proof),
        ];
        bench.reply(&second, 200, &fields);
        assert!(bench.agent.is_registered());
        let reported = bench.others.iter().any(|action| {
            matches!(action, Action::Log(record) if record.level == LogLevel::Warn
                && matches!(record.content, LogContent::Text(text) if text.contains("Authentication-Info")))
        });
        assert_eq!(reported, !believed);
        assert_eq!(
            bench.agent.counters().authentication_info_failures,
            u64::from(!believed)
        );
        if believed {
            server.takes("n2");
        }
        let refresh = next_refresh(&mut bench);
        assert_eq!(server.check(&refresh), if believed { 1 } else { 2 });
    }
}

/// 3261-22.4-A: a stale nonce costs one round trip. The agent does not use it again and emits no event.
#[test]
fn rfc7616_3_3_a_stale_nonce_costs_one_round_trip() {
    let mut bench = Bench::new(alice().register(true));
    let mut server = Server::new("example.com", "MD5", "auth");
    let first = bench.next_request();
    challenge(&mut bench, &first, &mut server, "n1");
    let second = bench.next_request();
    server.check(&second);
    registered(&mut bench, &second);
    bench.events.clear();
    let refresh = next_refresh(&mut bench);
    assert_eq!(server.check(&refresh), 2);
    challenge_as(&mut bench, &refresh, &mut server, "n2", true);
    let again = bench.next_request();
    assert_eq!(server.check(&again), 1);
    bench.no_events();
    registered(&mut bench, &again);
    let refresh = next_refresh(&mut bench);
    assert_eq!(server.check(&refresh), 2);
    challenge_as(&mut bench, &refresh, &mut server, "n3", true);
    assert_eq!(server.check(&bench.next_request()), 1);
    bench.silence();
}

/// 3261-22.4-A, 3261-22.1-B, AUTH-LOOP: a server that answers each retry with `stale` or with a new challenge
/// receives a bounded number of requests; then the agent reports the failure, for every method.
#[test]
fn auth_loop_no_method_can_be_driven_in_circles() {
    for (stale, most) in [(false, 2), (true, 3)] {
        for method in ["REGISTER", "MESSAGE", "INVITE", "re-INVITE", "BYE"] {
            let mut bench = Bench::new(alice().register(method == "REGISTER"));
            let mut server = Server::new("example.com", "MD5", "auth");
            let mut request = match method {
                "REGISTER" => bench.next_request(),
                "MESSAGE" => message(&mut bench, "hello"),
                "INVITE" => bench.call().1,
                _ => {
                    let (call, _) = bench.established_call();
                    if method == "BYE" {
                        bye(&mut bench, call)
                    } else {
                        reinvite(&mut bench, call)
                    }
                }
            };
            bench.events.clear();
            let mut sent = 1;
            loop {
                challenge_as(
                    &mut bench,
                    &request,
                    &mut server,
                    &format!("n{sent}"),
                    stale,
                );
                let Some(next) = bench.sent.pop_front() else {
                    break;
                };
                request = next.into_request().unwrap();
                assert_eq!(server.check(&request), 1, "{method}");
                sent += 1;
                assert!(sent <= 9, "{method}, stale={stale}: no end");
            }
            assert_eq!(sent, most, "{method}, stale={stale}");
            let now = bench.now;
            let refused = bench.expect(|event| match event {
                Event::RegistrationFailed { reason, retry_at } => {
                    // RFC 7616 section 3.3: the credentials are wrong unless the server calls the nonce stale.
                    assert_eq!(*retry_at > Some(now), stale, "{retry_at:?}");
                    Some(reason.cause == Cause::Authentication)
                }
                Event::RequestCompleted {
                    outcome: Ok(response),
                    ..
                } => Some(response.status().as_u16() == 401),
                Event::Ended { reason, .. } => {
                    let expected = if method == "BYE" {
                        Cause::Requested
                    } else {
                        Cause::Authentication
                    };
                    Some(reason.cause == expected)
                }
                other => {
                    let failure = exchange_ended(other)?.outcome.err()?;
                    Some(failure.cause == Cause::Authentication)
                }
            });
            assert!(refused, "{method}");
            bench.silence();
            bench.wait(7_200 * SECOND);
            if method != "REGISTER" {
                bench.silence();
            }
        }
    }
}

/// AUTH-LOOP: later requests do not carry refused credentials.
#[test]
fn auth_loop_refused_credentials_are_not_reused_in_advance() {
    let mut bench = Bench::new(alice().register(true));
    let mut server = Server::new("example.com", "MD5", "auth");
    let first = bench.next_request();
    challenge(&mut bench, &first, &mut server, "n1");
    let second = bench.next_request();
    server.check(&second);
    challenge(&mut bench, &second, &mut server, "n1");
    bench.silence();
    bench.agent.register(bench.now).unwrap();
    bench.pump();
    let third = bench.next_request();
    assert_eq!(server.credentials(&third), None);
}

/// AUTH-HA1: a configuration that holds H(A1) and no password answers every method; of the rows of a
/// challenge the one whose algorithm made it, be there stronger ones.
#[test]
fn auth_ha1_answers_without_a_password() {
    for algorithm in ["MD5", "SHA-256"] {
        let ha1 = hash(algorithm, b"alice:example.com:wonderland");
        let mut config = Config::builder();
        config
            .uri("sip:alice@example.com")
            .server("ws://127.0.0.1:5080")
            .ha1("example.com", &ha1)
            .register(false);
        let mut bench = Bench::new(&config);
        let mut rows = ["SHA-512-256", "SHA-256", "MD5"]
            .map(|offered| Server::new("example.com", offered, "auth"));
        let (call, invite) = bench.call();
        let fields = rows.each_mut().map(|row| row.challenge("n1", false));
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        bench.reply(&invite, 401, &fields);
        bench.next_request();
        let mut server = rows
            .into_iter()
            .find(|row| row.algorithm == algorithm)
            .unwrap();
        let second = bench.next_request();
        assert_eq!(server.check(&second), 1);
        accepted(&mut bench, &second);
        let end = bye(&mut bench, call);
        assert_eq!(server.check(&end), 2);
    }
}

/// 8760-2.4-A: of the challenges of one realm the agent answers the strongest, in any place, and ignores unknown
/// algorithms.
#[test]
fn rfc8760_2_4_the_strongest_row_is_answered() {
    let mut bench = Bench::new(alice().register(true));
    let mut weak = Server::new("example.com", "MD5", "auth");
    let mut strong = Server::new("example.com", "SHA-256", "auth");
    let first = bench.next_request();
    let unknown = r#"Digest realm="example.com", nonce="x", algorithm=SHA3-512, qop="auth""#;
    let (weak, strong_row) = (weak.challenge("w", false).1, strong.challenge("s", false).1);
    let fields = [unknown, &weak, &strong_row].map(|row| ("WWW-Authenticate", row));
    bench.reply(&first, 401, &fields);
    assert_eq!(strong.check(&bench.next_request()), 1);
}

/// 8760-2.4-A: the agent ignores a malformed challenge like one of an unknown algorithm. If there is no other, the
/// request fails at once and not after a time-out.
#[test]
fn rfc8760_2_4_a_broken_row_hides_nothing() {
    let broken = ("WWW-Authenticate", "Digest realm=\"example.com, nonce=");
    for alone in [false, true] {
        let mut bench = Bench::new(alice().register(true));
        let mut server = Server::new("example.com", "MD5", "auth");
        let first = bench.next_request();
        let row = server.challenge("n1", false).1;
        let fields = [broken, ("WWW-Authenticate", row.as_str())];
        refuse(&mut bench, &first, &fields[..if alone { 1 } else { 2 }]);
        if alone {
            let outcome = bench.expect(|event| match event {
                Event::RegistrationFailed { reason, retry_at } => Some((reason.cause, *retry_at)),
                _ => None,
            });
            assert_eq!(outcome.0, Cause::Authentication);
            assert!(outcome.1 > Some(bench.now), "{outcome:?}");
        } else {
            assert_eq!(server.check(&bench.next_request()), 1);
        }
        bench.silence();
    }
}

/// 7616-3.4.4-A: the agent hashes the name in every request to a server that requires it.
#[test]
fn rfc7616_3_4_4_userhash_in_every_request() {
    for algorithm in [
        "MD5",
        "SHA-256",
        #[cfg(feature = "sha512")]
        "SHA-512-256",
    ] {
        let mut bench = Bench::new(alice().register(true));
        let mut server = Server::proxy("example.com", algorithm, "auth");
        server.userhash = true;
        let first = bench.next_request();
        challenge(&mut bench, &first, &mut server, "n1");
        let second = bench.next_request();
        assert_eq!(server.check(&second), 1);
        registered(&mut bench, &second);
        assert_eq!(server.check(&message(&mut bench, "hello")), 2);
    }
}

/// 3261-22.1-A: a re-INVITE, an INFO and a BYE that are challenged go again with the next CSeq number of the
/// dialog; the ACK of the re-INVITE repeats its credentials.
#[test]
fn rfc3261_22_2_requests_in_a_call_are_challenged_one_by_one() {
    let mut bench = Bench::new(&alice());
    let mut server = Server::new("example.com", "MD5", "auth-int");
    let (call, invite) = bench.established_call();
    let first = reinvite(&mut bench, call);
    assert_eq!(number(&first), number(&invite) + 1);
    challenge(&mut bench, &first, &mut server, "n1");
    let second = bench.next_request();
    assert_eq!(server.check(&second), 1);
    assert_eq!(number(&second), number(&first) + 1);
    let ack = accepted(&mut bench, &second);
    assert_eq!(number(&ack), number(&second));
    assert_eq!(
        value(&ack, HeaderName::Authorization),
        value(&second, HeaderName::Authorization)
    );
    let Ok(Session::Established(session)) = bench.agent.session(call) else {
        panic!("the call is up");
    };
    let tone = Body::new("application/dtmf-relay", "Signal=1\r\n");
    session.info(&tone, bench.now).unwrap();
    bench.pump();
    let info = bench.next_request();
    assert_eq!(server.check(&info), 2);
    challenge_as(&mut bench, &info, &mut server, "n2", true);
    let again = bench.next_request();
    assert_eq!(number(&again), number(&info) + 1);
    assert_eq!(server.check(&again), 1);
    bench.reply(&again, 200, &[]);
    let mut proxy = Server::proxy("proxy.example.com", "MD5", "auth");
    let end = bye(&mut bench, call);
    assert_eq!(number(&end), number(&again) + 1);
    assert_eq!(server.check(&end), 2);
    challenge(&mut bench, &end, &mut proxy, "p1");
    let again = bench.next_request();
    assert_eq!(
        (again.method(), number(&again)),
        (Method::Bye, number(&end) + 1)
    );
    assert_eq!((server.check(&again), proxy.check(&again)), (3, 1));
    bench.reply(&again, 200, &[]);
    let cause = bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some(reason.cause),
        _ => None,
    });
    assert_eq!(cause, Cause::Requested);
}

/// 7616-3.4-C: with a strict router the Request-URI is the router's, and so is `uri` (RFC 3261 section 12.2.1.1).
#[test]
fn rfc7616_3_4_the_uri_is_that_of_a_strict_router() {
    let mut bench = Bench::new(&alice());
    let mut server = Server::new("example.com", "MD5", "auth");
    let (call, invite) = bench.call();
    let fields = [CONTACT, ("Record-Route", "<sip:strict.example.com>")];
    bench.reply_tagged(&invite, 200, "bob1", &fields, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    let end = bye(&mut bench, call);
    assert_eq!(end.uri_bytes(), b"sip:strict.example.com");
    challenge(&mut bench, &end, &mut server, "n1");
    let again = bench.next_request();
    assert_eq!(again.uri_bytes(), b"sip:strict.example.com");
    assert_eq!(server.check(&again), 1);
}

/// 3261-22.1-A: a CANCEL cannot be resent, so the agent answers neither a challenge to it nor one to an
/// INVITE that is being cancelled.
#[test]
fn rfc3261_22_1_a_cancel_is_not_challenged() {
    let mut bench = Bench::new(&alice());
    let mut server = Server::new("example.com", "MD5", "auth");
    let (call, invite) = bench.call();
    bench.reply(&invite, 180, &[]);
    bench.hang_up(call);
    let cancel = bench.next_request();
    assert_eq!(cancel.method(), Method::Cancel);
    challenge(&mut bench, &cancel, &mut server, "n1");
    bench.silence();
    challenge(&mut bench, &invite, &mut server, "n2");
    bench.silence();
    let cause = bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some(reason.cause),
        _ => None,
    });
    assert_eq!(cause, Cause::Cancelled);
}

/// 8898-A: a Bearer challenge reaches the application with everything that it needs to get a token, together
/// with the challenges of other schemes.
#[test]
fn rfc8898_4_a_bearer_challenge_can_be_read() {
    let mut bench = Bench::new(
        alice()
            .authentication(Authentication::Application)
            .register(true),
    );
    let first = bench.next_request();
    let bearer = "bearer Realm=\"example.com\", scope=\"sip.register openid\", \
                  authz_server=\"https://id.example.com/a,b\", error=\"invalid_token\"";
    let digest = r#"Digest realm="example.com", nonce="n""#;
    bench.reply(
        &first,
        401,
        &[("WWW-Authenticate", digest), ("WWW-Authenticate", bearer)],
    );
    let response = bench.expect(|event| match event {
        Event::Challenged { response, .. } => Some(response.clone()),
        _ => None,
    });
    let challenges: Vec<_> = response.challenges().map(Result::unwrap).collect();
    let schemes = challenges
        .iter()
        .map(|challenge| (challenge.is_digest(), challenge.is_bearer()));
    assert_eq!(schemes.collect::<Vec<_>>(), [(true, false), (false, true)]);
    let bearer = challenges[1];
    assert_eq!(bearer.realm().as_deref(), Some(&b"example.com"[..]));
    assert_eq!(bearer.scope().as_deref(), Some(&b"sip.register openid"[..]));
    assert_eq!(
        bearer.authz_server().as_deref(),
        Some(&b"https://id.example.com/a,b"[..])
    );
    assert_eq!(bearer.error().as_deref(), Some(&b"invalid_token"[..]));
    assert_eq!(challenges[0].authz_server(), None);
}
