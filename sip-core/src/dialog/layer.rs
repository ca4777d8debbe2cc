//! The dialog layer: all dialogs of one agent.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use sip_parse::{Builder, Method, Request, Response};
use smallvec::SmallVec;
use subtle::ConstantTimeEq;

use super::error::DialogError;
use super::state::{Dialog, RemoteTarget, Target};
use crate::limits::LimitKind;
use crate::rand::{HandleTokens, TOKEN_LENGTH};
use crate::session_uuid::{SessionUuid, SessionUuids};
use crate::slab::{Slab, handle_type};

#[cfg(test)]
#[path = "../../exploration/dialog.rs"]
mod exploration;

handle_type! {
    /// Our end of one dialog or of the several that a fork makes: a Call-ID and a tag of ours.
    DialogSetId
}

/// A dialog.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DialogId {
    set: DialogSetId,
    fork: u32,
}

/// Its dialog set, and the number of the fork: `0.1.0`.
impl fmt::Display for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.set, self.fork)
    }
}

impl DialogId {
    /// Our end of it.
    #[must_use]
    pub const fn set(self) -> DialogSetId {
        self.set
    }
}

/// What a dialog-forming response did (RFC 3261 sections 12.1.2 and 13.2.2.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Established {
    /// The dialog of this response's To tag.
    pub dialog: DialogId,
    /// Whether it did not exist before.
    pub new: bool,
    /// Whether the response named exactly one SIP or SIPS URI as its Contact (RFC 3261 section 8.1.1.8), without which the
    /// dialog has no target of its own: the Request-URI stands in.
    pub has_target: bool,
}

#[cfg_attr(test, derive(Clone))]
struct DialogSetEntry<U> {
    usage: U,
    /// The tag of this side, then the Call-ID.
    names: Box<[u8]>,
    dialogs: SmallVec<[Dialog; 1]>,
    /// The greatest CSeq number of this side in the dialogs that are forgotten: their peers may answer the INVITE later, and
    /// numbers only grow (RFC 3261 section 12.2.1.1).
    spent: u32,
    next_fork: u32,
    /// Dialogs with another usage than the rest.
    claimed: Vec<(u32, U)>,
    /// The identifiers of the call (RFC 7989), if its messages carry them.
    uuids: Option<Box<SessionUuids>>,
}

impl<U: Copy> DialogSetEntry<U> {
    fn tag(&self) -> &[u8] {
        self.names.get(..TOKEN_LENGTH).unwrap_or_default()
    }

    fn call_id(&self) -> &[u8] {
        self.names.get(TOKEN_LENGTH..).unwrap_or_default()
    }

    fn usage_of(&self, fork: u32) -> U {
        let claim = self.claimed.iter().find(|(claimed, _)| *claimed == fork);
        claim.map_or(self.usage, |(_, usage)| *usage)
    }

    /// Keeps the dialogs that fit, by fork and usage.
    fn retain(&mut self, fits: impl Fn(u32, U) -> bool) {
        let mut dialogs = core::mem::take(&mut self.dialogs);
        dialogs.retain(|dialog| {
            let stays = fits(dialog.fork, self.usage_of(dialog.fork));
            if !stays {
                self.spent = self.spent.max(dialog.local_cseq);
            }
            stays
        });
        self.claimed
            .retain(|(fork, _)| dialogs.iter().any(|dialog| dialog.fork == *fork));
        self.dialogs = dialogs;
    }
}

/// All dialogs of one agent.
#[cfg_attr(test, derive(Clone))]
pub struct DialogLayer<U> {
    sets: Slab<DialogSetEntry<U>>,
    tokens: HandleTokens,
    forks: u32,
    routes: u32,
}

impl<U: Copy + PartialEq> DialogLayer<U> {
    /// An empty set; draws its key from `rng`. At most `forks` dialogs share a half, and a route set
    /// has at most `routes` entries.
    pub fn new(forks: usize, routes: usize, rng: &mut dyn CryptoRng) -> Self {
        Self {
            sets: Slab::new(),
            tokens: HandleTokens::new(rng),
            forks: u32::try_from(forks).unwrap_or(u32::MAX),
            routes: u32::try_from(routes).unwrap_or(u32::MAX),
        }
    }

    /// Frees the table if no dialog is left.
    pub(crate) fn shrink(&mut self) {
        self.sets.shrink();
    }

