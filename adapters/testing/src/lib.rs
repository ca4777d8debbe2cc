//! The test harness of the workspace. Only dev-dependencies name this crate.
//!
//! [`Bench`] is one user agent with a virtual clock. Its far end is [`Scripted`], where the test answers every
//! message itself, or [`Servers`], which register the agent and refuse, fall silent or disappear on demand.
//! [`Pair`] is several agents on a simulated network, with a registrar or a cable between them. [`LayerBench`] is a
//! transaction layer alone. [`Timed`] turns the clock of any machine and stops at its deadlines. The feature
//! `sockets` adds far ends of real WebSockets. [`DescriptionRequest`] and [`ExchangeEnd`] are the only places that
//! know the form of the events of an offer/answer exchange.

mod bench;
mod clock;
mod exchange;
mod far_end;
mod layer;
mod message;
mod network;
mod one_connection;
mod pair;
mod scripted;
mod servers;
#[cfg(feature = "sockets")]
pub mod sockets;
pub mod text;

pub use bench::Bench;
pub use clock::{Timed, layer, layer_with, random, settings};
pub use exchange::{
    DescriptionRequest, ExchangeEnd, description_needed, exchange_ended, remote_description,
};
pub use far_end::FarEnd;
pub use layer::LayerBench;
pub use message::{OFFER, PATIENCE, SECOND, crlf, parse, response, value, values};
pub use network::{Weather, seeded};
pub use one_connection::alice;
pub use pair::{Between, Crossover, Pair, Passage, Script};
pub use scripted::Scripted;
pub use servers::{Servers, URLS, alice_with_servers};
