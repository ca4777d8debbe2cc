//! The thin server: sockets, clock and entropy around one [`Edge`].

mod scrape;
mod socket;

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use rand_core::SeedableRng;
use sip_core::{ConnectionId, ConnectionInfo, Direction, Timestamp, Transport};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::config::EdgeConfig;
use crate::counters::{Counters, Gauges, edge_metrics_text};
use crate::edge::Edge;
use crate::event::{EdgeAction, EdgeEvent};

/// How many inputs of all sockets may wait for the edge. The sockets are not read while that many wait.
const QUEUED_INPUTS: usize = 256;

/// How many inputs are handled before their responses are sent.
const INPUTS_PER_TURN: u32 = 32;

/// How long sockets may take to close when the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// How many clients may be refused at a time because there is no room; one more is cut without an answer.
const REFUSALS: usize = 64;

/// How long to wait if the system has no descriptors left for a socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A running edge on a TCP port: WebSocket (RFC 7118) without TLS.
///
/// One task owns the [`Edge`], and each socket has a task. Dropping the server aborts all of them;
/// [`EdgeServer::stop`] sends close frames first.
#[derive(Debug)]
pub struct EdgeServer {
    local_addr: SocketAddr,
    commands: mpsc::Sender<Command>,
    counters: watch::Receiver<(Counters, Gauges)>,
    observers: Observers,
    task: JoinHandle<()>,
    scrapes: JoinSet<()>,
}

/// One SIP message that the edge sent or received.
#[derive(Clone, Copy, Debug)]
pub struct TraceMessage<'a> {
    /// The time since the server started.
    pub at: Duration,
    /// Whether the edge sent or received it.
    pub direction: Direction,
    /// The connection.
    pub connection: ConnectionId,
    /// The user at its other end: the one that has authenticated there, else the one in the From of its first
    /// request.
    pub user: Option<&'a str>,
    /// The message.
    pub bytes: &'a Bytes,
}

type MessageHook = Box<dyn FnMut(&TraceMessage<'_>) + Send>;

type EventHook = Box<dyn FnMut(&EdgeEvent) + Send>;

/// Those that observe the server. Its task and its owner share them.
#[derive(Clone, Default)]
struct Observers(Arc<Mutex<Hooks>>);

#[derive(Default)]
struct Hooks {
    messages: Option<MessageHook>,
    events: Option<EventHook>,
}

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observers")
    }
}

impl Observers {
    fn lock(&self) -> MutexGuard<'_, Hooks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Command {
    SetMessagesWaiting {
        user: String,
        new: u32,
        old: u32,
        done: oneshot::Sender<bool>,
    },
    Cut {
        user: String,
        done: oneshot::Sender<usize>,
    },
    Stop,
}

