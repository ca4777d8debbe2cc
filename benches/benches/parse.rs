//! Reading: the floor, framing and typed access over the mixed set and over each of its messages.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sip_benches::clock::Deck;
use sip_benches::floor::floor;
use sip_benches::messages::{SAMPLES, mixed};
use sip_benches::typed::{Discard, frame, typed};
use sip_parse::Bytes;

fn parse(criterion: &mut Criterion) {
    for sample in SAMPLES {
        let read =
            |bytes: &[u8], findings: &mut _| typed(Bytes::copy_from_slice(bytes), findings).is_ok();
        if let Err(fault) = sample.check(read) {
            panic!("a value is wrong: {fault}");
        }
    }
    let deck = Deck::mixed();
    let order = deck.shuffled();
    let shuffled: Vec<Bytes> = order.iter().map(|&i| deck.cards()[i].clone()).collect();
    group(criterion, "mixed", &shuffled);
    for (kind, sample) in mixed().iter().enumerate() {
        let copies: Vec<Bytes> = deck.cards()[kind..]
            .iter()
            .step_by(mixed().len())
            .cloned()
            .collect();
        group(criterion, sample.name, &copies);
    }
}

/// All times are for all messages of the group; the throughput is in messages.
fn group(criterion: &mut Criterion, name: &str, messages: &[Bytes]) {
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Elements(messages.len() as u64));
    group.bench_function(BenchmarkId::new("floor", name), |bencher| {
        bencher.iter(|| {
            for bytes in messages {
                black_box(floor(bytes));
            }
        });
    });
    group.bench_function(BenchmarkId::new("frame", name), |bencher| {
        bencher.iter_batched_ref(
            || messages.to_vec(),
            |messages| {
                for bytes in messages.drain(..) {
                    drop(black_box(frame(bytes)));
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function(BenchmarkId::new("typed", name), |bencher| {
        bencher.iter_batched_ref(
            || messages.to_vec(),
            |messages| {
                for bytes in messages.drain(..) {
                    drop(black_box(typed(bytes, &mut Discard)));
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
