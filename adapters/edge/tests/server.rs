//! The server over real sockets: RFC 6455, RFC 7118.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::*;
use futures_util::{SinkExt, StreamExt};
use sip_core::Direction;
use sip_edge::{EdgeConfig, EdgeServer};
use sip_testing::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

type Socket = WebSocketStream<TcpStream>;

fn serve() -> EdgeServer {
    serve_with(|_| {})
}

fn serve_with(change: impl FnOnce(&mut EdgeConfig)) -> EdgeServer {
    let mut config = EdgeConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        ..config()
    };
    change(&mut config);
    EdgeServer::start(config).unwrap()
}

async fn open(server: &EdgeServer, protocol: Option<&str>) -> Result<Socket, Error> {
    let stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let mut request = format!("ws://{}/", server.local_addr())
        .into_client_request()
        .unwrap();
    if let Some(protocol) = protocol {
        let value = HeaderValue::from_str(protocol).unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", value);
    }
    let (socket, response) = client_async(request, stream).await?;
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "sip");
    Ok(socket)
}

async fn connect(server: &EdgeServer) -> Socket {
    open(server, Some("sip")).await.unwrap()
}

async fn send(socket: &mut Socket, lines: &str) {
    socket.send(Message::text(wire(lines))).await.unwrap();
}

async fn receive(socket: &mut Socket) -> String {
    loop {
        match timeout(PATIENCE, socket.next())
            .await
            .expect("an answer in time")
        {
            Some(Ok(Message::Text(text))) => return text.to_string(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The close code that ends the socket; `None` if it ends without one.
async fn closed(socket: &mut Socket) -> Option<u16> {
    let mut code = None;
    loop {
        match timeout(PATIENCE, socket.next())
            .await
            .expect("an end in time")
        {
            Some(Ok(Message::Close(frame))) => code = frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return code,
        }
    }
}

/// Registers `user` over a socket; the bench only writes the lines.
async fn register(socket: &mut Socket, user: &str) {
    let mut bench = Bench::new(config());
    let name = bench.connect();
    let contact = format!("Contact: <sip:{user}@{user}.invalid;transport=ws>");
    let lines = bench.register_lines(name, user, 1, &contact);
    send(socket, &lines).await;
    let challenge = receive(socket).await;
    let answer = credentials(
        &challenge,
        user,
        password(user),
        "REGISTER",
        "sip:example.com",
        1,
    );
    let lines = bench.register_lines(
        name,
        user,
        2,
        &format!("Authorization: {answer}\n{contact}"),
    );
    send(socket, &lines).await;
    let answer = receive(socket).await;
    assert_eq!(status(&answer), 200, "{answer}");
}

/// RFC 7118 section 4: without the sub-protocol the handshake gets a 400 with the reason.
#[tokio::test]
async fn rfc7118_4_the_sub_protocol_is_required() {
    let server = serve();
    for protocol in [None, Some("xmpp"), Some("sips, SIP")] {
        match open(&server, protocol).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), 400);
                let body = response.body().clone().unwrap_or_default();
                assert!(
                    String::from_utf8_lossy(&body).contains("\"sip\" is required"),
                    "{body:?}"
                );
            }
            other => panic!("{protocol:?}: {other:?}"),
        }
    }
    let mut socket = open(&server, Some("xmpp, sip")).await.unwrap();
    send(&mut socket, "").await;
    server.stop().await;
}

