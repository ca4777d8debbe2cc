//! Subscriptions of the application and of peers, and publications.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use sip_core::{
    Body, EndReason, IncomingSubscriptionEnd, IncomingSubscriptionId, MessageOptions, Notification,
    PublicationId, Refusal, SessionId, SubscriptionEnd, SubscriptionId,
};
use sip_parse::Request;

use super::request::from_text;
use super::shared::{Port, Watcher};
use crate::command;
use crate::handles::error::CallError;
use crate::handles::{Chore, Handles, Notice, OfferedSubscription, Topic};

/// A subscription of the application. See the list of handles.
pub struct Subscription<P: Port> {
    port: P,
    subscription: SubscriptionId,
    watcher: Watcher,
    is_detached: bool,
}

impl<P: Port> fmt::Debug for Subscription<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscription")
            .field(&self.subscription)
            .finish()
    }
}

impl<P: Port> Subscription<P> {
    /// The handle of a subscription that a command has made just now, in the closure of that command.
    pub(super) fn place(port: P, subscription: SubscriptionId) -> Self {
        port.shared().lock().place_subscription(subscription);
        let topic = Topic::Subscription(subscription);
        Self {
            watcher: Watcher::new(port.shared().clone(), topic),
            port,
            subscription,
            is_detached: false,
        }
    }

    /// How the handle reaches its agent.
    #[must_use]
    pub fn port(&self) -> &P {
        &self.port
    }

    /// See the list.
    #[must_use]
    pub fn id(&self) -> SubscriptionId {
        self.subscription
    }

    /// The next notification; `None` once the subscription has ended.
    pub fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<Notice>> {
        let subscription = self.subscription;
        self.watcher
            .poll(cx, |handles| handles.next_notice(subscription))
    }

    /// See the list.
    pub async fn ended(&self) -> SubscriptionEnd {
        let subscription = self.subscription;
        let question = move |handles: &mut Handles| handles.subscription_end(subscription);
        let topic = Topic::Subscription(subscription);
        self.port.shared().wait(topic, question).await
    }

    /// See the list.
    pub async fn unsubscribe(&self) -> SubscriptionEnd {
        let chore = Chore::Unsubscribe(self.subscription);
        self.port.shared().leave(chore);
        self.ended().await
    }

    /// See the list.
    ///
    /// # Errors
    /// The subscription is over.
    pub async fn refresh(&self) -> Result<(), CallError> {
        let refresh = command::refresh_subscription(self.subscription);
        Ok(self.port.with(refresh).await??)
    }

    /// See the list.
    #[must_use]
    pub fn detach(mut self) -> SubscriptionId {
        self.is_detached = true;
        self.subscription
    }
}

impl<P: Port> Drop for Subscription<P> {
    fn drop(&mut self) {
        let (subscription, is_detached) = (self.subscription, self.is_detached);
        let shared = self.port.shared();
        shared.act(|handles| handles.drop_subscription(subscription, is_detached));
    }
}

/// A subscription of a peer. See the list of handles.
pub struct IncomingSubscription<P: Port> {
    port: P,
    offer: OfferedSubscription,
}

impl<P: Port> fmt::Debug for IncomingSubscription<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.offer.subscription;
        f.debug_tuple("IncomingSubscription").field(id).finish()
    }
}

impl<P: Port> IncomingSubscription<P> {
    pub(super) fn new(port: P, offer: OfferedSubscription) -> Self {
        Self { port, offer }
    }

    /// How the handle reaches its agent.
    #[must_use]
    pub fn port(&self) -> &P {
        &self.port
    }

    /// See the list.
    #[must_use]
    pub fn id(&self) -> IncomingSubscriptionId {
        self.offer.subscription
    }

