//! One message at a time: reading and writing, in messages and bytes a second. `floor` is one memchr pass over the head of the
//! same messages, `copy` a memcpy of them: the least that reading and writing can cost.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use sip_benches::clock::Deck;
use sip_benches::messages::{Sample, mixed};
use sip_benches::typed::{Discard, typed};
use sip_parse::Bytes;

use crate::repeat::repeat;

pub(crate) fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("messages");
    group.throughput(average(mixed().iter()));
    for name in ["floor", "parse-frame", "parse-typed"] {
        repeat(&mut group, name);
    }
    let deck = Deck::mixed();
    for (kind, sample) in mixed().iter().enumerate() {
        group.throughput(average([sample].into_iter()));
        let copies = deck.cards()[kind..].iter().step_by(mixed().len());
        let mut copies = copies.cycle();
        group.bench_function(BenchmarkId::new("parse-typed", sample.name), |bencher| {
            bencher.iter_batched(
                || copies.next().cloned().expect("a copy"),
                |bytes: Bytes| black_box(typed(bytes, &mut Discard)).is_ok(),
                BatchSize::SmallInput,
            );
        });
    }
    group.throughput(average(mixed().iter()));
    for name in ["copy", "write-via", "write-forward"] {
        repeat(&mut group, name);
    }
    let requests = mixed().iter();
    group.throughput(average(
        requests.filter(|sample| !sample.bytes.starts_with(b"SIP/")),
    ));
    for name in ["write-response", "write-hop"] {
        repeat(&mut group, name);
    }
    group.throughput(Throughput::Elements(1));
    repeat(&mut group, "write-parts");
    group.finish();
}

/// One message of the average length of these.
fn average<'a>(samples: impl Iterator<Item = &'a Sample>) -> Throughput {
    let lengths: Vec<u64> = samples.map(|sample| sample.bytes.len() as u64).collect();
    Throughput::ElementsAndBytes {
        elements: 1,
        bytes: lengths.iter().sum::<u64>() / lengths.len() as u64,
    }
}
