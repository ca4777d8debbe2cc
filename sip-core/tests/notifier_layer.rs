//! The notifier layer alone on an endpoint, as a server uses it: the test is the host, the application and the subscribers.

use std::collections::VecDeque;

use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::notifier::{Notification, NotifierLayer};
use sip_core::{
    Action, Body, CommandError, ConnectionId, ConnectionInfo, Event, FailureStatus,
    IncomingSubscriptionEnd, IncomingSubscriptionId, MessageOptions, Timestamp, Transport,
};
use sip_parse::{Bytes, HeaderName, Limits, Message, Method, Request, UriBuf};
use sip_testing::{SECOND, Timed, crlf, random, response, value};

const ALICE: &str = "sip:alice@example.com";

/// A notifier with a connection for each subscriber.
struct Server {
    endpoint: Endpoint,
    notifier: NotifierLayer,
    now: Timestamp,
    sent: VecDeque<(ConnectionId, Message)>,
    events: VecDeque<Event>,
}

impl Timed for Server {
    fn clock(&mut self) -> &mut Timestamp {
        &mut self.now
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.endpoint.next_tick()
    }

    fn tick(&mut self) {
        self.notifier.tick(&mut self.endpoint, self.now);
        self.pump();
    }
}

impl Server {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut EndpointSettings)) -> Self {
        let uri = UriBuf::parse(b"sip:presence@example.com").unwrap();
        let mut settings = EndpointSettings::new(uri);
        settings.identity.host = Some("192.0.2.1".into());
        settings.behaviour.takes_any_user = true;
        settings.behaviour.extensions.event_packages = vec!["presence".into(), "reg".into()];
        change(&mut settings);
        let now = Timestamp::from_millis(1_000);
        Self {
            endpoint: Endpoint::new(settings, random(5), now),
            notifier: NotifierLayer::new(),
            now,
            sent: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn connect(&mut self) -> ConnectionId {
        let (transport, remote) = (Transport::Tcp, None);
        self.endpoint.accept(ConnectionInfo { transport, remote })
    }

    fn pump(&mut self) {
        self.notifier.settle(&mut self.endpoint);
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Transmit { connection, bytes } => {
                    let message = Message::parse(bytes, &Limits::default()).expect("ours");
                    assert!(message.validate().is_ok(), "{message:?}");
                    self.sent.push_back((connection, message));
                }
                Action::Event(event) => self.events.push_back(event),
                _ => {}
            }
        }
    }

    fn feed(&mut self, connection: ConnectionId, bytes: impl Into<Bytes>) {
        let received = self.endpoint.receive(connection, bytes.into(), self.now);
        received.expect("room");
        self.pump();
    }

    /// A subscriber sends a request; `to` has the tag of the server within a dialog.
    fn request(
        &mut self,
        connection: ConnectionId,
        name: &str,
        method: &str,
        number: u32,
        to: &str,
        fields: &str,
    ) {
        self.feed(
            connection,
            crlf(&format!(
                "{method} {ALICE} SIP/2.0\nVia: SIP/2.0/TCP b.invalid;branch=z9hG4bK{name}{number}\nMax-Forwards: 70\n\
                 From: <sip:{name}@example.com>;tag={name}\nTo: {to}\nCall-ID: of-{name}\nCSeq: {number} {method}\n\
                 Contact: <sip:{name}@b.invalid;transport=tcp>\n{fields}Content-Length: 0\n\n"
            )),
        );
    }

    #[track_caller]
    fn incoming(&mut self) -> IncomingSubscriptionId {
        match self.events.pop_front() {
            Some(Event::IncomingSubscription { subscription, .. }) => subscription,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn accept(&mut self, id: IncomingSubscriptionId, state: Notification) {
        let options = MessageOptions::new();
        let accepted = self
            .notifier
            .accept(&mut self.endpoint, id, state, &options);
        assert_eq!(accepted, Ok(()));
        self.pump();
    }

    fn notify(
        &mut self,
        id: IncomingSubscriptionId,
        state: Notification,
    ) -> Result<(), CommandError> {
        let notified = self.notifier.notify(&mut self.endpoint, id, state);
        self.pump();
        notified
    }

    /// The To of the next response, which has this status.
    #[track_caller]
    fn answered(&mut self, status: u16) -> String {
        let (_, message) = self.sent.pop_front().expect("a response");
        let response = message.into_response().expect("a response");
        assert_eq!(response.status().as_u16(), status);
        value(&response, HeaderName::To)
    }

    /// The next request is a NOTIFY, which the subscriber takes.
    #[track_caller]
    fn notified(&mut self, connection: ConnectionId, body: &str) -> Request {
        let (on, message) = self.sent.pop_front().expect("a NOTIFY");
        let notify = message.into_request().expect("a NOTIFY");
        assert_eq!(notify.method(), Method::Notify);
        assert_eq!((on, notify.body()), (connection, body.as_bytes()));
        self.feed(connection, response(&notify, 200, "", &[], None));
        notify
    }

    /// Subscribes and gets the first state.
    #[track_caller]
    fn subscribed(
        &mut self,
        connection: ConnectionId,
        name: &str,
    ) -> (IncomingSubscriptionId, String) {
        let to = format!("<{ALICE}>");
        let event = "Event: presence\nExpires: 600\n";
        self.request(connection, name, "SUBSCRIBE", 1, &to, event);
        let id = self.incoming();
        self.accept(id, open("first"));
        let to = self.answered(200);
        self.notified(connection, "first");
        (id, to)
    }

    #[track_caller]
    fn ended(&mut self, id: IncomingSubscriptionId) -> IncomingSubscriptionEnd {
        match self.events.pop_front() {
            Some(Event::IncomingSubscriptionEnded {
                subscription,
                cause,
            }) if subscription == id => cause,
            other => panic!("{other:?}"),
        }
    }

    /// Nothing is left of any subscription.
    fn over(mut self) {
        self.pass(40 * SECOND);
        assert!(self.events.is_empty() && self.sent.is_empty());
        assert!(self.notifier.is_empty());
        assert_eq!(self.endpoint.table_sizes(), [0; 4]);
    }
}

fn open(text: &str) -> Notification {
    Notification::active(Body::new("application/pidf+xml", text.to_owned()))
}

/// RFC 6665 4.2 (6665-4.2.1-A, 6665-4.2.2-A): a server notifies many subscribers of one resource, each on its connection. The
/// bytes of the state are shared, and each subscription ends by itself.
#[test]
fn rfc6665_4_2_a_server_notifies_many_subscribers_of_one_resource() {
    let mut server = Server::new();
    let mut all = Vec::new();
    for number in 0..200 {
        let connection = server.connect();
        let name = format!("peer{number}");
        let (id, to) = server.subscribed(connection, &name);
        all.push((id, connection, name, to));
    }
    let news = open("news");
    let alice: Vec<_> = server
        .notifier
        .subscriptions()
        .filter(|known| known.resource().as_bytes() == ALICE.as_bytes() && known.is_accepted())
        .map(|known| known.id())
        .collect();
    assert_eq!(alice.len(), 200);
    for id in alice {
        assert_eq!(server.notify(id, news.clone()), Ok(()));
    }
    let bytes = news.body.as_ref().expect("a body").bytes.as_ptr();
    for (id, connection, name, _) in &all {
        server.notified(*connection, "news");
        let known = server.notifier.subscription(*id).expect("a subscription");
        let last = known.last().and_then(|last| last.body.as_ref());
        assert_eq!(last.expect("a body").bytes.as_ptr(), bytes);
        assert_eq!((known.package(), known.event_id()), ("presence", None));
        assert_eq!(
            known.subscriber(),
            format!("sip:{name}@example.com").as_bytes()
        );
        assert_eq!(known.connection(), Some(*connection));
        assert_eq!(known.expires_at(), server.now + 600 * SECOND);
        assert_eq!(known.session(), None);
    }
    for (id, connection, name, to) in &all {
        let fields = "Event: presence\nExpires: 0\n";
        server.request(*connection, name, "SUBSCRIBE", 2, to, fields);
        server.answered(200);
        server.notified(*connection, "news");
        assert_eq!(server.ended(*id), IncomingSubscriptionEnd::Unsubscribed);
        assert!(server.notifier.subscription(*id).is_none());
    }
    server.over();
}

/// RFC 6665 4.2.2: a subscriber whose connection breaks keeps its subscription. Its next SUBSCRIBE comes on another connection,
/// where the NOTIFYs go from then on; or the host says where it is.
#[test]
fn rfc6665_4_2_2_a_subscriber_comes_back_on_another_connection() {
    for by_host in [false, true] {
        let mut server = Server::new();
        let first = server.connect();
        let (id, to) = server.subscribed(first, "bob");
        let (other, other_to) = server.subscribed(first, "carol");
        server.endpoint.closed(first, server.now);
        server.pump();
        assert_eq!(server.notify(id, open("news")), Ok(()));
        assert!(server.sent.is_empty());
        server.pass(20 * SECOND);
        let second = server.connect();
        if by_host {
            let (notifier, endpoint) = (&mut server.notifier, &mut server.endpoint);
            assert_eq!(notifier.reroute(endpoint, id, second), Ok(()));
            server.pump();
            server.notified(second, "news");
        }
        let fields = "Event: presence\nExpires: 600\n";
        server.request(second, "bob", "SUBSCRIBE", 2, &to, fields);
        server.answered(200);
        server.notified(second, "news");
        assert!(matches!(
            server.events.pop_front(),
            Some(Event::SubscriptionRefreshed { subscription, .. }) if subscription == id
        ));
        // One that never comes back ends 64 T1 after the first NOTIFY that it misses.
        assert_eq!(server.notify(other, open("news")), Ok(()));
        server.pass(33 * SECOND);
        assert!(matches!(
            server.ended(other),
            IncomingSubscriptionEnd::NotifyFailed(_)
        ));
        server.request(second, "carol", "SUBSCRIBE", 2, &other_to, fields);
        server.answered(481);
        server.notifier.stop(&mut server.endpoint);
        server.pump();
        let last = server.notified(second, "news");
        let state = value(&last, HeaderName::SubscriptionState);
        assert_eq!(state, "terminated;reason=probation");
        assert_eq!(server.ended(id), IncomingSubscriptionEnd::DialogEnded);
        let late = server.notifier.reroute(&mut server.endpoint, id, second);
        assert_eq!(late, Err(CommandError::Stale));
        server.over();
    }
}

/// RFC 6665 4.2.1: a server refuses what it does not serve: other packages by 489, other methods by 405 or 481; OPTIONS lists what
/// it serves.
#[test]
fn rfc6665_4_2_1_a_server_refuses_what_it_does_not_serve() {
    let mut server = Server::new();
    let peer = server.connect();
    let to = format!("<{ALICE}>");
    let gone = format!("<{ALICE}>;tag=gone");
    for (method, to, fields, status) in [
        ("SUBSCRIBE", &to, "Event: dialog\n", 489),
        ("SUBSCRIBE", &to, "Event: presence\nExpires: 10\n", 423),
        ("SUBSCRIBE", &gone, "Event: presence\n", 481),
        ("MESSAGE", &to, "", 405),
        ("NOTIFY", &to, "", 405),
        ("BYE", &to, "", 481),
        ("OPTIONS", &to, "", 200),
    ] {
        let number = u32::from(status);
        server.request(peer, method, method, number, to, fields);
        server.answered(status);
    }
    let (id, to) = server.subscribed(peer, "bob");
    for (number, method, status) in [(2, "BYE", 481), (3, "UPDATE", 481), (4, "OPTIONS", 200)] {
        server.request(peer, "bob", method, number, &to, "");
        server.answered(status);
    }
    assert_eq!(server.notify(id, open("still there")), Ok(()));
    server.notified(peer, "still there");
    let fields = "Event: presence\nExpires: 0\n";
    server.request(peer, "bob", "SUBSCRIBE", 5, &to, fields);
    server.answered(200);
    server.notified(peer, "still there");
    assert_eq!(server.ended(id), IncomingSubscriptionEnd::Unsubscribed);
    // The application refuses, or does not answer.
    let outside = format!("<{ALICE}>");
    server.request(peer, "carol", "SUBSCRIBE", 1, &outside, "Event: reg\n");
    let id = server.incoming();
    let refusal = FailureStatus::DECLINE.into();
    let rejected = server.notifier.reject(&mut server.endpoint, id, &refusal);
    assert_eq!(rejected, Ok(()));
    server.pump();
    server.answered(603);
    server.request(peer, "dave", "SUBSCRIBE", 1, &outside, "Event: reg\n");
    let id = server.incoming();
    server.pass(9 * SECOND);
    server.sent.clear();
    server.pass(SECOND);
    server.answered(480);
    assert_eq!(server.ended(id), IncomingSubscriptionEnd::Unanswered);
    server.over();
}

/// `Limits::incoming_subscriptions`: a host with more subscribers sets it; one more gets 503.
#[test]
fn rfc6665_6_1_a_server_bounds_its_subscriptions() {
    let mut server = Server::with(|settings| settings.limits.incoming_subscriptions = 2);
    let peer = server.connect();
    let (first, _) = server.subscribed(peer, "bob");
    let (second, _) = server.subscribed(peer, "carol");
    let to = format!("<{ALICE}>");
    server.request(peer, "dave", "SUBSCRIBE", 1, &to, "Event: presence\n");
    server.answered(503);
    server.pass(600 * SECOND);
    for id in [first, second] {
        server.notified(peer, "first");
        assert_eq!(server.ended(id), IncomingSubscriptionEnd::Expired);
    }
    server.over();
}

/// RFC 5057 4, 5.1 (6665-4.5-A): further subscriptions in the dialog of one end by themselves, and together with the dialog.
#[test]
fn rfc5057_5_1_subscriptions_of_a_server_share_a_dialog() {
    for ends_dialog in [false, true] {
        let mut server = Server::new();
        let peer = server.connect();
        let (first, to) = server.subscribed(peer, "bob");
        server.request(peer, "bob", "SUBSCRIBE", 2, &to, "Event: reg\n");
        let second = server.incoming();
        server.accept(second, open("second"));
        server.answered(200);
        let (_, message) = server.sent.pop_front().expect("a NOTIFY");
        let notify = message.into_request().expect("a NOTIFY");
        let status = if ends_dialog { 404 } else { 500 };
        server.feed(peer, response(&notify, status, "", &[], None));
        assert!(matches!(
            server.ended(second),
            IncomingSubscriptionEnd::NotifyFailed(_)
        ));
        if ends_dialog {
            assert_eq!(server.ended(first), IncomingSubscriptionEnd::DialogEnded);
        } else {
            assert_eq!(server.notify(first, open("news")), Ok(()));
            server.notified(peer, "news");
            server.notifier.stop(&mut server.endpoint);
            server.pump();
            server.notified(peer, "news");
            assert_eq!(server.ended(first), IncomingSubscriptionEnd::DialogEnded);
        }
        server.over();
    }
}
