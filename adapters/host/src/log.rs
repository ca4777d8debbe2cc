//! Log and trace records on their way to `tracing` and to the application.

use sip_core::config::LogLevel;
use sip_core::{Direction, LogRecord, Timestamp, TraceRecord};

/// Hands a record to `tracing`, under its category as the target.
pub(crate) fn log(record: &LogRecord) {
    /// `tracing` wants target and level at compile time: one callsite for each pair.
    macro_rules! emit {
        ($($category:literal),+) => {
            match record.category {
                $($category => emit!(@ $category),)+
                _ => emit!(@ "sip"),
            }
        };
        (@ $target:literal) => {
            match record.level {
                LogLevel::Error => tracing::error!(target: $target, label = record.label, "{}", record.content),
                LogLevel::Warn => tracing::warn!(target: $target, label = record.label, "{}", record.content),
                LogLevel::Log => tracing::info!(target: $target, label = record.label, "{}", record.content),
                LogLevel::Debug => tracing::debug!(target: $target, label = record.label, "{}", record.content),
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

/// Hands a SIP message to `tracing`, target `sip.trace`, credentials blacked out unless the
/// configuration says otherwise.
pub(crate) fn trace(record: &TraceRecord, now: Timestamp) {
    let way = match record.direction {
        Direction::Received => "received",
        Direction::Sent => "sent",
    };
    tracing::info!(target: "sip.trace", way, connection = record.connection.to_bits(), ?now, "{record}");
}
