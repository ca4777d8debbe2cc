//! The writer: responses, requests from parts, edits.

use sip_parse::{
    BuildErrorKind, Builder, Bytes, HeaderName, Limits, Message, Method, StatusCode, Value,
};

const INVITE: &[u8] = b"INVITE sip:bob@example.com SIP/2.0\r\n\
    Via: SIP/2.0/TCP a.example.com;branch=z9hG4bK1 , SIP/2.0/UDP b.example.com\r\n ;branch=z9hG4bK2\r\n\
    v:SIP/2.0/UDP c.example.com;branch=z9hG4bK3\r\n\
    Max-Forwards: 70\r\n\
    X-Odd :  kept  \r\n\
    From: \"A, B\" <sip:alice@example.com>;tag=88sja8x\r\n\
    To: <sip:bob@example.com>\r\n\
    Call-ID: 987asjd97y7atg\r\n\
    CSeq: 986759 INVITE\r\n\
    Timestamp: 54\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 5\r\n\
    \r\n\
    hello";

fn invite() -> Message {
    Message::parse(Bytes::from_static(INVITE), &Limits::default()).unwrap()
}

/// `build` makes the same records as a parse of the same bytes.
fn reparsed(message: &Message) -> Message {
    let again = Message::parse(message.bytes().clone(), &Limits::default()).unwrap();
    assert_eq!(again.bytes(), message.bytes());
    let rows = |message: &Message| {
        message
            .headers()
            .map(|header| (header.line.to_vec(), header.value.to_vec(), header.offset))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&again), rows(message));
    assert_eq!(again.body(), message.body());
    again
}

fn lines(message: &Message) -> String {
    String::from_utf8(message.bytes().to_vec()).unwrap()
}

