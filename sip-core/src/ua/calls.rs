//! The commands of calls and registration. What a call can do next is a type of its own, so that what
//! makes no sense does not compile.

use alloc::format;
use core::time::Duration;

use super::agent::UserAgent;
use crate::body::Body;
use crate::endpoint::{Duty, MaySend, SessionRequest, TransactionUser};
use crate::error::{CommandError, StaleHandle};
use crate::ids::{ExchangeId, RequestId, SessionId};
use crate::registration::{RegisterKind, Wish};
use crate::session::{DescriptionFailed, FailureStatus, Input, InviteOptions, Phase, Stepped};
use crate::time::Timestamp;

/// What can be done with a call now.
#[derive(Debug)]
pub enum Session<'a> {
    /// A peer calls, and waits for an answer.
    Incoming(IncomingSession<'a>),
    /// We call, and wait for one.
    Outgoing(OutgoingSession<'a>),
    /// The call is up.
    Established(EstablishedSession<'a>),
    /// BYE is on its way, or waits for a connection; [`Event::Ended`](crate::Event::Ended) follows.
    Ending,
}

/// A call that a peer makes.
#[derive(Debug)]
pub struct IncomingSession<'a> {
    agent: &'a mut UserAgent,
    id: SessionId,
}

/// A call that we make.
#[derive(Debug)]
pub struct OutgoingSession<'a> {
    agent: &'a mut UserAgent,
    id: SessionId,
}

/// A call that is up.
#[derive(Debug)]
pub struct EstablishedSession<'a> {
    agent: &'a mut UserAgent,
    id: SessionId,
}

impl UserAgent {
    /// Registers, now and on every connection to come. Sets `register` to true.
    ///
    /// # Errors
    /// [`CommandError::NotRunning`] or [`CommandError::Backpressure`]. Without a connection the REGISTER
    /// follows when there is one.
    pub fn register(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.command(now)?;
        self.registrations.want(Wish::Registered);
        self.register_if_wanted();
        self.settle();
        Ok(())
    }

    /// Gives our binding back (RFC 3261 section 10.2.2) and stops registering. The outcome comes as
    /// [`Event::Unregistered`](crate::Event::Unregistered), also when there was nothing to give back, unless a `register` follows
    /// before it is through.
    ///
    /// # Errors
    /// [`CommandError::NotRunning`] or [`CommandError::Backpressure`].
    pub fn unregister(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.command(now)?;
        self.remove_bindings(Wish::Leaving);
        self.settle();
        Ok(())
    }

    /// Removes all bindings of our address-of-record, those of other agents as well (RFC 3261 section
    /// 10.2.2: `Contact: *`), and stops registering. The outcome comes as [`Event::Unregistered`](crate::Event::Unregistered), after
    /// an [`Event::RegistrationFailed`](crate::Event::RegistrationFailed) if the registrar refused.
    ///
    /// # Errors
    /// [`CommandError::NotConnected`], [`CommandError::NotRunning`] or [`CommandError::Backpressure`].
    pub fn unregister_all(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.command(now)?;
        if self.endpoint.flow.is_none() {
            return Err(CommandError::NotConnected);
        }
        self.registrations.ask(RegisterKind::RemoveAll);
        self.remove_bindings(Wish::Leaving);
        self.settle();
        Ok(())
    }

    /// Asks the registrar for the bindings of our address-of-record (RFC 3261 section 10.2.3). They come
    /// as [`Event::Bindings`](crate::Event::Bindings), a failure as [`Event::RegistrationFailed`](crate::Event::RegistrationFailed).
    ///
    /// # Errors
    /// [`CommandError::NotConnected`], [`CommandError::NotRunning`] or [`CommandError::Backpressure`].
    pub fn query_bindings(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.command(now)?;
        if self.endpoint.flow.is_none() {
            return Err(CommandError::NotConnected);
        }
        self.registrations.ask(RegisterKind::Fetch);
        self.next_register();
        self.settle();
        Ok(())
    }

    /// Calls a URI, or a user at the address-of-record's host (RFC 3261 section 13.2). First
    /// [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) asks for the offer, unless the options leave it to the peer. Without a
    /// connection `offlineRequests` says whether this fails or the INVITE waits: for 64 T1 at most, then
    /// the call ends with [`Cause::Timeout`](crate::Cause::Timeout).
    ///
    /// # Errors
    /// [`CommandError`]; there is no call then, and no event.
    pub fn invite(
        &mut self,
        target: &str,
        options: InviteOptions,
        now: Timestamp,
    ) -> Result<SessionId, CommandError> {
        self.command(now)?;
        let target = self.target(target)?;
        let may_send = self.endpoint.may_send(Duty::Command, target.as_bytes());
        if let MaySend::Never(error) = may_send {
            return Err(error.into());
        }
        let id = self
            .sessions
            .invite(&mut self.endpoint, None, target, options)?;
        self.settle();
        Ok(id)
    }

