//! Commands without a connection, and the messages that the agent sends once it has one.

use std::time::Duration;

use sip_core::LimitKind;
use sip_core::config::{ConfigBuilder, OfflineRequests};
use sip_core::connection::DisconnectReason;
use sip_core::{
    Body, Cause, Change, CommandError, Event, InviteOptions, Limits, Originator, RequestId,
    Session, SessionId, Timestamp, Transport, UserAgent,
};
use sip_parse::{HeaderName, Message, Method, Request, Response};
use sip_testing::{Bench, OFFER, SECOND, alice, random, value, values};

/// RFC 3261 section 17.1.1.2: 64 T1, T1 being 500 ms.
const BUDGET: Duration = Duration::from_secs(32);
const MOMENT: Duration = Duration::from_millis(1);

fn queueing() -> ConfigBuilder {
    let mut config = alice();
    config.offline_requests(OfflineRequests::Queue);
    config
}

/// Registered, with a call that is up.
fn up(config: &mut ConfigBuilder) -> (Bench, SessionId) {
    let mut bench = Bench::new(config.register(true));
    registered(&mut bench, &[]);
    bench.events.clear();
    let (id, _) = bench.established_call();
    (bench, id)
}

/// Registered, with a call of bob that is up; returns the agent's 200.
fn answered(config: &mut ConfigBuilder) -> (Bench, SessionId, Response) {
    let mut bench = Bench::new(config.register(true));
    registered(&mut bench, &[]);
    let id = bench.invite_from_bob(1);
    bench.accept(id);
    bench.describe(id, OFFER);
    let ok = bench.next_response();
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    (bench, id, ok)
}

/// The registrar accepts the next REGISTER; `more` are further header fields of its 200.
fn registered(bench: &mut Bench, more: &[(&str, &str)]) {
    let request = bench.next_request();
    assert_eq!(request.method(), Method::Register);
    let contact = value(&request, HeaderName::Contact);
    let mut headers = vec![("Contact", contact.as_str())];
    headers.extend_from_slice(more);
    bench.reply(&request, 200, &headers);
}

fn lose(bench: &mut Bench) {
    let reason = DisconnectReason::Lost;
    bench
        .agent
        .connection_closed(bench.connection, reason, bench.now);
    bench.pump();
    bench.events.clear();
}

fn message(bench: &mut Bench, target: &str) -> RequestId {
    let body = Body::new("text/plain", "hi");
    let id = bench.agent.message(target, body, bench.now).unwrap();
    bench.pump();
    id
}

fn info(bench: &mut Bench, id: SessionId) -> RequestId {
    let id = match bench.agent.session(id) {
        Ok(Session::Established(call)) => {
            let body = Body::new("application/x-test", "5");
            call.info(&body, bench.now).unwrap()
        }
        other => panic!("not up: {other:?}"),
    };
    bench.pump();
    id
}

fn ended(bench: &mut Bench) -> (Originator, Cause) {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((reason.originator, reason.cause)),
        _ => None,
    })
}

fn finished(bench: &mut Bench) -> (RequestId, (Originator, Cause)) {
    bench.expect(|event| match event {
        Event::RequestCompleted { request, outcome } => {
            let reason = outcome.as_ref().expect_err("no response");
            Some((*request, (reason.originator, reason.cause)))
        }
        _ => None,
    })
}

fn methods(bench: &Bench) -> Vec<String> {
    let requests = bench.sent.iter().map(|message: &Message| {
        let request = message.as_request().expect("a request");
        request.method().to_string()
    });
    requests.collect()
}

/// If the application hangs up without a connection, the agent sends BYE on the next one: after the
/// registration, and without a repair first. `offlineRequests` makes no difference.
#[test]
fn conn_c_a_bye_waits_for_the_connection_and_the_registration() {
    for config in [&mut alice(), &mut queueing()] {
        let (mut bench, id) = up(config);
        let (kept, _) = bench.established_call();
        lose(&mut bench);
        bench.hang_up(id);
        assert!(matches!(bench.agent.session(id), Ok(Session::Ending)));
        bench.reconnect(Transport::Ws);
        bench.silence();
        bench.wait(SECOND);
        assert_eq!(methods(&bench), ["REGISTER"]);
        bench.events.clear();
        registered(&mut bench, &[]);
        assert_eq!(methods(&bench), ["BYE"]);
        let repaired = bench.description_needed().session;
        assert_eq!(repaired, kept, "the other one is");
        bench.no_events();
        let bye = bench.next_request();
        assert_eq!(bye.to().unwrap().tag(), Some(&b"bob1"[..]));
        bench.reply(&bye, 200, &[]);
        assert_eq!(ended(&mut bench), (Originator::Local, Cause::Requested));
    }
}

