//! Pasted JavaScript objects: a JSON5 reader reads the output of `javascript_to_json5`.

use super::*;
use sip_core::config::{ConfigErrorKind, Support};
use sip_sipjs::{javascript_to_json5, read_into};

/// Reads a text as a program does: all faults in one list.
fn paste(text: &str) -> Result<Config, ConfigErrors> {
    let done = javascript_to_json5(text);
    let mut builder = Config::builder();
    let mut json5 = json5::Deserializer::from_str(&done.text);
    builder.refuse(done.errors);
    read_into(&mut builder, &mut json5);
    builder.build()
}

fn sentences(text: &str) -> Vec<String> {
    match paste(text) {
        Ok(_) => panic!("{text} was taken"),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn examples_paste_in_with_and_without_what_is_around_them() {
    for text in [
        "uri: 'alice@example.com', register: false",
        "'uri': \"alice@example.com\",\nregister: false, // no\n",
        "{uri: 'alice@example.com', register: false}",
        "var configuration = {\n  uri: 'alice@example.com',\n  register: false,\n};\n",
        "// my phone {\nconst ua = new SIP.UA({ uri: 'alice@example.com', register: false });",
        "module.exports = {uri: 'alice@example.com', register: false}",
        "export default {uri: 'alice@example.com', /* } */ register: false}",
        "new SIP.UA({uri: 'alice@example.com', register: false, displayName: undefined})",
    ] {
        let config = paste(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(
            config.uri().map(ToString::to_string).as_deref(),
            Some("sip:alice@example.com")
        );
        assert!(!config.register(), "{text}");
    }
    let config = paste("'alice@example.com'").unwrap();
    assert_eq!(config.authorization_user(), Some("alice"));
    let config =
        paste("wsServers: [\n { // first\n ws_uri: 'ws://a', weight: 10 },\n 'ws://b' ]").unwrap();
    assert_eq!(config.servers().len(), 2);
}

#[test]
fn constants_become_their_values_outside_of_texts_only() {
    let text = "{rel100: SIP.C.supported.REQUIRED, replaces: SIP.C.supported.SUPPORTED,
        displayName: 'SIP.C.supported.REQUIRED', dtmfType: SIP.C.dtmfType.INFO}";
    let config = paste(text).unwrap();
    assert_eq!(config.rel100(), Support::Required);
    assert_eq!(config.replaces(), Support::Supported);
    assert_eq!(config.display_name(), Some("SIP.C.supported.REQUIRED"));
    for none in ["SIP.C.supported.UNSUPPORTED", "SIP.C.supported.NONE"] {
        let config = paste(&format!("{{rel100: {none}}}")).unwrap();
        assert_eq!(config.rel100(), Support::None);
    }
    assert_eq!(
        sentences("{rel100: SIP.C.supported.MAYBE}"),
        [
            "rel100 is \"SIP.C.supported.MAYBE\", but must be one of SIP.C.supported.UNSUPPORTED, SUPPORTED, REQUIRED, or SIP.C.dtmfType.INFO, RTP"
        ]
    );
}

#[test]
fn a_slip_of_the_pen_gets_a_suggestion() {
    assert_eq!(
        sentences("register: flase"),
        ["register is flase, but must be true or false; did you mean false?"]
    );
    assert_eq!(
        sentences("{register: True, traceSip: Null}"),
        [
            "register is True, but must be true or false; did you mean true?",
            "traceSip is Null, but must be null or a value; did you mean null?",
        ]
    );
}

#[test]
fn functions_are_refused_by_name_with_what_takes_their_place() {
    let text = r#"{
        uri: 'alice@example.com',
        authenticationFactory: function (ua) { return { a: [1, "}", '}'] }; /* } */ },
        log: { level: 3, connector: (level, category) => { console.log(level, "}"); } },
        sessionDescriptionHandlerFactory: async session => new Handler(session, {}),
        custom: { list: [1, new Date()], method(a, b) { return a } },
        registerExpires: 0
    }"#;
    let errors = paste(text).unwrap_err();
    let found: Vec<_> = errors
        .iter()
        .map(|error| (error.parameter(), error.kind()))
        .collect();
    assert_eq!(
        found,
        [
            ("authenticationFactory", ConfigErrorKind::Program),
            ("log.connector", ConfigErrorKind::Program),
            ("sessionDescriptionHandlerFactory", ConfigErrorKind::Program),
            ("custom.list[1]", ConfigErrorKind::Program),
            ("custom.method", ConfigErrorKind::Program),
            ("registerExpires", ConfigErrorKind::Value),
        ]
    );
    let text = errors.to_string();
    for advice in [
        "trait Authenticator",
        "closure as log connector",
        "trait SessionDescriptionHandler",
    ] {
        assert!(text.contains(advice), "{advice}");
    }
}

#[test]
fn program_text_is_refused_and_never_quoted() {
    for text in [
        "{password: hunter2}",
        "{password: trui}",
        "{password: `hunter2`}",
        "{password: 'hunter' + secret}",
        "{password}",
        "{password: process.env.hunter2}",
        "{password: get('hunter2')}",
    ] {
        let errors = paste(text).unwrap_err();
        assert_eq!(errors.iter().count(), 1, "{text}: {errors}");
        assert_eq!(
            errors.iter().next().unwrap().parameter(),
            "password",
            "{text}"
        );
        let shown = errors.to_string();
        assert!(
            !shown.contains("hunter") && !shown.contains("trui"),
            "{shown}"
        );
    }
    assert_eq!(
        paste("{registerExpires: 10 * 60}")
            .unwrap_err()
            .iter()
            .count(),
        1
    );
}

#[test]
fn line_breaks_stay_where_they_were() {
    let text =
        "var c = {\n  log: { connector: function () {\n return 1;\n } },\n  register: false\n};\n";
    let done = javascript_to_json5(text);
    assert_eq!(done.text.matches('\n').count(), text.matches('\n').count());
    let line = |text: &str| text.lines().position(|line| line.contains("register:"));
    assert_eq!(line(&done.text), line(text));
}

/// The JSON5 reader reports a broken text; its error leaves out the source line, which may be a secret.
#[test]
fn what_is_not_json5_is_a_syntax_error() {
    for text in [
        "{password: 'hunter2' 7}",
        "{",
        "",
        "}",
        "{password: 'hunter2",
        "a b c",
        "{]",
        "{,}",
        "{a:::}",
    ] {
        let errors = paste(text).unwrap_err();
        let syntax = |error: &ConfigError| error.kind() == ConfigErrorKind::Syntax;
        assert!(errors.iter().any(syntax), "{text}: {errors}");
        assert!(!errors.to_string().contains("hunter2"), "{text}: {errors}");
    }
}

#[test]
fn the_number_of_faults_is_bounded() {
    let text = format!("{}{}", "[".repeat(1000), "x,".repeat(1000));
    assert_eq!(javascript_to_json5(&text).errors.len(), 100);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is already JSON is left as it is.
        #[test]
        fn json_passes_unchanged(name in "[a-zA-Z\"'\\\\{}:,/* ]{0,12}", number in any::<i32>()) {
            let json = serde_json::json!({ "displayName": name, "custom": { "n": [number, true, null] } });
            let text = json.to_string();
            let done = javascript_to_json5(&text);
            prop_assert_eq!(done.text, text);
            prop_assert_eq!(done.errors, []);
        }

        #[test]
        fn no_text_panics(text in "[a-zA-Z\"'`\\\\{}\\[\\]():,/*+=>. \nεé]{0,64}") {
            let _ = paste(&text);
        }

        #[test]
        fn no_server_url_panics(text in "(wss?://)?[a-z\\[\\]:/?#@.0-9é -]{0,40}") {
            let _ = sip_core::config::ServerUrl::parse(&text);
            let _ = paste(&serde_json::json!({ "wsServers": text, "uri": text }).to_string());
        }
    }
}
