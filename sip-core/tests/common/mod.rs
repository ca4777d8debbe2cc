//! A user agent on a bench: the test plays the host, the clock and the peer.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::collections::VecDeque;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::config::{Config, ConfigBuilder};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, SessionId, Timestamp, Transport, UserAgent,
};
use sip_parse::{
    Builder, Bytes, HeaderName, Limits, Message, Method, Request, Response, StatusCode,
};

pub const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

pub struct Bench {
    pub agent: UserAgent,
    pub now: Timestamp,
    pub connection: ConnectionId,
    pub sent: VecDeque<Message>,
    pub raw: Vec<Bytes>,
    pub events: VecDeque<Event>,
    pub others: Vec<Action>,
    pub answers_pings: bool,
}

/// Alice at example.com, not registering, with a password.
pub fn alice() -> ConfigBuilder {
    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .server("ws://127.0.0.1:5080")
        .password("wonderland")
        .register(false);
    config
}

impl Bench {
    pub fn new(config: &ConfigBuilder) -> Self {
        Self::over(config, Transport::Ws)
    }

    pub fn over(config: &ConfigBuilder, transport: Transport) -> Self {
        Self::with_info(
            config,
            ConnectionInfo {
                transport,
                remote: None,
            },
        )
    }

    pub fn with_info(config: &ConfigBuilder, info: ConnectionInfo) -> Self {
        let random = Box::new(ChaCha20Rng::from_seed([42; 32]));
        let now = Timestamp::from_millis(1_000);
        let agent =
            UserAgent::new(config.build().expect("configuration"), random, now).expect("agent");
        let mut bench = Self::around(agent, now);
        bench.pump();
        let connection = bench.connect_asked();
        bench.connection = connection;
        bench.agent.connection_opened(connection, info, now);
        bench.pump();
        bench.events.clear();
        bench
    }

    /// An agent whose connections the test opens itself; what it said at its start is kept.
    pub fn offline(config: &ConfigBuilder) -> Self {
        let random = Box::new(ChaCha20Rng::from_seed([42; 32]));
        let now = Timestamp::from_millis(1_000);
        let config = config.build().expect("configuration");
        let agent = UserAgent::new(config, random, now).expect("agent");
        let mut bench = Self::around(agent, now);
        bench.pump();
        bench
    }

    fn around(agent: UserAgent, now: Timestamp) -> Self {
        // Replaced by the name in the first Connect; no other way to have one.
        let connection = sip_core::transaction::TransactionLayer::<()>::new(
            sip_core::transaction::TransactionSettings {
                timers: Default::default(),
                limits: Default::default(),
                sent_by: "x.invalid".into(),
                via_transport: None,
                rport: false,
                forwards: false,
            },
            Box::new(ChaCha20Rng::from_seed([0; 32])),
        )
        .reserve();
        Self {
            agent,
            now,
            connection,
            sent: VecDeque::new(),
            raw: Vec::new(),
            events: VecDeque::new(),
            others: Vec::new(),
            answers_pings: true,
        }
    }

    /// Takes the connection that the agent has asked for.
    pub fn connect_asked(&mut self) -> ConnectionId {
        let place = self
            .others
            .iter()
            .position(|action| matches!(action, Action::Connect { .. }))
            .expect("Connect");
        match self.others.remove(place) {
            Action::Connect { connection, .. } => connection,
            _ => unreachable!(),
        }
    }

    pub fn pump(&mut self) {
        while let Some(action) = self.agent.poll_action() {
            match action {
                Action::Transmit { bytes, .. } => {
                    self.raw.push(bytes.clone());
                    if let Ok(message) = Message::parse(bytes, &Limits::default()) {
                        // A 400 copies what was wrong.
                        let refusal = message
                            .as_response()
                            .is_some_and(|response| response.status().as_u16() == 400);
                        assert!(refusal || message.validate().is_ok(), "{message:?}");
                        self.sent.push_back(message);
                    }
                }
                Action::Event(event) => self.events.push_back(event),
                Action::Ping { connection } if self.answers_pings => {
                    self.agent.pong(connection, self.now)
                }
                other => self.others.push(other),
            }
        }
    }

