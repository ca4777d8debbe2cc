//! What a call knows of its peer from the messages of the peer.

use sip_parse::{Message, Method};

use super::layer::SessionLayer;
use crate::dialog::Dialog;
use crate::endpoint::Endpoint;
use crate::error::CommandError;
use crate::ids::SessionId;
use crate::session_uuid::SessionIdentifier;

impl SessionLayer {
    /// Whether the peer of a call has listed an info package in Recv-Info (RFC 6086 section 4.2.1).
    pub(crate) fn peer_takes_package(
        &self,
        id: SessionId,
        package: &str,
    ) -> Result<bool, CommandError> {
        let call = self.calls.get(id.0).ok_or(CommandError::Stale)?;
        let mut packages = call.common.packages.iter();
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
