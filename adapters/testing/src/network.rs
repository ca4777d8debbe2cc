//! A simulated network: what is on its way, in the order of its arrival, and the weather.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sip_core::{Timestamp, Transport};

/// What the network does to messages.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Datagrams are lost, duplicated and overtake each other. A stream keeps its order.
    pub transport: Transport,
    /// Of a thousand datagrams, in each direction of each link.
    pub lost: u64,
    /// Of a thousand datagrams, in each direction of each link.
    pub duplicated: u64,
    /// The longest delay; the shortest is 1 ms.
    pub delay: Duration,
    /// How many times a connection breaks in the first two minutes, at most.
    pub cuts: u64,
    /// How many times one direction of a link swallows everything for up to 20 seconds, at most.
    pub one_way: u64,
}

impl Weather {
    /// A network that delivers everything once, after 1 to 41 ms.
    pub const fn calm(transport: Transport) -> Self {
        Self {
            transport,
            lost: 0,
            duplicated: 0,
            delay: Duration::from_millis(40),
            cuts: 0,
            one_way: 0,
        }
    }
}

/// Entropy of one part of a run; each seed and part draw their own.
pub fn seeded(seed: u64, part: u8) -> Box<ChaCha20Rng> {
    let mut bytes = [part; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Box::new(ChaCha20Rng::from_seed(bytes))
}

/// A number below `bound`; 0 if there is none.
pub(crate) fn below(chance: &mut ChaCha20Rng, bound: u64) -> u64 {
    if bound == 0 {
        0
    } else {
        chance.next_u64() % bound
    }
}

/// Things that will happen, the earliest first; those of one moment in the order of their entry.
#[derive(Debug)]
pub(crate) struct Schedule<T> {
    items: BinaryHeap<Reverse<Item<T>>>,
    entered: u64,
}

#[derive(Debug)]
struct Item<T> {
    at: Timestamp,
    entry: u64,
    what: T,
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.entry) == (other.at, other.entry)
    }
}

impl<T> Eq for Item<T> {}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Item<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.entry).cmp(&(other.at, other.entry))
    }
}

impl<T> Schedule<T> {
    pub(crate) fn new() -> Self {
        Self {
            items: BinaryHeap::new(),
            entered: 0,
        }
    }

    pub(crate) fn push(&mut self, at: Timestamp, what: T) {
        self.entered += 1;
        let entry = self.entered;
        self.items.push(Reverse(Item { at, entry, what }));
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.items.peek().map(|Reverse(item)| item.at)
    }

    /// The first thing, if its time has come.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.items.pop().map(|Reverse(item)| item.what)
    }
}
