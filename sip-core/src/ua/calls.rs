//! The commands of calls and registration. Each phase of a call is a type, so that a command that does not
//! fit the phase does not compile.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{Message, Method, NameAddr};

use super::agent::UserAgent;
use super::transfers::TransferTarget;
use crate::body::Body;
use crate::dtmf::{Tone, Tones, TonesError};
use crate::endpoint::{Duty, MaySend, SessionRequest, TransactionUser};
use crate::error::{CommandError, StaleHandle};
use crate::ids::{ExchangeId, RequestId, SessionId, TransferId};
use crate::registration::{RegisterKind, Wish};
use crate::session::{
    DescriptionFailed, Input, InviteOptions, MessageOptions, ModifyOptions, Phase,
    ProvisionalOptions, Refusal, Stepped, TransferOptions,
};
use crate::session_uuid::SessionIdentifier;
use crate::time::Timestamp;

/// The phase of a call, with the commands that fit it.
#[derive(Debug)]
pub enum Session<'a> {
    /// A peer calls; the application has to answer or reject.
    Incoming(IncomingSession<'a>),
    /// This side calls; the peer has to answer.
    Outgoing(OutgoingSession<'a>),
    /// The call is up, or its 2xx is sent.
    Established(EstablishedSession<'a>),
    /// The application hung up: CANCEL or BYE is sent, or BYE waits for the ACK or a connection; [`Event::Ended`](crate::Event::Ended) follows.
    Ending,
}

/// An incoming call that is not answered yet.
#[derive(Debug)]
pub struct IncomingSession<'a> {
    agent: &'a mut UserAgent,
    id: SessionId,
}

/// An outgoing call that is not answered yet.
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
    /// Registers now and on every later connection (RFC 3261 section 10.2); sets `register` to true. Without
    /// a connection the REGISTER follows as soon as one opens.
    /// [`Event::Registered`](crate::Event::Registered) or
    /// [`Event::RegistrationFailed`](crate::Event::RegistrationFailed) reports the outcome.
    ///
    /// # Errors
    /// [`CommandError::NotRunning`] or [`CommandError::Backpressure`].
    pub fn register(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.command(now)?;
        self.registrations.want(Wish::Registered);
        self.register_if_wanted();
        self.settle();
        Ok(())
    }

    /// Removes the binding of this agent (RFC 3261 section 10.2.2) and stops registering.
    /// [`Event::Unregistered`](crate::Event::Unregistered) reports the outcome, also if there was no binding,
    /// unless the application calls `register` before the removal completes.
    ///
    /// # Errors
    /// [`CommandError::NotRunning`] or [`CommandError::Backpressure`].
    pub fn unregister(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.command(now)?;
        self.remove_bindings(Wish::Leaving);
        self.settle();
        Ok(())
    }

    /// Removes all bindings of the address-of-record, also those of other agents (RFC 3261 section 10.2.2:
    /// `Contact: *`), and stops registering. [`Event::Unregistered`](crate::Event::Unregistered) reports the
    /// outcome, after an [`Event::RegistrationFailed`](crate::Event::RegistrationFailed) if the registrar
    /// refused.
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

    /// Fetches the bindings of the address-of-record from the registrar (RFC 3261 section 10.2.3).
    /// [`Event::Bindings`](crate::Event::Bindings) or
    /// [`Event::RegistrationFailed`](crate::Event::RegistrationFailed) reports the outcome.
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

    /// Calls `target`, a URI or a user at the address-of-record's host (RFC 3261 section 13.2), and returns
    /// the handle of the call. First the core requests the offer with
    /// [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded), unless [`InviteOptions`]
    /// leaves it to the peer. Without a connection `offlineRequests` decides whether the command fails or the
    /// INVITE waits: for 64 T1 at most, then the call ends with [`Cause::Timeout`](crate::Cause::Timeout).
    ///
    /// # Errors
    /// [`CommandError`]; no call exists then, and no event follows.
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

    /// The phase of a call, with the commands that fit it.
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

    /// Who sent a message of a peer, as the servers of this agent assert it (P-Asserted-Identity, RFC 3325 section 9.1): at
    /// most a SIP URI and a `tel:` URI. Nothing without `trustAssertedIdentity`, because the header field proves
    /// nothing if the servers do not check it, or if the message did not come through them.
    #[must_use]
    pub fn asserted_identities<'a>(&self, message: &'a Message) -> Vec<NameAddr<'a>> {
        if !self.config.trust_asserted_identity() {
            return Vec::new();
        }
        message.asserted_identities().flatten().take(2).collect()
    }

    /// The identifier of a call's communication session (RFC 7989): the UUIDs of both ends. `None` if the call is over, or
    /// without `sessionId`.
    #[must_use]
    pub fn session_identifier(&self, id: SessionId) -> Option<SessionIdentifier> {
        self.sessions.session_identifier(&self.endpoint, id)
    }

    /// Ends a call by CANCEL, 480 or BYE, as its phase requires (RFC 3261 sections 9.1, 13.3.1.3, 15). A call
    /// that is already ending is unchanged. Without a connection the BYE waits for one, 64 T1 at most; then
    /// the call ends with [`Cause::NeverSent`](crate::Cause::NeverSent).
    ///
    /// # Errors
    /// [`StaleHandle`] if the call is over.
    pub fn hang_up(&mut self, id: SessionId, now: Timestamp) -> Result<(), StaleHandle> {
        self.advance(now);
        if !self.hang_up_session(id, Input::HangUp) {
            return Err(StaleHandle);
        }
        self.settle();
        Ok(())
    }

    /// As [`UserAgent::hang_up`], with what the application adds to the message that ends the call, such as a [`Reason`](crate::Reason): BYE
    /// and 480 carry all of it, a CANCEL the values of Reason alone (RFC 3326), because a CANCEL goes from hop to hop. A call
    /// that is already ending is unchanged.
    ///
    /// # Errors
    /// [`StaleHandle`] if the call is over.
    pub fn hang_up_with(
        &mut self,
        id: SessionId,
        options: MessageOptions,
        now: Timestamp,
    ) -> Result<(), StaleHandle> {
        self.advance(now);
        if !self.hang_up_session(id, Input::HangUpWith(Box::new(options))) {
            return Err(StaleHandle);
        }
        self.settle();
        Ok(())
    }

    pub(super) fn hang_up_session(&mut self, id: SessionId, input: Input<'_>) -> bool {
        let known = self.step_session(id, input) != Stepped::Unknown;
        // While a challenge waits, no request is in flight; withdrawing the challenge ends the call now.
        for request in [
            SessionRequest::Invite,
            SessionRequest::Reinvite,
            SessionRequest::Update,
        ] {
            self.withdraw_challenge(TransactionUser::Session(id, request));
        }
        self.end_tones(id);
        known
    }

    /// Answers [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded): takes the `exchange` of that
    /// event, and the offer or answer, or [`DescriptionFailed`] if the application cannot make one (RFC
    /// 3264).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the call is over, [`CommandError::ExchangeOver`] if this exchange is not
    /// the one that waits for a description, [`CommandError::Backpressure`].
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

    /// Passes a command to a call.
    fn command_session(&mut self, id: SessionId, input: Input<'_>) -> Result<(), CommandError> {
        self.sessions.step(&mut self.endpoint, id, input)?;
        let over = self.sessions.phase(id).is_none();
        self.forget_call(Some(id).filter(|_| over));
        self.settle();
        Ok(())
    }
}

