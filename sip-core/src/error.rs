//! What a host or an application did that cannot be carried out. What peers do wrong is counted,
//! logged and answered, never returned here.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use crate::auth::UsernameError;
use crate::config::{ConfigErrors, Unsupported};
use crate::connection::PolicyError;
use crate::header::ExtraHeaderError;
use crate::transaction::SendError;

/// The longest jump of the clock that is believed without being vouched for.
pub(crate) const LONGEST_JUMP: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The queue of actions is full: poll them first. Nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backpressure;

impl fmt::Display for Backpressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue of actions is full: poll them before the next input")
    }
}

impl core::error::Error for Backpressure {}

/// The clock jumped by more than seven days. Nothing has changed; a host that knows the time to be
/// right says [`UserAgent::resume`](crate::UserAgent::resume).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockJump {
    /// By how much.
    pub by: Duration,
}

impl fmt::Display for ClockJump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the clock jumped by {} days", self.by.as_secs() / 86_400)
    }
}

impl core::error::Error for ClockJump {}

/// The call, request or answer is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StaleHandle;

impl fmt::Display for StaleHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handle is stale: what it named is over")
    }
}

impl core::error::Error for StaleHandle {}

/// A [`UserAgent`](crate::UserAgent) cannot be made.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum StartError {
    /// What the configuration asks for is not to be had, parameter by parameter.
    Unsupported(Box<[Unsupported]>),
    /// The connection policy cannot be carried out.
    Policy(PolicyError),
    /// The authorization user holds a control character.
    Username(UsernameError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(missing) => {
                for (index, parameter) in missing.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    write!(f, "{separator}{parameter}")?;
                }
                Ok(())
            }
            Self::Policy(error) => error.fmt(f),
            Self::Username(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StartError {}

/// Why a command was not carried out. Nothing has changed.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// The queue of actions is full.
    Backpressure,
    /// There is no open connection.
    NotConnected,
    /// The user agent is not started, or is being stopped.
    NotRunning,
    /// It is running already.
    Running,
    /// The handle is stale.
    Stale,
    /// The command does not fit the state, and what would.
    WrongState(&'static str),
    /// The description comes too late: its offer/answer exchange is over, or another one is open
    /// ([`Event::ExchangeEnded`](crate::Event::ExchangeEnded) said so).
    ExchangeOver,
    /// The target is no URI that can be called, and why.
    Target(sip_parse::ParseError),
    /// The target is a SIPS URI and the connection is not secure (RFC 3261 section 26.2.2), or its
    /// scheme is neither SIP nor SIPS.
    TargetScheme,
    /// A header value that cannot be sent.
    Header(ExtraHeaderError),
    /// The change of the configuration is refused, parameter by parameter.
    Config(ConfigErrors),
    /// A named limit of [`Limits`](crate::Limits).
    Limit(&'static str),
    /// The request cannot be written or sent.
    Send(SendError),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backpressure => Backpressure.fmt(f),
            Self::NotConnected => f.write_str("there is no open connection"),
            Self::NotRunning => f.write_str("the user agent is not running"),
            Self::Running => f.write_str("the user agent is running already"),
            Self::Stale => StaleHandle.fmt(f),
            Self::WrongState(expected) => write!(f, "not now: {expected}"),
            Self::ExchangeOver => f.write_str("the offer/answer exchange is over"),
            Self::Target(error) => write!(f, "the target is no SIP URI: {error}"),
            Self::TargetScheme => {
                f.write_str("the target is neither sip: nor, over a secure connection, sips:")
            }
            Self::Header(error) => error.fmt(f),
            Self::Config(errors) => errors.fmt(f),
            Self::Limit(name) => write!(f, "the limit of {name} is reached"),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for CommandError {}

impl From<SendError> for CommandError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NotConnected => Self::NotConnected,
            SendError::Stale => Self::Stale,
            SendError::Insecure => Self::TargetScheme,
            SendError::TooManyTransactions => Self::Limit("client transactions"),
            other => Self::Send(other),
        }
    }
}

impl From<StaleHandle> for CommandError {
    fn from(_: StaleHandle) -> Self {
        Self::Stale
    }
}

impl From<Backpressure> for CommandError {
    fn from(_: Backpressure) -> Self {
        Self::Backpressure
    }
}
