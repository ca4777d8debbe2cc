//! Where a password comes from, and what a wrong one does.

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Background, Run, serve, sip};
use sip_testing::sockets::registrar::{Registrar, answer, header};

const ALICE: &str = "sip:alice@localhost";

fn file(name: &str, text: &str) -> String {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn register<'a>(url: &'a str, further: &[&'a str]) -> Vec<&'a str> {
    let command = ["register", "--for", "0", "--server", url, "--uri", ALICE];
    [&command, further].concat()
}

/// Runs a command with a value of SIP_PASSWORD and a text on standard input.
fn run(arguments: &[&str], variable: Option<&str>, input: &str) -> Run {
    let mut command = sip(arguments);
    if let Some(variable) = variable {
        command.env("SIP_PASSWORD", variable);
    }
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that has failed before it reads closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// The flags go before the variable, the variable before the configuration.
#[test]
fn a_password_comes_from_flag_file_variable_and_configuration_in_this_order() {
    let (_server, url) = serve();
    let right = file("right", "a-secret\nmore\n");
    let wrong = file("wrong", "wrong\r\n");
    let right_config = file("right.json5", "{password: 'a-secret'}");
    let wrong_config = file("wrong.json5", "{password: 'wrong'}");
    let digits = "{realm: 'localhost', ha1: '0123456789abcdef0123456789abcdef'}";
    let digits = file("digits.json5", digits);
    for (flags, variable, input, code) in [
        (&["--password", "a-secret"][..], Some("wrong"), "", 0),
        (&["--password-file", &right], Some("wrong"), "", 0),
        (&["--password-file", "-"], Some("wrong"), "a-secret\n", 0),
        (&["--password-file", &wrong], Some("a-secret"), "", 4),
        (&[], Some("a-secret"), "", 0),
        (&[], Some("wrong"), "", 4),
        (&["--config", &wrong_config], Some("a-secret"), "", 0),
        (&["--config", &right_config], Some("wrong"), "", 4),
        (&["--config", &right_config], Some(""), "", 0),
        (&["--config", &right_config], None, "", 0),
        (&["--config", &digits], Some("a-secret"), "", 0),
        (&["--config", &digits], None, "", 4),
        (&[], Some(""), "", 4),
        // Standard input is no terminal, so the program does not ask.
        (&[], None, "a-secret\n", 4),
        (&["--password-file", "/nowhere"], Some("a-secret"), "", 2),
        (&["--password-file", "-"], Some("a-secret"), "", 2),
        (&["--password", ""], None, "", 2),
        (
            &["--password", "a-secret", "--password-file", &right],
            None,
            "",
            2,
        ),
    ] {
        let run = run(&register(&url, flags), variable, input);
        let shown = format!("{}{}", run.out, run.err);
        assert_eq!(run.code, code, "{flags:?} {variable:?}: {shown}");
        assert!(!shown.contains("a-secret"), "{flags:?}: {shown}");
    }
}

/// Every command ends at once, says why, and has an exit code of its own for it.
#[test]
fn a_wrong_or_missing_password_ends_every_command() {
    let (_server, url) = serve();
    for command in [
        &["register"][..],
        &["answer"],
        &["call", "bob"],
        &["message", "bob", "Hello"],
        &["options", "bob"],
        &["request", "INFO", "bob"],
        &["subscribe", "bob", "--event", "presence"],
        &["publish", "--basic", "open"],
        &["watch", "bob"],
    ] {
        for adapter in ["tokio", "blocking"] {
            let account = ["--server", &url, "--uri", ALICE, "--adapter", adapter];
            let command = [command, &account].concat();
            for (variable, sentence) in [
                (
                    "hunter2",
                    "the server does not accept the user name or the password (40",
                ),
                ("", "the server asks for a password: set SIP_PASSWORD"),
            ] {
                let run = run(&command, Some(variable), "");
                assert_eq!(run.code, 4, "{command:?}: {}{}", run.out, run.err);
                let last = run.err.lines().last().unwrap_or_default();
                assert!(last.contains(sentence), "{command:?}: {}", run.err);
                assert!(!run.err.contains("hunter2"), "{}", run.err);
            }
        }
    }
}

/// A registrar that no longer accepts the password when the binding is refreshed: a command that is there for its binding ends.
#[test]
fn a_password_that_is_refused_later_ends_the_command() {
    for command in ["register", "answer"] {
        let registrar = Registrar::start(2);
        registrar.leave_unanswered("REGISTER");
        let url = format!("ws://127.0.0.1:{}", registrar.port);
        let account = ["--server", &url, "--uri", "sip:alice@example.com"];
        let command = [&[command][..], &account].concat();
        let mut alice = Background::start_with_errors(sip(&command).env("SIP_PASSWORD", ""));
        let first = registrar.hear(0, "REGISTER ");
        let (contact, _) = header(&first, "Contact")
            .unwrap()
            .rsplit_once(";expires=")
            .unwrap();
        let granted = format!("Contact: {contact};expires=2\r\n");
        registrar.send(0, &answer(&first, &granted, ""));
        alice.line("registered for 2 s");
        registrar.until("a refresh", |registrar| {
            registrar.heard(0, "REGISTER ").len() > 1
        });
        let refresh = registrar.heard(0, "REGISTER ").remove(1);
        registrar.send(0, &refusal(&refresh));
        let (code, errors) = alice.finish_with_errors();
        assert_eq!(code, 4, "{errors}");
        assert!(errors.contains("registration of sip:alice@example.com: "));
        registrar.end();
    }
}

/// A challenge as the final response to `request`.
fn refusal(request: &str) -> String {
    let response = answer(
        request,
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n",
        "",
    );
    let (_, rest) = response.split_once("\r\n").unwrap();
    format!("SIP/2.0 401 Unauthorized\r\n{rest}")
}

#[cfg(unix)]
mod on_a_terminal {
    use super::*;
    use common::terminal::Terminal;

    #[test]
    fn the_program_asks_and_does_not_show_the_password() {
        let (_server, url) = serve();
        for (keys, code) in [
            ("wrong\x15a-secrex\x7ft\r", 0),
            ("wrong\r", 4),
            ("\r", 4),
            ("a\x03", 1),
        ] {
            let mut terminal = Terminal::open();
            let alice = terminal.attach(&mut sip(&register(&url, &[])));
            terminal.shows("password of sip:alice@localhost");
            assert!(!terminal.is_as_before());
            terminal.type_keys(keys);
            assert_eq!(alice.finish(), code, "{keys:?}: {}", terminal.screen());
            assert!(terminal.is_as_before());
            let screen = terminal.screen();
            assert!(!screen.contains("secre"), "{screen}");
        }
    }

    /// With a password from elsewhere, and with JSON output, there is no question.
    #[test]
    fn the_program_asks_only_where_nothing_else_names_a_password() {
        let (_server, url) = serve();
        for (flags, variable, code) in [
            (&["--password", "a-secret"][..], None, 0),
            (&[], Some("a-secret"), 0),
            (&[], Some(""), 4),
            (&["--json"], None, 4),
        ] {
            let terminal = Terminal::open();
            let mut command = sip(&register(&url, flags));
            if let Some(variable) = variable {
                command.env("SIP_PASSWORD", variable);
            }
            assert_eq!(terminal.attach(&mut command).finish(), code, "{flags:?}");
            let screen = terminal.screen();
            assert!(!screen.contains("password of"), "{screen}");
        }
    }
}

/// `sip config` says where the password comes from, and shows it nowhere.
#[test]
fn config_names_the_environment() {
    let shown = run(&["config", "--json"], Some("hunter2"), "");
    let line = shown
        .out
        .lines()
        .find(|line| line.contains(r#""password""#));
    let row: serde_json::Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(row["source"], "environment");
    assert!(!shown.out.contains("hunter2"));
}
