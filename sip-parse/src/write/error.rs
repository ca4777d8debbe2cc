//! Why a message cannot be built.

use core::fmt;

use crate::name::HeaderId;

/// Why a message cannot be built.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// CR, LF, NUL or another control where none may be.
    Control,
    /// A header field that every such message needs is absent (RFC 3261 section 8.1.1).
    Missing,
    /// A header field of one value that occurs again (RFC 3261 section 7.3.1).
    Repeated,
    /// A header name that is no token.
    Name,
    /// A method that is no token, or differs from that of CSeq.
    Method,
    /// A malformed Request-URI or URI.
    Uri,
    /// A malformed value.
    Value,
    /// A head over 65,535 bytes, a body over 2^32 - 1 bytes or over 65,535 header fields.
    TooLarge,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            BuildErrorKind::Control => "control character",
            BuildErrorKind::Missing => "missing",
            BuildErrorKind::Repeated => "occurs more than once",
            BuildErrorKind::Name => "malformed header name",
            BuildErrorKind::Method => "malformed or differing method",
            BuildErrorKind::Uri => "malformed URI",
            BuildErrorKind::Value => "malformed value",
            BuildErrorKind::TooLarge => "too large",
        };
        match self.header {
            Some(header) => write!(f, "{header} at byte {}: {what}", self.offset),
            None => write!(f, "at byte {}: {what}", self.offset),
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
