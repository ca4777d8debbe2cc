//! Why a connection cannot be opened.

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use sip_core::config::ServerUrl;
use sip_core::connection::ConnectError;

/// How long one attempt may take: name look-up, all addresses, TLS and WebSocket handshake together. The core
/// ends an attempt earlier, after `connectionTimeout`.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(120);

/// Why a connection could not be opened: the error that the core receives, and a sentence for people.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ConnectFailure {
    /// The URL of the server without its query.
    pub server: String,
    /// The error that the core receives.
    pub error: ConnectError,
    /// The message of the layer that failed.
    pub detail: String,
}

impl ConnectFailure {
    /// The failure of an attempt to reach `server`.
    #[must_use]
    pub fn new(server: &ServerUrl, (error, detail): Failure) -> Self {
        Self {
            server: server.to_string(),
            error,
            detail,
        }
    }

    /// The failure of an attempt that took longer than [`CONNECT_TIMEOUT`].
    #[must_use]
    pub fn late() -> Failure {
        let detail = format!("after {} s", CONNECT_TIMEOUT.as_secs());
        (ConnectError::Timeout, detail)
    }
}

impl core::fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "no connection to {}: {}", self.server, self.error)?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.detail)
        }
    }
}

impl core::error::Error for ConnectFailure {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// The error that the core receives, and the message of the layer that failed.
pub type Failure = (ConnectError, String);
