//! What the core asks of its host.

use alloc::boxed::Box;

use bytes::Bytes;

use crate::config::ServerUrl;
use crate::connection::DisconnectReason;
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::record::{LogRecord, TraceRecord};

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
