//! Errors before the first message: each prints a sentence and has the right exit code.

mod common;

use std::net::TcpListener;

use common::run;

/// A port without a listener.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The name of a file in a folder of others may have anything in it.
#[test]
fn a_failure_cannot_control_the_terminal() {
    for command in ["parse", "ladder", "config"] {
        let failed = run(&[command, "/nowhere/a\u{1b}[2J\rb"]);
        assert_ne!(failed.code, 0);
        let shown = failed.err.contains("/nowhere/a\\u{1b}[2J\\rb");
        assert!(shown, "{command}: {:?}", failed.err);
        assert!(!failed.err.contains(['\u{1b}', '\r']), "{:?}", failed.err);
    }
}

#[test]
fn help_names_every_command_and_exit_code() {
    let help = run(&["--help"]);
    assert_eq!(help.code, 0);
    for word in [
        "demo",
        "serve",
        "register",
        "call",
        "answer",
        "message",
        "options",
        "request",
        "subscribe",
        "publish",
        "watch",
        "config",
        "parse",
        "ladder",
        "completions",
        "man",
        "Exit codes",
        "Examples",
    ] {
        assert!(help.out.contains(word), "{word}");
    }
    for command in [
        "demo",
        "serve",
        "register",
        "call",
        "answer",
        "message",
        "options",
        "request",
        "subscribe",
        "publish",
        "watch",
        "config",
        "parse",
        "ladder",
        "completions",
        "man",
    ] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.code, 0, "{command}");
        assert!(help.out.contains("Usage: sip"), "{command}");
    }
}

