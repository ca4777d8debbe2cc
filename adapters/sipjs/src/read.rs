//! The SIP.js form of the configuration: an object with the names of the page "SIP.UA Configuration
//! Parameters", in JSON, JSON5 or any other self-describing format.
//!
//! `null` means the default, numbers may be written as text, unknown names are errors. The
//! spellings of other versions of SIP.js are taken with a [`Warning`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::Deserializer;
use sip_core::config::{
    Config, ConfigBuilder, ConfigError, ConfigErrorKind, ConfigErrors, DtmfType, FLOWS_LIMIT,
    LogLevel, OfflineRequests, Parameter, ServerUrl, Source, Support,
};
use zeroize::Zeroizing;

use crate::suggest::nearest;
use crate::value::Value;

/// The parts of `log`.
const LOG: [(&str, Parameter); 3] = [
    ("builtinEnabled", Parameter::LogBuiltinEnabled),
    ("level", Parameter::LogLevel),
    ("connector", Parameter::LogConnector),
];

/// What SIP.js 0.11 calls otherwise.
const RENAMED: [(&str, Parameter); 2] = [
    (
        "maxReconnectionAttempts",
        Parameter::WsServerMaxReconnection,
    ),
    (
        "reconnectionTimeout",
        Parameter::WsServerReconnectionTimeout,
    ),
];

/// What SIP.js 0.11 has in its block `transportOptions`, under the name it has here.
const TRANSPORT: [Parameter; 6] = [
    Parameter::WsServers,
    Parameter::TraceSip,
    Parameter::ConnectionTimeout,
    Parameter::KeepAliveInterval,
    Parameter::WsServerMaxReconnection,
    Parameter::WsServerReconnectionTimeout,
];

/// Known names that are refused, and why.
const UNSUPPORTED: [(&str, &str); 10] = [
    ("mediaHandlerFactory", HANDLER),
    ("stunServers", MEDIA),
    ("turnServers", MEDIA),
    ("iceCheckingTimeout", MEDIA),
    ("iceGatheringTimeout", MEDIA),
    ("hackStripTcp", MEDIA),
    ("hackCleanJitsiSdpImageattr", MEDIA),
    (
        "keepAliveDebounce",
        "the answer to a ping has 10 s (RFC 5626 section 4.4.1)",
    ),
    (
        "transportConstructor",
        "the adapter is the transport: leave it out",
    ),
    ("experimentalFeatures", "there are none: leave it out"),
];

const MEDIA: &str = "media belongs to the session description handler: put it into sessionDescriptionHandlerFactoryOptions";
const HANDLER: &str = "implement the trait SessionDescriptionHandler of the adapter and give it a factory, or answer the event DescriptionNeeded";

/// What takes the place of the function that SIP.js expects in `name`.
pub(crate) fn rust_equivalent(name: &str) -> &'static str {
    match name {
        "authenticationFactory" | "authentication_factory" => {
            "implement the trait Authenticator of the adapter, or set authentication(Authentication::Application) and answer the event Challenged"
        }
        "sessionDescriptionHandlerFactory" | "session_description_handler_factory" => HANDLER,
        "connector" | "log.connector" => {
            "give the adapter a closure as log connector, or carry out the log actions"
        }
        _ => "a configuration is data: write the value itself",
    }
}

/// Reads the SIP.js form; the whole of it is a text, too, when it is only the `uri`.
///
/// ```
/// let mut json = serde_json::Deserializer::from_str(
///     r#"{"uri": "alice@example.com", "ws_servers": "wss://edge.example.com", "registerExpires": "300"}"#,
/// );
/// let (config, warnings) = sip_sipjs::read(&mut json)?;
/// assert_eq!(config.register_expires().as_secs(), 300);
/// assert_eq!(warnings[0].to_string(), "ws_servers: write wsServers");
/// # Ok::<(), sip_core::config::ConfigErrors>(())
/// ```
///
/// # Errors
/// Every fault of every parameter, at least one.
pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<(Config, Vec<Warning>), ConfigErrors> {
    let mut builder = Config::builder();
    let warnings = read_into(&mut builder, from);
    Ok((builder.build()?, warnings))
}

