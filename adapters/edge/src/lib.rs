#![forbid(unsafe_code)]
//! A SIP registrar and proxy for user agents on WebSockets: for demos and tests.
//!
//! [`Edge`] does no I/O: it is a machine on top of
//! [`TransactionLayer`](sip_core::transaction::TransactionLayer), driven by bytes and ticks.
//! [`EdgeServer`] is the thin server around it.
//!
//! Supported: digest (RFC 7616) for REGISTER and for senders that claim to be one of its users; several
//! bindings for a user, each tied to the connection that it came on (RFC 5626); parallel forking,
//! Record-Route with flow tokens, CANCEL, timer C and the choice of the best response (RFC 3261
//! section 16).
//!
//! Not supported: connections to other servers, so other domains cannot be reached (404); storage over a
//! restart; sequential forking (`q` is stored and listed, but not used); redirection on behalf of callers;
//! loop detection beyond Max-Forwards; GRUU.
//!
//! # Files
//! | RFC 3261 | here |
//! |---|---|
//! | 10.3 registrar, 22 digest | `registrar.rs`, `location.rs` |
//! | 16.3 to 16.5 validation, preprocessing, targets | `proxy.rs`, `routing.rs`, `flow.rs` |
//! | 16.6 forwarding, 16.10 CANCEL | `proxy.rs` |
//! | 16.7 to 16.9 responses, timer C, transport errors | `response.rs`, `fork.rs` |
//! | RFC 7118 the WebSocket | `server.rs`, `server/socket.rs` |
//!
//! From the top to the bottom; each imports only those below it: `server`, then `response`, `proxy` and
//! `registrar`, which are `impl Edge` blocks, `edge`, `fork` and `routing`, `location` and `flow`, `event` and
//! `config`. `edge` calls the methods of those three blocks.

mod config;
mod edge;
mod event;
mod flow;
mod fork;
mod location;
mod proxy;
mod registrar;
mod response;
mod routing;
mod server;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub use config::{EdgeConfig, EdgeConfigError, EdgeLimits, Faults};
pub use edge::{Backpressure, Edge};
pub use event::{Counters, CutReason, EdgeAction, EdgeEvent, RemovalReason};
pub use server::{EdgeServer, TraceMessage};
