//! The subscriptions of the users to what the edge knows itself: a [`NotifierLayer`] on an [`Endpoint`] of its own, with one
//! connection, whose other end is the proxy.
//!
//! The layer keeps the rules of RFC 6665. This file keeps who watches what, and when the next NOTIFY may go out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use sip_core::config::LogLevel;
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::notifier::NotifierLayer;
use sip_core::session::FailureStatus;
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, IncomingSubscriptionId, MessageOptions,
    Notification, Timestamp,
};
use sip_parse::{Request, UriBuf};

use crate::event::EventPackage;

/// What a subscription is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Resource {
    pub(crate) package: EventPackage,
    pub(crate) user: String,
}

/// A subscription that the edge has accepted.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) resource: Resource,
    pub(crate) subscriber: String,
    /// The number of the next document (RFC 3680 section 5.2).
    pub(crate) version: u32,
    id: IncomingSubscriptionId,
    /// No NOTIFY before this time, because a watcher gets few in a row (RFC 3856 section 6.10).
    not_before: Timestamp,
    /// When the next NOTIFY is due; `None` while the watcher knows the state.
    due: Option<Timestamp>,
    /// The hash of the last document, because the same one again would say nothing.
    known: [u8; 32],
}

/// What the edge has to carry out.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Bytes for the proxy.
    Transmit(Bytes),
    /// A user wants to subscribe. The edge answers by [`Watchers::accept`] or [`Watchers::reject`].
    Subscribes {
        id: IncomingSubscriptionId,
        package: EventPackage,
        request: Box<Request>,
    },
    /// A subscription is over.
    Ended(Watcher),
}

/// What the notifier of the edge may use up and grant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WatcherRules {
    pub(crate) shortest: Duration,
    pub(crate) most: usize,
    pub(crate) message: sip_parse::Limits,
    /// The time between two NOTIFYs of a subscription.
    pub(crate) interval: Duration,
}

pub(crate) struct Watchers {
    endpoint: Endpoint,
    notifier: NotifierLayer,
    /// The notifier's end of the connection.
    connection: ConnectionId,
    interval: Duration,
    watchers: BTreeMap<u64, Watcher>,
    /// The watchers of each resource.
    of_resource: BTreeSet<(Resource, u64)>,
    /// The number of subscriptions of each user who has any.
    of_subscriber: BTreeMap<String, usize>,
    due: BTreeSet<(Timestamp, u64)>,
    outcomes: VecDeque<Outcome>,
}

impl Watchers {
    /// A notifier of these packages, reached over a connection like `info`.
    pub(crate) fn new(
        packages: &[EventPackage],
        rules: WatcherRules,
        info: ConnectionInfo,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Self {
        // Requests of the endpoint have the identity of their dialog, so that this one is never seen.
        let anonymous = UriBuf::parse(b"sip:anonymous.invalid").expect("a URI");
        let mut settings = EndpointSettings::new(anonymous);
        let behaviour = &mut settings.behaviour;
        behaviour.user_agent = concat!("sip-edge/", env!("CARGO_PKG_VERSION")).into();
        behaviour.takes_any_user = true;
        behaviour.min_subscription = rules.shortest;
        behaviour.log_level = LogLevel::Error;
        let names = packages.iter().map(|package| package.as_str().into());
        behaviour.extensions.event_packages = names.collect();
        settings.identity.contact_transport = Some("ws".into());
        let limits = &mut settings.limits;
        limits.message = rules.message;
        limits.incoming_subscriptions = rules.most;
        // One NOTIFY of each subscription is in flight.
        limits.client_transactions = limits.client_transactions.max(rules.most);
        let mut endpoint = Endpoint::new(settings, rng, Timestamp::ZERO);
        Self {
            connection: endpoint.accept(info),
            endpoint,
            notifier: NotifierLayer::new(),
            interval: rules.interval,
            watchers: BTreeMap::new(),
            of_resource: BTreeSet::new(),
            of_subscriber: BTreeMap::new(),
            due: BTreeSet::new(),
            outcomes: VecDeque::new(),
        }
    }

    /// A message from the proxy.
    pub(crate) fn receive(&mut self, bytes: Bytes, now: Timestamp) {
        // Every input empties the queue of the endpoint, so that it has room.
        if self.endpoint.receive(self.connection, bytes, now).is_ok() {
            self.notifier.settle(&mut self.endpoint);
        }
        self.collect();
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.notifier.tick(&mut self.endpoint, now);
        self.collect();
    }

    /// When to tick next, or to ask for the next due NOTIFY.
    pub(crate) fn next_tick(&self) -> Option<Timestamp> {
        let due = self.due.first().map(|&(at, _)| at);
        [self.endpoint.next_tick(), due].into_iter().flatten().min()
    }

    pub(crate) fn poll(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// The number of subscriptions of this user.
    pub(crate) fn count(&self, subscriber: &str) -> usize {
        self.of_subscriber.get(subscriber).copied().unwrap_or(0)
    }

    /// The number of subscriptions.
    pub(crate) fn len(&self) -> usize {
        self.watchers.len()
    }

    /// Accepts a subscription, with the first document about the resource. Whether it was still there.
    pub(crate) fn accept(
        &mut self,
        id: IncomingSubscriptionId,
        resource: Resource,
        subscriber: String,
        document: Body,
        now: Timestamp,
    ) -> bool {
        // The clock of the endpoint goes with its inputs alone.
        self.tick(now);
        let watcher = Watcher {
            resource,
            subscriber,
            version: 1,
            id,
            not_before: now + self.interval,
            due: None,
            known: Sha256::digest(&document.bytes).into(),
        };
        // Before the call, because a subscription for the state alone ends with it.
        self.insert(watcher);
        let state = Notification::active(document);
        let options = MessageOptions::new();
        let accepted = self
            .notifier
            .accept(&mut self.endpoint, id, state, &options);
        if accepted.is_err() {
            self.remove(id);
        }
        self.settle();
        accepted.is_ok()
    }

    /// Refuses a subscription to what the edge does not know.
    pub(crate) fn reject(&mut self, id: IncomingSubscriptionId) {
        // Without effect if the SUBSCRIBE is answered.
        let _stale = self
            .notifier
            .reject(&mut self.endpoint, id, &FailureStatus::DECLINE.into());
        self.settle();
    }

    /// A resource has another state: a NOTIFY to each of its watchers is due.
    pub(crate) fn changed(&mut self, package: EventPackage, user: &str, now: Timestamp) {
        let user = user.to_owned();
        let resource = Resource { package, user };
        let all = (resource.clone(), 0)..=(resource, u64::MAX);
        for &(_, number) in self.of_resource.range(all) {
            if let Some(watcher) = self.watchers.get_mut(&number)
                && watcher.due.is_none()
            {
                let at = watcher.not_before.max(now);
                watcher.due = Some(at);
                self.due.insert((at, number));
            }
        }
    }

    /// The next subscription whose NOTIFY is due by `now`. The edge calls [`Watchers::notify`] for it.
    pub(crate) fn next_due(&mut self, now: Timestamp) -> Option<&Watcher> {
        let &(at, number) = self.due.first().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, number));
        let watcher = self.watchers.get_mut(&number)?;
        watcher.due = None;
        Some(watcher)
    }

