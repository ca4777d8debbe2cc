//! The edge without I/O: inputs in, actions out.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use rand_core::{CryptoRng, SeedableRng};
use sip_core::auth::DigestServer;
use sip_core::transaction::{
    Output, SendError, ServerTransactionId, TimerC, TimerSettings, TransactionLayer,
    TransactionSettings,
};
use sip_core::{Backpressure, ConnectionId, ConnectionInfo, Limits, Timestamp, Transport};
use sip_parse::{Builder, HeaderName, Method, Request, StatusCode};

use crate::calls::Calls;
use crate::config::{Domain, EdgeConfig, EdgeConfigError};
use crate::counters::{Counters, Gauges};
use crate::event::{CutReason, EdgeAction, EdgeEvent, EventPackage, RemovalReason};
use crate::flow::FlowTokens;
use crate::fork::Forward;
use crate::location::{Change, ChangeKind, Location};
use crate::mailbox::Mailbox;
use crate::publications::Publications;
use crate::watchers::{WatcherRules, Watchers};

/// How many bindings or branches one tick may end. The host ticks again while something is due.
const BATCH: usize = 64;

/// Timer C: how long a forwarded INVITE may wait for a final response after its last provisional one; more than
/// three minutes (RFC 3261 section 16.6 step 11).
const TIMER_C: Duration = Duration::from_secs(181);

/// A registrar and proxy for one set of users. It reaches each user over the connection of its REGISTER.
///
/// It does no I/O and has no clock: the host passes inputs with the time, and carries out the actions that
/// [`Edge::poll_action`] returns. It is built on [`TransactionLayer`]; the notifier of the event packages that it serves is an
/// [`Endpoint`](sip_core::endpoint::Endpoint) behind it.
pub struct Edge {
    pub(crate) layer: TransactionLayer<Tag>,
    pub(crate) config: EdgeConfig,
    pub(crate) domain: Domain,
    pub(crate) digest: DigestServer,
    pub(crate) tokens: FlowTokens,
    pub(crate) location: Location,
    pub(crate) peers: BTreeMap<u64, Peer>,
    pub(crate) forwards: BTreeMap<u64, Forward>,
    /// The forwarded request of a server transaction.
    pub(crate) servers: BTreeMap<ServerTransactionId, u64>,
    pub(crate) next_forward: u64,
    /// Timer C of the branches of forwarded INVITEs, by request and branch.
    pub(crate) timer_c: TimerC<(u64, usize)>,
    pub(crate) counters: Counters,
    pub(crate) calls: Calls,
    /// The notifier of the event packages that the edge serves, and the proxy's end of its connection.
    pub(crate) watchers: Watchers,
    pub(crate) notifier: ConnectionId,
    pub(crate) publications: Publications,
    /// The messages that wait for each user.
    pub(crate) messages: BTreeMap<String, MessagesWaiting>,
    pub(crate) mailbox: Mailbox,
    /// Users with a new binding.
    pub(crate) arrived: Vec<String>,
    actions: VecDeque<EdgeAction>,
    now: Timestamp,
}

/// A connection and the user at its other end.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    /// The address at its other end, if the host knows it.
    remote: Option<SocketAddr>,
    /// The user that has authenticated on it.
    pub(crate) user: Option<String>,
    /// The user in the From of its first request, without proof; for traces only.
    pub(crate) claimed: Option<String>,
}

/// The messages that wait for a user, as the host has set them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct MessagesWaiting {
    pub(crate) new: u32,
    pub(crate) old: u32,
}

/// The purpose of a client transaction.
#[derive(Clone, Debug)]
pub(crate) enum Tag {
    /// A branch of a forwarded request.
    Branch {
        forward: u64,
        branch: usize,
        server: ServerTransactionId,
        invite: bool,
    },
    /// A stored message on its way to its user.
    Stored { user: String, number: u64 },
    /// A CANCEL of ours; the edge drops the response to it (RFC 3261 section 16.10).
    Cancel,
}

/// A failure response that the edge itself sends.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName<'static>, String)>,
}

impl From<StatusCode> for Refusal {
    fn from(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
        }
    }
}

/// The framing of the message is right, but the value of a header field is not.
impl From<sip_parse::ParseError> for Refusal {
    fn from(error: sip_parse::ParseError) -> Self {
        error.status().into()
    }
}

