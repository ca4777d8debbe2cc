//! The scenarios that the benches, the programs `work` and `allocations`, and the guard of instructions share.
//!
//! Each scenario is at its steady state when it is made: tables have grown, and as many transactions that are over wait for their
//! timers as will wait later.

mod agents;
pub mod far_end;
mod fleet;
mod layer;
mod message;
mod sessions;

use std::fmt;

pub use crate::description::description as session_description;
pub use layer::{PAUSE, answered, requests};
pub use sessions::{PAUSE as CALL_PAUSE, call_while};

use crate::scenario::Scenario;

/// A scenario by name.
#[derive(Clone, Copy)]
pub struct Named {
    /// Lower case words with `-`.
    pub name: &'static str,
    /// What one step is.
    pub step: &'static str,
    /// A number of steps that is a multiple of its period and enough for an average.
    pub steps: u64,
    make: fn() -> Box<dyn Scenario>,
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Named({})", self.name)
    }
}

impl Named {
    /// Makes the scenario, at its steady state.
    #[must_use]
    pub fn make(&self) -> Box<dyn Scenario> {
        (self.make)()
    }
}

/// The scenario of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Named> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

macro_rules! scenarios {
    ($($name:literal, $steps:literal, $make:expr, $step:literal;)*) => {
        /// All scenarios.
        pub const SCENARIOS: &[Named] = &[$(Named {
            name: $name,
            step: $step,
            steps: $steps,
            make: || Box::new($make),
        }),*];
    };
}

scenarios! {
    "floor", 1_440, message::floor(), "one memchr pass over the head of one of the nine everyday messages";
    "copy", 1_440, message::copy(), "a memcpy of one of the nine everyday messages";
    "parse-frame", 1_440, message::frame(), "frames one of the nine everyday messages";
    "parse-typed", 1_440, message::typed(), "the same, and reads and checks the values that route and match it";
    "write-response", 1_440, message::response(), "a 180 from a parsed request";
    "write-via", 1_440, message::via(), "a parsed message with one more Via on top";
    "write-hop", 1_440, message::hop(), "a parsed request with Max-Forwards less one";
    "write-forward", 1_440, message::forward(), "a parsed message with one more Via on top and Max-Forwards less one";
    "write-parts", 1_440, message::parts(), "an INVITE with a body of 128 bytes from parts";
    "options-udp", 512, layer::options_udp(), "OPTIONS to 200 in a `TransactionLayer` over UDP";
    "options-far-end", 512, layer::options_far_end(), "the same with the address of the peer known, so that Via gets `received` and `rport`";
    "options-ws", 512, layer::options_ws(), "the same over WebSocket";
    "invite-server", 512, layer::invite_server(), "INVITE to 180 and 200 in a `TransactionLayer` over UDP";
    "options-client", 512, layer::options_client(), "OPTIONS sent by a `TransactionLayer` over UDP, and its 200";
    "agent-options", 512, agents::options(), "OPTIONS to 200 in a `UserAgent` over WebSocket";
    "message", 256, agents::message(), "MESSAGE from one `UserAgent` to another, and its 200";
    "call", 96, sessions::call_while(0), "a call from INVITE to the 200 of BYE, both ends, each a `SessionLayer`, with 2.5 KB of SDP";
    "agent-call", 96, agents::call(), "the same call between two `UserAgent`s";
    "register", 128, agents::register(), "a new `UserAgent` connects and registers";
    "register-fleet", 128, fleet::register(), "the same in a `Fleet` of 1,000 agents, whose oldest leaves it";
    "tick", 10_000, agents::tick(), "a tick of a registered `UserAgent` with nothing due";
    "next-tick", 10_000, agents::next_tick(), "`next_tick` of a registered `UserAgent`";
    "poll", 10_000, agents::poll(), "`poll_action` of a registered `UserAgent` without actions";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_of_each_scenario_does_its_work() {
        for scenario in SCENARIOS {
            scenario.make().run_checked(16);
        }
    }

    #[test]
    fn each_scenario_is_found_by_its_name() {
        for scenario in SCENARIOS {
            let found = named(scenario.name).map(|found| found.step);
            assert_eq!(found, Some(scenario.step));
        }
    }
}
