//! `authenticationFactory`: the application answers challenges itself.

use sip_core::config::{Authentication, ConfigBuilder, WeakestAlgorithm};
use sip_core::connection::DisconnectReason;
use sip_core::{
    AuthorizationFailed, Body, Cause, ChallengeId, CommandError, Event, ExtraHeaderError, Session,
};
use sip_parse::{HeaderName, Method, Request};

use sip_testing::{Bench, OFFER, SECOND, alice, value};

/// RFC 8898 2: the challenge of a registrar that requires a token.
const BEARER: &str = r#"Bearer authz_server="https://id.example.com", scope="sip""#;

/// Whether SHA-512-256 is known.
const STRONGEST: bool = cfg!(feature = "sha512");

fn config() -> ConfigBuilder {
    let mut config = alice();
    config.authentication(Authentication::Application);
    config
}

/// Whether a MESSAGE to a stranger answers the challenge `parameters` of its peer.
fn answers_a_peer(config: &ConfigBuilder, parameters: &str) -> bool {
    let mut bench = Bench::new(config);
    let body = Body::new("text/plain", "x");
    let target = "sip:stranger@other.example";
    bench.agent.message(target, body, bench.now).unwrap();
    bench.pump();
    let message = bench.next_request();
    let challenge = format!("Digest nonce=\"n\", {parameters}");
    bench.reply(&message, 401, &[("WWW-Authenticate", &challenge)]);
    bench.sent.pop_front().is_some()
}

/// `peerRealms`: exactly the listed realms may challenge from afar; by default none.
pub(crate) fn cfg_peer_realms_are_answered_to_peers() {
    let friends = "realm=\"friends.example\", algorithm=SHA-256, qop=\"auth\"";
    assert!(!answers_a_peer(&alice(), friends));
    let mut config = alice();
    config.peer_realms(["friends.example", "others"]);
    assert!(answers_a_peer(&config, friends));
    for realm in ["Friends.example", "a.friends.example", "stranger"] {
        let other = friends.replace("friends.example", realm);
        assert!(!answers_a_peer(&config, &other), "{realm}");
    }
}

/// `weakestPeerAlgorithm`: the floor for the listed realms; qop is always required.
pub(crate) fn cfg_weakest_algorithm_of_peers() {
    let mut config = alice();
    config.peer_realms(["friends.example"]);
    let answered = |config: &ConfigBuilder, algorithm: &str, qop: &str| {
        let parameters = format!("realm=\"friends.example\", algorithm={algorithm}{qop}");
        answers_a_peer(config, &parameters)
    };
    for (weakest, expected) in [
        (WeakestAlgorithm::Md5, [true, true, STRONGEST]),
        (WeakestAlgorithm::Sha256, [false, true, STRONGEST]),
        #[cfg(feature = "sha512")]
        (WeakestAlgorithm::Sha512_256, [false, false, true]),
    ] {
        config.weakest_peer_algorithm(weakest);
        let algorithms = ["MD5", "SHA-256", "SHA-512-256"];
        let qop = ", qop=\"auth\"";
        assert_eq!(
            algorithms.map(|name| answered(&config, name, qop)),
            expected
        );
        assert_eq!(
            algorithms.map(|name| answered(&config, name, "")),
            [false; 3]
        );
    }
}

/// `weakestAlgorithm`: the floor for the own registrar.
pub(crate) fn cfg_weakest_algorithm_of_the_own_servers() {
    for (weakest, expected) in [
        (WeakestAlgorithm::Md5, [true, true]),
        (WeakestAlgorithm::Sha256, [false, true]),
    ] {
        let answered = ["MD5", "SHA-256"].map(|algorithm| {
            let mut bench = Bench::new(alice().register(true).weakest_algorithm(weakest));
            let register = bench.next_request();
            let challenge = format!("Digest realm=\"r\", nonce=\"n\", algorithm={algorithm}");
            bench.reply(&register, 401, &[("WWW-Authenticate", &challenge)]);
            bench.sent.pop_front().is_some()
        });
        assert_eq!(answered, expected);
    }
}

fn challenged(bench: &mut Bench) -> (ChallengeId, Box<Request>) {
    bench.expect(|event| match event {
        Event::Challenged {
            challenge,
            request,
            response,
        } => {
            assert!(matches!(response.status().as_u16(), 401 | 407));
            Some((*challenge, request.clone()))
        }
        _ => None,
    })
}

fn authorize(bench: &mut Bench, challenge: ChallengeId, value: Result<&str, AuthorizationFailed>) {
    bench.agent.authorize(challenge, value, bench.now).unwrap();
    bench.pump();
}

