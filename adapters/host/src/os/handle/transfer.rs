//! REFERs of peers.

use std::fmt;

use sip_core::{InviteOptions, MessageOptions, ReferId, Referral, Refusal, SessionId, UserAgent};
use sip_parse::StatusCode;

use super::call::Call;
use super::request::from_text;
use super::shared::Port;
use crate::command;
use crate::handles::error::CallError;
use crate::handles::{Chore, OfferedTransfer};

/// A REFER of a peer. See the list of handles.
pub struct IncomingTransfer<P: Port> {
    port: P,
    offer: OfferedTransfer,
}

impl<P: Port> fmt::Debug for IncomingTransfer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refer = &self.offer.refer;
        f.debug_tuple("IncomingTransfer").field(refer).finish()
    }
}

impl<P: Port> IncomingTransfer<P> {
    pub(super) fn new(port: P, offer: OfferedTransfer) -> Self {
        Self { port, offer }
    }

    /// How the handle reaches its agent.
    #[must_use]
    pub fn port(&self) -> &P {
        &self.port
    }

    /// See the list.
    #[must_use]
    pub fn id(&self) -> ReferId {
        self.offer.refer
    }

    /// See the list.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.offer.session
    }

    /// See the list.
    #[must_use]
    pub fn from(&self) -> String {
        from_text(&self.offer.referral.request)
    }

    /// See the list.
    #[must_use]
    pub fn target(&self) -> String {
        self.offer.referral.target.to_string()
    }

    /// See the list.
    #[must_use]
    pub fn referral(&self) -> &Referral {
        &self.offer.referral
    }

    /// See the list.
    ///
    /// # Errors
    /// The REFER is over, or the call cannot be made.
    pub async fn follow(self) -> Result<Call<P>, CallError> {
        self.follow_with(InviteOptions::new()).await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`IncomingTransfer::follow`].
    pub async fn follow_with(self, options: InviteOptions) -> Result<Call<P>, CallError> {
        let refer = self.offer.refer;
        let port = self.port.clone();
        let follow = move |agent: &mut UserAgent, now| {
            let session = agent.follow_refer(refer, options, now)?;
            Ok::<_, CallError>(Call::place(port, session))
        };
        self.port.with(follow).await?
    }

    /// See the list.
    ///
    /// # Errors
    /// The REFER is over.
    pub async fn accept(&self) -> Result<(), CallError> {
        let accept = command::accept_refer(self.offer.refer, MessageOptions::new());
        Ok(self.port.with(accept).await??)
    }

    /// See the list.
    ///
    /// # Errors
    /// The REFER is not accepted, or the peer wants no reports any more.
    pub async fn progress(&self, status: StatusCode) -> Result<(), CallError> {
        let progress = command::refer_progress(self.offer.refer, status);
        Ok(self.port.with(progress).await??)
    }

    /// See the list.
    pub fn reject(self, refusal: Refusal) {
        let chore = Chore::RejectTransfer(self.offer.refer, Some(Box::new(refusal)));
        self.port.shared().leave(chore);
    }
}

impl<P: Port> Drop for IncomingTransfer<P> {
    fn drop(&mut self) {
        // The core ignores it for a REFER that has been answered.
        let chore = Chore::RejectTransfer(self.offer.refer, None);
        self.port.shared().leave(chore);
    }
}
