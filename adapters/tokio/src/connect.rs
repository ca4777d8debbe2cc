//! Opening a connection: names, addresses, TLS and the WebSocket handshake (RFC 7118 section 4).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use sip_core::config::{Server, ServerUrl};
use sip_core::connection::ConnectError;
use sip_core::{ConnectionInfo, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error as WebSocketError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::{Request, generate_key};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// How long one attempt may take: names, all addresses, TLS and handshake together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an address is alone before the next one is tried beside it (RFC 8305 section 5).
const ADDRESS_DELAY: Duration = Duration::from_millis(250);

/// How many addresses of one name are tried.
const ADDRESS_LIMIT: usize = 16;

/// The subprotocol of RFC 7118 section 4.1.
const SUBPROTOCOL: &str = "sip";

/// What carries WebSocket frames: TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) type Socket = Box<WebSocketStream<Box<dyn Stream>>>;

/// Why a connection could not be opened: what the core is told, and the same in a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ConnectFailure {
    /// The server, its query left out.
    pub server: String,
    /// What went wrong, as the core is told.
    pub error: ConnectError,
    /// What went wrong, in the words of the layer that failed.
    pub detail: String,
}

impl std::fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no connection to {}: {}", self.server, self.error)?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.detail)
        }
    }
}

impl std::error::Error for ConnectFailure {}

/// What opens connections: the TLS roots and the sizes, the same for all attempts of one agent.
pub(crate) struct Dialer {
    /// Made only for configurations with a `wss` server: reading the system's roots takes its time.
    tls: Option<TlsConnector>,
    websocket: WebSocketConfig,
}

impl Dialer {
    /// For connections to `servers`. `roots` are trusted beside those of the operating system; no
    /// message may be much longer than `message_limit` bytes. An error is a root certificate that
    /// cannot be read.
    pub(crate) fn new(
        servers: &[Server],
        roots: &[CertificateDer<'static>],
        message_limit: usize,
    ) -> Result<Self, rustls::Error> {
        let is_secure = servers.iter().any(|server| server.url.is_secure());
        let tls = is_secure.then(|| tls_connector(roots)).transpose()?;
        // What is a little too large still reaches the core, which answers 513; the rest costs the
        // connection.
        let largest = message_limit.saturating_mul(2);
        let websocket = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(16 * 1024)
            .max_message_size(Some(largest))
            .max_frame_size(Some(largest));
        Ok(Self { tls, websocket })
    }

    /// Opens a connection to `server` within [`CONNECT_TIMEOUT`].
    pub(crate) async fn open(
        &self,
        server: &ServerUrl,
    ) -> Result<(Socket, ConnectionInfo), ConnectFailure> {
        let attempt = tokio::time::timeout(CONNECT_TIMEOUT, self.attempt(server));
        let (error, detail) = match attempt.await {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(failure)) => failure,
            Err(_) => (
                ConnectError::Timeout,
                format!("after {} s", CONNECT_TIMEOUT.as_secs()),
            ),
        };
        Err(ConnectFailure {
            server: server.to_string(),
            error,
            detail,
        })
    }

    async fn attempt(&self, server: &ServerUrl) -> Result<(Socket, ConnectionInfo), Failure> {
        // Names are resolved on each attempt: a server that moved is found again.
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((server.host(), server.port()))
            .await
            .map_err(|error| (ConnectError::Dns, error.to_string()))?
            .take(ADDRESS_LIMIT)
            .collect();
        if addresses.is_empty() {
            return Err((ConnectError::Dns, "the name has no address".to_owned()));
        }
        let tcp = dial(alternate(addresses))
            .await
            .map_err(|error| tcp_failure(&error))?;
        let remote = tcp.peer_addr().ok();
        // A SIP message is one write: waiting for more to send with it only delays it.
        tcp.set_nodelay(true).map_err(|error| tcp_failure(&error))?;
        let (stream, transport): (Box<dyn Stream>, _) = if server.is_secure() {
            let name = ServerName::try_from(server.host().to_owned())
                .map_err(|error| (ConnectError::Tls, error.to_string()))?;
            let Some(connector) = &self.tls else {
                return Err((ConnectError::Tls, "no roots of trust".to_owned()));
            };
            let tls = connector
                .connect(name, tcp)
                .await
                .map_err(|error| tls_failure(&error))?;
            (Box::new(tls), Transport::Wss)
        } else {
            (Box::new(tcp), Transport::Ws)
        };
        let handshake = tokio_tungstenite::client_async_with_config(
            handshake(server)?,
            stream,
            Some(self.websocket),
        );
        let (socket, _) = handshake.await.map_err(|error| handshake_failure(&error))?;
        Ok((Box::new(socket), ConnectionInfo { transport, remote }))
    }
}

