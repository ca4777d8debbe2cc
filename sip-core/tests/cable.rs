//! Two agents in memory.

use std::time::Duration;

use sip_core::config::Config;
use sip_core::{Body, Cable, Cause, Event, InviteOptions, SeededRng, Side, Timestamp, UserAgent};
use sip_parse::StatusCode;

const MINUTE: Duration = Duration::from_secs(60);

fn agent(name: &str, seed: u8) -> UserAgent {
    let config = Config::builder()
        .uri(format!("sip:{name}@example.com"))
        .server("ws://relay.invalid")
        .register(false)
        .build();
    let random = Box::new(SeededRng::new([seed; 32]));
    UserAgent::new(config.expect("valid"), random, Timestamp::ZERO).expect("an agent")
}

fn cable() -> Cable {
    Cable::new(agent("alice", 1), agent("bob", 2))
}

/// The texts of all events until nothing more happens within a minute.
fn message(cable: &mut Cable) -> Vec<String> {
    let (alice, now) = cable.agent(Side::Left);
    let body = Body::new("text/plain", "Hello");
    alice.message("bob", body, now).expect("connected");
    let mut texts = Vec::new();
    while let Some((side, event)) = cable.next_event(MINUTE) {
        texts.push(format!("{side:?} {event}"));
        if let Event::IncomingRequest { incoming, .. } = event {
            let (agent, now) = cable.agent(side);
            agent.respond(incoming, StatusCode::OK, now).expect("open");
        }
    }
    texts
}

#[test]
fn the_agents_of_a_cable_are_connected_and_reach_each_other() {
    let mut cable = cable();
    let texts = message(&mut cable);
    let received = "Right MESSAGE from sip:alice@example.com".to_owned();
    assert!(texts.contains(&received), "{texts:?}");
    assert!(
        texts.contains(&"Left request 0.1: 200 OK".to_owned()),
        "{texts:?}"
    );
    // The minute without an event has passed.
    assert_eq!(cable.now(), Timestamp::ZERO + MINUTE);
}

#[test]
fn the_same_seeds_and_commands_give_the_same_events() {
    assert_eq!(message(&mut cable()), message(&mut cable()));
}

/// The clock goes from deadline to deadline, over days, and the connections stay alive.
#[test]
fn the_clock_jumps() {
    let mut cable = cable();
    message(&mut cable);
    let day = MINUTE * 1_440;
    assert!(cable.next_event(day * 9).is_none());
    assert_eq!(cable.now(), Timestamp::ZERO + MINUTE + day * 9);
    assert!(cable.agent(Side::Left).0.is_connected());
    let (alice, now) = cable.agent(Side::Left);
    let call = InviteOptions::new();
    let session = alice.invite("bob", call, now).expect("connected");
    // Without a description the call ends by a deadline of the core.
    let reason = loop {
        match cable.next_event(MINUTE * 10) {
            Some((
                Side::Left,
                Event::Ended {
                    session: ended,
                    reason,
                },
            )) if ended == session => break reason,
            Some(_) => {}
            None => panic!("the call does not end"),
        }
    };
    assert_eq!(reason.cause, Cause::BadDescription);
    assert!(cable.now() > now);
}
