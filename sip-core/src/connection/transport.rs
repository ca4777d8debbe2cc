//! The protocols that carry SIP messages, and what the host knows of a connection.

use core::fmt;
use core::net::SocketAddr;

/// The protocol that carries SIP messages on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// Datagrams (RFC 3261 section 18).
    Udp,
    /// A stream (RFC 3261 section 18).
    Tcp,
    /// A stream over TLS (RFC 3261 section 26.2).
    Tls,
    /// WebSocket (RFC 7118).
    Ws,
    /// WebSocket over TLS (RFC 7118).
    Wss,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via_token())
    }
}

impl Transport {
    /// Whether the transport delivers or fails (RFC 3261 section 17: timers A, E and G are off, and
    /// D, I, J and K are zero). Only UDP does not.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// Whether the transport is a stream without message boundaries of its own.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }

    /// Whether the transport is encrypted, so that a SIPS URI may be reached over it.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The token in a Via header field (RFC 3261 section 20.42, RFC 7118 section 5.2).
    #[must_use]
    pub const fn via_token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }
}

/// What the host knows of an open connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionInfo {
    /// The protocol on it.
    pub transport: Transport,
    /// The far end, if known: it fills `received` and `rport` (RFC 3581) in requests that come in.
    pub remote: Option<SocketAddr>,
}

/// A connection by this transport whose far end has no address that the host knows.
impl From<Transport> for ConnectionInfo {
    fn from(transport: Transport) -> Self {
        Self {
            transport,
            remote: None,
        }
    }
}
