//! One open WebSocket: frames in both directions, bounded, and its end.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, StreamExt};
use sip_core::ConnectionId;
use sip_core::connection::DisconnectReason;
use tokio_tungstenite::tungstenite::error::{Error as WebSocketError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::connect::Socket;

/// How long a closing handshake (RFC 6455 section 7) may take before the socket is dropped.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// An open connection and what waits to be sent on it.
pub(crate) struct Link {
    pub(crate) connection: ConnectionId,
    socket: Socket,
    outgoing: VecDeque<Message>,
    outgoing_bytes: usize,
    limit: usize,
    unflushed: bool,
}

/// What a connection has to say.
pub(crate) enum LinkInput {
    Message(Bytes),
    Pong,
    /// The end, and the code of the close frame that says goodbye.
    Closed(DisconnectReason, CloseCode),
}

impl Link {
    /// `limit`: how many bytes may wait for a peer that does not read.
    pub(crate) fn new(connection: ConnectionId, socket: Socket, limit: usize) -> Self {
        Self {
            connection,
            socket,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            limit,
            unflushed: false,
        }
    }

    /// Queues a SIP message: text if it is UTF-8, else binary (RFC 7118 section 5). False if the
    /// peer reads so slowly that the limit is reached: the connection is then of no use.
    #[must_use]
    pub(crate) fn send(&mut self, bytes: Bytes) -> bool {
        let message = match Utf8Bytes::try_from(bytes.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(bytes),
        };
        self.queue(message)
    }

    /// Queues a ping; the answer comes as [`LinkInput::Pong`].
    #[must_use]
    pub(crate) fn ping(&mut self) -> bool {
        self.queue(Message::Ping(Bytes::new()))
    }

    fn queue(&mut self, message: Message) -> bool {
        if self.outgoing_bytes.saturating_add(message.len()) > self.limit {
            return false;
        }
        self.outgoing_bytes += message.len();
        self.outgoing.push_back(message);
        true
    }

    /// Sends what waits and, if `read`, returns the next thing that came in.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<LinkInput> {
        loop {
            if let Poll::Ready(Err(error)) = self.poll_send(cx) {
                return Poll::Ready(broken(&error));
            }
            if !read {
                return Poll::Pending;
            }
            let input = match ready!(self.socket.poll_next_unpin(cx)) {
                Some(Ok(Message::Text(text))) => LinkInput::Message(text.into()),
                Some(Ok(Message::Binary(bytes))) => LinkInput::Message(bytes),
                Some(Ok(Message::Pong(_))) => LinkInput::Pong,
                Some(Ok(Message::Close(frame))) => {
                    // The closing handshake answers with the code that came.
                    let code = frame.map(|frame| frame.code);
                    let reason = DisconnectReason::Closed(code.map(u16::from));
                    LinkInput::Closed(reason, code.unwrap_or(CloseCode::Normal))
                }
                // The answer is queued inside the socket: the loop flushes it.
                Some(Ok(Message::Ping(_) | Message::Frame(_))) => {
                    self.unflushed = true;
                    continue;
                }
                Some(Err(error)) => broken(&error),
                None => LinkInput::Closed(DisconnectReason::Lost, CloseCode::Normal),
            };
            return Poll::Ready(input);
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        let mut socket = Pin::new(&mut *self.socket);
        while !self.outgoing.is_empty() {
            ready!(socket.as_mut().poll_ready(cx))?;
            if let Some(message) = self.outgoing.pop_front() {
                self.outgoing_bytes -= message.len();
                self.unflushed = true;
                socket.as_mut().start_send(message)?;
            }
        }
        if self.unflushed {
            ready!(socket.poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what waits, then the closing handshake; at most [`CLOSE_TIMEOUT`].
    pub(crate) async fn close(mut self, code: CloseCode) {
        let handshake = async {
            for message in std::mem::take(&mut self.outgoing) {
                self.socket.feed(message).await?;
            }
            self.socket
                .close(Some(CloseFrame {
                    code,
                    reason: Utf8Bytes::default(),
                }))
                .await?;
            // Until the peer's close frame: what comes before it is too late to matter.
            while let Some(message) = self.socket.next().await {
                message?;
            }
            Ok::<(), WebSocketError>(())
        };
        match tokio::time::timeout(CLOSE_TIMEOUT, handshake).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(target: "sip.transport", "closing: {error}"),
            Err(_) => tracing::debug!(target: "sip.transport", "the peer did not answer the close"),
        }
    }
}

/// What a failing socket is to the core, and to the peer if it still listens (RFC 6455 section 7.4).
fn broken(error: &WebSocketError) -> LinkInput {
    tracing::debug!(target: "sip.transport", "connection broken: {error}");
    match error {
        WebSocketError::Capacity(_) => {
            LinkInput::Closed(DisconnectReason::Protocol, CloseCode::Size)
        }
        WebSocketError::Utf8(_) => {
            LinkInput::Closed(DisconnectReason::Protocol, CloseCode::Invalid)
        }
        WebSocketError::Protocol(error)
            if *error != ProtocolError::ResetWithoutClosingHandshake =>
        {
            LinkInput::Closed(DisconnectReason::Protocol, CloseCode::Protocol)
        }
        _ => LinkInput::Closed(DisconnectReason::Lost, CloseCode::Normal),
    }
}
