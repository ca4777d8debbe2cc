//! The commands of an account, against `sip serve`.

mod common;

use common::{Background, run, serve};
use sip_testing::sockets::registrar::{Registrar, answer, header};

const BOB: &str = "sip:bob@localhost";
const ALICE: &str = "sip:alice@localhost";

#[test]
fn register_stays_and_unregisters() {
    let (_server, url) = serve();
    let run = run(&[
        "register",
        "--for",
        "0",
        "--server",
        &url,
        "--uri",
        ALICE,
        "--password",
        "a-secret",
    ]);
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    let place = |what: &str| {
        run.out
            .find(what)
            .unwrap_or_else(|| panic!("{what}: {}", run.out))
    };
    assert!(place("registered for 600 s") < place("unregistered"));
}

#[test]
fn a_wrong_password_is_the_outcome_of_registering() {
    let (_server, url) = serve();
    let run = run(&[
        "register",
        "--server",
        &url,
        "--uri",
        ALICE,
        "--password",
        "wrong",
    ]);
    assert_eq!(run.code, 4, "{}\n{}", run.out, run.err);
    assert!(
        run.err.contains("registration of sip:alice@localhost"),
        "{}",
        run.err
    );
}

#[test]
fn a_call_is_answered_and_hung_up() {
    let (_server, url) = serve();
    let mut bob = Background::start(&[
        "answer",
        "--for",
        "60",
        "--server",
        &url,
        "--uri",
        BOB,
        "--password",
        "b-secret",
    ]);
    bob.line("registered");
    let alice = run(&[
        "call",
        "bob",
        "--hangup-after",
        "0",
        "--server",
        &url,
        "--uri",
        ALICE,
        "--password",
        "a-secret",
    ]);
    assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
    assert!(alice.out.contains("180 Ringing"), "{}", alice.out);
    assert!(
        alice.out.contains("answer received: application/sdp"),
        "{}",
        alice.out
    );
    assert!(alice.out.contains("call established"), "{}", alice.out);
    bob.line("call from sip:alice@localhost");
    bob.line("offer received: application/sdp");
    bob.line("call established");
    bob.line("call ended: hung up, by the peer");
}

#[test]
fn a_refused_call_is_a_failure_that_names_the_status() {
    let (_server, url) = serve();
    let mut bob = Background::start(&[
        "answer",
        "--for",
        "60",
        "--reject",
        "603",
        "--server",
        &url,
        "--uri",
        BOB,
        "--password",
        "b-secret",
    ]);
    bob.line("registered");
    let alice = run(&[
        "call",
        "bob",
        "--server",
        &url,
        "--uri",
        ALICE,
        "--password",
        "a-secret",
    ]);
    assert_eq!(alice.code, 1, "{}\n{}", alice.out, alice.err);
    assert!(alice.err.contains("603 Decline"), "{}", alice.err);
}

#[test]
fn a_message_is_delivered_and_shown() {
    let (_server, url) = serve();
    let mut bob = Background::start(&[
        "answer",
        "--for",
        "60",
        "--server",
        &url,
        "--uri",
        BOB,
        "--password",
        "b-secret",
    ]);
    bob.line("registered");
    let alice = run(&[
        "message",
        "bob",
        "Hello Bob",
        "--server",
        &url,
        "--uri",
        ALICE,
        "--password",
        "a-secret",
        "--trace",
    ]);
    assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
    assert_eq!(
        bob.line("MESSAGE"),
        "MESSAGE from sip:alice@localhost: Hello Bob"
    );
    // The trace is on standard error, message by message, and has no credentials in it.
    assert!(
        alice
            .err
            .contains("\nMESSAGE sip:bob@localhost SIP/2.0\r\n"),
        "{}",
        alice.err
    );
    assert!(alice.err.contains("Digest [redacted]"), "{}", alice.err);
    assert!(!alice.err.contains("response="), "{}", alice.err);
}

