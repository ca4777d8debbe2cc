//! The reason why a call, registration, request or exchange ended.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use sip_parse::{HeaderName, Message, Method, Request, Response, StatusCode};

use crate::auth::ChallengeError;
use crate::header::Reason;
use crate::transaction::{SendError, TransactionError};

/// The number of Contacts of a redirection that a reason keeps.
const REDIRECTIONS: usize = 8;

/// The number of values of Reason that [`EndReason::reasons`] returns.
const REASONS: usize = 8;

/// The originator of an end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Originator {
    /// The application, by a command.
    Local,
    /// The peer, by a SIP message.
    Peer,
    /// The connection: lost, missing or silent.
    Transport,
    /// A limit of [`Limits`](crate::Limits) is reached.
    Limit,
}

/// The cause of an end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The application requested it, and the core did it.
    Requested,
    /// BYE.
    Bye,
    /// CANCEL, sent by the originator.
    Cancelled,
    /// A final response of 300 to 699.
    Refused,
    /// No usable session description: missing, rejected, or not supplied by the application.
    BadDescription,
    /// No final response in time (RFC 3261 section 17.1: timers B and F), or no connection for as long.
    Timeout,
    /// The call stayed unanswered for `noAnswerTimeout`, or for the Expires of the INVITE.
    NoAnswer,
    /// Another branch of a forked INVITE answered the call (RFC 3261 section 13.2.2.4).
    AnsweredElsewhere,
    /// The peer sent no ACK for the 2xx (RFC 3261 section 13.3.1.4) or the refusal (timer H) of this side.
    NoAck,
    /// The peer sent no PRACK for a reliable provisional response of this side (RFC 3262 section 3).
    NoPrack,
    /// The connection was lost, or there was none.
    ConnectionLost,
    /// The BYE was never sent, because no connection opened within 64 T1. The peer does not know that the
    /// call is over.
    NeverSent,
    /// The target is a SIPS URI and the connection has no TLS (RFC 3261 section 26.2.2).
    Insecure,
    /// An offer of the peer replaced one of this side (RFC 3261 section 14.1).
    Glare,
    /// A failure that ends the dialog or the call in it (RFC 5057 section 5.1), such as 481 or no response at all.
    DialogGone,
    /// A challenge is the final response: the server refused the credentials, or the core did not answer it.
    /// [`EndReason::challenge`] says why.
    Authentication,
    /// A 2xx to REGISTER without a usable binding, or one to INVITE whose Contact or routes cannot be used.
    Malformed,
    /// The binding lapsed before the core could refresh it, or the session did because no refresh of either side arrived in
    /// time (RFC 4028 section 10).
    Expired,
    /// A limit of [`Limits`](crate::Limits) is reached, or the size of a MESSAGE on a connection that does not control congestion
    /// (RFC 3428 section 8).
    LimitReached,
    /// The application stopped the user agent.
    Stopped,
}

/// The reason why a call, registration, request or exchange ended.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndReason {
    /// The originator.
    pub originator: Originator,
    /// The cause.
    pub cause: Cause,
    /// The status of the final response, if there was one.
    pub status: Option<StatusCode>,
    /// The value of the peer's Reason header field (RFC 3326), or its reason phrase.
    pub text: Option<Box<str>>,
    /// The targets of a 3xx (RFC 3261 section 8.1.3.4), as Contact values, at most 8. The core follows none
    /// by itself, because a redirected call would reach another peer and a redirected registration would
    /// disclose the agent's address to another server.
    pub contacts: Vec<Box<str>>,
    /// Why the core did not answer the 401 or 407 that is the final response.
    pub challenge: Option<Box<ChallengeError>>,
    /// The message of the peer that brought the end: the final response, the BYE or the CANCEL, with all its header fields,
    /// such as Reason (RFC 3326), Retry-After and Warning.
    pub message: Option<Box<Message>>,
    /// Why the peer may still be in a call that is over at this side: the BYE of this side did not reach it. `None` if the
    /// peer knows, and outside calls.
    pub bye_failure: Option<ByeFailure>,
}

