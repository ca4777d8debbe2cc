//! Log and trace records: plain data that an adapter formats.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::{self, Write};
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{HeaderName, Limits, Message, Method, Scheme, StatusCode, Uri};

use crate::auth::ChallengeError;
use crate::config::LogLevel;
use crate::connection::{ConnectError, DisconnectReason};
use crate::ids::{ConnectionId, RequestId, SessionId};
use crate::reason::{Cause, EndReason};
use crate::transaction::TransactionError;

/// A log record: plain data, formatted by its `Display` only on demand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRecord {
    /// The severity.
    pub level: LogLevel,
    /// `sip.ua`, `sip.transport`, `sip.transaction`, `sip.dialog`, `sip.registration`, `sip.session`.
    pub category: &'static str,
    /// The transaction, request, session or connection, as its handle's `to_bits`, or the reg-id of a flow; 0
    /// for the agent as a whole, and always 0 unless `log.level` is `debug`.
    pub label: u64,
    /// The content.
    pub content: LogContent,
}

/// One line: level, category, label and content. A label is left out if it is 0, and printed as its handle prints.
impl fmt::Display for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.level, self.category)?;
        match (self.label as u32, self.label >> 32) {
            (0, 0) => {}
            (number, 0) => write!(f, " {number}")?,
            (slot, generation) => write!(f, " {slot}.{generation}")?,
        }
        write!(f, ": {}", self.content)
    }
}

