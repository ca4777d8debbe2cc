//! The 29 parameters of the page, in its order: default, accepted forms, refused forms. What each
//! does on the wire is tested where it is done.

use super::*;
use sip_core::auth::Secret;
use sip_core::config::{Authentication, IpInContact, LogLevel, Support};

const SECONDS: &str = "a whole number of seconds from 1 to 4294967295";

/// A parameter that is true or false.
fn check_flag(parameter: Parameter, read: fn(&Config) -> bool, default: bool) {
    Table {
        parameter,
        read,
        default,
        accepted: &[("true", true), ("false", false)],
        refused: &[
            ("1", " is 1, but must be true or false"),
            ("0", " is 0, but must be true or false"),
            (
                "\"true\"",
                " is \"true\", but must be true or false; did you mean true without quotes?",
            ),
            (
                "\"flase\"",
                " is \"flase\", but must be true or false; did you mean false?",
            ),
            ("\"\"", " is \"\", but must be true or false"),
            ("\"yes\"", " is \"yes\", but must be true or false"),
            ("[]", " is an empty list, but must be true or false"),
            ("{}", " is an object, but must be true or false"),
        ],
    }
    .check();
}

/// A parameter that is a number of seconds, at least 1.
fn check_seconds(parameter: Parameter, read: fn(&Config) -> u64, default: u64, zero: &str) {
    let bad = |shown: &str| format!(" is {shown}, but must be {SECONDS}");
    Table {
        parameter,
        read,
        default,
        accepted: &[
            ("20", 20),
            ("\"20\"", 20),
            ("20.0", 20),
            ("2e1", 20),
            ("29", 29),
        ],
        refused: &[
            ("0", zero),
            ("-1", &bad("-1")),
            ("1.5", &bad("1.5")),
            ("\"1.5\"", &bad("\"1.5\"")),
            ("4294967296", &bad("4294967296")),
            ("1e300", &bad(&format!("1{}", "0".repeat(300)))),
            ("\"x\"", &bad("\"x\"")),
            ("\"+5\"", &bad("\"+5\"")),
            ("\" 5\"", &bad("\" 5\"")),
            ("\"\"", &bad("\"\"")),
            ("true", &bad("true")),
            ("[]", &bad("an empty list")),
            ("[20]", &bad("a list")),
        ],
    }
    .check();
}

const ZERO: &str = " is 0, but must be a number of seconds above 0, at most 4294967295";

#[test]
fn cfg_uri() {
    let wants = |shown: &str| {
        format!(
            " is {shown}, but must be a SIP URI with a user and a host, like sip:alice@example.com"
        )
    };
    Table {
        parameter: Parameter::Uri,
        read: |config| config.uri().map(ToString::to_string),
        default: None,
        accepted: &[
            ("\"sip:alice@example.com\"", Some("sip:alice@example.com".into())),
            ("\"alice@example.com\"", Some("sip:alice@example.com".into())),
            (
                "\"sip:alice@Example.com:5062;transport=tcp\"",
                Some("sip:alice@Example.com:5062;transport=tcp".into()),
            ),
            ("\"sips:alice@example.com\"", Some("sips:alice@example.com".into())),
            ("\"sip:+1%20x@[2001:db8::1]\"", Some("sip:+1%20x@[2001:db8::1]".into())),
        ],
        refused: &[
            ("\"\"", &wants("\"\"")),
            ("\"alice\"", &wants("\"alice\"")),
            ("\"sip:example.com\"", &wants("\"sip:example.com\"")),
            ("\"tel:+12125551212\"", &wants("\"tel:+12125551212\"")),
            ("\"<sip:alice@example.com>\"", &wants("\"<sip:alice@example.com>\"")),
            ("\"alice@example.com\\r\\nX: y\"", &wants("\"alice@example.com\\r\\nX: y\"")),
            (
                "\"sip:alice:hunter2@example.com\"",
                " is \"sip:alice:[redacted]@example.com\", but must be a SIP URI without a password in it; give the password as password",
            ),
            (
                "\"alice:hunter2@example.com\"",
                " is \"alice:[redacted]@example.com\", but must be a SIP URI without a password in it; give the password as password",
            ),
            (
                "\"sip:alice@example.com?subject=x\"",
                " is \"sip:alice@example.com?subject=x\", but must be a SIP URI without headers (?)",
            ),
            ("7", " is 7, but must be text in quotes"),
            ("[]", " is an empty list, but must be text in quotes"),
        ],
    }
    .check();
}

