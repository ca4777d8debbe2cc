#![no_main]
//! A script of messages, commands, connection changes and time jumps against a whole user agent.
//!
//! Invariants: no panic; the deadline always advances; an input causes a bounded number of actions; bytes go
//! out on open connections only, and can be read; a call ends once, and nothing is heard of it afterwards;
//! after a stop and quiet time every table is empty.

use std::collections::BTreeMap;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use sip_core::config::{Config, OfflineRequests, ServerUrl};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, DescriptionFailed, Event, FailureStatus,
    IncomingRequestId, InviteOptions, NoServerUrl, Session, SessionId, Timestamp, Transport,
    UserAgent,
};
use sip_fuzz::script::Script;
use sip_fuzz::tally;
use sip_parse::{
    Builder, Bytes, HeaderName, Limits, Message, Method, Request, Response, StatusCode,
};
use sip_testing::{DescriptionRequest, description_needed, remote_description};

/// The highest number of actions that one input may cause, and of ticks in one moment.
const BURST: usize = 10_000;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

const STATUS: [u16; 20] = [
    200, 180, 100, 183, 200, 430, 302, 401, 403, 404, 407, 408, 423, 481, 486, 487, 491, 500, 503,
    603,
];

const IN_DIALOG: [&str; 11] = [
    "BYE", "ACK", "INVITE", "UPDATE", "INFO", "PRACK", "REFER", "NOTIFY", "OPTIONS", "MESSAGE",
    "CANCEL",
];

const OUT_OF_DIALOG: [&str; 8] = [
    "OPTIONS",
    "MESSAGE",
    "NOTIFY",
    "REFER",
    "SUBSCRIBE",
    "BYE",
    "REGISTER",
    "EXTEND",
];

struct Run {
    agent: UserAgent,
    now: Timestamp,
    info: ConnectionInfo,
    /// Connections that the agent has requested and that are neither open nor failed.
    asked: Vec<ConnectionId>,
    open: Vec<ConnectionId>,
    /// Connections whose URL the agent has requested.
    needed: Vec<ConnectionId>,
    /// The agent's last few requests, and their connections.
    requests: Vec<(ConnectionId, Request)>,
    /// Its responses to an INVITE that made a dialog, the last few.
    responses: Vec<Response>,
    fed: Vec<Bytes>,
    /// Calls, and whether they have ended.
    sessions: BTreeMap<SessionId, bool>,
    describe: Vec<DescriptionRequest>,
    incoming: Vec<IncomingRequestId>,
    started: u32,
    stopped: u32,
    number: u32,
    established: u64,
    finished: u64,
    registered: u64,
    /// Registrations on a flow other than the first.
    flows: u64,
}

fuzz_target!(|data: &[u8]| {
    let mut script = Script::new(data);
    let mut run = Run::new(&mut script);
    run.drain();
    let mut steps = 0;
    while let Some(step) = script.step() {
        run.step(step, &mut script);
        run.drain();
        steps += 1;
        if steps == 150 {
            break;
        }
    }
    let counters = run.agent.counters();
    let understood = counters.received - counters.malformed.min(counters.received);
    run.quiet(&mut script);
    tally::count(understood > 0);
    tally::reached("messages understood", understood);
    tally::reached("calls", run.sessions.len() as u64);
    tally::reached("calls established", run.established);
    tally::reached(
        "calls ended",
        run.sessions.values().filter(|ended| **ended).count() as u64,
    );
    tally::reached("requests finished", run.finished);
    tally::reached("registrations", run.registered);
    tally::reached("registrations of further flows", run.flows);
});

