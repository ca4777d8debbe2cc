//! The transaction layer: connections, receiving, timers and outputs. The client half is in `client.rs`,
//! the server half in `server.rs`.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use rand_core::CryptoRng;
use sip_parse::{
    Builder, ErrorKind, Frame, Framer, HeaderName, Kind, Message, Method, ParseError, Request,
    Role, StatusCode, Via,
};

use super::entry::{Client, Owner, Server};
use super::machine::{ClientInput, ServerInput};
use super::matching::Index;
use super::outbox::{Outbox, Outputs};
use super::{Output, SendError, SendRule, ServerTransactionId, TimerSettings, TransactionSettings};
use crate::connection::{ConnectionInfo, Transport};
use crate::ids::ConnectionId;
use crate::limits::{Backpressure, Limits};
use crate::rand::{HandleTokens, KeyedHash};
use crate::rare::{Empty, Rare};
use crate::share::share;
use crate::slab::{Handle, List, Slab};
use crate::time::{Timestamp, earlier};
use crate::timer::Timers;

/// The start of every response; the version of a request stands at the end of its line.
const RESPONSE: &[u8] = b"SIP/2.0 ";

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
    pub(super) settings: Arc<LayerSettings>,
    /// The `sent-by` of connections without their own.
    pub(super) sent_by: Box<str>,
    pub(super) rng: Box<dyn CryptoRng + Send>,
    pub(super) tokens: HandleTokens,
    pub(super) hash: KeyedHash,
    pub(super) connections: Slab<Connection>,
    pub(super) clients: Slab<Client<U>>,
    /// CANCEL transactions by the INVITE transaction whose branch they share.
    pub(super) cancels: Rare<BTreeMap<u64, Handle>>,
    pub(super) servers: Slab<Server>,
    pub(super) index: Rare<Index>,
    pub(super) merges: Rare<Index>,
    pub(super) timers: Timers<Owner>,
    /// Transactions by the branches that the caller chose.
    pub(super) chosen: Rare<Index>,
    /// The `sent-by` values of single connections, each once.
    pub(super) sent_bys: Rare<Vec<Box<str>>>,
    pub(super) unread: Rare<Unread>,
    /// The bytes of all messages that server transactions keep.
    pub(super) server_bytes: usize,
    pub(crate) outbox: O,
}

/// The settings that layers may share: those of [`TransactionSettings`] without the `sent-by`.
#[derive(PartialEq)]
pub(super) struct LayerSettings {
    pub(super) timers: TimerSettings,
    pub(super) limits: Limits,
    pub(super) via_transport: Option<&'static str>,
    pub(super) rport: bool,
    pub(super) forwards: bool,
}

/// The state of a connection.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Connection {
    /// `None` while it is being opened.
    info: Option<ConnectionInfo>,
    /// The place of its `sent-by` in the list of the layer; `None`: that of the settings.
    sent_by: Option<u32>,
    /// For streams only.
    reader: Option<Box<Reader>>,
    /// The name of the server behind it, which the user of the layer gives.
    server: Option<Box<str>>,
    /// Its transactions, so that its loss touches no others.
    pub(super) client_list: List,
    pub(super) server_list: List,
}

/// What was received on a stream and is not handled yet.
#[cfg_attr(test, derive(Clone))]
struct Reader {
    framer: Framer,
    /// A frame that found no room in the outbox.
    held: Option<Frame>,
    /// Whether it is in the list of streams that wait for room in the outbox.
    unread: bool,
    /// The rest of the stream is unreadable, and the caller knows.
    failed: bool,
}

/// The streams with unread bytes.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Unread {
    /// Each once, in the order in which they take turns.
    streams: VecDeque<ConnectionId>,
    /// Since when there is one.
    since: Timestamp,
}

impl Unread {
    const fn new() -> Self {
        Self {
            streams: VecDeque::new(),
            since: Timestamp::ZERO,
        }
    }
}

/// Implements [`Empty`] for tables that are what they were before once they are empty again.
macro_rules! disposable {
    ($($type:ty, $is_empty:expr;)*) => {
        $(impl Empty for $type {
            const EMPTY: &'static Self = &Self::new();

            fn empty() -> Self {
                Self::new()
            }

            fn is_disposable(&self) -> bool {
                let is_empty: fn(&Self) -> bool = $is_empty;
                is_empty(self)
            }
        })*
    };
}

