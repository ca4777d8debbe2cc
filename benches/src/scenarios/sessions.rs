//! Calls between two `SessionLayer`s.

use std::time::Duration;

use crate::pair::Pair;
use crate::scenario::Scenario;

/// The time between two calls: a transaction that is over waits up to 32 s for its timer, so that those of 64 calls wait at any
/// time.
pub const PAUSE: Duration = Duration::from_millis(500);

/// As many steps as there are transactions at any time, and more.
const WARM: u64 = 70;

/// One call after the other.
struct Calls(Pair);

/// Calls one after the other, while `up` other calls are up.
///
/// # Panics
/// If a call fails.
pub fn call_while(up: u64) -> impl Scenario {
    let mut pair = Pair::new();
    for _ in 0..up {
        pair.call();
        pair.wait(PAUSE);
    }
    let ends = [&pair.caller, &pair.callee];
    assert!(ends.iter().all(|end| end.calls.len() as u64 == up));
    let mut calls = Calls(pair);
    calls.run_checked(WARM);
    calls
}

impl Scenario for Calls {
    fn step(&mut self) {
        let call = self.0.call();
        self.0.hang_up(call);
        self.0.wait(PAUSE);
    }

    fn done(&self) -> u64 {
        let ends = [&self.0.caller, &self.0.callee];
        let reached = ends.map(|end| end.established.min(end.ended));
        reached[0].min(reached[1])
    }
}
