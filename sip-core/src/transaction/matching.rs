//! How messages find their transaction (RFC 3261 sections 17.1.3 and 17.2.3).
//!
//! A response finds its client transaction by the branch, which the layer made: the handle, hidden by a
//! keyed pad, and the 64 random bits that the pad follows from. A request finds its server transaction by
//! values that the peer chose, of any length. The layer keeps 128 bits of their keyed hash; without the key
//! no peer can find two values with the same hash.

use alloc::vec::Vec;

use smallvec::SmallVec;

use sip_parse::{Method, ParseError, Request};

use crate::rand::{HandleTokens, KeyedHash};
use crate::slab::Handle;

/// RFC 3261 section 8.1.1.7.
pub(crate) const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// A branch that the layer makes.
pub(super) type OwnBranch = SmallVec<[u8; 40]>;

/// The branch of a client transaction, or of a stateless ACK.
pub(super) fn own_branch(tokens: &HandleTokens, handle: Handle, branch_nonce: u64) -> OwnBranch {
    let mut branch = OwnBranch::from_slice(MAGIC_COOKIE);
    branch.extend_from_slice(tokens.token(handle, branch_nonce).as_flattened());
    branch
}

/// The handle and the nonce of a branch that [`own_branch`] may have made.
pub(super) fn read_branch(tokens: &HandleTokens, branch: &[u8]) -> Option<(Handle, u64)> {
    tokens.read(branch.strip_prefix(MAGIC_COOKIE)?)
}

/// Identifies a server transaction; equal for a request, its retransmissions and, for an INVITE, its ACK to
/// a non-2xx.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(PartialOrd, Ord, Debug))]
pub(super) struct Key(u64, u64);

impl Key {
    /// RFC 3261 section 17.2.3: branch, sent-by and method; without the magic cookie the rules of RFC
    /// 2543 (Request-URI, tags, Call-ID, CSeq and top Via). `method` is that of the transaction to find:
    /// INVITE for an ACK, and INVITE for the target of a CANCEL.
    pub(super) fn of(
        request: &Request,
        method: Method<'_>,
        hash: KeyedHash,
    ) -> Result<Self, ParseError> {
        let mut bytes = Hashed::new();
        push(&mut bytes, method.as_bytes());
        push_sent_by(&mut bytes, request.top_sent_by()?);
        let branch = request.branch()?;
        match branch.filter(|branch| has_cookie(branch)) {
            Some(branch) => push(&mut bytes, branch),
            None => {
                push(&mut bytes, request.uri_bytes());
                push(&mut bytes, request.from_tag()?.unwrap_or_default());
                push(&mut bytes, request.call_id()?);
                bytes.extend_from_slice(&request.sequence()?.to_be_bytes());
                push(&mut bytes, branch.unwrap_or_default());
                if !matches!(method, Method::Invite) {
                    push(&mut bytes, request.to_tag()?.unwrap_or_default());
                }
            }
        }
        Ok(Self::digest(&bytes, hash))
    }

    /// RFC 3261 section 8.2.2.2: From tag, Call-ID and CSeq. `None` if the request has a To tag. The method of CSeq is that of the
    /// request.
    pub(super) fn of_merge(request: &Request, hash: KeyedHash) -> Result<Option<Self>, ParseError> {
        if request.to_tag()?.is_some() {
            return Ok(None);
        }
        let mut bytes = Hashed::new();
        push(&mut bytes, request.method().as_bytes());
        bytes.extend_from_slice(&request.sequence()?.to_be_bytes());
        push(&mut bytes, request.from_tag()?.unwrap_or_default());
        push(&mut bytes, request.call_id()?);
        Ok(Some(Self::digest(&bytes, hash)))
    }

    /// Of a branch that the caller of the layer chose.
    pub(super) fn of_branch(branch: &[u8], hash: KeyedHash) -> Self {
        Self::digest(branch, hash)
    }

    fn digest(bytes: &[u8], hash: KeyedHash) -> Self {
        let (low, high) = hash.hash128(bytes);
        Self(low, high)
    }

    /// The place of the key in a table that is empty.
    const fn home(&self, mask: usize) -> usize {
        self.0 as usize & mask
    }
}

fn has_cookie(branch: &[u8]) -> bool {
    branch.len() > MAGIC_COOKIE.len()
        && branch[..MAGIC_COOKIE.len()].eq_ignore_ascii_case(MAGIC_COOKIE)
}

/// What a key is the hash of; on the stack unless the peer chose long values.
type Hashed = SmallVec<[u8; 160]>;

/// Fields are separated by a byte that no field can hold.
fn push(bytes: &mut Hashed, field: &[u8]) {
    bytes.extend_from_slice(field);
    bytes.push(0);
}

