//! Name look-ups. The resolver of the operating system blocks, so each look-up has a thread while it runs.

use std::collections::{BTreeMap, VecDeque};
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::thread;

use sip_core::ConnectionId;
use sip_host::os::ADDRESS_LIMIT;

use crate::mailbox::{AgentKey, Envelope, Mailbox, Name};

/// How many look-ups may run at once; the others wait.
const LOOKUP_LIMIT: usize = 8;

/// An attempt to connect that waits for the addresses of a name.
pub(crate) type Requester = (AgentKey, ConnectionId);

/// The look-ups of all agents. A name that several attempts need is looked up once.
#[derive(Default)]
pub(crate) struct Resolver {
    requesters: BTreeMap<Name, Vec<Requester>>,
    queue: VecDeque<Name>,
    running: usize,
}

impl Resolver {
    /// Looks `name` up. [`Envelope::Resolved`] has the result.
    pub(crate) fn request(&mut self, name: Name, requester: Requester, mailbox: &Arc<Mailbox>) {
        if let Some(requesters) = self.requesters.get_mut(&name) {
            requesters.push(requester);
            return;
        }
        self.requesters.insert(name.clone(), vec![requester]);
        self.queue.push_back(name);
        self.look_up(mailbox);
    }

    /// The attempt is over. A queued look-up that no attempt needs is skipped, so the queue grows no faster
    /// than attempts are made.
    pub(crate) fn cancel(&mut self, requester: Requester) {
        for requesters in self.requesters.values_mut() {
            requesters.retain(|other| *other != requester);
        }
    }

    /// A look-up has finished. Returns the attempts that wait for it.
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
