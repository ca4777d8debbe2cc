//! The program is stopped and continued, as on a machine that sleeps. Only a process of its own can be stopped.
#![cfg(unix)]

mod common;

use std::time::{Duration, Instant};

use common::Background;
use sip_testing::sockets::registrar::{Registrar, header, invite};

/// `noAnswerTimeout` of the program, in seconds.
const NO_ANSWER: u64 = 2;

/// A CANCEL that arrived while the process was stopped goes before the `noAnswerTimeout` that passed meanwhile:
/// the caller gets 487, not 408. An attempt in which a busy machine stopped the process too late proves nothing.
fn what_came_while_it_was_stopped_goes_first(adapter: &str) {
    const ATTEMPTS: usize = 10;
    let is_stopped_in_time = (0..ATTEMPTS).any(|_| one_attempt(adapter));
    assert!(is_stopped_in_time, "the machine is too slow");
}

/// `false` if the call was no longer ringing when the process stopped.
fn one_attempt(adapter: &str) -> bool {
    let registrar = Registrar::start(600);
    let config = std::env::temp_dir().join(format!("sip-sleep-{}-{adapter}", std::process::id()));
    let text = format!("{{noAnswerTimeout: {NO_ANSWER}, keepAliveInterval: 0}}");
    std::fs::write(&config, text).unwrap();
    let url = format!("ws://127.0.0.1:{}", registrar.port);
    let mut alice = Background::start(&[
        "answer",
        "--adapter",
        adapter,
        "--config",
        config.to_str().unwrap(),
        "--ring",
        "30",
        "--for",
        "30",
        "--server",
        &url,
        "--uri",
        "sip:alice@example.com",
    ]);
    alice.line("registered for 600 s");
    let register = registrar.hear(0, "REGISTER ");
    let contact = header(&register, "Contact").unwrap();
    let call = invite(contact.split(['<', '>']).nth(1).unwrap());
    let called = Instant::now();
    registrar.send(0, &call);
    registrar.hear(0, "SIP/2.0 180 ");
    let ringing = Instant::now();
    alice.signal("STOP");
    let is_in_time = called.elapsed() < Duration::from_secs(NO_ANSWER);
    // The call rings since before `ringing`, so its time is over after this.
    std::thread::sleep(Duration::from_secs(NO_ANSWER).saturating_sub(ringing.elapsed()));
    let (head, _) = call.split_once("Contact:").unwrap();
    let cancel = head.replace("INVITE", "CANCEL");
    registrar.send(0, &format!("{cancel}Content-Length: 0\r\n\r\n"));
    alice.signal("CONT");
    let refusal = registrar.hear(0, "SIP/2.0 4");
    registrar.end();
    let _ = std::fs::remove_file(config);
    if is_in_time {
        assert!(refusal.starts_with("SIP/2.0 487 "), "{refusal}");
        assert_eq!(header(&refusal, "CSeq"), Some("1 INVITE"));
    }
    is_in_time
}

#[test]
fn tokio_reads_before_it_looks_at_the_clock() {
    what_came_while_it_was_stopped_goes_first("tokio");
}

#[test]
fn blocking_reads_before_it_looks_at_the_clock() {
    what_came_while_it_was_stopped_goes_first("blocking");
}
