//! Actions of the edge, and its events.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sip_core::ConnectionId;
use sip_parse::StatusCode;

/// An action for the host. The host carries them out in the order in which it polls them.
#[derive(Debug)]
pub enum EdgeAction {
    /// Send these bytes as one message.
    Transmit {
        /// The destination.
        connection: ConnectionId,
        /// The message: text if it is valid UTF-8, else binary (RFC 7118 section 5).
        bytes: Bytes,
    },
    /// Close this connection. The edge has removed it already and expects no report.
    Disconnect {
        /// The connection.
        connection: ConnectionId,
        /// The reason.
        reason: CutReason,
    },
    /// An event for an observer.
    Event(EdgeEvent),
}

/// Why the edge closes a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CutReason {
    /// A call of [`Edge::cut`](crate::Edge::cut).
    Requested,
    /// The fault [`Faults::kill_ws_after_answer`](crate::Faults::kill_ws_after_answer).
    Fault,
}

/// An event for an observer of the edge.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EdgeEvent {
    /// A binding was made or refreshed (RFC 3261 section 10.3).
    Registered {
        /// The user.
        user: String,
        /// The Contact URI.
        contact: String,
        /// The connection that reaches it.
        connection: ConnectionId,
        /// The address at the other end of the connection, if the host knows it.
        remote: Option<SocketAddr>,
        /// How long it lasts from now on.
        expires: Duration,
        /// Whether it existed before.
        refreshed: bool,
    },
    /// A binding was removed.
    Unregistered {
        /// The user.
        user: String,
        /// The Contact URI.
        contact: String,
        /// The reason.
        reason: RemovalReason,
    },
    /// A REGISTER was refused. A challenge is no refusal, but the answer to wrong credentials is one.
    RegistrationRefused {
        /// The To URI.
        user: String,
        /// The connection that it came on.
        connection: ConnectionId,
        /// The address at the other end of the connection, if the host knows it.
        remote: Option<SocketAddr>,
        /// The status of the response; 401 for a wrong password.
        status: StatusCode,
    },
    /// An INVITE outside any dialog arrived, and its sender needs no further proof.
    CallStarted {
        /// The number of the call, counted from 1.
        call: u64,
        /// The From URI.
        from: String,
        /// The To URI.
        to: String,
    },
    /// The first 180 was forwarded.
    CallRinging {
        /// The number of the call.
        call: u64,
    },
    /// The first 2xx to an INVITE outside any dialog was forwarded.
    CallAnswered {
        /// The number of the call.
        call: u64,
        /// The From URI.
        from: String,
        /// The To URI.
        to: String,
        /// The time since the INVITE.
        after: Duration,
    },
    /// A call ended before it was answered.
    CallFailed {
        /// The number of the call.
        call: u64,
        /// The reason.
        reason: CallFailure,
        /// The time since the INVITE.
        after: Duration,
    },
    /// A BYE was answered 2xx.
    CallEnded {
        /// The number of the call; `None` if the edge has forgotten it, because more calls than
        /// [`EdgeLimits::calls`](crate::EdgeLimits::calls) were up.
        call: Option<u64>,
        /// The From URI of the BYE: the side that hung up.
        by: String,
        /// The time since the 2xx to the INVITE; `None` without a number.
        duration: Option<Duration>,
    },
    /// The connections of both sides of a call are gone, and no BYE came.
    CallLost {
        /// The number of the call.
        call: u64,
        /// The time since the 2xx to the INVITE.
        duration: Duration,
    },
    /// A MESSAGE was answered 2xx.
    MessageDelivered {
        /// The From URI.
        from: String,
        /// The To URI.
        to: String,
    },
    /// A MESSAGE to a user that is registered nowhere is stored, and was answered 202.
    MessageStored {
        /// The From URI.
        from: String,
        /// The To URI.
        to: String,
    },
    /// A MESSAGE was refused, by its user or by the edge, or got no response.
    MessageFailed {
        /// The From URI.
        from: String,
        /// The To URI.
        to: String,
        /// The status of the response.
        status: StatusCode,
    },
    /// A user has subscribed to the state of another one, or of its own (RFC 6665 section 4.2.1). Refreshes are left out.
    Subscribed {
        /// The user that watches.
        subscriber: String,
        /// The user that is watched.
        user: String,
        /// What of it is watched.
        package: EventPackage,
    },
    /// A subscription is over.
    Unsubscribed {
        /// The user that has watched.
        subscriber: String,
        /// The user that was watched.
        user: String,
        /// What of it was watched.
        package: EventPackage,
    },
    /// A user has published, refreshed, modified or removed its presence (RFC 3903), or a publication has expired.
    Published {
        /// The user.
        user: String,
        /// The number of its publications now.
        publications: usize,
    },
}

