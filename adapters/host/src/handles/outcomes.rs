//! Things that have one outcome: requests and REFERs of the application.

use alloc::collections::BTreeMap;

/// The outcomes that the application waits for. An entry lives as long as its handle.
#[derive(Debug)]
pub(super) struct Outcomes<K, T> {
    entries: BTreeMap<K, Option<T>>,
}

impl<K, T> Default for Outcomes<K, T> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
        }
    }
}

impl<K: Ord, T> Outcomes<K, T> {
    /// A handle waits for the outcome.
    pub(super) fn expect(&mut self, key: K) {
        self.entries.insert(key, None);
    }

    /// The outcome has come. False if no handle waits for it.
    pub(super) fn complete(&mut self, key: &K, outcome: impl FnOnce() -> T) -> bool {
        match self.entries.get_mut(key) {
            Some(entry @ None) => {
                *entry = Some(outcome());
                true
            }
            _ => false,
        }
    }

    /// The outcome; `None` while it has not come.
    pub(super) fn outcome(&self, key: &K) -> Option<&T> {
        self.entries.get(key)?.as_ref()
    }

    /// The handle is dropped.
    pub(super) fn forget(&mut self, key: &K) {
        self.entries.remove(key);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
