//! Ctrl-C while a peer answers nothing: the first says what it waits for, the second ends at once.
#![cfg(unix)]

mod common;

use common::{Background, sip};
use sip_testing::sockets::registrar::{Registrar, ack, answer, header, invite};
use sip_testing::sockets::request::request;

fn start(registrar: &Registrar, adapter: &str, command: &[&str]) -> Background {
    let url = format!("ws://127.0.0.1:{}", registrar.port);
    let account = ["--server", &url, "--uri", "sip:alice@example.com"];
    let all = [command, &account, &["--adapter", adapter]].concat();
    Background::start_with_errors(&mut sip(&all))
}

/// The second Ctrl-C: the exit code is 1, and standard error names what was waited for, then what is
/// left open. A program that waits on says otherwise, because it has the result of its wait, or sends the last
/// REGISTER.
fn ends_at_once(registrar: &Registrar, program: Background, waits_for: &str, left_open: &str) {
    let registers = || registrar.heard(0, "REGISTER ").len();
    let before = registers();
    program.signal("INT");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 1, "{errors}");
    assert_eq!(registers(), before);
    let first = format!("sip: ending {waits_for}; Ctrl-C again ends at once");
    let second = format!("sip: ended at once; left open: {left_open}");
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines, [&*first, &*second]);
}

const REGISTRATION: &str = "the registration of sip:alice@example.com";

/// `sip call`: the callee rings and answers neither INVITE nor CANCEL (RFC 3261 section 9.1).
fn a_call_whose_cancel_is_unanswered(adapter: &str) {
    let registrar = Registrar::start(600);
    registrar.leave_unanswered("INVITE");
    registrar.leave_unanswered("CANCEL");
    let program = start(&registrar, adapter, &["call", "bob"]);
    let invite = registrar.hear(0, "INVITE ");
    let field = |name| header(&invite, name).unwrap();
    registrar.send(
        0,
        &format!(
            "SIP/2.0 180 Ringing\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=bob\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Content-Length: 0\r\n\r\n",
            field("Via"),
            field("From"),
            field("To"),
            field("Call-ID"),
            field("CSeq"),
        ),
    );
    let mut program = program;
    program.line("180 Ringing");
    program.signal("INT");
    registrar.hear(0, "CANCEL ");
    let open = format!("the call to bob, {REGISTRATION}");
    ends_at_once(&registrar, program, &open, &open);
    registrar.end();
}

/// `sip answer`: the caller answers no BYE.
fn an_answered_call_whose_bye_is_unanswered(adapter: &str) {
    let registrar = Registrar::start(600);
    registrar.leave_unanswered("BYE");
    let mut program = start(&registrar, adapter, &["answer"]);
    program.line("registered for 600 s");
    let register = registrar.hear(0, "REGISTER ");
    let contact = header(&register, "Contact").unwrap();
    registrar.send(0, &invite(contact.split(['<', '>']).nth(1).unwrap()));
    let accepted = registrar.hear(0, "SIP/2.0 200 ");
    registrar.send(0, &ack(&accepted));
    program.line("call established");
    program.signal("INT");
    registrar.hear(0, "BYE ");
    program.line("unregistered: as requested");
    let call = "the call from sip:bob@example.com";
    let waits_for = format!("{call}, {REGISTRATION}");
    ends_at_once(&registrar, program, &waits_for, call);
    registrar.end();
}

/// `sip register`: the registrar does not answer the last REGISTER.
fn a_registration_whose_removal_is_unanswered(adapter: &str) {
    let registrar = Registrar::start(600);
    let mut program = start(&registrar, adapter, &["register"]);
    program.line("registered for 600 s");
    registrar.leave_unanswered("REGISTER");
    program.signal("INT");
    registrar.until("the last REGISTER", |registrar| {
        registrar.heard(0, "REGISTER ").len() == 2
    });
    ends_at_once(&registrar, program, REGISTRATION, REGISTRATION);
    registrar.end();
}

/// One request without an answer: the first Ctrl-C ends it, because nothing has to be undone.
fn a_message_without_an_answer(adapter: &str) {
    let registrar = Registrar::start(600);
    registrar.leave_unanswered("MESSAGE");
    let program = start(&registrar, adapter, &["message", "bob", "Hello"]);
    registrar.hear(0, "MESSAGE ");
    program.signal("INT");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 1, "{errors}");
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(
        lines,
        ["sip: ending; Ctrl-C again ends at once", "sip: interrupted"]
    );
    registrar.end();
}

