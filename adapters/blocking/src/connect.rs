//! Opens a connection step by step without blocking: names, addresses, TLS and the WebSocket handshake (RFC
//! 7118 section 4).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::vec;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::{ClientConnection, StreamOwned};
use sip_core::config::ServerUrl;
use sip_core::connection::ConnectError;
use sip_core::{ConnectionId, ConnectionInfo, Timestamp, Transport};
use sip_host::os::{
    ADDRESS_DELAY, Trust, handshake_failure, preferred, server_name, tcp_failure, upgrade_request,
};
use sip_host::{CONNECT_TIMEOUT, ConnectFailure, Failure};
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::MidHandshake;
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::protocol::WebSocketConfig;

use crate::link::{Carrier, Socket, Stream, Tcp};

/// Trust and sizes of connections: the same for all attempts of one agent.
pub(crate) struct Dialer {
    pub(crate) trust: Trust,
    pub(crate) websocket: WebSocketConfig,
}

/// The registry and the token for new sockets.
#[derive(Clone, Copy)]
pub(crate) struct SocketRegistry<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) token: Token,
}

/// A connection that is being opened, within [`CONNECT_TIMEOUT`].
pub(crate) struct Attempt {
    pub(crate) connection: ConnectionId,
    server: ServerUrl,
    deadline: Timestamp,
    stage: Stage,
}

enum Stage {
    /// Waits for a call of [`Attempt::on_resolved`].
    Resolving,
    Dialing(Dialing),
    Upgrading(Box<MidHandshake<ClientHandshake<Stream>>>, ConnectionInfo),
    Failed(Failure),
}

/// The state of an attempt after a step.
pub(crate) enum Step {
    Pending(Attempt),
    Open(ConnectionId, Box<Socket>, ConnectionInfo),
    Failed(ConnectionId, ConnectFailure),
}

impl Attempt {
    /// A new attempt; call [`step`](Self::step) at once. Also returns the name to look up, if the host of the
    /// server is a name.
    pub(crate) fn new(
        connection: ConnectionId,
        server: ServerUrl,
        now: Timestamp,
    ) -> (Self, Option<(String, u16)>) {
        let (stage, name) = match server.host().parse::<IpAddr>() {
            Ok(address) => {
                let addresses = vec![SocketAddr::new(address, server.port())];
                (Stage::Dialing(Dialing::new(addresses, now)), None)
            }
            // Names are resolved again on each attempt, so that a server that has moved is found.
            Err(_) => {
                let name = (server.host().to_owned(), server.port());
                (Stage::Resolving, Some(name))
            }
        };
        let attempt = Self {
            connection,
            server,
            deadline: now + CONNECT_TIMEOUT,
            stage,
        };
        (attempt, name)
    }

    /// When to step even if no socket is ready.
    pub(crate) fn deadline(&self) -> Timestamp {
        match &self.stage {
            Stage::Dialing(dialing) if dialing.waiting.len() > 0 => {
                dialing.next_at.min(self.deadline)
            }
            _ => self.deadline,
        }
    }

    /// The resolver has finished.
    pub(crate) fn on_resolved(&mut self, found: io::Result<Vec<SocketAddr>>, now: Timestamp) {
        if matches!(self.stage, Stage::Resolving) {
            self.stage = match preferred(found) {
                Ok(addresses) => Stage::Dialing(Dialing::new(addresses, now)),
                Err(failure) => Stage::Failed(failure),
            };
        }
    }

    /// Goes on as far as the sockets allow.
    pub(crate) fn step(
        mut self,
        dialer: &Dialer,
        sockets: SocketRegistry<'_>,
        now: Timestamp,
    ) -> Step {
        loop {
            self.stage = match self.stage {
                Stage::Resolving => Stage::Resolving,
                Stage::Dialing(mut dialing) => match dialing.step(sockets, now) {
                    Ok(None) => Stage::Dialing(dialing),
                    Ok(Some(tcp)) => match upgrade(&self.server, dialer, tcp) {
                        Ok(stage) => {
                            self.stage = stage;
                            continue;
                        }
                        Err(failure) => Stage::Failed(failure),
                    },
                    Err(error) => Stage::Failed(tcp_failure(&error)),
                },
                Stage::Upgrading(handshake, info) => match handshake.handshake() {
                    Ok((socket, _)) => {
                        return Step::Open(self.connection, Box::new(socket), info);
                    }
                    Err(HandshakeError::Interrupted(handshake)) => {
                        Stage::Upgrading(Box::new(handshake), info)
                    }
                    Err(HandshakeError::Failure(error)) => Stage::Failed(handshake_failure(&error)),
                },
                Stage::Failed(failure) => {
                    let failure = ConnectFailure::new(&self.server, failure);
                    return Step::Failed(self.connection, failure);
                }
            };
            if now >= self.deadline && !matches!(self.stage, Stage::Failed(_)) {
                self.stage = Stage::Failed(ConnectFailure::late());
            }
            if !matches!(self.stage, Stage::Failed(_)) {
                return Step::Pending(self);
            }
        }
    }
}

