use alloc::format;
use alloc::string::ToString;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_parse::{Kind, Limits, Message};

use super::super::digest::Algorithm;
use super::super::secret::Secret;
use super::*;

mod authentication_info;
mod doubt;
mod properties;
mod spaces;

const INVITE: Method<'_> = Method::Invite;
const URI: &[u8] = b"sip:bob@biloxi.com";

fn message(start: &str, rows: &[&str], body: &str) -> Message {
    let mut text = format!("{start}\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\n");
    for row in rows {
        text.push_str(row);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    Message::parse(Bytes::from(text), &Limits::default()).unwrap()
}

fn response(status: u16, rows: &[&str]) -> Response {
    match message(&format!("SIP/2.0 {status} Reason"), rows, "").kind() {
        Kind::Response(response) => response,
        Kind::Request(_) => unreachable!(),
    }
}

/// A request that carries these header fields.
fn sent(method: &str, uri: &str, fields: &Authorizations) -> Request {
    let rows: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    match message(&format!("{method} {uri} SIP/2.0"), &rows, "").kind() {
        Kind::Request(request) => request,
        Kind::Response(_) => unreachable!(),
    }
}

fn www(parameters: &str) -> String {
    format!("WWW-Authenticate: Digest {parameters}")
}

fn proxy(parameters: &str) -> String {
    format!("Proxy-Authenticate: Digest {parameters}")
}

fn bob() -> Credentials {
    Credentials::new("bob", Secret::password("zanzibar")).unwrap()
}

/// A request of one call to a user of the own domain.
const CONTEXT: RequestContext<'_> = RequestContext {
    method: INVITE,
    uri: URI,
    body: b"",
    call_id: b"1",
    server: "edge",
    own_domain: true,
    within_dialog: false,
    anonymous: false,
};

/// A REGISTER.
const REGISTER: RequestContext<'_> = RequestContext {
    method: Method::Register,
    uri: b"sip:biloxi.com",
    ..CONTEXT
};

/// A client, its generator, its clock and the attempts of one request.
struct Agent {
    client: DigestClient,
    rng: ChaCha8Rng,
    credentials: Credentials,
    attempts: Attempts,
    context: RequestContext<'static>,
    now: Timestamp,
}

impl Agent {
    fn new() -> Self {
        Self::with(bob(), DigestPolicy::default())
    }

    fn with(credentials: Credentials, policy: DigestPolicy) -> Self {
        Self {
            client: DigestClient::new(policy),
            rng: ChaCha8Rng::seed_from_u64(7),
            credentials,
            attempts: Attempts::new(),
            context: CONTEXT,
            now: Timestamp::from_millis(1_000),
        }
    }

    fn challenged(&mut self, status: u16, rows: &[&str]) -> Result<(), ChallengeError> {
        let response = response(status, rows);
        self.client.challenged(
            &response,
            &self.context,
            &self.credentials,
            &mut self.attempts,
            self.now,
            &mut self.rng,
        )
    }

    fn retry(&mut self) -> Authorizations {
        self.retry_with(INVITE, URI, b"")
    }

    fn retry_with(&mut self, method: Method<'_>, uri: &[u8], body: &[u8]) -> Authorizations {
        let context = RequestContext {
            method,
            uri,
            body,
            ..self.context
        };
        self.client
            .authorize(&context, &self.credentials, &mut self.attempts, self.now)
    }

    /// What the next request of the same kind carries before it is challenged.
    fn in_advance(&mut self) -> Authorizations {
        self.next_request();
        let (context, now) = (self.context, self.now);
        self.client
            .authorize(&context, &self.credentials, &mut self.attempts, now)
    }

    fn next_request(&mut self) {
        self.attempts = Attempts::new();
    }

    /// A request of another kind comes next.
    fn sends(&mut self, context: RequestContext<'static>) {
        self.context = context;
        self.next_request();
    }

