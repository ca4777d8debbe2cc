//! What people print of a message.

use sip_parse::{CSeq, Contact, Host, Method, NameAddr, StatusCode, Uri, UriBuf, Via};

#[test]
fn values_print_as_people_read_them() {
    let address = |value: &'static str| NameAddr::parse(value.as_bytes()).expect("an address");
    let texts = [
        (
            address("\"Alice \\\"A\\\" Doe\" <sip:alice@example.com;transport=ws>;tag=1")
                .to_string(),
            "\"Alice \"A\" Doe\" <sip:alice@example.com;transport=ws>",
        ),
        (
            address("Alice <sip:alice@example.com>").to_string(),
            "\"Alice\" <sip:alice@example.com>",
        ),
        (
            address("<sip:alice@example.com>;tag=1").to_string(),
            "sip:alice@example.com",
        ),
        (
            address("\"\" <sip:alice@example.com>").to_string(),
            "sip:alice@example.com",
        ),
        (
            Contact::parse(b"\"B\" <sip:bob@192.0.2.4>;q=0.7")
                .expect("a Contact")
                .to_string(),
            "\"B\" <sip:bob@192.0.2.4>",
        ),
        (Contact::Star.to_string(), "*"),
        (
            Via::parse(b"SIP/2.0/WSS df7jal23ls0d.invalid:443;branch=z9hG4bK1")
                .expect("a Via")
                .to_string(),
            "WSS df7jal23ls0d.invalid:443",
        ),
        (
            Via::parse(b"SIP/2.0/WS [2001:db8::1];branch=z9hG4bK1")
                .expect("a Via")
                .host()
                .to_string(),
            "[2001:db8::1]",
        ),
        (Host::Name(b"example.com").to_string(), "example.com"),
        (
            CSeq::parse(b"4711 INVITE").expect("a CSeq").to_string(),
            "4711 INVITE",
        ),
        (
            Uri::parse(b"sip:bob@example.com")
                .expect("a URI")
                .to_string(),
            "sip:bob@example.com",
        ),
        (
            UriBuf::strict(b"sip:bob@example.com")
                .expect("a URI")
                .to_string(),
            "sip:bob@example.com",
        ),
        (Method::Subscribe.to_string(), "SUBSCRIBE"),
        (Method::Other(b"PUSH").to_string(), "PUSH"),
        (StatusCode::BUSY_HERE.to_string(), "486 Busy Here"),
        (format!("{:?}", StatusCode::BUSY_HERE), "486 Busy Here"),
        // An unregistered status has the phrase of its class (RFC 3261 section 8.1.3.2).
        (
            StatusCode::new(499).expect("a status").to_string(),
            "499 Bad Request",
        ),
    ];
    for (text, expected) in texts {
        assert_eq!(text, expected);
    }
}

/// A peer's control characters do not reach a terminal.
#[test]
fn control_characters_are_escaped() {
    let address = NameAddr::parse("\"\u{9b}31m\" <sip:a@example.com>".as_bytes());
    let shown = address.expect("an address").to_string();
    assert!(!shown.chars().any(char::is_control), "{shown}");
}
