//! What all attempts of one agent to connect share.

use sip_core::config::ServerUrl;
use sip_core::connection::ConnectError;
use tungstenite::protocol::WebSocketConfig;

use crate::failure::Failure;
use crate::os::handshake::Handshake;
use crate::os::headers::HandshakeHeaders;
use crate::os::proxy::Proxy;
#[cfg(feature = "tls")]
use crate::os::trust::Trust;

/// The way to the servers of one agent: proxy, trust, header fields, sizes.
#[derive(Debug)]
pub struct Dialing {
    pub(super) proxy: Option<Proxy>,
    pub(super) headers: HandshakeHeaders,
    /// The TLS trust.
    #[cfg(feature = "tls")]
    pub trust: Trust,
    /// Buffers and sizes of each connection.
    pub websocket: WebSocketConfig,
}

impl Dialing {
    /// Host and port to open the socket to: those of the proxy, or of `server`.
    #[must_use]
    pub fn first_hop<'a>(&'a self, server: &'a ServerUrl) -> (&'a str, u16) {
        match &self.proxy {
            Some(proxy) => (proxy.host(), proxy.port()),
            None => (server.host(), server.port()),
        }
    }

    /// The failure of the attempt if the name of the first hop has no address or its socket does not open.
    #[must_use]
    pub fn unreached(&self, (error, detail): Failure) -> Failure {
        match &self.proxy {
            Some(proxy) => {
                let (host, port) = (proxy.host(), proxy.port());
                let detail = format!("{host} port {port}: {error}: {detail}");
                (ConnectError::ProxyUnreachable, detail)
            }
            None => (error, detail),
        }
    }

    /// The first exchange on the open socket, if there is a proxy.
    #[must_use]
    pub fn tunnel(&self, server: &ServerUrl) -> Option<Handshake> {
        let proxy = self.proxy.as_ref()?;
        Some(Handshake::connect(proxy, server))
    }

    /// The last exchange.
    #[must_use]
    pub fn upgrade(&self, server: &ServerUrl) -> Handshake {
        Handshake::upgrade(server, &self.headers)
    }

    /// Whether the remote address of the socket is that of the proxy.
    #[must_use]
    pub const fn is_through_proxy(&self) -> bool {
        self.proxy.is_some()
    }
}

/// The failure of an attempt of an adapter without TLS to reach a `wss` server, which a change of the servers may bring.
#[must_use]
pub fn no_tls() -> Failure {
    let detail = "this program is built without TLS: enable the feature `ring` or `aws-lc-rs` of the adapter";
    (ConnectError::Tls, detail.to_owned())
}
