//! The program is stopped and continued, as on a machine that sleeps. Only a process of its own can be stopped.
#![cfg(unix)]

mod common;

use std::time::Duration;

use common::Background;
use sip_testing::sockets::registrar::{Registrar, header, invite};

/// A CANCEL that arrived while the process was stopped goes before the `noAnswerTimeout` that passed meanwhile:
/// the caller gets 487, not 408.
fn what_came_while_it_was_stopped_goes_first(adapter: &str) {
    let registrar = Registrar::start(600);
    let config = std::env::temp_dir().join(format!("sip-sleep-{}-{adapter}", std::process::id()));
    std::fs::write(&config, "{noAnswerTimeout: 1, keepAliveInterval: 0}").unwrap();
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
    registrar.send(0, &call);
    registrar.hear(0, "SIP/2.0 180 ");
    alice.signal("STOP");
    std::thread::sleep(Duration::from_millis(1_300));
    let (head, _) = call.split_once("Contact:").unwrap();
    let cancel = head.replace("INVITE", "CANCEL");
    registrar.send(0, &format!("{cancel}Content-Length: 0\r\n\r\n"));
    alice.signal("CONT");
    let refusal = registrar.hear(0, "SIP/2.0 4");
    assert!(refusal.starts_with("SIP/2.0 487 "), "{refusal}");
    assert_eq!(header(&refusal, "CSeq"), Some("1 INVITE"));
    registrar.end();
    let _ = std::fs::remove_file(config);
}

#[test]
fn tokio_reads_before_it_looks_at_the_clock() {
    what_came_while_it_was_stopped_goes_first("tokio");
}

#[test]
fn blocking_reads_before_it_looks_at_the_clock() {
    what_came_while_it_was_stopped_goes_first("blocking");
}