impl IncomingSession<'_> {
    /// Announces the call to the caller: sends 180 and repeats it every minute (RFC 3261 section 13.3.1.1).
    /// Idempotent. [`IncomingSession::progress`] has header fields and other statuses.
    pub fn ring(self, now: Timestamp) {
        self.take(Input::Ring, now);
    }

    /// Sends a provisional response: any status from 101 to 199, with header fields, early media, reliably (RFC 3262).
    /// With a description the core emits [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) first; the call goes on
    /// without the response if the application has none. A response waits while the caller has not acknowledged an earlier
    /// reliable one. If the caller acknowledges none within 64 T1, the core refuses the call by 504 and ends it with
    /// [`Cause::NoPrack`](crate::Cause::NoPrack).
    ///
    /// # Errors
    /// [`CommandError::WrongState`] for a reliability that caller and `rel100` do not allow, for a second description, and for an
    /// offer in an unreliable response; [`CommandError::Limit`] if
    /// [`Limits::provisionals`](crate::Limits::provisionals) wait.
    pub fn progress(self, options: ProvisionalOptions, now: Timestamp) -> Result<(), CommandError> {
        self.agent.advance(now);
        self.agent
            .command_session(self.id, Input::Progress(options))
    }

    /// Accepts the call, as [`IncomingSession::answer`], with header fields for the 2xx.
    ///
    /// # Errors
    /// [`CommandError::WrongState`] if the options have a body, because the session description is the body of the 2xx.
    pub fn answer_with(self, options: MessageOptions, now: Timestamp) -> Result<(), CommandError> {
        self.agent.advance(now);
        self.agent
            .command_session(self.id, Input::AnswerWith(options))
    }

    /// Accepts the call (RFC 3261 section 13.3.1.4). The core emits
    /// [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded), then
    /// [`Event::Established`](crate::Event::Established). Idempotent.
    pub fn answer(self, now: Timestamp) {
        self.take(Input::Answer, now);
    }

    /// Refuses the call (RFC 3261 section 13.3.1.3): with a [`FailureStatus`](crate::FailureStatus), or with a [`Refusal`]
    /// that has the header fields which its status requires, such as a redirection (section 13.3.1.2).
    pub fn reject(self, refusal: impl Into<Refusal>, now: Timestamp) {
        self.take(Input::Refuse(refusal.into()), now);
    }

    /// Changes the session by an UPDATE before the call is answered (RFC 3311 section 5.1). The peer's Allow has to list UPDATE,
    /// and a reliable provisional response has to have completed a first exchange of descriptions.
    ///
    /// # Errors
    /// [`CommandError::WrongState`] otherwise, and while another offer is under way.
    pub fn update(self, options: ModifyOptions, now: Timestamp) -> Result<(), CommandError> {
        self.agent.command(now)?;
        let update = Input::SendUpdate(options);
        self.agent.command_session(self.id, update)
    }

    fn take(self, input: Input<'_>, now: Timestamp) {
        self.agent.advance(now);
        self.agent.step_session(self.id, input);
        self.agent.settle();
    }
}

