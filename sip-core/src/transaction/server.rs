//! The server half of the transaction layer: matching requests, sending responses.

use alloc::boxed::Box;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{Builder, Message, Method, Request, StatusCode};

use super::entry::{Deadlines, Owner, Server, ServerMachine};
use super::invite_server::InviteServer;
use super::layer::TransactionLayer;
use super::machine::{Context, Effect, ServerInput, Timer};
use super::matching::Key;
use super::non_invite_server::NonInviteServer;
use super::outbox::Outbox;
use super::{Output, SendError, SendRule, ServerTransactionId, TransactionError};
use crate::ids::ConnectionId;
use crate::slab::{Handle, Links};
use crate::time::Timestamp;

/// Seconds in the Retry-After of a 503 that a limit causes.
const OVERLOAD_RETRY_AFTER: u32 = 5;

impl<U: Clone, O: Outbox<U>> TransactionLayer<U, O> {
    /// The request of a server transaction, until its final response is sent; parsed at each call.
    #[must_use]
    pub fn request(&self, transaction: ServerTransactionId) -> Option<Request> {
        self.request_of(transaction.0)
    }

    /// The connection on which the request of a server transaction arrived; `None` if the transaction is
    /// over.
    #[must_use]
    pub fn connection_of(&self, transaction: ServerTransactionId) -> Option<ConnectionId> {
        self.servers
            .get(transaction.0)
            .map(|server| server.connection)
    }

    /// The To tag of the last response; `None` if there is no response, or only a 100 without one, or the transaction is
    /// over.
    #[must_use]
    pub fn response_tag(&self, transaction: ServerTransactionId) -> Option<Box<[u8]>> {
        let bytes = &self.servers.get(transaction.0)?.response;
        let message = Message::parse(bytes.clone(), &self.settings.limits.message).ok()?;
        message.to_tag().ok()?.map(Into::into)
    }

    fn request_of(&self, handle: Handle) -> Option<Request> {
        let bytes = &self.servers.get(handle)?.request;
        let message = Message::parse(bytes.clone(), &self.settings.limits.message);
        message.ok()?.into_request().ok()
    }

    /// Sends a response in a server transaction (RFC 3261 section 17.2), on the connection of the request.
    /// Further 2xx to an INVITE may follow the first (RFC 6026 section 7.1).
    ///
    /// # Errors
    /// [`SendError::Stale`] if the transaction is over or has its final response, [`SendError::NotConnected`] if its
    /// connection is lost ([`TransactionLayer::detach`]),
    /// [`SendError::Forbidden`] for what RFC 4320 forbids: a provisional response but 100, or 408, to a
    /// request other than INVITE, [`SendError::Build`] if the message cannot be written.
    pub fn respond(
        &mut self,
        transaction: ServerTransactionId,
        response: Builder<'_>,
        now: Timestamp,
    ) -> Result<(), SendError> {
        let connection = self.connection_of(transaction).ok_or(SendError::Stale)?;
        let is_open = self.is_open(connection);
        let server = self
            .servers
            .get_mut(transaction.0)
            .ok_or(SendError::Stale)?;
        let message = response.build()?;
        let Some(status) = message.response_status() else {
            return Err(SendError::Forbidden(SendRule::Response));
        };
        let owes_response = matches!(
            server.machine,
            ServerMachine::Invite(InviteServer::Proceeding)
                | ServerMachine::NonInvite(NonInviteServer::Trying | NonInviteServer::Proceeding)
        );
        if owes_response && !is_open {
            return Err(SendError::NotConnected);
        }
        match server.machine {
            ServerMachine::Invite(InviteServer::Proceeding) => {}
            ServerMachine::Invite(InviteServer::Accepted) if status.is_success() => {}
            ServerMachine::NonInvite(NonInviteServer::Trying | NonInviteServer::Proceeding) => {
                if status.is_provisional() && status != StatusCode::TRYING {
                    return Err(SendError::Forbidden(SendRule::Provisional));
                }
                if status == StatusCode::REQUEST_TIMEOUT {
                    return Err(SendError::Forbidden(SendRule::RequestTimeout));
                }
            }
            _ => return Err(SendError::Stale),
        }
        server.response = message.bytes().clone();
        let input = if status.is_provisional() {
            self.wait_for_user(transaction.0, now);
            ServerInput::Provisional
        } else {
            server.request = Bytes::new();
            if status.is_success() {
                ServerInput::Success
            } else {
                ServerInput::Failure
            }
        };
        self.drive_server(transaction.0, input, None, now);
        Ok(())
    }

