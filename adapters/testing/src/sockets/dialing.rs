//! The way to a server, for both adapters: header fields of the application, an HTTP proxy, a client certificate.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::CertificateDer;
use sip_core::connection::ConnectError;
use sip_host::ConnectFailure;
use sip_host::os::{ClientCertificate, HandshakeHeaders, Options, Proxy};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::HeaderValue;

use crate::sockets::certificate::{certificate, mutual};
use crate::sockets::proxy::{Behaviour, HttpProxy};
use crate::sockets::registrar::Registrar;
use crate::sockets::request::request;
use crate::sockets::wire::{Bench, FINAL, TEXT};

/// What an agent is to be started with.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The server.
    pub url: String,
    proxy: Option<Proxy>,
    headers: HandshakeHeaders,
    roots: Vec<CertificateDer<'static>>,
    client: Option<ClientCertificate>,
}

impl Wanted {
    /// An agent that connects to `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }

    fn through(mut self, proxy: &HttpProxy) -> Self {
        self.proxy = Some(Proxy::new("127.0.0.1", proxy.port).unwrap());
        self
    }

    /// The options of the adapter.
    pub fn options<F: ?Sized>(&mut self) -> Options<F> {
        let mut options = Options::default();
        options.proxy = self.proxy.take();
        options.headers = std::mem::take(&mut self.headers);
        options.roots = Vec::new();
        options.extra_roots = std::mem::take(&mut self.roots);
        options.client_certificate = self.client.take();
        options
    }
}

/// How an adapter starts an agent, and waits for its first connection or failure.
pub trait Adapter {
    /// What keeps the agent alive.
    type Agent;

    /// Starts an agent that does not register.
    fn start(&self, wanted: Wanted) -> Self::Agent;

    /// Whether the first attempt to connect succeeded.
    ///
    /// # Errors
    /// Why it did not.
    fn outcome(&self, agent: &mut Self::Agent) -> Result<(), ConnectFailure>;
}

fn failure(adapter: &impl Adapter, wanted: Wanted) -> ConnectFailure {
    let mut agent = adapter.start(wanted);
    let outcome = adapter.outcome(&mut agent);
    outcome.expect_err("no connection")
}

/// RFC 6455 section 4.1: the fields of the application are in the upgrade request, and the connection works.
pub fn headers_of_the_application_are_in_the_upgrade_request(adapter: &impl Adapter) {
    let mut headers = HandshakeHeaders::default();
    headers.add("Authorization", "Bearer abc").unwrap();
    headers.add("Cookie", "a=1; b=2").unwrap();
    headers.add("Origin", "https://example.com").unwrap();
    let mut bench = Bench::new(|url| {
        adapter.start(Wanted {
            headers,
            ..Wanted::at(url)
        })
    });
    for field in [
        "Authorization: Bearer abc",
        "Cookie: a=1; b=2",
        "Origin: https://example.com",
    ] {
        let line = format!("\r\n{field}\r\n");
        assert_eq!(bench.head.matches(&line).count(), 1, "{}", bench.head);
    }
    bench.frame(FINAL | TEXT, request("OPTIONS", 1, "").as_bytes());
    bench.is_answered();
}

/// RFC 9110 section 9.3.6: the proxy opens the tunnel, and the agent registers through it.
pub fn rfc9110_9_3_6_a_proxy_relays_ws(adapter: &impl Adapter) {
    let registrar = Registrar::start(600);
    let proxy = HttpProxy::start(Behaviour::Relay, registrar.port);
    // Only the proxy resolves the name.
    let wanted = Wanted::at("ws://sip.invalid:7080/ws?token=secret").through(&proxy);
    let mut agent = adapter.start(wanted);
    adapter.outcome(&mut agent).unwrap();
    let expected = "CONNECT sip.invalid:7080 HTTP/1.1\r\nHost: sip.invalid:7080\r\n\r\n";
    assert_eq!(proxy.heads(), [expected]);
    assert_eq!(registrar.connections(), 1);
    registrar.end();
}

/// RFC 7617: the proxy gets the credentials, and the server does not, even without TLS.
pub fn rfc7617_a_proxy_gets_the_credentials_and_the_server_does_not(adapter: &impl Adapter) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = HttpProxy::start(Behaviour::Relay, port);
    let with = Proxy::new("localhost", proxy.port).unwrap();
    let with = with.credentials("Aladdin", "open sesame").unwrap();
    let mut agent = adapter.start(Wanted {
        proxy: Some(with),
        ..Wanted::at(format!("ws://127.0.0.1:{port}"))
    });
    let (stream, _) = listener.accept().unwrap();
    let (seen, _socket) = upgrade(stream);
    adapter.outcome(&mut agent).unwrap();
    let expected = "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    assert!(proxy.heads()[0].contains(expected));
    assert!(!seen.to_ascii_lowercase().contains("proxy"), "{seen}");
}

/// TLS runs through the tunnel: the certificate is that of the server, not of the proxy.
pub fn rfc9110_9_3_6_a_proxy_relays_wss(adapter: &impl Adapter) {
    let (config, root) = certificate("sip.invalid");
    let port = serve(config);
    let proxy = HttpProxy::start(Behaviour::Relay, port);
    let wanted = Wanted {
        roots: vec![root],
        ..Wanted::at("wss://sip.invalid").through(&proxy)
    };
    let mut agent = adapter.start(wanted);
    adapter.outcome(&mut agent).unwrap();
    assert!(proxy.heads()[0].starts_with("CONNECT sip.invalid:443 HTTP/1.1\r\n"));
}