disposable! {
    BTreeMap<u64, Handle>, |cancels| cancels.is_empty();
    Index, |index| index.len() == 0;
    Vec<Box<str>>, |sent_bys| sent_bys.is_empty();
    Unread, |unread| unread.streams.is_empty();
}

impl Reader {
    fn new(limits: sip_parse::Limits) -> Self {
        Self {
            framer: Framer::new(limits),
            held: None,
            unread: false,
            failed: false,
        }
    }
}

impl<U: Clone> TransactionLayer<U> {
    /// A layer without connections. Draws its keys from `rng`, and later every branch.
    #[must_use]
    pub fn new(settings: TransactionSettings, rng: Box<dyn CryptoRng + Send>) -> Self {
        let outputs = Outputs::new(&settings.limits);
        Self::with_outbox(settings, rng, outputs)
    }

    /// The next output, in the order in which things happened. Constant time.
    pub fn poll(&mut self) -> Option<Output<U>> {
        self.outbox.pop()
    }

    /// Whether nothing is pending: no transaction, no timer, no index entry, no output.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty()
            && self.servers.is_empty()
            && self.cancels.is_empty()
            && self.index.len() == 0
            && self.merges.len() == 0
            && self.chosen.len() == 0
            && self.timers.len() == 0
            && self.outbox.is_empty()
    }
}

