//! Fields that a message does not need cost nothing, and what the core writes is in the grammar.

use sip_core::{Cause, Event, InviteOptions, Session};
use sip_parse::{HeaderName, Message, Method, Request};
use sip_testing::{Bench, OFFER, alice, value, values};

/// The 39 header names that refused a message with the value `][`, and more of their kind, with values that their grammar
/// does not allow.
const UNNEEDED: &[(&str, &[&str])] = &[
    ("Accept", &["][", "text/", "application/sdp,/"]),
    ("Accept-Encoding", &["][", "gzip;q="]),
    ("Accept-Language", &["][", "en;;q=1"]),
    ("Alert-Info", &["][", "<>"]),
    (
        "Allow",
        &["][", "INVITE, ACK,", "INVITE ACK", ",", "INVITE;x"],
    ),
    ("Allow-Events", &["][", "presence,"]),
    ("Authorization", &["][", "Digest", "Digest realm"]),
    ("Call-Info", &["][", "http://a b"]),
    ("Content-Disposition", &["][", "session;handling=", ";"]),
    ("Content-Encoding", &["]["]),
    ("Content-Language", &["][", "en us"]),
    ("Content-Type", &["][", "application", "application/sdp;"]),
    ("Date", &["][", "yesterday"]),
    ("Error-Info", &["]["]),
    ("Event", &["][", "presence;id="]),
    (
        "Expires",
        &[
            "][",
            "soon",
            "-1",
            "Thu, 01 Dec 1994 16:00:00 GMT",
            "4294967296",
        ],
    ),
    ("Flow-Timer", &["][", "x"]),
    ("Identity", &["][", "a;info=<"]),
    ("In-Reply-To", &["a b", "a,,"]),
    ("Join", &["][", "a;to-tag=1"]),
    ("Max-Breadth", &["][", "many"]),
    ("Max-Forwards", &["][", "300", "many"]),
    ("MIME-Version", &["][", "1"]),
    ("Min-Expires", &["][", "x"]),
    ("Min-SE", &["][", "90s"]),
    ("Organization", &["\u{1}"]),
    ("P-Asserted-Identity", &["][", "bob"]),
    ("Path", &["][", "bob"]),
    ("Proxy-Authorization", &["][", "Digest"]),
    ("Proxy-Require", &["][", "a b"]),
    ("RAck", &["][", "x", "1 2"]),
    ("Reason", &["][", "SIP;cause"]),
    ("Refer-To", &["][", "bob", "<sip:a@b"]),
    ("Referred-By", &["][", "bob"]),
    ("Replaces", &["][", "a;from-tag=1"]),
    ("Reply-To", &["][", "bob at home", "Bob <sip:b@h"]),
    ("Retry-After", &["][", "soon", "3 (a"]),
    ("Route", &["][", "bob", "<sip:p;lr"]),
    ("RSeq", &["][", "x", "4294967296"]),
    ("Security-Client", &["]["]),
    ("Service-Route", &["]["]),
    (
        "Session-Expires",
        &["][", "x", "90s", "90;refresher=", "1800, 90"],
    ),
    ("SIP-If-Match", &["]["]),
    ("Subject", &["\u{1}"]),
    ("Subscription-State", &["][", "active;expires=x"]),
    ("Supported", &["][", "replaces,", ",replaces", "a b"]),
    ("Target-Dialog", &["][", "a"]),
    ("Timestamp", &["][", "x"]),
    ("Unsupported", &["][", "a,"]),
    ("User-Agent", &["\u{1}"]),
    ("Warning", &["][", "399"]),
    ("WWW-Authenticate", &["][", "Digest"]),
];

fn lines() -> impl Iterator<Item = String> {
    let values = UNNEEDED
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}: {value}")));
    let repeated = [
        "Subject: a\nSubject: b",
        "Expires: 1\nExpires: 2",
        "Session-Expires: 90\nSession-Expires: 91",
        "Reply-To: <sip:a@h>\nReply-To: <sip:b@h>",
    ];
    values.chain(repeated.map(str::to_owned))
}

