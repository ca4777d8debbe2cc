//! Anonymous calls: the agent hides the caller from the peer (RFC 3323, RFC 3325, RFC 5627).

use sip_core::{Event, InviteOptions, SessionId};
use sip_parse::{HeaderName, Method, Request};

use sip_testing::{Bench, OFFER, alice, value};

/// Registered as `sip:alice@example.com`, with the given parameters from the registrar.
fn registered(gruus: &str) -> Bench {
    let mut config = alice();
    config
        .register(true)
        .display_name("Alice Liddell")
        .contact_name("alice-at-home");
    let mut bench = Bench::new(&config);
    let request = bench.next_request();
    let contact = format!("{}{gruus}", value(&request, HeaderName::Contact));
    bench.reply(&request, 200, &[("Contact", &contact)]);
    bench.events.clear();
    bench
}

const GRUUS: &str =
    ";pub-gruu=\"sip:alice@example.com;gr=home\";temp-gruu=\"sip:t7.x@example.com;gr\"";

/// Sets up a call with `options`; returns its INVITE.
fn call(bench: &mut Bench, options: InviteOptions) -> (SessionId, Request) {
    let id = bench.agent.invite("bob", options, bench.now).unwrap();
    bench.describe(id, OFFER);
    let invite = bench.next_request();
    let contact = [("Contact", "<sip:bob@192.0.2.9>")];
    bench.reply_tagged(&invite, 200, "bob1", &contact, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    (id, invite)
}

/// The header fields that identify the caller, apart from those that proxies need.
fn names_the_caller(request: &Request) -> Vec<String> {
    let mut found = Vec::new();
    for header in request.headers() {
        let text = String::from_utf8_lossy(header.value).to_lowercase();
        if text.contains("alice") || text.contains("liddell") {
            found.push(String::from_utf8_lossy(header.name.as_bytes()).into_owned());
        }
    }
    found
}

/// RFC 3323 4.1.1.3, RFC 3325 9.1 to 9.3, RFC 5627 3.1.2: only P-Preferred-Identity names the caller, in the INVITE
/// and in every later message of its dialog.
#[test]
fn rfc5627_4_4_an_anonymous_call_has_the_temporary_gruu() {
    for (gruus, contact) in [
        (GRUUS, "<sip:t7.x@example.com;gr>".to_owned()),
        ("", String::new()),
    ] {
        let mut bench = registered(gruus);
        let contact = if contact.is_empty() {
            let host = bench.agent.contact().split(['@', ';']).nth(1).unwrap();
            format!("<sip:anonymous@{host};transport=ws;ob>")
        } else {
            contact
        };
        let (id, invite) = call(&mut bench, InviteOptions::new().anonymous());
        assert_eq!(value(&invite, HeaderName::Contact), contact);
        let from = value(&invite, HeaderName::From);
        let anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=";
        assert!(from.starts_with(anonymous), "{from}");
        assert_eq!(value(&invite, HeaderName::Privacy), "id");
        let identity = value(&invite, HeaderName::PPreferredIdentity);
        assert_eq!(identity, "<sip:alice@example.com>");
        assert_eq!(names_the_caller(&invite), ["P-Preferred-Identity"]);
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let reinvite = bench.next_request();
        assert_eq!(value(&reinvite, HeaderName::Contact), contact);
        assert_eq!(names_the_caller(&reinvite), [""; 0]);
        let peers = [("Contact", "<sip:bob@192.0.2.9>")];
        bench.reply_tagged(&reinvite, 200, "bob1", &peers, Some(OFFER));
        bench.next_request();
        // A re-INVITE of the peer gets the same Contact.
        let text = format!(
            "INVITE sip:x@y.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKre\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bob1\nTo: {from}\nCall-ID: {}\n\
             CSeq: 5 INVITE\nContact: <sip:bob@192.0.2.9>\nContent-Type: application/sdp\n\
             Content-Length: {}\n\n{}",
            value(&invite, HeaderName::CallId),
            OFFER.len(),
            OFFER.replace("\r\n", "\n"),
        );
        bench.feed(&text);
        bench.describe(id, OFFER);
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(value(&response, HeaderName::Contact), contact);
    }
}

/// Other calls still identify the caller.
#[test]
fn a_call_tells_who_calls_unless_asked_not_to() {
    let mut bench = registered(GRUUS);
    let (_, invite) = call(&mut bench, InviteOptions::new());
    assert!(!invite.has(HeaderName::Privacy));
    assert!(!invite.has(HeaderName::PPreferredIdentity));
    let contact = value(&invite, HeaderName::Contact);
    assert_eq!(contact, "<sip:alice@example.com;gr=home>");
    let from = value(&invite, HeaderName::From);
    assert!(
        from.starts_with("\"Alice Liddell\" <sip:alice@example.com>;tag="),
        "{from}"
    );
}
