//! The effects of a dropped connection: one test for each row of the table in `docs/reachability.md`, by
//! name. Each drops the connection in two ways: it is closed, and it goes silent.

use sip_core::config::{Authentication, ConfigBuilder};
use sip_core::connection::DisconnectReason;
use sip_core::{
    Action, AuthorizationFailed, Body, CommandError, EndReason, Event, InviteOptions,
    MessageOptions, Session, SessionId, SubscriptionEnd, Transport,
};
use sip_parse::{HeaderName, Message, Method, Request, Response};
use sip_testing::{
    Bench, OFFER, SECOND, alice, description_needed, exchange_ended, remote_description, value,
};

#[path = "connection_drops/notifying.rs"]
mod notifying;
#[path = "connection_drops/publishing.rs"]
mod publishing;
#[path = "connection_drops/subscribed.rs"]
mod subscribed;

const ANSWER: &str = "v=0\r\no=- 2 2 IN IP4 192.0.2.1\r\n";
const LOST: &str = "Transport ConnectionLost";

/// How a connection drops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Drop {
    /// The host reports it.
    Closed,
    /// The peer answers no ping any more.
    Silent,
}

const DROPS: [Drop; 2] = [Drop::Closed, Drop::Silent];

/// Alice registers. Her agent pings so often that it notices a dead connection before any transaction times out.
fn config() -> ConfigBuilder {
    let mut config = alice();
    config.register(true).keep_alive_interval(5 * SECOND);
    config
}

fn online(config: &ConfigBuilder) -> Bench {
    let mut bench = Bench::new(config);
    registers(&mut bench);
    bench.events.clear();
    bench
}

/// The next message is a REGISTER, and is accepted.
fn registers(bench: &mut Bench) -> Request {
    let request = bench.next_request();
    assert_eq!(request.method(), Method::Register);
    let contact = value(&request, HeaderName::Contact);
    bench.reply(&request, 200, &[("Contact", &contact)]);
    request
}

/// The connection drops; the events that this causes.
fn lose(bench: &mut Bench, drop: Drop) -> Vec<String> {
    bench.events.clear();
    bench.sent.clear();
    let reason = match drop {
        Drop::Closed => {
            let reason = DisconnectReason::Lost;
            bench
                .agent
                .connection_closed(bench.connection, reason, bench.now);
            bench.pump();
            reason
        }
        Drop::Silent => {
            bench.answers_pings = false;
            let start = bench.now;
            while bench.agent.is_connected() {
                bench.wait(SECOND / 10);
            }
            assert!(bench.now.saturating_since(start) < 16 * SECOND);
            bench.answers_pings = true;
            // Repeats of a 2xx, into the void.
            bench.sent.clear();
            let is_ours = |action: &Action| {
                matches!(action, Action::Disconnect { connection, reason: DisconnectReason::KeepAlive }
                    if *connection == bench.connection)
            };
            assert!(bench.others.iter().any(is_ours));
            DisconnectReason::KeepAlive
        }
    };
    let first = bench.event();
    assert!(
        matches!(first, Event::Disconnected { reason: why, .. } if why == reason),
        "{first:?}"
    );
    told(bench)
}

/// A connection opens again. After a jitter below one second the agent sends REGISTER and nothing else; the
/// registrar accepts it. Later messages are in `bench.sent`; returns the events.
fn back(bench: &mut Bench) -> Vec<String> {
    bench.events.clear();
    bench.reconnect(Transport::Ws);
    bench.silence();
    bench.wait(SECOND);
    assert_eq!(methods(bench), ["REGISTER"]);
    registers(bench);
    let mut told = told(bench);
    let registered = told.iter().position(|event| event == "Registered");
    told.remove(registered.expect("Registered"));
    told
}

fn why(reason: &EndReason) -> String {
    format!("{:?} {:?}", reason.originator, reason.cause)
}

