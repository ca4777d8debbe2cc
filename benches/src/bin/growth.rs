//! The cost of one more call while others are up, and of a connection that breaks under many calls:
//!
//! ```text
//! growth call UP [CALLS=200]   begins and ends CALLS calls, one after the other, while UP calls are up
//! growth lost CALLS            loses the connection under CALLS calls that have just begun
//! ```
//!
//! Both ends are in this process: each is an `Endpoint` with a `SessionLayer`, or a `UserAgent` for `lost`. The program prints
//! the least time of ten rounds. A counter of instructions runs it with two values of CALLS: the difference is the calls.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::session::{Input, SessionLayer};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, InviteOptions, SessionId, Timestamp,
    Transport,
};
use sip_parse::{Bytes, UriBuf};

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
        let limits = &mut settings.limits;
        limits.sessions = usize::MAX;
        limits.incoming_sessions = usize::MAX;
        limits.client_transactions = usize::MAX / 8;
        limits.server_transactions = usize::MAX / 8;
        limits.fired_per_tick = usize::MAX;
        limits.actions = usize::MAX / 8;
        let random = Box::new(ChaCha20Rng::from_seed([seed; 32]));
        let mut endpoint = Endpoint::new(settings, random, Timestamp::ZERO);
        let connection = endpoint.accept(ConnectionInfo {
            transport: Transport::Ws,
            remote: None,
        });
        let sdp = include_bytes!("../../messages/c_invite_webrtc.sip");
        let body = sdp.windows(4).position(|window| window == b"\r\n\r\n");
        let body = body.map_or(&b""[..], |at| &sdp[at + 4..]);
        Self {
            endpoint,
            calls: SessionLayer::new(),
            connection,
            description: Body::sdp(String::from_utf8_lossy(body).into_owned()),
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

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
    match (arguments.first().map(String::as_str), number(1)) {
        (Some("call"), Some(up)) => call(up, number(2).unwrap_or(200)),
        (Some("lost"), Some(calls)) => lost(calls),
        _ => {
            eprintln!("growth call UP [CALLS] | growth lost CALLS");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn call(up: u64, calls: u64) {
    let mut pair = Pair::new();
    for number in 0..up {
        black_box(pair.call());
        if number % 1_000 == 999 {
            pair.wait(Duration::from_secs(40));
        }
    }
    pair.wait(Duration::from_secs(40));
    assert_eq!(pair.caller.calls.len() as u64, up, "calls that are up");
    assert_eq!(pair.callee.established, up);
    let mut least = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        for _ in 0..calls / 10 {
            let call = pair.call();
            pair.hang_up(call);
        }
        least = least.min(start.elapsed());
        pair.wait(Duration::from_secs(40));
    }
    assert_eq!(pair.callee.established, up + calls / 10 * 10);
    assert_eq!(pair.callee.ended, calls / 10 * 10);
    if calls >= 10 {
        let each = least.as_nanos() as f64 / (calls / 10) as f64 / 1_000.0;
        println!("{up} calls up: {each:.2} us for one more call, both ends");
    }
}

fn lost(calls: u64) {
    let mut least = Duration::MAX;
    for _ in 0..if calls > 1_000 { 1 } else { 10 } {
        let mut pair = Pair::new();
        for _ in 0..calls {
            black_box(pair.call());
        }
        let end = &mut pair.caller;
        let start = Instant::now();
        end.endpoint.closed(end.connection, pair.now);
        end.calls.settle(&mut end.endpoint);
        least = least.min(start.elapsed());
    }
    println!(
        "{calls} fresh calls: {:.2} ms for the loss of their connection",
        least.as_secs_f64() * 1_000.0
    );
}
