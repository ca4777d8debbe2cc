//! What the handles of an application ask: a machine that follows the events of one agent before the application sees them.
//!
//! [`Handles::feed`] is its input from the agent. The other inputs are those of handles: a command makes an entry in the closure
//! that runs where the agent lives, so that no event about it is missed, and the drop of the handle takes it out again. A
//! question such as [`Handles::ended`] is asked again whenever an input wakes its [`Topic`]. What a handle leaves to the agent is a
//! [`Chore`].
//!
//! The machine keeps what a handle may ask, and nothing else: its memory is bounded by the calls of peers that ring, by the handles
//! of the application, and by [`INBOUND`].
//!
//! The adapter locks it, and calls the wakers that it returns after it has released the lock.

mod calls;
mod chore;
pub mod error;
mod inbound;
mod outcomes;
mod waiters;
mod watch;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::task::Waker;

use sip_core::{
    EndReason, Event, IncomingRequestId, Registration, RequestId, SessionId, TransferId,
    TransferOutcome,
};
use sip_parse::{Method, Request, Response};

use calls::{Calls, Effect, Input};
pub use calls::{OfferedCall, stopped};
pub use chore::Chore;
use error::{NotConnected, RegistrationError};
pub use inbound::INBOUND;
use inbound::Inbound;
use outcomes::Outcomes;
use waiters::Waiters;
pub use waiters::{Topic, WaitId};
pub use watch::Seen;
use watch::{Changed, Watch};

use crate::failure::ConnectFailure;

/// The outcome of a request of the application.
pub type RequestOutcome = Result<Box<Response>, Box<EndReason>>;

/// A request of a peer that waits for a handle.
#[derive(Clone, Debug)]
pub struct OfferedRequest {
    /// The request.
    pub incoming: IncomingRequestId,
    /// The call that it belongs to, if any.
    pub session: Option<SessionId>,
    /// The request.
    pub request: Box<Request>,
}

/// The wakers to call once the lock is released.
#[must_use = "the waits that are over go on only if their wakers are called"]
#[derive(Debug, Default)]
pub struct Woken(Vec<Waker>);

impl Woken {
    /// Calls the wakers.
    pub fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

/// The machine. See the module.
#[derive(Debug, Default)]
pub struct Handles {
    waiters: Waiters,
    chores: VecDeque<Chore>,
    /// Wakes the adapter when a chore waits.
    adapter: Option<Waker>,
    watch: Watch,
    calls: Calls,
    requests: Outcomes<RequestId, RequestOutcome>,
    transfers: Outcomes<TransferId, TransferOutcome>,
    messages: Inbound<OfferedRequest>,
}

impl Handles {
    /// Takes an event of the agent. `is_registration_wanted`: the core registers, or tries to; `failure` returns the details of the
    /// last attempt to connect that failed.
    pub fn feed(
        &mut self,
        event: &Event,
        is_registration_wanted: bool,
        failure: impl FnOnce() -> Option<ConnectFailure>,
    ) -> Woken {
        let mut woken = Vec::new();
        match self.watch.on_event(event, is_registration_wanted, failure) {
            Changed::Nothing => {}
            Changed::Connection => self.waiters.take(Topic::Connection, &mut woken),
            Changed::Registration => self.waiters.take(Topic::Registration, &mut woken),
            // The end of the agent ends every wait for what it can no longer bring.
            Changed::Stop => self.waiters.take_all(&mut woken),
        }
        match self.calls.on_event(event) {
            Effect::Wake => {
                if let Some(session) = event.session() {
                    self.waiters.take(Topic::Call(session), &mut woken);
                }
                if let Event::CallBranched { of, .. } = event {
                    self.waiters.take(Topic::Call(*of), &mut woken);
                }
            }
            Effect::WakeTakers => self.waiters.take(Topic::IncomingCall, &mut woken),
            Effect::Nothing | Effect::HangUp => {}
        }
        match event {
            Event::RequestCompleted { request, outcome }
                if self.requests.complete(request, || outcome.clone()) =>
            {
                self.waiters.take(Topic::Request(*request), &mut woken);
            }
            Event::TransferEnded {
                transfer, outcome, ..
            } if self.transfers.complete(transfer, || outcome.clone()) => {
                self.waiters.take(Topic::Transfer(*transfer), &mut woken);
            }
            Event::IncomingRequest {
                incoming,
                session,
                request,
            } if self.messages.is_wanted() && request.method() == Method::Message => {
                self.messages.push(OfferedRequest {
                    incoming: *incoming,
                    session: *session,
                    request: request.clone(),
                });
                self.waiters.take(Topic::IncomingMessage, &mut woken);
            }
            _ => {}
        }
        Woken(woken)
    }

