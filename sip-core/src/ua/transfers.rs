//! The commands of transfers: REFERs of this side, and the answers to those of peers (RFC 3515).

use alloc::string::String;

use sip_parse::{StatusCode, UriBuf};

use super::agent::UserAgent;
use crate::error::CommandError;
use crate::ids::{ReferId, SessionId, TransferId};
use crate::session::{InviteOptions, MessageOptions, Refusal, TransferOptions};
use crate::time::Timestamp;

/// The target of a transfer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransferTarget {
    /// A URI, or a user at the host of the address-of-record: the blind transfer (RFC 5589 section 6).
    Address(String),
    /// The peer of another call of this agent that is up, which the call of the transferred peer replaces: the attended
    /// transfer (RFC 5589 section 7).
    Call(SessionId),
}

impl From<&str> for TransferTarget {
    fn from(address: &str) -> Self {
        Self::Address(address.into())
    }
}

impl From<String> for TransferTarget {
    fn from(address: String) -> Self {
        Self::Address(address)
    }
}

impl From<SessionId> for TransferTarget {
    fn from(call: SessionId) -> Self {
        Self::Call(call)
    }
}

impl UserAgent {
    /// Sends a REFER outside any dialog to `target`, a URI or a user at the address-of-record's host: asks it to refer to
    /// `refer_to`, as a rule to call it (RFC 3515). [`Event::TransferProgress`](crate::Event::TransferProgress) and
    /// [`Event::TransferEnded`](crate::Event::TransferEnded) report how that goes. RFC 7647 section 3 allows such a REFER only
    /// to a target that reaches one user agent alone: a GRUU (RFC 5627), a Contact with `ob` (RFC 5626), or the target of a
    /// call that [`TransferOptions::target_dialog`] names. The application chooses such a target, because no URI shows that.
    ///
    /// # Errors
    /// [`CommandError`]; no request is sent then. Without a connection the command fails, whatever `offlineRequests` says.
    pub fn refer(
        &mut self,
        target: &str,
        refer_to: &str,
        options: &TransferOptions,
        now: Timestamp,
    ) -> Result<TransferId, CommandError> {
        self.command(now)?;
        let target = self.target(target)?;
        let refer_to = self.target(refer_to)?;
        let endpoint = &mut self.endpoint;
        let id = self
            .sessions
            .refer_outside(endpoint, None, &target, &refer_to, options)?;
        self.settle();
        Ok(id)
    }

    /// As [`EstablishedSession::refer`](crate::EstablishedSession::refer).
    pub(super) fn refer_call(
        &mut self,
        session: SessionId,
        target: TransferTarget,
        options: &TransferOptions,
        now: Timestamp,
    ) -> Result<TransferId, CommandError> {
        self.command(now)?;
        let id = match target {
            TransferTarget::Address(address) => {
                let refer_to: UriBuf = self.target(&address)?;
                let sessions = &mut self.sessions;
                sessions.refer(&mut self.endpoint, session, &refer_to, options)?
            }
            TransferTarget::Call(other) => {
                let sessions = &mut self.sessions;
                sessions.refer_to_call(&mut self.endpoint, session, other, options)?
            }
        };
        self.settle();
        Ok(id)
    }

    /// Accepts [`Event::IncomingRefer`](crate::Event::IncomingRefer) and follows it: the core answers 202, calls the target
    /// with the Referred-By of the REFER (RFC 3892 section 2.2) and the header fields of Refer-To, and reports the progress
    /// of that call to the peer (RFC 3515 section 2.4.4). Returns the new call, which is a call as any other. A Referred-By of
    /// the application replaces that of the REFER. The new call is anonymous if the one of the REFER is.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the REFER is answered, [`CommandError::WrongState`] for one that asks for another method
    /// than INVITE, [`CommandError::Send`] for header fields of Refer-To that no message can have, and those of
    /// [`UserAgent::invite`]; the REFER still waits for an answer then.
    pub fn follow_refer(
        &mut self,
        refer: ReferId,
        options: InviteOptions,
        now: Timestamp,
    ) -> Result<SessionId, CommandError> {
        self.command(now)?;
        let sessions = &mut self.sessions;
        let call = sessions.follow_refer(&mut self.endpoint, refer, options)?;
        self.settle();
        Ok(call)
    }

    /// Accepts [`Event::IncomingRefer`](crate::Event::IncomingRefer) by 202 with the header fields of `options`. The
    /// application does what the peer asks for, and reports with [`UserAgent::refer_progress`].
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the REFER is answered, [`CommandError::Backpressure`].
    pub fn accept_refer(
        &mut self,
        refer: ReferId,
        options: &MessageOptions,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        let sessions = &mut self.sessions;
        sessions.accept_refer(&mut self.endpoint, refer, options)?;
        self.settle();
        Ok(())
    }

    /// Reports a status of what an accepted REFER asked for to the peer (RFC 3515 section 2.4.5); a final one ends the
    /// subscription.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the subscription is over, or the peer wants none (RFC 4488);
    /// [`CommandError::WrongState`] if the REFER is not accepted; [`CommandError::Backpressure`].
    pub fn refer_progress(
        &mut self,
        refer: ReferId,
        status: StatusCode,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        let sessions = &mut self.sessions;
        sessions.refer_progress(&mut self.endpoint, refer, status)?;
        self.settle();
        Ok(())
    }

    /// Refuses [`Event::IncomingRefer`](crate::Event::IncomingRefer), as by
    /// [`FailureStatus::DECLINE`](crate::FailureStatus::DECLINE).
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the REFER is answered, [`CommandError::Backpressure`].
    pub fn reject_refer(
        &mut self,
        refer: ReferId,
        refusal: impl Into<Refusal>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        let sessions = &mut self.sessions;
        sessions.reject_refer(&mut self.endpoint, refer, &refusal.into())?;
        self.settle();
        Ok(())
    }
}
