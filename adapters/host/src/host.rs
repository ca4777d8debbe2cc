//! A user agent and what it needs besides sockets and a clock: a seeded random generator, the URLs of the
//! servers that it connects to, and the closures of the application.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::config::{Config, LogLevel, ServerUrl};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::transaction::TimerSettings;
use sip_core::{
    Action, AuthorizationFailed, Body, ChallengeId, CommandError, ConnectionId, ConnectionInfo,
    DescriptionFailed, Event, ExchangeId, Limits, LogRecord, NoServerUrl, SessionId, StartError,
    Timestamp, UserAgent,
};

use crate::description::DescriptionError;
use crate::failure::ConnectFailure;
use crate::hooks::{EventObserver, Hooks};
use crate::log;
use crate::spans::Spans;

/// The longest sleep of an adapter. Timers stand still while the machine is suspended, but the clock that the
/// adapter passes to the core does not: a deadline that passed in the meantime is noticed at most this long
/// after the machine woke up.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Categories of log records.
const TRANSPORT: &str = "sip.transport";
const SESSION: &str = "sip.session";

/// Work for the adapter: socket operations and application events.
#[derive(Debug)]
pub enum Job {
    /// Open a connection, then call [`Host::opened`] or [`Host::failed`].
    Connect(ConnectionId, ServerUrl),
    /// Send one WebSocket message.
    Transmit(ConnectionId, Bytes),
    /// Send a WebSocket ping; call [`Host::pong`] when the pong arrives.
    Ping(ConnectionId),
    /// Close the connection, or stop opening it.
    Close(ConnectionId),
    /// Hand an event to the application.
    Event(Event),
}

/// One user agent without sockets, clock and operating system: the adapter passes the time with each call and
/// carries out the [`Job`]s.
///
/// Call [`Host::next_job`] until it returns `None` after each other call, and [`Host::tick`] at
/// [`Host::next_tick`].
pub struct Host {
    agent: UserAgent,
    hooks: Hooks,
    /// The connections that are being opened, and their servers.
    opening: Vec<(ConnectionId, ServerUrl)>,
    /// Descriptions that found the action queue of the core full: at most one for each call.
    undelivered: VecDeque<(SessionId, ExchangeId, Result<Body, DescriptionFailed>)>,
    builtin_log: bool,
    /// The name of the agent in log records.
    name: String,
    spans: Spans,
    /// The action after a log record that was written.
    lookahead: Option<Action>,
    /// The agent stops, because its last handle is dropped.
    autostops: bool,
}