/// A request of bob's, with more header lines in front of its Content-Length.
fn from_bob(
    bench: &mut Bench,
    method: &str,
    number: usize,
    lines: &str,
    contact: &str,
    body: &str,
) {
    let user = bench.contact_user();
    let sdp = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\n"
    };
    let ack = if method == "CANCEL" { "INVITE" } else { method };
    let head = format!(
        "{method} sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{ack}{number}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
         Call-ID: leniency{number}\nCSeq: 7 {method}\n{contact}{lines}\n{sdp}Content-Length: {}\n\n",
        body.len()
    );
    // A field that the line gives is not given twice.
    let name = lines.split(':').next().unwrap_or("").to_ascii_lowercase();
    let twice = ["max-forwards", "content-type"].contains(&name.as_str());
    let own = |line: &&str| {
        !(twice && line.to_ascii_lowercase().starts_with(&name) && !lines.contains(*line))
    };
    let head = head
        .split('\n')
        .filter(own)
        .collect::<Vec<_>>()
        .join("\r\n");
    bench.feed_bytes([head.as_bytes(), body.as_bytes()].concat());
}

/// The answer of bob to a request, written by hand.
fn answer(bench: &mut Bench, request: &Request, status: &str, lines: &str, body: &str) {
    let own = |name| value(request, name);
    let head = format!(
        "SIP/2.0 {status}\nVia: {}\nFrom: {}\nTo: {};tag=peer\nCall-ID: {}\nCSeq: {}\n{lines}Content-Length: {}\n\n",
        own(HeaderName::Via),
        own(HeaderName::From),
        own(HeaderName::To),
        own(HeaderName::CallId),
        own(HeaderName::CSeq),
        body.len()
    );
    bench.feed_bytes([head.replace('\n', "\r\n").as_bytes(), body.as_bytes()].concat());
}

fn ended(bench: &mut Bench) -> Cause {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some(reason.cause),
        _ => None,
    })
}

const BOB: &str = "Contact: <sip:bob@192.0.2.9>\n";
const SDP: &str = "Content-Type: application/sdp\n";

/// RFC 3261 8.2.2 and introduction of section 20: an INVITE with a malformed field that it does not need rings.
#[test]
fn fault_d1_an_invite_rings_whatever_it_does_not_need() {
    let needs_a_body = |line: &String| line.starts_with("Content-") && !line.contains("Language");
    for (number, line) in lines().enumerate() {
        // RFC 3261 8.2.3: how the body is read is needed where there is one; without one it is not.
        let body = if needs_a_body(&line) { "" } else { OFFER };
        let mut bench = Bench::new(&alice());
        from_bob(&mut bench, "INVITE", number, &line, BOB, body);
        bench.expect(|event| matches!(event, Event::IncomingCall { .. }).then_some(()));
        bench.silence();
    }
}

/// RFC 3261 8.2.2: the same for other requests.
#[test]
fn fault_d1_other_requests_are_answered_whatever_they_do_not_need() {
    let mut bench = Bench::new(&alice());
    for (number, line) in lines().enumerate() {
        from_bob(&mut bench, "OPTIONS", number, &line, "", "");
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), 200, "{line:?}");
    }
    // Without a call there is nothing to cancel and nothing to end; neither is malformed.
    for method in ["BYE", "CANCEL"] {
        for (number, line) in lines().enumerate() {
            from_bob(&mut bench, method, number, &line, "", "");
            let status = bench.next_response().status().as_u16();
            assert!(
                [481, 404].contains(&status) || method == "BYE" && status != 400,
                "{method} {line:?}: {status}"
            );
        }
    }
}

