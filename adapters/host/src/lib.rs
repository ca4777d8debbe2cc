#![forbid(unsafe_code)]
//! What every adapter of [`sip_core`] on an operating system needs, and none should write again:
//! a clock that counts sleep, randomness, trust in TLS servers, the WebSocket handshake of RFC 7118,
//! what its failures mean, and the commands of an application.
//!
//! There is no socket and no thread in here. `sip-tokio` and `sip-blocking` bring those, each in its
//! own way; applications use one of the two, not this crate.

mod authenticator;
pub mod command;
mod description;
mod failure;
mod host;
mod log;
pub mod os;

pub use authenticator::Authenticator;
pub use command::CommandFailure;
pub use description::{Describers, DescriptionError, TypedFactory};
pub use failure::{CONNECT_TIMEOUT, ConnectFailure, Failure};
pub use host::{Host, Job, LONGEST_SLEEP, LastFailure};
