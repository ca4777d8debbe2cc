//! `sip parse`: explanations, errors, and the verdict of a user agent.

mod common;

use std::path::PathBuf;

use common::{Run, run};
use serde_json::Value;

const INVITE: &str = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n\
Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks\r\n\
Max-Forwards: 70\r\n\
From: \"Alice\" <sip:alice@atlanta.example.com>;tag=asdyka899\r\n\
To: <sip:bob@biloxi.example.com>\r\n\
Call-ID: asidkj3ss\r\n\
CSeq: 1 INVITE\r\n\
Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>\r\n\
Supported: path, outbound\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 5\r\n\r\nv=0\r\n";

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn parse(name: &str, text: &str, flags: &[&str]) -> Run {
    let path = file(name, text);
    run(&[&["parse"][..], flags, &[path.to_str().unwrap()]].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(run.out.trim_end()).unwrap_or_else(|error| panic!("{}: {error}", run.out))
}

#[test]
fn a_request_is_explained() {
    let run = parse("invite.sip", INVITE, &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    for words in [
        "request INVITE",
        "sip:bob@biloxi.example.com (user bob, host biloxi.example.com)",
        "transport WS, host df7jal23ls0d.invalid, branch z9hG4bK56sdasks",
        "display Alice, sip:alice@atlanta.example.com (user alice, host atlanta.example.com), tag asdyka899",
        "number 1, method INVITE",
        "path",
        "| v=0",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
}

#[test]
fn a_request_is_explained_in_json() {
    let run = parse("invite-json.sip", INVITE, &["--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let object = json(&run);
    assert_eq!(object["method"], "INVITE");
    assert_eq!(object["request_uri"]["user"], "bob");
    assert_eq!(
        object["headers"][0]["typed"]["params"]["branch"],
        "z9hG4bK56sdasks"
    );
    assert_eq!(object["headers"][5]["typed"]["number"], 1);
    assert_eq!(
        object["headers"][7]["typed"],
        serde_json::json!(["path", "outbound"])
    );
    assert_eq!(object["body"]["text"], "v=0\r\n");
}

/// RFC 3261 section 20.16: the CSeq method is that of the request.
#[test]
fn rfc3261_20_16_an_error_has_its_byte_offset() {
    let text = INVITE.replace("CSeq: 1 INVITE", "CSeq: x INVITE");
    let offset = text.find("x INVITE").unwrap();
    let run = parse("bad.sip", &text, &[]);
    assert_eq!(run.code, 1);
    assert!(
        run.out.contains(&format!("CSeq at byte {offset}:")),
        "{}",
        run.out
    );
    let run = parse("bad-json.sip", &text, &["--json"]);
    assert_eq!(run.code, 1);
    assert_eq!(json(&run)["offset"], offset);
    assert_eq!(json(&run)["header"], "CSeq");
}

#[test]
fn every_file_is_looked_at() {
    let good = file("good.sip", INVITE);
    let bad = file("worse.sip", "hello\r\n\r\n");
    let run = run(&["parse", bad.to_str().unwrap(), good.to_str().unwrap()]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("worse.sip: at byte 5"), "{}", run.out);
    assert!(run.out.contains("request INVITE"), "{}", run.out);
    let run = common::run(&["parse", "/nowhere.sip"]);
    assert_eq!(run.code, 2);
}

fn request(method: &str, headers: &str) -> String {
    format!(
        "{method} sip:bob@biloxi.example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@atlanta.example.com>;tag=asdyka899\r\n\
         To: <sip:bob@biloxi.example.com>\r\n\
         Call-ID: asidkj3ss\r\n\
         CSeq: 1 {method}\r\n\
         {headers}\r\n"
    )
}

#[test]
fn the_verdict_is_that_of_a_user_agent() {
    let response = "SIP/2.0 200 OK\r\n\
        Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks\r\n\
        From: <sip:alice@atlanta.example.com>;tag=asdyka899\r\n\
        To: <sip:bob@biloxi.example.com>;tag=1\r\n\
        Call-ID: asidkj3ss\r\n\
        CSeq: 1 OPTIONS\r\n\r\n"
        .to_owned();
    for (name, text, verdict, status) in [
        // RFC 3261 section 13.3: a call is the application's.
        ("call.sip", INVITE.to_owned(), "accept", None),
        (
            "text.sip",
            request("MESSAGE", "Content-Type: text/plain\r\n"),
            "accept",
            None,
        ),
        // RFC 3261 section 11.2.
        ("options.sip", request("OPTIONS", ""), "answer", Some(200)),
        // RFC 3261 section 8.2.2.3.
        (
            "require.sip",
            request("OPTIONS", "Require: nothing-we-know\r\n"),
            "answer",
            Some(420),
        ),
        // RFC 3261 section 15.1.2: no dialog.
        ("bye.sip", request("BYE", ""), "answer", Some(481)),
        // RFC 3261 section 21.4.6 or 21.5.2.
        (
            "twice.sip",
            request("OPTIONS", "CSeq: 1 OPTIONS\r\n"),
            "answer",
            Some(400),
        ),
        // RFC 3261 section 21.5.6.
        (
            "version.sip",
            request("OPTIONS", "").replacen("SIP/2.0", "SIP/7.0", 1),
            "answer",
            Some(505),
        ),
        // RFC 3261 section 17.1.1.3: an ACK gets no response.
        ("ack.sip", request("ACK", ""), "drop", None),
        // RFC 3261 section 18.1.2: no transaction waits for it.
        ("response.sip", response, "drop", None),
        ("noise.sip", "hello\r\n\r\n".to_owned(), "drop", None),
    ] {
        let run = parse(name, &text, &["--answer"]);
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        let object = json(&run);
        assert_eq!(object["verdict"], verdict, "{name}: {object}");
        assert!(object["file"].as_str().unwrap().ends_with(name));
        match status {
            Some(status) => assert_eq!(object["status"], status, "{name}: {object}"),
            None => assert!(object.get("status").is_none(), "{name}: {object}"),
        }
        assert_eq!(
            object.get("reason").is_some(),
            verdict != "accept",
            "{name}: {object}"
        );
    }
}

/// RFC 3261 section 7.5: empty lines before a message are ignored; places are those of the file.
#[test]
fn fault_d9_places_count_the_lines_in_front_of_a_message() {
    let text = format!(
        "\r\n\r\n{}",
        INVITE.replace("CSeq: 1 INVITE", "CSeq: x INVITE")
    );
    let offset = text.find("x INVITE").unwrap();
    let object = json(&parse("front.sip", &text, &["--json"]));
    assert_eq!(object["offset"], offset);
    assert_eq!(object["faults"][0]["line"], 9);
    assert_eq!(object["faults"][0]["column"], 7);
    assert_eq!(object["warnings"][0]["rule"], "RFC 3261 section 7.5");
}

/// RFC 3261 section 18.3: what is behind the body does not belong to the message.
#[test]
fn fault_d9_bytes_behind_the_body_are_named_and_not_counted() {
    let text = format!("{INVITE}more");
    let run = parse("behind.sip", &text, &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    let length = INVITE.len();
    assert!(
        run.out.contains(&format!("request INVITE, {length} bytes")),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("warning: at byte") && run.out.contains("4 bytes behind the end"),
        "{}",
        run.out
    );
}

/// A parameter with the name of a part stays a parameter: the digest's `uri` is no URI of ours.
#[test]
fn fault_d9_a_parameter_is_not_taken_for_a_part() {
    let authorization = "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", \
                         host=\"y\", scheme=\"z\", response=\"1\"\r\nContact: <sip:a@h;host=other;user=phone>\r\n";
    let text = request("OPTIONS", authorization);
    let run = parse("collide.sip", &text, &[]);
    for words in [
        "scheme Digest, username a, realm r, nonce n, uri sip:x, host y, ;scheme=z, response 1",
        "(user a, host h, ;host=other, ;user=phone)",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    let object = json(&parse("collide-json.sip", &text, &["--json"]));
    let typed = &object["headers"][6]["typed"];
    assert_eq!(typed["scheme"], "Digest");
    assert_eq!(typed["params"]["scheme"], "z");
    assert_eq!(object["headers"][7]["typed"]["uri"]["host"], "h");
    assert_eq!(
        object["headers"][7]["typed"]["uri"]["params"]["host"],
        "other"
    );
}

#[test]
fn every_fault_has_its_place_its_rule_and_what_would_be_right() {
    let text = INVITE
        .replace("CSeq: 1 INVITE\r\n", "CSeq: x INVITE\r\nno header\r\n")
        .replace("Content-Length: 5", "Content-Length: 50");
    let run = parse("faults.sip", &text, &[]);
    assert_eq!(run.code, 1);
    for words in [
        "\n  7 | CSeq: x INVITE\n    |       ^\n  rule: RFC 3261 section 20.16\n  right: CSeq: 1 INVITE",
        "\n  8 | no header\n    |    ^\n  rule: RFC 3261 section 7.3.1\n  right: Name: value",
        "rule: RFC 3261 section 18.3\n  right: Content-Length: 5",
        // The rest is shown all the same.
        "display Alice, sip:alice@atlanta.example.com",
        "(unreadable)          no header",
        "| v=0",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    let object = json(&parse("faults-json.sip", &text, &["--json"]));
    assert_eq!(object["faults"].as_array().unwrap().len(), 3);
    assert_eq!(object["faults"][1]["excerpt"], "no header");
    assert_eq!(object["faults"][0]["right"], "CSeq: 1 INVITE");
}

#[test]
fn an_unreadable_start_line_does_not_hide_the_rest() {
    let text = INVITE.replace(
        "INVITE sip:bob@biloxi.example.com SIP/2.0",
        "INVITE sip:bob@biloxi.example.com SIP/2",
    );
    let run = parse("start.sip", &text, &[]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("start.sip: at byte "), "{}", run.out);
    assert!(run.out.contains("start line unreadable"), "{}", run.out);
    assert!(run.out.contains("display Alice"), "{}", run.out);
    // The replacement has another method; that is no fault of the message.
    assert!(
        !run.out.contains("differs from the request method"),
        "{}",
        run.out
    );
}

/// RFC 3261 section 25: what a lenient receiver lets pass is a warning, and a fault with `--strict`.
#[test]
fn what_lenient_reading_lets_pass_is_a_warning() {
    for (name, text, words) in [
        (
            "lf",
            INVITE
                .replace("\r\n", "\n")
                .replace("Length: 5", "Length: 4"),
            "lines end in LF without CR",
        ),
        (
            "forwards",
            INVITE.replace("Max-Forwards: 70\r\n", ""),
            "Max-Forwards at byte",
        ),
        (
            "tags",
            INVITE.replace("tag=asdyka899", "tag=asdyka899;tag=2"),
            "From at byte",
        ),
        (
            "date",
            INVITE.replace(
                "Supported",
                "Date: Mon, 13 Nov 2010 23:29:00 GMT\r\nSupported",
            ),
            "right: Date: Sat, 13 Nov 2010 23:29:00 GMT",
        ),
    ] {
        let file = format!("{name}-warning.sip");
        let run = parse(&file, &text, &[]);
        assert_eq!(run.code, 0, "{name}: {} {}", run.out, run.err);
        assert!(run.out.contains("warning: "), "{name}: {}", run.out);
        assert!(run.out.contains(words), "{name}: {}", run.out);
        let run = parse(&file, &text, &["--strict"]);
        assert_eq!(run.code, 1, "{name}: {}", run.out);
        assert!(run.out.contains(words), "{name}: {}", run.out);
        assert!(!run.out.contains("warning: "), "{name}: {}", run.out);
    }
}

#[test]
fn the_answer_is_shown_whole() {
    let text = request("OPTIONS", "Require: nothing-we-know\r\n");
    let object = json(&parse("whole-answer.sip", &text, &["--answer"]));
    let response = object["response"].as_str().unwrap();
    assert!(response.starts_with("SIP/2.0 420 "), "{response}");
    assert!(
        response.contains("\r\nUnsupported: nothing-we-know\r\n"),
        "{response}"
    );
    assert!(response.ends_with("\r\n\r\n"), "{response}");
}

#[test]
fn addresses_and_texts_are_broken_out() {
    let text = request(
        "OPTIONS",
        "Contact: <sip:bob:secret@h.example.com:5070;lr?Subject=hello>\r\n\
         Reply-To: <tel:+1-201-555-0123;phone-context=example.com>\r\n\
         Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n\
         Warning: 307 isi.edu \"Session parameter 'foo' not understood\"\r\n\
         Privacy: id;user\r\n\
         Identity: eyJhbGci.eyJvcmln.c2lnbmF0dXJl;info=<https://example.org/c.cer>;alg=ES256\r\n",
    );
    let run = parse("broken-out.sip", &text, &[]);
    assert_eq!(run.code, 0, "{} {}", run.out, run.err);
    for words in [
        "(user bob, password secret, host h.example.com, port 5070, lr, headers Subject hello)",
        "(number +1-201-555-0123, phone-context example.com)",
        "date Sat, 13 Nov 2010 23:29:00 GMT, unix_seconds 1289690940",
        "code 307, agent isi.edu, text Session parameter 'foo' not understood",
        "id, user",
        "digest eyJhbGci.eyJvcmln.c2lnbmF0dXJl, info https://example.org/c.cer, alg ES256",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
}

/// RFC 3261 7.3.1 and 19.1.1: of several parameters of one name the first counts, in the parser, in JSON and in words.
#[test]
fn fault_d2_the_first_of_repeated_parameters_is_shown() {
    let text = INVITE
        .replace(";tag=asdyka899", ";tag=one;Tag=two;tag=three")
        .replace(
            ";branch=z9hG4bK56sdasks",
            ";branch=z9hG4bKone;branch=z9hG4bKtwo",
        )
        .replace(";transport=ws>", ";transport=ws;transport=tcp>");
    let run = parse("repeated.sip", &text, &["--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let shown = json(&run).to_string();
    let words = parse("repeated-words.sip", &text, &[]).out;
    for (first, others) in [
        ("one", ["two", "three"]),
        ("z9hG4bKone", ["z9hG4bKtwo", "z9hG4bKtwo"]),
    ] {
        for out in [&shown, &words] {
            // The value of the whole row and the URI are shown as received.
            let typed = out
                .replace("one;Tag=two;tag=three", "")
                .replace("z9hG4bKone;branch=z9hG4bKtwo", "");
            assert!(typed.contains(first), "{typed}");
            for other in others {
                assert!(
                    !typed.contains(&format!("\"{other}\""))
                        && !typed.contains(&format!("tag {other}")),
                    "{typed}"
                );
            }
        }
    }
}

/// A file whose first line has no end, such as binary data or a text with CR alone, has its faults shown, each once.
#[test]
fn fault_d9_a_file_without_a_line_feed_has_an_end() {
    let start = INVITE.split("\r\n").next().unwrap();
    let long = format!("INVITE sip:{} SIP/2.0\r\n\r\n", "a".repeat(200_000));
    let wide: String = INVITE.chars().flat_map(|each| [each, '\0']).collect();
    for (name, text) in [
        ("nul", "\0".repeat(100)),
        ("start-alone", start.to_owned()),
        ("cr-alone", INVITE.replace("\r\n", "\r")),
        ("long-uri", long),
        ("wide", wide),
        (
            "cr-in-a-line",
            INVITE.replacen("Forwards: 70", "Forwards: 70\rX: y", 1),
        ),
    ] {
        let run = parse(&format!("{name}.sip"), &text, &["--json"]);
        assert_eq!(run.code, 1, "{name}");
        let object = json(&run);
        let faults = object["faults"].as_array().unwrap();
        assert!(!faults.is_empty(), "{name}");
        for (at, fault) in faults.iter().enumerate() {
            assert!(!faults[..at].contains(fault), "{name}: {fault}");
        }
    }
    let text = INVITE.replacen("Forwards: 70", "Forwards: 70\rX: y", 1);
    let run = parse("cr-in-a-line.sip", &text, &[]);
    assert!(
        run.out.contains("number 1, method INVITE"),
        "the other lines are read: {}",
        run.out
    );
}
