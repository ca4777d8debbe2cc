//! Copies and digests of a whole transaction layer, for the explorations of the layers above.

use alloc::boxed::Box;

use rand_core::CryptoRng;

use crate::endpoint::TransactionUser;
use crate::exploration::{Digest, digest_message, mix};
use crate::ids::ConnectionId;
use crate::time::Timestamp;
use crate::transaction::entry::{Cancel, ClientMachine, Owner, ServerMachine};
use crate::transaction::non_invite_client::NonInviteClient;
use crate::transaction::{Outbox, TransactionLayer};

impl<U: Clone, O: Outbox<U>> TransactionLayer<U, O> {
    /// A copy with its own generator and outbox.
    pub(crate) fn copy(&self, rng: Box<dyn CryptoRng + Send>, outbox: O) -> Self {
        Self {
            settings: self.settings.clone(),
            sent_by: self.sent_by.clone(),
            rng,
            tokens: self.tokens,
            hash: self.hash,
            connections: self.connections.clone(),
            clients: self.clients.clone(),
            cancels: self.cancels.clone(),
            servers: self.servers.clone(),
            index: self.index.clone(),
            merges: self.merges.clone(),
            timers: self.timers.clone(),
            chosen: self.chosen.clone(),
            sent_bys: self.sent_bys.clone(),
            unread: self.unread.clone(),
            server_bytes: self.server_bytes,
            outbox,
        }
    }

    /// Whether no transaction, timer or index entry is left.
    pub(crate) fn has_nothing(&self) -> bool {
        self.clients.is_empty()
            && self.servers.is_empty()
            && self.cancels.is_empty()
            && self.index.len() == 0
            && self.merges.len() == 0
            && self.chosen.len() == 0
            && self.server_bytes == 0
            && self.timers.len() == 0
    }

    /// Everything that decides how the layer goes on. `place` says which connection a handle is, `user` digests a user.
    pub(crate) fn digest(
        &self,
        now: Timestamp,
        place: &dyn Fn(ConnectionId) -> u64,
        user: &dyn Fn(&U) -> u64,
    ) -> u64 {
        let client = |handle| {
            let client = self.clients.get(handle)?;
            let mut digest = Digest::new();
            match client.machine {
                ClientMachine::Invite(machine) => digest.number(1).debug(&machine),
                ClientMachine::NonInvite(machine) => digest.number(2).debug(&machine),
            };
            let cancel = match &client.cancel {
                Cancel::Unwanted => 0,
                Cancel::Wanted { .. } => 1,
                Cancel::Sent => 2,
            };
            digest
                .number(place(client.connection))
                .number(user(&client.user))
                .number(digest_message(&client.request))
                .number(client.ack.len() as u64)
                .number(cancel);
            Some(digest.finish())
        };
        let server = |handle| {
            let server = self.servers.get(handle)?;
            let mut digest = Digest::new();
            match server.machine {
                ServerMachine::Invite(machine) => digest.number(3).debug(&machine),
                ServerMachine::NonInvite(machine) => digest.number(4).debug(&machine),
            };
            digest
                .number(place(server.connection))
                .number(digest_message(&server.request))
                .number(digest_message(&server.response));
            Some(digest.finish())
        };
        let clients = self.clients.handles().into_iter().filter_map(client);
        let servers = self.servers.handles().into_iter().filter_map(server);
        let entries = clients.chain(servers);
        let mut sum = entries.fold(0, |sum: u64, entry| sum.wrapping_add(mix(entry)));
        for (_, owner) in self.timers.pending() {
            let (entry, deadlines) = match *owner {
                Owner::Client(handle) => {
                    let of = self.clients.get(handle).map(|of| &of.deadlines);
                    (client(handle), of)
                }
                Owner::Server(handle) => {
                    let of = self.servers.get(handle).map(|of| &of.deadlines);
                    (server(handle), of)
                }
            };
            for (timer, at) in deadlines.into_iter().flat_map(|of| of.pending()) {
                let wait = at.saturating_since(now).as_micros() as u64;
                let mut digest = Digest::new();
                digest
                    .number(entry.unwrap_or_default())
                    .number(timer as u64)
                    .number(wait);
                sum = sum.wrapping_add(mix(digest.finish()));
            }
        }
        sum
    }

    /// The users of the requests without a final response, except INVITEs.
    pub(crate) fn unanswered_requests(&self) -> impl Iterator<Item = &U> {
        let clients = self.clients.iter().map(|(_, client)| client);
        let pending = clients.filter(|client| match client.machine {
            ClientMachine::NonInvite(machine) => !matches!(machine, NonInviteClient::Completed),
            ClientMachine::Invite(_) => false,
        });
        pending.map(|client| &client.user)
    }

    /// What a client transaction asks for, whatever its handle.
    pub(crate) fn digest_client(&self, transaction: super::super::ClientTransactionId) -> u64 {
        let client = self.clients.get(transaction.0);
        client.map_or(0, |client| digest_message(&client.request))
    }

    /// What a server transaction answers, whatever its handle.
    pub(crate) fn digest_server(&self, transaction: super::super::ServerTransactionId) -> u64 {
        let server = self.servers.get(transaction.0);
        server.map_or(0, |server| {
            digest_message(&server.request) ^ digest_message(&server.response)
        })
    }
}

/// A user by its kind and its number.
pub(crate) fn digest_user(user: TransactionUser) -> u64 {
    let mut digest = Digest::new();
    match user {
        TransactionUser::Session(id, request) => {
            digest.number(1).number(id.to_bits()).debug(&request)
        }
        TransactionUser::Register(flow) => digest.number(2).number(u64::from(flow)),
        TransactionUser::Request(id) => digest.number(3).number(id.to_bits()),
        TransactionUser::Nobody => digest.number(4),
        TransactionUser::Branch => digest.number(5),
        TransactionUser::Transfer(id) => digest.number(6).number(id.to_bits()),
        TransactionUser::Notify(id) => digest.number(7).number(id.to_bits()),
        TransactionUser::Subscription(id, number) => digest
            .number(8)
            .number(id.to_bits())
            .number(u64::from(number)),
        TransactionUser::Notification(id) => digest.number(9).number(id.to_bits()),
        TransactionUser::Publication(id) => digest.number(10).number(id.to_bits()),
    };
    digest.finish()
}
