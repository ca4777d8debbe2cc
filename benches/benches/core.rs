//! The transaction layer: a tick with nothing due, and a server transaction from bytes to bytes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sip_core::transaction::{Output, TransactionLayer};
use sip_core::{ConnectionId, ConnectionInfo, Limits, Timestamp, Transport};
use sip_parse::{Builder, Bytes, StatusCode};
use sip_testing::settings;

fn layer() -> (TransactionLayer<()>, ConnectionId) {
    let mut limits = Limits::default();
    limits.server_transactions = usize::MAX;
    let settings = settings(limits);
    let mut layer = TransactionLayer::new(settings, Box::new(ChaCha8Rng::from_seed([7; 32])));
    let connection = layer.accept(ConnectionInfo {
        transport: Transport::Udp,
        remote: None,
    });
    (layer, connection)
}

fn options(number: u64) -> Bytes {
    format!(
        "OPTIONS sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{number:x}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@192.0.2.9>;tag={number:x}\r\nTo: <sip:bob@192.0.2.1>\r\n\
         Call-ID: {number:x}@192.0.2.9\r\nCSeq: 1 OPTIONS\r\nContact: <sip:alice@192.0.2.9>\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into()
}

/// Feeds a request and answers it; returns the bytes that went out.
fn serve(
    layer: &mut TransactionLayer<()>,
    connection: ConnectionId,
    request: Bytes,
    now: Timestamp,
) -> Option<Bytes> {
    layer.receive(connection, request, now).expect("room");
    let mut sent = None;
    while let Some(output) = layer.poll() {
        match output {
            Output::Request {
                transaction,
                request,
                ..
            } => {
                let response = Builder::response_to(&request, StatusCode::OK, Some(b"314159"));
                layer.respond(transaction, response, now).ok()?;
            }
            Output::Transmit { bytes, .. } => sent = Some(bytes),
            _ => return None,
        }
    }
    sent
}

fn tick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tick with nothing due");
    for count in [1, 1_000, 100_000] {
        let (mut layer, connection) = layer();
        for number in 0..count {
            serve(
                &mut layer,
                connection,
                options(number),
                Timestamp::from_millis(number),
            )
            .expect("answered");
        }
        assert_eq!(layer.server_transactions() as u64, count);
        let now = Timestamp::from_millis(1);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                layer.tick(black_box(now));
                black_box(layer.next_tick())
            });
        });
        assert_eq!(layer.server_transactions() as u64, count, "nothing was due");
    }
    group.finish();
}

/// 1,024 transactions are live at any time: timer J ends each 32 s after its answer.
fn uas_options(criterion: &mut Criterion) {
    let (mut layer, connection) = layer();
    let mut number = 0_u64;
    let requests: Vec<Bytes> = (0..65_536).map(options).collect();
    let mut step = || {
        number += 1;
        // 32 s over 1,024 transactions: one every 31.25 ms.
        let now = Timestamp::from_micros(number * 31_250);
        layer.tick(now);
        let request = requests[number as usize % requests.len()].clone();
        serve(&mut layer, connection, request, now).expect("answered")
    };
    for _ in 0..2_048 {
        step();
    }
    criterion.bench_function("server transaction of OPTIONS, bytes to bytes", |bencher| {
        bencher.iter(|| black_box(step()));
    });
    assert!((1_000..1_100).contains(&layer.server_transactions()));
}

criterion_group!(benches, tick, uas_options);
criterion_main!(benches);