/// An event of an offer/answer exchange.
fn exchange(event: &Event) -> Option<String> {
    if let Some(request) = description_needed(event) {
        return Some(format!("DescriptionNeeded: {:?}", request.kind));
    }
    if let Some((_, kind, _)) = remote_description(event) {
        return Some(format!("RemoteDescription: {kind:?}"));
    }
    Some(match exchange_ended(event)?.outcome {
        Ok(()) => "exchange complete".to_owned(),
        Err(reason) => format!("exchange over: {}", why(&reason)),
    })
}

/// The events so far, except those of the connection itself.
fn told(bench: &mut Bench) -> Vec<String> {
    let told = bench.events.drain(..).filter_map(|event| {
        if let Some(text) = exchange(&event) {
            return Some(text);
        }
        Some(match event {
            Event::Connecting { .. }
            | Event::Connected { .. }
            | Event::ConnectFailed { .. }
            | Event::ReconnectScheduled { .. } => return None,
            Event::Registered(_) => "Registered".to_owned(),
            Event::RegistrationFailed { reason, retry_at } => {
                assert_eq!(retry_at, None);
                format!("RegistrationFailed: {}", why(&reason))
            }
            Event::Unregistered { reason } => format!("Unregistered: {}", why(&reason)),
            Event::Established { .. } => "Established".to_owned(),
            Event::Ended { reason, .. } => format!("Ended: {}", why(&reason)),
            Event::RequestCompleted { outcome, .. } => {
                format!(
                    "RequestCompleted: {}",
                    why(&outcome.expect_err("a failure"))
                )
            }
            Event::Notified { .. } => "Notified".to_owned(),
            Event::SubscriptionInterrupted {
                cause: SubscriptionEnd::Failed(reason),
                ..
            } => format!("SubscriptionInterrupted: {}", why(&reason)),
            Event::SubscriptionEnded {
                cause: SubscriptionEnd::Failed(reason),
                ..
            } => format!("SubscriptionEnded: {}", why(&reason)),
            Event::SubscriptionEnded { cause, .. } => format!("SubscriptionEnded: {cause}"),
            Event::Published { .. } => "Published".to_owned(),
            Event::PublicationFailed {
                reason, retry_at, ..
            } => {
                assert_eq!(retry_at, None);
                format!("PublicationFailed: {}", why(&reason))
            }
            Event::PublicationEnded { outcome, .. } => {
                outcome.expect("removed");
                "PublicationEnded".to_owned()
            }
            Event::Stopped { unfinished } => format!("Stopped: {unfinished}"),
            Event::IncomingSubscriptionEnded { cause, .. } => format!("of a peer: {cause}"),
            other => panic!("{other:?}"),
        })
    });
    told.collect()
}

/// The events `before`, and the one that every registered agent emits after them.
fn and_unregistered(before: &[&str]) -> Vec<String> {
    let mut told: Vec<_> = before.iter().map(|&event| event.to_owned()).collect();
    told.push(format!("Unregistered: {LOST}"));
    told
}

fn methods(bench: &Bench) -> Vec<String> {
    let methods = bench.sent.iter().map(|message: &Message| {
        let request = message.as_request().expect("a request");
        request.method().to_string()
    });
    methods.collect()
}

/// The agent sends nothing, now or later.
fn nothing_follows(bench: &mut Bench) {
    bench.silence();
    bench.wait(40 * SECOND);
    bench.silence();
    let sizes = bench.agent.table_sizes();
    assert_eq!((sizes.sessions, sizes.requests, sizes.dialogs), (0, 0, 0));
}

fn describe(bench: &mut Bench, id: SessionId) -> Result<(), CommandError> {
    let described = bench.try_describe(id, Ok(Body::sdp(ANSWER)));
    bench.pump();
    described
}

/// The agent has requested an offer. Its re-INVITE moves the peer's target (RFC 3261 section 12.2.1.1), and
/// the application can hang up.
fn is_repaired(bench: &mut Bench, id: SessionId) {
    bench.silence();
    describe(bench, id).unwrap();
    refresh_follows(bench, id);
}