/// RFC 3261 22.2: the application's value goes out as it is, in a request with the next CSeq number, a new
/// branch and the same Call-ID and tag; the password beside it is never used.
pub(crate) fn authentication_factory_asks_the_application() {
    let mut bench = Bench::new(config().register(true));
    let first = bench.next_request();
    bench.reply(&first, 401, &[("WWW-Authenticate", BEARER)]);
    bench.silence();
    let (challenge, request) = challenged(&mut bench);
    assert_eq!(request.bytes(), first.bytes());
    authorize(&mut bench, challenge, Ok("Bearer mF_9.B5f-4.1JqM"));
    let second = bench.next_request();
    let credentials = value(&second, HeaderName::Authorization);
    assert_eq!(credentials, "Bearer mF_9.B5f-4.1JqM");
    let number = |request: &Request| request.cseq().unwrap().number;
    assert_eq!(number(&second), number(&first) + 1);
    assert_eq!(second.call_id().unwrap(), first.call_id().unwrap());
    assert_eq!(second.from().unwrap().tag(), first.from().unwrap().tag());
    assert_ne!(
        second.top_via().unwrap().branch(),
        first.top_via().unwrap().branch()
    );
    let contact = value(&second, HeaderName::Contact);
    bench.reply(&second, 200, &[("Contact", &contact)]);
    assert!(bench.agent.is_registered());
    assert_eq!(bench.agent.table_sizes().challenges, 0);
    let again = bench.agent.authorize(challenge, Ok("Bearer x"), bench.now);
    assert_eq!(again, Err(CommandError::Stale));

    // The core answers Digest itself and emits no event.
    let mut bench = Bench::new(alice().register(true));
    let first = bench.next_request();
    let digest = r#"Digest realm="example.com", nonce="n""#;
    bench.reply(&first, 401, &[("WWW-Authenticate", digest)]);
    assert!(value(&bench.next_request(), HeaderName::Authorization).starts_with("Digest "));
    bench.no_events();
}

