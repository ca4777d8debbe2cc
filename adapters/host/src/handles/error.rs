//! Why something that a handle asked for did not come about.

use core::error::Error;
use core::fmt;

use sip_core::{CommandError, EndReason, StaleHandle, TransferOutcome};

use crate::command::CommandFailure;
use crate::failure::ConnectFailure;

/// Why there is no connection.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum NotConnected {
    /// An attempt to open one failed. The agent tries again by itself.
    Failed(ConnectFailure),
    /// The agent is not started, or has been stopped.
    Stopped,
    /// A connector or a description handler asked on the thread that drives the agent, or on one for which that thread waits. Only
    /// `sip-blocking` returns it.
    OwnThread,
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Stopped => f.write_str("no connection: the user agent is not running"),
            Self::OwnThread => CommandFailure::OwnThread.fmt(f),
        }
    }
}

impl Error for NotConnected {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Stopped | Self::OwnThread => None,
        }
    }
}

/// Why the agent is not registered, and will not be unless the application does something.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The registrar has rejected the password, or there is none.
    Refused(EndReason),
    /// The application does not want it: the configuration has `register` off, or the application has called `unregister`.
    NotWanted,
    /// The agent is not started, or has been stopped.
    Stopped,
    /// A connector or a description handler asked on the thread that drives the agent, or on one for which that thread waits. Only
    /// `sip-blocking` returns it.
    OwnThread,
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "not registered: {reason}"),
            Self::NotWanted => f.write_str("not registered: the application does not want it"),
            Self::Stopped => f.write_str("not registered: the user agent is not running"),
            Self::OwnThread => CommandFailure::OwnThread.fmt(f),
        }
    }
}

impl Error for RegistrationError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(reason) => Some(reason),
            Self::NotWanted | Self::Stopped | Self::OwnThread => None,
        }
    }
}

/// Why a call, a request or a change of a call did not come about.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum CallError {
    /// There is no connection, and the attempt to open one failed.
    NotConnected(NotConnected),
    /// The core refuses the command, such as for a target that is no URI; nothing has changed.
    Refused(CommandError),
    /// The call has ended.
    Ended(EndReason),
    /// The peer refused the change; the call goes on as before.
    Rejected(EndReason),
    /// The transfer did not succeed; the call goes on.
    Transfer(TransferOutcome),
    /// The agent has ended.
    Gone,
    /// A connector or a description handler asked on the thread that drives the agent. Only `sip-blocking` returns it.
    OwnThread,
    /// A connector or a description handler asked, while one of the agent's thread waits for an agent of the thread that asked.
    /// Only `sip-blocking` returns it.
    Deadlock,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(error) => error.fmt(f),
            Self::Refused(error) => error.fmt(f),
            Self::Ended(reason) => write!(f, "the call has ended: {reason}"),
            Self::Rejected(reason) => write!(f, "the peer did not accept it: {reason}"),
            Self::Transfer(outcome) => outcome.fmt(f),
            Self::Gone => CommandFailure::Gone.fmt(f),
            Self::OwnThread => CommandFailure::OwnThread.fmt(f),
            Self::Deadlock => CommandFailure::Deadlock.fmt(f),
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotConnected(error) => Some(error),
            Self::Refused(error) => Some(error),
            Self::Ended(reason) | Self::Rejected(reason) => Some(reason),
            Self::Transfer(TransferOutcome::Refused(reason)) => Some(&**reason),
            Self::Transfer(_) | Self::Gone | Self::OwnThread | Self::Deadlock => None,
        }
    }
}

impl From<CommandFailure> for CallError {
    fn from(failure: CommandFailure) -> Self {
        match failure {
            CommandFailure::Refused(error) => Self::Refused(error),
            CommandFailure::OwnThread => Self::OwnThread,
            CommandFailure::Deadlock => Self::Deadlock,
            CommandFailure::Gone => Self::Gone,
        }
    }
}

impl From<CommandError> for CallError {
    fn from(error: CommandError) -> Self {
        Self::Refused(error)
    }
}

impl From<StaleHandle> for CallError {
    fn from(stale: StaleHandle) -> Self {
        Self::Refused(stale.into())
    }
}

impl From<NotConnected> for CallError {
    fn from(error: NotConnected) -> Self {
        Self::NotConnected(error)
    }
}