    /// Sends the responses of a transaction on another connection to the same peer, because the one of the request is lost
    /// (RFC 3261 section 18.2.2). A response that was lost with it goes out by
    /// [`TransactionLayer::repeat_response`].
    ///
    /// # Errors
    /// [`SendError::Stale`] if the transaction is over, [`SendError::NotConnected`] if the connection is not open.
    pub fn answer_on(
        &mut self,
        transaction: ServerTransactionId,
        connection: ConnectionId,
    ) -> Result<(), SendError> {
        let info = self.info(connection);
        let server = self.servers.get_mut(transaction.0);
        let server = server.ok_or(SendError::Stale)?;
        let info = info.ok_or(SendError::NotConnected)?;
        server.reliable = info.transport.is_reliable();
        let before = core::mem::replace(&mut server.connection, connection);
        if let Some(entry) = self.connections.get_mut(before.0) {
            entry.server_list.remove(&mut self.servers, transaction.0);
        }
        if let Some(entry) = self.connections.get_mut(connection.0) {
            entry.server_list.add(&mut self.servers, transaction.0);
        }
        Ok(())
    }

    /// Starts the time that the user of an INVITE has for its next response: the machine sets no timer for the end before the
    /// final one.
    fn wait_for_user(&mut self, handle: Handle, now: Timestamp) {
        let lifetime = self.settings.limits.invite_lifetime;
        if lifetime < Duration::MAX
            && let Some(server) = self.servers.get_mut(handle)
            && server.machine == ServerMachine::Invite(InviteServer::Proceeding)
        {
            let at = now + lifetime;
            server.deadlines.set(Timer::End, at, &mut self.timers);
        }
    }

    /// A timer of a server transaction is due; false if there is no such transaction.
    pub(super) fn fire_server(&mut self, handle: Handle, now: Timestamp) -> bool {
        let Some(server) = self.servers.get_mut(handle) else {
            return false;
        };
        let timer = server.deadlines.fire();
        let is_proceeding = server.machine == ServerMachine::Invite(InviteServer::Proceeding);
        if is_proceeding && timer == Timer::End {
            self.answer_unanswered(handle, now);
        } else {
            let repeats = matches!(
                server.machine,
                ServerMachine::Invite(InviteServer::Completed { .. })
            );
            self.drive_server(handle, ServerInput::Fired(timer), None, now);
            if repeats && timer == Timer::Repeat {
                self.outbox.repeated();
            }
        }
        true
    }

    /// The user of an INVITE has sent no response for [`Limits::invite_lifetime`]: answers 408, as if the user had.
    ///
    /// [`Limits::invite_lifetime`]: crate::Limits::invite_lifetime
    fn answer_unanswered(&mut self, handle: Handle, now: Timestamp) {
        let mut tag = alloc::string::String::new();
        crate::rand::push_base32(self.rng.next_u64(), &mut tag);
        let transaction = ServerTransactionId(handle);
        let Some(request) = self.request_of(handle) else {
            return self.remove_server(handle);
        };
        let status = StatusCode::REQUEST_TIMEOUT;
        let response = Builder::response_to(&request, status, Some(tag.as_bytes()));
        let sent = self.respond(transaction, response, now);
        self.outbox.output(Output::Unanswered { transaction });
        if sent.is_err() {
            // Its connection is lost, and there was no other.
            self.remove_server(handle);
        }
    }

    /// Sends the last response of an accepted INVITE again (RFC 3261 section 13.3.1.4: the transaction user
    /// repeats the 2xx until the ACK arrives, on every transport).
    ///
    /// # Errors
    /// [`SendError::Stale`] if the transaction is over.
    pub fn repeat_response(&mut self, transaction: ServerTransactionId) -> Result<(), SendError> {
        let server = self.servers.get(transaction.0).ok_or(SendError::Stale)?;
        let (connection, bytes) = (server.connection, server.response.clone());
        self.transmit(connection, bytes);
        self.outbox.repeated();
        Ok(())
    }

