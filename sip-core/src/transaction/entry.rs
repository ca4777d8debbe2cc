//! The state that the layer keeps for each transaction.

use alloc::boxed::Box;

use bytes::Bytes;

use super::invite_client::InviteClient;
use super::invite_server::InviteServer;
use super::machine::{ClientInput, Context, ServerInput, Timer};
use super::matching::Key;
use super::non_invite_client::NonInviteClient;
use super::non_invite_server::NonInviteServer;
use crate::ids::ConnectionId;
use crate::slab::{Handle, Linked, Links};
use crate::time::Timestamp;
use crate::timer::{Deadline, TimerKey, Timers};

/// A client transaction.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Client<U> {
    pub(super) machine: ClientMachine,
    pub(super) connection: ConnectionId,
    /// Its neighbours in the list of the connection.
    pub(super) links: Links,
    pub(super) reliable: bool,
    pub(super) user: U,
    /// As sent.
    pub(super) request: Bytes,
    /// The random half of the branch.
    pub(super) branch_nonce: u64,
    /// The key of a branch that the caller chose.
    pub(super) chosen: Option<Key>,
    /// The handle in the branch: its own, or for a CANCEL that of its INVITE.
    pub(super) named: Handle,
    pub(super) deadlines: Deadlines,
    /// The ACK, once a failure has arrived.
    pub(super) ack: Bytes,
    pub(super) cancel: Cancel<U>,
}

impl<U> Linked for Client<U> {
    fn links(&self) -> Links {
        self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

impl Linked for Server {
    fn links(&self) -> Links {
        self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

#[derive(Clone, Copy)]
pub(super) enum ClientMachine {
    Invite(InviteClient),
    NonInvite(NonInviteClient),
}

impl ClientMachine {
    pub(super) fn step(self, input: ClientInput, context: &mut Context<'_>) -> Option<Self> {
        match self {
            Self::Invite(machine) => machine.step(input, context).map(Self::Invite),
            Self::NonInvite(machine) => machine.step(input, context).map(Self::NonInvite),
        }
    }
}

/// The progress of a cancellation (RFC 3261 section 9.1).
#[cfg_attr(test, derive(Clone))]
pub(super) enum Cancel<U> {
    Unwanted,
    /// Held until the first provisional response.
    Wanted {
        user: U,
        reason: Option<Box<str>>,
    },
    Sent,
}

/// A server transaction.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Server {
    pub(super) machine: ServerMachine,
    pub(super) connection: ConnectionId,
    /// Its neighbours in the list of the connection; none once that is lost.
    pub(super) links: Links,
    pub(super) reliable: bool,
    pub(super) key: Key,
    pub(super) merge_key: Option<Key>,
    pub(super) deadlines: Deadlines,
    /// As received, with `received` and `rport` added; empty once the final response is sent. Parsed again
    /// at each use, because uses are rare and the parsed structure takes as much memory as the message.
    pub(super) request: Bytes,
    /// The last response, as sent.
    pub(super) response: Bytes,
    /// The bytes of both that the layer has counted.
    pub(super) counted: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerMachine {
    Invite(InviteServer),
    NonInvite(NonInviteServer),
}

impl ServerMachine {
    pub(super) fn step(self, input: ServerInput, context: &mut Context<'_>) -> Option<Self> {
        match self {
            Self::Invite(machine) => machine.step(input, context).map(Self::Invite),
            Self::NonInvite(machine) => machine.step(input, context).map(Self::NonInvite),
        }
    }
}

/// The transaction that a timer belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    Client(Handle),
    Server(Handle),
}

/// The deadlines of a transaction. The heap has one entry for both, which is due at the earlier one.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Deadlines {
    /// `Deadline::NEVER` while it is not set, as `end`.
    repeat: Deadline,
    end: Deadline,
    /// `TimerKey::NONE` while neither is set.
    entry: TimerKey,
}

impl Deadlines {
    pub(super) const fn new() -> Self {
        Self {
            repeat: Deadline::NEVER,
            end: Deadline::NEVER,
            entry: TimerKey::NONE,
        }
    }

    const fn slot(&mut self, timer: Timer) -> &mut Deadline {
        match timer {
            Timer::Repeat => &mut self.repeat,
            Timer::End => &mut self.end,
        }
    }

    /// Sets a deadline; [`arrange`](Self::arrange) must follow.
    pub(super) fn set(&mut self, timer: Timer, at: Timestamp, timers: &mut Timers<Owner>) {
        *self.slot(timer) = timers.deadline(at);
    }

    /// Clears a deadline; [`arrange`](Self::arrange) must follow.
    pub(super) const fn clear(&mut self, timer: Timer) {
        *self.slot(timer) = Deadline::NEVER;
    }

    /// Brings the entry in the heap to the earlier deadline.
    pub(super) fn arrange(&mut self, owner: Owner, timers: &mut Timers<Owner>) {
        let first = self.repeat.min(self.end);
        if first == Deadline::NEVER {
            self.cancel(timers);
        } else if self.entry == TimerKey::NONE {
            self.entry = timers.insert(first, owner);
        } else {
            timers.change(self.entry, first);
        }
    }

    /// The entry in the heap is due: returns the timer that fires, and clears its deadline. [`arrange`](Self::arrange) or
    /// [`cancel`](Self::cancel) must follow.
    pub(super) fn fire(&mut self) -> Timer {
        let timer = if self.repeat < self.end {
            Timer::Repeat
        } else {
            Timer::End
        };
        self.clear(timer);
        timer
    }

    /// Takes the entry out of the heap.
    pub(super) fn cancel(&mut self, timers: &mut Timers<Owner>) {
        // Nothing is taken out where there is no entry.
        let _ = timers.cancel(core::mem::replace(&mut self.entry, TimerKey::NONE));
    }

    /// The deadlines that are set, for tests.
    #[cfg(test)]
    pub(super) fn pending(&self) -> impl Iterator<Item = (Timer, Timestamp)> {
        let pending = [(Timer::Repeat, self.repeat), (Timer::End, self.end)];
        let is_set = |(_, deadline): &(Timer, Deadline)| *deadline != Deadline::NEVER;
        let pending = pending.into_iter().filter(is_set);
        pending.map(|(timer, deadline)| (timer, deadline.at()))
    }
}
