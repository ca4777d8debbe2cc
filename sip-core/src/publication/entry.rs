//! The data of one publication.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{Response, StatusCode, UriBuf, unescape};

use super::machine::{PublicationInput, PublicationState, PublishKind};
use crate::body::Body;
use crate::endpoint::Received;
use crate::header::ExtraHeader;
use crate::ids::ConnectionId;
use crate::reason::{Cause, EndReason, Originator, refusal, send_failure_cause};
use crate::registration::bound_for;
use crate::slab::Member;
use crate::time::Timestamp;
use crate::timer::TimerKey;
use crate::transaction::SendError;

/// The longest accepted duration of a publication (one day, in seconds), however long the grant.
const LONGEST_EXPIRES: u32 = 86_400;

/// A publication of event state.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Publication {
    pub(super) state: PublicationState,
    /// The Request-URI.
    pub(super) target: UriBuf,
    /// The connection that the host has named; `None`: the flow in use.
    pub(super) connection: Option<ConnectionId>,
    /// The value of Event.
    pub(super) package: Box<str>,
    /// Call-ID and From tag of every PUBLISH, so that its credentials are known after the first challenge.
    pub(super) call_id: Box<str>,
    pub(super) from_tag: Box<str>,
    /// The CSeq number of the last PUBLISH.
    pub(super) number: u32,
    /// The whole state, as the application has given it last.
    pub(super) body: Body,
    pub(super) headers: Vec<ExtraHeader>,
    /// The Expires of each PUBLISH, in seconds.
    pub(super) expires: u32,
    /// Whether a 423 has raised `expires` since the last 2xx.
    pub(super) min_expires_applied: bool,
    /// What the server holds.
    pub(super) lease: Option<Lease>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// The position among those that wait for their turn.
    pub(super) sequence: u64,
    pub(super) timer: Option<TimerKey>,
}

impl Member for Publication {
    /// A hash of the user in the target: equivalent targets are in one group (RFC 3261 section 19.1.4).
    type Group = u64;

    fn group(&self) -> Option<u64> {
        Some(resource_of(&self.target))
    }
}

