//! The builder: checks each value as it comes, and what belongs together at the end.

use alloc::{borrow::Cow, borrow::ToOwned, format, string::String, vec::Vec};
use core::{fmt, time::Duration};

use zeroize::Zeroizing;

use crate::auth::{Algorithm, Secret};

use super::{
    Authentication, Config, ConfigError, ConfigErrors, DtmfType, IpInContact, LogLevel,
    OfflineRequests, Opaque, Parameter, Server, ServerUrl, Settings, Source, Support,
    address::{address_of_record, default_authorization_user, default_registrar, registrar},
    checks::{check_intervals, check_option_tags},
    error::{REDACTED, excerpt_of_uri},
    explain::seconds,
    server::excerpt_of_url,
    values::{TEXT_LIMIT, ha1_digits, is_contact_host, is_text, is_token, is_user, uuid},
};

/// The most servers, and the most option tags, that are taken.
pub const SERVERS_LIMIT: usize = 64;

/// The most flows that one agent registers through at a time (RFC 5626 section 4.2.1 wants at least two
/// to be possible).
pub const FLOWS_LIMIT: u8 = 4;

/// The most bytes of keys and values that `custom`, and likewise
/// `sessionDescriptionHandlerFactoryOptions`, may hold.
pub const OPTIONS_LIMIT: usize = 65_536;

/// The longest time a parameter takes, in seconds: what an Expires header can say (RFC 3261
/// section 20.19).
const SECONDS_LIMIT: u64 = u32::MAX as u64;

/// Builds a [`Config`]; from [`Config::builder`] or [`Config::to_builder`].
///
/// Each method sets one parameter and may be called again: the last valid value counts. A bad value
/// is remembered, and [`build`](Self::build) reports them all at once.
#[derive(Clone, Default)]
pub struct ConfigBuilder {
    source: Option<Source>,
    settings: Settings,
    errors: Vec<ConfigError>,
    password: Option<Zeroizing<String>>,
    ha1: Option<Zeroizing<String>>,
    realm: Option<String>,
}

impl fmt::Debug for ConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The credentials are left out; the built Config says whether there are any.
        f.debug_struct("ConfigBuilder")
            .field("settings", &self.settings)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}

impl ConfigBuilder {
    pub(super) fn from_settings(mut settings: Settings) -> Self {
        let mut builder = Self::default();
        // What was derived from other parameters is derived again.
        if !settings.sources.given(Parameter::AuthorizationUser) {
            settings.authorization_user = None;
        }
        if !settings.sources.given(Parameter::RegistrarServer) {
            settings.registrar_server = None;
        }
        builder.settings = settings;
        builder
    }

    /// Says where the values of the following calls come from; [`Source::Code`] until then.
    pub fn source(&mut self, source: Source) -> &mut Self {
        self.source = Some(source);
        self
    }

    /// The source of the values that the next call sets.
    pub fn current_source(&self) -> Source {
        self.source.unwrap_or(Source::Code)
    }

    /// Adds faults that a reader of another form found; [`build`](Self::build) reports all faults in the
    /// order in which they were added.
    pub fn refuse(&mut self, errors: impl IntoIterator<Item = ConfigError>) -> &mut Self {
        self.errors.extend(errors);
        self
    }

    /// Checks what belongs together, and fills in what follows from `uri`.
    ///
    /// # Errors
    /// Every fault of every parameter, at least one.
    pub fn build(&self) -> Result<Config, ConfigErrors> {
        let mut errors = self.errors.clone();
        let mut settings = self.settings.clone();
        let s = &mut settings;
        self.choose_secret(s, &mut errors);
        if let Some(uri) = &s.uri {
            if s.registrar_server.is_none() {
                s.registrar_server = default_registrar(uri);
            }
            if s.authorization_user.is_none() {
                s.authorization_user = default_authorization_user(uri);
                if s.authorization_user.is_none() {
                    errors.push(ConfigError::value(
                        Parameter::AuthorizationUser.name(),
                        "the user part of uri",
                        "given, because that user part is not UTF-8 text without control characters",
                    ));
                }
            }
        }
        check_intervals(s, &mut errors);
        check_option_tags(s, &mut errors);
        if s.servers.is_empty() && errors.is_empty() {
            errors.push(ConfigError::value(
                Parameter::WsServers.name(),
                "empty",
                "at least one server",
            ));
        }
        match ConfigErrors::new(errors) {
            Some(errors) => Err(errors),
            None => Ok(Config {
                settings: alloc::sync::Arc::new(settings),
            }),
        }
    }

