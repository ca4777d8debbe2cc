//! Carries out the effects of the machine of a subscription.

use alloc::boxed::Box;

use super::entry::{Lease, Subscription, Why};
use super::layer::SubscriptionLayer;
use super::machine::{Effect, Ending, Input};
use super::timing::{STABLE, again_after, refresh_again_after};
use crate::dialog::Dialog;
use crate::endpoint::{DialogUsage, Duty, Endpoint, MaySend, SubscriptionTimer};
use crate::event::Event;
use crate::ids::SubscriptionId;
use crate::reason::{Cause, EndReason, send_failure_cause};
use crate::subscription_state::{SubscriptionEnd, SubscriptionRetry, TerminationReason};
use crate::transaction::SendError;

/// A SUBSCRIBE of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subscribe {
    First,
    Refresh,
    Last,
}

impl SubscriptionLayer {
    /// Lets a subscription take an input, and what follows from it; the only place that does so.
    pub(super) fn drive(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        input: Input,
        why: Why,
    ) {
        let mut next = Some((input, why));
        while let Some((input, why)) = next {
            next = self.take(endpoint, id, input, why);
        }
    }

    /// One step. Returns what follows from it: a SUBSCRIBE that could not be sent.
    fn take(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        input: Input,
        mut why: Why,
    ) -> Option<(Input, Why)> {
        let subscription = self.subscriptions.get_mut(id.0)?;
        #[cfg(not(test))]
        let (next, effects) = subscription.state.step(input);
        #[cfg(test)]
        let (next, effects) = super::broken::step(subscription.state, input);
        match next {
            Some(next) => subscription.state = next,
            None => self.forget_fork(endpoint, id),
        }
        let subscription = self.subscriptions.get_mut(id.0)?;
        let mut unsent = None;
        for effect in effects {
            match effect {
                Effect::Subscribe => {
                    unsent = subscription.send(endpoint, id, Subscribe::First);
                }
                Effect::Refresh => unsent = subscription.send(endpoint, id, Subscribe::Refresh),
                Effect::Unsubscribe => unsent = subscription.send(endpoint, id, Subscribe::Last),
                Effect::Await => {
                    let at = endpoint.now + endpoint.longest_wait();
                    let timers = &mut subscription.timers;
                    timers.set(endpoint, id, SubscriptionTimer::Notify, at);
                }
                Effect::Settle => {
                    let timers = &mut subscription.timers;
                    timers.cancel(endpoint, SubscriptionTimer::Notify);
                }
                Effect::Lease => subscription.set_lease(endpoint, id),
                Effect::Retry => subscription.refresh_again(endpoint, id, why.asked),
                Effect::BackOff(ending) => subscription.back_off(endpoint, id, ending, &mut why),
                Effect::AwaitConnection(ending) => {
                    let cause = end_of(ending, &mut why);
                    subscription.leave(endpoint, id);
                    endpoint.event(Event::SubscriptionInterrupted {
                        subscription: id,
                        cause,
                        retry_at: None,
                    });
                }
                Effect::End(ending) => {
                    subscription.leave(endpoint, id);
                    endpoint.event(Event::SubscriptionEnded {
                        subscription: id,
                        cause: end_of(ending, &mut why),
                    });
                }
            }
        }
        if next.is_none() {
            self.subscriptions.remove(id.0);
            return None;
        }
        unsent
    }

    /// A branch is about to be over: its notifier is no further notifier of the SUBSCRIBE any more.
    fn forget_fork(&mut self, endpoint: &Endpoint, id: SubscriptionId) {
        let Some(branch) = self.subscriptions.get(id.0).filter(|entry| entry.is_branch) else {
            return;
        };
        let dialog = branch
            .dialog
            .and_then(|dialog| endpoint.dialogs.dialog(dialog));
        let (set, tag) = (branch.set, dialog.and_then(Dialog::remote_tag));
        let Some(tag) = tag.map(Box::from) else {
            return;
        };
        // The local end of the SUBSCRIBE names the subscription of its first notifier.
        let usage = set.and_then(|set| endpoint.dialogs.usage(set));
        if let Some(DialogUsage::Subscription(first)) = usage
            && let Some(first) = self.subscriptions.get_mut(first.0)
            && first.set == set
            && !first.is_branch
        {
            first.ended_forks.push(tag);
        }
    }
}

