//! From flags and a configuration file to a [`Config`] and the adapter's options.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sip_core::config::{Config, ConfigBuilder, Parameter, Source};
use sip_sipjs::{javascript_to_json5, read_into};

use crate::arguments::{Account, Output};
use crate::outcome::Failure;

/// The largest configuration file that is read, in bytes.
const CONFIG_LIMIT: u64 = 1024 * 1024;

/// What a command makes of the `register` parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Registering {
    /// The command is about registering: a URI must be named.
    Always,
    /// If there is a URI, and the configuration does not say no.
    IfConfigured,
    /// One request needs no binding.
    Never,
}

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
    if let Some(password) = &account.password {
        builder.password(password);
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
    let (config, warnings) = effective(account, output)?;
    if config.source(Parameter::WsServers) == Source::Default {
        return Err(usage(
            "no server is named: give --server ws://HOST:PORT, or wsServers in --config FILE",
        ));
    }
    let register = match registering {
        Registering::Always if config.uri().is_none() => {
            return Err(usage(
                "no address is named: give --uri sip:NAME@DOMAIN, or uri in --config FILE",
            ));
        }
        Registering::Always => true,
        Registering::IfConfigured => config.uri().is_some() && config.register(),
        Registering::Never => false,
    };
    check_wired(&config)?;
    // A command is about being online: `autostart: false` is for programs that start later.
    let config = build(config.to_builder().register(register).autostart(true))?;
    Ok((config, warnings))
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
    // The whole text must be one value: the deserializer below stops where its value ends.
    if let Err(error) = json5::from_str::<serde_json::Value>(&done.text) {
        return Err(wrong(error.to_string()));
    }
    builder.refuse(done.errors);
    let warnings = read_into(builder, &mut json5::Deserializer::from_str(&done.text));
    // The flags may mend what the file leaves open, but not what is wrong in it.
    match builder.build() {
        Ok(_) => Ok(warnings.iter().map(ToString::to_string).collect()),
        Err(errors) => Err(Failure::Usage(
            errors
                .iter()
                .map(|error| format!("{}: {error}", path.display()))
                .collect::<Vec<_>>()
                .join("\n"),
        )),
    }
}

/// The certificates of `--ca`.
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
