//! The two HTTP exchanges that come before a WebSocket: CONNECT to a proxy (RFC 9110 section 9.3.6) and the upgrade of the
//! server (RFC 6455 section 4, RFC 7118 section 4.1). Bytes in, decision out; an adapter brings the socket.
//!
//! | head of the answer | CONNECT | upgrade |
//! |---|---|---|
//! | not complete | read on | read on |
//! | 100 and other interim responses | read on | read on |
//! | 101 as RFC 6455 has it, sub-protocol sip | Proxy | open, with the bytes after the head |
//! | 101 without or with another sub-protocol | Proxy | Subprotocol |
//! | 101 with a wrong field or version | Proxy | Other |
//! | 2xx | open | Upgrade |
//! | 2xx and a byte after the head | ProxyProtocol | Upgrade |
//! | any other status | Proxy | Upgrade |
//! | no HTTP | ProxyProtocol | Other |
//! | too long, or too many fields | ProxyProtocol | Other |
//! | end of the stream | ProxyProtocol | Other |
//!
//! "Open" ends the exchange; the names are those of `ConnectError`.

use std::io;

use sip_core::config::ServerUrl;
use sip_core::connection::ConnectError;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::os::connect::tcp_failure;
use crate::os::headers::HandshakeHeaders;
use crate::os::proxy::Proxy;

/// How many bytes the heads of an answer may have together, interim responses included.
const ANSWER_LIMIT: usize = 16 * 1024;

/// How many header fields a head may have.
const FIELD_LIMIT: usize = 64;

/// How much of the phrase of a refusal an error text shows, in characters.
const PHRASE_LIMIT: usize = 80;

/// The subprotocol of RFC 7118 section 4.1.
const SUBPROTOCOL: &str = "sip";

/// An exchange that is under way.
pub struct Handshake {
    kind: Kind,
    /// May have credentials and the token of the URL.
    request: Zeroizing<Vec<u8>>,
    sent: usize,
    answer: Vec<u8>,
    /// How many bytes came in all.
    received: usize,
}

enum Kind {
    Connect,
    Upgrade {
        /// The `Sec-WebSocket-Accept` that the server has to answer.
        accept: String,
    },
}

/// What the adapter has read.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// At least one byte.
    Bytes(&'a [u8]),
    /// The stream has ended.
    End,
}

/// The exchange after a step.
#[derive(Debug)]
pub enum Progress {
    /// Read on.
    Continue(Handshake),
    /// The tunnel or the WebSocket is open. The bytes that came after the head belong to it.
    Open(Vec<u8>),
}

impl Handshake {
    /// Opens a tunnel to `server` through `proxy`.
    #[must_use]
    pub fn connect(proxy: &Proxy, server: &ServerUrl) -> Self {
        let (host, port) = (server.host(), server.port());
        let target = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let mut request = vec!["CONNECT ", &target, " HTTP/1.1\r\n"];
        request.extend(field("Host", &target));
        if let Some(authorization) = proxy.authorization() {
            request.extend(field("Proxy-Authorization", authorization));
        }
        Self::new(Kind::Connect, request)
    }

    /// Opens the WebSocket of `server`, with further header fields.
    #[must_use]
    pub fn upgrade(server: &ServerUrl, headers: &HandshakeHeaders) -> Self {
        let key = generate_key();
        let accept = derive_accept_key(key.as_bytes());
        let target = server.path_and_query();
        let mut request = vec!["GET ", &target, " HTTP/1.1\r\n"];
        request.extend(field("Host", server.route_host()));
        request.extend(field("Connection", "Upgrade"));
        request.extend(field("Upgrade", "websocket"));
        request.extend(field("Sec-WebSocket-Version", "13"));
        request.extend(field("Sec-WebSocket-Key", &key));
        request.extend(field("Sec-WebSocket-Protocol", SUBPROTOCOL));
        for (name, value) in headers.iter() {
            request.extend(field(name, value));
        }
        Self::new(Kind::Upgrade { accept }, request)
    }