    /// A secret given here takes the place of the one that the builder began with.
    fn choose_secret(&self, settings: &mut Settings, errors: &mut Vec<ConfigError>) {
        let mut wrong = |parameter: Parameter, value: &str, expected: &'static str| {
            errors.push(ConfigError::value(parameter.name(), value, expected));
        };
        let unused: &[Parameter] = match (&self.password, &self.ha1, &self.realm) {
            (None, None, None) => return,
            (Some(_), Some(_), _) => {
                let expected = "left out, because password is given too";
                return wrong(Parameter::Ha1, REDACTED, expected);
            }
            (_, None, Some(realm)) => {
                let expected = "left out, because ha1 is not given";
                return wrong(Parameter::Realm, &ConfigError::excerpt(realm), expected);
            }
            (None, Some(_), None) => {
                let expected = "given together with the realm it was made for";
                return wrong(Parameter::Ha1, REDACTED, expected);
            }
            (Some(password), None, None) => {
                settings.secret = Some(Secret::password(password.as_str()));
                &[Parameter::Ha1, Parameter::Realm]
            }
            (None, Some(digits), Some(realm)) => {
                let algorithm = match digits.len() {
                    32 => Algorithm::Md5,
                    _ => Algorithm::Sha256,
                };
                match Secret::ha1(realm.as_str(), algorithm, digits) {
                    Ok(secret) => settings.secret = Some(secret),
                    Err(_) => return wrong(Parameter::Ha1, REDACTED, HA1),
                }
                &[Parameter::Password]
            }
        };
        for &parameter in unused {
            settings.sources.note(parameter, Source::Default);
        }
    }

    /// The secret as a whole, in the place of [`password`](Self::password) and [`ha1`](Self::ha1):
    /// one that was made before, or none.
    pub fn secret(&mut self, secret: Option<Secret>) -> &mut Self {
        (self.password, self.ha1, self.realm) = (None, None, None);
        let is_password = secret.as_ref().map(Secret::is_password);
        for (parameter, given) in [
            (Parameter::Password, is_password == Some(true)),
            (Parameter::Ha1, is_password == Some(false)),
            (Parameter::Realm, is_password == Some(false)),
        ] {
            let source = match given {
                true => self.current_source(),
                false => Source::Default,
            };
            self.settings.sources.note(parameter, source);
        }
        self.settings.secret = secret;
        self
    }

    fn note(&mut self, parameter: Parameter) -> &mut Settings {
        let source = self.current_source();
        self.settings.sources.note(parameter, source);
        &mut self.settings
    }

    fn wrong(
        &mut self,
        parameter: Parameter,
        value: impl Into<String>,
        expected: impl Into<Cow<'static, str>>,
    ) -> &mut Self {
        let value = if parameter.is_secret() {
            REDACTED.to_owned()
        } else {
            value.into()
        };
        let error = ConfigError::value(parameter.name(), value, expected);
        self.errors.push(error);
        self
    }

    /// `uri`: the address-of-record, default `sip:anonymous.X@anonymous.invalid` with a random X.
    ///
    /// A SIP or SIPS URI (RFC 3261 section 19.1) with a user part; `sip:` may be left out. Port and
    /// parameters are kept; a password or headers are refused.
    pub fn uri(&mut self, uri: impl AsRef<str>) -> &mut Self {
        let text = uri.as_ref();
        match address_of_record(text) {
            Ok(uri) => self.note(Parameter::Uri).uri = Some(uri),
            Err(expected) => return self.wrong(Parameter::Uri, excerpt_of_uri(text), expected),
        }
        self
    }

    /// `wsServers`, one more with weight 0. The first one of a [source](Self::source) takes the
    /// place of what came from another, the default included.
    pub fn server(&mut self, url: impl AsRef<str>) -> &mut Self {
        self.weighted_server(url, 0)
    }

    /// `wsServers`, one more: as [`server`](Self::server), of higher weight tried first.
    pub fn weighted_server(&mut self, url: impl AsRef<str>, weight: i64) -> &mut Self {
        if self.settings.sources.of(Parameter::WsServers) != self.current_source() {
            self.note(Parameter::WsServers).servers.clear();
        }
        self.push_server(Parameter::WsServers.name(), url.as_ref(), weight);
        self
    }

    /// `wsServers`, all of them: each a `ws:` or `wss:` URL (see [`ServerUrl::parse`]) and its
    /// weight. At least one, at most [`SERVERS_LIMIT`].
    pub fn servers<U: AsRef<str>>(
        &mut self,
        servers: impl IntoIterator<Item = (U, i64)>,
    ) -> &mut Self {
        self.servers_or_faults(servers.into_iter().map(Ok))
    }

    /// `wsServers`, all of them: as [`servers`](Self::servers), for a reader of another form, which gives the
    /// fault of a server in the place of the server.
    pub fn servers_or_faults<U: AsRef<str>>(
        &mut self,
        servers: impl IntoIterator<Item = Result<(U, i64), ConfigError>>,
    ) -> &mut Self {
        self.note(Parameter::WsServers).servers.clear();
        let mut count = 0;
        for server in servers {
            let place = format!("{}[{count}]", Parameter::WsServers.name());
            count += 1;
            match server {
                Ok((url, weight)) => self.push_server(place, url.as_ref(), weight),
                Err(error) => self.errors.push(error),
            }
            if count > SERVERS_LIMIT {
                break;
            }
        }
        if count == 0 {
            return self.wrong(Parameter::WsServers, "empty", "at least one server");
        }
        self
    }

    /// `place` names the server in an error.
    fn push_server(&mut self, place: impl Into<Cow<'static, str>>, url: &str, weight: i64) {
        if self.settings.servers.len() >= SERVERS_LIMIT {
            let expected = format!("a list of at most {SERVERS_LIMIT} servers");
            self.wrong(Parameter::WsServers, "longer", expected);
            return;
        }
        match ServerUrl::parse(url) {
            Ok(url) => self.settings.servers.push(Server { url, weight }),
            Err(error) => {
                let expected = format!("{error}");
                self.errors
                    .push(ConfigError::value(place, excerpt_of_url(url), expected));
            }
        }
    }

    /// `displayName`: any text without control characters, default none. It is quoted and escaped
    /// when it is written (RFC 3261 section 25.1).
    pub fn display_name(&mut self, name: impl AsRef<str>) -> &mut Self {
        let name = name.as_ref();
        if !is_text(name) {
            return self.wrong(Parameter::DisplayName, ConfigError::excerpt(name), TEXT);
        }
        self.note(Parameter::DisplayName).display_name =
            (!name.is_empty()).then(|| name.to_owned());
        self
    }

    /// `authorizationUser`: the digest username (RFC 7616 section 3.4), default the unescaped user
    /// part of `uri`.
    pub fn authorization_user(&mut self, user: impl AsRef<str>) -> &mut Self {
        let user = user.as_ref();
        if user.is_empty() || !is_text(user) {
            return self.wrong(
                Parameter::AuthorizationUser,
                ConfigError::excerpt(user),
                SOME_TEXT,
            );
        }
        self.note(Parameter::AuthorizationUser).authorization_user = Some(user.to_owned());
        self
    }

    /// `password`: in clear, default none. Not together with [`ha1`](Self::ha1).
    pub fn password(&mut self, password: impl AsRef<str>) -> &mut Self {
        let password = password.as_ref();
        if password.is_empty() || password.len() > TEXT_LIMIT {
            let expected = format!("text of 1 to {TEXT_LIMIT} bytes, or left out for none");
            return self.wrong(Parameter::Password, "", expected);
        }
        self.note(Parameter::Password);
        self.password = Some(Zeroizing::new(password.to_owned()));
        self
    }

    /// Instead of a password, what is made of it for one realm: the hexadecimal digits of
    /// H(username ":" realm ":" password), RFC 7616 section 3.4.2; 32 of MD5, or 64 of SHA-256.
    pub fn ha1(&mut self, realm: impl AsRef<str>, digits: impl AsRef<str>) -> &mut Self {
        self.realm(realm).ha1_digits(digits)
    }

    /// `realm`: the realm that the digits of [`ha1_digits`](Self::ha1_digits) were made for.
    pub fn realm(&mut self, realm: impl AsRef<str>) -> &mut Self {
        let realm = realm.as_ref();
        if realm.is_empty() || !is_text(realm) {
            return self.wrong(Parameter::Realm, ConfigError::excerpt(realm), SOME_TEXT);
        }
        self.note(Parameter::Realm);
        self.realm = Some(realm.to_owned());
        self
    }

    /// `ha1`: the digits alone; [`realm`](Self::realm) belongs to them.
    pub fn ha1_digits(&mut self, digits: impl AsRef<str>) -> &mut Self {
        let Some(digits) = ha1_digits(digits.as_ref()) else {
            return self.wrong(Parameter::Ha1, "", HA1);
        };
        self.note(Parameter::Ha1);
        self.ha1 = Some(Zeroizing::new(digits));
        self
    }

    /// `authenticationFactory`: who answers a challenge, default [`Authentication::Digest`].
    pub fn authentication(&mut self, by: Authentication) -> &mut Self {
        self.note(Parameter::AuthenticationFactory).authentication = by;
        self
    }

    /// `autostart`: true (the default): the first poll yields a connect; false: nothing happens
    /// until the user agent is started.
    pub fn autostart(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::Autostart).autostart = yes;
        self
    }

    /// `autostop`: stop when the page unloads, default false, since there is no page.
    pub fn autostop(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::Autostop).autostop = yes;
        self
    }

    /// `register`: register on each connection, default true.
    pub fn register(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::Register).register = yes;
        self
    }

    /// `registerExpires`: what to ask of the registrar, default 600 s; whole seconds from 1 to
    /// 4294967295 (RFC 3261 section 20.19).
    pub fn register_expires(&mut self, expires: Duration) -> &mut Self {
        if expires.as_secs() == 0 || expires.subsec_nanos() != 0 || is_too_long(expires) {
            let expected = "a whole number of seconds from 1 to 4294967295";
            return self.wrong(Parameter::RegisterExpires, seconds(expires), expected);
        }
        self.note(Parameter::RegisterExpires).register_expires = expires;
        self
    }

    /// `registrarServer`: the Request-URI of REGISTER, default `uri` without its user part. A SIP or
    /// SIPS URI without a user part (RFC 3261 section 10.2); `sip:` may be left out.
    pub fn registrar_server(&mut self, uri: impl AsRef<str>) -> &mut Self {
        let text = uri.as_ref();
        match registrar(text) {
            Ok(uri) => self.note(Parameter::RegistrarServer).registrar_server = Some(uri),
            Err(expected) => {
                return self.wrong(Parameter::RegistrarServer, excerpt_of_uri(text), expected);
            }
        }
        self
    }

    /// `instanceId`: a UUID, perhaps after `uuid:`, default a random one. A stable one belongs in the
    /// host's storage (RFC 5626 section 4.1).
    pub fn instance_id(&mut self, id: impl AsRef<str>) -> &mut Self {
        let id = id.as_ref();
        let Some(uuid) = uuid(id) else {
            let expected =
                "a UUID like 8f1fa16a-1165-4a96-8341-785b1ef24f12, with uuid: before it or not";
            return self.wrong(Parameter::InstanceId, ConfigError::excerpt(id), expected);
        };
        self.note(Parameter::InstanceId).instance_id = Some(uuid.to_owned());
        self
    }

    /// `userAgentString`: the whole value of User-Agent (RFC 3261 section 20.41), default this
    /// crate's name and version.
    pub fn user_agent_string(&mut self, value: impl AsRef<str>) -> &mut Self {
        let value = value.as_ref();
        if value.trim().is_empty() || !is_text(value) {
            return self.wrong(
                Parameter::UserAgentString,
                ConfigError::excerpt(value),
                SOME_TEXT,
            );
        }
        self.note(Parameter::UserAgentString).user_agent_string = value.trim().to_owned();
        self
    }

    /// `hackViaTcp`: say `TCP` in Via, default false; changes nothing else.
    pub fn hack_via_tcp(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::HackViaTcp).hack_via_tcp = yes;
        self
    }

    /// `hackIpInContact`: the host in Contact and Via, default false. True: a random address of
    /// 192.0.2.0/24; a text: that host.
    pub fn hack_ip_in_contact(&mut self, host: impl Into<IpInContact>) -> &mut Self {
        let host = host.into();
        if let IpInContact::Host(name) = &host
            && !is_contact_host(name)
        {
            let expected =
                "true, false, or a host: a name, an IPv4 address, or an IPv6 address in brackets";
            return self.wrong(
                Parameter::HackIpInContact,
                ConfigError::excerpt(name),
                expected,
            );
        }
        self.note(Parameter::HackIpInContact).hack_ip_in_contact = host;
        self
    }

    /// `hackWssInTransport`: say `transport=wss` in Contact, default false; changes nothing else.
    pub fn hack_wss_in_transport(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::HackWssInTransport)
            .hack_wss_in_transport = yes;
        self
    }

    /// `hackAllowUnregisteredOptionTags`: let [`extra_supported`](Self::extra_supported) hold tags
    /// that IANA does not know, default false.
    pub fn hack_allow_unregistered_option_tags(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::HackAllowUnregisteredOptionTags)
            .hack_allow_unregistered_option_tags = yes;
        self
    }

    /// `usePreloadedRoute`: begin requests outside dialogs with `Route: <sip:host[:port];lr;transport=ws>`
    /// of the server in use, default false.
    pub fn use_preloaded_route(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::UsePreloadedRoute).use_preloaded_route = yes;
        self
    }

    /// `noAnswerTimeout`: after which an unanswered incoming call gets 408, default 60 s; more than 0.
    pub fn no_answer_timeout(&mut self, time: Duration) -> &mut Self {
        if self.is_time(Parameter::NoAnswerTimeout, time) {
            self.note(Parameter::NoAnswerTimeout).no_answer_timeout = time;
        }
        self
    }

    /// `rel100`: reliable provisional responses (RFC 3262), default [`Support::None`].
    pub fn rel100(&mut self, support: Support) -> &mut Self {
        self.note(Parameter::Rel100).rel100 = support;
        self
    }

    /// `replaces`: RFC 3891, default [`Support::None`].
    pub fn replaces(&mut self, support: Support) -> &mut Self {
        self.note(Parameter::Replaces).replaces = support;
        self
    }

    /// `allowLegacyNotifications`: take a NOTIFY that has no subscription, default false.
    pub fn allow_legacy_notifications(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::AllowLegacyNotifications)
            .allow_legacy_notifications = yes;
        self
    }

    /// `allowOutOfDialogRefers`: let the application decide on a REFER outside a dialog, default
    /// false (403).
    pub fn allow_out_of_dialog_refers(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::AllowOutOfDialogRefers)
            .allow_out_of_dialog_refers = yes;
        self
    }

    /// `connectionRecoveryMinInterval`: the shortest wait once all servers have failed, default 2 s;
    /// more than 0, at most the maximum.
    pub fn connection_recovery_min_interval(&mut self, time: Duration) -> &mut Self {
        if self.is_time(Parameter::ConnectionRecoveryMinInterval, time) {
            self.note(Parameter::ConnectionRecoveryMinInterval)
                .connection_recovery_min_interval = time;
        }
        self
    }

    /// `connectionRecoveryMaxInterval`: the longest wait once all servers have failed, default 30 s.
    pub fn connection_recovery_max_interval(&mut self, time: Duration) -> &mut Self {
        if self.is_time(Parameter::ConnectionRecoveryMaxInterval, time) {
            self.note(Parameter::ConnectionRecoveryMaxInterval)
                .connection_recovery_max_interval = time;
        }
        self
    }

    /// `outboundFlows`: how many servers to be registered through at a time (RFC 5626 section 4.2.1),
    /// default 1; 1 to [`FLOWS_LIMIT`]. More than one takes a registrar that supports it.
    pub fn outbound_flows(&mut self, flows: u8) -> &mut Self {
        if !(1..=FLOWS_LIMIT).contains(&flows) {
            return self.wrong(Parameter::OutboundFlows, format!("{flows}"), FLOWS);
        }
        self.note(Parameter::OutboundFlows).outbound_flows = flows;
        self
    }

    /// `askServerUrl`: before each attempt to connect ask the application for the URL, as for one that
    /// carries a fresh token, default false.
    pub fn ask_server_url(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::AskServerUrl).ask_server_url = yes;
        self
    }

    /// `outboundRecovery`: wait as RFC 5626 section 4.5 says instead, default false.
    pub fn outbound_recovery(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::OutboundRecovery).outbound_recovery = yes;
        self
    }

    /// `offlineRequests`: requests without a connection fail or wait, default [`OfflineRequests::Fail`].
    pub fn offline_requests(&mut self, what: OfflineRequests) -> &mut Self {
        self.note(Parameter::OfflineRequests).offline_requests = what;
        self
    }

    /// `wsServerMaxReconnection`: attempts at one server after its connection drops, default 3;
    /// 0: the next server at once.
    pub fn ws_server_max_reconnection(&mut self, attempts: u32) -> &mut Self {
        self.note(Parameter::WsServerMaxReconnection)
            .ws_server_max_reconnection = attempts;
        self
    }

    /// `wsServerReconnectionTimeout`: the time between those attempts, default 4 s; more than 0.
    pub fn ws_server_reconnection_timeout(&mut self, time: Duration) -> &mut Self {
        if self.is_time(Parameter::WsServerReconnectionTimeout, time) {
            self.note(Parameter::WsServerReconnectionTimeout)
                .ws_server_reconnection_timeout = time;
        }
        self
    }

    /// `connectionTimeout`: how long one attempt to connect may take, name resolution and handshakes
    /// included, default 5 s; more than 0.
    pub fn connection_timeout(&mut self, time: Duration) -> &mut Self {
        if self.is_time(Parameter::ConnectionTimeout, time) {
            self.note(Parameter::ConnectionTimeout).connection_timeout = time;
        }
        self
    }

    /// `keepAliveInterval`: the longest silence before a ping, default 120 s (RFC 5626 section 4.4.1);
    /// 0: no pings, unless the registrar asks for them with Flow-Timer (section 4.4).
    pub fn keep_alive_interval(&mut self, time: Duration) -> &mut Self {
        if time.is_zero() {
            self.note(Parameter::KeepAliveInterval).keep_alive_interval = None;
        } else if self.is_time(Parameter::KeepAliveInterval, time) {
            self.note(Parameter::KeepAliveInterval).keep_alive_interval = Some(time);
        }
        self
    }

    /// `traceSip`: report each message, whatever the log level, default false.
    pub fn trace_sip(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::TraceSip).trace_sip = yes;
        self
    }

    /// `traceSipCredentials`: show credentials in those reports, default false.
    pub fn trace_sip_credentials(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::TraceSipCredentials)
            .trace_sip_credentials = yes;
        self
    }

    /// `log.level`: default [`LogLevel::Log`].
    pub fn log_level(&mut self, level: LogLevel) -> &mut Self {
        self.note(Parameter::LogLevel).log.level = level;
        self
    }

    /// `log.builtinEnabled`: let the adapter print records, default true.
    pub fn log_builtin_enabled(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::LogBuiltinEnabled).log.builtin_enabled = yes;
        self
    }

    /// `contactName`: the user part of Contact, escaped (RFC 3261 section 25.1), default random.
    pub fn contact_name(&mut self, name: impl AsRef<str>) -> &mut Self {
        let name = name.as_ref();
        if !is_user(name) {
            let expected = "the user part of a SIP URI, other characters as %XX";
            return self.wrong(Parameter::ContactName, ConfigError::excerpt(name), expected);
        }
        self.note(Parameter::ContactName).contact_name = Some(name.to_owned());
        self
    }

    /// `contactTransport`: the transport parameter of Contact, default `ws`.
    pub fn contact_transport(&mut self, transport: impl AsRef<str>) -> &mut Self {
        let transport = transport.as_ref();
        if !is_token(transport) {
            let expected = "a transport like ws or wss";
            return self.wrong(
                Parameter::ContactTransport,
                ConfigError::excerpt(transport),
                expected,
            );
        }
        self.note(Parameter::ContactTransport).contact_transport = transport.to_owned();
        self
    }

    /// `forceRport`: ask for `rport` in Via (RFC 3581), default false.
    pub fn force_rport(&mut self, yes: bool) -> &mut Self {
        self.note(Parameter::ForceRport).force_rport = yes;
        self
    }

    /// `extraSupported`: option tags to add to Supported (RFC 3261 section 20.37), default none; at
    /// most [`SERVERS_LIMIT`]. What they promise is the application's to keep.
    pub fn extra_supported<T: AsRef<str>>(
        &mut self,
        tags: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let parameter = Parameter::ExtraSupported;
        self.note(parameter).extra_supported.clear();
        for (place, tag) in tags.into_iter().enumerate() {
            let tag = tag.as_ref();
            if place >= SERVERS_LIMIT {
                let expected = format!("a list of at most {SERVERS_LIMIT} option tags");
                return self.wrong(parameter, "longer", expected);
            }
            if is_token(tag) {
                self.settings.extra_supported.push(tag.to_owned());
            } else {
                let name = format!("{}[{place}]", parameter.name());
                let error =
                    ConfigError::value(name, ConfigError::excerpt(tag), "an option tag like timer");
                self.errors.push(error);
            }
        }
        self
    }

    /// `dtmfType`: how tones are sent, default [`DtmfType::Info`].
    pub fn dtmf_type(&mut self, by: DtmfType) -> &mut Self {
        self.note(Parameter::DtmfType).dtmf_type = by;
        self
    }

    /// `sessionDescriptionHandlerFactoryOptions`, one of them: passed to the adapter's factory
    /// unread. All keys and values together at most [`OPTIONS_LIMIT`] bytes.
    pub fn session_description_handler_factory_option(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> &mut Self {
        let parameter = Parameter::SessionDescriptionHandlerFactoryOptions;
        let options = &mut self
            .note(parameter)
            .session_description_handler_factory_options;
        if !options.insert(key.into(), value.into()) {
            return self.wrong(parameter, "larger", OPTIONS_SIZE);
        }
        self
    }

    /// `custom`, one entry: the application's own, passed through. All keys and values together at
    /// most [`OPTIONS_LIMIT`] bytes.
    pub fn custom(&mut self, key: impl Into<String>, value: impl Into<String>) -> &mut Self {
        if !self
            .note(Parameter::Custom)
            .custom
            .insert(key.into(), value.into())
        {
            return self.wrong(Parameter::Custom, "larger", OPTIONS_SIZE);
        }
        self
    }

    /// Whether `time` is a time that can pass; an error if not.
    fn is_time(&mut self, parameter: Parameter, time: Duration) -> bool {
        let fits = !time.is_zero() && !is_too_long(time);
        if !fits {
            let expected = "a number of seconds above 0, at most 4294967295";
            self.wrong(parameter, seconds(time), expected);
        }
        fits
    }
}

