//! [`Config`]: the values of the parameters, their defaults and getters.

use alloc::{
    borrow::ToOwned, boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec, vec::Vec,
};
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use sip_parse::UriBuf;

use super::parameter::{Parameter, Source, Sources};
use super::server::{Server, ServerUrl};
use super::table::parameters;
use super::values::{
    Authentication, DtmfType, IpInContact, Log, LogLevel, OfflineRequests, SessionRefresher,
    Support, WeakestAlgorithm,
};
use crate::auth::Secret;
use crate::share::share;

/// The server that SIP.js connects to by default.
const DEFAULT_SERVER: &str = "wss://edge.sip.onsip.com";

/// The default of `userAgentString`.
const DEFAULT_USER_AGENT: &str = concat!("sip-core/", env!("CARGO_PKG_VERSION"));

/// The most bytes of keys and values that `custom`, and likewise
/// `sessionDescriptionHandlerFactoryOptions`, may hold.
pub const OPTIONS_LIMIT: usize = 65_536;

/// A checked configuration; it cannot change, and a clone shares it.
///
/// `Debug` shows every parameter, secrets as `[redacted]`. A parameter whose default is random (`uri`,
/// `instance_id`, the names in Contact and Via) is `None` here, because the user agent draws the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) settings: Arc<Settings>,
}

/// Values that the core does not read. `Debug` shows the keys alone, because a value may be a TURN
/// password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Opaque(pub(super) BTreeMap<String, String>);

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Opaque {
    /// Returns false and changes nothing if the total would exceed [`OPTIONS_LIMIT`].
    pub(super) fn insert(&mut self, key: String, value: String) -> bool {
        let others = self.0.iter().filter(|(other, _)| **other != key);
        let size: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        let fits = size.saturating_add(key.len()).saturating_add(value.len()) <= OPTIONS_LIMIT;
        if fits {
            self.0.insert(key, value);
        }
        fits
    }
}

macro_rules! getter {
    ($doc:tt own $($rest:tt)*) => {};
    ($doc:tt function) => {};
    ([$($doc:tt)*] text $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&self) -> &str {
            &self.settings.$field
        }
    };
    ([$($doc:tt)*] optional $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&self) -> Option<&str> {
            self.settings.$field.as_deref()
        }
    };
    ([$($doc:tt)*] list $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&self) -> &[String] {
            &self.settings.$field
        }
    };
    ([$($doc:tt)*] uri $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&self) -> Option<&UriBuf> {
            self.settings.$field.as_deref()
        }
    };
    ([$($doc:tt)*] $kind:ident $field:ident $type:ty) => {
        $($doc)*
        pub fn $field(&self) -> $type {
            self.settings.$field
        }
    };
}

/// Deals the fields of the table out: those of the kinds `uri` and `optional` belong to one account, all others may be equal for
/// many. The first two brackets hold what is dealt.
macro_rules! deal {
    ([$($account:tt)*] [$($common:tt)*]) => {
        /// The values of a [`Config`], which a builder fills: those of the account, and those that many accounts share. A change
        /// of one that is shared copies them.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(super) struct Settings {
            pub(super) sources: Sources,
            /// Of `password`, or of `ha1` and `realm`.
            pub(super) secret: Option<Secret>,
            $($account)*
            common: Arc<CommonSettings>,
        }

        defaults! { $($common)* }
    };
    ([$($account:tt)*] $common:tt [$field:ident: $type:ty = $default:expr, uri] $($rest:tt)*) => {
        deal! { [$($account)* pub(super) $field: $type,] $common $($rest)* }
    };
    ([$($account:tt)*] $common:tt [$field:ident: $type:ty = $default:expr, optional] $($rest:tt)*) => {
        deal! { [$($account)* pub(super) $field: $type,] $common $($rest)* }
    };
    ($account:tt [$($common:tt)*] [$field:ident: $type:ty = $default:expr, $kind:ident] $($rest:tt)*) => {
        deal! { $account [$($common)* $field: $type = $default,] $($rest)* }
    };
    ($account:tt $common:tt [$kind:ident] $($rest:tt)*) => {
        deal! { $account $common $($rest)* }
    };
}

macro_rules! defaults {
    ($($field:ident: $type:ty = $default:expr,)*) => {
        /// The values that many configurations share.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(super) struct CommonSettings {
            $(pub(super) $field: $type,)*
        }

        impl Default for CommonSettings {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                }
            }
        }
    };
}

impl Deref for Settings {
    type Target = CommonSettings;

    fn deref(&self) -> &CommonSettings {
        &self.common
    }
}

impl DerefMut for Settings {
    fn deref_mut(&mut self) -> &mut CommonSettings {
        Arc::make_mut(&mut self.common)
    }
}

