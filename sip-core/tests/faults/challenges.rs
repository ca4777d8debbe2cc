//! Challenges of every form, and who gets an answer (RFC 3261 section 22, RFC 7616).

use sip_core::{Event, InviteOptions};
use sip_parse::{HeaderName, Method};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

use super::credentials::{
    OWN, STRANGER, accepted, bye, carries_nothing, challenge, credentials, feed_401, invite,
    message, next_register, proxy, registered, registered_with, www,
};

const NONE: Vec<String> = Vec::new();

/// RFC 3261 22.1, RFC 7616 3.3, RFC 9110 11.6.1: of a list of challenges, in one row or several, each realm gets one answer.
#[test]
fn fault_b5_challenges_of_every_form_are_read() {
    let long = "x".repeat(3_000);
    let fifty: Vec<_> = (0..50)
        .map(|n| format!("Digest realm=\"example.com\", nonce=\"n{n}\", algorithm=SHA3-{n}"))
        .collect();
    let fifty = format!("{}, Digest realm=\"a\", nonce=\"1\"", fifty.join(", "));
    let bearers = format!(
        "{}Digest realm=\"a\", nonce=\"1\"",
        "Bearer realm=\"b\", ".repeat(50)
    );
    let same = format!(
        "Digest realm=\"a\", nonce=\"1\"{}",
        ", Digest realm=\"a\", nonce=\"2\"".repeat(50)
    );
    let row = "\nWWW-Authenticate: ";
    let long_realm =
        format!("Digest realm=\"{long}\", nonce=\"1\"{row}Digest realm=\"a\", nonce=\"1\"");
    let long_nonce = format!(
        "Digest realm=\"a\", nonce=\"{long}\", algorithm=SHA-256{row}Digest realm=\"a\", nonce=\"1\""
    );
    let long_opaque = format!(
        "Digest realm=\"a\", nonce=\"2\", opaque=\"{long}\"{row}Digest realm=\"a\", nonce=\"1\""
    );
    let cases: &[(&str, &[&str])] = &[
        (
            r#"Digest realm="a", nonce="1", Digest realm="b", nonce="2""#,
            &["a 1", "b 2"],
        ),
        (
            r#"Digest realm="a",nonce="1",Digest realm="b",nonce="2""#,
            &["a 1", "b 2"],
        ),
        (r#"Bearer realm="x", Digest realm="a", nonce="1""#, &["a 1"]),
        (
            r#"Bearer authz_server="https://x/?a=b,c", scope="sip, x", Digest realm="a", nonce="1""#,
            &["a 1"],
        ),
        (r#"Digest realm="a", nonce="1", Bearer"#, &["a 1"]),
        (r#"Bearer, Digest realm="a", nonce="1""#, &["a 1"]),
        (
            r#"Negotiate YWJjZA==, Digest realm="a", nonce="1""#,
            &["a 1"],
        ),
        (r#"Basic realm="a", Digest realm="a", nonce="1""#, &["a 1"]),
        (
            r#"Digest realm="a", nonce="1", algorithm=SHA3-512, Digest realm="a", nonce="2", algorithm=MD5"#,
            &["a 2"],
        ),
        (
            r#"Digest realm="a", nonce="2", algorithm=MD5, Digest realm="a", nonce="1", algorithm=AKAv1-MD5"#,
            &["a 2"],
        ),
        (
            r#"Digest realm="a", nonce="2", algorithm=MD5, Digest realm="a", nonce="1", algorithm=SHA-256"#,
            &["a 1"],
        ),
        (r#"Digest realm="a", nonce="1", algorithm="MD5""#, &["a 1"]),
        (r#"Digest realm="a", nonce="1", algorithm=md5"#, &["a 1"]),
        (r#"DIGEST REALM="a", NONCE="1", QOP="AUTH""#, &["a 1"]),
        (r#"Digest realm="a", nonce="1", qop=auth"#, &["a 1"]),
        (
            r#"Digest realm="a", nonce="1", qop=auth,auth-int"#,
            &["a 1"],
        ),
        (r#"Digest realm="a", nonce="1", qop="auth-int""#, &["a 1"]),
        (
            r#"Digest realm="a", nonce="1", qop="auth-conf, auth-int""#,
            &["a 1"],
        ),
        (
            r#"Digest realm="a", nonce="1", qop=" auth , auth-int ""#,
            &["a 1"],
        ),
        (r#"Digest realm="a", nonce="1", qop="""#, &["a 1"]),
        (r#"Digest realm="", nonce="1""#, &[" 1"]),
        (r#"Digest realm=a, nonce=1"#, &["a 1"]),
        (r#"Digest realm = "a" , nonce = "1" "#, &["a 1"]),
        ("Digest\n realm=\"a\",\n\tnonce=\"1\"", &["a 1"]),
        ("Digest realm=\"a\",nonce=\"1\",\n opaque=\"\"", &["a 1"]),
        (
            r#"Digest realm="a", nonce="1", stale=FALSE, domain="sip:evil.example sips:b""#,
            &["a 1"],
        ),
        (r#"Digest realm="a", nonce="1", stale="true""#, &["a 1"]),
        (r#"Digest realm="a, b=\"c\"", nonce="1""#, &["a, b=\"c\" 1"]),
        (r#"Digest realm="Zürich", nonce="1""#, &["Zürich 1"]),
        (
            r#"Digest realm="a", nonce="1", unknown, other="x""#,
            &["a 1"],
        ),
        (r#"Digest nonce="1", Digest realm="a", nonce="1""#, &["a 1"]),
        (r#"Digest realm="b", Digest realm="a", nonce="1""#, &["a 1"]),
        (
            "][\nWWW-Authenticate: Digest realm=\"a\", nonce=\"1\"",
            &["a 1"],
        ),
        (
            "\nWWW-Authenticate: Digest realm=\"a\", nonce=\"1\"",
            &["a 1"],
        ),
        (
            "Digest realm=\"b\nWWW-Authenticate: Digest realm=\"a\", nonce=\"1\"",
            &["a 1"],
        ),
        (
            "Digest realm=\"a\", nonce=\"1\nProxy-Authenticate: Digest realm=\"a\", nonce=\"1\"",
            &["proxy a 1"],
        ),
        (
            "Digest realm=\"a\", nonce=\"1\"\nProxy-Authenticate: Digest realm=\"a\", nonce=\"2\"",
            &["a 1", "proxy a 2"],
        ),
        (&fifty, &["a 1"]),
        (&bearers, &["a 1"]),
        (&same, &["a 1"]),
        (&long_realm, &["a 1"]),
        (&long_nonce, &["a 1"]),
        (&long_opaque, &["a 1"]),
        // Not answered, and tried again later.
        (r#"Digest nonce="1""#, &[]),
        (r#"Digest realm="a""#, &[]),
        ("Digest", &[]),
        ("Digest ", &[]),
        ("Digest ,", &[]),
        (r#"Digest realm="a", nonce="1", algorithm=""#, &[]),
        ("Bearer", &[]),
    ];
    for (text, expected) in cases {
        let mut bench = Bench::new(alice().register(true));
        let register = bench.next_request();
        feed_401(&mut bench, &register, Some(text));
        let found: Vec<String> = match bench.sent.pop_front() {
            Some(request) => {
                let [www, proxy] = credentials(&request);
                let proxy = proxy.iter().map(|value| format!("proxy {value}"));
                www.into_iter().chain(proxy).collect()
            }
            None => {
                bench.expect(|event| match event {
                    Event::RegistrationFailed { retry_at, .. } => retry_at.map(|_| ()),
                    _ => None,
                });
                NONE
            }
        };
        assert_eq!(found, *expected, "{text}");
    }
}

/// RFC 3261 22.3: two proxies on the way, each with a realm of its own, one after the other.
#[test]
fn fault_b1_a_chain_of_proxies_gets_both_credentials() {
    let first = proxy(r#"Digest realm="example.com", nonce="p1", qop="auth""#);
    let second = proxy(r#"Digest realm="gw.example.com", nonce="p2", qop="auth""#);
    let mut bench = registered_with(&mut alice(), www(OWN));
    let (call, request) = invite(&mut bench, STRANGER, InviteOptions::new());
    challenge(&mut bench, &request, first);
    let request = bench.next_request();
    challenge(&mut bench, &request, second);
    let request = bench.next_request();
    let both = vec!["example.com p1".to_owned(), "gw.example.com p2".to_owned()];
    let mut found = credentials(&request)[1].clone();
    found.sort();
    assert_eq!(found, both);
    accepted(&mut bench, &request, &[]);
    let end = bye(&mut bench, call);
    let mut found = credentials(&end);
    found[1].sort();
    assert_eq!(found, [NONE, both]);
    bench.reply(&end, 200, &[]);
    carries_nothing(&message(&mut bench, STRANGER));
    assert_eq!(
        credentials(&next_register(&mut bench)),
        [vec!["example.com n1".to_owned()], NONE]
    );
}

/// RFC 3261 22.1: a CANCEL is not challenged, because it cannot be sent again; a challenge to it is not answered, and it
/// teaches nothing.
#[test]
fn fault_b1_a_challenged_cancel_is_not_answered() {
    for with in [www(OWN), proxy(OWN)] {
        for challenged in [false, true] {
            let mut bench = Bench::new(&alice());
            let (call, mut request) = invite(&mut bench, "bob", InviteOptions::new());
            if challenged {
                challenge(&mut bench, &request, proxy(OWN));
                request = bench.next_request();
            }
            bench.reply_tagged(&request, 180, "bob", &[("Contact", "<sip:b@c>")], None);
            bench.hang_up(call);
            let cancel = bench.next_request();
            assert_eq!(cancel.method(), Method::Cancel);
            for field in [HeaderName::ProxyRequire, HeaderName::Require] {
                assert!(!cancel.has(field));
            }
            let status = if with.0 == "WWW-Authenticate" {
                401
            } else {
                407
            };
            bench.reply_tagged(&cancel, status, "bob", &[with], None);
            bench.silence();
            // The INVITE is challenged while it is cancelled: it does not go out again.
            bench.reply_tagged(&request, status, "bob", &[with], None);
            let ack = bench.next_request();
            assert_eq!(ack.method(), Method::Ack);
            bench.silence();
            bench.expect(|event| matches!(event, Event::Ended { .. }).then_some(()));
        }
    }
}

/// RFC 3261 22.3 and 16.7 step 6: a forking proxy puts the challenges of all branches into one response; the own proxy
/// gets its answer, the peers get none.
#[test]
fn fault_b4_only_the_own_proxy_of_a_fork_is_answered() {
    let evil = www(r#"Digest realm="evil", nonce="e", qop="auth""#);
    let liar = www(OWN);
    let evil_proxy = proxy(r#"Digest realm="evil", nonce="e", qop="auth""#);
    let own = proxy(r#"Digest realm="example.com", nonce="p", qop="auth""#);
    for status in [401, 407] {
        for method in ["INVITE", "MESSAGE"] {
            let mut bench = registered_with(&mut alice(), www(OWN));
            let request = match method {
                "INVITE" => invite(&mut bench, STRANGER, InviteOptions::new()).1,
                _ => message(&mut bench, STRANGER),
            };
            bench.reply_tagged(&request, status, "f", &[evil, liar, evil_proxy, own], None);
            if method == "INVITE" {
                carries_nothing(&bench.next_request());
            }
            let again = bench.next_request();
            assert_eq!(
                credentials(&again),
                [NONE, vec!["example.com p".to_owned()]]
            );
            // The branches insist.
            bench.reply_tagged(&again, status, "f", &[evil, liar, evil_proxy], None);
            if method == "INVITE" {
                assert_eq!(bench.next_request().method(), Method::Ack);
            }
            bench.silence();
        }
    }
}

/// RFC 3261 10.3, 8.1.3.4: a redirected or refused REGISTER takes its credentials nowhere else.
#[test]
fn fault_b1_a_redirected_register_is_not_followed() {
    for status in [300, 301, 302, 305, 380] {
        let mut bench = registered_with(&mut alice(), www(OWN));
        let register = next_register(&mut bench);
        bench.reply(&register, status, &[("Contact", "<sip:evil.example>")]);
        bench.silence();
        bench.wait(SECOND * 3_600);
        for request in bench.sent.drain(..) {
            let request = request.into_request().unwrap();
            assert_eq!(request.uri_bytes(), b"sip:example.com");
        }
    }
}

/// RFC 7616 3.5: Authentication-Info that proves nothing, or is for another request, moves no nonce.
#[test]
fn fault_b2_information_that_proves_nothing_moves_no_nonce() {
    for (info, next) in [
        ("nextnonce=\"n2\"", "n2"),
        ("nextnonce=\"n2\", qop=auth", "n2"),
        ("nextnonce=n2", "n2"),
        ("nextnonce=\"n2\",", "n2"),
        (
            "nextnonce=\"n2\", rspauth=\"00000000000000000000000000000000\"",
            "n1",
        ),
        ("nextnonce=\"n2\", rspauth=\"\"", "n1"),
        ("nextnonce=\"n2\", cnonce=\"other\"", "n1"),
        ("nextnonce=\"n2\", nc=00000077", "n1"),
        ("nextnonce=\"n2\", nc=xyz, rspauth=\"1\"", "n1"),
        ("nextnonce=\"\"", "n1"),
        ("qop=auth", "n1"),
    ] {
        let mut bench = Bench::new(alice().register(true));
        let first = bench.next_request();
        challenge(&mut bench, &first, www(OWN));
        let second = bench.next_request();
        registered(&mut bench, &second, &[("Authentication-Info", info)]);
        let refresh = next_register(&mut bench);
        assert_eq!(
            credentials(&refresh)[0],
            [format!("example.com {next}")],
            "{info}"
        );
    }
}

/// The domain of the account is compared as a host name, without regard to case.
#[test]
fn fault_b4_an_own_realm_is_a_host_name() {
    for (uri, realm) in [
        ("sip:alice@Example.COM", "example.com"),
        ("sip:alice@example.com", "example.com"),
        ("sip:alice@Example.COM", "gw.example.com"),
    ] {
        let mut config = alice();
        config.uri(uri);
        let mut bench = Bench::new(&config);
        let (_, request) = invite(&mut bench, STRANGER, InviteOptions::new());
        let text = format!("Digest realm=\"{realm}\", nonce=\"p\", qop=\"auth\"");
        challenge(&mut bench, &request, proxy(&text));
        assert!(bench.sent.pop_front().is_some(), "{uri} {realm}");
    }
}

/// Within a call the own proxy is answered again when its nonce is stale; a realm that joins then is not.
#[test]
fn fault_b4_a_realm_that_joins_a_call_is_not_answered() {
    let own = proxy(r#"Digest realm="sip.provider.net", nonce="p1", qop="auth""#);
    let mut bench = registered_with(
        &mut alice(),
        www(r#"Digest realm="sip.provider.net", nonce="r1", qop="auth""#),
    );
    let (call, first) = invite(&mut bench, STRANGER, InviteOptions::new());
    challenge(&mut bench, &first, own);
    let second = bench.next_request();
    accepted(&mut bench, &second, &[]);
    let end = bye(&mut bench, call);
    challenge(
        &mut bench,
        &end,
        proxy(r#"Digest realm="sip.provider.net", nonce="p2", qop="auth", stale=true"#),
    );
    let again = bench.next_request();
    assert_eq!(credentials(&again)[1], ["sip.provider.net p2"]);
    challenge(
        &mut bench,
        &again,
        proxy(r#"Digest realm="evil", nonce="p2", qop="auth""#),
    );
    bench.silence();
}

/// RFC 7616 3.3: a server that replaces its nonce within a call without `stale` is answered, and the CSeq goes on.
#[test]
fn fault_b5_a_nonce_may_be_replaced_within_a_call() {
    let mut bench = Bench::new(&alice());
    let (call, first) = invite(&mut bench, "bob", InviteOptions::new());
    challenge(
        &mut bench,
        &first,
        www(r#"Digest realm="asterisk", nonce="a1", qop="auth""#),
    );
    let second = bench.next_request();
    accepted(&mut bench, &second, &[]);
    let re = {
        bench.reinvite(call);
        bench.describe(call, &OFFER.replace("o=- 1 1", "o=- 1 2"));
        bench.next_request()
    };
    challenge(
        &mut bench,
        &re,
        www(r#"Digest realm="asterisk", nonce="a2", qop="auth""#),
    );
    let re = bench.next_request();
    assert_eq!(credentials(&re)[0], ["asterisk a2"]);
    let cseq = |r: &sip_parse::Request| r.cseq().unwrap().number;
    accepted(&mut bench, &re, &[]);
    let end = bye(&mut bench, call);
    assert!(cseq(&end) > cseq(&re));
    assert_eq!(credentials(&end)[0], ["asterisk a2"]);
}

/// RFC 3261 10.2.2, 22.2: a removal carries the credentials of the registrar, and a challenge to it is answered.
#[test]
fn fault_b5_a_removal_may_be_challenged() {
    let mut bench = registered_with(&mut alice(), www(OWN));
    bench.agent.unregister(bench.now).unwrap();
    bench.pump();
    let remove = bench.next_request();
    assert_eq!(credentials(&remove)[0], ["example.com n1"]);
    challenge(&mut bench, &remove, www(&OWN.replace("n1", "n2")));
    let again = bench.next_request();
    assert!(value(&again, HeaderName::Contact).ends_with("expires=0"));
    assert_eq!(credentials(&again)[0], ["example.com n2"]);
    bench.reply(&again, 200, &[]);
    bench.expect(|event| matches!(event, Event::Unregistered { .. }).then_some(()));
    assert!(!bench.agent.is_registered());
}

/// RFC 3261 22.3: a registrar and the proxy in front of it share a realm, and each has its own space.
#[test]
fn fault_b1_a_proxy_and_a_registrar_with_one_realm() {
    let mut bench = Bench::new(alice().register(true));
    let first = bench.next_request();
    challenge(&mut bench, &first, proxy(&OWN.replace("n1", "p1")));
    let second = bench.next_request();
    challenge(&mut bench, &second, www(OWN));
    let third = bench.next_request();
    assert_eq!(
        credentials(&third),
        [
            vec!["example.com n1".to_owned()],
            vec!["example.com p1".to_owned()]
        ]
    );
    registered(
        &mut bench,
        &third,
        &[("Authentication-Info", "nextnonce=\"n2\"")],
    );
    let note = message(&mut bench, STRANGER);
    assert_eq!(
        credentials(&note),
        [vec![], vec!["example.com p1".to_owned()]]
    );
    bench.reply(&note, 200, &[("Authentication-Info", "nextnonce=\"evil\"")]);
    // The far end asks with the realm of the registrar.
    let note = message(&mut bench, STRANGER);
    challenge(&mut bench, &note, www(OWN));
    bench.silence();
    let refresh = next_register(&mut bench);
    assert_eq!(
        credentials(&refresh),
        [
            vec!["example.com n2".to_owned()],
            vec!["example.com p1".to_owned()]
        ]
    );
    let (_, anon) = invite(&mut bench, "bob", InviteOptions::new().anonymous());
    carries_nothing(&anon);
}

/// A listed realm of a peer is compared exactly, answered within its call alone, and may not become weaker there.
#[test]
fn fault_b4_a_listed_realm_is_answered_as_it_is() {
    let mut config = alice();
    config.peer_realms(["friends"]);
    let friend = www(r#"Digest realm="friends", nonce="f1", algorithm=SHA-256, qop="auth""#);
    for with in [friend, proxy(friend.1)] {
        let mut bench = Bench::new(&config);
        let (call, first) = invite(&mut bench, STRANGER, InviteOptions::new());
        challenge(&mut bench, &first, with);
        let second = bench.next_request();
        assert_eq!(credentials(&second).concat(), ["friends f1"]);
        accepted(&mut bench, &second, &[]);
        carries_nothing(&message(&mut bench, STRANGER));
        let end = bye(&mut bench, call);
        assert_eq!(credentials(&end).concat(), ["friends f1"]);
        challenge(
            &mut bench,
            &end,
            www(r#"Digest realm="friends", nonce="f2", qop="auth", stale=true"#),
        );
        bench.silence();
    }
    for weak in [
        r#"Digest realm="friends", nonce="f1", algorithm=SHA-256"#,
        r#"Digest realm="friends", nonce="f1", qop="auth""#,
        r#"Digest realm="FRIENDS", nonce="f1", algorithm=SHA-256, qop="auth""#,
        r#"Digest realm="friends ", nonce="f1", algorithm=SHA-256, qop="auth""#,
        r#"Digest realm="notfriends", nonce="f1", algorithm=SHA-256, qop="auth""#,
        r#"Digest realm="evilexample.com", nonce="f1", algorithm=SHA-256, qop="auth""#,
        r#"Digest realm="example.com.evil", nonce="f1", algorithm=SHA-256, qop="auth""#,
        r#"Digest realm="example.com@evil", nonce="f1", algorithm=SHA-256, qop="auth""#,
        r#"Digest realm="", nonce="f1", algorithm=SHA-256, qop="auth""#,
    ] {
        for field in [www(weak), proxy(weak)] {
            let mut bench = Bench::new(&config);
            let request = message(&mut bench, STRANGER);
            challenge(&mut bench, &request, field);
            bench.silence();
        }
    }
}

/// RFC 7616 3.3: a registrar with one nonce for ever challenges each refresh, also one with credentials; that says nothing of the
/// password.
#[test]
fn fault_b5_a_registrar_with_one_nonce_may_challenge_each_refresh() {
    let constant = www(r#"Digest realm="example.com", nonce="constant""#);
    let mut bench = registered_with(&mut alice(), constant);
    for _ in 0..3 {
        let refresh = next_register(&mut bench);
        assert_eq!(credentials(&refresh).concat().len(), 1);
        challenge(&mut bench, &refresh, constant);
        let again = bench.next_request();
        assert_eq!(credentials(&again).concat().len(), 1);
        registered(&mut bench, &again, &[]);
    }
}