#[test]
fn cfg_ws_servers() {
    let server = |url: &str, weight: i64| (url.to_owned(), weight);
    let edge = "wss://edge.example.com";
    Table {
        parameter: Parameter::WsServers,
        read: |config| {
            let read = |server: &sip_core::config::Server| {
                (server.url.as_str().to_owned(), server.weight)
            };
            config.servers().iter().map(read).collect::<Vec<_>>()
        },
        default: [server("wss://edge.sip.onsip.com", 0)].into(),
        accepted: &[
            ("\"wss://edge.example.com\"", [server(edge, 0)].into()),
            ("\"WSS://edge.example.com\"", [server(edge, 0)].into()),
            (
                "[\"ws://a:8080/sip?KEY=1234\",\"wss://[::1]\"]",
                [server("ws://a:8080/sip?KEY=1234", 0), server("wss://[::1]", 0)].into(),
            ),
            (
                "[{\"ws_uri\":\"ws://a\",\"weight\":10},\"ws://b\",{\"ws_uri\":\"ws://c\",\"weight\":\"-3\"},{\"wsUri\":\"ws://d\",\"weight\":null}]",
                [server("ws://a", 10), server("ws://b", 0), server("ws://c", -3), server("ws://d", 0)].into(),
            ),
        ],
        refused: &[
            ("\"\"", " is \"\", but must be a URL that begins with ws:// or wss://"),
            ("\"http://a\"", " is \"http://a\", but must be a URL that begins with ws:// or wss://"),
            (
                "[\"ws://a\",\"b?key=hunter2\"]",
                "[1] is \"b?[redacted]\", but must be a URL that begins with ws:// or wss://",
            ),
            (
                "\"ws://a:hunter2@b\"",
                " is \"ws://[redacted]@b\", but must be a ws:// or wss:// URL without a user name or password",
            ),
            (
                "\"ws://a:0\"",
                " is \"ws://a:0\", but must be a ws:// or wss:// URL whose port is a number from 1 to 65535",
            ),
            (
                "[]",
                " is an empty list, but must be a URL in quotes, or a list of such URLs and of objects {ws_uri, weight}",
            ),
            (
                "{\"ws_uri\":\"ws://a\"}",
                " is an object, but must be a URL in quotes, or a list of such URLs and of objects {ws_uri, weight}",
            ),
            ("[{\"weight\":1}]", "[0].ws_uri is null, but must be a URL in quotes"),
            ("[{\"ws_uri\":7}]", "[0].ws_uri is 7, but must be a URL in quotes"),
            (
                "[{\"ws_uri\":\"ws://a\",\"weight\":1.5}]",
                "[0].weight is 1.5, but must be a whole number",
            ),
            (
                "[{\"ws_uri\":\"ws://a\",\"wieght\":1}]",
                "[0].wieght is not a parameter: did you mean wsServers[0].weight?",
            ),
            ("[7]", "[0] is 7, but must be a URL in quotes, or an object {ws_uri, weight}"),
        ],
    }
    .check();
    let many = format!("{{\"wsServers\":[{}\"ws://a\"]}}", "\"ws://a\",".repeat(64));
    assert_eq!(
        faults(&many),
        ["wsServers is longer, but must be a list of at most 64 servers"]
    );
}

#[test]
fn cfg_notify_allow_legacy_notifications() {
    let read = |config: &Config| config.allow_legacy_notifications();
    check_flag(Parameter::AllowLegacyNotifications, read, false);
}

#[test]
fn cfg_refer_allow_out_of_dialog_refers() {
    let read = |config: &Config| config.allow_out_of_dialog_refers();
    check_flag(Parameter::AllowOutOfDialogRefers, read, false);
}

