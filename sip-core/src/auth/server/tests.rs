use alloc::format;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_parse::{Kind, Limits, Message};

use super::*;

const LIFETIME: Duration = Duration::from_secs(60);
const URI: &str = "sip:biloxi.com";

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn server(algorithms: &[Algorithm]) -> DigestServer {
    DigestServer::new("biloxi.com", algorithms, LIFETIME, [9; 32]).unwrap()
}

fn request(uri: &str, field: &str, value: &str, body: &str) -> Request {
    let text = format!(
        "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\n{field}: {value}\r\n\r\n{body}"
    );
    match Message::parse(Bytes::from(text), &Limits::default())
        .unwrap()
        .kind()
    {
        Kind::Request(request) => request,
        Kind::Response(_) => unreachable!(),
    }
}

/// What a client sends; each test changes what it is about.
#[derive(Clone)]
struct Answer<'a> {
    user: &'a str,
    password: &'a str,
    realm: &'a str,
    nonce: String,
    uri: &'a str,
    algorithm: Algorithm,
    qop: Option<Qop>,
    nc: u32,
    cnonce: &'a str,
    /// The cnonce that a `-sess` key is bound to.
    first_cnonce: &'a str,
    body: &'a str,
}

impl Answer<'_> {
    fn new(nonce: String) -> Self {
        Self {
            user: "bob",
            password: "zanzibar",
            realm: "biloxi.com",
            nonce,
            uri: URI,
            algorithm: Algorithm::Sha256,
            qop: Some(Qop::Auth),
            nc: 1,
            cnonce: "0a4f113b",
            first_cnonce: "0a4f113b",
            body: "",
        }
    }

    fn value(&self) -> String {
        let (algorithm, nonce) = (self.algorithm, self.nonce.as_bytes());
        let mut key = digest::ha1(
            algorithm,
            self.user.as_bytes(),
            self.realm.as_bytes(),
            self.password.as_bytes(),
        );
        if algorithm.is_session() {
            key = digest::session_ha1(algorithm, &key, nonce, self.first_cnonce.as_bytes());
        }
        let body = (self.qop == Some(Qop::AuthInt)).then_some(self.body.as_bytes());
        let a2 = digest::ha2(algorithm, b"REGISTER", self.uri.as_bytes(), body);
        let nc = format!("{:08x}", self.nc);
        let protection = self.qop.map(|qop| Protection {
            nc: nc.as_bytes(),
            cnonce: self.cnonce.as_bytes(),
            qop,
        });
        let response = digest::response(algorithm, &key, nonce, protection, &a2);
        let mut value = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", algorithm={algorithm}",
            self.user,
            self.realm,
            self.nonce,
            self.uri,
            response.as_str()
        );
        if let Some(qop) = self.qop {
            value.push_str(&format!(
                ", cnonce=\"{}\", qop={}, nc={nc}",
                self.cnonce,
                qop.as_str()
            ));
        }
        value
    }

    fn verify(&self, server: &mut DigestServer, now: Timestamp) -> Verdict {
        check(
            server,
            &request(URI, "Authorization", &self.value(), self.body),
            now,
        )
    }
}

fn check(server: &mut DigestServer, request: &Request, now: Timestamp) -> Verdict {
    let lookup = |user: &str, realm: &str| {
        (user == "bob" && realm == "biloxi.com").then(|| Secret::password("zanzibar"))
    };
    server.verify(request, false, lookup, now)
}

fn nonce(server: &DigestServer, now: Timestamp, seed: u64) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let challenge = server.challenge(false, false, now, &mut rng);
    let parsed = sip_parse::Challenge::parse(challenge[0].1.as_bytes(), false).unwrap();
    String::from_utf8(parsed.nonce().unwrap().into_owned()).unwrap()
}

fn bob() -> Verdict {
    Verdict::Ok {
        username: "bob".into(),
    }
}

