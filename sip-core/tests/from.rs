//! Who calls: an own From for each call, privacy, and the identity that servers assert (RFC 3323, RFC 3325).

use sip_core::{Event, FromError, FromPart, InviteOptions};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, alice, value};

const CONTACT: (&str, &str) = ("Contact", "<sip:bob@192.0.2.9>");

fn from(uri: &str, display: Option<&str>) -> InviteOptions {
    InviteOptions::new()
        .from_address(uri, display)
        .expect("a caller")
}

/// Sets up a call with these options; its INVITE.
fn call(bench: &mut Bench, options: InviteOptions) -> (sip_core::SessionId, Request) {
    let id = bench.agent.invite("bob", options, bench.now).unwrap();
    bench.describe(id, OFFER);
    (id, bench.next_request())
}

/// RFC 3261 8.1.1.3, 12.2.1.1: From names the caller of this call, in all requests of its dialog; other calls keep the
/// address-of-record. Contact and credentials stay those of the account.
#[test]
fn rfc3261_8_1_1_3_a_call_has_a_from_of_its_own() {
    let mut bench = Bench::new(alice().display_name("Alice"));
    let options = from(
        "sip:+15551234@pstn.example.com;user=phone",
        Some("Front \"desk\""),
    );
    let (id, invite) = call(&mut bench, options);
    let written = value(&invite, HeaderName::From);
    let expected = "\"Front \\\"desk\\\"\" <sip:+15551234@pstn.example.com;user=phone>;tag=";
    assert!(written.starts_with(expected), "{written}");
    assert!(!invite.has(HeaderName::Privacy) && !invite.has(HeaderName::PPreferredIdentity));
    let challenge = "Digest realm=\"example.com\",nonce=\"n\",qop=\"auth\"";
    bench.reply(&invite, 401, &[("WWW-Authenticate", challenge)]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let again = bench.next_request();
    assert_eq!(value(&again, HeaderName::From), written);
    assert!(value(&again, HeaderName::Authorization).contains("username=\"alice\""));
    bench.reply_tagged(&again, 200, "bob1", &[CONTACT], Some(OFFER));
    let ack = bench.next_request();
    bench.hang_up(id);
    for request in [ack, bench.next_request()] {
        assert_eq!(value(&request, HeaderName::From), written);
    }
    bench.events.clear();
    let (_, invite) = bench.call();
    let own = value(&invite, HeaderName::From);
    assert!(
        own.starts_with("\"Alice\" <sip:alice@example.com>;tag="),
        "{own}"
    );
}

/// A caller without a display name has none, also if the account has one; a `tel:` URI is a caller, too (RFC 3966).
#[test]
fn rfc3966_a_tel_uri_is_a_caller() {
    let mut bench = Bench::new(alice().display_name("Alice"));
    let (_, invite) = call(&mut bench, from("tel:+15551234", None));
    let written = value(&invite, HeaderName::From);
    assert!(written.starts_with("<tel:+15551234>;tag="), "{written}");
}

/// RFC 3323 4.1.1.3, RFC 3325 9.2: an anonymous call hides the caller, and P-Preferred-Identity has the URI for trusted
/// proxies.
#[test]
fn rfc3325_9_2_an_anonymous_call_prefers_its_identity() {
    let mut bench = Bench::new(&alice());
    let options = from("sip:carol@example.com", Some("Carol")).anonymous();
    let (_, invite) = call(&mut bench, options);
    let written = value(&invite, HeaderName::From);
    assert!(written.starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="));
    let identity = value(&invite, HeaderName::PPreferredIdentity);
    assert_eq!(identity, "<sip:carol@example.com>");
    assert_eq!(value(&invite, HeaderName::Privacy), "id");
}

/// RFC 3261 19.1.1: what From may not have is a typed error, and so is what could smuggle in another header field.
#[test]
fn rfc3261_19_1_1_a_caller_is_checked() {
    for (uri, part) in [
        ("sip:a@example.com:5060", FromPart::Port),
        ("sip:a@example.com?Subject=x", FromPart::Headers),
        (
            "sip:a@example.com;transport=tcp",
            FromPart::Parameter("transport"),
        ),
        ("sip:a@example.com;lr", FromPart::Parameter("lr")),
        (
            "sips:a@example.com;maddr=192.0.2.1",
            FromPart::Parameter("maddr"),
        ),
    ] {
        let wrong = InviteOptions::new().from_address(uri, None);
        assert_eq!(wrong.err(), Some(FromError::Component(part)), "{uri}");
    }
    for uri in ["", "alice", "sip:", "sip:a@b>\r\nVia: x", "sip:a b@c"] {
        let wrong = InviteOptions::new().from_address(uri, None);
        assert!(matches!(wrong, Err(FromError::Uri(_))), "{uri:?}");
    }
    for display in ["a\r\nVia: x", "\0", &"x".repeat(1_025)] {
        let wrong = InviteOptions::new().from_address("sip:a@b", Some(display));
        assert_eq!(wrong.err(), Some(FromError::Display));
    }
}

/// RFC 3325 9.1 and 5: P-Asserted-Identity counts only if the application trusts its servers; at most two values, and those
/// that can be read.
#[test]
fn rfc3325_9_1_asserted_identities_need_trust() {
    let asserted = "P-Asserted-Identity: \"Cullen\" <sip:fluffy@example.com>\n\
                    P-Asserted-Identity: tel:+14085264000, <sip:third@example.com>\n";
    for (trusted, header, identities) in [
        (
            true,
            asserted,
            &["sip:fluffy@example.com", "tel:+14085264000"][..],
        ),
        (true, "P-Asserted-Identity: <<<\n", &[][..]),
        (true, "", &[][..]),
        (false, asserted, &[][..]),
    ] {
        let mut bench = Bench::new(alice().trust_asserted_identity(trusted));
        let user = bench.contact_user();
        bench.feed(&format!(
            "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS p.invalid;branch=z9hG4bKpai\n\
             Max-Forwards: 70\nFrom: <sip:anonymous@anonymous.invalid>;tag=1\nTo: <sip:alice@example.com>\n\
             Call-ID: pai\nCSeq: 1 INVITE\nContact: <sip:p@p.invalid>\nPrivacy: id\n{header}\
             Content-Length: 0\n\n"
        ));
        let request = bench.expect(|event| match event {
            Event::IncomingCall { request, .. } => Some(request.clone()),
            _ => None,
        });
        let found = bench.agent.asserted_identities(&request);
        let found: Vec<_> = found
            .iter()
            .map(|identity| identity.uri().as_bytes())
            .collect();
        let expected: Vec<_> = identities.iter().map(|uri| uri.as_bytes()).collect();
        assert_eq!(found, expected, "{trusted} {header}");
        let privacy: Vec<_> = request.privacy().collect();
        assert_eq!(privacy, [b"id"], "RFC 3323 4.2");
    }
}
