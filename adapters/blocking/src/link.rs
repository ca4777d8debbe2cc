//! One open WebSocket: frames in both directions, bounded, and its end.

use std::io::{self, Read, Write};

use bytes::Bytes;
use mio::net::TcpStream;
use rustls::{ClientConnection, StreamOwned};
use sip_core::{ConnectionId, Timestamp};
use sip_host::os::{CLOSE_TIMEOUT, End, Outgoing, READS_PER_TURN, broken, close_frame, closed};
use tungstenite::error::Error as WebSocketError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// TCP, or TLS over it. Never blocks.
pub(crate) enum Carrier {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// What carries WebSocket frames. Fragments that add nothing to a message never come out of a read of the
/// WebSocket, so its turn ends here.
pub(crate) struct Stream {
    carrier: Carrier,
    /// How many more reads there are in this turn.
    reads: u32,
}

impl Stream {
    /// For the handshake, which is bounded by itself.
    pub(crate) fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            reads: u32::MAX,
        }
    }

    fn begin_turn(&mut self) {
        self.reads = READS_PER_TURN;
    }

    /// Whether a pause is its own doing: there may be more to read at once.
    fn is_turn_over(&self) -> bool {
        self.reads == 0
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.reads.checked_sub(1);
        self.reads = left.ok_or(io::ErrorKind::WouldBlock)?;
        match &mut self.carrier {
            Carrier::Plain(tcp) => tcp.read(buffer),
            Carrier::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match &mut self.carrier {
            Carrier::Plain(tcp) => tcp.write(buffer),
            Carrier::Tls(tls) => tls.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.carrier {
            Carrier::Plain(tcp) => tcp.flush(),
            Carrier::Tls(tls) => tls.flush(),
        }
    }
}

pub(crate) type Socket = WebSocket<Stream>;

/// Whether the socket only wants to be asked again later.
fn is_pause(error: &WebSocketError) -> bool {
    matches!(error, WebSocketError::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn is_interruption(error: &WebSocketError) -> bool {
    matches!(error, WebSocketError::Io(error) if error.kind() == io::ErrorKind::Interrupted)
}

/// An open connection and what waits to be sent on it.
pub(crate) struct Link {
    pub(crate) connection: ConnectionId,
    /// What waits to be sent.
    pub(crate) outgoing: Outgoing,
    socket: Socket,
    unflushed: bool,
    /// Readiness is told once, when it begins: both hold until the socket says otherwise.
    readable: bool,
    writable: bool,
    /// Reading failed: the frames have come out of step, and must not be asked for again.
    unreadable: bool,
}

/// What a connection has to say.
pub(crate) enum LinkInput {
    Message(Bytes),
    Pong,
    /// Nothing for the core, but there may be more to read.
    Turn,
    Closed(End),
}

impl Link {
    /// `limit`: how many bytes may wait for a peer that does not read.
    pub(crate) fn new(connection: ConnectionId, mut socket: Socket, limit: usize) -> Self {
        socket.get_mut().begin_turn();
        Self {
            connection,
            outgoing: Outgoing::new(limit),
            socket,
            unflushed: false,
            // Frames may have come with the answer to the handshake.
            readable: true,
            writable: true,
            unreadable: false,
        }
    }

    /// The socket may have become ready for anything: TLS may have to write before it reads.
    pub(crate) fn wake(&mut self) {
        self.readable = true;
        self.writable = true;
    }

    /// Others have had their turn.
    pub(crate) fn begin_turn(&mut self) {
        self.socket.get_mut().begin_turn();
    }

    /// Sends what waits and, if `read`, returns the next thing that came in.
    pub(crate) fn poll(&mut self, read: bool) -> Option<LinkInput> {
        loop {
            if let Err(error) = self.write_out() {
                return Some(LinkInput::Closed(broken(&error)));
            }
            if !read || !self.readable {
                return None;
            }
            return Some(match self.socket.read() {
                Ok(Message::Text(text)) => LinkInput::Message(text.into()),
                Ok(Message::Binary(bytes)) => LinkInput::Message(bytes),
                Ok(Message::Pong(_)) => LinkInput::Pong,
                Ok(Message::Close(frame)) => LinkInput::Closed(closed(frame.as_ref())),
                // The answer is queued inside the socket: the next turn flushes it.
                Ok(Message::Ping(_) | Message::Frame(_)) => {
                    self.unflushed = true;
                    LinkInput::Turn
                }
                Err(error) if is_interruption(&error) => continue,
                Err(error) if is_pause(&error) && self.socket.get_ref().is_turn_over() => {
                    LinkInput::Turn
                }
                Err(error) if is_pause(&error) => {
                    self.readable = false;
                    return None;
                }
                Err(error) => {
                    self.unreadable = true;
                    LinkInput::Closed(broken(&error))
                }
            });
        }
    }

    /// Writes as much as the socket takes.
    fn write_out(&mut self) -> Result<(), WebSocketError> {
        while self.writable
            && let Some(message) = self.outgoing.pop()
        {
            self.unflushed = true;
            // What does not go out now is kept inside the socket.
            let written = self.socket.write(message);
            self.paused(written)?;
        }
        if self.writable && self.unflushed {
            let flushed = self.socket.flush();
            if self.paused(flushed)? {
                self.unflushed = false;
            }
        }
        Ok(())
    }

    /// Whether a write went through; if not, the socket is left alone until it is ready again.
    fn paused(&mut self, result: Result<(), WebSocketError>) -> Result<bool, WebSocketError> {
        match result {
            Ok(()) => Ok(true),
            Err(error) if is_interruption(&error) => Ok(false),
            Err(error) if is_pause(&error) => {
                self.writable = false;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the link out of service: what waits is sent, then the closing handshake.
    pub(crate) fn close(self, code: CloseCode, now: Timestamp) -> Closing {
        Closing {
            socket: self.socket,
            outgoing: self.outgoing,
            code: Some(code),
            unflushed: true,
            unreadable: self.unreadable,
            is_busy: false,
            deadline: now + CLOSE_TIMEOUT,
        }
    }
}

/// A connection on its way out (RFC 6455 section 7); at most [`CLOSE_TIMEOUT`].
pub(crate) struct Closing {
    socket: Socket,
    outgoing: Outgoing,
    /// `None` once the close frame is queued inside the socket.
    code: Option<CloseCode>,
    unflushed: bool,
    /// What comes in makes no sense as frames, but must be taken all the same: a socket that is closed
    /// over unread bytes is reset, and the peer may never see why.
    unreadable: bool,
    /// Whether there is more to read at once.
    pub(crate) is_busy: bool,
    pub(crate) deadline: Timestamp,
}

impl Closing {
    /// Goes on as far as the socket lets it. `None` when the peer has closed, or time is up.
    pub(crate) fn step(mut self, now: Timestamp) -> Option<Self> {
        match self.advance() {
            Ok(()) => {}
            Err(error) if is_pause(&error) || is_interruption(&error) => {}
            Err(error) => {
                tracing::debug!(target: "sip.transport", "closing: {error}");
                return None;
            }
        }
        if now >= self.deadline {
            tracing::debug!(target: "sip.transport", "the peer did not answer the close");
            return None;
        }
        Some(self)
    }

    fn advance(&mut self) -> Result<(), WebSocketError> {
        self.is_busy = false;
        self.write_out()?;
        self.socket.get_mut().begin_turn();
        // Until the peer closes: what comes before that is too late to matter.
        while !self.socket.get_ref().is_turn_over() {
            if self.unreadable {
                let mut scratch = [0; 4096];
                if self.socket.get_mut().read(&mut scratch)? == 0 {
                    return Err(WebSocketError::ConnectionClosed);
                }
                continue;
            }
            match self.socket.read() {
                Ok(_) => {}
                Err(error) if is_pause(&error) => {
                    self.is_busy = self.socket.get_ref().is_turn_over();
                    return Ok(());
                }
                Err(error) if is_interruption(&error) => {}
                // If that was the peer's end, the next read says so.
                Err(_) => self.unreadable = true,
            }
        }
        self.is_busy = true;
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), WebSocketError> {
        while self.socket.can_write()
            && let Some(message) = self.outgoing.pop()
        {
            self.unflushed = true;
            self.socket.write(message)?;
        }
        if let Some(code) = self.code.take() {
            // Queues the frame, or the answer to the peer's, whatever it returns.
            self.socket.close(Some(close_frame(code)))?;
        } else if self.unflushed {
            self.socket.flush()?;
        }
        self.unflushed = false;
        Ok(())
    }
}