/// Sets in `builder` what the SIP.js form says, with the source [`Source::File`]; the source of the calls
/// that follow is what it was before. [`ConfigBuilder::build`] reports the faults.
pub fn read_into<'de, D: Deserializer<'de>>(builder: &mut ConfigBuilder, from: D) -> Vec<Warning> {
    let before = builder.current_source();
    builder.source(Source::File);
    let mut warnings = Vec::new();
    match Value::read(from) {
        Ok(value) => Reader {
            builder,
            warnings: &mut warnings,
            seen: BTreeMap::new(),
        }
        .whole(&value),
        Err(error) => {
            builder.refuse([ConfigError::new(
                ConfigErrorKind::Syntax,
                "configuration",
                without_source_lines(&error.to_string()),
            )]);
        }
    }
    builder.source(before);
    warnings
}

/// Something that was taken, but should be written otherwise; `Display` is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    parameter: String,
    advice: String,
}

impl Warning {
    fn new(parameter: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            parameter: parameter.into(),
            advice: advice.into(),
        }
    }

    /// The key as it was given.
    pub fn parameter(&self) -> &str {
        &self.parameter
    }

    /// What to write instead.
    pub fn advice(&self) -> &str {
        &self.advice
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.parameter, self.advice)
    }
}

/// Some formats quote the line at fault, which may hold a password.
fn without_source_lines(message: &str) -> String {
    let lines: Vec<_> = message
        .lines()
        .filter(|line| !line.contains('|'))
        .map(str::trim)
        .collect();
    lines.join(" ").trim().chars().take(200).collect()
}

struct Reader<'b> {
    builder: &'b mut ConfigBuilder,
    warnings: &'b mut Vec<Warning>,
    /// The key under which each parameter was given.
    seen: BTreeMap<&'static str, String>,
}

/// What a key means.
enum Meaning {
    Parameter(Parameter),
    Log,
    TransportOptions,
}

