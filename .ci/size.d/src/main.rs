//! Every command and input of a user agent, each reached from the environment, so that the linker keeps all of it.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::convert::Infallible;
use core::hint::black_box;

use panic_halt as _;
use rand_core::{TryCryptoRng, TryRng};
use sip_core::config::Config;
use sip_core::{
    Action, Body, ConnectionInfo, Event, InviteOptions, ModifyOptions, Session, Timestamp,
    Transport, UserAgent,
};
use sip_parse::StatusCode;

#[global_allocator]
static ALLOCATOR: emballoc::Allocator<4096> = emballoc::Allocator::new();

struct Nothing;

impl TryRng for Nothing {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(black_box(4))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(black_box(4))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(black_box(4));
        Ok(())
    }
}

impl TryCryptoRng for Nothing {}

const TARGET: &str = "sip:bob@example.com";

fn run() -> Option<()> {
    let mut config = Config::builder();
    config
        .uri(black_box("sip:alice@example.com"))
        .server(black_box("wss://example.com"))
        .password(black_box("secret"));
    let now = Timestamp::from_millis(black_box(1));
    let mut agent = UserAgent::new(config.build().ok()?, Box::new(Nothing), now).ok()?;
    loop {
        let mut call = None;
        match agent.poll_action() {
            Some(Action::Connect { connection, .. }) => {
                let info = ConnectionInfo {
                    transport: Transport::Wss,
                    remote: None,
                };
                agent.connection_opened(connection, info, now);
            }
            Some(Action::Transmit { connection, bytes }) => {
                let _ = agent.receive(connection, bytes, now);
            }
            Some(Action::Ping { connection }) => agent.pong(connection, now),
            Some(Action::Disconnect { connection, reason }) => {
                agent.connection_closed(connection, reason, now);
            }
            Some(Action::Event(Event::IncomingCall { session, .. })) => call = Some(session),
            Some(Action::Event(Event::DescriptionNeeded {
                session, exchange, ..
            })) => {
                let body = Body::sdp(black_box("v=0"));
                let _ = agent.describe(session, exchange, Ok(body), now);
            }
            Some(Action::Event(Event::IncomingRequest { incoming, .. })) => {
                let _ = agent.respond(incoming, StatusCode::OK, now);
            }
            _ => {}
        }
        let _ = agent.tick(now);
        black_box(agent.next_tick());
        if black_box(false) {
            agent.stop(None, now);
        }
        let _ = agent.register(now);
        let _ = agent.unregister(now);
        let body = Body::sdp(black_box("v=0"));
        let _ = agent.message(TARGET, body.clone(), now);
        let placed = agent.invite(TARGET, InviteOptions::new(), now).ok();
        let call = call.or(placed)?;
        for step in 0..black_box(6) {
            match agent.session(call) {
                Ok(Session::Incoming(call)) if step == 0 => {
                    let _ = call.ring(now);
                }
                Ok(Session::Incoming(call)) => call.answer(now),
                Ok(Session::Established(call)) if step == 1 => {
                    let _ = call.info(&body, now);
                }
                Ok(Session::Established(call)) if step == 2 => {
                    let _ = call.hold(now);
                }
                Ok(Session::Established(call)) => {
                    let _ = call.reinvite(ModifyOptions::new(), now);
                }
                _ => {}
            }
        }
        let _ = agent.hang_up(call, now);
    }
}

/// The entry of the program, with the name that each linker expects.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    black_box(run());
    loop {}
}