/// Why a BYE did not end the call at the peer. The call is over all the same at this side (RFC 3261 section 15.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ByeFailure {
    /// The BYE was never sent: there was no connection that may carry it, or the application stopped the agent first.
    NotSent,
    /// The BYE got no final response: it or its connection may be lost.
    NoResponse,
    /// The BYE got this final response, neither 2xx nor 481, which says that the peer does not have the call any more.
    Refused(StatusCode),
}

impl fmt::Display for ByeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent => f.write_str("the BYE was never sent"),
            Self::NoResponse => f.write_str("no response to the BYE"),
            Self::Refused(status) => write!(f, "{status} to the BYE"),
        }
    }
}

impl core::error::Error for ByeFailure {}

impl EndReason {
    pub(crate) const fn new(originator: Originator, cause: Cause) -> Self {
        Self {
            originator,
            cause,
            status: None,
            text: None,
            contacts: Vec::new(),
            challenge: None,
            message: None,
            bye_failure: None,
        }
    }

    /// The values of Reason (RFC 3326) in the message that brought the end, at most 8: of a BYE, a CANCEL or a final
    /// response. Values that cannot be read are left out.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        let message = self.message.iter();
        let reasons = message.flat_map(|message| message.reason_headers().flatten());
        reasons
            .take(REASONS)
            .map(|reason| Reason::of(&reason))
            .collect()
    }

    /// Whether the peer cancelled the call because another branch of it was answered (RFC 3326 section 3.1), so that it is
    /// no missed call.
    #[must_use]
    pub fn is_completed_elsewhere(&self) -> bool {
        self.cause == Cause::Cancelled && self.reasons().iter().any(Reason::is_completed_elsewhere)
    }

    /// Who sent the final response that brought the end, if there is one.
    fn refuser(&self) -> Option<&'static str> {
        let message = self.message.as_deref()?;
        if message.is_request() {
            return None;
        }
        let registers = message
            .cseq()
            .is_ok_and(|cseq| cseq.method == Method::Register);
        Some(match self.status {
            Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => "the proxy",
            _ if registers => "the registrar",
            _ => "the peer",
        })
    }

    /// An end by this side, for hosts and tests.
    #[must_use]
    pub const fn local(cause: Cause) -> Self {
        Self::new(Originator::Local, cause)
    }

    pub(crate) const fn transport(cause: Cause) -> Self {
        Self::new(Originator::Transport, cause)
    }

    pub(crate) fn refused(response: &Response, cause: Cause) -> Self {
        let redirects = (300..400).contains(&response.status().as_u16());
        let contacts =
            response
                .values(HeaderName::Contact)
                .take(if redirects { REDIRECTIONS } else { 0 });
        Self {
            contacts: contacts.map(on_one_line).collect(),
            challenge: None,
            originator: Originator::Peer,
            cause,
            status: Some(response.status()),
            text: Some(String::from_utf8_lossy(response.reason()).into()),
            message: Some(Box::new(Message::clone(response))),
            bye_failure: None,
        }
    }
}

/// The value of a header field as text, without its folds.
pub(crate) fn on_one_line(value: &[u8]) -> Box<str> {
    let mut text = String::from_utf8_lossy(value).into_owned();
    text.retain(|character| !matches!(character, '\r' | '\n'));
    text.into()
}

impl fmt::Display for Originator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "this side",
            Self::Peer => "the peer",
            Self::Transport => "the network",
            Self::Limit => "a limit",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "as requested",
            Self::Bye => "hung up",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::BadDescription => "no usable session description",
            Self::Timeout => "no final response in time",
            Self::NoAnswer => "the call stayed unanswered",
            Self::AnsweredElsewhere => "answered by another branch",
            Self::NoAck => "no ACK",
            Self::NoPrack => "no PRACK",
            Self::ConnectionLost => "no connection",
            Self::NeverSent => "the BYE was never sent",
            Self::Glare => "superseded by an offer of the peer",
            Self::DialogGone => "the peer no longer has the dialog",
            Self::Authentication => "credentials refused or missing",
            Self::Malformed => "unusable response",
            Self::Expired => "expired",
            Self::Insecure => "no TLS for a SIPS URI",
            Self::LimitReached => "limit reached",
            Self::Stopped => "stopped",
        })
    }
}

