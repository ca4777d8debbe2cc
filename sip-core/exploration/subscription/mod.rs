//! Exhaustive exploration of subscriptions: a real subscriber and a real notifier, each alone on an endpoint with the real dialog
//! and transaction layers, two applications that command what fits what they know, and a wire that breaks, or one that
//! loses, doubles and reorders what is under way.
//!
//! A state is both ends, both applications, what is under way in each direction, and what may still happen ([`world::Rules`]).
//! From each state everything that can happen next is tried, as in the exploration of calls.
//!
//! On every path this must hold: each subscription has one end at each side and no event after it; no more than one NOTIFY and
//! one SUBSCRIBE of a subscription are in flight; no NOTIFY follows a terminated one; a NOTIFY follows each accepted SUBSCRIBE
//! (RFC 6665 section 4.2.1.2); no SUBSCRIBE goes out before the time that the core has announced; no end sends without a
//! pause; no subscription waits without a timer while there is a connection; no command is refused that fits; each stale handle
//! is refused. Whenever nothing is under way, the subscriber's application knows the last state that the notifier's application
//! has reported, and unless something was lost, a subscription lives at both ends or at neither. At the end, all tables are
//! empty.

mod application;
mod judge;
mod wire;
mod world;

extern crate std;

use std::println;

use self::world::{Rules, World};
use super::{Found, search, tell};
use crate::notifier::broken::Broken as BrokenNotifier;
use crate::subscription::broken::Broken as BrokenSubscription;

/// One subscription on a stream, nothing breaks.
const PLAIN: Rules = Rules {
    datagrams: false,
    flows: true,
    expires: 120,
    cuts: 0,
    cuts_when_up: false,
    losses: 0,
    copies: 0,
    overtakes: 0,
    late: 0,
    renewals: 0,
    refreshes: 0,
    reports: 0,
    pendings: 0,
    comebacks: 0,
    refusals: 0,
    gives_up: 0,
};

/// Each application may do each of its commands once.
const SPOKEN: Rules = Rules {
    refreshes: 1,
    reports: 1,
    pendings: 1,
    refusals: 1,
    ..PLAIN
};

/// The notifier's application ends a subscription that the subscriber may begin anew.
const COMEBACK: Rules = Rules {
    comebacks: 1,
    renewals: 1,
    ..PLAIN
};

/// The subscription has to be refreshed.
const RENEWED: Rules = Rules {
    renewals: 2,
    ..PLAIN
};

/// The connection breaks once.
const CUT: Rules = Rules { cuts: 1, ..PLAIN };

/// Datagrams, none of which is lost.
const DATAGRAMS: Rules = Rules {
    datagrams: true,
    ..PLAIN
};

