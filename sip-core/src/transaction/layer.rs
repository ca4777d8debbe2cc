//! The transaction layer: connections, receiving, timers and outputs. The client half is in `client.rs`,
//! the server half in `server.rs`.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::fmt;

use bytes::Bytes;
use rand_core::CryptoRng;
use sip_parse::{ErrorKind, Frame, Framer, Kind, Message, Method, ParseError, Request, StatusCode};

use super::entry::{Client, Owner, Server};
use super::machine::{ClientInput, ServerInput, Timer};
use super::matching::Index;
use super::outbox::{Outbox, Outputs};
use super::{Output, TimerSettings, TransactionSettings};
use crate::connection::{ConnectionInfo, Transport};
use crate::ids::ConnectionId;
use crate::rand::{HandleTokens, KeyedHash};
use crate::slab::{Handle, Slab};
use crate::time::Timestamp;
use crate::timer::Timers;

/// All transactions of one agent, proxy or load generator (RFC 3261 section 17), on any number of
/// connections.
///
/// Any order of calls is correct. `U` is a value of the caller that each response to its request carries.
/// Every input queues [`Output`]s for [`TransactionLayer::poll`]; only inputs, `send_*`, `respond`,
/// `cancel` and `tick` change the results of `poll` and `next_tick`.
///
/// ```
/// # use sip_core::transaction::{Output, TransactionLayer, TransactionSettings};
/// # use sip_core::{ConnectionInfo, Timestamp, Transport};
/// # use sip_parse::{Builder, HeaderName, Method};
/// # use rand_core::SeedableRng;
/// let mut layer = TransactionLayer::new(
///     TransactionSettings {
///         timers: Default::default(),
///         limits: Default::default(),
///         sent_by: "192.0.2.1:5060".into(),
///         via_transport: None,
///         rport: false,
///         forwards: false,
///     },
///     Box::new(rand_chacha::ChaCha20Rng::from_seed([7; 32])), // a host takes entropy from the OS
/// );
/// let now = Timestamp::ZERO;
/// let connection = layer.accept(ConnectionInfo { transport: Transport::Udp, remote: None });
///
/// let mut request = Builder::request(Method::Options, b"sip:192.0.2.2");
/// request
///     .append(HeaderName::MaxForwards, 70)
///     .append(HeaderName::From, "<sip:probe@192.0.2.1>;tag=1")
///     .append(HeaderName::To, "<sip:192.0.2.2>")
///     .append(HeaderName::CallId, "probe-1")
///     .append(HeaderName::CSeq, "1 OPTIONS");
/// layer.send_request(connection, request, "probe", now)?;
///
/// assert!(matches!(layer.poll(), Some(Output::Transmit { .. })));
/// assert_eq!(layer.next_tick(), Some(Timestamp::from_millis(500)), "timer E");
/// # Ok::<(), sip_core::transaction::SendError>(())
/// ```
pub struct TransactionLayer<U, O = Outputs<U>> {
    pub(super) settings: TransactionSettings,
    pub(super) rng: Box<dyn CryptoRng + Send>,
    pub(super) tokens: HandleTokens,
    pub(super) hash: KeyedHash,
    pub(super) connections: Slab<Connection>,
    pub(super) clients: Slab<Client<U>>,
    /// CANCEL transactions by the INVITE transaction whose branch they share.
    pub(super) cancels: BTreeMap<u64, Handle>,
    pub(super) servers: Slab<Server>,
    pub(super) index: Index,
    pub(super) merges: Index,
    pub(super) timers: Timers<(Owner, Timer)>,
    pub(crate) outbox: O,
}

/// The state of a connection.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Connection {
    /// `None` while it is being opened.
    info: Option<ConnectionInfo>,
    framer: Option<Box<Framer>>,
}

impl<U: Clone> TransactionLayer<U> {
    /// A layer without connections. Draws its keys from `rng`, and later every branch.
    #[must_use]
    pub fn new(settings: TransactionSettings, rng: Box<dyn CryptoRng + Send>) -> Self {
        Self::with_outbox(settings, rng, Outputs::default())
    }

    /// The next output, in the order in which things happened. Constant time.
    pub fn poll(&mut self) -> Option<Output<U>> {
        self.outbox.0.pop_front()
    }

    /// Whether nothing is pending: no transaction, no timer, no index entry, no output.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty()
            && self.servers.is_empty()
            && self.cancels.is_empty()
            && self.index.len() == 0
            && self.merges.len() == 0
            && self.timers.len() == 0
            && self.outbox.0.is_empty()
    }
}

impl<U: Clone, O: Outbox<U>> TransactionLayer<U, O> {
    /// As [`TransactionLayer::new`], with an outbox of the caller's own in the place of the queue that
    /// [`TransactionLayer::poll`] empties.
    #[must_use]
    pub fn with_outbox(
        settings: TransactionSettings,
        mut rng: Box<dyn CryptoRng + Send>,
        outbox: O,
    ) -> Self {
        Self {
            tokens: HandleTokens::new(&mut *rng),
            hash: KeyedHash::new(&mut *rng),
            settings,
            rng,
            connections: Slab::new(),
            clients: Slab::new(),
            cancels: BTreeMap::new(),
            servers: Slab::new(),
            index: Index::new(),
            merges: Index::new(),
            timers: Timers::new(),
            outbox,
        }
    }

