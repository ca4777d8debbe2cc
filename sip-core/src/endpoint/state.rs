//! The endpoint itself: its tables, its clock, its queue of actions, its records.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use rand_core::CryptoRng;

use super::flow::Flow;
use super::identity::Identity;
use super::owner::{DialogUsage, Sent, TimerOwner};
use super::settings::{Behaviour, EndpointSettings};
use crate::action::Action;
use crate::auth::{Credentials, DigestClient, DigestPolicy};
use crate::config::LogLevel;
use crate::connection::ConnectionInfo;
use crate::dialog::DialogLayer;
use crate::error::Backpressure;
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::limits::Limits;
use crate::record::{Direction, LogContent, LogRecord, TraceRecord};
use crate::time::Timestamp;
use crate::timer::Timers;
use crate::transaction::{TimerSettings, TransactionLayer, TransactionSettings};

/// Methods that are answered, in the order in which Allow lists them. By index: the application takes requests (1), takes a REFER (2).
const ALLOW: [&str; 4] = [
    "INVITE, ACK, CANCEL, BYE, OPTIONS",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, INFO, NOTIFY",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, REFER",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, INFO, NOTIFY, REFER",
];

/// Counts of what passed, for operators.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Counters {
    /// Messages and keep-alives received.
    pub received: u64,
    /// Messages and keep-alives sent, repeats included.
    pub transmitted: u64,
    /// Received bytes that were no acceptable message.
    pub malformed: u64,
    /// Of these, requests that were answered.
    pub malformed_answered: u64,
    /// Messages that were read and dropped.
    pub ignored: u64,
    /// Requests that the core refused by itself.
    pub refused: u64,
    /// Responses whose Authentication-Info is malformed, or does not prove that the server knows the secret
    /// too (RFC 7616 section 3.5: rspauth). They count as what their status says.
    pub authentication_info_failures: u64,
    /// Log and trace records that were dropped because the queue was full.
    pub records_dropped: u64,
}

/// The floor that calls, registration and requests stand on: one transaction layer, one dialog layer, one heap of
/// deadlines, one queue of actions.
///
/// [`UserAgent`](crate::UserAgent) has one inside. With a [`SessionLayer`](crate::session::SessionLayer) it is usable alone, as for a
/// back-to-back user agent: see `examples/b2bua.rs`. The host opens connections and names them by
/// [`accept`](Self::accept); a call goes out on the connection that
/// [`SessionLayer::invite`](crate::session::SessionLayer::invite) names.
pub struct Endpoint {
    pub(crate) behaviour: Behaviour,
    pub(crate) limits: Limits,
    pub(crate) identity: Identity,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) layer: TransactionLayer<Sent>,
    pub(crate) dialogs: DialogLayer<DialogUsage>,
    pub(crate) digest: DigestClient,
    pub(crate) timers: Timers<TimerOwner>,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) counters: Counters,
    /// The flow in use: requests go there. `None` without one, and where each call has its own connection.
    pub(crate) flow: Option<Flow>,
    /// The registration on `flow`, if one is wanted, has succeeded or failed.
    pub(crate) ready: bool,
    /// How many commands have had to wait for a connection.
    pub(super) sequence: u64,
    /// Of the last REGISTER that was accepted on `flow` (RFC 3608), as Route values.
    pub(crate) service_route: Vec<Box<[u8]>>,
    pub(crate) now: Timestamp,
}

impl Endpoint {
    /// An endpoint without connections. Takes a generator fit for cryptography, seeded by the host from the operating system's
    /// entropy: every tag, branch and key comes from it.
    #[must_use]
    pub fn new(
        settings: EndpointSettings,
        mut rng: Box<dyn CryptoRng + Send>,
        now: Timestamp,
    ) -> Self {
        let identity = Identity::new(&settings.identity, &mut *rng);
        let limits = settings.limits;
        let dialogs = DialogLayer::new(limits.forks, limits.routes, &mut *rng);
        let transactions = TransactionSettings {
            timers: settings.timers,
            limits,
            sent_by: identity.host.as_ref().into(),
            via_transport: settings.via_transport,
            rport: settings.rport,
            forwards: false,
        };
        Self {
            behaviour: settings.behaviour,
            limits,
            identity,
            credentials: settings.credentials,
            layer: TransactionLayer::new(transactions, rng),
            dialogs,
            digest: DigestClient::new(DigestPolicy::default()),
            timers: Timers::new(),
            actions: VecDeque::new(),
            counters: Counters::default(),
            flow: None,
            ready: false,
            sequence: 0,
            service_route: Vec::new(),
            now,
        }
    }