/// RFC 3261 sections 22.2 and 22.3, RFC 8760 section 2.4: one row per algorithm, in order, with qop
/// (RFC 3261 section 22.4 item 8), in the field for servers or for proxies.
#[test]
fn rfc8760_2_4_a_challenge_has_a_row_for_each_algorithm() {
    let server = server(&[Algorithm::Sha256, Algorithm::Md5]).with_auth_int();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (proxy, name) in [
        (false, HeaderName::WwwAuthenticate),
        (true, HeaderName::ProxyAuthenticate),
    ] {
        let rows = server.challenge(proxy, proxy, at(0), &mut rng);
        let names: Vec<_> = rows.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [name, name]);
        for ((_, value), algorithm) in rows.iter().zip(["SHA-256", "MD5"]) {
            let row = sip_parse::Challenge::parse(value.as_bytes(), proxy).unwrap();
            assert_eq!(&*row.realm().unwrap(), b"biloxi.com");
            assert_eq!(row.raw(b"algorithm").unwrap(), algorithm.as_bytes());
            assert_eq!(row.raw(b"qop").unwrap(), b"\"auth,auth-int\"");
            assert_eq!(row.raw(b"stale"), proxy.then_some(&b"true"[..]));
        }
    }
    let twice = [nonce(&server, at(0), 1), nonce(&server, at(0), 2)];
    assert_ne!(twice[0], twice[1]);
}

#[test]
fn rfc7616_3_4_the_right_secret_is_accepted() {
    let mut server = server(&[Algorithm::Sha256]);
    let answer = Answer::new(nonce(&server, at(0), 1));
    assert_eq!(answer.verify(&mut server, at(1)), bob());
    assert_eq!(server.remembered(), 1);
}

#[test]
fn rfc3261_22_2_no_credentials_for_our_realm_means_missing() {
    let mut server = server(&[Algorithm::Sha256]);
    let answer = Answer::new(nonce(&server, at(0), 1));
    let other = Answer {
        realm: "atlanta.com",
        ..answer.clone()
    };
    assert_eq!(other.verify(&mut server, at(0)), Verdict::Missing);
    for (field, value) in [
        ("Proxy-Authorization", answer.value()),
        ("Authorization", "Bearer abc".into()),
        ("Subject", "x".into()),
    ] {
        let request = request(URI, field, &value, "");
        assert_eq!(
            check(&mut server, &request, at(0)),
            Verdict::Missing,
            "{field}"
        );
    }
    let proxied = request(URI, "Proxy-Authorization", &answer.value(), "");
    let lookup = |_: &str, _: &str| Some(Secret::password("zanzibar"));
    assert_eq!(server.verify(&proxied, true, lookup, at(0)), bob());
}

#[test]
fn rfc7616_3_4_6_the_wrong_secret_or_user_is_refused() {
    let mut server = server(&[Algorithm::Sha256]);
    let answer = Answer::new(nonce(&server, at(0), 1));
    let wrong = Answer {
        password: "Zanzibar",
        ..answer.clone()
    };
    assert_eq!(wrong.verify(&mut server, at(0)), Verdict::Wrong);
    let unknown = Answer {
        user: "eve",
        password: "",
        ..answer.clone()
    };
    assert_eq!(unknown.verify(&mut server, at(0)), Verdict::Wrong);
    assert_eq!(server.remembered(), 0);
}

/// RFC 8760 section 2.6: an algorithm that was not offered is no way in, and a response of another
/// length neither.
#[test]
fn rfc8760_2_6_nobody_talks_the_server_down() {
    let mut server = server(&[Algorithm::Sha256]);
    let answer = Answer::new(nonce(&server, at(0), 1));
    let weaker = Answer {
        algorithm: Algorithm::Md5,
        ..answer.clone()
    };
    assert_eq!(weaker.verify(&mut server, at(0)), Verdict::Wrong);
    let short = answer
        .value()
        .replacen("response=\"", "response=\"0\", x=\"", 1);
    let short = request(URI, "Authorization", &short, "");
    assert_eq!(check(&mut server, &short, at(0)), Verdict::Wrong);
}