/// A host compares without regard to case, and blanks may surround the colon of the port.
fn push_sent_by(bytes: &mut Hashed, sent_by: &[u8]) {
    let start = bytes.len();
    bytes.extend_from_slice(sent_by);
    bytes[start..].make_ascii_lowercase();
    if sent_by.iter().any(u8::is_ascii_whitespace) {
        bytes.retain(|byte| !byte.is_ascii_whitespace());
    }
    bytes.push(0);
}

/// Handles by key: a table with open addressing.
///
/// The keys are hashes under a key that no peer knows, so that no peer can aim for one place of the table.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Index {
    /// A power of two of them, or none; three quarters are taken at most.
    places: Vec<Place>,
    len: usize,
}

/// A place of the table; `Handle::NONE` where it is free.
#[derive(Clone, Copy)]
struct Place {
    key: Key,
    handle: Handle,
}

impl Place {
    const FREE: Self = Self {
        key: Key(0, 0),
        handle: Handle::NONE,
    };

    fn is_free(&self) -> bool {
        self.handle == Handle::NONE
    }
}

/// The places of a table with its first entry.
const FEWEST: usize = 4;

/// The most places that a table keeps without an entry, because a flood may have made it large.
const MOST_KEPT: usize = 64;

impl Index {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            len: 0,
        }
    }

    pub(super) fn find(&self, key: &Key) -> Option<Handle> {
        let place = self.places.get(self.place_of(key))?;
        (!place.is_free()).then_some(place.handle)
    }

    /// Inserts a handle, in place of the one that the key has.
    pub(super) fn insert(&mut self, key: Key, handle: Handle) {
        if (self.len + 1) * 4 > self.places.len() * 3 {
            self.grow();
        }
        let at = self.place_of(&key);
        if let Some(place) = self.places.get_mut(at) {
            self.len += usize::from(place.is_free());
            *place = Place { key, handle };
        }
    }

    pub(super) fn remove(&mut self, key: Key) {
        let mut gap = self.place_of(&key);
        if self.places.get(gap).is_none_or(Place::is_free) {
            return;
        }
        self.len -= 1;
        // Entries behind it move up, each as far as the first place that its key may have.
        let mask = self.places.len() - 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let next = self.places[at];
            if next.is_free() {
                break;
            }
            let distance = at.wrapping_sub(next.key.home(mask)) & mask;
            if distance >= at.wrapping_sub(gap) & mask {
                self.places[gap] = next;
                gap = at;
            }
        }
        self.places[gap] = Place::FREE;
        if self.len == 0 && self.places.len() > MOST_KEPT {
            self.places = Vec::new();
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Where the key stands, or the free place that it would take.
    fn place_of(&self, key: &Key) -> usize {
        let mask = self.places.len().wrapping_sub(1);
        let mut at = key.home(mask);
        while let Some(place) = self.places.get(at) {
            if place.is_free() || place.key == *key {
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }

    fn grow(&mut self) {
        let count = (self.places.len() * 2).max(FEWEST);
        let mut places = Vec::with_capacity(count);
        places.resize(count, Place::FREE);
        let old = core::mem::replace(&mut self.places, places);
        for place in old.into_iter().filter(|place| !place.is_free()) {
            let at = self.place_of(&place.key);
            self.places[at] = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    /// A table that a flood made large is freed once it is empty; a small one stays for the next entry.
    #[test]
    fn an_empty_index_keeps_little_memory() {
        for (count, kept) in [(1, FEWEST), (48, MOST_KEPT), (49, 0), (2_000, 0)] {
            let mut index = Index::new();
            for number in 0..count {
                index.insert(Key(number, number), Handle::from_bits(1 << 32 | number));
            }
            for number in 0..count {
                index.remove(Key(number, number));
            }
            assert_eq!(index.places.len(), kept, "{count} entries");
            assert_eq!(index.find(&Key(0, 0)), None);
            index.insert(Key(7, 7), Handle::from_bits(1 << 32 | 7));
            assert!(index.find(&Key(7, 7)).is_some());
        }
    }

    proptest! {
        /// Compares the table with a tree. Few different homes make long runs of taken places.
        #[test]
        fn the_index_finds_what_a_tree_would(
            steps in prop::collection::vec((0_u64..12, 0_u64..6, any::<bool>()), 0..400),
        ) {
            let (mut index, mut tree) = (Index::new(), BTreeMap::new());
            for (number, (home, rest, inserts)) in steps.into_iter().enumerate() {
                let key = Key(home, rest);
                if inserts {
                    let handle = Handle::from_bits(1 << 32 | number as u64);
                    index.insert(key, handle);
                    tree.insert(key, handle);
                } else {
                    index.remove(key);
                    tree.remove(&key);
                }
                prop_assert_eq!(index.len(), tree.len());
                for home in 0..12 {
                    for rest in 0..6 {
                        let key = Key(home, rest);
                        prop_assert_eq!(index.find(&key), tree.get(&key).copied());
                    }
                }
            }
        }
    }
}
