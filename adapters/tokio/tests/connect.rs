//! Opening connections: each failure has its own error, and TLS trusts the right roots only.
#![cfg(feature = "tls")]

mod common;

use rustls_pki_types::CertificateDer;
use sip_core::Event;
use sip_core::connection::ConnectError;
use sip_tokio::{Events, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use common::{accept, listen, start, until};
use sip_testing::sockets::certificate::certificate;

async fn failure(events: &mut Events) -> ConnectError {
    until(events, |event| match event {
        Event::ConnectFailed { server: 0, error } => Some(error),
        Event::Connected { .. } => panic!("connected"),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn nobody_listens() {
    let (listener, port) = listen().await;
    drop(listener);
    let (handle, mut events) = start(
        &format!("ws://127.0.0.1:{port}/?token=secret"),
        Options::default(),
    );
    assert_eq!(failure(&mut events).await, ConnectError::Refused);
    let told = handle.connect_failure().unwrap();
    assert_eq!(told.error, ConnectError::Refused);
    let sentence = told.to_string();
    assert!(
        sentence.contains(&format!("ws://127.0.0.1:{port}/")),
        "{sentence}"
    );
    assert!(!sentence.contains("secret"), "{sentence}");
}

#[tokio::test]
async fn no_such_name() {
    let (_handle, mut events) = start("ws://nobody.invalid", Options::default());
    assert_eq!(failure(&mut events).await, ConnectError::Dns);
}

/// RFC 7118 section 4.1: a server that does not answer `sip` does not speak SIP.
#[tokio::test]
async fn rfc7118_4_1_a_server_without_the_subprotocol_is_refused() {
    let (listener, port) = listen().await;
    let (_handle, mut events) = start(&format!("ws://127.0.0.1:{port}"), Options::default());
    let (stream, _) = listener.accept().await.unwrap();
    let _server = accept(stream, None).await;
    assert_eq!(failure(&mut events).await, ConnectError::Subprotocol);
}

#[tokio::test]
async fn rfc7118_4_1_a_server_with_another_subprotocol_is_refused() {
    let (listener, port) = listen().await;
    let (_handle, mut events) = start(&format!("ws://127.0.0.1:{port}"), Options::default());
    let (stream, _) = listener.accept().await.unwrap();
    let _server = accept(stream, Some("mqtt")).await;
    assert_eq!(failure(&mut events).await, ConnectError::Subprotocol);
}

/// RFC 6455 section 4.1: any status but 101 is a refusal, and the failure has the status.
#[tokio::test]
async fn rfc6455_4_1_a_refused_upgrade_tells_its_status() {
    for status in [403, 404, 503] {
        let (listener, port) = listen().await;
        let (_handle, mut events) = start(&format!("ws://127.0.0.1:{port}"), Options::default());
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        assert_eq!(failure(&mut events).await, ConnectError::Upgrade(status));
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_or_speaks_nonsense_is_told_from_the_others() {
    for nonsense in ["", "SSH-2.0-x\r\n\r\n"] {
        let (listener, port) = listen().await;
        let (_handle, mut events) = start(&format!("ws://127.0.0.1:{port}"), Options::default());
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(nonsense.as_bytes()).await.unwrap();
        drop(stream);
        assert_eq!(failure(&mut events).await, ConnectError::Other);
    }
}

/// A server certificate for `name`, its acceptor, and the root that issued it.
fn certified(name: &str) -> (TlsAcceptor, CertificateDer<'static>) {
    let (config, root) = certificate(name);
    (TlsAcceptor::from(config), root)
}

fn trusting(root: CertificateDer<'static>) -> Options {
    let mut options = Options::default();
    options.extra_roots = vec![root];
    options
}

#[tokio::test]
async fn wss_with_an_extra_root_connects() {
    let (acceptor, root) = certified("localhost");
    let (listener, port) = listen().await;
    let (_handle, mut events) = start(&format!("wss://localhost:{port}"), trusting(root));
    let (stream, _) = listener.accept().await.unwrap();
    let _server = accept(acceptor.accept(stream).await.unwrap(), Some("sip")).await;
    until(&mut events, |event| {
        matches!(event, Event::Connected { server: 0 }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn wss_with_an_unknown_root_is_a_tls_failure() {
    let (acceptor, _root) = certified("localhost");
    let (listener, port) = listen().await;
    let (handle, mut events) = start(&format!("wss://localhost:{port}"), Options::default());
    let (stream, _) = listener.accept().await.unwrap();
    assert!(acceptor.accept(stream).await.is_err());
    assert_eq!(failure(&mut events).await, ConnectError::Tls);
    let sentence = handle.connect_failure().unwrap().to_string();
    assert!(sentence.contains("UnknownIssuer"), "{sentence}");
}

/// RFC 5922 section 4: the certificate must be one for the host of the URL.
#[tokio::test]
async fn rfc5922_4_wss_with_another_name_is_a_tls_failure() {
    let (acceptor, root) = certified("elsewhere.example");
    let (listener, port) = listen().await;
    let (_handle, mut events) = start(&format!("wss://localhost:{port}"), trusting(root));
    let (stream, _) = listener.accept().await.unwrap();
    assert!(acceptor.accept(stream).await.is_err());
    assert_eq!(failure(&mut events).await, ConnectError::Tls);
}

#[tokio::test]
async fn wss_to_a_server_without_tls_is_a_tls_failure() {
    let (listener, port) = listen().await;
    let (_handle, mut events) = start(&format!("wss://localhost:{port}"), Options::default());
    let (mut stream, _) = listener.accept().await.unwrap();
    stream
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(failure(&mut events).await, ConnectError::Tls);
}
