//! The session layer alone on an endpoint, without a user agent: the test is the host, the application and the far end.

use std::collections::VecDeque;
use std::time::Duration;

use sip_core::LimitKind;
use sip_core::auth::{Credentials, Secret};
use sip_core::config::Support;
use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::session::{
    FailureStatus, Forks, Input, InviteOptions, ModifyOptions, Phase, SessionLayer,
};
use sip_core::{
    Action, Body, Cause, CommandError, ConnectionId, ConnectionInfo, Event, ExchangeId,
    ExchangeOutcome, SessionId, Timestamp, Transport,
};
use sip_parse::{HeaderName, Limits, Message, Method, Request, Response, UriBuf};
use sip_testing::{OFFER, SECOND, Timed, crlf, random, response, value};

#[path = "../examples/b2bua.rs"]
#[expect(
    unreachable_pub,
    reason = "the example is a program of its own as well"
)]
mod b2bua;

/// A session layer with one connection.
struct Switch {
    endpoint: Endpoint,
    calls: SessionLayer,
    peer: ConnectionId,
    now: Timestamp,
    sent: VecDeque<Message>,
    events: VecDeque<Event>,
    closes: usize,
}

impl Timed for Switch {
    fn clock(&mut self) -> &mut Timestamp {
        &mut self.now
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.endpoint.next_tick()
    }

    fn tick(&mut self) {
        self.calls.tick(&mut self.endpoint, self.now);
        self.pump();
    }
}