impl EdgeServer {
    /// Listens and serves in the background.
    ///
    /// If the port of `listen` is 0, the system chooses a free one, which [`EdgeServer::local_addr`] returns.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// `InvalidInput` with an [`EdgeConfigError`](crate::EdgeConfigError) if the configuration is not valid;
    /// the error of the system for the address; `Other` outside a runtime or without entropy.
    pub fn start(config: EdgeConfig) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(config.listen)?;
        Self::start_on(config, vec![listener])
    }

    /// As [`EdgeServer::start`], but on sockets that listen already, such as those of all addresses of a name. The address of
    /// the first one takes the place of `config.listen`.
    ///
    /// # Errors
    /// Those of [`EdgeServer::start`], and `InvalidInput` without a socket.
    pub fn start_on(
        mut config: EdgeConfig,
        sockets: Vec<std::net::TcpListener>,
    ) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let mut listeners = Vec::with_capacity(sockets.len());
        for socket in sockets {
            socket.set_nonblocking(true)?;
            listeners.push(TcpListener::from_std(socket)?);
        }
        let first = listeners.first();
        let first = first.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, NoSocket))?;
        let local_addr = first.local_addr()?;
        config.listen = local_addr;
        let rng = Box::new(rand_chacha::ChaCha20Rng::from_seed(seed));
        let limits = config.limits.clone();
        let edge = Edge::new(config, rng)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let (commands, command_queue) = mpsc::channel(16);
        let (publish, counters) = watch::channel((Counters::default(), Gauges::default()));
        let (inputs, input_queue) = mpsc::channel(QUEUED_INPUTS);
        let observers = Observers::default();
        let service = Service {
            edge,
            listeners,
            start: Instant::now(),
            commands: command_queue,
            counters: publish,
            observers: observers.clone(),
            socket_settings: socket::Settings {
                largest: limits.message.message,
                queued: limits.queued_messages,
            },
            most_sockets: limits.connections,
            inputs,
            input_queue,
            sockets: HashMap::new(),
            by_connection: HashMap::new(),
            next_socket: 0,
            tasks: JoinSet::new(),
            refusals: JoinSet::new(),
        };
        let task = runtime.spawn(service.run());
        Ok(Self {
            local_addr,
            commands,
            counters,
            observers,
            task,
            scrapes: JoinSet::new(),
        })
    }

    /// The address on which it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The counters so far. The effects of a message are counted before its response is sent.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters.borrow().0
    }

    /// The sizes of the tables, as of the last message.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        self.counters.borrow().1
    }

    /// Serves the counters and gauges as text for Prometheus at `/metrics` of an HTTP server on `socket`, as long as the server
    /// lives. Only GET is answered, one request for each connection. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The system refuses the socket.
    pub fn serve_metrics(&mut self, socket: std::net::TcpListener) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from_std(socket)?;
        let counters = self.counters.clone();
        let text = move || {
            let (counters, gauges) = *counters.borrow();
            edge_metrics_text(&counters, &gauges)
        };
        self.scrapes.spawn(scrape::serve(listener, Arc::new(text)));
        Ok(())
    }

    /// Passes every SIP message from now on to `hook`, in the order in which the edge handles them, without
    /// keep-alives. It replaces an earlier hook. The hook runs in the task of the server, so it must be quick,
    /// and it must not call [`EdgeServer::trace`] or [`EdgeServer::observe`].
    pub fn trace(&self, hook: impl FnMut(&TraceMessage<'_>) + Send + 'static) {
        self.observers.lock().messages = Some(Box::new(hook));
    }

    /// Passes every event from now on to `hook`, in their order. It replaces an earlier hook, runs in the task of the server, so
    /// that it must be quick, and must not call [`EdgeServer::trace`] or [`EdgeServer::observe`].
    pub fn observe(&self, hook: impl FnMut(&EdgeEvent) + Send + 'static) {
        self.observers.lock().events = Some(Box::new(hook));
    }

    /// Closes all connections of a user who authenticated on them; returns how many.
    pub async fn cut(&self, user: &str) -> usize {
        let (done, count) = oneshot::channel();
        let command = Command::Cut {
            user: user.to_owned(),
            done,
        };
        // If the task has ended, no connections are left.
        if self.commands.send(command).await.is_err() {
            return 0;
        }
        count.await.unwrap_or(0)
    }

    /// Sets how many messages wait for a user; see [`Edge::set_messages_waiting`]. Returns whether there is such a user.
    pub async fn set_messages_waiting(&self, user: &str, new: u32, old: u32) -> bool {
        let (done, found) = oneshot::channel();
        let command = Command::SetMessagesWaiting {
            user: user.to_owned(),
            new,
            old,
            done,
        };
        // If the task has ended, no users are left.
        self.commands.send(command).await.is_ok() && found.await.unwrap_or(false)
    }

    /// Closes every socket (close code 1001) and ends within about a second.
    pub async fn stop(mut self) {
        // If the task has ended, the server has stopped.
        if self.commands.send(Command::Stop).await.is_ok() {
            let _ended_or_panicked = (&mut self.task).await;
        }
    }
}

impl Drop for EdgeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task behind an [`EdgeServer`].
struct Service {
    edge: Edge,
    /// At least one.
    listeners: Vec<TcpListener>,
    start: Instant,
    commands: mpsc::Receiver<Command>,
    counters: watch::Sender<(Counters, Gauges)>,
    observers: Observers,
    socket_settings: socket::Settings,
    most_sockets: usize,
    /// Cloned for each socket, and kept so that the queue never closes.
    inputs: mpsc::Sender<socket::Input>,
    input_queue: mpsc::Receiver<socket::Input>,
    sockets: HashMap<u64, Socket>,
    by_connection: HashMap<ConnectionId, u64>,
    next_socket: u64,
    tasks: JoinSet<()>,
    /// The tasks that refuse clients, at most [`REFUSALS`].
    refusals: JoinSet<()>,
}

/// A socket, from its acceptance to its end.
struct Socket {
    /// Set at the end of the handshake.
    open: Option<(ConnectionId, mpsc::Sender<Bytes>)>,
    task: AbortHandle,
}

