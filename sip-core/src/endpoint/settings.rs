//! The plain settings of an [`Endpoint`](super::Endpoint).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::UriBuf;

use crate::auth::{Algorithm, Credentials, DigestPolicy};
use crate::config::{LogLevel, SessionRefresher, Support};
use crate::limits::Limits;
use crate::transaction::TimerSettings;

/// Plain settings of an [`Endpoint`](super::Endpoint); [`EndpointSettings::new`] fills in the defaults.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndpointSettings {
    /// The names of the endpoint on the wire.
    pub identity: IdentitySettings,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// The credentials that answer a 401 or 407 (RFC 3261 section 22); without them the response is final.
    pub credentials: Option<Credentials>,
    /// Whose challenges they answer.
    pub challenges: ChallengeSettings,
    /// The timers of RFC 3261 table 4.
    pub timers: TimerSettings,
    /// The upper bounds of every table and queue of the endpoint.
    pub limits: Limits,
    /// A transport token for Via that replaces that of the connection.
    pub via_transport: Option<&'static str>,
    /// Whether Via has `rport` on every transport; on UDP it always has (RFC 3581 section 3).
    pub rport: bool,
}

/// The names of an endpoint on the wire. The endpoint draws each `None` at random, unless the field names
/// another default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IdentitySettings {
    /// The URI of From in requests outside dialogs.
    pub address_of_record: UriBuf,
    /// Where REGISTER goes; `None`: the address-of-record without its user part.
    pub registrar: Option<UriBuf>,
    /// The user part of Contact.
    pub contact_user: Option<Box<str>>,
    /// Host, with an optional port, of Via and Contact; `None`: a random `.invalid` name (RFC 7118 appendix B.1).
    pub host: Option<Box<str>>,
    /// The transport parameter of Contact, such as `ws`; `None`: no parameter.
    pub contact_transport: Option<Box<str>>,
    /// The UUID of the instance (RFC 5626 section 4.1), without `urn:uuid:`.
    pub instance: Option<Box<str>>,
    /// The option tags of Supported (RFC 3261 section 20.37), without `100rel` and `replaces`, which
    /// follow [`Behaviour::reliable_provisionals`] and [`Behaviour::replaces`].
    pub supported: Vec<Box<str>>,
}

/// Whose challenges an endpoint answers (`auth/trust.rs` has the table). The endpoint answers its own servers: the
/// registrar, the proxies that challenge with an own realm, and the servers of the own domain. It answers a peer only
/// if the realm is listed here, because a digest lets the party that chose the nonce guess the password.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChallengeSettings {
    /// Own realms beside those that the registrar names, the domain of the address-of-record, and its hosts.
    pub own_realms: Vec<Box<str>>,
    /// The weakest hash function that an own server may ask for.
    pub weakest: Algorithm,
    /// The realms of peers that are answered, compared exactly; none by default.
    pub peer_realms: Vec<Box<str>>,
    /// The weakest hash function that a peer may ask for; a peer must offer qop besides.
    pub weakest_of_peers: Algorithm,
}

