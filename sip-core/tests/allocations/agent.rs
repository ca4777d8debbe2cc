//! An agent that is registered and idle.

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use sip_core::config::Config;
use sip_core::{Action, ConnectionId, ConnectionInfo, Fleet, Timestamp, Transport, UserAgent};
use sip_parse::{Builder, Bytes, HeaderName, Limits, Message, StatusCode};
use sip_testing::random;

const START: Timestamp = Timestamp::from_millis(1_000);

fn config() -> Config {
    let mut config = Config::builder();
    config
        .uri("alice@example.com")
        .server("wss://edge.example.com");
    config.build().expect("configuration")
}

/// What a registrar answers a REGISTER.
fn granted(register: Bytes) -> Bytes {
    let message = Message::parse(register, &Limits::default()).expect("a REGISTER");
    let contact = message.header(HeaderName::Contact).expect("Contact");
    let contact = contact.value.to_vec();
    let request = message.as_request().expect("a request");
    let mut response = Builder::response_to(&request, StatusCode::OK, Some(b"tag"));
    response.append(HeaderName::Contact, contact);
    response.build().expect("a response").bytes().clone()
}

/// Carries out what the agent wants until it is registered and wants nothing more.
fn settle(fleet: &mut Fleet, now: Timestamp) -> Option<ConnectionId> {
    let mut open = None;
    while let Some((id, action)) = fleet.poll_action() {
        match action {
            Action::Connect { connection, .. } => {
                open = Some(connection);
                let info = ConnectionInfo {
                    transport: Transport::Wss,
                    remote: None,
                };
                let opened = fleet.with(id, |agent| agent.connection_opened(connection, info, now));
                opened.expect("the agent");
            }
            Action::Transmit {
                connection, bytes, ..
            } if bytes.starts_with(b"REGISTER") => {
                let response = granted(bytes);
                let received = fleet.with(id, |agent| agent.receive(connection, response, now));
                received.expect("the agent").expect("room");
            }
            _ => {}
        }
    }
    open
}

/// 512 bytes are eight cache lines, and what a table of agents costs for each.
#[test]
fn a_user_agent_has_512_bytes_at_most() {
    assert!(size_of::<UserAgent>() <= 512, "{}", size_of::<UserAgent>());
}

#[test]
fn a_registered_agent_in_a_fleet_is_small() {
    let config = config();
    let agents: i64 = 256;
    let mut fleet = Fleet::new();
    let mut now = START;
    let used = measure(|| {
        for seed in 0..agents {
            let agent = UserAgent::new(config.clone(), random(seed as u8), now);
            fleet.insert(agent.expect("agent"));
            settle(&mut fleet, now);
        }
        // The transactions of the REGISTERs lapse.
        now = now + Duration::from_secs(40);
        fleet.tick(now, usize::MAX);
        settle(&mut fleet, now);
    });
    let each = used.bytes_current / agents;
    println!(
        "{each} bytes for each agent, {} allocations",
        used.count_total / agents as u64
    );
    assert!(each <= 1_980, "{each} bytes for each agent");
    black_box(fleet);
}

#[test]
fn a_keep_alive_and_a_tick_allocate_nothing() {
    let mut fleet = Fleet::new();
    let mut now = START;
    let agent = UserAgent::new(config(), random(1), now).expect("agent");
    fleet.insert(agent);
    settle(&mut fleet, now);
    let mut pings = 0;
    while pings < 4 {
        let used = measure(|| {
            now = fleet.next_tick().expect("a deadline").max(now);
            fleet.tick(now, usize::MAX);
            while let Some((id, action)) = fleet.poll_action() {
                if let Action::Ping { connection } = action {
                    pings += 1;
                    let answered = fleet.with(id, |agent| agent.pong(connection, now));
                    answered.expect("the agent");
                }
            }
        });
        assert_eq!(used.count_total, 0, "at {now:?}");
    }
}
