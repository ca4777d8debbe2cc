//! Routes the outputs of the endpoint to calls, registration and requests.

use alloc::boxed::Box;

use sip_parse::{Method, Request, StatusCode};

use super::agent::{Life, UserAgent};
use crate::connection::DisconnectReason;
use crate::dialog::FailureScope;
use crate::endpoint::{
    Authorization, DialogUsage, Endpoint, Indication, Received, RetryError, Sent, TransactionUser,
    Usage,
};
use crate::event::Event;
use crate::ids::{ConnectionId, SessionId};
use crate::reason::{EndReason, failure, send_failure_cause};
use crate::session::{Input, Stepped};
use crate::transaction::{ClientTransactionId, SendError, ServerTransactionId, TransactionError};

impl UserAgent {
    /// Handles everything that the endpoint has received.
    pub(super) fn drain(&mut self) {
        while let Some(indication) = self.endpoint.poll_indication() {
            match indication {
                Indication::Request {
                    transaction,
                    request,
                } => self.on_request(transaction, request),
                Indication::RequestInDialog {
                    transaction,
                    usage,
                    request,
                } => self.on_request_in_dialog(transaction, usage, request),
                Indication::Cancel {
                    transaction,
                    invite,
                    request,
                } => {
                    let sessions = &mut self.sessions;
                    let over =
                        sessions.on_cancel(&mut self.endpoint, transaction, invite, &request);
                    self.forget_call(over);
                }
                Indication::Ack { usage, request } => {
                    if let DialogUsage::Session(id) = usage {
                        self.step_session(id, Input::Ack(&request));
                    }
                }
                Indication::Response(received) => self.on_response(received),
                Indication::Failed { sent, error } => self.on_failed(&sent, error),
                Indication::ServerFailed { transaction } => self.on_server_failed(transaction),
                Indication::Pong(connection) => self.on_pong(connection),
                Indication::Unreadable(connection) => self.on_unreadable(connection),
            }
        }
    }

    /// Closes a stream that can no longer be read (RFC 3261 section 18.3).
    fn on_unreadable(&mut self, connection: ConnectionId) {
        let reason = DisconnectReason::Protocol;
        if let Some(index) = self.flows.of(connection) {
            self.drop_flow(index, reason);
        } else if self.on_failback_lost(connection) {
            self.disconnect(connection, reason);
        }
    }

    /// Handles a response: answers the challenge in it first, for every kind of request alike.
    fn on_response(&mut self, received: Received) {
        if !received.is_challenge() || !self.awaits(received.sent.user) {
            return self.deliver(&received);
        }
        if self.endpoint.behaviour().application_authenticates {
            return self.surface(received);
        }
        self.authenticate(received, Authorization::Credentials);
    }

    /// Sends a request again with credentials, or takes the challenge as final.
    pub(super) fn authenticate(&mut self, mut received: Received, authorization: Authorization) {
        let user = received.sent.user;
        match self
            .endpoint
            .resend_with_credentials(&received, authorization)
        {
            Ok(transaction) => self.on_resent(user, transaction),
            Err(RetryError::NotSent(error)) => self.on_not_resent(user, &error),
            Err(RetryError::Challenge(error)) => {
                received.unanswered = Some(Box::new(error));
                self.deliver(&received);
            }
        }
    }

    /// Whether the user of a request still waits for its response.
    pub(super) fn awaits(&self, user: TransactionUser) -> bool {
        match user {
            TransactionUser::Register(index) => !self.registrations.binding(index).is_idle(),
            TransactionUser::Session(id, request) => self.sessions.awaits(id, request),
            TransactionUser::Request(id) => self.requests.has(id),
            TransactionUser::Transfer(_) | TransactionUser::Notify(_) => {
                self.sessions.subscription_awaits(user)
            }
            TransactionUser::Subscription(..) => self.subscriptions.awaits(user),
            TransactionUser::Notification(_) => self.notifier.awaits(user),
            TransactionUser::Publication(_) => self.publications.awaits(user),
            TransactionUser::Branch | TransactionUser::Nobody => false,
        }
    }

