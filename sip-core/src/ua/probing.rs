//! Back to a better server: tried beside the connection in use, watched for a while, and used instead once
//! that disturbs nothing.

use core::time::Duration;

use super::UserAgent;
use super::core::{Due, Flow, Place};
use super::flows::Opening;
use crate::connection::{ConnectError, DisconnectReason};
use crate::connection::{ConnectionInfo, Transport};
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::session::State;
use crate::timer::TimerKey;

/// How long the new connection must stay up before it is trusted.
const WATCHED_FOR: Duration = Duration::from_secs(10);

/// A connection to a better server.
pub(super) struct Probe {
    pub(super) opening: Opening,
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

impl Probe {
    /// The connection, if it is open.
    fn open(self) -> Option<Flow> {
        let (Stage::Watched(transport, _) | Stage::Ready(transport)) = self.stage else {
            return None;
        };
        Some(Flow {
            connection: self.opening.connection,
            server: self.opening.server,
            transport,
            route_host: self.opening.route_host?,
        })
    }
}

impl UserAgent {
    /// Tries a better server; one at a time.
    pub(super) fn probe(&mut self, place: Place, server: usize) {
        if self.flow(place).probe.is_some() {
            return;
        }
        let opening = self.open_connection(server, 1);
        let deadline = self.core.now + self.core.config.connection_timeout();
        let timer = self.core.timers.set(deadline, Due::Probe(place));
        let stage = Stage::Opening(timer);
        self.flow(place).probe = Some(Probe { opening, stage });
    }

    fn place_of_probe(&self, connection: ConnectionId) -> Option<Place> {
        self.place(|flow| {
            let probe = flow.probe.as_ref();
            probe.is_some_and(|probe| probe.opening.connection == connection)
        })
    }

    /// The connection of a probe is open; false if it is not one.
    pub(super) fn probe_opened(&mut self, connection: ConnectionId, info: ConnectionInfo) -> bool {
        let Some(place) = self.place_of_probe(connection) else {
            return false;
        };
        let Some(Probe { opening, stage }) = &mut self.flows[usize::from(place)].probe else {
            return false;
        };
        let &mut Stage::Opening(timer) = stage else {
            return false;
        };
        if opening.route_host.is_none() || !self.core.layer.opened(connection, info) {
            return false;
        }
        self.core.timers.cancel(timer);
        let watched_until = self.core.now + WATCHED_FOR;
        let timer = self.core.timers.set(watched_until, Due::Probe(place));
        *stage = Stage::Watched(info.transport, timer);
        if self.flow(place).open.is_none() {
            // The one in use was lost meanwhile.
            self.abandon(place, ConnectError::Other, DisconnectReason::Replaced);
            self.use_open_probe(place);
            self.settle();
        }
        true
    }

    /// The connection of a probe failed or is gone; false if it is not one.
    pub(super) fn probe_lost(&mut self, connection: ConnectionId) -> bool {
        let place = self.place_of_probe(connection);
        let Some(probe) = place.and_then(|place| self.flow(place).probe.take()) else {
            return false;
        };
        self.forget_probe(&probe);
        true
    }

    /// An open connection to a better server, for when the one in use is lost.
    pub(super) fn take_open_probe(&mut self, place: Place) -> Option<Flow> {
        let is_open = |probe: &mut Probe| !matches!(probe.stage, Stage::Opening(_));
        let probe = self.flow(place).probe.take_if(is_open)?;
        if let Stage::Watched(_, timer) = probe.stage {
            self.core.timers.cancel(timer);
        }
        probe.open()
    }

    fn forget_probe(&mut self, probe: &Probe) {
        if let Stage::Opening(timer) | Stage::Watched(_, timer) = probe.stage {
            self.core.timers.cancel(timer);
        }
        let connection = probe.opening.connection;
        self.core.layer.closed(connection, self.core.now);
    }

    /// Gives a probe up.
    pub(super) fn drop_probe(&mut self, place: Place, reason: DisconnectReason) {
        if let Some(probe) = self.flow(place).probe.take() {
            self.forget_probe(&probe);
            self.disconnect(probe.opening.connection, reason);
        }
    }

    pub(super) fn probe_due(&mut self, place: Place) {
        let probe = self.flow(place).probe.as_mut();
        match probe.map(|probe| &mut probe.stage) {
            Some(stage @ &mut Stage::Watched(transport, _)) => *stage = Stage::Ready(transport),
            Some(Stage::Opening(_)) => self.drop_probe(place, DisconnectReason::Timeout),
            Some(Stage::Ready(_)) | None => {}
        }
    }

    /// Uses the better servers once nothing is under way that needs the connections in use: calls that are
    /// up move with us, and are repaired after the registration.
    pub(super) fn move_when_quiet(&mut self) {
        for place in self.places() {
            self.move_flow_when_quiet(place);
        }
    }

    fn move_flow_when_quiet(&mut self, place: Place) {
        let is_ready = |probe: &mut Probe| matches!(probe.stage, Stage::Ready(_));
        if self
            .flow(place)
            .probe
            .as_mut()
            .is_none_or(|probe| !is_ready(probe))
        {
            return;
        }
        let calls_are_up = self.sessions.iter().all(|(_, session)| {
            matches!(&session.state, Some(State::Confirmed(state)) if state.is_quiet())
        });
        let quiet = calls_are_up
            && self.requests.is_empty()
            && self.incoming.is_empty()
            && self.is_idle()
            && self.flow(place).open.is_some();
        if !quiet {
            return;
        }
        let flow = self.flow(place);
        let new = flow.probe.take().and_then(Probe::open);
        let (Some(old), Some(new)) = (flow.open.take(), new) else {
            return;
        };
        let reason = DisconnectReason::Replaced;
        self.core.event(Event::Disconnected {
            server: old.server,
            reason,
        });
        let now = self.core.now;
        let flow = self.flow(place);
        flow.connector.moved(new.server, now);
        // It leads through the old server (RFC 3608 section 5).
        flow.service_route.clear();
        self.use_flow(place, new);
        self.core.layer.closed(old.connection, now);
        self.drain();
        if self.registration.wanted {
            // A binding is made anew there; what the old server refused is tried at once with this one.
            self.core.ready &= self.place_in_use() != Some(place);
            self.binding(place).rebind = true;
            self.binding(place).tried = false;
            self.register_if_wanted();
        } else {
            self.connection_is_usable();
        }
        self.disconnect(old.connection, reason);
    }
}
