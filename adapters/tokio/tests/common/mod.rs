//! A WebSocket server that a test drives frame by frame, and an agent that connects to it.
#![allow(dead_code, reason = "not every test file needs all of it")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use sip_core::Event;
use sip_testing::sockets::alice_at;
use sip_tokio::{Agent, Commands, Events, Options, StartError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

#[allow(unused_imports, reason = "not every test file needs it")]
pub(crate) use sip_testing::PATIENCE;
#[allow(unused_imports, reason = "not every test file needs it")]
pub(crate) use sip_testing::sockets::request::request;

pub(crate) async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The server's side of the handshake; `subprotocol` as it is answered.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    subprotocol: Option<&'static str>,
) -> WebSocketStream<S> {
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let callback = |request: &Request, mut response: Response| {
        assert_eq!(request.headers()["Sec-WebSocket-Protocol"], "sip");
        if let Some(name) = subprotocol {
            let name = HeaderValue::from_static(name);
            response
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", name);
        }
        Ok(response)
    };
    tokio_tungstenite::accept_hdr_async(stream, callback)
        .await
        .unwrap()
}

/// An agent that connects to `url` and does not register.
pub(crate) fn start(url: &str, options: Options) -> (Commands, Events) {
    let config = alice_at(url).build().unwrap();
    commanded(Agent::start(config, options))
}

/// Waits for an event that `wanted` makes something of; the others are passed over.
pub(crate) async fn until<T>(events: &mut Events, wanted: impl Fn(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            let event = events.next().await.expect("the agent's task is alive");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("the event comes")
}

/// An agent and the server's end of its connection.
pub(crate) async fn connected(
    options: Options,
) -> (
    Commands,
    Events,
    WebSocketStream<tokio::net::TcpStream>,
    TcpListener,
) {
    let (listener, port) = listen().await;
    let (handle, mut events) = start(&format!("ws://127.0.0.1:{port}"), options);
    // Events are read meanwhile: with a small queue the agent waits for that.
    let is_connected = until(&mut events, |event| {
        matches!(event, Event::Connected { .. }).then_some(())
    });
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        accept(stream, Some("sip")).await
    };
    let ((), server) = tokio::join!(is_connected, server);
    (handle, events, server, listener)
}

/// The next SIP message that the server receives, as text.
pub(crate) async fn next_text<S: AsyncRead + AsyncWrite + Unpin>(
    server: &mut WebSocketStream<S>,
) -> String {
    let found = async {
        loop {
            match server
                .next()
                .await
                .expect("the connection is open")
                .unwrap()
            {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected text, got {other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("a message comes")
}

/// Waits until `is_true`.
pub(crate) async fn wait_for(what: &str, is_true: impl Fn() -> bool) {
    let waiting = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "never: {what}");
}

/// How many messages the agent reads while the test reads no events. A command is a turn of its task, in which it reads
/// the socket if it may.
pub(crate) async fn read_without_room(handle: &Commands) -> u64 {
    const TURNS: usize = 50;
    let received = async || {
        let received = handle.with(|agent, _| agent.counters().received);
        let received = tokio::time::timeout(PATIENCE, received).await;
        received.expect("the command is carried out").unwrap()
    };
    let end = tokio::time::Instant::now() + PATIENCE;
    while received().await == 0 {
        let now = tokio::time::Instant::now();
        assert!(now < end, "never: a message is read");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut most = 0;
    for _ in 0..TURNS {
        most = most.max(received().await);
    }
    most
}

pub(crate) async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    server: &mut WebSocketStream<S>,
    message: Message,
) {
    tokio::time::timeout(PATIENCE, server.send(message))
        .await
        .expect("room")
        .unwrap();
}

/// The commands and the events of an agent that has started.
pub(crate) fn commanded(started: Result<(Agent, Events), StartError>) -> (Commands, Events) {
    let (agent, events) = started.unwrap();
    (agent.commands().clone(), events)
}
