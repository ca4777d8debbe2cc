//! The effective configuration, parameter by parameter, for a person to read.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt::Write, time::Duration};

use super::{Config, IpInContact, Opaque, Parameter, Source, error::REDACTED};

/// One parameter of a [`Config`]: what it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// Which parameter.
    pub parameter: Parameter,
    /// The value as JSON text, secrets replaced by `"[redacted]"`; `null` where there is none.
    pub value: String,
    /// Where the value came from.
    pub source: Source,
    /// What the value does not say by itself.
    pub note: Option<&'static str>,
}

impl Config {
    /// Every parameter in the order of [`Parameter::ALL`], secrets redacted.
    pub fn explain(&self) -> Vec<Explained> {
        let explained = |&parameter: &Parameter| {
            let (value, note) = self.value_of(parameter);
            Explained {
                parameter,
                value,
                source: self.source(parameter),
                note,
            }
        };
        Parameter::ALL.iter().map(explained).collect()
    }

    fn value_of(&self, parameter: Parameter) -> (String, Option<&'static str>) {
        const DRAWN: Option<&str> = Some("drawn at random by the user agent");
        let s = &*self.settings;
        let plain = |value: String| (value, None);
        let drawn = |value: Option<&str>| match value {
            Some(text) => (json_text(text), None),
            None => ("null".into(), DRAWN),
        };
        match parameter {
            Parameter::Uri => drawn(s.uri.as_ref().map(ToString::to_string).as_deref()),
            Parameter::WsServers => plain(self.servers_json()),
            Parameter::AllowLegacyNotifications => plain(s.allow_legacy_notifications.to_string()),
            Parameter::AllowOutOfDialogRefers => plain(s.allow_out_of_dialog_refers.to_string()),
            Parameter::AuthenticationFactory => match s.authentication {
                super::Authentication::Digest => ("null".into(), Some("digest, by the core")),
                super::Authentication::Application => ("null".into(), Some("the application")),
            },
            Parameter::AuthorizationUser => (
                optional(s.authorization_user.as_deref()),
                (!s.sources.given(parameter)).then_some("the user part of uri"),
            ),
            Parameter::Autostart => plain(s.autostart.to_string()),
            Parameter::ConnectionRecoveryMaxInterval => {
                plain(seconds(s.connection_recovery_max_interval))
            }
            Parameter::ConnectionRecoveryMinInterval => {
                plain(seconds(s.connection_recovery_min_interval))
            }
            Parameter::DisplayName => plain(optional(s.display_name.as_deref())),
            Parameter::HackIpInContact => match &s.hack_ip_in_contact {
                IpInContact::No => plain("false".into()),
                IpInContact::Random => plain("true".into()),
                IpInContact::Host(host) => plain(json_text(host)),
            },
            Parameter::HackViaTcp => plain(s.hack_via_tcp.to_string()),
            Parameter::HackWssInTransport => plain(s.hack_wss_in_transport.to_string()),
            Parameter::InstanceId => drawn(s.instance_id.as_deref()),
            Parameter::LogBuiltinEnabled => plain(s.log.builtin_enabled.to_string()),
            Parameter::LogLevel => plain(json_text(s.log.level.as_str())),
            Parameter::LogConnector => ("null".into(), Some("a closure given to the adapter")),
            Parameter::NoAnswerTimeout => plain(seconds(s.no_answer_timeout)),
            Parameter::Password => plain(match &s.secret {
                Some(secret) if secret.is_password() => json_text(REDACTED),
                _ => "null".into(),
            }),
            Parameter::Register => plain(s.register.to_string()),
            Parameter::RegisterExpires => plain(seconds(s.register_expires)),
            Parameter::RegistrarServer => (
                optional(
                    s.registrar_server
                        .as_ref()
                        .map(ToString::to_string)
                        .as_deref(),
                ),
                (!s.sources.given(parameter)).then_some("uri without its user part"),
            ),
            Parameter::Rel100 => plain(json_text(s.rel100.as_str())),
            Parameter::Replaces => plain(json_text(s.replaces.as_str())),
            Parameter::SessionDescriptionHandlerFactory => {
                ("null".into(), Some("a trait given to the adapter"))
            }
            Parameter::SessionDescriptionHandlerFactoryOptions => {
                opaque(&s.session_description_handler_factory_options)
            }
            Parameter::TraceSip => plain(s.trace_sip.to_string()),
            Parameter::UsePreloadedRoute => plain(s.use_preloaded_route.to_string()),
            Parameter::UserAgentString => plain(json_text(&s.user_agent_string)),
            Parameter::WsServerMaxReconnection => plain(s.ws_server_max_reconnection.to_string()),
            Parameter::WsServerReconnectionTimeout => {
                plain(seconds(s.ws_server_reconnection_timeout))
            }
            Parameter::Autostop => plain(s.autostop.to_string()),
            Parameter::ConnectionTimeout => plain(seconds(s.connection_timeout)),
            Parameter::ContactName => drawn(s.contact_name.as_deref()),
            Parameter::ContactTransport => plain(json_text(&s.contact_transport)),
            Parameter::Custom => opaque(&s.custom),
            Parameter::DtmfType => plain(json_text(s.dtmf_type.as_str())),
            Parameter::ExtraSupported => {
                plain(list(s.extra_supported.iter().map(|tag| json_text(tag))))
            }
            Parameter::ForceRport => plain(s.force_rport.to_string()),
            Parameter::HackAllowUnregisteredOptionTags => {
                plain(s.hack_allow_unregistered_option_tags.to_string())
            }
            Parameter::KeepAliveInterval => {
                plain(s.keep_alive_interval.map_or_else(|| "0".into(), seconds))
            }
            Parameter::Ha1 => plain(match &s.secret {
                Some(secret) if !secret.is_password() => json_text(REDACTED),
                _ => "null".into(),
            }),
            Parameter::Realm => plain(optional(
                s.secret.as_ref().and_then(|secret| secret.realms().next()),
            )),
            Parameter::OutboundFlows => plain(s.outbound_flows.to_string()),
            Parameter::AskServerUrl => plain(s.ask_server_url.to_string()),
            Parameter::OutboundRecovery => plain(s.outbound_recovery.to_string()),
            Parameter::OfflineRequests => plain(json_text(s.offline_requests.as_str())),
            Parameter::TraceSipCredentials => plain(s.trace_sip_credentials.to_string()),
        }
    }

