//! Messages on an open WebSocket, and the meaning of its end (RFC 6455, RFC 7118 section 5).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sip_core::connection::DisconnectReason;
use tungstenite::error::{Error as WebSocketError, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Message, Utf8Bytes};

/// How long a closing handshake (RFC 6455 section 7) may take before the adapter drops the socket.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often one connection is read before others have their turn, because a peer that never stops sending,
/// even pings alone, must not delay the others.
pub const READS_PER_TURN: u32 = 16;

/// How many bytes one read takes at most. Each connection keeps such a buffer, and each read clears it first; most messages
/// fit.
const READ_BUFFER: usize = 4 * 1024;

/// The size of the write buffer in bytes.
const WRITE_BUFFER: usize = 16 * 1024;

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// The reason that the core receives.
    pub reason: DisconnectReason,
    /// The code of our close frame (RFC 6455 section 7.4).
    pub code: CloseCode,
}

/// Buffers and sizes of a connection. A SIP message may have about `message_limit` bytes. `send_limit` bytes
/// may wait for a peer that does not read: our messages and the pongs to its pings.
#[must_use]
pub fn websocket_config(message_limit: usize, send_limit: usize) -> WebSocketConfig {
    // A message that is a little too large reaches the core, which answers it with 513. A larger one ends the
    // connection.
    let largest = message_limit.saturating_mul(2);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        // Room for the frame headers beside the payload.
        .max_write_buffer_size(send_limit.saturating_add(2 * WRITE_BUFFER))
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest))
}

/// The bounded queue of messages to send on one connection.
#[derive(Debug)]
pub struct Outgoing {
    messages: VecDeque<Message>,
    bytes: usize,
    limit: usize,
}

impl Outgoing {
    /// `limit`: how many bytes may wait for a peer that does not read.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            messages: VecDeque::new(),
            bytes: 0,
            limit,
        }
    }

    /// Queues a SIP message: as text if it is UTF-8, else as binary (RFC 7118 section 5). False if the limit is
    /// reached; the caller then drops the connection.
    #[must_use]
    pub fn send(&mut self, bytes: Bytes) -> bool {
        self.queue(match Utf8Bytes::try_from(bytes.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(bytes),
        })
    }

    /// Queues a ping (RFC 6455 section 5.5.2). False as for [`Outgoing::send`].
    #[must_use]
    pub fn ping(&mut self) -> bool {
        self.queue(Message::Ping(Bytes::new()))
    }

    fn queue(&mut self, message: Message) -> bool {
        let bytes = self.bytes.saturating_add(message.len());
        let fits = bytes <= self.limit;
        if fits {
            self.bytes = bytes;
            self.messages.push_back(message);
        }
        fits
    }

    /// Whether the queue is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }
}

/// A close frame with a code and no reason.
#[must_use]
pub fn close_frame(code: CloseCode) -> CloseFrame {
    CloseFrame {
        code,
        reason: Utf8Bytes::default(),
    }
}

/// The end of a connection by the peer's close frame. Our closing handshake repeats its code.
#[must_use]
pub fn closed(frame: Option<&CloseFrame>) -> End {
    let code = frame.map(|frame| frame.code);
    End {
        reason: DisconnectReason::Closed(code.map(u16::from)),
        code: code.unwrap_or(CloseCode::Normal),
    }
}

/// The end of a connection by an error of its socket.
#[must_use]
pub fn broken(error: &WebSocketError) -> End {
    tracing::debug!(target: "sip.transport", "connection broken: {error}");
    let (reason, code) = match error {
        WebSocketError::Capacity(_) => (DisconnectReason::Protocol, CloseCode::Size),
        WebSocketError::Utf8(_) => (DisconnectReason::Protocol, CloseCode::Invalid),
        WebSocketError::Protocol(error)
            if *error != ProtocolError::ResetWithoutClosingHandshake =>
        {
            (DisconnectReason::Protocol, CloseCode::Protocol)
        }
        _ => (DisconnectReason::Lost, CloseCode::Normal),
    };
    End { reason, code }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7118 section 5: UTF-8 goes as text, anything else as binary.
    #[test]
    fn rfc7118_5_text_if_it_is_utf_8() {
        let mut outgoing = Outgoing::new(100);
        assert!(outgoing.send(Bytes::from_static(b"text")));
        assert!(outgoing.send(Bytes::from_static(b"\xff")));
        assert_eq!(outgoing.pop(), Some(Message::text("text")));
        assert_eq!(outgoing.pop(), Some(Message::binary(&b"\xff"[..])));
        assert_eq!(outgoing.pop(), None);
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let mut outgoing = Outgoing::new(10);
        assert!(outgoing.send(Bytes::from_static(b"12345")));
        assert!(!outgoing.send(Bytes::from_static(b"123456")));
        assert!(outgoing.send(Bytes::from_static(b"67890")));
        assert!(outgoing.pop().is_some() && outgoing.pop().is_some());
        assert!(outgoing.is_empty());
        assert!(outgoing.send(Bytes::from_static(b"1234567890")));
    }
}
