//! The configuration of a user agent: the parameters of SIP.js's `SIP.UA`, typed and checked.
//!
//! Three forms mean the same: the Rust builder ([`Config::builder`]), the SIP.js JSON form
//! (the crate `sip-sipjs`), and the flags of a program, which are builder calls on
//! top of a file. The parameters keep their names, in snake_case here; durations are [`Duration`],
//! URIs are parsed, the server list is never empty, and no secret is ever printed.
//!
//! ```
//! use core::time::Duration;
//! use sip_core::config::Config;
//!
//! let config = Config::builder()
//!     .uri("alice@example.com")
//!     .server("wss://edge.example.com/ws")
//!     .password("hunter2")
//!     .register_expires(Duration::from_secs(300))
//!     .build()?;
//! assert_eq!(config.authorization_user(), Some("alice"));
//! assert!(!format!("{config:?}").contains("hunter2"));
//!
//! let errors = Config::builder().uri("alice").no_answer_timeout(Duration::ZERO).build().unwrap_err();
//! assert_eq!(errors.iter().count(), 2);
//! # Ok::<(), sip_core::config::ConfigErrors>(())
//! ```

mod address;
mod builder;
mod checks;
mod error;
mod explain;
mod parameter;
mod server;
mod values;
mod wiring;

pub use builder::{ConfigBuilder, FLOWS_LIMIT, OPTIONS_LIMIT, SERVERS_LIMIT};
pub use error::{ConfigError, ConfigErrorKind, ConfigErrors};
pub use explain::Explained;
pub use parameter::{Origin, Parameter, Source};
pub use server::{SERVER_URL_LIMIT, Server, ServerUrl, ServerUrlError};
pub use values::{Authentication, DtmfType, IpInContact, Log, LogLevel, OfflineRequests, Support};
pub use wiring::Unsupported;

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, sync::Arc, vec, vec::Vec};
use core::{fmt, time::Duration};

use sip_parse::UriBuf;

use crate::auth::Secret;
use parameter::Sources;

/// The server of the page's default.
const DEFAULT_SERVER: &str = "wss://edge.sip.onsip.com";

/// The default of `userAgentString`.
const DEFAULT_USER_AGENT: &str = concat!("sip-core/", env!("CARGO_PKG_VERSION"));

/// A checked configuration; it cannot change, and a clone shares it.
///
/// `Debug` shows every parameter, secrets as `[redacted]`. What is drawn at random when nobody gives
/// it (`uri`, `instance_id`, the names in Contact and Via) is `None` here: a user agent draws it.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    settings: Arc<Settings>,
}

/// What a [`Config`] holds, and a builder fills.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settings {
    sources: Sources,
    uri: Option<UriBuf>,
    servers: Vec<Server>,
    display_name: Option<String>,
    authorization_user: Option<String>,
    secret: Option<Secret>,
    authentication: Authentication,
    autostart: bool,
    autostop: bool,
    register: bool,
    register_expires: Duration,
    registrar_server: Option<UriBuf>,
    instance_id: Option<String>,
    user_agent_string: String,
    hack_via_tcp: bool,
    hack_ip_in_contact: IpInContact,
    hack_wss_in_transport: bool,
    hack_allow_unregistered_option_tags: bool,
    use_preloaded_route: bool,
    no_answer_timeout: Duration,
    rel100: Support,
    replaces: Support,
    allow_legacy_notifications: bool,
    allow_out_of_dialog_refers: bool,
    connection_recovery_min_interval: Duration,
    connection_recovery_max_interval: Duration,
    outbound_flows: u8,
    outbound_recovery: bool,
    ask_server_url: bool,
    offline_requests: OfflineRequests,
    ws_server_max_reconnection: u32,
    ws_server_reconnection_timeout: Duration,
    connection_timeout: Duration,
    keep_alive_interval: Option<Duration>,
    trace_sip: bool,
    trace_sip_credentials: bool,
    log: Log,
    contact_name: Option<String>,
    contact_transport: String,
    force_rport: bool,
    extra_supported: Vec<String>,
    dtmf_type: DtmfType,
    session_description_handler_factory_options: Opaque,
    custom: Opaque,
}

