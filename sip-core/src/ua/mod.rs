//! The user agent: the facade that a host drives.
//!
//! `core.rs` is what its parts share, `flows.rs` has its connections, `dispatch.rs` says what becomes of a
//! message that no transaction claims, `sending.rs` builds requests, `registering.rs` carries out the
//! registration machine, `calls.rs` and `requests.rs` are the commands, `waiting.rs` keeps what cannot be
//! sent yet.

mod calls;
mod challenges;
mod dispatch;
mod flows;
mod failback;
mod reconfigure;
mod registering;
mod requests;
mod waiting;

use ::core::fmt;
use ::core::time::Duration;
use alloc::boxed::Box;
use alloc::collections::VecDeque;

use bytes::Bytes;
use rand_core::CryptoRng;
use smallvec::SmallVec;

pub use self::calls::{EstablishedSession, IncomingSession, OutgoingSession, Session};
pub use self::challenges::AuthorizationFailed;
pub use crate::endpoint::Counters;
pub(crate) use crate::endpoint::{Endpoint, TimerOwner, TransactionUser, sent_request};
pub use self::flows::NoServerUrl;
pub use self::reconfigure::Change;

use self::challenges::Challenge;
use self::flows::OutboundFlow;
use crate::endpoint::Identity;
use self::requests::{OutgoingRequest, UnansweredRequest};
use crate::action::Action;
use crate::auth::{Credentials, DigestClient, DigestPolicy, UsernameError};
use crate::config::{Authentication, Config, LogLevel, Server};
use crate::connection::{Connector, DisconnectReason, KeepAlive, KeepAliveInterval, ServerPolicy};
use crate::dialog::DialogLayer;
use crate::error::{Backpressure, ClockJump, CommandError, LONGEST_JUMP, StartError};
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::limits::Limits;
use crate::reason::{Cause, EndReason};
use crate::record::{Direction, LogContent};
use crate::registration::Registration;
use crate::slab::Slab;
use crate::time::Timestamp;
use crate::timer::{TimerKey, Timers};
use crate::transaction::{TimerSettings, TransactionLayer, TransactionSettings};

/// How long [`UserAgent::stop`] waits by default for calls, registration and requests to end.
const DEFAULT_GRACE: Duration = Duration::from_secs(2);

/// A tick that is late by more than this: the host did not run in between.
const ASLEEP: Duration = Duration::from_secs(5);

/// One SIP user agent: one address-of-record, on one connection at a time unless `outboundFlows` asks for
/// more.
///
/// Any order of calls is correct. Every input and command takes the time; one that is earlier than the
/// last is raised to it. Inputs queue [`Action`]s; polling changes nothing else.
pub struct UserAgent {
    endpoint: Endpoint,
    flows: Box<[OutboundFlow]>,
    sessions: Slab<crate::session::Session>,
    registration: Registration,
    requests: Slab<OutgoingRequest>,
    incoming: Slab<UnansweredRequest>,
    /// Boxed, because most agents never have one.
    challenges: Box<Slab<Challenge>>,
    /// Servers to use once no call is being set up.
    next_servers: Option<Box<[Server]>>,
    life: Life,
}

/// Whether the agent is on.
enum Life {
    Idle,
    Running,
    Stopping { deadline: TimerKey },
}

/// How many of everything an agent holds: all zero (but `connections`) after quiet time.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct TableSizes {
    /// Client transactions.
    pub client_transactions: usize,
    /// Server transactions.
    pub server_transactions: usize,
    /// Local ends of dialogs.
    pub dialogs: usize,
    /// Calls.
    pub sessions: usize,
    /// Requests of ours outside calls.
    pub requests: usize,
    /// Requests of peers that wait for an answer.
    pub incoming: usize,
    /// Challenges that wait for the application's answer.
    pub challenges: usize,
    /// Timers of calls, answers and the registration.
    pub timers: usize,
}

