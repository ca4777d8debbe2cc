//! Opens, chooses, loses and closes the connections of an agent's flows (RFC 5626).

use alloc::boxed::Box;
use core::fmt;

use super::agent::{Life, UserAgent};
use super::flow_table::{Opening, OutboundFlow};
use crate::action::Action;
use crate::config::ServerUrl;
use crate::connection::{
    ConnectError, ConnectionInfo, Connector, DisconnectReason, KeepAliveStep, Step, Steps,
};
use crate::endpoint::{Flow, FlowIndex};
use crate::error::CommandError;
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::registration::RegisterKind;
use crate::time::Timestamp;

/// The application's answer to [`Event::ServerUrlNeeded`] if it has no URL for the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoServerUrl;

impl fmt::Display for NoServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no URL for the server")
    }
}

impl core::error::Error for NoServerUrl {}

impl UserAgent {
    /// Takes the result of [`Action::Connect`]: the connection is open. `info` describes it. The core ignores
    /// a connection that is no longer opening.
    pub fn connection_opened(
        &mut self,
        connection: ConnectionId,
        info: ConnectionInfo,
        now: Timestamp,
    ) {
        self.advance(now);
        if self.on_failback_opened(connection, info) {
            return;
        }
        let Some(index) = self.flows.find(|flow| flow.is_opening(connection)) else {
            return;
        };
        let flow = self.flows.get_mut(index);
        let Some(Opening {
            server,
            route_host: Some(route_host),
            ..
        }) = flow
            .opening
            .take_if(|opening| opening.route_host.is_some())
            .map(|opening| *opening)
        else {
            return;
        };
        let now = self.endpoint.now;
        self.flows.get_mut(index).connector.opened(now);
        self.endpoint.layer.opened(connection, info);
        self.endpoint.name_server(connection, &route_host);
        let flow = Flow {
            connection,
            server,
            route_host,
        };
        self.use_flow(index, flow);
        self.register_on_connection(index);
        self.settle();
    }

    /// Makes `open` the connection of the flow.
    pub(super) fn use_flow(&mut self, index: FlowIndex, open: Flow) {
        let (server, connection) = (open.server, open.connection);
        let keeps = self.config.keep_alive_interval().is_some();
        let flow = self.flows.get_mut(index);
        flow.open = Some(open);
        // A ping on the previous connection will never be answered on this one.
        flow.keep_alive.stop();
        if keeps {
            flow.keep_alive
                .start(self.endpoint.now, self.endpoint.layer.rng());
        }
        self.choose_flow();
        let connected = Event::Connected { server };
        self.endpoint.connection_event(connection, connected);
    }

    /// Takes the result of [`Action::Connect`]: the host could not open the connection. The core tries again
    /// or another server, and emits [`Event::ConnectFailed`].
    pub fn connection_failed(
        &mut self,
        connection: ConnectionId,
        error: ConnectError,
        now: Timestamp,
    ) {
        self.advance(now);
        self.attempt_failed(connection, error);
        self.settle();
    }

    fn attempt_failed(&mut self, connection: ConnectionId, error: ConnectError) {
        if self.on_failback_lost(connection) {
            return;
        }
        let Some(index) = self.flows.find(|flow| flow.is_opening(connection)) else {
            return;
        };
        if let Some(opening) = self.flows.get_mut(index).opening.take() {
            self.endpoint.layer.closed(connection, self.endpoint.now);
            let server = opening.server;
            let failed = Event::ConnectFailed { server, error };
            self.endpoint.connection_event(connection, failed);
            self.connector(index, |connector, now, rng| {
                connector.failed(error, now, rng)
            });
        }
    }

    /// Takes the loss of an open connection. Confirmed calls live on; requests in flight fail at once,
    /// because their responses have no other way back (RFC 7118 section 5.2.3).
    pub fn connection_closed(
        &mut self,
        connection: ConnectionId,
        reason: DisconnectReason,
        now: Timestamp,
    ) {
        self.advance(now);
        match self.flows.of(connection) {
            Some(index) => self.lose_flow(index, reason),
            None => self.attempt_failed(connection, ConnectError::Other),
        }
        self.settle();
    }

