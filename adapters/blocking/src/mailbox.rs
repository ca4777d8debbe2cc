//! What other threads have to say to the one that drives the agents.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Wake;
use std::thread::ThreadId;

use mio::{Registry, Token, Waker};
use sip_core::{Body, SessionId, Timestamp, UserAgent};
use sip_host::DescriptionError;

/// The token of the mailbox itself; agents have the others.
pub(crate) const MAILBOX: Token = Token(0);

/// One of the user agents that a [`Reactor`](crate::Reactor) drives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AgentKey(usize);

impl AgentKey {
    pub(crate) const LAST: Self = Self(usize::MAX);

    /// One token for all sockets of an agent: it has few, and looks at each when one speaks up.
    pub(crate) const fn token(self) -> Token {
        Token(self.0)
    }

    pub(crate) const fn of(token: Token) -> Self {
        Self(token.0)
    }
}

/// A command on its way: runs with the user agent and the time.
pub(crate) type Command = Box<dyn FnOnce(&mut UserAgent, Timestamp) + Send>;

/// Host and port.
pub(crate) type Name = (String, u16);

/// What a step came to.
pub(crate) enum Outcome {
    Described(Result<Body, DescriptionError>),
    Accepted(Result<(), DescriptionError>),
}

/// One thing to be told.
pub(crate) enum Envelope {
    /// An agent waits to be added.
    Arrival,
    /// No more agents will be added.
    Complete,
    Command(AgentKey, Command),
    /// The last handle was dropped.
    HandlesDropped(AgentKey),
    /// The application took an event out of a full queue, or will take no more.
    Room(AgentKey),
    Resolved(Name, io::Result<Vec<SocketAddr>>),
    /// The step of this number was answered.
    Described(AgentKey, SessionId, u64, Outcome),
}

/// Takes envelopes from any thread, and interrupts the wait of the one that reads them.
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    waker: Waker,
    next_id: AtomicUsize,
    owner: OnceLock<ThreadId>,
}

struct Queue {
    envelopes: Vec<Envelope>,
    /// Whether anybody will read what is posted.
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

    /// The current thread is the one that reads.
    pub(crate) fn own(&self) {
        self.owner.get_or_init(|| std::thread::current().id());
    }

    pub(crate) fn is_own_thread(&self) -> bool {
        self.owner.get() == Some(&std::thread::current().id())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False, and the post is dropped, if nobody reads any more.
    pub(crate) fn post(&self, post: Envelope) -> bool {
        let mut queue = self.queue();
        if !queue.open {
            // Out of the lock first: what a dropped command wakes may post in turn.
            drop(queue);
            drop(post);
            return false;
        }
        let is_first = queue.envelopes.is_empty();
        queue.envelopes.push(post);
        drop(queue);
        // Whoever posted the first has woken the reader for the others too.
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

    /// Nobody reads any more: whoever waits for a command is told so.
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