/// A message goes from alice to bob over two sockets; the counters count it, and the trace shows each message
/// with its user.
#[tokio::test]
async fn a_message_crosses_and_is_traced() {
    let server = serve();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    server.trace(move |message| {
        let line = String::from_utf8_lossy(message.bytes);
        let line = line.lines().next().unwrap_or_default().to_owned();
        sink.lock()
            .unwrap()
            .push((message.direction, message.user.map(str::to_owned), line));
    });
    let (mut alice, mut bob) = (connect(&server).await, connect(&server).await);
    register(&mut alice, "alice").await;
    register(&mut bob, "bob").await;
    let uri = "sip:bob@example.com";
    send(
        &mut alice,
        &request_lines("MESSAGE", uri, "z9hG4bK1", 1, ""),
    )
    .await;
    let challenge = receive(&mut alice).await;
    let answer_line = credentials(&challenge, "alice", "wonderland", "MESSAGE", uri, 1);
    let more = format!("Proxy-Authorization: {answer_line}");
    send(
        &mut alice,
        &request_lines("MESSAGE", uri, "z9hG4bK2", 2, &more),
    )
    .await;
    let message = receive(&mut bob).await;
    assert!(
        header_of_via(&message).contains(&server.local_addr().to_string()),
        "{message}"
    );
    send(&mut bob, &answer(&message, "200 OK", "b", "")).await;
    assert_eq!(status(&receive(&mut alice).await), 200);

    let counters = server.counters();
    assert_eq!(
        (
            counters.registered,
            counters.messages_delivered,
            counters.challenged
        ),
        (2, 1, 3)
    );
    assert_eq!((counters.received, counters.transmitted), (7, 7));
    let seen = seen.lock().unwrap().clone();
    let line = |way, user: &str, line: &str| (way, Some(user.to_owned()), line.to_owned());
    assert_eq!(
        seen,
        [
            line(
                Direction::Received,
                "alice",
                "REGISTER sip:example.com SIP/2.0"
            ),
            line(Direction::Sent, "alice", "SIP/2.0 401 Unauthorized"),
            line(
                Direction::Received,
                "alice",
                "REGISTER sip:example.com SIP/2.0"
            ),
            line(Direction::Sent, "alice", "SIP/2.0 200 OK"),
            line(
                Direction::Received,
                "bob",
                "REGISTER sip:example.com SIP/2.0"
            ),
            line(Direction::Sent, "bob", "SIP/2.0 401 Unauthorized"),
            line(
                Direction::Received,
                "bob",
                "REGISTER sip:example.com SIP/2.0"
            ),
            line(Direction::Sent, "bob", "SIP/2.0 200 OK"),
            line(
                Direction::Received,
                "alice",
                "MESSAGE sip:bob@example.com SIP/2.0"
            ),
            line(
                Direction::Sent,
                "alice",
                "SIP/2.0 407 Proxy Authentication Required"
            ),
            line(
                Direction::Received,
                "alice",
                "MESSAGE sip:bob@example.com SIP/2.0"
            ),
            line(
                Direction::Sent,
                "bob",
                "MESSAGE sip:bob@bob.invalid;transport=ws SIP/2.0"
            ),
            line(Direction::Received, "bob", "SIP/2.0 200 OK"),
            line(Direction::Sent, "alice", "SIP/2.0 200 OK"),
        ]
    );
    server.stop().await;
}

fn header_of_via(message: &str) -> &str {
    headers(message, "Via")[0]
}

/// Garbage is counted, a broken request answered 400, and the connection serves on.
#[tokio::test]
async fn garbage_does_not_cost_the_connection() {
    let server = serve();
    let mut socket = connect(&server).await;
    socket.send(Message::text("hello")).await.unwrap();
    socket
        .send(Message::binary(vec![0xff, 0x00, 0x0d]))
        .await
        .unwrap();
    let bad = request_lines("MESSAGE", "sip:bob@example.com", "z9hG4bK1", 1, "")
        .replace("CSeq: 1", "CSeq: x");
    send(&mut socket, &bad).await;
    assert_eq!(status(&receive(&mut socket).await), 400);
    register(&mut socket, "alice").await;
    assert_eq!(server.counters().malformed, 3);
}

/// RFC 3261 section 21.5.14: a message a little over the limit is answered 513; RFC 6455 section
/// 7.4.1: a huge one costs the connection, with 1009, and no other connection anything.
#[tokio::test]
async fn rfc6455_7_4_1_oversize_messages() {
    let server = serve_with(|config| config.limits.message.message = 4_000);
    let (mut socket, mut other) = (connect(&server).await, connect(&server).await);
    let large = |length: usize| {
        let lines = request_lines("MESSAGE", "sip:bob@example.com", "z9hG4bK1", 1, "");
        wire(&lines) + &"x".repeat(length)
    };
    socket.send(Message::text(large(10_000))).await.unwrap();
    assert_eq!(status(&receive(&mut socket).await), 513);
    // The server stops reading, so the rest of it may find a closed socket.
    let _refused = socket.send(Message::text(large(1_000_000))).await;
    let code = closed(&mut socket).await;
    assert!(code.is_none_or(|code| code == 1009), "{code:?}");
    register(&mut other, "alice").await;
}

/// A client that goes away takes its bindings along.
#[tokio::test]
async fn a_closed_socket_loses_its_bindings() {
    let server = serve();
    let mut socket = connect(&server).await;
    register(&mut socket, "alice").await;
    drop(socket);
    let lost = async {
        while server.counters().bindings_lost == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, lost).await.expect("the server to notice");
}

/// A user can be cut off, and receives a close frame.
#[tokio::test]
async fn cut_closes_the_sockets_of_a_user() {
    let server = serve();
    let (mut alice, mut bob) = (connect(&server).await, connect(&server).await);
    register(&mut alice, "alice").await;
    register(&mut bob, "bob").await;
    assert_eq!(server.cut("bob").await, 1);
    assert_eq!(closed(&mut bob).await, Some(1001));
    assert_eq!((server.cut("bob").await, server.cut("carol").await), (0, 0));
    register_again(&mut alice).await;
}

async fn register_again(socket: &mut Socket) {
    socket.send(Message::text("\r\n\r\n")).await.unwrap();
    assert_eq!(receive(socket).await, "\r\n");
}

