//! A user agent driven through the pure half of the crate, as an adapter for a browser or for bare metal drives
//! it: no socket, no thread, no clock and no entropy of an operating system. The time is a variable.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sip_core::config::{Authentication, Config, OfflineRequests, ServerUrl};
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    AuthorizationFailed, Body, CommandError, ConnectionId, ConnectionInfo, DescriptionKind, Event,
    ExchangeId, ExtraHeader, FailureStatus, InviteOptions, Limits, MessageOptions, ModifyOptions,
    Notification, PublishOptions, SessionId, SubscribeOptions, SubscriptionEnd, Timestamp, Tones,
    Transport,
};
use sip_host::{
    Authenticator, CommandFailure, ConnectFailure, Describers, DescriptionError, Hooks, Host, Job,
    command,
};
use sip_parse::{Request, Response, StatusCode};

/// A minimal browser adapter: it carries out the jobs and passes the time.
struct Browser {
    host: Host,
    now: Timestamp,
    media: Media,
    connecting: Vec<(ConnectionId, String)>,
    sent: Vec<(ConnectionId, String)>,
    events: Vec<Event>,
}

/// Media that needs no time: descriptions are there at once.
#[derive(Default)]
struct Media {
    ready: Vec<(SessionId, ExchangeId)>,
    accepted: Vec<DescriptionKind>,
    rolled_back: usize,
    closed: usize,
}

impl Describers for Media {
    fn are_in_charge(&self) -> bool {
        true
    }

    fn describe(
        &mut self,
        session: SessionId,
        exchange: ExchangeId,
        _kind: DescriptionKind,
        _hold: bool,
    ) {
        self.ready.push((session, exchange));
    }

    fn accept(
        &mut self,
        _session: SessionId,
        _exchange: ExchangeId,
        kind: DescriptionKind,
        _body: Body,
    ) {
        self.accepted.push(kind);
    }

    fn send_tones(&mut self, _session: SessionId, _tones: &Tones) -> bool {
        false
    }

    fn roll_back(&mut self, _session: SessionId) {
        self.rolled_back += 1;
    }

    fn close(&mut self, _session: SessionId) {
        self.closed += 1;
    }
}

impl Browser {
    fn new(config: &Config, hooks: Hooks) -> Self {
        let now = Timestamp::ZERO;
        let host = Host::new(config, Limits::default(), hooks, [7; 32], now).unwrap();
        let mut browser = Self {
            host,
            now,
            media: Media::default(),
            connecting: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
        };
        browser.carry_out();
        browser
    }

    fn carry_out(&mut self) {
        loop {
            while let Some(job) = self.host.next_job(self.now) {
                match job {
                    Job::Connect(connection, url) => {
                        self.connecting.push((connection, url.as_str().to_owned()));
                    }
                    Job::Transmit(connection, bytes) => {
                        let text = String::from_utf8(bytes.to_vec()).unwrap();
                        self.sent.push((connection, text));
                    }
                    Job::Ping(connection) => self.host.pong(connection, self.now),
                    Job::Close(_) => {}
                    Job::Event(event) => self.events.extend(self.media.intercept(event)),
                }
            }
            let Some((session, exchange)) = self.media.ready.pop() else {
                return;
            };
            let ours = Body::sdp("v=0\r\ns=ours\r\n");
            self.host.described(session, exchange, Ok(ours), self.now);
        }
    }

    fn open(&mut self) -> ConnectionId {
        let (connection, _) = self.connecting.pop().expect("a connection is asked for");
        let info = ConnectionInfo {
            transport: Transport::Wss,
            remote: None,
        };
        self.host.opened(connection, info, self.now);
        self.carry_out();
        connection
    }

    fn receive(&mut self, connection: ConnectionId, message: String) {
        self.host
            .received(connection, Bytes::from(message), self.now);
        self.carry_out();
    }

