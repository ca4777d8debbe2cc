//! What people print: one line that reads alone.

use std::time::Duration;

use sip_core::config::LogLevel;
use sip_core::connection::{ConnectError, DisconnectReason};
use sip_core::{
    ByeFailure, Cause, DescriptionKind, Direction, EndReason, Event, ExchangeId, ExchangeOutcome,
    LogContent, LogRecord, Originator, SessionId, SubscriptionEnd, SubscriptionRetry,
    SubscriptionState, TerminationReason, Timestamp, Tone, Tones, TransferOutcome, Transport,
};
use sip_parse::{HeaderName, Method, StatusCode};
use sip_testing::{Bench, alice, value};

const SECOND: Duration = Duration::from_secs(1);

#[track_caller]
fn reads(value: impl std::fmt::Display, expected: &str) {
    assert_eq!(value.to_string(), expected);
}

/// The reason that the end of a call has, and the text of the event.
#[track_caller]
fn ended(bench: &mut Bench) -> (EndReason, String) {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((EndReason::clone(reason), event.to_string())),
        _ => None,
    })
}

/// "ended: {reason}" is a sentence for each way in which a call ends.
#[test]
fn the_end_of_a_call_reads_alone() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    bench.reply_tagged(&invite, 486, "b", &[], None);
    let (reason, event) = ended(&mut bench);
    assert_eq!(event, "call 0.1 ended: refused, by the peer: 486 Busy Here");
    reads(&reason, "refused, by the peer: 486 Busy Here");

    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.hang_up(id);
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    reads(ended(&mut bench).0, "as requested, by this side");

    let mut bench = Bench::new(&alice());
    bench.call();
    bench.lose();
    bench.wait(SECOND * 40);
    reads(ended(&mut bench).0, "no connection");

    let mut bench = Bench::new(&alice());
    bench.call();
    bench.wait(SECOND * 40);
    reads(ended(&mut bench).0, "no final response in time");
}

/// The registrar is named, and a rejected password says so.
#[test]
fn a_failed_registration_reads_alone() {
    let mut bench = Bench::new(alice().register(true));
    let register = bench.next_request();
    bench.reply(&register, 403, &[]);
    let text = bench.expect(|event| match event {
        Event::RegistrationFailed { .. } => Some(event.to_string()),
        _ => None,
    });
    assert_eq!(
        text,
        "registration failed: refused, by the registrar: 403 Forbidden; another attempt follows"
    );
}

#[test]
fn a_registration_reads_alone() {
    let mut bench = Bench::new(alice().register(true));
    let register = bench.next_request();
    let contact = value(&register, HeaderName::Contact);
    bench.reply(&register, 200, &[("Contact", &contact), ("Expires", "600")]);
    let text = bench.expect(|event| match event {
        Event::Registered(registration) => Some((registration.to_string(), event.to_string())),
        _ => None,
    });
    let expected = "registered for 600 s".to_owned();
    assert_eq!(text, (expected.clone(), expected));
}

#[test]
fn a_caller_reads_alone() {
    let mut bench = Bench::new(&alice());
    bench.feed(
        "MESSAGE sip:alice@example.com SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\nMax-Forwards: 70\n\
         From: Bob <sip:bob@example.com>;tag=1\nTo: <sip:alice@example.com>\nCall-ID: 1\nCSeq: 1 MESSAGE\n\
         Content-Type: text/plain\nContent-Length: 2\n\nHi",
    );
    let text = bench.expect(|event| match event {
        Event::IncomingRequest { .. } => Some(event.to_string()),
        _ => None,
    });
    assert_eq!(text, "MESSAGE from \"Bob\" <sip:bob@example.com>");
    let session = bench.invite_from_bob(1);
    reads(session, "0.1");
    reads(Event::Established { session }, "call 0.1 is up");
}

/// The handle of an earlier call in the same slot has another text.
#[test]
fn handles_are_short_and_never_the_same() {
    let mut bench = Bench::new(&alice());
    let (first, invite) = bench.call();
    bench.reply_tagged(&invite, 486, "b", &[], None);
    bench.pump();
    let ack = bench.next_request();
    assert_eq!(ack.method(), Method::Ack);
    bench.wait(SECOND * 40);
    bench.events.clear();
    let (second, _) = bench.call();
    assert_ne!(first.to_string(), second.to_string());
    for id in [first, second] {
        assert_eq!(format!("{id:?}"), format!("SessionId({id})"));
        let bits = SessionId::to_bits(id);
        assert_eq!(id.to_string(), format!("{}.{}", bits as u32, bits >> 32));
    }
    reads(ExchangeId::from_number(3), "3");
}

#[test]
fn plain_values_read_alone() {
    reads(Originator::Peer, "the peer");
    reads(Cause::Bye, "hung up");
    reads(Cause::Timeout, "no final response in time");
    reads(
        ByeFailure::Refused(StatusCode::SERVER_INTERNAL_ERROR),
        "500 Server Internal Error to the BYE",
    );
    reads(
        ConnectError::Upgrade(503),
        "the server answered the WebSocket handshake with HTTP status 503",
    );
    reads(DisconnectReason::Lost, "the connection broke");
    reads(SubscriptionState::Active, "active");
    let over = TerminationReason::NoResource;
    reads(
        SubscriptionState::Terminated(over.clone()),
        "terminated (noresource)",
    );
    reads(over.retry(), "never");
    reads(SubscriptionRetry::After(Some(SECOND * 5)), "after 5 s");
    reads(
        SubscriptionEnd::Terminated(over),
        "the notifier terminated it: noresource",
    );
    reads(
        TransferOutcome::Failed(StatusCode::BUSY_HERE),
        "the transfer failed: 486 Busy Here",
    );
    reads(ExchangeOutcome::Complete, "complete");
    reads(DescriptionKind::Offer, "offer");
    reads(Transport::Wss, "WSS");
    reads(Direction::Sent, "sent");
    reads(Timestamp::from_micros(12_345_678), "12.345 s");
    reads(Tone::new('#').expect("a tone"), "#");
    reads(Tones::new("12,#").expect("tones"), "12,#");
}

#[test]
fn a_log_record_is_one_line() {
    let record = |label| LogRecord {
        level: LogLevel::Warn,
        category: "sip.transport",
        label,
        content: LogContent::Disconnected {
            server: 0,
            reason: DisconnectReason::Lost,
        },
    };
    let content = "disconnected from wsServers[0]: the connection broke";
    reads(record(0), &format!("warn sip.transport: {content}"));
    reads(record(2), &format!("warn sip.transport 2: {content}"));
    reads(
        record(1 << 32),
        &format!("warn sip.transport 0.1: {content}"),
    );
    reads(
        LogContent::Response(StatusCode::BUSY_HERE),
        "the peer answered 486 Busy Here",
    );
}