fn refresh_follows(bench: &mut Bench, id: SessionId) {
    let again = bench.next_request();
    assert_eq!(again.method(), Method::Invite);
    assert_eq!(again.contacts().count(), 1);
    assert!(again.to().unwrap().tag().is_some());
    let tag = String::from_utf8(again.to().unwrap().tag().unwrap().to_vec()).unwrap();
    let contact = [("Contact", "<sip:bob@192.0.2.9>")];
    bench.reply_tagged(&again, 200, &tag, &contact, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(
        told(bench),
        ["RemoteDescription: Answer", "exchange complete"]
    );
    bench.wait(40 * SECOND);
    bench.silence();
    bench.hang_up(id);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    assert_eq!(told(bench), ["Ended: Local Requested"]);
}

/// Bob calls, and the agent answers 200.
fn answered(bench: &mut Bench) -> (SessionId, Response) {
    let id = bench.invite_from_bob(1);
    bench.accept(id);
    describe(bench, id).unwrap();
    (id, bench.next_response())
}

fn reinvite(bench: &mut Bench, id: SessionId) {
    bench.reinvite(id);
}

#[test]
fn before_100() {
    for drop in DROPS {
        let mut bench = online(&config());
        let (id, _) = bench.call();
        let over = format!("exchange over: {LOST}");
        let ended = format!("Ended: {LOST}");
        let lost = and_unregistered(&[&over, &ended]);
        assert_eq!(lose(&mut bench, drop), lost);
        assert!(bench.agent.session(id).is_err());
        assert!(back(&mut bench).is_empty());
        nothing_follows(&mut bench);
    }
}

#[test]
fn after_18x() {
    for drop in DROPS {
        let mut bench = online(&config());
        let (id, invite) = bench.call();
        let contact = [("Contact", "<sip:bob@192.0.2.9>")];
        bench.reply_tagged(&invite, 180, "bob1", &contact, None);
        let over = format!("exchange over: {LOST}");
        let ended = format!("Ended: {LOST}");
        let lost = and_unregistered(&[&over, &ended]);
        assert_eq!(lose(&mut bench, drop), lost);
        assert!(bench.agent.session(id).is_err());
        assert!(back(&mut bench).is_empty());
        nothing_follows(&mut bench);
    }
}

#[test]
fn ringing() {
    for (drop, accepted) in DROPS
        .into_iter()
        .flat_map(|drop| [(drop, false), (drop, true)])
    {
        let mut bench = online(&config());
        let id = bench.invite_from_bob(1);
        match bench.agent.session(id) {
            Ok(Session::Incoming(call)) if accepted => call.answer(bench.now),
            Ok(Session::Incoming(call)) => call.ring(bench.now),
            other => panic!("{other:?}"),
        }
        bench.pump();
        let over = format!("exchange over: {LOST}");
        let ended = format!("Ended: {LOST}");
        let lost = if accepted {
            and_unregistered(&[&over, &ended])
        } else {
            and_unregistered(&[&ended])
        };
        assert_eq!(lose(&mut bench, drop), lost);
        assert_eq!(describe(&mut bench, id), Err(CommandError::Stale));
        assert!(back(&mut bench).is_empty());
        nothing_follows(&mut bench);
    }
}

/// RFC 3261 section 13.2.2.4: the ACK of a 2xx is sent by the call, not by the transaction that is lost.
#[test]
fn before_our_ack() {
    let awaited = |drop| {
        let mut bench = online(&config());
        let late = InviteOptions::new().late_offer();
        let id = bench.agent.invite("bob", late, bench.now).unwrap();
        bench.pump();
        let invite = bench.next_request();
        let contact = [("Contact", "<sip:bob@192.0.2.9>")];
        bench.reply_tagged(&invite, 200, "bob1", &contact, Some(OFFER));
        let asked = ["RemoteDescription: Offer", "DescriptionNeeded: Answer"];
        assert_eq!(told(&mut bench), asked);
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        (bench, id, invite)
    };
    for (drop, offline) in DROPS
        .into_iter()
        .flat_map(|drop| [(drop, false), (drop, true)])
    {
        let (mut bench, id, invite) = awaited(drop);
        let mut told_since = Vec::new();
        if offline {
            describe(&mut bench, id).unwrap();
            let again = describe(&mut bench, id);
            assert_eq!(again, Err(CommandError::ExchangeOver));
            assert!(matches!(bench.agent.session(id), Ok(Session::Outgoing(_))));
        }
        told_since.extend(back(&mut bench));
        if !offline {
            bench.silence();
            describe(&mut bench, id).unwrap();
            told_since.extend(told(&mut bench));
        }
        let up = [
            "exchange complete",
            "Established",
            "DescriptionNeeded: Offer",
        ];
        assert_eq!(told_since, up);
        let ack = bench.next_request();
        assert_eq!(ack.method(), Method::Ack);
        assert_eq!(ack.cseq().unwrap().number, invite.cseq().unwrap().number);
        assert_eq!(ack.body(), ANSWER.as_bytes());
        is_repaired(&mut bench, id);
    }
    let (mut bench, id, _) = awaited(Drop::Closed);
    describe(&mut bench, id).unwrap();
    bench.events.clear();
    // The peer waits 64 T1 for the ACK; the answer has seven eighths of that.
    bench.wait(28 * SECOND - SECOND / 1_000);
    assert!(told(&mut bench).is_empty());
    bench.wait(SECOND / 1_000);
    let over = format!("exchange over: {LOST}");
    assert_eq!(told(&mut bench), [over, format!("Ended: {LOST}")]);
    let (mut bench, id, _) = awaited(Drop::Closed);
    bench.hang_up(id);
    let over = "exchange over: Local Requested";
    assert_eq!(told(&mut bench), [over, "Ended: Local Requested"]);
}

/// RFC 3261 section 13.3.1.4: without the ACK the call is ended by BYE after 64 T1.
#[test]
fn before_the_peers_ack() {
    the_ack_comes_early();
    for (drop, comes) in DROPS
        .into_iter()
        .flat_map(|drop| [(drop, false), (drop, true)])
    {
        let mut bench = online(&config());
        let (id, ok) = answered(&mut bench);
        let sent = bench.now;
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        assert!(back(&mut bench).is_empty());
        bench.silence();
        if comes {
            bench.in_dialog("ACK", 7, "ack", &ok, "");
            let up = [
                "exchange complete",
                "Established",
                "DescriptionNeeded: Offer",
            ];
            assert_eq!(told(&mut bench), up);
            is_repaired(&mut bench, id);
        } else {
            bench.wait(32 * SECOND - bench.now.saturating_since(sent) - SECOND / 1_000);
            bench.silence();
            bench.wait(SECOND / 1_000);
            let bye = bench.next_request();
            assert_eq!(bye.method(), Method::Bye);
            bench.reply(&bye, 200, &[]);
            let over = ["exchange over: Transport NoAck", "Ended: Transport NoAck"];
            assert_eq!(told(&mut bench), over);
        }
    }
}

/// If the ACK arrives during the registration, the agent repairs the call after the registration.
fn the_ack_comes_early() {
    let mut bench = online(&config());
    let (id, ok) = answered(&mut bench);
    lose(&mut bench, Drop::Closed);
    bench.reconnect(Transport::Ws);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    assert_eq!(told(&mut bench), ["exchange complete", "Established"]);
    bench.wait(SECOND);
    registers(&mut bench);
    let told = told(&mut bench);
    assert_eq!(told, ["Registered", "DescriptionNeeded: Offer"]);
    is_repaired(&mut bench, id);
}

#[test]
fn confirmed() {
    for drop in DROPS {
        let mut bench = online(&config());
        let (id, _) = bench.established_call();
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        assert!(matches!(
            bench.agent.session(id),
            Ok(Session::Established(_))
        ));
        assert_eq!(back(&mut bench), ["DescriptionNeeded: Offer"]);
        is_repaired(&mut bench, id);
    }
}

#[test]
fn in_our_reinvite() {
    for drop in DROPS {
        let mut bench = online(&config());
        let (id, _) = bench.established_call();
        reinvite(&mut bench, id);
        describe(&mut bench, id).unwrap();
        assert_eq!(bench.next_request().method(), Method::Invite);
        let failed = format!("exchange over: {LOST}");
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&failed]));
        assert_eq!(back(&mut bench), ["DescriptionNeeded: Offer"]);
        is_repaired(&mut bench, id);

        let mut bench = online(&config());
        let (id, _) = bench.established_call();
        reinvite(&mut bench, id);
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        assert!(back(&mut bench).is_empty(), "it is asked for already");
        is_repaired(&mut bench, id);

        let mut bench = online(&config());
        let (id, _) = bench.established_call();
        reinvite(&mut bench, id);
        lose(&mut bench, drop);
        describe(&mut bench, id).unwrap();
        let failed = "exchange over: Local ConnectionLost";
        assert_eq!(told(&mut bench), [failed]);
        assert_eq!(back(&mut bench), ["DescriptionNeeded: Offer"]);
        is_repaired(&mut bench, id);
    }
}

