//! Subscriptions of peers whose connection drops (RFC 6665 section 4.2.2).

use sip_core::{
    Body, CommandError, Event, IncomingSubscriptionId, MessageOptions, Notification, Transport,
};
use sip_parse::Method;
use sip_testing::{Bench, SECOND};

use super::{DROPS, Drop, and_unregistered, back, config, lose, online, registers};

/// A peer subscribes, as `number` of several.
fn subscribes(bench: &mut Bench, number: u32) -> IncomingSubscriptionId {
    let user = bench.contact_user();
    bench.feed(&format!(
        "SUBSCRIBE sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKs{number}\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=1\nTo: <sip:alice@example.com>\nCall-ID: s{number}\n\
         CSeq: 1 SUBSCRIBE\nContact: <sip:bob@b.invalid>\nEvent: presence\nContent-Length: 0\n\n"
    ));
    bench.expect(|event| match event {
        Event::IncomingSubscription { subscription, .. } => Some(*subscription),
        _ => None,
    })
}

fn notify(bench: &mut Bench, id: IncomingSubscriptionId, state: &str) {
    let state = Notification::active(Body::new("text/plain", state.to_owned()));
    bench.agent.notify(id, state, bench.now).expect("notify");
    bench.pump();
}

/// The next request is a NOTIFY with this state, which the peer takes.
fn notified(bench: &mut Bench, state: &str) {
    let notify = bench.next_request();
    assert_eq!(notify.method(), Method::Notify);
    assert_eq!(notify.body(), state.as_bytes());
    bench.reply(&notify, 200, &[]);
}

fn accept_subscription(bench: &mut Bench, id: IncomingSubscriptionId) {
    let options = MessageOptions::new();
    let empty = Notification::empty();
    let accepted = bench
        .agent
        .accept_subscription(id, empty, &options, bench.now);
    accepted.expect("accept");
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 200);
    notified(bench, "");
}

pub(super) fn each_drop() {
    for drop in DROPS {
        let mut bench = online(config().event_packages(["presence"]));
        // In flight, idle, and one that the application has not answered.
        let busy = subscribes(&mut bench, 1);
        accept_subscription(&mut bench, busy);
        let idle = subscribes(&mut bench, 2);
        accept_subscription(&mut bench, idle);
        // A silent connection is noticed after the 10 s of the application.
        let unanswered = (drop == Drop::Closed).then(|| subscribes(&mut bench, 3));
        // The application reports once more before it learns of the loss.
        notify(&mut bench, busy, "before");
        let gone = unanswered.map(|_| "of a peer: the application has not answered the SUBSCRIBE");
        let gone: Vec<_> = gone.into_iter().collect();
        let mut told = lose(&mut bench, drop);
        told.sort_unstable_by_key(|event| event.starts_with("Unregistered"));
        assert_eq!(told, and_unregistered(&gone));
        if let Some(id) = unanswered {
            let options = MessageOptions::new();
            let state = Notification::empty();
            let late = bench
                .agent
                .accept_subscription(id, state, &options, bench.now);
            assert_eq!(late, Err(CommandError::Stale));
        }
        notify(&mut bench, busy, "meanwhile");
        bench.silence();
        assert!(back(&mut bench).is_empty());
        notified(&mut bench, "meanwhile");
        bench.silence();
        for id in [idle, busy] {
            notify(&mut bench, id, "after");
            notified(&mut bench, "after");
        }
        // Without a connection a NOTIFY waits 64 T1.
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        notify(&mut bench, idle, "too late");
        bench.wait(33 * SECOND);
        let lost = "of a peer: a NOTIFY failed: no connection";
        assert_eq!(super::told(&mut bench), [lost]);
        bench.reconnect(Transport::Ws);
        bench.wait(SECOND);
        registers(&mut bench);
        notify(&mut bench, busy, "after");
        notified(&mut bench, "after");
        bench.silence();
    }
}
