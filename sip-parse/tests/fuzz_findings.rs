//! Faults that the fuzz targets found, one test for each.

use sip_parse::{Builder, Bytes, Limits, Message, StatusCode, Uri};

/// RFC 3261 section 8.2.6.2: `salvage` skipped a line behind From, and the response copied that line with From.
#[test]
fn parse_message_skipped_lines_stay_out_of_the_answer() {
    let bytes = Bytes::from_static(
        b"REGISTER sip:[2001:db8::10] SIP/2.0\r\nTo: sip:user@example.com\r\n\
          From: sip:user@example.com;\r\ntag=81x2\r\n\
          Via: SIP/2.0/UDP [2001:db8::9:1]:5070;branch=z9-111\r\n\
          Call-ID: 1\r\nMax-Forwards: 70\r\nCSeq: 98176 REGISTER\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(Message::parse(bytes.clone(), &Limits::default()).is_err());
    let request = Message::salvage(bytes, &Limits::default()).expect("a Via to answer to");
    let answer = Builder::response_to(&request, StatusCode::BAD_REQUEST, None)
        .build()
        .expect("an answer");
    let read = Message::parse(answer.bytes().clone(), &Limits::default());
    assert_eq!(read, Ok(answer.clone()));
    assert!(!answer.bytes().windows(8).any(|bytes| bytes == b"tag=81x2"));
}

/// RFC 3261 section 8.2.6.2: the tag of a response stands behind the value of To; a `;` in a folded line at its end was cut off
/// without the fold, so that the tag began a line of its own.
#[test]
fn roundtrip_the_tag_follows_a_to_that_ends_in_a_fold() {
    for end in ["\r\n ;", "\r\n\t; \r\n ", " ;\r\n ", ";"] {
        let text = format!(
            "OPTIONS sip:b@example.com SIP/2.0\r\nTo: <sip:b@example.com>{end}\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\n\
             From: <sip:a@example.com>;tag=f\r\nCall-ID: 1\r\nMax-Forwards: 70\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let Ok(message) = Message::parse(Bytes::from(text), &Limits::default()) else {
            panic!("a request that ends its To with {end:?}");
        };
        let request = message.as_request().expect("a request");
        let answer = Builder::response_to(&request, StatusCode::BUSY_HERE, Some(b"t")).build();
        let answer = answer.expect("an answer");
        let read = Message::parse(answer.bytes().clone(), &Limits::default());
        assert_eq!(read.as_ref(), Ok(&answer), "{end:?}");
        assert_eq!(
            answer.to().map(|to| to.tag()),
            Ok(Some(&b"t"[..])),
            "{end:?}"
        );
    }
}

/// RFC 3261 section 19.1.4: a URI that repeats a parameter is equivalent to itself, when the reader accepts it.
#[test]
fn parse_values_a_uri_is_equivalent_to_itself() {
    for text in [
        &b"sips:alic;maddr=239.255.255.2;maddr=239.255.255.1;ttl=15"[..],
        b"sip:anice;day=t;day=u",
    ] {
        if let Ok(uri) = Uri::parse(text) {
            assert!(uri.equivalent(&uri), "{uri}");
        }
    }
}

/// RFC 3261 section 25.1: a warn-code has three digits; the writer lost leading zeros.
#[test]
fn parse_values_a_warn_code_keeps_its_zeros() {
    for text in [
        &b"007 agent \"a text\""[..],
        b"399 192.0.2.1 \"Incompatible\"",
        b"000 a \"\"",
    ] {
        let warning = sip_parse::Warning::parse(text).expect("a value");
        let mut written = Vec::new();
        sip_parse::HeaderValue::write(&warning, &mut |piece| written.extend_from_slice(piece));
        assert_eq!(written, text);
        assert_eq!(sip_parse::Warning::parse(&written), Ok(warning));
    }
}
