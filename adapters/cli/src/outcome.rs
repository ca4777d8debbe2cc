//! Outcomes of a command: exit codes and their sentences.

use std::process::ExitCode;

/// Why a command failed. Each kind has its exit code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// 1: the peer or the server refused.
    #[error("{0}")]
    Outcome(String),
    /// 1: Ctrl-C came twice, so the command ended without waiting for the peers.
    #[error("{0}")]
    Interrupted(String),
    /// 2: the command line or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// 3: no connection to any server.
    #[error("{0}")]
    NoConnection(String),
    /// 4: the server does not accept the password, or asks for one and there is none.
    #[error("{0}")]
    Password(String),
}

impl Failure {
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Outcome(_) | Self::Interrupted(_) => 1,
            Self::Usage(_) => 2,
            Self::NoConnection(_) => 3,
            Self::Password(_) => 4,
        }
    }
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        Self::from(failure.code())
    }
}
