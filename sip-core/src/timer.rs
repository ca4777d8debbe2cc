//! The timer heap: absolute deadlines that can be cancelled; the next one is read in constant time.

use alloc::boxed::Box;
#[cfg(test)]
use alloc::vec::Vec;

use smallvec::SmallVec;

use crate::time::Timestamp;

/// A set timer; it fires once unless cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerKey {
    slot: u32,
    generation: u32,
}

const NO_SLOT: u32 = u32::MAX;

#[cfg_attr(test, derive(Clone))]
struct Slot<T> {
    generation: u32,
    /// Index in the heap; of a free slot the next free one, or `NO_SLOT`.
    place: u32,
    entry: Option<T>,
}

/// A deadline: ordered by time, then by the order in which deadlines were made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Deadline {
    at: Timestamp,
    sequence: u64,
}

impl Deadline {
    /// None: later than any other.
    pub(crate) const NEVER: Self = Self {
        at: Timestamp::MAX,
        sequence: u64::MAX,
    };

    /// When it is due.
    #[cfg(test)]
    pub(crate) const fn at(self) -> Timestamp {
        self.at
    }
}

/// A node of the heap.
#[derive(Clone, Copy)]
struct Node {
    deadline: Deadline,
    slot: u32,
}

impl Node {
    fn before(&self, other: &Self) -> bool {
        self.deadline < other.deadline
    }
}

/// A binary heap of deadlines that knows the position of each, so that a cancelled timer leaves nothing
/// behind. 16 bytes while it has no heap.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Timers<T> {
    heap: Option<Box<Heap<T>>>,
    /// The generation of new slots, which no key of a freed heap has.
    generation: u32,
}

#[cfg_attr(test, derive(Clone))]
struct Heap<T> {
    heap: SmallVec<[Node; 1]>,
    slots: SmallVec<[Slot<T>; 1]>,
    /// The first free slot, or `NO_SLOT`.
    free: u32,
    generation: u32,
    sequence: u64,
}

impl TimerKey {
    /// The key of no timer.
    pub(crate) const NONE: Self = Self {
        slot: NO_SLOT,
        generation: 0,
    };
}

impl<T> Timers<T> {
    pub(crate) const fn new() -> Self {
        Self {
            heap: None,
            generation: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.as_ref().map_or(0, |heap| heap.heap.len())
    }

    /// The earliest deadline, in constant time.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.heap.as_ref()?.next()
    }

    /// Frees the heap if no timer is set. All keys so far stay stale.
    pub(crate) fn shrink(&mut self) {
        if let Some(heap) = self.heap.take_if(|heap| heap.heap.is_empty()) {
            let generations = heap.slots.iter().map(|slot| slot.generation);
            self.generation = generations.fold(self.generation, u32::max);
        }
    }

    fn heap(&mut self) -> &mut Heap<T> {
        let generation = self.generation;
        self.heap.get_or_insert_with(|| {
            Box::new(Heap {
                heap: SmallVec::new(),
                slots: SmallVec::new(),
                free: NO_SLOT,
                generation,
                sequence: 0,
            })
        })
    }

    /// Sets a timer in logarithmic time.
    pub(crate) fn set(&mut self, at: Timestamp, entry: T) -> TimerKey {
        let deadline = self.deadline(at);
        self.insert(deadline, entry)
    }

    /// Makes a deadline for [`insert`](Self::insert) or [`change`](Self::change), behind all that were made for the same time.
    pub(crate) fn deadline(&mut self, at: Timestamp) -> Deadline {
        let heap = self.heap();
        heap.sequence += 1;
        Deadline {
            at,
            sequence: heap.sequence,
        }
    }

    /// As [`set`](Self::set), for a deadline that was made before.
    pub(crate) fn insert(&mut self, deadline: Deadline, entry: T) -> TimerKey {
        self.heap().insert(deadline, entry)
    }

    /// Gives a timer another deadline, in logarithmic time. Does nothing if it fired or was cancelled before.
    pub(crate) fn change(&mut self, key: TimerKey, deadline: Deadline) {
        if let Some(heap) = &mut self.heap {
            heap.change(key, deadline);
        }
    }

    /// When a timer fires; `None` if it fired or was cancelled before. Constant time.
    pub(crate) fn at(&self, key: TimerKey) -> Option<Timestamp> {
        let heap = self.heap.as_ref()?;
        let slot = heap.slots.get(key.slot as usize)?;
        let is_set = slot.generation == key.generation && slot.entry.is_some();
        let node = heap.heap.get(slot.place as usize).filter(|_| is_set)?;
        Some(node.deadline.at)
    }

    /// Cancels a timer in logarithmic time; `None` if it fired or was cancelled before.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<T> {
        self.heap.as_mut()?.cancel(key)
    }

    /// The earliest timer that is due at `now`, which stays set.
    pub(crate) fn due(&self, now: Timestamp) -> Option<(TimerKey, &T)> {
        let heap = self.heap.as_ref()?;
        let node = heap.heap.first().filter(|node| node.deadline.at <= now)?;
        let slot = &heap.slots[node.slot as usize];
        let key = TimerKey {
            slot: node.slot,
            generation: slot.generation,
        };
        Some((key, slot.entry.as_ref()?))
    }

    /// Removes and returns the earliest timer that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<T> {
        let heap = self.heap.as_mut()?;
        if heap.next()? > now {
            return None;
        }
        heap.take(0)
    }

    /// All timers, for tests.
    #[cfg(test)]
    pub(crate) fn pending(&self) -> Vec<(Timestamp, &T)> {
        let nodes = self.nodes().into_iter();
        nodes
            .map(|(node, entry)| (node.deadline.at, entry))
            .collect()
    }

    /// What is pending, in the order in which it fires.
    #[cfg(test)]
    pub(crate) fn in_order(&self) -> Vec<&T> {
        let mut nodes = self.nodes();
        nodes.sort_by_key(|(node, _)| node.deadline);
        nodes.into_iter().map(|(_, entry)| entry).collect()
    }

    #[cfg(test)]
    fn nodes(&self) -> Vec<(Node, &T)> {
        let Some(heap) = &self.heap else {
            return Vec::new();
        };
        let entry = |node: &Node| Some((*node, heap.slots[node.slot as usize].entry.as_ref()?));
        heap.heap.iter().filter_map(entry).collect()
    }
}

