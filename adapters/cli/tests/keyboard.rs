//! The keys of a call, on a pseudo terminal.
#![cfg(unix)]

mod common;

use std::time::Duration;

use common::terminal::Terminal;
use common::{Background, serve, serve_three, sip};

const ALICE: &str = "sip:alice@localhost";
const BOB: &str = "sip:bob@localhost";
const CAROL: &str = "sip:carol@localhost";

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

/// Waits for the hold and for the answer of the target, which come in either order.
fn is_consulting(alice: &mut Background) {
    let mut lines = [alice.line("call "), alice.line("call ")];
    lines.sort();
    assert_eq!(lines, ["call established", "call on hold"]);
}

/// `T` calls the target, `t` connects the peer with it; `h` resumes if the target does not answer, and `q` in between hangs up
/// on the target alone.
#[test]
fn keys_transfer_a_call() {
    for adapter in ["tokio", "blocking"] {
        let (_server, url) = serve_three();
        let answer = ["answer", "--for", "60", "--replaces", "--adapter", adapter];
        let mut carol = Background::start(&account(&answer, &url, CAROL, "c-secret"));
        carol.line("registered");
        let mut bob = bob(&url, &["--follow-refer", "--adapter", adapter]);
        let mut terminal = Terminal::open();
        let command = ["call", "bob", "--adapter", adapter];
        let mut alice = terminal.attach(&mut sip(&account(&command, &url, ALICE, "a-secret")));
        alice.line("call established");
        // The first try ends on the target.
        terminal.type_keys("Tcarol\r");
        is_consulting(&mut alice);
        terminal.shows("keys: t complete the transfer");
        terminal.type_keys("q");
        alice.line("call ended: as requested");
        terminal.shows("nobody to transfer to: as requested");
        terminal.type_keys("h");
        alice.line("call resumed");
        terminal.type_keys("Tcarol\r");
        is_consulting(&mut alice);
        terminal.type_keys("t");
        alice.line("the transfer succeeded");
        assert_eq!(alice.finish(), 0);
        assert!(terminal.is_as_before());
        bob.line("REFER from sip:alice@localhost to ");
        carol.line("call replaced by another one");
        bob.signal("INT");
        carol.line("call ended: hung up, by the peer");
    }
}

/// The side that answers has the same keys. A blind transfer to an unknown user fails, and the call goes on: the caller that tried to follow
/// still hangs up at its time.
#[test]
fn keys_of_the_side_that_answers() {
    let (_server, url) = serve();
    let mut terminal = Terminal::open();
    let answer = account(&["answer"], &url, BOB, "b-secret");
    let mut bob = terminal.attach(&mut sip(&answer));
    bob.line("registered");
    let call = ["call", "bob", "--follow-refer", "--hangup-after", "2"];
    let mut alice = Background::start(&account(&call, &url, ALICE, "a-secret"));
    bob.line("call established");
    terminal.type_keys("tnobody\r");
    bob.line("the transfer failed: 404 Not Found");
    terminal.type_keys("1");
    alice.line("tone 1");
    bob.line("call ended: hung up, by the peer");
    assert_eq!(alice.finish(), 0);
    // Without a call the key ends the command.
    terminal.type_keys("q");
    assert_eq!(bob.finish(), 0);
    assert!(terminal.is_as_before());
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
    assert!(!terminal.screen().contains("keys:"));
    alice.signal("INT");
    assert_eq!(alice.finish(), 0);
}