    /// A new local end with a tag of its own, for a request that is about to be sent (RFC 3261 section
    /// 12.1.2) or for one that came in and may be answered with a tag (section 12.1.1). `usage` is what the dialogs
    /// are for.
    pub fn open(&mut self, call_id: &[u8], usage: U, rng: &mut dyn CryptoRng) -> DialogSetId {
        let mut names = String::with_capacity(TOKEN_LENGTH + call_id.len());
        self.tokens
            .push(self.sets.next_handle(), rng.next_u64(), &mut names);
        let mut names = names.into_bytes();
        names.extend_from_slice(call_id);
        DialogSetId(self.sets.insert(DialogSetEntry {
            usage,
            names: names.into(),
            dialogs: SmallVec::new(),
            spent: 0,
            next_fork: 0,
            claimed: Vec::new(),
            uuids: None,
        }))
    }

    /// The usage of a local end: whose requests and responses those of its dialogs are (RFC 5057 section 2).
    #[must_use]
    pub fn usage(&self, set: DialogSetId) -> Option<U> {
        self.sets.get(set.0).map(|set| set.usage)
    }

    /// The usage of a dialog: that of its local end, unless another one has claimed it; `None` if the dialog is over.
    #[must_use]
    pub fn usage_of(&self, id: DialogId) -> Option<U> {
        self.dialog(id)?;
        let entry = self.sets.get(id.set.0)?;
        Some(entry.usage_of(id.fork))
    }

    /// Gives one dialog of a fork a usage of its own.
    pub fn claim(&mut self, id: DialogId, usage: U) {
        if let Some(entry) = self.sets.get_mut(id.set.0) {
            entry.claimed.push((id.fork, usage));
        }
    }

    /// Counts one more usage of a dialog beside its main one, until [`DialogLayer::unshare`] (RFC 5057 section 2).
    pub fn share(&mut self, id: DialogId) {
        if let Some(dialog) = self.dialog_mut(id) {
            dialog.shares += 1;
        }
    }

    /// A usage that [`DialogLayer::share`] counted is over. A dialog without any usage is over too, and so is a local end
    /// without dialogs (RFC 5057 section 4).
    pub fn unshare(&mut self, id: DialogId) {
        let Some(dialog) = self.dialog_mut(id) else {
            return;
        };
        dialog.shares = dialog.shares.saturating_sub(1);
        if dialog.shares == 0 && dialog.is_left {
            self.forget(id.set, |fork, _| fork != id.fork);
        }
    }

    /// A main usage is over: forgets its dialogs, and their local end if it has no others. A confirmed dialog with further
    /// usages stays for them, and `rest` is its usage from then on, which may be the same value (RFC 5057 section 4).
    pub fn release(&mut self, set: DialogSetId, usage: U, rest: U) {
        let Some(entry) = self.sets.get_mut(set.0) else {
            return;
        };
        let mut left = SmallVec::<[u32; 1]>::new();
        for place in 0..entry.dialogs.len() {
            let is_main = entry.usage_of(entry.dialogs[place].fork) == usage;
            let dialog = &mut entry.dialogs[place];
            if is_main && dialog.shares > 0 && dialog.is_confirmed() {
                dialog.is_left = true;
                left.push(dialog.fork);
            }
        }
        entry.claimed.retain(|(fork, _)| !left.contains(fork));
        entry.claimed.extend(left.iter().map(|fork| (*fork, rest)));
        self.forget(set, |fork, owner| owner != usage || left.contains(&fork));
    }

    /// The usage of a local end is over, as by [`DialogLayer::release`]; its confirmed dialogs stay for their further usages, as
    /// dialogs of a usage that no one knows.
    pub(crate) fn leave(&mut self, set: DialogSetId) {
        if let Some(usage) = self.usage(set) {
            self.release(set, usage, usage);
        }
    }

    /// Keeps the dialogs of a local end that fit, by fork and usage, and the local end if there are any.
    fn forget(&mut self, set: DialogSetId, fits: impl Fn(u32, U) -> bool) {
        if let Some(entry) = self.sets.get_mut(set.0) {
            entry.retain(fits);
            if entry.dialogs.is_empty() {
                self.sets.remove(set.0);
            }
        }
    }

    /// Forgets a local end and all its dialogs.
    pub fn close(&mut self, set: DialogSetId) {
        self.sets.remove(set.0);
    }

    /// The tag of a local end.
    #[must_use]
    pub fn tag(&self, set: DialogSetId) -> Option<&str> {
        core::str::from_utf8(self.sets.get(set.0)?.tag()).ok()
    }

    /// Call-ID and tag of a local end, for its first request.
    #[must_use]
    pub fn names(&self, set: DialogSetId) -> Option<(Box<[u8]>, Box<str>)> {
        let tag = self.tag(set)?.into();
        Some((self.sets.get(set.0)?.call_id().into(), tag))
    }

