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
use crate::timer::{TimerKey, Timers};

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
    pub(super) timers: TimerKeys,
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
    pub(super) timers: TimerKeys,
    /// As received, with `received` and `rport` added; empty once the final response is sent. Parsed again
    /// at each use, because uses are rare and the parsed structure takes as much memory as the message.
    pub(super) request: Bytes,
    /// The last response, as sent.
    pub(super) response: Bytes,
    /// The bytes of both that the layer has counted.
    pub(super) counted: usize,
    /// When the layer answers an INVITE in place of its user.
    pub(super) lifetime: Option<TimerKey>,
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
    /// A received INVITE whose user does not answer.
    Unanswered(Handle),
}

/// The running timers of a transaction.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct TimerKeys {
    repeat: Option<TimerKey>,
    end: Option<TimerKey>,
}

impl TimerKeys {
    pub(super) fn slot(&mut self, timer: Timer) -> &mut Option<TimerKey> {
        match timer {
            Timer::Repeat => &mut self.repeat,
            Timer::End => &mut self.end,
        }
    }

    pub(super) fn clear_all<T>(&mut self, timers: &mut Timers<T>) {
        for key in [self.repeat.take(), self.end.take()].into_iter().flatten() {
            timers.cancel(key);
        }
    }
}
