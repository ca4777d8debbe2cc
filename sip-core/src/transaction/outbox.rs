//! Where a transaction layer puts what it has to say.

use alloc::collections::VecDeque;

use bytes::Bytes;

use super::{ClientTransactionId, Output};
use crate::ids::ConnectionId;

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

    /// Queues anything else.
    fn output(&mut self, output: Output<U>);
}

/// One queue for everything; [`TransactionLayer::poll`](super::TransactionLayer::poll) empties it.
#[derive(Debug)]
pub struct Outputs<U>(pub(super) VecDeque<Output<U>>);

impl<U> Default for Outputs<U> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<U> Outbox<U> for Outputs<U> {
    fn transmit(&mut self, connection: ConnectionId, bytes: Bytes) {
        self.0.push_back(Output::Transmit { connection, bytes });
    }

    fn output(&mut self, output: Output<U>) {
        self.0.push_back(output);
    }
}
