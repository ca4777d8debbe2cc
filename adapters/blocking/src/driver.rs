//! One agent: carries out the jobs of its host and feeds it one input at a time.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::Registry;
use sip_core::config::{Config, ServerUrl};
use sip_core::{ConnectionId, Event, SessionId, Timestamp, UserAgent};
use sip_host::os::handle::Shared as Handles;
use sip_host::os::{Clock, Dialing, LastFailure, Outgoing, StartError};
use sip_host::{Autostop, Describers, Host, Job};
use tungstenite::protocol::frame::coding::CloseCode;

use crate::connect::{Attempt, SocketRegistry, Step};
use crate::description::Handlers;
use crate::inbox::{Inbox, Pushed};
use crate::link::{Closing, Link, LinkInput};
use crate::mailbox::{AgentKey, ChoreWaker, Mailbox, Outcome};
use crate::options::Options;
use crate::resolve::Resolver;

/// How many inputs from the network of one agent are handled before other agents have their turn, and before a
/// deadline that has passed.
const INPUTS_PER_TURN: u32 = 64;

/// How many events may wait beside a full queue. The network is not read meanwhile; these events come from
/// commands, deadlines and connections that end.
const WAITING_LIMIT: usize = 64;

/// What all agents of a reactor share.
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    pub(crate) resolver: Resolver,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) clock: Clock,
}

/// What the queues of events took, ends of queues included.
#[derive(Clone, Copy, Default)]
pub(crate) struct Deliveries {
    /// A thread waited for it, and was woken.
    pub(crate) woken: usize,
    /// No thread waited at the queue.
    pub(crate) unnoticed: usize,
}

/// The destination of events.
enum Outlet {
    /// [`Driver::waiting`] alone. The caller of `Reactor::poll` takes them from there.
    Driver,
    Inbox(Arc<Inbox>),
    /// The application has dropped its end.
    Closed,
}

/// Everything that belongs to one agent.
pub(crate) struct Driver {
    pub(crate) id: AgentKey,
    host: Host,
    last_failure: LastFailure,
    /// `None` for an agent without handles.
    handles: Option<Handles>,
    clock: Clock,
    dialing: Dialing,
    attempts: Vec<Attempt>,
    links: VecDeque<Link>,
    closing: Vec<Closing>,
    handlers: Handlers,
    outlet: Outlet,
    /// Whether a handle, or the owner of the reactor, can still give commands.
    is_commanded: bool,
    /// Events that found the queue full. Until they fit nothing is read; calls and registration go on.
    waiting: VecDeque<Event>,
    /// Whether the reactor has this agent in its list of agents with events.
    is_announced: bool,
    send_queue: usize,
    /// The application has dropped the agent; only closing handshakes are left.
    ended: bool,
    deliveries: Deliveries,
    /// The deadline that the reactor has scheduled.
    pub(crate) scheduled: Option<Timestamp>,
}

impl Driver {
    pub(crate) fn new(
        config: &Config,
        mut options: Options,
        inbox: Option<Arc<Inbox>>,
        mailbox: &Arc<Mailbox>,
    ) -> Result<Self, StartError> {
        let dialing = options.dialing(config, cfg!(feature = "tls"))?;
        let (host, last_failure) = options.host(config)?;
        let id = mailbox.mint();
        let handlers = Handlers::new(
            id,
            mailbox.clone(),
            options.description_factory,
            config.session_description_handler_factory_options().clone(),
        );
        Ok(Self {
            id,
            host,
            last_failure,
            handles: None,
            clock: options.clock,
            dialing,
            attempts: Vec::new(),
            links: VecDeque::new(),
            closing: Vec::new(),
            handlers,
            outlet: inbox.map_or(Outlet::Driver, Outlet::Inbox),
            is_commanded: true,
            waiting: VecDeque::new(),
            is_announced: false,
            send_queue: options.send_queue,
            ended: false,
            deliveries: Deliveries::default(),
            scheduled: None,
        })
    }

    pub(crate) fn last_failure(&self) -> LastFailure {
        self.last_failure.clone()
    }

