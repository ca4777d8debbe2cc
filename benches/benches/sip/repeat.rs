//! A scenario under criterion's clock.

use std::time::Instant;

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use sip_benches::scenarios::named;

/// Times the scenario of this name, and checks that each step does its work.
///
/// # Panics
/// If there is no such scenario, or a step fails.
pub(crate) fn repeat(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    let scenario = named(name).expect("a scenario of this name");
    let mut made = None;
    group.bench_function(name, |bencher| {
        // Made here, because criterion leaves out what the argument does not choose.
        let made = made.get_or_insert_with(|| scenario.make());
        bencher.iter_custom(|steps| {
            let start = Instant::now();
            made.run_checked(steps);
            start.elapsed()
        });
    });
}
