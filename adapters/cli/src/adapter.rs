//! One handle and one stream of events for both adapters.

#[cfg(unix)]
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[cfg(feature = "tls")]
use rustls_pki_types::CertificateDer;
use sip_core::config::Config;
use sip_core::{Event, Timestamp, UserAgent};
use sip_host::os::{Clock, Options, SignallingOnlyFactory, StartError};
use sip_host::{CommandFailure, ConnectFailure, TraceConnector, command};
#[cfg(unix)]
use tokio::io::Interest;
#[cfg(unix)]
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::sync::{Notify, mpsc};

use crate::arguments::Adapter;
use crate::outcome::Failure;

/// How many events of a blocking agent may wait for the command that takes them.
const FORWARDED_EVENTS: usize = 16;

/// Settings of a command for its user agent besides the configuration.
pub(crate) struct Settings {
    #[cfg(feature = "tls")]
    pub(crate) extra_roots: Vec<CertificateDer<'static>>,
    /// The clock of the agent, to which its events refer.
    pub(crate) clock: Clock,
    pub(crate) trace: TraceConnector,
    /// The limit of transactions on each side, if not the default.
    pub(crate) transactions: Option<usize>,
}

impl Settings {
    fn options<F: ?Sized + SignallingOnlyFactory>(self) -> Options<F> {
        let mut options = Options::signalling_only();
        #[cfg(feature = "tls")]
        {
            options.extra_roots = self.extra_roots;
        }
        options.clock = self.clock;
        options.trace_connector = Some(self.trace);
        if let Some(transactions) = self.transactions {
            options.limits.client_transactions = transactions;
            options.limits.server_transactions = transactions;
        }
        options
    }
}

/// Starts a user agent.
pub(crate) fn start(
    adapter: Adapter,
    config: Config,
    settings: Settings,
) -> Result<(Handle, Events), Failure> {
    let failure = |error: StartError| Failure::Usage(error.to_string());
    match adapter {
        Adapter::Tokio => {
            let options = settings.options();
            let (agent, events) = sip_tokio::Agent::start(config, options).map_err(failure)?;
            Ok((
                Handle::Tokio(agent.commands().clone()),
                Events::Tokio(events),
            ))
        }
        Adapter::Blocking => {
            let options = settings.options();
            let agent = sip_blocking::PolledAgent::new(config, options).map_err(failure)?;
            let (sender, receiver) = mpsc::channel(FORWARDED_EVENTS);
            let blocking = Blocking {
                agent: Arc::new(Mutex::new(agent)),
                commanded: Arc::new(Notify::new()),
            };
            tokio::spawn(blocking.clone().drive(sender));
            Ok((Handle::Blocking(blocking), Events::Blocking(receiver)))
        }
    }
}

/// An agent of the blocking adapter. A task polls it whenever its sockets are ready, so that a command can wait for other
/// things too; commands run on the thread that gives them.
#[derive(Clone, Debug)]
pub(crate) struct Blocking {
    agent: Arc<Mutex<sip_blocking::PolledAgent>>,
    /// A command may have changed when the agent is to be polled next.
    commanded: Arc<Notify>,
}

impl Blocking {
    fn agent(&self) -> MutexGuard<'_, sip_blocking::PolledAgent> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(
        &self,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R,
    ) -> Result<R, CommandFailure> {
        let result = self.agent().with(command);
        self.commanded.notify_one();
        result.ok_or(CommandFailure::Gone)
    }

    /// Polls the agent until the command has dropped its events.
    async fn drive(self, events: mpsc::Sender<Event>) -> std::io::Result<()> {
        let sockets = Sockets::of(&self)?;
        loop {
            let mut ready = tokio::select! {
                () = events.closed() => return Ok(()),
                ready = sockets.ready() => Some(ready?),
                () = self.commanded.notified() => None,
                () = tokio::time::sleep(self.pause()) => None,
            };
            let mut next = self.poll()?;
            while let Some(event) = next {
                if events.send(event).await.is_err() {
                    return Ok(());
                }
                next = self.agent().next_event();
            }
            if let Some(ready) = &mut ready {
                ready.clear_ready();
            }
        }
    }

    fn poll(&self) -> std::io::Result<Option<Event>> {
        self.agent().poll(Some(Duration::ZERO))
    }

    fn pause(&self) -> Duration {
        self.agent().pause()
    }
}

/// The sockets of an agent, as one file descriptor.
#[cfg(unix)]
struct Sockets {
    readable: AsyncFd<OwnedFd>,
}

#[cfg(unix)]
impl Sockets {
    fn of(agent: &Blocking) -> std::io::Result<Self> {
        let owned = agent.agent().as_fd().try_clone_to_owned()?;
        #[expect(
            deprecated,
            reason = "the replacement is unsafe; a descriptor that the value owns is sound"
        )]
        let readable = AsyncFd::with_interest(owned, Interest::READABLE)?;
        Ok(Self { readable })
    }

    async fn ready(&self) -> std::io::Result<AsyncFdReadyGuard<'_, OwnedFd>> {
        self.readable.readable().await
    }
}

/// Elsewhere the agent is polled often.
#[cfg(not(unix))]
struct Sockets;

#[cfg(not(unix))]
impl Sockets {
    fn of(_: &Blocking) -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn ready(&self) -> std::io::Result<Self> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(Self)
    }

    fn clear_ready(&mut self) {}
}
/// Commands to a user agent.
#[derive(Clone, Debug)]
pub(crate) enum Handle {
    Tokio(sip_tokio::Commands),
    Blocking(Blocking),
}

/// Makes the methods of both handles from the commands that every adapter has.
macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;
    )*) => {
        #[allow(dead_code, reason = "the program does not use every command")]
        impl Handle {
            $(
                $(#[$doc])*
                pub(crate) async fn $name(
                    &self,
                    $($argument: $type),*
                ) -> Result<$result, CommandFailure> {
                    match self {
                        Self::Tokio(handle) => handle.$name($($argument),*).await,
                        Self::Blocking(agent) => agent.with(command::$name($($argument.into()),*))?,
                    }
                }
            )*
        }
    };
}

sip_host::for_each_command!(methods);

impl Handle {
    /// The last connection that could not be opened.
    pub(crate) fn connect_failure(&self) -> Option<ConnectFailure> {
        match self {
            Self::Tokio(handle) => handle.connect_failure(),
            Self::Blocking(agent) => agent.agent().connect_failure(),
        }
    }

    /// Keeps the agent until the process ends, because a blocking agent that is dropped would send BYE and the last REGISTER.
    pub(crate) fn leave_open(&self) {
        std::mem::forget(self.clone());
    }
}

/// Events of a user agent.
#[derive(Debug)]
pub(crate) enum Events {
    Tokio(sip_tokio::Events),
    Blocking(mpsc::Receiver<Event>),
}

impl Events {
    /// The next event; `None` once the agent has ended. Cancel safe: a dropped future loses no event.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        match self {
            Self::Tokio(events) => events.next().await,
            Self::Blocking(events) => events.recv().await,
        }
    }
}
