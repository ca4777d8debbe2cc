//! Requests outside calls and INFO within them, and the requests of peers that the application answers.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{HeaderName, Method, Request, Response, Scheme, StatusCode, UriBuf};

use super::agent::UserAgent;
use super::request_table::{QueuedContent, QueuedRequest, UnansweredRequest};
use crate::body::Body;
use crate::endpoint::{Duty, MaySend, OutOfDialog, Received, Sent, TimerOwner, TransactionUser};
use crate::error::CommandError;
use crate::event::Event;
use crate::header::ExtraHeader;
use crate::ids::{ConnectionId, IncomingRequestId, RequestId, SessionId};
use crate::limits::LimitKind;
use crate::reason::{Cause, EndReason};
use crate::record::AddressText;
use crate::requirement::Requirement;
use crate::session::{FailureStatus, MessageOptions, Refusal};
use crate::time::Timestamp;
use crate::transaction::{SendError, ServerTransactionId};

/// How long the application may take to answer a request before the core does. Below the peer's own
/// time-out of 32 s (timer F).
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

impl UserAgent {
    /// Sends a MESSAGE (RFC 3428) to a URI, or to a user at the address-of-record's host, and returns the
    /// handle of the request. [`Event::RequestCompleted`] reports the outcome. Without a connection
    /// `offlineRequests` decides whether the command fails or the request waits: for 64 T1 at most, then the
    /// outcome is [`Cause::Timeout`](crate::Cause::Timeout).
    ///
    /// # Errors
    /// [`CommandError`]; no request is sent then. [`CommandError::LargeMessage`] above 1,300 bytes on a connection that does not
    /// control congestion (RFC 3428 section 8).
    pub fn message(
        &mut self,
        target: &str,
        body: Body,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        self.request(Method::Message, target, Some(body), &[], now)
    }

    /// As [`UserAgent::message`], with header fields of the application, such as `Date` or `Expires` (RFC 3428 section 4), and a
    /// body of any type or none.
    ///
    /// # Errors
    /// As [`UserAgent::message`].
    pub fn message_with(
        &mut self,
        target: &str,
        options: MessageOptions,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        let MessageOptions { headers, body } = options;
        self.request(Method::Message, target, body, &headers, now)
    }

    /// Sends an OPTIONS, which queries the capabilities of a peer (RFC 3261 section 11), and returns the
    /// handle of the request. [`Event::RequestCompleted`] reports the outcome.
    ///
    /// # Errors
    /// As [`UserAgent::message`].
    pub fn options(&mut self, target: &str, now: Timestamp) -> Result<RequestId, CommandError> {
        self.request(Method::Options, target, None, &[], now)
    }

