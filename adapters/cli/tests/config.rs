//! `sip config`: every parameter, its value and its source; no secret.

mod common;

use std::path::PathBuf;

use common::run;
use sip_core::config::Parameter;

const FILE: &str = r#"{
    uri: 'alice@example.com', // the account
    wsServers: [{ws_uri: 'wss://edge.example.com/ws?token=hunter2', weight: 10}, 'wss://b.example.com'],
    password: 'hunter2', register_expires: '300', rel100: SIP.C.supported.UNSUPPORTED,
    sessionDescriptionHandlerFactoryOptions: {constraints: {audio: true}, secret: 'hunter2'},
}"#;

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Every parameter once, in JSON one object a line; the sources are file, flag and default.
#[test]
fn every_parameter_with_value_and_source() {
    let path = file("whole.json5", FILE);
    let shown = run(&[
        "config",
        path.to_str().unwrap(),
        "--json",
        "--uri",
        "sip:bob@example.com",
    ]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(
        shown
            .err
            .contains("register_expires: write registerExpires"),
        "{}",
        shown.err
    );
    let rows: Vec<serde_json::Value> = shown
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["parameter"].as_str().unwrap())
        .collect();
    let all: Vec<&str> = Parameter::ALL
        .iter()
        .map(|parameter| parameter.name())
        .collect();
    assert_eq!(names, all);
    let row = |name: &str| rows.iter().find(|row| row["parameter"] == name).unwrap();
    for (name, value, source) in [
        ("uri", serde_json::json!("sip:bob@example.com"), "flag"),
        ("registerExpires", 300.into(), "file"),
        ("noAnswerTimeout", 60.into(), "default"),
        ("password", "[redacted]".into(), "file"),
        ("ha1", serde_json::Value::Null, "default"),
        (
            "sessionDescriptionHandlerFactoryOptions",
            serde_json::json!(["constraints", "secret"]),
            "file",
        ),
        ("authorizationUser", "bob".into(), "default"),
        ("registrarServer", "sip:example.com".into(), "default"),
    ] {
        assert_eq!(row(name)["value"], value, "{name}");
        assert_eq!(row(name)["source"], source, "{name}");
    }
    assert_eq!(
        row("wsServers")["value"][0],
        serde_json::json!({"ws_uri": "wss://edge.example.com/ws?[redacted]", "weight": 10})
    );
    assert!(!shown.out.contains("hunter2") && !shown.err.contains("hunter2"));
}

/// The same for people: one line a parameter.
#[test]
fn a_line_for_each_parameter() {
    let path = file("people.json5", FILE);
    let shown = run(&["config", path.to_str().unwrap()]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(shown.out.lines().count(), Parameter::ALL.len());
    let line = shown
        .out
        .lines()
        .find(|line| line.starts_with("registerExpires"));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    assert_eq!(words, ["registerExpires", "300", "file"]);
    assert!(!shown.out.contains("hunter2"));
    let defaults = run(&["config"]);
    assert_eq!(defaults.code, 0);
    assert!(defaults.out.contains("wss://edge.sip.onsip.com"));
}

/// CFG-ERR: exit code 2, one line for each fault, each naming its parameter and its place, with the line of the file and a marker
/// below; nothing on standard output, and no secret.
#[test]
fn cfg_err_one_line_for_each_fault() {
    let path = file(
        "faults.json5",
        "{uri: 'alice', register: flase, wsServers: ['http://x', 'ws://y:0'], password: 1.5,
          noAnswerTimeout: 0, nonsense: 1, log: {connector: function (l) { return 1; }}}",
    );
    let shown = run(&["config", path.to_str().unwrap()]);
    assert_eq!(shown.code, 2);
    assert_eq!(shown.out, "");
    let lines: Vec<&str> = shown.err.lines().collect();
    for name in [
        "uri is ",
        "register is ",
        "wsServers[0] is ",
        "wsServers[1] is ",
        "password is [redacted]",
        "noAnswerTimeout is 0",
        "nonsense is not a parameter",
        "log.connector holds program text",
    ] {
        let named = lines.iter().filter(|line| line.contains(name)).count();
        assert_eq!(named, 1, "{name}: {}", shown.err);
    }
    assert_eq!(lines.len(), 24, "{}", shown.err);
    assert!(lines.iter().all(|line| line.starts_with("sip: ")));
    for fault in lines.chunks(3) {
        assert!(fault[0].contains("faults.json5:"), "{fault:?}");
        assert!(
            fault[1].contains(" | ") && fault[2].trim_end().ends_with('^'),
            "{fault:?}"
        );
    }
    assert!(!shown.err.contains("1.5"), "{}", shown.err);
    let expected = [
        "faults.json5:2:28: noAnswerTimeout is 0",
        "  2 |           noAnswerTimeout: 0, nonsense: *, log: {connector: *",
    ];
    for part in expected {
        assert!(shown.err.contains(part), "{part}: {}", shown.err);
    }
}

/// A text that is no JSON5: where it ends to be, and nothing of its values.
#[test]
fn a_syntax_error_has_its_line_and_column() {
    for (name, text, place, marked) in [
        (
            "comma.json5",
            "{\n  uri: 'sip:alice@example.com'\n  password: 'hunter2'\n}",
            ":3:3: ",
            "   3 |   password: *********",
        ),
        (
            "end.json5",
            "{uri: 'sip:alice@example.com'",
            ":1:1: ",
            "   1 | {uri: 'sip:alice@example.com'",
        ),
    ] {
        let path = file(name, text);
        let shown = run(&["config", path.to_str().unwrap()]);
        assert_eq!(shown.code, 2, "{}", shown.err);
        assert!(
            shown.err.contains(&format!("{name}{place}")),
            "{}",
            shown.err
        );
        assert!(shown.err.contains(marked), "{}", shown.err);
        assert!(!shown.err.contains("hunter2"), "{}", shown.err);
    }
}
