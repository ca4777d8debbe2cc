//! This side as the notifier of its presence and of its calls (RFC 3856, RFC 4235).

use std::collections::BTreeMap;

use sip_core::package::presence::Activity;
use sip_core::{
    Body, Event, FailureStatus, IncomingSubscriptionId, MessageOptions, Notification, SessionId,
};

use crate::bodies;
use crate::outcome::Failure;
use crate::running::{Running, tolerate_ended};

/// The packages that it serves.
pub(crate) const PACKAGES: &[&str] = &["presence", "dialog"];

/// The subscribers, and what they are to know.
pub(crate) struct Availability {
    /// The own URI.
    entity: String,
    /// The calls, and whether each is up.
    calls: BTreeMap<SessionId, bool>,
    subscribers: BTreeMap<IncomingSubscriptionId, Subscriber>,
}

struct Subscriber {
    wants_calls: bool,
    /// The number of the next document.
    version: u32,
}

impl Availability {
    /// The state of the resource with this URI; free, without a subscriber.
    pub(crate) fn new(entity: String) -> Self {
        Self {
            entity,
            calls: BTreeMap::new(),
            subscribers: BTreeMap::new(),
        }
    }

    /// Accepts subscribers, follows the calls, and reports changes. Returns whether that was all that the event needs.
    ///
    /// # Errors
    /// The user agent is gone.
    pub(crate) async fn take(&mut self, running: &Running, event: &Event) -> Result<bool, Failure> {
        let was_busy = self.is_busy();
        match event {
            Event::IncomingSubscription {
                subscription,
                package,
                ..
            } => {
                self.accept(running, *subscription, package).await?;
                return Ok(true);
            }
            Event::IncomingSubscriptionEnded { subscription, .. } => {
                self.subscribers.remove(subscription);
                return Ok(true);
            }
            Event::IncomingCall { session, .. } => self.calls.insert(*session, false),
            Event::Established { session } => self.calls.insert(*session, true),
            Event::Ended { session, .. } => self.calls.remove(session),
            _ => return Ok(false),
        };
        let busy_changed = self.is_busy() != was_busy;
        let mut reports = Vec::new();
        let calls = self.list();
        for (id, subscriber) in &mut self.subscribers {
            if subscriber.wants_calls || busy_changed {
                let body = subscriber.body(&self.entity, &calls);
                reports.push((*id, Notification::active(body)));
            }
        }
        for (id, state) in reports {
            tolerate_ended(running.handle.notify(id, state).await)?;
        }
        Ok(false)
    }

    async fn accept(
        &mut self,
        running: &Running,
        id: IncomingSubscriptionId,
        package: &str,
    ) -> Result<(), Failure> {
        // The configuration may name further packages.
        if !PACKAGES.contains(&package) {
            let declined = FailureStatus::DECLINE;
            return tolerate_ended(running.handle.reject_subscription(id, declined).await);
        }
        let mut subscriber = Subscriber {
            wants_calls: package == "dialog",
            version: 0,
        };
        let state = Notification::active(subscriber.body(&self.entity, &self.list()));
        self.subscribers.insert(id, subscriber);
        let options = MessageOptions::new();
        tolerate_ended(running.handle.accept_subscription(id, state, options).await)
    }

    fn is_busy(&self) -> bool {
        self.calls.values().any(|&is_up| is_up)
    }

    /// The identifiers of the calls, and whether each is up.
    fn list(&self) -> Vec<(String, bool)> {
        let calls = self.calls.iter();
        calls
            .map(|(session, &is_up)| (session.to_bits().to_string(), is_up))
            .collect()
    }
}

impl Subscriber {
    fn body(&mut self, entity: &str, calls: &[(String, bool)]) -> Body {
        if self.wants_calls {
            let version = self.version;
            self.version = version.saturating_add(1);
            return bodies::calls(entity, version, calls);
        }
        let is_busy = calls.iter().any(|(_, is_up)| *is_up);
        let activity = is_busy.then_some(Activity::OnThePhone);
        bodies::presence(entity, true, activity, None)
    }
}
