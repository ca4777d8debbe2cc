//! One handle and one stream of events for both adapters.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use sip_core::Event;
use sip_core::config::Config;
use sip_host::os::{Options, StartError};
use sip_host::{CommandFailure, ConnectFailure, TraceConnector};
use tokio::sync::mpsc;

use crate::arguments::Adapter;
use crate::outcome::Failure;
use crate::sdp::Descriptions;

/// How long the thread of a blocking agent may take to notice that its events have no receiver.
const CLOSED_CHECK: Duration = Duration::from_millis(250);

/// How many events may wait between the queue of a blocking agent and the command that takes them.
const FORWARDED_EVENTS: usize = 16;

/// Settings of a command for its user agent besides the configuration.
pub(crate) struct Settings {
    pub(crate) extra_roots: Vec<CertificateDer<'static>>,
    pub(crate) trace: TraceConnector,
    /// The limit of transactions on each side, if not the default.
    pub(crate) transactions: Option<usize>,
}

impl Settings {
    fn options<F: ?Sized>(self, factory: Arc<F>) -> Options<F> {
        let mut options = Options::default();
        options.extra_roots = self.extra_roots;
        options.trace_connector = Some(self.trace);
        options.description_factory = Some(factory);
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
            let options = settings.options(Arc::new(Descriptions) as Arc<_>);
            let (handle, events) = sip_tokio::Agent::start(config, options).map_err(failure)?;
            Ok((Handle::Tokio(handle), Events::Tokio(events)))
        }
        Adapter::Blocking => {
            let options = settings.options(Arc::new(Descriptions) as Arc<_>);
            let (handle, events) = sip_blocking::Agent::start(config, options).map_err(failure)?;
            let events = forward(events)?;
            Ok((Handle::Blocking(handle), Events::Blocking(events)))
        }
    }
}

/// Starts a thread that waits for events, so that a command can wait for other things too.
fn forward(mut events: sip_blocking::Events) -> Result<mpsc::Receiver<Event>, Failure> {
    let (sender, receiver) = mpsc::channel(FORWARDED_EVENTS);
    let wait = move || {
        while !sender.is_closed() {
            let goes_on = match events.next_timeout(CLOSED_CHECK) {
                Ok(event) => sender.blocking_send(event).is_ok(),
                Err(none) => none == sip_blocking::NoEvent::Timeout,
            };
            if !goes_on {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("sip-events".to_owned())
        .spawn(wait)
        .map(|_| receiver)
        .map_err(|error| Failure::Usage(format!("cannot start: {error}")))
}

/// Commands to a user agent.
#[derive(Clone, Debug)]
pub(crate) enum Handle {
    Tokio(sip_tokio::Handle),
    /// Its commands block the caller until the thread of the agent has carried them out.
    Blocking(sip_blocking::Handle),
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
                        Self::Blocking(handle) => handle.$name($($argument),*),
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
            Self::Blocking(handle) => handle.connect_failure(),
        }
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