    /// The agent is gone: no further event comes, and no further command runs.
    pub fn gone(&mut self) -> Woken {
        let mut woken = Vec::new();
        self.watch.is_gone = true;
        self.calls.gone();
        self.chores.clear();
        self.adapter = None;
        self.waiters.take_all(&mut woken);
        Woken(woken)
    }

    /// Whether the agent is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.watch.is_gone
    }

    /// Whether the agent is gone, or stopped and not started again: it brings nothing more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.watch.is_gone || self.watch.is_stopped
    }

    /// A number for a wait that begins.
    pub fn mint_wait(&mut self) -> WaitId {
        self.waiters.mint()
    }

    /// A wait is not over: `waker` is called when its topic is woken.
    pub fn wait(&mut self, topic: Topic, wait: WaitId, waker: &Waker) {
        self.waiters.set(topic, wait, waker);
    }

    /// A wait is over, or its future is dropped.
    pub fn end_wait(&mut self, topic: Topic, wait: WaitId) {
        self.waiters.remove(topic, wait);
    }

    /// Leaves `chore` to the agent.
    pub fn leave(&mut self, chore: Chore) -> Woken {
        if self.watch.is_gone {
            return Woken::default();
        }
        self.chores.push_back(chore);
        Woken(self.adapter.clone().into_iter().collect())
    }

    /// Whether a chore waits; if none does, `adapter` is called when one comes.
    pub fn await_chore(&mut self, adapter: &Waker) -> bool {
        if !self.chores.is_empty() {
            return true;
        }
        let known = self.adapter.as_ref();
        if !known.is_some_and(|known| known.will_wake(adapter)) {
            self.adapter = Some(adapter.clone());
        }
        false
    }

    /// The next chore. The adapter takes all of them before each command.
    pub fn take_chore(&mut self) -> Option<Chore> {
        self.chores.pop_front()
    }

    /// How many entries there are, for tests of memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len() + self.requests.len() + self.transfers.len() + self.waiters.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Connection, registration, end of the agent.
impl Handles {
    /// What has happened to the connection until now.
    #[must_use]
    pub fn seen_connection(&self) -> Seen {
        self.watch.seen_connection()
    }

    /// What has happened to the registration until now.
    #[must_use]
    pub fn seen_registration(&self) -> Seen {
        self.watch.seen_registration()
    }

    /// A connection has opened, or an attempt has failed, since `seen`; `None` while neither has.
    #[must_use]
    pub fn connected(&self, seen: Seen) -> Option<Result<(), NotConnected>> {
        self.watch.connected(seen)
    }

    /// The agent has registered, or it never will by itself; `None` while it tries.
    #[must_use]
    pub fn registered(&self, seen: Seen) -> Option<Result<Registration, RegistrationError>> {
        self.watch.registered(seen)
    }

    /// The last registration.
    #[must_use]
    pub fn registration(&self) -> Option<&Registration> {
        self.watch.registration()
    }

    /// Why an agent that does not register does not.
    #[must_use]
    pub fn refused(&self) -> RegistrationError {
        self.watch.refused()
    }

    /// The application stops the agent. False if it does so already, because a second stop would cut the first one short.
    pub fn begin_stop(&mut self) -> bool {
        !core::mem::replace(&mut self.watch.is_stopping, true)
    }

    /// The agent has stopped since `seen`; `None` while it has not.
    #[must_use]
    pub fn stopped(&self, seen: Seen) -> Option<()> {
        self.watch.stopped(seen)
    }
}

/// Calls.
impl Handles {
    /// A command has made a call. Its handle lives from now on.
    pub fn place_call(&mut self, session: SessionId) {
        self.calls.step(session, Input::Place);
        if self.watch.is_gone {
            self.calls.gone();
        }
    }

