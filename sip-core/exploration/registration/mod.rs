//! Exhaustive exploration of a registration: a real user agent, a registrar that answers each REGISTER in any way or not at
//! all, a connection that can break and fail to open at any time, and an application that registers, unregisters and queries.
//!
//! In every state this must hold: the application knows from events alone whether there is a binding; who wants to be registered
//! and has a connection has a REGISTER in flight or a timer for the next one, or knows that the registrar refuses the
//! credentials; who has no connection gets one or has a timer for the next attempt; each `unregister` and each query is reported,
//! and at once if no REGISTER is in flight; one REGISTER is in flight at most; and no REGISTER asks for a binding that the
//! application does not want.

mod agent;

extern crate std;

use std::println;

use self::agent::{Agent, Rules};
use crate::exploration::{search, tell};
use crate::registration::broken::Broken;

const SMALL: Rules = Rules {
    answers: 2,
    ticks: 2,
    commands: 1,
    cuts: 1,
    failures: 0,
};

fn prove(rules: Rules) -> usize {
    #[expect(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "says how long it took"
    )]
    let start = std::time::Instant::now();
    let agent = Agent::new(rules);
    let found = search(&agent);
    println!(
        "registration: {} states, {} moves, {} ends, {} compared, {} deep, {:.1} s",
        found.states,
        found.moves,
        found.ends,
        found.compared,
        found.depth,
        start.elapsed().as_secs_f32()
    );
    if let Some((fault, way)) = found.fault {
        panic!("{fault}\n{}", tell(&agent, &way));
    }
    found.states
}

#[test]
fn exploration_small_registration() {
    prove(SMALL);
}

#[test]
#[ignore = "optimised only, some seconds"]
fn exploration_default_registration() {
    prove(Rules {
        answers: 3,
        ticks: 4,
        commands: 1,
        cuts: 1,
        failures: 1,
    });
    prove(Rules {
        answers: 2,
        ticks: 3,
        commands: 2,
        cuts: 1,
        failures: 0,
    });
}

#[test]
#[ignore = "optimised only, some minutes"]
fn exploration_large_registration() {
    prove(Rules {
        answers: 3,
        ticks: 6,
        commands: 2,
        cuts: 1,
        failures: 1,
    });
}

/// A machine with one row broken is caught, each of them.
#[test]
fn exploration_catches_each_broken_row_registration() {
    for broken in Broken::ALL {
        let found = broken.breaks(|| search(&Agent::new(SMALL)));
        let first = found.fault.as_ref().map(|(fault, way)| (fault, way.len()));
        println!("{broken:?}: {first:?}, {} states", found.states);
        assert!(found.fault.is_some(), "{broken:?} was not caught");
    }
}
