//! The commands of an application. Each function returns a closure that runs where the user agent lives
//! ([`Host::command`](crate::Host::command)); its result goes back to the application.
//!
//! [`for_each_command`](crate::for_each_command) has the same list, from which an adapter makes the methods of its handle.

use alloc::string::String;
use core::time::Duration;

use sip_core::Requirement;
use sip_core::config::ServerUrl;
use sip_core::dialog::DialogId;
use sip_core::{
    AuthorizationFailed, Body, ChallengeId, Change, CommandError, ConnectionId, Counters,
    DescriptionFailed, EstablishedSession, ExchangeId, IncomingRequestId, IncomingSession,
    IncomingSubscriptionId, InviteOptions, MessageOptions, ModifyOptions, NoServerUrl,
    Notification, ProvisionalOptions, PublicationId, PublishOptions, ReferId, Refusal, RequestId,
    Session, SessionId, StaleHandle, SubscribeOptions, SubscriptionId, Timestamp, Tones,
    TransferId, TransferOptions, TransferTarget, UserAgent,
};
use sip_parse::{Method, StatusCode};

use crate::metrics::Metrics;

/// Why a command was not carried out.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandFailure {
    /// The task or thread of the user agent has ended.
    #[error("the user agent's task has ended")]
    Gone,
    /// The core refused the command; nothing has changed.
    #[error("{0}")]
    Refused(#[from] CommandError),
    /// A connector or a description handler called the method on the thread that carries out the commands.
    /// The call would wait for itself. Only `sip-blocking` returns it.
    #[error("the thread that carries out commands cannot give one")]
    OwnThread,
    /// A connector or a description handler called the method, and the thread that carries out the commands of this agent
    /// waits in a connector or handler for an agent of the thread that called. Both would wait for ever. Only
    /// `sip-blocking` returns it.
    #[error("the thread that carries out commands waits for this one")]
    Deadlock,
}

/// A call that has ended is [`CommandError::Stale`], whichever command notices it.
impl From<StaleHandle> for CommandFailure {
    fn from(stale: StaleHandle) -> Self {
        Self::Refused(stale.into())
    }
}

/// The result of a command.
pub type Outcome<T> = Result<T, CommandFailure>;

/// [`UserAgent::start`].
pub fn start() -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    |agent, now| Ok(agent.start(now)?)
}

/// [`UserAgent::stop`].
pub fn stop(grace: Duration) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| {
        agent.stop(Some(grace), now);
        Ok(())
    }
}

/// [`UserAgent::register`].
pub fn register() -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    |agent, now| Ok(agent.register(now)?)
}

/// [`UserAgent::unregister`].
pub fn unregister() -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    |agent, now| Ok(agent.unregister(now)?)
}

/// [`UserAgent::counters`].
pub fn counters() -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<Counters> + Send {
    |agent, _| Ok(agent.counters())
}

/// [`Metrics::of`].
pub fn metrics() -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<Metrics> + Send {
    |agent, _| Ok(Metrics::of(agent))
}

/// [`UserAgent::network_changed`].
pub fn network_changed() -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    |agent, now| Ok(agent.network_changed(now)?)
}

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
        _ => Err(CommandError::WrongState(Requirement::Unanswered).into()),
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

/// As [`incoming`], for a command that the call may refuse.
fn try_incoming(
    session: SessionId,
    command: impl FnOnce(IncomingSession<'_>, Timestamp) -> Result<(), CommandError> + Send,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Incoming(call) => Ok(command(call, now)?),
        _ => Err(CommandError::WrongState(Requirement::Unanswered).into()),
    }
}

/// [`IncomingSession::progress`].
pub fn progress(
    session: SessionId,
    options: ProvisionalOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    try_incoming(session, move |call, now| call.progress(options, now))
}

/// [`IncomingSession::answer_with`].
pub fn answer_with(
    session: SessionId,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    try_incoming(session, move |call, now| call.answer_with(options, now))
}

/// [`IncomingSession::reject`].
pub fn reject(
    session: SessionId,
    refusal: Refusal,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    incoming(session, move |call, now| call.reject(refusal, now))
}

/// [`UserAgent::hang_up`].
pub fn hang_up(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.hang_up(session, now)?)
}

/// [`UserAgent::hang_up_with`].
pub fn hang_up_with(
    session: SessionId,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.hang_up_with(session, options, now)?)
}

/// [`EstablishedSession::reinvite`].
pub fn reinvite(
    session: SessionId,
    options: ModifyOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    established(session, |call, now| call.reinvite(options, now))
}

/// [`EstablishedSession::update`], or [`IncomingSession::update`].
pub fn update(
    session: SessionId,
    options: ModifyOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Incoming(call) => Ok(call.update(options, now)?),
        Session::Established(call) => Ok(call.update(options, now)?),
        _ => Err(CommandError::WrongState(Requirement::Up).into()),
    }
}

/// [`OutgoingSession::update`](sip_core::OutgoingSession::update).
pub fn update_early(
    session: SessionId,
    dialog: DialogId,
    options: ModifyOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Outgoing(call) => Ok(call.update(dialog, options, now)?),
        _ => Err(CommandError::WrongState(Requirement::Early).into()),
    }
}

/// [`EstablishedSession::hold`].
pub fn hold(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    established(session, |call, now| call.hold(now))
}

/// [`EstablishedSession::resume`].
pub fn resume(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    established(session, |call, now| call.resume(now))
}

/// [`UserAgent::describe`]; `None` if there is no description.
pub fn describe(
    session: SessionId,
    exchange: ExchangeId,
    description: Option<Body>,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    let description = description.ok_or(DescriptionFailed);
    move |agent, now| Ok(agent.describe(session, exchange, description, now)?)
}

