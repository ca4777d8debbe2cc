//! One state of everything: the agent, its connection, the REGISTER that the registrar has not answered, and the application.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use sip_parse::{Builder, HeaderName, Limits, Message, Request, StatusCode};

use crate::action::Action;
use crate::config::Config;
use crate::connection::{ConnectError, ConnectionInfo, DisconnectReason, Transport};
use crate::event::Event;
use crate::exploration::{self, Digest, constant, digest_message};
use crate::ids::ConnectionId;
use crate::rare::Rare;
use crate::registration::Wish;
use crate::time::Timestamp;
use crate::ua::UserAgent;
use crate::ua::agent::Life;

/// What may happen at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) answers: u8,
    pub(super) ticks: u8,
    pub(super) commands: u8,
    pub(super) cuts: u8,
    /// How often a connection does not open.
    pub(super) failures: u8,
}

/// How the registrar answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// 200 with the binding, for this many seconds.
    Granted(u32),
    /// 200 without the binding, which is what a removal or a query gets.
    Plain,
    /// 401 with a new nonce.
    Challenge,
    /// 401 with the nonce that the REGISTER answers: the password is wrong.
    WrongPassword,
    Forbidden,
    TooBrief,
    /// 503 with Retry-After.
    Unavailable,
    /// 430 (RFC 5626 section 11.6).
    FlowFailed,
    /// 439 (RFC 5626 section 4.2.1).
    NoOutbound,
}

const ANSWERS: [Answer; 10] = [
    Answer::Granted(600),
    Answer::Granted(20),
    Answer::Plain,
    Answer::Challenge,
    Answer::WrongPassword,
    Answer::Forbidden,
    Answer::TooBrief,
    Answer::Unavailable,
    Answer::FlowFailed,
    Answer::NoOutbound,
];

#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    Opened,
    NotOpened,
    Closed,
    Answered(Answer),
    /// The clock jumps to the next timer.
    Tick,
    Register,
    Unregister,
    UnregisterAll,
    Query,
}

/// The agent with everything around it.
pub(super) struct Agent {
    agent: UserAgent,
    now: Timestamp,
    opening: Option<ConnectionId>,
    open: Option<ConnectionId>,
    /// The REGISTER without a final response.
    pending: Option<Request>,
    /// When it was sent.
    sent: Timestamp,
    application: Application,
    nonces: u8,
    /// The registrar has just asked for the same REGISTER in another form.
    continues: bool,
    left: Rules,
    fault: Option<String>,
}

/// What the application knows.
#[derive(Clone, Debug)]
struct Application {
    wants: bool,
    registered: bool,
    /// The registrar refuses the credentials.
    refused: bool,
    owed_removal: bool,
    owed_query: bool,
    /// The last attempt of the connector.
    attempt: u32,
    waits: u32,
    /// When the next REGISTER for a binding goes out, as the last event says.
    next: Option<Timestamp>,
}

impl Clone for Agent {
    fn clone(&self) -> Self {
        let agent = &self.agent;
        Self {
            agent: UserAgent {
                config: agent.config.clone(),
                endpoint: agent.endpoint.copy(entropy()),
                flows: agent.flows.clone(),
                sessions: agent.sessions.clone(),
                registrations: agent.registrations.clone(),
                // Nothing of the kind is part of this exploration.
                subscriptions: Rare::new(),
                notifier: Rare::new(),
                publications: Rare::new(),
                requests: Rare::new(),
                challenges: Rare::new(),
                next_servers: None,
                life: Life::Running,
                quiet_until: Timestamp::ZERO,
            },
            now: self.now,
            opening: self.opening,
            open: self.open,
            pending: self.pending.clone(),
            sent: self.sent,
            application: self.application.clone(),
            nonces: self.nonces,
            continues: false,
            left: self.left,
            fault: self.fault.clone(),
        }
    }
}

/// Whether a REGISTER asks for a binding.
fn asks(request: &Request) -> bool {
    request.contacts().flatten().any(|contact| {
        let addr = contact.addr();
        addr.is_some_and(|addr| addr.param(b"expires") != Some(b"0"))
    })
}

