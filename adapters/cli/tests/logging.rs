//! Log lines: what the configuration and RUST_LOG say of them. They go to standard error, results to standard output.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};

use common::{Background, Run, serve, sip};

const ALICE: &str = "sip:alice@localhost";

fn file(name: &str, text: &str) -> String {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Registers with this `log` of the configuration and this RUST_LOG, by a challenge, and sends a message to a user that the registrar does not know.
fn run(url: &str, adapter: &str, log: &str, variable: Option<&str>) -> Run {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let path = file(
        &format!("log-{number}.json5"),
        &format!("{{register: true, {log}}}"),
    );
    let mut command = sip(&[
        "message",
        "nobody",
        "Hello",
        "--server",
        url,
        "--uri",
        ALICE,
        "--password",
        "a-secret",
        "--adapter",
        adapter,
        "--config",
        &path,
    ]);
    if let Some(value) = variable {
        command.env("RUST_LOG", value);
    }
    let run: Run = command.output().unwrap().into();
    assert_eq!(run.code, 1, "{}\n{}", run.out, run.err);
    // The outcome is there in any case, perhaps before the last lines of the agent's thread, and standard output has no log lines.
    let outcome = "sip: message to nobody: 404 Not Found\n";
    assert!(run.err.contains(outcome), "{}", run.err);
    for level in ["ERROR ", "WARN ", "INFO ", "DEBUG "] {
        assert!(!run.out.contains(level), "{}", run.out);
    }
    Run {
        err: run.err.replace(outcome, ""),
        ..run
    }
}

/// Each line has a level and a category.
#[track_caller]
fn has(run: &Run, level: &str, category: &str, text: &str) {
    let (heading, level) = (format!("{category}: "), format!(" {level} "));
    let fits = |line: &str| line.contains(&level) && line.contains(&heading) && line.contains(text);
    assert!(run.err.lines().any(fits), "{heading}{text}: {}", run.err);
}

#[test]
fn fault_c9_log_has_its_effect() {
    let (_server, url) = serve();
    for adapter in ["tokio", "blocking"] {
        let log = run(&url, adapter, "log: {level: 'log'}", None);
        has(&log, "INFO", "sip.transport", "connected to wsServers[0]");
        has(
            &log,
            "INFO",
            "sip.registration",
            "registered on flow 1 for 600 s",
        );
        has(&log, "INFO", "sip.ua", "the peer answered 404");
        has(
            &log,
            "INFO",
            "sip.registration",
            "unregistered: as requested",
        );
        assert!(
            !log.err.contains("DEBUG") && !log.err.contains("label="),
            "{}",
            log.err
        );
        let debug = run(&url, adapter, "log: {level: 'debug'}", None);
        has(&debug, "DEBUG", "sip.transaction", "sent REGISTER");
        has(&debug, "DEBUG", "sip.transaction", "the peer answered 401");
        let transactions = debug
            .err
            .lines()
            .filter(|line| line.contains(" sip.transaction: "));
        for line in transactions {
            let is_labelled =
                line.contains(" label=") && line.contains(" agent{aor=\"sip:alice@localhost\"}:");
            assert!(is_labelled, "{line}");
        }
        for silent in [
            "log: {level: 'debug', builtinEnabled: false}",
            "log: {level: 'error'}",
            "log: {}",
        ] {
            let run = run(&url, adapter, silent, None);
            assert_eq!(run.err, "", "{silent}");
        }
    }
}

#[test]
fn fault_c9_rust_log_goes_before_the_configuration() {
    let (_server, url) = serve();
    for (log, variable) in [
        ("log: {}", "sip.transport=info"),
        ("log: {builtinEnabled: false}", "sip.transport=info"),
        ("log: {level: 'debug'}", "off,sip.transport=info"),
    ] {
        let run = run(&url, "tokio", log, Some(variable));
        has(&run, "INFO", "sip.transport", "connected to wsServers[0]");
        let others = run
            .err
            .lines()
            .filter(|line| !line.contains("INFO sip.transport: "));
        assert_eq!(others.count(), 0, "{}", run.err);
    }
    let silent = run(&url, "tokio", "log: {level: 'debug'}", Some("off"));
    assert_eq!(silent.err, "");
    let wrong: Run = sip(&["options", "bob@localhost", "--server", &url])
        .env("RUST_LOG", "sip=loud")
        .output()
        .unwrap()
        .into();
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    assert!(wrong.err.contains("RUST_LOG=sip=loud"), "{}", wrong.err);
}

/// RFC 7616 section 5: whatever RUST_LOG says, no line holds credentials; the libraries below log whole messages.
#[test]
fn fault_c9_log_lines_never_hold_credentials() {
    let (_server, url) = serve();
    for adapter in ["tokio", "blocking"] {
        for variable in [
            "trace",
            "trace,tungstenite=trace,rustls=trace,tokio_tungstenite=trace",
        ] {
            let run = run(&url, adapter, "log: {}", Some(variable));
            has(&run, "DEBUG", "sip.transaction", "sent REGISTER");
            for secret in [
                "response=",
                "nonce=",
                "Authorization",
                "a-secret",
                "tungstenite",
                "rustls",
            ] {
                assert!(!run.err.contains(secret), "{secret}: {}", run.err);
            }
        }
    }
}

/// What of a line is the same in each run: no time, no port, no duration, no Call-ID.
fn shape(line: &str) -> String {
    let (_, line) = line.split_once("Z ").expect("a time comes first");
    let mut shape = String::new();
    for word in line.trim().split(' ') {
        let name = ["after=", "lasted=", "server=ws://127.0.0.1:", "call_id=\""]
            .into_iter()
            .find(|name| word.starts_with(name));
        match name {
            // The end of the fields of the span may follow in the same word.
            Some(name) => {
                let value = &word[name.len()..];
                let rest = value.split_once('"').map_or("", |(_, rest)| rest);
                shape.push_str(&format!("{name}..{rest} "));
            }
            None => shape.push_str(&format!("{word} ")),
        }
    }
    shape
}

/// The page shows what the program prints of a call and of a message.
#[test]
fn the_page_shows_a_run_as_it_is() {
    let page = include_str!("../../../docs/logging.md");
    let (_, block) = page.split_once("```text\n$ RUST_LOG=info ").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let (_server, url) = serve();
    let bob = ["--uri", "sip:bob@localhost", "--password", "b-secret"];
    let mut answering = Background::start(&[&["answer", "--server", &url], &bob[..]].concat());
    answering.line("registered");
    for shown in block.split("$ RUST_LOG=info ") {
        let (command, lines) = shown.split_once('\n').unwrap();
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let words = words.iter().map(|&word| match word {
            "ws://127.0.0.1:5080" => &url,
            "a" => "a-secret",
            other => other,
        });
        let run: Run = sip(&words.collect::<Vec<_>>())
            .env("RUST_LOG", "info")
            .output()
            .unwrap()
            .into();
        assert_eq!(run.code, 0, "{}", run.err);
        let shapes = |text: &str| text.lines().map(shape).collect::<Vec<_>>();
        assert_eq!(shapes(&run.err), shapes(lines), "{}", run.err);
    }
}