/// What `autostop` does when the application has dropped its last handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Autostop {
    /// The configuration does not have it: the agent lives on, for its events.
    Off,
    /// The agent hangs up and unregisters.
    UnderWay,
    /// The agent has stopped; the adapter ends it once the application has its events.
    Done,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    /// A user agent whose random generator starts from `seed`. The seed must come from a source that peers
    /// cannot predict, because tags, branches and nonces are derived from it.
    ///
    /// # Errors
    /// The configuration enables a feature that the core does not support.
    pub fn new(
        config: &Config,
        limits: Limits,
        hooks: Hooks,
        seed: [u8; 32],
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let rng = Box::new(ChaCha20Rng::from_seed(seed));
        let timers = TimerSettings::default();
        let agent = UserAgent::with_limits(config.clone(), limits, timers, rng, now)?;
        Ok(Self {
            name: agent.address_of_record().to_string(),
            spans: Spans::new(),
            lookahead: None,
            autostops: false,
            agent,
            hooks,
            opening: Vec::new(),
            undelivered: VecDeque::new(),
            builtin_log: config.log().builtin_enabled,
        })
    }

    /// Passes each event to `observer` before the application receives it.
    pub fn observe(&mut self, observer: EventObserver) {
        self.hooks.event = Some(observer);
    }

    /// Writes a warning: the application does not read its events, so that the adapter discards them.
    pub fn note_unread_events(&mut self) {
        let sentence = format_args!(
            "the application has never read its events, and their queue is full: the adapter discards the new ones"
        );
        self.note(LogLevel::Warn, "sip.ua", sentence);
    }

    /// [`UserAgent::next_tick`].
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.agent.next_tick()
    }

    /// Carries out the actions of the core up to the next one that needs the adapter. Log and trace records
    /// are written on the way.
    pub fn next_job(&mut self, now: Timestamp) -> Option<Job> {
        loop {
            let next = self.lookahead.take();
            let Some(action) = next.or_else(|| self.agent.poll_action()) else {
                // The action queue is empty, so a description that found it full fits now.
                let (session, exchange, description) = self.undelivered.pop_front()?;
                let _ = self.describe(session, exchange, description, now);
                continue;
            };
            return Some(match action {
                Action::Connect {
                    connection, url, ..
                } => {
                    self.opening.push((connection, (*url).clone()));
                    Job::Connect(connection, *url)
                }
                Action::Transmit { connection, bytes } => Job::Transmit(connection, bytes),
                Action::Ping { connection } => Job::Ping(connection),
                Action::Disconnect { connection, reason } => {
                    self.note_abandoned(connection, reason);
                    Job::Close(connection)
                }
                Action::Event(event) => {
                    self.spans.close(&event);
                    if let Some(observer) = &mut self.hooks.event {
                        observer(&event, &self.agent);
                    }
                    match self.answer(event, now) {
                        Some(event) => Job::Event(event),
                        None => continue,
                    }
                }
                Action::Log(record) => {
                    self.log(&record, now);
                    if let Some(connector) = &mut self.hooks.log_connector {
                        connector(&record);
                    }
                    continue;
                }
                Action::Trace(record) => {
                    match &mut self.hooks.trace_connector {
                        Some(connector) => connector(&record, now),
                        None => log::trace(self.spans.agent(&self.name), &record, now),
                    }
                    continue;
                }
            });
        }
    }

    /// Writes a record to `tracing`, in the span where it belongs.
    fn log(&mut self, record: &LogRecord, now: Timestamp) {
        if !self.logs(record.level) || !log::is_wanted(record.level) {
            return;
        }
        // The core queues the record of an event before the event itself.
        self.lookahead = self.agent.poll_action();
        let event = match &self.lookahead {
            Some(Action::Event(event)) => Some(event),
            _ => None,
        };
        let place = self.spans.place(&self.name, record, event, now);
        let servers = self.agent.config().servers();
        let server = place.server.and_then(|server| servers.get(server));
        log::log(record, &place, server.map(|server| &server.url));
    }

    /// Whether the adapter writes records of this level.
    fn logs(&self, level: LogLevel) -> bool {
        self.builtin_log && level <= self.agent.config().log().level
    }

    /// Writes a sentence of the adapter, if the configuration enables its level.
    fn note(&mut self, level: LogLevel, category: &'static str, sentence: fmt::Arguments<'_>) {
        if self.logs(level) && log::is_wanted(level) {
            log::note(self.spans.agent(&self.name), level, category, sentence);
        }
    }

    /// Runs a command of the application.
    pub fn command<R>(
        &mut self,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R,
        now: Timestamp,
    ) -> R {
        command(&mut self.agent, now)
    }

    /// [`UserAgent::tick`]. A step of more than a week is taken as real, because the clock counts the time
    /// that a machine sleeps.
    pub fn tick(&mut self, now: Timestamp) {
        if self.agent.tick(now).is_err() {
            self.agent.resume(now);
        }
    }

    /// The application has dropped its last handle, so that no further command comes. If it has dropped its events, too
    /// (`is_unheard`), or the configuration has `autostop`, the agent stops in good order: it hangs up and unregisters, within 2 s.
    /// The adapter calls this again after each input, until it is done.
    pub fn autostop(&mut self, is_unheard: bool, now: Timestamp) -> Autostop {
        if !is_unheard && !self.autostops && !self.agent.config().autostop() {
            return Autostop::Off;
        }
        if !core::mem::replace(&mut self.autostops, true) {
            self.agent.stop(None, now);
        }
        if self.agent.is_idle() {
            Autostop::Done
        } else {
            Autostop::UnderWay
        }
    }

    /// The application has dropped the agent: hangs up and unregisters without waiting for responses.
    pub fn abandon(&mut self, now: Timestamp) {
        // The first stop sends BYE and REGISTER, the second one closes the connections.
        for _ in 0..2 {
            self.agent.stop(Some(Duration::ZERO), now);
        }
    }

    /// [`UserAgent::connection_opened`].
    pub fn opened(&mut self, connection: ConnectionId, info: ConnectionInfo, now: Timestamp) {
        self.settled(connection);
        self.agent.connection_opened(connection, info, now);
    }

    /// [`UserAgent::connection_failed`].
    pub fn failed(&mut self, connection: ConnectionId, failure: ConnectFailure, now: Timestamp) {
        self.settled(connection);
        self.note_failure(&failure);
        self.agent.connection_failed(connection, failure.error, now);
    }

    fn note_failure(&mut self, failure: &ConnectFailure) {
        self.note(LogLevel::Warn, TRANSPORT, format_args!("{failure}"));
        if let Some(observer) = &mut self.hooks.connect_failed {
            observer(failure);
        }
    }

    /// An attempt is over. Returns the URL of its server.
    fn settled(&mut self, connection: ConnectionId) -> Option<ServerUrl> {
        let mut openings = self.opening.iter();
        let index = openings.position(|(opening, _)| *opening == connection)?;
        Some(self.opening.swap_remove(index).1)
    }

    /// The core ended an attempt before the adapter reported its failure: `connectionTimeout`.
    fn note_abandoned(&mut self, connection: ConnectionId, reason: DisconnectReason) {
        let abandoned = self.settled(connection);
        if let (Some(server), DisconnectReason::Timeout) = (abandoned, reason) {
            let waited = self.agent.config().connection_timeout();
            let detail = format!("after {} s", waited.as_secs_f32());
            let failure = ConnectFailure::new(&server, (ConnectError::Timeout, detail));
            self.note_failure(&failure);
        }
    }

    /// [`UserAgent::receive`]. Take all jobs before: the action queue of the core cannot be full then.
    pub fn received(&mut self, connection: ConnectionId, bytes: Bytes, now: Timestamp) {
        if self.agent.receive(connection, bytes, now).is_err() {
            let sentence = format_args!("a message found no room in the core");
            self.note(LogLevel::Error, TRANSPORT, sentence);
        }
    }

    /// [`UserAgent::pong`].
    pub fn pong(&mut self, connection: ConnectionId, now: Timestamp) {
        self.agent.pong(connection, now);
    }

    /// [`UserAgent::connection_closed`].
    pub fn closed(&mut self, connection: ConnectionId, reason: DisconnectReason, now: Timestamp) {
        self.agent.connection_closed(connection, reason, now);
    }

    /// The bytes that wait for a server have reached their limit, because the server does not read. The
    /// adapter has dropped the connection.
    pub fn send_queue_full(&mut self, connection: ConnectionId, now: Timestamp) {
        let sentence = format_args!("the server does not read: connection dropped");
        self.note(LogLevel::Warn, TRANSPORT, sentence);
        self.closed(connection, DisconnectReason::Lost, now);
    }

    /// Lets the hooks answer an event. Returns the event if it is for the application.
    fn answer(&mut self, event: Event, now: Timestamp) -> Option<Event> {
        if let (
            &Event::ServerUrlNeeded {
                connection,
                server,
                attempt,
            },
            Some(source),
        ) = (&event, &mut self.hooks.server_url)
        {
            let configured = self.agent.config().servers().get(server);
            let url = configured.map_or(Err(NoServerUrl), |server| source(&server.url, attempt));
            if let Err(error) = self.agent.server_url(connection, url, now) {
                // The core has ended the attempt meanwhile.
                self.note(LogLevel::Debug, TRANSPORT, format_args!("{error}"));
            }
            return None;
        }
        self.authenticate(event, now)
    }

    /// Passes a challenge to the authenticator, if there is one. Returns the event if it is for the
    /// application.
    fn authenticate(&mut self, event: Event, now: Timestamp) -> Option<Event> {
        let (
            Event::Challenged {
                challenge,
                request,
                response,
            },
            Some(authenticator),
        ) = (&event, &mut self.hooks.authenticator)
        else {
            return Some(event);
        };
        let answer = authenticator.authenticate(request, response);
        self.authorize(*challenge, answer, now);
        None
    }

    fn authorize(
        &mut self,
        challenge: ChallengeId,
        answer: Result<String, AuthorizationFailed>,
        now: Timestamp,
    ) {
        let value = answer.as_deref().map_err(|&failed| failed);
        let Err(error) = self.agent.authorize(challenge, value, now) else {
            return;
        };
        self.note(
            LogLevel::Warn,
            "sip.ua",
            format_args!("the authenticator's answer: {error}"),
        );
        if matches!(error, CommandError::Header(_)) {
            // An error here means that the challenged request has ended meanwhile.
            let _ = self
                .agent
                .authorize(challenge, Err(AuthorizationFailed), now);
        }
    }

    /// A handler has made our description, or has failed to.
    pub fn described(
        &mut self,
        session: SessionId,
        exchange: ExchangeId,
        result: Result<Body, DescriptionError>,
        now: Timestamp,
    ) {
        if let Err(error) = &result {
            self.note(LogLevel::Warn, SESSION, format_args!("{error}"));
        }
        let description = result.map_err(|_| DescriptionFailed);
        let taken = self.describe(session, exchange, description.clone(), now);
        if taken == Err(CommandError::Backpressure) {
            self.undelivered.push_back((session, exchange, description));
        }
    }

    fn describe(
        &mut self,
        session: SessionId,
        exchange: ExchangeId,
        description: Result<Body, DescriptionFailed>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        let taken = self.agent.describe(session, exchange, description, now);
        if let Err(error) = &taken {
            // Usually the call ended while the handler made the description.
            self.note(LogLevel::Debug, SESSION, format_args!("{error}"));
        }
        taken
    }

    /// A handler cannot use the description of the peer.
    pub fn unusable(
        &mut self,
        session: SessionId,
        exchange: ExchangeId,
        error: &DescriptionError,
        now: Timestamp,
    ) {
        self.note(LogLevel::Warn, SESSION, format_args!("{error}"));
        let refused = self
            .agent
            .describe(session, exchange, Err(DescriptionFailed), now);
        if refused.is_err() {
            // The core waits for no description from us, so the peer's was an answer, and an unusable answer
            // ends the call. An error here means that the call has ended already.
            let _ = self.agent.hang_up(session, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::Transport;

    /// A description that finds the action queue full is kept, and the call goes on.
    #[test]
    fn a_description_waits_for_room() {
        let config = Config::builder()
            .uri("sip:alice@example.com")
            .server("ws://127.0.0.1:5080")
            .register(false)
            .build()
            .unwrap();
        let mut limits = Limits::default();
        limits.actions = 1;
        let now = Timestamp::ZERO;
        let mut host = Host::new(&config, limits, Hooks::default(), [1; 32], now).unwrap();
        let mut connection = None;
        while let Some(job) = host.next_job(now) {
            if let Job::Connect(asked, _) = job {
                connection = Some(asked);
            }
        }
        let info = ConnectionInfo {
            transport: Transport::Ws,
            remote: None,
        };
        host.opened(connection.unwrap(), info, now);
        while host.next_job(now).is_some() {}
        let call = host.command(
            |agent, now| agent.invite("bob", Default::default(), now),
            now,
        );
        let offer = Body::sdp("v=0");
        let first = ExchangeId::from_number(1);
        host.described(call.unwrap(), first, Ok(offer), now);
        assert!(matches!(
            host.next_job(now),
            Some(Job::Event(Event::DescriptionNeeded { .. }))
        ));
        match host.next_job(now) {
            Some(Job::Transmit(_, bytes)) => assert!(bytes.starts_with(b"INVITE sip:bob@")),
            other => panic!("{other:?}"),
        }
    }
}
