//! Two user agents in memory: alice calls bob, bob answers, alice hangs up. No socket, no thread, and a clock that jumps.
//!
//! `cargo run -p sip-core --example two_agents`

use std::collections::BTreeMap;
use std::error::Error;

use sip_core::config::Config;
use sip_core::{Action, Body, Event, Fleet, InviteOptions, SeededRng, Session};
use sip_core::{Timestamp, Transport, UserAgent};

const ALICE: &str = "sip:alice@example.com";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                   m=audio 49170 RTP/AVP 0\r\n";

fn agent(name: &str, seed: u8) -> Result<UserAgent, Box<dyn Error>> {
    let config = Config::builder()
        .uri(format!("sip:{name}@example.com"))
        .server("ws://relay.invalid")
        .register(false)
        .build()?;
    let random = Box::new(SeededRng::new([seed; 32]));
    Ok(UserAgent::new(config, random, Timestamp::ZERO)?)
}

/// What the application of either side does.
fn on_event(agent: &mut UserAgent, event: &Event, now: Timestamp) -> Result<(), Box<dyn Error>> {
    match *event {
        Event::DescriptionNeeded {
            session, exchange, ..
        } => agent.describe(session, exchange, Ok(Body::sdp(SDP)), now)?,
        Event::IncomingCall { session, .. } => {
            if let Session::Incoming(call) = agent.session(session)? {
                call.answer(now);
            }
        }
        Event::Established { session } if agent.address_of_record().to_string() == ALICE => {
            agent.hang_up(session, now)?;
        }
        _ => {}
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut fleet = Fleet::new();
    let alice = fleet.insert(agent("alice", 1)?);
    let bob = fleet.insert(agent("bob", 2)?);
    let (mut lines, mut now, mut ended) = (BTreeMap::new(), Timestamp::ZERO, 0);
    loop {
        while let Some((id, action)) = fleet.poll_action() {
            match action {
                Action::Connect { connection, .. } => {
                    lines.insert(id, connection);
                    let line = Transport::Ws.into();
                    fleet.with(id, |agent| agent.connection_opened(connection, line, now))?;
                    if id == bob {
                        fleet.with(alice, |it| it.invite("bob", InviteOptions::new(), now))??;
                    }
                }
                Action::Transmit { bytes, .. } => {
                    let other = if id == alice { bob } else { alice };
                    fleet.with(other, |agent| agent.receive(lines[&other], bytes, now))??;
                }
                Action::Event(event) => {
                    println!("{now} {}: {event}", fleet.agent(id)?.address_of_record());
                    ended += usize::from(matches!(event, Event::Ended { .. }));
                    fleet.with(id, |agent| on_event(agent, &event, now))??;
                }
                _ => {}
            }
        }
        if ended == 2 {
            return Ok(());
        }
        now = fleet.next_tick().ok_or("the call never ends")?;
        fleet.tick(now, usize::MAX);
    }
}