/// Each refusal and each fault of a proxy has its own error, and none of their texts has the credentials or the token.
pub fn a_hostile_proxy_is_a_typed_failure(adapter: &impl Adapter) {
    let say = |text: &str| Behaviour::Say(text.as_bytes().to_vec());
    let hang_up = |text: &str| Behaviour::SayAndHangUp(text.as_bytes().to_vec());
    let cases = [
        (
            say("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n"),
            ConnectError::Proxy(407),
        ),
        (
            say("HTTP/1.0 403 No\r\n\r\n<html>"),
            ConnectError::Proxy(403),
        ),
        (
            hang_up("HTTP/1.1 502 Later\r\n\r\n"),
            ConnectError::Proxy(502),
        ),
        (say("HTTP/1.1 101 Go\r\n\r\n"), ConnectError::Proxy(101)),
        (say("SSH-2.0-x\r\n"), ConnectError::ProxyProtocol),
        (
            say("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101"),
            ConnectError::ProxyProtocol,
        ),
        (hang_up(""), ConnectError::ProxyProtocol),
        (hang_up("HTTP/1.1 200 OK\r\n"), ConnectError::ProxyProtocol),
        (
            Behaviour::Flood(b"HTTP/1.1 200 OK\r\nX: ".to_vec()),
            ConnectError::ProxyProtocol,
        ),
        (
            Behaviour::Flood(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000)),
            ConnectError::ProxyProtocol,
        ),
    ];
    for (behaviour, expected) in cases {
        let shown = format!("{behaviour:?}")
            .chars()
            .take(60)
            .collect::<String>();
        let proxy = HttpProxy::start(behaviour, 1);
        let with = Proxy::new("127.0.0.1", proxy.port).unwrap();
        let failure = failure(
            adapter,
            Wanted {
                proxy: Some(with.credentials("Aladdin", "open sesame").unwrap()),
                ..Wanted::at("ws://sip.invalid/?token=secret")
            },
        );
        assert_eq!(failure.error, expected, "{shown}");
        let text = format!("{failure} {failure:?}");
        for secret in ["secret", "sesame", "QWxh"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// The failure says that it is the proxy that could not be reached.
pub fn a_proxy_that_is_not_there_is_a_typed_failure(adapter: &impl Adapter) {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for host in ["127.0.0.1", "proxy.invalid"] {
        let wanted = Wanted {
            proxy: Some(Proxy::new(host, port).unwrap()),
            ..Wanted::at("ws://127.0.0.1:1")
        };
        let failure = failure(adapter, wanted);
        assert_eq!(failure.error, ConnectError::ProxyUnreachable);
        let text = failure.to_string();
        assert!(text.contains(&format!("{host} port {port}")), "{text}");
    }
}

/// RFC 8446 section 4.4.2: a server that requires a certificate gets it, and refuses an agent without one or with another.
pub fn rfc8446_4_4_2_a_server_gets_the_client_certificate(adapter: &impl Adapter) {
    let (config, root, [own, other]) = mutual("localhost");
    let port = serve(config);
    let wanted = |client| Wanted {
        roots: vec![root.clone()],
        client,
        ..Wanted::at(format!("wss://localhost:{port}"))
    };
    let own = ClientCertificate::new(own.0, own.1);
    let mut agent = adapter.start(wanted(Some(own)));
    adapter.outcome(&mut agent).unwrap();
    for client in [None, Some(ClientCertificate::new(other.0, other.1))] {
        let failure = failure(adapter, wanted(client));
        assert_eq!(failure.error, ConnectError::Tls, "{failure}");
    }
}

/// A TLS server that opens WebSockets with the sub-protocol sip; its port.
fn serve(config: Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let tls = ServerConnection::new(config.clone()).unwrap();
            std::thread::spawn(move || {
                let mut tls = StreamOwned::new(tls, tcp);
                if tls.conn.complete_io(&mut tls.sock).is_ok() {
                    let (_, mut socket) = upgrade(tls);
                    while socket.read().is_ok() {}
                    return;
                }
                // A socket that is closed over unread bytes is reset, and the agent might not read the alert.
                let _ = tls.sock.shutdown(Shutdown::Write);
                let _ = std::io::copy(&mut tls.sock, &mut std::io::sink());
            });
        }
    });
    port
}

/// The fields of the upgrade request as text, and the open WebSocket.
fn upgrade<S: Read + Write + std::fmt::Debug>(stream: S) -> (String, tungstenite::WebSocket<S>) {
    let mut seen = String::new();
    #[expect(clippy::result_large_err, reason = "the signature of the library")]
    let callback = |request: &Request, mut response: Response| {
        seen = format!("{:?}", request.headers());
        let sip = HeaderValue::from_static("sip");
        response.headers_mut().insert("Sec-WebSocket-Protocol", sip);
        Ok(response)
    };
    let socket = tungstenite::accept_hdr(stream, callback).unwrap();
    (seen, socket)
}