    /// Makes the id of a connection that is already open, such as one that a peer opened.
    pub fn accept(&mut self, info: ConnectionInfo) -> ConnectionId {
        let connection = self.reserve();
        self.opened(connection, info);
        connection
    }

    /// Makes the id of a connection that the host is about to open; nothing can be sent on it before
    /// [`TransactionLayer::opened`].
    pub fn reserve(&mut self) -> ConnectionId {
        ConnectionId(self.connections.insert(Connection {
            info: None,
            framer: None,
        }))
    }

    /// A reserved connection is open. Returns false for an id that is not reserved.
    pub fn opened(&mut self, connection: ConnectionId, info: ConnectionInfo) -> bool {
        let limits = self.settings.limits.message;
        let Some(entry) = self.connections.get_mut(connection.0) else {
            return false;
        };
        entry.framer = info
            .transport
            .is_stream()
            .then(|| Box::new(Framer::new(limits)));
        entry.info.replace(info).is_none()
    }

    /// The properties of a connection; `None` unless it is open.
    #[must_use]
    pub fn info(&self, connection: ConnectionId) -> Option<ConnectionInfo> {
        self.connections
            .get(connection.0)
            .and_then(|entry| entry.info)
    }

    /// A connection closed, or the host gave it up. Client transactions on it fail at once, and server
    /// transactions cannot answer any more (RFC 3261 section 17.1.4; a WebSocket has no other way back, RFC
    /// 7118 section 5.2.3). Late bytes of it are ignored.
    pub fn closed(&mut self, connection: ConnectionId, now: Timestamp) {
        if self.connections.remove(connection.0).is_none() {
            return;
        }
        for handle in self.clients.handles() {
            if self
                .clients
                .get(handle)
                .is_some_and(|client| client.connection == connection)
            {
                self.drive_client(handle, ClientInput::TransportError, None, now);
            }
        }
        for handle in self.servers.handles() {
            if self
                .servers
                .get(handle)
                .is_some_and(|server| server.connection == connection)
            {
                self.drive_server(handle, ServerInput::TransportError, None, now);
            }
        }
    }

    /// Forgets all transactions without outputs, for a shutdown.
    pub fn clear(&mut self) {
        self.clients.clear();
        self.servers.clear();
        self.cancels.clear();
        self.index = Index::new();
        self.merges = Index::new();
        self.timers = Timers::new();
    }

