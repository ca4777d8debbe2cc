//! `sip ladder`: traces, logs and captures as one diagram.

mod common;

use std::path::PathBuf;

use common::packets::{CLIENT, SERVER, pcap, udp};
use common::{Background, run, serve, sip};

const PHONE: [u8; 4] = [192, 0, 2, 3];

fn file(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn message(start: &str, vias: usize, cseq: &str, call: &str) -> String {
    let vias: String = (0..vias)
        .map(|via| format!("Via: SIP/2.0/UDP a{via}.example.com;branch=z9hG4bK{call}{via}\r\n"))
        .collect();
    format!(
        "{start}\r\n{vias}Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=1\r\n\
         To: <sip:bob@example.com>\r\nCall-ID: {call}\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
    )
}

fn invite(vias: usize, call: &str) -> String {
    message("INVITE sip:bob@example.com SIP/2.0", vias, "1 INVITE", call)
}

fn ringing(vias: usize, call: &str) -> String {
    message("SIP/2.0 180 Ringing", vias, "1 INVITE", call)
}

/// The labels of the arrows, in order, and the name line.
#[track_caller]
fn drawn(arguments: &[&str]) -> (String, Vec<String>) {
    let run = run(&[&["ladder"], arguments].concat());
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let mut lines = run.out.lines();
    let names = lines.next().unwrap().to_owned();
    let label = |line: &str| {
        let words = line.trim_matches(|c| "| ".contains(c)).to_owned();
        let words = words
            .split_once('|')
            .map_or(words.clone(), |(_, rest)| rest.to_owned());
        words.trim_matches(|c| "|-<> ".contains(c)).to_owned()
    };
    let arrows = lines.skip(1).filter(|line| line.contains("--"));
    (names, arrows.map(label).collect())
}

/// A capture of packets at a proxy: ends with their users, retransmissions, one call of two.
#[test]
fn a_capture_of_packets_is_drawn() {
    let packets = [
        udp(CLIENT, SERVER, invite(1, "one").as_bytes()),
        udp(CLIENT, SERVER, invite(1, "one").as_bytes()),
        udp(SERVER, PHONE, invite(2, "one").as_bytes()),
        udp(CLIENT, SERVER, invite(1, "two").as_bytes()),
        udp(PHONE, SERVER, ringing(2, "one").as_bytes()),
        udp(SERVER, CLIENT, ringing(1, "one").as_bytes()),
        udp(SERVER, CLIENT, b"SIP/2.0 nonsense\r\n\r\n"),
    ];
    let path = file("proxy.pcap", pcap(&packets));
    let (names, arrows) = drawn(&[&path]);
    let columns: Vec<&str> = names
        .split("  ")
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(
        columns[2..],
        [
            "alice (192.0.2.1:5060)",
            "192.0.2.2:5060",
            "bob (192.0.2.3:5060)"
        ]
    );
    let request = "INVITE sip:bob@example.com";
    let again = format!("{request} (again)");
    assert_eq!(
        arrows,
        [
            request,
            &again,
            request,
            request,
            "180 Ringing",
            "180 Ringing"
        ]
    );
    // Each packet is a second after the one before.
    let run = run(&["ladder", &path, "--call", "one"]);
    let rows: Vec<&str> = run.out.lines().skip(2).collect();
    assert_eq!(rows.len(), 5, "{}", run.out);
    assert!(rows[2].starts_with("   3  2000.000  |"), "{}", run.out);
    assert!(
        rows[2].contains("->|") && !rows[2].contains('<'),
        "{}",
        run.out
    );
    assert!(
        rows[3].starts_with("   4  4000.000  |") && rows[3].contains("|<-"),
        "{}",
        run.out
    );
}

/// Captures of both sides of a hop: what both have is drawn once, in the order of time.
#[test]
fn files_are_merged_by_time() {
    let line = |second: u32, from: &str, to: &str| {
        format!("2026/11/28 08:00:{second:02}.5 {from}:5060 -> {to}:5060\n")
    };
    let (a, b, c) = ("192.0.2.1", "192.0.2.2", "192.0.2.3");
    let near = line(1, a, b)
        + &invite(1, "one")
        + "\n"
        + &line(4, b, a)
        + &ringing(1, "one")
        + "\n"
        + &line(5, b, a)
        + &ringing(1, "one");
    let far = line(1, a, b)
        + &invite(1, "one")
        + "\n"
        + &line(2, b, c)
        + &invite(2, "one")
        + "\n"
        + &line(3, c, b)
        + &ringing(2, "one");
    let (near, far) = (file("near.txt", near), file("far.txt", far));
    for files in [[&*near, &far], [&*far, &near]] {
        let run = run(&[&["ladder"][..], &files].concat());
        let rows: Vec<&str> = run.out.lines().skip(2).collect();
        assert_eq!(rows.len(), 5, "{}", run.out);
        for (row, (ms, label)) in rows.iter().zip([
            ("0.000", "INVITE"),
            ("1000.000", "INVITE"),
            ("2000.000", "180"),
            ("3000.000", "180 Ringing -"),
            ("4000.000", "180 Ringing (again)"),
        ]) {
            assert!(
                row.contains(ms) && row.contains(label),
                "{label}: {}",
                run.out
            );
        }
    }
}

/// What the program itself writes with `--trace`, of both sides of a call.
#[cfg(unix)]
#[test]
fn traces_of_the_program_are_drawn() {
    let (_server, url) = serve();
    let account = |user: &'static str| {
        let uri = ["sip:alice@localhost", "sip:bob@localhost"][usize::from(user == "bob")];
        let password = ["a-secret", "b-secret"][usize::from(user == "bob")];
        vec![
            "--server".to_owned(),
            url.clone(),
            "--uri".to_owned(),
            uri.to_owned(),
            "--password".to_owned(),
            password.to_owned(),
            "--trace".to_owned(),
        ]
    };
    let bob = [vec!["answer".to_owned()], account("bob")].concat();
    let bob: Vec<&str> = bob.iter().map(String::as_str).collect();
    let mut bob = Background::start_with_errors(&mut sip(&bob));
    bob.line("registered");
    let command = ["call", "bob", "--hangup-after", "0"]
        .map(str::to_owned)
        .to_vec();
    let alice = [command, account("alice")].concat();
    let alice: Vec<&str> = alice.iter().map(String::as_str).collect();
    let alice = run(&alice);
    assert_eq!(alice.code, 0, "{}", alice.err);
    bob.line("call ended");
    bob.signal("INT");
    let (code, trace) = bob.finish_with_errors();
    assert_eq!(code, 0);
    let (one, other) = (file("one.trace", alice.err), file("other.trace", trace));
    let (names, arrows) = drawn(&[&one, &other]);
    for name in ["alice (one)", " server ", "bob (other)"] {
        assert!(names.contains(name), "{names}");
    }
    let place = |label: &str| {
        arrows
            .iter()
            .position(|its| its == label)
            .unwrap_or_else(|| panic!("{label}: {arrows:?}"))
    };
    let offer = place("INVITE sip:bob@localhost (SDP)");
    assert!(place("REGISTER sip:localhost") < offer);
    assert!(offer < place("180 Ringing") && place("180 Ringing") < place("200 OK (SDP)"));
    assert_eq!(
        arrows
            .iter()
            .filter(|label| *label == "180 Ringing")
            .count(),
        2,
        "{arrows:?}"
    );
}

