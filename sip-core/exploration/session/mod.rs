//! Exhaustive exploration of calls: two real session layers over the real dialog and transaction layers, two applications that
//! command what fits what they know, and a connection that can break at any time with all that is under way.
//!
//! A state is both ends, both applications, what is under way in each direction, and what may still happen ([`world::Rules`]).
//! From each state everything that can happen next is tried: the next message of either direction arrives, an application
//! commands, the next timer fires, the connection breaks, an end notices, a new one opens. Messages keep their order. A timer
//! fires while messages are under way only so often as the rules say, because otherwise repeats have no bound.
//!
//! On every path this must hold: each call has one end at each side and no event after it, each exchange has one end before that
//! of its call, one exchange at a time, no two offers out in one direction, one final response to each INVITE, an ACK for each
//! 2xx, a PRACK for each reliable provisional response, one end of each transfer, one side that refreshes the session, CANCEL or BYE or a refusal for each call, a BYE for each call that was up, the timers that a state has and no others, no
//! command refused that fits, each stale description refused, equal sessions at both ends whenever both rest, and empty tables
//! at the end.
//!
//! `cargo test -p sip-ua-core exploration` runs a small bound; the default bound is
//! `cargo test --release -p sip-ua-core --lib exploration_default -- --ignored --nocapture`, a larger one `exploration_large`.

mod application;
mod broken;
mod judge;
mod wire;
mod world;

extern crate std;

use std::println;

use self::broken::Broken;
use self::world::{Rules, World};
use crate::exploration::{search, tell};

pub(in crate::session) use self::broken::{step, step_transfer};

/// One call, nothing breaks.
const PLAIN: Rules = Rules {
    late_offer: false,
    flows: true,
    cuts: 0,
    cuts_when_up: false,
    late: 0,
    renegotiations: 0,
    updates: 0,
    refusals: 0,
    rings: 0,
    gives_up: 0,
    early: 0,
    refreshes: 0,
    transfers: 0,
};

/// Both applications may renegotiate at once.
const GLARE: Rules = Rules {
    renegotiations: 2,
    ..PLAIN
};

/// Both applications may change the session by UPDATE at once.
const UPDATES: Rules = Rules {
    updates: 2,
    ..PLAIN
};

/// The callee sends early media, reliably.
const EARLY: Rules = Rules { early: 1, ..PLAIN };

/// The session has to be refreshed, twice.
const REFRESHED: Rules = Rules {
    refreshes: 2,
    ..PLAIN
};

/// One REFER within the call.
const TRANSFER: Rules = Rules {
    transfers: 1,
    ..PLAIN
};

/// The connection breaks once.
const CUT: Rules = Rules { cuts: 1, ..PLAIN };

/// The connection breaks once, in a call that is up; [`CUT`] has the rest.
const CUT_WHEN_UP: Rules = Rules {
    cuts_when_up: true,
    ..CUT
};

/// Explores each family of runs; panics with the way to the first fault.
fn prove(families: &[(&str, Rules)]) -> usize {
    #[expect(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "says how long it took"
    )]
    let start = std::time::Instant::now();
    let mut states = 0;
    for (name, rules) in families {
        let world = World::new(rules);
        let found = search(&world);
        println!(
            "{name}: {} states, {} moves, {} ends, {} compared, {} deep, {:.1} s so far",
            found.states,
            found.moves,
            found.ends,
            found.compared,
            found.depth,
            start.elapsed().as_secs_f32()
        );
        if let Some((fault, way)) = found.fault {
            panic!("{name}: {fault}\n{}", tell(&world, &way));
        }
        states += found.states;
    }
    println!("{states} states in {:.1} s", start.elapsed().as_secs_f32());
    states
}

/// For every `cargo test`, unoptimised.
#[test]
fn exploration_small_session() {
    prove(&[
        (
            "one call",
            Rules {
                refusals: 1,
                rings: 1,
                ..PLAIN
            },
        ),
        (
            "one call with a late offer",
            Rules {
                late_offer: true,
                refusals: 1,
                ..PLAIN
            },
        ),
        ("glare", GLARE),
        ("glare of UPDATEs", UPDATES),
        (
            "glare of UPDATE and re-INVITE",
            Rules {
                updates: 1,
                renegotiations: 1,
                ..PLAIN
            },
        ),
        (
            "a call on a connection of its own",
            Rules {
                flows: false,
                ..CUT
            },
        ),
        (
            "early media",
            Rules {
                early: 1,
                refusals: 1,
                ..PLAIN
            },
        ),
        (
            "early media with a late offer",
            Rules {
                late_offer: true,
                ..EARLY
            },
        ),
        ("a session with timers", REFRESHED),
        ("a transfer", TRANSFER),
    ]);
}

