//! The edge, a virtual clock, and peers that the test writes by hand.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test file uses its part"
)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use md5::{Digest, Md5};
use sip_core::{ConnectionId, ConnectionInfo, Timestamp, Transport};
use sip_edge::{CutReason, Edge, EdgeAction, EdgeConfig, EdgeEvent};
use sip_testing::{Timed, random};

pub use sip_testing::text::{header, headers, parameter, status, wire};

pub fn config() -> EdgeConfig {
    EdgeConfig {
        listen: SocketAddr::from(([192, 0, 2, 1], 5080)),
        realm: "example.com".to_owned(),
        users: vec![
            ("alice".into(), "wonderland".into()),
            ("bob".into(), "builder".into()),
        ],
        min_expires: Duration::from_secs(60),
        ..EdgeConfig::default()
    }
}

pub fn password(user: &str) -> &'static str {
    match user {
        "alice" => "wonderland",
        _ => "builder",
    }
}

fn hex(parts: &[&str]) -> String {
    let digest = Md5::digest(parts.join(":").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Digest credentials for the MD5 challenge of a response (RFC 7616 section 3.4), computed here.
pub fn credentials(
    response: &str,
    user: &str,
    password: &str,
    method: &str,
    uri: &str,
    nc: u32,
) -> String {
    let name = if status(response) == 407 {
        "Proxy-Authenticate"
    } else {
        "WWW-Authenticate"
    };
    let rows = headers(response, name);
    let md5 = |row: &&&str| parameter(row, "algorithm").is_none_or(|value| value == "MD5");
    let challenge = rows
        .iter()
        .find(md5)
        .unwrap_or_else(|| panic!("no MD5 challenge in {response}"));
    let realm = parameter(challenge, "realm").unwrap();
    let nonce = parameter(challenge, "nonce").unwrap();
    let (ha1, ha2) = (hex(&[user, realm, password]), hex(&[method, uri]));
    let nc = format!("{nc:08x}");
    let answer = hex(&[&ha1, nonce, &nc, "0a4f113b", "auth", &ha2]);
    let opaque = parameter(challenge, "opaque").map(|opaque| format!(", opaque=\"{opaque}\""));
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm=MD5, \
         qop=auth, nc={nc}, cnonce=\"0a4f113b\", response=\"{answer}\"{}",
        opaque.unwrap_or_default()
    )
}

/// The address at the other end of every connection.
pub const REMOTE: ([u8; 4], u16) = ([198, 51, 100, 7], 40_000);

/// The edge, a virtual clock, and the messages that the edge sent and the test has not read.
pub struct Bench {
    pub edge: Edge,
    pub now: Timestamp,
    pub events: Vec<EdgeEvent>,
    pub cuts: Vec<(ConnectionId, CutReason)>,
    sent: VecDeque<(ConnectionId, String)>,
    branches: u32,
}

impl Bench {
    pub fn new(config: EdgeConfig) -> Self {
        let edge = Edge::new(config, random(7)).unwrap();
        let now = Timestamp::from_millis(1_000);
        let (events, cuts) = (Vec::new(), Vec::new());
        Self {
            edge,
            now,
            events,
            cuts,
            sent: VecDeque::new(),
            branches: 0,
        }
    }

    pub fn connect(&mut self) -> ConnectionId {
        let remote = Some(SocketAddr::from(REMOTE));
        self.edge.accept(ConnectionInfo {
            transport: Transport::Ws,
            remote,
        })
    }

    pub fn close(&mut self, connection: ConnectionId) {
        self.edge.closed(connection, self.now);
        self.poll();
    }

    /// The edge receives a message, written line by line; see [`wire`].
    pub fn send(&mut self, connection: ConnectionId, lines: &str) {
        self.send_raw(connection, wire(lines));
    }

    pub fn send_raw(&mut self, connection: ConnectionId, bytes: impl Into<Vec<u8>>) {
        self.edge
            .receive(connection, bytes.into().into(), self.now)
            .unwrap();
        self.poll();
    }

    fn poll(&mut self) {
        while let Some(action) = self.edge.poll_action() {
            match action {
                EdgeAction::Transmit { connection, bytes } => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    self.sent.push_back((connection, text));
                }
                EdgeAction::Disconnect { connection, reason } => {
                    self.cuts.push((connection, reason))
                }
                EdgeAction::Event(event) => self.events.push(event),
            }
        }
    }

    /// The next message to this connection.
    #[track_caller]
    pub fn take(&mut self, connection: ConnectionId) -> String {
        let place = self.sent.iter().position(|(to, _)| *to == connection);
        let place =
            place.unwrap_or_else(|| panic!("nothing to {connection:?}, but {:#?}", self.sent));
        self.sent.remove(place).unwrap().1
    }

    /// The next message to this connection, which must be a response with this status.
    #[track_caller]
    pub fn take_status(&mut self, connection: ConnectionId, expected: u16) -> String {
        let message = self.take(connection);
        assert_eq!(status(&message), expected, "{message}");
        message
    }

    /// The next message to this connection, which must be a request of this method.
    #[track_caller]
    pub fn take_request(&mut self, connection: ConnectionId, method: &str) -> String {
        let message = self.take(connection);
        assert!(
            message.starts_with(&format!("{method} ")),
            "no {method}: {message}"
        );
        message
    }

    /// The test has read every message.
    #[track_caller]
    pub fn quiet(&self) {
        assert!(self.sent.is_empty(), "{:#?}", self.sent);
    }

    /// Turns the clock and stops at every deadline on the way.
    pub fn pass(&mut self, time: Duration) {
        Timed::pass(self, time);
    }

    /// A branch that no request had before.
    pub fn branch(&mut self) -> String {
        self.branches += 1;
        format!("z9hG4bKtest{}", self.branches)
    }

    /// A REGISTER of `user` at `domain` example.com with more header fields, no credentials.
    pub fn register_lines(
        &mut self,
        connection: ConnectionId,
        user: &str,
        number: u32,
        more: &str,
    ) -> String {
        let branch = self.branch();
        let device = connection.to_bits();
        format!(
            "REGISTER sip:example.com SIP/2.0
             Via: SIP/2.0/WS {user}.invalid;branch={branch}
             Max-Forwards: 70
             From: <sip:{user}@example.com>;tag=r{user}
             To: <sip:{user}@example.com>
             Call-ID: register-{user}-{device}
             CSeq: {number} REGISTER
             {more}"
        )
    }

    /// Sends a REGISTER, answers its challenge, returns the final response. Uses two CSeq numbers.
    #[track_caller]
    pub fn register(
        &mut self,
        connection: ConnectionId,
        user: &str,
        number: u32,
        more: &str,
    ) -> String {
        let lines = self.register_lines(connection, user, number, more);
        self.send(connection, &lines);
        let challenge = self.take_status(connection, 401);
        let answer = credentials(
            &challenge,
            user,
            password(user),
            "REGISTER",
            "sip:example.com",
            1,
        );
        let more = format!("Authorization: {answer}\n{more}");
        let lines = self.register_lines(connection, user, number + 1, &more);
        self.send(connection, &lines);
        self.take(connection)
    }

    /// A connection on which `user` is registered with this contact.
    #[track_caller]
    pub fn registered(&mut self, user: &str, contact: &str) -> ConnectionId {
        let connection = self.connect();
        let answer = self.register(connection, user, 1, &format!("Contact: <{contact}>"));
        assert_eq!(status(&answer), 200, "{answer}");
        connection
    }

    /// A request from alice on `connection`, with her challenge answered; returns its CSeq number
    /// and the branch it has.
    #[track_caller]
    pub fn request(
        &mut self,
        connection: ConnectionId,
        method: &str,
        uri: &str,
        more: &str,
    ) -> Sent {
        let (branch, first) = (self.branch(), 1);
        self.send(
            connection,
            &request_lines(method, uri, &branch, first, more),
        );
        let challenge = self.take_status(connection, 407);
        if method == "INVITE" {
            self.send(connection, &ack_lines(uri, &branch, first, &challenge));
        }
        let answer = credentials(&challenge, "alice", password("alice"), method, uri, 1);
        let branch = self.branch();
        let more = format!("Proxy-Authorization: {answer}\n{more}");
        let lines = request_lines(method, uri, &branch, 2, &more);
        self.send(connection, &lines);
        Sent {
            branch,
            number: 2,
            lines,
        }
    }
}

