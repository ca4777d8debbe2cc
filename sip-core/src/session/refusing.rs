//! Refusals of INVITEs and UPDATEs of the peer, from the dialog of the call.

use alloc::format;
use alloc::vec::Vec;

use sip_parse::{HeaderName, StatusCode};

use super::context::Context;
use super::refusal::Refusal;
use crate::rand::below;
use crate::transaction::ServerTransactionId;

impl Context<'_> {
    /// Refuses an INVITE of the peer with the tag of its dialog, because all responses to it share one tag.
    pub(crate) fn refuse(&mut self, transaction: ServerTransactionId, status: StatusCode) {
        let set = Some(self.common.set);
        self.endpoint.answer_from(set, transaction, status, &[]);
    }

    /// As [`Context::refuse`], with the header fields and body of the application.
    pub(crate) fn refuse_with(&mut self, transaction: ServerTransactionId, refusal: &Refusal) {
        let headers: Vec<_> = refusal.fields().collect();
        let (set, status) = (Some(self.common.set), refusal.status());
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
