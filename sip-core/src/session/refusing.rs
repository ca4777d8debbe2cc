//! Refusals of INVITEs and UPDATEs of the peer, from the dialog of the call, and the 2xx to an UPDATE.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sip_parse::{HeaderName, StatusCode};

use super::context::Context;
use super::refusal::Refusal;
use crate::body::Body;
use crate::dialog::DialogId;
use crate::rand::below;
use crate::transaction::{SendError, ServerTransactionId};

fn as_field(warning: &str) -> (HeaderName<'_>, &str) {
    (HeaderName::Warning, warning)
}

impl Context<'_> {
    /// Refuses an INVITE of the peer with the tag of its dialog, because all responses to it share one tag.
    pub(crate) fn refuse(&mut self, transaction: ServerTransactionId, status: StatusCode) {
        let set = Some(self.common.set);
        let warning = self.warning(status);
        let headers = warning.as_deref().map(as_field);
        self.endpoint
            .answer_from(set, transaction, status, headers.as_slice());
    }

    /// Why an offer is refused (RFC 3261 sections 13.3.1.3 and 14.2). The application alone knows more than that.
    fn warning(&self, status: StatusCode) -> Option<String> {
        let host = self.endpoint.identity.host();
        let is_about_offer = status == StatusCode::NOT_ACCEPTABLE_HERE;
        is_about_offer.then(|| format!("399 {host} \"Session description not acceptable\""))
    }

    /// As [`Context::refuse`], with the header fields and body of the application. Adds the Warning of a 488 that has none.
    pub(crate) fn refuse_with(&mut self, transaction: ServerTransactionId, refusal: &Refusal) {
        let mut headers: Vec<_> = refusal.fields().collect();
        let (set, status) = (Some(self.common.set), refusal.status());
        let warning = self.warning(status);
        if headers.iter().all(|(name, _)| *name != HeaderName::Warning) {
            headers.extend(warning.as_deref().map(as_field));
        }
        self.endpoint
            .refuse_with(set, transaction, status, headers, refusal.body());
    }

    /// Refuses the INVITE of a call that the application hangs up: 480, with what it adds.
    pub(crate) fn refuse_parting(&mut self, transaction: ServerTransactionId) {
        let parting = self.common.parting.take().unwrap_or_default();
        let headers = parting.headers.iter();
        let headers = headers.map(|header| (header.header_name(), header.value()));
        let (set, status) = (Some(self.common.set), StatusCode::TEMPORARILY_UNAVAILABLE);
        let (headers, body) = (headers.collect(), parting.body.as_ref());
        self.endpoint
            .refuse_with(set, transaction, status, headers, body);
    }

    /// Answers an UPDATE of the peer by 200 (RFC 3311 section 5.2), from the dialog of the call or an early one. The target changes
    /// only then (RFC 3261 section 12.2.2).
    pub(crate) fn accept_update(
        &mut self,
        dialog: DialogId,
        transaction: ServerTransactionId,
        answer: Option<&Body>,
    ) -> Result<(), SendError> {
        let request = self.endpoint.layer.request(transaction);
        let connection = self.endpoint.layer.connection_of(transaction);
        self.respond(dialog, transaction, StatusCode::OK, answer)?;
        if let Some(request) = request {
            self.endpoint.dialogs.refresh_target(dialog, &request);
        }
        self.common.connection = connection.or(self.common.connection);
        Ok(())
    }

    /// Refuses an INVITE of the peer while another of its INVITEs is being answered (RFC 3261 section 14.2):
    /// 500, with a random Retry-After of 0 to 10 s.
    pub(crate) fn refuse_for_now(&mut self, transaction: ServerTransactionId) {
        let wait = format!("{}", below(self.endpoint.layer.rng(), 11));
        let status = StatusCode::SERVER_INTERNAL_ERROR;
        let headers = [(HeaderName::RetryAfter, wait.as_str())];
        let set = Some(self.common.set);
        self.endpoint
            .answer_from(set, transaction, status, &headers);
    }
}
