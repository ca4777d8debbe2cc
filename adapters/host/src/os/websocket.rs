//! What goes through an open WebSocket, and what its end means (RFC 6455, RFC 7118 section 5).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sip_core::connection::DisconnectReason;
use tungstenite::error::{Error as WebSocketError, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Message, Utf8Bytes};

/// How long a closing handshake (RFC 6455 section 7) may take before the socket is dropped.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often one connection is read before others have their turn: a peer that always has more to say, if
/// only pings, must not hold up anything else.
pub const READS_PER_TURN: u32 = 16;

/// What is written is gathered up to this, in bytes.
const WRITE_BUFFER: usize = 16 * 1024;

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// What the core is told.
    pub reason: DisconnectReason,
    /// What the peer is told, if it still listens (RFC 6455 section 7.4).
    pub code: CloseCode,
}

/// Buffers and sizes of a connection on which no SIP message may be much longer than
/// `message_limit` bytes, and on which `send_limit` bytes may wait for a peer that does not read, be it our
/// messages or pongs that it asked for.
#[must_use]
pub fn websocket_config(message_limit: usize, send_limit: usize) -> WebSocketConfig {
    // What is a little too large still reaches the core, which answers 513; the rest costs the
    // connection.
    let largest = message_limit.saturating_mul(2);
    WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(WRITE_BUFFER)
        // The frames' own bytes have room beside what is sent in them.
        .max_write_buffer_size(send_limit.saturating_add(2 * WRITE_BUFFER))
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest))
}

/// What waits to be sent on one connection, bounded.
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

    /// Queues a SIP message: text if it is UTF-8, else binary (RFC 7118 section 5). False if the
    /// peer reads so slowly that the limit is reached: the connection is then of no use.
    #[must_use]
    pub fn send(&mut self, bytes: Bytes) -> bool {
        self.queue(match Utf8Bytes::try_from(bytes.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(bytes),
        })
    }

    /// Queues a ping (RFC 6455 section 5.5.2); false as for [`Outgoing::send`].
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

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The message that has waited longest.
    pub fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }
}

/// A close frame that says no more than its code.
#[must_use]
pub fn close_frame(code: CloseCode) -> CloseFrame {
    CloseFrame {
        code,
        reason: Utf8Bytes::default(),
    }
}

/// The end that the peer's close frame is. The closing handshake answers with the code that came.
#[must_use]
pub fn closed(frame: Option<&CloseFrame>) -> End {
    let code = frame.map(|frame| frame.code);
    End {
        reason: DisconnectReason::Closed(code.map(u16::from)),
        code: code.unwrap_or(CloseCode::Normal),
    }
}

/// The end that a failing socket is.
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

    /// RFC 7118 section 5: what is UTF-8 goes as text, anything else as binary.
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
