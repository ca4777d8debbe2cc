//! The page of `sip serve --web`: two phones and the ladder of their messages, over HTTP on a port of its own.
//!
//! | request | answer |
//! |---|---|
//! | a path of the table of files | the file, from the program itself |
//! | `/phones.json` | the URL of the edge, the users of the phones, and passwords that this process has made |
//! | `/ladder` | the messages of the edge as server-sent events, without credentials |
//!
//! Each connection has one request. Only GET is answered, only to clients that name the server by an IP address, as
//! `localhost` or as the command line does, and only to pages of this origin; all of it is bounded in number, size and time.
//!
//! Files from the top to the bottom; each imports only those below it: `web`, which has the sockets, `answer` and `head`, `live` and
//! `phones`.

mod answer;
mod head;
mod live;
mod phones;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sip_edge::TraceMessage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use answer::Resource;
use head::Refusal;
use live::Live;
pub(crate) use phones::{Phones, generated_users};

/// How many connections there may be at a time.
const CONNECTIONS: usize = 64;

/// How many more may be refused at a time; a further one is closed without an answer.
const REFUSALS: usize = 16;

/// How many of the connections may be streams of messages.
const STREAMS: usize = 24;

/// How long a client may take for its request.
const REQUEST: Duration = Duration::from_secs(10);

/// How long a client may take to read a response, or a part of a stream.
const WRITE: Duration = Duration::from_secs(10);

/// How long a client may take to close its end.
const CLOSE: Duration = Duration::from_millis(500);

/// After this long without messages a stream carries a comment, because a client that is gone is noticed by a write alone.
const QUIET: Duration = Duration::from_secs(15);

/// How long to wait if the system has no descriptors left for a socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The running page. Dropping it ends all its connections.
pub(crate) struct Web {
    command: Option<String>,
    live: Live,
    /// One for each address.
    _listening: JoinSet<()>,
}

/// What all connections share.
struct Shared {
    phones: Phones,
    live: Live,
    /// SIP.js from a file of the user.
    sipjs: Option<Vec<u8>>,
    connections: Semaphore,
    refusals: Semaphore,
    streams: Semaphore,
}

impl Shared {
    fn new(phones: Phones, sipjs: Option<Vec<u8>>) -> Self {
        Self {
            phones,
            live: Live::new(),
            sipjs,
            connections: Semaphore::new(CONNECTIONS),
            refusals: Semaphore::new(REFUSALS),
            streams: Semaphore::new(STREAMS),
        }
    }
}

impl Web {
    /// Serves the page on these sockets in the background.
    ///
    /// `sipjs` is SIP.js as one ES module, which the page uses instead of the one in the program.
    ///
    /// # Errors
    /// The runtime cannot take a socket.
    pub(crate) fn start(
        sockets: Vec<std::net::TcpListener>,
        sipjs: Option<Vec<u8>>,
        phones: Phones,
    ) -> io::Result<Self> {
        let command = phones.command(&phones.server("127.0.0.1"));
        let shared = Arc::new(Shared::new(phones, sipjs));
        let live = shared.live.clone();
        let mut listening = JoinSet::new();
        for socket in sockets {
            socket.set_nonblocking(true)?;
            let listener = TcpListener::from_std(socket)?;
            listening.spawn(accept(listener, Arc::clone(&shared)));
        }
        Ok(Self {
            command,
            live,
            _listening: listening,
        })
    }

    /// The command line that answers calls of the page, as a third user.
    pub(crate) fn command(&self) -> Option<&str> {
        self.command.as_deref()
    }

