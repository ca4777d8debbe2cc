//! PRACKs that arrive when their call is over: a refusal stops the repeats of a reliable provisional response, but its PRACK
//! may be under way and gets 200 (RFC 3262 section 3).

use alloc::boxed::Box;

use sip_parse::{HeaderName, Method, Request};

use super::state::Endpoint;
use crate::dialog::DialogSetId;
use crate::time::Timestamp;

/// The names of a reliable provisional response that a PRACK repeats (RFC 3262 section 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ProvisionalNumber {
    /// RSeq.
    pub(crate) rseq: u32,
    /// The CSeq number of the INVITE.
    pub(crate) cseq: u32,
}

/// A reliable provisional response of a call that is over.
#[cfg_attr(test, derive(Clone))]
pub(super) struct LateProvisional {
    number: ProvisionalNumber,
    call_id: Box<[u8]>,
    tag: Box<str>,
    until: Timestamp,
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

impl Endpoint {
    /// Expects the PRACK of a call that ends, for the 64 T1 for which the peer repeats it. Above
    /// [`Limits::late_pracks`](crate::Limits::late_pracks) the oldest goes.
    pub(crate) fn expect_late_prack(&mut self, set: DialogSetId, number: ProvisionalNumber) {
        let Some((call_id, tag)) = self.dialogs.names(set) else {
            return;
        };
        let limit = self.limits().late_pracks;
        let (now, until) = (self.now, self.now + self.timer_settings().h());
        self.late.retain(|late| late.until > now);
        while self.late.len() >= limit.max(1) {
            self.late.pop_front();
        }
        self.late.push_back(LateProvisional {
            number,
            call_id,
            tag,
            until,
        });
    }

    /// Whether this PRACK outside any dialog is one that [`Self::expect_late_prack`] expects; it is expected once.
    pub(super) fn takes_late_prack(&mut self, prack: &Request) -> bool {
        let tag = prack.to().ok().and_then(|to| to.tag());
        let call_id = prack.call_id().ok();
        let now = self.now;
        let place = self.late.iter().position(|late| {
            late.until > now
                && prack.method() == Method::Prack
                && prack.has(HeaderName::RAck)
                && tag == Some(late.tag.as_bytes())
                && call_id == Some(&*late.call_id)
                && late.number.is_acknowledged_by(prack)
        });
        place.is_some_and(|place| self.late.remove(place).is_some())
    }
}
