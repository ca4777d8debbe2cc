//! The writer: responses, requests from parts, edits.

mod common;

use sip_parse::{
    BuildErrorKind, Builder, Bytes, Field, HeaderName, Limits, Message, Method, StatusCode, Value,
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

/// The header rows of a message, which an index that is wrong would read otherwise.
fn rows(message: &Message) -> Vec<(String, Vec<u8>)> {
    let rows = message.headers().map(|header| {
        assert_eq!(
            message.header(header.name).map(|first| first.name),
            Some(header.name)
        );
        (header.name.to_string(), header.value.to_vec())
    });
    rows.collect()
}

/// The corpus, with the head in each form of a topmost Via that a server meets.
fn requests() -> Vec<sip_parse::Request> {
    let mut requests = Vec::new();
    for bytes in common::messages() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for (from, to) in [
            ("", ""),
            ("\r\nVia: ", "\r\nv: "),
            (";branch", ";rport;branch"),
            (";branch", ";received=192.0.2.9;RPORT ; branch"),
            (";branch", ";rport=5;branch"),
            ("branch=", "rport;x=\";rport\";branch="),
            ("\r\nMax-Forwards", ";rport;\r\nMax-Forwards"),
            ("\r\nMax-Forwards", "  ;rport  \r\nMax-Forwards"),
            (";branch", "\r\n ;rport\r\n ;branch"),
            (";branch", ";rport;branch=z9hG4bK0, SIP/2.0/UDP a;branch"),
            ("\r\nContent-Length", "\r\nX-Length"),
        ] {
            let bytes = Bytes::from(text.replacen(from, to, 1).into_bytes());
            let message = Message::parse(bytes, &Limits::default());
            requests.extend(message.ok().and_then(|message| message.into_request().ok()));
        }
    }
    requests
}

/// RFC 3261 18.2.1, RFC 3581 4: the additions to the topmost Via in place are those that a builder writes, and all that was
/// read before stands where it moved to.
#[test]
fn rfc3581_4_a_stamp_in_place_is_the_stamp_of_a_builder() {
    let mut spliced = 0;
    for request in requests() {
        for address in ["192.0.2.77", "2001:db8::7"] {
            let mut request = request.clone().into_message();
            if request.identify(sip_parse::Role::UserAgent).is_err() {
                continue;
            }
            let request = request.into_request().unwrap();
            let via = request.top_via().unwrap();
            let received = via.received().is_none().then(|| address.parse().unwrap());
            let rport = (via.rport() == Some(None)).then_some(4_711);
            let stamped = request.stamped(received, rport).unwrap();
            let again = reparsed(&stamped);
            assert_eq!(rows(&again), rows(&stamped));
            let new = stamped.top_via().unwrap();
            assert_eq!(new.branch(), via.branch());
            assert_eq!(
                new.received_ip().is_some(),
                via.received().is_none() || via.received_ip().is_some()
            );
            if let (Some(_), Some(port)) = (rport, new.rport()) {
                assert!(port == Some(4_711) || via.params().value(b"rport").is_some());
            }
            assert_eq!(stamped.branch(), request.branch());
            assert_eq!(stamped.top_sent_by(), request.top_sent_by());
            assert_eq!(stamped.from_tag(), request.from_tag());
            assert_eq!(stamped.to_tag(), request.to_tag());
            assert_eq!(stamped.to_tag(), again.to_tag());
            assert_eq!(stamped.branch(), again.branch());
            // The same by a builder.
            let first = request.values(HeaderName::Via).next().unwrap();
            let mut value = String::from_utf8(first.to_vec()).unwrap();
            value.truncate(value.trim_end_matches([';', ' ']).len());
            if rport.is_some() {
                let lower = value.to_ascii_lowercase();
                let at = (0..lower.len()).find(|&at| {
                    let rest = lower[at..].strip_prefix("rport").map(str::trim_start);
                    lower[..at].trim_end().ends_with(';')
                        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
                });
                if let Some(at) = at {
                    value.insert_str(at + 5, "=4711");
                }
            }
            if received.is_some() {
                value.push_str(&format!(";received={address}"));
            }
            let built = Builder::from_message(&request)
                .set_first_value(HeaderName::Via, value)
                .build();
            if let Ok(built) = built {
                assert_eq!(built.bytes(), stamped.bytes());
                spliced += 1;
            }
        }
    }
    assert!(spliced > 200, "{spliced}");
}

