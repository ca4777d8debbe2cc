//! Messages: reading and writing.

use std::hint::black_box;

use sip_parse::{Bytes, Message, Request};

use crate::clock::Deck;
use crate::floor::floor as floor_of;
use crate::scenario::Scenario;
use crate::typed::{Discard, frame as read_frame, typed as read_typed};
use crate::write;

/// Works on one card after the other, in the shuffled order.
pub(super) struct Cards<T, W> {
    cards: Vec<T>,
    work: W,
    at: usize,
    done: u64,
}

impl<T, W: FnMut(&T) -> bool> Cards<T, W> {
    fn new(cards: Vec<T>, work: W) -> Self {
        Self {
            cards,
            work,
            at: 0,
            done: 0,
        }
    }
}

impl<T, W: FnMut(&T) -> bool> Scenario for Cards<T, W> {
    fn step(&mut self) {
        let card = &self.cards[self.at];
        self.done += u64::from((self.work)(black_box(card)));
        self.at = (self.at + 1) % self.cards.len();
    }

    fn done(&self) -> u64 {
        self.done
    }
}

fn shuffled() -> Vec<Bytes> {
    let deck = Deck::mixed();
    let order = deck.shuffled();
    order.iter().map(|&at| deck.cards()[at].clone()).collect()
}

fn messages() -> Vec<Message> {
    let read = |card| read_frame(card).expect("an everyday message");
    shuffled().into_iter().map(read).collect()
}

fn requests() -> Vec<Request> {
    messages().iter().filter_map(Message::as_request).collect()
}

pub(super) fn floor() -> impl Scenario {
    Cards::new(shuffled(), |card: &Bytes| floor_of(card) > 0)
}

pub(super) fn copy() -> impl Scenario {
    let mut buffer = Vec::with_capacity(65_536);
    Cards::new(shuffled(), move |card: &Bytes| {
        buffer.clear();
        buffer.extend_from_slice(card);
        !black_box(&buffer).is_empty()
    })
}

pub(super) fn frame() -> impl Scenario {
    Cards::new(shuffled(), |card: &Bytes| {
        black_box(&read_frame(card.clone())).is_ok()
    })
}

pub(super) fn typed() -> impl Scenario {
    Cards::new(shuffled(), |card: &Bytes| {
        black_box(&read_typed(card.clone(), &mut Discard)).is_ok()
    })
}

pub(super) fn response() -> impl Scenario {
    Cards::new(requests(), |request| {
        black_box(&write::response(request)).is_ok()
    })
}

pub(super) fn via() -> impl Scenario {
    Cards::new(messages(), |message| {
        black_box(&write::via(message)).is_ok()
    })
}

pub(super) fn hop() -> impl Scenario {
    let mut requests = messages();
    requests.retain(|message| message.request_method().is_some());
    Cards::new(requests, |message| black_box(&write::hop(message)).is_ok())
}

pub(super) fn forward() -> impl Scenario {
    Cards::new(messages(), |message| {
        black_box(&write::forward(message)).is_ok()
    })
}

pub(super) fn parts() -> impl Scenario {
    Cards::new(vec![()], |()| black_box(&write::request()).is_ok())
}
