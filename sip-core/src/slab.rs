//! A table of entries with generational handles: a stale handle finds nothing, never somebody else's entry.

use alloc::vec::Vec;

/// The generation of what lives first in its place: not 0, so that the bits of a handle are not 0, which
/// means "none" in logs.
const FIRST: u32 = 1;

/// Where an entry of a [`Slab`] lives, and which of the entries that ever lived there it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Handle {
    index: u32,
    generation: u32,
}

impl Handle {
    pub(crate) const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self {
            index: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

/// Makes a public handle type of its own around [`Handle`], so that no two kinds can be mixed up.
macro_rules! handle_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) $crate::slab::Handle);

        impl $name {
            /// A number that is unique among all handles of this kind of one agent, for logs and maps.
            #[must_use]
            pub const fn to_bits(self) -> u64 {
                self.0.to_bits()
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let bits = self.to_bits();
                write!(f, concat!(stringify!($name), "({}.{})"), bits as u32, bits >> 32)
            }
        }
    };
}
pub(crate) use handle_type;

struct Slot<T> {
    generation: u32,
    entry: Option<T>,
}

/// Entries under generational handles; insertion and removal in constant time.
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The handle that the next [`Slab::insert`] returns, for entries that name themselves.
    pub(crate) fn next_handle(&self) -> Handle {
        match self.free.last() {
            Some(&index) => Handle {
                index,
                generation: self.slots[index as usize].generation,
            },
            None => Handle {
                index: self.slots.len() as u32,
                generation: FIRST,
            },
        }
    }

    pub(crate) fn insert(&mut self, entry: T) -> Handle {
        let handle = self.next_handle();
        if self.free.pop().is_some() {
            self.slots[handle.index as usize].entry = Some(entry);
        } else {
            self.slots.push(Slot {
                generation: FIRST,
                entry: Some(entry),
            });
        }
        handle
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<T> {
        let slot = self.slots.get_mut(handle.index as usize)?;
        if slot.generation != handle.generation {
            return None;
        }
        let entry = slot.entry.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(handle.index);
        Some(entry)
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<&T> {
        let slot = self.slots.get(handle.index as usize)?;
        slot.entry
            .as_ref()
            .filter(|_| slot.generation == handle.generation)
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        let slot = self.slots.get_mut(handle.index as usize)?;
        slot.entry
            .as_mut()
            .filter(|_| slot.generation == handle.generation)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let handle = Handle {
                index: index as u32,
                generation: slot.generation,
            };
            slot.entry.as_ref().map(|entry| (handle, entry))
        })
    }

    pub(crate) fn handles(&self) -> Vec<Handle> {
        self.iter().map(|(handle, _)| handle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_handle_finds_nothing_even_when_its_place_is_taken_again() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        assert_eq!(slab.remove(first), None);
        let second = slab.insert("second");
        assert_eq!(first.index, second.index);
        assert!(slab.get(first).is_none());
        assert!(slab.get_mut(first).is_none());
        assert_eq!(slab.get(second), Some(&"second"));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn the_next_handle_is_the_one_that_insert_returns() {
        let mut slab = Slab::new();
        for round in 0..3 {
            let expected = slab.next_handle();
            let handle = slab.insert(round);
            assert_eq!(handle, expected);
            assert_eq!(Handle::from_bits(handle.to_bits()), handle);
            if round == 1 {
                slab.remove(handle);
            }
        }
    }
}
