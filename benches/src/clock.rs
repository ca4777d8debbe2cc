//! Times several works in turns, so that a ratio compares runs from the same moments.

use std::cell::RefCell;
use std::fmt;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use sip_parse::Bytes;

use crate::messages::{SAMPLES, mixed};
use crate::scenario::Scenario;

/// Copies of each message, each at an address of its own.
const COPIES: usize = 16;

/// The messages that are timed, several copies of each.
#[derive(Clone, Debug)]
pub struct Deck {
    cards: Rc<[Bytes]>,
}

impl Deck {
    /// Copies of the mixed set; copy `i` is of message `i % MIXED`.
    #[must_use]
    pub fn mixed() -> Self {
        let cards = (0..COPIES)
            .flat_map(|_| mixed())
            .map(|sample| Bytes::copy_from_slice(sample.bytes))
            .collect();
        Self { cards }
    }

    /// The copies.
    #[must_use]
    pub fn cards(&self) -> &[Bytes] {
        &self.cards
    }

    /// All copies in an order that no branch predictor learns from a regular pattern, the same in each run.
    #[must_use]
    pub fn shuffled(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.cards.len()).collect();
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for i in (1..order.len()).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            order.swap(i, (state >> 33) as usize % (i + 1));
        }
        order
    }

    /// All copies of one message.
    fn copies(&self, kind: usize) -> Vec<usize> {
        (kind..self.cards.len()).step_by(mixed().len()).collect()
    }
}

/// Works on the copies with these indices.
type Run = Box<dyn FnMut(&[usize])>;

/// A timed work: the function that runs on the copies with the given indices.
pub struct Work {
    /// The name in the table.
    pub name: &'static str,
    prepare: Box<dyn FnMut()>,
    run: Run,
    /// Whether it can do each message of the set, by index in the set.
    able: [bool; crate::messages::MIXED],
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work({})", self.name)
    }
}

impl Work {
    /// Work that borrows the bytes of a message. What it returns is kept until it has been dropped in the timed part.
    pub fn borrowing<R>(
        name: &'static str,
        deck: &Deck,
        mut work: impl FnMut(&Bytes) -> R + 'static,
    ) -> Self {
        Self::over(name, deck.cards.to_vec(), move |card| work(card))
    }

    /// Work on one prepared item per copy.
    pub fn over<T: 'static, R>(
        name: &'static str,
        items: Vec<T>,
        mut work: impl FnMut(&T) -> R + 'static,
    ) -> Self {
        Self {
            name,
            prepare: Box::new(|| {}),
            run: Box::new(move |order| {
                for &i in order {
                    // By reference, because moving a large result is not part of the work.
                    black_box(&work(black_box(&items[i])));
                }
            }),
            able: [true; crate::messages::MIXED],
        }
    }

    /// Work that takes the bytes of a message by value, as a transport passes them on.
    pub fn consuming<R>(
        name: &'static str,
        deck: &Deck,
        mut work: impl FnMut(Bytes) -> R + 'static,
    ) -> Self {
        let cards = Rc::clone(&deck.cards);
        let hand: Rc<RefCell<Vec<Bytes>>> = Rc::default();
        let dealt = Rc::clone(&hand);
        Self {
            name,
            prepare: Box::new(move || {
                let mut hand = dealt.borrow_mut();
                hand.clear();
                hand.extend(cards.iter().cloned());
            }),
            run: Box::new(move |order| {
                let mut hand = hand.borrow_mut();
                for &i in order {
                    black_box(&work(std::mem::take(black_box(&mut hand[i]))));
                }
            }),
            able: [true; crate::messages::MIXED],
        }
    }

    /// Leaves out the messages of the mixed set that this work cannot do, by index.
    #[must_use]
    pub fn only(mut self, able: impl Fn(usize) -> bool) -> Self {
        for (kind, slot) in self.able.iter_mut().enumerate() {
            *slot = able(kind);
        }
        self
    }
}

