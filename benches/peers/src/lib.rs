#![forbid(unsafe_code)]
//! Other SIP crates beside this project, each doing the work that the benches time.

mod deadlines;
pub mod ezk;
pub mod framers;
pub mod rsip;
pub mod rsiprtp;
mod rsiprtp_calls;
pub mod rsipstack;
pub mod rvoip;
pub mod sipx;
mod sipx_transactions;

use sip_benches::scenario::Scenario;
use sip_benches::scenarios::{call_while, named};

/// One kind of work, by each crate that can do it.
pub struct Pairing {
    /// What is done.
    pub title: &'static str,
    /// For whole calls: how many others are up.
    pub up: Option<u64>,
    /// The steps of one turn.
    pub steps: u64,
    /// This project first.
    pub rows: Vec<Row>,
}

/// A crate that does it.
pub struct Row {
    /// The name of the crate.
    pub name: &'static str,
    /// Makes the scenario.
    pub make: fn() -> Box<dyn Scenario>,
}

macro_rules! rows {
    ($($name:literal: $make:expr),* $(,)?) => {
        vec![$(Row { name: $name, make: $make }),*]
    };
}

/// The work of machines: transactions and calls.
pub fn pairings() -> Vec<Pairing> {
    vec![
        Pairing {
            title: "OPTIONS to 200 over UDP, 1,024 transactions live",
            up: None,
            steps: 1_024,
            rows: rows!(
                "sip-core": || ours("options-udp"),
                "sipx-sip": sipx_transactions::options,
                "rsiprtp": rsiprtp_calls::options,
            ),
        },
        Pairing {
            title: "INVITE to 180 and 200 over UDP, 1,024 transactions live",
            up: None,
            steps: 1_024,
            rows: rows!(
                "sip-core": || ours("invite-server"),
                "sipx-sip": sipx_transactions::invite,
                "rsiprtp": rsiprtp_calls::invite,
            ),
        },
        Pairing {
            title: "OPTIONS sent over UDP, and its 200",
            up: None,
            steps: 1_024,
            rows: rows!(
                "sip-core": || ours("options-client"),
                "sipx-sip": sipx_transactions::client,
                "rsiprtp": rsiprtp_calls::client,
            ),
        },
        Pairing {
            title: "a whole call, both ends, 2.5 KB of SDP each way, one other call up",
            up: Some(1),
            steps: 256,
            rows: rows!("sip-core": || Box::new(call_while(1)), "rsiprtp": || rsiprtp_calls::call(1)),
        },
        Pairing {
            title: "a whole call while 1,000 calls are up",
            up: Some(1_000),
            steps: 256,
            rows: rows!("sip-core": || Box::new(call_while(1_000)), "rsiprtp": || rsiprtp_calls::call(1_000)),
        },
        Pairing {
            title: "a whole call while 10,000 calls are up",
            up: Some(10_000),
            steps: 256,
            rows: rows!("sip-core": || Box::new(call_while(10_000)), "rsiprtp": || rsiprtp_calls::call(10_000)),
        },
    ]
}

fn ours(name: &str) -> Box<dyn Scenario> {
    named(name).expect("a scenario of this name").make()
}
