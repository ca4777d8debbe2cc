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
use crate::config::{Config, Server};
use crate::connection::{Connector, DisconnectReason, KeepAlive, KeepAliveInterval};
use crate::endpoint::{Counters, Endpoint, FlowIndex, QueueRoom, TimerOwner, Usage};
use crate::error::{Backpressure, ClockJump, CommandError, LONGEST_JUMP, StartError};
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::limits::Limits;
use crate::notifier::NotifierLayer;
use crate::publication::PublicationLayer;
use crate::rare::{Rare, empty};
use crate::reason::{Cause, EndReason};
use crate::registration::{BindingInput, RegisterKind, Registrations, Wish};
use crate::session::{Input, SessionLayer};
use crate::subscription::SubscriptionLayer;
use crate::time::{Timestamp, earlier};
use crate::timer::TimerKey;
use crate::transaction::TimerSettings;

/// How long [`UserAgent::stop`] waits by default for calls, registration and requests to end.
const DEFAULT_GRACE: Duration = Duration::from_secs(2);

/// A tick later than its deadline by more than this means that the host was suspended in between.
const ASLEEP: Duration = Duration::from_secs(5);

/// One SIP user agent: one address-of-record, on one connection at a time unless `outboundFlows` asks for
/// more.
///
/// Every order of inputs and commands is valid. Each takes the host's time; the core raises a time earlier than
/// the last one to that one. Inputs and commands queue [`Action`]s; polling only removes them.
pub struct UserAgent {
    pub(super) config: Config,
    pub(super) endpoint: Endpoint,
    pub(super) flows: Flows,
    pub(super) sessions: Rare<SessionLayer>,
    pub(super) subscriptions: Rare<SubscriptionLayer>,
    pub(super) notifier: Rare<NotifierLayer>,
    pub(super) publications: Rare<PublicationLayer>,
    pub(super) registrations: Box<Registrations>,
    pub(super) requests: Rare<Requests>,
    pub(super) challenges: Rare<Challenges>,
    /// Servers to use once no call is being set up.
    pub(super) next_servers: Option<Box<NextServers>>,
    pub(super) life: Life,
    /// The next deadline, once an input is handled; `Timestamp::MAX` without any. Zero: not known, because each input may change
    /// it.
    pub(super) quiet_until: Timestamp,
}

empty!(
    SessionLayer,
    SubscriptionLayer,
    NotifierLayer,
    PublicationLayer,
    Requests,
    Challenges,
);

/// The servers of a [`Change::Servers`](super::Change::Servers). Boxed, because they are rare.
pub(super) struct NextServers(pub(super) Box<[Server]>);

/// Whether the agent is started, stopped, or stopping.
#[cfg_attr(test, derive(Clone))]
pub(super) enum Life {
    Idle,
    Running,
    Stopping { deadline: TimerKey },
}

/// The sizes of an agent's tables. After quiet time every field but `connections` is 0, so that a test can
/// find leaks.
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
    /// Requests of the application outside calls that have no outcome yet.
    pub requests: usize,
    /// REFERs of both sides whose outcome is not yet known or reported.
    pub refers: usize,
    /// Subscriptions of this side.
    pub subscriptions: usize,
    /// Subscriptions of peers.
    pub incoming_subscriptions: usize,
    /// Publications.
    pub publications: usize,
    /// Requests of peers that wait for the application's answer.
    pub incoming: usize,
    /// Challenges that wait for the application's answer.
    pub challenges: usize,
    /// Timers of calls, answers and the registration.
    pub timers: usize,
}

impl UserAgent {
    /// Makes an agent with the default [`Limits`] and timers. With `autostart` the first poll returns
    /// [`Action::Connect`]; otherwise the agent stays idle until [`UserAgent::start`].
    ///
    /// `rng` is a generator fit for cryptography, which the host seeds from the operating system's entropy,
    /// because every tag, branch and key comes from it. `now` is the host's clock.
    ///
    /// # Errors
    /// [`StartError`] if the configuration enables a feature that is not implemented, or its connection
    /// policy or authorization user is unusable.
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

