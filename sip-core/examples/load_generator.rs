//! A load generator on [`TransactionLayer`] alone: one layer sends OPTIONS as fast as a window allows,
//! another answers them. The example itself carries the bytes, over an in-memory datagram network with loss:
//! no user agent, no dialogs, no sockets.
//!
//! `cargo run --release -p sip-ua-core --example load_generator -- [REQUESTS] [LOSS PER MILLE]`

use std::collections::VecDeque;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sip_core::transaction::{Output, TransactionLayer, TransactionSettings};
use sip_core::{ConnectionId, ConnectionInfo, Limits, Timestamp, Transport};
use sip_parse::{Builder, Bytes, HeaderName, Method, StatusCode};

/// The number of requests in flight at a time.
const WINDOW: usize = 512;

/// The time that a datagram is under way.
const DELAY: Duration = Duration::from_millis(10);

/// A layer with its one connection to the other.
struct Element {
    layer: TransactionLayer<Timestamp>,
    connection: ConnectionId,
}

impl Element {
    fn new(sent_by: &str, seed: u8) -> Self {
        let mut limits = Limits::default();
        limits.client_transactions = usize::MAX;
        limits.server_transactions = usize::MAX;
        let mut layer = TransactionLayer::new(
            TransactionSettings {
                timers: Default::default(),
                limits,
                sent_by: sent_by.into(),
                via_transport: None,
                rport: false,
                forwards: false,
            },
            // A real generator is seeded from the operating system's entropy.
            Box::new(ChaCha20Rng::from_seed([seed; 32])),
        );
        let connection = layer.accept(ConnectionInfo {
            transport: Transport::Udp,
            remote: None,
        });
        Self { layer, connection }
    }
}

/// Datagrams under way: the time of arrival, whether it arrives at the server, and the bytes.
struct Network {
    queue: VecDeque<(Timestamp, bool, Bytes)>,
    random: ChaCha20Rng,
    lost_per_mille: u64,
    lost: usize,
}

impl Network {
    fn carry(&mut self, now: Timestamp, to_server: bool, bytes: Bytes) {
        if self.random.next_u64() % 1_000 < self.lost_per_mille {
            self.lost += 1;
        } else {
            self.queue.push_back((now + DELAY, to_server, bytes));
        }
    }
}

#[derive(Default)]
struct Report {
    sent: usize,
    answered: usize,
    failed: usize,
    waited: Duration,
    longest: Duration,
}

fn options(number: usize) -> Builder<'static> {
    let mut request = Builder::request(Method::Options, b"sip:service@192.0.2.2");
    request
        .append(HeaderName::MaxForwards, 70)
        .append(HeaderName::From, "<sip:load@192.0.2.1>;tag=load")
        .append(HeaderName::To, "<sip:service@192.0.2.2>")
        .append(HeaderName::CallId, format!("load-{number}"))
        .append(HeaderName::CSeq, "1 OPTIONS");
    request
}

fn run(requests: usize, lost_per_mille: u64) -> Result<Report, Box<dyn std::error::Error>> {
    let mut client = Element::new("192.0.2.1:5060", 1);
    let mut server = Element::new("192.0.2.2:5060", 2);
    let mut network = Network {
        queue: VecDeque::new(),
        random: ChaCha20Rng::from_seed([3; 32]),
        lost_per_mille,
        lost: 0,
    };
    let mut report = Report::default();
    let mut now = Timestamp::ZERO;
    let mut waiting = 0;
    loop {
        while waiting < WINDOW && report.sent < requests {
            let request = options(report.sent);
            client
                .layer
                .send_request(client.connection, request, now, now)?;
            report.sent += 1;
            waiting += 1;
        }
        while let Some(output) = client.layer.poll() {
            match output {
                Output::Transmit { bytes, .. } => network.carry(now, true, bytes),
                Output::Response { user, response, .. } if response.status().is_final() => {
                    let took = now.saturating_since(user);
                    report.answered += 1;
                    report.waited += took;
                    report.longest = report.longest.max(took);
                    waiting -= 1;
                }
                Output::Failed { .. } => {
                    report.failed += 1;
                    waiting -= 1;
                }
                _ => {}
            }
        }
        while let Some(output) = server.layer.poll() {
            match output {
                Output::Transmit { bytes, .. } => network.carry(now, false, bytes),
                Output::Request {
                    transaction,
                    request,
                    ..
                } => {
                    let response = Builder::response_to(&request, StatusCode::OK, Some(b"service"));
                    server.layer.respond(transaction, response, now)?;
                }
                _ => {}
            }
        }
        // The bytes that a round has queued go first; then the clock jumps to the next event.
        if network.queue.iter().any(|(at, ..)| *at <= now) {
            while network.queue.front().is_some_and(|(at, ..)| *at <= now) {
                if let Some((_, to_server, bytes)) = network.queue.pop_front() {
                    let element = if to_server { &mut server } else { &mut client };
                    // The loop polls every output before the next input.
                    let taken = element.layer.receive(element.connection, bytes, now);
                    taken.expect("room");
                }
            }
            continue;
        }
        let arrival = network.queue.front().map(|(at, ..)| *at);
        let due = [client.layer.next_tick(), server.layer.next_tick(), arrival];
        let room = waiting < WINDOW && report.sent < requests;
        match due.into_iter().flatten().min() {
            Some(_) if room => {}
            Some(next) => {
                now = now.max(next);
                client.layer.tick(now);
                server.layer.tick(now);
            }
            None => break,
        }
    }
    assert!(client.layer.is_idle() && server.layer.is_idle());
    println!(
        "{} datagrams were lost; the last transaction ended after {now:?}",
        network.lost
    );
    Ok(report)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let requests = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let lost = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let report = run(requests, lost)?;
    let mean = report.waited / u32::try_from(report.answered.max(1))?;
    println!(
        "{} sent, {} answered, {} failed; a mean of {mean:?}, at most {:?}",
        report.sent, report.answered, report.failed, report.longest
    );
    Ok(())
}
