//! A hostile server: what it can block, and for how long.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sip_host::os::CLOSE_TIMEOUT;

use crate::PATIENCE;
use crate::sockets::request::request;
use crate::sockets::wire::*;

/// Writes `frames` again and again and discards what the agent sends, until dropped.
struct Flood(Arc<AtomicBool>);

impl Flood {
    fn start(stream: &TcpStream, frames: &[u8]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (mut writer, frames) = (stream.try_clone().unwrap(), frames.repeat(16_384));
        let is_over = over.clone();
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) && writer.write_all(&frames).is_ok() {}
        });
        let mut reader = stream.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut scratch = vec![0; 65_536];
            while reader.read(&mut scratch).is_ok_and(|length| length > 0) {}
        });
        Self(over)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The agent carries out commands during a flood of pings, which the WebSocket library answers by itself, and
/// of empty fragments of a message that never ends. `is_carried_out` returns whether the agent carries out a
/// command within [`PATIENCE`].
pub fn a_flood_leaves_room_for_commands<T>(
    start: impl Fn(&str) -> T,
    is_carried_out: impl Fn(&T) -> bool,
) {
    /// The end of a closing handshake ends the flood too, so that only a command before it says something. A busy
    /// machine may be late in some attempts; an agent that waits for the handshake is late in all of them.
    const ATTEMPTS: usize = 10;
    for (first, frames) in [
        (&[FINAL | PING, 0][..], [FINAL | PING, 0]),
        (&[TEXT, 1, b'x'], [CONTINUATION, 0]),
        // The agent ignores frames after the close frame, but they still arrive.
        (&[FINAL | CLOSE, 2, 0x03, 0xe8], [FINAL | PING, 0]),
    ] {
        let is_in_time = (0..ATTEMPTS).any(|_| {
            let mut bench = Bench::new(&start);
            let begin = Instant::now();
            bench.write(first);
            let _flood = Flood::start(&bench.stream, &frames);
            std::thread::sleep(CLOSE_TIMEOUT / 10);
            for number in 1..=3 {
                assert!(is_carried_out(&bench.agent), "{frames:?}, {number}");
            }
            begin.elapsed() < CLOSE_TIMEOUT
        });
        assert!(is_in_time, "{first:?}, {frames:?}");
    }
}

/// RFC 6455 section 5.5.3: the agent may answer only the last of several pings. A server that sends pings and
/// does not read cannot fill the agent's memory with pongs.
pub fn pongs_that_nobody_reads_are_bounded<T>(start: impl FnOnce(&str) -> T) {
    const PINGS: usize = 400_000;
    let mut bench = Bench::new(start);
    let ping = [&[FINAL | PING, 125][..], &[7; 125]].concat();
    let some = ping.repeat(1_000);
    let mut sent = 0;
    let mut writer = bench.stream.try_clone().unwrap();
    writer.set_write_timeout(Some(PATIENCE)).unwrap();
    while sent < PINGS && writer.write_all(&some).is_ok() {
        sent += 1_000;
    }
    let silence = Duration::from_secs(1);
    bench.stream.set_read_timeout(Some(silence)).unwrap();
    let mut received = 0;
    let mut scratch = vec![0; 65_536];
    while let Ok(length @ 1..) = bench.stream.read(&mut scratch) {
        received += length;
    }
    // The buffers of both sockets and of the agent hold less; all pongs would be 52 MB.
    assert!(received < 20_000_000, "{received} bytes for {sent} pings");
}

/// The agent ends the connection to a server that sends requests and reads no responses, once more than
/// `send_queue` bytes wait. `has_ended` waits for the end of the connection.
pub fn answers_that_nobody_reads_end_the_connection<T>(
    start: impl FnOnce(&str) -> T,
    has_ended: impl FnOnce(T),
) {
    let Bench {
        stream,
        head,
        agent,
    } = Bench::new(start);
    let over = Arc::new(AtomicBool::new(false));
    let is_over = over.clone();
    let asking = std::thread::spawn(move || {
        let mut bench = Bench {
            stream,
            head,
            agent: (),
        };
        let long = format!("z9hG4bK;x={}", "x".repeat(8_000));
        bench.stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut bytes = Vec::new();
        for number in 1..10_000 {
            let text = request("OPTIONS", number, "").replacen("z9hG4bK", &long, 1);
            bytes.clear();
            bytes.extend([FINAL | TEXT, 126]);
            bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend(text.as_bytes());
            if is_over.load(Ordering::Relaxed) || bench.stream.write_all(&bytes).is_err() {
                break;
            }
        }
    });
    has_ended(agent);
    over.store(true, Ordering::Relaxed);
    asking.join().unwrap();
}

/// RFC 6455 section 7.1.1: the server should close the TCP connection first. If it does not, the agent closes it
/// after the time for the closing handshake.
pub fn a_server_that_does_not_hang_up_is_left<T>(start: impl FnOnce(&str) -> T) {
    let mut bench = Bench::new(start);
    let begin = Instant::now();
    bench.frame(FINAL | CLOSE, &GOING_AWAY.to_be_bytes());
    assert_eq!(bench.read().code(), GOING_AWAY);
    let end = match bench.stream.read(&mut [0]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    };
    let waited = begin.elapsed();
    assert!(end, "still open after {waited:?}");
    assert!(waited >= CLOSE_TIMEOUT, "{waited:?}: no time to answer");
}
