//! Prints how many times the floor each work takes, from one run in turns. An argument is the number of rounds (1000).

use std::process::ExitCode;

use sip_benches::clock::{Deck, Timing, Work, race};
use sip_benches::floor::floor;
use sip_benches::messages::{SAMPLES, mixed};
use sip_benches::typed::{Discard, frame, typed};
use sip_benches::write;
use sip_parse::{Bytes, Message};

fn main() -> ExitCode {
    let rounds = match std::env::args().nth(1).map(|text| text.parse()) {
        None => 1000,
        Some(Ok(rounds)) => rounds,
        Some(Err(error)) => {
            eprintln!("ratios [ROUNDS]: {error}");
            return ExitCode::from(2);
        }
    };
    for sample in SAMPLES {
        let read =
            |bytes: &[u8], findings: &mut _| typed(Bytes::copy_from_slice(bytes), findings).is_ok();
        if let Err(fault) = sample.check(read) {
            eprintln!("a value is wrong: {fault}");
            return ExitCode::FAILURE;
        }
    }
    println!("typed reads every fact of {} messages", SAMPLES.len());
    let deck = Deck::mixed();
    let parsed: Vec<Message> = match deck.cards().iter().cloned().map(frame).collect() {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("an everyday message is refused: {error}");
            return ExitCode::FAILURE;
        }
    };

    let mut works = [
        Work::borrowing("floor", &deck, |bytes| floor(bytes)),
        Work::consuming("frame", &deck, frame),
        Work::consuming("typed", &deck, |bytes| typed(bytes, &mut Discard)),
    ];
    println!("\nreading, ns a message; x of one memchr pass over the head");
    let timings = race(&deck, &mut works, rounds);
    print(&timings, &timings[0]);
    println!(
        "\n{:16}{:>9}{:>9}{:>9}",
        "message", "floor", "frame", "typed"
    );
    for (kind, sample) in mixed().iter().enumerate() {
        print!("{:16}", sample.name);
        for timing in &timings {
            print!("{:9.0}", timing.each[kind]);
        }
        println!();
    }

    let is_request = |kind: usize| !SAMPLES[kind].bytes.starts_with(b"SIP/");
    let mut buffer = Vec::with_capacity(65_536);
    let mut copy = Vec::with_capacity(65_536);
    let requests: Vec<_> = parsed.iter().map(Message::as_request).collect();
    let mut works = [
        Work::borrowing("memcpy", &deck, move |bytes| {
            copy.clear();
            copy.extend_from_slice(bytes);
        }),
        Work::over("untouched", parsed.clone(), move |message| {
            write::untouched(message, &mut buffer);
        }),
        Work::over("Via + hop", parsed, write::forward),
        Work::over("response", requests, |request| {
            request.as_ref().map(write::response)
        })
        .only(is_request),
        Work::borrowing("from parts", &deck, |_| write::request()),
    ];
    println!("\nwriting, ns a message; x of a memcpy of it");
    let timings = race(&deck, &mut works, rounds);
    print(&timings, &timings[0]);
    ExitCode::SUCCESS
}

fn print(timings: &[Timing], floor: &Timing) {
    println!(
        "{:12}{:>8}{:>8}   {:<26}{:<26}",
        "", "ns", "x", "best message", "worst message"
    );
    for timing in timings {
        let ratio = timing.over(floor);
        println!(
            "{:12}{:8.1}{:8.2}   {:<26}{:<26}",
            timing.name,
            timing.mixed,
            ratio.mixed,
            format!("{:.2} {}", ratio.best.0, ratio.best.1),
            format!("{:.2} {}", ratio.worst.0, ratio.worst.1),
        );
    }
}
