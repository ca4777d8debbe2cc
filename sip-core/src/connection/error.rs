//! Why a connection could not be opened, or why it ended.

use core::fmt;

/// Why a connection attempt failed. The host names the nearest cause that it knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server's name has no address, or no name server answered (RFC 3263 section 4).
    #[error("the server's name could not be resolved")]
    Dns,
    /// Nothing listens at any address of the server.
    #[error("the server refused the connection")]
    Refused,
    /// No connection within the time allowed.
    #[error("the server did not answer in time")]
    Timeout,
    /// The TLS handshake failed, or the certificate is not one for the host of the URL (RFC 5922).
    #[error("the TLS handshake failed or the certificate is not trusted")]
    Tls,
    /// The server answered the WebSocket handshake with this HTTP status (RFC 6455 section 4.1).
    #[error("the server answered the WebSocket handshake with HTTP status {0}")]
    Upgrade(u16),
    /// The server opened the WebSocket without the sub-protocol `sip` (RFC 7118 section 4.1).
    #[error("the server does not speak the WebSocket sub-protocol \"sip\"")]
    Subprotocol,
    /// The proxy between the host and the server answered CONNECT with this HTTP status, such as 407 for missing or
    /// wrong credentials (RFC 9110 section 9.3.6).
    #[error("the proxy answered CONNECT with HTTP status {0}")]
    Proxy(u16),
    /// The proxy could not be reached: no address, refused, or no route.
    #[error("the proxy could not be reached")]
    ProxyUnreachable,
    /// What answered in the place of the proxy does not speak HTTP as RFC 9112 has it, hung up, or sent too much.
    #[error("the proxy gave no usable answer to CONNECT")]
    ProxyProtocol,
    /// The application had no URL for the server ([`NoServerUrl`](crate::NoServerUrl)).
    #[error("the application had no URL for the server")]
    Url,
    /// Anything else, such as a connection that closed while it was being opened.
    #[error("the connection could not be opened")]
    Other,
}

impl ConnectError {
    /// Whether trying the same server again a moment later is pointless: its certificate, its
    /// sub-protocol, or an HTTP status 4xx of the server or the proxy other than 408 (Request Timeout), 425 (Too
    /// Early) and 429 (Too Many Requests).
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        match self {
            Self::Tls | Self::Subprotocol => true,
            Self::Upgrade(status) | Self::Proxy(status) => {
                matches!(status, 400..=499) && !matches!(status, 408 | 425 | 429)
            }
            Self::Dns
            | Self::Refused
            | Self::Timeout
            | Self::ProxyUnreachable
            | Self::ProxyProtocol
            | Self::Url
            | Self::Other => false,
        }
    }
}

/// Why an open connection ended, or why the core closes one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The application requested it.
    Requested,
    /// The peer closed it, with this WebSocket close code if there was one (RFC 6455 section 7.4).
    Closed(Option<u16>),
    /// It broke: reset, or unreachable.
    Lost,
    /// No answer to a keep-alive arrived in time, so the flow is dead (RFC 5626 section 4.4.1).
    KeepAlive,
    /// The attempt to open it took too long.
    Timeout,
    /// The peer sent bytes that are not a SIP message, so the rest of the stream is unreadable
    /// (RFC 3261 section 18.3).
    Protocol,
    /// Another server is used instead.
    Replaced,
    /// The agent has more flows than it uses (RFC 5626 section 4.2.1).
    Unneeded,
    /// The registrar or a proxy reported that the flow is dead (RFC 5626 section 11.6: 430).
    FlowFailed,
    /// The server did not answer REGISTERs, or failed them, and there is another server (RFC 5626 section 4.5).
    NotServed,
    /// The user agent was stopped.
    Stopped,
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("closed on request"),
            Self::Closed(None) => f.write_str("the server closed the connection"),
            Self::Closed(Some(code)) => {
                write!(f, "the server closed the connection with code {code}")
            }
            Self::Lost => f.write_str("the connection broke"),
            Self::KeepAlive => f.write_str("the server did not answer a keep-alive"),
            Self::Timeout => f.write_str("the connection was not opened in time"),
            Self::Protocol => f.write_str("the peer sent what cannot be framed as SIP"),
            Self::Replaced => f.write_str("another server is used instead"),
            Self::Unneeded => f.write_str("the connection is of no use any more"),
            Self::FlowFailed => f.write_str("the server says that the flow failed"),
            Self::NotServed => f.write_str("the server does not register this agent"),
            Self::Stopped => f.write_str("the user agent was stopped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// RFC 7118 section 4.1, RFC 5922: faults that the same server repeats.
    #[test]
    fn faults_that_a_retry_cannot_heal_are_permanent() {
        let permanent = [
            ConnectError::Tls,
            ConnectError::Subprotocol,
            ConnectError::Upgrade(403),
            ConnectError::Upgrade(404),
            ConnectError::Proxy(403),
            ConnectError::Proxy(407),
        ];
        let passing = [
            ConnectError::Dns,
            ConnectError::Refused,
            ConnectError::Timeout,
            ConnectError::Other,
            ConnectError::Upgrade(408),
            ConnectError::Upgrade(429),
            ConnectError::Upgrade(503),
            ConnectError::Proxy(502),
            ConnectError::ProxyUnreachable,
            ConnectError::ProxyProtocol,
        ];
        assert!(permanent.iter().all(|error| error.is_permanent()));
        assert!(!passing.iter().any(|error| error.is_permanent()));
    }

    #[test]
    fn reasons_read_as_sentences() {
        assert_eq!(
            ConnectError::Upgrade(503).to_string(),
            "the server answered the WebSocket handshake with HTTP status 503"
        );
        assert_eq!(
            DisconnectReason::Closed(Some(1001)).to_string(),
            "the server closed the connection with code 1001"
        );
    }
}
