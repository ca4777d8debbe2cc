//! Builds the responses of the core.

use alloc::format;
use alloc::vec::Vec;

use sip_parse::{Builder, HeaderName, Method, Request, StatusCode};
use smallvec::SmallVec;

use super::conduct::Entry;
use super::late_prack::{LateProvisional, ProvisionalNumber};
use super::state::Endpoint;
use crate::body::Body;
use crate::config::LogLevel;
use crate::dialog::{Dialog, DialogId, DialogSetId, is_sips};
use crate::header::ExtraHeader;
use crate::record::LogContent;
use crate::transaction::{SendError, ServerTransactionId};

/// The parameters of a response to an INVITE or UPDATE from a dialog.
pub(crate) struct InDialogResponse<'a> {
    pub(crate) dialog: DialogId,
    pub(crate) transaction: ServerTransactionId,
    pub(crate) status: StatusCode,
    pub(crate) body: Option<&'a Body>,
    /// The header fields of this kind of response.
    pub(crate) own: &'a [(HeaderName<'static>, &'a str)],
    /// The header fields of the application.
    pub(crate) extra: &'a [ExtraHeader],
}

/// A To tag; those of the core need no memory of their own.
type Tag = SmallVec<[u8; 32]>;

/// The parameters of a response outside any dialog.
pub(super) struct Answer<'a> {
    /// `None` draws one.
    pub(super) tag: Option<Tag>,
    pub(super) status: StatusCode,
    pub(super) headers: &'a [Entry<'a>],
    pub(super) body: Option<&'a Body>,
}

