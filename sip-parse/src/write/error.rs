//! The fault for which a builder rejects a message.

use core::fmt;

use thiserror::Error;

use crate::name::HeaderId;

/// The fault for which a builder rejects a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// What is wrong.
    pub kind: BuildErrorKind,
    /// The header field; `None` for the start line and sizes.
    pub header: Option<HeaderId>,
    /// Byte offset in the offending value.
    pub offset: u32,
}

/// The kinds of [`BuildError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// CR, LF, NUL or another control that the grammar does not allow here.
    #[error("control character")]
    Control,
    /// A mandatory header field is absent (RFC 3261 section 8.1.1).
    #[error("missing")]
    Missing,
    /// A header field that may occur only once is repeated (RFC 3261 section 7.3.1).
    #[error("occurs more than once")]
    Repeated,
    /// A header name that is no token.
    #[error("malformed header name")]
    Name,
    /// A method that is no token, or differs from that of CSeq.
    #[error("malformed or differing method")]
    Method,
    /// A malformed Request-URI or URI.
    #[error("malformed URI")]
    Uri,
    /// A malformed value.
    #[error("malformed value")]
    Value,
    /// A head over 65,535 bytes, a body over 2^32 - 1 bytes or over 65,535 header fields.
    #[error("too large")]
    TooLarge,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.header {
            Some(header) => write!(f, "{header} at byte {}: {}", self.offset, self.kind),
            None => write!(f, "at byte {}: {}", self.offset, self.kind),
        }
    }
}

impl core::error::Error for BuildError {}

pub(super) fn refuse<T>(
    kind: BuildErrorKind,
    header: Option<HeaderId>,
    offset: usize,
) -> Result<T, BuildError> {
    Err(BuildError {
        kind,
        header,
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
    })
}
