//! A WebSocket server that speaks bytes, for the tests of both adapters: what RFC 6455 asks of the far end
//! is the library's to do, and ours to notice when it does not.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use tungstenite::handshake::derive_accept_key;

use crate::request::request;

const PATIENCE: Duration = Duration::from_secs(10);

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// RFC 6455 section 7.4.1.
const GOING_AWAY: u16 = 1001;
const PROTOCOL: u16 = 1002;
const INVALID: u16 = 1007;
const TOO_BIG: u16 = 1009;

/// A frame as it came.
#[derive(Debug)]
struct Frame {
    opcode: u8,
    is_final: bool,
    /// The masking key; `None` if it was not masked.
    mask: Option<[u8; 4]>,
    /// Unmasked.
    payload: Vec<u8>,
}

impl Frame {
    /// The code of a close frame.
    fn code(&self) -> u16 {
        assert_eq!(self.opcode, CLOSE, "{self:?}");
        u16::from_be_bytes([self.payload[0], self.payload[1]])
    }
}

/// The server's end of an agent's connection, and what keeps the agent alive.
struct Bench<T> {
    stream: TcpStream,
    _agent: T,
}

impl<T> Bench<T> {
    /// `start` starts an agent that connects to a URL and does not register.
    fn new(start: impl FnOnce(&str) -> T) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let agent = start(&url);
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let key = fields
            .filter(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Key"))
            .map(|(_, value)| derive_accept_key(value.as_bytes()))
            .next()
            .unwrap();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {key}\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        Self {
            stream,
            _agent: agent,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Writes a whole frame; `first` is its first byte: FIN, reserved bits, opcode.
    fn frame(&mut self, first: u8, payload: &[u8]) {
        let mut bytes = vec![first];
        match payload.len() {
            short @ 0..=125 => bytes.push(short as u8),
            long => {
                bytes.push(126);
                bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
            }
        }
        bytes.extend(payload);
        self.write(&bytes);
    }

    fn read(&mut self) -> Frame {
        let mut exactly = |length: usize| {
            let mut bytes = vec![0; length];
            self.stream.read_exact(&mut bytes).expect("a frame comes");
            bytes
        };
        let head = exactly(2);
        let length = match head[1] & 0x7f {
            126 => usize::from(u16::from_be_bytes(exactly(2).try_into().unwrap())),
            127 => panic!("no frame here is that long"),
            short => usize::from(short),
        };
        let mask = (head[1] & 0x80 != 0).then(|| exactly(4).try_into().unwrap());
        let key: [u8; 4] = mask.unwrap_or_default();
        let payload = exactly(length).into_iter().enumerate();
        Frame {
            opcode: head[0] & 0x0f,
            is_final: head[0] & 0x80 != 0,
            mask,
            payload: payload.map(|(at, byte)| byte ^ key[at % 4]).collect(),
        }
    }

    /// The next frame is the agent's 200.
    fn is_answered(&mut self) -> Frame {
        let frame = self.read();
        assert_eq!(frame.opcode, TEXT, "{frame:?}");
        let text = String::from_utf8_lossy(&frame.payload).into_owned();
        assert!(text.starts_with("SIP/2.0 200 "), "{text}");
        frame
    }

    /// The agent closes with `code`, answers nothing, and then lets go of the connection.
    fn is_failed(&mut self, code: u16) {
        assert_eq!(self.read().code(), code);
        self.stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = [0; 1];
        match self.stream.read(&mut rest) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("expected the end, got {other:?}"),
        }
    }
}

const FINAL: u8 = 0x80;

/// RFC 6455 section 5.1: a client masks each frame, with a key of its own (section 5.3).
pub(crate) fn each_frame_of_a_client_is_masked<T>(start: impl FnOnce(&str) -> T) {
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
pub(crate) fn a_masked_frame_of_a_server_ends_the_connection<T>(start: impl FnOnce(&str) -> T) {
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
pub(crate) fn text_that_is_not_utf_8_ends_the_connection<T>(start: impl Fn(&str) -> T) {
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
pub(crate) fn fragments_are_one_message<T>(start: impl Fn(&str) -> T) {
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

/// RFC 6455 section 5.5: control frames are short and whole; 5.5.2: a pong carries what the ping did.
pub(crate) fn control_frames_are_short_and_whole<T>(start: impl Fn(&str) -> T) {
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

/// RFC 6455 section 5.2: reserved bits and opcodes that nobody agreed on, and section 5.4: a continuation of
/// nothing, end the connection.
pub(crate) fn frames_that_nobody_agreed_on_end_the_connection<T>(start: impl Fn(&str) -> T) {
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
pub(crate) fn a_close_frame_is_answered<T>(start: impl FnOnce(&str) -> T) {
    let mut bench = Bench::new(start);
    bench.frame(FINAL | CLOSE, &GOING_AWAY.to_be_bytes());
    assert_eq!(bench.read().code(), GOING_AWAY);
}

/// RFC 6455 section 7.4.1: what is over the limit ends the connection with 1009 as soon as its length is
/// known: nothing is waited for, and nothing set aside. No host has room for what is announced here.
pub(crate) fn lengths_are_checked_before_anything_is_set_aside<T>(start: impl Fn(&str) -> T) {
    for length in [1_u64 << 62, 1 << 40, 16 << 20] {
        let mut bench = Bench::new(&start);
        bench.write(&[FINAL | TEXT, 127]);
        bench.write(&length.to_be_bytes());
        bench.is_failed(TOO_BIG);
    }
    // A message is no shorter for being cut up.
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
