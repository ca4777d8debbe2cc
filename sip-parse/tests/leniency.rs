//! `docs/leniency.md` against the parser: each row's example is accepted leniently and refused strictly, and no row is
//! missing on either side.

use sip_parse::{Bytes, Limits, Message, Reading, Role};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/leniency.md"));
const TESTS: &str = concat!(
    include_str!("leniency.rs"),
    include_str!("faults.rs"),
    include_str!("faults/strict.rs"),
    include_str!("requirements.rs"),
    include_str!("torture.rs"),
    include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../sip-core/tests/faults/leniency.rs"
    )),
    include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../sip-core/tests/faults/bodies.rs"
    )),
);

/// Where the example of a row goes.
#[derive(Clone, Copy)]
enum Place {
    /// In the place of the header line of that name in a request of this method; a new line when there is none.
    Line(&'static str),
    /// In the place of the start line.
    Start,
    /// The whole message follows from the base by this.
    Whole(fn(&str) -> String),
}
use Place::{Line, Start, Whole};

/// The rows of the page: what, and the example as the page writes it. `\xff` is one byte.
const ROWS: &[(&str, &str, Place)] = &[
    (
        "a malformed field that the message does not need",
        "Date: yesterday",
        Line("OPTIONS"),
    ),
    (
        "a repeated field that the message does not need",
        "Subject: a\\r\\nSubject: b",
        Line("OPTIONS"),
    ),
    (
        "a response without readable From, To or Call-ID",
        "From: bob at home",
        Whole(|base| {
            base.replacen("OPTIONS sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK", 1)
                .replacen(
                    "From: <sip:alice@example.com>;tag=1",
                    "From: bob at home",
                    1,
                )
        }),
    ),
    (
        "a request without Max-Forwards",
        "(no Max-Forwards)",
        Whole(|base| base.replacen("Max-Forwards: 70\r\n", "", 1)),
    ),
    (
        "a body without Content-Type",
        "(no Content-Type)",
        Whole(|base| base.replacen("\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nbody", 1)),
    ),
    (
        "line ends behind the head",
        "\\r\\n\\r\\n\\r\\n",
        Whole(|base| format!("{base}\r\n")),
    ),
    (
        "a line that ends in LF alone",
        "Max-Forwards: 70\\n",
        Whole(|base| base.replacen("70\r\n", "70\n", 1)),
    ),
    (
        "a datagram without its blank line",
        "(no blank line)",
        Whole(|base| base.trim_end().to_owned() + "\r\n"),
    ),
    (
        "a status line without a space behind the code",
        "SIP/2.0 180",
        Start,
    ),
    (
        "a reason phrase with other characters",
        "SIP/2.0 200 \"OK\"",
        Start,
    ),
    (
        "a Request-URI with header fields",
        "OPTIONS sip:bob@example.com?Subject=a SIP/2.0",
        Start,
    ),
    (
        "two equal Content-Length fields",
        "Content-Length: 0\\r\\nContent-Length: 0",
        Line("OPTIONS"),
    ),
    ("an empty list", "Require:", Line("OPTIONS")),
    ("empty list elements", "Require: timer,,", Line("OPTIONS")),
    (
        "a `;` behind the last URI parameter",
        "To: <sip:bob@example.com;x=y;>",
        Line("OPTIONS"),
    ),
    (
        "a `;` behind the last header parameter",
        "To: <sip:bob@example.com>;x=y;",
        Line("OPTIONS"),
    ),
    (
        "a repeated URI parameter",
        "To: <sip:bob@example.com;x=1;x=2>",
        Line("OPTIONS"),
    ),
    (
        "a repeated header parameter",
        "From: <sip:alice@example.com>;tag=1;tag=2",
        Line("OPTIONS"),
    ),
    (
        "a route without angle brackets",
        "Record-Route: sip:p1.example.com;lr",
        Line("INVITE"),
    ),
    ("`_` in a host", "To: <sip:bob@my_host>", Line("OPTIONS")),
    (
        "labels of a host in any form",
        "To: <sip:bob@example..com>",
        Line("OPTIONS"),
    ),
    (
        "three colons in an IPv6 reference",
        "To: <sip:bob@[2001:db8:::192.0.2.1]>",
        Line("OPTIONS"),
    ),
    (
        "`#` in a user part",
        "To: <sip:*97#@example.com>",
        Line("OPTIONS"),
    ),
    (
        "`#` `[` `]` in a URI of another scheme",
        "To: <http://example.com/#a>",
        Line("OPTIONS"),
    ),
    (
        "a known URI parameter in another form",
        "To: <sip:bob@example.com;ttl=999>",
        Line("OPTIONS"),
    ),
    (
        "a known header parameter in another form",
        "To: <sip:bob@example.com>;tag=[3",
        Line("OPTIONS"),
    ),
    (
        "`/ @ = & $ ?` in an unquoted parameter value",
        "To: <sip:bob@example.com>;x=a/b",
        Line("OPTIONS"),
    ),
    (
        "a media type parameter without a value",
        "Content-Type: text/plain;charset",
        Line("MESSAGE"),
    ),
    (
        "`expires` or `q` of a Contact in another form",
        "Contact: <sip:bob@example.com>;expires=soon",
        Line("REGISTER"),
    ),
    (
        "bytes above 127 in an unquoted display name",
        "To: Am\u{e9}lie <sip:bob@example.com>",
        Line("OPTIONS"),
    ),
    (
        "a backslash in front of a byte above 127",
        "To: \"Am\\\u{e9}lie\" <sip:bob@example.com>",
        Line("OPTIONS"),
    ),
    (
        "text that is not UTF-8",
        "To: \"\\xff\" <sip:bob@example.com>",
        Line("OPTIONS"),
    ),
    (
        "an empty part of an event package",
        "Event: presence..winfo",
        Line("SUBSCRIBE"),
    ),
];

/// A request that strict reading accepts.
fn base(method: &str) -> String {
    let more = match method {
        "MESSAGE" => "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody",
        "SUBSCRIBE" => "Contact: <sip:alice@example.com>\r\nEvent: presence\r\n\r\n",
        "REGISTER" | "INVITE" => "Contact: <sip:alice@example.com>\r\n\r\n",
        _ => "\r\n",
    };
    format!(
        "{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a.example.com;branch=z9hG4bK1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@a\r\n\
         CSeq: 1 {method}\r\n{more}"
    )
}

fn parse(text: &str) -> Message {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\xff") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        bytes.push(0xFF);
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Message::parse(Bytes::from(bytes), &Limits::default())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The message of a row.
fn message(example: &str, place: Place) -> Message {
    let plain = example.replace("\\r\\n", "\r\n");
    let text = match place {
        Whole(change) => change(&base("OPTIONS")),
        Start => {
            let base = base("OPTIONS");
            let (_, rest) = base.split_once("\r\n").unwrap();
            format!("{plain}\r\n{rest}")
        }
        Line(method) => {
            let (name, _) = plain.split_once(':').unwrap();
            let base = base(method);
            let (head, body) = base.split_once("\r\n\r\n").unwrap();
            let own = format!("{name}:");
            let mut lines: Vec<&str> = head.split("\r\n").collect();
            match lines.iter().position(|line| line.starts_with(&own)) {
                Some(row) => lines[row] = &plain,
                None => lines.push(&plain),
            }
            format!("{}\r\n\r\n{body}", lines.join("\r\n"))
        }
    };
    parse(&text)
}

/// The rows of the table on the page whose first line begins so: the cells.
fn page(first: &str) -> Vec<Vec<&'static str>> {
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(first));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let row = row.trim_start_matches("| ").trim_end_matches(" |");
        row.split(" | ").map(str::trim).collect()
    })
    .collect()
}

