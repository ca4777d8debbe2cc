//! The reliable provisional responses of the callee (RFC 3262 section 3): whether a response is reliable, its number, which
//! response waits for its PRACK, and which responses wait behind it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use rand_core::CryptoRng;
use sip_parse::{Request, StatusCode};

use super::provisional::{ProvisionalOptions, Reliability};
use crate::body::Body;
use crate::config::Support;
use crate::endpoint::{ProvisionalNumber, requires_reliable, supports_reliable};
use crate::error::CommandError;
use crate::header::ExtraHeader;
use crate::limits::LimitKind;
use crate::rand::below;
use crate::requirement::Requirement;

/// The first RSeq number is below 2^31 (RFC 3262 section 3).
const FIRST_RSEQ_LIMIT: u64 = (1 << 31) - 1;

/// What caller and callee agree on: the option tags of the INVITE and `rel100` of this side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Agreement {
    /// No response is reliable.
    Never,
    /// The application chooses.
    Choice,
    /// Each response is reliable.
    Always,
}

/// A provisional response that is sent or waits to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Provisional {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<ExtraHeader>,
    pub(crate) body: Option<Body>,
    /// A body that is no session description.
    pub(crate) other: Option<Body>,
    pub(crate) reliable: bool,
}

/// The response that waits for its PRACK.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Unacknowledged {
    number: ProvisionalNumber,
    /// Whether it has a session description.
    described: bool,
    /// The interval after which it is sent again.
    interval: Duration,
}

/// The reliable provisional responses of one INVITE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reliable {
    agreement: Agreement,
    /// The last RSeq number.
    last: Option<u32>,
    unacknowledged: Option<Unacknowledged>,
    /// The responses that wait for the PRACK, in their order; at most `Limits::provisionals`.
    queue: VecDeque<Provisional>,
}

impl Reliable {
    /// The responses to this INVITE.
    pub(crate) fn new(own: Support, invite: &Request) -> Self {
        let agreement = match own {
            Support::None => Agreement::Never,
            Support::Required => Agreement::Always,
            _ if requires_reliable(invite) => Agreement::Always,
            _ if supports_reliable(invite) => Agreement::Choice,
            _ => Agreement::Never,
        };
        Self {
            agreement,
            last: None,
            unacknowledged: None,
            queue: VecDeque::new(),
        }
    }

    /// Whether a response with these options is reliable.
    pub(crate) const fn is_reliable(&self, options: &ProvisionalOptions) -> bool {
        match (self.agreement, options.reliability) {
            (Agreement::Never, _) => false,
            (Agreement::Always, _) | (Agreement::Choice, Reliability::Reliable) => true,
            (Agreement::Choice, Reliability::Automatic) => options.description,
            (Agreement::Choice, Reliability::Unreliable) => false,
        }
    }

    /// Whether one more response with these options may be sent, at most `limit` of which wait.
    pub(crate) fn check(
        &self,
        options: &ProvisionalOptions,
        limit: usize,
    ) -> Result<(), CommandError> {
        match (self.agreement, options.reliability) {
            (Agreement::Never, Reliability::Reliable) => {
                Err(CommandError::WrongState(Requirement::ReliabilitySupported))
            }
            (Agreement::Always, Reliability::Unreliable) => {
                Err(CommandError::WrongState(Requirement::ReliabilityRequired))
            }
            _ if self.queue.len() >= limit => Err(CommandError::Limit(LimitKind::Provisionals)),
            _ => Ok(()),
        }
    }

    /// The number of the next response to the INVITE with this CSeq number: at random first, then one more (RFC 3262 section 3).
    pub(crate) fn next_number(&self, cseq: u32, rng: &mut dyn CryptoRng) -> ProvisionalNumber {
        let rseq = match self.last {
            Some(last) => last.saturating_add(1),
            None => 1 + below(rng, FIRST_RSEQ_LIMIT) as u32,
        };
        ProvisionalNumber { rseq, cseq }
    }

    /// The response with this number is sent.
    pub(crate) fn sent(&mut self, number: ProvisionalNumber, described: bool, t1: Duration) {
        self.last = Some(number.rseq);
        self.unacknowledged = Some(Unacknowledged {
            number,
            described,
            interval: t1,
        });
    }

    /// Whether a response waits for its PRACK, so that no other one may be sent.
    pub(crate) const fn waits(&self) -> bool {
        self.unacknowledged.is_some()
    }

    /// Whether the response that waits for its PRACK has a session description, so that no 2xx may be sent.
    pub(crate) fn holds_success(&self) -> bool {
        let mut waiting = self.unacknowledged.iter();
        waiting.any(|waiting| waiting.described)
    }

    /// Appends a response to those that wait.
    pub(crate) fn wait(&mut self, response: Provisional) {
        self.queue.push_back(response);
    }

    /// Whether a response with this status waits to be sent.
    pub(crate) fn is_queued(&self, status: StatusCode) -> bool {
        self.queue.iter().any(|waiting| waiting.status == status)
    }

    /// The response that is sent next.
    pub(crate) fn next(&mut self) -> Option<Provisional> {
        if self.waits() {
            return None;
        }
        self.queue.pop_front()
    }

    /// The session description among the responses that wait, which the 2xx carries in their place.
    pub(crate) fn take_description(&mut self) -> Option<Body> {
        let mut waiting = core::mem::take(&mut self.queue).into_iter();
        waiting.find_map(|response| response.body)
    }

    /// The interval before the next repeat: doubled without bound (RFC 3262 section 3).
    pub(crate) fn repeat_after(&mut self) -> Option<Duration> {
        let waiting = self.unacknowledged.as_mut()?;
        waiting.interval = waiting.interval.saturating_mul(2);
        Some(waiting.interval)
    }

    /// Takes a PRACK: whether the response that it acknowledges has a session description; `None` if none waits for it.
    pub(crate) fn acknowledge(&mut self, prack: &Request) -> Option<bool> {
        let waiting = self
            .unacknowledged
            .take_if(|waiting| waiting.number.is_acknowledged_by(prack))?;
        Some(waiting.described)
    }
}
