//! What `sip serve` serves beside calls: event packages (RFC 6665, RFC 3903) and messages to users that are not there.

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use common::{Background, Run, run, serve, sip};

const ALICE: [&str; 4] = ["--uri", "sip:alice@localhost", "--password", "a-secret"];
const BOB: [&str; 4] = ["--uri", "sip:bob@localhost", "--password", "b-secret"];

fn account<'a>(command: &[&'a str], url: &'a str, who: [&'a str; 4]) -> Vec<&'a str> {
    [command, &["--server", url], &who].concat()
}

fn subscribe(url: &str, who: [&str; 4], target: &str, event: &str) -> Run {
    let command = [
        "subscribe",
        target,
        "--event",
        event,
        "--count",
        "1",
        "--once",
    ];
    run(&account(&command, url, who))
}

/// RFC 3856, RFC 3903: a user is there while it is registered, and what it publishes is what others see.
#[test]
fn presence_is_what_a_user_publishes() {
    let (_server, url) = serve();
    let before = subscribe(&url, ALICE, "bob", "presence");
    assert_eq!(before.code, 0, "{}\n{}", before.out, before.err);
    assert!(before.out.contains(": closed"), "{}", before.out);
    let command = ["publish", "--basic", "open", "--activity", "on-the-phone"];
    let mut bob = Background::start(&account(&command, &url, BOB));
    bob.line("published");
    let seen = subscribe(&url, ALICE, "bob", "presence");
    assert_eq!(seen.code, 0, "{}\n{}", seen.out, seen.err);
    assert!(seen.out.contains(": open: on the phone"), "{}", seen.out);
}

/// RFC 3680, RFC 3842: bindings and messages are for the user itself.
#[test]
fn bindings_and_mailboxes_are_for_the_user_itself() {
    let (_server, url) = serve();
    for (event, words) in [("reg", "1 contact"), ("message-summary", "0 new")] {
        let own = subscribe(&url, ALICE, "alice", event);
        assert_eq!(own.code, 0, "{}\n{}", own.out, own.err);
        assert!(own.out.contains(words), "{}", own.out);
        let other = subscribe(&url, ALICE, "bob", event);
        assert_eq!(other.code, 1, "{}\n{}", other.out, other.err);
        assert!(
            format!("{}{}", other.out, other.err).contains("403"),
            "{}",
            other.err
        );
    }
}

/// RFC 3428 section 7: a message to a user that is not there waits for it.
#[test]
fn rfc3428_7_a_message_waits_for_its_user() {
    let (_server, url) = serve();
    let sent = run(&account(
        &["message", "bob", "see you at four"],
        &url,
        ALICE,
    ));
    assert_eq!(sent.code, 0, "{}\n{}", sent.out, sent.err);
    assert!(sent.out.contains("202"), "{}", sent.out);
    let mut bob = Background::start(&account(&["answer"], &url, BOB));
    let line = bob.line("MESSAGE");
    assert!(line.contains("see you at four"), "{line}");
}

/// A trace goes to a terminal, which must not obey what a peer wrote.
#[test]
fn a_trace_cannot_control_the_terminal() {
    let (_server, url) = serve();
    let text = "a\u{1b}]0;title\u{7}\u{9b}2J\rb\u{202e}c";
    let sent = run(&account(&["message", "bob", text, "--trace"], &url, ALICE));
    assert_eq!(sent.code, 0, "{}\n{}", sent.out, sent.err);
    let shown = "a\\u{1b}]0;title\\u{7}\\u{9b}2J\\rb\\u{202e}c";
    assert!(sent.err.contains(shown), "{:?}", sent.err);
    let plain = sent.err.replace("\r\n", "\n");
    let is_odd = |it: char| it.is_control() && it != '\n' || it == '\u{202e}';
    assert!(!plain.contains(is_odd), "{:?}", sent.err);
}

/// Registrations, calls and messages are shown as they happen, one plain line each.
#[test]
fn what_happens_is_shown() {
    let (mut server, url) = serve();
    let mut bob = Background::start(&account(&["answer"], &url, BOB));
    bob.line("registered");
    let line = server.line("bob registered from 127.0.0.1:");
    assert!(line.ends_with(" s"), "{line}");
    let called = run(&account(
        &["call", "bob", "--hangup-after", "0"],
        &url,
        ALICE,
    ));
    assert_eq!(called.code, 0, "{}\n{}", called.out, called.err);
    server.line("call 1: sip:alice@localhost calls sip:bob@localhost");
    server.line("call 1: answered after ");
    let ended = server.line("call 1: ended by sip:alice@localhost, lasted ");
    assert!(ended.ends_with(" s"), "{ended}");
    let wrong = ["--uri", "sip:alice@localhost", "--password", "guess"];
    let refused = run(&account(&["register", "--for", "0"], &url, wrong));
    assert_eq!(refused.code, 4, "{}\n{}", refused.out, refused.err);
    let line = server.line("registration of sip:alice@localhost from 127.0.0.1:");
    assert!(line.ends_with(" refused: 401 wrong password"), "{line}");
    let absent = run(&account(&["message", "carol", "hello"], &url, ALICE));
    assert_eq!(absent.code, 1, "{}\n{}", absent.out, absent.err);
    server.line("message from sip:alice@localhost to sip:carol@localhost: 404 Not Found");
}

