//! Spans of `tracing`, so that a run can be read afterwards by agent, registration, call, request and transaction.
//!
//! | span | target and level | fields | from | to |
//! |---|---|---|---|---|
//! | `agent` | `sip`, INFO | `aor` | the first record | the end of the agent |
//! | `registration` | `sip.registration`, INFO | | the first outcome of a REGISTER | the binding is gone, or the agent stops |
//! | `call` | `sip.session`, INFO | `id`, `direction`, `peer`, `call_id` | the record that it begins | `Ended` |
//! | `request` | `sip.ua`, INFO | `method`, `peer` | the record that it begins | `RequestCompleted` |
//! | `transaction` | `sip.transaction`, DEBUG | `id`, `method`, `direction` | the record of its request | that of its final response or failure |
//!
//! The records of the core say what begins, and its events, which follow their records, what ends. A span exists only
//! while a subscriber wants it. Each is closed once, when its entry is removed.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use sip_core::{Direction, Event, LogContent, LogRecord, Timestamp};
use tracing::Span;

/// How many transactions have a span at a time. With one more the oldest span is closed, because the record of an end may be
/// missing.
const TRANSACTIONS: usize = 256;

/// The open spans of an agent.
pub(crate) struct Spans {
    agent: Span,
    registration: Span,
    /// By the bits of the handle.
    calls: BTreeMap<u64, Scope>,
    /// By the bits of the handle.
    requests: BTreeMap<u64, Scope>,
    /// By the label of their records, the oldest first.
    transactions: Vec<(u64, Scope)>,
    /// When each server was last tried, or its connection opened.
    servers: BTreeMap<usize, Timestamp>,
    /// The number of the last call, which people can read.
    last_call: u64,
}

/// A span and when it began.
struct Scope {
    span: Span,
    since: Timestamp,
    /// When a call came up.
    up: Option<Timestamp>,
}

impl Scope {
    const fn new(span: Span, since: Timestamp) -> Self {
        Self {
            span,
            since,
            up: None,
        }
    }
}

/// Where a record belongs.
#[derive(Default)]
pub(crate) struct Place {
    pub(crate) span: Option<Span>,
    /// The time since the beginning of the span; for a connection since it was tried.
    pub(crate) after: Option<Seconds>,
    /// How long a call or a connection was up.
    pub(crate) lasted: Option<Seconds>,
    /// The server that the event is about.
    pub(crate) server: Option<usize>,
}

/// A duration to the millisecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0.as_secs(), self.0.subsec_millis())
    }
}

impl Spans {
    pub(crate) fn new() -> Self {
        Self {
            agent: Span::none(),
            registration: Span::none(),
            calls: BTreeMap::new(),
            requests: BTreeMap::new(),
            transactions: Vec::new(),
            servers: BTreeMap::new(),
            last_call: 0,
        }
    }

    /// The span of the agent, which is opened when a subscriber first wants it.
    pub(crate) fn agent(&mut self, aor: &str) -> &Span {
        if self.agent.is_disabled() {
            self.agent = tracing::info_span!(target: "sip", "agent", aor);
        }
        &self.agent
    }

    /// Opens what begins with this record, and returns the place of the record. `event` is the one that the record is about, if
    /// it is about one.
    pub(crate) fn place(
        &mut self,
        aor: &str,
        record: &LogRecord,
        event: Option<&Event>,
        now: Timestamp,
    ) -> Place {
        self.agent(aor);
        self.open(record, event, now);
        let mut place = match event {
            Some(event) => self.place_of(event, now),
            None => self.place_of_record(record, now),
        };
        place.span.get_or_insert_with(|| self.agent.clone());
        place
    }

    fn open(&mut self, record: &LogRecord, event: Option<&Event>, now: Timestamp) {
        match (&record.content, event) {
            (LogContent::Calling { session, parties }, _) => {
                self.last_call += 1;
                let (id, peer) = (self.last_call, parties.peer.as_ref());
                let span = tracing::info_span!(target: "sip.session", parent: &self.agent, "call", id, direction = "out", peer, call_id = &*parties.call_id);
                insert(&mut self.calls, session.to_bits(), span, now);
            }
            (LogContent::CalledBy(parties), Some(Event::IncomingCall { session, .. })) => {
                self.last_call += 1;
                let (id, peer) = (self.last_call, parties.peer.as_ref());
                let span = tracing::info_span!(target: "sip.session", parent: &self.agent, "call", id, direction = "in", peer, call_id = &*parties.call_id);
                insert(&mut self.calls, session.to_bits(), span, now);
            }
            (_, Some(Event::CallBranched { session, .. })) => {
                self.last_call += 1;
                let id = self.last_call;
                let span = tracing::info_span!(target: "sip.session", parent: &self.agent, "call", id, direction = "out");
                insert(&mut self.calls, session.to_bits(), span, now);
            }
            (LogContent::Requesting { request, line }, _) => {
                let peer = line.target.as_ref().map(AsRef::as_ref);
                let span = tracing::info_span!(target: "sip.ua", parent: &self.agent, "request", method = &*line.method, peer);
                insert(&mut self.requests, request.to_bits(), span, now);
            }
            (&LogContent::Request(direction, method), None) if is_transaction(record) => {
                let direction = match direction {
                    Direction::Sent => "out",
                    Direction::Received => "in",
                };
                let id = record.label;
                let span = tracing::debug_span!(target: "sip.transaction", parent: &self.agent, "transaction", id, method, direction);
                if !span.is_disabled() {
                    if self.transactions.len() >= TRANSACTIONS {
                        self.transactions.remove(0);
                    }
                    self.transactions.push((id, Scope::new(span, now)));
                }
            }
            (
                _,
                Some(
                    Event::Registered(_)
                    | Event::RegistrationFailed { .. }
                    | Event::Unregistered { .. },
                ),
            ) if self.registration.is_disabled() => {
                self.registration = tracing::info_span!(target: "sip.registration", parent: &self.agent, "registration");
            }
            _ => {}
        }
    }

