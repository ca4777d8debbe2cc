//! What the two applications know from events alone, and what events they never may see.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sip_parse::Request;

use super::wire::Key;
use crate::body::Body;
use crate::event::Event;
use crate::ids::{IncomingSubscriptionId, SubscriptionId};
use crate::notifier::Notification;
use crate::subscription_state::{
    IncomingSubscriptionEnd, SubscriptionEnd, SubscriptionRetry, SubscriptionState,
};
use crate::time::Timestamp;

/// What a NOTIFY reports, as far as it counts: whether the subscription is active, and the how many-th state of the resource.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Report {
    pub(super) active: bool,
    pub(super) number: u8,
}

impl Report {
    pub(super) fn notification(self) -> Notification {
        match self.active {
            true => Notification::active(Body::new("text/plain", format!("{}", self.number))),
            false => Notification::pending(),
        }
    }

    fn of(state: &SubscriptionState, body: Option<&Body>) -> Option<Self> {
        let active = match state {
            SubscriptionState::Active => true,
            SubscriptionState::Pending => false,
            SubscriptionState::Terminated(_) => return None,
        };
        let text = body.map(|body| String::from_utf8_lossy(&body.bytes).into_owned());
        let number = text.and_then(|text| text.parse().ok()).unwrap_or(0);
        Some(Self { active, number })
    }
}

/// The subscription as the subscriber's application sees it.
#[derive(Clone, Hash, Debug)]
pub(super) struct Subscriber {
    pub(super) id: SubscriptionId,
    pub(super) unsubscribed: bool,
    pub(super) ended: Option<&'static str>,
    /// The last state, and the subscription that it is of; `None` before the first NOTIFY and while the core subscribes anew.
    pub(super) last: Option<(Report, Key)>,
    /// A NOTIFY has terminated the subscription, and the event that follows from it is missing.
    pub(super) terminated: bool,
    /// The core has begun anew, once at least.
    pub(super) again: bool,
    /// Why the core subscribes anew.
    pub(super) interrupted: Option<&'static str>,
}

fn name(cause: &SubscriptionEnd) -> &'static str {
    match cause {
        SubscriptionEnd::Terminated(_) => "terminated",
        SubscriptionEnd::Failed(_) => "failed",
        SubscriptionEnd::NoNotify => "no NOTIFY",
        SubscriptionEnd::Expired => "expired",
        SubscriptionEnd::Unsubscribed => "unsubscribed",
    }
}

/// Whether the core may subscribe anew.
fn returns(cause: &SubscriptionEnd) -> bool {
    match cause {
        SubscriptionEnd::Terminated(reason) => reason.retry() != SubscriptionRetry::Never,
        _ => true,
    }
}

impl Subscriber {
    pub(super) fn new(id: SubscriptionId) -> Self {
        Self {
            id,
            unsubscribed: false,
            ended: None,
            last: None,
            terminated: false,
            again: false,
            interrupted: None,
        }
    }

    /// Takes an event, and returns before what time no SUBSCRIBE may go out by itself.
    ///
    /// # Errors
    /// What is wrong with the event.
    pub(super) fn take(&mut self, event: &Event) -> Result<Option<Timestamp>, String> {
        let (id, retry_at) = match event {
            Event::Notified { subscription, .. } => (subscription, None),
            Event::SubscriptionInterrupted {
                subscription,
                retry_at,
                ..
            } => (subscription, *retry_at),
            Event::SubscriptionEnded { subscription, .. } => (subscription, None),
            other => return Err(format!("the subscriber expects no {other:?}")),
        };
        if *id != self.id || self.ended.is_some() {
            return Err(format!("an event of a stale handle: {event:?}"));
        }
        match event {
            Event::Notified {
                state,
                body,
                notify,
                ..
            } => {
                if self.terminated {
                    return Err("a state after the terminated one".into());
                }
                let report = Report::of(state, body.as_deref());
                self.terminated = report.is_none();
                let key = Key::of_notify(notify);
                self.last = report.map(|report| (report, key));
                if report.is_some() {
                    self.interrupted = None;
                }
            }
            Event::SubscriptionInterrupted { cause, .. } => {
                if self.unsubscribed || !returns(cause) {
                    return Err("interrupted although nothing can follow".into());
                }
                self.terminated = false;
                self.again = true;
                self.interrupted = Some(name(cause));
                self.last = None;
            }
            Event::SubscriptionEnded { cause, .. } => {
                let is_terminated = matches!(cause, SubscriptionEnd::Terminated(_));
                if is_terminated && returns(cause) && !self.unsubscribed {
                    return Err("ended although it may begin anew".into());
                }
                self.terminated = false;
                self.last = None;
                self.ended = Some(name(cause));
            }
            _ => {}
        }
        Ok(retry_at)
    }
}

/// A subscription as the notifier's application sees it.
#[derive(Clone, Hash, Debug)]
pub(super) struct Incoming {
    pub(super) id: IncomingSubscriptionId,
    pub(super) key: Key,
    pub(super) accepted: bool,
    pub(super) rejected: bool,
    pub(super) terminated: bool,
    pub(super) ended: bool,
    /// It ended because the peer has not refreshed it.
    pub(super) expired: bool,
    /// The last state that the application has reported.
    pub(super) reported: Option<Report>,
}

impl Incoming {
    /// Whether the application has not answered it.
    pub(super) fn waits(&self) -> bool {
        !self.accepted && !self.rejected && !self.ended
    }

    /// Whether it is accepted and not over.
    pub(super) fn lives(&self) -> bool {
        self.accepted && !self.ended
    }
}

/// The notifier's application.
#[derive(Clone, Default, Hash, Debug)]
pub(super) struct Notifier {
    pub(super) incoming: Vec<Incoming>,
    /// The number of states of the resource.
    states: u8,
}

impl Notifier {
    /// The next state of the resource.
    pub(super) fn next_state(&mut self) -> Report {
        self.states += 1;
        Report {
            active: true,
            number: self.states,
        }
    }

    /// Takes an event.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn take(&mut self, event: &Event) -> Result<(), String> {
        let id = match event {
            Event::IncomingSubscription {
                subscription,
                request,
                ..
            } => return self.opens(*subscription, request),
            Event::SubscriptionRefreshed { subscription, .. }
            | Event::IncomingSubscriptionEnded { subscription, .. } => subscription,
            other => return Err(format!("the notifier expects no {other:?}")),
        };
        let mut incoming = self.incoming.iter_mut();
        let known = incoming.find(|incoming| incoming.id == *id);
        let known = known.ok_or("an event of an unknown subscription")?;
        if known.ended || known.rejected {
            return Err(format!("an event of a stale handle: {event:?}"));
        }
        match event {
            Event::IncomingSubscriptionEnded { cause, .. } => {
                known.ended = true;
                known.expired = matches!(cause, IncomingSubscriptionEnd::Expired);
            }
            _ if !known.accepted => return Err("a refresh of an unanswered subscription".into()),
            _ => {}
        }
        Ok(())
    }

    fn opens(&mut self, id: IncomingSubscriptionId, request: &Request) -> Result<(), String> {
        if self.incoming.iter().any(|incoming| incoming.id == id) {
            return Err("a handle is used twice".into());
        }
        self.incoming.push(Incoming {
            id,
            key: Key::of_subscribe(request),
            accepted: false,
            rejected: false,
            terminated: false,
            ended: false,
            expired: false,
            reported: None,
        });
        Ok(())
    }
}
