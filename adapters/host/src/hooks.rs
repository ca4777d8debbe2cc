//! What an application hands to a user agent besides its configuration: closures that are called where the
//! user agent runs, so none of them may block.

use alloc::boxed::Box;

use sip_core::config::ServerUrl;
use sip_core::{Event, LogRecord, NoServerUrl, Timestamp, TraceRecord, UserAgent};

use crate::authenticator::Authenticator;
use crate::failure::ConnectFailure;

/// Receives each log record of the configured level: the parameter `log.connector`.
pub type LogConnector = Box<dyn FnMut(&LogRecord) + Send>;

/// Receives each SIP message and the time at which it was sent or received, if the configuration has
/// `traceSip`.
pub type TraceConnector = Box<dyn FnMut(&TraceRecord, Timestamp) + Send>;

/// Returns the URL for an attempt to connect. The arguments are the configured URL and the number of the
/// attempt, counted from 1. It must not block.
pub type ServerUrlSource = Box<dyn FnMut(&ServerUrl, u32) -> Result<ServerUrl, NoServerUrl> + Send>;

/// Receives each attempt to connect that failed, with more detail than
/// [`Event::ConnectFailed`](sip_core::Event::ConnectFailed) carries.
pub type FailureObserver = Box<dyn FnMut(&ConnectFailure) + Send>;

/// Receives each event before the application does. It runs where the user agent runs, so it must not block.
pub type EventObserver = Box<dyn FnMut(&Event, &UserAgent) + Send>;

/// The closures of one [`Host`](crate::Host). `Default` has none.
#[derive(Default)]
#[non_exhaustive]
pub struct Hooks {
    /// Receives every log record, whether `log.builtinEnabled` is on or not.
    pub log_connector: Option<LogConnector>,
    /// Receives every SIP message in place of `tracing`, if `traceSip` is on.
    pub trace_connector: Option<TraceConnector>,
    /// Answers challenges, if the configuration has `Authentication::Application`. Without it each challenge
    /// is an event.
    pub authenticator: Option<Box<dyn Authenticator>>,
    /// Returns the URL for each attempt to connect, if the configuration has `askServerUrl`. Without it each
    /// request for a URL is an event.
    pub server_url: Option<ServerUrlSource>,
    /// Receives every failed attempt to connect.
    pub connect_failed: Option<FailureObserver>,
    /// Receives every event.
    pub event: Option<EventObserver>,
}

impl core::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Hooks")
            .field("log_connector", &self.log_connector.is_some())
            .field("trace_connector", &self.trace_connector.is_some())
            .field("authenticator", &self.authenticator.is_some())
            .field("server_url", &self.server_url.is_some())
            .field("connect_failed", &self.connect_failed.is_some())
            .field("event", &self.event.is_some())
            .finish()
    }
}
