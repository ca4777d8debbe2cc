//! Names of servers: the operating system's resolver blocks, so each lookup has a thread of its own
//! for as long as it takes.

use std::collections::{BTreeMap, VecDeque};
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::thread;

use sip_core::ConnectionId;
use sip_host::os::ADDRESS_LIMIT;

use crate::mailbox::{AgentId, Mailbox, Name, Post};

/// How many lookups may run at once; the others wait for their turn.
const LOOKUP_LIMIT: usize = 8;

/// Who waits for the addresses of a name.
pub(crate) type Asker = (AgentId, ConnectionId);

/// The lookups of all agents. A name that several wait for is looked up once.
#[derive(Default)]
pub(crate) struct Resolver {
    askers: BTreeMap<Name, Vec<Asker>>,
    queue: VecDeque<Name>,
    running: usize,
}

impl Resolver {
    /// Looks `name` up; the answer is [`Post::Resolved`].
    pub(crate) fn ask(&mut self, name: Name, asker: Asker, mailbox: &Arc<Mailbox>) {
        if let Some(askers) = self.askers.get_mut(&name) {
            askers.push(asker);
            return;
        }
        self.askers.insert(name.clone(), vec![asker]);
        self.queue.push_back(name);
        self.look_up(mailbox);
    }

    /// Nobody waits for this answer any more: what is asked for grows no faster than it is given up.
    pub(crate) fn forget(&mut self, asker: Asker) {
        for askers in self.askers.values_mut() {
            askers.retain(|other| *other != asker);
        }
    }

    /// Those who waited for `name`, whose lookup is over.
    pub(crate) fn answered(&mut self, name: &Name, mailbox: &Arc<Mailbox>) -> Vec<Asker> {
        self.running = self.running.saturating_sub(1);
        let askers = self.askers.remove(name).unwrap_or_default();
        self.look_up(mailbox);
        askers
    }

    fn look_up(&mut self, mailbox: &Arc<Mailbox>) {
        while self.running < LOOKUP_LIMIT {
            let Some(name) = self.queue.pop_front() else {
                return;
            };
            if self.askers.get(&name).is_none_or(Vec::is_empty) {
                self.askers.remove(&name);
                continue;
            }
            self.running += 1;
            let (asked, answers) = (name.clone(), mailbox.clone());
            let lookup = move || {
                let found = (asked.0.as_str(), asked.1)
                    .to_socket_addrs()
                    .map(|found| found.take(ADDRESS_LIMIT).collect());
                answers.post(Post::Resolved(asked, found));
            };
            let thread = thread::Builder::new().name("sip-resolver".to_owned());
            if let Err(error) = thread.spawn(lookup) {
                mailbox.post(Post::Resolved(name, Err(error)));
            }
        }
    }
}
