//! The requirements of RFC 6455 for a client, checked at the other end of the wire.

mod common;

use sip_testing::sockets::{alice_at, frames};
use sip_tokio::{Agent, Commands, Events, Options};
use tokio::runtime::{Builder, Runtime};

fn start(url: &str) -> (Commands, Events, Runtime) {
    let config = alice_at(url);
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().unwrap();
    let entered = runtime.enter();
    let (handle, events) =
        common::commanded(Agent::start(config.build().unwrap(), Options::default()));
    drop(entered);
    (handle, events, runtime)
}

#[test]
fn rfc6455_5_1_each_frame_of_a_client_is_masked() {
    frames::each_frame_of_a_client_is_masked(start);
}

#[test]
fn rfc6455_5_1_a_masked_frame_of_a_server_ends_the_connection() {
    frames::a_masked_frame_of_a_server_ends_the_connection(start);
}

#[test]
fn rfc6455_8_1_text_that_is_not_utf_8_ends_the_connection() {
    frames::text_that_is_not_utf_8_ends_the_connection(start);
}

#[test]
fn rfc6455_5_4_fragments_are_one_message() {
    frames::fragments_are_one_message(start);
}

#[test]
fn rfc6455_5_5_control_frames_are_short_and_whole() {
    frames::control_frames_are_short_and_whole(start);
}

#[test]
fn rfc6455_5_2_frames_that_nobody_agreed_on_end_the_connection() {
    frames::frames_that_nobody_agreed_on_end_the_connection(start);
}

#[test]
fn rfc6455_5_5_1_a_close_frame_is_answered() {
    frames::a_close_frame_is_answered(start);
}

#[test]
fn rfc6455_7_4_1_lengths_are_checked_before_anything_is_set_aside() {
    frames::lengths_are_checked_before_anything_is_set_aside(start);
}
