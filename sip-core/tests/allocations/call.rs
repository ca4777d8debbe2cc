//! A call between two ends, each an endpoint with a layer of calls.

use std::time::Duration;

use allocation_counter::measure;
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::session::{Input, SessionLayer};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, InviteOptions, SessionId, Timestamp,
    Transport,
};
use sip_parse::{Bytes, UriBuf};
use sip_testing::random;

/// The length of a description of a browser, in bytes.
const DESCRIPTION: usize = 2_500;

struct End {
    endpoint: Endpoint,
    calls: SessionLayer,
    connection: ConnectionId,
    description: Body,
}

impl End {
    fn new(user: &str, seed: u8) -> Self {
        let uri = UriBuf::parse(format!("sip:{user}@192.0.2.{seed}")).expect("a URI");
        let mut settings = EndpointSettings::new(uri);
        settings.identity.host = Some(format!("192.0.2.{seed}").into());
        settings.behaviour.takes_any_user = true;
        let limits = &mut settings.limits;
        limits.sessions = 2_000;
        limits.incoming_sessions = 2_000;
        limits.client_transactions = 4_000;
        limits.server_transactions = 4_000;
        let mut endpoint = Endpoint::new(settings, random(seed), Timestamp::ZERO);
        let connection = endpoint.accept(ConnectionInfo {
            transport: Transport::Ws,
            remote: None,
        });
        let mut description = b"v=0\r\n".to_vec();
        description.resize(DESCRIPTION, b'x');
        Self {
            endpoint,
            calls: SessionLayer::new(),
            connection,
            description: Body::sdp(description),
        }
    }

    /// Carries out what the core wants; what it sends goes to `out`.
    fn poll(&mut self, out: &mut Vec<Bytes>) {
        self.calls.settle(&mut self.endpoint);
        while let Some(action) = self.endpoint.poll_action() {
            let (session, input) = match action {
                Action::Transmit { bytes, .. } => {
                    out.push(bytes);
                    continue;
                }
                Action::Event(Event::IncomingCall { session, .. }) => (session, Input::Answer),
                Action::Event(Event::DescriptionNeeded {
                    session, exchange, ..
                }) => {
                    let description = Ok(self.description.clone());
                    (session, Input::Describe(exchange, description))
                }
                _ => continue,
            };
            let done = self.calls.step(&mut self.endpoint, session, input);
            done.expect("the call waits for it");
            self.calls.settle(&mut self.endpoint);
        }
    }
}

struct Pair {
    ends: [End; 2],
    now: Timestamp,
    /// What each end has received.
    wires: [Vec<Bytes>; 2],
}

impl Pair {
    fn new() -> Self {
        Self {
            ends: [End::new("alice", 1), End::new("bob", 2)],
            now: Timestamp::ZERO,
            wires: [Vec::new(), Vec::new()],
        }
    }

    /// Passes messages until there are none.
    fn deliver(&mut self) {
        let ([caller, callee], [to_caller, to_callee]) = (&mut self.ends, &mut self.wires);
        loop {
            caller.poll(to_callee);
            callee.poll(to_caller);
            if to_caller.is_empty() && to_callee.is_empty() {
                return;
            }
            for (end, wire) in [
                (&mut *caller, &mut *to_caller),
                (&mut *callee, &mut *to_callee),
            ] {
                for bytes in wire.drain(..) {
                    let received = end.endpoint.receive(end.connection, bytes, self.now);
                    received.expect("room in the queue");
                }
            }
        }
    }

    fn call(&mut self) -> SessionId {
        let target = UriBuf::parse("sip:bob@192.0.2.2").expect("a URI");
        let caller = &mut self.ends[0];
        let (connection, options) = (Some(caller.connection), InviteOptions::new());
        let layer = &mut caller.calls;
        let call = layer.invite(&mut caller.endpoint, connection, target, options);
        self.deliver();
        call.expect("room for the call")
    }

    fn hang_up(&mut self, call: SessionId) {
        let caller = &mut self.ends[0];
        let done = caller.calls.step(&mut caller.endpoint, call, Input::HangUp);
        done.expect("the call is up");
        self.deliver();
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        for end in &mut self.ends {
            end.calls.tick(&mut end.endpoint, self.now);
        }
        self.deliver();
    }
}

/// An end of a call that is up holds at most 1,000 bytes of the heap once the transactions of its INVITE are over, the spare room
/// of the tables included.
#[test]
fn a_call_that_is_up_holds_at_most_1000_bytes_of_each_end() {
    const CALLS: i64 = 1_000;
    let mut pair = Pair::new();
    let used = measure(|| {
        for _ in 0..CALLS {
            pair.call();
            // 64 calls have transactions at any time.
            pair.wait(Duration::from_millis(500));
        }
        // The transactions of an INVITE end after 64 T1.
        pair.wait(Duration::from_secs(40));
    });
    assert_eq!(pair.ends[0].calls.len() as i64, CALLS);
    assert_eq!(pair.ends[1].calls.len() as i64, CALLS);
    let each = used.bytes_current / CALLS / 2;
    println!("{each} bytes");
    assert!(each <= 1_000, "{each} bytes");
}

/// A call from the INVITE to the response to its BYE makes at most MOST allocations, those of both ends together.
#[test]
fn a_call_makes_few_allocations() {
    const MOST: u64 = 64;
    let mut pair = Pair::new();
    for _ in 0..70 {
        let call = pair.call();
        pair.hang_up(call);
        pair.wait(Duration::from_millis(500));
    }
    let used = measure(|| {
        let call = pair.call();
        pair.hang_up(call);
    });
    assert!(pair.ends.iter().all(|end| end.calls.is_empty()));
    assert!(used.count_total <= MOST, "{} allocations", used.count_total);
}