/// RFC 3428 section 7: the application answers a MESSAGE, and its sender hears that answer.
#[test]
fn rfc3428_7_a_message_is_refused_with_the_status_of_the_flag() {
    let (_server, url) = serve();
    let account = ["--server", &url, "--uri", BOB, "--password", "b-secret"];
    let answer = ["answer", "--for", "60", "--refuse-messages", "488"];
    let mut bob = Background::start(&[&answer[..], &account].concat());
    bob.line("registered");
    let account = ["--server", &url, "--uri", ALICE, "--password", "a-secret"];
    let alice = run(&[&["message", "bob", "Hello Bob"][..], &account].concat());
    assert_eq!(alice.code, 1, "{}\n{}", alice.out, alice.err);
    assert!(
        alice.err.contains("488 Not Acceptable Here"),
        "{}",
        alice.err
    );
    assert_eq!(
        bob.line("MESSAGE"),
        "MESSAGE from sip:alice@localhost: Hello Bob"
    );
}

#[test]
fn a_message_to_nobody_is_a_failure() {
    let (_server, url) = serve();
    let alice = run(&[
        "message",
        "nobody",
        "Hello",
        "--server",
        &url,
        "--uri",
        ALICE,
        "--password",
        "a-secret",
    ]);
    assert_eq!(alice.code, 1, "{}\n{}", alice.out, alice.err);
    assert!(alice.err.contains("404"), "{}", alice.err);
}

#[test]
fn options_are_asked_for() {
    let (_server, url) = serve();
    let mut bob = Background::start(&[
        "answer",
        "--for",
        "60",
        "--server",
        &url,
        "--uri",
        BOB,
        "--password",
        "b-secret",
    ]);
    bob.line("registered");
    let alice = run(&[
        "options",
        "bob",
        "--server",
        &url,
        "--uri",
        ALICE,
        "--password",
        "a-secret",
    ]);
    assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
    assert!(alice.out.contains("200 OK"), "{}", alice.out);
}

#[test]
fn answering_ends_in_time() {
    let (_server, url) = serve();
    let bob = Background::start(&[
        "answer",
        "--for",
        "0",
        "--server",
        &url,
        "--uri",
        BOB,
        "--password",
        "b-secret",
    ]);
    assert_eq!(bob.finish(), 0);
}

/// Ctrl-C and a service manager's request end in good order: calls hung up, binding removed.
#[cfg(unix)]
#[test]
fn an_interrupted_program_says_goodbye() {
    let (server, url) = serve();
    for name in ["INT", "TERM"] {
        let mut bob = Background::start(&[
            "answer",
            "--server",
            &url,
            "--uri",
            BOB,
            "--password",
            "b-secret",
        ]);
        bob.line("registered");
        bob.signal(name);
        bob.line("unregistered: as requested");
        assert_eq!(bob.finish(), 0, "{name}");
    }
    let mut server = server;
    server.signal("TERM");
    assert_eq!(
        server.line("registered"),
        "registered 2, calls answered 0, calls ended 0, messages delivered 0, messages stored 0, subscriptions 0, \
         publications 0, states reported 0, unregistered 2"
    );
    assert_eq!(server.finish(), 0);
}

/// Every command of an account, on the blocking adapter, with one that answers on the other.
#[test]
fn the_blocking_adapter_registers_calls_answers_and_writes() {
    let (_server, url) = serve();
    let with = |command: &[&str], uri: &str, password: &str, adapter: &str| -> Vec<String> {
        let account = [
            "--server",
            &url,
            "--uri",
            uri,
            "--password",
            password,
            "--adapter",
            adapter,
        ];
        let all = [command, &account[..]].concat();
        all.into_iter().map(str::to_owned).collect()
    };
    for (alice, bob) in [
        ("blocking", "tokio"),
        ("tokio", "blocking"),
        ("blocking", "blocking"),
    ] {
        let answer = with(&["answer"], BOB, "b-secret", bob);
        let answer: Vec<&str> = answer.iter().map(String::as_str).collect();
        let mut answering = Background::start(&answer);
        answering.line("registered");
        for (command, said) in [
            (
                &["register", "--for", "0"][..],
                "unregistered: as requested",
            ),
            (&["call", "bob", "--hangup-after", "0"], "call established"),
            (&["message", "bob", "Hello Bob"], "200 OK"),
            (&["options", "bob"], "200 OK"),
        ] {
            let command = with(command, ALICE, "a-secret", alice);
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let run = run(&command);
            assert_eq!(run.code, 0, "{command:?}: {}\n{}", run.out, run.err);
            assert!(run.out.contains(said), "{command:?}: {}", run.out);
        }
        answering.line("call ended: hung up, by the peer");
        answering.line("MESSAGE from sip:alice@localhost: Hello Bob");
        #[cfg(unix)]
        {
            answering.signal("INT");
            answering.line("unregistered: as requested");
            assert_eq!(answering.finish(), 0);
        }
    }
    let wrong = with(&["register"], ALICE, "wrong", "blocking");
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    assert_eq!(run(&wrong).code, 4);
}

