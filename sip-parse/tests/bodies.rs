//! Bodies: opaque bytes, dispositions and multipart (RFC 3261 section 7.4, RFC 5621); the names of tests contain
//! requirement ids.

mod common;

use common::{parse, request_text};
use sip_parse::{
    Builder, Bytes, ErrorKind, HeaderName, Limits, MediaType, Message, NewPart, write_multipart,
};

#[test]
fn req_3261_7_4_1_a_bodies_are_opaque() {
    let mut bytes = request_text("Content-Length: 8\n", "")
        .replace('\n', "\r\n")
        .into_bytes();
    let body = b"\0\xFF\r\n\r\n\r\0";
    bytes.extend_from_slice(body);
    let message = Message::parse(Bytes::from(bytes.clone()), &Limits::default()).unwrap();
    assert_eq!(
        (message.body(), message.bytes().as_ref()),
        (&body[..], bytes.as_slice())
    );
    let copied = Builder::from_message(&message)
        .prepend(HeaderName::Via, "SIP/2.0/UDP x;branch=y")
        .build()
        .unwrap();
    assert_eq!(copied.body(), body);
}

#[test]
fn req_5621_3_1_a_default_dispositions() {
    let disposition = |extra: &str| {
        let message = parse(&request_text(extra, "x")).unwrap();
        let parts = message.parts().unwrap();
        let part = *parts.iter().next().unwrap();
        (
            String::from_utf8_lossy(part.disposition()).into_owned(),
            part.is_optional(),
        )
    };
    assert_eq!(
        disposition("Content-Type: Application/SDP\n"),
        ("session".into(), false)
    );
    assert_eq!(
        disposition("Content-Type: text/plain\n"),
        ("render".into(), false)
    );
    let written = "Content-Type: text/plain\nContent-Disposition: icon ; handling = Optional\n";
    assert_eq!(disposition(written), ("icon".into(), true));
    assert!(
        !disposition(
            "c: application/sdp
Content-Disposition: session;handling=required
"
        )
        .1
    );
}

const MIXED: &str = "Content-Type: multipart/mixed ; boundary=\"b 1\"\n";

#[test]
fn req_5621_3_1_b_required_parts_that_are_not_understood_are_found() {
    let body = |handling: &str| {
        format!(
            "--b 1\nContent-Type: application/sdp\n\nv=0\n--b 1\nContent-Type: application/x-odd\n\
                 Content-Disposition: x;handling={handling}\n\nodd\n--b 1--\n"
        )
    };
    let knows_sdp = |part: &sip_parse::Part<'_>| {
        part.content_type
            .is_some_and(|media| media.is(b"application", b"sdp"))
    };
    let required = parse(&request_text(MIXED, &body("required"))).unwrap();
    assert_eq!(
        required
            .parts()
            .unwrap()
            .unprocessable(knows_sdp)
            .unwrap()
            .body,
        b"odd"
    );
    let optional = parse(&request_text(MIXED, &body("optional"))).unwrap();
    assert_eq!(optional.parts().unwrap().unprocessable(knows_sdp), None);
    let broken = parse(&request_text(MIXED, "no boundary here")).unwrap();
    assert!(broken.parts().is_err());
}

#[test]
fn req_5621_5_a_sdp_is_found_in_multipart_bodies() {
    let text = "preamble\n--b 1\nContent-Type: text/plain\n\nhi\n--b 1  \n\
        Content-Type: multipart/alternative;boundary=in\n\n--in\nContent-Type: application/sdp\n\nv=0 first\n\
        --in\nContent-Type: application/sdp\nContent-ID: <2@x>\n\nv=0 last\n--in\nContent-Type: application/sdpng\n\nng\n\
        --in--\n--b 1--\nepilogue\n";
    let message = parse(&request_text(MIXED, text)).unwrap();
    let parts = message.parts().unwrap();
    assert_eq!(parts.iter().count(), 4);
    let session = parts.session().unwrap();
    assert_eq!(
        session.body, b"v=0 last",
        "the last alternative that is understood"
    );
    assert_eq!(session.header(HeaderName::ContentId), Some(&b"<2@x>"[..]));
    assert_eq!(session.depth, 2);
    // The reader limits nesting.
    let mut nested = "x".to_owned();
    for depth in 0..6 {
        nested = format!(
            "--n{depth}\nContent-Type: multipart/mixed;boundary=n{}\n\n{nested}\n--n{depth}--\n",
            depth - 1
        );
    }
    let deep = parse(&request_text(
        "Content-Type: multipart/mixed;boundary=n5\n",
        &nested,
    ))
    .unwrap();
    assert_eq!(deep.parts().unwrap_err().kind, ErrorKind::TooManyParts);
}

#[test]
fn rfc5621_written_parts_read_back() {
    let part = |media: &'static [u8], body: &'static [u8]| NewPart {
        content_type: MediaType::parse(media).unwrap(),
        content_disposition: None,
        body,
    };
    let parts = [
        part(b"application/sdp", b"v=0\r\n"),
        part(b"text/plain;charset=utf-8", b"\0--b\r\n"),
    ];
    let body = write_multipart(b"boundary7", &parts).unwrap();
    let base = parse(&request_text("", "")).unwrap();
    let message = Builder::from_message(&base)
        .body(b"multipart/mixed;boundary=boundary7", &body)
        .build()
        .unwrap();
    let read = message.parts().unwrap();
    let bodies: Vec<_> = read.iter().map(|part| part.body).collect();
    assert_eq!(bodies, [&b"v=0\r\n"[..], b"\0--b\r\n"]);
    assert!(
        write_multipart(b"--b", &parts).is_err(),
        "a boundary that a part holds"
    );
}
