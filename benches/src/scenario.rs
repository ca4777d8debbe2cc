//! Work that is repeated under a clock, a counter of instructions or a counter of allocations.

/// A piece of work that starts over with each step and knows how often it has succeeded.
pub trait Scenario {
    /// Does the work once.
    fn step(&mut self);

    /// How often the work has reached its end, by what came out of it: answers, calls that were established and ended, agents
    /// that were registered.
    fn done(&self) -> u64;

    /// Does the work `steps` times. A caller that holds a `dyn Scenario` pays for one dynamic call.
    fn run(&mut self, steps: u64) {
        for _ in 0..steps {
            self.step();
        }
    }

    /// Does the work `steps` times and checks that each time it reached its end.
    ///
    /// # Panics
    /// If the work did not reach its end each time.
    fn run_checked(&mut self, steps: u64) {
        let before = self.done();
        self.run(steps);
        assert_eq!(self.done() - before, steps, "steps that did their work");
    }
}