    /// Sends a request outside any dialog, such as a MESSAGE, an OPTIONS or one of an extension, with a body
    /// and header fields of the application. Returns the handle of the request; [`Event::RequestCompleted`]
    /// reports the outcome.
    ///
    /// # Errors
    /// As [`UserAgent::message`]; [`CommandError::WrongState`] for the methods that need state of their own
    /// (INVITE, ACK, BYE, CANCEL, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, REFER, PRACK, UPDATE).
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
            Method::Message | Method::Options | Method::Info | Method::Other(_)
        ) {
            return Err(CommandError::WrongState(Requirement::MethodWithoutCommand));
        }
        let target = self.target(target)?;
        // RFC 3261 section 19.1.5: the header fields of the URI go into the request, not into the Request-URI.
        let headers: Vec<_> = headers
            .iter()
            .cloned()
            .chain(ExtraHeader::of_uri(&target.as_uri()))
            .collect();
        let headers = &headers[..];
        let target = target.as_uri().to_request_uri();
        self.check_requests()?;
        let id = self.requests.next_id();
        let logs = self.endpoint.logs_calls();
        let shown = logs.then(|| AddressText::of(&target.as_uri()));
        match self.endpoint.may_send(Duty::Command, target.as_bytes()) {
            MaySend::Now(connection) => {
                let body = body.as_ref();
                self.send_request(connection, id, method, &target, body, headers)?;
                self.requests.insert(None, None);
            }
            MaySend::Later => {
                let queued = QueuedContent::OutOfDialog {
                    method: method.as_bytes().into(),
                    target,
                    body,
                    headers: headers.into(),
                };
                let queued = self.queued(id, queued);
                self.requests.insert(None, Some(queued));
            }
            MaySend::Never(error) => return Err(error.into()),
        }
        self.endpoint.log_request(id, method, shown);
        self.settle();
        Ok(id)
    }

    /// Cancels a request that still waits for a connection; [`Event::RequestCompleted`] with
    /// [`Cause::Requested`](crate::Cause::Requested) follows.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the request has its outcome; [`CommandError::WrongState`] if it is sent, because only an INVITE can
    /// be cancelled then (RFC 3261 section 9.1).
    pub fn cancel_request(&mut self, id: RequestId, now: Timestamp) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        if !self.requests.has(id) {
            return Err(CommandError::Stale);
        }
        if !self.requests.is_queued(id) {
            return Err(CommandError::WrongState(Requirement::RequestWaits));
        }
        self.finish_request(id, Err(EndReason::local(Cause::Requested)));
        self.settle();
        Ok(())
    }

    /// Sends a request of the application outside any call.
    pub(super) fn send_request(
        &mut self,
        connection: ConnectionId,
        id: RequestId,
        method: Method<'_>,
        target: &UriBuf,
        body: Option<&Body>,
        headers: &[ExtraHeader],
    ) -> Result<(), SendError> {
        let endpoint = &mut self.endpoint;
        let call_id = endpoint.new_call_id();
        let tag = crate::rand::token(endpoint.layer.rng(), 13);
        let accept = endpoint.with_accepted_bodies("application/sdp");
        let accept = [(HeaderName::Accept, &*accept)];
        let flow = endpoint.flow.clone();
        let parts = OutOfDialog {
            connection,
            flow: flow.as_ref(),
            method,
            target: target.as_bytes(),
            to: target.as_bytes(),
            call_id: call_id.as_bytes(),
            tag: &tag,
            cseq: endpoint.first_cseq(),
            service_route: true,
            anonymous: false,
            from: None,
            body,
            offers: None,
            own: if method == Method::Options {
                &accept
            } else {
                &[]
            },
            extra: headers,
        };
        let sent = Sent::outside(TransactionUser::Request(id));
        endpoint.send_out_of_dialog(&parts, sent).map(|_| ())
    }

    /// Completes a target of the application: a URI, or a user at the address-of-record's host. What the grammar does not
    /// allow is escaped, such as the `#` of `*72#` (RFC 3261 section 19.1.2).
    pub(super) fn target(&self, target: &str) -> Result<UriBuf, CommandError> {
        let has_scheme = target.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && !scheme.contains('@')
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        let full = if has_scheme && !target.starts_with(|first: char| first.is_ascii_digit()) {
            target.into()
        } else if target.contains('@') {
            format!("sip:{target}")
        } else {
            let home = without_scheme(&self.endpoint.identity.home);
            format!("sip:{target}@{home}")
        };
        let uri = UriBuf::strict(full.as_bytes()).map_err(CommandError::Target)?;
        match uri.as_uri().scheme() {
            Scheme::Sip | Scheme::Sips => Ok(uri),
            _ => Err(CommandError::TargetScheme),
        }
    }

    /// Queues a request for as long as its transaction would wait for a response.
    pub(super) fn queued(&mut self, id: RequestId, content: QueuedContent) -> QueuedRequest {
        let deadline = self.endpoint.now + self.endpoint.longest_wait();
        let owner = TimerOwner::Request(id);
        QueuedRequest {
            sequence: self.endpoint.next_sequence(),
            timer: self.endpoint.timers.set(deadline, owner),
            content,
        }
    }

    pub(super) fn check_requests(&self) -> Result<(), CommandError> {
        if self.requests.outgoing() >= self.endpoint.limits().requests {
            return Err(CommandError::Limit(LimitKind::Requests));
        }
        Ok(())
    }

    /// Handles a response to a request of the application. `may_wait` means that the flow of the request
    /// failed and a new binding is being made (RFC 5626 section 11.6).
    pub(super) fn on_request_response(
        &mut self,
        id: RequestId,
        received: &Received,
        may_wait: bool,
    ) {
        if received.response.status().is_provisional() {
            return;
        }
        if may_wait && self.requests.may_go_again(id) {
            let content = QueuedContent::Again(received.request.clone());
            let queued = self.queued(id, content);
            return self.requests.queue_again(id, queued);
        }
        if let Some(response) = self.on_tone_response(id, received.response.clone()) {
            self.finish_request(id, Ok(response));
        }
    }

    /// Ends a request with its outcome. Tones of the same call that waited for it are sent then.
    pub(super) fn finish_request(
        &mut self,
        id: RequestId,
        outcome: Result<Box<Response>, EndReason>,
    ) {
        let next = self.requests.tones(id).map(|tones| tones.session());
        self.complete_request(id, outcome);
        if let Some(session) = next {
            self.begin_next_tones(session);
        }
    }

    /// Ends a request with its outcome.
    pub(super) fn complete_request(
        &mut self,
        id: RequestId,
        outcome: Result<Box<Response>, EndReason>,
    ) {
        if let Some(timer) = self.requests.remove(id) {
            if let Some(timer) = timer {
                self.endpoint.timers.cancel(timer);
            }
            self.endpoint.event(Event::RequestCompleted {
                request: id,
                outcome: outcome.map_err(Box::new),
            });
        }
    }

    /// Passes a peer's request to the application, which has 10 seconds to answer.
    pub(super) fn on_application_request(
        &mut self,
        transaction: ServerTransactionId,
        session: Option<SessionId>,
        request: Box<Request>,
    ) {
        if self.requests.incoming() >= self.endpoint.limits().incoming {
            let headers = [(HeaderName::RetryAfter, "5")];
            return self
                .endpoint
                .answer(transaction, StatusCode::SERVICE_UNAVAILABLE, &headers);
        }
        let id = self.requests.next_incoming_id();
        let timer = self
            .endpoint
            .timers
            .set(self.endpoint.now + ANSWER_WITHIN, TimerOwner::Incoming(id));
        let default = self.default_status(request.method(), session.is_some());
        self.requests.insert_incoming(UnansweredRequest {
            transaction,
            timer,
            default,
        });
        self.endpoint.event(Event::IncomingRequest {
            incoming: id,
            session,
            request,
        });
    }

    /// Answers [`Event::IncomingRequest`] with a final status, 200 to 699. If the application has not done so within
    /// 10 seconds, the core answers 480, and 500 within a call; a request of a method that the core does not handle 405 or 501
    /// (RFC 3261 section 8.2.1).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the request is answered or its connection is gone,
    /// [`CommandError::WrongState`] for a status that is not final or that RFC 4320 forbids (408),
    /// [`CommandError::Refusal`] for one that requires a header field: see [`UserAgent::refuse_request`].
    pub fn respond(
        &mut self,
        incoming: IncomingRequestId,
        status: StatusCode,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        check_final(status)?;
        if !status.is_success() {
            let refusal = FailureStatus::new(status.as_u16())?;
            return self.refuse_request(incoming, refusal, now);
        }
        let transaction = self.take_answered(incoming)?;
        self.endpoint.answer(transaction, status, &[]);
        self.settle();
        Ok(())
    }

    /// As [`UserAgent::respond`], with header fields and a body of the application, such as the result of a query in the 2xx to a
    /// request of an extension. A 2xx to a MESSAGE should have no body (RFC 3428 section 7).
    ///
    /// # Errors
    /// As [`UserAgent::respond`]; [`CommandError::Send`] if the response cannot carry the header fields. The request still waits
    /// then.
    pub fn respond_with(
        &mut self,
        incoming: IncomingRequestId,
        status: StatusCode,
        options: &MessageOptions,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        check_final(status)?;
        if !status.is_success() {
            let refusal = Refusal::of_message(status.as_u16(), options)?;
            return self.refuse_request(incoming, refusal, now);
        }
        let waiting = self.requests.transaction_of(incoming);
        let transaction = waiting.ok_or(CommandError::Stale)?;
        let (headers, body) = (&options.headers, options.body.as_ref());
        self.endpoint
            .answer_with(transaction, status, headers, body)?;
        self.take_answered(incoming)?;
        self.settle();
        Ok(())
    }

    /// Refuses an [`Event::IncomingRequest`] with a status of 300 to 699 and its header fields.
    ///
    /// # Errors
    /// As [`UserAgent::respond_with`].
    pub fn refuse_request(
        &mut self,
        incoming: IncomingRequestId,
        refusal: impl Into<Refusal>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        let refusal = refusal.into();
        check_final(refusal.status())?;
        let waiting = self.requests.transaction_of(incoming);
        let transaction = waiting.ok_or(CommandError::Stale)?;
        let (status, headers) = (refusal.status(), refusal.fields().collect());
        self.endpoint
            .try_refuse_with(None, transaction, status, headers, refusal.body())?;
        self.take_answered(incoming)?;
        self.settle();
        Ok(())
    }

    /// Takes a request that the application answers.
    fn take_answered(
        &mut self,
        incoming: IncomingRequestId,
    ) -> Result<ServerTransactionId, CommandError> {
        let record = self.requests.take_incoming(incoming);
        let record = record.ok_or(CommandError::Stale)?;
        self.endpoint.timers.cancel(record.timer);
        Ok(record.transaction)
    }

    pub(super) fn on_server_transaction_lost(&mut self, transaction: ServerTransactionId) {
        if let Some(id) = self.requests.incoming_of(transaction) {
            self.drop_incoming(id);
        }
    }

    /// The status of a request that the application does not answer. Within a call it ends nothing but the transaction: 480 would
    /// end the call at a peer that follows RFC 5057 section 5.1.
    fn default_status(&self, method: Method<'_>, in_call: bool) -> StatusCode {
        match method {
            Method::Publish | Method::Register => StatusCode::METHOD_NOT_ALLOWED,
            Method::Other(name) if !self.endpoint.takes_method(name) => StatusCode::NOT_IMPLEMENTED,
            _ if in_call => StatusCode::SERVER_INTERNAL_ERROR,
            _ => StatusCode::TEMPORARILY_UNAVAILABLE,
        }
    }

    /// Answers a request that the application does not answer.
    pub(super) fn drop_incoming(&mut self, id: IncomingRequestId) {
        let Some(record) = self.requests.take_incoming(id) else {
            return;
        };
        self.endpoint.timers.cancel(record.timer);
        let (transaction, status) = (record.transaction, record.default);
        match status {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                self.endpoint.refuse_method(transaction, status);
            }
            _ => self.endpoint.answer(transaction, status, &[]),
        }
    }
}

/// RFC 4320 section 4.1: a request other than INVITE is answered by a final status, and never by 408.
fn check_final(status: StatusCode) -> Result<(), CommandError> {
    if status.is_provisional() || status == StatusCode::REQUEST_TIMEOUT {
        return Err(CommandError::WrongState(Requirement::FinalStatus));
    }
    Ok(())
}

/// Host, port and parameters of a URI without user.
fn without_scheme(uri: &UriBuf) -> String {
    let uri = uri.as_bytes();
    let start = uri.iter().position(|&byte| byte == b':');
    let start = start.map_or(0, |at| at + 1);
    String::from_utf8_lossy(&uri[start..]).into_owned()
}