    /// The last message sent, whose first line starts with `start`.
    fn sent(&mut self, start: &str) -> String {
        let (_, message) = self.sent.pop().expect(start);
        assert!(message.starts_with(start), "{start}: {message}");
        message
    }

    fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }

    /// Lets time pass up to the next deadline.
    fn next_deadline(&mut self) {
        self.now = self.host.next_tick().expect("a deadline");
        self.host.tick(self.now);
        self.carry_out();
    }
}

/// The methods of a handle; in a browser the agent is on the same thread.
macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;
    )*) => {
        #[allow(dead_code, reason = "no test uses every command")]
        impl Browser {
            $(
                fn $name(&mut self, $($argument: $type),*) -> Result<$result, CommandFailure> {
                    let command = command::$name($($argument.into()),*);
                    let result = self.host.command(command, self.now);
                    self.carry_out();
                    result
                }
            )*
        }
    };
}

sip_host::for_each_command!(methods);

fn value<'a>(message: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let mut values = message
        .lines()
        .filter_map(|line| line.strip_prefix(&*prefix));
    values.next().unwrap_or_else(|| panic!("{name}: {message}"))
}

/// A response to `request`, as a server writes it.
fn response(request: &str, status: &str, more: &str) -> String {
    let tag = if value(request, "To").contains(";tag=") {
        ""
    } else {
        ";tag=server"
    };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         {more}Content-Length: 0\r\n\r\n",
        value(request, "Via"),
        value(request, "From"),
        value(request, "To"),
        value(request, "Call-ID"),
        value(request, "CSeq"),
    )
}

fn config(change: impl FnOnce(&mut sip_core::config::ConfigBuilder)) -> Config {
    let mut builder = Config::builder();
    builder
        .uri("sip:alice@example.com")
        .server("wss://sip.example.com");
    change(&mut builder);
    builder.build().unwrap()
}

#[test]
fn an_agent_registers_and_sends_a_message_without_an_operating_system() {
    let mut browser = Browser::new(&config(|_| {}), Hooks::default());
    assert_eq!(browser.connecting[0].1, "wss://sip.example.com");
    let connection = browser.open();
    let register = browser.sent("REGISTER ");
    let granted = format!("Contact: {};expires=600\r\n", value(&register, "Contact"));
    browser.receive(connection, response(&register, "200 OK", &granted));
    assert!(browser.has(|event| matches!(event, Event::Registered(_))));

    let request = browser.message("bob", "Hello").unwrap();
    let message = browser.sent("MESSAGE sip:bob@example.com ");
    browser.receive(connection, response(&message, "202 Accepted", ""));
    assert!(browser.has(|event| matches!(
        event,
        Event::RequestCompleted { request: which, outcome: Ok(_) } if *which == request
    )));

    let text = browser.metrics().unwrap().to_string();
    for sample in [
        "sip_registered{agent=\"sip:alice@example.com\"} 1",
        "sip_flows{agent=\"sip:alice@example.com\"} 1",
        "sip_registrations_total{agent=\"sip:alice@example.com\"} 1",
        "sip_requests_sent_total{agent=\"sip:alice@example.com\"} 2",
        "sip_application_requests_succeeded_total{agent=\"sip:alice@example.com\"} 1",
        "sip_connections_opened_total{agent=\"sip:alice@example.com\"} 1",
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample}: {text}");
    }
    assert_eq!(browser.counters().unwrap().requests_succeeded, 1);

    // The binding is refreshed before it lapses.
    while browser.sent.is_empty() {
        browser.next_deadline();
    }
    browser.sent("REGISTER ");
    assert!(browser.now < Timestamp::ZERO + Duration::from_secs(600));
}