/// An agent that does not register sends at once.
#[test]
fn conn_c_a_bye_goes_out_at_once_where_nobody_registers() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    lose(&mut bench);
    bench.hang_up(id);
    bench.reconnect(Transport::Ws);
    assert_eq!(methods(&bench), ["BYE"]);
}

/// On a new connection the BYE of a call waits for the registration. On the connection of the call it does not,
/// whether the registration succeeds or not.
#[test]
fn conn_c_a_bye_waits_only_on_a_connection_that_is_new_to_the_call() {
    let (mut bench, id) = up(&mut alice());
    lose(&mut bench);
    bench.reconnect(Transport::Ws);
    bench.hang_up(id);
    bench.silence();
    bench.wait(SECOND);
    registered(&mut bench, &[]);
    assert_eq!(methods(&bench), ["BYE"]);

    let mut bench = Bench::new(alice().register(true));
    assert_eq!(bench.next_request().method(), Method::Register);
    bench.events.clear();
    let (id, _) = bench.established_call();
    bench.hang_up(id);
    assert_eq!(methods(&bench), ["BYE"]);
}

/// A refresh of the registration on the same connection repairs no call and repeats no message.
#[test]
fn conn_b_a_refresh_disturbs_no_call() {
    let (mut bench, _) = up(&mut alice());
    let (leaving, _) = bench.established_call();
    bench.hang_up(leaving);
    assert_eq!(bench.next_request().method(), Method::Bye);
    let sooner = Change::RegisterExpires(60 * SECOND);
    bench.agent.reconfigure(sooner, bench.now).unwrap();
    bench.pump();
    registered(&mut bench, &[]);
    bench.silence();
    bench.expect(|event| matches!(event, Event::Registered(_)).then_some(()));
    bench.no_events();
}

/// A sent request no longer has a deadline of the queue.
#[test]
fn conn_c_what_is_sent_waits_no_more() {
    let mut bench = Bench::new(&queueing());
    let (id, _) = bench.established_call();
    lose(&mut bench);
    bench.hang_up(id);
    let late = InviteOptions::new().late_offer();
    bench.agent.invite("bob", late, bench.now).unwrap();
    message(&mut bench, "bob");
    assert_eq!(bench.agent.table_sizes().timers, 3);
    bench.reconnect(Transport::Ws);
    assert_eq!(methods(&bench), ["BYE", "INVITE", "MESSAGE"]);
    assert_eq!(bench.agent.table_sizes().timers, 0);
}

/// 64 T1 after the command the agent ends the call with the cause NeverSent, because the peer did not receive the
/// BYE.
#[test]
fn conn_c_a_bye_that_found_no_connection_is_said_to_be_unsent() {
    let (mut bench, id) = up(&mut alice());
    lose(&mut bench);
    bench.wait(5 * SECOND);
    bench.hang_up(id);
    bench.events.clear();
    bench.wait(BUDGET - MOMENT);
    assert!(bench.agent.session(id).is_ok());
    bench.wait(MOMENT);
    assert_eq!(ended(&mut bench), (Originator::Local, Cause::NeverSent));
    assert!(bench.agent.session(id).is_err());
    bench.silence();
    bench.reconnect(Transport::Ws);
    bench.wait(SECOND);
    registered(&mut bench, &[]);
    bench.wait(5 * SECOND);
    bench.silence();
}

