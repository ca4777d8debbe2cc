//! One user agent, a virtual clock, and a far end that the test scripts.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::config::{Config, ConfigBuilder};
use sip_core::{
    Action, Body, CommandError, ConnectionId, ConnectionInfo, DescriptionFailed, DescriptionKind,
    EndReason, Event, Session, SessionId, Timestamp, Transport, UserAgent,
};
use sip_parse::{
    Builder, Bytes, HeaderName, Limits, Message, Method, Request, Response, StatusCode,
};

use crate::exchange::{DescriptionRequest, description_needed, exchange_ended, remote_description};
use crate::message::OFFER;

/// One user agent with one connection. The test turns the clock, reads what the agent sends, and
/// answers it.
#[derive(Debug)]
pub struct Bench {
    /// The agent.
    pub agent: UserAgent,
    /// The clock.
    pub now: Timestamp,
    /// The connection that [`feed`](Self::feed) delivers on.
    pub connection: ConnectionId,
    /// Messages that the agent sent and the test has not read.
    pub sent: VecDeque<Message>,
    /// Everything that the agent sent, as bytes.
    pub raw: Vec<Bytes>,
    /// Events that the test has not read.
    pub events: VecDeque<Event>,
    /// All other actions: connects, disconnects, pings without a pong, log.
    pub others: Vec<Action>,
    /// Whether the bench answers each ping at once.
    pub answers_pings: bool,
    /// The last description that the agent asked for, by call.
    asked: BTreeMap<SessionId, DescriptionRequest>,
}

