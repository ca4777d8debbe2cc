//! What the log tells a person who looks for a fault.

use std::time::Duration;

use sip_core::config::{Config, LogLevel};
use sip_core::connection::ConnectError;
use sip_core::{Action, LogRecord, Transport};
use sip_testing::{Bench, alice};

fn bench(level: LogLevel, registers: bool) -> Bench {
    let mut config = alice();
    Bench::offline(config.log_level(level).register(registers))
}

/// Removes the records from the actions that the test has not read.
fn take(bench: &mut Bench) -> Vec<LogRecord> {
    let mut records = Vec::new();
    bench.others.retain(|action| match action {
        Action::Log(record) => {
            records.push(record.clone());
            false
        }
        _ => true,
    });
    records
}

/// Each record is of this level and category, and its content begins like this.
#[track_caller]
fn logged(bench: &mut Bench, expected: &[(LogLevel, &str, &str)]) {
    let records = take(bench);
    let fits = records.len() == expected.len()
        && records.iter().zip(expected).all(|(record, expected)| {
            let content = record.content.to_string();
            (record.level, record.category) == (expected.0, expected.1)
                && content.starts_with(expected.2)
        });
    assert!(fits, "{records:#?}");
}

const TRANSPORT: &str = "sip.transport";
const REGISTRATION: &str = "sip.registration";
const SESSION: &str = "sip.session";
const UA: &str = "sip.ua";

/// Connection and registration: opened, refused, granted, lost, tried again, given back.
#[test]
fn fault_c9_the_life_of_connection_and_registration_is_logged() {
    use LogLevel::{Log, Warn};
    let mut bench = bench(Log, true);
    logged(
        &mut bench,
        &[(Log, TRANSPORT, "connecting to wsServers[0], attempt 1")],
    );
    let connection = bench.connect_asked();
    let refused = ConnectError::Refused;
    bench
        .agent
        .connection_failed(connection, refused, bench.now);
    bench.pump();
    logged(
        &mut bench,
        &[
            (
                Warn,
                TRANSPORT,
                "cannot connect to wsServers[0]: the server refused",
            ),
            (Log, TRANSPORT, "next attempt in "),
        ],
    );
    bench.reconnect(Transport::Ws);
    take(&mut bench);
    let register = bench.next_request();
    bench.reply(&register, 503, &[]);
    logged(
        &mut bench,
        &[(Warn, REGISTRATION, "registration failed, next attempt in ")],
    );
    while bench.sent.is_empty() {
        bench.wait(Duration::from_secs(1));
    }
    let register = bench.next_request();
    let contact = format!("{};expires=60", bench.agent.contact());
    bench.reply(&register, 200, &[("Contact", &contact)]);
    logged(
        &mut bench,
        &[(Log, REGISTRATION, "registered on flow 1 for 60 s")],
    );
    bench.agent.unregister(bench.now).unwrap();
    bench.pump();
    let register = bench.next_request();
    bench.reply(&register, 200, &[]);
    logged(
        &mut bench,
        &[(Log, REGISTRATION, "unregistered: as requested")],
    );
    bench.lose();
    let records = take(&mut bench);
    assert_eq!(records[0].level, Warn);
    assert_eq!(
        records[0].content.to_string(),
        "disconnected from wsServers[0]: the connection broke"
    );
}

/// A registration that the core does not try again is an error, because no peer reaches the agent.
#[test]
fn fault_c9_a_registration_that_stops_is_an_error() {
    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .server("ws://127.0.0.1:5080")
        .log_level(LogLevel::Error);
    let mut bench = Bench::offline(&config);
    bench.open(Transport::Ws);
    let register = bench.next_request();
    let challenge = r#"Digest realm="example.com", nonce="n", qop="auth""#;
    bench.reply(&register, 401, &[("WWW-Authenticate", challenge)]);
    let content = "registration failed, no further attempt: credentials refused or missing";
    logged(&mut bench, &[(LogLevel::Error, REGISTRATION, content)]);
}

/// A call from its beginning to its end, and a request that the core refuses.
#[test]
fn fault_c9_the_life_of_a_call_and_a_refusal_are_logged() {
    use LogLevel::Log;
    let mut bench = bench(Log, false);
    bench.open(Transport::Ws);
    bench.events.clear();
    take(&mut bench);
    let (id, invite) = bench.call();
    bench.reply(&invite, 180, &[]);
    bench.reply_tagged(
        &invite,
        200,
        "peer",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(sip_testing::OFFER),
    );
    bench.hang_up(id);
    logged(
        &mut bench,
        &[
            (Log, SESSION, "calls sip:bob@example.com"),
            (Log, SESSION, "the peer answered 180"),
            (Log, SESSION, "the call is established"),
        ],
    );
    let ack = bench.next_request();
    assert_eq!(ack.method(), sip_parse::Method::Ack);
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    logged(&mut bench, &[(Log, SESSION, "the call is over: ")]);
    let user = bench.contact_user();
    bench.feed(&format!(
        "REFER sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=1\nTo: <sip:alice@example.com>\nCall-ID: 1\nCSeq: 1 REFER\n\
         Refer-To: <sip:c@example.com>\nContent-Length: 0\n\n"
    ));
    logged(
        &mut bench,
        &[(Log, UA, "answered 403 Forbidden: REFER is not allowed")],
    );
}

