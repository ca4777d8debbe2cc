//! The registrar: RFC 3261 sections 10.3 and 22, RFC 5626 section 6.

mod common;

use std::time::Duration;

use common::*;
use sip_edge::{EdgeEvent, RemovalReason};

const SECOND: Duration = Duration::from_secs(1);

/// The Contact values of a response, sorted.
fn contacts(response: &str) -> Vec<&str> {
    let mut contacts = headers(response, "Contact");
    contacts.sort_unstable();
    contacts
}

/// RFC 3261 sections 10.3 and 22.2: challenged, then bound; the 200 lists the binding and its time.
#[test]
fn rfc3261_10_3_register_is_challenged_then_bound() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    let lines = bench.register_lines(
        alice,
        "alice",
        1,
        "Contact: <sip:a@alice.invalid;transport=ws>\nExpires: 300",
    );
    bench.send(alice, &lines);
    let challenge = bench.take_status(alice, 401);
    assert_eq!(
        bench.edge.bindings("alice"),
        0,
        "nothing is bound authentication_info_failures"
    );
    for row in headers(&challenge, "WWW-Authenticate") {
        assert_eq!(parameter(row, "realm"), Some("example.com"));
        assert_eq!(parameter(row, "qop"), Some("auth"));
    }
    assert!(
        header(&challenge, "To").contains(";tag="),
        "RFC 3261 8.2.6.2"
    );

    let answer = credentials(
        &challenge,
        "alice",
        "wonderland",
        "REGISTER",
        "sip:example.com",
        1,
    );
    let more = format!(
        "Authorization: {answer}\nContact: <sip:a@alice.invalid;transport=ws>\nExpires: 300"
    );
    let lines = bench.register_lines(alice, "alice", 2, &more);
    bench.send(alice, &lines);
    let answer = bench.take_status(alice, 200);
    assert_eq!(
        contacts(&answer),
        ["<sip:a@alice.invalid;transport=ws>;expires=300"]
    );
    assert_eq!(bench.edge.bindings("alice"), 1);
    assert_eq!(bench.edge.user(alice), Some("alice"));
    assert_eq!(
        bench.events,
        [EdgeEvent::Registered {
            user: "alice".into(),
            contact: "sip:a@alice.invalid;transport=ws".into(),
            connection: alice,
            remote: Some(REMOTE.into()),
            expires: 300 * SECOND,
            refreshed: false,
        }]
    );
    let counters = bench.edge.counters();
    assert_eq!(
        (counters.challenged, counters.registered, counters.received),
        (1, 1, 2)
    );
    bench.quiet();
}

/// RFC 3261 section 22.1: a wrong password is challenged again and binds nothing.
#[test]
fn rfc3261_22_1_wrong_password_binds_nothing() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    let lines = bench.register_lines(alice, "alice", 1, "Contact: <sip:a@alice.invalid>");
    bench.send(alice, &lines);
    let challenge = bench.take_status(alice, 401);
    let answer = credentials(
        &challenge,
        "alice",
        "looking-glass",
        "REGISTER",
        "sip:example.com",
        1,
    );
    let more = format!("Authorization: {answer}\nContact: <sip:a@alice.invalid>");
    let lines = bench.register_lines(alice, "alice", 2, &more);
    bench.send(alice, &lines);
    let again = bench.take_status(alice, 401);
    assert_eq!(
        parameter(headers(&again, "WWW-Authenticate")[0], "stale"),
        None,
        "not stale but wrong"
    );
    assert_eq!(bench.edge.bindings("alice"), 0);
    assert_eq!(bench.edge.counters().registered, 0);
}

/// RFC 3261 section 10.3 step 4: alice's credentials give no access to bob's bindings.
#[test]
fn rfc3261_10_3_4_nobody_binds_for_another() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    for (aor, expected) in [("bob", 403), ("carol", 404)] {
        let lines = bench.register_lines(alice, aor, 1, "Contact: <sip:a@alice.invalid>");
        bench.send(alice, &lines);
        let challenge = bench.take_status(alice, 401);
        let answer = credentials(
            &challenge,
            "alice",
            "wonderland",
            "REGISTER",
            "sip:example.com",
            1,
        );
        let more = format!("Authorization: {answer}\nContact: <sip:a@alice.invalid>");
        let lines = bench.register_lines(alice, aor, 2, &more);
        bench.send(alice, &lines);
        bench.take_status(alice, expected);
        assert_eq!(bench.edge.bindings(aor), 0);
    }
}

