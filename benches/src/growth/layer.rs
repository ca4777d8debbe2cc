//! `TransactionLayer`s: the transactions of one, and its connections.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_core::transaction::{Output, TransactionLayer, TransactionSettings};
use sip_core::{ConnectionId, ConnectionInfo, Timestamp, Transport};
use sip_parse::{Builder, Bytes, HeaderName, Method, StatusCode};

use crate::series::{Series, limits};

/// A layer with one connection.
struct End {
    layer: TransactionLayer<u64>,
    connection: ConnectionId,
    now: Timestamp,
    number: u64,
}

impl End {
    fn new(transport: Transport, seed: u64) -> Self {
        let settings = TransactionSettings {
            timers: Default::default(),
            limits: limits(),
            sent_by: "192.0.2.1:5060".into(),
            via_transport: None,
            rport: false,
            forwards: false,
        };
        let random = Box::new(ChaCha20Rng::seed_from_u64(seed));
        let mut layer = TransactionLayer::new(settings, random);
        let connection = layer.accept(info(transport));
        Self {
            layer,
            connection,
            now: Timestamp::ZERO,
            number: 0,
        }
    }

    fn send(&mut self, connection: ConnectionId) -> Bytes {
        self.number += 1;
        let (number, mut request) = (
            self.number,
            Builder::request(Method::Options, b"sip:192.0.2.2"),
        );
        request
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::From, "<sip:probe@192.0.2.1>;tag=1")
            .append(HeaderName::To, "<sip:192.0.2.2>")
            .append(HeaderName::CallId, format!("probe-{number}"))
            .append(HeaderName::CSeq, "1 OPTIONS");
        let sent = self
            .layer
            .send_request(connection, request, number, self.now);
        sent.expect("room for the request");
        self.sent().expect("the request")
    }

    /// The bytes of the next output that is a message.
    fn sent(&mut self) -> Option<Bytes> {
        while let Some(output) = self.layer.poll() {
            if let Output::Transmit { bytes, .. } = output {
                return Some(bytes);
            }
        }
        None
    }
}

const fn info(transport: Transport) -> ConnectionInfo {
    ConnectionInfo {
        transport,
        remote: None,
    }
}

/// One step is an OPTIONS that is answered.
struct Pending {
    client: End,
    server: End,
}

impl Series for Pending {
    fn step(&mut self) {
        let Self { client, server } = self;
        let request = client.send(client.connection);
        let received = server.layer.receive(server.connection, request, server.now);
        received.expect("room in the queue");
        let Some(Output::Request {
            transaction,
            request,
            ..
        }) = server.layer.poll()
        else {
            panic!("a request arrives");
        };
        let response = Builder::response_to(&request, StatusCode::OK, Some(b"1"));
        let sent = server.layer.respond(transaction, response, server.now);
        sent.expect("a request that waits for its response");
        let response = server.sent().expect("the response");
        let received = client
            .layer
            .receive(client.connection, response, client.now);
        received.expect("room in the queue");
        assert!(matches!(client.layer.poll(), Some(Output::Response { .. })));
    }
}

pub(super) fn pending(size: u64) -> Box<dyn Series> {
    let (client, server) = (End::new(Transport::Ws, 1), End::new(Transport::Ws, 2));
    let mut pending = Pending { client, server };
    for _ in 0..size {
        let Pending { client, server } = &mut pending;
        let request = client.send(client.connection);
        let received = server.layer.receive(server.connection, request, server.now);
        received.expect("room in the queue");
        assert!(server.layer.poll().is_some());
    }
    assert_eq!(pending.server.layer.server_transactions() as u64, size);
    Box::new(pending)
}

/// One step is a tick that sends one request again.
struct Fire(End);

impl Series for Fire {
    fn step(&mut self) {
        let end = &mut self.0;
        end.now = end.layer.next_tick().expect("a deadline");
        end.layer.tick(end.now);
        match end.layer.poll() {
            Some(Output::Transmit { .. }) => {}
            // Another takes the place of a request that has no answer until timer F.
            Some(Output::Failed { .. }) => drop(end.send(end.connection)),
            _ => panic!("a request is sent again, or fails"),
        }
        assert!(end.layer.poll().is_none());
    }
}

pub(super) fn fire(size: u64) -> Box<dyn Series> {
    let mut end = End::new(Transport::Udp, 1);
    for _ in 0..size {
        end.now = end.now + core::time::Duration::from_micros(1);
        end.send(end.connection);
    }
    Box::new(Fire(end))
}

/// One step is a connection with a request, which is lost.
struct Connections(End);

impl Series for Connections {
    fn step(&mut self) {
        let end = &mut self.0;
        let connection = end.layer.accept(info(Transport::Tcp));
        end.send(connection);
        end.layer.closed(connection, end.now);
        assert!(matches!(end.layer.poll(), Some(Output::Failed { .. })));
    }
}

pub(super) fn connections(size: u64) -> Box<dyn Series> {
    let mut end = End::new(Transport::Tcp, 1);
    for _ in 0..size {
        let connection = end.layer.accept(info(Transport::Tcp));
        end.send(connection);
    }
    Box::new(Connections(end))
}