    fn on_resent(&mut self, user: TransactionUser, transaction: ClientTransactionId) {
        match user {
            TransactionUser::Register(_) => {
                self.registrations.count_register();
            }
            TransactionUser::Session(id, request) => {
                self.step_session(id, Input::Resent(request, transaction));
            }
            TransactionUser::Transfer(_) | TransactionUser::Notify(_) => {
                self.sessions.on_subscription_resent(&self.endpoint, user);
            }
            TransactionUser::Subscription(..)
            | TransactionUser::Notification(_)
            | TransactionUser::Publication(_) => {
                self.with_usage(user, |usage, endpoint| usage.on_resent(endpoint, user));
            }
            TransactionUser::Request(_) | TransactionUser::Branch | TransactionUser::Nobody => {}
        }
    }

    fn on_not_resent(&mut self, user: TransactionUser, error: &SendError) {
        let reason = EndReason::local(send_failure_cause(error));
        match user {
            TransactionUser::Register(index) => self.on_register_not_sent(index, reason),
            TransactionUser::Session(id, request) => {
                self.step_session(id, Input::NotResent(request, error.clone()));
            }
            TransactionUser::Request(id) => self.finish_request(id, Err(reason)),
            TransactionUser::Transfer(_) | TransactionUser::Notify(_) => {
                let sessions = &mut self.sessions;
                sessions.on_subscription_not_resent(&mut self.endpoint, user, error);
            }
            TransactionUser::Subscription(..)
            | TransactionUser::Notification(_)
            | TransactionUser::Publication(_) => {
                self.with_usage(user, |usage, endpoint| {
                    usage.on_not_resent(endpoint, user, error);
                });
            }
            TransactionUser::Branch | TransactionUser::Nobody => {}
        }
    }

    /// Passes a response to the user of its request, and then applies RFC 5057 to a failure within a dialog.
    pub(super) fn deliver(&mut self, received: &Received) {
        // A new registration shows whether the flow of this agent failed; a request waits for that once.
        let is_flow_failed = received.response.status() == StatusCode::FLOW_FAILED;
        let may_wait = is_flow_failed && self.registrations.is_wanted() && self.is_registered();
        let user = received.sent.user;
        match user {
            TransactionUser::Register(index) => self.on_register_response(index, received),
            TransactionUser::Session(id, to) => {
                let sessions = &mut self.sessions;
                let stepped = sessions.on_response(&mut self.endpoint, id, to, received, may_wait);
                self.forget_call(Some(id).filter(|_| stepped == Stepped::Over));
            }
            TransactionUser::Request(id) => self.on_request_response(id, received, may_wait),
            TransactionUser::Transfer(_) | TransactionUser::Notify(_) => {
                let sessions = &mut self.sessions;
                sessions.on_subscription_response(&mut self.endpoint, received);
            }
            TransactionUser::Subscription(..)
            | TransactionUser::Notification(_)
            | TransactionUser::Publication(_) => {
                self.with_usage(user, |usage, endpoint| {
                    usage.on_response(endpoint, received)
                });
            }
            TransactionUser::Branch | TransactionUser::Nobody => {}
        }
        let sessions = self.sessions.made();
        let over = sessions
            .and_then(|sessions| sessions.on_failure_response(&mut self.endpoint, received));
        self.forget_call(over);
        // RFC 5057 section 5.1: some failures end the dialog with all its usages.
        if let (FailureScope::Dialog, Some(dialog)) = (received.scope(), received.sent.dialog)
            && let Some(notifier) = self.notifier.made()
        {
            notifier.on_dialog_gone(&mut self.endpoint, dialog);
        }
        let waits = match user {
            TransactionUser::Session(id, _) => self.sessions.is_queued(id),
            TransactionUser::Request(id) => self.requests.is_queued(id),
            _ => false,
        };
        if may_wait && waits {
            self.endpoint.ready = false;
            self.refresh_now();
        }
    }

