//! PRACKs that arrive when their call is over: a refusal stops the repeats of a reliable provisional response, but its PRACK
//! may be under way and gets 200 (RFC 3262 section 3).

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use sip_parse::{Method, Request};

use crate::rare::empty;
use crate::time::Timestamp;

/// The names of a reliable provisional response that a PRACK repeats (RFC 3262 section 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ProvisionalNumber {
    /// RSeq.
    pub(crate) rseq: u32,
    /// The CSeq number of the INVITE.
    pub(crate) cseq: u32,
}

impl ProvisionalNumber {
    /// Whether the RAck of this PRACK names the response.
    pub(crate) fn is_acknowledged_by(self, prack: &Request) -> bool {
        let Ok(Some(rack)) = prack.rack() else {
            return false;
        };
        let named = (rack.rseq, rack.cseq, rack.method);
        named == (self.rseq, self.cseq, Method::Invite)
    }
}

/// A reliable provisional response of a call that is over.
#[cfg_attr(test, derive(Clone))]
pub(super) struct LateProvisional {
    pub(super) number: ProvisionalNumber,
    pub(super) call_id: Box<[u8]>,
    /// The tag of this side.
    pub(super) tag: Box<str>,
    /// When its PRACK is no longer expected.
    pub(super) until: Timestamp,
}

empty!(LatePracks);

/// The PRACKs that are expected; at most `Limits::late_pracks`.
#[cfg_attr(test, derive(Clone))]
pub(super) struct LatePracks(VecDeque<LateProvisional>);

impl LatePracks {
    const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// How many are expected.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Expects the PRACK to a response. Above `limit` the oldest goes.
    pub(super) fn expect(&mut self, late: LateProvisional, limit: usize, now: Timestamp) {
        self.0.retain(|late| late.until > now);
        while self.0.len() >= limit.max(1) {
            self.0.pop_front();
        }
        self.0.push_back(late);
    }

    /// Whether this request is one of the PRACKs, each of which is expected once.
    pub(super) fn take(&mut self, request: &Request, now: Timestamp) -> bool {
        if request.method() != Method::Prack {
            return false;
        }
        let tag = request.to_tag().ok().flatten();
        let call_id = request.call_id().ok();
        let place = self.0.iter().position(|late| {
            late.until > now
                && tag == Some(late.tag.as_bytes())
                && call_id == Some(&*late.call_id)
                && late.number.is_acknowledged_by(request)
        });
        place.is_some_and(|place| self.0.remove(place).is_some())
    }
}
