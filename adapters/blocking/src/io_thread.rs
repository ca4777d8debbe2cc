//! One thread that drives any number of user agents.

use std::sync::{Arc, mpsc};
use std::thread;

use sip_core::config::Config;
use sip_host::os::{Clock, StartError};

use crate::driver::Driver;
use crate::handle::{Events, Handle, Inbox};
use crate::mailbox::{Envelope, Mailbox};
use crate::options::Options;
use crate::reactor::Reactor;

/// One thread for any number of user agents. It ends when all of them have ended and the last clone of this
/// value is dropped.
#[derive(Clone, Debug)]
pub struct IoThread {
    guard: Arc<ShutdownGuard>,
    arrivals: mpsc::Sender<Driver>,
    clock: Clock,
}

/// Its drop, with the last [`IoThread`], informs the thread that no more agents follow.
struct ShutdownGuard(Arc<Mailbox>);

impl std::fmt::Debug for ShutdownGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ShutdownGuard").finish_non_exhaustive()
    }
}

impl Drop for ShutdownGuard {
    fn drop(&mut self) {
        self.0.post(Envelope::Complete);
    }
}

impl IoThread {
    /// Starts the thread without agents.
    ///
    /// # Errors
    /// [`StartError::System`] if the operating system gives no thread, or no means to wait for sockets.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(Clock::start())
    }

    /// Starts the thread without agents. Its agents use `clock`.
    ///
    /// # Errors
    /// As [`IoThread::start`].
    pub fn start_with(clock: Clock) -> Result<Self, StartError> {
        let mut reactor = Reactor::with_clock(clock.clone())?;
        let mailbox = reactor.mailbox();
        let (arrivals, queue) = mpsc::channel();
        reactor.accept(queue);
        thread::Builder::new()
            .name("sip-io".to_owned())
            .spawn(move || reactor.run())
            .map_err(StartError::System)?;
        let guard = Arc::new(ShutdownGuard(mailbox));
        Ok(Self {
            guard,
            arrivals,
            clock,
        })
    }

    /// Starts a user agent on this thread.
    ///
    /// It ends once the [`Handle`] with all its clones and the [`Events`] are dropped. It then hangs up without
    /// waiting for responses and closes the sockets within 2 seconds.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start_agent(
        &self,
        config: &Config,
        mut options: Options,
    ) -> Result<(Handle, Events), StartError> {
        options.clock = self.clock.clone();
        let mailbox = &self.guard.0;
        let inbox = Arc::new(Inbox::new(options.event_queue.max(1)));
        let command_queue = options.command_queue.max(1);
        let driver = Driver::new(config, options, Some(inbox.clone()), mailbox)?;
        let (id, last_failure) = (driver.id, driver.last_failure());
        if self.arrivals.send(driver).is_err() || !mailbox.post(Envelope::Arrival) {
            return Err(StartError::Gone);
        }
        let handle = Handle::new(id, mailbox.clone(), command_queue, last_failure);
        Ok((handle, Events::new(id, mailbox.clone(), inbox)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An agent that waits in the channel when the thread ends is dropped with it: its events end.
    #[test]
    fn an_agent_that_arrives_too_late_ends() {
        let config = Config::builder()
            .uri("sip:alice@example.com")
            .server("ws://127.0.0.1:1")
            .build()
            .unwrap();
        let clock = Clock::start();
        let mut reactor = Reactor::with_clock(clock.clone()).unwrap();
        let (arrivals, queue) = mpsc::channel();
        let guard = Arc::new(ShutdownGuard(reactor.mailbox()));
        reactor.accept(queue);
        let thread = IoThread {
            guard,
            arrivals,
            clock,
        };
        let (_handle, mut events) = thread.start_agent(&config, Options::default()).unwrap();
        drop(reactor);
        assert!(events.next().is_none());
        let late = thread.start_agent(&config, Options::default());
        assert!(matches!(late, Err(StartError::Gone)), "{late:?}");
    }
}
