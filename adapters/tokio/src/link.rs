//! One open WebSocket: bounded queues in both directions, and its end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink, SinkExt, StreamExt};
use sip_core::ConnectionId;
use sip_host::os::{CLOSE_TIMEOUT, End, Outgoing, READS_PER_TURN, broken, close_frame, closed};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{Error as WebSocketError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::connect::Socket;

/// An open connection and the messages that wait to be sent on it.
pub(crate) struct Link {
    pub(crate) connection: ConnectionId,
    /// The messages to send.
    pub(crate) outgoing: Outgoing,
    socket: Socket,
    unflushed: bool,
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
    pub(crate) fn new(connection: ConnectionId, socket: Socket, limit: usize) -> Self {
        Self {
            connection,
            outgoing: Outgoing::new(limit),
            socket,
            unflushed: false,
        }
    }

    /// Sends what waits and, if `read`, returns the next input.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<LinkInput> {
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(LinkInput::Closed(broken(&error)));
        }
        if !read {
            return Poll::Pending;
        }
        self.socket.get_mut().begin();
        Poll::Ready(match ready!(self.socket.poll_next_unpin(cx)) {
            Some(Ok(Message::Text(text))) => LinkInput::Message(text.into()),
            Some(Ok(Message::Binary(bytes))) => LinkInput::Message(bytes),
            Some(Ok(Message::Pong(_))) => LinkInput::Pong,
            Some(Ok(Message::Close(frame))) => LinkInput::Closed(closed(frame.as_ref())),
            // The pong is queued inside the socket; the next turn flushes it.
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => {
                self.unflushed = true;
                LinkInput::Turn
            }
            Some(Err(error)) => LinkInput::Closed(broken(&error)),
            None => LinkInput::Closed(broken(&WebSocketError::ConnectionClosed)),
        })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        let mut socket = Pin::new(&mut *self.socket);
        while !self.outgoing.is_empty() {
            ready!(socket.as_mut().poll_ready(cx))?;
            if let Some(message) = self.outgoing.pop() {
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

    /// Sends what waits, then closes with a handshake; takes at most [`CLOSE_TIMEOUT`].
    pub(crate) async fn close(mut self, code: CloseCode) {
        let handshake = async {
            while let Some(message) = self.outgoing.pop() {
                self.socket.feed(message).await?;
            }
            match self.socket.close(Some(close_frame(code))).await {
                // The peer closed first. Our close frame is queued inside the socket (RFC 6455 section 5.5.1).
                Err(WebSocketError::Protocol(ProtocolError::SendAfterClosing)) => {
                    self.socket.flush().await?;
                }
                closing => closing?,
            }
            // Until the close frame of the peer. Messages that arrive meanwhile are dropped.
            std::future::poll_fn(|cx| {
                self.socket.get_mut().begin();
                for _ in 0..READS_PER_TURN {
                    match ready!(self.socket.poll_next_unpin(cx)) {
                        Some(message) => drop(message?),
                        None => return Poll::Ready(Ok::<(), WebSocketError>(())),
                    }
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await
        };
        match tokio::time::timeout(CLOSE_TIMEOUT, handshake).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(target: "sip.transport", "closing: {error}"),
            Err(_) => tracing::debug!(target: "sip.transport", "the peer did not answer the close"),
        }
    }
}
