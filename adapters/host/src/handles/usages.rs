//! Subscriptions and publications that have a handle.
//!
//! | state | input | does | next |
//! |---|---|---|---|
//! | - | Place | | Live |
//! | Live | News | wake | Live |
//! | Live | End, Gone | wake | Over |
//! | Live | Drop | end-it | - |
//! | Live, Over | Detach | | - |
//! | Over | Drop | | - |
//!
//! A cell that is not in the table changes nothing.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

/// Where a usage stands, as far as its handle asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It goes on.
    Live,
    /// It has ended, and its handle has not been dropped.
    Over,
}

/// What can happen to a usage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// A command has made it and its handle, or the application takes that of a peer.
    Place,
    /// The other side reports something.
    News,
    /// It has ended.
    End,
    /// The agent is gone.
    Gone,
    /// The application drops the handle.
    Drop,
    /// The application gives the handle up and keeps the usage.
    Detach,
}

/// What follows from an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    Nothing,
    /// Waits for this usage ask again.
    Wake,
    /// The agent ends it.
    EndIt,
}

impl State {
    /// The next state, `None` for a usage that the machine forgets; see the table of this module.
    pub(super) fn step(state: Option<Self>, input: Input) -> (Option<Self>, Effect) {
        use Input::{Detach, Drop, End, Gone, News, Place};
        match (state, input) {
            (None, Place) => (Some(Self::Live), Effect::Nothing),
            (Some(Self::Live), News) => (Some(Self::Live), Effect::Wake),
            (Some(Self::Live), End | Gone) => (Some(Self::Over), Effect::Wake),
            (Some(Self::Live), Drop) => (None, Effect::EndIt),
            (Some(Self::Live | Self::Over), Detach) | (Some(Self::Over), Drop) => {
                (None, Effect::Nothing)
            }
            (state, _) => (state, Effect::Nothing),
        }
    }
}

#[derive(Debug)]
struct Usage<N, E> {
    state: State,
    news: VecDeque<N>,
    /// How many news went since the application took the last ones.
    missed: u64,
    end: Option<E>,
}

/// The usages of one kind: by their key, with their news and their end.
#[derive(Debug)]
pub(super) struct Usages<K, N, E> {
    usages: BTreeMap<K, Usage<N, E>>,
    /// How many news of one usage wait. The newest are kept.
    limit: usize,
}

