//! Calls: the INVITE usage (RFC 3261 sections 13 to 15).
//!
//! A call is one state, consumed by each input and replaced by the next one; `None` means that it is over
//! and its entry is freed at once. `caller.rs` has the states before our INVITE is answered, `callee.rs`
//! those before we answer one, `confirmed.rs` the rest.

mod callee;
mod caller;
mod confirmed;
mod options;
mod reinvite;

use alloc::boxed::Box;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{Builder, HeaderName, Message, Method, Request, StatusCode};

pub(crate) use callee::Incoming;
pub(crate) use caller::{
    AwaitingAnswer, Calling, AwaitingOffer, QueuedInvite, further_success, invite_or_wait,
};
pub(crate) use confirmed::{Confirmed, Terminating};
pub use options::{DescriptionFailed, FailureStatus, InviteOptions, NotAFailure};

use crate::auth::Attempts;
use crate::body::Body;
use crate::body::body_of;
use crate::dialog::{Dialog, DialogId, DialogSetId};
use crate::event::{DescriptionKind, Event};
use crate::ids::ConnectionId;
use crate::ids::SessionId;
use crate::rand::below;
use crate::reason::{EndReason, send_failure_cause};
use crate::time::Timestamp;
use crate::timer::TimerKey;
use crate::transaction::{SendError, ServerTransactionId};
pub(crate) use crate::endpoint::SessionTimer;
use crate::endpoint::{Endpoint, TimerOwner, TransactionUser};

/// A call as its table holds it.
pub(crate) struct Session {
    pub(crate) common: Common,
    pub(crate) state: Option<State>,
}

/// What every state of a call needs.
pub(crate) struct Common {
    pub(crate) id: SessionId,
    pub(crate) dialog_set: DialogSetId,
    /// The dialog of the call, once there is one that matters.
    pub(crate) dialog: Option<DialogId>,
    /// Our last ACK to a 2xx, for when that comes again.
    pub(crate) ack: Bytes,
    /// The CSeq number of that ACK.
    pub(crate) ack_number: u32,
    /// The connection on which the peer reaches us, as far as it knows.
    pub(crate) flow: Option<ConnectionId>,
    /// We called, so the Call-ID is ours.
    pub(crate) caller: bool,
    /// Legs of a fork that were acknowledged and ended.
    pub(crate) refused_legs: usize,
    timers: [Option<TimerKey>; 5],
}

/// Where a call stands. At most 128 bytes: what is large lives in a box.
pub(crate) enum State {
    /// Nothing has happened yet.
    Starting,
    /// Caller: the application has not described its offer yet.
    AwaitingOffer(Box<AwaitingOffer>),
    /// Caller: the INVITE waits for a connection.
    QueuedInvite(Box<QueuedInvite>),
    /// Caller: INVITE is sent.
    Calling(Calling),
    /// Caller: the 2xx brought an offer; the ACK waits for the answer.
    AwaitingAnswer(AwaitingAnswer),
    /// Callee: not answered yet.
    Incoming(Box<Incoming>),
    /// Both: a 2xx was sent or received.
    Confirmed(Confirmed),
    /// Both: BYE is sent, or waits for a connection.
    Terminating(Terminating),
}

/// What a state sees while it takes a step.
pub(crate) struct Context<'a> {
    pub(crate) endpoint: &'a mut Endpoint,
    pub(crate) common: &'a mut Common,
}

impl Session {
    pub(crate) fn new(id: SessionId, half: DialogSetId, state: State) -> Self {
        let common = Common {
            id,
            dialog_set: half,
            dialog: None,
            ack: Bytes::new(),
            ack_number: 0,
            flow: None,
            caller: false,
            refused_legs: 0,
            timers: [None; 5],
        };
        Self {
            common,
            state: Some(state),
        }
    }

    pub(crate) fn context<'a>(&'a mut self, endpoint: &'a mut Endpoint) -> Context<'a> {
        Context {
            endpoint,
            common: &mut self.common,
        }
    }
}

