#![no_main]
//! A sequence of requests, responses and time jumps against a transaction layer.
//!
//! Invariants: no panic; the deadline always advances; each client transaction ends exactly once, in a final
//! response or a failure; all that is sent can be read; after quiet time the layer is idle.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use sip_core::transaction::{
    ClientTransactionId, Output, ServerTransactionId, TransactionLayer, TransactionSettings,
};
use sip_core::{ConnectionId, ConnectionInfo, Timestamp, Transport};
use sip_fuzz::script::Script;
use sip_fuzz::tally;
use sip_parse::{Builder, Bytes, HeaderName, Limits, Message, Method, Request, StatusCode};
use sip_testing::settings;

/// The highest number of outputs that one input may cause.
const BURST: usize = 10_000;

const METHODS: [Method<'static>; 6] = [
    Method::Invite,
    Method::Options,
    Method::Register,
    Method::Bye,
    Method::Message,
    Method::Other(b"EXTEND"),
];

const STATUS: [u16; 12] = [100, 180, 183, 200, 202, 302, 401, 404, 408, 486, 487, 503];

struct Run {
    layer: TransactionLayer<u32>,
    now: Timestamp,
    connections: Vec<ConnectionId>,
    /// The last few requests of the layer, as sent.
    sent: Vec<Request>,
    /// The last few inputs.
    fed: Vec<Bytes>,
    servers: Vec<ServerTransactionId>,
    clients: Vec<(ClientTransactionId, Method<'static>)>,
    /// Whether a client transaction has ended, by the tag that it was given.
    ended: BTreeMap<u32, bool>,
    invites: BTreeSet<u32>,
    /// A CANCEL waits for a 1xx, so it may end without ever having been sent.
    cancels: BTreeSet<u32>,
    understood: u64,
    finished: u64,
    next: u32,
}

fuzz_target!(|data: &[u8]| {
    let mut script = Script::new(data);
    let mut run = Run::new(&mut script);
    let mut steps = 0;
    while let Some(step) = script.step() {
        run.step(step, &mut script);
        run.drain();
        steps += 1;
        if steps == 200 {
            break;
        }
    }
    run.quiet();
    tally::count(run.understood > 0 || run.finished > 0);
    tally::reached("messages understood", run.understood);
    tally::reached("client transactions finished", run.finished);
});

impl Run {
    fn new(script: &mut Script<'_>) -> Self {
        let transport = *script
            .pick(&[Transport::Udp, Transport::Wss, Transport::Tcp])
            .expect("not empty");
        let mut layer = TransactionLayer::new(
            TransactionSettings {
                rport: true,
                forwards: script.byte() & 1 == 1,
                ..settings(Default::default())
            },
            Box::new(ChaCha8Rng::from_seed([script.byte(); 32])),
        );
        let connections = (0..2)
            .map(|_| {
                layer.accept(ConnectionInfo {
                    transport,
                    remote: None,
                })
            })
            .collect();
        Self {
            layer,
            now: Timestamp::from_millis(1),
            connections,
            sent: Vec::new(),
            fed: Vec::new(),
            servers: Vec::new(),
            clients: Vec::new(),
            ended: BTreeMap::new(),
            invites: BTreeSet::new(),
            cancels: BTreeSet::new(),
            understood: 0,
            finished: 0,
            next: 0,
        }
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        let connection = self.connections[usize::from(step >> 7)];
        match step & 15 {
            0 => self.to_deadline(),
            1 => self.pass(Duration::from_millis(u64::from(script.byte()) * 40)),
            2 => self.pass(Duration::from_secs(u64::from(script.byte()))),
            3..=5 => self.send(connection, script),
            6..=8 => self.answer(connection, script),
            9 | 10 => self.request(connection, script),
            11 => {
                let again = script.pick(&self.fed).cloned();
                if let Some(bytes) = again {
                    let _ = self.layer.receive(connection, bytes, self.now);
                }
            }
            12 => self.feed(connection, Bytes::copy_from_slice(script.bytes())),
            13 => self.respond(script),
            14 => {
                if let Some(&(client, method)) = script.pick(&self.clients) {
                    let tag = self.next;
                    let cancelled = self.layer.cancel(client, None, tag, self.now);
                    assert!(
                        cancelled.is_err() || method == Method::Invite,
                        "only INVITE can be cancelled"
                    );
                    if cancelled.is_ok() {
                        self.next += 1;
                        self.cancels.insert(tag);
                    }
                }
            }
            _ => {
                if script.byte() & 7 == 0 {
                    self.layer.closed(connection, self.now);
                }
            }
        }
    }

    fn send(&mut self, connection: ConnectionId, script: &mut Script<'_>) {
        let method = *script.pick(&METHODS).expect("not empty");
        let tag = self.next;
        let call_id = format!("call-{tag}");
        let cseq = format!("{} {method}", u32::from(script.byte()) + 1);
        let mut request = Builder::request(method, b"sip:bob@192.0.2.9");
        request
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::From, "<sip:alice@192.0.2.1>;tag=a")
            .append(HeaderName::To, "<sip:bob@192.0.2.9>")
            .append(HeaderName::CallId, &call_id)
            .append(HeaderName::CSeq, &cseq);
        if let Ok(id) = self.layer.send_request(connection, request, tag, self.now) {
            self.next += 1;
            self.ended.insert(tag, false);
            if method == Method::Invite {
                self.invites.insert(tag);
            }
            self.clients.push((id, method));
        }
    }

