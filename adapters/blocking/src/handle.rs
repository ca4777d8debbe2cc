//! The two ends that an application holds: commands in, events out.

use std::collections::VecDeque;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sip_core::config::ServerUrl;
use sip_core::{
    Body, ChallengeId, Change, ConnectionId, Event, FailureStatus, IncomingRequestId,
    InviteOptions, RequestId, SessionId, Timestamp, UserAgent,
};
use sip_host::os::LastFailure;
use sip_host::{CommandFailure, ConnectFailure, command};
use sip_parse::StatusCode;

use crate::mailbox::{AgentId, Mailbox, Post};

/// Commands to a running user agent. Cheap to clone; every clone speaks to the same agent.
///
/// Each method returns as soon as the core has taken or refused the command, which takes no longer
/// than what the I/O thread has in hand. What comes of it is told by [`Events`].
#[derive(Clone)]
pub struct Handle {
    end: Arc<CommandEnd>,
}

/// What all clones of a handle share: the agent learns of its end.
struct CommandEnd {
    agent: AgentId,
    mailbox: Arc<Mailbox>,
    permits: Arc<Permits>,
    last_failure: LastFailure,
}

impl Drop for CommandEnd {
    fn drop(&mut self) {
        self.mailbox.post(Post::NoHandles(self.agent));
    }
}

/// How many more commands may wait.
struct Permits {
    free: Mutex<usize>,
    changed: Condvar,
}

/// The right of one command to wait; given back when it is dropped.
struct Permit(Arc<Permits>);

