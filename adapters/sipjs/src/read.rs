//! The SIP.js form of the configuration: an object with the names of the page "SIP.UA Configuration
//! Parameters", in JSON, JSON5 or any other self-describing format.
//!
//! `null` means the default, numbers may be written as text, unknown names are errors. Spellings of other
//! versions of SIP.js are accepted with a [`Warning`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::Deserializer;
use sip_core::config::{
    Config, ConfigBuilder, ConfigError, ConfigErrorKind, ConfigErrors, Parameter, ServerUrl,
    Setter, Source,
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

/// Parameters that SIP.js 0.11 renamed.
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

/// Parameters that SIP.js 0.11 has in its block `transportOptions`.
const TRANSPORT: [Parameter; 6] = [
    Parameter::WsServers,
    Parameter::TraceSip,
    Parameter::ConnectionTimeout,
    Parameter::KeepAliveInterval,
    Parameter::WsServerMaxReconnection,
    Parameter::WsServerReconnectionTimeout,
];

/// Texts that are often written as a number.
const OFTEN_NUMBERS: [Parameter; 3] = [
    Parameter::AuthorizationUser,
    Parameter::DisplayName,
    Parameter::Password,
];

/// Names of SIP.js that are not supported, and why.
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

/// The Rust equivalent of the function that SIP.js expects in `name`.
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

/// Reads the SIP.js form: an object, or a text that is the `uri`.
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

/// Sets the parameters of the SIP.js form in `builder`, with the source [`Source::File`], and restores the
/// source for the following calls. [`ConfigBuilder::build`] returns the faults.
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

/// An accepted key that has a better spelling; `Display` is one sentence.
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
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.parameter, self.advice)
    }
}

/// Removes the source lines that some formats quote, because they may hold a password.
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

/// The meaning of a key.
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

    /// The meaning of a `key` of the whole object. Adds a warning for an old spelling and a fault for an
    /// unknown name.
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
        let name = parameter.name();
        match parameter.setter() {
            Setter::Flag(set) => match value {
                Value::Bool(yes) => self.done(|builder| set(builder, *yes)),
                Value::Text(text) => self.wrong(name, value, flag_expected(text)),
                other => self.wrong(name, other, "true or false"),
            },
            Setter::Number { least, most, set } => match whole_number(value) {
                Some(Ok(number)) if (least..=most).contains(&number) => {
                    self.done(|builder| set(builder, number));
                }
                _ => {
                    let expected = format!("a whole number from {least} to {most}");
                    self.wrong(name, value, expected);
                }
            },
            Setter::Seconds { least, set } => match whole_number(value) {
                Some(Ok(seconds)) => {
                    self.done(|builder| set(builder, Duration::from_secs(seconds.into())));
                }
                _ => {
                    let expected =
                        format!("a whole number of seconds from {least} to {}", u32::MAX);
                    self.wrong(name, value, expected);
                }
            },
            Setter::Text(set) => match value {
                Value::Text(text) => self.done(|builder| set(builder, text)),
                Value::Integer(number) if OFTEN_NUMBERS.contains(&parameter) => {
                    let text = Zeroizing::new(number.to_string());
                    self.done(|builder| set(builder, &text));
                }
                other => self.wrong(name, other, "text in quotes"),
            },
            Setter::Word { words, set } => {
                let numbered = parameter == Parameter::LogLevel;
                let place = match (value, whole_number(value)) {
                    (_, Some(Ok(number))) if numbered => {
                        Some(number as usize).filter(|place| *place < words.len())
                    }
                    (Value::Text(text), _) => words.iter().position(|word| *word == **text),
                    _ => None,
                };
                match place {
                    Some(place) => self.done(|builder| set(builder, place)),
                    None => self.wrong(name, value, words_expected(words, numbered)),
                }
            }
            Setter::FlagOrText { flag, text } => match value {
                Value::Bool(yes) => self.done(|builder| flag(builder, *yes)),
                Value::Text(host) => self.done(|builder| text(builder, host)),
                other => self.wrong(name, other, "true, false, or a host in quotes"),
            },
            Setter::Entries(set) => match value {
                Value::Object(entries) => {
                    for (key, value) in entries {
                        self.done(|builder| set(builder, key, &value.to_json()));
                    }
                }
                other => self.wrong(name, other, "an object"),
            },
            Setter::Servers => self.servers(value),
            Setter::List { what, set } => {
                if let Some(texts) = self.texts(name, value, what, "text") {
                    self.done(|builder| set(builder, &texts));
                }
            }
            Setter::Tags => {
                if let Some(tags) = self.texts(name, value, "option tags", "an option tag") {
                    self.builder.extra_supported(tags);
                }
            }
            Setter::Realms => {
                if let Some(realms) = self.texts(name, value, "realms", "a realm") {
                    self.builder.peer_realms(realms);
                }
            }
            Setter::Function => self.fault(ConfigErrorKind::Program, name, rust_equivalent(name)),
        }
    }

    fn done(&mut self, set: impl FnOnce(&mut ConfigBuilder) -> &mut ConfigBuilder) {
        set(self.builder);
    }

    /// A text, or a list of texts and of objects `{ws_uri, weight}`.
    fn servers(&mut self, value: &Value) {
        const EXPECTED: &str =
            "a URL in quotes, or a list of such URLs and of objects {ws_uri, weight}";
        let name = Parameter::WsServers.name();
        match value {
            Value::Text(url) => match ServerUrl::parse(url) {
                Ok(_) => self.done(|builder| builder.servers([(url.as_str(), 0)])),
                // `server` reports the fault without a place in a list.
                Err(_) => self.done(|builder| builder.server(url.as_str())),
            },
            Value::List(items) if !items.is_empty() => {
                let places = (0..).map(|place| format!("{name}[{place}]"));
                self.builder
                    .servers_or_faults(items.iter().zip(places).map(server));
            }
            other => self.wrong(name, other, EXPECTED),
        }
    }

    /// A list of texts; `None` if it is something else, which is noted.
    fn texts<'v>(
        &mut self,
        name: &'static str,
        value: &'v Value,
        several: &str,
        one: &str,
    ) -> Option<Vec<&'v str>> {
        let Value::List(items) = value else {
            self.wrong(name, value, format!("a list of {several} in quotes"));
            return None;
        };
        let mut texts = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let Value::Text(text) = item else {
                self.wrong(format!("{name}[{place}]"), item, format!("{one} in quotes"));
                return None;
            };
            texts.push(text.as_str());
        }
        Some(texts)
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

