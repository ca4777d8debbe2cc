//! What a dropped connection means for a subscription of this side (RFC 6665).

use sip_core::SubscribeOptions;
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, SECOND, value};

use super::{
    DROPS, LOST, and_unregistered, back, config, lose, methods, nothing_follows, online, told,
};

/// A NOTIFY to the subscription that this SUBSCRIBE made; its status.
fn notify(bench: &mut Bench, subscribe: &Request, number: u32, state: &str) -> u16 {
    let user = bench.contact_user();
    let (to, call_id) = (
        value(subscribe, HeaderName::From),
        value(subscribe, HeaderName::CallId),
    );
    bench.feed(&format!(
        "NOTIFY sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKn{number}\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=bob\nTo: {to}\nCall-ID: {call_id}\nCSeq: {number} NOTIFY\n\
         Contact: <sip:bob@b.invalid>\nEvent: presence\nSubscription-State: {state}\nContent-Length: 0\n\n"
    ));
    bench.next_response().status().as_u16()
}

/// A subscription that is up, one whose SUBSCRIBE has no response, one with `once`, one that is being ended, and a poll.
pub(super) fn every_case() {
    let granted = [("Expires", "3600"), ("Contact", "<sip:bob@b.invalid>")];
    let subscribe = |bench: &mut Bench, options: SubscribeOptions| {
        let now = bench.now;
        let id = bench.agent.subscribe("bob", "presence", options, now);
        bench.pump();
        let request = bench.next_request();
        assert_eq!(request.method(), Method::Subscribe);
        (id.unwrap(), request)
    };
    let up = |bench: &mut Bench| {
        let (id, request) = subscribe(bench, SubscribeOptions::new());
        bench.reply_tagged(&request, 200, "bob", &granted, None);
        assert_eq!(notify(bench, &request, 1, "active;expires=3600"), 200);
        (id, request)
    };
    for drop in DROPS {
        let mut bench = online(&config());
        let (id, request) = up(&mut bench);
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        assert!(back(&mut bench).is_empty());
        let repair = bench.next_request();
        assert_eq!(repair.method(), Method::Subscribe);
        assert_eq!(repair.to().unwrap().tag(), Some(&b"bob"[..]));
        bench.reply_tagged(&repair, 200, "bob", &granted, None);
        assert_eq!(notify(&mut bench, &request, 2, "active"), 200);
        assert_eq!(told(&mut bench), ["Notified"]);

        // One that is being ended.
        let now = bench.now;
        bench.agent.unsubscribe(id, now).unwrap();
        bench.pump();
        bench.next_request();
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        assert!(back(&mut bench).is_empty());
        let last = bench.next_request();
        assert_eq!(value(&last, HeaderName::Expires), "0");
        bench.reply_tagged(&last, 200, "bob", &[], None);
        assert_eq!(notify(&mut bench, &request, 3, "terminated"), 200);
        let over = ["Notified", "SubscriptionEnded: as asked"];
        assert_eq!(told(&mut bench), over);
        nothing_follows(&mut bench);

        // One whose repair is refused begins anew.
        up(&mut bench);
        lose(&mut bench, drop);
        back(&mut bench);
        let repair = bench.next_request();
        bench.reply(&repair, 481, &[]);
        bench.wait(SECOND / 10);
        let anew = bench.next_request();
        assert_eq!(anew.to().unwrap().tag(), None);
        let failed = "SubscriptionInterrupted: Peer Refused";
        assert_eq!(told(&mut bench), [failed]);

        let mut bench = online(&config());
        subscribe(&mut bench, SubscribeOptions::new());
        let failed = format!("SubscriptionInterrupted: {LOST}");
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&failed]));
        assert!(back(&mut bench).is_empty());
        assert_eq!(methods(&bench), ["SUBSCRIBE"]);
        let anew = bench.next_request();
        assert_eq!(anew.to().unwrap().tag(), None);
        for options in [SubscribeOptions::new().once(), SubscribeOptions::poll()] {
            let mut bench = online(&config());
            subscribe(&mut bench, options);
            let failed = format!("SubscriptionEnded: {LOST}");
            assert_eq!(lose(&mut bench, drop), and_unregistered(&[&failed]));
            assert!(back(&mut bench).is_empty());
            nothing_follows(&mut bench);
        }
    }
}
