//! Opens a connection: names, addresses, TLS and the WebSocket handshake (RFC 7118 section 4).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sip_core::config::{Config, ServerUrl};
use sip_core::{ConnectionInfo, Transport};
use sip_host::os::{
    ADDRESS_DELAY, READS_PER_TURN, StartError, Trust, handshake_failure, preferred, server_name,
    tcp_failure, upgrade_request, websocket_config,
};
use sip_host::{CONNECT_TIMEOUT, ConnectFailure, Failure};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::options::Options;

/// Carries WebSocket frames: TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream with a limit of reads in one turn, because fragments that do not complete a message keep one read
/// of the WebSocket busy.
pub(crate) struct Turns {
    stream: Box<dyn Stream>,
    /// How many reads are left in this turn.
    reads: u32,
}

impl Turns {
    pub(crate) fn begin(&mut self) {
        self.reads = READS_PER_TURN;
    }
}

impl AsyncRead for Turns {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(left) = self.reads.checked_sub(1) else {
            // There may be more to read, but other work has its turn first.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        self.reads = left;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Turns {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

pub(crate) type Socket = Box<WebSocketStream<Turns>>;

/// Trust and sizes of connections: the same for all attempts of one agent.
pub(crate) struct Dialer {
    trust: Trust,
    websocket: WebSocketConfig,
}

impl Dialer {
    /// A dialer for the servers of `config`. Fails if a root certificate cannot be read.
    pub(crate) fn new(config: &Config, options: &Options) -> Result<Self, StartError> {
        let trust = Trust::new(config.servers(), &options.extra_roots).map_err(StartError::Root)?;
        let websocket = websocket_config(options.limits.message.message, options.send_queue);
        Ok(Self { trust, websocket })
    }

    /// Opens a connection to `server` within [`CONNECT_TIMEOUT`].
    pub(crate) async fn open(
        &self,
        server: &ServerUrl,
    ) -> Result<(Socket, ConnectionInfo), ConnectFailure> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.attempt(server))
            .await
            .unwrap_or_else(|_| Err(ConnectFailure::late()))
            .map_err(|failure| ConnectFailure::new(server, failure))
    }

    async fn attempt(&self, server: &ServerUrl) -> Result<(Socket, ConnectionInfo), Failure> {
        // Names are resolved again on each attempt, so that a server that has moved is found.
        let addresses = tokio::net::lookup_host((server.host(), server.port())).await;
        let tcp = dial(preferred(addresses)?)
            .await
            .map_err(|error| tcp_failure(&error))?;
        let remote = tcp.peer_addr().ok();
        // A SIP message is one write, so waiting for more data would only delay it.
        tcp.set_nodelay(true).map_err(|error| tcp_failure(&error))?;
        let (stream, transport): (Box<dyn Stream>, _) = if server.is_secure() {
            let tls = TlsConnector::from(self.trust.tls()?)
                .connect(server_name(server)?, tcp)
                .await
                .map_err(|error| tcp_failure(&error))?;
            (Box::new(tls), Transport::Wss)
        } else {
            (Box::new(tcp), Transport::Ws)
        };
        // No limit of reads, because the handshake has its own.
        let stream = Turns {
            stream,
            reads: u32::MAX,
        };
        let handshake = tokio_tungstenite::client_async_with_config(
            upgrade_request(server)?,
            stream,
            Some(self.websocket),
        );
        let (socket, _) = handshake.await.map_err(|error| handshake_failure(&error))?;
        Ok((Box::new(socket), ConnectionInfo { transport, remote }))
    }
}

/// Tries all addresses: each one [`ADDRESS_DELAY`] after the last, or as soon as one has failed.
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
            // A refusal is more informative than the error for an address without a route.
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

#[cfg(test)]
mod tests {
    use super::*;

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