/// RFC 3261 21.4.1: what the request needs and cannot be read gets 400, and the reason phrase names it.
#[test]
fn fault_d1_what_is_needed_gets_400_by_name() {
    let cases = [
        ("Require: ][", BOB, "Require"),
        ("Require: a b", BOB, "Require"),
        ("Record-Route: bob", BOB, "Record-Route"),
        ("Record-Route: <sip:p;lr", BOB, "Record-Route"),
        ("X: y", "Contact: <sip:bob@192.0.2.9\n", "Contact"),
        ("X: y", "Contact: bob\n", "Contact"),
        ("From: <sip:x@y>;tag=2", BOB, "From"),
        ("CSeq: 8 INVITE", BOB, "CSeq"),
        ("Content-Type: ][", BOB, "Content-Type"),
        ("Content-Type: application", BOB, "Content-Type"),
    ];
    let mut bench = Bench::new(&alice());
    for (number, (line, contact, name)) in cases.into_iter().enumerate() {
        from_bob(&mut bench, "INVITE", number, line, contact, OFFER);
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), 400, "{line} {contact}");
        let phrase = String::from_utf8_lossy(response.reason()).into_owned();
        assert!(phrase.contains(name), "{phrase}");
        bench.silence();
    }
}

/// RFC 3261 13.2.2.4: every 2xx to an INVITE is acknowledged; a field that the dialog does not need changes nothing.
#[test]
fn fault_a6_a_2xx_is_acknowledged_whatever_it_does_not_need() {
    for line in lines().filter(|line| !line.starts_with("Content-")) {
        let mut bench = Bench::new(&alice());
        let (id, invite) = bench.call();
        answer(
            &mut bench,
            &invite,
            "200 OK",
            &format!("{BOB}{SDP}{line}\n"),
            OFFER,
        );
        let ack = bench.next_request();
        assert_eq!(ack.method(), Method::Ack, "{line:?}");
        bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
        assert!(
            matches!(bench.agent.session(id), Ok(Session::Established(_))),
            "{line:?}"
        );
    }
    // What phones send although section 25.1 does not allow it.
    for line in [
        "Record-Route: <sip:p.example.com;lr;>",
        "Record-Route: sip:p.example.com;lr",
        "Record-Route: <sip:p.example.com;lr>,",
    ] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        answer(
            &mut bench,
            &invite,
            "200 OK",
            &format!("{BOB}{SDP}{line}\n"),
            OFFER,
        );
        let ack = bench.next_request();
        assert_eq!(
            values(&ack, HeaderName::Route),
            ["<sip:p.example.com;lr>"],
            "{line}"
        );
        assert_eq!(ack.uri_bytes(), b"sip:bob@192.0.2.9", "a loose router");
        ack.validate_strict().unwrap();
    }
}

/// RFC 3261 13.2.2.4 and 15: a 2xx that no dialog can be made of is acknowledged and ended, and the call is over.
#[test]
fn fault_a6_a_2xx_without_a_usable_dialog_is_acknowledged_and_ended() {
    let cases = [
        ("", "no Contact"),
        ("Contact: *\n", "a star"),
        ("Contact: bob at home\n", "an unreadable Contact"),
        ("Contact: <sip:bob@192.0.2.9\n", "an unreadable Contact"),
        (
            "Contact: <sip:bob@192.0.2.9>\nRecord-Route: bob\n",
            "an unreadable route",
        ),
        (
            "Contact: <sip:bob@192.0.2.9>\nRecord-Route: <sip:p;lr\n",
            "an unreadable route",
        ),
    ];
    for (lines, case) in cases {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        answer(
            &mut bench,
            &invite,
            "200 OK",
            &format!("{lines}{SDP}"),
            OFFER,
        );
        assert_eq!(bench.next_request().method(), Method::Ack, "{case}");
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye, "{case}");
        assert_eq!(bye.to().unwrap().tag(), Some(&b"peer"[..]), "{case}");
        bench.reply(&bye, 200, &[]);
        assert_eq!(ended(&mut bench), Cause::Malformed, "{case}");
    }
}

