//! What a configuration file says, seen on the wire.

mod common;

use common::{answering, run};
use sip_testing::sockets::registrar::{Registrar, header, invite};
use sip_testing::sockets::request::request;

fn file(name: &str, text: &str) -> String {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// `register: false`: `sip answer` sends no REGISTER, and answers what the server sends to its connection.
#[test]
fn fault_c8_register_false_is_honoured_by_answer() {
    for adapter in ["tokio", "blocking"] {
        let path = file(
            "unregistered.json5",
            "{register: false, contactName: 'alice'}",
        );
        let registrar = Registrar::start(600);
        let mut alice = answering(&registrar, adapter, &["--config", &path]);
        alice.line("connected to ");
        registrar.send(0, &invite("sip:alice@alice.invalid;transport=ws"));
        let accepted = registrar.hear(0, "SIP/2.0 200 ");
        assert_eq!(header(&accepted, "CSeq"), Some("1 INVITE"));
        // A REGISTER would have gone out with the connection, before the answer.
        assert!(registrar.heard(0, "REGISTER ").is_empty());
        registrar.end();
    }
}

/// `sip register` cannot do what `register: false` says, so it refuses before it connects.
#[test]
fn fault_c8_register_false_is_refused_by_register() {
    let path = file(
        "register-false.json5",
        "{register: false, uri: 'alice@example.com'}",
    );
    let run = run(&[
        "register",
        "--server",
        "ws://127.0.0.1:1",
        "--config",
        &path,
    ]);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(run.err.contains("register: false"), "{}", run.err);
}

/// `allowOutOfDialogRefers`: the program shows the REFER and declines it, because a program without a user makes no calls
/// (RFC 3515 section 2.4.2).
#[test]
fn fault_c8_a_refer_is_shown_and_declined() {
    let path = file("refers.json5", "{allowOutOfDialogRefers: true}");
    let registrar = Registrar::start(600);
    let mut alice = answering(&registrar, "tokio", &["--config", &path]);
    alice.line("registered for 600 s");
    let refer = request("REFER", 1, "").replace(
        "Max-Forwards",
        "Refer-To: <sip:carol@example.com>\r\nMax-Forwards",
    );
    registrar.send(0, &refer);
    let answer = registrar.hear(0, "SIP/2.0 ");
    assert!(answer.starts_with("SIP/2.0 603 "), "{answer}");
    alice.line("REFER from sip:bob@example.com");
    registrar.end();
}
