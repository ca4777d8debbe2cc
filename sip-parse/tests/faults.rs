//! Faults that outsiders found in the parser: one test for each kind, named by its row.

use sip_parse::{
    Bytes, ErrorKind, HeaderName, HeaderValue, Limits, Message, NameAddr, Reading, Role, Uri,
    UriBuf, Via,
};

#[path = "faults/strict.rs"]
mod strict;

const METHODS: [&str; 15] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "MESSAGE",
    "INFO",
    "PRACK",
    "UPDATE",
    "REFER",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "FOO",
];

/// A request with `line` in place of its own line of that name, or at the end.
fn text(method: &str, line: &str) -> String {
    let base = format!(
        "{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a.example.com;branch=z9hG4bK1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@a\r\n\
         CSeq: 1 {method}"
    );
    let name = line.split(':').next().unwrap();
    let mut lines: Vec<&str> = base.split("\r\n").collect();
    match lines
        .iter()
        .position(|own| own.split(':').next() == Some(name))
    {
        Some(row) => lines[row] = line,
        None => lines.push(line),
    }
    lines.join("\r\n") + "\r\n\r\n"
}

fn parse(text: &str) -> Message {
    Message::parse(Bytes::from(text.to_owned()), &Limits::default())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn with(method: &str, line: &str) -> Message {
    parse(&text(method, line))
}

fn response(method: &str, line: &str) -> Message {
    let request = text(method, line);
    let (_, rest) = request.split_once("\r\n").unwrap();
    parse(&format!("SIP/2.0 200 OK\r\n{rest}"))
}

/// Strict reading accepts the first and refuses the second, with the fault in that field.
#[track_caller]
fn refused_strictly(method: &str, good: &[&str], bad: &[&str]) {
    for line in good {
        let read = with(method, line).validate_strict();
        assert_eq!(read, Ok(()), "{line}");
    }
    for line in bad {
        let error = with(method, line).validate_strict().expect_err(line);
        let name = line.split(':').next().unwrap();
        let name = HeaderName::parse(name.as_bytes()).unwrap();
        assert_eq!(error.header, Some(name.id()), "{line}: {error}");
    }
}

/// The known names, and those that a message may need.
const NAMES: &[&str] = &[
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Answer-Mode",
    "Authentication-Info",
    "Authorization",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Date",
    "Diversion",
    "Error-Info",
    "Event",
    "Expires",
    "Feature-Caps",
    "Flow-Timer",
    "Geolocation",
    "History-Info",
    "Identity",
    "In-Reply-To",
    "Info-Package",
    "Join",
    "Max-Breadth",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "P-Access-Network-Info",
    "P-Asserted-Identity",
    "P-Associated-URI",
    "P-Called-Party-ID",
    "P-Charging-Vector",
    "P-Preferred-Identity",
    "P-Visited-Network-ID",
    "Path",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Recv-Info",
    "Refer-Sub",
    "Refer-To",
    "Referred-By",
    "Reject-Contact",
    "Replaces",
    "Reply-To",
    "Request-Disposition",
    "Require",
    "Resource-Priority",
    "Retry-After",
    "Route",
    "RSeq",
    "Security-Client",
    "Service-Route",
    "Session-Expires",
    "Session-ID",
    "SIP-ETag",
    "SIP-If-Match",
    "Subscription-State",
    "Supported",
    "Suppress-If-Match",
    "Target-Dialog",
    "Timestamp",
    "Unsupported",
    "User-to-User",
    "Warning",
    "WWW-Authenticate",
];
const MALFORMED: &[&str] = &[
    "][",
    "<",
    "\"",
    ";",
    "a b c",
    "<sip:a@b",
    "\u{1}",
    "x;y=",
    "99999999999999999999",
    "-1",
    "@",
    "\"a\" b",
];

/// What a user agent or a proxy needs besides what every request has.
fn needed(method: &str, role: Role) -> &'static [&'static str] {
    match (role, method) {
        (_, "CANCEL") | (Role::UserAgent, "ACK") => &[],
        (Role::UserAgent, "REGISTER") => &["Require", "Contact", "Path"],
        (Role::Proxy, "REGISTER") => &[
            "Require",
            "Contact",
            "Path",
            "Route",
            "Max-Forwards",
            "Proxy-Require",
        ],
        (Role::Proxy, _) => &["Route", "Max-Forwards", "Proxy-Require"],
        (_, "INVITE") => &["Require", "Contact", "Record-Route"],
        (_, "SUBSCRIBE") => &["Require", "Contact", "Record-Route", "Event"],
        (_, "REFER") => &["Require", "Contact", "Record-Route", "Refer-To"],
        (_, "UPDATE") => &["Require", "Contact"],
        (_, "NOTIFY") => &["Require", "Contact", "Event", "Subscription-State"],
        (_, "PUBLISH") => &["Require", "Event"],
        (_, "PRACK") => &["Require", "RAck"],
        _ => &["Require"],
    }
}