#[test]
fn authentication_factory() {
    let sentence = " holds program text: implement the trait Authenticator of the adapter, or set authentication(Authentication::Application) and answer the event Challenged";
    Table {
        parameter: Parameter::AuthenticationFactory,
        read: Config::authentication,
        default: Authentication::Digest,
        accepted: &[],
        refused: &[
            ("\"function (ua) {}\"", sentence),
            ("{}", sentence),
            ("true", sentence),
        ],
    }
    .check();
    let config = Config::builder()
        .authentication(Authentication::Application)
        .build();
    assert_eq!(
        config.unwrap().authentication(),
        Authentication::Application
    );
}

#[test]
fn authorization_user() {
    Table {
        parameter: Parameter::AuthorizationUser,
        read: |config| owned(config.authorization_user()),
        default: None,
        accepted: &[
            ("\"alice123\"", Some("alice123".into())),
            ("1001", Some("1001".into())),
            ("\"a \\\"quoted\\\" é\"", Some("a \"quoted\" é".into())),
        ],
        refused: &[
            (
                "\"\"",
                " is \"\", but must be text without control characters, 1 to 1024 bytes",
            ),
            (
                "\"a\\nb\"",
                " is \"a\\nb\", but must be text without control characters, 1 to 1024 bytes",
            ),
            ("[]", " is an empty list, but must be text in quotes"),
            ("true", " is true, but must be text in quotes"),
        ],
    }
    .check();
    let user = |uri: &str| {
        let (config, _) = file(&format!("{{\"uri\":\"{uri}\"}}")).unwrap();
        owned(config.authorization_user())
    };
    assert_eq!(
        user("sip:al%69ce;x@example.com").as_deref(),
        Some("alice;x")
    );
    assert_eq!(
        faults("{\"uri\":\"sip:a%00b@example.com\"}"),
        [
            "authorizationUser is the user part of uri, but must be given, because that user part is not UTF-8 text without control characters"
        ]
    );
}

#[test]
fn autostart() {
    check_flag(Parameter::Autostart, Config::autostart, true);
}

#[test]
fn cfg_recover_connection_recovery_max_interval() {
    let read = |config: &Config| config.connection_recovery_max_interval().as_secs();
    check_seconds(Parameter::ConnectionRecoveryMaxInterval, read, 30, ZERO);
    assert_eq!(
        faults("{\"connectionRecoveryMaxInterval\":1}"),
        [
            "connectionRecoveryMaxInterval is 1, but must be at least connectionRecoveryMinInterval, which is 2"
        ]
    );
}

#[test]
fn cfg_recover_connection_recovery_min_interval() {
    let read = |config: &Config| config.connection_recovery_min_interval().as_secs();
    check_seconds(Parameter::ConnectionRecoveryMinInterval, read, 2, ZERO);
    assert_eq!(
        faults("{\"connectionRecoveryMinInterval\":31}"),
        [
            "connectionRecoveryMinInterval is 31, but must be at most connectionRecoveryMaxInterval, which is 30"
        ]
    );
    assert_eq!(
        faults("{\"connectionRecoveryMinInterval\":5,\"connectionRecoveryMaxInterval\":4}"),
        [
            "connectionRecoveryMaxInterval is 4, but must be at least connectionRecoveryMinInterval, which is 5"
        ]
    );
    assert!(file("{\"connectionRecoveryMinInterval\":30}").is_ok());
}

#[test]
fn display_name() {
    Table {
        parameter: Parameter::DisplayName,
        read: |config| owned(config.display_name()),
        default: None,
        accepted: &[
            ("\"Alice ¶€ĸøĸø\"", Some("Alice ¶€ĸøĸø".into())),
            ("\"\\\"\\\\\"", Some("\"\\".into())),
            ("0", Some("0".into())),
            ("\"\"", None),
        ],
        refused: &[
            (
                "\"a\\r\\nX: y\"",
                " is \"a\\r\\nX: y\", but must be text without control characters, at most 1024 bytes",
            ),
            ("1.5", " is 1.5, but must be text in quotes"),
            ("[]", " is an empty list, but must be text in quotes"),
        ],
    }
    .check();
}