impl OutgoingSession<'_> {
    /// Cancels the call (RFC 3261 section 9.1): sends CANCEL, or BYE if the 2xx crosses the CANCEL.
    pub fn cancel(self, now: Timestamp) {
        self.agent.advance(now);
        self.agent.hang_up_session(self.id, Input::HangUp);
        self.agent.settle();
    }
}

impl EstablishedSession<'_> {
    /// Hangs up (RFC 3261 section 15). The callee's BYE waits until the ACK has arrived.
    pub fn bye(self, now: Timestamp) {
        self.agent.advance(now);
        self.agent.hang_up_session(self.id, Input::HangUp);
        self.agent.settle();
    }

    /// Changes the session by a re-INVITE (RFC 3261 section 14.1). The core requests the offer with
    /// [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded) and reports the outcome with
    /// [`Event::ExchangeEnded`](crate::Event::ExchangeEnded). [`ModifyOptions::without_offer`] leaves the offer to the peer:
    /// then [`Event::ModificationEnded`](crate::Event::ModificationEnded) reports a failure before it.
    /// If a change of the peer crosses this one, the core waits and tries again, as section 14.1 requires.
    ///
    /// # Errors
    /// [`CommandError::WrongState`] while another INVITE, or an UPDATE with an offer, is under way in the call, in either
    /// direction.
    pub fn reinvite(self, options: ModifyOptions, now: Timestamp) -> Result<(), CommandError> {
        self.command(Input::Renegotiate(options), now)
    }

    /// Transfers the peer: asks it by REFER (RFC 3515) to call `target`, a URI, a user at the address-of-record's host, or the
    /// peer of another call, which that call replaces (RFC 3891). Returns the handle of the REFER.
    /// [`Event::TransferProgress`](crate::Event::TransferProgress) and
    /// [`Event::TransferEnded`](crate::Event::TransferEnded) report how that goes. The call goes on until one side hangs up,
    /// as the application does after a success; it may do so before, and the reports go on (RFC 5057 section 4).
    ///
    /// # Errors
    /// [`CommandError`]; no request is sent then. [`CommandError::WrongState`] unless the call is up, and for the peer of
    /// another call that does not support Replaces (RFC 3891 section 4). Without a connection the command fails, whatever
    /// `offlineRequests` says.
    pub fn refer(
        self,
        target: impl Into<TransferTarget>,
        options: &TransferOptions,
        now: Timestamp,
    ) -> Result<TransferId, CommandError> {
        self.agent.refer_call(self.id, target.into(), options, now)
    }

    /// Changes the session by an UPDATE (RFC 3311 section 5.1), as [`EstablishedSession::reinvite`] does. The core sends a
    /// re-INVITE if the Allow of the peer does not list UPDATE. [`ModifyOptions::without_offer`] refreshes only the target
    /// and the session; [`Event::ModificationEnded`](crate::Event::ModificationEnded) reports the outcome then.
    ///
    /// # Errors
    /// As [`EstablishedSession::reinvite`].
    pub fn update(self, options: ModifyOptions, now: Timestamp) -> Result<(), CommandError> {
        self.command(Input::SendUpdate(options), now)
    }

    /// Puts the peer on hold by a re-INVITE (RFC 3264 section 8.4). The core requests the offer with
    /// [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded), whose `hold` is true;
    /// [`sdp::with_direction`](crate::sdp::with_direction) makes one. The hold is in force when
    /// [`Event::ExchangeEnded`](crate::Event::ExchangeEnded) reports it complete; every later description of the call keeps
    /// it until `resume`.
    ///
    /// # Errors
    /// As [`EstablishedSession::reinvite`].
    pub fn hold(self, now: Timestamp) -> Result<(), CommandError> {
        self.command(Input::Hold(true), now)
    }

    /// Ends the hold of this side, as [`EstablishedSession::hold`] begins it.
    ///
    /// # Errors
    /// As [`EstablishedSession::reinvite`].
    pub fn resume(self, now: Timestamp) -> Result<(), CommandError> {
        self.command(Input::Hold(false), now)
    }

    /// Whether this side holds the call: whether the last complete exchange did.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.agent.sessions.holds(self.id).unwrap_or(false)
    }

    /// Refuses the re-INVITE or UPDATE of the peer that waits for a description; the call goes on. An UPDATE whose answer needs
    /// the consent of the user gets 504 (RFC 3311 section 5.2), which the core sends by itself after 10 s.
    ///
    /// # Errors
    /// [`CommandError::WrongState`] if none waits, [`CommandError::NotRunning`] or [`CommandError::Backpressure`].
    pub fn reject(self, refusal: impl Into<Refusal>, now: Timestamp) -> Result<(), CommandError> {
        self.command(Input::Refuse(refusal.into()), now)
    }

    fn command(self, input: Input<'_>, now: Timestamp) -> Result<(), CommandError> {
        self.agent.command(now)?;
        self.agent.command_session(self.id, input)
    }

    /// Sends one tone: as [`EstablishedSession::send_tones`] with the one tone.
    ///
    /// # Errors
    /// [`CommandError::Tones`] for a tone other than 0-9, A-D, * and #, or a duration that is not 70 ms to 6 s; otherwise as
    /// [`EstablishedSession::info`].
    pub fn send_dtmf(
        self,
        tone: char,
        duration: Duration,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        let symbol = Tone::new(tone).ok_or(TonesError::Symbol(0))?.symbol();
        let tones = Tones::new(symbol.encode_utf8(&mut [0; 4]))?;
        self.send_tones(tones.duration(duration)?, now)
    }

    /// Sends tones, and returns one handle for all of them. [`Event::RequestCompleted`](crate::Event::RequestCompleted)
    /// reports the outcome: the response to the last tone, or the first failure, which ends the sequence.
    ///
    /// With `dtmfType` `info` each tone is an INFO. One is in flight at a time, and the next one follows after the
    /// response, the duration of the tone and the gap. Tones that the application sends meanwhile follow after them. The end
    /// of the call ends the sequence ([`Cause::DialogGone`](crate::Cause::DialogGone)). With `dtmfType` `rtp` the core first
    /// emits [`Event::TonesOffered`](crate::Event::TonesOffered).
    ///
    /// # Errors
    /// As [`EstablishedSession::info`].
    pub fn send_tones(self, tones: Tones, now: Timestamp) -> Result<RequestId, CommandError> {
        self.agent.send_tones(self.id, tones, now)
    }

    /// Sends an INFO without a package (RFC 6086 section 2), and returns the handle of the request.
    /// [`Event::RequestCompleted`](crate::Event::RequestCompleted) reports the outcome.
    ///
    /// # Errors
    /// [`CommandError`]; no request is sent then.
    pub fn info(self, body: &Body, now: Timestamp) -> Result<RequestId, CommandError> {
        self.request(Method::Info, MessageOptions::new().body(body.clone()), now)
    }

    /// Sends an INFO of a package (RFC 6086), and returns the handle of the request.
    /// [`Event::RequestCompleted`](crate::Event::RequestCompleted) reports the outcome. A body gets the disposition
    /// `Info-Package`, unless the options have another one.
    ///
    /// # Errors
    /// [`CommandError::InfoPackage`] if the peer has not listed the package in Recv-Info; otherwise as
    /// [`EstablishedSession::info`].
    pub fn info_package(
        self,
        package: &str,
        options: MessageOptions,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        self.agent.info_package(self.id, package, options, now)
    }

    /// Sends an INFO, a MESSAGE (RFC 3428), an OPTIONS (RFC 3261 section 11.2) or a request of an extension, and returns the
    /// handle of the request. [`Event::RequestCompleted`](crate::Event::RequestCompleted) reports the outcome. A failure
    /// such as 481 ends the call, too (RFC 5057 section 5.1).
    ///
    /// # Errors
    /// [`CommandError::WrongState`] for a method that has a command of its own or does not belong into a call; otherwise
    /// as [`EstablishedSession::info`].
    pub fn request(
        self,
        method: Method<'_>,
        options: MessageOptions,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        self.agent.request_in_call(self.id, method, options, now)
    }
}