/// RFC 3261 8.2.2 and section 20: every field that the message does not need may be malformed, in requests of every method
/// and in responses, and a field that it needs names itself.
#[test]
fn fault_d1_only_needed_fields_refuse_a_message() {
    for name in NAMES {
        for value in MALFORMED {
            let line = format!("{name}: {value}");
            for method in METHODS {
                let message = with(method, &line);
                for role in [Role::UserAgent, Role::Proxy] {
                    let read = message.validate_for(role);
                    if !needed(method, role).contains(name) {
                        assert_eq!(read, Ok(()), "{method} {line:?} {role:?}");
                    } else if let Err(error) = read {
                        let id = HeaderName::parse(name.as_bytes()).unwrap().id();
                        assert_eq!(error.header, Some(id), "{method} {line:?}");
                    } else {
                        // Some of the values are readable in some of the fields.
                        assert_ne!(*value, "][", "{method} {line:?} {role:?}");
                    }
                }
                response(method, &line).validate().unwrap();
            }
        }
    }
}

/// RFC 3261 8.2.2: the same for fields that occur more often than they may.
#[test]
fn fault_d1_only_needed_fields_must_not_repeat() {
    for (line, method, needed) in [
        ("Subject: a\r\ns: b", "INVITE", false),
        ("Expires: 1\r\nExpires: 1", "REGISTER", false),
        ("Event: a\r\no: b", "INVITE", false),
        ("Event: a\r\no: b", "SUBSCRIBE", true),
        ("Refer-To: <sip:a@b>\r\nr: <sip:c@d>", "INVITE", false),
        ("Refer-To: <sip:a@b>\r\nr: <sip:c@d>", "REFER", true),
        ("CSeq: 1 BYE\r\nCSeq: 1 BYE", "BYE", true),
    ] {
        let message = with(method, line);
        assert_eq!(message.validate().is_err(), needed, "{method} {line}");
        assert_eq!(
            message.validate_strict().unwrap_err().kind,
            ErrorKind::Repeated,
            "{line}"
        );
    }
}

