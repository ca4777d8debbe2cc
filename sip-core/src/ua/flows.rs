//! The flows of an agent (RFC 5626): each one is a way to one of its servers, with the binding on it. One,
//! unless `outboundFlows` asks for more and the registrar keeps them apart.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smallvec::SmallVec;

use crate::endpoint::{Flow, FlowIndex};
use super::failback::Failback;
use super::{Life, UserAgent};
use crate::action::Action;
use crate::config::ServerUrl;
use crate::connection::ConnectionInfo;
use crate::connection::{
    ConnectError, Connector, DisconnectReason, KeepAlive, KeepAliveStep, Step, Steps,
};
use crate::error::CommandError;
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::registration::Binding;
use crate::time::Timestamp;

/// One way to a server.
pub(super) struct OutboundFlow {
    pub(super) connector: Connector,
    /// The connection that is being opened.
    pub(super) opening: Option<Opening>,
    /// A connection to a better server beside the one in use.
    pub(super) failback: Option<Failback>,
    pub(super) keep_alive: KeepAlive,
    /// The connection that is open.
    pub(super) open: Option<Flow>,
    pub(super) binding: Binding,
    /// Of the last REGISTER that was accepted on this flow (RFC 3608), as Route values.
    pub(super) service_route: Vec<Box<[u8]>>,
}

/// A connection that is being opened.
pub(super) struct Opening {
    pub(super) connection: ConnectionId,
    pub(super) server: usize,
    attempt: u32,
    /// Host and port for the Route; `None` while the application is asked for the URL.
    pub(super) route_host: Option<Box<str>>,
}

/// The application has no URL for a server now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoServerUrl;

impl ::core::fmt::Display for NoServerUrl {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("no URL for the server")
    }
}

impl ::core::error::Error for NoServerUrl {}

impl OutboundFlow {
    pub(super) fn new(connector: Connector, keep_alive: KeepAlive) -> Self {
        Self {
            connector,
            opening: None,
            failback: None,
            keep_alive,
            open: None,
            binding: Binding::new(),
            service_route: Vec::new(),
        }
    }

    /// Whether this is the connection that is open.
    fn is_on(&self, connection: ConnectionId) -> bool {
        self.open
            .as_ref()
            .is_some_and(|flow| flow.connection == connection)
    }

    fn is_opening(&self, connection: ConnectionId) -> bool {
        self.opening
            .as_ref()
            .is_some_and(|opening| opening.connection == connection)
    }
}

