//! RFC 6455 as the server sees it. The WebSocket library implements it; these tests notice if it stops.

use crate::sockets::request::request;
use crate::sockets::wire::*;

/// RFC 6455 section 5.1: a client masks each frame, with a key of its own (section 5.3).
pub fn each_frame_of_a_client_is_masked<T>(start: impl FnOnce(&str) -> T) {
    let mut bench = Bench::new(start);
    let mut keys = Vec::new();
    for number in 1..=3 {
        bench.frame(FINAL | TEXT, request("OPTIONS", number, "").as_bytes());
        keys.push(bench.is_answered().mask.expect("masked"));
    }
    bench.frame(FINAL | PING, b"");
    keys.push(bench.read().mask.expect("control frames are masked too"));
    bench.frame(FINAL | CLOSE, &GOING_AWAY.to_be_bytes());
    keys.push(bench.read().mask.expect("and the last one"));
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 5, "{keys:?}");
}

/// RFC 6455 section 5.1: a server must not mask; a client closes over a frame that is.
pub fn a_masked_frame_of_a_server_ends_the_connection<T>(start: impl FnOnce(&str) -> T) {
    let mut bench = Bench::new(start);
    let text = request("OPTIONS", 1, "");
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    let key = [1, 2, 3, 4];
    let masked = text.bytes().zip(key.iter().cycle());
    let mut bytes = vec![FINAL | TEXT, 0x80 | 126, length[0], length[1]];
    bytes.extend(key);
    bytes.extend(masked.map(|(byte, key)| byte ^ key));
    bench.write(&bytes);
    bench.is_failed(PROTOCOL);
}

/// RFC 6455 section 8.1 and 7.4.1: text that is not UTF-8 ends the connection with 1007, wherever it is cut;
/// the same bytes are a good binary message.
pub fn text_that_is_not_utf_8_ends_the_connection<T>(start: impl Fn(&str) -> T) {
    let head = request("MESSAGE", 1, "12");
    let mut text = head.strip_suffix("12").unwrap().as_bytes().to_vec();
    text.extend(b"\xc3\x28");
    let mut bench = Bench::new(&start);
    bench.frame(FINAL | TEXT, &text);
    bench.is_failed(INVALID);

    let mut bench = Bench::new(&start);
    let (front, back) = text.split_at(text.len() - 1);
    bench.frame(TEXT, front);
    bench.frame(FINAL | CONTINUATION, back);
    bench.is_failed(INVALID);

    let mut bench = Bench::new(&start);
    let options =
        request("OPTIONS", 1, "").replace("Max-Forwards", "X-Odd: \u{fffd}\r\nMax-Forwards");
    let odd = options.as_bytes().to_vec();
    let at = odd
        .windows(3)
        .position(|three| three == "\u{fffd}".as_bytes());
    let mut odd = odd;
    odd.splice(at.unwrap()..at.unwrap() + 3, *b"\xc3\x28");
    bench.frame(FINAL | BINARY, &odd);
    bench.is_answered();
}

/// RFC 6455 section 5.4, RFC 7118 section 4.2: fragments are one message, also when a control frame comes
/// between them, and even within a character.
pub fn fragments_are_one_message<T>(start: impl Fn(&str) -> T) {
    for kind in [TEXT, BINARY] {
        let mut bench = Bench::new(&start);
        let text =
            request("OPTIONS", 1, "").replace("Max-Forwards", "Subject: \u{e9}\r\nMax-Forwards");
        let cut = text.find('\u{e9}').unwrap() + 1;
        let (front, back) = text.as_bytes().split_at(cut);
        bench.frame(kind, front);
        bench.frame(FINAL | PING, b"between");
        let pong = bench.read();
        assert_eq!((pong.opcode, &pong.payload[..]), (PONG, &b"between"[..]));
        bench.frame(CONTINUATION, b"");
        bench.frame(FINAL | CONTINUATION, back);
        let answer = bench.is_answered();
        assert!(answer.is_final);
    }
}

/// RFC 6455 section 5.5: a control frame is short and not fragmented; 5.5.2: a pong has the payload of its ping.
pub fn control_frames_are_short_and_whole<T>(start: impl Fn(&str) -> T) {
    let mut bench = Bench::new(&start);
    bench.frame(FINAL | PING, &[7; 125]);
    let pong = bench.read();
    assert_eq!((pong.opcode, &pong.payload[..]), (PONG, &[7; 125][..]));
    bench.frame(FINAL | PING, &[7; 126]);
    bench.is_failed(PROTOCOL);

    let mut bench = Bench::new(&start);
    bench.frame(PING, b"");
    bench.is_failed(PROTOCOL);
}

/// RFC 6455 section 5.2: reserved bits and reserved opcodes end the connection; section 5.4: so does a
/// continuation without a first fragment.
pub fn frames_that_nobody_agreed_on_end_the_connection<T>(start: impl Fn(&str) -> T) {
    for first in [
        FINAL | 0x40 | TEXT,
        FINAL | 0x20 | TEXT,
        FINAL | 0x10 | TEXT,
        FINAL | 3,
        FINAL | 11,
        FINAL | CONTINUATION,
    ] {
        let mut bench = Bench::new(&start);
        bench.frame(first, b"x");
        bench.is_failed(PROTOCOL);
    }
}

/// RFC 6455 section 5.5.1: a close frame is answered with its code.
pub fn a_close_frame_is_answered<T>(start: impl FnOnce(&str) -> T) {
    let mut bench = Bench::new(start);
    bench.frame(FINAL | CLOSE, &GOING_AWAY.to_be_bytes());
    assert_eq!(bench.read().code(), GOING_AWAY);
}

/// RFC 6455 section 7.4.1: the agent closes with 1009 as soon as it reads a length over the limit. It allocates
/// nothing first, because no host has that much memory.
pub fn lengths_are_checked_before_anything_is_set_aside<T>(start: impl Fn(&str) -> T) {
    for length in [1_u64 << 62, 1 << 40, 16 << 20] {
        let mut bench = Bench::new(&start);
        bench.write(&[FINAL | TEXT, 127]);
        bench.write(&length.to_be_bytes());
        bench.is_failed(TOO_BIG);
    }
    // The limit counts all fragments of a message.
    let mut bench = Bench::new(&start);
    let piece = [b'x'; 60_000];
    bench.frame(TEXT, &piece);
    let limit = sip_parse::Limits::default().message * 2;
    let mut sent = piece.len();
    while sent <= limit {
        bench.frame(CONTINUATION, &piece);
        sent += piece.len();
    }
    bench.is_failed(TOO_BIG);
}
