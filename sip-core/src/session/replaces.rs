//! Dialogs that a request names: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538).

use alloc::format;
use alloc::string::String;

use sip_parse::{HeaderName, Request, StatusCode, text};

use super::callee::NamedCalls;
use super::input::Input;
use super::layer::{Phase, SessionLayer};
use super::state::State;
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{DialogUsage, Endpoint};
use crate::error::CommandError;
use crate::event::Event;
use crate::ids::SessionId;
use crate::requirement::Requirement;

/// The status of a refused request, and why.
type Refused = (StatusCode, &'static str);

/// RFC 3891 section 3 and RFC 3911 section 4: the header field matches no dialog.
const NO_MATCH: Refused = (
    StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
    "Replaces or Join matches no dialog",
);

/// The status for a dialog that is already over.
const OVER: Refused = (StatusCode::DECLINE, "Replaces names a call that is ending");

impl SessionLayer {
    /// The calls that an INVITE outside any dialog names, or the refusal that RFC 3891 section 3 or RFC 3911 section 4
    /// requires. Each is matched strictly only if the endpoint lists `replaces` or `join` in Supported.
    pub(super) fn calls_named_by(
        &self,
        endpoint: &Endpoint,
        request: &Request,
    ) -> Result<NamedCalls, Refused> {
        let malformed = |why| (StatusCode::BAD_REQUEST, why);
        let supported = endpoint.supports_replaces();
        if supported && request.has(HeaderName::Replaces) && request.has(HeaderName::Join) {
            return Err(malformed("both Replaces and Join"));
        }
        // An extension that the endpoint does not support is ignored (RFC 3261 section 8.2.2).
        let supports_join = endpoint.supports(b"join");
        let repeats = |name| request.headers_named(name).count() > 1;
        if supported && repeats(HeaderName::Replaces) || supports_join && repeats(HeaderName::Join)
        {
            return Err(malformed("several Replaces or Join"));
        }
        let mut named = NamedCalls {
            target_dialog: self.target_dialog_of(endpoint, request),
            ..NamedCalls::default()
        };
        if supported {
            let replaces = request.replaces();
            let replaces = replaces.map_err(|_| malformed("a Replaces that cannot be read"))?;
            if let Some(named_dialog) = replaces {
                let (call_id, to) = (named_dialog.call_id, named_dialog.to_tag);
                let found = self.call_named(endpoint, call_id, to, named_dialog.from_tag);
                let id = found.ok_or(NO_MATCH)?;
                self.check_replaceable(id, named_dialog.early_only)?;
                named.replaces = Some(id);
            }
        }
        named.joins = match self.call_joined_by(endpoint, request) {
            Ok(joined) => joined,
            Err(refused) if supports_join => return Err(refused),
            Err(_) => None,
        };
        Ok(named)
    }

    /// The call that Join names, matched as that of Replaces (RFC 3911 section 4).
    fn call_joined_by(
        &self,
        endpoint: &Endpoint,
        request: &Request,
    ) -> Result<Option<SessionId>, Refused> {
        let unreadable = (StatusCode::BAD_REQUEST, "a Join that cannot be read");
        let Some(join) = request.join().map_err(|_| unreadable)? else {
            return Ok(None);
        };
        let found = self.call_named(endpoint, join.call_id, join.to_tag, join.from_tag);
        let id = found.ok_or(NO_MATCH)?;
        self.check_replaceable(id, false)?;
        Ok(Some(id))
    }

    /// The call that Target-Dialog names (RFC 4538 section 4): its tags are local and remote to the recipient. One that
    /// matches nothing authorises nothing, and refuses nothing.
    pub(super) fn target_dialog_of(
        &self,
        endpoint: &Endpoint,
        request: &Request,
    ) -> Option<SessionId> {
        let target = request.target_dialog().ok()??;
        let (local, remote) = (target.local_tag, target.remote_tag);
        self.call_named(endpoint, target.call_id, local, remote)
    }

    /// The call with this dialog. A remote tag `0` also matches a peer of RFC 2543, which has none (RFC 3891 section 3).
    fn call_named(
        &self,
        endpoint: &Endpoint,
        call_id: &[u8],
        local_tag: &[u8],
        remote_tag: &[u8],
    ) -> Option<SessionId> {
        let dialogs = &endpoint.dialogs;
        let found = dialogs.matching(call_id, local_tag, Some(remote_tag));
        let without = || dialogs.matching(call_id, local_tag, None);
        let dialog = found.or_else(|| without().filter(|_| remote_tag == b"0"))?;
        match dialogs.usage_of(dialog)? {
            DialogUsage::Session(id) => Some(id),
            _ => None,
        }
    }

    /// RFC 3891 section 3: a confirmed call may be replaced, unless the peer wants an early one; an early one only by its
    /// caller's side.
    fn check_replaceable(&self, id: SessionId, early_only: bool) -> Result<(), Refused> {
        let call = self.calls.get(id.0).ok_or(NO_MATCH)?;
        match call.state.as_ref().ok_or(NO_MATCH)? {
            State::Incoming(_) | State::Accepting(_) => Err((
                StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
                "Replaces names an early dialog that the peer began",
            )),
            State::AwaitingOffer(_) | State::QueuedInvite(_) => Err(NO_MATCH),
            State::Calling(_) => Ok(()),
            State::Cancelling(_)
            | State::Terminating(_)
            | State::QueuedBye(_)
            | State::LostBye(_) => Err(OVER),
            _ if early_only => Err((
                StatusCode::BUSY_HERE,
                "Replaces is for an early dialog only, and the call is up",
            )),
            _ => Ok(()),
        }
    }

    /// Ends the old call of a call that replaces it and is now answered (RFC 3891 section 3), by BYE or CANCEL.
    pub(super) fn replace(&mut self, endpoint: &mut Endpoint, old: SessionId, by: SessionId) {
        if self.phase(old).is_some_and(|phase| phase != Phase::Ending) {
            endpoint.event(Event::Replaced { session: old, by });
            self.drive(endpoint, old, Input::HangUp);
        }
    }

    /// The value of Replaces by which another peer replaces a call of this agent: the tags from the view of the peer of
    /// that call (RFC 3891 section 6.1), and the target that reaches it.
    ///
    /// # Errors
    /// [`CommandError::Stale`], or [`CommandError::WrongState`] unless the call is up and its peer supports Replaces (RFC
    /// 3891 section 4).
    pub(super) fn replaces_of(
        &self,
        endpoint: &Endpoint,
        id: SessionId,
    ) -> Result<(String, String), CommandError> {
        let id_of_dialog = self.established_dialog(id)?;
        let call = self.calls.get(id.0).ok_or(CommandError::Stale)?;
        if !call.common.peer_replaces {
            return Err(CommandError::WrongState(Requirement::PeerSupportsReplaces));
        }
        let dialog = endpoint.dialogs.dialog(id_of_dialog);
        let target = dialog.ok_or(CommandError::Stale)?.reachable_target();
        let value = reference_to(endpoint, id_of_dialog, ["to-tag", "from-tag"])?;
        Ok((value, format!("{}", text(target))))
    }

    /// The value of Target-Dialog that names a call of this agent to its peer (RFC 4538 section 7).
    pub(super) fn target_dialog_to(
        &self,
        endpoint: &Endpoint,
        id: SessionId,
    ) -> Result<String, CommandError> {
        let dialog = self.established_dialog(id)?;
        reference_to(endpoint, dialog, ["local-tag", "remote-tag"])
    }
}

/// The value that names a dialog to its peer: the Call-ID, and the tags of the peer and of this side in parameters of these names.
fn reference_to(
    endpoint: &Endpoint,
    id: DialogId,
    [theirs, ours]: [&str; 2],
) -> Result<String, CommandError> {
    let dialogs = &endpoint.dialogs;
    let dialog = dialogs.dialog(id).ok_or(CommandError::Stale)?;
    let (call_id, local) = dialogs.names(id.set()).ok_or(CommandError::Stale)?;
    let (call_id, remote) = (text(&call_id), text(remote_tag(dialog)));
    Ok(format!("{call_id};{theirs}={remote};{ours}={local}"))
}

/// The tag of the peer; `0` stands for none (RFC 3891 section 6.1).
fn remote_tag(dialog: &Dialog) -> &[u8] {
    dialog.remote_tag().unwrap_or(b"0")
}
