//! A back-to-back user agent (RFC 3261 section 6): one [`Endpoint`], one [`SessionLayer`], and a map from call to call. Alice and bob are
//! a [`UserAgent`] each with one connection to it; bytes cross in memory and the clock is simulated. A wrong step makes the example fail.
//!
//! `cargo run --release -p sip-ua-core --example b2bua`

use sip_core::config::Config;
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::session::{Input, ModifyOptions, Phase, SessionLayer};
use sip_core::*;
use sip_parse::{Bytes, Request, UriBuf};
use sip_testing::{Between, Pair, Weather, exchange_ended, random, remote_description};
use std::{collections::BTreeMap, time::Duration};

const ALICE: usize = 0;
const BOB: usize = 1;
const NAMES: [&str; 2] = ["alice", "bob"];

/// The back-to-back user agent.
struct Switch {
    endpoint: Endpoint,
    calls: SessionLayer,
    /// The other half of each half of a call.
    other: BTreeMap<SessionId, SessionId>,
    /// The exchange in which the core asks for a description.
    asked: BTreeMap<SessionId, ExchangeId>,
    /// What the other half described, until the exchange of this half is over.
    descriptions: BTreeMap<SessionId, Body>,
    /// The connection of each user.
    users: BTreeMap<Vec<u8>, ConnectionId>,
}

impl Switch {
    /// `None` if the command does not fit any more.
    fn step(&mut self, call: SessionId, input: Input<'_>) -> Option<()> {
        let taken = self.calls.step(&mut self.endpoint, call, input);
        self.calls.settle(&mut self.endpoint);
        taken.ok()
    }

    /// Calls the user that the Request-URI names.
    fn on_call(&mut self, call: SessionId, request: &Request) -> Option<()> {
        let target = UriBuf::parse(request.uri_bytes()).ok()?;
        let mut options = InviteOptions::new();
        options.late_offer = Body::description_in(request).is_none();
        let line = target.as_uri().user().and_then(|user| self.users.get(user));
        let (endpoint, calls) = (&mut self.endpoint, &mut self.calls);
        let called =
            line.and_then(|&line| calls.invite(endpoint, Some(line), target, options).ok());
        let Some(called) = called else {
            return self.step(call, Input::Reject(FailureStatus::TEMPORARILY_UNAVAILABLE));
        };
        self.other.extend([(call, called), (called, call)]);
        // The core hands over the offer now; its 200 waits for the answer.
        self.step(call, Input::Answer)
    }

    /// What happens to one half happens to the other.
    fn on_event(&mut self, event: Event) -> Option<()> {
        let call = event.session()?;
        if let Event::IncomingCall { request, .. } = &event {
            return self.on_call(call, request);
        }
        let other = *self.other.get(&call)?;
        let is_up = self.calls.phase(other) == Some(Phase::Established);
        let is_asked = self.asked.contains_key(&other);
        match event {
            Event::Progress { .. } => self.step(other, Input::Ring),
            Event::DescriptionNeeded { exchange, .. } => {
                self.asked.insert(call, exchange);
                self.describe(call)
            }
            Event::RemoteDescription { kind, body, .. } => {
                self.descriptions.insert(other, *body);
                let is_new = kind == DescriptionKind::Offer && is_up && !is_asked;
                // RFC 3261 section 14.1: one INVITE at a time.
                if is_new
                    && self
                        .step(other, Input::Renegotiate(ModifyOptions::new()))
                        .is_none()
                {
                    return self.step(call, Input::Reject(FailureStatus::REQUEST_PENDING));
                }
                self.describe(other)
            }
            Event::ExchangeEnded { outcome, .. } => {
                self.asked.remove(&call);
                // After a roll-back the core asks for the offer again.
                if matches!(outcome, ExchangeOutcome::RolledBack(_)) {
                    return None;
                }
                self.descriptions.remove(&call);
                let why = outcome.reason().filter(|_| is_up && is_asked)?;
                self.step(other, Input::Reject(refusal(why)))
            }
            Event::Ended { reason, .. } => {
                self.other.remove(&call);
                match self.calls.phase(other)? {
                    Phase::Incoming => self.step(other, Input::Reject(refusal(&reason))),
                    _ => self.step(other, Input::HangUp),
                }
            }
            _ => None,
        }
    }

    /// Passes on the description of the other half, once both it and the question are here.
    fn describe(&mut self, call: SessionId) -> Option<()> {
        let body = self.descriptions.get(&call)?.clone();
        let exchange = self.asked.remove(&call)?;
        self.step(call, Input::Describe(exchange, Ok(body)))
    }
}

/// What the other half learns of a refusal.
fn refusal(reason: &EndReason) -> FailureStatus {
    let refused = reason.status.map(|refused| refused.as_u16());
    FailureStatus::new(refused.unwrap_or(480)).unwrap_or(FailureStatus::TEMPORARILY_UNAVAILABLE)
}

/// The wires of the simulated network end here.
impl Between for Switch {
    type End = ConnectionId;

    fn accept(&mut self, info: ConnectionInfo) -> ConnectionId {
        let connection = self.endpoint.accept(info);
        self.users
            .insert(NAMES[self.users.len()].into(), connection);
        connection
    }
    fn closed(&mut self, end: ConnectionId, now: Timestamp) {
        self.endpoint.closed(end, now);
        self.calls.settle(&mut self.endpoint);
    }
    fn receive(&mut self, end: ConnectionId, bytes: Bytes, now: Timestamp) {
        self.endpoint.receive(end, bytes, now).expect("room");
        self.calls.settle(&mut self.endpoint);
    }
    fn poll(&mut self) -> Option<(ConnectionId, Bytes)> {
        loop {
            match self.endpoint.poll_action()? {
                Action::Transmit { connection, bytes } => return Some((connection, bytes)),
                Action::Event(event) => _ = self.on_event(event),
                _ => {}
            }
        }
    }
    fn next_tick(&self) -> Option<Timestamp> {
        self.endpoint.next_tick()
    }
    fn tick(&mut self, now: Timestamp) {
        self.calls.tick(&mut self.endpoint, now);
    }
}