fn entropy() -> Box<dyn rand_core::CryptoRng + Send> {
    constant(0x5555_5555_5555_5555)
}

impl Agent {
    pub(super) fn new(rules: Rules) -> Self {
        let mut config = Config::builder();
        config
            .uri("sip:alice@example.com")
            .server("wss://edge.example.com")
            .password("wonderland")
            .keep_alive_interval(core::time::Duration::ZERO)
            .register(true);
        let config = config.build().expect("a configuration");
        let now = Timestamp::from_millis(1_000);
        let agent = UserAgent::new(config, entropy(), now).expect("an agent");
        let mut world = Self {
            agent,
            now,
            opening: None,
            open: None,
            pending: None,
            sent: now,
            application: Application {
                wants: true,
                registered: false,
                refused: false,
                owed_removal: false,
                owed_query: false,
                attempt: 0,
                waits: 0,
                next: None,
            },
            nonces: 0,
            continues: false,
            left: rules,
            fault: None,
        };
        world.pump();
        world
    }

    fn fail(&mut self, why: impl Into<String>) {
        self.fault.get_or_insert(why.into());
    }

    fn pump(&mut self) {
        let mut sent = 0;
        while let Some(action) = self.agent.poll_action() {
            match action {
                Action::Connect {
                    connection,
                    attempt,
                    ..
                } => {
                    if self.opening.replace(connection).is_some() || self.open.is_some() {
                        self.fail("two connections");
                    }
                    self.application.attempt = attempt;
                }
                Action::Disconnect { connection, .. } => {
                    self.opening.take_if(|opening| *opening == connection);
                    if self.open.take_if(|open| *open == connection).is_some() {
                        self.pending = None;
                    }
                }
                Action::Transmit { bytes, .. } => {
                    sent += 1;
                    self.sends(bytes);
                }
                Action::Event(event) => self.learns(&event),
                Action::Ping { .. } | Action::Log(_) | Action::Trace(_) => {}
            }
        }
        // A refusal and its consequence at most: an endless loop would flood the registrar.
        if sent > 2 {
            self.fail("more than two REGISTERs at once");
        }
        if let Some(why) = self.fault_now() {
            self.fail(why);
        }
    }

    fn sends(&mut self, bytes: Bytes) {
        let message = Message::parse(bytes, &Limits::default()).expect("ours");
        let request = message.into_request().expect("a request");
        let asks = asks(&request);
        // A challenge or a refusal that states another form continues the REGISTER that is in flight.
        if asks && !self.application.wants && !self.continues {
            self.fail("a REGISTER for a binding that nobody wants");
        }
        let early = self.application.next.is_some_and(|next| self.now < next);
        if early && asks && !self.continues {
            self.fail("a REGISTER before its time");
        }
        self.sent = self.now;
        if self.pending.replace(request).is_some() {
            self.fail("two REGISTERs in flight");
        }
    }

    fn learns(&mut self, event: &Event) {
        let application = &mut self.application;
        match event {
            Event::Registered(registration) => {
                application.next = Some(registration.refresh_at);
                application.registered = true;
                application.refused = false;
            }
            Event::Unregistered { .. } => {
                if !application.registered && !application.owed_removal {
                    self.fail("unregistered twice");
                }
                self.application.registered = false;
                self.application.next = None;
                self.application.owed_removal = false;
            }
            Event::RegistrationFailed { reason, retry_at } => {
                let refused = reason.cause == crate::Cause::Authentication;
                application.refused |= refused && retry_at.is_none();
                application.owed_query = false;
                application.next = *retry_at;
            }
            Event::Bindings { .. } => application.owed_query = false,
            Event::ReconnectScheduled { attempt, .. } => application.waits = *attempt,
            _ => {}
        }
    }

