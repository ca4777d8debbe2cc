//! What `sip serve` serves beside calls: event packages (RFC 6665, RFC 3903) and messages to users that are not there.

mod common;

use common::{Background, Run, run, serve};

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
