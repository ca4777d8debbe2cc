//! Back to a better server: tried beside the connection in use, watched for a while, and used instead once
//! that disturbs nothing.

use core::time::Duration;

use super::UserAgent;
use crate::endpoint::{TimerOwner, Flow, FlowIndex};
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
pub(super) struct Failback {
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

impl Failback {
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
    pub(super) fn failback(&mut self, index: FlowIndex, server: usize) {
        if self.flow(index).failback.is_some() {
            return;
        }
        let opening = self.open_connection(server, 1);
        let deadline = self.endpoint.now + self.endpoint.config.connection_timeout();
        let timer = self.endpoint.timers.set(deadline, TimerOwner::Failback(index));
        let stage = Stage::Opening(timer);
        self.flow(index).failback = Some(Failback { opening, stage });
    }

    fn flow_of_failback(&self, connection: ConnectionId) -> Option<FlowIndex> {
        self.index(|flow| {
            let failback = flow.failback.as_ref();
            failback.is_some_and(|failback| failback.opening.connection == connection)
        })
    }

    /// The connection of a probe is open; false if it is not one.
    pub(super) fn on_failback_opened(&mut self, connection: ConnectionId, info: ConnectionInfo) -> bool {
        let Some(index) = self.flow_of_failback(connection) else {
            return false;
        };
        let Some(Failback { opening, stage }) = &mut self.flows[usize::from(index)].failback else {
            return false;
        };
        let &mut Stage::Opening(timer) = stage else {
            return false;
        };
        if opening.route_host.is_none() || !self.endpoint.layer.opened(connection, info) {
            return false;
        }
        self.endpoint.timers.cancel(timer);
        let watched_until = self.endpoint.now + WATCHED_FOR;
        let timer = self.endpoint.timers.set(watched_until, TimerOwner::Failback(index));
        *stage = Stage::Watched(info.transport, timer);
        if self.flow(index).open.is_none() {
            // The one in use was lost meanwhile.
            self.abandon(index, ConnectError::Other, DisconnectReason::Replaced);
            self.use_open_failback(index);
            self.settle();
        }
        true
    }

    /// The connection of a probe failed or is gone; false if it is not one.
    pub(super) fn on_failback_lost(&mut self, connection: ConnectionId) -> bool {
        let index = self.flow_of_failback(connection);
        let Some(failback) = index.and_then(|index| self.flow(index).failback.take()) else {
            return false;
        };
        self.forget_failback(&failback);
        true
    }

    /// An open connection to a better server, for when the one in use is lost.
    pub(super) fn take_open_failback(&mut self, index: FlowIndex) -> Option<Flow> {
        let is_open = |failback: &mut Failback| !matches!(failback.stage, Stage::Opening(_));
        let failback = self.flow(index).failback.take_if(is_open)?;
        if let Stage::Watched(_, timer) = failback.stage {
            self.endpoint.timers.cancel(timer);
        }
        failback.open()
    }

    fn forget_failback(&mut self, failback: &Failback) {
        if let Stage::Opening(timer) | Stage::Watched(_, timer) = failback.stage {
            self.endpoint.timers.cancel(timer);
        }
        let connection = failback.opening.connection;
        self.endpoint.layer.closed(connection, self.endpoint.now);
    }

    /// Gives a probe up.
    pub(super) fn drop_failback(&mut self, index: FlowIndex, reason: DisconnectReason) {
        if let Some(failback) = self.flow(index).failback.take() {
            self.forget_failback(&failback);
            self.disconnect(failback.opening.connection, reason);
        }
    }

    pub(super) fn on_failback_timeout(&mut self, index: FlowIndex) {
        let failback = self.flow(index).failback.as_mut();
        match failback.map(|failback| &mut failback.stage) {
            Some(stage @ &mut Stage::Watched(transport, _)) => *stage = Stage::Ready(transport),
            Some(Stage::Opening(_)) => self.drop_failback(index, DisconnectReason::Timeout),
            Some(Stage::Ready(_)) | None => {}
        }
    }

    /// Uses the better servers once nothing is under way that needs the connections in use: calls that are
    /// up move with us, and are repaired after the registration.
    pub(super) fn move_when_quiet(&mut self) {
        for index in self.flow_indices() {
            self.move_flow_when_quiet(index);
        }
    }

    fn move_flow_when_quiet(&mut self, index: FlowIndex) {
        let is_ready = |failback: &mut Failback| matches!(failback.stage, Stage::Ready(_));
        if self
            .flow(index)
            .failback
            .as_mut()
            .is_none_or(|failback| !is_ready(failback))
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
            && self.flow(index).open.is_some();
        if !quiet {
            return;
        }
        let flow = self.flow(index);
        let new = flow.failback.take().and_then(Failback::open);
        let (Some(old), Some(new)) = (flow.open.take(), new) else {
            return;
        };
        let reason = DisconnectReason::Replaced;
        self.endpoint.event(Event::Disconnected {
            server: old.server,
            reason,
        });
        let now = self.endpoint.now;
        let flow = self.flow(index);
        flow.connector.moved(new.server, now);
        // It leads through the old server (RFC 3608 section 5).
        flow.service_route.clear();
        self.use_flow(index, new);
        self.endpoint.layer.closed(old.connection, now);
        self.drain();
        if self.registration.wanted {
            // A binding is made anew there; what the old server refused is tried at once with this one.
            self.endpoint.ready &= self.flow_in_use() != Some(index);
            self.binding(index).rebind = true;
            self.binding(index).attempted = false;
            self.register_if_wanted();
        } else {
            self.connection_is_usable();
        }
        self.disconnect(old.connection, reason);
    }
}