    fn authentication_info(
        &mut self,
        response: &Response,
        sent: &Request,
    ) -> Result<(), AuthenticationInfoError> {
        let (attempts, credentials) = (&self.attempts, &self.credentials);
        self.client
            .authentication_info(response, sent, attempts, credentials, self.now)
    }

    /// The one answer to one challenge for a server.
    fn answer(&mut self, parameters: &str) -> String {
        self.challenged(401, &[&www(parameters)]).unwrap();
        let fields = self.retry();
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0].0, HeaderName::Authorization);
        fields[0].1.clone()
    }
}

/// A parameter as it stands in the header value, quotes included.
fn raw(value: &str, name: &str) -> Option<String> {
    let parsed = sip_parse::Credentials::parse(value.as_bytes(), false).unwrap();
    parsed
        .raw(name.as_bytes())
        .map(|raw| String::from_utf8(raw.to_vec()).unwrap())
}

fn bare(value: &str, name: &str) -> String {
    raw(value, name).unwrap().trim_matches('"').to_string()
}

/// The response that RFC 7616 section 3.4.1 requires, from the parameters of a header value.
fn expected(value: &str, algorithm: Algorithm, method: &str, body: Option<&[u8]>) -> String {
    let ha1 = digest::ha1(
        algorithm,
        b"bob",
        bare(value, "realm").as_bytes(),
        b"zanzibar",
    );
    let (nonce, nc, cnonce) = (
        bare(value, "nonce"),
        bare(value, "nc"),
        bare(value, "cnonce"),
    );
    let key = if algorithm.is_session() {
        digest::session_ha1(algorithm, &ha1, nonce.as_bytes(), cnonce.as_bytes())
    } else {
        ha1
    };
    let a2 = digest::ha2(
        algorithm,
        method.as_bytes(),
        bare(value, "uri").as_bytes(),
        body,
    );
    let protection = Protection {
        nc: nc.as_bytes(),
        cnonce: cnonce.as_bytes(),
        qop: Qop::parse(bare(value, "qop").as_bytes()).unwrap(),
    };
    digest::response(algorithm, &key, nonce.as_bytes(), Some(protection), &a2)
        .as_str()
        .into()
}

fn unsettled(realm: &str) -> ChallengeError {
    ChallengeError::Unsettled {
        realm: realm.into(),
    }
}

fn rejected(realm: &str) -> ChallengeError {
    ChallengeError::Rejected {
        realm: realm.into(),
    }
}

/// 3261-22.2-A: 401 leads to Authorization, 407 to Proxy-Authorization; the retry after a second
/// challenge carries both, and so do later requests of the Call-ID.
#[test]
fn rfc3261_22_2_servers_and_proxies_get_their_own_header_field_and_both_are_kept() {
    let mut agent = Agent::new();
    agent
        .challenged(407, &[&proxy("realm=\"p\", nonce=\"1\", qop=\"auth\"")])
        .unwrap();
    let first = agent.retry();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].0, HeaderName::ProxyAuthorization);
    agent
        .challenged(401, &[&www("realm=\"w\", nonce=\"2\", qop=\"auth\"")])
        .unwrap();
    let second = agent.retry();
    let names: Vec<_> = second.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [HeaderName::ProxyAuthorization, HeaderName::Authorization]
    );
    assert_eq!(raw(&second[0].1, "nc").unwrap(), "00000002");
    assert_eq!(raw(&second[1].1, "nc").unwrap(), "00000001");
    agent.next_request();
    assert_eq!(agent.retry().len(), 2);
}

/// 3261-22.2-B: the challenges of several realms and of servers and proxies in one response are
/// all answered in one retry.
#[test]
fn rfc3261_22_3_all_challenges_of_a_forked_request_are_answered_in_one_retry() {
    let mut agent = Agent::new();
    let rows = [
        www("realm=\"one\", nonce=\"1\", qop=\"auth\""),
        proxy("realm=\"two\", nonce=\"2\", qop=\"auth\""),
        www("realm=\"three\", nonce=\"3\""),
    ];
    agent
        .challenged(401, &[&rows[0], &rows[1], &rows[2]])
        .unwrap();
    let fields = agent.retry();
    let realms: Vec<_> = fields
        .iter()
        .map(|(_, value)| bare(value, "realm"))
        .collect();
    assert_eq!(realms, ["one", "two", "three"]);
    assert_eq!(fields[1].0, HeaderName::ProxyAuthorization);
}