#[test]
fn cfg_hackip_hack_ip_in_contact() {
    let host = |name: &str| IpInContact::Host(name.to_owned());
    let wants = |shown: &str| {
        format!(
            " is {shown}, but must be true, false, or a host: a name, an IPv4 address, or an IPv6 address in brackets"
        )
    };
    Table {
        parameter: Parameter::HackIpInContact,
        read: |config| config.hack_ip_in_contact().clone(),
        default: IpInContact::No,
        accepted: &[
            ("false", IpInContact::No),
            ("true", IpInContact::Random),
            ("\"192.0.2.7\"", host("192.0.2.7")),
            ("\"[2001:db8::7]\"", host("[2001:db8::7]")),
            ("\"phone.example.com\"", host("phone.example.com")),
        ],
        refused: &[
            ("\"\"", &wants("\"\"")),
            ("\"a b\"", &wants("\"a b\"")),
            ("\"192.0.2.256\"", &wants("\"192.0.2.256\"")),
            ("\"2001:db8::7\"", &wants("\"2001:db8::7\"")),
            ("\"a.1b\"", &wants("\"a.1b\"")),
            ("\"a_b.example.com\"", &wants("\"a_b.example.com\"")),
            ("\"example.com:5060\"", &wants("\"example.com:5060\"")),
            ("1", " is 1, but must be true, false, or a host in quotes"),
            (
                "[]",
                " is an empty list, but must be true, false, or a host in quotes",
            ),
        ],
    }
    .check();
}

#[test]
fn cfg_hacktcp_hack_via_tcp() {
    check_flag(Parameter::HackViaTcp, Config::hack_via_tcp, false);
}

#[test]
fn cfg_hackwss_hack_wss_in_transport() {
    check_flag(
        Parameter::HackWssInTransport,
        Config::hack_wss_in_transport,
        false,
    );
}

#[test]
fn cfg_instance_instance_id() {
    let id = "8f1fa16A-1165-4a96-8341-785b1ef24f12";
    let wants = |shown: &str| {
        format!(
            " is {shown}, but must be a UUID like 8f1fa16a-1165-4a96-8341-785b1ef24f12, with uuid: before it or not"
        )
    };
    Table {
        parameter: Parameter::InstanceId,
        read: |config| owned(config.instance_id()),
        default: None,
        accepted: &[
            (&format!("\"{id}\""), Some(id.into())),
            (&format!("\"uuid:{id}\""), Some(id.into())),
            (&format!("\"UUID:{id}\""), Some(id.into())),
        ],
        refused: &[
            ("\"\"", &wants("\"\"")),
            ("\"bob\"", &wants("\"bob\"")),
            (
                &format!("\"urn:uuid:{id}\""),
                &wants(&format!("\"urn:uuid:{id}\"")),
            ),
            ("7", " is 7, but must be text in quotes"),
        ],
    }
    .check();
}

#[test]
fn cfg_log_builtin_enabled() {
    check_flag(
        Parameter::LogBuiltinEnabled,
        |config| config.log().builtin_enabled,
        true,
    );
}

#[test]
fn cfg_log_level() {
    let wants = |shown: &str| {
        format!(
            " is {shown}, but must be 0 or \"error\", 1 or \"warn\", 2 or \"log\", 3 or \"debug\""
        )
    };
    Table {
        parameter: Parameter::LogLevel,
        read: |config| config.log().level,
        default: LogLevel::Log,
        accepted: &[
            ("0", LogLevel::Error),
            ("1", LogLevel::Warn),
            ("2", LogLevel::Log),
            ("3", LogLevel::Debug),
            ("\"3\"", LogLevel::Debug),
            ("\"error\"", LogLevel::Error),
            ("\"warn\"", LogLevel::Warn),
            ("\"log\"", LogLevel::Log),
            ("\"debug\"", LogLevel::Debug),
        ],
        refused: &[
            ("7", &wants("7")),
            ("4", &wants("4")),
            ("-1", &wants("-1")),
            ("4294967296", &wants("4294967296")),
            ("\"Debug\"", &wants("\"Debug\"")),
            ("\"\"", &wants("\"\"")),
            ("[]", &wants("an empty list")),
            ("true", &wants("true")),
        ],
    }
    .check();
}