/// Alice at example.com, who has a password and does not register.
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
    /// An agent over WS whose connection is open. The events up to here are dropped.
    pub fn new(config: &ConfigBuilder) -> Self {
        Self::over(config, Transport::Ws)
    }

    /// The same over another transport.
    pub fn over(config: &ConfigBuilder, transport: Transport) -> Self {
        Self::with_info(
            config,
            ConnectionInfo {
                transport,
                remote: None,
            },
        )
    }

    /// The same over a connection that the test describes in full.
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

    /// An agent whose connections the test opens itself. Its first events are kept.
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
            asked: BTreeMap::new(),
        }
    }

    /// Removes the oldest `Connect` from [`others`](Self::others); its connection.
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

    /// Carries out every action that the agent has queued. The test calls this after each command
    /// that it gives the agent itself.
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
                Action::Event(event) => {
                    if let Some(request) = description_needed(&event) {
                        self.asked.insert(request.session, request);
                    }
                    self.events.push_back(event);
                }
                Action::Ping { connection } if self.answers_pings => {
                    self.agent.pong(connection, self.now)
                }
                other => self.others.push(other),
            }
        }
    }

    /// Turns the clock and stops at every deadline of the agent on the way.
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

    /// The far end sends a message, written with LF line ends.
    pub fn feed(&mut self, text: &str) {
        self.feed_bytes(text.replace('\n', "\r\n").into_bytes());
    }

    /// The far end sends bytes.
    pub fn feed_bytes(&mut self, bytes: impl Into<Bytes>) {
        self.agent
            .receive(self.connection, bytes.into(), self.now)
            .expect("room in the queue");
        self.pump();
    }

    /// The oldest message that the agent sent, which must be a request.
    #[track_caller]
    pub fn next_request(&mut self) -> Request {
        let message = self.sent.pop_front().expect("a message was sent");
        message.into_request().expect("a request")
    }

    /// The oldest message that the agent sent, which must be a response.
    #[track_caller]
    pub fn next_response(&mut self) -> Response {
        let message = self.sent.pop_front().expect("a message was sent");
        message.into_response().expect("a response")
    }

    /// The test has read everything that the agent sent.
    #[track_caller]
    pub fn silence(&self) {
        let first = self
            .sent
            .front()
            .map(|message| sip_parse::text(message.bytes()).to_string());
        assert_eq!(first, None);
    }

    /// The far end answers a request of the agent, with more header fields.
    pub fn reply(&mut self, request: &Request, status: u16, headers: &[(&str, &str)]) {
        self.reply_tagged(request, status, "peer", headers, None);
    }

    /// The same with a To tag and a body of the test's choice.
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

    /// The oldest event that the test has not read.
    #[track_caller]
    pub fn event(&mut self) -> Event {
        self.events.pop_front().expect("an event")
    }

    /// The first event that fits. Those before it are dropped.
    #[track_caller]
    pub fn expect<T>(&mut self, mut fits: impl FnMut(&Event) -> Option<T>) -> T {
        while let Some(event) = self.events.pop_front() {
            if let Some(found) = fits(&event) {
                return found;
            }
        }
        panic!("no event fits");
    }

    /// The test has read every event.
    #[track_caller]
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
        let asked = description_needed(&self.event()).expect("DescriptionNeeded");
        assert_eq!(asked.session, id);
        self.describe(id, OFFER);
        let invite = self.next_request();
        assert_eq!(invite.method(), Method::Invite);
        (id, invite)
    }

    /// Gives the description that the agent asked for last in this call.
    ///
    /// # Panics
    /// If the agent does not take it.
    #[track_caller]
    pub fn describe(&mut self, id: SessionId, sdp: &str) {
        let described = self.try_describe(id, Ok(Body::sdp(sdp.to_owned())));
        assert_eq!(described, Ok(()), "describe");
    }

    /// Gives the description that the agent asked for last in this call, or says that there is none.
    ///
    /// # Errors
    /// Those of [`UserAgent::describe`].
    pub fn try_describe(
        &mut self,
        id: SessionId,
        description: Result<Body, DescriptionFailed>,
    ) -> Result<(), CommandError> {
        self.pump();
        let asked = self.asked.get(&id).copied();
        let request = asked.unwrap_or_else(|| DescriptionRequest::never_made(id));
        let described = request.describe(&mut self.agent, description, self.now);
        self.pump();
        described
    }

    /// Waits in the queue of events for the next description that the agent needs.
    #[track_caller]
    pub fn description_needed(&mut self) -> DescriptionRequest {
        self.expect(description_needed)
    }

    /// Waits in the queue of events for the peer's next description.
    #[track_caller]
    pub fn remote_description(&mut self) -> (DescriptionKind, Bytes) {
        self.expect(|event| {
            remote_description(event).map(|(_, kind, body)| (kind, body.bytes.clone()))
        })
    }

    /// The next exchange that ended was one of this call, and succeeded.
    #[track_caller]
    pub fn renegotiated(&mut self, id: SessionId) {
        let end = self.expect(exchange_ended);
        assert_eq!((end.session, end.outcome), (id, Ok(())));
    }

    /// The next exchange that ended has failed; why.
    #[track_caller]
    pub fn renegotiation_failed(&mut self) -> EndReason {
        let end = self.expect(exchange_ended);
        end.outcome.expect_err("the exchange failed")
    }

    /// The application accepts an incoming call. Its answer is asked for next.
    #[track_caller]
    pub fn accept(&mut self, id: SessionId) {
        match self.agent.session(id) {
            Ok(Session::Incoming(call)) => call.answer(self.now),
            other => panic!("not an incoming call: {other:?}"),
        }
        self.pump();
    }

    /// The application accepts an incoming call and gives its answer; the agent's response.
    #[track_caller]
    pub fn answer(&mut self, id: SessionId, sdp: &str) -> Response {
        self.accept(id);
        self.describe(id, sdp);
        self.next_response()
    }

    /// The application starts a re-INVITE. Its offer is asked for next.
    #[track_caller]
    pub fn reinvite(&mut self, id: SessionId) {
        match self.agent.session(id) {
            Ok(Session::Established(call)) => call.reinvite(self.now).expect("reinvite"),
            other => panic!("the call is not up: {other:?}"),
        }
        self.pump();
    }

    /// The application hangs up.
    #[track_caller]
    pub fn hang_up(&mut self, id: SessionId) {
        self.agent.hang_up(id, self.now).expect("hang up");
        self.pump();
    }

    /// A call of the agent that is up, and its INVITE.
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

    /// Bob sends an INVITE with an offer; the call.
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

    /// Bob sends a request within the dialog that a response of the agent made.
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

    /// Opens the next connection that the agent asks for, and turns the clock until it does.
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
        panic!("the agent does not try to connect");
    }

    /// The user part of the agent's Contact.
    pub fn contact_user(&self) -> String {
        let contact = self.agent.contact();
        contact["<sip:".len()..]
            .split('@')
            .next()
            .expect("user")
            .to_owned()
    }

    /// Every table of the agent is empty.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        assert_eq!(self.agent.table_sizes(), Default::default());
    }
}
