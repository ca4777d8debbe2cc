//! The client half of the transaction layer: sending requests, ACK and CANCEL, matching responses.

use alloc::boxed::Box;

use bytes::Bytes;
use sip_parse::{Builder, HeaderName, Kind, Message, Method, Response, Value};

use super::branch::Branch;
use super::entry::{Cancel, Client, ClientMachine, Deadlines, Owner};
use super::invite_client::InviteClient;
use super::layer::TransactionLayer;
use super::machine::{ClientInput, Context, Effect, Timer};
use super::matching::{Key, own_branch, read_branch};
use super::non_invite_client::NonInviteClient;
use super::outbox::Outbox;
use super::{ClientTransactionId, Output, SendError, SendRule, TransactionError};
use crate::connection::ConnectionInfo;
use crate::ids::ConnectionId;
use crate::session_uuid::identifier_after;
use crate::slab::{Handle, Links};
use crate::time::Timestamp;

/// RFC 3428 section 8: the size of a MESSAGE outside a dialog on a path that does not control congestion.
const LARGEST_MESSAGE: usize = 1_300;

impl<U: Clone, O: Outbox<U>> TransactionLayer<U, O> {
    /// Sends a request in a new client transaction (RFC 3261 section 17.1).
    ///
    /// The layer puts its Via with a fresh branch on top; the caller supplies all other header fields. Each
    /// response carries `user`. For an ACK see [`TransactionLayer::send_ack`], for a CANCEL
    /// [`TransactionLayer::cancel`].
    ///
    /// # Errors
    /// [`SendError`] if the connection is not open, a limit is reached or the message cannot be written.
    pub fn send_request(
        &mut self,
        connection: ConnectionId,
        request: Builder<'_>,
        user: U,
        now: Timestamp,
    ) -> Result<ClientTransactionId, SendError> {
        self.send(connection, request, None, user, now)
    }

    /// As [`TransactionLayer::send_request`], with a branch of the caller's choice, such as one that detects loops
    /// ([`TransactionLayer::loop_branch`]).
    ///
    /// # Errors
    /// Those of [`TransactionLayer::send_request`], and [`SendError::Forbidden`] if a transaction has this branch.
    pub fn send_request_with_branch(
        &mut self,
        connection: ConnectionId,
        request: Builder<'_>,
        branch: &Branch,
        user: U,
        now: Timestamp,
    ) -> Result<ClientTransactionId, SendError> {
        self.send(connection, request, Some(branch), user, now)
    }

    /// Forwards a request without a transaction, as a stateless proxy does (RFC 3261 section 16.11): the layer puts its Via
    /// with this branch on top. Responses come as [`Output::StrayResponse`], if
    /// [`TransactionSettings::forwards`](super::TransactionSettings::forwards) is set.
    ///
    /// # Errors
    /// [`SendError`] if the connection is not open or the message cannot be written.
    pub fn send_stateless(
        &mut self,
        connection: ConnectionId,
        request: Builder<'_>,
        branch: &Branch,
    ) -> Result<(), SendError> {
        let request = self.with_via(connection, request, branch.as_str().as_bytes())?;
        self.transmit(connection, request.bytes().clone());
        Ok(())
    }

