//! The choice of a server, and the schedule of attempts.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use rand_core::CryptoRng;
use smallvec::{SmallVec, smallvec};

use super::error::ConnectError;
use super::{between, micros};
use crate::share::share;
use crate::time::Timestamp;

/// The longest wait before the first retry after an established connection dropped. It is random and short,
/// so that the agents of a server do not reconnect at the same instant.
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// How often the connector tries a server of higher weight while another one is in use. Agents that
/// reconnected at random times also probe at random times.
const PROBE_EVERY: Duration = Duration::from_secs(300);

/// RFC 5626 section 4.5: the longest wait between two attempts.
const OUTBOUND_MAX: Duration = Duration::from_secs(1_800);

/// The number of failed registrations in a row after which the connector leaves a server for another one.
const TRIES_TO_REGISTER: u32 = 2;

/// How long a server that the connector has left is the last choice. Doubled each time until the server serves again,
/// up to a day, because each return costs the agent its registration for a while.
const SHUNNED_FOR: Duration = Duration::from_secs(1_800);
const SHUNNED_MAX: Duration = Duration::from_secs(86_400);

/// RFC 5626 section 4.5: the base of the wait when no flow of the agent is up.
const OUTBOUND_BASE_ALL_FAILED: Duration = Duration::from_secs(30);

/// RFC 5626 section 4.5: the base of the wait when another flow of the agent is up.
const OUTBOUND_BASE_NOT_FAILED: Duration = Duration::from_secs(90);

/// The settings of a [`Connector`]: servers, retries and waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerPolicy {
    /// The weight of each server; the highest goes first, ties are broken at random.
    pub weights: Vec<i64>,
    /// How often the connector tries a server again whose *established* connection dropped, before it tries
    /// the next one (`wsServerMaxReconnection`). 0: never.
    pub max_reconnection: u32,
    /// The time between two such tries, give or take a fifth (`wsServerReconnectionTimeout`).
    pub reconnection_timeout: Duration,
    /// The shortest wait after all servers have failed (`connectionRecoveryMinInterval`).
    pub recovery_min: Duration,
    /// The longest wait after all servers have failed (`connectionRecoveryMaxInterval`).
    pub recovery_max: Duration,
    /// Once all servers have failed, wait as specified in RFC 5626 section 4.5 instead of between
    /// `recovery_min` and `recovery_max`.
    pub outbound_schedule: bool,
    /// How long an attempt may take before it is abandoned.
    pub connect_timeout: Duration,
}

impl ServerPolicy {
    /// The usual policy for servers of these weights: 3 tries 4 seconds apart, recovery after 2 to
    /// 30 seconds, 10 seconds for an attempt.
    #[must_use]
    pub const fn new(weights: Vec<i64>) -> Self {
        Self {
            weights,
            max_reconnection: 3,
            reconnection_timeout: Duration::from_secs(4),
            recovery_min: Duration::from_secs(2),
            recovery_max: Duration::from_secs(30),
            outbound_schedule: false,
            connect_timeout: Duration::from_secs(10),
        }
    }
}

/// Why a policy is invalid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// There is no server.
    #[error("there is no server to connect to")]
    NoServer,
    /// The shortest wait for recovery is zero, which would be a busy loop.
    #[error("the shortest recovery interval must be longer than zero")]
    RecoveryMinZero,
    /// The shortest wait for recovery is longer than the longest.
    #[error("the shortest recovery interval must not be longer than the longest")]
    RecoveryMinAboveMax,
    /// The time for an attempt is zero.
    #[error("a connection attempt must be allowed more than zero time")]
    ConnectTimeoutZero,
}

/// What the caller must do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Open a connection, then call [`opened`](Connector::opened) or [`failed`](Connector::failed).
    Connect {
        /// The server's place in [`ServerPolicy::weights`].
        server: usize,
        /// 1 for the first try of this server since it last worked.
        attempt: u32,
    },
    /// Nothing for now; the next [`Connect`](Self::Connect) comes with a tick at this time.
    Wait {
        /// When.
        until: Timestamp,
        /// How many attempts have failed in a row; 0 right after an established connection dropped.
        attempt: u32,
    },
    /// Abandon the attempt in progress.
    Abandon,
    /// Try a better server beside the open connection. Call [`moved`](Connector::moved) once that server is
    /// used instead; a failure needs no call.
    Probe {
        /// The server's place in [`ServerPolicy::weights`].
        server: usize,
    },
}

