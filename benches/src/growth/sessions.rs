//! Two `Endpoint`s with a `SessionLayer` each, on one connection.

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

use super::agents::LAPSE;
use crate::series::{Series, limits, webrtc_description};

/// A connection that has just opened.
const INFO: ConnectionInfo = ConnectionInfo {
    transport: Transport::Ws,
    remote: None,
};

/// One end of all calls.
struct End {
    endpoint: Endpoint,
    calls: SessionLayer,
    connection: ConnectionId,
    description: Body,
    incoming: Option<SessionId>,
    established: u64,
    ended: u64,
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
            description: Body::sdp(webrtc_description()),
            incoming: None,
            established: 0,
            ended: 0,
        }
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
                self.incoming = Some(session);
                let answer = Input::Answer;
                let done = self.calls.step(&mut self.endpoint, session, answer);
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

/// Both ends and the clock.
struct Pair {
    caller: End,
    callee: End,
    now: Timestamp,
}

impl Pair {
    fn new() -> Self {
        Self {
            caller: End::new("alice", 1),
            callee: End::new("bob", 2),
            now: Timestamp::ZERO,
        }
    }

    /// Passes messages until there are none.
    fn run(&mut self) {
        let mut out = Vec::new();
        loop {
            self.caller.poll(&mut out);
            let to_callee = std::mem::take(&mut out);
            self.callee.poll(&mut out);
            let to_caller = std::mem::take(&mut out);
            if to_callee.is_empty() && to_caller.is_empty() {
                return;
            }
            for bytes in to_callee {
                let (end, now) = (&mut self.callee, self.now);
                end.endpoint
                    .receive(end.connection, bytes, now)
                    .expect("room");
                end.poll(&mut out);
            }
            for bytes in std::mem::take(&mut out).into_iter().chain(to_caller) {
                let (end, now) = (&mut self.caller, self.now);
                end.endpoint
                    .receive(end.connection, bytes, now)
                    .expect("room");
                end.calls.settle(&mut end.endpoint);
            }
        }
    }

    fn call(&mut self) -> SessionId {
        let target = UriBuf::parse(b"sip:bob@192.0.2.2").expect("a URI");
        let end = &mut self.caller;
        let call = end.calls.invite(
            &mut end.endpoint,
            Some(end.connection),
            target,
            InviteOptions::new(),
        );
        let call = call.expect("room for the call");
        self.run();
        call
    }

    fn hang_up(&mut self, call: SessionId) {
        let end = &mut self.caller;
        let done = end.calls.step(&mut end.endpoint, call, Input::HangUp);
        done.expect("the call is up");
        self.run();
    }

    /// Lets transactions that are over lapse.
    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        for end in [&mut self.caller, &mut self.callee] {
            end.calls.tick(&mut end.endpoint, self.now);
        }
        self.run();
    }
}

/// One step is a call.
struct Calls(Pair);

impl Series for Calls {
    fn step(&mut self) {
        let ended = self.0.callee.ended;
        let call = self.0.call();
        self.0.hang_up(call);
        assert_eq!(self.0.callee.ended, ended + 1);
    }

    fn rest(&mut self) {
        self.0.wait(LAPSE);
    }
}

pub(super) fn calls_up(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    for number in 1..=size {
        pair.call();
        if number % 1_000 == 0 {
            pair.wait(LAPSE);
        }
    }
    pair.wait(LAPSE);
    assert_eq!(pair.callee.established, size);
    Box::new(Calls(pair))
}

/// One step is a call on a connection of its own, which is lost.
struct Connections(Pair);

impl Connections {
    /// A call on a new connection between both ends.
    fn call(&mut self) {
        let Pair { caller, callee, .. } = &mut self.0;
        for end in [caller, callee] {
            end.connection = end.endpoint.accept(INFO);
            end.endpoint.name_server(end.connection, "edge.example.com");
        }
        self.0.call();
    }
}

impl Series for Connections {
    fn step(&mut self) {
        let established = self.0.callee.established;
        self.call();
        assert_eq!(self.0.callee.established, established + 1);
        let now = self.0.now;
        let Pair { caller, callee, .. } = &mut self.0;
        for end in [caller, callee] {
            end.endpoint.closed(end.connection, now);
        }
        self.0.run();
    }
}

pub(super) fn connections(size: u64) -> Box<dyn Series> {
    let mut connections = Connections(Pair::new());
    for _ in 0..size {
        connections.call();
    }
    Box::new(connections)
}

/// The loss of the connection under calls that have just begun.
struct Lost {
    pair: Pair,
    calls: u64,
    is_spent: bool,
}

impl Series for Lost {
    fn step(&mut self) {
        let end = &mut self.pair.caller;
        end.endpoint.closed(end.connection, self.pair.now);
        end.calls.settle(&mut end.endpoint);
        self.is_spent = true;
    }

    fn objects(&self) -> u64 {
        self.calls
    }

    fn is_spent(&self) -> bool {
        self.is_spent
    }
}

pub(super) fn lost(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    for _ in 0..size {
        pair.call();
    }
    Box::new(Lost {
        pair,
        calls: size,
        is_spent: false,
    })
}