    /// Gives a local end its UUID (RFC 7989 section 4.1).
    pub(crate) fn identify(&mut self, set: DialogSetId, local: SessionUuid) {
        if let Some(set) = self.sets.get_mut(set.0) {
            set.uuids = Some(Box::new(SessionUuids::new(local)));
        }
    }

    /// The UUIDs of a local end; `None` without one.
    pub(crate) fn uuids(&self, set: DialogSetId) -> Option<&SessionUuids> {
        self.sets.get(set.0)?.uuids.as_deref()
    }

    /// Takes the UUID of a peer, named by its tag, from a message of it.
    pub(crate) fn learn_uuid(
        &mut self,
        set: DialogSetId,
        tag: Option<&[u8]>,
        message: &sip_parse::Message,
    ) {
        let forks = self.forks as usize;
        let uuids = self.sets.get_mut(set.0).and_then(|set| set.uuids.as_mut());
        if let Some(uuids) = uuids {
            uuids.learn(tag, message, forks);
        }
    }

    /// How many local ends there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// A dialog; `None` if it is over.
    #[must_use]
    pub fn dialog(&self, id: DialogId) -> Option<&Dialog> {
        self.sets
            .get(id.set.0)?
            .dialogs
            .iter()
            .find(|dialog| dialog.fork == id.fork)
    }

    fn dialog_mut(&mut self, id: DialogId) -> Option<&mut Dialog> {
        self.sets
            .get_mut(id.set.0)?
            .dialogs
            .iter_mut()
            .find(|dialog| dialog.fork == id.fork)
    }

    /// Forgets the other dialogs of a fork that have the same usage, because this one won.
    pub fn keep_only(&mut self, id: DialogId) {
        if let Some(set) = self.sets.get_mut(id.set.0) {
            let usage = set.usage_of(id.fork);
            set.retain(|fork, owner| fork == id.fork || owner != usage);
        }
    }

    /// Whether a dialog has usages beside its main one, that of [`DialogLayer::share`].
    pub(crate) fn is_shared(&self, id: DialogId) -> bool {
        self.dialog(id).is_some_and(|dialog| dialog.shares > 0)
    }

    /// Forgets one dialog of a fork; its local end stays.
    pub fn remove(&mut self, id: DialogId) {
        if let Some(set) = self.sets.get_mut(id.set.0) {
            set.retain(|fork, _| fork != id.fork);
        }
    }

    /// The greatest CSeq number of this side in the dialogs of a local end that are forgotten; 0 without one.
    pub(crate) fn spent(&self, set: DialogSetId) -> u32 {
        self.sets.get(set.0).map_or(0, |set| set.spent)
    }

    /// The caller's side: a 101 to 199 with a To tag, or a 2xx, to `request` as it was sent (RFC 3261
    /// section 12.1.2). Makes the dialog of the response's To tag; a 2xx confirms it, and its route set
    /// is computed anew (section 13.2.2.4).
    ///
    /// # Errors
    /// [`DialogError`] if the half is closed, a limit is reached or a header field cannot be read.
    pub fn establish(
        &mut self,
        set: DialogSetId,
        request: &Request,
        response: &Response,
    ) -> Result<Established, DialogError> {
        let (forks, routes) = (self.forks as usize, self.routes as usize);
        let entry = self.sets.get_mut(set.0).ok_or(DialogError::Stale)?;
        let remote_tag = response.to_tag()?;
        let known = entry
            .dialogs
            .iter_mut()
            .find(|dialog| dialog.has_remote_tag(remote_tag));
        let confirmed = response.status().is_success();
        let target = Target::of(response);
        let has_target = target.kind() == RemoteTarget::Usable;
        if let Some(dialog) = known {
            if confirmed {
                dialog.confirm(request, response, &target, routes)?;
            }
            return Ok(Established {
                dialog: DialogId {
                    set,
                    fork: dialog.fork,
                },
                new: false,
                has_target,
            });
        }
        if entry.dialogs.len() >= forks {
            // Legs that only ring must not keep out the one that answers.
            let early = entry
                .dialogs
                .iter()
                .position(|dialog| !dialog.is_confirmed());
            match early.filter(|_| confirmed) {
                Some(place) => {
                    let gone = entry.dialogs.remove(place);
                    entry.spent = entry.spent.max(gone.local_cseq);
                }
                None => return Err(DialogError::Limit(LimitKind::Forks)),
            }
        }
        let fork = entry.next_fork;
        let mut dialog = Dialog::of_caller(fork, request, response, &target, routes)?;
        dialog.local_cseq = dialog.local_cseq.max(entry.spent);
        entry.dialogs.push(dialog);
        entry.next_fork += 1;
        Ok(Established {
            dialog: DialogId { set, fork },
            new: true,
            has_target,
        })
    }

