//! Challenges that the application answers (`authenticationFactory`).
//!
//! The agent keeps a 401 or 407 until the application answers it. Then the core sends the request again with
//! the answer, or takes the response as final.

use alloc::boxed::Box;
use core::time::Duration;

use super::agent::UserAgent;
use super::challenge_table::Challenge;
use crate::auth::{AuthorizationFailed, ChallengeError};
use crate::endpoint::{Authorization, Received, TimerOwner, TransactionUser};
use crate::error::CommandError;
use crate::event::Event;
use crate::header::ExtraHeaderError;
use crate::ids::{ChallengeId, ConnectionId, SessionId};
use crate::time::Timestamp;
use crate::transaction::TransactionError;

/// How long the application may take to answer. Long, because it may have to ask a person.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

impl UserAgent {
    /// Answers [`Event::Challenged`]. Takes the whole value of Authorization (after a 401) or
    /// Proxy-Authorization (after a 407), such as `Bearer mF_9.B5f-4.1JqM` (RFC 8898) or `Digest ..`; the
    /// core sends the request again with it (RFC 3261 section 22.2). [`AuthorizationFailed`] makes the 401 or
    /// 407 final. The response is also final after 60 seconds without an answer, and at the fifth challenge
    /// of one request.
    /// # Errors
    /// [`CommandError::Stale`] if the challenge is answered or over, [`CommandError::Header`] for a value
    /// that is empty or holds CR, LF or NUL (the challenge still waits then), [`CommandError::Backpressure`].
    pub fn authorize(
        &mut self,
        challenge: ChallengeId,
        credentials: Result<&str, AuthorizationFailed>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        if let Ok(value) = credentials {
            check_value(value)?;
        }
        if !self.challenges.has(challenge) {
            return Err(CommandError::Stale);
        }
        self.answer_challenge(challenge, credentials.map(Into::into));
        self.settle();
        Ok(())
    }

    /// Hands a challenge to the application. Above the limit the response is final.
    pub(super) fn surface(&mut self, received: Received) {
        if !self.challenges.has_room(&received, self.endpoint.limits()) {
            self.endpoint.count_refused_challenge();
            return self.deliver(&received);
        }
        let Some(sent) = received.request.request() else {
            return;
        };
        let id = self.challenges.next_id();
        let deadline = self.endpoint.now + ANSWER_WITHIN;
        let owner = TimerOwner::Challenge(id);
        let timer = self.endpoint.timers.set(deadline, owner);
        let (endpoint, user) = (&mut self.endpoint, received.sent.user);
        self.subscriptions
            .on_challenged(endpoint, user, ANSWER_WITHIN);
        self.endpoint.event(Event::Challenged {
            challenge: id,
            request: Box::new(sent.clone()),
            response: received.response.clone(),
        });
        self.challenges.insert(Challenge { received, timer });
    }

    pub(super) fn answer_challenge(
        &mut self,
        id: ChallengeId,
        credentials: Result<Box<str>, AuthorizationFailed>,
    ) {
        let Some(challenge) = self.challenges.take(id) else {
            return;
        };
        self.endpoint.timers.cancel(challenge.timer);
        match credentials {
            // No one would take the outcome of a request whose user is gone, such as a subscription that is over.
            Ok(_) if !self.awaits(challenge.received.sent.user) => {}
            Ok(value) => {
                let authorization = Authorization::Application(value);
                self.authenticate(challenge.received, authorization);
            }
            Err(AuthorizationFailed) => {
                self.give_up_challenge(challenge.received, ChallengeError::Declined);
            }
        }
    }

    /// The application has not answered in time.
    pub(super) fn on_challenge_timeout(&mut self, id: ChallengeId) {
        if let Some(challenge) = self.challenges.take(id) {
            self.give_up_challenge(challenge.received, ChallengeError::NoAnswer);
        }
    }

    fn give_up_challenge(&mut self, mut received: Received, why: ChallengeError) {
        received.unanswered = Some(Box::new(why));
        self.deliver(&received);
    }

    /// Drops the challenge of a request that the application has given up.
    pub(super) fn withdraw_challenge(&mut self, user: TransactionUser) {
        if let Some(id) = self.challenges.of(user) {
            self.answer_challenge(id, Err(AuthorizationFailed));
        }
    }

    /// Fails the challenges of a lost connection, like the requests in flight on it.
    pub(super) fn lose_challenges(&mut self, connection: ConnectionId) {
        for challenge in self.challenges.take_on(connection) {
            self.endpoint.timers.cancel(challenge.timer);
            let error = TransactionError::ConnectionLost;
            self.on_failed(&challenge.received.sent, error);
        }
    }

    /// Drops the challenges of a call that is over.
    pub(super) fn forget_challenges_of(&mut self, call: SessionId) {
        for challenge in self.challenges.take_of_call(call) {
            self.endpoint.timers.cancel(challenge.timer);
        }
    }

    pub(super) fn forget_challenges(&mut self) {
        for challenge in self.challenges.take_each() {
            self.endpoint.timers.cancel(challenge.timer);
        }
    }
}

/// Rejects CR, LF and NUL, because the value would otherwise add another header field.
fn check_value(value: &str) -> Result<(), CommandError> {
    let bad = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
    match value.bytes().position(bad) {
        Some(at) => Err(CommandError::Header(ExtraHeaderError::Value(at))),
        None if value.trim().is_empty() => Err(CommandError::Header(ExtraHeaderError::Value(0))),
        None => Ok(()),
    }
}