/// The call of this user ends.
fn ends(pair: &mut Pair<Switch>, user: usize, call: SessionId, cause: Cause) {
    let reason = pair.ended(user, call);
    let status = reason.status.map(|status| status.as_u16());
    assert!(reason.cause == cause && (cause != Cause::Refused || status == Some(486)));
    println!("{:>5}: the call is over: {reason}", NAMES[user]);
}

/// A user hangs up.
fn hang_up(pair: &mut Pair<Switch>, user: usize, calls: [SessionId; 2], causes: [Cause; 2]) {
    assert!(pair.agents[user].hang_up(calls[user], pair.now).is_ok());
    ends(pair, user, calls[user], causes[0]);
    ends(pair, 1 - user, calls[1 - user], causes[1]);
}

/// Alice calls bob, whose agent rings.
fn call(pair: &mut Pair<Switch>) -> [SessionId; 2] {
    let alice = &mut pair.agents[ALICE];
    let called = alice.invite("sip:bob@example.com", InviteOptions::new(), pair.now);
    pair.describe(ALICE, "v=0 alice 1");
    let is_call = |event: &Event| matches!(event, Event::IncomingCall { .. });
    let incoming = pair.next(BOB, |event| event.session().filter(|_| is_call(event)));
    if let Ok(Session::Incoming(call)) = pair.agents[BOB].session(incoming) {
        call.ring(pair.now);
    }
    let rings = |event: &Event| matches!(event, Event::Progress { .. }).then_some(());
    pair.next(ALICE, rings);
    println!("alice calls bob: INVITE and 180 crossed");
    [called.expect("a call"), incoming]
}

/// Both halves have a new session.
fn agreed(pair: &mut Pair<Switch>, user: usize, sdp: [&'static str; 2]) {
    let body = |event: &Event| Some(remote_description(event)?.2.bytes.clone());
    assert_eq!(pair.next(1 - user, body), sdp[0]);
    pair.describe(1 - user, sdp[1]);
    assert_eq!(pair.next(user, body), sdp[1]);
    for user in [ALICE, BOB] {
        assert_eq!(pair.next(user, exchange_ended).outcome, Ok(()));
    }
}

/// Runs every step.
pub fn main() {
    let uri = UriBuf::parse(b"sip:switch@example.com").expect("a URI");
    let mut settings = EndpointSettings::new(uri);
    settings.behaviour.takes_any_user = true;
    let switch = Switch {
        endpoint: Endpoint::new(settings, random(1), Timestamp::ZERO),
        calls: SessionLayer::new(),
        other: BTreeMap::new(),
        asked: BTreeMap::new(),
        descriptions: BTreeMap::new(),
        users: BTreeMap::new(),
    };
    let agents = NAMES.map(|name| {
        let (mut config, uri) = (Config::builder(), format!("sip:{name}@example.com"));
        config.uri(&uri).server("ws://x.invalid").register(false);
        (name, config)
    });
    // Without a delay the connections open in the order of the agents.
    let mut weather = Weather::calm(Transport::Ws);
    weather.delay = Duration::ZERO;
    let mut pair = Pair::new(1, weather, switch, &agents);
    pair.wait(Duration::from_secs(1));
    let [alice, bob] = [["v=0 alice 2", "v=0 bob 2"], ["v=0 bob 3", "v=0 alice 3"]];
    for hangs_up in [ALICE, BOB] {
        let calls = call(&mut pair);
        if let Ok(Session::Incoming(call)) = pair.agents[BOB].session(calls[BOB]) {
            call.answer(pair.now);
        }
        agreed(&mut pair, ALICE, ["v=0 alice 1", "v=0 bob 1"]);
        println!("  bob: answers; offer, answer, 200 and ACK crossed");
        for (user, name, sdp) in [(ALICE, "alice", alice), (BOB, "  bob", bob)] {
            if let Ok(Session::Established(call)) = pair.agents[user].session(calls[user]) {
                call.reinvite(ModifyOptions::new(), pair.now)
                    .expect("no INVITE is under way");
            }
            pair.describe(user, sdp[0]);
            agreed(&mut pair, user, sdp);
            println!("{name}: changes the session; re-INVITE, offer and answer crossed");
        }
        hang_up(&mut pair, hangs_up, calls, [Cause::Requested, Cause::Bye]);
    }
    let calls = call(&mut pair);
    hang_up(&mut pair, ALICE, calls, [Cause::Cancelled; 2]);
    let calls = call(&mut pair);
    if let Ok(Session::Incoming(call)) = pair.agents[BOB].session(calls[BOB]) {
        call.reject(FailureStatus::BUSY_HERE, pair.now);
    }
    ends(&mut pair, BOB, calls[BOB], Cause::Refused);
    ends(&mut pair, ALICE, calls[ALICE], Cause::Refused);
    pair.wait(Duration::from_secs(60));
    assert_eq!(pair.agents[ALICE].table_sizes(), TableSizes::default());
    assert_eq!(pair.agents[BOB].table_sizes(), TableSizes::default());
    let switch = &pair.between;
    assert!(switch.calls.is_empty() && switch.other.is_empty());
    assert!(switch.asked.is_empty() && switch.descriptions.is_empty());
    assert_eq!(switch.endpoint.table_sizes(), [0; 4]);
    println!("2 calls answered, 1 cancelled, 1 refused; nothing is left");
}