impl Permits {
    /// Waits for a permit.
    fn take(self: &Arc<Self>) -> Permit {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .changed
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Permit(self.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    /// `limit`: how many commands may wait.
    pub(crate) fn new(
        agent: AgentId,
        mailbox: Arc<Mailbox>,
        limit: usize,
        last_failure: LastFailure,
    ) -> Self {
        let permits = Arc::new(Permits {
            free: Mutex::new(limit),
            changed: Condvar::new(),
        });
        Self {
            end: Arc::new(CommandEnd {
                agent,
                mailbox,
                permits,
                last_failure,
            }),
        }
    }

    /// Runs `command` where the agent lives and returns its result: the way to everything that
    /// [`UserAgent`] offers and this type has no method for.
    ///
    /// # Errors
    /// [`CommandFailure::Gone`] if the I/O thread has ended, [`CommandFailure::OwnThread`] if this is
    /// the I/O thread.
    pub fn with<R, F>(&self, command: F) -> Result<R, CommandFailure>
    where
        R: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    {
        let CommandEnd {
            agent,
            mailbox,
            permits,
            ..
        } = &*self.end;
        if mailbox.is_own_thread() {
            return Err(CommandFailure::OwnThread);
        }
        let permit = permits.take();
        let (answer, result) = sync_channel(1);
        let command = Box::new(move |agent: &mut UserAgent, now| {
            let result = command(agent, now);
            drop(permit);
            // Whoever asked waits for this: it cannot fail, nor block.
            let _ = answer.send(result);
        });
        // A command that nobody takes is dropped, and its sender with it: the wait ends.
        mailbox.post(Post::Command(*agent, command));
        result.recv().map_err(|_| CommandFailure::Gone)
    }

    /// [`UserAgent::start`]: opens the connection, for configurations with `autostart` off.
    ///
    /// # Errors
    /// The core's refusal, or as [`Handle::with`].
    pub fn start(&self) -> Result<(), CommandFailure> {
        Ok(self.with(UserAgent::start)??)
    }

    /// [`UserAgent::stop`]: hangs up, unregisters and disconnects within `grace`; the event
    /// [`Event::Stopped`] says when that is through. A second stop is immediate.
    ///
    /// # Errors
    /// As [`Handle::with`].
    pub fn stop(&self, grace: Duration) -> Result<(), CommandFailure> {
        self.with(move |agent, now| agent.stop(Some(grace), now))
    }

    /// [`UserAgent::register`] (RFC 3261 section 10.2).
    ///
    /// # Errors
    /// The core's refusal, or as [`Handle::with`].
    pub fn register(&self) -> Result<(), CommandFailure> {
        Ok(self.with(UserAgent::register)??)
    }

    /// [`UserAgent::unregister`] (RFC 3261 section 10.2.2).
    ///
    /// # Errors
    /// The core's refusal, or as [`Handle::with`].
    pub fn unregister(&self) -> Result<(), CommandFailure> {
        Ok(self.with(UserAgent::unregister)??)
    }

    /// [`UserAgent::invite`] (RFC 3261 section 13.2): calls `target`, a URI or a user name in the
    /// domain of the account.
    ///
    /// # Errors
    /// The core's refusal, such as a target that is no URI, or as [`Handle::with`].
    pub fn invite(
        &self,
        target: impl Into<String>,
        options: InviteOptions,
    ) -> Result<SessionId, CommandFailure> {
        self.with(command::invite(target.into(), options))?
    }

    /// Sends 180 Ringing for an incoming call.
    ///
    /// # Errors
    /// A call that has ended or is not ringing, or as [`Handle::with`].
    pub fn ring(&self, session: SessionId) -> Result<(), CommandFailure> {
        self.with(command::ring(session))?
    }

    /// Answers an incoming call (RFC 3261 section 13.3.1.4); leads to a description being asked for.
    ///
    /// # Errors
    /// A call that has ended or is not ringing, or as [`Handle::with`].
    pub fn answer(&self, session: SessionId) -> Result<(), CommandFailure> {
        self.with(command::answer(session))?
    }

    /// Refuses an incoming call with `status` (RFC 3261 section 13.3.1.3).
    ///
    /// # Errors
    /// A call that has ended or is not ringing, or as [`Handle::with`].
    pub fn reject(&self, session: SessionId, status: FailureStatus) -> Result<(), CommandFailure> {
        self.with(command::reject(session, status))?
    }

    /// Ends a call in the way its state asks for: CANCEL, a refusal or BYE.
    ///
    /// # Errors
    /// A call that has ended, or as [`Handle::with`].
    pub fn hang_up(&self, session: SessionId) -> Result<(), CommandFailure> {
        self.with(command::hang_up(session))?
    }

    /// Answers [`Event::DescriptionNeeded`]: `Some` description, or `None` if there is none, which
    /// ends the offer/answer exchange.
    ///
    /// # Errors
    /// A call that has ended or waits for no description, or as [`Handle::with`].
    pub fn describe(
        &self,
        session: SessionId,
        description: Option<Body>,
    ) -> Result<(), CommandFailure> {
        self.with(command::describe(session, description))?
    }

    /// [`UserAgent::message`] with plain text (RFC 3428).
    ///
    /// # Errors
    /// The core's refusal, such as a target that is no URI, or as [`Handle::with`].
    pub fn message(
        &self,
        target: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<RequestId, CommandFailure> {
        self.with(command::message(target.into(), text.into()))?
    }

    /// [`UserAgent::options`] (RFC 3261 section 11).
    ///
    /// # Errors
    /// The core's refusal, such as a target that is no URI, or as [`Handle::with`].
    pub fn options(&self, target: impl Into<String>) -> Result<RequestId, CommandFailure> {
        self.with(command::options(target.into()))?
    }

    /// Answers [`Event::Challenged`] with the whole value of Authorization or Proxy-Authorization, or
    /// with `None`, which makes the challenge final ([`UserAgent::authorize`]).
    ///
    /// # Errors
    /// A challenge that has been answered or is over, a value that cannot be sent, or as
    /// [`Handle::with`].
    pub fn authorize(
        &self,
        challenge: ChallengeId,
        credentials: Option<String>,
    ) -> Result<(), CommandFailure> {
        self.with(command::authorize(challenge, credentials))?
    }

    /// Answers [`Event::ServerUrlNeeded`] with the URL for this attempt, or with `None`, which makes it
    /// fail ([`UserAgent::server_url`]).
    ///
    /// # Errors
    /// An attempt that is over or has its URL, or as [`Handle::with`].
    pub fn server_url(
        &self,
        connection: ConnectionId,
        url: Option<ServerUrl>,
    ) -> Result<(), CommandFailure> {
        self.with(command::server_url(connection, url))?
    }

    /// [`UserAgent::reconfigure`]: changes one parameter while calls live on.
    ///
    /// # Errors
    /// A value that the parameter does not take, or as [`Handle::with`].
    pub fn reconfigure(&self, change: Change) -> Result<(), CommandFailure> {
        self.with(command::reconfigure(change))?
    }

    /// Sends a tone in a call that is up: 0-9, A-D, * or # (`EstablishedSession::send_dtmf`).
    ///
    /// # Errors
    /// The core's refusal, a call that has ended, or as [`Handle::with`].
    pub fn send_dtmf(
        &self,
        session: SessionId,
        tone: char,
        duration: Duration,
    ) -> Result<RequestId, CommandFailure> {
        self.with(command::send_dtmf(session, tone, duration))?
    }

    /// Answers [`Event::IncomingRequest`] with `status`.
    ///
    /// # Errors
    /// A request that has been answered before, or as [`Handle::with`].
    pub fn respond(
        &self,
        incoming: IncomingRequestId,
        status: StatusCode,
    ) -> Result<(), CommandFailure> {
        self.with(command::respond(incoming, status))?
    }

    /// The last connection that could not be opened, with more detail than
    /// [`Event::ConnectFailed`] carries; `None` if all could.
    #[must_use]
    pub fn connect_failure(&self) -> Option<ConnectFailure> {
        self.end.last_failure.last()
    }
}

/// Events on their way from the I/O thread to the application: bounded, and nothing is dropped.
pub(crate) struct Inbox {
    state: Mutex<InboxState>,
    changed: Condvar,
}

struct InboxState {
    events: VecDeque<Event>,
    limit: usize,
    /// An event found no room: the agent waits to be told of some.
    full: bool,
    /// No more events will come.
    ended: bool,
    /// Nobody takes events any more.
    deaf: bool,
}

/// What became of an event.
pub(crate) enum Pushed {
    Taken,
    /// There is no room. The agent will be told when there is.
    Full(Event),
    /// Nobody takes events any more.
    Deaf,
}

impl Inbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(InboxState {
                events: VecDeque::new(),
                limit,
                full: false,
                ended: false,
                deaf: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, event: Event) -> Pushed {
        let mut state = self.state();
        if state.deaf {
            return Pushed::Deaf;
        }
        if state.events.len() >= state.limit {
            state.full = true;
            return Pushed::Full(event);
        }
        state.events.push_back(event);
        drop(state);
        self.changed.notify_one();
        Pushed::Taken
    }

    /// Whether the application has gone.
    pub(crate) fn is_deaf(&self) -> bool {
        self.state().deaf
    }

    /// No more events will come.
    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }
}

/// Why there is no event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NoEvent {
    /// None came in time.
    Timeout,
    /// The agent has ended: none will come any more.
    Ended,
}

impl std::fmt::Display for NoEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Timeout => "no event came in time",
            Self::Ended => "the user agent has ended",
        })
    }
}