/// RFC 3261 17.1.3: a response is found by Via and CSeq; From, To and Call-ID are those of the request.
#[test]
fn fault_a6_a_final_response_ends_the_call_whatever_else_it_says() {
    for (from, to) in [
        ("From: ", "From: \"Alice "),
        ("From: ", "X: "),
        ("Call-ID: ", "X: "),
        ("To: ", "To: \"Bob "),
        ("To: ", "X: "),
    ] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        let own = |name| value(&invite, name);
        let text = format!(
            "SIP/2.0 486 Busy Here\nVia: {}\nFrom: {}\nTo: {};tag=peer\nCall-ID: {}\nCSeq: {}\nContent-Length: 0\n\n",
            own(HeaderName::Via),
            own(HeaderName::From),
            own(HeaderName::To),
            own(HeaderName::CallId),
            own(HeaderName::CSeq),
        );
        bench.feed(&text.replacen(from, to, 1));
        let ack = bench.next_request();
        assert_eq!(ack.method(), Method::Ack, "{to}");
        bench.expect(|event| matches!(event, Event::Ended { .. }).then_some(()));
    }
}

/// RFC 3261 25.1: `?` belongs to a user part; 19.1.1: header fields and `method` do not belong to a Request-URI.
#[test]
fn fault_a13_a_question_mark_in_the_user_part_stays() {
    for (contact, target) in [
        ("<sip:conf?id=7@192.0.2.9>", "sip:conf?id=7@192.0.2.9"),
        (
            "<sip:a?b?c@192.0.2.9;x=y?Subject=z>",
            "sip:a?b?c@192.0.2.9;x=y",
        ),
        ("<sip:bob@192.0.2.9?Subject=z>", "sip:bob@192.0.2.9"),
        ("<sip:?@192.0.2.9>", "sip:?@192.0.2.9"),
        // A24: 19.1.5.
        ("<sip:bob@192.0.2.9;method=REFER>", "sip:bob@192.0.2.9"),
        (
            "<sip:bob@192.0.2.9;Method=REFER;lr>",
            "sip:bob@192.0.2.9;lr",
        ),
        // C11: 19.1.2.
        ("<sip:9901#1@192.0.2.9>", "sip:9901%231@192.0.2.9"),
        ("<sip:bob@192.0.2.9;ob;>", "sip:bob@192.0.2.9;ob"),
    ] {
        let mut bench = Bench::new(&alice());
        let (id, invite) = bench.call();
        answer(
            &mut bench,
            &invite,
            "200 OK",
            &format!("Contact: {contact}\n{SDP}"),
            OFFER,
        );
        let ack = bench.next_request();
        assert_eq!(String::from_utf8_lossy(ack.uri_bytes()), target);
        ack.validate_strict().unwrap();
        bench.hang_up(id);
        let bye = bench.next_request();
        assert_eq!(String::from_utf8_lossy(bye.uri_bytes()), target);
        bye.validate_strict().unwrap();
    }
}

/// RFC 3261 20.30 and 16.12.1.1: a route keeps its `lr` without brackets, too.
#[test]
fn fault_a17_a_route_without_brackets_keeps_lr() {
    for (line, expected) in [
        ("sip:p1.example.com;lr", vec!["<sip:p1.example.com;lr>"]),
        (
            "sip:u@p1.example.com:5070;transport=ws;lr",
            vec!["<sip:u@p1.example.com:5070;transport=ws;lr>"],
        ),
        (
            "sip:p1.example.com;lr, <sip:p2.example.com;lr>",
            vec!["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"],
        ),
        (
            "<sip:p1.example.com;lr>;x=y, sip:p2.example.com;lr=on",
            vec!["<sip:p2.example.com;lr=on>", "<sip:p1.example.com;lr>;x=y"],
        ),
    ] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        answer(
            &mut bench,
            &invite,
            "200 OK",
            &format!("{BOB}Record-Route: {line}\n{SDP}"),
            OFFER,
        );
        let ack = bench.next_request();
        assert_eq!(values(&ack, HeaderName::Route), expected, "{line}");
        assert_eq!(ack.uri_bytes(), b"sip:bob@192.0.2.9", "{line}");
    }
}

/// What the agent sends first.
fn first_request(config: &sip_core::config::ConfigBuilder, target: &str) -> Request {
    let mut bench = Bench::new(config);
    let options = InviteOptions::default();
    let id = bench.agent.invite(target, options, bench.now).unwrap();
    bench.pump();
    bench.describe(id, OFFER);
    bench.next_request()
}

