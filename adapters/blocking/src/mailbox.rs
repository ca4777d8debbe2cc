//! The queue from other threads to the one that drives the agents.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Wake;
use std::thread::ThreadId;

use mio::{Registry, Token, Waker};
use sip_core::{Body, SessionId, Timestamp, UserAgent};
use sip_host::DescriptionError;

/// The token of the mailbox. Agents have the others.
pub(crate) const MAILBOX: Token = Token(0);

/// The key of a user agent in its [`Reactor`](crate::Reactor).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AgentKey(usize);

impl AgentKey {
    pub(crate) const LAST: Self = Self(usize::MAX);

    /// One token for all sockets of an agent. It has few sockets, and checks all of them when one is ready.
    pub(crate) const fn token(self) -> Token {
        Token(self.0)
    }

    pub(crate) const fn of(token: Token) -> Self {
        Self(token.0)
    }
}

/// A command in the queue. It runs with the user agent and the time.
pub(crate) type Command = Box<dyn FnOnce(&mut UserAgent, Timestamp) + Send>;

/// Host and port.
pub(crate) type Name = (String, u16);

/// The result of a step of a description handler.
pub(crate) enum Outcome {
    Described(Result<Body, DescriptionError>),
    Accepted(Result<(), DescriptionError>),
}

/// A message to the thread that drives the agents.
pub(crate) enum Envelope {
    /// A new agent waits in the channel of the reactor.
    Arrival,
    /// No more agents follow.
    Complete,
    Command(AgentKey, Command),
    /// The last handle of an agent was dropped.
    HandlesDropped(AgentKey),
    /// The application has taken an event out of a full queue, or has dropped the queue.
    Room(AgentKey),
    Resolved(Name, io::Result<Vec<SocketAddr>>),
    /// A handler has finished the step of this number.
    Described(AgentKey, SessionId, u64, Outcome),
}

/// Takes envelopes from any thread, and ends the wait of the thread that reads them.
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    waker: Waker,
    next_id: AtomicUsize,
    owner: OnceLock<ThreadId>,
}

struct Queue {
    envelopes: Vec<Envelope>,
    /// Whether a thread still reads the envelopes.
    open: bool,
}

impl Mailbox {
    pub(crate) fn new(registry: &Registry) -> io::Result<Self> {
        Ok(Self {
            queue: Mutex::new(Queue {
                envelopes: Vec::new(),
                open: true,
            }),
            waker: Waker::new(registry, MAILBOX)?,
            next_id: AtomicUsize::new(MAILBOX.0 + 1),
            owner: OnceLock::new(),
        })
    }

    pub(crate) fn mint(&self) -> AgentKey {
        AgentKey(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Records that the current thread is the reader.
    pub(crate) fn own(&self) {
        self.owner.get_or_init(|| std::thread::current().id());
    }

    pub(crate) fn is_own_thread(&self) -> bool {
        self.owner.get() == Some(&std::thread::current().id())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False, and the envelope is dropped, if no thread reads any more.
    pub(crate) fn post(&self, envelope: Envelope) -> bool {
        let mut queue = self.queue();
        if !queue.open {
            // The lock is released first, because dropping a command may wake code that posts in turn.
            drop(queue);
            drop(envelope);
            return false;
        }
        let is_first = queue.envelopes.is_empty();
        queue.envelopes.push(envelope);
        drop(queue);
        // The first envelope wakes the reader for all that follow.
        if is_first {
            self.interrupt();
        }
        true
    }

    /// Ends the reader's wait.
    fn interrupt(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(target: "sip.transport", "the I/O thread cannot be woken: {error}");
        }
    }

    pub(crate) fn take(&self) -> Vec<Envelope> {
        std::mem::take(&mut self.queue().envelopes)
    }

    /// The reader has ended. The envelopes are dropped, so that each waiting command fails.
    pub(crate) fn close(&self) {
        let envelopes = {
            let mut queue = self.queue();
            queue.open = false;
            std::mem::take(&mut queue.envelopes)
        };
        drop(envelopes);
    }
}

impl Wake for Mailbox {
    fn wake(self: Arc<Self>) {
        self.interrupt();
    }
}
