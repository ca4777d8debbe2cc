//! The subscriptions of this side on one endpoint.

use alloc::boxed::Box;
use alloc::vec::Vec;

use sip_parse::{Method, Request, UriBuf, is_token};

use super::entry::{Subscription, Why};
use super::machine::{Input, State};
use super::options::SubscribeOptions;
use crate::endpoint::{
    DialogUsage, Duty, Endpoint, MaySend, Received, Sent, SubscriptionTimer, TimerOwner,
    TransactionUser, Usage,
};
use crate::error::CommandError;
use crate::ids::{ConnectionId, SubscriptionId};
use crate::limits::LimitKind;
use crate::reason::{Cause, EndReason};
use crate::requirement::Requirement;
use crate::slab::Slab;
use crate::time::Timestamp;
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

/// All subscriptions of this side on one [`Endpoint`].
///
/// A [`UserAgent`](crate::UserAgent) contains one. It is usable alone, too: the host opens the connections, calls
/// [`settle`](Self::settle) after each input, and tells a subscription its new connection by [`step`](Self::step).
///
/// ```
/// use rand_chacha::ChaCha20Rng;
/// use rand_core::SeedableRng;
/// use sip_core::endpoint::{Endpoint, EndpointSettings};
/// use sip_core::subscription::{SubscriptionInput, SubscriptionLayer};
/// use sip_core::{Action, ConnectionInfo, SubscribeOptions, Timestamp, Transport};
/// use sip_parse::UriBuf;
///
/// let mut settings = EndpointSettings::new(UriBuf::parse(b"sip:alice@example.com")?);
/// settings.behaviour.takes_requests = true;
/// let now = Timestamp::from_millis(1_000);
/// let rng = Box::new(ChaCha20Rng::from_seed([7; 32]));
/// let mut endpoint = Endpoint::new(settings, rng, now);
/// let server = endpoint.accept(ConnectionInfo { transport: Transport::Tcp, remote: None });
///
/// let mut subscriptions = SubscriptionLayer::new();
/// let bob = UriBuf::parse(b"sip:bob@example.com")?;
/// let options = SubscribeOptions::new().accept("application/pidf+xml");
/// let id = subscriptions.subscribe(&mut endpoint, Some(server), bob, "presence", options)?;
/// subscriptions.settle(&mut endpoint);
/// let Some(Action::Transmit { bytes, .. }) = endpoint.poll_action() else { panic!() };
/// assert!(bytes.starts_with(b"SUBSCRIBE sip:bob@example.com SIP/2.0\r\n"));
///
/// subscriptions.step(&mut endpoint, id, SubscriptionInput::Unsubscribe)?;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[cfg_attr(test, derive(Clone))]
pub struct SubscriptionLayer {
    pub(super) subscriptions: Slab<Subscription>,
}

/// What an application or host can do with a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SubscriptionInput {
    /// Refresh it now (RFC 6665 section 4.1.2.2).
    Refresh,
    /// End it (RFC 6665 section 4.1.2.3).
    Unsubscribe,
    /// Use this connection from now on, because the last one is gone: a SUBSCRIBE there tells the notifier the new Contact.
    /// A [`UserAgent`](crate::UserAgent) does this by itself.
    Connected(ConnectionId),
}