/// The content of a log record. Servers are named by their index in
/// [`Config::servers`](crate::config::Config::servers), from 0.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LogContent {
    /// A fixed sentence.
    Text(&'static str),
    /// Bytes that are not an acceptable SIP message, with the fault.
    Malformed(sip_parse::ParseError),
    /// The core itself sent a provisional or final response, with the cause.
    Answered(StatusCode, &'static str),
    /// The core ignored a message, with the cause.
    Ignored(&'static str),
    /// The core did not answer a challenge, with the cause: the 401 or 407 is final.
    NotAuthorized(ChallengeError),
    /// A connection is being opened.
    Connecting {
        /// The server.
        server: usize,
        /// 1 for the first attempt since the server last worked.
        attempt: u32,
    },
    /// A connection is open.
    Connected {
        /// The server.
        server: usize,
    },
    /// A connection could not be opened.
    ConnectFailed {
        /// The server.
        server: usize,
        /// The cause.
        error: ConnectError,
    },
    /// An open connection is lost or closed.
    Disconnected {
        /// The server.
        server: usize,
        /// The cause.
        reason: DisconnectReason,
    },
    /// The core opens the next connection after this time.
    ReconnectScheduled {
        /// The wait.
        after: Duration,
        /// The number of failed attempts in a row.
        failed: u32,
    },
    /// The registrar accepted the binding.
    Registered {
        /// The reg-id of the flow (RFC 5626 section 4.2).
        reg_id: u8,
        /// The duration of the binding.
        expires: Duration,
        /// Whether this refreshes an earlier binding.
        refreshed: bool,
    },
    /// A REGISTER failed.
    RegistrationFailed {
        /// The cause.
        reason: Box<EndReason>,
        /// The wait until the next attempt; `None` if there is none.
        retry_after: Option<Duration>,
    },
    /// The binding is gone.
    Unregistered(Box<EndReason>),
    /// An offer/answer exchange ended without a new session.
    ExchangeFailed(Box<EndReason>),
    /// The peer of a call does not take the route to this side.
    RepairFailed {
        /// The cause.
        reason: Box<EndReason>,
        /// The wait until the next attempt on this connection; `None` if there is none.
        retry_after: Option<Duration>,
    },
    /// An early dialog of a call is over.
    EarlyDialogEnded(Box<EndReason>),
    /// A PRACK failed.
    PrackFailed(Box<EndReason>),
    /// This side calls a peer.
    Calling {
        /// The call.
        session: SessionId,
        /// The target, and the Call-ID.
        parties: Box<CallParties>,
    },
    /// A peer calls: the address of its From, and the Call-ID.
    CalledBy(Box<CallParties>),
    /// The application sends a request.
    Requesting {
        /// The request.
        request: RequestId,
        /// Its method and its target.
        line: Box<RequestLine>,
    },
    /// A call is over.
    CallEnded(Box<EndReason>),
    /// A request ended without a response.
    RequestFailed(Box<EndReason>),
    /// A request with this method, at the start of its transaction.
    Request(Direction, &'static str),
    /// A response of a peer.
    Response(StatusCode),
    /// This side answers a request, or the core does.
    Responded(StatusCode),
    /// A transaction ended without a final response, or without the ACK to one.
    TransactionFailed(TransactionError),
    /// The agent has stopped.
    Stopped {
        /// The number of calls, registrations and requests that the end of the grace period cut short.
        unfinished: u32,
    },
}

/// Whom a call is with, in a [`LogContent`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CallParties {
    /// The peer.
    pub peer: AddressText,
    /// The Call-ID.
    pub call_id: Box<str>,
}

impl CallParties {
    pub(crate) fn of(peer: AddressText, call_id: impl Into<Box<str>>) -> Box<Self> {
        let call_id = call_id.into();
        Box::new(Self { peer, call_id })
    }
}

/// A request of the application, in a [`LogContent`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RequestLine {
    /// The method.
    pub method: Cow<'static, str>,
    /// The target; `None` for the peer of a call.
    pub target: Option<AddressText>,
}

impl RequestLine {
    pub(crate) fn of(method: Cow<'static, str>, target: Option<AddressText>) -> Box<Self> {
        Box::new(Self { method, target })
    }
}

/// Scheme, user, host and port of a URI, without its password, parameters and header fields. Empty for a URI that cannot be
/// read.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct AddressText(Box<str>);

impl AddressText {
    /// The text of a URI, in one allocation.
    pub(crate) fn of(uri: &Uri<'_>) -> Self {
        let (scheme, is_sip) = match uri.scheme() {
            Scheme::Sip => (&b"sip"[..], true),
            Scheme::Sips => (&b"sips"[..], true),
            // Of a URI of another scheme only the scheme is known to have no secret.
            Scheme::Tel => (&b"tel"[..], false),
            Scheme::Other(scheme) => (scheme, false),
        };
        let (user, host) = match is_sip {
            true => (uri.user(), uri.host_bytes()),
            false => (None, &b""[..]),
        };
        let port = uri.port().filter(|_| is_sip);
        let digits = |port: u16| 1 + port.checked_ilog10().map_or(1, |log| log as usize + 1);
        let length = scheme.len() + 1 + user.map_or(0, |user| user.len() + 1) + host.len();
        let mut text = String::with_capacity(length + port.map_or(0, digits));
        text.push_str(&String::from_utf8_lossy(scheme));
        text.push(':');
        if let Some(user) = user {
            text.push_str(&String::from_utf8_lossy(user));
            text.push('@');
        }
        text.push_str(&String::from_utf8_lossy(host));
        if let Some(port) = port {
            // A String takes everything.
            let _never = write!(text, ":{port}");
        }
        Self(text.into())
    }
}

impl AsRef<str> for AddressText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl LogContent {
    /// A request that arrived.
    pub(crate) fn received(request: &[u8]) -> Self {
        Self::Request(Direction::Received, method(request))
    }

    /// A request that was sent.
    pub(crate) fn sent(request: &[u8]) -> Self {
        Self::Request(Direction::Sent, method(request))
    }
}

/// The method of a request, without a copy of its bytes.
fn method(request: &[u8]) -> &'static str {
    let token = request.split(|&byte| byte == b' ').next();
    let method = token.and_then(|token| Method::parse(token).ok());
    let name = method.and_then(|method| method.name());
    name.unwrap_or("a request of another method")
}

