#![forbid(unsafe_code)]
//! What the fuzz targets share: the tally that each prints at its end, mutations that keep the shape of a message or of
//! a body, and the reader of scripts.

pub mod bodies;
pub mod mutate;
pub mod script;
pub mod tally;
pub mod typed;
