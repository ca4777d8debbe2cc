//! Whole calls, both ends: INVITE, 100, 200, ACK, BYE, 200, with 2.5 KB of SDP each way.

use criterion::{Criterion, Throughput};

use crate::repeat::repeat;

pub(crate) fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("calls");
    group.throughput(Throughput::Elements(1));
    for name in ["call", "agent-call"] {
        repeat(&mut group, name);
    }
    group.finish();
}
