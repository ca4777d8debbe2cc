//! The effects of a suspended host on an agent: its clock jumps by an hour.

use std::time::Duration;

use sip_core::connection::DisconnectReason;
use sip_core::{Action, Cause, ConnectionInfo, Event, Originator, Session, Timestamp, Transport};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

const HOUR: Duration = Duration::from_secs(3_600);

/// Registered for 600 s, without keep-alive, so that nothing but the sleep puts the flow in doubt.
fn registered() -> Bench {
    let mut config = alice();
    config.register(true).keep_alive_interval(Duration::ZERO);
    let mut bench = Bench::new(&config);
    let register = bench.next_request();
    grant(&mut bench, &register, 600);
    bench.events.clear();
    bench
}

fn grant(bench: &mut Bench, register: &Request, expires: u32) {
    assert_eq!(register.method(), Method::Register);
    let contact = value(register, HeaderName::Contact);
    let (head, _) = contact.rsplit_once(";expires=").expect("expires");
    let contact = format!("{head};expires={expires}");
    bench.reply(register, 200, &[("Contact", &contact)]);
}

/// Advances the clock without a tick.
fn sleep(bench: &mut Bench, time: Duration) {
    bench.now = bench.now + time;
}

fn wake(bench: &mut Bench) {
    bench.agent.tick(bench.now).expect("tick");
    bench.pump();
}

fn pings(bench: &Bench) -> usize {
    let is_ping = |action: &&Action| matches!(action, Action::Ping { .. });
    bench.others.iter().filter(is_ping).count()
}

/// The events so far, reduced to the ones that matter here.
fn told(bench: &mut Bench) -> Vec<String> {
    let name = |event| match event {
        Event::Registered(_) => "registered".to_owned(),
        Event::Unregistered { reason } => format!("unregistered: {:?}", reason.cause),
        Event::RegistrationFailed { reason, .. } => format!("failed: {:?}", reason.cause),
        Event::Disconnected { reason, .. } => format!("disconnected: {reason:?}"),
        Event::Ended { reason, .. } => format!("ended: {:?}", reason.cause),
        other => format!("{other:?}")
            .split([' ', '('])
            .next()
            .unwrap_or_default()
            .to_lowercase(),
    };
    bench.events.drain(..).map(name).collect()
}

fn methods(bench: &mut Bench) -> Vec<String> {
    let requests = bench.sent.drain(..);
    let requests = requests.filter_map(|message| message.into_request().ok());
    requests
        .map(|request| request.method().to_string())
        .collect()
}

/// The flow is as good as before: one REGISTER, one probe, and no new connection.
#[test]
fn a_flow_that_outlived_the_sleep_is_kept() {
    let mut bench = registered();
    bench.answers_pings = false;
    sleep(&mut bench, HOUR);
    wake(&mut bench);
    assert_eq!(pings(&bench), 1);
    let register = bench.next_request();
    grant(&mut bench, &register, 600);
    bench.agent.pong(bench.connection, bench.now);
    bench.pump();
    assert_eq!(told(&mut bench), ["unregistered: Expired", "registered"]);
    bench.answers_pings = true;
    bench.wait(60 * SECOND);
    bench.silence();
    bench.no_events();
}

/// The host does not know that the flow is dead. The agent finds out and is registered again within seconds. Bytes
/// that arrived before the sleep do not prove that the flow lives.
#[test]
fn a_flow_that_died_in_the_sleep_is_replaced_within_seconds() {
    let mut bench = registered();
    bench.answers_pings = false;
    sleep(&mut bench, HOUR);
    let woke = bench.now;
    bench.feed_bytes(&b"\r\n"[..]);
    wake(&mut bench);
    bench.wait(4 * SECOND);
    assert_eq!(methods(&mut bench), ["REGISTER"]);
    assert_eq!(
        told(&mut bench),
        [
            "unregistered: Expired",
            "disconnected: KeepAlive",
            "failed: ConnectionLost",
            "reconnectscheduled",
            "connecting",
        ]
    );
    bench.connection = bench.connect_asked();
    let info = ConnectionInfo {
        transport: Transport::Ws,
        remote: None,
    };
    bench
        .agent
        .connection_opened(bench.connection, info, bench.now);
    bench.answers_pings = true;
    bench.wait(SECOND);
    let register = bench.next_request();
    grant(&mut bench, &register, 600);
    assert_eq!(told(&mut bench), ["connected", "registered"]);
    assert!(bench.now.saturating_since(woke) <= 5 * SECOND);
    bench.wait(60 * SECOND);
    bench.silence();
}

/// Bytes that waited in the socket put off the deadline of the keep-alive; they must not hide the sleep.
#[test]
fn bytes_from_before_the_sleep_do_not_vouch_for_the_flow() {
    let mut config = alice();
    let mut bench = Bench::new(config.keep_alive_interval(30 * SECOND));
    bench.answers_pings = false;
    sleep(&mut bench, HOUR);
    bench.feed_bytes(&b"\r\n"[..]);
    wake(&mut bench);
    assert_eq!(pings(&bench), 1);
}

