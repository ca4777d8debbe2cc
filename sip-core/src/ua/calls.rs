//! The commands of calls and registration. What a call can do next is a type of its own, so that what
//! makes no sense does not compile.

use alloc::format;
use core::time::Duration;

use sip_parse::StatusCode;

use super::{TransactionUser, UserAgent};
use crate::body::Body;
use crate::error::{CommandError, StaleHandle};
use crate::event::{DescriptionKind, Event};
use crate::ids::{RequestId, SessionId};
use crate::reason::{Cause, EndReason};
use crate::session::{self, DescriptionFailed, FailureStatus, InviteOptions, AwaitingOffer, State};
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
    /// BYE is on its way, or waits for a connection; [`Event::Ended`] follows.
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
        self.registration.wanted = true;
        self.registration.refused = false;
        self.registration.unregister_pending = false;
        self.register_if_wanted();
        self.settle();
        Ok(())
    }

    /// Gives our binding back (RFC 3261 section 10.2.2) and stops registering. The outcome comes as
    /// [`Event::Unregistered`], also when there was nothing to give back, unless a `register` follows
    /// before it is through.
    ///
    /// # Errors
    /// [`CommandError::NotRunning`] or [`CommandError::Backpressure`].
    pub fn unregister(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.command(now)?;
        self.registration.unregister_pending = true;
        self.remove_bindings();
        self.settle();
        Ok(())
    }

    /// Removes all bindings of our address-of-record, those of other agents as well (RFC 3261 section
    /// 10.2.2: `Contact: *`), and stops registering. The outcome comes as [`Event::Unregistered`], after
    /// an [`Event::RegistrationFailed`] if the registrar refused.
    ///
    /// # Errors
    /// [`CommandError::NotConnected`], [`CommandError::NotRunning`] or [`CommandError::Backpressure`].
    pub fn unregister_all(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.command(now)?;
        if self.endpoint.flow.is_none() {
            return Err(CommandError::NotConnected);
        }
        self.registration.clear_wanted = true;
        self.registration.unregister_pending = true;
        self.remove_bindings();
        self.settle();
        Ok(())
    }

    /// Asks the registrar for the bindings of our address-of-record (RFC 3261 section 10.2.3). They come
    /// as [`Event::Bindings`], a failure as [`Event::RegistrationFailed`].
    ///
    /// # Errors
    /// [`CommandError::NotConnected`], [`CommandError::NotRunning`] or [`CommandError::Backpressure`].
    pub fn query_bindings(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.command(now)?;
        if self.endpoint.flow.is_none() {
            return Err(CommandError::NotConnected);
        }
        self.registration.query_wanted = true;
        self.next_errand();
        self.settle();
        Ok(())
    }

    /// Calls a URI, or a user at the address-of-record's host (RFC 3261 section 13.2). First
    /// [`Event::DescriptionNeeded`] asks for the offer, unless the options leave it to the peer. Without a
    /// connection `offlineRequests` says whether this fails or the INVITE waits: for 64 T1 at most, then
    /// the call ends with [`Cause::Timeout`].
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
        if self.endpoint.flow.is_none() && !self.endpoint.queues() {
            return Err(CommandError::NotConnected);
        }
        let target = self.endpoint.target(target)?;
        if self.sessions.len() >= self.endpoint.limits.sessions {
            return Err(CommandError::Limit("sessions"));
        }
        let call_id = self.endpoint.new_call_id();
        let half = self
            .endpoint
            .dialogs
            .open(call_id.as_bytes(), self.endpoint.layer.rng());
        let id = SessionId(self.sessions.next_handle());
        let mut session = session::Session::new(id, half, State::Starting);
        if options.late_offer {
            let context = &mut session.context(&mut self.endpoint);
            let started = session::invite_or_wait(target, options, None, context);
            match started {
                Ok(state) => session.state = Some(state),
                Err(error) => {
                    self.endpoint.dialogs.close(half);
                    return Err(error.into());
                }
            }
        } else {
            session.state = Some(State::AwaitingOffer(alloc::boxed::Box::new(AwaitingOffer {
                target,
                options,
            })));
            self.endpoint.event(Event::DescriptionNeeded {
                session: id,
                kind: DescriptionKind::Offer,
            });
        }
        self.sessions.insert(session);
        self.settle();
        Ok(id)
    }

    /// What can be done with a call now.
    ///
    /// # Errors
    /// [`StaleHandle`] if the call is over.
    pub fn session(&mut self, id: SessionId) -> Result<Session<'_>, StaleHandle> {
        let entry = self.sessions.get(id.0).ok_or(StaleHandle)?;
        Ok(match &entry.state {
            Some(State::Incoming(_)) => Session::Incoming(IncomingSession { agent: self, id }),
            Some(
                State::AwaitingOffer(_)
                | State::QueuedInvite(_)
                | State::Calling(_)
                | State::AwaitingAnswer(_)
                | State::Starting,
            ) => Session::Outgoing(OutgoingSession { agent: self, id }),
            Some(State::Confirmed(_)) => {
                Session::Established(EstablishedSession { agent: self, id })
            }
            Some(State::Terminating(_)) | None => Session::Ending,
        })
    }

    /// Ends a call by whatever fits: CANCEL, 480 or BYE. Nothing if it is ending already. Without a
    /// connection the BYE waits for one, 64 T1 at most; then the call ends with [`Cause::NeverSent`].
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
        let known = self.step_session(id, |state, context| match state {
            State::Starting | State::AwaitingOffer(_) | State::QueuedInvite(_) => {
                context.end(EndReason::local(Cause::Requested))
            }
            State::Calling(state) => state.hang_up(context),
            State::AwaitingAnswer(state) => state.hang_up(context),
            State::Incoming(state) => state.reject(StatusCode::TEMPORARILY_UNAVAILABLE, context),
            State::Confirmed(state) => state.hang_up(context),
            State::Terminating(state) => Some(State::Terminating(state)),
        });
        // Nothing is in flight while a challenge waits: it ends the call now.
        self.withdraw_challenge(TransactionUser::Invite(id));
        self.withdraw_challenge(TransactionUser::Reinvite(id));
        known
    }

    /// Answers [`Event::DescriptionNeeded`]: the offer or answer, or that there is none.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the call is over, [`CommandError::WrongState`] if no description was
    /// asked for, [`CommandError::Backpressure`].
    pub fn describe(
        &mut self,
        id: SessionId,
        description: Result<Body, DescriptionFailed>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.check_queue()?;
        self.advance(now);
        let session = self.sessions.get(id.0).ok_or(CommandError::Stale)?;
        let asked = match &session.state {
            Some(State::AwaitingOffer(_)) => true,
            Some(State::AwaitingAnswer(state)) => state.is_asked(),
            Some(State::Incoming(state)) => state.accepted(),
            Some(State::Confirmed(state)) => state.is_asked(),
            Some(State::Starting | State::QueuedInvite(_) | State::Calling(_) | State::Terminating(_))
            | None => false,
        };
        if !asked {
            return Err(CommandError::WrongState("no description was asked for"));
        }
        self.step_session(id, |state, context| match state {
            State::AwaitingOffer(state) => state.described(description, context),
            State::AwaitingAnswer(state) => state.described(description, context),
            State::Incoming(state) => state.described(description, context),
            State::Confirmed(state) => state.described(description, context),
            state => Some(state),
        });
        self.settle();
        Ok(())
    }

    fn step_and_settle(
        &mut self,
        id: SessionId,
        now: Timestamp,
        step: impl FnOnce(State, &mut session::Context<'_>) -> Option<State>,
    ) {
        self.advance(now);
        self.step_session(id, step);
        self.settle();
    }
}