    /// Lets time pass, deadline by deadline.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.agent.next_tick().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.agent.tick(self.now).expect("tick");
            self.pump();
        }
        self.now = end;
        self.agent.tick(end).expect("tick");
        self.pump();
    }

    /// Feeds a message written with LF line ends.
    pub fn feed(&mut self, text: &str) {
        self.feed_bytes(text.replace('\n', "\r\n").into_bytes());
    }

    pub fn feed_bytes(&mut self, bytes: impl Into<Bytes>) {
        self.agent
            .receive(self.connection, bytes.into(), self.now)
            .expect("room in the queue");
        self.pump();
    }

    pub fn next_request(&mut self) -> Request {
        let message = self.sent.pop_front().expect("a message was sent");
        message.into_request().expect("a request")
    }

    pub fn next_response(&mut self) -> Response {
        let message = self.sent.pop_front().expect("a message was sent");
        message.into_response().expect("a response")
    }

    /// Nothing was sent.
    pub fn silence(&self) {
        let first = self
            .sent
            .front()
            .map(|message| sip_parse::text(message.bytes()).to_string());
        assert_eq!(first, None);
    }

    /// Answers a request of the agent's; header lines of the test's own are added as they are.
    pub fn reply(&mut self, request: &Request, status: u16, headers: &[(&str, &str)]) {
        self.reply_tagged(request, status, "peer", headers, None);
    }

    pub fn reply_tagged(
        &mut self,
        request: &Request,
        status: u16,
        tag: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) {
        let status = StatusCode::new(status).expect("status");
        let tag = (status != StatusCode::TRYING).then_some(tag.as_bytes());
        let mut response = Builder::response_to(request, status, tag);
        for (name, value) in headers {
            response.append(HeaderName::parse(name.as_bytes()).expect("name"), *value);
        }
        if let Some(body) = body {
            response.body(b"application/sdp", body.as_bytes());
        }
        let response = response.build().expect("response");
        self.feed_bytes(response.bytes().clone());
    }

    pub fn event(&mut self) -> Event {
        self.events.pop_front().expect("an event")
    }

    /// The first event that fits, dropping those before it.
    pub fn expect<T>(&mut self, mut fits: impl FnMut(&Event) -> Option<T>) -> T {
        while let Some(event) = self.events.pop_front() {
            if let Some(found) = fits(&event) {
                return found;
            }
        }
        panic!("the event did not come");
    }

    pub fn no_events(&self) {
        assert!(self.events.is_empty(), "{:?}", self.events);
    }

    /// Calls sip:bob@example.com with [`OFFER`]; returns the call and its INVITE.
    pub fn call(&mut self) -> (SessionId, Request) {
        let id = self
            .agent
            .invite("sip:bob@example.com", Default::default(), self.now)
            .expect("invite");
        self.pump();
        assert!(matches!(self.event(), Event::DescriptionNeeded { session, .. } if session == id));
        self.agent
            .describe(id, Ok(Body::sdp(OFFER)), self.now)
            .expect("describe");
        self.pump();
        let invite = self.next_request();
        assert_eq!(invite.method(), Method::Invite);
        (id, invite)
    }

    /// A call that is up, made by the agent.
    pub fn established_call(&mut self) -> (SessionId, Request) {
        let (id, invite) = self.call();
        self.reply_tagged(
            &invite,
            200,
            "bob1",
            &[("Contact", "<sip:bob@192.0.2.9>")],
            Some(OFFER),
        );
        assert_eq!(self.next_request().method(), Method::Ack);
        self.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
        (id, invite)
    }

    /// An INVITE from bob, with an offer.
    pub fn invite_from_bob(&mut self, number: u32) -> SessionId {
        let user = self.contact_user();
        self.feed(&format!(
            "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob{number}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
             Call-ID: from-bob-{number}\nCSeq: 7 INVITE\nContact: <sip:bob@bob.invalid;transport=ws>\n\
             Record-Route: <sip:p1.example.com;lr>\nRecord-Route: <sip:p2.example.com;lr>\n\
             Content-Type: application/sdp\nContent-Length: {}\n\n{}",
            OFFER.len(),
            OFFER.replace("\r\n", "\n"),
        ));
        self.expect(|event| match event {
            Event::IncomingCall { session, .. } => Some(*session),
            _ => None,
        })
    }

    /// Any request of bob's within the dialog of a response of ours.
    pub fn in_dialog(
        &mut self,
        method: &str,
        cseq: u32,
        branch: &str,
        ours: &Response,
        extra: &str,
    ) {
        let to = String::from_utf8(ours.header(HeaderName::To).expect("To").value.to_vec())
            .expect("text");
        let call_id = String::from_utf8(ours.call_id().expect("Call-ID").to_vec()).expect("text");
        let user = self.contact_user();
        self.feed(&format!(
            "{method} sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{branch}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: {to}\nCall-ID: {call_id}\n\
             CSeq: {cseq} {method}\n{extra}Content-Length: 0\n\n"
        ));
    }

    /// Opens the connection that the agent asks for next, or is asking for now.
    pub fn reconnect(&mut self, transport: Transport) {
        let live = |action: &Action, others: &[Action]| match action {
            Action::Connect { connection, .. } => {
                let given_up = |other: &Action| matches!(other, Action::Disconnect { connection: gone, .. } if gone == connection);
                (!others.iter().any(given_up)).then_some(*connection)
            }
            _ => None,
        };
        for _ in 0..100_000 {
            let others = &self.others;
            if let Some(connection) = others.iter().find_map(|action| live(action, others)) {
                self.others.clear();
                self.connection = connection;
                let remote = None;
                let info = ConnectionInfo { transport, remote };
                self.agent.connection_opened(connection, info, self.now);
                return self.pump();
            }
            self.wait(Duration::from_millis(10));
        }
        panic!("no attempt to connect");
    }

    pub fn contact_user(&self) -> String {
        let contact = self.agent.contact();
        contact["<sip:".len()..]
            .split('@')
            .next()
            .expect("user")
            .to_owned()
    }

    /// Every table is empty.
    pub fn assert_nothing_left(&self) {
        assert_eq!(self.agent.table_sizes(), Default::default());
    }
}

/// The value of a header field as text.
pub fn value(message: &Message, name: HeaderName<'_>) -> String {
    String::from_utf8(
        message
            .header(name)
            .unwrap_or_else(|| panic!("{name:?} is missing"))
            .value
            .to_vec(),
    )
    .expect("text")
}

/// All values of a header field.
pub fn values(message: &Message, name: HeaderName<'_>) -> Vec<String> {
    message
        .headers_named(name)
        .map(|header| String::from_utf8(header.value.to_vec()).expect("text"))
        .collect()
}

pub const SECOND: Duration = Duration::from_secs(1);
