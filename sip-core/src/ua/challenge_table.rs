//! Challenges that wait for the application (`authenticationFactory`).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::endpoint::{Received, TransactionUser};
use crate::ids::{ChallengeId, ConnectionId, SessionId};
use crate::limits::Limits;
use crate::slab::Slab;
use crate::timer::TimerKey;

/// All waiting challenges of an agent. Boxed, because most agents never have one.
pub(super) struct Challenges(Box<Slab<Challenge>>);

/// A challenge, until the application answers it.
pub(super) struct Challenge {
    pub(super) received: Received,
    pub(super) timer: TimerKey,
}

impl Challenges {
    pub(super) fn new() -> Self {
        Self(Box::new(Slab::new()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is room for one more challenge.
    pub(super) fn has_room(&self, received: &Received, limits: &Limits) -> bool {
        let bytes =
            |received: &Received| received.response.bytes().len() + received.request.bytes().len();
        let kept: usize = self.0.iter().map(|(_, kept)| bytes(&kept.received)).sum();
        let most = limits.challenges.saturating_mul(limits.challenge_bytes);
        self.0.len() < limits.challenges && kept + bytes(received) <= most
    }

    /// The handle of the next challenge.
    pub(super) fn next_id(&self) -> ChallengeId {
        ChallengeId(self.0.next_handle())
    }

    pub(super) fn insert(&mut self, challenge: Challenge) {
        self.0.insert(challenge);
    }

    pub(super) fn has(&self, id: ChallengeId) -> bool {
        self.0.get(id.0).is_some()
    }

    pub(super) fn take(&mut self, id: ChallengeId) -> Option<Challenge> {
        self.0.remove(id.0)
    }

    /// The waiting challenge of a request of `user`.
    pub(super) fn of(&self, user: TransactionUser) -> Option<ChallengeId> {
        let mut challenges = self.0.iter();
        let found = challenges.find(|(_, challenge)| challenge.received.sent.user == user);
        found.map(|(handle, _)| ChallengeId(handle))
    }

    /// Takes out the challenges that arrived on a lost connection.
    pub(super) fn take_on(&mut self, connection: ConnectionId) -> Vec<Challenge> {
        self.take_all(|challenge| challenge.received.connection == connection)
    }

    /// Takes out the challenges of a call that is over.
    pub(super) fn take_of_call(&mut self, call: SessionId) -> Vec<Challenge> {
        let is_of_call = |user| matches!(user, TransactionUser::Session(id, _) if id == call);
        self.take_all(|challenge| is_of_call(challenge.received.sent.user))
    }

    /// Takes out every challenge.
    pub(super) fn take_each(&mut self) -> Vec<Challenge> {
        self.take_all(|_| true)
    }

    fn take_all(&mut self, fits: impl Fn(&Challenge) -> bool) -> Vec<Challenge> {
        let mut taken = Vec::new();
        for handle in self.0.handles() {
            if self.0.get(handle).is_some_and(&fits) {
                taken.extend(self.0.remove(handle));
            }
        }
        taken
    }
}