impl Subscription {
    /// Sends a SUBSCRIBE; returns the input that follows if it cannot go out now.
    fn send(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        kind: Subscribe,
    ) -> Option<(Input, Why)> {
        let duty = Duty::Owed(self.connection);
        let dialog = self.dialog.filter(|_| kind != Subscribe::First);
        let may_send = match dialog {
            Some(dialog) => endpoint.may_send_in(dialog, duty),
            None => endpoint.may_send(duty, self.target.as_bytes()),
        };
        let error = match (may_send, dialog) {
            (MaySend::Later, _) => {
                self.connection = None;
                let reason = EndReason::transport(Cause::ConnectionLost);
                return Some((Input::NotConnected, Why::failed(reason)));
            }
            (MaySend::Never(error), _) => error,
            (MaySend::Now(connection), Some(dialog)) => {
                let last = kind == Subscribe::Last;
                self.subscribe_in(endpoint, id, connection, dialog, last)
                    .err()?
            }
            (MaySend::Now(connection), None) => self.subscribe(endpoint, id, connection).err()?,
        };
        let why = Why::failed(EndReason::local(send_failure_cause(&error)));
        // A full table has room again later.
        let passes = matches!(error, SendError::TooManyTransactions);
        let input = match dialog {
            Some(_) => Input::Failed,
            None => Input::Refused {
                again: passes && self.was_live && self.resubscribes(),
            },
        };
        Some((input, why))
    }

    /// Sets the deadlines of the refresh and of the expiry.
    fn set_lease(&mut self, endpoint: &mut Endpoint, id: SubscriptionId) {
        let Lease { end, refresh, .. } = self.lease;
        if let (Some(end), Some(refresh)) = (end, refresh) {
            let timers = &mut self.timers;
            timers.set(endpoint, id, SubscriptionTimer::Subscribe, refresh);
            timers.set(endpoint, id, SubscriptionTimer::Expiry, end);
        }
    }

    /// Repeats a refresh that failed, if there is time before the expiry.
    fn refresh_again(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        asked: Option<core::time::Duration>,
    ) {
        let (failures, rest) = (self.refused, self.rest(endpoint.now));
        self.refused += 1;
        let shortest = endpoint.limits().shortest_refresh;
        let rng = endpoint.layer.rng();
        if let Some(wait) = refresh_again_after(failures, asked, rest, shortest, rng) {
            let at = endpoint.now + wait;
            self.lease.refresh = Some(at);
            let timers = &mut self.timers;
            timers.set(endpoint, id, SubscriptionTimer::Subscribe, at);
        }
    }

    /// The subscription is over, and a new one follows.
    fn back_off(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        ending: Ending,
        why: &mut Why,
    ) {
        let now = endpoint.now;
        let age = self.live_since.map(|since| now.saturating_since(since));
        if age.is_some_and(|age| age >= STABLE) {
            self.failures = 0;
        }
        let (at_once, asked) = match (ending, &why.termination) {
            (Ending::Terminated, Some(reason)) => match reason.retry() {
                SubscriptionRetry::Now => (true, None),
                SubscriptionRetry::After(asked) => (false, asked),
                SubscriptionRetry::Never => (false, None),
            },
            // RFC 6665 section 4.1.2.2: the notifier has lost the subscription.
            _ => (self.dialog.is_some() && why.asked.is_none(), why.asked),
        };
        let rng = endpoint.layer.rng();
        let at = now + again_after(self.failures, at_once, asked, rng);
        self.failures = self.failures.saturating_add(1);
        self.leave(endpoint, id);
        let timers = &mut self.timers;
        timers.set(endpoint, id, SubscriptionTimer::Subscribe, at);
        endpoint.event(Event::SubscriptionInterrupted {
            subscription: id,
            cause: end_of(ending, why),
            retry_at: Some(at),
        });
    }

    /// Forgets the dialog and all deadlines.
    fn leave(&mut self, endpoint: &mut Endpoint, id: SubscriptionId) {
        self.timers.cancel_all(endpoint);
        if let Some(set) = self.set.take() {
            let usage = DialogUsage::Subscription(id);
            endpoint.dialogs.release(set, usage, usage);
        }
        self.dialog = None;
        self.in_flight = false;
        self.ended_forks.clear();
        self.lease = Lease::default();
        self.live_since = None;
    }
}

/// The end of a subscription as the application sees it.
fn end_of(ending: Ending, why: &mut Why) -> SubscriptionEnd {
    match ending {
        Ending::Terminated => {
            let reason = why.termination.take();
            SubscriptionEnd::Terminated(reason.unwrap_or(TerminationReason::Other(None, None)))
        }
        Ending::Failed => {
            let cut = EndReason::local(Cause::Stopped);
            SubscriptionEnd::Failed(Box::new(why.reason.take().unwrap_or(cut)))
        }
        Ending::NoNotify => SubscriptionEnd::NoNotify,
        Ending::Expired => SubscriptionEnd::Expired,
        Ending::Unsubscribed => SubscriptionEnd::Unsubscribed,
    }
}