impl Run {
    fn new(script: &mut Script<'_>) -> Self {
        let flags = script.byte();
        let transport = [
            Transport::Ws,
            Transport::Wss,
            Transport::Tcp,
            Transport::Udp,
        ][usize::from(flags >> 6)];
        let mut config = Config::builder();
        config
            .uri("sip:alice@example.com")
            .server("ws://127.0.0.1:5080")
            .password("wonderland")
            .register(flags & 1 == 1)
            .allow_legacy_notifications(flags & 2 == 2)
            .allow_out_of_dialog_refers(flags & 4 == 4)
            .trace_sip(flags & 8 == 8)
            .hack_via_tcp(flags & 16 == 16);
        if flags & 32 == 32 {
            config.offline_requests(OfflineRequests::Queue);
        }
        let more = script.byte();
        if more & 64 == 64 {
            // The second and third server are those of other flows.
            config
                .servers([("ws://127.0.0.1:5080", 2), ("ws://b", 1), ("ws://c", 0)])
                .outbound_flows(1 + (more & 3));
        }
        config.ask_server_url(more & 128 == 128);
        let config = config.build().expect("a good configuration");
        let now = Timestamp::from_millis(1_000);
        let rng = Box::new(ChaCha8Rng::from_seed([more; 32]));
        let agent = UserAgent::new(config, rng, now).expect("a good configuration");
        let mut run = Self {
            agent,
            now,
            info: ConnectionInfo {
                transport,
                remote: None,
            },
            asked: Vec::new(),
            open: Vec::new(),
            needed: Vec::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            fed: Vec::new(),
            sessions: BTreeMap::new(),
            describe: Vec::new(),
            incoming: Vec::new(),
            started: 1,
            stopped: 0,
            number: 0,
            established: 0,
            finished: 0,
            registered: 0,
            flows: 0,
        };
        run.drain();
        // Without a connection most steps have no effect, so the first one opens unless the script skips it.
        if flags & 32 == 0 {
            run.connect(script);
        }
        run
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        if std::env::var_os("SIP_FUZZ_SHOW").is_some() {
            eprintln!(
                "{:?} step {}, next {:?}",
                self.now,
                step % 24,
                self.agent.next_tick()
            );
        }
        match step % 24 {
            0 => self.to_deadline(),
            1 => self.pass(Duration::from_millis(u64::from(script.byte()) * 40)),
            2 => self.pass(Duration::from_secs(u64::from(script.byte()) * 10)),
            3..=6 => self.answer(script),
            7 | 8 => self.invite(script),
            9..=11 => self.in_dialog(script),
            12 => self.out_of_dialog(script),
            13 => {
                if let Some(bytes) = script.pick(&self.fed).cloned() {
                    self.receive(script, bytes);
                }
            }
            14 => {
                let bytes = Bytes::copy_from_slice(script.bytes());
                self.receive(script, bytes);
            }
            15 => {
                let options = if script.byte() & 1 == 1 {
                    InviteOptions::new().late_offer()
                } else {
                    InviteOptions::new()
                };
                if let Ok(id) = self.agent.invite("sip:bob@example.com", options, self.now) {
                    self.sessions.insert(id, false);
                }
            }
            16 | 17 => self.describe(script),
            18 | 19 => self.session(script),
            20 => self.command(script),
            21 => self.respond(script),
            22 => self.connection(script),
            _ => {
                // Hosts may ask for a tick at any time.
                let _ = self.agent.tick(self.now);
                self.pass(Duration::from_millis(500));
            }
        }
    }

    fn connect(&mut self, script: &mut Script<'_>) {
        if self.asked.is_empty() {
            self.give_url(script);
        }
        if self.asked.is_empty() {
            return;
        }
        let connection = self.asked.remove(script.choice(self.asked.len()));
        self.open.push(connection);
        self.agent
            .connection_opened(connection, self.info, self.now);
        self.drain();
    }

    /// Answers the agent's request for a URL.
    fn give_url(&mut self, script: &mut Script<'_>) {
        if self.needed.is_empty() {
            return;
        }
        let connection = self.needed.remove(script.choice(self.needed.len()));
        let url = if script.byte() % 8 == 7 {
            Err(NoServerUrl)
        } else {
            Ok(ServerUrl::parse("wss://d.example.com/?token=1").expect("a good URL"))
        };
        // The attempt may be over by now.
        let _ = self.agent.server_url(connection, url, self.now);
        self.drain();
    }

    fn receive(&mut self, script: &mut Script<'_>, bytes: Bytes) {
        if let Some(&connection) = self.open.last() {
            self.receive_on(connection, script, bytes);
        }
    }

