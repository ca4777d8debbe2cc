//! A WebSocket server that reads and writes single frames.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tungstenite::handshake::derive_accept_key;

use crate::PATIENCE;

/// The opcode of a further fragment.
pub const CONTINUATION: u8 = 0;
/// The opcode of text.
pub const TEXT: u8 = 1;
/// The opcode of a binary message.
pub const BINARY: u8 = 2;
/// The opcode of a close frame.
pub const CLOSE: u8 = 8;
/// The opcode of a ping.
pub const PING: u8 = 9;
/// The opcode of a pong.
pub const PONG: u8 = 10;

/// RFC 6455 section 7.4.1.
pub const GOING_AWAY: u16 = 1001;
/// The code of a protocol error.
pub const PROTOCOL: u16 = 1002;
/// The code of text that is not UTF-8.
pub const INVALID: u16 = 1007;
/// The code of a message over the limit.
pub const TOO_BIG: u16 = 1009;

/// A frame as it came.
#[derive(Debug)]
pub struct Frame {
    /// The opcode.
    pub opcode: u8,
    /// Whether it is the last fragment.
    pub is_final: bool,
    /// The masking key; `None` if it was not masked.
    pub mask: Option<[u8; 4]>,
    /// Unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The code of a close frame.
    pub fn code(&self) -> u16 {
        assert_eq!(self.opcode, CLOSE, "{self:?}");
        u16::from_be_bytes([self.payload[0], self.payload[1]])
    }
}

/// The next connection; within [`PATIENCE`], or the test fails.
fn next_connection(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            return stream;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no connection comes");
}

/// The server's end of an agent's connection.
pub struct Bench<T> {
    /// The server's end.
    pub stream: TcpStream,
    /// The head of the upgrade request.
    pub head: String,
    /// What keeps the agent alive.
    pub agent: T,
}

impl<T> Bench<T> {
    /// `start` starts an agent that connects to a URL and does not register.
    pub fn new(start: impl FnOnce(&str) -> T) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let agent = start(&url);
        let mut stream = next_connection(&listener);
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
            head,
            agent,
        }
    }

    /// Writes bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Writes a whole frame; `first` is its first byte: FIN, reserved bits, opcode.
    pub fn frame(&mut self, first: u8, payload: &[u8]) {
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

    /// The next frame.
    pub fn read(&mut self) -> Frame {
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
    pub fn is_answered(&mut self) -> Frame {
        let frame = self.read();
        assert_eq!(frame.opcode, TEXT, "{frame:?}");
        let text = String::from_utf8_lossy(&frame.payload).into_owned();
        assert!(text.starts_with("SIP/2.0 200 "), "{text}");
        frame
    }

    /// The agent closes with `code`, answers nothing, and then lets go of the connection.
    pub fn is_failed(&mut self, code: u16) {
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

/// The bit of a last fragment.
pub const FINAL: u8 = 0x80;