/// RFC 7616 sections 3.3 and 3.4: an old nonce is stale, a used nonce count is a replay; both get a
/// fresh nonce with `stale=true`.
#[test]
fn rfc7616_3_3_stale_and_replayed_nonces_are_renewed() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    let lines = bench.register_lines(alice, "alice", 1, "");
    bench.send(alice, &lines);
    let first = bench.take_status(alice, 401);
    let attempt = |bench: &mut Bench, challenge: &str, number: u32, nc: u32| {
        let answer = credentials(
            challenge,
            "alice",
            "wonderland",
            "REGISTER",
            "sip:example.com",
            nc,
        );
        let lines =
            bench.register_lines(alice, "alice", number, &format!("Authorization: {answer}"));
        bench.send(alice, &lines);
        bench.take(alice)
    };
    assert_eq!(status(&attempt(&mut bench, &first, 2, 1)), 200);
    assert_eq!(
        status(&attempt(&mut bench, &first, 3, 2)),
        200,
        "the next nonce count is good"
    );
    let replayed = attempt(&mut bench, &first, 4, 2);
    assert_eq!(status(&replayed), 401);
    assert_eq!(
        parameter(headers(&replayed, "WWW-Authenticate")[0], "stale"),
        Some("true")
    );
    bench.pass(301 * SECOND);
    let stale = attempt(&mut bench, &first, 5, 3);
    assert_eq!(status(&stale), 401);
    assert_eq!(
        parameter(headers(&stale, "WWW-Authenticate")[0], "stale"),
        Some("true")
    );
    assert_eq!(status(&attempt(&mut bench, &stale, 6, 1)), 200);
}

/// RFC 3261 section 10.3 step 7 and 10.2.1.1: the contact's own expiry, else Expires, else an hour; shortened
/// to the registrar's limit.
#[test]
fn rfc3261_10_3_7_which_expiry_counts() {
    let contact = "<sip:a@alice.invalid>";
    for (lines, expected) in [
        (format!("Contact: {contact};expires=120\nExpires: 300"), 120),
        (format!("Contact: {contact}\nExpires: 300"), 300),
        (format!("Contact: {contact}"), 1800),
        (format!("Contact: {contact};expires=7200"), 1800),
        (format!("Contact: {contact};expires=4294967295"), 1800),
    ] {
        let mut config = config();
        config.max_expires = 1800 * SECOND;
        let mut bench = Bench::new(config);
        let alice = bench.connect();
        let answer = bench.register(alice, "alice", 1, &lines);
        assert_eq!(
            contacts(&answer),
            [format!("{contact};expires={expected}")],
            "{lines}"
        );
    }
}

/// RFC 3261 section 10.3 step 7: too short is 423 with Min-Expires, and nothing is bound; zero is
/// never too short.
#[test]
fn rfc3261_10_3_7_interval_too_brief() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    let answer = bench.register(
        alice,
        "alice",
        1,
        "Contact: <sip:a@alice.invalid>;expires=59",
    );
    assert_eq!(
        (status(&answer), header(&answer, "Min-Expires")),
        (423, "60")
    );
    assert_eq!(bench.edge.bindings("alice"), 0);
    assert_eq!(
        status(&bench.register(
            alice,
            "alice",
            3,
            "Contact: <sip:a@alice.invalid>;expires=60"
        )),
        200
    );
    assert_eq!(
        status(&bench.register(
            alice,
            "alice",
            5,
            "Contact: <sip:a@alice.invalid>;expires=0"
        )),
        200
    );
    assert_eq!(bench.edge.bindings("alice"), 0);
}

