//! Two user agents in memory: alice calls bob, bob answers, alice hangs up. No socket, no thread, and a clock that jumps.
//!
//! `cargo run -p sip-ua-core --example two_agents`

use std::error::Error;
use std::time::Duration;

use sip_core::config::Config;
use sip_core::{Body, Cable, Event, InviteOptions, SeededRng, Session, Side, Timestamp, UserAgent};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                   m=audio 49170 RTP/AVP 0\r\n";

fn agent(name: &str, seed: u8) -> Result<UserAgent, Box<dyn Error>> {
    let mut config = Config::builder();
    config.uri(format!("sip:{name}@example.com"));
    config.server("ws://relay.invalid").register(false);
    let random = Box::new(SeededRng::new([seed; 32]));
    Ok(UserAgent::new(config.build()?, random, Timestamp::ZERO)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut cable = Cable::new(agent("alice", 1)?, agent("bob", 2)?);
    let (alice, now) = cable.agent(Side::Left);
    alice.invite("bob", InviteOptions::new(), now)?;
    let mut ended = 0;
    while let Some((side, event)) = cable.next_event(Duration::from_secs(60)) {
        println!("{} {side:?}: {event}", cable.now());
        let (agent, now) = cable.agent(side);
        match event {
            Event::DescriptionNeeded {
                session, exchange, ..
            } => agent.describe(session, exchange, Ok(Body::sdp(SDP)), now)?,
            Event::IncomingCall { session, .. } => {
                if let Session::Incoming(call) = agent.session(session)? {
                    call.answer(now);
                }
            }
            Event::Established { session } if side == Side::Left => agent.hang_up(session, now)?,
            Event::Ended { .. } => ended += 1,
            _ => {}
        }
    }
    assert_eq!(ended, 2, "both sides know that the call is over");
    Ok(())
}