/// 3261-22.1-B: a realm that refuses the answer to its own challenge gets no other one, with a new nonce or
/// not, and its nonce is not used in advance either.
#[test]
fn rfc3261_22_1_rejected_credentials_are_not_sent_again() {
    for nonce in ["1", "2"] {
        let error = rejected("w");
        let mut agent = Agent::new();
        agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
        let again = www(&format!("realm=\"w\", nonce=\"{nonce}\", qop=\"auth\""));
        assert_eq!(agent.challenged(401, &[&again]), Err(error.clone()));
        assert_eq!(agent.challenged(401, &[&again]), Err(error));
        assert!(agent.retry().is_empty());
        assert!(agent.in_advance().is_empty());
        assert!(agent.attempts.is_empty());
    }
}

/// 3261-22.1-B: when one branch of a fork refuses and another challenges for the first time, only the
/// latter is answered.
#[test]
fn rfc3261_22_1_a_rejection_does_not_hold_up_another_realm() {
    let mut agent = Agent::new();
    agent.answer("realm=\"one\", nonce=\"1\"");
    let (one, two) = (
        www("realm=\"one\", nonce=\"3\""),
        www("realm=\"two\", nonce=\"2\""),
    );
    agent.challenged(401, &[&one, &two]).unwrap();
    let fields = agent.retry();
    assert_eq!(fields.len(), 1);
    assert_eq!(bare(&fields[0].1, "realm"), "two");
}

/// 3261-22.1-B: a realm that refused stays out of this request also when another request has brought
/// a new nonce in the meantime.
#[test]
fn rfc3261_22_1_a_rejection_holds_for_the_rest_of_the_request() {
    let mut agent = Agent::new();
    agent.answer("realm=\"one\", nonce=\"1\"");
    let one = www("realm=\"one\", nonce=\"2\"");
    assert_eq!(agent.challenged(401, &[&one]), Err(rejected("one")));
    let refused = core::mem::take(&mut agent.attempts);
    agent.challenged(401, &[&one]).unwrap();
    agent.attempts = refused;
    agent
        .challenged(401, &[&www("realm=\"two\", nonce=\"3\"")])
        .unwrap();
    let fields = agent.retry();
    assert_eq!(fields.len(), 1);
    assert_eq!(bare(&fields[0].1, "realm"), "two");
}

/// 3261-22.4-A: `stale=true` leads to one silent retry with the new nonce and nc 1; a server that
/// always says stale is left.
#[test]
fn rfc7616_3_3_a_stale_nonce_costs_one_retry_and_cannot_loop() {
    let mut agent = Agent::new();
    agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    let value = agent.answer("realm=\"w\", nonce=\"2\", qop=\"auth\", stale=TRUE");
    assert_eq!(raw(&value, "nonce").unwrap(), "\"2\"");
    assert_eq!(raw(&value, "nc").unwrap(), "00000001");
    let again = www("realm=\"w\", nonce=\"3\", qop=\"auth\", stale=\"true\"");
    assert_eq!(agent.challenged(401, &[&again]), Err(unsettled("w")));
}

/// AUTH-LOOP: a server that brings a new nonce each time without `stale` gets two answers at most:
/// one in advance, one to its challenge.
#[test]
fn auth_loop_a_new_nonce_each_time_gets_two_answers_at_most() {
    let mut agent = Agent::new();
    agent.answer("realm=\"w\", nonce=\"0\", qop=\"auth\"");
    let mut sendings = agent.in_advance().len();
    for nonce in 1..10 {
        let row = www(&format!("realm=\"w\", nonce=\"{nonce}\", qop=\"auth\""));
        match agent.challenged(401, &[&row]) {
            Ok(()) => sendings += agent.retry().len(),
            Err(error) => {
                assert_eq!(error, rejected("w"));
                break;
            }
        }
    }
    assert_eq!(sendings, 2);
}

