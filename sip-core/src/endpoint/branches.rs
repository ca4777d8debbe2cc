//! Branches of a forked INVITE that its call does not use, and 2xx to an INVITE whose call is over (RFC 3261
//! section 13.2.2.4): each 2xx is acknowledged, and each branch is ended by one BYE.
//!
//! A peer can invent To tags without end. So a 2xx costs one ACK, which leaves nothing behind; a BYE, which costs a
//! transaction, goes out to [`Limits::forks`](crate::Limits::forks) branches of an INVITE, and only while fewer than
//! [`Limits::branch_byes`](crate::Limits::branch_byes) are in flight. Above that the branch gets its ACK alone, so that
//! the peer stops repeating its 2xx, and ends by the timers of the peer's media or session. The client transaction of the
//! INVITE remembers which branches have had their BYE: it lives as long as a 2xx can be repeated (RFC 6026 section 7.2).

use bytes::Bytes;
use sip_parse::{HeaderName, Method, Request, Response};

use super::identity::ANONYMOUS;
use super::owner::{Sent, TransactionUser};
use super::requests::{MAX_FORWARDS, copy_credentials};
use super::sent_request::SentRequest;
use super::state::Endpoint;
use crate::auth::RequestContext;
use crate::dialog::{Dialog, DialogId};
use crate::ids::ConnectionId;
use crate::session_uuid::identifier_after;
use crate::transaction::{ClientTransactionId, SendError};

/// A 2xx to an INVITE.
#[derive(Clone, Copy)]
pub(crate) struct Success<'a> {
    pub(crate) transaction: ClientTransactionId,
    /// The connection that the 2xx came on.
    pub(crate) connection: ConnectionId,
    pub(crate) invite: &'a SentRequest,
    pub(crate) response: &'a Response,
}

impl Endpoint {
    /// Acknowledges a 2xx of a branch that the call does not use, and ends the branch by BYE unless it has ended
    /// before.
    pub(crate) fn end_branch(&mut self, success: Success<'_>) {
        let Some(invite) = success.invite.request() else {
            return;
        };
        let flow = self.flow.as_ref().map(|flow| flow.connection);
        let connection = flow.unwrap_or(success.connection);
        let mut branch = Dialog::of_branch(invite, success.response);
        // Where the INVITE went, its ACK and BYE can go, too.
        if self.secure_for(connection, branch.request_uri()).is_err() {
            branch.follow(invite);
        }
        let identifier = identifier_after(invite, success.response);
        let ack = self.send_branch_ack(connection, invite, &branch, identifier.as_deref());
        if ack.is_err() {
            // Without a connection the peer's own timers end the dialog.
            return;
        }
        let tag = self.tag_hash(branch.remote_tag());
        let mut spent = 0;
        let sent = self.layer.user_mut(success.transaction);
        if let Some(accepted) = sent.and_then(|sent| sent.accepted.as_deref()) {
            spent = accepted.spent;
            if accepted.ended_branches.contains(&tag) {
                return;
            }
            if accepted.ended_branches.len() >= self.limits().forks {
                return self
                    .ignored("a 2xx of one branch too many: it is acknowledged without a BYE");
            }
        }
        if self.branch_byes as usize >= self.limits().branch_byes {
            return self.ignored(
                "a 2xx of a branch while too many BYEs are in flight: it is acknowledged alone",
            );
        }
        let number = branch.local_cseq().max(spent).saturating_add(1);
        let bye = self.send_branch_bye(connection, invite, &branch, number, identifier.as_deref());
        if bye.is_ok() {
            self.branch_byes += 1;
            self.note_ended(success.transaction, tag);
        }
    }

    /// Ends the other early dialogs of an INVITE, because a 2xx has confirmed this one. The INVITE keeps the greatest CSeq number
    /// in them, because a PRACK may have had it before the BYE of a further branch (RFC 3261 section 12.2.1.1).
    pub(crate) fn keep_only(&mut self, invite: ClientTransactionId, dialog: DialogId) {
        self.dialogs.keep_only(dialog);
        let spent = self.dialogs.spent(dialog.set());
        if spent > 0
            && let Some(sent) = self.layer.user_mut(invite)
        {
            let accepted = sent.accepted();
            accepted.spent = accepted.spent.max(spent);
        }
    }