impl<U: Clone, O: Outbox<U>> TransactionLayer<U, O> {
    /// The limits of the settings.
    pub(crate) fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// Shares the settings of another layer, if both are equal; returns whether they are.
    pub(crate) fn share_settings(&mut self, other: &Self) -> bool {
        share(&mut self.settings, &other.settings)
    }

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
            settings: Arc::new(LayerSettings {
                timers: settings.timers,
                limits: settings.limits,
                via_transport: settings.via_transport,
                rport: settings.rport,
                forwards: settings.forwards,
            }),
            sent_by: settings.sent_by.into(),
            rng,
            connections: Slab::new(),
            clients: Slab::new(),
            cancels: Rare::new(),
            servers: Slab::new(),
            index: Rare::new(),
            merges: Rare::new(),
            timers: Timers::new(),
            chosen: Rare::new(),
            sent_bys: Rare::new(),
            unread: Rare::new(),
            server_bytes: 0,
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
            sent_by: None,
            reader: None,
            server: None,
            client_list: List::new(),
            server_list: List::new(),
        }))
    }

    /// A reserved connection is open. Returns false for an id that is not reserved.
    pub fn opened(&mut self, connection: ConnectionId, info: ConnectionInfo) -> bool {
        let limits = self.settings.limits.message;
        let Some(entry) = self.connections.get_mut(connection.0) else {
            return false;
        };
        entry.reader = info
            .transport
            .is_stream()
            .then(|| Box::new(Reader::new(limits)));
        entry.info.replace(info).is_none()
    }

    /// Sets the `sent-by` of the requests on one connection: a host with an optional port, in place of
    /// [`TransactionSettings::sent_by`], for an element that has another address on each transport (RFC 3261 section
    /// 18.1.1). The layer takes responses with any `sent-by` that it was given, and keeps these texts.
    ///
    /// # Errors
    /// [`SendError::NotConnected`] for an unknown connection, [`SendError::Forbidden`] for a text that is no `sent-by`.
    pub fn set_sent_by(
        &mut self,
        connection: ConnectionId,
        sent_by: &str,
    ) -> Result<(), SendError> {
        let via = alloc::format!("SIP/2.0/UDP {sent_by};branch=z9hG4bK0");
        let is_sent_by =
            Via::parse(via.as_bytes()).is_ok_and(|via| via.sent_by() == sent_by.as_bytes());
        if !is_sent_by {
            return Err(SendError::Forbidden(SendRule::SentBy));
        }
        let entry = self.connections.get_mut(connection.0);
        let entry = entry.ok_or(SendError::NotConnected)?;
        let known = self.sent_bys.iter().position(|known| **known == *sent_by);
        entry.sent_by = u32::try_from(known.unwrap_or(self.sent_bys.len())).ok();
        if known.is_none() {
            self.sent_bys.push(sent_by.into());
        }
        Ok(())
    }

    /// The `sent-by` of the requests on a connection.
    pub(super) fn sent_by(&self, connection: ConnectionId) -> &str {
        let place = self.connections.get(connection.0);
        let place = place.and_then(|entry| entry.sent_by);
        let own = place.and_then(|place| self.sent_bys.get(place as usize));
        own.map_or(&self.sent_by, |own| own)
    }

    /// Whether this element has put a `sent-by` into its requests.
    pub(super) fn is_own_sent_by(&self, sent_by: &[u8]) -> bool {
        let is_it = |own: &str| sent_by.eq_ignore_ascii_case(own.as_bytes());
        is_it(&self.sent_by) || self.sent_bys.iter().any(|own| is_it(own))
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
        for ServerTransactionId(handle) in self.detach(connection, now) {
            self.drive_server(handle, ServerInput::TransportError, None, now);
        }
    }

    /// As [`TransactionLayer::closed`], but its server transactions stay: a response can go out on another connection
    /// to the same peer (RFC 3261 section 18.2.2). Returns them. Until [`TransactionLayer::answer_on`] names that
    /// connection, [`TransactionLayer::respond`] returns [`SendError::NotConnected`]. Their timers end those that get
    /// none.
    pub fn detach(&mut self, connection: ConnectionId, now: Timestamp) -> Vec<ServerTransactionId> {
        let Some(mut lost) = self.connections.remove(connection.0) else {
            return Vec::new();
        };
        for handle in lost.client_list.take(&mut self.clients) {
            self.drive_client(handle, ClientInput::TransportError, None, now);
        }
        let servers = lost.server_list.take(&mut self.servers);
        servers.into_iter().map(ServerTransactionId).collect()
    }

    /// Names the server behind a connection that is open.
    pub(crate) fn name_server(&mut self, connection: ConnectionId, name: Box<str>) {
        if let Some(entry) = self.connections.get_mut(connection.0) {
            entry.server = Some(name);
        }
    }

    /// The name of the server behind a connection.
    pub(crate) fn server_name(&self, connection: ConnectionId) -> Option<&str> {
        self.connections.get(connection.0)?.server.as_deref()
    }

    /// Frees the memory of tables that are empty.
    pub(crate) fn shrink(&mut self) {
        self.clients.shrink();
        self.servers.shrink();
        self.cancels.shrink();
        self.index.shrink();
        self.merges.shrink();
        self.chosen.shrink();
        self.unread.shrink();
        self.timers.shrink();
    }

    /// Forgets all transactions without outputs, for a shutdown.
    pub fn clear(&mut self) {
        self.clients.clear();
        self.servers.clear();
        for handle in self.connections.handles() {
            if let Some(connection) = self.connections.get_mut(handle) {
                (connection.client_list, connection.server_list) = (List::new(), List::new());
            }
        }
        self.server_bytes = 0;
        self.cancels = Rare::new();
        self.index = Rare::new();
        self.merges = Rare::new();
        self.chosen = Rare::new();
        self.timers = Timers::new();
    }

    /// Bytes arrived: one datagram, one WebSocket message, or any part of a stream. Late bytes of a closed connection are
    /// ignored.
    ///
    /// The messages of a stream for which the outbox has no room wait, and [`TransactionLayer::tick`] reads them: the layer
    /// keeps at most the bytes of one call, besides the message that is still incomplete.
    ///
    /// # Errors
    /// [`Backpressure`] if the outbox is full, or messages of an earlier part of this stream wait; the layer is unchanged
    /// then. Poll the outputs, tick, and repeat the input.
    pub fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: Bytes,
        now: Timestamp,
    ) -> Result<(), Backpressure> {
        let only_frees = bytes.starts_with(RESPONSE);
        if !self.outbox.has_room(only_frees) || self.has_unread(connection) {
            return Err(Backpressure);
        }
        self.take(connection, bytes, now);
        Ok(())
    }

    /// As [`TransactionLayer::receive`], once the caller has checked the room.
    pub(crate) fn take(&mut self, connection: ConnectionId, bytes: Bytes, now: Timestamp) {
        let entry = self.connections.get_mut(connection.0);
        let Some(entry) = entry.filter(|entry| entry.info.is_some()) else {
            return;
        };
        let Some(reader) = &mut entry.reader else {
            return self.receive_message(connection, bytes, now);
        };
        if reader.failed {
            return self.ignore(connection, "bytes of a stream that is unreadable");
        }
        reader.framer.push(&bytes);
        if !core::mem::replace(&mut reader.unread, true) {
            if self.unread.streams.is_empty() {
                self.unread.since = now;
            }
            self.unread.streams.push_back(connection);
        }
        while self.read_next(now) {}
    }

    /// Whether messages of this stream wait for room in the outbox.
    pub(crate) fn has_unread(&self, connection: ConnectionId) -> bool {
        let entry = self.connections.get(connection.0);
        let reader = entry.and_then(|entry| entry.reader.as_ref());
        reader.is_some_and(|reader| reader.unread)
    }

    /// Whether messages of any stream wait for room in the outbox.
    pub(crate) fn has_any_unread(&self) -> bool {
        !self.unread.streams.is_empty()
    }

    /// Since when a message waits that the outbox has room for.
    pub(crate) fn unread_since(&self) -> Option<Timestamp> {
        let waits = self.has_any_unread() && self.outbox.has_room(false);
        waits.then_some(self.unread.since)
    }

    /// Reads one message of a stream, if there is one and the outbox has room for its consequences.
    pub(crate) fn read_next(&mut self, now: Timestamp) -> bool {
        while let Some(&connection) = self.unread.streams.front() {
            let entry = self.connections.get_mut(connection.0);
            let Some(reader) = entry.and_then(|entry| entry.reader.as_mut()) else {
                self.unread.streams.pop_front();
                continue;
            };
            let frame = match reader.held.take() {
                Some(frame) => Ok(Some(frame)),
                None => reader.framer.next(),
            };
            match frame {
                Ok(None) => {
                    reader.unread = false;
                    self.unread.streams.pop_front();
                }
                Ok(Some(frame)) => {
                    let only_frees =
                        matches!(&frame, Frame::Message(bytes) if bytes.starts_with(RESPONSE));
                    if !self.outbox.has_room(only_frees) {
                        reader.held = Some(frame);
                        return false;
                    }
                    // Connections take turns.
                    self.unread.streams.rotate_left(1);
                    match frame {
                        Frame::Message(bytes) => self.receive_message(connection, bytes, now),
                        Frame::Ping => self.receive_keep_alive(connection, false),
                        Frame::Pong => self.receive_keep_alive(connection, true),
                    }
                    return true;
                }
                Err(fault) => {
                    (reader.unread, reader.failed) = (false, true);
                    self.unread.streams.pop_front();
                    self.refuse_malformed(connection, fault.head, fault.error, true);
                    return true;
                }
            }
        }
        false
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
        let role = match self.settings.forwards {
            true => Role::Proxy,
            false => Role::UserAgent,
        };
        let message = Message::parse(bytes.clone(), &limits)
            .or_else(|error| final_over_limits(&bytes, error));
        let mut message = match message {
            Ok(message) => message,
            Err(error) => return self.refuse_malformed(connection, bytes, error, false),
        };
        if let Err(error) = message.identify(role) {
            return self.refuse_malformed(connection, bytes, error, false);
        }
        let second = is_websocket.then(|| second_message(&bytes, &message));
        match message.kind() {
            Kind::Request(request) => self.receive_request(connection, request, now),
            Kind::Response(response) => self.receive_response(connection, response, now),
        }
        if let Some(error) = second.flatten() {
            self.outbox.output(Output::Malformed {
                connection,
                error,
                answered: false,
                fatal: false,
            });
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
                let reason = reason_of(&error);
                self.answer_statelessly(connection, &request, error.status(), reason, None)
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

    /// The time is `now`. Reads the messages that wait for room in the outbox; fires at most [`Limits::fired_per_tick`](crate::Limits::fired_per_tick) due
    /// timers: call again while [`TransactionLayer::next_tick`] is not later than `now`.
    pub fn tick(&mut self, now: Timestamp) {
        while self.read_next(now) {}
        if !self.outbox.has_room(true) {
            return;
        }
        for _ in 0..self.settings.limits.fired_per_tick.max(1) {
            let Some((entry, &owner)) = self.timers.due(now) else {
                return;
            };
            // Each moves its entry or takes it out.
            let is_live = match owner {
                Owner::Client(handle) => self.fire_client(handle, now),
                Owner::Server(handle) => self.fire_server(handle, now),
            };
            if !is_live {
                self.timers.cancel(entry);
            }
        }
    }

    /// When to call [`TransactionLayer::tick`] next; `None` when nothing is pending, and while the outbox is at twice its
    /// limit. Constant time. Polling may change it, because then messages that wait may be read.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        if !self.outbox.has_room(true) {
            return None;
        }
        earlier(self.unread_since(), self.deadline())
    }

    /// The next deadline of a transaction.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
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
        reason: Option<String>,
        retry_after: Option<u32>,
    ) -> Result<(), sip_parse::BuildError> {
        let mut tag = String::new();
        let via = request.headers_named(sip_parse::HeaderName::Via).next();
        crate::rand::push_base32(self.hash.hash(via.map_or(&[], |via| via.value)), &mut tag);
        let mut response = sip_parse::Builder::response_to(request, status, Some(tag.as_bytes()));
        if let Some(reason) = &reason {
            response.reason(reason.as_bytes());
        }
        if let Some(seconds) = retry_after {
            response.append(sip_parse::HeaderName::RetryAfter, seconds);
        }
        let response = response.build()?;
        self.transmit(connection, response.bytes().clone());
        Ok(())
    }
}

