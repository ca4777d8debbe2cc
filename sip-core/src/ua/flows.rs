//! The flows of an agent (RFC 5626): each one is a way to one of its servers, with the binding on it. One,
//! unless `outboundFlows` asks for more and the registrar keeps them apart.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smallvec::SmallVec;

use super::core::{Flow, Place};
use super::probing::Probe;
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
    pub(super) probe: Option<Probe>,
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
            probe: None,
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
        if self.probe_opened(connection, info) {
            return;
        }
        let Some(place) = self.place(|flow| flow.is_opening(connection)) else {
            return;
        };
        let flow = self.flow(place);
        let Some(Opening {
            server,
            route_host: Some(route_host),
            ..
        }) = flow.opening.take_if(|opening| opening.route_host.is_some())
        else {
            return;
        };
        let now = self.core.now;
        self.flow(place).connector.opened(now);
        self.core.layer.opened(connection, info);
        let transport = info.transport;
        let flow = Flow {
            connection,
            server,
            transport,
            route_host,
        };
        self.use_flow(place, flow);
        self.register_on_connection(place);
        self.settle();
    }

    /// This connection carries what we send on the flow from now on.
    pub(super) fn use_flow(&mut self, place: Place, open: Flow) {
        let server = open.server;
        let keeps = self.core.config.keep_alive_interval().is_some();
        let flow = &mut self.flows[usize::from(place)];
        flow.open = Some(open);
        // A ping on the connection before this one will not be answered here.
        flow.keep_alive.stop();
        if keeps {
            flow.keep_alive.start(self.core.now, self.core.layer.rng());
        }
        self.choose_flow();
        self.core.event(Event::Connected { server });
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
        if self.probe_lost(connection) {
            return;
        }
        let Some(place) = self.place(|flow| flow.is_opening(connection)) else {
            return;
        };
        if let Some(opening) = self.flow(place).opening.take() {
            self.core.layer.closed(connection, self.core.now);
            let server = opening.server;
            self.core.event(Event::ConnectFailed { server, error });
            self.connector(place, |connector, now, rng| {
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
        match self.place(|flow| flow.is_on(connection)) {
            Some(place) => self.lose_flow(place, reason),
            None => self.attempt_failed(connection, ConnectError::Other),
        }
        self.settle();
    }

    pub(super) fn lose_flow(&mut self, place: Place, reason: DisconnectReason) {
        let flow = self.flow(place);
        let Some(open) = flow.open.take() else {
            return;
        };
        flow.keep_alive.stop();
        let server = open.server;
        self.core.event(Event::Disconnected { server, reason });
        self.choose_flow();
        self.core.layer.closed(open.connection, self.core.now);
        self.drain();
        self.lose_challenges(open.connection);
        self.registration_lost(place);
        if self.core.flow.is_some() && (self.core.ready || !self.registration.wanted) {
            // Another flow is up: what is left moves there at once.
            self.connection_is_usable();
        }
        if !matches!(self.life, Life::Running) {
            if self.core.flow.is_none() {
                self.give_up_waiting();
            }
            return;
        }
        if !self.use_open_probe(place) {
            self.connector(place, Connector::closed);
        }
    }

    /// Uses the connection to a better server, if it is open, in the place of one that is lost.
    pub(super) fn use_open_probe(&mut self, place: Place) -> bool {
        let Some(open) = self.take_open_probe(place) else {
            return false;
        };
        let (server, now) = (open.server, self.core.now);
        self.flow(place).connector.moved(server, now);
        self.use_flow(place, open);
        self.register_on_connection(place);
        true
    }

    /// The answer to [`Action::Ping`] came.
    pub fn pong(&mut self, connection: ConnectionId, now: Timestamp) {
        self.advance(now);
        self.pong_came(connection);
    }

    pub(super) fn pong_came(&mut self, connection: ConnectionId) {
        if let Some(place) = self.place(|flow| flow.is_on(connection)) {
            let flow = &mut self.flows[usize::from(place)];
            flow.keep_alive.pong(self.core.now, self.core.layer.rng());
        }
    }

    /// Answers [`Event::ServerUrlNeeded`] of this `connection`: the URL for this attempt, which
    /// [`Action::Connect`] then carries, or that there is none, which counts as a failed attempt
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
            let probe = flow.probe.as_ref().map(|probe| &probe.opening);
            let waits = |opening: &&Opening| {
                opening.connection == connection && opening.route_host.is_none()
            };
            opening.filter(waits).is_some() || probe.filter(waits).is_some()
        };
        let place = self.place(waits).ok_or(CommandError::Stale)?;
        match url {
            Ok(url) => {
                let flow = self.flow(place);
                let probe = flow.probe.as_mut().map(|probe| &mut probe.opening);
                let mut openings = flow.opening.iter_mut().chain(probe);
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
        let connection = self.core.layer.reserve();
        let configured = self.core.config.servers().get(server);
        let url = configured.map(|server| server.url.clone());
        let url = url.filter(|_| !self.core.config.ask_server_url());
        let route_host = url.as_ref().map(|url| url.route_host().into());
        match url {
            Some(url) => self.connect_to(connection, server, attempt, url),
            None => self.core.event(Event::ServerUrlNeeded {
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
        self.core.actions.push_back(Action::Connect {
            connection,
            server,
            attempt,
            url: Box::new(url),
        });
    }

    /// Lets the connector of a flow take a step, and carries out what it wants.
    pub(super) fn connector(
        &mut self,
        place: Place,
        step: impl FnOnce(&mut Connector, Timestamp, &mut dyn rand_core::CryptoRng) -> Steps,
    ) {
        let others = || {
            let others = self.flows.iter().enumerate();
            others.filter(|(other, _)| *other != usize::from(place))
        };
        let taken: SmallVec<[usize; 8]> = others()
            .flat_map(|(_, flow)| {
                let probed = flow.probe.as_ref().map(|probe| probe.opening.server);
                flow.connector.holds().into_iter().chain(probed)
            })
            .collect();
        let up = others().any(|(_, flow)| flow.open.is_some());
        let flow = &mut self.flows[usize::from(place)];
        flow.connector.share(&taken);
        flow.connector.other_flows_up(up);
        let steps = step(&mut flow.connector, self.core.now, self.core.layer.rng());
        for step in steps {
            self.carry_out(place, step);
        }
    }

    fn carry_out(&mut self, place: Place, step: Step) {
        match step {
            Step::Connect { server, attempt } => {
                let probe = self.flow(place).probe.as_ref();
                if probe.is_some_and(|probe| probe.opening.server == server) {
                    // Both at once would be two connections to one server.
                    self.drop_probe(place, DisconnectReason::Replaced);
                }
                self.core.event(Event::Connecting { server, attempt });
                let opening = self.open_connection(server, attempt);
                self.flow(place).opening = Some(opening);
            }
            Step::Wait { until, attempt } => {
                self.core
                    .event(Event::ReconnectScheduled { at: until, attempt });
            }
            Step::Probe { server } => self.probe(place, server),
            Step::Abandon => self.abandon(place, ConnectError::Timeout, DisconnectReason::Timeout),
        }
    }

    /// Gives up the connection that is being opened.
    pub(super) fn abandon(&mut self, place: Place, error: ConnectError, reason: DisconnectReason) {
        let Some(opening) = self.flow(place).opening.take() else {
            return;
        };
        let (connection, server) = (opening.connection, opening.server);
        self.core.layer.closed(connection, self.core.now);
        self.core.event(Event::ConnectFailed { server, error });
        self.disconnect(connection, reason);
    }

    pub(super) fn disconnect(&mut self, connection: ConnectionId, reason: DisconnectReason) {
        self.core
            .actions
            .push_back(Action::Disconnect { connection, reason });
    }

    /// Ends an open connection from here.
    pub(super) fn drop_flow(&mut self, place: Place, reason: DisconnectReason) {
        if let Some(open) = &self.flow(place).open {
            let connection = open.connection;
            self.disconnect(connection, reason);
            self.lose_flow(place, reason);
        }
    }

    /// Connectors and keep-alives whose time has come.
    pub(super) fn tick_flows(&mut self, now: Timestamp) {
        for place in self.places() {
            self.connector(place, Connector::tick);
            let flow = self.flow(place);
            match (flow.keep_alive.tick(now), &flow.open) {
                (Some(KeepAliveStep::Ping), Some(open)) => {
                    let connection = open.connection;
                    self.core.actions.push_back(Action::Ping { connection });
                }
                (Some(KeepAliveStep::Dead), Some(_)) => {
                    self.drop_flow(place, DisconnectReason::KeepAlive);
                }
                _ => {}
            }
        }
    }

    /// Requests go on the flow in use while it is registered, or while no other one is.
    pub(super) fn choose_flow(&mut self) {
        let used = self.core.flow.as_ref().map(|flow| flow.connection);
        let open = self.flows.iter().rev().filter(|flow| flow.open.is_some());
        let chosen = open.max_by_key(|flow| {
            let connection = flow.open.as_ref().map(|open| open.connection);
            (flow.binding.is_bound(), connection == used)
        });
        let open = chosen.and_then(|flow| flow.open.clone());
        if open.as_ref().map(|open| open.connection) != used {
            // On a new one the registration comes first, if there is to be one and it has not failed there.
            let is_through = |flow: &OutboundFlow| flow.binding.is_bound() || flow.binding.tried;
            self.core.ready = chosen.is_some_and(is_through);
        }
        self.core.flow = open;
        self.core.service_route = chosen.map_or_else(Vec::new, |flow| flow.service_route.clone());
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
            self.core.config.servers().len()
        } else {
            1
        };
        let mut running = self
            .places()
            .filter(|&place| self.is_running(place))
            .count();
        for place in self.places() {
            if !self.is_running(place) && running < most {
                running += 1;
                self.connector(place, Connector::start);
            }
        }
        let used = self.core.flow.as_ref().map(|flow| flow.connection);
        for place in self.places().rev() {
            let flow = &self.flows[usize::from(place)];
            let is_used = flow.open.as_ref().map(|open| open.connection) == used;
            let is_free = flow.binding.is_idle() && !flow.binding.is_bound();
            if running > most && self.is_running(place) && is_free && !(is_used && used.is_some()) {
                running -= 1;
                self.close_flow(place, DisconnectReason::Unneeded);
            }
        }
    }

    fn is_running(&self, place: Place) -> bool {
        self.flows[usize::from(place)].connector.is_running()
    }

    /// Ends a flow for good.
    pub(super) fn close_flow(&mut self, place: Place, reason: DisconnectReason) {
        self.drop_probe(place, reason);
        self.abandon(place, ConnectError::Other, reason);
        // Idle before the connection goes, so that it is not opened again.
        let _ = self.flow(place).connector.stop();
        self.drop_flow(place, reason);
        self.binding(place).returning = false;
    }

    pub(super) fn places(&self) -> impl DoubleEndedIterator<Item = Place> + use<> {
        // There are at most `FLOWS_LIMIT` of them.
        0..self.flows.len() as Place
    }

    pub(super) fn flow(&mut self, place: Place) -> &mut OutboundFlow {
        &mut self.flows[usize::from(place)]
    }

    pub(super) fn place(&self, is_it: impl Fn(&OutboundFlow) -> bool) -> Option<Place> {
        let place = self.flows.iter().position(is_it)?;
        Some(place as Place)
    }

    /// The flow with this open connection.
    pub(super) fn place_of(&self, connection: ConnectionId) -> Option<Place> {
        self.place(|flow| flow.is_on(connection))
    }

    /// The flow in use.
    pub(super) fn place_in_use(&self) -> Option<Place> {
        self.place_of(self.core.flow.as_ref()?.connection)
    }
}
