//! One run over one message for a counter of instructions: `linear SHAPE BYTES frame|walk|none`.
//!
//! The message is nothing but commas, folds, parameters, parentheses, quotes or semicolons, with limits
//! raised so that it is taken. `none` builds the message and does nothing with it: what the other two cost is
//! the difference.

use std::hint::black_box;
use std::process::ExitCode;

use sip_benches::walk::walk;
use sip_parse::{Bytes, Framer, Limits, Message};

/// The shapes, each with the header field that is filled, what opens it, what is repeated and what closes it.
const SHAPES: [(&str, &str, &str, &str, &str); 16] = [
    ("commas", "Supported", "a", ",", "b"),
    ("commas-contact", "Contact", "<sip:a@b>", ",<sip:a@b>", ""),
    (
        "commas-via",
        "Via",
        "SIP/2.0/UDP a;branch=z",
        ",SIP/2.0/UDP a",
        "",
    ),
    (
        "commas-auth",
        "WWW-Authenticate",
        "Digest realm=\"a\"",
        ",a=b",
        "",
    ),
    ("folds", "Subject", "a", "\r\n b", ""),
    ("folds-contact", "Contact", "<sip:a@b>", "\r\n ;a", ""),
    ("parameters", "Contact", "<sip:a@b>", ";a=b", ""),
    (
        "parameters-via",
        "Via",
        "SIP/2.0/UDP a",
        ";a=b",
        ";branch=z",
    ),
    ("parameters-uri", "Contact", "<sip:a@b", ";a=b", ">"),
    ("parentheses", "Retry-After", "1 ", "(", ""),
    ("parentheses-closed", "Retry-After", "1 (", "()", ")"),
    ("quotes", "Contact", "", "\"\"", " <sip:a@b>"),
    ("quotes-escaped", "Contact", "\"", "\\\"", "\" <sip:a@b>"),
    ("semicolons", "Contact", "<sip:a@b>", ";", ""),
    ("semicolons-accept", "Accept", "a/b", ";", "q=1"),
    ("rows", "X", "", "\r\nX:", ""),
];

fn message(shape: &str, bytes: usize) -> Option<Bytes> {
    let (_, name, open, repeated, close) = SHAPES.iter().find(|(name, ..)| *name == shape)?;
    let filled = repeated.repeat(bytes / repeated.len());
    let line = format!("{name}: {open}{filled}{close}\r\n");
    let others = [
        ("Via", "SIP/2.0/UDP a;branch=z"),
        ("From", "<sip:a@b>;tag=a"),
        ("To", "<sip:a@b>"),
        ("Call-ID", "a"),
        ("CSeq", "1 OPTIONS"),
        ("Max-Forwards", "70"),
    ];
    let mut text = format!("OPTIONS sip:a@b SIP/2.0\r\n{line}");
    for (other, value) in others.iter().filter(|(other, _)| other != name) {
        text.push_str(&format!("{other}: {value}\r\n"));
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    Some(text.into())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["shapes"] {
        for (name, ..) in SHAPES {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let [shape, bytes, what] = &arguments[..] else {
        eprintln!("linear shapes | linear SHAPE BYTES frame|walk|none");
        return ExitCode::from(2);
    };
    let Some(bytes) = bytes.parse().ok().and_then(|bytes| message(shape, bytes)) else {
        eprintln!("no such shape, or no number of bytes");
        return ExitCode::from(2);
    };
    let limits = Limits::MAX;
    match what.as_str() {
        "frame" => {
            let mut framer = Framer::new(limits);
            framer.push(&bytes);
            // The message may be malformed; it must be framed, and in linear time.
            if !matches!(framer.next(), Ok(Some(_))) {
                eprintln!("{shape}: not framed");
                return ExitCode::FAILURE;
            }
        }
        "walk" => match Message::parse(bytes, &limits) {
            Ok(message) => drop(black_box(walk(&message))),
            Err(error) => {
                eprintln!("{shape}: refused: {error}");
                return ExitCode::FAILURE;
            }
        },
        _ => drop(black_box(bytes)),
    }
    ExitCode::SUCCESS
}
