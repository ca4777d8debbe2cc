//! Timer C of a proxy (RFC 3261 section 16.6 step 11).

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use crate::time::Timestamp;

/// The shortest time of timer C: more than three minutes (RFC 3261 section 16.6 step 11).
const THREE_MINUTES: Duration = Duration::from_secs(180);

/// Timer C of every INVITE that a proxy has forwarded: how long each may wait for a final response after its last
/// provisional one (RFC 3261 sections 16.6 step 11, 16.7 step 2 and 16.8). `K` names a branch.
///
/// ```
/// # use core::time::Duration;
/// # use sip_core::Timestamp;
/// # use sip_core::transaction::TimerC;
/// let mut timer_c = TimerC::new(Duration::from_secs(181));
/// let start = Timestamp::ZERO;
/// timer_c.start("branch", start);
/// timer_c.restart(&"branch", start + Duration::from_secs(100)); // a 180 arrived
/// assert_eq!(timer_c.pop_due(start + Duration::from_secs(200)), None);
/// let late = start + Duration::from_secs(281);
/// assert_eq!(timer_c.next(), Some(late));
/// assert_eq!(timer_c.pop_due(late), Some("branch")); // cancel it, or take a 408 for its response
/// ```
#[derive(Clone, Debug)]
pub struct TimerC<K> {
    after: Duration,
    deadlines: BTreeMap<K, Timestamp>,
    order: BTreeSet<(Timestamp, K)>,
}

impl<K: Ord + Clone> TimerC<K> {
    /// Timers that fire after this time; after three minutes and a microsecond if it is not longer than three minutes,
    /// because RFC 3261 requires more.
    #[must_use]
    pub fn new(after: Duration) -> Self {
        Self {
            after: after.max(THREE_MINUTES + Duration::from_micros(1)),
            deadlines: BTreeMap::new(),
            order: BTreeSet::new(),
        }
    }

    /// An INVITE was forwarded.
    pub fn start(&mut self, branch: K, now: Timestamp) {
        self.stop(&branch);
        let at = now + self.after;
        self.deadlines.insert(branch.clone(), at);
        self.order.insert((at, branch));
    }

    /// A provisional response other than 100 arrived for the branch (RFC 3261 section 16.7 step 2). Does nothing if its
    /// timer does not run.
    pub fn restart(&mut self, branch: &K, now: Timestamp) {
        if self.stop(branch) {
            self.start(branch.clone(), now);
        }
    }

    /// The branch has its final response, or is cancelled. Returns whether its timer ran.
    pub fn stop(&mut self, branch: &K) -> bool {
        let Some((branch, at)) = self.deadlines.remove_entry(branch) else {
            return false;
        };
        self.order.remove(&(at, branch))
    }

    /// When the next timer fires; `None` while none runs.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|&(at, _)| at)
    }

    /// A branch whose timer fires; it no longer runs. The proxy sends CANCEL if a provisional response has arrived, and
    /// otherwise proceeds as if a 408 had (RFC 3261 section 16.8).
    pub fn pop_due(&mut self, now: Timestamp) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, branch) = self.order.pop_first()?;
        self.deadlines.remove(&branch);
        Some(branch)
    }

    /// The number of timers that run.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no timer runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
