//! The flows of an agent (RFC 5626): one, unless `outboundFlows` sets more. Each leads to one of the agent's
//! servers.

use alloc::boxed::Box;

use smallvec::SmallVec;

use crate::connection::{Connector, KeepAlive};
use crate::endpoint::{Flow, FlowIndex};
use crate::ids::ConnectionId;
use crate::time::{Timestamp, earlier};
use crate::timer::TimerKey;

/// All flows of an agent.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Flows(Box<[OutboundFlow]>);

/// One flow: the way to a server.
#[cfg_attr(test, derive(Clone))]
pub(super) struct OutboundFlow {
    pub(super) connector: Connector,
    /// The connection that is being opened.
    pub(super) opening: Option<Box<Opening>>,
    /// A connection to a better server, beside the one in use. Boxed, because it is rare.
    pub(super) failback: Option<Box<Failback>>,
    pub(super) keep_alive: KeepAlive,
    /// The connection that is open.
    pub(super) open: Option<Flow>,
    /// The Service-Route of the last accepted REGISTER on this flow (RFC 3608), as Route values.
    pub(super) service_route: Box<[Box<[u8]>]>,
}

/// A connection that is being opened.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Opening {
    pub(super) connection: ConnectionId,
    pub(super) server: usize,
    pub(super) attempt: u32,
    /// Host and port for the Route; `None` until the application has returned the URL.
    pub(super) route_host: Option<Box<str>>,
}

/// A connection to a better server.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Failback {
    pub(super) opening: Opening,
    pub(super) stage: FailbackStage,
}

/// The progress of a connection to a better server.
#[cfg_attr(test, derive(Clone))]
pub(super) enum FailbackStage {
    /// It is opening; the timer limits the attempt.
    Opening(TimerKey),
    /// It is open; the agent trusts it when the timer fires.
    Watched(TimerKey),
    /// It may be used as soon as no INVITE transaction is under way.
    Ready,
}

impl Failback {
    /// The connection, if it is open.
    pub(super) fn open(self) -> Option<Flow> {
        if matches!(self.stage, FailbackStage::Opening(_)) {
            return None;
        }
        Some(Flow {
            connection: self.opening.connection,
            server: self.opening.server,
            route_host: self.opening.route_host?,
        })
    }

    /// The timer that runs, if one does.
    pub(super) const fn timer(&self) -> Option<TimerKey> {
        match self.stage {
            FailbackStage::Opening(timer) | FailbackStage::Watched(timer) => Some(timer),
            FailbackStage::Ready => None,
        }
    }

    /// Whether the connection may be used.
    pub(super) const fn is_ready(&self) -> bool {
        matches!(self.stage, FailbackStage::Ready)
    }
}

impl OutboundFlow {
    fn new(connector: Connector, keep_alive: KeepAlive) -> Self {
        Self {
            connector,
            opening: None,
            failback: None,
            keep_alive,
            open: None,
            service_route: Box::default(),
        }
    }

    /// Whether this is the open connection.
    pub(super) fn is_on(&self, connection: ConnectionId) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|flow| flow.connection == connection)
    }

    /// Whether this is the opening connection.
    pub(super) fn is_opening(&self, connection: ConnectionId) -> bool {
        let opening = self.opening.as_ref();
        opening.is_some_and(|opening| opening.connection == connection)
    }

    /// Whether this is the connection to a better server.
    pub(super) fn is_failback(&self, connection: ConnectionId) -> bool {
        let failback = self.failback.as_ref();
        failback.is_some_and(|failback| failback.opening.connection == connection)
    }

    /// The attempt that waits for its URL, for the flow or for failback.
    pub(super) fn awaiting_url(&mut self, connection: ConnectionId) -> Option<&mut Opening> {
        let failback = self.failback.as_mut();
        let failback = failback.map(|failback| &mut failback.opening);
        let mut openings = self.opening.as_deref_mut().into_iter().chain(failback);
        openings.find(|opening| opening.connection == connection && opening.route_host.is_none())
    }
}

impl Flows {
    pub(super) fn new(count: u8, connector: &Connector, keep_alive: &KeepAlive) -> Self {
        let flow = |_| OutboundFlow::new(connector.clone(), keep_alive.clone());
        Self((0..count).map(flow).collect())
    }

    /// Shares the settings of another agent's flows that are equal; returns whether all are.
    pub(super) fn share_settings(&mut self, other: &Self) -> bool {
        let Some(model) = other.0.first() else {
            return false;
        };
        let mut shares = self.0.iter_mut();
        shares.all(|flow| flow.connector.share_settings(&model.connector))
    }

    pub(super) fn get(&self, index: FlowIndex) -> &OutboundFlow {
        &self.0[usize::from(index)]
    }

    pub(super) fn get_mut(&mut self, index: FlowIndex) -> &mut OutboundFlow {
        &mut self.0[usize::from(index)]
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &OutboundFlow> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The indices of all flows.
    pub(super) fn indices(&self) -> impl DoubleEndedIterator<Item = FlowIndex> + use<> {
        // `outboundFlows` allows four at most.
        0..self.0.len() as FlowIndex
    }

    /// The first flow that satisfies `fits`.
    pub(super) fn find(&self, fits: impl Fn(&OutboundFlow) -> bool) -> Option<FlowIndex> {
        let index = self.0.iter().position(fits)?;
        Some(index as FlowIndex)
    }

    /// The flow with this open connection.
    pub(super) fn of(&self, connection: ConnectionId) -> Option<FlowIndex> {
        self.find(|flow| flow.is_on(connection))
    }

    /// The servers that the other flows are connected or connecting to.
    pub(super) fn taken_by_others(&self, index: FlowIndex) -> SmallVec<[usize; 8]> {
        let taken = |flow: &OutboundFlow| {
            let failback = flow.failback.as_ref();
            let failback = failback.map(|failback| failback.opening.server);
            flow.connector.holds().into_iter().chain(failback)
        };
        self.others(index).flat_map(taken).collect()
    }

    /// Whether another flow has an open connection.
    pub(super) fn other_is_up(&self, index: FlowIndex) -> bool {
        self.others(index).any(|flow| flow.open.is_some())
    }

    fn others(&self, index: FlowIndex) -> impl Iterator<Item = &OutboundFlow> {
        let others = self.0.iter().enumerate();
        let others = others.filter(move |(other, _)| *other != usize::from(index));
        others.map(|(_, flow)| flow)
    }

    /// The next deadline of connectors and keep-alives.
    pub(super) fn next_tick(&self) -> Option<Timestamp> {
        self.0.iter().fold(None, |next, flow| {
            let own = earlier(flow.connector.next_tick(), flow.keep_alive.next_tick());
            earlier(next, own)
        })
    }

    /// Probes every open connection, because the host was suspended or its network changed.
    pub(super) fn probe_now(&mut self, now: Timestamp) {
        for flow in self.0.iter_mut().filter(|flow| flow.open.is_some()) {
            flow.keep_alive.probe_now(now);
        }
    }
}
