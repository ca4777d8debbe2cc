//! One transaction after the other in a `TransactionLayer`, bytes to bytes.

use std::hint::black_box;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_core::transaction::{Output, TransactionLayer, TransactionSettings};
use sip_core::{ConnectionId, ConnectionInfo, Limits, Timestamp, Transport};
use sip_parse::{Builder, Bytes, HeaderName, Method, StatusCode, Value};

use super::far_end;
use crate::scenario::Scenario;

/// The time between two steps: a transaction that is over waits up to 32 s for its timer, so that 1,024 of them wait at any time.
pub const PAUSE: Duration = Duration::from_micros(31_250);

/// As many steps as there are transactions at any time, and more.
const WARM: u64 = 1_100;

/// A layer with one connection and the time.
struct Bench {
    layer: TransactionLayer<()>,
    connection: ConnectionId,
    now: Timestamp,
}

impl Bench {
    fn new(transport: Transport, remote: Option<&str>) -> Self {
        let mut limits = Limits::default();
        limits.server_transactions = usize::MAX / 8;
        let settings = TransactionSettings {
            timers: Default::default(),
            limits,
            sent_by: "192.0.2.1:5060".into(),
            via_transport: None,
            rport: false,
            forwards: false,
        };
        let random = Box::new(ChaCha20Rng::from_seed([7; 32]));
        let mut layer = TransactionLayer::new(settings, random);
        let remote = remote.map(|remote| remote.parse().expect("an address"));
        let connection = layer.accept(ConnectionInfo { transport, remote });
        Self {
            layer,
            connection,
            now: Timestamp::ZERO,
        }
    }

    /// Lets the time pass that is between two steps.
    fn pause(&mut self) {
        self.now = self.now + PAUSE;
        self.layer.tick(self.now);
    }

    fn receive(&mut self, bytes: Bytes) {
        let received = self.layer.receive(self.connection, bytes, self.now);
        received.expect("room in the queue");
    }

    /// Answers each request with these statuses; returns the number of messages that the layer sent.
    fn answer(&mut self, statuses: &[StatusCode]) -> usize {
        let mut sent = 0;
        while let Some(output) = self.layer.poll() {
            match output {
                Output::Request {
                    transaction,
                    request,
                    ..
                } => {
                    for &status in statuses {
                        let response = Builder::response_to(&request, status, Some(b"314159"));
                        let done = self.layer.respond(transaction, response, self.now);
                        done.expect("the request can be answered");
                    }
                }
                Output::Transmit { bytes, .. } => {
                    black_box(&bytes);
                    sent += 1;
                }
                _ => {}
            }
        }
        sent
    }
}

/// A layer over UDP that has just answered `count` requests of a method, so that as many transactions wait for their timers, or
/// for the ACK.
///
/// # Panics
/// If a request is not answered.
pub fn answered(method: &str, count: u64) -> impl Sized {
    let mut bench = Bench::new(Transport::Udp, None);
    for number in 0..count {
        bench.receive(request(method, "UDP 192.0.2.9:5060", number));
        assert_eq!(bench.answer(OK), 1);
    }
    assert_eq!(bench.layer.server_transactions() as u64, count);
    bench
}

/// As many requests of a method as there are transactions at any time, and more, each in a transaction of its own. `via` is the
/// transport and `sent-by` of Via, with its parameters before the branch.
#[must_use]
pub fn requests(method: &str, via: &str) -> Vec<Bytes> {
    (0..2 * WARM)
        .map(|number| request(method, via, number))
        .collect()
}

fn request(method: &str, via: &str, number: u64) -> Bytes {
    let text = format!(
        "{method} sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{via};branch=z9hG4bK{number:04x}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@192.0.2.9>;tag={number:04x}\r\nTo: <sip:bob@192.0.2.1>\r\n\
         Call-ID: {number:04x}@192.0.2.9\r\nCSeq: 1 {method}\r\nContact: <sip:alice@192.0.2.9>\r\n\
         Content-Length: 0\r\n\r\n"
    );
    Bytes::from(text)
}

