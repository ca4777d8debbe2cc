//! Calls.

use std::fmt;

use sip_core::{
    Cause, CommandError, EndReason, MessageOptions, Originator, Refusal, SessionId, Timestamp,
    Tones, TransferId, TransferOptions, TransferOutcome, TransferTarget, UserAgent,
};
use sip_parse::{Request, Response};

use super::request::{PendingRequest, from_text};
use super::shared::{Port, Shared};
use crate::command;
use crate::handles::error::CallError;
use crate::handles::{Chore, Handles, OfferedCall, Topic};

/// Ends its call when it is dropped, unless it is detached.
struct Hold<P: Port> {
    port: P,
    session: SessionId,
    is_unanswered: bool,
    is_detached: bool,
}

impl<P: Port> Hold<P> {
    fn shared(&self) -> &Shared {
        self.port.shared()
    }

    fn detach(mut self) -> SessionId {
        self.is_detached = true;
        self.session
    }

    async fn ended(&self) -> EndReason {
        let session = self.session;
        let question = move |handles: &mut Handles| handles.ended(session);
        self.shared().wait(Topic::Call(session), question).await
    }

    fn end(&self) -> Option<EndReason> {
        self.shared().lock().ended(self.session)
    }
}

impl<P: Port> Drop for Hold<P> {
    fn drop(&mut self) {
        let (session, is_unanswered) = (self.session, self.is_unanswered);
        if self.is_detached {
            self.shared().lock().detach_call(session);
        } else {
            let shared = self.shared();
            shared.act(|handles| handles.drop_call(session, is_unanswered));
        }
    }
}

/// A call. See the list of handles.
pub struct Call<P: Port>(Hold<P>);

impl<P: Port> fmt::Debug for Call<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.0.session).finish()
    }
}

impl<P: Port> Call<P> {
    /// The handle of a call that a command has made just now, in the closure of that command.
    pub(super) fn place(port: P, session: SessionId) -> Self {
        port.shared().lock().place_call(session);
        Self::claimed(port, session)
    }

    /// The handle of a call that the machine has given out.
    fn claimed(port: P, session: SessionId) -> Self {
        Self(Hold {
            port,
            session,
            is_unanswered: false,
            is_detached: false,
        })
    }

    /// How the handle reaches its agent.
    #[must_use]
    pub fn port(&self) -> &P {
        &self.0.port
    }

    /// See the list.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.0.session
    }

    /// See the list.
    #[must_use]
    pub fn end(&self) -> Option<EndReason> {
        self.0.end()
    }

    /// See the list.
    #[must_use]
    pub fn detach(self) -> SessionId {
        self.0.detach()
    }

    /// See the list.
    ///
    /// # Errors
    /// The call ended before it came up.
    pub async fn established(&self) -> Result<(), EndReason> {
        let session = self.id();
        let question = move |handles: &mut Handles| handles.established(session);
        self.0.shared().wait(Topic::Call(session), question).await
    }

    /// See the list.
    pub async fn ended(&self) -> EndReason {
        self.0.ended().await
    }

    /// See the list.
    pub async fn hang_up(&self) -> EndReason {
        if let Some(reason) = self.end() {
            return reason;
        }
        self.0.shared().leave(Chore::HangUp(self.id()));
        self.0.ended().await
    }

    /// See the list.
    ///
    /// # Errors
    /// The core refuses the options, or the call cannot be ended now.
    pub async fn hang_up_with(&self, options: MessageOptions) -> Result<EndReason, CallError> {
        let hang_up = command::hang_up_with(self.id(), options);
        if self.end().is_none()
            && let Err(failure) = self.0.port.with(hang_up).await.and_then(|result| result)
            && self.end().is_none()
        {
            return Err(failure.into());
        }
        Ok(self.0.ended().await)
    }

    /// See the list.
    ///
    /// # Errors
    /// The call is not up, is being changed already, or has ended; or the peer refuses.
    pub async fn hold(&self) -> Result<(), CallError> {
        self.change(command::hold(self.id())).await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Call::hold`].
    pub async fn resume(&self) -> Result<(), CallError> {
        self.change(command::resume(self.id())).await
    }

    /// Asks for a change of the session and waits for the end of its exchange.
    async fn change<F>(&self, ask: F) -> Result<(), CallError>
    where
        F: FnOnce(&mut UserAgent, Timestamp) -> command::Outcome<()> + Send + 'static,
    {
        let session = self.id();
        let shared = self.0.shared().clone();
        let begin = move |agent: &mut UserAgent, now| {
            ask(agent, now)?;
            Ok(shared.lock().begin_change(session))
        };
        let number = self.ask(begin).await?;
        let question = move |handles: &mut Handles| handles.changed(session, number);
        let outcome = self.0.shared().wait(Topic::Call(session), question).await;
        outcome.map_err(|reason| match self.end() {
            Some(end) => CallError::Ended(end),
            None => CallError::Rejected(*reason),
        })
    }

    /// Runs a command. One that comes too late fails with the end of the call.
    async fn ask<T, F>(&self, ask: F) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> command::Outcome<T> + Send + 'static,
    {
        let result = self.0.port.with(ask).await.and_then(|result| result);
        result.map_err(|failure| match self.end() {
            Some(end) => CallError::Ended(end),
            None => failure.into(),
        })
    }

    /// See the list.
    ///
    /// # Errors
    /// The core refuses the command, the call has ended, or the transfer does not succeed.
    pub async fn transfer(&self, target: TransferTarget) -> Result<(), CallError> {
        self.transfer_with(target, TransferOptions::new()).await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Call::transfer`].
    pub async fn transfer_to(&self, other: TransferTarget) -> Result<(), CallError> {
        self.transfer(other).await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Call::transfer`].
    pub async fn transfer_with(
        &self,
        target: TransferTarget,
        options: TransferOptions,
    ) -> Result<(), CallError> {
        let refer = command::refer(self.id(), target, options);
        let port = self.0.port.clone();
        let ticket = self
            .ask(move |agent, now| {
                let transfer = refer(agent, now)?;
                port.shared().lock().expect_transfer(transfer);
                Ok(TransferTicket { port, transfer })
            })
            .await?;
        let transfer = ticket.transfer;
        let question = move |handles: &mut Handles| handles.transfer_outcome(transfer);
        let waiting = self.0.shared().wait(Topic::Transfer(transfer), question);
        match waiting.await {
            TransferOutcome::Succeeded(_) | TransferOutcome::Unreported => Ok(()),
            outcome => Err(CallError::Transfer(outcome)),
        }
    }

    /// See the list.
    ///
    /// # Errors
    /// The tones are not valid, the core refuses the command, the call has ended, or the peer refuses a tone.
    pub async fn dtmf(&self, tones: String) -> Result<(), CallError> {
        let tones = Tones::new(&tones).map_err(CommandError::from)?;
        self.send_tones(tones).await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Call::dtmf`].
    pub async fn send_tones(&self, tones: Tones) -> Result<(), CallError> {
        let send = command::send_tones(self.id(), tones);
        let port = self.0.port.clone();
        let pending = self
            .ask(move |agent, now| {
                let request = send(agent, now)?;
                Ok(PendingRequest::expect(port, request))
            })
            .await?;
        let reason = match pending.response().await {
            Ok(response) if response.status().is_success() => return Ok(()),
            Ok(response) => refused(&response),
            Err(reason) => reason,
        };
        Err(match self.end() {
            Some(end) => CallError::Ended(end),
            None => CallError::Rejected(reason),
        })
    }

    /// See the list.
    pub async fn branch(&self) -> Option<Self> {
        let of = self.id();
        let question = move |handles: &mut Handles| handles.claim_branch(of);
        let session = self.0.shared().wait(Topic::Call(of), question).await?;
        Some(Self::claimed(self.0.port.clone(), session))
    }
}

