//! What a layer does that stands alone on an endpoint; a [`UserAgent`](crate::UserAgent) does it itself.

use alloc::boxed::Box;

use sip_parse::{HeaderName, Method, StatusCode};

use super::input::Input;
use super::layer::SessionLayer;
use crate::action::Action;
use crate::connection::DisconnectReason;
use crate::endpoint::{
    Authorization, DialogUsage, Endpoint, Indication, Received, RetryError, TimerOwner,
    TransactionUser,
};
use crate::time::Timestamp;
use crate::transaction::ServerTransactionId;

impl SessionLayer {
    /// Passes everything that the endpoint has received to its calls, and refuses requests that belong to no
    /// call. The host calls it after each [`Endpoint::receive`], [`Endpoint::closed`] and command. A
    /// [`UserAgent`](crate::UserAgent) does so itself.
    pub fn settle(&mut self, endpoint: &mut Endpoint) {
        while let Some(indication) = endpoint.poll_indication() {
            match indication {
                Indication::Request {
                    transaction,
                    request,
                } => match request.method() {
                    Method::Invite => self.on_call(endpoint, transaction, Box::new(request)),
                    Method::Options => {
                        endpoint.answer_options(transaction, &request, self.is_busy(endpoint));
                    }
                    Method::Refer => self.on_refer(endpoint, transaction, None, Box::new(request)),
                    // RFC 3261 section 15.1.2, RFC 3262 section 6, RFC 3311 section 5.2: these need a dialog.
                    Method::Bye | Method::Prack | Method::Update => {
                        let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                        endpoint.refuse(transaction, status, "no such dialog", &[]);
                    }
                    _ => refuse_method(endpoint, transaction),
                },
                Indication::RequestInDialog {
                    transaction,
                    usage: DialogUsage::Session(id),
                    request,
                } => match request.method() {
                    // RFC 3261 section 11.2: within a dialog the response is 200.
                    Method::Options => {
                        endpoint.list_capabilities(transaction, &request, StatusCode::OK)
                    }
                    Method::Refer => {
                        self.on_refer(endpoint, transaction, Some(id), Box::new(request))
                    }
                    _ if !self.on_request(endpoint, transaction, id, &request) => {
                        refuse_method(endpoint, transaction);
                    }
                    _ => {}
                },
                Indication::RequestInDialog {
                    transaction,
                    usage,
                    request,
                } => self.on_request_in_subscription(endpoint, transaction, usage, &request),
                Indication::Cancel {
                    transaction,
                    invite,
                    request,
                } => {
                    self.on_cancel(endpoint, transaction, invite, &request);
                }
                Indication::Ack { usage, request } => {
                    if let DialogUsage::Session(id) = usage {
                        self.drive(endpoint, id, Input::Ack(&request));
                    }
                }
                Indication::Response(received) => {
                    self.on_response_or_challenge(endpoint, received);
                }
                Indication::Failed { sent, error } => {
                    if let TransactionUser::Session(id, to) = sent.user {
                        self.drive(endpoint, id, Input::Failed(to, error));
                    }
                    self.on_subscription_failed(endpoint, sent.user, error);
                    self.on_failure(endpoint, &sent, error);
                }
                Indication::ServerFailed { transaction } => {
                    self.on_server_failed(endpoint, transaction);
                }
                // RFC 3261 section 18.3: the host closes a stream that cannot be read any further.
                Indication::Unreadable(connection) => {
                    let reason = DisconnectReason::Protocol;
                    let close = Action::Disconnect { connection, reason };
                    endpoint.act(close);
                    endpoint.closed(connection, endpoint.now);
                }
                Indication::Pong(_) => {}
            }
        }
    }

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

/// Refuses a request that no call takes (RFC 3261 section 8.2.1).
fn refuse_method(endpoint: &mut Endpoint, transaction: ServerTransactionId) {
    let allow = [(HeaderName::Allow, endpoint.allow())];
    let status = StatusCode::METHOD_NOT_ALLOWED;
    endpoint.refuse(transaction, status, "no usage takes it", &allow);
}
