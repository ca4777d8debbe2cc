//! Requests outside calls, ours and those of peers that the application answers.

use alloc::boxed::Box;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{HeaderName, Method, Request, Response, StatusCode};

use super::UserAgent;
use crate::endpoint::{TimerOwner, TransactionUser, RetryError};
use super::waiting::Waiting;
use crate::auth::Attempts;
use crate::body::Body;
use crate::dialog::DialogId;
use crate::error::CommandError;
use crate::event::Event;
use crate::header::ExtraHeader;
use crate::ids::{IncomingRequestId, RequestId, SessionId};
use crate::reason::send_failure_cause;
use crate::reason::{Cause, EndReason};
use crate::session::State;
use crate::time::Timestamp;
use crate::timer::TimerKey;
use crate::transaction::ServerTransactionId;

/// How long the application may take to answer a request before it is answered 480 for it: the peer
/// gives up after 32 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A request of ours, until its final response.
pub(super) struct OutgoingRequest {
    pub(super) attempts: Attempts,
    pub(super) dialog: Option<DialogId>,
    /// It has not been sent yet, or is to be sent again.
    pub(super) waiting: Option<Box<Waiting>>,
    /// It was sent again because a flow had failed.
    pub(super) sent_again: bool,
}

/// A request of a peer, until the application answers it.
pub(super) struct UnansweredRequest {
    transaction: ServerTransactionId,
    timer: TimerKey,
}

impl UserAgent {
    /// Sends a MESSAGE (RFC 3428) to a URI, or to a user at the address-of-record's host. The outcome
    /// comes as [`Event::RequestCompleted`]. Without a connection `offlineRequests` says whether this fails
    /// or waits: for 64 T1 at most, then the outcome is [`Cause::Timeout`].
    ///
    /// # Errors
    /// [`CommandError`]; nothing has been sent then.
    pub fn message(
        &mut self,
        target: &str,
        body: Body,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        self.request(Method::Message, target, Some(body), &[], now)
    }

    /// Asks what a peer can do (RFC 3261 section 11). The outcome comes as [`Event::RequestCompleted`].
    ///
    /// # Errors
    /// As [`UserAgent::message`].
    pub fn options(&mut self, target: &str, now: Timestamp) -> Result<RequestId, CommandError> {
        self.request(Method::Options, target, None, &[], now)
    }

    /// Sends a request outside any dialog, such as a MESSAGE, an OPTIONS or one of an extension.
    ///
    /// # Errors
    /// As [`UserAgent::message`]; [`CommandError::WrongState`] for the methods that have commands of
    /// their own (INVITE, ACK, BYE, CANCEL, REGISTER, SUBSCRIBE, NOTIFY, REFER, PRACK, UPDATE).
    pub fn request(
        &mut self,
        method: Method<'_>,
        target: &str,
        body: Option<Body>,
        headers: &[ExtraHeader],
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        self.command(now)?;
        if !matches!(
            method,
            Method::Message | Method::Options | Method::Info | Method::Publish | Method::Other(_)
        ) {
            return Err(CommandError::WrongState(
                "this method has a command of its own",
            ));
        }
        let target = self.endpoint.target(target)?;
        self.check_requests()?;
        let id = if self.endpoint.queues() {
            self.request_waits(method, target, body, headers)
        } else {
            let id = RequestId(self.requests.next_handle());
            let (mut attempts, user) = (Attempts::new(), TransactionUser::Request(id));
            let body = body.as_ref();
            self.endpoint.send_request_outside(
                method,
                &target,
                body,
                headers,
                &mut attempts,
                user,
            )?;
            self.requests.insert(OutgoingRequest {
                attempts,
                dialog: None,
                waiting: None,
                sent_again: false,
            });
            id
        };
        self.settle();
        Ok(id)
    }

    /// Sends an INFO (RFC 6086) within a call that is up, such as DTMF. The outcome comes as
    /// [`Event::RequestCompleted`].
    ///
    /// # Errors
    /// As [`UserAgent::message`]; [`CommandError::WrongState`] unless the call is up.
    pub(super) fn info(
        &mut self,
        id: SessionId,
        body: &Body,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        self.command(now)?;
        let session = self.sessions.get(id.0).ok_or(CommandError::Stale)?;
        let dialog = match (&session.state, session.common.dialog) {
            (Some(State::Confirmed(state)), Some(dialog)) if state.is_established() => dialog,
            _ => return Err(CommandError::WrongState("the call is not up")),
        };
        self.check_requests()?;
        if self.endpoint.queues() {
            return Ok(self.info_waits(dialog, body.clone()));
        }
        let request = RequestId(self.requests.next_handle());
        let mut attempts = Attempts::new();
        let user = TransactionUser::Request(request);
        self.endpoint.send_in_dialog(
            dialog,
            Method::Info,
            Some(body),
            &[],
            &mut attempts,
            user,
        )?;
        self.requests.insert(OutgoingRequest {
            attempts,
            dialog: Some(dialog),
            waiting: None,
            sent_again: false,
        });
        self.settle();
        Ok(request)
    }