#[test]
fn in_their_reinvite() {
    for (drop, accepted) in DROPS
        .into_iter()
        .flat_map(|drop| [(drop, false), (drop, true)])
    {
        let mut bench = online(&config());
        let (id, ok) = answered(&mut bench);
        bench.in_dialog("ACK", 7, "ack", &ok, "");
        let contact = "Contact: <sip:bob@bob.invalid>\n";
        bench.in_dialog("INVITE", 8, "again", &ok, contact);
        if accepted {
            describe(&mut bench, id).unwrap();
            assert_eq!(bench.next_response().status().as_u16(), 200);
        }
        let over = format!("exchange over: {LOST}");
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&over]));
        assert_eq!(bench.agent.table_sizes().timers, 0, "no timer is left");
        let described = describe(&mut bench, id);
        assert_eq!(described, Err(CommandError::ExchangeOver));
        assert_eq!(back(&mut bench), ["DescriptionNeeded: Offer"]);
        is_repaired(&mut bench, id);
    }
}

#[test]
fn in_refer() {
    for drop in DROPS {
        let mut bench = online(config().allow_out_of_dialog_refers(true));
        let (id, ok) = answered(&mut bench);
        bench.in_dialog("ACK", 7, "ack", &ok, "");
        bench.events.clear();
        let refer_to = "Refer-To: <sip:carol@example.com>\nContact: <sip:bob@bob.invalid>\n";
        bench.in_dialog("REFER", 8, "refer", &ok, refer_to);
        let refer = bench.expect(|event| match event {
            Event::IncomingRefer { refer, .. } => Some(*refer),
            _ => None,
        });
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        let late = bench
            .agent
            .accept_refer(refer, &MessageOptions::new(), bench.now);
        assert_eq!(late, Err(CommandError::Stale));
        assert_eq!(back(&mut bench), ["DescriptionNeeded: Offer"]);
        is_repaired(&mut bench, id);
        let ours = bench
            .agent
            .request(Method::Refer, "bob", None, &[], bench.now);
        assert!(matches!(ours, Err(CommandError::WrongState(_))));

        // The subscription of a REFER whose call is over: its NOTIFY waits.
        let mut bench = online(&config());
        let (_, ok) = answered(&mut bench);
        bench.in_dialog("ACK", 7, "ack", &ok, "");
        bench.events.clear();
        bench.in_dialog("REFER", 8, "refer", &ok, refer_to);
        let refer = bench.expect(|event| match event {
            Event::IncomingRefer { refer, .. } => Some(*refer),
            _ => None,
        });
        bench
            .agent
            .accept_refer(refer, &MessageOptions::new(), bench.now)
            .expect("accept");
        bench.pump();
        assert_eq!(bench.next_response().status().as_u16(), 202);
        let trying = bench.next_request();
        bench.reply(&trying, 200, &[]);
        bench.in_dialog("BYE", 9, "bye", &ok, "");
        assert_eq!(bench.next_response().status().as_u16(), 200);
        bench.events.clear();
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        bench
            .agent
            .refer_progress(refer, sip_parse::StatusCode::OK, bench.now)
            .expect("progress");
        bench.pump();
        bench.silence();
        assert!(back(&mut bench).is_empty());
        let last = bench.next_request();
        assert_eq!(last.method(), Method::Notify);
        bench.reply(&last, 200, &[]);
        nothing_follows(&mut bench);
    }
}