/// A simple model of the edits of a builder: a list of lines.
#[test]
fn edits_in_place_are_the_edits_of_a_list_of_lines() {
    let mut random = 7u64;
    let mut next = move |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    const NAMES: [HeaderName<'static>; 6] = [
        HeaderName::Via,
        HeaderName::Route,
        HeaderName::MaxForwards,
        HeaderName::Supported,
        HeaderName::Other(b"X-Room"),
        HeaderName::Subject,
    ];
    const VALUES: [[&str; 3]; 6] = [
        [
            "SIP/2.0/UDP a;branch=z9hG4bK1",
            "SIP/2.0/WSS p.invalid;branch=z9hG4bK22",
            "SIP/2.0/TCP b, SIP/2.0/UDP c",
        ],
        [
            "<sip:a;lr>",
            "<sip:b.example.com;lr>, <sip:c;lr>",
            "<sip:d;lr>,<sip:e>,<sip:f>",
        ],
        ["9", "70", "255"],
        ["path", "path, outbound", "a,b"],
        ["", "1", "a, b"],
        [
            "",
            "s",
            "a long subject that takes more room than the others",
        ],
    ];
    let mut built = 0;
    for bytes in common::messages() {
        let Ok(message) = Message::parse(Bytes::from(bytes), &Limits::default()) else {
            continue;
        };
        for _ in 0..40 {
            let mut builder = Builder::from_message(&message);
            let mut start = start_line(&message);
            let mut model: Vec<(HeaderName<'_>, String)> = message
                .headers()
                .map(|header| {
                    (
                        header.name,
                        String::from_utf8_lossy(header.line).into_owned(),
                    )
                })
                .collect();
            for _ in 0..1 + next(6) {
                let which = next(NAMES.len());
                let (name, value) = (NAMES[which], VALUES[which][next(3)]);
                let line = (
                    name,
                    if value.is_empty() {
                        format!("{name}: \r\n")
                    } else {
                        format!("{name}: {value}\r\n")
                    },
                );
                let first = model.iter().position(|(other, _)| *other == name);
                match next(6) {
                    0 => {
                        builder.append(name, value);
                        model.push(line);
                    }
                    1 => {
                        builder.prepend(name, value);
                        let at = first.unwrap_or_else(|| match name {
                            HeaderName::Via => 0,
                            HeaderName::Route => model
                                .iter()
                                .rposition(|(name, _)| *name == HeaderName::Via)
                                .map_or(0, |via| via + 1),
                            _ => model.len(),
                        });
                        model.insert(at, line);
                    }
                    2 => {
                        builder.set(name, value);
                        match first {
                            Some(first) => {
                                model[first] = line;
                                let mut row = 0;
                                model.retain(|(other, _)| {
                                    row += 1;
                                    row - 1 <= first || *other != name
                                });
                            }
                            None => model.push(line),
                        }
                    }
                    3 => {
                        builder.remove(name);
                        model.retain(|(other, _)| *other != name);
                    }
                    4 => {
                        let field = Field::new(name, value).unwrap();
                        builder.field(&field);
                        model.push(line);
                    }
                    _ if message.is_request() => {
                        builder.set_request_uri(b"sip:another@example.net");
                        start = format!(
                            "{} sip:another@example.net SIP/2.0\r\n",
                            message.request_method().unwrap()
                        );
                    }
                    _ => {}
                }
            }
            let Ok(edited) = builder.build() else {
                continue;
            };
            built += 1;
            let again = reparsed(&edited);
            assert_eq!(rows(&again), rows(&edited));
            let expected: Vec<&str> = model
                .iter()
                .filter(|(name, _)| *name != HeaderName::ContentLength)
                .map(|(_, line)| line.as_str())
                .collect();
            let found: Vec<String> = edited
                .headers()
                .filter(|header| header.name != HeaderName::ContentLength)
                .map(|header| String::from_utf8_lossy(header.line).into_owned())
                .collect();
            assert_eq!(found, expected);
            assert!(edited.bytes().starts_with(start.as_bytes()));
            assert_eq!(
                edited.content_length().unwrap(),
                Some(message.body().len() as u32)
            );
        }
    }
    assert!(built > 300, "{built}");
}

fn start_line(message: &Message) -> String {
    let line = message
        .bytes()
        .split_inclusive(|byte| *byte == b'\n')
        .next();
    String::from_utf8(line.unwrap().to_vec()).unwrap()
}

/// A field is checked when it is made.
#[test]
fn a_field_is_the_proof_of_its_check() {
    for (name, value) in [
        (HeaderName::Supported, "a\r\nX: y"),
        (HeaderName::Supported, "a b"),
        (HeaderName::Contact, "<sip:a"),
        (HeaderName::Other(b"X y"), "a"),
        (HeaderName::Subject, "a\0b"),
        (HeaderName::MaxForwards, "256"),
    ] {
        assert!(Field::new(name, value).is_err(), "{name}: {value:?}");
        assert!(
            parts().append(name, value).build().is_err(),
            "{name}: {value:?}"
        );
    }
    let field = Field::new(HeaderName::Contact, "<sip:a@example.com>").unwrap();
    let message = parts().field(&field).build().unwrap();
    assert_eq!(
        reparsed(&message)
            .header(HeaderName::Contact)
            .unwrap()
            .value,
        field.value()
    );
    // The method of CSeq depends on the message.
    let cseq = Field::new(HeaderName::CSeq, "7 INVITE").unwrap();
    let error = parts()
        .remove(HeaderName::CSeq)
        .field(&cseq)
        .build()
        .unwrap_err();
    assert_eq!(error.kind, BuildErrorKind::Method);
    let twice = parts()
        .field(&Field::new(HeaderName::CallId, "2@x").unwrap())
        .build();
    assert_eq!(twice.unwrap_err().kind, BuildErrorKind::Repeated);
}

/// A fault of a row goes with the row, and stays with a part of its value.
#[test]
fn the_fault_of_a_row_goes_with_it() {
    let evil = "path, a\r\nX: y";
    assert!(
        parts()
            .append(HeaderName::Supported, evil)
            .remove(HeaderName::Supported)
            .build()
            .is_ok()
    );
    assert!(
        parts()
            .append(HeaderName::Supported, evil)
            .set(HeaderName::Supported, "path")
            .build()
            .is_ok()
    );
    assert!(
        parts()
            .append(HeaderName::Supported, evil)
            .remove_first_value(HeaderName::Supported)
            .build()
            .is_err()
    );
    assert!(
        parts()
            .append(HeaderName::Subject, evil)
            .prepend(HeaderName::Via, "SIP/2.0/TCP a")
            .remove(HeaderName::Subject)
            .build()
            .is_ok()
    );
    assert!(
        parts()
            .append(HeaderName::Subject, evil)
            .prepend(HeaderName::Via, "SIP/2.0/TCP a")
            .remove(HeaderName::Supported)
            .build()
            .is_err()
    );
}

/// A request whose head has `length` bytes, with routes or an unknown field of that many.
fn long_request(name: &str, value: impl Fn(usize) -> String, length: usize) -> Message {
    let lines = |value: &str| {
        format!(
            "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n{name}: {value}\r\nMax-Forwards: 70\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let text = lines(&value(length - lines("").len()));
    assert_eq!(text.len(), length);
    Message::parse(Bytes::from(text), &Limits::MAX).unwrap()
}

fn letters(count: usize) -> String {
    "p".repeat(count)
}

/// A corrected Content-Length either fits or the message is refused, at every length of a head.
#[test]
fn a_content_length_is_whole_or_refused() {
    let (mut fits, mut refused) = (0, 0);
    for length in 65_480..=65_535 {
        let request = long_request("X-A", letters, length);
        match Builder::from_message(&request)
            .body(b"a/b", b"hello12345")
            .build()
        {
            Ok(built) => {
                fits += 1;
                let again = Message::parse(built.bytes().clone(), &Limits::MAX).unwrap();
                assert_eq!(again.bytes().len(), length + 19 + 1 + 10);
                assert_eq!(again.body(), b"hello12345");
                assert_eq!(rows(&again), rows(&built));
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.kind, BuildErrorKind::TooLarge);
            }
        }
    }
    assert_eq!((fits, refused), (36, 20));
}

/// An edit of a long head needs no room for the old and the new line at once.
#[test]
fn an_edit_of_a_long_head_is_measured_by_its_result() {
    let request = long_request("X-A", letters, 65_535);
    let check = |built: Message| {
        let again = Message::parse(built.bytes().clone(), &Limits::MAX).unwrap();
        assert_eq!(rows(&again), rows(&built));
        assert_eq!(again.request_method(), Some(Method::Options));
        again
    };
    let new = "q".repeat(65_000);
    let mut builder = Builder::from_message(&request);
    builder.set(HeaderName::Other(b"X-A"), new.as_str());
    check(builder.build().unwrap());
    builder.set(HeaderName::CallId, "2");
    check(builder.build().unwrap());

    let uri = format!("sip:{}@b", "a".repeat(40_000));
    let other = format!("sip:{}@b", "c".repeat(40_000));
    let mut builder = Builder::from_message(&request);
    builder.remove(HeaderName::Other(b"X-A"));
    builder.set_request_uri(uri.as_bytes());
    builder.set_request_uri(other.as_bytes());
    let built = check(builder.build().unwrap());
    let sent = built.into_request().unwrap();
    assert_eq!(sent.uri_bytes(), other.as_bytes());

    let routes = |count: usize| format!("<sip:a>, <sip:{}>", "r".repeat(count - 15));
    let request = long_request("Route", routes, 65_535);
    let mut builder = Builder::from_message(&request);
    builder.remove_first_value(HeaderName::Route);
    let built = check(builder.build().unwrap());
    assert_eq!(built.values(HeaderName::Route).count(), 1);
    assert_eq!(built.bytes().len(), 65_535 - 9);
    let one = format!("<sip:{}>", "s".repeat(40_000));
    builder.set_first_value(HeaderName::Route, one.as_str());
    let built = check(builder.build().unwrap());
    assert_eq!(built.values(HeaderName::Route).next(), Some(one.as_bytes()));
    builder.set(HeaderName::Other(b"X-B"), new.as_str());
    assert_eq!(builder.build().unwrap_err().kind, BuildErrorKind::TooLarge);
}

/// RFC 3261 18.2.1, RFC 3581 4: a topmost Via with a fold, with empty elements in front, or with `rport` within quotes is
/// stamped, too, and is the only Via that changes.
#[test]
fn rfc3581_4_an_unusual_via_is_stamped() {
    let cases: [(&[u8], &[u8], usize); 4] = [
        (
            b"SIP/2.0/UDP a\r\n ;branch=z9hG4bK1;rport\r\n\t;x=\"\xe9\" , SIP/2.0/UDP b",
            b"SIP/2.0/UDP a ;branch=z9hG4bK1;rport=5 ;x=\"\xe9\";received=192.0.2.1",
            2,
        ),
        (
            b", ,SIP/2.0/UDP a;branch=z9hG4bK1;rport;, SIP/2.0/UDP b",
            b"SIP/2.0/UDP a;branch=z9hG4bK1;rport=5;received=192.0.2.1",
            2,
        ),
        (
            b",\r\n SIP/2.0/UDP a;branch=z9hG4bK1;rport,",
            b"SIP/2.0/UDP a;branch=z9hG4bK1;rport=5;received=192.0.2.1",
            1,
        ),
        (
            b"SIP/2.0/UDP a;branch=z9hG4bK1;x=\";rport;\";rport, SIP/2.0/UDP b",
            b"SIP/2.0/UDP a;branch=z9hG4bK1;x=\";rport;\";rport=5;received=192.0.2.1",
            2,
        ),
    ];
    for (via, expected, vias) in cases {
        let bytes = [
            b"OPTIONS sip:a@b SIP/2.0\r\nVia: ",
            via,
            b"\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n",
        ];
        let message = Message::parse(Bytes::from(bytes.concat()), &Limits::default()).unwrap();
        let request = message.into_request().unwrap();
        assert_eq!(request.vias().count(), vias);
        let address = "192.0.2.1".parse().unwrap();
        let stamped = request.stamped(Some(address), Some(5)).unwrap();
        let first = stamped.values(HeaderName::Via).next().unwrap();
        assert_eq!(
            String::from_utf8_lossy(first),
            String::from_utf8_lossy(expected)
        );
        assert_eq!(stamped.top_via().unwrap().rport(), Some(Some(5)));
        assert_eq!(stamped.vias().count(), vias);
    }
}

/// A stamp adds no parameter that the limit on a value forbids, because the topmost Via could not be read again.
#[test]
fn a_stamped_via_is_within_the_limit_of_parameters() {
    let most = usize::from(Limits::default().parameters);
    for count in [most - 1, most] {
        let head = String::from_utf8(INVITE.to_vec()).unwrap();
        let via = format!("Via: SIP/2.0/UDP a{}\r\nVia", ";p=1".repeat(count));
        let head = head.replacen("Via", &via, 1);
        let message = Message::parse(Bytes::from(head), &Limits::default()).unwrap();
        let request = message.into_request().unwrap();
        let address = "192.0.2.1".parse().unwrap();
        let stamped = request.stamped(Some(address), None);
        assert_eq!(stamped.is_some(), count < most);
        assert!(stamped.is_none_or(|stamped| stamped.top_via().is_ok()));
    }
}

/// RFC 3261 18.3: a Content-Length that only begins with the right number is corrected, wherever it comes from.
#[test]
fn a_content_length_is_the_number_alone() {
    for text in ["5", "5, 7", "5x", "x", ""] {
        let field = Field::new(HeaderName::ContentLength, text).unwrap();
        let built = Builder::from_message(&invite())
            .remove(HeaderName::ContentLength)
            .field(&field)
            .build()
            .unwrap();
        reparsed(&built);
        assert_eq!(built.header(HeaderName::ContentLength).unwrap().value, b"5");
    }
}

/// RFC 3261 8.1.1.5: a copied CSeq has the method of the request, too.
#[test]
fn a_copied_cseq_has_the_method_of_the_request() {
    let invite = invite();
    for (method, fits) in [(Method::Invite, true), (Method::Ack, false)] {
        let mut builder = Builder::request(method, b"sip:bob@example.com");
        for name in [
            HeaderName::Via,
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
            HeaderName::MaxForwards,
        ] {
            builder.copy(&invite, name);
        }
        match builder.build() {
            Ok(built) => {
                reparsed(&built);
                assert!(fits);
            }
            Err(error) => {
                assert!(!fits);
                assert_eq!(error.kind, BuildErrorKind::Method);
            }
        }
    }
}
