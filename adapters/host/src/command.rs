//! The commands of an application: each one is a closure that runs where the user agent lives, and
//! what it returns is what the application is told.

use alloc::string::String;
use core::time::Duration;

use sip_core::config::ServerUrl;
use sip_core::{
    AuthorizationFailed, Body, ChallengeId, Change, CommandError, ConnectionId, DescriptionFailed,
    FailureStatus, IncomingRequestId, IncomingSession, InviteOptions, NoServerUrl, RequestId,
    Session, SessionId, StaleHandle, Timestamp, UserAgent,
};
use sip_parse::StatusCode;

/// Why a command was not carried out.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum CommandFailure {
    /// What carried the agent is gone: its runtime shuts down, or its thread has ended.
    Gone,
    /// The core refused the command; nothing has changed.
    Refused(CommandError),
    /// The call has ended.
    Stale(StaleHandle),
    /// A connector or a description handler gave a command on the thread that would have to carry it
    /// out, and would wait for itself: of `sip-blocking` alone.
    OwnThread,
}

impl core::fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Gone => f.write_str("the user agent's task has ended"),
            Self::Refused(error) => error.fmt(f),
            Self::Stale(error) => error.fmt(f),
            Self::OwnThread => f.write_str("the thread that carries out commands cannot give one"),
        }
    }
}

impl core::error::Error for CommandFailure {}

impl From<CommandError> for CommandFailure {
    fn from(error: CommandError) -> Self {
        Self::Refused(error)
    }
}

impl From<StaleHandle> for CommandFailure {
    fn from(error: StaleHandle) -> Self {
        Self::Stale(error)
    }
}

/// What a command comes to.
pub type Outcome<T> = Result<T, CommandFailure>;

/// [`UserAgent::invite`].
pub fn invite(
    target: String,
    options: InviteOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<SessionId> + Send {
    move |agent, now| Ok(agent.invite(&target, options, now)?)
}

/// A command to a call that has not been answered yet.
fn incoming(
    session: SessionId,
    command: impl FnOnce(IncomingSession<'_>, Timestamp) + Send,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Incoming(call) => {
            command(call, now);
            Ok(())
        }
        _ => Err(CommandError::WrongState("only an incoming call can be answered").into()),
    }
}

/// [`IncomingSession::ring`].
pub fn ring(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    incoming(session, |call, now| call.ring(now))
}

/// [`IncomingSession::answer`].
pub fn answer(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    incoming(session, |call, now| call.answer(now))
}

/// [`IncomingSession::reject`].
pub fn reject(
    session: SessionId,
    status: FailureStatus,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    incoming(session, move |call, now| call.reject(status, now))
}

/// [`UserAgent::hang_up`].
pub fn hang_up(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.hang_up(session, now)?)
}

/// [`UserAgent::describe`]; `None` if there is no description.
pub fn describe(
    session: SessionId,
    description: Option<Body>,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    let description = description.ok_or(DescriptionFailed);
    move |agent, now| Ok(agent.describe(session, description, now)?)
}

/// [`UserAgent::message`] with plain text.
pub fn message(
    target: String,
    text: String,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    let body = Body::new("text/plain", text);
    move |agent, now| Ok(agent.message(&target, body, now)?)
}

/// [`UserAgent::options`].
pub fn options(
    target: String,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    move |agent, now| Ok(agent.options(&target, now)?)
}

/// [`UserAgent::authorize`]; `None` if there are no credentials.
pub fn authorize(
    challenge: ChallengeId,
    credentials: Option<String>,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| {
        let credentials = credentials.as_deref().ok_or(AuthorizationFailed);
        Ok(agent.authorize(challenge, credentials, now)?)
    }
}

/// [`UserAgent::server_url`]; `None` if there is no URL.
pub fn server_url(
    connection: ConnectionId,
    url: Option<ServerUrl>,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    let url = url.ok_or(NoServerUrl);
    move |agent, now| Ok(agent.server_url(connection, url, now)?)
}

/// [`UserAgent::reconfigure`].
pub fn reconfigure(change: Change) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.reconfigure(change, now)?)
}

/// [`EstablishedSession::send_dtmf`](sip_core::EstablishedSession::send_dtmf).
pub fn send_dtmf(
    session: SessionId,
    tone: char,
    duration: Duration,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Established(call) => Ok(call.send_dtmf(tone, duration, now)?),
        _ => Err(CommandError::WrongState("a tone needs a call that is up").into()),
    }
}

/// [`UserAgent::respond`].
pub fn respond(
    incoming: IncomingRequestId,
    status: StatusCode,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.respond(incoming, status, now)?)
}
