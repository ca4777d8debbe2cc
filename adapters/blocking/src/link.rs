//! One open WebSocket: bounded queues in both directions, and its end.

use std::io::{self, IoSlice, Read, Write};

use bytes::Bytes;
use mio::net::TcpStream;
#[cfg(feature = "tls")]
use rustls::{ClientConnection, StreamOwned};
use sip_core::{ConnectionId, Timestamp};
use sip_host::os::{CLOSE_TIMEOUT, End, Outgoing, READS_PER_TURN, broken, close_frame, closed};
use tungstenite::error::Error as WebSocketError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// A TCP socket that remembers whether it is empty, so that it is not read only to find that out.
pub(crate) struct Tcp {
    socket: TcpStream,
    /// A read took less than its buffer holds, so the operating system reports the next bytes. Only with
    /// [`Reading::WhenReported`].
    is_empty: bool,
    reading: Reading,
    #[cfg(test)]
    reads: u32,
    #[cfg(test)]
    writes: u32,
}

/// When a read asks the operating system.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Each time: during the handshakes, and once the peer sends no more, because the operating system reports that once.
    Always,
    /// As `Always` until the socket is empty, because the operating system may have reported the end of the peer during the
    /// handshakes; then `WhenReported`.
    UntilEmpty,
    /// Unless the last read has taken all.
    WhenReported,
}

impl Tcp {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            is_empty: false,
            reading: Reading::Always,
            #[cfg(test)]
            reads: 0,
            #[cfg(test)]
            writes: 0,
        }
    }
}

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_empty {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        #[cfg(test)]
        {
            self.reads += 1;
        }
        let read = self.socket.read(buffer);
        match &read {
            // Windows reports no further bytes before a read has found the socket empty.
            Ok(read) => {
                let is_reported = cfg!(unix) && self.reading == Reading::WhenReported;
                self.is_empty = is_reported && *read > 0 && *read < buffer.len();
            }
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    && self.reading == Reading::UntilEmpty =>
            {
                self.reading = Reading::WhenReported;
            }
            Err(_) => {}
        }
        read
    }
}

impl Write for Tcp {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        #[cfg(test)]
        {
            self.writes += 1;
        }
        self.socket.write(buffer)
    }

    /// rustls writes its records as one group, and an alert about a certificate in one attempt.
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        #[cfg(test)]
        {
            self.writes += 1;
        }
        self.socket.write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// TCP, or TLS over it. It never blocks.
pub(crate) enum Carrier {
    Plain(Tcp),
    #[cfg(feature = "tls")]
    Tls(Box<StreamOwned<ClientConnection, Tcp>>),
}

/// Carries WebSocket frames and limits the reads of one turn, because fragments that do not complete a message
/// keep one read of the WebSocket busy.
pub(crate) struct Stream {
    carrier: Carrier,
    /// How many reads are left in this turn.
    reads: u32,
}

impl Stream {
    /// For the handshake, which has its own limit.
    pub(crate) fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            reads: u32::MAX,
        }
    }

    fn begin_turn(&mut self) {
        self.reads = READS_PER_TURN;
    }

    fn tcp(&mut self) -> &mut Tcp {
        match &mut self.carrier {
            Carrier::Plain(tcp) => tcp,
            #[cfg(feature = "tls")]
            Carrier::Tls(tls) => &mut tls.sock,
        }
    }

    fn set_reading(&mut self, reading: Reading) {
        let tcp = self.tcp();
        tcp.reading = reading;
        tcp.is_empty = false;
    }

    /// Whether `WouldBlock` came from the limit of this turn, so that there may be more to read at once.
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
            #[cfg(feature = "tls")]
            Carrier::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match &mut self.carrier {
            Carrier::Plain(tcp) => tcp.write(buffer),
            #[cfg(feature = "tls")]
            Carrier::Tls(tls) => tls.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.carrier {
            Carrier::Plain(tcp) => tcp.flush(),
            #[cfg(feature = "tls")]
            Carrier::Tls(tls) => tls.flush(),
        }
    }
}

pub(crate) type Socket = WebSocket<Stream>;