impl Default for SubscriptionLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl SubscriptionLayer {
    /// Makes a layer without subscriptions.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            subscriptions: Slab::new(),
        }
    }

    /// The number of subscriptions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subscriptions.len()
    }

    /// Whether there are no subscriptions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
    }

    /// All subscriptions.
    #[must_use]
    pub fn ids(&self) -> Vec<SubscriptionId> {
        let handles = self.subscriptions.handles();
        handles.into_iter().map(SubscriptionId).collect()
    }

    /// Subscribes to `package` at `target` (RFC 6665 section 4.1.2.1) on `connection`, or on the flow in use if that is `None`.
    /// The endpoint has to take NOTIFY
    /// ([`Behaviour::takes_requests`](crate::endpoint::Behaviour::takes_requests)).
    ///
    /// # Errors
    /// [`CommandError::WrongState`] if the endpoint takes no NOTIFY; [`CommandError::EventPackage`] if package or `id` is no token;
    /// [`CommandError::Limit`] if [`Limits::subscriptions`](crate::Limits::subscriptions) is reached;
    /// [`CommandError::NotConnected`] and others of sending. No subscription exists then.
    pub fn subscribe(
        &mut self,
        endpoint: &mut Endpoint,
        connection: Option<ConnectionId>,
        target: UriBuf,
        package: &str,
        options: SubscribeOptions,
    ) -> Result<SubscriptionId, CommandError> {
        if !endpoint.behaviour().takes_requests {
            return Err(CommandError::WrongState(Requirement::TakesNotify));
        }
        let names = [package, options.id.as_deref().unwrap_or(package)];
        if !names.iter().all(|name| is_token(name.as_bytes())) {
            return Err(CommandError::EventPackage);
        }
        if self.len() >= endpoint.limits().subscriptions {
            return Err(CommandError::Limit(LimitKind::Subscriptions));
        }
        let target = target.as_uri().to_request_uri();
        let duty = match connection {
            Some(_) => Duty::Owed(connection),
            None => Duty::Command,
        };
        let poll = options.expires == 0;
        let queued = State::Queued { poll };
        let mut subscription = Subscription::new(queued, target, package, options);
        let id = SubscriptionId(self.subscriptions.next_handle());
        match endpoint.may_send(duty, subscription.target.as_bytes()) {
            MaySend::Now(connection) => {
                subscription.subscribe(endpoint, id, connection)?;
                subscription.state = State::first(poll);
            }
            MaySend::Later if connection.is_some() => return Err(CommandError::NotConnected),
            MaySend::Later => subscription.sequence = endpoint.next_sequence(),
            MaySend::Never(error) => return Err(error.into()),
        }
        // Timer N, or the end of the wait for a connection.
        let deadline = endpoint.now + endpoint.longest_wait();
        let timer = SubscriptionTimer::Notify;
        subscription.timers.set(endpoint, id, timer, deadline);
        self.subscriptions.insert(subscription);
        Ok(id)
    }

    /// Lets a subscription take an input.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is over; [`CommandError::WrongState`] for a refresh after the application has unsubscribed.
    pub fn step(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        input: SubscriptionInput,
    ) -> Result<(), CommandError> {
        let subscription = self.subscriptions.get_mut(id.0);
        let subscription = subscription.ok_or(CommandError::Stale)?;
        let input = match input {
            SubscriptionInput::Refresh if subscription.state.is_leaving() => {
                return Err(CommandError::WrongState(Requirement::SubscriptionGoesOn));
            }
            SubscriptionInput::Refresh => Input::Refresh,
            SubscriptionInput::Unsubscribe => Input::Unsubscribe,
            SubscriptionInput::Connected(connection) => {
                if subscription.connection == Some(connection) {
                    return Ok(());
                }
                subscription.connection = Some(connection);
                Input::Connected
            }
        };
        self.drive(endpoint, id, input, Why::default());
        Ok(())
    }

    /// Refreshes a subscription now (RFC 6665 section 4.1.2.2).
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn refresh(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
    ) -> Result<(), CommandError> {
        self.step(endpoint, id, SubscriptionInput::Refresh)
    }

    /// Ends a subscription (RFC 6665 section 4.1.2.3); it stays until the last NOTIFY or timer N.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is over.
    pub fn unsubscribe(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
    ) -> Result<(), CommandError> {
        self.step(endpoint, id, SubscriptionInput::Unsubscribe)
    }

    /// Passes everything that the endpoint has received to its subscriptions, and refuses requests that belong to none. The
    /// host calls it after each [`Endpoint::receive`], [`Endpoint::closed`] and command.
    pub fn settle(&mut self, endpoint: &mut Endpoint) {
        endpoint.settle_alone(self);
    }

    /// Advances the clock to `now`, which never goes back: fires the due deadlines.
    pub fn tick(&mut self, endpoint: &mut Endpoint, now: Timestamp) {
        endpoint.tick_alone(self, now);
    }

    /// The subscription that waits for the final response to this SUBSCRIBE.
    pub(super) fn of_user(&self, user: TransactionUser) -> Option<SubscriptionId> {
        let TransactionUser::Subscription(id, number) = user else {
            return None;
        };
        let subscription = self.subscriptions.get(id.0)?;
        (subscription.in_flight && subscription.sent == number).then_some(id)
    }

    /// Drives every subscription, those that wait for a connection in the order of their commands first.
    fn drive_all(&mut self, endpoint: &mut Endpoint, input: Input, why: &Why) {
        let mut ids: Vec<_> = self.subscriptions.iter().collect();
        ids.sort_by_key(|(_, entry)| (!entry.state.is_queued(), entry.sequence));
        let ids: Vec<_> = ids.into_iter().map(|(id, _)| SubscriptionId(id)).collect();
        for id in ids {
            self.drive(endpoint, id, input, why.clone());
        }
    }
}

