//! `cargo bench -p sip-benches` measures messages, transactions, calls, registrations and growth, in a few minutes. An argument
//! chooses: `cargo bench -p sip-benches -- calls`.

mod calls;
mod growth;
mod messages;
mod registrations;
mod repeat;
mod transactions;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

/// Enough for the differences that matter; `--measurement-time` and `--sample-size` ask for more.
fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
}

criterion_group! {
    name = benches;
    config = short();
    targets = messages::messages, transactions::transactions, calls::calls, registrations::registrations, growth::growth
}
criterion_main!(benches);
