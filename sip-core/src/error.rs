//! Errors of hosts and applications. The core counts, logs and answers the errors of peers; it never returns
//! them here.
//!
//! `Display` of an error is one line that says all, with the error that it wraps; `source` returns the wrapped error, for a
//! program that looks for its type.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use sip_parse::HeaderName;

use crate::auth::UsernameError;
use crate::config::{ConfigErrors, Unsupported};
use crate::connection::PolicyError;
use crate::dtmf::TonesError;
use crate::header::ExtraHeaderError;
use crate::limits::LimitKind;
use crate::requirement::Requirement;
use crate::transaction::SendError;

/// The longest jump of the clock that [`UserAgent::tick`](crate::UserAgent::tick) accepts.
pub(crate) const LONGEST_JUMP: Duration = Duration::from_secs(7 * 24 * 3_600);

pub use crate::limits::Backpressure;

/// The clock jumped by more than seven days. The core is unchanged; a host that has checked its clock calls
/// [`UserAgent::resume`](crate::UserAgent::resume).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockJump {
    /// The length of the jump.
    pub by: Duration,
}

impl fmt::Display for ClockJump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the clock jumped by {} days", self.by.as_secs() / 86_400)
    }
}

impl core::error::Error for ClockJump {}

/// The handle is stale: its call, request, challenge or agent no longer exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StaleHandle;

impl fmt::Display for StaleHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handle is stale: the object that it names is gone")
    }
}

impl core::error::Error for StaleHandle {}

/// What a status requires of a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RefusalPart {
    /// This header field.
    Header(HeaderName<'static>),
    /// A body: the alternatives of a 380 (RFC 3261 section 21.3.5).
    Body,
}

impl fmt::Display for RefusalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => name.fmt(f),
            Self::Body => f.write_str("a body"),
        }
    }
}

/// Why a status cannot refuse a call or request as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RefusalError {
    /// The number is not one of 300 to 699, or for a redirection of 300 to 399.
    Range(u16),
    /// The status requires a header field, or a body, that is missing: without it the peer cannot act on the response.
    Incomplete {
        /// The status.
        status: u16,
        /// What is missing.
        needs: RefusalPart,
    },
}

impl fmt::Display for RefusalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(number) => {
                write!(f, "{number} is no status that refuses: 300 to 699 are")
            }
            Self::Incomplete { status, needs } => write!(f, "{status} requires {needs}"),
        }
    }
}

impl core::error::Error for RefusalError {}

/// The reason why a [`UserAgent`](crate::UserAgent) cannot be made.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration enables features that are not implemented: one entry for each parameter.
    Unsupported(Box<[Unsupported]>),
    /// The servers and intervals do not form a valid connection policy.
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

impl core::error::Error for StartError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Unsupported(missing) => missing.first().map(|first| first as _),
            Self::Policy(error) => Some(error),
            Self::Username(error) => Some(error),
        }
    }
}

/// The reason why the core rejected a command. The core is unchanged.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// The queue of actions is full.
    Backpressure,
    /// There is no open connection.
    NotConnected,
    /// The user agent is not started, or is being stopped.
    NotRunning,
    /// The user agent is running already.
    Running,
    /// The handle is stale.
    Stale,
    /// The command does not fit the state; [`Requirement`] says which one it fits.
    WrongState(Requirement),
    /// The description is late: its offer/answer exchange is over, or another one is open
    /// ([`Event::ExchangeEnded`](crate::Event::ExchangeEnded) has reported the end).
    ExchangeOver,
    /// The target is not a valid URI.
    Target(sip_parse::ParseError),
    /// The target is a SIPS URI and the connection is not secure (RFC 3261 section 26.2.2), or its
    /// scheme is neither SIP nor SIPS.
    TargetScheme,
    /// A header field is not valid.
    Header(ExtraHeaderError),
    /// The status lacks what it requires.
    Refusal(RefusalError),
    /// The tones are not valid.
    Tones(TonesError),
    /// The authorization user of the configuration holds a control character.
    Username(UsernameError),
    /// The event package, or its id, is no token (RFC 6665 section 8.4).
    EventPackage,
    /// The peer has not listed the info package in Recv-Info (RFC 6086 section 4.2.1).
    InfoPackage,
    /// The change of the configuration is not valid: one entry for each parameter.
    Config(ConfigErrors),
    /// A limit of [`Limits`](crate::Limits) is reached.
    Limit(LimitKind),
    /// The MESSAGE has this many bytes, more than the 1,300 that may go out outside a dialog on a connection that does not control
    /// congestion, such as UDP (RFC 3428 section 8).
    LargeMessage(usize),
    /// The request could not be built or sent.
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
            Self::WrongState(requirement) => write!(f, "not now: {requirement}"),
            Self::ExchangeOver => f.write_str("the offer/answer exchange is over"),
            Self::Target(error) => write!(f, "the target is no SIP URI: {error}"),
            Self::TargetScheme => {
                f.write_str("the target is neither sip: nor, over a secure connection, sips:")
            }
            Self::Header(error) => error.fmt(f),
            Self::Refusal(error) => error.fmt(f),
            Self::Tones(error) => error.fmt(f),
            Self::Username(error) => error.fmt(f),
            Self::EventPackage => f.write_str("the event package or its id is no token"),
            Self::InfoPackage => f.write_str("the peer does not take this info package"),
            Self::Config(errors) => errors.fmt(f),
            Self::Limit(name) => write!(f, "the limit of {name} is reached"),
            Self::LargeMessage(size) => write!(
                f,
                "a MESSAGE of {size} bytes needs a connection that controls congestion"
            ),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for CommandError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Backpressure => Some(&Backpressure),
            Self::Stale => Some(&StaleHandle),
            Self::Target(error) => Some(error),
            Self::Header(error) => Some(error),
            Self::Refusal(error) => Some(error),
            Self::Tones(error) => Some(error),
            Self::Username(error) => Some(error),
            Self::WrongState(requirement) => Some(requirement),
            Self::Config(errors) => Some(errors),
            Self::Send(error) => Some(error),
            Self::NotConnected
            | Self::NotRunning
            | Self::Running
            | Self::ExchangeOver
            | Self::TargetScheme
            | Self::EventPackage
            | Self::InfoPackage
            | Self::Limit(_)
            | Self::LargeMessage(_) => None,
        }
    }
}

impl From<SendError> for CommandError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NotConnected => Self::NotConnected,
            SendError::Stale => Self::Stale,
            SendError::Insecure => Self::TargetScheme,
            SendError::TooManyTransactions => Self::Limit(LimitKind::ClientTransactions),
            SendError::LargeMessage(size) => Self::LargeMessage(size),
            other => Self::Send(other),
        }
    }
}

impl From<RefusalError> for CommandError {
    fn from(error: RefusalError) -> Self {
        Self::Refusal(error)
    }
}

impl From<TonesError> for CommandError {
    fn from(error: TonesError) -> Self {
        Self::Tones(error)
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
