//! One step while 1, 100 or 10,000 others are up, by the series of the program `growth`; the losses of connections are there
//! alone, because each needs a set-up of its own.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use sip_benches::growth::{ALL, Series};

const SIZES: [u64; 3] = [1, 100, 10_000];

/// After as many steps what they have left may lapse.
const STEPS: u64 = 100;

pub(crate) fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth");
    for (name, _, make) in ALL.iter().filter(|(name, ..)| !name.ends_with("-lost")) {
        for size in SIZES {
            let mut made = None;
            group.bench_function(BenchmarkId::new(*name, size), |bencher| {
                // Made here, because criterion leaves out what the argument does not choose.
                let series = made.get_or_insert_with(|| make(size));
                bencher.iter_custom(|steps| run(&mut **series, steps));
            });
        }
    }
    group.finish();
}

/// The time of this many steps, without the rests between them.
fn run(series: &mut dyn Series, steps: u64) -> Duration {
    let (mut left, mut time) = (steps, Duration::ZERO);
    while left > 0 {
        let some = left.min(STEPS);
        let start = Instant::now();
        for _ in 0..some {
            series.step();
        }
        time += start.elapsed();
        series.rest();
        left -= some;
    }
    time
}