    pub(super) fn receive_request(
        &mut self,
        connection: ConnectionId,
        request: Request,
        now: Timestamp,
    ) {
        let method = request.method();
        let looked_for = if method == Method::Ack {
            Method::Invite
        } else {
            method
        };
        let Ok(key) = Key::of(&request, looked_for, self.hash) else {
            return self.ignore(connection, "a request whose Via cannot be read");
        };
        let found = self.index.find(&key);
        if method == Method::Ack {
            return match found.filter(|&handle| self.is_acknowledged_by(handle, &request)) {
                Some(handle) => self.drive_server(handle, ServerInput::Ack, Some(request), now),
                None => self.outbox.output(Output::Ack {
                    connection,
                    request,
                }),
            };
        }
        if let Some(handle) = found {
            return self.drive_server(handle, ServerInput::Request, None, now);
        }
        let cancels = (method == Method::Cancel)
            .then(|| Key::of(&request, Method::Invite, self.hash).ok())
            .flatten()
            .and_then(|key| self.index.find(&key))
            .map(ServerTransactionId);
        // A quarter more is reserved for BYE and CANCEL, because they free room.
        let ends = method == Method::Bye || cancels.is_some();
        let limits = &self.settings.limits;
        let limit = limits.server_transactions;
        let most = limit.saturating_add(if ends { limit / 4 } else { 0 });
        let bytes = self.server_bytes.saturating_add(request.bytes().len());
        if self.servers.len() >= most
            || bytes > most.saturating_mul(limits.server_transaction_bytes)
        {
            // RFC 3261 section 8.2.7: existing transactions continue, and the new request is refused
            // without state.
            if self
                .answer_statelessly(
                    connection,
                    &request,
                    StatusCode::SERVICE_UNAVAILABLE,
                    None,
                    Some(OVERLOAD_RETRY_AFTER),
                )
                .is_ok()
            {
                self.ignore(
                    connection,
                    "the limit of server transactions is reached: answered 503",
                );
            }
            return;
        }
        let request = self.stamp(connection, &request).unwrap_or(request);
        self.start_server(connection, request, key, cancels, now);
    }

    fn start_server(
        &mut self,
        connection: ConnectionId,
        request: Request,
        key: Key,
        cancels: Option<ServerTransactionId>,
        now: Timestamp,
    ) {
        let method = request.method();
        let reliable = self
            .info(connection)
            .is_some_and(|info| info.transport.is_reliable());
        let timers = self.settings.timers;
        let mut context = Context::new(&timers, reliable);
        let machine = if method == Method::Invite {
            ServerMachine::Invite(InviteServer::start(&mut context))
        } else {
            ServerMachine::NonInvite(NonInviteServer::start(&mut context))
        };
        let handle = self.servers.next_handle();
        let merge_key = Key::of_merge(&request, self.hash)
            .ok()
            .flatten()
            .filter(|_| method != Method::Cancel);
        let merged = merge_key
            .as_ref()
            .is_some_and(|key| self.merges.find(key).is_some());
        let merge_key = merge_key.filter(|_| !merged);
        if let Some(key) = merge_key {
            self.merges.insert(key, handle);
        }
        self.index.insert(key, handle);
        self.servers.insert(Server {
            machine,
            connection,
            links: Links::default(),
            reliable,
            key,
            merge_key,
            deadlines: Deadlines::new(),
            request: request.bytes().clone(),
            response: Bytes::new(),
            counted: 0,
        });
        // Each machine delivers the request first.
        self.outbox.output(Output::Request {
            transaction: ServerTransactionId(handle),
            connection,
            request,
            cancels,
            merged,
        });
        if let Some(entry) = self.connections.get_mut(connection.0) {
            entry.server_list.add(&mut self.servers, handle);
        }
        for &effect in &context.effects {
            self.carry_out_server(handle, effect, &mut None, now);
        }
        self.count_bytes(handle);
        self.wait_for_user(handle, now);
        self.arrange_server(handle);
    }

    fn arrange_server(&mut self, handle: Handle) {
        if let Some(server) = self.servers.get_mut(handle) {
            let owner = Owner::Server(handle);
            server.deadlines.arrange(owner, &mut self.timers);
        }
    }

    /// Counts the bytes of the messages that a transaction keeps ([`Limits::server_transaction_bytes`]).
    ///
    /// [`Limits::server_transaction_bytes`]: crate::Limits::server_transaction_bytes
    fn count_bytes(&mut self, handle: Handle) {
        if let Some(server) = self.servers.get_mut(handle) {
            // Neither has more than 4 GB.
            let bytes = (server.request.len() + server.response.len()) as u32;
            let counted = core::mem::replace(&mut server.counted, bytes);
            self.server_bytes = self.server_bytes - counted as usize + bytes as usize;
        }
    }

