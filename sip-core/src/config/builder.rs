//! The builder: each method checks its value, and `build` checks that the values go together.

use alloc::{borrow::Cow, borrow::ToOwned, format, string::String, sync::Arc, vec::Vec};
use core::{fmt, time::Duration};

use zeroize::Zeroizing;

use crate::auth::{Algorithm, Secret};

use super::address::{address_of_record, default_authorization_user, default_registrar, registrar};
use super::checks::{check_intervals, check_option_tags, check_session_interval};
use super::error::{ConfigError, ConfigErrors, REDACTED, excerpt_of_uri};
use super::json::{Json, seconds};
use super::parameter::{Parameter, Source};
use super::server::{Server, ServerUrl, excerpt_of_url};
use super::settings::{Config, Settings};
use super::table::parameters;
use super::values::{
    self, Authentication, DtmfType, IpInContact, LogLevel, OfflineRequests, SessionRefresher,
    Support, WeakestAlgorithm,
};

/// The longest list of servers, and of option tags, that the builder accepts.
pub const SERVERS_LIMIT: usize = 64;

/// The most flows through which one agent registers at a time (RFC 5626 section 4.2.1 requires at least
/// two).
pub const FLOWS_LIMIT: u8 = 4;

/// Builds a [`Config`]; from [`Config::builder`] or [`Config::to_builder`].
///
/// Each method sets one parameter and may be called again: the last valid value counts. The builder keeps
/// the fault of a bad value, and [`build`](Self::build) returns all faults at once.
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
        // Credentials are left out because they are secrets; `Config` shows whether it has any.
        f.debug_struct("ConfigBuilder")
            .field("settings", &self.settings)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}

impl ConfigBuilder {
    pub(super) fn from_settings(mut settings: Settings) -> Self {
        let mut builder = Self::default();
        // `build` derives these again, because the parameters that they follow from may change.
        if !settings.sources.given(Parameter::AuthorizationUser) {
            settings.authorization_user = None;
        }
        if !settings.sources.given(Parameter::RegistrarServer) {
            settings.registrar_server = None;
        }
        builder.settings = settings;
        builder
    }

    /// Sets the source of the values of the following calls; [`Source::Code`] before the first call.
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