    fn place_of(&mut self, event: &Event, now: Timestamp) -> Place {
        let since = |then: Timestamp| Some(Seconds(now.saturating_since(then)));
        match event {
            Event::Registered(_)
            | Event::RegistrationFailed { .. }
            | Event::Unregistered { .. }
            | Event::Bindings { .. } => Place {
                span: Some(self.registration.clone()),
                ..Place::default()
            },
            &Event::Connecting { server, .. } => {
                self.servers.insert(server, now);
                Place {
                    server: Some(server),
                    ..Place::default()
                }
            }
            &Event::Connected { server } => Place {
                after: self.servers.insert(server, now).and_then(since),
                server: Some(server),
                ..Place::default()
            },
            &Event::ConnectFailed { server, .. } => Place {
                after: self.servers.remove(&server).and_then(since),
                server: Some(server),
                ..Place::default()
            },
            &Event::Disconnected { server, .. } => Place {
                lasted: self.servers.remove(&server).and_then(since),
                server: Some(server),
                ..Place::default()
            },
            Event::RequestCompleted { request, .. } => {
                let scope = self.requests.get(&request.to_bits());
                Place {
                    span: scope.map(|scope| scope.span.clone()),
                    after: scope.and_then(|scope| since(scope.since)),
                    ..Place::default()
                }
            }
            event => {
                let session = event.session().map(sip_core::SessionId::to_bits);
                let Some(scope) = session.and_then(|session| self.calls.get_mut(&session)) else {
                    return Place::default();
                };
                if let Event::Established { .. } = event {
                    scope.up = Some(now);
                }
                let is_over = matches!(event, Event::Ended { .. });
                let begins = matches!(
                    event,
                    Event::IncomingCall { .. } | Event::CallBranched { .. }
                );
                Place {
                    span: Some(scope.span.clone()),
                    after: since(scope.since).filter(|_| !begins),
                    lasted: scope.up.filter(|_| is_over).and_then(since),
                    server: None,
                }
            }
        }
    }

    /// The place of a record that is about no event. Its label names what it is about, at the debug level alone.
    fn place_of_record(&mut self, record: &LogRecord, now: Timestamp) -> Place {
        let label = match &record.content {
            LogContent::Calling { session, .. } => session.to_bits(),
            LogContent::Requesting { request, .. } => {
                let scope = self.requests.get(&request.to_bits());
                return Place {
                    span: scope.map(|scope| scope.span.clone()),
                    ..Place::default()
                };
            }
            _ => record.label,
        };
        if !is_transaction(record) {
            let scope = self.calls.get(&label);
            let scope = scope.filter(|_| matches!(record.category, "sip.session" | "sip.dialog"));
            return Place {
                span: scope.map(|scope| scope.span.clone()),
                ..Place::default()
            };
        }
        let mut entries = self.transactions.iter();
        let Some(index) = entries.position(|(id, _)| *id == label) else {
            return Place::default();
        };
        let is_over = match &record.content {
            LogContent::Response(status) | LogContent::Responded(status) => status.is_final(),
            LogContent::TransactionFailed(_) => true,
            _ => false,
        };
        let Some((_, scope)) = self.transactions.get(index) else {
            return Place::default();
        };
        let place = Place {
            span: Some(scope.span.clone()),
            after: is_over.then(|| Seconds(now.saturating_since(scope.since))),
            ..Place::default()
        };
        if is_over {
            self.transactions.remove(index);
        }
        place
    }

    /// Closes what ends with an event, after its record.
    pub(crate) fn close(&mut self, event: &Event) {
        match event {
            Event::Ended { session, .. } => {
                self.calls.remove(&session.to_bits());
            }
            Event::RequestCompleted { request, .. } => {
                self.requests.remove(&request.to_bits());
            }
            Event::Unregistered { .. } => self.registration = Span::none(),
            Event::Stopped { .. } => {
                self.registration = Span::none();
                self.transactions.clear();
            }
            _ => {}
        }
    }
}

/// Whether the label of a record is that of a transaction.
fn is_transaction(record: &LogRecord) -> bool {
    record.category == "sip.transaction" && record.label != 0
}

/// Keeps a span that a subscriber wants.
fn insert(scopes: &mut BTreeMap<u64, Scope>, key: u64, span: Span, now: Timestamp) {
    if !span.is_disabled() {
        scopes.insert(key, Scope::new(span, now));
    }
}