/// A log of `tracing` with the records of `sip.trace` between others.
#[test]
fn a_log_is_drawn() {
    let record = |second: u32, message: &str, way: &str| {
        format!(
            "2026-11-28T08:00:{second:02}.000000Z  INFO sip.trace: {message} way=\"{way}\" connection=1 now={second}.000000s\n"
        )
    };
    let log = "2026-11-28T08:00:00.000000Z  INFO sip.transport: connected\n".to_owned()
        + &record(1, &invite(1, "one"), "sent")
        + "2026-11-28T08:00:01.500000Z DEBUG sip.transaction: sent INVITE\n"
        + &record(2, &ringing(1, "one"), "received");
    let path = file("phone.log", log);
    let (names, arrows) = drawn(&[&path]);
    assert!(
        names.contains("alice (phone)") && names.contains("server"),
        "{names}"
    );
    assert_eq!(arrows, ["INVITE sip:bob@example.com", "180 Ringing"]);
}

/// Messages of which nothing says where they come from are drawn between the addresses of From and To.
#[test]
fn messages_alone_are_drawn_between_their_addresses() {
    let path = file("alone.sip", invite(1, "one") + "\r\n" + &ringing(1, "one"));
    let run = run(&["ladder", &path]);
    assert_eq!(run.code, 0, "{}", run.err);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(
        lines[0].contains("sip:alice@example.com") && lines[0].ends_with("sip:bob@example.com")
    );
    assert!(
        lines[2].ends_with("->|") && lines[3].contains("|<-"),
        "{}",
        run.out
    );
}

/// Input of an attacker: many ends, labels that control a terminal, more messages than are drawn, and none.
#[test]
fn hostile_input_is_bounded() {
    let mut text = String::new();
    for number in 0..300 {
        let address = format!("192.0.2.{}:{number}", number % 250);
        let call = format!("c{number}");
        text += &format!("U 2026/11/28 08:00:00 {address} -> 192.0.2.251:5060\n");
        text += &message(
            &format!("SIP/2.0 200 \u{1b}[2J{}", "x".repeat(5_000)),
            1,
            "1 INVITE",
            &call,
        );
        text += "\n";
    }
    let path = file("hostile.txt", text);
    let run = run(&["ladder", &path, "--limit", "50"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!run.out.contains('\u{1b}'));
    assert!(run.out.contains("others"), "{}", run.out);
    assert_eq!(run.out.lines().count(), 53);
    assert!(
        run.out
            .trim_end()
            .ends_with("... and 250 messages more; --limit N draws more of them")
    );
    assert!(
        run.out
            .lines()
            .all(|line| line.chars().count() < 16 + 12 * 36)
    );
    let none = file("none.txt", "nothing here");
    for (arguments, sentence) in [
        (&[none.as_str()][..], "no SIP message"),
        (&[&path, "--call", "other"], "no message of such a call"),
    ] {
        let run = common::run(&[&["ladder"], arguments].concat());
        assert_eq!(run.code, 1, "{}", run.out);
        assert!(run.err.contains(sentence), "{}", run.err);
    }
    assert_eq!(common::run(&["ladder", "/nowhere/file"]).code, 2);
    assert_eq!(common::run(&["ladder"]).code, 2);
}