    fn fault_now(&self) -> Option<String> {
        let (agent, application) = (&self.agent, &self.application);
        let in_flight = !agent.registrations.is_idle();
        if agent.is_registered() != application.registered {
            return Some("the application does not know whether it is registered".into());
        }
        if in_flight != self.pending.is_some() {
            return Some("a REGISTER that is not in flight, or is forgotten".into());
        }
        if application.owed_removal && !in_flight {
            return Some("a removal is not reported".into());
        }
        if application.owed_query && !in_flight {
            return Some("a query is not reported".into());
        }
        let refused = agent.registrations.wish() == Wish::Refused;
        if refused && !application.refused {
            return Some("the application does not know that the registrar refuses".into());
        }
        if self.open.is_none() {
            let waits = self.opening.is_some() || agent.next_tick().is_some();
            return (!waits).then(|| "offline for ever".into());
        }
        agent.registrations.fault_when_open().map(String::from)
    }

    fn answer(&mut self, answer: Answer) {
        let request = self.pending.take().expect("a REGISTER");
        // All bindings are removed: a registration that is wanted again need not wait.
        let all = request
            .header(HeaderName::Contact)
            .is_some_and(|contact| contact.value == b"*");
        if all && answer == Answer::Plain {
            self.application.next = None;
        }
        let status = match answer {
            Answer::Granted(_) | Answer::Plain => 200,
            Answer::Challenge | Answer::WrongPassword => 401,
            Answer::Forbidden => 403,
            Answer::TooBrief => 423,
            Answer::Unavailable => 503,
            Answer::FlowFailed => 430,
            Answer::NoOutbound => 439,
        };
        let status = StatusCode::new(status).expect("a status");
        let mut response = Builder::response_to(&request, status, Some(b"registrar"));
        match answer {
            Answer::Granted(seconds) => {
                let contact = request
                    .values(HeaderName::Contact)
                    .next()
                    .unwrap_or_default();
                let contact = String::from_utf8_lossy(contact).into_owned();
                let contact = contact
                    .rsplit_once(";expires=")
                    .map_or("", |(head, _)| head);
                response.append(HeaderName::Contact, format!("{contact};expires={seconds}"));
            }
            Answer::Challenge | Answer::WrongPassword => {
                if answer == Answer::Challenge {
                    self.nonces += 1;
                }
                let nonce = self.nonces;
                let challenge =
                    format!("Digest realm=\"example.com\", nonce=\"{nonce}\", qop=\"auth\"");
                response.append(HeaderName::WwwAuthenticate, challenge);
            }
            Answer::TooBrief => {
                response.append(HeaderName::MinExpires, 1200);
            }
            Answer::Unavailable => {
                response.append(HeaderName::RetryAfter, 120);
            }
            _ => {}
        }
        let response = response.build().expect("a response").bytes().clone();
        let open = self.open.expect("a connection");
        if self.agent.receive(open, response, self.now).is_err() {
            self.fail("the queue is full");
        }
    }

    fn answers(&self) -> impl Iterator<Item = Answer> {
        let asks = self.pending.as_ref().is_some_and(asks);
        let knows = self.nonces > 0;
        let some = self.pending.is_some() && self.left.answers > 0;
        ANSWERS.into_iter().filter(move |answer| {
            some && match answer {
                Answer::Granted(_) => asks,
                Answer::WrongPassword => knows,
                _ => true,
            }
        })
    }

    fn command(&mut self, what: Move) {
        self.left.commands -= 1;
        let (agent, now) = (&mut self.agent, self.now);
        let taken = match what {
            Move::Register => agent.register(now),
            Move::Unregister => agent.unregister(now),
            Move::UnregisterAll => agent.unregister_all(now),
            _ => agent.query_bindings(now),
        };
        if let Err(error) = taken {
            self.fail(format!("{what:?} is refused: {error}"));
        }
        // The events that answer the command are still in the queue.
        let application = &mut self.application;
        match what {
            Move::Register => {
                application.wants = true;
                application.owed_removal = false;
                application.refused = false;
            }
            Move::Query => application.owed_query = true,
            _ => {
                application.wants = false;
                application.owed_removal = true;
            }
        }
    }
}

