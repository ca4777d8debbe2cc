//! Opens a connection step by step without blocking: names, addresses, TLS and the WebSocket handshake (RFC
//! 7118 section 4).

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::vec;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use sip_core::config::ServerUrl;
use sip_core::{ConnectionId, ConnectionInfo, Timestamp, Transport};
use sip_host::os::{ADDRESS_DELAY, Answer, Dialing, Handshake, Progress, preferred, tcp_failure};
use sip_host::{CONNECT_TIMEOUT, ConnectFailure, Failure};
use tungstenite::WebSocket;
use tungstenite::protocol::Role;

use crate::link::{Carrier, Socket, Stream, Tcp};

/// How many bytes of an answer one read takes at most.
const ANSWER_BUFFER: usize = 1024;

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
    Dialing(Addresses),
    /// The proxy opens a tunnel.
    Tunnelling(Exchange<Tcp>),
    Upgrading(Box<Exchange<Stream>>, ConnectionInfo),
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
    /// server, or of the proxy in front of it, is a name.
    pub(crate) fn new(
        connection: ConnectionId,
        server: ServerUrl,
        dialing: &Dialing,
        now: Timestamp,
    ) -> (Self, Option<(String, u16)>) {
        let (host, port) = dialing.first_hop(&server);
        let (stage, name) = match host.parse::<IpAddr>() {
            Ok(address) => {
                let addresses = vec![SocketAddr::new(address, port)];
                (Stage::Dialing(Addresses::new(addresses, now)), None)
            }
            // Names are resolved again on each attempt, so that a server that has moved is found.
            Err(_) => (Stage::Resolving, Some((host.to_owned(), port))),
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
            Stage::Dialing(addresses) if addresses.waiting.len() > 0 => {
                addresses.next_at.min(self.deadline)
            }
            _ => self.deadline,
        }
    }

    /// The resolver has finished.
    pub(crate) fn on_resolved(
        &mut self,
        found: io::Result<Vec<SocketAddr>>,
        dialing: &Dialing,
        now: Timestamp,
    ) {
        if matches!(self.stage, Stage::Resolving) {
            self.stage = match preferred(found) {
                Ok(addresses) => Stage::Dialing(Addresses::new(addresses, now)),
                Err(failure) => Stage::Failed(dialing.unreached(failure)),
            };
        }
    }

    /// Goes on as far as the sockets allow.
    pub(crate) fn step(
        mut self,
        dialing: &Dialing,
        sockets: SocketRegistry<'_>,
        now: Timestamp,
    ) -> Step {
        loop {
            let next = match self.stage {
                Stage::Resolving => Ok(Next::Wait(Stage::Resolving)),
                Stage::Dialing(mut addresses) => match addresses.step(sockets, now) {
                    Ok(None) => Ok(Next::Wait(Stage::Dialing(addresses))),
                    Ok(Some(tcp)) => connected(&self.server, dialing, tcp),
                    Err(error) => Err(dialing.unreached(tcp_failure(&error))),
                },
                Stage::Tunnelling(exchange) => exchange.step().and_then(|outcome| match outcome {
                    Outcome::Pending(exchange) => Ok(Next::Wait(Stage::Tunnelling(exchange))),
                    Outcome::Open(tcp, _) => upgrade(&self.server, dialing, tcp, None),
                }),
                Stage::Upgrading(exchange, info) => exchange.step().map(|outcome| match outcome {
                    Outcome::Pending(exchange) => {
                        Next::Wait(Stage::Upgrading(Box::new(exchange), info))
                    }
                    Outcome::Open(stream, rest) => Next::Open(stream, rest, info),
                }),
                Stage::Failed(failure) => Err(failure),
            };
            match next {
                Ok(Next::Open(stream, rest, info)) => {
                    let (role, sizes) = (Role::Client, Some(dialing.websocket));
                    let socket = WebSocket::from_partially_read(stream, rest, role, sizes);
                    return Step::Open(self.connection, Box::new(socket), info);
                }
                Ok(Next::GoOn(stage)) => self.stage = stage,
                Ok(Next::Wait(stage)) if now < self.deadline => {
                    self.stage = stage;
                    return Step::Pending(self);
                }
                Ok(Next::Wait(_)) => self.stage = Stage::Failed(ConnectFailure::late()),
                Err(failure) => {
                    let failure = ConnectFailure::new(&self.server, failure);
                    return Step::Failed(self.connection, failure);
                }
            }
        }
    }
}

/// What a stage leads to.
enum Next {
    /// Nothing before a socket is ready.
    Wait(Stage),
    GoOn(Stage),
    /// The WebSocket is open; the bytes have been read beyond the handshake.
    Open(Stream, Vec<u8>, ConnectionInfo),
}

