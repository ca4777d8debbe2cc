//! Exhaustive exploration of the four machines: every state that a client and a server, or a client and
//! two servers behind a relay that forks, can reach through a network that loses, duplicates and
//! reorders within [`Bounds`].
//!
//! The machines are those of the product; the glue around them is a small copy of the layer's. Time goes
//! in units of T1, with B, F, H, J, L and M of 8 units, T2 of 2 and T4 of 3; D keeps its 32 s. What is due
//! happens in any order, what is not waits. Users act at any time. On every path this must hold: one
//! outcome for each user and one final response for each transaction and To tag, nothing after the end,
//! only the timers that a state has, retransmissions in the RFC's intervals and numbers, no request twice,
//! and at the end no transaction is left.
//!
//! `cargo test -p sip-ua-core exploration` runs a small bound; the default bound (1.8 million states) is
//! `cargo test --release -p sip-ua-core --lib exploration_default -- --ignored --nocapture`, a larger one (32
//! million) `exploration_large`. Forked INVITEs, of seven machines and more, have smaller bounds than
//! a single link: see the tests.

mod carry;
mod rules;
mod snapshot;
mod users;
mod world;

extern crate std;

use core::hash::{Hash, Hasher};
use std::collections::hash_map::DefaultHasher;
use std::println;
use std::string::String;
use std::vec::Vec;

use rules::{Bounds, Broken, Rules};
pub(crate) use snapshot::digest_user;
use world::{Message, Move, World};

/// States by two hashes of 64 bits; kept as an open table, since a tree of millions is slow.
struct Visited {
    slots: Vec<(u64, u64)>,
    len: usize,
}

impl Visited {
    fn new() -> Self {
        Self {
            slots: std::vec![(0, 0); 1 << 12],
            len: 0,
        }
    }

    /// Whether the state is new.
    fn insert(&mut self, key: (u64, u64)) -> bool {
        if self.len * 2 > self.slots.len() {
            let old = core::mem::take(&mut self.slots);
            self.slots = std::vec![(0, 0); old.len() * 2];
            for key in old.into_iter().filter(|key| key.1 != 0) {
                let place = self.place(key);
                self.slots[place] = key;
            }
        }
        let place = self.place(key);
        let new = self.slots[place].1 == 0;
        if new {
            self.slots[place] = key;
            self.len += 1;
        }
        new
    }

    fn place(&self, key: (u64, u64)) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = key.0 as usize & mask;
        while self.slots[place].1 != 0 && self.slots[place] != key {
            place = (place + 1) & mask;
        }
        place
    }
}

/// Two hashes of a state; the second is never zero.
fn key(world: &World) -> (u64, u64) {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    let first = hasher.finish();
    0x5eed_u64.hash(&mut hasher);
    (first, hasher.finish() | 1)
}

/// A state on the way: how it was reached, its key, and what is still to be tried from it.
type Step = (String, (u64, u64), Vec<(Move, World)>);

/// What an exploration found.
struct Found {
    states: usize,
    moves: usize,
    ends: usize,
    /// The first thing that was wrong, with the way there.
    fault: Option<String>,
}

/// Depth first through all states.
fn explore(rules: &Rules) -> Found {
    let mut found = Found {
        states: 0,
        moves: 0,
        ends: 0,
        fault: None,
    };
    let mut visited = Visited::new();
    let mut way: Vec<Step> = Vec::new();
    let mut starts = Vec::new();
    hand_over(rules, World::start(rules), &mut |world| {
        starts.push((Move::Wait(0), world));
    });
    way.push((String::new(), (0, 0), starts));
    while let Some((_, _, rest)) = way.last_mut() {
        let Some((how, world)) = rest.pop() else {
            way.pop();
            continue;
        };
        found.moves += 1;
        let mut fault = world.fault;
        let key = key(&world);
        if fault.is_none() && !visited.insert(key) {
            if !way.iter().any(|(_, earlier, _)| *earlier == key) {
                continue;
            }
            fault = Some("this goes on for ever");
        }
        let (moves, quiet) = world.moves(rules);
        if quiet && fault.is_none() {
            found.ends += 1;
            fault = world.fault_at_the_end(rules);
        }
        if let Some(fault) = fault {
            let mut text = String::new();
            for (step, ..) in &way {
                text.push_str(step);
            }
            found.fault = Some(std::format!("{fault}\n{text}  {how:?}\n{world:#?}"));
            break;
        }
        let mut next = Vec::new();
        for &what in &moves {
            let mut after = world.clone();
            after.carry_out(rules, what);
            hand_over(rules, after, &mut |world| next.push((what, world)));
        }
        let step = std::format!("  {how:?}: network {:?}\n", world.network);
        way.push((step, key, next));
    }
    found.states = visited.len;
    found
}