    /// Bytes arrived: one datagram, one WebSocket message, or any part of a stream.
    pub fn receive(&mut self, connection: ConnectionId, bytes: Bytes, now: Timestamp) {
        let Some(entry) = self
            .connections
            .get_mut(connection.0)
            .filter(|entry| entry.info.is_some())
        else {
            return;
        };
        let Some(mut framer) = entry.framer.take() else {
            return self.receive_message(connection, bytes, now);
        };
        framer.push(&bytes);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(Frame::Message(bytes))) => self.receive_message(connection, bytes, now),
                Ok(Some(Frame::Ping)) => self.receive_keep_alive(connection, false),
                Ok(Some(Frame::Pong)) => self.receive_keep_alive(connection, true),
                Err(fault) => {
                    self.refuse_malformed(connection, fault.head, fault.error, true);
                    break;
                }
            }
        }
        if let Some(entry) = self.connections.get_mut(connection.0) {
            entry.framer = Some(framer);
        }
    }

    fn receive_message(&mut self, connection: ConnectionId, bytes: Bytes, now: Timestamp) {
        // RFC 5626 section 4.4.1: CRLF CRLF is a ping, CRLF a pong.
        match &bytes[..] {
            b"\r\n\r\n" => return self.receive_keep_alive(connection, false),
            b"\r\n" => return self.receive_keep_alive(connection, true),
            _ => {}
        }
        let limits = self.settings.limits.message;
        let is_websocket = self
            .info(connection)
            .is_some_and(|info| matches!(info.transport, Transport::Ws | Transport::Wss));
        let message = Message::parse(bytes.clone(), &limits).and_then(|message| {
            if is_websocket {
                one_message(&bytes, &message)?;
            }
            message.validate().map(|()| message)
        });
        match message.map(Message::kind) {
            Ok(Kind::Request(request)) => self.receive_request(connection, request, now),
            Ok(Kind::Response(response)) => self.receive_response(connection, response, now),
            Err(error) => self.refuse_malformed(connection, bytes, error, false),
        }
    }

    /// RFC 3261 sections 8.2 and 18.3: answers a malformed request if possible, but never an ACK, and drops
    /// a malformed response.
    fn refuse_malformed(
        &mut self,
        connection: ConnectionId,
        bytes: Bytes,
        error: ParseError,
        fatal: bool,
    ) {
        let request = Message::salvage(bytes, &self.settings.limits.message);
        let answered = request
            .filter(|request| request.method() != Method::Ack)
            .is_some_and(|request| {
                self.answer_statelessly(connection, &request, error.status(), None)
                    .is_ok()
            });
        self.outbox.output(Output::Malformed {
            connection,
            error,
            answered,
            fatal,
        });
    }

    fn receive_keep_alive(&mut self, connection: ConnectionId, pong: bool) {
        if !pong {
            self.transmit(connection, Bytes::from_static(b"\r\n"));
        }
        self.outbox.output(Output::KeepAlive { connection, pong });
    }

    /// The time is `now`. Fires at most [`Limits::fired_per_tick`](crate::Limits::fired_per_tick) due
    /// timers: call again while [`TransactionLayer::next_tick`] is not later than `now`.
    pub fn tick(&mut self, now: Timestamp) {
        for _ in 0..self.settings.limits.fired_per_tick.max(1) {
            let Some((owner, timer)) = self.timers.pop_due(now) else {
                return;
            };
            match owner {
                Owner::Client(handle) => {
                    if let Some(client) = self.clients.get_mut(handle) {
                        *client.timers.slot(timer) = None;
                    }
                    self.drive_client(handle, ClientInput::Fired(timer), None, now);
                }
                Owner::Server(handle) => {
                    if let Some(server) = self.servers.get_mut(handle) {
                        *server.timers.slot(timer) = None;
                    }
                    self.drive_server(handle, ServerInput::Fired(timer), None, now);
                }
            }
        }
    }

    /// When to call [`TransactionLayer::tick`] next; `None` when nothing is pending. Constant time.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// The generator that was given at the start, for tags and identifiers of the caller's own.
    pub fn rng(&mut self) -> &mut dyn CryptoRng {
        &mut *self.rng
    }

    /// The timers in force.
    #[must_use]
    pub fn timers(&self) -> TimerSettings {
        self.settings.timers
    }

    /// How many client transactions there are.
    #[must_use]
    pub fn client_transactions(&self) -> usize {
        self.clients.len()
    }

    /// How many server transactions there are.
    #[must_use]
    pub fn server_transactions(&self) -> usize {
        self.servers.len()
    }

    pub(super) fn is_open(&self, connection: ConnectionId) -> bool {
        self.info(connection).is_some()
    }

    pub(super) fn transmit(&mut self, connection: ConnectionId, bytes: Bytes) {
        if self.is_open(connection) && !bytes.is_empty() {
            self.outbox.transmit(connection, bytes);
        }
    }

    pub(super) fn ignore(&mut self, connection: ConnectionId, why: &'static str) {
        self.outbox.output(Output::Ignored { connection, why });
    }

    /// Answers without state (RFC 3261 section 8.2.7): the To tag is a keyed hash of the top Via, so that
    /// the answer to a retransmission has the same tag.
    pub(super) fn answer_statelessly(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        status: StatusCode,
        retry_after: Option<u32>,
    ) -> Result<(), sip_parse::BuildError> {
        let mut tag = alloc::string::String::new();
        let via = request.headers_named(sip_parse::HeaderName::Via).next();
        crate::rand::push_base32(self.hash.hash(via.map_or(&[], |via| via.value)), &mut tag);
        let mut response = sip_parse::Builder::response_to(request, status, Some(tag.as_bytes()));
        if let Some(seconds) = retry_after {
            response.append(sip_parse::HeaderName::RetryAfter, seconds);
        }
        let response = response.build()?;
        self.transmit(connection, response.bytes().clone());
        Ok(())
    }
}

/// RFC 7118 section 4.2: a WebSocket message is one SIP message. Bytes behind the body do not belong to it
/// (RFC 3261 section 18.3).
fn one_message(bytes: &Bytes, message: &Message) -> Result<(), ParseError> {
    let line_ends = |from: usize| {
        let is_line_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        from + bytes[from..].iter().take_while(is_line_end).count()
    };
    let end = line_ends(0) + message.bytes().len();
    if end >= bytes.len() {
        return Ok(());
    }
    let next = line_ends(end);
    let line = bytes[next..].split(|byte| matches!(byte, b'\r' | b'\n'));
    let line = line.into_iter().next().unwrap_or_default();
    if line.starts_with(b"SIP/2.0 ") || line.ends_with(b" SIP/2.0") {
        return Err(ParseError {
            kind: ErrorKind::SecondMessage,
            offset: u32::try_from(next).unwrap_or(u32::MAX),
            header: None,
        });
    }
    Ok(())
}

impl<U, O> fmt::Debug for TransactionLayer<U, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionLayer")
            .field("connections", &self.connections.len())
            .field("client_transactions", &self.clients.len())
            .field("server_transactions", &self.servers.len())
            .field("timers", &self.timers.len())
            .finish_non_exhaustive()
    }
}
