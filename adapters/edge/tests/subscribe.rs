//! SUBSCRIBE, seen from the server and written by hand: who reaches the notifier of the edge, and what it sends (RFC 6665).

mod common;

use std::time::Duration;

use common::{Bench, answer, config, header, headers, request_lines, status};
use sip_core::ConnectionId;
use sip_edge::{EdgeEvent, EventPackage};

const BOB: &str = "sip:bob@example.com";
const ALICE: &str = "sip:alice@example.com";
const CONTACT: &str = "Contact: <sip:a1@alice.invalid;transport=ws>";

fn bench() -> (Bench, ConnectionId, ConnectionId) {
    let mut bench = Bench::new(config());
    let alice = bench.registered("alice", "sip:a1@alice.invalid;transport=ws");
    let bob = bench.registered("bob", "sip:b1@bob.invalid;transport=ws");
    bench.events.clear();
    (bench, alice, bob)
}

/// The response to alice's SUBSCRIBE with these header fields.
#[track_caller]
fn subscribe(bench: &mut Bench, alice: ConnectionId, uri: &str, more: &str) -> String {
    bench.request(alice, "SUBSCRIBE", uri, &format!("{more}\n{CONTACT}"));
    bench.take(alice)
}

/// RFC 6665 section 4.2.1: a 200 and at once a NOTIFY, which follows the Route of the dialog; the same for a refresh and for the
/// end.
#[test]
fn rfc6665_4_2_1_subscribe_notify_refresh_and_end() {
    let (mut bench, alice, _) = bench();
    let accepted = subscribe(&mut bench, alice, BOB, "Event: presence\nExpires: 600");
    assert_eq!(status(&accepted), 200, "{accepted}");
    assert_eq!(header(&accepted, "Expires"), "600");
    let subscribed = EdgeEvent::Subscribed {
        subscriber: "alice".into(),
        user: "bob".into(),
        package: EventPackage::Presence,
    };
    assert_eq!(bench.events, [subscribed]);
    let notify = bench.take_request(alice, "NOTIFY");
    assert!(
        notify.starts_with("NOTIFY sip:a1@alice.invalid;transport=ws SIP/2.0"),
        "{notify}"
    );
    assert_eq!(header(&notify, "Event"), "presence");
    assert!(header(&notify, "Subscription-State").starts_with("active;expires=600"));
    assert_eq!(header(&notify, "Content-Type"), "application/pidf+xml");
    assert!(notify.contains("open"), "{notify}");
    assert!(headers(&notify, "Route").is_empty(), "{notify}");
    bench.send(alice, &answer(&notify, "200 OK", "", ""));
    bench.quiet();

    let (from, to) = (header(&accepted, "From"), header(&accepted, "To"));
    let routes = headers(&accepted, "Record-Route").join(", ");
    let routes: Vec<&str> = routes.split(", ").collect();
    let contact = header(&accepted, "Contact");
    let target = contact.trim_start_matches('<').split('>').next().unwrap();
    let mut routes: Vec<_> = routes
        .iter()
        .map(|route| format!("Route: {route}"))
        .collect();
    routes.reverse();
    for (number, expires) in [(3, 300), (4, 0)] {
        let branch = bench.branch();
        let lines = format!(
            "SUBSCRIBE {target} SIP/2.0
             Via: SIP/2.0/WS alice.invalid;branch={branch}
             Max-Forwards: 70
             From: {from}
             To: {to}
             Call-ID: call-1
             CSeq: {number} SUBSCRIBE
             Event: presence
             Expires: {expires}
             {CONTACT}
             {}",
            routes.join("\n")
        );
        bench.send(alice, &lines);
        let refreshed = bench.take_status(alice, 200);
        assert_eq!(header(&refreshed, "Expires"), expires.to_string());
        let notify = bench.take_request(alice, "NOTIFY");
        let state = header(&notify, "Subscription-State");
        let wanted = match expires {
            0 => "terminated",
            _ => "active;expires=300",
        };
        assert!(state.starts_with(wanted), "{state}");
        bench.send(alice, &answer(&notify, "200 OK", "", ""));
    }
    assert_eq!(bench.edge.subscriptions(), 0);
    let unsubscribed = EdgeEvent::Unsubscribed {
        subscriber: "alice".into(),
        user: "bob".into(),
        package: EventPackage::Presence,
    };
    assert_eq!(bench.events[1..], [unsubscribed]);
    bench.pass(Duration::from_secs(700));
    bench.quiet();
    assert!(bench.edge.is_idle());
}

