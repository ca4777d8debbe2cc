//! The task: carries out what the core asks for, and feeds it one input at a time.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use sip_core::config::{Config, Server};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, DescriptionFailed, Event, Timestamp, UserAgent,
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::agent::{LogConnector, Options, TraceConnector};
use crate::clock::Clock;
use crate::connect::{ConnectFailure, Dialer, Socket};
use crate::description::{Described, Handlers};
use crate::handle::{Command, LastFailure};
use crate::link::{Link, LinkInput};
use crate::log;

/// The longest sleep. tokio's timers stand still while the machine is suspended, the core's clock
/// does not: a deadline that passed in the meantime is noticed this much after waking up.
const LONGEST_SLEEP: Duration = Duration::from_secs(15);

/// How many other things may go before a deadline that has passed.
const INPUTS_BEFORE_TICK: u32 = 64;

type Opening =
    Pin<Box<dyn Future<Output = Result<(Socket, ConnectionInfo), ConnectFailure>> + Send>>;
type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What comes from sockets and media.
enum NetworkInput {
    Opened(
        ConnectionId,
        Result<(Socket, ConnectionInfo), ConnectFailure>,
    ),
    Link(ConnectionId, LinkInput),
    Described(Described),
}

/// What ends a wait.
enum Input {
    Network(NetworkInput),
    Command(Option<Command>),
    /// The application made room for an event, or is gone.
    Room,
    Due,
}

/// The sockets of one agent, and the media behind its calls.
struct Network {
    opening: Vec<(ConnectionId, Opening)>,
    links: Vec<Link>,
    closing: Vec<Closing>,
    handlers: Handlers,
}