impl UserAgent {
    /// An agent with the default [`Limits`] and timers. With `autostart` the first poll yields
    /// [`Action::Connect`]; without it nothing happens until [`UserAgent::start`].
    ///
    /// Takes a generator fit for cryptography, seeded by the host from the operating system's entropy:
    /// every tag, branch and key comes from it.
    ///
    /// # Errors
    /// [`StartError`] if the configuration asks for what is not to be had.
    pub fn new(
        config: Config,
        rng: Box<dyn CryptoRng + Send>,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        Self::with_limits(
            config,
            Limits::default(),
            TimerSettings::default(),
            rng,
            now,
        )
    }

    /// As [`UserAgent::new`], with limits and timers of the host's own.
    ///
    /// # Errors
    /// As [`UserAgent::new`].
    pub fn with_limits(
        config: Config,
        limits: Limits,
        timers: TimerSettings,
        mut rng: Box<dyn CryptoRng + Send>,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let credentials = credentials(&config).map_err(StartError::Username)?;
        let connector = Connector::new(policy(&config)).map_err(StartError::Policy)?;
        let identity = Identity::new(&config, &mut *rng);
        let dialogs = DialogLayer::new(limits.forks, limits.routes, &mut *rng);
        let call_id = crate::rand::token(&mut *rng, 26);
        let tag = crate::rand::token(&mut *rng, 13);
        let expires = u32::try_from(config.register_expires().as_secs()).unwrap_or(u32::MAX);
        let registration = Registration::new(config.register(), expires, call_id, tag);
        let settings = TransactionSettings {
            timers,
            limits,
            sent_by: identity.host.as_ref().into(),
            via_transport: config.hack_via_tcp().then_some("TCP"),
            rport: config.force_rport(),
            forwards: false,
        };
        let missing = config.unsupported();
        if !missing.is_empty() {
            return Err(StartError::Unsupported(missing.into()));
        }
        let interval = config
            .keep_alive_interval()
            .map_or(KeepAliveInterval::STREAM, KeepAliveInterval::of);
        let keep_alive = KeepAlive::new(interval);
        let flows = (0..config.outbound_flows())
            .map(|_| OutboundFlow::new(connector.clone(), keep_alive.clone()));
        let mut agent = Self {
            endpoint: Endpoint {
                limits,
                identity,
                credentials,
                layer: TransactionLayer::new(settings, rng),
                dialogs,
                digest: DigestClient::new(DigestPolicy::default()),
                answered_on: None,
                authorization: None,
                timers: Timers::new(),
                actions: VecDeque::new(),
                counters: Counters::default(),
                flow: None,
                ready: false,
                flow_doubt: crate::endpoint::FlowDoubt::No,
                flow_indices: 0,
                service_route: alloc::vec::Vec::new(),
                now,
                config,
            },
            flows: flows.collect(),
            sessions: Slab::new(),
            registration,
            requests: Slab::new(),
            incoming: Slab::new(),
            challenges: Box::new(Slab::new()),
            next_servers: None,
            life: Life::Idle,
        };
        if agent.endpoint.identity.instance_drawn {
            let instance = agent.endpoint.identity.instance.clone();
            agent.endpoint.event(Event::InstanceIdDrawn(instance));
        }
        if agent.endpoint.config.autostart() {
            agent.begin();
        }
        Ok(agent)
    }

    /// Goes online: connects, and registers if the configuration says so.
    ///
    /// # Errors
    /// [`CommandError::Running`] unless it was idle.
    pub fn start(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.advance(now);
        if !matches!(self.life, Life::Idle) {
            return Err(CommandError::Running);
        }
        self.begin();
        Ok(())
    }

    fn begin(&mut self) {
        self.change_servers();
        self.life = Life::Running;
        self.connector(0, Connector::start);
    }

