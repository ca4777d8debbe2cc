//! One WebSocket of the server (RFC 6455 with the sub-protocol of RFC 7118).

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// How long a client may take for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long the messages of one write may wait for a client that does not read.
const WRITE: Duration = Duration::from_secs(10);

/// How many messages are written at once.
const MESSAGES_PER_WRITE: usize = 32;

/// How long a client may take for its request, if the server has no room for it.
const REFUSAL: Duration = Duration::from_secs(2);

/// When a client that found no room may try again, in seconds.
const RETRY_AFTER: u16 = 10;

/// How long a client may take to answer a close frame.
const CLOSE: Duration = Duration::from_millis(500);

/// Room above the largest SIP message. The edge answers a message that is a little too large with 513; a larger
/// one ends the connection (close code 1009).
const MARGIN: usize = 65_536;

/// The settings of all sockets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// The largest SIP message, in bytes.
    pub(super) largest: usize,
    /// How many messages may wait to be sent.
    pub(super) queued: usize,
}

/// An input from a socket.
#[derive(Debug)]
pub(super) enum Input {
    /// The handshake is done. Messages for the client go into `outgoing`; the socket closes when it is dropped.
    Opened {
        socket: u64,
        remote: SocketAddr,
        outgoing: mpsc::Sender<Bytes>,
    },
    /// A message has arrived.
    Message { socket: u64, bytes: Bytes },
    /// The socket is closed, or its handshake has failed.
    Closed { socket: u64 },
}

/// Serves one socket to its end.
pub(super) async fn run(
    stream: TcpStream,
    remote: SocketAddr,
    socket: u64,
    settings: Settings,
    inputs: mpsc::Sender<Input>,
) {
    let largest = settings.largest.saturating_add(MARGIN);
    let config = WebSocketConfig::default()
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest))
        // Room for one message and its frame. Pongs for a client that does not read get no more.
        .write_buffer_size(MARGIN)
        .max_write_buffer_size(largest.saturating_add(2 * MARGIN))
        .read_buffer_size(4 * 1024);
    let handshake = accept_hdr_async_with_config(stream, require_sip, Some(config));
    // If this fails, the handshake has sent an HTTP error, or the client is gone.
    if let Ok(Ok(websocket)) = timeout(HANDSHAKE, handshake).await {
        serve(websocket, remote, socket, settings, &inputs).await;
    }
    // An error here means that the server is being dropped.
    let _stopped = inputs.send(Input::Closed { socket }).await;
}

/// Refuses a client for which the server has no room: 503 (RFC 9110 section 15.6.4). The client has a short
/// time for its request, and at most 64 KiB.
pub(super) async fn refuse(stream: TcpStream) {
    #[expect(
        clippy::result_large_err,
        reason = "the type that the handshake asks for"
    )]
    let full = |_: &Request, _: Response| {
        let why = "The server has no room for another connection.\n";
        let mut refusal = refusal(StatusCode::SERVICE_UNAVAILABLE, why);
        let headers = refusal.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        Err(refusal)
    };
    // It always ends with an error: the client is refused, late or gone.
    let _refused = timeout(REFUSAL, accept_hdr_async_with_config(stream, full, None)).await;
}

async fn serve(
    mut websocket: WebSocketStream<TcpStream>,
    remote: SocketAddr,
    socket: u64,
    settings: Settings,
    inputs: &mpsc::Sender<Input>,
) {
    let (outgoing, mut queue) = mpsc::channel(settings.queued);
    if inputs
        .send(Input::Opened {
            socket,
            remote,
            outgoing,
        })
        .await
        .is_err()
    {
        return;
    }
    let (code, reason) = loop {
        tokio::select! {
            incoming = websocket.next() => {
                let bytes = match incoming {
                    Some(Ok(Message::Text(text))) => Bytes::from(text),
                    Some(Ok(Message::Binary(bytes))) => bytes,
                    Some(Ok(_)) => continue,
                    Some(Err(Error::Capacity(_))) => break (CloseCode::Size, "message too large"),
                    Some(Err(_)) | None => return,
                };
                if inputs.send(Input::Message { socket, bytes }).await.is_err() {
                    return;
                }
            }
            outgoing = queue.recv() => {
                let Some(bytes) = outgoing else { break (CloseCode::Away, "") };
                match timeout(WRITE, write(&mut websocket, bytes, &mut queue)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return,
                }
            }
        }
    };
    let goodbye = async {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        if websocket.close(Some(frame)).await.is_ok() {
            // Reads until the close frame of the client, because closing over unread bytes would reset the
            // connection.
            while let Some(Ok(_)) = websocket.next().await {}
        }
    };
    // A client that does not answer is dropped.
    let _in_time = timeout(CLOSE, goodbye).await;
}

/// Writes a message, and in the same write those that wait already: at most [`MESSAGES_PER_WRITE`], because the socket is not
/// read meanwhile.
async fn write<S: Sink<Message> + Unpin>(
    sink: &mut S,
    first: Bytes,
    queue: &mut mpsc::Receiver<Bytes>,
) -> Result<(), S::Error> {
    sink.feed(message(first)).await?;
    for _ in 1..MESSAGES_PER_WRITE {
        let Ok(bytes) = queue.try_recv() else { break };
        sink.feed(message(bytes)).await?;
    }
    sink.flush().await
}

/// RFC 7118 section 5: SIP messages are text if they are valid UTF-8.
fn message(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}

/// RFC 7118 section 4: a client must offer the sub-protocol `sip`.
#[expect(
    clippy::result_large_err,
    reason = "the type that the handshake asks for"
)]
fn require_sip(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut offered = offered.iter().filter_map(|value| value.to_str().ok());
    if offered.any(|value| value.split(',').any(|protocol| protocol.trim() == "sip")) {
        let headers = response.headers_mut();
        headers.insert(
            header::SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static("sip"),
        );
        return Ok(response);
    }
    let why = "The WebSocket sub-protocol \"sip\" is required (RFC 7118).\n";
    Err(refusal(StatusCode::BAD_REQUEST, why))
}

/// A response of HTTP that refuses the handshake; `why` is for people.
fn refusal(status: StatusCode, why: &str) -> ErrorResponse {
    let mut refusal = ErrorResponse::new(Some(why.to_owned()));
    *refusal.status_mut() = status;
    let headers = refusal.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(why.len()));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    refusal
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;

    use super::*;

    /// A queue that is filled as fast as it is written does not keep the socket from being read.
    #[tokio::test]
    async fn a_write_ends_while_messages_follow() {
        let (messages, mut queue) = mpsc::channel(1);
        let mut written = 0;
        let mut sink = std::pin::pin!(futures_util::sink::unfold((), |(), _: Message| {
            written += 1;
            assert!(written <= MESSAGES_PER_WRITE);
            messages.try_send(Bytes::from_static(b"next")).unwrap();
            ready(Ok::<_, Infallible>(()))
        }));
        let first = Bytes::from_static(b"first");
        assert!(write(&mut sink, first, &mut queue).await.is_ok());
    }
}
