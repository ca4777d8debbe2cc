//! Outcomes of a command: exit codes and their sentences.

use std::fmt;
use std::process::ExitCode;

/// Why a command failed. Each kind has its exit code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// 1: the peer or the server refused.
    Outcome(String),
    /// 2: the command line or the configuration is wrong.
    Usage(String),
    /// 3: no connection to any server.
    NoConnection(String),
}

impl Failure {
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Outcome(_) => 1,
            Self::Usage(_) => 2,
            Self::NoConnection(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcome(text) | Self::Usage(text) | Self::NoConnection(text) => f.write_str(text),
        }
    }
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        Self::from(failure.code())
    }
}
