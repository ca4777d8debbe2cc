//! A bench with one connection, whose far end the test plays.

use std::time::Duration;

use sip_core::config::{Config, ConfigBuilder};
use sip_core::connection::DisconnectReason;
use sip_core::{Action, ConnectionId, ConnectionInfo, Event, SessionId, Transport};
use sip_parse::{Bytes, HeaderName, Method, Request, Response};

use crate::bench::Bench;
use crate::exchange::description_needed;
use crate::message::{OFFER, response};
use crate::scripted::Scripted;

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
        let remote = None;
        Self::with_info(config, ConnectionInfo { transport, remote })
    }

    /// The same over a connection that the test describes in full.
    pub fn with_info(config: &ConfigBuilder, info: ConnectionInfo) -> Self {
        let mut bench = Self::offline(config);
        bench.open_as(info);
        bench.events.clear();
        bench
    }

    /// An agent whose connections the test opens itself. Its first events are kept.
    pub fn offline(config: &ConfigBuilder) -> Self {
        let mut bench = Self::started(config, 42, Scripted::new());
        bench.pump();
        bench
    }

    /// Opens the connection that the agent has asked for.
    #[track_caller]
    pub fn open(&mut self, transport: Transport) {
        let remote = None;
        self.open_as(ConnectionInfo { transport, remote });
    }

    /// The connection breaks.
    pub fn lose(&mut self) {
        let (connection, lost) = (self.connection, DisconnectReason::Lost);
        self.agent.connection_closed(connection, lost, self.now);
        self.pump();
    }

    #[track_caller]
    fn open_as(&mut self, info: ConnectionInfo) {
        self.connection = self.connect_asked();
        let connection = self.connection;
        self.agent.connection_opened(connection, info, self.now);
        self.pump();
    }

    /// Removes the oldest `Connect` from [`others`](Scripted::others); its connection.
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
        let bytes = response(request, status, tag, headers, body);
        self.feed_bytes(bytes);
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

    /// The application accepts an incoming call and gives its answer; the agent's response.
    #[track_caller]
    pub fn answer(&mut self, id: SessionId, sdp: &str) -> Response {
        self.accept(id);
        self.describe(id, sdp);
        self.next_response()
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
        self.invite_from_bob_with(number, "", Some(OFFER))
    }

    /// Bob sends an INVITE with these header fields, written with LF line ends; the call.
    pub fn invite_from_bob_with(
        &mut self,
        number: u32,
        headers: &str,
        sdp: Option<&str>,
    ) -> SessionId {
        let user = self.contact_user();
        self.feed(&format!(
            "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob{number}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
             Call-ID: from-bob-{number}\nCSeq: 7 INVITE\nContact: <sip:bob@bob.invalid;transport=ws>\n\
             Record-Route: <sip:p1.example.com;lr>\nRecord-Route: <sip:p2.example.com;lr>\n{headers}{}",
            rest(sdp),
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
        self.in_dialog_with(method, cseq, branch, ours, extra, None);
    }

    /// The same with a session description.
    pub fn in_dialog_with(
        &mut self,
        method: &str,
        cseq: u32,
        branch: &str,
        ours: &Response,
        extra: &str,
        sdp: Option<&str>,
    ) {
        let to = String::from_utf8(ours.header(HeaderName::To).expect("To").value.to_vec())
            .expect("text");
        let call_id = String::from_utf8(ours.call_id().expect("Call-ID").to_vec()).expect("text");
        let user = self.contact_user();
        self.feed(&format!(
            "{method} sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{branch}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: {to}\nCall-ID: {call_id}\n\
             CSeq: {cseq} {method}\n{extra}{}",
            rest(sdp),
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
}

/// The end of a message, from Content-Type on. LF line ends become CRLF later.
fn rest(sdp: Option<&str>) -> String {
    match sdp {
        Some(sdp) => format!(
            "Content-Type: application/sdp\nContent-Length: {}\n\n{}",
            sdp.len(),
            sdp.replace("\r\n", "\n")
        ),
        None => "Content-Length: 0\n\n".to_owned(),
    }
}