impl exploration::World for Agent {
    type Move = Move;

    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        if self.opening.is_some() {
            moves.push(Move::Opened);
            if self.left.failures > 0 {
                moves.push(Move::NotOpened);
            }
        }
        moves.extend(self.answers().map(Move::Answered));
        if self.open.is_some() && self.left.cuts > 0 {
            moves.push(Move::Closed);
        }
        if self.left.commands > 0 {
            moves.push(Move::Register);
            moves.push(Move::Unregister);
            if self.open.is_some() {
                moves.push(Move::UnregisterAll);
                moves.push(Move::Query);
            }
        }
        if self.left.ticks > 0 && self.agent.next_tick().is_some() {
            moves.push(Move::Tick);
        }
        moves
    }

    fn carry_out(&mut self, what: Move) {
        self.continues = matches!(
            what,
            Move::Answered(
                Answer::Challenge | Answer::WrongPassword | Answer::TooBrief | Answer::NoOutbound
            )
        );
        if matches!(
            what,
            Move::Opened | Move::Closed | Move::Register | Move::Unregister | Move::UnregisterAll
        ) {
            self.application.next = None;
        }
        match what {
            Move::Opened => {
                let opening = self.opening.take().expect("a connection");
                self.open = Some(opening);
                let info = ConnectionInfo {
                    transport: Transport::Wss,
                    remote: None,
                };
                self.agent.connection_opened(opening, info, self.now);
            }
            Move::NotOpened => {
                self.left.failures -= 1;
                let opening = self.opening.take().expect("a connection");
                let error = ConnectError::Other;
                self.agent.connection_failed(opening, error, self.now);
            }
            Move::Closed => {
                self.left.cuts -= 1;
                let open = self.open.take().expect("a connection");
                self.pending = None;
                let reason = DisconnectReason::Closed(None);
                self.agent.connection_closed(open, reason, self.now);
            }
            Move::Answered(answer) => {
                self.left.answers -= 1;
                self.answer(answer);
            }
            Move::Tick => {
                self.left.ticks -= 1;
                let next = self.agent.next_tick().expect("a timer");
                self.now = self.now.max(next);
                self.agent.resume(self.now);
                // Timer F ends a REGISTER.
                let age = self.now.saturating_since(self.sent);
                if age >= self.agent.endpoint.timer_settings().f() {
                    self.pending = None;
                }
                let due = |at: Timestamp| at <= self.now;
                if self.agent.next_tick().is_some_and(due) {
                    self.fail("a timer that is due does not fire");
                }
            }
            _ => self.command(what),
        }
        self.pump();
        let registers = self.pending.is_some() || self.agent.is_registered();
        if matches!(what, Move::Register) && self.open.is_some() && !registers {
            self.fail("a command to register that does not");
        }
    }

    fn digest(&self) -> u64 {
        let agent = &self.agent;
        let now = agent.endpoint.now;
        let open = self.open;
        let place = move |connection| u64::from(Some(connection) == open);
        let next = agent.flows.next_tick();
        let next = next.map_or(0, |at| 1 + at.saturating_since(now).as_micros() as u64);
        let pending = self
            .pending
            .as_ref()
            .map_or(0, |request| digest_message(request.bytes()));
        Digest::new()
            .number(agent.endpoint.digest(&place))
            .number(agent.registrations.digest(now))
            .debug(&agent.endpoint.digest)
            .debug_at(&self.application, now)
            .debug_at(&agent.flows.get(0).connector, now)
            .number(next)
            .number(pending)
            .number(now.saturating_since(self.sent).as_micros() as u64 * u64::from(pending != 0))
            .number(u64::from(self.opening.is_some()) * 2 + u64::from(open.is_some()))
            .number(u64::from(self.nonces))
            .debug(&self.left)
            .finish()
    }

    fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    fn fault_at_the_end(&self) -> Option<String> {
        None
    }

    fn show(&self) -> String {
        let agent = &self.agent;
        let pending = self.pending.as_ref();
        let pending = pending.and_then(|request| request.cseq().ok());
        format!(
            "{:?} {:?} bound {} in flight {:?} next {:?} | {:?} {}",
            self.now,
            agent.registrations.wish(),
            agent.is_registered(),
            pending.map(|cseq| cseq.number),
            agent.next_tick(),
            self.application,
            self.fault.as_deref().unwrap_or_default(),
        )
    }
}
