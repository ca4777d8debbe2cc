//! Failback to a better server: a second connection is opened beside the one in use, watched for a while, and
//! used once no call is being set up.

use alloc::boxed::Box;

use core::time::Duration;

use super::agent::UserAgent;
use super::flow_table::{Failback, FailbackStage};
use crate::connection::{ConnectError, ConnectionInfo, DisconnectReason};
use crate::endpoint::{Flow, FlowIndex, TimerOwner};
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::registration::BindingInput;

/// How long the new connection must stay up before the agent uses it.
const WATCHED_FOR: Duration = Duration::from_secs(10);

impl UserAgent {
    /// Opens a connection to a better server, unless one is open or opening.
    pub(super) fn failback(&mut self, index: FlowIndex, server: usize) {
        if self.flows.get_mut(index).failback.is_some() {
            return;
        }
        let opening = self.open_connection(server, 1);
        let deadline = self.endpoint.now + self.config.connection_timeout();
        let timer = self
            .endpoint
            .timers
            .set(deadline, TimerOwner::Failback(index));
        let stage = FailbackStage::Opening(timer);
        self.flows.get_mut(index).failback = Some(Box::new(Failback { opening, stage }));
    }

    /// Handles the opening of a failback connection; false if it is another kind of connection.
    pub(super) fn on_failback_opened(
        &mut self,
        connection: ConnectionId,
        info: ConnectionInfo,
    ) -> bool {
        let Some(index) = self.flows.find(|flow| flow.is_failback(connection)) else {
            return false;
        };
        let failback = self.flows.get_mut(index).failback.as_deref_mut();
        let Some(Failback { opening, stage }) = failback else {
            return false;
        };
        let &mut FailbackStage::Opening(timer) = stage else {
            return false;
        };
        let Some(route_host) = &opening.route_host else {
            return false;
        };
        if !self.endpoint.layer.opened(connection, info) {
            return false;
        }
        self.endpoint.name_server(connection, route_host);
        self.endpoint.timers.cancel(timer);
        let watched_until = self.endpoint.now + WATCHED_FOR;
        let timer = self
            .endpoint
            .timers
            .set(watched_until, TimerOwner::Failback(index));
        *stage = FailbackStage::Watched(timer);
        if self.flows.get_mut(index).open.is_none() {
            // The connection in use was lost in the meantime.
            self.abandon(index, ConnectError::Other, DisconnectReason::Replaced);
            self.use_open_failback(index);
            self.settle();
        }
        true
    }

    /// Handles the failure or loss of a failback connection; false if it is another kind of connection.
    pub(super) fn on_failback_lost(&mut self, connection: ConnectionId) -> bool {
        let index = self.flows.find(|flow| flow.is_failback(connection));
        let Some(failback) = index.and_then(|index| self.flows.get_mut(index).failback.take())
        else {
            return false;
        };
        self.forget_failback(&failback);
        true
    }

    /// Takes the open failback connection, if there is one, because the connection in use was lost.
    pub(super) fn take_open_failback(&mut self, index: FlowIndex) -> Option<Flow> {
        let is_open =
            |failback: &mut Box<Failback>| !matches!(failback.stage, FailbackStage::Opening(_));
        let failback = self.flows.get_mut(index).failback.take_if(is_open)?;
        if let Some(timer) = failback.timer() {
            self.endpoint.timers.cancel(timer);
        }
        failback.open()
    }

    fn forget_failback(&mut self, failback: &Failback) {
        if let Some(timer) = failback.timer() {
            self.endpoint.timers.cancel(timer);
        }
        let connection = failback.opening.connection;
        self.endpoint.layer.closed(connection, self.endpoint.now);
    }

    /// Closes the failback connection of a flow.
    pub(super) fn drop_failback(&mut self, index: FlowIndex, reason: DisconnectReason) {
        if let Some(failback) = self.flows.get_mut(index).failback.take() {
            self.forget_failback(&failback);
            self.disconnect(failback.opening.connection, reason);
        }
    }

    pub(super) fn on_failback_timeout(&mut self, index: FlowIndex) {
        let failback = self.flows.get_mut(index).failback.as_mut();
        match failback.map(|failback| &mut failback.stage) {
            Some(stage @ FailbackStage::Watched(_)) => *stage = FailbackStage::Ready,
            Some(FailbackStage::Opening(_)) => self.drop_failback(index, DisconnectReason::Timeout),
            Some(FailbackStage::Ready) | None => {}
        }
    }

    /// Moves to the better servers once no INVITE transaction needs the connections in use. Confirmed calls
    /// move along, and re-INVITEs repair their route after the registration.
    pub(super) fn move_when_quiet(&mut self) {
        for index in self.flows.indices() {
            self.move_flow_when_quiet(index);
        }
    }

    fn move_flow_when_quiet(&mut self, index: FlowIndex) {
        let failback = self.flows.get(index).failback.as_ref();
        if !failback.is_some_and(|failback| failback.is_ready()) {
            return;
        }
        let quiet = self.sessions.are_quiet()
            && self.requests.outgoing() == 0
            && self.requests.incoming() == 0
            && self.registrations.is_idle()
            && self.flows.get(index).open.is_some();
        if !quiet {
            return;
        }
        let flow = self.flows.get_mut(index);
        let new = flow.failback.take().and_then(|failback| failback.open());
        let (Some(old), Some(new)) = (flow.open.take(), new) else {
            return;
        };
        let reason = DisconnectReason::Replaced;
        self.endpoint.event(Event::Disconnected {
            server: old.server,
            reason,
        });
        let now = self.endpoint.now;
        let flow = self.flows.get_mut(index);
        flow.connector.moved(new.server, now);
        // The Service-Route leads through the old server (RFC 3608 section 5).
        flow.service_route = Box::default();
        self.use_flow(index, new);
        self.endpoint.layer.closed(old.connection, now);
        self.drain();
        self.lose_challenges(old.connection);
        if self.registrations.is_wanted() {
            // The new server may accept what the old one refused, so the agent registers there at once.
            self.endpoint.ready &= self.flow_in_use() != Some(index);
            let changed = BindingInput::Changed(now);
            let binding = self.registrations.binding_mut(index);
            binding.step(changed);
            binding.attempted = false;
            self.register_if_wanted();
        } else {
            self.connection_is_usable();
        }
        self.disconnect(old.connection, reason);
    }
}
