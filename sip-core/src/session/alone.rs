//! What a layer does that stands alone on an endpoint; a [`UserAgent`](crate::UserAgent) does it itself.

use alloc::boxed::Box;

use super::input::Input;
use super::layer::SessionLayer;
use crate::endpoint::{Authorization, Endpoint, Received, RetryError, TimerOwner, TransactionUser};
use crate::time::Timestamp;

impl SessionLayer {
    /// Advances the clock to `now`, which never goes back: fires the due deadlines and passes them to the
    /// calls. A [`UserAgent`](crate::UserAgent) does so itself.
    pub fn tick(&mut self, endpoint: &mut Endpoint, now: Timestamp) {
        endpoint.advance(now);
        let now = endpoint.now;
        endpoint.layer.tick(now);
        self.settle(endpoint);
        for _ in 0..endpoint.limits().fired_per_tick.max(1) {
            let Some(owner) = endpoint.timers.pop_due(now) else {
                break;
            };
            match owner {
                TimerOwner::Session(id, timer) => {
                    self.on_timeout(endpoint, id, timer);
                }
                TimerOwner::Transfer(id) => self.on_transfer_timeout(endpoint, id),
                TimerOwner::Refer(id) => self.on_refer_timeout(endpoint, id),
                _ => {}
            }
        }
        self.settle(endpoint);
    }

    /// Handles a response: answers the challenge in it first.
    pub(super) fn on_response_or_challenge(
        &mut self,
        endpoint: &mut Endpoint,
        mut received: Received,
    ) {
        let user = received.sent.user;
        if received.is_challenge() && self.user_awaits(user) {
            let sent = endpoint.resend_with_credentials(&received, Authorization::Credentials);
            match (sent, user) {
                (Ok(transaction), TransactionUser::Session(id, to)) => {
                    self.drive(endpoint, id, Input::Resent(to, transaction));
                    return;
                }
                (Ok(_), user) => return self.on_subscription_resent(endpoint, user),
                (Err(RetryError::NotSent(error)), TransactionUser::Session(id, to)) => {
                    self.drive(endpoint, id, Input::NotResent(to, error));
                    return;
                }
                (Err(RetryError::NotSent(error)), user) => {
                    return self.on_subscription_not_resent(endpoint, user, &error);
                }
                (Err(RetryError::Challenge(error)), _) => {
                    received.unanswered = Some(Box::new(error));
                }
            }
        }
        if let TransactionUser::Session(id, to) = user {
            self.on_response(endpoint, id, to, &received, false);
        }
        self.on_subscription_response(endpoint, &received);
        self.on_failure_response(endpoint, &received);
    }

    fn user_awaits(&self, user: TransactionUser) -> bool {
        match user {
            TransactionUser::Session(id, to) => self.awaits(id, to),
            user => self.subscription_awaits(user),
        }
    }
}
