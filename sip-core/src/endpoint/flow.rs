//! The flow in use, and the types that decide whether a request may go out now.

use alloc::boxed::Box;

use crate::ids::ConnectionId;
use crate::transaction::SendError;

/// An open connection to a server.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) connection: ConnectionId,
    pub(crate) server: usize,
    /// Host and port of the server's URL, for the Route.
    pub(crate) route_host: Box<str>,
}

/// Why a request is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Duty {
    /// A command of the application: `offlineRequests` decides whether it waits for a connection and the
    /// registration on it.
    Command,
    /// A call needs it (ACK, BYE) or makes it (INVITE on a connection of its own): it always waits for a
    /// connection. On the connection that the peer knows it does not wait for the registration.
    Owed(Option<ConnectionId>),
}

/// Whether a request may go out now.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum MaySend {
    /// It may, on this connection.
    Now(ConnectionId),
    /// It waits for a connection, or for the registration on it.
    Later,
    /// It cannot be sent.
    Never(SendError),
}
