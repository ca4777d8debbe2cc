//! Counts for each target: inputs run, inputs accepted, and states reached.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Counts the runs of one target; prints itself when the process ends.
#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    accepted: u64,
    reached: BTreeMap<&'static str, u64>,
}

thread_local! {
    // libFuzzer leaves through `exit`, which drops what the main thread owns: no handler of our own is needed.
    static TALLY: RefCell<Tally> = RefCell::default();
}

/// Counts one input; `accepted` is true if it got past the first check of the tested code.
pub fn count(accepted: bool) {
    TALLY.with_borrow_mut(|tally| {
        tally.runs += 1;
        tally.accepted += u64::from(accepted);
    });
}

/// Counts that the state `what` was reached `times` times.
pub fn reached(what: &'static str, times: u64) {
    if times > 0 {
        TALLY.with_borrow_mut(|tally| *tally.reached.entry(what).or_default() += times);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if self.runs == 0 {
            return;
        }
        let share = self.accepted as f64 * 100.0 / self.runs as f64;
        eprintln!(
            "tally: {} inputs, {} accepted ({share:.1} %)",
            self.runs, self.accepted
        );
        for (what, times) in &self.reached {
            eprintln!("tally: {what}: {times}");
        }
    }
}
