//! What peers ask for and the application has not taken yet.

use alloc::collections::VecDeque;

/// How many requests of one kind wait for a handle. The core refuses a request that no handle takes within 10 s by 480, so that
/// the oldest ones of a longer queue are late already.
pub const INBOUND: usize = 256;

/// Requests of one kind. Nothing is kept until the application asks for the first one, because a program that reads the events
/// answers from there.
#[derive(Debug)]
pub(super) struct Inbound<T> {
    is_wanted: bool,
    queue: VecDeque<T>,
}

impl<T> Default for Inbound<T> {
    fn default() -> Self {
        Self {
            is_wanted: false,
            queue: VecDeque::new(),
        }
    }
}

impl<T> Inbound<T> {
    /// The application takes requests of this kind from now on.
    pub(super) fn want(&mut self) {
        self.is_wanted = true;
    }

    /// Whether the application takes requests of this kind.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Adds a request. Above [`INBOUND`] the oldest one goes.
    pub(super) fn push(&mut self, request: T) {
        if self.queue.len() == INBOUND {
            self.queue.pop_front();
        }
        self.queue.push_back(request);
    }

    pub(super) fn take(&mut self) -> Option<T> {
        self.queue.pop_front()
    }

    /// The core has refused a request, or its peer has withdrawn it.
    pub(super) fn remove(&mut self, is_over: impl Fn(&T) -> bool) {
        self.queue.retain(|request| !is_over(request));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_requests_wait() {
        let mut inbound = Inbound::default();
        assert!(!inbound.is_wanted());
        inbound.want();
        assert!(inbound.is_wanted());
        for number in 0..=INBOUND {
            inbound.push(number);
        }
        inbound.remove(|number| *number == 2);
        assert_eq!([inbound.take(), inbound.take()], [Some(1), Some(3)]);
    }
}
