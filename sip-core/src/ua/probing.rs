//! Back to a better server: tried beside the connection in use, watched for a while, and used instead once
//! that disturbs nothing.

use core::time::Duration;

use super::UserAgent;
use super::core::{Due, Flow};
use crate::action::{Action, ConnectionId, ConnectionInfo, Transport};
use crate::connection::DisconnectReason;
use crate::event::Event;
use crate::session::State;
use crate::timer::TimerKey;

/// How long the new connection must stay up before it is trusted.
const WATCHED_FOR: Duration = Duration::from_secs(10);

/// A connection to a better server.
pub(super) struct Probe {
    connection: ConnectionId,
    server: usize,
    stage: Stage,
}

enum Stage {
    /// It is being opened, until a timer fires.
    Opening(TimerKey),
    /// It is open, and watched until a timer fires.
    Watched(Transport, TimerKey),
    /// It may be used as soon as nothing is under way.
    Ready(Transport),
}

impl UserAgent {
    /// Tries a better server; one at a time.
    pub(super) fn probe(&mut self, server: usize) {
        if self.probe.is_some() {
            return;
        }
        let connection = self.core.layer.reserve();
        self.core.actions.push_back(Action::Connect {
            connection,
            server,
            attempt: 1,
        });
        let deadline = self.core.now + self.core.config.connection_timeout();
        let timer = self.core.timers.set(deadline, Due::Probe);
        self.probe = Some(Probe {
            connection,
            server,
            stage: Stage::Opening(timer),
        });
    }

    /// The connection of a probe is open; false if it is not one.
    pub(super) fn probe_opened(&mut self, connection: ConnectionId, info: ConnectionInfo) -> bool {
        let Some(probe) = &mut self.probe else {
            return false;
        };
        let Stage::Opening(timer) = probe.stage else {
            return false;
        };
        if probe.connection != connection || !self.core.layer.opened(connection, info) {
            return false;
        }
        self.core.timers.cancel(timer);
        let timer = self
            .core
            .timers
            .set(self.core.now + WATCHED_FOR, Due::Probe);
        probe.stage = Stage::Watched(info.transport, timer);
        true
    }

    /// The connection of a probe failed or is gone; false if it is not one.
    pub(super) fn probe_lost(&mut self, connection: ConnectionId) -> bool {
        let probe = self.probe.take_if(|probe| probe.connection == connection);
        let Some(probe) = probe else { return false };
        self.forget_probe(probe);
        true
    }

    /// An open connection to a better server, for when the one in use is lost.
    pub(super) fn take_open_probe(&mut self) -> Option<Flow> {
        let (Stage::Watched(transport, _) | Stage::Ready(transport)) = self.probe.as_ref()?.stage
        else {
            return None;
        };
        let probe = self.probe.take()?;
        if let Stage::Watched(_, timer) = probe.stage {
            self.core.timers.cancel(timer);
        }
        Some(Flow {
            connection: probe.connection,
            server: probe.server,
            transport,
        })
    }

    fn forget_probe(&mut self, probe: Probe) {
        if let Stage::Opening(timer) | Stage::Watched(_, timer) = probe.stage {
            self.core.timers.cancel(timer);
        }
        self.core.layer.closed(probe.connection, self.core.now);
    }

    /// Gives a probe up.
    pub(super) fn drop_probe(&mut self, reason: DisconnectReason) {
        if let Some(probe) = self.probe.take() {
            let connection = probe.connection;
            self.forget_probe(probe);
            self.core
                .actions
                .push_back(Action::Disconnect { connection, reason });
        }
    }

    pub(super) fn probe_due(&mut self) {
        match self.probe.as_mut().map(|probe| &mut probe.stage) {
            Some(stage @ &mut Stage::Watched(transport, _)) => *stage = Stage::Ready(transport),
            Some(Stage::Opening(_)) => self.drop_probe(DisconnectReason::Timeout),
            Some(Stage::Ready(_)) | None => {}
        }
    }

    /// Uses the better server once nothing is under way that needs the connection in use: calls that are
    /// up move with us, and are repaired after the registration.
    pub(super) fn move_when_quiet(&mut self) {
        let Some(Probe {
            connection,
            server,
            stage: Stage::Ready(transport),
        }) = self.probe
        else {
            return;
        };
        let calls_are_up = self.sessions.iter().all(|(_, session)| {
            matches!(&session.state, Some(State::Confirmed(state)) if state.is_quiet())
        });
        let quiet = calls_are_up
            && self.requests.is_empty()
            && self.incoming.is_empty()
            && self.registration.is_idle();
        let (true, Some(old)) = (quiet, self.core.flow) else {
            return;
        };
        self.probe = None;
        let reason = DisconnectReason::Replaced;
        self.core.event(Event::Disconnected {
            server: old.server,
            reason,
        });
        self.connector.moved(server, self.core.now);
        self.use_flow(Flow {
            connection,
            server,
            transport,
        });
        if self.registration.is_bound() {
            self.refresh_now();
        } else {
            self.repair_calls();
        }
        self.core.layer.closed(old.connection, self.core.now);
        self.drain();
        self.core.actions.push_back(Action::Disconnect {
            connection: old.connection,
            reason,
        });
    }
}