/// [`UserAgent::message`] with plain text.
pub fn message(
    target: String,
    text: String,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    let body = Body::new("text/plain", text);
    move |agent, now| Ok(agent.message(&target, body, now)?)
}

/// [`UserAgent::message_with`].
pub fn message_with(
    target: String,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    move |agent, now| Ok(agent.message_with(&target, options, now)?)
}

/// [`UserAgent::cancel_request`].
pub fn cancel_request(
    request: RequestId,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.cancel_request(request, now)?)
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

/// [`EstablishedSession::send_dtmf`].
pub fn send_dtmf(
    session: SessionId,
    tone: char,
    duration: Duration,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    established(session, move |call, now| {
        call.send_dtmf(tone, duration, now)
    })
}

/// A command to a call that is up.
fn established<T>(
    session: SessionId,
    command: impl FnOnce(EstablishedSession<'_>, Timestamp) -> Result<T, CommandError> + Send,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<T> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Established(call) => Ok(command(call, now)?),
        _ => Err(CommandError::WrongState(Requirement::Up).into()),
    }
}

/// [`EstablishedSession::send_tones`].
pub fn send_tones(
    session: SessionId,
    tones: Tones,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    established(session, move |call, now| call.send_tones(tones, now))
}

/// [`UserAgent::tones_taken`].
pub fn tones_taken(
    request: RequestId,
    taken: bool,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.tones_taken(request, taken, now)?)
}

/// [`EstablishedSession::request`]; `method` is the name of the method.
pub fn request_in_call(
    session: SessionId,
    method: String,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    established(session, move |call, now| {
        call.request(named(&method)?, options, now)
    })
}

pub(crate) fn named(method: &str) -> Result<Method<'_>, CommandError> {
    Method::parse(method.as_bytes()).map_err(|_| CommandError::WrongState(Requirement::MethodToken))
}

/// [`EstablishedSession::info_package`].
pub fn info_package(
    session: SessionId,
    package: String,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    established(session, move |call, now| {
        call.info_package(&package, options, now)
    })
}

/// [`UserAgent::respond`].
pub fn respond(
    incoming: IncomingRequestId,
    status: StatusCode,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.respond(incoming, status, now)?)
}

/// [`UserAgent::respond_with`].
pub fn respond_with(
    incoming: IncomingRequestId,
    status: StatusCode,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.respond_with(incoming, status, &options, now)?)
}

/// [`EstablishedSession::refer`].
pub fn refer(
    session: SessionId,
    target: TransferTarget,
    options: TransferOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<TransferId> + Send {
    established(session, move |call, now| call.refer(target, &options, now))
}

/// [`UserAgent::refer`].
pub fn refer_outside(
    target: String,
    refer_to: String,
    options: TransferOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<TransferId> + Send {
    move |agent, now| Ok(agent.refer(&target, &refer_to, &options, now)?)
}

/// [`UserAgent::follow_refer`].
pub fn follow_refer(
    refer: ReferId,
    options: InviteOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<SessionId> + Send {
    move |agent, now| Ok(agent.follow_refer(refer, options, now)?)
}

/// [`UserAgent::accept_refer`].
pub fn accept_refer(
    refer: ReferId,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.accept_refer(refer, &options, now)?)
}

/// [`UserAgent::refer_progress`].
pub fn refer_progress(
    refer: ReferId,
    status: StatusCode,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.refer_progress(refer, status, now)?)
}

/// [`UserAgent::reject_refer`].
pub fn reject_refer(
    refer: ReferId,
    refusal: Refusal,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.reject_refer(refer, refusal, now)?)
}

/// [`UserAgent::request`]; `method` is the name of the method.
pub fn request(
    method: String,
    target: String,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    move |agent, now| {
        let MessageOptions { headers, body, .. } = options;
        Ok(agent.request(named(&method)?, &target, body, &headers, now)?)
    }
}

/// [`UserAgent::subscribe`].
pub fn subscribe(
    target: String,
    package: String,
    options: SubscribeOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<SubscriptionId> + Send {
    move |agent, now| Ok(agent.subscribe(&target, &package, options, now)?)
}

/// [`UserAgent::refresh_subscription`].
pub fn refresh_subscription(
    subscription: SubscriptionId,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.refresh_subscription(subscription, now)?)
}

/// [`UserAgent::unsubscribe`].
pub fn unsubscribe(
    subscription: SubscriptionId,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.unsubscribe(subscription, now)?)
}

/// [`UserAgent::accept_subscription`].
pub fn accept_subscription(
    subscription: IncomingSubscriptionId,
    state: Notification,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.accept_subscription(subscription, state, &options, now)?)
}

/// [`UserAgent::reject_subscription`].
pub fn reject_subscription(
    subscription: IncomingSubscriptionId,
    refusal: Refusal,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.reject_subscription(subscription, refusal, now)?)
}

/// [`UserAgent::notify`].
pub fn notify(
    subscription: IncomingSubscriptionId,
    state: Notification,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.notify(subscription, state, now)?)
}

/// [`UserAgent::publish`].
pub fn publish(
    package: String,
    state: Body,
    options: PublishOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<PublicationId> + Send {
    move |agent, now| Ok(agent.publish(&package, state, options, now)?)
}

/// [`UserAgent::publish_for`].
pub fn publish_for(
    target: String,
    package: String,
    state: Body,
    options: PublishOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<PublicationId> + Send {
    move |agent, now| Ok(agent.publish_for(&target, &package, state, options, now)?)
}

/// [`UserAgent::modify_publication`].
pub fn modify_publication(
    publication: PublicationId,
    state: Body,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.modify_publication(publication, state, now)?)
}

/// [`UserAgent::unpublish`].
pub fn unpublish(
    publication: PublicationId,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.unpublish(publication, now)?)
}
