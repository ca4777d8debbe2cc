//! A table of entries with generational handles: a stale handle finds nothing, never another entry.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Deref;

use smallvec::SmallVec;

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
    const GREATEST: Self = Self::from_bits(u64::MAX);

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

        /// Short, and the same for as long as the handle is valid: its slot and how many entries the slot has had, as in `0.1`.
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let bits = self.to_bits();
                write!(f, "{}.{}", bits as u32, bits >> 32)
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

/// Entries under generational handles; insertion and removal in constant time. 16 bytes while it has no table, because an
/// agent has many and most are empty.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Slab<T> {
    table: Option<Box<Table<T>>>,
    /// The generation of new places, which no handle of a freed table has.
    generation: u32,
}

#[cfg_attr(test, derive(Clone))]
struct Table<T> {
    /// One place needs no memory of its own, because most tables of an idle agent hold one entry at a time.
    places: SmallVec<[Place<T>; 1]>,
    first_free: u32,
    len: u32,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            table: None,
            generation: FIRST,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        match &self.table {
            Some(table) => table.len as usize,
            None => 0,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frees the table if it is empty. All handles so far stay stale.
    pub(crate) fn shrink(&mut self) {
        if let Some(table) = self.table.take_if(|table| table.len == 0) {
            let generations = table.places.iter().map(|place| place.generation);
            self.generation = generations.fold(self.generation, u32::max);
        }
    }

    fn places(&self) -> &[Place<T>] {
        self.table.as_ref().map_or(&[], |table| &table.places)
    }

    fn place_mut(&mut self, index: u32) -> Option<&mut Place<T>> {
        self.table.as_mut()?.places.get_mut(index as usize)
    }

    /// The handle that the next [`Slab::insert`] returns, for entries that contain their own handle.
    pub(crate) fn next_handle(&self) -> Handle {
        let first_free = self.table.as_ref().map_or(NONE, |table| table.first_free);
        match self.places().get(first_free as usize) {
            Some(place) => Handle {
                index: first_free,
                generation: place.generation,
            },
            None => Handle {
                index: self.places().len() as u32,
                generation: self.generation,
            },
        }
    }

    pub(crate) fn insert(&mut self, entry: T) -> Handle {
        let handle = self.next_handle();
        let slot = Slot::Occupied(entry);
        let table = self.table.get_or_insert_with(|| {
            Box::new(Table {
                places: SmallVec::new(),
                first_free: NONE,
                len: 0,
            })
        });
        match table.places.get_mut(handle.index as usize) {
            Some(place) => {
                if let Slot::Vacant(next) = place.slot {
                    table.first_free = next;
                }
                place.slot = slot;
            }
            None => {
                // By a half, because entries are large.
                if table.places.len() == table.places.capacity() {
                    table.places.reserve_exact((table.places.len() / 2).max(1));
                }
                table.places.push(Place {
                    generation: self.generation,
                    slot,
                });
            }
        }
        table.len += 1;
        handle
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<T> {
        let table = self.table.as_mut()?;
        let place = table.places.get_mut(handle.index as usize)?;
        if place.generation != handle.generation {
            return None;
        }
        match core::mem::replace(&mut place.slot, Slot::Vacant(table.first_free)) {
            Slot::Occupied(entry) => {
                place.generation = place.generation.wrapping_add(1).max(FIRST);
                table.first_free = handle.index;
                table.len -= 1;
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
        match self.places().get(handle.index as usize)? {
            Place {
                generation,
                slot: Slot::Occupied(entry),
            } if *generation == handle.generation => Some(entry),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        match self.place_mut(handle.index)? {
            Place {
                generation,
                slot: Slot::Occupied(entry),
            } if *generation == handle.generation => Some(entry),
            _ => None,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.places()
            .iter()
            .enumerate()
            .filter_map(|(index, place)| {
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

    /// The handle of the entry at a place.
    fn handle_at(&self, index: u32) -> Option<Handle> {
        match self.places().get(index as usize)? {
            Place {
                generation,
                slot: Slot::Occupied(_),
            } => Some(Handle {
                index,
                generation: *generation,
            }),
            _ => None,
        }
    }

    fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        match &mut self.place_mut(index)?.slot {
            Slot::Occupied(entry) => Some(entry),
            Slot::Vacant(_) => None,
        }
    }
}

/// The neighbours of an entry in its [`List`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    previous: u32,
    next: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            previous: NONE,
            next: NONE,
        }
    }
}

/// An entry that can be in a [`List`], one at a time.
pub(crate) trait Linked {
    fn links(&self) -> Links;
    fn links_mut(&mut self) -> &mut Links;
}

/// Some entries of a slab: each comes and goes in constant time, and a walk touches no others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    first: u32,
}

impl List {
    pub(crate) const fn new() -> Self {
        Self { first: NONE }
    }

    /// Adds an entry that is in no list.
    pub(crate) fn add<T: Linked>(&mut self, slab: &mut Slab<T>, entry: Handle) {
        if let Some(added) = slab.get_mut(entry) {
            *added.links_mut() = Links {
                previous: NONE,
                next: self.first,
            };
            if let Some(next) = slab.at_mut(self.first) {
                next.links_mut().previous = entry.index;
            }
            self.first = entry.index;
        }
    }

    /// Takes out an entry of this list.
    pub(crate) fn remove<T: Linked>(&mut self, slab: &mut Slab<T>, entry: Handle) {
        let Some(removed) = slab.get_mut(entry) else {
            return;
        };
        let Links { previous, next } = core::mem::take(removed.links_mut());
        if let Some(next) = slab.at_mut(next) {
            next.links_mut().previous = previous;
        }
        match slab.at_mut(previous) {
            Some(previous) => previous.links_mut().next = next,
            None if self.first == entry.index => self.first = next,
            None => {}
        }
    }

    /// The entries, in the order of their places.
    pub(crate) fn handles<T: Linked>(self, slab: &Slab<T>) -> Vec<Handle> {
        let mut handles = Vec::new();
        let mut next = slab.handle_at(self.first);
        while let Some(handle) = next {
            handles.push(handle);
            let links = slab.get(handle).map(Linked::links);
            next = links.and_then(|links| slab.handle_at(links.next));
        }
        handles.sort_unstable();
        handles
    }

    /// Takes out every entry.
    pub(crate) fn take<T: Linked>(&mut self, slab: &mut Slab<T>) -> Vec<Handle> {
        let handles = self.handles(slab);
        for &handle in &handles {
            if let Some(entry) = slab.get_mut(handle) {
                *entry.links_mut() = Links::default();
            }
        }
        *self = Self::new();
        handles
    }
}

/// An entry that may be in a group for its whole life, such as the REFERs of one call.
pub(crate) trait Member {
    type Group: Copy + Ord;

    /// Its group, which never changes.
    fn group(&self) -> Option<Self::Group>;
}

/// A slab that finds the entries of a group without a walk over the others. Reads are those of [`Slab`].
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Grouped<T: Member> {
    entries: Slab<T>,
    groups: BTreeSet<(T::Group, Handle)>,
}

impl<T: Member> Grouped<T> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Slab::new(),
            groups: BTreeSet::new(),
        }
    }

    pub(crate) fn insert(&mut self, entry: T) -> Handle {
        let group = entry.group();
        let handle = self.entries.insert(entry);
        self.groups.extend(group.map(|group| (group, handle)));
        handle
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<T> {
        let entry = self.entries.remove(handle)?;
        if let Some(group) = entry.group() {
            self.groups.remove(&(group, handle));
        }
        Some(entry)
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        self.entries.get_mut(handle)
    }

    /// The entries of a group, in the order of their places.
    pub(crate) fn of(&self, group: T::Group) -> impl Iterator<Item = (Handle, &T)> {
        let range = (group, Handle::NONE)..=(group, Handle::GREATEST);
        let handles = self.groups.range(range).map(|(_, handle)| *handle);
        handles.filter_map(|handle| Some((handle, self.entries.get(handle)?)))
    }

    /// The handles of a group, or all.
    pub(crate) fn handles_of(&self, group: Option<T::Group>) -> Vec<Handle> {
        match group {
            Some(group) => self.of(group).map(|(handle, _)| handle).collect(),
            None => self.entries.handles(),
        }
    }
}

impl<T: Member> Deref for Grouped<T> {
    type Target = Slab<T>;

    fn deref(&self) -> &Slab<T> {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Linked for Links {
        fn links(&self) -> Links {
            *self
        }

        fn links_mut(&mut self) -> &mut Links {
            self
        }
    }

    impl Member for (u8, u32) {
        type Group = u8;

        fn group(&self) -> Option<u8> {
            (self.0 > 0).then_some(self.0)
        }
    }

    #[test]
    fn a_group_has_its_entries_and_no_others() {
        let mut slab = Grouped::new();
        let handles: Vec<_> = (0..9).map(|number| slab.insert((number % 3, 0))).collect();
        slab.remove(handles[1]);
        slab.remove(handles[1]);
        assert_eq!(slab.handles_of(Some(1)), [handles[4], handles[7]]);
        assert_eq!(
            slab.handles_of(Some(2)),
            [handles[2], handles[5], handles[8]]
        );
        // An entry without a group is in none.
        assert!(slab.handles_of(Some(0)).is_empty());
        assert_eq!(slab.handles_of(None).len(), slab.len());
        let again = slab.insert((2, 0));
        assert_eq!(slab.of(2).next().map(|(handle, _)| handle), Some(again));
    }

    proptest! {
        /// Two lists over one slab hold what two sets hold, whatever comes and goes.
        #[test]
        fn lists_hold_what_sets_would(steps in prop::collection::vec((0_u8..4, 0_usize..8), 0..200)) {
            let mut slab = Slab::new();
            let mut lists = [List::new(), List::new()];
            let mut sets = [BTreeSet::new(), BTreeSet::new()];
            for (kind, number) in steps {
                let place = number % 2;
                let known = sets[place].iter().copied().nth(number / 2);
                match (kind, known) {
                    (0 | 1, _) => {
                        let entry = slab.insert(Links::default());
                        lists[place].add(&mut slab, entry);
                        sets[place].insert(entry);
                    }
                    (2, Some(entry)) => {
                        lists[place].remove(&mut slab, entry);
                        sets[place].remove(&entry);
                        slab.remove(entry);
                    }
                    // It moves to the other list.
                    (3, Some(entry)) => {
                        lists[place].remove(&mut slab, entry);
                        sets[place].remove(&entry);
                        lists[1 - place].add(&mut slab, entry);
                        sets[1 - place].insert(entry);
                    }
                    _ => {}
                }
                for (list, set) in lists.iter().zip(&sets) {
                    prop_assert_eq!(list.handles(&slab), set.iter().copied().collect::<Vec<_>>());
                }
            }
            let taken = lists[0].take(&mut slab);
            prop_assert_eq!(taken, sets[0].iter().copied().collect::<Vec<_>>());
            prop_assert!(lists[0].handles(&slab).is_empty());
        }
    }

    #[test]
    fn a_shrunk_slab_gives_no_handle_twice() {
        let mut slab = Slab::new();
        let handles = [slab.insert(1), slab.insert(2)];
        slab.shrink();
        assert_eq!(slab.len(), 2);
        slab.remove(handles[1]);
        let again = slab.insert(3);
        assert_eq!(again.index, handles[1].index);
        slab.clear();
        slab.shrink();
        assert!(slab.table.is_none());
        let new = [slab.insert(4), slab.insert(5)];
        assert!(
            new.iter()
                .all(|new| *new != again && !handles.contains(new))
        );
        for stale in [handles[0], handles[1], again] {
            assert_eq!(slab.get(stale), None);
            assert_eq!(slab.remove(stale), None);
        }
        assert_eq!(slab.len(), 2);
    }

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
