#![forbid(unsafe_code)]
//! SIP user agents without async: sockets, clock and entropy around [`sip_core::UserAgent`], on one thread of
//! their own or on the thread of the caller.
//!
//! [`Agent::start`] gives a user agent a thread that waits for its sockets, its commands and its
//! deadlines at once. It returns a [`Handle`], whose methods return when a command is carried out, and
//! [`Events`], an iterator. The thread ends, and its sockets close, when the last `Handle` and the
//! `Events` are dropped. [`IoThread`] is one such thread for any number of agents.
//!
//! A thread of the application that waits for events does the work of that thread meanwhile, and a command runs on the thread
//! that gives it, so a program of one thread that handles one event after the other has no context switch for each
//! message. The agents' own thread takes over when the application is busy for some milliseconds.
//!
//! [`PolledAgent`] and [`Reactor`] need no thread: the caller of `poll` drives the agents.
//!
//! One dependency is enough: [`core`] is `sip-core`, [`parse`] is `sip-parse`, and [`prelude`] has the names that most programs use.
//!
//! The adapter decides nothing about SIP: it opens the connections that the core requests, carries bytes,
//! passes the time, and emits events.
//!
//! The agent notices that the machine slept at most 5 seconds after it woke, or at once if the application
//! calls [`Clock::slept`]. On macOS the application has to, because the clock of the system stands still
//! during sleep.
//!
//! ```no_run
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sip_blocking::prelude::*;
//!
//! let config = Config::builder()
//!     .uri("sip:alice@example.com")
//!     .password("secret")
//!     .server("wss://sip.example.com")
//!     .build()?;
//! let (agent, events) = Agent::start(config, Options::default())?;
//! for event in events {
//!     match event {
//!         Event::Registered(_) => agent.message("bob", "Hello").map(drop)?,
//!         Event::RequestCompleted { outcome, .. } => println!("{outcome:?}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The same without a thread:
//!
//! ```no_run
//! # use sip_blocking::prelude::*;
//! # fn example(config: Config) -> Result<(), Box<dyn std::error::Error>> {
//! let mut agent = PolledAgent::new(config, Options::default())?;
//! while let Some(event) = agent.poll(None)? {
//!     if let Event::Registered(_) = event {
//!         let hello = Body::new("text/plain", "Hello");
//!         agent.with(|agent, now| agent.message("bob", hello, now));
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Files from the top to the bottom; each imports only those below it: `agent`, `io_thread`, `handle`,
//! `leadership` and `reactor`, `agents`, `driver`, `connect`, `link`, `options` and `signalling_only`, `description` and `resolve`, `mailbox`,
//! `inbox` and `waiter`.

mod agent;
mod agents;
mod commands;
mod connect;
mod description;
mod driver;
mod events;
mod handles;
mod inbox;
mod io_thread;
mod leadership;
mod link;
mod mailbox;
mod options;
pub mod prelude;
mod reactor;
mod resolve;
mod signalling_only;
mod waiter;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub use agent::PolledAgent;
pub use commands::Commands;
pub use description::{Reply, SessionDescriptionHandler, SessionDescriptionHandlerFactory};
pub use events::{Events, NoEvent};
pub use handles::{
    Agent, Call, IncomingCall, IncomingCalls, IncomingMessage, IncomingMessages,
    IncomingSubscription, IncomingSubscriptions, IncomingTransfer, IncomingTransfers,
    PendingRequest, Publication, Subscription,
};
pub use io_thread::IoThread;
pub use mailbox::AgentKey;
pub use options::Options;
pub use reactor::Reactor;
#[cfg(feature = "tls")]
pub use rustls_pki_types::{CertificateDer, PrivateKeyDer};
pub use sip_core as core;
pub use sip_host::handles::Notice;
pub use sip_host::handles::error::{CallError, NotConnected, RegistrationError};
#[cfg(feature = "tls")]
pub use sip_host::os::{ClientCertificate, Roots, TlsError};
pub use sip_host::os::{
    Clock, HandshakeHeaderError, HandshakeHeaders, Proxy, ProxyError, StartError,
};
pub use sip_host::{
    Authenticator, CONNECT_TIMEOUT, CommandFailure, ConnectFailure, DescriptionError, LogConnector,
    ServerUrlSource, TraceConnector, TypedFactory,
};
pub use sip_parse as parse;
