//! The transaction layer alone, a virtual clock, and a scripted far end.

use std::time::Duration;

use sip_core::transaction::{
    ClientTransactionId, Output, SendError, ServerTransactionId, TransactionError, TransactionLayer,
};
use sip_core::{ConnectionId, ConnectionInfo, Limits, Timestamp, Transport};
use sip_parse::{Builder, Bytes, HeaderName, Message, Method, Request, StatusCode, Value};

use crate::clock::{Timed, layer_with};
use crate::message::{crlf, response};

/// A transaction layer with one connection, and a virtual clock. The test is the transaction user and the
/// far end.
#[derive(Debug)]
pub struct LayerBench {
    /// The layer.
    pub layer: TransactionLayer<&'static str>,
    /// Its connection.
    pub connection: ConnectionId,
    /// The clock.
    pub now: Timestamp,
    /// When the clock started.
    pub start: Timestamp,
    /// Every message that the layer sent, and when.
    pub sent: Vec<(Timestamp, Message)>,
    /// Outputs that the test has not read.
    pub outputs: Vec<Output<&'static str>>,
}

impl LayerBench {
    /// A layer with the default limits.
    pub fn new(transport: Transport) -> Self {
        Self::with(transport, Limits::default(), None)
    }

    /// A layer whose peer is at `remote`.
    pub fn with(transport: Transport, limits: Limits, remote: Option<&str>) -> Self {
        let mut layer = layer_with(limits, 3);
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

    /// Takes every output that the layer has queued.
    pub fn pump(&mut self) {
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

    /// Turns the clock and stops at every deadline on the way.
    pub fn wait(&mut self, millis: u64) {
        self.pass(Duration::from_millis(millis));
    }

    /// The transaction user sends a request.
    pub fn send(&mut self, method: Method<'static>) -> ClientTransactionId {
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

    /// The far end sends bytes.
    pub fn feed(&mut self, bytes: impl Into<Bytes>) {
        let taken = self.layer.receive(self.connection, bytes.into(), self.now);
        taken.expect("room in the queue");
        self.pump();
    }

    /// The far end sends a message, written with LF line ends.
    pub fn feed_text(&mut self, text: &str) {
        self.feed(crlf(text));
    }

    /// The far end answers a request.
    pub fn reply(&mut self, request: &Message, status: u16, tag: &str) {
        let request = request.clone().into_request().expect("a request");
        self.feed(response(&request, status, tag, &[], None));
    }

    /// When requests of a method were sent, in milliseconds from the start.
    pub fn times(&self, method: &str) -> Vec<u64> {
        let fits = |message: &Message| {
            message
                .as_request()
                .is_some_and(|request| request.method().as_bytes() == method.as_bytes())
        };
        self.times_of(fits)
    }

    /// When responses with a status were sent, in milliseconds from the start.
    pub fn statuses(&self, status: u16) -> Vec<u64> {
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

    /// The requests that the layer passed up, and whether each is merged.
    pub fn requests(&mut self) -> Vec<(ServerTransactionId, Request, bool)> {
        let outputs = std::mem::take(&mut self.outputs);
        let requests = outputs.into_iter().filter_map(|output| match output {
            Output::Request {
                transaction,
                request,
                merged,
                ..
            } => Some((transaction, request, merged)),
            _ => None,
        });
        requests.collect()
    }

    /// The final responses that the layer passed up.
    pub fn finals(&self) -> Vec<u16> {
        let finals = self.outputs.iter().filter_map(|output| match output {
            Output::Response { response, .. } => Some(response.status().as_u16()),
            _ => None,
        });
        finals.filter(|status| *status >= 200).collect()
    }

    /// The failures that the layer reported.
    pub fn failures(&self) -> Vec<TransactionError> {
        let failures = self.outputs.iter().filter_map(|output| match output {
            Output::Failed { error, .. } => Some(*error),
            _ => None,
        });
        failures.collect()
    }

    /// The transaction user answers a request.
    ///
    /// # Errors
    /// Those of [`TransactionLayer::respond`].
    pub fn respond(
        &mut self,
        transaction: ServerTransactionId,
        status: u16,
    ) -> Result<(), SendError> {
        let request = self.layer.request(transaction).ok_or(SendError::Stale)?;
        let status = StatusCode::new(status).expect("a status");
        let response = Builder::response_to(&request, status, Some(b"us"));
        let outcome = self.layer.respond(transaction, response, self.now);
        self.pump();
        outcome
    }
}

impl Timed for LayerBench {
    fn clock(&mut self) -> &mut Timestamp {
        &mut self.now
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.layer.next_tick()
    }

    fn tick(&mut self) {
        self.layer.tick(self.now);
        self.pump();
    }
}