    /// Sends a document to a watcher, unless it is the last one. Whether a NOTIFY follows.
    pub(crate) fn notify(
        &mut self,
        id: IncomingSubscriptionId,
        document: Body,
        now: Timestamp,
    ) -> bool {
        self.tick(now);
        let Some(watcher) = self.watchers.get_mut(&id.to_bits()) else {
            return false;
        };
        let hash: [u8; 32] = Sha256::digest(&document.bytes).into();
        if hash == watcher.known {
            return false;
        }
        watcher.known = hash;
        watcher.version = watcher.version.wrapping_add(1);
        watcher.not_before = now + self.interval;
        let state = Notification::active(document);
        let sent = self.notifier.notify(&mut self.endpoint, id, state);
        self.settle();
        sent.is_ok()
    }

    fn insert(&mut self, watcher: Watcher) {
        let number = watcher.id.to_bits();
        self.of_resource.insert((watcher.resource.clone(), number));
        let count = self.of_subscriber.entry(watcher.subscriber.clone());
        *count.or_default() += 1;
        self.watchers.insert(number, watcher);
    }

    fn remove(&mut self, id: IncomingSubscriptionId) -> Option<Watcher> {
        let number = id.to_bits();
        let watcher = self.watchers.remove(&number)?;
        self.of_resource.remove(&(watcher.resource.clone(), number));
        if let Some(count) = self.of_subscriber.get_mut(&watcher.subscriber) {
            *count -= 1;
            if *count == 0 {
                self.of_subscriber.remove(&watcher.subscriber);
            }
        }
        if let Some(at) = watcher.due {
            self.due.remove(&(at, number));
        }
        Some(watcher)
    }

    fn settle(&mut self) {
        self.notifier.settle(&mut self.endpoint);
        self.collect();
    }

    /// Takes what the endpoint wants.
    fn collect(&mut self) {
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Transmit { bytes, .. } => {
                    self.outcomes.push_back(Outcome::Transmit(bytes));
                }
                Action::Event(Event::IncomingSubscription {
                    subscription,
                    package,
                    request,
                    ..
                }) => match EventPackage::read(package.as_bytes()) {
                    Some(package) => self.outcomes.push_back(Outcome::Subscribes {
                        id: subscription,
                        package,
                        request,
                    }),
                    // The endpoint itself refuses other packages (RFC 6665 section 4.1.2.1).
                    None => self.reject(subscription),
                },
                Action::Event(Event::IncomingSubscriptionEnded { subscription, .. }) => {
                    let ended = self.remove(subscription);
                    self.outcomes.extend(ended.map(Outcome::Ended));
                }
                // The connection stays as long as the edge, and the records of the endpoint say nothing that those of the
                // edge do not.
                _ => {}
            }
        }
    }
}

impl Watcher {
    pub(crate) fn id(&self) -> IncomingSubscriptionId {
        self.id
    }
}
