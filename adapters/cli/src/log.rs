//! Log lines on standard error: the parameters `log.level` and `log.builtinEnabled`, and RUST_LOG, which goes before
//! both.

use std::io::IsTerminal;

use sip_core::config::{Config, LogLevel, Parameter, Source};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::outcome::Failure;

/// The environment variable that names targets and levels: `debug`, or `sip.transport=debug,sip.session=info`.
const VARIABLE: &str = "RUST_LOG";

/// The categories of the core's records.
const CATEGORIES: [&str; 6] = [
    "sip.ua",
    "sip.transport",
    "sip.transaction",
    "sip.dialog",
    "sip.registration",
    "sip.session",
];

/// What is logged.
#[derive(Debug)]
pub(crate) struct Log {
    targets: Targets,
    /// Whether the targets come from the environment.
    by_variable: bool,
}

impl Log {
    /// What RUST_LOG says, else what the configuration says, else errors alone, because a command prints what happens
    /// as its result.
    ///
    /// # Errors
    /// RUST_LOG cannot be read.
    pub(crate) fn new(config: &Config) -> Result<Self, Failure> {
        Self::choose(std::env::var(VARIABLE).ok().as_deref(), config)
    }

    fn choose(variable: Option<&str>, config: &Config) -> Result<Self, Failure> {
        let variable = variable.map(str::trim).filter(|text| !text.is_empty());
        if let Some(text) = variable {
            let targets = text.parse();
            return Ok(Self {
                targets: targets
                    .map_err(|error| Failure::Usage(format!("{VARIABLE}={text}: {error}")))?,
                by_variable: true,
            });
        }
        let given = |parameter| config.source(parameter) != Source::Default;
        let log = config.log();
        let level = if !log.builtin_enabled {
            LevelFilter::OFF
        } else if given(Parameter::LogLevel) || given(Parameter::LogBuiltinEnabled) {
            filter_of(log.level)
        } else {
            LevelFilter::ERROR
        };
        Ok(Self {
            targets: Targets::new().with_default(level),
            by_variable: false,
        })
    }

    /// The configuration of an agent that makes the records which RUST_LOG asks for.
    ///
    /// # Errors
    /// None that a configuration which is valid already could have.
    pub(crate) fn configure(&self, config: Config) -> Result<Config, Failure> {
        if !self.by_variable {
            return Ok(config);
        }
        let asked = |level: &LogLevel| {
            let level = filter_of(*level).into_level();
            let asked = |level| {
                CATEGORIES
                    .iter()
                    .any(|its| self.targets.would_enable(its, &level))
            };
            level.is_some_and(asked)
        };
        let level = LogLevel::ALL.into_iter().filter(asked).max();
        config
            .to_builder()
            .log_builtin_enabled(level.is_some())
            .log_level(level.unwrap_or(LogLevel::Error))
            .build()
            .map_err(|errors| Failure::Usage(errors.to_string()))
    }

    /// Begins to print. Called once.
    ///
    /// Other crates are left out whatever RUST_LOG says, because those of WebSocket and TLS log whole messages with the
    /// credentials in them.
    pub(crate) fn start(&self) {
        let ours = filter_fn(|line| {
            let rest = line.target().strip_prefix("sip");
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_']))
        });
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        tracing_subscriber::registry()
            .with(lines.with_filter(self.targets.clone()).with_filter(ours))
            .init();
    }
}

const fn filter_of(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Log => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut sip_core::config::ConfigBuilder)) -> Config {
        let mut builder = Config::builder();
        change(&mut builder);
        builder.build().unwrap()
    }

    /// The most verbose level of a category that is printed.
    fn printed(log: &Log, category: &str) -> Option<LogLevel> {
        let levels = LogLevel::ALL.into_iter();
        let on = |level: &LogLevel| {
            let level = filter_of(*level).into_level().unwrap();
            log.targets.would_enable(category, &level)
        };
        levels.filter(on).max()
    }

    #[test]
    fn fault_c9_the_variable_goes_before_the_configuration() {
        use LogLevel::{Debug, Error, Log as Info, Warn};
        let plain = config(|_| {});
        let debug = config(|builder| {
            builder.log_level(Debug);
        });
        let off = config(|builder| {
            builder.log_level(Debug).log_builtin_enabled(false);
        });
        let on = config(|builder| {
            builder.log_builtin_enabled(true);
        });
        for (variable, config, transport, session) in [
            (None, &plain, Some(Error), Some(Error)),
            (None, &on, Some(Info), Some(Info)),
            (None, &debug, Some(Debug), Some(Debug)),
            (None, &off, None, None),
            (Some(" "), &off, None, None),
            (Some("warn"), &debug, Some(Warn), Some(Warn)),
            (Some("off"), &debug, None, None),
            (Some("sip.transport=debug"), &off, Some(Debug), None),
            (
                Some("sip=info,sip.session=error"),
                &plain,
                Some(Info),
                Some(Error),
            ),
        ] {
            let log = Log::choose(variable, config).unwrap();
            assert_eq!(printed(&log, "sip.transport"), transport, "{variable:?}");
            assert_eq!(printed(&log, "sip.session"), session, "{variable:?}");
            // The core makes what is printed.
            let made = log.configure(config.clone()).unwrap().log();
            let most = transport.max(session);
            assert!(most.is_none_or(|most| made.builtin_enabled && made.level >= most));
        }
        assert!(Log::choose(Some("sip=loud"), &plain).is_err());
    }
}
