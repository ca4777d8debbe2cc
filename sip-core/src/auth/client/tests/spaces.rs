//! Protection spaces: where credentials go, and how much is remembered.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use core::time::Duration;

use super::*;

const OTHER_CALL: RequestContext<'_> = RequestContext {
    call_id: b"2",
    ..CONTEXT
};

/// A request to a user of another domain.
const STRANGER: RequestContext<'_> = RequestContext {
    uri: b"sip:mallory@evil.example",
    call_id: b"3",
    own_domain: false,
    ..CONTEXT
};

fn within(context: RequestContext<'static>) -> RequestContext<'static> {
    RequestContext {
        within_dialog: true,
        ..context
    }
}

fn anonymous(context: RequestContext<'static>) -> RequestContext<'static> {
    RequestContext {
        anonymous: true,
        ..context
    }
}

/// An agent with the own realm `biloxi.com` that lists the realm `friend`.
fn agent() -> Agent {
    let policy = DigestPolicy {
        own_realms: vec![Box::from("biloxi.com")],
        peer_realms: vec![Box::from("friend")],
        ..DigestPolicy::default()
    };
    Agent::with(bob(), policy)
}

fn names(fields: &Authorizations) -> Vec<HeaderName<'static>> {
    fields.iter().map(|(name, _)| *name).collect()
}

/// RFC 3261 22.2, 22.3: what a challenge teaches goes unasked only where the same party asked before.
#[test]
fn rfc3261_22_3_credentials_go_unasked_only_into_their_space() {
    let moved = RequestContext {
        server: "other",
        ..REGISTER
    };
    let elsewhere = RequestContext {
        uri: b"sip:other.example",
        ..REGISTER
    };
    let all = [
        REGISTER,
        moved,
        elsewhere,
        CONTEXT,
        within(CONTEXT),
        OTHER_CALL,
        anonymous(OTHER_CALL),
        STRANGER,
        within(STRANGER),
        RequestContext {
            server: "other",
            ..STRANGER
        },
    ];
    let rows = [
        (REGISTER, false, &[0][..]),
        (REGISTER, true, &[0, 2, 3, 4, 5, 7, 8]),
        (CONTEXT, false, &[3, 4]),
        (CONTEXT, true, &[3, 4]),
    ];
    for (asked, is_proxy, expected) in rows {
        let parameters = "realm=\"biloxi.com\", nonce=\"1\", qop=\"auth\"";
        let row = if is_proxy {
            proxy(parameters)
        } else {
            www(parameters)
        };
        for (place, next) in all.iter().enumerate() {
            let mut agent = agent();
            agent.sends(asked);
            agent.challenged(401, &[&row]).unwrap();
            assert_eq!(agent.retry().len(), 1);
            agent.sends(*next);
            let sent = agent.in_advance();
            let case = format!("{asked:?}, proxy: {is_proxy}, {next:?}");
            assert_eq!(sent.len(), usize::from(expected.contains(&place)), "{case}");
        }
    }
}

/// The table in `trust.rs`, row by row.
#[test]
fn trust_answers_what_its_table_lists() {
    let md5 = |realm: &str| format!("realm=\"{realm}\", nonce=\"1\", qop=\"auth\"");
    let bare = |realm: &str| format!("realm=\"{realm}\", nonce=\"1\"");
    let sha = |realm: &str| format!("{}, algorithm=SHA-256", md5(realm));
    let sha_bare = |realm: &str| format!("{}, algorithm=SHA-256", bare(realm));
    // The request, the parameters, and whether a 401 and a 407 are answered; without and with a registrar that has
    // challenged by MD5 with qop.
    let rows = [
        (REGISTER, bare("any"), [true, true], [true, true]),
        (CONTEXT, md5("biloxi.com"), [true, true], [true, true]),
        (CONTEXT, bare("biloxi.com"), [true, true], [false, false]),
        (CONTEXT, bare("any"), [true, true], [false, false]),
        (
            within(CONTEXT),
            md5("biloxi.com"),
            [true, true],
            [true, true],
        ),
        (
            within(CONTEXT),
            md5("sbc.biloxi.com"),
            [true, true],
            [true, true],
        ),
        (
            within(CONTEXT),
            bare("biloxi.com"),
            [false, false],
            [false, false],
        ),
        (within(CONTEXT), sha("any"), [false, false], [false, false]),
        (STRANGER, md5("biloxi.com"), [false, true], [false, true]),
        (STRANGER, bare("biloxi.com"), [false, false], [false, false]),
        (STRANGER, md5("Biloxi.com"), [false, false], [false, false]),
        (
            STRANGER,
            md5("evilbiloxi.com"),
            [false, false],
            [false, false],
        ),
        (STRANGER, sha("any"), [false, false], [false, false]),
        (STRANGER, sha("friend"), [true, true], [true, true]),
        (STRANGER, md5("friend"), [false, false], [false, false]),
        (STRANGER, sha_bare("friend"), [false, false], [false, false]),
        (
            within(STRANGER),
            md5("biloxi.com"),
            [false, true],
            [false, true],
        ),
        (
            within(STRANGER),
            bare("biloxi.com"),
            [false, false],
            [false, false],
        ),
        (within(STRANGER), sha("friend"), [true, true], [true, true]),
        (
            anonymous(STRANGER),
            md5("biloxi.com"),
            [false, true],
            [false, true],
        ),
        (
            anonymous(STRANGER),
            sha("friend"),
            [false, false],
            [false, false],
        ),
        (
            anonymous(CONTEXT),
            md5("biloxi.com"),
            [false, true],
            [false, true],
        ),
        (
            anonymous(CONTEXT),
            md5("any"),
            [false, false],
            [false, false],
        ),
    ];
    for (request, parameters, fresh, registered) in rows {
        for (expected, registers) in [(fresh, false), (registered, true)] {
            for (is_proxy, expected) in [false, true].into_iter().zip(expected) {
                let mut agent = agent();
                if registers {
                    agent.sends(REGISTER);
                    agent.challenged(401, &[&www(&md5("biloxi.com"))]).unwrap();
                }
                agent.sends(request);
                let row = if is_proxy {
                    proxy(&parameters)
                } else {
                    www(&parameters)
                };
                let answered = agent.challenged(401, &[&row]);
                let case = format!("{request:?} {row} registers: {registers}: {answered:?}");
                assert_eq!(answered.is_ok(), expected, "{case}");
                if let Err(error) = answered {
                    let refused = matches!(error, ChallengeError::NotAllowed { .. });
                    assert!(refused, "{case}");
                }
            }
        }
    }
}

/// The rows "answered before under this Call-ID": a server that challenged the INVITE may challenge the BYE.
#[test]
fn trust_lasts_for_a_call() {
    let strong = "realm=\"asterisk\", nonce=\"1\", qop=\"auth\"";
    let weak = "realm=\"asterisk\", nonce=\"2\"";
    for (parameters, later) in [(strong, true), (weak, false)] {
        let mut agent = agent();
        agent.answer(strong);
        agent.sends(within(CONTEXT));
        agent.client.forget();
        assert_eq!(agent.challenged(401, &[&www(parameters)]).is_ok(), later);
        agent.sends(within(OTHER_CALL));
        assert!(agent.challenged(401, &[&www(parameters)]).is_err());
    }
}

/// The weakest challenge of a realm in one 401 of the registrar counts: it offers MD5 beside SHA-256 for others.
#[test]
fn rfc8760_2_4_a_registrar_that_offers_two_algorithms_may_use_either() {
    let rows = ["MD5", "SHA-256"].map(|algorithm| {
        www(&format!(
            "realm=\"r\", nonce=\"1\", qop=\"auth\", algorithm={algorithm}"
        ))
    });
    let mut agent = agent();
    agent.sends(REGISTER);
    agent.challenged(401, &[&rows[0], &rows[1]]).unwrap();
    agent.sends(CONTEXT);
    agent.challenged(401, &[&rows[0]]).unwrap();
    agent.sends(REGISTER);
    agent.challenged(401, &[&rows[1]]).unwrap();
    agent.sends(OTHER_CALL);
    assert!(agent.challenged(401, &[&rows[0]]).is_err());
}

/// A 407 to a later request supersedes what the proxies of the server taught, because a peer may have sent it.
#[test]
fn rfc3261_22_3_a_peer_does_not_set_the_nonce_of_the_proxies() {
    let challenge = |nonce: &str, stale: bool| {
        proxy(&format!(
            "realm=\"biloxi.com\", nonce=\"{nonce}\", qop=\"auth\", stale={stale}"
        ))
    };
    let mut agent = agent();
    agent.sends(REGISTER);
    agent.challenged(407, &[&challenge("1", false)]).unwrap();
    agent.retry();
    agent.sends(STRANGER);
    assert_eq!(bare(&agent.in_advance()[0].1, "nonce"), "1");
    agent.challenged(407, &[&challenge("evil", true)]).unwrap();
    let again = agent.retry();
    assert_eq!(names(&again), [HeaderName::ProxyAuthorization]);
    assert_eq!(bare(&again[0].1, "nonce"), "evil");
    agent.sends(OTHER_CALL);
    assert!(agent.in_advance().is_empty());
}

/// B2: `nextnonce` counts for the space whose credentials the request carried.
#[test]
fn rfc7616_3_5_nextnonce_stays_in_its_space() {
    let mut agent = agent();
    agent.sends(REGISTER);
    agent.answer("realm=\"biloxi.com\", nonce=\"1\", qop=\"auth\"");
    agent.sends(CONTEXT);
    let fields = agent.answer("realm=\"biloxi.com\", nonce=\"2\", qop=\"auth\"");
    let fields = Authorizations::from_iter([(HeaderName::Authorization, fields)]);
    let request = sent("INVITE", "sip:bob@biloxi.com", &fields);
    let info = response(200, &["Authentication-Info: nextnonce=\"3\""]);
    agent.authentication_info(&info, &request).unwrap();
    assert_eq!(bare(&agent.in_advance()[0].1, "nonce"), "3");
    agent.sends(REGISTER);
    let register = agent.in_advance();
    assert_eq!(bare(&register[0].1, "nonce"), "1");
    agent.sends(OTHER_CALL);
    agent.authentication_info(&info, &request).unwrap();
    agent.sends(REGISTER);
    assert_eq!(bare(&agent.in_advance()[0].1, "nonce"), "1");
}

/// B3: spaces are bounded in number; those of calls go first.
#[test]
fn spaces_are_bounded_and_those_of_calls_go_first() {
    let calls: Vec<&'static [u8]> = (0..40_u8).map(|call| &*Vec::from([call]).leak()).collect();
    let mut agent = agent();
    agent.sends(REGISTER);
    agent.answer("realm=\"biloxi.com\", nonce=\"1\", qop=\"auth\"");
    for call_id in calls {
        agent.sends(RequestContext { call_id, ..CONTEXT });
        agent.answer("realm=\"biloxi.com\", nonce=\"2\", qop=\"auth\"");
        assert!(agent.client.spaces() <= 16);
    }
    agent.sends(REGISTER);
    assert_eq!(agent.in_advance().len(), 1);
}

/// B3: so are the realms of one request, and the bytes of its credentials and of all spaces.
#[test]
fn credentials_of_a_request_are_bounded_in_number_and_bytes() {
    let mut agent = agent();
    agent.sends(REGISTER);
    let rows = |from: usize, pad: usize| -> Vec<String> {
        let pad = "x".repeat(pad);
        let row = |realm| format!("realm=\"{realm}\", nonce=\"{pad}\", opaque=\"{pad}\"");
        (from..from + 20).map(|realm| www(&row(realm))).collect()
    };
    let small = rows(0, 1);
    let small: Vec<&str> = small.iter().map(String::as_str).collect();
    agent.challenged(401, &small).unwrap();
    assert_eq!(agent.retry().len(), 8);
    let more = agent.challenged(401, &[&www("realm=\"new\", nonce=\"1\"")]);
    assert_eq!(more, Err(ChallengeError::TooManyRealms));
    agent.sends(REGISTER);
    let large = rows(100, 1_000);
    for row in &large {
        agent.next_request();
        agent.client.forget();
        agent.challenged(401, &[row]).unwrap();
        assert_eq!(agent.retry().len(), 1);
        assert!(agent.client.space_bytes() <= 16_384);
    }
    let large: Vec<&str> = large.iter().map(String::as_str).collect();
    agent.sends(REGISTER);
    agent.challenged(401, &large).unwrap();
    for _ in 0..3 {
        let bytes: usize = agent.retry().iter().map(|(_, value)| value.len()).sum();
        assert!((1_000..=4_096).contains(&bytes), "{bytes}");
    }
    let more = agent.challenged(401, &large[10..]);
    assert_eq!(more, Err(ChallengeError::TooLarge));
}

/// B3: a space that has not asked for an hour is forgotten, however often its credentials went out; that of a call
/// lasts for a day.
#[test]
fn spaces_expire() {
    let hour = Duration::from_secs(3_600);
    for (context, lifetime) in [(REGISTER, hour), (CONTEXT, hour * 24)] {
        let mut agent = agent();
        agent.sends(context);
        agent.answer("realm=\"biloxi.com\", nonce=\"1\", qop=\"auth\"");
        for _ in 0..3 {
            agent.now = agent.now + lifetime / 4;
            assert_eq!(agent.in_advance().len(), 1);
        }
        agent.now = agent.now + lifetime / 4;
        assert!(agent.in_advance().is_empty());
        assert_eq!(agent.client.spaces(), 0);
    }
}
