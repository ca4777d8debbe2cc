//! What an application gives to an adapter besides the configuration, and why a user agent cannot start.

use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "tls")]
use rustls_pki_types::CertificateDer;
use sip_core::config::Config;
use sip_core::{Limits, SessionId};

use crate::authenticator::Authenticator;
use crate::failure::ConnectFailure;
use crate::hooks::{Hooks, LogConnector, ServerUrlSource, TraceConnector};
use crate::host::Host;
use crate::os::clock::Clock;
use crate::os::dialing::Dialing;
use crate::os::headers::HandshakeHeaders;
use crate::os::proxy::Proxy;
#[cfg(feature = "tls")]
use crate::os::trust::{ClientCertificate, Roots, TlsError, Trust};
use crate::os::websocket::websocket_config;

/// What a user agent takes besides its [`Config`]. `Default` suits most programs. `F` is the adapter's trait
/// for session description factories.
///
/// ```
/// # struct Factory;
/// # type Options = sip_host::os::Options<Factory>;
/// # use sip_host::os::{HandshakeHeaderError, Proxy, ProxyError};
/// # fn options() -> Result<Options, Box<dyn std::error::Error>> {
/// let mut options = Options::default();
/// options.headers.add("Authorization", "Bearer abc")?;
/// options.proxy = Some(Proxy::new("proxy.example.com", 3128)?.credentials("alice", "secret")?);
/// options.send_queue = 64 * 1024;
/// # Ok(options)
/// # }
/// # options().unwrap();
/// ```
#[non_exhaustive]
pub struct Options<F: ?Sized> {
    /// The root certificates to trust for `wss`. Several sets add up; with none, [`Options::extra_roots`] are the only ones.
    /// Default: [`Roots::usual`], those of the operating system. Only with TLS.
    #[cfg(feature = "tls")]
    pub roots: Vec<Roots>,
    /// Root certificates to trust for `wss` in addition to [`Options::roots`], such as that of a company. To trust them alone,
    /// empty `roots`. Default: none. Only with TLS.
    #[cfg(feature = "tls")]
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The certificate for `wss` servers that require one (RFC 8446 section 4.4.2). Default: none. Only with TLS.
    #[cfg(feature = "tls")]
    pub client_certificate: Option<ClientCertificate>,
    /// The HTTP proxy through which every server is reached (RFC 9110 section 9.3.6). Default: none; no environment variable is
    /// read.
    pub proxy: Option<Proxy>,
    /// Header fields of the upgrade request (RFC 6455 section 4.1), the same for each attempt. Default: none. A token in the
    /// URL, or one that changes, is a matter of [`Options::server_url`].
    pub headers: HandshakeHeaders,
    /// Receives every log record, whether `log.builtinEnabled` is on or not. Default: none.
    pub log_connector: Option<LogConnector>,
    /// Receives every SIP message in place of `tracing`, if `traceSip` is on. Default: none.
    pub trace_connector: Option<TraceConnector>,
    /// Makes our session descriptions and takes those of the peers. Without it each description is an event
    /// for the application. Default: none.
    pub description_factory: Option<Arc<F>>,
    /// Answers challenges, if the configuration has `Authentication::Application`. Without it each challenge
    /// is an event for the application. Default: none.
    pub authenticator: Option<Box<dyn Authenticator>>,
    /// Returns the URL for each attempt to connect, such as one with a fresh token in its query, if the configuration has
    /// `askServerUrl`. Without it each request for a URL is an event for the application, which answers by `server_url`.
    /// The query of a URL is a secret: `Debug`, `Display`, errors and logs hide it. Default: none.
    pub server_url: Option<ServerUrlSource>,
    /// What peers and the application can use up at most; the core enforces it. A program that makes many
    /// calls a second needs more transactions than the default, because the core keeps each one for 32 s
    /// (RFC 3261 section 17, RFC 6026).
    pub limits: Limits,
    /// The clock of the agent. Default: a clock of its own, [`Clock::start`]. Keep a clone to call [`Clock::slept`] where the
    /// clock of the operating system stands still while the machine sleeps, which is macOS among the systems that matter.
    /// Agents that are added to a `Reactor` or `IoThread` of `sip-blocking` use the clock that it was made with, because
    /// their deadlines are in one set.
    pub clock: Clock,
    /// How many events may wait for the application; at least 1. Default 256.
    pub event_queue: usize,
    /// How many bytes may wait for a server that does not read; one more, and the adapter drops the
    /// connection. Default 1 MiB.
    pub send_queue: usize,
}

