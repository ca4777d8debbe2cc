//! What an application gives to an adapter besides the configuration, and why a user agent cannot start.

use std::sync::{Arc, Mutex, PoisonError};

use rustls_pki_types::CertificateDer;
use sip_core::Limits;
use sip_core::config::Config;

use crate::authenticator::Authenticator;
use crate::failure::ConnectFailure;
use crate::hooks::{Hooks, LogConnector, ServerUrlSource, TraceConnector};
use crate::host::Host;
use crate::os::clock::Clock;

/// What a user agent takes besides its [`Config`]. `Default` suits most programs. `F` is the adapter's trait
/// for session description factories.
#[non_exhaustive]
pub struct Options<F: ?Sized> {
    /// Root certificates to trust for `wss`, in addition to those of the operating system.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Receives every log record, whether `log.builtinEnabled` is on or not.
    pub log_connector: Option<LogConnector>,
    /// Receives every SIP message in place of `tracing`, if `traceSip` is on.
    pub trace_connector: Option<TraceConnector>,
    /// Makes our session descriptions and takes those of the peers. Without it each description is an event
    /// for the application.
    pub description_factory: Option<Arc<F>>,
    /// Answers challenges, if the configuration has `Authentication::Application`. Without it each challenge
    /// is an event for the application.
    pub authenticator: Option<Box<dyn Authenticator>>,
    /// Returns the URL for each attempt to connect, such as one with a fresh token, if the configuration has
    /// `askServerUrl`. Without it each request for a URL is an event for the application.
    pub server_url: Option<ServerUrlSource>,
    /// What peers and the application can use up at most; the core enforces it. A program that makes many
    /// calls a second needs more transactions than the default, because the core keeps each one for 32 s
    /// (RFC 3261 section 17, RFC 6026).
    pub limits: Limits,
    /// The clock of the agent. Keep a clone to call [`Clock::slept`] where the clock of the operating system
    /// stands still while the machine sleeps. Agents of a reactor or an I/O thread of `sip-blocking` use the
    /// clock of that reactor or thread instead.
    pub clock: Clock,
    /// How many events may wait for the application; at least 1. Default 256.
    pub event_queue: usize,
    /// How many commands may wait for the user agent; at least 1. Default 64. `sip-blocking` has no such queue, because a
    /// command runs on the thread that gives it.
    pub command_queue: usize,
    /// How many bytes may wait for a server that does not read; one more, and the adapter drops the
    /// connection. Default 1 MiB.
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

impl<F: ?Sized> Options<F> {
    /// Makes the user agent: the operating system seeds its random generator, and [`LastFailure`] keeps its
    /// failures to connect. Takes the connectors and the authenticator out of the options.
    ///
    /// # Errors
    /// [`StartError::Entropy`] and [`StartError::Core`].
    pub fn host(&mut self, config: &Config) -> Result<(Host, LastFailure), StartError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(StartError::Entropy)?;
        let last_failure = LastFailure::default();
        let observed = last_failure.clone();
        let hooks = Hooks {
            log_connector: self.log_connector.take(),
            trace_connector: self.trace_connector.take(),
            authenticator: self.authenticator.take(),
            server_url: self.server_url.take(),
            connect_failed: Some(Box::new(move |failure| observed.note(failure.clone()))),
            event: None,
        };
        let host = Host::new(config, self.limits, hooks, seed, self.clock.now());
        Ok((host.map_err(StartError::Core)?, last_failure))
    }
}

/// The last connection that could not be opened, shared by the adapter and all handles.
#[derive(Clone, Debug, Default)]
pub struct LastFailure(Arc<Mutex<Option<ConnectFailure>>>);

impl LastFailure {
    /// The failure; `None` if every connection could be opened.
    #[must_use]
    pub fn last(&self) -> Option<ConnectFailure> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, failure: ConnectFailure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }
}

/// Why a user agent could not be started. Nothing runs then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The core does not support something that the configuration enables.
    #[error("{0}")]
    Core(#[from] sip_core::StartError),
    /// The operating system returned no randomness.
    #[error("no randomness from the operating system: {0}")]
    Entropy(#[source] getrandom::Error),
    /// A certificate of [`Options::extra_roots`] cannot be read.
    #[error("root certificate: {0}")]
    Root(#[source] rustls::Error),
    /// The caller is not inside a tokio runtime. Only `sip-tokio` returns it.
    #[error("a user agent must be started inside a tokio runtime")]
    NoRuntime,
    /// The operating system gives no thread, or no means to wait for sockets. Only `sip-blocking` returns it.
    #[error("no thread or no sockets: {0}")]
    System(#[source] std::io::Error),
    /// The thread that was to carry the user agent has ended. Only `sip-blocking` returns it.
    #[error("the thread for user agents has ended")]
    Gone,
}