    pub(super) fn on_failed(&mut self, sent: &Sent, error: TransactionError) {
        match sent.user {
            TransactionUser::Register(index) => self.on_register_failed(index, error),
            TransactionUser::Session(id, to) => {
                self.step_session(id, Input::Failed(to, error));
            }
            TransactionUser::Request(id) => self.finish_request(id, Err(failure(error))),
            user @ (TransactionUser::Transfer(_) | TransactionUser::Notify(_)) => {
                let sessions = &mut self.sessions;
                sessions.on_subscription_failed(&mut self.endpoint, user, error);
            }
            user @ (TransactionUser::Subscription(..)
            | TransactionUser::Notification(_)
            | TransactionUser::Publication(_)) => {
                self.with_usage(user, |usage, endpoint| {
                    usage.on_failed(endpoint, sent, error)
                });
            }
            TransactionUser::Branch | TransactionUser::Nobody => {}
        }
        let sessions = self.sessions.made();
        let over =
            sessions.and_then(|sessions| sessions.on_failure(&mut self.endpoint, sent, error));
        self.forget_call(over);
    }

    fn on_server_failed(&mut self, transaction: ServerTransactionId) {
        let sessions = self.sessions.made();
        let over = sessions
            .and_then(|sessions| sessions.on_server_failed(&mut self.endpoint, transaction));
        self.forget_call(over);
        if let Some(notifier) = self.notifier.made() {
            notifier.on_server_failed(&mut self.endpoint, transaction);
        }
        self.on_server_transaction_lost(transaction);
    }

    /// Handles a request outside any dialog.
    fn on_request(&mut self, transaction: ServerTransactionId, request: Request) {
        if !matches!(self.life, Life::Running) {
            let status = StatusCode::TEMPORARILY_UNAVAILABLE;
            if request.method() == Method::Options {
                return self
                    .endpoint
                    .list_capabilities(transaction, &request, status);
            }
            let why = "this agent is being stopped";
            return self.endpoint.refuse(transaction, status, why, &[]);
        }
        match request.method() {
            Method::Invite => {
                self.sessions
                    .on_call(&mut self.endpoint, transaction, Box::new(request))
            }
            Method::Options => self.answer_options(transaction, &request),
            // The endpoint passes only methods that the application may answer.
            Method::Message | Method::Publish | Method::Register | Method::Other(_) => {
                self.on_application_request(transaction, None, Box::new(request));
            }
            Method::Notify if self.config.allow_legacy_notifications() => {
                // NOTIFY without a subscription (RFC 3265): the core answers 200, so the application gets an
                // event only.
                self.endpoint.answer_ok(transaction, &request);
                let request = Box::new(request);
                self.endpoint.event(Event::LegacyNotification { request });
            }
            Method::Refer => {
                let sessions = &mut self.sessions;
                sessions.on_refer(&mut self.endpoint, transaction, None, Box::new(request));
            }
            Method::Subscribe => {
                let (usage, request) = (&mut self.notifier, Box::new(request));
                if usage
                    .on_request(&mut self.endpoint, transaction, None, request)
                    .is_err()
                {
                    let why = "no notifier takes it";
                    let status = StatusCode::METHOD_NOT_ALLOWED;
                    self.endpoint.refuse(transaction, status, why, &[]);
                }
            }
            // These methods need a dialog (RFC 3261 section 15.1.2, RFC 3262 section 6, RFC 6665, RFC 6086).
            _ => {
                let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                self.endpoint
                    .refuse(transaction, status, "no such dialog", &[]);
            }
        }
    }

    /// Handles a request within a dialog (RFC 3261 section 12.2.2).
    fn on_request_in_dialog(
        &mut self,
        transaction: ServerTransactionId,
        usage: DialogUsage,
        mut request: Request,
    ) {
        // RFC 6665 section 4.5.2: a peer may subscribe within a dialog of any usage. A stop has ended every subscription.
        if request.method() == Method::Subscribe && matches!(self.life, Life::Running) {
            let (notifier, endpoint) = (&mut self.notifier, &mut self.endpoint);
            match notifier.on_request(endpoint, transaction, Some(usage), Box::new(request)) {
                Ok(()) => return,
                Err(other) => request = *other,
            }
        }
        match usage {
            DialogUsage::Session(id) => self.on_request_in_call(transaction, id, request),
            DialogUsage::Subscription(_) | DialogUsage::Notifier(_) => {
                self.on_request_in_usage(transaction, usage, request);
            }
            DialogUsage::Rest(_) | DialogUsage::Transfer(_) | DialogUsage::Refer(_) => {
                let (sessions, endpoint) = (&mut self.sessions, &mut self.endpoint);
                sessions.on_request_in_subscription(endpoint, transaction, usage, &request);
            }
        }
    }