/// What is passed through unread. `Debug` shows the keys alone: TURN passwords live here.
#[derive(Clone, Default, PartialEq, Eq)]
struct Opaque(BTreeMap<String, String>);

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sources: Sources::NONE,
            uri: None,
            servers: ServerUrl::parse(DEFAULT_SERVER)
                .map_or_else(|_| Vec::new(), |url| vec![Server { url, weight: 0 }]),
            display_name: None,
            authorization_user: None,
            secret: None,
            authentication: Authentication::Digest,
            autostart: true,
            autostop: false,
            register: true,
            register_expires: Duration::from_secs(600),
            registrar_server: None,
            instance_id: None,
            user_agent_string: DEFAULT_USER_AGENT.to_owned(),
            hack_via_tcp: false,
            hack_ip_in_contact: IpInContact::No,
            hack_wss_in_transport: false,
            hack_allow_unregistered_option_tags: false,
            use_preloaded_route: false,
            no_answer_timeout: Duration::from_secs(60),
            rel100: Support::None,
            replaces: Support::None,
            allow_legacy_notifications: false,
            allow_out_of_dialog_refers: false,
            connection_recovery_min_interval: Duration::from_secs(2),
            connection_recovery_max_interval: Duration::from_secs(30),
            outbound_flows: 1,
            outbound_recovery: false,
            ask_server_url: false,
            offline_requests: OfflineRequests::Fail,
            ws_server_max_reconnection: 3,
            ws_server_reconnection_timeout: Duration::from_secs(4),
            connection_timeout: Duration::from_secs(5),
            keep_alive_interval: Some(Duration::from_secs(120)),
            trace_sip: false,
            trace_sip_credentials: false,
            log: Log::default(),
            contact_name: None,
            contact_transport: "ws".to_owned(),
            force_rport: false,
            extra_supported: Vec::new(),
            dtmf_type: DtmfType::Info,
            session_description_handler_factory_options: Opaque::default(),
            custom: Opaque::default(),
        }
    }
}

impl Config {
    /// A builder in which every parameter has its default.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// A builder that holds this configuration, to change some of it.
    pub fn to_builder(&self) -> ConfigBuilder {
        ConfigBuilder::from_settings((*self.settings).clone())
    }

    /// The same with other servers, of which there is at least one.
    pub(crate) fn with_servers(&self, servers: Vec<Server>) -> Self {
        let mut settings = (*self.settings).clone();
        settings.servers = servers;
        settings.sources.note(Parameter::WsServers, Source::Code);
        Self {
            settings: Arc::new(settings),
        }
    }

    /// Where the value of `parameter` came from.
    pub fn source(&self, parameter: Parameter) -> Source {
        self.settings.sources.of(parameter)
    }

    /// The address-of-record (RFC 3261 section 6): `sip:` or `sips:`, with a user part, without a
    /// password or headers. `None`: `sip:anonymous.X@anonymous.invalid` is to be drawn.
    pub fn uri(&self) -> Option<&UriBuf> {
        self.settings.uri.as_ref()
    }

    /// `wsServers`: where to connect, at least one, in the order given.
    pub fn servers(&self) -> &[Server] {
        &self.settings.servers
    }

    /// `displayName`: for From and Contact, not yet quoted or escaped; `None` when there is none.
    pub fn display_name(&self) -> Option<&str> {
        self.settings.display_name.as_deref()
    }

    /// `authorizationUser`: the digest username; when not given, the unescaped user part of
    /// [`uri`](Self::uri). `None` only when the URI is to be drawn.
    pub fn authorization_user(&self) -> Option<&str> {
        self.settings.authorization_user.as_deref()
    }

