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
    /// How many inputs there were since the last write.
    inputs: u32,
}

/// How many inputs of a busy connection go before a write.
const INPUTS_PER_WRITE: u32 = 32;

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
            inputs: 0,
        }
    }

    /// The next input, if `read`. What waits is sent once there is none, or after [`INPUTS_PER_WRITE`] inputs, so that the
    /// messages that a group of inputs causes are one write.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<LinkInput> {
        let reads_first = read && self.inputs < INPUTS_PER_WRITE;
        if reads_first {
            // What the socket cannot take now is tried again below, once there is no input.
            let passed_on = self.poll_pass_on(cx);
            if let Poll::Ready(Err(error)) = passed_on {
                return Poll::Ready(LinkInput::Closed(broken(&error)));
            }
            if let Poll::Ready(input) = self.poll_read(cx) {
                self.inputs += 1;
                return Poll::Ready(input);
            }
        }
        self.inputs = 0;
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(LinkInput::Closed(broken(&error)));
        }
        // A connection that had an input for a long time is read after the write.
        if read && !reads_first {
            return self.poll_read(cx);
        }
        Poll::Pending
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<LinkInput> {
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

    /// Passes the messages that wait to the socket, which keeps them until it is flushed or holds many.
    fn poll_pass_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        let mut socket = Pin::new(&mut *self.socket);
        while !self.outgoing.is_empty() {
            ready!(socket.as_mut().poll_ready(cx))?;
            if let Some(message) = self.outgoing.pop() {
                self.unflushed = true;
                socket.as_mut().start_send(message)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        ready!(self.poll_pass_on(cx))?;
        if self.unflushed {
            ready!(Pin::new(&mut *self.socket).poll_flush(cx))?;
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