impl Reader<'_> {
    fn whole(mut self, value: &Value) {
        match value {
            Value::Text(_) => self.set(Parameter::Uri, value),
            Value::Object(entries) => {
                for (key, value) in entries {
                    self.entry(key, value);
                }
            }
            other => self.fault(
                ConfigErrorKind::Syntax,
                "configuration",
                format!("it is {}, but must be an object", other.shown()),
            ),
        }
    }

    fn entry(&mut self, key: &str, value: &Value) {
        match self.meaning(key) {
            Some(Meaning::Parameter(parameter)) => self.once(parameter, key, value),
            Some(Meaning::Log) => self.block("log", value, |reader, key, value| {
                reader.log_entry(key, value);
            }),
            Some(Meaning::TransportOptions) => {
                self.block("transportOptions", value, |reader, key, value| {
                    reader.transport_entry(key, value);
                });
            }
            None => {}
        }
    }

    /// What `key` means at the top; a fault or a warning where that is not plain.
    fn meaning(&mut self, key: &str) -> Option<Meaning> {
        match key {
            "log" => return Some(Meaning::Log),
            "transportOptions" => return Some(Meaning::TransportOptions),
            _ => {}
        }
        let named = |parameter: &&Parameter| parameter.name() == key;
        if let Some(&parameter) = top_level().find(named) {
            return Some(Meaning::Parameter(parameter));
        }
        if let Some((_, parameter)) = RENAMED.iter().find(|(name, _)| *name == key) {
            self.warn(key, parameter.name());
            return Some(Meaning::Parameter(*parameter));
        }
        let aliased = |parameter: &&Parameter| snake_case(parameter.name()) == key;
        if let Some(&parameter) = top_level().find(aliased) {
            self.warn(key, parameter.name());
            return Some(Meaning::Parameter(parameter));
        }
        if let Some((_, reason)) = UNSUPPORTED.iter().find(|(name, _)| *name == key) {
            self.fault(ConfigErrorKind::Unsupported, key.to_owned(), *reason);
            return None;
        }
        let names = top_level().map(|parameter| parameter.name());
        self.unknown("", key, names.chain(["log", "transportOptions"]));
        None
    }

    /// An object whose entries are parameters.
    fn block(
        &mut self,
        name: &'static str,
        value: &Value,
        mut entry: impl FnMut(&mut Self, &str, &Value),
    ) {
        if self.seen.insert(name, name.to_owned()).is_some() {
            self.fault(ConfigErrorKind::Repeated, name, "keep one");
        }
        match value {
            Value::Null => {}
            Value::Object(entries) => {
                for (key, value) in entries {
                    entry(self, key, value);
                }
            }
            other => self.wrong(name, other, "an object"),
        }
    }

    fn log_entry(&mut self, key: &str, value: &Value) {
        let plain = LOG.iter().find(|(name, _)| *name == key);
        if let Some((_, parameter)) = plain {
            return self.once(*parameter, key, value);
        }
        if let Some((name, parameter)) = LOG.iter().find(|(name, _)| snake_case(name) == key) {
            self.warn(key, name);
            return self.once(*parameter, key, value);
        }
        self.unknown("log.", key, LOG.iter().map(|(name, _)| *name));
    }

    fn transport_entry(&mut self, key: &str, value: &Value) {
        let renamed = RENAMED.iter().find(|(name, _)| *name == key);
        let named = || TRANSPORT.iter().find(|parameter| parameter.name() == key);
        if let Some(&parameter) = renamed.map(|(_, parameter)| parameter).or_else(named) {
            return self.once(parameter, key, value);
        }
        if let Some((_, reason)) = UNSUPPORTED.iter().find(|(name, _)| *name == key) {
            let place = format!("transportOptions.{key}");
            return self.fault(ConfigErrorKind::Unsupported, place, *reason);
        }
        let names = TRANSPORT.iter().map(|parameter| parameter.name());
        let all = names.chain(RENAMED.iter().map(|(name, _)| *name));
        self.unknown("transportOptions.", key, all);
    }

    /// Sets a parameter unless it was given before, perhaps under another name.
    fn once(&mut self, parameter: Parameter, key: &str, value: &Value) {
        match self.seen.insert(parameter.name(), key.to_owned()) {
            Some(first) if first == key => {
                self.fault(ConfigErrorKind::Repeated, parameter.name(), "keep one");
            }
            Some(first) => {
                let advice = format!("as {first} and as {key}; keep one");
                self.fault(ConfigErrorKind::Repeated, parameter.name(), advice);
            }
            None if matches!(value, Value::Null) => {}
            None => self.set(parameter, value),
        }
    }

    /// Sets a parameter to a value that is not `null`.
    fn set(&mut self, parameter: Parameter, value: &Value) {
        match parameter {
            Parameter::Uri => self.text(parameter, value, |b, v| {
                b.uri(v);
            }),
            Parameter::WsServers => self.servers(value),
            Parameter::AllowLegacyNotifications => {
                self.flag(parameter, value, |b, v| {
                    b.allow_legacy_notifications(v);
                });
            }
            Parameter::AllowOutOfDialogRefers => {
                self.flag(parameter, value, |b, v| {
                    b.allow_out_of_dialog_refers(v);
                });
            }
            Parameter::AuthenticationFactory
            | Parameter::SessionDescriptionHandlerFactory
            | Parameter::LogConnector => {
                let name = parameter.name();
                self.fault(ConfigErrorKind::Program, name, rust_equivalent(name));
            }
            Parameter::AuthorizationUser => {
                self.name(parameter, value, |b, v| {
                    b.authorization_user(v);
                });
            }
            Parameter::Autostart => self.flag(parameter, value, |b, v| {
                b.autostart(v);
            }),
            Parameter::ConnectionRecoveryMaxInterval => self.seconds(parameter, value, |b, v| {
                b.connection_recovery_max_interval(v);
            }),
            Parameter::ConnectionRecoveryMinInterval => self.seconds(parameter, value, |b, v| {
                b.connection_recovery_min_interval(v);
            }),
            Parameter::DisplayName => self.name(parameter, value, |b, v| {
                b.display_name(v);
            }),
            Parameter::HackIpInContact => match value {
                Value::Bool(yes) => {
                    self.builder.hack_ip_in_contact(*yes);
                }
                Value::Text(host) => {
                    self.builder.hack_ip_in_contact(host.as_str());
                }
                other => self.wrong(parameter.name(), other, "true, false, or a host in quotes"),
            },
            Parameter::HackViaTcp => self.flag(parameter, value, |b, v| {
                b.hack_via_tcp(v);
            }),
            Parameter::HackWssInTransport => {
                self.flag(parameter, value, |b, v| {
                    b.hack_wss_in_transport(v);
                });
            }
            Parameter::InstanceId => self.text(parameter, value, |b, v| {
                b.instance_id(v);
            }),
            Parameter::LogBuiltinEnabled => {
                self.flag(parameter, value, |b, v| {
                    b.log_builtin_enabled(v);
                });
            }
            Parameter::LogLevel => self.log_level(value),
            Parameter::NoAnswerTimeout => {
                self.seconds(parameter, value, |b, v| {
                    b.no_answer_timeout(v);
                });
            }
            Parameter::Password => self.name(parameter, value, |b, v| {
                b.password(v);
            }),
            Parameter::Register => self.flag(parameter, value, |b, v| {
                b.register(v);
            }),
            Parameter::RegisterExpires => {
                self.seconds(parameter, value, |b, v| {
                    b.register_expires(v);
                });
            }
            Parameter::RegistrarServer => {
                self.text(parameter, value, |b, v| {
                    b.registrar_server(v);
                });
            }
            Parameter::Rel100 => self.support(parameter, value, |b, v| {
                b.rel100(v);
            }),
            Parameter::Replaces => self.support(parameter, value, |b, v| {
                b.replaces(v);
            }),
            Parameter::SessionDescriptionHandlerFactoryOptions => {
                self.opaque(parameter, value, |b, k, v| {
                    b.session_description_handler_factory_option(k, v);
                })
            }
            Parameter::TraceSip => self.flag(parameter, value, |b, v| {
                b.trace_sip(v);
            }),
            Parameter::UsePreloadedRoute => {
                self.flag(parameter, value, |b, v| {
                    b.use_preloaded_route(v);
                });
            }
            Parameter::UserAgentString => {
                self.text(parameter, value, |b, v| {
                    b.user_agent_string(v);
                });
            }
            Parameter::WsServerMaxReconnection => match whole_number(value) {
                Some(Ok(attempts)) => {
                    self.builder.ws_server_max_reconnection(attempts);
                }
                _ => self.wrong(
                    parameter.name(),
                    value,
                    "a whole number from 0 to 4294967295",
                ),
            },
            Parameter::WsServerReconnectionTimeout => self.seconds(parameter, value, |b, v| {
                b.ws_server_reconnection_timeout(v);
            }),
            Parameter::Autostop => self.flag(parameter, value, |b, v| {
                b.autostop(v);
            }),
            Parameter::ConnectionTimeout => {
                self.seconds(parameter, value, |b, v| {
                    b.connection_timeout(v);
                });
            }
            Parameter::ContactName => self.text(parameter, value, |b, v| {
                b.contact_name(v);
            }),
            Parameter::ContactTransport => {
                self.text(parameter, value, |b, v| {
                    b.contact_transport(v);
                });
            }
            Parameter::Custom => self.opaque(parameter, value, |b, k, v| {
                b.custom(k, v);
            }),
            Parameter::DtmfType => match value {
                Value::Text(by) if **by == "info" => {
                    self.builder.dtmf_type(DtmfType::Info);
                }
                Value::Text(by) if **by == "rtp" => {
                    self.builder.dtmf_type(DtmfType::Rtp);
                }
                other => self.wrong(parameter.name(), other, "\"info\" or \"rtp\""),
            },
            Parameter::ExtraSupported => self.extra_supported(value),
            Parameter::ForceRport => self.flag(parameter, value, |b, v| {
                b.force_rport(v);
            }),
            Parameter::HackAllowUnregisteredOptionTags => self.flag(parameter, value, |b, v| {
                b.hack_allow_unregistered_option_tags(v);
            }),
            Parameter::KeepAliveInterval => {
                self.seconds(parameter, value, |b, v| {
                    b.keep_alive_interval(v);
                });
            }
            Parameter::Ha1 => self.text(parameter, value, |b, v| {
                b.ha1_digits(v);
            }),
            Parameter::Realm => self.text(parameter, value, |b, v| {
                b.realm(v);
            }),
            Parameter::OutboundFlows => {
                match whole_number(value).map(|number| number.map(u8::try_from)) {
                    Some(Ok(Ok(flows))) => {
                        self.builder.outbound_flows(flows);
                    }
                    _ => self.wrong(
                        parameter.name(),
                        value,
                        format!("a whole number from 1 to {FLOWS_LIMIT}"),
                    ),
                }
            }
            Parameter::AskServerUrl => self.flag(parameter, value, |b, v| {
                b.ask_server_url(v);
            }),
            Parameter::OutboundRecovery => {
                self.flag(parameter, value, |b, v| {
                    b.outbound_recovery(v);
                });
            }
            Parameter::OfflineRequests => match value {
                Value::Text(what) if **what == "fail" => {
                    self.builder.offline_requests(OfflineRequests::Fail);
                }
                Value::Text(what) if **what == "queue" => {
                    self.builder.offline_requests(OfflineRequests::Queue);
                }
                other => self.wrong(parameter.name(), other, "\"fail\" or \"queue\""),
            },
            Parameter::TraceSipCredentials => {
                self.flag(parameter, value, |b, v| {
                    b.trace_sip_credentials(v);
                });
            }
            // `Parameter` may grow: the reader of an older version does not guess.
            other => self.fault(
                ConfigErrorKind::Unsupported,
                other.name(),
                "newer than this reader",
            ),
        }
    }

    fn text(
        &mut self,
        parameter: Parameter,
        value: &Value,
        set: impl FnOnce(&mut ConfigBuilder, &str),
    ) {
        match value {
            Value::Text(text) => {
                set(self.builder, text);
            }
            other => self.wrong(parameter.name(), other, "text in quotes"),
        }
    }

    /// A text that people often write as a number.
    fn name(
        &mut self,
        parameter: Parameter,
        value: &Value,
        set: impl FnOnce(&mut ConfigBuilder, &str),
    ) {
        match value {
            Value::Integer(number) => {
                set(self.builder, &Zeroizing::new(number.to_string()));
            }
            _ => self.text(parameter, value, set),
        }
    }

    fn flag(
        &mut self,
        parameter: Parameter,
        value: &Value,
        set: impl FnOnce(&mut ConfigBuilder, bool),
    ) {
        match value {
            Value::Bool(yes) => {
                set(self.builder, *yes);
            }
            Value::Text(text) => {
                let expected = match nearest(text, ["true", "false"]) {
                    Some(word) if **text == *word => {
                        format!("true or false; did you mean {word} without quotes?")
                    }
                    Some(word) => format!("true or false; did you mean {word}?"),
                    None => "true or false".into(),
                };
                self.wrong(parameter.name(), value, expected);
            }
            other => self.wrong(parameter.name(), other, "true or false"),
        }
    }

    fn seconds(
        &mut self,
        parameter: Parameter,
        value: &Value,
        set: impl FnOnce(&mut ConfigBuilder, Duration),
    ) {
        match whole_number(value) {
            Some(Ok(seconds)) => {
                set(self.builder, Duration::from_secs(seconds.into()));
            }
            _ => {
                let least = u8::from(parameter != Parameter::KeepAliveInterval);
                let expected = format!("a whole number of seconds from {least} to 4294967295");
                self.wrong(parameter.name(), value, expected);
            }
        }
    }

    fn support(
        &mut self,
        parameter: Parameter,
        value: &Value,
        set: impl FnOnce(&mut ConfigBuilder, Support),
    ) {
        let all = [Support::None, Support::Supported, Support::Required];
        let found = match value {
            Value::Text(text) => all.into_iter().find(|support| support.as_str() == **text),
            _ => None,
        };
        match found {
            Some(support) => {
                set(self.builder, support);
            }
            None => self.wrong(
                parameter.name(),
                value,
                "\"none\", \"supported\" or \"required\"",
            ),
        }
    }

    fn log_level(&mut self, value: &Value) {
        let level = match (value, whole_number(value)) {
            (_, Some(Ok(number))) => LogLevel::ALL.get(number as usize).copied(),
            (Value::Text(name), _) => LogLevel::ALL
                .into_iter()
                .find(|level| level.as_str() == **name),
            _ => None,
        };
        match level {
            Some(level) => {
                self.builder.log_level(level);
            }
            None => self.wrong(
                Parameter::LogLevel.name(),
                value,
                "0 or \"error\", 1 or \"warn\", 2 or \"log\", 3 or \"debug\"",
            ),
        }
    }

    /// A text, or a list of texts and of objects `{ws_uri, weight}`.
    fn servers(&mut self, value: &Value) {
        const EXPECTED: &str =
            "a URL in quotes, or a list of such URLs and of objects {ws_uri, weight}";
        let name = Parameter::WsServers.name();
        match value {
            Value::Text(url) => match ServerUrl::parse(url) {
                Ok(_) => drop(self.builder.servers([(url.as_str(), 0)])),
                // Its fault names no place in a list.
                Err(_) => drop(self.builder.server(url.as_str())),
            },
            Value::List(items) if !items.is_empty() => {
                let places = (0..).map(|place| format!("{name}[{place}]"));
                self.builder
                    .servers_or_faults(items.iter().zip(places).map(server));
            }
            other => self.wrong(name, other, EXPECTED),
        }
    }

    fn extra_supported(&mut self, value: &Value) {
        let name = Parameter::ExtraSupported.name();
        let Value::List(items) = value else {
            return self.wrong(name, value, "a list of option tags in quotes");
        };
        let mut tags = Vec::new();
        for (place, item) in items.iter().enumerate() {
            match item {
                Value::Text(tag) => tags.push(tag.as_str()),
                other => {
                    return self.wrong(
                        format!("{name}[{place}]"),
                        other,
                        "an option tag in quotes",
                    );
                }
            }
        }
        self.builder.extra_supported(tags);
    }

    fn opaque(
        &mut self,
        parameter: Parameter,
        value: &Value,
        mut set: impl FnMut(&mut ConfigBuilder, String, String),
    ) {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    set(self.builder, key.clone(), value.to_json());
                }
            }
            other => self.wrong(parameter.name(), other, "an object"),
        }
    }

    fn wrong(
        &mut self,
        place: impl Into<Cow<'static, str>>,
        value: &Value,
        expected: impl Into<Cow<'static, str>>,
    ) {
        let place = place.into();
        let mut secrets = top_level().filter(|parameter| parameter.is_secret());
        let shown = if secrets.any(|parameter| parameter.name() == place) {
            "[redacted]".into()
        } else {
            value.shown()
        };
        self.builder
            .refuse([ConfigError::value(place, shown, expected)]);
    }

    fn unknown<'n>(&mut self, prefix: &str, key: &str, names: impl IntoIterator<Item = &'n str>) {
        self.builder.refuse([unknown(prefix, key, names)]);
    }

    fn fault(
        &mut self,
        kind: ConfigErrorKind,
        place: impl Into<Cow<'static, str>>,
        advice: impl Into<Cow<'static, str>>,
    ) {
        self.builder.refuse([ConfigError::new(kind, place, advice)]);
    }

    fn warn(&mut self, key: &str, name: &str) {
        let warning = Warning::new(key, format!("write {name}"));
        self.warnings.push(warning);
    }
}