/// The steps that one input leads to, in order: at most two.
pub type Steps = SmallVec<[Step; 2]>;

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Connecting {
        server: usize,
        deadline: Timestamp,
        /// The server worked before and has retries left.
        retry: bool,
    },
    Open {
        server: usize,
        since: Timestamp,
        /// When to try a better server; `None` if no better one exists.
        probe_at: Option<Timestamp>,
    },
    Waiting {
        until: Timestamp,
        /// The server to retry; `None`: choose again, after a recovery wait.
        server: Option<usize>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Server {
    weight: i64,
    failed: bool,
    /// Another flow of the agent uses the server, or tries to.
    taken: bool,
    /// Tries since it last worked.
    tries: u32,
    /// Failed registrations in a row over open connections.
    unserved: u32,
    /// How often in a row the connector has left it.
    left: u32,
    /// Until then it is the last choice.
    shunned_until: Timestamp,
}

impl Server {
    const fn is_usable(&self) -> bool {
        !self.failed && !self.taken
    }
}

/// Chooses servers and schedules attempts for one flow, until [`stop`](Self::stop).
///
/// 1. The first attempt, and the first of each next server, goes to the highest weight that has not
///    failed. If it fails, that server is marked failed and the next is tried at once.
/// 2. When an *established* connection drops, the same server is tried again: first after at most
///    250 ms, then `reconnection_timeout` apart (give or take a fifth), `max_reconnection` times in
///    all. Then it is marked failed. A fault that a retry cannot heal ends the retries.
/// 3. When all have failed, the marks are cleared and the next attempt comes after
///    min + random × (min(max, min × 2ⁿ) − min), n counting the rounds that failed before.
///
/// While a server is in use that is not of the highest weight, the best one is tried beside it every five
/// minutes or so.
///
/// A server may accept connections and not register the agent. Then the caller calls
/// [`not_served`](Self::not_served), and [`next_server`](Self::next_server) leaves that server, which is the last
/// choice for half an hour, or longer if it is left again (RFC 5626 section 4.5).
///
/// Marks, retries and rounds start over once a connection has stayed up for the longer of
/// `reconnection_timeout` and `recovery_min`. A shorter life does not count, because a server that accepts
/// and drops every connection would get an attempt after the other.
///
/// An input that does not fit the state (a late `failed`, a second `start`) changes nothing.
#[derive(Clone, Debug)]
pub struct Connector {
    policy: Arc<ServerPolicy>,
    servers: SmallVec<[Server; 1]>,
    state: State,
    /// Retries of the current server since its connection was last stable.
    retries: u32,
    /// Rounds in a row in which all servers failed.
    rounds: u32,
    /// Attempts in a row that failed.
    failures: u32,
    other_flows_up: bool,
}

impl Connector {
    /// A connector that is idle until [`start`](Self::start).
    ///
    /// # Errors
    /// [`PolicyError`] if the policy is invalid.
    pub fn new(policy: ServerPolicy) -> Result<Self, PolicyError> {
        if policy.weights.is_empty() {
            return Err(PolicyError::NoServer);
        }
        if policy.recovery_min.is_zero() {
            return Err(PolicyError::RecoveryMinZero);
        }
        if policy.recovery_min > policy.recovery_max {
            return Err(PolicyError::RecoveryMinAboveMax);
        }
        if policy.connect_timeout.is_zero() {
            return Err(PolicyError::ConnectTimeoutZero);
        }
        let servers = policy
            .weights
            .iter()
            .map(|&weight| Server {
                weight,
                failed: false,
                taken: false,
                tries: 0,
                unserved: 0,
                left: 0,
                shunned_until: Timestamp::ZERO,
            })
            .collect();
        Ok(Self {
            policy: Arc::new(policy),
            servers,
            state: State::Idle,
            retries: 0,
            rounds: 0,
            failures: 0,
            other_flows_up: false,
        })
    }

    /// Replaces the policy. An open connection stays if its server has a `place` in the new policy.
    /// Otherwise the connector forgets its marks and counts and is idle: close the connection or the
    /// attempt, then [`start`](Self::start).
    ///
    /// # Errors
    /// [`PolicyError`] if the policy is invalid; the connector does not change then.
    pub fn replace_policy(
        &mut self,
        policy: ServerPolicy,
        place: Option<usize>,
    ) -> Result<(), PolicyError> {
        let mut new = Self::new(policy)?;
        new.other_flows_up = self.other_flows_up;
        if let (State::Open { since, .. }, Some(server)) = (self.state, place) {
            let probe_at = new.better(server, since).map(|_| since + PROBE_EVERY);
            new.state = State::Open {
                server,
                since,
                probe_at,
            };
        }
        *self = new;
        Ok(())
    }

    /// Shares the policy of another connector, if both are equal; returns whether they are.
    pub(crate) fn share_settings(&mut self, other: &Self) -> bool {
        share(&mut self.policy, &other.policy)
    }

    /// Starts. Does nothing unless idle.
    #[must_use]
    pub fn start(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        match self.state {
            State::Idle => self.connect_next(now, rng),
            _ => Steps::new(),
        }
    }

    /// The attempt in progress succeeded.
    pub fn opened(&mut self, now: Timestamp) {
        if let State::Connecting { server, .. } = self.state {
            self.failures = 0;
            self.tries(server, |_| 0);
            self.open(server, now);
        }
    }

    /// The better server of a [`Step::Probe`] is used from now on, in any state of the connector.
    pub fn moved(&mut self, server: usize, now: Timestamp) {
        if self.is_running() && server < self.servers.len() {
            self.failures = 0;
            self.start_over();
            self.open(server, now);
        }
    }

    fn open(&mut self, server: usize, now: Timestamp) {
        // A better server that is shunned now may be tried later.
        let probe_at = self.better(server, Timestamp::MAX);
        let probe_at = probe_at.map(|_| now + PROBE_EVERY);
        self.state = State::Open {
            server,
            since: now,
            probe_at,
        };
    }

    /// The best server of a higher weight than this one that is not shunned at `at`.
    fn better(&self, server: usize, at: Timestamp) -> Option<usize> {
        let weight = self.servers.get(server)?.weight;
        let better = self.servers.iter().enumerate();
        let better = better.filter(|(_, other)| {
            other.weight > weight && !other.taken && other.shunned_until <= at
        });
        better
            .max_by_key(|(_, other)| other.weight)
            .map(|(place, _)| place)
    }

    /// The attempt in progress failed.
    #[must_use]
    pub fn failed(
        &mut self,
        error: ConnectError,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Steps {
        let State::Connecting { server, retry, .. } = self.state else {
            return Steps::new();
        };
        self.failures = self.failures.saturating_add(1);
        if retry && !error.is_permanent() {
            self.retry_or_next(server, now, rng)
        } else {
            self.give_up(server, now, rng)
        }
    }

    /// The open connection closed. Before `opened`, the attempt failed.
    #[must_use]
    pub fn closed(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        match self.state {
            State::Open { server, since, .. } => {
                if now.saturating_since(since) >= self.stable_after() {
                    self.start_over();
                }
                self.retry_or_next(server, now, rng)
            }
            State::Connecting { .. } => self.failed(ConnectError::Other, now, rng),
            State::Idle | State::Waiting { .. } => Steps::new(),
        }
    }

    /// A registration over the open connection failed: it got no answer, or a failure of the server, or the connection
    /// is being lost meanwhile. Returns whether the connector leaves this server, which requires a second such failure in
    /// a row and another server: close the connection and call [`next_server`](Self::next_server) then.
    #[must_use]
    pub fn not_served(&mut self, now: Timestamp) -> bool {
        let State::Open { server: place, .. } = self.state else {
            return false;
        };
        let mut others = self.servers.iter().enumerate();
        let has_other = others.any(|(other, server)| other != place && !server.taken);
        let Some(server) = self.servers.get_mut(place) else {
            return false;
        };
        server.unserved = server.unserved.saturating_add(1);
        if server.unserved < TRIES_TO_REGISTER || !has_other {
            return false;
        }
        let times = 1_u32.checked_shl(server.left).unwrap_or(u32::MAX);
        server.shunned_until = now + SHUNNED_FOR.saturating_mul(times).min(SHUNNED_MAX);
        server.left = server.left.saturating_add(1);
        server.unserved = 0;
        true
    }

    /// A registration over the open connection succeeded.
    pub fn served(&mut self) {
        if let State::Open { server, .. } = self.state
            && let Some(server) = self.servers.get_mut(server)
        {
            (server.unserved, server.left) = (0, 0);
            server.shunned_until = Timestamp::ZERO;
        }
    }

    /// The open connection is closed, because its server is of no use: goes to the next one.
    #[must_use]
    pub fn next_server(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        match self.state {
            State::Open { server, .. } => self.give_up(server, now, rng),
            _ => Steps::new(),
        }
    }

    /// The time is `now`. A wait that ends leads to an attempt; an attempt that took too long is abandoned
    /// and counts as failed.
    #[must_use]
    pub fn tick(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        match self.state {
            State::Waiting { until, .. } if until <= now => self.kick(now, rng),
            State::Connecting { deadline, .. } if deadline <= now => {
                let mut steps: Steps = smallvec![Step::Abandon];
                steps.extend(self.failed(ConnectError::Timeout, now, rng));
                steps
            }
            State::Open {
                server,
                since,
                probe_at: Some(at),
            } if at <= now => {
                self.state = State::Open {
                    server,
                    since,
                    probe_at: Some(now + PROBE_EVERY),
                };
                let better = self.better(server, now);
                better
                    .map(|server| Step::Probe { server })
                    .into_iter()
                    .collect()
            }
            _ => Steps::new(),
        }
    }

    /// The network of the host changed, so what the connector knows about the reachability of servers is obsolete: it clears
    /// the marks, and the counts of retries, rounds and failures. A server that [`not_served`](Self::not_served) has shunned
    /// stays shunned, because the network was not at fault.
    ///
    /// | state | steps |
    /// |---|---|
    /// | idle | none |
    /// | connecting | `Abandon`, then `Connect` to the best server, because the attempt may wait on an interface that is gone |
    /// | waiting to retry a server | `Connect` to that server |
    /// | waiting to recover | `Connect` to the best server |
    /// | open | none; a better server is due with the next tick |
    #[must_use]
    pub fn network_changed(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        self.start_over();
        self.failures = 0;
        for server in &mut self.servers {
            server.tries = 0;
        }
        match &mut self.state {
            State::Idle => Steps::new(),
            State::Connecting { .. } => {
                let mut steps: Steps = smallvec![Step::Abandon];
                steps.extend(self.connect_next(now, rng));
                steps
            }
            State::Waiting { .. } => self.kick(now, rng),
            State::Open { probe_at, .. } => {
                *probe_at = probe_at.map(|_| now);
                Steps::new()
            }
        }
    }

    /// Ends a wait at once, for example after a wake-up. Does nothing in other states.
    #[must_use]
    pub fn kick(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        match self.state {
            State::Waiting {
                server: Some(server),
                ..
            } => self.connect(server, true, now),
            State::Waiting { server: None, .. } => self.connect_next(now, rng),
            State::Idle | State::Connecting { .. } | State::Open { .. } => Steps::new(),
        }
    }

    /// Stops and forgets everything. An attempt in progress is abandoned; the caller closes an open
    /// connection.
    #[must_use]
    pub fn stop(&mut self) -> Steps {
        let steps = match self.state {
            State::Connecting { .. } => smallvec![Step::Abandon],
            _ => Steps::new(),
        };
        self.start_over();
        self.failures = 0;
        for server in &mut self.servers {
            (server.tries, server.unserved, server.left) = (0, 0, 0);
            server.shunned_until = Timestamp::ZERO;
        }
        self.state = State::Idle;
        steps
    }

    /// Whether another flow of the same agent is up; the waits of RFC 5626 section 4.5 are longer then.
    pub fn other_flows_up(&mut self, up: bool) {
        self.other_flows_up = up;
    }

    /// The servers that other flows of the same agent use, which this flow does not use (RFC 5626 section
    /// 4.2.1: one flow to each). Takes effect with the next choice of a server.
    pub fn share(&mut self, taken: &[usize]) {
        for (place, server) in self.servers.iter_mut().enumerate() {
            server.taken = taken.contains(&place);
        }
    }

    /// The server of this flow, which other flows do not use: in use, being tried, or to be tried again.
    #[must_use]
    pub const fn holds(&self) -> Option<usize> {
        match self.state {
            State::Connecting { server, .. } | State::Open { server, .. } => Some(server),
            State::Waiting { server, .. } => server,
            State::Idle => None,
        }
    }

    /// Whether it was started and not stopped.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    /// When to call [`tick`](Self::tick).
    #[must_use]
    pub const fn next_tick(&self) -> Option<Timestamp> {
        match self.state {
            State::Idle => None,
            State::Open { probe_at, .. } => probe_at,
            State::Connecting { deadline, .. } => Some(deadline),
            State::Waiting { until, .. } => Some(until),
        }
    }

    /// The server whose connection is open, or being opened.
    #[must_use]
    pub const fn server(&self) -> Option<usize> {
        match self.state {
            State::Connecting { server, .. } | State::Open { server, .. } => Some(server),
            State::Idle | State::Waiting { .. } => None,
        }
    }

    /// Whether a connection is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    fn stable_after(&self) -> Duration {
        self.policy
            .reconnection_timeout
            .max(self.policy.recovery_min)
    }

    fn start_over(&mut self) {
        self.retries = 0;
        self.rounds = 0;
        self.clear_marks();
    }

    fn clear_marks(&mut self) {
        for server in &mut self.servers {
            server.failed = false;
        }
    }

    fn tries(&mut self, server: usize, change: impl FnOnce(u32) -> u32) -> u32 {
        match self.servers.get_mut(server) {
            Some(server) => {
                server.tries = change(server.tries);
                server.tries
            }
            None => 0,
        }
    }

    fn connect(&mut self, server: usize, retry: bool, now: Timestamp) -> Steps {
        let deadline = now + self.policy.connect_timeout;
        self.state = State::Connecting {
            server,
            deadline,
            retry,
        };
        let attempt = self.tries(server, |tries| tries.saturating_add(1));
        smallvec![Step::Connect { server, attempt }]
    }

    fn wait(&mut self, wait: Duration, server: Option<usize>, now: Timestamp) -> Steps {
        let until = now + wait;
        self.state = State::Waiting { until, server };
        smallvec![Step::Wait {
            until,
            attempt: self.failures
        }]
    }

    fn retry_or_next(&mut self, server: usize, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        if self.retries >= self.policy.max_reconnection {
            return self.give_up(server, now, rng);
        }
        self.retries += 1;
        let wait = if self.retries == 1 {
            between(rng, Duration::ZERO, FIRST_RETRY)
        } else {
            let fifth = self.policy.reconnection_timeout / 5;
            let timeout = self.policy.reconnection_timeout;
            between(
                rng,
                timeout.saturating_sub(fifth),
                timeout.saturating_add(fifth),
            )
        };
        self.wait(wait, Some(server), now)
    }

    fn give_up(&mut self, server: usize, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        if let Some(server) = self.servers.get_mut(server) {
            server.failed = true;
        }
        if self.servers.iter().any(Server::is_usable) {
            return self.connect_next(now, rng);
        }
        self.recover(now, rng)
    }

    /// All servers have failed: clears the marks and waits.
    fn recover(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        self.clear_marks();
        let wait = self.recovery_wait(rng);
        self.rounds = self.rounds.saturating_add(1);
        self.wait(wait, None, now)
    }

    fn recovery_wait(&self, rng: &mut dyn CryptoRng) -> Duration {
        let doubled = |base: Duration, times: u32| {
            let factor = 1_u64.checked_shl(times).unwrap_or(u64::MAX);
            Duration::from_micros(micros(base).saturating_mul(factor))
        };
        if self.policy.outbound_schedule {
            let base = if self.other_flows_up {
                OUTBOUND_BASE_NOT_FAILED
            } else {
                OUTBOUND_BASE_ALL_FAILED
            };
            let longest = doubled(base, self.rounds.saturating_add(1)).min(OUTBOUND_MAX);
            return between(rng, longest / 2, longest);
        }
        let (shortest, longest) = (self.policy.recovery_min, self.policy.recovery_max);
        between(rng, shortest, doubled(shortest, self.rounds).min(longest))
    }

    /// Connects to the highest weight that has not failed, ties at random; to a shunned one only if there is no other.
    fn connect_next(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Steps {
        let is_shunned = |server: &Server| server.shunned_until > now;
        let mut usable = self.servers.iter().filter(|server| server.is_usable());
        let all_shunned = usable.all(is_shunned);
        let is_usable =
            |server: &Server| server.is_usable() && (all_shunned || !is_shunned(server));
        let usable = self.servers.iter().filter(|server| is_usable(server));
        let Some(best) = usable.map(|server| server.weight).max() else {
            return self.recover(now, rng);
        };
        let is_best = |server: &Server| is_usable(server) && server.weight == best;
        let ties = self.servers.iter().filter(|server| is_best(server)).count();
        let chosen = crate::rand::below(rng, ties as u64) as usize;
        let mut places = self
            .servers
            .iter()
            .enumerate()
            .filter(|(_, server)| is_best(server))
            .map(|(place, _)| place);
        let server = places.nth(chosen).unwrap_or_default();
        self.retries = 0;
        self.connect(server, false, now)
    }
}

#[cfg(test)]
mod tests;
