//! The endpoint: its tables, its clock, its queue of actions, its records.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use bytes::Bytes;
use rand_core::CryptoRng;

use super::conduct::{self, Conduct};
use super::counters::Counters;
use super::flow::Flow;
use super::identity::Identity;
use super::late_prack::LatePracks;
use super::owner::{DialogUsage, Sent, TimerOwner};
use super::queue::{Queue, QueueRoom};
use super::settings::{Behaviour, ChallengeSettings, EndpointSettings};
use crate::action::Action;
use crate::auth::{Credentials, DigestClient, DigestPolicy};
use crate::body::ACCEPT;
use crate::config::Support;
use crate::connection::ConnectionInfo;
use crate::dialog::DialogLayer;
use crate::error::Backpressure;
use crate::ids::ConnectionId;
use crate::limits::Limits;
use crate::rare::Rare;
use crate::record::Direction;
use crate::share::share;
use crate::time::{Timestamp, earlier};
use crate::timer::Timers;
use crate::transaction::{TimerSettings, TransactionLayer, TransactionSettings};

/// The option tag of reliable provisional responses (RFC 3262 section 8.1).
pub(crate) const RELIABLE: &str = "100rel";

/// The option tag of Replaces (RFC 3891 section 6.2).
pub(crate) const REPLACES: &str = "replaces";

/// The shared base of calls, registration and requests: one transaction layer, one dialog layer, one heap of
/// deadlines, one queue of actions.
///
/// [`UserAgent`](crate::UserAgent) contains one. With a [`SessionLayer`](crate::session::SessionLayer) it is
/// usable alone, as for a back-to-back user agent: see `examples/b2bua.rs`. The host opens connections and
/// registers them with [`accept`](Self::accept); a call goes out on the connection that the host passes to
/// [`SessionLayer::invite`](crate::session::SessionLayer::invite). A command of a layer takes the time of the last input or
/// tick; so a host that gives one after a silence ticks first.
pub struct Endpoint {
    pub(super) behaviour: Arc<Conduct>,
    /// Boxed, as credentials, digest and late PRACKs, because an agent has 512 bytes at most.
    pub(crate) identity: Box<Identity>,
    pub(crate) credentials: Option<Box<Credentials>>,
    pub(crate) layer: TransactionLayer<Sent, Queue>,
    pub(crate) dialogs: Box<DialogLayer<DialogUsage>>,
    pub(crate) digest: Box<DigestClient>,
    pub(crate) timers: Timers<TimerOwner>,
    /// The flow in use, which carries the requests. `None` without a flow, and where each call has its own
    /// connection.
    pub(crate) flow: Option<Flow>,
    /// Whether the registration on `flow` has succeeded or failed, or is not wanted.
    pub(crate) ready: bool,
    /// The number of commands that have had to wait for a connection.
    pub(super) sequence: u64,
    /// The Service-Route of the last accepted REGISTER on `flow` (RFC 3608), as Route values.
    pub(crate) service_route: Box<[Box<[u8]>]>,
    /// The BYEs to branches of forks that have no outcome yet.
    pub(super) branch_byes: u32,
    /// The PRACKs of calls that are over.
    pub(super) late: Rare<LatePracks>,
    pub(crate) now: Timestamp,
}

impl Endpoint {
    /// Makes an endpoint without connections. `rng` is a generator fit for cryptography, which the host seeds
    /// from the operating system's entropy, because every tag, branch and key comes from it. `now` is the
    /// host's clock.
    #[must_use]
    pub fn new(
        mut settings: EndpointSettings,
        mut rng: Box<dyn CryptoRng + Send>,
        now: Timestamp,
    ) -> Self {
        let supported = &mut settings.identity.supported;
        for (tag, support) in [
            (RELIABLE, settings.behaviour.reliable_provisionals),
            (REPLACES, settings.behaviour.replaces),
        ] {
            supported.retain(|other| !other.eq_ignore_ascii_case(tag));
            if support != Support::None {
                supported.push(tag.into());
            }
        }
        let identity = Identity::new(&settings.identity, &mut *rng);
        let limits = settings.limits;
        let dialogs = DialogLayer::new(limits.forks, limits.routes, &mut *rng);
        let transactions = TransactionSettings {
            timers: settings.timers,
            limits: Limits {
                // Each call has a deadline of its own.
                invite_lifetime: Duration::MAX,
                ..limits
            },
            sent_by: identity.host().into(),
            via_transport: settings.via_transport,
            rport: settings.rport,
            forwards: false,
        };
        let queue = Queue::new(&settings.behaviour, &limits);
        let policy = digest_policy(settings.challenges, &limits, &identity);
        Self {
            behaviour: Arc::new(Conduct::new(settings.behaviour, &identity.supported)),
            identity: Box::new(identity),
            credentials: settings.credentials.map(Box::new),
            layer: TransactionLayer::with_outbox(transactions, rng, queue),
            dialogs: Box::new(dialogs),
            digest: Box::new(DigestClient::new(policy)),
            timers: Timers::new(),
            flow: None,
            ready: false,
            sequence: 0,
            service_route: Box::default(),
            branch_byes: 0,
            late: Rare::new(),
            now,
        }
    }

