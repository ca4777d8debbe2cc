//! One test for each testable requirement on syntax, framing and limits; the name contains the requirement's id.

mod common;

use common::{parse, parse_within, request_text};
use std::net::IpAddr;

use sip_parse::{
    Builder, Bytes, ErrorKind, Frame, Framer, HeaderName, Limits, Message, Method, ParseError,
    Request, Role, StatusCode,
};

fn request(extra: &str) -> Request {
    let message = parse(&request_text(extra, "")).unwrap();
    message.validate().unwrap();
    message.into_request().unwrap()
}

/// The fault of a request after one line replaces another.
fn fault(from: &str, to: &str) -> ParseError {
    let text = request_text("", "");
    assert!(text.contains(from), "{from}");
    let message = match parse(&text.replacen(from, to, 1)) {
        Ok(message) => message,
        Err(error) => return error,
    };
    message.validate().expect_err(to)
}

#[test]
fn req_3261_7_3_1_a_names_ignore_case_and_compact_forms_are_the_same() {
    let long = [
        "Call-ID",
        "From",
        "To",
        "Via",
        "Contact",
        "Content-Length",
        "Content-Encoding",
        "Subject",
        "Supported",
        "Session-Expires",
        "Refer-To",
        "Referred-By",
        "Event",
        "Allow-Events",
        "Content-Type",
        "Accept-Contact",
        "Reject-Contact",
        "Request-Disposition",
        "Identity",
    ];
    let compact = "iftvmlesk xrbouc ajdy".replace(' ', "");
    assert_eq!(long.len(), compact.len());
    for (name, letter) in long.iter().zip(compact.chars()) {
        let known = HeaderName::parse(name.as_bytes()).unwrap();
        assert!(!matches!(known, HeaderName::Other(_)), "{name}");
        for spelling in [
            letter.to_string(),
            letter.to_ascii_uppercase().to_string(),
            name.to_ascii_uppercase(),
        ] {
            assert_eq!(
                HeaderName::parse(spelling.as_bytes()).unwrap(),
                known,
                "{spelling}"
            );
        }
    }
    assert_eq!(HeaderName::Other(b"X-Odd"), HeaderName::Other(b"x-oDD"));
    let odd = "x-ODD:  one\nZ: two\nx-ODD: three\n";
    let message = request(odd);
    let written = Builder::from_message(&message)
        .set(HeaderName::MaxForwards, 69)
        .build()
        .unwrap();
    let text = String::from_utf8(written.bytes().to_vec()).unwrap();
    assert!(
        text.contains(&odd.replace('\n', "\r\n")),
        "spelling and order of unknown fields survive: {text}"
    );
}

#[test]
fn req_3261_7_3_1_b_rows_and_commas_are_one_list() {
    let rows = request("Route: <sip:a;lr>\nRoute: <sip:b,c@d;lr>\nRoute: \"x, y\" <sip:e;lr>\n");
    let list = request("Route: <sip:a;lr> , <sip:b,c@d;lr>,\"x, y\" <sip:e;lr>\n");
    let uris = |message: &Request| {
        message
            .routes()
            .map(|route| route.unwrap().uri_text().to_vec())
            .collect::<Vec<_>>()
    };
    assert_eq!(uris(&rows), uris(&list));
    assert_eq!(
        uris(&list),
        [&b"sip:a;lr"[..], b"sip:b,c@d;lr", b"sip:e;lr"]
    );
    assert_eq!(list.values(HeaderName::Route).count(), 3);
    // In credentials a comma separates parameters.
    let row = "Digest realm=\"a, b\", nonce=\"n\"";
    let auth = request(&format!(
        "Authorization: {row}\nAuthorization: Basic eDp5\n"
    ));
    let values: Vec<_> = auth.values(HeaderName::Authorization).collect();
    assert_eq!(values, [row.as_bytes(), b"Basic eDp5"]);
    let credentials: Vec<_> = auth.credentials().map(Result::unwrap).collect();
    assert_eq!(credentials[0].realm().unwrap().as_ref(), b"a, b");
    assert_eq!(credentials[1].token68, b"eDp5");
}

#[test]
fn req_3261_7_3_1_c_folds_read_as_one_space() {
    let message =
        request("Subject: I know you're there, \n  pick up the\n\tphone\nSupported: a,\n b\n");
    let header = message.header(HeaderName::Subject).unwrap();
    assert_eq!(
        header.unfolded().as_ref(),
        b"I know you're there, pick up the phone"
    );
    assert_eq!(
        header.value,
        b"I know you're there, \r\n  pick up the\r\n\tphone"
    );
    assert!(header.line.ends_with(b"phone\r\n"));
    assert_eq!(message.supported().collect::<Vec<_>>(), [b"a", b"b"]);
}

