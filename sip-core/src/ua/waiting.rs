//! What was asked for while there was no connection: `offlineRequests`, and what every call may owe.
//!
//! What waits lives where it belongs: a request in its entry, an INVITE, an ACK or a BYE in the state of its
//! call. Each has a deadline 64 T1 after its command (the time of timers B and F), and the limits of
//! requests and sessions bound them. On a connection that comes, REGISTER goes first; then, call by call,
//! INFO and whatever else the call owes; then requests outside calls in the order of their commands.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{HeaderName, Method, Scheme, UriBuf};

use super::UserAgent;
use crate::endpoint::{Endpoint, TimerOwner, TransactionUser};
use super::requests::OutgoingRequest;
use crate::endpoint::OutOfDialog;
use crate::auth::Attempts;
use crate::body::Body;
use crate::config::OfflineRequests;
use crate::dialog::DialogId;
use crate::header::ExtraHeader;
use crate::ids::{RequestId, SessionId};
use crate::reason::send_failure_cause;
use crate::reason::{Cause, EndReason};
use crate::session::State;
use crate::timer::TimerKey;
use crate::transaction::{ClientTransactionId, SendError};

/// A request that has not been sent yet.
pub(super) struct Waiting {
    /// Its place in the order of commands.
    index: u64,
    pub(super) timer: TimerKey,
    what: What,
}

enum What {
    OutOfDialog {
        method: Box<[u8]>,
        target: UriBuf,
        body: Option<Body>,
        headers: Box<[ExtraHeader]>,
    },
    Info(DialogId, Body),
    /// Sent, and refused because a flow had failed.
    Again(Bytes),
}

/// Whose turn it is.
enum Turn {
    Request(RequestId),
    Call(SessionId),
}

impl Endpoint {
    /// Whether requests go out: there is a connection, and the registration on it, if we want one, has
    /// succeeded or failed.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready && self.flow.is_some()
    }

    /// Whether a request that is asked for now waits.
    pub(crate) fn queues(&self) -> bool {
        !self.is_ready() && self.config.offline_requests() == OfflineRequests::Queue
    }

    /// How long anything waits for a connection: as long as its transaction would wait for an answer (RFC
    /// 3261 section 17.1: timers B and F).
    pub(crate) fn longest_wait(&self) -> Duration {
        self.timer_settings().f()
    }

    /// The next place in the order of commands.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.flow_indices += 1;
        self.flow_indices
    }

    /// Whether a URI may be called on the connection in use (RFC 3261 section 26.2.2). Without one that is
    /// seen when it is there.
    pub(crate) fn reaches(&self, target: &UriBuf) -> bool {
        match target.as_uri().scheme() {
            Scheme::Sip => true,
            Scheme::Sips => self
                .flow
                .as_ref()
                .map_or_else(|| self.queues(), |flow| flow.transport.is_secure()),
            _ => false,
        }
    }

    /// Sends a request of the application's outside any call.
    pub(super) fn send_request_outside(
        &mut self,
        method: Method<'_>,
        target: &UriBuf,
        body: Option<&Body>,
        headers: &[ExtraHeader],
        attempts: &mut Attempts,
        user: TransactionUser,
    ) -> Result<ClientTransactionId, SendError> {
        let call_id = self.new_call_id();
        let tag = crate::rand::token(self.layer.rng(), 13);
        let cseq = self.first_cseq();
        let parts = OutOfDialog {
            flow: None,
            method,
            target: target.as_bytes(),
            to: target.as_bytes(),
            call_id: call_id.as_bytes(),
            tag: &tag,
            cseq,
            service_route: true,
            anonymous: false,
            body,
            extra: headers,
        };
        let accept = [(HeaderName::Accept, "application/sdp")];
        let own = if method == Method::Options {
            &accept[..]
        } else {
            &[]
        };
        self.send_outside(&parts, own, attempts, user)
    }
}

impl UserAgent {
    /// Keeps a request outside any call until there is a connection.
    pub(super) fn request_waits(
        &mut self,
        method: Method<'_>,
        target: UriBuf,
        body: Option<Body>,
        headers: &[ExtraHeader],
    ) -> RequestId {
        let what = What::OutOfDialog {
            method: method.as_bytes().into(),
            target,
            body,
            headers: headers.into(),
        };
        self.keep_waiting(None, what)
    }

    /// Keeps an INFO until there is a connection.
    pub(super) fn info_waits(&mut self, dialog: DialogId, body: Body) -> RequestId {
        self.keep_waiting(Some(dialog), What::Info(dialog, body))
    }

    fn keep_waiting(&mut self, dialog: Option<DialogId>, what: What) -> RequestId {
        let id = RequestId(self.requests.next_handle());
        let deadline = self.endpoint.now + self.endpoint.longest_wait();
        let waiting = Waiting {
            index: self.endpoint.next_sequence(),
            timer: self.endpoint.timers.set(deadline, TimerOwner::Request(id)),
            what,
        };
        self.requests.insert(OutgoingRequest {
            attempts: Attempts::new(),
            dialog,
            waiting: Some(Box::new(waiting)),
            sent_again: false,
        });
        id
    }

