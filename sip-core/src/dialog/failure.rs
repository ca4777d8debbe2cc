//! What a failed request within a dialog ends (RFC 5057 sections 5.1 and 5.2).

use sip_parse::StatusCode;

/// What ends with the response to a request within a dialog.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FailureScope {
    /// The transaction and nothing else.
    Transaction,
    /// The usage of the dialog that sent it: the call, or the one subscription.
    Usage,
    /// The dialog with all its usages.
    Dialog,
}

impl FailureScope {
    /// What `status` ends when it answers a request within a dialog. A request that got no answer at all
    /// counts as [`StatusCode::REQUEST_TIMEOUT`]; one whose connection broke ends only its transaction,
    /// for the dialog can be repaired. Whatever answers a BYE, the call is over.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            404 | 410 | 416 | 482 | 483 | 484 | 485 | 502 | 604 => Self::Dialog,
            405 | 408 | 480 | 481 | 489 | 501 => Self::Usage,
            _ => Self::Transaction,
        }
    }
}
