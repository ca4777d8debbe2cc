//! Starting a user agent, and what it is given besides its configuration.

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rustls_pki_types::CertificateDer;
use sip_core::config::Config;
use sip_core::transaction::TimerSettings;
use sip_core::{Limits, LogRecord, Timestamp, TraceRecord, UserAgent};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::connect::Dialer;
use crate::description::SessionDescriptionHandlerFactory;
use crate::driver::Driver;
use crate::handle::{Events, Handle, LastFailure};

/// Takes each log record that the configured level lets through: the parameter `log.connector`.
pub type LogConnector = Box<dyn FnMut(&LogRecord) + Send>;

/// Takes each SIP message and when it was sent or received, if the configuration has `traceSip`.
pub type TraceConnector = Box<dyn FnMut(&TraceRecord, Timestamp) + Send>;

/// What a user agent on tokio takes besides its [`Config`]. `Default` is right for most.
#[non_exhaustive]
pub struct Options {
    /// Root certificates to trust for `wss`, beside those of the operating system.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Gets every log record, whether `log.builtinEnabled` is on or not.
    pub log_connector: Option<LogConnector>,
    /// Gets every SIP message instead of `tracing`, if `traceSip` is on.
    pub trace_connector: Option<TraceConnector>,
    /// Makes and takes session descriptions. Without it each one is an event for the application.
    pub description_factory: Option<Arc<dyn SessionDescriptionHandlerFactory>>,
    /// What peers and the application can use up at most, as the core enforces it. A program that
    /// makes many calls a second needs more transactions than the default: each one is kept for 32 s
    /// (RFC 3261 section 17, RFC 6026).
    pub limits: Limits,
    /// How many events may wait for the application; at least 1. Default 256.
    pub event_queue: usize,
    /// How many commands may wait for the task; at least 1. Default 64.
    pub command_queue: usize,
    /// How many bytes may wait for a server that does not read, before its connection counts as
    /// lost. Default 1 MiB.
    pub send_queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            extra_roots: Vec::new(),
            log_connector: None,
            trace_connector: None,
            description_factory: None,
            limits: Limits::default(),
            event_queue: 256,
            command_queue: 64,
            send_queue: 1024 * 1024,
        }
    }
}

impl std::fmt::Debug for Options {
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
    /// There is no tokio runtime here.
    NoRuntime,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Core(error) => error.fmt(f),
            Self::Entropy(error) => write!(f, "no randomness from the operating system: {error}"),
            Self::Root(error) => write!(f, "root certificate: {error}"),
            Self::NoRuntime => f.write_str("a user agent must be started inside a tokio runtime"),
        }
    }
}

impl std::error::Error for StartError {}

/// Where user agents come from: [`Agent::start`].
#[derive(Debug)]
pub struct Agent;

impl Agent {
    /// Starts a user agent in a task of its own, on the current tokio runtime.
    ///
    /// The task ends once the [`Handle`] with all its clones and the [`Events`] are dropped: calls
    /// are hung up as far as that needs no answer, and the sockets closed within 2 seconds.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(config: Config, options: Options) -> Result<(Handle, Events), StartError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let message_limit = options.limits.message.message;
        let dialer = Dialer::new(config.servers(), &options.extra_roots, message_limit)
            .map_err(StartError::Root)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(StartError::Entropy)?;
        let rng = Box::new(ChaCha20Rng::from_seed(seed));
        let clock = Clock::start();
        let agent = UserAgent::with_limits(
            config.clone(),
            options.limits,
            TimerSettings::default(),
            rng,
            clock.now(),
        )
        .map_err(StartError::Core)?;
        let (commands, command_queue) = mpsc::channel(options.command_queue.max(1));
        let (event_queue, events) = mpsc::channel(options.event_queue.max(1));
        let last_failure = LastFailure::default();
        let handle = Handle::new(commands, last_failure.clone());
        let driver = Driver::new(
            agent,
            config,
            options,
            dialer,
            clock,
            command_queue,
            event_queue,
            last_failure,
        );
        runtime.spawn(driver.run());
        Ok((handle, Events::new(events)))
    }
}
