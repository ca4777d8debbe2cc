//! The actions of the core, which its host carries out.

use alloc::boxed::Box;

use bytes::Bytes;

use crate::config::ServerUrl;
use crate::connection::DisconnectReason;
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::record::{LogRecord, TraceRecord};

/// One action for the host, which carries them out in the order in which it polls them.
///
/// Exhaustive on purpose, because a host has to handle every kind.
#[derive(Debug)]
pub enum Action {
    /// Open a connection to a server of the configuration. The host answers with
    /// [`connection_opened`](crate::UserAgent::connection_opened) or
    /// [`connection_failed`](crate::UserAgent::connection_failed).
    Connect {
        /// The handle of the connection from now on.
        connection: ConnectionId,
        /// Index in [`Config::servers`](crate::config::Config::servers) of
        /// [`UserAgent::config`](crate::UserAgent::config), from 0. The list can change at run time.
        server: usize,
        /// 1 for the first try of this server since it last worked.
        attempt: u32,
        /// The URL of the connection: that of the server, or the one that the application passed to
        /// [`server_url`](crate::UserAgent::server_url) for this attempt. Its query is a secret.
        url: Box<ServerUrl>,
    },
    /// Send these bytes: one WebSocket message, or one datagram, or a part of a stream.
    Transmit {
        /// The connection.
        connection: ConnectionId,
        /// The bytes. Text if valid UTF-8, else binary (RFC 7118 section 5).
        bytes: Bytes,
    },
    /// Send a WebSocket ping, or, where the host cannot (a browser), CRLF CRLF (RFC 5626 section 4.4.1). The
    /// host calls [`pong`](crate::UserAgent::pong) when the answer arrives.
    Ping {
        /// The connection.
        connection: ConnectionId,
    },
    /// Close this connection, or stop opening it. The host need not answer.
    Disconnect {
        /// The connection.
        connection: ConnectionId,
        /// The cause.
        reason: DisconnectReason,
    },
    /// An event for the application.
    Event(Event),
    /// A log record at a level that the configuration enables.
    Log(LogRecord),
    /// A sent or received SIP message, if the configuration enables the trace.
    Trace(TraceRecord),
}
