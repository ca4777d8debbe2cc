//! Rules of the whole object: keys, blocks, sources, and that the three forms mean the same.

use std::time::Duration;

use super::*;
use sip_core::auth::{Algorithm, Secret};
use sip_core::config::{
    ConfigErrorKind, DtmfType, LogLevel, OfflineRequests, SessionRefresher, Support,
};
use sip_sipjs::read_into;

#[test]
fn all_faults_are_reported_at_once_and_none_shows_a_secret() {
    let json = r#"{
        "uri": "alice:hunter2@example.com", "password": ["hunter2"], "pasword": "hunter2",
        "wsServers": "wss:/a?key=hunter2", "registerExpires": 0, "log": {"level": 9}
    }"#;
    let errors = file(json).unwrap_err();
    let parameters: Vec<_> = errors.iter().map(ConfigError::parameter).collect();
    assert_eq!(
        parameters,
        [
            "uri",
            "password",
            "pasword",
            "wsServers",
            "registerExpires",
            "log.level"
        ]
    );
    let text = format!("{errors} {errors:?}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(errors.to_string().lines().count(), 6);
}

#[test]
fn an_unknown_key_is_an_error_that_suggests_the_nearest() {
    assert_eq!(
        faults(r#"{"regsterExpires":1,"wsservers":1,"Password":1,"banana":1}"#),
        [
            "regsterExpires is not a parameter: did you mean registerExpires?",
            "wsservers is not a parameter: did you mean wsServers?",
            "Password is not a parameter: did you mean password?",
            "banana is not a parameter: nothing has a name like it",
        ]
    );
    // A null does not excuse the key.
    assert_eq!(file(r#"{"banana":null}"#).unwrap_err().iter().count(), 1);
}

#[test]
fn old_and_new_spellings_are_taken_with_a_warning() {
    let json = r#"{"ws_servers":"ws://a","hack_via_tcp":true,"maxReconnectionAttempts":0,
        "reconnectionTimeout":9,"log":{"builtin_enabled":false}}"#;
    let (config, warnings) = file(json).unwrap();
    assert_eq!(config.servers()[0].url.as_str(), "ws://a");
    assert!(config.hack_via_tcp());
    assert_eq!(config.ws_server_max_reconnection(), 0);
    assert_eq!(
        config.ws_server_reconnection_timeout(),
        Duration::from_secs(9)
    );
    assert!(!config.log().builtin_enabled);
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "ws_servers: write wsServers",
            "hack_via_tcp: write hackViaTcp",
            "maxReconnectionAttempts: write wsServerMaxReconnection",
            "reconnectionTimeout: write wsServerReconnectionTimeout",
            "builtin_enabled: write builtinEnabled",
        ]
    );
}

#[test]
fn every_name_is_known_in_snake_case_too() {
    let top = Parameter::ALL
        .iter()
        .filter(|parameter| !parameter.name().contains('.'));
    for parameter in top {
        let mut snake = String::new();
        for character in parameter.name().chars() {
            if character.is_uppercase() {
                snake.push('_');
            }
            snake.extend(character.to_lowercase());
        }
        let (_, warnings) = file(&format!("{{\"{snake}\":null}}")).unwrap();
        assert_eq!(
            warnings.len(),
            usize::from(snake != parameter.name()),
            "{snake}"
        );
    }
}