    /// Handles a request within the dialog of a call (RFC 3261 section 12.2.2).
    fn on_request_in_call(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: Request,
    ) {
        match request.method() {
            // RFC 3261 section 11.2: the response is that of an OPTIONS outside, but the call is no reason for another status.
            Method::Options => {
                self.endpoint
                    .list_capabilities(transaction, &request, StatusCode::OK)
            }
            Method::Info => self.on_info(transaction, id, Box::new(request)),
            Method::Message | Method::Publish | Method::Register | Method::Other(_) => {
                self.on_application_request(transaction, Some(id), Box::new(request));
            }
            Method::Refer => {
                let sessions = &mut self.sessions;
                sessions.on_refer(&mut self.endpoint, transaction, Some(id), Box::new(request));
            }
            _ => {
                let sessions = &mut self.sessions;
                if !sessions.on_request(&mut self.endpoint, transaction, id, &request) {
                    let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                    let why = "no such subscription";
                    self.endpoint.refuse(transaction, status, why, &[]);
                }
                let over = self.sessions.phase(id).is_none();
                self.forget_call(Some(id).filter(|_| over));
            }
        }
    }

    /// Handles a request within the dialog of a subscription.
    fn on_request_in_usage(
        &mut self,
        transaction: ServerTransactionId,
        of: DialogUsage,
        request: Request,
    ) {
        // RFC 3261 section 11.2: within a dialog as outside.
        if request.method() == Method::Options {
            return self.answer_options(transaction, &request);
        }
        let endpoint = &mut self.endpoint;
        let usage: &mut dyn Usage = match of {
            DialogUsage::Subscription(_) => &mut *self.subscriptions,
            _ => &mut *self.notifier,
        };
        if usage
            .on_request(endpoint, transaction, Some(of), Box::new(request))
            .is_err()
        {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            endpoint.refuse(transaction, status, "no such usage of the dialog", &[]);
        }
    }

    fn answer_options(&mut self, transaction: ServerTransactionId, request: &Request) {
        let busy = self.sessions.is_busy(&self.endpoint);
        self.endpoint.answer_options(transaction, request, busy);
    }

    /// Passes an input that always fits to a call, and drops the waiting challenges of a call that is over.
    pub(super) fn step_session(&mut self, id: SessionId, input: Input<'_>) -> Stepped {
        let stepped = self.sessions.drive(&mut self.endpoint, id, input);
        self.forget_call(Some(id).filter(|_| stepped == Stepped::Over));
        stepped
    }

    /// Lets the usage that a transaction belongs to do something.
    fn with_usage(
        &mut self,
        user: TransactionUser,
        act: impl FnOnce(&mut dyn Usage, &mut Endpoint),
    ) {
        match user {
            TransactionUser::Subscription(..) => act(&mut *self.subscriptions, &mut self.endpoint),
            TransactionUser::Notification(_) => act(&mut *self.notifier, &mut self.endpoint),
            TransactionUser::Publication(_) => act(&mut *self.publications, &mut self.endpoint),
            _ => {}
        }
    }

    /// Lets each usage that is no call do something.
    pub(super) fn each_usage(&mut self, mut act: impl FnMut(&mut dyn Usage, &mut Endpoint)) {
        if let Some(subscriptions) = self.subscriptions.made() {
            act(subscriptions, &mut self.endpoint);
        }
        if let Some(notifier) = self.notifier.made() {
            act(notifier, &mut self.endpoint);
        }
        if let Some(publications) = self.publications.made() {
            act(publications, &mut self.endpoint);
        }
    }

    /// Whether no usage that is no call has an object.
    pub(super) fn usages_are_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.notifier.is_empty() && self.publications.is_empty()
    }

    /// Drops what belongs to a call that is over.
    pub(super) fn forget_call(&mut self, id: Option<SessionId>) {
        if let Some(id) = id {
            self.forget_challenges_of(id);
            self.end_tones(id);
            if let Some(notifier) = self.notifier.made() {
                notifier.on_call_over(&mut self.endpoint, id);
            }
        }
    }
}
