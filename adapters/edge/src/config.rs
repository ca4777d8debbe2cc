//! The configuration of the edge: where it listens, its users, how long bindings last.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sip_core::auth::{Algorithm, DigestServerError};
use sip_parse::Uri;

use crate::event::EventPackage;

/// The configuration of an [`Edge`](crate::Edge) and of the [`EdgeServer`](crate::EdgeServer) around it.
///
/// [`EdgeConfig::default`] listens on a free port of 127.0.0.1 and has no users.
#[derive(Clone)]
pub struct EdgeConfig {
    /// Where the server listens; port 0 takes a free one. The edge writes this host and port into Via and
    /// Record-Route.
    pub listen: SocketAddr,
    /// The protection domain of the challenges (RFC 7616 section 3.3), and a domain of the edge.
    pub realm: String,
    /// More host names and addresses whose users are ours. The realm and the address of `listen`
    /// always are; `localhost` is when the edge listens on a loopback address.
    pub domains: Vec<String>,
    /// The users: name (the unescaped user part of the address-of-record) and password.
    pub users: Vec<(String, String)>,
    /// The shortest binding that the registrar grants; it answers a shorter one with 423 and Min-Expires (RFC
    /// 3261 section 10.3 step 7). Zero grants any. Whole seconds, at most an hour.
    pub min_expires: Duration,
    /// The longest binding that the registrar grants; it shortens a longer one to this. Whole seconds. A
    /// REGISTER without an expiry gets this too, but at most an hour.
    pub max_expires: Duration,
    /// How long a nonce may be used (RFC 7616 section 3.3, `stale`).
    pub nonce_lifetime: Duration,
    /// The algorithms of the challenges, best first (RFC 8760 section 2.4). For a user agent that reads only
    /// the first challenge, this must have its algorithm alone.
    pub algorithms: Vec<Algorithm>,
    /// Whether a request to the Contact of a binding goes to the flow on which that is registered now (RFC 5626 section 7: the
    /// edge is the registrar too): within a dialog whose flow is gone, so that a call outlives its connection, and outside
    /// one, as after an attended transfer. If not, the edge answers 430 (section 5.3.1) and 404, as an edge without a registrar
    /// does.
    pub follow_contacts: bool,
    /// The event packages that the edge serves to its users: it answers SUBSCRIBE for them, and PUBLISH for `presence`. A
    /// SUBSCRIBE for another package goes to the user agents of the user. `min_expires` and
    /// `max_expires` bound a publication, and `min_expires` a subscription, too.
    pub event_packages: Vec<EventPackage>,
    /// The least time between two NOTIFYs of a subscription, because a subscriber expects few in a row: five seconds (RFC 3680
    /// section 4.10, RFC 3856 section 6.10). The edge reports the last of the states in between.
    pub notify_interval: Duration,
    /// Whether the edge keeps the MESSAGEs of its users to one that is registered nowhere, and answers them 202 (RFC 3428
    /// section 7). It sends them when their user registers, in their order, and reports their number to those that watch
    /// `message-summary`. If not, it answers 480. The store is in memory.
    pub stores_messages: bool,
    /// Deliberate faults of the edge.
    pub faults: Faults,
    /// Limits on what a peer can use up.
    pub limits: EdgeLimits,
}

/// Deliberate faults of the edge, to show how user agents cope.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Faults {
    /// Drops every BYE: the edge neither answers nor forwards it.
    pub drop_bye: bool,
    /// Cuts the connection of the callee as soon as the edge has forwarded its first 2xx to an INVITE.
    pub kill_ws_after_answer: bool,
}

/// Limits on what a peer can use up.
#[derive(Clone, Debug)]
pub struct EdgeLimits {
    /// Sizes inside one message.
    pub message: sip_parse::Limits,
    /// Bindings of one address-of-record; one more is answered 403.
    pub bindings_per_user: usize,
    /// Calls whose duration the edge knows; with one more it forgets the oldest, which goes on all the same.
    pub calls: usize,
    /// Requests being forwarded at one time; one more is answered 503.
    pub forwarded_requests: usize,
    /// Subscriptions to what the edge serves; one more is answered 503.
    pub subscriptions: usize,
    /// Those of one user; one more is answered 403.
    pub subscriptions_per_user: usize,
    /// Publications of one user; one more is answered 403.
    pub publications_per_user: usize,
    /// Bytes of a published document; a longer one is answered 413.
    pub publication_bytes: usize,
    /// Stored messages of one user; one more is answered 480.
    pub messages_per_user: usize,
    /// Actions that wait to be polled; at this number [`Edge::receive`](crate::Edge::receive)
    /// refuses input.
    pub actions: usize,
    /// Open sockets of the server, those in their handshake included; the handshake of one more is answered
    /// with 503 and Retry-After.
    pub connections: usize,
    /// Messages that wait for one slow socket; one more and the socket is cut.
    pub queued_messages: usize,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            realm: "localhost".to_owned(),
            domains: Vec::new(),
            users: Vec::new(),
            min_expires: Duration::ZERO,
            max_expires: Duration::from_secs(3600),
            nonce_lifetime: Duration::from_secs(300),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            follow_contacts: true,
            event_packages: EventPackage::ALL.to_vec(),
            notify_interval: Duration::from_secs(5),
            stores_messages: false,
            faults: Faults::default(),
            limits: EdgeLimits::default(),
        }
    }
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            message: sip_parse::Limits::default(),
            bindings_per_user: 8,
            calls: 4096,
            forwarded_requests: 4096,
            subscriptions: 1024,
            subscriptions_per_user: 64,
            publications_per_user: 8,
            publication_bytes: 16_384,
            messages_per_user: 32,
            actions: 4096,
            connections: 1024,
            queued_messages: 256,
        }
    }
}