    fn answer(&mut self, connection: ConnectionId, script: &mut Script<'_>) {
        let status = *script.pick(&STATUS).expect("not empty");
        let to = [&b"one"[..], b"two"][script.choice(2)];
        let Some(request) = script.pick(&self.sent) else {
            return;
        };
        let status = StatusCode::new(status).expect("a status");
        let response = Builder::response_to(request, status, Some(to))
            .build()
            .expect("a response to what we sent");
        self.feed(connection, response.bytes().clone());
    }

    fn request(&mut self, connection: ConnectionId, script: &mut Script<'_>) {
        let number = script.choice(6);
        let method = [
            "INVITE", "ACK", "CANCEL", "OPTIONS", "BYE", "INFO", "PRACK", "UPDATE",
        ][script.choice(8)];
        let tag = ["", ";tag=a"][script.choice(2)];
        let text = format!(
            "{method} sip:alice@192.0.2.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@192.0.2.9>;tag=b\r\n\
             To: <sip:alice@192.0.2.1>{tag}\r\nCall-ID: in-{number}\r\nCSeq: 1 {method}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        self.feed(connection, text.into());
    }

    fn respond(&mut self, script: &mut Script<'_>) {
        let status = *script.pick(&STATUS).expect("not empty");
        let Some(&server) = script.pick(&self.servers) else {
            return;
        };
        let Some(request) = self.layer.request(server) else {
            return;
        };
        let status = StatusCode::new(status).expect("a status");
        let response = Builder::response_to(&request, status, Some(b"ours"));
        // The layer refuses a response that RFC 4320 or the state forbids; that is part of the test.
        if self.layer.respond(server, response, self.now).is_ok() {
            self.understood += 1;
        }
    }

    fn feed(&mut self, connection: ConnectionId, bytes: Bytes) {
        if self.fed.len() == 16 {
            self.fed.remove(0);
        }
        self.fed.push(bytes.clone());
        let _ = self.layer.receive(connection, bytes, self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.fire();
    }

    fn to_deadline(&mut self) {
        if let Some(next) = self.layer.next_tick() {
            self.now = self.now.max(next);
            self.fire();
        }
    }

    /// Fires all due deadlines.
    fn fire(&mut self) {
        for _ in 0..BURST {
            if self.layer.next_tick().is_none_or(|next| next > self.now) {
                return;
            }
            self.layer.tick(self.now);
            self.drain();
        }
        panic!("the deadline does not advance");
    }

    fn drain(&mut self) {
        for _ in 0..BURST {
            let Some(output) = self.layer.poll() else {
                return;
            };
            self.take(output);
        }
        panic!("one input causes outputs without end");
    }

    fn take(&mut self, output: Output<u32>) {
        match output {
            Output::Transmit { bytes, .. } => {
                if &bytes[..] == b"\r\n" {
                    return;
                }
                let message =
                    Message::parse(bytes, &Limits::default()).expect("what is sent can be read");
                if let Ok(request) = message.into_request() {
                    request.validate().expect("what is sent is valid");
                    if self.sent.len() == 16 {
                        self.sent.remove(0);
                    }
                    self.sent.push(request);
                }
            }
            Output::Request { transaction, .. } => {
                self.understood += 1;
                self.servers.push(transaction);
                if self.servers.len() > 16 {
                    self.servers.remove(0);
                }
            }
            Output::Response { user, response, .. } => {
                self.understood += 1;
                let status = response.status();
                if !status.is_provisional() {
                    // Forks may answer an INVITE with more than one 2xx (RFC 6026 section 7.2).
                    self.end(user, status.is_success());
                }
            }
            // An INVITE that was refused fails once more when its ACK cannot be sent (RFC 3261 figure 5).
            Output::Failed { user, .. } => self.end(user, true),
            Output::Ack { .. } => self.understood += 1,
            _ => {}
        }
    }

    fn end(&mut self, user: u32, again: bool) {
        if self.cancels.contains(&user) {
            return;
        }
        let before = self.ended.insert(user, true);
        let again = again && self.invites.contains(&user);
        assert!(
            before == Some(false) || again,
            "transaction {user} ended twice"
        );
        self.finished += u64::from(before == Some(false));
    }

    /// Feeds no further input: every transaction ends.
    fn quiet(&mut self) {
        self.drain();
        // A server transaction waits for its user without end, so the user answers here.
        let servers = std::mem::take(&mut self.servers);
        for server in servers {
            if let Some(request) = self.layer.request(server) {
                let response =
                    Builder::response_to(&request, StatusCode::SERVER_INTERNAL_ERROR, None);
                let _ = self.layer.respond(server, response, self.now);
            }
        }
        for connection in std::mem::take(&mut self.connections) {
            if self.finished % 2 == 0 {
                self.pass(Duration::from_secs(300));
            }
            self.layer.closed(connection, self.now);
            self.drain();
        }
        self.pass(Duration::from_secs(300));
        assert!(self.layer.is_idle(), "not idle: {:?}", self.layer);
        for (user, ended) in &self.ended {
            assert!(ended, "transaction {user} never ended");
        }
    }
}
