//! Why a dialog cannot be made or used.

use core::fmt;

use sip_parse::ParseError;

/// Why a dialog cannot be made or used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DialogError {
    /// The handle is stale: the dialog is over.
    Stale,
    /// A request is older than one that came before: answer 500 (RFC 3261 section 12.2.2).
    OutOfOrder,
    /// A limit of forks or routes.
    Limit(&'static str),
    /// A header field that makes a dialog is missing or cannot be read.
    Malformed(ParseError),
}

impl fmt::Display for DialogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => f.write_str("the dialog is over"),
            Self::OutOfOrder => f.write_str("CSeq is lower than that of an earlier request"),
            Self::Limit(name) => write!(f, "the limit of {name} is reached"),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for DialogError {}

impl From<ParseError> for DialogError {
    fn from(error: ParseError) -> Self {
        Self::Malformed(error)
    }
}