    /// Returns what shows the page each message of the edge.
    pub(crate) fn observer(&self) -> impl Fn(&TraceMessage<'_>) + Send + 'static {
        let live = self.live.clone();
        move |message| live.note(message)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(admit(stream, Arc::clone(&shared)));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Converses with a client if there is room. A refusal takes room, too; without any the connection is closed.
async fn admit(stream: TcpStream, shared: Arc<Shared>) {
    if let Ok(_place) = shared.connections.try_acquire() {
        converse(stream, &shared).await;
    } else if let Ok(_place) = shared.refusals.try_acquire() {
        respond(stream, answer::refusal(Refusal::Full)).await;
    }
}

/// Answers the one request of a connection. A client that is late or gone ends it.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
    let request = match timeout(REQUEST, request(&mut stream, &shared.phones.name)).await {
        Ok(Ok(request)) => request,
        Ok(Err(_)) => return,
        Err(_) => Err(Refusal::Late),
    };
    let resource = request.and_then(|request| Ok((answer::resource(&request.path)?, request)));
    let response = match resource {
        Ok((Resource::Ladder, request)) => match shared.streams.try_acquire() {
            Ok(_place) => {
                let reader = shared.live.reader(request.seen);
                let head = answer::stream(&shared.phones.server(&request.host));
                // A stream ends when its client leaves.
                let _left = watch(stream, &head, reader).await;
                return;
            }
            Err(_) => answer::refusal(Refusal::Full),
        },
        Ok((Resource::Phones, request)) => answer::json(
            &shared.phones.document(&request.host),
            &shared.phones.server(&request.host),
        ),
        Ok((Resource::Asset(asset), request)) => {
            let own = shared.sipjs.as_deref().filter(|_| asset.is_sipjs());
            let bytes = own.unwrap_or(asset.bytes);
            answer::file(asset, bytes, &shared.phones.server(&request.host))
        }
        Err(refusal) => answer::refusal(refusal),
    };
    respond(stream, response).await;
}

/// Writes a response and ends the connection.
async fn respond(mut stream: impl AsyncRead + AsyncWrite + Unpin, response: Vec<u8>) {
    if write(&mut stream, &response).await.is_ok() {
        // Reads what is left, because closing over unread bytes would reset the connection under the response.
        let rest = async {
            let _shut = stream.shutdown().await;
            let mut rest = [0; 4096];
            while let Ok(1..) = stream.read(&mut rest).await {}
        };
        let _in_time = timeout(CLOSE, rest).await;
    }
}

/// Reads the head of a request.
async fn request(
    stream: &mut (impl AsyncRead + Unpin),
    name: &str,
) -> io::Result<Result<head::Request, Refusal>> {
    let mut bytes = Vec::with_capacity(1024);
    let mut part = [0; 1024];
    loop {
        let length = stream.read(&mut part).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&part[..length]);
        if let Some(read) = head::read(&bytes, name).transpose() {
            return Ok(read);
        }
    }
}

/// Sends messages until the client leaves.
async fn watch(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    head: &[u8],
    mut reader: live::Reader,
) -> io::Result<()> {
    write(&mut stream, head).await?;
    let mut unexpected = [0; 256];
    loop {
        let events = tokio::select! {
            messages = timeout(QUIET, reader.next()) => match messages {
                Ok(Some(messages)) => messages
                    .iter()
                    .map(|(number, message)| format!("id: {number}\ndata: {message}\n\n"))
                    .collect(),
                Ok(None) => return Ok(()),
                Err(_) => ":\n\n".to_owned(),
            },
            // A client has nothing more to say, so this is its end, or it is no browser.
            _ = stream.read(&mut unexpected) => return Ok(()),
        };
        write(&mut stream, events.as_bytes()).await?;
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    timeout(WRITE, stream.write_all(bytes)).await?
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;
    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;

    fn shared() -> Arc<Shared> {
        let phones = Phones {
            name: "localhost".to_owned(),
            edge: ([127, 0, 0, 1], 5080).into(),
            domain: "localhost".to_owned(),
            users: vec![("alice".to_owned(), "generated".to_owned())],
            generated: true,
        };
        Arc::new(Shared::new(phones, None))
    }

    fn connect(shared: &Arc<Shared>, room: usize) -> (DuplexStream, JoinHandle<()>) {
        let (client, server) = duplex(room);
        let shared = Arc::clone(shared);
        let task = tokio::spawn(async move { converse(server, &shared).await });
        (client, task)
    }

    fn get(path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
    }

    async fn rest(mut client: DuplexStream) -> String {
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        text
    }

    #[test]
    fn the_page_of_the_documentation_has_the_limits() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/browser.md");
        let page = std::fs::read_to_string(page).unwrap();
        let heads = format!(
            "Heads are limited to {} KiB and {} fields, a request to {} s, connections to {CONNECTIONS}, streams to {STREAMS}.",
            head::LARGEST / 1024,
            head::MOST_FIELDS,
            REQUEST.as_secs(),
        );
        assert!(page.contains(&heads), "{heads}");
        let kept = format!(
            "The server keeps the last {} messages, at most {} MiB",
            live::KEPT,
            live::KEPT_BYTES >> 20
        );
        let page = page.replace('\n', " ");
        assert!(page.contains(&kept), "{kept}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_byte_by_byte_is_answered() {
        let (mut client, _task) = connect(&shared(), 1 << 20);
        for byte in get("/phones.json") {
            client.write_all(&[byte]).await.unwrap();
            sleep(Duration::from_millis(10)).await;
        }
        let response = rest(client).await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("\"generated\""), "{response}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_trickles_is_cut_off() {
        let (mut client, task) = connect(&shared(), 1 << 16);
        let began = Instant::now();
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        while !task.is_finished() {
            // The server may have ended meanwhile.
            let _sent = client.write_all(b"X: 1\r\n").await;
            sleep(Duration::from_secs(1)).await;
        }
        assert!(began.elapsed() <= REQUEST + CLOSE + Duration::from_secs(1));
        let response = rest(client).await;
        assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut_off() {
        for path in ["/sip.js", "/ladder"] {
            let (mut client, task) = connect(&shared(), 64);
            client.write_all(&get(path)).await.unwrap();
            let began = Instant::now();
            task.await.unwrap();
            assert!(began.elapsed() <= WRITE + CLOSE, "{path}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_has_the_messages_and_ends_with_its_client() {
        let shared = shared();
        // Only an edge makes the handle of a connection.
        let random = Box::new(rand_chacha::ChaCha20Rng::from_seed([0; 32]));
        let mut edge = sip_edge::Edge::new(sip_edge::EdgeConfig::default(), random).unwrap();
        let connection = edge.accept(sip_core::ConnectionInfo {
            transport: sip_core::Transport::Ws,
            remote: None,
        });
        let note = |text: &'static str| {
            shared.live.note(&TraceMessage {
                at: Duration::from_micros(1_500),
                direction: sip_core::Direction::Received,
                connection,
                user: Some("alice"),
                bytes: &bytes::Bytes::from_static(text.as_bytes()),
            });
        };
        note(
            "REGISTER sip:localhost SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:alice@localhost>;tag=1\r\nTo: <sip:alice@localhost>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\
             Authorization: Digest username=\"alice\", response=\"0123\"\r\nContent-Length: 0\r\n\r\n",
        );
        note("\r\n\r\n");
        let (mut client, task) = connect(&shared, 1 << 16);
        client.write_all(&get("/ladder")).await.unwrap();
        sleep(QUIET).await;
        // Another one finds no room.
        let all = u32::try_from(STREAMS).unwrap() - 1;
        let _others = shared.streams.try_acquire_many(all).unwrap();
        let (mut second, _task) = connect(&shared, 1 << 16);
        second.write_all(&get("/ladder")).await.unwrap();
        assert!(rest(second).await.starts_with("HTTP/1.1 503 "));
        note("not SIP: password=hush");
        sleep(QUIET / 2).await;
        client.shutdown().await.unwrap();
        task.await.unwrap();
        let text = rest(client).await;
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let lines: Vec<&str> = body.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 5, "{body}");
        assert_eq!((lines[0], lines[2], lines[3]), ("id: 0", ":", "id: 1"));
        let message = lines[1].strip_prefix("data: ").unwrap();
        let message: serde_json::Value = serde_json::from_str(message).unwrap();
        assert_eq!(message["ms"], 1.5);
        assert_eq!(message["user"], "alice");
        assert_eq!(message["received"], true);
        assert_eq!(message["label"], "REGISTER sip:localhost");
        let text = message["text"].as_str().unwrap();
        assert!(
            text.contains("\r\nAuthorization: Digest [redacted]\r\n"),
            "{text}"
        );
        assert!(!lines[4].contains("hush"), "{body}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_of_the_user_takes_the_place_of_sip_js() {
        let mut own = Arc::into_inner(shared()).unwrap();
        own.sipjs = Some(b"export {};".to_vec());
        let own = Arc::new(own);
        for (path, is_own) in [("/sip.js", true), ("/page.js", false)] {
            let (mut client, _task) = connect(&own, 1 << 20);
            client.write_all(&get(path)).await.unwrap();
            assert_eq!(
                rest(client).await.ends_with("\r\n\r\nexport {};"),
                is_own,
                "{path}"
            );
        }
    }
}