/// One server of a list: a text, or an object `{ws_uri, weight}`.
fn server((value, place): (&Value, String)) -> Result<(&str, i64), ConfigError> {
    let wrong = |place: String, value: &Value, expected: &'static str| {
        Err(ConfigError::value(place, value.shown(), expected))
    };
    let entries = match value {
        Value::Text(url) => return Ok((url, 0)),
        Value::Object(entries) => entries,
        other => {
            return wrong(
                place,
                other,
                "a URL in quotes, or an object {ws_uri, weight}",
            );
        }
    };
    let (mut url, mut weight) = (None, 0);
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("ws_uri" | "wsUri", Value::Text(text)) => url = Some(text.as_str()),
            ("ws_uri" | "wsUri", other) => {
                return wrong(format!("{place}.{key}"), other, "a URL in quotes");
            }
            ("weight", Value::Null) => {}
            ("weight", value) => match integer(value) {
                Some(number) => weight = number,
                None => return wrong(format!("{place}.weight"), value, "a whole number"),
            },
            (key, _) => return Err(unknown(&format!("{place}."), key, ["ws_uri", "weight"])),
        }
    }
    match url {
        Some(url) => Ok((url, weight)),
        None => wrong(format!("{place}.ws_uri"), &Value::Null, "a URL in quotes"),
    }
}

