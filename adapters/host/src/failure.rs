//! Why a connection cannot be opened.

use std::time::Duration;

use sip_core::config::ServerUrl;
use sip_core::connection::ConnectError;

/// How long one attempt may take at most: names, all addresses, TLS and handshake together. The core gives
/// up before, after `connectionTimeout`, which an operating system would not wait for longer either.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(120);

/// Why a connection could not be opened: what the core is told, and the same in a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ConnectFailure {
    /// The server, its query left out.
    pub server: String,
    /// What went wrong, as the core is told.
    pub error: ConnectError,
    /// What went wrong, in the words of the layer that failed.
    pub detail: String,
}

impl ConnectFailure {
    /// The failure of an attempt at `server`.
    #[must_use]
    pub fn new(server: &ServerUrl, (error, detail): Failure) -> Self {
        Self {
            server: server.to_string(),
            error,
            detail,
        }
    }

    /// What an attempt that took longer than [`CONNECT_TIMEOUT`] failed of.
    #[must_use]
    pub fn late() -> Failure {
        let detail = format!("after {} s", CONNECT_TIMEOUT.as_secs());
        (ConnectError::Timeout, detail)
    }
}

impl std::fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no connection to {}: {}", self.server, self.error)?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.detail)
        }
    }
}

impl std::error::Error for ConnectFailure {}

/// What the core is told, and the words of the layer that failed.
pub type Failure = (ConnectError, String);
