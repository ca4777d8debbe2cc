//! [`UserAgent`]: the facade that a host drives, and its tables.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use rand_core::CryptoRng;
use smallvec::SmallVec;

use super::challenge_table::Challenges;
use super::configuration::{policy, settings};
use super::flow_table::Flows;
use super::request_table::Requests;
use crate::action::Action;
use crate::auth::AuthorizationFailed;
use crate::config::{Config, Server};
use crate::connection::{Connector, DisconnectReason, KeepAlive, KeepAliveInterval};
use crate::endpoint::{Counters, Endpoint, FlowIndex, TimerOwner};
use crate::error::{Backpressure, ClockJump, CommandError, LONGEST_JUMP, StartError};
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::limits::Limits;
use crate::reason::{Cause, EndReason};
use crate::registration::{BindingInput, RegisterKind, Registrations, Wish};
use crate::session::{Input, SessionLayer};
use crate::time::Timestamp;
use crate::timer::TimerKey;
use crate::transaction::TimerSettings;

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
    pub(super) config: Config,
    pub(super) endpoint: Endpoint,
    pub(super) flows: Flows,
    pub(super) sessions: SessionLayer,
    pub(super) registrations: Registrations,
    pub(super) requests: Requests,
    pub(super) challenges: Challenges,
    /// Servers to use once no call is being set up.
    pub(super) next_servers: Option<Box<[Server]>>,
    pub(super) life: Life,
}