fn upgrade(server: &ServerUrl, dialer: &Dialer, tcp: TcpStream) -> Result<Stage, Failure> {
    // A SIP message is one write, so waiting for more data would only delay it.
    tcp.set_nodelay(true).map_err(|error| tcp_failure(&error))?;
    let remote = tcp.peer_addr().ok();
    let tcp = Tcp::new(tcp);
    let (stream, transport) = if server.is_secure() {
        let tls = ClientConnection::new(dialer.trust.tls()?, server_name(server)?)
            .map_err(|error| (ConnectError::Tls, error.to_string()))?;
        let tls = Box::new(StreamOwned::new(tls, tcp));
        (Carrier::Tls(tls), Transport::Wss)
    } else {
        (Carrier::Plain(tcp), Transport::Ws)
    };
    let stream = Stream::new(stream);
    let handshake =
        ClientHandshake::start(stream, upgrade_request(server)?, Some(dialer.websocket))
            .map_err(|error| handshake_failure(&error))?;
    let info = ConnectionInfo { transport, remote };
    Ok(Stage::Upgrading(Box::new(handshake), info))
}

/// Tries all addresses: each one [`ADDRESS_DELAY`] after the last, or as soon as one has failed.
struct Dialing {
    waiting: vec::IntoIter<SocketAddr>,
    running: Vec<TcpStream>,
    next_at: Timestamp,
    failure: Option<io::Error>,
}

impl Dialing {
    fn new(addresses: Vec<SocketAddr>, now: Timestamp) -> Self {
        Self {
            waiting: addresses.into_iter(),
            running: Vec::new(),
            next_at: now,
            failure: None,
        }
    }

    /// Returns the first connection that is established; an error if no address is left.
    fn step(
        &mut self,
        sockets: SocketRegistry<'_>,
        now: Timestamp,
    ) -> io::Result<Option<TcpStream>> {
        loop {
            let mut index = 0;
            while let Some(tcp) = self.running.get(index) {
                match is_connected(tcp) {
                    Ok(true) => return Ok(Some(self.running.swap_remove(index))),
                    Ok(false) => index += 1,
                    Err(error) => {
                        self.running.swap_remove(index);
                        self.failed(error, now);
                    }
                }
            }
            if now >= self.next_at
                && let Some(address) = self.waiting.next()
            {
                self.next_at = now + ADDRESS_DELAY;
                match begin(address, sockets) {
                    Ok(tcp) => self.running.push(tcp),
                    Err(error) => self.failed(error, now),
                }
                continue;
            }
            if !self.running.is_empty() {
                return Ok(None);
            }
            let failure = self.failure.take();
            return Err(failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
        }
    }

    fn failed(&mut self, error: io::Error, now: Timestamp) {
        self.next_at = now;
        // A refusal is more informative than the error for an address without a route.
        if self.failure.is_none() || error.kind() == io::ErrorKind::ConnectionRefused {
            self.failure = Some(error);
        }
    }
}

fn begin(address: SocketAddr, sockets: SocketRegistry<'_>) -> io::Result<TcpStream> {
    let mut tcp = TcpStream::connect(address)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    sockets
        .registry
        .register(&mut tcp, sockets.token, interest)?;
    Ok(tcp)
}

fn is_connected(tcp: &TcpStream) -> io::Result<bool> {
    if let Some(error) = tcp.take_error()? {
        return Err(error);
    }
    match tcp.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::time::Duration;

    #[test]
    fn every_address_is_tried_and_a_refusal_is_told() {
        let mut poll = mio::Poll::new().unwrap();
        let registry = poll.registry().try_clone().unwrap();
        let sockets = SocketRegistry {
            registry: &registry,
            token: Token(1),
        };
        let mut dial = |addresses: Vec<SocketAddr>| {
            let mut dialing = Dialing::new(addresses, Timestamp::ZERO);
            let mut events = mio::Events::with_capacity(8);
            for _ in 0..100 {
                match dialing.step(sockets, Timestamp::ZERO) {
                    Ok(None) => poll
                        .poll(&mut events, Some(Duration::from_millis(100)))
                        .unwrap(),
                    Ok(Some(tcp)) => return Ok(tcp.peer_addr().unwrap()),
                    Err(error) => return Err(error.kind()),
                }
            }
            panic!("neither connected nor failed");
        };
        let closed = |last: u8| SocketAddr::from(([127, 0, 0, last], 1));
        assert_eq!(
            dial(vec![closed(1), closed(2)]),
            Err(io::ErrorKind::ConnectionRefused)
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        assert_eq!(dial(vec![closed(1), open]), Ok(open));
        assert_eq!(dial(Vec::new()), Err(io::ErrorKind::AddrNotAvailable));
    }
}
