//! The server's side, against answers that the test computes by itself (RFC 7616 section 3.4).

use std::time::Duration;

use sip_core::Timestamp;
use sip_core::auth::{Algorithm, DigestServer, Secret, Username, Verdict};
use sip_parse::{Kind, Limits, Message, Request};

use crate::server::{hash, parameters};
use sip_testing::random;

const REALM: &str = "biloxi.com";
const USERS: [(&str, &str); 3] = [
    ("alice", "wonderland"),
    ("bob", "zanzibar"),
    ("jürgen", "straße"),
];

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

/// The nonce of a new challenge, and its `userhash`.
fn challenge(server: &DigestServer, now: Timestamp, seed: u8) -> (String, bool) {
    let mut rng = random(seed);
    let rows = server.challenge(false, false, now, &mut *rng);
    let pairs = parameters(&rows[0].1);
    let find = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted);
    let nonce = find("nonce")
        .expect("a nonce")
        .1
        .trim_matches('"')
        .to_owned();
    (
        nonce,
        find("userhash").is_some_and(|(_, value)| value == "true"),
    )
}

/// A REGISTER whose A1 is made of `user` and `password`, under the name `shown`.
fn request(
    algorithm: &str,
    user: &str,
    password: &str,
    shown: &str,
    nonce: &str,
    nc: u32,
) -> Request {
    let a1 = hash(algorithm, format!("{user}:{REALM}:{password}").as_bytes());
    let a2 = hash(algorithm, b"REGISTER:sip:biloxi.com");
    let response = hash(
        algorithm,
        format!("{a1}:{nonce}:{nc:08x}:c:auth:{a2}").as_bytes(),
    );
    let text = format!(
        "REGISTER sip:biloxi.com SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nAuthorization: Digest \
         username={shown}, realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"sip:biloxi.com\", \
         response=\"{response}\", algorithm={algorithm}, cnonce=\"c\", qop=auth, nc={nc:08x}\r\n\r\n"
    );
    match Message::parse(text.into(), &Limits::default())
        .unwrap()
        .kind()
    {
        Kind::Request(request) => request,
        Kind::Response(_) => unreachable!(),
    }
}

fn find(user: Username<'_>, realm: &str) -> Option<(String, Secret)> {
    let mut users = USERS.iter();
    let (name, password) = users.find(|(name, _)| user.is(name, realm))?;
    Some(((*name).to_owned(), Secret::password(*password)))
}

fn in_clear(user: &str) -> String {
    format!("\"{user}\"")
}

fn hashed(algorithm: &str, user: &str) -> String {
    let digits = hash(algorithm, format!("{user}:{REALM}").as_bytes());
    format!("\"{digits}\", userhash=true")
}

/// 7616-3.4.4-A: a server that sends `userhash=true` finds the user by the hash and computes A1 with the plain
/// name; it takes plain names as well. A server that does not send it takes no hash.
#[test]
fn rfc7616_3_4_4_a_server_finds_users_by_their_hash() {
    let algorithms = [
        (Algorithm::Md5, "MD5"),
        (Algorithm::Sha256, "SHA-256"),
        #[cfg(feature = "sha512")]
        (Algorithm::Sha512_256, "SHA-512-256"),
    ];
    for (algorithm, name) in algorithms {
        let new =
            || DigestServer::new(REALM, &[algorithm], Duration::from_secs(60), [9; 32]).unwrap();
        let mut asking = new().with_userhash();
        let (nonce, asks) = challenge(&asking, at(0), 1);
        assert!(asks);
        let mut count = 0;
        let mut verify = |user: &str, password: &str, shown: &str| {
            count += 1;
            let request = request(name, user, password, shown, &nonce, count);
            asking.verify_user(&request, false, find, at(1))
        };
        for (user, password) in USERS {
            let ok = Verdict::Ok {
                username: user.to_owned(),
            };
            assert_eq!(verify(user, password, &hashed(name, user)), ok);
            let upper = hashed(name, user)
                .to_uppercase()
                .replace("USERHASH=TRUE", "userhash=true");
            assert_eq!(verify(user, password, &upper), ok);
            assert_eq!(verify(user, password, &in_clear(user)), ok);
            assert_eq!(verify(user, "guess", &hashed(name, user)), Verdict::Wrong);
            // A1 of the hash instead of the name.
            let digits = hash(name, format!("{user}:{REALM}").as_bytes());
            assert_eq!(
                verify(&digits, password, &hashed(name, user)),
                Verdict::Wrong
            );
            // Without `userhash` the hash is a plain name, and no user has it.
            assert_eq!(verify(user, password, &in_clear(&digits)), Verdict::Wrong);
        }
        assert_eq!(verify("carol", "", &hashed(name, "carol")), Verdict::Wrong);

        let mut silent = new();
        let (nonce, asks) = challenge(&silent, at(0), 1);
        assert!(!asks);
        let request = request(name, "bob", "zanzibar", &hashed(name, "bob"), &nonce, 1);
        assert_eq!(
            silent.verify_user(&request, false, find, at(1)),
            Verdict::Wrong
        );
    }
}

/// 7616-3.4.3-A: the server remembers a bounded number of nonces. It accepts none twice with one count,
/// neither while it remembers the nonce nor afterwards.
#[test]
fn rfc7616_3_4_replays_are_noticed_in_bounded_memory() {
    let lifetime = Duration::from_secs(600);
    let server = DigestServer::new(REALM, &[Algorithm::Sha256], lifetime, [9; 32]).unwrap();
    let mut server = server.with_replay_entries(5);
    let ok = Verdict::Ok {
        username: "bob".to_owned(),
    };
    let mut sent = Vec::new();
    for seed in 0..100 {
        let now = at(u64::from(seed));
        let (nonce, _) = challenge(&server, now, seed);
        let request = request("SHA-256", "bob", "zanzibar", "\"bob\"", &nonce, 1);
        assert_eq!(server.verify_user(&request, false, find, now), ok);
        assert!(server.remembered() <= 5);
        sent.push(request);
        for (age, old) in sent.iter().rev().enumerate() {
            let expected = if age < 5 {
                Verdict::Replayed
            } else {
                Verdict::Stale
            };
            assert_eq!(
                server.verify_user(old, false, find, now),
                expected,
                "{age} nonces later"
            );
        }
    }
    // The server does not remember wrong secrets and foreign nonces.
    let mut fresh = DigestServer::new(REALM, &[Algorithm::Sha256], lifetime, [9; 32]).unwrap();
    for seed in 0..100 {
        let (nonce, _) = challenge(&fresh, at(0), seed);
        let wrong = request("SHA-256", "bob", "guess", "\"bob\"", &nonce, 1);
        assert_eq!(
            fresh.verify_user(&wrong, false, find, at(0)),
            Verdict::Wrong
        );
        let mut other = nonce.into_bytes();
        other[usize::from(seed) % 52] ^= 1;
        let other = String::from_utf8(other).unwrap();
        let forged = request("SHA-256", "bob", "zanzibar", "\"bob\"", &other, 1);
        assert_eq!(
            fresh.verify_user(&forged, false, find, at(0)),
            Verdict::Stale
        );
    }
    assert_eq!(fresh.remembered(), 0);
}
