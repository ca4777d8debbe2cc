#![forbid(unsafe_code)]
//! A SIP registrar and proxy for user agents on WebSockets: for demos and tests.
//!
//! [`Edge`] does no I/O: it is a machine on top of
//! [`TransactionLayer`](sip_core::transaction::TransactionLayer), driven by bytes and ticks.
//! [`EdgeServer`] is the thin server around it.
//!
//! # Event packages
//! The edge answers SUBSCRIBE for three packages (RFC 6665); for other packages it forwards the SUBSCRIBE to the user.
//!
//! | package | who may watch | document |
//! |---|---|---|
//! | `presence` (RFC 3856) | every user of the domain | without a publication: one tuple, open if the user is registered. With one: the document as published. With several: all tuples, the person of the newest publication that has one, and the notes of the newest. Publications count while the user is not registered, too |
//! | `message-summary` (RFC 3842) | the user itself | the numbers of [`Edge::set_messages_waiting`] as voice messages; with [`EdgeConfig::stores_messages`] that of the stored messages as text messages |
//! | `reg` (RFC 3680) | the user itself | all bindings: the state is always full |
//!
//! PUBLISH (RFC 3903) takes the state of `presence` from the user itself. A user has several publications, one for each device;
//! each lasts until it expires. The edge numbers the tuples of several documents anew where their identifiers are equal.
//!
//! The notifier is an [`Endpoint`](sip_core::endpoint::Endpoint) with a
//! [`NotifierLayer`](sip_core::notifier::NotifierLayer) behind a connection that exists in memory only. The proxy forwards a SUBSCRIBE
//! there as to a Contact; the requests of its dialog follow their Route.
//!
//! Supported: digest (RFC 7616) for REGISTER and for senders that claim to be one of its users; several
//! bindings for a user, each tied to the connection that it came on (RFC 5626); parallel forking,
//! Record-Route with flow tokens, CANCEL, timer C and the choice of the best response (RFC 3261
//! section 16).
//!
//! Not supported: connections to other servers, so other domains cannot be reached (404); storage over a
//! restart; sequential forking (`q` is stored and listed, but not used); redirection on behalf of callers;
//! loop detection beyond Max-Forwards; GRUU; authorisation of watchers by the watched user.
//!
//! # Files
//! | RFC 3261 | here |
//! |---|---|
//! | 10.3 registrar, 22 digest | `registrar.rs`, `location.rs` |
//! | 16.3 to 16.5 validation, preprocessing, targets | `proxy.rs`, `routing.rs`, `flow.rs` |
//! | 16.6 forwarding, 16.10 CANCEL | `proxy.rs` |
//! | 16.7 to 16.9 responses, timer C, transport errors | `response.rs`, `fork.rs` |
//! | RFC 6665 SUBSCRIBE, RFC 3903 PUBLISH | `event_packages.rs`, `watchers.rs`, `publications.rs`, `documents.rs` |
//! | RFC 3428 stored messages | `messages.rs`, `mailbox.rs` |
//! | RFC 7118 the WebSocket | `server.rs`, `server/socket.rs` |
//! | none: counters over HTTP | `server/scrape.rs` |
//! | none: what observers see | `event.rs`, `counters.rs`, `call_events.rs`, `calls.rs` |
//!
//! From the top to the bottom; each imports only those below it: `server`, then `response`, `proxy`, `event_packages`,
//! `messages`, `registrar` and `call_events`, which are `impl Edge` blocks, `edge`, `watchers`, `publications`, `mailbox`, `documents`,
//! `location` and `routing`, `config`, `event`, `flow`, `fork`, `calls` and `counters`. `edge` calls the methods of those six blocks.

mod call_events;
mod calls;
mod config;
mod counters;
mod documents;
mod edge;
mod event;
mod event_packages;
mod flow;
mod fork;
mod location;
mod mailbox;
mod messages;
mod proxy;
mod publications;
mod registrar;
mod response;
mod routing;
mod server;
mod watchers;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// Compiles the programs of `docs/media.md`: the tests of this crate have both adapters.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/media.md")]
pub struct Media;

pub use config::{EdgeConfig, EdgeConfigError, EdgeLimits, Faults};
pub use counters::{Counters, Gauges, edge_metrics_text};
pub use edge::Edge;
pub use event::{CallFailure, CutReason, EdgeAction, EdgeEvent, EventPackage, RemovalReason};
pub use server::{EdgeServer, TraceMessage};
pub use sip_core::Backpressure;
