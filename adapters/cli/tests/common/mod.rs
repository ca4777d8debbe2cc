//! Runs the program as a user does.
#![allow(dead_code, reason = "not every test file needs all of it")]

pub(crate) mod packets;
#[cfg(unix)]
pub(crate) mod terminal;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::JoinHandle;

pub(crate) fn sip(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sip"));
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .env_remove("SIP_PASSWORD")
        .stdin(Stdio::null());
    command
}

/// The output and the exit code of a finished run.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn last_line(&self) -> &str {
        self.out.trim_end().lines().last().unwrap_or_default()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("the program ended by itself"),
            out: String::from_utf8(output.stdout).expect("standard output is text"),
            err: String::from_utf8(output.stderr).expect("standard error is text"),
        }
    }
}

pub(crate) fn run(arguments: &[&str]) -> Run {
    sip(arguments).output().expect("the program starts").into()
}

/// A program in the background; killed when dropped.
pub(crate) struct Background {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Reads standard error to its end.
    errors: Option<JoinHandle<String>>,
}

impl Background {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(sip(arguments).stdout(Stdio::piped()))
    }

    /// Starts a command and keeps its standard error for [`Background::finish_with_errors`].
    pub(crate) fn start_with_errors(command: &mut Command) -> Self {
        let mut program = Self::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut errors = program
            .child
            .stderr
            .take()
            .expect("standard error is piped");
        program.errors = Some(std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).expect("it is text");
            text
        }));
        program
    }

    /// Starts a command whose standard input and standard error are a terminal.
    pub(crate) fn start_attached(command: &mut Command) -> Self {
        Self::spawn(command.stdout(Stdio::piped()))
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("it can be waited for")
            .is_none()
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("standard output is piped"));
        Self {
            child,
            lines,
            errors: None,
        }
    }

    /// Waits for the end; the exit code and standard error.
    pub(crate) fn finish_with_errors(mut self) -> (i32, String) {
        let errors = self.errors.take().expect("standard error is kept");
        (self.finish(), errors.join().expect("it is read"))
    }

    /// The next line that begins with `start`, apart from the number of a call; without that number.
    pub(crate) fn line(&mut self, start: &str) -> String {
        // A test that looks for a number gets the line as it is.
        let is_numbered = without_number(start) != start;
        self.find(|line| {
            let line = if is_numbered {
                line
            } else {
                without_number(line)
            };
            line.starts_with(start).then(|| line.to_owned())
        })
        .unwrap_or_else(|| panic!("the program ended before it printed {start:?}"))
    }

    /// The next line with `part`, and the number of its call.
    pub(crate) fn line_with(&mut self, part: &str) -> String {
        self.find(|line| line.contains(part).then(|| line.to_owned()))
            .unwrap_or_else(|| panic!("the program ended before it printed {part:?}"))
    }

    /// What `choose` makes of the first line that it takes; `None` if the program ends before.
    fn find(&mut self, choose: impl Fn(&str) -> Option<String>) -> Option<String> {
        loop {
            let mut line = String::new();
            let bytes = self
                .lines
                .read_line(&mut line)
                .expect("standard output is text");
            if bytes == 0 {
                return None;
            }
            if let Some(chosen) = choose(line.trim_end()) {
                return Some(chosen);
            }
        }
    }

    /// Asks it to end, as Ctrl-C or a service manager does.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let number = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &number]).status();
        assert!(status.expect("kill starts").success());
    }

    /// Waits for the end; the exit code.
    pub(crate) fn finish(mut self) -> i32 {
        self.child
            .wait()
            .expect("the program ends")
            .code()
            .expect("by itself")
    }
}

/// A line without the `call 2: ` in front of it, which is there while there are several calls.
fn without_number(line: &str) -> &str {
    let number = line
        .strip_prefix("call ")
        .and_then(|rest| rest.split_once(": "));
    match number {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => line,
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An edge server with alice and bob; returns it and its URL.
pub(crate) fn serve() -> (Background, String) {
    serve_users(&["alice:a-secret", "bob:b-secret"])
}

/// The same with carol.
pub(crate) fn serve_three() -> (Background, String) {
    serve_users(&["alice:a-secret", "bob:b-secret", "carol:c-secret"])
}

fn serve_users(users: &[&str]) -> (Background, String) {
    let users = users.iter().flat_map(|user| ["--user", user]);
    let command = ["serve", "--listen", "127.0.0.1:0"]
        .into_iter()
        .chain(users);
    let mut server = Background::start(&command.collect::<Vec<_>>());
    let line = server.line("listening on ");
    let url = line.split([' ', ',']).nth(2).expect("the URL").to_owned();
    assert!(url.starts_with("ws://127.0.0.1:"), "{line}");
    (server, url)
}

/// `sip answer` as alice at a registrar, with further arguments.
pub(crate) fn answering(
    registrar: &sip_testing::sockets::registrar::Registrar,
    adapter: &str,
    arguments: &[&str],
) -> Background {
    let url = format!("ws://127.0.0.1:{}", registrar.port);
    let account = ["--server", &url, "--uri", "sip:alice@example.com"];
    let command = ["answer", "--for", "60", "--adapter", adapter];
    Background::start(&[&command[..], &account, arguments].concat())
}
