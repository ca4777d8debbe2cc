//! The requests of an agent outside calls, and those of peers that the application has to answer.

use alloc::boxed::Box;
use alloc::vec::Vec;

use sip_parse::UriBuf;

use crate::body::Body;
use crate::dialog::DialogId;
use crate::endpoint::SentRequest;
use crate::header::ExtraHeader;
use crate::ids::{IncomingRequestId, RequestId};
use crate::slab::Slab;
use crate::timer::TimerKey;
use crate::transaction::ServerTransactionId;

/// Both tables.
pub(super) struct Requests {
    outgoing: Slab<OutgoingRequest>,
    incoming: Slab<UnansweredRequest>,
}

/// A request of the application, until its final response.
struct OutgoingRequest {
    /// The dialog of a request within a call.
    dialog: Option<DialogId>,
    /// It has not been sent yet, or is to be sent again.
    queued: Option<Box<QueuedRequest>>,
    /// It was sent again because a flow had failed.
    sent_again: bool,
}

/// A request of a peer, until the application answers it.
pub(super) struct UnansweredRequest {
    pub(super) transaction: ServerTransactionId,
    pub(super) timer: TimerKey,
}

/// A request that waits for a connection.
pub(super) struct QueuedRequest {
    /// Its number in the order of commands.
    pub(super) sequence: u64,
    pub(super) timer: TimerKey,
    pub(super) content: QueuedContent,
}

/// What is to be sent.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives in a box, and few wait at a time"
)]
pub(super) enum QueuedContent {
    OutOfDialog {
        method: Box<[u8]>,
        target: UriBuf,
        body: Option<Body>,
        headers: Box<[ExtraHeader]>,
    },
    Info(DialogId, Body),
    /// It was sent, and refused because a flow had failed (RFC 5626 section 11.6).
    Again(SentRequest),
}

impl Requests {
    pub(super) const fn new() -> Self {
        Self {
            outgoing: Slab::new(),
            incoming: Slab::new(),
        }
    }

    /// How many requests of the application have no outcome yet.
    pub(super) fn outgoing(&self) -> usize {
        self.outgoing.len()
    }

    /// How many requests of peers wait for the application.
    pub(super) fn incoming(&self) -> usize {
        self.incoming.len()
    }

    /// The name that the next request of the application gets.
    pub(super) fn next_id(&self) -> RequestId {
        RequestId(self.outgoing.next_handle())
    }

    /// Keeps a request that is sent, or that waits.
    pub(super) fn insert(&mut self, dialog: Option<DialogId>, queued: Option<QueuedRequest>) {
        self.outgoing.insert(OutgoingRequest {
            dialog,
            queued: queued.map(Box::new),
            sent_again: false,
        });
    }

    /// Whether a request has no outcome yet.
    pub(super) fn has(&self, id: RequestId) -> bool {
        self.outgoing.get(id.0).is_some()
    }

    /// Whether a request may be sent once more after its flow failed: within a dialog it is the peer's flow, and the route does not change.
    pub(super) fn may_go_again(&self, id: RequestId) -> bool {
        let request = self.outgoing.get(id.0);
        request.is_some_and(|request| !request.sent_again && request.dialog.is_none())
    }

    /// A request that was sent waits to be sent once more.
    pub(super) fn queue_again(&mut self, id: RequestId, queued: QueuedRequest) {
        if let Some(request) = self.outgoing.get_mut(id.0) {
            request.sent_again = true;
            request.queued = Some(Box::new(queued));
        }
    }

    /// Whether a request waits for a connection.
    pub(super) fn is_queued(&self, id: RequestId) -> bool {
        let request = self.outgoing.get(id.0);
        request.is_some_and(|request| request.queued.is_some())
    }

    /// Takes what waits out of a request, which is about to be sent.
    pub(super) fn take_queued(&mut self, id: RequestId) -> Option<QueuedRequest> {
        let queued = self.outgoing.get_mut(id.0)?.queued.take()?;
        Some(*queued)
    }

    /// Forgets a request; its timer, if it waited. `None` if there was none.
    pub(super) fn remove(&mut self, id: RequestId) -> Option<Option<TimerKey>> {
        let request = self.outgoing.remove(id.0)?;
        Some(request.queued.map(|queued| queued.timer))
    }

    /// The requests that wait, within calls or outside them, with their numbers in the order of commands.
    pub(super) fn queued(&self, within_calls: bool) -> impl Iterator<Item = (u64, RequestId)> {
        let fits = move |request: &OutgoingRequest| request.dialog.is_some() == within_calls;
        self.outgoing
            .iter()
            .filter(move |(_, request)| fits(request))
            .filter_map(|(handle, request)| {
                Some((request.queued.as_ref()?.sequence, RequestId(handle)))
            })
    }

    /// All requests of the application.
    pub(super) fn ids(&self) -> Vec<RequestId> {
        let handles = self.outgoing.handles();
        handles.into_iter().map(RequestId).collect()
    }

    /// The name that the next request of a peer gets.
    pub(super) fn next_incoming_id(&self) -> IncomingRequestId {
        IncomingRequestId(self.incoming.next_handle())
    }

    /// Keeps a request of a peer.
    pub(super) fn insert_incoming(&mut self, request: UnansweredRequest) {
        self.incoming.insert(request);
    }

    /// Takes a request of a peer out, which is about to be answered.
    pub(super) fn take_incoming(&mut self, id: IncomingRequestId) -> Option<UnansweredRequest> {
        self.incoming.remove(id.0)
    }

    /// The request of a peer with this transaction.
    pub(super) fn incoming_of(
        &self,
        transaction: ServerTransactionId,
    ) -> Option<IncomingRequestId> {
        let mut incoming = self.incoming.iter();
        let found = incoming.find(|(_, request)| request.transaction == transaction);
        found.map(|(handle, _)| IncomingRequestId(handle))
    }

    /// All requests of peers.
    pub(super) fn incoming_ids(&self) -> Vec<IncomingRequestId> {
        let handles = self.incoming.handles();
        handles.into_iter().map(IncomingRequestId).collect()
    }
}