impl Switch {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut EndpointSettings)) -> Self {
        let uri = UriBuf::parse(b"sip:switch@example.com").unwrap();
        let mut settings = EndpointSettings::new(uri);
        settings.behaviour.takes_any_user = true;
        change(&mut settings);
        let now = Timestamp::from_millis(1_000);
        let mut endpoint = Endpoint::new(settings, random(5), now);
        let peer = endpoint.accept(ConnectionInfo {
            transport: Transport::Tcp,
            remote: None,
        });
        Self {
            endpoint,
            calls: SessionLayer::new(),
            peer,
            now,
            sent: VecDeque::new(),
            events: VecDeque::new(),
            closes: 0,
        }
    }

    fn pump(&mut self) {
        self.calls.settle(&mut self.endpoint);
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Transmit { bytes, .. } => {
                    let message = Message::parse(bytes, &Limits::default()).expect("ours");
                    self.sent.push_back(message);
                }
                Action::Event(event) => self.events.push_back(event),
                Action::Disconnect { .. } => self.closes += 1,
                _ => {}
            }
        }
    }

    fn step(&mut self, call: SessionId, input: Input<'_>) -> Result<(), CommandError> {
        let taken = self.calls.step(&mut self.endpoint, call, input);
        self.pump();
        taken
    }

    fn feed(&mut self, bytes: impl Into<sip_parse::Bytes>) {
        let received = self.endpoint.receive(self.peer, bytes.into(), self.now);
        received.expect("room");
        self.pump();
    }

    /// The peer sends a request; `ours` puts it into the dialog of this response.
    fn request(&mut self, method: &str, cseq: u32, ours: Option<&Response>, sdp: &str) {
        let to = ours.map_or("<sip:carol@example.com>".into(), |ours| {
            value(ours, HeaderName::To)
        });
        let ack = if method == "ACK" { "ack" } else { "" };
        let head = format!(
            "{method} sip:carol@example.com SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK{cseq}{ack}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bob\nTo: {to}\nCall-ID: call\nCSeq: {cseq} {method}\n\
             Contact: <sip:bob@192.0.2.9>\nContent-Type: application/sdp\nContent-Length: {}\n\n",
            sdp.len()
        );
        let mut bytes = crlf(&head).to_vec();
        bytes.extend_from_slice(sdp.as_bytes());
        self.feed(bytes);
    }

    fn reply(&mut self, request: &Request, status: u16, sdp: Option<&str>) {
        let contact = [("Contact", "<sip:bob@192.0.2.9>")];
        self.feed(response(request, status, "bob", &contact, sdp));
    }

    #[track_caller]
    fn sent_request(&mut self, method: Method<'_>) -> Request {
        let request = self.sent.pop_front().expect("a message");
        let request = request.into_request().expect("a request");
        assert_eq!(request.method(), method);
        request
    }

    #[track_caller]
    fn sent_response(&mut self, status: u16) -> Response {
        let messages = core::iter::from_fn(|| self.sent.pop_front());
        let trying = |response: &Response| response.status().as_u16() == 100;
        let response = messages
            .map_while(|message| message.into_response().ok())
            .find(|response| !trying(response));
        let response = response.expect("a response");
        assert_eq!(response.status().as_u16(), status);
        response
    }

    #[track_caller]
    fn next<T>(&mut self, fits: impl Fn(&Event) -> Option<T>) -> T {
        let mut events = core::iter::from_fn(|| self.events.pop_front());
        events.find_map(|event| fits(&event)).expect("an event")
    }

    #[track_caller]
    fn incoming(&mut self) -> SessionId {
        self.request("INVITE", 7, None, OFFER);
        self.next(|event| match event {
            Event::IncomingCall { session, .. } => Some(*session),
            _ => None,
        })
    }

    #[track_caller]
    fn asked(&mut self) -> ExchangeId {
        self.next(|event| match event {
            Event::DescriptionNeeded { exchange, .. } => Some(*exchange),
            _ => None,
        })
    }

    #[track_caller]
    fn outcome(&mut self) -> ExchangeOutcome {
        self.next(|event| match event {
            Event::ExchangeEnded { outcome, .. } => Some(outcome.clone()),
            _ => None,
        })
    }

    #[track_caller]
    fn ended(&mut self) -> Cause {
        self.next(|event| match event {
            Event::Ended { reason, .. } => Some(reason.cause),
            _ => None,
        })
    }

    /// A call of the peer that is up, and the 200 that made its dialog.
    fn answered(&mut self) -> (SessionId, Response) {
        let call = self.incoming();
        self.step(call, Input::Answer).unwrap();
        let exchange = self.asked();
        let answer = Input::Describe(exchange, Ok(Body::sdp(OFFER)));
        self.step(call, answer).unwrap();
        let ok = self.sent_response(200);
        self.request("ACK", 7, Some(&ok), "");
        self.next(|event| matches!(event, Event::Established { .. }).then_some(()));
        (call, ok)
    }

    fn call(&mut self) -> Result<SessionId, CommandError> {
        self.call_with(InviteOptions::new())
    }

    fn call_with(&mut self, options: InviteOptions) -> Result<SessionId, CommandError> {
        let target = UriBuf::parse(b"sip:bob@192.0.2.9").unwrap();
        let called = self
            .calls
            .invite(&mut self.endpoint, Some(self.peer), target, options);
        self.pump();
        called
    }

    /// An outgoing call and its INVITE.
    fn calling(&mut self) -> (SessionId, Request) {
        let call = self.call().unwrap();
        let exchange = self.asked();
        let offer = Input::Describe(exchange, Ok(Body::sdp(OFFER)));
        self.step(call, offer).unwrap();
        (call, self.sent_request(Method::Invite))
    }

    fn close(&mut self) {
        self.endpoint.closed(self.peer, self.now);
        self.pump();
    }

    /// Time alone empties every table.
    #[track_caller]
    fn leaves_nothing(mut self) {
        self.pass(Duration::from_secs(64));
        assert!(self.calls.is_empty());
        assert_eq!(self.endpoint.table_sizes(), [0; 4]);
        assert_eq!(self.endpoint.next_tick(), None);
    }
}

/// The example passes.
#[test]
fn the_back_to_back_user_agent_carries_calls() {
    b2bua::main();
}

#[test]
fn a_peer_calls_and_hangs_up() {
    let mut switch = Switch::new();
    let call = switch.incoming();
    assert_eq!(switch.calls.phase(call), Some(Phase::Incoming));
    switch.step(call, Input::Ring).unwrap();
    switch.sent_response(180);
    switch.step(call, Input::Answer).unwrap();
    let exchange = switch.asked();
    let answer = Input::Describe(exchange, Ok(Body::sdp(OFFER)));
    switch.step(call, answer).unwrap();
    let ok = switch.sent_response(200);
    assert_eq!(
        value(&ok, HeaderName::Allow),
        "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"
    );
    switch.request("ACK", 7, Some(&ok), "");
    assert_eq!(switch.outcome(), ExchangeOutcome::Complete);
    assert_eq!(switch.calls.phase(call), Some(Phase::Established));
    switch.request("BYE", 8, Some(&ok), "");
    switch.sent_response(200);
    assert_eq!(switch.ended(), Cause::Bye);
    assert_eq!(switch.step(call, Input::HangUp), Err(CommandError::Stale));
    switch.leaves_nothing();
}