    /// The callee's side: a request that a 2xx or 1xx with our tag answers makes a dialog (RFC 3261
    /// section 12.1.1), early until [`DialogLayer::confirm`].
    ///
    /// # Errors
    /// As [`DialogLayer::establish`].
    pub fn accept(&mut self, set: DialogSetId, request: &Request) -> Result<DialogId, DialogError> {
        self.accept_at(set, request, &Target::of(request))
    }

    /// As [`DialogLayer::accept`], for a request whose Contact is read.
    pub(crate) fn accept_at(
        &mut self,
        set: DialogSetId,
        request: &Request,
        target: &Target<'_>,
    ) -> Result<DialogId, DialogError> {
        let routes = self.routes as usize;
        let entry = self.sets.get_mut(set.0).ok_or(DialogError::Stale)?;
        let fork = entry.next_fork;
        let dialog = Dialog::of_callee(fork, request, target, entry.tag(), routes)?;
        entry.dialogs.push(dialog);
        entry.next_fork += 1;
        Ok(DialogId { set, fork })
    }

    /// The callee sent its 2xx: the dialog is confirmed.
    pub fn confirm(&mut self, id: DialogId) {
        if let Some(dialog) = self.dialog_mut(id) {
            dialog.set_confirmed();
        }
    }

    /// The dialog that a request of the peer belongs to: its To tag is ours, Call-ID and From tag are the
    /// dialog's (RFC 3261 section 12.2.2). `None` is answered 481.
    #[must_use]
    pub fn find(&self, request: &Request) -> Option<DialogId> {
        let tag = request.to_tag().ok()??;
        let call_id = request.call_id().ok()?;
        self.matching(call_id, tag, request.from_tag().ok()?)
    }

    /// The dialog with this Call-ID, tag of this side and tag of the peer. At most one matches, because each local tag is
    /// unique.
    #[must_use]
    pub fn matching(
        &self,
        call_id: &[u8],
        local_tag: &[u8],
        remote_tag: Option<&[u8]>,
    ) -> Option<DialogId> {
        let set = self.set_of(call_id, local_tag)?;
        let mut dialogs = self.sets.get(set.0)?.dialogs.iter();
        let dialog = dialogs.find(|dialog| dialog.has_remote_tag(remote_tag))?;
        Some(DialogId {
            set,
            fork: dialog.fork,
        })
    }

    /// The dialog that a response to a request of this side belongs to: its From tag is ours, and the To tag is the dialog's.
    #[must_use]
    pub fn find_for_response(&self, response: &Response) -> Option<DialogId> {
        let set = self.read_tag(response.from_tag().ok()??)?;
        let entry = self.sets.get(set.0)?;
        let tag = response.to_tag().ok()?;
        let mut dialogs = entry.dialogs.iter();
        let fork = dialogs.find(|dialog| dialog.has_remote_tag(tag))?.fork;
        Some(DialogId { set, fork })
    }

    /// The local end with this Call-ID and tag.
    pub(crate) fn set_of(&self, call_id: &[u8], local_tag: &[u8]) -> Option<DialogSetId> {
        let set = self.read_tag(local_tag)?;
        let entry = self.sets.get(set.0)?;
        let same = call_id == entry.call_id() && entry.tag().ct_eq(local_tag).into();
        same.then_some(set)
    }

    /// The local end that a NOTIFY is for which may make its dialog (RFC 6665 section 4.4.1).
    pub(crate) fn set_of_notify(&self, notify: &Request) -> Option<DialogSetId> {
        self.set_of(notify.call_id().ok()?, notify.to_tag().ok()??)
    }

    /// Whether a local end has no dialog yet.
    pub(crate) fn has_no_dialog(&self, set: DialogSetId) -> bool {
        let entry = self.sets.get(set.0);
        entry.is_some_and(|entry| entry.dialogs.is_empty())
    }