/// Gives what was sent to the network, in every way that the bounds allow.
fn hand_over(rules: &Rules, mut world: World, visit: &mut impl FnMut(World)) {
    world.settle();
    if world.outbox.is_empty() {
        return visit(world);
    }
    let message = world.outbox.remove(0);
    if !rules.reliable && world.losses > 0 {
        let mut lost = world.clone();
        lost.losses -= 1;
        hand_over(rules, lost, visit);
    }
    for delay in delays(rules, &world, message) {
        let mut sent = world.clone();
        put(rules, &mut sent, Message { delay, ..message });
        if !rules.reliable && sent.duplicates > 0 {
            for later in delays(rules, &sent, message).filter(|&later| later >= delay) {
                let mut twice = sent.clone();
                twice.duplicates -= 1;
                put(
                    rules,
                    &mut twice,
                    Message {
                        delay: later,
                        ..message
                    },
                );
                hand_over(rules, twice, visit);
            }
        }
        hand_over(rules, sent, visit);
    }
}

fn delays(rules: &Rules, world: &World, message: Message) -> core::ops::RangeInclusive<u8> {
    let most = if world.network.len() < rules.bounds.in_flight {
        rules.bounds.longest_delay
    } else {
        0
    };
    if !rules.reliable {
        return 0..=most;
    }
    // A stream keeps its order.
    let earlier = world.network.iter().rev();
    let mut same =
        earlier.filter(|other| (other.link, other.to_server) == (message.link, message.to_server));
    let least = same.next().map_or(0, |last| last.delay);
    least..=most.max(least)
}

fn put(rules: &Rules, world: &mut World, message: Message) {
    world.network.push(message);
    if rules.reliable {
        world
            .network
            .sort_by_key(|message| (message.link, message.to_server));
    } else {
        world.network.sort();
    }
}

/// One connection may break at any time; nothing is lost before.
const STREAM: Bounds = Bounds {
    losses: 0,
    duplicates: 0,
    in_flight: 3,
    longest_delay: 2,
    cuts: 1,
    users_race: true,
};

/// For every `cargo test`, unoptimised.
const SMALL: Bounds = Bounds {
    losses: 1,
    duplicates: 1,
    in_flight: 2,
    longest_delay: 1,
    cuts: 0,
    users_race: false,
};

/// Every copy of an INVITE can be lost.
const BAD: Bounds = Bounds {
    losses: 4,
    duplicates: 0,
    in_flight: 0,
    longest_delay: 0,
    cuts: 0,
    users_race: false,
};

const DEFAULT: Bounds = Bounds {
    losses: 2,
    duplicates: 2,
    in_flight: 3,
    longest_delay: 1,
    cuts: 0,
    users_race: false,
};

const LARGE: Bounds = Bounds {
    longest_delay: 2,
    users_race: true,
    ..DEFAULT
};

/// Explores each family of runs; panics with the way to the first fault.
fn prove(families: &[(&str, Rules)]) -> usize {
    #[expect(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "says how long it took"
    )]
    let start = std::time::Instant::now();
    let mut rows = std::collections::BTreeSet::new();
    let mut states = 0;
    for (name, rules) in families {
        let found = explore(rules);
        println!(
            "{name}: {} states, {} moves, {} ends, {:.1} s so far",
            found.states,
            found.moves,
            found.ends,
            start.elapsed().as_secs_f32()
        );
        if let Some(fault) = found.fault {
            panic!("{name}: {fault}");
        }
        states += found.states;
        rows.extend(rules.rows.borrow().iter().copied());
    }
    println!(
        "{states} states and {} rows in {:.1} s",
        rows.len(),
        start.elapsed().as_secs_f32()
    );
    // What no run meets: answers that the layer refuses, timers that are never set.
    assert!(rows.len() >= ROWS, "only {} rows were met", rows.len());
    states
}