impl Edge {
    /// An edge for the users of `config`.
    ///
    /// The edge writes `config.listen` into Via and Record-Route, so its port should be the real one. All
    /// tokens come from `rng`.
    ///
    /// # Errors
    /// [`EdgeConfigError`] if the configuration is not valid.
    pub fn new(
        mut config: EdgeConfig,
        mut rng: Box<dyn CryptoRng + Send>,
    ) -> Result<Self, EdgeConfigError> {
        config.validate()?;
        config.sort_users();
        let tokens = FlowTokens::new(&mut *rng);
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        let mut limits = Limits::default();
        limits.message = config.limits.message;
        // A forwarded request is one server transaction, and one client transaction for each branch. Twice as
        // many leaves room for CANCELs and for transactions that have not lapsed yet.
        limits.server_transactions = config.limits.forwarded_requests.saturating_mul(2);
        limits.actions = config.limits.actions;
        limits.client_transactions = limits
            .server_transactions
            .saturating_mul(config.limits.bindings_per_user);
        let settings = TransactionSettings {
            timers: TimerSettings::default(),
            limits,
            sent_by: config.listen.to_string(),
            via_transport: None,
            rport: false,
            forwards: true,
        };
        let digest = DigestServer::new(
            &*config.realm,
            &config.algorithms,
            config.nonce_lifetime,
            key,
        );
        let mut layer = TransactionLayer::new(settings, rng);
        let info = ConnectionInfo {
            transport: Transport::Ws,
            remote: None,
        };
        let notifier = layer.accept(info);
        let rules = WatcherRules {
            shortest: config.min_expires,
            most: config.limits.subscriptions,
            message: config.limits.message,
            interval: config.notify_interval,
        };
        let mut seed = [0; 32];
        layer.rng().fill_bytes(&mut seed);
        let rng = Box::new(rand_chacha::ChaCha20Rng::from_seed(seed));
        let watchers = Watchers::new(&config.event_packages, rules, info, rng);
        let peer = Peer {
            id: notifier,
            remote: None,
            user: None,
            claimed: None,
        };
        Ok(Self {
            layer,
            domain: Domain::new(&config),
            digest: digest.map_err(EdgeConfigError::Challenge)?,
            config,
            tokens,
            location: Location::default(),
            peers: BTreeMap::from([(notifier.to_bits(), peer)]),
            forwards: BTreeMap::new(),
            servers: BTreeMap::new(),
            next_forward: 0,
            timer_c: TimerC::new(TIMER_C),
            counters: Counters::default(),
            calls: Calls::default(),
            watchers,
            notifier,
            publications: Publications::default(),
            messages: BTreeMap::new(),
            mailbox: Mailbox::default(),
            arrived: Vec::new(),
            actions: VecDeque::new(),
            now: Timestamp::ZERO,
        })
    }

    /// The host has accepted a connection. Returns its id.
    pub fn accept(&mut self, info: ConnectionInfo) -> ConnectionId {
        let remote = info.remote;
        let id = self.layer.accept(info);
        self.counters.connections_opened += 1;
        self.peers.insert(
            id.to_bits(),
            Peer {
                id,
                remote,
                user: None,
                claimed: None,
            },
        );
        id
    }