#[test]
fn a_call_with_descriptions_from_the_media_of_the_browser() {
    let config = config(|builder| {
        builder.register(false);
    });
    let mut browser = Browser::new(&config, Hooks::default());
    let connection = browser.open();
    let call = browser.invite("bob", InviteOptions::default()).unwrap();
    let invite = browser.sent("INVITE sip:bob@example.com ");
    assert!(invite.ends_with("s=ours\r\n"));
    let body = "v=0\r\ns=theirs\r\n";
    let answer = response(
        &invite,
        "200 OK",
        "Contact: <sip:bob@bob.invalid;transport=ws>\r\nContent-Type: application/sdp\r\n",
    )
    .replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Content-Length: {}\r\n\r\n{body}", body.len()),
    );
    browser.receive(connection, answer);
    browser.sent("ACK sip:bob@bob.invalid");
    assert_eq!(browser.media.accepted, [DescriptionKind::Answer]);
    assert!(browser.has(|event| matches!(event, Event::Established { .. })));

    browser.hang_up(call).unwrap();
    let bye = browser.sent("BYE ");
    browser.receive(connection, response(&bye, "200 OK", ""));
    assert!(browser.has(|event| matches!(event, Event::Ended { .. })));
    assert_eq!(browser.media.closed, 1);
}

#[test]
fn a_description_that_fails_ends_the_call() {
    let config = config(|builder| {
        builder.register(false);
    });
    let mut browser = Browser::new(&config, Hooks::default());
    let connection = browser.open();
    let call = browser.invite("bob", InviteOptions::default()).unwrap();
    let invite = browser.sent("INVITE ");
    let contact = "Contact: <sip:bob@bob.invalid;transport=ws>\r\n";
    browser.receive(connection, response(&invite, "200 OK", contact));
    let error = DescriptionError("no codec in common".to_owned());
    let exchange = ExchangeId::from_number(1);
    browser.host.unusable(call, exchange, &error, browser.now);
    browser.carry_out();
    browser.sent("BYE ");
    assert_eq!(browser.media.rolled_back, 1);
}

struct Token;

impl Authenticator for Token {
    fn authenticate(
        &mut self,
        _request: &Request,
        _response: &Response,
    ) -> Result<String, AuthorizationFailed> {
        Ok("Bearer mF_9.B5f-4.1JqM".to_owned())
    }
}

#[test]
fn the_hooks_answer_for_the_application_and_see_its_failures() {
    let failures: Arc<Mutex<Vec<ConnectFailure>>> = Arc::default();
    let seen = failures.clone();
    let mut hooks = Hooks::default();
    hooks.authenticator = Some(Box::new(Token));
    hooks.connect_failed = Some(Box::new(move |failure| {
        seen.lock().unwrap().push(failure.clone());
    }));
    hooks.server_url = Some(Box::new(|configured, attempt| {
        let url = format!("{}/?attempt={attempt}", configured.as_str());
        ServerUrl::parse(&url).map_err(|_| sip_core::NoServerUrl)
    }));
    let config = config(|builder| {
        builder
            .ask_server_url(true)
            .authentication(Authentication::Application);
    });
    let mut browser = Browser::new(&config, hooks);
    let (connection, url) = browser.connecting.pop().unwrap();
    assert_eq!(url, "wss://sip.example.com/?attempt=1");
    let server = ServerUrl::parse(&url).unwrap();
    let failure = ConnectFailure::new(&server, (ConnectError::Refused, "refused".to_owned()));
    browser.host.failed(connection, failure, browser.now);
    browser.carry_out();
    while browser.connecting.is_empty() {
        browser.next_deadline();
    }
    assert_eq!(browser.connecting[0].1, "wss://sip.example.com/?attempt=2");
    assert_eq!(
        failures.lock().unwrap()[0].to_string(),
        format!(
            "no connection to {server}: {} (refused)",
            ConnectError::Refused
        )
    );

    let connection = browser.open();
    let register = browser.sent("REGISTER ");
    let challenge = "WWW-Authenticate: Bearer realm=\"example.com\"\r\n";
    browser.receive(
        connection,
        response(&register, "401 Unauthorized", challenge),
    );
    let register = browser.sent("REGISTER ");
    assert_eq!(value(&register, "Authorization"), "Bearer mF_9.B5f-4.1JqM");

    browser
        .host
        .closed(connection, DisconnectReason::Lost, browser.now);
    browser.carry_out();
    assert!(browser.has(|event| matches!(event, Event::Disconnected { .. })));
    while browser.connecting.is_empty() {
        browser.next_deadline();
    }
}

