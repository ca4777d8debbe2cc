//! Exhaustive exploration of a publication: a real publisher alone on an endpoint, an application that publishes, changes and
//! removes a state, a server that keeps states as RFC 3903 section 6 says or refuses, and a wire that breaks or loses.
//!
//! On every path this must hold: one PUBLISH is in flight at most; each one but the first carries the entity tag of the last 2xx
//! (RFC 3903 section 4.1); the publication has one end and no event after it; none goes out before the time that the core
//! has announced; no publication waits without a timer while there is a connection. Whenever nothing is under way and the core has
//! reported no failure, the server holds the last state of the application under the entity tag of the last 2xx. A removal that
//! the core reports as done leaves nothing at the server, unless something was lost. At the end, all tables are empty.

mod server;
mod world;

extern crate std;

use std::println;

use self::world::{Rules, World};
use super::{search, tell};
use crate::publication::broken::Broken;

/// One publication on a stream, nothing breaks.
const PLAIN: Rules = Rules {
    datagrams: false,
    cuts: 0,
    losses: 0,
    refusals: 0,
    forgets: 0,
    changes: 1,
    renewals: 1,
    late: 0,
    gives_up: 0,
};

const SMALL: [(&str, Rules); 4] = [
    ("a publication", PLAIN),
    (
        "a server that forgets and refuses",
        Rules {
            forgets: 1,
            refusals: 1,
            ..PLAIN
        },
    ),
    (
        "a publication whose connection breaks",
        Rules { cuts: 1, ..PLAIN },
    ),
    (
        "a datagram is lost",
        Rules {
            datagrams: true,
            losses: 1,
            ..PLAIN
        },
    ),
];

/// Explores each family of runs; panics with the way to the first fault.
fn prove(families: &[(&str, Rules)]) {
    #[expect(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "says how long it took"
    )]
    let start = std::time::Instant::now();
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
    }
}

/// For every `cargo test`, unoptimised.
#[test]
fn exploration_small_publication() {
    prove(&SMALL);
}

#[test]
#[ignore = "optimised only, some seconds"]
fn exploration_default_publication() {
    prove(&[
        (
            "a server that forgets and refuses",
            Rules {
                forgets: 1,
                refusals: 2,
                changes: 2,
                renewals: 2,
                ..PLAIN
            },
        ),
        (
            "a publication whose connection breaks twice",
            Rules {
                cuts: 2,
                changes: 2,
                gives_up: 1,
                ..PLAIN
            },
        ),
        (
            "datagrams are lost, and the wire falls silent",
            Rules {
                datagrams: true,
                losses: 1,
                cuts: 1,
                ..PLAIN
            },
        ),
    ]);
}

#[test]
#[ignore = "optimised only, half a minute"]
fn exploration_large_publication() {
    prove(&[
        (
            "a server that refuses, and a connection that breaks twice",
            Rules {
                refusals: 1,
                cuts: 2,
                changes: 2,
                gives_up: 1,
                ..PLAIN
            },
        ),
        (
            "datagrams are lost, and the wire falls silent",
            Rules {
                datagrams: true,
                losses: 1,
                cuts: 1,
                late: 1,
                changes: 2,
                ..PLAIN
            },
        ),
    ]);
}

/// A machine with one row broken is caught, each of them.
#[test]
fn exploration_catches_each_broken_row_publication() {
    for broken in Broken::ALL {
        let found = broken.breaks(|| {
            SMALL.iter().find_map(|(name, rules)| {
                let found = search(&World::new(rules));
                found.fault.map(|(fault, way)| (name, fault, way.len()))
            })
        });
        println!("{broken:?}: {found:?}");
        assert!(found.is_some(), "{broken:?} was not caught");
    }
}