macro_rules! fields {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:literal $origin:ident
        $({ $field:ident: $type:ty = $default:expr })?
        $kind:ident $(($($arguments:tt)*))? $(, $note:expr)?;
    )*) => {
        deal! { [] [] $([$($field: $type = $default,)? $kind])* }

        impl Config {
            $(getter! { [$(#[$doc])*] $kind $($field $type)? })*
        }
    };
}

parameters!(fields);

impl Config {
    /// The address-of-record, to share.
    pub(crate) fn shared_uri(&self) -> Option<&Arc<UriBuf>> {
        self.settings.uri.as_ref()
    }

    /// A copy with other servers; the list is not empty.
    pub(crate) fn with_servers(&self, servers: Vec<Server>) -> Self {
        let mut settings = (*self.settings).clone();
        settings.servers = servers;
        settings.sources.note(Parameter::WsServers, Source::Code);
        Self {
            settings: Arc::new(settings),
        }
    }

    /// Shares the values of another configuration that do not belong to its account, if all are equal; returns whether they are.
    /// A configuration that the application holds, too, stays as it is.
    pub(crate) fn share_settings(&mut self, other: &Self) -> bool {
        match Arc::get_mut(&mut self.settings) {
            Some(settings) => {
                // Most accounts of a fleet have one registrar.
                if let (Some(own), Some(other)) = (
                    &mut settings.registrar_server,
                    &other.settings.registrar_server,
                ) && own.as_bytes() == other.as_bytes()
                {
                    own.clone_from(other);
                }
                share(&mut settings.common, &other.settings.common)
            }
            None => Arc::ptr_eq(&self.settings.common, &other.settings.common),
        }
    }

    /// Where the value of `parameter` came from.
    pub fn source(&self, parameter: Parameter) -> Source {
        self.settings.sources.of(parameter)
    }

    /// `wsServers`: where to connect, at least one, in the order given.
    pub fn servers(&self) -> &[Server] {
        &self.settings.servers
    }

    /// `password` or `ha1`; `None`: a challenge is final.
    pub fn secret(&self) -> Option<&Secret> {
        self.settings.secret.as_ref()
    }

    /// `authenticationFactory`: whether the core or the application answers challenges.
    pub fn authentication(&self) -> Authentication {
        self.settings.authentication
    }

    /// `hackIpInContact`: the host in Contact and in Via.
    pub fn hack_ip_in_contact(&self) -> &IpInContact {
        &self.settings.hack_ip_in_contact
    }

    /// `keepAliveInterval`: the longest silence before a ping (RFC 5626 section 4.4.1); `None`: pings only
    /// if the registrar requests them with Flow-Timer.
    pub fn keep_alive_interval(&self) -> Option<Duration> {
        self.settings.keep_alive_interval
    }

    /// `sessionExpires`: the session interval to ask for (RFC 4028 section 4); `None`: calls have a session timer only
    /// if the peer or a proxy asks for one.
    pub fn session_expires(&self) -> Option<Duration> {
        self.settings.session_expires
    }

    /// `extraSupported`: option tags to add to Supported.
    pub fn extra_supported(&self) -> &[String] {
        &self.settings.extra_supported
    }

    /// `peerRealms`: the realms of peers whose challenges are answered.
    pub fn peer_realms(&self) -> &[String] {
        &self.settings.peer_realms
    }

    /// `sessionDescriptionHandlerFactoryOptions`: for the adapter's factory. From the file form
    /// each value is JSON text.
    pub fn session_description_handler_factory_options(&self) -> &BTreeMap<String, String> {
        &self.settings.session_description_handler_factory_options.0
    }

    /// `custom`: values that the core keeps for the application. From the file form each value is JSON
    /// text.
    pub fn custom(&self) -> &BTreeMap<String, String> {
        &self.settings.custom.0
    }

    /// `log`, without the connector.
    pub fn log(&self) -> Log {
        Log {
            builtin_enabled: self.settings.log_builtin_enabled,
            level: self.settings.log_level,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! getters {
        ($(
            $(#[$doc:meta])*
            $variant:ident $name:literal $origin:ident
            $({ $field:ident: $type:ty = $default:expr })?
            $kind:ident $(($($arguments:tt)*))? $(, $note:expr)?;
        )*) => {
            /// The parameters without a field; for each of the others it calls the getter of the field's name.
            fn without_a_getter(config: &Config) -> Vec<Parameter> {
                let mut without = Parameter::ALL.to_vec();
                $($(
                    let _ = config.$field();
                    without.retain(|parameter| *parameter != Parameter::$variant);
                )?)*
                without
            }
        };
    }

    parameters!(getters);

    /// `Config::secret` is the getter of all secrets; functions have none.
    #[test]
    fn each_row_of_the_table_has_a_getter() {
        assert_eq!(
            without_a_getter(&Config::default()),
            [
                Parameter::LogConnector,
                Parameter::Password,
                Parameter::SessionDescriptionHandlerFactory,
                Parameter::Ha1,
                Parameter::Realm,
            ]
        );
    }
}
