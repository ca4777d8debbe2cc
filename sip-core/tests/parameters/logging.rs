//! Log and trace records.

use sip_core::config::LogLevel;
use sip_core::{Action, Direction, LogRecord, TraceRecord};

use sip_testing::{Bench, alice};

/// The records of a busy moment: a refusal (log), a malformed message (warn), a stray one (debug).
fn records(level: LogLevel, builtin: bool) -> Vec<LogRecord> {
    let mut config = alice();
    config.log_level(level).log_builtin_enabled(builtin);
    let mut bench = Bench::new(&config);
    let request = |method: &str, uri: &str| {
        format!(
            "{method} {uri} SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: 1\nCSeq: 1 {method}\n\
             Content-Length: 0\n\n"
        )
    };
    bench.feed(&request("OPTIONS", "sip:nobody@x"));
    bench.feed(&request("OPTIONS", "sip:alice@x").replace("CSeq: 1", "CSeq: x"));
    bench.feed(&request("ACK", "sip:alice@x").replace("branch=z9hG4bK1", "branch=z9hG4bK2"));
    let records = bench.others.iter().filter_map(|action| match action {
        Action::Log(record) => Some(record.clone()),
        _ => None,
    });
    records.collect()
}

/// CFG-LOG: each level lets through itself and what is worse; without one it is `log`.
pub(crate) fn cfg_log_level_filters() {
    for level in LogLevel::ALL {
        let records = records(level, true);
        assert!(records.iter().all(|record| record.level <= level));
        let worst = |level| records.iter().any(|record| record.level == level);
        assert_eq!(worst(LogLevel::Warn), level >= LogLevel::Warn);
        assert_eq!(worst(LogLevel::Log), level >= LogLevel::Log);
        assert_eq!(worst(LogLevel::Debug), level >= LogLevel::Debug);
    }
    assert_eq!(alice().build().unwrap().log().level, LogLevel::Log);
}

/// CFG-LOG: the connector gets level, category, label and content; the label identifies a transaction or
/// connection at level `debug`, and is 0 below.
pub(crate) fn cfg_log_connector_gets_category_label_and_content() {
    let debug = records(LogLevel::Debug, true);
    let refusal = debug
        .iter()
        .find(|record| record.category == "sip.ua" && record.level == LogLevel::Log)
        .expect("a refusal");
    assert_eq!(
        refusal.content.to_string(),
        "answered 404 Not Found: the Request-URI is not ours"
    );
    assert_ne!(refusal.label, 0);
    let malformed = debug
        .iter()
        .find(|record| record.category == "sip.transport" && record.level == LogLevel::Warn)
        .expect("a malformed message");
    assert!(malformed.content.to_string().contains("CSeq"));
    assert_ne!(malformed.label, 0);
    for level in [LogLevel::Warn, LogLevel::Log] {
        let records = records(level, true);
        assert!(!records.is_empty());
        assert!(records.iter().all(|record| record.label == 0));
    }
}

/// `log.builtinEnabled` is carried out by the adapter: the core's records are the same.
pub(crate) fn cfg_log_builtin_is_the_adapters() {
    assert_eq!(
        records(LogLevel::Debug, true),
        records(LogLevel::Debug, false)
    );
}

/// The traces of a REGISTER, its challenge and the answer to it.
fn traces(trace: bool, credentials: bool, level: LogLevel) -> Vec<TraceRecord> {
    let mut config = alice();
    config
        .register(true)
        .trace_sip(trace)
        .trace_sip_credentials(credentials)
        .log_level(level);
    let mut bench = Bench::new(&config);
    let request = bench.next_request();
    let challenge = r#"Digest realm="r", nonce="n", qop="auth""#;
    bench.reply(&request, 401, &[("WWW-Authenticate", challenge)]);
    let traces = bench.others.iter().filter_map(|action| match action {
        Action::Trace(record) => Some(record.clone()),
        _ => None,
    });
    traces.collect()
}

/// CFG-LOG: each message once, in both directions, at any log level, with the credentials redacted.
pub(crate) fn cfg_log_trace_sip_whatever_the_level() {
    assert_eq!(traces(false, false, LogLevel::Debug), []);
    for level in LogLevel::ALL {
        let traces = traces(true, false, level);
        let ways: Vec<Direction> = traces.iter().map(|trace| trace.direction).collect();
        assert_eq!(
            ways,
            [Direction::Sent, Direction::Received, Direction::Sent]
        );
        let text = traces[2].to_string();
        assert!(
            text.contains("Authorization: Digest [redacted]\r\n"),
            "{text}"
        );
        assert!(!text.contains("response="), "{text}");
    }
}

/// `traceSipCredentials`: the same bytes as on the wire.
pub(crate) fn trace_sip_credentials_shows_them() {
    let traces = traces(true, true, LogLevel::Error);
    let text = traces[2].to_string();
    assert!(text.contains("response=\""), "{text}");
    assert_eq!(text.as_bytes(), &traces[2].bytes[..]);
}