impl std::error::Error for NoEvent {}

/// News from a running user agent: an iterator that waits for the next event, and ends when the I/O
/// thread does.
///
/// The queue is bounded. When it is full the agent stops reading from the network until there is
/// room again: nothing is dropped. Commands are taken all the while.
pub struct Events {
    agent: AgentId,
    mailbox: Arc<Mailbox>,
    inbox: Arc<Inbox>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn new(agent: AgentId, mailbox: Arc<Mailbox>, inbox: Arc<Inbox>) -> Self {
        Self {
            agent,
            mailbox,
            inbox,
        }
    }

    /// The next event, if one comes within `timeout`. Zero looks without waiting.
    ///
    /// # Errors
    /// [`NoEvent::Timeout`] if none came, [`NoEvent::Ended`] if none will.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Event, NoEvent> {
        // A time-out beyond what the clock can tell is none.
        self.wait(Instant::now().checked_add(timeout))
    }

    fn wait(&mut self, end: Option<Instant>) -> Result<Event, NoEvent> {
        let mut state = self.inbox.state();
        loop {
            if let Some(event) = state.events.pop_front() {
                let was_full = std::mem::take(&mut state.full);
                drop(state);
                if was_full {
                    self.mailbox.post(Post::Room(self.agent));
                }
                return Ok(event);
            }
            if state.ended {
                return Err(NoEvent::Ended);
            }
            let changed = &self.inbox.changed;
            state = match end {
                None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(NoEvent::Timeout);
                    }
                    let waited = changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.wait(None).ok()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let events = {
            let mut state = self.inbox.state();
            state.deaf = true;
            std::mem::take(&mut state.events)
        };
        drop(events);
        self.mailbox.post(Post::Room(self.agent));
    }
}
