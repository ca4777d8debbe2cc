//! Decides whether a request may go out now.

use core::time::Duration;

use sip_parse::Request;

use super::flow::{Duty, MaySend};
use super::state::Endpoint;
use crate::dialog::{DialogId, first_target};
use crate::ids::ConnectionId;
use crate::transaction::{SendError, ServerTransactionId};

impl Endpoint {
    /// Whether a request to `target`, a URI, may go out now. A SIPS URI requires TLS (RFC 3261 section
    /// 26.2.2), also after the connection that first reached it is gone.
    pub(crate) fn may_send(&self, duty: Duty, target: &[u8]) -> MaySend {
        let known = match duty {
            Duty::Command => None,
            Duty::Owed(known) => known.filter(|&known| self.layer.info(known).is_some()),
        };
        let flow = self.flow.as_ref().map(|flow| flow.connection);
        let queues = match duty {
            Duty::Command => self.behaviour.queue_requests,
            Duty::Owed(_) => true,
        };
        let connection = match (flow, known) {
            (Some(flow), known) if self.ready || known == Some(flow) || !queues => flow,
            (None, Some(known)) => known,
            _ if queues => return MaySend::Later,
            _ => return MaySend::Never(SendError::NotConnected),
        };
        match self.secure_for(connection, target) {
            Ok(()) => MaySend::Now(connection),
            Err(error) => MaySend::Never(error),
        }
    }

    /// Whether the target of a dialog may be reached from `connection`. Every request of the dialog asks this, the
    /// ACK too.
    pub(crate) fn check_reach(
        &self,
        dialog: DialogId,
        connection: ConnectionId,
    ) -> Result<(), SendError> {
        let dialog = self.dialogs.dialog(dialog).ok_or(SendError::Stale)?;
        self.secure_for(connection, dialog.request_uri())
    }

    /// Whether the target of a dialog may be reached from the connection of a peer's request.
    pub(crate) fn reaches(&self, dialog: DialogId, request: ServerTransactionId) -> bool {
        let connection = self.layer.connection_of(request);
        connection.is_some_and(|connection| self.check_reach(dialog, connection).is_ok())
    }

    /// Whether the target that a peer's request names may be reached from its connection.
    pub(crate) fn reaches_target_of(
        &self,
        request: &Request,
        transaction: ServerTransactionId,
    ) -> bool {
        let connection = self.layer.connection_of(transaction);
        let target = first_target(request);
        match (connection, target) {
            (Some(connection), Some(target)) => self.secure_for(connection, &target).is_ok(),
            _ => false,
        }
    }

    /// Refuses to send to a SIPS URI on a connection without TLS (RFC 3261 section 26.2.2).
    pub(super) fn secure_for(
        &self,
        connection: ConnectionId,
        target: &[u8],
    ) -> Result<(), SendError> {
        let info = self.layer.info(connection).ok_or(SendError::NotConnected)?;
        let scheme = target.get(..5).unwrap_or_default();
        if scheme.eq_ignore_ascii_case(b"sips:") && !info.transport.is_secure() {
            return Err(SendError::Insecure);
        }
        Ok(())
    }

    /// Whether requests may go out: there is a flow, and the registration on it, if the application wants
    /// one, has succeeded or failed.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready && self.flow.is_some()
    }

    /// How long a request or BYE waits for a connection: as long as its transaction would wait for a response
    /// (RFC 3261 section 17.1: timers B and F).
    pub(crate) fn longest_wait(&self) -> Duration {
        self.timer_settings().f()
    }

    /// How long the ACK to a 2xx may wait for its answer: seven eighths of the 64 T1 for which the peer waits for it
    /// (RFC 3261 section 13.3.1.4), so that the ACK arrives before the peer gives up.
    pub(crate) fn time_to_acknowledge(&self) -> Duration {
        let patience = self.timer_settings().h();
        patience - patience / 8
    }

    /// The next position in the order of waiting commands.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}
