//! A test in fake time: a call to a server that never answers ends after 32 s, of which the test takes none.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use sip_core::config::Config;
use sip_core::{Action, Body, Cause, ConnectionInfo, Event, Timestamp, Transport, UserAgent};

/// An agent, its clock, and what became of its call.
struct Bench {
    agent: UserAgent,
    now: Timestamp,
    sent: Vec<String>,
    ended: Option<Cause>,
}

impl Bench {
    fn new() -> Self {
        let config = Config::builder()
            .uri("sip:alice@example.com")
            .server("ws://example.com")
            .register(false)
            .build();
        let random = Box::new(ChaCha20Rng::from_seed([1; 32]));
        let now = Timestamp::ZERO;
        let agent = UserAgent::new(config.expect("a configuration"), random, now);
        let agent = agent.expect("an agent");
        Self {
            agent,
            now,
            sent: Vec::new(),
            ended: None,
        }
    }

    /// Carries out the actions of this moment.
    fn work(&mut self) {
        while let Some(action) = self.agent.poll_action() {
            match action {
                Action::Connect { connection, .. } => {
                    let info = ConnectionInfo {
                        transport: Transport::Ws,
                        remote: None,
                    };
                    self.agent.connection_opened(connection, info, self.now);
                }
                Action::Transmit { bytes, .. } => {
                    self.sent.push(String::from_utf8_lossy(&bytes).into_owned());
                }
                Action::Event(Event::DescriptionNeeded {
                    session, exchange, ..
                }) => {
                    let offer = Ok(Body::sdp(
                        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n",
                    ));
                    let described = self.agent.describe(session, exchange, offer, self.now);
                    described.expect("the call waits for its offer");
                }
                Action::Event(Event::Ended { reason, .. }) => self.ended = Some(reason.cause),
                _ => {}
            }
        }
    }

    /// Goes to the next deadline of the agent.
    fn next(&mut self) {
        self.now = self.agent.next_tick().expect("a deadline");
        self.agent.tick(self.now).expect("the clock goes on");
        self.work();
    }
}

fn main() {
    let mut bench = Bench::new();
    bench.work();
    bench
        .agent
        .invite("bob", Default::default(), bench.now)
        .expect("a call");
    bench.work();
    assert!(bench.sent[0].starts_with("INVITE sip:bob@example.com SIP/2.0\r\n"));
    while bench.ended.is_none() {
        bench.next();
    }
    assert_eq!(bench.ended, Some(Cause::Timeout));
    assert_eq!(bench.now.as_micros(), 32_000_000, "timer B: 64 T1");
    println!("ended after {} s", bench.now.as_micros() / 1_000_000);
}