/// A registrar that has gone answers no goodbye: the program ends all the same, on either adapter.
#[cfg(unix)]
#[test]
fn registering_ends_although_the_server_is_gone() {
    for adapter in ["tokio", "blocking"] {
        let (server, url) = serve();
        let mut alice = Background::start(&[
            "register",
            "--server",
            &url,
            "--uri",
            ALICE,
            "--password",
            "a-secret",
            "--adapter",
            adapter,
        ]);
        alice.line("registered");
        drop(server);
        alice.line("disconnected");
        // Failed attempts follow, and each says when the next one is due.
        let again = alice.line("connecting again in ");
        assert!(again.ends_with(" s"), "{again}");
        alice.signal("INT");
        assert_eq!(alice.finish(), 1, "{adapter}");
    }
}

/// The peer's program dies in the call, so that the edge refuses the BYE: the end of the call says that the peer may not know, and
/// the exit code is that of a failure, for the caller and for the side that answers.
#[cfg(unix)]
#[test]
fn fault_f6_a_bye_that_reaches_nobody_is_a_failure() {
    for caller_dies in [false, true] {
        let (_server, url) = serve();
        let account = |uri, password| ["--server", &url, "--uri", uri, "--password", password];
        let bob = [&["answer"][..], &account(BOB, "b-secret")].concat();
        let mut bob = Background::start(&bob);
        bob.line("registered");
        let alice = [&["call", "bob"][..], &account(ALICE, "a-secret")].concat();
        let mut alice = Background::start(&alice);
        alice.line("call established");
        bob.line("call established");
        let (dies, mut stays) = if caller_dies {
            (alice, bob)
        } else {
            (bob, alice)
        };
        dies.signal("KILL");
        drop(dies);
        stays.signal("INT");
        let ended = stays.line("call ended: ");
        assert!(ended.contains("the peer may not know"), "{ended}");
        assert_eq!(stays.finish(), 1, "{ended}");
    }
}

/// Every failure that is repaired later says when, in words and in seconds.
#[test]
fn a_retry_has_its_time() {
    for json in [false, true] {
        let registrar = Registrar::start(600);
        registrar.leave_unanswered("REGISTER");
        let url = format!("ws://127.0.0.1:{}", registrar.port);
        let json_flag = json.then_some("--json");
        let account = ["--server", &url, "--uri", "sip:alice@example.com"];
        let command = ["register"].into_iter().chain(account).chain(json_flag);
        let mut alice = Background::start(&command.collect::<Vec<_>>());
        let first = registrar.hear(0, "REGISTER ");
        let contact = header(&first, "Contact").unwrap();
        let (contact, _) = contact.rsplit_once(";expires=").unwrap();
        let granted = format!("Contact: {contact};expires=2\r\n");
        registrar.send(0, &answer(&first, &granted, ""));
        registrar.until("a refresh", |registrar| {
            registrar.heard(0, "REGISTER ").len() > 1
        });
        let refresh = registrar.heard(0, "REGISTER ").remove(1);
        let unavailable = answer(&refresh, "Retry-After: 4\r\n", "");
        let unavailable = unavailable.replacen("200 OK", "503 Service Unavailable", 1);
        registrar.send(0, &unavailable);
        if json {
            let line = alice.line("{\"event\":\"registration_failed\"");
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            let seconds = event["retry_in"].as_f64().unwrap();
            assert!(seconds > 0.0 && seconds < 60.0, "{line}");
        } else {
            let line = alice.line("registration failed: ");
            assert!(line.contains("503"), "{line}");
            assert!(
                line.contains("; again in ") && line.ends_with(" s"),
                "{line}"
            );
        }
        registrar.end();
    }
}
