//! PUBLISH, seen from the server: the edge is the event state compositor of its users (RFC 3903 section 6).

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Bench, config, credentials, header, headers, password, request_lines, status};
use sip_core::ConnectionId;
use sip_edge::{EdgeConfig, EdgeEvent, EventPackage};

const ALICE: &str = "sip:alice@example.com";
const TYPE: &str = "Event: presence\nContent-Type: application/pidf+xml";

fn document(basic: &str) -> String {
    format!(
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"{ALICE}\"><tuple id=\"a\"><status><basic>{basic}</basic></status></tuple></presence>"
    )
}

/// The challenge of the edge to a PUBLISH of alice, which she answers again and again.
struct Publisher {
    bench: Bench,
    alice: ConnectionId,
    challenge: String,
    number: u32,
}

impl Publisher {
    fn new(config: EdgeConfig) -> Self {
        let mut bench = Bench::new(config);
        let alice = bench.connect();
        let mut publisher = Self {
            bench,
            alice,
            challenge: String::new(),
            number: 0,
        };
        publisher.challenge();
        publisher
    }

    /// Takes a challenge, which the edge forgets after its time.
    fn challenge(&mut self) {
        let branch = self.bench.branch();
        let more = format!("{TYPE}\n\n{}", document("open"));
        let lines = request_lines("PUBLISH", ALICE, &branch, 1, &more);
        self.bench.send(self.alice, &lines);
        self.challenge = self.bench.take_status(self.alice, 401);
        self.number = 1;
    }

    /// The response to a PUBLISH of alice with more header fields and a body.
    fn publish_to(&mut self, uri: &str, more: &str, body: &str) -> String {
        let (user, nc) = ("alice", self.number);
        self.number += 1;
        let answer = credentials(&self.challenge, user, password(user), "PUBLISH", uri, nc);
        let branch = self.bench.branch();
        let more = format!("Authorization: {answer}\n{more}\n\n{body}");
        let lines = request_lines("PUBLISH", uri, &branch, self.number, &more);
        self.bench.send(self.alice, &lines);
        self.bench.take(self.alice)
    }

    fn publish(&mut self, more: &str, body: &str) -> String {
        self.publish_to(ALICE, more, body)
    }

    #[track_caller]
    fn published(&mut self, more: &str, body: &str) -> String {
        let answer = self.publish(more, body);
        assert_eq!(status(&answer), 200, "{answer}");
        header(&answer, "SIP-ETag").to_owned()
    }

    #[track_caller]
    fn refused(&mut self, expected: u16, more: &str, body: &str) -> String {
        let before = self.bench.edge.publications("alice");
        let answer = self.publish(more, body);
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(headers(&answer, "SIP-ETag").is_empty(), "{answer}");
        assert_eq!(self.bench.edge.publications("alice"), before);
        answer
    }
}

/// 3903-4-A and 3903-4-B, seen from the server: an initial PUBLISH, a refresh without body, a change, a removal; each 200 has
/// another tag, and the last one alone is known.
#[test]
fn rfc3903_6_publish_refresh_modify_remove() {
    let mut alice = Publisher::new(config());
    let open = document("open");
    let mut tags = vec![alice.published(TYPE, &open)];
    assert_eq!(alice.bench.edge.publications("alice"), 1);
    for (more, body, publications) in [
        ("Event: presence\nExpires: 120", "", 1),
        (TYPE, document("closed").as_str(), 1),
        ("Event: presence\nExpires: 0", "", 0),
    ] {
        let tag = tags.last().unwrap().clone();
        let if_match = format!("{more}\nSIP-If-Match: {tag}");
        tags.push(alice.published(&if_match, body));
        assert_eq!(alice.bench.edge.publications("alice"), publications);
        alice.refused(412, &if_match, body);
    }
    let if_match = format!("{TYPE}\nSIP-If-Match: {}", tags.last().unwrap());
    alice.refused(412, &if_match, &open);
    assert_eq!(tags.iter().collect::<BTreeSet<_>>().len(), tags.len());
    for tag in &tags {
        // 128 random bits.
        assert_eq!(tag.len(), 32, "{tag}");
    }
    let counts = alice.bench.events.iter().map(|event| match event {
        EdgeEvent::Published { user, publications } if user == "alice" => *publications,
        other => panic!("{other:?}"),
    });
    assert_eq!(counts.collect::<Vec<_>>(), [1, 1, 1, 0]);
    assert_eq!(alice.bench.edge.counters().published, 4);
}

