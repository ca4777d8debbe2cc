//! The queue from other threads to the one that drives the agents.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use mio::{Registry, Token, Waker};
use sip_core::{Body, SessionId};
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
    /// The last handle of an agent was dropped.
    HandlesDropped(AgentKey),
    /// A handle has left a chore for its agent.
    Chore(AgentKey),
    /// The application has taken an event out of a full queue, or has dropped the queue.
    Room(AgentKey),
    Resolved(Name, io::Result<Vec<SocketAddr>>),
    /// A handler has finished the step of this number.
    Described(AgentKey, SessionId, u64, Outcome),
}

thread_local! {
    /// The addresses of the mailboxes whose agents this thread drives at the moment. A connector may give a command to an agent
    /// of another mailbox.
    static DRIVEN: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// `None` while the thread ends: a handle in a variable of the thread may be dropped after [`DRIVEN`].
fn driven<R>(access: impl FnOnce(&mut Vec<usize>) -> R) -> Option<R> {
    DRIVEN
        .try_with(|driven| access(&mut driven.borrow_mut()))
        .ok()
}

/// The threads that drive agents and wait for those of another mailbox. A thread that drives none is not in it, because no
/// thread waits for it.
static WAITS: Mutex<Vec<Wait>> = Mutex::new(Vec::new());

struct Wait {
    /// The mailboxes whose agents the thread drives meanwhile.
    drives: Vec<usize>,
    /// The mailbox whose agents it waits for.
    wanted: usize,
    number: usize,
}

fn waits() -> MutexGuard<'static, Vec<Wait>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The threads would wait for each other for ever.
#[derive(Debug)]
pub(crate) struct Deadlock;

/// While it lives the current thread waits for the agents of a mailbox.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// `None` if the thread drives no agents.
    number: Option<usize>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            waits().retain(|wait| wait.number != number);
        }
    }
}

/// While it lives the current thread drives the agents of a mailbox.
pub(crate) struct Driving {
    address: usize,
    /// The value belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl Drop for Driving {
    fn drop(&mut self) {
        driven(|driven| {
            let last = driven.iter().rposition(|&address| address == self.address);
            last.map(|index| driven.remove(index))
        });
    }
}

/// Takes envelopes from any thread, and ends the wait of the thread that reads them.
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    waker: Waker,
    next_id: AtomicUsize,
    #[cfg(test)]
    wakes: AtomicUsize,
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
            #[cfg(test)]
            wakes: AtomicUsize::new(0),
        })
    }

    pub(crate) fn mint(&self) -> AgentKey {
        AgentKey(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The current thread drives the agents until the value is dropped.
    pub(crate) fn drive(&self) -> Driving {
        let address = self.address();
        driven(|driven| driven.push(address));
        Driving {
            address,
            thread: PhantomData,
        }
    }

    /// The current thread is about to wait until no other thread drives the agents.
    ///
    /// # Errors
    /// [`Deadlock`] if the thread that drives them waits, or waits for one that waits, for agents that the current thread
    /// drives. The check and the entry are one step, so that of the threads in a circle the last one gets the error.
    pub(crate) fn wait(&self) -> Result<Waiting, Deadlock> {
        let drives = driven(|driven| driven.clone()).unwrap_or_default();
        if drives.is_empty() {
            return Ok(Waiting { number: None });
        }
        let mut waits = waits();
        let mut wanted = self.address();
        // Each thread waits for one mailbox, so the chain has no more links than there are entries.
        for _ in 0..=waits.len() {
            if drives.contains(&wanted) {
                return Err(Deadlock);
            }
            match waits.iter().find(|wait| wait.drives.contains(&wanted)) {
                Some(wait) => wanted = wait.wanted,
                None => break,
            }
        }
        let number = waits.iter().map(|wait| wait.number + 1).max().unwrap_or(0);
        let wanted = self.address();
        waits.push(Wait {
            drives,
            wanted,
            number,
        });
        let number = Some(number);
        Ok(Waiting { number })
    }

    /// Whether the current thread drives the agents: a connector or a handler called this.
    pub(crate) fn is_driven_here(&self) -> bool {
        driven(|driven| driven.contains(&self.address())).unwrap_or(false)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False, and the envelope is dropped, if no thread reads any more. An envelope of the thread that drives the agents
    /// wakes no thread, because that thread reads it before it waits.
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
        if is_first && !self.is_driven_here() {
            self.interrupt();
        }
        true
    }

    /// Ends the reader's wait.
    pub(crate) fn interrupt(&self) {
        #[cfg(test)]
        self.wakes.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = self.waker.wake() {
            tracing::error!(target: "sip.transport", "the thread that waits for sockets cannot be woken: {error}");
        }
    }

    /// How many waits were ended.
    #[cfg(test)]
    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::Relaxed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue().envelopes.is_empty()
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

/// Informs an agent of a chore.
pub(crate) struct ChoreWaker {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) agent: AgentKey,
}

impl Wake for ChoreWaker {
    fn wake(self: Arc<Self>) {
        self.mailbox.post(Envelope::Chore(self.agent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A handle in a variable of a thread is dropped when the thread ends.
    #[test]
    fn a_thread_that_ends_posts() {
        struct Posts(Arc<Mailbox>);

        impl Drop for Posts {
            fn drop(&mut self) {
                self.0.post(Envelope::Complete);
            }
        }

        thread_local! {
            static POSTS: RefCell<Option<Posts>> = const { RefCell::new(None) };
        }

        let poll = mio::Poll::new().unwrap();
        let mailbox = Arc::new(Mailbox::new(poll.registry()).unwrap());
        let posts = Posts(mailbox.clone());
        let thread = std::thread::spawn(move || {
            POSTS.set(Some(posts));
            drop(POSTS.with_borrow(|posts| posts.as_ref().map(|posts| posts.0.drive())));
        });
        thread.join().unwrap();
        assert_eq!((mailbox.take().len(), mailbox.wakes()), (1, 1));
    }

    /// A connector gives a command to an agent of another I/O thread, and a connector of that one gives a command back: it is
    /// refused, because the thread would wait for itself.
    #[test]
    fn a_thread_drives_the_agents_of_two_mailboxes() {
        let poll = mio::Poll::new().unwrap();
        let other_poll = mio::Poll::new().unwrap();
        let mailbox = Mailbox::new(poll.registry()).unwrap();
        let other = Mailbox::new(other_poll.registry()).unwrap();
        let outer = mailbox.drive();
        let inner = other.drive();
        assert!(mailbox.is_driven_here());
        assert!(other.is_driven_here());
        drop(inner);
        assert!(mailbox.is_driven_here());
        assert!(!other.is_driven_here());
        drop(outer);
        assert!(!mailbox.is_driven_here());
    }
}
