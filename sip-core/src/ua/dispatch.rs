//! What becomes of everything that the transaction layer hands up (RFC 3261 sections 8.2, 9.2 and 12.2.2).

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use bytes::Bytes;
use sip_parse::{HeaderName, Method, Request, Response, Scheme, StatusCode, text};

use crate::endpoint::{FlowDoubt, TransactionUser};
use super::{Life, UserAgent};
use crate::action::Action;
use crate::body::is_sdp;
use crate::config::LogLevel;
use crate::connection::DisconnectReason;
use crate::dialog::{DialogError, DialogId};
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::ids::SessionId;
use crate::record::{Direction, LogContent};
use crate::session::{Incoming, Session, State, further_success};
use crate::transaction::{Output, ServerTransactionId, TransactionError};

impl UserAgent {
    /// Handles all that the transaction layer has queued.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.endpoint.layer.poll() {
            match output {
                // What a step queued before it noticed that the connection is gone.
                Output::Transmit { connection, .. }
                    if self.endpoint.layer.info(connection).is_none() => {}
                Output::Transmit { connection, bytes } => {
                    self.endpoint.counters.transmitted += 1;
                    self.endpoint.trace(Direction::Sent, connection, &bytes);
                    self.endpoint
                        .actions
                        .push_back(Action::Transmit { connection, bytes });
                }
                Output::Request {
                    transaction,
                    request,
                    cancels,
                    merged,
                    ..
                } => {
                    self.on_request(transaction, request, cancels, merged);
                }
                Output::Ack { request, .. } => self.on_ack(&request),
                Output::Response {
                    user,
                    connection,
                    response,
                    request,
                    ..
                } => self.on_response(user, connection, response, &request),
                Output::StrayResponse { .. } => self.ignored("a 2xx to an INVITE that is over"),
                Output::Failed { user, error, .. } => self.transaction_failed(user, error),
                Output::ServerFailed { transaction, error } => {
                    self.server_failed(transaction, error)
                }
                Output::KeepAlive { connection, pong } => {
                    if pong {
                        self.on_pong(connection);
                    }
                }
                Output::Malformed {
                    connection,
                    error,
                    answered,
                    fatal,
                } => {
                    self.endpoint.counters.malformed += 1;
                    self.endpoint.counters.malformed_answered += u64::from(answered);
                    self.log(
                        LogLevel::Warn,
                        "sip.transport",
                        connection.to_bits(),
                        LogContent::Malformed(error),
                    );
                    if fatal {
                        self.unreadable(connection);
                    }
                }
                Output::Ignored { why, .. } => self.ignored(why),
            }
        }
    }

    /// A stream that cannot be read any further (RFC 3261 section 18.3) is closed.
    fn unreadable(&mut self, connection: ConnectionId) {
        let reason = DisconnectReason::Protocol;
        if let Some(index) = self.flow_of(connection) {
            self.drop_flow(index, reason);
        } else if self.on_failback_lost(connection) {
            self.disconnect(connection, reason);
        }
    }

    fn ignored(&mut self, why: &'static str) {
        self.endpoint.counters.ignored += 1;
        self.log(LogLevel::Debug, "sip.ua", 0, LogContent::Ignored(why));
    }

    /// Refuses a request by the core's own judgement.
    fn refuse(
        &mut self,
        transaction: ServerTransactionId,
        status: StatusCode,
        why: &'static str,
        headers: &[(HeaderName<'_>, &str)],
    ) {
        self.endpoint.counters.refused += 1;
        self.log(
            LogLevel::Log,
            "sip.ua",
            transaction.to_bits(),
            LogContent::Answered(status, why),
        );
        self.endpoint.answer(transaction, status, headers);
    }

    pub(super) fn on_response(
        &mut self,
        user: TransactionUser,
        connection: ConnectionId,
        response: Box<Response>,
        request: &Bytes,
    ) {
        self.read_authentication_info(&response, request);
        if self.is_for_application(user, &response) {
            return self.surface(user, connection, response, request);
        }
        // Registering anew tells whether it was our flow; a request may do so once.
        let renewable = self.registration.wanted && self.is_registered();
        if response.status() == StatusCode::FLOW_FAILED && renewable {
            self.endpoint.flow_doubt = FlowDoubt::Raised;
        }
        self.endpoint.answered_on = Some(connection);
        match user {
            TransactionUser::Register(index) => self.register_response(index, &response, request),
            TransactionUser::Invite(id) => self.invite_response(id, &response, request),
            TransactionUser::Reinvite(id) => self.reinvite_response(id, &response, request),
            TransactionUser::Bye(id) => {
                self.step_session(id, |state, context| match state {
                    State::Terminating(state) => state.response(&response, request, context),
                    state => Some(state),
                });
            }
            TransactionUser::Request(id) => self.request_response(id, response, request),
            TransactionUser::Nobody => {}
        }
        if core::mem::replace(&mut self.endpoint.flow_doubt, FlowDoubt::No) == FlowDoubt::Heeded {
            self.refresh_now();
        }
    }

    /// RFC 7616 section 3.5: the next nonce, and proof that the server knows the secret too.
    fn read_authentication_info(&mut self, response: &Response, request: &Bytes) {
        if !response.has(HeaderName::AuthenticationInfo) {
            return;
        }
        let Some(sent) = super::sent_request(request, &self.endpoint.limits) else {
            return;
        };
        let Some(credentials) = &self.endpoint.credentials else {
            return;
        };
        if self
            .endpoint
            .digest
            .authentication_info(response, &sent, credentials)
            .is_err()
        {
            self.endpoint.counters.authentication_info_failures += 1;
            let content =
                LogContent::Text("Authentication-Info is malformed or does not prove the server");
            self.log(LogLevel::Warn, "sip.ua", 0, content);
        }
    }

    fn invite_response(&mut self, id: SessionId, response: &Response, request: &Bytes) {
        let alive = self.step_session(id, |state, context| match state {
            State::Calling(state) => state.response(response, request, context),
            state => {
                if response.status().is_success() {
                    let waits = matches!(state, State::AwaitingAnswer(_));
                    further_success(response, request, waits, context);
                }
                Some(state)
            }
        });
        if !alive && response.status().is_success() {
            // The call is over, but this leg does not know it.
            if let Some(invite) = super::sent_request(request, &self.endpoint.limits) {
                self.endpoint.ack_and_bye(&invite, response);
            }
        }
    }

    fn reinvite_response(&mut self, id: SessionId, response: &Response, request: &Bytes) {
        self.step_session(id, |state, context| match state {
            State::Confirmed(state) if state.is_offering() => {
                state.offer_response(response, request, context)
            }
            state => {
                if response.status().is_success() {
                    further_success(response, request, false, context);
                }
                Some(state)
            }
        });
    }

    /// Calls whose peers know another connection get a target refresh on this one.
    pub(super) fn repair_calls(&mut self) {
        for handle in self.sessions.handles() {
            self.step_session(SessionId(handle), |state, context| match state {
                State::Confirmed(state) => state.repair(context),
                state => Some(state),
            });
        }
    }

    pub(super) fn transaction_failed(&mut self, user: TransactionUser, error: TransactionError) {
        match user {
            TransactionUser::Register(index) => self.register_failed(index, error),
            TransactionUser::Invite(id) => {
                self.step_session(id, |state, context| match state {
                    State::Calling(state) => state.failed(error, context),
                    state => Some(state),
                });
            }
            TransactionUser::Reinvite(id) => {
                self.step_session(id, |state, context| match state {
                    State::Confirmed(state) => state.offer_failed(error, context),
                    state => Some(state),
                });
            }
            TransactionUser::Bye(id) => {
                self.step_session(id, |state, context| match state {
                    State::Terminating(state) => state.failed(error, context),
                    state => Some(state),
                });
            }
            TransactionUser::Request(id) => {
                if error == TransactionError::Timeout {
                    self.dialog_gone(id, crate::reason::failure(error));
                }
                self.finish_request(id, Err(crate::reason::failure(error)));
            }
            TransactionUser::Nobody => {}
        }
    }

    fn server_failed(&mut self, transaction: ServerTransactionId, error: TransactionError) {
        if error == TransactionError::Timeout {
            // Timer H: a refusal that was never acknowledged; the call it refused is over already.
            return self.ignored("no ACK came for a refusal");
        }
        for handle in self.sessions.handles() {
            self.step_session(SessionId(handle), |state, context| match state {
                State::Incoming(state) if state.transaction() == transaction => state.lost(context),
                State::Confirmed(state) => state.server_failed(transaction, context),
                state => Some(state),
            });
        }
        self.on_server_transaction_lost(transaction);
    }

    fn on_ack(&mut self, ack: &Request) {
        let session = self
            .endpoint
            .dialogs
            .find(ack)
            .and_then(|dialog| self.session_of(dialog));
        let Some(id) = session else {
            return self.ignored("an ACK that belongs to no call");
        };
        self.step_session(id, |state, context| match state {
            State::Confirmed(state) => state.ack(ack, context),
            state => Some(state),
        });
    }

    /// The call that a dialog belongs to: the dialog that won, or any while none has.
    pub(super) fn session_of(&self, dialog: DialogId) -> Option<SessionId> {
        // There are at most `Limits::sessions` of them.
        self.sessions
            .iter()
            .find(|(_, session)| {
                session.common.dialog_set == dialog.set()
                    && session.common.dialog.is_none_or(|own| own == dialog)
            })
            .map(|(handle, _)| SessionId(handle))
    }

    fn on_request(
        &mut self,
        transaction: ServerTransactionId,
        request: Box<Request>,
        cancels: Option<ServerTransactionId>,
        merged: bool,
    ) {
        let method = request.method();
        if method == Method::Cancel {
            return self.on_cancel(transaction, &request, cancels);
        }
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        if in_dialog {
            return self.in_dialog_request(transaction, request);
        }
        // RFC 3261 section 8.2: method, then header, then content.
        if !self.check_method(transaction, method)
            || !self.check_headers(transaction, &request, merged)
        {
            return;
        }
        if !matches!(self.life, Life::Running) {
            return self.refuse(
                transaction,
                StatusCode::TEMPORARILY_UNAVAILABLE,
                "this agent is being stopped",
                &[],
            );
        }
        match method {
            Method::Invite => self.on_call(transaction, request),
            Method::Options => self.on_options(transaction),
            Method::Message => self.incoming_request(transaction, None, request),
            Method::Notify if self.endpoint.config.allow_legacy_notifications() => {
                // Of RFC 3265's time: told, not asked, so that nobody need answer.
                self.endpoint.answer(transaction, StatusCode::OK, &[]);
                self.endpoint.event(Event::LegacyNotification { request });
            }
            Method::Refer => self.on_refer(transaction, None, request),
            // Nothing that these belong to exists without a dialog (RFC 3261 15.1.2, 6665, 6086).
            _ => self.refuse(
                transaction,
                StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
                "no such dialog",
                &[],
            ),
        }
    }

    /// RFC 3261 section 8.2.1.
    fn check_method(&mut self, transaction: ServerTransactionId, method: Method<'_>) -> bool {
        let allow = [(HeaderName::Allow, self.endpoint.allow())];
        match method {
            Method::Invite
            | Method::Ack
            | Method::Cancel
            | Method::Bye
            | Method::Options
            | Method::Message
            | Method::Info
            | Method::Notify => return true,
            Method::Refer if self.endpoint.config.allow_out_of_dialog_refers() => return true,
            Method::Other(_) => self.refuse(
                transaction,
                StatusCode::NOT_IMPLEMENTED,
                "unknown method",
                &allow,
            ),
            // DESIGN: a REFER is refused unless the configuration lets the application decide.
            Method::Refer => self.refuse(
                transaction,
                StatusCode::FORBIDDEN,
                "REFER is not allowed",
                &[],
            ),
            _ => self.refuse(
                transaction,
                StatusCode::METHOD_NOT_ALLOWED,
                "method not allowed",
                &allow,
            ),
        }
        false
    }

    /// RFC 3261 sections 8.2.2 and 8.2.3: Request-URI, merged requests, Require, then the body.
    fn check_headers(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        merged: bool,
    ) -> bool {
        let uri = match request.uri() {
            Ok(uri) if matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) => uri,
            Ok(_) => {
                self.refuse(
                    transaction,
                    StatusCode::UNSUPPORTED_URI_SCHEME,
                    "neither sip: nor sips:",
                    &[],
                );
                return false;
            }
            Err(_) => {
                self.refuse(
                    transaction,
                    StatusCode::BAD_REQUEST,
                    "malformed Request-URI",
                    &[],
                );
                return false;
            }
        };
        if !self.endpoint.identity.is_ours(&uri) {
            self.refuse(
                transaction,
                StatusCode::NOT_FOUND,
                "the Request-URI is not ours",
                &[],
            );
            return false;
        }
        if merged {
            self.refuse(
                transaction,
                StatusCode::LOOP_DETECTED,
                "merged request",
                &[],
            );
            return false;
        }
        self.check_extensions(transaction, request)
    }

    /// RFC 3261 sections 8.2.2.3 and 8.2.3.
    fn check_extensions(&mut self, transaction: ServerTransactionId, request: &Request) -> bool {
        let unsupported = request.require().filter(|tag| !self.supports(tag));
        let unsupported = unsupported
            .map(|tag| format!("{}", text(tag)))
            .collect::<alloc::vec::Vec<_>>()
            .join(", ");
        if !unsupported.is_empty() {
            let headers = [(HeaderName::Unsupported, unsupported.as_str())];
            self.refuse(
                transaction,
                StatusCode::BAD_EXTENSION,
                "unknown option tag in Require",
                &headers,
            );
            return false;
        }
        let encoded = request
            .values(HeaderName::ContentEncoding)
            .any(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
        if encoded {
            let headers = [(HeaderName::AcceptEncoding, "identity")];
            self.refuse(
                transaction,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "encoded body",
                &headers,
            );
            return false;
        }
        // RFC 5621 section 3.1: a body that may be ignored is no reason to refuse.
        let optional = request
            .content_disposition()
            .ok()
            .flatten()
            .is_some_and(|disposition| disposition.optional);
        let described = request.method() == Method::Invite && !request.body().is_empty();
        if described && !is_sdp(request) && !optional {
            let headers = [(HeaderName::Accept, "application/sdp")];
            self.refuse(
                transaction,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not SDP",
                &headers,
            );
            return false;
        }
        if request.method() == Method::Invite && !accepts_sdp(request) {
            let status = StatusCode::NOT_ACCEPTABLE;
            self.refuse(transaction, status, "the answer may not be SDP", &[]);
            return false;
        }
        true
    }

    /// Option tags that may stand in Require.
    fn supports(&self, tag: &[u8]) -> bool {
        self.endpoint
            .identity
            .supported
            .split(", ")
            .any(|own| tag.eq_ignore_ascii_case(own.as_bytes()))
    }

    /// RFC 3261 section 9.2.
    fn on_cancel(
        &mut self,
        transaction: ServerTransactionId,
        cancel: &Request,
        cancels: Option<ServerTransactionId>,
    ) {
        let Some(invite) = cancels else {
            return self.refuse(
                transaction,
                StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
                "CANCEL that matches nothing",
                &[],
            );
        };
        let session = self
            .sessions
            .iter()
            .find_map(|(handle, session)| match &session.state {
                Some(State::Incoming(state)) if state.transaction() == invite => {
                    Some((handle, session.common.dialog_set))
                }
                Some(State::Confirmed(state)) if state.is_answering(invite) => {
                    Some((handle, session.common.dialog_set))
                }
                _ => None,
            });
        // The tag of the 200 is the one that the INVITE's responses have.
        let tag = session
            .and_then(|(_, half)| self.endpoint.dialogs.tag(half))
            .map(ToOwned::to_owned);
        self.endpoint
            .answer_tagged(transaction, StatusCode::OK, &[], tag.as_deref());
        if let Some((handle, _)) = session {
            self.step_session(SessionId(handle), |state, context| match state {
                State::Incoming(state) => state.cancelled(cancel, context),
                State::Confirmed(state) => state.cancelled(invite, context),
                state => Some(state),
            });
        }
    }

    /// RFC 3261 section 13.3.1.
    fn on_call(&mut self, transaction: ServerTransactionId, request: Box<Request>) {
        // RFC 3261 section 8.1.1.8; a peer of RFC 2543, which tags and branches give away, need not say.
        if request.contacts().next().is_none() && !is_of_rfc2543(&request) {
            return self.refuse(
                transaction,
                StatusCode::BAD_REQUEST,
                "INVITE without Contact",
                &[],
            );
        }
        if self.sessions.len() >= self.endpoint.limits.sessions {
            return self.refuse(transaction, StatusCode::BUSY_HERE, "too many calls", &[]);
        }
        let Ok(call_id) = request.call_id() else {
            return;
        };
        let half = self.endpoint.dialogs.open(call_id, self.endpoint.layer.rng());
        let dialog = match self.endpoint.dialogs.accept(half, &request) {
            Ok(dialog) => dialog,
            Err(_) => {
                self.endpoint.dialogs.close(half);
                return self.refuse(
                    transaction,
                    StatusCode::BAD_REQUEST,
                    "no dialog can be made of this INVITE",
                    &[],
                );
            }
        };
        let id = SessionId(self.sessions.next_handle());
        let mut session = Session::new(id, half, State::Starting);
        let state = Incoming::start(
            transaction,
            dialog,
            request,
            &mut session.context(&mut self.endpoint),
        );
        session.state = Some(state);
        self.sessions.insert(session);
    }

    /// RFC 3261 section 11.2: the status that an INVITE would get, and what we can do.
    fn on_options(&mut self, transaction: ServerTransactionId) {
        let busy = self.sessions.len() >= self.endpoint.limits.sessions;
        let status = if busy {
            StatusCode::BUSY_HERE
        } else {
            StatusCode::OK
        };
        let supported = self.endpoint.identity.supported.clone();
        let headers = [
            (HeaderName::Allow, self.endpoint.allow()),
            (HeaderName::Accept, "application/sdp"),
            (HeaderName::AcceptEncoding, "identity"),
            (HeaderName::AcceptLanguage, "en"),
            (HeaderName::Supported, supported.as_str()),
        ];
        self.endpoint.answer(transaction, status, &headers);
    }

    /// RFC 3261 section 12.2.2.
    fn in_dialog_request(&mut self, transaction: ServerTransactionId, request: Box<Request>) {
        let found = self.endpoint.dialogs.find(&request);
        let Some((dialog, id)) = found.and_then(|dialog| Some((dialog, self.session_of(dialog)?)))
        else {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return self.refuse(transaction, status, "no such dialog", &[]);
        };
        match self.endpoint.dialogs.order(dialog, &request) {
            Ok(()) => {}
            Err(DialogError::OutOfOrder) => {
                let status = StatusCode::SERVER_INTERNAL_ERROR;
                return self.refuse(transaction, status, "CSeq out of order", &[]);
            }
            Err(_) => {
                let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                return self.refuse(transaction, status, "no such dialog", &[]);
            }
        }
        let method = request.method();
        if !self.check_method(transaction, method) || !self.check_extensions(transaction, &request)
        {
            return;
        }
        match method {
            Method::Bye => self.on_bye(transaction, id, &request),
            Method::Invite => self.on_reinvite(transaction, id, &request),
            Method::Options => self.on_options(transaction),
            Method::Info | Method::Message => self.incoming_request(transaction, Some(id), request),
            Method::Refer => self.on_refer(transaction, Some(id), request),
            _ => {
                let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                self.refuse(transaction, status, "no such subscription", &[]);
            }
        }
    }

    /// RFC 3515 section 2.4.2: the application decides; nothing is followed without it.
    fn on_refer(
        &mut self,
        transaction: ServerTransactionId,
        session: Option<SessionId>,
        request: Box<Request>,
    ) {
        if request.headers_named(HeaderName::ReferTo).count() != 1 {
            let why = "REFER without exactly one Refer-To";
            return self.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
        }
        self.incoming_request(transaction, session, request);
    }

    /// RFC 3261 section 15.1.2.
    fn on_bye(&mut self, transaction: ServerTransactionId, id: SessionId, bye: &Request) {
        self.endpoint.answer(transaction, StatusCode::OK, &[]);
        self.step_session(id, |state, context| match state {
            State::Incoming(state) => state.bye(bye, context),
            State::Confirmed(state) => state.bye(bye, context),
            // The peer ends what it has just offered; an ACK would be for nobody.
            State::AwaitingAnswer(_) => {
                context.end(crate::reason::ended_by_peer(bye, crate::reason::Cause::Bye))
            }
            State::Terminating(state) => state.bye(bye, context),
            state => Some(state),
        });
    }

    fn on_reinvite(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: &Request,
    ) {
        let mut refused: Option<(StatusCode, Option<String>)> = None;
        self.step_session(id, |state, context| match state {
            State::Confirmed(state) => state.reinvite(transaction, request, context),
            // RFC 3261 section 14.2: one INVITE at a time.
            State::Incoming(_) => {
                refused = Some((
                    StatusCode::SERVER_INTERNAL_ERROR,
                    Some(context.glare_wait()),
                ));
                Some(state)
            }
            State::AwaitingAnswer(_)
            | State::AwaitingOffer(_)
            | State::QueuedInvite(_)
            | State::Calling(_) => {
                refused = Some((StatusCode::REQUEST_PENDING, None));
                Some(state)
            }
            State::Terminating(_) | State::Starting => {
                refused = Some((StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST, None));
                Some(state)
            }
        });
        if let Some((status, wait)) = refused {
            let headers = wait.as_deref().map(|wait| (HeaderName::RetryAfter, wait));
            self.refuse(transaction, status, "not now", headers.as_slice());
        }
    }

    /// Hands the state of a call to `step` and keeps what it returns; false if the call is over.
    pub(super) fn step_session(
        &mut self,
        id: SessionId,
        step: impl FnOnce(State, &mut crate::session::Context<'_>) -> Option<State>,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(id.0) else {
            return false;
        };
        let Some(state) = session.state.take() else {
            return false;
        };
        session.state = step(state, &mut session.context(&mut self.endpoint));
        if session.state.is_none() {
            self.sessions.remove(id.0);
            self.forget_challenges_of(id);
        }
        true
    }

    pub(super) fn on_session_timeout(&mut self, id: SessionId, timer: crate::session::SessionTimer) {
        self.step_session(id, |state, context| {
            context.fired(timer);
            match state {
                State::Calling(state) => state.fired(timer, context),
                State::AwaitingAnswer(state) => state.fired(timer, context),
                State::Incoming(state) => state.fired(timer, context),
                State::Confirmed(state) => state.fired(timer, context),
                State::QueuedInvite(state) => state.fired(timer, context),
                State::Terminating(state) => state.fired(timer, context),
                state => Some(state),
            }
        });
    }
}

/// A request without From tag and without magic cookie (RFC 3261 sections 8.1.1.7 and 12.1.1).
fn is_of_rfc2543(request: &Request) -> bool {
    let tagged = request.from().is_ok_and(|from| from.tag().is_some());
    let marked = request.top_via().is_ok_and(|via| {
        via.branch()
            .is_some_and(|branch| branch.starts_with(crate::transaction::MAGIC_COOKIE))
    });
    !tagged && !marked
}

/// Whether a session description may stand in the answer (RFC 3261 sections 20.1 and 21.4.7): without
/// Accept it may.
fn accepts_sdp(request: &Request) -> bool {
    !request.has(HeaderName::Accept)
        || request.accept().flatten().any(|media| {
            media.is(b"application", b"sdp")
                || media.is(b"application", b"*")
                || media.is(b"*", b"*")
        })
}