#[test]
fn req_3261_7_5_a_line_ends_in_front_of_a_message_are_skipped() {
    let text = request_text("Content-Length: 0\n", "").replace('\n', "\r\n");
    let mut framer = Framer::new(Limits::default());
    framer.push(b"\r\n\r\n\r\n");
    framer.push(text.as_bytes());
    let mut frames = Vec::new();
    while let Some(frame) = framer.next().unwrap() {
        frames.push(frame);
    }
    assert_eq!(
        frames,
        [
            Frame::Ping,
            Frame::Pong,
            Frame::Message(Bytes::from(text.clone()))
        ]
    );
    let datagram =
        Message::parse(Bytes::from(format!("\r\n\r\n{text}")), &Limits::default()).unwrap();
    assert_eq!(datagram.bytes(), text.as_bytes());
}

#[test]
fn req_3261_8_1_1_a_missing_fields_are_named() {
    for (line, name) in [
        (
            "Via: SIP/2.0/UDP a.example.com;branch=z9hG4bK1\n",
            HeaderName::Via,
        ),
        ("From: <sip:alice@example.com>;tag=1\n", HeaderName::From),
        ("To: <sip:bob@example.com>\n", HeaderName::To),
        ("Call-ID: 1@a\n", HeaderName::CallId),
        ("CSeq: 1 OPTIONS\n", HeaderName::CSeq),
    ] {
        let error = fault(line, "");
        assert_eq!(
            (error.kind, error.header),
            (ErrorKind::Missing, Some(name.id())),
            "{line}"
        );
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    }
    // Lenient reading allows a missing Max-Forwards, because RFC 2543 had none.
    let message = parse(&request_text("", "").replace("Max-Forwards: 70\n", "")).unwrap();
    message.validate().unwrap();
    let error = message.validate_strict().unwrap_err();
    assert_eq!(
        (error.kind, error.header),
        (ErrorKind::Missing, Some(HeaderName::MaxForwards.id()))
    );
}

#[test]
fn req_3261_20_16_a_cseq_bounds_and_method() {
    let cseq = Some(HeaderName::CSeq.id());
    for bad in [
        "CSeq: 2147483648 OPTIONS",
        "CSeq: x OPTIONS",
        "CSeq: 99999999999999999999 OPTIONS",
        "CSeq: -1 OPTIONS",
    ] {
        let error = fault("CSeq: 1 OPTIONS", bad);
        assert_eq!(
            (error.kind, error.header),
            (ErrorKind::Number, cseq),
            "{bad}"
        );
    }
    assert_eq!(
        fault("CSeq: 1 OPTIONS", "CSeq: 1 INVITE").kind,
        ErrorKind::MethodMismatch
    );
    assert_eq!(
        fault("CSeq: 1 OPTIONS", "CSeq: 1 options").kind,
        ErrorKind::MethodMismatch
    );
    assert_eq!(
        fault("CSeq: 1 OPTIONS", "CSeq: 1OPTIONS").kind,
        ErrorKind::Character
    );
    let highest = parse(&request_text("", "").replace("CSeq: 1 ", "CSeq: 2147483647 ")).unwrap();
    assert_eq!(highest.cseq().unwrap().number, 2_147_483_647);
}

#[test]
fn req_3261_7_1_a_another_version_is_505_or_dropped() {
    for version in ["SIP/7.0", "SIP/1.0", "sip/3.1"] {
        let error = fault("SIP/2.0\n", &format!("{version}\n"));
        assert_eq!(
            (error.kind, error.status()),
            (ErrorKind::Version, StatusCode::VERSION_NOT_SUPPORTED)
        );
    }
    assert_eq!(
        parse("SIP/7.0 200 OK\n\n").unwrap_err().kind,
        ErrorKind::Version
    );
    assert!(
        Message::salvage(
            Bytes::from_static(b"SIP/7.0 200 OK\r\nVia: x\r\n\r\n"),
            &Limits::default()
        )
        .is_none()
    );
    assert_eq!(fault("SIP/2.0\n", "HTTP/1.1\n").kind, ErrorKind::StartLine);
    parse(&request_text("", "").replacen("SIP/2.0", "sip/2.0", 1))
        .unwrap()
        .validate()
        .unwrap();
}