/// A registration that fails, is refused or is given up delays nothing.
#[test]
fn conn_c_a_failed_registration_does_not_hold_a_bye() {
    for status in [503, 403, 401] {
        let (mut bench, id) = up(&mut alice());
        lose(&mut bench);
        bench.hang_up(id);
        bench.reconnect(Transport::Ws);
        bench.wait(SECOND);
        let request = bench.next_request();
        let challenge = [("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"")];
        let headers = if status == 401 { &challenge[..] } else { &[] };
        bench.reply(&request, status, headers);
        if status == 401 {
            let again = bench.next_request();
            assert_eq!(again.method(), Method::Register);
            bench.silence();
            bench.reply(&again, status, headers);
        }
        assert_eq!(methods(&bench), ["BYE"], "{status}");
    }
    let (mut bench, id) = up(&mut alice());
    lose(&mut bench);
    bench.hang_up(id);
    bench.reconnect(Transport::Ws);
    bench.wait(SECOND / 100);
    bench.agent.unregister(bench.now).unwrap();
    bench.pump();
    assert_eq!(
        methods(&bench),
        ["BYE"],
        "BYE does not wait for the registration"
    );
}

/// A silent registrar delays a BYE for 64 T1 at most, because there is a connection to send it on.
#[test]
fn conn_c_a_silent_registrar_does_not_cost_the_bye() {
    let (mut bench, id) = up(&mut alice());
    lose(&mut bench);
    bench.hang_up(id);
    let given = bench.now;
    bench.reconnect(Transport::Ws);
    bench.wait(SECOND);
    assert_eq!(bench.next_request().method(), Method::Register);
    bench.wait(BUDGET - bench.now.saturating_since(given) - MOMENT);
    bench.silence();
    bench.wait(MOMENT);
    assert_eq!(methods(&bench), ["BYE"]);
}

/// RFC 3261 15.1.2: the peer's BYE makes a waiting BYE unnecessary, but not one in flight.
#[test]
fn conn_c_a_bye_of_the_peers_ends_a_call_whose_bye_waits() {
    let (mut bench, id, ok) = answered(&mut alice());
    lose(&mut bench);
    bench.hang_up(id);
    bench.reconnect(Transport::Ws);
    bench.in_dialog("BYE", 8, "bye", &ok, "");
    assert_eq!(bench.next_response().status().as_u16(), 200);
    assert_eq!(ended(&mut bench), (Originator::Peer, Cause::Bye));
    bench.wait(SECOND);
    registered(&mut bench, &[]);
    bench.silence();

    let (mut bench, id, ok) = answered(&mut alice());
    bench.events.clear();
    bench.hang_up(id);
    let ours = bench.next_request();
    bench.in_dialog("BYE", 8, "bye", &ok, "");
    assert_eq!(bench.next_response().status().as_u16(), 200);
    bench.no_events();
    bench.reply(&ours, 200, &[]);
    assert_eq!(ended(&mut bench), (Originator::Local, Cause::Requested));
}

/// A BYE whose connection broke before it was answered is sent again, with the next CSeq number.
#[test]
fn conn_c_a_bye_in_flight_is_sent_again() {
    let (mut bench, id) = up(&mut alice());
    bench.hang_up(id);
    let first = bench.next_request();
    lose(&mut bench);
    assert!(matches!(bench.agent.session(id), Ok(Session::Ending)));
    bench.reconnect(Transport::Ws);
    bench.wait(SECOND);
    registered(&mut bench, &[]);
    let again = bench.next_request();
    assert_eq!(again.method(), Method::Bye);
    assert_eq!(
        again.cseq().unwrap().number,
        first.cseq().unwrap().number + 1
    );
    bench.reply(&again, 481, &[]);
    assert_eq!(ended(&mut bench), (Originator::Local, Cause::Requested));

    let (mut bench, id) = up(&mut alice());
    bench.hang_up(id);
    lose(&mut bench);
    bench.wait(BUDGET);
    let end = ended(&mut bench);
    assert_eq!(end, (Originator::Local, Cause::Requested), "it was sent");
}

/// A server that closes the connection at each BYE holds a call no longer than 64 T1.
#[test]
fn conn_c_a_bye_is_not_sent_again_for_ever() {
    let (mut bench, id) = up(&mut alice());
    let start = bench.now;
    bench.hang_up(id);
    let mut byes = 0;
    while bench.agent.session(id).is_ok() {
        assert_eq!(bench.next_request().method(), Method::Bye);
        byes += 1;
        assert!(byes < 50);
        lose(&mut bench);
        while bench.sent.is_empty() && bench.agent.session(id).is_ok() {
            bench.reconnect(Transport::Ws);
            bench.wait(SECOND);
            registered(&mut bench, &[]);
        }
    }
    assert!(byes > 2, "{byes}");
    let took = bench.now.saturating_since(start);
    assert!(took < BUDGET + 5 * SECOND, "{took:?}");
    bench.silence();
}

/// REGISTER goes first, then the messages of calls, then the rest in the order of the commands. All use the
/// state of the new registration: Service-Route (RFC 3608 section 5), GRUU (RFC 5627 section 4.4).
#[test]
fn conn_c_what_waited_goes_out_in_order() {
    let (mut bench, talking) = up(queueing().use_preloaded_route(true));
    let (leaving, _) = bench.established_call();
    lose(&mut bench);
    message(&mut bench, "first");
    let calling = bench
        .agent
        .invite("second", InviteOptions::new(), bench.now)
        .unwrap();
    bench.describe(calling, OFFER);
    let late = InviteOptions::new().late_offer();
    bench.agent.invite("third", late, bench.now).unwrap();
    bench.agent.options("fourth", bench.now).unwrap();
    info(&mut bench, talking);
    info(&mut bench, leaving);
    bench.hang_up(leaving);
    bench.silence();
    bench.reconnect(Transport::Ws);
    message(&mut bench, "fifth");
    bench.wait(SECOND);
    assert_eq!(methods(&bench), ["REGISTER"], "a command still waits");
    let register = bench.next_request();
    let gruu = "sip:alice@example.com;gr=urn:uuid:1";
    let contact = format!(
        "{};pub-gruu=\"{gruu}\"",
        value(&register, HeaderName::Contact)
    );
    bench.reply(
        &register,
        200,
        &[
            ("Contact", &contact),
            ("Service-Route", "<sip:new.example.com;lr>"),
        ],
    );
    let expected = [
        "INFO", "INFO", "BYE", "MESSAGE", "INVITE", "INVITE", "OPTIONS", "MESSAGE",
    ];
    assert_eq!(methods(&bench), expected);
    let requests: Vec<Request> = (0..8).map(|_| bench.next_request()).collect();
    let targets: Vec<_> = requests[3..]
        .iter()
        .map(|request| String::from_utf8(request.uri_bytes().to_vec()).unwrap())
        .collect();
    let users = ["first", "second", "third", "fourth", "fifth"];
    assert_eq!(targets, users.map(|user| format!("sip:{user}@example.com")));
    for request in &requests[3..] {
        let routes = values(request, HeaderName::Route);
        let own = "<sip:127.0.0.1:5080;lr;transport=ws>";
        assert_eq!(routes, [own, "<sip:new.example.com;lr>"]);
    }
    assert!(value(&requests[4], HeaderName::Contact).contains(gruu));
    assert_eq!(requests[4].body(), OFFER.as_bytes());
    assert!(requests[5].body().is_empty());
    assert_eq!(
        requests[1].call_id().unwrap(),
        requests[2].call_id().unwrap()
    );
    bench.reply(&requests[3], 200, &[]);
    bench.expect(|event| {
        matches!(event, Event::RequestCompleted { outcome: Ok(_), .. }).then_some(())
    });
}

/// The same before the first connection; a failed registration delays nothing.
#[test]
fn conn_c_requests_before_the_first_connection_wait() {
    let mut bench = Bench::offline(queueing().register(true));
    message(&mut bench, "bob");
    bench.reconnect(Transport::Ws);
    let register = bench.next_request();
    assert_eq!(register.method(), Method::Register);
    bench.silence();
    bench.reply(&register, 503, &[]);
    assert_eq!(methods(&bench), ["MESSAGE"]);
}

/// A request that has waited for 64 T1 fails, unsent, and leaves every table empty.
#[test]
fn conn_c_what_waits_too_long_times_out() {
    let (mut bench, id) = up(&mut queueing());
    lose(&mut bench);
    let text = message(&mut bench, "bob");
    bench.wait(SECOND);
    let tone = info(&mut bench, id);
    bench.wait(SECOND);
    let late = InviteOptions::new().late_offer();
    let call = bench.agent.invite("bob", late, bench.now).unwrap();
    let timeout = (Originator::Transport, Cause::Timeout);
    bench.wait(BUDGET - 2 * SECOND - MOMENT);
    let is_end =
        |event: &Event| matches!(event, Event::RequestCompleted { .. } | Event::Ended { .. });
    assert!(!bench.events.iter().any(is_end), "{:?}", bench.events);
    bench.wait(MOMENT);
    assert_eq!(finished(&mut bench), (text, timeout));
    bench.wait(SECOND);
    assert_eq!(finished(&mut bench), (tone, timeout));
    assert!(bench.agent.session(call).is_ok());
    bench.wait(SECOND);
    assert_eq!(ended(&mut bench), timeout);
    assert!(bench.agent.session(id).is_ok(), "an INFO ends no call");
    bench.reconnect(Transport::Ws);
    bench.wait(SECOND);
    registered(&mut bench, &[]);
    bench.silence();
    assert_eq!(bench.agent.table_sizes().requests, 0);
}

/// The limits of requests and calls bound what waits.
#[test]
fn conn_c_the_limits_bound_what_waits() {
    let mut limits = Limits::default();
    (limits.requests, limits.sessions) = (2, 1);
    let mut agent = UserAgent::with_limits(
        queueing().build().unwrap(),
        limits,
        Default::default(),
        random(7),
        Timestamp::ZERO,
    )
    .unwrap();
    let late = || InviteOptions::new().late_offer();
    let now = Timestamp::ZERO;
    agent.options("a", now).unwrap();
    agent.options("b", now).unwrap();
    assert_eq!(
        agent.options("c", now),
        Err(CommandError::Limit(LimitKind::Requests))
    );
    agent.invite("a", late(), now).unwrap();
    let refused = agent.invite("b", late(), now);
    assert_eq!(refused, Err(CommandError::Limit(LimitKind::Sessions)));
}

/// A call that the application ends before its INVITE went out sends nothing.
#[test]
fn conn_c_a_call_that_waits_can_be_given_up() {
    let mut bench = Bench::offline(&queueing());
    let late = InviteOptions::new().late_offer();
    let id = bench.agent.invite("bob", late, bench.now).unwrap();
    assert!(matches!(bench.agent.session(id), Ok(Session::Outgoing(_))));
    bench.hang_up(id);
    assert_eq!(ended(&mut bench), (Originator::Local, Cause::Requested));
    bench.assert_nothing_left();
    bench.reconnect(Transport::Ws);
    bench.silence();
}

/// RFC 3261 26.2.2: whether a SIPS URI can be called is seen on the connection that comes.
#[test]
fn conn_c_a_sips_uri_waits_for_a_secure_connection() {
    for transport in [Transport::Ws, Transport::Wss] {
        let mut bench = Bench::offline(&queueing());
        let text = message(&mut bench, "sips:bob@example.com");
        let late = InviteOptions::new().late_offer();
        let call = bench.agent.invite("sips:bob@example.com", late, bench.now);
        let call = call.unwrap();
        bench.reconnect(transport);
        if transport == Transport::Wss {
            assert_eq!(methods(&bench), ["MESSAGE", "INVITE"]);
        } else {
            bench.silence();
            let refused = (Originator::Local, Cause::Insecure);
            assert_eq!(finished(&mut bench), (text, refused));
            assert_eq!(ended(&mut bench), refused);
            assert!(bench.agent.session(call).is_err());
        }
    }
    let mut bench = Bench::offline(&alice());
    let refused = bench.agent.options("sips:bob@example.com", bench.now);
    assert_eq!(refused, Err(CommandError::NotConnected));
    bench.agent = Bench::offline(&queueing()).agent;
    let refused = bench.agent.options("tel:+1", bench.now);
    assert_eq!(refused, Err(CommandError::TargetScheme));
}

/// An INFO of a call that ended meanwhile is not sent.
#[test]
fn conn_c_an_info_does_not_outlive_its_call() {
    let (mut bench, id, ok) = answered(&mut queueing());
    lose(&mut bench);
    let tone = info(&mut bench, id);
    bench.reconnect(Transport::Ws);
    bench.in_dialog("BYE", 8, "bye", &ok, "");
    assert_eq!(bench.next_response().status().as_u16(), 200);
    assert_eq!(ended(&mut bench), (Originator::Peer, Cause::Bye));
    bench.wait(SECOND);
    registered(&mut bench, &[]);
    bench.silence();
    let gone = (Originator::Local, Cause::DialogGone);
    assert_eq!(finished(&mut bench), (tone, gone));
}

/// A stop without a connection waits neither for a BYE nor for a request.
#[test]
fn conn_c_stop_waits_for_nothing_without_a_connection() {
    let (mut bench, id) = up(&mut queueing());
    let (before, _) = bench.established_call();
    lose(&mut bench);
    bench.hang_up(before);
    let text = message(&mut bench, "bob");
    bench.agent.stop(None, bench.now);
    bench.pump();
    let unsent = (Originator::Local, Cause::NeverSent);
    let mut ends = Vec::new();
    for _ in 0..2 {
        ends.push(bench.expect(|event| match event {
            Event::Ended { session, reason } => Some((*session, (reason.originator, reason.cause))),
            _ => None,
        }));
    }
    assert_eq!(ends, [(id, unsent), (before, unsent)]);
    let stopped = (Originator::Local, Cause::Stopped);
    assert_eq!(finished(&mut bench), (text, stopped));
    bench.expect(|event| matches!(event, Event::Stopped { unfinished: 0 }).then_some(()));
    bench.assert_nothing_left();
    bench.silence();
}

/// A stop while the registration is pending sends the waiting messages.
#[test]
fn conn_c_stop_sends_what_the_registration_held_back() {
    let (mut bench, id) = up(&mut alice());
    lose(&mut bench);
    bench.hang_up(id);
    bench.reconnect(Transport::Ws);
    bench.silence();
    bench.agent.stop(None, bench.now);
    bench.pump();
    assert_eq!(methods(&bench), ["BYE"]);
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(&mut bench), (Originator::Local, Cause::Requested));
    bench.expect(|event| matches!(event, Event::Stopped { .. }).then_some(()));
    bench.assert_nothing_left();
}