#[test]
fn cfg_log_connector() {
    let sentence = " holds program text: give the adapter a closure as log connector, or carry out the log actions";
    Table {
        parameter: Parameter::LogConnector,
        read: |_| (),
        default: (),
        accepted: &[],
        refused: &[("\"function () {}\"", sentence), ("{}", sentence)],
    }
    .check();
    assert_eq!(faults("{\"log\":7}"), ["log is 7, but must be an object"]);
    assert_eq!(
        faults("{\"log\":{\"levle\":1}}"),
        ["log.levle is not a parameter: did you mean log.level?"]
    );
    let (config, _) = file("{\"log\":null}").unwrap();
    assert_eq!(config.log(), sip_core::config::Log::default());
}

#[test]
fn cfg_noanswer_no_answer_timeout() {
    let read = |config: &Config| config.no_answer_timeout().as_secs();
    check_seconds(Parameter::NoAnswerTimeout, read, 60, ZERO);
}

#[test]
fn password() {
    let secret = |text: &str| Some(Secret::password(text));
    Table {
        parameter: Parameter::Password,
        read: |config| config.secret().cloned(),
        default: None,
        accepted: &[
            ("\"1234\"", secret("1234")),
            ("1234", secret("1234")),
            ("\"\\u0000 é\"", secret("\0 é")),
        ],
        refused: &[
            (
                "\"\"",
                " is [redacted], but must be text of 1 to 1024 bytes, or left out for none",
            ),
            ("1.5", " is [redacted], but must be text in quotes"),
            (
                "[\"hunter2\"]",
                " is [redacted], but must be text in quotes",
            ),
            ("true", " is [redacted], but must be text in quotes"),
        ],
    }
    .check();
}

#[test]
fn cfg_reg_register() {
    check_flag(Parameter::Register, Config::register, true);
}

#[test]
fn cfg_reg_register_expires() {
    let read = |config: &Config| config.register_expires().as_secs();
    let zero = format!(" is 0, but must be {SECONDS}");
    check_seconds(Parameter::RegisterExpires, read, 600, &zero);
    let half = core::time::Duration::from_millis(1500);
    let error = Config::builder()
        .register_expires(half)
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("registerExpires is 1.5, but must be {SECONDS}")
    );
}

#[test]
fn cfg_reg_registrar_server() {
    let wants = |shown: &str| {
        format!(" is {shown}, but must be a SIP URI without a user, like sip:example.com")
    };
    Table {
        parameter: Parameter::RegistrarServer,
        read: |config| config.registrar_server().map(ToString::to_string),
        default: None,
        accepted: &[
            (
                "\"sip:registrar.example.com\"",
                Some("sip:registrar.example.com".into()),
            ),
            (
                "\"registrar.example.com\"",
                Some("sip:registrar.example.com".into()),
            ),
            (
                "\"sips:a.example.com:5061\"",
                Some("sips:a.example.com:5061".into()),
            ),
        ],
        refused: &[
            ("\"\"", &wants("\"\"")),
            (
                "\"sip:alice@example.com\"",
                &wants("\"sip:alice@example.com\""),
            ),
            ("\"a b\"", &wants("\"a b\"")),
            ("7", " is 7, but must be text in quotes"),
            ("[]", " is an empty list, but must be text in quotes"),
        ],
    }
    .check();
    // RFC 3261 section 10.2: no userinfo in the Request-URI; port and parameters are kept.
    let (config, _) = file("{\"uri\":\"sips:a%40b@Example.com:5062;transport=tcp\"}").unwrap();
    let registrar = config.registrar_server().map(ToString::to_string);
    assert_eq!(
        registrar.as_deref(),
        Some("sips:Example.com:5062;transport=tcp")
    );
}

/// A parameter that says how far an extension is supported.
fn check_support(parameter: Parameter, read: fn(&Config) -> Support) {
    let wants =
        |shown: &str| format!(" is {shown}, but must be \"none\", \"supported\" or \"required\"");
    Table {
        parameter,
        read,
        default: Support::None,
        accepted: &[
            ("\"none\"", Support::None),
            ("\"supported\"", Support::Supported),
            ("\"required\"", Support::Required),
        ],
        refused: &[
            ("\"maybe\"", &wants("\"maybe\"")),
            ("\"REQUIRED\"", &wants("\"REQUIRED\"")),
            ("\"\"", &wants("\"\"")),
            ("true", &wants("true")),
            ("[]", &wants("an empty list")),
        ],
    }
    .check();
}

