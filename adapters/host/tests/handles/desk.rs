//! An adapter without an operating system around one agent: a command waits in a queue until the test turns, and the time is a
//! variable. So a test polls a future as often as it wants, drops it, and sees what the peer receives.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use sip_core::config::{Config, ConfigBuilder};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    Body, ConnectionId, ConnectionInfo, Event, Limits, Timestamp, Transport, UserAgent,
};
use sip_host::os::LastFailure;
use sip_host::os::handle::{Agent, Port, Shared};
use sip_host::{CommandFailure, ConnectFailure, Hooks, Host, Job};

type Command = Box<dyn FnOnce(&mut UserAgent, Timestamp) + Send>;

pub(crate) const SDP: &str = "v=0\r\ns=-\r\n";

/// The adapter. A clone is the same one, and keeps the agent as the commands of an adapter do.
#[derive(Clone)]
pub(crate) struct Desk {
    inner: Arc<Mutex<Inner>>,
    shared: Shared,
}

struct Inner {
    /// `None` once the agent is gone.
    host: Option<Host>,
    now: Timestamp,
    commands: VecDeque<Command>,
    connecting: Vec<ConnectionId>,
    connection: Option<ConnectionId>,
    sent: VecDeque<String>,
}

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    pub(crate) fn rings(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Polls once.
pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once, with a waker that the test sees.
pub(crate) fn poll_with<F: Future + ?Sized>(
    future: Pin<&mut F>,
    bell: &Arc<Bell>,
) -> Poll<F::Output> {
    let waker = bell.clone().into();
    future.poll(&mut Context::from_waker(&waker))
}

impl Port for Desk {
    fn with<R, F>(&self, command: F) -> impl Future<Output = Result<R, CommandFailure>> + Send
    where
        R: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    {
        let slot = Arc::new(Mutex::new(None));
        let result = slot.clone();
        let mut command = Some(Box::new(move |agent: &mut UserAgent, now| {
            *slot.lock().unwrap() = Some(command(agent, now));
        }) as Command);
        let desk = self.clone();
        std::future::poll_fn(move |_| {
            if let Some(command) = command.take() {
                if desk.inner().host.is_none() {
                    return Poll::Ready(Err(CommandFailure::Gone));
                }
                desk.inner().commands.push_back(command);
            }
            match result.lock().unwrap().take() {
                Some(result) => Poll::Ready(Ok(result)),
                None if desk.inner().host.is_none() => Poll::Ready(Err(CommandFailure::Gone)),
                None => Poll::Pending,
            }
        })
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Desk {
    /// An agent that has begun to connect.
    pub(crate) fn new(change: impl FnOnce(&mut ConfigBuilder)) -> (Self, Agent<Self>) {
        let mut config = Config::builder();
        config
            .uri("sip:alice@example.com")
            .server("wss://sip.example.com")
            .register(false);
        change(&mut config);
        let config = config.build().unwrap();
        let now = Timestamp::ZERO;
        let mut host =
            Host::new(&config, Limits::default(), Hooks::default(), [7; 32], now).unwrap();
        let shared = Shared::new(LastFailure::default());
        host.observe(shared.observer());
        let inner = Inner {
            host: Some(host),
            now,
            commands: VecDeque::new(),
            connecting: Vec::new(),
            connection: None,
            sent: VecDeque::new(),
        };
        let desk = Self {
            inner: Arc::new(Mutex::new(inner)),
            shared,
        };
        desk.turn();
        (desk.clone(), Agent::new(desk))
    }

    /// An agent that is connected.
    pub(crate) fn online(change: impl FnOnce(&mut ConfigBuilder)) -> (Self, Agent<Self>) {
        let (desk, agent) = Self::new(change);
        desk.open();
        (desk, agent)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Works on the agent without the lock, because commands lock the machine and drop handles.
    fn host<R>(&self, work: impl FnOnce(&mut Host, Timestamp) -> R) -> R {
        let (mut host, now) = {
            let mut inner = self.inner();
            (inner.host.take().expect("the agent"), inner.now)
        };
        let result = work(&mut host, now);
        self.inner().host = Some(host);
        result
    }

    /// Carries out what handles have left, the commands, and what follows from them.
    pub(crate) fn turn(&self) {
        if self.inner().host.is_none() {
            return;
        }
        loop {
            self.carry_out();
            if let Some(chore) = self.shared.take_chore() {
                self.host(|host, now| host.command(|agent, now| chore.carry_out(agent, now), now));
                continue;
            }
            let Some(command) = self.inner().commands.pop_front() else {
                return;
            };
            self.host(|host, now| host.command(command, now));
        }
    }

    fn carry_out(&self) {
        while let Some(job) = self.host(|host, now| host.next_job(now)) {
            match job {
                Job::Connect(connection, _) => self.inner().connecting.push(connection),
                Job::Transmit(_, bytes) => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    self.inner().sent.push_back(text);
                }
                Job::Ping(connection) => self.host(|host, now| host.pong(connection, now)),
                Job::Close(_) => {}
                Job::Event(Event::DescriptionNeeded {
                    session, exchange, ..
                }) => {
                    let ours = Ok(Body::sdp(SDP));
                    self.host(|host, now| host.described(session, exchange, ours, now));
                }
                Job::Event(_) => {}
            }
        }
    }

    /// The connection that the agent asks for opens.
    pub(crate) fn open(&self) {
        let connection = self.inner().connecting.pop().expect("a connection");
        self.inner().connection = Some(connection);
        let info = ConnectionInfo {
            transport: Transport::Wss,
            remote: None,
        };
        self.host(|host, now| host.opened(connection, info, now));
        self.turn();
    }

    /// The attempt to connect fails.
    pub(crate) fn refuse(&self) {
        let connection = self.inner().connecting.pop().expect("a connection");
        let server = sip_core::config::ServerUrl::parse("wss://sip.example.com").unwrap();
        let failure = ConnectFailure::new(&server, (ConnectError::Refused, String::new()));
        self.host(|host, now| host.failed(connection, failure, now));
        self.turn();
    }

    /// The connection is lost.
    pub(crate) fn lose(&self) {
        let connection = self.inner().connection.take().expect("a connection");
        self.host(|host, now| host.closed(connection, DisconnectReason::Lost, now));
        self.turn();
    }

    /// A message arrives.
    pub(crate) fn receive(&self, message: &str) {
        let connection = self.inner().connection.expect("a connection");
        let bytes = message.to_owned().into();
        self.host(|host, now| host.received(connection, bytes, now));
        self.turn();
    }

    /// The next message that the agent sent, which begins with `start`.
    #[track_caller]
    pub(crate) fn sent(&self, start: &str) -> String {
        let message = self.inner().sent.pop_front();
        let Some(message) = message else {
            panic!("nothing is sent, not {start}");
        };
        assert!(message.starts_with(start), "{start}: {message}");
        message
    }

    /// The next message that the agent sent, if there is one.
    pub(crate) fn next_sent(&self) -> Option<String> {
        self.inner().sent.pop_front()
    }

    /// Runs a command of the application at once.
    pub(crate) fn host_command(&self, command: impl FnOnce(&mut UserAgent, Timestamp)) {
        self.host(|host, now| host.command(command, now));
        self.turn();
    }

    /// The agent has sent nothing that the test has not read.
    #[track_caller]
    pub(crate) fn quiet(&self) {
        self.turn();
        assert_eq!(self.inner().sent, VecDeque::<String>::new());
    }

    /// Lets time pass up to the next deadline.
    pub(crate) fn next_deadline(&self) {
        let next = self.host(|host, _| host.next_tick()).expect("a deadline");
        self.inner().now = next;
        self.host(|host, now| host.tick(now));
        self.turn();
    }

    /// The task of the agent ends.
    pub(crate) fn end(&self) {
        let host = self.inner().host.take();
        self.inner().commands.clear();
        drop(host);
    }

    /// Polls `future` until it is ready, and lets the agent work in between.
    #[track_caller]
    pub(crate) fn finish<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        for _ in 0..8 {
            if let Poll::Ready(output) = poll(future.as_mut()) {
                return output;
            }
            self.turn();
        }
        panic!("the future still waits");
    }

    /// How many entries the machine has.
    pub(crate) fn entries(&self) -> usize {
        self.shared.lock().len()
    }
}

/// The value of a header field.
#[track_caller]
pub(crate) fn value<'a>(message: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut values = message
        .lines()
        .filter_map(|line| line.strip_prefix(&*prefix));
    values.next().unwrap_or_else(|| panic!("{name}: {message}"))
}

/// A response to `request`, as a server writes it; `more` are header lines.
pub(crate) fn response(request: &str, status: &str, more: &str, body: &str) -> String {
    let tag = if value(request, "To").contains(";tag=") || status.starts_with("100") {
        ""
    } else {
        ";tag=server"
    };
    let content = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         {more}{content}Content-Length: {}\r\n\r\n{body}",
        value(request, "Via"),
        value(request, "From"),
        value(request, "To"),
        value(request, "Call-ID"),
        value(request, "CSeq"),
        body.len(),
    )
}

