//! Opens a connection: names, addresses, TLS and the WebSocket handshake (RFC 7118 section 4).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sip_core::config::ServerUrl;
use sip_core::{ConnectionInfo, Transport};
use sip_host::os::{
    ADDRESS_DELAY, Answer, Dialing, Handshake, Progress, READS_PER_TURN, preferred, tcp_failure,
};
use sip_host::{CONNECT_TIMEOUT, ConnectFailure, Failure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// How many bytes of an answer one read takes at most.
const ANSWER_BUFFER: usize = 1024;

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

/// The way to the servers: the same for all attempts of one agent.
pub(crate) struct Dialer(Dialing);

impl Dialer {
    pub(crate) const fn new(dialing: Dialing) -> Self {
        Self(dialing)
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
        let first_hop = self.reach(self.0.first_hop(server)).await;
        let mut tcp = first_hop.map_err(|failure| self.0.unreached(failure))?;
        // Behind a proxy the address of the server is unknown.
        let remote = match self.0.is_through_proxy() {
            true => None,
            false => tcp.peer_addr().ok(),
        };
        // A SIP message is one write, so waiting for more data would only delay it.
        tcp.set_nodelay(true).map_err(|error| tcp_failure(&error))?;
        if let Some(tunnel) = self.0.tunnel(server) {
            carry_out(tunnel, &mut tcp).await?;
        }
        let (mut stream, transport): (Box<dyn Stream>, _) = if server.is_secure() {
            (self.secure(server, tcp).await?, Transport::Wss)
        } else {
            (Box::new(tcp), Transport::Ws)
        };
        let rest = carry_out(self.0.upgrade(server), &mut stream).await?;
        let stream = Turns { stream, reads: 0 };
        let (role, sizes) = (Role::Client, Some(self.0.websocket));
        let socket = WebSocketStream::from_partially_read(stream, rest, role, sizes).await;
        Ok((Box::new(socket), ConnectionInfo { transport, remote }))
    }

    async fn reach(&self, (host, port): (&str, u16)) -> Result<TcpStream, Failure> {
        // Names are resolved again on each attempt, so that a server that has moved is found.
        let addresses = tokio::net::lookup_host((host, port)).await;
        let dialled = dial(preferred(addresses)?).await;
        dialled.map_err(|error| tcp_failure(&error))
    }

    #[cfg(feature = "tls")]
    async fn secure(&self, server: &ServerUrl, tcp: TcpStream) -> Result<Box<dyn Stream>, Failure> {
        let name = sip_host::os::server_name(server)?;
        let connector = tokio_rustls::TlsConnector::from(self.0.trust.tls()?);
        let tls = connector.connect(name, tcp).await;
        Ok(Box::new(tls.map_err(|error| tcp_failure(&error))?))
    }

    #[cfg(not(feature = "tls"))]
    async fn secure(&self, _: &ServerUrl, _: TcpStream) -> Result<Box<dyn Stream>, Failure> {
        Err(sip_host::os::no_tls())
    }
}

/// Sends a request and reads its answer; the bytes after the answer.
async fn carry_out(
    mut handshake: Handshake,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Result<Vec<u8>, Failure> {
    let sent = async {
        stream.write_all(handshake.unsent()).await?;
        stream.flush().await
    };
    sent.await.map_err(|error| handshake.broken(&error))?;
    let mut buffer = [0; ANSWER_BUFFER];
    loop {
        let answer = match stream.read(&mut buffer).await {
            Ok(0) => Answer::End,
            Ok(length) => Answer::Bytes(buffer.get(..length).unwrap_or_default()),
            Err(error) => return Err(handshake.broken(&error)),
        };
        match handshake.step(answer)? {
            Progress::Continue(next) => handshake = next,
            Progress::Open(rest) => return Ok(rest),
        }
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