    /// RFC 3261 section 17.2.3: without the magic cookie the ACK's To tag must be that of our response.
    fn is_acknowledged_by(&self, handle: Handle, ack: &Request) -> bool {
        let branch = ack.branch().ok().flatten();
        let has_cookie =
            branch.is_some_and(|branch| branch.starts_with(super::matching::MAGIC_COOKIE));
        has_cookie
            || self.servers.get(handle).is_some_and(|server| {
                let response =
                    Message::parse(server.response.clone(), &self.settings.limits.message);
                response.is_ok_and(|response| match (response.to_tag(), ack.to_tag()) {
                    (Ok(ours), Ok(theirs)) => ours == theirs,
                    _ => false,
                })
            })
    }

    /// RFC 3261 section 18.2.1 and RFC 3581 section 4: adds `received`, and fills `rport` if it is there,
    /// where the far end is known; `None` if there is nothing to add.
    fn stamp(&self, connection: ConnectionId, request: &Request) -> Option<Request> {
        let remote = self.info(connection)?.remote?;
        let via = request.top_via().ok()?;
        let asked = via.rport() == Some(None);
        let same_host = match via.host() {
            sip_parse::Host::V4(address) => remote.ip() == core::net::IpAddr::V4(address),
            sip_parse::Host::V6(address) => remote.ip() == core::net::IpAddr::V6(address),
            sip_parse::Host::Name(_) => false,
        };
        if same_host && !asked {
            return None;
        }
        let received = via.received().is_none().then(|| remote.ip());
        let stamped = request.stamped(received, asked.then(|| remote.port()))?;
        // A request at the size limit stays as received, because a longer one could not be parsed again.
        stamped.check_limits(&self.settings.limits.message).ok()?;
        Some(stamped)
    }

    pub(super) fn drive_server(
        &mut self,
        handle: Handle,
        input: ServerInput,
        ack: Option<Request>,
        now: Timestamp,
    ) {
        let Some(server) = self.servers.get_mut(handle) else {
            return;
        };
        let timers = self.settings.timers;
        let mut context = Context::new(&timers, server.reliable);
        let next = server.machine.step(input, &mut context);
        if let Some(machine) = next {
            server.machine = machine;
            if machine == ServerMachine::NonInvite(NonInviteServer::Completed) {
                // The response was sent, or is no longer allowed.
                server.request = Bytes::new();
            }
        }
        let mut ack = ack;
        for &effect in &context.effects {
            self.carry_out_server(handle, effect, &mut ack, now);
        }
        match next {
            Some(_) => {
                self.count_bytes(handle);
                self.arrange_server(handle);
            }
            None => self.remove_server(handle),
        }
    }

    fn carry_out_server(
        &mut self,
        handle: Handle,
        effect: Effect,
        ack: &mut Option<Request>,
        now: Timestamp,
    ) {
        let Some(server) = self.servers.get_mut(handle) else {
            return;
        };
        let connection = server.connection;
        match effect {
            Effect::Send => {
                let bytes = server.response.clone();
                self.transmit(connection, bytes);
            }
            Effect::SendTrying => {
                let Some(request) = self.request_of(handle) else {
                    return;
                };
                // Building an answer to a parsed request does not fail; if it did, the peer would time out.
                let trying = Builder::response_to(&request, StatusCode::TRYING, None).build();
                if let (Ok(trying), Some(server)) = (trying, self.servers.get_mut(handle)) {
                    server.response = trying.bytes().clone();
                    self.transmit(connection, trying.bytes().clone());
                }
            }
            Effect::Deliver => {
                if let Some(request) = ack.take() {
                    self.outbox.output(Output::Ack {
                        connection,
                        request,
                    });
                }
            }
            Effect::Set(timer, after) => {
                server.deadlines.set(timer, now + after, &mut self.timers);
            }
            Effect::Clear(timer) => server.deadlines.clear(timer),
            Effect::Timeout | Effect::TransportError => {
                let error = match effect {
                    Effect::Timeout => TransactionError::Timeout,
                    _ => TransactionError::ConnectionLost,
                };
                self.outbox.output(Output::ServerFailed {
                    transaction: ServerTransactionId(handle),
                    error,
                });
            }
            // No server machine has this effect.
            Effect::SendAck => {}
        }
    }

    fn remove_server(&mut self, handle: Handle) {
        let connection = self.servers.get(handle).map(|server| server.connection);
        let entry = connection.and_then(|connection| self.connections.get_mut(connection.0));
        if let Some(entry) = entry {
            entry.server_list.remove(&mut self.servers, handle);
        }
        let Some(mut server) = self.servers.remove(handle) else {
            return;
        };
        server.deadlines.cancel(&mut self.timers);
        self.server_bytes -= server.counted as usize;
        self.index.remove(server.key);
        if let Some(key) = server.merge_key {
            self.merges.remove(key);
        }
    }
}