    fn servers_json(&self) -> String {
        list(self.servers().iter().map(|server| {
            format!(
                "{{\"ws_uri\":{},\"weight\":{}}}",
                json_text(&server.url.to_string()),
                server.weight
            )
        }))
    }
}

fn opaque(values: &Opaque) -> (String, Option<&'static str>) {
    let note = (!values.0.is_empty()).then_some("the keys; the values may be secrets");
    (list(values.0.keys().map(|key| json_text(key))), note)
}

fn optional(value: Option<&str>) -> String {
    value.map_or_else(|| "null".into(), json_text)
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    format!("[{}]", items.join(","))
}

/// `text` as a JSON string (RFC 8259 section 7).
pub(crate) fn json_text(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control.is_control() => {
                // Controls are below U+10000, so that four digits are enough; a String takes all.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            plain => json.push(plain),
        }
    }
    json.push('"');
    json
}

/// Seconds as a JSON number: whole ones without a fraction.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match duration.subsec_micros() {
        0 => whole.to_string(),
        micros => format!("{whole}.{micros:06}")
            .trim_end_matches('0')
            .to_string(),
    }
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

    #[test]
    fn rfc8259_7_text_is_escaped() {
        assert_eq!(
            json_text("a\"\\\n\u{1}\u{85}é"),
            "\"a\\\"\\\\\\n\\u0001\\u0085é\""
        );
        assert_eq!(seconds(Duration::from_millis(1500)), "1.5");
    }
}
