//! From flags and a configuration file to a [`Config`] and the adapter's options.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

#[cfg(feature = "tls")]
use rustls_pki_types::CertificateDer;
#[cfg(feature = "tls")]
use rustls_pki_types::pem::PemObject;
use sip_core::Body;
use sip_core::config::{Config, ConfigBuilder, Parameter, Source, Support};
use sip_sipjs::{Place, Places, javascript_to_json5, read_into};

use crate::arguments::{Account, Output};
use crate::outcome::Failure;
use crate::password;
use crate::report::printable;

/// The largest configuration file that is read, in bytes.
const CONFIG_LIMIT: u64 = 1024 * 1024;

/// The largest body that is read, in bytes.
const BODY_LIMIT: u64 = 64 * 1024;

/// Whether a command registers. What the configuration says of `register` goes before this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Registering {
    /// The command is about registering; it refuses `register: false`.
    Required,
    /// Others reach the agent through its binding.
    ByDefault,
    /// If there is a URI to register.
    IfAddressed,
    /// One request needs no binding.
    OnDemand,
}

/// A row: the parameter, whether the configuration asks for what the program does not do, and why.
type Refusal = (Parameter, fn(&Config) -> bool, &'static str);

/// What a command would otherwise silently override or leave undone. The user agent itself carries it out.
const REFUSED: &[Refusal] = &[
    (
        Parameter::Autostart,
        |config| !config.autostart(),
        "a command connects at once",
    ),
    (
        Parameter::AskServerUrl,
        Config::ask_server_url,
        "a command has no other URL than that of the server",
    ),
    (
        Parameter::SessionDescriptionHandlerFactoryOptions,
        |config| {
            !config
                .session_description_handler_factory_options()
                .is_empty()
        },
        "the descriptions of the program have no options",
    ),
];

/// What the defaults, then the file, then the flags come to, and the file's warnings.
pub(crate) fn effective(
    account: &Account,
    output: Output,
) -> Result<(Config, Vec<String>), Failure> {
    let mut builder = Config::builder();
    let warnings = match &account.config {
        Some(path) => read_file(path, &mut builder)?,
        None => Vec::new(),
    };
    builder.source(Source::Flag);
    if !account.server.is_empty() {
        builder.servers(account.server.iter().map(|url| (url.as_str(), 0)));
    }
    if let Some(uri) = &account.uri {
        builder.uri(uri);
    }
    if let Some(secret) = password::given(account)? {
        // The flag goes before `ha1` of the file, too.
        builder.secret(None).password(secret.reveal());
    }
    if account.replaces {
        builder.replaces(Support::Supported);
    }
    if !account.event_packages.is_empty() {
        let own = build(&builder)?;
        let own = own.event_packages().iter().map(String::as_str);
        let further = account.event_packages.iter().copied();
        let own: Vec<&str> = own
            .filter(|own| !account.event_packages.contains(own))
            .collect();
        builder.event_packages(own.into_iter().chain(further));
    }
    if output.trace {
        builder.trace_sip(true);
    }
    Ok((build(&builder)?, warnings))
}

/// Refuses what this version does not carry out, one line for each parameter.
pub(crate) fn check_wired(config: &Config) -> Result<(), Failure> {
    let missing: Vec<String> = config
        .unsupported()
        .iter()
        .map(ToString::to_string)
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::Usage(missing.join("\n")))
    }
}

/// The configuration of a command that goes online. The file's warnings come with it.
pub(crate) fn config(
    account: &Account,
    output: Output,
    registering: Registering,
) -> Result<(Config, Vec<String>), Failure> {
    let (config, mut warnings) = effective(account, output)?;
    if config.source(Parameter::WsServers) == Source::Default {
        return Err(usage(
            "no server is named: give --server ws://HOST:PORT, or wsServers in --config FILE",
        ));
    }
    check_wired(&config)?;
    let refused: Vec<String> = REFUSED
        .iter()
        .filter(|(_, asked, _)| asked(&config))
        .map(|(parameter, _, why)| format!("{} has no effect here: {why}", parameter.name()))
        .collect();
    if !refused.is_empty() {
        return Err(Failure::Usage(refused.join("\n")));
    }
    let register = if config.source(Parameter::Register) == Source::Default {
        match registering {
            Registering::Required | Registering::ByDefault => true,
            Registering::IfAddressed => config.uri().is_some(),
            Registering::OnDemand => false,
        }
    } else {
        config.register()
    };
    if registering == Registering::Required && !register {
        return Err(usage(
            "the configuration has register: false, and this command is about registering",
        ));
    }
    if register && config.uri().is_none() {
        return Err(usage(
            "no address is named: give --uri sip:NAME@DOMAIN, or uri in --config FILE",
        ));
    }
    if registering == Registering::ByDefault && !register {
        warnings.push(
            "not registered, because the configuration has register: false: only requests that the \
             server sends to this connection arrive"
                .to_owned(),
        );
    }
    let mut builder = config.to_builder();
    if register != config.register() {
        builder.register(register);
    }
    // With JSON output there is no user to ask.
    if let Some(uri) = config.uri()
        && config.secret().is_none()
        && !output.json
        && let Some(secret) = password::ask(&uri.to_string())?
    {
        builder.source(Source::Flag).password(secret.reveal());
    }
    Ok((build(&builder)?, warnings))
}

