//! What is kept of a subscription of this side.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::UriBuf;

use super::machine::State;
use super::options::SubscribeOptions;
use crate::dialog::{DialogId, DialogSetId};
use crate::endpoint::{Endpoint, SubscriptionTimer, TimerOwner};
use crate::ids::{ConnectionId, SubscriptionId};
use crate::reason::EndReason;
use crate::registration::{bound_for, refresh_after};
use crate::subscription_state::TerminationReason;
use crate::time::Timestamp;
use crate::timer::TimerKey;

/// A subscription of this side.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Subscription {
    pub(super) state: State,
    pub(super) target: UriBuf,
    pub(super) package: Box<str>,
    pub(super) options: Box<SubscribeOptions>,
    /// Whether it is one more notifier of a forked SUBSCRIBE: a new SUBSCRIBE would reach all of them.
    pub(super) is_branch: bool,
    /// The position of its command among those that wait for a connection.
    pub(super) sequence: u64,
    /// The local end of its dialogs, from its SUBSCRIBE until it is over.
    pub(super) set: Option<DialogSetId>,
    /// Its dialog, from the first NOTIFY on.
    pub(super) dialog: Option<DialogId>,
    /// The connection of the last SUBSCRIBE, whose Contact the notifier knows.
    pub(super) connection: Option<ConnectionId>,
    /// The CSeq number of the last SUBSCRIBE outside the dialog.
    pub(super) cseq: u32,
    /// The number of SUBSCRIBEs so far, which tells a late response from the one that is awaited.
    pub(super) sent: u32,
    /// Whether the last SUBSCRIBE has no final response.
    pub(super) in_flight: bool,
    /// Whether its challenge waits for the application.
    pub(super) is_challenged: bool,
    /// The Expires of the next SUBSCRIBE, in seconds.
    pub(super) expires: u32,
    /// Whether Min-Expires has raised it since the last 2xx.
    pub(super) raised: bool,
    /// Until when NOTIFYs of further notifiers may arrive (RFC 6665 section 4.4.1).
    pub(super) forks_until: Timestamp,
    /// The tags of further notifiers whose subscription is over, which are no notifiers of this SUBSCRIBE any more:
    /// [`Limits::forks`](crate::Limits::forks) at most.
    pub(super) ended_forks: Vec<Box<[u8]>>,
    pub(super) lease: Lease,
    /// When the notifier first reported a state of this subscription, since it was last over.
    pub(super) live_since: Option<Timestamp>,
    /// Whether the notifier has ever reported a state.
    pub(super) was_live: bool,
    /// How many times in a row it was over early.
    pub(super) failures: u32,
    /// How many refreshes in a row have failed.
    pub(super) refused: u32,
    pub(super) timers: SubscriptionTimers,
}

/// The message or fault behind an input.
#[derive(Clone, Default, Debug)]
pub(super) struct Why {
    /// Why a SUBSCRIBE failed.
    pub(super) reason: Option<EndReason>,
    /// Why the notifier terminates the subscription.
    pub(super) termination: Option<TerminationReason>,
    /// How long the notifier asks to wait.
    pub(super) asked: Option<Duration>,
}

impl Why {
    pub(super) fn failed(reason: EndReason) -> Self {
        Self {
            reason: Some(reason),
            ..Self::default()
        }
    }
}

/// How long a subscription lasts.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Lease {
    /// Its end; `None` until the notifier has granted it.
    pub(super) end: Option<Timestamp>,
    /// When the next refresh is due.
    pub(super) refresh: Option<Timestamp>,
    /// Whether a NOTIFY since the last SUBSCRIBE has named its duration.
    pub(super) is_named: bool,
}

/// The deadlines of a subscription.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct SubscriptionTimers {
    notify: Option<TimerKey>,
    subscribe: Option<TimerKey>,
    expiry: Option<TimerKey>,
}

impl SubscriptionTimers {
    fn slot(&mut self, timer: SubscriptionTimer) -> &mut Option<TimerKey> {
        match timer {
            SubscriptionTimer::Notify => &mut self.notify,
            SubscriptionTimer::Subscribe => &mut self.subscribe,
            SubscriptionTimer::Expiry => &mut self.expiry,
        }
    }

    pub(super) fn set(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        timer: SubscriptionTimer,
        at: Timestamp,
    ) {
        self.cancel(endpoint, timer);
        let owner = TimerOwner::Subscription(id, timer);
        *self.slot(timer) = Some(endpoint.timers.set(at, owner));
    }

    pub(super) fn runs(&mut self, timer: SubscriptionTimer) -> bool {
        self.slot(timer).is_some()
    }

