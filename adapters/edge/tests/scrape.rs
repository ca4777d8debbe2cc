//! The counters over HTTP: what a scrape gets, and what clients get that are no scraper.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use sip_edge::{EdgeConfig, EdgeServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn start() -> (EdgeServer, SocketAddr) {
    let mut server = EdgeServer::start(EdgeConfig::default()).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    server.serve_metrics(socket).unwrap();
    (server, address)
}

/// Everything that the server sends in response to these bytes.
async fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

const SCRAPE: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A scrape gets all counters, with the length and the type of the format.
#[tokio::test]
async fn a_scrape_gets_the_counters() {
    let (_server, address) = start();
    let response = ask(address, SCRAPE).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let length = format!("Content-Length: {}\r\n", body.len());
    assert!(head.contains(&length), "{head}");
    let media_type = "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(head.contains(media_type), "{head}");
    for line in [
        "# TYPE sip_edge_calls_total counter",
        "sip_edge_calls_total{outcome=\"answered\"} 0",
        "# TYPE sip_edge_bindings gauge",
        "sip_edge_bindings 0",
    ] {
        assert!(body.lines().any(|found| found == line), "{line}: {body}");
    }
    assert!(body.ends_with('\n'));
}

/// Other requests, and bytes that are none, get an error and no counters; the next scrape gets them.
#[tokio::test]
async fn other_requests_are_refused() {
    let (_server, address) = start();
    let long = format!("GET /metrics HTTP/1.1\r\nA: {}", "a".repeat(9_000));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100));
    for (request, status) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
        (b"GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", "404"),
        (
            b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
            "405",
        ),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", "405"),
        (b"REGISTER sip:localhost SIP/2.0\r\n\r\n", "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "400"),
        (long.as_bytes(), "431"),
        (many.as_bytes(), "431"),
    ] {
        let response = ask(address, request).await;
        let request = String::from_utf8_lossy(request);
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {response}"
        );
        assert!(!response.contains("sip_edge"), "{request}: {response}");
        assert_eq!(
            response.contains("Allow: GET\r\n"),
            status == "405",
            "{response}"
        );
    }
    assert!(ask(address, SCRAPE).await.starts_with("HTTP/1.1 200 "));
}

/// A client that sends half a request and leaves costs nothing; one that stays silent gets 408 after a while.
#[tokio::test]
async fn half_a_request_gets_no_counters() {
    let (_server, address) = start();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&SCRAPE[..20]).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert_eq!(response, "");
    let late = ask(address, &SCRAPE[..20]).await;
    assert!(late.starts_with("HTTP/1.1 408 "), "{late}");
}

/// Silent clients take no more than their places: further ones are closed, and the edge serves on.
#[tokio::test]
async fn silent_clients_are_bounded() {
    let (_server, address) = start();
    let mut silent = Vec::new();
    loop {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut byte = [0];
        // A client that has a place hears nothing; the first one without a place is closed.
        tokio::select! {
            biased;
            read = stream.read(&mut byte) => match read {
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                other => panic!("{other:?}"),
            },
            () = accepted(address) => silent.push(stream),
        }
        assert!(silent.len() < 64, "more silent clients than places");
    }
    assert!(!silent.is_empty());
    drop(silent);
    // The places are free again as soon as the server has noticed.
    loop {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if stream.write_all(SCRAPE).await.is_err() {
            continue;
        }
        let mut response = String::new();
        if stream.read_to_string(&mut response).await.is_ok() && !response.is_empty() {
            assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
            break;
        }
    }
}

/// Ends once the server has taken all connections before this one, because it takes them in their order.
async fn accepted(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    if stream.write_all(SCRAPE).await.is_ok() {
        let mut response = String::new();
        // An error means that there was no place.
        let _closed = stream.read_to_string(&mut response).await;
    }
}