/// RFC 6665 section 4.2.2: a watcher that answers 481, or not at all, is forgotten.
#[test]
fn rfc6665_4_2_2_a_watcher_that_does_not_know_its_subscription() {
    let (mut bench, alice, _) = bench();
    for answered in [true, false] {
        subscribe(&mut bench, alice, BOB, "Event: presence\nExpires: 600");
        let notify = bench.take_request(alice, "NOTIFY");
        assert_eq!(bench.edge.subscriptions(), 1);
        if answered {
            let gone = "481 Call/Transaction Does Not Exist";
            bench.send(alice, &answer(&notify, gone, "", ""));
        } else {
            bench.pass(Duration::from_secs(32));
        }
        assert_eq!(bench.edge.subscriptions(), 0, "answered {answered}");
    }
}

/// RFC 6665 section 4.2.2: after a long silence the remaining lifetime is right, and the watcher has 64 T1 to answer.
#[test]
fn rfc6665_4_2_2_a_notify_after_a_long_silence() {
    let (mut bench, alice, bob) = bench();
    subscribe(&mut bench, alice, BOB, "Event: presence\nExpires: 3600");
    let notify = bench.take_request(alice, "NOTIFY");
    bench.send(alice, &answer(&notify, "200 OK", "", ""));
    bench.pass(Duration::from_secs(1000));
    bench.close(bob);
    let notify = bench.take_request(alice, "NOTIFY");
    assert_eq!(header(&notify, "Subscription-State"), "active;expires=2600");
    assert!(notify.contains("closed"), "{notify}");
    bench.pass(Duration::from_secs(31));
    assert_eq!(bench.edge.subscriptions(), 1);
    bench.send(alice, &answer(&notify, "200 OK", "", ""));
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.edge.subscriptions(), 1);
}

/// RFC 3261 section 22.3 and RFC 6665 section 4.2.1.3: a subscriber proves who it is; strangers do not watch; `reg` and
/// `message-summary` are for the user itself.
#[test]
fn rfc6665_4_2_1_3_who_may_subscribe() {
    let (mut bench, alice, bob) = bench();
    for (uri, event, expected) in [
        (BOB, "presence", 200),
        (BOB, "message-summary", 403),
        (BOB, "reg", 403),
        (ALICE, "message-summary", 200),
        (ALICE, "reg", 200),
        ("sip:carol@example.com", "presence", 404),
    ] {
        let response = subscribe(&mut bench, alice, uri, &format!("Event: {event}"));
        assert_eq!(status(&response), expected, "{uri} {event}: {response}");
        if expected == 200 {
            let notify = bench.take_request(alice, "NOTIFY");
            bench.send(alice, &answer(&notify, "200 OK", "", ""));
        }
    }
    bench.quiet();
    let branch = bench.branch();
    let lines = request_lines("SUBSCRIBE", BOB, &branch, 9, "Event: presence");
    let strange = lines.replace("alice@example.com>;tag", "mallory@example.org>;tag");
    bench.send(alice, &strange);
    bench.take_status(alice, 403);
    // The token of the connection to the notifier is in every dialog; alone it opens no way around the checks.
    subscribe(&mut bench, alice, BOB, "Event: presence");
    let notify = bench.take_request(alice, "NOTIFY");
    for route in headers(&notify, "Record-Route").join(", ").split(", ") {
        let branch = bench.branch();
        let more = format!("Event: reg\nRoute: {route}");
        let lines = request_lines("SUBSCRIBE", BOB, &branch, 10, &more);
        let strange = lines.replace("alice@example.com>;tag", "mallory@example.org>;tag");
        bench.send(bob, &strange);
        if route.contains(&notifier_token(&notify)) {
            bench.take_status(bob, 403);
        } else {
            // To alice, as any request of a stranger.
            bench.take_request(alice, "SUBSCRIBE");
        }
    }
    assert_eq!(bench.edge.subscriptions(), 4);
}