/// RFC 3261 19.1.2 and 25.1: what comes from the application or the configuration is escaped before it is written.
#[test]
fn fault_c11_what_is_written_is_in_the_grammar() {
    for (target, uri) in [
        ("*72#", "sip:*72%23@example.com"),
        ("#31#123", "sip:%2331%23123@example.com"),
        ("sip:9901#1@192.0.2.1", "sip:9901%231@192.0.2.1"),
        ("sip:a%23b#@192.0.2.1;x=y;", "sip:a%23b%23@192.0.2.1;x=y"),
        ("sip:bob@example.com;x=1;x=2", "sip:bob@example.com;x=1"),
        ("sip:bob@example.com;method=BYE", "sip:bob@example.com"),
        ("sip:bob@example.com?Subject=a%20b", "sip:bob@example.com"),
    ] {
        let invite = first_request(&alice(), target);
        assert_eq!(String::from_utf8_lossy(invite.uri_bytes()), uri, "{target}");
        assert!(value(&invite, HeaderName::To).contains(uri), "{target}");
        invite.validate_strict().unwrap();
    }
    let account = alice().uri("sip:9901#1@192.0.2.1").clone();
    let invite = first_request(&account, "*72#");
    assert!(value(&invite, HeaderName::From).contains("<sip:9901%231@192.0.2.1>"));
    assert_eq!(invite.uri_bytes(), b"sip:*72%23@192.0.2.1");
    invite.validate_strict().unwrap();
}

/// What has no escaped form is refused, typed.
#[test]
fn fault_c11_what_cannot_be_written_is_refused() {
    let mut bench = Bench::new(&alice());
    for target in [
        "sip:bob@my_host",
        "sip:bob@example..com",
        "sip:bob@-a.example.com",
        "sip:bob@h;ttl=999",
    ] {
        let now = bench.now;
        let refused = bench.agent.invite(target, InviteOptions::default(), now);
        assert!(
            matches!(refused, Err(sip_core::CommandError::Target(_))),
            "{target}"
        );
        let refused = bench.agent.request(Method::Message, target, None, &[], now);
        assert!(
            matches!(refused, Err(sip_core::CommandError::Target(_))),
            "{target}"
        );
    }
    assert!(alice().uri("sip:alice@my_host").build().is_err());
}

/// RFC 3261 19.1.5: the header fields of a URI go into the request, except those that could forge it.
#[test]
fn fault_a24_header_fields_of_a_target_go_into_the_request() {
    let invite = first_request(
        &alice(),
        "sip:bob@example.com?Subject=a%20b&Priority=urgent&From=%3Csip:eve%40h%3E&Route=%3Csip:eve%3E&Call-ID=1&X-Y=z&body=q&Via=x&Contact=sip:eve&Authorization=x",
    );
    assert_eq!(value(&invite, HeaderName::Subject), "a b");
    assert_eq!(value(&invite, HeaderName::Priority), "urgent");
    assert_eq!(value(&invite, HeaderName::Other(b"X-Y")), "z");
    assert!(!String::from_utf8_lossy(invite.bytes()).contains("eve"));
    for name in [HeaderName::Route, HeaderName::Authorization] {
        assert!(!invite.has(name));
    }
    assert_eq!(invite.body(), OFFER.as_bytes());
}

/// RFC 3261 18.3 and 20.15: line ends behind the head are no body.
#[test]
fn fault_d8_line_ends_behind_the_head_are_no_body() {
    for (number, extra) in ["\r\n", "\n", "\r\n\r\n", ""].into_iter().enumerate() {
        let mut bench = Bench::new(&alice());
        let user = bench.contact_user();
        let head = format!(
            "INVITE sip:{user}@x.invalid SIP/2.0\r\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\nTo: <sip:alice@example.com>\r\n\
             Call-ID: d8{number}\r\nCSeq: 7 INVITE\r\nContact: <sip:bob@192.0.2.9>\r\n\r\n{extra}"
        );
        bench.feed_bytes(head.into_bytes());
        bench.expect(|event| matches!(event, Event::IncomingCall { .. }).then_some(()));
    }
}