/// The socket is connected to the server or to the proxy.
fn connected(server: &ServerUrl, dialing: &Dialing, tcp: TcpStream) -> Result<Next, Failure> {
    // A SIP message is one write, so waiting for more data would only delay it.
    tcp.set_nodelay(true).map_err(|error| tcp_failure(&error))?;
    let remote = tcp.peer_addr().ok();
    let tcp = Tcp::new(tcp);
    match dialing.tunnel(server) {
        Some(tunnel) => {
            let exchange = Exchange::new(tunnel, tcp);
            Ok(Next::GoOn(Stage::Tunnelling(exchange)))
        }
        None => upgrade(server, dialing, tcp, remote),
    }
}

fn upgrade(
    server: &ServerUrl,
    dialing: &Dialing,
    tcp: Tcp,
    remote: Option<SocketAddr>,
) -> Result<Next, Failure> {
    let (carrier, transport) = if server.is_secure() {
        (secure(server, dialing, tcp)?, Transport::Wss)
    } else {
        (Carrier::Plain(tcp), Transport::Ws)
    };
    let exchange = Exchange::new(dialing.upgrade(server), Stream::new(carrier));
    let info = ConnectionInfo { transport, remote };
    Ok(Next::GoOn(Stage::Upgrading(Box::new(exchange), info)))
}

#[cfg(feature = "tls")]
fn secure(server: &ServerUrl, dialing: &Dialing, tcp: Tcp) -> Result<Carrier, Failure> {
    let name = sip_host::os::server_name(server)?;
    let tls = rustls::ClientConnection::new(dialing.trust.tls()?, name)
        .map_err(|error| (sip_core::connection::ConnectError::Tls, error.to_string()))?;
    Ok(Carrier::Tls(Box::new(rustls::StreamOwned::new(tls, tcp))))
}

#[cfg(not(feature = "tls"))]
fn secure(_: &ServerUrl, _: &Dialing, _: Tcp) -> Result<Carrier, Failure> {
    Err(sip_host::os::no_tls())
}

/// A request on its way and the answer to it, on a stream that does not block.
struct Exchange<S> {
    handshake: Handshake,
    stream: S,
    /// The stream keeps bytes of the request.
    unflushed: bool,
}

enum Outcome<S> {
    Pending(Exchange<S>),
    /// The bytes have been read beyond the answer.
    Open(S, Vec<u8>),
}

impl<S: Read + Write> Exchange<S> {
    const fn new(handshake: Handshake, stream: S) -> Self {
        Self {
            handshake,
            stream,
            unflushed: true,
        }
    }

    /// Goes on as far as the stream allows.
    fn step(mut self) -> Result<Outcome<S>, Failure> {
        loop {
            match self.advance() {
                Ok(answer) => match self.handshake.step(answer.as_answer())? {
                    Progress::Continue(next) => self.handshake = next,
                    Progress::Open(rest) => return Ok(Outcome::Open(self.stream, rest)),
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Outcome::Pending(self));
                }
                Err(error) => return Err(self.handshake.broken(&error)),
            }
        }
    }

    /// Sends what is left of the request, then reads once.
    fn advance(&mut self) -> io::Result<Received> {
        while !self.handshake.unsent().is_empty() {
            match self.stream.write(self.handshake.unsent())? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                sent => self.handshake.sent(sent),
            }
        }
        if self.unflushed {
            self.stream.flush()?;
            self.unflushed = false;
        }
        let mut received = Received {
            buffer: [0; ANSWER_BUFFER],
            length: 0,
        };
        received.length = self.stream.read(&mut received.buffer)?;
        Ok(received)
    }
}

struct Received {
    buffer: [u8; ANSWER_BUFFER],
    length: usize,
}

impl Received {
    fn as_answer(&self) -> Answer<'_> {
        match self.buffer.get(..self.length) {
            Some(bytes) if !bytes.is_empty() => Answer::Bytes(bytes),
            _ => Answer::End,
        }
    }
}

/// Tries all addresses: each one [`ADDRESS_DELAY`] after the last, or as soon as one has failed.
struct Addresses {
    waiting: vec::IntoIter<SocketAddr>,
    running: Vec<TcpStream>,
    next_at: Timestamp,
    failure: Option<io::Error>,
}

impl Addresses {
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
            let mut addresses = Addresses::new(addresses, Timestamp::ZERO);
            let mut events = mio::Events::with_capacity(8);
            for _ in 0..100 {
                match addresses.step(sockets, Timestamp::ZERO) {
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