/// At level `debug` every record of a call has the label of the call, and every record of a transaction and of a
/// connection its own, so that the lines of one thing can be found among those of others.
#[test]
fn fault_c9_records_have_the_label_of_their_call_or_transaction() {
    let mut bench = bench(LogLevel::Debug, false);
    bench.open(Transport::Ws);
    bench.events.clear();
    let connected = take(&mut bench);
    let connection = bench.connection.to_bits();
    let label = |content: &str| {
        let mut records = connected.iter();
        let found = records.find(|record| record.content.to_string().starts_with(content));
        found
            .unwrap_or_else(|| panic!("{content}: {connected:#?}"))
            .label
    };
    assert_eq!(label("connected to "), connection);
    let (id, _) = bench.established_call();
    bench.hang_up(id);
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    let records = take(&mut bench);
    let of = |category: &str| {
        let records = records.iter().filter(|record| record.category == category);
        records.collect::<Vec<_>>()
    };
    for category in [SESSION, "sip.dialog"] {
        let records = of(category);
        assert!(records.len() >= 2, "{records:#?}");
        assert!(records.iter().all(|record| record.label == id.to_bits()));
    }
    let transactions = of("sip.transaction");
    let told = |content: &str| {
        let mut records = transactions.iter();
        let found = records.find(|record| record.content.to_string() == content);
        found
            .unwrap_or_else(|| panic!("{content}: {transactions:#?}"))
            .label
    };
    let (invite, bye) = (told("sent INVITE"), told("sent BYE"));
    assert_ne!(invite, bye);
    let answered = transactions.iter().filter(|record| record.label == invite);
    assert_eq!(answered.count(), 2, "sent, and answered: {transactions:#?}");
    // RFC 3261 section 17.1.2.2: timer F.
    bench.agent.options("bob", bench.now).unwrap();
    bench.pump();
    bench.wait(Duration::from_secs(40));
    let records = take(&mut bench);
    let sent = &records[0];
    assert_eq!(sent.content.to_string(), "sent OPTIONS");
    let timed_out = records
        .iter()
        .find(|record| record.content.to_string() == "the transaction timed out");
    assert_eq!(timed_out.unwrap().label, sent.label);
}

/// What is dropped is logged with the cause, at level `debug` with the label of its connection.
#[test]
fn fault_c9_a_dropped_message_is_logged_with_its_cause() {
    let mut bench = bench(LogLevel::Debug, false);
    bench.open(Transport::Ws);
    take(&mut bench);
    let connection = bench.connection.to_bits();
    bench.feed(
        "SIP/2.0 200 OK\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\nFrom: <sip:a@example.com>;tag=1\n\
         To: <sip:b@example.com>;tag=2\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    );
    let records = take(&mut bench);
    let record = records.last().expect("a record");
    assert!(
        record
            .content
            .to_string()
            .starts_with("ignored a message: ")
    );
    assert_eq!((record.level, record.label), (LogLevel::Debug, connection));
}

/// A level leaves out what is less severe, and records are in the queue before the event that they tell of, so that
/// a log and what the application prints agree.
#[test]
fn fault_c9_nothing_is_logged_below_the_level() {
    for level in LogLevel::ALL {
        let mut bench = bench(level, true);
        bench.open(Transport::Ws);
        let register = bench.next_request();
        bench.reply(&register, 503, &[]);
        bench.lose();
        let records = take(&mut bench);
        assert!(records.iter().all(|record| record.level <= level));
        assert_eq!(records.is_empty(), level == LogLevel::Error, "{records:#?}");
        let unlabelled = records.iter().all(|record| record.label == 0);
        assert_eq!(unlabelled, level < LogLevel::Debug);
    }
}

/// The addresses in records have neither the password nor the parameters of a URI, and requests name their method.
#[test]
fn records_of_calls_and_requests_have_no_password() {
    let mut bench = bench(LogLevel::Log, false);
    bench.open(Transport::Ws);
    take(&mut bench);
    let target = "sip:bob:secret@example.com:5070;token=secret";
    let sent = bench
        .agent
        .message(
            target,
            sip_core::Body::new("text/plain", "Hello"),
            bench.now,
        )
        .unwrap();
    let call = bench.agent.invite(target, Default::default(), bench.now);
    bench.pump();
    let records = take(&mut bench);
    let texts: Vec<String> = records
        .iter()
        .map(|record| record.content.to_string())
        .collect();
    assert_eq!(
        texts,
        [
            "sends MESSAGE to sip:bob@example.com:5070",
            "calls sip:bob@example.com:5070"
        ]
    );
    use sip_core::LogContent::{Calling, Requesting};
    assert!(matches!(&records[0].content, Requesting { request, .. } if *request == sent));
    let Calling { session, parties } = &records[1].content else {
        panic!("{records:?}");
    };
    assert_eq!((Ok(*session), parties.call_id.is_empty()), (call, false));
}
