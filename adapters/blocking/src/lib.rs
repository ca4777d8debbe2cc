#![forbid(unsafe_code)]
//! SIP user agents without async: [`sip_core`] with sockets, clock and entropy, on one thread of their own or on the thread of
//! the caller.
//!
//! ```no_run
//! use sip_blocking::prelude::*;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = Config::builder()
//!         .uri("sip:alice@localhost")
//!         .server("ws://127.0.0.1:5080")
//!         .password("a")
//!         .build()?;
//!     let (agent, _) = Agent::start(config, Options::signalling_only())?;
//!     agent.registered()?;
//!     let call = agent.call("bob")?;
//!     call.established()?;
//!     println!("ended: {}", call.hang_up());
//!     agent.stop();
//!     Ok(())
//! }
//! ```
//!
//! [`Agent::start`] gives a user agent a thread that waits for its sockets and its deadlines at once. [`IoThread`] is one such thread
//! for any number of agents. The handles are those of `sip-tokio`, as functions that wait: [`Agent`], [`Call`], [`IncomingCall`],
//! [`PendingRequest`], [`IncomingMessage`], [`Subscription`], [`IncomingSubscription`], [`Publication`], [`IncomingTransfer`]. Each
//! function that waits has a sibling that waits for a limited time, such as [`Call::established_timeout`]. Dropping a handle ends what
//! it stands for: a dropped [`Call`] hangs up, and the last [`Agent`] stops the agent.
//!
//! A command that comes too late is no error: [`Call::hang_up`] on a call that has ended says how it ended.
//!
//! A thread of the application that waits, for an event or for what a handle asks, does the work of the agents' thread meanwhile, and a
//! command runs on the thread that gives it, so a program of one thread has no context switch for each message. The agents' own thread
//! takes over when the application is busy for some milliseconds. A connector or a description handler must not wait, because it runs
//! on the thread that drives the agents: there each wait is over at once, with an error `OwnThread` or as if the agent had ended.
//!
//! A program that wants everything that happens reads [`Events`] beside the handles, or instead of them with the [`Commands`] by id:
//!
//! ```no_run
//! # use sip_blocking::prelude::*;
//! # fn example(config: Config) -> Result<(), Box<dyn std::error::Error>> {
//! let (agent, events) = Agent::start(config, Options::signalling_only())?;
//! let commands = agent.commands();
//! for event in events {
//!     match event {
//!         Event::Registered(_) => commands.message("bob", "Hello").map(drop)?,
//!         Event::RequestCompleted { outcome, .. } => println!("{outcome:?}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`PolledAgent`] and [`Reactor`] need no thread: the caller of `poll` drives the agents. They have commands and events, and no
//! handles, because a handle that waited would wait for its own thread.
//!
//! ```no_run
//! # use sip_blocking::prelude::*;
//! # fn example(config: Config) -> Result<(), Box<dyn std::error::Error>> {
//! let mut agent = PolledAgent::new(config, Options::signalling_only())?;
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
//! One dependency is enough: [`core`] is `sip-core`, [`parse`] is `sip-parse`, and [`prelude`] has the names that most programs use.
//!
//! The adapter decides nothing about SIP: it opens the connections that the core requests, carries bytes,
//! passes the time, and emits events.
//!
//! The agent notices that the machine slept at most 5 seconds after it woke, or at once if the application
//! calls [`Clock::slept`]. On macOS the application has to, because the clock of the system stands still
//! during sleep.
//!
//! Files from the top to the bottom; each imports only those below it: `agent`, `io_thread`, `handles`, `commands`
//! and `events`, `leadership` and `reactor`, `agents`, `driver`, `connect`, `link`, `options` and `signalling_only`, `description` and `resolve`, `mailbox`,
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
