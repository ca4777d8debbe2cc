//! The publication layer alone on an endpoint, without a user agent: the test is the host, the application and the server.

use std::collections::VecDeque;

use sip_core::auth::{Credentials, Secret};
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::publication::PublicationLayer;
use sip_core::{
    Action, Body, Cause, CommandError, ConnectionId, ConnectionInfo, Event, PublicationId,
    PublishOptions, Timestamp, Transport,
};
use sip_parse::{HeaderName, Limits, Message, Method, Request, Response, UriBuf};
use sip_testing::{SECOND, Timed, crlf, random, response, value};

/// A publication layer with one connection.
struct Source {
    endpoint: Endpoint,
    publications: PublicationLayer,
    server: ConnectionId,
    now: Timestamp,
    sent: VecDeque<Message>,
    events: VecDeque<Event>,
}

impl Timed for Source {
    fn clock(&mut self) -> &mut Timestamp {
        &mut self.now
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.endpoint.next_tick()
    }

    fn tick(&mut self) {
        self.publications.tick(&mut self.endpoint, self.now);
        self.pump();
    }
}

fn uri() -> UriBuf {
    UriBuf::parse(b"sip:alice@example.com").unwrap()
}

fn state(text: &str) -> Body {
    Body::new("text/plain", text.to_owned())
}

fn open(endpoint: &mut Endpoint) -> ConnectionId {
    endpoint.accept(ConnectionInfo {
        transport: Transport::Tcp,
        remote: None,
    })
}

impl Source {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut EndpointSettings)) -> Self {
        let mut settings = EndpointSettings::new(uri());
        change(&mut settings);
        let now = Timestamp::from_millis(1_000);
        let mut endpoint = Endpoint::new(settings, random(5), now);
        Self {
            server: open(&mut endpoint),
            endpoint,
            publications: PublicationLayer::new(),
            now,
            sent: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn pump(&mut self) {
        self.publications.settle(&mut self.endpoint);
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Transmit { bytes, .. } => {
                    let message = Message::parse(bytes, &Limits::default()).expect("ours");
                    self.sent.push_back(message);
                }
                Action::Event(event) => self.events.push_back(event),
                _ => {}
            }
        }
    }

    fn publish(&mut self) -> Result<PublicationId, CommandError> {
        let (connection, options) = (Some(self.server), PublishOptions::new());
        let (endpoint, body) = (&mut self.endpoint, state("open"));
        let id = self
            .publications
            .publish(endpoint, connection, uri(), "presence", body, options);
        self.pump();
        id
    }

    fn feed(&mut self, bytes: impl Into<sip_parse::Bytes>) {
        let received = self.endpoint.receive(self.server, bytes.into(), self.now);
        received.expect("room");
        self.pump();
    }

    fn next(&mut self) -> Request {
        let message = self.sent.pop_front().expect("a message");
        message.into_request().expect("a request")
    }

    fn answer(&mut self) -> Response {
        let message = self.sent.pop_front().expect("a message");
        message.into_response().expect("a response")
    }

    /// The server accepts the next PUBLISH under `tag`.
    fn accept(&mut self, tag: &str) -> Request {
        let request = self.next();
        assert_eq!(request.method(), Method::Publish);
        let headers = [("SIP-ETag", tag), ("Expires", "3600")];
        self.feed(response(&request, 200, "server", &headers, None));
        request
    }

    fn published(&mut self) -> PublicationId {
        let id = self.publish().expect("published");
        self.accept("1");
        match self.events.pop_front() {
            Some(Event::Published { publication, .. }) => assert_eq!(publication, id),
            other => panic!("{other:?}"),
        }
        id
    }
}

