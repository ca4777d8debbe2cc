//! `sip completions` and `sip man`.

mod common;

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::process::{Command, Output, Stdio};

use common::run;

/// The commands that `sip --help` lists.
fn commands() -> BTreeSet<String> {
    let help = run(&["--help"]);
    let (_, list) = help.out.split_once("Commands:\n").unwrap();
    let rows = list.lines().take_while(|line| !line.is_empty());
    let names = rows.filter_map(|row| row.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

/// Runs a tool with a text on standard input; `None` if it is not installed.
fn tool(name: &str, arguments: &[&str], input: &str) -> Option<Output> {
    let mut command = Command::new(name);
    command.args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("NOT RUN: {name} is not installed");
            return None;
        }
        Err(error) => panic!("{name}: {error}"),
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A tool that ends before it has read everything closes the pipe.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Some(output)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_shell_has_completions_for_every_command() {
    let commands = commands();
    assert!(commands.len() >= 15, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, 0, "{}", script.err);
        for command in &commands {
            assert!(script.out.contains(command), "{shell}: {command}");
        }
        assert!(script.out.contains("password-file"), "{shell}");
    }
    assert_eq!(run(&["completions", "abacus"]).code, 2);
}

/// The script is sound, and completes commands, flags and values.
#[test]
fn bash_completes() {
    let script = run(&["completions", "bash"]).out;
    let Some(checked) = tool("bash", &["-n"], &script) else {
        return;
    };
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    for (words, expected) in [
        ("sip su", "subscribe"),
        ("sip call --pass", "--password-file"),
        ("sip demo --fault drop", "drop-bye"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let (last, before) = (words.len() - 1, words[words.len() - 2]);
        let current = words[last];
        let ask = format!(
            "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={last}\n_sip sip '{current}' '{before}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            words.join(" "),
        );
        let Some(output) = tool("bash", &["--norc"], &ask) else {
            return;
        };
        let offered = text(&output.stdout);
        assert!(
            offered.lines().any(|line| line == expected),
            "{words:?}: {offered}"
        );
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("man");
    let written = run(&["man", folder.to_str().unwrap()]);
    assert_eq!(written.code, 0, "{}", written.err);
    let mut names: BTreeSet<String> = commands()
        .iter()
        .map(|name| format!("sip-{name}"))
        .collect();
    names.insert("sip".to_owned());
    assert_eq!(written.out.lines().count(), names.len(), "{}", written.out);
    for name in &names {
        let path = folder.join(format!("{name}.1"));
        let page = std::fs::read_to_string(&path).unwrap();
        let upper = name.to_uppercase();
        // Font macros of groff aside, the parts that every page has.
        for part in [".TH", &upper, ".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"] {
            assert!(page.contains(part), "{name}: {part}: {page}");
        }
        // A line that begins with a dot or an apostrophe is a request to the formatter.
        for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
            let requests = [
                ".TH", ".SH", ".TP", ".PP", ".RS", ".RE", ".br", ".ie", ".el", ".nf", ".fi", ".SS",
                ".sp", ".IP",
            ];
            assert!(
                requests.iter().any(|request| line.starts_with(request)),
                "{name}: {line}"
            );
        }
        if let Some(shown) = tool(
            "mandoc",
            &["-T", "utf8", "-W", "error", path.to_str().unwrap()],
            "",
        ) {
            assert!(shown.status.success(), "{name}: {}", text(&shown.stderr));
        }
        if let Some(shown) = tool(
            "groff",
            &["-man", "-Tutf8", "-ww", path.to_str().unwrap()],
            "",
        ) {
            assert!(
                shown.status.success() && shown.stderr.is_empty(),
                "{name}: {}",
                text(&shown.stderr)
            );
            // A terminal of paper prints bold letters twice.
            let plain = text(&shown.stdout).replace("S\u{8}SY\u{8}Y", "SY");
            assert!(plain.contains("SYN"), "{name}");
        }
    }
    let printed = run(&["man"]);
    assert_eq!(
        printed.out,
        std::fs::read_to_string(folder.join("sip.1")).unwrap()
    );
    assert!(
        printed.out.contains("password"),
        "the exit codes are in the page"
    );
    assert_eq!(run(&["man", "/dev/null/man"]).code, 2);
}