/// `--listen` takes a name, which is what the URL has, and a server without users says what to type.
#[cfg(unix)]
#[test]
fn a_name_is_listened_on_and_a_server_without_users_says_what_to_type() {
    let command = ["serve", "--listen", "localhost:0"];
    let mut server = Background::start_with_errors(&mut sip(&command));
    let line = server.line("listening on ws://localhost:");
    assert!(line.ends_with("users: none"), "{line}");
    let url = line.split([' ', ',']).nth(2).unwrap().to_owned();
    let refused = run(&account(&["register", "--for", "0"], &url, ALICE));
    assert_eq!(refused.code, 4, "{}\n{}", refused.out, refused.err);
    server.line("registration of sip:alice@localhost from ");
    server.signal("INT");
    let (code, errors) = server.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    let told = "sip serve --listen localhost:0 --user alice:PASSWORD --user bob:PASSWORD";
    // On a line of its own, to copy.
    assert!(errors.lines().any(|line| line.trim() == told), "{errors}");
}

/// An address that cannot be listened on is an error of the command line that names it.
#[test]
fn what_cannot_be_listened_on_is_said() {
    let wrong = run(&["serve", "--listen", "5080"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("localhost:5080"), "{}", wrong.err);
    let (_server, url) = serve();
    let address = url.trim_start_matches("ws://");
    let taken = run(&["serve", "--listen", address]);
    assert_eq!(taken.code, 2);
    assert!(
        taken.err.contains(&format!("cannot listen on {address}")),
        "{}",
        taken.err
    );
    let twice = run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--user",
        "a:1",
        "--user",
        "a:2",
    ]);
    assert_eq!(twice.code, 2);
    assert!(
        twice
            .err
            .contains("cannot serve: there are two users \"a\""),
        "{}",
        twice.err
    );
}

/// One scrape of `--metrics`: the value of each sample by its name and labels.
fn scrape(url: &str) -> BTreeMap<String, u64> {
    let address = url.strip_prefix("http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    samples.map(read).collect()
}

/// The counters agree with what the users have done, while they do it and afterwards.
#[test]
fn a_scrape_counts_what_the_users_have_done() {
    let users = ["--user", "alice:a-secret", "--user", "bob:b-secret"];
    let flags = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        "127.0.0.1:0",
    ];
    let mut server = Background::start(&[&flags[..], &users].concat());
    let line = server.line("listening on ");
    let url = line.split([' ', ',']).nth(2).unwrap().to_owned();
    let line = server.line("metrics at ");
    let metrics = line.rsplit(' ').next().unwrap().to_owned();
    let value = |name: &str| {
        let samples = scrape(&metrics);
        *samples
            .get(name)
            .unwrap_or_else(|| panic!("{name}: {samples:#?}"))
    };
    assert_eq!(value("sip_edge_connections_opened_total"), 0);
    let mut bob = Background::start(&account(&["answer"], &url, BOB));
    bob.line("registered");
    assert_eq!(value("sip_edge_bindings"), 1);
    assert_eq!(value("sip_edge_connections"), 1);
    let mut alice = Background::start(&account(&["call", "bob"], &url, ALICE));
    alice.line("call established");
    assert_eq!(value("sip_edge_calls"), 1);
    assert_eq!(value("sip_edge_registrations_total"), 2);
    assert_eq!(value("sip_edge_calls_total{outcome=\"answered\"}"), 1);
    assert_eq!(value("sip_edge_calls_ended_total{how=\"bye\"}"), 0);
    drop(alice);
    let called = run(&account(
        &["call", "bob", "--hangup-after", "0"],
        &url,
        ALICE,
    ));
    assert_eq!(called.code, 0, "{}\n{}", called.out, called.err);
    let refused = run(&account(&["message", "carol", "hello"], &url, ALICE));
    assert_eq!(refused.code, 1);
    let wrong = ["--uri", "sip:alice@localhost", "--password", "guess"];
    run(&account(&["register", "--for", "0"], &url, wrong));
    for (name, expected) in [
        ("sip_edge_calls_begun_total", 2),
        ("sip_edge_calls_total{outcome=\"answered\"}", 2),
        ("sip_edge_calls_ended_total{how=\"bye\"}", 1),
        ("sip_edge_messages_total{outcome=\"failed\"}", 1),
        ("sip_edge_registrations_refused_total", 1),
        ("sip_edge_wrong_credentials_total", 1),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
}