type Failure = (ConnectError, String);

fn tls_connector(roots: &[CertificateDer<'static>]) -> Result<TlsConnector, rustls::Error> {
    let mut store = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(target: "sip.transport", "system root certificates: {error}");
    }
    // One unreadable certificate among the system's many is no reason to trust none of them.
    store.add_parsable_certificates(found.certs);
    for root in roots {
        store.add(root.clone())?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The two address families in turn, the resolver's first choice first (RFC 8305 section 4).
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.drain(..), second.drain(..));
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return ordered;
        }
        ordered.extend(pair.0);
        ordered.extend(pair.1);
    }
}

/// Tries all addresses, each one [`ADDRESS_DELAY`] after the last or as soon as that one failed.
async fn dial(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut failure: Option<io::Error> = None;
    loop {
        if let Some(address) = waiting.next() {
            running.push(TcpStream::connect(address));
        }
        let finished = tokio::select! {
            finished = running.next() => finished,
            () = tokio::time::sleep(ADDRESS_DELAY), if waiting.len() > 0 => continue,
        };
        match finished {
            Some(Ok(stream)) => return Ok(stream),
            // A refusal says more than an address that this host has no route to.
            Some(Err(error))
                if failure.is_none() || error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                failure = Some(error);
            }
            Some(Err(_)) => {}
            None => return Err(failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
        }
    }
}

/// The upgrade request of RFC 7118 section 4.1.
fn handshake(server: &ServerUrl) -> Result<Request, Failure> {
    let scheme = if server.is_secure() { "wss" } else { "ws" };
    let target = server.path_and_query();
    Request::builder()
        .uri(format!(
            "{scheme}://{}{}",
            server.route_host(),
            target.as_str()
        ))
        .header("Host", server.route_host())
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key())
        .header("Sec-WebSocket-Protocol", SUBPROTOCOL)
        .body(())
        .map_err(|error| (ConnectError::Other, error.to_string()))
}

fn tcp_failure(error: &io::Error) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused,
        io::ErrorKind::TimedOut => ConnectError::Timeout,
        _ => ConnectError::Other,
    };
    (kind, error.to_string())
}

fn tls_failure(error: &io::Error) -> Failure {
    // A connection that breaks during the TLS handshake is no verdict on certificates.
    let is_tls = error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    if is_tls {
        (ConnectError::Tls, error.to_string())
    } else {
        tcp_failure(error)
    }
}

fn handshake_failure(error: &WebSocketError) -> Failure {
    let kind = match error {
        WebSocketError::Http(response) => ConnectError::Upgrade(response.status().as_u16()),
        WebSocketError::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => {
            ConnectError::Subprotocol
        }
        WebSocketError::Io(error) => return tcp_failure(error),
        _ => ConnectError::Other,
    };
    (kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8305_4_address_families_alternate() {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "192.0.2.1:1"].map(parse);
        let expected = ["[::1]:1", "192.0.2.1:1", "[::2]:1", "[::3]:1"].map(parse);
        assert_eq!(alternate(given.to_vec()), expected);
        assert_eq!(alternate(Vec::new()), []);
    }

    #[test]
    fn rfc7118_4_1_the_handshake_asks_for_the_subprotocol_sip() {
        let server = ServerUrl::parse("wss://[::1]:7443/ws?token=secret").unwrap();
        let request = handshake(&server).unwrap();
        assert_eq!(request.headers()["Sec-WebSocket-Protocol"], "sip");
        assert_eq!(request.headers()["Host"], "[::1]:7443");
        assert_eq!(request.uri().path_and_query().unwrap(), "/ws?token=secret");
    }

    #[tokio::test]
    async fn every_address_is_tried_and_a_refusal_is_told() {
        let closed = |last: u8| SocketAddr::from(([127, 0, 0, last], 1));
        let error = dial(vec![closed(1), closed(2)]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let stream = dial(vec![closed(1), open]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
    }
}