#[test]
fn subscribed() {
    subscribed::every_case();
}

/// RFC 6665 4.2.2: the NOTIFYs of a peer's subscription wait for the next connection, 64 T1 at most.
#[test]
fn notifying() {
    notifying::each_drop();
}

/// A request that `send` makes fails, and the agent does not resend it.
fn fails(send: impl Fn(&mut Bench)) {
    for drop in DROPS {
        let mut bench = online(&config());
        send(&mut bench);
        bench.pump();
        bench.next_request();
        let failed = format!("RequestCompleted: {LOST}");
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&failed]));
        assert!(back(&mut bench).is_empty());
        nothing_follows(&mut bench);
    }
}

#[test]
fn publishing() {
    publishing::every_case();
}

#[test]
fn message_in_flight() {
    fails(|bench| {
        let body = Body::new("text/plain", "hi");
        bench.agent.message("bob", body, bench.now).unwrap();
    });
    fails(|bench| {
        bench.agent.options("bob", bench.now).unwrap();
    });
    for drop in DROPS {
        let mut bench = online(&config());
        let (id, _) = bench.established_call();
        match bench.agent.session(id) {
            Ok(Session::Established(call)) => call.send_dtmf('1', SECOND, bench.now).unwrap(),
            other => panic!("{other:?}"),
        };
        bench.pump();
        assert_eq!(bench.next_request().method(), Method::Info);
        let failed = format!("RequestCompleted: {LOST}");
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&failed]));
        assert_eq!(back(&mut bench), ["DescriptionNeeded: Offer"]);
        is_repaired(&mut bench, id);
    }
}