#[test]
fn every_command_reaches_the_agent() {
    let config = config(|builder| {
        builder.register(false).autostart(false);
    });
    let mut browser = Browser::new(&config, Hooks::default());
    assert!(browser.connecting.is_empty());
    browser.start().unwrap();
    let connection = browser.open();
    browser.register().unwrap();
    let register = browser.sent("REGISTER ");
    let granted = format!("Contact: {};expires=600\r\n", value(&register, "Contact"));
    browser.receive(connection, response(&register, "200 OK", &granted));
    browser.unregister().unwrap();
    let unregister = browser.sent("REGISTER ");
    browser.receive(connection, response(&unregister, "200 OK", ""));
    assert!(browser.has(|event| matches!(event, Event::Unregistered { .. })));

    browser.options("bob").unwrap();
    let options = browser.sent("OPTIONS ");
    browser.receive(connection, response(&options, "200 OK", ""));

    // A command that does not fit the state of its call is refused, not ignored.
    let call = browser.invite("bob", InviteOptions::default()).unwrap();
    let invite = browser.sent("INVITE ");
    let wrong_state = |result: Result<(), CommandFailure>| {
        matches!(
            result,
            Err(CommandFailure::Refused(CommandError::WrongState(_)))
        )
    };
    assert!(wrong_state(browser.ring(call)));
    assert!(wrong_state(browser.answer(call)));
    assert!(wrong_state(browser.reject(call, FailureStatus::BUSY_HERE)));
    let options = ModifyOptions::new();
    assert!(wrong_state(browser.reinvite(call, options.clone())));
    assert!(wrong_state(browser.update(call, options)));
    assert!(wrong_state(browser.hold(call)));
    assert!(wrong_state(browser.resume(call)));
    let tone = browser.send_dtmf(call, '1', Duration::from_millis(100));
    assert!(wrong_state(tone.map(drop)));
    let error = browser
        .describe(call, ExchangeId::from_number(1), None)
        .unwrap_err();
    assert!(matches!(error, CommandFailure::Refused(_)), "{error:?}");
    browser.receive(connection, response(&invite, "486 Busy Here", ""));
    browser.sent("ACK ");
    assert!(matches!(
        browser.hang_up(call),
        Err(CommandFailure::Refused(CommandError::Stale))
    ));

    browser.stop(Duration::ZERO).unwrap();
    browser.stop(Duration::ZERO).unwrap();
    assert!(browser.has(|event| matches!(event, Event::Stopped { .. })));
}

/// An agent without a registration, and its connection.
fn connected(change: impl FnOnce(&mut sip_core::config::ConfigBuilder)) -> (Browser, ConnectionId) {
    let config = config(|builder| {
        builder.register(false);
        change(builder);
    });
    let mut browser = Browser::new(&config, Hooks::default());
    let connection = browser.open();
    (browser, connection)
}

#[test]
fn a_request_of_any_method_with_its_options() {
    let (mut browser, connection) = connected(|_| {});
    let mut options = MessageOptions::new();
    options.body = Some(Body::new("text/plain", "knock"));
    let request = browser.request("KNOCK", "bob", options).unwrap();
    let knock = browser.sent("KNOCK sip:bob@example.com ");
    assert!(knock.ends_with("\r\n\r\nknock"));
    browser.receive(connection, response(&knock, "200 OK", ""));
    assert!(browser.has(|event| matches!(
        event,
        Event::RequestCompleted { request: which, outcome: Ok(_) } if *which == request
    )));
    for method in ["SUBSCRIBE", "no method"] {
        let refused = browser.request(method, "bob", MessageOptions::new());
        assert!(matches!(
            refused,
            Err(CommandFailure::Refused(CommandError::WrongState(_)))
        ));
    }
}