impl UserAgent {
    /// The connection that [`Action::Connect`] asked for is open.
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
        let Some(index) = self.index(|flow| flow.is_opening(connection)) else {
            return;
        };
        let flow = self.flow(index);
        let Some(Opening {
            server,
            route_host: Some(route_host),
            ..
        }) = flow.opening.take_if(|opening| opening.route_host.is_some())
        else {
            return;
        };
        let now = self.endpoint.now;
        self.flow(index).connector.opened(now);
        self.endpoint.layer.opened(connection, info);
        let transport = info.transport;
        let flow = Flow {
            connection,
            server,
            transport,
            route_host,
        };
        self.use_flow(index, flow);
        self.register_on_connection(index);
        self.settle();
    }

    /// This connection carries what we send on the flow from now on.
    pub(super) fn use_flow(&mut self, index: FlowIndex, open: Flow) {
        let server = open.server;
        let keeps = self.endpoint.config.keep_alive_interval().is_some();
        let flow = &mut self.flows[usize::from(index)];
        flow.open = Some(open);
        // A ping on the connection before this one will not be answered here.
        flow.keep_alive.stop();
        if keeps {
            flow.keep_alive.start(self.endpoint.now, self.endpoint.layer.rng());
        }
        self.choose_flow();
        self.endpoint.event(Event::Connected { server });
    }

    /// The connection that [`Action::Connect`] asked for cannot be opened.
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
        let Some(index) = self.index(|flow| flow.is_opening(connection)) else {
            return;
        };
        if let Some(opening) = self.flow(index).opening.take() {
            self.endpoint.layer.closed(connection, self.endpoint.now);
            let server = opening.server;
            self.endpoint.event(Event::ConnectFailed { server, error });
            self.connector(index, |connector, now, rng| {
                connector.failed(error, now, rng)
            });
        }
    }

    /// An open connection is gone. Confirmed calls live on; what cannot (RFC 7118 section 5.2.3: there is
    /// no other way back) fails at once.
    pub fn connection_closed(
        &mut self,
        connection: ConnectionId,
        reason: DisconnectReason,
        now: Timestamp,
    ) {
        self.advance(now);
        match self.index(|flow| flow.is_on(connection)) {
            Some(index) => self.lose_flow(index, reason),
            None => self.attempt_failed(connection, ConnectError::Other),
        }
        self.settle();
    }

    pub(super) fn lose_flow(&mut self, index: FlowIndex, reason: DisconnectReason) {
        let flow = self.flow(index);
        let Some(open) = flow.open.take() else {
            return;
        };
        flow.keep_alive.stop();
        let server = open.server;
        self.endpoint.event(Event::Disconnected { server, reason });
        self.choose_flow();
        self.endpoint.layer.closed(open.connection, self.endpoint.now);
        self.drain();
        self.lose_challenges(open.connection);
        self.on_flow_lost(index);
        if self.endpoint.flow.is_some() && (self.endpoint.ready || !self.registration.wanted) {
            // Another flow is up: what is left moves there at once.
            self.connection_is_usable();
        }
        if !matches!(self.life, Life::Running) {
            if self.endpoint.flow.is_none() {
                self.give_up_waiting();
            }
            return;
        }
        if !self.use_open_failback(index) {
            self.connector(index, Connector::closed);
        }
    }

    /// Uses the connection to a better server, if it is open, in the place of one that is lost.
    pub(super) fn use_open_failback(&mut self, index: FlowIndex) -> bool {
        let Some(open) = self.take_open_failback(index) else {
            return false;
        };
        let (server, now) = (open.server, self.endpoint.now);
        self.flow(index).connector.moved(server, now);
        self.use_flow(index, open);
        self.register_on_connection(index);
        true
    }

    /// The answer to [`Action::Ping`] came.
    pub fn pong(&mut self, connection: ConnectionId, now: Timestamp) {
        self.advance(now);
        self.on_pong(connection);
    }

    pub(super) fn on_pong(&mut self, connection: ConnectionId) {
        if let Some(index) = self.index(|flow| flow.is_on(connection)) {
            let flow = &mut self.flows[usize::from(index)];
            flow.keep_alive.pong(self.endpoint.now, self.endpoint.layer.rng());
        }
    }

    /// Answers [`Event::ServerUrlNeeded`] of this `connection`: the URL for this attempt, which
    /// [`Action::Connect`] then connection_for, or that there is none, which counts as a failed attempt
    /// ([`ConnectError::Url`]). The URL may name another host than the configured one; a preloaded Route
    /// names the one that is given here. Its query is a secret and shows in no `Debug`.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the attempt is over or has its URL, [`CommandError::Backpressure`].
    pub fn server_url(
        &mut self,
        connection: ConnectionId,
        url: Result<ServerUrl, NoServerUrl>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        self.check_queue()?;
        self.advance(now);
        let waits = |flow: &OutboundFlow| {
            let opening = flow.opening.as_ref();
            let failback = flow.failback.as_ref().map(|failback| &failback.opening);
            let waits = |opening: &&Opening| {
                opening.connection == connection && opening.route_host.is_none()
            };
            opening.filter(waits).is_some() || failback.filter(waits).is_some()
        };
        let index = self.index(waits).ok_or(CommandError::Stale)?;
        match url {
            Ok(url) => {
                let flow = self.flow(index);
                let failback = flow.failback.as_mut().map(|failback| &mut failback.opening);
                let mut openings = flow.opening.iter_mut().chain(failback);
                if let Some(opening) = openings.find(|opening| opening.connection == connection) {
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

    /// Begins to open a connection: asks for the URL first where the configuration says so.
    pub(super) fn open_connection(&mut self, server: usize, attempt: u32) -> Opening {
        let connection = self.endpoint.layer.reserve();
        let configured = self.endpoint.config.servers().get(server);
        let url = configured.map(|server| server.url.clone());
        let url = url.filter(|_| !self.endpoint.config.ask_server_url());
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
        self.endpoint.actions.push_back(Action::Connect {
            connection,
            server,
            attempt,
            url: Box::new(url),
        });
    }

    /// Lets the connector of a flow take a step, and carries out what it wants.
    pub(super) fn connector(
        &mut self,
        index: FlowIndex,
        step: impl FnOnce(&mut Connector, Timestamp, &mut dyn rand_core::CryptoRng) -> Steps,
    ) {
        let others = || {
            let others = self.flows.iter().enumerate();
            others.filter(|(other, _)| *other != usize::from(index))
        };
        let taken: SmallVec<[usize; 8]> = others()
            .flat_map(|(_, flow)| {
                let probed = flow.failback.as_ref().map(|failback| failback.opening.server);
                flow.connector.holds().into_iter().chain(probed)
            })
            .collect();
        let up = others().any(|(_, flow)| flow.open.is_some());
        let flow = &mut self.flows[usize::from(index)];
        flow.connector.share(&taken);
        flow.connector.other_flows_up(up);
        let steps = step(&mut flow.connector, self.endpoint.now, self.endpoint.layer.rng());
        for step in steps {
            self.carry_out(index, step);
        }
    }

    fn carry_out(&mut self, index: FlowIndex, step: Step) {
        match step {
            Step::Connect { server, attempt } => {
                let failback = self.flow(index).failback.as_ref();
                if failback.is_some_and(|failback| failback.opening.server == server) {
                    // Both at once would be two connections to one server.
                    self.drop_failback(index, DisconnectReason::Replaced);
                }
                self.endpoint.event(Event::Connecting { server, attempt });
                let opening = self.open_connection(server, attempt);
                self.flow(index).opening = Some(opening);
            }
            Step::Wait { until, attempt } => {
                self.endpoint
                    .event(Event::ReconnectScheduled { at: until, attempt });
            }
            Step::Probe { server } => self.failback(index, server),
            Step::Abandon => self.abandon(index, ConnectError::Timeout, DisconnectReason::Timeout),
        }
    }

    /// Gives up the connection that is being opened.
    pub(super) fn abandon(&mut self, index: FlowIndex, error: ConnectError, reason: DisconnectReason) {
        let Some(opening) = self.flow(index).opening.take() else {
            return;
        };
        let (connection, server) = (opening.connection, opening.server);
        self.endpoint.layer.closed(connection, self.endpoint.now);
        self.endpoint.event(Event::ConnectFailed { server, error });
        self.disconnect(connection, reason);
    }

    pub(super) fn disconnect(&mut self, connection: ConnectionId, reason: DisconnectReason) {
        self.endpoint
            .actions
            .push_back(Action::Disconnect { connection, reason });
    }

    /// Ends an open connection from here.
    pub(super) fn drop_flow(&mut self, index: FlowIndex, reason: DisconnectReason) {
        if let Some(open) = &self.flow(index).open {
            let connection = open.connection;
            self.disconnect(connection, reason);
            self.lose_flow(index, reason);
        }
    }

    /// Connectors and keep-alives whose time has come.
    pub(super) fn tick_flows(&mut self, now: Timestamp) {
        for index in self.flow_indices() {
            self.connector(index, Connector::tick);
            let flow = self.flow(index);
            match (flow.keep_alive.tick(now), &flow.open) {
                (Some(KeepAliveStep::Ping), Some(open)) => {
                    let connection = open.connection;
                    self.endpoint.actions.push_back(Action::Ping { connection });
                }
                (Some(KeepAliveStep::Dead), Some(_)) => {
                    self.drop_flow(index, DisconnectReason::KeepAlive);
                }
                _ => {}
            }
        }
    }

    /// Requests go on the flow in use while it is registered, or while no other one is.
    pub(super) fn choose_flow(&mut self) {
        let used = self.endpoint.flow.as_ref().map(|flow| flow.connection);
        let open = self.flows.iter().rev().filter(|flow| flow.open.is_some());
        let chosen = open.max_by_key(|flow| {
            let connection = flow.open.as_ref().map(|open| open.connection);
            (flow.binding.is_bound(), connection == used)
        });
        let open = chosen.and_then(|flow| flow.open.clone());
        if open.as_ref().map(|open| open.connection) != used {
            // On a new one the registration comes first, if there is to be one and it has not failed there.
            let is_through = |flow: &OutboundFlow| flow.binding.is_bound() || flow.binding.attempted;
            self.endpoint.ready = chosen.is_some_and(is_through);
        }
        self.endpoint.flow = open;
        self.endpoint.service_route = chosen.map_or_else(Vec::new, |flow| flow.service_route.clone());
    }

    /// RFC 5626 section 4.2.1: opens the other flows once the registrar keeps them apart, and closes
    /// those that nothing is registered on any more.
    pub(super) fn spread_flows(&mut self) {
        if self.flows.len() == 1 || !matches!(self.life, Life::Running) {
            return;
        }
        let registration = &self.registration;
        let many = registration.wanted && registration.outbound;
        let most = if many {
            self.endpoint.config.servers().len()
        } else {
            1
        };
        let mut running = self
            .flow_indices()
            .filter(|&index| self.is_running(index))
            .count();
        for index in self.flow_indices() {
            if !self.is_running(index) && running < most {
                running += 1;
                self.connector(index, Connector::start);
            }
        }
        let used = self.endpoint.flow.as_ref().map(|flow| flow.connection);
        for index in self.flow_indices().rev() {
            let flow = &self.flows[usize::from(index)];
            let is_used = flow.open.as_ref().map(|open| open.connection) == used;
            let is_free = flow.binding.is_idle() && !flow.binding.is_bound();
            if running > most && self.is_running(index) && is_free && !(is_used && used.is_some()) {
                running -= 1;
                self.close_flow(index, DisconnectReason::Unneeded);
            }
        }
    }

    fn is_running(&self, index: FlowIndex) -> bool {
        self.flows[usize::from(index)].connector.is_running()
    }

    /// Ends a flow for good.
    pub(super) fn close_flow(&mut self, index: FlowIndex, reason: DisconnectReason) {
        self.drop_failback(index, reason);
        self.abandon(index, ConnectError::Other, reason);
        // Idle before the connection goes, so that it is not opened again.
        let _ = self.flow(index).connector.stop();
        self.drop_flow(index, reason);
        self.binding(index).reconnecting = false;
    }

    pub(super) fn flow_indices(&self) -> impl DoubleEndedIterator<Item = FlowIndex> + use<> {
        // There are at most `FLOWS_LIMIT` of them.
        0..self.flows.len() as FlowIndex
    }

    pub(super) fn flow(&mut self, index: FlowIndex) -> &mut OutboundFlow {
        &mut self.flows[usize::from(index)]
    }

    pub(super) fn index(&self, is_it: impl Fn(&OutboundFlow) -> bool) -> Option<FlowIndex> {
        let index = self.flows.iter().position(is_it)?;
        Some(index as FlowIndex)
    }

    /// The flow with this open connection.
    pub(super) fn flow_of(&self, connection: ConnectionId) -> Option<FlowIndex> {
        self.index(|flow| flow.is_on(connection))
    }

    /// The flow in use.
    pub(super) fn flow_in_use(&self) -> Option<FlowIndex> {
        self.flow_of(self.endpoint.flow.as_ref()?.connection)
    }
}
