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
mod usages;
mod waiters;
mod watch;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::task::Waker;

use core::time::Duration;

use sip_core::{
    Body, EndReason, Event, IncomingRequestId, IncomingSubscriptionEnd, IncomingSubscriptionId,
    PublicationId, ReferId, Referral, Registration, RequestId, SessionId, SubscriptionEnd,
    SubscriptionId, SubscriptionState, TransferId, TransferOutcome,
};
use sip_parse::{Method, Request, Response};

use calls::{Calls, Effect, Input};
pub use calls::{OfferedCall, stopped};
pub use chore::Chore;
use error::{NotConnected, RegistrationError};
pub use inbound::INBOUND;
use inbound::Inbound;
use outcomes::Outcomes;
use usages::{Effect as UsageEffect, Input as UsageInput, Usages};
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

/// A REFER of a peer that waits for a handle.
#[derive(Clone, Debug)]
pub struct OfferedTransfer {
    /// The REFER.
    pub refer: ReferId,
    /// The call in which the peer asks; `None` outside calls.
    pub session: Option<SessionId>,
    /// What the peer asks for.
    pub referral: Box<Referral>,
}

/// A subscription of a peer that waits for a handle.
#[derive(Clone, Debug)]
pub struct OfferedSubscription {
    /// The subscription.
    pub subscription: IncomingSubscriptionId,
    /// The call in whose dialog the peer subscribes; `None` as a rule.
    pub session: Option<SessionId>,
    /// The event package.
    pub package: Box<str>,
    /// How long it lasts; zero: the peer asks for the state once.
    pub expires: Duration,
    /// The SUBSCRIBE.
    pub request: Box<Request>,
}

/// How many notifications of one subscription wait for the application. The newest are kept, because each has the whole state in
/// most packages.
pub const NOTICES: usize = 16;

/// A notification (RFC 6665 section 4.1.3): the state of the resource that the application has subscribed to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notice {
    /// The state of the subscription.
    pub state: SubscriptionState,
    /// How long the subscription lasts from now on; the core refreshes it before.
    pub expires: Duration,
    /// The state of the resource; `None` without a body.
    pub body: Option<Box<Body>>,
    /// The NOTIFY.
    pub notify: Box<Request>,
    /// How many notifications went before this one, because the application did not take them in time.
    pub missed: u64,
}

/// The outcome of a publication.
type PublicationEnd = Result<(), Box<EndReason>>;

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
#[derive(Debug)]
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
    transfers_of_peers: Inbound<OfferedTransfer>,
    subscriptions_of_peers: Inbound<OfferedSubscription>,
    subscriptions: Usages<SubscriptionId, Notice, SubscriptionEnd>,
    /// The subscriptions of peers that the application has taken, and whether it has accepted them.
    taken_subscriptions: Usages<IncomingSubscriptionId, (), IncomingSubscriptionEnd>,
    publications: Usages<PublicationId, (), PublicationEnd>,
}