/// Whether the socket is not ready.
fn is_pause(error: &WebSocketError) -> bool {
    matches!(error, WebSocketError::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn is_interruption(error: &WebSocketError) -> bool {
    matches!(error, WebSocketError::Io(error) if error.kind() == io::ErrorKind::Interrupted)
}

/// An open connection and the messages that wait to be sent on it.
pub(crate) struct Link {
    pub(crate) connection: ConnectionId,
    /// The messages to send.
    pub(crate) outgoing: Outgoing,
    socket: Socket,
    unflushed: bool,
    /// The operating system reports readiness once, so both stay set until the socket is not ready.
    readable: bool,
    writable: bool,
    /// Reading failed. The frames are out of step, so they are not parsed any more.
    unreadable: bool,
}

/// An input from a connection.
pub(crate) enum LinkInput {
    Message(Bytes),
    Pong,
    /// No input for the core, but there may be more to read.
    Turn,
    Closed(End),
}

impl Link {
    /// `limit`: how many bytes may wait for a peer that does not read.
    pub(crate) fn new(connection: ConnectionId, mut socket: Socket, limit: usize) -> Self {
        socket.get_mut().begin_turn();
        socket.get_mut().set_reading(Reading::UntilEmpty);
        Self {
            connection,
            outgoing: Outgoing::new(limit),
            socket,
            unflushed: false,
            // Frames may have arrived with the response to the handshake.
            readable: true,
            writable: true,
            unreadable: false,
        }
    }

    /// The socket may be ready for anything. Both flags are set, because TLS may have to write before it reads. `closed`:
    /// the peer may send no more.
    pub(crate) fn wake(&mut self, closed: bool) {
        self.readable = true;
        self.writable = true;
        let tcp = self.socket.get_mut().tcp();
        if closed {
            tcp.reading = Reading::Always;
        }
        tcp.is_empty = false;
    }

    /// A new turn: other links have been served.
    pub(crate) fn begin_turn(&mut self) {
        self.socket.get_mut().begin_turn();
    }

    /// The next input, if `read`. What waits is sent once there is none, so that the messages that a group of inputs causes
    /// are one write.
    pub(crate) fn poll(&mut self, read: bool) -> Option<LinkInput> {
        if let Err(error) = self.pass_on() {
            return Some(LinkInput::Closed(broken(&error)));
        }
        while read && self.readable {
            return Some(match self.socket.read() {
                Ok(Message::Text(text)) => LinkInput::Message(text.into()),
                Ok(Message::Binary(bytes)) => LinkInput::Message(bytes),
                Ok(Message::Pong(_)) => LinkInput::Pong,
                Ok(Message::Close(frame)) => LinkInput::Closed(closed(frame.as_ref())),
                // The pong is queued inside the socket; the next turn flushes it.
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
                    break;
                }
                Err(error) => {
                    self.unreadable = true;
                    LinkInput::Closed(broken(&error))
                }
            });
        }
        self.flush().map(LinkInput::Closed)
    }

    /// Sends what waits, as much as the socket takes. Returns how the connection ended, if it did.
    pub(crate) fn flush(&mut self) -> Option<End> {
        self.write_out().err().map(|error| broken(&error))
    }

    /// Passes the messages that wait to the socket, which keeps them until it is flushed or holds many.
    fn pass_on(&mut self) -> Result<(), WebSocketError> {
        while self.writable
            && let Some(message) = self.outgoing.pop()
        {
            self.unflushed = true;
            // The socket keeps what it cannot write now.
            let written = self.socket.write(message);
            self.paused(written)?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), WebSocketError> {
        self.pass_on()?;
        if self.writable && self.unflushed {
            let flushed = self.socket.flush();
            if self.paused(flushed)? {
                self.unflushed = false;
            }
        }
        Ok(())
    }

    /// Whether a write succeeded. If not, the link waits until the socket is ready again.
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

    /// Takes the link out of service: sends what waits, then starts the closing handshake.
    pub(crate) fn close(mut self, code: CloseCode, now: Timestamp) -> Closing {
        self.socket.get_mut().set_reading(Reading::Always);
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

/// A connection in its closing handshake (RFC 6455 section 7), which takes at most [`CLOSE_TIMEOUT`].
pub(crate) struct Closing {
    socket: Socket,
    outgoing: Outgoing,
    /// `None` once the close frame is queued inside the socket.
    code: Option<CloseCode>,
    unflushed: bool,
    /// The input is not parsed as frames any more. It is read all the same, because closing a socket over
    /// unread bytes resets it, and the peer might not receive our close frame.
    unreadable: bool,
    /// Whether there is more to read at once.
    pub(crate) is_busy: bool,
    pub(crate) deadline: Timestamp,
}

impl Closing {
    /// Goes on as far as the socket allows. `None` when the peer has closed or the time is over.
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
        // Until the peer closes. Messages that arrive meanwhile are dropped.
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
                // If the peer has closed, the next read reports it.
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
            // Queues our close frame, or the response to the peer's, even if it returns an error.
            self.socket.close(Some(close_frame(code)))?;
        } else if self.unflushed {
            self.socket.flush()?;
        }
        self.unflushed = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use sip_host::Job;
    use sip_testing::sockets::alice_at;
    use tungstenite::protocol::Role;

    use super::*;
    use crate::options::Options;

    const INPUTS: usize = 3;

    /// A link, and the other end of its connection.
    fn link() -> (Link, WebSocket<std::net::TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        near.set_nonblocking(true).unwrap();
        let (far, _) = listener.accept().unwrap();
        let stream = Stream::new(Carrier::Plain(Tcp::new(TcpStream::from_std(near))));
        let socket = WebSocket::from_raw_socket(stream, Role::Client, None);
        let mut link = Link::new(connection(), socket, 1 << 20);
        // From here on a read that takes all bytes is the last one.
        assert!(link.poll(true).is_none());
        link.wake(false);
        tcp(&mut link).reads = 0;
        (link, WebSocket::from_raw_socket(far, Role::Server, None))
    }

    /// Only the core makes one.
    fn connection() -> ConnectionId {
        let config = alice_at("ws://127.0.0.1:1").build().unwrap();
        let (mut host, _) = Options::default().host(&config).unwrap();
        loop {
            match host.next_job(Timestamp::ZERO) {
                Some(Job::Connect(connection, _)) => return connection,
                Some(_) => {}
                None => panic!("the agent does not connect"),
            }
        }
    }

    fn tcp(link: &mut Link) -> &mut Tcp {
        link.socket.get_mut().tcp()
    }

    /// Waits until the bytes of `messages` are there to be read.
    fn await_bytes(link: &mut Link, messages: usize) {
        let mut scratch = [0; 64];
        let expected = messages * (2 + "hello".len());
        while !matches!(tcp(link).socket.peek(&mut scratch), Ok(read) if read == expected) {
            std::thread::yield_now();
        }
    }

    /// Each input causes a message, and all of them are one write, once nothing is left to read. The socket is read once.
    #[test]
    fn the_messages_of_a_group_of_inputs_are_one_write() {
        let (mut link, mut far) = link();
        for _ in 0..INPUTS {
            far.write(Message::text("hello")).unwrap();
        }
        far.flush().unwrap();
        await_bytes(&mut link, INPUTS);
        for _ in 0..INPUTS {
            assert!(matches!(link.poll(true), Some(LinkInput::Message(_))));
            assert!(link.outgoing.send(Bytes::from_static(b"answer")));
        }
        assert!(link.poll(true).is_none());
        let tcp = tcp(&mut link);
        assert_eq!((tcp.reads, tcp.writes), (1, 1));
        for _ in 0..INPUTS {
            assert_eq!(far.read().unwrap(), Message::text("answer"));
        }
    }

    /// The end of a peer may be reported with its last bytes, and once. So the socket is read on after them.
    #[test]
    fn a_peer_that_sends_no_more_is_read_to_its_end() {
        let (mut link, mut far) = link();
        far.send(Message::text("hello")).unwrap();
        drop(far);
        await_bytes(&mut link, 1);
        link.wake(true);
        assert!(matches!(link.poll(true), Some(LinkInput::Message(_))));
        while link.poll(true).is_none() {
            link.readable = true;
            std::thread::yield_now();
        }
        assert!(link.unreadable);
    }
}