impl Context<'_> {
    fn event(&mut self, event: Event) {
        self.endpoint.event(event);
    }

    fn need_description(&mut self, kind: DescriptionKind) {
        let session = self.common.id;
        self.event(Event::DescriptionNeeded { session, kind });
    }

    fn remote_description(&mut self, kind: DescriptionKind, message: &Message) {
        if let Some(body) = body_of(message) {
            let session = self.common.id;
            self.event(Event::RemoteDescription {
                session,
                kind,
                body: Box::new(body),
            });
        }
    }

    pub(crate) fn set(&mut self, timer: SessionTimer, after: Duration) {
        self.clear(timer);
        let due = TimerOwner::Session(self.common.id, timer);
        self.common.timers[timer as usize] = Some(self.endpoint.timers.set(self.endpoint.now + after, due));
    }

    pub(crate) fn clear(&mut self, timer: SessionTimer) {
        if let Some(key) = self.common.timers[timer as usize].take() {
            self.endpoint.timers.cancel(key);
        }
    }

    /// The timer fired: its key is of no use any more.
    pub(crate) fn fired(&mut self, timer: SessionTimer) {
        self.common.timers[timer as usize] = None;
    }

    /// The call is over: says so once, and leaves nothing behind.
    pub(crate) fn end(&mut self, reason: EndReason) -> Option<State> {
        for timer in [
            SessionTimer::NoAnswer,
            SessionTimer::Ring,
            SessionTimer::Repeat,
            SessionTimer::GiveUp,
            SessionTimer::Offer,
        ] {
            self.clear(timer);
        }
        self.endpoint.dialogs.close(self.common.dialog_set);
        let session = self.common.id;
        self.event(Event::Ended {
            session,
            reason: Box::new(reason),
        });
        None
    }

    /// Ends the call by BYE (RFC 3261 section 15.1.1); without a connection it waits for one.
    pub(crate) fn hang_up(&mut self, reason: EndReason) -> Option<State> {
        for timer in [
            SessionTimer::NoAnswer,
            SessionTimer::Repeat,
            SessionTimer::GiveUp,
            SessionTimer::Offer,
        ] {
            self.clear(timer);
        }
        if self.must_wait() {
            return Some(State::Terminating(Terminating::waits(reason, self)));
        }
        let since = self.endpoint.now;
        self.send_bye(reason, since)
    }

    /// Sends the BYE of a call that ended at `since`.
    fn send_bye(&mut self, reason: EndReason, since: Timestamp) -> Option<State> {
        let Some(dialog) = self.common.dialog else {
            return self.end(reason);
        };
        let user = TransactionUser::Bye(self.common.id);
        let mut attempts = Attempts::new();
        let sent = self
            .endpoint
            .send_in_dialog(dialog, Method::Bye, None, &[], &mut attempts, user);
        match sent {
            Ok(_) => Some(State::Terminating(Terminating::sent(reason, attempts, since))),
            Err(error) => self.end(EndReason {
                cause: send_failure_cause(&error),
                ..reason
            }),
        }
    }

    /// Whether what is to be sent in this call waits: there is no connection, or one that the call does
    /// not know and that REGISTER has to go out on first.
    fn must_wait(&self) -> bool {
        let current = self.endpoint.connection().ok();
        current.is_none() || !self.endpoint.is_ready() && current != self.common.flow
    }

    /// ACKs a 2xx and keeps the ACK for when that comes again.
    fn keep_ack(
        &mut self,
        dialog: DialogId,
        invite: &Request,
        answer: Option<&Body>,
    ) -> Result<(), SendError> {
        self.common.ack = self.endpoint.acknowledge(dialog, invite, answer)?;
        self.common.ack_number = invite.cseq().map_or(0, |cseq| cseq.number);
        Ok(())
    }

    /// RFC 3261 section 14.2: how long the peer should wait before it sends an INVITE again.
    pub(crate) fn glare_wait(&mut self) -> alloc::string::String {
        alloc::format!("{}", below(self.endpoint.layer.rng(), 11))
    }

    /// The response to an INVITE from a dialog of ours: 101 to 299 (RFC 3261 sections 12.1.1 and 13.3.1).
    fn respond_in_dialog(
        &mut self,
        transaction: ServerTransactionId,
        status: StatusCode,
        body: Option<&Body>,
    ) -> Result<(), SendError> {
        let endpoint = &mut *self.endpoint;
        let Some(request) = endpoint.layer.request(transaction) else {
            return Err(SendError::Stale);
        };
        let tag = endpoint
            .dialogs
            .tag(self.common.dialog_set)
            .ok_or(SendError::Stale)?;
        let mut response = Builder::response_to(&request, status, Some(tag.as_bytes()));
        for route in request.headers_named(HeaderName::RecordRoute) {
            // A fold of the peer's stands for one space (RFC 3261 section 7.3.1).
            response.append(HeaderName::RecordRoute, route.unfolded().into_owned());
        }
        let dialog = self
            .common
            .dialog
            .and_then(|dialog| endpoint.dialogs.dialog(dialog));
        let local = dialog.map(Dialog::local_uri).unwrap_or_default();
        response
            .append(HeaderName::Contact, endpoint.identity.contact_as(local))
            .append(HeaderName::Allow, endpoint.allow())
            .append(HeaderName::Supported, endpoint.identity.supported.as_str())
            .append(HeaderName::UserAgent, endpoint.config.user_agent_string());
        if let Some(body) = body {
            response.body(body.content_type.as_bytes(), &body.bytes);
        }
        endpoint.layer.respond(transaction, response, endpoint.now)
    }

    /// Refuses an INVITE with the tag of its dialog, so that all its responses have the same one.
    fn refuse(
        &mut self,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: &[(HeaderName<'_>, &str)],
    ) {
        let tag = self
            .endpoint
            .dialogs
            .tag(self.common.dialog_set)
            .map(alloc::borrow::ToOwned::to_owned);
        self.endpoint
            .answer_tagged(transaction, status, headers, tag.as_deref());
    }
}