    /// See the list.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.offer.session
    }

    /// See the list.
    #[must_use]
    pub fn package(&self) -> &str {
        &self.offer.package
    }

    /// See the list.
    #[must_use]
    pub fn expires(&self) -> Duration {
        self.offer.expires
    }

    /// See the list.
    #[must_use]
    pub fn from(&self) -> String {
        from_text(&self.offer.request)
    }

    /// See the list.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.offer.request
    }

    /// See the list.
    ///
    /// # Errors
    /// The subscription is over, or the core refuses the state.
    pub async fn accept(&self, state: Notification) -> Result<(), CallError> {
        let subscription = self.offer.subscription;
        let accept = command::accept_subscription(subscription, state, MessageOptions::new());
        let shared = self.port.shared().clone();
        let accept = move |agent: &mut sip_core::UserAgent, now| {
            accept(agent, now)?;
            shared.lock().accept_subscription(subscription);
            Ok::<_, crate::CommandFailure>(())
        };
        Ok(self.port.with(accept).await??)
    }

    /// See the list.
    ///
    /// # Errors
    /// The subscription is over or not accepted, or the core refuses the state.
    pub async fn notify(&self, state: Notification) -> Result<(), CallError> {
        let notify = command::notify(self.offer.subscription, state);
        Ok(self.port.with(notify).await??)
    }

    /// See the list.
    pub fn reject(self, refusal: Refusal) {
        let subscription = self.offer.subscription;
        let chore = Chore::RejectSubscription(subscription, Some(Box::new(refusal)));
        self.port.shared().leave(chore);
    }

    /// See the list.
    pub async fn ended(&self) -> IncomingSubscriptionEnd {
        let subscription = self.offer.subscription;
        let question = move |handles: &mut Handles| handles.incoming_subscription_end(subscription);
        let topic = Topic::PeerSubscription(subscription);
        self.port.shared().wait(topic, question).await
    }
}

impl<P: Port> Drop for IncomingSubscription<P> {
    fn drop(&mut self) {
        let subscription = self.offer.subscription;
        let shared = self.port.shared();
        shared.act(|handles| handles.drop_incoming_subscription(subscription));
    }
}

/// A publication of the application. See the list of handles.
pub struct Publication<P: Port> {
    port: P,
    publication: PublicationId,
    is_detached: bool,
}

impl<P: Port> fmt::Debug for Publication<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Publication")
            .field(&self.publication)
            .finish()
    }
}

impl<P: Port> Publication<P> {
    /// The handle of a publication that a command has made just now, in the closure of that command.
    pub(super) fn place(port: P, publication: PublicationId) -> Self {
        port.shared().lock().place_publication(publication);
        Self {
            port,
            publication,
            is_detached: false,
        }
    }

    /// How the handle reaches its agent.
    #[must_use]
    pub fn port(&self) -> &P {
        &self.port
    }

    /// See the list.
    #[must_use]
    pub fn id(&self) -> PublicationId {
        self.publication
    }

    /// See the list.
    ///
    /// # Errors
    /// The publication has ended.
    pub async fn published(&self) -> Result<(), EndReason> {
        let publication = self.publication;
        let question = move |handles: &mut Handles| handles.published(publication);
        let topic = Topic::Publication(publication);
        self.port.shared().wait(topic, question).await
    }

    /// See the list.
    ///
    /// # Errors
    /// The publication is over or being removed.
    pub async fn modify(&self, state: Body) -> Result<(), CallError> {
        let publication = self.publication;
        let modify = command::modify_publication(publication, state);
        let shared = self.port.shared().clone();
        let modify = move |agent: &mut sip_core::UserAgent, now| {
            modify(agent, now)?;
            shared.lock().publish_anew(publication);
            Ok::<_, crate::CommandFailure>(())
        };
        Ok(self.port.with(modify).await??)
    }

    /// See the list.
    ///
    /// # Errors
    /// The server may still hold the state.
    pub async fn remove(&self) -> Result<(), EndReason> {
        let chore = Chore::Unpublish(self.publication);
        self.port.shared().leave(chore);
        self.ended().await
    }

    /// See the list.
    ///
    /// # Errors
    /// Why the publication ended, if the application did not remove it.
    pub async fn ended(&self) -> Result<(), EndReason> {
        let publication = self.publication;
        let question = move |handles: &mut Handles| handles.publication_end(publication);
        let topic = Topic::Publication(publication);
        self.port.shared().wait(topic, question).await
    }

    /// See the list.
    #[must_use]
    pub fn detach(mut self) -> PublicationId {
        self.is_detached = true;
        self.publication
    }
}

impl<P: Port> Drop for Publication<P> {
    fn drop(&mut self) {
        let (publication, is_detached) = (self.publication, self.is_detached);
        let shared = self.port.shared();
        shared.act(|handles| handles.drop_publication(publication, is_detached));
    }
}
