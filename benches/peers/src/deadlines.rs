//! The timers that a rival leaves to its host: a heap of deadlines, as cheap as a host can make it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A deadline: when, a number that keeps the order of equal ones, and the place of what is due.
type Entry = Reverse<(Duration, usize)>;

/// Deadlines of `T`. None is taken back: a rival ignores the timer of a transaction that is over.
pub struct Deadlines<T> {
    heap: BinaryHeap<Entry>,
    slots: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Deadlines<T> {
    pub fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub fn set(&mut self, at: Duration, what: T) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(what);
        self.heap.push(Reverse((at, slot)));
    }

    pub fn due(&mut self, now: Duration) -> Option<T> {
        let Reverse((at, slot)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        let slot = *slot;
        self.heap.pop();
        self.free.push(slot);
        self.slots[slot].take()
    }
}