#[test]
fn this_side_calls_and_hangs_up() {
    let mut switch = Switch::new();
    let (call, invite) = switch.calling();
    assert_eq!(switch.calls.phase(call), Some(Phase::Outgoing));
    switch.reply(&invite, 200, Some(OFFER));
    switch.sent_request(Method::Ack);
    assert_eq!(switch.outcome(), ExchangeOutcome::Complete);
    switch.step(call, Input::HangUp).unwrap();
    assert_eq!(switch.calls.phase(call), Some(Phase::Ending));
    let bye = switch.sent_request(Method::Bye);
    switch.reply(&bye, 200, None);
    assert_eq!(switch.ended(), Cause::Requested);
    switch.leaves_nothing();
}

/// RFC 3261 11.2 and 8.2.1: OPTIONS gets 200 within a dialog and outside; what no call takes gets 405 or 501, a BYE of no dialog 481.
#[test]
fn rfc3261_8_2_1_the_layer_answers_what_no_call_takes() {
    let mut switch = Switch::new();
    switch.request("OPTIONS", 1, None, "");
    let ok = switch.sent_response(200);
    assert_eq!(
        value(&ok, HeaderName::Allow),
        "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"
    );
    for (number, (method, status)) in [
        ("MESSAGE", 405),
        ("INFO", 405),
        ("SUBSCRIBE", 405),
        ("FROB", 501),
        ("BYE", 481),
    ]
    .into_iter()
    .enumerate()
    {
        switch.request(method, 2 + number as u32, None, "");
        let refusal = switch.sent_response(status);
        if status == 405 {
            let allow = value(&refusal, HeaderName::Allow);
            assert!(!allow.contains(method), "{allow}");
        }
    }
    let (call, ok) = switch.answered();
    switch.request("OPTIONS", 8, Some(&ok), "");
    switch.sent_response(200);
    switch.request("INFO", 9, Some(&ok), "");
    switch.sent_response(405);
    assert_eq!(switch.calls.phase(call), Some(Phase::Established));
    switch.request("BYE", 10, Some(&ok), "");
    switch.sent_response(200);
    switch.leaves_nothing();
}

/// RFC 3261 8.2.2.1: an endpoint that is no switch refuses calls to other users.
#[test]
fn rfc3261_8_2_2_1_a_plain_endpoint_takes_calls_to_itself_alone() {
    let mut switch = Switch::with(|settings| settings.behaviour.takes_any_user = false);
    switch.request("INVITE", 7, None, OFFER);
    switch.sent_response(404);
    switch.request("ACK", 7, None, "");
    switch.leaves_nothing();
}

/// RFC 3261 9: CANCEL from either side.
#[test]
fn rfc3261_9_a_call_is_cancelled_before_it_is_answered() {
    let mut switch = Switch::new();
    let call = switch.incoming();
    switch.step(call, Input::Answer).unwrap();
    switch.request("CANCEL", 7, None, "");
    switch.sent_response(200);
    switch.sent_response(487);
    assert!(matches!(switch.outcome(), ExchangeOutcome::Aborted(_)));
    assert_eq!(switch.ended(), Cause::Cancelled);
    switch.leaves_nothing();

    let mut switch = Switch::new();
    let (call, invite) = switch.calling();
    switch.reply(&invite, 180, None);
    switch.step(call, Input::HangUp).unwrap();
    let cancel = switch.sent_request(Method::Cancel);
    switch.reply(&cancel, 200, None);
    switch.reply(&invite, 487, None);
    switch.sent_request(Method::Ack);
    assert_eq!(switch.ended(), Cause::Cancelled);
    switch.leaves_nothing();
}