#[test]
fn the_transport_block_of_0_11_is_read() {
    let json = r#"{"transportOptions":{"wsServers":["ws://a"],"traceSip":true,
        "maxReconnectionAttempts":7,"reconnectionTimeout":8,"connectionTimeout":9,"keepAliveInterval":10}}"#;
    let (config, warnings) = file(json).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.servers()[0].url.as_str(), "ws://a");
    assert!(config.trace_sip());
    assert_eq!(config.ws_server_max_reconnection(), 7);
    assert_eq!(
        config.ws_server_reconnection_timeout(),
        Duration::from_secs(8)
    );
    assert_eq!(config.connection_timeout(), Duration::from_secs(9));
    assert_eq!(config.keep_alive_interval(), Some(Duration::from_secs(10)));
    assert_eq!(
        faults(r#"{"transportOptions":{"traceSIP":true,"keepAliveDebounce":10}}"#),
        [
            "transportOptions.traceSIP is not a parameter: did you mean transportOptions.traceSip?",
            "transportOptions.keepAliveDebounce is not supported: the answer to a ping has 10 s (RFC 5626 section 4.4.1)",
        ]
    );
    assert_eq!(
        faults(r#"{"transportOptions":[]}"#),
        ["transportOptions is an empty list, but must be an object"]
    );
}

#[test]
fn a_parameter_is_given_once() {
    assert_eq!(
        faults(
            r#"{"register":true,"register":false,"ws_servers":"ws://a","wsServers":"ws://b","log":{},"log":{}}"#
        ),
        [
            "register is given twice: keep one",
            "wsServers is given twice: as ws_servers and as wsServers; keep one",
            "log is given twice: keep one",
        ]
    );
    assert_eq!(
        faults(r#"{"traceSip":true,"transportOptions":{"traceSip":true}}"#),
        ["traceSip is given twice: keep one"]
    );
}

#[test]
fn what_is_known_and_not_supported_says_why() {
    let errors = file(r#"{"stunServers":["stun:a"],"mediaHandlerFactory":null}"#).unwrap_err();
    for error in &errors {
        assert_eq!(error.kind(), ConfigErrorKind::Unsupported);
        assert!(error.to_string().contains("session") || error.to_string().contains("Session"));
    }
    assert_eq!(errors.iter().count(), 2);
}

#[test]
fn the_whole_may_be_the_uri_alone_but_nothing_else() {
    let (config, _) = file("\"alice@example.com\"").unwrap();
    assert_eq!(
        config.uri().map(ToString::to_string).as_deref(),
        Some("sip:alice@example.com")
    );
    for (json, sentence) in [
        (
            "7",
            "configuration cannot be read: it is 7, but must be an object",
        ),
        (
            "null",
            "configuration cannot be read: it is null, but must be an object",
        ),
        (
            "[]",
            "configuration cannot be read: it is an empty list, but must be an object",
        ),
    ] {
        assert_eq!(faults(json), [sentence]);
    }
    let sentence = &faults("{\"uri\"")[0];
    assert!(
        sentence.starts_with("configuration cannot be read: EOF"),
        "{sentence}"
    );
}

#[test]
fn options_beyond_the_page() {
    let json = r#"{"keepAliveInterval":"20","autostop":false,"contactName":"al%20","contactTransport":"wss",
        "forceRport":true,"extraSupported":["timer","room-signaling"],"hackAllowUnregisteredOptionTags":true,
        "custom":{"team":"a","n":[1]},"dtmfType":"rtp","connectionTimeout":7,"outboundRecovery":true,
        "outboundFlows":"2","askServerUrl":true,"offlineRequests":"queue",
        "sessionExpires":600,"minSe":"120","sessionRefresher":"uas",
        "traceSipCredentials":true,"ha1":"0123456789ABCDEF0123456789abcdef","realm":"example.com"}"#;
    let (config, _) = file(json).unwrap();
    assert_eq!(config.keep_alive_interval(), Some(Duration::from_secs(20)));
    assert!(!config.autostop() && config.force_rport());
    assert!(config.outbound_recovery() && config.trace_sip_credentials());
    assert_eq!(
        (config.outbound_flows(), config.ask_server_url()),
        (2, true)
    );
    for flows in ["0", "5", "256", "1.5", "\"x\""] {
        let wrong = faults(&format!("{{\"outboundFlows\":{flows}}}"));
        assert!(wrong[0].contains("a whole number from 1 to 4"), "{wrong:?}");
    }
    assert_eq!(config.offline_requests(), OfflineRequests::Queue);
    assert_eq!(config.session_expires(), Some(Duration::from_secs(600)));
    assert_eq!(config.min_se(), Duration::from_secs(120));
    assert_eq!(config.session_refresher(), SessionRefresher::Uas);
    assert_eq!(config.contact_name(), Some("al%20"));
    assert_eq!(config.contact_transport(), "wss");
    assert_eq!(config.extra_supported(), ["timer", "room-signaling"]);
    assert_eq!(config.custom()["team"], "\"a\"");
    assert_eq!(config.custom()["n"], "[1]");
    assert_eq!(config.dtmf_type(), DtmfType::Rtp);
    assert_eq!(config.connection_timeout(), Duration::from_secs(7));
    let digits = "0123456789abcdef0123456789abcdef";
    let secret = Secret::ha1("example.com", Algorithm::Md5, digits).unwrap();
    assert_eq!(config.secret(), Some(&secret));

    let defaults = Config::default();
    assert_eq!(
        defaults.keep_alive_interval(),
        Some(Duration::from_secs(120))
    );
    assert_eq!(defaults.connection_timeout(), Duration::from_secs(5));
    assert_eq!(defaults.contact_transport(), "ws");
    assert_eq!(defaults.dtmf_type(), DtmfType::Info);
    assert_eq!(defaults.offline_requests(), OfflineRequests::Fail);
    assert_eq!(
        (defaults.session_expires(), defaults.min_se()),
        (None, Duration::from_secs(90))
    );
    assert_eq!(
        file(r#"{"sessionExpires":0}"#).unwrap().0.session_expires(),
        None
    );
    assert!(defaults.autostop() && !defaults.force_rport() && !defaults.trace_sip_credentials());
    assert_eq!(
        file(r#"{"keepAliveInterval":0}"#)
            .unwrap()
            .0
            .keep_alive_interval(),
        None
    );

    let keep_alive = "a whole number of seconds from 0 to 4294967295";
    for (json, sentence) in [
        (
            r#"{"keepAliveInterval":-1}"#,
            &*format!("keepAliveInterval is -1, but must be {keep_alive}"),
        ),
        (
            r#"{"contactName":"a@b"}"#,
            "contactName is \"a@b\", but must be the user part of a SIP URI, other characters as %XX",
        ),
        (
            r#"{"contactTransport":""}"#,
            "contactTransport is \"\", but must be a transport like ws or wss",
        ),
        (
            r#"{"extraSupported":"timer"}"#,
            "extraSupported is \"timer\", but must be a list of option tags in quotes",
        ),
        (
            r#"{"extraSupported":["a b"]}"#,
            "extraSupported[0] is \"a b\", but must be an option tag like timer",
        ),
        (
            r#"{"extraSupported":["timer",7]}"#,
            "extraSupported[1] is 7, but must be an option tag in quotes",
        ),
        (
            r#"{"extraSupported":["room-signaling"]}"#,
            "extraSupported is \"room-signaling\", but must be an option tag that IANA knows, or hackAllowUnregisteredOptionTags true",
        ),
        (
            r#"{"dtmfType":"inband"}"#,
            "dtmfType is \"inband\", but must be \"info\" or \"rtp\"",
        ),
        (
            r#"{"offlineRequests":"wait"}"#,
            "offlineRequests is \"wait\", but must be \"fail\" or \"queue\"",
        ),
        (
            r#"{"offlineRequests":true}"#,
            "offlineRequests is true, but must be \"fail\" or \"queue\"",
        ),
        (
            r#"{"sessionExpires":89}"#,
            "sessionExpires is 89, but must be 0 or a whole number of seconds from 90 to 4294967295",
        ),
        (
            r#"{"sessionExpires":100,"minSe":120}"#,
            "sessionExpires is 100, but must be at least minSe, which is 120",
        ),
        (
            r#"{"minSe":60}"#,
            "minSe is 60, but must be a whole number of seconds from 90 to 4294967295",
        ),
        (
            r#"{"sessionRefresher":"us"}"#,
            "sessionRefresher is \"us\", but must be \"auto\", \"uac\" or \"uas\"",
        ),
        (
            r#"{"custom":"x"}"#,
            "custom is \"x\", but must be an object",
        ),
        (
            r#"{"connectionTimeout":0}"#,
            "connectionTimeout is 0, but must be a number of seconds above 0, at most 4294967295",
        ),
        (
            r#"{"realm":"x"}"#,
            "realm is \"x\", but must be left out, because ha1 is not given",
        ),
        (
            r#"{"ha1":"xyz","realm":"x"}"#,
            "ha1 is [redacted], but must be 32 hexadecimal digits of MD5, or 64 of SHA-256",
        ),
        (
            r#"{"ha1":"0123456789abcdef0123456789abcdef"}"#,
            "ha1 is [redacted], but must be given together with the realm it was made for",
        ),
        (
            r#"{"ha1":"0123456789abcdef0123456789abcdef","realm":"x","password":"y"}"#,
            "ha1 is [redacted], but must be left out, because password is given too",
        ),
    ] {
        assert!(
            faults(json).contains(&sentence.to_owned()),
            "{json}: {:?}",
            faults(json)
        );
    }
}

/// The builder, given the same values, makes the same configuration as the file form.
#[test]
fn the_builder_and_the_file_form_mean_the_same() {
    let json = r#"{"uri":"alice@example.com","wsServers":[{"ws_uri":"ws://a","weight":2},"ws://b"],
        "displayName":"Alice","password":"x","autostart":false,"register":false,"registerExpires":300,
        "registrarServer":"example.org","userAgentString":"x/1","hackViaTcp":true,"hackIpInContact":"192.0.2.1",
        "noAnswerTimeout":30,"rel100":"supported","replaces":"required","connectionRecoveryMinInterval":1,
        "connectionRecoveryMaxInterval":9,"log":{"level":"debug","builtinEnabled":false},"custom":{"a":1}}"#;
    let mut builder = Config::builder();
    builder
        .source(Source::File)
        .uri("sip:alice@example.com")
        .servers([("ws://a", 2), ("ws://b", 0)])
        .display_name("Alice")
        .password("x")
        .autostart(false)
        .register(false)
        .register_expires(Duration::from_secs(300))
        .registrar_server("sip:example.org")
        .user_agent_string("x/1")
        .hack_via_tcp(true)
        .hack_ip_in_contact("192.0.2.1")
        .no_answer_timeout(Duration::from_secs(30))
        .rel100(Support::Supported)
        .replaces(Support::Required)
        .connection_recovery_min_interval(Duration::from_secs(1))
        .connection_recovery_max_interval(Duration::from_secs(9))
        .log_level(LogLevel::Debug)
        .log_builtin_enabled(false)
        .custom("a", "1");
    assert_eq!(builder.build().unwrap(), file(json).unwrap().0);
}

#[test]
fn flags_go_on_top_of_a_file() {
    let mut json = serde_json::Deserializer::from_str(
        r#"{"uri":"alice@example.com","wsServers":["ws://a","ws://b"],"register":false}"#,
    );
    let mut builder = Config::builder();
    assert_eq!(read_into(&mut builder, &mut json), []);
    builder.source(Source::Flag);
    builder
        .uri("bob@example.org")
        .server("ws://c")
        .server("ws://d");
    let config = builder.build().unwrap();
    let urls: Vec<_> = config
        .servers()
        .iter()
        .map(|server| server.url.as_str())
        .collect();
    assert_eq!(urls, ["ws://c", "ws://d"]);
    assert_eq!(config.authorization_user(), Some("bob"));
    assert_eq!(config.source(Parameter::Uri), Source::Flag);
    assert_eq!(config.source(Parameter::Register), Source::File);
    assert_eq!(config.source(Parameter::RegisterExpires), Source::Default);
    // A bad flag is a fault of its own, and a bad file is not healed by a flag.
    assert_eq!(builder.uri("x").build().unwrap_err().iter().count(), 1);
}

#[test]
fn what_has_no_effect_yet_is_named() {
    let json = r#"{"dtmfType":"rtp","displayName":"x"}"#;
    let missing = file(json).unwrap().0.unsupported();
    for row in &missing {
        assert!(
            row.to_string()
                .starts_with(&format!("{} has no effect yet: ", row.parameter.name()))
        );
    }
    // Neither a parameter that has its effect, nor one at its default.
    for parameter in [Parameter::DisplayName, Parameter::Replaces] {
        assert!(missing.iter().all(|row| row.parameter != parameter));
    }
}