#[test]
fn req_3261_18_3_a_datagram_bytes_behind_content_length_are_cut_off() {
    let message = parse(&request_text("Content-Length: 4\n", "bodyrest")).unwrap();
    assert_eq!(message.body(), b"body");
    assert!(message.bytes().ends_with(b"body"));
    let error = parse(&request_text("Content-Length: 10\n", "body")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BodyTooShort { missing: 6 });
    assert_eq!(error.status(), StatusCode::BAD_REQUEST);
}

#[test]
fn req_3261_18_3_b_without_content_length_the_rest_is_the_body() {
    let message = parse(&request_text("", "all of\nthis")).unwrap();
    assert_eq!(message.body(), b"all of\r\nthis");
}

fn frame(limits: Limits, head: &str) -> Result<Option<Frame>, ErrorKind> {
    let mut framer = Framer::new(limits);
    framer.push(head.replace('\n', "\r\n").as_bytes());
    framer.next().map_err(|error| error.error.kind)
}

#[test]
fn req_3261_18_3_c_a_stream_needs_content_length() {
    let head = request_text("", "");
    assert_eq!(
        frame(Limits::default(), &head),
        Err(ErrorKind::MissingContentLength)
    );
    let mut lenient = Framer::lenient(Limits::default());
    lenient.push(head.replace('\n', "\r\n").as_bytes());
    assert!(matches!(lenient.next(), Ok(Some(Frame::Message(_)))));
}

#[test]
fn req_3261_18_3_d_a_length_over_the_limit_is_refused_before_its_bytes_come() {
    let limits = Limits {
        body: 1000,
        ..Limits::default()
    };
    let with = |length: &str| {
        frame(
            limits,
            &request_text(&format!("Content-Length: {length}\n"), ""),
        )
    };
    assert_eq!(with("1001"), Err(ErrorKind::BodyTooLarge));
    assert_eq!(with("1000"), Ok(None));
    assert_eq!(with("4294967296"), Err(ErrorKind::Number));
    assert_eq!(with("99999999999999999999999999"), Err(ErrorKind::Number));
    assert_eq!(with("-1"), Err(ErrorKind::Number));
    assert_eq!(with("1x"), Err(ErrorKind::Character));
    let error = parse_within(&request_text("Content-Length: 2000\n", ""), &limits).unwrap_err();
    assert_eq!(
        (error.kind, error.status()),
        (
            ErrorKind::BodyTooLarge,
            StatusCode::REQUEST_ENTITY_TOO_LARGE
        )
    );
}

#[test]
fn req_3261_18_3_e_two_lengths_are_400_and_the_end_of_the_stream() {
    let text = request_text("Content-Length: 4\nl: 5\n", "bodyX");
    let error = parse(&text).unwrap_err();
    assert_eq!(
        (error.kind, error.status()),
        (ErrorKind::ContentLengthMismatch, StatusCode::BAD_REQUEST)
    );
    let mut framer = Framer::new(Limits::default());
    framer.push(text.replace('\n', "\r\n").as_bytes());
    let error = framer.next().unwrap_err();
    assert_eq!(error.error.kind, ErrorKind::ContentLengthMismatch);
    framer.push(request_text("l: 0\n", "").replace('\n', "\r\n").as_bytes());
    assert!(framer.next().is_err(), "nothing behind it is read");
    let answerable = Message::salvage(error.head, &Limits::default()).unwrap();
    assert!(
        Builder::response_to(&answerable, StatusCode::BAD_REQUEST, None)
            .build()
            .is_ok()
    );
    // Two equal lengths are valid.
    assert_eq!(
        parse(&request_text("Content-Length: 4\nl: 4\n", "body"))
            .unwrap()
            .body(),
        b"body"
    );
}

