//! Two user agents in one process: a call without sockets, threads or a clock.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use sip_core::config::Config;
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, Timestamp, Transport, UserAgent,
};

const NOW: Timestamp = Timestamp::ZERO;

struct Phone {
    name: &'static str,
    agent: UserAgent,
    connection: Option<ConnectionId>,
}

impl Phone {
    fn new(name: &'static str) -> Result<Self, Box<dyn std::error::Error>> {
        let uri = format!("sip:{name}@example.com");
        let config = Config::builder()
            .uri(&uri)
            .server("ws://example.com")
            .register(false)
            .build()?;
        let random =
            ChaCha20Rng::from_seed(std::array::from_fn(|i| name.as_bytes()[i % name.len()]));
        let agent = UserAgent::new(config, Box::new(random), NOW)?;
        Ok(Self {
            name,
            agent,
            connection: None,
        })
    }

    /// Carries out what the agent asks for, and passes what it sends to its peer. True if there was anything to do.
    fn work(&mut self, peer: &mut Phone) -> Result<bool, Box<dyn std::error::Error>> {
        let mut busy = false;
        while let Some(action) = self.agent.poll_action() {
            busy = true;
            match action {
                Action::Connect { connection, .. } => {
                    let info = ConnectionInfo {
                        transport: Transport::Ws,
                        remote: None,
                    };
                    self.connection = Some(connection);
                    self.agent.connection_opened(connection, info, NOW);
                }
                Action::Transmit { bytes, .. } => {
                    let line = bytes
                        .split(|byte| *byte == b'\r')
                        .next()
                        .unwrap_or_default();
                    println!("{:>5} -> {}", self.name, String::from_utf8_lossy(line));
                    peer.agent
                        .receive(peer.connection.ok_or("no connection")?, bytes, NOW)?;
                }
                Action::Event(event) => self.on_event(event)?,
                _ => {}
            }
        }
        Ok(busy)
    }

    fn on_event(&mut self, event: Event) -> Result<(), Box<dyn std::error::Error>> {
        match event {
            Event::IncomingCall { session, .. } => {
                if let sip_core::Session::Incoming(call) = self.agent.session(session)? {
                    call.answer(NOW);
                }
            }
            Event::DescriptionNeeded {
                session, exchange, ..
            } => {
                let description = Body::sdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n");
                self.agent
                    .describe(session, exchange, Ok(description), NOW)?;
            }
            Event::Established { session } if self.name == "alice" => {
                self.agent.hang_up(session, NOW)?
            }
            Event::Ended { reason, .. } => println!("{:>5}    {reason}", self.name),
            _ => {}
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut alice, mut bob) = (Phone::new("alice")?, Phone::new("bob")?);
    while alice.work(&mut bob)? | bob.work(&mut alice)? {}
    alice.agent.invite("bob", Default::default(), NOW)?;
    while alice.work(&mut bob)? | bob.work(&mut alice)? {}
    Ok(())
}
