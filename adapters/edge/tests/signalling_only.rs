//! Calls without media through the edge, on both adapters: no line of SDP in the program that makes them.

mod common;

use common::{config, password};
use sip_core::config::Config;
use sip_core::sdp::{self, Direction};
use sip_core::{Body, DescriptionKind, Event, InviteOptions, SessionId, Timestamp, UserAgent};
use sip_edge::{EdgeConfig, EdgeServer};
use sip_host::{CommandFailure, command};
use sip_testing::PATIENCE;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// What the test needs of an adapter.
trait Adapter: Sized {
    fn start(runtime: &Runtime, config: Config) -> Self;
    fn run<R: Send + 'static>(
        &self,
        runtime: &Runtime,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> Result<R, CommandFailure> + Send + 'static,
    ) -> R;
    fn next_event(&mut self, runtime: &Runtime) -> Event;
}

struct Tokio(sip_tokio::Agent, sip_tokio::Events);

impl Adapter for Tokio {
    fn start(runtime: &Runtime, config: Config) -> Self {
        let _guard = runtime.enter();
        let options = sip_tokio::Options::signalling_only();
        let (agent, events) = sip_tokio::Agent::start(config, options).unwrap();
        Self(agent, events)
    }

    fn run<R: Send + 'static>(
        &self,
        runtime: &Runtime,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> Result<R, CommandFailure> + Send + 'static,
    ) -> R {
        runtime
            .block_on(self.0.commands().with(command))
            .unwrap()
            .unwrap()
    }

    fn next_event(&mut self, runtime: &Runtime) -> Event {
        let event = runtime.block_on(async { timeout(PATIENCE, self.1.next()).await });
        event.expect("an event in time").expect("the agent runs")
    }
}

struct Blocking(sip_blocking::Agent, sip_blocking::Events);

impl Adapter for Blocking {
    fn start(_: &Runtime, config: Config) -> Self {
        let options = sip_blocking::Options::signalling_only();
        let (agent, events) = sip_blocking::Agent::start(config, options).unwrap();
        Self(agent, events)
    }

    fn run<R: Send + 'static>(
        &self,
        _: &Runtime,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> Result<R, CommandFailure> + Send + 'static,
    ) -> R {
        self.0.commands().with(command).unwrap().unwrap()
    }

    fn next_event(&mut self, _: &Runtime) -> Event {
        self.1.next_timeout(PATIENCE).expect("an event in time")
    }
}

/// One of the two agents.
struct Phone<'a, A> {
    agent: A,
    runtime: &'a Runtime,
    /// The direction and the version of each description of the peer, in order.
    descriptions: Vec<(DescriptionKind, Direction, u64)>,
}

impl<'a, A: Adapter> Phone<'a, A> {
    fn registered(runtime: &'a Runtime, server: &EdgeServer, user: &str) -> Self {
        let config = Config::builder()
            .uri(format!("sip:{user}@example.com"))
            .server(format!("ws://{}", server.local_addr()))
            .password(password(user))
            .build()
            .unwrap();
        let mut phone = Self {
            agent: A::start(runtime, config),
            runtime,
            descriptions: Vec::new(),
        };
        phone.until(|event| matches!(event, Event::Registered(_)).then_some(()));
        phone
    }

    fn run<R: Send + 'static>(
        &self,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> Result<R, CommandFailure> + Send + 'static,
    ) -> R {
        self.agent.run(self.runtime, command)
    }

    /// Waits for an event, and notes the descriptions on the way.
    fn until<R>(&mut self, wanted: impl Fn(&Event) -> Option<R>) -> R {
        loop {
            let event = self.agent.next_event(self.runtime);
            if let Event::RemoteDescription { kind, body, .. } = &event {
                self.note(*kind, body);
            }
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    fn note(&mut self, kind: DescriptionKind, body: &Body) {
        let direction = sdp::direction(&body.bytes).expect("legal");
        let text = str::from_utf8(&body.bytes).unwrap();
        let version = text.split(' ').nth(2).expect("o= has one");
        let direction = direction.expect("a live stream");
        self.descriptions
            .push((kind, direction, version.parse().unwrap()));
    }

    fn until_exchanged(&mut self) {
        self.until(|event| matches!(event, Event::ExchangeEnded { .. }).then_some(()));
    }

    fn until_established(&mut self) {
        self.until(|event| matches!(event, Event::Established { .. }).then_some(()));
    }
}

fn two_agents_call_hold_and_resume<A: Adapter>() {
    use DescriptionKind::{Answer, Offer};
    use Direction::{RecvOnly, SendOnly, SendRecv};
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(async {
        EdgeServer::start(EdgeConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            ..config()
        })
    });
    let server = server.unwrap();
    let mut alice: Phone<'_, A> = Phone::registered(&runtime, &server, "alice");
    let mut bob: Phone<'_, A> = Phone::registered(&runtime, &server, "bob");
    let call = alice.run(command::invite("bob".to_owned(), InviteOptions::default()));
    let incoming: SessionId = bob.until(|event| match event {
        Event::IncomingCall { session, .. } => Some(*session),
        _ => None,
    });
    bob.run(command::answer(incoming));
    alice.until_established();
    bob.until_established();
    alice.run(command::hold(call));
    alice.until_exchanged();
    bob.until_exchanged();
    alice.run(command::resume(call));
    alice.until_exchanged();
    bob.until_exchanged();
    // The side that was called holds, too.
    bob.run(command::hold(incoming));
    bob.until_exchanged();
    alice.until_exchanged();
    bob.run(command::hang_up(incoming));
    alice.until(|event| matches!(event, Event::Ended { .. }).then_some(()));
    bob.until(|event| matches!(event, Event::Ended { .. }).then_some(()));
    // RFC 3264 sections 6.1 and 8.4 say which directions, section 8 that the version grows by one.
    assert_eq!(
        bob.descriptions,
        [
            (Offer, SendRecv, 1),
            (Offer, SendOnly, 2),
            (Offer, SendRecv, 3),
            (Answer, RecvOnly, 4),
        ]
    );
    assert_eq!(
        alice.descriptions,
        [
            (Answer, SendRecv, 1),
            (Answer, RecvOnly, 2),
            (Answer, SendRecv, 3),
            (Offer, SendOnly, 4),
        ]
    );
}

#[test]
fn rfc3264_two_agents_without_media_call_hold_and_resume_with_tokio() {
    two_agents_call_hold_and_resume::<Tokio>();
}

#[test]
fn rfc3264_two_agents_without_media_call_hold_and_resume_with_blocking() {
    two_agents_call_hold_and_resume::<Blocking>();
}