impl Network {
    /// The next thing from a socket or a handler; from open sockets only if `read`.
    fn poll(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<NetworkInput> {
        self.closing
            .retain_mut(|closing| closing.as_mut().poll(cx).is_pending());
        for place in 0..self.opening.len() {
            if let Poll::Ready(result) = self.opening[place].1.as_mut().poll(cx) {
                let (connection, _) = self.opening.swap_remove(place);
                return Poll::Ready(NetworkInput::Opened(connection, result));
            }
        }
        for place in 0..self.links.len() {
            if let Poll::Ready(input) = self.links[place].poll(cx, read) {
                let connection = self.links[place].connection;
                // Whoever spoke goes to the end of the row, so that all are heard.
                let link = self.links.remove(place);
                if let LinkInput::Closed(_, code) = input {
                    self.closing.push(Box::pin(link.close(code)));
                } else {
                    self.links.push(link);
                }
                return Poll::Ready(NetworkInput::Link(connection, input));
            }
        }
        self.handlers.poll(cx).map(NetworkInput::Described)
    }

    /// Takes the link out of service; the closing handshake goes on beside everything else.
    fn close(&mut self, connection: ConnectionId, code: CloseCode) {
        self.opening.retain(|(opening, _)| *opening != connection);
        if let Some(place) = self
            .links
            .iter()
            .position(|link| link.connection == connection)
        {
            let link = self.links.remove(place);
            self.closing.push(Box::pin(link.close(code)));
        }
    }

    fn link(&mut self, connection: ConnectionId) -> Option<&mut Link> {
        self.links
            .iter_mut()
            .find(|link| link.connection == connection)
    }

    async fn close_all(mut self) {
        self.opening.clear();
        for link in std::mem::take(&mut self.links) {
            self.closing.push(Box::pin(link.close(CloseCode::Away)));
        }
        std::future::poll_fn(|cx| {
            self.closing
                .retain_mut(|closing| closing.as_mut().poll(cx).is_pending());
            if self.closing.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// Everything that belongs to one agent.
pub(crate) struct Driver {
    agent: UserAgent,
    servers: Vec<Server>,
    dialer: Arc<Dialer>,
    clock: Clock,
    network: Network,
    /// `None` once all handles are gone.
    commands: Option<mpsc::Receiver<Command>>,
    /// `None` once the application has dropped its end.
    events: Option<mpsc::Sender<Event>>,
    /// An event that found no room. Until there is, the core is not polled.
    waiting: Option<Event>,
    last_failure: LastFailure,
    builtin_log: bool,
    log_connector: Option<LogConnector>,
    trace_connector: Option<TraceConnector>,
    send_queue: usize,
    /// What was handled since a deadline passed.
    overdue: u32,
}

impl Driver {
    #[expect(
        clippy::too_many_arguments,
        reason = "called once, with the parts of one agent"
    )]
    pub(crate) fn new(
        agent: UserAgent,
        config: Config,
        options: Options,
        dialer: Dialer,
        clock: Clock,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
        last_failure: LastFailure,
    ) -> Self {
        let handlers = Handlers::new(
            options.description_factory,
            config.session_description_handler_factory_options().clone(),
        );
        Self {
            agent,
            servers: config.servers().to_vec(),
            dialer: Arc::new(dialer),
            clock,
            network: Network {
                opening: Vec::new(),
                links: Vec::new(),
                closing: Vec::new(),
                handlers,
            },
            commands: Some(commands),
            events: Some(events),
            waiting: None,
            last_failure,
            builtin_log: config.log().builtin_enabled,
            log_connector: options.log_connector,
            trace_connector: options.trace_connector,
            send_queue: options.send_queue,
            overdue: 0,
        }
    }

    /// Runs until nobody holds the agent any more.
    pub(crate) async fn run(mut self) {
        loop {
            self.carry_out();
            if self.commands.is_none() && self.events.is_none() {
                break;
            }
            let input = self.wait().await;
            self.feed(input);
            // One command beside each thing from the network, which goes first in a wait.
            if let Some(Ok(command)) = self.commands.as_mut().map(mpsc::Receiver::try_recv) {
                command(&mut self.agent, self.clock.now());
            }
        }
        // Nobody waits for answers: the first stop says goodbye, the second one goes.
        self.agent.stop(Some(Duration::ZERO), self.clock.now());
        self.agent.stop(Some(Duration::ZERO), self.clock.now());
        self.carry_out();
        self.network.close_all().await;
    }

    /// Everything that the core has to say, until an event finds no room.
    fn carry_out(&mut self) {
        while self.waiting.is_none() {
            let Some(action) = self.agent.poll_action() else {
                return;
            };
            self.carry_out_one(action);
        }
    }

    fn carry_out_one(&mut self, action: Action) {
        match action {
            Action::Connect {
                connection, server, ..
            } => self.connect(connection, server),
            Action::Transmit { connection, bytes } => {
                self.put(connection, |link| link.send(bytes));
            }
            Action::Ping { connection } => self.put(connection, Link::ping),
            Action::Disconnect { connection, .. } => {
                self.network.close(connection, CloseCode::Normal);
            }
            Action::Event(event) => self.announce(event),
            Action::Log(record) => {
                if self.builtin_log {
                    log::log(&record);
                }
                if let Some(connector) = &mut self.log_connector {
                    connector(&record);
                }
            }
            Action::Trace(record) => {
                let now = self.clock.now();
                match &mut self.trace_connector {
                    Some(connector) => connector(&record, now),
                    None => log::trace(&record, now),
                }
            }
        }
    }

    fn connect(&mut self, connection: ConnectionId, server: usize) {
        let Some(server) = self.servers.get(server) else {
            self.agent
                .connection_failed(connection, ConnectError::Other, self.clock.now());
            return;
        };
        let (dialer, url) = (self.dialer.clone(), server.url.clone());
        let opening = Box::pin(async move { dialer.open(&url).await });
        self.network.opening.push((connection, opening));
    }

    /// Queues something on a link; one whose peer does not read is given up.
    fn put(&mut self, connection: ConnectionId, queue: impl FnOnce(&mut Link) -> bool) {
        // The core may speak of a connection whose end it has not heard of yet.
        let Some(link) = self.network.link(connection) else {
            return;
        };
        if !queue(link) {
            tracing::warn!(target: "sip.transport", "the server does not read: connection dropped");
            self.network
                .links
                .retain(|link| link.connection != connection);
            self.agent
                .connection_closed(connection, DisconnectReason::Lost, self.clock.now());
        }
    }

    fn announce(&mut self, event: Event) {
        let handlers = &mut self.network.handlers;
        match &event {
            Event::DescriptionNeeded { session, kind } if handlers.are_in_charge() => {
                handlers.describe(*session, *kind);
                return;
            }
            Event::RemoteDescription {
                session,
                kind,
                body,
            } => {
                handlers.accept(*session, *kind, Body::clone(body));
            }
            Event::Ended { session, .. } => handlers.close(*session),
            _ => {}
        }
        let Some(events) = &self.events else { return };
        match events.try_send(event) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(event)) => self.waiting = Some(event),
            Err(mpsc::error::TrySendError::Closed(_)) => self.events = None,
        }
    }

    /// Waits for one input: network, then application, then deadline.
    async fn wait(&mut self) -> Input {
        let paused = self.waiting.is_some();
        let deadline = if paused { None } else { self.agent.next_tick() };
        let now = self.clock.now();
        let pause = deadline.map(|deadline| deadline.saturating_since(now).min(LONGEST_SLEEP));
        let due = deadline.is_some_and(|deadline| deadline <= now);
        if due && self.overdue >= INPUTS_BEFORE_TICK {
            return Input::Due;
        }
        if due && self.overdue == 0 {
            // After a suspension the sockets' readiness may come a moment after the timer's: bytes
            // that are already here go before the tick.
            tokio::task::yield_now().await;
        }
        let Self {
            network,
            commands,
            events,
            waiting,
            ..
        } = self;
        let network = std::future::poll_fn(|cx| network.poll(cx, !paused));
        let command = async {
            match commands {
                Some(commands) => commands.recv().await,
                None => std::future::pending().await,
            }
        };
        let room = async {
            match events {
                Some(events) if paused => {
                    if let (Ok(permit), Some(event)) = (events.reserve().await, waiting.take()) {
                        permit.send(event);
                        return true;
                    }
                    false
                }
                Some(events) => {
                    events.closed().await;
                    false
                }
                None => std::future::pending().await,
            }
        };
        let sleep = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            biased;
            input = network => Input::Network(input),
            command = command => Input::Command(command),
            is_there = room => {
                if !is_there {
                    self.events = None;
                    self.waiting = None;
                }
                return Input::Room;
            }
            () = sleep => Input::Due,
        };
        if due && !matches!(input, Input::Due) {
            self.overdue += 1;
        }
        input
    }