    /// Keeps the ACK that a call has sent, for a repeated 2xx in its dialog.
    pub(crate) fn keep_ack(&mut self, invite: ClientTransactionId, dialog: DialogId, ack: Bytes) {
        if let Some(sent) = self.layer.user_mut(invite) {
            let acks = &mut sent.accepted().acks;
            acks.retain(|(known, _)| *known != dialog);
            acks.push((dialog, ack));
        }
    }

    /// The ACK that a call has sent in this dialog.
    pub(crate) fn kept_ack(
        &mut self,
        invite: ClientTransactionId,
        dialog: DialogId,
    ) -> Option<Bytes> {
        let accepted = self.layer.user_mut(invite)?.accepted.as_deref()?;
        let mut acks = accepted.acks.iter();
        let (_, ack) = acks.find(|(known, _)| *known == dialog)?;
        Some(ack.clone())
    }

    /// Whether the branch of a 2xx has had its BYE.
    pub(crate) fn has_ended(&mut self, success: Success<'_>) -> bool {
        let tag = success.response.to_tag().ok().flatten();
        let tag = self.tag_hash(tag);
        let sent = self.layer.user_mut(success.transaction);
        sent.is_none_or(|sent| {
            let accepted = sent.accepted.as_deref();
            accepted.is_some_and(|accepted| accepted.ended_branches.contains(&tag))
        })
    }

    /// Records that a dialog of this INVITE has had its BYE, so that a repeated 2xx is acknowledged alone.
    pub(crate) fn dialog_is_ended(&mut self, invite: ClientTransactionId, dialog: DialogId) {
        let tag = self.dialogs.dialog(dialog).map(Dialog::remote_tag);
        if let Some(tag) = tag {
            let tag = self.tag_hash(tag);
            self.note_ended(invite, tag);
        }
    }

    fn note_ended(&mut self, invite: ClientTransactionId, tag: u64) {
        if let Some(sent) = self.layer.user_mut(invite) {
            let ended = &mut sent.accepted().ended_branches;
            if !ended.contains(&tag) {
                ended.push(tag);
            }
        }
    }

    fn tag_hash(&self, tag: Option<&[u8]>) -> u64 {
        self.layer.hash_of(tag.unwrap_or_default())
    }

    fn send_branch_ack(
        &mut self,
        connection: ConnectionId,
        invite: &Request,
        branch: &Dialog,
        identifier: Option<&str>,
    ) -> Result<(), SendError> {
        let call_id = invite.call_id().map_err(|_| SendError::Stale)?;
        let number = invite.sequence().map_err(|_| SendError::Stale)?;
        let mut ack = branch.build(call_id, Method::Ack, number);
        ack.append(HeaderName::MaxForwards, MAX_FORWARDS);
        if let Some(identifier) = identifier {
            ack.append(HeaderName::SessionId, identifier);
        }
        copy_credentials(invite, &mut ack);
        self.layer.send_ack(connection, ack).map(|_| ())
    }

    fn send_branch_bye(
        &mut self,
        connection: ConnectionId,
        invite: &Request,
        branch: &Dialog,
        number: u32,
        identifier: Option<&str>,
    ) -> Result<(), SendError> {
        let call_id = invite.call_id().map_err(|_| SendError::Stale)?;
        let mut sent = Sent::outside(TransactionUser::Branch);
        let context = RequestContext {
            method: Method::Bye,
            uri: branch.request_uri(),
            body: b"",
            call_id,
            server: "",
            own_domain: self.identity.is_in_own_domain(branch.remote_uri()),
            within_dialog: true,
            anonymous: branch.local_uri() == ANONYMOUS,
        };
        let credentials = self.credentials_for(connection, &context, &mut sent.attempts);
        let mut bye = branch.build(call_id, Method::Bye, number);
        bye.append(HeaderName::MaxForwards, MAX_FORWARDS);
        if let Some(identifier) = identifier {
            bye.append(HeaderName::SessionId, identifier);
        }
        for (name, value) in &credentials {
            bye.append(*name, value.as_str());
        }
        self.behaviour.fields.user_agent.write(&mut bye);
        let bye = self.layer.send_request(connection, bye, sent, self.now);
        bye.map(|_| ())
    }
}
