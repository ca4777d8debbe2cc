//! `askServerUrl`: a URL for each attempt, from [`Options::server_url`] or as the answer to an event.

mod common;

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use sip_blocking::{Agent, Commands, Events, Options};
use sip_core::config::{Config, ServerUrl};
use sip_core::connection::ConnectError;
use sip_core::{Event, NoServerUrl};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::HeaderValue;

use common::{listen, next_connection, until};

fn start(port: u16, options: Options) -> (Commands, Events) {
    let config = Config::builder()
        .uri("sip:alice@example.com")
        .server(format!("ws://127.0.0.1:{port}/ws"))
        .ask_server_url(true)
        .register(false)
        .build()
        .unwrap();
    common::commanded(Agent::start(config, options))
}

/// Takes one connection and drops it. Returns the path of its handshake.
fn path_of_next(listener: &TcpListener) -> String {
    let stream = next_connection(listener);
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let callback = |request: &Request, mut response: Response| {
        path = request.uri().to_string();
        let name = HeaderValue::from_static("sip");
        response
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", name);
        Ok(response)
    };
    let server = tungstenite::accept_hdr(stream, callback).map_err(|error| error.to_string());
    drop(server.unwrap());
    path
}

/// SIP.js #255: each attempt has its own token.
#[test]
fn each_attempt_has_a_url_of_its_own() {
    let (listener, port) = listen();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut options = Options::default();
    let noted = asked.clone();
    options.server_url = Some(Box::new(move |configured: &ServerUrl, attempt| {
        let mut asked = noted.lock().unwrap();
        asked.push((configured.as_str().to_owned(), attempt));
        let fresh = format!("{}?token={}", configured.as_str(), asked.len());
        Ok(ServerUrl::parse(&fresh).unwrap())
    }));
    let (_handle, mut events) = start(port, options);
    for token in 1..=3 {
        let path = path_of_next(&listener);
        until(&mut events, |event| {
            matches!(event, Event::Connected { .. }).then_some(())
        });
        assert_eq!(path, format!("/ws?token={token}"));
    }
    let configured = format!("ws://127.0.0.1:{port}/ws");
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|(url, _)| *url == configured), "{asked:?}");
}

#[test]
fn without_a_source_the_application_is_asked() {
    let (listener, port) = listen();
    let (handle, mut events) = start(port, Options::default());
    let needed = |event| match event {
        Event::ServerUrlNeeded { connection, .. } => Some(connection),
        Event::Connected { .. } => panic!("connected without a URL"),
        _ => None,
    };
    let first = until(&mut events, needed);
    handle.server_url(first, None).unwrap();
    let failed = |event| match event {
        Event::ConnectFailed { error, .. } => Some(error),
        _ => None,
    };
    assert_eq!(until(&mut events, failed), ConnectError::Url);
    // The only server failed: the next attempt comes after the wait for recovery.
    let second = until(&mut events, needed);
    let url = ServerUrl::parse(&format!("ws://localhost:{port}/other?token=2")).unwrap();
    handle.server_url(second, Some(url.clone())).unwrap();
    let late = handle.server_url(second, Some(url));
    assert!(late.is_err(), "it has its URL");
    assert_eq!(path_of_next(&listener), "/other?token=2");
}

/// A source without a URL makes the attempt fail, with the same event as other failures.
#[test]
fn a_source_without_a_url_is_a_failed_attempt() {
    let (_listener, port) = listen();
    let mut options = Options::default();
    options.server_url = Some(Box::new(|_, _| Err(NoServerUrl)));
    let (_handle, mut events) = start(port, options);
    let error = until(&mut events, |event| match event {
        Event::ConnectFailed { error, .. } => Some(error),
        _ => None,
    });
    assert_eq!(error, ConnectError::Url);
    until(&mut events, |event| {
        matches!(event, Event::ReconnectScheduled { .. }).then_some(())
    });
}
