//! Copies and digests of a whole endpoint, for the explorations of the layers above.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::queue::Queue;
use super::state::Endpoint;
use super::{SessionTimer, SubscriptionTimer, TimerOwner};
use crate::action::Action;
use crate::exploration::{Digest, digest_user, mix};
use crate::ids::ConnectionId;

impl Endpoint {
    /// A copy with its own generator. The queue of actions has to be empty.
    pub(crate) fn copy(&self, rng: Box<dyn CryptoRng + Send>) -> Self {
        assert!(
            self.layer.outbox.is_empty(),
            "an action or an output is lost"
        );
        let queue = Queue::new(&self.behaviour, self.limits());
        Self {
            behaviour: self.behaviour.clone(),
            identity: self.identity.clone(),
            credentials: self.credentials.clone(),
            layer: self.layer.copy(rng, queue),
            dialogs: self.dialogs.clone(),
            digest: self.digest.clone(),
            timers: self.timers.clone(),
            flow: self.flow.clone(),
            ready: self.ready,
            sequence: self.sequence,
            service_route: self.service_route.clone(),
            branch_byes: self.branch_byes,
            late: self.late.clone(),
            now: self.now,
        }
    }

    /// Everything that decides how the endpoint goes on. `place` says which connection a handle is.
    pub(crate) fn digest(&self, place: &dyn Fn(ConnectionId) -> u64) -> u64 {
        let now = self.now;
        let flow = self.flow.as_ref().map(|flow| place(flow.connection));
        let layer = self.layer.digest(now, place, &|sent| {
            let user = digest_user(sent.user);
            let Some(accepted) = &sent.accepted else {
                return user;
            };
            let user = user.wrapping_add(accepted.spent.into());
            let ended = accepted.ended_branches.iter().copied();
            let acks = accepted.acks.iter().map(|(_, ack)| ack.len() as u64);
            let kept = ended.chain(acks);
            kept.fold(user, |sum, number| sum.wrapping_add(mix(number)))
        });
        let mut digest = Digest::new();
        digest
            .number(layer)
            .number(self.dialogs.digest())
            .number(self.branch_byes.into())
            .number(self.late.len() as u64)
            .number(flow.map_or(0, |flow| flow + 1))
            .number(u64::from(self.ready));
        let timers = self.timers.pending().into_iter();
        let timers = timers.map(|(at, owner)| {
            let mut digest = Digest::new();
            match owner {
                TimerOwner::Session(id, timer) => digest.number(id.to_bits()).number(*timer as u64),
                other => digest.debug(other),
            };
            let wait = at.saturating_since(now).as_micros() as u64;
            mix(digest.number(wait).finish())
        });
        digest.number(timers.fold(0, u64::wrapping_add));
        digest.finish()
    }

    /// The timers that run for calls.
    pub(crate) fn session_timers(&self) -> impl Iterator<Item = (crate::SessionId, SessionTimer)> {
        let timers = self.timers.pending().into_iter();
        timers.filter_map(|(_, owner)| match owner {
            TimerOwner::Session(id, timer) => Some((*id, *timer)),
            _ => None,
        })
    }

    /// Whether the refresh of a session, or its end, is due at this time.
    pub(crate) fn refresh_is_due(&self, at: crate::Timestamp) -> bool {
        let timers = self.timers.pending().into_iter();
        let mut due = timers.filter(|(time, _)| *time <= at);
        due.any(|(_, owner)| {
            let timers = [SessionTimer::Refresh, SessionTimer::Expiry];
            matches!(owner, TimerOwner::Session(_, timer) if timers.contains(timer))
        })
    }

    /// Whether the SUBSCRIBE of a subscription of this side is due at this time.
    pub(crate) fn subscribe_is_due(&self, at: crate::Timestamp) -> bool {
        let timers = self.timers.pending().into_iter();
        let mut due = timers.filter(|(time, _)| *time <= at);
        due.any(|(_, owner)| {
            matches!(
                owner,
                TimerOwner::Subscription(_, SubscriptionTimer::Subscribe)
            )
        })
    }

    /// Whether a PUBLISH is due at this time.
    pub(crate) fn publish_is_due(&self, at: crate::Timestamp) -> bool {
        let timers = self.timers.pending().into_iter();
        let mut due = timers.filter(|(time, _)| *time <= at);
        due.any(|(_, owner)| matches!(owner, TimerOwner::Publication(_)))
    }

    /// The owners of the timers that run, in the order in which these fire.
    pub(crate) fn timer_owners(&self) -> Vec<TimerOwner> {
        self.timers.in_order().into_iter().copied().collect()
    }

    /// Drops queued actions, as a broken row would never have made them.
    pub(crate) fn retain_actions(&mut self, keep: impl FnMut(&Action) -> bool) {
        self.layer.outbox.retain(keep);
    }
}