/// The fault of a key that is none of `names`. It does not show the value, because that may be a misplaced
/// secret.
fn unknown<'n>(prefix: &str, key: &str, names: impl IntoIterator<Item = &'n str>) -> ConfigError {
    let advice = match nearest(key, names) {
        Some(name) => format!("did you mean {prefix}{name}?"),
        None => "nothing has a name like it".into(),
    };
    let key: String = key.chars().filter(|c| !c.is_control()).take(64).collect();
    ConfigError::new(ConfigErrorKind::Unknown, format!("{prefix}{key}"), advice)
}

/// The other spellings of a parameter.
pub(crate) fn other_names(name: &str) -> impl Iterator<Item = String> {
    let renamed = RENAMED
        .iter()
        .filter(move |(_, parameter)| parameter.name() == name);
    let renamed = renamed.map(|(other, _)| (*other).to_owned());
    let snake = snake_case(name);
    std::iter::once(snake)
        .filter(move |snake| snake != name)
        .chain(renamed)
}

/// Whether each part of the path of an entry is a name that SIP.js or this project has.
pub(crate) fn is_known(path: &str) -> bool {
    let path = path.strip_prefix("transportOptions.").unwrap_or(path);
    let (head, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    let whole = |name: &str| name == path || name == head && !name.contains('.');
    let is_name = Parameter::ALL.iter().any(|parameter| {
        whole(parameter.name()) || other_names(parameter.name()).any(|other| whole(&other))
    });
    let is_unsupported = UNSUPPORTED.iter().any(|(name, _)| *name == path);
    let last = rest.rsplit('.').next().unwrap_or_default();
    let is_plain = rest.is_empty() || matches!(last, "ws_uri" | "wsUri" | "weight");
    let is_block = matches!(path, "log" | "transportOptions");
    is_block || is_unsupported || is_name && (is_plain || head == "log")
}

fn flag_expected(text: &str) -> String {
    match nearest(text, ["true", "false"]) {
        Some(word) if text == word => {
            format!("true or false; did you mean {word} without quotes?")
        }
        Some(word) => format!("true or false; did you mean {word}?"),
        None => "true or false".into(),
    }
}

/// `words` in quotes, each after its number if numbers are accepted, too.
fn words_expected(words: &[&str], numbered: bool) -> String {
    let word = |(place, word)| match numbered {
        true => format!("{place} or \"{word}\""),
        false => format!("\"{word}\""),
    };
    let mut all: Vec<String> = words.iter().enumerate().map(word).collect();
    let last = all.pop().unwrap_or_default();
    match all.is_empty() {
        true => last,
        false if numbered => format!("{}, {last}", all.join(", ")),
        false => format!("{} or {last}", all.join(", ")),
    }
}

/// The parameters that are keys of the whole, unlike the parts of `log`.
fn top_level() -> impl Iterator<Item = &'static Parameter> {
    Parameter::ALL
        .iter()
        .filter(|parameter| !parameter.name().contains('.'))
}

/// `camelCase` as `camel_case`, the spelling of early versions of SIP.js and JsSIP.
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