#[test]
fn cfg_100rel_rel100() {
    check_support(Parameter::Rel100, Config::rel100);
}

#[test]
fn cfg_replaces_replaces() {
    check_support(Parameter::Replaces, Config::replaces);
}

#[test]
fn session_description_handler_factory() {
    let sentence = " holds program text: implement the trait SessionDescriptionHandler of the adapter and give it a factory, or answer the event DescriptionNeeded";
    Table {
        parameter: Parameter::SessionDescriptionHandlerFactory,
        read: |_| (),
        default: (),
        accepted: &[],
        refused: &[
            ("\"function () {}\"", sentence),
            ("{}", sentence),
            ("1", sentence),
        ],
    }
    .check();
}

#[test]
fn session_description_handler_factory_options() {
    let json = r#"{"constraints":{"audio":true,"video":false},"n":[1,"x"]}"#;
    let pairs = [
        ("constraints", r#"{"audio":true,"video":false}"#),
        ("n", r#"[1,"x"]"#),
    ];
    let map = |pairs: &[(&str, &str)]| {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect::<Vec<_>>()
    };
    Table {
        parameter: Parameter::SessionDescriptionHandlerFactoryOptions,
        read: |config| {
            let options = config.session_description_handler_factory_options();
            options.clone().into_iter().collect()
        },
        default: Vec::new(),
        accepted: &[(json, map(&pairs))],
        refused: &[
            ("\"x\"", " is \"x\", but must be an object"),
            ("7", " is 7, but must be an object"),
            ("[]", " is an empty list, but must be an object"),
            (
                &format!("{{\"a\":\"{}\"}}", "x".repeat(65_536)),
                " is larger, but must be at most 65536 bytes of keys and values",
            ),
        ],
    }
    .check();
}

#[test]
fn cfg_log_trace_sip() {
    check_flag(Parameter::TraceSip, Config::trace_sip, false);
}

#[test]
fn cfg_preload_use_preloaded_route() {
    check_flag(
        Parameter::UsePreloadedRoute,
        Config::use_preloaded_route,
        false,
    );
}

#[test]
fn cfg_ua_user_agent_string() {
    let wants = |shown: &str| {
        format!(" is {shown}, but must be text without control characters, 1 to 1024 bytes")
    };
    Table {
        parameter: Parameter::UserAgentString,
        read: |config| config.user_agent_string().to_owned(),
        default: concat!("sip-core/", env!("CARGO_PKG_VERSION")).to_owned(),
        accepted: &[
            ("\"Oakwood/2.1 (desk)\"", "Oakwood/2.1 (desk)".into()),
            ("\" padded \"", "padded".into()),
        ],
        refused: &[
            ("\"\"", &wants("\"\"")),
            ("\" \"", &wants("\" \"")),
            ("\"a\\r\\nX: y\"", &wants("\"a\\r\\nX: y\"")),
            ("7", " is 7, but must be text in quotes"),
            ("[]", " is an empty list, but must be text in quotes"),
        ],
    }
    .check();
}

#[test]
fn cfg_wsrec_ws_server_max_reconnection() {
    let wants =
        |shown: &str| format!(" is {shown}, but must be a whole number from 0 to 4294967295");
    Table {
        parameter: Parameter::WsServerMaxReconnection,
        read: Config::ws_server_max_reconnection,
        default: 3,
        accepted: &[("0", 0), ("10", 10), ("\"10\"", 10)],
        refused: &[
            ("-1", &wants("-1")),
            ("1.5", &wants("1.5")),
            ("4294967296", &wants("4294967296")),
            ("\"\"", &wants("\"\"")),
            ("\"x\"", &wants("\"x\"")),
            ("true", &wants("true")),
            ("[]", &wants("an empty list")),
        ],
    }
    .check();
}

#[test]
fn cfg_wsrec_ws_server_reconnection_timeout() {
    let read = |config: &Config| config.ws_server_reconnection_timeout().as_secs();
    check_seconds(Parameter::WsServerReconnectionTimeout, read, 4, ZERO);
}