    fn receive_on(&mut self, connection: ConnectionId, script: &mut Script<'_>, bytes: Bytes) {
        if self.fed.len() == 16 {
            self.fed.remove(0);
        }
        self.fed.push(bytes.clone());
        let cut = if self.info.transport.is_stream() {
            script.choice(bytes.len() + 1)
        } else {
            bytes.len()
        };
        for part in [bytes.slice(..cut), bytes.slice(cut..)] {
            if !part.is_empty() {
                self.agent
                    .receive(connection, part, self.now)
                    .expect("the queue was drained");
                self.drain();
            }
        }
    }

    fn answer(&mut self, script: &mut Script<'_>) {
        let status = *script.pick(&STATUS).expect("not empty");
        let flags = script.byte();
        let request = match flags >> 6 {
            0 => script.pick(&self.requests),
            _ => self.requests.last(),
        };
        let Some((connection, request)) = request.cloned() else {
            return;
        };
        let tag = [&b"peer1"[..], b"peer2", b"peer3"][usize::from(flags % 3)];
        let rseq = format!("{}", flags >> 4);
        let status = StatusCode::new(status).expect("a status");
        let mut response = Builder::response_to(&request, status, Some(tag));
        if flags & 4 == 0 {
            response.append(HeaderName::Contact, "<sip:bob@192.0.2.9>");
        }
        match status.as_u16() {
            401 | 407 => {
                let name = if status.as_u16() == 401 {
                    HeaderName::WwwAuthenticate
                } else {
                    HeaderName::ProxyAuthenticate
                };
                response.append(
                    name,
                    "Digest realm=\"example.com\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth,auth-int\"",
                );
                response.append(
                    name,
                    "Digest realm=\"example.com\", nonce=\"n2\", qop=\"auth\"",
                );
            }
            423 => {
                response.append(HeaderName::MinExpires, 1_800);
            }
            500 | 503 => {
                response.append(HeaderName::RetryAfter, 5);
            }
            180 | 183 if flags & 8 == 8 => {
                response.append(HeaderName::Require, "100rel");
                response.append(HeaderName::RSeq, &rseq);
            }
            200 if request.method() == Method::Register => {
                if let Some(contact) = request.header(HeaderName::Contact) {
                    let contact = [contact.value, b";expires=600"].concat();
                    response.set(HeaderName::Contact, contact);
                }
                if flags & 32 == 32 {
                    response.append(HeaderName::Require, "outbound");
                }
            }
            _ => {}
        }
        if flags & 16 == 16 {
            response.body(b"application/sdp", SDP.as_bytes());
        }
        if let Ok(response) = response.build() {
            let bytes = response.bytes().clone();
            if self.open.contains(&connection) {
                self.receive_on(connection, script, bytes);
            } else {
                self.receive(script, bytes);
            }
        }
    }

    /// The user part of the agent's own Contact, by which it is called.
    fn user(&self) -> String {
        let contact = self.agent.contact();
        let user = contact.trim_start_matches("<sip:").split('@').next();
        user.unwrap_or_default().to_owned()
    }

    fn invite(&mut self, script: &mut Script<'_>) {
        let (call, flags) = (script.choice(4), script.byte());
        let body = if flags & 1 == 0 { SDP } else { "" };
        let extra = [
            "",
            "Supported: 100rel, timer, replaces\r\nSession-Expires: 90\r\n",
            "Require: 100rel\r\n",
            "Replaces: from-bob-0;to-tag=x;from-tag=bobtag\r\n",
        ][usize::from(flags >> 6)];
        let number = if flags & 2 == 0 { call } else { 100 + call };
        let text = format!(
            "INVITE sip:{user}@x.invalid SIP/2.0\r\n\
             Via: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:bob@example.com>;tag=bobtag\r\nTo: <sip:alice@example.com>\r\n\
             Call-ID: from-bob-{call}\r\nCSeq: 7 INVITE\r\n\
             Contact: <sip:bob@bob.invalid;transport=ws>\r\n{extra}\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len(),
            user = self.user(),
        );
        self.receive(script, text.into());
    }