/// RFC 3903 section 6 step 4: the edge shortens a lifetime, chooses one itself, and refuses one that is too brief by 423
/// with Min-Expires (3903-4-B).
#[test]
fn rfc3903_6_lifetimes() {
    let mut alice = Publisher::new(config());
    let open = document("open");
    for (expires, granted) in [
        ("", "3600"),
        ("\nExpires: 60", "60"),
        ("\nExpires: 4294967295", "3600"),
        ("\nExpires: 0", "0"),
    ] {
        let answer = alice.publish(&format!("{TYPE}{expires}"), &open);
        assert_eq!(status(&answer), 200, "{answer}");
        assert_eq!(header(&answer, "Expires"), granted);
    }
    // A lifetime of 0 has left nothing.
    assert_eq!(alice.bench.edge.publications("alice"), 3);
    let answer = alice.refused(423, &format!("{TYPE}\nExpires: 59"), &open);
    assert_eq!(header(&answer, "Min-Expires"), "60");
}

/// RFC 3903 section 6 step 5: a publication ends at its time, on a tick; its tag is unknown from then on.
#[test]
fn rfc3903_6_a_publication_expires() {
    let mut alice = Publisher::new(config());
    let open = document("open");
    let tag = alice.published(&format!("{TYPE}\nExpires: 60"), &open);
    alice.published(&format!("{TYPE}\nExpires: 90"), &open);
    alice.bench.events.clear();
    alice.bench.pass(Duration::from_secs(59));
    assert_eq!(alice.bench.edge.publications("alice"), 2);
    assert!(alice.bench.events.is_empty());
    alice.bench.pass(Duration::from_secs(1));
    assert_eq!(alice.bench.edge.publications("alice"), 1);
    let expired = EdgeEvent::Published {
        user: "alice".into(),
        publications: 1,
    };
    assert_eq!(alice.bench.events, [expired]);
    alice.refused(412, &format!("Event: presence\nSIP-If-Match: {tag}"), "");
    alice.bench.pass(Duration::from_secs(30));
    assert_eq!(alice.bench.edge.publications("alice"), 0);
}

/// RFC 3903 section 6: what the edge refuses, and by which status; nothing changes then.
#[test]
fn rfc3903_6_refusals() {
    let mut alice = Publisher::new(config());
    let open = document("open");
    let tag = alice.published(TYPE, &open);
    let no_event = "Content-Type: application/pidf+xml";
    for event in [
        "",
        "Event: dialog\n",
        "Event: presence.winfo\n",
        "Event: Presence\n",
    ] {
        let answer = alice.refused(489, &format!("{event}{no_event}"), &open);
        assert_eq!(header(&answer, "Allow-Events"), "presence");
    }
    let unknown = "0123456789abcdef0123456789abcdef";
    alice.refused(412, &format!("{TYPE}\nSIP-If-Match: {unknown}"), &open);
    alice.refused(
        412,
        &format!("Event: presence\nExpires: 0\nSIP-If-Match: {unknown}"),
        "",
    );
    let two = format!("Event: presence\nSIP-If-Match: {tag}\nSIP-If-Match: {unknown}");
    alice.refused(400, &two, "");
    alice.refused(400, "Event: presence", "");
    alice.refused(400, TYPE, "<presence");
    alice.refused(400, &format!("{TYPE}\nExpires: soon"), &open);
    let text = "Event: presence\nContent-Type: text/plain";
    let answer = alice.refused(415, text, "I am here");
    assert_eq!(header(&answer, "Accept"), "application/pidf+xml");
    let answer = alice.refused(415, &format!("{text}\nSIP-If-Match: {tag}"), "I am here");
    assert_eq!(header(&answer, "Accept"), "application/pidf+xml");
    let answer = alice.refused(415, &format!("{TYPE}\nContent-Encoding: gzip"), "zip");
    assert_eq!(header(&answer, "Accept-Encoding"), "identity");
    let answer = alice.refused(420, &format!("{TYPE}\nRequire: magic"), &open);
    assert_eq!(header(&answer, "Unsupported"), "magic");
    // Neither of another user, nor of a user that does not exist.
    for (uri, expected) in [("sip:bob@example.com", 403), ("sip:carol@example.com", 404)] {
        let answer = alice.publish_to(uri, TYPE, &open);
        assert_eq!(status(&answer), expected, "{answer}");
    }
    assert_eq!(alice.bench.edge.publications("alice"), 1);
    assert_eq!(alice.bench.edge.publications("bob"), 0);
    // After all that the tag is still the one.
    alice.published(&format!("Event: presence\nSIP-If-Match: {tag}"), "");
}