    /// One message (WebSocket) or keep-alive has arrived. Bytes from an unknown connection are ignored.
    ///
    /// # Errors
    /// [`Backpressure`] if too many actions wait to be polled. Nothing has changed then.
    pub fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: Bytes,
        now: Timestamp,
    ) -> Result<(), Backpressure> {
        if self.actions.len() >= self.config.limits.actions {
            return Err(Backpressure);
        }
        let now = self.advance(now);
        if !self.peers.contains_key(&connection.to_bits()) {
            return Ok(());
        }
        self.counters.received += 1;
        if self.config.faults.drop_bye && bytes.trim_ascii_start().starts_with(b"BYE ") {
            self.counters.dropped += 1;
            return Ok(());
        }
        // Every input empties the queue of the layer, and its connections are no streams.
        let taken = self.layer.receive(connection, bytes, now);
        self.drain(now);
        taken
    }

    /// A connection is closed. Its bindings are removed. An unknown connection is ignored.
    pub fn closed(&mut self, connection: ConnectionId, now: Timestamp) {
        let now = self.advance(now);
        self.forget(connection, now);
        self.drain(now);
    }

    /// Closes all connections of a user who authenticated on them; returns how many.
    pub fn cut(&mut self, user: &str, now: Timestamp) -> usize {
        let now = self.advance(now);
        let of_user = |peer: &&Peer| peer.user.as_deref() == Some(user);
        let connections: Vec<_> = self
            .peers
            .values()
            .filter(of_user)
            .map(|peer| peer.id)
            .collect();
        for &connection in &connections {
            self.disconnect(connection, CutReason::Requested, now);
        }
        self.drain(now);
        connections.len()
    }

    /// Time has passed. Afterwards [`Edge::next_tick`] is later than `now`, or more is due: tick again.
    pub fn tick(&mut self, now: Timestamp) {
        let now = self.advance(now);
        self.layer.tick(now);
        self.watchers.tick(now);
        self.drain(now);
        for _ in 0..BATCH {
            let Some(change) = self.location.expire(now) else {
                break;
            };
            self.report(vec![change]);
        }
        for _ in 0..BATCH {
            let Some(user) = self.publications.expire(now) else {
                break;
            };
            self.on_published(user, now);
        }
        for _ in 0..BATCH {
            let Some((forward, branch)) = self.timer_c.pop_due(now) else {
                break;
            };
            self.on_timer_c(forward, branch, now);
        }
        self.drain(now);
    }

    /// When to call [`Edge::tick`] next; `None` while nothing waits. Changes with every input.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        [
            self.layer.next_tick(),
            self.location.next_expiry(),
            self.publications.next_expiry(),
            self.watchers.next_tick(),
            self.timer_c.next(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next action to carry out. Each input may add some.
    pub fn poll_action(&mut self) -> Option<EdgeAction> {
        self.actions.pop_front()
    }

    /// The counters so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The user at the other end of a connection: the one that has authenticated there, else the one in the
    /// From of its first request.
    #[must_use]
    pub fn user(&self, connection: ConnectionId) -> Option<&str> {
        let peer = self.peers.get(&connection.to_bits())?;
        peer.user.as_deref().or(peer.claimed.as_deref())
    }

    /// The address at the other end of a connection, if it is open and the host knows it.
    #[must_use]
    pub fn remote(&self, connection: ConnectionId) -> Option<SocketAddr> {
        self.peers.get(&connection.to_bits())?.remote
    }

    /// The sizes of the tables now.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        Gauges {
            // One is that of the notifier.
            connections: self.peers.len().saturating_sub(1),
            bindings: self.location.len(),
            calls: self.calls.len(),
            forwarded_requests: self.forwards.len(),
            client_transactions: self.layer.client_transactions(),
            server_transactions: self.layer.server_transactions(),
        }
    }

    /// How many bindings a user has now.
    #[must_use]
    pub fn bindings(&self, user: &str) -> usize {
        self.location.bindings(user).count()
    }

    /// Whether no request is being forwarded and all transactions have ended.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.forwards.is_empty() && self.layer.is_idle()
    }

    /// The time of the last input.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// If the clock of the host goes back, the time stands still.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }

    /// Handles all outputs of the transaction layer and of the notifier, until both are quiet.
    pub(crate) fn drain(&mut self, now: Timestamp) {
        loop {
            self.drain_layer(now);
            // After the response to the REGISTER.
            let arrived = std::mem::take(&mut self.arrived);
            for user in &arrived {
                self.deliver_messages(user, now);
            }
            if !self.drain_watchers(now) && arrived.is_empty() {
                return;
            }
        }
    }

    fn drain_layer(&mut self, now: Timestamp) {
        while let Some(output) = self.layer.poll() {
            match output {
                Output::Transmit { connection, bytes } if connection == self.notifier => {
                    self.watchers.receive(bytes, now);
                }
                Output::Transmit { connection, bytes } => {
                    self.counters.transmitted += 1;
                    self.actions
                        .push_back(EdgeAction::Transmit { connection, bytes });
                }
                Output::Request {
                    transaction,
                    connection,
                    request,
                    cancels,
                    merged,
                } => {
                    self.note_claim(connection, &request);
                    if request.method() == Method::Cancel {
                        self.on_cancel(transaction, &request, cancels, now);
                    } else {
                        let request = Box::new(request);
                        self.on_request(transaction, connection, request, merged, now);
                    }
                }
                Output::Ack { request, .. } => self.on_ack(&request),
                Output::Response { user, response, .. } => self.on_response(&user, response, now),
                // RFC 6026 section 7.3 step 10: a response without a transaction is not forwarded.
                Output::StrayResponse { .. } => self.counters.dropped += 1,
                Output::Failed { user, error, .. } => self.on_failed(&user, error, now),
                Output::ServerFailed { transaction, .. } | Output::Unanswered { transaction } => {
                    self.on_server_failed(transaction, now);
                }
                Output::Malformed { .. } => self.counters.malformed += 1,
                Output::Ignored { .. } => self.counters.dropped += 1,
                // The layer itself answers keep-alives.
                _ => {}
            }
        }
    }

    /// Answers a request in place of a user agent.
    pub(crate) fn answer(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        status: StatusCode,
        headers: Vec<(HeaderName<'static>, String)>,
        now: Timestamp,
    ) {
        match status.as_u16() {
            401 | 407 => self.counters.challenged += 1,
            300.. => self.counters.refused += 1,
            _ => {}
        }
        // A provisional response of a proxy must not create a dialog, so it has no tag.
        let tag = status
            .is_final()
            .then(|| format!("{:016x}", self.layer.rng().next_u64()));
        let tag = tag.as_ref().map(String::as_bytes);
        let mut response = Builder::response_to(request, status, tag);
        for (name, value) in headers {
            response.append(name, value);
        }
        self.respond(transaction, response, status.is_final(), now);
    }

    /// Sends a response. A final response that cannot be written (for a value that no builder takes) becomes a
    /// plain 500, so that the transaction ends.
    pub(crate) fn respond(
        &mut self,
        transaction: ServerTransactionId,
        response: Builder<'_>,
        last: bool,
        now: Timestamp,
    ) {
        let mut sent = self.layer.respond(transaction, response, now);
        if last
            && let Err(SendError::Build(_)) = sent
            && let Some(request) = self.layer.request(transaction)
        {
            let tag = format!("{:016x}", self.layer.rng().next_u64());
            let status = StatusCode::SERVER_INTERNAL_ERROR;
            let plain = Builder::response_to(&request, status, Some(tag.as_bytes()));
            sent = self.layer.respond(transaction, plain, now);
        }
        if sent.is_err() {
            // The transaction has ended meanwhile.
            self.counters.dropped += 1;
        }
    }

    /// Closes a connection. The host does not report its end.
    pub(crate) fn disconnect(
        &mut self,
        connection: ConnectionId,
        reason: CutReason,
        now: Timestamp,
    ) {
        self.actions
            .push_back(EdgeAction::Disconnect { connection, reason });
        self.forget(connection, now);
    }

    /// Emits and counts changes of bindings.
    pub(crate) fn report(&mut self, changes: Vec<Change>) {
        for Change {
            user,
            contact,
            connection,
            kind,
        } in changes
        {
            let now = self.now;
            let remote = self.remote(connection);
            self.watchers.changed(EventPackage::Reg, &user, now);
            self.watchers.changed(EventPackage::Presence, &user, now);
            let event = match kind {
                ChangeKind::Added(expires) => {
                    self.counters.registered += 1;
                    self.arrived.push(user.clone());
                    EdgeEvent::Registered {
                        user,
                        contact,
                        connection,
                        remote,
                        expires,
                        refreshed: false,
                    }
                }
                ChangeKind::Refreshed(expires) => {
                    self.counters.refreshed += 1;
                    EdgeEvent::Registered {
                        user,
                        contact,
                        connection,
                        remote,
                        expires,
                        refreshed: true,
                    }
                }
                ChangeKind::Removed(reason) => {
                    match reason {
                        RemovalReason::Requested => self.counters.unregistered += 1,
                        _ => self.counters.bindings_lost += 1,
                    }
                    EdgeEvent::Unregistered {
                        user,
                        contact,
                        reason,
                    }
                }
            };
            self.event(event);
        }
    }

    pub(crate) fn event(&mut self, event: EdgeEvent) {
        self.actions.push_back(EdgeAction::Event(event));
    }

    fn forget(&mut self, connection: ConnectionId, now: Timestamp) {
        if self.peers.remove(&connection.to_bits()).is_some() {
            self.counters.connections_closed += 1;
            let peers = &self.peers;
            let is_open = |end: ConnectionId| peers.contains_key(&end.to_bits());
            for (call, since) in self.calls.connection_closed(connection, is_open) {
                self.counters.calls_lost += 1;
                let duration = now.saturating_since(since);
                self.event(EdgeEvent::CallLost { call, duration });
            }
            let changes = self.location.connection_closed(connection);
            self.report(changes);
            self.layer.closed(connection, now);
        }
    }

    fn note_claim(&mut self, connection: ConnectionId, request: &Request) {
        let Some(peer) = self.peers.get_mut(&connection.to_bits()) else {
            return;
        };
        if peer.claimed.is_none() {
            let user = request
                .from()
                .ok()
                .and_then(|from| self.domain.user(from.uri()));
            // Only configured names, which bounds what a trace prints.
            peer.claimed = user.filter(|user| self.config.password(user).is_some());
        }
    }
}
