//! Partial notifications: the version rule that dialog-info and reginfo share (RFC 4235 section 4.3, RFC 3680 section 5.2).

use super::error::PackageError;
use super::xml::Element;

/// Whether a document has the whole state or what has changed since the document before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DocumentState {
    /// The whole state.
    #[default]
    Full,
    /// What has changed.
    Partial,
}

impl DocumentState {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let mut both = [Self::Full, Self::Partial].into_iter();
        both.find(|state| name.eq_ignore_ascii_case(state.name()))
    }
}

/// What became of a document that came after the known one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UpdateOutcome {
    /// It is the known state now, or changed it.
    Applied,
    /// It is no newer than the known state, so that it changed nothing: NOTIFYs crossed on their way.
    Outdated,
}

/// Why a document cannot be applied to the known state, which is as before then.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// At least one partial document in between is lost. The application refreshes the subscription, because the notifier answers
    /// with the whole state.
    #[error(
        "version {received} does not follow version {known}: a refresh of the subscription brings the whole state"
    )]
    Gap {
        /// The version of the known state.
        known: u32,
        /// The version of the document.
        received: u32,
    },
    /// The document is about another resource.
    #[error("the document is about another resource")]
    OtherEntity,
    /// The state would have more entries than the helper keeps.
    #[error("the state would have more than {limit} {what}")]
    TooMany {
        /// The entries, in the plural.
        what: &'static str,
        /// How many the helper keeps.
        limit: usize,
    },
}

/// What to do with a document of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It takes the place of the known state.
    Replace,
    /// Its entries take the places of the known ones.
    Merge,
    /// It is old.
    Ignore,
}

/// The version rule: a document that is no newer is ignored, a full one replaces, a partial one has to be the next.
pub(super) fn step(known: u32, received: u32, state: DocumentState) -> Result<Step, UpdateError> {
    match state {
        _ if received <= known => Ok(Step::Ignore),
        DocumentState::Full => Ok(Step::Replace),
        DocumentState::Partial if received - known == 1 => Ok(Step::Merge),
        DocumentState::Partial => Err(UpdateError::Gap { known, received }),
    }
}

/// The version and the state in the root element of a document that may be partial.
pub(super) fn header(root: Element<'_>) -> Result<(u32, DocumentState), PackageError> {
    let version = root.required("version", "version")?;
    let version = version.parse().map_err(|_| root.malformed("version"))?;
    let state = root.required("state", "state")?;
    let state = DocumentState::named(state).ok_or_else(|| root.malformed("state"))?;
    Ok((version, state))
}