/// The event packages that the edge serves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventPackage {
    /// Whether a user can be reached, and what it has published (RFC 3856, RFC 3863). Every user may watch it.
    Presence,
    /// The messages that wait for a user (RFC 3842), which only the user itself may watch.
    MessageSummary,
    /// The bindings of a user (RFC 3680), which only the user itself may watch.
    Reg,
}

impl EventPackage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Presence, Self::MessageSummary, Self::Reg];

    /// The name in Event (RFC 6665 section 8.2.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::MessageSummary => "message-summary",
            Self::Reg => "reg",
        }
    }

    /// The media type of its documents.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Presence => "application/pidf+xml",
            Self::MessageSummary => "application/simple-message-summary",
            Self::Reg => "application/reginfo+xml",
        }
    }

    /// The package of this name, which compares with case (RFC 6665 section 8.2.1).
    pub(crate) fn read(name: &[u8]) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|package| package.as_str().as_bytes() == name)
    }
}

/// Why a call ended before it was answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallFailure {
    /// The final response that the caller got; 487 if it cancelled the call, 408 if the callee never answered.
    Status(StatusCode),
    /// The connection of the caller is lost, so that it got no response.
    CallerLost,
}

/// Why a binding was removed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RemovalReason {
    /// Its user removed it.
    Requested,
    /// It has expired.
    Expired,
    /// The connection that reached it is closed (RFC 5626 section 4.2: the flow is the binding).
    ConnectionLost,
}

/// One line for people.
impl fmt::Display for EdgeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered {
                user,
                remote,
                expires,
                refreshed,
                ..
            } => {
                let verb = if *refreshed {
                    "refreshed"
                } else {
                    "registered"
                };
                let seconds = expires.as_secs();
                write!(f, "{user} {verb} from {} for {seconds} s", Remote(*remote))
            }
            Self::Unregistered { user, reason, .. } => {
                write!(f, "{user} unregistered: {reason}")
            }
            Self::RegistrationRefused {
                user,
                remote,
                status,
                ..
            } => {
                let remote = Remote(*remote);
                write!(f, "registration of {user} from {remote} refused: ")?;
                match *status {
                    StatusCode::UNAUTHORIZED => f.write_str("401 wrong password"),
                    status => status.fmt(f),
                }
            }
            Self::CallStarted { call, from, to } => write!(f, "call {call}: {from} calls {to}"),
            Self::CallRinging { call } => write!(f, "call {call}: rings"),
            Self::CallAnswered { call, after, .. } => {
                write!(f, "call {call}: answered after {}", Seconds(*after))
            }
            Self::CallFailed {
                call,
                reason,
                after,
            } => write!(f, "call {call}: {reason} after {}", Seconds(*after)),
            Self::CallEnded { call, by, duration } => {
                match call {
                    Some(call) => write!(f, "call {call}: ")?,
                    None => f.write_str("a call: ")?,
                }
                write!(f, "ended by {by}")?;
                match duration {
                    Some(duration) => write!(f, ", lasted {}", Seconds(*duration)),
                    None => Ok(()),
                }
            }
            Self::CallLost { call, duration } => {
                let lasted = Seconds(*duration);
                write!(f, "call {call}: both connections lost, lasted {lasted}")
            }
            Self::MessageDelivered { from, to } => {
                write!(f, "message from {from} to {to}: delivered")
            }
            Self::MessageStored { from, to } => {
                write!(
                    f,
                    "message from {from} to {to}: stored until {to} registers"
                )
            }
            Self::MessageFailed { from, to, status } => {
                write!(f, "message from {from} to {to}: {status}")
            }
            Self::Subscribed {
                subscriber,
                user,
                package,
            } => write!(
                f,
                "{subscriber} subscribed to {} of {user}",
                package.as_str()
            ),
            Self::Unsubscribed {
                subscriber,
                user,
                package,
            } => {
                let package = package.as_str();
                write!(
                    f,
                    "the subscription of {subscriber} to {package} of {user} ended"
                )
            }
            Self::Published { user, publications } => {
                write!(f, "{user} published, has {publications} publications")
            }
        }
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(StatusCode::REQUEST_TERMINATED) => f.write_str("cancelled by the caller"),
            Self::Status(status) => status.fmt(f),
            Self::CallerLost => f.write_str("the connection of the caller is lost"),
        }
    }
}

impl fmt::Display for RemovalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "as requested",
            Self::Expired => "expired",
            Self::ConnectionLost => "connection lost",
        })
    }
}

/// An address, if it is known.
struct Remote(Option<SocketAddr>);

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(remote) => remote.fmt(f),
            None => f.write_str("an unknown address"),
        }
    }
}

/// A duration to a tenth of a second.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}