    fn send(
        &mut self,
        connection: ConnectionId,
        request: Builder<'_>,
        branch: Option<&Branch>,
        user: U,
        now: Timestamp,
    ) -> Result<ClientTransactionId, SendError> {
        let info = self.info(connection).ok_or(SendError::NotConnected)?;
        let handle = self.clients.next_handle();
        let branch_nonce = self.rng.next_u64();
        let chosen = branch.map(|branch| Key::of_branch(branch.as_str().as_bytes(), self.hash));
        if chosen.is_some_and(|chosen| self.chosen.find(&chosen).is_some()) {
            return Err(SendError::Forbidden(SendRule::BranchInUse));
        }
        let request = match branch {
            Some(branch) => self.with_via(connection, request, branch.as_str().as_bytes())?,
            None => {
                let branch = own_branch(&self.tokens, handle, branch_nonce);
                self.with_via(connection, request, &branch)?
            }
        };
        // The layer reads the request again to match responses, to acknowledge and to cancel.
        request
            .check_limits(&self.settings.limits.message)
            .map_err(SendError::TooLarge)?;
        let method = request.request_method();
        let size = request.bytes().len();
        if size > LARGEST_MESSAGE
            && method == Some(Method::Message)
            && !info.transport.is_reliable()
            && !request.to_tag().is_ok_and(|tag| tag.is_some())
        {
            return Err(SendError::LargeMessage(size));
        }
        // A quarter more is reserved for BYE, because it frees room.
        let limit = self.settings.limits.client_transactions;
        let reserve = if method == Some(Method::Bye) {
            limit / 4
        } else {
            0
        };
        if self.clients.len() >= limit.saturating_add(reserve) {
            return Err(SendError::TooManyTransactions);
        }
        let invite = method == Some(Method::Invite);
        let bytes = request.bytes().clone();
        if let Some(chosen) = chosen {
            self.chosen.insert(chosen, handle);
        }
        self.start_client(
            connection,
            info,
            bytes,
            user,
            (handle, branch_nonce, chosen),
            invite,
            now,
        );
        Ok(ClientTransactionId(handle))
    }

    /// The value of the caller that the next responses to this request carry; `None` if the transaction is over.
    /// It lives as long as the transaction: that of an INVITE 64 T1 beyond its first 2xx (RFC 6026 section 7.2).
    pub fn user_mut(&mut self, transaction: ClientTransactionId) -> Option<&mut U> {
        let client = self.clients.get_mut(transaction.0)?;
        Some(&mut client.user)
    }

    /// A keyed hash of an identifier that a peer chose.
    pub(crate) fn hash_of(&self, identifier: &[u8]) -> u64 {
        self.hash.hash(identifier)
    }

    /// Sends an ACK to a 2xx: a request without a transaction, with a branch of its own (RFC 3261 section
    /// 13.2.2.4). Returns the bytes, to send them again if the peer repeats the 2xx.
    ///
    /// # Errors
    /// [`SendError`] if the connection is not open or the message cannot be written.
    pub fn send_ack(
        &mut self,
        connection: ConnectionId,
        ack: Builder<'_>,
    ) -> Result<Bytes, SendError> {
        let (handle, branch_nonce) = (Handle::from_bits(self.rng.next_u64()), self.rng.next_u64());
        let branch = own_branch(&self.tokens, handle, branch_nonce);
        let ack = self.with_via(connection, ack, &branch)?;
        self.transmit(connection, ack.bytes().clone());
        Ok(ack.bytes().clone())
    }

    /// Sends the bytes that [`TransactionLayer::send_ack`] returned again.
    pub fn repeat_ack(&mut self, connection: ConnectionId, ack: Bytes) {
        self.transmit(connection, ack);
    }

    /// Cancels an INVITE (RFC 3261 section 9.1): sends CANCEL at once if a provisional response has
    /// arrived, otherwise with the first one, and never if a final response arrives before. If no final
    /// response follows within 64 T1, the INVITE fails with a time-out.
    ///
    /// `reason` is the value of a Reason header field (RFC 3326); the response to the CANCEL carries
    /// `user`.
    ///
    /// # Errors
    /// [`SendError::Stale`] if the transaction is over, is not an INVITE, or has been cancelled before.
    pub fn cancel(
        &mut self,
        transaction: ClientTransactionId,
        reason: Option<&str>,
        user: U,
        now: Timestamp,
    ) -> Result<(), SendError> {
        let client = self
            .clients
            .get_mut(transaction.0)
            .ok_or(SendError::Stale)?;
        let (ClientMachine::Invite(state), Cancel::Unwanted) = (client.machine, &client.cancel)
        else {
            return Err(SendError::Stale);
        };
        match state {
            InviteClient::Calling { .. } | InviteClient::Proceeding => {
                client.cancel = Cancel::Wanted {
                    user,
                    reason: reason.map(Into::into),
                };
                self.cancel_if_wanted(transaction.0, now);
                Ok(())
            }
            InviteClient::Completed | InviteClient::Accepted => Err(SendError::Stale),
        }
    }