/// RFC 3261 section 10.3 step 8: every 200 lists all bindings with their remaining time.
#[test]
fn rfc3261_10_3_8_all_bindings_with_remaining_time() {
    let mut bench = Bench::new(config());
    let (desk, phone) = (bench.connect(), bench.connect());
    bench.register(
        desk,
        "alice",
        1,
        "Contact: <sip:a@desk.invalid>;q=0.5;expires=100",
    );
    bench.pass(Duration::from_millis(9_500));
    let answer = bench.register(
        phone,
        "alice",
        1,
        "Contact: <sip:a@phone.invalid>;expires=200",
    );
    assert_eq!(
        contacts(&answer),
        [
            "<sip:a@desk.invalid>;q=0.5;expires=91",
            "<sip:a@phone.invalid>;expires=200"
        ]
    );
    let query = bench.register(phone, "alice", 3, "");
    assert_eq!(
        contacts(&query),
        contacts(&answer),
        "RFC 3261 10.2.3: no Contact is a query"
    );
    assert_eq!(bench.edge.counters().registered, 2);
}

/// RFC 3261 section 10.2.1: a Contact with zero removes itself, others stay.
#[test]
fn rfc3261_10_2_2_expires_zero_removes_one() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    bench.register(
        alice,
        "alice",
        1,
        "Contact: <sip:a@x.invalid>, <sip:a@y.invalid>",
    );
    let answer = bench.register(alice, "alice", 3, "Contact: <sip:a@X.INVALID>;expires=0");
    assert_eq!(
        contacts(&answer),
        ["<sip:a@y.invalid>;expires=3600"],
        "URIs compare as RFC 3261 19.1.4 says"
    );
    assert_eq!(
        bench.events.last(),
        Some(&EdgeEvent::Unregistered {
            user: "alice".into(),
            contact: "sip:a@x.invalid".into(),
            reason: RemovalReason::Requested
        })
    );
    assert_eq!(bench.edge.counters().unregistered, 1);
}

/// RFC 3261 section 10.3 step 6: the star stands alone and with `Expires: 0`, else 400.
#[test]
fn rfc3261_10_3_6_star_removes_all() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    bench.register(
        alice,
        "alice",
        1,
        "Contact: <sip:a@x.invalid>, <sip:a@y.invalid>",
    );
    for (number, bad) in [
        (3, "Contact: *"),
        (5, "Contact: *\nExpires: 60"),
        (7, "Contact: *, <sip:a@x.invalid>\nExpires: 0"),
        (9, "Contact: <sip:a@x.invalid>\nContact: *\nExpires: 0"),
    ] {
        let lines = bench.register_lines(alice, "alice", number, bad);
        bench.send(alice, &lines);
        let answer = bench.take(alice);
        if status(&answer) == 401 {
            let answer = credentials(
                &answer,
                "alice",
                "wonderland",
                "REGISTER",
                "sip:example.com",
                1,
            );
            let lines = bench.register_lines(
                alice,
                "alice",
                number + 1,
                &format!("Authorization: {answer}\n{bad}"),
            );
            bench.send(alice, &lines);
            bench.take_status(alice, 400);
        } else {
            assert_eq!(status(&answer), 400, "{bad}");
        }
        assert_eq!(bench.edge.bindings("alice"), 2, "{bad}");
    }
    let answer = bench.register(alice, "alice", 11, "Contact: *\nExpires: 0");
    assert_eq!((status(&answer), contacts(&answer).len()), (200, 0));
    assert_eq!(bench.edge.bindings("alice"), 0);
    assert_eq!(bench.edge.counters().unregistered, 2);
}

/// RFC 3261 section 10.3 steps 6 and 7: of one Call-ID only a higher CSeq changes a binding, and a
/// REGISTER that fails changes nothing at all.
#[test]
fn rfc3261_10_3_7_out_of_order_changes_nothing() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    bench.register(alice, "alice", 10, "Contact: <sip:a@x.invalid>;expires=300");
    for more in [
        "Contact: <sip:a@x.invalid>;expires=0",
        "Contact: <sip:a@x.invalid>;expires=600",
        "Contact: <sip:a@new.invalid>, <sip:a@x.invalid>",
        "Contact: *\nExpires: 0",
    ] {
        // Numbers 10 and 11: not higher than the 11 that made the binding.
        let answer = bench.register(alice, "alice", 10, more);
        assert_eq!(status(&answer), 500, "{more}");
        let query = bench.register(alice, "alice", 10, "");
        assert_eq!(
            contacts(&query),
            ["<sip:a@x.invalid>;expires=300"],
            "{more}"
        );
    }
    // Another Call-ID (another device, or after a restart) is not ordered against this one.
    let other = bench.connect();
    let answer = bench.register(other, "alice", 1, "Contact: <sip:a@x.invalid>;expires=600");
    assert_eq!(contacts(&answer), ["<sip:a@x.invalid>;expires=600"]);
}

