//! Two `Endpoint`s with a `SessionLayer` each, on one connection: no user agent, no registration.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::session::{Input, SessionLayer};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, InviteOptions, SessionId, Timestamp,
    Transport,
};
use sip_parse::{Bytes, UriBuf};

use crate::description::description;
use crate::series::limits;

/// A connection that has just opened.
pub(crate) const INFO: ConnectionInfo = ConnectionInfo {
    transport: Transport::Ws,
    remote: None,
};

/// One end of all calls.
pub(crate) struct End {
    pub(crate) endpoint: Endpoint,
    pub(crate) calls: SessionLayer,
    pub(crate) connection: ConnectionId,
    description: Body,
    pub(crate) established: u64,
    pub(crate) ended: u64,
}

impl End {
    fn new(user: &str, seed: u8) -> Self {
        let uri = UriBuf::parse(format!("sip:{user}@192.0.2.{seed}").as_bytes()).expect("a URI");
        let mut settings = EndpointSettings::new(uri);
        settings.identity.host = Some(format!("192.0.2.{seed}").into());
        settings.behaviour.takes_any_user = true;
        settings.limits = limits();
        let random = Box::new(ChaCha20Rng::from_seed([seed; 32]));
        let mut endpoint = Endpoint::new(settings, random, Timestamp::ZERO);
        let connection = endpoint.accept(INFO);
        Self {
            endpoint,
            calls: SessionLayer::new(),
            connection,
            description: description(),
            established: 0,
            ended: 0,
        }
    }

    fn receive(&mut self, bytes: Bytes, now: Timestamp) {
        let received = self.endpoint.receive(self.connection, bytes, now);
        received.expect("room in the queue");
    }

    /// Carries out the actions; what it sends goes to `out`.
    fn poll(&mut self, out: &mut Vec<Bytes>) {
        self.calls.settle(&mut self.endpoint);
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Transmit { bytes, .. } => out.push(bytes),
                Action::Event(event) => self.on_event(event),
                _ => {}
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::IncomingCall { session, .. } => {
                let done = self.calls.step(&mut self.endpoint, session, Input::Answer);
                done.expect("an incoming call can be answered");
                self.calls.settle(&mut self.endpoint);
            }
            Event::DescriptionNeeded {
                session, exchange, ..
            } => {
                let input = Input::Describe(exchange, Ok(self.description.clone()));
                let done = self.calls.step(&mut self.endpoint, session, input);
                done.expect("the exchange waits for its description");
                self.calls.settle(&mut self.endpoint);
            }
            Event::Established { .. } => self.established += 1,
            Event::Ended { .. } => self.ended += 1,
            _ => {}
        }
    }
}

/// Both ends, the messages between them, and the clock.
pub(crate) struct Pair {
    pub(crate) caller: End,
    pub(crate) callee: End,
    pub(crate) now: Timestamp,
    to_callee: Vec<Bytes>,
    to_caller: Vec<Bytes>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self {
            caller: End::new("alice", 1),
            callee: End::new("bob", 2),
            now: Timestamp::ZERO,
            to_callee: Vec::new(),
            to_caller: Vec::new(),
        }
    }

    /// Passes messages until there are none.
    pub(crate) fn deliver(&mut self) {
        loop {
            self.caller.poll(&mut self.to_callee);
            self.callee.poll(&mut self.to_caller);
            if self.to_callee.is_empty() && self.to_caller.is_empty() {
                return;
            }
            for bytes in self.to_callee.drain(..) {
                self.callee.receive(bytes, self.now);
            }
            for bytes in self.to_caller.drain(..) {
                self.caller.receive(bytes, self.now);
            }
        }
    }

    /// Sets up a call.
    pub(crate) fn call(&mut self) -> SessionId {
        let target = UriBuf::parse(b"sip:bob@192.0.2.2").expect("a URI");
        let caller = &mut self.caller;
        let options = InviteOptions::new();
        let connection = Some(caller.connection);
        let call = caller
            .calls
            .invite(&mut caller.endpoint, connection, target, options);
        let call = call.expect("room for the call");
        self.deliver();
        call
    }

    /// Lets transactions that are over lapse.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        for end in [&mut self.caller, &mut self.callee] {
            end.calls.tick(&mut end.endpoint, self.now);
        }
        self.deliver();
    }

    pub(crate) fn hang_up(&mut self, call: SessionId) {
        let caller = &mut self.caller;
        let done = caller.calls.step(&mut caller.endpoint, call, Input::HangUp);
        done.expect("the call is up");
        self.deliver();
    }
}