    /// Handles follow the events of the agent from now on.
    pub(crate) fn handles(&mut self, mailbox: &Arc<Mailbox>) -> Handles {
        let handles = Handles::new(self.last_failure());
        let agent = self.id;
        let mailbox = mailbox.clone();
        let _ = handles.await_chore(&Arc::new(ChoreWaker { mailbox, agent }).into());
        self.host.observe(handles.observer());
        self.handles = Some(handles.clone());
        handles
    }

    /// Carries out what handles have left. The jobs go first, so that no chore finds the queue of actions full.
    fn do_chores(&mut self, shared: &mut Shared) {
        while let Some(chore) = self.handles.as_ref().and_then(Handles::take_chore) {
            self.carry_out(shared);
            self.command(|agent, now| chore.carry_out(agent, now));
        }
    }

    /// The sockets may have become ready. `closed`: the peer of one of them sends no more.
    pub(crate) fn wake(&mut self, closed: bool) {
        for link in &mut self.links {
            link.wake(closed);
        }
    }

    /// What the queues of events took since the last call.
    pub(crate) fn take_deliveries(&mut self) -> Deliveries {
        std::mem::take(&mut self.deliveries)
    }

    /// Runs a command of the application, after what handles have left before.
    pub(crate) fn command_after_chores<R>(
        &mut self,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R,
        shared: &mut Shared,
    ) -> R {
        self.do_chores(shared);
        self.command(command)
    }

    fn command<R>(&mut self, command: impl FnOnce(&mut UserAgent, Timestamp) -> R) -> R {
        self.host.command(command, self.clock.now())
    }

    /// The last handle was dropped.
    pub(crate) fn on_handles_dropped(&mut self) {
        self.is_commanded = false;
    }

    /// Takes an event for the caller of `Reactor::poll`.
    pub(crate) fn take_event(&mut self) -> Option<Event> {
        self.is_announced = false;
        match self.outlet {
            Outlet::Driver => self.waiting.pop_front(),
            _ => None,
        }
    }

    /// Whether [`Driver::take_event`] has an event that this has not reported before.
    pub(crate) fn has_news(&mut self) -> bool {
        let has_event = matches!(self.outlet, Outlet::Driver) && !self.waiting.is_empty();
        has_event && !std::mem::replace(&mut self.is_announced, true)
    }

    /// Whether the reactor can drop the agent.
    pub(crate) fn is_finished(&self) -> bool {
        self.ended && self.closing.is_empty()
    }

