//! What a call knows of its peer from the messages of the peer.

use alloc::boxed::Box;

use sip_parse::{HeaderName, Message, Method};

use super::context::Common;
use super::layer::SessionLayer;
use super::state::{EarlyAnswer, Seldom};
use crate::dialog::Dialog;
use crate::endpoint::Endpoint;
use crate::error::CommandError;
use crate::ids::{ReferId, SessionId};
use crate::session_uuid::{SessionIdentifier, SessionUuid};

impl SessionLayer {
    /// Whether the peer of a call has listed an info package in Recv-Info (RFC 6086 section 4.2.1).
    pub(crate) fn peer_takes_package(
        &self,
        id: SessionId,
        package: &str,
    ) -> Result<bool, CommandError> {
        let call = self.calls.get(id.0).ok_or(CommandError::Stale)?;
        let mut packages = call.common.packages().iter();
        Ok(packages.any(|known| **known == *package.as_bytes()))
    }

    /// The identifier of a call (RFC 7989); `None` if the call is over, or its messages carry none.
    #[must_use]
    pub fn session_identifier(
        &self,
        endpoint: &Endpoint,
        id: SessionId,
    ) -> Option<SessionIdentifier> {
        let common = &self.calls.get(id.0)?.common;
        let dialog = common
            .dialog
            .and_then(|dialog| endpoint.dialogs.dialog(dialog));
        let tag = dialog.and_then(Dialog::remote_tag);
        Some(endpoint.dialogs.uuids(common.set)?.towards(tag))
    }

    /// The UUID of this side in a call: one that replaces it keeps it (RFC 7989 section 6).
    pub(super) fn uuid_of(
        &self,
        endpoint: &Endpoint,
        id: Option<SessionId>,
    ) -> Option<SessionUuid> {
        Some(self.session_identifier(endpoint, id?)?.local)
    }

    /// Takes what a message of the peer says about the peer.
    pub(super) fn learn(&mut self, endpoint: &mut Endpoint, id: SessionId, message: &Message) {
        // RFC 3959 section 5: PRACK and UPDATE, and the 2xx to them, carry early-session descriptions, too.
        let method = message.cseq().map(|cseq| cseq.method);
        if matches!(method, Ok(Method::Prack | Method::Update))
            && let Some(early) = endpoint.early_session(id, message)
        {
            endpoint.event(early);
        }
        let limit = endpoint.limits().info_packages;
        if let Some(call) = self.calls.get_mut(id.0) {
            call.common.take_packages(message, limit);
        }
    }
}

impl Common {
    /// Takes the info packages that a message of the peer lists (RFC 6086 section 4.2.1), at most `limit`. A message without
    /// Recv-Info changes nothing.
    pub(crate) fn take_packages(&mut self, message: &Message, limit: usize) {
        if message.has(HeaderName::RecvInfo) {
            let packages = message.recv_info().flatten().take(limit);
            self.seldom().packages = packages.map(|package| package.token.into()).collect();
        }
    }

    /// What few calls have, to be changed.
    pub(crate) fn seldom(&mut self) -> &mut Seldom {
        self.seldom.get_or_insert_default()
    }

    /// The call that ends when this one is answered.
    pub(crate) fn replaces(&self) -> Option<SessionId> {
        self.seldom.as_ref()?.replaces
    }

    /// The REFER of a peer that this call follows.
    pub(crate) fn follows(&self) -> Option<ReferId> {
        self.seldom.as_ref()?.follows
    }

    /// The answer of a branch before its 2xx, which becomes that of the call that the branch makes.
    pub(crate) fn take_early_answer(&mut self, tag: Option<&[u8]>) -> Option<EarlyAnswer> {
        let answers = &mut self.seldom.as_mut()?.early_answers;
        let place = answers.iter().position(|known| Some(&*known.tag) == tag)?;
        Some(answers.swap_remove(place))
    }

    /// The info packages that the peer takes.
    pub(crate) fn packages(&self) -> &[Box<[u8]>] {
        let seldom = self.seldom.as_ref();
        seldom.map_or(&[], |seldom| &seldom.packages)
    }
}