/// Whether the agent is on.
pub(super) enum Life {
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
    /// [`StartError`] if the configuration enables a feature that is not implemented.
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
        let missing = config.unsupported();
        if !missing.is_empty() {
            return Err(StartError::Unsupported(missing.into()));
        }
        let connector = Connector::new(policy(&config)).map_err(StartError::Policy)?;
        let settings = settings(&config, limits, timers, &mut *rng);
        let settings = settings.map_err(StartError::Username)?;
        let call_id = crate::rand::token(&mut *rng, 26);
        let tag = crate::rand::token(&mut *rng, 13);
        let interval = config
            .keep_alive_interval()
            .map_or(KeepAliveInterval::STREAM, KeepAliveInterval::of);
        let flows = config.outbound_flows();
        let mut agent = Self {
            endpoint: Endpoint::new(settings, rng, now),
            flows: Flows::new(flows, &connector, &KeepAlive::new(interval)),
            sessions: SessionLayer::new(),
            registrations: Registrations::new(
                usize::from(flows),
                config.register(),
                u32::try_from(config.register_expires().as_secs()).unwrap_or(u32::MAX),
                call_id,
                tag,
            ),
            requests: Requests::new(),
            challenges: Challenges::new(),
            next_servers: None,
            life: Life::Idle,
            config,
        };
        if agent.config.instance_id().is_none() {
            let instance = agent.endpoint.identity.instance.clone();
            agent.endpoint.event(Event::InstanceIdDrawn(instance));
        }
        if agent.config.autostart() {
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
                for id in self.sessions.ids() {
                    self.hang_up_session(id);
                }
                self.registrations.take(RegisterKind::Fetch);
                self.remove_bindings(Wish::Off);
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
        self.endpoint.check_room(&bytes)?;
        self.advance(now);
        if let Some(index) = self.flows.of(connection) {
            let now = self.endpoint.now;
            self.flows.get_mut(index).keep_alive.traffic(now);
        }
        let now = self.endpoint.now;
        self.endpoint.receive(connection, bytes, now)?;
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
    /// A tick more than five seconds late means that the host was suspended. Every open connection is pinged at once
    /// ([`KeepAlive::probe_now`]), because a dead one would otherwise go unnoticed.
    pub fn resume(&mut self, now: Timestamp) {
        self.notice_sleep(now);
        self.endpoint.advance(now);
        let now = self.endpoint.now;
        // Time-outs are carried out even when the queue is full: they only shrink state.
        self.endpoint.layer.tick(now);
        self.drain();
        for _ in 0..self.endpoint.limits.fired_per_tick.max(1) {
            let Some(due) = self.endpoint.timers.pop_due(now) else {
                break;
            };
            match due {
                TimerOwner::Session(id, timer) => {
                    self.step_session(id, Input::Timer(timer));
                }
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
        self.endpoint.poll_action()
    }

    /// When to call [`UserAgent::tick`] next; `None` while nothing is pending. Constant time. Every
    /// input, command and tick may change it.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        let ticks = [self.endpoint.next_tick(), self.flows.next_tick()];
        ticks.into_iter().flatten().min()
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
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
        self.registrations.is_bound()
    }

    /// Counts of what passed.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.endpoint.counters()
    }

    /// How much state there is.
    #[must_use]
    pub fn table_sizes(&self) -> TableSizes {
        TableSizes {
            client_transactions: self.endpoint.layer.client_transactions(),
            server_transactions: self.endpoint.layer.server_transactions(),
            dialogs: self.endpoint.dialogs.len(),
            sessions: self.sessions.len(),
            requests: self.requests.outgoing(),
            incoming: self.requests.incoming(),
            challenges: self.challenges.len(),
            timers: self.endpoint.timers.len(),
        }
    }

    /// Time never goes back; a jump that nobody vouched for is not believed.
    pub(super) fn advance(&mut self, now: Timestamp) {
        if now.saturating_since(self.endpoint.now) <= LONGEST_JUMP {
            self.notice_sleep(now);
            self.endpoint.advance(now);
        }
    }

    /// A deadline that is long past means that the host did not run: the flow may be dead without
    /// anybody's word. Before any input, because input may put that deadline off.
    fn notice_sleep(&mut self, now: Timestamp) {
        let is_late = |due| now.saturating_since(due) > ASLEEP;
        if !self.next_tick().is_some_and(is_late) {
            return;
        }
        self.flows.probe_now(now);
        // Failback probes are not pinged. They are dropped, because the connector opens them again.
        for index in self.flows.indices() {
            self.drop_failback(index, DisconnectReason::Timeout);
        }
    }

    /// A command: needs room in the queue and an agent that is on.
    pub(super) fn command(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        if matches!(self.life, Life::Running) {
            Ok(())
        } else {
            Err(CommandError::NotRunning)
        }
    }

    pub(super) fn keep_alive_every(&mut self, index: FlowIndex, seconds: u32) {
        let rng = self.endpoint.layer.rng();
        let flow = self.flows.get_mut(index);
        // Without pings of our own the registrar's wish begins them.
        if seconds > 0 && flow.keep_alive.next_tick().is_none() && flow.open.is_some() {
            flow.keep_alive.start(self.endpoint.now, rng);
        }
        flow.keep_alive.flow_timer(seconds, rng);
    }

    /// Handles what the layers below have queued, and ends a stop that has nothing left to wait for.
    pub(super) fn settle(&mut self) {
        self.drain();
        self.change_servers_when_quiet();
        self.move_when_quiet();
        self.spread_flows();
        // What these had to send must not wait for the next input.
        self.drain();
        if matches!(self.life, Life::Stopping { .. })
            && self.sessions.is_empty()
            && self.requests.outgoing() == 0
            && self.registrations.is_idle()
        {
            self.cut_short();
        }
    }

    /// Ends a stop: what is left is told so, and the connection is closed.
    fn cut_short(&mut self) {
        let registering = usize::from(!self.registrations.is_idle());
        let unfinished = self.sessions.len() + self.requests.outgoing() + registering;
        for id in self.sessions.ids() {
            self.step_session(id, Input::Stop);
        }
        for id in self.requests.ids() {
            self.finish_request(id, Err(EndReason::local(Cause::Stopped)));
        }
        self.forget_challenges();
        for id in self.requests.incoming_ids() {
            self.drop_incoming(id);
        }
        // What has just been said is sent while the connection is still open.
        self.drain();
        for index in self.flows.indices() {
            self.unbound(index, EndReason::local(Cause::Stopped));
        }
        if let Life::Stopping { deadline } = core::mem::replace(&mut self.life, Life::Idle) {
            self.endpoint.timers.cancel(deadline);
        }
        let reason = DisconnectReason::Stopped;
        let mut connections = SmallVec::<[ConnectionId; 8]>::new();
        for index in self.flows.indices() {
            self.drop_failback(index, reason);
            let flow = self.flows.get_mut(index);
            flow.keep_alive.stop();
            // Nothing is to be carried out: what it has open or opens is closed below.
            let _ = flow.connector.stop();
            connections.extend(flow.open.take().map(|open| open.connection));
            connections.extend(flow.opening.take().map(|opening| opening.connection));
            let binding = self.registrations.binding_mut(index);
            binding.step(BindingInput::Reset);
            binding.reconnecting = false;
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
        self.registrations.restart(self.config.register());
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
