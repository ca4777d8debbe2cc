#![no_std]
#![forbid(unsafe_code)]
//! A SIP user agent that does no I/O.

extern crate alloc;

pub mod config;
pub mod rand;
pub mod time;

pub use time::Timestamp;
