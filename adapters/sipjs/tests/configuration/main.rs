//! One table for each parameter of the SIP.js page, and the rules that hold for all.

mod javascript;
mod keys;
mod page;

use std::fmt::Debug;

use sip_core::config::{Config, ConfigError, ConfigErrors, Parameter, Source};
use sip_sipjs::{Warning, read};

/// Reads the file form.
fn file(json: &str) -> Result<(Config, Vec<Warning>), ConfigErrors> {
    read(&mut serde_json::Deserializer::from_str(json))
}

/// The faults of the file form, each as its sentence.
fn faults(json: &str) -> Vec<String> {
    match file(json) {
        Ok(_) => panic!("{json} was taken"),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

/// The table of one parameter: each accepted JSON value with what it means, each refused one with
/// the error's sentence after the parameter's name.
struct Table<'t, T> {
    parameter: Parameter,
    read: fn(&Config) -> T,
    default: T,
    accepted: &'t [(&'t str, T)],
    refused: &'t [(&'t str, &'t str)],
}

impl<T: PartialEq + Debug> Table<'_, T> {
    fn check(&self) {
        let name = self.parameter.name();
        let entry = |json: &str| match name.split_once('.') {
            Some((block, part)) => format!("{{\"{block}\":{{\"{part}\":{json}}}}}"),
            None => format!("{{\"{name}\":{json}}}"),
        };
        for absent in ["{}".to_owned(), entry("null")] {
            let (config, warnings) = file(&absent).unwrap();
            assert_eq!((self.read)(&config), self.default, "{absent}");
            assert_eq!(config.source(self.parameter), Source::Default, "{absent}");
            assert_eq!(warnings, [], "{absent}");
        }
        for (json, meaning) in self.accepted {
            let json = entry(json);
            let (config, warnings) = file(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
            assert_eq!((self.read)(&config), *meaning, "{json}");
            assert_eq!(config.source(self.parameter), Source::File, "{json}");
            assert_eq!(warnings, [], "{json}");
        }
        for (json, sentence) in self.refused {
            let json = entry(json);
            let Err(errors) = file(&json) else {
                panic!("{json} was taken");
            };
            let errors: Vec<&ConfigError> = errors.iter().collect();
            assert_eq!(errors.len(), 1, "{json}: {errors:?}");
            assert!(errors[0].parameter().starts_with(name), "{json}");
            assert_eq!(errors[0].to_string(), format!("{name}{sentence}"), "{json}");
        }
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}