/// RFC 3261 8.2.6.2: all Via lines in order, From, Call-ID, CSeq, To with our tag.
#[test]
fn rfc3261_8_2_6_2_response_copies_what_it_must() {
    let request = invite().into_request().unwrap();
    let response = Builder::response_to(&request, StatusCode::RINGING, Some(b"t1"))
        .build()
        .unwrap();
    reparsed(&response);
    assert_eq!(
        lines(&response),
        "SIP/2.0 180 Ringing\r\n\
         Via: SIP/2.0/TCP a.example.com;branch=z9hG4bK1 , SIP/2.0/UDP b.example.com\r\n ;branch=z9hG4bK2\r\n\
         v:SIP/2.0/UDP c.example.com;branch=z9hG4bK3\r\n\
         From: \"A, B\" <sip:alice@example.com>;tag=88sja8x\r\n\
         To: <sip:bob@example.com>;tag=t1\r\n\
         Call-ID: 987asjd97y7atg\r\n\
         CSeq: 986759 INVITE\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let trying = Builder::response_to(&request, StatusCode::TRYING, None)
        .build()
        .unwrap();
    assert!(lines(&trying).contains("Timestamp: 54\r\n"));
    assert!(trying.to().unwrap().tag().is_none());
}

#[test]
fn untouched_message_is_written_byte_for_byte() {
    let message = invite();
    let again = Builder::from_message(&message).build().unwrap();
    assert_eq!(again.bytes(), message.bytes());
    reparsed(&again);
}

/// RFC 3261 16.7 step 3, 16.4: the builder removes only the top value, even when several share a row.
#[test]
fn first_value_goes_alone() {
    let message = invite();
    let popped = Builder::from_message(&message)
        .remove_first_value(HeaderName::Via)
        .build()
        .unwrap();
    let branches: Vec<_> = reparsed(&popped)
        .vias()
        .map(|via| via.unwrap().branch().unwrap().to_vec())
        .collect();
    assert_eq!(branches, [b"z9hG4bK2", b"z9hG4bK3"]);
    let twice = Builder::from_message(&popped)
        .remove_first_value(HeaderName::Via)
        .build()
        .unwrap();
    assert_eq!(
        reparsed(&twice).top_via().unwrap().branch(),
        Some(&b"z9hG4bK3"[..])
    );
    let replaced = Builder::from_message(&message)
        .set_first_value(HeaderName::Via, "SIP/2.0/UDP x;branch=z9hG4bKx")
        .build()
        .unwrap();
    assert_eq!(reparsed(&replaced).vias().count(), 3);
    assert_eq!(replaced.top_via().unwrap().branch(), Some(&b"z9hG4bKx"[..]));
}

#[test]
fn edits_leave_the_rest_alone() {
    let message = invite();
    let edited = Builder::from_message(&message)
        .set_request_uri(b"sip:bob@192.0.2.4")
        .set(HeaderName::MaxForwards, 69)
        .prepend(
            HeaderName::Via,
            Value::Via {
                transport: b"WSS",
                sent_by: b"p.invalid",
                branch: b"z9hG4bKp",
                rport: true,
            },
        )
        .prepend(HeaderName::RecordRoute, "<sip:p.example.com;lr>")
        .body(b"application/sdp", b"v=0\r\n\0")
        .build()
        .unwrap();
    let again = reparsed(&edited);
    assert_eq!(again.max_forwards().unwrap(), Some(69));
    assert_eq!(again.top_via().unwrap().rport(), Some(None));
    assert_eq!(again.body(), b"v=0\r\n\0");
    let text = lines(&edited);
    assert!(text.contains("X-Odd :  kept  \r\n"));
    assert!(text.contains("Content-Length: 6\r\n"));
    assert!(text.starts_with(
        "INVITE sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/WSS p.invalid;branch=z9hG4bKp;rport\r\n"
    ));
    assert!(text.contains(
        ";branch=z9hG4bK3\r\nRecord-Route: <sip:p.example.com;lr>\r\nMax-Forwards: 69\r\n"
    ));
}

fn parts<'a>() -> Builder<'a> {
    let mut builder = Builder::request(Method::Options, b"sip:bob@example.com");
    builder
        .append(
            HeaderName::Via,
            Value::Via {
                transport: b"WS",
                sent_by: b"x.invalid",
                branch: b"z9hG4bK9",
                rport: false,
            },
        )
        .append(
            HeaderName::From,
            Value::NameAddr {
                display: Some("A \"q\" \\ B"),
                uri: b"sip:a@example.com",
                tag: Some(b"t"),
                params: b"",
            },
        )
        .append(HeaderName::To, "<sip:bob@example.com>")
        .append(HeaderName::CallId, "1@x")
        .append(HeaderName::CSeq, Value::CSeq(7, Method::Options))
        .append(HeaderName::MaxForwards, 70);
    builder
}

#[test]
fn request_from_parts_reads_back() {
    let message = parts()
        .append(
            HeaderName::Supported,
            Value::Joined(&[b"path", b"outbound"]),
        )
        .build()
        .unwrap();
    let again = reparsed(&message);
    again.validate().unwrap();
    assert_eq!(
        again.from().unwrap().display().unwrap().as_ref(),
        b"A \"q\" \\ B"
    );
    assert!(again.has_token(HeaderName::Supported, b"OUTBOUND"));
    assert_eq!(again.content_length().unwrap(), Some(0));
}

/// RFC 3261 8.1.1: the error names the mandatory field that a request lacks.
#[test]
fn missing_fields_are_named() {
    for name in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::MaxForwards,
    ] {
        let error = parts().remove(name).build().unwrap_err();
        assert_eq!(
            (error.kind, error.header),
            (BuildErrorKind::Missing, Some(name.id()))
        );
    }
}

/// The builder keeps CR, LF and NUL out of a head.
#[test]
fn injection_is_refused() {
    for evil in ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "a\r\n b"] {
        let error = parts()
            .append(HeaderName::Subject, evil)
            .build()
            .unwrap_err();
        assert_eq!(
            (error.kind, error.offset),
            (BuildErrorKind::Control, 1),
            "{evil:?}"
        );
        assert!(
            parts()
                .append(HeaderName::Other(evil.as_bytes()), "v")
                .build()
                .is_err()
        );
        assert!(parts().set_request_uri(evil.as_bytes()).build().is_err());
        let joined: [&[u8]; 2] = [b"x", evil.as_bytes()];
        let mut builder: Builder<'_> = parts();
        assert!(
            builder
                .append(HeaderName::Supported, Value::Joined(&joined))
                .build()
                .is_err()
        );
        let request = invite().into_request().unwrap();
        assert!(
            Builder::response_to(&request, StatusCode::OK, Some(evil.as_bytes()))
                .build()
                .is_err()
        );
        assert!(
            Builder::response_to(&request, StatusCode::OK, None)
                .reason(evil.as_bytes())
                .build()
                .is_err()
        );
    }
}

#[test]
fn cseq_method_is_the_request_method() {
    let error = parts()
        .set(HeaderName::CSeq, "7 INVITE")
        .build()
        .unwrap_err();
    assert_eq!(
        (error.kind, error.header),
        (BuildErrorKind::Method, Some(HeaderName::CSeq.id()))
    );
}