/// Refuses a target that is a name alone where there is no address whose domain completes it.
pub(crate) fn check_target(config: &Config, target: &str) -> Result<(), Failure> {
    let is_uri = target.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if is_uri || target.contains('@') || config.uri().is_some() {
        return Ok(());
    }
    let name = printable(target);
    Err(Failure::Usage(format!(
        "{name} is a name without a domain: give a whole address, as in sip:{name}@DOMAIN, or your own with --uri \
         sip:NAME@DOMAIN, whose domain then completes the name"
    )))
}

fn usage(sentence: &str) -> Failure {
    Failure::Usage(sentence.to_owned())
}

fn build(builder: &ConfigBuilder) -> Result<Config, Failure> {
    builder
        .build()
        .map_err(|errors| Failure::Usage(errors.to_string()))
}

/// Sets in `builder` what the file says; the warnings about it.
fn read_file(path: &Path, builder: &mut ConfigBuilder) -> Result<Vec<String>, Failure> {
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(CONFIG_LIMIT + 1).read_to_string(&mut text))
        .map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > CONFIG_LIMIT {
        return Err(wrong(format!("more than {CONFIG_LIMIT} bytes")));
    }
    let done = javascript_to_json5(&text);
    let places = Places::of(&text);
    // The whole text must be one value: the deserializer below stops where its value ends.
    if let Err(error) = json5::from_str::<serde_json::Value>(&done.text) {
        let place = error.position().and_then(|position| {
            // The line may have become another one on the way to JSON5; then its begin is marked.
            let line_of = |text: &str| text.lines().nth(position.line).map(str::to_owned);
            let is_same = line_of(&text) == line_of(&done.text);
            places.at(
                position.line + 1,
                if is_same { position.column + 1 } else { 1 },
            )
        });
        let what = match error.code() {
            Some(code) => code.to_string(),
            None => error.to_string(),
        };
        return Err(Failure::Usage(placed(path, place.as_ref(), &what)));
    }
    builder.refuse(done.errors);
    let warnings = read_into(builder, &mut json5::Deserializer::from_str(&done.text));
    // The flags may mend what the file leaves open, but not what is wrong in it.
    match builder.build() {
        Ok(_) => Ok(warnings.iter().map(ToString::to_string).collect()),
        Err(errors) => Err(Failure::Usage(
            errors
                .iter()
                .map(|error| placed(path, places.fault(error).as_ref(), error))
                .collect::<Vec<_>>()
                .join("\n"),
        )),
    }
}

/// A fault of a file with its place, the line, and a marker below; without a place the fault alone.
fn placed(path: &Path, place: Option<&Place>, fault: &impl Display) -> String {
    let path = path.display();
    match place {
        Some(place) => {
            let (line, column) = (place.line, place.column);
            format!("{path}:{line}:{column}: {fault}\n{place}")
        }
        None => format!("{path}: {fault}"),
    }
}