impl IncomingSession<'_> {
    /// Says that the call is being announced: 180, again every minute (RFC 3261 section 13.3.1.1).
    pub fn ring(self, now: Timestamp) {
        self.agent
            .step_and_settle(self.id, now, |state, context| match state {
                State::Incoming(state) => state.ring(context),
                state => Some(state),
            });
    }

    /// Takes the call: [`Event::DescriptionNeeded`] follows, then [`Event::Established`].
    pub fn answer(self, now: Timestamp) {
        self.agent
            .step_and_settle(self.id, now, |state, context| match state {
                State::Incoming(state) => state.answer(context),
                state => Some(state),
            });
    }

    /// Refuses the call.
    pub fn reject(self, status: FailureStatus, now: Timestamp) {
        self.agent
            .step_and_settle(self.id, now, |state, context| match state {
                State::Incoming(state) => state.reject(status.status(), context),
                state => Some(state),
            });
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

    /// Changes the session (RFC 3261 section 14.1): [`Event::DescriptionNeeded`] asks for the offer,
    /// then [`Event::Renegotiated`] or [`Event::RenegotiationFailed`] follows. A re-INVITE of the
    /// peer's that crosses ours is met as section 14.1 says.
    ///
    /// # Errors
    /// [`CommandError::WrongState`] while another INVITE is under way in the call, in either direction.
    pub fn reinvite(self, now: Timestamp) -> Result<(), CommandError> {
        self.agent.command(now)?;
        let session = self
            .agent
            .sessions
            .get(self.id.0)
            .ok_or(CommandError::Stale)?;
        if !matches!(&session.state, Some(State::Confirmed(state)) if state.can_offer()) {
            return Err(CommandError::WrongState("one INVITE at a time in a call"));
        }
        self.agent
            .step_and_settle(self.id, now, |state, context| match state {
                State::Confirmed(state) => state.offer(context),
                state => Some(state),
            });
        Ok(())
    }

    /// Sends one tone as INFO with `application/dtmf-relay` (`dtmfType` `info`): the body is
    /// `Signal=5` and `Duration=100`, in milliseconds. The outcome comes as [`Event::RequestCompleted`].
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

    /// Sends an INFO (RFC 6086), such as DTMF. The outcome comes as [`Event::RequestCompleted`].
    ///
    /// # Errors
    /// [`CommandError`]; nothing has been sent then.
    pub fn info(self, body: &Body, now: Timestamp) -> Result<RequestId, CommandError> {
        self.agent.info(self.id, body, now)
    }
}
