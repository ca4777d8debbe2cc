//! Does one work over the mixed set again and again, for a profiler: `spin
//! floor|frame|typed|forward|response|request ROUNDS`.

use std::hint::black_box;
use std::process::ExitCode;

use sip_benches::clock::Deck;
use sip_benches::floor::floor;
use sip_benches::typed::{Discard, frame, typed};
use sip_benches::write;
use sip_parse::{Message, Request};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(work), Some(Ok(rounds))) = (
        arguments.first(),
        arguments.get(1).map(|rounds| rounds.parse::<usize>()),
    ) else {
        eprintln!("spin floor|frame|typed|forward|response|request ROUNDS");
        return ExitCode::from(2);
    };
    let deck = Deck::mixed();
    let order = deck.shuffled();
    let parsed: Vec<Message> = deck
        .cards()
        .iter()
        .filter_map(|card| frame(card.clone()).ok())
        .collect();
    let requests: Vec<Request> = parsed.iter().filter_map(Message::as_request).collect();
    for _ in 0..rounds {
        match work.as_str() {
            "floor" => order.iter().for_each(|&i| {
                black_box(floor(&deck.cards()[i]));
            }),
            "frame" => order.iter().for_each(|&i| {
                black_box(&frame(deck.cards()[i].clone()));
            }),
            "typed" => order.iter().for_each(|&i| {
                black_box(&typed(deck.cards()[i].clone(), &mut Discard));
            }),
            "forward" => parsed.iter().for_each(|message| {
                black_box(&write::forward(message));
            }),
            "response" => requests.iter().for_each(|request| {
                black_box(&write::response(request));
            }),
            "request" => (0..order.len()).for_each(|_| {
                black_box(&write::request());
            }),
            other => {
                eprintln!("spin: no work {other}");
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}