/// All messages that the agent sends in a call are exactly in the grammar, whatever the peer sends.
#[test]
fn fault_c11_a_response_is_in_the_grammar_whatever_the_request_is() {
    let mut bench = Bench::new(&alice());
    for (number, to) in [
        "To: <sip:alice@example.com>;",
        "To: <sip:alice@example.com;x;>",
        "To: <sip:alice@example.com> ; ",
    ]
    .into_iter()
    .enumerate()
    {
        let user = bench.contact_user();
        bench.feed(&format!(
            "OPTIONS sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKto{number}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\n{to}\nCall-ID: to{number}\nCSeq: 7 OPTIONS\n\
             Content-Length: 0\n\n"
        ));
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), 200);
        let again =
            Message::parse(response.bytes().clone(), &sip_parse::Limits::default()).unwrap();
        assert!(
            again.to().unwrap().tag().is_some(),
            "{to}: {}",
            value(&again, HeaderName::To)
        );
    }
}

/// RFC 3261 13.2.2.4 and 14.1: the same for the 2xx to a re-INVITE, and for fields that occur twice or are long.
#[test]
fn fault_a6_a_2xx_to_a_reinvite_is_acknowledged_whatever_it_does_not_need() {
    let more = [
        "From: <sip:x@y>;tag=2",
        "To: <sip:x@y>;tag=2",
        "Require: x",
        "Require: ][",
        "Record-Route: bob",
        "Record-Route: <sip:p;lr",
        "Content-Type: ][",
        "instead: To: \"Bob ",
        "instead: From: \"Alice ",
    ];
    let long = format!("X-Long: {}", "a".repeat(8_000));
    let more = more.map(str::to_owned).into_iter().chain([long]);
    for line in lines()
        .filter(|line| !line.starts_with("Content-"))
        .chain(more)
    {
        let mut bench = Bench::new(&alice());
        let (id, _) = bench.established_call();
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let invite = bench.next_request();
        let text = sip_testing::response(&invite, 200, "bobtag", &[], Some(OFFER));
        let text = String::from_utf8(text.to_vec()).unwrap();
        let line = line.replace('\n', "\r\n");
        let text = match line.strip_prefix("instead: ") {
            Some(broken) => text.replacen(broken.split('"').next().unwrap(), broken, 1),
            None => text.replacen("Content-Length", &format!("{line}\r\nContent-Length"), 1),
        };
        bench.feed_bytes(text);
        assert_eq!(bench.next_request().method(), Method::Ack, "{line:.80}");
        if !line.starts_with("Content-Type") {
            bench.renegotiated(id);
        }
        assert!(
            matches!(bench.agent.session(id), Ok(Session::Established(_))),
            "{line:.80}"
        );
    }
}

/// RFC 3261 13.2.2.1: the core reports a provisional response with faults in fields that it does not need, and the call comes up.
#[test]
fn fault_a6_a_18x_is_told_whatever_else_it_says() {
    let more = [
        "Contact: *",
        "Contact: bob at home",
        "Record-Route: bob",
        "Require: ][",
        "Content-Type: ][",
    ];
    for line in lines().chain(more.map(str::to_owned)) {
        for status in ["180 Ringing", "183 Session Progress", "199 Gone"] {
            let mut bench = Bench::new(&alice());
            let (_, invite) = bench.call();
            answer(&mut bench, &invite, status, &format!("{line}\n"), "");
            bench.expect(|event| matches!(event, Event::Progress { .. }).then_some(()));
            answer(&mut bench, &invite, "200 OK", &format!("{BOB}{SDP}"), OFFER);
            assert_eq!(bench.next_request().method(), Method::Ack, "{line:?}");
            bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
        }
    }
}

