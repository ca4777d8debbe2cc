//! Why a dialog cannot be made or used.

use sip_parse::ParseError;

use crate::limits::LimitKind;

/// Why a dialog cannot be made or used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialogError {
    /// The handle is stale: the dialog is over.
    #[error("the dialog is over")]
    Stale,
    /// A request is older than one that came before: answer 500 (RFC 3261 section 12.2.2).
    #[error("CSeq is lower than that of an earlier request")]
    OutOfOrder,
    /// [`LimitKind::Forks`] or [`LimitKind::Routes`].
    #[error("the limit of {0} is reached")]
    Limit(LimitKind),
    /// The Contact of a request is not exactly one SIP or SIPS URI (RFC 3261 section 8.1.1.8).
    #[error("the Contact is not exactly one SIP or SIPS URI")]
    Target,
    /// A header field that makes a dialog is missing or cannot be read.
    #[error("a header field of the dialog is missing or cannot be read: {0}")]
    Malformed(#[from] ParseError),
}
