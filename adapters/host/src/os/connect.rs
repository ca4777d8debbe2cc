//! Opening a connection, apart from its socket: trust, the upgrade request, and the meaning of failures (RFC
//! 7118 section 4).

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use sip_core::config::{Server, ServerUrl};
use sip_core::connection::ConnectError;
use tungstenite::error::{Error as WebSocketError, ProtocolError};
use tungstenite::handshake::client::{Request, generate_key};

use crate::failure::Failure;

/// How long one address is tried alone before the next one starts beside it (RFC 8305 section 5).
pub const ADDRESS_DELAY: Duration = Duration::from_millis(250);

/// How many addresses of one name are tried at most.
pub const ADDRESS_LIMIT: usize = 16;

/// The subprotocol of RFC 7118 section 4.1.
const SUBPROTOCOL: &str = "sip";

/// The TLS trust of one agent. All of its connections share it.
#[derive(Debug)]
pub struct Trust {
    extra: RootCertStore,
    /// Built for the first `wss` server, because loading the system's roots is slow.
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    /// Trust for connections to `servers` and to others that may be configured later. `roots` are trusted in
    /// addition to those of the operating system.
    ///
    /// # Errors
    /// One of `roots` cannot be read, or TLS is not available.
    pub fn new(
        servers: &[Server],
        roots: &[CertificateDer<'static>],
    ) -> Result<Self, rustls::Error> {
        let mut extra = RootCertStore::empty();
        for root in roots {
            extra.add(root.clone())?;
        }
        let trust = Self {
            extra,
            tls: OnceLock::new(),
        };
        if servers.iter().any(|server| server.url.is_secure()) {
            trust.config()?;
        }
        Ok(trust)
    }

    /// The TLS configuration for a `wss` server.
    ///
    /// # Errors
    /// TLS is not available.
    pub fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        self.config()
            .map_err(|error| (ConnectError::Tls, error.to_string()))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let made = tls_config(self.extra.clone())?;
        Ok(self.tls.get_or_init(|| made).clone())
    }
}

fn tls_config(mut store: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(target: "sip.transport", "system root certificates: {error}");
    }
    // The other certificates of the system are trusted even if one of them cannot be read.
    store.add_parsable_certificates(found.certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The name that the certificate of the server must contain (RFC 5922 section 4).
///
/// # Errors
/// The host of the URL is not a name that a certificate can contain.
pub fn server_name(server: &ServerUrl) -> Result<ServerName<'static>, Failure> {
    ServerName::try_from(server.host().to_owned())
        .map_err(|error| (ConnectError::Tls, error.to_string()))
}

/// The addresses that a resolver has found in the order in which to try them: at most [`ADDRESS_LIMIT`], the
/// two families in turn.
///
/// # Errors
/// The resolver failed or found no address.
pub fn preferred(
    found: io::Result<impl IntoIterator<Item = SocketAddr>>,
) -> Result<Vec<SocketAddr>, Failure> {
    let found = found.map_err(|error| (ConnectError::Dns, error.to_string()))?;
    let addresses: Vec<SocketAddr> = found.into_iter().take(ADDRESS_LIMIT).collect();
    if addresses.is_empty() {
        return Err((ConnectError::Dns, "the name has no address".to_owned()));
    }
    Ok(alternate(addresses))
}

/// Sorts addresses so that the two families alternate; the family of the first one leads (RFC 8305 section 4).
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

/// The upgrade request of RFC 7118 section 4.1.
///
/// # Errors
/// The URL cannot be written into a request.
pub fn upgrade_request(server: &ServerUrl) -> Result<Request, Failure> {
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

/// The failure for an error of the socket, before or below TLS.
///
/// An error that TLS raised through the socket is [`ConnectError::Tls`]. A connection that breaks during the
/// TLS handshake is not, because it says nothing about certificates.
#[must_use]
pub fn tcp_failure(error: &io::Error) -> Failure {
    let is_tls = error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    let kind = match error.kind() {
        _ if is_tls => ConnectError::Tls,
        io::ErrorKind::ConnectionRefused => ConnectError::Refused,
        io::ErrorKind::TimedOut => ConnectError::Timeout,
        _ => ConnectError::Other,
    };
    (kind, error.to_string())
}

/// The failure for an error of the WebSocket handshake.
#[must_use]
pub fn handshake_failure(error: &WebSocketError) -> Failure {
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
    fn a_name_without_addresses_is_a_failure_and_one_with_many_is_cut() {
        let none = preferred(Ok(Vec::new())).unwrap_err();
        assert_eq!(none.0, ConnectError::Dns);
        let many = (0..100).map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        assert_eq!(preferred(Ok(many)).unwrap().len(), ADDRESS_LIMIT);
    }

    #[test]
    fn rfc7118_4_1_the_handshake_asks_for_the_subprotocol_sip() {
        let server = ServerUrl::parse("wss://[::1]:7443/ws?token=secret").unwrap();
        let request = upgrade_request(&server).unwrap();
        assert_eq!(request.headers()["Sec-WebSocket-Protocol"], "sip");
        assert_eq!(request.headers()["Host"], "[::1]:7443");
        assert_eq!(request.uri().path_and_query().unwrap(), "/ws?token=secret");
    }
}
