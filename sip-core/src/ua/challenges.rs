//! Challenges that the application answers: `authenticationFactory`.
//!
//! A 401 or 407 is kept until the application answers it. Then it is handled like any other response,
//! with the answer at hand: whoever sent the request sends it again, or takes the refusal as final.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::Response;

use crate::endpoint::{TimerOwner, TransactionUser};
use super::{UserAgent, sent_request};
use crate::config::Authentication;
use crate::error::CommandError;
use crate::event::Event;
use crate::header::ExtraHeaderError;
use crate::ids::ConnectionId;
use crate::ids::{ChallengeId, SessionId};
use crate::session::State;
use crate::time::Timestamp;
use crate::timer::TimerKey;
use crate::transaction::TransactionError;

/// How long the application may take: a person may have to be asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A challenge, until the application answers it.
pub(super) struct Challenge {
    user: TransactionUser,
    /// Where it came from.
    connection: ConnectionId,
    response: Box<Response>,
    /// The request as it was sent.
    request: Bytes,
    timer: TimerKey,
}

/// The application has no credentials for a challenge, or does not want to give them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuthorizationFailed;

impl fmt::Display for AuthorizationFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no credentials for the challenge")
    }
}

impl core::error::Error for AuthorizationFailed {}

impl UserAgent {
    /// Answers [`Event::Challenged`]. Takes the whole value of Authorization (after a 401) or
    /// Proxy-Authorization (after a 407), such as `Bearer mF_9.B5f-4.1JqM` (RFC 8898) or `Digest ..`; the
    /// request is sent again with it (RFC 3261 section 22.2). [`AuthorizationFailed`] makes the
    /// 401 or 407 final. So does silence for 60 seconds, and the fifth challenge of one request.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the challenge is answered or over, [`CommandError::Header`] for a
    /// value that is empty or holds CR, LF or NUL (the challenge still waits then),
    /// [`CommandError::Backpressure`].
    pub fn authorize(
        &mut self,
        challenge: ChallengeId,
        credentials: Result<&str, AuthorizationFailed>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.check_queue()?;
        self.advance(now);
        if let Ok(value) = credentials {
            check_value(value)?;
        }
        if self.challenges.get(challenge.0).is_none() {
            return Err(CommandError::Stale);
        }
        self.answer_challenge(challenge, credentials.map(Into::into));
        self.settle();
        Ok(())
    }

    /// Whether a response is one that the application answers, and somebody still waits for it.
    pub(super) fn is_for_application(&self, user: TransactionUser, response: &Response) -> bool {
        if self.endpoint.config.authentication() != Authentication::Application
            || self.endpoint.authorization.is_some()
            || !matches!(response.status().as_u16(), 401 | 407)
        {
            return false;
        }
        let state = |id: SessionId| self.sessions.get(id.0)?.state.as_ref();
        match user {
            TransactionUser::Register(index) => !self.flows[usize::from(index)].binding.is_idle(),
            TransactionUser::Invite(id) => {
                matches!(state(id), Some(State::Calling(calling)) if !calling.is_cancelled())
            }
            TransactionUser::Reinvite(id) => {
                matches!(state(id), Some(State::Confirmed(call)) if call.is_offering())
            }
            TransactionUser::Bye(id) => matches!(state(id), Some(State::Terminating(_))),
            TransactionUser::Request(id) => self.requests.get(id.0).is_some(),
            TransactionUser::Nobody => false,
        }
    }

    /// Hands a challenge to the application.
    pub(super) fn surface(
        &mut self,
        user: TransactionUser,
        connection: ConnectionId,
        response: Box<Response>,
        request: &Bytes,
    ) {
        let Some(sent) = sent_request(request, &self.endpoint.limits) else {
            return;
        };
        let id = ChallengeId(self.challenges.next_handle());
        let deadline = self.endpoint.now + ANSWER_WITHIN;
        let timer = self.endpoint.timers.set(deadline, TimerOwner::Challenge(id));
        self.endpoint.event(Event::Challenged {
            challenge: id,
            request: Box::new(sent),
            response: response.clone(),
        });
        self.challenges.insert(Challenge {
            user,
            connection,
            response,
            request: request.clone(),
            timer,
        });
    }

    pub(super) fn answer_challenge(
        &mut self,
        id: ChallengeId,
        credentials: Result<Box<str>, AuthorizationFailed>,
    ) {
        let Some(challenge) = self.challenges.remove(id.0) else {
            return;
        };
        self.endpoint.timers.cancel(challenge.timer);
        self.endpoint.authorization = Some(credentials);
        let Challenge {
            user,
            connection,
            response,
            request,
            ..
        } = challenge;
        self.on_response(user, connection, response, &request);
        self.endpoint.authorization = None;
    }

    /// The application gave up what the challenge was about.
    pub(super) fn withdraw_challenge(&mut self, user: TransactionUser) {
        let found = self
            .challenges
            .iter()
            .find(|(_, challenge)| challenge.user == user);
        if let Some((handle, _)) = found {
            self.answer_challenge(ChallengeId(handle), Err(AuthorizationFailed));
        }
    }

    /// The connection is gone: what was challenged on it has failed like what was still in flight.
    pub(super) fn lose_challenges(&mut self, connection: ConnectionId) {
        for challenge in self.take_challenges(|challenge| challenge.connection == connection) {
            self.transaction_failed(challenge.user, TransactionError::ConnectionLost);
        }
    }

    /// The call is over: nobody asks for its requests any more.
    pub(super) fn forget_challenges_of(&mut self, call: SessionId) {
        self.take_challenges(|challenge| match challenge.user {
            TransactionUser::Invite(id) | TransactionUser::Reinvite(id) | TransactionUser::Bye(id) => id == call,
            TransactionUser::Register(_) | TransactionUser::Request(_) | TransactionUser::Nobody => false,
        });
    }

    pub(super) fn forget_challenges(&mut self) {
        self.take_challenges(|_| true);
    }

    /// Takes challenges out, and their timers with them.
    fn take_challenges(&mut self, fits: impl Fn(&Challenge) -> bool) -> Vec<Challenge> {
        let mut taken = Vec::new();
        for handle in self.challenges.handles() {
            if self.challenges.get(handle).is_some_and(&fits) {
                taken.extend(self.challenges.remove(handle));
            }
        }
        for challenge in &taken {
            self.endpoint.timers.cancel(challenge.timer);
        }
        taken
    }
}

/// A header value must not smuggle in another header field.
fn check_value(value: &str) -> Result<(), CommandError> {
    let bad = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
    match value.bytes().position(bad) {
        Some(at) => Err(CommandError::Header(ExtraHeaderError::Value(at))),
        None if value.trim().is_empty() => Err(CommandError::Header(ExtraHeaderError::Value(0))),
        None => Ok(()),
    }
}