/// RFC 3264 section 4: a description of an exchange that is over, or of one that never was, is refused and goes nowhere.
#[test]
fn a_late_description_is_refused() {
    let mut switch = Switch::new();
    let (call, ok) = switch.answered();
    switch.request("INVITE", 8, Some(&ok), OFFER);
    let late = switch.asked();
    switch.request("CANCEL", 8, Some(&ok), "");
    switch.sent.clear();
    switch.request("ACK", 8, Some(&ok), "");
    switch
        .step(call, Input::Renegotiate(ModifyOptions::new()))
        .unwrap();
    let fresh = switch.asked();
    for exchange in [late, ExchangeId::from_number(99)] {
        let input = Input::Describe(exchange, Ok(Body::sdp(OFFER)));
        assert_eq!(switch.step(call, input), Err(CommandError::ExchangeOver));
        assert!(switch.sent.is_empty());
    }
    let offer = || Input::Describe(fresh, Ok(Body::sdp(OFFER)));
    switch.step(call, offer()).unwrap();
    let invite = switch.sent_request(Method::Invite);
    assert_eq!(switch.step(call, offer()), Err(CommandError::ExchangeOver));
    switch.reply(&invite, 200, Some(OFFER));
    switch.sent_request(Method::Ack);
    switch.step(call, Input::Stop).unwrap();
    assert_eq!(switch.ended(), Cause::Stopped);
    switch.leaves_nothing();
}

/// RFC 3261 14.2: the application refuses a re-INVITE with a status of its own, and the call goes on.
#[test]
fn rfc3261_14_2_a_reinvite_is_refused_and_the_call_goes_on() {
    let mut switch = Switch::new();
    let (call, ok) = switch.answered();
    switch.request("INVITE", 8, Some(&ok), OFFER);
    let status = FailureStatus::REQUEST_PENDING;
    switch.step(call, Input::Reject(status)).unwrap();
    switch.sent_response(491);
    switch.request("ACK", 8, Some(&ok), "");
    assert!(matches!(switch.outcome(), ExchangeOutcome::Refused(_)));
    let twice = switch.step(call, Input::Reject(status));
    assert!(matches!(twice, Err(CommandError::WrongState(_))));
    assert_eq!(switch.calls.phase(call), Some(Phase::Established));
    switch.request("BYE", 9, Some(&ok), "");
    switch.sent_response(200);
    switch.leaves_nothing();
}

/// RFC 3262 4, RFC 3261 13.2.2.4: the layer alone sends PRACK, also after a challenge, keeps each early dialog, follows redirections and
/// claims branches.
#[test]
fn rfc3262_4_the_layer_alone_keeps_early_dialogs() {
    let mut switch = Switch::with(|settings| {
        settings.behaviour.reliable_provisionals = Support::Supported;
        let credentials = Credentials::new("switch", Secret::password("secret"));
        settings.credentials = Some(credentials.unwrap());
    });
    let options = InviteOptions::new().redirects(1).forks(Forks::Claim);
    let call = switch.call_with(options).unwrap();
    let exchange = switch.asked();
    let offer = Input::Describe(exchange, Ok(Body::sdp(OFFER)));
    switch.step(call, offer).unwrap();
    let invite = switch.sent_request(Method::Invite);
    let moved = [("Contact", "<sip:carol@example.com>")];
    switch.feed(response(&invite, 302, "moved", &moved, None));
    switch.sent_request(Method::Ack);
    let invite = switch.sent_request(Method::Invite);
    assert_eq!(invite.uri_bytes(), b"sip:carol@example.com");
    let reliable = [
        ("Contact", "<sip:bob@192.0.2.9>"),
        ("Require", "100rel"),
        ("RSeq", "17"),
    ];
    switch.feed(response(&invite, 183, "bob", &reliable, Some(OFFER)));
    let prack = switch.sent_request(Method::Prack);
    let challenge = r#"Digest realm="example.com", nonce="n", qop="auth""#;
    let challenge = [("Proxy-Authenticate", challenge)];
    switch.feed(response(&prack, 407, "bob", &challenge, None));
    let again = switch.sent_request(Method::Prack);
    assert!(again.has(HeaderName::ProxyAuthorization));
    switch.reply(&again, 200, None);
    assert_eq!(switch.outcome(), ExchangeOutcome::Complete);
    switch.reply(&invite, 200, None);
    switch.sent_request(Method::Ack);
    switch.next(|event| matches!(event, Event::Established { .. }).then_some(()));
    let branch = [("Contact", "<sip:dave@192.0.2.9>")];
    switch.feed(response(&invite, 200, "dave", &branch, Some(OFFER)));
    switch.sent_request(Method::Ack);
    let second = switch.next(|event| match event {
        Event::CallBranched { session, of } if *of == call => Some(*session),
        _ => None,
    });
    assert_eq!(switch.calls.len(), 2);
    for call in [call, second] {
        switch.step(call, Input::HangUp).unwrap();
        let bye = switch.sent_request(Method::Bye);
        let tag = bye.to().unwrap().tag().unwrap().to_vec();
        let tag = String::from_utf8(tag).unwrap();
        switch.feed(response(&bye, 200, &tag, &[], None));
        assert_eq!(switch.ended(), Cause::Requested);
    }
    switch.leaves_nothing();
}