    /// When to act even if there is no input.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.tick_at()
            .into_iter()
            .chain(self.attempts.iter().map(Attempt::deadline))
            .chain(self.closing.iter().map(|closing| closing.deadline))
            .min()
    }

    fn tick_at(&self) -> Option<Timestamp> {
        if self.waiting.len() >= WAITING_LIMIT || self.ended {
            return None;
        }
        self.host.next_tick()
    }

    /// A deadline has passed; inputs that arrived before it have been fed.
    pub(crate) fn on_timeout(&mut self, now: Timestamp) {
        if self.tick_at().is_some_and(|at| at <= now) {
            self.host.tick(self.clock.now());
        }
    }

    pub(crate) fn on_resolved(
        &mut self,
        connection: ConnectionId,
        found: io::Result<Vec<SocketAddr>>,
        now: Timestamp,
    ) {
        let mut attempts = self.attempts.iter_mut();
        if let Some(attempt) = attempts.find(|attempt| attempt.connection == connection) {
            attempt.on_resolved(found, &self.dialing, now);
        }
    }

    pub(crate) fn on_description(&mut self, session: SessionId, step: u64, outcome: Outcome) {
        let Some(exchange) = self.handlers.on_reply(session, step, &outcome) else {
            return;
        };
        let now = self.clock.now();
        match outcome {
            Outcome::Described(result) => self.host.described(session, exchange, result, now),
            Outcome::Accepted(Ok(())) => {}
            Outcome::Accepted(Err(error)) => self.host.unusable(session, exchange, &error, now),
        }
    }

    /// Carries out the jobs and feeds a bounded number of inputs. True if there is more to do at once.
    pub(crate) fn serve(&mut self, shared: &mut Shared) -> bool {
        self.do_chores(shared);
        let is_unheard = self.is_unheard();
        let autostop = match self.is_commanded {
            true => Autostop::Off,
            false => self.host.autostop(is_unheard, self.clock.now()),
        };
        self.carry_out(shared);
        let is_over = match autostop {
            Autostop::Off => false,
            Autostop::UnderWay => false,
            Autostop::Done => self.waiting.is_empty(),
        };
        if is_over {
            self.end(shared);
        }
        self.step_attempts(shared);
        self.step_closing();
        self.links.iter_mut().for_each(Link::begin_turn);
        for _ in 0..INPUTS_PER_TURN {
            self.carry_out(shared);
            if !self.feed_link() {
                return self.closing.iter().any(|closing| closing.is_busy);
            }
        }
        self.carry_out(shared);
        // What the inputs caused goes out before other agents have their turn.
        let mut index = 0;
        while let Some(link) = self.links.get_mut(index) {
            match link.flush() {
                None => index += 1,
                Some(end) => {
                    let connection = link.connection;
                    if let Some(link) = self.take_link(connection) {
                        self.close(link, end.code);
                    }
                    self.host.closed(connection, end.reason, self.clock.now());
                }
            }
        }
        true
    }

    /// Whether the application has dropped its events.
    fn is_unheard(&self) -> bool {
        match &self.outlet {
            Outlet::Closed => true,
            Outlet::Inbox(inbox) => inbox.is_receiver_dropped(),
            Outlet::Driver => false,
        }
    }

    /// Carries out all jobs, until too many events wait.
    fn carry_out(&mut self, shared: &mut Shared) {
        if let Outlet::Inbox(inbox) = &self.outlet
            && inbox.is_receiver_dropped()
        {
            self.outlet = Outlet::Closed;
        }
        if !matches!(self.outlet, Outlet::Driver) {
            for event in std::mem::take(&mut self.waiting) {
                self.emit(event);
            }
        }
        while self.waiting.len() < WAITING_LIMIT && !self.ended {
            let Some(job) = self.host.next_job(self.clock.now()) else {
                return;
            };
            match job {
                Job::Connect(connection, url) => self.connect(connection, url, shared),
                Job::Transmit(connection, bytes) => {
                    self.put(connection, |waiting| waiting.send(bytes))
                }
                Job::Ping(connection) => self.put(connection, Outgoing::ping),
                Job::Close(connection) => {
                    shared.resolver.cancel((self.id, connection));
                    self.attempts
                        .retain(|attempt| attempt.connection != connection);
                    if let Some(link) = self.take_link(connection) {
                        self.close(link, CloseCode::Normal);
                    }
                }
                Job::Event(event) => {
                    if let Some((request, taken)) = self.handlers.take_tones(&event) {
                        // The core sends the tones itself if this answer is refused.
                        let _ = self.command(|agent, now| agent.tones_taken(request, taken, now));
                    } else if let Some(event) = self.handlers.intercept(event) {
                        self.emit(event);
                    }
                }
            }
        }
    }

    fn emit(&mut self, event: Event) {
        match &self.outlet {
            Outlet::Driver => self.waiting.push_back(event),
            // Events stay in order.
            Outlet::Inbox(_) if !self.waiting.is_empty() => self.waiting.push_back(event),
            Outlet::Inbox(inbox) => match inbox.push(event) {
                Pushed::Taken { woke: true } => self.deliveries.woken += 1,
                Pushed::Taken { woke: false } => self.deliveries.unnoticed += 1,
                Pushed::Full(event) => self.waiting.push_back(event),
                Pushed::Discarded { is_first: true } => self.host.note_unread_events(),
                Pushed::Discarded { is_first: false } => {}
                Pushed::ReceiverDropped => self.outlet = Outlet::Closed,
            },
            Outlet::Closed => {}
        }
    }

    fn connect(&mut self, connection: ConnectionId, url: ServerUrl, shared: &mut Shared) {
        let (attempt, name) = Attempt::new(connection, url, &self.dialing, self.clock.now());
        self.attempts.push(attempt);
        match name {
            Some(name) => {
                let requester = (self.id, connection);
                shared.resolver.request(name, requester, &shared.mailbox);
            }
            // An address needs no look-up, and no socket exists yet that could wake the agent.
            None => self.step_attempts(shared),
        }
    }

    fn step_attempts(&mut self, shared: &Shared) {
        let sockets = SocketRegistry {
            registry: &shared.registry,
            token: self.id.token(),
        };
        for attempt in std::mem::take(&mut self.attempts) {
            let now = self.clock.now();
            match attempt.step(&self.dialing, sockets, now) {
                Step::Pending(attempt) => self.attempts.push(attempt),
                Step::Open(connection, socket, info) => {
                    let link = Link::new(connection, *socket, self.send_queue);
                    self.links.push_back(link);
                    self.host.opened(connection, info, now);
                }
                Step::Failed(connection, failure) => self.host.failed(connection, failure, now),
            }
        }
    }

    /// Queues a message on a link. The link is dropped if its queue is full.
    fn put(&mut self, connection: ConnectionId, queue: impl FnOnce(&mut Outgoing) -> bool) {
        let mut links = self.links.iter_mut();
        // The link may have ended without the core knowing it yet.
        let Some(link) = links.find(|link| link.connection == connection) else {
            return;
        };
        if !queue(&mut link.outgoing) {
            self.take_link(connection);
            self.host.send_queue_full(connection, self.clock.now());
        }
    }

    fn take_link(&mut self, connection: ConnectionId) -> Option<Link> {
        let mut links = self.links.iter();
        let index = links.position(|link| link.connection == connection)?;
        self.links.remove(index)
    }

    /// Takes the link out of service; its closing handshake goes on beside the other work.
    fn close(&mut self, link: Link, code: CloseCode) {
        let now = self.clock.now();
        self.closing.extend(link.close(code, now).step(now));
    }

    fn step_closing(&mut self) {
        let now = self.clock.now();
        self.closing = std::mem::take(&mut self.closing)
            .into_iter()
            .filter_map(|closing| closing.step(now))
            .collect();
    }

    /// Feeds the next input from one of the links; false if there is none, and what waits to be sent has gone out.
    fn feed_link(&mut self) -> bool {
        // Nothing is read while events wait.
        let read = self.waiting.is_empty();
        let mut fed = None;
        let mut index = 0;
        while let Some(link) = self.links.get_mut(index) {
            let input = link.poll(read && fed.is_none());
            let connection = link.connection;
            let now = self.clock.now();
            index += 1;
            match input {
                None => continue,
                Some(LinkInput::Closed(end)) => {
                    index -= 1;
                    if let Some(link) = self.links.remove(index) {
                        self.close(link, end.code);
                    }
                    self.host.closed(connection, end.reason, now);
                }
                Some(LinkInput::Message(bytes)) => self.host.received(connection, bytes, now),
                Some(LinkInput::Pong) => self.host.pong(connection, now),
                Some(LinkInput::Turn) => {}
            }
            fed = Some(index);
        }
        // The link goes to the end of the row, so that all links are served.
        if let Some(after) = fed
            && self.links.len() > 1
        {
            let after = after.min(self.links.len());
            self.links.rotate_left(after);
        }
        fed.is_some()
    }

    /// The application has dropped the agent: hangs up and unregisters without waiting for responses.
    pub(crate) fn end(&mut self, shared: &mut Shared) {
        if self.ended {
            return;
        }
        if let Outlet::Inbox(inbox) = std::mem::replace(&mut self.outlet, Outlet::Closed) {
            inbox.end();
            self.deliveries.unnoticed += 1;
        }
        self.waiting.clear();
        self.host.abandon(self.clock.now());
        self.carry_out(shared);
        self.ended = true;
        if let Some(handles) = &self.handles {
            handles.gone();
        }
        for attempt in self.attempts.drain(..) {
            shared.resolver.cancel((self.id, attempt.connection));
        }
        for link in std::mem::take(&mut self.links) {
            self.close(link, CloseCode::Away);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Outlet::Inbox(inbox) = &self.outlet {
            inbox.end();
        }
    }
}