#[test]
#[ignore = "optimised only, half a minute"]
fn exploration_default_session() {
    let spoken = Rules {
        renegotiations: 1,
        refusals: 1,
        rings: 1,
        late: 1,
        ..PLAIN
    };
    prove(&[
        ("one call", spoken.clone()),
        (
            "one call with a late offer",
            Rules {
                late_offer: true,
                ..spoken
            },
        ),
        (
            "glare",
            Rules {
                renegotiations: 2,
                late: 1,
                ..PLAIN
            },
        ),
        (
            "a call whose connection breaks",
            Rules {
                refusals: 1,
                gives_up: 1,
                ..CUT
            },
        ),
        (
            "a late offer whose connection breaks",
            Rules {
                late_offer: true,
                gives_up: 1,
                ..CUT
            },
        ),
        (
            "a call on a connection of its own",
            Rules {
                flows: false,
                renegotiations: 1,
                ..CUT
            },
        ),
        (
            "a late offer on a connection of its own",
            Rules {
                flows: false,
                late_offer: true,
                renegotiations: 1,
                ..CUT
            },
        ),
        (
            "a re-INVITE whose connection breaks",
            Rules {
                renegotiations: 1,
                ..CUT_WHEN_UP
            },
        ),
        (
            "glare of UPDATEs",
            Rules {
                refusals: 1,
                late: 1,
                ..UPDATES
            },
        ),
        (
            "glare of UPDATE and re-INVITE",
            Rules {
                updates: 1,
                renegotiations: 1,
                late: 1,
                ..PLAIN
            },
        ),
        (
            "an UPDATE whose connection breaks",
            Rules {
                updates: 1,
                ..CUT_WHEN_UP
            },
        ),
        (
            "early media whose connection breaks",
            Rules { early: 1, ..CUT },
        ),
        (
            "early media with a late offer, and ringing",
            Rules {
                late_offer: true,
                rings: 1,
                refusals: 1,
                late: 1,
                ..EARLY
            },
        ),
    ]);
}

#[test]
#[ignore = "optimised only, half a minute"]
fn exploration_default_session_timers_and_transfers() {
    prove(&[
        (
            "a session with timers that both sides change",
            Rules {
                renegotiations: 1,
                refusals: 1,
                ..REFRESHED
            },
        ),
        (
            "a session with timers whose connection breaks",
            Rules {
                refreshes: 2,
                ..CUT_WHEN_UP
            },
        ),
        (
            "transfers at once",
            Rules {
                transfers: 2,
                ..TRANSFER
            },
        ),
        (
            "a transfer whose connection breaks",
            Rules {
                transfers: 1,
                ..CUT_WHEN_UP
            },
        ),
    ]);
}

#[test]
#[ignore = "optimised only, some minutes"]
fn exploration_large_session() {
    let spoken = Rules {
        renegotiations: 1,
        refusals: 2,
        rings: 1,
        late: 2,
        ..PLAIN
    };
    prove(&[
        ("one call", spoken.clone()),
        (
            "one call with a late offer",
            Rules {
                late_offer: true,
                ..spoken
            },
        ),
        (
            "glare",
            Rules {
                renegotiations: 3,
                refusals: 1,
                late: 1,
                ..PLAIN
            },
        ),
        (
            "a re-INVITE whose connection breaks",
            Rules {
                cuts: 1,
                renegotiations: 1,
                refusals: 1,
                gives_up: 1,
                ..PLAIN
            },
        ),
        (
            "a late offer whose connection breaks",
            Rules {
                late_offer: true,
                cuts: 1,
                renegotiations: 1,
                gives_up: 1,
                ..PLAIN
            },
        ),
        (
            "an UPDATE whose connection breaks",
            Rules { updates: 1, ..CUT },
        ),
        (
            "a session with timers whose connection breaks",
            Rules {
                refreshes: 3,
                ..CUT
            },
        ),
        (
            "transfers whose connection breaks",
            Rules {
                transfers: 2,
                ..CUT
            },
        ),
        (
            "a call whose connection breaks twice",
            Rules { cuts: 2, ..PLAIN },
        ),
    ]);
}

/// A machine with one row broken is caught, each of them.
#[test]
fn exploration_catches_each_broken_row_session() {
    for broken in Broken::ALL {
        let rules = match broken {
            Broken::OfferingIgnoresInvite
            | Broken::ReinvitingKeepsItsTimer
            | Broken::ReinvitingEndsWithoutBye
            | Broken::GlareHasNoTimer => GLARE,
            Broken::GlareOfUpdateHasNoTimer | Broken::UpdateTakesACrossingOffer => UPDATES,
            Broken::AnsweredWaitsForEver
            | Broken::TerminatingForgetsALostBye
            | Broken::QueuedByeIsNeverSent => CUT,
            Broken::IncomingIgnoresPrack
            | Broken::AcceptingDoesNotWaitForPrack
            | Broken::CallingSendsNoPrack => EARLY,
            Broken::ConfirmedDoesNotRefresh => REFRESHED,
            Broken::TransferHasNoEnd => TRANSFER,
            _ => Rules {
                refusals: 1,
                ..PLAIN
            },
        };
        let found = broken.breaks(|| search(&World::new(&rules)));
        let first = found.fault.as_ref().map(|(fault, way)| (fault, way.len()));
        println!("{broken:?}: {first:?}, {} states", found.states);
        assert!(found.fault.is_some(), "{broken:?} was not caught");
    }
}
