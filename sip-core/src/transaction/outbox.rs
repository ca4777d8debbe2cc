//! Where a transaction layer puts what it has to say.

use alloc::collections::VecDeque;

use bytes::Bytes;

use super::{ClientTransactionId, Output};
use crate::ids::ConnectionId;
use crate::limits::Limits;

/// The bounds of a queue of actions or outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueBounds {
    entries: u32,
    /// Bytes of messages in an entry on average.
    bytes: u32,
}

impl QueueBounds {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            entries: clamped(limits.actions),
            bytes: clamped(limits.action_bytes),
        }
    }

    /// Whether a queue of `len` entries with `bytes` of messages has room ([`Outbox::has_room`]).
    pub(crate) const fn admits(self, len: usize, bytes: usize, only_frees: bool) -> bool {
        let times = if only_frees { 2 } else { 1 };
        let most = (self.entries as usize).saturating_mul(times);
        len < most && bytes < most.saturating_mul(self.bytes as usize)
    }
}

/// No queue reaches 2^32 entries, so a greater limit is none either.
const fn clamped(limit: usize) -> u32 {
    if limit > u32::MAX as usize {
        u32::MAX
    } else {
        limit as u32
    }
}

/// Queues an output. The queue of an agent that handles one message at a time has room for one, because outputs are large.
pub(crate) fn push_exact<T>(queue: &mut VecDeque<T>, output: T) {
    if queue.len() == queue.capacity() {
        queue.reserve_exact(queue.len().max(1));
    }
    queue.push_back(output);
}

/// Where a [`TransactionLayer`](super::TransactionLayer) puts what it has to say, in the order in which things happen.
///
/// A layer alone has [`Outputs`]. Code that has a queue of its own, such as [`Endpoint`](crate::endpoint::Endpoint), implements this, so that each
/// message is queued once.
pub trait Outbox<U> {
    /// Queues bytes to send on `connection`, which is open.
    fn transmit(&mut self, connection: ConnectionId, bytes: Bytes);

    /// A client transaction begins; the bytes of its request follow by [`transmit`](Self::transmit). For logs.
    fn started(&mut self, transaction: ClientTransactionId, request: &Bytes) {
        let _ = (transaction, request);
    }

    /// The last message was sent before, and the peer has not answered or acknowledged it in time. For counters.
    fn repeated(&mut self) {}

    /// Queues anything else.
    fn output(&mut self, output: Output<U>);

    /// Whether there is room for the consequences of one more message, or of one more tick. Responses and ticks have
    /// twice the room of requests (`only_frees`), because they free state.
    fn has_room(&self, only_frees: bool) -> bool;
}

/// One queue for everything; [`TransactionLayer::poll`](super::TransactionLayer::poll) empties it.
/// [`Limits::actions`] and [`Limits::action_bytes`] bound it.
#[derive(Debug)]
pub struct Outputs<U> {
    outputs: VecDeque<Output<U>>,
    bytes: usize,
    bounds: QueueBounds,
}

impl<U> Outputs<U> {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            outputs: VecDeque::new(),
            bytes: 0,
            bounds: QueueBounds::new(limits),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Output<U>> {
        let output = self.outputs.pop_front()?;
        self.bytes -= output.message_bytes();
        Some(output)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }
}

impl<U> Outbox<U> for Outputs<U> {
    fn transmit(&mut self, connection: ConnectionId, bytes: Bytes) {
        self.output(Output::Transmit { connection, bytes });
    }

    fn output(&mut self, output: Output<U>) {
        self.bytes += output.message_bytes();
        push_exact(&mut self.outputs, output);
    }

    fn has_room(&self, only_frees: bool) -> bool {
        self.bounds
            .admits(self.outputs.len(), self.bytes, only_frees)
    }
}
