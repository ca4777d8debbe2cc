//! The subscribers, and what the tests share.

use sip_core::config::ConfigBuilder;
use sip_core::{
    Body, CommandError, Event, IncomingSubscriptionEnd, IncomingSubscriptionId, MessageOptions,
    Notification,
};
use sip_parse::{HeaderName, Method, Request, Response};
use sip_testing::{Bench, SECOND, alice, value};

/// Alice's agent notifies of message-summary and presence.
pub(crate) fn notifier() -> ConfigBuilder {
    let mut config = alice();
    config.event_packages(["message-summary", "presence"]);
    config
}

/// A subscriber, and what it knows of its subscription.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    from: String,
    pub(crate) to: String,
    pub(crate) call_id: String,
    pub(crate) number: u32,
    pub(crate) contact: String,
    /// The value of Event.
    pub(crate) event: String,
}

impl Peer {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            from: format!("<sip:{name}@example.com>;tag={name}"),
            to: "<sip:alice@example.com>".into(),
            call_id: format!("of-{name}"),
            number: 0,
            contact: format!("<sip:{name}@b.invalid>"),
            event: "message-summary".into(),
        }
    }

    /// The peer of a call that bob has made.
    pub(crate) fn in_call(response: &Response) -> Self {
        Self {
            from: value(response, HeaderName::From),
            to: value(response, HeaderName::To),
            call_id: value(response, HeaderName::CallId),
            number: 7,
            ..Self::new("bob")
        }
    }

    /// Sends a SUBSCRIBE with these header fields beside Event.
    pub(crate) fn subscribe(&mut self, bench: &mut Bench, fields: &str) {
        let event = format!("Event: {}\n{fields}", self.event);
        self.send(bench, "SUBSCRIBE", &event);
    }

    pub(crate) fn send(&mut self, bench: &mut Bench, method: &str, fields: &str) {
        self.number += 1;
        let user = bench.contact_user();
        let contact = match self.contact.as_str() {
            "" => String::new(),
            contact => format!("Contact: {contact}\n"),
        };
        let Self {
            from,
            to,
            call_id,
            number,
            ..
        } = self;
        bench.feed(&format!(
            "{method} sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{call_id}{number}\n\
             Max-Forwards: 70\nFrom: {from}\nTo: {to}\nCall-ID: {call_id}\nCSeq: {number} {method}\n\
             {contact}{fields}Content-Length: 0\n\n"
        ));
    }

    /// The next response, and learns the tag of the agent from it.
    #[track_caller]
    pub(crate) fn response(&mut self, bench: &mut Bench, status: u16) -> Response {
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), status);
        if status == 200 {
            self.to = value(&response, HeaderName::To);
        }
        response
    }

    /// The next request, which is a NOTIFY to this peer, with this state and body.
    #[track_caller]
    pub(crate) fn notified(&self, bench: &mut Bench, state: &str, body: &str) -> Request {
        let notify = bench.next_request();
        assert_eq!(notify.method(), Method::Notify);
        assert_eq!(value(&notify, HeaderName::CallId), self.call_id);
        assert_eq!(value(&notify, HeaderName::From), self.to);
        assert_eq!(value(&notify, HeaderName::To), self.from);
        assert_eq!(value(&notify, HeaderName::Event), self.event);
        assert_eq!(value(&notify, HeaderName::SubscriptionState), state);
        let contact = value(&notify, HeaderName::Contact);
        assert!(contact.contains(&bench.contact_user()), "{contact}");
        assert_eq!(notify.body(), body.as_bytes());
        let target = self.contact.trim_matches(['<', '>']);
        assert_eq!(notify.uri_bytes(), target.as_bytes());
        notify
    }
}

pub(crate) fn body(text: &str) -> Body {
    Body::new("application/simple-message-summary", text.to_owned())
}

pub(crate) fn state(text: &str) -> Notification {
    Notification::active(body(text))
}

/// The next subscription of a peer.
#[track_caller]
pub(crate) fn incoming(bench: &mut Bench) -> IncomingSubscriptionId {
    bench.expect(|event| match event {
        Event::IncomingSubscription { subscription, .. } => Some(*subscription),
        _ => None,
    })
}

#[track_caller]
pub(crate) fn accept(bench: &mut Bench, id: IncomingSubscriptionId, state: Notification) {
    let options = MessageOptions::new();
    let accepted = bench
        .agent
        .accept_subscription(id, state, &options, bench.now);
    assert_eq!(accepted, Ok(()));
    bench.pump();
}

pub(crate) fn try_notify(
    bench: &mut Bench,
    id: IncomingSubscriptionId,
    state: Notification,
) -> Result<(), CommandError> {
    let notified = bench.agent.notify(id, state, bench.now);
    bench.pump();
    notified
}

#[track_caller]
pub(crate) fn notify(bench: &mut Bench, id: IncomingSubscriptionId, text: &str) {
    assert_eq!(try_notify(bench, id, state(text)), Ok(()));
}

/// The next event is the end of the subscription.
#[track_caller]
pub(crate) fn ended(bench: &mut Bench, id: IncomingSubscriptionId) -> IncomingSubscriptionEnd {
    match bench.event() {
        Event::IncomingSubscriptionEnded {
            subscription,
            cause,
        } if subscription == id => cause,
        other => panic!("{other:?}"),
    }
}

/// An agent with one active subscription, whose first NOTIFY is answered.
#[track_caller]
pub(crate) fn subscribed(config: &ConfigBuilder) -> (Bench, IncomingSubscriptionId, Peer) {
    let mut bench = Bench::new(config);
    let (id, peer) = subscribe(&mut bench, Peer::new("bob"));
    (bench, id, peer)
}

/// One more active subscription for 600 s, whose first NOTIFY is answered.
#[track_caller]
pub(crate) fn subscribe(bench: &mut Bench, mut peer: Peer) -> (IncomingSubscriptionId, Peer) {
    peer.subscribe(bench, "Expires: 600\n");
    let id = incoming(bench);
    accept(bench, id, state("first"));
    peer.response(bench, 200);
    let first = peer.notified(bench, "active;expires=600", "first");
    bench.reply(&first, 200, &[]);
    bench.silence();
    bench.no_events();
    (id, peer)
}

/// Nothing is left, and nothing follows.
#[track_caller]
pub(crate) fn over(mut bench: Bench) {
    bench.no_events();
    bench.silence();
    bench.wait(40 * SECOND);
    bench.silence();
    bench.no_events();
    bench.assert_nothing_left();
}
