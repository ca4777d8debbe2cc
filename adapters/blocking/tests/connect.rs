//! Opening connections: each failure has its own error, and TLS trusts the right roots only.
#![cfg(feature = "tls")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::CertificateDer;
use sip_blocking::{Events, Options};
use sip_core::Event;
use sip_core::connection::ConnectError;

use common::{accept, listen, next_connection, next_text, request, send, start, until};
use sip_testing::sockets::certificate::certificate;

fn failure(events: &mut Events) -> ConnectError {
    until(events, |event| match event {
        Event::ConnectFailed { server: 0, error } => Some(error),
        Event::Connected { .. } => panic!("connected"),
        _ => None,
    })
}

#[test]
fn nobody_listens() {
    let (listener, port) = listen();
    drop(listener);
    let url = format!("ws://127.0.0.1:{port}/?token=secret");
    let (handle, mut events) = start(&url, Options::default());
    assert_eq!(failure(&mut events), ConnectError::Refused);
    let told = handle.connect_failure().unwrap();
    assert_eq!(told.error, ConnectError::Refused);
    let sentence = told.to_string();
    assert!(
        sentence.contains(&format!("ws://127.0.0.1:{port}/")),
        "{sentence}"
    );
    assert!(!sentence.contains("secret"), "{sentence}");
}

#[test]
fn no_such_name() {
    let (_handle, mut events) = start("ws://nobody.invalid", Options::default());
    assert_eq!(failure(&mut events), ConnectError::Dns);
}

/// RFC 8305 section 5: `localhost` may be ::1 as well; only 127.0.0.1 listens here.
#[test]
fn a_name_with_addresses_of_both_families_reaches_the_one_that_listens() {
    let (listener, port) = listen();
    let (_handle, mut events) = start(&format!("ws://localhost:{port}"), Options::default());
    let _server = accept(next_connection(&listener), Some("sip"));
    until(&mut events, |event| {
        matches!(event, Event::Connected { server: 0 }).then_some(())
    });
}

/// RFC 7118 section 4.1: a server that does not answer `sip` does not speak SIP.
#[test]
fn rfc7118_4_1_a_server_without_the_subprotocol_is_refused() {
    for subprotocol in [None, Some("mqtt")] {
        let (listener, port) = listen();
        let (_handle, mut events) = start(&format!("ws://127.0.0.1:{port}"), Options::default());
        let _server = accept(next_connection(&listener), subprotocol);
        assert_eq!(failure(&mut events), ConnectError::Subprotocol);
    }
}

/// RFC 6455 section 4.1: any status but 101 is a refusal, and the failure has the status.
#[test]
fn rfc6455_4_1_a_refused_upgrade_tells_its_status() {
    for status in [403, 404, 503] {
        let (listener, port) = listen();
        let (_handle, mut events) = start(&format!("ws://127.0.0.1:{port}"), Options::default());
        let mut stream = next_connection(&listener);
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        assert_eq!(failure(&mut events), ConnectError::Upgrade(status));
    }
}

#[test]
fn a_server_that_hangs_up_or_speaks_nonsense_is_told_from_the_others() {
    for nonsense in ["", "SSH-2.0-x\r\n\r\n"] {
        let (listener, port) = listen();
        let (_handle, mut events) = start(&format!("ws://127.0.0.1:{port}"), Options::default());
        let mut stream = next_connection(&listener);
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        stream.write_all(nonsense.as_bytes()).unwrap();
        drop(stream);
        assert_eq!(failure(&mut events), ConnectError::Other);
    }
}

fn trusting(root: CertificateDer<'static>) -> Options {
    let mut options = Options::default();
    options.extra_roots = vec![root];
    options
}

fn tls(config: Arc<ServerConfig>, tcp: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config).unwrap(), tcp)
}

/// Large messages take more than one TLS record in each direction.
#[test]
fn wss_with_an_extra_root_connects_and_carries_messages() {
    let (config, root) = certificate("localhost");
    let (listener, port) = listen();
    let (_handle, mut events) = start(&format!("wss://localhost:{port}"), trusting(root));
    let mut server = accept(tls(config, next_connection(&listener)), Some("sip"));
    until(&mut events, |event| {
        matches!(event, Event::Connected { server: 0 }).then_some(())
    });
    for number in 1..=20 {
        let body = "x".repeat(2_000 * number as usize);
        send(
            &mut server,
            request("OPTIONS", number, &body).as_str().into(),
        );
    }
    for _ in 1..=20 {
        assert!(next_text(&mut server).starts_with("SIP/2.0 200 "));
    }
}

#[test]
fn wss_with_an_unknown_root_is_a_tls_failure() {
    let (config, _root) = certificate("localhost");
    let (listener, port) = listen();
    let (handle, mut events) = start(&format!("wss://localhost:{port}"), Options::default());
    let mut server = tls(config, next_connection(&listener));
    // RFC 8446 section 6.2: the server learns why.
    let error = server.read(&mut [0; 16]).unwrap_err().to_string();
    assert!(error.contains("UnknownCA"), "{error}");
    assert_eq!(failure(&mut events), ConnectError::Tls);
    let sentence = handle.connect_failure().unwrap().to_string();
    assert!(sentence.contains("UnknownIssuer"), "{sentence}");
}

/// RFC 5922 section 4: the certificate must be one for the host of the URL.
#[test]
fn rfc5922_4_wss_with_another_name_is_a_tls_failure() {
    let (config, root) = certificate("elsewhere.example");
    let (listener, port) = listen();
    let (_handle, mut events) = start(&format!("wss://localhost:{port}"), trusting(root));
    let mut server = tls(config, next_connection(&listener));
    assert!(server.read(&mut [0; 16]).is_err());
    assert_eq!(failure(&mut events), ConnectError::Tls);
}

#[test]
fn wss_to_a_server_without_tls_is_a_tls_failure() {
    let (listener, port) = listen();
    let (_handle, mut events) = start(&format!("wss://localhost:{port}"), Options::default());
    let mut stream = next_connection(&listener);
    stream
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .unwrap();
    assert_eq!(failure(&mut events), ConnectError::Tls);
}