    /// Goes offline: hangs up, unregisters, then [`Event::Stopped`] and [`Action::Disconnect`]; after
    /// `grace` (2 s if `None`) whatever is left is cut short and counted. A second call does so at once.
    pub fn stop(&mut self, grace: Option<Duration>, now: Timestamp) {
        self.advance(now);
        match self.life {
            Life::Idle => {}
            Life::Stopping { .. } => self.cut_short(),
            Life::Running => {
                let deadline = self.endpoint.now + grace.unwrap_or(DEFAULT_GRACE);
                self.life = Life::Stopping {
                    deadline: self.endpoint.timers.set(deadline, TimerOwner::Stop),
                };
                for handle in self.sessions.handles() {
                    self.hang_up_session(crate::ids::SessionId(handle));
                }
                self.registration.query_wanted = false;
                self.remove_bindings();
                if self.endpoint.flow.is_none() {
                    self.give_up_waiting();
                }
                self.settle();
            }
        }
    }

    /// Bytes came on a connection: one WebSocket message, one datagram, or a part of a stream. Late bytes
    /// of a closed connection are ignored.
    ///
    /// # Errors
    /// [`Backpressure`] if the queue of actions is full; nothing has changed then.
    pub fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: Bytes,
        now: Timestamp,
    ) -> Result<(), Backpressure> {
        // Responses only shrink state: they have as much room again.
        let full = self.endpoint.actions.len() >= self.endpoint.limits.actions.saturating_mul(2);
        if full || !bytes.starts_with(b"SIP/2.0 ") {
            self.check_queue()?;
        }
        self.advance(now);
        if self.endpoint.layer.info(connection).is_none() {
            self.endpoint.counters.ignored += 1;
            return Ok(());
        }
        self.endpoint.counters.received += 1;
        self.endpoint.trace(Direction::Received, connection, &bytes);
        if let Some(index) = self.flow_of(connection) {
            let now = self.endpoint.now;
            self.flow(index).keep_alive.traffic(now);
        }
        self.endpoint.layer.receive(connection, bytes, self.endpoint.now);
        self.settle();
        Ok(())
    }

    /// Time has passed. Fires at least one due deadline, and a bounded number of them: call again while
    /// [`UserAgent::next_tick`] is not later than `now`.
    ///
    /// # Errors
    /// [`ClockJump`] if the clock jumped by more than seven days; nothing has changed then.
    pub fn tick(&mut self, now: Timestamp) -> Result<(), ClockJump> {
        let by = now.saturating_since(self.endpoint.now);
        if by > LONGEST_JUMP {
            return Err(ClockJump { by });
        }
        self.resume(now);
        Ok(())
    }

    /// As [`UserAgent::tick`], however far the clock jumped: the host knows the time to be right.
    ///
    /// A deadline that is told more than five seconds late means that the host slept: each open connection
    /// is asked at once ([`KeepAlive::probe_now`]), because nobody else would notice soon that it is dead.
    pub fn resume(&mut self, now: Timestamp) {
        self.notice_sleep(now);
        self.endpoint.now = self.endpoint.now.max(now);
        let now = self.endpoint.now;
        // Time-outs are carried out even when the queue is full: they only shrink state.
        self.endpoint.layer.tick(now);
        self.drain();
        for _ in 0..self.endpoint.limits.fired_per_tick.max(1) {
            let Some(due) = self.endpoint.timers.pop_due(now) else {
                break;
            };
            match due {
                TimerOwner::Session(id, timer) => self.on_session_timeout(id, timer),
                TimerOwner::Registration(index) => self.on_registration_timeout(index),
                TimerOwner::Incoming(id) => self.on_answer_timeout(id),
                TimerOwner::Request(id) => self.on_queue_timeout(id),
                TimerOwner::Challenge(id) => self.answer_challenge(id, Err(AuthorizationFailed)),
                TimerOwner::Stop => self.cut_short(),
                TimerOwner::Failback(index) => self.on_failback_timeout(index),
            }
        }
        self.tick_flows(now);
        self.settle();
    }

    /// The next thing for the host to carry out; `None` when there is nothing until the next input.
    /// Constant time. Inputs and commands add actions; nothing else does.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.endpoint.actions.pop_front()
    }

    /// When to call [`UserAgent::tick`] next; `None` while nothing is pending. Constant time. Every
    /// input, command and tick may change it.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        let flows = self.flows.iter();
        let flows =
            flows.flat_map(|flow| [flow.connector.next_tick(), flow.keep_alive.next_tick()]);
        [self.endpoint.layer.next_tick(), self.endpoint.timers.next()]
            .into_iter()
            .chain(flows)
            .flatten()
            .min()
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.endpoint.config
    }

    /// Who we are: the configured `uri`, or the anonymous one that was drawn.
    #[must_use]
    pub fn address_of_record(&self) -> &sip_parse::UriBuf {
        &self.endpoint.identity.aor
    }

    /// The UUID that names this agent (RFC 5626 section 4.1), configured or drawn.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.endpoint.identity.instance
    }

    /// The Contact that we register and call with, without parameters of the registration.
    #[must_use]
    pub fn contact(&self) -> &str {
        &self.endpoint.identity.contact
    }

    /// Whether a connection is open, on whichever flow.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.endpoint.flow.is_some()
    }

    /// Whether the registrar holds a binding of ours, on whichever flow, as far as we know.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.flows.iter().any(|flow| flow.binding.is_bound())
    }

    /// Counts of what passed.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.endpoint.counters
    }

    /// How much state there is.
    #[must_use]
    pub fn table_sizes(&self) -> TableSizes {
        TableSizes {
            client_transactions: self.endpoint.layer.client_transactions(),
            server_transactions: self.endpoint.layer.server_transactions(),
            dialogs: self.endpoint.dialogs.len(),
            sessions: self.sessions.len(),
            requests: self.requests.len(),
            incoming: self.incoming.len(),
            challenges: self.challenges.len(),
            timers: self.endpoint.timers.len(),
        }
    }

    fn check_queue(&self) -> Result<(), Backpressure> {
        if self.endpoint.actions.len() >= self.endpoint.limits.actions {
            Err(Backpressure)
        } else {
            Ok(())
        }
    }

    /// Time never goes back; a jump that nobody vouched for is not believed.
    fn advance(&mut self, now: Timestamp) {
        if now.saturating_since(self.endpoint.now) <= LONGEST_JUMP {
            self.notice_sleep(now);
            self.endpoint.now = self.endpoint.now.max(now);
        }
    }

    /// A deadline that is long past means that the host did not run: the flow may be dead without
    /// anybody's word. Before any input, because input may put that deadline off.
    fn notice_sleep(&mut self, now: Timestamp) {
        let is_late = |due| now.saturating_since(due) > ASLEEP;
        if !self.next_tick().is_some_and(is_late) {
            return;
        }
        for flow in self.flows.iter_mut().filter(|flow| flow.open.is_some()) {
            flow.keep_alive.probe_now(now);
        }
        // Nobody asks whether one to a better server still lives: it is opened anew in its time.
        for index in self.flow_indices() {
            self.drop_failback(index, DisconnectReason::Timeout);
        }
    }

    /// A command: needs room in the queue and an agent that is on.
    fn command(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.check_queue()?;
        self.advance(now);
        if matches!(self.life, Life::Running) {
            Ok(())
        } else {
            Err(CommandError::NotRunning)
        }
    }

    fn keep_alive_every(&mut self, index: crate::endpoint::FlowIndex, seconds: u32) {
        let rng = self.endpoint.layer.rng();
        let flow = &mut self.flows[usize::from(index)];
        // Without pings of our own the registrar's wish begins them.
        if seconds > 0 && flow.keep_alive.next_tick().is_none() && flow.open.is_some() {
            flow.keep_alive.start(self.endpoint.now, rng);
        }
        flow.keep_alive.flow_timer(seconds, rng);
    }

    /// Handles what the layers below have queued, and ends a stop that has nothing left to wait for.
    fn settle(&mut self) {
        self.drain();
        self.change_servers_when_quiet();
        self.move_when_quiet();
        self.spread_flows();
        // What these had to send must not wait for the next input.
        self.drain();
        if matches!(self.life, Life::Stopping { .. })
            && self.sessions.is_empty()
            && self.requests.is_empty()
            && self.is_idle()
        {
            self.cut_short();
        }
    }

    /// Ends a stop: what is left is told so, and the connection is closed.
    fn cut_short(&mut self) {
        let unfinished = self.sessions.len() + self.requests.len() + usize::from(!self.is_idle());
        for handle in self.sessions.handles() {
            let id = crate::ids::SessionId(handle);
            self.step_session(id, |_, context| {
                context.end(EndReason::local(Cause::Stopped))
            });
        }
        for handle in self.requests.handles() {
            self.finish_request(
                crate::ids::RequestId(handle),
                Err(EndReason::local(Cause::Stopped)),
            );
        }
        self.forget_challenges();
        for handle in self.incoming.handles() {
            self.drop_incoming(crate::ids::IncomingRequestId(handle));
        }
        // What has just been said is sent while the connection is still open.
        self.drain();
        for index in self.flow_indices() {
            self.unbound(index, EndReason::local(Cause::Stopped));
        }
        if let Life::Stopping { deadline } = ::core::mem::replace(&mut self.life, Life::Idle) {
            self.endpoint.timers.cancel(deadline);
        }
        let reason = DisconnectReason::Stopped;
        let mut connections = SmallVec::<[ConnectionId; 8]>::new();
        for index in self.flow_indices() {
            self.drop_failback(index, reason);
            let flow = self.flow(index);
            flow.keep_alive.stop();
            // Nothing is to be carried out: what it has open or opens is closed below.
            let _ = flow.connector.stop();
            flow.binding.rebind = false;
            flow.binding.reconnecting = false;
            connections.extend(flow.open.take().map(|open| open.connection));
            connections.extend(flow.opening.take().map(|opening| opening.connection));
        }
        self.choose_flow();
        self.endpoint.event(Event::Stopped {
            unfinished: u32::try_from(unfinished).unwrap_or(u32::MAX),
        });
        for connection in connections {
            self.endpoint.layer.closed(connection, self.endpoint.now);
            self.disconnect(connection, reason);
        }
        self.drain();
        self.endpoint.layer.clear();
        let registration = &mut self.registration;
        registration.wanted = self.endpoint.config.register();
        registration.outbound = false;
        registration.clear_wanted = false;
        registration.query_wanted = false;
        registration.unregister_pending = false;
    }

    fn log(&mut self, level: LogLevel, category: &'static str, label: u64, content: LogContent) {
        self.endpoint.log(level, category, label, content);
    }
}

impl fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAgent")
            .field("address_of_record", &self.endpoint.identity.aor)
            .field("tables", &self.table_sizes())
            .finish_non_exhaustive()
    }
}

fn policy(config: &Config) -> ServerPolicy {
    ServerPolicy {
        max_reconnection: config.ws_server_max_reconnection(),
        reconnection_timeout: config.ws_server_reconnection_timeout(),
        recovery_min: config.connection_recovery_min_interval(),
        recovery_max: config.connection_recovery_max_interval(),
        outbound_schedule: config.outbound_recovery(),
        connect_timeout: config.connection_timeout(),
        ..ServerPolicy::new(
            config
                .servers()
                .iter()
                .map(|server| server.weight)
                .collect(),
        )
    }
}

fn credentials(config: &Config) -> Result<Option<Credentials>, UsernameError> {
    // The application answers every challenge itself, and nothing is hashed here.
    if config.authentication() == Authentication::Application {
        return Ok(None);
    }
    let (Some(user), Some(secret)) = (config.authorization_user(), config.secret()) else {
        return Ok(None);
    };
    Credentials::new(user, secret.clone()).map(Some)
}