/// RFC 6665 sections 4.2.1.3 and 4.5.2: the edge refuses a further subscription in a dialog with its notifier, with any Request-URI
/// and From, because the proxy does not challenge the requests of a dialog.
#[test]
fn rfc6665_4_5_2_a_dialog_has_one_subscription() {
    let (mut bench, alice, _) = bench();
    let accepted = subscribe(&mut bench, alice, BOB, "Event: presence\nExpires: 600");
    let notify = bench.take_request(alice, "NOTIFY");
    bench.send(alice, &answer(&notify, "200 OK", "", ""));
    let to = header(&accepted, "To");
    let routes = headers(&accepted, "Record-Route").join(", ");
    let mut routes: Vec<&str> = routes.split(", ").collect();
    routes.reverse();
    let routes = routes.join(", ");
    for (number, event) in (3..).zip(["message-summary", "reg", "presence;id=2"]) {
        let branch = bench.branch();
        let lines = format!(
            "SUBSCRIBE {BOB} SIP/2.0
             Via: SIP/2.0/WS alice.invalid;branch={branch}
             Max-Forwards: 70
             From: <{BOB}>;tag=a1
             To: {to}
             Call-ID: call-1
             CSeq: {number} SUBSCRIBE
             Event: {event}
             Expires: 600
             {CONTACT}
             Route: {routes}"
        );
        bench.send(alice, &lines);
        bench.take_status(alice, 603);
        bench.quiet();
    }
    assert_eq!(bench.edge.subscriptions(), 1);
}

/// The flow token of the notifier: the NOTIFY came from there, so that it is in the last Record-Route value.
fn notifier_token(notify: &str) -> String {
    let routes = headers(notify, "Record-Route").join(", ");
    let last = routes.split(", ").last().unwrap().to_owned();
    last.split('@')
        .next()
        .unwrap()
        .trim_start_matches("<sip:")
        .to_owned()
}

/// RFC 6665 section 4.1.2.1 and RFC 3261 section 21.4.7: a subscriber that does not read the documents of the package is refused
/// by 406.
#[test]
fn rfc6665_4_1_2_1_accept() {
    let (mut bench, alice, _) = bench();
    for (accept, expected) in [
        ("application/pidf+xml", 200),
        ("text/plain, application/*;q=0.5", 200),
        ("*/*", 200),
        ("application/cpim-pidf+xml", 406),
    ] {
        let more = format!("Event: presence\nAccept: {accept}");
        let response = subscribe(&mut bench, alice, BOB, &more);
        assert_eq!(status(&response), expected, "{accept}");
        match expected {
            200 => drop(bench.take_request(alice, "NOTIFY")),
            _ => assert_eq!(header(&response, "Accept"), "application/pidf+xml"),
        }
    }
}

/// RFC 6665 section 4.2.1.1: a subscription shorter than the minimum of the edge is refused by 423.
#[test]
fn rfc6665_4_2_1_1_a_brief_subscription() {
    let (mut bench, alice, _) = bench();
    let response = subscribe(&mut bench, alice, BOB, "Event: presence\nExpires: 59");
    assert_eq!(status(&response), 423, "{response}");
    assert_eq!(header(&response, "Min-Expires"), "60");
}

/// A SUBSCRIBE for another package goes to the user, and so does any other request for it.
#[test]
fn other_packages_go_to_the_user() {
    let (mut bench, alice, bob) = bench();
    for event in ["dialog", "presence.winfo", "Presence"] {
        bench.request(
            alice,
            "SUBSCRIBE",
            BOB,
            &format!("Event: {event}\n{CONTACT}"),
        );
        let forwarded = bench.take_request(bob, "SUBSCRIBE");
        assert_eq!(header(&forwarded, "Event"), event);
        bench.send(bob, &answer(&forwarded, "489 Bad Event", "b", ""));
        bench.take_status(alice, 489);
    }
    bench.request(alice, "MESSAGE", BOB, "Event: presence");
    bench.take_request(bob, "MESSAGE");
}

/// A flood of SUBSCRIBEs without proof, and of messages that are none, leaves nothing.
#[test]
fn a_flood_without_proof_leaves_nothing() {
    let (mut bench, alice, _) = bench();
    for number in 0..500 {
        let branch = bench.branch();
        let lines = request_lines("SUBSCRIBE", BOB, &branch, number, "Event: presence");
        bench.send(alice, &lines);
        bench.take_status(alice, 407);
    }
    assert_eq!(bench.edge.subscriptions(), 0);
    bench.pass(Duration::from_secs(40));
    assert!(bench.edge.is_idle());
}
