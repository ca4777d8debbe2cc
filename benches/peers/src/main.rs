#![forbid(unsafe_code)]
//! Other SIP crates beside this project: same messages, same work, one process, in turns: `sip-bench-peers [ROUNDS=300] [FILE]`.
//! The file gets the times of whole calls as lines `series,size,unit,value`, for the program `plots`.
//!
//! Prints how many of the 28 messages each reads right, and how many times the floor (framing and typed
//! reading) or a memcpy (writing) each takes; then transactions and whole calls, bytes to bytes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use bytes::Bytes;
use sip_bench_peers::{Pairing, ezk, framers, pairings, rsip, rsiprtp, rsipstack, rvoip, sipx};
use sip_benches::clock::{Deck, Timing, Work, race, take_turns};
use sip_benches::floor::floor;
use sip_benches::messages::{Findings, SAMPLES, mixed};
use sip_benches::typed::{self, Discard};
use sip_benches::write;

/// Whether a reader reads each sample right.
type Right = Vec<bool>;

fn check(name: &str, read: impl Fn(&[u8], &mut Findings) -> bool) -> Right {
    SAMPLES
        .iter()
        .map(|sample| {
            // A rival that panics on a message has not read it.
            let outcome = catch_unwind(AssertUnwindSafe(|| sample.check(&read)));
            let fault = match outcome {
                Ok(Ok(())) => return true,
                Ok(Err(fault)) => fault,
                Err(_) => format!("{}: panicked", sample.name),
            };
            if std::env::var_os("WHY").is_some() {
                println!("{name}: {fault}");
            }
            false
        })
        .collect()
}

