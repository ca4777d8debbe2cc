//! The transaction layer: what a request, a repetition, a keep-alive and a tick allocate.

use std::time::Duration;

use allocation_counter::measure;
use sip_core::transaction::{Output, ServerTransactionId, TransactionLayer};
use sip_core::{ConnectionId, ConnectionInfo, Limits, Timestamp, Transport};
use sip_parse::{Builder, Bytes, HeaderName, Method, Request, StatusCode};
use sip_testing::layer_with;

struct Bench {
    layer: TransactionLayer<u32>,
    connection: ConnectionId,
    now: Timestamp,
}

impl Bench {
    fn new(transport: Transport) -> Self {
        Self::with(transport, None)
    }

    /// With a far end that is known, so that the layer stamps each request.
    fn with(transport: Transport, remote: Option<&str>) -> Self {
        let mut layer = layer_with(Limits::default(), 1);
        let remote = remote.map(|remote| remote.parse().expect("an address"));
        let connection = layer.accept(ConnectionInfo { transport, remote });
        let now = Timestamp::from_millis(1_000);
        Self {
            layer,
            connection,
            now,
        }
    }

    fn receive(&mut self, bytes: Bytes) {
        let taken = self.layer.receive(self.connection, bytes, self.now);
        taken.expect("room");
    }

    /// Takes the outputs: the request of a peer, and how many messages went out.
    fn poll(&mut self) -> (Option<(ServerTransactionId, Request)>, usize) {
        let (mut arrived, mut sent) = (None, 0);
        while let Some(output) = self.layer.poll() {
            match output {
                Output::Request {
                    transaction,
                    request,
                    ..
                } => arrived = Some((transaction, request)),
                Output::Transmit { .. } => sent += 1,
                _ => {}
            }
        }
        (arrived, sent)
    }

    /// Receives a request and answers it.
    fn serve(&mut self, bytes: Bytes, status: StatusCode) {
        self.receive(bytes);
        let (arrived, _) = self.poll();
        let (transaction, request) = arrived.expect("a new request");
        let response = Builder::response_to(&request, status, Some(b"tag"));
        let answered = self.layer.respond(transaction, response, self.now);
        answered.expect("it waits");
        assert_eq!(self.poll().1, 1);
    }

    fn send(&mut self, method: Method<'static>) {
        let mut request = Builder::request(method, b"sip:bob@192.0.2.2");
        request
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::From, "<sip:alice@192.0.2.1>;tag=a")
            .append(HeaderName::To, "<sip:bob@192.0.2.2>")
            .append(HeaderName::CallId, "call@192.0.2.1")
            .append(HeaderName::CSeq, sip_parse::Value::CSeq(1, method));
        let sent = self
            .layer
            .send_request(self.connection, request, 1, self.now);
        sent.expect("room");
        assert_eq!(self.poll().1, 1);
    }

    /// Advances to the next deadline and fires it; returns how many messages went out.
    fn fire(&mut self) -> usize {
        self.now = self.layer.next_tick().expect("a timer runs");
        self.layer.tick(self.now);
        self.poll().1
    }
}

/// A request of a peer. Its bytes are shared already, as those of a host that reads many messages into one buffer.
fn request(method: &str, number: u32) -> Bytes {
    let text = format!(
        "{method} sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@192.0.2.9>;tag={number}\r\nTo: <sip:bob@192.0.2.1>\r\n\
         Call-ID: {number}@192.0.2.9\r\nCSeq: 1 {method}\r\nContact: <sip:alice@192.0.2.9>\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let bytes = Bytes::from(text);
    drop(bytes.clone());
    bytes
}

fn allocations(step: impl FnOnce()) -> u64 {
    measure(step).count_total
}

/// The most allocations of a request and its response, once the tables have grown.
fn of_a_request(mut bench: Bench) -> Option<u64> {
    // UDP keeps each transaction for 32 s.
    for number in 0..100 {
        bench.serve(request("OPTIONS", number), StatusCode::OK);
    }
    bench.now = bench.now + Duration::from_secs(60);
    bench.layer.tick(bench.now);
    let mut steps = (100..110).map(|number| {
        let bytes = request("OPTIONS", number);
        allocations(|| bench.serve(bytes, StatusCode::OK))
    });
    steps.by_ref().max()
}

#[test]
fn a_request_and_its_response_are_one_allocation() {
    assert_eq!(of_a_request(Bench::new(Transport::Udp)), Some(1));
    assert_eq!(of_a_request(Bench::new(Transport::Ws)), Some(1));
}

#[test]
fn a_stamped_request_and_its_response_are_two_allocations() {
    let bench = Bench::with(Transport::Udp, Some("192.0.2.77:5070"));
    assert_eq!(of_a_request(bench), Some(2));
}

#[test]
fn a_repeated_request_and_its_response_allocate_nothing() {
    for method in ["OPTIONS", "INVITE"] {
        let mut bench = Bench::new(Transport::Udp);
        let bytes = request(method, 1);
        bench.serve(bytes.clone(), StatusCode::BUSY_HERE);
        let used = allocations(|| {
            bench.receive(bytes);
            assert_eq!(bench.poll().1, 1, "the response again");
        });
        assert_eq!(used, 0, "{method}");
    }
}

#[test]
fn a_timer_that_repeats_a_response_allocates_nothing() {
    let mut bench = Bench::new(Transport::Udp);
    bench.serve(request("INVITE", 1), StatusCode::BUSY_HERE);
    let used = allocations(|| assert_eq!(bench.fire(), 1, "timer G"));
    assert_eq!(used, 0);
}

#[test]
fn a_timer_that_repeats_a_request_allocates_nothing() {
    for method in [Method::Options, Method::Invite] {
        let mut bench = Bench::new(Transport::Udp);
        bench.send(method);
        let used = allocations(|| {
            for _ in 0..3 {
                assert_eq!(bench.fire(), 1, "timer A or E");
            }
        });
        assert_eq!(used, 0, "{method:?}");
    }
}

#[test]
fn a_keep_alive_allocates_nothing() {
    for transport in [Transport::Udp, Transport::Ws] {
        let mut bench = Bench::new(transport);
        let ping = Bytes::from_static(b"\r\n\r\n");
        bench.receive(ping.clone());
        bench.poll();
        let used = allocations(|| {
            bench.receive(ping);
            assert_eq!(bench.poll().1, 1, "the pong");
        });
        assert_eq!(used, 0, "{transport:?}");
    }
}

#[test]
fn a_tick_with_nothing_due_allocates_nothing() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    let used = allocations(|| {
        bench.layer.tick(bench.now);
        assert_eq!(bench.poll().1, 0);
    });
    assert_eq!(used, 0);
}
