//! A test of an application with fake time: a guard calls in every hour, for a day that takes milliseconds. The test plays the
//! registrar and the office, and one line of each answer is all that they say.
//!
//! `cargo run -p sip-ua-core --example fake_time`

use std::error::Error;
use std::time::Duration;

use sip_core::config::Config;
use sip_core::{Action, Body, CommandError, Event, SeededRng, Timestamp, Transport, UserAgent};
use sip_parse::{Builder, HeaderName, Limits, Message, Method, StatusCode};

const HOUR: Duration = Duration::from_secs(3_600);

/// The application: the time of its next report. It knows the time from its caller alone, as the user agent does.
struct Guard(Timestamp);

impl Guard {
    fn on_event(&mut self, event: &Event, now: Timestamp) {
        if matches!(event, Event::Registered(registration) if !registration.refreshed) {
            self.0 = now + HOUR;
        }
    }

    fn tick(&mut self, agent: &mut UserAgent, now: Timestamp) -> Result<(), CommandError> {
        if now >= self.0 {
            self.0 = self.0 + HOUR;
            agent.message("office", Body::new("text/plain", "All is quiet"), now)?;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::builder()
        .uri("sip:guard@example.com")
        .server("ws://relay.invalid")
        .register_expires(Duration::from_secs(600))
        .build()?;
    let mut now = Timestamp::ZERO;
    let mut agent = UserAgent::new(config, Box::new(SeededRng::new([7; 32])), now)?;
    let mut guard = Guard(Timestamp::MAX);
    let (mut registers, mut reports) = (0, 0);
    while now < Timestamp::ZERO + HOUR * 24 + Duration::from_secs(1) {
        while let Some(action) = agent.poll_action() {
            match action {
                Action::Connect { connection, .. } => {
                    agent.connection_opened(connection, Transport::Ws.into(), now);
                }
                Action::Transmit { connection, bytes } => {
                    let request = Message::parse(bytes, &Limits::default())?;
                    let request = request.into_request().map_err(|_| "a response")?;
                    let mut answer = Builder::response_to(&request, StatusCode::OK, Some(b"far"));
                    if request.method() == Method::Register {
                        registers += 1;
                        let mut contacts = request.values(HeaderName::Contact);
                        answer.append(HeaderName::Contact, contacts.next().ok_or("no Contact")?);
                    }
                    reports += usize::from(request.method() == Method::Message);
                    agent.receive(connection, answer.build()?.bytes().clone(), now)?;
                }
                Action::Ping { connection } => agent.pong(connection, now),
                Action::Event(event) => guard.on_event(&event, now),
                _ => {}
            }
        }
        assert!(agent.is_registered() || now == Timestamp::ZERO, "{now}");
        now = agent.next_tick().map_or(guard.0, |tick| tick.min(guard.0));
        agent.tick(now)?;
        guard.tick(&mut agent, now)?;
    }
    println!("a day: {registers} REGISTERs, {reports} reports");
    assert_eq!(reports, 24);
    assert!(
        (24 * 6..24 * 12).contains(&registers),
        "each binding lasts 600 s"
    );
    Ok(())
}