/// A full table refuses calls of peers by 486, and calls of this side by an error.
#[test]
fn a_full_layer_takes_no_more_calls() {
    let mut switch = Switch::with(|settings| settings.limits.sessions = 1);
    let (_, invite) = switch.calling();
    assert_eq!(switch.call(), Err(CommandError::Limit(LimitKind::Sessions)));
    switch.request("INVITE", 7, None, OFFER);
    switch.sent_response(486);
    switch.request("ACK", 7, None, "");
    switch.request("OPTIONS", 8, None, "");
    switch.sent_response(486);
    assert_eq!(switch.calls.len(), 1);
    switch.reply(&invite, 486, None);
    switch.sent_request(Method::Ack);
    assert_eq!(switch.ended(), Cause::Refused);
    switch.leaves_nothing();
}

/// A connection closes: a call that is not up ends at once; one that is up lives, and its BYE waits until its time is over.
#[test]
fn a_connection_closes_in_a_call() {
    let mut switch = Switch::new();
    switch.incoming();
    switch.close();
    assert_eq!(switch.ended(), Cause::ConnectionLost);
    switch.leaves_nothing();

    let mut switch = Switch::new();
    switch.calling();
    switch.close();
    assert!(matches!(switch.outcome(), ExchangeOutcome::Aborted(_)));
    assert_eq!(switch.ended(), Cause::ConnectionLost);
    switch.leaves_nothing();

    let mut switch = Switch::new();
    let (call, _) = switch.answered();
    switch.close();
    assert_eq!(switch.calls.phase(call), Some(Phase::Established));
    switch.step(call, Input::HangUp).unwrap();
    switch.pass(33 * SECOND);
    assert_eq!(switch.ended(), Cause::NeverSent);
    assert!(switch.sent.is_empty());
    switch.leaves_nothing();
}

/// A closed connection never opens again: a call that names it does not wait.
#[test]
fn a_call_on_a_closed_connection_ends_at_once() {
    let mut switch = Switch::new();
    switch.close();
    let call = switch.call().unwrap();
    let exchange = switch.asked();
    let offer = Input::Describe(exchange, Ok(Body::sdp(OFFER)));
    switch.step(call, offer).unwrap();
    assert_eq!(switch.ended(), Cause::ConnectionLost);
    switch.leaves_nothing();
}

/// RFC 3261 18.3: the layer asks the host to close a stream that cannot be read any further.
#[test]
fn rfc3261_18_3_an_unreadable_stream_is_closed() {
    let mut switch = Switch::new();
    switch.incoming();
    switch.feed(crlf(
        "INVITE sip:x@example.com SIP/2.0\nContent-Length: many\n\n",
    ));
    assert_eq!(switch.closes, 1);
    assert_eq!(switch.ended(), Cause::ConnectionLost);
    switch.leaves_nothing();
}

/// RFC 3261 11.2, 3261-11.2-A: OPTIONS outside a dialog gets 486 where an INVITE would, and 200 within one; RFC 6665 4.4.4: it lists the
/// event packages.
#[test]
fn rfc3261_11_2_options_of_a_busy_endpoint() {
    let mut switch = Switch::with(|settings| {
        settings.limits.sessions = 1;
        settings.behaviour.extensions.event_packages = vec!["presence".into()];
    });
    let lists = |response: Response| {
        assert!(value(&response, HeaderName::Allow).contains("INVITE"));
        assert_eq!(value(&response, HeaderName::AllowEvents), "presence");
    };
    switch.request("OPTIONS", 1, None, "");
    lists(switch.sent_response(200));
    let (_call, ok) = switch.answered();
    switch.request("OPTIONS", 2, None, "");
    lists(switch.sent_response(486));
    switch.request("OPTIONS", 8, Some(&ok), "");
    lists(switch.sent_response(200));
}
