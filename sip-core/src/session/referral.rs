//! The machine of a REFER of a peer, with the implicit subscription that the 2xx of this side creates (RFC 3515).
//!
//! | state | input | does | next |
//! |-------|-------|------|------|
//! | Unanswered | accept | 2xx, NOTIFY | Notifying |
//! | Unanswered | accept alone | 2xx | (over) |
//! | Unanswered | timer, end of call, end of dialog | refusal | (over) |
//! | Unanswered | loss |  | (over) |
//! | Quiet, Notifying, Backlogged, Waiting, Ending | end of dialog |  | (over) |
//! | Quiet | report | NOTIFY | Notifying |
//! | Quiet | last report | NOTIFY | Ending |
//! | Quiet | refresh | NOTIFY | Notifying |
//! | Notifying | report, last report, refresh |  | Backlogged |
//! | Notifying | delivery |  | Quiet |
//! | Backlogged | report, last report |  | same |
//! | Backlogged | delivery | NOTIFY | Notifying |
//! | Backlogged with last | delivery | NOTIFY | Ending |
//! | Notifying, Backlogged, Ending | loss |  | Waiting |
//! | Waiting | report, last report |  | same |
//! | Waiting | connection | NOTIFY | Notifying |
//! | Waiting with last | connection | NOTIFY | Ending |
//! | Notifying, Backlogged, Ending | failure |  | (over) |
//! | Ending | delivery |  | (over) |
//! | Quiet | timer | NOTIFY | Ending |
//! | Notifying, Backlogged | timer |  | Backlogged |
//! | Waiting | timer |  | (over) |
//!
//! What is not listed changes nothing. A `report` is a status of the referenced request (RFC 3515 section 2.4.5), a `last
//! report` its final one, which terminates the subscription. One NOTIFY is in flight at a time (RFC 6665 section 4.2.2); a
//! later report replaces one that waits, unless that is the last. `delivery` is a 2xx to the NOTIFY, `failure` any other
//! final response or none (RFC 6665 section 4.2.2), and `loss` that the connection broke, or that there is none. A `refresh` is
//! a SUBSCRIBE of the peer (RFC 6665 section 4.2.1.1); one that ends the subscription counts as `timer`. The `timer`
//! is the time of the application to answer, then the duration of the subscription. The `end of call` does not end a
//! subscription, because that is a usage of its own of the dialog (RFC 5057 section 4); the `end of dialog` does, and so
//! does that of the agent.

use alloc::boxed::Box;

use sip_parse::{Request, StatusCode};

use crate::dialog::{DialogId, DialogSetId};
use crate::ids::{ConnectionId, SessionId};
use crate::slab::Member;
use crate::time::Timestamp;
use crate::timer::TimerKey;
use crate::transaction::ServerTransactionId;

/// A REFER of a peer, until the application refuses it or its subscription is over.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Referred {
    pub(super) state: ReferralState,
    /// The call of a REFER within one.
    pub(super) session: Option<SessionId>,
    pub(super) set: DialogSetId,
    pub(super) dialog: DialogId,
    /// The connection of the REFER.
    pub(super) connection: Option<ConnectionId>,
    pub(super) transaction: ServerTransactionId,
    /// The REFER, until the application answers it.
    pub(super) request: Option<Box<Request>>,
    /// The CSeq number of the REFER.
    pub(super) number: u32,
    /// The value of Event.
    pub(super) event: Box<str>,
    pub(super) expires_at: Timestamp,
    pub(super) timer: Option<TimerKey>,
}

impl Member for Referred {
    type Group = SessionId;

    fn group(&self) -> Option<SessionId> {
        self.session
    }
}

/// What a NOTIFY reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    pub(crate) status: StatusCode,
    /// The reason of the termination, if it terminates the subscription (RFC 6665 section 4.1.3).
    pub(crate) terminated: Option<&'static str>,
}

impl Report {
    /// 100, with which every subscription begins (RFC 3515 section 2.4.4).
    const TRYING: Self = Self {
        status: StatusCode::TRYING,
        terminated: None,
    };

    /// A status of the referenced request; a final one terminates the subscription (RFC 3515 section 2.4.4).
    pub(crate) fn of(status: StatusCode) -> Self {
        Self {
            status,
            terminated: (!status.is_provisional()).then_some("noresource"),
        }
    }
}