#[test]
fn challenged() {
    let asks = [("WWW-Authenticate", "Bearer scope=\"sip\"")];
    let asked = |bench: &mut Bench, request: &Request| {
        bench.reply(request, 401, &asks);
        bench.expect(|event| match event {
            Event::Challenged { challenge, .. } => Some(*challenge),
            _ => None,
        })
    };
    let mut config = config();
    config.authentication(Authentication::Application);
    for drop in DROPS {
        let mut bench = online(&config);
        bench.agent.options("bob", bench.now).unwrap();
        bench.pump();
        let options = bench.next_request();
        let challenge = asked(&mut bench, &options);
        let failed = format!("RequestCompleted: {LOST}");
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&failed]));
        let late = bench
            .agent
            .authorize(challenge, Err(AuthorizationFailed), bench.now);
        assert_eq!(late, Err(CommandError::Stale));
        assert!(back(&mut bench).is_empty());
        nothing_follows(&mut bench);

        let mut bench = online(&config);
        let (_, invite) = bench.call();
        asked(&mut bench, &invite);
        bench.next_request();
        let over = format!("exchange over: {LOST}");
        let ended = format!("Ended: {LOST}");
        let lost = and_unregistered(&[&over, &ended]);
        assert_eq!(lose(&mut bench, drop), lost);
        assert!(back(&mut bench).is_empty());
        nothing_follows(&mut bench);

        let mut bench = Bench::new(&config);
        let register = bench.next_request();
        asked(&mut bench, &register);
        let failed = format!("RegistrationFailed: {LOST}");
        assert_eq!(lose(&mut bench, drop), [failed]);
        assert!(back(&mut bench).is_empty());
        nothing_follows(&mut bench);
    }
}

#[test]
fn registered() {
    for drop in DROPS {
        let mut bench = online(&config());
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        assert!(!bench.agent.is_registered());
        assert!(back(&mut bench).is_empty());
        nothing_follows(&mut bench);
    }
}

