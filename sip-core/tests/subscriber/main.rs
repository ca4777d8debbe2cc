//! Subscriptions of this side (RFC 6665 section 4.1): the test is the notifier.

mod connections;
mod forked;
mod lasting;
mod leaving;
mod notified;
mod refreshed;
mod requests;
mod terminated;

use std::time::Duration;

use sip_core::{
    CommandError, Event, SubscribeOptions, SubscriptionEnd, SubscriptionId, SubscriptionState,
    Timestamp,
};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, alice, crlf, value};

/// A notifier of one SUBSCRIBE, whose dialog is named by its tag.
pub(crate) struct Notifier {
    /// The tag of the notifier.
    tag: &'static str,
    /// The Call-ID of the SUBSCRIBE.
    call_id: String,
    /// From of the SUBSCRIBE, with its tag.
    subscriber: String,
    /// The Contact of the notifier.
    pub(crate) contact: &'static str,
    /// Event.
    pub(crate) event: String,
    cseq: u32,
}

impl Notifier {
    /// The notifier that takes this SUBSCRIBE, with the tag `tag`.
    pub(crate) fn of(subscribe: &Request, tag: &'static str) -> Self {
        Self {
            tag,
            call_id: value(subscribe, HeaderName::CallId),
            subscriber: value(subscribe, HeaderName::From),
            contact: "<sip:bob@192.0.2.9>",
            event: value(subscribe, HeaderName::Event),
            cseq: 0,
        }
    }

    /// Sends a NOTIFY with these header fields in place of Event and Subscription-State; the status that it gets.
    pub(crate) fn send(&mut self, bench: &mut Bench, fields: &str, body: &str) -> u16 {
        self.cseq += 1;
        let (number, tag) = (self.cseq, self.tag);
        let head = format!(
            "NOTIFY sip:alice@x.invalid SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{tag}{number}{}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag={tag}\nTo: {}\nCall-ID: {}\n\
             CSeq: {number} NOTIFY\nContact: {}\n{fields}Content-Type: text/plain\nContent-Length: {}\n\n",
            self.call_id.len(),
            self.subscriber,
            self.call_id,
            self.contact,
            body.len()
        );
        let mut bytes = crlf(&head).to_vec();
        bytes.extend_from_slice(body.as_bytes());
        bench.feed_bytes(bytes);
        // What the NOTIFY causes beside its answer stays.
        let place = bench.sent.iter().position(|message| {
            let response = message.as_response();
            response.is_some_and(|response| {
                value(&response, HeaderName::CSeq) == format!("{number} NOTIFY")
            })
        });
        let response = bench.sent.remove(place.expect("an answer")).unwrap();
        response.as_response().unwrap().status().as_u16()
    }

    /// Reports `state`, a Subscription-State; the status that the NOTIFY gets.
    pub(crate) fn notify(&mut self, bench: &mut Bench, state: &str) -> u16 {
        let fields = format!("Event: {}\nSubscription-State: {state}\n", self.event);
        self.send(bench, &fields, "open")
    }

    /// Reports `state`, and the core takes it.
    #[track_caller]
    pub(crate) fn reports(&mut self, bench: &mut Bench, state: &str) {
        assert_eq!(self.notify(bench, state), 200, "{state}");
    }
}

/// Subscribes to bob's presence.
pub(crate) fn subscribe(bench: &mut Bench, options: SubscribeOptions) -> SubscriptionId {
    let now = bench.now;
    let id = bench
        .agent
        .subscribe("sip:bob@example.com", "presence", options, now);
    bench.pump();
    id.expect("a subscription")
}

/// The next message is a SUBSCRIBE with this Expires.
#[track_caller]
pub(crate) fn subscribes(bench: &mut Bench, expires: u32) -> Request {
    let request = bench.next_request();
    assert_eq!(request.method(), Method::Subscribe);
    assert_eq!(value(&request, HeaderName::Expires), expires.to_string());
    request
}

/// A bench, and a subscription whose SUBSCRIBE has no answer yet.
pub(crate) fn subscribing(options: SubscribeOptions) -> (Bench, SubscriptionId, Request) {
    let mut bench = Bench::new(&alice());
    let expires = options.expires;
    let id = subscribe(&mut bench, options);
    let request = subscribes(&mut bench, expires);
    (bench, id, request)
}

/// The same, with a 200 and an active NOTIFY.
pub(crate) fn subscribed(options: SubscribeOptions) -> (Bench, SubscriptionId, Notifier) {
    let expires = options.expires;
    let (mut bench, id, request) = subscribing(options);
    accepts(&mut bench, &request, expires);
    let mut notifier = Notifier::of(&request, "bob");
    notifier.reports(&mut bench, &format!("active;expires={expires}"));
    assert_eq!(notified(&mut bench, id), SubscriptionState::Active);
    (bench, id, notifier)
}

/// The notifier accepts a SUBSCRIBE for this many seconds.
pub(crate) fn accepts(bench: &mut Bench, request: &Request, seconds: u32) {
    let seconds = seconds.to_string();
    let fields = [("Expires", &*seconds), ("Contact", "<sip:bob@192.0.2.9>")];
    bench.reply_tagged(request, 200, "bob", &fields, None);
}

/// The state of the next event, which is `Notified`.
#[track_caller]
pub(crate) fn notified(bench: &mut Bench, id: SubscriptionId) -> SubscriptionState {
    match bench.event() {
        Event::Notified {
            subscription,
            state,
            ..
        } => {
            assert_eq!(subscription, id);
            state
        }
        other => panic!("{other:?}"),
    }
}

/// The next event, which says that the subscription is over for now.
#[track_caller]
pub(crate) fn interrupted(
    bench: &mut Bench,
    id: SubscriptionId,
) -> (SubscriptionEnd, Option<Timestamp>) {
    match bench.event() {
        Event::SubscriptionInterrupted {
            subscription,
            cause,
            retry_at,
        } => {
            assert_eq!(subscription, id);
            (cause, retry_at)
        }
        other => panic!("{other:?}"),
    }
}

/// The next event, which says that the subscription is over. Its handle is stale, and nothing of it is left.
#[track_caller]
pub(crate) fn ended(bench: &mut Bench, id: SubscriptionId) -> SubscriptionEnd {
    let cause = match bench.event() {
        Event::SubscriptionEnded {
            subscription,
            cause,
        } => {
            assert_eq!(subscription, id);
            cause
        }
        other => panic!("{other:?}"),
    };
    let now = bench.now;
    let again = bench.agent.unsubscribe(id, now);
    assert_eq!(again, Err(CommandError::Stale));
    cause
}

/// Time alone empties every table, without a further message or event.
#[track_caller]
pub(crate) fn leaves_nothing(mut bench: Bench) {
    bench.silence();
    bench.no_events();
    bench.wait(Duration::from_secs(64));
    bench.silence();
    bench.no_events();
    bench.assert_nothing_left();
}
