#![forbid(unsafe_code)]
//! Reads the configuration object of SIP.js into a [`Config`](sip_core::config::Config).
//!
//! [`read`] and [`read_into`] take any self-describing format of `serde`, such as JSON or JSON5.
//! [`javascript_to_json5`] makes JSON5 of the text of a JavaScript program, so that examples paste in.
//! [`Places`] finds the line of a fault.
//! Names, values and faults are those of `docs/parameters.md`.

mod javascript_to_json5;
mod lexis;
mod places;
mod read;
mod suggest;
mod value;

pub use javascript_to_json5::{Preprocessed, javascript_to_json5};
pub use places::{Place, Places};
pub use read::{Warning, read, read_into};

/// The example of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