/// The fault of a key that is none of `names`; its value may be a misplaced secret and is not shown.
fn unknown<'n>(prefix: &str, key: &str, names: impl IntoIterator<Item = &'n str>) -> ConfigError {
    let advice = match nearest(key, names) {
        Some(name) => format!("did you mean {prefix}{name}?"),
        None => "nothing has a name like it".into(),
    };
    let key: String = key.chars().filter(|c| !c.is_control()).take(64).collect();
    ConfigError::new(ConfigErrorKind::Unknown, format!("{prefix}{key}"), advice)
}

/// The parameters that are keys of the whole, unlike the parts of `log`.
fn top_level() -> impl Iterator<Item = &'static Parameter> {
    Parameter::ALL
        .iter()
        .filter(|parameter| !parameter.name().contains('.'))
}

/// `camelCase` as `camel_case`: what SIP.js and JsSIP took before.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// A whole number, given as a number or as decimal digits; `Err` when it is out of range.
fn whole_number(value: &Value) -> Option<Result<u32, ()>> {
    integer(value).map(|number| u32::try_from(number).map_err(drop))
}

/// A whole number of either sign, given as a number or as decimal digits.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => i64::try_from(*number).ok(),
        Value::Text(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse().ok()).flatten()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_does_not_quote_the_source() {
        let message = " --> 1:12\n  |\n1 | {password: hunter2\n  |   ^---\n  = expected a value";
        assert_eq!(without_source_lines(message), "--> 1:12 = expected a value");
        assert_eq!(without_source_lines(&"x".repeat(1000)).len(), 200);
    }
}
