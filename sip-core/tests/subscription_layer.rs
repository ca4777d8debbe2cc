//! The subscription layer alone on an endpoint, without a user agent: the test is the host, the application and the notifier.

use std::collections::VecDeque;

use sip_core::LimitKind;
use sip_core::auth::{Credentials, Secret};
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::session::Forks;
use sip_core::subscription::{SubscriptionInput, SubscriptionLayer};
use sip_core::{
    Action, Cause, CommandError, ConnectionId, ConnectionInfo, Event, SubscribeOptions,
    SubscriptionEnd, SubscriptionId, Timestamp, Transport,
};
use sip_parse::{HeaderName, Limits, Message, Method, Request, UriBuf};
use sip_testing::{SECOND, Timed, crlf, random, response, value};

/// A subscription layer with one connection.
struct Watcher {
    endpoint: Endpoint,
    subscriptions: SubscriptionLayer,
    server: ConnectionId,
    now: Timestamp,
    sent: VecDeque<Message>,
    events: VecDeque<Event>,
}

impl Timed for Watcher {
    fn clock(&mut self) -> &mut Timestamp {
        &mut self.now
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.endpoint.next_tick()
    }

    fn tick(&mut self) {
        self.subscriptions.tick(&mut self.endpoint, self.now);
        self.pump();
    }
}

fn uri(text: &str) -> UriBuf {
    UriBuf::parse(text.as_bytes()).unwrap()
}

fn open(endpoint: &mut Endpoint) -> ConnectionId {
    endpoint.accept(ConnectionInfo {
        transport: Transport::Tcp,
        remote: None,
    })
}