/// The second Ctrl-C also ends the wait for the end of a registration after an interrupted request.
fn a_stop_that_takes_long(adapter: &str) {
    let registrar = Registrar::start(600);
    registrar.leave_unanswered("MESSAGE");
    let name = format!("interrupt-{adapter}.json5");
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, "{register: true}").unwrap();
    let config = ["--config", path.to_str().unwrap()];
    let command = [&["message", "bob", "Hello"][..], &config].concat();
    let program = start(&registrar, adapter, &command);
    registrar.hear(0, "MESSAGE ");
    registrar.leave_unanswered("REGISTER");
    program.signal("INT");
    while registrar.heard(0, "REGISTER ").len() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    ends_at_once(&registrar, program, REGISTRATION, REGISTRATION);
    registrar.end();
}

/// A registrar that does not answer the first REGISTER: the first Ctrl-C ends it.
fn a_registrar_that_never_answers(adapter: &str) {
    let registrar = Registrar::start(600);
    registrar.leave_unanswered("REGISTER");
    for command in [&["register"][..], &["call", "bob"]] {
        let connection = registrar.connections();
        let program = start(&registrar, adapter, command);
        registrar.until("a connection", |registrar| {
            registrar.connections() > connection
        });
        registrar.hear(connection, "REGISTER ");
        program.signal("TERM");
        let (code, errors) = program.finish_with_errors();
        assert_eq!(code, 1, "{errors}");
        assert!(errors.ends_with("sip: interrupted\n"), "{errors}");
    }
    registrar.end();
}

macro_rules! on_both_adapters {
    ($($test:ident $body:ident;)+) => {$(
        mod $test {
            #[test]
            fn with_tokio() {
                super::$body("tokio");
            }

            #[test]
            fn with_blocking() {
                super::$body("blocking");
            }
        }
    )+};
}

on_both_adapters! {
    the_end_of_the_terminal_unregisters a_terminal_that_ends;
    fault_f5_the_second_ctrl_c_ends_a_call a_call_whose_cancel_is_unanswered;
    fault_f5_the_second_ctrl_c_ends_answering an_answered_call_whose_bye_is_unanswered;
    fault_f5_the_second_ctrl_c_ends_registering a_registration_whose_removal_is_unanswered;
    fault_f5_the_second_ctrl_c_ends_the_stop a_stop_that_takes_long;
    fault_f5_the_first_ctrl_c_ends_a_request a_message_without_an_answer;
    fault_f5_the_first_ctrl_c_ends_the_wait_for_a_registrar a_registrar_that_never_answers;
}

/// The end of the terminal: the binding is given back, also if the signal comes twice, as a shell and the kernel send it.
fn a_terminal_that_ends(adapter: &str) {
    let registrar = Registrar::start(600);
    let mut program = start(&registrar, adapter, &["register"]);
    program.line("registered for 600 s");
    registrar.leave_unanswered("REGISTER");
    program.signal("HUP");
    registrar.until("the last REGISTER", |registrar| {
        registrar.heard(0, "REGISTER ").len() == 2
    });
    program.signal("HUP");
    let last = registrar.heard(0, "REGISTER ").remove(1);
    registrar.send(0, &answer(&last, "", ""));
    program.line("unregistered: as requested");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    registrar.end();
}

/// `nohup sip register`: the program outlives its terminal.
#[cfg(target_os = "linux")]
#[test]
fn nohup_is_honoured() {
    let registrar = Registrar::start(600);
    let url = format!("ws://127.0.0.1:{}", registrar.port);
    let mut command = std::process::Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_sip")).args([
        "register",
        "--server",
        &url,
        "--uri",
        "sip:alice@example.com",
    ]);
    let command = command.stdin(std::process::Stdio::null());
    let mut program = Background::start_with_errors(command);
    program.line("registered for 600 s");
    program.signal("HUP");
    registrar.send(0, &request("OPTIONS", 1, ""));
    registrar.hear(0, "SIP/2.0 200 ");
    registrar.send(0, &request("MESSAGE", 2, ""));
    program.line("MESSAGE from ");
    program.signal("INT");
    program.line("unregistered: as requested");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    registrar.end();
}

/// `sip serve`: Ctrl-C ends the server and says so.
#[test]
fn fault_f5_ctrl_c_ends_the_server() {
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let mut server = Background::start_with_errors(&mut sip(&listen));
    server.line("listening on ");
    server.signal("INT");
    let (code, errors) = server.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("Ctrl-C again ends at once"), "{errors}");
}
