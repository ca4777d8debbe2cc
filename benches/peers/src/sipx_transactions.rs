//! sipx-sip's transaction layer, bytes to bytes.

use std::time::Duration;

use bytes::Bytes;
use sip_benches::scenario::Scenario;
use sip_benches::scenarios::{PAUSE, far_end, requests};
use sipx_sip::transaction::{
    Dispatch, Output, Reliability, Timer, TransactionKey, TransactionLayer, TuEvent,
};
use sipx_sip::{HeaderName, Message, Method, RequestBuilder, ResponseBuilder, StatusCode, Uri};

use crate::deadlines::Deadlines;
use crate::sipx::frame;

/// A layer with its timers.
struct Layer {
    layer: TransactionLayer,
    timers: Deadlines<(TransactionKey, Timer)>,
    now: Duration,
}

impl Layer {
    fn new() -> Self {
        Self {
            layer: TransactionLayer::new(Default::default()),
            timers: Deadlines::new(),
            now: Duration::ZERO,
        }
    }

    fn pause(&mut self) {
        self.now += PAUSE;
        while let Some((key, timer)) = self.timers.due(self.now) {
            let outputs = self.layer.on_timer(&key, timer);
            self.carry_out(&key, outputs, |_, _| {});
        }
    }

    /// Sets timers and hands the rest up; what it sends goes to `sent`.
    fn carry_out(
        &mut self,
        key: &TransactionKey,
        outputs: Vec<Output>,
        mut up: impl FnMut(&mut Self, Up),
    ) {
        for output in outputs {
            match output {
                Output::SetTimer { timer, after } => {
                    self.timers.set(self.now + after, (key.clone(), timer));
                }
                Output::Send(message) => up(self, Up::Sent(message.to_bytes())),
                Output::ToTu(event) => up(self, Up::Event(*event)),
                _ => {}
            }
        }
    }
}

enum Up {
    Sent(Bytes),
    Event(TuEvent),
}

/// A server that answers one request after the other.
struct Server {
    layer: Layer,
    requests: Vec<Bytes>,
    at: usize,
    statuses: &'static [(u16, &'static str)],
    done: u64,
}

fn server(method: &str, statuses: &'static [(u16, &'static str)]) -> Box<dyn Scenario> {
    Box::new(Server {
        layer: Layer::new(),
        requests: requests(method, "UDP 192.0.2.9:5060"),
        at: 0,
        statuses,
        done: 0,
    })
}

pub fn options() -> Box<dyn Scenario> {
    server("OPTIONS", &[(200, "OK")])
}

pub fn invite() -> Box<dyn Scenario> {
    server("INVITE", &[(180, "Ringing"), (200, "OK")])
}

impl Scenario for Server {
    fn step(&mut self) {
        self.layer.pause();
        let bytes = self.requests[self.at].clone();
        self.at = (self.at + 1) % self.requests.len();
        let Some(message) = frame(bytes) else { return };
        let dispatched = self.layer.layer.receive(message, Reliability::Unreliable);
        let Dispatch::Created { key, outputs } = dispatched else {
            return;
        };
        let (mut sent, mut request) = (0, None);
        self.layer.carry_out(&key, outputs, |_, up| {
            if let Up::Event(TuEvent::Request(received)) = up {
                request = Some(received);
            }
        });
        let Some(request) = request else { return };
        for &(status, reason) in self.statuses {
            let response = StatusCode::new(status)
                .and_then(|status| ResponseBuilder::to_request(&request, status, reason).ok())
                .map(ResponseBuilder::build);
            let Some(response) = response else { return };
            let outputs = self.layer.layer.send_response(&key, response);
            self.layer.carry_out(&key, outputs, |_, up| {
                sent += usize::from(matches!(up, Up::Sent(_)));
            });
        }
        self.done += u64::from(sent == self.statuses.len());
    }

    fn done(&self) -> u64 {
        self.done
    }
}

/// A client that sends one OPTIONS after the other.
struct Client {
    layer: Layer,
    sequence: u32,
    done: u64,
}

pub fn client() -> Box<dyn Scenario> {
    Box::new(Client {
        layer: Layer::new(),
        sequence: 0,
        done: 0,
    })
}

impl Client {
    fn request(&mut self) -> Option<sipx_sip::Request> {
        self.sequence += 1;
        let uri = Uri::parse(Bytes::from_static(b"sip:bob@192.0.2.2")).ok()?;
        let options = Method::parse(&Bytes::from_static(b"OPTIONS"));
        let via = format!(
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{:016x};rport",
            self.sequence
        );
        let request = RequestBuilder::new(options.clone(), uri)
            .header(HeaderName::Via, via)
            .ok()?
            .max_forwards(70)
            .header(HeaderName::From, "<sip:alice@192.0.2.1>;tag=1928301774")
            .ok()?
            .header(HeaderName::To, "<sip:bob@192.0.2.2>")
            .ok()?
            .header(HeaderName::CallId, "a84b4c76e66710@192.0.2.1")
            .ok()?
            .cseq(self.sequence, &options)
            .ok()?
            .build();
        Some(request)
    }
}

impl Scenario for Client {
    fn step(&mut self) {
        self.layer.pause();
        let Some(request) = self.request() else {
            return;
        };
        let created = self
            .layer
            .layer
            .send_request(request, Reliability::Unreliable);
        let Some((key, outputs)) = created else {
            return;
        };
        let mut sent = None;
        self.layer.carry_out(&key, outputs, |_, up| {
            if let Up::Sent(bytes) = up {
                sent = Some(bytes);
            }
        });
        let response = sent.and_then(|bytes| frame(far_end::ok(&bytes)));
        let Some(response @ Message::Response(_)) = response else {
            return;
        };
        let dispatched = self.layer.layer.receive(response, Reliability::Unreliable);
        let Dispatch::Matched { key, outputs } = dispatched else {
            return;
        };
        let mut done = false;
        self.layer.carry_out(&key, outputs, |_, up| {
            done |= matches!(up, Up::Event(TuEvent::Response(response)) if response.status.code() == 200);
        });
        self.done += u64::from(done);
    }

    fn done(&self) -> u64 {
        self.done
    }
}
