//! The tables of the application's requests outside calls, and of peers' requests that wait for the
//! application.

use alloc::boxed::Box;
use alloc::vec::Vec;

use sip_parse::{StatusCode, UriBuf};

use super::tone_sequence::ToneSequence;
use crate::body::Body;
use crate::dialog::DialogId;
use crate::endpoint::SentRequest;
use crate::header::ExtraHeader;
use crate::ids::{IncomingRequestId, RequestId, SessionId};
use crate::session::MessageOptions;
use crate::slab::{Grouped, Handle, Member};
use crate::timer::TimerKey;
use crate::transaction::ServerTransactionId;

/// Both tables.
pub(super) struct Requests {
    /// The sequences of tones by call.
    outgoing: Grouped<OutgoingRequest>,
    /// By transaction.
    incoming: Grouped<UnansweredRequest>,
}

/// A request of the application, until its final response.
struct OutgoingRequest {
    /// The dialog of a request within a call.
    dialog: Option<DialogId>,
    /// The content of a request that is still to be sent, or to be resent.
    queued: Option<Box<QueuedRequest>>,
    /// It was resent because a flow had failed.
    sent_again: bool,
    /// The tones of which each is a request of its own.
    tones: Option<Box<ToneSequence>>,
}

/// A request of a peer, until the application answers it.
pub(super) struct UnansweredRequest {
    pub(super) transaction: ServerTransactionId,
    pub(super) timer: TimerKey,
    /// The status if the application does not answer it.
    pub(super) default: StatusCode,
}

impl Member for OutgoingRequest {
    type Group = SessionId;

    fn group(&self) -> Option<SessionId> {
        self.tones.as_ref().map(|tones| tones.session())
    }
}

impl Member for UnansweredRequest {
    type Group = ServerTransactionId;

    fn group(&self) -> Option<ServerTransactionId> {
        Some(self.transaction)
    }
}

/// A request that waits for a connection.
pub(super) struct QueuedRequest {
    /// Its position in the order of commands.
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
    InDialog {
        dialog: DialogId,
        method: Box<[u8]>,
        options: MessageOptions,
    },
    /// It was sent, and the server rejected it because a flow had failed (RFC 5626 section 11.6).
    Again(SentRequest),
}

impl Requests {
    pub(super) const fn new() -> Self {
        Self {
            outgoing: Grouped::new(),
            incoming: Grouped::new(),
        }
    }

    /// The number of application requests without an outcome.
    pub(super) fn outgoing(&self) -> usize {
        self.outgoing.len()
    }

    /// The number of peer requests that wait for the application.
    pub(super) fn incoming(&self) -> usize {
        self.incoming.len()
    }

    /// The handle of the next request of the application.
    pub(super) fn next_id(&self) -> RequestId {
        RequestId(self.outgoing.next_handle())
    }

    /// Stores a request that is sent or waits.
    pub(super) fn insert(&mut self, dialog: Option<DialogId>, queued: Option<QueuedRequest>) {
        self.outgoing.insert(OutgoingRequest {
            dialog,
            queued: queued.map(Box::new),
            sent_again: false,
            tones: None,
        });
    }

    /// Stores a sequence of tones.
    pub(super) fn insert_tones(&mut self, dialog: DialogId, tones: ToneSequence) {
        self.outgoing.insert(OutgoingRequest {
            dialog: Some(dialog),
            queued: None,
            sent_again: false,
            tones: Some(Box::new(tones)),
        });
    }

    /// The sequence of tones of a request, if it is one.
    pub(super) fn tones(&mut self, id: RequestId) -> Option<&mut ToneSequence> {
        self.outgoing.get_mut(id.0)?.tones.as_deref_mut()
    }

    /// The sequences of tones of a call, in the order of their commands.
    pub(super) fn sequences_of(&self, session: SessionId) -> Vec<RequestId> {
        let tones = |(handle, request): (Handle, &OutgoingRequest)| {
            Some((request.tones.as_ref()?.sequence(), RequestId(handle)))
        };
        let mut found: Vec<_> = self.outgoing.of(session).filter_map(tones).collect();
        found.sort_unstable_by_key(|&(sequence, _)| sequence);
        found.into_iter().map(|(_, id)| id).collect()
    }

    /// Queues a request until there is a connection.
    pub(super) fn queue(&mut self, id: RequestId, queued: QueuedRequest) {
        if let Some(request) = self.outgoing.get_mut(id.0) {
            request.queued = Some(Box::new(queued));
        }
    }

    /// Whether a request has no outcome yet.
    pub(super) fn has(&self, id: RequestId) -> bool {
        self.outgoing.get(id.0).is_some()
    }

    /// Whether a request may be resent after its flow failed. False within a dialog, because there the peer's
    /// flow failed, and the route is fixed.
    pub(super) fn may_go_again(&self, id: RequestId) -> bool {
        let request = self.outgoing.get(id.0);
        request.is_some_and(|request| !request.sent_again && request.dialog.is_none())
    }

    /// Queues a sent request to be resent.
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

    /// Takes the queued content of a request, which is about to be sent.
    pub(super) fn take_queued(&mut self, id: RequestId) -> Option<QueuedRequest> {
        let queued = self.outgoing.get_mut(id.0)?.queued.take()?;
        Some(*queued)
    }

    /// Removes a request and returns its timer, if it waited. `None` if the request is unknown.
    pub(super) fn remove(&mut self, id: RequestId) -> Option<Option<TimerKey>> {
        let request = self.outgoing.remove(id.0)?;
        let tones = request.tones.as_ref().and_then(|tones| tones.timer());
        Some(request.queued.map(|queued| queued.timer).or(tones))
    }

    /// The waiting requests, within calls or outside them, with their positions in the order of commands.
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

    /// The handle of the next request of a peer.
    pub(super) fn next_incoming_id(&self) -> IncomingRequestId {
        IncomingRequestId(self.incoming.next_handle())
    }

    /// Stores a request of a peer.
    pub(super) fn insert_incoming(&mut self, request: UnansweredRequest) {
        self.incoming.insert(request);
    }

    /// The transaction of a request of a peer.
    pub(super) fn transaction_of(&self, id: IncomingRequestId) -> Option<ServerTransactionId> {
        Some(self.incoming.get(id.0)?.transaction)
    }

    /// Removes a request of a peer, which is about to be answered.
    pub(super) fn take_incoming(&mut self, id: IncomingRequestId) -> Option<UnansweredRequest> {
        self.incoming.remove(id.0)
    }

    /// The request of a peer with this transaction.
    pub(super) fn incoming_of(
        &self,
        transaction: ServerTransactionId,
    ) -> Option<IncomingRequestId> {
        let mut found = self.incoming.of(transaction);
        found.next().map(|(handle, _)| IncomingRequestId(handle))
    }

    /// All requests of peers.
    pub(super) fn incoming_ids(&self) -> Vec<IncomingRequestId> {
        let handles = self.incoming.handles();
        handles.into_iter().map(IncomingRequestId).collect()
    }
}
