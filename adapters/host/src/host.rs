//! A user agent and what it needs besides sockets: time, randomness, names of servers, and a place
//! for its records.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::config::{Config, ServerUrl};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::transaction::TimerSettings;
use sip_core::{
    Action, AuthorizationFailed, Body, ChallengeId, CommandError, ConnectionId, ConnectionInfo,
    DescriptionFailed, Event, NoServerUrl, SessionId, Timestamp, UserAgent,
};

use crate::authenticator::Authenticator;
use crate::description::DescriptionError;
use crate::failure::ConnectFailure;
use crate::log;
use crate::os::clock::{Alarm, Clock};
use crate::os::options::{LogConnector, Options, ServerUrlSource, StartError, TraceConnector};

/// The longest sleep. The timers of the operating system stand still while the machine is suspended,
/// the core's clock does not: a deadline that passed in the meantime is noticed at most this much after
/// waking up, or at once if the application says [`Clock::slept`].
pub const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// The last connection that could not be opened, shared by the host and all handles.
#[derive(Clone, Debug, Default)]
pub struct LastFailure(Arc<Mutex<Option<ConnectFailure>>>);

impl LastFailure {
    /// The failure; `None` if there was none.
    #[must_use]
    pub fn last(&self) -> Option<ConnectFailure> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, failure: ConnectFailure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }
}

/// What the core asks for that takes a socket, or the application.
#[derive(Debug)]
pub enum Job {
    /// Open a connection, then say [`Host::opened`] or [`Host::failed`].
    Connect(ConnectionId, ServerUrl),
    /// Send one WebSocket message.
    Transmit(ConnectionId, Bytes),
    /// Send a WebSocket ping; the answer is [`Host::pong`].
    Ping(ConnectionId),
    /// Close the connection, or give up opening it.
    Close(ConnectionId),
    /// News for the application.
    Tell(Event),
}

