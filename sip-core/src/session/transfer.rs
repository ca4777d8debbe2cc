//! The machine of a REFER of this side, with the implicit subscription that its 2xx creates (RFC 3515).
//!
//! | state | input | does | next |
//! |-------|-------|------|------|
//! | Sent | 2xx |  | Subscribed |
//! | Sent | 2xx without subscription | unreported | (over) |
//! | Sent | refusal | refused | (over) |
//! | Sent, Subscribed | NOTIFY 100 | progress | same |
//! | Sent, Subscribed | NOTIFY 200 | progress, succeeded | Reported |
//! | Sent, Subscribed | NOTIFY 486 | progress, failed | Reported |
//! | Sent, Subscribed | last NOTIFY 200 | progress, succeeded | (over) |
//! | Sent, Subscribed | last NOTIFY 486 | progress, failed | (over) |
//! | Sent, Subscribed | last NOTIFY 100 | progress, terminated | (over) |
//! | Sent, Subscribed | last NOTIFY | terminated | (over) |
//! | Sent, Subscribed | timer | timed out | (over) |
//! | Sent, Subscribed | end of dialog | call ended | (over) |
//! | Reported | 2xx without subscription, refusal, last NOTIFY 100, last NOTIFY 200, last NOTIFY 486, last NOTIFY, timer, end of dialog |  | (over) |
//!
//! What is not listed changes nothing. A NOTIFY stands with the status of its `message/sipfrag`, or without one that can be
//! read; `last` means that it terminates the subscription, unless it gives no reason for that and the status is provisional,
//! because SIP.js writes `terminated` into each NOTIFY. `refusal` is a final response of 300 to 699, or none at all.
//! `progress` is [`Event::TransferProgress`](crate::Event::TransferProgress); the rest are the outcomes of
//! [`Event::TransferEnded`](crate::Event::TransferEnded), of which each REFER has exactly one. `Reported` is over for the
//! application; the subscription stays until the peer terminates it, so that its last NOTIFY is answered 200. The end of the
//! call is no input, because the subscription is a usage of its own of the dialog (RFC 5057 section 4); the `end of dialog`
//! is also that of the agent.

use sip_parse::StatusCode;
use smallvec::{SmallVec, smallvec};

use crate::dialog::{DialogId, DialogSetId};
use crate::ids::SessionId;
use crate::slab::Member;
use crate::timer::TimerKey;

/// A REFER of this side, until its outcome is known and its subscription is over.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Transfer {
    pub(super) state: TransferState,
    /// The call of a REFER within one.
    pub(super) session: Option<SessionId>,
    pub(super) set: DialogSetId,
    pub(super) dialog: Option<DialogId>,
    /// The CSeq number of the REFER, which the NOTIFYs name (RFC 3515 section 2.4.6).
    pub(super) number: u32,
    /// Whether a NOTIFY has arrived.
    pub(super) notified: bool,
    pub(super) timer: Option<TimerKey>,
}

impl Member for Transfer {
    type Group = SessionId;

    fn group(&self) -> Option<SessionId> {
        self.session
    }
}

/// The state of a REFER of this side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TransferState {
    /// It has no final response. A NOTIFY may precede that (RFC 3515 section 2.4.4).
    Sent,
    /// The peer accepted it and reports the progress.
    Subscribed,
    /// The outcome is known; the subscription is not yet terminated.
    Reported,
}

/// An input of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TransferInput {
    /// A 2xx to the REFER.
    Accepted,
    /// A 2xx that creates no subscription (RFC 4488 section 4).
    AcceptedAlone,
    /// A final response of 300 to 699, or none.
    Refused,
    /// A NOTIFY, with the status of its body, if it has one.
    Notified {
        status: Option<StatusCode>,
        /// Whether it terminates the subscription.
        last: bool,
    },
    /// The deadline has passed.
    Timeout,
    /// The dialog of the REFER is gone, or the agent stops.
    DialogEnded,
}

/// An effect of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TransferEffect {
    /// The peer reports a status.
    Progress(StatusCode),
    /// The outcome.
    End(TransferEnding),
}

/// The outcome of a REFER.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TransferEnding {
    Succeeded(StatusCode),
    Failed(StatusCode),
    Unreported,
    Refused,
    Terminated,
    TimedOut,
    CallEnded,
}

pub(crate) type TransferEffects = SmallVec<[TransferEffect; 2]>;

impl TransferState {
    /// Takes one input; `None` means that the entry of the REFER is freed.
    pub(crate) fn step(self, input: TransferInput) -> (Option<Self>, TransferEffects) {
        let end = |ending| (None, smallvec![TransferEffect::End(ending)]);
        let stays = (Some(self), TransferEffects::new());
        match (self, input) {
            (
                Self::Reported,
                TransferInput::Accepted | TransferInput::Notified { last: false, .. },
            ) => stays,
            (Self::Reported, _) => (None, TransferEffects::new()),
            (Self::Sent, TransferInput::Accepted) => (Some(Self::Subscribed), SmallVec::new()),
            (Self::Sent, TransferInput::AcceptedAlone) => end(TransferEnding::Unreported),
            (Self::Sent, TransferInput::Refused) => end(TransferEnding::Refused),
            // The REFER has its final response.
            (
                Self::Subscribed,
                TransferInput::Accepted | TransferInput::AcceptedAlone | TransferInput::Refused,
            ) => stays,
            (_, TransferInput::Notified { status, last }) => self.notified(status, last),
            (_, TransferInput::Timeout) => end(TransferEnding::TimedOut),
            (_, TransferInput::DialogEnded) => end(TransferEnding::CallEnded),
        }
    }

    fn notified(self, status: Option<StatusCode>, last: bool) -> (Option<Self>, TransferEffects) {
        let progress = status.map(TransferEffect::Progress);
        let ending = match status.filter(|status| !status.is_provisional()) {
            Some(status) if status.is_success() => Some(TransferEnding::Succeeded(status)),
            Some(status) => Some(TransferEnding::Failed(status)),
            None if last => Some(TransferEnding::Terminated),
            None => None,
        };
        let next = match ending {
            _ if last => None,
            Some(_) => Some(Self::Reported),
            None => Some(self),
        };
        let end = ending.map(TransferEffect::End);
        (next, progress.into_iter().chain(end).collect())
    }
}