/// Leaves the passwords out, because the output may be logged.
impl fmt::Debug for EdgeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users: Vec<&str> = self.users.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("EdgeConfig")
            .field("listen", &self.listen)
            .field("realm", &self.realm)
            .field("domains", &self.domains)
            .field("users", &users)
            .field("min_expires", &self.min_expires)
            .field("max_expires", &self.max_expires)
            .field("nonce_lifetime", &self.nonce_lifetime)
            .field("algorithms", &self.algorithms)
            .field("follow_contacts", &self.follow_contacts)
            .field("event_packages", &self.event_packages)
            .field("notify_interval", &self.notify_interval)
            .field("stores_messages", &self.stores_messages)
            .field("faults", &self.faults)
            .field("limits", &self.limits)
            .finish()
    }
}

/// A configuration that cannot be served.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeConfigError {
    /// The realm or a domain is empty or has characters that no quoted string or host may hold.
    #[error("{0:?} is no realm or domain: letters, digits, \".\", \"-\" and \":\" are")]
    Realm(String),
    /// A user without a name.
    #[error("a user needs a name")]
    UserName,
    /// Two users of the same name.
    #[error("there are two users {0:?}")]
    RepeatedUser(String),
    /// `min_expires` is over an hour (RFC 3261 section 10.3) or above `max_expires`, or
    /// `max_expires` is below a second or above 2^32 - 1 seconds.
    #[error(
        "min_expires must be at most an hour and at most max_expires, max_expires 1 to 4294967295 seconds"
    )]
    Expires,
    /// The realm and the algorithms make no challenge.
    #[error("no challenge can be made: {0}")]
    Challenge(#[from] DigestServerError),
    /// A limit that is zero.
    #[error("no limit can be zero")]
    Limit,
}

impl EdgeConfig {
    /// Checks what the types cannot express.
    pub(crate) fn validate(&self) -> Result<(), EdgeConfigError> {
        for name in self.domains.iter().chain([&self.realm]) {
            let host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
            if name.is_empty() || !name.bytes().all(host) {
                return Err(EdgeConfigError::Realm(name.clone()));
            }
        }
        let mut names = BTreeSet::new();
        for (name, _) in &self.users {
            if name.is_empty() {
                return Err(EdgeConfigError::UserName);
            }
            if !names.insert(name) {
                return Err(EdgeConfigError::RepeatedUser(name.clone()));
            }
        }
        let longest = self.max_expires.as_secs();
        if self.min_expires > Duration::from_secs(3600)
            || self.min_expires > self.max_expires
            || longest == 0
            || u32::try_from(longest).is_err()
        {
            return Err(EdgeConfigError::Expires);
        }
        let limits = &self.limits;
        let numbers = [
            limits.bindings_per_user,
            limits.calls,
            limits.forwarded_requests,
            limits.subscriptions,
            limits.subscriptions_per_user,
            limits.publications_per_user,
            limits.publication_bytes,
            limits.messages_per_user,
            limits.actions,
            limits.connections,
            limits.queued_messages,
        ];
        if numbers.contains(&0) {
            return Err(EdgeConfigError::Limit);
        }
        Ok(())
    }

    /// Sorts the users, so that [`EdgeConfig::password`] finds each without a walk.
    pub(crate) fn sort_users(&mut self) {
        self.users.sort_by(|(one, _), (other, _)| one.cmp(other));
    }

    /// The password of a user, once the users are sorted.
    pub(crate) fn password(&self, user: &str) -> Option<&str> {
        let place = self
            .users
            .binary_search_by(|(name, _)| name.as_str().cmp(user));
        let (_, password) = self.users.get(place.ok()?)?;
        Some(password)
    }
}

/// The hosts that the edge is responsible for (RFC 3261 section 16.5).
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    names: Vec<String>,
}

impl Domain {
    pub(crate) fn new(config: &EdgeConfig) -> Self {
        let address = match config.listen.ip() {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        };
        let mut names = config.domains.clone();
        names.extend([config.realm.clone(), address]);
        if config.listen.ip().is_loopback() {
            names.push("localhost".to_owned());
        }
        Self { names }
    }

    /// Whether the host of this URI is ours. The port does not matter, because all ports of the host belong to
    /// the edge.
    pub(crate) fn holds(&self, uri: &Uri<'_>) -> bool {
        let host = uri.host_bytes();
        self.names
            .iter()
            .any(|name| name.as_bytes().eq_ignore_ascii_case(host))
    }

    /// The user part of an address-of-record in this domain, unescaped; `None` if it is of another
    /// domain, or has no user or one that is not text (no such user can be configured).
    pub(crate) fn user(&self, uri: &Uri<'_>) -> Option<String> {
        if !self.holds(uri) {
            return None;
        }
        String::from_utf8(uri.user_unescaped()?.into_owned())
            .ok()
            .filter(|user| !user.is_empty())
    }
}