/// RFC 3261 13.2.2.4: a 2xx is acknowledged whatever the fields of the dialog look like: no To tag, a tag that occurs twice,
/// a second From, To or Call-ID, a Require with an unknown option tag, a body whose type cannot be read. A call that does not come up is
/// ended, and the caller hears of either.
#[test]
fn fault_a6_a_2xx_is_acknowledged_whatever_its_dialog_looks_like() {
    let cancelled = |cancel: bool, change: &dyn Fn(&str) -> String| {
        let mut bench = Bench::new(&alice());
        let (id, invite) = bench.call();
        if cancel {
            bench.reply_tagged(&invite, 180, "peer", &[], None);
            bench.expect(|event| matches!(event, Event::Progress { .. }).then_some(()));
            bench.hang_up(id);
            let cancel = bench.next_request();
            assert_eq!(cancel.method(), Method::Cancel);
            bench.reply(&cancel, 200, &[]);
        }
        let contact = [("Contact", "<sip:bob@192.0.2.9>")];
        let text = sip_testing::response(&invite, 200, "peer", &contact, Some(OFFER));
        let text = change(core::str::from_utf8(&text).unwrap());
        bench.feed_bytes(text.clone());
        assert_eq!(bench.next_request().method(), Method::Ack, "{text}");
        let up = matches!(bench.agent.session(id), Ok(Session::Established(_)));
        if !up {
            let bye = bench.next_request();
            assert_eq!(bye.method(), Method::Bye, "{text}");
            bench.reply(&bye, 200, &[]);
            ended(&mut bench);
        }
        assert!(!(up && cancel), "{text}");
        // Its repetition gets the ACK alone, whatever became of the call.
        bench.feed_bytes(text.clone());
        assert_eq!(bench.next_request().method(), Method::Ack, "{text}");
        bench.silence();
    };
    let line = |more: &'static str| {
        move |text: &str| text.replacen("Content-Length", &format!("{more}\r\nContent-Length"), 1)
    };
    let swap = |from: &'static str, to: &'static str| move |text: &str| text.replacen(from, to, 1);
    let changes: [&dyn Fn(&str) -> String; 14] = [
        &swap(";tag=peer", ""),
        &swap(";tag=peer", ";tag=peer;tag=other"),
        &swap(";tag=peer", ";tag=[3"),
        &swap(";tag=peer", ";tag"),
        &swap("To: ", "To: \"Bob "),
        &swap("From: ", "From: \"Alice "),
        &line("From: <sip:x@y>;tag=2"),
        &line("To: <sip:x@y>;tag=2"),
        &line("Call-ID: x"),
        &line("Require: x"),
        &line("Require: ]["),
        &swap("application/sdp", "]["),
        &swap("Contact: ", "Contact: <sip:a@h>, "),
        &line("Record-Route: *"),
    ];
    for change in changes {
        cancelled(false, change);
        cancelled(true, change);
    }
}

/// RFC 3261 13.2.2.4, 17.1.1.3: a final response to an INVITE over a limit of the reader is acknowledged. A 2xx is ended, because its
/// description is not read; a failure ends the call with its status.
#[test]
fn fault_a6_a_2xx_over_a_limit_is_acknowledged_and_ended() {
    let long = format!("Subject: {}\n", "x".repeat(9_000));
    let many = "X-Y: z\n".repeat(300);
    let large = "a=b\r\n".repeat(20_000);
    for (lines, body) in [(&*long, OFFER), (&many, OFFER), ("", &large)] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        let lines = format!("{BOB}{SDP}{lines}");
        answer(&mut bench, &invite, "200 OK", &lines, body);
        let ack = bench.next_request();
        assert_eq!(ack.method(), Method::Ack);
        assert_eq!(ack.uri_bytes(), b"sip:bob@192.0.2.9");
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        bench.reply(&bye, 200, &[]);
        assert_eq!(ended(&mut bench), Cause::BadDescription);

        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        answer(&mut bench, &invite, "486 Busy Here", &lines, body);
        assert_eq!(bench.next_request().method(), Method::Ack);
        let status = bench.expect(|event| match event {
            Event::Ended { reason, .. } => Some(reason.status),
            _ => None,
        });
        assert_eq!(status.map(|status| status.as_u16()), Some(486));
    }
}
