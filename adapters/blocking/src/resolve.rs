//! Names of servers: the operating system's resolver blocks, so each lookup has a thread of its own
//! for as long as it takes.

use std::collections::{BTreeMap, VecDeque};
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::thread;

use sip_core::ConnectionId;
use sip_host::os::ADDRESS_LIMIT;

use crate::mailbox::{AgentKey, Envelope, Mailbox, Name};

/// How many lookups may run at once; the others wait for their turn.
const LOOKUP_LIMIT: usize = 8;

/// Who waits for the addresses of a name.
pub(crate) type Requester = (AgentKey, ConnectionId);

/// The lookups of all agents. A name that several wait for is looked up once.
#[derive(Default)]
pub(crate) struct Resolver {
    requesters: BTreeMap<Name, Vec<Requester>>,
    queue: VecDeque<Name>,
    running: usize,
}

impl Resolver {
    /// Looks `name` up; the answer is [`Envelope::Resolved`].
    pub(crate) fn request(&mut self, name: Name, requester: Requester, mailbox: &Arc<Mailbox>) {
        if let Some(requesters) = self.requesters.get_mut(&name) {
            requesters.push(requester);
            return;
        }
        self.requesters.insert(name.clone(), vec![requester]);
        self.queue.push_back(name);
        self.look_up(mailbox);
    }

    /// Nobody waits for this answer any more: what is asked for grows no faster than it is given up.
    pub(crate) fn cancel(&mut self, requester: Requester) {
        for requesters in self.requesters.values_mut() {
            requesters.retain(|other| *other != requester);
        }
    }

    /// Those who waited for `name`, whose lookup is over.
    pub(crate) fn on_result(&mut self, name: &Name, mailbox: &Arc<Mailbox>) -> Vec<Requester> {
        self.running = self.running.saturating_sub(1);
        let requesters = self.requesters.remove(name).unwrap_or_default();
        self.look_up(mailbox);
        requesters
    }

    fn look_up(&mut self, mailbox: &Arc<Mailbox>) {
        while self.running < LOOKUP_LIMIT {
            let Some(name) = self.queue.pop_front() else {
                return;
            };
            if self.requesters.get(&name).is_none_or(Vec::is_empty) {
                self.requesters.remove(&name);
                continue;
            }
            self.running += 1;
            let (asked, answers) = (name.clone(), mailbox.clone());
            let lookup = move || {
                let found = (asked.0.as_str(), asked.1)
                    .to_socket_addrs()
                    .map(|found| found.take(ADDRESS_LIMIT).collect());
                answers.post(Envelope::Resolved(asked, found));
            };
            let thread = thread::Builder::new().name("sip-resolver".to_owned());
            if let Err(error) = thread.spawn(lookup) {
                mailbox.post(Envelope::Resolved(name, Err(error)));
            }
        }
    }
}