impl Timed for Bench {
    fn clock(&mut self) -> &mut Timestamp {
        &mut self.now
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.edge.next_tick()
    }

    fn tick(&mut self) {
        self.edge.tick(self.now);
        self.poll();
    }
}

/// A request that a test sent.
pub struct Sent {
    pub branch: String,
    pub number: u32,
    pub lines: String,
}

/// A request from alice.
pub fn request_lines(method: &str, uri: &str, branch: &str, number: u32, more: &str) -> String {
    let contact = "Contact: <sip:a1@alice.invalid;transport=ws>";
    let contact = if method == "INVITE" {
        format!("{contact}\n")
    } else {
        String::new()
    };
    format!(
        "{method} {uri} SIP/2.0
         Via: SIP/2.0/WS alice.invalid;branch={branch}
         Max-Forwards: 70
         From: \"Alice\" <sip:alice@example.com>;tag=a1
         To: <{uri}>
         Call-ID: call-1
         CSeq: {number} {method}
         {contact}{more}"
    )
}

/// The ACK to a refusal: it has the branch of its INVITE.
pub fn ack_lines(uri: &str, branch: &str, number: u32, response: &str) -> String {
    format!(
        "ACK {uri} SIP/2.0
         Via: SIP/2.0/WS alice.invalid;branch={branch}
         Max-Forwards: 70
         From: \"Alice\" <sip:alice@example.com>;tag=a1
         To: {}
         Call-ID: call-1
         CSeq: {number} ACK",
        header(response, "To")
    )
}

/// The response of a user agent to a request of the edge.
pub fn answer(request: &str, status_line: &str, tag: &str, more: &str) -> String {
    let mut lines = format!("SIP/2.0 {status_line}\n");
    for name in ["Via", "Record-Route", "From", "Call-ID", "CSeq"] {
        for value in headers(request, name) {
            lines.push_str(&format!("{name}: {value}\n"));
        }
    }
    let to = header(request, "To");
    let tag = if to.contains(";tag=") || tag.is_empty() {
        String::new()
    } else {
        format!(";tag={tag}")
    };
    lines.push_str(&format!("To: {to}{tag}\n{more}"));
    lines
}