#[test]
fn registering() {
    for drop in DROPS {
        let mut bench = Bench::new(&config());
        let first = bench.next_request();
        assert_eq!(
            lose(&mut bench, drop),
            [format!("RegistrationFailed: {LOST}")]
        );
        bench.reconnect(Transport::Ws);
        bench.wait(SECOND);
        let again = registers(&mut bench);
        assert_eq!(again.call_id().unwrap(), first.call_id().unwrap());
        assert_eq!(
            again.cseq().unwrap().number,
            first.cseq().unwrap().number + 1
        );
        nothing_follows(&mut bench);
    }
}

#[test]
fn refreshing() {
    for drop in DROPS {
        let mut bench = online(&config());
        while bench.sent.is_empty() {
            bench.wait(SECOND);
        }
        assert_eq!(bench.next_request().method(), Method::Register);
        let failed = format!("RegistrationFailed: {LOST}");
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&failed]));
        assert!(back(&mut bench).is_empty());
        nothing_follows(&mut bench);
    }
}

#[test]
fn unregistering() {
    for drop in DROPS {
        let mut bench = online(&config());
        bench.agent.unregister(bench.now).unwrap();
        bench.pump();
        assert_eq!(bench.next_request().method(), Method::Register);
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        bench.reconnect(Transport::Ws);
        nothing_follows(&mut bench);
    }
}

/// RFC 3261 section 15.1.1: the agent sends the BYE again, because the first one may be lost.
#[test]
fn hanging_up() {
    for drop in DROPS {
        let mut bench = online(&config());
        let (id, _) = bench.established_call();
        bench.hang_up(id);
        assert_eq!(bench.next_request().method(), Method::Bye);
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        assert!(matches!(bench.agent.session(id), Ok(Session::Ending)));
        assert!(back(&mut bench).is_empty());
        let again = bench.next_request();
        assert_eq!(again.method(), Method::Bye);
        bench.reply(&again, 200, &[]);
        assert_eq!(told(&mut bench), ["Ended: Local Requested"]);
        nothing_follows(&mut bench);
    }
}

#[test]
fn stopping() {
    for drop in DROPS {
        let mut bench = online(&config());
        let (id, _) = bench.established_call();
        bench.agent.stop(Some(60 * SECOND), bench.now);
        bench.pump();
        assert_eq!(methods(&bench), ["BYE", "REGISTER"]);
        let expected = [
            format!("Unregistered: {LOST}"),
            "Ended: Local Requested".to_owned(),
            "Stopped: 0".to_owned(),
        ];
        assert_eq!(lose(&mut bench, drop), expected);
        assert!(bench.agent.session(id).is_err());
        let connects = |action: &Action| matches!(action, Action::Connect { .. });
        bench.wait(60 * SECOND);
        assert!(!bench.others.iter().any(connects));
        bench.silence();
        bench.assert_nothing_left();
    }
}

/// The table and the tests above have the same rows, in the same order.
#[test]
fn the_table_has_a_row_for_each_test() {
    let document = include_str!("../../docs/reachability.md");
    let section = document.split("## When the connection drops").nth(1);
    let section = section.and_then(|rest| rest.split("\n## ").next());
    let rows = section.expect("the section").lines();
    let rows = rows.filter_map(|line| line.strip_prefix("| ")).skip(1);
    let cells: Vec<Vec<&str>> = rows
        .map(|row| row.trim_end_matches(" |").split(" | ").collect())
        .collect();
    for row in &cells {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(row.iter().all(|cell| !cell.trim().is_empty()), "{row:?}");
    }
    let name = |row: &Vec<&str>| {
        let name = row[0].to_lowercase().replace(' ', "_");
        name.replace(['-', '\''], "")
    };
    let named: Vec<String> = cells.iter().map(name).collect();
    let own = include_str!("connection_drops.rs");
    let tests = own.split("#[test]\nfn ").skip(1);
    let tests: Vec<&str> = tests
        .filter_map(|test| test.split('(').next())
        .filter(|test| *test != "the_table_has_a_row_for_each_test")
        .collect();
    assert!(tests.len() > 15, "{tests:?}");
    assert_eq!(named, tests);
}