/// RFC 8760 section 2.6: hexadecimal digits compare in any case.
#[test]
fn rfc8760_2_6_upper_case_digits_are_accepted() {
    let mut server = server(&[Algorithm::Sha256]);
    let value = Answer::new(nonce(&server, at(0), 1)).value();
    let (head, rest) = value.split_once("response=\"").unwrap();
    let (digits, tail) = rest.split_once('"').unwrap();
    let value = format!("{head}response=\"{}\"{tail}", digits.to_ascii_uppercase());
    let request = request(URI, "Authorization", &value, "");
    assert_eq!(check(&mut server, &request, at(0)), bob());
}

/// RFC 7616 section 3.3: an old nonce is stale if the secret is right, and only then.
#[test]
fn rfc7616_3_3_an_old_nonce_is_stale_only_with_the_right_secret() {
    let mut server = server(&[Algorithm::Sha256]);
    let answer = Answer::new(nonce(&server, at(100), 1));
    assert_eq!(answer.verify(&mut server, at(160)), bob());
    let next = Answer {
        nc: 2,
        ..answer.clone()
    };
    assert_eq!(next.verify(&mut server, at(161)), Verdict::Stale);
    let wrong = Answer {
        password: "x",
        ..next.clone()
    };
    assert_eq!(wrong.verify(&mut server, at(161)), Verdict::Wrong);
    // Minted by a clock that has started over since.
    let fresh = Answer::new(nonce(&server, at(100), 2));
    assert_eq!(fresh.verify(&mut server, at(99)), Verdict::Stale);
}

/// A nonce of another key, another realm, or none of ours at all is stale; a changed time is no way
/// to make one last.
#[test]
fn rfc7616_3_3_a_nonce_that_is_not_ours_is_stale() {
    let mut ours = server(&[Algorithm::Sha256]);
    let other_key =
        DigestServer::new("biloxi.com", &[Algorithm::Sha256], LIFETIME, [8; 32]).unwrap();
    let other_realm =
        DigestServer::new("atlanta.com", &[Algorithm::Sha256], LIFETIME, [9; 32]).unwrap();
    let mut late = String::new();
    push_base32(at(1_000).as_micros(), &mut late);
    late.push_str(&nonce(&ours, at(0), 1)[13..]);
    for nonce in [
        nonce(&other_key, at(0), 1),
        nonce(&other_realm, at(0), 1),
        late,
        "abc".into(),
    ] {
        let answer = Answer::new(nonce);
        assert_eq!(
            answer.verify(&mut ours, at(1)),
            Verdict::Stale,
            "{}",
            answer.nonce
        );
    }
    assert_eq!(ours.remembered(), 0);
}

/// RFC 7616 section 3.4: a nonce count is good once; counts may come out of order, within reason.
#[test]
fn rfc7616_3_4_a_replayed_count_is_noticed() {
    let mut server = server(&[Algorithm::Sha256]);
    let answer = Answer::new(nonce(&server, at(0), 1));
    let mut verify = |nc: u32| {
        Answer {
            nc,
            ..answer.clone()
        }
        .verify(&mut server, at(1))
    };
    assert_eq!(verify(0), Verdict::Replayed);
    for nc in [1, 2, 5, 3, 4, 70] {
        assert_eq!(verify(nc), bob(), "{nc}");
        assert_eq!(verify(0), Verdict::Replayed, "the first one is 1");
        assert_eq!(verify(nc), Verdict::Replayed, "{nc}");
    }
    assert_eq!(verify(6), Verdict::Replayed, "too old to tell");
    assert_eq!(verify(7), bob());
    assert_eq!(verify(u32::MAX), bob());
    assert_eq!(verify(1), Verdict::Replayed);
}

