//! The subscriptions of this side on one endpoint.

use alloc::boxed::Box;

use sip_parse::{Request, UriBuf};

use super::options::SubscribeOptions;
use crate::endpoint::{DialogUsage, Endpoint, Received, Sent, TimerOwner, TransactionUser, Usage};
use crate::error::CommandError;
use crate::ids::{ConnectionId, SubscriptionId};
use crate::slab::Slab;
use crate::time::Timestamp;
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

/// All subscriptions of this side on one [`Endpoint`].
pub struct SubscriptionLayer {
    subscriptions: Slab<()>,
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

    /// Subscribes to `package` at `target` (RFC 6665 section 4.1.2.1) on `connection`, or on the flow in use if that is `None`.
    ///
    /// # Errors
    /// [`CommandError`]; no subscription exists then.
    pub fn subscribe(
        &mut self,
        _endpoint: &mut Endpoint,
        _connection: Option<ConnectionId>,
        _target: UriBuf,
        _package: &str,
        _options: SubscribeOptions,
    ) -> Result<SubscriptionId, CommandError> {
        Err(CommandError::WrongState("skeleton"))
    }

    /// Refreshes a subscription now (RFC 6665 section 4.1.2.2).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is over.
    pub fn refresh(
        &mut self,
        _endpoint: &mut Endpoint,
        _id: SubscriptionId,
    ) -> Result<(), CommandError> {
        Err(CommandError::Stale)
    }

    /// Ends a subscription (RFC 6665 section 4.1.2.3); it stays until the last NOTIFY or timer N.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is over.
    pub fn unsubscribe(
        &mut self,
        _endpoint: &mut Endpoint,
        _id: SubscriptionId,
    ) -> Result<(), CommandError> {
        Err(CommandError::Stale)
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
}

impl Usage for SubscriptionLayer {
    fn awaits(&self, _user: TransactionUser) -> bool {
        false
    }

    fn on_resent(&mut self, _endpoint: &mut Endpoint, _user: TransactionUser) {}

    fn on_not_resent(
        &mut self,
        _endpoint: &mut Endpoint,
        _user: TransactionUser,
        _error: &SendError,
    ) {
    }

    fn on_response(&mut self, _endpoint: &mut Endpoint, _received: &Received) {}

    fn on_failed(&mut self, _endpoint: &mut Endpoint, _sent: &Sent, _error: TransactionError) {}

    fn on_request(
        &mut self,
        _endpoint: &mut Endpoint,
        _transaction: ServerTransactionId,
        _usage: Option<DialogUsage>,
        request: Box<Request>,
    ) -> Result<(), Box<Request>> {
        Err(request)
    }

    fn on_server_failed(&mut self, _endpoint: &mut Endpoint, _transaction: ServerTransactionId) {}

    fn on_timeout(&mut self, _endpoint: &mut Endpoint, _owner: TimerOwner) {}

    fn on_connected(&mut self, _endpoint: &mut Endpoint) {}

    fn give_up(&mut self, _endpoint: &mut Endpoint) {}

    fn stop(&mut self, _endpoint: &mut Endpoint) {}

    fn end(&mut self, _endpoint: &mut Endpoint) {}
}