    /// `password` or `ha1`; `None`: a challenge is surfaced and nothing is hashed.
    pub fn secret(&self) -> Option<&Secret> {
        self.settings.secret.as_ref()
    }

    /// `authenticationFactory`: who answers a challenge.
    pub fn authentication(&self) -> Authentication {
        self.settings.authentication
    }

    /// `autostart`: whether the first poll yields a connect.
    pub fn autostart(&self) -> bool {
        self.settings.autostart
    }

    /// `autostop`: SIP.js stops when its page unloads; see [`unsupported`](Self::unsupported).
    pub fn autostop(&self) -> bool {
        self.settings.autostop
    }

    /// `register`: whether each connection begins with a REGISTER.
    pub fn register(&self) -> bool {
        self.settings.register
    }

    /// `registerExpires`: the expiry asked of the registrar, whole seconds (RFC 3261 section 10.2.1.1).
    pub fn register_expires(&self) -> Duration {
        self.settings.register_expires
    }

    /// `registrarServer`: the Request-URI of REGISTER (RFC 3261 section 10.2), without a user part;
    /// when not given, [`uri`](Self::uri) without it. `None` only when the URI is to be drawn.
    pub fn registrar_server(&self) -> Option<&UriBuf> {
        self.settings.registrar_server.as_ref()
    }

    /// `instanceId`: a UUID as given, for `+sip.instance="<urn:uuid:..>"` (RFC 5626 section 4.1).
    /// `None`: to be drawn, and reported so that the host can keep it.
    pub fn instance_id(&self) -> Option<&str> {
        self.settings.instance_id.as_deref()
    }

    /// `userAgentString`: the whole value of User-Agent (RFC 3261 section 20.41).
    pub fn user_agent_string(&self) -> &str {
        &self.settings.user_agent_string
    }

    /// `hackViaTcp`: whether Via says `TCP`.
    pub fn hack_via_tcp(&self) -> bool {
        self.settings.hack_via_tcp
    }

    /// `hackIpInContact`: the host in Contact and in Via.
    pub fn hack_ip_in_contact(&self) -> &IpInContact {
        &self.settings.hack_ip_in_contact
    }

    /// `hackWssInTransport`: whether Contact says `transport=wss`.
    pub fn hack_wss_in_transport(&self) -> bool {
        self.settings.hack_wss_in_transport
    }

    /// `hackAllowUnregisteredOptionTags`: whether `extraSupported` may hold tags that IANA does not know.
    pub fn hack_allow_unregistered_option_tags(&self) -> bool {
        self.settings.hack_allow_unregistered_option_tags
    }

    /// `usePreloadedRoute`: whether requests outside dialogs carry a Route to the server in use.
    pub fn use_preloaded_route(&self) -> bool {
        self.settings.use_preloaded_route
    }

    /// `noAnswerTimeout`: how long an incoming call may stay unanswered before the 408.
    pub fn no_answer_timeout(&self) -> Duration {
        self.settings.no_answer_timeout
    }

    /// `rel100`: reliable provisional responses (RFC 3262).
    pub fn rel100(&self) -> Support {
        self.settings.rel100
    }

    /// `replaces`: RFC 3891.
    pub fn replaces(&self) -> Support {
        self.settings.replaces
    }

    /// `allowLegacyNotifications`: whether a NOTIFY without a subscription is an event, not a 481.
    pub fn allow_legacy_notifications(&self) -> bool {
        self.settings.allow_legacy_notifications
    }

    /// `allowOutOfDialogRefers`: whether a REFER outside a dialog is an event, not a 403.
    pub fn allow_out_of_dialog_refers(&self) -> bool {
        self.settings.allow_out_of_dialog_refers
    }

    /// `connectionRecoveryMinInterval`: the shortest wait once all servers have failed.
    pub fn connection_recovery_min_interval(&self) -> Duration {
        self.settings.connection_recovery_min_interval
    }