/// RFC 3428 section 4: header fields and another type of body, in the answer to a request of the peer, too.
#[test]
fn messages_with_options_and_an_answer_with_some() {
    let (mut browser, connection) = connected(|builder| {
        builder.offline_requests(OfflineRequests::Queue);
    });
    let mut options = MessageOptions::new();
    options.body = Some(Body::new("text/html", "<p>Hello"));
    browser.message_with("bob", options).unwrap();
    let message = browser.sent("MESSAGE sip:bob@example.com ");
    assert_eq!(value(&message, "Content-Type"), "text/html");
    let bobs = "MESSAGE sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/WSS bob.invalid;branch=z9hG4bKm\r\n\
                Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bob\r\nTo: <sip:alice@example.com>\r\n\
                Call-ID: m@bob.invalid\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n";
    browser.receive(connection, bobs.to_owned());
    let incoming = browser.events.iter().find_map(|event| match event {
        Event::IncomingRequest { incoming, .. } => Some(*incoming),
        _ => None,
    });
    let mut options = MessageOptions::new();
    let seen = ExtraHeader::new("X-Seen", "yes").unwrap();
    options.headers.push(seen);
    browser
        .respond_with(incoming.unwrap(), StatusCode::ACCEPTED, options)
        .unwrap();
    assert_eq!(value(&browser.sent("SIP/2.0 202 "), "X-Seen"), "yes");

    browser
        .host
        .closed(connection, DisconnectReason::Lost, browser.now);
    browser.carry_out();
    let waiting = browser.message("bob", "later").unwrap();
    browser.cancel_request(waiting).unwrap();
    assert!(browser.has(|event| matches!(
        event,
        Event::RequestCompleted { request, outcome: Err(_) } if *request == waiting
    )));
    assert!(browser.cancel_request(waiting).is_err());
}

/// RFC 3903 sections 4.1, 4.3 and 4.4.
#[test]
fn the_commands_of_a_publication() {
    let (mut browser, connection) = connected(|_| {});
    let state = |text: &'static str| Body::new("text/plain", text);
    let options = PublishOptions::new;
    let own = browser
        .publish("weather", state("sunny"), options())
        .unwrap();
    let first = browser.sent("PUBLISH sip:alice@example.com ");
    let granted = "SIP-ETag: one\r\nExpires: 600\r\n";
    browser.receive(connection, response(&first, "200 OK", granted));
    browser.modify_publication(own, state("rainy")).unwrap();
    let change = browser.sent("PUBLISH ");
    assert_eq!(value(&change, "SIP-If-Match"), "one");
    assert!(change.ends_with("rainy"));
    browser.receive(connection, response(&change, "200 OK", granted));
    browser.unpublish(own).unwrap();
    let removal = browser.sent("PUBLISH ");
    assert_eq!(value(&removal, "Expires"), "0");
    browser.receive(connection, response(&removal, "200 OK", granted));
    assert!(browser.has(|event| matches!(
        event,
        Event::PublicationEnded { publication, outcome: Ok(()) } if *publication == own
    )));
    assert!(matches!(
        browser.unpublish(own),
        Err(CommandFailure::Refused(CommandError::Stale))
    ));
    let of_bob = browser.publish_for("bob", "weather", state("windy"), options());
    of_bob.unwrap();
    browser.sent("PUBLISH sip:bob@example.com ");
}