/// The state of a REFER of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ReferralState {
    /// The application has neither accepted nor refused it.
    Unanswered,
    /// Every NOTIFY is answered; the last had this status.
    Quiet(StatusCode),
    /// A NOTIFY with this report is in flight.
    Notifying(Report),
    /// A NOTIFY is in flight, and this report waits.
    Backlogged(Report),
    /// This report waits for a connection.
    Waiting(Report),
    /// The last NOTIFY, with this report, is in flight.
    Ending(Report),
}

/// An input of the machine: the column `input` of the table, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ReferralInput {
    Accept,
    /// As `Accept`, without a subscription (RFC 4488 section 4).
    AcceptAlone,
    Report(Report),
    Delivered,
    Failed,
    Lost,
    Connected,
    /// A SUBSCRIBE that continues the subscription.
    Refresh,
    Timeout,
    CallEnded,
    DialogEnded,
}

/// An effect of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ReferralEffect {
    /// Send the 2xx to the REFER, and the first NOTIFY if there is one.
    Accept(Option<Report>),
    /// Refuse the REFER, because the application has not answered it.
    Refuse,
    /// Send a NOTIFY.
    Notify(Report),
}

impl ReferralState {
    /// Takes one input; `None` means that the entry of the REFER is freed.
    pub(crate) fn step(self, input: ReferralInput) -> (Option<Self>, Option<ReferralEffect>) {
        use ReferralInput as Input;
        let last = |status| Report {
            status,
            terminated: Some("timeout"),
        };
        let again = |status| Report {
            status,
            terminated: None,
        };
        match (self, input) {
            (Self::Unanswered, Input::Accept) => {
                let first = Report::TRYING;
                let effect = ReferralEffect::Accept(Some(first));
                (Some(Self::Notifying(first)), Some(effect))
            }
            (Self::Unanswered, Input::AcceptAlone) => (None, Some(ReferralEffect::Accept(None))),
            (Self::Unanswered, Input::Timeout | Input::CallEnded | Input::DialogEnded) => {
                (None, Some(ReferralEffect::Refuse))
            }
            (Self::Unanswered, Input::Lost) | (_, Input::DialogEnded) => (None, None),
            (Self::Quiet(_), Input::Report(report)) => Self::notify(report),
            (Self::Quiet(status), Input::Timeout) => Self::notify(last(status)),
            (Self::Quiet(status), Input::Refresh) => Self::notify(again(status)),
            (Self::Notifying(sent), Input::Refresh) => {
                (Some(Self::Backlogged(again(sent.status))), None)
            }
            (Self::Notifying(_), Input::Report(report)) => (Some(Self::Backlogged(report)), None),
            (Self::Notifying(sent), Input::Delivered) => (Some(Self::Quiet(sent.status)), None),
            (Self::Notifying(sent), Input::Timeout) => {
                (Some(Self::Backlogged(last(sent.status))), None)
            }
            (Self::Backlogged(waits) | Self::Waiting(waits), Input::Report(report)) => {
                let report = if waits.terminated.is_some() {
                    waits
                } else {
                    report
                };
                let next = match self {
                    Self::Waiting(_) => Self::Waiting(report),
                    _ => Self::Backlogged(report),
                };
                (Some(next), None)
            }
            (Self::Backlogged(waits), Input::Delivered) => Self::notify(waits),
            (Self::Backlogged(waits), Input::Timeout) => {
                let report = if waits.terminated.is_some() {
                    waits
                } else {
                    last(waits.status)
                };
                (Some(Self::Backlogged(report)), None)
            }
            (Self::Waiting(waits), Input::Connected) => Self::notify(waits),
            (Self::Waiting(_), Input::Timeout) => (None, None),
            (
                Self::Notifying(report) | Self::Backlogged(report) | Self::Ending(report),
                Input::Lost,
            ) => (Some(Self::Waiting(report)), None),
            (Self::Notifying(_) | Self::Backlogged(_) | Self::Ending(_), Input::Failed)
            | (Self::Ending(_), Input::Delivered) => (None, None),
            (state, _) => (Some(state), None),
        }
    }

    fn notify(report: Report) -> (Option<Self>, Option<ReferralEffect>) {
        let next = match report.terminated {
            Some(_) => Self::Ending(report),
            None => Self::Notifying(report),
        };
        (Some(next), Some(ReferralEffect::Notify(report)))
    }
}