#[test]
fn usage_errors_are_exit_code_2() {
    let server = "ws://127.0.0.1:1";
    for (arguments, sentence) in [
        (&["dance"][..], "dance"),
        (&["call"], "<TARGET>"),
        (&["demo", "--calls", "0"], "--calls"),
        (&["demo", "--fault", "sunshine"], "sunshine"),
        (&["serve", "--user", "alice"], "NAME:PASSWORD"),
        (&["answer", "--reject", "200"], "--reject"),
        // No answer with these can be sent: RFC 3261 section 21.4.2 and RFC 4320 section 4.1.
        (&["answer", "--refuse-messages", "401"], "--refuse-messages"),
        (&["answer", "--refuse-messages", "408"], "--refuse-messages"),
        (&["call", "bob", "--dtmf", "12x"], "--dtmf"),
        (&["call", "bob", "--dtmf-format", "plain"], "--dtmf"),
        (&["call", "bob", "--from", "sip:a@b;x=y;lr"], "--from"),
        (&["call", "bob", "--attended"], "--transfer"),
        (&["demo", "--transfer", "--calls", "2"], "--transfer"),
        (&["call", "bob", "--resume-after", "1"], "--hold-after"),
        (
            &["call", "bob", "--hold-after", "2", "--resume-after", "1"],
            "--resume-after",
        ),
        (&["call", "bob", "--header", "Via: x"], "--header"),
        (
            &["register", "--uri", "sip:alice@localhost"],
            "no server is named",
        ),
        (&["register", "--server", server], "no address is named"),
        (&["register", "--server", server, "--uri", "sip:@"], "uri"),
        (&["register", "--server", server, "--uri", "tel:123"], "uri"),
        (
            &["register", "--server", "http://x", "--uri", "sip:alice@x"],
            "ws://",
        ),
        (
            &[
                "register",
                "--server",
                server,
                "--uri",
                "sip:a@x",
                "--adapter",
                "pigeon",
            ],
            "pigeon",
        ),
        (
            &[
                "register", "--server", server, "--uri", "sip:a@x", "--config", "/nowhere",
            ],
            "/nowhere",
        ),
        (
            &[
                "register", "--server", server, "--uri", "sip:a@x", "--ca", "/nowhere",
            ],
            "/nowhere",
        ),
    ] {
        let run = run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(sentence), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_target_that_is_no_uri_is_exit_code_2() {
    let (_server, url) = common::serve();
    for target in ["sip:", "sip:bob@exa mple", "tel:123"] {
        let run = run(&["options", target, "--server", &url]);
        assert_eq!(run.code, 2, "{target}: {}{}", run.out, run.err);
        assert!(run.err.contains("target"), "{target}: {}", run.err);
    }
}

/// A name alone needs a domain. The program says so before it connects.
#[test]
fn a_bare_target_without_an_address_says_what_to_add() {
    let server = ["--server", "ws://127.0.0.1:1"];
    for command in [
        &["call", "bob"][..],
        &["call", "sip:alice@localhost", "--transfer", "bob"],
        &["message", "bob", "hello"],
        &["options", "bob"],
        &["request", "INFO", "bob"],
        &["subscribe", "bob", "--event", "presence"],
        &["watch", "sip:alice@localhost", "bob"],
        &["publish", "--basic", "open", "--target", "bob"],
    ] {
        let run = run(&[command, &server].concat());
        assert_eq!(run.code, 2, "{command:?}: {}{}", run.out, run.err);
        assert_eq!(run.out, "", "{command:?}");
        for part in ["bob is a name without a domain", "sip:bob@DOMAIN", "--uri"] {
            assert!(run.err.contains(part), "{command:?}: {}", run.err);
        }
    }
}

#[test]
fn no_connection_is_exit_code_3_and_says_where() {
    let port = closed_port();
    let url = format!("ws://127.0.0.1:{port}");
    for command in [
        &["register", "--uri", "sip:alice@localhost"][..],
        &["call", "bob", "--uri", "sip:alice@localhost"],
        &["answer", "--uri", "sip:alice@localhost"],
        &["message", "bob", "hello", "--uri", "sip:alice@localhost"],
        &["options", "bob", "--uri", "sip:alice@localhost"],
        &["request", "INFO", "bob@localhost"],
        &["subscribe", "sip:bob@localhost", "--event", "presence"],
        &["publish", "--basic", "open", "--uri", "sip:alice@localhost"],
        &["watch", "bob@localhost"],
    ] {
        for adapter in ["tokio", "blocking"] {
            let run = run(&[command, &["--server", &url, "--adapter", adapter]].concat());
            assert_eq!(run.code, 3, "{command:?}: {}{}", run.out, run.err);
            assert!(run.err.contains(&url), "{command:?}: {}", run.err);
            assert!(run.err.contains("refused"), "{command:?}: {}", run.err);
        }
    }
}

#[test]
fn an_error_in_json_has_its_code() {
    let url = format!("ws://127.0.0.1:{}", closed_port());
    let run = run(&[
        "options",
        "bob",
        "--uri",
        "sip:a@localhost",
        "--server",
        &url,
        "--json",
    ]);
    assert_eq!(run.code, 3);
    let last: serde_json::Value = serde_json::from_str(run.last_line()).unwrap();
    assert_eq!(last["event"], "error");
    assert_eq!(last["code"], 3);
}

#[test]
fn a_configuration_file_is_read_and_its_faults_are_named() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let port = closed_port();
    for (name, text, code, sentence) in [
        (
            "good.json5",
            format!("{{ uri: 'alice@localhost', wsServers: ['ws://127.0.0.1:{port}'], }}"),
            3,
            "refused",
        ),
        (
            "unknown.json",
            r#"{"uri": "alice@localhost", "wsServer": "ws://127.0.0.1:1"}"#.to_owned(),
            2,
            "wsServer",
        ),
        (
            "constant.json5",
            format!(
                "{{uri: 'alice@localhost', wsServers: 'ws://127.0.0.1:{port}', replaces: SIP.C.supported.REQUIRED}}"
            ),
            3,
            "refused",
        ),
        ("broken.json", "{".to_owned(), 2, "broken.json"),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        let run = run(&["register", "--config", path.to_str().unwrap()]);
        assert_eq!(run.code, code, "{name}: {}{}", run.out, run.err);
        assert!(run.err.contains(sentence), "{name}: {}", run.err);
    }
}
