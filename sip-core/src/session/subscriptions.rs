//! The subscriptions of REFER as users of transactions and dialogs: each request, response and failure goes to the REFER that
//! it is about.

use sip_parse::{Method, Request, StatusCode};

use super::layer::SessionLayer;
use super::referral::ReferralInput;
use crate::endpoint::{DialogUsage, Endpoint, Received, TransactionUser};
use crate::ids::{ReferId, SessionId};
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

impl SessionLayer {
    /// The number of REFERs, of both sides, whose outcome is not known or reported.
    #[must_use]
    pub fn refers(&self) -> usize {
        self.transfers.len() + self.referred.len()
    }

    /// Handles a request within a dialog that no call uses, but the subscription of a REFER.
    pub(crate) fn on_request_in_subscription(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        usage: DialogUsage,
        request: &Request,
    ) {
        let taken = match request.method() {
            Method::Notify => self.on_notify(endpoint, transaction, usage, request),
            Method::Subscribe => self.on_subscribe(endpoint, transaction, usage, request),
            _ => false,
        };
        if !taken {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            endpoint.refuse(transaction, status, "no such usage of the dialog", &[]);
        }
    }

    /// Whether a REFER still waits for the response to its REFER or NOTIFY.
    pub(crate) fn subscription_awaits(&self, user: TransactionUser) -> bool {
        match user {
            TransactionUser::Transfer(id) => self.transfer_awaits(id),
            TransactionUser::Notify(id) => self.notify_awaits(id),
            _ => false,
        }
    }

    /// The core has resent a REFER or NOTIFY with credentials.
    pub(crate) fn on_subscription_resent(&mut self, endpoint: &Endpoint, user: TransactionUser) {
        if let TransactionUser::Transfer(id) = user {
            self.on_transfer_resent(endpoint, id);
        }
    }

    /// A REFER or NOTIFY was challenged and could not be resent.
    pub(crate) fn on_subscription_not_resent(
        &mut self,
        endpoint: &mut Endpoint,
        user: TransactionUser,
        error: &SendError,
    ) {
        match user {
            TransactionUser::Transfer(id) => self.on_transfer_not_resent(endpoint, id, error),
            TransactionUser::Notify(id) => {
                self.on_notify_outcome(endpoint, id, ReferralInput::Failed);
            }
            _ => {}
        }
    }

    /// Handles a response to a REFER or NOTIFY.
    pub(crate) fn on_subscription_response(
        &mut self,
        endpoint: &mut Endpoint,
        received: &Received,
    ) {
        let status = received.response.status();
        match received.sent.user {
            TransactionUser::Transfer(id) => self.on_transfer_response(endpoint, id, received),
            TransactionUser::Notify(id) if !status.is_provisional() => {
                if let Some(dialog) = received.sent.dialog.filter(|_| status.is_success()) {
                    endpoint.refresh_target(dialog, &received.response, received.connection);
                }
                let outcome = match status.is_success() {
                    true => ReferralInput::Delivered,
                    false => ReferralInput::Failed,
                };
                self.on_notify_outcome(endpoint, id, outcome);
            }
            _ => {}
        }
    }

    /// A REFER or NOTIFY has no final response.
    pub(crate) fn on_subscription_failed(
        &mut self,
        endpoint: &mut Endpoint,
        user: TransactionUser,
        error: TransactionError,
    ) {
        match (user, error) {
            (TransactionUser::Transfer(id), error) => self.on_transfer_failed(endpoint, id, error),
            (TransactionUser::Notify(id), TransactionError::ConnectionLost) => {
                self.on_notify_outcome(endpoint, id, ReferralInput::Lost);
            }
            (TransactionUser::Notify(id), TransactionError::Timeout) => {
                self.on_notify_outcome(endpoint, id, ReferralInput::Failed);
            }
            _ => {}
        }
    }

    /// A call is over. Its REFERs go on in its dialog (RFC 5057 section 4), except that one which the application has not
    /// answered makes no subscription any more.
    pub(super) fn on_call_over(&mut self, endpoint: &mut Endpoint, call: SessionId) {
        self.step_referred_of(endpoint, Some(call), ReferralInput::CallEnded);
        // That of a REFER within an early dialog is gone.
        for handle in self.referred.handles_of(Some(call)) {
            let referred = self.referred.get(handle);
            if referred.is_some_and(|referred| endpoint.dialogs.dialog(referred.dialog).is_none()) {
                let id = ReferId(handle);
                self.step_referred(endpoint, id, ReferralInput::DialogEnded, &[]);
            }
        }
    }

    /// The dialog of a call is gone, and with it every REFER in it.
    pub(super) fn on_dialog_gone(&mut self, endpoint: &mut Endpoint, call: SessionId) {
        self.end_transfers(endpoint, Some(call));
        self.step_referred_of(endpoint, Some(call), ReferralInput::DialogEnded);
    }

    /// Ends every REFER, because the agent stops.
    pub(crate) fn end_refers(&mut self, endpoint: &mut Endpoint) {
        self.end_transfers(endpoint, None);
        self.step_referred_of(endpoint, None, ReferralInput::DialogEnded);
    }
}