    /// A request of the peer's in a dialog, in which either end may have been the caller.
    fn in_dialog(&mut self, script: &mut Script<'_>) {
        let method = *script.pick(&IN_DIALOG).expect("not empty");
        let flags = script.byte();
        self.number += u32::from(flags & 1);
        let cseq = 7 + self.number;
        let from_callee = self
            .requests
            .iter()
            .rev()
            .map(|(_, request)| request)
            .find(|request| request.method() == Method::Invite)
            .filter(|_| flags & 2 == 2);
        let text = |message: &Message, name| {
            let value = message.header(name).map(|header| header.unfolded());
            String::from_utf8_lossy(&value.unwrap_or_default()).into_owned()
        };
        let (from, to, call_id) = if let Some(invite) = from_callee {
            (
                format!("<sip:bob@example.com>;tag=peer{}", 1 + (flags >> 2) % 3),
                text(invite, HeaderName::From),
                text(invite, HeaderName::CallId),
            )
        } else if let Some(response) = script.pick(&self.responses) {
            (
                text(response, HeaderName::From),
                text(response, HeaderName::To),
                text(response, HeaderName::CallId),
            )
        } else {
            return;
        };
        // ACK and CANCEL carry the number of the INVITE.
        let (cseq, branch) = match method {
            "ACK" => (7, format!("ack{cseq}")),
            "CANCEL" => (7, format!("bob{}", flags >> 6)),
            _ => (cseq, format!("in{cseq}{method}")),
        };
        let extra = match method {
            "PRACK" => "RAck: 1 7 INVITE\r\n",
            "REFER" => "Refer-To: <sip:carol@example.com>\r\n",
            "NOTIFY" => "Event: refer\r\nSubscription-State: active;expires=60\r\n",
            "UPDATE" | "INVITE" => {
                "Contact: <sip:bob@bob.invalid>\r\nSession-Expires: 90;refresher=uac\r\n"
            }
            _ => "",
        };
        let body = if flags & 32 == 32 { SDP } else { "" };
        let text = format!(
            "{method} sip:{user}@x.invalid SIP/2.0\r\n\
             Via: SIP/2.0/WS bob.invalid;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{extra}\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len(),
            user = self.user(),
        );
        self.receive(script, text.into());
    }

    fn out_of_dialog(&mut self, script: &mut Script<'_>) {
        let method = *script.pick(&OUT_OF_DIALOG).expect("not empty");
        let extra = [
            "",
            "Require: nothing-known\r\n",
            "Event: presence\r\n",
            "Refer-To: <sip:carol@example.com>\r\n",
        ][script.choice(4)];
        self.number += 1;
        let text = format!(
            "{method} sip:{user}@x.invalid SIP/2.0\r\n\
             Via: SIP/2.0/WS bob.invalid;branch=z9hG4bKout{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:bob@example.com>;tag=bobtag\r\nTo: <sip:alice@example.com>\r\n\
             Call-ID: out-{number}\r\nCSeq: 1 {method}\r\n{extra}\
             Contact: <sip:bob@bob.invalid>\r\nContent-Length: 0\r\n\r\n",
            user = self.user(),
            number = self.number,
        );
        self.receive(script, text.into());
    }

    fn describe(&mut self, script: &mut Script<'_>) {
        if self.describe.is_empty() {
            return;
        }
        let request = self.describe.remove(script.choice(self.describe.len()));
        let description = if script.byte() % 8 == 7 {
            Err(DescriptionFailed)
        } else {
            Ok(Body::sdp(SDP))
        };
        // The call may have ended in between.
        let _ = request.describe(&mut self.agent, description, self.now);
    }

    fn session(&mut self, script: &mut Script<'_>) {
        let known: Vec<SessionId> = self.sessions.keys().copied().collect();
        let (Some(&id), what) = (script.pick(&known), script.byte()) else {
            return;
        };
        let (now, ended) = (self.now, self.sessions[&id]);
        match self.agent.session(id) {
            Err(_) => assert!(ended, "a call that did not end is known"),
            Ok(_) if what & 15 == 15 => {
                self.agent.hang_up(id, now).expect("a call that is known");
            }
            Ok(Session::Incoming(call)) => match what % 4 {
                0 | 1 => call.answer(now),
                2 => call.ring(now),
                _ => call.reject(FailureStatus::BUSY_HERE, now),
            },
            Ok(Session::Outgoing(call)) => call.cancel(now),
            Ok(Session::Established(call)) => {
                if what & 1 == 0 {
                    call.bye(now);
                } else {
                    let _ = call.info(&Body::new("application/dtmf-relay", "Signal=1"), now);
                }
            }
            Ok(_) => {}
        }
    }

