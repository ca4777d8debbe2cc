//! A WebSocket server that a test drives frame by frame, and an agent that connects to it.
#![allow(dead_code, reason = "not every test file needs all of it")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sip_blocking::{Agent, Commands, Events, Options, StartError};
use sip_core::Event;
use sip_core::config::Config;
use sip_testing::sockets::alice_at;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

#[allow(unused_imports, reason = "not every test file needs it")]
pub(crate) use sip_testing::PATIENCE;
#[allow(unused_imports, reason = "not every test file needs it")]
pub(crate) use sip_testing::sockets::request::request;

pub(crate) fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The next connection; within [`PATIENCE`], or the test fails.
pub(crate) fn next_connection(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            return stream;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no connection comes");
}

/// The server's side of the handshake; `subprotocol` as it is answered.
pub(crate) fn accept<S: Read + Write>(
    stream: S,
    subprotocol: Option<&'static str>,
) -> WebSocket<S> {
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
    tungstenite::accept_hdr(stream, callback)
        .map_err(|error| error.to_string())
        .unwrap()
}

/// A configuration that connects to `url` and does not register.
pub(crate) fn config(url: &str) -> Config {
    alice_at(url).build().unwrap()
}

pub(crate) fn start(url: &str, options: Options) -> (Commands, Events) {
    commanded(Agent::start(config(url), options))
}

/// Waits for an event that `wanted` makes something of; the others are passed over.
pub(crate) fn until<T>(events: &mut Events, wanted: impl Fn(Event) -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let event = events.next_timeout(left).expect("the event comes");
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

/// An agent and the server's end of its connection.
pub(crate) fn connected(options: Options) -> (Commands, Events, WebSocket<TcpStream>, TcpListener) {
    let (listener, port) = listen();
    let (handle, mut events) = start(&format!("ws://127.0.0.1:{port}"), options);
    // Events are read meanwhile: with a small queue the agent waits for that.
    let server = std::thread::scope(|scope| {
        let server = scope.spawn(|| accept(next_connection(&listener), Some("sip")));
        until(&mut events, |event| {
            matches!(event, Event::Connected { .. }).then_some(())
        });
        server.join().unwrap()
    });
    (handle, events, server, listener)
}

/// The next SIP message that the server receives, as text.
pub(crate) fn next_text<S: Read + Write>(server: &mut WebSocket<S>) -> String {
    loop {
        match server.read().expect("a message comes") {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("expected text, got {other:?}"),
        }
    }
}

/// Waits until `is_true`.
pub(crate) fn wait_for(what: &str, is_true: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How many messages the agent reads while the test reads no events. A command is a turn of its thread, in which it
/// reads the socket if it may.
pub(crate) fn read_without_room(handle: &Commands) -> u64 {
    const TURNS: usize = 50;
    let received = || handle.with(|agent, _| agent.counters().received).unwrap();
    wait_for("a message is read", || received() > 0);
    (0..TURNS).map(|_| received()).max().unwrap()
}

pub(crate) fn send<S: Read + Write>(server: &mut WebSocket<S>, message: Message) {
    server.send(message).expect("room");
}

/// The commands and the events of an agent that has started.
pub(crate) fn commanded(started: Result<(Agent, Events), StartError>) -> (Commands, Events) {
    let (agent, events) = started.unwrap();
    (agent.commands().clone(), events)
}