impl Watcher {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut EndpointSettings)) -> Self {
        let mut settings = EndpointSettings::new(uri("sip:alice@example.com"));
        settings.behaviour.takes_requests = true;
        change(&mut settings);
        let now = Timestamp::from_millis(1_000);
        let mut endpoint = Endpoint::new(settings, random(5), now);
        Self {
            server: open(&mut endpoint),
            endpoint,
            subscriptions: SubscriptionLayer::new(),
            now,
            sent: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn pump(&mut self) {
        self.subscriptions.settle(&mut self.endpoint);
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Transmit { bytes, .. } => {
                    let message = Message::parse(bytes, &Limits::default()).expect("ours");
                    self.sent.push_back(message);
                }
                Action::Event(event) => self.events.push_back(event),
                _ => {}
            }
        }
    }

    fn try_subscribe(&mut self, options: SubscribeOptions) -> Result<SubscriptionId, CommandError> {
        let (server, bob) = (Some(self.server), uri("sip:bob@example.com"));
        let (layer, endpoint) = (&mut self.subscriptions, &mut self.endpoint);
        let id = layer.subscribe(endpoint, server, bob, "presence", options);
        self.pump();
        id
    }

    /// A subscription, and its SUBSCRIBE.
    fn subscribe(&mut self, options: SubscribeOptions) -> (SubscriptionId, Request) {
        let id = self.try_subscribe(options).expect("a subscription");
        (id, self.subscribes())
    }

    fn step(&mut self, id: SubscriptionId, input: SubscriptionInput) -> Result<(), CommandError> {
        let taken = self.subscriptions.step(&mut self.endpoint, id, input);
        self.pump();
        taken
    }

    #[track_caller]
    fn subscribes(&mut self) -> Request {
        let message = self.sent.pop_front().expect("a message");
        let request = message.into_request().expect("a request");
        assert_eq!(request.method(), Method::Subscribe);
        request
    }

    fn feed(&mut self, bytes: impl Into<sip_parse::Bytes>) {
        let received = self.endpoint.receive(self.server, bytes.into(), self.now);
        received.expect("room");
        self.pump();
    }

    fn reply(&mut self, request: &Request, status: u16) {
        let fields = [("Contact", "<sip:bob@192.0.2.9>"), ("Expires", "3600")];
        self.feed(response(request, status, "bob", &fields, None));
    }

    /// The notifier `tag` sends a request in the dialog of a SUBSCRIBE; the status that it gets.
    fn request(&mut self, of: &Request, tag: &str, method: &str, number: u32, state: &str) -> u16 {
        let to = value(of, HeaderName::From);
        let call_id = value(of, HeaderName::CallId);
        let state = match state {
            "" => String::new(),
            state => format!("Subscription-State: {state}\n"),
        };
        self.feed(crlf(&format!(
            "{method} sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK{tag}{number}{method}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag={tag}\nTo: {to}\nCall-ID: {call_id}\n\
             CSeq: {number} {method}\nContact: <sip:{tag}@192.0.2.9>\nEvent: presence\n{state}Content-Length: 0\n\n"
        )));
        let place = self
            .sent
            .iter()
            .position(|sent| sent.as_response().is_some());
        let answer = self.sent.remove(place.expect("an answer")).unwrap();
        answer.as_response().unwrap().status().as_u16()
    }

    fn notify(&mut self, of: &Request, number: u32, state: &str) -> u16 {
        self.request(of, "bob", "NOTIFY", number, state)
    }

    #[track_caller]
    fn notified(&mut self, id: SubscriptionId) {
        match self.events.pop_front() {
            Some(Event::Notified { subscription, .. }) => assert_eq!(subscription, id),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn ended(&mut self, id: SubscriptionId) -> SubscriptionEnd {
        let cause = match self.events.pop_front() {
            Some(Event::SubscriptionEnded {
                subscription,
                cause,
            }) => {
                assert_eq!(subscription, id);
                cause
            }
            other => panic!("{other:?}"),
        };
        let late = self.step(id, SubscriptionInput::Unsubscribe);
        assert_eq!(late, Err(CommandError::Stale));
        cause
    }

    /// The host opens another connection.
    fn reconnect(&mut self) {
        self.endpoint.closed(self.server, self.now);
        self.pump();
        self.server = open(&mut self.endpoint);
    }

    /// Time alone empties every table.
    #[track_caller]
    fn leaves_nothing(mut self) {
        assert!(self.sent.is_empty() && self.events.is_empty());
        self.pass(64 * SECOND);
        assert!(self.sent.is_empty() && self.events.is_empty());
        assert!(self.subscriptions.is_empty());
        assert_eq!(self.endpoint.table_sizes(), [0; 4]);
        assert_eq!(self.endpoint.next_tick(), None);
    }
}

/// RFC 6665 4.1 (6665-4.1.2-A): the layer alone subscribes, answers a challenge, reports, refreshes and unsubscribes.
#[test]
fn rfc6665_4_1_a_subscription_without_a_user_agent() {
    let mut watcher = Watcher::with(|settings| {
        let credentials = Credentials::new("alice", Secret::password("secret"));
        settings.credentials = Some(credentials.unwrap());
    });
    let (id, request) = watcher.subscribe(SubscribeOptions::new());
    let challenge = r#"Digest realm="example.com", nonce="n", qop="auth""#;
    let challenge = [("WWW-Authenticate", challenge)];
    watcher.feed(response(&request, 401, "x", &challenge, None));
    let request = watcher.subscribes();
    assert!(request.has(HeaderName::Authorization));
    watcher.reply(&request, 200);
    assert_eq!(watcher.notify(&request, 1, "pending"), 200);
    watcher.notified(id);
    assert_eq!(watcher.notify(&request, 2, ""), 400);
    assert_eq!(watcher.request(&request, "bob", "OPTIONS", 3, ""), 200);
    assert_eq!(watcher.request(&request, "bob", "BYE", 4, ""), 481);
    assert_eq!(watcher.request(&request, "bob", "INFO", 5, ""), 405);
    watcher.step(id, SubscriptionInput::Refresh).unwrap();
    let refresh = watcher.subscribes();
    assert_eq!(refresh.to().unwrap().tag(), Some(&b"bob"[..]));
    watcher.reply(&refresh, 200);
    assert_eq!(watcher.notify(&request, 6, "active"), 200);
    watcher.notified(id);
    // The refresh of an hour.
    watcher.pass(3_300 * SECOND);
    let refresh = watcher.subscribes();
    watcher.sent.clear();
    watcher.events.clear();
    assert_eq!(value(&refresh, HeaderName::Expires), "3600");
    let (id, request) = watcher.subscribe(SubscribeOptions::new());
    watcher.reply(&request, 200);
    assert_eq!(watcher.notify(&request, 1, "active"), 200);
    watcher.notified(id);
    watcher.step(id, SubscriptionInput::Unsubscribe).unwrap();
    let last = watcher.subscribes();
    assert_eq!(value(&last, HeaderName::Expires), "0");
    watcher.reply(&last, 200);
    assert_eq!(
        watcher.notify(&request, 2, "terminated;reason=timeout"),
        200
    );
    watcher.notified(id);
    assert_eq!(watcher.ended(id), SubscriptionEnd::Unsubscribed);
    assert_eq!(watcher.notify(&request, 3, "active"), 481);
}

/// RFC 6665 4.1.2.2: the host tells a subscription its new connection; what was sent on the old one is sent anew there.
#[test]
fn rfc6665_4_1_2_2_a_subscription_moves_to_another_connection() {
    let mut watcher = Watcher::new();
    let (id, request) = watcher.subscribe(SubscribeOptions::new());
    watcher.reply(&request, 200);
    assert_eq!(watcher.notify(&request, 1, "active"), 200);
    watcher.notified(id);
    let moved = SubscriptionInput::Connected(watcher.server);
    watcher.step(id, moved).unwrap();
    assert!(watcher.sent.is_empty(), "it knows this one");
    watcher.reconnect();
    let moved = SubscriptionInput::Connected(watcher.server);
    watcher.step(id, moved).unwrap();
    let repair = watcher.subscribes();
    assert_eq!(repair.to().unwrap().tag(), Some(&b"bob"[..]));
    watcher.reply(&repair, 200);
    assert_eq!(watcher.notify(&request, 2, "active"), 200);
    watcher.notified(id);
    watcher.step(id, SubscriptionInput::Unsubscribe).unwrap();
    watcher.subscribes();
    watcher.reconnect();
    assert!(watcher.events.is_empty());
    let moved = SubscriptionInput::Connected(watcher.server);
    watcher.step(id, moved).unwrap();
    let last = watcher.subscribes();
    assert_eq!(value(&last, HeaderName::Expires), "0");
    let refresh = watcher.step(id, SubscriptionInput::Refresh);
    assert!(matches!(refresh, Err(CommandError::WrongState(_))));
    watcher.reply(&last, 481);
    assert_eq!(watcher.ended(id), SubscriptionEnd::Unsubscribed);
    watcher.leaves_nothing();
}

/// A first SUBSCRIBE whose connection closes waits for another one, and `once` ends it.
#[test]
fn a_first_subscribe_waits_for_another_connection() {
    let mut watcher = Watcher::new();
    let (id, _) = watcher.subscribe(SubscribeOptions::new());
    watcher.reconnect();
    let event = watcher.events.pop_front();
    assert!(matches!(
        event,
        Some(Event::SubscriptionInterrupted { retry_at: None, .. })
    ));
    let moved = SubscriptionInput::Connected(watcher.server);
    watcher.step(id, moved).unwrap();
    let request = watcher.subscribes();
    watcher.reply(&request, 489);
    let SubscriptionEnd::Failed(reason) = watcher.ended(id) else {
        panic!("489");
    };
    assert_eq!(reason.cause, Cause::Refused);
    let (id, _) = watcher.subscribe(SubscribeOptions::new().once());
    watcher.reconnect();
    assert!(matches!(watcher.ended(id), SubscriptionEnd::Failed(_)));
    watcher.leaves_nothing();
}

/// A closed connection, an endpoint that takes no NOTIFY, and a full table refuse the command; a NOTIFY of no subscription gets
/// 481.
#[test]
fn a_command_that_cannot_be_sent_makes_no_subscription() {
    let mut watcher = Watcher::with(|settings| settings.limits.subscriptions = 1);
    let (first, request) = watcher.subscribe(SubscribeOptions::poll());
    let full = watcher.try_subscribe(SubscribeOptions::new());
    assert_eq!(full, Err(CommandError::Limit(LimitKind::Subscriptions)));
    assert_eq!(watcher.subscriptions.ids(), [first]);
    assert_eq!(watcher.notify(&request, 1, "terminated"), 200);
    watcher.notified(first);
    assert_eq!(watcher.ended(first), SubscriptionEnd::Unsubscribed);
    assert_eq!(watcher.notify(&request, 2, "active"), 481);
    watcher.endpoint.closed(watcher.server, watcher.now);
    watcher.pump();
    let closed = watcher.try_subscribe(SubscribeOptions::new());
    assert_eq!(closed, Err(CommandError::NotConnected));
    assert!(watcher.subscriptions.is_empty());
    watcher.leaves_nothing();

    let mut watcher = Watcher::with(|settings| settings.behaviour.takes_requests = false);
    let deaf = watcher.try_subscribe(SubscribeOptions::new());
    assert!(matches!(deaf, Err(CommandError::WrongState(_))));
    watcher.leaves_nothing();
}

/// RFC 6665 4.4.1 (6665-4.4.1-B): a fork while the table is full gets 481; with room it becomes a subscription.
#[test]
fn rfc6665_4_4_1_the_layer_alone_claims_forks() {
    let mut watcher = Watcher::with(|settings| settings.limits.subscriptions = 2);
    let (id, request) = watcher.subscribe(SubscribeOptions::new().forks(Forks::Claim));
    for (tag, status) in [("bob", 200), ("carol", 200), ("dave", 481)] {
        let answer = watcher.request(&request, tag, "NOTIFY", 1, "active");
        assert_eq!(answer, status, "{tag}");
    }
    watcher.notified(id);
    let event = watcher.events.pop_front();
    let Some(Event::SubscriptionForked { subscription, of }) = event else {
        panic!("{event:?}");
    };
    assert_eq!(of, id);
    watcher.notified(subscription);
    assert_eq!(watcher.subscriptions.len(), 2);
    watcher.reply(&request, 200);
    for (id, tag) in [(id, "bob"), (subscription, "carol")] {
        let answer = watcher.request(&request, tag, "NOTIFY", 2, "terminated;reason=rejected");
        assert_eq!(answer, 200);
        watcher.notified(id);
        assert!(matches!(watcher.ended(id), SubscriptionEnd::Terminated(_)));
    }
    watcher.leaves_nothing();
}