    /// What can be done with a call now.
    ///
    /// # Errors
    /// [`StaleHandle`] if the call is over.
    pub fn session(&mut self, id: SessionId) -> Result<Session<'_>, StaleHandle> {
        Ok(match self.sessions.phase(id).ok_or(StaleHandle)? {
            Phase::Incoming => Session::Incoming(IncomingSession { agent: self, id }),
            Phase::Outgoing => Session::Outgoing(OutgoingSession { agent: self, id }),
            Phase::Established => Session::Established(EstablishedSession { agent: self, id }),
            Phase::Ending => Session::Ending,
        })
    }

    /// Ends a call by whatever fits: CANCEL, 480 or BYE. Nothing if it is ending already. Without a
    /// connection the BYE waits for one, 64 T1 at most; then the call ends with [`Cause::NeverSent`](crate::Cause::NeverSent).
    ///
    /// # Errors
    /// [`StaleHandle`] if the call is over.
    pub fn hang_up(&mut self, id: SessionId, now: Timestamp) -> Result<(), StaleHandle> {
        self.advance(now);
        if !self.hang_up_session(id) {
            return Err(StaleHandle);
        }
        self.settle();
        Ok(())
    }

    pub(super) fn hang_up_session(&mut self, id: SessionId) -> bool {
        let known = self.step_session(id, Input::HangUp) != Stepped::Unknown;
        // Nothing is in flight while a challenge waits: it ends the call now.
        for request in [SessionRequest::Invite, SessionRequest::Reinvite] {
            self.withdraw_challenge(TransactionUser::Session(id, request));
        }
        known
    }

    /// Answers [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded), whose `exchange` it names: the offer or answer, or that there is
    /// none.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the call is over, [`CommandError::ExchangeOver`] if this exchange does not wait for a
    /// description (any more), [`CommandError::Backpressure`].
    pub fn describe(
        &mut self,
        id: SessionId,
        exchange: ExchangeId,
        description: Result<Body, DescriptionFailed>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        self.command_session(id, Input::Describe(exchange, description))
    }

    /// Lets a call take a command.
    fn command_session(&mut self, id: SessionId, input: Input<'_>) -> Result<(), CommandError> {
        self.sessions.step(&mut self.endpoint, id, input)?;
        let over = self.sessions.phase(id).is_none();
        self.forget_call(Some(id).filter(|_| over));
        self.settle();
        Ok(())
    }
}

impl IncomingSession<'_> {
    /// Announces the call to the caller: 180, again every minute (RFC 3261 section 13.3.1.1). Idempotent.
    pub fn ring(self, now: Timestamp) {
        self.take(Input::Ring, now);
    }

    /// Takes the call: [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) follows, then
    /// [`Event::Established`](crate::Event::Established).
    pub fn answer(self, now: Timestamp) {
        self.take(Input::Answer, now);
    }

    /// Refuses the call.
    pub fn reject(self, status: FailureStatus, now: Timestamp) {
        self.take(Input::Reject(status), now);
    }

    fn take(self, input: Input<'_>, now: Timestamp) {
        self.agent.advance(now);
        self.agent.step_session(self.id, input);
        self.agent.settle();
    }
}

impl OutgoingSession<'_> {
    /// Gives up calling (RFC 3261 section 9.1): CANCEL, or BYE if the 2xx crosses it.
    pub fn cancel(self, now: Timestamp) {
        self.agent.advance(now);
        self.agent.hang_up_session(self.id);
        self.agent.settle();
    }
}

impl EstablishedSession<'_> {
    /// Hangs up (RFC 3261 section 15). If we answered and the ACK has not come yet, BYE waits for it.
    pub fn bye(self, now: Timestamp) {
        self.agent.advance(now);
        self.agent.hang_up_session(self.id);
        self.agent.settle();
    }

    /// Changes the session (RFC 3261 section 14.1): [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) asks for the offer,
    /// then [`Event::ExchangeEnded`](crate::Event::ExchangeEnded) tells the outcome. A re-INVITE of the
    /// peer's that crosses this one is met as section 14.1 says.
    ///
    /// # Errors
    /// [`CommandError::WrongState`] while another INVITE is under way in the call, in either direction.
    pub fn reinvite(self, now: Timestamp) -> Result<(), CommandError> {
        self.agent.command(now)?;
        self.agent.command_session(self.id, Input::Renegotiate)
    }

    /// Sends one tone as INFO with `application/dtmf-relay` (`dtmfType` `info`): the body is
    /// `Signal=5` and `Duration=100`, in milliseconds. The outcome comes as [`Event::RequestCompleted`](crate::Event::RequestCompleted).
    ///
    /// # Errors
    /// [`CommandError::WrongState`] for a tone other than 0-9, A-D, * and #, or a duration that is not
    /// 70 ms to 6 s; otherwise as [`EstablishedSession::info`].
    pub fn send_dtmf(
        self,
        tone: char,
        duration: Duration,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        let tone = tone.to_ascii_uppercase();
        if !matches!(tone, '0'..='9' | 'A'..='D' | '*' | '#') {
            return Err(CommandError::WrongState(
                "a tone is one of 0-9, A-D, * and #",
            ));
        }
        let milliseconds = duration.as_millis();
        if !(70..=6_000).contains(&milliseconds) {
            return Err(CommandError::WrongState("a tone lasts 70 ms to 6 s"));
        }
        let body = format!("Signal={tone}\r\nDuration={milliseconds}\r\n");
        self.info(&Body::new("application/dtmf-relay", body), now)
    }

    /// Sends an INFO (RFC 6086), such as DTMF. The outcome comes as [`Event::RequestCompleted`](crate::Event::RequestCompleted).
    ///
    /// # Errors
    /// [`CommandError`]; nothing has been sent then.
    pub fn info(self, body: &Body, now: Timestamp) -> Result<RequestId, CommandError> {
        self.agent.info(self.id, body, now)
    }
}
