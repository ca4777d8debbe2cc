//! The virtual clock, the seeded entropy, and the machines that tests make of them.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::transaction::{TransactionLayer, TransactionSettings};
use sip_core::{Limits, Timestamp};

/// More ticks than this at one moment are an endless loop.
const TICKS_AT_ONCE: usize = 1_000;

/// Something whose clock the test turns.
pub trait Timed {
    /// The clock.
    fn clock(&mut self) -> &mut Timestamp;

    /// The next deadline.
    fn next_tick(&self) -> Option<Timestamp>;

    /// Lets the clock's time take effect.
    fn tick(&mut self);

    /// Turns the clock and stops at every deadline on the way.
    ///
    /// # Panics
    /// If a deadline stays in the past.
    fn pass(&mut self, time: Duration) {
        let end = *self.clock() + time;
        let mut ticks = 0;
        while let Some(next) = self.next_tick().filter(|&next| next <= end) {
            let now = *self.clock();
            ticks = if next > now { 0 } else { ticks + 1 };
            assert!(ticks < TICKS_AT_ONCE, "a deadline that stays in the past");
            *self.clock() = now.max(next);
            self.tick();
        }
        *self.clock() = end;
        self.tick();
    }
}

/// Entropy of which each run draws the same.
pub fn random(seed: u8) -> Box<ChaCha20Rng> {
    Box::new(ChaCha20Rng::from_seed([seed; 32]))
}

/// The settings of a plain transaction layer at 192.0.2.1:5060.
pub fn settings(limits: Limits) -> TransactionSettings {
    TransactionSettings {
        timers: Default::default(),
        limits,
        sent_by: "192.0.2.1:5060".into(),
        via_transport: None,
        rport: false,
        forwards: false,
    }
}

/// A plain transaction layer.
pub fn layer<U: Clone>(seed: u8) -> TransactionLayer<U> {
    layer_with(Limits::default(), seed)
}

/// The same with limits of the test's choice.
pub fn layer_with<U: Clone>(limits: Limits, seed: u8) -> TransactionLayer<U> {
    TransactionLayer::new(settings(limits), random(seed))
}
