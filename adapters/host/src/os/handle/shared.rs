//! The machine of the handles, shared by the agent and all handles.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use sip_core::{Timestamp, UserAgent};

use crate::command::CommandFailure;
use crate::handles::{Chore, Handles, Topic, WaitId, Woken};
use crate::hooks::EventObserver;
use crate::os::options::LastFailure;

/// How handles reach their agent: the commands of an adapter.
pub trait Port: Clone + Send + Sync + 'static {
    /// Runs `command` where the agent lives and returns its result. If the future is dropped, the command may still run, and its
    /// result is dropped.
    fn with<R, F>(&self, command: F) -> impl Future<Output = Result<R, CommandFailure>> + Send
    where
        R: Send + 'static,
        F: FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static;

    /// The machine of the handles of this agent.
    fn shared(&self) -> &Shared;
}

/// The machine of the handles of one agent. A clone is the same machine.
#[derive(Clone, Debug)]
pub struct Shared {
    handles: Arc<Mutex<Handles>>,
    last_failure: LastFailure,
}

impl Shared {
    /// The machine of an agent whose failures to connect `last_failure` keeps.
    #[must_use]
    pub fn new(last_failure: LastFailure) -> Self {
        Self {
            handles: Arc::default(),
            last_failure,
        }
    }

    /// The last connection that could not be opened.
    #[must_use]
    pub fn last_failure(&self) -> &LastFailure {
        &self.last_failure
    }

    /// What feeds the machine: for [`Host::observe`](crate::Host::observe). The machine learns from its drop that the agent is gone.
    #[must_use]
    pub fn observer(&self) -> EventObserver {
        let feed = Feed(self.clone());
        Box::new(move |event, agent| {
            let feed = &feed;
            let failure = || feed.0.last_failure.last();
            let is_wanted = agent.is_registration_wanted();
            let woken = feed.0.lock().feed(event, is_wanted, failure);
            woken.wake();
        })
    }

    /// The agent is gone.
    pub fn gone(&self) {
        self.act(Handles::gone);
    }

    /// Locks the machine.
    pub fn lock(&self) -> MutexGuard<'_, Handles> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the machine, then calls the wakers.
    pub fn act(&self, change: impl FnOnce(&mut Handles) -> Woken) {
        let woken = change(&mut self.lock());
        woken.wake();
    }

    /// Leaves `chore` to the agent.
    pub fn leave(&self, chore: Chore) {
        self.act(|handles| handles.leave(chore));
    }

    /// Whether a chore waits; if none does, `adapter` is called when one comes.
    #[must_use]
    pub fn await_chore(&self, adapter: &Waker) -> bool {
        self.lock().await_chore(adapter)
    }

    /// The next chore. The adapter takes all of them before each command.
    #[must_use]
    pub fn take_chore(&self) -> Option<Chore> {
        self.lock().take_chore()
    }

    /// Waits until `question` has an answer. A dropped future takes its waker out and changes nothing.
    pub(super) fn wait<T, Q>(&self, topic: Topic, question: Q) -> Wait<Q>
    where
        Q: FnMut(&mut Handles) -> Option<T> + Unpin,
    {
        Wait {
            watcher: Watcher::new(self.clone(), topic),
            question,
        }
    }
}

/// Feeds the machine while it lives.
struct Feed(Shared);

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.gone();
    }
}

/// The place of a future or a stream among the waits.
#[derive(Debug)]
pub struct Watcher {
    shared: Shared,
    topic: Topic,
    wait: Option<WaitId>,
}

impl Watcher {
    /// Waits for nothing yet.
    pub(super) fn new(shared: Shared, topic: Topic) -> Self {
        Self {
            shared,
            topic,
            wait: None,
        }
    }

    /// The answer to `question`, or a wait for it.
    pub(super) fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        question: impl FnOnce(&mut Handles) -> Option<T>,
    ) -> Poll<T> {
        let mut handles = self.shared.lock();
        if let Some(answer) = question(&mut handles) {
            return Poll::Ready(answer);
        }
        let wait = *self.wait.get_or_insert_with(|| handles.mint_wait());
        let replaced = handles.wait(self.topic, wait, cx.waker());
        drop(handles);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(wait) = self.wait {
            let waker = self.shared.lock().end_wait(self.topic, wait);
            drop(waker);
        }
    }
}

/// A future that asks a question of the machine until it has an answer.
#[derive(Debug)]
pub(super) struct Wait<Q> {
    watcher: Watcher,
    question: Q,
}

impl<T, Q> Future for Wait<Q>
where
    Q: FnMut(&mut Handles) -> Option<T> + Unpin,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Self { watcher, question } = self.get_mut();
        watcher.poll(cx, question)
    }
}
