//! The queue of actions.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use bytes::Bytes;

use super::counters::Counts;
use super::owner::Sent;
use super::settings::Behaviour;
use crate::action::Action;
use crate::config::LogLevel;
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::limits::Limits;
use crate::record::{Direction, LogContent, LogRecord, TraceRecord};
use crate::transaction::{ClientTransactionId, Outbox, Output, QueueBounds, push_exact};

/// The outbox of the transaction layer: messages go straight into the queue of actions, everything else waits for
/// [`Endpoint::poll_indication`](super::Endpoint::poll_indication).
pub(crate) struct Queue {
    /// `None` while nothing waits and the memory serves another agent.
    room: Option<Box<QueueRoom>>,
    pub(super) counters: Counts,
    bounds: QueueBounds,
    log_level: LogLevel,
    trace: bool,
    trace_credentials: bool,
}

/// What waits in a queue. Empty, it can serve one agent after the other.
#[derive(Default)]
pub(crate) struct QueueRoom {
    actions: VecDeque<Action>,
    /// Bytes of the messages in the actions.
    bytes: usize,
    /// The outputs of the transaction layer.
    outputs: VecDeque<Output<Sent>>,
}

impl QueueRoom {
    fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.outputs.is_empty()
    }

    /// Whether it has more memory than a few inputs need, so that it is not worth keeping.
    pub(crate) fn is_large(&self) -> bool {
        self.actions.capacity() > 32 || self.outputs.capacity() > 32
    }
}

impl Queue {
    pub(super) fn new(behaviour: &Behaviour, limits: &Limits) -> Self {
        Self {
            room: None,
            counters: Counts::default(),
            bounds: QueueBounds::new(limits),
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
        self.counters.event(&event);
        self.push(Action::Event(event));
    }

    pub(super) fn push(&mut self, action: Action) {
        let room = self.room();
        room.bytes += message_bytes(&action);
        room.actions.push_back(action);
    }

    fn room(&mut self) -> &mut QueueRoom {
        self.room.get_or_insert_default()
    }

    /// Takes out the memory of the queue, if nothing waits in it.
    pub(super) fn take_room(&mut self) -> Option<Box<QueueRoom>> {
        self.room.take_if(|room| room.is_empty())
    }

    /// Gives the queue memory, unless it has its own.
    pub(super) fn lend_room(&mut self, spare: impl FnOnce() -> Option<Box<QueueRoom>>) {
        if self.room.is_none() {
            self.room = spare();
        }
    }

    /// The oldest output of the transaction layer.
    pub(super) fn pop_output(&mut self) -> Option<Output<Sent>> {
        self.room.as_mut()?.outputs.pop_front()
    }

    pub(super) fn pop(&mut self) -> Option<Action> {
        let room = self.room.as_mut()?;
        let action = room.actions.pop_front()?;
        room.bytes -= message_bytes(&action);
        Some(action)
    }

    /// Whether nothing waits, for tests.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.room.as_ref().is_none_or(|room| room.is_empty())
    }

    /// Drops actions, for tests that break a rule.
    #[cfg(test)]
    pub(super) fn retain(&mut self, keep: impl FnMut(&Action) -> bool) {
        let room = self.room();
        room.actions.retain(keep);
        room.bytes = room.actions.iter().map(message_bytes).sum();
    }

    /// Whether the actions leave room for the consequences of one more input; twice the room where it `only_frees`.
    pub(super) fn takes_more(&self, only_frees: bool) -> bool {
        let room = self.room.as_ref();
        let (len, bytes) = room.map_or((0, 0), |room| (room.actions.len(), room.bytes));
        self.bounds.admits(len, bytes, only_frees)
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

    /// Drops a record where there is no room, never an event or bytes.
    fn push_record(&mut self, record: Action) {
        if self.takes_more(false) {
            self.push(record);
        } else {
            self.counters.rare().records_dropped += 1;
        }
    }
}

impl Outbox<Sent> for Queue {
    fn transmit(&mut self, connection: ConnectionId, bytes: Bytes) {
        self.counters.transmitted();
        self.trace(Direction::Sent, connection, &bytes);
        self.push(Action::Transmit { connection, bytes });
    }

    fn started(&mut self, transaction: ClientTransactionId, request: &Bytes) {
        self.counters.request_sent();
        if self.logs(LogLevel::Debug) {
            let (label, content) = (transaction.to_bits(), LogContent::sent(request));
            self.log(LogLevel::Debug, "sip.transaction", label, content);
        }
    }

    fn repeated(&mut self) {
        self.counters.rare().retransmitted += 1;
    }

    fn output(&mut self, output: Output<Sent>) {
        push_exact(&mut self.room().outputs, output);
    }

    /// The next message of a stream is read once the endpoint has handled the outputs of the one before, because only
    /// then the number of its actions is known.
    fn has_room(&self, only_frees: bool) -> bool {
        let room = self.room.as_ref();
        room.is_none_or(|room| room.outputs.is_empty()) && self.takes_more(only_frees)
    }
}

/// The bytes of the messages in an action.
fn message_bytes(action: &Action) -> usize {
    match action {
        Action::Transmit { bytes, .. } => bytes.len(),
        Action::Trace(record) => record.bytes.len(),
        Action::Event(event) => event_bytes(event),
        Action::Connect { .. }
        | Action::Ping { .. }
        | Action::Disconnect { .. }
        | Action::Log(_) => 0,
    }
}

fn event_bytes(event: &Event) -> usize {
    let texts = |texts: &[Box<str>]| texts.iter().map(|text| text.len()).sum();
    match event {
        Event::IncomingCall { request, .. }
        | Event::IncomingRequest { request, .. }
        | Event::LegacyNotification { request } => request.bytes().len(),
        Event::Progress { response, .. }
        | Event::RequestCompleted {
            outcome: Ok(response),
            ..
        } => response.bytes().len(),
        Event::Challenged {
            request, response, ..
        } => request.bytes().len() + response.bytes().len(),
        Event::RemoteDescription { body, .. } => body.bytes.len(),
        Event::Registered(registration) => texts(&registration.bindings),
        Event::Bindings { bindings } => texts(bindings),
        _ => 0,
    }
}