/// The median time of a work, in nanoseconds a message.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The name of the work.
    pub name: &'static str,
    /// Over the shuffled set.
    pub mixed: f64,
    /// Over copies of one message, by index in the set; not a number for one that the work cannot do.
    pub each: Vec<f64>,
}

impl Timing {
    /// How many times as long as `floor` this takes: over the set, the best message and the worst one with their names.
    #[must_use]
    pub fn over(&self, floor: &Timing) -> Ratio {
        let mut best = (f64::INFINITY, "");
        let mut worst = (0.0, "");
        for (kind, (mine, theirs)) in self.each.iter().zip(&floor.each).enumerate() {
            let ratio = mine / theirs;
            if ratio < best.0 {
                best = (ratio, SAMPLES[kind].name);
            }
            if ratio > worst.0 {
                worst = (ratio, SAMPLES[kind].name);
            }
        }
        Ratio {
            mixed: self.mixed / floor.mixed,
            best,
            worst,
        }
    }
}

/// A multiple of a floor.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    /// Over the shuffled set.
    pub mixed: f64,
    /// The best message.
    pub best: (f64, &'static str),
    /// The worst message.
    pub worst: (f64, &'static str),
}

/// Runs all works in turns for `rounds` rounds and returns the median of each.
pub fn race(deck: &Deck, works: &mut [Work], rounds: usize) -> Vec<Timing> {
    let shuffled = deck.shuffled();
    let copies: Vec<Vec<usize>> = (0..mixed().len()).map(|kind| deck.copies(kind)).collect();
    let lap = |work: &mut Work, order: &[usize]| {
        // The previous work has filled the caches with its own data, so the work is prepared again.
        (work.prepare)();
        (work.run)(order);
        (work.prepare)();
        let start = Instant::now();
        (work.run)(order);
        start.elapsed().as_nanos() as f64 / order.len() as f64
    };
    let mut laps = vec![vec![Vec::with_capacity(rounds); copies.len() + 1]; works.len()];
    // The first round is a warm-up.
    for round in 0..=rounds {
        for (work, laps) in works.iter_mut().zip(&mut laps) {
            let order: Vec<usize> = shuffled
                .iter()
                .copied()
                .filter(|card| work.able[card % copies.len()])
                .collect();
            let time = lap(work, &order);
            if round > 0 {
                laps[0].push(time);
            }
        }
        for (kind, order) in copies.iter().enumerate() {
            for (work, laps) in works.iter_mut().zip(&mut laps) {
                if work.able[kind] {
                    let time = lap(work, order);
                    if round > 0 {
                        laps[kind + 1].push(time);
                    }
                }
            }
        }
    }
    works
        .iter()
        .zip(laps)
        .map(|(work, mut laps)| {
            let each = laps.split_off(1).into_iter().map(median).collect();
            Timing {
                name: work.name,
                mixed: median(laps.swap_remove(0)),
                each,
            }
        })
        .collect()
}

/// Runs all scenarios in turns for `rounds` rounds of `steps` steps; the least time of each, in nanoseconds a step.
///
/// # Panics
/// If a step does not do its work.
pub fn take_turns(scenarios: &mut [Box<dyn Scenario>], steps: u64, rounds: usize) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; scenarios.len()];
    for _ in 0..rounds {
        for (scenario, least) in scenarios.iter_mut().zip(&mut least) {
            // The previous scenario has filled the caches with its own data.
            scenario.run_checked(steps.div_ceil(8));
            let start = Instant::now();
            scenario.run_checked(steps);
            *least = least.min(start.elapsed().as_nanos() as f64 / steps as f64);
        }
    }
    least
}

fn median(mut laps: Vec<f64>) -> f64 {
    laps.sort_by(f64::total_cmp);
    laps.get(laps.len() / 2).copied().unwrap_or(f64::NAN)
}