    fn check_requests(&self) -> Result<(), CommandError> {
        if self.requests.len() >= self.endpoint.limits.requests {
            return Err(CommandError::Limit("requests"));
        }
        Ok(())
    }

    pub(super) fn request_response(
        &mut self,
        id: RequestId,
        response: Box<Response>,
        request: &Bytes,
    ) {
        if response.status().is_provisional() {
            return;
        }
        if matches!(response.status().as_u16(), 401 | 407)
            && let Some(record) = self.requests.get_mut(id.0)
        {
            let (attempts, dialog) = (&mut record.attempts, record.dialog);
            let user = TransactionUser::Request(id);
            match self
                .endpoint
                .retry_with_credentials(request, &response, attempts, dialog, user)
            {
                Ok(_) => return,
                Err(RetryError::Authentication) => {}
                Err(RetryError::NotSent(error)) => {
                    return self
                        .finish_request(id, Err(EndReason::local(send_failure_cause(&error))));
                }
            }
        }
        if response.status() == StatusCode::FLOW_FAILED && self.request_goes_again(id, request) {
            return;
        }
        if matches!(response.status().as_u16(), 408 | 481) {
            self.dialog_gone(id, EndReason::refused(&response, Cause::DialogGone));
        }
        self.finish_request(id, Ok(response));
    }

    /// RFC 3261 section 12.2.1.2, RFC 5057: 481, 408 and silence to a request within a dialog mean that
    /// the peer does not know it any more.
    pub(super) fn dialog_gone(&mut self, id: RequestId, reason: EndReason) {
        let dialog = self.requests.get(id.0).and_then(|record| record.dialog);
        let Some(session) = dialog.and_then(|dialog| self.session_of(dialog)) else {
            return;
        };
        self.step_session(session, |state, context| match state {
            State::Confirmed(state) => {
                let cause = Cause::DialogGone;
                state.gone(EndReason { cause, ..reason }, context)
            }
            state => Some(state),
        });
    }

    pub(super) fn finish_request(
        &mut self,
        id: RequestId,
        outcome: Result<Box<Response>, EndReason>,
    ) {
        if let Some(record) = self.requests.remove(id.0) {
            if let Some(waiting) = record.waiting {
                self.endpoint.timers.cancel(waiting.timer);
            }
            self.endpoint.event(Event::RequestCompleted {
                request: id,
                outcome: outcome.map_err(Box::new),
            });
        }
    }

    /// A request that the application answers, within 10 seconds.
    pub(super) fn incoming_request(
        &mut self,
        transaction: ServerTransactionId,
        session: Option<SessionId>,
        request: Box<Request>,
    ) {
        if self.incoming.len() >= self.endpoint.limits.incoming {
            let headers = [(HeaderName::RetryAfter, "5")];
            return self
                .endpoint
                .answer(transaction, StatusCode::SERVICE_UNAVAILABLE, &headers);
        }
        let id = IncomingRequestId(self.incoming.next_handle());
        let timer = self
            .endpoint
            .timers
            .set(self.endpoint.now + ANSWER_WITHIN, TimerOwner::Incoming(id));
        self.incoming
            .insert(UnansweredRequest { transaction, timer });
        self.endpoint.event(Event::IncomingRequest {
            incoming: id,
            session,
            request,
        });
    }

    /// Answers a request that came as [`Event::IncomingRequest`]: with a final status, 200 to 699. What is
    /// not answered within 10 seconds is answered 480.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it has been answered or its connection is gone,
    /// [`CommandError::WrongState`] for a status that is not final or that RFC 4320 forbids (408).
    pub fn respond(
        &mut self,
        incoming: IncomingRequestId,
        status: StatusCode,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.check_queue()?;
        self.advance(now);
        if status.is_provisional() || status == StatusCode::REQUEST_TIMEOUT {
            return Err(CommandError::WrongState(
                "answer with a final status other than 408 (RFC 4320)",
            ));
        }
        let record = self
            .incoming
            .remove(incoming.0)
            .ok_or(CommandError::Stale)?;
        self.endpoint.timers.cancel(record.timer);
        self.endpoint.answer(record.transaction, status, &[]);
        self.settle();
        Ok(())
    }

    pub(super) fn on_answer_timeout(&mut self, id: IncomingRequestId) {
        if let Some(record) = self.incoming.remove(id.0) {
            self.endpoint
                .answer(record.transaction, StatusCode::TEMPORARILY_UNAVAILABLE, &[]);
        }
    }

    pub(super) fn on_server_transaction_lost(&mut self, transaction: ServerTransactionId) {
        let lost = self
            .incoming
            .iter()
            .find(|(_, record)| record.transaction == transaction)
            .map(|(handle, _)| handle);
        if let Some(handle) = lost {
            self.drop_incoming(IncomingRequestId(handle));
        }
    }

    pub(super) fn drop_incoming(&mut self, id: IncomingRequestId) {
        if let Some(record) = self.incoming.remove(id.0) {
            self.endpoint.timers.cancel(record.timer);
            self.endpoint
                .answer(record.transaction, StatusCode::TEMPORARILY_UNAVAILABLE, &[]);
        }
    }
}