    pub(super) fn lose_flow(&mut self, index: FlowIndex, reason: DisconnectReason) {
        // A server that closes the connection in place of an answer to REGISTER serves no more than a silent one.
        let is_registering =
            self.registrations.binding(index).kind() == Some(RegisterKind::Refresh);
        let leaves_server =
            reason == DisconnectReason::NotServed || is_registering && self.is_not_served(index);
        let flow = self.flows.get_mut(index);
        let Some(open) = flow.open.take() else {
            return;
        };
        flow.keep_alive.stop();
        let server = open.server;
        let disconnected = Event::Disconnected { server, reason };
        self.endpoint
            .connection_event(open.connection, disconnected);
        self.choose_flow();
        self.endpoint
            .layer
            .closed(open.connection, self.endpoint.now);
        self.drain();
        self.lose_challenges(open.connection);
        self.on_flow_lost(index);
        if self.endpoint.flow.is_some() && (self.endpoint.ready || !self.registrations.is_wanted())
        {
            // Another flow is up: waiting requests move there at once.
            self.connection_is_usable();
        }
        if !matches!(self.life, Life::Running) {
            if self.endpoint.flow.is_none() {
                self.give_up_waiting();
            }
            return;
        }
        if !self.use_open_failback(index) {
            let step = if leaves_server {
                Connector::next_server
            } else {
                Connector::closed
            };
            self.connector(index, step);
        }
    }

    /// Counts a REGISTER that the server of a flow did not serve; returns whether the flow leaves that server.
    pub(super) fn is_not_served(&mut self, index: FlowIndex) -> bool {
        let taken = self.flows.taken_by_others(index);
        let now = self.endpoint.now;
        let connector = &mut self.flows.get_mut(index).connector;
        connector.share(&taken);
        connector.not_served(now)
    }

    /// Replaces a lost connection by the open failback connection, if there is one.
    pub(super) fn use_open_failback(&mut self, index: FlowIndex) -> bool {
        let Some(open) = self.take_open_failback(index) else {
            return false;
        };
        let (server, now) = (open.server, self.endpoint.now);
        self.flows.get_mut(index).connector.moved(server, now);
        self.use_flow(index, open);
        self.register_on_connection(index);
        true
    }