/// A final response to an INVITE that exceeds a limit, without its body and the fields that ACK and BYE do not need, because each is
/// acknowledged (RFC 3261 sections 13.2.2.4 and 17.1.1.3): a 2xx that brings no description ends the call.
fn final_over_limits(bytes: &Bytes, error: ParseError) -> Result<Message, ParseError> {
    const NEEDED: [HeaderName<'static>; 7] = [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::Contact,
        HeaderName::RecordRoute,
    ];
    if !error.is_limit() {
        return Err(error);
    }
    let whole = Message::parse(bytes.clone(), &sip_parse::Limits::MAX).map_err(|_| error)?;
    let status = whole.as_response().map(|response| response.status());
    let status = status.filter(|status| status.is_final()).ok_or(error)?;
    if whole.cseq()?.method != Method::Invite {
        return Err(error);
    }
    let mut bare = Builder::response(status);
    for name in NEEDED {
        for header in whole.headers_named(name) {
            bare.append(name, header.value);
        }
    }
    bare.build().map_err(|_| error)
}

/// The reason phrase of a 400 names the header field (RFC 3261 section 21.4.1).
fn reason_of(error: &ParseError) -> Option<String> {
    let header = error
        .header
        .filter(|_| error.status() == StatusCode::BAD_REQUEST)?;
    let fault = match error.kind {
        ErrorKind::Missing => "Missing",
        ErrorKind::Repeated => "Repeated",
        _ => "Malformed",
    };
    Some(format!("{fault} {header} Header Field"))
}

/// The fault of a WebSocket message with a second SIP message, because RFC 7118 section 4.2 allows one. The first one
/// counts, and the bytes behind its body are discarded (RFC 3261 section 18.3).
fn second_message(bytes: &Bytes, message: &Message) -> Option<ParseError> {
    let line_ends = |from: usize| {
        let is_line_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        from + bytes[from..].iter().take_while(is_line_end).count()
    };
    let end = line_ends(0) + message.bytes().len();
    if end >= bytes.len() {
        return None;
    }
    let next = line_ends(end);
    let line = bytes[next..].split(|byte| matches!(byte, b'\r' | b'\n'));
    let line = line.into_iter().next().unwrap_or_default();
    let is_message = line.starts_with(RESPONSE) || line.ends_with(b" SIP/2.0");
    is_message.then(|| ParseError {
        kind: ErrorKind::SecondMessage,
        offset: u32::try_from(next).unwrap_or(u32::MAX),
        header: None,
    })
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