#[test]
fn req_lim_a_every_limit_has_its_own_error() {
    let default = Limits::default();
    let text = request_text("", "");
    let kind = |text: &str, limits: Limits| {
        let error = parse_within(text, &limits)
            .and_then(|message| message.validate())
            .unwrap_err();
        assert!(error.is_limit());
        (error.kind, error.status().as_u16())
    };
    assert_eq!(
        kind(
            &text,
            Limits {
                message: 100,
                ..default
            }
        ),
        (ErrorKind::MessageTooLarge, 513)
    );
    assert_eq!(
        kind(
            &text,
            Limits {
                head: 100,
                ..default
            }
        ),
        (ErrorKind::HeadTooLarge, 513)
    );
    assert_eq!(
        kind(
            &text,
            Limits {
                headers: 5,
                ..default
            }
        ),
        (ErrorKind::TooManyHeaders, 513)
    );
    assert_eq!(
        kind(
            &text,
            Limits {
                header_line: 40,
                ..default
            }
        ),
        (ErrorKind::HeaderTooLong, 513)
    );
    let folded = request_text("Subject: a\n b\n c\n d\n", "");
    assert_eq!(
        kind(
            &folded,
            Limits {
                folds: 2,
                ..default
            }
        ),
        (ErrorKind::TooManyFolds, 513)
    );
    parse_within(
        &folded,
        &Limits {
            folds: 3,
            ..default
        },
    )
    .unwrap();
    let params = request_text("", "").replace("To: ", "To: <sip:a;b;c;d>\nX: ");
    assert_eq!(
        kind(
            &params,
            Limits {
                parameters: 2,
                ..default
            }
        ),
        (ErrorKind::TooManyParameters, 513)
    );
    parse_within(
        &params,
        &Limits {
            parameters: 3,
            ..default
        },
    )
    .unwrap()
    .validate()
    .unwrap();
    let body = request_text("", "12345");
    assert_eq!(
        kind(&body, Limits { body: 4, ..default }),
        (ErrorKind::BodyTooLarge, 413)
    );
    // Rows beyond the inline capacity count as well.
    let many = request_text(&"X: y\n".repeat(40), "");
    assert_eq!(
        kind(
            &many,
            Limits {
                headers: 45,
                ..default
            }
        ),
        (ErrorKind::TooManyHeaders, 513)
    );
    assert_eq!(
        parse_within(
            &many,
            &Limits {
                headers: 46,
                ..default
            }
        )
        .unwrap()
        .headers()
        .len(),
        46
    );
    // The same limits apply to a stream.
    let stream = |limits: Limits| frame(limits, &request_text("l: 0\n", "")).unwrap_err();
    assert_eq!(
        stream(Limits {
            head: 100,
            ..default
        }),
        ErrorKind::HeadTooLarge
    );
    assert_eq!(
        stream(Limits {
            headers: 5,
            ..default
        }),
        ErrorKind::TooManyHeaders
    );
    assert_eq!(
        stream(Limits {
            header_line: 40,
            ..default
        }),
        ErrorKind::HeaderTooLong
    );
    assert_eq!(
        stream(Limits {
            message: 100,
            ..default
        }),
        ErrorKind::MessageTooLarge
    );
}

#[test]
fn req_4475_3_1_1_6_a_any_token_is_a_method() {
    let text =
        request_text("", "").replace("OPTIONS", "!interesting-Method0123456789_*+`.%indeed'~");
    let message = parse(&text).unwrap();
    message.validate().unwrap();
    assert!(matches!(
        message.into_request().unwrap().method(),
        Method::Other(_)
    ));
    assert!(Method::parse(b"IN VITE").is_err() && Method::parse(b"").is_err());
    assert_eq!(Method::parse(b"invite").unwrap(), Method::Other(b"invite"));
}

#[test]
fn req_4475_3_1_2_4_a_scalars_out_of_range() {
    for (from, to) in [
        ("a.example.com;", "a.example.com:65536;"),
        ("a.example.com;", "a.example.com;ttl=256;"),
        ("<sip:bob@example.com>", "<sip:bob@example.com:65536>"),
    ] {
        let error = fault(from, to);
        assert_eq!(
            (error.kind, error.status().as_u16()),
            (ErrorKind::Number, 400),
            "{to}"
        );
    }
    // RFC 4475: "If only the Max-Forwards field were in error, the element could choose to process the request as if the
    // field were absent. If only the expiry values were in error, the element could treat them as if they contained the
    // default values for expiration (3600 in this case)."
    for line in [
        "Expires: 4294967296",
        "Contact: <sip:a>;expires=4294967296",
        "Contact: <sip:a>;q=1.001",
        "Contact: <sip:a>;q=0.1234",
    ] {
        let message = parse(&request_text(&format!("{line}\n"), "")).unwrap();
        message.validate().unwrap();
        assert!(message.validate_strict().is_err(), "{line}");
    }
    let hops = request_text("", "").replace("Max-Forwards: 70", "Max-Forwards: 256");
    let hops = parse(&hops).unwrap();
    hops.validate().unwrap();
    let error = hops.validate_for(Role::Proxy).unwrap_err();
    assert_eq!(error.header, Some(HeaderName::MaxForwards.id()));
    let text = request_text(
        "Expires: 99999999999999999999\nRetry-After: 99999999999999999999\n",
        "",
    );
    let response =
        parse(&text.replace("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 503 No")).unwrap();
    response.validate().unwrap();
    assert_eq!(response.expires().unwrap(), Some(u32::MAX));
    assert_eq!(response.retry_after().unwrap().unwrap().seconds, u32::MAX);
}