    fn command(&mut self, script: &mut Script<'_>) {
        // The agent may refuse each; the invariants must hold afterwards.
        let now = self.now;
        let _ = match script.choice(8) {
            0 => self.agent.register(now).err(),
            1 => self.agent.unregister(now).err(),
            2 => self
                .agent
                .message("sip:bob@example.com", Body::new("text/plain", "hello"), now)
                .err(),
            3 => self.agent.options("sip:bob@example.com", now).err(),
            4 => {
                let target = String::from_utf8_lossy(script.bytes()).into_owned();
                self.agent.options(&target, now).err()
            }
            5 => {
                let started = self.agent.start(now);
                self.started += u32::from(started.is_ok());
                started.err()
            }
            6 if script.byte() % 16 == 0 => {
                self.agent.stop(None, now);
                None
            }
            _ => self
                .agent
                .request(
                    Method::Other(b"EXTEND"),
                    "sip:bob@example.com",
                    None,
                    &[],
                    now,
                )
                .err(),
        };
    }

    fn respond(&mut self, script: &mut Script<'_>) {
        if self.incoming.is_empty() {
            return;
        }
        let incoming = self.incoming.remove(script.choice(self.incoming.len()));
        let status = *script.pick(&STATUS).expect("not empty");
        let status = StatusCode::new(status).expect("a status");
        let _ = self.agent.respond(incoming, status, self.now);
    }