    /// `request`: the parts of it, without the empty line. They are joined in one allocation, because one that grows would leave
    /// its credentials where it was before.
    fn new(kind: Kind, mut request: Vec<&str>) -> Self {
        request.push("\r\n");
        Self {
            kind,
            request: Zeroizing::new(request.concat().into_bytes()),
            sent: 0,
            answer: Vec::new(),
            received: 0,
        }
    }

    /// The bytes of the request that are still to be sent.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        self.request.get(self.sent..).unwrap_or_default()
    }

    /// That many bytes of [`unsent`](Self::unsent) have been sent.
    pub fn sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// Takes what the adapter has read; the table of this module says what becomes of it.
    ///
    /// # Errors
    /// The failure of the attempt to connect.
    pub fn step(mut self, answer: Answer<'_>) -> Result<Progress, Failure> {
        let Answer::Bytes(bytes) = answer else {
            return Err(self.unusable("the connection was closed before the answer was complete"));
        };
        self.answer.extend_from_slice(bytes);
        self.received = self.received.saturating_add(bytes.len());
        let is_too_long = self.received > ANSWER_LIMIT;
        // Only a line end completes a head. Without this check, bytes that come one by one would cost the square of their number.
        let is_first = self.answer.len() == bytes.len();
        if !is_first && !bytes.contains(&b'\n') && !is_too_long {
            return Ok(Progress::Continue(self));
        }
        loop {
            let mut fields = [httparse::EMPTY_HEADER; FIELD_LIMIT];
            let mut head = httparse::Response::new(&mut fields);
            let length = match head.parse(&self.answer) {
                Ok(httparse::Status::Complete(length)) if length <= ANSWER_LIMIT => length,
                Ok(httparse::Status::Partial) if !is_too_long => {
                    return Ok(Progress::Continue(self));
                }
                Ok(_) | Err(httparse::Error::TooManyHeaders) => {
                    return Err(self.unusable("the answer is too long"));
                }
                Err(error) => return Err(self.unusable(&format!("no HTTP: {error}"))),
            };
            let status = head.code.unwrap_or_default();
            if status / 100 != 1 || status == 101 {
                let has_more = self.answer.len() > length;
                self.decide(status, &head, has_more)?;
                return Ok(Progress::Open(self.answer.split_off(length)));
            }
            // Interim responses without end are too long, too.
            if is_too_long {
                return Err(self.unusable("the answer is too long"));
            }
            self.answer.drain(..length);
            if self.answer.is_empty() {
                return Ok(Progress::Continue(self));
            }
        }
    }

    /// The socket failed.
    #[must_use]
    pub fn broken(&self, error: &io::Error) -> Failure {
        match self.kind {
            Kind::Connect => (ConnectError::ProxyProtocol, error.to_string()),
            Kind::Upgrade { .. } => tcp_failure(error),
        }
    }

    fn decide(
        &self,
        status: u16,
        head: &httparse::Response<'_, '_>,
        has_more: bool,
    ) -> Result<(), Failure> {
        let phrase = || {
            head.reason
                .unwrap_or_default()
                .chars()
                .take(PHRASE_LIMIT)
                .collect()
        };
        match &self.kind {
            Kind::Connect if status / 100 != 2 => Err((ConnectError::Proxy(status), phrase())),
            // The client speaks first in TLS and in HTTP, so what comes now is not from the server.
            Kind::Connect if has_more => Err(self.unusable("bytes after the answer to CONNECT")),
            Kind::Connect => Ok(()),
            Kind::Upgrade { .. } if status != 101 => Err((ConnectError::Upgrade(status), phrase())),
            Kind::Upgrade { accept } => self.check_upgrade(accept, head),
        }
    }

    /// RFC 6455 section 4.1, what a client must check.
    fn check_upgrade(
        &self,
        accept: &str,
        head: &httparse::Response<'_, '_>,
    ) -> Result<(), Failure> {
        let values = |name: &'static str| {
            let of_name = head
                .headers
                .iter()
                .filter(move |field| field.name.eq_ignore_ascii_case(name));
            of_name.map(|field| field.value.trim_ascii())
        };
        let only = |name| {
            let mut values = values(name);
            values.next().filter(|_| values.next().is_none())
        };
        let upgrades = || {
            let mut tokens =
                values("Connection").flat_map(|value| value.split(|byte| *byte == b','));
            tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        };
        let fault = if head.version != Some(1) {
            "the version of HTTP"
        } else if !only("Upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
            "Upgrade"
        } else if !upgrades() {
            "Connection"
        } else if only("Sec-WebSocket-Accept") != Some(accept.as_bytes()) {
            "Sec-WebSocket-Accept"
        } else if values("Sec-WebSocket-Extensions").any(|value| !value.is_empty()) {
            // The request offers none.
            "Sec-WebSocket-Extensions"
        } else if only("Sec-WebSocket-Protocol") != Some(SUBPROTOCOL.as_bytes()) {
            let detail = "no Sec-WebSocket-Protocol, or not sip alone".to_owned();
            return Err((ConnectError::Subprotocol, detail));
        } else {
            return Ok(());
        };
        Err(self.unusable(&format!("the answer to the upgrade is wrong in {fault}")))
    }

    fn unusable(&self, detail: &str) -> Failure {
        let kind = match self.kind {
            Kind::Connect => ConnectError::ProxyProtocol,
            Kind::Upgrade { .. } => ConnectError::Other,
        };
        (kind, detail.to_owned())
    }
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

