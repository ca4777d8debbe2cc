//! The task: carries out the jobs of the host and feeds it one input at a time.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sip_core::config::{Config, ServerUrl};
use sip_core::{ConnectionId, ConnectionInfo, Event, UserAgent};
use sip_host::os::handle::Shared;
use sip_host::os::{Alarm, Clock, Outgoing};
use sip_host::{Autostop, ConnectFailure, Describers, Host, Job, LONGEST_SLEEP};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::commands::Command;
use crate::connect::{Dialer, Socket};
use crate::description::{Described, Handlers};
use crate::events::Outlet;
use crate::link::{Link, LinkInput};
use crate::options::Options;

/// How many other inputs may go before a deadline that has passed.
const INPUTS_BEFORE_TICK: u32 = 64;

/// How many events may wait beside a full queue. The network is not read meanwhile; these events come from
/// commands, deadlines and connections that end.
const WAITING_LIMIT: usize = 64;

/// How many events wait beside the queue until the application reads the first one. The network is read meanwhile. It is less than
/// [`WAITING_LIMIT`], at which calls and registration stand still.
const UNREAD_LIMIT: usize = WAITING_LIMIT - 1;

type Opening =
    Pin<Box<dyn Future<Output = Result<(Socket, ConnectionInfo), ConnectFailure>> + Send>>;
type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Inputs from sockets and media.
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
    /// An event found room in the queue, or the application has dropped its end.
    Room,
    /// A handle has left a chore.
    Chore,
    /// Time has passed or the clock was set forward: the deadline is computed again.
    Awake,
    Timeout,
}

/// The sockets of one agent and the media of its calls.
struct Network {
    opening: Vec<(ConnectionId, Opening)>,
    links: Vec<Link>,
    closing: Vec<Closing>,
    handlers: Handlers,
}

impl Network {
    /// The next input from a socket or a handler. Open sockets are read only if `read`.
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
                // The link goes to the end of the row, so that all links are served.
                let link = self.links.remove(place);
                if let LinkInput::Closed(end) = input {
                    self.closing.push(Box::pin(link.close(end.code)));
                } else {
                    self.links.push(link);
                }
                return Poll::Ready(NetworkInput::Link(connection, input));
            }
        }
        self.handlers.poll(cx).map(NetworkInput::Described)
    }

    /// Takes the link out of service; its closing handshake goes on beside the other work.
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
    host: Host,
    clock: Clock,
    alarm: Alarm,
    dialer: Arc<Dialer>,
    network: Network,
    /// `None` once all handles are dropped.
    commands: Option<mpsc::Receiver<Command>>,
    /// `None` once the application has dropped its end.
    events: Option<Outlet>,
    /// Events that found the queue full. Until they fit nothing is read.
    waiting: VecDeque<Event>,
    send_queue: usize,
    handles: Shared,
    /// How many inputs were handled since a deadline passed.
    overdue: u32,
}

impl Driver {
    pub(crate) fn new(
        host: Host,
        config: &Config,
        options: Options,
        dialer: Dialer,
        commands: mpsc::Receiver<Command>,
        events: Outlet,
        handles: Shared,
    ) -> Self {
        let describers = Handlers::new(
            options.description_factory,
            config.session_description_handler_factory_options().clone(),
        );
        Self {
            alarm: options.clock.alarm(),
            clock: options.clock,
            host,
            dialer: Arc::new(dialer),
            network: Network {
                opening: Vec::new(),
                links: Vec::new(),
                closing: Vec::new(),
                handlers: describers,
            },
            commands: Some(commands),
            events: Some(events),
            waiting: VecDeque::new(),
            send_queue: options.send_queue,
            handles,
            overdue: 0,
        }
    }

    /// Runs until the application has dropped the handles and the events, with `autostop` the handles alone, and the agent has
    /// stopped.
    pub(crate) async fn run(mut self) {
        loop {
            self.do_chores();
            let autostop = match self.commands {
                Some(_) => Autostop::Off,
                None => self.host.autostop(self.events.is_none(), self.clock.now()),
            };
            self.carry_out();
            let is_over = match autostop {
                Autostop::Off => false,
                Autostop::UnderWay => false,
                Autostop::Done => self.waiting.is_empty(),
            };
            if is_over {
                break;
            }
            let input = self.wait().await;
            self.feed(input);
            // One command for each input from the network, because the network goes first in a wait.
            if let Some(Ok(command)) = self.commands.as_mut().map(mpsc::Receiver::try_recv) {
                self.command(command);
            }
        }
        self.host.abandon(self.clock.now());
        self.carry_out();
        self.handles.gone();
        self.network.close_all().await;
    }

    /// Carries out all jobs, until too many events wait.
    fn carry_out(&mut self) {
        while self.waiting.len() < WAITING_LIMIT {
            let Some(job) = self.host.next_job(self.clock.now()) else {
                return;
            };
            match job {
                Job::Connect(connection, url) => self.connect(connection, url),
                Job::Transmit(connection, bytes) => {
                    self.put(connection, |waiting| waiting.send(bytes))
                }
                Job::Ping(connection) => self.put(connection, Outgoing::ping),
                Job::Close(connection) => self.network.close(connection, CloseCode::Normal),
                Job::Event(event) => self.emit(event),
            }
        }
    }

    fn connect(&mut self, connection: ConnectionId, url: ServerUrl) {
        let dialer = self.dialer.clone();
        let opening = Box::pin(async move { dialer.open(&url).await });
        self.network.opening.push((connection, opening));
    }

