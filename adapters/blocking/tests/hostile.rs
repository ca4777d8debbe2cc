//! A hostile server: what it can delay, and for how long.

mod common;

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use sip_blocking::{Agent, Commands, Events, Options};
use sip_core::Event;
use sip_testing::PATIENCE;
use sip_testing::sockets::{alice_at, hostile, wire};

type Started = (Commands, Events);

fn start(url: &str) -> Started {
    let mut options = Options::default();
    options.send_queue = 65_536;
    start_with(url, options, false)
}

fn start_with(url: &str, options: Options, asks: bool) -> Started {
    let mut config = alice_at(url);
    config.ask_server_url(asks);
    common::commanded(Agent::start(config.build().unwrap(), options))
}

fn is_carried_out((handle, _): &Started) -> bool {
    let (handle, (done, is_done)) = (handle.clone(), channel());
    std::thread::spawn(move || done.send(handle.with(|_, _| ()).is_ok()));
    is_done.recv_timeout(PATIENCE) == Ok(true)
}

fn has_ended((_handle, mut events): Started) {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let event = events.next_timeout(left).expect("still connected");
        if matches!(event, Event::Disconnected { .. }) {
            return;
        }
    }
}

#[test]
fn a_flood_leaves_room_for_commands() {
    hostile::a_flood_leaves_room_for_commands(start, is_carried_out);
}

#[test]
fn rfc6455_5_5_3_pongs_that_nobody_reads_are_bounded() {
    hostile::pongs_that_nobody_reads_are_bounded(start);
}

#[test]
fn answers_that_nobody_reads_end_the_connection() {
    hostile::answers_that_nobody_reads_end_the_connection(start, has_ended);
}

#[test]
fn rfc6455_7_1_1_a_server_that_does_not_hang_up_is_left() {
    hostile::a_server_that_does_not_hang_up_is_left(start);
}

/// `Clock::slept` may be called where the agent itself runs: a callback that calls it does not deadlock.
#[test]
fn a_callback_may_say_that_the_machine_slept() {
    let clock = sip_blocking::Clock::start();
    let mut options = Options::default();
    options.clock = clock.clone();
    options.server_url = Some(Box::new(move |configured, _| {
        clock.slept(Duration::from_secs(1));
        Ok(configured.clone())
    }));
    let bench = wire::Bench::new(|url| start_with(url, options, true));
    assert!(is_carried_out(&bench.agent));
}
