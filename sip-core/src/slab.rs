//! A table of entries with generational handles: a stale handle finds nothing, never another entry.

use alloc::vec::Vec;

/// The generation of the first entry of a slot. It starts at 1, because the bits 0 mean "none" in logs.
const FIRST: u32 = 1;

/// The slot of an entry of a [`Slab`], and its generation, which counts the entries of the slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Handle {
    index: u32,
    generation: u32,
}

impl Handle {
    /// A handle that no entry has, because generations are never 0.
    pub(crate) const NONE: Self = Self {
        index: 0,
        generation: 0,
    };

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

/// Makes a public handle type around [`Handle`], so that the compiler keeps the kinds of handles apart.
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

#[cfg_attr(test, derive(Clone))]
enum Slot<T> {
    Occupied(T),
    /// The next free place, or `NONE`.
    Vacant(u32),
}

#[cfg_attr(test, derive(Clone))]
struct Place<T> {
    generation: u32,
    slot: Slot<T>,
}

const NONE: u32 = u32::MAX;

/// Entries under generational handles; insertion and removal in constant time.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    first_free: u32,
    len: u32,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            places: Vec::new(),
            first_free: NONE,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The handle that the next [`Slab::insert`] returns, for entries that contain their own handle.
    pub(crate) fn next_handle(&self) -> Handle {
        match self.places.get(self.first_free as usize) {
            Some(place) => Handle {
                index: self.first_free,
                generation: place.generation,
            },
            None => Handle {
                index: self.places.len() as u32,
                generation: FIRST,
            },
        }
    }

    pub(crate) fn insert(&mut self, entry: T) -> Handle {
        let handle = self.next_handle();
        let slot = Slot::Occupied(entry);
        match self.places.get_mut(handle.index as usize) {
            Some(place) => {
                if let Slot::Vacant(next) = place.slot {
                    self.first_free = next;
                }
                place.slot = slot;
            }
            None => {
                // From one entry on, because most tables of an idle agent hold one at a time.
                if self.places.len() == self.places.capacity() {
                    self.places.reserve_exact(self.places.len().max(1));
                }
                self.places.push(Place {
                    generation: FIRST,
                    slot,
                });
            }
        }
        self.len += 1;
        handle
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<T> {
        let place = self.places.get_mut(handle.index as usize)?;
        if place.generation != handle.generation {
            return None;
        }
        match core::mem::replace(&mut place.slot, Slot::Vacant(self.first_free)) {
            Slot::Occupied(entry) => {
                place.generation = place.generation.wrapping_add(1).max(FIRST);
                self.first_free = handle.index;
                self.len -= 1;
                Some(entry)
            }
            vacant @ Slot::Vacant(_) => {
                place.slot = vacant;
                None
            }
        }
    }

    /// Removes every entry, which makes all handles stale.
    pub(crate) fn clear(&mut self) {
        for handle in self.handles() {
            self.remove(handle);
        }
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<&T> {
        match self.places.get(handle.index as usize)? {
            Place {
                generation,
                slot: Slot::Occupied(entry),
            } if *generation == handle.generation => Some(entry),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        match self.places.get_mut(handle.index as usize)? {
            Place {
                generation,
                slot: Slot::Occupied(entry),
            } if *generation == handle.generation => Some(entry),
            _ => None,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            let handle = Handle {
                index: index as u32,
                generation: place.generation,
            };
            match &place.slot {
                Slot::Occupied(entry) => Some((handle, entry)),
                Slot::Vacant(_) => None,
            }
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
        slab.clear();
        assert!(slab.is_empty());
        assert!(slab.get(second).is_none());
        assert_ne!(slab.insert("third"), second);
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
