//! One transaction after the other, bytes to bytes, with 1,024 that are over and wait for their timers; and requests of user
//! agents outside calls.

use criterion::{Criterion, Throughput};

use crate::repeat::repeat;

pub(crate) fn transactions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transactions");
    group.throughput(Throughput::Elements(1));
    for name in [
        "options-udp",
        "options-far-end",
        "options-ws",
        "invite-server",
        "options-client",
        "agent-options",
        "message",
    ] {
        repeat(&mut group, name);
    }
    group.finish();
}