/// Datagrams one of which overtakes those before it.
const OVERTAKEN: Rules = Rules {
    overtakes: 1,
    renewals: 1,
    ..DATAGRAMS
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
fn exploration_small_subscription() {
    prove(&[
        ("a subscription", SPOKEN),
        ("a subscription that comes back", COMEBACK),
        ("a subscription that is refreshed", RENEWED),
        (
            "a poll",
            Rules {
                expires: 0,
                ..PLAIN
            },
        ),
        (
            "a subscription whose connection breaks",
            Rules {
                cuts_when_up: true,
                ..CUT
            },
        ),
        (
            "a subscription on a connection of its own",
            Rules {
                flows: false,
                ..CUT
            },
        ),
        (
            "a datagram is lost",
            Rules {
                losses: 1,
                ..DATAGRAMS
            },
        ),
        (
            "a datagram arrives twice",
            Rules {
                copies: 1,
                ..DATAGRAMS
            },
        ),
    ]);
}

#[test]
#[ignore = "optimised only, some seconds"]
fn exploration_default_subscription() {
    prove(&[
        (
            "a subscription whose messages are slow",
            Rules {
                renewals: 1,
                late: 1,
                ..SPOKEN
            },
        ),
        (
            "a subscription that comes back",
            Rules {
                refreshes: 1,
                late: 1,
                ..COMEBACK
            },
        ),
        (
            "a poll",
            Rules {
                expires: 0,
                late: 1,
                ..SPOKEN
            },
        ),
        (
            "a subscription whose connection breaks",
            Rules {
                reports: 1,
                gives_up: 1,
                ..CUT
            },
        ),
        (
            "a subscription on a connection of its own",
            Rules {
                flows: false,
                cuts: 1,
                reports: 1,
                refusals: 1,
                ..PLAIN
            },
        ),
        (
            "datagrams are lost",
            Rules {
                losses: 2,
                reports: 1,
                ..DATAGRAMS
            },
        ),
        (
            "datagrams overtake and arrive twice",
            Rules {
                copies: 1,
                overtakes: 1,
                ..DATAGRAMS
            },
        ),
        (
            "the wire falls silent",
            Rules {
                cuts: 1,
                cuts_when_up: true,
                ..DATAGRAMS
            },
        ),
    ]);
}

#[test]
#[ignore = "optimised only, some minutes"]
fn exploration_large_subscription() {
    prove(&[
        (
            "a subscription",
            Rules {
                renewals: 2,
                reports: 2,
                refreshes: 2,
                late: 1,
                ..SPOKEN
            },
        ),
        (
            "a subscription that comes back twice",
            Rules {
                comebacks: 2,
                renewals: 3,
                refreshes: 1,
                reports: 1,
                ..PLAIN
            },
        ),
        (
            "a subscription whose connection breaks",
            Rules {
                reports: 1,
                gives_up: 1,
                renewals: 1,
                ..CUT
            },
        ),
        (
            "a subscription on a connection of its own",
            Rules {
                flows: false,
                cuts: 1,
                ..SPOKEN
            },
        ),
        (
            "anything happens to datagrams",
            Rules {
                losses: 1,
                copies: 1,
                overtakes: 1,
                reports: 1,
                ..DATAGRAMS
            },
        ),
        (
            "datagrams that are lost have to be refreshed",
            Rules {
                losses: 2,
                reports: 1,
                renewals: 1,
                ..DATAGRAMS
            },
        ),
        (
            "the wire falls silent",
            Rules {
                cuts: 1,
                reports: 1,
                renewals: 1,
                ..DATAGRAMS
            },
        ),
    ]);
}

/// A machine with one row broken is caught, each of them.
#[test]
fn exploration_catches_each_broken_row_subscription() {
    for broken in BrokenSubscription::ALL {
        let rules = match broken {
            BrokenSubscription::FirstNotifyIsIgnored | BrokenSubscription::AcceptedIsIgnored => {
                OVERTAKEN
            }
            BrokenSubscription::RefreshIsNotSent => RENEWED,
            BrokenSubscription::BackOffHasNoEnd | BrokenSubscription::ComebackIsForgotten => {
                COMEBACK
            }
            BrokenSubscription::OfflineIgnoresItsConnection => CUT,
            _ => SPOKEN,
        };
        caught(&broken, &broken.breaks(|| search(&World::new(&rules))));
    }
    for broken in BrokenNotifier::ALL {
        let rules = match broken {
            BrokenNotifier::LossForgetsTheLast
            | BrokenNotifier::ExpiryIsIgnored
            | BrokenNotifier::FailureKeepsTheSubscription
            | BrokenNotifier::ConnectionIsIgnored => CUT,
            _ => SPOKEN,
        };
        caught(&broken, &broken.breaks(|| search(&World::new(&rules))));
    }
}

fn caught<M>(broken: &dyn core::fmt::Debug, found: &Found<M>) {
    let first = found.fault.as_ref().map(|(fault, way)| (fault, way.len()));
    println!("{broken:?}: {first:?}, {} states", found.states);
    assert!(found.fault.is_some(), "{broken:?} was not caught");
}
