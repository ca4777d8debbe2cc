//! Log and trace records, and the order of bytes and deadlines.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sip_core::config::{Config, LogLevel};
use sip_core::{Cause, Direction, Event, Originator};
use sip_tokio::{Agent, Clock, Options};
use tokio_tungstenite::tungstenite::Message;

use common::{accept, listen, next_text, request, send, until};

/// `traceSip` passes each message once, `log.connector` the errors in it.
#[tokio::test]
async fn the_connectors_get_every_record() {
    let (listener, port) = listen().await;
    let config = Config::builder()
        .uri("sip:alice@example.com")
        .server(format!("ws://127.0.0.1:{port}"))
        .register(false)
        .trace_sip(true)
        .log_level(LogLevel::Debug)
        .log_builtin_enabled(false)
        .build()
        .unwrap();
    let (traced, logged) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(Mutex::new(Vec::new())),
    );
    let mut options = Options::default();
    let record = traced.clone();
    options.trace_connector = Some(Box::new(move |trace, _| {
        record
            .lock()
            .unwrap()
            .push((trace.direction, trace.bytes.clone()));
    }));
    let record = logged.clone();
    options.log_connector = Some(Box::new(move |log| {
        record.lock().unwrap().push(log.content.to_string());
    }));
    let (_handle, _events) = common::commanded(Agent::start(config, options));
    let (stream, _) = listener.accept().await.unwrap();
    let mut server = accept(stream, Some("sip")).await;
    let malformed = request("OPTIONS", 1, "").replace("CSeq: 1", "CSeq: x");
    send(&mut server, Message::text(malformed.clone())).await;
    let answer = next_text(&mut server).await;
    assert!(answer.starts_with("SIP/2.0 400 "), "{answer}");
    let traced = traced.lock().unwrap();
    assert_eq!(traced.len(), 2);
    assert_eq!(
        (traced[0].0, &traced[0].1[..]),
        (Direction::Received, malformed.as_bytes())
    );
    assert_eq!(
        (traced[1].0, &traced[1].1[..]),
        (Direction::Sent, answer.as_bytes())
    );
    let logged = logged.lock().unwrap();
    assert!(
        logged.iter().any(|line| line.contains("CSeq")),
        "{logged:?}"
    );
}

/// After a long pause of the host, messages that have arrived go before the time: a call that was cancelled in
/// time is cancelled (487), not unanswered (408).
#[tokio::test(flavor = "current_thread")]
async fn bytes_that_have_arrived_go_before_a_deadline_that_has_passed() {
    /// Longer than the test takes, so that only its clock brings it about.
    const NO_ANSWER: Duration = Duration::from_secs(3_600);
    let (listener, port) = listen().await;
    let config = Config::builder()
        .uri("sip:alice@example.com")
        .server(format!("ws://127.0.0.1:{port}"))
        .register(false)
        .no_answer_timeout(NO_ANSWER)
        .build()
        .unwrap();
    let clock = Clock::start();
    let mut options = Options::default();
    options.clock = clock.clone();
    let (_handle, mut events) = common::commanded(Agent::start(config, options));
    let (stream, _) = listener.accept().await.unwrap();
    let mut server = accept(stream, Some("sip")).await;
    let invite = request("INVITE", 1, "");
    send(&mut server, Message::text(invite.clone())).await;
    until(&mut events, |event| {
        matches!(event, Event::IncomingCall { .. }).then_some(())
    })
    .await;
    let cancel = invite
        .replacen("INVITE", "CANCEL", 1)
        .replace("1 INVITE", "1 CANCEL");
    send(&mut server, Message::text(cancel)).await;
    // The laptop is closed. The one thread of this runtime does nothing else before the agent looks at the clock.
    clock.slept(NO_ANSWER);
    let reason = until(&mut events, |event| match event {
        Event::Ended { reason, .. } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(
        (reason.originator, reason.cause),
        (Originator::Peer, Cause::Cancelled)
    );
}
