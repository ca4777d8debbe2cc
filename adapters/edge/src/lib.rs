#![forbid(unsafe_code)]
//! A SIP registrar and proxy for user agents on WebSockets: for demos and tests.
//!
//! [`Edge`] does no I/O: it is a machine on top of
//! [`TransactionLayer`](sip_core::transaction::TransactionLayer), driven like everything here by
//! bytes and ticks. [`EdgeServer`] is the thin server around it.
//!
//! What it does: digest (RFC 7616) for REGISTER and for whoever says to be one of its users; several
//! bindings for a user, each tied to the connection that it came on (RFC 5626); parallel forking,
//! Record-Route with flow tokens, CANCEL, timer C and the choice of the best response (RFC 3261
//! section 16).
//!
//! What it does not: it opens no connections, so other domains are out of reach (404); it keeps
//! nothing over a restart; it knows no sequential forking (`q` is kept and shown, not acted on), no
//! redirection on behalf of callers, no loop detection beyond Max-Forwards, no GRUU.
//!
//! # Where to find what
//! | RFC 3261 | here |
//! |---|---|
//! | 10.3 registrar, 22 digest | `registrar.rs`, `location.rs` |
//! | 16.3 to 16.5 validation, preprocessing, targets | `proxy.rs`, `routing.rs`, `flow.rs` |
//! | 16.6 forwarding, 16.10 CANCEL | `proxy.rs` |
//! | 16.7 to 16.9 responses, timer C, transport errors | `response.rs`, `fork.rs` |
//! | RFC 7118 the WebSocket | `server.rs`, `server/socket.rs` |

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

pub use config::{EdgeConfig, EdgeConfigError, EdgeLimits, Faults};
pub use edge::{Backpressure, Edge};
pub use event::{Counters, CutReason, EdgeAction, EdgeEvent, RemovalReason};
pub use server::{EdgeServer, TraceMessage};
