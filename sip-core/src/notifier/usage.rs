//! The layer as a usage of dialogs and transactions: each request, response and deadline goes to its subscription.

use alloc::boxed::Box;
use core::time::Duration;

use sip_parse::{Method, Request, StatusCode};

use super::layer::NotifierLayer;
use super::machine::Input;
use super::subscriber::With;
use crate::dialog::FailureScope;
use crate::endpoint::{
    DialogUsage, Endpoint, NotifierTimer, Received, Sent, TimerOwner, TransactionUser, Usage,
};
use crate::reason::{EndReason, failure, refusal, send_failure_cause};
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

/// The shortest time after which a refused NOTIFY is sent again, however short the Retry-After, so that a peer cannot cause a
/// flood of NOTIFYs.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

impl NotifierLayer {
    /// Whether the peer lets the core send a NOTIFY again, and after which time (RFC 6665 section 4.2.2): not after 481, and
    /// not beyond the end of the subscription.
    fn deferral(&self, endpoint: &Endpoint, received: &Received) -> Option<Duration> {
        let TransactionUser::Notification(id) = received.sent.user else {
            return None;
        };
        let response = &received.response;
        if response.status() == StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST {
            return None;
        }
        let after = response.retry_after().ok().flatten()?.seconds;
        let after = Duration::from_secs(after.into()).max(SHORTEST_RETRY);
        let ends = self.subscription(id)?.expires_at();
        (endpoint.now + after < ends).then_some(after)
    }

    fn step_all(&mut self, endpoint: &mut Endpoint, input: Input) {
        for id in self.ids() {
            self.step(endpoint, id, input, With::Nothing);
        }
    }
}

impl Usage for NotifierLayer {
    fn awaits(&self, user: TransactionUser) -> bool {
        match user {
            TransactionUser::Notification(id) => {
                let known = self.subscriptions.get(id.0);
                known.is_some_and(|known| known.state.is_notifying())
            }
            _ => false,
        }
    }

    fn on_resent(&mut self, _endpoint: &mut Endpoint, _user: TransactionUser) {}

    fn on_not_resent(&mut self, endpoint: &mut Endpoint, user: TransactionUser, error: &SendError) {
        let TransactionUser::Notification(id) = user else {
            return;
        };
        match error {
            SendError::NotConnected => self.step(endpoint, id, Input::Lost, With::Nothing),
            error => {
                let reason = EndReason::local(send_failure_cause(error));
                self.step(endpoint, id, Input::Failed, With::Failure(reason));
            }
        }
    }

    fn on_response(&mut self, endpoint: &mut Endpoint, received: &Received) {
        let TransactionUser::Notification(id) = received.sent.user else {
            return;
        };
        let status = received.response.status();
        if status.is_provisional() {
            return;
        }
        let (dialog, scope) = (received.sent.dialog, received.scope());
        if status.is_success() {
            if let Some(dialog) = dialog {
                endpoint.refresh_target(dialog, &received.response, received.connection);
            }
            self.step(endpoint, id, Input::Delivered, With::Nothing);
        } else if let Some(after) = self.deferral(endpoint, received)
            && scope != FailureScope::Dialog
        {
            self.step(endpoint, id, Input::Deferred, With::RetryAfter(after));
        } else {
            let reason = refusal(&received.response);
            self.step(endpoint, id, Input::Failed, With::Failure(reason));
        }
        // RFC 5057 section 5.1: some failures end the dialog with all its usages.
        if let (FailureScope::Dialog, Some(dialog)) = (scope, dialog) {
            self.on_dialog_gone(endpoint, dialog);
        }
    }

    fn on_failed(&mut self, endpoint: &mut Endpoint, sent: &Sent, error: TransactionError) {
        let TransactionUser::Notification(id) = sent.user else {
            return;
        };
        match error {
            TransactionError::ConnectionLost => {
                self.step(endpoint, id, Input::Lost, With::Nothing);
                // The peer may have come back on another connection before this one was known to be dead.
                self.step(endpoint, id, Input::Connected, With::Nothing);
            }
            error @ TransactionError::Timeout => {
                let reason = failure(error);
                self.step(endpoint, id, Input::Failed, With::Failure(reason));
            }
        }
    }

    fn on_request(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        usage: Option<DialogUsage>,
        request: Box<Request>,
    ) -> Result<(), Box<Request>> {
        match request.method() {
            Method::Subscribe => self.on_subscribe(endpoint, transaction, usage, request),
            _ => Err(request),
        }
    }

    fn on_server_failed(&mut self, endpoint: &mut Endpoint, transaction: ServerTransactionId) {
        if let Some(id) = self.waiting_for(transaction) {
            self.step(endpoint, id, Input::Lost, With::Nothing);
        }
    }

    fn on_timeout(&mut self, endpoint: &mut Endpoint, owner: TimerOwner) {
        let TimerOwner::Notifier(id, timer) = owner else {
            return;
        };
        let Some(subscriber) = self.subscriptions.get_mut(id.0) else {
            return;
        };
        let input = match timer {
            NotifierTimer::GiveUp => Input::GiveUp,
            NotifierTimer::Retry => Input::Retry,
            NotifierTimer::Expiry => Input::Expiry,
        };
        match timer {
            NotifierTimer::Expiry => subscriber.expiry = None,
            NotifierTimer::GiveUp | NotifierTimer::Retry => subscriber.timer = None,
        }
        self.step(endpoint, id, input, With::Nothing);
    }

    fn on_connected(&mut self, endpoint: &mut Endpoint) {
        self.step_all(endpoint, Input::Connected);
    }

    fn give_up(&mut self, endpoint: &mut Endpoint) {
        self.step_all(endpoint, Input::Abandoned);
    }

    fn stop(&mut self, endpoint: &mut Endpoint) {
        Self::stop(self, endpoint);
    }

    fn end(&mut self, endpoint: &mut Endpoint) {
        self.step_all(endpoint, Input::DialogEnded);
    }
}
