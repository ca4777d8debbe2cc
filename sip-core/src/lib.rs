#![no_std]
#![forbid(unsafe_code)]
//! A SIP user agent that does no I/O: bytes and ticks in, actions out (RFC 3261 and its extensions).
//!
//! The core owns its state machines and its timers; the host owns sockets, clock, threads and entropy. The
//! host carries out the actions that [`UserAgent::poll_action`] returns, waits, and passes the next input to
//! the core together with the time. This loop is the only one that a host needs:
//!
//! ```
//! use sip_core::{Action, ConnectionInfo, SeededRng, Timestamp, Transport, UserAgent, config::Config};
//! # struct Network;
//! # enum Input { Opened(sip_core::ConnectionId), Bytes(sip_core::ConnectionId, sip_parse::Bytes), Deadline, Over }
//! # impl Network {
//! #     fn carry_out(&mut self, action: Action) {}
//! #     fn wait(&mut self, deadline: Option<Timestamp>) -> (Input, Timestamp) { (Input::Over, Timestamp::ZERO) }
//! # }
//! # let mut network = Network;
//! # let entropy = [7; 32];
//! let config = Config::builder().uri("sip:alice@example.com").server("wss://edge.example.com").build()?;
//! let random = SeededRng::new(entropy); // 32 bytes from the operating system
//! let mut agent = UserAgent::new(config, Box::new(random), Timestamp::ZERO)?;
//! loop {
//!     while let Some(action) = agent.poll_action() {
//!         network.carry_out(action); // connect, transmit, ping, disconnect, event, log, trace
//!     }
//!     let (input, now) = network.wait(agent.next_tick());
//!     match input {
//!         Input::Opened(connection) => {
//!             let info = ConnectionInfo { transport: Transport::Wss, remote: None };
//!             agent.connection_opened(connection, info, now);
//!         }
//!         Input::Bytes(connection, bytes) => agent.receive(connection, bytes, now)?,
//!         Input::Deadline => agent.tick(now)?,
//!         Input::Over => break,
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Guarantees: every order of inputs and commands is valid; the core builds output when input arrives, so
//! that polling is a queue pop and [`UserAgent::next_tick`] a few comparisons, whatever is pending; the same
//! seed and the same inputs give the same bytes; no input makes the core panic; and everything that a peer
//! can make grow has a limit in [`Limits`].
//!
//! Examples in `examples/`, each a whole program: `two_agents` in memory ([`Cable`]), `fake_time` for the test of an application, `fleet` with a
//! thousand agents in one thread, `bare_loop` on a socket of `std`, `b2bua` and `load_generator` on the layers below.
//!
//! Modules: [`transaction`] and [`dialog`] are public layers of their own, for proxies and load generators;
//! [`config`] has the 29 parameters of SIP.js's `SIP.UA`; [`auth`] is digest authentication for both sides;
//! [`connection`] chooses servers and keeps flows alive.

extern crate alloc;

mod action;
pub mod auth;
mod body;
mod cable;
pub mod config;
pub mod connection;
pub mod dialog;
mod dtmf;
pub mod endpoint;
mod error;
mod event;
#[cfg(test)]
#[path = "../exploration/mod.rs"]
mod exploration;
mod fleet;
mod header;
mod ids;
mod limits;
pub mod notifier;
pub mod package;
pub mod publication;
mod rand;
mod rare;
mod reason;
mod record;
mod registration;
mod requirement;
pub mod sdp;
mod seeded_rng;
pub mod session;
mod session_uuid;
mod share;
mod slab;
pub mod subscription;
mod subscription_state;
#[cfg(test)]
mod table_rows;
mod time;
mod timer;
pub mod transaction;
mod ua;

/// The parser: messages, URIs and header fields.
pub use sip_parse as parse;

pub use action::Action;
pub use auth::AuthorizationFailed;
pub use body::Body;
pub use cable::{Cable, Side};
pub use connection::{ConnectionInfo, Transport};
pub use dtmf::{Tone, ToneFormat, Tones, TonesError};
pub use endpoint::{CallCounters, Counters};
pub use error::{
    Backpressure, ClockJump, CommandError, RefusalError, RefusalPart, StaleHandle, StartError,
};
pub use event::{DescriptionKind, Event, ExchangeOutcome, Referral, Registration, TransferOutcome};
pub use fleet::{AgentId, Fleet};
pub use header::{ExtraHeader, ExtraHeaderError, Reason};
pub use ids::{
    ChallengeId, ConnectionId, ExchangeId, IncomingRequestId, IncomingSubscriptionId,
    PublicationId, ReferId, RequestId, SessionId, SubscriptionId, TransferId,
};
pub use limits::{LimitKind, Limits};
pub use notifier::{IncomingSubscription, Notification};
pub use publication::PublishOptions;
pub use reason::{ByeFailure, Cause, EndReason, Originator};
pub use record::{
    AddressText, CallParties, Direction, LogContent, LogRecord, RequestLine, TraceRecord,
};
pub use requirement::Requirement;
pub use seeded_rng::SeededRng;
pub use session::{
    DescriptionFailed, FailureStatus, Forks, FromError, FromPart, InviteOptions, MessageOptions,
    ModifyOptions, ProvisionalOptions, ProvisionalStatus, ProvisionalStatusError, RedirectTarget,
    Refusal, Reliability, TransferOptions,
};
pub use session_uuid::{SessionIdentifier, SessionUuid};
pub use subscription::SubscribeOptions;
pub use subscription_state::{
    IncomingSubscriptionEnd, SubscriptionEnd, SubscriptionRetry, SubscriptionState,
    TerminationReason,
};
pub use time::Timestamp;
pub use ua::{
    Change, EstablishedSession, IncomingSession, NoServerUrl, OutgoingSession, Session, TableSizes,
    TransferTarget, UserAgent,
};

/// Compiles the examples of `docs/packages.md`.
#[cfg(all(doctest, feature = "xml"))]
#[doc = include_str!("../../docs/packages.md")]
pub struct Packages;

/// The example of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Compiles and runs the programs of `docs/embedding.md`.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
pub struct Embedding;

/// Compiles and runs the program of `docs/testing.md`.
#[cfg(doctest)]
#[doc = include_str!("../../docs/testing.md")]
pub struct Testing;