impl Endpoint {
    /// Answers a request with a final response outside any dialog. Draws a To tag.
    pub(crate) fn answer(
        &mut self,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: &[(HeaderName<'_>, &str)],
    ) {
        self.answer_from(None, transaction, status, headers);
    }

    /// As [`Endpoint::answer`], with the tag of a local end of dialogs, because all responses to an INVITE
    /// share one tag.
    pub(crate) fn answer_from(
        &mut self,
        set: Option<DialogSetId>,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: &[(HeaderName<'_>, &str)],
    ) {
        let tag = set.and_then(|set| self.dialogs.tag(set));
        let tag = tag.map(|tag| Tag::from_slice(tag.as_bytes()));
        self.answer_tagged(tag, transaction, status, headers, None);
    }

    /// Refuses a request with header fields and a body of the application. Adds what the core knows: Allow to a 405 and
    /// Accept to a 415 (RFC 3261 sections 21.4.6 and 21.4.13), unless the application names them.
    pub(crate) fn refuse_with<'a>(
        &mut self,
        set: Option<DialogSetId>,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: Vec<(HeaderName<'a>, &'a str)>,
        body: Option<&Body>,
    ) {
        let refused = self.try_refuse_with(set, transaction, status, headers, body);
        self.log_unsent(transaction, refused);
    }

    /// As [`Endpoint::refuse_with`].
    ///
    /// # Errors
    /// [`SendError`] if the response cannot be sent; the request has none then.
    pub(crate) fn try_refuse_with<'a>(
        &mut self,
        set: Option<DialogSetId>,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: Vec<(HeaderName<'a>, &'a str)>,
        body: Option<&Body>,
    ) -> Result<(), SendError> {
        let accept = self.with_accepted_bodies("application/sdp");
        let known = match status.as_u16() {
            405 => Some((HeaderName::Allow, self.allow())),
            415 => Some((HeaderName::Accept, &*accept)),
            _ => None,
        };
        let mut headers: Vec<(HeaderName<'_>, &str)> = headers;
        headers.extend(known.filter(|known| headers.iter().all(|(name, _)| *name != known.0)));
        let tag = set.and_then(|set| self.dialogs.tag(set));
        let tag = tag.map(|tag| Tag::from_slice(tag.as_bytes()));
        self.try_answer(tag, transaction, status, &headers, body)
    }

    /// Accepts a request with header fields and a body of the application.
    ///
    /// # Errors
    /// [`SendError`] if the response cannot be sent; the request has none then.
    pub(crate) fn answer_with(
        &mut self,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: &[ExtraHeader],
        body: Option<&Body>,
    ) -> Result<(), SendError> {
        let headers = headers.iter();
        let headers: Vec<_> = headers
            .map(|header| (header.header_name(), header.value()))
            .collect();
        self.try_answer(None, transaction, status, &headers, body)
    }

    /// Refuses a request whose method has no user by 405 or 501, with Allow (RFC 3261 section 8.2.1).
    pub(crate) fn refuse_method(&mut self, transaction: ServerTransactionId, status: StatusCode) {
        let allow = [(HeaderName::Allow, self.allow())];
        self.refuse(transaction, status, "a method without a user", &allow);
    }

    /// Expects the PRACK to a response of a call that ends, for the 64 T1 for which the peer repeats it.
    pub(crate) fn expect_late_prack(&mut self, set: DialogSetId, number: ProvisionalNumber) {
        let Some((call_id, tag)) = self.dialogs.names(set) else {
            return;
        };
        let late = LateProvisional {
            number,
            call_id,
            tag,
            until: self.now + self.timer_settings().h(),
        };
        let limit = self.limits().late_pracks;
        self.late.expect(late, limit, self.now);
    }

    /// Accepts a PRACK by 200 (RFC 3262 section 3), with the answer to its offer if it has one.
    pub(crate) fn accept_prack(&mut self, prack: ServerTransactionId, answer: Option<&Body>) {
        self.answer_tagged(None, prack, StatusCode::OK, &[], answer);
    }

    /// Answers a CANCEL by 200 with the To tag of the responses to its INVITE (RFC 3261 section 9.2): of those that went
    /// out, or that of the dialog set from which they will come.
    pub(crate) fn answer_cancel(
        &mut self,
        set: Option<DialogSetId>,
        cancel: ServerTransactionId,
        invite: ServerTransactionId,
    ) {
        let sent = self.layer.response_tag(invite);
        let tag = match sent {
            Some(sent) => Some(Tag::from_slice(&sent)),
            None => set
                .and_then(|set| self.dialogs.tag(set))
                .map(|tag| Tag::from_slice(tag.as_bytes())),
        };
        self.answer_tagged(tag, cancel, StatusCode::OK, &[], None);
    }

    /// As [`Endpoint::answer`], with a To tag; draws one if that is `None`.
    fn answer_tagged(
        &mut self,
        tag: Option<Tag>,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: &[(HeaderName<'_>, &str)],
        body: Option<&Body>,
    ) {
        let answered = self.try_answer(tag, transaction, status, headers, body);
        self.log_unsent(transaction, answered);
    }

    /// Answers a request, with a To tag; draws one if that is `None`.
    fn try_answer(
        &mut self,
        tag: Option<Tag>,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: &[(HeaderName<'_>, &str)],
        body: Option<&Body>,
    ) -> Result<(), SendError> {
        let request = self.layer.request(transaction).ok_or(SendError::Stale)?;
        let headers = headers.iter();
        let headers = headers.map(|&(name, value)| Entry::Text(name, value));
        let headers: SmallVec<[_; 4]> = headers.collect();
        let answer = Answer {
            tag,
            status,
            headers: &headers,
            body,
        };
        self.try_answer_request(transaction, &request, answer)
    }

    /// Answers a request that is at hand by 200.
    pub(crate) fn answer_ok(&mut self, transaction: ServerTransactionId, request: &Request) {
        let answer = Answer {
            tag: None,
            status: StatusCode::OK,
            headers: &[],
            body: None,
        };
        self.answer_request(transaction, request, answer);
    }

    /// Answers a request that is at hand, so that the transaction need not read it again.
    pub(super) fn answer_request(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        answer: Answer<'_>,
    ) {
        let answered = self.try_answer_request(transaction, request, answer);
        self.log_unsent(transaction, answered);
    }

    fn try_answer_request(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        answer: Answer<'_>,
    ) -> Result<(), SendError> {
        let tag = answer.tag.unwrap_or_else(|| {
            let mut tag = Tag::new();
            crate::rand::push_token(self.layer.rng(), 26, |digit| tag.push(digit));
            tag
        });
        let request_tag = request.to_tag().ok().flatten();
        let identifier = self.session_id_for(request, request_tag.unwrap_or(&tag));
        let mut response = Builder::response_to(request, answer.status, Some(&tag));
        if let Some(identifier) = identifier {
            response.append(HeaderName::SessionId, identifier);
        }
        for header in answer.headers {
            header.write(&mut response);
        }
        let fields = &self.behaviour.fields;
        if let (true, Some(methods)) = (response.has(HeaderName::Allow), &fields.extra_allow) {
            methods.write(&mut response);
        }
        fields.user_agent.write(&mut response);
        if let Some(body) = answer.body {
            response.body(body.content_type.as_bytes(), &body.bytes);
        }
        self.layer.respond(transaction, response, self.now)?;
        if answer.status.is_final() {
            let content = LogContent::Responded(answer.status);
            self.log_transaction(transaction.to_bits(), content);
        }
        Ok(())
    }

    /// Logs a response that could not be sent. One to a well-formed request can always be built; otherwise the peer's own timer ends
    /// the request. The request may be gone, with its connection.
    fn log_unsent(&mut self, transaction: ServerTransactionId, answered: Result<(), SendError>) {
        if !matches!(answered, Ok(()) | Err(SendError::Stale)) {
            let content = LogContent::Text("a response could not be sent");
            self.log(LogLevel::Warn, "sip.ua", transaction.to_bits(), content);
        }
    }

    /// Refuses a request by a rule of the core: counted and logged.
    pub(crate) fn refuse(
        &mut self,
        transaction: ServerTransactionId,
        status: StatusCode,
        why: &'static str,
        headers: &[(HeaderName<'_>, &str)],
    ) {
        self.queue().counters.rare().refused += 1;
        self.log(
            LogLevel::Log,
            "sip.ua",
            transaction.to_bits(),
            LogContent::Answered(status, why),
        );
        self.answer(transaction, status, headers);
    }

    /// Refuses an INVITE whose Contact is a SIPS URI that this side cannot reach, because its connection has no TLS
    /// (RFC 3261 section 26.2.2), with warn-code 380 of RFC 5630.
    pub(crate) fn refuse_sips(
        &mut self,
        set: Option<DialogSetId>,
        transaction: ServerTransactionId,
        status: StatusCode,
    ) {
        self.queue().counters.rare().refused += 1;
        self.log(
            LogLevel::Log,
            "sip.ua",
            transaction.to_bits(),
            LogContent::Answered(status, "a SIPS target, and a connection without TLS"),
        );
        let warning = format!("380 {} \"SIPS Not Allowed\"", self.identity.host());
        let headers = [(HeaderName::Warning, warning.as_str())];
        self.answer_from(set, transaction, status, &headers);
    }

    /// Sends a response to an INVITE from a dialog: 101 to 299 (RFC 3261 sections 12.1.1 and 13.3.1).
    pub(crate) fn respond_in_dialog(
        &mut self,
        parts: &InDialogResponse<'_>,
    ) -> Result<(), SendError> {
        let request = self.layer.request(parts.transaction);
        self.respond_to(&request.ok_or(SendError::Stale)?, parts)
    }

    /// As [`Endpoint::respond_in_dialog`], to a request that is at hand, so that the transaction need not read it again.
    pub(crate) fn respond_to(
        &mut self,
        request: &Request,
        parts: &InDialogResponse<'_>,
    ) -> Result<(), SendError> {
        let (dialog, transaction, status) = (parts.dialog, parts.transaction, parts.status);
        let tag = self.dialogs.tag(dialog.set()).ok_or(SendError::Stale)?;
        let identifier = self.session_id_in(dialog);
        let mut response = Builder::response_to(request, status, Some(tag.as_bytes()));
        if let Some(identifier) = identifier {
            response.append(HeaderName::SessionId, identifier);
        }
        for route in request.headers_named(HeaderName::RecordRoute) {
            // A fold in the peer's value counts as one space (RFC 3261 section 7.3.1).
            response.append(HeaderName::RecordRoute, route.unfolded().into_owned());
        }
        let local = self.dialogs.dialog(dialog).map(Dialog::local_uri);
        let contact = self
            .identity
            .contact_as(local.unwrap_or_default(), comes_from_sips(request));
        response.append(HeaderName::Contact, &*contact);
        let fields = &self.behaviour.fields;
        for field in [&fields.allow, &fields.supported, &fields.user_agent] {
            field.write(&mut response);
        }
        for field in fields.extra_allow.iter().chain(&fields.recv_info) {
            field.write(&mut response);
        }
        // RFC 6665 section 4.4.4: in responses to the methods that initiate dialogs.
        let initiates = matches!(request.method(), Method::Invite | Method::Subscribe);
        if let (true, Some(events)) = (initiates, &fields.allow_events) {
            events.write(&mut response);
        }
        for &(name, value) in parts.own {
            response.append(name, value);
        }
        for header in parts.extra {
            response.append(header.header_name(), header.value());
        }
        if let Some(body) = parts.body {
            response.body(body.content_type.as_bytes(), &body.bytes);
        }
        self.layer.respond(transaction, response, self.now)
    }
}

/// RFC 3261 section 12.1.1: whether the Contact of a response to this request has to be a SIPS URI.
fn comes_from_sips(request: &Request) -> bool {
    let mut routes = request.values(HeaderName::RecordRoute);
    let mut contacts = request.values(HeaderName::Contact);
    let hop = routes.next().or_else(|| contacts.next());
    is_sips(request.uri_bytes()) || hop.is_some_and(is_sips)
}