impl Usage for SubscriptionLayer {
    fn awaits(&self, user: TransactionUser) -> bool {
        self.of_user(user).is_some()
    }

    fn on_resent(&mut self, endpoint: &mut Endpoint, user: TransactionUser) {
        self.on_subscribe_resent(endpoint, user);
    }

    fn on_not_resent(&mut self, endpoint: &mut Endpoint, user: TransactionUser, error: &SendError) {
        self.on_subscribe_not_resent(endpoint, user, error);
    }

    fn on_response(&mut self, endpoint: &mut Endpoint, received: &Received) {
        self.on_subscribe_response(endpoint, received);
    }

    fn on_failed(&mut self, endpoint: &mut Endpoint, sent: &Sent, error: TransactionError) {
        self.on_subscribe_failed(endpoint, sent, error);
    }

    fn on_request(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        usage: Option<DialogUsage>,
        request: Box<Request>,
    ) -> Result<(), Box<Request>> {
        match (usage, request.method()) {
            (Some(DialogUsage::Subscription(id)), Method::Notify) => {
                self.on_notify(endpoint, transaction, id, request);
                Ok(())
            }
            // RFC 3261 section 11.2: within a dialog as outside.
            (Some(DialogUsage::Subscription(_)), Method::Options) => {
                endpoint.answer_options(transaction, &request, false);
                Ok(())
            }
            _ => Err(request),
        }
    }

    fn on_server_failed(&mut self, _endpoint: &mut Endpoint, _transaction: ServerTransactionId) {}

    fn on_timeout(&mut self, endpoint: &mut Endpoint, owner: TimerOwner) {
        let TimerOwner::Subscription(id, timer) = owner else {
            return;
        };
        let Some(subscription) = self.subscriptions.get_mut(id.0) else {
            return;
        };
        subscription.timers.fired(timer);
        let resubscribes = subscription.resubscribes();
        let input = match timer {
            SubscriptionTimer::Notify => Input::NotifyTimeout {
                again: resubscribes && subscription.was_live,
            },
            SubscriptionTimer::Subscribe => Input::Due,
            SubscriptionTimer::Expiry => Input::Expired {
                again: resubscribes,
            },
        };
        let why = Why::failed(EndReason::transport(Cause::Timeout));
        self.drive(endpoint, id, input, why);
    }

    fn on_connected(&mut self, endpoint: &mut Endpoint) {
        let Some(flow) = endpoint.flow.as_ref().map(|flow| flow.connection) else {
            return;
        };
        // The notifier knows the Contact of the flow already.
        let knows =
            |entry: &Subscription| entry.connection == Some(flow) && !entry.state.is_queued();
        let mut ids: Vec<_> = self.subscriptions.iter().collect();
        ids.retain(|(_, entry)| !knows(entry));
        ids.sort_by_key(|(_, entry)| (!entry.state.is_queued(), entry.sequence));
        let ids: Vec<_> = ids.into_iter().map(|(id, _)| SubscriptionId(id)).collect();
        for id in ids {
            self.drive(endpoint, id, Input::Connected, Why::default());
        }
    }

    fn give_up(&mut self, endpoint: &mut Endpoint) {
        let why = Why::failed(EndReason::local(Cause::Stopped));
        self.drive_all(endpoint, Input::GiveUp, &why);
    }

    fn stop(&mut self, endpoint: &mut Endpoint) {
        self.drive_all(endpoint, Input::Unsubscribe, &Why::default());
    }

    fn end(&mut self, endpoint: &mut Endpoint) {
        let why = Why::failed(EndReason::local(Cause::Stopped));
        self.drive_all(endpoint, Input::Stop, &why);
    }
}
