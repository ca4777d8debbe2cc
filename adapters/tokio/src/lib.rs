#![forbid(unsafe_code)]
//! One SIP user agent on tokio: sockets, clock and randomness around [`sip_core::UserAgent`].
//!
//! [`Agent::start`] spawns one task that owns the user agent and its connections. It returns a
//! [`Handle`], through which commands go in, and [`Events`], through which news comes out. The task
//! ends, and its sockets close, when the last `Handle` and the `Events` are gone.
//!
//! The adapter decides nothing about SIP: it opens the connections that the core names, carries
//! bytes, tells the time, and hands events on.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sip_core::config::Config;
//! use sip_core::Event;
//! use sip_tokio::{Agent, Options};
//!
//! let config = Config::builder()
//!     .uri("sip:alice@example.com")
//!     .password("secret")
//!     .server("wss://sip.example.com")
//!     .build()?;
//! let (agent, mut events) = Agent::start(config, Options::default())?;
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Registered(_) => agent.message("bob", "Hello").await.map(drop)?,
//!         Event::RequestFinished { outcome, .. } => println!("{outcome:?}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod agent;
mod connect;
mod description;
mod driver;
mod handle;
mod link;

pub use agent::{Agent, Options};
pub use description::{Describing, SessionDescriptionHandler, SessionDescriptionHandlerFactory};
pub use handle::{Events, Handle};
pub use rustls_pki_types::CertificateDer;
pub use sip_host::{
    CONNECT_TIMEOUT, CommandFailure, ConnectFailure, DescriptionError, LogConnector, StartError,
    TraceConnector,
};
