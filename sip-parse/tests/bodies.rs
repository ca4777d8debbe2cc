//! Bodies: opaque bytes, dispositions and multipart (RFC 3261 section 7.4, RFC 5621); the names of tests contain
//! requirement ids.

mod common;

use common::{parse, request_text};
use sip_parse::{
    Builder, Bytes, ErrorKind, HeaderName, Limits, MediaType, Message, NewPart, Part,
    write_multipart,
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
    let parts = required.parts().unwrap();
    assert_eq!(parts.select(knows_sdp).refused().unwrap().body, b"odd");
    let optional = parse(&request_text(MIXED, &body("optional"))).unwrap();
    let parts = optional.parts().unwrap();
    assert_eq!(parts.select(knows_sdp).refused(), None);
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

/// The bodies of all parts, of those that a user agent uses who knows SDP alone, and the fault or the body of the part for
/// which it refuses the request.
fn outline(headers: &str, body: &str) -> (Vec<String>, Vec<String>, Option<String>) {
    let message = parse(&request_text(headers, body)).unwrap();
    let parts = message.parts().unwrap();
    let text = |part: &Part<'_>| String::from_utf8_lossy(part.body).into_owned();
    let selection = parts.select(Part::is_session_description);
    let refused = selection.refused().map(|part| match &part.fault {
        Some(fault) => fault.kind.to_string(),
        None => text(part),
    });
    let used = selection.used().map(text).collect();
    (parts.iter().map(text).collect(), used, refused)
}

/// Parts of a multipart body, each as its header lines and its body.
fn multipart(boundary: &str, parts: &[&str]) -> String {
    let parts: String = parts
        .iter()
        .map(|part| format!("--{boundary}\n{part}\n"))
        .collect();
    format!("{parts}--{boundary}--\n")
}

const SDP: &str = "Content-Type: application/sdp\n\nv=0";
const ODD: &str = "Content-Type: application/x-odd\n\nodd";
const OPTIONAL: &str =
    "Content-Type: application/x-odd\nContent-Disposition: render;handling=optional\n\nodd";
const NESTED: &str = "Content-Type: multipart/mixed;boundary=n\n\n";

/// RFC 2046 5.1.4, RFC 5621 section 8: the last alternative that can be processed as a whole; the handling of alternatives
/// does not count.
#[test]
fn fault_d3_of_alternatives_the_last_that_is_understood_counts() {
    let alternative = "Content-Type: multipart/alternative;boundary=a\n";
    let select = |parts: &[&str]| {
        let (_, used, refused) = outline(alternative, &multipart("a", parts));
        (used, refused)
    };
    let second = SDP.replace("v=0", "v=0 second");
    let both = format!("{NESTED}{}", multipart("n", &[&second, ODD]));
    let nested = format!("{NESTED}{}", multipart("n", &[&second, OPTIONAL]));
    let last = (vec!["v=0 second".to_owned()], None);
    assert_eq!(select(&[SDP, &second]), last);
    assert_eq!(select(&[SDP, &second, ODD]), last);
    assert_eq!(select(&[ODD, &second, OPTIONAL]), last);
    assert_eq!(select(&[SDP, &nested]), last);
    assert_eq!(select(&[SDP, &both]), (vec!["v=0".to_owned()], None));
    let unusable = (vec!["v=0 second".to_owned()], Some("odd".to_owned()));
    assert_eq!(select(&[ODD, &both]), unusable);
    assert_eq!(select(&[ODD, OPTIONAL]), (vec![], Some("odd".to_owned())));
}

/// RFC 2387 3.2: the root is the part that `start` names, else the first; it decides what becomes of all.
#[test]
fn fault_d3_the_root_of_related_parts_counts() {
    let select = |parameters: &str, parts: &[&str]| {
        let related = format!("Content-Type: multipart/related;boundary=r{parameters}\n");
        let (_, used, refused) = outline(&related, &multipart("r", parts));
        (used, refused)
    };
    let sdp = format!("Content-ID: <1@x>\n{SDP}");
    let found = (vec!["v=0".to_owned()], None);
    assert_eq!(select("", &[&sdp, ODD]), found);
    assert_eq!(select("", &[ODD, &sdp]), (vec![], Some("odd".to_owned())));
    for start in ["\"<1@x>\"", "\"1@x\"", "1@x"] {
        assert_eq!(select(&format!(";start={start}"), &[ODD, &sdp]), found);
    }
    assert_eq!(select(";start=\"<nobody@x>\"", &[&sdp, ODD]), found);
}

/// RFC 3261 20.11, RFC 3959, RFC 5621 sections 8 and 9: dispositions and handling, of a part and of all parts around it.
#[test]
fn fault_d4_the_disposition_decides_what_a_description_is_for() {
    let as_part = |disposition: &str| {
        let part = format!("Content-Disposition: {disposition}\n{SDP}");
        let (_, used, refused) = outline(MIXED, &multipart("b 1", &[&part, OPTIONAL]));
        (!used.is_empty(), refused.is_some())
    };
    let as_whole = |disposition: &str| {
        let headers = format!("{MIXED}Content-Disposition: {disposition}\n");
        let (_, used, refused) = outline(&headers, &multipart("b 1", &[SDP, OPTIONAL]));
        (!used.is_empty(), refused.is_some())
    };
    for disposition in ["session", "Session;handling=required"] {
        assert_eq!(as_part(disposition), (true, false), "{disposition}");
        assert_eq!(as_whole(disposition), (true, false), "{disposition}");
    }
    assert_eq!(as_part("render"), (false, true));
    assert_eq!(as_whole("render"), (true, false));
    for disposition in ["early-session", "x-unknown", "icon"] {
        assert_eq!(as_part(disposition), (false, true), "{disposition}");
        assert_eq!(as_whole(disposition), (false, true), "{disposition}");
        let optional = format!("{disposition} ; handling = Optional");
        assert_eq!(as_part(&optional), (false, false), "{optional}");
        assert_eq!(as_whole(&optional), (false, false), "{optional}");
    }
    assert_eq!(as_part("by-reference"), (false, false));
    assert_eq!(as_whole("by-reference"), (false, false));
    // A malformed disposition is a fault; without a request to refuse, the description counts.
    assert_eq!(as_part(";handling=optional"), (true, true));
}

/// RFC 2045 section 6, RFC 3261 20.12: encodings that leave the bytes alone, that the reader undoes, and others.
#[test]
fn fault_d4_encodings_are_undone_or_unusable() {
    let decoded = |headers: &str, body: &str| {
        let part = format!("{headers}\nContent-Type: application/sdp\n\n{body}");
        let message = parse(&request_text(MIXED, &multipart("b 1", &[&part]))).unwrap();
        let parts = message.parts().unwrap();
        let part = parts.iter().next().unwrap();
        assert_eq!(parts.session().is_some(), part.decoded().is_some());
        part.decoded()
            .map(|bytes| String::from_utf8(bytes.into_owned()).unwrap())
    };
    let plain = Some("v=0".to_owned());
    for coding in ["7bit", "8Bit", "binary"] {
        assert_eq!(
            decoded(&format!("Content-Transfer-Encoding: {coding}"), "v=0"),
            plain
        );
    }
    assert_eq!(decoded("Content-Encoding: Identity", "v=0"), plain);
    assert_eq!(
        decoded("content-transfer-encoding: BASE64", "dj0w\n"),
        plain
    );
    assert_eq!(
        decoded("Content-Transfer-Encoding: quoted-printable", "v=3D=\n0"),
        plain
    );
    for headers in [
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Transfer-Encoding: x-uuencode",
        "Content-Encoding: gzip",
        "e: identity, gzip",
        "Content-Encoding: identity\nContent-Encoding: gzip",
    ] {
        assert_eq!(decoded(headers, "v=0\x3d"), None, "{headers}");
    }
}

/// RFC 2046 section 5.1.1: what may stand around and between parts, and what makes a body unusable.
#[test]
fn fault_d3_multipart_bodies_are_read_leniently_and_within_bounds() {
    let odd_but_good = [
        "preamble\n--b 1\nContent-Type: application/sdp\n\nv=0\n--b 1--\nepilogue --b 1",
        "--b 1 \t\nContent-Type: application/sdp\n\nv=0\n--b 1--  ",
        "--b 1\nc : application/sdp\nContent-Disposition:\n session\n\nv=0\n--b 1--",
        // No closing boundary.
        "--b 1\nContent-Type: application/sdp\n\nv=0",
    ];
    for body in odd_but_good {
        let found = (vec!["v=0".to_owned()], vec!["v=0".to_owned()], None);
        assert_eq!(outline(MIXED, body), found, "{body}");
    }
    let lines = "--b 1\nContent-Type: application/sdp\n\nv=0\n--b 1--\n";
    let bare = request_text(&format!("{MIXED}Content-Length: {}\n", lines.len()), lines);
    let bare = Message::parse(Bytes::from(bare), &Limits::default()).unwrap();
    assert_eq!(bare.parts().unwrap().session().unwrap().body, b"v=0");

    let unusable = [
        (MIXED, "no boundary here"),
        (MIXED, "--b 10\n\n"),
        (MIXED, "--b 1--\n"),
        ("Content-Type: multipart/mixed\n", "--b\n\n--b--"),
        ("Content-Type: multipart/mixed;boundary\n", "--b\n\n--b--"),
        (
            "Content-Type: multipart/mixed;boundary=\"\"\n",
            "--\n\n----",
        ),
        (
            MIXED,
            "--b 1\nno colon\nContent-Type: application/sdp\n\nv=0\n--b 1--",
        ),
        (MIXED, "--b 1\nContent-Type: sdp\n\nv=0\n--b 1--"),
        (
            MIXED,
            "--b 1\nc: application/sdp\nc: text/plain\n\nv=0\n--b 1--",
        ),
    ];
    for (headers, body) in unusable {
        let message = parse(&request_text(headers, body)).unwrap();
        let parts = message.parts().unwrap();
        let selection = parts.select(Part::is_session_description);
        let refused = selection.refused().unwrap_or_else(|| panic!("{body}"));
        assert!(refused.fault.is_some(), "{body}");
    }

    let count = |headers: &str, body: &str| {
        let limits = Limits {
            body: usize::MAX,
            message: usize::MAX,
            ..Limits::default()
        };
        let text = request_text(headers, body).replace('\n', "\r\n");
        let message = Message::parse(Bytes::from(text), &limits).unwrap();
        message
            .parts()
            .map(|parts| parts.iter().count())
            .map_err(|error| error.kind)
    };
    assert_eq!(count(MIXED, &multipart("b 1", &[SDP; 64])), Ok(64));
    for many in [65, 10_000] {
        let body = multipart("b 1", &vec![SDP; many]);
        assert_eq!(count(MIXED, &body), Err(ErrorKind::TooManyParts));
    }
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
