//! A thousand user agents on one thread: each one registers, sends a message to the next one, and unregisters.
//!
//! ```sh
//! sip serve $(for n in $(seq 0 999); do echo "--user agent$n:secret"; done)
//! cargo run --release -p sip-blocking --example thousand_agents -- ws://127.0.0.1:5080 1000 secret
//! ```

use std::collections::HashMap;
use std::time::Duration;

use sip_blocking::prelude::*;
use sip_blocking::{AgentKey, Reactor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, count, password] = arguments.as_slice() else {
        return Err("usage: thousand_agents SERVER COUNT PASSWORD".into());
    };
    let count: usize = count.parse()?;
    let mut reactor = Reactor::new()?;
    let mut numbers: HashMap<AgentKey, usize> = HashMap::new();
    for number in 0..count {
        let config = Config::builder()
            .uri(format!("sip:agent{number}@localhost"))
            .server(server)
            .password(password)
            .build()?;
        numbers.insert(reactor.add(&config, Options::default())?, number);
    }

    let (mut registered, mut delivered, mut received, mut stopped) = (0, 0, 0, 0);
    while stopped < count {
        let Some((key, event)) = reactor.poll(None)? else {
            continue;
        };
        match event {
            Event::Registered(registration) if !registration.refreshed => {
                registered += 1;
                if registered == count {
                    println!("{registered} registered");
                    for (&key, number) in &numbers {
                        let next = format!("agent{}", (number + 1) % count);
                        let text = Body::new("text/plain", "hello");
                        reactor
                            .with(key, |agent, now| agent.message(&next, text, now))
                            .transpose()?;
                    }
                }
            }
            Event::RegistrationFailed { reason, .. } => return Err(reason.into()),
            Event::IncomingRequest { incoming, .. } => {
                received += 1;
                reactor
                    .with(key, |agent, now| {
                        agent.respond(incoming, StatusCode::OK, now)
                    })
                    .transpose()?;
            }
            Event::RequestCompleted { outcome, .. } => {
                outcome.map_err(|reason| *reason)?;
                delivered += 1;
                if delivered == count {
                    println!("{delivered} messages delivered, {received} received");
                    for &key in numbers.keys() {
                        reactor.with(key, |agent, now| {
                            agent.stop(Some(Duration::from_secs(5)), now)
                        });
                    }
                }
            }
            Event::Stopped { .. } => stopped += 1,
            _ => {}
        }
    }
    println!("{stopped} stopped");
    Ok(())
}