/// The group of the publications to a target. FNV-1a, because the application names the targets, and equal hashes only cost
/// a comparison.
pub(super) fn resource_of(target: &UriBuf) -> u64 {
    let target = target.as_uri();
    let user = target.user().filter(|_| target.is_sip());
    let user = unescape(user.unwrap_or_default());
    let start = 0xcbf2_9ce4_8422_2325;
    user.iter().fold(start, |hash: u64, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// What a 2xx has granted.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    /// The entity tag of the last 2xx that had one (RFC 3903 section 11.3.1).
    pub(super) tag: Option<Box<str>>,
    /// The duration, in seconds.
    pub(super) granted: u32,
    /// The time at which it expires.
    pub(super) until: Timestamp,
}

/// What a final response means for a publication.
pub(super) struct Verdict {
    pub(super) input: PublicationInput,
    /// The failure, unless it is a 2xx.
    pub(super) failure: Option<Failure>,
}

/// Why a PUBLISH failed.
pub(super) struct Failure {
    pub(super) reason: EndReason,
    /// Retry-After (RFC 3261 section 20.33).
    pub(super) wait: Option<Duration>,
}

/// What comes with an input.
pub(super) enum Detail<'a> {
    Nothing,
    /// The 2xx.
    Response(&'a Response),
    Failure(Failure),
    /// A final response of 300 to 699.
    Refusal(Failure, &'a Received),
}

impl Failure {
    pub(super) const fn new(reason: EndReason) -> Self {
        Self { reason, wait: None }
    }
}

impl Publication {
    /// The entity tag of the state that the server still keeps at `now`.
    pub(super) fn tag(&self, now: Timestamp) -> Option<&str> {
        let lease = self.lease.as_ref().filter(|lease| now < lease.until)?;
        lease.tag.as_deref()
    }

    /// Whether the server may keep a state that cannot be removed, because its 2xx had no usable SIP-ETag.
    pub(super) fn is_left_behind(&self, now: Timestamp) -> bool {
        let lease = self.lease.as_ref();
        lease.is_some_and(|lease| now < lease.until && lease.tag.is_none())
    }

    /// Reads a final response to a PUBLISH of `kind`, and stores what a 2xx grants.
    pub(super) fn read(
        &mut self,
        kind: PublishKind,
        response: &Response,
        shortest: Duration,
        now: Timestamp,
    ) -> Verdict {
        let status = response.status();
        if status.is_success() {
            return self.granted(kind, response, shortest, now);
        }
        let wait = response.retry_after().ok().flatten();
        let wait = wait.map(|wait| Duration::from_secs(u64::from(wait.seconds)));
        let input = match status.as_u16() {
            412 => PublicationInput::TagUnknown,
            423 if self.raise_expires(response) => PublicationInput::TooBrief,
            _ if may_pass(status, wait.is_some()) => PublicationInput::Failed,
            _ => PublicationInput::Refused,
        };
        let reason = refusal(response);
        let failure = Some(Failure { reason, wait });
        Verdict { input, failure }
    }

    /// Stores what a 2xx grants (RFC 3903 section 4.1). A new entity tag replaces the last one. A 2xx without a usable one, which
    /// the RFC does not allow, keeps the last one: if the server no longer knows it, its 412 leads to a new publication. Without
    /// any the state is published as new before it expires.
    fn granted(
        &mut self,
        kind: PublishKind,
        response: &Response,
        shortest: Duration,
        now: Timestamp,
    ) -> Verdict {
        let accepted = Verdict {
            input: PublicationInput::Accepted,
            failure: None,
        };
        if kind == PublishKind::Remove {
            self.lease = None;
            return accepted;
        }
        let granted = response.expires().ok().flatten().unwrap_or(self.expires);
        if granted == 0 {
            // The server keeps nothing, although the PUBLISH did not remove it.
            self.lease = None;
            let reason = EndReason {
                status: Some(response.status()),
                ..EndReason::new(Originator::Peer, Cause::Malformed)
            };
            return Verdict {
                input: PublicationInput::Failed,
                failure: Some(Failure::new(reason)),
            };
        }
        let granted = granted.min(LONGEST_EXPIRES);
        let last = self.lease.take().and_then(|lease| lease.tag);
        self.lease = Some(Lease {
            tag: entity_tag(response).or(last),
            granted,
            until: now + bound_for(granted, shortest),
        });
        self.failures = 0;
        self.min_expires_applied = false;
        accepted
    }

    /// Obeys a 423 (RFC 3903 section 4.1): once until the next 2xx, and only one that asks for more.
    fn raise_expires(&mut self, response: &Response) -> bool {
        let minimum = response.min_expires().ok().flatten();
        let higher = minimum.filter(|&minimum| minimum > self.expires);
        match higher {
            Some(minimum) if !self.min_expires_applied => {
                self.expires = minimum;
                self.min_expires_applied = true;
                true
            }
            _ => false,
        }
    }
}

/// Whether the same PUBLISH may succeed later: after a failure of the server or of the network, and where Retry-After says so
/// (RFC 3261 section 20.33).
fn may_pass(status: StatusCode, retry_after: bool) -> bool {
    match status.as_u16() {
        501 | 505 | 513 => false,
        408 | 429 | 430 | 480 | 500..=599 => true,
        413 | 486 | 600 | 603 => retry_after,
        _ => false,
    }
}

/// The SIP-ETag of a 2xx, if it is a token (RFC 3903 section 11.3.1).
fn entity_tag(response: &Response) -> Option<Box<str>> {
    let tag = response.sip_etag()?;
    let text = str::from_utf8(tag).ok()?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
    (!text.is_empty() && text.bytes().all(is_token)).then(|| text.into())
}

/// The input that a PUBLISH causes which could not be sent.
pub(super) fn unsent(error: &SendError) -> (PublicationInput, Detail<'static>) {
    let input = match error {
        SendError::NotConnected => PublicationInput::NotSent,
        SendError::TooManyTransactions => PublicationInput::Failed,
        _ => PublicationInput::Refused,
    };
    let reason = EndReason::local(send_failure_cause(error));
    (input, Detail::Failure(Failure::new(reason)))
}