/// How an endpoint behaves; all of it may change at run time.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Behaviour {
    /// The value of User-Agent.
    pub user_agent: Box<str>,
    /// The display name of From.
    pub display_name: Option<Box<str>>,
    /// Whether the application takes REFER within calls (RFC 3515): Allow lists it then; else the endpoint refuses it by 403.
    pub takes_refer: bool,
    /// Whether the application takes REFER outside calls, too; else the endpoint refuses it by 403.
    pub takes_refer_outside: bool,
    /// Whether the application takes MESSAGE, INFO and NOTIFY: Allow lists them then; else the endpoint refuses them by 405.
    pub takes_requests: bool,
    /// What the application takes within calls beside what the endpoint knows itself.
    pub extensions: Box<Extensions>,
    /// Whether the messages of a call carry Session-ID (RFC 7989).
    pub session_id: bool,
    /// Whether the endpoint takes requests to any user, as a switch does; else it refuses those to a user that is not its own by 404.
    pub takes_any_user: bool,
    /// How it uses reliable provisional responses (RFC 3262). Unless [`Support::None`], Supported lists `100rel` and Allow lists
    /// PRACK. With [`Support::Required`] it refuses the INVITE of a peer without them by 421. Fixed when the endpoint is made.
    pub reliable_provisionals: Support,
    /// How it uses Replaces (RFC 3891). Unless [`Support::None`], Supported lists `replaces`, and the Replaces of an INVITE is
    /// matched with the calls. With [`Support::Required`] Require of an INVITE lists it, and the endpoint refuses the INVITE
    /// of a peer without it by 421. Fixed when the endpoint is made.
    pub replaces: Support,
    /// Whether requests outside dialogs go through the connected server by a Route of their own.
    pub preloaded_route: bool,
    /// Whether the application answers challenges in place of the core.
    pub application_authenticates: bool,
    /// Whether a command without a connection waits for one; otherwise it fails at once.
    pub queue_requests: bool,
    /// How long an incoming call waits for the application.
    pub no_answer_timeout: Duration,
    /// How long an exchange of descriptions waits for that of the application, less where the peer waits 64 T1 for the answer.
    pub offer_timeout: Duration,
    /// The session interval to ask for in calls (RFC 4028 section 4), in whole seconds; `None`: calls have a session timer
    /// only if the peer or a proxy asks for one. Session timers need the option tag `timer` in
    /// [`IdentitySettings::supported`]; without it the core leaves them out.
    pub session_expires: Option<Duration>,
    /// The shortest session interval that is accepted, at least 90 s (RFC 4028 section 5).
    pub min_se: Duration,
    /// The shortest subscription of a peer that is accepted; a SUBSCRIBE for less is refused by 423 (RFC 6665 section 4.2.1.1).
    pub min_subscription: Duration,
    /// The side that refreshes, where the core has the choice.
    pub session_refresher: SessionRefresher,
    /// The core makes no log records above this level.
    pub log_level: LogLevel,
    /// Whether the core emits a trace record for each message.
    pub trace: bool,
    /// Whether trace records show credentials.
    pub trace_credentials: bool,
}

/// What the application takes within calls beside what the endpoint knows itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Extensions {
    /// Methods whose requests the application answers, outside dialogs and within calls: Allow lists them then; else the endpoint
    /// refuses them by 501.
    pub methods: Vec<Box<str>>,
    /// The info packages that the application takes (RFC 6086).
    pub info_packages: Vec<Box<str>>,
    /// Media types that the application reads in an INVITE beside the session description.
    pub bodies: Vec<Box<str>>,
    /// The event packages of which the application is the notifier (RFC 6665): Allow-Events lists them; the endpoint refuses a
    /// SUBSCRIBE to another one by 489, and every SUBSCRIBE outside dialogs by 405 if there are none. Not `refer`, whose
    /// subscriptions REFER makes.
    pub event_packages: Vec<Box<str>>,
    /// Whether the application may answer requests of methods that the endpoint does not handle, outside dialogs and within calls,
    /// before it refuses them by 405 or 501.
    pub offers_unknown_methods: bool,
}

impl EndpointSettings {
    /// Settings of an endpoint with this address-of-record: no credentials, default timers and limits.
    #[must_use]
    pub fn new(address_of_record: UriBuf) -> Self {
        Self {
            identity: IdentitySettings {
                address_of_record,
                registrar: None,
                contact_user: None,
                host: None,
                contact_transport: None,
                instance: None,
                supported: Vec::new(),
            },
            behaviour: Behaviour::default(),
            credentials: None,
            challenges: ChallengeSettings::default(),
            timers: TimerSettings::default(),
            limits: Limits::default(),
            via_transport: None,
            rport: false,
        }
    }
}

impl Default for ChallengeSettings {
    fn default() -> Self {
        let policy = DigestPolicy::default();
        Self {
            own_realms: policy.own_realms,
            weakest: policy.weakest,
            peer_realms: policy.peer_realms,
            weakest_of_peers: policy.weakest_of_peers,
        }
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            user_agent: concat!("sip-core/", env!("CARGO_PKG_VERSION")).into(),
            display_name: None,
            takes_refer: false,
            takes_refer_outside: false,
            takes_requests: false,
            extensions: Box::default(),
            session_id: false,
            takes_any_user: false,
            reliable_provisionals: Support::None,
            replaces: Support::None,
            preloaded_route: false,
            application_authenticates: false,
            queue_requests: false,
            no_answer_timeout: Duration::from_secs(60),
            offer_timeout: Duration::from_secs(30),
            session_expires: None,
            min_se: Duration::from_secs(90),
            min_subscription: Duration::from_secs(60),
            session_refresher: SessionRefresher::Auto,
            log_level: LogLevel::Log,
            trace: false,
            trace_credentials: false,
        }
    }
}