    /// Makes the dialog of a subscription from the first NOTIFY of a notifier (RFC 6665 section 4.4.1).
    ///
    /// # Errors
    /// As [`DialogLayer::establish`].
    pub(crate) fn notified(
        &mut self,
        set: DialogSetId,
        notify: &Request,
    ) -> Result<DialogId, DialogError> {
        let (forks, routes) = (self.forks as usize, self.routes as usize);
        let entry = self.sets.get_mut(set.0).ok_or(DialogError::Stale)?;
        if entry.dialogs.len() >= forks {
            return Err(DialogError::Limit(LimitKind::Forks));
        }
        let fork = entry.next_fork;
        entry.dialogs.push(Dialog::of_notify(fork, notify, routes)?);
        entry.next_fork += 1;
        Ok(DialogId { set, fork })
    }

    /// Lets the requests of a dialog that a NOTIFY has made follow that of this side (RFC 3261 section 12.2.1.1).
    pub(crate) fn raise_cseq(&mut self, id: DialogId, number: u32) {
        if let Some(dialog) = self.dialog_mut(id) {
            dialog.local_cseq = dialog.local_cseq.max(number);
        }
    }

    fn read_tag(&self, tag: &[u8]) -> Option<DialogSetId> {
        let (handle, _) = self.tokens.read(tag)?;
        Some(DialogSetId(handle))
    }

    /// The order of requests (RFC 3261 section 12.2.2): takes the CSeq number of a request of the
    /// peer. Not for ACK and CANCEL, which repeat a number.
    ///
    /// # Errors
    /// [`DialogError::OutOfOrder`] if it is not above that of the last request: answer 500.
    pub fn order(&mut self, id: DialogId, request: &Request) -> Result<(), DialogError> {
        let number = request.sequence()?;
        let dialog = self.dialog_mut(id).ok_or(DialogError::Stale)?;
        if dialog.remote_cseq.is_some_and(|last| number <= last) {
            return Err(DialogError::OutOfOrder);
        }
        dialog.remote_cseq = Some(number);
        Ok(())
    }

    /// Takes a new remote target from the Contact of a target refresh request or of the 2xx to one
    /// (RFC 3261 sections 12.2.1.2 and 12.2.2). One that is not usable changes nothing.
    pub fn refresh_target(&mut self, id: DialogId, message: &sip_parse::Message) {
        if let Some(dialog) = self.dialog_mut(id) {
            dialog.refresh_target(message);
        }
    }

    /// Replaces the remote target of a dialog.
    pub(crate) fn set_target(&mut self, id: DialogId, target: &[u8]) {
        if let Some(dialog) = self.dialog_mut(id) {
            dialog.set_target(target);
        }
    }

    /// Lets requests within a dialog go where the INVITE went.
    pub(crate) fn follow(&mut self, id: DialogId, invite: &Request) {
        if let Some(dialog) = self.dialog_mut(id) {
            dialog.follow(invite);
        }
    }

    /// A request within the dialog (RFC 3261 section 12.2.1.1): Request-URI and Route from the route
    /// set, tags, Call-ID and the next CSeq number are filled in; Via, Max-Forwards and Contact are not.
    ///
    /// # Errors
    /// [`DialogError::Stale`] if the dialog is over.
    pub fn request<'a>(
        &'a mut self,
        id: DialogId,
        method: Method<'a>,
    ) -> Result<Builder<'a>, DialogError> {
        let number = self.next_cseq(id)?;
        let entry = self.sets.get(id.set.0).ok_or(DialogError::Stale)?;
        let dialog = self.dialog(id).ok_or(DialogError::Stale)?;
        Ok(dialog.build(entry.call_id(), method, number))
    }

    /// The ACK to a 2xx (RFC 3261 section 13.2.2.4): as [`DialogLayer::request`], with the CSeq number of
    /// the INVITE.
    ///
    /// # Errors
    /// [`DialogError::Stale`] if the dialog is over.
    pub fn ack(&self, id: DialogId, number: u32) -> Result<Builder<'_>, DialogError> {
        let entry = self.sets.get(id.set.0).ok_or(DialogError::Stale)?;
        let dialog = self.dialog(id).ok_or(DialogError::Stale)?;
        Ok(dialog.build(entry.call_id(), Method::Ack, number))
    }

    /// The next CSeq number, for a request that is sent again with credentials; it counts as used.
    ///
    /// # Errors
    /// [`DialogError::Stale`] if the dialog is over.
    pub fn next_cseq(&mut self, id: DialogId) -> Result<u32, DialogError> {
        let dialog = self.dialog_mut(id).ok_or(DialogError::Stale)?;
        dialog.local_cseq = dialog.local_cseq.saturating_add(1);
        Ok(dialog.local_cseq)
    }
}

impl<U: Copy + PartialEq> fmt::Debug for DialogLayer<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DialogLayer")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