    /// `connectionRecoveryMaxInterval`: the longest such wait, never below the shortest.
    pub fn connection_recovery_max_interval(&self) -> Duration {
        self.settings.connection_recovery_max_interval
    }

    /// `outboundFlows`: how many servers to be registered through at a time (RFC 5626 section 4.2), 1
    /// to [`FLOWS_LIMIT`]; at most one flow to each server.
    pub fn outbound_flows(&self) -> u8 {
        self.settings.outbound_flows
    }

    /// `askServerUrl`: whether each attempt to connect asks the application for the URL
    /// ([`Event::ServerUrlNeeded`](crate::Event::ServerUrlNeeded)).
    pub fn ask_server_url(&self) -> bool {
        self.settings.ask_server_url
    }

    /// `outboundRecovery`: whether RFC 5626 section 4.5 rules the waits instead of the two intervals.
    pub fn outbound_recovery(&self) -> bool {
        self.settings.outbound_recovery
    }

    /// `offlineRequests`: what becomes of a request that is asked for while there is no connection.
    pub fn offline_requests(&self) -> OfflineRequests {
        self.settings.offline_requests
    }

    /// `wsServerMaxReconnection`: attempts after an established connection drops; 0 for none.
    pub fn ws_server_max_reconnection(&self) -> u32 {
        self.settings.ws_server_max_reconnection
    }

    /// `wsServerReconnectionTimeout`: the time between those attempts.
    pub fn ws_server_reconnection_timeout(&self) -> Duration {
        self.settings.ws_server_reconnection_timeout
    }

    /// `connectionTimeout`: how long one attempt to connect may take.
    pub fn connection_timeout(&self) -> Duration {
        self.settings.connection_timeout
    }

    /// `keepAliveInterval`: the longest silence before a ping (RFC 5626 section 4.4.1); `None`: no
    /// pings unless the registrar asks for them with Flow-Timer.
    pub fn keep_alive_interval(&self) -> Option<Duration> {
        self.settings.keep_alive_interval
    }

    /// `traceSip`: whether each message is reported.
    pub fn trace_sip(&self) -> bool {
        self.settings.trace_sip
    }

    /// `traceSipCredentials`: whether such a report may show credentials.
    pub fn trace_sip_credentials(&self) -> bool {
        self.settings.trace_sip_credentials
    }

    /// `log`, without the connector.
    pub fn log(&self) -> Log {
        self.settings.log
    }

    /// `contactName`: the user part of Contact, escaped; `None`: to be drawn.
    pub fn contact_name(&self) -> Option<&str> {
        self.settings.contact_name.as_deref()
    }

    /// `contactTransport`: the transport parameter of Contact (RFC 7118 section 5.2.3).
    pub fn contact_transport(&self) -> &str {
        &self.settings.contact_transport
    }

    /// `forceRport`: whether Via asks for `rport` (RFC 3581).
    pub fn force_rport(&self) -> bool {
        self.settings.force_rport
    }

    /// `extraSupported`: option tags to add to Supported.
    pub fn extra_supported(&self) -> &[String] {
        &self.settings.extra_supported
    }

    /// `dtmfType`: how tones are sent.
    pub fn dtmf_type(&self) -> DtmfType {
        self.settings.dtmf_type
    }

    /// `sessionDescriptionHandlerFactoryOptions`: for the adapter's factory. From the file form
    /// each value is JSON text.
    pub fn session_description_handler_factory_options(&self) -> &BTreeMap<String, String> {
        &self.settings.session_description_handler_factory_options.0
    }

    /// `custom`: the application's own, passed through. From the file form each value is JSON text.
    pub fn custom(&self) -> &BTreeMap<String, String> {
        &self.settings.custom.0
    }
}

impl Default for Config {
    /// Every parameter at its default.
    fn default() -> Self {
        Self {
            settings: Arc::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