impl<T> Heap<T> {
    fn next(&self) -> Option<Timestamp> {
        self.heap.first().map(|node| node.deadline.at)
    }

    fn insert(&mut self, deadline: Deadline, entry: T) -> TimerKey {
        let place = self.heap.len();
        let free = self.free;
        let (slot, generation) = match self.slots.get_mut(free as usize) {
            Some(slot) => {
                self.free = core::mem::replace(&mut slot.place, place as u32);
                slot.entry = Some(entry);
                (free, slot.generation)
            }
            None => {
                let slot = Slot {
                    generation: self.generation,
                    place: place as u32,
                    entry: Some(entry),
                };
                push_exact(&mut self.slots, slot);
                ((self.slots.len() - 1) as u32, self.generation)
            }
        };
        push_exact(&mut self.heap, Node { deadline, slot });
        self.rise(place);
        TimerKey { slot, generation }
    }

    fn change(&mut self, key: TimerKey, deadline: Deadline) {
        let slot = self.slots.get(key.slot as usize);
        let slot = slot.filter(|slot| slot.generation == key.generation && slot.entry.is_some());
        let Some(place) = slot.map(|slot| slot.place as usize) else {
            return;
        };
        let before = core::mem::replace(&mut self.heap[place].deadline, deadline);
        if deadline < before {
            self.rise(place);
        } else {
            self.sink(place);
        }
    }

    fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let slot = self.slots.get(key.slot as usize)?;
        if slot.generation != key.generation || slot.entry.is_none() {
            return None;
        }
        let place = slot.place as usize;
        self.take(place)
    }

    fn take(&mut self, place: usize) -> Option<T> {
        let node = self.heap.swap_remove(place);
        if let Some(moved) = self.heap.get(place) {
            if moved.before(&node) {
                self.rise(place);
            } else {
                self.sink(place);
            }
        }
        let slot = &mut self.slots[node.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.place = core::mem::replace(&mut self.free, node.slot);
        slot.entry.take()
    }

    /// Moves a node towards the top, as far as it is before its parents.
    fn rise(&mut self, mut place: usize) {
        let node = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / 2;
            if !node.before(&self.heap[parent]) {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, node);
    }

    /// Moves a node away from the top, as far as its children are before it.
    fn sink(&mut self, mut place: usize) {
        let node = self.heap[place];
        loop {
            let left = 2 * place + 1;
            let Some(mut next) = self.heap.get(left) else {
                break;
            };
            let mut child = left;
            if let Some(right) = self.heap.get(left + 1)
                && right.before(next)
            {
                (next, child) = (right, left + 1);
            }
            if !next.before(&node) {
                break;
            }
            self.put(place, *next);
            place = child;
        }
        self.put(place, node);
    }

    fn put(&mut self, place: usize, node: Node) {
        self.heap[place] = node;
        self.slots[node.slot as usize].place = place as u32;
    }
}

/// Pushes an entry. One entry needs no table of its own, because most agents have few timers.
fn push_exact<T>(table: &mut SmallVec<[T; 1]>, entry: T) {
    if table.len() == table.capacity() {
        table.reserve_exact(table.len().max(1));
    }
    table.push(entry);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_shrunk_heap_leaves_no_key_that_fits() {
        let mut timers = Timers::new();
        let first = timers.set(Timestamp::from_millis(5), "first");
        timers.shrink();
        assert_eq!(timers.at(first), Some(Timestamp::from_millis(5)));
        assert_eq!(timers.cancel(first), Some("first"));
        assert_eq!(timers.at(first), None);
        timers.shrink();
        assert!(timers.heap.is_none());
        let second = timers.set(Timestamp::from_millis(5), "second");
        assert_eq!((timers.at(first), timers.cancel(first)), (None, None));
        assert_eq!(timers.cancel(second), Some("second"));
    }

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
        /// A changed timer fires where one with the new deadline would have been set.
        #[test]
        fn a_changed_timer_fires_at_its_new_deadline(
            steps in prop::collection::vec((0_u64..50, prop::option::of(0_u64..50)), 0..100),
        ) {
            let mut timers = Timers::new();
            let keys: Vec<_> = steps
                .iter()
                .enumerate()
                .map(|(number, (at, _))| timers.set(Timestamp::from_millis(*at), number))
                .collect();
            let mut expected: Vec<_> = steps
                .iter()
                .enumerate()
                .map(|(number, (at, _))| (*at, number, number))
                .collect();
            for (number, (_, later)) in steps.iter().enumerate() {
                if let Some(at) = later {
                    let deadline = timers.deadline(Timestamp::from_millis(*at));
                    timers.change(keys[number], deadline);
                    expected[number] = (*at, steps.len() + number, number);
                }
            }
            expected.sort_unstable();
            for (at, _, number) in expected {
                prop_assert_eq!(timers.next(), Some(Timestamp::from_millis(at)));
                prop_assert_eq!(timers.pop_due(Timestamp::MAX), Some(number));
            }
            let deadline = timers.deadline(Timestamp::ZERO);
            for key in keys {
                timers.change(key, deadline);
            }
            prop_assert_eq!(timers.next(), None);
        }

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