/// The reason of a refusal by the peer.
fn refused(response: &Response) -> EndReason {
    let mut reason = EndReason::local(Cause::Refused);
    reason.originator = Originator::Peer;
    reason.status = Some(response.status());
    reason.text = Some(String::from_utf8_lossy(response.reason()).into());
    reason
}

/// Takes the outcome of a transfer out of the machine when no future waits for it any more.
struct TransferTicket<P: Port> {
    port: P,
    transfer: TransferId,
}

impl<P: Port> Drop for TransferTicket<P> {
    fn drop(&mut self) {
        let mut handles = self.port.shared().lock();
        handles.forget_transfer(self.transfer);
    }
}

/// The call of a peer that the application has not answered. See the list of handles.
pub struct IncomingCall<P: Port> {
    hold: Hold<P>,
    offer: OfferedCall,
}

impl<P: Port> fmt::Debug for IncomingCall<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = &self.hold.session;
        f.debug_tuple("IncomingCall").field(session).finish()
    }
}

impl<P: Port> IncomingCall<P> {
    pub(super) fn new(port: P, offer: OfferedCall) -> Self {
        let hold = Hold {
            port,
            session: offer.session,
            is_unanswered: true,
            is_detached: false,
        };
        Self { hold, offer }
    }

    /// How the handle reaches its agent.
    #[must_use]
    pub fn port(&self) -> &P {
        &self.hold.port
    }

    /// See the list.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.hold.session
    }

    /// See the list.
    #[must_use]
    pub fn end(&self) -> Option<EndReason> {
        self.hold.end()
    }

    /// See the list.
    #[must_use]
    pub fn detach(self) -> SessionId {
        self.hold.detach()
    }

    /// See the list.
    #[must_use]
    pub fn from(&self) -> String {
        from_text(&self.offer.request)
    }

    /// See the list.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.offer.request
    }

    /// See the list.
    #[must_use]
    pub fn replaces(&self) -> Option<SessionId> {
        self.offer.replaces
    }

    /// See the list.
    pub fn ring(&self) {
        self.hold.shared().leave(Chore::Ring(self.id()));
    }

    /// See the list.
    #[must_use]
    pub fn answer(mut self) -> Call<P> {
        self.hold.shared().leave(Chore::Answer(self.id()));
        self.hold.is_unanswered = false;
        Call(self.hold)
    }

    /// See the list.
    ///
    /// # Errors
    /// The core refuses the options. The call is refused by 480 then, because its handle is dropped.
    pub async fn answer_with(mut self, options: MessageOptions) -> Result<Call<P>, CallError> {
        let answer = command::answer_with(self.id(), options);
        let result = self.hold.port.with(answer).await.and_then(|result| result);
        match result {
            Err(failure) if self.end().is_none() => Err(failure.into()),
            _ => {
                self.hold.is_unanswered = false;
                Ok(Call(self.hold))
            }
        }
    }

    /// See the list.
    pub async fn reject(self, refusal: Refusal) -> EndReason {
        let chore = Chore::Reject(self.id(), Some(Box::new(refusal)));
        self.hold.shared().leave(chore);
        self.hold.ended().await
    }

    /// See the list.
    pub async fn ended(&self) -> EndReason {
        self.hold.ended().await
    }
}