fn field<'a>(name: &'a str, value: &'a str) -> [&'a str; 4] {
    [name, ": ", value, "\r\n"]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> ServerUrl {
        ServerUrl::parse(url).unwrap()
    }

    fn connect() -> Handshake {
        let proxy = Proxy::new("proxy", 3128).unwrap();
        Handshake::connect(&proxy, &server("wss://example.com"))
    }

    fn upgrade() -> Handshake {
        Handshake::upgrade(&server("ws://example.com"), &HandshakeHeaders::default())
    }

    fn text(handshake: &Handshake) -> String {
        String::from_utf8(handshake.unsent().to_vec()).unwrap()
    }

    /// The answer of a server that does as RFC 6455 says, with `change` applied to its text.
    fn accepted(handshake: &Handshake, change: &dyn Fn(String) -> String) -> String {
        let Kind::Upgrade { accept } = &handshake.kind else {
            return change("HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned());
        };
        change(format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
        ))
    }

    /// What becomes of an answer, in the words of the table. It comes whole, and byte by byte.
    fn outcome(make: fn() -> Handshake, answer: &dyn Fn(&Handshake) -> Option<String>) -> String {
        let whole = {
            let handshake = make();
            match answer(&handshake) {
                Some(text) => name(handshake.step(Answer::Bytes(text.as_bytes()))),
                None => name(handshake.step(Answer::End)),
            }
        };
        let mut handshake = make();
        let Some(text) = answer(&handshake) else {
            return whole;
        };
        for (place, byte) in text.bytes().enumerate() {
            match handshake.step(Answer::Bytes(&[byte])) {
                Ok(Progress::Continue(next)) => handshake = next,
                // What follows is the first read of the tunnel or of the WebSocket.
                Ok(Progress::Open(rest)) => {
                    assert!(rest.is_empty());
                    assert!(
                        whole.starts_with("open") || place + 1 < text.len(),
                        "{whole}"
                    );
                    return whole;
                }
                failed => {
                    assert_eq!(name(failed), whole, "{text:?}");
                    return whole;
                }
            }
        }
        assert_eq!(whole, "read on");
        whole
    }

    fn name(result: Result<Progress, Failure>) -> String {
        match result {
            Ok(Progress::Continue(_)) => "read on".to_owned(),
            Ok(Progress::Open(rest)) if rest.is_empty() => "open".to_owned(),
            Ok(Progress::Open(_)) => "open, with the bytes after the head".to_owned(),
            Err((error, _)) => {
                let name = format!("{error:?}");
                name.split('(').next().unwrap_or_default().to_owned()
            }
        }
    }

    type Make = Box<dyn Fn(&Handshake) -> Option<String>>;

    fn plain(text: &'static str) -> Vec<Make> {
        vec![Box::new(move |_| Some(text.to_owned()))]
    }

    fn changed(changes: Vec<Box<dyn Fn(String) -> String>>) -> Vec<Make> {
        let make = |change: Box<dyn Fn(String) -> String>| -> Make {
            Box::new(move |handshake| Some(accepted(handshake, &change)))
        };
        changes.into_iter().map(make).collect()
    }

    /// Answers for each row of the table, by its first column.
    fn answers(row: &str) -> Vec<Make> {
        let without = |field: &'static str| -> Box<dyn Fn(String) -> String> {
            Box::new(move |text| {
                let lines = text.split_inclusive("\r\n");
                lines.filter(|line| !line.starts_with(field)).collect()
            })
        };
        let with = |from: &'static str, to: &'static str| -> Box<dyn Fn(String) -> String> {
            Box::new(move |text| text.replace(from, to))
        };
        match row {
            "not complete" => plain("HTTP/1.1 200 OK\r\nServer: x\r\n"),
            "100 and other interim responses" => {
                plain("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n")
            }
            "101 as RFC 6455 has it, sub-protocol sip" => changed(vec![with("sip\r\n\r\n", "sip\r\n\r\n\u{1}")]),
            "101 without or with another sub-protocol" => changed(vec![
                without("Sec-WebSocket-Protocol"),
                with("Protocol: sip", "Protocol: mqtt"),
                with("Protocol: sip", "Protocol: sip, mqtt"),
                with("Sec-WebSocket-P", "Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-P"),
            ]),
            "101 with a wrong field or version" => changed(vec![
                with("HTTP/1.1", "HTTP/1.0"),
                without("upgrade"),
                with("WebSocket\r\n", "h2c\r\n"),
                without("Connection"),
                with("keep-alive, Upgrade", "keep-alive"),
                without("Sec-WebSocket-Accept"),
                with("Accept: ", "Accept: x"),
                with("Sec-WebSocket-P", "Sec-WebSocket-Extensions: x\r\nSec-WebSocket-P"),
            ]),
            "2xx" => [
                plain("HTTP/1.1 200 Connection established\r\n\r\n"),
                plain("HTTP/1.0 204\r\nContent-Length: 7\r\n\r\n"),
                plain("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
            ]
            .into_iter()
            .flatten()
            .collect(),
            "2xx and a byte after the head" => plain("HTTP/1.1 200 OK\r\n\r\nx"),
            "any other status" => [
                plain("HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n"),
                plain("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 2\r\n\r\nNo"),
                plain("HTTP/1.1 503 Later\r\n\r\n"),
            ]
            .into_iter()
            .flatten()
            .collect(),
            "no HTTP" => [plain("SSH-2.0-x\r\n"), plain("\u{16}\u{3}\u{1}"), plain("HTTP/2 200\r\n\r\n"), plain("HTTP/1.1 2OO\r\n\r\n")]
                .into_iter()
                .flatten()
                .collect(),
            "too long, or too many fields" => {
                let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(ANSWER_LIMIT));
                let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(ANSWER_LIMIT));
                let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: x\r\n".repeat(FIELD_LIMIT + 1));
                let texts = [long, endless, many];
                let make = |text: String| -> Make { Box::new(move |_| Some(text.clone())) };
                texts.into_iter().map(make).collect()
            }
            "end of the stream" => vec![Box::new(|_| None)],
            row => panic!("no answer for the row {row:?}"),
        }
    }

    #[test]
    fn the_table_is_what_the_handshake_does() {
        let rows = include_str!("handshake.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | "))
            .filter_map(|line| line.strip_suffix(" |"))
            .skip(1);
        let mut count = 0;
        for row in rows {
            let columns: Vec<_> = row.split(" | ").collect();
            let [answer, connecting, upgrading] = columns[..] else {
                panic!("{row}");
            };
            for make in answers(answer) {
                assert_eq!(outcome(connect, &make), connecting, "CONNECT: {row}");
                assert_eq!(outcome(upgrade, &make), upgrading, "upgrade: {row}");
            }
            count += 1;
        }
        assert_eq!(count, 11);
    }

    /// All heads together have the limit, whether they come at once or one by one.
    #[test]
    fn a_flood_of_interim_responses_is_too_long() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        let flood = interim.repeat(ANSWER_LIMIT / interim.len() + 1);
        let failed = connect().step(Answer::Bytes(flood.as_bytes()));
        assert_eq!(name(failed), "ProxyProtocol");
        let mut handshake = connect();
        for _ in 0..ANSWER_LIMIT / interim.len() {
            match handshake.step(Answer::Bytes(interim.as_bytes())) {
                Ok(Progress::Continue(next)) => handshake = next,
                other => panic!("{other:?}"),
            }
        }
        let failed = handshake.step(Answer::Bytes(interim.as_bytes()));
        assert_eq!(name(failed), "ProxyProtocol");
    }

    /// A request that grows in memory leaves parts of it behind, which nothing wipes.
    #[test]
    fn a_request_with_credentials_is_written_once() {
        let secret = "x".repeat(5_000);
        let proxy = Proxy::new("proxy", 1).unwrap();
        let proxy = proxy.credentials("alice", &secret).unwrap();
        let mut headers = HandshakeHeaders::default();
        headers.add("Authorization", &*secret).unwrap();
        let server = server("ws://example.com/?token=1");
        for handshake in [
            Handshake::connect(&proxy, &server),
            Handshake::upgrade(&server, &headers),
        ] {
            let request = &handshake.request;
            assert!(request.len() > secret.len() && request.ends_with(b"\r\n\r\n"));
            assert_eq!(request.capacity(), request.len());
        }
    }

    #[test]
    fn rfc9110_9_3_6_connect_names_host_and_port() {
        let proxy = Proxy::new("proxy", 3128).unwrap();
        let handshake = Handshake::connect(&proxy, &server("wss://example.com/ws?token=secret"));
        let expected = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";
        assert_eq!(text(&handshake), expected);
        let proxy = proxy.credentials("Aladdin", "open sesame").unwrap();
        let handshake = Handshake::connect(&proxy, &server("ws://[::1]:7443"));
        assert_eq!(
            text(&handshake),
            "CONNECT [::1]:7443 HTTP/1.1\r\nHost: [::1]:7443\r\n\
             Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
        );
        assert!(!format!("{handshake:?}").contains("QWxh"));
    }

    #[test]
    fn rfc7118_4_1_the_upgrade_offers_sip_and_keeps_the_query() {
        let mut headers = HandshakeHeaders::default();
        headers.add("Cookie", "a=1").unwrap();
        let mut handshake =
            Handshake::upgrade(&server("wss://[::1]:7443/ws?token=secret"), &headers);
        let request = text(&handshake);
        assert!(request.starts_with("GET /ws?token=secret HTTP/1.1\r\nHost: [::1]:7443\r\n"));
        assert!(request.contains("\r\nSec-WebSocket-Protocol: sip\r\n"));
        assert!(request.ends_with("\r\nCookie: a=1\r\n\r\n"));
        let shown = format!("{handshake:?}");
        assert!(!shown.contains("secret"), "{shown}");
        handshake.sent(4);
        assert_eq!(text(&handshake), request[4..]);
        handshake.sent(usize::MAX);
        assert_eq!(text(&handshake), "");
    }
}