    /// Checks that the values go together, and fills in the defaults that follow from `uri`.
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
                s.registrar_server = default_registrar(uri).map(Arc::new);
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
        check_session_interval(s, &mut errors);
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
                settings: Arc::new(settings),
            }),
        }
    }

    /// A secret set on this builder replaces the one of the configuration that it began with.
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
                    Err(_) => return wrong(Parameter::Ha1, REDACTED, values::HA1),
                }
                &[Parameter::Password]
            }
        };
        for &parameter in unused {
            settings.sources.note(parameter, Source::Default);
        }
    }

    /// Sets an existing secret, or removes it; replaces [`password`](Self::password) and
    /// [`ha1`](Self::ha1).
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

    pub(super) fn note(&mut self, parameter: Parameter) -> &mut Settings {
        let source = self.current_source();
        self.settings.sources.note(parameter, source);
        &mut self.settings
    }

    pub(super) fn wrong(
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

    /// `wsServers`, one more with weight 0. The first server of a [source](Self::source) replaces the
    /// servers of another source, such as the default.
    pub fn server(&mut self, url: impl AsRef<str>) -> &mut Self {
        if self.settings.sources.of(Parameter::WsServers) != self.current_source() {
            self.note(Parameter::WsServers).servers.clear();
        }
        self.push_server(Parameter::WsServers.name(), url.as_ref(), 0);
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

    /// `wsServers`, all of them: as [`servers`](Self::servers), for a reader of another form. An `Err` is
    /// the fault of the server in its place; [`build`](Self::build) returns it in that order.
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

    /// `password`: in clear, default none. Not together with [`ha1`](Self::ha1).
    pub fn password(&mut self, password: impl AsRef<str>) -> &mut Self {
        let password = password.as_ref();
        if password.is_empty() || password.len() > values::TEXT_LIMIT {
            let expected = format!(
                "text of 1 to {} bytes, or left out for none",
                values::TEXT_LIMIT
            );
            return self.wrong(Parameter::Password, "", expected);
        }
        self.note(Parameter::Password);
        self.password = Some(Zeroizing::new(password.to_owned()));
        self
    }

    /// `ha1` and `realm`: the hash of the password for one realm, instead of the password. The hexadecimal
    /// digits of H(username ":" realm ":" password), RFC 7616 section 3.4.2; 32 of MD5, or 64 of SHA-256.
    pub fn ha1(&mut self, realm: impl AsRef<str>, digits: impl AsRef<str>) -> &mut Self {
        self.realm(realm).ha1_digits(digits)
    }

    /// `realm`: the realm that the digits of [`ha1_digits`](Self::ha1_digits) were made for.
    pub fn realm(&mut self, realm: impl AsRef<str>) -> &mut Self {
        let realm = match values::some_text(realm.as_ref()) {
            Ok(realm) => realm,
            Err(expected) => {
                let value = ConfigError::excerpt(realm.as_ref());
                return self.wrong(Parameter::Realm, value, expected);
            }
        };
        self.note(Parameter::Realm);
        self.realm = Some(realm.to_owned());
        self
    }

    /// `ha1`: the digits alone; [`realm`](Self::realm) is required with them.
    pub fn ha1_digits(&mut self, digits: impl AsRef<str>) -> &mut Self {
        let Some(digits) = values::ha1_digits(digits.as_ref()) else {
            return self.wrong(Parameter::Ha1, "", values::HA1);
        };
        self.note(Parameter::Ha1);
        self.ha1 = Some(Zeroizing::new(digits));
        self
    }

    /// `authenticationFactory`: whether the core or the application answers challenges; default
    /// [`Authentication::Digest`].
    pub fn authentication(&mut self, by: Authentication) -> &mut Self {
        self.note(Parameter::AuthenticationFactory).authentication = by;
        self
    }

    /// `hackIpInContact`: the host in Contact and Via. False (the default): a random name below `.invalid`;
    /// true: a random address of 192.0.2.0/24; a text: that host.
    pub fn hack_ip_in_contact(&mut self, host: impl Into<IpInContact>) -> &mut Self {
        let host = host.into();
        if let IpInContact::Host(name) = &host
            && !values::is_contact_host(name)
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

    /// `sessionExpires`: the session interval to ask for in calls (RFC 4028 section 4), whole seconds from 90 s, at least
    /// `minSe`; 0, the default: calls have a session timer only if the peer or a proxy asks for one.
    pub fn session_expires(&mut self, time: Duration) -> &mut Self {
        let parameter = Parameter::SessionExpires;
        match values::session_interval(time) {
            _ if time.is_zero() => self.note(parameter).session_expires = None,
            Ok(()) => self.note(parameter).session_expires = Some(time),
            Err(expected) => {
                let expected = format!("0 or {expected}");
                return self.wrong(parameter, seconds(time), expected);
            }
        }
        self
    }

    /// `keepAliveInterval`: the longest silence before a ping, default 120 s (RFC 5626 section 4.4.1);
    /// 0: pings only if the registrar requests them with Flow-Timer (section 4.4).
    pub fn keep_alive_interval(&mut self, time: Duration) -> &mut Self {
        let parameter = Parameter::KeepAliveInterval;
        match values::time(time) {
            _ if time.is_zero() => self.note(parameter).keep_alive_interval = None,
            Ok(()) => self.note(parameter).keep_alive_interval = Some(time),
            Err(expected) => return self.wrong(parameter, seconds(time), expected),
        }
        self
    }

    /// `extraSupported`: option tags to add to Supported (RFC 3261 section 20.37), default none; at most
    /// [`SERVERS_LIMIT`]. The application implements these extensions.
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
            if values::is_token(tag) {
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

    /// `peerRealms`: the realms of peers whose challenges are answered, compared exactly; default none, at most
    /// [`SERVERS_LIMIT`]. The realms of the own servers need not be listed.
    pub fn peer_realms<T: AsRef<str>>(&mut self, realms: impl IntoIterator<Item = T>) -> &mut Self {
        let parameter = Parameter::PeerRealms;
        self.note(parameter).peer_realms.clear();
        for (place, realm) in realms.into_iter().enumerate() {
            let realm = realm.as_ref();
            if place >= SERVERS_LIMIT {
                let expected = format!("a list of at most {SERVERS_LIMIT} realms");
                return self.wrong(parameter, "longer", expected);
            }
            match values::some_text(realm) {
                Ok(realm) => self.settings.peer_realms.push(realm.to_owned()),
                Err(expected) => {
                    let name = format!("{}[{place}]", parameter.name());
                    let error = ConfigError::value(name, ConfigError::excerpt(realm), expected);
                    self.errors.push(error);
                }
            }
        }
        self
    }

    /// `sessionDescriptionHandlerFactoryOptions`, one entry: the core does not read it and the adapter
    /// passes it to the factory. All keys and values together have at most
    /// [`OPTIONS_LIMIT`](super::OPTIONS_LIMIT) bytes.
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

    /// `custom`, one entry: the core keeps it for the application. All keys and values together have at
    /// most [`OPTIONS_LIMIT`](super::OPTIONS_LIMIT) bytes.
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
}

const OPTIONS_SIZE: &str = "at most 65536 bytes of keys and values";

macro_rules! method {
    ($doc:tt own $($rest:tt)*) => {};
    ($doc:tt function $($rest:tt)*) => {};
    ([$($doc:tt)*] number($least:expr, $most:expr) $variant:ident $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&mut self, number: $type) -> &mut Self {
            if !($least..=$most).contains(&number) {
                let expected = format!("a whole number from {} to {}", $least, $most);
                return self.wrong(Parameter::$variant, number.json(), expected);
            }
            self.note(Parameter::$variant).$field = number;
            self
        }
    };
    ([$($doc:tt)*] time($check:expr) $variant:ident $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&mut self, time: Duration) -> &mut Self {
            match $check(time) {
                Ok(()) => self.note(Parameter::$variant).$field = time,
                Err(expected) => {
                    return self.wrong(Parameter::$variant, seconds(time), expected);
                }
            }
            self
        }
    };
    ([$($doc:tt)*] list($check:expr, $what:expr) $variant:ident $field:ident $type:ty) => {
        $($doc)*
        pub fn $field<T: AsRef<str>>(&mut self, items: impl IntoIterator<Item = T>) -> &mut Self {
            let parameter = Parameter::$variant;
            self.note(parameter).$field.clear();
            for (place, item) in items.into_iter().enumerate() {
                let item = item.as_ref();
                if place >= SERVERS_LIMIT {
                    let expected = format!(concat!("a list of at most {} ", $what), SERVERS_LIMIT);
                    return self.wrong(parameter, "longer", expected);
                }
                match $check(item) {
                    Ok(item) => {
                        let item: &str = item;
                        self.settings.$field.push(item.to_owned());
                    }
                    Err(expected) => {
                        let name = format!("{}[{place}]", parameter.name());
                        let error = ConfigError::value(name, ConfigError::excerpt(item), expected);
                        self.errors.push(error);
                    }
                }
            }
            self
        }
    };
    ([$($doc:tt)*] text($check:expr) $variant:ident $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&mut self, text: impl AsRef<str>) -> &mut Self {
            let text = text.as_ref();
            match $check(text) {
                Ok(value) => self.note(Parameter::$variant).$field = value.to_owned(),
                Err(expected) => {
                    return self.wrong(Parameter::$variant, ConfigError::excerpt(text), expected);
                }
            }
            self
        }
    };
    ([$($doc:tt)*] optional($check:expr) $variant:ident $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&mut self, text: impl AsRef<str>) -> &mut Self {
            let text = text.as_ref();
            match $check(text) {
                Ok(value) => {
                    let value: &str = value;
                    self.note(Parameter::$variant).$field =
                        (!value.is_empty()).then(|| value.into());
                }
                Err(expected) => {
                    return self.wrong(Parameter::$variant, ConfigError::excerpt(text), expected);
                }
            }
            self
        }
    };
    ([$($doc:tt)*] uri($check:expr) $variant:ident $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&mut self, uri: impl AsRef<str>) -> &mut Self {
            let text = uri.as_ref();
            match $check(text) {
                Ok(uri) => self.note(Parameter::$variant).$field = Some(Arc::new(uri)),
                Err(expected) => {
                    return self.wrong(Parameter::$variant, excerpt_of_uri(text), expected);
                }
            }
            self
        }
    };
    ([$($doc:tt)*] $kind:ident $variant:ident $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&mut self, value: $type) -> &mut Self {
            self.note(Parameter::$variant).$field = value;
            self
        }
    };
}

macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:literal $origin:ident
        $({ $field:ident: $type:ty = $default:expr })?
        $kind:ident $(($($arguments:tt)*))? $(, $note:expr)?;
    )*) => {
        impl ConfigBuilder {
            $(method! { [$(#[$doc])*] $kind $(($($arguments)*))? $variant $($field $type)? })*
        }
    };
}

parameters!(methods);

impl Config {
    /// A builder in which every parameter has its default.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// A builder that begins with this configuration.
    pub fn to_builder(&self) -> ConfigBuilder {
        ConfigBuilder::from_settings((*self.settings).clone())
    }
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

    /// A secret set on a copy of a configuration replaces the one before, and its source.
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