impl Default for Handles {
    fn default() -> Self {
        Self {
            waiters: Waiters::default(),
            chores: VecDeque::new(),
            adapter: None,
            watch: Watch::default(),
            calls: Calls::default(),
            requests: Outcomes::default(),
            transfers: Outcomes::default(),
            messages: Inbound::default(),
            transfers_of_peers: Inbound::default(),
            subscriptions_of_peers: Inbound::default(),
            subscriptions: Usages::new(NOTICES),
            taken_subscriptions: Usages::new(1),
            publications: Usages::new(1),
        }
    }
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
        if let Some(topic) = self.on_request(event).or_else(|| self.on_usage(event)) {
            self.waiters.take(topic, &mut woken);
        }
        Woken(woken)
    }

    /// Takes an event about a request or a REFER. Returns whose waits ask again.
    fn on_request(&mut self, event: &Event) -> Option<Topic> {
        match event {
            Event::RequestCompleted { request, outcome } => {
                let is_awaited = self.requests.complete(request, || outcome.clone());
                is_awaited.then_some(Topic::Request(*request))
            }
            Event::TransferEnded {
                transfer, outcome, ..
            } => {
                let is_awaited = self.transfers.complete(transfer, || outcome.clone());
                is_awaited.then_some(Topic::Transfer(*transfer))
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
                Some(Topic::IncomingMessage)
            }
            Event::IncomingRefer {
                refer,
                session,
                referral,
            } if self.transfers_of_peers.is_wanted() => {
                self.transfers_of_peers.push(OfferedTransfer {
                    refer: *refer,
                    session: *session,
                    referral: referral.clone(),
                });
                Some(Topic::IncomingTransfer)
            }
            _ => None,
        }
    }

    /// Takes an event about a subscription or a publication. Returns whose waits ask again.
    fn on_usage(&mut self, event: &Event) -> Option<Topic> {
        match event {
            Event::Notified {
                subscription,
                state,
                expires,
                body,
                notify,
            } => {
                let notice = || Notice {
                    state: state.clone(),
                    expires: *expires,
                    body: body.clone(),
                    notify: notify.clone(),
                    missed: 0,
                };
                let is_awaited = self.subscriptions.report(*subscription, notice);
                is_awaited.then_some(Topic::Subscription(*subscription))
            }
            Event::SubscriptionEnded {
                subscription,
                cause,
            } => {
                let is_awaited = self.subscriptions.end(*subscription, || cause.clone());
                is_awaited.then_some(Topic::Subscription(*subscription))
            }
            Event::IncomingSubscription {
                subscription,
                session,
                package,
                expires,
                request,
            } if self.subscriptions_of_peers.is_wanted() => {
                self.subscriptions_of_peers.push(OfferedSubscription {
                    subscription: *subscription,
                    session: *session,
                    package: package.clone(),
                    expires: *expires,
                    request: request.clone(),
                });
                Some(Topic::IncomingSubscription)
            }
            Event::IncomingSubscriptionEnded {
                subscription,
                cause,
            } => {
                let is_over = |offer: &OfferedSubscription| offer.subscription == *subscription;
                self.subscriptions_of_peers.remove(is_over);
                let is_awaited = self
                    .taken_subscriptions
                    .end(*subscription, || cause.clone());
                is_awaited.then_some(Topic::PeerSubscription(*subscription))
            }
            Event::Published { publication, .. } => {
                let is_awaited = self.publications.report(*publication, || ());
                is_awaited.then_some(Topic::Publication(*publication))
            }
            Event::PublicationEnded {
                publication,
                outcome,
            } => {
                let is_awaited = self.publications.end(*publication, || outcome.clone());
                is_awaited.then_some(Topic::Publication(*publication))
            }
            _ => None,
        }
    }

    /// The agent is gone: no further event comes, and no further command runs.
    pub fn gone(&mut self) -> Woken {
        let mut woken = Vec::new();
        self.watch.is_gone = true;
        self.calls.gone();
        self.subscriptions
            .gone(&SubscriptionEnd::Failed(Box::new(stopped())));
        self.taken_subscriptions
            .gone(&IncomingSubscriptionEnd::DialogEnded);
        self.publications.gone(&Err(Box::new(stopped())));
        // No event would end a subscription that is taken later.
        self.subscriptions_of_peers.remove(|_| true);
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

    /// A wait is not over: `waker` is called when its topic is woken. Returns the waker that it replaces, to be dropped once the
    /// lock is released: the drop may drop a task of the application, and with it handles.
    #[must_use = "the waker is dropped after the lock is released"]
    pub fn wait(&mut self, topic: Topic, wait: WaitId, waker: &Waker) -> Option<Waker> {
        self.waiters.set(topic, wait, waker)
    }

    /// A wait is over, or its future is dropped. Returns its waker, to be dropped once the lock is released.
    #[must_use = "the waker is dropped after the lock is released"]
    pub fn end_wait(&mut self, topic: Topic, wait: WaitId) -> Option<Waker> {
        self.waiters.remove(topic, wait)
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
        let usages =
            self.subscriptions.len() + self.taken_subscriptions.len() + self.publications.len();
        let outcomes = self.requests.len() + self.transfers.len();
        self.calls.len() + outcomes + usages + self.waiters.len()
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

/// Subscriptions, publications and REFERs of peers.
impl Handles {
    /// A command has made a subscription. Its handle lives from now on.
    pub fn place_subscription(&mut self, subscription: SubscriptionId) {
        self.subscriptions.step(subscription, UsageInput::Place);
    }

    /// The next notification. `None` while there is none, and `Some(None)` once the subscription has ended.
    pub fn next_notice(&mut self, subscription: SubscriptionId) -> Option<Option<Notice>> {
        let next = self.subscriptions.next(subscription)?;
        Some(next.map(|(notice, missed)| Notice { missed, ..notice }))
    }

    /// Why the subscription ended; `None` while it goes on.
    #[must_use]
    pub fn subscription_end(&self, subscription: SubscriptionId) -> Option<SubscriptionEnd> {
        self.subscriptions.ended(subscription).cloned()
    }

    /// The handle of a subscription is dropped, or given up.
    pub fn drop_subscription(&mut self, subscription: SubscriptionId, is_detached: bool) -> Woken {
        let input = end_of_handle(is_detached);
        match self.subscriptions.step(subscription, input) {
            UsageEffect::EndIt => self.leave(Chore::Unsubscribe(subscription)),
            _ => Woken::default(),
        }
    }

    /// The application takes the subscriptions of peers from now on.
    pub fn want_subscriptions(&mut self) {
        self.subscriptions_of_peers.want();
    }

    /// The next subscription of a peer; its handle lives from now on. `None` while there is none, and `Some(None)` once the agent
    /// has ended.
    pub fn claim_subscription(&mut self) -> Option<Option<OfferedSubscription>> {
        match self.subscriptions_of_peers.take() {
            Some(offer) => {
                let taken = &mut self.taken_subscriptions;
                taken.step(offer.subscription, UsageInput::Place);
                Some(Some(offer))
            }
            None => self.has_ended().then_some(None),
        }
    }

    /// The application has accepted a subscription of a peer.
    pub fn accept_subscription(&mut self, subscription: IncomingSubscriptionId) {
        self.taken_subscriptions.report(subscription, || ());
    }

    /// Why a subscription of a peer ended; `None` while it goes on.
    #[must_use]
    pub fn incoming_subscription_end(
        &self,
        subscription: IncomingSubscriptionId,
    ) -> Option<IncomingSubscriptionEnd> {
        self.taken_subscriptions.ended(subscription).cloned()
    }

    /// The handle of a subscription of a peer is dropped: the agent refuses it, or terminates it if it is accepted.
    pub fn drop_incoming_subscription(&mut self, subscription: IncomingSubscriptionId) -> Woken {
        let is_accepted = self.taken_subscriptions.has_news(subscription);
        match self
            .taken_subscriptions
            .step(subscription, UsageInput::Drop)
        {
            UsageEffect::EndIt if is_accepted => self.leave(Chore::Terminate(subscription)),
            UsageEffect::EndIt => self.leave(Chore::RejectSubscription(subscription, None)),
            _ => Woken::default(),
        }
    }

    /// A command has made a publication. Its handle lives from now on.
    pub fn place_publication(&mut self, publication: PublicationId) {
        self.publications.step(publication, UsageInput::Place);
    }

    /// The application has given another state, which the server does not hold yet.
    pub fn publish_anew(&mut self, publication: PublicationId) {
        self.publications.clear(publication);
    }

    /// Whether the server holds the state, or why the publication ended; `None` while neither is known.
    #[must_use]
    pub fn published(&self, publication: PublicationId) -> Option<Result<(), EndReason>> {
        if self.publications.has_news(publication) {
            return Some(Ok(()));
        }
        self.publication_end(publication)
    }

    /// The outcome of the publication; `None` while it goes on.
    #[must_use]
    pub fn publication_end(&self, publication: PublicationId) -> Option<Result<(), EndReason>> {
        let end = self.publications.ended(publication)?;
        Some(end.clone().map_err(|reason| *reason))
    }

    /// The handle of a publication is dropped, or given up.
    pub fn drop_publication(&mut self, publication: PublicationId, is_detached: bool) -> Woken {
        let input = end_of_handle(is_detached);
        match self.publications.step(publication, input) {
            UsageEffect::EndIt => self.leave(Chore::Unpublish(publication)),
            _ => Woken::default(),
        }
    }

    /// The application takes the REFERs of peers from now on.
    pub fn want_transfers(&mut self) {
        self.transfers_of_peers.want();
    }

    /// The next REFER of a peer. `None` while there is none, and `Some(None)` once the agent has ended.
    pub fn claim_transfer(&mut self) -> Option<Option<OfferedTransfer>> {
        match self.transfers_of_peers.take() {
            Some(offer) => Some(Some(offer)),
            None => self.has_ended().then_some(None),
        }
    }
}

fn end_of_handle(is_detached: bool) -> UsageInput {
    if is_detached {
        UsageInput::Detach
    } else {
        UsageInput::Drop
    }
}