const FLOWS: &str = "a whole number from 1 to 4";

const TEXT: &str = "text without control characters, at most 1024 bytes";
const SOME_TEXT: &str = "text without control characters, 1 to 1024 bytes";
const HA1: &str = "32 hexadecimal digits of MD5, or 64 of SHA-256";
const OPTIONS_SIZE: &str = "at most 65536 bytes of keys and values";

impl Opaque {
    /// False, and nothing changed, when that would be more than [`OPTIONS_LIMIT`].
    fn insert(&mut self, key: String, value: String) -> bool {
        let others = self.0.iter().filter(|(other, _)| **other != key);
        let size: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        let fits = size.saturating_add(key.len()).saturating_add(value.len()) <= OPTIONS_LIMIT;
        if fits {
            self.0.insert(key, value);
        }
        fits
    }
}

fn is_too_long(time: Duration) -> bool {
    time > Duration::from_secs(SECONDS_LIMIT)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_changed_copy_derives_again_what_follows_from_the_uri() {
        let mut builder = Config::builder();
        builder.uri("alice@example.com").password("x");
        let config = builder.build().unwrap();
        assert_eq!(config.to_builder().build().unwrap(), config);
        let changed = config.to_builder().uri("bob@example.org").build().unwrap();
        assert_eq!(changed.authorization_user(), Some("bob"));
        let registrar = changed.registrar_server().map(ToString::to_string);
        assert_eq!(registrar.as_deref(), Some("sip:example.org"));
        assert_eq!(changed.secret(), config.secret());
    }

    /// On top of another configuration a secret takes the place of the one before, source and all.
    #[test]
    fn a_new_secret_takes_the_place_of_the_old_one() {
        let digits = "0123456789abcdef0123456789abcdef";
        let with_ha1 = Config::builder().ha1("r", digits).build().unwrap();
        let with_password = with_ha1.to_builder().password("x").build().unwrap();
        assert_eq!(with_password.secret(), Some(&Secret::password("x")));
        let given = |config: &Config| {
            [Parameter::Password, Parameter::Ha1, Parameter::Realm]
                .map(|parameter| config.source(parameter) == Source::Code)
        };
        assert_eq!(given(&with_password), [true, false, false]);
        let again = with_password.to_builder().ha1("r", digits).build().unwrap();
        assert_eq!(again, with_ha1);
        assert_eq!(given(&again), [false, true, true]);
        let none = again.to_builder().secret(None).build().unwrap();
        assert_eq!((none.secret(), given(&none)), (None, [false; 3]));
    }
}
