//! The cost of one more step while many others are up: `growth` runs these series at growing sizes.
//!
//! A curve that rises shows a loop over a table: one call should cost the same with one other call up and with 100,000.

mod agents;
mod fleet;
mod layer;
mod sessions;

pub use crate::series::Series;

/// Sets up a series at a size.
type Make = fn(u64) -> Box<dyn Series>;

/// All series: name, what grows and what one step is, set-up.
pub const ALL: &[(&str, &str, Make)] = &[
    (
        "session-layer-calls-up",
        "calls up: one call more, both ends",
        sessions::calls_up,
    ),
    (
        "session-layer-connections",
        "connections with a call each: one more, with a call, is lost",
        sessions::connections,
    ),
    (
        "session-layer-lost",
        "fresh calls on a connection: its loss, for each call",
        sessions::lost,
    ),
    (
        "user-agent-calls-up",
        "calls up: one call more, both ends",
        agents::calls_up,
    ),
    (
        "user-agent-ringing",
        "ringing calls: one call more, both ends",
        agents::ringing,
    ),
    (
        "user-agent-requests",
        "unanswered requests: one call more, both ends",
        agents::requests,
    ),
    (
        "user-agent-refers",
        "calls up with an unanswered REFER each: one call more, both ends",
        agents::refers,
    ),
    (
        "user-agent-subscriptions",
        "subscriptions: one NOTIFY and one call more, both ends",
        agents::subscriptions,
    ),
    (
        "user-agent-publications",
        "publications: one of them published again",
        agents::publications,
    ),
    (
        "user-agent-lost",
        "fresh calls on a connection: its loss, for each call",
        agents::lost,
    ),
    (
        "user-agent-lost-ringing",
        "ringing calls on a connection: its loss at both ends, for each call",
        agents::lost_ringing,
    ),
    (
        "user-agent-tick",
        "calls up: one tick that fires nothing, and the next deadline",
        agents::tick,
    ),
    (
        "transactions-pending",
        "transactions of each side: one OPTIONS more, both ends",
        layer::pending,
    ),
    (
        "transactions-fire",
        "requests over UDP: one tick that sends one of them again",
        layer::fire,
    ),
    (
        "transactions-connections",
        "connections with a transaction each: one more opens, asks and is lost",
        layer::connections,
    ),
    (
        "fleet-agents",
        "registered agents: a REGISTER of one of them",
        fleet::agents,
    ),
    (
        "fleet-tick",
        "registered agents: one tick that refreshes one of them",
        fleet::tick,
    ),
    (
        "fleet-leave",
        "agents with an action each: one more comes and goes",
        fleet::leave,
    ),
];

/// Sets up the series of this name at a size.
#[must_use]
pub fn make(name: &str, size: u64) -> Option<Box<dyn Series>> {
    let (_, _, make) = ALL.iter().find(|(known, ..)| *known == name)?;
    Some(make(size))
}
