use alloc::format;

use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![Just('"'), Just('\\'), Just(','), Just(' '), any::<char>()]
            .prop_filter("folds are another test", |char| {
                !matches!(char, '\r' | '\n')
            }),
        0..12,
    )
    .prop_map(String::from_iter)
}

proptest! {
    /// For any bytes of a server, the answer is one well-formed line whose realm, nonce and opaque
    /// are the server's.
    #[test]
    fn answers_are_well_formed_and_carry_what_was_sent(
        values in prop::collection::vec(text(), 4),
        user in "[^\\x00-\\x1f\\x7f-\\u{9f}]{0,8}",
        uri in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let quoted = |text: &str| {
            let mut quoted = String::from("\"");
            push_escaped(&mut quoted, text);
            quoted.push('"');
            quoted
        };
        let challenge = format!(
            "Digest realm={}, nonce={}, opaque={}, qop=\"auth\", x={}",
            quoted(&values[0]), quoted(&values[1]), quoted(&values[2]), quoted(&values[3]),
        );
        let control = values[..3]
            .iter()
            .any(|value| value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t'));
        let Ok(parsed) = sip_parse::Challenge::parse(challenge.as_bytes(), false) else {
            return Ok(());
        };
        let offer = Offer::read(&parsed, &DigestPolicy::default());
        prop_assert_eq!(offer.is_none(), control);
        let Some(offer) = offer else { return Ok(()) };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let asker = Asker::of(&CONTEXT, false);
        let mut realm = Space::new(1, asker, offer, Timestamp::ZERO, &mut rng);
        let credentials = Credentials::new(user.clone(), Secret::password("x")).unwrap();
        let uri: Vec<u8> = uri.into_iter().filter(|byte| !byte.is_ascii_control()).collect();
        let uri = String::from_utf8_lossy(&uri);
        let value = realm.authorize(b"INVITE", &uri, b"", &credentials).unwrap();
        prop_assert!(!value.contains(['\r', '\n', '\0']));
        let answer = sip_parse::Credentials::parse(value.as_bytes(), false).unwrap();
        prop_assert_eq!(&*answer.realm().unwrap(), values[0].as_bytes());
        prop_assert_eq!(&*answer.nonce().unwrap(), values[1].as_bytes());
        prop_assert_eq!(&*answer.opaque().unwrap(), values[2].as_bytes());
        prop_assert_eq!(&*answer.username().unwrap(), user.as_bytes());
        prop_assert_eq!(&*answer.uri().unwrap(), uri.as_bytes());
    }

    /// However a server goes on, a request is sent with credentials a bounded number of times.
    #[test]
    fn no_server_can_make_a_request_loop(
        answers in prop::collection::vec(
            (0_u8..12, 0_u8..3, any::<bool>(), any::<bool>(), any::<bool>()), 1..200),
    ) {
        let mut agent = Agent::new();
        let mut rounds = 0;
        for (realm, nonce, stale, proxied, in_advance) in answers {
            if in_advance && rounds == 0 {
                agent.in_advance();
            }
            let parameters =
                format!("realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", stale={stale}");
            let row = if proxied { proxy(&parameters) } else { www(&parameters) };
            if agent.challenged(401, &[&row]).is_err() {
                break;
            }
            prop_assert!(!agent.retry().is_empty());
            rounds += 1;
        }
        prop_assert!(rounds <= 8 * 2, "{} rounds", rounds);
        prop_assert!(agent.client.spaces() <= 16);
    }
}

/// One challenge of each kind is answered so that a server accepts it; see the server's tests for
/// what it refuses.
#[test]
fn rfc7616_client_and_server_agree_on_every_algorithm() {
    use crate::Timestamp;
    use crate::auth::{DigestServer, Verdict};
    use core::time::Duration;

    for algorithm in Algorithm::ALL {
        for auth_int in [false, true] {
            let policy = DigestPolicy {
                prefer_auth_int: auth_int,
                ..DigestPolicy::default()
            };
            let mut agent = Agent::with(bob(), policy);
            let lifetime = Duration::from_secs(60);
            let mut server = DigestServer::new("w \"x\"", &[algorithm], lifetime, [7; 32]).unwrap();
            if auth_int {
                server = server.with_auth_int();
            }
            let challenge = server.challenge(true, false, Timestamp::ZERO, &mut agent.rng);
            let row = format!("{}: {}", challenge[0].0, challenge[0].1);
            agent.challenged(407, &[&row]).unwrap();
            for _ in 0..3 {
                let request = sent("INVITE", "sip:bob@biloxi.com", &agent.retry());
                let verdict = server.verify(
                    &request,
                    true,
                    |_, _| Some(Secret::password("zanzibar")),
                    Timestamp::ZERO,
                );
                assert_eq!(
                    verdict,
                    Verdict::Ok {
                        username: "bob".into()
                    },
                    "{algorithm}"
                );
            }
        }
    }
}