/// RFC 3261 22.3: a proxy's 407 and then a server's 401: the second retry carries both answers.
#[test]
fn rfc3261_22_3_a_proxy_and_a_server_in_one_chain() {
    let mut bench = Bench::new(&config());
    let (id, invite) = bench.call();
    bench.reply(&invite, 407, &[("Proxy-Authenticate", BEARER)]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let (challenge, _) = challenged(&mut bench);
    authorize(&mut bench, challenge, Ok("Bearer proxy"));
    let second = bench.next_request();
    assert_eq!(
        value(&second, HeaderName::ProxyAuthorization),
        "Bearer proxy"
    );
    assert!(!second.has(HeaderName::Authorization));
    bench.reply(&second, 401, &[("WWW-Authenticate", BEARER)]);
    bench.next_request();
    let (challenge, _) = challenged(&mut bench);
    authorize(&mut bench, challenge, Ok("Bearer server"));
    let third = bench.next_request();
    assert_eq!(
        value(&third, HeaderName::ProxyAuthorization),
        "Bearer proxy"
    );
    assert_eq!(value(&third, HeaderName::Authorization), "Bearer server");
    assert_eq!(third.body(), OFFER.as_bytes());
    let contact = [("Contact", "<sip:bob@192.0.2.9>")];
    bench.reply_tagged(&third, 200, "bob1", &contact, Some(OFFER));
    let ack = bench.next_request();
    assert_eq!(
        value(&ack, HeaderName::Authorization),
        "Bearer server",
        "22.1"
    );
    // BYE is a request of its own, with a challenge of its own.
    let Ok(Session::Established(call)) = bench.agent.session(id) else {
        panic!("the call is up");
    };
    call.bye(bench.now);
    bench.pump();
    let bye = bench.next_request();
    bench.reply(&bye, 401, &[("WWW-Authenticate", BEARER)]);
    let (challenge, _) = challenged(&mut bench);
    authorize(&mut bench, challenge, Ok("Bearer bye"));
    let again = bench.next_request();
    assert_eq!(again.method(), Method::Bye);
    assert_eq!(again.cseq().unwrap().number, bye.cseq().unwrap().number + 1);
    bench.reply(&again, 200, &[]);
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// The challenge is final if the application has no credentials, or does not answer in time.
#[test]
fn a_refusal_and_silence_make_the_challenge_final() {
    for silent in [false, true] {
        let mut bench = Bench::new(&config());
        let body = Body::new("text/plain", "x");
        bench.agent.message("bob", body, bench.now).unwrap();
        bench.pump();
        let message = bench.next_request();
        bench.reply(&message, 401, &[("WWW-Authenticate", BEARER)]);
        let (challenge, _) = challenged(&mut bench);
        if silent {
            bench.wait(61 * SECOND);
            let late = bench.agent.authorize(challenge, Ok("Bearer x"), bench.now);
            assert_eq!(late, Err(CommandError::Stale));
        } else {
            authorize(&mut bench, challenge, Err(AuthorizationFailed));
        }
        bench.silence();
        let status = bench.expect(|event| match event {
            Event::RequestCompleted {
                outcome: Ok(response),
                ..
            } => Some(response.status().as_u16()),
            _ => None,
        });
        assert_eq!(status, 401);
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
}

/// AUTH-LOOP: the fifth challenge of one request is final, also if the application would answer it.
#[test]
fn auth_loop_the_application_cannot_be_driven_in_circles() {
    let mut bench = Bench::new(config().register(true));
    let mut sent = 0;
    while let Some(message) = bench.sent.pop_front() {
        let request = message.into_request().unwrap();
        sent += 1;
        assert!(sent <= 5);
        bench.reply(&request, 401, &[("WWW-Authenticate", BEARER)]);
        let (challenge, _) = challenged(&mut bench);
        authorize(&mut bench, challenge, Ok("Bearer wrong"));
    }
    assert_eq!(sent, 5);
    bench.expect(|event| match event {
        Event::RegistrationFailed { reason, .. } => {
            (reason.cause == Cause::Authentication).then_some(())
        }
        _ => None,
    });
}

/// A value must not inject another header field; the challenge keeps waiting.
#[test]
fn a_bad_value_changes_nothing() {
    let mut bench = Bench::new(config().register(true));
    let first = bench.next_request();
    bench.reply(&first, 401, &[("WWW-Authenticate", BEARER)]);
    let (challenge, _) = challenged(&mut bench);
    for (bad, at) in [("Bearer x\r\nVia: y", 8), ("a\0", 1), ("", 0), ("  ", 0)] {
        let refused = bench.agent.authorize(challenge, Ok(bad), bench.now);
        let error = CommandError::Header(ExtraHeaderError::Value(at));
        assert_eq!(refused, Err(error), "{bad:?}");
    }
    bench.pump();
    bench.silence();
    authorize(&mut bench, challenge, Ok("Bearer x"));
    assert_eq!(bench.next_request().method(), Method::Register);
}

/// A call that ends, a connection that is lost and an agent that stops withdraw the challenge.
#[test]
fn what_is_given_up_does_not_wait_for_the_answer() {
    for way in ["hang up", "lost", "stop"] {
        let mut bench = Bench::new(&config());
        let (id, invite) = bench.call();
        bench.reply(&invite, 407, &[("Proxy-Authenticate", BEARER)]);
        bench.next_request();
        let (challenge, _) = challenged(&mut bench);
        let cause = match way {
            "hang up" => {
                bench.agent.hang_up(id, bench.now).unwrap();
                Cause::Cancelled
            }
            "lost" => {
                let reason = DisconnectReason::Lost;
                bench
                    .agent
                    .connection_closed(bench.connection, reason, bench.now);
                Cause::ConnectionLost
            }
            _ => {
                bench.agent.stop(None, bench.now);
                Cause::Cancelled
            }
        };
        bench.pump();
        let ended = bench.expect(|event| match event {
            Event::Ended { reason, .. } => Some(reason.cause),
            _ => None,
        });
        assert_eq!(ended, cause, "{way}");
        let late = bench.agent.authorize(challenge, Ok("Bearer x"), bench.now);
        assert_eq!(late, Err(CommandError::Stale), "{way}");
        bench.silence();
        assert_eq!(bench.agent.table_sizes().challenges, 0, "{way}");
    }
}

/// RFC 3261 14.1: the agent treats the challenge of a re-INVITE like that of an INVITE. Hanging up withdraws it.
#[test]
fn a_renegotiation_is_challenged_like_a_call() {
    for way in ["answered", "hung up", "hung up by the peer"] {
        let mut bench = Bench::new(&config());
        let (id, call_invite) = bench.established_call();
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let invite = bench.next_request();
        bench.reply_tagged(
            &invite,
            407,
            "bob1",
            &[("Proxy-Authenticate", BEARER)],
            None,
        );
        bench.next_request();
        let (challenge, _) = challenged(&mut bench);
        if way != "answered" {
            if way == "hung up" {
                bench.hang_up(id);
                assert_eq!(bench.next_request().method(), Method::Bye);
            } else {
                let [to, call_id] =
                    [HeaderName::From, HeaderName::CallId].map(|name| value(&call_invite, name));
                let user = bench.contact_user();
                bench.feed(&format!(
                    "BYE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbye\n\
                     Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bob1\nTo: {to}\n\
                     Call-ID: {call_id}\nCSeq: 5 BYE\nContent-Length: 0\n\n"
                ));
                assert_eq!(bench.next_response().status().as_u16(), 200);
                assert_eq!(bench.agent.table_sizes().challenges, 0);
            }
            let late = bench.agent.authorize(challenge, Ok("Bearer x"), bench.now);
            assert_eq!(late, Err(CommandError::Stale));
        } else {
            authorize(&mut bench, challenge, Ok("Bearer again"));
            let again = bench.next_request();
            assert_eq!(
                value(&again, HeaderName::ProxyAuthorization),
                "Bearer again"
            );
            assert_eq!(again.body(), OFFER.as_bytes());
        }
        bench.silence();
    }
}
