//! Challenges that wait for the application (`authenticationFactory`).

use alloc::vec::Vec;

use crate::endpoint::{Received, SessionRequest, TransactionUser};
use crate::ids::{ChallengeId, ConnectionId, SessionId};
use crate::limits::Limits;
use crate::slab::{Grouped, Handle, Member};
use crate::timer::TimerKey;

/// All waiting challenges of an agent.
pub(super) struct Challenges {
    /// By the object that sent the request.
    challenges: Grouped<Challenge>,
    /// The bytes of their messages.
    bytes: usize,
}

/// A challenge, until the application answers it.
pub(super) struct Challenge {
    pub(super) received: Received,
    pub(super) timer: TimerKey,
}

impl Challenge {
    /// The bytes of its messages.
    fn bytes(&self) -> usize {
        bytes(&self.received)
    }
}

fn bytes(received: &Received) -> usize {
    received.response.bytes().len() + received.request.bytes().len()
}

impl Member for Challenge {
    /// The kind of the user of the request, and its number; all requests of a call are in one group.
    type Group = (u8, u64);

    fn group(&self) -> Option<(u8, u64)> {
        Some(group_of(self.received.sent.user))
    }
}

fn group_of(user: TransactionUser) -> (u8, u64) {
    match user {
        TransactionUser::Register(index) => (0, u64::from(index)),
        TransactionUser::Session(id, _) => (1, id.to_bits()),
        TransactionUser::Request(id) => (2, id.to_bits()),
        TransactionUser::Transfer(id) => (3, id.to_bits()),
        TransactionUser::Notify(id) => (4, id.to_bits()),
        TransactionUser::Subscription(id, _) => (5, id.to_bits()),
        TransactionUser::Notification(id) => (6, id.to_bits()),
        TransactionUser::Publication(id) => (7, id.to_bits()),
        TransactionUser::Branch | TransactionUser::Nobody => (8, 0),
    }
}

impl Challenges {
    pub(super) const fn new() -> Self {
        Self {
            challenges: Grouped::new(),
            bytes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.challenges.len()
    }

    /// Whether there is room for one more challenge.
    pub(super) fn has_room(&self, received: &Received, limits: &Limits) -> bool {
        let most = limits.challenges.saturating_mul(limits.challenge_bytes);
        self.len() < limits.challenges && self.bytes + bytes(received) <= most
    }

    /// The handle of the next challenge.
    pub(super) fn next_id(&self) -> ChallengeId {
        ChallengeId(self.challenges.next_handle())
    }

    pub(super) fn insert(&mut self, challenge: Challenge) {
        self.bytes += challenge.bytes();
        self.challenges.insert(challenge);
    }

    pub(super) fn has(&self, id: ChallengeId) -> bool {
        self.challenges.get(id.0).is_some()
    }

    pub(super) fn take(&mut self, id: ChallengeId) -> Option<Challenge> {
        let taken = self.challenges.remove(id.0)?;
        self.bytes -= taken.bytes();
        Some(taken)
    }

    /// The waiting challenge of a request of `user`.
    pub(super) fn of(&self, user: TransactionUser) -> Option<ChallengeId> {
        let mut challenges = self.challenges.of(group_of(user));
        let found = challenges.find(|(_, challenge)| challenge.received.sent.user == user);
        found.map(|(handle, _)| ChallengeId(handle))
    }

    /// Takes out the challenges that arrived on a lost connection.
    pub(super) fn take_on(&mut self, connection: ConnectionId) -> Vec<Challenge> {
        let is_on = |challenge: &Challenge| challenge.received.connection == connection;
        let waiting = self.challenges.iter();
        let waiting = waiting.filter(|(_, challenge)| is_on(challenge));
        let handles: Vec<_> = waiting.map(|(handle, _)| handle).collect();
        self.take_all(handles)
    }

    /// Takes out the challenges of a call that is over.
    pub(super) fn take_of_call(&mut self, call: SessionId) -> Vec<Challenge> {
        let group = group_of(TransactionUser::Session(call, SessionRequest::Invite));
        self.take_all(self.challenges.handles_of(Some(group)))
    }

    /// Takes out every challenge.
    pub(super) fn take_each(&mut self) -> Vec<Challenge> {
        self.take_all(self.challenges.handles())
    }

    fn take_all(&mut self, handles: Vec<Handle>) -> Vec<Challenge> {
        let handles = handles.into_iter();
        handles
            .filter_map(|handle| self.take(ChallengeId(handle)))
            .collect()
    }
}