    /// Queues a message on a link. The link is dropped if its queue is full.
    fn put(&mut self, connection: ConnectionId, queue: impl FnOnce(&mut Outgoing) -> bool) {
        // The link may have ended without the core knowing it yet.
        let Some(link) = self.network.link(connection) else {
            return;
        };
        if !queue(&mut link.outgoing) {
            self.network
                .links
                .retain(|link| link.connection != connection);
            self.host.send_queue_full(connection, self.clock.now());
        }
    }

    fn emit(&mut self, event: Event) {
        if let Some((request, taken)) = self.network.handlers.take_tones(&event) {
            // The core sends the tones itself if this answer is refused.
            let answer = move |agent: &mut UserAgent, now| agent.tones_taken(request, taken, now);
            let _ = self.host.command(answer, self.clock.now());
            return;
        }
        let Some(event) = self.network.handlers.intercept(event) else {
            return;
        };
        let Some(events) = &self.events else { return };
        if self.waiting.is_empty() {
            match events.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => self.waiting.push_back(event),
                Err(mpsc::error::TrySendError::Closed(_)) => self.events = None,
            }
        } else if events.is_read() || self.waiting.len() < UNREAD_LIMIT {
            self.waiting.push_back(event);
        } else if events.discard() {
            self.host.note_unread_events();
        }
    }

    /// Whether the application, which has begun to read its events, has to take some before the agent reads on.
    fn is_paused(&self) -> bool {
        let is_read = self.events.as_ref().is_some_and(Outlet::is_read);
        is_read && !self.waiting.is_empty()
    }

    /// Waits for one input: first the network, then the application, then the deadline.
    async fn wait(&mut self) -> Input {
        // Nothing is read while events wait. Calls and registration go on, until too many events wait.
        let paused = self.is_paused();
        let stalled = self.waiting.len() >= WAITING_LIMIT;
        let deadline = if stalled { None } else { self.host.next_tick() };
        let now = self.clock.now();
        let pause = deadline.map(|deadline| deadline.saturating_since(now).min(LONGEST_SLEEP));
        let due = deadline.is_some_and(|deadline| deadline <= now);
        if due && self.overdue >= INPUTS_BEFORE_TICK {
            return Input::Timeout;
        }
        if due && self.overdue == 0 {
            // The runtime polls the operating system for the sockets once more, so that bytes that have arrived
            // go before the tick.
            tokio::task::yield_now().await;
        }
        let Self {
            alarm,
            network,
            commands,
            events,
            waiting,
            handles,
            ..
        } = self;
        let network = std::future::poll_fn(|cx| network.poll(cx, !paused));
        let slept = std::future::poll_fn(|cx| alarm.poll(cx));
        let chore = std::future::poll_fn(|cx| match handles.await_chore(cx.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        let command = async {
            match commands {
                Some(commands) => commands.recv().await,
                None => std::future::pending().await,
            }
        };
        let room = async {
            match events {
                Some(events) if !waiting.is_empty() => {
                    if let (Ok(permit), Some(event)) =
                        (events.events.reserve().await, waiting.pop_front())
                    {
                        permit.send(event);
                        return true;
                    }
                    false
                }
                Some(events) => {
                    events.events.closed().await;
                    false
                }
                None => std::future::pending().await,
            }
        };
        let sleep = async {
            match pause {
                Some(_) if due => {}
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            biased;
            input = network => Input::Network(input),
            () = chore => Input::Chore,
            command = command => Input::Command(command),
            is_there = room => {
                if !is_there {
                    self.events = None;
                    self.waiting.clear();
                }
                return Input::Room;
            }
            () = slept => return Input::Awake,
            // After a pause of the process the runtime may report timers before sockets, so the loop checks the
            // sockets once more.
            () = sleep => if due { Input::Timeout } else { Input::Awake },
        };
        if due && !matches!(input, Input::Timeout) {
            self.overdue += 1;
        }
        input
    }

    fn feed(&mut self, input: Input) {
        match input {
            Input::Network(input) => self.feed_network(input),
            Input::Command(Some(command)) => self.command(command),
            Input::Command(None) => self.commands = None,
            // The loop carries out the chores first.
            Input::Chore | Input::Room | Input::Awake => {}
            Input::Timeout => {
                self.overdue = 0;
                self.host.tick(self.clock.now());
            }
        }
    }

    /// Carries out what handles have left. The jobs go first, so that no chore finds the queue of actions full.
    fn do_chores(&mut self) {
        while let Some(chore) = self.handles.take_chore() {
            self.carry_out();
            let now = self.clock.now();
            self.host
                .command(|agent, now| chore.carry_out(agent, now), now);
        }
    }

    fn command(&mut self, command: Command) {
        // A handle may have left a chore before this command.
        self.do_chores();
        self.host.command(command, self.clock.now());
    }

    fn feed_network(&mut self, input: NetworkInput) {
        let now = self.clock.now();
        match input {
            NetworkInput::Opened(connection, Ok((socket, info))) => {
                self.network
                    .links
                    .push(Link::new(connection, socket, self.send_queue));
                self.host.opened(connection, info, now);
            }
            NetworkInput::Opened(connection, Err(failure)) => {
                self.host.failed(connection, failure, now);
            }
            NetworkInput::Link(connection, LinkInput::Message(bytes)) => {
                self.host.received(connection, bytes, now);
            }
            NetworkInput::Link(connection, LinkInput::Pong) => self.host.pong(connection, now),
            NetworkInput::Link(_, LinkInput::Turn) => {}
            NetworkInput::Link(connection, LinkInput::Closed(end)) => {
                self.host.closed(connection, end.reason, now);
            }
            NetworkInput::Described(Described::Local(session, exchange, result)) => {
                self.host.described(session, exchange, result, now);
            }
            NetworkInput::Described(Described::Unusable(session, exchange, error)) => {
                self.host.unusable(session, exchange, &error, now);
            }
        }
    }
}
