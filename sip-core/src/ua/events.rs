//! The commands of subscriptions and publications (RFC 6665, RFC 3903).

use alloc::string::ToString;

use super::agent::UserAgent;
use crate::body::Body;
use crate::error::CommandError;
use crate::ids::{IncomingSubscriptionId, PublicationId, SubscriptionId};
use crate::notifier::{IncomingSubscription, Notification};
use crate::publication::PublishOptions;
use crate::session::{MessageOptions, Refusal};
use crate::subscription::SubscribeOptions;
use crate::time::Timestamp;

impl UserAgent {
    /// Subscribes to an event package of `target`, a URI or a user at the address-of-record's host (RFC 6665 section 4.1.2.1), and
    /// returns the handle of the subscription. [`Event::Notified`](crate::Event::Notified) reports each state. The core refreshes
    /// the subscription, repairs it after a lost connection, and subscribes anew where the notifier allows that, until
    /// [`UserAgent::unsubscribe`]. Without a connection `offlineRequests` decides whether the command fails or the SUBSCRIBE
    /// waits: for 64 T1 at most.
    ///
    /// # Errors
    /// [`CommandError`]; no subscription exists then, and no event follows.
    pub fn subscribe(
        &mut self,
        target: &str,
        package: &str,
        options: SubscribeOptions,
        now: Timestamp,
    ) -> Result<SubscriptionId, CommandError> {
        self.command(now)?;
        let target = self.target(target)?;
        let endpoint = &mut self.endpoint;
        let subscriptions = &mut self.subscriptions;
        let id = subscriptions.subscribe(endpoint, None, target, package, options)?;
        self.settle();
        Ok(id)
    }

    /// Refreshes a subscription now (RFC 6665 section 4.1.2.2): the notifier sends the state of the resource.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is over.
    pub fn refresh_subscription(
        &mut self,
        id: SubscriptionId,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.command(now)?;
        self.subscriptions.refresh(&mut self.endpoint, id)?;
        self.settle();
        Ok(())
    }

    /// Ends a subscription (RFC 6665 section 4.1.2.3). A last [`Event::Notified`](crate::Event::Notified) may follow, and
    /// [`Event::SubscriptionEnded`](crate::Event::SubscriptionEnded) does.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is over.
    pub fn unsubscribe(&mut self, id: SubscriptionId, now: Timestamp) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        let in_flight = self.subscriptions.in_flight(id);
        self.subscriptions.unsubscribe(&mut self.endpoint, id)?;
        if let Some(user) = in_flight {
            self.withdraw_challenge(user);
        }
        self.settle();
        Ok(())
    }

    /// Accepts [`Event::IncomingSubscription`](crate::Event::IncomingSubscription): the core answers 200 with the header fields of
    /// `options` and sends `state` in the first NOTIFY (RFC 6665 section 4.2.1).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the SUBSCRIBE is answered or over, [`CommandError::Backpressure`].
    pub fn accept_subscription(
        &mut self,
        id: IncomingSubscriptionId,
        state: Notification,
        options: &MessageOptions,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        self.notifier
            .accept(&mut self.endpoint, id, state, options)?;
        self.settle();
        Ok(())
    }

    /// Refuses [`Event::IncomingSubscription`](crate::Event::IncomingSubscription), as by
    /// [`FailureStatus::DECLINE`](crate::FailureStatus::DECLINE).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the SUBSCRIBE is answered or over, [`CommandError::Backpressure`].
    pub fn reject_subscription(
        &mut self,
        id: IncomingSubscriptionId,
        refusal: impl Into<Refusal>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        self.notifier
            .reject(&mut self.endpoint, id, &refusal.into())?;
        self.settle();
        Ok(())
    }

    /// Reports a state to the subscriber of an accepted subscription (RFC 6665 section 4.2.2). A terminated one ends it.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the subscription is over, [`CommandError::WrongState`] if it is not accepted,
    /// [`CommandError::Backpressure`].
    pub fn notify(
        &mut self,
        id: IncomingSubscriptionId,
        state: Notification,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        self.notifier.notify(&mut self.endpoint, id, state)?;
        self.settle();
        Ok(())
    }

    /// A subscription of a peer; `None` if it is over.
    #[must_use]
    pub fn incoming_subscription(
        &self,
        id: IncomingSubscriptionId,
    ) -> Option<IncomingSubscription<'_>> {
        self.notifier.subscription(id)
    }

    /// All subscriptions of peers, also those that the application has not answered.
    pub fn incoming_subscriptions(&self) -> impl Iterator<Item = IncomingSubscription<'_>> {
        self.notifier.subscriptions()
    }

    /// Publishes a state of the address-of-record (RFC 3903 section 4.2), such as `presence`, and returns the handle of the
    /// publication. The core refreshes it until [`UserAgent::unpublish`]. Without a connection `offlineRequests` decides whether
    /// the command fails or the PUBLISH waits: for 64 T1 at most.
    ///
    /// # Errors
    /// [`CommandError`]; no publication exists then, and no event follows.
    pub fn publish(
        &mut self,
        package: &str,
        state: Body,
        options: PublishOptions,
        now: Timestamp,
    ) -> Result<PublicationId, CommandError> {
        let target = self.address_of_record().clone();
        self.publish_for(&target.to_string(), package, state, options, now)
    }

    /// As [`UserAgent::publish`], for another resource: a URI, or a user at the address-of-record's host.
    ///
    /// # Errors
    /// As [`UserAgent::publish`].
    pub fn publish_for(
        &mut self,
        target: &str,
        package: &str,
        state: Body,
        options: PublishOptions,
        now: Timestamp,
    ) -> Result<PublicationId, CommandError> {
        self.command(now)?;
        let target = self.target(target)?;
        let (endpoint, publications) = (&mut self.endpoint, &mut self.publications);
        let id = publications.publish(endpoint, None, target, package, state, options)?;
        self.settle();
        Ok(id)
    }

    /// Publishes another state in place of the last one (RFC 3903 section 4.4). While a PUBLISH is in flight
    /// the state waits for its response, and a later one replaces it.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the publication is over or is being removed; [`CommandError::NotConnected`] without a connection,
    /// unless `offlineRequests` lets commands wait.
    pub fn modify_publication(
        &mut self,
        id: PublicationId,
        state: Body,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.command(now)?;
        self.publications.modify(&mut self.endpoint, id, state)?;
        self.settle();
        Ok(())
    }

    /// Removes a publication (RFC 3903 section 4.5); [`Event::PublicationEnded`](crate::Event::PublicationEnded) follows. Without a
    /// connection the removal waits for 64 T1 at most; one that the server never had ends at once.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the publication is over.
    pub fn unpublish(&mut self, id: PublicationId, now: Timestamp) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        self.publications.remove(&mut self.endpoint, id)?;
        self.settle();
        Ok(())
    }
}