impl<K: Ord + Copy, N, E: Clone> Usages<K, N, E> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            usages: BTreeMap::new(),
            limit,
        }
    }

    /// The one door of the states.
    pub(super) fn step(&mut self, key: K, input: Input) -> Effect {
        let before = self.usages.get(&key).map(|usage| usage.state);
        let (after, effect) = State::step(before, input);
        match after {
            None => {
                self.usages.remove(&key);
            }
            Some(state) => {
                let usage = self.usages.entry(key).or_insert_with(|| Usage {
                    state,
                    news: VecDeque::new(),
                    missed: 0,
                    end: None,
                });
                usage.state = state;
            }
        }
        effect
    }

    /// The other side reports something. Returns whether waits ask again.
    pub(super) fn report(&mut self, key: K, news: impl FnOnce() -> N) -> bool {
        if self.step(key, Input::News) != Effect::Wake {
            return false;
        }
        if let Some(usage) = self.usages.get_mut(&key) {
            if usage.news.len() == self.limit {
                usage.news.pop_front();
                usage.missed += 1;
            }
            usage.news.push_back(news());
        }
        true
    }

    /// The usage has ended. Returns whether waits ask again.
    pub(super) fn end(&mut self, key: K, end: impl FnOnce() -> E) -> bool {
        if self.step(key, Input::End) != Effect::Wake {
            return false;
        }
        if let Some(usage) = self.usages.get_mut(&key) {
            usage.end = Some(end());
        }
        true
    }

    /// The agent is gone, which ends all of them by `end`.
    pub(super) fn gone(&mut self, end: &E) {
        let all: Vec<K> = self.usages.keys().copied().collect();
        for key in all {
            if self.step(key, Input::Gone) == Effect::Wake
                && let Some(usage) = self.usages.get_mut(&key)
            {
                usage.end = Some(end.clone());
            }
        }
    }

    /// The next news, and how many went before them. `None` while there are none, and `Some(None)` once it has ended.
    pub(super) fn next(&mut self, key: K) -> Option<Option<(N, u64)>> {
        let Some(usage) = self.usages.get_mut(&key) else {
            return Some(None);
        };
        match usage.news.pop_front() {
            Some(news) => Some(Some((news, core::mem::take(&mut usage.missed)))),
            None => (usage.state == State::Over).then_some(None),
        }
    }

    /// Whether there are news.
    pub(super) fn has_news(&self, key: K) -> bool {
        self.usages
            .get(&key)
            .is_some_and(|usage| !usage.news.is_empty())
    }

    /// What has been reported until now is out of date.
    pub(super) fn clear(&mut self, key: K) {
        if let Some(usage) = self.usages.get_mut(&key) {
            usage.news.clear();
        }
    }

    /// Why it ended; `None` while it goes on.
    pub(super) fn ended(&self, key: K) -> Option<&E> {
        self.usages.get(&key)?.end.as_ref()
    }

    pub(super) fn len(&self) -> usize {
        self.usages.len()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(not(feature = "os"))]
    extern crate std;

    use std::vec::Vec;
    use std::{format, vec};

    use super::*;

    /// Each cell of the table in the doc comment does what the table says, and a cell that it does not have changes nothing.
    #[test]
    fn the_table_is_the_machine() {
        let states = [
            ("-", None),
            ("Live", Some(State::Live)),
            ("Over", Some(State::Over)),
        ];
        let inputs = [
            ("Place", Input::Place),
            ("News", Input::News),
            ("End", Input::End),
            ("Gone", Input::Gone),
            ("Drop", Input::Drop),
            ("Detach", Input::Detach),
        ];
        let effects = [
            ("", Effect::Nothing),
            ("wake", Effect::Wake),
            ("end-it", Effect::EndIt),
        ];
        let lines = include_str!("usages.rs").lines();
        let rows: Vec<Vec<&str>> = lines
            .filter_map(|line| line.strip_prefix("//! |"))
            .skip(2)
            .map(|line| line.split('|').map(str::trim).collect())
            .collect();
        let mut used = vec![0; rows.len()];
        for (state_name, state) in states {
            for (input_name, input) in inputs {
                let has = |cell: &str, name: &str| cell.split(", ").any(|part| part == name);
                let fits = |row: &Vec<&str>| has(row[0], state_name) && has(row[1], input_name);
                let expected = match rows.iter().position(fits) {
                    Some(row) => {
                        used[row] += 1;
                        let next = states.iter().find(|(known, _)| *known == rows[row][3]);
                        let effect = effects.iter().find(|(known, _)| *known == rows[row][2]);
                        (next.expect("a state").1, effect.expect("an effect").1)
                    }
                    None => (state, Effect::Nothing),
                };
                let cell = format!("{state_name} {input_name}");
                assert_eq!(State::step(state, input), expected, "{cell}");
            }
        }
        assert!(used.iter().all(|&used| used > 0), "a row is not used");
    }

    #[test]
    fn the_newest_news_are_kept_and_the_others_counted() {
        let mut usages: Usages<u32, u32, ()> = Usages::new(2);
        usages.step(1, Input::Place);
        for number in 0..5 {
            assert!(usages.report(1, || number));
        }
        assert_eq!(usages.next(1), Some(Some((3, 3))));
        assert_eq!(usages.next(1), Some(Some((4, 0))));
        assert_eq!(usages.next(1), None);
        assert!(usages.end(1, || ()));
        assert_eq!(usages.next(1), Some(None));
        // Without a handle nothing is kept.
        assert!(!usages.report(2, || 0));
        assert_eq!(usages.step(1, Input::Drop), Effect::Nothing);
        assert_eq!(usages.len(), 0);
    }
}