    pub(super) fn cancel(&mut self, endpoint: &mut Endpoint, timer: SubscriptionTimer) {
        if let Some(key) = self.slot(timer).take() {
            endpoint.timers.cancel(key);
        }
    }

    pub(super) fn cancel_all(&mut self, endpoint: &mut Endpoint) {
        for timer in [
            SubscriptionTimer::Notify,
            SubscriptionTimer::Subscribe,
            SubscriptionTimer::Expiry,
        ] {
            self.cancel(endpoint, timer);
        }
    }

    pub(super) fn fired(&mut self, timer: SubscriptionTimer) {
        *self.slot(timer) = None;
    }
}

impl Subscription {
    pub(super) fn new(
        state: State,
        target: UriBuf,
        package: &str,
        options: SubscribeOptions,
    ) -> Self {
        Self {
            state,
            target,
            package: package.into(),
            expires: options.expires,
            options: Box::new(options),
            is_branch: false,
            sequence: 0,
            set: None,
            dialog: None,
            connection: None,
            cseq: 0,
            sent: 0,
            in_flight: false,
            is_challenged: false,
            raised: false,
            forks_until: Timestamp::default(),
            ended_forks: Vec::new(),
            lease: Lease::default(),
            live_since: None,
            was_live: false,
            failures: 0,
            refused: 0,
            timers: SubscriptionTimers::default(),
        }
    }

    /// The subscription of one more notifier that answers the same SUBSCRIBE.
    pub(super) fn branch(&self, dialog: DialogId) -> Self {
        let options = SubscribeOptions::clone(&self.options);
        let (target, package) = (self.target.clone(), &self.package);
        Self {
            is_branch: true,
            set: self.set,
            dialog: Some(dialog),
            connection: self.connection,
            cseq: self.cseq,
            expires: self.expires,
            ..Self::new(State::Accepted, target, package, options)
        }
    }

    /// Whether the core may subscribe anew after an end that allows it.
    pub(super) fn resubscribes(&self) -> bool {
        self.options.resubscribe && !self.is_branch
    }

    /// The value of Event (RFC 6665 section 8.2.1).
    pub(super) fn event(&self) -> String {
        let mut event = String::from(&*self.package);
        if let Some(id) = &self.options.id {
            event.push_str(";id=");
            event.push_str(id);
        }
        event
    }

    /// Takes the Expires of a 2xx, which is at most what the SUBSCRIBE asked for (RFC 6665 section 4.1.2.1). A duration that a
    /// NOTIFY has named since the SUBSCRIBE is not made longer, because it is the later word (section 4.1.3).
    pub(super) fn grant(&mut self, endpoint: &mut Endpoint, seconds: Option<u32>) {
        let granted = seconds.unwrap_or(self.expires).min(self.expires);
        let (end, refresh) = times(endpoint, granted);
        match self.lease {
            Lease {
                end: Some(named),
                is_named: true,
                ..
            } if named <= end => {}
            _ => (self.lease.end, self.lease.refresh) = (Some(end), Some(refresh)),
        }
    }

    /// Takes the `expires` of a NOTIFY (RFC 6665 section 4.1.3). Only the NOTIFY after a SUBSCRIBE postpones the refresh,
    /// because otherwise a notifier that reports often would postpone it past the expiry.
    pub(super) fn take_expires(&mut self, endpoint: &mut Endpoint, seconds: Option<u32>) {
        let answers = !matches!(self.state, State::Subscribed | State::Notified);
        let granted = match seconds {
            Some(seconds) => seconds.min(self.expires),
            None if self.lease.end.is_none() => self.expires,
            None => return,
        };
        let (end, refresh) = times(endpoint, granted);
        let earlier = |known: Timestamp| known.min(refresh);
        self.lease = Lease {
            end: Some(end),
            refresh: Some(match self.lease.refresh {
                Some(known) if !answers => earlier(known),
                _ => refresh,
            }),
            is_named: seconds.is_some(),
        };
    }

    /// How long it lasts from now on.
    pub(super) fn rest(&self, now: Timestamp) -> Duration {
        let end = self.lease.end;
        end.map_or(Duration::ZERO, |end| end.saturating_since(now))
    }
}

/// The end of a subscription of this duration that begins now, and when its refresh is due.
fn times(endpoint: &mut Endpoint, seconds: u32) -> (Timestamp, Timestamp) {
    let shortest = endpoint.limits().shortest_refresh;
    let now = endpoint.now;
    let refresh = refresh_after(seconds, shortest, endpoint.layer.rng());
    (now + bound_for(seconds, shortest), now + refresh)
}