pub(crate) const BOB: &str = "Contact: <sip:bob@bob.invalid;transport=ws>\r\n";

/// 200 to an INVITE or re-INVITE.
pub(crate) fn accepted(invite: &str) -> String {
    response(invite, "200 OK", BOB, SDP)
}

/// A request of bob to alice. `dialog` has From, To and Call-ID of the dialog as bob writes them.
pub(crate) fn request(
    method: &str,
    number: u32,
    dialog: Option<(&str, &str, &str)>,
    more: &str,
    body: &str,
) -> String {
    let (from, to, call) = dialog.unwrap_or((
        "\"Bob\" <sip:bob@example.com>;tag=bob",
        "<sip:alice@example.com>",
        "bobs-call",
    ));
    let content = match (body.is_empty(), method) {
        (true, _) => "",
        (false, "INVITE") => "Content-Type: application/sdp\r\n",
        (false, _) => "Content-Type: text/plain\r\n",
    };
    format!(
        "{method} sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WSS bob.invalid;branch=z9hG4bK{call}{number}{}\r\nMax-Forwards: 70\r\n\
         From: {from}\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: {number} {method}\r\n{BOB}{more}\
         {content}Content-Length: {}\r\n\r\n{body}",
        if matches!(method, "CANCEL") {
            ""
        } else {
            method_mark(method)
        },
        body.len()
    )
}

/// A CANCEL has the branch of its INVITE.
fn method_mark(method: &str) -> &str {
    if method == "INVITE" { "" } else { method }
}

/// A request of bob in the dialog of alice's `sent` INVITE or SUBSCRIBE.
pub(crate) fn in_dialog_of(
    sent: &str,
    method: &str,
    number: u32,
    more: &str,
    body: &str,
) -> String {
    let from = format!("{};tag=server", value(sent, "To"));
    let dialog = (&*from, value(sent, "From"), value(sent, "Call-ID"));
    request(method, number, Some(dialog), more, body)
}

/// A request of bob in the dialog that alice's response to his request has made.
pub(crate) fn in_dialog_by(
    answer: &str,
    method: &str,
    number: u32,
    more: &str,
    body: &str,
) -> String {
    let dialog = (
        value(answer, "From"),
        value(answer, "To"),
        value(answer, "Call-ID"),
    );
    request(method, number, Some(dialog), more, body)
}
