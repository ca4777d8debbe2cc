//! The machine sleeps, and the agent goes on as if nothing had been.

mod common;

use std::time::Duration;

use sip_blocking::{Agent, Clock, Commands, Events, IoThread, Options};
use sip_core::config::Config;
use sip_core::{Event, Timestamp, UserAgent};
use sip_testing::sockets::sleep;

/// With a thread of its own.
struct Blocking(Commands, Events);

impl sleep::Agent for Blocking {
    fn start(config: Config, clock: Clock) -> Self {
        let mut options = Options::default();
        options.clock = clock;
        let (handle, events) = common::commanded(Agent::start(config, options));
        Self(handle, events)
    }

    fn with<R: Send + 'static>(
        &self,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    ) -> R {
        self.0.with(command).unwrap()
    }

    fn next(&mut self, patience: Duration) -> Option<Event> {
        self.1.next_timeout(patience).ok()
    }
}

/// On a thread for many, whose clock is theirs.
struct OfMany(Blocking);

impl sleep::Agent for OfMany {
    fn start(config: Config, clock: Clock) -> Self {
        let thread = IoThread::start_with(clock).unwrap();
        let (handle, events) = common::commanded(thread.start_agent(&config, Options::default()));
        Self(Blocking(handle, events))
    }

    fn with<R: Send + 'static>(
        &self,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    ) -> R {
        self.0.with(command)
    }

    fn next(&mut self, patience: Duration) -> Option<Event> {
        self.0.next(patience)
    }
}

#[test]
fn a_flow_that_outlived_the_sleep_is_kept() {
    sleep::a_flow_that_outlived_the_sleep::<Blocking>();
}

#[test]
fn agents_of_one_thread_go_by_its_clock() {
    sleep::a_flow_that_outlived_the_sleep::<OfMany>();
}

#[test]
fn the_clock_wakes_the_agent() {
    sleep::the_clock_wakes_the_agent::<Blocking>();
}

#[test]
fn a_flow_that_fell_silent_in_the_sleep_is_replaced() {
    sleep::a_flow_that_fell_silent_in_the_sleep::<Blocking>();
}

#[test]
fn a_flow_that_was_closed_in_the_sleep_is_replaced() {
    sleep::a_flow_that_was_closed_in_the_sleep::<Blocking>();
}

#[test]
fn a_month_of_sleep_is_believed() {
    sleep::a_month::<Blocking>();
}

#[test]
fn a_call_lives_on_over_the_sleep() {
    sleep::a_call_lives_on::<Blocking>(false);
}

#[test]
fn a_call_lives_on_though_its_flow_does_not() {
    sleep::a_call_lives_on::<Blocking>(true);
}

#[test]
fn what_had_arrived_goes_before_the_tick() {
    sleep::what_had_arrived_goes_before_the_tick::<Blocking>();
}

/// Another network is no sleep, but the agent finds out in the same way whether its connection lives.
#[test]
fn a_flow_that_outlived_the_network_is_kept() {
    sleep::a_flow_that_outlived_the_network::<Blocking>();
}

#[test]
fn a_flow_that_died_with_the_network_is_replaced() {
    sleep::a_flow_that_died_with_the_network::<Blocking>();
}