    fn cancel_if_wanted(&mut self, handle: Handle, now: Timestamp) {
        let Some(client) = self.clients.get_mut(handle) else {
            return;
        };
        if !matches!(
            client.machine,
            ClientMachine::Invite(InviteClient::Proceeding)
        ) {
            return;
        }
        let (user, reason) = match core::mem::replace(&mut client.cancel, Cancel::Sent) {
            Cancel::Wanted { user, reason } => (user, reason),
            other => {
                client.cancel = other;
                return;
            }
        };
        let (connection, branch_nonce, chosen, invite) = (
            client.connection,
            client.branch_nonce,
            client.chosen,
            client.request.clone(),
        );
        if let (Some(info), Some(cancel)) = (
            self.info(connection),
            self.build_cancel(invite, reason.as_deref()),
        ) {
            let cancel_handle = self.start_client(
                connection,
                info,
                cancel,
                user,
                (handle, branch_nonce, chosen),
                false,
                now,
            );
            self.cancels.insert(handle.to_bits(), cancel_handle);
        }
        self.drive_client(handle, ClientInput::Cancelled, None, now);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one record, named once"
    )]
    fn start_client(
        &mut self,
        connection: ConnectionId,
        info: ConnectionInfo,
        request: Bytes,
        user: U,
        (named, branch_nonce, chosen): (Handle, u64, Option<Key>),
        invite: bool,
        now: Timestamp,
    ) -> Handle {
        let reliable = info.transport.is_reliable();
        let timers = self.settings.timers;
        let mut context = Context::new(&timers, reliable);
        let machine = if invite {
            ClientMachine::Invite(InviteClient::start(&mut context))
        } else {
            ClientMachine::NonInvite(NonInviteClient::start(&mut context))
        };
        let handle = self.clients.insert(Client {
            machine,
            connection,
            links: Links::default(),
            reliable,
            user,
            request,
            branch_nonce,
            chosen,
            named,
            deadlines: Deadlines::new(),
            ack: Bytes::new(),
            cancel: Cancel::Unwanted,
        });
        if let Some(entry) = self.connections.get_mut(connection.0) {
            entry.client_list.add(&mut self.clients, handle);
        }
        if let Some(client) = self.clients.get(handle) {
            self.outbox
                .started(ClientTransactionId(handle), &client.request);
        }
        self.carry_out_client(handle, &context.effects, None, now);
        self.arrange_client(handle);
        handle
    }

    /// The transaction with a branch that the caller chose. Most layers have none.
    fn find_chosen(&self, branch: &[u8]) -> Option<Handle> {
        if self.chosen.len() == 0 {
            return None;
        }
        self.chosen.find(&Key::of_branch(branch, self.hash))
    }

    fn with_via<'a>(
        &'a self,
        connection: ConnectionId,
        mut request: Builder<'a>,
        branch: &'a [u8],
    ) -> Result<Message, SendError> {
        let info = self.info(connection).ok_or(SendError::NotConnected)?;
        let sent_by = self.sent_by(connection);
        let transport = self
            .settings
            .via_transport
            .unwrap_or(info.transport.via_token());
        let via = Value::Via {
            transport: transport.as_bytes(),
            sent_by: sent_by.as_bytes(),
            branch,
            rport: self.settings.rport || !info.transport.is_reliable(),
        };
        request.prepend(HeaderName::Via, via);
        Ok(request.build()?)
    }

    pub(super) fn receive_response(
        &mut self,
        connection: ConnectionId,
        response: Response,
        now: Timestamp,
    ) {
        let (Ok(sent_by), Ok(branch), Ok(cseq)) =
            (response.top_sent_by(), response.branch(), response.cseq())
        else {
            return self.ignore(connection, "a response whose Via or CSeq cannot be read");
        };
        // RFC 3261 section 18.1.2.
        if !self.is_own_sent_by(sent_by) {
            return self.ignore(connection, "a response whose top Via is not ours");
        }
        if !self.settings.forwards && response.vias().nth(1).is_some() {
            return self.ignore(connection, "a response with more than one Via");
        }
        let (is_invite, is_cancel) = (cseq.method == Method::Invite, cseq.method == Method::Cancel);
        let branch = branch.unwrap_or_default();
        let chosen = self.find_chosen(branch).map(|handle| (handle, None));
        let named = read_branch(&self.tokens, branch);
        let named = named.map(|(handle, branch_nonce)| (handle, Some(branch_nonce)));
        let found = chosen.or(named).and_then(|(handle, branch_nonce)| {
            let handle = if is_cancel {
                *self.cancels.get(&handle.to_bits())?
            } else {
                handle
            };
            let client = self.clients.get(handle)?;
            let same = branch_nonce.is_none_or(|nonce| client.branch_nonce == nonce)
                && has_method(&client.request, cseq.method);
            same.then_some(handle)
        });
        let status = response.status();
        let Some(handle) = found else {
            // A response to a request that was forwarded without state has a branch of the caller's.
            let is_stateless = self.settings.forwards && self.is_chosen_branch(branch);
            if is_invite && status.is_success() || is_stateless {
                self.outbox.output(Output::StrayResponse {
                    connection,
                    response: Box::new(response),
                });
            } else {
                self.ignore(connection, "a response that matches no transaction");
            }
            return;
        };
        let input = if status.is_provisional() {
            ClientInput::Provisional
        } else if status.is_success() {
            ClientInput::Success
        } else {
            ClientInput::Failure
        };
        self.drive_client(handle, input, Some(response), now);
        self.cancel_if_wanted(handle, now);
    }

    /// Steps a machine and carries out its effects.
    pub(super) fn drive_client(
        &mut self,
        handle: Handle,
        input: ClientInput,
        response: Option<Response>,
        now: Timestamp,
    ) {
        let Some(client) = self.clients.get_mut(handle) else {
            return;
        };
        let timers = self.settings.timers;
        let mut context = Context::new(&timers, client.reliable);
        let next = client.machine.step(input, &mut context);
        if let Some(machine) = next {
            client.machine = machine;
        }
        self.carry_out_client(handle, &context.effects, response, now);
        match next {
            Some(_) => self.arrange_client(handle),
            None => self.remove_client(handle),
        }
    }

    /// A timer of a client transaction is due; false if there is no such transaction.
    pub(super) fn fire_client(&mut self, handle: Handle, now: Timestamp) -> bool {
        let Some(client) = self.clients.get_mut(handle) else {
            return false;
        };
        let timer = client.deadlines.fire();
        self.drive_client(handle, ClientInput::Fired(timer), None, now);
        if timer == Timer::Repeat {
            self.outbox.repeated();
        }
        true
    }

    fn arrange_client(&mut self, handle: Handle) {
        if let Some(client) = self.clients.get_mut(handle) {
            let owner = Owner::Client(handle);
            client.deadlines.arrange(owner, &mut self.timers);
        }
    }

    fn carry_out_client(
        &mut self,
        handle: Handle,
        effects: &[Effect],
        response: Option<Response>,
        now: Timestamp,
    ) {
        let mut response = response;
        for &effect in effects {
            let Some(client) = self.clients.get_mut(handle) else {
                return;
            };
            let connection = client.connection;
            match effect {
                Effect::Send => {
                    let bytes = client.request.clone();
                    self.transmit(connection, bytes);
                }
                Effect::SendAck => {
                    if let (true, Some(response)) = (client.ack.is_empty(), &response) {
                        client.ack =
                            build_ack(&client.request, response, &self.settings.limits.message);
                    }
                    let bytes = client.ack.clone();
                    self.transmit(connection, bytes);
                }
                Effect::Deliver => {
                    if let Some(response) = response.take() {
                        self.outbox.output(Output::Response {
                            transaction: ClientTransactionId(handle),
                            user: client.user.clone(),
                            connection,
                            response: Box::new(response),
                            request: client.request.clone(),
                        });
                    }
                }
                Effect::Set(timer, after) => {
                    client.deadlines.set(timer, now + after, &mut self.timers);
                }
                Effect::Clear(timer) => client.deadlines.clear(timer),
                Effect::Timeout | Effect::TransportError => {
                    let error = match effect {
                        Effect::Timeout => TransactionError::Timeout,
                        _ => TransactionError::ConnectionLost,
                    };
                    self.outbox.output(Output::Failed {
                        transaction: ClientTransactionId(handle),
                        user: client.user.clone(),
                        error,
                        request: client.request.clone(),
                    });
                }
                // No client machine has this effect.
                Effect::SendTrying => {}
            }
        }
    }

    fn remove_client(&mut self, handle: Handle) {
        let connection = self.clients.get(handle).map(|client| client.connection);
        let entry = connection.and_then(|connection| self.connections.get_mut(connection.0));
        if let Some(entry) = entry {
            entry.client_list.remove(&mut self.clients, handle);
        }
        let Some(mut client) = self.clients.remove(handle) else {
            return;
        };
        client.deadlines.cancel(&mut self.timers);
        if let Some(chosen) = client.chosen {
            // The response to a CANCEL may follow the end of its INVITE, and has the same branch.
            let is_cancelled = self.cancels.contains_key(&handle.to_bits());
            let outlives = client.named != handle && self.clients.get(client.named).is_some();
            if !is_cancelled && !outlives {
                self.chosen.remove(chosen);
            }
        }
        if self.cancels.get(&client.named.to_bits()) == Some(&handle) {
            self.cancels.remove(&client.named.to_bits());
        }
    }

    /// RFC 3261 section 9.1: Request-URI, Call-ID, To, From, CSeq number, Route and the one Via of the
    /// INVITE as it was sent.
    fn build_cancel(&self, invite: Bytes, reason: Option<&str>) -> Option<Bytes> {
        let Ok(Kind::Request(invite)) =
            Message::parse(invite, &self.settings.limits.message).map(Message::kind)
        else {
            return None;
        };
        let number = invite.cseq().ok()?.number;
        let mut cancel = Builder::request(Method::Cancel, invite.uri_bytes());
        copy_for_same_transaction(&invite, &mut cancel);
        cancel.append(HeaderName::To, invite.header(HeaderName::To)?.value);
        cancel.append(HeaderName::CSeq, Value::CSeq(number, Method::Cancel));
        if let Some(reason) = reason {
            cancel.append(HeaderName::Reason, reason);
        }
        cancel.build().ok().map(|cancel| cancel.bytes().clone())
    }
}