    fn feed(&mut self, input: Input) {
        let now = self.clock.now();
        match input {
            Input::Network(input) => self.feed_network(input, now),
            Input::Command(Some(command)) => command(&mut self.agent, now),
            Input::Command(None) => self.commands = None,
            Input::Room => {}
            Input::Due => {
                self.overdue = 0;
                self.tick(now);
            }
        }
    }

    fn tick(&mut self, now: Timestamp) {
        if self.agent.tick(now).is_ok() {
            return;
        }
        // A machine that slept for more than a week: its clock counted that, and is right.
        self.agent.resume(now);
    }

    fn feed_network(&mut self, input: NetworkInput, now: Timestamp) {
        match input {
            NetworkInput::Opened(connection, Ok((socket, info))) => {
                self.network
                    .links
                    .push(Link::new(connection, socket, self.send_queue));
                self.agent.connection_opened(connection, info, now);
            }
            NetworkInput::Opened(connection, Err(failure)) => {
                tracing::warn!(target: "sip.transport", "{failure}");
                let error = failure.error;
                *self
                    .last_failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = Some(failure);
                self.agent.connection_failed(connection, error, now);
            }
            NetworkInput::Link(connection, LinkInput::Message(bytes)) => {
                // All actions were carried out before this wait, so the queue cannot be full.
                if self.agent.receive(connection, bytes, now).is_err() {
                    tracing::error!(target: "sip.transport", "a message found no room in the core");
                }
            }
            NetworkInput::Link(connection, LinkInput::Pong) => self.agent.pong(connection, now),
            NetworkInput::Link(connection, LinkInput::Closed(reason, _)) => {
                self.agent.connection_closed(connection, reason, now);
            }
            NetworkInput::Described(Described::Local(session, result)) => {
                if let Err(error) = &result {
                    tracing::warn!(target: "sip.session", "{error}");
                }
                let description = result.map_err(|_| DescriptionFailed);
                if let Err(error) = self.agent.describe(session, description, now) {
                    // The call ended while its description was made.
                    tracing::debug!(target: "sip.session", "{error}");
                }
            }
            NetworkInput::Described(Described::Unusable(session, error)) => {
                tracing::warn!(target: "sip.session", "{error}");
                if self
                    .agent
                    .describe(session, Err(DescriptionFailed), now)
                    .is_err()
                {
                    // Nothing was asked of us: an answer that cannot be used ends the call.
                    let _ = self.agent.hang_up(session, now);
                }
            }
        }
    }
}
