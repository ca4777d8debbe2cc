//! From flags and a configuration file to a [`Config`] and the adapter's options.

use std::path::Path;

use rustls_pki_types::pem::PemObject;
use sip_core::config::{Config, Source};
use sip_tokio::CertificateDer;

use crate::arguments::{Account, Adapter, Output};
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

/// Refuses adapters that this version does not have.
pub(crate) fn check_adapter(adapter: Adapter) -> Result<(), Failure> {
    match adapter {
        Adapter::Tokio => Ok(()),
        Adapter::Blocking => Err(Failure::Usage(
            "--adapter blocking: this version has no blocking adapter yet; leave the flag out, or \
             say --adapter tokio"
                .to_owned(),
        )),
    }
}

/// The configuration: defaults, then the file, then the flags. The file's warnings come with it.
pub(crate) fn config(
    account: &Account,
    output: Output,
    registering: Registering,
) -> Result<(Config, Vec<String>), Failure> {
    check_adapter(account.adapter)?;
    let (base, warnings) = match &account.config {
        Some(path) => read_file(path)?,
        None => (Config::default(), Vec::new()),
    };
    if account.server.is_empty()
        && base.source(sip_core::config::Parameter::WsServers) == Source::Default
    {
        return Err(Failure::Usage(
            "no server is named: give --server ws://HOST:PORT, or wsServers in --config FILE"
                .to_owned(),
        ));
    }
    let mut builder = base.to_builder();
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
    let has_uri = account.uri.is_some() || base.uri().is_some();
    match registering {
        Registering::Always if !has_uri => {
            return Err(Failure::Usage(
                "no address is named: give --uri sip:NAME@DOMAIN, or uri in --config FILE"
                    .to_owned(),
            ));
        }
        Registering::Always => {
            builder.register(true);
        }
        Registering::IfConfigured => {
            builder.register(has_uri && base.register());
        }
        Registering::Never => {
            builder.register(false);
        }
    }
    // The program decides when to start, so that nothing happens before it listens.
    let config = builder
        .build()
        .map_err(|errors| Failure::Usage(errors.to_string()))?;
    let missing: Vec<String> = config.not_wired().iter().map(ToString::to_string).collect();
    if missing.is_empty() {
        Ok((config, warnings))
    } else {
        Err(Failure::Usage(missing.join("\n")))
    }
}

fn read_file(path: &Path) -> Result<(Config, Vec<String>), Failure> {
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let size = std::fs::metadata(path)
        .map_err(|error| wrong(error.to_string()))?
        .len();
    if size > CONFIG_LIMIT {
        return Err(wrong(format!(
            "{size} bytes; a configuration has at most {CONFIG_LIMIT}"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let text = sip_core::config::preprocess(&text).map_err(|error| wrong(error.to_string()))?;
    let value: serde_json::Value =
        json5::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let (config, warnings) =
        Config::from_sipjs(value).map_err(|errors| wrong(errors.to_string()))?;
    let warnings = warnings
        .iter()
        .map(|warning| format!("{}: {warning}", path.display()))
        .collect();
    Ok((config, warnings))
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