/// One user agent with its clock. Every input is told with the time of its call.
pub struct Host {
    agent: UserAgent,
    clock: Clock,
    last_failure: LastFailure,
    /// The connections that are being opened, and to whom.
    opening: Vec<(ConnectionId, ServerUrl)>,
    server_url: Option<ServerUrlSource>,
    /// Descriptions that met a full queue of actions: one for each call at most.
    undelivered: VecDeque<(SessionId, Result<Body, DescriptionFailed>)>,
    builtin_log: bool,
    log_connector: Option<LogConnector>,
    trace_connector: Option<TraceConnector>,
    authenticator: Option<Box<dyn Authenticator>>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    /// A user agent with a generator seeded by the operating system. The connectors and the
    /// authenticator are taken out of `options`.
    ///
    /// # Errors
    /// [`StartError::Entropy`] and [`StartError::Core`].
    pub fn new<F: ?Sized>(config: &Config, options: &mut Options<F>) -> Result<Self, StartError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(StartError::Entropy)?;
        let rng = Box::new(ChaCha20Rng::from_seed(seed));
        let clock = options.clock.clone();
        let agent = UserAgent::with_limits(
            config.clone(),
            options.limits,
            TimerSettings::default(),
            rng,
            clock.now(),
        )
        .map_err(StartError::Core)?;
        Ok(Self {
            agent,
            clock,
            last_failure: LastFailure::default(),
            opening: Vec::new(),
            undelivered: VecDeque::new(),
            server_url: options.server_url.take(),
            builtin_log: config.log().builtin_enabled,
            log_connector: options.log_connector.take(),
            trace_connector: options.trace_connector.take(),
            authenticator: options.authenticator.take(),
        })
    }

    /// Where failures to connect are noted.
    #[must_use]
    pub fn last_failure(&self) -> LastFailure {
        self.last_failure.clone()
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells when the clock is set on: waits that were reckoned before are too long then.
    #[must_use]
    pub fn alarm(&self) -> Alarm {
        self.clock.alarm()
    }

    /// [`UserAgent::next_tick`].
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.agent.next_tick()
    }

    /// Carries out the core's actions up to the next one that takes the adapter; records are written
    /// on the way.
    pub fn next_job(&mut self) -> Option<Job> {
        loop {
            let Some(action) = self.agent.poll_action() else {
                // There is room now for what found none.
                let (session, description) = self.undelivered.pop_front()?;
                let _ = self.describe(session, description);
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
                Action::Event(event) => match self.answer(event) {
                    Some(event) => Job::Tell(event),
                    None => continue,
                },
                Action::Log(record) => {
                    if self.builtin_log {
                        log::log(&record);
                    }
                    if let Some(connector) = &mut self.log_connector {
                        connector(&record);
                    }
                    continue;
                }
                Action::Trace(record) => {
                    let now = self.clock.now();
                    match &mut self.trace_connector {
                        Some(connector) => connector(&record, now),
                        None => log::trace(&record, now),
                    }
                    continue;
                }
            });
        }
    }

    /// Runs a command of the application.
    pub fn command<R>(&mut self, command: impl FnOnce(&mut UserAgent, Timestamp) -> R) -> R {
        command(&mut self.agent, self.clock.now())
    }

    /// [`UserAgent::tick`]. The clock counts sleep: a machine that slept for more than a week is right
    /// about it.
    pub fn tick(&mut self) {
        let now = self.clock.now();
        if self.agent.tick(now).is_err() {
            self.agent.resume(now);
        }
    }

    /// Nobody waits for answers any more: says goodbye as far as that takes none.
    pub fn abandon(&mut self) {
        // The first stop says goodbye, the second one goes.
        for _ in 0..2 {
            self.agent.stop(Some(Duration::ZERO), self.clock.now());
        }
    }

    /// [`UserAgent::connection_opened`].
    pub fn opened(&mut self, connection: ConnectionId, info: ConnectionInfo) {
        self.settled(connection);
        self.agent
            .connection_opened(connection, info, self.clock.now());
    }

    /// [`UserAgent::connection_failed`].
    pub fn failed(&mut self, connection: ConnectionId, failure: ConnectFailure) {
        tracing::warn!(target: "sip.transport", "{failure}");
        let error = failure.error;
        self.settled(connection);
        self.last_failure.note(failure);
        self.agent
            .connection_failed(connection, error, self.clock.now());
    }

    /// An attempt is over; the URL that it was for.
    fn settled(&mut self, connection: ConnectionId) -> Option<ServerUrl> {
        let mut openings = self.opening.iter();
        let place = openings.position(|(opening, _)| *opening == connection)?;
        Some(self.opening.swap_remove(place).1)
    }

    /// The core gave up an attempt before it failed by itself: `connectionTimeout`.
    fn note_abandoned(&mut self, connection: ConnectionId, reason: DisconnectReason) {
        let abandoned = self.settled(connection);
        if let (Some(server), DisconnectReason::Timeout) = (abandoned, reason) {
            let waited = self.agent.config().connection_timeout();
            let detail = format!("after {} s", waited.as_secs_f32());
            let failure = ConnectFailure::new(&server, (ConnectError::Timeout, detail));
            tracing::warn!(target: "sip.transport", "{failure}");
            self.last_failure.note(failure);
        }
    }

    /// [`UserAgent::receive`]. All jobs must have been taken before: the queue cannot be full then.
    pub fn received(&mut self, connection: ConnectionId, bytes: Bytes) {
        if self
            .agent
            .receive(connection, bytes, self.clock.now())
            .is_err()
        {
            tracing::error!(target: "sip.transport", "a message found no room in the core");
        }
    }

    /// [`UserAgent::pong`].
    pub fn pong(&mut self, connection: ConnectionId) {
        self.agent.pong(connection, self.clock.now());
    }

    /// [`UserAgent::connection_closed`].
    pub fn closed(&mut self, connection: ConnectionId, reason: DisconnectReason) {
        self.agent
            .connection_closed(connection, reason, self.clock.now());
    }

    /// The server reads so slowly that what waits for it has reached its limit.
    pub fn choked(&mut self, connection: ConnectionId) {
        tracing::warn!(target: "sip.transport", "the server does not read: connection dropped");
        self.closed(connection, DisconnectReason::Lost);
    }

    /// Lets [`Options`] answer what they can; gives back what is for the application.
    fn answer(&mut self, event: Event) -> Option<Event> {
        if let (
            &Event::ServerUrlNeeded {
                connection,
                server,
                attempt,
            },
            Some(source),
        ) = (&event, &mut self.server_url)
        {
            let configured = self.agent.config().servers().get(server);
            let url = configured.map_or(Err(NoServerUrl), |server| source(&server.url, attempt));
            let now = self.clock.now();
            if let Err(error) = self.agent.server_url(connection, url, now) {
                // The core gave the attempt up meanwhile.
                tracing::debug!(target: "sip.transport", "{error}");
            }
            return None;
        }
        self.authenticate(event)
    }

    /// Shows a challenge to the authenticator, if there is one; gives back what is for the application.
    fn authenticate(&mut self, event: Event) -> Option<Event> {
        let (
            Event::Challenged {
                challenge,
                request,
                response,
            },
            Some(authenticator),
        ) = (&event, &mut self.authenticator)
        else {
            return Some(event);
        };
        let answer = authenticator.authenticate(request, response);
        self.authorize(*challenge, answer);
        None
    }

    fn authorize(&mut self, challenge: ChallengeId, answer: Result<String, AuthorizationFailed>) {
        let now = self.clock.now();
        let value = answer.as_deref().map_err(|&failed| failed);
        let Err(error) = self.agent.authorize(challenge, value, now) else {
            return;
        };
        tracing::warn!(target: "sip.ua", "the authenticator's answer: {error}");
        if matches!(error, CommandError::Header(_)) {
            // What it was for has gone meanwhile if there is nothing to refuse.
            let _ = self
                .agent
                .authorize(challenge, Err(AuthorizationFailed), now);
        }
    }

    /// A handler has made our description, or could not.
    pub fn described(&mut self, session: SessionId, result: Result<Body, DescriptionError>) {
        if let Err(error) = &result {
            tracing::warn!(target: "sip.session", "{error}");
        }
        let description = result.map_err(|_| DescriptionFailed);
        if self.describe(session, description.clone()) == Err(CommandError::Backpressure) {
            self.undelivered.push_back((session, description));
        }
    }

    fn describe(
        &mut self,
        session: SessionId,
        description: Result<Body, DescriptionFailed>,
    ) -> Result<(), CommandError> {
        let now = self.clock.now();
        let taken = self.agent.describe(session, description, now);
        if let Err(error) = &taken {
            // Most often the call ended while its description was made.
            tracing::debug!(target: "sip.session", "{error}");
        }
        taken
    }

    /// A handler cannot use the peer's description.
    pub fn unusable(&mut self, session: SessionId, error: &DescriptionError) {
        tracing::warn!(target: "sip.session", "{error}");
        let now = self.clock.now();
        let refused = self.agent.describe(session, Err(DescriptionFailed), now);
        if refused.is_err() {
            // Nothing was asked of us: an answer that cannot be used ends the call. One that has
            // ended already needs no end.
            let _ = self.agent.hang_up(session, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::Transport;

    /// A description that meets a full queue of actions is not lost: the call goes on.
    #[test]
    fn a_description_waits_for_room() {
        let config = Config::builder()
            .uri("sip:alice@example.com")
            .server("ws://127.0.0.1:5080")
            .register(false)
            .build()
            .unwrap();
        let mut options: Options<()> = Options::default();
        options.limits.actions = 1;
        let mut host = Host::new(&config, &mut options).unwrap();
        let mut connection = None;
        while let Some(job) = host.next_job() {
            if let Job::Connect(asked, _) = job {
                connection = Some(asked);
            }
        }
        let info = ConnectionInfo {
            transport: Transport::Ws,
            remote: None,
        };
        host.opened(connection.unwrap(), info);
        while host.next_job().is_some() {}
        let call = host.command(|agent, now| agent.invite("bob", Default::default(), now));
        let offer = Body::sdp("v=0");
        host.described(call.unwrap(), Ok(offer));
        assert!(matches!(
            host.next_job(),
            Some(Job::Tell(Event::DescriptionNeeded { .. }))
        ));
        match host.next_job() {
            Some(Job::Transmit(_, bytes)) => assert!(bytes.starts_with(b"INVITE sip:bob@")),
            other => panic!("{other:?}"),
        }
    }
}