/// Without qop there is no count, so the nonce is good for one request (RFC 3261 section 22.4 item 8
/// asks to serve such clients).
#[test]
fn rfc2069_a_nonce_without_qop_is_good_once() {
    let mut server = server(&[Algorithm::Sha256]);
    let answer = Answer {
        qop: None,
        ..Answer::new(nonce(&server, at(0), 1))
    };
    assert_eq!(answer.verify(&mut server, at(0)), bob());
    assert_eq!(answer.verify(&mut server, at(0)), Verdict::Replayed);
    let counted = Answer {
        qop: Some(Qop::Auth),
        nc: 2,
        ..answer
    };
    assert_eq!(counted.verify(&mut server, at(0)), Verdict::Replayed);
}

/// Limits: the memory for replays is bounded, and what was forgotten is stale, never new.
#[test]
fn forgotten_nonces_are_stale_and_never_replayed() {
    let mut server = server(&[Algorithm::Sha256]).with_replay_entries(3);
    let answers: Vec<_> = (0..10)
        .map(|time| Answer::new(nonce(&server, at(time), time)))
        .collect();
    for answer in &answers {
        assert_eq!(answer.verify(&mut server, at(10)), bob());
        assert!(server.remembered() <= 3);
    }
    for (place, answer) in answers.iter().enumerate() {
        let expected = if place < 7 {
            Verdict::Stale
        } else {
            Verdict::Replayed
        };
        assert_eq!(answer.verify(&mut server, at(10)), expected, "{place}");
    }
    // The server cannot distinguish an unused nonce from a forgotten one of the same age.
    let old = Answer::new(nonce(&server, at(3), 99));
    assert_eq!(old.verify(&mut server, at(10)), Verdict::Stale);
    // Expired nonces make room.
    let fresh = Answer::new(nonce(&server, at(200), 1));
    assert_eq!(fresh.verify(&mut server, at(200)), bob());
    assert_eq!(server.remembered(), 1);
}

/// 7616-3.4-C: `uri` is compared with the Request-URI by meaning; another URI is malformed (RFC
/// 7616 section 3.4.6), unless proxies are known to retarget.
#[test]
fn rfc7616_3_4_6_the_uri_must_be_the_request_uri() {
    let mut server = server(&[Algorithm::Sha256]);
    let respelled = Answer {
        uri: "sip:BILOXI.com",
        ..Answer::new(nonce(&server, at(0), 1))
    };
    assert_eq!(respelled.verify(&mut server, at(0)), bob());
    let other = Answer {
        uri: "sip:atlanta.com",
        ..Answer::new(nonce(&server, at(0), 2))
    };
    assert_eq!(other.verify(&mut server, at(0)), Verdict::Malformed);
}

/// RFC 7616 section 3.4.3: with `auth-int` another body is another request.
#[test]
fn rfc7616_3_4_3_auth_int_notices_another_body() {
    let mut server = server(&[Algorithm::Sha256]).with_auth_int();
    let qop = Some(Qop::AuthInt);
    let answer = Answer {
        qop,
        body: "v=0",
        ..Answer::new(nonce(&server, at(0), 1))
    };
    let changed = request(URI, "Authorization", &answer.value(), "v=1");
    assert_eq!(check(&mut server, &changed, at(0)), Verdict::Wrong);
    assert_eq!(answer.verify(&mut server, at(0)), bob());
}

/// RFC 7616 section 3.4.2: a `-sess` key stays bound to the first cnonce; a client that binds it
/// anew each time is served as well.
#[test]
fn rfc7616_3_4_2_a_session_key_is_bound_to_the_first_cnonce() {
    let mut server = server(&[Algorithm::Sha256Sess]);
    let algorithm = Algorithm::Sha256Sess;
    let first = Answer {
        algorithm,
        ..Answer::new(nonce(&server, at(0), 1))
    };
    assert_eq!(first.verify(&mut server, at(0)), bob());
    let second = Answer {
        nc: 2,
        cnonce: "other",
        ..first.clone()
    };
    assert_eq!(second.verify(&mut server, at(0)), bob());
    let anew = Answer {
        nc: 3,
        cnonce: "third",
        first_cnonce: "third",
        ..first.clone()
    };
    assert_eq!(anew.verify(&mut server, at(0)), bob());
    let wrong = Answer {
        nc: 4,
        cnonce: "third",
        first_cnonce: "fourth",
        ..first.clone()
    };
    assert_eq!(wrong.verify(&mut server, at(0)), Verdict::Wrong);
}

