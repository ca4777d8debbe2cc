//! What the core asks of its host.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::net::SocketAddr;

use bytes::Bytes;
use sip_parse::{HeaderName, Limits, Message};

use crate::config::{LogLevel, ServerUrl};
use crate::connection::DisconnectReason;
use crate::event::Event;
use crate::slab::handle_type;

handle_type! {
    /// A connection. The core mints every one, so a late byte of a closed connection is never
    /// taken for one of its successor.
    ConnectionId
}

/// One thing for the host to carry out, in the order in which they are polled.
///
/// Exhaustive on purpose: a host that ignores a kind would be wrong.
#[derive(Debug)]
pub enum Action {
    /// Open a connection to a server of the configuration. Answer with
    /// [`connection_opened`](crate::UserAgent::connection_opened) or
    /// [`connection_failed`](crate::UserAgent::connection_failed).
    Connect {
        /// The name of the connection from now on.
        connection: ConnectionId,
        /// Place in [`Config::servers`](crate::config::Config::servers) of
        /// [`UserAgent::config`](crate::UserAgent::config), from 0: the list can change at run time.
        server: usize,
        /// 1 for the first try of this server since it last worked.
        attempt: u32,
        /// Where to connect: the server's URL, or what
        /// [`server_url`](crate::UserAgent::server_url) gave for this attempt. Its query is a secret.
        url: Box<ServerUrl>,
    },
    /// Send these bytes: one WebSocket message, or one datagram, or a part of a stream.
    Transmit {
        /// Where to.
        connection: ConnectionId,
        /// What. Text if valid UTF-8, else binary (RFC 7118 section 5).
        bytes: Bytes,
    },
    /// Send a WebSocket ping, or, where the host cannot (a browser), CRLF CRLF (RFC 5626
    /// section 4.4.1). Say [`pong`](crate::UserAgent::pong) when the answer comes.
    Ping {
        /// Where to.
        connection: ConnectionId,
    },
    /// Close this connection, or give up opening it. Needs no answer.
    Disconnect {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: DisconnectReason,
    },
    /// News for the application.
    Event(Event),
    /// A log record at a level that the configuration enables.
    Log(LogRecord),
    /// A SIP message that was sent or received, if the configuration asks for a trace.
    Trace(TraceRecord),
}

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

/// A log record: plain data, formatted by its `Display` only if somebody reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// `sip.ua`, `sip.transport`, `sip.transaction`, `sip.dialog`, `sip.registration`, `sip.session`.
    pub category: &'static str,
    /// Which transaction, session or connection, as its handle's `to_bits`; 0 for none, and always 0
    /// unless `log.level` is `debug`.
    pub label: u64,
    /// What happened.
    pub content: LogContent,
}

/// What a log record says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LogContent {
    /// A fixed sentence.
    Text(&'static str),
    /// Bytes that are no SIP message, or one that must not be acted on, and what was wrong.
    Malformed(sip_parse::ParseError),
    /// A final or provisional response was sent by the core itself.
    Answered(sip_parse::StatusCode, &'static str),
    /// A message was ignored, and why.
    Ignored(&'static str),
}

impl fmt::Display for LogContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Malformed(error) => write!(f, "malformed message: {error}"),
            Self::Answered(status, why) => write!(f, "answered {}: {why}", status.as_u16()),
            Self::Ignored(why) => write!(f, "ignored a message: {why}"),
        }
    }
}

/// Which way a traced message went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// The peer sent it.
    Received,
    /// The core sent it.
    Sent,
}

/// One SIP message as it was on the wire.
///
/// `Display` prints the text with the credentials blacked out; [`TraceRecord::bytes`] has it all.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceRecord {
    /// Which way.
    pub direction: Direction,
    /// On which connection.
    pub connection: ConnectionId,
    /// Print credentials as they are (asked for in the configuration).
    pub reveal: bool,
    /// The message, or CRLF keep-alives.
    pub bytes: Bytes,
}

impl fmt::Display for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reveal {
            return f.write_str(&String::from_utf8_lossy(&self.bytes));
        }
        let Ok(message) = Message::parse(self.bytes.clone(), &Limits::default()) else {
            // What cannot be read cannot be redacted either.
            return write!(f, "[{} bytes that are no SIP message]", self.bytes.len());
        };
        let bytes = message.bytes();
        let mut shown = 0;
        for header in message.headers() {
            if is_secret(&header.name) {
                let value = header.value;
                let scheme = value.iter().position(u8::is_ascii_whitespace).unwrap_or(0);
                let start = value.as_ptr() as usize - bytes.as_ptr() as usize + scheme;
                let before = String::from_utf8_lossy(&bytes[shown..start]);
                write!(f, "{before} [redacted]")?;
                shown = start + value.len() - scheme;
            }
        }
        f.write_str(&String::from_utf8_lossy(&bytes[shown..]))?;
        // On a stream there may be another message behind it, with credentials of its own.
        let line_ends = self
            .bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        match self.bytes.len() - bytes.len() - line_ends.count() {
            0 => Ok(()),
            more => write!(f, "[{more} bytes more]"),
        }
    }
}

/// Header fields that carry credentials, or what they can be guessed from.
fn is_secret(name: &HeaderName<'_>) -> bool {
    matches!(
        name,
        HeaderName::Authorization
            | HeaderName::ProxyAuthorization
            | HeaderName::AuthenticationInfo
            | HeaderName::ProxyAuthenticationInfo
    )
}

impl fmt::Debug for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TraceRecord({:?} {:?}, {} bytes)",
            self.direction,
            self.connection,
            self.bytes.len()
        )
    }
}

/// A description of a session, or any other body: opaque bytes and what they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// The value of Content-Type, such as `application/sdp`.
    pub content_type: Box<str>,
    /// The bytes.
    pub bytes: Bytes,
}

impl Body {
    /// A body of the given type.
    #[must_use]
    pub fn new(content_type: impl Into<Box<str>>, bytes: impl Into<Bytes>) -> Self {
        Self {
            content_type: content_type.into(),
            bytes: bytes.into(),
        }
    }

    /// An SDP body (RFC 3264).
    #[must_use]
    pub fn sdp(bytes: impl Into<Bytes>) -> Self {
        Self::new("application/sdp", bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({}, {} bytes)", self.content_type, self.bytes.len())
    }
}
