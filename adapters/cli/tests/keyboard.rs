//! The keys of a call, on a pseudo terminal.
#![cfg(unix)]

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Background, serve, sip};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

const ALICE: &str = "sip:alice@localhost";
const BOB: &str = "sip:bob@localhost";

/// A pseudo terminal: the side of the program, and the side of the user.
struct Terminal {
    user: File,
    program: File,
    /// What the program wrote on it.
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn open() -> Self {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&user).unwrap();
        unlockpt(&user).unwrap();
        let name = ptsname(&user, Vec::new()).unwrap();
        let name = std::ffi::OsStr::from_bytes(name.as_bytes());
        let mut options = File::options();
        let program = options.read(true).write(true).open(name).unwrap();
        let user = File::from(user);
        let screen = Arc::<Mutex<String>>::default();
        let (mut from, to) = (user.try_clone().unwrap(), screen.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]);
                to.lock().unwrap().push_str(&text);
            }
        });
        Self {
            user,
            program,
            screen,
        }
    }

    /// Standard input and standard error of the command are this terminal.
    fn attach(&self, command: &mut Command) -> Background {
        let side = || self.program.try_clone().unwrap();
        Background::start_attached(command.stdin(side()).stderr(side()))
    }

    fn type_keys(&mut self, keys: &str) {
        self.user.write_all(keys.as_bytes()).unwrap();
    }

    fn shows(&self, what: &str) {
        let start = Instant::now();
        while !self.screen.lock().unwrap().contains(what) {
            let screen = self.screen.lock().unwrap().clone();
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "{what}: {screen:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it waits for Enter and echoes, as a shell expects.
    fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.program).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

fn account<'a>(command: &[&'a str], url: &'a str, uri: &'a str, password: &'a str) -> Vec<&'a str> {
    let account = ["--server", url, "--uri", uri, "--password", password];
    [command, &account].concat()
}

fn bob(url: &str, further: &[&str]) -> Background {
    let command = [&["answer", "--for", "60"], further].concat();
    let mut bob = Background::start(&account(&command, url, BOB, "b-secret"));
    bob.line("registered");
    bob
}

/// One key each, on both adapters: the help, tones, hanging up; the terminal is as it was before.
#[test]
fn keys_control_a_call() {
    for adapter in ["tokio", "blocking"] {
        let (_server, url) = serve();
        let mut bob = bob(&url, &[]);
        let mut terminal = Terminal::open();
        assert!(terminal.is_as_before());
        let command = account(
            &["call", "bob", "--adapter", adapter],
            &url,
            ALICE,
            "a-secret",
        );
        let mut alice = terminal.attach(&mut sip(&command));
        alice.line("call established");
        terminal.shows("keys: h hold or resume");
        assert!(!terminal.is_as_before());
        terminal.type_keys("5");
        bob.line("tone 5");
        terminal.type_keys("d");
        bob.line("tone D");
        terminal.type_keys("h");
        alice.line("call on hold");
        assert!(bob.line("offer received").ends_with("sendonly"));
        terminal.type_keys("h");
        alice.line("call resumed");
        terminal.type_keys("q");
        alice.line("call ended: as requested");
        assert_eq!(alice.finish(), 0);
        assert!(terminal.is_as_before());
    }
}

/// The prompt for a target is drawn again below an event, and goes with its call.
#[test]
fn a_prompt_stays_below_the_events() {
    let (_server, url) = serve();
    let bob = bob(&url, &["--ring", "0"]);
    let mut terminal = Terminal::open();
    let command = account(&["call", "bob"], &url, ALICE, "a-secret");
    let mut alice = terminal.attach(&mut sip(&command));
    alice.line("call established");
    terminal.type_keys("tcar");
    let prompt = "transfer to (Enter: go, Esc: back): car";
    terminal.shows(prompt);
    bob.signal("INT");
    alice.line("call ended: hung up, by the peer");
    assert_eq!(alice.finish(), 0);
    terminal.shows(&format!("{prompt}\r\u{1b}[K"));
    assert!(terminal.is_as_before());
}

/// A program that ends by a refusal, by a signal, or at once at the second one gives the terminal back.
#[test]
fn every_end_gives_the_terminal_back() {
    for (further, signals, code) in [
        (&["--reject", "603"][..], 0, 1),
        (&["--ring", "0"], 1, 0),
        (&["--ring", "0"], 2, 1),
    ] {
        let (server, url) = serve();
        let _bob = bob(&url, further);
        let terminal = Terminal::open();
        let command = account(&["call", "bob"], &url, ALICE, "a-secret");
        let mut alice = terminal.attach(&mut sip(&command));
        if signals > 0 {
            alice.line("call established");
            assert!(!terminal.is_as_before());
        }
        if signals == 2 {
            // The server reads no longer, so that the call cannot end in good order.
            server.signal("STOP");
            alice.signal("INT");
            terminal.shows("Ctrl-C again ends at once");
        }
        if signals > 0 {
            alice.signal("INT");
        }
        assert_eq!(alice.finish(), code, "{further:?}");
        assert!(terminal.is_as_before(), "{further:?}");
    }
}

/// JSON output is for programs: it leaves the terminal alone.
#[test]
fn json_output_does_not_touch_the_terminal() {
    let (_server, url) = serve();
    let _bob = bob(&url, &[]);
    let mut terminal = Terminal::open();
    let command = account(&["call", "bob", "--json"], &url, ALICE, "a-secret");
    let mut alice = terminal.attach(&mut sip(&command));
    alice.line(r#"{"event":"established""#);
    assert!(terminal.is_as_before());
    terminal.type_keys("q\n");
    std::thread::sleep(Duration::from_millis(100));
    assert!(alice.is_running());
    assert!(!terminal.screen.lock().unwrap().contains("keys:"));
    alice.signal("INT");
    assert_eq!(alice.finish(), 0);
}