/// States times inputs that are reached at all; the rest of the tables are the row tests'.
const ROWS: usize = 60;

const INVITE: bool = true;
const RELIABLE: bool = true;

#[test]
fn exploration_small() {
    prove(&[
        (
            "non-INVITE on datagrams",
            Rules::new(!INVITE, !RELIABLE, 1, SMALL),
        ),
        (
            "INVITE through a bad network",
            Rules::new(INVITE, !RELIABLE, 1, BAD),
        ),
        (
            "non-INVITE on a stream",
            Rules::new(!INVITE, RELIABLE, 1, STREAM),
        ),
        (
            "INVITE on datagrams",
            Rules::new(INVITE, !RELIABLE, 1, SMALL),
        ),
        (
            "INVITE on a stream",
            Rules::new(INVITE, RELIABLE, 1, STREAM),
        ),
        (
            "forked INVITE on a stream",
            Rules::new(
                INVITE,
                RELIABLE,
                3,
                Bounds {
                    in_flight: 0,
                    cuts: 0,
                    users_race: false,
                    ..STREAM
                },
            ),
        ),
    ]);
}

#[test]
#[ignore = "optimised only, half a minute"]
fn exploration_default() {
    let states = prove(&[
        (
            "non-INVITE on datagrams",
            Rules::new(
                !INVITE,
                !RELIABLE,
                1,
                Bounds {
                    longest_delay: 2,
                    ..DEFAULT
                },
            ),
        ),
        (
            "INVITE through a bad network",
            Rules::new(INVITE, !RELIABLE, 1, BAD),
        ),
        (
            "non-INVITE on a stream",
            Rules::new(!INVITE, RELIABLE, 1, STREAM),
        ),
        (
            "INVITE on datagrams",
            Rules::new(INVITE, !RELIABLE, 1, DEFAULT),
        ),
        (
            "INVITE on a stream",
            Rules::new(INVITE, RELIABLE, 1, STREAM),
        ),
        (
            "forked INVITE on streams",
            Rules::new(
                INVITE,
                RELIABLE,
                3,
                Bounds {
                    in_flight: 1,
                    longest_delay: 1,
                    cuts: 0,
                    users_race: false,
                    ..STREAM
                },
            ),
        ),
        (
            "forked INVITE on datagrams",
            Rules::new(
                INVITE,
                !RELIABLE,
                3,
                Bounds {
                    losses: 1,
                    duplicates: 0,
                    longest_delay: 0,
                    ..DEFAULT
                },
            ),
        ),
    ]);
    assert!(states < 2_000_000, "{states} states");
}

#[test]
#[ignore = "optimised only, some minutes and gigabytes"]
fn exploration_large() {
    prove(&[
        (
            "non-INVITE on datagrams",
            Rules::new(!INVITE, !RELIABLE, 1, LARGE),
        ),
        (
            "INVITE on datagrams",
            Rules::new(INVITE, !RELIABLE, 1, LARGE),
        ),
        (
            "INVITE on a stream",
            Rules::new(INVITE, RELIABLE, 1, STREAM),
        ),
        (
            "forked INVITE on streams",
            Rules::new(
                INVITE,
                RELIABLE,
                3,
                Bounds {
                    longest_delay: 1,
                    cuts: 0,
                    ..STREAM
                },
            ),
        ),
        (
            "forked INVITE on datagrams",
            Rules::new(
                INVITE,
                !RELIABLE,
                3,
                Bounds {
                    losses: 2,
                    duplicates: 1,
                    longest_delay: 0,
                    ..DEFAULT
                },
            ),
        ),
    ]);
}

/// A machine with one row broken is caught, each of them.
#[test]
fn exploration_catches_each_broken_row() {
    for broken in Broken::ALL {
        let caught = [BAD, SMALL].iter().any(|&bounds| {
            let mut rules = Rules::new(broken.is_of_invite(), !RELIABLE, 1, bounds);
            rules.broken = Some(broken);
            let found = explore(&rules);
            let first = found.fault.as_ref().and_then(|fault| fault.lines().next());
            println!("{broken:?}: {first:?}, {} states", found.states);
            found.fault.is_some()
        });
        assert!(caught, "{broken:?} was not caught");
    }
}
