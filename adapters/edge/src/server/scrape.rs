//! `GET /metrics` over HTTP (RFC 9112): one request for each connection, bounded in number, size and time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use httparse::Status;
use sip_host::METRICS_TYPE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How many connections there may be at a time. One more is closed.
const CONNECTIONS: usize = 16;

/// The largest head of a request, in bytes.
const HEAD: usize = 8 * 1024;

/// How many header fields a request may have.
const FIELDS: usize = 64;

/// How long a client may take for its request, and then for the response.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait if the system has no descriptors left for a socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers scrapes with what `text` returns, until it is aborted.
pub(super) async fn serve(listener: TcpListener, text: Arc<dyn Fn() -> String + Send + Sync>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < CONNECTIONS => {
                    connections.spawn(answer(stream, Arc::clone(&text)));
                }
                // The stream is dropped, because a refusal must cost nothing.
                Ok(_) => {}
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(mut stream: TcpStream, text: Arc<dyn Fn() -> String + Send + Sync>) {
    let outcome = match timeout(PATIENCE, read(&mut stream)).await {
        Ok(Ok(outcome)) => outcome,
        // The client is gone.
        Ok(Err(_)) => return,
        Err(_) => Outcome::Refused("408 Request Timeout"),
    };
    let response = match outcome {
        Outcome::Metrics => response("200 OK", METRICS_TYPE, &text()),
        Outcome::Refused(status) => {
            let why = format!("{status}\nGET /metrics has the counters.\n");
            response(status, "text/plain; charset=utf-8", &why)
        }
    };
    let write = async {
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await?;
        // Reads what is left, because closing over unread bytes would reset the connection under the response.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    // A client that is late or gone is dropped.
    let _in_time = timeout(PATIENCE, write).await;
}

/// What a request gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Metrics,
    /// The status line behind the version.
    Refused(&'static str),
}

async fn read(stream: &mut TcpStream) -> io::Result<Outcome> {
    let mut head = Vec::with_capacity(1024);
    let mut part = [0; 1024];
    loop {
        let length = stream.read(&mut part).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&part[..length]);
        if let Some(outcome) = judge(&head) {
            return Ok(outcome);
        }
    }
}

/// What the head of a request leads to; `None` while it is incomplete.
fn judge(head: &[u8]) -> Option<Outcome> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(Status::Partial) if head.len() < HEAD => None,
        Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Some(Outcome::Refused("431 Request Header Fields Too Large"))
        }
        Err(_) => Some(Outcome::Refused("400 Bad Request")),
        Ok(Status::Complete(_)) => {
            let path = request.path.unwrap_or_default();
            let path = path.split('?').next().unwrap_or_default();
            Some(match (request.method, path) {
                (Some("GET"), "/metrics") => Outcome::Metrics,
                (_, "/metrics") => Outcome::Refused("405 Method Not Allowed"),
                _ => Outcome::Refused("404 Not Found"),
            })
        }
    }
}

fn response(status: &str, media_type: &str, body: &str) -> String {
    let allow = match status.starts_with("405") {
        true => "Allow: GET\r\n",
        false => "",
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n{allow}\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_judged_once_its_head_is_complete() {
        let refused = |status| Some(Outcome::Refused(status));
        for (head, outcome) in [
            (
                "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
                Some(Outcome::Metrics),
            ),
            ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", Some(Outcome::Metrics)),
            ("GET /metrics HTTP/1.1\r\nHost: a\r\n", None),
            ("", None),
            ("GET / HTTP/1.1\r\n\r\n", refused("404 Not Found")),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", refused("404 Not Found")),
            (
                "POST /metrics HTTP/1.1\r\n\r\n",
                refused("405 Method Not Allowed"),
            ),
            (
                "get /metrics HTTP/1.1\r\n\r\n",
                refused("405 Method Not Allowed"),
            ),
            ("GET /metrics SIP/2.0\r\n\r\n", refused("400 Bad Request")),
            ("\u{16}\u{3}\u{1}", refused("400 Bad Request")),
        ] {
            assert_eq!(judge(head.as_bytes()), outcome, "{head:?}");
        }
        let too_large = refused("431 Request Header Fields Too Large");
        let long = format!("GET /{}", "a".repeat(HEAD));
        assert_eq!(judge(long.as_bytes()), too_large);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(FIELDS + 1));
        assert_eq!(judge(many.as_bytes()), too_large);
    }
}
