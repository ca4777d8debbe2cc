//! The test harness of the workspace. Only dev-dependencies name this crate.
//!
//! [`Bench`] holds one user agent and a virtual clock; the test is the host and the far end.
//! [`DescriptionRequest`] and [`ExchangeEnd`] are the only places that know how the events of an
//! offer/answer exchange are written.

mod bench;
mod exchange;
mod message;

pub use bench::{Bench, alice};
pub use exchange::{
    DescriptionRequest, ExchangeEnd, description_needed, exchange_ended, remote_description,
};
pub use message::{OFFER, SECOND, value, values};
