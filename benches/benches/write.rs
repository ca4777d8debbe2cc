//! Writing: an untouched message beside a memcpy, a proxy's step, a response to a request, a request from parts.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sip_benches::messages::mixed;
use sip_benches::typed::frame;
use sip_benches::write;
use sip_parse::{Bytes, Message, Request};

fn write(criterion: &mut Criterion) {
    let messages: Vec<Message> = mixed()
        .iter()
        .map(|sample| frame(Bytes::from_static(sample.bytes)).expect("an everyday message"))
        .collect();
    let requests: Vec<Request> = messages.iter().filter_map(Message::as_request).collect();
    let mut group = criterion.benchmark_group("write");
    let mut buffer = Vec::with_capacity(65_536);
    group.throughput(Throughput::Elements(messages.len() as u64));
    group.bench_function("memcpy", |bencher| {
        bencher.iter(|| {
            for sample in mixed() {
                buffer.clear();
                buffer.extend_from_slice(black_box(sample.bytes));
                black_box(&mut buffer);
            }
        });
    });
    group.bench_function("untouched", |bencher| {
        bencher.iter(|| {
            for message in &messages {
                write::untouched(black_box(message), &mut buffer);
                black_box(&mut buffer);
            }
        });
    });
    group.bench_function("push a Via, decrement Max-Forwards", |bencher| {
        bencher.iter(|| {
            for message in &messages {
                black_box(write::forward(black_box(message))).expect("can be forwarded");
            }
        });
    });
    group.throughput(Throughput::Elements(requests.len() as u64));
    group.bench_function("response from request", |bencher| {
        bencher.iter(|| {
            for request in &requests {
                black_box(write::response(black_box(request))).expect("can be answered");
            }
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("request from parts", |bencher| {
        bencher.iter(|| black_box(write::request()).expect("can be built"));
    });
    group.finish();
}

criterion_group!(benches, write);
criterion_main!(benches);