    /// The next call of a peer; its handle lives from now on. `None` while there is none, and `Some(None)` once the agent has ended.
    pub fn claim_call(&mut self) -> Option<Option<OfferedCall>> {
        match self.calls.claim() {
            Some(call) => Some(Some(call)),
            None => self.has_ended().then_some(None),
        }
    }

    /// The next branch of a forked call; its handle lives from now on. `None` while there is none, and `Some(None)` once the call
    /// has ended.
    pub fn claim_branch(&mut self, of: SessionId) -> Option<Option<SessionId>> {
        match self.calls.claim_branch(of) {
            Some(session) => Some(Some(session)),
            None => self.calls.end(of).map(|_| None),
        }
    }

    /// Whether the call came up, or why it ended before; `None` while neither is known.
    #[must_use]
    pub fn established(&self, session: SessionId) -> Option<Result<(), EndReason>> {
        self.calls.established(session)
    }

    /// Why the call ended; `None` while it goes on.
    #[must_use]
    pub fn ended(&self, session: SessionId) -> Option<EndReason> {
        self.calls.end(session).cloned()
    }

    /// The application has asked for a change of the session. Returns its number.
    pub fn begin_change(&mut self, session: SessionId) -> u64 {
        self.calls.begin_change(session)
    }

    /// The outcome of a change of the session; `None` while it goes on.
    #[must_use]
    pub fn changed(&self, session: SessionId, number: u64) -> Option<Result<(), Box<EndReason>>> {
        self.calls.changed(session, number)
    }

    /// The handle of a call is dropped: the call ends, and with it the branches that have no handle.
    pub fn drop_call(&mut self, session: SessionId, is_unanswered: bool) -> Woken {
        let branches = self.calls.branches(session);
        let mut woken = Woken::default();
        if self.calls.step(session, Input::Drop) == Effect::HangUp {
            woken = self.leave(if is_unanswered {
                Chore::Reject(session, None)
            } else {
                Chore::HangUp(session)
            });
        }
        for branch in branches {
            if self.calls.step(branch, Input::Drop) == Effect::HangUp {
                woken = self.leave(Chore::HangUp(branch));
            }
        }
        woken
    }

    /// The application gives the handle of a call up and keeps the call.
    pub fn detach_call(&mut self, session: SessionId) {
        for branch in self.calls.branches(session) {
            self.calls.step(branch, Input::Detach);
        }
        self.calls.step(session, Input::Detach);
    }
}

/// Requests and transfers.
impl Handles {
    /// A handle waits for the outcome of a request.
    pub fn expect_request(&mut self, request: RequestId) {
        self.requests.expect(request);
    }

    /// The outcome of a request; `None` while it has none.
    #[must_use]
    pub fn request_outcome(&self, request: RequestId) -> Option<RequestOutcome> {
        match self.requests.outcome(&request) {
            Some(outcome) => Some(outcome.clone()),
            None => self.watch.is_gone.then(|| Err(Box::new(stopped()))),
        }
    }

    /// The handle of a request is dropped.
    pub fn forget_request(&mut self, request: RequestId) {
        self.requests.forget(&request);
    }

    /// A handle waits for the outcome of a REFER.
    pub fn expect_transfer(&mut self, transfer: TransferId) {
        self.transfers.expect(transfer);
    }

    /// The outcome of a REFER; `None` while it has none.
    #[must_use]
    pub fn transfer_outcome(&self, transfer: TransferId) -> Option<TransferOutcome> {
        match self.transfers.outcome(&transfer) {
            Some(outcome) => Some(outcome.clone()),
            None => self.watch.is_gone.then_some(TransferOutcome::CallEnded),
        }
    }

    /// No handle waits for the outcome of a REFER any more.
    pub fn forget_transfer(&mut self, transfer: TransferId) {
        self.transfers.forget(&transfer);
    }

    /// The application takes the MESSAGE requests of peers from now on.
    pub fn want_messages(&mut self) {
        self.messages.want();
    }

    /// The next MESSAGE of a peer. `None` while there is none, and `Some(None)` once the agent has ended.
    pub fn claim_message(&mut self) -> Option<Option<OfferedRequest>> {
        match self.messages.take() {
            Some(message) => Some(Some(message)),
            None => self.has_ended().then_some(None),
        }
    }
}
