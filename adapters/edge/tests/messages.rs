//! MESSAGEs to a user that is registered nowhere: stored if the configuration says so, and sent when the user registers (RFC 3428
//! section 7).

mod common;

use std::time::Duration;

use common::{Bench, answer, config, header, headers, status};
use sip_core::ConnectionId;
use sip_edge::{EdgeConfig, EdgeEvent};

const BOB: &str = "sip:bob@example.com";
const CONTACT: &str = "sip:b1@bob.invalid;transport=ws";

fn storing() -> EdgeConfig {
    EdgeConfig {
        stores_messages: true,
        ..config()
    }
}

fn bench(config: EdgeConfig) -> (Bench, ConnectionId) {
    let mut bench = Bench::new(config);
    let alice = bench.registered("alice", "sip:a1@alice.invalid;transport=ws");
    bench.events.clear();
    (bench, alice)
}

/// The status of a MESSAGE of alice to bob.
#[track_caller]
fn message(bench: &mut Bench, alice: ConnectionId, text: &str) -> u16 {
    let more = format!("Content-Type: text/plain\n\n{text}");
    bench.request(alice, "MESSAGE", BOB, &more);
    status(&bench.take(alice))
}

/// RFC 3428 section 7: 202 says that the edge has taken the message; the user gets all of them in their order, after the
/// response to its REGISTER, and each once.
#[test]
fn rfc3428_7_stored_messages_arrive_with_the_registration() {
    let (mut bench, alice) = bench(storing());
    for text in ["one", "two"] {
        assert_eq!(message(&mut bench, alice, text), 202);
    }
    assert_eq!(bench.edge.stored_messages("bob"), 2);
    let stored = EdgeEvent::MessageStored {
        from: "sip:alice@example.com".into(),
        to: BOB.into(),
    };
    assert_eq!(bench.events, [stored.clone(), stored]);
    let bob = bench.registered("bob", CONTACT);
    for text in ["one", "two"] {
        let delivered = bench.take_request(bob, "MESSAGE");
        assert!(
            delivered.starts_with(&format!("MESSAGE {CONTACT} SIP/2.0")),
            "{delivered}"
        );
        assert!(
            delivered.contains(&format!("\r\n\r\n{text}")),
            "{delivered}"
        );
        assert_eq!(headers(&delivered, "Via").len(), 1, "{delivered}");
        assert!(headers(&delivered, "Proxy-Authorization").is_empty());
        assert!(header(&delivered, "From").contains("alice"));
        bench.send(bob, &answer(&delivered, "200 OK", "b", ""));
    }
    bench.quiet();
    assert_eq!(bench.edge.stored_messages("bob"), 0);
    assert_eq!(bench.edge.counters().messages_delivered, 2);
    bench.close(bob);
    bench.registered("bob", CONTACT);
    bench.quiet();
}

/// A message that did not reach its user waits for the next registration; one that the user refuses does not.
#[test]
fn a_message_that_was_not_delivered_waits_on() {
    let (mut bench, alice) = bench(storing());
    assert_eq!(message(&mut bench, alice, "one"), 202);
    let bob = bench.registered("bob", CONTACT);
    bench.take_request(bob, "MESSAGE");
    // A refresh sends nothing twice.
    bench.register(bob, "bob", 11, &format!("Contact: <{CONTACT}>"));
    bench.quiet();
    bench.close(bob);
    assert_eq!(bench.edge.stored_messages("bob"), 1);
    let bob = bench.registered("bob", CONTACT);
    let delivered = bench.take_request(bob, "MESSAGE");
    bench.send(
        bob,
        &answer(&delivered, "480 Temporarily Unavailable", "b", ""),
    );
    assert_eq!(bench.edge.stored_messages("bob"), 1);
    bench.close(bob);
    let bob = bench.registered("bob", CONTACT);
    bench.take_request(bob, "MESSAGE");
    bench.pass(Duration::from_secs(32));
    assert_eq!(bench.edge.stored_messages("bob"), 1);
    bench.close(bob);
    let bob = bench.registered("bob", CONTACT);
    let delivered = bench.take_request(bob, "MESSAGE");
    bench.send(
        bob,
        &answer(&delivered, "415 Unsupported Media Type", "b", ""),
    );
    assert_eq!(bench.edge.stored_messages("bob"), 0);
    bench.pass(Duration::from_secs(40));
    assert!(bench.edge.is_idle());
}

/// The store of a user is bounded, takes nothing from strangers, and is off by default.
#[test]
fn the_store_is_bounded() {
    let mut config = storing();
    config.limits.messages_per_user = 3;
    let (mut limited, alice) = bench(config);
    for _ in 0..3 {
        assert_eq!(message(&mut limited, alice, "hello"), 202);
    }
    for _ in 0..10 {
        assert_eq!(message(&mut limited, alice, "hello"), 480);
    }
    assert_eq!(limited.edge.stored_messages("bob"), 3);
    assert_eq!(limited.edge.counters().messages_stored, 3);

    let (mut open, _) = bench(storing());
    let stranger = open.connect();
    let branch = open.branch();
    let lines = common::request_lines("MESSAGE", BOB, &branch, 1, "Content-Type: text/plain\n\nhi");
    open.send(
        stranger,
        &lines.replace("alice@example.com>;tag", "x@example.org>;tag"),
    );
    open.take_status(stranger, 480);
    assert_eq!(open.edge.stored_messages("bob"), 0);

    let (mut plain, alice) = bench(self::config());
    assert_eq!(message(&mut plain, alice, "hello"), 480);
    assert_eq!(plain.edge.stored_messages("bob"), 0);
}
