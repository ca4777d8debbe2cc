//! `askServerUrl`: a URL for each attempt, from [`Options::server_url`] or as the answer to an event.

mod common;

use std::sync::{Arc, Mutex};

use sip_core::config::{Config, ServerUrl};
use sip_core::connection::ConnectError;
use sip_core::{Event, NoServerUrl};
use sip_tokio::{Agent, Commands, Events, Options};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use common::{listen, until};

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
async fn path_of_next(listener: &TcpListener) -> String {
    let (stream, _) = listener.accept().await.unwrap();
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
    let server = tokio_tungstenite::accept_hdr_async(stream, callback).await;
    drop(server.unwrap());
    path
}

/// SIP.js #255: each attempt has its own token.
#[tokio::test]
async fn each_attempt_has_a_url_of_its_own() {
    let (listener, port) = listen().await;
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
        let connected = until(&mut events, |event| {
            matches!(event, Event::Connected { .. }).then_some(())
        });
        let (path, ()) = tokio::join!(path_of_next(&listener), connected);
        assert_eq!(path, format!("/ws?token={token}"));
    }
    let configured = format!("ws://127.0.0.1:{port}/ws");
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|(url, _)| *url == configured), "{asked:?}");
}

#[tokio::test]
async fn without_a_source_the_application_is_asked() {
    let (listener, port) = listen().await;
    let (handle, mut events) = start(port, Options::default());
    let needed = |event| match event {
        Event::ServerUrlNeeded { connection, .. } => Some(connection),
        Event::Connected { .. } => panic!("connected without a URL"),
        _ => None,
    };
    let first = until(&mut events, needed).await;
    handle.server_url(first, None).await.unwrap();
    let failed = |event| match event {
        Event::ConnectFailed { error, .. } => Some(error),
        _ => None,
    };
    assert_eq!(until(&mut events, failed).await, ConnectError::Url);
    // The only server failed: the next attempt comes after the wait for recovery.
    let second = until(&mut events, needed).await;
    let url = ServerUrl::parse(&format!("ws://localhost:{port}/other?token=2")).unwrap();
    handle.server_url(second, Some(url.clone())).await.unwrap();
    let late = handle.server_url(second, Some(url)).await;
    assert!(late.is_err(), "it has its URL");
    assert_eq!(path_of_next(&listener).await, "/other?token=2");
}

/// A source without a URL makes the attempt fail, with the same event as other failures.
#[tokio::test]
async fn a_source_without_a_url_is_a_failed_attempt() {
    let (_listener, port) = listen().await;
    let mut options = Options::default();
    options.server_url = Some(Box::new(|_, _| Err(NoServerUrl)));
    let (_handle, mut events) = start(port, options);
    let error = until(&mut events, |event| match event {
        Event::ConnectFailed { error, .. } => Some(error),
        _ => None,
    });
    assert_eq!(error.await, ConnectError::Url);
    until(&mut events, |event| {
        matches!(event, Event::ReconnectScheduled { .. }).then_some(())
    })
    .await;
}