    /// As [`UserAgent::new`], with the host's own limits and timers (RFC 3261 table 4).
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
            sessions: Rare::new(),
            subscriptions: Rare::new(),
            notifier: Rare::new(),
            publications: Rare::new(),
            registrations: Box::new(Registrations::new(
                usize::from(flows),
                config.register(),
                u32::try_from(config.register_expires().as_secs()).unwrap_or(u32::MAX),
                &call_id,
                &tag,
            )),
            requests: Rare::new(),
            challenges: Rare::new(),
            next_servers: None,
            life: Life::Idle,
            quiet_until: Timestamp::ZERO,
            config,
        };
        if let Some(address) = agent.config.shared_uri() {
            agent.endpoint.identity.share_address(address);
        }
        if agent.config.instance_id().is_none() {
            let instance = agent.endpoint.identity.instance().into();
            agent.endpoint.event(Event::InstanceIdDrawn(instance));
        }
        if agent.config.autostart() {
            agent.begin();
        }
        Ok(agent)
    }

    /// Goes online: connects, and registers if the `register` parameter is on. Events report the progress.
    ///
    /// # Errors
    /// [`CommandError::Running`] unless the agent is idle.
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

    /// Goes offline: hangs up, unregisters, then emits [`Event::Stopped`] and [`Action::Disconnect`]. After
    /// `grace` (2 s if `None`) the agent ends what is left and counts it in [`Event::Stopped`]. A second call
    /// does so at once.
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
                    self.hang_up_session(id, Input::HangUp);
                }
                self.each_usage(|usage, endpoint| usage.stop(endpoint));
                self.registrations.take(RegisterKind::Fetch);
                self.remove_bindings(Wish::Off);
                if self.endpoint.flow.is_none() {
                    self.give_up_waiting();
                }
                self.settle();
            }
        }
    }

    /// Takes bytes that arrived on a connection: one WebSocket message, one datagram, or a part of a stream.
    /// The
    /// agent ignores late bytes of a closed connection.
    ///
    /// # Errors
    /// [`Backpressure`] if the queue of actions is full, or messages of an earlier part of this stream still wait for room
    /// in it; the agent is unchanged then.
    pub fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: Bytes,
        now: Timestamp,
    ) -> Result<(), Backpressure> {
        self.endpoint.check_room(connection, &bytes)?;
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

    /// Advances the clock to `now`. Fires at least one due deadline, and at most [`Limits::fired_per_tick`]:
    /// call again while [`UserAgent::next_tick`] is not later than `now`. Does nothing while the queue of actions is at
    /// twice its limit.
    ///
    /// # Errors
    /// [`ClockJump`] if `now` is more than seven days ahead of the last input; the agent is unchanged then.
    pub fn tick(&mut self, now: Timestamp) -> Result<(), ClockJump> {
        let by = now.saturating_since(self.endpoint.now);
        if by > LONGEST_JUMP {
            return Err(ClockJump { by });
        }
        self.resume(now);
        Ok(())
    }

    /// As [`UserAgent::tick`], without a limit on the jump, because the host has checked its clock.
    ///
    /// A tick more than 5 s late means that the host was suspended. The agent pings every open connection at
    /// once
    /// ([`KeepAlive::probe_now`]), because a dead one would otherwise go unnoticed.
    pub fn resume(&mut self, now: Timestamp) {
        // Almost every tick of a host with many agents is too early for most of them.
        if now < self.quiet_until && !self.endpoint.layer.has_any_unread() {
            return self.endpoint.advance(now);
        }
        self.quiet_until = Timestamp::ZERO;
        self.notice_sleep(now);
        self.endpoint.advance(now);
        let now = self.endpoint.now;
        // Time-outs fire up to twice the limit of the queue, because they only shrink state.
        if self.endpoint.is_overfull() {
            return;
        }
        self.endpoint.layer.tick(now);
        self.drain();
        for _ in 0..self.endpoint.limits().fired_per_tick.max(1) {
            let Some(due) = self.endpoint.timers.pop_due(now) else {
                break;
            };
            match due {
                TimerOwner::Session(id, timer) => {
                    self.step_session(id, Input::Timer(timer));
                }
                TimerOwner::Transfer(id) => {
                    self.sessions.on_transfer_timeout(&mut self.endpoint, id);
                }
                TimerOwner::Refer(id) => self.sessions.on_refer_timeout(&mut self.endpoint, id),
                TimerOwner::Subscription(..) => {
                    self.subscriptions.on_timeout(&mut self.endpoint, due);
                }
                TimerOwner::Notifier(..) => self.notifier.on_timeout(&mut self.endpoint, due),
                TimerOwner::Publication(_) => {
                    self.publications.on_timeout(&mut self.endpoint, due);
                }
                TimerOwner::Registration(index) => self.on_registration_timeout(index),
                TimerOwner::Incoming(id) => self.drop_incoming(id),
                TimerOwner::Request(id) => self.on_queue_timeout(id),
                TimerOwner::Challenge(id) => self.on_challenge_timeout(id),
                TimerOwner::Stop => self.cut_short(),
                TimerOwner::Failback(index) => self.on_failback_timeout(index),
            }
        }
        self.tick_flows(now);
        self.settle();
        self.endpoint.shrink();
    }

    /// Returns the next action for the host to carry out; `None` until the next input, command or tick.
    /// Constant time.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.endpoint.poll_action()
    }

    /// Shares the settings of another agent that are equal; returns whether all are.
    pub(crate) fn share_settings(&mut self, other: &Self) -> bool {
        let endpoint = self.endpoint.share_settings(&other.endpoint);
        let flows = self.flows.share_settings(&other.flows);
        let config = self.config.share_settings(&other.config);
        endpoint && flows && config
    }

    /// Takes out the memory of the queue of actions, if nothing waits in it.
    pub(crate) fn take_room(&mut self) -> Option<Box<QueueRoom>> {
        self.endpoint.take_room()
    }

    /// Gives the queue of actions memory, unless it has its own.
    pub(crate) fn lend_room(&mut self, spare: impl FnOnce() -> Option<Box<QueueRoom>>) {
        self.endpoint.lend_room(spare);
    }

    /// When to call [`UserAgent::tick`] next, on the host's clock; `None` while no deadline is pending, and while
    /// the queue of actions is at twice its limit ([`Limits::actions`]). Constant time. Every input, command
    /// and tick may change it. Polling may change it too, because a message of a stream may have waited for room in the
    /// queue.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        if self.endpoint.is_overfull() {
            return None;
        }
        let deadline = match self.quiet_until {
            Timestamp::ZERO => self.deadline(),
            Timestamp::MAX => None,
            until => Some(until),
        };
        debug_assert_eq!(deadline, self.deadline(), "what is kept is what is set");
        earlier(self.endpoint.layer.unread_since(), deadline)
    }

    /// The next deadline of transactions, timers and flows.
    fn deadline(&self) -> Option<Timestamp> {
        earlier(self.endpoint.deadline(), self.flows.next_tick())
    }

    /// The configuration in force, with all changes of [`UserAgent::reconfigure`] that have taken effect.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The address-of-record (RFC 3261 section 6): the configured `uri`, or an anonymous one that the core
    /// has drawn.
    #[must_use]
    pub fn address_of_record(&self) -> &sip_parse::UriBuf {
        &self.endpoint.identity.aor
    }

    /// The instance UUID of this agent (RFC 5626 section 4.1), configured or drawn, without `urn:uuid:`.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        self.endpoint.identity.instance()
    }

    /// The Contact of REGISTER and of calls, as `<URI>`, without the parameters of the registration.
    #[must_use]
    pub fn contact(&self) -> &str {
        self.endpoint.identity.contact()
    }

    /// Whether the agent is idle: not started, or stopped ([`Event::Stopped`]).
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.life, Life::Idle)
    }

    /// Whether a connection is open, on any flow.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.endpoint.flow.is_some()
    }

    /// Whether the registrar holds a binding of this agent on any flow, as far as the core knows.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.registrations.is_bound()
    }

    /// How many flows are up (RFC 5626): 0 or 1, unless `outboundFlows` sets more.
    #[must_use]
    pub fn open_flows(&self) -> usize {
        self.flows.iter().filter(|flow| flow.open.is_some()).count()
    }

    /// Whether the agent keeps itself registered, or tries to: the application wants it, and the registrar has not refused the
    /// credentials.
    #[must_use]
    pub fn is_registration_wanted(&self) -> bool {
        self.registrations.is_wanted()
    }

    /// The counters since the agent was made.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.endpoint.counters()
    }

    /// The current sizes of the tables.
    #[must_use]
    pub fn table_sizes(&self) -> TableSizes {
        TableSizes {
            client_transactions: self.endpoint.layer.client_transactions(),
            server_transactions: self.endpoint.layer.server_transactions(),
            dialogs: self.endpoint.dialogs.len(),
            sessions: self.sessions.len(),
            requests: self.requests.outgoing(),
            refers: self.sessions.refers(),
            subscriptions: self.subscriptions.len(),
            incoming_subscriptions: self.notifier.len(),
            publications: self.publications.len(),
            incoming: self.requests.incoming(),
            challenges: self.challenges.len(),
            timers: self.endpoint.timers.len(),
        }
    }

    /// Raises the clock. Time never goes back; a jump of more than seven days is ignored, because only
    /// [`UserAgent::resume`] confirms one.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.quiet_until = Timestamp::ZERO;
        if now.saturating_since(self.endpoint.now) <= LONGEST_JUMP {
            self.notice_sleep(now);
            self.endpoint.advance(now);
        }
    }

    /// A deadline that is long past means that the host was suspended, so each flow may be dead. Runs before
    /// any input is handled, because input may put that deadline off.
    fn notice_sleep(&mut self, now: Timestamp) {
        let is_late = |due| now.saturating_since(due) > ASLEEP;
        if !self.deadline().is_some_and(is_late) {
            return;
        }
        self.doubt_flows(now, DisconnectReason::Timeout);
    }

    /// Admits a command if the queue has room and the agent is running.
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
        // Without a configured ping interval the registrar's value (RFC 5626 section 4.4.1) starts the pings.
        if seconds > 0 && flow.keep_alive.next_tick().is_none() && flow.open.is_some() {
            flow.keep_alive.start(self.endpoint.now, rng);
        }
        flow.keep_alive.flow_timer(seconds, rng);
    }

    /// Handles what the layers below have queued, and completes a stop that has nothing left to wait for.
    pub(super) fn settle(&mut self) {
        self.drain();
        self.change_servers_when_quiet();
        self.move_when_quiet();
        self.spread_flows();
        // Sends what these steps have queued at once, because the next input may be far away.
        self.drain();
        if matches!(self.life, Life::Stopping { .. })
            && self.sessions.is_empty()
            && self.usages_are_empty()
            && self.requests.outgoing() == 0
            && self.registrations.is_idle()
        {
            self.cut_short();
        }
        self.quiet_until = match self.deadline() {
            // MAX says that there is no deadline, so one at that time is read anew.
            Some(Timestamp::MAX) => Timestamp::ZERO,
            Some(deadline) => deadline,
            None => Timestamp::MAX,
        };
    }

    /// Ends a stop: ends what is left with an event each, and closes the connections.
    fn cut_short(&mut self) {
        let registering = usize::from(!self.registrations.is_idle());
        let events = self.subscriptions.len() + self.notifier.len() + self.publications.len();
        let unfinished = self.sessions.len() + self.requests.outgoing() + registering + events;
        for id in self.sessions.ids() {
            self.step_session(id, Input::Stop);
        }
        for id in self.requests.ids() {
            self.finish_request(id, Err(EndReason::local(Cause::Stopped)));
        }
        self.sessions.end_refers(&mut self.endpoint);
        self.each_usage(|usage, endpoint| usage.end(endpoint));
        self.forget_challenges();
        for id in self.requests.incoming_ids() {
            self.drop_incoming(id);
        }
        // Sends the last messages while the connection is still open.
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
            // The connector's steps are ignored, because the connections are closed below.
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
