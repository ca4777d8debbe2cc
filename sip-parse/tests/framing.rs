//! Messages from streams (RFC 3261 section 18.3) and keep-alives (RFC 5626 section 4.4.1).

use sip_parse::{ErrorKind, Frame, Framer, Limits};

fn message(call: u32, body: &str) -> Vec<u8> {
    format!(
        "MESSAGE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK{call}\r\nCall-ID: {call}\r\nl\t:\r\n {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn frames(framer: &mut Framer) -> Vec<Frame> {
    let mut found = Vec::new();
    while let Some(frame) = framer.next().unwrap() {
        found.push(frame);
    }
    found
}

/// RFC 3261 18.3: the framer returns the same messages for any chunks.
#[test]
fn chunks_do_not_matter() {
    let (a, b) = (message(1, "hello\r\n\r\n"), message(2, ""));
    let stream = [&b"\r\n\r\n"[..], &a, b"\r\n", &b, b"\r\n\r\n"].concat();
    let mut whole = Framer::new(Limits::default());
    whole.push(&stream);
    let expected = [
        Frame::Ping,
        Frame::Message(a.clone().into()),
        Frame::Pong,
        Frame::Message(b.clone().into()),
        Frame::Ping,
    ];
    assert_eq!(frames(&mut whole), expected);
    for size in 1..stream.len() {
        let mut framer = Framer::new(Limits::default());
        let mut found = Vec::new();
        for chunk in stream.chunks(size) {
            framer.push(chunk);
            found.extend(frames(&mut framer));
        }
        let messages = |frames: &[Frame]| {
            frames
                .iter()
                .filter(|frame| matches!(frame, Frame::Message(_)))
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(messages(&found), messages(&expected), "{size}");
        let pings = found.iter().filter(|frame| **frame == Frame::Ping).count();
        assert_eq!(pings, 2, "{size}: {found:?}");
    }
}

fn error(stream: &[u8]) -> ErrorKind {
    let mut framer = Framer::new(Limits::default());
    framer.push(stream);
    let error = framer.next().unwrap_err();
    assert_eq!(
        framer.next(),
        Err(error.clone()),
        "a failed framer stays failed"
    );
    error.error.kind
}

#[test]
fn bad_lengths_end_the_stream() {
    assert_eq!(
        error(b"OPTIONS sip:a SIP/2.0\r\nl: 4\r\nContent-Length: 5\r\n\r\n"),
        ErrorKind::ContentLengthMismatch
    );
    assert_eq!(
        error(b"OPTIONS sip:a SIP/2.0\r\nl: -4\r\n\r\n"),
        ErrorKind::Number
    );
    assert_eq!(
        error(b"OPTIONS sip:a SIP/2.0\r\nl: 4294967296\r\n\r\n"),
        ErrorKind::Number
    );
    assert_eq!(
        error(b"OPTIONS sip:a SIP/2.0\r\nl: 4000000000\r\n\r\n"),
        ErrorKind::BodyTooLarge
    );
    assert_eq!(
        error(b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n"),
        ErrorKind::MissingContentLength
    );
    let mut lenient = Framer::lenient(Limits::default());
    lenient.push(b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n");
    assert!(matches!(lenient.next(), Ok(Some(Frame::Message(_)))));
}