/// Whether a request as sent is of this method (RFC 3261 section 17.1.3).
fn has_method(request: &Bytes, method: Method<'_>) -> bool {
    let rest = request.strip_prefix(method.as_bytes());
    rest.is_some_and(|rest| rest.first() == Some(&b' '))
}

/// The ACK to a failure (RFC 3261 section 17.1.1.3): as the INVITE, but with the To of the response and
/// without a body. Empty if it cannot be built, which `validate` has excluded.
fn build_ack(invite: &Bytes, response: &Response, limits: &sip_parse::Limits) -> Bytes {
    let Ok(Kind::Request(invite)) = Message::parse(invite.clone(), limits).map(Message::kind)
    else {
        return Bytes::new();
    };
    let (Ok(cseq), Ok(to)) = (invite.cseq(), response.to().or_else(|_| invite.to())) else {
        return Bytes::new();
    };
    let mut ack = Builder::request(Method::Ack, invite.uri_bytes());
    copy_for_same_transaction(&invite, &mut ack);
    // The response names the UUID of the peer.
    if let Some(identifier) = identifier_after(&invite, response) {
        ack.set(HeaderName::SessionId, identifier);
    }
    ack.append(HeaderName::To, &to);
    ack.append(HeaderName::CSeq, Value::CSeq(cseq.number, Method::Ack));
    ack.build()
        .map(|ack| ack.bytes().clone())
        .unwrap_or_default()
}

/// Copies the header fields that ACK (section 17.1.1.3) and CANCEL (section 9.1) share with their INVITE:
/// the top Via, Route, From, Call-ID, and Max-Forwards.
fn copy_for_same_transaction<'a>(invite: &'a sip_parse::Request, request: &mut Builder<'a>) {
    if let Some(via) = invite.values(HeaderName::Via).next() {
        request.append(HeaderName::Via, via);
    }
    request.append(HeaderName::MaxForwards, 70_u32);
    request.copy(invite, HeaderName::Route);
    // RFC 7989 section 6: a CANCEL has the Session-ID of its INVITE.
    for name in [HeaderName::From, HeaderName::CallId, HeaderName::SessionId] {
        request.copy(invite, name);
    }
}