#[test]
fn req_4475_3_3_1_a_schemes() {
    let unknown = parse(&request_text("", "").replace("OPTIONS sip:", "OPTIONS nobody:")).unwrap();
    unknown.validate().unwrap();
    let error = unknown.as_request().unwrap().sip_uri().unwrap_err();
    assert_eq!(
        (error.kind, error.status().as_u16()),
        (ErrorKind::UnknownScheme, 416)
    );
    request("Contact: <name:John_Smith>, <http://example.com/x?y=z>, <mailto:a@b>\n");
    let to =
        parse(&request_text("", "").replace("To: <sip:bob@example.com>", "To: isbn:2983792873"))
            .unwrap();
    to.validate().unwrap();
}

#[test]
fn req_4475_3_3_8_a_single_values_must_not_repeat() {
    for line in [
        "From: <sip:x@y>;tag=2",
        "To: <sip:x@y>",
        "Call-ID: 2",
        "CSeq: 1 OPTIONS",
    ] {
        let error = fault("Max-Forwards: 70\n", &format!("Max-Forwards: 70\n{line}\n"));
        assert_eq!(
            (error.kind, error.status().as_u16()),
            (ErrorKind::Repeated, 400),
            "{line}"
        );
    }
    // A receiver that does not need the field ignores it, twice or not (RFC 3261 section 8.2.2).
    let twice = |line: &str| {
        let text = request_text(&format!("{line}\n"), "");
        parse(&text).unwrap()
    };
    for (line, name) in [
        ("Subject: a\ns: b", HeaderName::Subject),
        ("Max-Forwards: 70", HeaderName::MaxForwards),
    ] {
        let message = twice(line);
        message.validate().unwrap();
        let error = message.validate_strict().unwrap_err();
        assert_eq!(
            (error.kind, error.header),
            (ErrorKind::Repeated, Some(name.id()))
        );
    }
    let error = twice("Max-Forwards: 70")
        .validate_for(Role::Proxy)
        .unwrap_err();
    assert_eq!(error.header, Some(HeaderName::MaxForwards.id()));
}

#[test]
fn req_4475_3_3_10_a_top_via_can_be_compared() {
    let response = parse(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.198;branch=a\nVia: SIP/2.0/UDP 255.255.255.255;branch=b\n\
         From: <sip:a@b>;tag=1\nTo: <sip:a@b>;tag=2\nCall-ID: 1\nCSeq: 1 INVITE\n\n",
    )
    .unwrap();
    assert_eq!(
        response.top_via().unwrap().host().ip(),
        "192.0.2.198".parse::<IpAddr>().ok()
    );
    assert_eq!(response.vias().count(), 2);
}

#[test]
fn req_4475_3_4_1_a_requests_of_rfc_2543_are_read() {
    let text = request_text("", "")
        .replace(";branch=z9hG4bK1", "")
        .replace(";tag=1", "");
    let message = parse(&text).unwrap();
    message.validate().unwrap();
    assert_eq!(
        (
            message.top_via().unwrap().branch(),
            message.from().unwrap().tag()
        ),
        (None, None)
    );
}

/// The reader rejects a bare CR, because some receivers read it as a line end.
#[test]
fn lone_carriage_returns_are_refused() {
    for text in ["Subject: a\rX: b\n", "X-Odd: a\r\n b\rc\n", "X-Odd\r: a\n"] {
        let text = request_text("\u{1}", "").replace("\u{1}", text);
        let bytes = text.replace('\n', "\r\n").replace("\r\r\n", "\r\n");
        let error = Message::parse(Bytes::from(bytes), &Limits::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Character);
    }
}

/// The documented differences between lenient and strict reading.
#[test]
fn strict_reading_takes_no_leniency() {
    let lenient = [
        "Contact: <sip:a@my_host>\n",
        "Contact: <sip:*97#@host>\n",
        "Contact: <sip:a@b>;x=a/b\n",
        "Contact: Amélie <sip:a@b>\n",
        "Authorization: Digest realm=a@b/c\n",
        "Contact: <sip:a@[2001:db8:::192.0.2.1]>\n",
        "Date: yesterday\n",
        "Warning: none\n",
        "X-Odd: \u{1}\n",
    ];
    for line in lenient {
        let message = parse(&request_text(line, "")).unwrap();
        message
            .validate()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(message.validate_strict().is_err(), "{line}");
    }
    parse(&request_text("", ""))
        .unwrap()
        .validate_strict()
        .unwrap();
    let bare = Message::parse(Bytes::from(request_text("", "")), &Limits::default()).unwrap();
    bare.validate().unwrap();
    assert!(bare.validate_strict().is_err(), "LF alone");
}