#[test]
fn strict_reading_accepts_the_base() {
    for method in ["OPTIONS", "MESSAGE", "SUBSCRIBE", "REGISTER", "INVITE"] {
        parse(&base(method)).validate_strict().unwrap();
    }
}

/// Each leniency is one: lenient reading accepts the example in both roles, strict reading refuses it, for the example.
#[test]
fn each_leniency_is_accepted_leniently_and_refused_strictly() {
    for (what, example, place) in ROWS {
        let message = message(example, *place);
        for role in [Role::UserAgent, Role::Proxy] {
            message
                .validate_for(role)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(message.faults(Reading::Lenient(role)).count(), 0, "{what}");
        }
        let faults: Vec<_> = message.faults(Reading::Strict).collect();
        assert_eq!(message.validate_strict(), Err(faults[0]), "{what}");
        assert_eq!(faults.len(), 1, "{what}: {faults:?}");
    }
}

#[test]
fn the_page_lists_every_leniency() {
    let page = page("| what");
    assert_eq!(page.len(), ROWS.len());
    for (row, (what, example, _)) in page.iter().zip(ROWS) {
        assert_eq!(row.len(), 4, "{row:?}");
        assert_eq!(row[0], *what);
        assert_eq!(row[1].trim_matches('`').trim(), *example, "{what}");
        assert!(row[2].len() > 20, "{what} has no reason");
        for test in row[3].split(", ") {
            let name = test.trim_matches('`');
            assert!(
                TESTS.contains(&format!("fn {name}(")),
                "{what}: no test {name}"
            );
        }
    }
}

/// RFC 5621 and RFC 2046 5.1.1: each example of a body is read leniently: the description is found, and the request is
/// refused in the last row only, where a response is not.
#[test]
fn the_page_lists_the_leniencies_of_bodies() {
    let page = page("| in a body");
    assert_eq!(page.len(), 6);
    for (at, row) in page.iter().enumerate() {
        assert_eq!(row.len(), 4, "{row:?}");
        let body = row[1].trim_matches('`').replace("\\r", "\r");
        let body = body.replace("\\n", "\n");
        let head = base("OPTIONS").replace(
            "\r\n\r\n",
            "\r\nContent-Type: multipart/mixed;boundary=m\r\n\r\n",
        );
        let message = parse(&(head + &body));
        let parts = message.parts().unwrap();
        let selection = parts.select(sip_parse::Part::is_session_description);
        let used: Vec<_> = selection.used().map(|part| part.body).collect();
        assert_eq!(used, [b"v=0"], "{}", row[0]);
        assert_eq!(selection.refused().is_some(), at == 5, "{}", row[0]);
        assert!(row[2].len() > 20, "{} has no reason", row[0]);
        let test = format!("fn {}(", row[3].trim_matches('`'));
        assert!(TESTS.contains(&test), "{}: no test", row[0]);
    }
}

/// The table of what a message needs is the same on the page and in the code, whose test is
/// `fault_d1_only_needed_fields_refuse_a_message`.
#[test]
fn the_page_lists_what_a_message_needs() {
    let rows = |text: &'static str, prefix: &'static str| -> Vec<&'static str> {
        let rows = text
            .lines()
            .filter_map(move |line| line.strip_prefix(prefix));
        let rows = rows.skip_while(|row| !row.starts_with("| message |"));
        rows.take_while(|row| row.starts_with('|')).collect()
    };
    let code = rows(include_str!("../src/needs.rs"), "/// ");
    assert!(code.len() > 10);
    assert_eq!(rows(PAGE, ""), code);
}