/// RFC 6665 section 4.2: a SUBSCRIBE of bob to alice.
fn bobs_subscribe(number: u32) -> String {
    format!(
        "SUBSCRIBE sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/WSS bob.invalid;branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bob{number}\r\nTo: <sip:alice@example.com>\r\n\
         Call-ID: {number}@bob.invalid\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:bob@bob.invalid;transport=ws>\r\n\
         Event: weather\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn the_commands_of_a_notifier() {
    let (mut browser, connection) = connected(|builder| {
        builder.event_packages(["weather"]);
    });
    for number in [1, 2] {
        browser.receive(connection, bobs_subscribe(number));
    }
    let incoming = browser.events.iter().filter_map(|event| match event {
        Event::IncomingSubscription { subscription, .. } => Some(*subscription),
        _ => None,
    });
    let [wanted, unwanted] = incoming.collect::<Vec<_>>()[..] else {
        panic!("two subscriptions");
    };
    browser
        .reject_subscription(unwanted, FailureStatus::DECLINE)
        .unwrap();
    browser.sent("SIP/2.0 603 ");
    let state = |text: &'static str| Notification::active(Body::new("text/plain", text));
    let options = MessageOptions::new();
    browser
        .accept_subscription(wanted, state("sunny"), options)
        .unwrap();
    let notify = browser.sent("NOTIFY sip:bob@bob.invalid");
    assert!(notify.ends_with("sunny"));
    browser.sent("SIP/2.0 200 ");
    browser.receive(connection, response(&notify, "200 OK", ""));
    browser.notify(wanted, state("rainy")).unwrap();
    let notify = browser.sent("NOTIFY ");
    assert!(notify.ends_with("rainy"));
    assert!(browser.notify(unwanted, state("rainy")).is_err());
}

/// RFC 6665 section 4.1.2.
#[test]
fn the_commands_of_a_subscription() {
    let (mut browser, connection) = connected(|_| {});
    let options = SubscribeOptions::new().expires(500);
    let subscription = browser.subscribe("bob", "weather", options).unwrap();
    let subscribe = browser.sent("SUBSCRIBE sip:bob@example.com ");
    assert_eq!(value(&subscribe, "Event"), "weather");
    assert_eq!(value(&subscribe, "Expires"), "500");
    let contact = "Contact: <sip:bob@bob.invalid;transport=ws>\r\n";
    let granted = |expires| format!("{contact}Expires: {expires}\r\n");
    browser.receive(connection, response(&subscribe, "200 OK", &granted(500)));
    let notify = |number, state: &str| {
        format!(
            "NOTIFY {} SIP/2.0\r\nVia: SIP/2.0/WSS bob.invalid;branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n\
             From: {};tag=server\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number} NOTIFY\r\n{contact}\
             Event: weather\r\nSubscription-State: {state}\r\nContent-Length: 0\r\n\r\n",
            value(&subscribe, "Contact")
                .split(['<', '>'])
                .nth(1)
                .unwrap(),
            value(&subscribe, "To"),
            value(&subscribe, "From"),
            value(&subscribe, "Call-ID"),
        )
    };
    browser.receive(connection, notify(1, "active;expires=500"));
    browser.sent("SIP/2.0 200 ");
    assert!(browser.has(|event| matches!(event, Event::Notified { .. })));
    browser.refresh_subscription(subscription).unwrap();
    let refresh = browser.sent("SUBSCRIBE ");
    assert_eq!(value(&refresh, "Expires"), "500");
    browser.receive(connection, response(&refresh, "200 OK", &granted(500)));
    browser.receive(connection, notify(2, "active;expires=500"));
    browser.sent("SIP/2.0 200 ");
    browser.unsubscribe(subscription).unwrap();
    let last = browser.sent("SUBSCRIBE ");
    assert_eq!(value(&last, "Expires"), "0");
    browser.receive(connection, response(&last, "200 OK", &granted(0)));
    browser.receive(connection, notify(3, "terminated;reason=timeout"));
    assert!(browser.has(|event| matches!(
        event,
        Event::SubscriptionEnded { subscription: which, cause: SubscriptionEnd::Unsubscribed }
            if *which == subscription
    )));
}