/// A server that answers one request after the other.
struct Server {
    bench: Bench,
    requests: Vec<Bytes>,
    at: usize,
    statuses: &'static [StatusCode],
    done: u64,
}

impl Server {
    fn new(bench: Bench, requests: Vec<Bytes>, statuses: &'static [StatusCode]) -> Self {
        let mut server = Self {
            bench,
            requests,
            at: 0,
            statuses,
            done: 0,
        };
        server.run_checked(WARM);
        server
    }
}

impl Scenario for Server {
    fn step(&mut self) {
        self.bench.pause();
        let request = self.requests[self.at].clone();
        self.at = (self.at + 1) % self.requests.len();
        self.bench.receive(request);
        let sent = self.bench.answer(self.statuses);
        self.done += u64::from(sent == self.statuses.len());
    }

    fn done(&self) -> u64 {
        self.done
    }
}

const OK: &[StatusCode] = &[StatusCode::OK];
const RINGING_OK: &[StatusCode] = &[StatusCode::RINGING, StatusCode::OK];

pub(super) fn options_udp() -> impl Scenario {
    let requests = requests("OPTIONS", "UDP 192.0.2.9:5060");
    Server::new(Bench::new(Transport::Udp, None), requests, OK)
}

pub(super) fn options_far_end() -> impl Scenario {
    let requests = requests("OPTIONS", "UDP 192.0.2.9:5060;rport");
    let bench = Bench::new(Transport::Udp, Some("192.0.2.77:40000"));
    Server::new(bench, requests, OK)
}

pub(super) fn options_ws() -> impl Scenario {
    let requests = requests("OPTIONS", "WS a1b2c3.invalid");
    Server::new(Bench::new(Transport::Ws, None), requests, OK)
}

pub(super) fn invite_server() -> impl Scenario {
    let requests = requests("INVITE", "UDP 192.0.2.9:5060");
    Server::new(Bench::new(Transport::Udp, None), requests, RINGING_OK)
}

/// A client that sends one request after the other.
struct Client {
    bench: Bench,
    sequence: u32,
    done: u64,
}

pub(super) fn options_client() -> impl Scenario {
    let mut client = Client {
        bench: Bench::new(Transport::Udp, None),
        sequence: 0,
        done: 0,
    };
    client.run_checked(WARM);
    client
}

impl Scenario for Client {
    fn step(&mut self) {
        self.bench.pause();
        self.sequence += 1;
        let bench = &mut self.bench;
        let mut request = Builder::request(Method::Options, b"sip:bob@192.0.2.2");
        request
            .append(HeaderName::MaxForwards, 70)
            .append(
                HeaderName::From,
                Value::NameAddr {
                    display: None,
                    uri: b"sip:alice@192.0.2.1",
                    tag: Some(b"1928301774"),
                    params: b"",
                },
            )
            .append(
                HeaderName::To,
                Value::NameAddr {
                    display: None,
                    uri: b"sip:bob@192.0.2.2",
                    tag: None,
                    params: b"",
                },
            )
            .append(HeaderName::CallId, "a84b4c76e66710@192.0.2.1")
            .append(
                HeaderName::CSeq,
                Value::CSeq(self.sequence, Method::Options),
            );
        let sent = bench
            .layer
            .send_request(bench.connection, request, (), bench.now);
        sent.expect("room for the request");
        while let Some(output) = bench.layer.poll() {
            match output {
                Output::Transmit { bytes, .. } => bench.receive(far_end::ok(&bytes)),
                Output::Response { response, .. } => {
                    self.done += u64::from(response.status() == StatusCode::OK);
                    black_box(&response);
                }
                _ => {}
            }
        }
    }

    fn done(&self) -> u64 {
        self.done
    }
}
