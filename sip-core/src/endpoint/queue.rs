//! The queue of actions, and the counters of the traffic through it.

use alloc::collections::VecDeque;

use bytes::Bytes;

use super::owner::Sent;
use super::settings::Behaviour;
use crate::action::Action;
use crate::config::LogLevel;
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::record::{Direction, LogContent, LogRecord, TraceRecord};
use crate::transaction::{ClientTransactionId, Outbox, Output};

/// Counters for operators; each only grows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Counters {
    /// Messages and keep-alives received.
    pub received: u64,
    /// Messages and keep-alives sent, repeats included.
    pub transmitted: u64,
    /// Received bytes that were not an acceptable message.
    pub malformed: u64,
    /// Malformed requests that the core answered; part of `malformed`.
    pub malformed_answered: u64,
    /// Well-formed messages that the core dropped.
    pub ignored: u64,
    /// Requests that the core refused by itself.
    pub refused: u64,
    /// Responses whose Authentication-Info is malformed, or does not prove that the server knows the secret
    /// (RFC 7616 section 3.5: rspauth). The core still applies their status.
    pub authentication_info_failures: u64,
    /// Log and trace records that the core dropped because the queue was full.
    pub records_dropped: u64,
}

/// The outbox of the transaction layer: messages go straight into the queue of actions, everything else waits for
/// [`Endpoint::poll_indication`](super::Endpoint::poll_indication).
pub(crate) struct Queue {
    pub(super) actions: VecDeque<Action>,
    /// The outputs of the transaction layer.
    pub(super) outputs: VecDeque<Output<Sent>>,
    pub(super) counters: Counters,
    /// Above this length the core drops records, never events or bytes.
    limit: usize,
    log_level: LogLevel,
    trace: bool,
    trace_credentials: bool,
}

impl Queue {
    pub(super) fn new(behaviour: &Behaviour, limit: usize) -> Self {
        Self {
            actions: VecDeque::new(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            limit,
            log_level: behaviour.log_level,
            trace: behaviour.trace,
            trace_credentials: behaviour.trace_credentials,
        }
    }

    /// Takes over the part of the behaviour that concerns records.
    pub(super) fn behave(&mut self, behaviour: &Behaviour) {
        self.log_level = behaviour.log_level;
        self.trace = behaviour.trace;
        self.trace_credentials = behaviour.trace_credentials;
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.actions.push_back(Action::Event(event));
    }

    /// Whether the configuration enables the level.
    pub(super) fn logs(&self, level: LogLevel) -> bool {
        level <= self.log_level
    }

    pub(super) fn log(
        &mut self,
        level: LogLevel,
        category: &'static str,
        label: u64,
        content: LogContent,
    ) {
        if !self.logs(level) {
            return;
        }
        // Labels identify single transactions and calls; only the debug level needs them.
        let debug = self.log_level == LogLevel::Debug;
        let label = if debug { label } else { 0 };
        self.push_record(Action::Log(LogRecord {
            level,
            category,
            label,
            content,
        }));
    }

    pub(super) fn trace(&mut self, direction: Direction, connection: ConnectionId, bytes: &Bytes) {
        if self.trace {
            self.push_record(Action::Trace(TraceRecord {
                direction,
                connection,
                reveal: self.trace_credentials,
                bytes: bytes.clone(),
            }));
        }
    }

    fn push_record(&mut self, record: Action) {
        if self.actions.len() < self.limit {
            self.actions.push_back(record);
        } else {
            self.counters.records_dropped += 1;
        }
    }
}

impl Outbox<Sent> for Queue {
    fn transmit(&mut self, connection: ConnectionId, bytes: Bytes) {
        self.counters.transmitted += 1;
        self.trace(Direction::Sent, connection, &bytes);
        self.actions
            .push_back(Action::Transmit { connection, bytes });
    }

    fn started(&mut self, transaction: ClientTransactionId, request: &Bytes) {
        if self.logs(LogLevel::Debug) {
            let (label, content) = (transaction.to_bits(), LogContent::sent(request));
            self.log(LogLevel::Debug, "sip.transaction", label, content);
        }
    }

    fn output(&mut self, output: Output<Sent>) {
        self.outputs.push_back(output);
    }
}
