//! The messages that wait for users that are registered nowhere.

use std::collections::BTreeMap;

use sip_parse::Request;

/// A stored MESSAGE.
#[derive(Debug)]
struct Stored {
    number: u64,
    request: Box<Request>,
    /// Whether it is on its way to the user.
    is_sent: bool,
}

/// The stored messages of all users, each in the order of their arrival.
#[derive(Default)]
pub(crate) struct Mailbox {
    users: BTreeMap<String, Vec<Stored>>,
    next: u64,
}

impl Mailbox {
    /// Keeps a message, if its user has fewer than `most`. Returns whether it did.
    pub(crate) fn store(&mut self, user: &str, request: Request, most: usize) -> bool {
        let stored = self.users.entry(user.to_owned()).or_default();
        if stored.len() >= most {
            return false;
        }
        self.next += 1;
        stored.push(Stored {
            number: self.next,
            request: Box::new(request),
            is_sent: false,
        });
        true
    }

    /// The number of messages that wait for a user, those on their way included.
    pub(crate) fn len(&self, user: &str) -> usize {
        self.users.get(user).map_or(0, Vec::len)
    }

    /// The next message to send to a user; it is on its way from now on.
    pub(crate) fn send_next(&mut self, user: &str) -> Option<(u64, Request)> {
        let stored = self.users.get_mut(user)?;
        let next = stored.iter_mut().find(|stored| !stored.is_sent)?;
        next.is_sent = true;
        Some((next.number, (*next.request).clone()))
    }

    /// A message waits no longer. Returns it.
    pub(crate) fn remove(&mut self, user: &str, number: u64) -> Option<Box<Request>> {
        let stored = self.users.get_mut(user)?;
        let place = stored.iter().position(|stored| stored.number == number)?;
        let removed = stored.remove(place);
        if stored.is_empty() {
            self.users.remove(user);
        }
        Some(removed.request)
    }

    /// A message has not arrived: it waits for the next registration.
    pub(crate) fn undelivered(&mut self, user: &str, number: u64) {
        let mut stored = self.users.get_mut(user).into_iter().flatten();
        if let Some(stored) = stored.find(|stored| stored.number == number) {
            stored.is_sent = false;
        }
    }
}