    /// RFC 5626 section 11.6: a request whose flow failed is kept until our binding has been made anew, and
    /// sent once more then. Within a dialog it is the peer's flow: the route does not change.
    pub(super) fn request_goes_again(&mut self, id: RequestId, request: &Bytes) -> bool {
        let Some(record) = self.requests.get_mut(id.0) else {
            return false;
        };
        if record.sent_again || record.dialog.is_some() || !self.endpoint.heeds_flow_doubt() {
            return false;
        }
        let deadline = self.endpoint.now + self.endpoint.longest_wait();
        record.sent_again = true;
        record.waiting = Some(Box::new(Waiting {
            index: self.endpoint.next_sequence(),
            timer: self.endpoint.timers.set(deadline, TimerOwner::Request(id)),
            what: What::Again(request.clone()),
        }));
        true
    }

    /// A request has waited for too long.
    pub(super) fn on_queue_timeout(&mut self, id: RequestId) {
        self.finish_request(id, Err(EndReason::transport(Cause::Timeout)));
    }

    /// The registration on a new connection has failed, or is not wanted any more: nothing waits for it.
    pub(super) fn registration_is_through(&mut self) {
        if !self.endpoint.ready {
            self.connection_is_usable();
        }
    }

    /// There is a connection, and no registration that what waited would have to wait for: it goes out,
    /// and calls whose peers know another connection are repaired.
    pub(super) fn connection_is_usable(&mut self) {
        if self.endpoint.flow.is_none() {
            return;
        }
        self.endpoint.ready = true;
        for id in self.waiting_requests(true) {
            self.send_waiting(id);
        }
        for handle in self.sessions.handles() {
            self.step_session(SessionId(handle), |state, context| match state {
                State::AwaitingAnswer(state) => state.resume(context),
                State::Terminating(state) => state.resume(context),
                state => Some(state),
            });
        }
        self.repair_calls();
        for turn in self.turns() {
            match turn {
                Turn::Request(id) => self.send_waiting(id),
                Turn::Call(id) => {
                    self.step_session(id, |state, context| match state {
                        State::QueuedInvite(state) => state.resume(context),
                        state => Some(state),
                    });
                }
            }
        }
    }

    /// No connection will come any more: what waits for one ends now.
    pub(super) fn give_up_waiting(&mut self) {
        for handle in self.sessions.handles() {
            self.step_session(SessionId(handle), |state, context| match state {
                State::Terminating(state) => state.give_up(context),
                state => Some(state),
            });
        }
        for within in [true, false] {
            for id in self.waiting_requests(within) {
                self.finish_request(id, Err(EndReason::local(Cause::Stopped)));
            }
        }
    }

    /// The requests that wait, within calls or outside them, in the order of their commands.
    fn waiting_requests(&self, within: bool) -> Vec<RequestId> {
        let mut flow_indices: Vec<_> = self
            .requests
            .iter()
            .filter(|(_, record)| record.dialog.is_some() == within)
            .filter_map(|(handle, record)| Some((record.waiting.as_ref()?.index, handle)))
            .collect();
        flow_indices.sort_unstable_by_key(|&(index, _)| index);
        let ids = flow_indices.into_iter().map(|(_, handle)| RequestId(handle));
        ids.collect()
    }

    /// What waits outside calls, calls to be made among it, in the order of commands.
    fn turns(&self) -> Vec<Turn> {
        let requests = self.requests.iter().filter_map(|(handle, record)| {
            let waiting = record.waiting.as_ref()?;
            Some((waiting.index, Turn::Request(RequestId(handle))))
        });
        let calls = self
            .sessions
            .iter()
            .filter_map(|(handle, session)| match &session.state {
                Some(State::QueuedInvite(state)) => Some((state.index(), Turn::Call(SessionId(handle)))),
                _ => None,
            });
        let mut turns: Vec<_> = requests.chain(calls).collect();
        turns.sort_unstable_by_key(|&(index, _)| index);
        turns.into_iter().map(|(_, turn)| turn).collect()
    }

    fn send_waiting(&mut self, id: RequestId) {
        let Some(record) = self.requests.get_mut(id.0) else {
            return;
        };
        let Some(waiting) = record.waiting.take() else {
            return;
        };
        self.endpoint.timers.cancel(waiting.timer);
        let (attempts, user) = (&mut record.attempts, TransactionUser::Request(id));
        let endpoint = &mut self.endpoint;
        let sent = match &waiting.what {
            What::OutOfDialog {
                method,
                target,
                body,
                headers,
            } => match Method::parse(method).ok().filter(|_| endpoint.reaches(target)) {
                Some(method) => endpoint
                    .send_request_outside(method, target, body.as_ref(), headers, attempts, user)
                    .map_err(|error| send_failure_cause(&error)),
                // A SIPS URI, and the connection that came is not secure.
                None => Err(Cause::Malformed),
            },
            What::Again(request) => endpoint
                .send_again(request, attempts, user)
                .map_err(|error| send_failure_cause(&error)),
            What::Info(dialog, body) => endpoint
                .send_in_dialog(*dialog, Method::Info, Some(body), &[], attempts, user)
                .map_err(|error| match error {
                    // The call has ended meanwhile.
                    SendError::Stale => Cause::DialogGone,
                    error => send_failure_cause(&error),
                }),
        };
        if let Err(cause) = sent {
            self.finish_request(id, Err(EndReason::local(cause)));
        }
    }
}