/// RFC 3903 section 14.1: only the user itself publishes its state, after the proof of who it is.
#[test]
fn rfc3903_14_1_a_publisher_proves_who_it_is() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    let more = format!("{TYPE}\n\n{}", document("open"));
    for from in ["alice@example.com", "alice@example.org", "bob@example.com"] {
        let branch = bench.branch();
        let lines = request_lines("PUBLISH", ALICE, &branch, 1, &more);
        bench.send(
            alice,
            &lines.replace("alice@example.com>;tag", &format!("{from}>;tag")),
        );
        let challenge = bench.take_status(alice, 401);
        let answer = credentials(&challenge, "alice", password("alice"), "PUBLISH", ALICE, 1);
        let branch = bench.branch();
        let more = format!("Authorization: {answer}\n{more}");
        let lines = request_lines("PUBLISH", ALICE, &branch, 2, &more);
        bench.send(
            alice,
            &lines.replace("alice@example.com>;tag", &format!("{from}>;tag")),
        );
        let expected = if from == "alice@example.com" {
            200
        } else {
            403
        };
        bench.take_status(alice, expected);
    }
    assert_eq!(bench.edge.publications("alice"), 1);
}

/// A flood of PUBLISHes leaves no more than the limits allow.
#[test]
fn a_flood_of_publishes_is_bounded() {
    let mut config = config();
    config.limits.publications_per_user = 3;
    config.limits.publication_bytes = 1000;
    let mut alice = Publisher::new(config);
    let open = document("open");
    for _ in 0..3 {
        alice.published(TYPE, &open);
    }
    for _ in 0..50 {
        alice.refused(403, TYPE, &open);
    }
    // Without room for one more there is still room for those that are there, an hour long.
    alice.bench.pass(Duration::from_secs(3600));
    alice.challenge();
    // The harness adds four bytes of line ends.
    let padded = |length: usize| {
        let comment = format!("<!--{}-->", "x".repeat(length - 4 - 7 - open.len()));
        open.replace("</presence>", &format!("{comment}</presence>"))
    };
    alice.published(TYPE, &padded(1000));
    alice.refused(413, TYPE, &padded(1001));
}

/// An edge that does not serve `presence` forwards a PUBLISH as any request.
#[test]
fn an_edge_without_presence_is_a_proxy_for_publish() {
    let mut config = config();
    config.event_packages = vec![EventPackage::Reg];
    let mut bench = Bench::new(config);
    let alice = bench.registered("alice", "sip:a@alice.invalid;transport=ws");
    let bob = bench.registered("bob", "sip:b@bob.invalid;transport=ws");
    bench.request(alice, "PUBLISH", "sip:bob@example.com", "Event: presence");
    bench.take_request(bob, "PUBLISH");
}
