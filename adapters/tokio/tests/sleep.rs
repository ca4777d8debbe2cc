//! The machine sleeps, and the agent goes on as if nothing had been.

mod common;

use std::time::Duration;

use sip_core::config::Config;
use sip_core::{Event, Timestamp, UserAgent};
use sip_testing::sockets::sleep;
use sip_tokio::{Agent, Clock, Commands, Events, Options};
use tokio::runtime::{Builder, Runtime};

/// On a runtime whose one worker has nothing else to do.
struct Tokio {
    handle: Commands,
    events: Events,
    runtime: Runtime,
}

impl sleep::Agent for Tokio {
    fn start(config: Config, clock: Clock) -> Self {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let mut options = Options::default();
        options.clock = clock;
        let entered = runtime.enter();
        let (handle, events) = common::commanded(Agent::start(config, options));
        drop(entered);
        Self {
            handle,
            events,
            runtime,
        }
    }

    fn with<R: Send + 'static>(
        &self,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    ) -> R {
        self.runtime.block_on(self.handle.with(command)).unwrap()
    }

    fn next(&mut self, patience: Duration) -> Option<Event> {
        let next = async { tokio::time::timeout(patience, self.events.next()).await };
        self.runtime.block_on(next).ok().flatten()
    }
}

#[test]
fn a_flow_that_outlived_the_sleep_is_kept() {
    sleep::a_flow_that_outlived_the_sleep::<Tokio>();
}

#[test]
fn the_clock_wakes_the_agent() {
    sleep::the_clock_wakes_the_agent::<Tokio>();
}

#[test]
fn a_flow_that_fell_silent_in_the_sleep_is_replaced() {
    sleep::a_flow_that_fell_silent_in_the_sleep::<Tokio>();
}

#[test]
fn a_flow_that_was_closed_in_the_sleep_is_replaced() {
    sleep::a_flow_that_was_closed_in_the_sleep::<Tokio>();
}

#[test]
fn a_month_of_sleep_is_believed() {
    sleep::a_month::<Tokio>();
}

#[test]
fn a_call_lives_on_over_the_sleep() {
    sleep::a_call_lives_on::<Tokio>(false);
}

#[test]
fn a_call_lives_on_though_its_flow_does_not() {
    sleep::a_call_lives_on::<Tokio>(true);
}

#[test]
fn what_had_arrived_goes_before_the_tick() {
    sleep::what_had_arrived_goes_before_the_tick::<Tokio>();
}

/// Another network is no sleep, but the agent finds out in the same way whether its connection lives.
#[test]
fn a_flow_that_outlived_the_network_is_kept() {
    sleep::a_flow_that_outlived_the_network::<Tokio>();
}

#[test]
fn a_flow_that_died_with_the_network_is_replaced() {
    sleep::a_flow_that_died_with_the_network::<Tokio>();
}
