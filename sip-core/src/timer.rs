//! The timer heap: absolute deadlines that can be cancelled; the next one is read in constant time.

use alloc::vec::Vec;

use crate::time::Timestamp;

/// A set timer; it fires once unless cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerKey {
    slot: u32,
    generation: u32,
}

#[cfg_attr(test, derive(Clone))]
struct Slot<T> {
    generation: u32,
    /// Index in the heap, or `FREE`.
    place: u32,
    entry: Option<T>,
}

/// A node of the heap: ordered by time, then by the order in which timers were set.
#[derive(Clone, Copy)]
struct Node {
    at: Timestamp,
    sequence: u64,
    slot: u32,
}

impl Node {
    fn before(&self, other: &Self) -> bool {
        (self.at, self.sequence) < (other.at, other.sequence)
    }
}

/// A binary heap of deadlines that knows the position of each, so that a cancelled timer leaves nothing
/// behind.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Timers<T> {
    heap: Vec<Node>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    sequence: u64,
}

impl<T> Timers<T> {
    pub(crate) const fn new() -> Self {
        Self {
            heap: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            sequence: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The earliest deadline, in constant time.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.heap.first().map(|node| node.at)
    }

    /// Sets a timer in logarithmic time.
    pub(crate) fn set(&mut self, at: Timestamp, entry: T) -> TimerKey {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot {
                    generation: 0,
                    place: 0,
                    entry: None,
                });
                (self.slots.len() - 1) as u32
            }
        };
        let place = self.heap.len();
        self.heap.push(Node {
            at,
            sequence: self.sequence,
            slot,
        });
        self.sequence += 1;
        self.slots[slot as usize].entry = Some(entry);
        self.slots[slot as usize].place = place as u32;
        self.rise(place);
        TimerKey {
            slot,
            generation: self.slots[slot as usize].generation,
        }
    }

    /// Cancels a timer in logarithmic time; `None` if it fired or was cancelled before.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let slot = self.slots.get(key.slot as usize)?;
        if slot.generation != key.generation || slot.entry.is_none() {
            return None;
        }
        let place = slot.place as usize;
        self.take(place)
    }

    /// Removes and returns the earliest timer that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.take(0)
    }

    /// All timers, for tests.
    #[cfg(test)]
    pub(crate) fn pending(&self) -> alloc::vec::Vec<(Timestamp, &T)> {
        let entry = |node: &Node| Some((node.at, self.slots[node.slot as usize].entry.as_ref()?));
        self.heap.iter().filter_map(entry).collect()
    }

    /// What is pending, in the order in which it fires.
    #[cfg(test)]
    pub(crate) fn in_order(&self) -> alloc::vec::Vec<&T> {
        let mut nodes = self.heap.clone();
        nodes.sort_by_key(|node| (node.at, node.sequence));
        let entry = |node: Node| self.slots[node.slot as usize].entry.as_ref();
        nodes.into_iter().filter_map(entry).collect()
    }

    fn take(&mut self, place: usize) -> Option<T> {
        let node = self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.slots[self.heap[place].slot as usize].place = place as u32;
            self.rise(place);
            self.sink(place);
        }
        let slot = &mut self.slots[node.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(node.slot);
        slot.entry.take()
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if !self.heap[place].before(&self.heap[parent]) {
                return;
            }
            self.swap(place, parent);
            place = parent;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let left = 2 * place + 1;
            let Some(mut child) = Some(left).filter(|&left| left < self.heap.len()) else {
                return;
            };
            if left + 1 < self.heap.len() && self.heap[left + 1].before(&self.heap[left]) {
                child = left + 1;
            }
            if !self.heap[child].before(&self.heap[place]) {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.slots[self.heap[a].slot as usize].place = a as u32;
        self.slots[self.heap[b].slot as usize].place = b as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_deadlines_fire_in_the_order_in_which_they_were_set() {
        let mut timers = Timers::new();
        for name in ["a", "b", "c"] {
            timers.set(Timestamp::from_millis(5), name);
        }
        let now = Timestamp::from_millis(5);
        assert_eq!(timers.pop_due(Timestamp::from_millis(4)), None);
        assert_eq!(
            [
                timers.pop_due(now),
                timers.pop_due(now),
                timers.pop_due(now)
            ],
            [Some("a"), Some("b"), Some("c")]
        );
        assert_eq!(timers.next(), None);
    }

    proptest! {
        /// Compares the heap with a sorted list: same order, cancelled timers never fire, nothing is left.
        #[test]
        fn fires_as_a_sorted_list_would(
            deadlines in prop::collection::vec((0_u64..50, any::<bool>()), 0..200),
        ) {
            let mut timers = Timers::new();
            let mut expected = Vec::new();
            let mut keys = Vec::new();
            for (number, &(at, cancelled)) in deadlines.iter().enumerate() {
                keys.push((timers.set(Timestamp::from_millis(at), number), cancelled));
                if !cancelled {
                    expected.push((at, number));
                }
            }
            for (key, cancelled) in &keys {
                if *cancelled {
                    prop_assert!(timers.cancel(*key).is_some());
                    prop_assert!(timers.cancel(*key).is_none());
                }
            }
            expected.sort_unstable();
            for (at, number) in expected {
                prop_assert_eq!(timers.next(), Some(Timestamp::from_millis(at)));
                prop_assert_eq!(timers.pop_due(Timestamp::MAX), Some(number));
            }
            prop_assert_eq!(timers.len(), 0);
        }
    }
}