    /// The network of the host changed: another Wi-Fi or cell, a VPN, another default route. Call it once for each change that
    /// the operating system reports, when the new network is usable; a call too many costs a ping.
    ///
    /// - The core pings each open connection at once, also where the keep-alive is off (RFC 5626 section 4.4.1). One that
    ///   answers within [`KeepAlive::DOUBT_TIMEOUT`](crate::connection::KeepAlive::DOUBT_TIMEOUT) stays, and everything on it goes
    ///   on. One that does not is replaced as any that is lost: the binding moves to the new flow, and re-INVITEs repair the calls.
    /// - An attempt that is under way starts anew, because it may wait on an interface that is gone:
    ///   [`Event::ConnectFailed`] with [`ConnectError::Other`], then [`Event::Connecting`]. A wait for the next attempt
    ///   ends, and the schedule of RFC 5626 section 4.5 begins again.
    /// - A connection to a better server that is not in use yet is dropped and tried again.
    ///
    /// A wait that the registrar caused goes on, because Retry-After and refused credentials are no matter of the network. The
    /// core sends no re-INVITE on a connection that stays: if the media of a call have other addresses now, the application
    /// sends [`reinvite`](crate::EstablishedSession::reinvite). An agent that is not running does nothing.
    ///
    /// # Errors
    /// [`CommandError::Backpressure`].
    pub fn network_changed(&mut self, now: Timestamp) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        if !matches!(self.life, Life::Running) {
            return Ok(());
        }
        let (now, reason) = (self.endpoint.now, DisconnectReason::Replaced);
        self.doubt_flows(now, reason);
        for index in self.flows.indices() {
            self.abandon(index, ConnectError::Other, reason);
            self.connector(index, Connector::network_changed);
        }
        // Sends the pings, and tries better servers.
        self.tick_flows(now);
        self.settle();
        Ok(())
    }

    /// Each flow may be dead: probes the open connections.
    pub(super) fn doubt_flows(&mut self, now: Timestamp, reason: DisconnectReason) {
        self.flows.probe_now(now);
        // Failback probes are not pinged. They are dropped, because the connector opens them again.
        for index in self.flows.indices() {
            self.drop_failback(index, reason);
        }
    }

    /// Takes the answer to [`Action::Ping`].
    pub fn pong(&mut self, connection: ConnectionId, now: Timestamp) {
        self.advance(now);
        self.on_pong(connection);
    }

    pub(super) fn on_pong(&mut self, connection: ConnectionId) {
        if let Some(index) = self.flows.of(connection) {
            let flow = self.flows.get_mut(index);
            flow.keep_alive
                .pong(self.endpoint.now, self.endpoint.layer.rng());
        }
    }

    /// Answers [`Event::ServerUrlNeeded`] of this `connection`: the URL for this attempt, which
    /// [`Action::Connect`] then carries, or [`NoServerUrl`], which counts as a failed attempt
    /// ([`ConnectError::Url`]). The URL may have another host than the configured one; a preloaded Route then
    /// carries that host. The query of the URL is a secret, and `Debug` hides it.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the attempt is over or already has its URL, [`CommandError::Backpressure`].
    pub fn server_url(
        &mut self,
        connection: ConnectionId,
        url: Result<ServerUrl, NoServerUrl>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        let mut indices = self.flows.indices();
        let index = indices.find(|&index| {
            let flow = self.flows.get_mut(index);
            flow.awaiting_url(connection).is_some()
        });
        let index = index.ok_or(CommandError::Stale)?;
        match url {
            Ok(url) => {
                if let Some(opening) = self.flows.get_mut(index).awaiting_url(connection) {
                    opening.route_host = Some(url.route_host().into());
                    let (server, attempt) = (opening.server, opening.attempt);
                    self.connect_to(connection, server, attempt, url);
                }
            }
            Err(NoServerUrl) => self.attempt_failed(connection, ConnectError::Url),
        }
        self.settle();
        Ok(())
    }

    /// Begins to open a connection. With `askServerUrl` the core requests the URL from the application first.
    pub(super) fn open_connection(&mut self, server: usize, attempt: u32) -> Opening {
        let connection = self.endpoint.layer.reserve();
        let configured = self.config.servers().get(server);
        let url = configured.map(|server| server.url.clone());
        let url = url.filter(|_| !self.config.ask_server_url());
        let route_host = url.as_ref().map(|url| url.route_host().into());
        match url {
            Some(url) => self.connect_to(connection, server, attempt, url),
            None => self.endpoint.event(Event::ServerUrlNeeded {
                connection,
                server,
                attempt,
            }),
        }
        Opening {
            connection,
            server,
            attempt,
            route_host,
        }
    }

    fn connect_to(
        &mut self,
        connection: ConnectionId,
        server: usize,
        attempt: u32,
        url: ServerUrl,
    ) {
        self.endpoint.act(Action::Connect {
            connection,
            server,
            attempt,
            url: Box::new(url),
        });
    }

    /// Lets the connector of a flow take a step, and carries out its output.
    pub(super) fn connector(
        &mut self,
        index: FlowIndex,
        step: impl FnOnce(&mut Connector, Timestamp, &mut dyn rand_core::CryptoRng) -> Steps,
    ) {
        let taken = self.flows.taken_by_others(index);
        let up = self.flows.other_is_up(index);
        let flow = self.flows.get_mut(index);
        flow.connector.share(&taken);
        flow.connector.other_flows_up(up);
        let steps = step(
            &mut flow.connector,
            self.endpoint.now,
            self.endpoint.layer.rng(),
        );
        for step in steps {
            self.carry_out(index, step);
        }
    }

    fn carry_out(&mut self, index: FlowIndex, step: Step) {
        match step {
            Step::Connect { server, attempt } => {
                let failback = self.flows.get_mut(index).failback.as_ref();
                if failback.is_some_and(|failback| failback.opening.server == server) {
                    // Otherwise two connections to one server would open.
                    self.drop_failback(index, DisconnectReason::Replaced);
                }
                self.endpoint.event(Event::Connecting { server, attempt });
                let opening = self.open_connection(server, attempt);
                self.flows.get_mut(index).opening = Some(Box::new(opening));
            }
            Step::Wait { until, attempt } => {
                self.endpoint
                    .event(Event::ReconnectScheduled { at: until, attempt });
            }
            Step::Probe { server } => self.failback(index, server),
            Step::Abandon => self.abandon(index, ConnectError::Timeout, DisconnectReason::Timeout),
        }
    }

    /// Stops opening a connection.
    pub(super) fn abandon(
        &mut self,
        index: FlowIndex,
        error: ConnectError,
        reason: DisconnectReason,
    ) {
        let Some(opening) = self.flows.get_mut(index).opening.take() else {
            return;
        };
        let (connection, server) = (opening.connection, opening.server);
        self.endpoint.layer.closed(connection, self.endpoint.now);
        let failed = Event::ConnectFailed { server, error };
        self.endpoint.connection_event(connection, failed);
        self.disconnect(connection, reason);
    }

    pub(super) fn disconnect(&mut self, connection: ConnectionId, reason: DisconnectReason) {
        self.endpoint.act(Action::Disconnect { connection, reason });
    }

    /// Closes the open connection of a flow.
    pub(super) fn drop_flow(&mut self, index: FlowIndex, reason: DisconnectReason) {
        if let Some(open) = &self.flows.get_mut(index).open {
            let connection = open.connection;
            self.disconnect(connection, reason);
            self.lose_flow(index, reason);
        }
    }

    /// Fires the due deadlines of connectors and keep-alives.
    pub(super) fn tick_flows(&mut self, now: Timestamp) {
        for index in self.flows.indices() {
            self.connector(index, Connector::tick);
            let flow = self.flows.get_mut(index);
            match (flow.keep_alive.tick(now), &flow.open) {
                (Some(KeepAliveStep::Ping), Some(open)) => {
                    let connection = open.connection;
                    self.endpoint.act(Action::Ping { connection });
                }
                (Some(KeepAliveStep::Dead), Some(_)) => {
                    self.drop_flow(index, DisconnectReason::KeepAlive);
                }
                _ => {}
            }
        }
    }

    /// Chooses the flow for requests: the flow in use stays while it is registered, or while no other one is.
    pub(super) fn choose_flow(&mut self) {
        let used = self.endpoint.flow.as_ref().map(|flow| flow.connection);
        let open = self.flows.iter().rev().filter(|flow| flow.open.is_some());
        let index_of = |flow: &&OutboundFlow| {
            let connection = flow.open.as_ref().map(|open| open.connection)?;
            self.flows.of(connection)
        };
        let binding =
            |flow: &&OutboundFlow| index_of(flow).map(|index| self.registrations.binding(index));
        let chosen = open.max_by_key(|flow| {
            let connection = flow.open.as_ref().map(|open| open.connection);
            let bound = binding(flow).is_some_and(|binding| binding.is_bound());
            (bound, connection == used)
        });
        let open = chosen.and_then(|flow| flow.open.clone());
        if open.as_ref().map(|open| open.connection) != used {
            // On a new flow requests wait for the registration, if one is wanted and has not been attempted
            // there.
            let binding = chosen.as_ref().and_then(binding);
            let is_through = binding.is_some_and(|binding| binding.is_bound() || binding.attempted);
            self.endpoint.ready = is_through;
        }
        self.endpoint.flow = open;
        self.endpoint.service_route =
            chosen.map_or_else(Default::default, |flow| flow.service_route.clone());
    }

    /// RFC 5626 section 4.2.1: opens the other flows once the registrar supports outbound, and closes the
    /// flows whose binding is gone.
    pub(super) fn spread_flows(&mut self) {
        if self.flows.len() == 1 || !matches!(self.life, Life::Running) {
            return;
        }
        let many = self.registrations.is_wanted() && self.registrations.outbound;
        let most = if many { self.config.servers().len() } else { 1 };
        let indices = self.flows.indices();
        let mut running = indices.filter(|&index| self.is_running(index)).count();
        for index in self.flows.indices() {
            if !self.is_running(index) && running < most {
                running += 1;
                self.connector(index, Connector::start);
            }
        }
        let used = self.endpoint.flow.as_ref().map(|flow| flow.connection);
        for index in self.flows.indices().rev() {
            let flow = self.flows.get(index);
            let binding = self.registrations.binding(index);
            let is_used = flow.open.as_ref().map(|open| open.connection) == used;
            let is_free = binding.is_idle() && !binding.is_bound();
            if running > most && self.is_running(index) && is_free && !(is_used && used.is_some()) {
                running -= 1;
                self.close_flow(index, DisconnectReason::Unneeded);
            }
        }
    }

    fn is_running(&self, index: FlowIndex) -> bool {
        self.flows.get(index).connector.is_running()
    }

    /// Closes a flow for good.
    pub(super) fn close_flow(&mut self, index: FlowIndex, reason: DisconnectReason) {
        self.drop_failback(index, reason);
        self.abandon(index, ConnectError::Other, reason);
        // The connector stops before the connection closes, so that it does not reconnect.
        let _ = self.flows.get_mut(index).connector.stop();
        self.drop_flow(index, reason);
        self.registrations.binding_mut(index).reconnecting = false;
    }

    /// The flow in use.
    pub(super) fn flow_in_use(&self) -> Option<FlowIndex> {
        self.flows.of(self.endpoint.flow.as_ref()?.connection)
    }
}