    /// Names a connection that is open.
    pub fn accept(&mut self, info: ConnectionInfo) -> ConnectionId {
        self.layer.accept(info)
    }

    /// A connection is gone: client transactions on it fail at once, server transactions cannot answer any more.
    pub fn closed(&mut self, connection: ConnectionId, now: Timestamp) {
        self.advance(now);
        self.layer.closed(connection, self.now);
    }

    /// Bytes came on a connection: one WebSocket message, one datagram, or a part of a stream. Late bytes of a closed connection are
    /// ignored.
    ///
    /// # Errors
    /// [`Backpressure`] if the queue of actions is full; nothing has changed then. Responses have as much room again, because they only
    /// shrink state.
    pub fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: Bytes,
        now: Timestamp,
    ) -> Result<(), Backpressure> {
        self.check_room(&bytes)?;
        self.advance(now);
        if self.layer.info(connection).is_none() {
            self.counters.ignored += 1;
            return Ok(());
        }
        self.counters.received += 1;
        self.trace(Direction::Received, connection, &bytes);
        self.layer.receive(connection, bytes, self.now);
        Ok(())
    }

    /// Whether the queue of actions has room for what `bytes` may bring about.
    pub(crate) fn check_room(&self, bytes: &[u8]) -> Result<(), Backpressure> {
        let full = self.actions.len() >= self.limits.actions.saturating_mul(2);
        if full || !bytes.starts_with(b"SIP/2.0 ") {
            self.check_queue()?;
        }
        Ok(())
    }

    /// Whether the queue of actions has room for a command.
    pub(crate) fn check_queue(&self) -> Result<(), Backpressure> {
        if self.actions.len() >= self.limits.actions {
            Err(Backpressure)
        } else {
            Ok(())
        }
    }

    /// The next thing for the host to carry out; `None` when there is nothing until the next input. Constant time.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next deadline of transactions and timers; `None` while nothing is pending. Constant time.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        match (self.layer.next_tick(), self.timers.next()) {
            (Some(layer), Some(timers)) => Some(layer.min(timers)),
            (layer, timers) => layer.or(timers),
        }
    }

    /// Counts of what passed.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// How many client transactions, server transactions, local ends of dialogs and timers there are.
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
        let behaviour = &self.behaviour;
        ALLOW[usize::from(behaviour.takes_requests) + 2 * usize::from(behaviour.takes_refer)]
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.actions.push_back(Action::Event(event));
    }

    pub(crate) fn log(
        &mut self,
        level: LogLevel,
        category: &'static str,
        label: u64,
        content: LogContent,
    ) {
        let enabled = self.behaviour.log_level;
        if level > enabled {
            return;
        }
        // Labels identify single transactions and calls; only the debug level needs them.
        let label = if enabled == LogLevel::Debug { label } else { 0 };
        self.push_record(Action::Log(LogRecord {
            level,
            category,
            label,
            content,
        }));
    }

    pub(crate) fn trace(&mut self, direction: Direction, connection: ConnectionId, bytes: &Bytes) {
        if self.behaviour.trace {
            self.push_record(Action::Trace(TraceRecord {
                direction,
                connection,
                reveal: self.behaviour.trace_credentials,
                bytes: bytes.clone(),
            }));
        }
    }

    /// Counts a message that was dropped, and logs the cause.
    pub(crate) fn ignored(&mut self, why: &'static str) {
        self.counters.ignored += 1;
        self.log(LogLevel::Debug, "sip.ua", 0, LogContent::Ignored(why));
    }

    /// Records may be lost, events and bytes never.
    fn push_record(&mut self, record: Action) {
        if self.actions.len() < self.limits.actions {
            self.actions.push_back(record);
        } else {
            self.counters.records_dropped += 1;
        }
    }
}
