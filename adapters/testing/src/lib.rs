//! The test harness of the workspace. Only dev-dependencies name this crate.
//!
//! [`Bench`] holds one user agent and a virtual clock. The far end is [`Scripted`], where the test
//! answers every message itself, or [`Servers`], which register the agent and can be told to refuse,
//! fall silent or disappear. [`Pair`] holds two agents on a simulated
//! network, with a registrar or a cable between them. [`LayerBench`] holds a transaction layer alone. [`Timed`] turns the clock of any machine and stops at its deadlines.
//! With the feature `sockets` there are far ends of real WebSockets as well.
//! [`DescriptionRequest`] and [`ExchangeEnd`] are the only places that know how the events of an
//! offer/answer exchange are written.

mod bench;
mod clock;
mod exchange;
mod layer;
mod message;
mod network;
mod pair;
mod scripted;
mod servers;
#[cfg(feature = "sockets")]
pub mod sockets;
pub mod text;

pub use bench::{Bench, FarEnd};
pub use clock::{Timed, layer, layer_with, random, settings};
pub use exchange::{
    DescriptionRequest, ExchangeEnd, description_needed, exchange_ended, remote_description,
};
pub use layer::LayerBench;
pub use message::{OFFER, SECOND, crlf, parse, response, value, values};
pub use network::{Weather, seeded};
pub use pair::{Between, Crossover, Pair, Passage, Script};
pub use scripted::{Scripted, alice};
pub use servers::{Servers, URLS, alice_with_servers};