impl fmt::Display for LogContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Malformed(error) => write!(f, "malformed message: {error}"),
            Self::Answered(status, why) => write!(f, "answered {status}: {why}"),
            Self::Ignored(why) => write!(f, "ignored a message: {why}"),
            Self::NotAuthorized(why) => write!(f, "did not answer a challenge: {why}"),
            Self::Connecting { server, attempt } => {
                write!(f, "connecting to wsServers[{server}], attempt {attempt}")
            }
            Self::Connected { server } => write!(f, "connected to wsServers[{server}]"),
            Self::ConnectFailed { server, error } => {
                write!(f, "cannot connect to wsServers[{server}]: {error}")
            }
            Self::Disconnected { server, reason } => {
                write!(f, "disconnected from wsServers[{server}]: {reason}")
            }
            Self::ReconnectScheduled { after, failed } => {
                let seconds = after.as_secs_f32();
                write!(
                    f,
                    "next attempt in {seconds:.1} s, after {failed} failed ones"
                )
            }
            Self::Registered {
                reg_id,
                expires,
                refreshed,
            } => {
                let again = if *refreshed { " again" } else { "" };
                let seconds = expires.as_secs();
                write!(f, "registered{again} on flow {reg_id} for {seconds} s")
            }
            Self::RegistrationFailed {
                reason,
                retry_after: Some(wait),
            } => {
                let seconds = wait.as_secs_f32();
                write!(
                    f,
                    "registration failed, next attempt in {seconds:.1} s: {reason}"
                )
            }
            Self::RegistrationFailed { reason, .. } => match reason.cause {
                Cause::ConnectionLost => write!(
                    f,
                    "registration failed, next attempt with the next connection: {reason}"
                ),
                _ => write!(f, "registration failed, no further attempt: {reason}"),
            },
            Self::Unregistered(reason) => write!(f, "unregistered: {reason}"),
            Self::ExchangeFailed(reason) => {
                write!(f, "no new session by offer and answer: {reason}")
            }
            Self::RepairFailed {
                reason,
                retry_after: Some(wait),
            } => {
                let seconds = wait.as_secs_f32();
                write!(
                    f,
                    "the call is not repaired, next attempt in {seconds:.1} s: {reason}"
                )
            }
            Self::RepairFailed { reason, .. } => write!(f, "the call is not repaired: {reason}"),
            Self::EarlyDialogEnded(reason) => write!(f, "an early dialog is over: {reason}"),
            Self::PrackFailed(reason) => write!(f, "a PRACK failed: {reason}"),
            Self::Calling { parties, .. } => write!(f, "calls {}", parties.peer),
            Self::CalledBy(parties) => write!(f, "{} calls", parties.peer),
            Self::Requesting { line, .. } => match &line.target {
                Some(target) => write!(f, "sends {} to {target}", line.method),
                None => write!(f, "sends {} to the peer of a call", line.method),
            },
            Self::CallEnded(reason) => write!(f, "the call is over: {reason}"),
            Self::RequestFailed(reason) => write!(f, "no response: {reason}"),
            Self::Responded(status) => write!(f, "answers {status}"),
            Self::Request(direction, method) => write!(f, "{direction} {method}"),
            Self::Response(status) => write!(f, "the peer answered {status}"),
            Self::TransactionFailed(error) => error.fmt(f),
            Self::Stopped { unfinished: 0 } => f.write_str("stopped"),
            Self::Stopped { unfinished } => write!(f, "stopped, {unfinished} left unfinished"),
        }
    }
}

/// The direction of a traced message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// The peer sent it.
    Received,
    /// The core sent it.
    Sent,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Sent => "sent",
        })
    }
}

/// One SIP message as it was on the wire.
///
/// `Display` prints the text with the credentials redacted; [`TraceRecord::bytes`] has the full message.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceRecord {
    /// The direction.
    pub direction: Direction,
    /// The connection.
    pub connection: ConnectionId,
    /// Whether `Display` shows credentials; the configuration decides.
    pub reveal: bool,
    /// The message, or CRLF keep-alives.
    pub bytes: Bytes,
}

impl fmt::Display for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reveal {
            return f.write_str(&String::from_utf8_lossy(&self.bytes));
        }
        let Ok(message) = Message::parse(self.bytes.clone(), &Limits::default()) else {
            // An unreadable message cannot be redacted, so its text is not shown.
            return write!(f, "[{} bytes that are no SIP message]", self.bytes.len());
        };
        let bytes = message.bytes();
        let mut shown = 0;
        for header in message.headers() {
            if is_secret(&header.name) {
                let value = header.value;
                let scheme = value.iter().position(u8::is_ascii_whitespace).unwrap_or(0);
                let start = value.as_ptr() as usize - bytes.as_ptr() as usize + scheme;
                let before = String::from_utf8_lossy(&bytes[shown..start]);
                write!(f, "{before} [redacted]")?;
                shown = start + value.len() - scheme;
            }
        }
        f.write_str(&String::from_utf8_lossy(&bytes[shown..]))?;
        // On a stream another message with credentials of its own may follow.
        let line_ends = self
            .bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        match self.bytes.len() - bytes.len() - line_ends.count() {
            0 => Ok(()),
            more => write!(f, "[{more} bytes more]"),
        }
    }
}

/// Whether a header field carries credentials, or data from which they can be guessed.
fn is_secret(name: &HeaderName<'_>) -> bool {
    matches!(
        name,
        HeaderName::Authorization
            | HeaderName::ProxyAuthorization
            | HeaderName::AuthenticationInfo
            | HeaderName::ProxyAuthenticationInfo
    )
}

impl fmt::Debug for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TraceRecord({:?} {:?}, {} bytes)",
            self.direction,
            self.connection,
            self.bytes.len()
        )
    }
}
