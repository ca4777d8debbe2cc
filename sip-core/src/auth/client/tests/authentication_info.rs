use alloc::format;

use super::*;

/// 7616-3.5-A: `nextnonce` is used for the next request, from nc 1; a repeated one goes on counting.
#[test]
fn rfc7616_3_5_nextnonce_is_adopted() {
    let mut agent = Agent::new();
    agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    for (nonce, nc) in [("2", "00000001"), ("2", "00000002"), ("3", "00000001")] {
        let request = sent("INVITE", "sip:bob@biloxi.com", &agent.retry());
        let info = response(
            200,
            &[&format!("Authentication-Info: nextnonce=\"{nonce}\"")],
        );
        agent.authentication_info(&info, &request).unwrap();
        let nc_before = agent.client.spaces[0].count;
        assert_eq!(format!("{:08x}", nc_before + 1), nc);
        assert_eq!(agent.client.spaces[0].offer.nonce.value.as_ref(), nonce);
    }
}

/// 7616-3.5-A: `rspauth` proves that the server knows the secret: A2 has no method and the body is
/// the response's. A wrong one is reported and its `nextnonce` not adopted.
#[test]
fn rfc7616_3_5_rspauth_is_checked() {
    let mut agent = Agent::new();
    let value = agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    let fields = agent.retry();
    let value = fields.first().map_or(value, |(_, value)| value.clone());
    let request = sent("INVITE", "sip:bob@biloxi.com", &fields);
    let cnonce = bare(&value, "cnonce");
    let right = expected(&value, Algorithm::Md5, "", None);
    let info = |rspauth: &str, rest: &str| {
        response(
            200,
            &[&format!(
                "Authentication-Info: rspauth=\"{rspauth}\", nextnonce=\"2\"{rest}"
            )],
        )
    };
    let counted = format!(", qop=auth, cnonce=\"{cnonce}\", nc=00000002");
    let mut check = |response: Response| agent.authentication_info(&response, &request);
    let wrong = expected(&value, Algorithm::Md5, "INVITE", None);
    assert_eq!(
        check(info(&wrong, &counted)),
        Err(AuthenticationInfoError::Mismatch)
    );
    let other = format!(", qop=auth, cnonce=\"{cnonce}\", nc=00000009");
    assert_eq!(
        check(info(&right, &other)),
        Err(AuthenticationInfoError::Unverified)
    );
    assert_eq!(check(response(200, &[])), Ok(()));
    assert_eq!(check(info(&right, &counted)), Ok(()));
    assert_eq!(agent.client.spaces[0].offer.nonce.value.as_ref(), "2");
}

/// 7616-3.5-A: with `auth-int` rspauth covers the response's body; of several credentials those are
/// meant whose cnonce the field repeats; without one of ours it proves nothing.
#[test]
fn rfc7616_3_5_rspauth_may_cover_the_body_of_the_response() {
    let mut agent = Agent::new();
    let rows = [
        www("realm=\"v\", nonce=\"1\", qop=\"auth-int\""),
        www("realm=\"w\", nonce=\"1\", qop=\"auth-int\""),
    ];
    agent.challenged(401, &[&rows[0], &rows[1]]).unwrap();
    let fields = agent.retry();
    let request = sent("INVITE", "sip:bob@biloxi.com", &fields);
    let value = &fields[1].1;
    let right = expected(value, Algorithm::Md5, "", Some(b"hello"));
    let cnonce = bare(value, "cnonce");
    let mut check = |named: &str, body: &str| {
        let row = format!("Authentication-Info: rspauth=\"{right}\", qop=auth-int{named}");
        let Kind::Response(response) = message("SIP/2.0 200 OK", &[&row], body).kind() else {
            unreachable!()
        };
        agent.authentication_info(&response, &request)
    };
    let named = format!(", cnonce=\"{cnonce}\", nc=00000001");
    assert_eq!(check(&named, "hello"), Ok(()));
    assert_eq!(
        check(&named, "hullo"),
        Err(AuthenticationInfoError::Mismatch)
    );
    assert_eq!(check("", "hello"), Err(AuthenticationInfoError::Unverified));
    let foreign = ", cnonce=\"x\", nc=00000001";
    assert_eq!(
        check(foreign, "hello"),
        Err(AuthenticationInfoError::Unverified)
    );
}

/// An Authentication-Info that cannot be read is reported.
#[test]
fn rfc3261_20_6_a_malformed_authentication_info_is_reported() {
    let mut agent = Agent::new();
    agent.answer("realm=\"w\", nonce=\"1\", qop=\"auth\"");
    let request = sent("INVITE", "sip:bob@biloxi.com", &agent.retry());
    let broken = response(200, &["Authentication-Info: nextnonce=\""]);
    let result = agent.authentication_info(&broken, &request);
    assert!(
        matches!(result, Err(AuthenticationInfoError::Malformed(_))),
        "{result:?}"
    );
}