/// RFC 7616 section 3.4: what must be there.
#[test]
fn rfc7616_3_4_missing_or_senseless_parameters_are_malformed() {
    let mut server = server(&[Algorithm::Sha256, Algorithm::Sha256Sess]);
    let value = Answer::new(nonce(&server, at(0), 1)).value();
    for (from, to) in [
        ("username=", "x="),
        ("nonce=", "x="),
        ("uri=", "x="),
        ("response=", "x="),
        ("nc=", "x="),
        ("cnonce=", "x="),
        ("qop=auth", "qop=token"),
        ("nc=00000001", "nc=1"),
        ("algorithm=SHA-256", "algorithm=ROT13"),
    ] {
        let broken = value.replacen(&format!(", {from}"), &format!(", {to}"), 1);
        let broken = broken.replacen(&format!("Digest {from}"), &format!("Digest {to}"), 1);
        assert_ne!(broken, value, "{from}");
        let request = request(URI, "Authorization", &broken, "");
        assert_eq!(
            check(&mut server, &request, at(0)),
            Verdict::Malformed,
            "{from}"
        );
    }
    let session = Answer {
        algorithm: Algorithm::Sha256Sess,
        qop: None,
        ..Answer::new(nonce(&server, at(0), 1))
    };
    assert_eq!(session.verify(&mut server, at(0)), Verdict::Malformed);
    let unreadable = request(URI, "Authorization", "Digest realm=\"", "");
    assert_eq!(check(&mut server, &unreadable, at(0)), Verdict::Malformed);
}

/// HA1 instead of a password works on this side as well.
#[test]
fn auth_ha1_users_may_be_kept_as_hashes() {
    let mut server = server(&[Algorithm::Sha256, Algorithm::Md5]);
    let ha1 = digest::ha1(Algorithm::Md5, b"bob", b"biloxi.com", b"zanzibar");
    let lookup = |_: &str, realm: &str| Secret::ha1(realm, Algorithm::Md5, ha1.as_str()).ok();
    let answer = Answer::new(nonce(&server, at(0), 1));
    for (algorithm, verdict) in [(Algorithm::Sha256, Verdict::Wrong), (Algorithm::Md5, bob())] {
        let answer = Answer {
            algorithm,
            ..answer.clone()
        };
        let request = request(URI, "Authorization", &answer.value(), "");
        assert_eq!(server.verify(&request, false, lookup, at(0)), verdict);
    }
}

#[test]
fn a_server_that_cannot_challenge_is_refused() {
    let new = |realm: &str, algorithms: &[Algorithm]| {
        DigestServer::new(realm, algorithms, LIFETIME, [0; 32])
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(new("r", &[]), DigestServerError::NoAlgorithm);
    assert_eq!(
        new("r\r\nVia: x", &[Algorithm::Md5]),
        DigestServerError::Realm
    );
    let debug = format!("{:?}", server(&[Algorithm::Md5]));
    assert!(!debug.contains("key") && !debug.contains('9'), "{debug}");
}

/// RFC 4231 section 4.2, test case 1: the key there is 20 bytes long; zeros do not change it.
#[test]
fn rfc2104_the_seal_of_a_nonce_is_hmac_sha_256() {
    let mut key = [0; 32];
    key[..20].fill(0x0b);
    let code = hmac_sha256(&key, &[b"Hi ", b"There"]);
    let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    );
}