fn main() -> ExitCode {
    let rounds = match std::env::args().nth(1).map(|text| text.parse()) {
        None => 300,
        Some(Ok(rounds)) => rounds,
        Some(Err(error)) => {
            eprintln!("sip-bench-peers [ROUNDS] [FILE]: {error}");
            return ExitCode::from(2);
        }
    };
    std::panic::set_hook(Box::new(|_| {}));
    let mut right: BTreeMap<&'static str, Right> = BTreeMap::new();
    let copy = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
    right.insert(
        "sip-parse",
        check("sip-parse", |b, f| typed::typed(copy(b), f).is_ok()),
    );
    right.insert(
        "sipx-sip",
        check("sipx-sip", |b, f| sipx::typed(copy(b), f).is_some()),
    );
    right.insert(
        "rsipstack",
        check("rsipstack", |b, f| rsipstack::typed(b, f).is_some()),
    );
    right.insert("rsip", check("rsip", |b, f| rsip::typed(b, f).is_some()));
    right.insert(
        "rsiprtp",
        check("rsiprtp", |b, f| rsiprtp::typed(b, f).is_some()),
    );
    right.insert(
        "ezk-sip-types",
        check("ezk-sip-types", |b, f| ezk::typed(&copy(b), f).is_some()),
    );
    right.insert(
        "rvoip-sip-core",
        check("rvoip-sip-core", |b, f| rvoip::typed(b, f).is_some()),
    );
    let _ = std::panic::take_hook();
    if right["sip-parse"].contains(&false) {
        eprintln!("sip-parse reads a value wrong");
        return ExitCode::FAILURE;
    }

    let deck = Deck::mixed();
    let heads: Vec<Vec<u8>> = framers::heads()
        .into_iter()
        .cycle()
        .take(deck.cards().len())
        .collect();
    let mut frames = vec![
        Work::borrowing("floor", &deck, |b| floor(b)),
        Work::over("httparse", heads, |head| framers::httparse(head)),
        Work::consuming("sip-parse", &deck, typed::frame),
        Work::borrowing("parsip", &deck, |b| framers::parsip(b)),
        Work::borrowing("rsipstack", &deck, |b| rsipstack::frame(b)),
        Work::consuming("sipx-sip", &deck, sipx::frame),
        Work::borrowing("rsiprtp", &deck, |b| rsiprtp::frame(b)),
        Work::borrowing("rsip", &deck, |b| rsip::frame(b)),
        Work::borrowing("ezk-sip-types", &deck, ezk::frame),
        Work::borrowing("rvoip-sip-core", &deck, |b| rvoip::frame(b)),
    ];
    let frames = race(&deck, &mut frames, rounds);
    let mut reads = vec![
        Work::borrowing("floor", &deck, |b| floor(b)),
        Work::consuming("sip-parse", &deck, |b| typed::typed(b, &mut Discard)),
        Work::borrowing("rsipstack", &deck, |b| rsipstack::typed(b, &mut Discard)),
        Work::consuming("sipx-sip", &deck, |b| sipx::typed(b, &mut Discard)),
        Work::borrowing("rsiprtp", &deck, |b| rsiprtp::typed(b, &mut Discard)),
        Work::borrowing("rsip", &deck, |b| rsip::typed(b, &mut Discard)),
        Work::borrowing("ezk-sip-types", &deck, |b| ezk::typed(b, &mut Discard)),
        Work::borrowing("rvoip-sip-core", &deck, |b| rvoip::typed(b, &mut Discard)),
    ];
    let reads = race(&deck, &mut reads, rounds);
    println!(
        "reading, ns a message of the mixed set; x of the floor; messages read right, of {}\n",
        SAMPLES.len()
    );
    println!("| | frame | x | typed | x | typed, best and worst message | right |");
    println!("|---|---|---|---|---|---|---|");
    for timing in &frames {
        let typed = reads.iter().find(|read| read.name == timing.name);
        let typed = typed.filter(|typed| typed.name != "floor");
        let right = right.get(timing.name).map_or(String::new(), |right| {
            right.iter().filter(|right| **right).count().to_string()
        });
        let (ns, ratio, range) = match typed {
            Some(read) => {
                let ratio = read.over(&reads[0]);
                (
                    format!("{:.0}", read.mixed),
                    format!("{:.2}", ratio.mixed),
                    format!(
                        "{:.2} {}, {:.2} {}",
                        ratio.best.0, ratio.best.1, ratio.worst.0, ratio.worst.1
                    ),
                )
            }
            None => Default::default(),
        };
        println!(
            "| {} | {:.0} | {:.2} | {ns} | {ratio} | {range} | {right} |",
            timing.name,
            timing.mixed,
            timing.mixed / frames[0].mixed,
        );
    }
    let all: Vec<&Timing> = reads
        .iter()
        .skip(2)
        .filter(|read| right[read.name].iter().all(|right| *right))
        .collect();
    if let Some(fastest) = all.iter().min_by(|a, b| a.mixed.total_cmp(&b.mixed)) {
        println!(
            "\ntyped: {:.1} times faster than {}, the fastest that reads every message right",
            fastest.mixed / reads[1].mixed,
            fastest.name
        );
    }
    writing(&deck, rounds);
    let mut series = String::from("series,size,unit,value\n");
    for pairing in pairings() {
        series.push_str(&machines(&pairing, rounds));
    }
    if let Some(file) = std::env::args().nth(2)
        && let Err(error) = std::fs::write(&file, series)
    {
        eprintln!("{file}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn parsed<T>(deck: &Deck, parse: impl Fn(&Bytes) -> Option<T>) -> Vec<Option<T>> {
    deck.cards().iter().map(parse).collect()
}

fn writing(deck: &Deck, rounds: usize) {
    let is_request = |kind: usize| !mixed()[kind].bytes.starts_with(b"SIP/");
    let requests = parsed(deck, |b| {
        typed::frame(b.clone()).ok().and_then(|m| m.as_request())
    });
    let mut responses = vec![
        Work::over("sip-parse", requests, |r| r.as_ref().map(write::response)).only(is_request),
        Work::over("sipx-sip", parsed(deck, |b| sipx::frame(b.clone())), |m| {
            m.as_ref().map(sipx::response)
        })
        .only(is_request),
        Work::over("rsiprtp", parsed(deck, |b| rsiprtp::owned(b)), |m| {
            m.as_ref().map(rsiprtp::response)
        })
        .only(is_request),
    ];
    table("a 180 from a request", &race(deck, &mut responses, rounds));
    let mut requests = vec![
        Work::borrowing("sip-parse", deck, |_| write::request()),
        Work::borrowing("sipx-sip", deck, |_| sipx::request(&write::BODY)),
        Work::borrowing("rsiprtp", deck, |_| rsiprtp::request(&write::BODY)),
    ];
    table("an INVITE from parts", &race(deck, &mut requests, rounds));
    let mut buffer = Vec::new();
    let mut other = Vec::new();
    let mut copies = vec![
        Work::over(
            "sip-parse",
            parsed(deck, |b| typed::frame(b.clone()).ok()),
            move |m| m.as_ref().map(|m| write::untouched(m, &mut buffer)),
        ),
        Work::over(
            "sipx-sip",
            parsed(deck, |b| sipx::frame(b.clone())),
            move |m| m.as_ref().map(|m| sipx::write(m, &mut other)),
        ),
        Work::over("rsiprtp", parsed(deck, |b| rsiprtp::frame(b)), |m| {
            m.as_ref().map(rsiprtp::write)
        }),
        Work::over("rsipstack", parsed(deck, |b| rsipstack::frame(b)), |m| {
            m.as_ref().map(rsipstack::write)
        }),
        Work::over("rsip", parsed(deck, |b| rsip::frame(b)), |m| {
            m.as_ref().map(rsip::write)
        }),
        Work::over("rvoip-sip-core", parsed(deck, |b| rvoip::frame(b)), |m| {
            m.as_ref().map(rvoip::write)
        }),
    ];
    table("an untouched message", &race(deck, &mut copies, rounds));
}

fn table(what: &str, timings: &[Timing]) {
    println!("\nwriting {what}, ns; x of sip-parse\n");
    println!("| | ns | x |");
    println!("|---|---|---|");
    for timing in timings {
        println!(
            "| {} | {:.0} | {:.2} |",
            timing.name,
            timing.mixed,
            timing.mixed / timings[0].mixed
        );
    }
}

/// Prints one row for each crate: its least time, and how many times ours it is. Returns the series of whole calls.
fn machines(pairing: &Pairing, rounds: usize) -> String {
    let mut made: Vec<_> = pairing.rows.iter().map(|row| (row.make)()).collect();
    let least = take_turns(&mut made, pairing.steps, rounds.div_ceil(10));
    println!("\n{}, us; x of ours\n", pairing.title);
    println!("| | us | x |");
    println!("|---|---|---|");
    let mut series = String::new();
    for (row, time) in pairing.rows.iter().zip(&least) {
        if let Some(up) = pairing.up {
            series.push_str(&format!("rival-{},{up},ns,{time:.0}\n", row.name));
        }
        println!(
            "| {} | {:.2} | {:.1} |",
            row.name,
            time / 1_000.0,
            time / least[0]
        );
    }
    series
}