/// A tick that is a few seconds late causes no ping, because the host may just be busy.
#[test]
fn a_tick_that_is_a_little_late_is_no_sleep() {
    let mut bench = registered();
    bench.wait(470 * SECOND);
    bench.answers_pings = false;
    let due = bench.agent.next_tick().expect("refresh");
    bench.now = due + 4 * SECOND;
    wake(&mut bench);
    assert_eq!(pings(&bench), 0);
    assert_eq!(methods(&mut bench), ["REGISTER"]);
}

/// Only its own timers end a call: the confirmed call goes on, the unanswered call ends, and so does the call
/// without ACK.
#[test]
fn only_calls_whose_own_time_is_up_are_ended() {
    let mut bench = registered();
    let (up, invite) = bench.established_call();
    let (calling, _) = bench.call();
    let ringing = bench.invite_from_bob(1);
    bench.sent.clear();
    bench.events.clear();
    sleep(&mut bench, HOUR);
    wake(&mut bench);
    bench.wait(SECOND);
    let mut ended = Vec::new();
    bench.events.retain(|event| {
        if let Event::Ended { session, reason } = event {
            ended.push((*session, reason.cause));
        }
        true
    });
    ended.sort_by_key(|(session, _)| *session == ringing);
    assert_eq!(
        ended,
        [(calling, Cause::Timeout), (ringing, Cause::NoAnswer)]
    );
    let sent = methods(&mut bench);
    assert!(!sent.contains(&"BYE".to_owned()), "{sent:?}");
    assert!(matches!(
        bench.agent.session(up),
        Ok(Session::Established(_))
    ));
    bench.hang_up(up);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    assert_eq!(bye.call_id().unwrap(), invite.call_id().unwrap());
    bench.reply(&bye, 200, &[]);
    bench.expect(|event| {
        matches!(event, Event::Ended { session, reason }
            if *session == up && reason.originator == Originator::Local)
        .then_some(())
    });
}

/// A message that arrived before the wake-up counts as in time although its timer has passed: the ACK of a call,
/// and the response to a request.
#[test]
fn what_arrived_before_the_tick_is_in_time() {
    let mut bench = registered();
    let session = bench.invite_from_bob(1);
    bench.accept(session);
    bench.describe(session, OFFER);
    let accepted = bench.next_response();
    let options = bench
        .agent
        .options("sip:bob@example.com", bench.now)
        .unwrap();
    bench.pump();
    let asked = bench.next_request();
    bench.events.clear();
    sleep(&mut bench, HOUR);
    bench.in_dialog("ACK", 7, "ack", &accepted, "");
    bench.reply(&asked, 200, &[]);
    wake(&mut bench);
    bench.expect(|event| {
        matches!(event, Event::Established { session: id } if *id == session).then_some(())
    });
    let outcome = bench.expect(|event| match event {
        Event::RequestCompleted { request, outcome } if *request == options => {
            Some(format!("{outcome:?}"))
        }
        _ => None,
    });
    assert!(outcome.contains("200"), "{outcome}");
    assert!(matches!(
        bench.agent.session(session),
        Ok(Session::Established(_))
    ));
}

/// The agent refuses a jump of more than seven days until the host calls `resume`, and changes nothing until then.
/// It takes a clock that goes back as one that stands still.
#[test]
fn a_week_must_be_vouched_for_and_time_never_goes_back() {
    let mut bench = registered();
    let due = bench.agent.next_tick();
    sleep(&mut bench, Duration::from_secs(7 * 86_400 + 1));
    let jump = bench.agent.tick(bench.now).unwrap_err();
    assert_eq!(jump.by, Duration::from_secs(7 * 86_400 + 1));
    bench.pump();
    bench.no_events();
    bench.silence();
    assert_eq!(bench.agent.next_tick(), due);
    // The agent accepts an input with such a time, at the last valid time.
    bench.feed_bytes(&b"\r\n\r\n"[..]);
    bench.no_events();
    assert_eq!(bench.agent.next_tick(), due);
    bench.agent.resume(bench.now);
    bench.pump();
    let register = bench.next_request();
    grant(&mut bench, &register, 600);
    assert_eq!(told(&mut bench), ["unregistered: Expired", "registered"]);

    let due = bench.agent.next_tick();
    bench.agent.tick(Timestamp::ZERO).unwrap();
    bench.agent.resume(Timestamp::ZERO);
    assert_eq!(bench.agent.next_tick(), due);
    bench.pump();
    bench.silence();
    let lost = bench.connection;
    bench
        .agent
        .connection_closed(lost, DisconnectReason::Lost, Timestamp::ZERO);
    bench.pump();
    let next = bench.agent.next_tick().expect("reconnection");
    assert!(next >= bench.now, "reckoned from the last time seen");
}

/// The clock of a host may stand at its end, where every deadline is due.
#[test]
fn a_deadline_at_the_end_of_time_is_a_deadline() {
    let mut bench = registered();
    for _ in 0..8 {
        bench.agent.resume(Timestamp::MAX);
        assert_eq!(bench.agent.next_tick(), Some(Timestamp::MAX));
    }
}