/// A binding ends when its time is up, to the second.
#[test]
fn rfc3261_10_3_bindings_expire() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    bench.register(
        alice,
        "alice",
        1,
        "Contact: <sip:a@alice.invalid>;expires=100",
    );
    bench.pass(50 * SECOND);
    bench.register(
        alice,
        "alice",
        3,
        "Contact: <sip:a@alice.invalid>;expires=100",
    );
    bench.pass(99 * SECOND);
    assert_eq!(bench.edge.bindings("alice"), 1, "a refresh starts over");
    assert_eq!(bench.edge.counters().refreshed, 1);
    bench.pass(2 * SECOND);
    assert_eq!(bench.edge.bindings("alice"), 0);
    assert!(matches!(
        bench.events.last(),
        Some(EdgeEvent::Unregistered {
            reason: RemovalReason::Expired,
            ..
        })
    ));
    assert_eq!(bench.edge.counters().bindings_lost, 1);
    assert_eq!(bench.edge.next_tick(), None, "nothing is left to wait for");
}

/// RFC 5626 section 4.2: the binding is the flow, so it ends with the connection.
#[test]
fn rfc5626_4_2_bindings_end_with_their_connection() {
    let mut bench = Bench::new(config());
    let (first, second) = (bench.connect(), bench.connect());
    bench.register(first, "alice", 1, "Contact: <sip:a@x.invalid>");
    bench.register(second, "alice", 1, "Contact: <sip:a@y.invalid>");
    bench.close(first);
    assert_eq!(bench.edge.bindings("alice"), 1);
    assert_eq!(
        bench.events.last(),
        Some(&EdgeEvent::Unregistered {
            user: "alice".into(),
            contact: "sip:a@x.invalid".into(),
            reason: RemovalReason::ConnectionLost
        })
    );
    let (events, received) = (bench.events.len(), bench.edge.counters().received);
    bench.close(first);
    let lines = bench.register_lines(first, "alice", 9, "");
    bench.send(first, &lines);
    bench.quiet();
    assert_eq!(
        bench.events.len(),
        events,
        "late bytes of a closed connection are ignored"
    );
    assert_eq!(bench.edge.counters().received, received);
}

/// RFC 5626 section 6: a REGISTER of the same instance and reg-id replaces the binding also with another URI, and
/// the 200 requires `outbound`. Another reg-id is another binding.
#[test]
fn rfc5626_6_same_instance_and_reg_id_is_the_same_binding() {
    let mut bench = Bench::new(config());
    let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"";
    let contact = |host: &str, number: u32| {
        format!(
            "Supported: path, outbound\nContact: <sip:a@{host}.invalid>;reg-id={number};{instance}"
        )
    };
    let first = bench.connect();
    let answer = bench.register(first, "alice", 1, &contact("x", 1));
    assert_eq!(header(&answer, "Require"), "outbound");
    let second = bench.connect();
    let answer = bench.register(second, "alice", 1, &contact("y", 1));
    assert_eq!(contacts(&answer).len(), 1, "replaced: {answer}");
    assert!(
        contacts(&answer)[0].starts_with("<sip:a@y.invalid>"),
        "{answer}"
    );
    let third = bench.connect();
    let answer = bench.register(third, "alice", 1, &contact("z", 2));
    assert_eq!(contacts(&answer).len(), 2, "another flow: {answer}");

    // Without the option tag reg-id means nothing.
    let fourth = bench.connect();
    let lines = contact("z", 2).replace("path, outbound", "path");
    let answer = bench.register(fourth, "alice", 1, &lines);
    assert_eq!(headers(&answer, "Require"), [""; 0]);
}