/// AUTH-LOOP: the same nonce again, not stale, means that the credentials are wrong if they answered a challenge of this
/// request. Credentials sent in advance, and a request sent without any, may get the same nonce again.
#[test]
fn auth_loop_the_same_nonce_again_means_wrong_only_if_it_was_answered() {
    let row = www("realm=\"w\", nonce=\"static\", qop=\"auth\"");
    let mut agent = Agent::new();
    agent.challenged(401, &[&row]).unwrap();
    agent.attempts = Attempts::new();
    agent.challenged(401, &[&row]).unwrap();
    assert_eq!(raw(&agent.retry()[0].1, "nc").unwrap(), "00000001");
    agent.in_advance();
    agent.challenged(401, &[&row]).unwrap();
    agent.retry();
    assert_eq!(agent.challenged(401, &[&row]), Err(rejected("w")));
}

/// AUTH-LOOP: of two requests that were sent with an old nonce at the same time, both are answered
/// when the server hands both the same new one.
#[test]
fn auth_loop_requests_in_flight_together_do_not_take_each_other_s_nonce_for_their_own() {
    let mut agent = Agent::new();
    agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    agent.in_advance();
    let mut other = agent.attempts.clone();
    let row = www("realm=\"w\", nonce=\"2\", qop=\"auth\"");
    agent.challenged(401, &[&row]).unwrap();
    assert_eq!(raw(&agent.retry()[0].1, "nc").unwrap(), "00000001");
    core::mem::swap(&mut agent.attempts, &mut other);
    agent.challenged(401, &[&row]).unwrap();
    assert_eq!(raw(&agent.retry()[0].1, "nc").unwrap(), "00000002");
    assert_eq!(agent.challenged(401, &[&row]), Err(rejected("w")));
}