/// One line that reads alone, as in `ended: refused, by the peer: 486 Busy Here`.
impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            originator, cause, ..
        } = self;
        let refuser = self.refuser();
        let rejected = match self.challenge.as_deref() {
            Some(ChallengeError::Rejected { realm }) => Some(realm),
            _ => None,
        };
        match (originator, refuser) {
            (_, Some(who)) if rejected.is_some() => {
                write!(f, "{who} rejected the user name or password")?;
            }
            (Originator::Peer, Some(who)) => write!(f, "{cause}, by {who}")?,
            (Originator::Local | Originator::Peer, _) => write!(f, "{cause}, by {originator}")?,
            // The cause says it.
            (Originator::Transport | Originator::Limit, _) => write!(f, "{cause}")?,
        }
        match (self.status, &self.text) {
            (Some(status), Some(text)) if !text.is_empty() => {
                write!(f, ": {} {text}", status.as_u16())?;
            }
            (Some(status), _) => write!(f, ": {status}")?,
            (None, Some(text)) => write!(f, ": {text}")?,
            (None, None) => {}
        }
        match (rejected, &self.challenge) {
            (Some(realm), _) => write!(f, "; the realm is {realm:?}")?,
            (None, Some(challenge)) => write!(f, "; {challenge}")?,
            (None, None) => {}
        }
        match self.bye_failure {
            Some(failure) => write!(f, "; the peer may not know: {failure}"),
            None => Ok(()),
        }
    }
}

/// A call that never came up, or a request without a response, can be the error of a program. The source is the
/// [`ChallengeError`], or else the [`ByeFailure`].
impl core::error::Error for EndReason {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match (&self.challenge, &self.bye_failure) {
            (Some(challenge), _) => Some(&**challenge),
            (None, Some(failure)) => Some(failure),
            (None, None) => None,
        }
    }
}

impl fmt::Debug for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndReason({self})")
    }
}

/// The cause that corresponds to a request that could not be sent.
pub(crate) fn send_failure_cause(error: &SendError) -> Cause {
    match error {
        SendError::NotConnected => Cause::ConnectionLost,
        SendError::Insecure => Cause::Insecure,
        SendError::TooManyTransactions => Cause::LimitReached,
        SendError::TooLarge(_) | SendError::LargeMessage(_) => Cause::LimitReached,
        SendError::Stale | SendError::Forbidden(_) | SendError::Build(_) => Cause::Malformed,
    }
}

/// The reason that corresponds to a failed transaction.
pub(crate) fn failure(error: TransactionError) -> EndReason {
    EndReason::transport(match error {
        TransactionError::Timeout => Cause::Timeout,
        TransactionError::ConnectionLost => Cause::ConnectionLost,
    })
}

/// A final response of 300 to 699.
pub(crate) fn refusal(response: &Response) -> EndReason {
    EndReason::refused(
        response,
        match response.status().as_u16() {
            401 | 407 => Cause::Authentication,
            408 => Cause::Timeout,
            _ => Cause::Refused,
        },
    )
}

/// The Reason header field of a BYE or CANCEL (RFC 3326), if there is one.
fn reason_text(request: &Request) -> Option<Box<str>> {
    let header = request.header(HeaderName::Reason)?;
    Some(String::from_utf8_lossy(&header.unfolded()).into())
}

/// The reason of a call that the peer ended by `request`.
pub(crate) fn ended_by_peer(request: &Request, cause: Cause) -> EndReason {
    EndReason {
        text: reason_text(request),
        message: Some(Box::new(Message::clone(request))),
        ..EndReason::new(Originator::Peer, cause)
    }
}