impl Service {
    async fn run(mut self) {
        loop {
            self.carry_out();
            // Without a deadline the branch of `sleep_until` below is disabled.
            let deadline = self.edge.next_tick();
            let until =
                self.start + Duration::from_micros(deadline.map_or(0, Timestamp::as_micros));
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Cut { user, done }) => {
                        let count = self.edge.cut(&user, self.now());
                        self.carry_out();
                        // An error here means that the caller has dropped its future.
                        let _unheard = done.send(count);
                    }
                    Some(Command::SetMessagesWaiting { user, new, old, done }) => {
                        let now = self.now();
                        let found = self.edge.set_messages_waiting(&user, new, old, now);
                        self.carry_out();
                        // An error here means that the caller has dropped its future.
                        let _unheard = done.send(found);
                    }
                    Some(Command::Stop) | None => break,
                },
                input = self.input_queue.recv() => {
                    // The inputs that wait already follow, so that their responses are written together.
                    let mut next = input;
                    for _ in 0..INPUTS_PER_TURN {
                        let Some(input) = next else { break };
                        self.on_input(input);
                        next = self.input_queue.try_recv().ok();
                    }
                    if let Some(input) = next {
                        self.on_input(input);
                    }
                }
                accepted = accept(&self.listeners) => match accepted {
                    Ok((stream, remote)) => {
                        // Without this each hop waits for a delayed TCP acknowledgement. A socket that refuses
                        // it is slow, but it works.
                        let _slow = stream.set_nodelay(true);
                        self.on_accepted(stream, remote);
                    }
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                },
                () = sleep_until(until), if deadline.is_some() => self.edge.tick(self.now()),
                Some(_) = self.tasks.join_next() => {}
                Some(_) = self.refusals.join_next() => {}
            }
        }
        // A socket whose queue is dropped closes by itself.
        self.sockets.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Sockets that are still open are aborted with the set.
        let _in_time = timeout(GRACE, all).await;
    }

    fn now(&self) -> Timestamp {
        let micros = self.start.elapsed().as_micros();
        Timestamp::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn on_accepted(&mut self, stream: TcpStream, remote: SocketAddr) {
        if self.sockets.len() >= self.most_sockets {
            if self.refusals.len() < REFUSALS {
                self.refusals.spawn(socket::refuse(stream));
            }
            return;
        }
        let number = self.next_socket;
        self.next_socket += 1;
        let run = socket::run(
            stream,
            remote,
            number,
            self.socket_settings,
            self.inputs.clone(),
        );
        let task = self.tasks.spawn(run);
        self.sockets.insert(number, Socket { open: None, task });
    }

    fn on_input(&mut self, input: socket::Input) {
        match input {
            socket::Input::Opened {
                socket,
                remote,
                outgoing,
            } => {
                if let Some(entry) = self.sockets.get_mut(&socket) {
                    let info = ConnectionInfo {
                        transport: Transport::Ws,
                        remote: Some(remote),
                    };
                    let connection = self.edge.accept(info);
                    entry.open = Some((connection, outgoing));
                    self.by_connection.insert(connection, socket);
                }
            }
            socket::Input::Message { socket, bytes } => {
                let open = self
                    .sockets
                    .get(&socket)
                    .and_then(|entry| entry.open.as_ref());
                let Some(&(connection, _)) = open else { return };
                let now = self.now();
                while self.edge.receive(connection, bytes.clone(), now).is_err() {
                    self.carry_out();
                }
                self.show(Direction::Received, connection, &bytes);
            }
            socket::Input::Closed { socket } => self.close(socket),
        }
    }

    /// Carries out the actions of the edge.
    fn carry_out(&mut self) {
        // The counters come first, so that the receiver of a response sees its effects counted.
        let counters = (self.edge.counters(), self.edge.gauges());
        self.counters.send_replace(counters);
        while let Some(action) = self.edge.poll_action() {
            match action {
                EdgeAction::Transmit { connection, bytes } => {
                    self.show(Direction::Sent, connection, &bytes);
                    let Some(&number) = self.by_connection.get(&connection) else {
                        continue;
                    };
                    let open = self
                        .sockets
                        .get(&number)
                        .and_then(|entry| entry.open.as_ref());
                    let full = open.is_some_and(|(_, outgoing)| outgoing.try_send(bytes).is_err());
                    if full {
                        // The client is too slow or gone. The socket is aborted, because its messages must not
                        // pile up.
                        if let Some(entry) = self.sockets.get(&number) {
                            entry.task.abort();
                        }
                        self.close(number);
                    }
                }
                EdgeAction::Disconnect { connection, .. } => {
                    // A socket whose queue is dropped closes by itself.
                    if let Some(number) = self.by_connection.remove(&connection) {
                        self.sockets.remove(&number);
                    }
                }
                EdgeAction::Event(event) => {
                    if let Some(hook) = &mut self.observers.lock().events {
                        hook(&event);
                    }
                }
            }
        }
    }

    fn close(&mut self, number: u64) {
        let Some(entry) = self.sockets.remove(&number) else {
            return;
        };
        if let Some((connection, _)) = entry.open {
            self.by_connection.remove(&connection);
            self.edge.closed(connection, self.now());
        }
    }

    fn show(&self, direction: Direction, connection: ConnectionId, bytes: &Bytes) {
        let mut hooks = self.observers.lock();
        let Some(hook) = &mut hooks.messages else {
            return;
        };
        if bytes.trim_ascii().is_empty() {
            return;
        }
        hook(&TraceMessage {
            at: self.start.elapsed(),
            direction,
            connection,
            user: self.edge.user(connection),
            bytes,
        });
    }
}

/// There is no socket to listen on.
#[derive(Debug, thiserror::Error)]
#[error("no socket to listen on")]
struct NoSocket;

/// The next connection to any of these.
async fn accept(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}