/// A user's bindings have a limit: 403, and those that are there stay.
#[test]
fn bindings_of_one_user_are_limited() {
    let mut config = config();
    config.limits.bindings_per_user = 2;
    let mut bench = Bench::new(config);
    let alice = bench.connect();
    bench.register(
        alice,
        "alice",
        1,
        "Contact: <sip:a@x.invalid>, <sip:a@y.invalid>",
    );
    let answer = bench.register(alice, "alice", 3, "Contact: <sip:a@z.invalid>");
    assert_eq!(status(&answer), 403);
    assert_eq!(bench.edge.bindings("alice"), 2);
    let answer = bench.register(
        alice,
        "alice",
        5,
        "Contact: <sip:a@x.invalid>;expires=0, <sip:a@z.invalid>",
    );
    assert_eq!(status(&answer), 200, "one goes, one comes");
}

/// RFC 3261 section 8.2.2.3: an extension that is required but unknown is named in a 420.
#[test]
fn rfc3261_8_2_2_3_unknown_require_is_420() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    let lines = bench.register_lines(alice, "alice", 1, "Require: outbound, teleport");
    bench.send(alice, &lines);
    let answer = bench.take_status(alice, 420);
    assert_eq!(header(&answer, "Unsupported"), "teleport");
}

/// RFC 3261 section 10.3 step 5: no address-of-record of another domain, and no contact that can
/// never be reached.
#[test]
fn rfc3261_10_3_5_foreign_addresses_are_refused() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    let answer = bench.register(alice, "alice", 1, "Contact: <mailto:alice@example.org>");
    assert_eq!(status(&answer), 400);
    let lines = bench
        .register_lines(alice, "alice", 3, "")
        .replace("REGISTER sip:example.com", "REGISTER sip:example.org");
    bench.send(alice, &lines);
    bench.take_status(alice, 407);
    assert_eq!(bench.edge.bindings("alice"), 0);
}

/// RFC 3261 section 7.3.1: a value that is folded over two lines is the same value on one.
#[test]
fn rfc3261_7_3_1_folded_contact_parameters_are_answered_in_one_line() {
    let mut bench = Bench::new(config());
    let alice = bench.connect();
    let lines = bench.register_lines(alice, "alice", 1, "");
    bench.send(alice, &lines);
    let challenge = bench.take_status(alice, 401);
    let answer = credentials(
        &challenge,
        "alice",
        "wonderland",
        "REGISTER",
        "sip:example.com",
        1,
    );
    let more =
        format!("Authorization: {answer}\nContact: <sip:a@x.invalid>;note=\"tea FOLD time\"");
    let lines = bench.register_lines(alice, "alice", 2, &more);
    bench.send_raw(alice, wire(&lines).replace("FOLD", "\r\n "));
    let answer = bench.take_status(alice, 200);
    let contact = header(&answer, "Contact");
    assert!(
        contact.starts_with("<sip:a@x.invalid>;note=\"tea "),
        "{contact}"
    );
    assert!(contact.ends_with("time\";expires=3600"), "{contact}");
}

/// RFC 3261 section 10.3 step 7: the contacts of a REGISTER are processed in turn, so one that is removed and then named again
/// is a new binding.
#[test]
fn rfc3261_10_3_a_contact_that_is_removed_and_named_again_is_bound() {
    let mut bench = Bench::new(config());
    let alice = bench.registered("alice", "sip:a@alice.invalid");
    let both = "Contact: <sip:a@alice.invalid>;expires=0, <sip:a@alice.invalid>;expires=300";
    let answer = bench.register(alice, "alice", 3, both);
    assert_eq!(contacts(&answer), ["<sip:a@alice.invalid>;expires=300"]);
    assert_eq!(bench.edge.bindings("alice"), 1);
}

/// RFC 3261 section 19.1.4: an escape means the character it stands for, so it reaches the same Contact.
#[test]
fn rfc3261_19_1_4_a_contact_is_reached_by_an_equivalent_uri() {
    let mut bench = Bench::new(config());
    let alice = bench.registered("alice", "sip:a@alice.invalid");
    let bob = bench.registered("bob", "sip:bob1@bob.invalid");
    bench.request(alice, "MESSAGE", "sip:%62ob1@BOB.invalid", "");
    let message = bench.take(bob);
    assert!(
        message.starts_with("MESSAGE sip:%62ob1@BOB.invalid "),
        "{message}"
    );
}