/// The faults come in the order of their offsets, and the first is the error of the validation.
#[test]
fn fault_d9_all_faults_are_found_in_order() {
    let text = "INVITE sip:bob@my_host SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=[1\r\nFrom: <sip:a@b>;tag=1\nTo: bob at home\r\n\
                CSeq: 1 BYE\r\nContact: <sip:a@b\r\nDate: today\r\nRequire: ][\r\n\r\n";
    let message = parse(text);
    let named = |reading| {
        message
            .faults(reading)
            .map(|fault| {
                fault
                    .header
                    .map_or(String::new(), |header| header.to_string())
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        named(Reading::Lenient(Role::UserAgent)),
        ["To", "CSeq", "Contact", "Require", "Call-ID"]
    );
    assert_eq!(
        named(Reading::Strict),
        [
            "",
            "Via",
            "",
            "To",
            "CSeq",
            "Contact",
            "Date",
            "Require",
            "Call-ID",
            "Max-Forwards"
        ]
    );
    for reading in [Reading::Lenient(Role::UserAgent), Reading::Strict] {
        let offsets: Vec<u32> = message.faults(reading).map(|fault| fault.offset).collect();
        assert!(offsets.is_sorted(), "{offsets:?}");
    }
    assert_eq!(
        message.validate().err(),
        message.faults(Reading::Lenient(Role::UserAgent)).next()
    );
    assert_eq!(
        message.validate_strict().err(),
        message.faults(Reading::Strict).next()
    );
}

/// RFC 3261 7.3.1 and 19.1.1: of several parameters of one name the first counts, also if it has no value.
#[test]
fn fault_d2_the_first_of_repeated_parameters_counts() {
    let from = NameAddr::parse(b"<sip:a@h;x=1;X=2;%78=3>;tag=1;TAG=2").unwrap();
    assert_eq!(
        (from.tag(), from.param(b"tag")),
        (Some(&b"1"[..]), Some(&b"1"[..]))
    );
    assert_eq!(from.uri().param(b"x"), Some(&b"1"[..]));
    assert_eq!(from.to_bytes(), b"<sip:a@h;x=1;X=2;%78=3>;tag=1");
    assert_eq!(from.uri().tidied().as_bytes(), b"sip:a@h;x=1");
    let flag = NameAddr::parse(b"<sip:a@h>;tag;tag=2").unwrap();
    assert_eq!((flag.tag(), flag.param(b"tag")), (None, None));
    let via = Via::parse(b"SIP/2.0/UDP h;branch=a;branch=b").unwrap();
    assert_eq!(
        (via.branch(), via.params().value(b"branch")),
        (Some(&b"a"[..]), Some(&b"a"[..]))
    );
    let line = "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", nonce=\"2\"";
    let challenged = with("OPTIONS", line);
    let challenge = challenged.challenges().next().unwrap().unwrap();
    assert_eq!(challenge.nonce().unwrap().as_ref(), b"1");
    refused_strictly(
        "INVITE",
        &[
            "Contact: <sip:a@h;x=1;y=1>;x=1",
            "Via: SIP/2.0/UDP h;branch=a;x",
        ],
        &[
            "From: <sip:a@h>;tag=1;tag=2",
            "From: <sip:a@h>;tag=1;Tag=1",
            "From: <sip:a@h>;tag=1;x;y;X=1",
            "Via: SIP/2.0/UDP h;branch=a;branch=a",
            "To: <sip:a@h;lr;lr>",
            "To: <sip:a@h;x=1;%78=2>",
            "Contact: <sip:a@h>;expires=1;expires=1",
            "Accept: text/plain;x=1;x=1",
            "Reason: SIP;cause=200;cause=200",
            line,
            "Authorization: Digest realm=\"a\", realm=\"a\"",
            "Authentication-Info: nextnonce=\"a\", nextnonce=\"b\"",
            "Session-Expires: 90;refresher=uac;refresher=uac",
        ],
    );
}

/// RFC 3261 25.1, `hostname`: lenient reading takes labels in any form, and `docs/leniency.md` lists it.
#[test]
fn fault_d6_labels_of_a_host() {
    for host in [
        "example..com",
        ".example.com",
        "example.com..",
        "-a.example.com",
        "a-.example.com",
        "1.2.3",
        "a.1b",
    ] {
        let text = format!("sip:bob@{host}");
        assert!(Uri::parse(text.as_bytes()).is_ok(), "{host}");
        assert!(UriBuf::strict(&text).is_err(), "{host}");
        let message = with("OPTIONS", &format!("To: <{text}>"));
        message.validate().unwrap();
        assert!(message.validate_strict().is_err(), "{host}");
    }
    assert!(UriBuf::strict("sip:bob@example.com.").is_ok());
    assert!(UriBuf::strict("sip:bob@1a-b.example.com").is_ok());
}

/// Phones send `;` behind the last parameter: one is taken, two are not.
#[test]
fn fault_d7_a_semicolon_behind_the_last_parameter() {
    for line in [
        "Contact: <sip:a@b;x=y;>",
        "Contact: <sip:a@b;x;>;q=1;",
        "Contact: <sip:a@b;>, <sip:c@d>;q=1 ; , <sip:e@f>",
        "Contact: sip:a@b;x=y;",
        "To: <sip:a@b>;",
        "From: <sip:a@b>;tag=1;",
        "From: <sip:a@b;x;?Subject=y>;tag=1",
        "Via: SIP/2.0/UDP h;branch=1;",
        "Via: SIP/2.0/UDP h;branch=1 ; , SIP/2.0/UDP h;branch=2",
        "Record-Route: <sip:p.example.com;lr;>",
        "Record-Route: sip:p.example.com;lr;",
    ] {
        let message = with("INVITE", line);
        message
            .validate()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(message.validate_strict().is_err(), "{line}");
        assert!(
            message.from().is_ok() && message.to().is_ok() && message.top_via().is_ok(),
            "{line}"
        );
        assert!(message.contacts().all(|contact| contact.is_ok()), "{line}");
    }
    for line in [
        "To: <sip:a@b;;>",
        "To: <sip:a@b;;x>",
        "To: <sip:a@b>;;",
        "To: <sip:a@b>;;x",
        "Via: SIP/2.0/UDP h;;,;,,",
    ] {
        assert!(with("INVITE", line).validate().is_err(), "{line}");
    }
    let route = with("INVITE", "Record-Route: <sip:p.example.com;lr;>");
    let route = route.record_routes().next().unwrap().unwrap();
    assert!(route.uri().is_lr());
    assert_eq!(route.to_bytes(), b"<sip:p.example.com;lr>");
}

/// RFC 3261 18.3 and 20.15: without Content-Length and Content-Type, line ends are no body.
#[test]
fn fault_d8_line_ends_alone_are_no_body() {
    let head = text("INVITE", "Contact: <sip:a@h>");
    for extra in ["\r\n", "\n", "\r\n\r\n"] {
        let message = parse(&format!("{head}{extra}"));
        assert_eq!(message.body(), b"", "{extra:?}");
        message.validate().unwrap();
        assert!(message.validate_strict().is_err());
    }
    let typed = text("MESSAGE", "Content-Type: text/plain");
    assert_eq!(parse(&format!("{typed}\r\n")).body(), b"\r\n");
    let counted = text("MESSAGE", "Content-Length: 2");
    assert_eq!(parse(&format!("{counted}\r\n")).body(), b"\r\n");
    assert_eq!(parse(&format!("{head}v=0\r\n")).body(), b"v=0\r\n");
}

/// RFC 3261 10.2.1.1: a malformed `expires` means 3600; a larger one is clamped.
#[test]
fn fault_c4_an_expiry_that_cannot_be_read_is_3600() {
    for (value, expected) in [
        (";expires=60", Some(60)),
        (";expires=soon", Some(3600)),
        (";expires=\"60\"", Some(3600)),
        (";expires=-1", Some(3600)),
        (";expires=60s", Some(3600)),
        (";expires", Some(3600)),
        (";expires=4294967296", Some(u32::MAX)),
        (";expires=99999999999999999999999", Some(u32::MAX)),
        ("", None),
    ] {
        let line = format!("Contact: <sip:a@h>{value}");
        for message in [response("REGISTER", &line), with("REGISTER", &line)] {
            message
                .validate()
                .unwrap_or_else(|error| panic!("{line}: {error}"));
            let contact = message.contacts().next().unwrap().unwrap();
            assert_eq!(contact.addr().unwrap().expires(), expected, "{line}");
        }
    }
}

/// RFC 3261 10.2.4: a value that cannot be read says nothing about the others of its row.
#[test]
fn fault_c1_a_malformed_value_costs_its_neighbours_nothing() {
    for broken in [
        "<sip:192.0.2.7:443;transport=wss;thinfo=\"VG8=\">;expires=30",
        "<sip:broken",
        "sip:broken@",
        "bob at home",
        "\"a, b\" <sip:x y>",
        "<sip:a@b>;x={;y",
        "][",
    ] {
        for line in [
            format!("Contact: {broken}, <sip:ours@h>;expires=600"),
            format!("Contact: <sip:first@h>, {broken}, <sip:ours@h>;expires=600"),
            format!("Contact: {broken}\r\nContact: <sip:ours@h>;expires=600"),
        ] {
            let message = response("REGISTER", &line);
            message.validate().unwrap();
            let ours = message.contacts().flatten().find(|contact| {
                contact
                    .addr()
                    .is_some_and(|addr| addr.uri().user() == Some(b"ours"))
            });
            assert_eq!(ours.unwrap().addr().unwrap().expires(), Some(600), "{line}");
            assert!(message.contacts().any(|contact| contact.is_err()), "{line}");
        }
    }
}

/// RFC 3261 25.1: `?` is allowed in a user part.
#[test]
fn fault_a13_headers_begin_behind_the_host() {
    for (uri, without) in [
        ("sip:conf?id=7@192.0.2.9", "sip:conf?id=7@192.0.2.9"),
        ("sip:a?b@h?c=d", "sip:a?b@h"),
        ("sip:h;x=y?c=d", "sip:h;x=y"),
        ("sip:h", "sip:h"),
        ("tel:+1?x=y", "tel:+1?x=y"),
    ] {
        let read = Uri::parse(uri.as_bytes()).unwrap();
        assert_eq!(read.without_headers(), without.as_bytes(), "{uri}");
        assert_eq!(
            read.to_request_uri().as_bytes(),
            without.as_bytes(),
            "{uri}"
        );
        assert_eq!(&*read.request_uri_text(), without.as_bytes(), "{uri}");
    }
}

/// RFC 3261 19.1.1: a Request-URI has neither `method` nor headers, and each parameter once.
#[test]
fn req_3261_19_1_1_a_request_uri_leaves_parts_out() {
    for (uri, expected) in [
        ("sip:a:b@h;method=BYE;x", "sip:a:b@h;x"),
        ("sip:a:@h:1;x=2;Y", "sip:a:@h:1;x=2;Y"),
        ("sip:a@h;x=1;X=2", "sip:a@h;x=1"),
        ("sip:a@h;x=1;%78=2", "sip:a@h;x=1"),
        ("sip:a#@h", "sip:a%23@h"),
        ("sip:h;x?a=b", "sip:h;x"),
        ("sip:h;a;b;c;d;e;f;g;h;i", "sip:h;a;b;c;d;e;f;g;h;i"),
        ("tel:*72#", "tel:*72%23"),
    ] {
        let read = Uri::parse(uri.as_bytes()).unwrap();
        assert_eq!(read.to_request_uri().to_string(), expected, "{uri}");
        assert_eq!(&*read.request_uri_text(), expected.as_bytes(), "{uri}");
    }
}

/// RFC 3261 19.1.2 and 25.1: what is written is in the grammar, and means the same.
#[test]
fn fault_c11_uris_are_tidied_or_refused() {
    for (uri, expected) in [
        ("sip:*72#@h", "sip:*72%23@h"),
        ("sip:a%23#:p@h:1;x=y;?a=b", "sip:a%23%23:p@h:1;x=y?a=b"),
        ("sip:a@h;;", ""),
        ("sip:a@h;x=1;X=2;y;x", "sip:a@h;x=1;y"),
        ("sips:a@[2001:db8::1];lr", "sips:a@[2001:db8::1];lr"),
        ("http://h/#a[b]", "http://h/%23a%5Bb%5D"),
        ("http://[::1]/a", "http://[::1]/a"),
        ("tel:*72#", "tel:*72%23"),
        ("sip:a@my_host", ""),
        ("sip:a@h..i", ""),
        ("sip:a@h;ttl=300", ""),
        ("sip:a b@h", ""),
    ] {
        if let Ok(read) = Uri::parse(uri.as_bytes()) {
            let whole = read.to_request_uri();
            assert_eq!(&*read.request_uri_text(), whole.as_bytes(), "{uri}");
        }
        match UriBuf::strict(uri) {
            Ok(tidy) => assert_eq!(tidy.to_string(), expected, "{uri}"),
            Err(error) => assert_eq!(expected, "", "{uri}: {error}"),
        }
    }
}

/// RFC 9110 11.6.1: a row with several challenges, as servers with a library for HTTP write it, is read challenge by
/// challenge. RFC 3261 7.3.1 forbids it, so that strict reading refuses it.
#[test]
fn fault_b5_a_row_may_have_several_challenges() {
    let realms = |value: &str| -> Vec<Option<String>> {
        let message = with("REGISTER", &format!("WWW-Authenticate: {value}"));
        let challenges = message.challenges().map(|challenge| {
            let challenge = challenge.ok()?;
            let realm = challenge.realm().unwrap_or_default();
            let [scheme, realm] = [challenge.scheme, &*realm].map(String::from_utf8_lossy);
            Some(format!("{scheme} {realm}"))
        });
        challenges.collect()
    };
    for (value, expected) in [
        (
            r#"Digest realm="a", nonce="1", Digest realm="b, c", nonce="2""#,
            ["Digest a", "Digest b, c"],
        ),
        (
            r#"Bearer, Digest realm="a" , nonce="1""#,
            ["Bearer ", "Digest a"],
        ),
        (
            r#"X abc==, Digest realm = "a",nonce="1""#,
            ["X ", "Digest a"],
        ),
        (
            r#"Digest realm="a, Digest realm=b", nonce="1",X"#,
            ["Digest a, Digest realm=b", "X "],
        ),
    ] {
        let expected = expected.map(|realm| Some(realm.to_owned()));
        assert_eq!(realms(value), expected, "{value}");
        let row = format!("WWW-Authenticate: {value}");
        refused_strictly("REGISTER", &[], &[&row]);
    }
    // A malformed challenge hides no other one.
    let found = realms(r#"Digest realm="a", ][, Digest realm="b", nonce="2""#);
    assert_eq!(found, [None, Some("Digest b".to_owned())]);
}

/// RFC 3261 25.1: brackets in a URI of another scheme are read leniently, and written as escapes.
#[test]
fn fault_c11_brackets_in_a_uri_of_another_scheme_are_escaped() {
    let address = NameAddr::parse(b"<http://example.com/a[1]>").unwrap();
    assert_eq!(address.to_bytes(), b"<http://example.com/a%5B1%5D>");
}
