//! The two ends that an application holds: commands in, events out.

use std::time::Duration;

use sip_core::config::ServerUrl;
use sip_core::{
    Body, ChallengeId, Change, ConnectionId, Event, FailureStatus, IncomingRequestId,
    InviteOptions, RequestId, SessionId, Timestamp, UserAgent,
};
use sip_host::os::LastFailure;
use sip_host::{CommandFailure, ConnectFailure, command};
use sip_parse::StatusCode;
use tokio::sync::{mpsc, oneshot};

/// A command on its way to the task: runs there, with the user agent and the time.
pub(crate) type Command = Box<dyn FnOnce(&mut UserAgent, Timestamp) + Send>;

/// Commands to a running user agent. Cheap to clone; every clone speaks to the same agent.
///
/// Each method returns as soon as the core has taken or refused the command. What comes of it is
/// told by [`Events`].
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    last_failure: LastFailure,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    pub(crate) fn new(commands: mpsc::Sender<Command>, last_failure: LastFailure) -> Self {
        Self {
            commands,
            last_failure,
        }
    }

    /// Runs `command` in the agent's task and returns its result: the way to everything that
    /// [`UserAgent`] offers and this type has no method for.
    ///
    /// # Errors
    /// [`CommandFailure::Gone`] if the task has ended.
    pub async fn with<R, F>(&self, command: F) -> Result<R, CommandFailure>
    where
        R: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let command: Command = Box::new(move |agent, now| {
            // Nobody waits any more: the command is carried out all the same.
            let _ = answer.send(command(agent, now));
        });
        self.commands
            .send(command)
            .await
            .map_err(|_| CommandFailure::Gone)?;
        result.await.map_err(|_| CommandFailure::Gone)
    }

    /// [`UserAgent::start`]: opens the connection, for configurations with `autostart` off.
    ///
    /// # Errors
    /// The core's refusal, or [`CommandFailure::Gone`].
    pub async fn start(&self) -> Result<(), CommandFailure> {
        Ok(self.with(UserAgent::start).await??)
    }

    /// [`UserAgent::stop`]: hangs up, unregisters and disconnects within `grace`; the event
    /// [`Event::Stopped`] says when that is through. A second stop is immediate.
    ///
    /// # Errors
    /// [`CommandFailure::Gone`].
    pub async fn stop(&self, grace: Duration) -> Result<(), CommandFailure> {
        self.with(move |agent, now| agent.stop(Some(grace), now))
            .await
    }

    /// [`UserAgent::register`] (RFC 3261 section 10.2).
    ///
    /// # Errors
    /// The core's refusal, or [`CommandFailure::Gone`].
    pub async fn register(&self) -> Result<(), CommandFailure> {
        Ok(self.with(UserAgent::register).await??)
    }

    /// [`UserAgent::unregister`] (RFC 3261 section 10.2.2).
    ///
    /// # Errors
    /// The core's refusal, or [`CommandFailure::Gone`].
    pub async fn unregister(&self) -> Result<(), CommandFailure> {
        Ok(self.with(UserAgent::unregister).await??)
    }

    /// [`UserAgent::invite`] (RFC 3261 section 13.2): calls `target`, a URI or a user name in the
    /// domain of the account.
    ///
    /// # Errors
    /// The core's refusal, such as a target that is no URI, or [`CommandFailure::Gone`].
    pub async fn invite(
        &self,
        target: impl Into<String>,
        options: InviteOptions,
    ) -> Result<SessionId, CommandFailure> {
        self.with(command::invite(target.into(), options)).await?
    }

    /// Sends 180 Ringing for an incoming call.
    ///
    /// # Errors
    /// A call that has ended or is not ringing, or [`CommandFailure::Gone`].
    pub async fn ring(&self, session: SessionId) -> Result<(), CommandFailure> {
        self.with(command::ring(session)).await?
    }

    /// Answers an incoming call (RFC 3261 section 13.3.1.4); leads to a description being asked for.
    ///
    /// # Errors
    /// A call that has ended or is not ringing, or [`CommandFailure::Gone`].
    pub async fn answer(&self, session: SessionId) -> Result<(), CommandFailure> {
        self.with(command::answer(session)).await?
    }

    /// Refuses an incoming call with `status` (RFC 3261 section 13.3.1.3).
    ///
    /// # Errors
    /// A call that has ended or is not ringing, or [`CommandFailure::Gone`].
    pub async fn reject(
        &self,
        session: SessionId,
        status: FailureStatus,
    ) -> Result<(), CommandFailure> {
        self.with(command::reject(session, status)).await?
    }

    /// Ends a call in the way its state asks for: CANCEL, a refusal or BYE.
    ///
    /// # Errors
    /// A call that has ended, or [`CommandFailure::Gone`].
    pub async fn hang_up(&self, session: SessionId) -> Result<(), CommandFailure> {
        self.with(command::hang_up(session)).await?
    }

    /// Answers [`Event::DescriptionNeeded`]: `Some` description, or `None` if there is none, which
    /// ends the offer/answer exchange.
    ///
    /// # Errors
    /// A call that has ended or waits for no description, or [`CommandFailure::Gone`].
    pub async fn describe(
        &self,
        session: SessionId,
        description: Option<Body>,
    ) -> Result<(), CommandFailure> {
        self.with(command::describe(session, description)).await?
    }

    /// [`UserAgent::message`] with plain text (RFC 3428).
    ///
    /// # Errors
    /// The core's refusal, such as a target that is no URI, or [`CommandFailure::Gone`].
    pub async fn message(
        &self,
        target: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<RequestId, CommandFailure> {
        self.with(command::message(target.into(), text.into()))
            .await?
    }

    /// [`UserAgent::options`] (RFC 3261 section 11).
    ///
    /// # Errors
    /// The core's refusal, such as a target that is no URI, or [`CommandFailure::Gone`].
    pub async fn options(&self, target: impl Into<String>) -> Result<RequestId, CommandFailure> {
        self.with(command::options(target.into())).await?
    }

    /// Answers [`Event::Challenged`] with the whole value of Authorization or Proxy-Authorization, or
    /// with `None`, which makes the challenge final ([`UserAgent::authorize`]).
    ///
    /// # Errors
    /// A challenge that has been answered or is over, a value that cannot be sent, or
    /// [`CommandFailure::Gone`].
    pub async fn authorize(
        &self,
        challenge: ChallengeId,
        credentials: Option<String>,
    ) -> Result<(), CommandFailure> {
        self.with(command::authorize(challenge, credentials))
            .await?
    }

    /// Answers [`Event::ServerUrlNeeded`] with the URL for this attempt, or with `None`, which makes it
    /// fail ([`UserAgent::server_url`]).
    ///
    /// # Errors
    /// An attempt that is over or has its URL, or [`CommandFailure::Gone`].
    pub async fn server_url(
        &self,
        connection: ConnectionId,
        url: Option<ServerUrl>,
    ) -> Result<(), CommandFailure> {
        self.with(command::server_url(connection, url)).await?
    }

    /// [`UserAgent::reconfigure`]: changes one parameter while calls live on.
    ///
    /// # Errors
    /// A value that the parameter does not take, or [`CommandFailure::Gone`].
    pub async fn reconfigure(&self, change: Change) -> Result<(), CommandFailure> {
        self.with(command::reconfigure(change)).await?
    }

    /// Sends a tone in a call that is up: 0-9, A-D, * or # (`EstablishedSession::send_dtmf`).
    ///
    /// # Errors
    /// The core's refusal, a call that has ended, or [`CommandFailure::Gone`].
    pub async fn send_dtmf(
        &self,
        session: SessionId,
        tone: char,
        duration: Duration,
    ) -> Result<RequestId, CommandFailure> {
        self.with(command::send_dtmf(session, tone, duration))
            .await?
    }

    /// Answers [`Event::IncomingRequest`] with `status`.
    ///
    /// # Errors
    /// A request that has been answered before, or [`CommandFailure::Gone`].
    pub async fn respond(
        &self,
        incoming: IncomingRequestId,
        status: StatusCode,
    ) -> Result<(), CommandFailure> {
        self.with(command::respond(incoming, status)).await?
    }

    /// The last connection that could not be opened, with more detail than
    /// [`Event::ConnectFailed`] carries; `None` if all could.
    #[must_use]
    pub fn connect_failure(&self) -> Option<ConnectFailure> {
        self.last_failure.last()
    }
}

/// News from a running user agent.
///
/// The queue is bounded. When it is full the agent's task stops reading from the network until
/// there is room again: nothing is dropped. Commands are taken all the while.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Event>,
}

impl Events {
    pub(crate) fn new(events: mpsc::Receiver<Event>) -> Self {
        Self { events }
    }

    /// The next event; `None` once the agent's task has ended. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}
