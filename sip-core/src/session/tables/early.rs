//! The states of an unanswered call with provisional responses: of this side, and of the peer to a call of this side.

extern crate std;

use sip_parse::Method;

use super::call::World;
use super::names::{join, split};
use crate::session::{Input, ProvisionalOptions, Reliability};

/// The application has been asked for the description of a provisional response.
const EARLY: &str = " with early media";
/// A reliable provisional response with a description is sent.
const UNACKNOWLEDGED: &str = " unacknowledged";
/// An unreliable provisional response with a description is sent.
const PREVIEW: &str = " with a preview";
/// The exchange is complete.
const NEGOTIATED: &str = " negotiated";
/// A PRACK with an offer waits for the application's answer.
const PRACK: &str = " with a PRACK";

/// An UPDATE of the peer waits for the application's answer.
const UPDATE: &str = " with an UPDATE";

pub(super) const SUFFIXES: [&str; 6] = [EARLY, UNACKNOWLEDGED, PREVIEW, NEGOTIATED, PRACK, UPDATE];

/// Whether the name is one of these states.
pub(super) fn is_in(name: &str) -> bool {
    SUFFIXES.iter().any(|suffix| name.contains(suffix))
}

/// A call in this state.
pub(super) fn reach(name: &str) -> World {
    let (state, ours) = split(name);
    let has = |suffix| name.contains(suffix);
    let from =
        |state: &str, suffix: &str| World::reach(&join(&std::format!("{state}{suffix}"), ours));
    let (mut world, command) = match state {
        "Calling" if has(UPDATE) => {
            let mut world = from(state, NEGOTIATED);
            let update = world.request("UPDATE", 50, true);
            world.receive(update);
            (world, None)
        }
        "Calling" => {
            let mut world = from("AwaitingOffer", "");
            world.describe();
            let (_, response) = world.response_with(Method::Invite, 183, true, Some(1));
            world.receive(response.bytes().clone());
            world.reply(Method::Prack, 200, false);
            (world, None)
        }
        "Cancelling" => (from("Calling", NEGOTIATED), Some(Input::HangUp)),
        "Incoming" if has(EARLY) => {
            let options = ProvisionalOptions::early_media();
            (from(state, ""), Some(Input::Progress(options)))
        }
        "Incoming" if has(UNACKNOWLEDGED) => {
            let mut world = from(state, EARLY);
            world.describe();
            (world, None)
        }
        "Incoming" if has(PREVIEW) => {
            let mut world = from(state, "");
            let options = ProvisionalOptions::early_media();
            let options = options.reliability(Reliability::Unreliable);
            world.command(Input::Progress(options));
            world.describe();
            (world, None)
        }
        "Incoming" => {
            let mut world = from(state, UNACKNOWLEDGED);
            // The answer to our offer, or an offer of the peer's.
            world.pracked(20, ours || has(PRACK));
            (world, None)
        }
        "Accepting" if has(UNACKNOWLEDGED) => {
            (from("Incoming", UNACKNOWLEDGED), Some(Input::Answer))
        }
        "Accepting" => (from("Incoming", PRACK), Some(Input::Answer)),
        _ => {
            let mut world = from("Accepting", UNACKNOWLEDGED);
            world.pracked(20, ours);
            (world, None)
        }
    };
    if let Some(command) = command {
        world.command(command);
    }
    world
}
