#![forbid(unsafe_code)]
//! A SIP user agent for async programs: [`sip_core`] on tokio, with WebSocket, TLS, clock and entropy.
//!
//! ```no_run
//! use sip_tokio::prelude::*;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = Config::builder()
//!         .uri("sip:alice@localhost")
//!         .server("ws://127.0.0.1:5080")
//!         .password("a")
//!         .build()?;
//!     let (agent, _) = Agent::start(config, Options::signalling_only())?;
//!     agent.registered().await?;
//!     let call = agent.call("bob").await?;
//!     call.established().await?;
//!     println!("ended: {}", call.hang_up().await);
//!     agent.stop().await;
//!     Ok(())
//! }
//! ```
//!
//! [`Agent::start`] spawns one task that owns the user agent and its connections.
//!
//! | handle | what for | its drop |
//! |---|---|---|
//! | [`Agent`] | [`registered`](Agent::registered), [`call`](Agent::call), [`incoming`](Agent::incoming), [`message`](Agent::message), [`messages`](Agent::messages), [`subscribe`](Agent::subscribe), [`publish`](Agent::publish), [`stop`](Agent::stop) | the last one stops the agent, once the handles below are dropped, too |
//! | [`Call`] | [`established`](Call::established), [`ended`](Call::ended), [`hang_up`](Call::hang_up), [`hold`](Call::hold), [`transfer`](Call::transfer), [`dtmf`](Call::dtmf) | hangs up; [`detach`](Call::detach) keeps the call |
//! | [`IncomingCall`] | [`ring`](IncomingCall::ring), [`answer`](IncomingCall::answer), [`reject`](IncomingCall::reject) | refuses by 480 |
//! | [`PendingRequest`] | [`response`](PendingRequest::response) | gives the outcome up |
//! | [`IncomingMessage`] | [`text`](IncomingMessage::text), [`accept`](IncomingMessage::accept), [`reject`](IncomingMessage::reject) | refuses by 480 |
//! | [`Subscription`] | a stream of [`Notice`]s | unsubscribes |
//! | [`IncomingSubscription`] | [`accept`](IncomingSubscription::accept), [`notify`](IncomingSubscription::notify) | refuses or terminates |
//! | [`Publication`] | [`published`](Publication::published), [`modify`](Publication::modify), [`remove`](Publication::remove) | removes it |
//! | [`IncomingTransfer`] | [`follow`](IncomingTransfer::follow), [`accept`](IncomingTransfer::accept) | refuses by 480 |
//!
//! A command that comes too late is no error: [`Call::hang_up`] on a call that has ended says how it ended, and a [`Call`] that was
//! answered a moment after the caller gave up says so in [`Call::established`]. Each method says what the drop of its future does.
//!
//! A program that wants everything that happens reads [`Events`] beside the handles, or instead of them with the [`Commands`] by id:
//!
//! ```no_run
//! # use sip_tokio::prelude::*;
//! # async fn example(config: Config) -> Result<(), Box<dyn std::error::Error>> {
//! let (agent, mut events) = Agent::start(config, Options::signalling_only())?;
//! let commands = agent.commands();
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Registered(_) => commands.message("bob", "Hello").await.map(drop)?,
//!         Event::RequestCompleted { outcome, .. } => println!("{outcome:?}"),
//!         _ => {}
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
//! # In place of callbacks
//!
//! [`Options`] takes what SIP.js takes as functions in its configuration.
//!
//! `sessionDescriptionHandlerFactory` and its options: a trait for the media of one call, and a factory
//! that reads the options into a type of its own.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::Arc;
//!
//! use sip_tokio::core::config::Config;
//! use sip_tokio::core::{Body, DescriptionKind, SessionId};
//! use sip_tokio::{Describing, DescriptionError, Options, SessionDescriptionHandler, TypedFactory};
//!
//! struct MediaOptions {
//!     codec: String,
//! }
//!
//! struct Media {
//!     codec: String,
//! }
//!
//! impl SessionDescriptionHandler for Media {
//!     fn describe(&mut self, _kind: DescriptionKind, _hold: bool) -> Describing<Body> {
//!         let sdp = format!("v=0\r\n...a=rtpmap:0 {}\r\n", self.codec);
//!         Box::pin(async move { Ok(Body::sdp(sdp)) })
//!     }
//!
//!     fn accept(&mut self, _kind: DescriptionKind, body: Body) -> Describing<()> {
//!         Box::pin(async move {
//!             if body.bytes.is_empty() {
//!                 return Err(DescriptionError("nothing to play".to_owned()));
//!             }
//!             Ok(())
//!         })
//!     }
//!
//!     fn close(&mut self) {}
//! }
//!
//! fn read(options: &BTreeMap<String, String>) -> Result<MediaOptions, String> {
//!     let codec = options.get("codec").ok_or("codec is missing")?;
//!     Ok(MediaOptions { codec: codec.clone() })
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::builder()
//!     .uri("sip:alice@example.com")
//!     .session_description_handler_factory_option("codec", "PCMU/8000")
//!     .build()?;
//! let factory = TypedFactory::new(&config, read, |_session: SessionId, options: &MediaOptions| {
//!     Box::new(Media { codec: options.codec.clone() }) as Box<dyn SessionDescriptionHandler>
//! })?;
//! let mut options = Options::default();
//! options.description_factory = Some(Arc::new(factory));
//! # Ok(())
//! # }
//! ```
//!
//! `authenticationFactory`: a trait that answers challenges, here with a token (RFC 8898).
//!
//! ```
//! use sip_tokio::core::AuthorizationFailed;
//! use sip_tokio::core::config::{Authentication, Config};
//! use sip_tokio::parse::{Request, Response};
//! use sip_tokio::{Authenticator, Options};
//!
//! struct Token(String);
//!
//! impl Authenticator for Token {
//!     fn authenticate(
//!         &mut self,
//!         _request: &Request,
//!         response: &Response,
//!     ) -> Result<String, AuthorizationFailed> {
//!         let mut challenges = response.challenges().flatten();
//!         let bearer = challenges.any(|challenge| challenge.is_bearer());
//!         bearer.then(|| format!("Bearer {}", self.0)).ok_or(AuthorizationFailed)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::builder()
//!     .uri("sip:alice@example.com")
//!     .authentication(Authentication::Application)
//!     .build()?;
//! let mut options = Options::default();
//! options.authenticator = Some(Box::new(Token("mF_9.B5f-4.1JqM".to_owned())));
//! # Ok(())
//! # }
//! ```
//!
//! A fresh token in the URL of each attempt to connect:
//!
//! ```
//! use sip_tokio::core::NoServerUrl;
//! use sip_tokio::core::config::{Config, ServerUrl};
//! use sip_tokio::Options;
//!
//! # fn next_token() -> Option<String> { None }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::builder()
//!     .uri("sip:alice@example.com")
//!     .server("wss://edge.example.com/sip")
//!     .ask_server_url(true)
//!     .build()?;
//! let mut options = Options::default();
//! options.server_url = Some(Box::new(|configured, _attempt| {
//!     let token = next_token().ok_or(NoServerUrl)?;
//!     let url = format!("{}?token={token}", configured.as_str());
//!     ServerUrl::parse(&url).map_err(|_| NoServerUrl)
//! }));
//! # Ok(())
//! # }
//! ```
//!
//! `log.connector`: a closure that receives every record of the level `log.level` and above.
//!
//! ```
//! use sip_tokio::Options;
//!
//! let mut options = Options::default();
//! options.log_connector = Some(Box::new(|record| {
//!     eprintln!("{:?} {} {}: {}", record.level, record.category, record.label, record.content);
//! }));
//! ```
//!
//! `log.builtinEnabled`: the records go to `tracing`. The target is their category, so a subscriber can
//! filter by it. `traceSip` goes to the target `sip.trace`.
//!
//! ```
//! tracing_subscriber::fmt()
//!     .with_max_level(tracing::Level::INFO)
//!     .with_writer(std::io::stderr)
//!     .init();
//! tracing::info!(target: "sip.ua", "records look like this");
//! ```
//!
//! Files from the top to the bottom; each imports only those below it: `agent`, `driver`, `link`, `connect`,
//! `options`, `signalling_only` and `handles`, `commands`, `events` and `description`.

mod agent;
mod commands;
mod connect;
mod description;
mod driver;
mod events;
mod handles;
mod link;
mod options;
pub mod prelude;
mod signalling_only;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// Compiles the examples of `docs/connecting.md`.
#[cfg(all(doctest, feature = "tls"))]
#[doc = include_str!("../../../docs/connecting.md")]
pub struct Connecting;

/// Compiles the programs of `docs/coming-from-sipjs.md`.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/coming-from-sipjs.md")]
pub struct ComingFromSipJs;

pub use commands::Commands;
pub use description::{Describing, SessionDescriptionHandler, SessionDescriptionHandlerFactory};
pub use events::Events;
pub use handles::{
    Agent, Call, IncomingCall, IncomingCalls, IncomingMessage, IncomingMessages,
    IncomingSubscription, IncomingSubscriptions, IncomingTransfer, IncomingTransfers,
    PendingRequest, Publication, Subscription,
};
pub use options::Options;
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
