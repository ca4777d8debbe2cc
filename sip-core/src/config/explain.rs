//! The effective configuration as text, parameter by parameter.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::error::REDACTED;
use super::json::Json;
use super::parameter::{Parameter, Source};
use super::server::Server;
use super::settings::{Config, Opaque};
use super::table::parameters;
use super::values::{Authentication, IpInContact};
use crate::auth::Secret;

/// One parameter of a [`Config`]: its value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// Which parameter.
    pub parameter: Parameter,
    /// The value as JSON text, secrets replaced by `"[redacted]"`; `null` where there is none.
    pub value: String,
    /// Where the value came from.
    pub source: Source,
    /// A remark that the value does not show, such as how a default is derived.
    pub note: Option<&'static str>,
}

impl Config {
    /// Every parameter in the order of [`Parameter::ALL`], secrets redacted.
    pub fn explain(&self) -> Vec<Explained> {
        let explained = |&parameter: &Parameter| {
            let (value, note) = self.explanation(parameter);
            Explained {
                parameter,
                value,
                source: self.source(parameter),
                note,
            }
        };
        Parameter::ALL.iter().map(explained).collect()
    }

    fn explain_servers(&self) -> Explanation {
        let server = |server: &Server| {
            let url = server.url.to_string().json();
            format!("{{\"ws_uri\":{url},\"weight\":{}}}", server.weight)
        };
        (list(self.servers().iter().map(server)), None)
    }

    fn explain_authentication(&self) -> Explanation {
        let by = match self.authentication() {
            Authentication::Digest => "digest, by the core",
            Authentication::Application => "the application",
        };
        ("null".into(), Some(by))
    }

    fn explain_ip_in_contact(&self) -> Explanation {
        let value = match self.hack_ip_in_contact() {
            IpInContact::No => false.json(),
            IpInContact::Random => true.json(),
            IpInContact::Host(host) => host.json(),
        };
        (value, None)
    }

    fn explain_password(&self) -> Explanation {
        let is_given = self.secret().is_some_and(Secret::is_password);
        (is_given.then_some(REDACTED).json(), None)
    }

    fn explain_ha1(&self) -> Explanation {
        let is_given = self.secret().is_some_and(|secret| !secret.is_password());
        (is_given.then_some(REDACTED).json(), None)
    }

    fn explain_realm(&self) -> Explanation {
        let realm = self.secret().and_then(|secret| secret.realms().next());
        (realm.json(), None)
    }

    fn explain_session_expires(&self) -> Explanation {
        let note = "only if the peer or a proxy asks";
        let interval = self.session_expires();
        (
            interval.unwrap_or_default().json(),
            interval.is_none().then_some(note),
        )
    }

    fn explain_keep_alive(&self) -> Explanation {
        (self.keep_alive_interval().unwrap_or_default().json(), None)
    }

    fn explain_extra_supported(&self) -> Explanation {
        (list(self.extra_supported().iter().map(Json::json)), None)
    }

    fn explain_peer_realms(&self) -> Explanation {
        (list(self.peer_realms().iter().map(Json::json)), None)
    }

    fn explain_factory_options(&self) -> Explanation {
        opaque(&self.settings.session_description_handler_factory_options)
    }

    fn explain_custom(&self) -> Explanation {
        opaque(&self.settings.custom)
    }
}

/// A value as JSON text, and a note.
type Explanation = (String, Option<&'static str>);

macro_rules! explanation {
    ($config:ident $note:expr; own($explanation:ident, $setter:expr) $($rest:tt)*) => {
        $config.$explanation()
    };
    ($config:ident $note:expr; function) => {
        ("null".into(), $note)
    };
    ($config:ident $note:expr; $kind:ident $(($($arguments:tt)*))? $field:ident) => {
        ($config.settings.$field.json(), $note)
    };
}

macro_rules! explanations {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:literal $origin:ident
        $({ $field:ident: $type:ty = $default:expr })?
        $kind:ident $(($($arguments:tt)*))? $(, $note:expr)?;
    )*) => {
        impl Config {
            fn explanation(&self, parameter: Parameter) -> Explanation {
                let is_default = self.source(parameter) == Source::Default;
                let unless_given = |note: Option<&'static str>| note.filter(|_| is_default);
                match parameter {
                    $(Parameter::$variant => {
                        explanation!(self unless_given(None$(.or(Some($note)))?); $kind $(($($arguments)*))? $($field)?)
                    })*
                }
            }
        }
    };
}

parameters!(explanations);

fn opaque(values: &Opaque) -> Explanation {
    let note = (!values.0.is_empty()).then_some("the keys; the values may be secrets");
    (list(values.0.keys().map(Json::json)), note)
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    format!("[{}]", items.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_explained_once_and_no_secret_with_it() {
        let config = Config::builder()
            .uri("sip:alice@example.com:5062;transport=tcp")
            .server("wss://edge.example.com/ws?token=hunter2")
            .password("hunter2")
            .custom("key", "hunter2")
            .session_description_handler_factory_option("iceServers", "hunter2")
            .build()
            .unwrap();
        let explained = config.explain();
        assert_eq!(explained.len(), Parameter::ALL.len());
        let text = format!("{explained:?} {config:?} {:?}", config.to_builder());
        assert!(!text.contains("hunter2"), "{text}");
        let of = |parameter| {
            let found = explained.iter().find(|row| row.parameter == parameter);
            let row = found.unwrap();
            (row.value.as_str(), row.source)
        };
        assert_eq!(of(Parameter::Password), ("\"[redacted]\"", Source::Code));
        assert_eq!(
            of(Parameter::WsServers),
            (
                "[{\"ws_uri\":\"wss://edge.example.com/ws?[redacted]\",\"weight\":0}]",
                Source::Code
            )
        );
        assert_eq!(of(Parameter::RegisterExpires), ("600", Source::Default));
        assert_eq!(
            of(Parameter::RegistrarServer),
            ("\"sip:example.com:5062;transport=tcp\"", Source::Default)
        );
        assert_eq!(of(Parameter::InstanceId), ("null", Source::Default));
    }
}
