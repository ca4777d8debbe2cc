//! Agents that register, alone and in a `Fleet`, and what a registered agent costs while nothing happens.

use criterion::{Criterion, Throughput};

use crate::repeat::repeat;

pub(crate) fn registrations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("registrations");
    group.throughput(Throughput::Elements(1));
    for name in ["register", "register-fleet", "tick", "next-tick", "poll"] {
        repeat(&mut group, name);
    }
    group.finish();
}