    /// Takes an open connection and returns its handle.
    pub fn accept(&mut self, info: ConnectionInfo) -> ConnectionId {
        self.layer.accept(info)
    }

    /// Names the server behind an open connection. Connections with equal names and transports lead to one server,
    /// so that the credentials for its registrar and its proxies outlive a connection. Without a name each
    /// connection leads to a server of its own.
    pub fn name_server(&mut self, connection: ConnectionId, name: &str) {
        if let Some(info) = self.layer.info(connection) {
            let name = format!("{} {name}", info.transport.via_token());
            self.layer.name_server(connection, name.into());
        }
    }

    /// The name of the server behind a connection.
    pub(super) fn server_name(&self, connection: ConnectionId) -> Box<str> {
        let named = self.layer.server_name(connection);
        named.map_or_else(
            || format!("#{}", connection.to_bits()).into(),
            |name| name.into(),
        )
    }

    /// Takes the loss of a connection: client transactions on it fail at once; server transactions can no
    /// longer answer.
    pub fn closed(&mut self, connection: ConnectionId, now: Timestamp) {
        self.advance(now);
        self.layer.closed(connection, self.now);
    }

    /// Takes bytes that arrived on a connection: one WebSocket message, one datagram, or a part of a stream.
    /// The endpoint ignores late bytes of a closed connection.
    ///
    /// # Errors
    /// [`Backpressure`] if the queue of actions is full, or messages of an earlier part of this stream still wait for room
    /// in it; the endpoint is unchanged then. Responses have twice the room, because they only shrink state.
    pub fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: Bytes,
        now: Timestamp,
    ) -> Result<(), Backpressure> {
        self.check_room(connection, &bytes)?;
        self.advance(now);
        if self.layer.info(connection).is_none() {
            self.queue().counters.rare().ignored += 1;
            return Ok(());
        }
        self.queue().counters.received();
        self.queue().trace(Direction::Received, connection, &bytes);
        self.layer.take(connection, bytes, self.now);
        Ok(())
    }

    /// Whether the queue of actions has room for the consequences of `bytes`.
    pub(crate) fn check_room(
        &self,
        connection: ConnectionId,
        bytes: &[u8],
    ) -> Result<(), Backpressure> {
        let only_frees = bytes.starts_with(b"SIP/2.0 ");
        let takes_more = self.layer.outbox.takes_more(only_frees);
        let has_room = takes_more && !self.layer.has_unread(connection);
        has_room.then_some(()).ok_or(Backpressure)
    }

    /// Whether the queue of actions has room for a command.
    pub(crate) fn check_queue(&self) -> Result<(), Backpressure> {
        let has_room = self.layer.outbox.takes_more(false);
        has_room.then_some(()).ok_or(Backpressure)
    }

    /// Returns the next action for the host to carry out; `None` until the next input. Constant time.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.queue().pop()
    }

    /// The next deadline of transactions and timers, on the host's clock; `None` while none is pending, and while the
    /// queue of actions is at twice its limit. Constant time. It is due at once while messages of a stream wait for a tick,
    /// because the queue had no room for them.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        if self.is_overfull() {
            return None;
        }
        earlier(self.layer.unread_since(), self.deadline())
    }

    /// Whether the queue of actions is so full that nothing is due until the host polls.
    pub(crate) fn is_overfull(&self) -> bool {
        !self.layer.outbox.takes_more(true)
    }

    /// The next deadline of transactions and timers.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        earlier(self.layer.deadline(), self.timers.next())
    }

    /// The counters since the endpoint was made.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.layer.outbox.counters.all()
    }

    /// The numbers of client transactions, server transactions, local ends of dialogs and timers, in this
    /// order.
    #[must_use]
    pub fn table_sizes(&self) -> [usize; 4] {
        [
            self.layer.client_transactions(),
            self.layer.server_transactions(),
            self.dialogs.len(),
            self.timers.len(),
        ]
    }

    /// Raises the clock to `now`: time never goes back.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// The timers of RFC 3261 table 4.
    pub(crate) fn timer_settings(&self) -> TimerSettings {
        self.layer.timers()
    }

    /// The value of Allow (RFC 3261 section 20.5).
    pub(crate) fn allow(&self) -> &'static str {
        conduct::allow(&self.behaviour)
    }

    /// The methods of extensions that the application answers within calls, as a further row of Allow.
    pub(crate) fn extra_allow(&self) -> Option<String> {
        let methods = &self.behaviour.extensions.methods;
        (!methods.is_empty()).then(|| methods.join(", "))
    }

    /// The media types that an INVITE may carry, as a value of Accept (RFC 3261 section 20.1).
    pub(crate) fn accept_types(&self) -> Cow<'static, str> {
        self.with_accepted_bodies(ACCEPT)
    }

    /// The media types of `own` and those that the application reads.
    pub(crate) fn with_accepted_bodies(&self, own: &'static str) -> Cow<'static, str> {
        conduct::accept(&self.behaviour, own)
    }

    /// The info packages of this side, as a value of Recv-Info; `None` if the application takes none (RFC 6086 section
    /// 4.2.1).
    pub(crate) fn recv_info(&self) -> Option<String> {
        let packages = &self.behaviour.extensions.info_packages;
        (!packages.is_empty()).then(|| packages.join(", "))
    }

    /// Whether the application takes an info package. Package names compare with case, as tokens of extensions that do not
    /// say otherwise (RFC 6086 section 7.2).
    pub(crate) fn takes_package(&self, package: &[u8]) -> bool {
        let mut packages = self.behaviour.extensions.info_packages.iter();
        packages.any(|known| known.as_bytes() == package)
    }

    /// The event packages of which the application is the notifier, as a value of Allow-Events; `None` if there are none (RFC
    /// 6665 section 4.4.4).
    pub(crate) fn allow_events(&self) -> Option<String> {
        let packages = &self.behaviour.extensions.event_packages;
        (!packages.is_empty()).then(|| packages.join(", "))
    }

    /// Whether the application is the notifier of an event package. Package names compare with case (RFC 6665 section 8.2.1).
    pub(crate) fn takes_event_package(&self, package: &[u8]) -> bool {
        let mut packages = self.behaviour.extensions.event_packages.iter();
        packages.any(|known| known.as_bytes() == package)
    }

    /// The queue of actions, which is the outbox of the transaction layer.
    pub(super) fn queue(&mut self) -> &mut Queue {
        &mut self.layer.outbox
    }

    /// Takes out the memory of the queue of actions, if nothing waits in it.
    pub(crate) fn take_room(&mut self) -> Option<Box<QueueRoom>> {
        self.queue().take_room()
    }

    /// Gives the queue of actions memory, unless it has its own.
    pub(crate) fn lend_room(&mut self, spare: impl FnOnce() -> Option<Box<QueueRoom>>) {
        self.queue().lend_room(spare);
    }

    /// Frees the memory of tables that are empty, at a time after which the agent may be idle for long.
    pub(crate) fn shrink(&mut self) {
        self.layer.shrink();
        self.dialogs.shrink();
        self.timers.shrink();
    }

    /// Shares the settings of another endpoint that are equal; returns whether all are.
    pub(crate) fn share_settings(&mut self, other: &Self) -> bool {
        let behaviour = share(&mut self.behaviour, &other.behaviour);
        let layer = self.layer.share_settings(&other.layer);
        let digest = self.digest.share_settings(&other.digest);
        let domain = self.identity.share_domain(&other.identity);
        behaviour && layer && digest && domain
    }

    /// How the endpoint behaves.
    pub(crate) fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// Changes how the endpoint behaves from now on.
    pub(crate) fn behave(&mut self, behaviour: Behaviour) {
        self.queue().behave(&behaviour);
        let behaviour = Behaviour {
            // Supported does not change either.
            reliable_provisionals: self.behaviour.reliable_provisionals,
            replaces: self.behaviour.replaces,
            ..behaviour
        };
        self.behaviour = Arc::new(Conduct::new(behaviour, &self.identity.supported));
    }

    /// The limits, which the transaction layer keeps.
    pub(crate) fn limits(&self) -> &Limits {
        self.layer.limits()
    }

    /// Queues an action for the host.
    pub(crate) fn act(&mut self, action: Action) {
        self.queue().push(action);
    }

    /// Counts a challenge that found no room.
    pub(crate) fn count_refused_challenge(&mut self) {
        self.queue().counters.rare().challenges_refused += 1;
    }
}

/// The policy of the digest client: the domain of the account is an own realm, as configured and in lower case.
fn digest_policy(
    settings: ChallengeSettings,
    limits: &Limits,
    identity: &Identity,
) -> DigestPolicy {
    let mut own_realms = settings.own_realms;
    for own in [&identity.aor, &identity.registrar] {
        let host = own.as_uri().host_bytes();
        // Realms compare exactly, hosts do not: servers name theirs in lower case as a rule.
        for host in [host.to_vec(), host.to_ascii_lowercase()] {
            own_realms.push(String::from_utf8_lossy(&host).into());
        }
    }
    own_realms.retain(|realm| !realm.is_empty());
    own_realms.dedup();
    DigestPolicy {
        spaces: limits.protection_spaces,
        space_bytes: limits.protection_space_bytes,
        request_bytes: limits.credential_bytes,
        weakest: settings.weakest,
        own_realms,
        peer_realms: settings.peer_realms,
        weakest_of_peers: settings.weakest_of_peers,
        ..DigestPolicy::default()
    }
}
