//! The tasks and threads that wait for something: a waker for each wait, by what it waits for.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::task::Waker;

use sip_core::{
    IncomingSubscriptionId, PublicationId, RequestId, SessionId, SubscriptionId, TransferId,
};

/// What a wait is for. An input of the machine wakes all waits for its topic, and each of them asks again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Topic {
    /// A connection, or the end of an attempt to open one.
    Connection,
    /// The registration.
    Registration,
    /// The end of the agent.
    Stop,
    /// A call of a peer.
    IncomingCall,
    /// A MESSAGE of a peer.
    IncomingMessage,
    /// A subscription of a peer.
    IncomingSubscription,
    /// A REFER of a peer.
    IncomingTransfer,
    /// A call.
    Call(SessionId),
    /// A request of the application.
    Request(RequestId),
    /// A REFER of the application.
    Transfer(TransferId),
    /// A subscription of the application.
    Subscription(SubscriptionId),
    /// A subscription of a peer that the application has taken.
    PeerSubscription(IncomingSubscriptionId),
    /// A publication of the application.
    Publication(PublicationId),
}

/// One wait. The machine mints it, so that two waits of one task do not share a waker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WaitId(u64);

/// The wakers. There are as many as futures and threads that wait, because each takes its waker out when it ends.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    wakers: BTreeMap<(Topic, WaitId), Waker>,
    minted: u64,
}

impl Waiters {
    pub(super) fn mint(&mut self) -> WaitId {
        self.minted += 1;
        WaitId(self.minted)
    }

    /// Returns the waker that another one replaces.
    pub(super) fn set(&mut self, topic: Topic, wait: WaitId, waker: &Waker) -> Option<Waker> {
        match self.wakers.get(&(topic, wait)) {
            Some(known) if known.will_wake(waker) => None,
            _ => self.wakers.insert((topic, wait), waker.clone()),
        }
    }

    pub(super) fn remove(&mut self, topic: Topic, wait: WaitId) -> Option<Waker> {
        self.wakers.remove(&(topic, wait))
    }

    /// Moves the wakers of a topic into `woken`. A wait that is not over sets its waker again.
    pub(super) fn take(&mut self, topic: Topic, woken: &mut Vec<Waker>) {
        if self.wakers.is_empty() {
            return;
        }
        let range = (topic, WaitId(0))..=(topic, WaitId(u64::MAX));
        let waits: Vec<_> = self.wakers.range(range).map(|(key, _)| *key).collect();
        woken.extend(waits.iter().filter_map(|key| self.wakers.remove(key)));
    }

    pub(super) fn take_all(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(core::mem::take(&mut self.wakers).into_values());
    }

    pub(super) fn len(&self) -> usize {
        self.wakers.len()
    }
}
