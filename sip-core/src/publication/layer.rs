//! The publications of one endpoint.

use alloc::boxed::Box;

use sip_parse::{Request, UriBuf};

use super::options::PublishOptions;
use crate::body::Body;
use crate::endpoint::{DialogUsage, Endpoint, Received, Sent, TimerOwner, TransactionUser, Usage};
use crate::error::CommandError;
use crate::ids::{ConnectionId, PublicationId};
use crate::slab::Slab;
use crate::time::Timestamp;
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

/// All publications of one [`Endpoint`] (RFC 3903).
pub struct PublicationLayer {
    publications: Slab<()>,
}

impl Default for PublicationLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl PublicationLayer {
    /// Makes a layer without publications.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            publications: Slab::new(),
        }
    }

    /// The number of publications.
    #[must_use]
    pub fn len(&self) -> usize {
        self.publications.len()
    }

    /// Whether there are no publications.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.publications.is_empty()
    }

    /// Publishes a state of `package` for `target` (RFC 3903 section 4.1) on `connection`, or on the flow in use if that is `None`.
    ///
    /// # Errors
    /// [`CommandError`]; no publication exists then.
    pub fn publish(
        &mut self,
        _endpoint: &mut Endpoint,
        _connection: Option<ConnectionId>,
        _target: UriBuf,
        _package: &str,
        _state: Body,
        _options: PublishOptions,
    ) -> Result<PublicationId, CommandError> {
        Err(CommandError::WrongState("skeleton"))
    }

    /// Publishes another state in place of the last one (RFC 3903 section 4.3).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the publication is over or is being removed.
    pub fn modify(
        &mut self,
        _endpoint: &mut Endpoint,
        _id: PublicationId,
        _state: Body,
    ) -> Result<(), CommandError> {
        Err(CommandError::Stale)
    }

    /// Removes a publication (RFC 3903 section 4.4).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the publication is over.
    pub fn remove(
        &mut self,
        _endpoint: &mut Endpoint,
        _id: PublicationId,
    ) -> Result<(), CommandError> {
        Err(CommandError::Stale)
    }

    /// Passes everything that the endpoint has received to its publications, and refuses requests of peers. The host calls it
    /// after each [`Endpoint::receive`], [`Endpoint::closed`] and command.
    pub fn settle(&mut self, endpoint: &mut Endpoint) {
        endpoint.settle_alone(self);
    }

    /// Advances the clock to `now`, which never goes back: fires the due deadlines.
    pub fn tick(&mut self, endpoint: &mut Endpoint, now: Timestamp) {
        endpoint.tick_alone(self, now);
    }
}

impl Usage for PublicationLayer {
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