    fn connection(&mut self, script: &mut Script<'_>) {
        match script.choice(6) {
            0 | 1 => self.connect(script),
            2 if !self.asked.is_empty() => {
                let connection = self.asked.remove(0);
                let error = *script
                    .pick(&[
                        ConnectError::Refused,
                        ConnectError::Timeout,
                        ConnectError::Upgrade(403),
                    ])
                    .expect("not empty");
                self.agent.connection_failed(connection, error, self.now);
            }
            3 if script.byte() & 3 == 0 && !self.open.is_empty() => {
                let connection = self.open.remove(0);
                self.agent
                    .connection_closed(connection, DisconnectReason::Lost, self.now);
            }
            4 if !self.needed.is_empty() => self.give_url(script),
            _ => {
                if let Some(&connection) = self.open.last() {
                    self.agent.pong(connection, self.now);
                }
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..BURST {
            match self.agent.next_tick() {
                Some(next) if next <= end => {
                    self.now = self.now.max(next);
                    self.fire();
                }
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("more than {BURST} deadlines in {time:?}");
    }

    fn to_deadline(&mut self) {
        if let Some(next) = self.agent.next_tick() {
            let far = self.now + Duration::from_secs(24 * 3_600);
            self.now = self.now.max(next.min(far));
            self.fire();
        }
    }

    /// Fires all due deadlines.
    fn fire(&mut self) {
        for _ in 0..BURST {
            if self.agent.next_tick().is_none_or(|next| next > self.now) {
                return;
            }
            self.agent.tick(self.now).expect("no jump");
            self.drain();
        }
        panic!("the deadline does not advance");
    }

    fn drain(&mut self) {
        for _ in 0..BURST {
            let Some(action) = self.agent.poll_action() else {
                return;
            };
            self.carry_out(action);
        }
        panic!("one input causes actions without end");
    }

    fn carry_out(&mut self, action: Action) {
        if std::env::var_os("SIP_FUZZ_SHOW").is_some() {
            eprintln!("  {action:?}");
        }
        match action {
            Action::Connect { connection, .. } => self.asked.push(connection),
            Action::Transmit { connection, bytes } => {
                assert!(
                    self.open.contains(&connection),
                    "bytes for no open connection"
                );
                self.sent(connection, bytes);
            }
            Action::Ping { connection } => {
                assert!(
                    self.open.contains(&connection),
                    "a ping on no open connection"
                );
            }
            Action::Disconnect { connection, .. } => {
                self.open.retain(|open| *open != connection);
                self.asked.retain(|asked| *asked != connection);
                self.needed.retain(|needed| *needed != connection);
            }
            Action::Event(event) => self.event(event),
            Action::Log(record) => drop(record.content.to_string()),
            Action::Trace(record) => {
                let text = record.to_string();
                assert!(!text.contains("wonderland"), "a password in a trace");
            }
        }
    }

    fn sent(&mut self, connection: ConnectionId, bytes: Bytes) {
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return;
        }
        let message = Message::parse(bytes, &Limits::default()).expect("what is sent can be read");
        match message.into_request() {
            Ok(request) => {
                request.validate().expect("a request of ours is valid");
                if self.requests.len() == 16 {
                    self.requests.remove(0);
                }
                self.requests.push((connection, request));
            }
            Err(message) => {
                let response = message.into_response().expect("one of the two");
                let dialog = response
                    .to()
                    .is_ok_and(|to| to.tag().is_some() && !response.status().is_failure());
                let invite = response
                    .cseq()
                    .is_ok_and(|cseq| cseq.method == Method::Invite);
                if dialog && invite {
                    if self.responses.len() == 8 {
                        self.responses.remove(0);
                    }
                    self.responses.push(response);
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        assert!(!format!("{event:?}").is_empty());
        if let Some(request) = description_needed(&event) {
            self.alive(request.session);
            return self.describe.push(request);
        }
        if let Some((session, ..)) = remote_description(&event) {
            return self.alive(session);
        }
        match event {
            Event::IncomingCall { session, .. } => {
                let before = self.sessions.insert(session, false);
                assert_eq!(before, None, "a call comes once");
            }
            Event::Progress { session, .. } => self.alive(session),
            Event::Established { session } => {
                self.alive(session);
                self.established += 1;
            }
            Event::Ended { session, .. } => {
                self.alive(session);
                self.sessions.insert(session, true);
            }
            Event::ServerUrlNeeded { connection, .. } => self.needed.push(connection),
            Event::IncomingRequest { incoming, .. } => self.incoming.push(incoming),
            Event::RequestCompleted { .. } => self.finished += 1,
            Event::Registered(registration) => {
                self.registered += 1;
                self.flows += u64::from(registration.reg_id > 1);
            }
            Event::Stopped { .. } => self.stopped += 1,
            _ => {}
        }
    }

    fn alive(&mut self, session: SessionId) {
        // An event may arrive before the script has stored the handle that `invite` returned.
        let ended = *self.sessions.entry(session).or_insert(false);
        assert!(!ended, "nothing is heard of a call that has ended");
    }

    /// Hangs up every call and stops the agent, while every peer is silent: every table is empty afterwards.
    fn quiet(&mut self, script: &mut Script<'_>) {
        if script.byte() & 1 == 0 {
            let open: Vec<SessionId> = self.sessions.keys().copied().collect();
            for id in open {
                // Those that have ended are stale.
                let _ = self.agent.hang_up(id, self.now);
                self.drain();
            }
            for incoming in std::mem::take(&mut self.incoming) {
                let _ = self.agent.respond(incoming, StatusCode::OK, self.now);
                self.drain();
            }
            self.pass(Duration::from_secs(600));
            let tables = self.agent.table_sizes();
            assert_eq!(
                (
                    tables.sessions,
                    tables.dialogs,
                    tables.server_transactions,
                    tables.incoming
                ),
                (0, 0, 0, 0),
                "calls hung up ten minutes ago: {tables:?}"
            );
        }
        self.agent.stop(None, self.now);
        self.drain();
        self.pass(Duration::from_secs(600));
        assert_eq!(
            self.agent.table_sizes(),
            Default::default(),
            "ten minutes after a stop"
        );
        assert_eq!(
            self.agent.next_tick(),
            None,
            "a stopped agent waits for nothing"
        );
        for (session, ended) in &self.sessions {
            assert!(ended, "{session:?} never ended");
        }
        assert!(
            self.stopped <= self.started,
            "stopped more often than started"
        );
    }
}
