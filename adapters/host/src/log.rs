//! Passes log and trace records to `tracing`.

use core::fmt;

use sip_core::config::LogLevel;
use sip_core::{Direction, LogRecord, Timestamp, TraceRecord};

/// Writes a record to `tracing`. The target is its category; `agent` and the label of the record are fields, if
/// there are any.
pub(crate) fn log(record: &LogRecord, agent: Option<&str>) {
    let label = Some(record.label).filter(|label| *label != 0);
    write(
        (record.level, record.category),
        agent,
        label,
        format_args!("{}", record.content),
    );
}

/// Writes a sentence of the adapter to `tracing`.
pub(crate) fn note(level: LogLevel, category: &'static str, sentence: fmt::Arguments<'_>) {
    write((level, category), None, None, sentence);
}

fn write(
    (level, category): (LogLevel, &'static str),
    agent: Option<&str>,
    label: Option<u64>,
    sentence: fmt::Arguments<'_>,
) {
    /// One callsite for each pair of target and level, because `tracing` needs both at compile time.
    macro_rules! emit {
        ($($category:literal),+) => {
            match category {
                $($category => emit!(@ $category),)+
                _ => emit!(@ "sip"),
            }
        };
        (@ $target:literal) => {
            match level {
                LogLevel::Error => tracing::error!(target: $target, agent, label, "{sentence}"),
                LogLevel::Warn => tracing::warn!(target: $target, agent, label, "{sentence}"),
                LogLevel::Log => tracing::info!(target: $target, agent, label, "{sentence}"),
                LogLevel::Debug => tracing::debug!(target: $target, agent, label, "{sentence}"),
            }
        };
    }
    emit!(
        "sip.ua",
        "sip.transport",
        "sip.transaction",
        "sip.dialog",
        "sip.registration",
        "sip.session"
    );
}

/// Writes a SIP message to `tracing` with the target `sip.trace`. Credentials are blacked out unless the
/// configuration reveals them.
pub(crate) fn trace(record: &TraceRecord, now: Timestamp) {
    let way = match record.direction {
        Direction::Received => "received",
        Direction::Sent => "sent",
    };
    tracing::info!(target: "sip.trace", way, connection = record.connection.to_bits(), ?now, "{record}");
}
