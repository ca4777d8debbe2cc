//! What a user agent is given besides its configuration, and why it may not start.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use sip_core::config::ServerUrl;
use sip_core::{Limits, LogRecord, NoServerUrl, Timestamp, TraceRecord};

use crate::authenticator::Authenticator;
use crate::os::clock::Clock;

/// Takes each log record that the configured level lets through: the parameter `log.connector`.
pub type LogConnector = Box<dyn FnMut(&LogRecord) + Send>;

/// Takes each SIP message and when it was sent or received, if the configuration has `traceSip`.
pub type TraceConnector = Box<dyn FnMut(&TraceRecord, Timestamp) + Send>;

/// Gives the URL for an attempt to connect: takes the configured one and the number of the attempt, from
/// 1; called where the user agent runs, so it must not wait.
pub type ServerUrlSource = Box<dyn FnMut(&ServerUrl, u32) -> Result<ServerUrl, NoServerUrl> + Send>;

/// What a user agent takes besides its [`Config`](sip_core::config::Config). `Default` is right for
/// most. `F` is the adapter's kind of session description factory.
#[non_exhaustive]
pub struct Options<F: ?Sized> {
    /// Root certificates to trust for `wss`, beside those of the operating system.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Gets every log record, whether `log.builtinEnabled` is on or not.
    pub log_connector: Option<LogConnector>,
    /// Gets every SIP message instead of `tracing`, if `traceSip` is on.
    pub trace_connector: Option<TraceConnector>,
    /// Makes and takes session descriptions. Without it each one is an event for the application.
    pub description_factory: Option<Arc<F>>,
    /// Answers challenges, if the configuration says `Authentication::Application`. Without it each
    /// one is an event for the application.
    pub authenticator: Option<Box<dyn Authenticator>>,
    /// Gives the URL for each attempt to connect, such as one with a fresh token, if the configuration
    /// says `askServerUrl`. Without it each one is an event for the application.
    pub server_url: Option<ServerUrlSource>,
    /// What peers and the application can use up at most, as the core enforces it. A program that
    /// makes many calls a second needs more transactions than the default: each one is kept for 32 s
    /// (RFC 3261 section 17, RFC 6026).
    pub limits: Limits,
    /// What time it is. Keep a clone to say [`Clock::slept`] where the operating system's clock stands
    /// still while the machine sleeps. A reactor or thread for many agents of `sip-blocking` brings its
    /// own, and this is not used there.
    pub clock: Clock,
    /// How many events may wait for the application; at least 1. Default 256.
    pub event_queue: usize,
    /// How many commands may wait for the user agent; at least 1. Default 64.
    pub command_queue: usize,
    /// How many bytes may wait for a server that does not read, before its connection counts as
    /// lost. Default 1 MiB.
    pub send_queue: usize,
}

impl<F: ?Sized> Default for Options<F> {
    fn default() -> Self {
        Self {
            extra_roots: Vec::new(),
            log_connector: None,
            trace_connector: None,
            description_factory: None,
            authenticator: None,
            server_url: None,
            limits: Limits::default(),
            clock: Clock::start(),
            event_queue: 256,
            command_queue: 64,
            send_queue: 1024 * 1024,
        }
    }
}

impl<F: ?Sized> std::fmt::Debug for Options<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("extra_roots", &self.extra_roots.len())
            .field("limits", &self.limits)
            .field("event_queue", &self.event_queue)
            .field("command_queue", &self.command_queue)
            .field("send_queue", &self.send_queue)
            .finish_non_exhaustive()
    }
}

/// Why a user agent could not be started. Nothing runs then.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The core cannot do what the configuration asks for.
    Core(sip_core::StartError),
    /// The operating system gave no randomness.
    Entropy(getrandom::Error),
    /// A certificate of [`Options::extra_roots`] cannot be read.
    Root(rustls::Error),
    /// There is no tokio runtime here: of `sip-tokio` alone.
    NoRuntime,
    /// The operating system gave no thread, or no means to wait for sockets: of `sip-blocking` alone.
    System(std::io::Error),
    /// The thread that was to carry the user agent has ended: of `sip-blocking` alone.
    Gone,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Core(error) => error.fmt(f),
            Self::Entropy(error) => write!(f, "no randomness from the operating system: {error}"),
            Self::Root(error) => write!(f, "root certificate: {error}"),
            Self::NoRuntime => f.write_str("a user agent must be started inside a tokio runtime"),
            Self::System(error) => write!(f, "no thread or no sockets: {error}"),
            Self::Gone => f.write_str("the thread for user agents has ended"),
        }
    }
}

impl std::error::Error for StartError {}