/// RFC 3903 section 4, 3903-4-A: publish, refresh, modify and remove, without a user agent.
#[test]
fn rfc3903_4_a_publication_without_a_user_agent() {
    let mut source = Source::new();
    let id = source.published();
    while source.sent.is_empty() {
        source.pass(SECOND);
    }
    let waited = source.now.saturating_since(Timestamp::from_millis(1_000));
    assert!(waited >= 2_880 * SECOND && waited <= 3_241 * SECOND);
    let refresh = source.accept("2");
    assert_eq!(value(&refresh, HeaderName::SipIfMatch), "1");
    assert!(refresh.body().is_empty());
    let (publications, endpoint) = (&mut source.publications, &mut source.endpoint);
    publications.modify(endpoint, id, state("busy")).unwrap();
    source.pump();
    let change = source.accept("3");
    assert_eq!(value(&change, HeaderName::SipIfMatch), "2");
    assert_eq!(change.body(), b"busy");
    let (publications, endpoint) = (&mut source.publications, &mut source.endpoint);
    publications.remove(endpoint, id).unwrap();
    source.pump();
    source.events.clear();
    let last = source.accept("4");
    assert_eq!(value(&last, HeaderName::Expires), "0");
    assert_eq!(source.publications.len(), 0);
    let ended = source.events.pop_front();
    assert!(matches!(
        ended,
        Some(Event::PublicationEnded {
            outcome: Ok(()),
            ..
        })
    ));
    let (publications, endpoint) = (&mut source.publications, &mut source.endpoint);
    assert_eq!(publications.remove(endpoint, id), Err(CommandError::Stale));
}

/// RFC 3261 section 22.2: the endpoint answers a challenge itself.
#[test]
fn rfc3903_4_a_challenge_is_answered_without_a_user_agent() {
    let mut source = Source::with(|settings| {
        let secret = Secret::password("secret");
        settings.credentials = Some(Credentials::new("alice", secret).expect("credentials"));
    });
    source.publish().unwrap();
    let first = source.next();
    let asks = [(
        "WWW-Authenticate",
        r#"Digest realm="example.com", nonce="n", qop="auth""#,
    )];
    source.feed(response(&first, 401, "server", &asks, None));
    let second = source.accept("1");
    assert!(second.has(HeaderName::Authorization));
    assert_eq!(second.body(), b"open");
}

/// The host names another connection, and what waits goes out on it, with the same entity tag.
#[test]
fn conn_c_a_publication_moves_to_another_connection() {
    let mut source = Source::new();
    let id = source.published();
    let (publications, endpoint) = (&mut source.publications, &mut source.endpoint);
    publications.modify(endpoint, id, state("busy")).unwrap();
    source.pump();
    source.next();
    source.endpoint.closed(source.server, source.now);
    source.pump();
    match source.events.pop_front() {
        Some(Event::PublicationFailed {
            reason, retry_at, ..
        }) => {
            assert_eq!((reason.cause, retry_at), (Cause::ConnectionLost, None));
        }
        other => panic!("{other:?}"),
    }
    // No command may wait for a connection by default.
    assert_eq!(source.publish(), Err(CommandError::NotConnected));
    source.server = open(&mut source.endpoint);
    let (publications, endpoint) = (&mut source.publications, &mut source.endpoint);
    publications.connected(endpoint, source.server);
    source.pump();
    let again = source.accept("2");
    assert_eq!(value(&again, HeaderName::SipIfMatch), "1");
    assert_eq!(again.body(), b"busy");
}

/// RFC 3261 sections 8.2.1 and 11.2: the layer answers OPTIONS, and refuses what no publication takes.
#[test]
fn rfc3261_8_2_1_requests_of_peers_are_refused() {
    for (method, status) in [
        ("OPTIONS", 200),
        ("MESSAGE", 405),
        ("BYE", 481),
        ("PUBLISH", 405),
    ] {
        let mut source = Source::with(|settings| settings.behaviour.takes_any_user = true);
        let text = format!(
            "{method} sip:alice@example.com SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=bob\nTo: <sip:alice@example.com>\nCall-ID: 1\nCSeq: 1 {method}\n\
             Content-Length: 0\n\n"
        );
        source.feed(crlf(&text));
        assert_eq!(source.answer().status().as_u16(), status, "{method}");
    }
}
