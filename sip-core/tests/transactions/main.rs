//! The transaction layer alone, rule by rule: RFC 3261 sections 8, 9, 16.3, 17 and 18, RFC 3581, 4320, 6026.

mod client;
mod server;

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::transaction::{
    ClientTransactionId, Output, SendError, ServerTransactionId, TransactionError,
    TransactionLayer, TransactionSettings, forwards_left,
};
use sip_core::{ConnectionId, ConnectionInfo, Limits, Timestamp, Transport};
use sip_parse::{Builder, Bytes, HeaderName, Message, Method, Request, StatusCode, Value};

/// A layer, its one connection and its clock.
struct Bench {
    layer: TransactionLayer<&'static str>,
    connection: ConnectionId,
    now: Timestamp,
    start: Timestamp,
    sent: Vec<(Timestamp, Message)>,
    outputs: Vec<Output<&'static str>>,
}

impl Bench {
    fn new(transport: Transport) -> Self {
        Self::with(transport, Limits::default(), None)
    }

    fn with(transport: Transport, limits: Limits, remote: Option<&str>) -> Self {
        let mut layer = TransactionLayer::new(
            TransactionSettings {
                timers: Default::default(),
                limits,
                sent_by: "192.0.2.1:5060".into(),
                via_transport: None,
                rport: false,
                forwards: false,
            },
            Box::new(ChaCha20Rng::from_seed([3; 32])),
        );
        let connection = layer.accept(ConnectionInfo {
            transport,
            remote: remote.map(|remote| remote.parse().expect("an address")),
        });
        let now = Timestamp::from_millis(1_000);
        Self {
            layer,
            connection,
            now,
            start: now,
            sent: Vec::new(),
            outputs: Vec::new(),
        }
    }

    fn pump(&mut self) {
        while let Some(output) = self.layer.poll() {
            match output {
                Output::Transmit { bytes, .. } => {
                    let message = Message::parse(bytes, &Limits::default().message).expect("ours");
                    self.sent.push((self.now, message));
                }
                other => self.outputs.push(other),
            }
        }
    }

    fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(next) = self.layer.next_tick().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.layer.tick(self.now);
            self.pump();
        }
        self.now = end;
    }

    fn send(&mut self, method: Method<'static>) -> ClientTransactionId {
        let mut request = Builder::request(method, b"sip:bob@192.0.2.2");
        request
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::Route, "<sip:192.0.2.3;lr>")
            .append(HeaderName::From, "<sip:alice@192.0.2.1>;tag=a")
            .append(HeaderName::To, "<sip:bob@192.0.2.2>")
            .append(HeaderName::CallId, "call")
            .append(HeaderName::CSeq, Value::CSeq(7, method))
            .append(HeaderName::Require, "100rel")
            .append(HeaderName::Contact, "<sip:alice@192.0.2.1>");
        let sent = self
            .layer
            .send_request(self.connection, request, "user", self.now)
            .expect("sent");
        self.pump();
        sent
    }

    fn feed(&mut self, bytes: impl Into<Bytes>) {
        self.layer.receive(self.connection, bytes.into(), self.now);
        self.pump();
    }

    fn feed_text(&mut self, text: &str) {
        self.feed(text.replace('\n', "\r\n").into_bytes());
    }

    fn reply(&mut self, request: &Message, status: u16, tag: &str) {
        let request = request.clone().into_request().expect("a request");
        let status = StatusCode::new(status).expect("a status");
        let tag = (status != StatusCode::TRYING).then_some(tag.as_bytes());
        let response = Builder::response_to(&request, status, tag).build();
        self.feed(response.expect("sound").bytes().clone());
    }

    /// When the messages sent since were sent, in milliseconds from the start.
    fn times(&self, method: &str) -> Vec<u64> {
        let fits = |message: &Message| {
            message
                .as_request()
                .is_some_and(|request| request.method().as_bytes() == method.as_bytes())
        };
        self.times_of(fits)
    }

    fn statuses(&self, status: u16) -> Vec<u64> {
        self.times_of(|message| {
            message
                .as_response()
                .is_some_and(|response| response.status().as_u16() == status)
        })
    }

    fn times_of(&self, fits: impl Fn(&Message) -> bool) -> Vec<u64> {
        let sent = self.sent.iter().filter(|(_, message)| fits(message));
        sent.map(|(at, _)| at.saturating_since(self.start).as_millis() as u64)
            .collect()
    }

    fn requests(&mut self) -> Vec<(ServerTransactionId, Request, bool)> {
        let outputs = std::mem::take(&mut self.outputs);
        let requests = outputs.into_iter().filter_map(|output| match output {
            Output::Request {
                transaction,
                request,
                merged,
                ..
            } => Some((transaction, *request, merged)),
            _ => None,
        });
        requests.collect()
    }

    fn finals(&self) -> Vec<u16> {
        let finals = self.outputs.iter().filter_map(|output| match output {
            Output::Response { response, .. } => Some(response.status().as_u16()),
            _ => None,
        });
        finals.filter(|status| *status >= 200).collect()
    }

    fn failures(&self) -> Vec<TransactionError> {
        let failures = self.outputs.iter().filter_map(|output| match output {
            Output::Failed { error, .. } => Some(*error),
            _ => None,
        });
        failures.collect()
    }

    fn respond(&mut self, transaction: ServerTransactionId, status: u16) -> Result<(), SendError> {
        let request = self.layer.request(transaction).ok_or(SendError::Stale)?;
        let status = StatusCode::new(status).expect("a status");
        let response = Builder::response_to(&request, status, Some(b"us"));
        let outcome = self.layer.respond(transaction, response, self.now);
        self.pump();
        outcome
    }
}

fn request(method: &str, via: &str, more: &str) -> String {
    format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP {via}\nMax-Forwards: 70\n\
         From: <sip:bob@192.0.2.2>;tag=b\nTo: <sip:alice@192.0.2.1>\nCall-ID: c1\n\
         CSeq: 1 {method}\nContact: <sip:bob@192.0.2.2>\n{more}Content-Length: 0\n\n"
    )
}

fn value(message: &Message, name: HeaderName<'_>) -> String {
    let header = message.header(name).expect("the header field");
    String::from_utf8(header.value.to_vec()).expect("text")
}

const VIA: &str = "192.0.2.2:5060;branch=z9hG4bKone";