impl<F: ?Sized> Default for Options<F> {
    fn default() -> Self {
        Self {
            #[cfg(feature = "tls")]
            roots: Roots::usual(),
            #[cfg(feature = "tls")]
            extra_roots: Vec::new(),
            #[cfg(feature = "tls")]
            client_certificate: None,
            proxy: None,
            headers: HandshakeHeaders::default(),
            log_connector: None,
            trace_connector: None,
            description_factory: None,
            authenticator: None,
            server_url: None,
            limits: Limits::default(),
            clock: Clock::start(),
            event_queue: 256,
            send_queue: 1024 * 1024,
        }
    }
}

impl<F: ?Sized> std::fmt::Debug for Options<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Options");
        #[cfg(feature = "tls")]
        shown
            .field("roots", &self.roots)
            .field("extra_roots", &self.extra_roots.len())
            .field("client_certificate", &self.client_certificate);
        shown
            .field("proxy", &self.proxy)
            .field("headers", &self.headers)
            .field("limits", &self.limits)
            .field("event_queue", &self.event_queue)
            .field("send_queue", &self.send_queue)
            .finish_non_exhaustive()
    }
}

/// The trait of an adapter for description factories, if it has one for calls without media. Both adapters implement it for
/// [`Options::signalling_only`].
pub trait SignallingOnlyFactory {
    /// A factory whose handlers are [`SignallingOnly`](crate::SignallingOnly).
    fn signalling_only() -> Arc<Self>;
}

impl<F: ?Sized + SignallingOnlyFactory> Options<F> {
    /// The default options for calls without media, as bots and tests make them: the adapter writes and reads the session
    /// descriptions itself, so that the application needs no SDP. It offers one audio stream at the discard port that browsers,
    /// Kamailio and Asterisk accept, and answers offers as RFC 3264 section 6 requires: audio in a format that is known (Opus,
    /// G.711, G.722), every other stream refused by port 0, hold mirrored. An offer without such audio is refused by 488. No media
    /// flows: the peer hears silence.
    #[must_use]
    pub fn signalling_only() -> Self {
        Self {
            description_factory: Some(F::signalling_only()),
            ..Self::default()
        }
    }
}

/// A session id for the descriptions of a call: random, because it should be unique among all hosts (RFC 8866 section 5.2). Without
/// randomness it is the number of the call, which is unique within its agent and is all that the peer of one call compares.
#[must_use]
pub fn session_id(session: SessionId) -> u64 {
    // RFC 8829 section 5.2.1 leaves the first bit at 0, for peers whose numbers have a sign.
    getrandom::u64().map_or_else(|_| session.to_bits(), |number| number >> 1)
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

    /// The way to the servers of `config`. Takes what belongs to it out of the options. `has_tls`: whether the adapter is built
    /// with TLS; this crate may be all the same, if another adapter is in the same program.
    ///
    /// # Errors
    /// [`StartError::Tls`] and [`StartError::NoTls`].
    pub fn dialing(&mut self, config: &Config, has_tls: bool) -> Result<Dialing, StartError> {
        if !has_tls && config.servers().iter().any(|server| server.url.is_secure()) {
            return Err(StartError::NoTls);
        }
        #[cfg(feature = "tls")]
        let trust = Trust::new(
            config.servers(),
            std::mem::take(&mut self.roots),
            &self.extra_roots,
            self.client_certificate.take(),
        )
        .map_err(StartError::Tls)?;
        Ok(Dialing {
            proxy: self.proxy.take(),
            headers: std::mem::take(&mut self.headers),
            #[cfg(feature = "tls")]
            trust,
            websocket: websocket_config(self.limits.message.message, self.send_queue),
        })
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
    /// The certificates of the options cannot be used, or there is no TLS for a `wss` server. Only with TLS.
    #[cfg(feature = "tls")]
    #[error("{0}")]
    Tls(#[source] TlsError),
    /// The configuration has a `wss` server, and the program is built without TLS.
    #[error(
        "this program is built without TLS: a wss server needs the feature `ring` or `aws-lc-rs` of the adapter"
    )]
    NoTls,
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
