//! The wait for sockets and for other threads.

use std::io;
use std::time::Duration;

use mio::{Events, Poll};

/// How many ready sockets one wait reports; the next wait reports the others.
const READINESS_PER_WAIT: usize = 1024;

/// Waits for sockets and envelopes. The agents are free meanwhile.
pub(crate) struct Waiter {
    poll: Poll,
    readiness: Events,
}

impl Waiter {
    pub(crate) fn new(poll: Poll) -> Self {
        Self {
            poll,
            readiness: Events::with_capacity(READINESS_PER_WAIT),
        }
    }

    /// Waits at most for `pause`.
    pub(crate) fn wait(&mut self, pause: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.readiness, Some(pause)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// What the last wait reports.
    pub(crate) fn readiness(&self) -> &Events {
        &self.readiness
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Waiter {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.poll.registry().as_fd()
    }
}