/// A client that does not read is cut when its queue is full; the others do not wait for it.
#[tokio::test]
async fn a_slow_reader_is_cut() {
    let server = serve_with(|config| config.limits.queued_messages = 4);
    let mut slow = connect(&server).await;
    let mut other = connect(&server).await;
    let filler = format!("Subject: {}", "x".repeat(4_000));
    let flood = async {
        for number in 0..100_000_u32 {
            let branch = format!("z9hG4bKf{number}");
            // Each answer repeats the whole Via, so that the answers fill the way back.
            let lines = request_lines("OPTIONS", "sip:example.com", &branch, number, &filler)
                .replace(";branch", &format!(";x={};branch", "y".repeat(4_000)));
            if slow.send(Message::text(wire(&lines))).await.is_err() {
                return;
            }
        }
        panic!("never cut");
    };
    timeout(PATIENCE, flood)
        .await
        .expect("the server to cut it");
    register(&mut other, "alice").await;
}

/// RFC 9110 section 15.6.4: the server answers one client too many with the time to try again, and accepts it once another client has left.
#[tokio::test]
async fn fault_f8_a_full_server_answers_the_upgrade_with_503() {
    let server = serve_with(|config| config.limits.connections = 1);
    let first = connect(&server).await;
    match open(&server, Some("sip")).await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 503);
            let seconds = response.headers()["Retry-After"].to_str().unwrap();
            assert!(seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0));
            assert_eq!(response.headers()["Connection"], "close");
        }
        other => panic!("{other:?}"),
    }
    drop(first);
    let again = async {
        while open(&server, Some("sip")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("a place");
}

/// Clients that are refused and send no request cost the server a bounded number of sockets, and the users that
/// are connected nothing.
#[tokio::test]
async fn fault_f8_silent_clients_of_a_full_server_are_bounded() {
    const SILENT: usize = 200;
    let server = serve_with(|config| config.limits.connections = 1);
    let mut first = connect(&server).await;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(server.local_addr()).await.unwrap());
    }
    register(&mut first, "alice").await;
    // The server has accepted the silent clients when it has ended one more, because they came first.
    let _ = timeout(PATIENCE, open(&server, Some("sip"))).await;
    let mut cut_at_once = 0;
    for stream in &mut silent {
        let mut byte = [0];
        let short = Duration::from_millis(1);
        cut_at_once += usize::from(timeout(short, stream.read(&mut byte)).await.is_ok());
    }
    assert!(cut_at_once >= 100, "{cut_at_once} of {SILENT}");
    // The others are cut in time, so a client that asks is answered again.
    let answered = async {
        loop {
            match open(&server, Some("sip")).await {
                Err(Error::Http(response)) => return response.status().as_u16(),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    assert_eq!(timeout(PATIENCE, answered).await.expect("an answer"), 503);
}

/// Stopping closes with 1001; dropping aborts all connections.
#[tokio::test]
async fn stop_and_drop_end_every_socket() {
    let server = serve();
    let mut socket = connect(&server).await;
    register(&mut socket, "alice").await;
    let (code, ()) = tokio::join!(closed(&mut socket), server.stop());
    assert_eq!(code, Some(1001));

    let server = serve();
    let address = server.local_addr();
    let mut socket = connect(&server).await;
    drop(server);
    assert_eq!(closed(&mut socket).await, None);
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the server has stopped listening"
    );
}

/// A configuration that cannot be served is an error, not a panic.
#[test]
fn start_refuses_what_cannot_be_served() {
    assert!(EdgeServer::start(config()).is_err(), "no runtime");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let server = serve();
    let taken = EdgeServer::start(EdgeConfig {
        listen: server.local_addr(),
        ..config()
    });
    assert_eq!(taken.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let nonsense = EdgeConfig {
        realm: String::new(),
        listen: ([127, 0, 0, 1], 0).into(),
        ..config()
    };
    assert_eq!(
        EdgeServer::start(nonsense).unwrap_err().kind(),
        std::io::ErrorKind::InvalidInput
    );
}

/// RFC 6455 section 5.5.3: of several pings the last one may be answered alone. A peer that sends pings and
/// does not read must not fill the memory with pongs.
#[tokio::test]
async fn rfc6455_5_5_3_pongs_that_nobody_reads_are_bounded() {
    const PINGS: usize = 400_000;
    let server = serve();
    let mut socket = connect(&server).await;
    let stream = socket.get_mut();
    // A mask of zeros leaves the payload as it is.
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[7; 125]].concat();
    let some = ping.repeat(1_000);
    let mut sent = 0;
    while sent < PINGS && matches!(timeout(PATIENCE, stream.write_all(&some)).await, Ok(Ok(()))) {
        sent += 1_000;
    }
    let mut received = 0;
    let mut scratch = vec![0; 65_536];
    let silence = Duration::from_secs(1);
    while let Ok(Ok(length @ 1..)) = timeout(silence, stream.read(&mut scratch)).await {
        received += length;
    }
    // The buffers of both sockets, and the bytes that may wait behind them; all pongs would be 50 MB.
    assert!(received < 20_000_000, "{received} bytes for {sent} pings");
}