/// The body in a file, or in standard input.
pub(crate) fn body(path: &Path, content_type: &str) -> Result<Body, Failure> {
    let wrong = |what: String| Failure::Usage(format!("--body {}: {what}", path.display()));
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .take(BODY_LIMIT + 1)
            .read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(BODY_LIMIT + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > BODY_LIMIT {
        return Err(wrong(format!("more than {BODY_LIMIT} bytes")));
    }
    Ok(Body::new(content_type, bytes))
}

/// The certificates of `--ca`.
#[cfg(feature = "tls")]
pub(crate) fn extra_roots(account: &Account) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let Some(path) = &account.ca else {
        return Ok(Vec::new());
    };
    let wrong = |what: String| Failure::Usage(format!("--ca {}: {what}", path.display()));
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|error| wrong(error.to_string()))?
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("no certificate in PEM form in it".to_owned()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use Registering::{ByDefault, IfAddressed, OnDemand, Required};

    const ALL: [Registering; 4] = [Required, ByDefault, IfAddressed, OnDemand];

    /// What a parameter is set to, and what becomes of it in every command.
    enum Row {
        /// The agent gets it as it stands in the file.
        Honoured(&'static str),
        /// Refused with a sentence that begins with the name.
        Refused(&'static str),
        /// Refused by `sip register` alone, honoured by the other commands.
        NotForRegister(&'static str),
        /// No file can hold it.
        Function,
    }
    use Row::{Function, Honoured, NotForRegister, Refused};

    /// One row for each parameter, with a value that is not the default.
    const ROWS: &[(&str, Row)] = &[
        ("uri", Honoured("'sip:carol@example.com'")),
        ("wsServers", Honoured("'ws://127.0.0.1:2'")),
        ("allowLegacyNotifications", Honoured("true")),
        ("allowOutOfDialogRefers", Honoured("true")),
        ("authenticationFactory", Function),
        ("authorizationUser", Honoured("'carol'")),
        ("autostart", Refused("false")),
        ("connectionRecoveryMaxInterval", Honoured("31")),
        ("connectionRecoveryMinInterval", Honoured("3")),
        ("displayName", Honoured("'Carol'")),
        ("hackIpInContact", Honoured("true")),
        ("hackViaTcp", Honoured("true")),
        ("hackWssInTransport", Honoured("true")),
        (
            "instanceId",
            Honoured("'8f3fe5dc-6a37-4c1b-a1e0-1bd5c06e0d1f'"),
        ),
        ("log.builtinEnabled", Honoured("false")),
        ("log.level", Honoured("'debug'")),
        ("log.connector", Function),
        ("noAnswerTimeout", Honoured("61")),
        ("password", Honoured("'secret'")),
        ("register", NotForRegister("false")),
        ("registerExpires", Honoured("601")),
        ("registrarServer", Honoured("'sip:registrar.example.com'")),
        ("rel100", Honoured("'supported'")),
        ("replaces", Honoured("'supported'")),
        ("sessionDescriptionHandlerFactory", Function),
        (
            "sessionDescriptionHandlerFactoryOptions",
            Refused("{constraints: {}}"),
        ),
        ("traceSip", Honoured("true")),
        ("usePreloadedRoute", Honoured("true")),
        ("userAgentString", Honoured("'phone'")),
        ("wsServerMaxReconnection", Honoured("4")),
        ("wsServerReconnectionTimeout", Honoured("5")),
        ("autostop", Honoured("false")),
        ("connectionTimeout", Honoured("6")),
        ("contactName", Honoured("'carol'")),
        ("contactTransport", Honoured("'wss'")),
        ("custom", Honoured("{key: 1}")),
        ("dtmfType", Honoured("'rtp'")),
        ("extraSupported", Honoured("['timer']")),
        ("forceRport", Honoured("true")),
        ("hackAllowUnregisteredOptionTags", Honoured("true")),
        ("keepAliveInterval", Honoured("121")),
        (
            "ha1",
            Honoured("'0123456789abcdef0123456789abcdef', realm: 'r'"),
        ),
        (
            "realm",
            Honoured("'r', ha1: '0123456789abcdef0123456789abcdef'"),
        ),
        ("peerRealms", Honoured("['biloxi.example.com']")),
        ("weakestAlgorithm", Honoured("'SHA-256'")),
        ("weakestPeerAlgorithm", Honoured("'SHA-512-256'")),
        ("outboundFlows", Honoured("2")),
        ("askServerUrl", Refused("true")),
        ("outboundRecovery", Honoured("true")),
        ("offlineRequests", Honoured("'queue'")),
        ("offerTimeout", Honoured("31")),
        ("sessionExpires", Honoured("1800")),
        ("minSe", Honoured("120")),
        ("sessionRefresher", Honoured("'uac'")),
        ("traceSipCredentials", Honoured("true")),
        ("infoPackages", Honoured("['g.3gpp.ussd']")),
        ("eventPackages", Honoured("['message-summary']")),
        ("minSubscriptionExpires", Honoured("120")),
        ("extraMethods", Honoured("['KNOCK']")),
        ("offerUnknownMethods", Honoured("true")),
        ("acceptedBodies", Honoured("['application/pidf+xml']")),
        ("earlySession", Honoured("true")),
        ("sessionId", Honoured("true")),
        ("trustAssertedIdentity", Honoured("true")),
    ];

    fn account(text: &str) -> Account {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let name = format!("sip-settings-{}-{number}.json5", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Account {
            config: Some(path),
            ..Account::default()
        }
    }

    /// What a command makes of a file.
    fn made(text: &str, registering: Registering) -> Result<(Config, Vec<String>), Failure> {
        let account = account(text);
        let made = config(&account, Output::default(), registering);
        std::fs::remove_file(account.config.unwrap()).unwrap();
        made
    }

    fn file(name: &str, value: &str) -> String {
        let others = [
            ("uri", "'sip:alice@example.com'"),
            ("wsServers", "'ws://127.0.0.1:1'"),
        ];
        let others = others.iter().filter(|(other, _)| *other != name);
        let others: String = others
            .map(|(name, value)| format!("{name}: {value}, "))
            .collect();
        match name.split_once('.') {
            Some((group, name)) => format!("{{{others}{group}: {{{name}: {value}}}}}"),
            None => format!("{{{others}{name}: {value}}}"),
        }
    }

    /// No command silently overrides what the configuration says: the agent gets it, or the command refuses it by
    /// name.
    #[test]
    fn fault_c8_every_parameter_is_honoured_or_refused_by_name() {
        let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        let all: Vec<&str> = Parameter::ALL.iter().map(|its| its.name()).collect();
        assert_eq!(names, all);
        for (&parameter, (name, row)) in Parameter::ALL.iter().zip(ROWS) {
            let honoured = |text: &str, registering| {
                let account = account(text);
                let (given, _) = effective(&account, Output::default()).unwrap();
                std::fs::remove_file(account.config.unwrap()).unwrap();
                let (config, _) = made(text, registering).unwrap();
                let value = |config: &Config| {
                    let mut rows = config.explain().into_iter();
                    rows.find(|row| row.parameter == parameter).unwrap()
                };
                assert_ne!(
                    value(&config).value,
                    value(&Config::default()).value,
                    "{name}"
                );
                assert_eq!(value(&config), value(&given), "{name}");
            };
            let refused = |text: &str, registering| match made(text, registering) {
                Err(Failure::Usage(sentence)) => {
                    assert!(sentence.contains(name), "{name}: {sentence}");
                }
                other => panic!("{name} is not refused: {other:?}"),
            };
            for registering in ALL {
                match row {
                    Honoured(value) => honoured(&file(name, value), registering),
                    NotForRegister(value) if registering != Required => {
                        honoured(&file(name, value), registering);
                    }
                    Refused(value) | NotForRegister(value) => {
                        refused(&file(name, value), registering);
                    }
                    Function => {}
                }
            }
        }
    }

    #[test]
    fn fault_c8_a_command_registers_as_the_configuration_says() {
        let uri = "uri: 'sip:alice@example.com', ";
        for (said, uri, registering, registers) in [
            ("", uri, Required, Some(true)),
            ("", uri, ByDefault, Some(true)),
            ("", uri, IfAddressed, Some(true)),
            ("", uri, OnDemand, Some(false)),
            ("", "", ByDefault, None),
            ("", "", IfAddressed, Some(false)),
            ("", "", OnDemand, Some(false)),
            ("register: true, ", uri, OnDemand, Some(true)),
            ("register: true, ", "", IfAddressed, None),
            ("register: false, ", uri, Required, None),
            ("register: false, ", uri, ByDefault, Some(false)),
            ("register: false, ", "", ByDefault, Some(false)),
            ("register: false, ", uri, IfAddressed, Some(false)),
        ] {
            let text = format!("{{{said}{uri}wsServers: 'ws://127.0.0.1:1'}}");
            let made = made(&text, registering);
            let config = made.as_ref().map(|(config, _)| config.register()).ok();
            assert_eq!(config, registers, "{text} {registering:?}: {made:?}");
            if let Ok((_, warnings)) = made {
                let is_told = warnings
                    .iter()
                    .any(|warning| warning.starts_with("not registered"));
                assert_eq!(
                    is_told,
                    registering == ByDefault && registers == Some(false)
                );
            }
        }
    }
}
