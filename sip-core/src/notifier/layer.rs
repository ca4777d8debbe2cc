//! The subscriptions of peers on one endpoint.

use alloc::boxed::Box;

use sip_parse::Request;

use super::options::Notification;
use crate::endpoint::{DialogUsage, Endpoint, Received, Sent, TimerOwner, TransactionUser, Usage};
use crate::error::CommandError;
use crate::ids::IncomingSubscriptionId;
use crate::session::{MessageOptions, Refusal};
use crate::slab::Slab;
use crate::time::Timestamp;
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

/// All subscriptions of peers on one [`Endpoint`].
pub struct NotifierLayer {
    subscriptions: Slab<()>,
}

impl Default for NotifierLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl NotifierLayer {
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

    /// Accepts a subscription by 200 with the header fields of `options`, and sends the first NOTIFY (RFC 6665 section 4.2.1).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is answered or over.
    pub fn accept(
        &mut self,
        _endpoint: &mut Endpoint,
        _id: IncomingSubscriptionId,
        _state: Notification,
        _options: &MessageOptions,
    ) -> Result<(), CommandError> {
        Err(CommandError::Stale)
    }

    /// Refuses a subscription.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is answered or over.
    pub fn reject(
        &mut self,
        _endpoint: &mut Endpoint,
        _id: IncomingSubscriptionId,
        _refusal: &Refusal,
    ) -> Result<(), CommandError> {
        Err(CommandError::Stale)
    }

    /// Reports the state to the subscriber (RFC 6665 section 4.2.2). One NOTIFY is in flight at a time; a later state replaces one
    /// that waits.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the subscription is over, [`CommandError::WrongState`] if it is not accepted.
    pub fn notify(
        &mut self,
        _endpoint: &mut Endpoint,
        _id: IncomingSubscriptionId,
        _state: Notification,
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

impl Usage for NotifierLayer {
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