/// A request of the same Call-ID that went out without credentials may be challenged once.
#[test]
fn auth_loop_a_known_realm_may_ask_a_request_that_carried_nothing() {
    let row = www("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    let mut agent = Agent::new();
    agent.challenged(401, &[&row]).unwrap();
    agent.retry();
    agent.next_request();
    agent.challenged(401, &[&row]).unwrap();
    agent.retry();
    assert_eq!(agent.challenged(401, &[&row]), Err(rejected("w")));
}

/// AUTH-PRE: the next request carries credentials at once, with the next count.
#[test]
fn auth_pre_a_cached_nonce_saves_the_round_trip() {
    let mut agent = Agent::new();
    assert!(agent.in_advance().is_empty());
    agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    let fields = agent.in_advance();
    assert_eq!(raw(&fields[0].1, "nc").unwrap(), "00000002");
    agent.next_request();
    assert_eq!(raw(&agent.retry()[0].1, "nc").unwrap(), "00000003");
    agent.client.forget();
    assert!(agent.retry().is_empty());
}

/// 3261-22.3: a request with another Call-ID carries no credentials before a challenge.
#[test]
fn rfc3261_22_3_other_calls_do_not_carry_a_proxy_s_credentials() {
    let mut agent = Agent::new();
    agent
        .challenged(407, &[&proxy("realm=\"p\", nonce=\"1\"")])
        .unwrap();
    agent.sends(RequestContext {
        call_id: b"2",
        ..CONTEXT
    });
    assert!(agent.retry().is_empty());
}

/// 7616-3.4-A: a challenge without qop gets neither qop nor cnonce nor nc (the form of RFC 2069).
#[test]
fn rfc7616_3_4_no_qop_in_the_challenge_means_none_in_the_answer() {
    let mut agent = Agent::new();
    let value = agent.answer("realm=\"biloxi.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"");
    assert_eq!(
        value,
        "Digest username=\"bob\", realm=\"biloxi.com\", \
         nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"sip:bob@biloxi.com\", \
         response=\"bf57e4e0d0bffc0fbaedce64d59add5e\""
    );
}

/// 7616-3.4-B: `auth` is preferred, `auth-int` used where it is all there is or policy says so, a
/// list of unknown values only is skipped.
#[test]
fn rfc7616_3_4_qop_is_chosen_from_the_list() {
    let qop = |list: &str, prefer_auth_int: bool| {
        let policy = DigestPolicy {
            prefer_auth_int,
            ..DigestPolicy::default()
        };
        let mut agent = Agent::with(bob(), policy);
        raw(
            &agent.answer(&format!("realm=\"w\", nonce=\"1\", qop={list}")),
            "qop",
        )
        .unwrap()
    };
    assert_eq!(qop("\"auth-int,auth\"", false), "auth");
    assert_eq!(qop("\"auth-int\"", false), "auth-int");
    assert_eq!(qop("\"token, AUTH-INT\"", false), "auth-int");
    assert_eq!(qop("\"auth,auth-int\"", true), "auth-int");
    assert_eq!(qop("auth", true), "auth");
    let mut agent = Agent::new();
    let unknown = www("realm=\"w\", nonce=\"1\", qop=\"auth-conf\"");
    let error = agent.challenged(401, &[&unknown]).unwrap_err();
    assert!(matches!(error, ChallengeError::Unsupported(_)), "{error:?}");
}

/// 7616-3.4.3-A: nc starts at 00000001 and grows by one per use of the nonce, across requests and
/// methods; a new nonce starts over.
#[test]
fn rfc7616_3_4_nc_counts_each_use_of_a_nonce() {
    let mut agent = Agent::new();
    let value = agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    assert_eq!(raw(&value, "nc").unwrap(), "00000001");
    for count in 2..=17 {
        agent.next_request();
        let fields = agent.retry_with(Method::Bye, b"sip:c@d", b"");
        assert_eq!(raw(&fields[0].1, "nc").unwrap(), format!("{count:08x}"));
    }
    agent.next_request();
    let value = agent.answer("realm=\"w\", nonce=\"2\", qop=\"auth\"");
    assert_eq!(raw(&value, "nc").unwrap(), "00000001");
}

/// A nonce whose count is used up is not used again: the count never wraps.
#[test]
fn rfc7616_3_4_nc_never_wraps() {
    let mut agent = Agent::new();
    agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    agent.client.spaces[0].count = u32::MAX - 1;
    assert_eq!(raw(&agent.retry()[0].1, "nc").unwrap(), "ffffffff");
    assert!(agent.retry().is_empty());
}

/// 7616-3.4.3-B: `auth-int` covers the very bytes of the body, also none.
#[test]
fn rfc7616_3_4_3_auth_int_is_over_the_real_body() {
    let mut agent = Agent::new();
    let value = agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth-int\"");
    assert_eq!(
        bare(&value, "response"),
        expected(&value, Algorithm::Md5, "INVITE", Some(b""))
    );
    let fields = agent.retry_with(Method::Message, URI, b"v=0\r\n");
    let value = &fields[0].1;
    let wanted = expected(value, Algorithm::Md5, "MESSAGE", Some(b"v=0\r\n"));
    assert_eq!(bare(value, "response"), wanted);
}

/// 7616-3.4-C: `uri` is the Request-URI as sent.
#[test]
fn rfc7616_3_4_uri_is_the_request_uri_as_sent() {
    let mut agent = Agent::new();
    agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    let fields = agent.retry_with(Method::Register, b"sip:Biloxi.com;x=%41", b"");
    let value = &fields[0].1;
    assert_eq!(raw(value, "uri").unwrap(), "\"sip:Biloxi.com;x=%41\"");
    assert_eq!(
        bare(value, "response"),
        expected(value, Algorithm::Md5, "REGISTER", None)
    );
}

/// 7616-3.3-A: opaque comes back byte by byte; algorithm, qop and nc are unquoted, the rest quoted;
/// unknown parameters are ignored; quotes too many or too few are tolerated.
#[test]
fn rfc7616_3_3_quoting_and_opaque() {
    let mut agent = Agent::new();
    let value = agent.answer(
        "realm=\"a \\\"b\\\" \\\\\", domain=\"sip:x\", nonce=n0nce, opaque=\"x\\y\\\"=\", \
         algorithm=\"md5\", qop=auth, magic=1",
    );
    let wire = |name: &str| raw(&value, name).unwrap();
    assert_eq!(wire("realm"), "\"a \\\"b\\\" \\\\\"");
    assert_eq!(wire("nonce"), "\"n0nce\"");
    assert_eq!(wire("opaque"), "\"x\\y\\\"=\"");
    assert_eq!(wire("algorithm"), "MD5");
    assert_eq!(wire("qop"), "auth");
    assert_eq!(wire("nc"), "00000001");
    assert_eq!(wire("username"), "\"bob\"");
    assert!(wire("cnonce").starts_with('"') && wire("response").starts_with('"'));
    assert_eq!(raw(&value, "magic"), None);
    assert_eq!(raw(&value, "domain"), None);
    // The hash is over the realm without its escapes.
    let ha1 = digest::ha1(Algorithm::Md5, b"bob", b"a \"b\" \\", b"zanzibar");
    let a2 = digest::ha2(Algorithm::Md5, b"INVITE", URI, None);
    let cnonce = bare(&value, "cnonce");
    let protection = Protection {
        nc: b"00000001",
        cnonce: cnonce.as_bytes(),
        qop: Qop::Auth,
    };
    let wanted = digest::response(Algorithm::Md5, &ha1, b"n0nce", Some(protection), &a2);
    assert_eq!(bare(&value, "response"), wanted.as_str());
}

/// 8760-2.4-A: unknown algorithms and schemes are skipped, the strongest that is left is used, and
/// among equals the first.
#[test]
fn rfc8760_2_4_the_strongest_known_challenge_of_a_realm_is_answered() {
    let mut agent = Agent::new();
    let rows = [
        "WWW-Authenticate: Bearer realm=\"w\"".to_string(),
        www("realm=\"w\", nonce=\"0\", algorithm=SHA-1024, qop=\"auth\""),
        www("realm=\"w\", nonce=\"1\", algorithm=MD5, qop=\"auth\""),
        www("realm=\"w\", nonce=\"2\", algorithm=SHA-256, qop=\"auth\""),
        www("realm=\"w\", nonce=\"3\", algorithm=SHA-256-sess, qop=\"auth\""),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    agent.challenged(401, &rows).unwrap();
    let fields = agent.retry();
    assert_eq!(fields.len(), 1);
    let value = &fields[0].1;
    assert_eq!(raw(value, "algorithm").unwrap(), "SHA-256");
    assert_eq!(raw(value, "nonce").unwrap(), "\"2\"");
    assert_eq!(
        bare(value, "response"),
        expected(value, Algorithm::Sha256, "INVITE", None)
    );
}

/// 8760-2.4-A: a challenge weaker than the policy allows is skipped.
#[cfg(feature = "sha512")]
#[test]
fn rfc8760_2_4_a_minimum_strength_may_be_required() {
    let policy = DigestPolicy {
        weakest: Algorithm::Sha256,
        ..DigestPolicy::default()
    };
    let mut agent = Agent::with(bob(), policy);
    let weak = www("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    let error = agent.challenged(401, &[&weak]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no challenge can be answered; offered: Digest for \"w\""
    );
    let strong = www("realm=\"w\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"");
    agent.challenged(401, &[&strong]).unwrap();
    let fields = agent.retry();
    let value = &fields[0].1;
    assert_eq!(
        bare(value, "response"),
        expected(value, Algorithm::Sha512_256, "INVITE", None)
    );
}

/// 7616-3.4.2-A: a `-sess` key stays bound to the first nonce and cnonce when `nextnonce` brings
/// another nonce.
#[test]
fn rfc7616_3_4_2_a_session_key_outlives_its_nonce() {
    let mut agent = Agent::new();
    let value = agent.answer("realm=\"w\", nonce=\"1\", algorithm=MD5-sess, qop=\"auth\"");
    assert_eq!(
        bare(&value, "response"),
        expected(&value, Algorithm::Md5Sess, "INVITE", None)
    );
    let cnonce = bare(&value, "cnonce");
    let request = sent("INVITE", "sip:bob@biloxi.com", &agent.retry());
    let next = response(200, &["Authentication-Info: nextnonce=\"2\""]);
    agent.authentication_info(&next, &request).unwrap();
    let fields = agent.retry();
    let value = &fields[0].1;
    assert_eq!(raw(value, "nonce").unwrap(), "\"2\"");
    assert_eq!(bare(value, "cnonce"), cnonce);
    let ha1 = digest::ha1(Algorithm::Md5, b"bob", b"w", b"zanzibar");
    let key = digest::session_ha1(Algorithm::Md5Sess, &ha1, b"1", cnonce.as_bytes());
    let a2 = digest::ha2(Algorithm::Md5, b"INVITE", URI, None);
    let protection = Protection {
        nc: b"00000001",
        cnonce: cnonce.as_bytes(),
        qop: Qop::Auth,
    };
    let wanted = digest::response(Algorithm::Md5Sess, &key, b"2", Some(protection), &a2);
    assert_eq!(bare(value, "response"), wanted.as_str());
}

/// A `-sess` challenge without qop cannot be answered: its key needs a cnonce.
#[test]
fn rfc7616_3_4_2_a_session_needs_qop() {
    let mut agent = Agent::new();
    let row = www("realm=\"w\", nonce=\"1\", algorithm=MD5-sess");
    assert!(agent.challenged(401, &[&row]).is_err());
}

/// RFC 7616 section 3.9.1, both challenges: SHA-256 wins and the whole exchange is the RFC's.
#[test]
fn rfc7616_3_9_1_the_whole_exchange() {
    let credentials = Credentials::new("Mufasa", Secret::password("Circle of Life")).unwrap();
    let mut agent = Agent::with(credentials, DigestPolicy::default());
    let rest = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
        nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
        opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
    let rows = [
        www(&format!("{rest}, algorithm=SHA-256")),
        www(&format!("{rest}, algorithm=MD5")),
    ];
    agent.challenged(401, &[&rows[0], &rows[1]]).unwrap();
    agent.client.spaces[0].cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ".into();
    let fields = agent.retry_with(Method::Other(b"GET"), b"/dir/index.html", b"");
    assert_eq!(
        fields[0].1,
        "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", \
         response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", \
         algorithm=SHA-256, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, \
         nc=00000001, opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
    );
}

/// 7616-3.4.4-A: `userhash=true` hides the name (values of RFC erratum 4897); without it a name
/// beyond ASCII goes as `username*` to a server that names UTF-8, else in quotes.
#[cfg(feature = "sha512")]
#[test]
fn rfc7616_3_4_4_userhash_and_extended_user_names() {
    let answer = |flags: &str| {
        let name = "J\u{e4}s\u{f8}n Doe";
        let credentials = Credentials::new(name, Secret::password("Secret, or not?")).unwrap();
        let mut agent = Agent::with(credentials, DigestPolicy::default());
        let row = www(&format!(
            "realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
             nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\"{flags}"
        ));
        agent.challenged(401, &[&row]).unwrap();
        agent.client.spaces[0].cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v".into();
        let fields = agent.retry_with(Method::Other(b"GET"), b"/doe.json", b"");
        let response = bare(&fields[0].1, "response");
        assert_eq!(
            response,
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
        );
        fields[0].1.clone()
    };
    let hashed = answer(", charset=UTF-8, userhash=true");
    assert_eq!(
        bare(&hashed, "username"),
        "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    );
    assert_eq!(raw(&hashed, "userhash").unwrap(), "true");
    let extended = answer(", charset=UTF-8, userhash=false");
    assert_eq!(
        raw(&extended, "username*").unwrap(),
        "UTF-8''J%C3%A4s%C3%B8n%20Doe"
    );
    assert_eq!(raw(&extended, "username"), None);
    assert_eq!(bare(&answer(""), "username"), "J\u{e4}s\u{f8}n Doe");
}

/// AUTH-HA1: a hash answers the strongest challenge that it covers.
#[test]
fn auth_ha1_a_hash_instead_of_a_password() {
    let ha1 = digest::ha1(Algorithm::Md5, b"bob", b"w", b"zanzibar");
    let secret = Secret::ha1("w", Algorithm::Md5, ha1.as_str()).unwrap();
    let credentials = Credentials::new("bob", secret).unwrap();
    let mut agent = Agent::with(credentials, DigestPolicy::default());
    let strong = www("realm=\"w\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"");
    let error = agent.challenged(401, &[&strong]).unwrap_err();
    assert!(matches!(error, ChallengeError::Unsupported(_)));
    let weak = www("realm=\"w\", nonce=\"1\", algorithm=MD5, qop=\"auth\"");
    agent.challenged(401, &[&strong, &weak]).unwrap();
    let fields = agent.retry();
    let value = &fields[0].1;
    assert_eq!(
        bare(value, "response"),
        expected(value, Algorithm::Md5, "INVITE", None)
    );
}

/// AUTH-EXT: what digest cannot answer is surfaced with all its parameters (RFC 8898).
#[test]
fn auth_ext_other_schemes_are_surfaced() {
    let mut agent = Agent::new();
    let row = "WWW-Authenticate: Bearer realm=\"w\", scope=\"sip\", \
        authz_server=\"https://auth.example.com\", error=\"invalid_token\"";
    let Err(ChallengeError::Unsupported(summary)) = agent.challenged(401, &[row]) else {
        panic!("answered a Bearer challenge");
    };
    let [bearer] = summary.challenges() else {
        panic!("{summary:?}")
    };
    assert_eq!(bearer.scheme, "Bearer");
    assert!(!bearer.proxy);
    assert_eq!(
        bearer.parameter("Authz_Server"),
        Some("https://auth.example.com")
    );
    assert_eq!(bearer.parameter("scope"), Some("sip"));
    assert_eq!(agent.challenged(401, &[]), Err(ChallengeError::Missing));
    assert_eq!(agent.challenged(403, &[row]), Err(ChallengeError::Missing));
}

/// RFC 7616 section 3.3 and limits: what is too long, missing, unknown or cannot be sent back is
/// skipped.
#[test]
fn rfc7616_3_3_challenges_that_cannot_be_answered_are_skipped() {
    let long = "x".repeat(1_025);
    for row in [
        format!("realm=\"w\", nonce=\"{long}\""),
        format!("realm=\"w\", nonce=\"1\", opaque=\"{long}\""),
        format!("realm=\"{long}\", nonce=\"1\""),
        "realm=\"w\"".to_string(),
        "nonce=\"1\"".to_string(),
        "realm=\"a\\\u{7}b\", nonce=\"1\"".to_string(),
        "realm=\"w\", nonce=\"1\", algorithm=SHA-1024".to_string(),
    ] {
        let mut agent = Agent::new();
        assert!(agent.challenged(401, &[&www(&row)]).is_err(), "{row}");
        assert_eq!(agent.client.spaces(), 0);
    }
}

/// The same seed makes the same bytes.
#[test]
fn tx_det_equal_seeds_make_equal_credentials() {
    let run = || Agent::new().answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    assert_eq!(run(), run());
}

/// RFC 3261 section 7.3.1: a fold inside a quoted value counts as one space and does not come back
/// as a line break.
#[test]
fn rfc3261_7_3_1_a_folded_value_is_answered_on_one_line() {
    let mut agent = Agent::new();
    let value = agent.answer("realm=\"a\r\n \tb\",\r\n nonce=\"1\", qop=\"auth\"");
    assert_eq!(raw(&value, "realm").unwrap(), "\"a b\"");
    assert_eq!(
        bare(&value, "response"),
        expected(&value, Algorithm::Md5, "INVITE", None)
    );
}
