//! The form of a usage that is no call (RFC 5057 section 2), and how one stands alone on an endpoint.

use alloc::boxed::Box;

use sip_parse::{HeaderName, Method, Request, StatusCode};

use super::challenge::{Authorization, RetryError};
use super::indication::{Indication, Received};
use super::owner::{DialogUsage, Sent, TimerOwner, TransactionUser};
use super::state::Endpoint;
use crate::action::Action;
use crate::connection::DisconnectReason;
use crate::time::Timestamp;
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

/// A layer above the endpoint: it takes the requests, responses and deadlines of its own objects.
pub(crate) trait Usage {
    /// Whether an object waits for the final response to its request.
    fn awaits(&self, user: TransactionUser) -> bool;

    /// The core has resent a request with credentials.
    fn on_resent(&mut self, endpoint: &mut Endpoint, user: TransactionUser);

    /// A request was challenged and could not be resent.
    fn on_not_resent(&mut self, endpoint: &mut Endpoint, user: TransactionUser, error: &SendError);

    /// Handles a response to a request of an object of this layer. A challenge that arrives here is final.
    fn on_response(&mut self, endpoint: &mut Endpoint, received: &Received);

    /// A request has no final response.
    fn on_failed(&mut self, endpoint: &mut Endpoint, sent: &Sent, error: TransactionError);

    /// Handles a request of a peer, within a dialog or outside; gives it back if it is none of this layer.
    fn on_request(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        usage: Option<DialogUsage>,
        request: Box<Request>,
    ) -> Result<(), Box<Request>>;

    /// The connection of a peer's request is gone.
    fn on_server_failed(&mut self, endpoint: &mut Endpoint, transaction: ServerTransactionId);

    /// A deadline has passed.
    fn on_timeout(&mut self, endpoint: &mut Endpoint, owner: TimerOwner);

    /// A connection is usable: sends what waited for it, and repairs what the peers know by another one.
    fn on_connected(&mut self, endpoint: &mut Endpoint);

    /// No further connection will open: ends every wait for one.
    fn give_up(&mut self, endpoint: &mut Endpoint);

    /// Begins the end of every object, because the agent stops.
    fn stop(&mut self, endpoint: &mut Endpoint);

    /// Ends every object at once, with an event each.
    fn end(&mut self, endpoint: &mut Endpoint);
}

impl Endpoint {
    /// Passes everything that the endpoint has received to a usage that stands alone on it, and refuses requests that are
    /// none of its own.
    pub(crate) fn settle_alone(&mut self, usage: &mut dyn Usage) {
        while let Some(indication) = self.poll_indication() {
            match indication {
                Indication::Request {
                    transaction,
                    request,
                } => self.offer_alone(usage, transaction, None, Box::new(request)),
                Indication::RequestInDialog {
                    transaction,
                    usage: of,
                    request,
                } => self.offer_alone(usage, transaction, Some(of), Box::new(request)),
                Indication::Cancel {
                    transaction,
                    invite,
                    ..
                } => self.answer_cancel(None, transaction, invite),
                Indication::Ack { .. } | Indication::Pong(_) => {}
                Indication::Response(received) => self.respond_alone(usage, received),
                Indication::Failed { sent, error } => usage.on_failed(self, &sent, error),
                Indication::ServerFailed { transaction } => {
                    usage.on_server_failed(self, transaction);
                }
                // RFC 3261 section 18.3: the host closes a stream that cannot be read any further.
                Indication::Unreadable(connection) => {
                    let reason = DisconnectReason::Protocol;
                    self.act(Action::Disconnect { connection, reason });
                    self.closed(connection, self.now);
                }
            }
        }
    }

    /// Advances the clock to `now` for a usage that stands alone, and fires the due deadlines.
    pub(crate) fn tick_alone(&mut self, usage: &mut dyn Usage, now: Timestamp) {
        self.advance(now);
        let now = self.now;
        self.layer.tick(now);
        self.settle_alone(usage);
        for _ in 0..self.limits().fired_per_tick.max(1) {
            let Some(owner) = self.timers.pop_due(now) else {
                break;
            };
            usage.on_timeout(self, owner);
        }
        self.settle_alone(usage);
    }

    fn offer_alone(
        &mut self,
        usage: &mut dyn Usage,
        transaction: ServerTransactionId,
        of: Option<DialogUsage>,
        request: Box<Request>,
    ) {
        let Err(request) = usage.on_request(self, transaction, of, request) else {
            return;
        };
        match request.method() {
            Method::Options => self.answer_options(transaction, &request, false),
            Method::Bye | Method::Notify | Method::Prack | Method::Update => {
                let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                self.refuse(transaction, status, "no such usage", &[]);
            }
            _ => {
                let allow = [(HeaderName::Allow, self.allow())];
                let status = StatusCode::METHOD_NOT_ALLOWED;
                self.refuse(transaction, status, "no usage takes it", &allow);
            }
        }
    }

    fn respond_alone(&mut self, usage: &mut dyn Usage, mut received: Received) {
        let user = received.sent.user;
        if received.is_challenge() && usage.awaits(user) {
            match self.resend_with_credentials(&received, Authorization::Credentials) {
                Ok(_) => return usage.on_resent(self, user),
                Err(RetryError::NotSent(error)) => return usage.on_not_resent(self, user, &error),
                Err(RetryError::Challenge(error)) => received.unanswered = Some(Box::new(error)),
            }
        }
        usage.on_response(self, &received);
    }
}
